/* Measuring impact on a text, and turning what was found into faders. */

import { saidBy } from "../page/channel.js";
import { el, setAttribute, setText } from "../page/elements.js";
import { jobs } from "../page/jobs.js";
import { jobLine } from "../page/progress.js";
import { messageLine } from "../page/said.js";
import { store } from "../page/store.js";
import { moveWithUndo } from "./undo.js";

/** @import { Adapter, JobNews } from "../page/messages.js" */
/** @import { Estimated, Impact, ImpactKind } from "./messages.js" */
/** @import { HeatMap } from "./heat_maps.js" */

/**
 * How far off the numbers of an estimate are, of most targets.
 *
 * @param {Impact} impact
 * @param {Estimated} estimated
 */
function giveOrTake({ targets }, estimated) {
  const shares = Object.entries(estimated.targets)
    .filter(([name]) => targets[name] > 0)
    .map(([name, error]) => error / targets[name])
    .sort((a, b) => a - b);
  return shares.length
    ? `give or take ${Math.round(shares[shares.length >> 1] * 100)} % a target`
    : "all of it nothing";
}

/** @param {Estimated} estimated */
function leftOut({ why_not }) {
  const reasons = Object.values(why_not);
  return reasons.length ? `${reasons.length} targets cannot be estimated, and have to be measured: ${reasons[0]}` : "";
}

/**
 * What was measured, on what, and whether it still holds.
 *
 * @param {Impact} impact
 */
function words(impact) {
  const text = `on ${impact.tokens} tokens${impact.cut ? " (the last ones)" : ""} in ${impact.seconds.toFixed(1)} s`;
  const parts = [
    impact.estimated
      ? `Estimated with ${impact.estimated.probes} probes ${text}, ${giveOrTake(impact, impact.estimated)}`
      : `${impact.complete ? "Measured" : "Stopped: measured in part"} ${text}`,
    "mean divergence of the next word, in nats",
    impact.estimated ? leftOut(impact.estimated) : "",
    impact.why_not_batched ? `one after the other: ${impact.why_not_batched}` : "",
    impact.panel && impact.panel !== JSON.stringify(store.panel) ? "the faders have moved since" : "",
  ];
  return `${parts.filter(Boolean).join(" \u00b7 ")}.`;
}

/**
 * Choose a text, measure, stop; then the buttons that silence what does little.
 *
 * @param {Adapter} adapter
 */
export function impactPanel({ name }) {
  /** @type {ImpactKind} */
  let what = "silenced";
  const key = () => `impact/${what}/${name}`;
  const group = `lora-mixer-impact-${name}`;
  const own = el("input", { type: "radio", class: "radio", name: group, value: "text" });
  const chat = el("input", { type: "radio", class: "radio", name: group, value: "chat", checked: true });
  const text = el("textarea", {
    class: "text-input",
    rows: 2,
    hidden: true,
    "aria-label": `Text to measure ${name} on`,
    placeholder: "A text that the adapter should make likely",
  });
  for (const input of [own, chat]) {
    input.addEventListener("change", () => {
      text.hidden = !own.checked;
    });
  }
  /** @param {"estimate" | "impact"} job */
  const begin = (job) => {
    said.say("");
    jobs.start({ do: job, adapter: name, what, source: own.checked ? "text" : "chat", text: text.value }, key());
  };
  const guess = el("button", {
    type: "button",
    class: "button primary",
    text: "Estimate",
    data: { do: "estimate" },
    on: { click: () => begin("estimate") },
  });
  const start = el("button", {
    type: "button",
    class: "button",
    text: "Measure",
    data: { do: "measure" },
    on: { click: () => begin("impact") },
  });
  const line = jobLine();
  const found = el("div", { class: "hint", role: "status", data: { part: "measured" } });
  const number = (/** @type {string} */ value, /** @type {string} */ inputmode, /** @type {string} */ label) =>
    el("input", { type: "text", class: "number-input", inputmode, value, "aria-label": label });
  const share = number("1", "decimal", "Share of all impact that may be silenced, in percent");
  const count = number("10", "numeric", "How many targets to keep");
  const said = messageLine();

  const say = (/** @type {JobNews} */ answer) => said.say(saidBy(answer), !answer.refused);
  /**
   * @param {{do: "silence idle", percent: string} | {do: "keep top", count: string}} message
   * @param {string} done
   */
  const turn = (message, done) => moveWithUndo({ ...message, adapter: name, what }, done, say);
  const silence = el("button", {
    type: "button",
    class: "button",
    text: "Silence what does nothing",
    data: { do: "silence-idle" },
    title: "From the least on, as long as all of them together make up no more than this share of the impact",
    on: { click: () => turn({ do: "silence idle", percent: share.value }, "Targets that do little are silent.") },
  });
  const keep = el("button", {
    type: "button",
    class: "button",
    text: "Keep the ones that matter",
    data: { do: "keep-top" },
    title: "So many targets of greatest impact stay; all others fall silent",
    on: { click: () => turn({ do: "keep top", count: count.value }, "Only the targets that matter most are left.") },
  });
  // Each button and its number keep together, wherever the line ends.
  const turns = el(
    "div",
    { class: "column-tools impact-turns" },
    el(
      "span",
      { class: "impact-turn" },
      silence,
      el("label", { class: "inline" }, share, el("span", { text: "% of the impact" })),
    ),
    el(
      "span",
      { class: "impact-turn" },
      keep,
      el("label", { class: "inline" }, el("span", { text: "the" }), count, el("span", { text: "of greatest impact" })),
    ),
  );
  const source = el(
    "fieldset",
    { class: "choices" },
    el("legend", { class: "field-name", text: "Measure on" }),
    el("label", { class: "choice" }, chat, el("span", { text: "The chat\u2019s last reply" })),
    el("label", { class: "choice" }, own, el("span", { text: "A text of my own" })),
  );
  const node = el(
    "div",
    { class: "impact", data: { part: "impact" } },
    el("div", { class: "column-tools" }, source, guess, start),
    text,
    line.node,
    found,
    turns,
    said.node,
  );

  return {
    node,
    /**
     * @param {ImpactKind} mode
     * @param {HeatMap} map
     */
    update(mode, map) {
      what = mode;
      const job = jobs.jobOf(key());
      line.update(job);
      const lacks = store.state?.engine?.whyNot.impact ?? "";
      start.disabled = guess.disabled = jobs.job.running || lacks !== "";
      const busy = "Something else is being done with the adapters";
      setAttribute(guess, "title", job.busy ? busy : "A few passes, however many targets there are, with its error");
      setAttribute(
        start,
        "title",
        job.busy ? busy : "Every target by itself; those first that were estimated to do most",
      );
      const impact = map.ready ? map.found : null;
      setText(start, impact?.estimated ? "Make it exact" : "Measure");
      turns.hidden = !impact;
      setText(found, impact ? words(impact) : lacks || (job.running || job.text ? "" : "Not measured yet."));
    },
  };
}
