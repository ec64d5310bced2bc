/* The page of votes: how a session begins, the ballot, its outcome, and what is kept. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;
  const PROMPTS_MB = 4;
  const number = (label, id, value, most, title) => {
    const input = el("input", { type: "number", class: "text-input seeds", min: 1, max: most, step: 1, value, id });
    return { input, node: el("label", { class: "field", title }, el("span", { class: "field-name", text: label }), input) };
  };

  function form(say, pairs) {
    const columns = el("span", { class: "ballot-columns", id: "lora-mixer-votes-columns" });
    const change = el("button", { type: "button", class: "link", text: "Change them on the Mix tab", on: { click: () => M.goTo("mix", "lora-mixer-compare") } });
    const text = M.field("Prompts", { rows: 4, placeholder: "What is the sea?\nHow do I make tea?", id: "lora-mixer-votes-prompts" });
    const picker = M.filePicker(".txt,.jsonl,.json,text/*", PROMPTS_MB, (name, data) => {
      M.votes.order({ do: "prompts", name, data }, (answer) => {
        if (answer.refused) text.complain(answer.refused.why);
        else { text.complain(""); text.input.value = answer.text; }
      });
    }, text.complain);
    picker.input.id = "lora-mixer-votes-file";
    const seeds = number("Seeds", "lora-mixer-votes-seeds", 1, 20, "How often every prompt is asked, each time with other dice");
    const length = M.replyLength("lora-mixer-votes-length");
    const start = el("button", { type: "button", class: "button primary big", text: "Begin a blind session", id: "lora-mixer-votes-begin" });
    const why = el("div", { class: "why-not", hidden: true });
    start.addEventListener("click", M.guard("beginning", () => {
      text.complain("");
      start.disabled = true;
      M.votes.order({ source: "many", text: text.input.value, seeds: Number(seeds.input.value), length: length.value, most: Number(pairs.input.value) }, (answer) => {
        start.disabled = false;
        if (answer.refused) text.complain(answer.refused.why);
        else say({});
      }, "start");
    }));
    const node = el("section", { class: "panel-card", id: "lora-mixer-votes-form", "aria-label": "A blind session" },
      el("div", { class: "ballot-from" }, el("span", { class: "field-name", text: "Between the columns" }), columns, change),
      text.node,
      el("div", { class: "column-tools" }, el("button", { type: "button", class: "button small", text: "Read a file\u2026", title: "One prompt a line, or JSONL with a chat a line", on: { click: picker.open } }), picker.input,
        el("span", { class: "hint", text: "One prompt a line, or a JSON object a line: {\"prompt\": \u2026} or {\"messages\": [\u2026]}." })),
      el("div", { class: "fields" }, seeds.node, pairs.node, length.node), length.hint, el("div", { class: "column-tools" }, start), why);
    return {
      node,
      update() {
        const { session, trouble } = M.votes;
        length.update();
        node.hidden = Boolean(session);
        if (node.hidden) return;
        setText(columns, M.votes.columns.join("   |   ") || "\u2013");
        setText(why, trouble);
        why.hidden = !trouble;
        start.disabled = Boolean(trouble) || !M.votes.known;
      },
    };
  }

  M.votesPage = function () {
    const said = M.saying("lora-mixer-votes-said");
    const say = (answer) => said.say(answer.refused ? answer.refused.why : answer.said || "", !answer.refused);
    const pairs = number("Pairs at most", "lora-mixer-votes-pairs", 20, 500, "How many pairs of replies are put to the vote");
    const most = () => Number(pairs.input.value);
    const begin = form(say, pairs);
    const ballot = M.ballot(say);
    const outcome = M.outcome(say, most);
    const past = M.past(say, most);
    const parts = [begin, ballot, outcome, past];
    const root = el("div", { class: "lab", id: "lora-mixer-votes-page" },
      el("div", { class: "heading" }, el("h3", { text: "Blind votes" }), el("span", { text: "Which mix is better, when you do not know which is which?" })),
      said.node, ...parts.map((part) => part.node));
    root.classList.add("lora-mixer");
    M.dom.keepKeys(root);
    let key = null;
    const sizes = new ResizeObserver(M.guard("resizing", () => {
      if (root.clientWidth) root.classList.toggle("is-narrow", root.clientWidth < 560);
    }));
    sizes.observe(root);
    const sight = new IntersectionObserver(M.guard("votes", (entries) => {
      M.votes.shown = entries[entries.length - 1].isIntersecting;
      if (M.votes.shown) M.votes.look(true);
    }));
    sight.observe(root);
    M.onStop(() => {
      sizes.disconnect();
      sight.disconnect();
      root.remove();
    });
    M.votes.onChange(M.guard("votes", () => {
      for (const part of parts) part.update();
      const { session } = M.votes;
      const now = session && `${session.key} ${session.revealed}`;
      if (now === key) return;
      const before = key;
      key = now;
      if (session && !session.revealed) ballot.focus();
      if (before !== null && (!session || session.revealed)) {
        M.votes.look(true);
        past.ask();
      }
    }));
    return {
      root,
      /** The host may make our place anew, or empty it: move back in. */
      settle() {
        const place = document.getElementById("lora-mixer-votes-place");
        if (place && root.parentNode !== place) {
          place.replaceChildren(root);
          M.votes.changed();
        }
      },
    };
  };
})(window.loraMixer);
