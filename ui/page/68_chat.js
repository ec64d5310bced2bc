/* The host's chat, as far as this page sees it: TextGen's and our own, told apart by what they call their elements. */
(function (M) {
  "use strict";

  const visible = (node) => node !== null && node.getClientRects().length > 0;
  /** The last one that is on screen: TextGen keeps its other tabs in the page. */
  const last = (selector) => [...document.querySelectorAll(selector)].reverse().find(visible) || null;

  M.chat = {
    /** What scrolls the messages, or holds the text of the notebook; null if no such thing is on screen. */
    scroller: () => [".chat-parent", "#chat-log", "#notebook-parent-tab"].map((where) => document.querySelector(where)).find(visible) || null,

    /** The element whose right edge the text reaches where its lines are long. */
    text: () => last("#chat .message-body, #chat-turns, #notebook-parent-tab textarea"),

    /** The end of what is written so far. */
    words: () => last("#chat .message-body, #chat-last .text"),

    /** The row in which one types, with Send. */
    input: () => [...document.querySelectorAll("#chat-input-row, #chat-say, #chat-input")].find(visible) || null,

    /** What the last turn asks; null in a chat in which nothing has been said. */
    question() {
      const said = last("#chat .user-message, #chat .message:has(.circle-you), #chat-last .user");
      return said ? said.textContent : null;
    },
  };
})(window.loraMixer);
