/* What is asked, how often and in which manner; Compare, Stop, and the line that says how far it is. */

import { el, setAttribute, setText, showText } from "../page/elements.js";
import { countField, radioChoice, textArea } from "../page/fields.js";
import { clamp } from "../page/numbers.js";
import { progressBar } from "../page/progress.js";
import { store } from "../page/store.js";
import { lab } from "./lab.js";
import { promptsFile } from "./prompts.js";
import { replyLength } from "./reply_length.js";

/** @import { Source } from "./messages.js" */

const MOST_SEEDS = 20;
const [LOWEST, HIGHEST] = [76, 260]; // of the field for texts, in pixels

export function questionForm() {
  const source = radioChoice("Ask", "lora-mixer-source", [
    ["chat", "The chat's last turn, asked again"],
    ["text", "A text of my own"],
    ["many", "Several prompts"],
  ]);
  const manner = radioChoice("Run", "lora-mixer-manner", [
    ["rows", "All in one batch"],
    ["alone", "One after the other"],
  ]);
  const seeds = countField(
    "Seeds",
    "1: the chat's own seed. More: that one and those that follow it, each as a row of its own.",
    {
      max: MOST_SEEDS,
      value: 1,
      id: "lora-mixer-seeds",
    },
  );
  const length = replyLength("lora-mixer-length");
  const text = textArea("Text", { rows: 3, placeholder: "Ask something" });
  text.node.id = "lora-mixer-text";
  const tools = promptsFile({ order: lab.order, field: text, read: () => grow(), id: "lora-mixer-prompts" });

  function grow() {
    text.input.style.height = "auto";
    text.input.style.height = `${clamp(text.input.scrollHeight + 2, LOWEST, HIGHEST)}px`;
  }
  text.input.addEventListener("input", grow);
  function look() {
    const many = source.value === "many";
    text.node.hidden = source.value === "chat";
    tools.hidden = !many;
    setText(text.name, many ? "Prompts" : "Text");
    setAttribute(text.input, "placeholder", many ? "What is the sea?\nHow do I make tea?" : "Ask something");
    text.complain("");
  }
  source.onChange(look);
  look();

  const compare = () => {
    if (lab.line.running) return; // pressed twice before it was drawn
    lab.begins("Waiting for the model \u2026");
    lab.afterOrders(() =>
      lab.send({
        do: "compare",
        source: /** @type {Source} */ (source.value),
        text: text.input.value,
        seeds: Number(seeds.input.value),
        length: length.value,
        batched: manner.value === "rows",
      }),
    );
  };
  const start = el("button", {
    type: "button",
    class: "button primary big",
    text: "Compare",
    id: "lora-mixer-start",
    disabled: true,
    on: { click: compare },
  });
  const stop = el("button", {
    type: "button",
    class: "button big",
    text: "Stop",
    id: "lora-mixer-stop",
    disabled: true,
    on: { click: () => lab.order({ do: "stop" }) },
  });
  const bar = progressBar();
  const status = el("div", { class: "status", role: "status", id: "lora-mixer-status" });
  const cost = el("p", { class: "hint", id: "lora-mixer-cost", hidden: true });
  const why = el("div", { class: "why-not", id: "lora-mixer-why-not", hidden: true });

  return {
    node: el(
      "div",
      { class: "panel-card" },
      el("div", { class: "fields" }, source.node, seeds.node, length.node, manner.node),
      text.node,
      tools,
      length.hint,
      cost,
    ),
    go: el("div", { class: "go" }, el("div", { class: "column-tools" }, start, stop), why, bar.node, status),
    update() {
      const { setup, line } = lab;
      length.update();
      showText(cost, store.state?.engine?.differs.rows ?? "");
      const trouble = setup?.trouble ?? "";
      start.disabled = !setup || line.running || trouble !== "";
      stop.disabled = !line.running;
      showText(why, trouble);
      setText(status, line.text || "");
      bar.node.classList.toggle("is-idle", !line.running); // it keeps its place: nothing moves when it comes and goes
      bar.update(line.part);
    },
  };
}
