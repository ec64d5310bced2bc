/* A cell of the grid in words. */

import { cellGain, ownGain } from "../page/gains.js";
import { writeGain, writeRange, writeShort } from "../page/numbers.js";
import { store } from "../page/store.js";
import { heatWords } from "./heat_maps.js";

/** @import { Index } from "../page/gains.js" */
/** @import { HeatMap } from "./heat_maps.js" */

/**
 * The grid's name for a column: its layer, or a dash for targets of no layer.
 *
 * @param {Index} index
 * @param {number} col
 */
export const columnName = (index, col) =>
  col < index.adapter.layers.length ? String(index.adapter.layers[col]) : "\u2013";

/**
 * Where a cell is: "layer 3, q_proj".
 *
 * @param {Index} index
 * @param {number} c
 */
export function cellPlace(index, c) {
  const col = c % index.cols;
  const kind = index.adapter.kinds[Math.floor(c / index.cols)];
  return col < index.adapter.layers.length ? `layer ${index.adapter.layers[col]}, ${kind}` : `no layer, ${kind}`;
}

/**
 * Where it is, its own fader, what it is heard at, its heat, its rank, alpha and scaling, its target's name.
 *
 * @param {Index} index
 * @param {number} c
 * @param {HeatMap | null} [map]
 */
export function cellWords(index, c, map = null) {
  const { n, lo, hi } = cellGain(index, c);
  const own = ownGain(index, store.panel, c);
  const [name, , , rank, alpha, scaling] = index.adapter.targets[index.members[index.start[c]]];
  const now = writeRange(lo * alpha, hi * alpha, writeShort);
  const place = cellPlace(index, c);
  return {
    where: place.charAt(0).toUpperCase() + place.slice(1),
    own: `own ${own.mixed ? "mixed" : writeGain(own.value)}`,
    heard: `heard at ${writeRange(lo, hi, writeGain)}`,
    heat: map?.ready ? heatWords(map, c) : "",
    facts: `rank ${rank} \u00b7 alpha ${writeShort(alpha)}, now ${now} \u00b7 scaling ${writeShort(scaling)}`,
    name: n > 1 ? `${n} targets` : name,
  };
}
