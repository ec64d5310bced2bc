/* Over which faders, what is to stay, and how: then Start, how far it is, and Stop. */

import { el, setAttribute, setText, showText } from "../page/elements.js";
import { radioChoice, textArea, textField } from "../page/fields.js";
import { foldable } from "../page/foldable.js";
import { jobs } from "../page/jobs.js";
import { keyed } from "../page/keyed.js";
import { jobLine } from "../page/progress.js";
import { store } from "../page/store.js";
import { LEARN, learning } from "./learning.js";

/** @import { Adapter } from "../page/messages.js" */
/** @import { JobStart } from "../page/orders.js" */

/** @typedef {Extract<JobStart, {do: "learn"}>} Wish */
/** @typedef {Wish["over"][number]} Level */

/** @type {Array<[level: Level, text: string, title: string, chosen: boolean]>} */
const LEVELS = [
  ["masters", "Masters", "One number for each adapter", true],
  ["kinds", "Kinds", "One for each kind of target: q_proj, down_proj \u2026", true],
  ["layers", "Layers", "One for each layer", true],
  ["targets", "Single targets", "One for each target: many numbers, and more examples are needed to find them", false],
];
const FEW = "Learning needs at least two examples: one to learn from, and one to see whether it holds for others.";

/**
 * A box to tick.
 *
 * @param {string} text
 * @param {string} value
 * @param {string} [title]
 */
function tick(text, value, title) {
  const input = el("input", { type: "checkbox", class: "tick", value });
  return { input, node: el("label", { class: "choice", title }, input, el("span", { text })) };
}

function levelBoxes() {
  const boxes = LEVELS.map(([level, text, title, chosen]) => {
    const box = tick(text, level, title);
    box.input.checked = chosen;
    return box;
  });
  const legend = el("legend", { class: "field-name", text: "Over" });
  const node = el(
    "fieldset",
    { class: "choices", id: "lora-mixer-learn-over" },
    legend,
    ...boxes.map((one) => one.node),
  );
  return {
    node,
    get chosen() {
      return boxes.filter((one) => one.input.checked).map((one) => /** @type {Level} */ (one.input.value));
    },
    /** @param {boolean} off */
    disable(off) {
      for (const { input } of boxes) input.disabled = off;
    },
  };
}

/**
 * All faders of one adapter, to be ticked.
 *
 * @param {Adapter} adapter
 */
function faderBoxes({ name, kinds, layers }) {
  /** @type {Array<[key: string, text: string]>} */
  const all = [
    ["master", "master"],
    ...kinds.map((kind) => /** @type {[string, string]} */ ([`kind:${kind}`, kind])),
    ...layers.map((layer) => /** @type {[string, string]} */ ([`layer:${layer}`, `layer ${layer}`])),
  ];
  const boxes = all.map(([key, text]) => tick(text, key));
  const legend = el("legend", { class: "field-name", text: name });
  const node = el("fieldset", { class: "choices tick-many" }, legend, ...boxes.map((one) => one.node));
  return {
    node,
    get chosen() {
      return boxes.filter((one) => one.input.checked).map((one) => one.input.value);
    },
  };
}

/** Single faders instead of whole levels. */
function singleFaders() {
  const body = el("div", { class: "tick-adapters" });
  body.addEventListener("change", () => jobs.changed());
  const section = foldable("learn/single", "Only faders that I tick", false, body, () => jobs.changed());
  /** @type {Map<string, ReturnType<typeof faderBoxes>>} */
  const parts = new Map();
  return {
    node: section.node,
    /** @returns {Record<string, string[]>} */
    get chosen() {
      /** @type {Record<string, string[]>} */
      const found = {};
      for (const [name, part] of parts) if (part.chosen.length) found[name] = part.chosen;
      return found;
    },
    update() {
      if (!section.open) return;
      keyed(
        body,
        store.state?.adapters ?? [],
        (adapter) => JSON.stringify([adapter.name, adapter.kinds, adapter.layers]),
        (adapter) => {
          const part = faderBoxes(adapter);
          parts.set(adapter.name, part);
          return part;
        },
        () => {},
        (part) => {
          for (const [name, one] of parts) if (one === part) parts.delete(name);
        },
      );
    },
    /** @param {number} count */
    tell(count) {
      setText(section.digest, count ? `${count} ticked: only these are learned` : "");
    },
  };
}

