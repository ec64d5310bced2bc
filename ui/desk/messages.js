/*
 * What Python tells of profiles, and of what is worked out of adapters:
 * types alone, held by `tsc` (ui/page/messages.js tells how it travels).
 */

/** @import { JobOrder } from "../page/orders.js" */

/**
 * @typedef {object} Profile
 * @property {string} name
 * @property {string} mark
 * @property {string} note
 * @property {string} model
 * @property {boolean} restore
 * @property {number} saved
 * @property {string} words
 * @property {string[]} adapters
 * @property {string[]} missing
 * @property {string[]} not_fits
 */

/**
 * @typedef {object} Profiles
 * @property {boolean} writes
 * @property {string} why_not
 * @property {Profile[]} profiles
 * @property {Record<string, string>} damaged
 * @property {Array<{name: string, title: string, about: string}>} shapes
 */

/**
 * The norms of what targets add and of the weights it is added to; of DoRA those at several gains.
 *
 * @typedef {object} Loudness
 * @property {Array<number | number[]>} own
 * @property {Array<number | null>} base
 * @property {number[]} gains
 */

/**
 * What the targets of one adapter add, in their order: how many singular values each has, the strongest, all of them
 * beside their strongest (numbers of 32 bits in base64), effective and stable rank; in a line for each share of the
 * energy; and why some have none.
 *
 * @typedef {object} AdapterSpectrum
 * @property {Record<string, string>} lines
 * @property {number[]} counts
 * @property {number[]} strongest
 * @property {string} ratios
 * @property {number[]} effective
 * @property {number[]} stable
 * @property {Array<[why: string, targets: number[]]>} reasons
 */

/**
 * What was worked out of the adapters that are loaded, `loaded` being which those are in Python's count.
 *
 * @template T
 * @typedef {{loaded: number, why: string, adapters: Record<string, T>}} WorkedOut
 */

/**
 * @typedef {object} Impact
 * @property {string} adapter
 * @property {string} what "silenced" or "alone"
 * @property {Record<string, number>} targets
 * @property {Record<string, number>} kinds
 * @property {Record<string, number>} layers
 * @property {number} tokens
 * @property {number} seconds
 * @property {boolean} complete
 * @property {string} why_not_batched
 * @property {Estimated | null} estimated null of what was measured
 * @property {boolean} cut
 * @property {boolean} fresh
 * @property {string} [panel] the page's own: where all faders stood
 */

/**
 * How far off an estimate may be.
 *
 * @typedef {object} Estimated
 * @property {number} probes
 * @property {Record<string, number>} targets the standard error of each, in nats
 * @property {Record<string, string>} why_not what is left out, and why
 */

/** @typedef {Extract<JobOrder, {do: "measured"}>["what"]} ImpactKind */

export {};
