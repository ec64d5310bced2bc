/* The desk's own row: bypass, reset all, the faders' range; below it what Python has to say. */

import { deskIcon, el, setText } from "../page/elements.js";
import { numberField } from "../page/number_field.js";
import { writeCount } from "../page/numbers.js";
import { store } from "../page/store.js";
import { wire } from "../page/wire.js";
import { bypassButton } from "./bypass.js";
import { resetWithUndo, undo, undoableText } from "./undo.js";

function rangeFields() {
  const tell = (/** @type {{min?: number, max?: number}} */ change) => {
    const fader = { ...store.range(), ...change };
    if (store.state) store.state.fader = fader;
    wire.command({ do: "range", ...fader });
    store.changed();
  };
  const low = numberField({
    label: "Lowest value of the faders",
    set: (min) => tell({ min }),
    refuse: (v) => (v <= 0 ? "" : "Faders must reach down to 0"),
  });
  const high = numberField({
    label: "Highest value of the faders",
    set: (max) => tell({ max }),
    refuse: (v) => (v >= 1 ? "" : "Faders must reach up to 1"),
  });
  return {
    node: el(
      "div",
      { class: "range", title: "How far the faders reach. Any number can be typed, whatever the range." },
      el("span", { text: "Range" }),
      low.node,
      el("span", { text: "to" }),
      high.node,
    ),
    update() {
      const { min, max } = store.range();
      low.update(min);
      high.update(max);
    },
  };
}

export function topRow() {
  const title = el("span", { class: "title", text: "LoRA Mixer" });
  const model = el("span", { class: "model" });
  const bypass = bypassButton();
  const reset = el("button", {
    type: "button",
    class: "button",
    text: "Reset all",
    title: "Every fader of every adapter back to 1",
    data: { do: "reset-all" },
    on: { click: () => resetWithUndo(null) },
  });
  const limits = rangeFields();
  const said = el("span", {});
  const back = el("button", { type: "button", class: "link", text: "Undo", data: { do: "undo" }, on: { click: undo } });
  const line = el("div", { class: "line", role: "status" }, said, back);
  const controls = el("div", { class: "controls", hidden: true }, limits.node, reset, bypass.node);
  const node = el("div", { class: "topbar" }, el("div", { class: "brand" }, deskIcon(), title, model), controls, line);
  return {
    node,
    update() {
      const { state, panel } = store;
      const known = state?.model;
      setText(model, known ? known.name + (known.parameters ? ` \u00b7 ${writeCount(known.parameters)}` : "") : "");
      model.title = known ? known.name : "";
      controls.hidden = !state?.adapters.length;
      if (!state) return;
      limits.update();
      bypass.update(panel.bypass);
      const notices = state.notices ?? [];
      const lost = wire.lost();
      setText(
        said,
        lost ? "Python does not answer: moves may not be heard." : undoableText() || notices.join(" \u00b7 "),
      );
      line.title = notices.join("\n");
      back.hidden = !undoableText() || lost;
      line.hidden = !state.adapters.length && !said.textContent;
    },
  };
}
