/* How wide a layer is drawn, for the curve and for the grid below it, so that they line up. */

import { clamp } from "../page/numbers.js";

/** @import { Adapter } from "../page/messages.js" */

/** In the grid, before the column of targets that have no layer, as in grid.css. */
export const LOOSE_GAP = 8;
const GUTTER = 84; // what stands left of the layers, if the style does not say
const [LEAST, LEAST_FOR_FINGERS, MOST] = [14, 28, 44];

/**
 * In pixels; null while node is not on screen. Where the cells would get too narrow the grid scrolls and the curve
 * does not.
 *
 * @param {Element} node
 * @param {Adapter} adapter
 * @returns {{cell: number, width: number} | null}
 */
export function layerWidth(node, adapter) {
  const n = adapter.layers.length || 1;
  const loose = adapter.targets.some((target) => target[1] === null);
  const gutter = parseFloat(getComputedStyle(node).getPropertyValue("--lm-gutter")) || GUTTER;
  const room = node.clientWidth - gutter;
  if (room <= 0) return null;
  const coarse = matchMedia("(pointer: coarse)").matches;
  const fits = Math.floor(loose ? (room - LOOSE_GAP) / (n + 1) : room / n);
  const least = coarse ? LEAST_FOR_FINGERS : LEAST;
  const cell = clamp(fits, least, MOST);
  return { cell, width: fits >= least ? cell * n : room };
}
