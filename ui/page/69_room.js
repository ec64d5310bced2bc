/* Room beside the chat: its text gives way to what stands over it, so that two replies can be read side by side. */
(function (M) {
  "use strict";

  const GAP = 12;
  const LEAST = 260; // what is left for the chat's text; less is no room, then the card stands over it
  const TEXT = "#chat .message-body, #chat-turns"; // as wide as it can get
  const WORDS = "#chat .message-body, #chat-last .text"; // as far down as it is written

  const scroller = () => document.querySelector(".chat-parent") || document.getElementById("chat-log");
  const round = (box) => [box.left, box.right, box.top, box.bottom].map(Math.round);

  /** {update(card or null, below)}: the card that stands beside the chat, or over the end of it. */
  M.chatRoom = function () {
    let given = null; // the element that gave way
    let measured = "";

    function clear() {
      if (given) {
        given.style.removeProperty("padding-right");
        given.style.removeProperty("padding-bottom");
      }
      given = null;
    }
    function beside(chat, card) {
      const texts = document.querySelectorAll(TEXT);
      const right = texts.length ? texts[texts.length - 1].getBoundingClientRect().right : 0;
      const box = chat.getBoundingClientRect();
      const room = box.right - card.left + GAP;
      if (right <= card.left - GAP || box.width - room < LEAST) return;
      chat.style.paddingRight = `${Math.round(room)}px`;
    }
    /** Only as much as is wanting: a host may leave room of its own below the text, and a short chat is not to scroll. */
    function below(chat, card) {
      const texts = document.querySelectorAll(WORDS);
      if (!texts.length) return;
      const bottom = (node) => node.getBoundingClientRect().bottom;
      const wanting = () => {
        const left = Math.max(...[...chat.children].map(bottom)) - bottom(texts[texts.length - 1]);
        return bottom(chat) - card.top + GAP - Math.max(0, left);
      };
      const followed = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 2 * GAP;
      // Twice: turns that were stretched to fill the log leave less below the text once they have to give way.
      for (let again = 0; again < 2 && wanting() > 0; again += 1) chat.style.paddingBottom = `${Math.round(wanting())}px`;
      if (followed) chat.scrollTop = chat.scrollHeight;
    }

    M.onStop(clear);
    return {
      update(card, under) {
        const chat = scroller();
        if (!card || !chat) {
          clear();
          measured = "";
          return;
        }
        const box = card.getBoundingClientRect();
        const place = chat.getBoundingClientRect();
        // Beside, its height does not matter; below, what the text has grown to does.
        const seen = under
          ? JSON.stringify([true, round(box), round(place), chat.scrollHeight])
          : JSON.stringify([false, Math.round(box.left), round(place)]);
        if (chat === given && seen === measured) return;
        const top = chat.scrollTop;
        clear();
        given = chat;
        (under ? below : beside)(chat, box);
        if (!under) chat.scrollTop = top;
        measured = under ? JSON.stringify([true, round(box), round(place), chat.scrollHeight]) : seen;
      },
    };
  };
})(window.loraMixer);
