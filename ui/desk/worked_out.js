/*
 * What Python works out of the adapters that are loaded: asked for once, again while it is being worked out, and never
 * shown of others than it was worked out of.
 */

import { jobs } from "../page/jobs.js";
import { onStop } from "../page/lifetime.js";
import { store } from "../page/store.js";

/** @import { JobNews } from "../page/messages.js" */
/** @import { WorkedOut } from "./messages.js" */

const AGAIN_MS = 700;

/**
 * @template T
 * @param {"spectra" | "loudness"} what
 * @param {(news: JobNews) => WorkedOut<T> | null | undefined} pick
 * @param {string} working what is said meanwhile
 */
export function workedOut(what, pick, working) {
  /** @type {WorkedOut<T> | null} */
  let known = null;
  let asked = false;
  let far = "";
  let why = "";
  let whyOf = -1; // the adapters that it cannot be told of
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  onStop(() => clearTimeout(timer));

  function ask() {
    if (asked || known?.loaded === store.loaded || whyOf === store.loaded) return;
    asked = true;
    const of = store.loaded;
    jobs.order({ do: what }, (answer) => {
      const found = pick(answer);
      if (answer.refused) {
        why = answer.refused.why;
        whyOf = of;
      } else if (found) known = found;
      far = answer.far ?? "";
      // Not at once: it is being worked out, or adapters come and go.
      timer = setTimeout(
        () => {
          asked = false;
          store.changed();
        },
        found?.loaded === store.loaded ? 0 : AGAIN_MS,
      );
      store.changed();
    });
  }

  /**
   * What is known of the adapters that are loaded, by their names; or why nothing is.
   *
   * @returns {{adapters: Record<string, T>} | {why: string}}
   */
  return () => {
    ask();
    if (whyOf === store.loaded) return { why };
    if (known?.loaded !== store.loaded) return { why: far || working };
    return known.why ? { why: known.why } : { adapters: known.adapters };
  };
}
