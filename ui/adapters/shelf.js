/*
 * The shelf: the adapters in the host's LoRA folder as a table to search and to sort, with their checkpoints below
 * them.
 */

import { saidBy } from "../page/channel.js";
import { el, setAttribute, setText, showText } from "../page/elements.js";
import { jobs } from "../page/jobs.js";
import { keyed, setOptions } from "../page/keyed.js";
import { numberField } from "../page/number_field.js";
import { jobLine } from "../page/progress.js";
import { messageLine } from "../page/said.js";
import { store } from "../page/store.js";
import { goTo } from "../page/tabs.js";
import { shelfRow } from "./shelf_row.js";
import { wantedEntries } from "./shelf_search.js";

/** @import { Shelf } from "./messages.js" */
/** @import { JobStart } from "../page/orders.js" */
/** @import { Acts } from "./shelf_row.js" */
/** @import { Sort } from "./shelf_search.js" */

const KEY = "shelf";
const LOOK_MS = 10000;
const LOOKING = "Looking \u2026";
const AT_ONCE = 150; // rows that are made at once; more are made when they are asked for
const HEADS = /** @type {const} */ ([
  ["name", "Name"],
  ["rank", "Rank \u00b7 alpha"],
  ["what", "What it adapts"],
  ["size", "Size"],
  ["time", "Time"],
]);

/** @param {(sort: Sort) => void} choose */
function tableHead(choose) {
  const heads = HEADS.map(([part, text]) => {
    const sorts = part === "name" || part === "time" ? part : null;
    const click = () => sorts && choose(sorts);
    const button =
      sorts && el("button", { type: "button", class: "shelf-sort", text, data: { sort: sorts }, on: { click } });
    const node = el("span", { role: "columnheader", class: `shelf-${part}` }, button ?? text);
    return { sorts, node };
  });
  const acts = el("span", { role: "columnheader", class: "shelf-acts", "aria-label": "What to do" });
  return {
    node: el("div", { class: "shelf-row shelf-head", role: "row" }, ...heads.map((one) => one.node), acts),
    /** @param {Sort} sort */
    update(sort) {
      for (const { sorts, node } of heads) {
        if (sorts)
          setAttribute(node, "aria-sort", sorts !== sort ? "none" : sort === "time" ? "descending" : "ascending");
      }
    },
  };
}

