/*
 * What others need to know of a trouble, on the clipboard: versions, model, adapters and the end of the log, as Python
 * tells them.
 */

import { openChannel, saidBy } from "./channel.js";
import { copied } from "./clipboard.js";
import { el, setText } from "./elements.js";
import { keepKeys } from "./gestures.js";
import { onStop } from "./lifetime.js";

/** @import { Answered } from "./messages.js" */
/** @import { ReportOrder } from "./orders.js" */

/** @type {ReturnType<typeof openChannel<ReportOrder, Answered & {report?: string}>>} */
const channel = openChannel("report", { hear: () => {} });

export const report = { answered: channel.answered };

/** A button that copies the report; where that cannot be, the report itself, to be copied by hand. */
function copier() {
  const said = el("span", { class: "report-said", role: "status" });
  const text = el("textarea", {
    class: "report-text",
    readonly: true,
    rows: 8,
    hidden: true,
    spellcheck: "false",
    "aria-label": "Report",
  });
  const button = el("button", {
    type: "button",
    class: "button small",
    text: "Copy report",
    data: { do: "copy-report" },
    title: "Versions, model, adapters and the last lines of the log, for a report. No prompt and no reply is in it.",
    on: { click: ask },
  });

  function ask() {
    button.disabled = true;
    channel.order({ do: "look" }, async (answer) => {
      button.disabled = false;
      if (answer.report === undefined) {
        setText(said, saidBy(answer));
        return;
      }
      text.value = answer.report;
      text.hidden = await copied(answer.report);
      setText(said, text.hidden ? "Copied." : "This browser does not let the page copy: take it from here.");
      if (!text.hidden) text.select();
    });
  }

  return el("div", { class: "report" }, button, said, text);
}

/** The report's two places: below all our tabs, and beside what the desk says where there is nothing to mix. */
export function reports() {
  const foot = copier();
  foot.classList.add("lora-mixer");
  keepKeys(foot);
  const beside = copier();
  onStop(() => {
    foot.remove();
    beside.remove();
  });
  return {
    root: foot,
    settle() {
      const place = document.getElementById("lora-mixer-report");
      if (place && foot.parentNode !== place) place.append(foot);
      const trouble = document.querySelector(".lora-mixer-desk > .lora-mixer-trouble > div");
      if (trouble && beside.parentNode !== trouble) trouble.append(beside);
    },
  };
}
