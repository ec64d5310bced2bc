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

/** @import { DeskOrder, JobOrder, LabOrder, LabStart } from "./orders.js" */

/** @typedef {{at: string, why: string}} Refusal why an order was not followed, and beside which field that belongs */
/** @typedef {{re?: number | null, refused?: Refusal, said?: string}} Answered what every answer may say */

// The desk ------------------------------------------------------------------------------------------------------------

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
 * @property {{divergence: string, weights: string, impact: string, fades: string}} whyNot
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

// Adapters: the shelf, profiles, heat maps, baking --------------------------------------------------------------------

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

/** @typedef {{loaded: number, why: string, adapters: Record<string, AdapterSpectrum>}} Spectra of which adapters */

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

/** @typedef {Extract<JobOrder, {do: "measured"}>["what"]} ImpactKind */

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
 * @property {Record<string, Loudness>} [loudness]
 * @property {Spectra | null} [spectra] null while it is being worked out
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
 */

// The lab -------------------------------------------------------------------------------------------------------------

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

// Votes ---------------------------------------------------------------------------------------------------------------

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

// The chat that answers twice -----------------------------------------------------------------------------------------

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
