/* The cell that is chosen in the grid: each of its targets with a number of its own. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;
  const MANY = 400; // more targets than that in one cell are not listed one by one

  /** {node, update()}; gives view (60_grid.js) its type(text): start typing the chosen cell's number. */
  M.cell = function (view) {
    const { ix } = view;
    const where = el("span", { class: "cell-where" });
    const back = () => view.cells[view.chosen] && view.cells[view.chosen].focus();
    const all = M.numberField({ label: "Gain of the chosen cell", set: (v) => view.set(view.chosen, v), done: back });
    const note = el("span", { class: "cell-note" });
    const heard = el("span", { class: "cell-heard" });
    const facts = el("span", { class: "cell-note" });
    const named = el("span", { class: "cell-note is-name" });
    const list = el("div", { class: "cell-list" });
    const node = el("div", { class: "cell-detail", data: { part: "cell" } },
      el("div", { class: "cell-head" }, where, all.node, heard, facts, note, named), list);
    let shown = -1;
    let fields = [];

    /** Where the names of several targets begin to differ, less one part: "experts.7.w1" tells it all. */
    function common(names) {
      const [first, ...others] = names.map((name) => name.split("."));
      let same = 0;
      while (same < first.length - 1 && others.every((parts) => parts[same] === first[same])) same += 1;
      return first.slice(0, Math.max(0, same - 1)).reduce((length, part) => length + part.length + 1, 0);
    }

    function targetRow(i, cut) {
      const [name, , , rank, alpha] = ix.adapter.targets[i];
      const field = M.numberField({
        label: `Gain of ${name}`,
        set: (v) => M.store.edit((p) => M.model.put(M.model.of(p, view.name).modules, name, v)),
      });
      fields.push({ name, field });
      return el("div", { class: "cell-target" },
        el("span", { class: "cell-name", text: name.slice(cut), title: `${name} \u00b7 rank ${rank} \u00b7 alpha ${M.model.short(alpha)}` }), field.node);
    }

    function build(c) {
      shown = c;
      fields = [];
      const members = Array.from(ix.members.subarray(ix.start[c], ix.start[c + 1]));
      const several = members.length > 1 && members.length <= MANY;
      const cut = several ? common(members.map((i) => ix.adapter.targets[i][0])) : 0;
      list.replaceChildren(...(several ? members.map((i) => targetRow(i, cut)) : []));
      list.hidden = !several;
      const name = ix.adapter.targets[members[0]][0];
      setText(named, several ? "" : name);
      named.title = name;
    }

    view.type = (text) => {
      all.input.focus();
      if (text) all.input.value = text;
    };

    return {
      node,
      update() {
        const c = view.chosen;
        node.hidden = c < 0;
        if (c < 0) return;
        if (c !== shown) build(c);
        const own = M.model.own(ix, M.store.panel, c);
        all.update(own.value);
        const n = ix.start[c + 1] - ix.start[c];
        const words = M.cellWords(ix, c);
        setText(where, words[0]);
        setText(heard, words[2]);
        setText(facts, words[4]);
        setText(note, n === 1 ? "" : own.mixed ? `${n} targets, set apart: a number here sets all` : `${n} targets: a number here sets all`);
        const { modules } = M.model.peek(M.store.panel, view.name);
        for (const { name, field } of fields) field.update(M.model.at(modules, name));
      },
    };
  };
})(window.loraMixer);
