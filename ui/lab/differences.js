/* What differs: how the replies are coloured, and how far the mixes are apart. */

import { el, setAttribute, setText, showText } from "../page/elements.js";
import { setOptions, whenChanged } from "../page/keyed.js";
import { store } from "../page/store.js";
import { titleOf } from "./column_title.js";
import { lab } from "./lab.js";
import { chooseView, DIFFER, marks, PLAIN } from "./marks.js";

/** @import { ColumnTitle, Measured, Sheet } from "./messages.js" */
/** @import { Results } from "./results.js" */

/** @param {number | null} value */
function writeMeasure(value) {
  if (value === null || value === undefined) return "\u2013";
  return value >= 1000 ? value.toExponential(1) : value.toPrecision(3);
}

/**
 * A table of mixes against replies.
 *
 * @param {string} title
 * @param {string} hint
 * @param {Array<Array<number | null>>} values
 * @param {ColumnTitle[]} columns
 * @param {(value: number) => number} strength from 0 to 1: it colours a cell
 */
function table(title, hint, values, columns, strength) {
  const titles = columns.map(titleOf);
  const corner = el(
    "th",
    { class: "measure-corner" },
    el("span", { text: "reply \u2192" }),
    el("span", { text: "mix \u2193" }),
  );
  const heads = columns.map(({ letter }, j) => el("th", { scope: "col", text: letter, title: `said by ${titles[j]}` }));
  const rows = values.map((line, i) => {
    const cells = line.map((value, j) => {
      const cell = el("td", { text: writeMeasure(value), title: `${titles[i]}, on what ${titles[j]} said` });
      cell.style.setProperty("--strength", `${Math.round((value === null ? 0 : strength(value)) * 60)}%`);
      return cell;
    });
    return el("tr", {}, el("th", { scope: "row", text: columns[i].letter, title: `judged by ${titles[i]}` }), ...cells);
  });
  const body = el("table", {}, el("thead", {}, el("tr", {}, corner, ...heads)), el("tbody", {}, ...rows));
  return el(
    "figure",
    { class: "measure" },
    el("figcaption", {}, el("b", { text: title }), el("span", { class: "hint", text: hint })),
    el("div", { class: "measure-scroll" }, body),
  );
}

/** @param {Array<Array<number | null>>} values */
const known = (values) =>
  values
    .flat()
    .filter((value) => value !== null && Number.isFinite(value))
    .map(Number);

/**
 * @param {Measured} measured
 * @param {ColumnTitle[]} columns
 */
function tables({ divergence, perplexity, rows }, columns) {
  const lacks = known(divergence).length ? "" : (store.state?.engine?.whyNot.divergence ?? "");
  const most = Math.max(0.001, ...known(divergence));
  const top = Math.max(0.001, ...known(perplexity).map(Math.log));
  const over = rows > 1 ? `, mean of ${rows} rows` : "";
  const apart = () =>
    table(
      "Divergence",
      `nats a token: how far the mix in a row is from the one that wrote the column's reply${over}`,
      divergence,
      columns,
      (v) => v / most,
    );
  return [
    lacks ? el("p", { class: "hint", text: lacks, data: { part: "no-divergence" } }) : apart(),
    table(
      "Perplexity",
      `of the column's reply under the mix in a row: 1 is no surprise at all${over}`,
      perplexity,
      columns,
      (v) => Math.log(v) / top,
    ),
  ];
}

/** @param {Results} results */
export function differences(results) {
  const choose = () => {
    const { value } = views;
    chooseView(value === DIFFER || value === PLAIN ? value : Number(value));
  };
  const views = el("select", {
    class: "select",
    id: "lora-mixer-view",
    "aria-label": "What is marked in the replies",
    on: { change: choose },
  });
  const begin = () => {
    if (lab.line.running) return;
    lab.begins("Measuring \u2026");
    lab.send({ do: "measure" });
  };
  const measure = el("button", {
    type: "button",
    class: "button small",
    text: "Measure the differences",
    id: "lora-mixer-measure",
    title:
      "How far apart the mixes are, and how surprising each token is: it costs one pass of the model for every reply",
    on: { click: begin },
  });
  results.bar.right.append(
    el("label", { class: "inline" }, el("span", { class: "field-name", text: "Mark" }), views),
    measure,
  );
  const hint = el("span", { class: "hint" });
  const legend = el("div", { class: "legend", hidden: true }, el("span", { class: "legend-scale" }), hint);
  const shown = el("div", { class: "measures", id: "lora-mixer-measures", hidden: true });
  const care = el("p", { class: "hint", hidden: true, data: { part: "scores" } });
  results.bar.node.after(care, legend);
  results.node.append(shown);

  /** @param {Sheet} sheet */
  function offer({ columns }) {
    const surprises = columns.map(
      (column, c) =>
        /** @type {[string, string, boolean]} */ ([String(c), `surprise to ${titleOf(column)}`, !marks.measured]),
    );
    setOptions(views, [[DIFFER, "words that differ"], [PLAIN, "nothing"], ...surprises]);
    if (views.value !== String(marks.view)) views.value = String(marks.view);
    setAttribute(
      views,
      "title",
      marks.measured ? "" : "How surprising each token is can be marked once the differences are measured",
    );
  }

  return {
    update() {
      const { sheet, line } = lab;
      const { measured, view } = marks;
      shown.hidden = !measured;
      legend.hidden = typeof view !== "number";
      if (!sheet) return;
      offer(sheet);
      measure.disabled = line.running || !sheet.cells.some((row) => row.some((cell) => cell.s === "done" && cell.text));
      measure.hidden = measured !== null && measured.rows >= sheet.rows.length;
      showText(care, measure.hidden ? "" : (store.state?.engine?.differs.scores ?? ""));
      if (typeof view === "number") {
        setText(
          hint,
          `The more colour, the more a token surprises ${titleOf(sheet.columns[view])}. Point at one for its probability.`,
        );
      }
      whenChanged(shown, [measured, sheet.columns], () =>
        shown.replaceChildren(...(measured ? tables(measured, sheet.columns) : [])),
      );
    },
  };
}
