/*
 * What the page knows of votes: the blind session that is on, the experiments that are kept; talking with Python about
 * it.
 */

import { NOT_ANSWERED, openChannel } from "../page/channel.js";
import { frames } from "../page/frames.js";
import { guard, onStop } from "../page/lifetime.js";

/** @import { AllVotes, Experiment, Session, VotesAnswer, VotesOrder } from "../page/messages.js" */

const WAITING_MS = 500;
const { onChange, changed } = frames("votes");
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @typedef {{known: [key: number, rev: number] | null}} Known the session as the page has it */

/** @type {ReturnType<typeof openChannel<VotesOrder & Known, VotesAnswer>>} */
const channel = openChannel("votes", {
  hear({ session, columns, trouble, keeps, past, more, broken, all }) {
    const told = { session, columns, trouble, keeps, past, more, broken, all };
    Object.assign(votes, Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)));
    votes.known = true;
    changed();
  },
  looks: ["look", "standing", "save"],
  lost: ({ then }) => then?.({ refused: { at: "", why: NOT_ANSWERED } }),
});

export const votes = {
  known: false,
  /** @type {Session | null} */
  session: null,
  /** @type {string[]} */
  columns: [],
  trouble: "",
  keeps: true,
  /** @type {Experiment[]} */
  past: [],
  more: false,
  broken: "",
  /** @type {AllVotes | null} */
  all: null,
  shown: false, // whether the page of votes is on screen

  /** fn runs, at most once a frame, after anything changed. */
  onChange,
  changed,
  answered: channel.answered,

  /**
   * Ask Python something; then gets what it says.
   *
   * @param {VotesOrder} message
   * @param {(answer: VotesAnswer) => void} [then]
   * @param {string} [box]
   */
  order(message, then, box) {
    const { session } = votes;
    /** @type {Known["known"]} */
    const known = session && [session.key, session.rev];
    channel.order({ ...message, known }, then, box);
  },

  /** @param {boolean} [all] what is kept, too */
  look(all = false) {
    if (channel.idle) votes.order({ do: "look", all });
  },

  tick() {
    if (votes.shown && !document.hidden) votes.look(!votes.session || !votes.known);
  },

  /** While replies are on their way, look often; else as often as the page's tick does. */
  start() {
    timer = setTimeout(
      guard("following", () => {
        if (votes.shown && !document.hidden && votes.session?.generating) votes.look();
        votes.start();
      }),
      WAITING_MS,
    );
  },
};
onStop(() => clearTimeout(timer));
