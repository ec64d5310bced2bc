/* A field for any finite number, typed or stepped by the arrow keys. */

import { el, setText } from "./elements.js";
import { stepByKey } from "./fader_scale.js";
import { guard } from "./lifetime.js";
import { parseNumber, writeGain } from "./numbers.js";
import { store } from "./store.js";

const COMPLAINT_MS = 2600;

/**
 * A bad number is refused with a word about it and put back.
 *
 * @param {object} options
 * @param {string} options.label
 * @param {(value: number) => void} options.set is called when a good number is entered
 * @param {(value: number) => string} [options.refuse] may name a further reason
 * @param {boolean} [options.step] whether the arrow keys move it
 * @param {() => void} [options.done] after Enter and Escape
 */
export function numberField({ label, set, refuse = () => "", step = true, done }) {
  let shown = 1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const bubble = el("span", { class: "bubble", role: "alert" });
  const input = el("input", {
    type: "text",
    class: "number-input",
    inputmode: "decimal",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": label,
    maxlength: 24,
  });
  const node = el("span", { class: "number" }, input, bubble);
  const write = () => {
    input.value = writeGain(shown);
  };

  /** @param {string} why */
  function complain(why) {
    setText(bubble, why);
    node.classList.add("is-bad");
    clearTimeout(timer);
    timer = setTimeout(() => {
      node.classList.remove("is-bad");
      setText(bubble, "");
    }, COMPLAINT_MS);
  }

  function commit() {
    const typed = input.value;
    if (typed === writeGain(shown)) return;
    const value = parseNumber(typed);
    const why =
      value === null
        ? `${typed.trim() ? `\u201c${typed.trim().slice(0, 16)}\u201d` : "Nothing"} is not a number`
        : refuse(value);
    if (value === null || why) {
      write();
      complain(`${why}: ${writeGain(shown)} stays.`);
      return;
    }
    node.classList.remove("is-bad");
    shown = value;
    write();
    set(value);
  }

  input.addEventListener("blur", guard("number", commit));
  input.addEventListener("change", guard("number", commit));
  input.addEventListener("focus", () => input.select());
  input.addEventListener(
    "keydown",
    guard("number", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        commit();
        input.select();
        if (done) done();
      } else if (event.key === "Escape" && (done || input.value !== writeGain(shown))) {
        event.preventDefault();
        write();
        input.select();
        if (done) done();
      } else if (step && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
        event.preventDefault();
        commit();
        shown = stepByKey(event, shown, store.range()) ?? shown;
        write();
        set(shown);
      }
    }),
  );
  write();
  return {
    node,
    input,
    /**
     * Show a value, unless a person is typing another.
     *
     * @param {number} value
     */
    update(value) {
      const typing = document.activeElement === input && input.value !== writeGain(shown);
      shown = value;
      if (!typing && input.value !== writeGain(value)) write();
    },
  };
}
