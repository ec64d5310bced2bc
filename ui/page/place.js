/*
 * Our places in the host's page: it may make them anew or empty them, and each of our pages has a root that moves back
 * in.
 */

import { keepKeys } from "./gestures.js";
import { guard, onStop } from "./lifetime.js";

/**
 * @param {HTMLElement} root
 * @param {string} id of its place
 * @param {object} told
 * @param {number} told.narrow a root that is narrower than that is told by its class
 * @param {() => void} [told.resized]
 * @param {(visible: boolean) => void} [told.seen] it has come on screen, or gone
 * @param {() => void} [told.moved] it stands in its place again
 */
export function placed(root, id, { narrow, resized, seen, moved }) {
  root.classList.add("lora-mixer");
  keepKeys(root);
  const sizes = new ResizeObserver(
    guard("resizing", () => {
      if (!root.clientWidth) return;
      root.classList.toggle("is-narrow", root.clientWidth < narrow);
      resized?.();
    }),
  );
  sizes.observe(root);
  const sight = new IntersectionObserver(
    guard("seeing", (entries) => seen?.(entries[entries.length - 1].isIntersecting)),
  );
  if (seen) sight.observe(root);
  onStop(() => {
    sizes.disconnect();
    sight.disconnect();
    root.remove();
  });
  return {
    root,
    settle() {
      const place = document.getElementById(id);
      if (!place || root.parentNode === place) return;
      place.replaceChildren(root);
      moved?.();
    },
  };
}
