/* What can be chosen of an adapter's components: how many, and which share of their energy. No DOM in here. */

const EACH = 16;
const STEPS = 8;

/**
 * The ranks below the largest, from the most to the least: each one of the small, and the rounder of the large.
 *
 * @param {number} largest
 */
export function rankChoices(largest) {
  /** @type {number[]} */
  const choices = [];
  for (let rank = 1; rank < largest; ) {
    choices.push(rank);
    const step = rank < EACH ? 1 : 2 ** Math.floor(Math.log2(rank / STEPS));
    rank = (Math.floor(rank / step) + 1) * step;
  }
  return choices.reverse();
}

export const SHARES = Object.freeze([0.99, 0.95, 0.9, 0.8, 0.7, 0.5]);

/**
 * A share of the energy in words.
 *
 * @param {number | null} share null is all
 */
export const writeShare = (share) =>
  share === null ? "all energy" : `${Number((share * 100).toFixed(3))} % of the energy`;
