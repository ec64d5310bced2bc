/* Fields with a name above them: texts, numbers, and a row of choices. */

import { el, showText } from "./elements.js";
import { guard } from "./lifetime.js";

/** @import { Props } from "./elements.js" */

/**
 * A field with a name above it and room for a word of complaint below. Without a name it has none above it.
 *
 * @param {string} label
 * @param {Props} props of its input
 */
export const textField = (label, props) => withComplaint(label, el("input", { type: "text", ...COMMON, ...props }));

/**
 * The same with several rows.
 *
 * @param {string} label
 * @param {Props} props
 */
export const textArea = (label, props) => withComplaint(label, el("textarea", { ...COMMON, ...props }));

const COMMON = { class: "text-input", autocomplete: "off", spellcheck: "false" };

/**
 * @template {HTMLInputElement | HTMLTextAreaElement} T
 * @param {string} label
 * @param {T} input
 */
function withComplaint(label, input) {
  const why = el("span", { class: "why-not", role: "alert", hidden: true });
  const name = el("span", { class: "field-name", text: label });
  const node = el("label", { class: "field" }, label && name, input, why);
  /** @param {string} [text] */
  const complain = (text) => {
    showText(why, text ?? "");
    node.classList.toggle("is-bad", Boolean(text));
  };
  input.addEventListener("input", () => complain(""));
  return { node, name, input, complain };
}

/**
 * A field for a whole number from 1 up, with the browser's own arrows.
 *
 * @param {string} label
 * @param {string} title
 * @param {Props} props
 */
export function countField(label, title, props) {
  const input = el("input", { type: "number", class: "text-input seeds", min: 1, step: 1, ...props });
  return {
    input,
    node: el("label", { class: "field", title }, el("span", { class: "field-name", text: label }), input),
  };
}

/**
 * A row of choices of which one is on.
 *
 * @param {string} legend
 * @param {string} name
 * @param {Array<[value: string, text: string]>} choices
 */
export function radioChoice(legend, name, choices) {
  const inputs = choices.map(([value, text], at) => {
    const input = el("input", { type: "radio", class: "radio", name, value });
    input.checked = at === 0;
    return { value, input, node: el("label", { class: "choice" }, input, el("span", { text })) };
  });
  const title = el("legend", { class: "field-name", text: legend });
  const node = el("fieldset", { class: "choices", id: name }, title, ...inputs.map((one) => one.node));
  return {
    node,
    get value() {
      return (inputs.find((one) => one.input.checked) ?? inputs[0]).value;
    },
    /** @param {() => void} fn */
    onChange: (fn) => node.addEventListener("change", guard("choice", fn)),
  };
}
