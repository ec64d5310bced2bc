/* The cell that is chosen in the grid: each of its targets with a number of its own. */

import { el, setText } from "../page/elements.js";
import { membersOf, ownGain } from "../page/gains.js";
import { keyed, whenChanged } from "../page/keyed.js";
import { numberField } from "../page/number_field.js";
import { writeShort } from "../page/numbers.js";
import { fadersOf, gainAt, peekFaders, putGain } from "../page/panel.js";
import { store } from "../page/store.js";
import { cellSpectrum } from "./cell_spectrum.js";
import { cellWords } from "./cell_words.js";

/** @import { Target } from "../page/messages.js" */
/** @import { GridView } from "./grid.js" */

const MANY = 400; // more targets than that in one cell are not listed one by one

/**
 * Where the names of several targets begin to differ, less one part: "experts.7.w1" tells it all.
 *
 * @param {string[]} names
 */
export function whereTheyDiffer(names) {
  const [first, ...others] = names.map((name) => name.split("."));
  let same = 0;
  while (same < first.length - 1 && others.every((parts) => parts[same] === first[same])) same += 1;
  return first.slice(0, Math.max(0, same - 1)).reduce((length, part) => length + part.length + 1, 0);
}

/** @param {GridView} view */
export function cellDetail(view) {
  const { index, name: adapter } = view;
  const where = el("span", { class: "cell-where" });
  const all = numberField({
    label: "Gain of the chosen cell",
    set: (v) => view.set(view.chosen, v),
    done: () => view.cells[view.chosen]?.focus(),
  });
  const note = el("span", { class: "cell-note" });
  const heard = el("span", { class: "cell-heard" });
  const facts = el("span", { class: "cell-note" });
  const named = el("span", { class: "cell-note is-name" });
  const list = el("div", { class: "cell-list" });
  const spectrum = cellSpectrum(index);
  const node = el(
    "div",
    { class: "cell-detail", data: { part: "cell" } },
    el("div", { class: "cell-head" }, where, all.node, heard, facts, note, named),
    spectrum.node,
    list,
  );

  /**
   * @param {Target} target
   * @param {number} cut
   */
  function targetRow([name, , , rank, alpha], cut) {
    const field = numberField({
      label: `Gain of ${name}`,
      set: (v) => store.edit((panel) => putGain(fadersOf(panel, adapter).modules, name, v)),
    });
    const title = `${name} \u00b7 rank ${rank} \u00b7 alpha ${writeShort(alpha)}`;
    return {
      field,
      node: el(
        "div",
        { class: "cell-target" },
        el("span", { class: "cell-name", text: name.slice(cut), title }),
        field.node,
      ),
    };
  }

  return {
    node,
    /**
     * Start typing the chosen cell's number.
     *
     * @param {string} text
     */
    type(text) {
      all.input.focus();
      if (text) all.input.value = text;
    },
    update() {
      const c = view.chosen;
      node.hidden = c < 0;
      if (c < 0) return;
      const targets = Array.from(membersOf(index, c), (i) => index.adapter.targets[i]);
      const n = targets.length;
      const several = n > 1 && n <= MANY;
      whenChanged(named, c, () => {
        setText(named, several ? "" : targets[0][0]);
        named.title = targets[0][0];
        list.hidden = !several;
      });
      const own = ownGain(index, store.panel, c);
      all.update(own.value);
      const words = cellWords(index, c);
      setText(where, words.where);
      setText(heard, words.heard);
      setText(facts, words.facts);
      setText(
        note,
        n === 1
          ? ""
          : own.mixed
            ? `${n} targets, set apart: a number here sets all`
            : `${n} targets: a number here sets all`,
      );
      spectrum.update(c);
      const { modules } = peekFaders(store.panel, adapter);
      const cut = several ? whereTheyDiffer(targets.map((target) => target[0])) : 0;
      keyed(
        list,
        several ? targets : [],
        (target) => `${target[0]} from ${cut}`,
        (target) => targetRow(target, cut),
        (row, target) => row.field.update(gainAt(modules, target[0])),
      );
    },
  };
}
