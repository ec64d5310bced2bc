/* Heat maps for the grid: how loud each target is as the faders stand, or what it was measured to do to a text. */

import { membersOf } from "../page/gains.js";
import { jobs } from "../page/jobs.js";
import { clamp } from "../page/numbers.js";
import { store } from "../page/store.js";
import { neededMap } from "./needed_map.js";
import { workedOut } from "./worked_out.js";

/** @import { Impact, Loudness } from "./messages.js" */
/** @import { Index } from "../page/gains.js" */

/** @typedef {"gain" | "loudness" | "needed" | "silenced" | "alone"} Mode */

/** @type {Array<[mode: Mode, name: string, title: string]>} */
export const MODES = [
  ["gain", "Gain", "What every target is heard at"],
  ["loudness", "Loudness", "What the adapter adds to each weight, against the weight itself, as the faders stand"],
  ["needed", "Rank needed", "How many components hold a share of what each target adds"],
  ["silenced", "Impact, silenced", "How far the next word moves when this target alone falls silent"],
  ["alone", "Impact, alone", "How far the next word moves when this target alone is left on"],
];

/**
 * What the grid shows of one number for each cell, kind and layer; null where it is unknown.
 *
 * @typedef {object} ReadyMap
 * @property {true} ready
 * @property {Mode} mode
 * @property {Array<number | null>} cells
 * @property {Array<number | null>} kinds
 * @property {Array<number | null>} layers
 * @property {string} unit
 * @property {(value: number) => string} write
 * @property {number} max
 * @property {Impact | null} found
 * @property {(number | null)[]} [errors] of each cell, where it is estimated
 * @typedef {{ready: false, mode: Mode, why: string}} MissingMap
 * @typedef {ReadyMap | MissingMap} HeatMap
 */

const LOUDNESS = "Working out how loud each target is \u2026";
// They do not depend on faders: those are live on the page.
const louds = workedOut("loudness", (news) => news.loudness, LOUDNESS);
/** @type {Set<string>} */
const asked = new Set();
/** @type {Map<string, Impact>} */
const impacts = new Map(); // what/adapter -> the impact as Python measured it

export function startHeatMaps() {
  jobs.onNews((news) => {
    if (news.impact) {
      const { what, adapter, fresh } = news.impact;
      // Where all faders stood: what was measured holds for that.
      const panel = fresh && store.state ? JSON.stringify(store.panel) : "other";
      impacts.set(`${what}/${adapter}`, { ...news.impact, panel });
    }
    if (news.impact) store.changed();
  });
}

/** @param {number} ratio */
function writeRatio(ratio) {
  if (ratio === 0) return "0";
  return `${(ratio * 100).toPrecision(ratio < 0.0005 ? 1 : ratio < 0.1 ? 2 : 3)} %`;
}

/** @param {number} value */
const writeNats = (value) =>
  value === 0 ? "0" : value < 1e-6 ? value.toExponential(0) : String(Number(value.toPrecision(2)));

/**
 * What a target adds at a gain: in proportion to it, or between the norms that are known at some gains (DoRA).
 *
 * @param {number | number[]} own
 * @param {number[]} gains
 * @param {number} gain
 */
export function normAt(own, gains, gain) {
  if (!Array.isArray(own)) return Math.abs(gain) * own;
  const above = gains.findIndex((g) => g >= gain);
  const at = Math.max(1, above < 0 ? gains.length - 1 : above);
  const part = (gain - gains[at - 1]) / (gains[at] - gains[at - 1]);
  return Math.max(0, own[at - 1] + part * (own[at] - own[at - 1]));
}

/**
 * The loudness of several targets together: the norm of all that they add, against that of all weights; null: unknown.
 *
 * @param {Index} index
 * @param {Loudness} data
 * @param {Iterable<number>} members
 */
function together(index, { own, base, gains }, members) {
  let added = 0;
  let weights = 0;
  for (const i of members) {
    const weight = base[i];
    if (weight === null) continue;
    added += normAt(own[i], gains, index.gains[i]) ** 2;
    weights += weight ** 2;
  }
  return weights > 0 ? Math.sqrt(added / weights) : null;
}

/**
 * @param {Index} index
 * @param {number} r
 */
const inRow = (index, r) => index.members.subarray(index.start[r * index.cols], index.start[(r + 1) * index.cols]);

/**
 * @param {Index} index
 * @param {number} col
 */
function inColumn(index, col) {
  const all = [];
  for (let r = 0; r < index.rows; r += 1) all.push(...membersOf(index, r * index.cols + col));
  return all;
}

/**
 * @param {Index} index
 * @returns {HeatMap}
 */
