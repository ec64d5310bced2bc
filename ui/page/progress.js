/* How far something is: a bar, and a line about a job with a button that stops it. */

import { el, setText } from "./elements.js";
import { jobs } from "./jobs.js";

/** @import { Job } from "./messages.js" */

/** A bar that fills from 0 to 1; null: how far it is nobody knows. */
export function progressBar() {
  const done = el("div", { class: "progress-done" });
  const node = el("div", { class: "progress" }, done);
  return {
    node,
    /** @param {number | null} part */
    update(part) {
      node.classList.toggle("is-unknown", part === null);
      done.style.width = `${Math.round((part || 0) * 1000) / 10}%`;
    },
  };
}

/**
 * Progress of a job.
 *
 * @param {"always" | "counted"} [stoppable] when it can be stopped: counted, while it counts what it does
 */
export function jobLine(stoppable = "always") {
  const bar = progressBar();
  const text = el("span", { class: "status", role: "status" });
  const stop = el("button", {
    type: "button",
    class: "button small",
    text: "Stop",
    data: { do: "stop-job" },
    on: { click: () => jobs.stop() },
  });
  const node = el("div", { class: "job", hidden: true }, el("div", { class: "job-line" }, text, stop), bar.node);
  return {
    node,
    /** @param {Job} job */
    update(job) {
      node.hidden = !job.running && !job.text;
      setText(text, job.text || "");
      node.classList.toggle("is-wrong", job.failed === true);
      stop.hidden = !job.running || (stoppable === "counted" && job.part === null);
      bar.node.hidden = !job.running;
      bar.update(job.part);
    },
  };
}
