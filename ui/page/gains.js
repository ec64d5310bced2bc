/*
 * The gain of every target, as `Panel.effective` and `Faders.gains` work it out in Python (ui/page/panel.py,
 * lora_ops/mix.py): the table tests/ui/page/gains.json holds both to the same numbers. Pure functions; no DOM in here.
 */

import { fadersOf, gainAt, peekFaders, putGain, whyKindSilent, whySilent } from "./panel.js";

/** @import { Adapter, FadePoints, Faders, Panel } from "./messages.js" */

/**
 * The targets of an adapter sorted into cells: cell = row (kind) x cols + column (layer; targets of no layer share a
 * last column). members.slice(start[c], start[c + 1]) are the targets of cell c.
 *
 * @typedef {object} Index
 * @property {Adapter} adapter
 * @property {number} cols
 * @property {number} rows
 * @property {boolean} loose whether there are targets of no layer
 * @property {number} count
 * @property {Int32Array} cellOf
 * @property {Int32Array} start
 * @property {Int32Array} members
 * @property {Float64Array} gains of every target, as they were worked out last
 */

/**
 * The gain of a fade while a token of the reply is worked out.
 *
 * @param {FadePoints} points
 * @param {number} token
 */
export function fadeAt(points, token) {
  const after = points.findIndex((point) => point[0] > token);
  if (after === 0) return points[0][1];
  if (after < 0) return points[points.length - 1][1];
  const [[left, one], [right, other]] = [points[after - 1], points[after]];
  if (token === left || one === other) return one;
  const part = (token - left) / (right - left);
  return one * (1 - part) + other * part;
}

/**
 * A fader's number, or where its fade begins: what is heard while nobody generates, and first in a reply.
 *
 * @param {Readonly<Faders>} f
 * @param {string} key
 * @param {number} value
 */
const standsAt = (f, key, value) => (key in f.fades ? fadeAt(f.fades[key], 0) : value);

/**
 * @param {Adapter} adapter
 * @returns {Index}
 */
export function indexTargets(adapter) {
  const { kinds, layers, targets } = adapter;
  /** @type {Map<number | null, number>} */
  const column = new Map(layers.map((layer, i) => [layer, i]));
  const loose = targets.some((target) => !column.has(target[1]));
  const cols = layers.length + (loose ? 1 : 0);
  const count = kinds.length * cols;
  const cellOf = Int32Array.from(targets, (target) => target[2] * cols + (column.get(target[1]) ?? cols - 1));
  const start = new Int32Array(count + 1);
  for (const c of cellOf) start[c + 1] += 1;
  for (let c = 0; c < count; c += 1) start[c + 1] += start[c];
  const next = start.slice();
  const members = new Int32Array(targets.length);
  cellOf.forEach((c, i) => {
    members[next[c]++] = i;
  });
  return {
    adapter,
    cols,
    rows: kinds.length,
    loose,
    count,
    cellOf,
    start,
    members,
    gains: new Float64Array(targets.length),
  };
}

/**
 * Fill index.gains with what every target is heard at, in this panel.
 *
 * @param {Index} index
 * @param {Panel} panel
 */
export function hearGains(index, panel) {
  const { adapter, gains } = index;
  if (whySilent(panel, adapter)) return gains.fill(0);
  const silent = (/** @type {string} */ kind) => whyKindSilent(panel, adapter.name, kind) !== "";
  return fillGains(index, peekFaders(panel, adapter.name), gains, silent);
}

/**
 * Fill gains with what these faders say of every target.
 *
 * @param {Index} index
 * @param {Readonly<Faders>} f
 * @param {Float64Array} gains
 * @param {(kind: string) => boolean} silent
 */
function fillGains(index, f, gains, silent) {
  const { adapter } = index;
  const master = standsAt(f, "master", f.master);
  const kind = adapter.kinds.map((k) => (silent(k) ? 0 : master * standsAt(f, `kind:${k}`, gainAt(f.kinds, k))));
  const layer = adapter.layers.map((l) => standsAt(f, `layer:${l}`, gainAt(f.layers, l)));
  if (index.loose) layer.push(1);
  const single = Object.keys(f.modules).length > 0 || Object.keys(f.fades).some((key) => key.startsWith("target:"));
  for (let i = 0; i < gains.length; i += 1) {
    const c = index.cellOf[i];
    const name = adapter.targets[i][0];
    const own = single ? standsAt(f, `target:${name}`, gainAt(f.modules, name)) : 1;
    gains[i] = kind[Math.floor(c / index.cols)] * layer[c % index.cols] * own;
  }
  if (f.crossfade) {
    const { a, b, t } = f.crossfade;
    const part = typeof t === "number" ? t : fadeAt(t, 0);
    const [one, other] = [a, b].map((side) => fillGains(index, side, new Float64Array(gains.length), () => false));
    for (let i = 0; i < gains.length; i += 1) gains[i] *= (1 - part) * one[i] + part * other[i];
  }
  return gains;
}

/**
 * The targets of a cell.
 *
 * @param {Index} index
 * @param {number} c
 */
export const membersOf = (index, c) => index.members.subarray(index.start[c], index.start[c + 1]);

/**
 * What a cell is heard at; n is 0 where there is no target.
 *
 * @param {Index} index
 * @param {number} c
 */
export function cellGain(index, c) {
  const from = index.start[c];
  const to = index.start[c + 1];
  let lo = Infinity;
  let hi = -Infinity;
  let sum = 0;
  for (let m = from; m < to; m += 1) {
    const g = index.gains[index.members[m]];
    if (g < lo) lo = g;
    if (g > hi) hi = g;
    sum += g;
  }
  return { n: to - from, lo, hi, mean: to > from ? sum / (to - from) : 0 };
}

/**
 * The targets' own faders in a cell; value is the first one's.
 *
 * @param {Index} index
 * @param {Panel} panel
 * @param {number} c
 */
export function ownGain(index, panel, c) {
  const { modules } = peekFaders(panel, index.adapter.name);
  const values = Array.from(membersOf(index, c), (i) => gainAt(modules, index.adapter.targets[i][0]));
  const value = values.length ? values[0] : 1;
  return { value, mixed: values.some((v) => v !== value), moved: values.some((v) => v !== 1) };
}

/**
 * Set every target of a cell.
 *
 * @param {Index} index
 * @param {Panel} panel
 * @param {number} c
 * @param {number} value
 */
export function putCell(index, panel, c, value) {
  const { modules } = fadersOf(panel, index.adapter.name);
  for (const i of membersOf(index, c)) putGain(modules, index.adapter.targets[i][0], value);
}

/**
 * Lowest and highest effective alpha (gain x alpha) among the targets.
 *
 * @param {Index} index
 * @returns {[lo: number, hi: number]}
 */
export function alphaNow(index) {
  let lo = Infinity;
  let hi = -Infinity;
  index.adapter.targets.forEach((target, i) => {
    const alpha = index.gains[i] * target[4];
    if (alpha < lo) lo = alpha;
    if (alpha > hi) hi = alpha;
  });
  return lo <= hi ? [lo, hi] : [0, 0];
}
