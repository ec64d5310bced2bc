/*
 * What Python tells of blind votes, and of what is kept:
 * types alone, held by `tsc` (ui/page/messages.js tells how it travels).
 */

/** @import { ColumnTitle, FileOfText, Line } from "../lab/messages.js" */
/** @import { Refusal } from "../page/messages.js" */

/**
 * @typedef {object} StandingRow
 * @property {number} place
 * @property {number} group
 * @property {string} label
 * @property {unknown} mix
 * @property {number} wins
 * @property {number} losses
 * @property {number} ties
 * @property {number} bad
 * @property {number | null} share
 * @property {number} low
 * @property {number} high
 * @property {string} sure
 * @property {number} strength
 */

/**
 * What votes add up to.
 *
 * @typedef {object} Standing
 * @property {StandingRow[]} rows
 * @property {Array<{one: number, other: number, wins: number, losses: number, ties: number, bad: number, sure:
 *   string}>} pairs
 * @property {number} votes
 * @property {string} line
 * @property {string} note
 */

/** @typedef {"left" | "right" | "tie" | "bad"} Verdict */
/** @typedef {{question: string, left: string, right: string, verdict: Verdict, texts: [string, string]}} VotedPair */

/**
 * A blind session.
 *
 * @typedef {object} Session
 * @property {number} key
 * @property {number} rev
 * @property {Line | null} generating
 * @property {string} error
 * @property {string[]} notes
 * @property {{number: number, question: string, left: string, right: string} | null} slip
 * @property {number} of
 * @property {number} votes
 * @property {number} alike
 * @property {number} spare
 * @property {boolean} revealed
 * @property {{standing?: Standing, pairs: VotedPair[]}} [outcome]
 */

/**
 * @typedef {object} Experiment
 * @property {number} id
 * @property {string} time
 * @property {string} model
 * @property {string[]} labels
 * @property {number} trials
 * @property {number} planned
 * @property {number} votes
 * @property {string} first
 */

/**
 * The standing over all votes.
 *
 * @typedef {object} AllVotes
 * @property {Array<{id: string, label: string, votes: number}>} competitors
 * @property {string[] | null} chosen
 * @property {Standing} standing
 */

/**
 * @typedef {object} VotesAnswer
 * @property {number | null} [re]
 * @property {Refusal} [refused]
 * @property {string} [said]
 * @property {Session | null} [session] where it has changed
 * @property {ColumnTitle[]} [columns]
 * @property {string} [trouble]
 * @property {boolean} [keeps]
 * @property {Experiment[]} [past]
 * @property {boolean} [more]
 * @property {string} [broken]
 * @property {AllVotes} [all]
 * @property {string} [text]
 * @property {FileOfText} [file]
 */

export {};
