/* What votes add up to: the outcome in a sentence, and a table of the mixes with their win rates and intervals. */

import { el, setText, showText } from "../page/elements.js";
import { whenChanged } from "../page/keyed.js";
import { votes } from "./votes.js";

/** @import { Standing, StandingRow } from "./messages.js" */
/** @import { Say } from "./ballot.js" */

/** @param {number} share */
const percent = (share) => `${Math.round(share * 100)}%`;

/**
 * @param {string | number} text
 * @param {string} [title]
 */
const cell = (text, title) => el("td", { text: String(text), title });

/**
 * The share of votes won as a dot, its 95% interval as a band; the mark in the middle is where neither is ahead.
 *
 * @param {StandingRow} row
 */
function rate({ share, low, high, sure }) {
  if (share === null) return el("td", { class: "won" }, el("span", { class: "faint", text: "no vote chose a side" }));
  const range = `${percent(low)} to ${percent(high)}`;
  const band = el("span", { class: "won-band" });
  band.style.left = `${low * 100}%`;
  band.style.right = `${(1 - high) * 100}%`;
  const dot = el("span", { class: "won-dot" });
  dot.style.left = `${share * 100}%`;
  return el(
    "td",
    { class: "won", title: `95% interval ${range}; ${sure}` },
    el("span", { class: "won-share", text: percent(share) }),
    el("span", { class: "won-track", "aria-hidden": "true" }, band, dot),
    el("span", { class: "won-range", text: range }),
  );
}

/**
 * @param {StandingRow} row
 * @param {boolean} ranked
 * @param {Say} say
 */
function line(row, ranked, say) {
  const put = el("button", {
    type: "button",
    class: "button small",
    text: "Put on the desk",
    data: { do: "put" },
    title: `The faders go where they stood for ${row.label}`,
    on: { click: () => votes.order({ do: "put", mix: row.mix, label: row.label }, say) },
  });
  return el(
    "tr",
    {},
    cell(row.place),
    el("th", { scope: "row", text: row.label || "\u2013" }),
    rate(row),
    cell(row.wins),
    cell(row.losses),
    cell(row.ties),
    cell(row.bad),
    ranked && cell(row.strength.toFixed(2), "Bradley-Terry; the mean of those that met is 0"),
    el("td", { class: "act" }, put),
  );
}

/**
 * @param {Standing} standing
 * @param {Say} say
 */
function table({ rows }, say) {
  const ranked = rows.length > 2;
  const groups = [...new Set(rows.map((row) => row.group))];
  const strength = ranked ? ["Strength"] : [];
  const names = [
    "Place",
    "Mix",
    "Won, of the votes that chose a side",
    "Won",
    "Lost",
    "As good",
    "Both bad",
    ...strength,
    "",
  ];
  const heads = names.map((text) => el("th", { scope: "col", text }));
  const bodies = groups.map((group) => {
    const lines = rows.filter((row) => row.group === group).map((row) => line(row, ranked, say));
    return el("tbody", {}, ...lines);
  });
  return el("table", { class: "standing-table" }, el("thead", {}, el("tr", {}, ...heads)), ...bodies);
}

/** @param {Standing} standing */
function against({ rows, pairs }) {
  const lines = pairs.map((pair) => {
    const [one, other] = [rows[pair.one].label, rows[pair.other].label];
    const more = [pair.ties && `${pair.ties} as good`, pair.bad && `${pair.bad} both bad`].filter(Boolean).join(", ");
    return el(
      "li",
      {},
      el("b", { text: `${one} ${pair.wins} : ${pair.losses} ${other}` }),
      el("span", { class: "faint", text: ` ${more ? `(${more}) ` : ""}${pair.sure}` }),
    );
  });
  const summary = el("summary", {}, el("span", { class: "section-name", text: "Each against each" }));
  return el("details", { class: "section" }, summary, el("ul", { class: "plain" }, ...lines));
}

/** @param {Say} say */
export function standingTable(say) {
  const outcome = el("p", { class: "outcome" });
  const note = el("p", { class: "hint" });
  const body = el("div", { class: "measure-scroll" });
  const node = el("div", { class: "standing" }, outcome, body, note);
  return {
    node,
    /** @param {Standing} standing */
    update(standing) {
      whenChanged(node, standing, () => {
        setText(outcome, standing.line);
        showText(note, standing.note);
        const parts = [
          standing.rows.length ? table(standing, say) : "",
          standing.pairs.length > 1 ? against(standing) : "",
        ];
        body.replaceChildren(...parts.filter((part) => part !== ""));
      });
    },
  };
}
