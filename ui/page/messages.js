/*
 * What the page and Python tell each other: types alone, held by `tsc` wherever they are used. What the page may order
 * is in `orders.d.ts`, made of Python's own tables.
 *
 * Texts travel in boxes that are in the page but not to be seen (ui/page/wire.py; each is #lora-mixer-PART-NAME):
 *   state                 Python -> page: STATE
 *   panel                 page -> Python: {seq, …DeskOrder}; what is refused the host shows
 *   poll                  page -> Python: {rev: the last one seen or -1, loaded: of the adapters that we have, t},
 *                         answered by a state only if there is a newer one
 *   PART-order            page -> Python: {seq, do, …}, one after the other; each is answered in PART-answer, with
 *                         {re: seq, …}, and with `refused` if it was not followed
 *   PART-news             Python -> page, while something takes its time
 * Parts are works (shelf, profiles, heat maps, baking), lab, votes, twice and report. Boxes of their own:
 *   works-start           begins a job: loading, measuring, baking; one at a time
 *   lab-start, -measure, -draw      begin something that lab-news tells of
 *   lab-tell              has the host say something
 *   lab-use, votes-start, twice-pick        orders like those of PART-order, for which Python needs the whole chat
 */

/** @import { BakePlan, Bakery, Recipe, Shelf } from "../adapters/messages.js" */
/** @import { AdapterSpectrum, Impact, Loudness, Profiles, WorkedOut } from "../desk/messages.js" */
/** @import { Learning, VotesToLearn } from "../learn/messages.js" */
/** @import { DeskOrder } from "./orders.js" */

/** @typedef {{at: string, why: string}} Refusal why an order was not followed, and beside which field that belongs */
/** @typedef {{re?: number | null, refused?: Refusal, said?: string}} Answered what every answer may say */

/**
 * A fader's key is "master", "kind:q_proj", "layer:3" or "target:NAME"; points are [token, gain], tokens ascending.
 *
 * @typedef {Array<[token: number, gain: number]>} FadePoints
 * @typedef {Record<string, FadePoints>} Fades
 */

/**
 * Where the faders of one adapter stand; what is not named stands at 1.
 *
 * @typedef {object} Faders
 * @property {boolean} on
 * @property {number} master
 * @property {Record<string, number>} kinds
 * @property {Record<string, number>} layers
 * @property {Record<string, number>} modules
 * @property {Fades} fades
 * @property {number} [rank] how many components of each target are heard, at most; all where it is missing
 * @property {number} [energy] as many of each target as hold this share of its squared norm
 * @property {Crossfade} [crossfade] what all of these multiply
 */

/**
 * The gain of each target is (1 - t) a + t b.
 *
 * @typedef {object} Crossfade
 * @property {Faders} a
 * @property {Faders} b
 * @property {number | FadePoints} t
 */

/**
 * The one fader between two mixes.
 *
 * @typedef {object} Crossfader
 * @property {CrossfaderSide} a
 * @property {CrossfaderSide} b
 * @property {number} t
 * @property {string} over how it moves over a reply; empty where it stands still
 * @property {boolean} stands whether the desk stands where it was put last
 */

/** @typedef {{source: string, title: string, mix: {adapters: Record<string, Faders>}}} CrossfaderSide */

/**
 * A set of adapters, and per adapter a set of kinds.
 *
 * @typedef {object} Marked
 * @property {string[]} adapters
 * @property {Record<string, string[]>} kinds
 */

/**
 * Where every control of the desk stands, both ways.
 *
 * @typedef {object} Panel
 * @property {{adapters: Record<string, Faders>}} mix
 * @property {Marked} muted
 * @property {Marked} soloed
 * @property {boolean} bypass
 */

/** @typedef {[name: string, layer: number | null, kind: number, rank: number, alpha: number, scaling: number]} Target */

