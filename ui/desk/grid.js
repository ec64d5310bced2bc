/* The grid layer x kind: a heat map of what every target is heard at. grid_moves.js moves it, cell.js lists a cell. */

import { el, setAttribute, setText } from "../page/elements.js";
import { cellGain, ownGain, putCell } from "../page/gains.js";
import { writeGain, writeRange, writeTiny } from "../page/numbers.js";
import { peekFaders } from "../page/panel.js";
import { store } from "../page/store.js";
import { cellDetail } from "./cell.js";
import { cellPlace, cellWords, columnName } from "./cell_words.js";
import { colour, isDark, lookAt } from "./gain_look.js";
import { gridMoves } from "./grid_moves.js";
import { heatAround } from "./heat_around.js";
import { heatColour, heatMap, heatMode, heatWords, isBright } from "./heat_maps.js";
import { layerWidth } from "./layer_width.js";

/** @import { Index } from "../page/gains.js" */
/** @import { HeatMap } from "./heat_maps.js" */

const ROW = 28; // a row's height in pixels, as in grid.css
const PARTS = /** @type {const} */ (["where", "own", "heard", "heat", "facts", "name"]);

/** @param {Index} index */
function header(index) {
  const cells = Array.from({ length: index.cols }, (_, col) => {
    const loose = col >= index.adapter.layers.length;
    return el("span", {
      role: "columnheader",
      class: loose ? "grid-layer is-loose" : "grid-layer",
      text: columnName(index, col),
    });
  });
  const corner = el("span", { role: "columnheader", class: "grid-kind", "aria-label": "kind" });
  return { cells, node: el("div", { role: "row", class: "grid-row grid-head" }, corner, ...cells) };
}

/**
 * @param {Index} index
 * @param {number} r
 */
function gridRow(index, r) {
  const kind = index.adapter.kinds[r];
  const cells = Array.from({ length: index.cols }, (_, col) => {
    const c = r * index.cols + col;
    const there = index.start[c + 1] > index.start[c];
    const loose = col >= index.adapter.layers.length;
    const cell = el("div", { class: `cell${there ? "" : " is-none"}${loose ? " is-loose" : ""}`, role: "gridcell" });
    if (there) {
      cell.tabIndex = -1;
      cell.dataset.layer = columnName(index, col);
      cell.dataset.kind = kind;
    }
    return cell;
  });
  const label = el("span", { role: "rowheader", class: "grid-kind", text: kind, title: kind });
  return { cells, node: el("div", { role: "row", class: "grid-row" }, label, ...cells) };
}

/**
 * What the parts of the grid know of it.
 *
 * @typedef {object} GridView
 * @property {Index} index
 * @property {string} name
 * @property {HTMLElement[]} cells
 * @property {HTMLElement} body
 * @property {number} row a row's height in pixels
 * @property {number} size a cell's width in pixels; 0: not on screen yet
 * @property {number} hover
 * @property {number} chosen
 * @property {(c: number) => void} choose
 * @property {(c: number, value: number) => void} set
 */

/**
 * The tools, the heat map, the readout, and the chosen cell's targets.
 *
 * @param {Index} index
 */
