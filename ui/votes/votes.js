/*
 * What the page knows of votes: the blind session that is on, the experiments that are kept; talking with Python about
 * it.
 */

import { openChannel } from "../page/channel.js";
import { frames } from "../page/frames.js";
import { guard, onStop } from "../page/lifetime.js";

/** @import { ColumnTitle } from "../lab/messages.js" */
/** @import { AllVotes, Experiment, Session, VotesAnswer } from "./messages.js" */
/** @import { VotesOrder, VotesStart } from "../page/orders.js" */

const WAITING_MS = 500;
const { onChange, changed } = frames("votes");
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @typedef {{known: [key: number, rev: number] | null}} Known the session as the page has it */

/** @type {ReturnType<typeof openChannel<(VotesOrder | VotesStart) & Known, VotesAnswer>>} */
const channel = openChannel("votes", {
  hear({ session, columns, trouble, keeps, past, more, broken, all }) {
    const told = { session, columns, trouble, keeps, past, more, broken, all };
    Object.assign(votes, Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)));
    votes.known = true;
    changed();
  },
  looks: ["look", "standing", "save"],
});

/** @returns {Known} */
const seen = () => ({ known: votes.session && [votes.session.key, votes.session.rev] });

export const votes = {
  known: false,
  /** @type {Session | null} */
  session: null,
  /** @type {ColumnTitle[]} */
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
   */
  order: (message, then) => channel.order({ ...message, ...seen() }, then),

  /**
   * Begin a session, or go on with one: for these Python needs the chat, so they have a box of their own.
   *
   * @param {VotesStart} message
   * @param {(answer: VotesAnswer) => void} [then]
   */
  begin: (message, then) => channel.order({ ...message, ...seen() }, then, "start"),

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
