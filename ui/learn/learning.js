/* What the page knows of learning, as Python told last: the examples, how far it is, what came of it. */

import { jobs } from "../page/jobs.js";
import { store } from "../page/store.js";

/** @import { Attempt, Learning, VotesToLearn } from "./messages.js" */

export const LEARN = "learn"; // the part of the page that its jobs belong to

export const learning = {
  /** @type {Learning | null} */
  known: null,
  /** @type {VotesToLearn | null} */
  votes: null,
  /** The bake form is to choose what was learned, once it is there. */
  toBake: false,

  /** @returns {Attempt | null} */
  get attempt() {
    return learning.known?.attempt ?? null;
  },

  /** Ask what is new. */
  look() {
    jobs.order({ do: "learning", seen: learning.known?.rev ?? 0 });
  },

  /** Ask how many votes there are. */
  countVotes() {
    jobs.order({ do: "learn votes" });
  },

  /** From here on it hears what Python tells, whoever asked. */
  start() {
    jobs.onNews((news) => {
      if (news.learning) learning.known = news.learning;
      if (news.votes) learning.votes = news.votes;
    });
  },
};

/** @typedef {{key: number, place: number, rev: number, panel: string | null}} Heard */
/** @type {Heard | null} */
let heard = null; // the mix on the way that this page put on the desk last

/**
 * The place of a mix on the way was put on the desk.
 *
 * @param {number} key of the attempt
 * @param {number} place
 */
export function hears(key, place) {
  heard = { key, place, rev: store.rev, panel: null };
}

/**
 * The place of the mix that is on the desk, as far as this page knows; null once a fader was moved.
 *
 * @param {number} key of the attempt
 */
export function onTheDesk(key) {
  if (!heard || heard.key !== key) return null;
  const panel = JSON.stringify(store.panel);
  if (heard.panel === null) {
    if (store.rev > heard.rev) heard.panel = panel;
  } else if (heard.panel !== panel) heard = null;
  return heard?.place ?? null;
}
