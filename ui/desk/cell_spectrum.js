/* The spectrum of a cell of the grid: a bar for each singular value, those that are heard in colour. */

import { el, setText } from "../page/elements.js";
import { membersOf } from "../page/gains.js";
import { keyed } from "../page/keyed.js";
import { writePercent, writeShort } from "../page/numbers.js";
import { peekFaders } from "../page/panel.js";
import { store } from "../page/store.js";
import { heardOf, needed } from "./energy.js";
import { writeComponents } from "./needed_map.js";
import { shareOf, spectrumOf, whyNot } from "./spectra.js";

/** @import { Index } from "../page/gains.js" */
/** @import { Known } from "./spectra.js" */

const MOST_BARS = 128;

/** @typedef {{ratio: number, share: number, value: number, heard: boolean}} Bar */

/**
 * The components of some targets, each the mean of theirs: as the first of them has it, where there is one.
 *
 * @param {Index} index
 * @param {Known} found
 * @param {number[]} members
 */
function barsOf(index, found, members) {
  const parts = members.map((i) => found.targets[i]);
  const faders = peekFaders(store.panel, index.adapter.name);
  const heard = parts.map((one) => heardOf(one, faders));
  const mean = (/** @type {(at: number) => number} */ of) =>
    parts.reduce((sum, _, at) => sum + of(at), 0) / parts.length;
  const longest = Math.min(MOST_BARS, Math.max(...parts.map((one) => one.ratios.length)));
  return Array.from({ length: longest }, (_, k) => ({
    ratio: mean((at) => parts[at].ratios[k] ?? 0),
    share: mean((at) => (parts[at].shares[k + 1] ?? 1) - (parts[at].shares[k] ?? 1)),
    value: mean((at) => Math.abs(index.gains[members[at]]) * parts[at].strongest * (parts[at].ratios[k] ?? 0)),
    heard: heard.some((count) => k < count),
  }));
}

/** @param {number[]} values */
const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** @param {Index} index */
export function cellSpectrum(index) {
  const bars = el("div", { class: "cell-bars", "aria-hidden": "true" });
  const words = el("span", { class: "cell-note" });
  const node = el("div", { class: "cell-spectrum", data: { part: "cell-spectrum" } }, bars, words);

  /**
   * @param {Known} found
   * @param {number[]} known
   */
  function say(found, known) {
    const share = shareOf(index.adapter.name);
    const several = known.length > 1;
    const count = meanOf(known.map((i) => needed(found.targets[i], share)));
    if (!count) return "It adds nothing: its B is zero";
    const of = Math.max(...known.map((i) => found.told.counts[i]));
    const [effective, stable] = [found.told.effective, found.told.stable].map((all) =>
      meanOf(known.map((i) => all[i])),
    );
    const parts = [
      `${writeComponents(count)} of ${of} components hold ${Math.round(share * 100)} %${several ? ` (mean of ${known.length})` : ""}`,
      `effective rank ${writeShort(Number(effective.toFixed(1)))}`,
      `stable rank ${writeShort(Number(stable.toFixed(1)))}`,
      of > MOST_BARS ? `the strongest ${MOST_BARS} are drawn` : "",
    ];
    return parts.filter(Boolean).join(" \u00b7 ");
  }

  return {
    node,
    /** @param {number} c */
    update(c) {
      const found = spectrumOf(index.adapter);
      const members = Array.from(membersOf(index, c));
      const known = "told" in found ? members.filter((i) => found.told.counts[i]) : [];
      bars.hidden = !known.length;
      if (!("told" in found) || !known.length) {
        setText(words, "told" in found ? whyNot(found.told, members[0]) : found.why);
        return;
      }
      setText(words, say(found, known));
      keyed(
        bars,
        barsOf(index, found, known),
        (_, k) => k,
        () => ({ node: el("span", {}, el("span")) }),
        (bar, { ratio, share, value, heard }, k) => {
          const inner = /** @type {HTMLElement} */ (bar.node.firstChild);
          inner.style.height = `${Math.max(2, Math.round(ratio * 100))}%`;
          bar.node.classList.toggle("is-heard", heard);
          bar.node.title = `Component ${k + 1}: singular value ${writeShort(value)}, ${writePercent(share)} of the energy${heard ? "" : "; not heard now"}`;
        },
      );
    },
  };
}