/** @param {() => Wish["source"]} source what is learned from */
export function wishCard(source) {
  const over = levelBoxes();
  const single = singleFaders();
  const keep = radioChoice("What is to stay as the base model has it", "lora-mixer-learn-keep", [
    ["base", "Its own replies to everyday questions"],
    ["texts", "Texts of my own"],
    ["none", "Nothing"],
  ]);
  const texts = textArea("Texts that are to stay, apart by a line with ---", {
    rows: 3,
    id: "lora-mixer-learn-keep-texts",
    placeholder: "A few sentences that have nothing to do with the examples",
  });
  const pull = radioChoice("Where nothing speaks for it, gains", "lora-mixer-learn-pull", [
    ["loaded", "stay where the faders stand"],
    ["silent", "go to 0: as few targets as possible"],
  ]);
  const steps = textField("Steps for each of these, at most", {
    id: "lora-mixer-learn-steps",
    inputmode: "numeric",
    placeholder: "8",
  });
  const seed = textField("Seed of what is held out", {
    id: "lora-mixer-learn-seed",
    inputmode: "numeric",
    placeholder: "0",
  });
  const more = foldable(
    "learn/more",
    "More",
    false,
    el("div", { class: "fields" }, pull.node, steps.node, seed.node),
    () => {},
  );
  const start = el("button", {
    type: "button",
    class: "button primary big",
    text: "Learn",
    id: "lora-mixer-learn-start",
    on: { click: begin },
  });
  const why = el("div", { class: "why-not", id: "lora-mixer-learn-why", role: "status", hidden: true });
  const line = jobLine();
  const hint = el("p", {
    class: "hint",
    text: "It begins where the faders stand now and moves none of them: what it finds is put on the desk by you. A quarter of the examples is held out. Detail is added only while those gain by it.",
  });
  const node = el(
    "section",
    { class: "panel-card", id: "lora-mixer-learn-wish", "aria-label": "How to learn" },
    over.node,
    single.node,
    keep.node,
    texts.node,
    more.node,
    hint,
    el("div", { class: "column-tools" }, start),
    why,
    line.node,
  );
  keep.onChange(() => jobs.changed());

  function begin() {
    jobs.start(
      {
        do: "learn",
        source: source(),
        over: over.chosen,
        faders: single.chosen,
        keep: /** @type {"base" | "texts" | "none"} */ (keep.value),
        texts: keep.value === "texts" ? texts.input.value : "",
        pull: /** @type {"loaded" | "silent"} */ (pull.value),
        seed: seed.input.value.trim(),
        steps: steps.input.value.trim(),
      },
      LEARN,
    );
  }

  function whyNot() {
    const { state } = store;
    if (!state) return "";
    if (state.trouble) return `${state.trouble.title}: ${state.trouble.advice}`;
    if (!state.adapters.length) return "There is no adapter on the desk.";
    const count = learning.known?.count ?? 0;
    return source() === "replies" && count < 2 ? FEW : "";
  }

  return {
    node,
    update() {
      single.update();
      const ticked = Object.values(single.chosen).reduce((sum, keys) => sum + keys.length, 0);
      single.tell(ticked);
      over.disable(ticked > 0);
      texts.node.hidden = keep.value !== "texts";
      const reason = whyNot();
      showText(why, reason);
      const job = jobs.jobOf(LEARN);
      start.disabled = reason !== "" || jobs.job.running || (!ticked && !over.chosen.length);
      const busy = jobs.job.running && !job.running ? "Something else is being done with the adapters" : "";
      setAttribute(start, "title", busy);
      line.update(job);
    },
  };
}
