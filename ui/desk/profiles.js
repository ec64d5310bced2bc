/* Profiles: a slim line above the strips to put one on the desk and to save one; all else folds out below it. */

import { saidBy } from "../page/channel.js";
import { el, setAttribute, setText } from "../page/elements.js";
import { textField } from "../page/fields.js";
import { filePicker, textOf } from "../page/files.js";
import { jobs } from "../page/jobs.js";
import { keyed, setOptions } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { askingButton, messageLine } from "../page/said.js";
import { saved } from "../page/saved_profiles.js";
import { store } from "../page/store.js";
import { wire } from "../page/wire.js";
import { profileRow } from "./profile_row.js";
import { moveWithUndo } from "./undo.js";

/** @import { Tell } from "./profile_row.js" */

const MOST_MB = 4;
let asked = "";

/** Ask again when profiles or adapters have changed: what fits depends on both. */
function look() {
  const { state } = store;
  if (!state) return;
  const key = JSON.stringify([state.profile?.kept, state.adapters.map((a) => [a.name, a.targets.length])]);
  if (key === asked) return;
  asked = key;
  jobs.order({ do: "profiles" });
}

/**
 * @param {Tell} tell
 * @param {() => void} done
 */
function saveForm(tell, done) {
  const name = textField("Name", { id: "lora-mixer-profile-name", maxlength: 120, placeholder: "quiet pirate" });
  const note = textField("Note (optional)", { id: "lora-mixer-profile-note", maxlength: 2000 });
  const again = el("input", { type: "checkbox", class: "tick", id: "lora-mixer-profile-restore" });
  const keep = el("button", {
    type: "button",
    class: "button primary",
    text: "Save",
    data: { do: "save-profile" },
    on: { click: () => save(false) },
  });
  const over = askingButton("Overwrite it\u2026", "Yes, overwrite it", { do: "overwrite-profile" }, () => save(true));
  const node = el(
    "div",
    { class: "profile-form", hidden: true, id: "lora-mixer-profile-form" },
    el("div", { class: "fields" }, name.node, note.node),
    el(
      "label",
      { class: "choice" },
      again,
      el("span", { text: "Put it back by itself when its adapters are loaded again" }),
    ),
    el("div", { class: "column-tools" }, keep, over.node),
  );
  const there = () => {
    const typed = name.input.value.trim().toLowerCase();
    return saved.known?.profiles.find((one) => one.name.toLowerCase() === typed);
  };
  const offer = () => {
    keep.hidden = Boolean(there());
    over.node.hidden = !keep.hidden;
  };
  name.input.addEventListener("input", offer);
  name.input.addEventListener(
    "keydown",
    guard("save", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !there()) save(false);
    }),
  );
  /** @param {boolean} overwrite */
  function save(overwrite) {
    // What is overwritten is the profile that this page shows, and not one that somebody else has saved since.
    const seen = (overwrite && there()?.mark) || null;
    const profile = { name: name.input.value, note: note.input.value, restore: again.checked };
    jobs.order({ do: "save", ...profile, overwrite, seen }, (answer) => {
      name.complain(answer.refused?.why);
      if (answer.refused) {
        jobs.order({ do: "profiles" }, offer);
        return;
      }
      tell(answer.said, true);
      wire.poll(true);
      done();
    });
  }
  return {
    node,
    open() {
      const at = store.state?.profile;
      if (at?.name && !name.input.value) name.input.value = at.name;
      offer();
      name.input.focus();
      name.input.select();
    },
  };
}

