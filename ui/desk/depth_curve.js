/* The depth curve: one fader per layer, drawn by dragging across. */

import { el, setAttribute, setText, svg } from "../page/elements.js";
import { gainOf, notched, placeOf, stepByKey } from "../page/fader_scale.js";
import { isShortcut, mayScroll, onDouble } from "../page/gestures.js";
import { keyed } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { numberField } from "../page/number_field.js";
import { clamp, roundGain, writeGain, writeShort } from "../page/numbers.js";
import { fadersOf, gainAt, peekFaders, putGain } from "../page/panel.js";
import { store } from "../page/store.js";
import { layerWidth } from "./layer_width.js";

/** @import { Adapter, Panel } from "../page/messages.js" */

const HEIGHT = 128;
const PAD = 9; // room above and below, so that the caps at the edges are whole
const NOTCH = 0.02; // of the range

/** @param {number} value */
const toY = (value) => PAD + (1 - placeOf(value, store.range())) * (HEIGHT - 2 * PAD);

/** The picture: bars, what is hot of them, caps, marks of what lies beyond the range, lines, and the chosen layer. */
function picture() {
  const [bars, hot, caps, beyond, lines, one] = ["bars", "hot", "caps", "beyond", "lines", "one"].map((part) =>
    svg("path", { class: `lora-mixer-curve-${part}` }),
  );
  const cursor = svg("rect", { class: "lora-mixer-curve-cursor", y: 0, height: HEIGHT });
  const node = svg("svg", { height: HEIGHT, "aria-hidden": "true" }, cursor, lines, bars, hot, one, caps, beyond);
  return {
    node,
    /**
     * @param {number[]} values
     * @param {number} width
     * @param {number} at the layer to mark
     */
    paint(values, width, at) {
      const { min, max } = store.range();
      const slot = width / values.length;
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
      const across = [min, max, 0].filter((v) => v >= min && v <= max);
      setAttribute(bars, "d", bar);
      setAttribute(hot, "d", heat);
      setAttribute(caps, "d", cap);
      setAttribute(beyond, "d", mark);
      setAttribute(lines, "d", across.map((v) => `M0 ${toY(v)}H${width}`).join(""));
      setAttribute(one, "d", min <= 1 && max >= 1 ? `M0 ${unity}H${width}` : "");
      setAttribute(cursor, "x", String(at * slot));
      setAttribute(cursor, "width", String(slot));
    },
  };
}

