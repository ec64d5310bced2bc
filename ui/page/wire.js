/* Talking with Python about the desk: sending where the controls stand, asking what is new. */

import { guard, listen, onStop } from "./lifetime.js";

/** @import { Panel } from "./messages.js" */
/** @import { DeskOrder } from "./orders.js" */

const POLL_MS = 2000;
const AT_FIRST_MS = 400; // Gradio 4 hears nothing for a moment after its boxes are there
const AT_FIRST = 15; // so often it is asked, before it is asked every two seconds
const GAP_MS = 40; // between two panels, so that a drag is heard at once and floods nobody
const ALONE_MS = 300; // around a command: Python handles the last message that came, not the one before
const LOST_MS = 8000;

/** @typedef {Exclude<DeskOrder, {do: "panel"}>} Command */

/**
 * What the wire has to know of the page.
 *
 * @typedef {object} Known
 * @property {() => Panel} panel
 * @property {() => number | null} crossfaded where the crossfader put the panel's faders; null if another fader did
 * @property {() => {rev: number, loaded: number}} seen the state that the page has; rev is -1 if it has none
 */

/** @type {Command[]} */
const commands = [];
let panelWaits = false;
let timer = 0;
let seq = Date.now() % 1e9; // starts elsewhere after a reload, so that a message never equals the one in the box
let last = { at: -1e9, gap: 0, command: false };
let pongAt = 0;
let askedAt = 0;
let unanswered = 0;
/** @type {Known} */
let known;

function send() {
  timer = 0;
  if (!commands.length && !panelWaits) return;
  const command = commands.length > 0;
  const gap = command !== last.command && last.at > 0 ? Math.max(ALONE_MS, last.gap) : last.gap;
  const wait = last.at + gap - performance.now();
  if (wait > 0) {
    timer = later(send, wait);
    return;
  }
  /** @type {DeskOrder} */
  const message = command ? commands[0] : { do: "panel", panel: known.panel(), t: known.crossfaded() };
  const text = JSON.stringify({ seq: ++seq, ...message });
  if (!wire.write("lora-mixer-panel", text)) {
    timer = later(send, 500); // the box is being made anew: try again
    return;
  }
  if (command) commands.shift();
  else panelWaits = false;
  // A panel with thousands of single targets is big: give Python the time to read it.
  last = { at: performance.now(), gap: Math.max(GAP_MS, text.length / 2000), command };
  if (commands.length || panelWaits) send();
}

/**
 * @param {() => void} fn
 * @param {number} ms
 */
const later = (fn, ms) => window.setTimeout(guard("sending", fn), ms);

/**
 * @param {string} id
 * @returns {HTMLTextAreaElement | HTMLInputElement | null}
 */
const boxOf = (id) => document.querySelector(`#${id} textarea, #${id} input`);

export const wire = {
  /**
   * Put text into a hidden textbox the way a user would, so that Gradio notices. False if the box is not there.
   *
   * @param {string} id
   * @param {string} text
   */
  write(id, text) {
    const box = boxOf(id);
    if (!box) return false;
    const kind = box.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value")?.set?.call(box, text);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    // Gradio 6 takes the value from that event, but tells its own .input listeners only of a key that was pressed.
    box.dispatchEvent(new KeyboardEvent("keypress", { key: " " }));
    return true;
  },

  /** The panel moved: the first move leaves at once, the last one always does. */
  panelMoved() {
    panelWaits = true;
    if (!timer) send();
  },

  /**
   * Sent in order, none is dropped.
   *
   * @param {Command} message
   */
  command(message) {
    commands.push(message);
    if (!timer) send();
  },

  /** Milliseconds since the panel was last sent; 0 while one still waits. */
  quietFor: () => (panelWaits ? 0 : performance.now() - last.at),

  /**
   * Ask Python what is new.
   *
   * @param {boolean} [whole] for the state even if we have seen it
   */
  poll(whole) {
    if (document.hidden) return;
    const seen = known.seen();
    const rev = whole ? -1 : seen.rev;
    if (!wire.write("lora-mixer-poll", JSON.stringify({ rev, loaded: seen.loaded, t: Date.now() }))) return;
    if (!askedAt) askedAt = performance.now();
    if (rev === -1 && !unanswered) unanswered = performance.now();
  },

  /** A whole state came. */
  answered() {
    unanswered = 0;
    askedAt = 0;
  },

  /** Python answered a poll that had nothing new. Optional: without it, only a state that never comes is noticed. */
  pong: guard("pong", () => {
    pongAt = performance.now();
    askedAt = 0;
  }),

  /** True if a question for the whole state, or one that is always answered, got no answer for 8 seconds. */
  lost() {
    const now = performance.now();
    if (unanswered && now - unanswered > LOST_MS) return true;
    return pongAt > 0 && askedAt > 0 && now - askedAt > LOST_MS;
  },

  /**
   * What is sent, and what has been seen.
   *
   * @param {Known} page
   */
  connect(page) {
    known = page;
  },

  /**
   * tick runs every two seconds while the page is seen. The state that is in the page already goes to receive.
   *
   * @param {() => void} tick
   * @param {(text: string) => void} receive
   */
  start(tick, receive) {
    const every = window.setInterval(guard("polling", tick), POLL_MS);
    onStop(() => clearInterval(every));
    onStop(() => clearTimeout(timer));
    listen(document, "visibilitychange", () => {
      if (!document.hidden) tick();
    });
    const box = boxOf("lora-mixer-state");
    if (box?.value) receive(box.value);
    tick();
    let asked = 0;
    const hurry = window.setInterval(
      guard("polling", () => {
        asked += 1;
        if (known.seen().rev >= 0 || asked > AT_FIRST) clearInterval(hurry);
        else tick();
      }),
      AT_FIRST_MS,
    );
    onStop(() => clearInterval(hurry));
  },
};
