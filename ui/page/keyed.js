/*
 * Lists that are drawn again and again: what has a key keeps its element, and with it the focus, the selection and
 * where it is scrolled to.
 */

import { el, setText } from "./elements.js";

/**
 * @template {{node: Node}} Part
 * @typedef {Map<unknown, Part>} Parts
 */

/** @type {WeakMap<Element, Parts<{node: Node}>>} */
const all = new WeakMap();

/**
 * Makes the children of an element those of these items: one part for each key, made when the key is new, moved when
 * it stands elsewhere, taken away when no item has it any more.
 *
 * @template Item
 * @template {{node: Node}} Part
 * @param {Element} parent whose children are all made here
 * @param {Iterable<Item>} items
 * @param {(item: Item, at: number) => unknown} key a string or number, or the item itself
 * @param {(item: Item, at: number) => Part} make
 * @param {(part: Part, item: Item, at: number) => void} [update] brings a part up to date, a new one too
 * @param {(part: Part) => void} [gone] a part that is not shown any more ends
 * @returns {Part[]} in the order of the items
 */
export function keyed(parent, items, key, make, update = () => {}, gone = () => {}) {
  const before = /** @type {Parts<Part>} */ (all.get(parent) ?? new Map());
  /** @type {Parts<Part>} */
  const now = new Map();
  const parts = Array.from(items, (item, at) => {
    const name = key(item, at);
    const part = before.get(name) ?? make(item, at);
    now.set(name, part);
    return part;
  });
  all.set(parent, now);
  for (const [name, part] of before) if (!now.has(name)) gone(part);
  arrange(
    parent,
    parts.map((part) => part.node),
  );
  let at = 0;
  for (const item of items) update(parts[at], item, at++);
  return parts;
}

/**
 * Makes these the children of an element, in this order; what stands where it belongs is not touched.
 *
 * @param {Element} parent
 * @param {Node[]} nodes
 */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  const { activeElement: focused } = document;
  nodes.forEach((node, at) => {
    if (parent.childNodes[at] !== node) parent.insertBefore(node, parent.childNodes[at] ?? null);
  });
  // To move an element is to take it out and put it back: it loses the focus.
  if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/** @type {WeakMap<object, string>} */
const drawn = new WeakMap();

/**
 * Draws what is drawn as a whole, and only if it differs from what it was drawn from the last time.
 *
 * @param {object} what of which it is remembered: an element, as a rule
 * @param {unknown} from plain data
 * @param {() => void} draw
 */
export function whenChanged(what, from, draw) {
  const text = JSON.stringify(from) ?? "";
  if (drawn.get(what) === text) return;
  drawn.set(what, text);
  draw();
}

/**
 * The choices of a menu: value, text, and whether it cannot be chosen for now. What is chosen stays chosen while it is
 * there.
 *
 * @param {HTMLSelectElement} select
 * @param {Array<[value: string, text: string, disabled?: boolean]>} choices
 */
export function setOptions(select, choices) {
  whenChanged(select, choices, () => {
    const chosen = select.value;
    keyed(
      select,
      choices,
      ([value]) => value,
      ([value]) => ({ node: el("option", { value }) }),
      ({ node }, [, text, disabled]) => {
        setText(node, text);
        node.disabled = disabled === true;
      },
    );
    if (choices.some(([value]) => value === chosen)) select.value = chosen;
  });
}
