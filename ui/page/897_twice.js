/* The chat that answers twice: the switch and the two mixes in the dock, and the second reply beside the chat. */
(function (M) {
  "use strict";

  /*
   * Page -> Python, in #lora-mixer-twice-order: {seq, do: "look" | "switch" {on} | "choose" {one, other, blind}}; in
   * #lora-mixer-twice-pick, with the host's whole chat beside it: {seq, number, side}. Answered in -answer: {re, refused, twice: TWICE}.
   * TWICE: {on, why, one, other, blind, options: [[value, text]], turn: TURN or null}
   * TURN: {number, running, text: of the reply on the right, left, right: names as far as they may be told, picked, failed, note}
   */
  const { el, setText, setAttribute } = M.dom;
  const BUSY_MS = 160;
  const IDLE_MS = 500;
  const SETTLED_MS = 400; // until the host has drawn the turn that it was asked for

  let known = null;
  let timer = 0;
  let shown = false; // whether the dock is: then a chat is on screen
  const channel = M.channel("twice", {
    hear(answer) {
      known = answer.twice;
      M.store.changed();
    },
  });
  M.twice = { answered: channel.answered };

  /** While the chat answers twice, Python is asked often; else not at all, but for the first time. */
  function follow() {
    clearTimeout(timer);
    const busy = known && known.turn && known.turn.running;
    timer = setTimeout(M.guard("following", () => {
      if (shown && !document.hidden && channel.idle && (!known || known.on)) channel.order({ do: "look" });
      follow();
    }), busy ? BUSY_MS : IDLE_MS);
  }
  follow();
  M.onStop(() => clearTimeout(timer));

  function controls() {
    const on = el("input", { type: "checkbox", class: "check", id: "lora-mixer-twice-on" });
    const menu = (id, label) => el("select", { class: "select", id: `lora-mixer-twice-${id}`, "aria-label": label });
    const [one, other] = [menu("one", "One mix"), menu("other", "The other mix")];
    const blind = el("input", { type: "checkbox", class: "check", id: "lora-mixer-twice-blind" });
    const why = el("span", { class: "why-not", role: "alert", hidden: true });
    const more = el("div", { class: "twice-more" }, one, other,
      el("label", { class: "choice", title: "Which mix stands where is shuffled anew each turn; the names are shown once you have picked" }, blind, el("span", { text: "Blind: hide which is which" })));
    const node = el("div", { class: "twice", id: "lora-mixer-twice" },
      el("label", { class: "choice", title: "Every turn is answered under two mixes; the reply that you pick goes on, and counts as a vote" }, on, el("b", { text: "Answer twice" })), more, why);
    const said = (answer) => {
      setText(why, answer.refused ? answer.refused.why : "");
      why.hidden = !answer.refused;
    };
    const choose = () => channel.order({ do: "choose", one: one.value, other: other.value, blind: blind.checked }, said);
    on.addEventListener("change", M.guard("twice", () => channel.order({ do: "switch", on: on.checked }, said)));
    for (const input of [one, other, blind]) input.addEventListener("change", M.guard("twice", choose));
    function fill(select, value) {
      const made = JSON.stringify(known.options);
      if (select.dataset.of !== made) {
        select.dataset.of = made;
        select.replaceChildren(...known.options.map(([option, text]) => el("option", { value: option, text })));
      }
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
        fill(one, known.one);
        fill(other, known.other);
        if (channel.idle) blind.checked = known.blind;
        if (known.why) {
          setText(why, known.why);
          why.hidden = false;
        }
      },
      opened: () => channel.idle && channel.order({ do: "look" }),
    };
  }

  function card() {
    const title = el("b", { class: "twice-title" });
    const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": "The other reply" });
    const why = el("span", { class: "why-not", role: "status", hidden: true });
    const pick = (side) => () => {
      const { number } = known.turn;
      for (const one of buttons) one.disabled = true;
      asked = number;
      channel.order({ number, side }, (answer) => {
        asked = 0;
        refused = answer.refused ? { number, why: answer.refused.why } : null;
        M.store.changed();
      }, "pick");
    };
    const left = el("button", { type: "button", class: "button", text: "\u2190 The chat\u2019s reply", id: "lora-mixer-pick-left", title: "Pick the reply that stands in the chat", on: { click: pick("left") } });
    const right = el("button", { type: "button", class: "button", text: "This one", id: "lora-mixer-pick-right", title: "Pick this reply: it goes on in the chat", on: { click: pick("right") } });
    const buttons = [left, right];
    const fold = el("button", { type: "button", class: "button small shut", text: "\u2013", on: { click: () => {
      if (known.turn.picked || known.turn.failed) gone = known.turn.number;
      else folded = !folded;
      M.store.changed();
    } } });
    const acts = el("div", { class: "twice-acts" }, left, right);
    const node = el("section", { class: "twice-card", id: "lora-mixer-twice-card", "aria-label": "The other reply", hidden: true },
      el("div", { class: "twice-head" }, title, fold), body, why, acts);
    let folded = false;
    let gone = 0; // the turn whose card was put away
    let refused = null;
    let asked = 0;
    let drawn = null;

    let about = { number: 0, at: 0, question: null }; // what the chat asked when the turn was done

    /** Whether the chat shows something else by now: it was cleared, goes on, or another one was opened. */
    function elsewhere(turn) {
      if (turn.running) return false;
      const now = performance.now();
      if (about.number !== turn.number) about = { number: turn.number, at: now, question: null };
      if (now - about.at < SETTLED_MS) return false;
      const question = M.chat.question();
      if (about.question === null) about.question = question;
      return question === null || question !== about.question;
    }
    function outcome(turn) {
      if (turn.failed) return turn.failed;
      if (refused && refused.number === turn.number) return refused.why;
      if (!turn.picked) return turn.note;
      const [won, lost] = turn.picked === "left" ? [turn.left, turn.right] : [turn.right, turn.left];
      return [`You picked \u201c${won}\u201d over \u201c${lost}\u201d.`, turn.note].filter(Boolean).join(" ");
    }
    return {
      node,
      update() {
        const turn = known && known.on ? known.turn : null;
        node.hidden = !turn || turn.number === gone || elsewhere(turn);
        if (node.hidden) return;
        const fresh = !drawn || drawn.number !== turn.number;
        if (fresh) folded = false;
        const over = Boolean(turn.picked || turn.failed);
        setText(title, turn.failed ? "Answered once" : turn.picked ? "Picked" : turn.right ? turn.right : "The other reply");
        const bottom = body.scrollHeight - body.scrollTop - body.clientHeight < 24;
        if (fresh || drawn.text !== turn.text || drawn.running !== turn.running) {
          body.replaceChildren(turn.text ? document.createTextNode(turn.text) : el("span", { class: "faint", text: turn.running ? "\u2026" : "(it said nothing)" }));
          if (bottom && turn.running) body.scrollTop = body.scrollHeight;
        }
        node.dataset.turn = `${turn.number} ${turn.running ? "running" : "done"}`;
        drawn = { number: turn.number, text: turn.text, running: turn.running };
        setText(fold, over ? "\u00d7" : folded ? "+" : "\u2013");
        setAttribute(fold, "aria-label", over ? "Put this away" : folded ? "Show the other reply" : "Fold the other reply");
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
  M.answeringTwice = function () {
    const [inside, beside] = [controls(), card()];
    return {
      inside: inside.node,
      beside: beside.node,
      opened: inside.opened,
      update(dockShown) {
        shown = dockShown;
        inside.update();
        beside.update();
      },
    };
  };
})(window.loraMixer);
