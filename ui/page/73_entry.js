/* One row of the shelf: an adapter or a checkpoint, what is known of it, what can be done with it, and one's own notes. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const METHODS = { lora: "LoRA", dora: "DoRA", loha: "LoHa", lokr: "LoKr", adalora: "AdaLoRA", oft: "OFT", boft: "BOFT", ia3: "IA3" };
  const spread = (values) => (values.length > 2 ? `${M.model.short(values[0])}\u2013${M.model.short(values[values.length - 1])}` : values.map(M.model.short).join(", "));
  const some = (names, most) => (names.length > most ? `${names.slice(0, most).join(", ")} and ${names.length - most} more` : names.join(", "));

  const state = (entry) => {
    if (entry.missing) return "no adapter";
    if (entry.error) return "damaged";
    if (entry.run) return "";
    return entry.fits && !entry.loaded ? "does not fit" : "";
  };

  function facts(entry) {
    const rows = [
      ["Folder", entry.where],
      ["Base model", entry.base],
      ["Kinds", entry.kinds.join(", ")],
      ["Layers", entry.layers ? `${entry.layers}` : ""],
      ["Targets", entry.targets ? `${entry.targets}` : ""],
      ["Also holds", entry.saved.join(", ")],
      ["Parameters", entry.parameters ? `${M.model.many(entry.parameters)} in ${entry.dtype}` : ""],
      ["Written", entry.time ? new Date(entry.time * 1000).toLocaleString("en-GB") : ""],
      ["Odd", entry.problems.join(" \u00b7 ")],
    ].filter((row) => row[1]);
    return el("dl", { class: "entry-facts" }, ...rows.flatMap(([name, text]) => [el("dt", { text: name }), el("dd", { text })]));
  }

  /** {node, open, update(entry, {depth, busy, why, loaded, writes, opened})}; act: load, remove, compare, note. */
  M.shelfEntry = function (act) {
    let entry = null;
    let open = false; // its checkpoints
    let detailed = false;
    let made = "";
    const fold = el("button", { type: "button", class: "fold", data: { do: "fold" } });
    const name = el("span", { class: "entry-name" });
    const mark = el("span", { class: "badge is-loaded", text: "loaded" });
    const bad = el("span", { class: "badge is-bad-badge" });
    const tags = el("span", { class: "entry-tags" });
    const base = el("span", { class: "entry-base" });
    const note = el("span", { class: "entry-note" });
    const why = el("div", { class: "entry-why" });
    const cell = (part, ...inside) => el("span", { class: `shelf-${part}`, role: "cell" }, ...inside);
    const [rank, what, size, time] = ["rank", "what", "size", "time"].map((part) => cell(part));
    const button = (text, data, click, more) => el("button", { type: "button", class: `button small${more || ""}`, text, data: { do: data }, on: { click } });
    const load = button("Load", "load", () => act.load(entry, false));
    const add = button("Add beside", "add", () => act.load(entry, true));
    const remove = button("Remove", "remove", () => act.remove(entry));
    const compare = button("Compare the checkpoints", "compare", () => act.compare(entry), " quiet");
    const details = button("Details", "details", () => { detailed = !detailed; redraw(); }, " quiet");
    const many = el("span");
    const stages = el("span", { class: "entry-stages" }, many, compare);
    const box = el("div", { class: "entry-details", hidden: true });
    const node = el("div", { class: "shelf-entry", role: "row" },
      el("div", { class: "shelf-row" },
        cell("name", fold, el("span", { class: "entry-title" }, el("span", { class: "entry-line" }, name, mark, bad, tags), base, stages, note)),
        rank, what, size, time, cell("acts", load, add, remove, details)),
      why, box);

    fold.addEventListener("click", M.guard("folding", () => {
      open = !open;
      M.works.changed();
    }));
    function redraw() {
      M.works.changed();
    }

    function build() {
      const text = el("textarea", { class: "text-input", rows: 2, maxlength: 2000, "aria-label": `Note on ${entry.id}` });
      text.value = entry.note;
      const own = el("input", { type: "text", class: "text-input", maxlength: 400, "aria-label": `Collections of ${entry.id}`, placeholder: "favourites, for stories" });
      own.value = entry.collections.join(", ");
      const said = el("span", { class: "hint", role: "status" });
      const save = button("Keep the note", "keep-note", () => act.note(entry, text.value, own.value.split(",").map((one) => one.trim()).filter(Boolean),
        (refused) => setText(said, refused || "Kept.")));
      const form = el("div", { class: "entry-form" },
        el("label", { class: "field" }, el("span", { class: "field-name", text: "Note" }), text),
        el("label", { class: "field" }, el("span", { class: "field-name", text: "Collections, with commas between" }), own),
        el("div", { class: "column-tools" }, save, said));
      box.replaceChildren(facts(entry), form);
    }

    return {
      node,
      get open() { return open; },
      update(next, { depth, busy, why: cannot, loaded, writes, opened }) {
        entry = next;
        node.dataset.entry = entry.id;
        node.classList.toggle("is-checkpoint", depth > 0);
        node.classList.toggle("is-playing", Boolean(entry.loaded));
        node.classList.toggle("is-unfit", Boolean(entry.error || (entry.fits && !entry.loaded)));
        const inside = entry.entries.length;
        const unfolded = open || opened;
        fold.hidden = !inside;
        setText(fold, unfolded ? "\u25be" : "\u25b8");
        setAttribute(fold, "aria-expanded", String(unfolded));
        setAttribute(fold, "aria-label", `${unfolded ? "Hide" : "Show"} the checkpoints of ${entry.id}`);
        setText(name, depth && entry.name.includes("/") ? entry.name.slice(entry.name.indexOf("/") + 1) : entry.name);
        name.title = entry.where;
        mark.hidden = !entry.loaded;
        mark.title = entry.loaded && entry.loaded !== entry.name ? `In the model as ${entry.loaded}` : "It is in the model";
        setText(mark, entry.loaded && entry.loaded !== entry.name ? `loaded as ${entry.loaded}` : "loaded");
        setText(bad, state(entry));
        bad.hidden = !state(entry);
        const words = entry.collections.join("\n");
        if (tags.dataset.of !== words) {
          tags.dataset.of = words;
          tags.replaceChildren(...entry.collections.map((one) => el("span", { class: "badge", text: one })));
        }
        setText(base, entry.base ? entry.base.split(/[\\/]/).slice(-2).join("/") : "");
        setText(many, `${inside} ${inside === 1 ? "checkpoint" : "checkpoints"}`);
        stages.hidden = !inside;
        base.title = entry.base;
        setText(note, entry.note);
        note.hidden = !entry.note;
        setText(rank, entry.rank.length ? `r ${spread(entry.rank)} \u00b7 \u03b1 ${spread(entry.alpha)}` : "");
        rank.title = entry.rank.length ? `rank ${entry.rank.join(", ")} \u00b7 alpha ${entry.alpha.map(M.model.short).join(", ")}` : "";
        const method = entry.method ? (METHODS[entry.method] || entry.method) + (entry.rslora ? ", rank-stabilised" : "") : "";
        setText(what, [method, some(entry.kinds, 3)].filter(Boolean).join(": "));
        what.title = entry.kinds.join(", ");
        setText(size, entry.size ? M.bytes(entry.size) : "");
        setText(time, M.when(entry.time));
        const reason = entry.error || (entry.loaded ? "" : entry.fits);
        setText(why, reason);
        why.hidden = !reason;
        const can = !entry.error && !entry.run;
        load.hidden = add.hidden = Boolean(entry.loaded) || !can;
        add.hidden = add.hidden || !loaded.length;
        remove.hidden = !entry.loaded;
        compare.hidden = inside < 2;
        const stops = busy ? "Something else is being done with the adapters" : cannot;
        for (const one of [load, add]) {
          one.disabled = Boolean(busy || cannot || entry.fits);
          one.title = stops || entry.fits || (one === load ? (loaded.length ? "In the place of what is loaded" : "") : "Beside what is loaded; ranks may differ");
        }
        remove.disabled = busy;
        const fitting = entry.entries.filter((one) => !one.error && !one.fits).length;
        compare.disabled = Boolean(busy || cannot || fitting < 2);
        compare.title = stops || (fitting < 2 ? "Fewer than two of them can be loaded" : "Load them all, and make each a column of a comparison");
        setAttribute(details, "aria-expanded", String(detailed));
        box.hidden = !detailed;
        if (detailed) {
          const key = JSON.stringify([entry, writes]);
          const typing = box.contains(document.activeElement);
          if (made !== key && !typing) {
            made = key;
            build();
            box.querySelector(".lora-mixer-entry-form").hidden = !writes;
          }
        }
      },
    };
  };
})(window.loraMixer);
