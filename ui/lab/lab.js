/*
 * The lab: what it knows (the columns as they are set up, the experiment that is shown), and talking with Python about
 * it.
 */

import { openChannel } from "../page/channel.js";
import { frames } from "../page/frames.js";
import { guard } from "../page/lifetime.js";
import { store } from "../page/store.js";

/** @import { Cell, CellNews, Head, LabNews, Line, Setup, Sheet } from "./messages.js" */
/** @import { LabDraw, LabOrder, LabStart, LabTell, LabUse } from "../page/orders.js" */

const QUIET_MS = 5000;

const { onChange, changed } = frames("the lab");
/** @type {Array<(news: LabNews) => void>} */
const hearers = [];
let counted = 0; // the news seen last
let heardAt = 0;
let begun = false; // something was begun of which Python has told nothing yet

/** @returns {Cell} */
const emptyCell = () => ({ s: "waiting", text: "", n: 0, pace: "", end: "", leaves: null, pieces: null });

/** @param {Head | null} head */
function show(head) {
  lab.sheet = head && { ...head, cells: head.rows.map(() => head.columns.map(emptyCell)) };
  counted = 0;
}

/**
 * Put news into the cells; false if some were missed: then the line waits too, until the page has looked again.
 *
 * @param {LabNews} news
 * @param {boolean} answer
 */
function take(news, answer) {
  const whole = !news.cells || fill(news, news.cells) || answer;
  if (whole && news.line && !(answer && begun)) lab.line = news.line;
  if (whole && news.note !== undefined) lab.note = news.note;
  return whole;
}

/**
 * @param {LabNews} news
 * @param {CellNews[]} cells
 */
function fill(news, cells) {
  const { sheet } = lab;
  if (!sheet || sheet.key !== news.key) return false;
  if (news.reference !== undefined) sheet.reference = news.reference;
  let whole = news.n === counted + 1;
  counted = news.n ?? 0;
  sheet.age = news.age;
  for (const told of cells) if (!write(sheet.cells[told.r][told.c], told)) whole = false;
  return whole;
}

/**
 * Put news of a reply into its cell; false if what is added follows something that was missed.
 *
 * @param {Cell} cell
 * @param {CellNews} told
 */
function write(cell, told) {
  let whole = true;
  if (told.add !== undefined) {
    const at = told.at ?? 0;
    whole = at <= cell.text.length;
    if (whole) cell.text = cell.text.slice(0, at) + told.add;
  } else if (told.text !== undefined) {
    cell.text = told.text;
    cell.pieces = null;
  } else if (told.pieces) {
    cell.pieces = told.pieces;
    cell.text = told.pieces.map((piece) => piece[0]).join("");
  }
  const { s, n, pace = "", end = "", leaves = null } = told;
  Object.assign(cell, { s, n, pace, end, leaves, fresh: true });
  return whole;
}

/**
 * An answer can be overtaken by news that were sent after it: what it says of the replies is no longer so.
 *
 * @param {LabNews} news
 */
function overtaken(news) {
  const { sheet } = lab;
  return sheet !== null && news.key === sheet.key && Number(news.age) < Number(sheet.age);
}

/**
 * @param {LabNews} news
 * @param {boolean} [answer]
 */
function receive(news, answer = false) {
  if (news.setup) lab.setup = news.setup;
  if (overtaken(news)) return true;
  if (news.sheet !== undefined) show(news.sheet);
  for (const fn of hearers) fn(news);
  return take(news, answer);
}

/** What goes into boxes of its own: what takes its time is told of as news. */
/** @typedef {LabStart | LabDraw | LabTell} LabBegin */
const BOXES = /** @type {const} */ ({ compare: "start", measure: "measure", draw: "draw", tell: "tell" });

/** @type {ReturnType<typeof openChannel<LabOrder | LabUse, LabNews>>} */
const channel = openChannel("lab", {
  looks: ["look", "nothing"],
  hear(answer) {
    const before = counted;
    receive(answer, true);
    counted = before; // the count of an answer is its own
    changed();
  },
  lost(refused) {
    lab.look(); // always right; a change is not made twice
    return refused;
  },
});

export const lab = {
  /**
   * The columns that play a mix which was kept for them.
   *
   * @returns {Array<[source: string, text: string]>}
   */
  keptColumns: () =>
    (lab.setup?.columns ?? [])
      .filter(({ plays }) => plays === "kept")
      .map(({ key, letter, name, kept }) => [`column:${key}`, `Column ${letter}: ${name || kept}`]),

  /** @type {Setup | null} */
  setup: null,
  /** @type {Sheet | null} */
  sheet: null,
  /** @type {Line} */
  line: { text: "", running: false, part: null },
  note: "", // what to know about the experiment that is shown

  /** fn runs, at most once a frame, after anything changed. */
  onChange,
  changed,

  /**
   * fn sees everything that Python says.
   *
   * @param {(news: LabNews) => void} fn
   */
  onNews(fn) {
    hearers.push(fn);
  },

  /**
   * Ask Python something; then gets what it says.
   *
   * @param {LabOrder} message
   * @param {(answer: LabNews) => void} [then]
   */
  order: (message, then) => channel.order(message, then),
  answered: channel.answered,
  look: () => channel.look({ do: "look" }),

  /**
   * Have a reply go into the chat.
   *
   * @param {LabUse} message
   * @param {(answer: LabNews) => void} then
   */
  use: (message, then) => channel.order(message, then, "use"),

  /**
   * fn runs when Python has followed every order: what is begun then knows of all of them.
   *
   * @param {() => void} fn
   */
  afterOrders(fn) {
    if (channel.idle) fn();
    else lab.order({ do: "nothing" }, fn);
  },

  /**
   * Something takes its time from here on: what Python says of the time before it was begun is not shown any more.
   *
   * @param {string} text
   */
  begins(text) {
    lab.line = { text, running: true, part: null };
    begun = true;
    heardAt = performance.now();
    changed();
  },

  /**
   * Begin what takes its time, or have the host say something.
   *
   * @param {LabBegin} message
   */
  send: (message) => channel.send(BOXES[message.do], message),

  /**
   * Has the host say what was refused, or done, the way it says such things.
   *
   * @param {string} [text]
   * @param {boolean} [good]
   */
  tell(text, good = false) {
    if (text) lab.send({ do: "tell", text, good });
  },

  /** Python's news of a comparison. */
  news: guard("news", (/** @type {string} */ text) => {
    if (!text) return;
    heardAt = performance.now();
    begun = false;
    if (!receive(JSON.parse(text))) lab.look();
    changed();
  }),

  /** Every two seconds: has something changed that nobody told us? */
  tick() {
    const told = store.state?.lab;
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

  /** From here on it follows what the desk is told. */
  start() {
    store.onChange(() => {
      const { state } = store;
      if (!state || !lab.setup) return;
      const trouble = state.trouble ? `${state.trouble.title}: ${state.trouble.advice}` : "";
      const other = (state.lab && state.lab.rev !== lab.setup.rev) || trouble !== lab.setup.trouble;
      if (other && channel.idle) lab.look();
      changed();
    });
  },
};
