/* What hurt and what helped: the gain that every target was given, layer by kind, and the faders that moved most. */

import { colour, isDark, lookAt } from "../desk/gain_look.js";
import { el, setText } from "../page/elements.js";
import { indexTargets, membersOf } from "../page/gains.js";
import { whenChanged } from "../page/keyed.js";
import { writeGain, writeRange, writeTiny } from "../page/numbers.js";
import { store } from "../page/store.js";
import { learning } from "./learning.js";

/** @import { Adapter } from "../page/messages.js" */
/** @import { MovedFader } from "./messages.js" */

/**
 * One adapter's targets as a map.
 *
 * @param {Adapter} adapter
 * @param {{before: number[], after: number[]}} gains
 */
function mapOf(adapter, { before, after }) {
  const index = indexTargets(adapter);
  const max = Math.max(1.5, ...after);
  const names = [...adapter.layers.map(String), ...(index.loose ? ["\u2013"] : [])];
  const columns = `minmax(70px, max-content) repeat(${index.cols}, minmax(9px, 26px))`;
  const head = names.map((name, i) => el("span", { class: "map-layer", text: i % 5 === 0 ? name : "" }));
  const rows = adapter.kinds.flatMap((kind, r) => [
    el("span", { class: "map-kind", text: kind, title: kind }),
    ...names.map((layer, col) => {
      const members = [...membersOf(index, r * index.cols + col)];
      if (!members.length) return el("span", { class: "map-cell is-none" });
      const now = members.map((i) => after[i]);
      const was = members.map((i) => before[i]);
      const mean = now.reduce((sum, gain) => sum + gain, 0) / now.length;
      const look = lookAt(mean, max);
      const [from, to] = [was, now].map((all) => writeRange(Math.min(...all), Math.max(...all), writeGain));
      const cell = el("span", {
        class: `map-cell${look ? "" : " is-silent"}${isDark(look) ? " is-dark" : ""}`,
        title: `layer ${layer}, ${kind}: ${to} (was ${from})`,
        text: look && names.length <= 32 && mean !== 1 ? writeTiny(mean) : "",
      });
      cell.style.backgroundColor = colour(look);
      return cell;
    }),
  ]);
  const body = el(
    "div",
    { class: "map", role: "img", "aria-label": `Gains that were learned for ${adapter.name}, layer by kind` },
    el("span"),
    ...head,
    ...rows,
  );
  body.style.gridTemplateColumns = columns;
  return el("div", { class: "map-scroll" }, el("b", { text: adapter.name }), body);
}

/**
 * The faders that moved most in one direction.
 *
 * @param {string} title
 * @param {MovedFader[]} moved
 * @param {number} count
 */
function list(title, moved, count) {
  if (!moved.length) return null;
  const lines = moved.map(([label, before, after]) =>
    el(
      "li",
      {},
      el("span", { text: label }),
      el("span", { class: "moved-gain", text: `${writeGain(before)} \u2192 ${writeGain(after)}` }),
    ),
  );
  const more = count > moved.length ? el("li", { class: "faint", text: `and ${count - moved.length} more` }) : null;
  return el(
    "div",
    {},
    el("span", { class: "field-name", text: title }),
    el("ul", { class: "plain moved" }, ...lines, more),
  );
}

export function gainMap() {
  const title = el("h4", { text: "What hurt, and what helped" });
  const hint = el("p", { class: "hint" });
  const maps = el("div", { class: "maps" });
  const lists = el("div", { class: "learn-moved" });
  const node = el(
    "section",
    { class: "learn-map", hidden: true, id: "lora-mixer-learn-map" },
    title,
    hint,
    maps,
    lists,
  );
  return {
    node,
    update() {
      const found = learning.attempt?.found;
      const adapters = (store.state?.adapters ?? []).filter(
        ({ name, targets }) => found?.gains[name]?.after.length === targets.length,
      );
      node.hidden = !found?.learned;
      if (!found || node.hidden) return;
      setText(
        hint,
        "What it turned down to nothing (hollow) was in the way; what it turned up (warm) helped. A cell is a layer's target.",
      );
      whenChanged(node, [found.gains, found.moved, adapters.map((one) => one.name)], () => {
        maps.replaceChildren(...adapters.map((adapter) => mapOf(adapter, found.gains[adapter.name])));
        const { down, up, count } = found.moved;
        const both = [list("Turned down", down, count[0]), list("Turned up", up, count[1])];
        lists.replaceChildren(...both.filter((one) => one !== null));
      });
    },
  };
}
