/*
 * What singular values tell, as lora_ops/energy.py and Spectrum.curve do: how many components hold a share of the
 * energy (the sum of their squares), and which share some of them hold. Pure functions; no DOM in here.
 */

/** @import { AdapterSpectrum } from "./messages.js" */

const NOTHING = 1e-12; // below this part of the strongest a value is what rounding leaves
const SLACK = 1e-6; // values come as numbers of 32 bits

/**
 * One target: its singular values beside the strongest, descending, and which share of its energy is in the strongest
 * 0, 1, 2, … of them.
 *
 * @typedef {object} Parts
 * @property {number} strongest
 * @property {number} energy
 * @property {Float32Array} ratios
 * @property {Float64Array} shares
 */

/** @param {Float32Array} ratios */
export function sharesOf(ratios) {
  const shares = new Float64Array(ratios.length + 1);
  for (let k = 0; k < ratios.length; k += 1) shares[k + 1] = shares[k] + ratios[k] ** 2;
  const whole = shares[ratios.length];
  return whole > 0 ? shares.map((share) => share / whole) : shares;
}

/**
 * The targets of an adapter out of what Python told of it, in the order of the state's.
 *
 * @param {Pick<AdapterSpectrum, "counts" | "strongest" | "ratios">} told
 * @returns {Parts[]}
 */
export function unpack({ counts, strongest, ratios }) {
  const bytes = Uint8Array.from(atob(ratios), (letter) => letter.charCodeAt(0));
  const all = new Float32Array(bytes.buffer);
  let at = 0;
  return counts.map((count, i) => {
    const own = all.subarray(at, at + count);
    at += count;
    const energy = strongest[i] ** 2 * own.reduce((sum, ratio) => sum + ratio ** 2, 0);
    return { strongest: strongest[i], energy, ratios: own, shares: sharesOf(own) };
  });
}

/**
 * How many components of a target hold this share of its energy; 0 where it adds nothing.
 *
 * @param {Parts} parts
 * @param {number} share
 */
export function needed({ strongest, ratios, shares }, share) {
  if (!strongest || !ratios.length) return 0;
  if (share >= 1) return ratios.filter((ratio) => ratio > NOTHING).length;
  return Math.max(
    1,
    shares.findIndex((held) => held >= share - SLACK),
  );
}

/**
 * How many components of a target are heard.
 *
 * @param {Parts} parts
 * @param {{rank?: number, energy?: number}} faders
 */
export function heardOf(parts, { rank = Infinity, energy = 1 }) {
  const count = Math.min(rank, parts.ratios.length);
  return energy === 1 ? count : Math.min(count, needed(parts, energy));
}

/**
 * What so many components of each target hold: of all that the adapter adds at these gains, and of single targets.
 *
 * @param {Parts[]} targets
 * @param {ArrayLike<number>} gains
 * @param {(parts: Parts) => number} count how many of it
 * @returns {{share: number, least: number, most: number, mean: number, fewest: number, greatest: number}}
 */
export function held(targets, gains, count) {
  let [whole, kept, all, known] = [0, 0, 0, 0];
  let [least, most, fewest, greatest] = [1, 0, Infinity, 0];
  targets.forEach((parts, i) => {
    if (!parts.energy) return;
    const n = count(parts);
    const share = parts.shares[Math.min(n, parts.ratios.length)];
    const energy = gains[i] ** 2 * parts.energy;
    whole += energy;
    kept += energy * share;
    least = Math.min(least, share);
    most = Math.max(most, share);
    known += 1;
    all += n;
    fewest = Math.min(fewest, n);
    greatest = Math.max(greatest, n);
  });
  if (!known) return { share: 0, least: 0, most: 0, mean: 0, fewest: 0, greatest: 0 };
  return { share: whole ? kept / whole : 0, least, most, mean: all / known, fewest, greatest };
}

/**
 * The curve of energy over rank: what the strongest 0, 1, 2, … components of every target hold. Where all gains are 0
 * it is as loaded.
 *
 * @param {Parts[]} targets
 * @param {ArrayLike<number>} gains
 */
export function curveOf(targets, gains) {
  const most = Math.max(0, ...targets.map((parts) => parts.ratios.length));
  const silent = !targets.some((parts, i) => parts.energy && gains[i]);
  const at = silent ? targets.map(() => 1) : gains;
  const points = Array.from({ length: most + 1 }, (_, k) => held(targets, at, () => k));
  return { silent, gains: at, points };
}
