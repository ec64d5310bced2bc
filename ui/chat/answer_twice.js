/* The chat that answers twice: the switch and the two mixes in the dock, and the second reply beside the chat. */

import { openChannel, saidBy } from "../page/channel.js";
import { el, setAttribute, setText, showText } from "../page/elements.js";
import { setOptions, whenChanged } from "../page/keyed.js";
import { guard, onStop } from "../page/lifetime.js";
import { store } from "../page/store.js";
import { hostChat } from "./host_chat.js";

/** @import { Turn, Twice, TwiceAnswer } from "./messages.js" */
/** @import { TwiceOrder, TwicePick } from "../page/orders.js" */

const BUSY_MS = 160;
const IDLE_MS = 500;
const SETTLED_MS = 400; // until the host has drawn the turn that it was asked for
const FOLLOWED = 24; // pixels from its end a text still counts as read to the end

const NOTEBOOK = "Turns of the Chat tab are answered twice; the notebook goes on once, under the faders as they stand.";

/** @type {Twice | null} */
let known = null;

/** @type {ReturnType<typeof openChannel<TwiceOrder | TwicePick, TwiceAnswer>>} */
const channel = openChannel("twice", {
  hear(answer) {
    known = answer.twice;
    store.changed();
  },
  lost: (refused) => ({ ...refused, twice: known ?? NEVER }),
});
/** @type {Twice} */
const NEVER = { on: false, why: "", one: "", other: "", blind: false, options: [], turn: null };

export const twice = { answered: channel.answered };

function controls() {
  /**
   * @param {string} id
   * @param {string} label
   */
  const menu = (id, label) =>
    el("select", { class: "select", id: `lora-mixer-twice-${id}`, "aria-label": label, on: { change: choose } });
  const choose = () => channel.order({ do: "choose", one: one.value, other: other.value, blind: blind.checked }, said);
  /** @param {TwiceAnswer} answer */
  const said = (answer) => showText(why, saidBy(answer));
  const one = menu("one", "One mix");
  const other = menu("other", "The other mix");
  const blind = el("input", { type: "checkbox", class: "check", id: "lora-mixer-twice-blind", on: { change: choose } });
  const on = el("input", {
    type: "checkbox",
    class: "check",
    id: "lora-mixer-twice-on",
    on: { change: () => channel.order({ do: "switch", on: on.checked }, said) },
  });
  const why = el("span", { class: "why-not", role: "alert", hidden: true });
  const hiding = el(
    "label",
    {
      class: "choice",
      title: "Which mix stands where is shuffled anew each turn; the names are shown once you have picked",
    },
    blind,
    el("span", { text: "Blind: hide which is which" }),
  );
  const more = el("div", { class: "twice-more" }, one, other, hiding);
  const switching = el(
    "label",
    {
      class: "choice",
      title: "Every turn is answered under two mixes; the reply that you pick goes on, and counts as a vote",
    },
    on,
    el("b", { text: "Answer twice" }),
  );
  const notebook = el("p", { class: "hint", hidden: true, text: NOTEBOOK });
  const node = el("div", { class: "twice", id: "lora-mixer-twice" }, switching, notebook, more, why);
  /**
   * @param {HTMLSelectElement} select
   * @param {Twice} now
   * @param {string} value
   */
  function fill(select, now, value) {
    setOptions(select, now.options);
    if (document.activeElement !== select && select.value !== value) select.value = value;
  }
  return {
    node,
    update() {
      node.hidden = !known;
      if (!known) return;
      if (channel.idle) on.checked = known.on;
      on.disabled = Boolean(known.why);
      more.hidden = !known.on;
      notebook.hidden = !hostChat.isNotebook();
      fill(one, known, known.one);
      fill(other, known, known.other);
      if (channel.idle) blind.checked = known.blind;
      if (known.why) showText(why, known.why);
    },
    opened() {
      if (channel.idle) channel.order({ do: "look" });
    },
  };
}

/** Tells whether the chat shows something else by now: it was cleared, goes on, or another one was opened. */
function chatWatch() {
  /** @type {{number: number, at: number, question: string | null}} */
  let about = { number: 0, at: 0, question: null }; // what the chat asked when the turn was done
  return (/** @type {Turn} */ turn) => {
    if (turn.running) return false;
    const now = performance.now();
    if (about.number !== turn.number) about = { number: turn.number, at: now, question: null };
    if (now - about.at < SETTLED_MS) return false;
    const question = hostChat.question();
    if (about.question === null) about.question = question;
    return question === null || question !== about.question;
  };
}

