/* What Python tells of learning: types alone, held by `tsc` (ui/page/messages.js tells how it travels). */

/**
 * A mix on the way: nats a token of the replies that are learned from and of those held out, and how far texts that are
 * to stay have moved from the base; null without any.
 *
 * @typedef {object} LearnPoint
 * @property {number} level
 * @property {number} numbers
 * @property {number | null} seen
 * @property {number | null} unseen
 * @property {number | null} changed
 */

/** @typedef {[label: string, before: number, after: number]} MovedFader */

/**
 * What came of learning; gains of the targets of each adapter that moved, in their order.
 *
 * @typedef {object} Found
 * @property {boolean} learned
 * @property {boolean} complete
 * @property {string} headline
 * @property {string[]} lines
 * @property {number | null} before
 * @property {number | null} after
 * @property {number | null} low
 * @property {number | null} high
 * @property {Record<string, {before: number[], after: number[]}>} gains
 * @property {{down: MovedFader[], up: MovedFader[], count: [down: number, up: number]}} moved
 */

/**
 * Learning under way, or the last time; misfit: why its mixes cannot be heard on what is loaded now; base: nats a token
 * of the base model.
 *
 * @typedef {object} Attempt
 * @property {number} key
 * @property {"replies" | "votes"} source
 * @property {number} count
 * @property {boolean} running
 * @property {number} step
 * @property {number} of
 * @property {LearnPoint[]} points
 * @property {number | null} best
 * @property {string} failed
 * @property {string} misfit
 * @property {number | null} base
 * @property {Found | null} found
 */

/** @typedef {{key: number, prompt: string, reply: string, source: string}} LearnExample */

/**
 * @typedef {object} Learning
 * @property {number} rev
 * @property {LearnExample[]} examples the first of them
 * @property {number} count
 * @property {Attempt | null} attempt
 */

/** @typedef {{count: number, needed: number, why: string}} VotesToLearn */

export {};
