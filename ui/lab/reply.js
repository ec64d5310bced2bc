/* One reply: a card that stands still while it fills. */

import { saidBy } from "../page/channel.js";
import { el, setText } from "../page/elements.js";
import { jobs } from "../page/jobs.js";
import { titleOf } from "./column_title.js";
import { lab } from "./lab.js";
import { markedPieces, marksKey } from "./marks.js";

/** @import { Cell, LabNews } from "./messages.js" */

/**
 * @param {string} text
 * @param {string} act
 * @param {string} title
 * @param {() => void} click
 */
const button = (text, act, title, click) =>
  el("button", { type: "button", class: "button small", text, title, data: { do: act }, on: { click } });

/** @param {LabNews} answer */
const say = (answer) => lab.tell(saidBy(answer), !answer.refused);

/** The letter of the column that the others are held against. */
const reference = () => lab.sheet?.columns[lab.sheet.reference].letter ?? "";

/**
 * The card of a column and a row.
 *
 * @param {object} options
 * @param {string} options.letter of the column
 * @param {string} options.name
 * @param {number} options.row
 * @param {number} options.column
 * @param {boolean} options.use whether the reply can go into the chat
 * @param {boolean} options.id whether it carries the ids of the first row
 */
export function replyCard({ letter, name, row, column, use, id }) {
  const label = titleOf({ letter, name });
  const notes = el("span", { class: "reply-notes" });
  const text = document.createTextNode("");
  const caret = el("span", { class: "caret", hidden: true });
  const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": `What ${label} says` }, text, caret);
  const take = use
    ? button("Use this reply", "use", "It becomes another version of the chat's last reply", () =>
        lab.use({ do: "use", column }, say),
      )
    : null;
  const put = button("Put on the desk", "desk", "The faders go where they stood for this column", () =>
    lab.order({ do: "put on the desk", column }, say),
  );
  const collect = button("Keep as a column", "collect", "Keep this mix as one more column", () =>
    lab.order({ do: "collect", column }, say),
  );
  const like = button("Like this one", "like", "One of the replies that the tab Learn finds a mix for", () =>
    jobs.order({ do: "learn like", row, column }, (answer) => lab.tell(saidBy(answer), !answer.refused)),
  );
  const node = el(
    "article",
    { class: "reply", data: { row: String(row), column: String(column) } },
    el("header", { class: "reply-head" }, el("b", { text: label, title: label }), notes),
    body,
    el("div", { class: "reply-actions" }, take, put, collect, like),
  );
  if (id) {
    node.id = `lora-mixer-reply-${letter}`;
    if (take) take.id = `lora-mixer-use-${letter}`;
  }
  /** @type {string | null} */
  let drawn = null;

  /** @param {Cell} cell */
  function drawPieces(cell) {
    const parts = markedPieces(cell, row, column);
    if (!parts.length) parts.push(el("span", { class: "faint", text: "(it said nothing)" }));
    body.replaceChildren(...parts);
  }

  /**
   * Only the end is new, as a rule: what stands there stays, and what is selected in it stays selected.
   *
   * @param {Cell} cell
   */
  function drawText(cell) {
    if (drawn !== "text") body.replaceChildren(text, caret);
    if (!cell.text.startsWith(text.data)) text.data = cell.text;
    else if (cell.text.length > text.data.length) text.appendData(cell.text.slice(text.data.length));
  }

  /** @param {Cell} cell */
  function note(cell) {
    const { leaves } = cell;
    const said = cell.n === 1 ? "1 token" : `${cell.n} tokens`;
    const left = leaves === null ? "" : `leaves ${reference()} at token ${leaves + 1}`;
    setText(notes, cell.s === "waiting" ? "" : [said, left, cell.end, cell.pace].filter(Boolean).join(" \u00b7 "));
    const cut = cell.end === "cut off" ? "It reached the length limit." : "";
    const first = leaves === null ? "" : `The first token that ${reference()} does not say is number ${leaves + 1}.`;
    notes.title = `${cut} ${first}`.trim();
  }

  return {
    node,
    /** @param {Cell} cell */
    update(cell) {
      const running = lab.line.running && (cell.s === "running" || cell.s === "waiting");
      const key = cell.pieces ? `pieces ${marksKey()}` : "text";
      if (cell.fresh || drawn !== key) {
        cell.fresh = false;
        if (cell.pieces) drawPieces(cell);
        else drawText(cell);
        drawn = key;
      }
      caret.hidden = !running || cell.s === "waiting";
      note(cell);
      node.classList.toggle("is-waiting", cell.s === "waiting");
      node.classList.toggle("is-done", cell.s === "done");
      put.disabled = collect.disabled = lab.line.running;
      like.disabled = lab.line.running || !cell.text;
      if (take) take.disabled = lab.line.running || !cell.text;
    },
  };
}
