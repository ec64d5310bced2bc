/* The few gestures that every part of the page shares. */

import { guard, listen } from "./lifetime.js";

/**
 * Double-click, or two quick taps of one finger at one place.
 *
 * @param {HTMLElement} node
 * @param {(event: MouseEvent) => void} fn
 */
export function onDouble(node, fn) {
  let tap = { at: 0, x: 0, y: 0 };
  let touched = 0;
  const safe = guard("double click", fn);
  node.addEventListener("dblclick", (event) => {
    if (event.timeStamp - touched > 700) safe(event);
  });
  node.addEventListener("pointerup", (event) => {
    if (event.pointerType !== "touch") return;
    const near = Math.abs(event.clientX - tap.x) < 24 && Math.abs(event.clientY - tap.y) < 24;
    if (near && event.timeStamp - tap.at < 350) {
      touched = event.timeStamp;
      tap = { at: 0, x: 0, y: 0 };
      // After what the second tap itself does: a browser moves a range input's thumb late.
      setTimeout(() => safe(event), 0);
    } else {
      tap = { at: event.timeStamp, x: event.clientX, y: event.clientY };
    }
  });
}

/**
 * True while a finger that came down at from (null: no finger) may still be about to scroll the page up or down.
 *
 * @param {MouseEvent | null} from
 * @param {MouseEvent} event
 */
export function mayScroll(from, event) {
  if (!from) return false;
  const dx = Math.abs(event.clientX - from.clientX);
  return dx < 8 || dx < Math.abs(event.clientY - from.clientY);
}

/**
 * Keys of ours stay ours: the host stops generating on Escape and walks messages with the arrows.
 *
 * @param {HTMLElement} root
 */
export function keepKeys(root) {
  const keep = (/** @type {KeyboardEvent} */ event) => {
    if (event.defaultPrevented || !(event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape"))
      event.stopPropagation();
  };
  root.addEventListener("keydown", keep);
  root.addEventListener("keyup", keep);
  root.addEventListener("keypress", keep);
}

/**
 * The key of a button or a field that is not for us, but for a browser's or a host's shortcut.
 *
 * @param {KeyboardEvent} event
 */
export const isShortcut = (event) => event.ctrlKey || event.metaKey || event.altKey;

/**
 * The closest element around an event's target, or null.
 *
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export const closest = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

// What one presses again and again on purpose: mute and solo, the bypass, an adapter's switch, a gain to paint with.
const AGAIN = ".lora-mixer-latch, .lora-mixer-bypass, .lora-mixer-keep, .lora-mixer-switch, .lora-mixer-brush";

/** A double click is one click: the second one would do it all again, or hit what stands in that place by then. */
export function oneClickOnly() {
  listen(
    document,
    "click",
    (/** @type {MouseEvent} */ event) => {
      const button = closest(event, ".lora-mixer button");
      if (!button || event.detail < 2 || button.matches(AGAIN)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
}
