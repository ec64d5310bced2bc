/* Baking: the mix on the desk, or a profile, becomes a new adapter, one out of several, or a whole model. */

import { learning } from "../learn/learning.js";
import { el, setAttribute, setText, showText } from "../page/elements.js";
import { textField } from "../page/fields.js";
import { jobs } from "../page/jobs.js";
import { keyed, setOptions } from "../page/keyed.js";
import { guard, onStop } from "../page/lifetime.js";
import { writeBytes } from "../page/numbers.js";
import { jobLine } from "../page/progress.js";
import { askingButton } from "../page/said.js";
import { saved } from "../page/saved_profiles.js";
import { store } from "../page/store.js";

/** @import { BakePlan, Bakery } from "./messages.js" */
/** @typedef {"" | "rank" | "energy"} Keep which components are kept: those that are heard, so many, or those of a share */

const KEY = "bake";
const PLAN_MS = 350;
const LEARNED = "/learned"; // among the mixes: no profile can have that name
/** @type {Record<string, [name: string, about: string]>} */
const WAYS = {
  folded: [
    "Folded: gains in the weights",
    "Every target\u2019s gain goes into its weights; alpha = rank for all. PEFT, vLLM, llama.cpp and others read it.",
  ],
  patterned: [
    "Patterned: gains in alpha",
    "The weights stay as they are, alpha and alpha_pattern hold the gains. For PEFT; most other runtimes ignore alpha_pattern.",
  ],
  concatenated: [
    "Concatenated: exact, the ranks add up",
    "The adapters\u2019 matrices side by side, each scaled by its gain. It says exactly what they say together.",
  ],
  gguf: [
    "GGUF, float32: one file for llama.cpp",
    "Every target\u2019s gain goes into one GGUF adapter, and several adapters into one exactly. llama.cpp, LM Studio, Ollama and others read it.",
  ],
  "gguf-half": [
    "GGUF, float16: half the size",
    "The same in 16 bits: three digits of every number stay, as in most GGUF files.",
  ],
  merged: [
    "Merged into the base: a whole model",
    "Adapters and base become one model that needs no PEFT. As large as the base.",
  ],
};
const COMBINED =
  "PEFT\u2019s combination of that name, on weights scaled target by target. It comes near, at a rank of your choice, and is not exact.";
/** @type {Array<[keep: Keep, text: string]>} */
const KEEPS = [
  ["", "All that are heard now"],
  ["rank", "At most so many a target"],
  ["energy", "What holds a share of energy"],
];
/** @type {Array<[value: string, text: string]>} */
const RANKS = [
  ["own", "Each target its own rank"],
  ["one", "One rank for all, padded"],
];
const SVD = "The nearest adapter of that rank to the exact sum.";

/**
 * The ways to bake so many adapters.
 *
 * @param {boolean} several
 * @param {string[]} combinations of PEFT's
 * @param {{ gguf: boolean, merges: boolean, folders: boolean }} here whether it is for llama.cpp, whether the model is
 *   in reach, and whether all came from PEFT folders
 * @returns {Array<[way: string, text: string]>}
 */
function waysFor(several, combinations, here) {
  const folders = !here.folders ? [] : several ? ["concatenated"] : ["folded", "patterned"];
  const ways = [...(here.gguf ? ["gguf", "gguf-half"] : []), ...folders, ...(here.merges ? ["merged"] : [])];
  const combined = several && here.folders ? combinations : [];
  return [
    ...ways.map((way) => /** @type {[string, string]} */ ([way, WAYS[way][0]])),
    ...combined.map((way) => /** @type {[string, string]} */ ([way, `Combined: ${way}`])),
  ];
}

/** @param {BakePlan} plan */
function rankOf({ rank, ranks }) {
  if (!ranks || ranks[0] === ranks[2]) return `${rank}`;
  return `${ranks[0]} to ${ranks[2]}, ${ranks[1].toFixed(1)} a target`;
}

/**
 * What becomes of an adapter of which components are left out.
 *
 * @param {BakePlan} plan
 */
function fewer({ size, size_before: before, error }) {
  if (size === undefined || before === undefined || error === undefined) return "";
  return ` ${writeBytes(size)} instead of ${writeBytes(before)}; left out is ${error.toPrecision(3)} of the norm of what it adds.`;
}

/** A box to tick for each adapter; what is heard is ticked, until a person ticks otherwise. */
function adapterBoxes() {
  const list = el("span", { class: "choice-list" });
  const node = el(
    "fieldset",
    { class: "choices", id: "lora-mixer-bake-adapters" },
    el("legend", { class: "field-name", text: "Adapters" }),
    list,
  );
  return {
    node,
    get chosen() {
      return [...list.querySelectorAll("input")].filter((input) => input.checked).map((input) => input.value);
    },
    /**
     * @param {string[]} all
     * @param {string[]} heard
     * @param {() => void} changed
     */
    show(all, heard, changed) {
      keyed(
        list,
        all,
        (name) => name,
        (name) => {
          const touch = () => {
            box.touched = true;
            changed();
          };
          const input = el("input", { type: "checkbox", class: "tick", value: name, on: { change: touch } });
          const box = {
            input,
            touched: false,
            node: el("label", { class: "choice" }, input, el("span", { text: name })),
          };
          return box;
        },
        ({ input, touched }, name) => {
          if (touched || input.checked === heard.includes(name)) return;
          input.checked = heard.includes(name);
          changed();
        },
      );
    },
  };
}

