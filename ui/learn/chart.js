/*
 * A chart of the mixes on the way, drawn by hand: its frame in SVG, and on it a button for each mix, which a click puts
 * on the desk. Of the buttons one is in the tab order; arrows go from mix to mix.
 */

import { el, setAttribute, setText, svg } from "../page/elements.js";
import { guard } from "../page/lifetime.js";
import { writeNats } from "./chart_scale.js";

/** @import { Axis } from "./chart_scale.js" */

const EDGE = { left: 46, right: 14, top: 10, bottom: 38 };
const STEPS = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 });

/**
 * A mix as it stands on a chart.
 *
 * @typedef {object} Spot
 * @property {number} place among the mixes on the way
 * @property {number} x
 * @property {number} y
 * @property {string} words what it is, for who points at it and who hears the page
 * @property {boolean} best
 */

/**
 * @param {object} options
 * @param {string} options.name
 * @param {string} options.below what stands along the axis below
 * @param {string} options.beside
 * @param {number} options.height
 * @param {(place: number) => void} options.choose
 */
export function chart({ name, below, beside, height, choose }) {
  const frame = svg("svg", { class: "lora-mixer-chart-frame", height, "aria-hidden": "true" });
  const spots = el("div", { class: "chart-spots", role: "group", "aria-label": `${name}: mixes on the way` });
  const told = el("div", { class: "hint chart-told", role: "status" });
  const area = el("div", { class: "chart-area" }, frame, spots);
  const node = el("figure", { class: "chart" }, el("figcaption", { class: "field-name", text: name }), area, told);
  area.style.height = `${height}px`;
  /** @type {HTMLButtonElement[]} */
  const buttons = [];
  let at = 0; // the button in the tab order

  /** @param {number} next */
  function go(next) {
    if (!buttons[next]) return;
    buttons[at]?.setAttribute("tabindex", "-1");
    at = next;
    buttons[at].setAttribute("tabindex", "0");
    buttons[at].focus();
  }
  spots.addEventListener(
    "keydown",
    guard("a mix on the way", (/** @type {KeyboardEvent} */ event) => {
      const last = buttons.length - 1;
      const next = { Home: 0, End: last }[event.key] ?? (event.key in STEPS ? at + STEPS[event.key] : null);
      if (next === null) return;
      event.preventDefault();
      go(Math.max(0, Math.min(last, next)));
    }),
  );

  /** @param {Spot[]} all */
  function place(all) {
    while (buttons.length > all.length) buttons.pop()?.remove();
    while (buttons.length < all.length) {
      const mine = buttons.length;
      const button = el("button", { type: "button", class: "chart-spot", tabindex: "-1" });
      button.addEventListener(
        "click",
        guard("a mix on the way", () => {
          at = mine;
          choose(Number(button.dataset.place));
        }),
      );
      for (const type of /** @type {const} */ (["focus", "pointerenter"]))
        button.addEventListener(type, () => setText(told, button.title));
      buttons.push(button);
      spots.append(button);
    }
    at = Math.min(at, Math.max(0, all.length - 1));
    all.forEach((spot, i) => {
      const button = buttons[i];
      button.dataset.place = String(spot.place);
      button.style.left = `${spot.x}px`;
      button.style.top = `${spot.y}px`;
      button.classList.toggle("is-best", spot.best);
      setAttribute(button, "title", spot.words);
      setAttribute(button, "aria-label", `${spot.words}. Put it on the desk`);
      setAttribute(button, "tabindex", i === at ? "0" : "-1");
    });
  }

  return {
    node,
    /** @param {Node} key what its lines are */
    legend: (key) => area.before(key),
    /**
     * @param {Axis} across
     * @param {Axis} up
     * @param {(to: {x: (value: number) => number, y: (value: number) => number}) => {lines: Node[], spots: Spot[]}} paint
     * @param {boolean} [down] whether small numbers stand on top
     */
    draw(across, up, paint, down = false) {
      const width = Math.max(240, area.clientWidth || 460);
      const inner = { width: width - EDGE.left - EDGE.right, height: height - EDGE.top - EDGE.bottom };
      const x = (/** @type {number} */ value) => EDGE.left + across.at(value) * inner.width;
      const y = (/** @type {number} */ value) => EDGE.top + (down ? up.at(value) : 1 - up.at(value)) * inner.height;
      const { lines, spots: all } = paint({ x, y });
      setAttribute(frame, "width", String(width));
      setAttribute(frame, "viewBox", `0 0 ${width} ${height}`);
      const ground = EDGE.top + inner.height;
      const every = across.ticks.length * 44 > inner.width ? 2 : 1;
      frame.replaceChildren(
        ...up.ticks.flatMap((tick) => [
          svg("line", {
            x1: EDGE.left,
            x2: width - EDGE.right,
            y1: y(tick),
            y2: y(tick),
            class: "lora-mixer-chart-rule",
          }),
          letters(EDGE.left - 6, y(tick) + 4, writeNats(tick), "end"),
        ]),
        svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: ground, y2: ground, class: "lora-mixer-chart-axis" }),
        ...across.ticks
          .filter((_, i) => i % every === 0)
          .map((tick) => letters(x(tick), ground + 15, writeNats(tick), "middle")),
        letters(EDGE.left + inner.width / 2, height - 5, below, "middle", "lora-mixer-chart-title"),
        turned(letters(0, 0, beside, "middle", "lora-mixer-chart-title"), 11, EDGE.top + inner.height / 2),
        ...lines,
      );
      place(all);
    },
    /** @param {number | null} place the mix that is on the desk */
    mark(place) {
      for (const button of buttons)
        setAttribute(button, "aria-pressed", String(Number(button.dataset.place) === place));
    },
  };
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {"start" | "middle" | "end"} anchor
 * @param {string} [kind]
 */
export function letters(x, y, text, anchor, kind = "lora-mixer-chart-number") {
  const node = svg("text", { x, y, "text-anchor": anchor, class: kind });
  node.textContent = text;
  return node;
}

/**
 * @param {SVGTextElement} node
 * @param {number} x
 * @param {number} y
 */
function turned(node, x, y) {
  node.setAttribute("transform", `translate(${x} ${y}) rotate(-90)`);
  return node;
}

/**
 * A line through points.
 *
 * @param {Array<[x: number, y: number]>} points
 * @param {string} kind
 */
export const path = (points, kind) =>
  svg("polyline", {
    points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "),
    class: `lora-mixer-chart-line ${kind}`,
  });
