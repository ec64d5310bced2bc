/* The page of votes: how a session begins, the ballot, its outcome, and what is kept. */

import { titleOf } from "../lab/column_title.js";
import { promptsFile } from "../lab/prompts.js";
import { replyLength } from "../lab/reply_length.js";
import { saidBy } from "../page/channel.js";
import { el, setText, showText } from "../page/elements.js";
import { countField, textArea } from "../page/fields.js";
import { placed } from "../page/place.js";
import { messageLine } from "../page/said.js";
import { goTo } from "../page/tabs.js";
import { ballotForm } from "./ballot.js";
import { outcomeCard } from "./outcome.js";
import { pastList } from "./past.js";
import { votes } from "./votes.js";

/** @import { Say } from "./ballot.js" */

/**
 * @param {Say} say
 * @param {{node: Node, input: HTMLInputElement}} pairs how many are put to the vote at most
 */
function sessionForm(say, pairs) {
  const columns = el("span", { class: "ballot-columns", id: "lora-mixer-votes-columns" });
  const change = el("button", {
    type: "button",
    class: "link",
    text: "Change them on the Mix tab",
    on: { click: () => goTo("mix", "lora-mixer-compare") },
  });
  const text = textArea("Prompts", {
    rows: 4,
    placeholder: "What is the sea?\nHow do I make tea?",
    id: "lora-mixer-votes-prompts",
  });
  const files = promptsFile({ order: votes.order, field: text, fileId: "lora-mixer-votes-file" });
  const often = "How often every prompt is asked, each time with other dice";
  const seeds = countField("Seeds", often, { max: 20, value: 1, id: "lora-mixer-votes-seeds" });
  const length = replyLength("lora-mixer-votes-length");
  const begin = () => {
    text.complain("");
    start.disabled = true;
    votes.begin(
      {
        do: "start",
        text: text.input.value,
        seeds: Number(seeds.input.value),
        length: length.value,
        most: Number(pairs.input.value),
      },
      ({ refused }) => {
        start.disabled = false;
        if (refused) text.complain(refused.why);
        else say({});
      },
    );
  };
  const start = el("button", {
    type: "button",
    class: "button primary big",
    text: "Begin a blind session",
    id: "lora-mixer-votes-begin",
    on: { click: begin },
  });
  const why = el("div", { class: "why-not", hidden: true });
  const between = el("span", { class: "field-name", text: "Between the columns" });
  const node = el(
    "section",
    { class: "panel-card", id: "lora-mixer-votes-form", "aria-label": "A blind session" },
    el("div", { class: "ballot-from" }, between, columns, change),
    text.node,
    files,
    el("div", { class: "fields" }, seeds.node, pairs.node, length.node),
    length.hint,
    el("div", { class: "column-tools" }, start),
    why,
  );
  return {
    node,
    update() {
      const { session, trouble, known } = votes;
      length.update();
      node.hidden = Boolean(session);
      if (node.hidden) return;
      setText(columns, votes.columns.map(titleOf).join("   |   ") || "\u2013");
      showText(why, trouble);
      start.disabled = Boolean(trouble) || !known;
    },
  };
}

export function votesPage() {
  const said = messageLine("lora-mixer-votes-said");
  /** @type {Say} */
  const say = (answer) => said.say(saidBy(answer), !answer.refused);
  const pairs = countField("Pairs at most", "How many pairs of replies are put to the vote", {
    max: 500,
    value: 20,
    id: "lora-mixer-votes-pairs",
  });
  const most = () => Number(pairs.input.value);
  const ballot = ballotForm(say);
  const past = pastList(say, most);
  const parts = [sessionForm(say, pairs), ballot, outcomeCard(say, most), past];
  const heading = el(
    "div",
    { class: "heading" },
    el("h3", { text: "Blind votes" }),
    el("span", { text: "Which mix is better, when you do not know which is which?" }),
  );
  const root = el(
    "div",
    { class: "lab", id: "lora-mixer-votes-page" },
    heading,
    said.node,
    ...parts.map((part) => part.node),
  );
  /** @type {string | null} */
  let key = null; // the session that is shown, and whether it is revealed
  votes.onChange(() => {
    for (const part of parts) part.update();
    const { session } = votes;
    const before = key;
    key = session && `${session.key} ${session.revealed}`;
    if (key === before) return;
    if (session && !session.revealed) ballot.focus();
    if (before !== null && (!session || session.revealed)) {
      votes.look(true);
      past.ask();
    }
  });
  return placed(root, "lora-mixer-votes-place", {
    narrow: 560,
    moved: votes.changed,
    seen: (now) => {
      votes.shown = now;
      if (now) votes.look(true);
    },
  });
}
