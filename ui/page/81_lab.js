/* The lab: what it knows (the columns as they are set up, the experiment that is shown), and talking with Python about it. */
(function (M) {
  "use strict";

  /*
   * Page -> Python, in #lora-mixer-lab-order: {seq, do, …}, one after the other, each answered in #lora-mixer-lab-answer:
   *   {re: seq, setup: SETUP, refused: {at, why}, said, sheet, …NEWS}
   * #lora-mixer-lab-start: {seq, source, text, seeds, length, batched} begins a comparison, #lora-mixer-lab-use: {seq, column}.
   * Python -> page, in #lora-mixer-lab-news, while a comparison runs: {sheet: HEAD} when it begins, and NEWS.
   * SETUP: {rev, columns: [{key, letter, name, plays, kept}], least, most, filled, trouble, examples, keeps}
   * HEAD: {key, columns: [label], rows: [{label, seed}], grid, use, limit, reference}
   * NEWS: {key, n, age, cells: [CELL], line: {text, running, part}, note}; n counts up by one, age never goes back.
   * CELL: {r, c, s: state, n: tokens, pace, end}, and text, or at and add (what follows the first `at` characters), or
   *   pieces: [[text, marked]] and leaves: the token at which it leaves the reference, or null.
   */
  const QUIET_MS = 5000;

  const { onChange, changed } = M.frames("the lab");
  let counted = 0; // the news seen last
  let heardAt = 0;
  let begun = false; // something was begun of which Python has told nothing yet

  function show(head) {
    lab.sheet = head && { ...head, cells: head.rows.map(() => head.columns.map(() => ({ s: "waiting", text: "", n: 0, pace: "", end: "", leaves: null, pieces: null }))) };
    counted = 0;
  }

  /** Put news into the cells; false if some were missed: then the line waits too, until the page has looked again. */
  function take(news, answer) {
    const whole = !news.cells || fill(news) || answer;
    if (whole && news.line && !(answer && begun)) lab.line = news.line;
    if (whole && news.note !== undefined) lab.note = news.note;
    return whole;
  }

  function fill(news) {
    const { sheet } = lab;
    if (!sheet || sheet.key !== news.key) return false;
    if (news.reference !== undefined) sheet.reference = news.reference;
    let whole = news.n === counted + 1;
    counted = news.n;
    sheet.age = news.age;
    for (const told of news.cells) {
      const cell = sheet.cells[told.r][told.c];
      if (told.add !== undefined) {
        const missing = told.at > cell.text.length;
        if (missing) whole = false;
        else cell.text = cell.text.slice(0, told.at) + told.add;
      } else if (told.text !== undefined) {
        cell.text = told.text;
        cell.pieces = null;
      } else if (told.pieces) {
        cell.pieces = told.pieces;
        cell.text = told.pieces.map((piece) => piece[0]).join("");
      }
      Object.assign(cell, { s: told.s, n: told.n, pace: told.pace || "", end: told.end || "", leaves: told.leaves === undefined ? null : told.leaves });
      cell.fresh = true;
    }
    return whole;
  }

  /** An answer can be overtaken by news that were sent after it: what it says of the replies is no longer so. */
  const overtaken = (news) => lab.sheet !== null && news.key === lab.sheet.key && news.age < lab.sheet.age;

  function receive(news, answer) {
    if (news.setup) lab.setup = news.setup;
    if (overtaken(news)) return true;
    if (news.sheet !== undefined) show(news.sheet);
    for (const fn of lab.extras) fn(news);
    return take(news, answer);
  }

  const channel = M.channel("lab", {
    hear(answer) {
      const before = counted;
      receive(answer, true);
      counted = before; // the count of an answer is its own
      changed();
    },
    lost: () => lab.look(), // always right; a change is not made twice
  });

  const lab = (M.lab = {
    setup: null,
    sheet: null,
    line: { text: "", running: false, part: null },
    note: "", // what to know about the experiment that is shown
    parts: [], // further parts of the lab: functions that get its element and the results, and give {update()}
    extras: [], // what else wants to see everything that Python says

    /** fn runs, at most once a frame, after anything changed. */
    onChange,
    changed,

    /** Ask Python something; then(answer) gets what it says. */
    order: (message, then) => channel.order(message, then),
    answered: channel.answered,
    look: channel.look,

    /** fn runs when Python has followed every order: what is begun then knows of all of them. */
    afterOrders(fn) {
      if (channel.idle) fn();
      else lab.order({ do: "nothing" }, fn);
    },

    /** Something takes its time from here on: what Python says of the time before it was begun is not shown any more. */
    begins(text) {
      lab.line = { text, running: true, part: null };
      begun = true;
      heardAt = performance.now();
      changed();
    },

    /** Begin a comparison, or use a reply: Python needs the whole chat for these, so they have boxes of their own. */
    send: (box, message) => channel.send(box, message),

    /** Python's news of a comparison. */
    news: M.guard("news", (text) => {
      if (!text) return;
      heardAt = performance.now();
      begun = false;
      if (!receive(JSON.parse(text))) lab.look();
      changed();
    }),

    /** Every two seconds: has something changed that nobody told us? */
    tick() {
      const told = M.store.state && M.store.state.lab;
      if (!lab.setup) {
        if (channel.idle) lab.look();
        return;
      }
      const silent = lab.line.running && performance.now() - heardAt > QUIET_MS;
      if (silent || (told && told.rev !== lab.setup.rev)) {
        heardAt = performance.now();
        if (silent) begun = false;
        if (channel.idle) lab.look();
      }
    },
  });

  M.store.onChange(M.guard("the lab", () => {
    const { state } = M.store;
    if (!state || !lab.setup) return;
    const trouble = state.trouble ? `${state.trouble.title}: ${state.trouble.advice}` : "";
    if ((state.lab && state.lab.rev !== lab.setup.rev) || trouble !== lab.setup.trouble) {
      if (channel.idle) lab.look();
    }
    changed();
  }));
})(window.loraMixer);
