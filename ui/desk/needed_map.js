/* The heat map of the components that hold a share of what each target adds. */

import { membersOf } from "../page/gains.js";
import { needed } from "./energy.js";
import { shareOf, spectrumOf } from "./spectra.js";

/** @import { Index } from "../page/gains.js" */
/** @import { HeatMap, ReadyMap } from "./heat_maps.js" */
/** @import { Known } from "./spectra.js" */

/** @param {number} count of components, of several targets their mean */
export const writeComponents = (count) => (Number.isInteger(count) ? String(count) : count.toFixed(1));

/** @type {WeakMap<Index, {of: unknown, share: number, map: ReadyMap}>} */
const drawn = new WeakMap(); // no fader changes it

/**
 * @param {Index} index
 * @returns {HeatMap}
 */
export function neededMap(index) {
  const found = spectrumOf(index.adapter);
  if (!("targets" in found)) return { ready: false, mode: "needed", why: found.why };
  const share = shareOf(index.adapter.name);
  const before = drawn.get(index);
  if (before?.of === found && before.share === share) return before.map;
  const map = mapOf(index, found, share);
  drawn.set(index, { of: found, share, map });
  return map;
}

/**
 * @param {Index} index
 * @param {Known} found
 * @param {number} share
 * @returns {ReadyMap}
 */
function mapOf(index, found, share) {
  const { adapter } = index;
  const counts = found.targets.map((parts) => (parts.ratios.length ? needed(parts, share) : null));
  /** @param {(i: number) => boolean} is */
  const mean = (is) => meanOf(counts.filter((_, i) => is(i)));
  return {
    ready: true,
    mode: "needed",
    cells: Array.from({ length: index.count }, (_, c) => meanOf(Array.from(membersOf(index, c), (i) => counts[i]))),
    unit: `components hold ${Math.round(share * 100)} % of what a target adds`,
    write: writeComponents,
    found: null,
    max: Math.max(1, ...found.told.counts),
    kinds: adapter.kinds.map((_, r) => mean((i) => adapter.targets[i][2] === r)),
    layers: adapter.layers.map((layer) => mean((i) => adapter.targets[i][1] === layer)),
  };
}

/** @param {Array<number | null>} counts */
function meanOf(counts) {
  const known = /** @type {number[]} */ (counts.filter((count) => count !== null));
  return known.length ? known.reduce((sum, count) => sum + count, 0) / known.length : null;
}
