/* Filling the columns from a sweep: one fader over a range, or two of them as a grid. */

import { el, setAttribute, setText } from "../page/elements.js";
import { textField } from "../page/fields.js";
import { keyed } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { lab } from "./lab.js";

/** The button shows and hides the form. */
export function sweepForm() {
  const x = textField("X: a fader and its values", { id: "lora-mixer-sweep-x", placeholder: "master 0 to 2 in 0.25" });
  const y = textField("Y: another one, for a grid (optional)", {
    id: "lora-mixer-sweep-y",
    placeholder: "down_proj 0, 1",
  });
  const chips = el("div", { class: "chips" });
  const fill = el("button", {
    type: "button",
    class: "button primary",
    text: "Fill the columns",
    id: "lora-mixer-fill",
    on: { click: () => go() },
  });
  const said = el("span", { class: "hint", role: "status" });
  const node = el(
    "div",
    { class: "sweep", hidden: true, id: "lora-mixer-sweep" },
    el("p", {
      class: "hint",
      text: "A column for every value: how much of an adapter is too much? All other faders stay where they stand.",
    }),
    el("div", { class: "fields" }, x.node, y.node),
    chips,
    el("div", { class: "column-tools" }, fill, said),
  );
  const show = () => {
    node.hidden = !node.hidden;
    setAttribute(button, "aria-expanded", String(!node.hidden));
    if (!node.hidden) x.input.focus();
  };
  const button = el("button", {
    type: "button",
    class: "button",
    text: "Fill from a sweep",
    "aria-expanded": "false",
    "aria-controls": "lora-mixer-sweep",
    on: { click: show },
  });
  let last = x;

  function go() {
    for (const field of [x, y]) field.complain("");
    setText(said, "");
    fill.disabled = true;
    lab.order({ do: "fill", x: x.input.value, y: y.input.value }, ({ refused, setup }) => {
      if (refused) (refused.at === "y" ? y : x).complain(refused.why);
      else setText(said, `${setup?.columns.length} columns. Press Compare.`);
      fill.disabled = false;
    });
  }
  for (const field of [x, y]) {
    field.input.addEventListener("focus", () => {
      last = field;
    });
    field.input.addEventListener(
      "keydown",
      guard("sweep", (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        go();
      }),
    );
  }
  /** @param {string} text */
  function chip(text) {
    const put = () => {
      last.input.value = text;
      last.complain("");
      last.input.focus();
    };
    return {
      node: el("button", { type: "button", class: "chip", text, title: "Put this into the field", on: { click: put } }),
    };
  }
  return {
    button,
    node,
    update() {
      const examples = lab.setup?.examples ?? [];
      keyed(chips, examples, (text) => text, chip);
      if (examples.length) setAttribute(x.input, "placeholder", examples[0]);
      if (examples.length > 2) setAttribute(y.input, "placeholder", examples[2]);
    },
  };
}
