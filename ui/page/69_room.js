/* Room beside the chat: its text gives way to what stands over it, the open dock and the second reply, so that all can be read. */
(function (M) {
  "use strict";

  const GAP = 12;
  const LEAST = 260; // what is left for the chat's text; less is no room, then it is covered
  const NARROW = 700; // below that width there is no room beside the chat, but above the field in which one types

  const round = (box) => [box.left, box.right, box.top, box.bottom].map(Math.round);

  /** Stands a side of the page beside the chat, or on a narrow page at its end; never over the field in which one types. */
  M.standBeside = function (side) {
    const narrow = innerWidth < NARROW;
    side.classList.toggle("is-below", narrow);
    const input = M.chat.input();
    const box = input && input.getBoundingClientRect();
    const over = box && (narrow || box.right > side.getBoundingClientRect().left);
    const floor = over ? innerHeight - box.top + GAP : GAP;
    side.style.setProperty("--lm-floor", `${Math.round(M.model.clamp(floor, GAP, innerHeight * 0.5))}px`);
  };

  /** {update(side or null)}: what stands beside the chat, or over the end of it. */
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
    function beside(chat, side) {
      const text = M.chat.text();
      const right = text ? text.getBoundingClientRect().right : 0;
      const box = chat.getBoundingClientRect();
      const room = box.right - side.left + GAP;
      if (right <= side.left - GAP || box.width - room < LEAST) return;
      chat.style.paddingRight = `${Math.round(room)}px`;
    }
    /** Only as much as is wanting: a host may leave room of its own below the text, and a short chat is not to scroll. */
    function below(chat, side) {
      const words = M.chat.words();
      if (!words) return;
      const bottom = (node) => node.getBoundingClientRect().bottom;
      const wanting = () => {
        const left = Math.max(...[...chat.children].map(bottom)) - bottom(words);
        return bottom(chat) - side.top + GAP - Math.max(0, left);
      };
      const followed = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 2 * GAP;
      // Twice: turns that were stretched to fill the log leave less below the text once they have to give way.
      for (let again = 0; again < 2 && wanting() > 0; again += 1) chat.style.paddingBottom = `${Math.round(wanting())}px`;
      if (followed) chat.scrollTop = chat.scrollHeight;
    }

    M.onStop(clear);
    return {
      update(side) {
        const chat = M.chat.scroller();
        if (!side || !chat) {
          clear();
          measured = "";
          return;
        }
        const under = side.classList.contains("is-below");
        const box = side.getBoundingClientRect();
        const place = chat.getBoundingClientRect();
        // Beside, its height does not matter; below, what the text has grown to does.
        const look = () => (under
          ? JSON.stringify([true, round(box), round(place), chat.scrollHeight])
          : JSON.stringify([false, Math.round(box.left), round(place)]));
        if (chat === given && look() === measured) return;
        const top = chat.scrollTop;
        clear();
        given = chat;
        (under ? below : beside)(chat, box);
        if (!under) chat.scrollTop = top;
        measured = look();
      },
    };
  };
})(window.loraMixer);
