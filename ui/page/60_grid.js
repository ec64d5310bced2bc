/* The grid layer x kind: a heat map of what every target is heard at. 62_hand.js moves it, 65_cell.js lists a cell. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const ROW = 28; // a row's height in pixels, as in desk.css

  /**
   * How a cell heard at g looks, {part, from, to}: so much of colour from mixed into colour to. Hollow at 0 (null), the
   * accent at 1, hot above, violet below 0.
   */
  function heat(g, max) {
    if (g === 0) return null;
    if (g < 0) return { part: 0.35 + 0.65 * Math.min(1, -g / max), from: "below", to: "well" };
    if (g <= 1) return { part: 0.12 + 0.88 * g, from: "unity", to: "well" };
    return { part: 0.25 + 0.75 * Math.min(1, (g - 1) / (max - 1)), from: "hot", to: "unity" };
  }
  const colour = (h) => (h ? `color-mix(in srgb, var(--lm-${h.from}) ${Math.round(h.part * 20) * 5}%, var(--lm-${h.to}))` : "");
  /** White figures where dark ones would no longer be read with ease. */
  const isDark = (h) => Boolean(h) && ((h.from === "hot" && h.part > 0.58) || (h.from === "below" && h.part > 0.7));

  /** The grid's name for a column: its layer, or a dash for targets of no layer. */
  const columnName = (ix, col) => (col < ix.adapter.layers.length ? String(ix.adapter.layers[col]) : "\u2013");
  const place = (ix, c) => {
    const col = c % ix.cols;
    const kind = ix.adapter.kinds[(c / ix.cols) | 0];
    return col < ix.adapter.layers.length ? `layer ${ix.adapter.layers[col]}, ${kind}` : `no layer, ${kind}`;
  };

  function header(ix) {
    const cells = [];
    for (let col = 0; col < ix.cols; col += 1) {
      const loose = col >= ix.adapter.layers.length;
      cells.push(el("span", { role: "columnheader", class: loose ? "grid-layer is-loose" : "grid-layer", text: columnName(ix, col) }));
    }
    return el("div", { role: "row", class: "grid-row grid-head" }, el("span", { role: "columnheader", class: "grid-kind", "aria-label": "kind" }), ...cells);
  }

  function row(ix, r, cells) {
    const kind = ix.adapter.kinds[r];
    const node = el("div", { role: "row", class: "grid-row" }, el("span", { role: "rowheader", class: "grid-kind", text: kind, title: kind }));
    for (let col = 0; col < ix.cols; col += 1) {
      const c = r * ix.cols + col;
      const there = ix.start[c + 1] > ix.start[c];
      const cell = document.createElement("div");
      cell.className = `lora-mixer-cell${there ? "" : " is-none"}${col >= ix.adapter.layers.length ? " is-loose" : ""}`;
      cell.setAttribute("role", "gridcell");
      if (there) {
        cell.tabIndex = -1;
        cell.dataset.layer = columnName(ix, col);
        cell.dataset.kind = kind;
      }
      cells[c] = cell;
      node.append(cell);
    }
    return node;
  }

  /** {node, update(), resize(), stop()}: the tools, the heat map, the readout, and the chosen cell's targets. */
  M.grid = function (ix) {
    const name = ix.adapter.name;
    const cells = new Array(ix.count);
    const drawn = new Array(ix.count); // what each cell shows, so that only changes touch the page
    const body = el("div", { role: "grid", class: "grid", "aria-label": `Targets of ${name}`, data: { part: "grid" } });
    const scroller = el("div", { class: "grid-scroll" }, body);
    const readout = el("div", { class: "readout" });
    const hint = el("span", { class: "hint" });
    const says = ["where", "own", "heard", "heat", "facts", "name"].map((part) => el("span", { class: `readout-${part}` }));
    readout.append(hint, ...says);
    const view = {
      ix, name, cells, body, row: ROW, size: 0,
      hover: -1,
      chosen: -1,
      choose(c) {
        if (c === view.chosen) return;
        const old = cells[view.chosen];
        if (old) {
          old.tabIndex = -1;
          old.classList.remove("is-chosen");
        }
        view.chosen = c;
        M.store.memory.set(`${name}/cell`, place(ix, c));
        cells[c].tabIndex = 0;
        cells[c].classList.add("is-chosen");
        M.store.changed();
      },
      set: (c, value) => M.store.edit((p) => M.model.putCell(ix, p, c, value)),
    };
    const hand = M.hand(view);
    const detail = M.cell(view);
    const around = M.heatAround(ix);
    const node = el("div", { class: "grid-area" }, around.top, hand.node, scroller, readout, around.below, detail.node);
    let built = false;
    let map = null; // what is shown instead of gains

    function build() {
      built = true;
      body.append(header(ix), ...ix.adapter.kinds.map((_, r) => row(ix, r, cells)), around.under);
      const remembered = M.store.memory.get(`${name}/cell`);
      let first = -1;
      for (let c = 0; c < ix.count; c += 1) {
        if (ix.start[c + 1] === ix.start[c]) continue;
        if (first < 0 || place(ix, c) === remembered) first = c;
        if (remembered && place(ix, c) === remembered) break;
      }
      if (first >= 0) view.choose(first);
      resize();
    }

    function resize() {
      if (!built) return;
      const room = M.layout(node, ix.adapter);
      if (!room || room.cell === view.size) return;
      view.size = room.cell;
      body.style.setProperty("--lm-cell", `${room.cell}px`);
      const every = room.cell >= 20 ? 1 : 5;
      body.dataset.every = String(every);
      body.querySelectorAll(".lora-mixer-grid-layer").forEach((label, i) => {
        if (!label.classList.contains("is-loose")) label.style.visibility = i % every ? "hidden" : "";
      });
      drawn.fill(undefined);
      M.store.changed();
    }

    function paint(c, max, moved) {
      const { n, lo, hi, mean } = M.model.cell(ix, c);
      if (!n) return;
      const key = `${lo}/${hi}/${mean}/${moved}/${max}`;
      if (drawn[c] === key) return;
      drawn[c] = key;
      const cell = cells[c];
      const look = heat(mean, max);
      cell.style.backgroundColor = colour(look);
      cell.classList.toggle("is-hollow", hi === 0 && lo === 0);
      cell.classList.toggle("is-full", isDark(look));
      cell.classList.toggle("is-moved", moved);
      cell.classList.toggle("is-mixed", lo !== hi);
      const text = view.size >= 24 && mean !== 1 ? M.model.tiny(mean) : "";
      setText(cell, text);
      setAttribute(cell, "aria-label", `${place(ix, c)}: ${M.model.range(lo, hi, M.model.gain)}${n > 1 ? `, ${n} targets` : ""}`);
    }

    /** A cell of a heat map: its colour is what it does, its number stands where one points. */
    function paintHeat(c, moved) {
      if (ix.start[c + 1] === ix.start[c]) return;
      const value = map.ready ? map.cells[c] : null;
      const key = `${map.mode}/${value}/${map.max}/${moved}`;
      if (drawn[c] === key) return;
      drawn[c] = key;
      const cell = cells[c];
      const known = value !== null && value !== undefined;
      cell.style.backgroundColor = known ? M.heat.colour(value, map.max) : "";
      cell.classList.toggle("is-hollow", !known);
      cell.classList.toggle("is-full", known && M.heat.bright(value, map.max));
      cell.classList.toggle("is-moved", moved);
      cell.classList.toggle("is-mixed", false);
      setText(cell, "");
      const words = `${place(ix, c)}: ${map.ready ? M.heat.words(map, c) : "not measured"}`;
      setAttribute(cell, "aria-label", words);
      setAttribute(cell, "title", words);
    }

    /** The cell under the pointer in words; where there is none, how to move one. */
    function tell() {
      const c = view.hover === view.chosen ? -1 : view.hover;
      hint.hidden = c >= 0;
      for (const span of says) span.hidden = c < 0;
      if (c < 0) setText(hint, hand.hint());
      else M.cellWords(ix, c, map).forEach((word, i) => setText(says[i], word));
    }

    return {
      node,
      update() {
        if (!built) build();
        if (!view.size) resize();
        const { max } = M.store.range();
        const single = M.model.peek(M.store.panel, name).modules;
        const any = Object.keys(single).length > 0;
        const showed = map;
        map = M.heat.map(ix);
        if (!map && showed) for (const cell of cells) cell.removeAttribute("title");
        for (let c = 0; c < ix.count; c += 1) {
          const moved = any && M.model.own(ix, M.store.panel, c).moved;
          if (map) paintHeat(c, moved);
          else paint(c, Math.max(1.5, max), moved);
        }
        body.dataset.shows = M.heat.mode(name);
        around.update(map);
        tell();
        detail.update();
      },
      resize,
      stop: hand.stop,
    };
  };

  /** A cell in words: where it is, its own fader, what it is heard at, its heat, rank, alpha and scaling, its target's name. */
  M.cellWords = function (ix, c, map) {
    const { n, lo, hi } = M.model.cell(ix, c);
    const own = M.model.own(ix, M.store.panel, c);
    const [name, , , rank, alpha, scaling] = ix.adapter.targets[ix.members[ix.start[c]]];
    const now = M.model.range(lo * alpha, hi * alpha, M.model.short);
    const where = place(ix, c);
    return [
      where.charAt(0).toUpperCase() + where.slice(1),
      `own ${own.mixed ? "mixed" : M.model.gain(own.value)}`,
      `heard at ${M.model.range(lo, hi, M.model.gain)}`,
      map && map.ready ? M.heat.words(map, c) : "",
      `rank ${rank} \u00b7 alpha ${M.model.short(alpha)}, now ${now} \u00b7 scaling ${M.model.short(scaling)}`,
      n > 1 ? `${n} targets` : name,
    ];
  };
})(window.loraMixer);
