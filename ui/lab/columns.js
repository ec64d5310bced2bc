/* The columns as they are set up: one line for each, with its name, what it plays, and its place. */

import { el, setAttribute, setText } from "../page/elements.js";
import { keyed, setOptions } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { saved } from "../page/saved_profiles.js";
import { lab } from "./lab.js";
import { sweepForm } from "./sweep.js";

/** @import { Column, Plays, Setup } from "./messages.js" */
/** @import { LabOrder } from "../page/orders.js" */

/** @type {Array<[plays: string, text: string]>} */
const PLAYS = [
  ["faders", "The faders as they stand"],
  ["as loaded", "As loaded"],
  ["base", "The base model"],
];
const PROFILE = "profile:"; // before a profile's name, among the choices

/** @param {LabOrder} message */
const change = (message) =>
  lab.order(message, (answer) => {
    if (answer.refused) lab.tell(answer.refused.why);
  });

/**
 * A button with a sign in it.
 *
 * @param {string} text
 * @param {string} act
 * @param {() => void} click
 */
const sign = (text, act, click) =>
  el("button", { type: "button", class: "sign", text, data: { do: act }, on: { click } });

/**
 * @param {number} key
 * @param {(by: number) => void} moved
 */
function columnLine(key, moved) {
  /** @type {Column | null} */
  let shown = null;
  const commit = () => {
    if (shown && name.value.trim() !== shown.name) change({ do: "rename", key, name: name.value });
  };
  const choose = () => {
    if (plays.value.startsWith(PROFILE)) change({ do: "profile", key, name: plays.value.slice(PROFILE.length) });
    else change({ do: "play", key, plays: /** @type {Plays} */ (plays.value) });
  };
  /** @param {number} by */
  const move = (by) => {
    change({ do: "move", key, by });
    moved(by);
  };
  const letter = el("span", { class: "letter" });
  const name = el("input", {
    type: "text",
    class: "text-input column-name",
    maxlength: 80,
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Name",
    on: { change: commit },
  });
  const plays = el("select", { class: "select", on: { change: choose } });
  const keep = el("button", {
    type: "button",
    class: "button small",
    text: "Keep faders",
    data: { do: "keep-here" },
    title: "This column plays the faders as they stand now, also when they move on",
    on: { click: () => change({ do: "keep", key }) },
  });
  const up = sign("\u2191", "up", () => move(-1));
  const down = sign("\u2193", "down", () => move(1));
  const gone = sign("\u00d7", "remove", () => change({ do: "remove", key }));
  const signs = el("span", { class: "signs" }, up, down, gone);
  const node = el("li", { class: "column", data: { column: String(key) } }, letter, name, plays, keep, signs);

  name.addEventListener(
    "keydown",
    guard("rename", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") name.blur();
      if (event.key === "Escape" && shown) {
        event.preventDefault();
        name.value = shown.name;
        name.blur();
      }
    }),
  );
  node.addEventListener(
    "keydown",
    guard("move", (/** @type {KeyboardEvent} */ event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      move(event.key === "ArrowUp" ? -1 : 1);
    }),
  );

  return {
    node,
    key,
    /**
     * After a move by keyboard, the button stays under the finger.
     *
     * @param {number} by
     */
    focus(by) {
      const [wanted, other] = by < 0 ? [up, down] : [down, up];
      (wanted.disabled ? other : wanted).focus();
    },
    /**
     * @param {Column} next
     * @param {number} at
     * @param {Setup} setup
     */
    update(next, at, { columns, least }) {
      shown = next;
      setText(letter, next.letter);
      const kept = /** @type {[string, string]} */ (["kept", `Kept: ${next.kept}`]);
      setOptions(plays, [...PLAYS, ...(next.kept ? [kept] : []), ...saved.choices(PROFILE)]);
      if (plays.value !== next.plays) plays.value = next.plays;
      if (document.activeElement !== name && name.value !== next.name) name.value = next.name;
      setAttribute(name, "aria-label", `Name of column ${next.letter}`);
      setAttribute(plays, "aria-label", `Column ${next.letter} plays`);
      setAttribute(keep, "aria-label", `Keep the faders as ${next.letter}`);
      plays.id = `lora-mixer-plays-${next.letter}`;
      keep.id = `lora-mixer-keep-${next.letter}`;
      up.disabled = at === 0;
      down.disabled = at === columns.length - 1;
      gone.disabled = columns.length <= least;
      for (const [button, what] of /** @type {const} */ ([
        [up, "up"],
        [down, "down"],
      ])) {
        setAttribute(button, "aria-label", `Move column ${next.letter} ${what}`);
        setAttribute(button, "title", `Move ${what} (Alt and the arrow keys)`);
      }
      const why = gone.disabled ? `A comparison needs ${least} columns` : `Remove column ${next.letter}`;
      setAttribute(gone, "title", why);
      setAttribute(gone, "aria-label", why);
    },
  };
}

/** The list, and the button that adds one. */
export function columnList() {
  /** @type {{key: number, by: number} | null} */
  let refocus = null;
  const list = el("ol", { class: "column-list" });
  const add = el("button", {
    type: "button",
    class: "button",
    text: "Add a column",
    id: "lora-mixer-add",
    on: { click: () => change({ do: "add" }) },
  });
  const over = el("button", {
    type: "button",
    class: "link",
    text: "Start over",
    title: "Back to two columns: the faders against the base model",
    data: { do: "start-over" },
    on: { click: () => change({ do: "start over" }) },
  });
  const sweep = sweepForm();
  const node = el(
    "div",
    { class: "panel-card" },
    list,
    el("div", { class: "column-tools" }, add, sweep.button, over),
    sweep.node,
  );

  /** @param {Array<ReturnType<typeof columnLine>>} lines */
  function focusAgain(lines) {
    if (!refocus) return;
    const { key, by } = refocus;
    refocus = null;
    const { activeElement: focused } = document;
    if (!focused || focused === document.body || list.contains(focused))
      lines.find((line) => line.key === key)?.focus(by);
  }

  return {
    node,
    update() {
      const { setup } = lab;
      if (!setup) return;
      const lines = keyed(
        list,
        setup.columns,
        ({ key }) => key,
        ({ key }) =>
          columnLine(key, (by) => {
            refocus = { key, by };
          }),
        (line, column, at) => line.update(column, at, setup),
      );
      focusAgain(lines);
      const full = setup.columns.length >= setup.most;
      add.disabled = full;
      setAttribute(
        add,
        "title",
        full ? `There can be no more than ${setup.most} columns` : "A column that keeps the faders as they stand now",
      );
      over.hidden =
        setup.columns.length === 2 && setup.columns.every((column) => column.plays !== "kept" && !column.name);
      sweep.update();
    },
  };
}
