/* What the page knows of the spectra of the adapters: asked of Python once for those that are loaded, and kept. */

import { jobs } from "../page/jobs.js";
import { onStop } from "../page/lifetime.js";
import { store } from "../page/store.js";
import { unpack } from "./energy.js";

/** @import { Adapter, AdapterSpectrum, Spectra } from "../page/messages.js" */
/** @import { Parts } from "./energy.js" */

const AGAIN_MS = 700;
const WORKING = "Working out what rank it needed \u2026";
export const NOT_IMPORTANCE =
  "Energy is how much a component adds, not how much it matters: impact and your ears decide.";

/** @typedef {{told: AdapterSpectrum, targets: Parts[]}} Known */

/** @type {Spectra | null} */
let news = null;
let asked = false;
let why = "";
let whyOf = -1; // the adapters that they cannot be told of
/** @type {Map<string, Known>} */
const unpacked = new Map();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
onStop(() => clearTimeout(timer));

/** Ask where others are loaded than those that we know; what takes its time is asked for again. */
function ask() {
  if (asked || news?.loaded === store.loaded || whyOf === store.loaded) return;
  asked = true;
  const of = store.loaded;
  jobs.order({ do: "spectra" }, ({ spectra, refused }) => {
    if (refused) {
      why = refused.why;
      whyOf = of;
    } else if (spectra) {
      news = spectra;
      unpacked.clear();
    }
    // Not at once: it is being worked out, or adapters come and go.
    timer = setTimeout(
      () => {
        asked = false;
        store.changed();
      },
      spectra?.loaded === store.loaded ? 0 : AGAIN_MS,
    );
    store.changed();
  });
}

/**
 * The spectra of an adapter's targets, in their order; or why they are not known.
 *
 * @param {Adapter} adapter
 * @returns {Known | {why: string}}
 */
export function spectrumOf(adapter) {
  ask();
  if (whyOf === store.loaded) return { why };
  if (news?.why) return { why: news.why };
  const told = news?.adapters[adapter.name];
  if (!told || told.counts.length !== adapter.targets.length) return { why: WORKING };
  if (!Object.keys(told.lines).length) return { why: told.reasons[0]?.[0] ?? "It has no targets." };
  let found = unpacked.get(adapter.name);
  if (!found) {
    found = { told, targets: unpack(told) };
    unpacked.set(adapter.name, found);
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
