/* What differs: how the replies are coloured, how surprising they are to another column's mix, and how far mixes are apart. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const DIFFER = "differ";
  const PLAIN = "plain";
  const letterOf = (label) => label.split(" \u00b7 ")[0];

  let view = DIFFER; // or PLAIN, or the index of the column whose mix judges
  let judged = null; // {key, judge, cells: Map("r,c" -> tokens)}
  let measured = null;
  let about = null; // the experiment that all of this is about

  function chance(p) {
    if (p >= 0.9995) return "100 %";
    return p >= 0.01 ? `${(p * 100).toFixed(1)} %` : p >= 0.0001 ? `${(p * 100).toFixed(3)} %` : "less than 0.01 %";
  }

  /** How surprising a probability is, from 0 (certain) to 1 (one in three thousand, or less). */
  const surprise = (p) => Math.min(1, -Math.log(Math.max(p, 1e-9)) / 8);

  const token = (p, by) => ({
    node: (text) => {
      const node = el("span", { class: "token", text, title: `${chance(p)} under ${by}` });
      node.style.setProperty("--surprise", `${Math.round(surprise(p) * 70)}%`);
      return node;
    },
  });

  M.lab.view = {
    /** The pieces of a reply under the present view, or null for what Python has marked. */
    pieces(cell, row, column) {
      if (view === DIFFER) return null;
      const tokens = typeof view === "number" && judged && judged.key === M.lab.sheet.key && judged.judge === view && judged.cells.get(`${row},${column}`);
      if (!tokens) return cell.text ? [[cell.text, 0]] : [];
      const by = M.lab.sheet.columns[view];
      return tokens.map(([text, p]) => [text, p === null ? 0 : token(p, by)]);
    },
  };

  function retouch() {
    M.lab.viewKey = `${view} ${judged ? `${judged.key} ${judged.judge}` : ""}`;
    M.lab.changed();
  }

  function look(next) {
    view = next;
    if (typeof next !== "number") { retouch(); return; }
    M.lab.order({ do: "surprise", column: next }, (answer) => {
      if (!answer.refused) return;
      M.lab.tell(answer.refused.why);
      if (view === next) { view = DIFFER; retouch(); }
    });
  }

  M.lab.extras.push((news) => {
    // A page that looks again is told of the same experiment once more: what its user looks at stays.
    if (news.sheet !== undefined && (news.sheet ? news.sheet.key : null) !== about) {
      about = news.sheet ? news.sheet.key : null;
      measured = null;
      judged = null;
      if (typeof view === "number") view = DIFFER;
    }
    if (news.measured !== undefined && (news.key === undefined || (M.lab.sheet && news.key === M.lab.sheet.key))) measured = news.measured;
    if (news.surprise) {
      const { key, judge, cells } = news.surprise;
      judged = { key, judge, cells: new Map(cells.map((cell) => [`${cell.r},${cell.c}`, cell.tokens])) };
    }
    if (news.sheet !== undefined || news.surprise) retouch();
  });

  const number = (value) => (value === null || value === undefined ? "\u2013" : value >= 1000 ? value.toExponential(1) : value.toPrecision(3));

  /** A table of mixes against replies; strength(value, i, j) from 0 to 1 colours a cell. */
  function table(title, hint, values, columns, strength) {
    const letters = columns.map(letterOf);
    const head = el("tr", {}, el("th", { class: "measure-corner" }, el("span", { text: "reply \u2192" }), el("span", { text: "mix \u2193" })), ...letters.map((text, j) => el("th", { scope: "col", text, title: `said by ${columns[j]}` })));
    const rows = values.map((line, i) => el("tr", {}, el("th", { scope: "row", text: letters[i], title: `judged by ${columns[i]}` }),
      ...line.map((value, j) => {
        const cell = el("td", { text: number(value), title: `${columns[i]}, on what ${columns[j]} said` });
        cell.style.setProperty("--strength", `${Math.round((value === null ? 0 : strength(value)) * 60)}%`);
        return cell;
      })));
    return el("figure", { class: "measure" }, el("figcaption", {}, el("b", { text: title }), el("span", { class: "hint", text: hint })),
      el("div", { class: "measure-scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows))));
  }

  const all = (values) => values.flat().filter((value) => value !== null && Number.isFinite(value));

  function tables(columns) {
    const most = Math.max(0.001, ...all(measured.divergence));
    const logs = all(measured.perplexity).map(Math.log);
    const top = Math.max(0.001, ...logs);
    const over = measured.rows > 1 ? `, mean of ${measured.rows} rows` : "";
    return [
      table("Divergence", `nats a token: how far the mix in a row is from the one that wrote the column's reply${over}`, measured.divergence, columns, (v) => v / most),
      table("Perplexity", `of the column's reply under the mix in a row: 1 is no surprise at all${over}`, measured.perplexity, columns, (v) => Math.log(v) / top),
    ];
  }

  M.lab.parts.push((root, results) => {
    const views = el("select", { class: "select", id: "lora-mixer-view", "aria-label": "What is marked in the replies" });
    views.addEventListener("change", M.guard("view", () => look(/^\d+$/.test(views.value) ? Number(views.value) : views.value)));
    const measure = el("button", { type: "button", class: "button small", text: "Measure the differences", id: "lora-mixer-measure",
      title: "How far apart the mixes are, and how surprising each token is: it costs one pass of the model for every reply" });
    measure.addEventListener("click", M.guard("measure", () => {
      if (M.lab.line.running) return;
      M.lab.begins("Measuring \u2026");
      M.lab.send("measure", {});
    }));
    results.bar.right.append(el("label", { class: "inline" }, el("span", { class: "field-name", text: "Mark" }), views), measure);
    const legend = el("div", { class: "legend", hidden: true }, el("span", { class: "legend-scale" }), el("span", { class: "hint" }));
    const shown = el("div", { class: "measures", id: "lora-mixer-measures", hidden: true });
    results.bar.node.after(legend);
    results.node.append(shown);
    let drawn = null;
    return {
      update() {
        const { sheet, line } = M.lab;
        shown.hidden = !measured;
        legend.hidden = typeof view !== "number";
        if (!sheet) return;
        const made = JSON.stringify([sheet.columns, Boolean(measured)]);
        if (views.dataset.of !== made) {
          views.dataset.of = made;
          views.replaceChildren(el("option", { value: DIFFER, text: "words that differ" }), el("option", { value: PLAIN, text: "nothing" }),
            ...sheet.columns.map((label, c) => el("option", { value: String(c), text: `surprise to ${label}`, disabled: !measured })));
        }
        if (views.value !== String(view)) views.value = String(view);
        measure.disabled = line.running || !sheet.cells.some((row) => row.some((cell) => cell.s === "done" && cell.text));
        measure.hidden = Boolean(measured) && measured.rows >= sheet.rows.length;
        setAttribute(views, "title", measured ? "" : "How surprising each token is can be marked once the differences are measured");
        if (typeof view === "number") setText(legend.lastChild, `The more colour, the more a token surprises ${sheet.columns[view]}. Point at one for its probability.`);
        if (drawn !== measured) {
          drawn = measured;
          shown.replaceChildren(...(measured ? tables(sheet.columns) : []));
        }
      },
    };
  });
})(window.loraMixer);
