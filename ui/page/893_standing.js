/* What votes add up to: the outcome in a sentence, and a table of the mixes with their win rates and intervals. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;
  const percent = (share) => `${Math.round(share * 100)}%`;
  const cell = (text, title) => el("td", { text: String(text), title: title || null });

  /** The share of votes won as a dot, its 95% interval as a band; the mark in the middle is where neither is ahead. */
  function rate(row) {
    if (row.share === null) return el("td", { class: "won" }, el("span", { class: "faint", text: "no vote chose a side" }));
    const band = el("span", { class: "won-band" });
    band.style.left = `${row.low * 100}%`;
    band.style.right = `${(1 - row.high) * 100}%`;
    const dot = el("span", { class: "won-dot" });
    dot.style.left = `${row.share * 100}%`;
    return el("td", { class: "won", title: `95% interval ${percent(row.low)} to ${percent(row.high)}; ${row.sure}` },
      el("span", { class: "won-share", text: percent(row.share) }), el("span", { class: "won-track", "aria-hidden": "true" }, band, dot),
      el("span", { class: "won-range", text: `${percent(row.low)} to ${percent(row.high)}` }));
  }

  function line(row, ranked, say) {
    const put = el("button", { type: "button", class: "button small", text: "Put on the desk", data: { do: "put" }, title: `The faders go where they stood for ${row.label}`,
      on: { click: () => M.votes.order({ do: "put", mix: row.mix, label: row.label }, say) } });
    return el("tr", {}, cell(row.place), el("th", { scope: "row", text: row.label || "\u2013" }), rate(row), cell(row.wins), cell(row.losses), cell(row.ties), cell(row.bad),
      ranked ? cell(row.strength.toFixed(2), "Bradley-Terry; the mean of those that met is 0") : null, el("td", { class: "act" }, put));
  }

  function against(standing) {
    if (standing.pairs.length < 2) return null;
    return el("details", { class: "section" }, el("summary", {}, el("span", { class: "section-name", text: "Each against each" })),
      el("ul", { class: "plain" }, ...standing.pairs.map((pair) => {
        const [one, other] = [standing.rows[pair.one].label, standing.rows[pair.other].label];
        const more = [pair.ties && `${pair.ties} as good`, pair.bad && `${pair.bad} both bad`].filter(Boolean).join(", ");
        return el("li", {}, el("b", { text: `${one} ${pair.wins} : ${pair.losses} ${other}` }), el("span", { class: "faint", text: ` ${more ? `(${more}) ` : ""}${pair.sure}` }));
      })));
  }

  /** {node, update(standing)}; say(answer) tells what a button did. */
  M.standing = function (say) {
    const outcome = el("p", { class: "outcome" });
    const note = el("p", { class: "hint" });
    const table = el("div", { class: "measure-scroll" });
    const node = el("div", { class: "standing" }, outcome, table, note);
    let drawn = "";
    return {
      node,
      update(standing) {
        const now = JSON.stringify(standing);
        if (now === drawn) return;
        drawn = now;
        setText(outcome, standing.line);
        setText(note, standing.note);
        note.hidden = !standing.note;
        const ranked = standing.rows.length > 2;
        const groups = [...new Set(standing.rows.map((row) => row.group))];
        const names = ["Place", "Mix", "Won, of the votes that chose a side", "Won", "Lost", "As good", "Both bad", ranked ? "Strength" : null, ""];
        const body = groups.map((group) => el("tbody", {}, ...standing.rows.filter((row) => row.group === group).map((row) => line(row, ranked, say))));
        const more = against(standing);
        table.replaceChildren(...(standing.rows.length ? [el("table", { class: "standing-table" },
          el("thead", {}, el("tr", {}, ...names.filter((name) => name !== null).map((name) => el("th", { scope: "col", text: name })))), ...body)] : []), ...(more ? [more] : []));
      },
    };
  };
})(window.loraMixer);
