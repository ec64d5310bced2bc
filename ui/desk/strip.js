/* An adapter's strip: its name, switch, mute and solo, master fader, facts, and the sections below them. */

import { el, setText } from "../page/elements.js";
import { foldable } from "../page/foldable.js";
import { alphaNow, hearGains, indexTargets } from "../page/gains.js";
import { writeCount, writeCounted, writeMethod, writePercent, writeRange, writeShort } from "../page/numbers.js";
import { fadersOf, peekFaders, toggle, whySilent } from "../page/panel.js";
import { store } from "../page/store.js";
import { depthCurve } from "./depth_curve.js";
import { energyCurve } from "./energy_curve.js";
import { faderRow } from "./fader.js";
import { fadeSection } from "./fades.js";
import { targetGrid } from "./grid.js";
import { kindFaders } from "./kinds.js";
import { latch, powerSwitch, silentBadge } from "./latches.js";
import { rankRow } from "./rank.js";
import { shapeButtons } from "./shapes.js";
import { resetWithUndo } from "./undo.js";

/** @import { Adapter } from "../page/messages.js" */

/** @param {number[]} [values] */
function spread(values = []) {
  if (!values.length) return "\u2013";
  if (values.length <= 3) return values.map(writeShort).join(", ");
  return `${writeShort(values[0])} \u2013 ${writeShort(values[values.length - 1])}`;
}

/**
 * @param {string} id
 * @param {string} name
 * @param {string} value
 * @param {string} [title]
 */
function fact(id, name, value, title = value) {
  const shown = el("dd", { text: value, title, data: { fact: id } });
  return { node: el("div", { class: "fact" }, el("dt", { text: name }), shown), shown };
}

/** @param {Adapter} adapter */
function facts(adapter) {
  const share = adapter.share ? writePercent(adapter.share) : ""; // of a model whose size nobody tells none is known
  const now = fact("alpha-now", "Alpha now", "", "Effective alpha: gain x alpha, over all targets as they are heard");
  now.node.classList.add("is-live");
  const all = [
    fact("method", "Method", writeMethod(adapter)),
    fact("rank", "Rank", spread(adapter.rank)),
    fact("alpha", "Alpha", spread(adapter.alpha), "As trained"),
    fact("scaling", "Scaling", spread(adapter.scaling), "The factor on the adapter's output, as loaded"),
    now,
    fact(
      "parameters",
      "Parameters",
      `${writeCount(adapter.parameters)}${share && ` (${share})`}`,
      `${adapter.parameters} parameters${share && `, ${share} of the model`}`,
    ),
  ];
  return { node: el("dl", { class: "facts" }, ...all.map((one) => one.node)), now: now.shown };
}

/** @param {Adapter} adapter */
function fixedList(adapter) {
  const n = adapter.fixed.length;
  if (!n) return null;
  const rows = adapter.fixed.map(([name, why]) => el("li", {}, el("code", { text: name }), el("span", { text: why })));
  const text = n === 1 ? "1 part that no fader can move, and why" : `${n} parts that no fader can move, and why`;
  const summary = el(
    "summary",
    {},
    el("span", { class: "section-name", text: "Fixed" }),
    el("span", { class: "digest", text }),
  );
  return el(
    "details",
    { class: "section", data: { section: "fixed" } },
    summary,
    el("ul", { class: "fixed" }, ...rows),
  );
}

/** @param {object} map */
function moved(map) {
  const n = Object.keys(map).length;
  return n ? ` \u00b7 ${n} moved` : "";
}

/** @typedef {ReturnType<typeof adapterStrip>} Strip */

/**
 * The strip of one adapter.
 *
 * @param {Adapter} adapter
 * @param {boolean} alone it is the only adapter: all its sections start open
 */
export function adapterStrip(adapter, alone) {
  const { name, kinds: kindNames, layers, targets } = adapter;
  const index = indexTargets(adapter);
  const master = faderRow({
    data: { fader: "master" },
    name: "Master",
    label: `Master fader of ${name}`,
    scale: true,
    set: (v) =>
      store.edit((panel) => {
        fadersOf(panel, name).master = v;
      }),
  });
  const power = powerSwitch(name);
  const mute = latch("M", "mute", `Mute ${name}`, () => store.edit((panel) => toggle(panel.muted.adapters, name)));
  const solo = latch("S", "solo", `Solo ${name}`, () => store.edit((panel) => toggle(panel.soloed.adapters, name)));
  const why = silentBadge();
  const reset = el("button", {
    type: "button",
    class: "button",
    text: "Reset",
    "aria-label": `Reset ${name}`,
    title: "All faders of this adapter back to 1: as loaded",
    data: { do: "reset" },
    on: { click: () => resetWithUndo(name) },
  });

  const rank = rankRow(adapter);
  const known = facts(adapter);
  const kinds = kindFaders(adapter);
  const curve = layers.length ? depthCurve(adapter) : null;
  const grid = targetGrid(index);
  const energy = energyCurve(index);
  const fades = fadeSection(adapter);
  const shapes = shapeButtons(adapter);
  /**
   * @param {string} label
   * @param {{node: Node}} part
   * @param {boolean} open
   */
  const section = (label, part, open) => foldable(`${name}/${label}`, label, open, part.node, () => store.changed());
  const kindSection = section("Kinds", kinds, true);
  const depthSection = curve && section("Depth", curve, alone);
  const gridSection = section("Grid", grid, alone);
  const spectrumSection = section("Spectrum", energy, alone);

  const node = el(
    "section",
    { class: "strip", "aria-label": `Adapter ${name}`, data: { adapter: name } },
    el(
      "header",
      { class: "strip-head" },
      power.node,
      el("h3", { class: "name", text: name, title: name }),
      why.node,
      el("div", { class: "strip-buttons" }, mute.node, solo.node, reset),
    ),
    master.node,
    rank.node,
    known.node,
    adapter.advice && el("p", { class: "advice", text: adapter.advice }),
    shapes.node,
    el(
      "div",
      { class: "sections" },
      kindSection.node,
      depthSection?.node,
      gridSection.node,
      spectrumSection.node,
      fades.node,
      fixedList(adapter),
    ),
  );
  if (!targets.length)
    for (const one of [kindSection, depthSection, gridSection, spectrumSection, fades]) if (one) one.node.hidden = true;

  return {
    node,
    adapter,
    update() {
      const { panel } = store;
      const f = peekFaders(panel, name);
      const silent = whySilent(panel, adapter);
      hearGains(index, panel);
      node.classList.toggle("is-silent", silent !== "");
      why.update(silent);
      power.update(f.on);
      mute.update(panel.muted.adapters.includes(name));
      solo.update(panel.soloed.adapters.includes(name));
      rank.update();
      master.update(f.master, { fades: "master" in f.fades });
      fades.update();
      shapes.update();
      setText(known.now, writeRange(...alphaNow(index), writeShort));
      setText(kindSection.digest, writeCounted(kindNames.length, "kind", "kinds") + moved(f.kinds));
      if (depthSection) setText(depthSection.digest, writeCounted(layers.length, "layer", "layers") + moved(f.layers));
      setText(gridSection.digest, writeCounted(targets.length, "target", "targets") + moved(f.modules));
      setText(spectrumSection.digest, "energy over rank");
      if (kindSection.open) kinds.update();
      if (curve && depthSection?.open) curve.update();
      if (gridSection.open) grid.update();
      if (spectrumSection.open) energy.update();
    },
    /** The desk has another width (or has one at last). */
    resize() {
      curve?.resize();
      grid.resize();
    },
    stop() {
      curve?.stop();
      grid.stop();
      energy.stop();
    },
  };
}
