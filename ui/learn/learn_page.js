/* The page of learning: what to learn from, how, and what came of it. */

import { el, showText } from "../page/elements.js";
import { jobs } from "../page/jobs.js";
import { placed } from "../page/place.js";
import { messageLine } from "../page/said.js";
import { store } from "../page/store.js";
import { LEARN, learning } from "./learning.js";
import { materialCard } from "./material.js";
import { outcomeCard } from "./outcome.js";
import { wishCard } from "./wish.js";

export function learnPage() {
  const said = messageLine("lora-mixer-learn-message");
  const material = materialCard((text, good) => said.say(text, good));
  const wish = wishCard(() => material.source);
  const outcome = outcomeCard();
  const heading = el(
    "div",
    { class: "heading" },
    el("h3", { text: "Learn" }),
    el("span", { text: "Which gains make the model speak like replies that you want? No weight changes." }),
  );
  const elsewhere = el("p", {
    class: "learn-elsewhere",
    id: "lora-mixer-learn-elsewhere",
    role: "status",
    hidden: true,
  });
  const cards = el("div", { class: "learn-cards" }, material.node, wish.node);
  const root = el(
    "div",
    { class: "lab", id: "lora-mixer-learn-page" },
    heading,
    said.node,
    elsewhere,
    cards,
    outcome.node,
  );
  let visible = false;
  let told = ""; // how far its job was when it was last looked at
  const update = (/** @type {boolean} */ again = false) => {
    if (!visible) return;
    // Nobody is to fill in a form that an engine cannot use. What was learned before it was changed stays at hand.
    const lacks = store.state?.engine?.whyNot.learn ?? "";
    showText(elsewhere, lacks);
    cards.hidden = lacks !== "";
    if (!lacks) {
      material.update();
      wish.update();
    }
    outcome.update(again);
  };
  const place = placed(root, "lora-mixer-learn-place", {
    narrow: 640,
    moved: jobs.changed,
    resized: () => update(true),
    seen: (now) => {
      if (now && !visible) {
        learning.look();
        if (material.source === "votes") learning.countVotes();
      }
      visible = now;
      jobs.changed();
    },
  });
  jobs.onChange(() => {
    update();
    const { what, text, running } = jobs.job;
    const now = what === LEARN ? `${running} ${text}` : "";
    if (now === told || !visible) return;
    told = now;
    if (now) learning.look();
  });
  store.onChange(jobs.changed);
  return {
    ...place,
    tick() {
      if (visible) learning.look(); // another page may have begun something, or picked a reply
    },
  };
}
