/*
 * What the page may order of Python: made of Python's own tables (ui/page/order_types.py). `python3 run.py page` writes
 * it anew.
 */

import type { Panel } from "./messages.js";

export type DeskOrder =
  | { do: "panel"; panel: Panel; t?: number | null }
  | { do: "range"; min: number; max: number }
  | { do: "accept offer"; id: "separate" | "blend" | "strongest" };

export type JobOrder =
  | { do: "job"; of?: number }
  | { do: "stop" }
  | { do: "shelf"; known?: string }
  | { do: "note"; name: string; note: string; collections: Array<string> }
  | { do: "bakery" }
  | { do: "plan"; profile: string; names: Array<string>; way: string; name: string; rank?: string | number | null; density?: string | number | null; token?: string | number | null; keep?: "" | "rank" | "energy"; part?: string | number | null; one_rank?: boolean }
  | { do: "recipe"; adapter: string; percent?: string | number | null }
  | { do: "loudness" }
  | { do: "spectra" }
  | { do: "profiles" }
  | { do: "save"; name: string; note?: string; restore?: boolean; overwrite?: boolean; seen?: string | null }
  | { do: "put"; name: string; names?: Record<string, string> | null }
  | { do: "rename"; name: string; new: string }
  | { do: "change"; name: string; restore?: boolean | null; note?: string | null }
  | { do: "delete"; name: string; seen?: string | null }
  | { do: "export"; name: string }
  | { do: "import"; text: string; file?: string }
  | { do: "shape"; adapter: string; shape: string }
  | { do: "crossfade"; a?: string | null; b?: string | null }
  | { do: "crossfade over"; points: string }
  | { do: "measured"; adapter: string; what: "silenced" | "alone" }
  | { do: "silence idle"; adapter: string; what: "silenced" | "alone"; percent: string | number | null }
  | { do: "keep top"; adapter: string; what: "silenced" | "alone"; count: string | number | null };

export type JobStart =
  | { do: "load"; names: Array<string>; keep: boolean; gain?: number }
  | { do: "unload"; names: Array<string> | null }
  | { do: "open up"; name: string }
  | { do: "close up"; name: string }
  | { do: "checkpoints"; name: string; gain?: number }
  | { do: "bake"; profile: string; names: Array<string>; way: string; name: string; rank?: string | number | null; density?: string | number | null; token?: string | number | null; keep?: "" | "rank" | "energy"; part?: string | number | null; one_rank?: boolean; overwrite?: boolean }
  | { do: "estimate"; adapter: string; what: "silenced" | "alone"; source: "chat" | "text"; text?: string }
  | { do: "impact"; adapter: string; what: "silenced" | "alone"; source: "chat" | "text"; text?: string };

export type LabOrder =
  | { do: "look" }
  | { do: "nothing" }
  | { do: "rename"; key: number; name: string }
  | { do: "play"; key: number; plays: "faders" | "as loaded" | "base" | "kept" }
  | { do: "keep"; key: number }
  | { do: "profile"; key: number; name: string }
  | { do: "move"; key: number; by: number }
  | { do: "add" }
  | { do: "remove"; key: number }
  | { do: "start over" }
  | { do: "fill"; x: string; y?: string }
  | { do: "collect"; column: number }
  | { do: "reference"; column: number }
  | { do: "surprise"; column: number }
  | { do: "put on the desk"; column: number }
  | { do: "prompts"; name: string; data: string }
  | { do: "save"; form: "html" | "csv" | "jsonl" }
  | { do: "read"; name: string; data: string }
  | { do: "stop" };

export type LabUse =
  | { do: "use"; column: number };

export type LabStart =
  | { do: "compare"; source: "chat" | "text" | "many"; text?: string; seeds: string | number | null; length?: string | number | null; batched: boolean }
  | { do: "measure" };

export type LabDraw =
  | { do: "draw"; chart: "sweep" | "text"; text?: string; axis?: string };

export type LabTell =
  | { do: "tell"; text: string; good?: boolean };

export type VotesOrder =
  | { do: "look"; all?: boolean }
  | { do: "vote"; number: number; verdict: "left" | "right" | "tie" | "bad" }
  | { do: "reveal" }
  | { do: "stop" }
  | { do: "more"; most: string | number | null }
  | { do: "end" }
  | { do: "open"; id: number }
  | { do: "save"; id: number; form: "html" | "csv" | "jsonl" }
  | { do: "columns"; id: number }
  | { do: "delete"; id: number }
  | { do: "standing"; model?: boolean; chosen?: Array<string> | null }
  | { do: "prompts"; name: string; data: string }
  | { do: "put"; mix: unknown; label?: string };

export type VotesStart =
  | { do: "start"; source?: "chat" | "text" | "many"; text: string; seeds: string | number | null; length?: string | number | null; most: string | number | null }
  | { do: "resume"; id: number; most: string | number | null; missing?: boolean };

export type TwiceOrder =
  | { do: "look" }
  | { do: "switch"; on: boolean }
  | { do: "choose"; one: string; other: string; blind: boolean };

export type TwicePick =
  | { do: "pick"; number: number; side: "left" | "right" };

export type ReportOrder =
  | { do: "look" };
