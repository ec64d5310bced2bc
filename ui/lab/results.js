/* The results: a row for every question and seed, a card for every column in it; a sweep of two faders as a grid. */

import { el, setAttribute, setText } from "../page/elements.js";
import { setOptions } from "../page/keyed.js";
import { titleOf } from "./column_title.js";
import { lab } from "./lab.js";
import { replyCard } from "./reply.js";

/** @import { Sheet } from "./messages.js" */

const CHARACTERS = 4.3; // a token's, as a rule
const CHARACTER = 7.2; // its width in pixels
const LINE = 21;
const SLIM = 400; // in a card that is slimmer, what is noted of a reply takes two lines

/**
 * How tall a reply's text is to be, so that nothing moves while it fills: as long as it may get, within reason.
 *
 * @param {number | null | undefined} limit
 * @param {number} width
 */
export function replyHeight(limit, width) {
  const lines = ((limit || 128) * CHARACTERS) / Math.max(20, width / CHARACTER);
  return Math.round(Math.min(Math.max(lines + 2, 6), 15) * LINE);
}

/** @param {HTMLElement} body whose replies it can show in their full height */
function toolbar(body) {
  const reference = el("select", {
    class: "select",
    id: "lora-mixer-reference",
    "aria-label": "Reference column",
    on: { change: () => lab.order({ do: "reference", column: Number(reference.value) }) },
  });
  const stretch = () => {
    const whole = body.classList.toggle("is-tall");
    setAttribute(tall, "aria-pressed", String(whole));
  };
  const tall = el("button", {
    type: "button",
    class: "button small",
    text: "Whole replies",
    "aria-pressed": "false",
    title: "Show every reply in its full height",
    data: { do: "tall" },
    on: { click: stretch },
  });
  const note = el("span", { class: "hint" });
  const right = el("span", { class: "toolbar-right" });
  const label = el("label", { class: "inline" }, el("span", { class: "field-name", text: "Reference" }), reference);
  return { node: el("div", { class: "toolbar", hidden: true }, label, right, tall, note), reference, note, right };
}

/** @param {{letter: string}[]} columns */
const promises = (columns) =>
  columns.map(({ letter }) =>
    el(
      "article",
      { class: "reply", id: `lora-mixer-reply-${letter}` },
      el("header", { class: "reply-head" }, el("b", { text: letter })),
      el(
        "div",
        { class: "reply-text" },
        el("span", { class: "faint", text: `What column ${letter} says will stand here.` }),
      ),
    ),
  );

/**
 * One row's cards side by side, or as a grid of x and y.
 *
 * @param {Sheet} sheet
 * @param {HTMLElement[]} cards
 */
function rowOf({ grid }, cards) {
  if (!grid?.ys.length || grid.xs.length * grid.ys.length !== cards.length)
    return el("div", { class: "row-cards" }, ...cards);
  const n = grid.xs.length;
  const corner = el(
    "div",
    { class: "axis-corner" },
    el("span", { text: `${grid.x} \u2192` }),
    el("span", { text: `${grid.y} \u2193` }),
  );
  const table = el("div", { class: "xy" }, corner, ...grid.xs.map((x) => el("div", { class: "axis-x", text: x })));
  table.style.gridTemplateColumns = `minmax(70px, auto) repeat(${n}, minmax(220px, 1fr))`;
  grid.ys.forEach((y, j) => {
    table.append(el("div", { class: "axis-y", text: y }), ...cards.slice(j * n, (j + 1) * n));
  });
  return el("div", { class: "xy-scroll" }, table);
}

/** @typedef {ReturnType<typeof resultCards>} Results */

export function resultCards() {
  const body = el("div", { class: "results", id: "lora-mixer-results" });
  const bar = toolbar(body);
  const node = el("div", { class: "results-part" }, bar.node, body);
  /** @type {Sheet | string | null} */
  let built = null; // the experiment whose replies stand here, or how many places are kept for one
  /** @type {Array<Array<ReturnType<typeof replyCard>>>} */
  let cards = [];

  /** @param {Sheet} sheet */
  function build(sheet) {
    built = sheet;
    cards = sheet.rows.map((_, row) =>
      sheet.columns.map(({ letter, name }, column) =>
        replyCard({ letter, name, row, column, use: sheet.use && row === 0, id: row === 0 }),
      ),
    );
    const nodes = sheet.rows.flatMap(({ label, seed }, r) => {
      const row = rowOf(
        sheet,
        cards[r].map((card) => card.node),
      );
      if (sheet.rows.length < 2) return [row];
      const title = el("span", { class: "row-label", text: label, title: label });
      return [el("h4", { class: "row-head" }, title, el("span", { class: "hint", text: `seed ${seed}` })), row];
    });
    body.replaceChildren(...nodes);
    setOptions(
      bar.reference,
      sheet.columns.map((column, c) => [String(c), titleOf(column)]),
    );
    resize();
  }

  function empty() {
    const columns = lab.setup?.columns ?? [];
    const places = lab.setup ? `${columns.length} places` : "no places";
    if (built === places) return;
    built = places;
    body.replaceChildren(el("div", { class: "row-cards" }, ...promises(columns.slice(0, 4))));
  }

  function resize() {
    const first = body.querySelector(".lora-mixer-reply-text");
    if (!first) return;
    body.classList.toggle("is-slim", first.clientWidth < SLIM);
    if (lab.sheet) body.style.setProperty("--lm-reply", `${replyHeight(lab.sheet.limit, first.clientWidth || 280)}px`);
  }

  return {
    node,
    bar,
    resize,
    update() {
      const { sheet } = lab;
      bar.node.hidden = !sheet;
      if (!sheet) {
        empty();
        return;
      }
      if (built !== sheet) build(sheet);
      if (bar.reference.value !== String(sheet.reference)) bar.reference.value = String(sheet.reference);
      setText(bar.note, lab.note || "");
      sheet.cells.forEach((row, r) => {
        row.forEach((cell, c) => {
          cards[r][c].update(cell);
        });
      });
    },
  };
}
