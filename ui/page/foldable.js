/* A part of the page that folds: its name, a few words on what is in it, and whether it was open the last time. */

import { el } from "./elements.js";
import { guard } from "./lifetime.js";
import { store } from "./store.js";

/**
 * @param {string} key under which it is remembered whether it is open
 * @param {string} name
 * @param {boolean} open at first
 * @param {Node} body
 * @param {() => void} opened
 */
export function foldable(key, name, open, body, opened) {
  const remembered = store.memory.get(key);
  const digest = el("span", { class: "digest" });
  const title = el("span", { class: "section-name", text: name });
  const node = el(
    "details",
    { class: "section", data: { section: name.toLowerCase() } },
    el("summary", {}, title, digest),
    body,
  );
  node.open = remembered === undefined ? open : remembered === true;
  node.addEventListener(
    "toggle",
    guard("toggle", () => {
      store.memory.set(key, node.open);
      if (node.open) opened();
    }),
  );
  return {
    node,
    digest,
    get open() {
      return node.open;
    },
  };
}
