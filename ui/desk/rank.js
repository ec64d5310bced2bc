/* How many components of an adapter are heard: at most so many of each target, or as many as hold a share of its energy. */

import { el, setText } from "../page/elements.js";
import { keyed } from "../page/keyed.js";
import { fadersOf, peekFaders } from "../page/panel.js";
import { rankChoices, SHARES, writeShare } from "../page/rank_choices.js";
import { store } from "../page/store.js";
import { NOT_IMPORTANCE, shareOf, spectrumOf } from "./spectra.js";

/** @import { Adapter } from "../page/messages.js" */

/**
 * @param {string} label
 * @param {string} id
 * @param {(value: number | null) => void} set null is all
 */
function menu(label, id, set) {
  const node = el("select", { class: "select", "aria-label": label, data: { rank: id } });
  node.addEventListener("change", () => set(node.value === "" ? null : Number(node.value)));
  return {
    node,
    /**
     * @param {readonly number[]} choices from the most to the least, without all
     * @param {number | undefined} value
     * @param {(value: number | null) => string} write
     */
    update(choices, value, write) {
      const all = value === undefined || choices.includes(value) ? choices : [value, ...choices].sort((a, b) => b - a);
      keyed(node, [null, ...all], String, (choice) => ({
        node: el("option", { value: choice === null ? "" : String(choice), text: write(choice) }),
      }));
      const shown = value === undefined ? "" : String(value);
      if (node.value !== shown) node.value = shown;
    },
  };
}

/** @param {Adapter} adapter */
export function rankRow(adapter) {
  const { name } = adapter;
  const largest = Math.max(...adapter.rank, 0);
  /** @param {"rank" | "energy"} field */
  const put = (field) => (/** @type {number | null} */ value) =>
    store.edit((panel) => {
      const faders = fadersOf(panel, name);
      if (value === null) delete faders[field];
      else faders[field] = value;
    });
  const components = menu(`Rank heard of ${name}`, "components", put("rank"));
  const energy = menu(`Energy heard of ${name}`, "energy", put("energy"));
  const why = el("span", { class: "hint" });
  const told = el("p", { class: "spectrum-told", title: NOT_IMPORTANCE, data: { part: "spectrum" } });
  const node = el(
    "div",
    { class: "rank-row", role: "group", "aria-label": `Rank heard of ${name}` },
    el("span", { class: "label", text: "Rank heard" }),
    components.node,
    energy.node,
    why,
    told,
  );
  for (const one of [components, energy])
    one.node.title =
      "The strongest components of what each target adds alone are heard. Energy is the sum of their squared " +
      "singular values";
  node.hidden = !adapter.targets.length;
  for (const one of [components, energy]) one.node.disabled = adapter.whyNotRank !== "";
  setText(why, adapter.whyNotRank);
  return {
    node,
    update() {
      const faders = peekFaders(store.panel, name);
      components.update(rankChoices(largest), faders.rank, (value) =>
        value === null ? `all ${largest}` : String(value),
      );
      energy.update(SHARES, faders.energy, writeShare);
      if (!adapter.targets.length) return;
      const found = spectrumOf(adapter);
      setText(told, "told" in found ? (found.told.lines[String(shareOf(name))] ?? "") : found.why);
    },
  };
}
