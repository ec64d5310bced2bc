/* Pure functions over adapters and the panel: gains, mute and solo, reading and writing numbers. No DOM in here. */
(function (M) {
  "use strict";

  // Names are free text ("__proto__" too): dictionaries have no prototype.
  function dict(from) {
    const out = Object.create(null);
    for (const key of Object.keys(from || {})) out[key] = from[key];
    return out;
  }
  const list = (from) => (Array.isArray(from) ? from.slice() : []);

  function faders(from) {
    const f = from || {};
    return {
      on: f.on !== false,
      master: Number.isFinite(f.master) ? f.master : 1,
      kinds: dict(f.kinds),
      layers: dict(f.layers),
      modules: dict(f.modules),
      fades: dict(f.fades),
    };
  }

  /** The gain of a fade, [[token, gain], …], while a token of the reply is worked out. */
  function fadeAt(points, token) {
    const after = points.findIndex((point) => point[0] > token);
    if (after === 0) return points[0][1];
    if (after < 0) return points[points.length - 1][1];
    const [[left, one], [right, other]] = [points[after - 1], points[after]];
    return one + ((other - one) * (token - left)) / (right - left);
  }

  /** A fader's number, or where its fade begins: what is heard while nobody generates, and first in a reply. */
  const stands = (f, key, value) => (key in f.fades ? fadeAt(f.fades[key], 0) : value);

  /** A panel of our own from what Python sent (or from another panel: a copy). */
  function panel(from) {
    const p = from || {};
    const adapters = Object.create(null);
    const given = (p.mix && p.mix.adapters) || {};
    for (const name of Object.keys(given)) adapters[name] = faders(given[name]);
    const side = (s) => {
      const kinds = Object.create(null);
      const from = (s && s.kinds) || {};
      for (const name of Object.keys(from)) kinds[name] = list(from[name]);
      return { adapters: list(s && s.adapters), kinds };
    };
    return { mix: { adapters }, muted: side(p.muted), soloed: side(p.soloed), bypass: p.bypass === true };
  }

  /** The faders of an adapter in this panel, made on the way if it has none yet. */
  function of(p, name) {
    return p.mix.adapters[name] || (p.mix.adapters[name] = faders());
  }

  const UNTOUCHED = Object.freeze(faders());
  const peek = (p, name) => p.mix.adapters[name] || UNTOUCHED;
  const at = (map, key) => (key in map ? map[key] : 1);

  /** Set one number of a dictionary of faders; what stands at 1 is left out. */
  function put(map, key, value) {
    if (value === 1) delete map[key];
    else map[key] = value;
  }

  function toggle(names, name) {
    const i = names.indexOf(name);
    if (i < 0) names.push(name);
    else names.splice(i, 1);
  }

  const kindsOf = (side, name) => side.kinds[name] || [];
  const kindsToEdit = (side, name) => side.kinds[name] || (side.kinds[name] = []);

  /** Why an adapter is not heard ("off", "muted", …), or "" if it is. */
  function silence(p, adapter) {
    if (p.bypass) return "bypassed";
    if (!peek(p, adapter.name).on) return adapter.playing === false ? "not playing" : "off";
    if (p.muted.adapters.includes(adapter.name)) return "muted";
    if (p.soloed.adapters.length && !p.soloed.adapters.includes(adapter.name)) return "not soloed";
    return "";
  }

  function kindSilence(p, name, kind) {
    if (kindsOf(p.muted, name).includes(kind)) return "muted";
    const solo = kindsOf(p.soloed, name);
    return solo.length && !solo.includes(kind) ? "not soloed" : "";
  }

  /**
   * The targets of an adapter sorted into cells: cell = row (kind) x cols + column (layer; targets of no layer share
   * a last column). members.slice(start[c], start[c + 1]) are the targets of cell c.
   */
  function index(adapter) {
    const { kinds, layers, targets } = adapter;
    const column = new Map(layers.map((layer, i) => [layer, i]));
    const loose = targets.some((t) => !column.has(t[1]));
    const cols = layers.length + (loose ? 1 : 0);
    const count = kinds.length * cols;
    const cellOf = Int32Array.from(targets, (t) => t[2] * cols + (column.has(t[1]) ? column.get(t[1]) : cols - 1));
    const start = new Int32Array(count + 1);
    for (const c of cellOf) start[c + 1] += 1;
    for (let c = 0; c < count; c += 1) start[c + 1] += start[c];
    const next = start.slice();
    const members = new Int32Array(targets.length);
    cellOf.forEach((c, i) => {
      members[next[c]++] = i;
    });
    return { adapter, cols, rows: kinds.length, loose, count, cellOf, start, members, gains: new Float64Array(targets.length) };
  }

  /** Fill ix.gains with what every target is heard at, in this panel. */
  function hear(ix, p) {
    const { adapter, gains } = ix;
    const f = peek(p, adapter.name);
    if (silence(p, adapter)) return gains.fill(0);
    const master = stands(f, "master", f.master);
    const kind = adapter.kinds.map((k) => (kindSilence(p, adapter.name, k) ? 0 : master * stands(f, `kind:${k}`, at(f.kinds, k))));
    const layer = adapter.layers.map((l) => stands(f, `layer:${l}`, at(f.layers, l)));
    if (ix.loose) layer.push(1);
    const single = Object.keys(f.modules).length > 0 || Object.keys(f.fades).some((key) => key.startsWith("target:"));
    for (let i = 0; i < gains.length; i += 1) {
      const c = ix.cellOf[i];
      const own = single ? stands(f, `target:${adapter.targets[i][0]}`, at(f.modules, adapter.targets[i][0])) : 1;
      gains[i] = kind[(c / ix.cols) | 0] * layer[c % ix.cols] * own;
    }
    return gains;
  }

  /** What a cell is heard at: {n, lo, hi, mean}; n is 0 where there is no target. */
  function cell(ix, c) {
    const from = ix.start[c];
    const to = ix.start[c + 1];
    let lo = Infinity;
    let hi = -Infinity;
    let sum = 0;
    for (let m = from; m < to; m += 1) {
      const g = ix.gains[ix.members[m]];
      if (g < lo) lo = g;
      if (g > hi) hi = g;
      sum += g;
    }
    return { n: to - from, lo, hi, mean: to > from ? sum / (to - from) : 0 };
  }

  /** The targets' own faders in a cell: {value, mixed, moved}; value is the first one's. */
  function own(ix, p, c) {
    const { modules } = peek(p, ix.adapter.name);
    const values = Array.from(ix.members.subarray(ix.start[c], ix.start[c + 1]), (i) => at(modules, ix.adapter.targets[i][0]));
    const value = values.length ? values[0] : 1;
    return { value, mixed: values.some((v) => v !== value), moved: values.some((v) => v !== 1) };
  }

  /** Set every target of a cell. */
  function putCell(ix, p, c, value) {
    const { modules } = of(p, ix.adapter.name);
    for (let m = ix.start[c]; m < ix.start[c + 1]; m += 1) put(modules, ix.adapter.targets[ix.members[m]][0], value);
  }

  /** Lowest and highest effective alpha (gain x alpha) among the targets. */
  function alphaNow(ix) {
    let lo = Infinity;
    let hi = -Infinity;
    ix.adapter.targets.forEach((t, i) => {
      const a = ix.gains[i] * t[4];
      if (a < lo) lo = a;
      if (a > hi) hi = a;
    });
    return lo <= hi ? [lo, hi] : [0, 0];
  }

  /** True if any fader of an adapter has left 1. */
  function touched(p, name) {
    const f = peek(p, name);
    return !f.on || f.master !== 1 || [f.kinds, f.layers, f.modules, f.fades].some((map) => Object.keys(map).length > 0);
  }

  /** An adapter back as loaded: nothing is said of it any more, nothing muted or soloed in it. */
  function reset(p, name) {
    delete p.mix.adapters[name]; // with its faders at 1 one would have it play that does not play as loaded
    for (const side of [p.muted, p.soloed]) {
      side.adapters = side.adapters.filter((n) => n !== name);
      delete side.kinds[name];
    }
  }

  function sameDict(a, b) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((k) => k in b && a[k] === b[k]);
  }
  const sameNames = (a, b) => a.length === b.length && a.every((n) => b.includes(n));

  const inOrder = (map) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));

  function samePanel(a, b) {
    if (a.bypass !== b.bypass) return false;
    for (const side of ["muted", "soloed"]) {
      if (!sameNames(a[side].adapters, b[side].adapters)) return false;
      for (const name of Object.keys({ ...a[side].kinds, ...b[side].kinds })) {
        if (!sameNames(kindsOf(a[side], name), kindsOf(b[side], name))) return false;
      }
    }
    for (const name of new Set([...Object.keys(a.mix.adapters), ...Object.keys(b.mix.adapters)])) {
      const x = peek(a, name);
      const y = peek(b, name);
      if (x.on !== y.on || x.master !== y.master) return false;
      if (!["kinds", "layers", "modules"].every((part) => sameDict(x[part], y[part]))) return false;
      if (JSON.stringify(inOrder(x.fades)) !== JSON.stringify(inOrder(y.fades))) return false;
    }
    return true;
  }

  /** True if two adapters look the same on the desk, so that a strip can stay as it is. */
  function sameAdapter(a, b) {
    if (a === b) return true; // thousands of targets need no second look
    const { targets: s, ...x } = a;
    const { targets: t, ...y } = b;
    if (s.length !== t.length || JSON.stringify(x) !== JSON.stringify(y)) return false;
    return s.every((one, i) => one.every((v, j) => v === t[i][j]));
  }

  /** A finite number from what a person typed ("0,5" counts), or null. */
  function parse(text) {
    const plain = String(text).trim().replace(/\u2212/g, "-").replace(",", ".");
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return null;
    const value = Number(plain);
    return Number.isFinite(value) ? value + 0 : null;
  }

  /** A gain for reading and typing: two decimals, three if it has them; huge ones as 1.2e+30. */
  function gain(value) {
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e5 || size < 0.001)) return Number(value.toPrecision(3)).toString();
    const three = value.toFixed(3);
    return three.endsWith("0") ? value.toFixed(2) : three;
  }

  /** A number that is no fader: as short as it can be. */
  const short = (value) => String(Number(Number(value).toPrecision(4))).replace("-", "\u2212");

  const range = (lo, hi, write) => (write(lo) === write(hi) ? write(lo) : `${write(lo)} ${lo < 0 ? "to" : "\u2013"} ${write(hi)}`);

  /** Up to three characters for a cell: ".5", "1.3", "12". */
  function tiny(value) {
    const size = Math.abs(value);
    if (size >= 99.5) return value < 0 ? "-\u221e" : "99+";
    const digits = size >= 9.95 ? 0 : value < 0 || size >= 1 ? 1 : 2;
    const text = String(Number(value.toFixed(digits))).replace(/^(-?)0\./, "$1.");
    return text === "-0" ? "0" : text;
  }

  function many(n) {
    if (n >= 1e9) return `${(n / 1e9).toFixed(2)} B`;
    if (n >= 1e6) return `${(n / 1e6).toFixed(2)} M`;
    if (n >= 1e3) return `${(n / 1e3).toFixed(1)} K`;
    return String(n);
  }

  /** Round numbers from min to max, in equal steps: five of them for the usual range, eight at most; 0 is one of them. */
  function ticks(min, max) {
    const decade = 10 ** Math.floor(Math.log10((max - min) / 7));
    const step = [1, 2, 2.5, 5, 10].map((s) => s * decade).find((s) => (max - min) / s <= 7) || max - min;
    const out = [];
    for (let i = Math.ceil(min / step - 1e-9); i * step <= max + step * 1e-9; i += 1) out.push(Number((i * step).toPrecision(12)));
    return out;
  }

  const percent = (share) => `${(share * 100).toPrecision(share < 0.0001 ? 1 : 3)} %`;
  const clamp = (value, lo, hi) => Math.min(hi, Math.max(lo, value));
  const round = (value) => Math.round(value * 100) / 100 + 0;

  M.model = {
    panel, of, peek, at, put, fadeAt, toggle, kindsOf, kindsToEdit, silence, kindSilence, index, hear, cell, own, putCell, alphaNow,
    touched, reset, samePanel, sameAdapter, parse, gain, short, range, ticks, tiny, many, percent, clamp, round,
  };
})(window.loraMixer);