function loudnessMap(index) {
  const { adapter } = index;
  const known = louds();
  if ("why" in known) return { ready: false, mode: "loudness", why: known.why };
  const data = known.adapters[adapter.name];
  if (!data || data.own.length !== adapter.targets.length) return { ready: false, mode: "loudness", why: LOUDNESS };
  const cells = Array.from({ length: index.count }, (_, c) => together(index, data, membersOf(index, c)));
  const asLoaded = data.own.map((one, i) => normAt(one, data.gains, 1) / (data.base[i] || Infinity));
  return {
    ready: true,
    mode: "loudness",
    cells,
    unit: "of the weight it is added to",
    write: writeRatio,
    found: null,
    max: highest(cells, Math.max(0, ...asLoaded)),
    kinds: adapter.kinds.map((_, r) => together(index, data, inRow(index, r))),
    layers: adapter.layers.map((_, col) => together(index, data, inColumn(index, col))),
  };
}

/**
 * @param {Index} index
 * @param {"silenced" | "alone"} what
 * @returns {HeatMap}
 */
function impactMap(index, what) {
  const { adapter } = index;
  const key = `${what}/${adapter.name}`;
  const found = impacts.get(key);
  if (!found) {
    if (!asked.has(key)) {
      asked.add(key);
      jobs.order({ do: "measured", what, adapter: adapter.name }); // before this page was loaded, perhaps
    }
    return { ready: false, mode: what, why: "Not measured yet: choose a text, and measure." };
  }
  const cells = Array.from({ length: index.count }, (_, c) => {
    const known = Array.from(membersOf(index, c), (i) => found.targets[adapter.targets[i][0]]).filter(
      (v) => v !== undefined,
    );
    return known.length ? Math.max(...known) : null;
  });
  return {
    ready: true,
    mode: what,
    cells,
    unit: "nats",
    write: writeNats,
    found,
    max: highest(cells, 0),
    errors: errorsOf(index, found),
    kinds: adapter.kinds.map((kind) => found.kinds[kind] ?? null),
    layers: adapter.layers.map((layer) => found.layers[String(layer)] ?? null),
  };
}

/**
 * How far off the estimate of each cell may be: that of its most telling target; undefined if it was measured.
 *
 * @param {Index} index
 * @param {Impact} found
 */
function errorsOf(index, { targets, estimated }) {
  if (!estimated) return undefined;
  return Array.from({ length: index.count }, (_, c) => {
    const names = Array.from(membersOf(index, c), (i) => index.adapter.targets[i][0]);
    const telling = names.reduce((one, other) => (targets[other] > (targets[one] ?? -1) ? other : one), "");
    return estimated.targets[telling] ?? null;
  });
}

/**
 * @param {Array<number | null>} cells
 * @param {number} least
 */
const highest = (cells, least) => Math.max(least, ...cells.map((value) => value || 0)) || 1;

/**
 * What an adapter's grid shows.
 *
 * @param {string} name
 */
export const heatMode = (name) => /** @type {Mode} */ (store.memory.get(`${name}/heat`) ?? "gain");

/**
 * @param {string} name
 * @param {Mode} mode
 */
export function chooseHeat(name, mode) {
  store.memory.set(`${name}/heat`, mode);
  store.changed();
}

/**
 * What the grid shows instead of gains; null: gains.
 *
 * @param {Index} index
 */
export function heatMap(index) {
  const mode = heatMode(index.adapter.name);
  if (mode === "gain") return null;
  if (mode === "loudness") return loudnessMap(index);
  return mode === "needed" ? neededMap(index) : impactMap(index, mode);
}

/**
 * How far up the scale a value is, for the eye (a square root: most targets do little).
 *
 * @param {number} value
 * @param {number} max
 */
const brightness = (value, max) => Math.sqrt(clamp(value / max, 0, 1));

/**
 * @param {number} value
 * @param {number} max
 */
export const heatColour = (value, max) =>
  `color-mix(in srgb, var(--lm-heat) ${Math.round(brightness(value, max) * 20) * 5}%, var(--lm-well))`;

/**
 * @param {number} value
 * @param {number} max
 */
export const isBright = (value, max) => brightness(value, max) > 0.5;

/** @type {Partial<Record<Mode, string>>} */
const UNKNOWN = {
  loudness: "loudness unknown: its weight cannot be read",
  needed: "its components are not known",
};

/**
 * A cell's number in words, for who points at it.
 *
 * @param {ReadyMap} map
 * @param {number} c
 */
export function heatWords(map, c) {
  const value = map.cells[c];
  if (value === null || value === undefined) return UNKNOWN[map.mode] ?? "not measured";
  if (map.mode === "needed")
    return value ? `needs ${map.write(value)} of ${map.max} components` : "adds nothing: its B is zero";
  if (map.mode === "loudness") return `loudness ${map.write(value)}`;
  const error = map.errors?.[c];
  const about = typeof error === "number" ? ` \u00b1 ${map.write(error)}` : "";
  return `impact ${map.write(value)}${about} nats${about && ", estimated"}`;
}
