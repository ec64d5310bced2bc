/* The works: all that is done with adapters beyond moving faders (shelf, profiles, heat maps, baking); talking with Python about it. */
(function (M) {
  "use strict";

  /*
   * Page -> Python, in #lora-mixer-works-order: {seq, do, …}, one after the other, each answered in #lora-mixer-works-answer:
   *   {re: seq, refused, said, job: JOB, …}; what else there is: shelf, profiles, loudness, impact, sizes, text.
   * #lora-mixer-works-start: {seq, do, …} begins a job (loading, measuring, baking), one at a time; while it runs Python
   *   tells in #lora-mixer-works-news: {n, job: JOB, …}.
   * JOB: {what: "load" | "impact" | "bake" | "", key, text, part: 0…1 or null, running, failed}; key is where on the page it belongs.
   */
  const PATIENCE_MS = 8000;
  const QUIET_MS = 4000;

  const listeners = [];
  const hearers = [];
  const orders = [];
  let seq = Date.now() % 1e9;
  let open = null; // the order that Python has not answered yet
  let timer = 0;
  let frame = 0;
  let heardAt = 0;

  function changed() {
    if (!frame) frame = requestAnimationFrame(M.guard("the works", () => {
      frame = 0;
      for (const fn of listeners) fn();
    }));
  }

  function next() {
    if (open || !orders.length) return;
    open = orders.shift();
    open.message.seq = ++seq;
    const sent = M.wire.write("lora-mixer-works-order", JSON.stringify(open.message));
    clearTimeout(timer);
    timer = setTimeout(M.guard("waiting", () => {
      // No answer: the page may have been built anew. What only looks is asked again, what changes something is not.
      const lost = open;
      open = null;
      if (!sent) works.order(lost.message, lost.then);
      else if (lost.then) lost.then({ refused: "Python did not answer: look whether it was done." });
      next();
    }), sent ? PATIENCE_MS : 500);
  }

  function hear(news) {
    if (news.job) works.job = news.job;
    for (const fn of hearers) fn(news);
    M.store.changed(); // parts of the works stand on the desk, and what is drawn there hears of the store alone
  }

  const idle = { what: "", key: "", text: "", part: null, running: false, failed: false };
  const works = (M.works = {
    job: idle,

    /** fn runs, at most once a frame, after anything changed. */
    onChange: (fn) => listeners.push(fn),
    /** fn(news) sees everything that Python says. */
    onNews: (fn) => hearers.push(fn),
    changed,

    /** Ask Python something; then(answer) gets what it says. */
    order(message, then) {
      orders.push({ message, then });
      next();
    },

    /** Begin a job; it belongs to the part of the page that calls itself key. */
    start(message, key) {
      if (works.job.running) return;
      works.job = { ...idle, what: message.do, key, text: "Waiting \u2026", running: true };
      heardAt = performance.now();
      M.wire.write("lora-mixer-works-start", JSON.stringify({ ...message, key, seq: ++seq }));
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

    answered: M.guard("an answer", (text) => {
      if (!text) return;
      const answer = JSON.parse(text);
      hear(answer);
      if (answer.re === (open && open.message.seq)) {
        const { then } = open;
        open = null;
        clearTimeout(timer);
        if (then) then(answer);
        changed();
      }
      next();
    }),

    /** Every two seconds: a job that nobody tells about any more (the page was loaded again) is asked about. */
    tick() {
      if (works.job.running && performance.now() - heardAt > QUIET_MS && !open && !orders.length) works.order({ do: "job" });
    },
  });

  M.onStop(() => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  });

  // Small things that the parts of the works share -------------------------------------------------------------------

  const { el, setText } = M.dom;

  /** A line for what was done or refused: {node, say(text, good)}. */
  M.saying = function (id) {
    const text = el("span", {});
    const node = el("div", { class: "said", role: "status", hidden: true, id: id || null }, text,
      el("button", { type: "button", class: "sign", text: "\u00d7", "aria-label": "Close this message", on: { click: () => { node.hidden = true; } } }));
    return {
      node,
      say(what, good) {
        setText(text, what || "");
        node.hidden = !what;
        node.classList.toggle("is-wrong", Boolean(what) && good !== true);
      },
    };
  };

  /** Progress of a job with a button that stops it: {node, update(job)}. */
  M.jobLine = function (stoppable) {
    const bar = el("div", { class: "progress" }, el("div", { class: "progress-done" }));
    const text = el("span", { class: "status", role: "status" });
    const stop = el("button", { type: "button", class: "button small", text: "Stop", data: { do: "stop-job" }, on: { click: () => M.works.stop() } });
    const node = el("div", { class: "job", hidden: true }, el("div", { class: "job-line" }, text, stop), bar);
    return {
      node,
      update(job) {
        node.hidden = !job.running && !job.text;
        setText(text, job.text || "");
        node.classList.toggle("is-wrong", job.failed === true);
        stop.hidden = !job.running || stoppable === false;
        bar.hidden = !job.running;
        bar.classList.toggle("is-unknown", job.part === null);
        bar.firstChild.style.width = `${Math.round((job.part || 0) * 1000) / 10}%`;
      },
    };
  };

  /** A button that asks before it acts: the first press turns it into a question, for some seconds. */
  M.askingButton = function (label, question, data, act) {
    let timer = 0;
    const ask = el("button", { type: "button", class: "button small", text: label, data });
    const yes = el("button", { type: "button", class: "button small danger", text: question, hidden: true, data: { do: `${data.do}-yes` } });
    const no = el("button", { type: "button", class: "button small", text: "Cancel", hidden: true, data: { do: `${data.do}-no` } });
    const show = (asking) => {
      clearTimeout(timer);
      ask.hidden = asking;
      yes.hidden = no.hidden = !asking;
      if (asking) timer = setTimeout(() => show(false), 8000);
    };
    ask.addEventListener("click", M.guard("asking", () => { show(true); no.focus(); }));
    no.addEventListener("click", M.guard("asking", () => { show(false); ask.focus(); }));
    yes.addEventListener("click", M.guard("asking", () => { show(false); act(); }));
    return { node: el("span", { class: "asking" }, ask, yes, no), button: ask };
  };

  /** Bytes for people: 9.8 MB. */
  M.bytes = (n) => {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let at = 0;
    let value = n;
    while (value >= 999.5 && at < units.length - 1) { value /= 1000; at += 1; }
    return `${at === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${units[at]}`;
  };

  /** When something was, for people: "today 14:03", "24 Nov 2026". */
  M.when = (seconds) => {
    if (!seconds) return "";
    const date = new Date(seconds * 1000);
    const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    if (date.toDateString() === new Date().toDateString()) return `today ${clock}`;
    return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  };

  /** Have the browser keep a text as a file. */
  M.download = (name, text, type) => {
    const link = el("a", { download: name, href: URL.createObjectURL(new Blob([text], { type: type || "application/json" })) });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
})(window.loraMixer);
