/* The panel: where every control of the desk stands, as plain data. Pure functions; no DOM in here. */

/** @import { Adapter, Crossfade, Faders, Marked, Panel } from "./messages.js" */

/**
 * Names are free text ("__proto__" too): dictionaries have no prototype.
 *
 * @template T
 * @param {Record<string, T> | null | undefined} from
 * @returns {Record<string, T>}
 */
function dict(from) {
  const out = Object.create(null);
  for (const [key, value] of Object.entries(from ?? {})) out[key] = value;
  return out;
}

/** @param {unknown} from */
const list = (from) => (Array.isArray(from) ? /** @type {string[]} */ (from.slice()) : []);

/**
 * @param {Partial<Faders> | null} [from]
 * @returns {Faders}
 */
function copyFaders(from) {
  const { on, master, kinds, layers, modules, fades, rank, energy, crossfade } = from ?? {};
  return {
    ...(crossfade ? { crossfade: { a: copyFaders(crossfade.a), b: copyFaders(crossfade.b), t: crossfade.t } } : {}),
    ...(rank == null ? {} : { rank }),
    ...(energy == null ? {} : { energy }),
    on: on !== false,
    master: Number.isFinite(master) ? Number(master) : 1,
    kinds: dict(kinds),
    layers: dict(layers),
    modules: dict(modules),
    fades: dict(fades),
  };
}

/**
 * @param {Partial<Marked> | null} [from]
 * @returns {Marked}
 */
function copyMarked(from) {
  const kinds = dict(from?.kinds);
  for (const name of Object.keys(kinds)) kinds[name] = list(kinds[name]);
  return { adapters: list(from?.adapters), kinds };
}

/**
 * A panel of our own from what Python sent (or from another panel: a copy); from nothing, one in which nothing has
 * moved.
 *
 * @param {{mix?: {adapters?: Record<string, Partial<Faders>>}, muted?: Partial<Marked>, soloed?: Partial<Marked>,
 *   bypass?: boolean} | null} [from]
 * @returns {Panel}
 */
export function copyPanel(from) {
  /** @type {Record<string, Faders>} */
  const adapters = Object.create(null);
  for (const [name, faders] of Object.entries(from?.mix?.adapters ?? {})) adapters[name] = copyFaders(faders);
  return {
    mix: { adapters },
    muted: copyMarked(from?.muted),
    soloed: copyMarked(from?.soloed),
    bypass: from?.bypass === true,
  };
}

/**
 * The faders of an adapter in this panel, made on the way if it has none yet.
 *
 * @param {Panel} panel
 * @param {string} name
 */
export function fadersOf(panel, name) {
  const { adapters } = panel.mix;
  adapters[name] ??= copyFaders();
  return adapters[name];
}

const UNTOUCHED = Object.freeze(copyFaders());

/**
 * The faders of an adapter, to look at.
 *
 * @param {Panel} panel
 * @param {string} name
 * @returns {Readonly<Faders>}
 */
export const peekFaders = (panel, name) => panel.mix.adapters[name] ?? UNTOUCHED;

/**
 * The gain that stands in a dictionary of faders.
 *
 * @param {Record<string, number>} map
 * @param {string | number} key
 */
export const gainAt = (map, key) => (key in map ? map[key] : 1);

/**
 * Set one number of a dictionary of faders; what stands at 1 is left out.
 *
 * @param {Record<string, number>} map
 * @param {string} key
 * @param {number} value
 */
export function putGain(map, key, value) {
  if (value === 1) delete map[key];
  else map[key] = value;
}

/**
 * Put a name into a list, or take it out.
 *
 * @param {string[]} names
 * @param {string} name
 */
export function toggle(names, name) {
  const i = names.indexOf(name);
  if (i < 0) names.push(name);
  else names.splice(i, 1);
}

/**
 * The kinds of an adapter that are muted, or soloed.
 *
 * @param {Marked} side
 * @param {string} name
 */
export const kindsIn = (side, name) => side.kinds[name] ?? [];

/**
 * The same, to be changed.
 *
 * @param {Marked} side
 * @param {string} name
 */
export function kindsToEdit(side, name) {
  side.kinds[name] ??= [];
  return side.kinds[name];
}

/**
 * Why an adapter is not heard ("off", "muted", …), or "" if it is.
 *
 * @param {Panel} panel
 * @param {Pick<Adapter, "name" | "playing">} adapter
 */
export function whySilent(panel, adapter) {
  if (panel.bypass) return "bypassed";
  if (!peekFaders(panel, adapter.name).on) return adapter.playing === false ? "not playing" : "off";
  return marked(adapter.name, panel.muted.adapters, panel.soloed.adapters);
}

/**
 * Why a kind of an adapter is not heard ("muted", "not soloed"), or "" if it is.
 *
 * @param {Panel} panel
 * @param {string} name
 * @param {string} kind
 */
export const whyKindSilent = (panel, name, kind) =>
  marked(kind, kindsIn(panel.muted, name), kindsIn(panel.soloed, name));

