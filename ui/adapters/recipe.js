/* What to try at the next training: lines with their numbers and how sure they are, and the settings, to be copied. */

import { copied } from "../page/clipboard.js";
import { el, setText } from "../page/elements.js";
import { textField } from "../page/fields.js";
import { jobs } from "../page/jobs.js";
import { setOptions } from "../page/keyed.js";
import { store } from "../page/store.js";

/** @import { Recipe } from "./messages.js" */

const ABOUT =
  "From what each target adds, from where the faders stand, and from impact and loudness, if they were measured on the " +
  "grid of the tab Mix, and from charts over the master or the rank of a text of your own, in the tab Compare. Energy is " +
  "not importance: impact and ears decide.";
/** How sure a line is, by its word: what is measured and what was heard stand out. */
const FIRM = ["measured here", "set on the desk"];

/** @param {Recipe["lines"][number]} line */
function row(line) {
  const sure = el("span", { class: `badge${FIRM.includes(line.sure) ? " is-loaded" : ""}`, text: line.sure });
  return el(
    "li",
    {},
    el("div", { class: "recipe-line" }, el("b", { text: line.advice }), sure),
    el("div", { class: "recipe-why", text: `${line.why}.` }),
    line.source && el("div", { class: "recipe-why", text: `Source: ${line.source}.` }),
  );
}

export function recipeForm() {
  /** @type {Recipe | null} */
  let recipe = null;
  /**
   * @param {string} name
   * @param {string} id
   * @param {() => void} input
   */
  const menu = (name, id, input) => {
    const select = el("select", { class: "select", id, on: { input } });
    return { select, node: el("label", { class: "field" }, el("span", { class: "field-name", text: name }), select) };
  };
  const adapter = menu("Adapter", "lora-mixer-recipe-adapter", () => {});
  const percent = textField("Energy to hold, in %", {
    id: "lora-mixer-recipe-percent",
    inputmode: "decimal",
    placeholder: "95",
  });
  const go = el("button", {
    type: "button",
    class: "button primary big",
    text: "What to try",
    id: "lora-mixer-recipe-go",
    on: { click: ask },
  });
  const why = el("div", { class: "why-not", role: "alert", hidden: true });
  const lines = el("ul", { class: "recipe-lines", id: "lora-mixer-recipe-lines" });
  const form = menu("As settings of", "lora-mixer-recipe-form", show);
  const copy = el("button", {
    type: "button",
    class: "button",
    text: "Copy",
    id: "lora-mixer-recipe-copy",
    on: { click: toClipboard },
  });
  const said = el("span", { class: "status", role: "status" });
  const text = el("textarea", {
    class: "text-input recipe-text",
    id: "lora-mixer-recipe-text",
    readonly: true,
    spellcheck: "false",
    rows: 12,
    wrap: "off",
    "aria-label": "Settings",
  });
  const found = el(
    "div",
    { class: "recipe-found", hidden: true },
    lines,
    el("div", { class: "fields recipe-form" }, form.node, copy, said),
    text,
  );
  const node = el(
    "div",
    { class: "works" },
    el(
      "div",
      { class: "heading" },
      el("h3", { text: "What to try next time" }),
      el("span", { text: "A recipe for the next training of an adapter, out of this one." }),
    ),
    el(
      "div",
      { class: "panel-card", id: "lora-mixer-recipe" },
      el("div", { class: "fields recipe-form" }, adapter.node, percent.node, go),
      el("p", { class: "hint recipe-about", text: ABOUT }),
      why,
      found,
    ),
  );

  function ask() {
    percent.complain("");
    setText(why, "");
    why.hidden = true;
    go.disabled = true;
    jobs.order({ do: "recipe", adapter: adapter.select.value, percent: percent.input.value.trim() }, (answer) => {
      go.disabled = false;
      const refused = answer.refused;
      if (refused?.at === "percent") percent.complain(refused.why);
      else if (refused) {
        setText(why, refused.why);
        why.hidden = false;
      }
      recipe = answer.recipe ?? null;
      found.hidden = !recipe;
      if (!recipe) return;
      lines.replaceChildren(...recipe.lines.map(row));
      setOptions(
        form.select,
        recipe.forms.map((one) => [one.form, one.title]),
      );
      show();
    });
  }

  function show() {
    text.value = recipe?.forms.find((one) => one.form === form.select.value)?.text ?? "";
    setText(said, "");
  }

  async function toClipboard() {
    const done = await copied(text.value);
    setText(said, done ? "Copied." : "This browser does not let the page copy: take it from the field below.");
    if (!done) text.select();
  }

  return {
    node,
    update() {
      const names = (store.state?.adapters ?? []).map((one) => one.name);
      setOptions(
        adapter.select,
        names.map((name) => [name, name]),
      );
      node.hidden = !names.length;
      if (recipe && !names.includes(recipe.adapter)) {
        recipe = null;
        found.hidden = true;
      }
    },
  };
}