function card() {
  const elsewhere = chatWatch();
  const title = el("b", { class: "twice-title" });
  const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": "The other reply" });
  const why = el("span", { class: "why-not", role: "status", hidden: true });
  let folded = false;
  let gone = 0; // the turn whose card was put away
  let asked = 0; // the turn of which a reply was picked just now
  let drawn = 0;
  /** @type {{number: number, why: string} | null} */
  let refused = null;

  /** @param {"left" | "right"} side */
  function pick(side) {
    const number = known?.turn?.number;
    if (!number) return;
    for (const one of buttons) one.disabled = true;
    asked = number;
    channel.order(
      { do: "pick", number, side },
      (answer) => {
        asked = 0;
        refused = answer.refused ? { number, why: answer.refused.why } : null;
        store.changed();
      },
      "pick",
    );
  }
  /**
   * @param {"left" | "right"} side
   * @param {string} text
   * @param {string} help
   */
  const button = (side, text, help) =>
    el("button", {
      type: "button",
      class: "button",
      text,
      id: `lora-mixer-pick-${side}`,
      title: help,
      on: { click: () => pick(side) },
    });
  const left = button("left", "\u2190 The chat\u2019s reply", "Pick the reply that stands in the chat");
  const right = button("right", "This one", "Pick this reply: it goes on in the chat");
  const buttons = [left, right];
  const putAway = () => {
    const turn = known?.turn;
    if (turn && isOver(turn)) gone = turn.number;
    else folded = !folded;
    store.changed();
  };
  const fold = el("button", { type: "button", class: "button small shut", text: "\u2013", on: { click: putAway } });
  const acts = el("div", { class: "twice-acts" }, left, right);
  const node = el(
    "section",
    { class: "twice-card", id: "lora-mixer-twice-card", "aria-label": "The other reply", hidden: true },
    el("div", { class: "twice-head" }, title, fold),
    body,
    why,
    acts,
  );

  const isOver = (/** @type {Turn} */ turn) => Boolean(turn.picked || turn.failed);
  /** @param {Turn} turn */
  function heading(turn) {
    if (turn.failed) return "Answered once";
    return turn.picked ? "Picked" : turn.right || "The other reply";
  }
  /** @param {Turn} turn */
  function outcome(turn) {
    if (turn.failed) return turn.failed;
    if (refused?.number === turn.number) return refused.why;
    if (!turn.picked) return turn.note;
    const [won, lost] = turn.picked === "left" ? [turn.left, turn.right] : [turn.right, turn.left];
    return [`You picked \u201c${won}\u201d over \u201c${lost}\u201d.`, turn.note].filter(Boolean).join(" ");
  }
  /** @param {Turn} turn */
  function write({ number, text, running }) {
    const bottom = body.scrollHeight - body.scrollTop - body.clientHeight < FOLLOWED;
    whenChanged(body, [number, text, running], () => {
      const nothing = el("span", { class: "faint", text: running ? "\u2026" : "(it said nothing)" });
      body.replaceChildren(text ? document.createTextNode(text) : nothing);
      if (bottom && running) body.scrollTop = body.scrollHeight;
    });
  }

  return {
    node,
    update() {
      const turn = known?.on ? known.turn : null;
      node.hidden = !turn || turn.number === gone || elsewhere(turn);
      if (!turn || node.hidden) return;
      if (drawn !== turn.number) folded = false;
      drawn = turn.number;
      const over = isOver(turn);
      setText(title, heading(turn));
      write(turn);
      node.dataset.turn = `${turn.number} ${turn.running ? "running" : "done"}`;
      setText(fold, over ? "\u00d7" : folded ? "+" : "\u2013");
      setAttribute(
        fold,
        "aria-label",
        over ? "Put this away" : folded ? "Show the other reply" : "Fold the other reply",
      );
      // What has been picked is out of the way: the host's own arrows lead back to the other one.
      body.hidden = acts.hidden = folded || over;
      setText(left, turn.left ? `\u2190 ${turn.left}` : "\u2190 The chat\u2019s reply");
      for (const one of buttons) one.disabled = turn.running || turn.picked !== null || asked === turn.number;
      setText(why, outcome(turn));
      why.hidden = (folded && !over) || !why.textContent;
      node.classList.toggle("is-over", over);
    },
  };
}

/** For the dock: what stands in its panel, and what stands beside the chat whether the panel is open or not. */
export function answeringTwice() {
  const inside = controls();
  const beside = card();
  let shown = false; // whether the dock is: then a chat is on screen
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** While the chat answers twice, Python is asked often; else not at all, but for the first time. */
  function follow() {
    timer = setTimeout(
      guard("following", () => {
        if (shown && !document.hidden && channel.idle && (!known || known.on)) channel.order({ do: "look" });
        follow();
      }),
      known?.turn?.running ? BUSY_MS : IDLE_MS,
    );
  }
  follow();
  onStop(() => clearTimeout(timer));

  return {
    inside: inside.node,
    beside: beside.node,
    opened: inside.opened,
    /** @param {boolean} dockShown */
    update(dockShown) {
      shown = dockShown;
      inside.update();
      beside.update();
    },
  };
}
