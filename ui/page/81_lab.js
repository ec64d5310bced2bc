/* The lab: what it knows (the columns as they are set up, the experiment that is shown), and talking with Python about it. */
(function (M) {
  "use strict";

  /*
   * Page -> Python, in #lora-mixer-lab-order: {seq, do, …}, one after the other, each answered in #lora-mixer-lab-answer:
   *   {re: seq, setup: SETUP, refused: {at, why}, said, sheet, …NEWS}
   * #lora-mixer-lab-start: {seq, source, text, seeds, batched} begins a comparison, #lora-mixer-lab-use: {seq, column}.
   * Python -> page, in #lora-mixer-lab-news, while a comparison runs: {sheet: HEAD} when it begins, and NEWS.
   * SETUP: {rev, columns: [{key, letter, name, plays, kept}], least, most, filled, trouble, examples, keeps}
   * HEAD: {key, columns: [label], rows: [{label, seed}], grid, use, limit, reference}
   * NEWS: {key, n, cells: [CELL], line: {text, running, part}, note}; n counts up by one.
   * CELL: {r, c, s: state, n: tokens, pace, end}, and text, or at and add (what follows the first `at` characters), or
   *   pieces: [[text, marked]] and leaves: the token at which it leaves the reference, or null.
   */
  const PATIENCE_MS = 6000;
  const QUIET_MS = 5000;

  const listeners = [];
  const orders = [];
  let seq = Date.now() % 1e9;
  let open = null; // the order that Python has not answered yet
  let timer = 0;
  let frame = 0;
  let counted = 0; // the news seen last
  let heardAt = 0;

  function changed() {
    if (!frame) frame = requestAnimationFrame(M.guard("the lab", () => {
      frame = 0;
      for (const fn of listeners) fn();
    }));
  }

  function next() {
    if (open || !orders.length) return;
    open = orders.shift();
    open.message.seq = ++seq;
    const sent = M.wire.write("lora-mixer-lab-order", JSON.stringify(open.message));
    clearTimeout(timer);
    timer = setTimeout(M.guard("waiting", () => {
      // No answer: the page may have been built anew. Looking again is always right; a change is not made twice.
      const { message } = open;
      open = null;
      if (!sent) lab.order(message);
      else if (message.do !== "look") lab.look();
      next();
    }), sent ? PATIENCE_MS : 500);
  }

  function show(head) {
    lab.sheet = head && { ...head, cells: head.rows.map(() => head.columns.map(() => ({ s: "waiting", text: "", n: 0, pace: "", end: "", leaves: null, pieces: null }))) };
    counted = 0;
  }

  /** Put news into the cells; false if some were missed: then the line waits too, until the page has looked again. */
  function take(news, answer) {
    const whole = !news.cells || fill(news) || answer;
    if (whole && news.line) lab.line = news.line;
    if (whole && news.note !== undefined) lab.note = news.note;
    return whole;
  }

  function fill(news) {
    const { sheet } = lab;
    if (!sheet || sheet.key !== news.key) return false;
    if (news.reference !== undefined) sheet.reference = news.reference;
    let whole = news.n === counted + 1;
    counted = news.n;
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

  function receive(news, answer) {
    if (news.setup) lab.setup = news.setup;
    if (news.sheet !== undefined) show(news.sheet);
    for (const fn of lab.extras) fn(news);
    return take(news, answer);
  }

  const lab = (M.lab = {
    setup: null,
    sheet: null,
    line: { text: "", running: false, part: null },
    note: "", // what to know about the experiment that is shown
    parts: [], // further parts of the lab: functions that get its element and the results, and give {update()}
    extras: [], // what else wants to see everything that Python says

    /** fn runs, at most once a frame, after anything changed. */
    onChange: (fn) => listeners.push(fn),
    changed,

    /** Ask Python something; then(answer) gets what it says. */
    order(message, then) {
      orders.push({ message, then });
      next();
    },
    look: () => lab.order({ do: "look" }),

    /** fn runs when Python has followed every order: what is begun then knows of all of them. */
    afterOrders(fn) {
      if (!open && !orders.length) fn();
      else lab.order({ do: "nothing" }, fn);
    },

    /** Begin a comparison, or use a reply: Python needs the whole chat for these, so they have boxes of their own. */
    send: (box, message) => M.wire.write(`lora-mixer-lab-${box}`, JSON.stringify({ ...message, seq: ++seq })),

    /** Python's news of a comparison. */
    news: M.guard("news", (text) => {
      if (!text) return;
      heardAt = performance.now();
      if (!receive(JSON.parse(text)) && !orders.length) lab.look();
      changed();
    }),

    /** Python's answer to an order. */
    answered: M.guard("an answer", (text) => {
      if (!text) return;
      const answer = JSON.parse(text);
      const before = counted;
      receive(answer, true);
      counted = before; // the count of an answer is its own
      if (answer.re === (open && open.message.seq)) {
        const { then } = open;
        open = null;
        clearTimeout(timer);
        if (then) then(answer);
      }
      changed();
      next();
    }),

    /** Every two seconds: has something changed that nobody told us? */
    tick() {
      const told = M.store.state && M.store.state.lab;
      if (!lab.setup) {
        if (!open && !orders.length) lab.look();
        return;
      }
      const silent = lab.line.running && performance.now() - heardAt > QUIET_MS;
      if (silent || (told && told.rev !== lab.setup.rev)) {
        heardAt = performance.now();
        if (!open) lab.look();
      }
    },
  });

  M.store.onChange(M.guard("the lab", () => {
    const { state } = M.store;
    if (!state || !lab.setup) return;
    const trouble = state.trouble ? `${state.trouble.title}: ${state.trouble.advice}` : "";
    if ((state.lab && state.lab.rev !== lab.setup.rev) || trouble !== lab.setup.trouble) {
      if (!open && !orders.length) lab.look();
    }
    changed();
  }));
  M.onStop(() => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  });
})(window.loraMixer);
