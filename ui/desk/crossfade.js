/* The crossfade: one fader between two mixes, on the desk with what it is between, and a small one beside the chat. */

import { el, setAttribute, setText, showText } from "../page/elements.js";
import { textField } from "../page/fields.js";
import { foldable } from "../page/foldable.js";
import { isShortcut } from "../page/gestures.js";
import { jobs } from "../page/jobs.js";
import { setOptions } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { numberField } from "../page/number_field.js";
import { clamp, writeGain } from "../page/numbers.js";
import { copyPanel } from "../page/panel.js";
import { messageLine } from "../page/said.js";
import { saved } from "../page/saved_profiles.js";
import { store } from "../page/store.js";
import { wire } from "../page/wire.js";
import { moveWithUndo, offerUndo } from "./undo.js";

/** @import { Crossfader, Panel } from "../page/messages.js" */

const STEP = 0.01;
const CHOSEN = "chosen"; // among the choices: what it is now
const LET_GO = ["pointerup", "pointercancel"];
/** @type {Array<[source: string, text: string]>} */
const SOURCES = [
  ["as loaded", "As loaded"],
  ["base", "The base model"],
  ["faders", "The faders as they stand"],
];

/** Where it stands: where this page has moved it, or as Python told last. */
const standing = () => store.crossfaded ?? store.state?.crossfade?.t ?? 0;
const isThere = () => store.crossfaded !== null || Boolean(store.state?.crossfade?.stands);

/**
 * The fader itself, with its number. A move of it, however long, is undone in one step.
 *
 * @param {string} label
 */
function slider(label) {
  /** @type {Panel | null} */
  let before = null; // where the controls stood when the move began
  let pressed = false;
  const range = el("input", { type: "range", class: "slide", min: "0", max: "1", step: "any", "aria-label": label });
  const track = el("span", { class: "track" }, range);
  const field = numberField({
    label: `${label}, number`,
    step: false,
    set: (t) => {
      move(t);
      before = null;
    },
    refuse: (t) => (t >= 0 && t <= 1 ? "" : "It stands from 0 to 1"),
  });

  /** @param {number} t */
  function move(t) {
    before ??= copyPanel(store.panel);
    store.crossfade(t);
    offerUndo(`The crossfade stands at ${writeGain(t)}.`, before);
    draw();
  }
  function draw() {
    const t = standing();
    if (Number(range.value) !== t) range.value = String(t);
    track.style.setProperty("--at", t.toFixed(4));
    track.style.setProperty("--one", "1");
    setAttribute(range, "aria-valuetext", writeGain(t));
    field.update(t);
  }

  range.addEventListener(
    "input",
    guard("crossfade", () => move(Math.round(Number(range.value) * 1000) / 1000)),
  );
  range.addEventListener(
    "keydown",
    guard("crossfade", (/** @type {KeyboardEvent} */ event) => {
      if (isShortcut(event)) return;
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
      const end = { Home: 0, End: 1 }[event.key];
      if (by === undefined && end === undefined) return;
      event.preventDefault();
      move(end ?? clamp(Math.round((standing() + (by ?? 0) * STEP) * 1000) / 1000, 0, 1));
    }),
  );
  const drop = () => {
    before = null;
    if (!pressed) return;
    pressed = false;
    for (const type of LET_GO) window.removeEventListener(type, drop, true);
    store.release();
  };
  range.addEventListener(
    "pointerdown",
    guard("crossfade", () => {
      if (pressed) return;
      drop();
      pressed = true;
      store.grab();
      for (const type of LET_GO) window.addEventListener(type, drop, true);
    }),
  );
  range.addEventListener("blur", drop);

  return {
    track,
    field: field.node,
    update() {
      const there = Boolean(store.state?.crossfade);
      range.disabled = field.input.disabled = !there;
      draw();
    },
  };
}

/**
 * Where it stands, in words.
 *
 * @param {Crossfader} now
 */
const nowAt = (now) =>
  store.crossfaded === null && now.over ? `over the reply: ${now.over}` : `at ${writeGain(standing())}`;

/** @param {string} name */
const endOf = (name) => el("span", { class: "crossfade-end", data: { end: name } });

/** The small one beside the chat, where two mixes have been chosen. */
export function smallCrossfade() {
  const fader = slider("Crossfade, beside the chat");
  const [a, b] = [endOf("a"), endOf("b")];
  const node = el(
    "div",
    { class: "crossfade is-small", hidden: true },
    el("div", { class: "crossfade-ends" }, a, b),
    el("div", { class: "fader" }, fader.track, fader.field),
  );
  return {
    node,
    update() {
      const now = store.state?.crossfade;
      node.hidden = !now;
      if (!now) return;
      name(a, now.a.title);
      name(b, now.b.title);
      node.classList.toggle("is-away", !isThere());
      fader.update();
    },
  };
}

