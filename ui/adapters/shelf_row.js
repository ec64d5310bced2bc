/*
 * One row of the shelf: an adapter or a checkpoint, what is known of it, what can be done with it, and one's own
 * notes.
 */

import { el, setAttribute, setText, showText } from "../page/elements.js";
import { jobs } from "../page/jobs.js";
import { keyed, whenChanged } from "../page/keyed.js";
import { writeBytes, writeCount, writeMethod, writeShort, writeTime } from "../page/numbers.js";

/** @import { Child } from "../page/elements.js" */
/** @import { ShelfEntry } from "./messages.js" */

/**
 * What can be done with an entry.
 *
 * @typedef {object} Acts
 * @property {(entry: ShelfEntry) => void} fold shows or hides its checkpoints
 * @property {(entry: ShelfEntry, keep: boolean) => void} load keep: beside what is loaded
 * @property {(entry: ShelfEntry) => void} remove
 * @property {(entry: ShelfEntry) => void} compare
 * @property {(entry: ShelfEntry) => void} open a fader for each target of what stands in one file, or the way back
 * @property {(entry: ShelfEntry, note: string, collections: string[], then: (refused: string) => void) => void} note
 */

/**
 * How things stand around it.
 *
 * @typedef {object} Around
 * @property {number} depth 1: a checkpoint
 * @property {boolean} open its checkpoints are shown
 * @property {boolean} busy
 * @property {string} why "" or why nothing can be loaded
 * @property {string[]} loaded
 * @property {boolean} writes whether notes can be kept
 */

/** @param {number[]} values */
function spread(values) {
  return values.length > 2
    ? `${writeShort(values[0])}\u2013${writeShort(values[values.length - 1])}`
    : values.map(writeShort).join(", ");
}

/**
 * @param {string[]} names
 * @param {number} most
 */
const some = (names, most) =>
  names.length > most ? `${names.slice(0, most).join(", ")} and ${names.length - most} more` : names.join(", ");

/** @param {ShelfEntry} entry */
function badge(entry) {
  if (entry.missing) return "no adapter";
  if (entry.error) return "damaged";
  if (entry.run) return "";
  return entry.fits && !entry.loaded ? "does not fit" : "";
}

/** @param {ShelfEntry} entry */
function facts(entry) {
  const rows = [
    ["Folder", entry.where],
    ["Base model", entry.base],
    ["Kinds", entry.kinds.join(", ")],
    ["Layers", entry.layers ? `${entry.layers}` : ""],
    ["Targets", entry.targets ? `${entry.targets}` : ""],
    ["Also holds", entry.saved.join(", ")],
    ["Parameters", entry.parameters ? `${writeCount(entry.parameters)} in ${entry.dtype}` : ""],
    ["Written", entry.time ? new Date(entry.time * 1000).toLocaleString("en-GB") : ""],
    ["Odd", entry.problems.join(" \u00b7 ")],
  ].filter(([, text]) => text);
  return el(
    "dl",
    { class: "entry-facts" },
    ...rows.flatMap(([name, text]) => [el("dt", { text: name }), el("dd", { text })]),
  );
}

/**
 * @param {ShelfEntry} entry
 * @param {Acts["note"]} keep
 */
function noteForm(entry, keep) {
  const text = el("textarea", { class: "text-input", rows: 2, maxlength: 2000, "aria-label": `Note on ${entry.id}` });
  text.value = entry.note;
  const own = el("input", {
    type: "text",
    class: "text-input",
    maxlength: 400,
    "aria-label": `Collections of ${entry.id}`,
    placeholder: "favourites, for stories",
  });
  own.value = entry.collections.join(", ");
  const said = el("span", { class: "hint", role: "status" });
  const click = () => {
    const collections = own.value.split(",").map((one) => one.trim());
    keep(entry, text.value, collections.filter(Boolean), (refused) => setText(said, refused || "Kept."));
  };
  const save = el("button", {
    type: "button",
    class: "button small",
    text: "Keep the note",
    data: { do: "keep-note" },
    on: { click },
  });
  return el(
    "div",
    { class: "entry-form" },
    el("label", { class: "field" }, el("span", { class: "field-name", text: "Note" }), text),
    el("label", { class: "field" }, el("span", { class: "field-name", text: "Collections, with commas between" }), own),
    el("div", { class: "column-tools" }, save, said),
  );
}

