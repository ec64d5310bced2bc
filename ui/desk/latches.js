/* Buttons that are down or up: mute and solo, an adapter's switch; and why an adapter is not heard. */

import { el, setAttribute, setText } from "../page/elements.js";
import { fadersOf } from "../page/panel.js";
import { store } from "../page/store.js";

/**
 * M and S.
 *
 * @param {string} text
 * @param {string} act
 * @param {string} label
 * @param {() => void} press
 */
export function latch(text, act, label, press) {
  const node = el("button", {
    type: "button",
    class: `latch ${act}`,
    text,
    "aria-label": label,
    title: label,
    "aria-pressed": "false",
    data: { do: act },
    on: { click: press },
  });
  return { node, update: (/** @type {boolean} */ down) => setAttribute(node, "aria-pressed", String(down)) };
}

/** Why an adapter is not heard, beside its name. */
export function silentBadge() {
  const word = el("span");
  return {
    node: el("span", { class: "why" }, word),
    /** @param {string} why */
    update(why) {
      setText(word, why);
      word.hidden = !why;
    },
  };
}

/**
 * An adapter's on/off switch.
 *
 * @param {string} name
 */
export function powerSwitch(name) {
  const flip = () =>
    store.edit((panel) => {
      const faders = fadersOf(panel, name);
      faders.on = !faders.on;
    });
  const node = el(
    "button",
    {
      type: "button",
      class: "switch",
      role: "switch",
      "aria-checked": "true",
      "aria-label": `${name} on`,
      title: "On / off",
      data: { do: "on" },
      on: { click: flip },
    },
    el("span", { class: "switch-knob" }),
  );
  return { node, update: (/** @type {boolean} */ on) => setAttribute(node, "aria-checked", String(on)) };
}
