/* Asking for charts: of a sweep that was compared, and of a text of one's own. Gradio draws them, below. */

import { el } from "../page/elements.js";
import { textArea, textField } from "../page/fields.js";
import { foldable } from "../page/foldable.js";
import { guard, onStop } from "../page/lifetime.js";
import { lab } from "./lab.js";

/** @import { LabDraw } from "../page/orders.js" */
/** @import { Results } from "./results.js" */

const PATIENCE_MS = 8000; // a chart that is not there by then was refused, or called off
const LOOK_MS = 150;

/**
 * @param {string} name
 * @returns {HTMLElement | null}
 */
const placeOf = (name) => document.getElementById(`lora-mixer-plot-${name}`);

/** @param {string} name */
const drawnIn = (name) => placeOf(name)?.querySelector(".js-plotly-plot")?.textContent ?? "";

/** Once the chart that was asked for stands on the page, below all the rest, its reader is taken there. */
function chartWatch() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  onStop(() => clearTimeout(timer));
  return (/** @type {string} */ name) => {
    const before = drawnIn(name);
    let late = 0;
    clearTimeout(timer);
    const look = guard("charts", () => {
      if (lab.line.running) {
        timer = setTimeout(look, LOOK_MS);
        return;
      }
      late += LOOK_MS;
      const now = drawnIn(name);
      if (now && (now !== before || late > PATIENCE_MS / 4))
        placeOf(name)?.scrollIntoView({ behavior: "smooth", block: "start" });
      else if (late < PATIENCE_MS) timer = setTimeout(look, LOOK_MS);
    });
    look();
  };
}

/**
 * @param {HTMLElement} root
 * @param {Results} results
 */
export function charts(root, results) {
  const show = chartWatch();
  /** @type {number | undefined} */
  let of; // the experiment whose curves were asked for last

  /** @param {Omit<LabDraw, "do">} message */
  function draw(message) {
    if (lab.line.running) return;
    if (message.chart === "sweep") of = lab.sheet?.key;
    lab.begins("Drawing \u2026");
    lab.send({ do: "draw", ...message });
    show(message.chart);
  }
  const curves = el("button", {
    type: "button",
    class: "button small",
    text: "Draw the curves",
    id: "lora-mixer-draw-sweep",
    title:
      "Perplexity, divergence from the base, agreement and length against the gain: it costs some passes of the model",
    on: { click: () => draw({ chart: "sweep" }) },
  });
  results.bar.right.append(curves);

  const text = textArea("Your own text", {
    rows: 3,
    id: "lora-mixer-own-text",
    placeholder: "A few sentences as the adapter should write them",
  });
  const axis = textField("over", { id: "lora-mixer-own-axis", placeholder: "master 0 to 2 in 0.25" });
  const go = el("button", {
    type: "button",
    class: "button",
    text: "Draw how likely it is",
    id: "lora-mixer-draw-text",
    on: { click: () => draw({ chart: "text", text: text.input.value, axis: axis.input.value }) },
  });
  const body = el(
    "div",
    { class: "own" },
    el("p", {
      class: "hint",
      text: "How likely the adapter makes a text as its gain goes up, and where more stops helping.",
    }),
    text.node,
    el("div", { class: "fields" }, axis.node, go),
  );
  const section = foldable("lab/own", "How much is enough?", false, body, () => {});
  section.digest.textContent = "a text of your own against the gain";
  root.append(el("div", { class: "panel-card own-card" }, section.node));
  return {
    update() {
      const { setup, sheet, line } = lab;
      curves.hidden = !sheet?.drawable;
      curves.disabled = line.running;
      // Curves belong to their experiment: Gradio keeps them on the page when another one is shown.
      const plot = placeOf("sweep");
      if (plot) plot.style.display = sheet && sheet.key === of ? "" : "none";
      go.disabled = line.running || setup?.trouble !== "";
      const example = setup?.examples[0];
      if (example) axis.input.placeholder = example;
    },
  };
}