export function bakeForm() {
  /** @type {Bakery | null} */
  let bakery = null;
  let visible = false;
  let asked = "";
  /** @type {BakePlan | null} */
  let plan = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let rev = -1;
  /** @type {number | null} from which token on no fader moves any more, where some fade over a reply */
  let fadesUntil = null;
  onStop(() => clearTimeout(timer));

  /** Something else is wished, or the same once more: what was planned does not hold, and is asked again. */
  const forget = () => {
    plan = null;
    asked = "";
    jobs.changed();
  };
  /**
   * @param {string} name
   * @param {string} id
   */
  const menu = (name, id) => {
    const select = el("select", { class: "select", id, on: { input: forget } });
    return { select, node: el("label", { class: "field" }, el("span", { class: "field-name", text: name }), select) };
  };
  const mix = menu("Mix", "lora-mixer-bake-mix");
  const way = menu("Way", "lora-mixer-bake-way");
  const adapters = adapterBoxes();
  const about = el("p", { class: "hint" });
  const rank = textField("Rank", { id: "lora-mixer-bake-rank", inputmode: "numeric", placeholder: "the largest" });
  const keep = menu("Components", "lora-mixer-bake-keep");
  const part = textField("Rank", { id: "lora-mixer-bake-part", inputmode: "decimal" });
  const ranks = menu("Ranks", "lora-mixer-bake-ranks");
  keep.select.title =
    "The strongest components of what each target adds; the others are left out, and the file is smaller";
  ranks.select.title =
    "Its own: in rank_pattern, the smallest file. One for all: smaller ranks are padded with zeros, as vLLM before 0.32 needs it";
  setOptions(keep.select, KEEPS);
  setOptions(ranks.select, RANKS);
  const density = textField("Part of the numbers to keep", {
    id: "lora-mixer-bake-density",
    inputmode: "decimal",
    placeholder: "0.5",
  });
  const token = textField("Gains as at token", {
    id: "lora-mixer-bake-token",
    inputmode: "numeric",
    placeholder: "0 is the first",
  });
  const name = textField("Name", { id: "lora-mixer-bake-name", maxlength: 120, placeholder: "pirate-softer" });
  for (const field of [token, rank, density, part, name])
    field.input.addEventListener("input", guard("planning", forget));
  const where = el("div", { class: "bake-where", id: "lora-mixer-bake-plan", role: "status" });
  const go = el("button", {
    type: "button",
    class: "button primary big",
    text: "Bake",
    id: "lora-mixer-bake-go",
    on: { click: () => bake(false) },
  });
  const over = askingButton("Overwrite it\u2026", "Yes, overwrite it", { do: "overwrite" }, () => bake(true));
  const why = el("div", { class: "why-not", hidden: true, id: "lora-mixer-bake-why" });
  const job = jobLine();
  const result = el("ul", { class: "bake-result", id: "lora-mixer-bake-result", role: "status", hidden: true });
  const form = el(
    "div",
    { class: "bake-form" },
    el("div", { class: "fields" }, mix.node, token.node, adapters.node),
    el("div", { class: "fields" }, way.node, rank.node, density.node),
    about,
    el("div", { class: "fields" }, keep.node, part.node, ranks.node),
    el("div", { class: "fields" }, name.node),
    where,
    el("div", { class: "column-tools" }, go, over.node),
  );
  const node = el(
    "div",
    { class: "works" },
    el(
      "div",
      { class: "heading" },
      el("h3", { text: "Bake" }),
      el("span", { text: "A mix becomes an adapter of its own, which needs no desk any more." }),
    ),
    el("div", { class: "panel-card", id: "lora-mixer-bake" }, why, form, job.node, result),
  );

  const wish = () => ({
    profile: mix.select.value === LEARNED ? "" : mix.select.value,
    learned: mix.select.value === LEARNED,
    names: adapters.chosen,
    token: token.node.hidden ? "" : token.input.value.trim(),
    way: way.select.value,
    name: name.input.value,
    rank: rank.node.hidden ? "" : rank.input.value.trim(),
    density: density.node.hidden ? "" : density.input.value.trim().replace(",", "."),
    keep: keep.node.hidden ? "" : /** @type {Keep} */ (keep.select.value),
    part: part.node.hidden ? "" : part.input.value.trim().replace("%", "").replace(",", "."),
    one_rank: !ranks.node.hidden && ranks.select.value === "one",
  });
  const look = () => jobs.order({ do: "bakery" });

  jobs.onNews((news) => {
    if (news.bakery) {
      bakery = news.bakery;
      asked = "";
    }
    if (news.exists && news.job?.key === KEY) {
      plan = { where: "", ...plan, exists: true };
      name.complain(news.exists);
    }
    if (news.baked) {
      asked = "";
      result.replaceChildren(...news.baked.lines.map((line) => el("li", { text: line })));
      result.hidden = false;
      result.classList.toggle("is-wrong", !news.baked.checked);
    }
  });

  /** @param {boolean} overwrite */
  function bake(overwrite) {
    name.complain("");
    token.complain("");
    part.complain("");
    result.hidden = true;
    if (!name.input.value.trim()) {
      name.complain("It needs a name.");
      name.input.focus();
      return;
    }
    if (!part.node.hidden && !wish().part) {
      part.complain(keep.select.value === "rank" ? "Say how many components." : "Say which share, in percent.");
      part.input.focus();
      return;
    }
    if (fadesUntil !== null && !wish().token) {
      token.complain("Choose a token: the gains of its moment are kept.");
      token.input.focus();
      return;
    }
    jobs.start({ ...wish(), do: "bake", overwrite }, KEY);
  }

  /** What would come of it? Asked when the wish has stood still for a moment. */
  function ask() {
    clearTimeout(timer);
    timer = setTimeout(guard("planning", askNow), PLAN_MS);
  }
  function askNow() {
    const said = wish();
    const key = JSON.stringify([said, store.rev]);
    if (!part.node.hidden && !said.part) return;
    if (key === asked || !said.name.trim() || !said.names.length || !visible) return;
    asked = key;
    jobs.order({ do: "plan", ...said }, (answer) => {
      plan = answer.plan ?? null;
      if (plan) fadesUntil = plan.fades_until ?? null;
      const { at = "", why: bad = "" } = answer.refused ?? {};
      const fields = { token, rank, density, part, name };
      for (const [own, field] of Object.entries(fields))
        field.complain(own === (at in fields ? at : "name") ? bad : "");
    });
  }

  function says() {
    if (!adapters.chosen.length) return "Choose at least one adapter.";
    if (!plan?.where) return "";
    if (fadesUntil !== null && !token.input.value.trim())
      return `These faders fade over a reply, and what is on disk cannot: choose the token whose gains it keeps. From token ${fadesUntil} on they stand still.`;
    const kind = way.select.value === "merged" ? "A model" : `An adapter of rank ${rankOf(plan)}`;
    const silent = plan.silent ? `, ${plan.silent} targets of it silent` : "";
    return `${kind}${silent}, in ${plan.where}${plan.exists ? ", where something is already" : ""}.${fewer(plan)}`;
  }

  return {
    node,
    /** @param {boolean} now */
    shown(now) {
      if (now && !visible) look();
      visible = now;
      jobs.changed();
    },
    update() {
      job.update(jobs.jobOf(KEY));
      if (!bakery) {
        form.hidden = true;
        return;
      }
      if (visible && store.rev !== rev) {
        rev = store.rev;
        look();
      }
      showText(why, bakery.why_not);
      form.hidden = Boolean(bakery.why_not);
      if (bakery.why_not) return;
      const learned = learning.attempt?.found?.learned && !learning.attempt.misfit;
      setOptions(mix.select, [
        ["", "The faders as they stand"],
        ...(learned ? [/** @type {[string, string]} */ ([LEARNED, "The mix that was learned"])] : []),
        ...saved.choices(),
      ]);
      if (learned && learning.toBake) {
        learning.toBake = false;
        mix.select.value = LEARNED;
        forget();
      }
      adapters.show(bakery.adapters, bakery.heard, forget);
      const several = adapters.chosen.length > 1;
      setOptions(
        way.select,
        waysFor(several, bakery.combinations, {
          gguf: bakery.gguf,
          merges: bakery.merges,
          folders: adapters.chosen.every((one) => bakery?.folders.includes(one)),
        }),
      );
      const chosen = way.select.value;
      setText(about, WAYS[chosen]?.[1] ?? (chosen === "svd" ? SVD : COMBINED));
      rank.node.hidden = !several || !chosen.endsWith("svd");
      const gguf = ["gguf", "gguf-half"].includes(chosen);
      const whole = !gguf && !["folded", "concatenated"].includes(chosen);
      keep.node.hidden = whole;
      part.node.hidden = whole || keep.select.value === "";
      setText(part.name, keep.select.value === "rank" ? "Rank" : "Percent of the energy");
      setAttribute(part.input, "placeholder", keep.select.value === "rank" ? "8" : "95");
      // Of what is heard now, too, if it is a part.
      ranks.node.hidden = whole || gguf || (keep.select.value === "" && !plan?.ranks);
      density.node.hidden = !several || !bakery.need_density.includes(chosen);
      token.node.hidden = fadesUntil === null;
      setText(where, says());
      const exists = Boolean(plan?.exists);
      over.node.hidden = !exists;
      go.hidden = exists;
      const busy = jobs.job.running;
      go.disabled = over.button.disabled = busy || !adapters.chosen.length;
      setAttribute(go, "title", busy ? "Something else is being done with the adapters" : "");
      ask();
    },
  };
}
