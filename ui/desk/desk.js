/* The desk: top row, trouble, offer, and a strip for each adapter, kept in step with the store. */

import { deskIcon, el, setText } from "../page/elements.js";
import { jobs } from "../page/jobs.js";
import { keyed } from "../page/keyed.js";
import { onStop } from "../page/lifetime.js";
import { placed } from "../page/place.js";
import { store } from "../page/store.js";
import { goTo } from "../page/tabs.js";
import { wire } from "../page/wire.js";
import { crossfadeSection } from "./crossfade.js";
import { profileLine } from "./profiles.js";
import { adapterStrip } from "./strip.js";
import { topRow } from "./top_row.js";

/** @import { Offer, State, Trouble } from "../page/messages.js" */
/** @import { Strip } from "./strip.js" */

function troubleBox() {
  const title = el("strong", { class: "trouble-title" });
  const advice = el("span", { class: "trouble-advice" });
  return {
    node: el("div", { class: "trouble", role: "status" }, deskIcon(), el("div", {}, title, advice)),
    /** @param {Trouble} trouble */
    update(trouble) {
      setText(title, trouble.title || "");
      setText(advice, trouble.advice || "");
    },
  };
}

function offerBox() {
  const text = el("span", { class: "offer-text" });
  /** @type {Offer | null} */
  let offer = null;
  const accept = () => {
    if (!offer) return;
    if (offer.id === "open up") {
      jobs.start({ do: "open up", name: offer.name ?? "" }, "shelf");
      goTo("adapters", "lora-mixer-shelf-card"); // where it is told how far that is
      return;
    }
    button.disabled = true; // until the next state says what became of it
    wire.command({ do: "accept offer", id: offer.id });
  };
  const button = el("button", {
    type: "button",
    class: "button primary",
    data: { do: "offer" },
    on: { click: accept },
  });
  return {
    node: el("div", { class: "offer" }, text, button),
    /** @param {Offer} next */
    update(next) {
      if (next !== offer) button.disabled = false;
      offer = next;
      setText(text, next.text || "");
      setText(button, next.label || "Accept");
    },
  };
}

/**
 * What to say where there is nothing to mix.
 *
 * @param {State | null} state
 * @returns {Trouble | null}
 */
function nothing(state) {
  if (!state) {
    return wire.lost()
      ? {
          title: "No answer",
          advice:
            "The LoRA Mixer's Python side does not answer. Look at the terminal of the host, then reload this page.",
        }
      : { title: "Connecting\u2026", advice: "" };
  }
  if (state.trouble) return state.trouble;
  if (!state.adapters.length) return { title: "No adapter to mix", advice: "Load a LoRA, and its faders appear here." };
  return null;
}

/** @param {() => Array<[source: string, text: string]>} columns those of the comparison whose mixes are kept */
export function mixingDesk(columns) {
  const top = topRow();
  const trouble = troubleBox();
  const offer = offerBox();
  const profiles = profileLine();
  const crossfade = crossfadeSection(columns);
  const stack = el("div", { class: "stack" });
  const root = el("div", { class: "desk" }, top.node, trouble.node, offer.node, profiles.node, crossfade.node, stack);
  /** @type {Strip[]} */
  let strips = [];
  let visible = false;
  const place = placed(root, "lora-mixer-desk", {
    narrow: 560,
    resized: () => {
      for (const strip of strips) strip.resize();
    },
    seen: (now) => {
      visible = now;
      if (visible) store.changed();
    },
  });
  onStop(() => {
    for (const strip of strips) strip.stop();
  });

  return {
    ...place,
    update() {
      if (!visible) return;
      const { state } = store;
      const empty = nothing(state);
      trouble.node.hidden = !empty;
      if (empty) trouble.update(empty);
      offer.node.hidden = !state?.offer;
      if (state?.offer) offer.update(state.offer);
      top.update();
      profiles.update();
      crossfade.update();
      root.classList.toggle("is-bypassed", store.panel.bypass);
      const adapters = state?.adapters ?? [];
      strips = keyed(
        stack,
        adapters,
        (adapter) => adapter, // one that has changed is another one, and gets a strip of its own
        (adapter) => adapterStrip(adapter, adapters.length === 1),
        (strip) => strip.update(),
        (strip) => strip.stop(),
      );
    },
  };
}
