/* One profile in the list that folds out: what it is, and what can be done with it. */

import { saidBy } from "../page/channel.js";
import { el, setAttribute, setText, showText } from "../page/elements.js";
import { download } from "../page/files.js";
import { jobs } from "../page/jobs.js";
import { whenChanged } from "../page/keyed.js";
import { guard } from "../page/lifetime.js";
import { writeTime } from "../page/numbers.js";
import { askingButton } from "../page/said.js";
import { store } from "../page/store.js";
import { moveWithUndo } from "./undo.js";

/** @import { Profile } from "./messages.js" */

/** @typedef {(what?: string, good?: boolean) => void} Tell */

/** @param {Tell} tell */
export function profileRow(tell) {
  /** @type {Profile} */
  let profile;
  const name = el("span", { class: "profile-name" });
  const words = el("span", { class: "hint" });
  const bad = el("div", { class: "profile-unfit" });
  const maps = el("div", { class: "fields" });
  const note = el("div", { class: "hint profile-note" });
  /** @param {{do: "change", restore: boolean} | {do: "rename", new: string} | {do: "delete", seen: string}} message */
  const order = (message) =>
    jobs.order({ ...message, name: profile.name }, (answer) => {
      tell(saidBy(answer), !answer.refused);
      if (answer.refused) jobs.order({ do: "profiles" });
    });
  const again = el("input", {
    type: "checkbox",
    class: "tick",
    on: { change: () => order({ do: "change", restore: again.checked }) },
  });
  /**
   * @param {string} text
   * @param {string} what
   * @param {() => void} click
   */
  const small = (text, what, click) =>
    el("button", { type: "button", class: "button small", text, data: { do: what }, on: { click } });
  const put = small("Put on the desk", "put", () => {
    /** @type {Record<string, string>} */
    const names = {};
    for (const select of maps.querySelectorAll("select"))
      if (select.value) names[select.dataset.asked ?? ""] = select.value;
    moveWithUndo({ do: "put", name: profile.name, names }, `\u201c${profile.name}\u201d is on the desk.`, (answer) =>
      tell(saidBy(answer), !answer.refused),
    );
  });
  const field = el("input", { type: "text", class: "text-input", maxlength: 120, hidden: true });
  const rename = small("Rename", "rename", () => {
    if (field.hidden) {
      field.hidden = false;
      field.value = profile.name;
      field.focus();
      field.select();
      setText(rename, "Keep this name");
      return;
    }
    close();
    if (field.value.trim() !== profile.name) order({ do: "rename", new: field.value });
  });
  function close() {
    field.hidden = true;
    setText(rename, "Rename");
  }
  field.addEventListener(
    "keydown",
    guard("rename", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter") rename.click();
      if (event.key === "Escape") {
        event.preventDefault();
        close();
        rename.focus();
      }
    }),
  );
  const save = small("Export", "export", () =>
    jobs.order({ do: "export", name: profile.name }, ({ refused, file, text }) => {
      if (refused !== undefined || file === undefined || text === undefined) tell(refused?.why);
      else download(file, text);
    }),
  );
  const gone = askingButton("Delete\u2026", "Yes, delete it", { do: "delete" }, () =>
    order({ do: "delete", seen: profile.mark }),
  );
  const restored = el("label", { class: "choice" }, again, el("span", { text: "put back by itself" }));
  const node = el(
    "li",
    { class: "profile" },
    el("div", { class: "profile-head" }, name, field, words),
    note,
    bad,
    maps,
    el("div", { class: "profile-acts" }, put, rename, save, gone.node, restored),
  );

  /**
   * A menu for each adapter that the profile speaks of and that is not loaded.
   *
   * @param {string[]} adapters
   */
  function places(adapters) {
    return (adapters.length ? profile.missing : []).map((asked) => {
      const choices = ["", ...adapters].map((one) => el("option", { value: one, text: one || "leave out" }));
      const select = el("select", { class: "select", "aria-label": `Put ${asked} on`, data: { asked } }, ...choices);
      return el(
        "label",
        { class: "inline" },
        el("span", { text: `\u201c${asked}\u201d is not loaded: put it on` }),
        select,
      );
    });
  }

  return {
    node,
    /**
     * @param {Profile} next
     * @param {boolean} writes whether profiles can be changed here
     */
    update(next, writes) {
      profile = next;
      node.dataset.profile = profile.name;
      setText(name, profile.name);
      setAttribute(field, "aria-label", `New name of ${profile.name}`);
      setAttribute(again, "aria-label", `Put ${profile.name} back by itself when its adapters are loaded`);
      setText(words, [profile.words, profile.model, writeTime(profile.saved)].filter(Boolean).join(" \u00b7 "));
      showText(note, profile.note);
      showText(bad, profile.not_fits.join(" "));
      again.checked = profile.restore;
      for (const one of [rename, gone.button, again]) one.disabled = !writes;
      const adapters = store.state?.adapters.map((one) => one.name) ?? [];
      put.disabled = !adapters.length;
      whenChanged(maps, [profile.missing, adapters], () => {
        maps.replaceChildren(...places(adapters));
        maps.hidden = !maps.children.length;
      });
    },
  };
}