/** @param {Adapter} adapter */
export function depthCurve(adapter) {
  const { name, layers } = adapter;
  const n = layers.length;
  let values = layers.map(() => 1);
  let chosen = 0;
  let hover = -1;
  let width = 0; // of the plot, in pixels; 0: not on screen yet
  /** @type {{id: number, last: {i: number, value: number} | null, from: PointerEvent | null} | null} */
  let drawing = null; // the pen; from: where a finger came down that has not yet moved across

  /**
   * @param {Panel} panel
   * @param {number} i
   * @param {number} value
   */
  const put = (panel, i, value) => putGain(fadersOf(panel, name).layers, String(layers[i]), value);

  const drawn = picture();
  const plot = el(
    "div",
    {
      class: "curve-plot",
      tabindex: 0,
      role: "slider",
      "aria-label": `Depth curve of ${name}`,
      "aria-orientation": "vertical",
      data: { part: "curve" },
    },
    drawn.node,
  );
  const axis = el("div", { class: "curve-axis", "aria-hidden": "true" });
  const numbers = el("div", { class: "curve-numbers", "aria-hidden": "true" });
  const where = el("span", { class: "curve-where" });
  const field = numberField({
    label: `Gain of the chosen layer of ${name}`,
    set: (v) => setLayer(chosen, v),
    done: () => plot.focus(),
  });
  const flatten = () =>
    store.edit((panel) => {
      fadersOf(panel, name).layers = Object.create(null);
    });
  const flat = el("button", {
    type: "button",
    class: "button small",
    text: "Flat",
    title: "All layers of this adapter back to 1",
    data: { do: "flat" },
    on: { click: flatten },
  });
  const hint = el("span", {
    class: "hint",
    text: "Drag across to draw. Keys: \u2190 \u2192 layer, \u2191 \u2193 gain, Delete puts back to 1.",
  });
  const node = el(
    "div",
    { class: "curve" },
    el("div", { class: "tools" }, where, field.node, flat, hint),
    el("div", { class: "curve-area" }, axis, plot),
    numbers,
  );

  /**
   * @param {number} i
   * @param {number} value
   */
  function setLayer(i, value) {
    chosen = i;
    values[i] = value; // the next key may come before the next frame
    store.edit((panel) => put(panel, i, value));
  }

  // The pen ---------------------------------------------------------------------------------------------------------

  /** @param {MouseEvent} event */
  function spot(event) {
    const box = plot.getBoundingClientRect();
    const reach = store.range();
    const i = clamp(Math.floor(((event.clientX - box.left) / box.width) * n), 0, n - 1);
    const value = gainOf(1 - (event.clientY - box.top - PAD) / (HEIGHT - 2 * PAD), reach);
    return { i, value: notched(value, (reach.max - reach.min) * NOTCH) };
  }

  /**
   * Draw from the pen's last place to this one: a fast pen leaves no layer out.
   *
   * @param {MouseEvent} event
   */
  function draw(event) {
    if (!drawing) return;
    const { i, value } = spot(event);
    const from = drawing.last ?? { i, value };
    const steps = Math.max(1, Math.abs(i - from.i));
    store.edit((panel) => {
      for (let s = 1; s <= steps; s += 1) {
        const at = from.i + Math.round(((i - from.i) * s) / steps);
        put(panel, at, roundGain(from.value + ((value - from.value) * s) / steps));
      }
    });
    drawing.last = { i, value };
    chosen = i;
  }

  /**
   * @param {"pointerdown" | "pointermove" | "pointerup" | "pointercancel" | "lostpointercapture" | "pointerleave"} type
   * @param {(event: PointerEvent) => void} fn
   */
  const on = (type, fn) => plot.addEventListener(type, guard("curve", fn));
  on("pointerdown", (event) => {
    if (event.button || drawing) return;
    drawing = { id: event.pointerId, last: null, from: event.pointerType === "touch" ? event : null };
    store.grab();
    plot.setPointerCapture(event.pointerId);
    if (!drawing.from) draw(event);
  });
  on("pointermove", (event) => {
    if (drawing && event.pointerId === drawing.id && !mayScroll(drawing.from, event)) {
      drawing.from = null;
      draw(event);
    }
    const { i } = spot(event);
    if (i !== hover) {
      hover = i;
      store.changed();
    }
  });
  /** @param {PointerEvent} event */
  function end(event) {
    if (!drawing || event.pointerId !== drawing.id) return;
    if (event.type === "pointerup" && !drawing.last) draw(event);
    drawing = null;
    store.release();
    store.changed();
  }
  on("pointerup", end);
  on("pointercancel", end);
  on("lostpointercapture", end);
  on("pointerleave", () => {
    hover = -1;
    store.changed();
  });
  plot.addEventListener(
    "focus",
    guard("curve", () => store.changed()),
  );
  onDouble(plot, (event) => setLayer(spot(event).i, 1));

  // Keys ------------------------------------------------------------------------------------------------------------

  /** @param {string} key */
  const walk = (key) => {
    /** @type {Record<string, number>} */
    const to = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: n - 1 };
    return to[key];
  };
  plot.addEventListener(
    "keydown",
    guard("curve", (/** @type {KeyboardEvent} */ event) => {
      if (isShortcut(event)) return;
      const to = walk(event.key);
      hover = -1;
      if (to !== undefined) {
        chosen = clamp(to, 0, n - 1);
        store.changed();
      } else if (/^[0-9.]$/.test(event.key) || event.key === "Enter") {
        field.input.focus();
        if (event.key !== "Enter") field.input.value = event.key;
      } else {
        const next = stepByKey(event, values[chosen], store.range());
        if (next === null) return;
        setLayer(chosen, next);
      }
      event.preventDefault();
    }),
  );

  // Drawing ---------------------------------------------------------------------------------------------------------

  const marked = () => (hover >= 0 ? hover : chosen);
  const paint = () => {
    if (width) drawn.paint(values, width, marked());
  };

  function scale() {
    const { min, max } = store.range();
    const at = [...new Set([min, 1, 0, max])].filter((v) => v >= min && v <= max);
    keyed(
      axis,
      at,
      (v) => v,
      (v) => ({ node: el("span", { text: writeShort(v) }) }),
      (label, v) => {
        label.node.style.top = `${toY(v)}px`;
      },
    );
  }

  function numberTheLayers() {
    const slot = width / n;
    const every = slot >= 20 ? 1 : slot >= 9 ? 5 : 10;
    keyed(
      numbers,
      layers,
      (layer) => layer,
      () => ({ node: el("span") }),
      (label, layer, i) => {
        setText(label.node, i % every === 0 ? String(layer) : "");
        label.node.style.width = `${slot}px`;
      },
    );
    numbers.style.width = `${width}px`;
  }

  function resize() {
    const room = layerWidth(node, adapter);
    if (!room || room.width === width) return;
    width = room.width;
    plot.style.width = `${width}px`;
    setAttribute(drawn.node, "width", String(width));
    numberTheLayers();
    paint();
  }

  return {
    node,
    resize,
    update() {
      const { layers: set } = peekFaders(store.panel, name);
      const { min, max } = store.range();
      values = layers.map((layer) => gainAt(set, String(layer)));
      if (!width) resize();
      scale();
      paint();
      setText(where, `Layer ${layers[marked()]}`);
      if (document.activeElement !== field.input) field.update(values[marked()]);
      setAttribute(plot, "aria-valuemin", String(min));
      setAttribute(plot, "aria-valuemax", String(max));
      setAttribute(plot, "aria-valuenow", String(values[chosen]));
      setAttribute(plot, "aria-valuetext", `layer ${layers[chosen]}: ${writeGain(values[chosen])}`);
    },
    stop() {
      if (drawing) store.release();
      drawing = null;
    },
  };
}