export function shelfTable() {
  let at = 1;
  /** @type {Sort} */
  let sort = "name";
  let limit = AT_ONCE;
  /** @type {Shelf | null} */
  let shelf = null;
  let lookedAt = -1e9;
  let asking = false;
  let revision = -1;
  let visible = false;
  /** @type {Set<string>} */
  const unfolded = new Set(); // the entries whose checkpoints are shown

  const again = () => {
    limit = AT_ONCE;
    jobs.changed();
  };
  const search = el("input", {
    type: "search",
    class: "text-input shelf-search",
    placeholder: "Search name, base model, kind, note",
    "aria-label": "Search the shelf",
    id: "lora-mixer-shelf-search",
    on: { input: again },
  });
  const collection = el("select", {
    class: "select",
    "aria-label": "Collection",
    id: "lora-mixer-shelf-collection",
    hidden: true,
    on: { input: again },
  });
  const gain = numberField({
    label: "Gain to load at",
    set: (v) => {
      at = v;
    },
  });
  const unload = el("button", {
    type: "button",
    class: "button",
    text: "Unload all",
    id: "lora-mixer-unload-all",
    title: "Take every adapter out of the model: it is the base model again",
    on: { click: () => jobs.start({ do: "unload", names: null }, KEY) },
  });
  const refresh = el("button", {
    type: "button",
    class: "button",
    text: "Look again",
    title: "Read the folder anew",
    on: { click: () => look(true) },
  });
  const count = el("span", { class: "hint", role: "status", id: "lora-mixer-shelf-count" });
  const why = el("div", { class: "why-not", hidden: true, id: "lora-mixer-shelf-why" });
  const job = jobLine("counted");
  const said = messageLine("lora-mixer-shelf-said");
  const head = tableHead((chosen) => {
    sort = chosen;
    again();
  });
  const rows = el("div", { class: "shelf-rows", role: "rowgroup" });
  const table = el(
    "div",
    { class: "shelf-table", role: "table", "aria-label": "Adapters", hidden: true },
    head.node,
    rows,
  );
  const nothing = el("div", { class: "shelf-nothing", id: "lora-mixer-shelf-nothing", text: LOOKING });
  const showMore = () => {
    limit += AT_ONCE;
    jobs.changed();
  };
  const more = el("button", {
    type: "button",
    class: "button",
    text: "Show more",
    hidden: true,
    on: { click: showMore },
  });
  const where = el("span", { class: "hint shelf-where" });
  const loadAt = el(
    "label",
    { class: "inline", title: "The master fader of an adapter stands here from the first token on" },
    el("span", { text: "Load at gain" }),
    gain.node,
  );
  const node = el(
    "div",
    { class: "panel-card", id: "lora-mixer-shelf-card" },
    el("div", { class: "shelf-tools" }, search, collection, loadAt, unload, refresh),
    el("div", { class: "shelf-line" }, count, where),
    why,
    job.node,
    said.node,
    table,
    nothing,
    more,
  );

  /** @param {boolean} whole */
  function look(whole) {
    if (asking) return;
    asking = true;
    lookedAt = performance.now();
    if (whole) busyLooking(true);
    jobs.order({ do: "shelf", known: whole || !shelf ? "" : shelf.digest }, (answer) => {
      asking = false;
      busyLooking(false);
      if (answer.refused) said.say(answer.refused.why);
    });
  }
  /**
   * Whoever pressed the button sees that the folder is being read.
   *
   * @param {boolean} now
   */
  function busyLooking(now) {
    refresh.disabled = now;
    setText(refresh, now ? LOOKING : "Look again");
  }
  jobs.onNews((news) => {
    if (news.shelf) shelf = news.shelf;
    if (news.said && news.job?.key === KEY) said.say(news.said, true);
    if (news.columns) goTo("mix", "lora-mixer-compare");
  });

  /** @param {JobStart} message */
  const start = (message) => {
    said.say("");
    jobs.start(message, KEY);
  };
  /** @type {Acts} */
  const act = {
    fold(entry) {
      if (!unfolded.delete(entry.id)) unfolded.add(entry.id);
      jobs.changed();
    },
    load: (entry, keep) => start({ do: "load", names: [entry.id], keep, gain: at }),
    remove: (entry) => start({ do: "unload", names: [entry.loaded] }),
    open: (entry) => start({ do: entry.whole === "open" ? "close up" : "open up", name: entry.loaded }),
    compare: (entry) => start({ do: "checkpoints", name: entry.id, gain: at }),
    note: (entry, note, collections, then) =>
      jobs.order({ do: "note", name: entry.id, note, collections }, (answer) => {
        then(saidBy(answer));
        if (!answer.refused) look(false);
      }),
  };

  /** @param {Shelf} known */
  function draw(known) {
    const busy = jobs.job.running;
    const found = wantedEntries(known.entries, { words: search.value, collection: collection.value.slice(1), sort });
    const { why_not: cannot, loaded, writes } = known;
    const lines = found.slice(0, limit).flatMap(({ entry, inside, opened }) => {
      const open = opened || unfolded.has(entry.id);
      return [{ entry, depth: 0, open }, ...(open ? inside : []).map((one) => ({ entry: one, depth: 1, open: false }))];
    });
    const all = { busy, why: cannot, loaded, writes };
    keyed(
      rows,
      lines,
      ({ entry }) => entry.id,
      ({ entry }) => ({ ...shelfRow(act), id: entry.id }),
      (row, { entry, depth, open }) => row.update(entry, { ...all, depth, open }),
      (row) => unfolded.delete(row.id),
    );
    more.hidden = found.length <= limit;
    setText(more, `Show ${Math.min(AT_ONCE, found.length - limit)} more of ${found.length}`);
    const total = known.entries.length;
    const shown = found.length === total ? "" : `${found.length} of `;
    const running = loaded.length ? `, ${loaded.length} loaded` : "";
    setText(count, total ? `${shown}${total} ${total === 1 ? "adapter" : "adapters"}${running}` : "");
    table.hidden = !found.length;
    nothing.hidden = found.length > 0;
    setText(nothing, total ? "Nothing on the shelf matches." : known.empty);
    unload.disabled = busy || !loaded.length;
  }

  /** @param {string[]} names */
  function offerCollections(names) {
    setOptions(collection, [
      ["", "All collections"],
      ...names.map((name) => /** @type {[string, string]} */ ([`=${name}`, name])),
    ]);
    collection.hidden = !names.length;
  }

  return {
    node,
    update() {
      gain.update(at);
      head.update(sort);
      job.update(jobs.jobOf(KEY));
      if (!shelf) {
        table.hidden = true;
        setText(nothing, LOOKING);
        return;
      }
      offerCollections(shelf.collections);
      setText(where, shelf.folder ? `in ${shelf.folder}` : "");
      where.title = shelf.folders.join("\n");
      showText(why, [shelf.why_not, shelf.notes_why].filter(Boolean).join(" "));
      draw(shelf);
    },
    tick() {
      if (!visible) return;
      const rev = store.state?.rev ?? -1;
      if (rev !== revision || performance.now() - lookedAt > LOOK_MS) {
        revision = rev;
        look(false);
      }
    },
    /**
     * The page is seen, or not any more.
     *
     * @param {boolean} now
     */
    shown(now) {
      if (now && !visible) look(false);
      visible = now;
    },
  };
}
