/* Our own tabs: "Mix", "Votes", "Learn", "Adapters". */

import { guard } from "./lifetime.js";

const NAMES = { mix: "Mix", votes: "Votes", learn: "Learn", adapters: "Adapters" };
const SHOWN_MS = 350; // until the host has shown the tab
/** @type {Array<(id: string) => void>} */
const listeners = [];

/**
 * fn runs before an element of a tab is brought into sight.
 *
 * @param {(id: string) => void} fn
 */
export function onGoTo(fn) {
  listeners.push(fn);
}

/**
 * Open one of our own tabs, and bring an element of it into sight.
 *
 * @param {keyof typeof NAMES} tab
 * @param {string} id
 */
export function goTo(tab, id) {
  /** @type {HTMLElement[]} */
  const buttons = [...document.querySelectorAll(/** @type {"button"} */ ("#lora-mixer-tabs [role=tab]"))];
  buttons.find((one) => one.textContent?.trim() === NAMES[tab])?.click();
  setTimeout(
    guard("going", () => {
      for (const fn of listeners) fn(id);
      document.getElementById(id)?.scrollIntoView({ block: "start" });
    }),
    SHOWN_MS,
  );
}