export function targetGrid(index) {
  const { name, kinds } = index.adapter;
  /** @type {HTMLElement[]} */
  const cells = []; // made when they are first seen
  /** @type {HTMLElement[]} */
  let labels = []; // above the columns
  /** @type {Array<string | undefined>} */
  const drawn = new Array(index.count); // what each cell shows, so that only changes touch the page
  const body = el("div", { role: "grid", class: "grid", "aria-label": `Targets of ${name}`, data: { part: "grid" } });
  const scroller = el("div", { class: "grid-scroll" }, body);
  const hint = el("span", { class: "hint" });
  const says = PARTS.map((part) => ({ part, node: el("span", { class: `readout-${part}` }) }));
  const readout = el("div", { class: "readout" }, hint, ...says.map((one) => one.node));
  /** @type {GridView} */
  const view = {
    index,
    name,
    cells,
    body,
    row: ROW,
    size: 0,
    hover: -1,
    chosen: -1,
    choose(c) {
      if (c === view.chosen) return;
      const old = cells[view.chosen];
      if (old) {
        old.tabIndex = -1;
        old.classList.remove("is-chosen");
      }
      view.chosen = c;
      store.memory.set(`${name}/cell`, cellPlace(index, c));
      cells[c].tabIndex = 0;
      cells[c].classList.add("is-chosen");
      store.changed();
    },
    set: (c, value) => store.edit((panel) => putCell(index, panel, c, value)),
  };
  const detail = cellDetail(view);
  const moves = gridMoves(view, detail.type);
  const around = heatAround(index);
  const node = el("div", { class: "grid-area" }, around.top, moves.node, scroller, readout, around.below, detail.node);
  let built = false;
  /** @type {HeatMap | null} */
  let map = null; // what is shown instead of gains

  function build() {
    built = true;
    const head = header(index);
    const rows = kinds.map((_, r) => gridRow(index, r));
    labels = head.cells;
    cells.push(...rows.flatMap((row) => row.cells));
    body.append(head.node, ...rows.map((row) => row.node), around.under);
    const remembered = store.memory.get(`${name}/cell`);
    const there = cells.map((_, c) => c).filter((c) => index.start[c + 1] > index.start[c]);
    const first = there.find((c) => cellPlace(index, c) === remembered) ?? there[0];
    if (first !== undefined) view.choose(first);
    resize();
  }

  function resize() {
    if (!built) return;
    const room = layerWidth(node, index.adapter);
    if (!room || room.cell === view.size) return;
    view.size = room.cell;
    body.style.setProperty("--lm-cell", `${room.cell}px`);
    const every = room.cell >= 20 ? 1 : 5;
    body.dataset.every = String(every);
    labels.forEach((label, i) => {
      if (!label.classList.contains("is-loose")) label.style.visibility = i % every ? "hidden" : "";
    });
    drawn.fill(undefined);
    store.changed();
  }

  /**
   * @param {number} c
   * @param {number} max
   * @param {boolean} moved
   */
  function paint(c, max, moved) {
    const { n, lo, hi, mean } = cellGain(index, c);
    if (!n) return;
    const key = `${lo}/${hi}/${mean}/${moved}/${max}`;
    if (drawn[c] === key) return;
    drawn[c] = key;
    const cell = cells[c];
    const look = lookAt(mean, max);
    cell.style.backgroundColor = colour(look);
    cell.classList.toggle("is-hollow", hi === 0 && lo === 0);
    cell.classList.toggle("is-full", isDark(look));
    cell.classList.toggle("is-moved", moved);
    cell.classList.toggle("is-mixed", lo !== hi);
    setText(cell, view.size >= 24 && mean !== 1 ? writeTiny(mean) : "");
    const targets = n > 1 ? `, ${n} targets` : "";
    setAttribute(cell, "aria-label", `${cellPlace(index, c)}: ${writeRange(lo, hi, writeGain)}${targets}`);
  }

  /**
   * A cell of a heat map: its colour is what it does, its number stands where one points.
   *
   * @param {HeatMap} heat
   * @param {number} c
   * @param {boolean} moved
   */
  function paintHeat(heat, c, moved) {
    if (index.start[c + 1] === index.start[c]) return;
    const value = heat.ready ? heat.cells[c] : null;
    const max = heat.ready ? heat.max : 1;
    const key = `${heat.mode}/${value}/${max}/${moved}`;
    if (drawn[c] === key) return;
    drawn[c] = key;
    const cell = cells[c];
    cell.style.backgroundColor = value === null ? "" : heatColour(value, max);
    cell.classList.toggle("is-hollow", value === null);
    cell.classList.toggle("is-full", value !== null && isBright(value, max));
    cell.classList.toggle("is-moved", moved);
    cell.classList.toggle("is-mixed", false);
    setText(cell, "");
    const words = `${cellPlace(index, c)}: ${heat.ready ? heatWords(heat, c) : "not measured"}`;
    setAttribute(cell, "aria-label", words);
    setAttribute(cell, "title", words);
  }

  /** The cell under the pointer in words; where there is none, how to move one. */
  function tell() {
    const c = view.hover === view.chosen ? -1 : view.hover;
    hint.hidden = c >= 0;
    for (const one of says) one.node.hidden = c < 0;
    if (c < 0) {
      setText(hint, moves.hint());
      return;
    }
    const words = cellWords(index, c, map);
    for (const one of says) setText(one.node, words[one.part]);
  }

  return {
    node,
    update() {
      if (!built) build();
      if (!view.size) resize();
      const { max } = store.range();
      const any = Object.keys(peekFaders(store.panel, name).modules).length > 0;
      const showed = map;
      map = heatMap(index);
      if (!map && showed) for (const cell of cells) cell.removeAttribute("title");
      for (let c = 0; c < index.count; c += 1) {
        const moved = any && ownGain(index, store.panel, c).moved;
        if (map) paintHeat(map, c, moved);
        else paint(c, Math.max(1.5, max), moved);
      }
      body.dataset.shows = heatMode(name);
      around.update(map);
      tell();
      detail.update();
    },
    resize,
    stop: moves.stop,
  };
}
