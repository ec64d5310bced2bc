/* Keeping and sharing: an experiment as a file, and back. */

import { el } from "../page/elements.js";
import { download, filePicker } from "../page/files.js";
import { lab } from "./lab.js";

/** @import { Form, LabNews } from "./messages.js" */
/** @import { Results } from "./results.js" */

const READ_MB = 32;
/** @type {Array<[form: Form, text: string, title: string]>} */
const FORMS = [
  ["html", "HTML", "A page that opens with no network"],
  ["csv", "CSV", "A table for spreadsheets"],
  ["jsonl", "JSONL", "All of it, to be read back here"],
];

/** @param {LabNews} answer */
function complain({ refused }) {
  if (refused) lab.tell(refused.why);
}

/** @param {Form} form */
const save = (form) =>
  lab.order({ do: "save", form }, (answer) => {
    complain(answer);
    if (answer.file) download(answer.file.name, answer.file.text, `${answer.file.type};charset=utf-8`);
  });

/** @param {Results} results */
export function sharing(results) {
  const buttons = FORMS.map(([form, text, title]) =>
    el("button", {
      type: "button",
      class: "button small",
      text,
      title,
      id: `lora-mixer-save-${form}`,
      on: { click: () => save(form) },
    }),
  );
  const read = (/** @type {string} */ name, /** @type {string} */ data) =>
    lab.order({ do: "read", name, data }, complain);
  const picker = filePicker(".jsonl,.ndjson,.json", READ_MB, read, lab.tell);
  picker.input.id = "lora-mixer-read-file";
  const open = el("button", {
    type: "button",
    class: "button small",
    text: "Open a saved one\u2026",
    title: "Show an experiment that was saved as JSONL",
    id: "lora-mixer-read",
    on: { click: picker.open },
  });
  const saving = el("span", { class: "inline" }, el("span", { class: "field-name", text: "Save as" }), ...buttons);
  results.node.append(el("div", { class: "toolbar sharing" }, saving, open, picker.input));
  return {
    update() {
      const { sheet, line } = lab;
      saving.hidden = !sheet;
      const nothing = !sheet || line.running || !sheet.cells.some((row) => row.some((cell) => cell.s === "done"));
      for (const one of buttons) one.disabled = nothing;
      open.disabled = line.running;
    },
  };
}
