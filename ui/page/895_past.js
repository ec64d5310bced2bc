/* The experiments that are kept, and what all votes together say. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;
  const FIRST = 12;
  const FORMS = [["html", "HTML"], ["csv", "CSV"], ["jsonl", "JSONL"]];
  const many = (n, one, more) => `${n} ${n === 1 ? one : more}`;

  function entry(one, say, most) {
    const order = (message, then, box) => M.votes.order({ ...message, id: one.id }, (answer) => {
      say(answer);
      if (!answer.refused && then) then(answer);
    }, box);
    const missing = one.planned > one.trials;
    const resume = (more) => order({ do: "resume", most: most(), missing: more }, () => M.goTo("votes", "lora-mixer-ballot"), "start");
    const vote = el("button", { type: "button", class: "button small", text: "Vote on it", data: { do: "resume" }, title: "A blind session on the replies that are there",
      on: { click: () => resume(false) } });
    vote.disabled = one.labels.length < 2 || !one.trials;
    const goOn = missing ? el("button", { type: "button", class: "button small", text: "Go on", data: { do: "go-on" }, title: "The session that was interrupted: the replies that are missing are generated, and voted on",
      on: { click: () => resume(true) } }) : null;
    const open = el("button", { type: "button", class: "button small", text: "Open", data: { do: "open" }, title: "Show it on the Mix tab as it was",
      on: { click: () => order({ do: "open" }, () => { M.lab.look(); M.goTo("mix", "lora-mixer-compare"); }) } });
    const columns = el("button", { type: "button", class: "button small", text: "Use its columns", data: { do: "columns" }, title: "Set the columns of the Mix tab up as these were",
      on: { click: () => order({ do: "columns" }, () => M.lab.look()) } });
    const forms = FORMS.map(([form, text]) => el("button", { type: "button", class: "button small", text, data: { do: `save-${form}` }, title: `Save it as ${text}`,
      on: { click: () => order({ do: "save", form }, ({ file }) => M.download(file.name, file.text, `${file.type};charset=utf-8`)) } }));
    const gone = M.askingButton("Delete", "Delete it and its votes", { do: "delete" }, () => order({ do: "delete" }));
    const facts = [M.when(Date.parse(one.time) / 1000), one.model, missing ? `${one.trials} of ${one.planned} trials` : many(one.trials, "trial", "trials"), one.votes ? many(one.votes, "vote", "votes") : ""].filter(Boolean).join(" \u00b7 ");
    return el("li", { class: "past-entry", data: { experiment: String(one.id) } },
      el("div", { class: "past-what" }, el("b", { text: one.labels.join("  |  ") }), el("span", { class: "faint", text: one.first }), el("span", { class: "hint", text: facts })),
      el("div", { class: "past-acts" }, goOn, vote, open, columns, ...forms, gone.node));
  }

  /** The standing over all votes, or over those between mixes that are ticked. */
  function everything(say) {
    const standing = M.standing(say);
    const ticks = el("div", { class: "chips", id: "lora-mixer-all-mixes" });
    const mine = el("input", { type: "checkbox", class: "check", checked: true, id: "lora-mixer-all-model" });
    const choices = el("div", { class: "all-choices" }, el("label", { class: "choice" }, mine, el("span", { text: "Votes about this model alone" })), ticks);
    const section = M.dom.section("votes/all", "All votes", false, el("div", { class: "all-votes" }, choices, standing.node), () => ask(null));
    section.node.id = "lora-mixer-all-votes";
    let drawn = "";
    const ask = (chosen) => M.votes.order({ do: "standing", model: mine.checked, chosen }, say);
    mine.addEventListener("change", M.guard("all votes", () => ask(null)));
    function tick(one, chosen) {
      const box = el("input", { type: "checkbox", class: "check", value: one.id });
      box.checked = !chosen || chosen.includes(one.id);
      box.addEventListener("change", M.guard("all votes", () => ask([...ticks.querySelectorAll("input")].filter((input) => input.checked).map((input) => input.value))));
      return el("label", { class: "choice" }, box, el("span", { text: `${one.label || "\u2013"} (${one.votes})` }));
    }
    return {
      node: section.node,
      ask: () => { if (section.open) ask(null); },
      update() {
        const { all } = M.votes;
        if (!all || !section.open) return;
        const now = JSON.stringify([all.competitors, all.chosen]);
        if (now !== drawn) {
          drawn = now;
          ticks.replaceChildren(...all.competitors.map((one) => tick(one, all.chosen)));
        }
        ticks.hidden = all.competitors.length < 3;
        standing.update(all.standing);
      },
    };
  }

  M.past = function (say, most) {
    const list = el("ul", { class: "past", id: "lora-mixer-past" });
    const more = el("button", { type: "button", class: "button small", on: { click: () => { whole = true; drawn = ""; M.votes.changed(); } } });
    const nothing = el("p", { class: "hint", id: "lora-mixer-past-nothing" });
    const all = everything(say);
    const node = el("section", { class: "panel-card" }, el("b", { class: "ballot-count", text: "Experiments" }), nothing, list, more, all.node);
    let whole = false;
    let drawn = "";
    return {
      node,
      ask: all.ask,
      update() {
        const { past, keeps, broken, known } = M.votes;
        setText(nothing, broken || (!keeps ? "Strangers share this host, so nothing is kept here." : past.length || !known ? "" : "What you compare and vote on is kept, and listed here."));
        nothing.classList.toggle("is-wrong", Boolean(broken));
        nothing.hidden = !nothing.textContent;
        all.node.hidden = !past.length;
        all.update();
        const now = JSON.stringify([past, whole]);
        if (now === drawn) return;
        drawn = now;
        const shown = whole ? past : past.slice(0, FIRST);
        list.replaceChildren(...shown.map((one) => entry(one, say, most)));
        more.hidden = shown.length === past.length;
        setText(more, `Show all ${past.length}${M.votes.more ? "+" : ""}`);
      },
    };
  };
})(window.loraMixer);
