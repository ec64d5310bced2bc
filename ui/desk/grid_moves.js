/* Moving the grid's cells: by mouse, finger and keys, one at a time or painted with a brush. */

import { el, setAttribute } from "../page/elements.js";
import { within } from "../page/fader_scale.js";
import { ownGain, putCell } from "../page/gains.js";
import { closest, mayScroll, onDouble } from "../page/gestures.js";
import { guard } from "../page/lifetime.js";
import { numberField } from "../page/number_field.js";
import { parseNumber, roundGain, writeShort } from "../page/numbers.js";
import { store } from "../page/store.js";
import { LOOSE_GAP } from "./layer_width.js";

/** @import { GridView } from "./grid.js" */

const BRUSHES = [0, 0.5, 1, 1.5, 2];
const CELL = ".lora-mixer-cell";
const HINTS = {
  adjust: "Drag a cell up or down; with the keyboard + and \u2212, or type a number. Double-click puts it back to 1.",
  paint: "Drag across cells to paint them; with the keyboard, Space paints. Double-click puts a cell back to 1.",
};
const SLACK = 4; // pixels that a press may wander before it is a drag
const TRAVEL = 160; // pixels from one end of the faders' range to the other
const NOTCH = 0.02;

/** @typedef {number | null} Brush the gain to paint with; null: single cells are adjusted */

/** @param {(brush: Brush) => void} choose */
function toolbar(choose) {
  /** @type {Brush} */
  let brush = null;
  /** @param {Brush} value */
  const pick = (value) => {
    brush = value;
    choose(value);
    draw();
  };
  /**
   * @param {Brush} value
   * @param {string} text
   * @param {string} label
   */
  const button = (value, text, label) => ({
    value,
    node: el("button", {
      type: "button",
      class: "brush",
      text,
      "aria-label": label,
      "aria-pressed": "false",
      title: label,
      data: { brush: value === null ? "adjust" : String(value) },
      on: { click: () => pick(value) },
    }),
  });
  const buttons = [
    button(null, "Adjust", "Adjust single cells"),
    ...BRUSHES.map((v) => button(v, writeShort(v), `Paint ${v}`)),
  ];
  const typed = numberField({ label: "Brush value", set: pick, step: false });
  // Choosing the field chooses its number, whatever it says.
  typed.input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") pick(parseNumber(typed.input.value) ?? brush);
  });
  function draw() {
    for (const one of buttons) setAttribute(one.node, "aria-pressed", String(one.value === brush));
    if (brush !== null) typed.update(brush);
    typed.node.classList.toggle("is-picked", brush !== null && !BRUSHES.includes(brush));
  }
  draw();
  const group = el(
    "div",
    { class: "brushes", role: "group", "aria-label": "What dragging does" },
    el("span", { class: "label", text: "Brush" }),
    ...buttons.map((one) => one.node),
    typed.node,
  );
  return el("div", { class: "tools" }, group);
}

/** @typedef {{row: number, col: number}} Spot */

/**
 * @typedef {object} Painting
 * @property {"paint"} kind
 * @property {number} id of the pointer
 * @property {(x: number, y: number) => Spot | null} at
 * @property {Spot | null} from
 * @property {Set<number>} painted
 * @property {number} brush
 * @property {PointerEvent | null} finger where it came down, while it may still be about to scroll
 */

/**
 * @typedef {object} Adjusting
 * @property {"adjust"} kind
 * @property {number} id
 * @property {number} c
 * @property {number} start
 * @property {number} value
 * @property {number} y
 * @property {boolean} moving
 */

/**
 * Moves a grid; node is its toolbar.
 *
 * @param {GridView} view
 * @param {(text: string) => void} type starts typing the chosen cell's number
 */
