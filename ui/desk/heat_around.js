/*
 * What stands around the grid while it shows a heat map: the switch, the scale, a bar for each kind and layer,
 * measuring.
 */

import { el, setAttribute, setText } from "../page/elements.js";
import { chooseHeat, heatMode, MODES } from "./heat_maps.js";
import { impactPanel } from "./impact.js";
import { shareChoice } from "./share_choice.js";
import { NOT_IMPORTANCE } from "./spectra.js";

/** @import { Adapter } from "../page/messages.js" */
/** @import { Index } from "../page/gains.js" */
/** @import { HeatMap, Mode, ReadyMap } from "./heat_maps.js" */

/** @param {string} name */
function switcher(name) {
  const buttons = MODES.map(([mode, text, title]) => {
    const choose = () => chooseHeat(name, mode);
    return {
      mode,
      node: el("button", { type: "button", class: "brush", text, title, data: { heat: mode }, on: { click: choose } }),
    };
  });
  const label = el("span", { class: "label", text: "Show" });
  return {
    node: el(
      "div",
      { class: "brushes heat-modes", role: "group", "aria-label": "What the grid shows" },
      label,
      ...buttons.map((one) => one.node),
    ),
    /** @param {Mode} mode */
    update(mode) {
      for (const one of buttons) setAttribute(one.node, "aria-pressed", String(one.mode === mode));
    },
  };
}

function legend() {
  const ends = [0, 0.25, 1].map((at) => ({ at, node: el("span") }));
  const unit = el("span", { class: "hint" });
  const scale = el("span", { class: "heat-scale" });
  const numbers = el("span", { class: "heat-ends" }, ...ends.map((one) => one.node));
  return {
    node: el(
      "div",
      { class: "heat-legend", data: { part: "legend" } },
      el("span", { class: "heat-scale-box" }, scale, numbers),
      unit,
    ),
    /** @param {ReadyMap} map */
    update(map) {
      for (const { at, node } of ends) setText(node, map.write(at * map.max));
      setText(unit, map.unit);
    },
  };
}

/** @param {Array<number | null>} values */
const most = (values) => Math.max(...values.map((value) => value || 0)) || 1;

/**
 * One bar for each kind, with its number.
 *
 * @param {Adapter} adapter
 */
function kindBars(adapter) {
  const rows = adapter.kinds.map((kind) => {
    const fill = el("span", { class: "bar-fill" });
    const number = el("span", { class: "bar-number" });
    const name = el("span", { class: "bar-name", text: kind, title: kind });
    return {
      fill,
      number,
      node: el("div", { class: "bar-row", data: { bar: kind } }, name, el("span", { class: "bar" }, fill), number),
    };
  });
  return {
    node: el("div", { class: "heat-kinds", data: { part: "kinds" } }, ...rows.map((row) => row.node)),
    /** @param {ReadyMap} map */
    update(map) {
      const top = most(map.kinds);
      rows.forEach((row, r) => {
        const value = map.kinds[r];
        row.fill.style.width = `${Math.round(((value || 0) / top) * 1000) / 10}%`;
        setText(row.number, value === null ? "\u2013" : map.write(value));
      });
    },
  };
}

/**
 * One bar for each layer, standing under its column of the grid.
 *
 * @param {Adapter} adapter
 */
function layerBars(adapter) {
  const bars = adapter.layers.map((layer) => {
    const fill = el("span", { class: "layer-fill" });
    return { layer, fill, node: el("span", { class: "layer-bar", data: { bar: String(layer) } }, fill) };
  });
  const label = el("span", { class: "grid-kind", text: "layer" });
  return {
    node: el("div", { class: "grid-row heat-layers", data: { part: "layers" } }, label, ...bars.map((bar) => bar.node)),
    /** @param {ReadyMap} map */
    update(map) {
      const top = most(map.layers);
      bars.forEach(({ layer, fill, node }, i) => {
        const value = map.layers[i];
        const nats = map.mode === "silenced" || map.mode === "alone" ? " nats" : "";
        const words = value === null ? "not measured" : map.write(value) + nats;
        fill.style.height = `${Math.round(((value || 0) / top) * 100)}%`;
        setAttribute(node, "title", `layer ${layer}: ${words}`);
      });
    },
  };
}

/**
 * The switch above the grid (top), the layers' bars in it (under), all the rest below it.
 *
 * @param {Index} index
 */
export function heatAround({ adapter }) {
  const modes = switcher(adapter.name);
  const scale = legend();
  const kinds = kindBars(adapter);
  const layers = layerBars(adapter);
  const waiting = el("div", { class: "hint heat-waiting", role: "status" });
  const measure = impactPanel(adapter);
  const share = shareChoice(adapter.name);
  const caveat = el("p", { class: "hint", text: NOT_IMPORTANCE });
  const below = el(
    "div",
    { class: "heat-below", hidden: true },
    share.node,
    scale.node,
    waiting,
    kinds.node,
    caveat,
    measure.node,
  );
  layers.node.hidden = true;
  return {
    top: modes.node,
    under: layers.node,
    below,
    /** @param {HeatMap | null} map */
    update(map) {
      const mode = heatMode(adapter.name);
      modes.update(mode);
      below.hidden = mode === "gain";
      layers.node.hidden = !map?.ready;
      if (!map) return;
      share.node.hidden = caveat.hidden = mode !== "needed";
      share.update();
      measure.node.hidden = mode !== "silenced" && mode !== "alone";
      if (mode === "silenced" || mode === "alone") measure.update(mode, map);
      scale.node.hidden = kinds.node.hidden = !map.ready;
      waiting.hidden = map.ready || !measure.node.hidden;
      setText(waiting, map.ready ? "" : map.why);
      if (!map.ready) return;
      scale.update(map);
      kinds.update(map);
      layers.update(map);
    },
  };
}