/**
 * @typedef {object} Adapter
 * @property {string} name
 * @property {boolean} [playing] as loaded
 * @property {string} method
 * @property {boolean} rslora
 * @property {number[]} rank
 * @property {number[]} alpha
 * @property {number[]} scaling
 * @property {number} parameters
 * @property {number} share of the model's parameters
 * @property {string} advice
 * @property {string} whyNotRank why all of its components are always heard; empty if some can be left out
 * @property {string[]} kinds
 * @property {number[]} layers
 * @property {Target[]} targets those that a fader moves
 * @property {Array<[name: string, why: string]>} fixed those that none does
 */

/** @typedef {{title: string, advice: string}} Trouble */

/**
 * What can be done about adapters as they are loaded, or about a mix that is not played; of "open up" `name` is the adapter.
 *
 * @typedef {{id: Extract<DeskOrder, {do: "accept offer"}>["id"] | "open up", text: string, label: string, name?: string}} Offer
 */

/** @typedef {{tokens: number, withPrompt: boolean}} ReplyLength */

/**
 * What plays: what it cannot do and what it does in a way of its own, in sentences; empty where there is nothing.
 *
 * @typedef {object} Engine
 * @property {string} name
 * @property {string} standing what became of the mix, where it is sent away to be played
 * @property {{divergence: string, weights: string, impact: string, learn: string, fades: string}} whyNot
 * @property {{live: string, mid_reply: string, rows: string, fades: string, scores: string}} differs
 */

/**
 * @typedef {object} State
 * @property {number} rev
 * @property {number} loaded which adapters these are, in Python's count
 * @property {Trouble | null} trouble
 * @property {{name: string, parameters: number | null}} model
 * @property {Engine | null} engine
 * @property {{min: number, max: number}} fader
 * @property {Offer | null} offer
 * @property {string[]} notices
 * @property {Adapter[]} adapters
 * @property {Panel} panel
 * @property {Crossfader | null} crossfade
 * @property {{name: string, moved: boolean, kept: number}} profile
 * @property {{rev: number, running: boolean, length: ReplyLength | null}} lab
 */

/**
 * A state as it is sent: `adapters` is null where the page has them already, having got them with the same `loaded`.
 *
 * @typedef {Omit<State, "adapters"> & {adapters: Adapter[] | null}} StateNews
 */

/**
 * `key` is where on the page it belongs, `seq` that of the start. Until Python has told of it, it is the page's own,
 * and waiting.
 *
 * @typedef {object} Job
 * @property {string} what "load", "impact", "bake", …; or ""
 * @property {string} key
 * @property {string} text
 * @property {number | null} part how much of it is done, from 0 to 1, where that is known
 * @property {boolean} running
 * @property {boolean} failed
 * @property {number} seq
 * @property {boolean} [waiting]
 * @property {boolean} [busy] something else is being done
 */

/**
 * What Python says of adapters, unasked or as an answer.
 *
 * @typedef {object} JobNews
 * @property {number | null} [re]
 * @property {Job} [job]
 * @property {Refusal} [refused]
 * @property {string} [said]
 * @property {Shelf} [shelf]
 * @property {Profiles} [profiles]
 * @property {WorkedOut<Loudness> | null} [loudness] null while it is being worked out
 * @property {WorkedOut<AdapterSpectrum> | null} [spectra] the same
 * @property {string} [far] how far that is
 * @property {Impact} [impact]
 * @property {Bakery} [bakery]
 * @property {BakePlan} [plan]
 * @property {Recipe} [recipe]
 * @property {string} [exists]
 * @property {{lines: string[], checked: boolean}} [baked]
 * @property {boolean} [columns] checkpoints have become the columns of the lab
 * @property {boolean} [all] a profile fits in all its parts
 * @property {string} [file]
 * @property {string} [text]
 * @property {Learning} [learning]
 * @property {VotesToLearn} [votes]
 * @property {string} [ask] what the columns may be asked
 * @property {Panel} [stood] where the controls stood before this moved them
 */

export {};