/**
 * @param {HTMLElement} node
 * @param {string} text
 */
function name(node, text) {
  setText(node, text);
  setAttribute(node, "title", text);
}

/**
 * What it is at one end.
 *
 * @param {"a" | "b"} end
 * @param {(text: string, good: boolean) => void} tell
 */
function endMenu(end, tell) {
  const label = end === "a" ? "Crossfade from" : "Crossfade to";
  const menu = el("select", { class: "select", "aria-label": label, id: `lora-mixer-crossfade-${end}` });
  const now = () => store.state?.crossfade?.[end];
  menu.addEventListener(
    "change",
    guard("crossfade", () => {
      if (menu.value === CHOSEN) return;
      jobs.order({ do: "crossfade", [end]: menu.value }, (answer) => {
        tell(answer.refused?.why ?? "", !answer.refused);
        wire.poll(true);
      });
      menu.blur();
    }),
  );
  return {
    menu,
    /** @param {Array<[source: string, text: string]>} columns */
    update(columns) {
      const { source, title } = now() ?? { source: end === "a" ? "as loaded" : "base", title: "" };
      // What the faders or a column were when they were chosen: they may be something else by now.
      const was = source === "faders" || source.startsWith("column:");
      const choices = [...SOURCES, ...columns, ...saved.choices("profile:")];
      const listed = !was && choices.some(([value]) => value === source);
      setOptions(menu, listed ? choices : [[CHOSEN, title], ...choices]);
      menu.value = listed ? source : CHOSEN;
    },
  };
}

/**
 * Has it move over a reply.
 *
 * @param {(text: string, good: boolean) => void} tell
 */
function overReply(tell) {
  const field = textField("Over the reply (optional)", {
    id: "lora-mixer-crossfade-over",
    maxlength: 900,
    placeholder: "0 at 0, 1 at 40",
  });
  const go = () => {
    moveWithUndo(
      { do: "crossfade over", points: field.input.value },
      "The crossfade moves over the reply.",
      (answer) => {
        field.complain(answer.refused?.why);
        tell(answer.said ?? "", !answer.refused);
        told = null; // as Python writes it
      },
    );
  };
  const button = el("button", {
    type: "button",
    class: "button",
    text: "Set",
    "aria-label": "Set how the crossfade moves over the reply",
    data: { do: "crossfade-over" },
    on: { click: go },
  });
  field.input.addEventListener(
    "keydown",
    guard("crossfade", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") go();
    }),
  );
  /** @type {string | null} */
  let told = null;
  const lacks = el("p", { class: "hint", hidden: true });
  return {
    node: el("div", { class: "crossfade-over" }, field.node, button, lacks),
    update() {
      const now = store.crossfaded === null ? store.state?.crossfade : null;
      const why = store.state?.engine?.whyNot.fades ?? "";
      showText(lacks, why);
      button.disabled = field.input.disabled = !store.state?.crossfade || why !== "";
      if (!now || now.over === told || document.activeElement === field.input) return;
      told = now.over;
      field.input.value = told;
    },
  };
}

/**
 * The crossfade on the desk.
 *
 * @param {() => Array<[source: string, text: string]>} columns the columns whose mixes it can be between
 */
export function crossfadeSection(columns) {
  const fader = slider("Crossfade");
  const said = messageLine("lora-mixer-crossfade-said");
  const hint = el("span", { class: "hint", role: "status" });
  const [a, b] = [endMenu("a", said.say), endMenu("b", said.say)];
  const over = overReply(said.say);
  const body = el(
    "div",
    { class: "crossfade" },
    el("div", { class: "crossfade-line" }, a.menu, el("div", { class: "fader" }, fader.track, fader.field), b.menu),
    hint,
    over.node,
    said.node,
  );
  const begin = () => {
    if (!store.state?.crossfade) jobs.order({ do: "crossfade" }, () => wire.poll(true));
    store.changed();
  };
  const section = foldable("crossfade", "Crossfade", false, body, begin);
  section.node.classList.add("lora-mixer-crossfade-section");
  return {
    node: section.node,
    update() {
      const { state } = store;
      section.node.hidden = !state?.adapters.length;
      const now = state?.crossfade;
      setText(section.digest, now && isThere() ? `${now.a.title} \u2013 ${now.b.title} ${nowAt(now)}` : "");
      if (!state || !section.open) return;
      const choices = columns();
      a.update(choices);
      b.update(choices);
      fader.update();
      over.update();
      body.classList.toggle("is-away", !isThere());
      setText(
        hint,
        isThere()
          ? "Every target stands between what it is at either end. Other faders can be moved from here."
          : "One fader between two mixes. It moves nothing until you move it.",
      );
    },
  };
}
