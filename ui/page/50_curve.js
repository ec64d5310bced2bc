/* The depth curve: one fader per layer, drawn by dragging across. */
(function (M) {
  "use strict";

  const { el, svg, setAttribute, setText } = M.dom;
  const HEIGHT = 128;
  const LOOSE_GAP = 8; // in the grid, before the column of targets that have no layer
  const PAD = 9; // room above and below, so that the caps at the edges are whole

  /** {node, update(), resize(), stop()}. */
  M.curve = function (adapter) {
    const name = adapter.name;
    const layers = adapter.layers;
    const n = layers.length;
    let values = layers.map(() => 1);
    let chosen = 0;
    let hover = -1;
    let width = 0; // of the plot, in pixels; 0: not on screen yet
    let drawing = null; // {id, last, from}: the pen; from: where a finger came down that has not yet moved across
    const put = (p, i, v) => M.model.put(M.model.of(p, name).layers, String(layers[i]), v);

    const bars = svg("path", { class: "lora-mixer-curve-bars" });
    const hot = svg("path", { class: "lora-mixer-curve-hot" });
    const caps = svg("path", { class: "lora-mixer-curve-caps" });
    const beyond = svg("path", { class: "lora-mixer-curve-beyond" });
    const lines = svg("path", { class: "lora-mixer-curve-lines" });
    const one = svg("path", { class: "lora-mixer-curve-one" });
    const cursor = svg("rect", { class: "lora-mixer-curve-cursor", y: 0, height: HEIGHT });
    const picture = svg("svg", { height: HEIGHT, "aria-hidden": "true" }, cursor, lines, bars, hot, one, caps, beyond);
    const plot = el("div", {
      class: "curve-plot", tabindex: 0, role: "slider", "aria-label": `Depth curve of ${name}`, "aria-orientation": "vertical", data: { part: "curve" },
    });
    plot.append(picture);
    const axis = el("div", { class: "curve-axis", "aria-hidden": "true" });
    const numbers = el("div", { class: "curve-numbers", "aria-hidden": "true" });
    const where = el("span", { class: "curve-where" });
    const field = M.numberField({ label: `Gain of the chosen layer of ${name}`, set: (v) => setLayer(chosen, v), done: () => plot.focus() });
    const flat = el("button", {
      type: "button", class: "button small", text: "Flat", title: "All layers of this adapter back to 1", data: { do: "flat" },
      on: { click: () => M.store.edit((p) => { M.model.of(p, name).layers = Object.create(null); }) },
    });
    const node = el("div", { class: "curve" },
      el("div", { class: "tools" }, where, field.node, flat,
        el("span", { class: "hint", text: "Drag across to draw. Keys: \u2190 \u2192 layer, \u2191 \u2193 gain, Delete puts back to 1." })),
      el("div", { class: "curve-area" }, axis, plot), numbers);

    function toY(value) {
      const { min, max } = M.store.range();
      return PAD + (1 - (M.model.clamp(value, min, max) - min) / (max - min)) * (HEIGHT - 2 * PAD);
    }

    function setLayer(i, value) {
      chosen = i;
      values[i] = value; // the next key may come before the next frame
      M.store.edit((p) => put(p, i, value));
    }

    // The pen -------------------------------------------------------------------------------------------------------

    function spot(event) {
      const box = plot.getBoundingClientRect();
      const { min, max } = M.store.range();
      const i = M.model.clamp(Math.floor(((event.clientX - box.left) / box.width) * n), 0, n - 1);
      const t = 1 - (event.clientY - box.top - PAD) / (HEIGHT - 2 * PAD);
      const value = min + M.model.clamp(t, 0, 1) * (max - min);
      return { i, value: Math.abs(value - 1) < (max - min) * 0.02 ? 1 : M.model.round(value) };
    }

    /** Draw from the pen's last place to this one: a fast pen leaves no layer out. */
    function draw(event) {
      const { i, value } = spot(event);
      const from = drawing.last || { i, value };
      const steps = Math.max(1, Math.abs(i - from.i));
      M.store.edit((p) => {
        for (let s = 1; s <= steps; s += 1) {
          put(p, from.i + Math.round(((i - from.i) * s) / steps), M.model.round(from.value + ((value - from.value) * s) / steps));
        }
      });
      drawing.last = { i, value };
      chosen = i;
    }

    function begin(event) {
      if (event.button || drawing) return;
      drawing = { id: event.pointerId, last: null, from: event.pointerType === "touch" ? event : null };
      M.store.grab();
      plot.setPointerCapture(event.pointerId);
      if (!drawing.from) draw(event);
    }
    function end(event) {
      if (!drawing || event.pointerId !== drawing.id) return;
      if (event.type === "pointerup" && !drawing.last) draw(event);
      drawing = null;
      M.store.release();
      M.store.changed();
    }
    const on = (type, fn) => plot.addEventListener(type, M.guard("curve", fn));
    on("pointerdown", begin);
    on("pointermove", (event) => {
      if (drawing && event.pointerId === drawing.id && !M.dom.mayScroll(drawing.from, event)) {
        drawing.from = null;
        draw(event);
      }
      const i = spot(event).i;
      if (i !== hover) {
        hover = i;
        M.store.changed();
      }
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) on(type, end);
    on("pointerleave", () => {
      hover = -1;
      M.store.changed();
    });
    on("focus", () => M.store.changed());
    M.dom.onDouble(plot, (event) => setLayer(spot(event).i, 1));

    // Keys ----------------------------------------------------------------------------------------------------------

    on("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const walk = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: n - 1 }[event.key];
      hover = -1;
      if (walk !== undefined) {
        chosen = M.model.clamp(walk, 0, n - 1);
        M.store.changed();
      } else if (/^[0-9.]$/.test(event.key) || event.key === "Enter") {
        field.input.focus();
        if (event.key !== "Enter") field.input.value = event.key;
      } else {
        const next = M.stepByKey(event, values[chosen]);
        if (next === null) return;
        setLayer(chosen, next);
      }
      event.preventDefault();
    });

    // Drawing -------------------------------------------------------------------------------------------------------

    function paint() {
      if (!width) return;
      const { min, max } = M.store.range();
      const slot = width / n;
      const gap = slot > 9 ? 2 : slot > 4 ? 1 : 0.5;
      const zero = toY(0);
      const unity = toY(1);
      let bar = "";
      let heat = "";
      let cap = "";
      let mark = "";
      values.forEach((v, i) => {
        const x = i * slot + gap / 2;
        const w = slot - gap;
        const y = toY(v);
        const low = v > 1 ? unity : y; // up to 1 in the quiet colour, the rest is hot
        if (low !== zero) bar += `M${x} ${zero}H${x + w}V${low}H${x}Z`;
        if (v > 1) heat += `M${x} ${unity}H${x + w}V${y}H${x}Z`;
        cap += `M${x} ${y}H${x + w}`;
        const m = x + w / 2;
        if (v > max) mark += `M${m - 4} ${PAD - 2}l4 -6l4 6Z`;
        if (v < min) mark += `M${m - 4} ${HEIGHT - PAD + 2}l4 6l4 -6Z`;
      });
      setAttribute(bars, "d", bar);
      setAttribute(hot, "d", heat);
      setAttribute(caps, "d", cap);
      setAttribute(beyond, "d", mark);
      setAttribute(lines, "d", [min, max, 0].filter((v) => v >= min && v <= max).map((v) => `M0 ${toY(v)}H${width}`).join(""));
      setAttribute(one, "d", min <= 1 && max >= 1 ? `M0 ${unity}H${width}` : "");
      const shown = hover >= 0 ? hover : chosen;
      setAttribute(cursor, "x", String(shown * slot));
      setAttribute(cursor, "width", String(slot));
    }

    function scale() {
      const { min, max } = M.store.range();
      const at = [...new Set([min, 1, 0, max])].filter((v) => v >= min && v <= max);
      const key = at.join();
      if (axis.dataset.of === key) return;
      axis.dataset.of = key;
      axis.replaceChildren(...at.map((v) => {
        const label = el("span", { text: M.model.short(v) });
        label.style.top = `${toY(v)}px`;
        return label;
      }));
    }

    function numberTheLayers() {
      const slot = width / n;
      const every = slot >= 20 ? 1 : slot >= 9 ? 5 : 10;
      numbers.replaceChildren(...layers.map((layer, i) => {
        const label = el("span", { text: i % every === 0 ? String(layer) : "" });
        label.style.width = `${slot}px`;
        return label;
      }));
      numbers.style.width = `${width}px`;
    }

    return {
      node,
      update() {
        const { layers: set } = M.model.peek(M.store.panel, name);
        values = layers.map((layer) => M.model.at(set, String(layer)));
        if (!width) this.resize();
        scale();
        paint();
        const shown = hover >= 0 ? hover : chosen;
        setText(where, `Layer ${layers[shown]}`);
        if (document.activeElement !== field.input) field.update(values[shown]);
        setAttribute(plot, "aria-valuemin", String(M.store.range().min));
        setAttribute(plot, "aria-valuemax", String(M.store.range().max));
        setAttribute(plot, "aria-valuenow", String(values[chosen]));
        setAttribute(plot, "aria-valuetext", `layer ${layers[chosen]}: ${M.model.gain(values[chosen])}`);
      },
      resize() {
        const room = M.layout(node, adapter);
        if (!room || room.width === width) return;
        width = room.width;
        plot.style.width = `${width}px`;
        setAttribute(picture, "width", String(width));
        numberTheLayers();
        paint();
      },
      stop() {
        if (drawing) M.store.release();
        drawing = null;
      },
    };
  };

  /**
   * How wide a layer is drawn, for the curve and for the grid below it, so that they line up: {cell, width} in pixels,
   * or null while node is not on screen. Where the cells would get too narrow the grid scrolls and the curve does not.
   */
  M.layout = function (node, adapter) {
    const n = adapter.layers.length || 1;
    const loose = adapter.targets.some((t) => t[1] === null);
    const gutter = parseFloat(getComputedStyle(node).getPropertyValue("--lm-gutter")) || 84;
    const room = node.clientWidth - gutter;
    if (room <= 0) return null;
    const coarse = matchMedia("(pointer: coarse)").matches;
    const fits = Math.floor(loose ? (room - LOOSE_GAP) / (n + 1) : room / n);
    const least = coarse ? 28 : 14;
    const cell = M.model.clamp(fits, least, 44);
    return { cell, width: fits >= least ? cell * n : room };
  };
})(window.loraMixer);
