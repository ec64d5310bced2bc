/* What is drawn anew after something changed: at most once a frame, however often it changed. */

import { guard, onStop } from "./lifetime.js";

/**
 * After changed() every fn that was given to onChange runs, in the next frame.
 *
 * @param {string} what names them in a warning
 */
export function frames(what) {
  /** @type {Array<() => void>} */
  const listeners = [];
  let frame = 0;
  const draw = guard(what, () => {
    frame = 0;
    for (const fn of listeners) fn();
  });
  onStop(() => {
    if (frame) cancelAnimationFrame(frame);
    listeners.length = 0;
  });
  return {
    /** @param {() => void} fn */
    onChange(fn) {
      listeners.push(fn);
    },
    changed() {
      if (!frame) frame = requestAnimationFrame(draw);
    },
  };
}
