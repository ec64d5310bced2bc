/* What was done or refused, and a button that asks before it acts. */

import { el, setText } from "./elements.js";
import { guard } from "./lifetime.js";

/**
 * A line for what was done or refused.
 *
 * @param {string} [id]
 */
export function messageLine(id) {
  const text = el("span", {});
  const close = el("button", {
    type: "button",
    class: "sign",
    text: "\u00d7",
    "aria-label": "Close this message",
    on: {
      click: () => {
        node.hidden = true;
      },
    },
  });
  const node = el("div", { class: "said", role: "status", hidden: true, id }, text, close);
  return {
    node,
    /**
     * @param {string} [what]
     * @param {boolean} [good]
     */
    say(what, good) {
      setText(text, what ?? "");
      node.hidden = !what;
      node.classList.toggle("is-wrong", Boolean(what) && good !== true);
    },
  };
}

const HASTE_MS = 350; // nobody has read a question by then
const ASKING_MS = 8000;

/**
 * A button that asks before it acts: the first press turns it into a question, for some seconds.
 *
 * @param {string} label
 * @param {string} question
 * @param {{do: string}} data
 * @param {() => void} act
 */
export function askingButton(label, question, data, act) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let askedAt = 0;
  const ask = el("button", { type: "button", class: "button small", text: label, data });
  const yes = el("button", {
    type: "button",
    class: "button small danger",
    text: question,
    hidden: true,
    data: { do: `${data.do}-yes` },
  });
  const no = el("button", {
    type: "button",
    class: "button small",
    text: "Cancel",
    hidden: true,
    data: { do: `${data.do}-no` },
  });
  /** @param {boolean} asking */
  const show = (asking) => {
    clearTimeout(timer);
    ask.hidden = asking;
    yes.hidden = no.hidden = !asking;
    askedAt = performance.now();
    if (asking) timer = setTimeout(() => show(false), ASKING_MS);
  };
  ask.addEventListener(
    "click",
    guard("asking", () => {
      show(true);
      no.focus();
    }),
  );
  no.addEventListener(
    "click",
    guard("asking", () => {
      show(false);
      ask.focus();
    }),
  );
  yes.addEventListener(
    "click",
    guard("asking", (/** @type {MouseEvent} */ event) => {
      // Two quick taps of a finger: this one was meant for the button that stood here.
      const touch = event instanceof PointerEvent && event.pointerType === "touch";
      if (touch && performance.now() - askedAt < HASTE_MS) return;
      show(false);
      act();
    }),
  );
  return { node: el("span", { class: "asking" }, ask, yes, no), button: ask };
}