export function profileLine() {
  const choose = el("select", { class: "select", "aria-label": "Profile", id: "lora-mixer-profile" });
  /**
   * @param {string} text
   * @param {string} id
   * @param {() => void} click
   */
  const button = (text, id, click) => el("button", { type: "button", class: "button", text, id, on: { click } });
  const put = button("Put on the desk", "lora-mixer-profile-put", () => {
    const name = choose.value;
    if (!name) return;
    moveWithUndo({ do: "put", name }, `\u201c${name}\u201d is on the desk.`, (answer) => {
      // Where all of it fits there is nothing to say that the line does not say.
      said.say(answer.all ? "" : saidBy(answer), !answer.refused);
    });
  });
  const save = button("Save as\u2026", "lora-mixer-profile-save", () => {
    open(save, form.node, Boolean(form.node.hidden));
    if (!form.node.hidden) form.open();
  });
  const more = button("More", "lora-mixer-profile-more", () => open(more, all, Boolean(all.hidden)));
  for (const one of [save, more]) one.setAttribute("aria-expanded", "false");
  const at = el("span", { class: "hint profile-at", role: "status" });
  const said = messageLine("lora-mixer-profile-said");
  const form = saveForm(said.say, () => open(save, form.node, false));
  const take = (/** @type {string} */ file, /** @type {string} */ data) =>
    jobs.order({ do: "import", file, text: textOf(data) }, (answer) => said.say(saidBy(answer), !answer.refused));
  const picker = filePicker(".json,application/json", MOST_MB, take, (why) => said.say(why));
  const bring = el("button", {
    type: "button",
    class: "button small",
    text: "Import\u2026",
    data: { do: "import" },
    title: "A profile that was exported, as JSON",
    on: { click: picker.open },
  });
  const list = el("ul", { class: "profiles" });
  const damaged = el("ul", { class: "profiles-damaged" });
  const none = el("div", {
    class: "hint",
    text: "Nothing is saved yet. \u201cSave as\u2026\u201d keeps what is heard now.",
  });
  const all = el(
    "div",
    { class: "profile-more", hidden: true, id: "lora-mixer-profile-list" },
    none,
    list,
    damaged,
    el("div", { class: "column-tools" }, bring, picker.input),
  );
  const line = el(
    "div",
    { class: "profile-line" },
    el("span", { class: "label", text: "Profile" }),
    choose,
    put,
    save,
    more,
    at,
  );
  const node = el("div", { class: "profile-area", hidden: true }, line, said.node, form.node, all);

  /**
   * @param {HTMLElement} opener
   * @param {HTMLElement} part
   * @param {boolean} wanted
   */
  function open(opener, part, wanted) {
    part.hidden = !wanted;
    setAttribute(opener, "aria-expanded", String(wanted));
  }

  /** @param {string[]} names */
  function offer(names) {
    const before = choose.value;
    setOptions(choose, names.length ? names.map((name) => [name, name]) : [["", "none saved yet"]]);
    const here = store.state?.profile.name ?? "";
    if (!before && names.includes(here)) choose.value = here;
  }

  /**
   * What stands on the desk, as far as profiles know.
   *
   * @param {string[]} names
   * @param {string} whyNot
   */
  function standing(names, whyNot) {
    const here = store.state?.profile;
    if (here && names.includes(here.name))
      return here.moved ? `moved since \u201c${here.name}\u201d` : `\u201c${here.name}\u201d is on the desk`;
    return whyNot ? "Nothing is kept here: strangers share this page." : "";
  }

  return {
    node,
    update() {
      const { state } = store;
      const { known } = saved;
      look();
      node.hidden = !known || !state || (!state.adapters.length && !known.profiles.length);
      if (!known || !state || node.hidden) return;
      const names = known.profiles.map((one) => one.name);
      offer(names);
      choose.disabled = !names.length;
      put.disabled = !names.length || !state.adapters.length;
      save.disabled = !known.writes || !state.adapters.length;
      setAttribute(save, "title", known.why_not || "Keep what is heard now under a name");
      setText(at, standing(names, known.why_not));
      none.hidden = names.length > 0;
      keyed(
        list,
        known.profiles,
        (profile) => profile.name,
        () => profileRow(said.say),
        (row, profile) => row.update(profile, known.writes),
      );
      keyed(
        damaged,
        Object.entries(known.damaged),
        ([name]) => name,
        () => ({ node: el("li", { class: "profile-unfit" }) }),
        (row, [name, why]) => setText(row.node, `${name}: ${why}`),
      );
      bring.disabled = !known.writes;
    },
  };
}
