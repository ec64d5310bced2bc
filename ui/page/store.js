/* What the page knows: the state as Python told it, and the panel, where every control stands. */

import { frames } from "./frames.js";
import { guard, listen, onStop } from "./lifetime.js";
import { copyPanel, fadersBetween, sameAdapter, samePanel } from "./panel.js";
import { wire } from "./wire.js";

/** @import { Adapter, Panel, State, StateNews } from "./messages.js" */

const SETTLE_MS = 600;
const { onChange, changed } = frames("drawing");
let hands = 0; // gestures under way: a finger on a fader, a pen on the curve
/** @type {ReturnType<typeof setTimeout> | undefined} */
let recheck;
/** @type {StateNews | null} */
let waiting = null; // a state whose adapters changed while a hand was on the desk

export const store = {
  /** @type {State | null} */
  state: null,
  rev: -1,
  loaded: -1, // which adapters state holds, in Python's count
  panel: copyPanel(), // as loaded, until a state has come
  /** @type {number | null} */
  crossfaded: null, // where the crossfader put the panel's faders; null if another fader was moved since
  /** @type {Map<string, unknown>} */
  memory: new Map(), // what the page remembers of itself: open sections, chosen cells

  /** fn runs, at most once a frame, after anything changed. */
  onChange,
  changed,

  /**
   * Move a control: fn changes the panel, Python and the page are told.
   *
   * @param {(panel: Panel) => void} fn
   */
  edit(fn) {
    if (!store.state) return;
    fn(store.panel);
    store.crossfaded = null;
    wire.panelMoved();
    store.changed();
  },

  /**
   * Move the crossfader: all faders go where it says. Python puts them there with as few faders as that takes.
   *
   * @param {number} t
   */
  crossfade(t) {
    const fader = store.state?.crossfade;
    if (!fader) return;
    store.panel.mix.adapters = fadersBetween(fader.a.mix.adapters, fader.b.mix.adapters, t);
    store.crossfaded = t;
    wire.panelMoved();
    store.changed();
  },

  /** A gesture begins: until it ends no incoming state moves anything. */
  grab() {
    hands += 1;
  },

  release() {
    hands = Math.max(0, hands - 1);
    if (hands || !waiting) return;
    const state = waiting;
    waiting = null;
    store.receive(state);
  },

  get held() {
    return hands > 0;
  },

  range() {
    const { min = 0, max = 2 } = store.state?.fader ?? {};
    return Number.isFinite(min) && Number.isFinite(max) && max > min ? { min, max } : { min: 0, max: 2 };
  },

  /** @param {StateNews} news */
  receive(news) {
    wire.answered();
    const state = whole(news);
    if (!state) return;
    store.rev = state.rev;
    if (hands) {
      waiting = state;
      return;
    }
    const panel = copyPanel(state.panel);
    const same = store.state && samePanel(panel, store.panel);
    // A state may have been on its way while we moved: ours is newer. Ask again once the hand rests.
    const ours = store.state && !same && wire.quietFor() < SETTLE_MS;
    store.state = { ...state, adapters: state.adapters.map(asBefore) };
    store.loaded = Number.isInteger(state.loaded) ? state.loaded : -1;
    if (ours) settle();
    else {
      store.panel = panel;
      store.crossfaded = null;
    }
    store.changed();
  },

  /** Where a control was taken off the page under the finger, its own release never comes. */
  start() {
    const letGo = guard("letting go", () => {
      hands = Math.min(hands, 1);
      if (hands) store.release();
    });
    for (const type of ["pointerup", "pointercancel"]) listen(window, type, () => setTimeout(letGo, 0), true);
    onStop(() => clearTimeout(recheck));
  },
};

/**
 * Puts in the adapters that Python left out because we have them; null if we have not: then they are asked for.
 *
 * @param {StateNews} news
 * @returns {State | null}
 */
function whole(news) {
  if (news.adapters) return { ...news, adapters: news.adapters };
  if (store.state && store.loaded === news.loaded) return { ...news, adapters: store.state.adapters };
  store.loaded = -1;
  wire.poll(true);
  return null;
}

// What is shown already: by name, the adapter as it was, if nothing about it changed. Its strip then stays.
/** @type {Map<string, Adapter>} */
const shown = new Map();

/** @param {Adapter} adapter */
function asBefore(adapter) {
  const old = shown.get(adapter.name);
  const kept = old && sameAdapter(old, adapter) ? old : adapter;
  shown.set(adapter.name, kept);
  return kept;
}

function settle() {
  clearTimeout(recheck);
  recheck = setTimeout(
    guard("settling", () => {
      if (hands || wire.quietFor() < SETTLE_MS) settle();
      else wire.poll(true);
    }),
    SETTLE_MS,
  );
}
