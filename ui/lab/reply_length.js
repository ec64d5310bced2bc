/* A length of its own for replies, and the sentence that says how long one may get. */

import { el, setText } from "../page/elements.js";
import { countField } from "../page/fields.js";
import { guard } from "../page/lifetime.js";
import { store } from "../page/store.js";

/** @import { ReplyLength } from "../page/messages.js" */

const NOW = " Sampling and the first seed are those that the chat is set to.";
const MOST = 1000000;

/**
 * How long a reply may get, as a sentence.
 *
 * @param {number} own what was typed for it; 0 is nothing
 * @param {ReplyLength | null | undefined} chat what the chat is set to
 */
export function tellLength(own, chat) {
  if (own && (!chat || own < chat.tokens)) return `up to ${own.toLocaleString("en")} tokens long`;
  if (!chat) return "as long as the chat\u2019s settings say";
  const most = chat.tokens.toLocaleString("en");
  if (!chat.withPrompt) return `up to ${most} tokens long, as the chat is set`;
  return `so long that it fills the context: ${most} tokens with its prompt, as the chat is set (auto_max_new_tokens is on)`;
}

/** @param {string} id */
export function replyLength(id) {
  const title = "The most tokens that a reply may have. Left empty: as many as in the chat.";
  const { node, input } = countField("Longest reply", title, { max: MOST, id, placeholder: "chat\u2019s" });
  const hint = el("p", { class: "hint", id: `${id}-told` });
  const update = () =>
    setText(hint, `A reply may get ${tellLength(Number(input.value), store.state?.lab?.length)}.${NOW}`);
  input.addEventListener("input", guard("length", update));
  update();
  return {
    node,
    hint,
    update,
    get value() {
      return input.value;
    },
  };
}
