/* The host's chat, as far as this page sees it: TextGen's and our own, told apart by what they call their elements. */

/** @param {HTMLElement} node */
const visible = (node) => node.getClientRects().length > 0;

/**
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
const shown = (selector) => [...document.querySelectorAll(/** @type {"div"} */ (selector))].filter(visible);

/**
 * The last one that is on screen: TextGen keeps its other tabs in the page.
 *
 * @param {string} selector
 */
const last = (selector) => shown(selector).at(-1) ?? null;

export const hostChat = {
  /** What scrolls the messages, or holds the text of the notebook; null if no such thing is on screen. */
  scroller() {
    for (const where of [".chat-parent", "#chat-log", "#notebook-parent-tab"]) {
      /** @type {HTMLElement | null} */
      const node = document.querySelector(where);
      if (node && visible(node)) return node;
    }
    return null;
  },

  /** Whether what is on screen is TextGen's notebook: one text that is written on, without turns. */
  isNotebook: () => shown("#notebook-parent-tab").length > 0,

  /** The element whose right edge the text reaches where its lines are long. */
  text: () => last("#chat .message-body, #chat-turns, #notebook-parent-tab textarea"),

  /** The end of what is written so far. */
  words: () => last("#chat .message-body, #chat-last .text"),

  /** The row in which one types, with Send. */
  input: () => shown("#chat-input-row, #chat-say, #chat-input")[0] ?? null,

  /** What the last turn asks; null in a chat in which nothing has been said. */
  question: () => last("#chat .user-message, #chat .message:has(.circle-you), #chat-last .user")?.textContent ?? null,
};
