/* One reply: a card that stands still while it fills. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;

  const button = (text, act, title, click) => el("button", { type: "button", class: "button small", text, title, data: { do: act }, on: { click } });

  /** The card of a column and a row: {node, update(cell)}. id: whether it carries the ids of the first row. */
  M.reply = function ({ label, row, column, use, id }) {
    const letter = label.split(" \u00b7 ")[0];
    const notes = el("span", { class: "reply-notes" });
    const text = document.createTextNode("");
    const caret = el("span", { class: "caret", hidden: true });
    const body = el("div", { class: "reply-text", tabindex: "0" }, text, caret);
    body.setAttribute("aria-label", `What ${label} says`);
    const say = (answer) => M.lab.tell(answer.refused ? answer.refused.why : answer.said, !answer.refused);
    const actions = el("div", { class: "reply-actions" },
      use ? button("Use this reply", "use", "It becomes another version of the chat's last reply", () => M.lab.send("use", { column })) : null,
      button("Put on the desk", "desk", "The faders go where they stood for this column", () => M.lab.order({ do: "put on the desk", column }, say)),
      button("Keep as a column", "collect", "Keep this mix as one more column", () => M.lab.order({ do: "collect", column }, say)));
    const node = el("article", { class: "reply", data: { row: String(row), column: String(column) } },
      el("header", { class: "reply-head" }, el("b", { text: label, title: label }), notes), body, actions);
    if (id) {
      node.id = `lora-mixer-reply-${letter}`;
      if (use) actions.firstChild.id = `lora-mixer-use-${letter}`;
    }
    let drawn = null;

    function drawPieces(cell) {
      const view = M.lab.view && M.lab.view.pieces(cell, row, column);
      const parts = (view || cell.pieces).map(([part, mark]) => (mark ? (typeof mark === "object" ? mark.node(part) : el("mark", { class: "differs", text: part })) : document.createTextNode(part)));
      if (!parts.length) parts.push(el("span", { class: "faint", text: "(it said nothing)" }));
      body.replaceChildren(...parts);
    }

    return {
      node,
      update(cell) {
        const running = M.lab.line.running && (cell.s === "running" || cell.s === "waiting");
        const key = cell.pieces ? `pieces ${M.lab.viewKey || ""}` : "text";
        if (cell.fresh || drawn !== key) {
          cell.fresh = false;
          if (cell.pieces) drawPieces(cell);
          else {
            if (drawn !== "text") body.replaceChildren(text, caret);
            // Only the end is new, as a rule: what stands there stays, and what is selected in it stays selected.
            if (cell.text.startsWith(text.data)) { if (cell.text.length > text.data.length) text.appendData(cell.text.slice(text.data.length)); }
            else text.data = cell.text;
          }
          drawn = key;
        }
        caret.hidden = !running || cell.s === "waiting";
        const said = cell.n === 1 ? "1 token" : `${cell.n} tokens`;
        const leaves = cell.leaves === null ? "" : `leaves ${M.lab.referenceLetter()} at token ${cell.leaves + 1}`;
        setText(notes, cell.s === "waiting" ? "" : [said, leaves, cell.end, cell.pace].filter(Boolean).join(" \u00b7 "));
        notes.title = [cell.end === "cut off" ? "It reached the length limit." : "",
          leaves ? `The first token that ${M.lab.referenceLetter()} does not say is number ${cell.leaves + 1}.` : ""].join(" ").trim();
        node.classList.toggle("is-waiting", cell.s === "waiting");
        node.classList.toggle("is-done", cell.s === "done");
        for (const one of actions.children) one.disabled = M.lab.line.running || (one.dataset.do === "use" && !cell.text);
      },
    };
  };
})(window.loraMixer);
