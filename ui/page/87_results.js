/* The results: a row for every question and seed, a card for every column in it; a sweep of two faders as a grid. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const CHARACTERS = 4.3; // a token's, as a rule
  const LINE = 21;
  const SLIM = 400; // in a card that is slimmer, what is noted of a reply takes two lines

  /** How tall a reply's text is to be, so that nothing moves while it fills: as long as it may get, within reason. */
  function height(limit, width) {
    const lines = ((limit || 128) * CHARACTERS) / Math.max(20, width / 7.2);
    return Math.round(Math.min(Math.max(lines + 2, 6), 15) * LINE);
  }

  function toolbar() {
    const reference = el("select", { class: "select", id: "lora-mixer-reference", "aria-label": "Reference column" });
    reference.addEventListener("change", M.guard("reference", () => M.lab.order({ do: "reference", column: Number(reference.value) })));
    const tall = el("button", { type: "button", class: "button small", text: "Whole replies", "aria-pressed": "false", title: "Show every reply in its full height", data: { do: "tall" } });
    const note = el("span", { class: "hint" });
    const right = el("span", { class: "toolbar-right" });
    const node = el("div", { class: "toolbar", hidden: true },
      el("label", { class: "inline" }, el("span", { class: "field-name", text: "Reference" }), reference), right, tall, note);
    return { node, reference, tall, note, right };
  }

  M.results = function () {
    const bar = toolbar();
    const body = el("div", { class: "results", id: "lora-mixer-results" });
    const node = el("div", { class: "results-part" }, bar.node, body);
    let key = null;
    let cards = [];
    let tall = false;
    bar.tall.addEventListener("click", M.guard("whole replies", () => {
      tall = !tall;
      setAttribute(bar.tall, "aria-pressed", String(tall));
      body.classList.toggle("is-tall", tall);
    }));

    function empty() {
      const columns = M.lab.setup ? M.lab.setup.columns.slice(0, 4) : [];
      body.replaceChildren(el("div", { class: "row-cards" }, ...columns.map((c) => el("article", { class: "reply", id: `lora-mixer-reply-${c.letter}` },
        el("header", { class: "reply-head" }, el("b", { text: c.letter })),
        el("div", { class: "reply-text" }, el("span", { class: "faint", text: `What column ${c.letter} says will stand here.` }))))));
    }

    function heading(sheet, at) {
      const { label, seed } = sheet.rows[at];
      return el("h4", { class: "row-head" }, el("span", { class: "row-label", text: label, title: label }), el("span", { class: "hint", text: `seed ${seed}` }));
    }

    /** One row's cards side by side, or as a grid of x and y. */
    function rowOf(sheet, at, made) {
      const { grid } = sheet;
      if (!grid || !grid.ys.length || grid.xs.length * grid.ys.length !== made.length) return el("div", { class: "row-cards" }, ...made);
      const corner = el("div", { class: "axis-corner" }, el("span", { text: `${grid.x} \u2192` }), el("span", { text: `${grid.y} \u2193` }));
      const table = el("div", { class: "xy" }, corner, ...grid.xs.map((x) => el("div", { class: "axis-x", text: x })));
      table.style.gridTemplateColumns = `minmax(70px, auto) repeat(${grid.xs.length}, minmax(220px, 1fr))`;
      grid.ys.forEach((y, j) => {
        table.append(el("div", { class: "axis-y", text: y }), ...made.slice(j * grid.xs.length, (j + 1) * grid.xs.length));
      });
      return el("div", { class: "xy-scroll" }, table);
    }

    function build(sheet) {
      cards = sheet.rows.map((row, r) => sheet.columns.map((label, c) =>
        M.reply({ label, row: r, column: c, use: sheet.use && r === 0, id: r === 0 })));
      const several = sheet.rows.length > 1;
      body.replaceChildren(...sheet.rows.flatMap((row, r) => [several ? heading(sheet, r) : "", rowOf(sheet, r, cards[r].map((card) => card.node))]));
      bar.reference.replaceChildren(...sheet.columns.map((label, c) => el("option", { value: String(c), text: label })));
      resize();
    }

    function resize() {
      const first = body.querySelector(".lora-mixer-reply-text");
      if (!first) return;
      body.classList.toggle("is-slim", first.clientWidth < SLIM);
      if (M.lab.sheet) body.style.setProperty("--lm-reply", `${height(M.lab.sheet.limit, first.clientWidth || 280)}px`);
    }

    return {
      node, bar, resize,
      update() {
        const { sheet, setup } = M.lab;
        bar.node.hidden = !sheet;
        if (!sheet) {
          const now = setup ? `none ${setup.columns.length}` : "none";
          if (key !== now) empty();
          key = now;
          return;
        }
        if (key !== sheet) build(sheet);
        key = sheet;
        if (bar.reference.value !== String(sheet.reference)) bar.reference.value = String(sheet.reference);
        setText(bar.note, M.lab.note || "");
        sheet.cells.forEach((row, r) => row.forEach((cell, c) => cards[r][c].update(cell)));
      },
    };
  };
})(window.loraMixer);
