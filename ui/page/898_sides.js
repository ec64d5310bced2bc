/* The two sides of the Mix tab, the desk and the comparison: next to each other where there is room, else one at a time. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const WIDE = 1060; // room for both, in pixels
  const LEAST = 360; // how tall a side is at least: where the window is lower than that, the page scrolls too
  const KEPT = "lora-mixer-sides";
  const NAMES = { both: "Side by side", desk: "Desk", lab: "Compare" };
  const SIDES = ["desk", "lab"];

  /** What this browser was shown last, on a wide page and on a narrow one. */
  function recall() {
    const first = { wide: "both", narrow: "desk" };
    try {
      const { wide, narrow } = JSON.parse(localStorage.getItem(KEPT)) || first;
      return { wide: wide in NAMES ? wide : first.wide, narrow: SIDES.includes(narrow) ? narrow : first.narrow };
    } catch (_) {
      return first;
    }
  }
  function remember(chosen) {
    try {
      localStorage.setItem(KEPT, JSON.stringify(chosen));
    } catch (_) { /* private browsing: it is forgotten, no more */ }
  }

  const pixels = (...lengths) => lengths.reduce((sum, length) => sum + (Number.parseFloat(length) || 0), 0);

  /** What the page leaves empty below an element: paddings, borders and margins of all that it stands in. */
  function below(node) {
    let room = 0;
    for (let at = node.parentElement; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      room += pixels(style.paddingBottom, style.borderBottomWidth, style.marginBottom);
    }
    return room;
  }

  /** How far a host's button for its menu reaches into a bar that stands at the top: TextGen's stands there on a narrow page. */
  function menu(bar) {
    const button = document.getElementById("navigation-toggle");
    const box = button && button.getBoundingClientRect();
    return box && box.width && getComputedStyle(button).position === "fixed" ? Math.max(0, Math.round(box.right - bar.getBoundingClientRect().left)) : 0;
  }

  /** How much of the top a host keeps for itself when the page scrolls: TextGen has a bar there on a narrow page. */
  function covered() {
    const bar = document.querySelector(".mobile-top-bar");
    const style = bar && getComputedStyle(bar);
    return style && style.position === "fixed" && style.opacity !== "0" ? Math.round(bar.getBoundingClientRect().bottom) : 0;
  }

  M.sides = function () {
    const chosen = recall();
    const scrolled = { desk: 0, lab: 0 }; // how far the page was scrolled when a side was last shown
    const buttons = Object.keys(NAMES).map((side) => el("button", { type: "button", class: "side", text: NAMES[side], data: { side }, on: { click: () => choose(side) } }));
    const bar = el("div", { class: "sides-bar", role: "group", "aria-label": "What is shown" }, ...buttons);
    bar.classList.add("lora-mixer");
    M.dom.keepKeys(bar);
    let place = null; // where both sides stand; a host may make it anew
    let fitted = ""; // what the height was made for

    const wide = () => place.clientWidth >= WIDE;
    const shown = () => (wide() ? chosen.wide : chosen.narrow);

    function fit() {
      if (!place || !place.clientWidth) return; // in a tab that is not open
      buttons[0].hidden = !wide();
      const side = shown();
      setAttribute(place, "data-shown", side);
      for (const button of buttons) setAttribute(button, "aria-pressed", String(button.dataset.side === side));
      bar.style.setProperty("--lm-covered", `${covered()}px`);
      bar.style.setProperty("--lm-menu", `${menu(bar)}px`);
      const page = document.scrollingElement;
      const top = Math.round(place.getBoundingClientRect().top + page.scrollTop);
      // Only when something has changed: to try a height moves what is scrolled to its end.
      const key = [side, innerWidth, innerHeight, top].join(" ");
      if (key === fitted) return;
      fitted = key;
      const tall = (height) => place.style.setProperty("--lm-height", `${Math.max(LEAST, Math.floor(height))}px`);
      const room = innerHeight - top - below(place);
      tall(room);
      const over = page.scrollHeight - innerHeight; // a host may have more below it, a footer say
      if (side === "both" && over > 0) tall(room - over);
    }
    function choose(side) {
      if (!place) return;
      const before = shown();
      const page = document.scrollingElement;
      if (before === side) {
        // Asked for again: to its beginning.
        if (side !== "both") page.scrollTop = 0;
        return;
      }
      if (before !== "both") scrolled[before] = page.scrollTop;
      chosen[wide() ? "wide" : "narrow"] = side;
      remember(chosen);
      fit();
      if (side !== "both") page.scrollTop = scrolled[side];
      M.store.changed();
      M.lab.changed();
    }

    const sizes = new ResizeObserver(M.guard("the sides", fit));
    M.listen(window, "resize", fit);
    M.onStop(() => {
      sizes.disconnect();
      bar.remove();
    });
    return {
      root: bar,
      /** Has a side be seen, whatever was chosen. */
      show(side) {
        if (place && place.clientWidth && shown() !== "both" && shown() !== side) choose(wide() ? "both" : side);
      },
      /** While a comparison runs, its name says so: it may be the side that is not seen. */
      update() {
        setText(buttons[2], M.lab.line.running ? `${NAMES.lab} \u2026` : NAMES.lab);
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
        const page = place && place.closest(".gradio-container");
        if (page) page.style.overflow = "clip";
        fit();
      },
    };
  };
})(window.loraMixer);