/**
 * @param {string} name
 * @param {string[]} muted
 * @param {string[]} soloed
 */
function marked(name, muted, soloed) {
  if (muted.includes(name)) return "muted";
  return soloed.length && !soloed.includes(name) ? "not soloed" : "";
}

/**
 * True if any fader of an adapter has left 1.
 *
 * @param {Panel} panel
 * @param {string} name
 */
export function hasMoved(panel, name) {
  const f = peekFaders(panel, name);
  const whole = f.rank === undefined && f.energy === undefined;
  return (
    !f.on ||
    !whole ||
    f.crossfade !== undefined ||
    f.master !== 1 ||
    [f.kinds, f.layers, f.modules, f.fades].some((map) => Object.keys(map).length > 0)
  );
}

/**
 * An adapter back as loaded: nothing is said of it any more, nothing muted or soloed in it.
 *
 * @param {Panel} panel
 * @param {string} name
 */
export function resetAdapter(panel, name) {
  delete panel.mix.adapters[name]; // with its faders at 1 one would have it play that does not play as loaded
  for (const side of [panel.muted, panel.soloed]) {
    side.adapters = side.adapters.filter((one) => one !== name);
    delete side.kinds[name];
  }
}

/**
 * @param {Record<string, number>} a
 * @param {Record<string, number>} b
 */
function sameGains(a, b) {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && a[key] === b[key]);
}

/**
 * @param {string[]} a
 * @param {string[]} b
 */
const sameNames = (a, b) => a.length === b.length && a.every((name) => b.includes(name));

/**
 * @template T
 * @param {Record<string, T>} map
 */
const inOrder = (map) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));

/**
 * @param {Readonly<Faders>} a
 * @param {Readonly<Faders>} b
 */
const sameFaders = (a, b) =>
  a.on === b.on &&
  sameCrossfade(a.crossfade, b.crossfade) &&
  a.master === b.master &&
  a.rank === b.rank &&
  a.energy === b.energy &&
  sameGains(a.kinds, b.kinds) &&
  sameGains(a.layers, b.layers) &&
  sameGains(a.modules, b.modules) &&
  JSON.stringify(inOrder(a.fades)) === JSON.stringify(inOrder(b.fades));

/**
 * @param {Crossfade | undefined} a
 * @param {Crossfade | undefined} b
 * @returns {boolean}
 */
function sameCrossfade(a, b) {
  if (!a || !b) return !a && !b;
  return JSON.stringify(a.t) === JSON.stringify(b.t) && sameFaders(a.a, b.a) && sameFaders(a.b, b.b);
}

/**
 * What a side of a crossfade says of gains: how many components are heard stands beside it.
 *
 * @param {Readonly<Faders>} f
 */
function sideOf(f) {
  const { rank, energy, ...side } = copyFaders(f.on ? f : { master: 0 });
  return side;
}

/**
 * The faders of every adapter between those of two mixes: the gain of each target is (1 - t) a + t b.
 *
 * @param {Record<string, Faders>} a
 * @param {Record<string, Faders>} b
 * @param {number} t
 */
export function fadersBetween(a, b, t) {
  /** @type {Record<string, Faders>} */
  const between = Object.create(null);
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [one, other] = [Object.hasOwn(a, name) ? a[name] : UNTOUCHED, Object.hasOwn(b, name) ? b[name] : UNTOUCHED];
    if (t === 0 || t === 1 || (!one.on && !other.on)) {
      between[name] = copyFaders(t === 1 ? other : one);
      continue;
    }
    const { rank, energy } = one.on ? one : other;
    between[name] = copyFaders({ rank, energy, crossfade: { a: sideOf(one), b: sideOf(other), t } });
  }
  return between;
}

/**
 * @param {Marked} a
 * @param {Marked} b
 */
const sameMarks = (a, b) =>
  sameNames(a.adapters, b.adapters) &&
  Object.keys({ ...a.kinds, ...b.kinds }).every((name) => sameNames(kindsIn(a, name), kindsIn(b, name)));

/**
 * True if all controls stand alike.
 *
 * @param {Panel} a
 * @param {Panel} b
 */
export function samePanel(a, b) {
  const names = new Set([...Object.keys(a.mix.adapters), ...Object.keys(b.mix.adapters)]);
  return (
    a.bypass === b.bypass &&
    sameMarks(a.muted, b.muted) &&
    sameMarks(a.soloed, b.soloed) &&
    [...names].every((name) => sameFaders(peekFaders(a, name), peekFaders(b, name)))
  );
}

/**
 * True if two adapters look the same on the desk, so that a strip can stay as it is.
 *
 * @param {Adapter} a
 * @param {Adapter} b
 */
export function sameAdapter(a, b) {
  if (a === b) return true; // thousands of targets need no second look
  const { targets: s, ...x } = a;
  const { targets: t, ...y } = b;
  if (s.length !== t.length || JSON.stringify(x) !== JSON.stringify(y)) return false;
  return s.every((one, i) => one.every((value, j) => value === t[i][j]));
}
