/* Where a number stands on an axis. Pure functions; no DOM in here. */

import { roundTicks } from "../page/numbers.js";

/** @typedef {{min: number, max: number, at: (value: number) => number, ticks: number[]}} Axis */

/**
 * An axis that holds these numbers with a little room at both ends; `at` gives a place from 0 to 1.
 *
 * @param {number[]} values
 * @param {boolean} [zero] whether it begins at 0
 * @returns {Axis}
 */
export function axisOf(values, zero = false) {
  const lowest = zero ? 0 : Math.min(...values);
  const highest = Math.max(...values, lowest);
  const room = (highest - lowest) * 0.08 || Math.abs(highest) * 0.05 || 1;
  const min = zero ? 0 : lowest - room;
  const max = highest + room;
  return { min, max, at: (value) => (value - min) / (max - min), ticks: roundTicks(min, max) };
}

/**
 * Nats for people: as many digits as tell ticks apart.
 *
 * @param {number} value
 */
export const writeNats = (value) => String(Number(value.toPrecision(Math.abs(value) < 0.1 ? 2 : 3)));

/**
 * Where levels of detail begin among the points: the place of the first of each, the start aside.
 *
 * @param {Array<{level: number, numbers: number}>} points
 */
export function levelsAt(points) {
  return points.flatMap((point, place) => {
    const before = points[place - 1];
    const begins = point.numbers > 0 && (!before || before.numbers !== point.numbers);
    return begins ? [{ place, numbers: point.numbers }] : [];
  });
}
