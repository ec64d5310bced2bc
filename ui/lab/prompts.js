/* A button that reads a file of prompts into a field; Python tells what is in it. */

import { el } from "../page/elements.js";
import { filePicker } from "../page/files.js";

/** @import { Refusal } from "../page/messages.js" */
/** @import { PromptsFile } from "./messages.js" */

const MOST_MB = 4;
const FORMS = 'One prompt a line, or a JSON object a line: {"prompt": \u2026} or {"messages": [\u2026]}.';

/**
 * @param {object} options
 * @param {(message: PromptsFile, then: (answer: {refused?: Refusal, text?: string}) => void) => void} options.order
 * @param {{input: HTMLTextAreaElement, complain: (why: string) => void}} options.field
 * @param {() => void} [options.read] something was put into the field
 * @param {string} [options.id] of the button
 * @param {string} [options.fileId] of what chooses the file
 */
export function promptsFile({ order, field, read, id, fileId }) {
  const take = (/** @type {string} */ name, /** @type {string} */ data) =>
    order({ do: "prompts", name, data }, ({ refused, text = "" }) => {
      field.complain(refused?.why ?? "");
      if (refused) return;
      field.input.value = text;
      read?.();
    });
  const picker = filePicker(".txt,.jsonl,.json,text/*", MOST_MB, take, field.complain);
  if (fileId) picker.input.id = fileId;
  const button = el("button", {
    type: "button",
    class: "button small",
    text: "Read a file\u2026",
    id,
    title: "One prompt a line, or JSONL with a chat a line",
    on: { click: picker.open },
  });
  return el("div", { class: "column-tools" }, button, picker.input, el("span", { class: "hint", text: FORMS }));
}
