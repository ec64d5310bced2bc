/* The profiles that are saved, and the shapes there are, as Python told of them last. */

import { jobs } from "./jobs.js";

/** @import { Profiles } from "../desk/messages.js" */

export const saved = {
  /** @type {Profiles | null} */
  known: null,

  /** The choices of a menu that offers them. */
  choices(prefix = "") {
    return (saved.known?.profiles ?? []).map(
      ({ name }) => /** @type {[string, string]} */ ([prefix + name, `Profile: ${name}`]),
    );
  },

  /**
   * fn runs when Python has told of them.
   *
   * @param {() => void} fn
   */
  start(fn) {
    jobs.onNews((news) => {
      if (!news.profiles) return;
      saved.known = news.profiles;
      fn();
    });
  },
};
