/* A way back: what moved many faders at once can be undone for some seconds. */

import { jobs } from "../page/jobs.js";
import { onStop } from "../page/lifetime.js";
import { copyPanel, hasMoved, resetAdapter } from "../page/panel.js";
import { store } from "../page/store.js";
import { wire } from "../page/wire.js";
import { forgetKept } from "./bypass.js";

/** @import { JobNews, Panel } from "../page/messages.js" */
/** @import { JobOrder } from "../page/orders.js" */

const UNDO_MS = 10000;

/** @type {{text: string, panel: Panel} | null} */
let undoable = null; // what was done, and where the controls stood before
/** @type {ReturnType<typeof setTimeout> | undefined} */
let forget;
onStop(() => clearTimeout(forget));

/** What can be undone, in a sentence; "" if nothing can. */
export const undoableText = () => undoable?.text ?? "";

/**
 * Offer a way back.
 *
 * @param {string} text what was done
 * @param {Panel} panel where the controls stood before
 */
export function offerUndo(text, panel) {
  undoable = { text, panel };
  clearTimeout(forget);
  forget = setTimeout(() => {
    undoable = null;
    store.changed();
  }, UNDO_MS);
  store.changed();
}

export function undo() {
  const was = undoable;
  undoable = null;
  if (was) store.edit((panel) => Object.assign(panel, was.panel));
}

/**
 * Reset one adapter, or all (null), with a way back.
 *
 * @param {string | null} name
 */
export function resetWithUndo(name) {
  const { state, panel } = store;
  if (!state) return;
  const touched = state.adapters.some((a) => (name === null || a.name === name) && hasMoved(panel, a.name));
  if (undoable && !touched && !panel.bypass) return; // pressed again: the way back stays the one from before
  offerUndo(name === null ? "All faders are back as loaded." : `${name} is back as loaded.`, copyPanel(panel));
  store.edit((p) => {
    const names =
      name === null ? new Set([...Object.keys(p.mix.adapters), ...state.adapters.map((a) => a.name)]) : [name];
    for (const one of names) resetAdapter(p, one);
    if (name === null) {
      p.bypass = false;
      forgetKept();
    }
  });
}

/**
 * Has Python move faders, with a way back to where it says that they stood; the page looks at once where they stand.
 *
 * @param {JobOrder} message
 * @param {string} text what was done
 * @param {(answer: JobNews) => void} then
 */
export function moveWithUndo(message, text, then) {
  jobs.order(message, (answer) => {
    if (!answer.refused) {
      offerUndo(text, copyPanel(answer.stood ?? store.panel));
      wire.poll(true);
    }
    then(answer);
  });
}
