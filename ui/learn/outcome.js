/* What came of learning: whether it is worth anything, and what can be done with the mix. */

import { moveWithUndo, undo, undoableText } from "../desk/undo.js";
import { lab } from "../lab/lab.js";
import { saidBy } from "../page/channel.js";
import { el, setText, showText } from "../page/elements.js";
import { textField } from "../page/fields.js";
import { jobs } from "../page/jobs.js";
import { whenChanged } from "../page/keyed.js";
import { askingButton, messageLine } from "../page/said.js";
import { goTo } from "../page/tabs.js";
import { writeNats } from "./chart_scale.js";
import { gainMap } from "./gain_map.js";
import { hears, learning } from "./learning.js";
import { mixesOnTheWay } from "./mixes.js";

/** @import { Attempt, Found } from "./messages.js" */

/**
 * Before and after as bars, what is not sure of the second as a band.
 *
 * @param {Found} found
 * @param {string} unit
 */
function bars({ before, after, low, high }, unit) {
  if (before === null || after === null) return [];
  const top = Math.max(before, after) * 1.08 || 1;
  /**
   * @param {string} name
   * @param {number} value
   * @param {boolean} sure
   */
  const row = (name, value, sure) => {
    const fill = el("span", { class: `worth-fill ${sure ? "is-before" : "is-after"}` });
    fill.style.width = `${(value / top) * 100}%`;
    const band = !sure && low !== null && high !== null ? el("span", { class: "worth-band" }) : null;
    if (band && low !== null && high !== null) {
      band.style.left = `${Math.max(0, ((before - high) / top) * 100)}%`;
      band.style.right = `${Math.max(0, 100 - ((before - low) / top) * 100)}%`;
      band.title = "with 90 % confidence";
    }
    return el(
      "div",
      { class: "worth-row" },
      el("span", { class: "worth-name", text: name }),
      el("span", { class: "worth-track", "aria-hidden": "true" }, fill, band),
      el("span", { class: "worth-number", text: `${writeNats(value)} ${unit}` }),
    );
  };
  return [row("Before", before, true), row("After", after, false)];
}

export function outcomeCard() {
  const title = el("h4", { class: "learn-headline", role: "status", id: "lora-mixer-learn-headline" });
  const worth = el("div", { class: "worth", role: "group", "aria-label": "Before and after, of replies held out" });
  const lines = el("ul", { class: "plain learn-lines" });
  const said = messageLine("lora-mixer-learn-said");
  const back = el("div", { class: "learn-undo", hidden: true });
  const backText = el("span");
  back.append(
    backText,
    el("button", {
      type: "button",
      class: "button small",
      text: "Undo",
      id: "lora-mixer-learn-undo",
      on: { click: undo },
    }),
  );
  const put = el("button", {
    type: "button",
    class: "button primary",
    text: "Put on the desk",
    id: "lora-mixer-learn-put",
    title: "The faders go where they were learned to stand; Undo puts them back",
    on: {
      click: () => {
        const { attempt } = learning;
        moveWithUndo({ do: "learn put" }, "The mix that was learned is on the desk.", (answer) => {
          if (!answer.refused && attempt && attempt.best !== null) hears(attempt.key, attempt.best);
          said.say(answer.refused?.why ?? "", false);
        });
      },
    },
  });
  const compare = el("button", {
    type: "button",
    class: "button",
    text: "Compare with as loaded and the base",
    id: "lora-mixer-learn-compare",
    title: "Three columns on the tab Mix, the same dice; asked what was held out",
    on: { click: compareNow },
  });
  const bake = el("button", {
    type: "button",
    class: "button",
    text: "Bake it\u2026",
    id: "lora-mixer-learn-bake",
    on: {
      click: () => {
        learning.toBake = true;
        goTo("adapters", "lora-mixer-bake");
        jobs.changed();
      },
    },
  });
  const name = textField("Keep as a profile", {
    id: "lora-mixer-learn-name",
    maxlength: 120,
    placeholder: "learned-softer",
  });
  /** @param {boolean} overwrite */
  const keepAs = (overwrite) => {
    name.complain("");
    if (!name.input.value.trim()) {
      name.complain("It needs a name.");
      name.input.focus();
      return;
    }
    jobs.order({ do: "learn keep", name: name.input.value, overwrite }, (answer) => {
      if (answer.refused) name.complain(answer.refused.why);
      else said.say(answer.said, true);
      over.node.hidden = !answer.refused || overwrite || !/already|exists|taken/i.test(answer.refused.why);
    });
  };
  const keep = el("button", {
    type: "button",
    class: "button",
    text: "Keep",
    id: "lora-mixer-learn-keep",
    on: { click: () => keepAs(false) },
  });
  const over = askingButton("Overwrite it\u2026", "Yes, overwrite it", { do: "learn-overwrite" }, () => keepAs(true));
  over.node.hidden = true;
  name.input.addEventListener("input", () => {
    over.node.hidden = true;
  });
  const actions = el(
    "div",
    { class: "learn-actions" },
    el("div", { class: "column-tools" }, put, compare, bake),
    el("div", { class: "fields learn-keep" }, name.node, keep, over.node),
  );
  const misfit = el("div", { class: "why-not", hidden: true });
  const mixes = mixesOnTheWay((text, good) => said.say(good ? "" : text, good));
  const map = gainMap();
  const node = el(
    "section",
    { class: "panel-card", id: "lora-mixer-learn-outcome", "aria-label": "What came of it", hidden: true },
    title,
    worth,
    lines,
    misfit,
    actions,
    back,
    said.node,
    mixes.node,
    map.node,
  );

  function compareNow() {
    jobs.order({ do: "learn columns" }, (answer) => {
      if (answer.refused) {
        said.say(answer.refused.why, false);
        return;
      }
      lab.look();
      goTo("mix", "lora-mixer-compare");
      if (!answer.ask || lab.line.running) {
        lab.tell(saidBy(answer), true);
        return;
      }
      const ask = answer.ask;
      lab.begins("Waiting for the model \u2026");
      lab.afterOrders(() =>
        lab.send({ do: "compare", source: "many", text: ask, seeds: 1, length: "", batched: true }),
      );
    });
  }

  /** @param {Attempt} attempt */
  function headline({ running, failed, found, source, count }) {
    if (running)
      return `Learning from ${count.toLocaleString("en")} ${source === "votes" ? "votes" : "replies"} \u2026`;
    return failed ? `This did not work: ${failed}` : (found?.headline ?? "");
  }

  return {
    node,
    /** @param {boolean} [again] the page has another width */
    update(again) {
      const { attempt } = learning;
      node.hidden = !attempt;
      if (!attempt) return;
      const { found } = attempt;
      setText(title, headline(attempt));
      title.classList.toggle("is-good", found?.learned === true);
      title.classList.toggle("is-wrong", attempt.failed !== "");
      whenChanged(worth, [found?.learned, found?.before, found?.after, found?.low, found?.high], () =>
        worth.replaceChildren(
          ...(found?.learned ? bars(found, attempt.source === "votes" ? "nats a vote" : "nats a token") : []),
        ),
      );
      worth.hidden = !worth.childElementCount;
      whenChanged(lines, found?.lines ?? [], () =>
        lines.replaceChildren(...(found?.lines ?? []).map((text) => el("li", { text }))),
      );
      showText(misfit, attempt.misfit);
      actions.hidden = !found?.learned;
      put.disabled = compare.disabled = bake.disabled = keep.disabled = attempt.misfit !== "";
      const way = undoableText();
      back.hidden = !way;
      setText(backText, way);
      mixes.update(again);
      map.update();
    },
  };
}
