/*
 * What stands beside the chat, the open dock and the second reply: its text gives way to them, so that all can be
 * read.
 */

import { onStop } from "../page/lifetime.js";
import { clamp } from "../page/numbers.js";
import { hostChat } from "./host_chat.js";

const GAP = 12;
const LEAST = 260; // what is left for the chat's text; less is no room, then it is covered
const NARROW = 700; // below that width there is no room beside the chat, but above the field in which one types

/** @param {DOMRect} box */
const rounded = (box) => [box.left, box.right, box.top, box.bottom].map(Math.round);

/**
 * Stands a side of the page beside the chat, or on a narrow page at its end; never over the field in which one types.
 *
 * @param {HTMLElement} side
 */
export function standBeside(side) {
  const narrow = innerWidth < NARROW;
  side.classList.toggle("is-below", narrow);
  const box = hostChat.input()?.getBoundingClientRect();
  const over = box && (narrow || box.right > side.getBoundingClientRect().left);
  const floor = over ? innerHeight - box.top + GAP : GAP;
  side.style.setProperty("--lm-floor", `${Math.round(clamp(floor, GAP, innerHeight * 0.5))}px`);
}

/**
 * @param {HTMLElement} chat
 * @param {DOMRect} side
 */
function giveWayBeside(chat, side) {
  const right = hostChat.text()?.getBoundingClientRect().right ?? 0;
  const box = chat.getBoundingClientRect();
  const room = box.right - side.left + GAP;
  if (right <= side.left - GAP || box.width - room < LEAST) return;
  chat.style.paddingRight = `${Math.round(room)}px`;
}

/**
 * Only as much as is wanting: a host may leave room of its own below the text, and a short chat is not to scroll.
 *
 * @param {HTMLElement} chat
 * @param {DOMRect} side
 */
function giveWayBelow(chat, side) {
  const words = hostChat.words();
  if (!words) return;
  const bottom = (/** @type {Element} */ node) => node.getBoundingClientRect().bottom;
  const wanting = () => {
    const left = Math.max(...[...chat.children].map(bottom)) - bottom(words);
    return bottom(chat) - side.top + GAP - Math.max(0, left);
  };
  const followed = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 2 * GAP;
  // Twice: turns that were stretched to fill the log leave less below the text once they have to give way.
  for (let again = 0; again < 2 && wanting() > 0; again += 1) chat.style.paddingBottom = `${Math.round(wanting())}px`;
  if (followed) chat.scrollTop = chat.scrollHeight;
}

/** Has the chat give way to what stands beside it, or over the end of it. */
export function chatGivesWay() {
  /** @type {HTMLElement | null} */
  let given = null; // the element that gave way
  let measured = "";

  function clear() {
    given?.style.removeProperty("padding-right");
    given?.style.removeProperty("padding-bottom");
    given = null;
  }

  onStop(clear);
  return {
    /** @param {HTMLElement | null} side */
    update(side) {
      const chat = hostChat.scroller();
      if (!side || !chat) {
        clear();
        measured = "";
        return;
      }
      const under = side.classList.contains("is-below");
      const box = side.getBoundingClientRect();
      const place = chat.getBoundingClientRect();
      // Beside, its height does not matter; below, what the text has grown to does.
      const look = () =>
        under
          ? JSON.stringify([true, rounded(box), rounded(place), chat.scrollHeight])
          : JSON.stringify([false, Math.round(box.left), rounded(place)]);
      if (chat === given && look() === measured) return;
      const top = chat.scrollTop;
      clear();
      given = chat;
      if (under) giveWayBelow(chat, box);
      else giveWayBeside(chat, box);
      if (!under) chat.scrollTop = top;
      measured = look();
    },
  };
}
