/* What the page knows of the spectra of the adapters: asked of Python once for those that are loaded, and kept. */

import { store } from "../page/store.js";
import { unpack } from "./energy.js";
import { workedOut } from "./worked_out.js";

/** @import { Adapter } from "../page/messages.js" */
/** @import { AdapterSpectrum } from "./messages.js" */
/** @import { Parts } from "./energy.js" */

const WORKING = "Working out what rank it needed \u2026";
export const NOT_IMPORTANCE =
  "Energy is how much a component adds, not how much it matters: impact and your ears decide.";

/** @typedef {{told: AdapterSpectrum, targets: Parts[]}} Known */

const known = workedOut("spectra", (news) => news.spectra, WORKING);
/** @type {WeakMap<AdapterSpectrum, Known>} */
const unpacked = new WeakMap();

/**
 * The spectra of an adapter's targets, in their order; or why they are not known.
 *
 * @param {Adapter} adapter
 * @returns {Known | {why: string}}
 */
export function spectrumOf(adapter) {
  const all = known();
  if ("why" in all) return { why: all.why };
  const told = all.adapters[adapter.name];
  if (!told || told.counts.length !== adapter.targets.length) return { why: WORKING };
  if (!Object.keys(told.lines).length) return { why: told.reasons[0]?.[0] ?? "It has no targets." };
  let found = unpacked.get(told);
  if (!found) {
    found = { told, targets: unpack(told) };
    unpacked.set(told, found);
  }
  return found;
}

/**
 * Which share of the energy is to be held, where the page tells how many components that needs.
 *
 * @param {string} name of the adapter
 */
export const shareOf = (name) => Number(store.memory.get(`${name}/share`) ?? 0.95);

/**
 * @param {string} name
 * @param {number} share
 */
export function chooseShare(name, share) {
  store.memory.set(`${name}/share`, share);
  store.changed();
}

/**
 * Why nothing is known of one target; "" if it is.
 *
 * @param {AdapterSpectrum} told
 * @param {number} at
 */
export const whyNot = (told, at) => told.reasons.find(([, those]) => those.includes(at))?.[0] ?? "";
