/*
 * The two sides of the Mix tab, the desk and the comparison: next to each other where there is room, else one at a
 * time.
 */

import { el, setAttribute, setText } from "./elements.js";
import { keepKeys } from "./gestures.js";
import { guard, listen, onStop } from "./lifetime.js";
import { recall, remember } from "./memory.js";

const WIDE = 1060; // room for both, in pixels
const LEAST = 360; // how tall a side is at least: where the window is lower than that, the page scrolls too
const KEPT = "lora-mixer-sides";
const NAMES = { both: "Side by side", desk: "Desk", lab: "Compare" };
/** @typedef {keyof typeof NAMES} Side */
/** @typedef {Exclude<Side, "both">} OneSide */

/** @type {Side[]} */
const ALL = ["both", "desk", "lab"];

/**
 * What this browser was shown last, on a wide page and on a narrow one.
 *
 * @returns {{wide: Side, narrow: OneSide}}
 */
function chosenBefore() {
  const kept = recall(KEPT);
  try {
    const { wide, narrow } = JSON.parse(kept ?? "{}") ?? {};
    return { wide: ALL.includes(wide) ? wide : "both", narrow: narrow === "lab" ? "lab" : "desk" };
  } catch (_) {
    return { wide: "both", narrow: "desk" };
  }
}

/** @param {string[]} lengths */
const pixels = (...lengths) => lengths.reduce((sum, length) => sum + (Number.parseFloat(length) || 0), 0);

/**
 * What the page leaves empty below an element: paddings, borders and margins of all that it stands in.
 *
 * @param {Element} node
 */
function below(node) {
  let room = 0;
  for (let at = node.parentElement; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    room += pixels(style.paddingBottom, style.borderBottomWidth, style.marginBottom);
  }
  return room;
}

/**
 * How far a host's button for its menu reaches into a bar that stands at the top: TextGen's stands there on a narrow
 * page.
 *
 * @param {Element} bar
 */
function menu(bar) {
  const button = document.getElementById("navigation-toggle");
  const box = button?.getBoundingClientRect();
  if (!button || !box?.width || getComputedStyle(button).position !== "fixed") return 0;
  return Math.max(0, Math.round(box.right - bar.getBoundingClientRect().left));
}

/** How much of the top a host keeps for itself when the page scrolls: TextGen has a bar there on a narrow page. */
function covered() {
  const bar = document.querySelector(".mobile-top-bar");
  const style = bar && getComputedStyle(bar);
  return style && style.position === "fixed" && style.opacity !== "0"
    ? Math.round(bar.getBoundingClientRect().bottom)
    : 0;
}

const scroller = () => document.scrollingElement ?? document.documentElement;

/**
 * @param {object} page
 * @param {() => boolean} page.comparing whether a comparison runs
 * @param {() => void} page.shown runs when another side is shown
 */
export function twoSides({ comparing, shown: tell }) {
  const chosen = chosenBefore();
  const scrolled = { desk: 0, lab: 0 }; // how far the page was scrolled when a side was last shown
  /** @param {Side} side */
  const button = (side) =>
    el("button", {
      type: "button",
      class: "side",
      text: NAMES[side],
      data: { side },
      on: { click: () => choose(side) },
    });
  const buttons = { both: button("both"), desk: button("desk"), lab: button("lab") };
  const bar = el(
    "div",
    { class: "sides-bar", role: "group", "aria-label": "What is shown" },
    buttons.both,
    buttons.desk,
    buttons.lab,
  );
  bar.classList.add("lora-mixer");
  keepKeys(bar);
  /** @type {HTMLElement | null} */
  let place = null; // where both sides stand; a host may make it anew
  let fitted = ""; // what the height was made for

  const wide = () => (place?.clientWidth ?? 0) >= WIDE;
  const shown = () => (wide() ? chosen.wide : chosen.narrow);

  function fit() {
    if (!place?.clientWidth) return; // in a tab that is not open
    const side = shown();
    buttons.both.hidden = !wide();
    setAttribute(place, "data-shown", side);
    for (const one of ALL) setAttribute(buttons[one], "aria-pressed", String(one === side));
    bar.style.setProperty("--lm-covered", `${covered()}px`);
    bar.style.setProperty("--lm-menu", `${menu(bar)}px`);
    const top = Math.round(place.getBoundingClientRect().top + scroller().scrollTop);
    // Only when something has changed: to try a height moves what is scrolled to its end.
    const key = [side, innerWidth, innerHeight, top].join(" ");
    if (key === fitted) return;
    fitted = key;
    const { style } = place;
    const tall = (/** @type {number} */ height) =>
      style.setProperty("--lm-height", `${Math.max(LEAST, Math.floor(height))}px`);
    const room = innerHeight - top - below(place);
    tall(room);
    const over = scroller().scrollHeight - innerHeight; // a host may have more below it, a footer say
    if (side === "both" && over > 0) tall(room - over);
  }

  /** @param {Side} side */
  function choose(side) {
    if (!place) return;
    const before = shown();
    if (before === side) {
      // Asked for again: to its beginning.
      if (side !== "both") scroller().scrollTop = 0;
      return;
    }
    if (before !== "both") scrolled[before] = scroller().scrollTop;
    if (wide()) chosen.wide = side;
    else if (side !== "both") chosen.narrow = side;
    remember(KEPT, JSON.stringify(chosen));
    fit();
    if (side !== "both") scroller().scrollTop = scrolled[side];
    tell();
  }

  const sizes = new ResizeObserver(guard("the sides", fit));
  listen(window, "resize", fit);
  onStop(() => {
    sizes.disconnect();
    bar.remove();
  });
  return {
    root: bar,
    /**
     * Has a side be seen, whatever was chosen.
     *
     * @param {OneSide} side
     */
    show(side) {
      if (place?.clientWidth && shown() !== "both" && shown() !== side) choose(wide() ? "both" : side);
    },
    /** While a comparison runs, its name says so: it may be the side that is not seen. */
    update() {
      setText(buttons.lab, comparing() ? `${NAMES.lab} \u2026` : NAMES.lab);
    },
    /** The host may make our place anew, or empty it: move back in. */
    settle() {
      const found = document.getElementById("lora-mixer-sides");
      if (found !== place) {
        if (place) sizes.unobserve(place);
        place = found;
        fitted = "";
        if (place) sizes.observe(place);
      }
      if (place && place.previousSibling !== bar) place.before(bar);
      // Gradio hides what runs over its edge, and takes a scroller's part in that: nothing inside could stand still.
      /** @type {HTMLElement | null | undefined} */
      const page = place?.closest(".gradio-container");
      if (page) page.style.overflow = "clip";
      fit();
    },
  };
}