export function gridMoves(view, type) {
  const { index, body, cells } = view;
  const there = (/** @type {number} */ c) => c >= 0 && index.start[c + 1] > index.start[c];
  /** @type {Brush} */
  let brush = null;
  /** @type {Painting | Adjusting | null} */
  let drag = null;
  const tools = toolbar((value) => {
    brush = value;
    body.classList.toggle("is-painting", value !== null);
    store.changed();
  });

  /** Row and column under a point: arithmetic on the first cell's place, cells being all alike. */
  function ruler() {
    const box = cells[0].getBoundingClientRect();
    const n = index.adapter.layers.length;
    return (/** @type {number} */ x, /** @type {number} */ y) => {
      const right = x - box.left;
      const col = right < n * view.size ? Math.floor(right / view.size) : right >= n * view.size + LOOSE_GAP ? n : -1;
      const row = Math.floor((y - box.top) / view.row);
      return col >= 0 && col < index.cols && row >= 0 && row < index.rows ? { row, col } : null;
    };
  }
  const numberOf = (/** @type {Spot | null} */ spot) => (spot ? spot.row * index.cols + spot.col : -1);
  const cellUnder = (/** @type {Event} */ event) => {
    const cell = closest(event, CELL);
    return cell ? cells.indexOf(cell) : -1;
  };

  /**
   * @param {Painting} painting
   * @param {MouseEvent} event
   */
  function paintTo(painting, event) {
    const to = painting.at(event.clientX, event.clientY);
    const from = painting.from ?? to;
    painting.from = to;
    if (!to || !from) return;
    const steps = Math.max(1, Math.abs(to.row - from.row), Math.abs(to.col - from.col));
    /** @type {Set<number>} */
    const fresh = new Set();
    for (let s = 0; s <= steps; s += 1) {
      const row = from.row + Math.round(((to.row - from.row) * s) / steps);
      const col = from.col + Math.round(((to.col - from.col) * s) / steps);
      const c = row * index.cols + col;
      if (there(c) && !painting.painted.has(c)) fresh.add(c);
    }
    if (!fresh.size) return;
    store.edit((panel) => {
      for (const c of fresh) {
        painting.painted.add(c);
        putCell(index, panel, c, painting.brush);
      }
    });
    view.hover = there(numberOf(to)) ? numberOf(to) : -1;
  }

  /**
   * @param {Adjusting} adjusting
   * @param {PointerEvent} event
   */
  function adjustTo(adjusting, event) {
    const reach = store.range();
    const up = adjusting.y - event.clientY;
    if (!adjusting.moving) {
      if (Math.abs(up) < SLACK) return;
      adjusting.moving = true;
      adjusting.y = event.clientY;
      return;
    }
    const span = ((reach.max - reach.min) / TRAVEL) * (event.shiftKey ? 0.25 : 1);
    const raw = adjusting.start + up * span;
    const value = Math.abs(raw - 1) < NOTCH ? 1 : roundGain(within(raw, adjusting.start, reach));
    if (value === adjusting.value) return;
    adjusting.value = value;
    view.set(adjusting.c, value);
  }

  /**
   * @param {"pointerdown" | "pointermove" | "pointerup" | "pointercancel" | "lostpointercapture" | "pointerleave"} kind
   * @param {(event: PointerEvent) => void} fn
   */
  const on = (kind, fn) => body.addEventListener(kind, guard("grid", fn));
  on("pointerdown", (event) => {
    if (event.button || drag || !closest(event, CELL)) return;
    const at = ruler();
    const c = numberOf(at(event.clientX, event.clientY));
    const touch = event.pointerType === "touch";
    const id = event.pointerId;
    if (brush !== null) {
      drag = { kind: "paint", id, at, from: null, painted: new Set(), brush, finger: touch ? event : null };
    } else if (there(c) && (!touch || c === view.chosen)) {
      // A finger must choose a cell before it can drag it: else every scroll would move faders.
      const start = ownGain(index, store.panel, c).value;
      drag = { kind: "adjust", id, c, start, value: start, y: event.clientY, moving: false };
    }
    if (there(c) && !touch) choose(c);
    if (!drag) return;
    store.grab();
    body.setPointerCapture(id);
    if (drag.kind === "paint" && !touch) paintTo(drag, event);
  });
  on("pointermove", (event) => {
    if (drag && event.pointerId === drag.id) {
      if (drag.kind === "adjust") adjustTo(drag, event);
      else if (!mayScroll(drag.finger, event)) {
        if (drag.finger) paintTo(drag, drag.finger);
        drag.finger = null;
        for (const one of coalesced(event)) paintTo(drag, one);
      }
      return;
    }
    if (event.pointerType !== "touch") look(cellUnder(event));
  });
  /** @param {PointerEvent} event */
  const coalesced = (event) => {
    const all = event.getCoalescedEvents?.() ?? [];
    return all.length ? all : [event];
  };
  /** @param {PointerEvent} event */
  function end(event) {
    if (!drag || event.pointerId !== drag.id) return;
    if (event.type === "pointerup" && drag.kind === "paint" && drag.finger) paintTo(drag, event);
    drag = null;
    view.hover = -1;
    store.release();
    store.changed();
  }
  on("pointerup", end);
  on("pointercancel", end);
  on("lostpointercapture", end);
  on("pointerleave", () => look(-1));
  body.addEventListener(
    "click",
    guard("grid", (/** @type {MouseEvent} */ event) => {
      const c = cellUnder(event);
      if (there(c)) choose(c);
    }),
  );

  /** @param {number} c */
  function look(c) {
    const next = there(c) ? c : -1;
    if (next === view.hover) return;
    view.hover = next;
    store.changed();
  }
  /** @param {number} c */
  function choose(c) {
    view.choose(c);
    if (document.activeElement !== cells[c]) cells[c].focus({ preventScroll: true });
  }

  onDouble(body, (event) => {
    const c = numberOf(ruler()(event.clientX, event.clientY));
    if (there(c)) view.set(c, 1);
  });

  // Keys ------------------------------------------------------------------------------------------------------------

  /**
   * The next cell with a target from c in steps of (dr, dc), or c.
   *
   * @param {number} c
   * @param {number} dr
   * @param {number} dc
   */
  function walk(c, dr, dc) {
    let row = Math.floor(c / index.cols);
    let col = c % index.cols;
    for (;;) {
      row += dr;
      col += dc;
      if (row < 0 || col < 0 || row >= index.rows || col >= index.cols) return c;
      if (there(row * index.cols + col)) return row * index.cols + col;
    }
  }
  /**
   * @param {number} c
   * @param {number} dc
   */
  function edge(c, dc) {
    let at = c;
    for (let next = walk(at, 0, dc); next !== at; next = walk(at, 0, dc)) at = next;
    return at;
  }
  /** @param {number} c */
  function go(c) {
    view.hover = -1;
    view.choose(c);
    cells[c].focus();
  }

  /** @type {Record<string, [dr: number, dc: number]>} */
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  /** @type {Record<string, number>} */
  const NUDGES = { "+": 1, "=": 1, "-": -1, _: -1 };
  /** @type {Record<string, number>} */
  const NUDGES_WITH_ALT = { ArrowUp: 1, ArrowDown: -1 };
  body.addEventListener(
    "keydown",
    guard("grid", (/** @type {KeyboardEvent} */ event) => {
      const { key, altKey: alt } = event;
      const c = view.chosen;
      if (!there(c) || event.ctrlKey || event.metaKey || !closest(event, CELL)) return;
      const { value } = ownGain(index, store.panel, c);
      const nudge = NUDGES[key] ?? (alt ? NUDGES_WITH_ALT[key] : undefined);
      const digit = /^[0-9.,]$/.test(key);
      if (nudge) view.set(c, roundGain(value + nudge * (alt && event.shiftKey ? 0.25 : 0.05)));
      else if (alt) return;
      else if (STEPS[key]) go(walk(c, ...STEPS[key]));
      else if (key === "Home") go(edge(c, -1));
      else if (key === "End") go(edge(c, 1));
      else if (key === "Delete" || key === "Backspace") view.set(c, 1);
      else if (key === " " && brush !== null) view.set(c, brush);
      else if (digit || key === "Enter" || key === "F2") type(digit ? key : "");
      else return;
      event.preventDefault();
    }),
  );

  return {
    node: tools,
    hint: () => (brush === null ? HINTS.adjust : HINTS.paint),
    stop() {
      if (drag) store.release();
      drag = null;
    },
  };
}
