/* A fader with its number. */

import { el, setAttribute } from "../page/elements.js";
import { notched, placeOf, stepByKey, within } from "../page/fader_scale.js";
import { isShortcut, onDouble } from "../page/gestures.js";
import { keyed } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { numberField } from "../page/number_field.js";
import { clamp, roundTicks, writeGain, writeShort } from "../page/numbers.js";
import { store } from "../page/store.js";

const NOTCH = 0.012; // of the range: under a finger 1 is easy to find again
const LET_GO = ["pointerup", "pointercancel"];

/** @typedef {ReturnType<typeof faderRow>} Fader */

/**
 * It has a notch at 1; a double-click puts it back there. A value outside the range stands at the edge and is marked.
 * One that fades over the reply cannot be moved.
 *
 * @param {object} options
 * @param {Record<string, string>} options.data names it for others
 * @param {string} options.name
 * @param {string} options.label
 * @param {(value: number) => void} options.set is called on every move
 * @param {Node[]} [options.extra] what stands behind its number
 * @param {boolean} [options.scale] numbers below it
 */
export function faderRow({ data, name, label, set, extra = [], scale = false }) {
  let value = 1;
  let pressed = false;
  const range = el("input", { type: "range", class: "slide", step: "any", "aria-label": label });
  const marks = scale ? el("span", { class: "marks", "aria-hidden": "true" }) : null;
  const track = el("span", { class: "track" }, range, marks);
  const field = numberField({ label: `${label}, number`, set: (v) => move(v) });
  const follows = el("span", { class: "follows", text: "follows a fade", hidden: true });
  const title = el("span", { class: "fader-name", text: name, title: name });
  const node = el("div", { class: "fader", data }, title, track, follows, field.node, ...extra);

  /** @param {number} next */
  function move(next) {
    value = next;
    draw();
    set(next);
  }

  function draw() {
    const reach = store.range();
    const { min, max } = reach;
    setAttribute(range, "min", String(min));
    setAttribute(range, "max", String(max));
    const inside = clamp(value, min, max);
    if (Number(range.value) !== inside) range.value = String(inside);
    track.style.setProperty("--at", placeOf(value, reach).toFixed(4));
    track.style.setProperty("--one", placeOf(1, reach).toFixed(4));
    track.classList.toggle("is-over", value > max);
    track.classList.toggle("is-under", value < min);
    track.classList.toggle("is-hot", value > 1);
    setAttribute(range, "aria-valuetext", writeGain(value));
    if (marks) engrave(marks, min, max);
    field.update(value);
  }

  range.addEventListener(
    "input",
    guard("fader", () => {
      const { min, max } = store.range();
      const next = notched(Number(range.value), pressed ? (max - min) * NOTCH : 0);
      if (next !== value) move(next);
    }),
  );
  range.addEventListener(
    "keydown",
    guard("fader", (/** @type {KeyboardEvent} */ event) => {
      if (isShortcut(event)) return;
      const next = stepByKey(event, value, store.range());
      if (next === null) return;
      event.preventDefault();
      move(within(next, value, store.range()));
    }),
  );
  const drop = () => {
    if (!pressed) return;
    pressed = false;
    for (const type of LET_GO) window.removeEventListener(type, drop, true);
    store.release();
  };
  range.addEventListener(
    "pointerdown",
    guard("fader", () => {
      if (pressed) return;
      pressed = true;
      store.grab();
      // On the window: the pointer may be let go anywhere.
      for (const type of LET_GO) window.addEventListener(type, drop, true);
    }),
  );
  range.addEventListener("blur", drop);
  onDouble(range, () => {
    drop();
    move(1);
  });

  draw();
  return {
    node,
    field,
    /**
     * @param {number} next
     * @param {{silent?: boolean, fades?: boolean}} [how]
     */
    update(next, { silent = false, fades = false } = {}) {
      if (!pressed) value = next;
      draw();
      node.classList.toggle("is-silent", silent);
      node.classList.toggle("is-fading", fades);
      follows.hidden = !fades;
      range.disabled = field.input.disabled = fades;
    },
  };
}

/**
 * The scale below a fader: a few round numbers.
 *
 * @param {HTMLElement} marks
 * @param {number} min
 * @param {number} max
 */
function engrave(marks, min, max) {
  keyed(
    marks,
    roundTicks(min, max),
    (v) => `${v} of ${min} to ${max}`,
    (v) => {
      const node = el("span", { text: writeShort(v) });
      node.style.setProperty("--t", String((v - min) / (max - min)));
      return { node };
    },
  );
}
