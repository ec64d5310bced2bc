/*
 * What is marked in the replies: the words that differ, nothing, or how surprising each token is to another column's
 * mix.
 */

import { el } from "../page/elements.js";
import { titleOf } from "./column_title.js";
import { lab } from "./lab.js";

/** @import { Cell, Measured } from "./messages.js" */

export const DIFFER = "differ";
export const PLAIN = "plain";

/** @typedef {"differ" | "plain" | number} View a number is the index of the column whose mix judges */

/**
 * @typedef {object} Judged
 * @property {number} key
 * @property {number} judge
 * @property {Map<string, Array<[text: string, probability: number | null]>>} cells by "row,column"
 */

export const marks = {
  /** @type {View} */
  view: DIFFER,
  /** @type {Measured | null} */
  measured: null,
  /** @type {Judged | null} */
  judged: null,
};
/** @type {number | null} */
let about = null; // the experiment that all of this is about

/** Follows what Python says of the experiment that is shown. */
export function startMarks() {
  lab.onNews((news) => {
    // A page that looks again is told of the same experiment once more: what its user looks at stays.
    if (news.sheet !== undefined && (news.sheet?.key ?? null) !== about) {
      about = news.sheet?.key ?? null;
      marks.measured = null;
      marks.judged = null;
      if (typeof marks.view === "number") marks.view = DIFFER;
    }
    if (news.measured !== undefined && (news.key === undefined || news.key === lab.sheet?.key))
      marks.measured = news.measured;
    if (news.surprise) {
      const { key, judge, cells } = news.surprise;
      marks.judged = { key, judge, cells: new Map(cells.map((cell) => [`${cell.r},${cell.c}`, cell.tokens])) };
    }
    if (news.sheet !== undefined || news.surprise) lab.changed();
  });
}

/**
 * Another view: for that of a column Python is asked.
 *
 * @param {View} next
 */
export function chooseView(next) {
  marks.view = next;
  if (typeof next !== "number") {
    lab.changed();
    return;
  }
  lab.order({ do: "surprise", column: next }, ({ refused }) => {
    if (!refused) return;
    lab.tell(refused.why);
    if (marks.view !== next) return;
    marks.view = DIFFER;
    lab.changed();
  });
}

/** What the marks were drawn for: another one means that they are to be drawn again. */
export const marksKey = () => [marks.view, marks.judged?.key, marks.judged?.judge].join(" ");

/**
 * The pieces of a reply, marked under the present view.
 *
 * @param {Cell} cell
 * @param {number} row
 * @param {number} column
 * @returns {Node[]}
 */
export function markedPieces(cell, row, column) {
  const { view, judged } = marks;
  if (view === DIFFER) {
    return (cell.pieces ?? []).map(([text, differs]) =>
      differs ? el("mark", { class: "differs", text }) : document.createTextNode(text),
    );
  }
  const ours = typeof view === "number" && judged?.key === lab.sheet?.key && judged?.judge === view;
  const tokens = ours ? judged?.cells.get(`${row},${column}`) : undefined;
  if (!tokens) return cell.text ? [document.createTextNode(cell.text)] : [];
  const judge = lab.sheet?.columns[Number(view)];
  const by = judge ? titleOf(judge) : "";
  return tokens.map(([text, p]) => (p === null ? document.createTextNode(text) : surprisingToken(text, p, by)));
}

/**
 * @param {string} text
 * @param {number} p
 * @param {string} by
 */
function surprisingToken(text, p, by) {
  const node = el("span", { class: "token", text, title: `${writeChance(p)} under ${by}` });
  node.style.setProperty("--surprise", `${Math.round(surprise(p) * 70)}%`);
  return node;
}

/**
 * A probability for people.
 *
 * @param {number} p
 */
export function writeChance(p) {
  if (p >= 0.9995) return "100 %";
  if (p >= 0.01) return `${(p * 100).toFixed(1)} %`;
  return p >= 0.0001 ? `${(p * 100).toFixed(3)} %` : "less than 0.01 %";
}

/**
 * How surprising a probability is, from 0 (certain) to 1 (one in three thousand, or less).
 *
 * @param {number} p
 */
export const surprise = (p) => Math.min(1, -Math.log(Math.max(p, 1e-9)) / 8);