/** @param {Acts} act */
export function shelfRow(act) {
  /** @type {ShelfEntry} */
  let entry;
  let detailed = false;
  const fold = el("button", {
    type: "button",
    class: "fold",
    data: { do: "fold" },
    on: { click: () => act.fold(entry) },
  });
  const name = el("span", { class: "entry-name" });
  const mark = el("span", { class: "badge is-loaded", text: "loaded" });
  const bad = el("span", { class: "badge is-bad-badge" });
  const tags = el("span", { class: "entry-tags" });
  const base = el("span", { class: "entry-base" });
  const note = el("span", { class: "entry-note" });
  const why = el("div", { class: "entry-why" });
  /**
   * @param {string} part
   * @param {Child[]} inside
   */
  const cell = (part, ...inside) => el("span", { class: `shelf-${part}`, role: "cell" }, ...inside);
  const [rank, what, size, time] = ["rank", "what", "size", "time"].map((part) => cell(part));
  /**
   * @param {string} text
   * @param {string} act
   * @param {() => void} click
   * @param {string} [more]
   */
  const button = (text, act, click, more = "") =>
    el("button", { type: "button", class: `button small${more}`, text, data: { do: act }, on: { click } });
  const load = button("Load", "load", () => act.load(entry, false));
  const add = button("Add beside", "add", () => act.load(entry, true));
  const remove = button("Remove", "remove", () => act.remove(entry));
  const compare = button("Compare the checkpoints", "compare", () => act.compare(entry), " quiet");
  const open = button("Open up", "open-up", () => act.open(entry));
  const toggle = () => {
    detailed = !detailed;
    jobs.changed();
  };
  const details = button("Details", "details", toggle, " quiet");
  const many = el("span");
  const stages = el("span", { class: "entry-stages" }, many, compare);
  const box = el("div", { class: "entry-details", hidden: true });
  const title = el(
    "span",
    { class: "entry-title" },
    el("span", { class: "entry-line" }, name, mark, bad, tags),
    base,
    stages,
    note,
  );
  const row = el(
    "div",
    { class: "shelf-row" },
    cell("name", fold, title),
    rank,
    what,
    size,
    time,
    cell("acts", load, add, open, remove, details),
  );
  const node = el("div", { class: "shelf-entry", role: "row" }, row, why, box);

  /** @param {Around} around */
  function writeName({ depth, open }) {
    const inside = entry.entries.length;
    fold.hidden = !inside;
    setText(fold, open ? "\u25be" : "\u25b8");
    setAttribute(fold, "aria-expanded", String(open));
    setAttribute(fold, "aria-label", `${open ? "Hide" : "Show"} the checkpoints of ${entry.id}`);
    setText(name, depth && entry.name.includes("/") ? entry.name.slice(entry.name.indexOf("/") + 1) : entry.name);
    name.title = entry.where;
    const renamed = entry.loaded && entry.loaded !== entry.name;
    mark.hidden = !entry.loaded;
    mark.title = renamed ? `In the model as ${entry.loaded}` : "It is in the model";
    setText(mark, renamed ? `loaded as ${entry.loaded}` : "loaded");
    showText(bad, badge(entry));
    keyed(
      tags,
      entry.collections,
      (one) => one,
      (one) => ({ node: el("span", { class: "badge", text: one }) }),
    );
    setText(base, entry.base ? entry.base.split(/[\\/]/).slice(-2).join("/") : "");
    base.title = entry.base;
    setText(many, `${inside} ${inside === 1 ? "checkpoint" : "checkpoints"}`);
    stages.hidden = !inside;
    showText(note, entry.note);
  }

  function writeFacts() {
    setText(rank, entry.rank.length ? `r ${spread(entry.rank)} \u00b7 \u03b1 ${spread(entry.alpha)}` : "");
    rank.title = entry.rank.length
      ? `rank ${entry.rank.join(", ")} \u00b7 alpha ${entry.alpha.map(writeShort).join(", ")}`
      : "";
    setText(what, [entry.method && writeMethod(entry), some(entry.kinds, 3)].filter(Boolean).join(": "));
    what.title = entry.kinds.join(", ");
    setText(size, entry.size ? writeBytes(entry.size) : "");
    setText(time, writeTime(entry.time));
    showText(why, entry.error || (entry.loaded ? "" : entry.fits));
  }

  /** @param {Around} around */
  function offer({ busy, why: cannot, loaded }) {
    const can = !entry.error && !entry.run;
    load.hidden = Boolean(entry.loaded) || !can;
    add.hidden = load.hidden || !loaded.length;
    remove.hidden = !entry.loaded;
    compare.hidden = entry.entries.length < 2;
    const stops = busy ? "Something else is being done with the adapters" : cannot;
    load.disabled = add.disabled = Boolean(busy || cannot || entry.fits);
    load.title = stops || entry.fits || (loaded.length ? "In the place of what is loaded" : "");
    add.title = stops || entry.fits || "Beside what is loaded; ranks may differ";
    remove.disabled = busy;
    open.hidden = !entry.loaded || !entry.whole;
    open.disabled = busy;
    setText(open, entry.whole === "open" ? "Back to one file" : "Open up");
    open.title =
      entry.whole === "open"
        ? "Starts the model again with the file as it stood in the extra flags"
        : "Splits it and starts the model again: a fader for each of its targets, in the place of one for all";
    const fitting = entry.entries.filter((one) => !one.error && !one.fits).length;
    compare.disabled = Boolean(busy || cannot || fitting < 2);
    const few = fitting < 2 ? "Fewer than two of them can be loaded" : "";
    compare.title = stops || few || "Load them all, and make each a column of a comparison";
  }

  /** @param {Around} around */
  function detail({ writes }) {
    setAttribute(details, "aria-expanded", String(detailed));
    box.hidden = !detailed;
    const typing = box.contains(document.activeElement);
    if (!detailed || typing) return;
    whenChanged(box, [entry, writes], () => {
      const form = noteForm(entry, act.note);
      form.hidden = !writes;
      box.replaceChildren(facts(entry), form);
    });
  }

  return {
    node,
    /**
     * @param {ShelfEntry} next
     * @param {Around} around
     */
    update(next, around) {
      entry = next;
      node.dataset.entry = entry.id;
      node.classList.toggle("is-checkpoint", around.depth > 0);
      node.classList.toggle("is-playing", Boolean(entry.loaded));
      node.classList.toggle("is-unfit", Boolean(entry.error || (entry.fits && !entry.loaded)));
      writeName(around);
      writeFacts();
      offer(around);
      detail(around);
    },
  };
}
