/*
 * The curve of energy over rank: which share of what an adapter adds is in the strongest components of every target,
 * how far the targets are apart, and where the rank heard stands. Where it can be moved, this is a fader for it.
 */

import { el, setAttribute, setText, svg } from "../page/elements.js";
import { isShortcut, mayScroll, onDouble } from "../page/gestures.js";
import { keyed, whenChanged } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { clamp, roundTicks } from "../page/numbers.js";
import { fadersOf, peekFaders } from "../page/panel.js";
import { store } from "../page/store.js";
import { curveOf, heardOf, held } from "./energy.js";
import { writeComponents } from "./needed_map.js";
import { shareChoice } from "./share_choice.js";
import { NOT_IMPORTANCE, shareOf, spectrumOf } from "./spectra.js";

/** @import { Index } from "../page/gains.js" */
/** @import { Known } from "./spectra.js" */

/** @typedef {ReturnType<typeof curveOf>} Curve */
/** @typedef {ReturnType<typeof held>} Held */

/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(share > 0.99 && share < 1 ? 2 : 1).replace(/\.0+$/, "")} %`;

/** The picture, in a square that is stretched to its place: band of the targets, curve, the share asked after. */
function picture() {
  const part = (/** @type {string} */ name) =>
    svg("path", { class: `lora-mixer-energy-${name}`, "vector-effect": "non-scaling-stroke" });
  const [band, line, asked, here] = ["band", "line", "asked", "here"].map(part);
  const node = svg(
    "svg",
    { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
    band,
    asked,
    here,
    line,
  );
  return {
    node,
    /**
     * @param {Curve} curve
     * @param {number} share
     * @param {number} at the rank to mark
     */
    paint({ points }, share, at) {
      const most = Math.max(1, points.length - 1);
      const x = (/** @type {number} */ k) => ((k / most) * 100).toFixed(3);
      const y = (/** @type {number} */ value) => (100 - value * 100).toFixed(3);
      const up = points.map((point, k) => `${x(k)} ${y(point.most)}`);
      const down = points.map((point, k) => `${x(k)} ${y(point.least)}`).reverse();
      setAttribute(band, "d", `M${[...up, ...down].join("L")}Z`);
      setAttribute(line, "d", `M${points.map((point, k) => `${x(k)} ${y(point.share)}`).join("L")}`);
      setAttribute(asked, "d", `M0 ${y(share)}H100`);
      setAttribute(here, "d", at < 0 ? "" : `M${x(at)} 0V100`);
    },
  };
}

/** @param {Index} index */
export function energyCurve(index) {
  const { adapter } = index;
  const { name } = adapter;
  const moves = adapter.whyNotRank === "";
  let most = 0;
  let hover = -1;
  /** @type {{id: number, from: PointerEvent | null} | null} */
  let drag = null;

  const drawn = picture();
  const dot = el("span", { class: "energy-dot", "aria-hidden": "true" });
  const plot = el(
    "div",
    {
      class: moves ? "energy-plot" : "energy-plot is-fixed",
      tabindex: 0,
      role: moves ? "slider" : "img",
      "aria-label": moves ? `Rank heard of ${name}, on the curve of its energy` : `Energy over rank of ${name}`,
      data: { part: "energy-curve" },
    },
    drawn.node,
    dot,
  );
  const axis = el(
    "div",
    { class: "energy-axis", "aria-hidden": "true" },
    ...["100 %", "50 %", "0"].map((text) => el("span", { text })),
  );
  const numbers = el("div", { class: "energy-numbers", "aria-hidden": "true" });
  const chart = el("div", { class: "energy-chart" }, axis, plot, numbers);
  const share = shareChoice(name);
  const told = el("p", { class: "energy-told" });
  const now = el("p", { class: "energy-now", data: { part: "heard-now" } });
  const there = el("p", { class: "energy-there", role: "status", data: { part: "energy-at" } });
  const hint = el("p", { class: "hint", text: NOT_IMPORTANCE });
  const side = el("div", { class: "energy-side" }, share.node, told, now, there, hint);
  const why = el("p", { class: "hint" });
  const body = el("div", { class: "energy" }, chart, side);
  const node = el("div", {}, body, why);

  // Moving the rank ---------------------------------------------------------------------------------------------------

  /** @param {number} rank */
  const hear = (rank) =>
    store.edit((panel) => {
      const faders = fadersOf(panel, name);
      if (rank >= most) delete faders.rank;
      else faders.rank = Math.max(1, rank);
    });
  /** @param {MouseEvent} event */
  const rankAt = (event) => {
    const box = plot.getBoundingClientRect();
    return clamp(Math.round(((event.clientX - box.left) / box.width) * most), 0, most);
  };
  /**
   * @param {"pointerdown" | "pointermove" | "pointerup" | "pointercancel" | "lostpointercapture" | "pointerleave"} type
   * @param {(event: PointerEvent) => void} fn
   */
  const on = (type, fn) => plot.addEventListener(type, guard("energy curve", fn));
  on("pointermove", (event) => {
    hover = rankAt(event);
    if (drag?.id === event.pointerId && !mayScroll(drag.from, event)) {
      drag.from = null;
      hear(hover);
    }
    store.changed();
  });
  on("pointerleave", () => {
    hover = -1;
    store.changed();
  });
  if (moves) {
    on("pointerdown", (event) => {
      if (event.button || drag) return;
      drag = { id: event.pointerId, from: event.pointerType === "touch" ? event : null };
      store.grab();
      plot.setPointerCapture(event.pointerId);
      if (!drag.from) hear(rankAt(event));
    });
    const end = (/** @type {PointerEvent} */ event) => {
      if (drag?.id !== event.pointerId) return;
      if (event.type === "pointerup" && drag.from) hear(rankAt(event));
      drag = null;
      store.release();
      store.changed();
    };
    for (const type of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) on(type, end);
    onDouble(plot, () => hear(most));
    plot.addEventListener(
      "keydown",
      guard("energy curve", (/** @type {KeyboardEvent} */ event) => {
        if (isShortcut(event)) return;
        const rank = Math.min(most, peekFaders(store.panel, name).rank ?? most);
        /** @type {Record<string, number>} */
        const to = {
          ArrowLeft: rank - 1,
          ArrowDown: rank - 1,
          ArrowRight: rank + 1,
          ArrowUp: rank + 1,
          Home: 1,
          End: most,
          Delete: most,
        };
        if (to[event.key] === undefined) return;
        hear(to[event.key]);
        event.preventDefault();
      }),
    );
  }

  // Drawing -----------------------------------------------------------------------------------------------------------

  function scale() {
    whenChanged(numbers, most, () => {
      const at = most <= 16 ? Array.from({ length: most }, (_, k) => k + 1) : roundTicks(0, most).slice(1);
      keyed(
        numbers,
        at,
        (k) => k,
        (k) => ({ node: el("span", { text: String(k) }) }),
        (label, k) => {
          label.node.style.left = `${(k / most) * 100}%`;
        },
      );
    });
  }

  /**
   * @param {Known} found
   * @param {Curve} curve
   */
  function heardNow(found, curve) {
    const faders = peekFaders(store.panel, name);
    const all = faders.rank === undefined && (faders.energy ?? 1) === 1;
    const at = held(found.targets, curve.gains, (parts) => heardOf(parts, faders));
    dot.style.left = `${(at.mean / most) * 100}%`;
    dot.style.top = `${100 - at.share * 100}%`;
    const mean = writeComponents(Math.round(at.mean * 10) / 10);
    const spread = at.fewest === at.greatest ? "" : `, ${at.fewest} to ${at.greatest}`;
    setText(
      now,
      curve.silent
        ? "Silent now: drawn as loaded."
        : all
          ? "Heard now: all of it."
          : `Heard now: ${percent(at.share)} of what it adds, in ${mean} components a target${spread}.`,
    );
    setAttribute(plot, "aria-valuemin", "1");
    setAttribute(plot, "aria-valuemax", String(most));
    setAttribute(plot, "aria-valuenow", String(Math.min(most, faders.rank ?? most)));
    setAttribute(plot, "aria-valuetext", now.textContent ?? "");
  }

  /** @param {Curve} curve */
  function pointedAt(curve) {
    if (hover < 0) {
      const all = moves ? "Click or drag to hear fewer components; double-click to hear all." : adapter.whyNotRank;
      return `The line: all that it adds, as the faders stand. The band: from the least of its targets to the most. ${all}`;
    }
    const { share: kept, least, most: largest } = curve.points[hover];
    return `Rank ${hover}: ${percent(kept)} of what it adds; of single targets ${percent(least)} to ${percent(largest)}.`;
  }

  return {
    node,
    update() {
      const found = spectrumOf(adapter);
      body.hidden = !("told" in found);
      why.hidden = !body.hidden;
      if (!("told" in found)) {
        setText(why, found.why);
        return;
      }
      const curve = curveOf(found.targets, index.gains);
      most = Math.max(1, curve.points.length - 1);
      hover = Math.min(hover, most);
      drawn.paint(curve, shareOf(name), hover);
      scale();
      share.update();
      setText(told, found.told.lines[String(shareOf(name))] ?? "");
      heardNow(found, curve);
      setText(there, pointedAt(curve));
    },
    stop() {
      if (drag) store.release();
      drag = null;
    },
  };
}
