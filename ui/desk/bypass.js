/*
 * Bypass: hold it to hear the base; double-click, or "Keep", and it stays. There may be several such buttons on the
 * page.
 */

import { el, setAttribute } from "../page/elements.js";
import { onDouble } from "../page/gestures.js";
import { guard } from "../page/lifetime.js";
import { store } from "../page/store.js";

let holding = 0; // bypass buttons pressed just now
let kept = false; // bypass stays when the button is let go

/** @param {boolean} on */
function bypass(on) {
  if (store.panel.bypass !== on) {
    store.edit((panel) => {
      panel.bypass = on;
    });
  }
}

/** @param {boolean} on */
function keep(on) {
  kept = on;
  bypass(on || holding > 0);
}

function letGo() {
  holding = Math.max(0, holding - 1);
  if (!holding) bypass(kept);
}

/** A reset lifts it: it does not stay when the button is let go. */
export function forgetKept() {
  kept = false;
}

export function bypassButton() {
  const button = el(
    "button",
    {
      type: "button",
      class: "button bypass",
      "aria-pressed": "false",
      "aria-label": "Bypass: hold to hear the base model",
      title: "Hold to hear the base model. Double-click, or Keep, and it stays.",
      data: { do: "bypass" },
    },
    el("span", { class: "lamp" }),
    el("span", { text: "Bypass" }),
  );
  const keeper = el("button", {
    type: "button",
    class: "button keep",
    text: "Keep",
    "aria-pressed": "false",
    "aria-label": "Keep bypass on",
    title: "Keep the bypass on without holding it",
    data: { do: "keep-bypass" },
    on: { click: () => keep(!kept) },
  });
  let down = false;
  const press = () => {
    if (down) return;
    down = true;
    holding += 1;
    bypass(true);
  };
  const lift = () => {
    if (!down) return;
    down = false;
    letGo();
  };
  button.addEventListener(
    "pointerdown",
    guard("bypass", (/** @type {PointerEvent} */ event) => {
      if (event.button) return;
      button.setPointerCapture(event.pointerId);
      press();
    }),
  );
  for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"])
    button.addEventListener(type, guard("bypass", lift));
  const isPress = (/** @type {KeyboardEvent} */ event) => event.key === " " || event.key === "Enter";
  button.addEventListener(
    "keydown",
    guard("bypass", (/** @type {KeyboardEvent} */ event) => {
      if (!isPress(event)) return;
      event.preventDefault();
      if (!event.repeat) press();
    }),
  );
  button.addEventListener(
    "keyup",
    guard("bypass", (/** @type {KeyboardEvent} */ event) => {
      if (!isPress(event)) return;
      event.preventDefault();
      lift();
    }),
  );
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is a hold, not a menu
  onDouble(button, () => keep(!kept));

  return {
    node: el("div", { class: "bypass-pair" }, button, keeper),
    /** @param {boolean} on */
    update(on) {
      if (!holding && !store.held) kept = on;
      setAttribute(button, "aria-pressed", String(on));
      setAttribute(keeper, "aria-pressed", String(kept));
    },
    lift,
  };
}
