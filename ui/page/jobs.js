/*
 * All that is done with adapters beyond moving faders: the shelf, profiles, heat maps, baking. What Python is asked
 * about them, and the one job that takes its time.
 */

import { openChannel } from "./channel.js";
import { frames } from "./frames.js";
import { guard } from "./lifetime.js";
import { store } from "./store.js";

/** @import { Job, JobNews } from "./messages.js" */
/** @import { JobOrder, JobStart } from "./orders.js" */

const LOOKS = [
  "job",
  "shelf",
  "bakery",
  "plan",
  "recipe",
  "loudness",
  "spectra",
  "profiles",
  "measured",
  "export",
  "learning",
  "learn votes",
];
const QUIET_MS = 4000;
const DEAF_MS = 8000;
const DEAF = "This did not reach Python, and was not begun: press again.";

/** @type {Array<(news: JobNews) => void>} */
const hearers = [];
const { onChange, changed } = frames("adapters");
/** @type {Job} */
const idle = { what: "", key: "", text: "", part: null, running: false, failed: false, seq: 0 };
let waitingSince = 0;
let heardAt = 0;

/**
 * How Python says that its job stands. One that is over and was not shown running here is none of ours: it was before.
 *
 * @param {Job} job
 */
function follow(job) {
  const ours = jobs.job;
  if (job.seq === ours.seq || !ours.seq || (job.running && !ours.waiting)) jobs.job = job;
  else if (job.running)
    waitingSince = performance.now(); // ours may be waiting for that one
  else if (ours.running && performance.now() - waitingSince > DEAF_MS) {
    jobs.job = {
      ...ours,
      text: ours.waiting ? DEAF : "",
      running: false,
      waiting: false,
      failed: Boolean(ours.waiting),
    };
  }
}

/** @param {JobNews} news */
function hear(news) {
  if (news.job) follow(news.job);
  for (const fn of hearers) fn(news);
  store.changed(); // some of it stands on the desk, and what is drawn there hears of the store alone
  changed();
}

/** @type {ReturnType<typeof openChannel<JobOrder, JobNews>>} */
const channel = openChannel("works", {
  hear,
  looks: LOOKS,
});

export const jobs = {
  job: idle,

  /** fn runs, at most once a frame, after anything changed. */
  onChange,
  changed,

  /**
   * fn sees everything that Python says.
   *
   * @param {(news: JobNews) => void} fn
   */
  onNews(fn) {
    hearers.push(fn);
  },

  /**
   * Ask Python something; then gets what it says.
   *
   * @param {JobOrder} message
   * @param {(answer: JobNews) => void} [then]
   */
  order: (message, then) => channel.order(message, then),
  answered: channel.answered,

  /**
   * Begin a job; it belongs to the part of the page that calls itself key.
   *
   * @param {JobStart} message
   * @param {string} key
   */
  start(message, key) {
    if (jobs.job.running) return;
    const seq = channel.send("start", { ...message, key });
    const state = seq ? { text: "Waiting \u2026", running: true, waiting: true } : { text: DEAF, failed: true };
    jobs.job = { ...idle, what: message.do, key, seq: seq || -1, ...state };
    waitingSince = heardAt = performance.now();
    store.changed();
  },
  stop: () => jobs.order({ do: "stop" }),

  /**
   * What a part of the page has to show of the job: that of another part is only in the way.
   *
   * @param {string} key
   * @returns {Job}
   */
  jobOf: (key) => (jobs.job.key === key ? jobs.job : { ...idle, busy: jobs.job.running }),

  /** What Python tells while a job runs. */
  news: guard("news", (/** @type {string} */ text) => {
    if (!text) return;
    heardAt = performance.now();
    hear(JSON.parse(text));
  }),

  /** Every two seconds: a job that nobody tells about any more (the page was built anew) is asked about. */
  tick() {
    if (jobs.job.running && performance.now() - heardAt > QUIET_MS && channel.idle)
      jobs.order({ do: "job", of: jobs.job.seq });
  },
};
