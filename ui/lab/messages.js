/*
 * What Python tells of columns, comparisons and what is measured of replies:
 * types alone, held by `tsc` (ui/page/messages.js tells how it travels).
 */

/** @import { Refusal } from "../page/messages.js" */
/** @import { LabOrder, LabStart } from "../page/orders.js" */

/** @typedef {{text: string, running: boolean, part: number | null}} Line */
/** @typedef {{key: number, letter: string, name: string, plays: string, kept: string}} Column */
/** @typedef {{name: string, type: string, text: string}} FileOfText */
/** @typedef {Extract<LabOrder, {do: "prompts"}>} PromptsFile a file, as base64 */
/** @typedef {Extract<LabOrder, {do: "play"}>["plays"]} Plays what a column plays */
/** @typedef {Extract<LabOrder, {do: "save"}>["form"]} Form of a file */
/** @typedef {Extract<LabStart, {do: "compare"}>["source"]} Source of what is asked */
/** @typedef {{letter: string, name: string}} ColumnTitle a letter after its place, and what it is called */

/**
 * The columns as they are set up.
 *
 * @typedef {object} Setup
 * @property {number} rev
 * @property {Column[]} columns
 * @property {number} least
 * @property {number} most
 * @property {string} trouble
 * @property {string[]} examples
 */

/**
 * What has to be known of an experiment before any reply.
 *
 * @typedef {object} Head
 * @property {number} key
 * @property {ColumnTitle[]} columns
 * @property {Array<{label: string, seed: number}>} rows
 * @property {{x: string, xs: string[], y: string, ys: string[]} | null} grid
 * @property {boolean} use whether replies can go into the chat
 * @property {number | null} [limit]
 * @property {boolean} [drawable]
 * @property {number} reference
 */

/** @typedef {Array<[text: string, marked: number]>} Pieces */

/**
 * News of a reply: `text`, or `at` and `add` (what follows the first `at` characters), or `pieces` and `leaves` (the
 * token at which it leaves the reference, or null).
 *
 * @typedef {object} CellNews
 * @property {number} r
 * @property {number} c
 * @property {string} s its state: "waiting", "running", "ended", "done"
 * @property {number} n tokens
 * @property {string} [pace]
 * @property {string} [end]
 * @property {string} [text]
 * @property {number} [at]
 * @property {string} [add]
 * @property {Pieces} [pieces]
 * @property {number | null} [leaves]
 */

/**
 * A reply as the page knows it.
 *
 * @typedef {object} Cell
 * @property {string} s
 * @property {number} n
 * @property {string} text
 * @property {string} pace
 * @property {string} end
 * @property {number | null} leaves
 * @property {Pieces | null} pieces
 * @property {boolean} [fresh] not drawn yet
 */

/** @typedef {Head & {cells: Cell[][], age?: number}} Sheet */
/** @typedef {{divergence: Array<Array<number | null>>, perplexity: Array<Array<number | null>>, rows: number}} Measured */

/**
 * Tokens with their probabilities under the mix of the column that judges.
 *
 * @typedef {object} Surprise
 * @property {number} key
 * @property {number} judge
 * @property {Array<{r: number, c: number, tokens: Array<[text: string, probability: number | null]>}>} cells
 */

/**
 * What Python says of the lab, unasked or as an answer. `n` counts up by one, `age` never goes back.
 *
 * @typedef {object} LabNews
 * @property {number | null} [re]
 * @property {Refusal} [refused]
 * @property {string} [said]
 * @property {Setup} [setup]
 * @property {Head | null} [sheet]
 * @property {number} [key]
 * @property {number} [n]
 * @property {number} [age]
 * @property {CellNews[]} [cells]
 * @property {Line} [line]
 * @property {string} [note]
 * @property {number} [reference]
 * @property {Measured | null} [measured]
 * @property {Surprise} [surprise]
 * @property {string} [text]
 * @property {FileOfText} [file]
 */

export {};
