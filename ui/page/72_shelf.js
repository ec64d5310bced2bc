/* The shelf: the adapters in the host's LoRA folder as a table to search and to sort, with their checkpoints below them. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const KEY = "shelf";
  const LOOK_MS = 10000;
  const LOOKING = "Looking \u2026";
  const AT_ONCE = 150; // rows that are made at once; more are made when they are asked for

  const matches = (entry, words) => {
    const text = [entry.id, entry.base, entry.method, entry.kinds.join(" "), entry.note, entry.collections.join(" "), entry.rank.length === 1 ? `rank ${entry.rank[0]}` : ""]
      .join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const newest = (entry) => Math.max(entry.time || 0, ...entry.entries.map(newest));

  /** {node, update(), tick(), shown(visible)}. */
  M.shelf = function () {
    const search = el("input", { type: "search", class: "text-input shelf-search", placeholder: "Search name, base model, kind, note", "aria-label": "Search the shelf", id: "lora-mixer-shelf-search" });
    const collection = el("select", { class: "select", "aria-label": "Collection", id: "lora-mixer-shelf-collection", hidden: true });
    const gain = M.numberField({ label: "Gain to load at", set: (v) => { at = v; } });
    const all = el("button", { type: "button", class: "button", text: "Unload all", id: "lora-mixer-unload-all", title: "Take every adapter out of the model: it is the base model again",
      on: { click: () => M.works.start({ do: "unload", names: null }, KEY) } });
    const again = el("button", { type: "button", class: "button", text: "Look again", title: "Read the folder anew", on: { click: () => look(true) } });
    const count = el("span", { class: "hint", role: "status", id: "lora-mixer-shelf-count" });
    const why = el("div", { class: "why-not", hidden: true, id: "lora-mixer-shelf-why" });
    const job = M.jobLine(false);
    const said = M.saying("lora-mixer-shelf-said");
    const heads = ["name", "rank", "what", "size", "time"].map((part) => head(part));
    const rows = el("div", { class: "shelf-rows", role: "rowgroup" });
    const table = el("div", { class: "shelf-table", role: "table", "aria-label": "Adapters", hidden: true },
      el("div", { class: "shelf-row shelf-head", role: "row" }, ...heads.map((one) => one.node), el("span", { role: "columnheader", class: "shelf-acts", "aria-label": "What to do" })), rows);
    const nothing = el("div", { class: "shelf-nothing", id: "lora-mixer-shelf-nothing", text: LOOKING });
    const more = el("button", { type: "button", class: "button", text: "Show more", hidden: true, on: { click: () => { limit += AT_ONCE; M.works.changed(); } } });
    const where = el("span", { class: "hint shelf-where" });
    const node = el("div", { class: "panel-card", id: "lora-mixer-shelf-card" },
      el("div", { class: "shelf-tools" }, search, collection,
        el("label", { class: "inline", title: "The master fader of an adapter stands here from the first token on" }, el("span", { text: "Load at gain" }), gain.node), all, again),
      el("div", { class: "shelf-line" }, count, where), why, job.node, said.node, table, nothing, more);

    let at = 1;
    let sort = "name";
    let limit = AT_ONCE;
    let shelf = null;
    let lookedAt = -1e9;
    let asking = false;
    let revision = -1;
    let visible = false;
    const made = new Map(); // entry id -> its row

    function head(part) {
      const titles = { name: "Name", rank: "Rank \u00b7 alpha", what: "What it adapts", size: "Size", time: "Time" };
      if (part !== "name" && part !== "time") return { part, node: el("span", { role: "columnheader", class: `shelf-${part}`, text: titles[part] }) };
      const button = el("button", { type: "button", class: "shelf-sort", text: titles[part], data: { sort: part }, on: { click: () => { sort = part; limit = AT_ONCE; M.works.changed(); } } });
      return { part, button, node: el("span", { role: "columnheader", class: `shelf-${part}` }, button) };
    }

    function look(whole) {
      if (asking) return;
      asking = true;
      lookedAt = performance.now();
      if (whole) busyLooking(true);
      M.works.order({ do: "shelf", known: whole || !shelf ? "" : shelf.digest }, (answer) => {
        asking = false;
        busyLooking(false);
        if (answer.refused) said.say(answer.refused);
      });
    }
    /** Whoever pressed the button sees that the folder is being read. */
    function busyLooking(now) {
      again.disabled = now;
      setText(again, now ? LOOKING : "Look again");
    }
    M.works.onNews((news) => {
      if (!news.shelf) return;
      shelf = news.shelf;
      M.works.shelf = shelf;
    });
    M.works.lookAtShelf = () => look(false);

    const act = {
      load: (entry, keep) => {
        said.say("");
        M.works.start({ do: "load", names: [entry.id], keep, gain: at }, KEY);
      },
      remove: (entry) => {
        said.say("");
        M.works.start({ do: "unload", names: [entry.loaded] }, KEY);
      },
      compare: (entry) => {
        said.say("");
        M.works.start({ do: "checkpoints", name: entry.id, gain: at }, KEY);
      },
      note: (entry, note, collections, then) => M.works.order({ do: "note", name: entry.id, note, collections }, (answer) => {
        then(answer.refused || "");
        if (!answer.refused) look(false);
      }),
    };
    M.works.onNews((news) => {
      if (news.said && news.job && news.job.key === KEY) said.say(news.said, true);
      if (news.columns) M.goTo("mix", "lora-mixer-compare");
    });

    for (const field of [search, collection]) {
      field.addEventListener("input", M.guard("searching", () => { limit = AT_ONCE; M.works.changed(); }));
    }

    function collections() {
      const names = shelf ? shelf.collections : [];
      const made = JSON.stringify(names);
      if (collection.dataset.of === made) return;
      const chosen = collection.value;
      collection.dataset.of = made;
      collection.replaceChildren(el("option", { value: "", text: "All collections" }), ...names.map((name) => el("option", { value: `=${name}`, text: name })));
      collection.value = names.includes(chosen.slice(1)) ? chosen : "";
      collection.hidden = !names.length;
    }

    /** The entries to show, in order; of a run all checkpoints are shown where it matches itself, else those that match. */
    function wanted() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const only = collection.value.slice(1);
      const fits = (entry) => matches(entry, words) && (!only || entry.collections.includes(only));
      const found = [];
      for (const entry of shelf.entries) {
        const inside = entry.entries.filter(fits);
        const self = fits(entry);
        if (self || inside.length) found.push({ entry, inside: self && !(only && inside.length) ? entry.entries : inside, opened: !self || (words.length > 0 && inside.length > 0 && inside.length < entry.entries.length) });
      }
      const byName = (a, b) => a.entry.id.localeCompare(b.entry.id, undefined, { numeric: true, sensitivity: "base" });
      found.sort(sort === "time" ? (a, b) => newest(b.entry) - newest(a.entry) || byName(a, b) : byName);
      return found;
    }

    function draw() {
      const busy = M.works.job.running;
      const found = wanted();
      const nodes = [];
      const seen = new Set();
      const put = (entry, depth, opened) => {
        seen.add(entry.id);
        let row = made.get(entry.id);
        if (!row) made.set(entry.id, (row = M.shelfEntry(act)));
        row.update(entry, { depth, busy, why: shelf.why_not, loaded: shelf.loaded, writes: shelf.writes, opened });
        nodes.push(row.node);
        return row;
      };
      for (const { entry, inside, opened } of found.slice(0, limit)) {
        const row = put(entry, 0, opened);
        if (row.open || opened) for (const checkpoint of inside) put(checkpoint, 1, false);
      }
      for (const [id] of made) if (!seen.has(id)) made.delete(id);
      if (nodes.length !== rows.children.length || nodes.some((one, i) => rows.children[i] !== one)) {
        const focused = document.activeElement;
        rows.replaceChildren(...nodes);
        if (focused && rows.contains(focused) && document.activeElement !== focused) focused.focus({ preventScroll: true });
      }
      more.hidden = found.length <= limit;
      setText(more, `Show ${Math.min(AT_ONCE, found.length - limit)} more of ${found.length}`);
      const total = shelf.entries.length;
      const shown = found.length === total ? "" : `${found.length} of `;
      const running = shelf.loaded.length ? `, ${shelf.loaded.length} loaded` : "";
      setText(count, total ? `${shown}${total} ${total === 1 ? "adapter" : "adapters"}${running}` : "");
      table.hidden = !found.length;
      nothing.hidden = found.length > 0;
      setText(nothing, total ? "Nothing on the shelf matches." : shelf.empty);
      all.disabled = busy || !shelf.loaded.length || Boolean(shelf.why_not && !shelf.loaded.length);
    }

    return {
      node,
      update() {
        gain.update(at);
        for (const one of heads) if (one.button) setAttribute(one.node, "aria-sort", one.part === sort ? (sort === "time" ? "descending" : "ascending") : "none");
        job.update(M.works.jobOf(KEY));
        if (!shelf) {
          table.hidden = true;
          setText(nothing, LOOKING);
          return;
        }
        collections();
        setText(where, shelf.folder ? `in ${shelf.folder}` : "");
        where.title = shelf.folders.join("\n");
        const reasons = [shelf.why_not, shelf.notes_why].filter(Boolean).join(" ");
        setText(why, reasons);
        why.hidden = !reasons;
        draw();
      },
      tick() {
        if (!visible) return;
        const rev = M.store.state ? M.store.state.rev : -1;
        if (rev !== revision || performance.now() - lookedAt > LOOK_MS) {
          revision = rev;
          look(false);
        }
      },
      /** The page is seen, or not any more. */
      shown(now) {
        if (now && !visible) look(false);
        visible = now;
      },
    };
  };
})(window.loraMixer);
