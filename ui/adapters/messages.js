/*
 * What Python tells of the shelf, of bakes and of recipes:
 * types alone, held by `tsc` (ui/page/messages.js tells how it travels).
 */

/**
 * One adapter, or one run with its checkpoints, on the shelf.
 *
 * @typedef {object} ShelfEntry
 * @property {string} id
 * @property {string} name
 * @property {string} where
 * @property {boolean} run
 * @property {boolean} missing
 * @property {string} error
 * @property {string} fits "" or why it does not
 * @property {string} loaded "" or the name that it has in the model
 * @property {string} whole "whole": it stands in one file with one fader; "open": it was opened up; or ""
 * @property {string} method
 * @property {boolean} rslora
 * @property {number[]} rank
 * @property {number[]} alpha
 * @property {string[]} kinds
 * @property {number} layers
 * @property {number} targets
 * @property {string[]} saved
 * @property {string} base
 * @property {number} size
 * @property {number} parameters
 * @property {string} dtype
 * @property {number} time
 * @property {string[]} problems
 * @property {string} note
 * @property {string[]} collections
 * @property {ShelfEntry[]} entries its checkpoints
 */

/**
 * @typedef {object} Shelf
 * @property {string} digest
 * @property {string} folder
 * @property {string[]} folders
 * @property {ShelfEntry[]} entries
 * @property {string[]} collections
 * @property {string[]} loaded
 * @property {string} empty
 * @property {boolean} writes
 * @property {string} why_not
 * @property {string} notes_why
 */

/**
 * @typedef {object} Bakery
 * @property {string} why_not
 * @property {string[]} adapters
 * @property {string[]} heard
 * @property {boolean} gguf whether it plays on llama.cpp, so that GGUF files are baked
 * @property {boolean} merges whether the model is in reach, so that a whole one can be made of it
 * @property {string[]} folders the adapters that came from PEFT folders
 * @property {string[]} combinations
 * @property {string[]} need_density
 */

/**
 * What a bake will be; ranks: the least, the mean and the most of its targets, and error: what will be left out, against
 * the norm of the whole, where it has fewer components than there are; fades_until: the token of a reply from which on no fader moves, null where none moves at all.
 *
 * @typedef {object} BakePlan
 * @property {string} where
 * @property {boolean} exists
 * @property {number | null} [rank]
 * @property {[least: number, mean: number, most: number]} [ranks]
 * @property {number} [size]
 * @property {number} [size_before]
 * @property {number} [error]
 * @property {number} [silent]
 * @property {number | null} [fades_until]
 */

/**
 * What to try at the next training: in lines, and as the settings of each trainer.
 *
 * @typedef {object} Recipe
 * @property {string} adapter
 * @property {Array<{advice: string, why: string, sure: string, source: string}>} lines
 * @property {Array<{form: string, title: string, text: string}>} forms
 */

export {};
