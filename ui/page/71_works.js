/* The works: all that is done with adapters beyond moving faders (shelf, profiles, heat maps, baking); talking with Python about it. */
(function (M) {
  "use strict";

  /*
   * Page -> Python, in #lora-mixer-works-order: {seq, do, …}, one after the other, each answered in #lora-mixer-works-answer:
   *   {re: seq, refused, said, job: JOB, …}; what else there is: shelf, profiles, loudness, impact, sizes, text.
   * #lora-mixer-works-start: {seq, do, …} begins a job (loading, measuring, baking), one at a time; while it runs Python
   *   tells in #lora-mixer-works-news: {n, job: JOB, …}.
   * JOB: {what: "load" | "impact" | "bake" | "", key, text, part: 0…1 or null, running, failed, seq}; key is where on the
   *   page it belongs, seq that of the start. Until Python has told of it, it is the page's own, and waiting.
   */
  const LOOKS = ["job", "shelf", "bakery", "plan", "loudness", "profiles", "measured", "export"];
  const QUIET_MS = 4000;
  const DEAF_MS = 8000;
  const DEAF = "This did not reach Python, and was not begun: press again.";

  const hearers = [];
  const { onChange, changed } = M.frames("the works");
  const idle = { what: "", key: "", text: "", part: null, running: false, failed: false, seq: 0 };
  let waitingSince = 0;
  let heardAt = 0;

  /** How Python says that its job stands. One that is over and was not shown running here is none of ours: it was before. */
  function follow(job) {
    const ours = works.job;
    if (job.seq === ours.seq || !ours.seq || (job.running && !ours.waiting)) works.job = job;
    else if (job.running) waitingSince = performance.now(); // ours may be waiting for that one
    else if (ours.running && performance.now() - waitingSince > DEAF_MS) {
      works.job = { ...ours, text: ours.waiting ? DEAF : "", running: false, waiting: false, failed: Boolean(ours.waiting) };
    }
  }

  function hear(news) {
    if (news.job) follow(news.job);
    for (const fn of hearers) fn(news);
    M.store.changed(); // parts of the works stand on the desk, and what is drawn there hears of the store alone
    changed();
  }

  const channel = M.channel("works", {
    hear,
    looks: LOOKS,
    lost: ({ then }) => then && then({ refused: M.channel.LOST }),
  });

  const works = (M.works = {
    job: idle,

    /** fn runs, at most once a frame, after anything changed. */
    onChange,
    changed,
    /** fn(news) sees everything that Python says. */
    onNews: (fn) => hearers.push(fn),

    /** Ask Python something; then(answer) gets what it says. */
    order: (message, then) => channel.order(message, then),
    answered: channel.answered,

    /** Begin a job; it belongs to the part of the page that calls itself key. */
    start(message, key) {
      if (works.job.running) return;
      const seq = channel.send("start", { ...message, key });
      const state = seq ? { text: "Waiting \u2026", running: true, waiting: true } : { text: DEAF, failed: true };
      works.job = { ...idle, what: message.do, key, seq: seq || -1, ...state };
      waitingSince = heardAt = performance.now();
      M.store.changed();
    },
    stop: () => works.order({ do: "stop" }),

    /** What a part of the page has to show of the job: that of another part is only in the way. */
    jobOf: (key) => (works.job.key === key ? works.job : { ...idle, busy: works.job.running }),

    news: M.guard("news", (text) => {
      if (!text) return;
      heardAt = performance.now();
      hear(JSON.parse(text));
    }),

    /** Every two seconds: a job that nobody tells about any more (the page was built anew) is asked about. */
    tick() {
      if (works.job.running && performance.now() - heardAt > QUIET_MS && channel.idle) works.order({ do: "job", of: works.job.seq });
    },
  });
})(window.loraMixer);
