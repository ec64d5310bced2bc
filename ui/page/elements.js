/* Making elements. No text of a user, a model or a file ever becomes HTML: textContent alone. */

import { guard } from "./lifetime.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * What an element is made with. Classes are ours, and get our prefix; what has no place here becomes an attribute,
 * which false, null and undefined leave out.
 *
 * @typedef {object} Own
 * @property {string} [class]
 * @property {string} [text]
 * @property {Record<string, string>} [data]
 * @property {{[T in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[T]) => void}} [on]
 * @typedef {Own & Record<string, unknown>} Props
 * @typedef {Node | string | false | null | undefined} Child
 */

/**
 * An element: el("button", {class: "…", text: "…", data: {}, on: {click}, title: "…"}, child, …).
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props} [props]
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  const { class: names, text, data, on, ...attributes } = props;
  if (names !== undefined) node.className = names.split(" ").map(prefixed).join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined)
      node.setAttribute(key, value === true ? "" : String(value));
  }
  if (text !== undefined) node.textContent = text;
  if (data) Object.assign(node.dataset, data);
  for (const [type, fn] of Object.entries(on ?? {})) {
    node.addEventListener(type, /** @type {EventListener} */ (guard(type, /** @type {(event: Event) => void} */ (fn))));
  }
  for (const child of children) if (child) node.append(child);
  return node;
}

/** @param {string} name */
const prefixed = (name) => (name.startsWith("is-") ? name : `lora-mixer-${name}`);

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} attributes
 * @param {Node[]} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

/** Three faders, the mark of the desk. */
export const deskIcon = () =>
  svg(
    "svg",
    { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true", class: "lora-mixer-icon" },
    svg("path", {
      d: "M4 2v16M10 2v16M16 2v16",
      stroke: "currentColor",
      "stroke-width": 1.5,
      "stroke-linecap": "round",
      opacity: 0.5,
    }),
    svg("path", {
      d: "M2 12.5h4M8 6.5h4M14 9.5h4",
      stroke: "currentColor",
      "stroke-width": 3.4,
      "stroke-linecap": "round",
    }),
  );

/**
 * Set a text only if it differs: writing what is there already costs layout.
 *
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Set an attribute only if it differs.
 *
 * @param {Element} node
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * Show a text where there is one.
 *
 * @param {HTMLElement} node
 * @param {string} text
 */
export function showText(node, text) {
  setText(node, text);
  node.hidden = !text;
}
