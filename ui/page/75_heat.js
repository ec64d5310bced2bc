/* Heat maps on the grid: how loud each target is as the faders stand, or what it was measured to do to a text. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const MODES = [
    ["gain", "Gain", "What every target is heard at"],
    ["loudness", "Loudness", "What the adapter adds to each weight, against the weight itself, as the faders stand"],
    ["silenced", "Impact, silenced", "How far the next word moves when this target alone falls silent"],
    ["alone", "Impact, alone", "How far the next word moves when this target alone is left on"],
  ];

  const loud = { data: null, key: "", asked: false, why: "" };
  const asked = new Set();
  const impacts = new Map(); // what/adapter -> the impact as Python measured it

  M.works.onNews((news) => {
    if (news.loudness) loud.data = news.loudness;
    if (news.impact) {
      // Where all faders stood: what was measured holds for that.
      news.impact.panel = news.impact.fresh && M.store.panel ? JSON.stringify(M.store.panel) : "other";
      impacts.set(`${news.impact.what}/${news.impact.adapter}`, news.impact);
    }
    if (news.loudness || news.impact) M.store.changed();
  });

  /** Ask for the norms again when other adapters are there. They do not depend on faders: those are live on the page. */
  function norms() {
    const { state } = M.store;
    const key = state ? JSON.stringify([state.model.name, state.adapters.map((a) => [a.name, a.targets.length, a.parameters, a.scaling])]) : "";
    if (key === loud.key || loud.asked) return;
    loud.key = key;
    loud.asked = true;
    loud.data = null;
    M.works.order({ do: "loudness" }, (answer) => {
      loud.asked = false;
      loud.why = answer.refused || "";
      M.store.changed();
    });
  }

  const percent = (ratio) => (ratio === 0 ? "0" : ratio < 0.0005 ? `${(ratio * 100).toPrecision(1)} %` : `${(ratio * 100).toPrecision(ratio < 0.1 ? 2 : 3)} %`);
  const nats = (value) => (value === 0 ? "0" : value < 1e-6 ? value.toExponential(0) : String(Number(value.toPrecision(2))));

  /** What a target adds at a gain: in proportion to it, or between the norms that are known at some gains (DoRA). */
  function norm(own, gains, gain) {
    if (!Array.isArray(own)) return Math.abs(gain) * own;
    let at = gains.findIndex((g) => g >= gain);
    if (at < 0) at = gains.length - 1;
    at = Math.max(1, at);
    const part = (gain - gains[at - 1]) / (gains[at] - gains[at - 1]);
    return Math.max(0, own[at - 1] + part * (own[at] - own[at - 1]));
  }

  /** The loudness of several targets together: the norm of all that they add, against that of all weights; null: unknown. */
  function together(ix, members) {
    const { own, base, gains } = loud.data[ix.adapter.name];
    let added = 0;
    let weights = 0;
    for (const i of members) {
      if (base[i] === null) continue;
      added += norm(own[i], gains, ix.gains[i]) ** 2;
      weights += base[i] ** 2;
    }
    return weights > 0 ? Math.sqrt(added / weights) : null;
  }

  const inCell = (ix, c) => ix.members.subarray(ix.start[c], ix.start[c + 1]);
  function inRow(ix, r) {
    return ix.members.subarray(ix.start[r * ix.cols], ix.start[(r + 1) * ix.cols]);
  }
  function inColumn(ix, col) {
    const all = [];
    for (let r = 0; r < ix.rows; r += 1) all.push(...inCell(ix, r * ix.cols + col));
    return all;
  }

  function loudnessMap(ix) {
    norms();
    const data = loud.data && loud.data[ix.adapter.name];
    if (!data || data.own.length !== ix.adapter.targets.length) return { ready: false, why: loud.why || "Working out how loud each target is \u2026" };
    const cells = Array.from({ length: ix.count }, (_, c) => together(ix, inCell(ix, c)));
    return {
      ready: true, cells, unit: "of the weight it is added to", write: percent, loaded: Math.max(0, ...data.own.map((one, i) => (data.base[i] ? norm(one, data.gains, 1) / data.base[i] : 0))),
      kinds: ix.adapter.kinds.map((_, r) => together(ix, inRow(ix, r))),
      layers: ix.adapter.layers.map((_, col) => together(ix, inColumn(ix, col))),
    };
  }

  function impactMap(ix, what) {
    const key = `${what}/${ix.adapter.name}`;
    const found = impacts.get(key);
    if (!found && !asked.has(key)) {
      asked.add(key);
      M.works.order({ do: "measured", what, adapter: ix.adapter.name }); // before this page was loaded, perhaps
    }
    if (!found) return { ready: false, why: "Not measured yet: choose a text, and measure." };
    const value = (i) => found.targets[ix.adapter.targets[i][0]];
    const cells = Array.from({ length: ix.count }, (_, c) => {
      const known = Array.from(inCell(ix, c), value).filter((v) => v !== undefined);
      return known.length ? Math.max(...known) : null;
    });
    const of = (map, key) => (map[key] === undefined ? null : map[key]);
    return {
      ready: true, cells, unit: "nats", write: nats, found, loaded: 0,
      kinds: ix.adapter.kinds.map((kind) => of(found.kinds, kind)),
      layers: ix.adapter.layers.map((layer) => of(found.layers, String(layer))),
    };
  }

  M.heat = {
    MODES,
    impacts,
    mode: (name) => M.store.memory.get(`${name}/heat`) || "gain",
    choose(name, mode) {
      M.store.memory.set(`${name}/heat`, mode);
      M.store.changed();
    },
    /** What the grid shows in a mode: {ready, why} or {ready, cells, kinds, layers, unit, write, max, found}; null: gains. */
    map(ix) {
      const mode = M.heat.mode(ix.adapter.name);
      if (mode === "gain") return null;
      const map = mode === "loudness" ? loudnessMap(ix) : impactMap(ix, mode);
      if (!map.ready) return map;
      map.mode = mode;
      map.max = Math.max(map.loaded, ...map.cells.map((v) => v || 0)) || 1;
      return map;
    },
    /** How a value looks: {part, style}: how far up the scale it is, for the eye (a square root: most targets do little). */
    colour(value, max) {
      if (value === null || value === undefined) return "";
      const part = Math.sqrt(M.model.clamp(value / max, 0, 1));
      return `color-mix(in srgb, var(--lm-heat) ${Math.round(part * 20) * 5}%, var(--lm-well))`;
    },
    bright: (value, max) => Math.sqrt(M.model.clamp((value || 0) / max, 0, 1)) > 0.5,
    /** A cell's number in words, for who points at it. */
    words(map, c) {
      const value = map.cells[c];
      if (value === null || value === undefined) return map.mode === "loudness" ? "loudness unknown: its weight cannot be read" : "not measured";
      return map.mode === "loudness" ? `loudness ${map.write(value)}` : `impact ${map.write(value)} nats`;
    },
  };

  // What stands around the grid --------------------------------------------------------------------------------------

  function switcher(name) {
    const buttons = MODES.map(([mode, text, title]) => ({
      mode,
      node: el("button", { type: "button", class: "brush", text, title, data: { heat: mode }, on: { click: () => M.heat.choose(name, mode) } }),
    }));
    return {
      node: el("div", { class: "brushes heat-modes", role: "group", "aria-label": "What the grid shows" },
        el("span", { class: "label", text: "Show" }), ...buttons.map((one) => one.node)),
      update(mode) { for (const one of buttons) setAttribute(one.node, "aria-pressed", String(one.mode === mode)); },
    };
  }

  function legend() {
    const ends = [0, 0.25, 1].map(() => el("span"));
    const unit = el("span", { class: "hint" });
    const bar = el("span", { class: "heat-scale" });
    return {
      node: el("div", { class: "heat-legend", data: { part: "legend" } }, el("span", { class: "heat-scale-box" }, bar, el("span", { class: "heat-ends" }, ...ends)), unit),
      update(map) {
        [0, 0.25, 1].forEach((at, i) => setText(ends[i], map.write(at * map.max)));
        setText(unit, map.unit);
      },
    };
  }

  /** One bar for each kind, with its number. */
  function kindBars(ix) {
    const rows = ix.adapter.kinds.map((kind) => {
      const fill = el("span", { class: "bar-fill" });
      const number = el("span", { class: "bar-number" });
      return { fill, number, node: el("div", { class: "bar-row", data: { bar: kind } }, el("span", { class: "bar-name", text: kind, title: kind }), el("span", { class: "bar" }, fill), number) };
    });
    const node = el("div", { class: "heat-kinds", data: { part: "kinds" } }, ...rows.map((row) => row.node));
    return {
      node,
      update(map) {
        const most = Math.max(...map.kinds.map((v) => v || 0)) || 1;
        rows.forEach((row, r) => {
          const value = map.kinds[r];
          row.fill.style.width = `${Math.round(((value || 0) / most) * 1000) / 10}%`;
          setText(row.number, value === null ? "\u2013" : map.write(value));
        });
      },
    };
  }

  /** One bar for each layer, standing under its column of the grid. */
  function layerBars(ix) {
    const bars = ix.adapter.layers.map((layer) => el("span", { class: "layer-bar", data: { bar: String(layer) } }, el("span", { class: "layer-fill" })));
    const node = el("div", { class: "grid-row heat-layers", data: { part: "layers" } }, el("span", { class: "grid-kind", text: "layer" }), ...bars);
    return {
      node,
      update(map) {
        const most = Math.max(...map.layers.map((v) => v || 0)) || 1;
        bars.forEach((bar, i) => {
          const value = map.layers[i];
          bar.firstChild.style.height = `${Math.round(((value || 0) / most) * 100)}%`;
          setAttribute(bar, "title", `layer ${ix.adapter.layers[i]}: ${value === null ? "not measured" : `${map.write(value)}${map.mode === "loudness" ? "" : " nats"}`}`);
        });
      },
    };
  }

  /** {top, under, below, update(map)}: the switch above the grid, the layers' bars in it, all the rest below it. */
  M.heatAround = function (ix) {
    const name = ix.adapter.name;
    const modes = switcher(name);
    const scale = legend();
    const kinds = kindBars(ix);
    const layers = layerBars(ix);
    const waiting = el("div", { class: "hint heat-waiting", role: "status" });
    const measure = M.impactPanel(ix.adapter);
    const below = el("div", { class: "heat-below", hidden: true }, scale.node, waiting, kinds.node, measure.node);
    layers.node.hidden = true;
    return {
      top: modes.node, under: layers.node, below,
      update(map) {
        const mode = M.heat.mode(name);
        modes.update(mode);
        below.hidden = mode === "gain";
        layers.node.hidden = !map || !map.ready;
        if (!map) return;
        measure.node.hidden = mode === "loudness";
        if (mode !== "loudness") measure.update(mode, map);
        scale.node.hidden = kinds.node.hidden = !map.ready;
        waiting.hidden = map.ready || mode !== "loudness";
        setText(waiting, map.ready ? "" : map.why);
        if (!map.ready) return;
        scale.update(map);
        kinds.update(map);
        layers.update(map);
      },
    };
  };
})(window.loraMixer);
