/* The experiments that are kept, and what all votes together say. */

import { lab } from "../lab/lab.js";
import { el, setText } from "../page/elements.js";
import { download } from "../page/files.js";
import { foldable } from "../page/foldable.js";
import { keyed, whenChanged } from "../page/keyed.js";
import { writeTime } from "../page/numbers.js";
import { askingButton } from "../page/said.js";
import { goTo } from "../page/tabs.js";
import { standingTable } from "./standing.js";
import { votes } from "./votes.js";

/** @import { Form } from "../lab/messages.js" */
/** @import { AllVotes, Experiment, VotesAnswer } from "./messages.js" */
/** @import { Say } from "./ballot.js" */

const FIRST = 12;
/** @type {Array<[form: Form, text: string]>} */
const FORMS = [
  ["html", "HTML"],
  ["csv", "CSV"],
  ["jsonl", "JSONL"],
];

/**
 * @param {number} n
 * @param {string} one
 * @param {string} more
 */
const many = (n, one, more) => `${n} ${n === 1 ? one : more}`;

/**
 * @param {string} text
 * @param {string} act
 * @param {string} title
 * @param {() => void} click
 */
const button = (text, act, title, click) =>
  el("button", { type: "button", class: "button small", text, data: { do: act }, title, on: { click } });

/**
 * @param {Experiment} one
 * @param {Say} say
 * @param {() => number} most pairs
 */
function experimentRow(one, say, most) {
  const missing = one.planned > one.trials;
  const { id } = one;
  /** @param {(answer: VotesAnswer) => void} [then] what is done if it was not refused */
  const told = (then) => (/** @type {VotesAnswer} */ answer) => {
    say(answer);
    if (!answer.refused) then?.(answer);
  };
  const resume = (/** @type {boolean} */ more) =>
    votes.begin(
      { do: "resume", id, most: most(), missing: more },
      told(() => goTo("votes", "lora-mixer-ballot")),
    );
  const vote = button("Vote on it", "resume", "A blind session on the replies that are there", () => resume(false));
  vote.disabled = one.labels.length < 2 || !one.trials;
  const whole = "The session that was interrupted: the replies that are missing are generated, and voted on";
  const goOn = missing && button("Go on", "go-on", whole, () => resume(true));
  const open = button("Open", "open", "Show it on the Mix tab as it was", () =>
    votes.order(
      { do: "open", id },
      told(() => {
        lab.look();
        goTo("mix", "lora-mixer-compare");
      }),
    ),
  );
  const columns = button("Use its columns", "columns", "Set the columns of the Mix tab up as these were", () =>
    votes.order({ do: "columns", id }, told(lab.look)),
  );
  const forms = FORMS.map(([form, text]) =>
    button(text, `save-${form}`, `Save it as ${text}`, () =>
      votes.order(
        { do: "save", id, form },
        told(({ file }) => {
          if (file) download(file.name, file.text, `${file.type};charset=utf-8`);
        }),
      ),
    ),
  );
  const gone = askingButton("Delete", "Delete it and its votes", { do: "delete" }, () =>
    votes.order({ do: "delete", id }, told()),
  );
  const facts = [
    writeTime(Date.parse(one.time) / 1000),
    one.model,
    missing ? `${one.trials} of ${one.planned} trials` : many(one.trials, "trial", "trials"),
    one.votes ? many(one.votes, "vote", "votes") : "",
  ];
  const what = el(
    "div",
    { class: "past-what" },
    el("b", { text: one.labels.join("  |  ") }),
    el("span", { class: "faint", text: one.first }),
    el("span", { class: "hint", text: facts.filter(Boolean).join(" \u00b7 ") }),
  );
  const acts = el("div", { class: "past-acts" }, goOn, vote, open, columns, ...forms, gone.node);
  return { node: el("li", { class: "past-entry", data: { experiment: String(one.id) } }, what, acts) };
}

/**
 * The standing over all votes, or over those between mixes that are ticked.
 *
 * @param {Say} say
 */
function allVotes(say) {
  const standing = standingTable(say);
  const ticks = el("div", { class: "chips", id: "lora-mixer-all-mixes" });
  const mine = el("input", {
    type: "checkbox",
    class: "check",
    checked: true,
    id: "lora-mixer-all-model",
    on: { change: () => ask(null) },
  });
  const ask = (/** @type {string[] | null} */ chosen) =>
    votes.order({ do: "standing", model: mine.checked, chosen }, say);
  const askForTicked = () =>
    ask([...ticks.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value));
  const own = el("label", { class: "choice" }, mine, el("span", { text: "Votes about this model alone" }));
  const body = el("div", { class: "all-votes" }, el("div", { class: "all-choices" }, own, ticks), standing.node);
  const section = foldable("votes/all", "All votes", false, body, () => ask(null));
  section.node.id = "lora-mixer-all-votes";

  /** @param {AllVotes["competitors"][number]} one */
  function tick({ id }) {
    const box = el("input", { type: "checkbox", class: "check", value: id, on: { change: askForTicked } });
    const label = el("span");
    return { box, label, node: el("label", { class: "choice" }, box, label) };
  }
  return {
    node: section.node,
    ask() {
      if (section.open) ask(null);
    },
    update() {
      const { all } = votes;
      if (!all || !section.open) return;
      // A box that was ticked just now stays as it is until the answer comes.
      whenChanged(ticks, [all.competitors, all.chosen], () => {
        keyed(
          ticks,
          all.competitors,
          (one) => one.id,
          tick,
          ({ box, label }, one) => {
            box.checked = !all.chosen || all.chosen.includes(one.id);
            setText(label, `${one.label || "\u2013"} (${one.votes})`);
          },
        );
      });
      ticks.hidden = all.competitors.length < 3;
      standing.update(all.standing);
    },
  };
}

/** What is to be said where the list is empty, or cannot be read. */
function whyEmpty() {
  const { past, keeps, broken, known } = votes;
  if (broken) return broken;
  if (!keeps) return "Strangers share this host, so nothing is kept here.";
  return past.length || !known ? "" : "What you compare and vote on is kept, and listed here.";
}

/**
 * @param {Say} say
 * @param {() => number} most pairs
 */
export function pastList(say, most) {
  let whole = false;
  const list = el("ul", { class: "past", id: "lora-mixer-past" });
  const showAll = () => {
    whole = true;
    votes.changed();
  };
  const more = el("button", { type: "button", class: "button small", on: { click: showAll } });
  const nothing = el("p", { class: "hint", id: "lora-mixer-past-nothing" });
  const all = allVotes(say);
  const title = el("b", { class: "ballot-count", text: "Experiments" });
  const node = el("section", { class: "panel-card" }, title, nothing, list, more, all.node);
  return {
    node,
    ask: all.ask,
    update() {
      const { past, broken } = votes;
      setText(nothing, whyEmpty());
      nothing.classList.toggle("is-wrong", Boolean(broken));
      nothing.hidden = !nothing.textContent;
      all.node.hidden = !past.length;
      all.update();
      const shown = whole ? past : past.slice(0, FIRST);
      keyed(
        list,
        shown,
        (one) => JSON.stringify(one), // one that has got a vote has another line
        (one) => experimentRow(one, say, most),
      );
      more.hidden = shown.length === past.length;
      setText(more, `Show all ${past.length}${votes.more ? "+" : ""}`);
    },
  };
}
