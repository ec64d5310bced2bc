/* A session that has been revealed: what the votes add up to, and which mix said what. */
(function (M) {
  "use strict";

  const { el } = M.dom;
  const SIGNS = { left: "\u2190 left was better", right: "\u2192 right was better", tie: "\u2191 as good as each other", bad: "\u2193 both bad" };

  function reply(label, text, won) {
    const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": `What ${label} said` });
    body.textContent = text;
    return el("article", { class: won ? "reply is-won" : "reply" }, el("header", { class: "reply-head" }, el("b", { text: label }), won ? el("span", { text: "preferred" }) : null), body);
  }

  function voted(pair, at) {
    const inside = el("div", { class: "ballot-pair is-small" });
    const node = el("details", { class: "section" }, el("summary", {}, el("span", { class: "section-name", text: `${at + 1}. ${pair.question}` }),
      el("span", { class: "digest", text: `${pair.left} | ${pair.right} \u00b7 ${SIGNS[pair.verdict]}` })), inside);
    node.addEventListener("toggle", M.guard("toggle", () => {
      if (node.open && !inside.children.length) inside.append(reply(pair.left, pair.texts[0], pair.verdict === "left"), reply(pair.right, pair.texts[1], pair.verdict === "right"));
    }));
    return node;
  }

  M.outcome = function (say, most) {
    const standing = M.standing(say);
    const more = el("button", { type: "button", class: "button", text: "Vote on more pairs", id: "lora-mixer-votes-more",
      on: { click: () => M.votes.order({ do: "more", most: most() }, say) } });
    const close = el("button", { type: "button", class: "button", text: "Close", id: "lora-mixer-votes-close", title: "The votes stay in the list below",
      on: { click: () => M.votes.order({ do: "end" }, say) } });
    const list = el("div", { class: "voted" });
    const notes = el("p", { class: "hint" });
    const node = el("section", { class: "panel-card", id: "lora-mixer-outcome", "aria-label": "Revealed" },
      el("div", { class: "toolbar" }, el("b", { class: "ballot-count", text: "Revealed" }), el("span", { class: "toolbar-right" }, more, close)), standing.node, notes, list);
    let drawn = "";
    return {
      node,
      update() {
        const { session } = M.votes;
        const outcome = session && session.revealed ? session.outcome : null;
        node.hidden = !outcome;
        if (!outcome) return;
        more.hidden = !session.spare;
        notes.textContent = [session.error, ...session.notes].filter(Boolean).join(" ");
        notes.hidden = !notes.textContent;
        if (!outcome.standing) return;
        standing.update(outcome.standing);
        const now = `${session.key} ${outcome.pairs.length}`;
        if (drawn === now) return;
        drawn = now;
        list.replaceChildren(...outcome.pairs.map(voted));
      },
    };
  };
})(window.loraMixer);
