/*
 * What Python tells of a turn of the chat that is answered twice:
 * types alone, held by `tsc` (ui/page/messages.js tells how it travels).
 */

/** @import { Refusal } from "../page/messages.js" */

/**
 * @typedef {object} Turn
 * @property {number} number
 * @property {boolean} running
 * @property {string} text of the reply on the right
 * @property {string} left names, as far as they may be told
 * @property {string} right
 * @property {"left" | "right" | null} picked
 * @property {string} failed
 * @property {string} note
 */

/**
 * @typedef {object} Twice
 * @property {boolean} on
 * @property {string} why
 * @property {string} one
 * @property {string} other
 * @property {boolean} blind
 * @property {Array<[value: string, text: string]>} options
 * @property {Turn | null} turn
 */

/** @typedef {{re?: number | null, refused?: Refusal, twice: Twice}} TwiceAnswer */

export {};
