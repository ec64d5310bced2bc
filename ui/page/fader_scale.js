/* Where on a fader a gain stands, and which gain stands at a place. Pure functions; no DOM in here. */

import { clamp, roundGain } from "./numbers.js";

/** @typedef {{min: number, max: number}} Range how far the faders reach */

const STEP = 0.05;
const BIG_STEP = 0.25;

/**
 * The place of a gain, from 0 (the low end) to 1; what lies beyond the range stands at its end.
 *
 * @param {number} gain
 * @param {Range} range
 */
export const placeOf = (gain, { min, max }) => clamp((gain - min) / (max - min), 0, 1);

/**
 * The gain at a place: the inverse of placeOf.
 *
 * @param {number} place
 * @param {Range} range
 */
export const gainOf = (place, { min, max }) => min + clamp(place, 0, 1) * (max - min);

/**
 * A gain as a hand sets it: rounded, and 1 where it is near, so that "as loaded" is easy to find again.
 *
 * @param {number} gain
 * @param {number} reach how near is near
 */
export const notched = (gain, reach) => (Math.abs(gain - 1) < reach ? 1 : roundGain(gain));

/**
 * A gain within the range; but one that was set beyond it is not pulled in by a step towards it.
 *
 * @param {number} gain
 * @param {number} before
 * @param {Range} range
 */
export const within = (gain, before, { min, max }) => clamp(gain, Math.min(min, before), Math.max(max, before));

/**
 * The gain that a key asks for, or null: arrows by 0.05 (Shift 0.25), Home and End, Delete puts back to 1.
 *
 * @param {Pick<KeyboardEvent, "key" | "shiftKey">} event
 * @param {number} gain
 * @param {Range} range
 */
export function stepByKey(event, gain, { min, max }) {
  const step = event.shiftKey ? BIG_STEP : STEP;
  switch (event.key) {
    case "ArrowUp":
    case "ArrowRight":
      return roundGain(gain + step);
    case "ArrowDown":
    case "ArrowLeft":
      return roundGain(gain - step);
    case "PageUp":
      return roundGain(gain + BIG_STEP);
    case "PageDown":
      return roundGain(gain - BIG_STEP);
    case "Home":
      return min;
    case "End":
      return max;
    case "Delete":
    case "Backspace":
      return 1;
    default:
      return null;
  }
}
