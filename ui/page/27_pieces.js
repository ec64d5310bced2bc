/* Small pieces that several pages share: what was said, how far a job is, a button that asks first, words for sizes and times. */
(function (M) {
  "use strict";

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

  const HASTE_MS = 350; // nobody has read a question by then

  /** A button that asks before it acts: the first press turns it into a question, for some seconds. */
  M.askingButton = function (label, question, data, act) {
    let timer = 0;
    let askedAt = 0;
    const ask = el("button", { type: "button", class: "button small", text: label, data });
    const yes = el("button", { type: "button", class: "button small danger", text: question, hidden: true, data: { do: `${data.do}-yes` } });
    const no = el("button", { type: "button", class: "button small", text: "Cancel", hidden: true, data: { do: `${data.do}-no` } });
    const show = (asking) => {
      clearTimeout(timer);
      ask.hidden = asking;
      yes.hidden = no.hidden = !asking;
      askedAt = performance.now();
      if (asking) timer = setTimeout(() => show(false), 8000);
    };
    ask.addEventListener("click", M.guard("asking", () => { show(true); no.focus(); }));
    no.addEventListener("click", M.guard("asking", () => { show(false); ask.focus(); }));
    yes.addEventListener("click", M.guard("asking", (event) => {
      // Two quick taps of a finger: this one was meant for the button that stood here.
      if (event.pointerType === "touch" && performance.now() - askedAt < HASTE_MS) return;
      show(false);
      act();
    }));
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
