/* The ballot: two replies side by side, without names, and four ways to decide; by button or by arrow key. */

import { el, setText } from "../page/elements.js";
import { closest, isShortcut } from "../page/gestures.js";
import { whenChanged } from "../page/keyed.js";
import { listen } from "../page/lifetime.js";
import { progressBar } from "../page/progress.js";
import { askingButton } from "../page/said.js";
import { votes } from "./votes.js";

/** @import { Session, Verdict, VotesAnswer } from "./messages.js" */

/** @type {Array<{verdict: Verdict, key: string, sign: string, text: string}>} */
const VERDICTS = [
  { verdict: "left", key: "ArrowLeft", sign: "\u2190", text: "Left is better" },
  { verdict: "tie", key: "ArrowUp", sign: "\u2191", text: "As good as each other" },
  { verdict: "bad", key: "ArrowDown", sign: "\u2193", text: "Both are bad" },
  { verdict: "right", key: "ArrowRight", sign: "\u2192", text: "Right is better" },
];
const TYPING = "input, textarea, select, [contenteditable=true]";

/** @typedef {(answer: VotesAnswer) => void} Say tells what a button did */

/** @param {"Left" | "Right"} side */
function card(side) {
  const body = el("div", {
    class: "reply-text",
    tabindex: "0",
    "aria-label": `The reply on the ${side.toLowerCase()}`,
  });
  const head = el("header", { class: "reply-head" }, el("b", { text: side }));
  return {
    node: el("article", { class: "reply", data: { side: side.toLowerCase() } }, head, body),
    /** @param {string} text */
    write(text) {
      body.replaceChildren(
        text ? document.createTextNode(text) : el("span", { class: "faint", text: "(it said nothing)" }),
      );
      body.scrollTop = 0;
    },
  };
}

/** @param {Session} session */
function heading({ slip, generating, of }) {
  if (slip) return `Pair ${slip.number} of ${of}`;
  return generating ? "Waiting for the first pair" : "No more pairs";
}

/** @param {Session} session */
function waiting({ slip, generating, error, votes: cast }) {
  if (slip) return error;
  if (generating) return cast ? "The next pair is being written \u2026" : "The first replies are being written \u2026";
  return error || (cast ? "Every pair has been voted on." : "");
}

/** @param {Session} session */
function below({ generating, alike, notes }) {
  const pairs = alike === 1 ? "1 pair said the same and is" : `${alike} pairs said the same and are`;
  const more = [alike ? `${pairs} left out.` : "", ...notes].filter(Boolean).join(" ");
  return [generating && `Replies: ${generating.text}${more ? "." : ""}`, more].filter(Boolean).join(" ");
}

/** @param {Say} say */
export function ballotForm(say) {
  /** @type {number | null} */
  let up = null; // the slip that is shown
  let sent = 0; // the number of the slip that was voted on last

  /** @param {Verdict} verdict */
  function vote(verdict) {
    const number = up;
    if (!votes.session?.slip || number === null || sent === number) return;
    sent = number;
    for (const one of buttons) one.disabled = true;
    votes.order({ do: "vote", number, verdict }, (answer) => {
      say(answer);
      sent = 0;
      votes.changed();
    });
  }
  const count = el("b", { class: "ballot-count" });
  const rest = el("span", { class: "hint" });
  const question = el("div", { class: "ballot-question" });
  const [left, right] = [card("Left"), card("Right")];
  const buttons = VERDICTS.map(({ verdict, sign, text }) =>
    el(
      "button",
      { type: "button", class: "button verdict", data: { verdict }, on: { click: () => vote(verdict) } },
      el("kbd", { text: sign }),
      el("span", { text }),
    ),
  );
  const reveal = el("button", {
    type: "button",
    class: "button small",
    text: "Reveal now",
    id: "lora-mixer-reveal",
    title: "End here: which mix was which, and what the votes add up to",
    on: { click: () => votes.order({ do: "reveal" }, say) },
  });
  const stop = el("button", {
    type: "button",
    class: "button small",
    text: "Stop generating",
    id: "lora-mixer-votes-stop",
    title: "Vote on the replies that are there",
    on: { click: () => votes.order({ do: "stop" }, say) },
  });
  const away = askingButton("Put away", "Put it away", { do: "votes-end" }, () => votes.order({ do: "end" }, say));
  away.node.title = "The votes so far are kept; it can be gone on with from the list below";
  const bar = progressBar();
  const line = el("span", { class: "hint", role: "status", id: "lora-mixer-votes-line" });
  const wait = el("div", { class: "ballot-wait" });
  const pair = el("div", { class: "ballot-pair" }, left.node, right.node);
  const verdicts = el("div", { class: "verdicts", role: "group", "aria-label": "Which is better?" }, ...buttons);
  const node = el(
    "section",
    { class: "panel-card ballot", id: "lora-mixer-ballot", tabindex: "-1", "aria-label": "Blind votes" },
    el("div", { class: "toolbar" }, count, rest, el("span", { class: "toolbar-right" }, stop, reveal, away.node)),
    question,
    wait,
    pair,
    verdicts,
    el("div", { class: "ballot-line" }, bar.node, line),
  );

  // On the window, before the host: it walks through the versions of a message with the same keys.
  listen(
    window,
    "keydown",
    (/** @type {KeyboardEvent} */ event) => {
      const chosen = VERDICTS.find((one) => one.key === event.key);
      if (!chosen || event.repeat || isShortcut(event) || event.shiftKey || event.defaultPrevented) return;
      if (!votes.shown || !node.isConnected || node.hidden || verdicts.hidden || closest(event, TYPING)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      vote(chosen.verdict);
    },
    true,
  );

  /** @param {Session} session */
  function show({ key, slip }) {
    up = slip?.number ?? null;
    for (const one of [question, pair, verdicts]) one.hidden = !slip;
    if (!slip) return;
    // Of which deal, too: another's has the same number, and other sides.
    whenChanged(pair, [slip.number, key], () => {
      setText(question, slip.question);
      left.write(slip.left);
      right.write(slip.right);
    });
    for (const one of buttons) one.disabled = sent === up;
  }

  return {
    node,
    focus: () => node.focus({ preventScroll: true }),
    update() {
      const { session } = votes;
      node.hidden = !session || session.revealed;
      if (!session || node.hidden) return;
      const { generating, error } = session;
      setText(count, heading(session));
      setText(rest, session.votes ? `${session.votes} voted` : "Names and sides are hidden until the end.");
      stop.hidden = !generating;
      reveal.hidden = !session.votes;
      setText(wait, waiting(session));
      wait.hidden = !wait.textContent;
      wait.classList.toggle("is-wrong", Boolean(error));
      show(session);
      bar.node.hidden = !generating;
      if (generating) bar.update(generating.part);
      setText(line, below(session));
    },
  };
}
