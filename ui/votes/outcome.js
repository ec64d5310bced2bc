/* A session that has been revealed: what the votes add up to, and which mix said what. */

import { el, showText } from "../page/elements.js";
import { keyed } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { standingTable } from "./standing.js";
import { votes } from "./votes.js";

/** @import { VotedPair } from "./messages.js" */
/** @import { Say } from "./ballot.js" */

const SIGNS = {
  left: "\u2190 left was better",
  right: "\u2192 right was better",
  tie: "\u2191 as good as each other",
  bad: "\u2193 both bad",
};

/**
 * @param {string} label
 * @param {string} text
 * @param {boolean} won
 */
function reply(label, text, won) {
  const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": `What ${label} said`, text });
  const head = el(
    "header",
    { class: "reply-head" },
    el("b", { text: label }),
    won && el("span", { text: "preferred" }),
  );
  return el("article", { class: won ? "reply is-won" : "reply" }, head, body);
}

/**
 * @param {VotedPair} pair
 * @param {number} at
 */
function votedPair({ question, left, right, verdict, texts }, at) {
  const inside = el("div", { class: "ballot-pair is-small" });
  const title = el("span", { class: "section-name", text: `${at + 1}. ${question}` });
  const digest = el("span", { class: "digest", text: `${left} | ${right} \u00b7 ${SIGNS[verdict]}` });
  const node = el("details", { class: "section" }, el("summary", {}, title, digest), inside);
  node.addEventListener(
    "toggle",
    guard("toggle", () => {
      if (!node.open || inside.children.length) return;
      inside.append(reply(left, texts[0], verdict === "left"), reply(right, texts[1], verdict === "right"));
    }),
  );
  return { node };
}

/**
 * @param {Say} say
 * @param {() => number} most pairs
 */
export function outcomeCard(say, most) {
  const standing = standingTable(say);
  const more = el("button", {
    type: "button",
    class: "button",
    text: "Vote on more pairs",
    id: "lora-mixer-votes-more",
    on: { click: () => votes.order({ do: "more", most: most() }, say) },
  });
  const close = el("button", {
    type: "button",
    class: "button",
    text: "Close",
    id: "lora-mixer-votes-close",
    title: "The votes stay in the list below",
    on: { click: () => votes.order({ do: "end" }, say) },
  });
  const list = el("div", { class: "voted" });
  const notes = el("p", { class: "hint" });
  const title = el("b", { class: "ballot-count", text: "Revealed" });
  const node = el(
    "section",
    { class: "panel-card", id: "lora-mixer-outcome", "aria-label": "Revealed" },
    el("div", { class: "toolbar" }, title, el("span", { class: "toolbar-right" }, more, close)),
    standing.node,
    notes,
    list,
  );
  return {
    node,
    update() {
      const { session } = votes;
      const outcome = session?.revealed ? session.outcome : null;
      node.hidden = !outcome;
      if (!session || !outcome) return;
      more.hidden = !session.spare;
      showText(notes, [session.error, ...session.notes].filter(Boolean).join(" "));
      if (!outcome.standing) return;
      standing.update(outcome.standing);
      keyed(list, outcome.pairs, (_, at) => `${at} of ${session.key}`, votedPair);
    },
  };
}
