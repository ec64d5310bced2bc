/* What the page knows: the state as Python told it, and the panel, where every control stands. */
(function (M) {
  "use strict";

  const SETTLE_MS = 600;
  const { onChange, changed } = M.frames("drawing");
  let hands = 0; // gestures under way: a finger on a fader, a pen on the curve
  let recheck = 0;
  let waiting = null; // a state whose adapters changed while a hand was on the desk

  const store = (M.store = {
    state: null,
    rev: -1,
    loaded: -1, // which adapters state holds, in Python's count
    panel: null,
    memory: new Map(), // what the page remembers of itself: open sections, chosen cells

    /** fn runs, at most once a frame, after anything changed. */
    onChange,
    changed,

    /** Move a control: fn(panel) changes the panel, Python and the page are told. */
    edit(fn) {
      if (!store.panel) return;
      fn(store.panel);
      M.wire.panelMoved();
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
      const fader = (store.state && store.state.fader) || {};
      const min = Number.isFinite(fader.min) ? fader.min : 0;
      const max = Number.isFinite(fader.max) ? fader.max : 2;
      return max > min ? { min, max } : { min: 0, max: 2 };
    },

    receive(state) {
      M.wire.answered();
      if (!whole(state)) return;
      store.rev = state.rev;
      if (hands) {
        waiting = state;
        return;
      }
      const panel = M.model.panel(state.panel);
      const same = store.panel && M.model.samePanel(panel, store.panel);
      // A state may have been on its way while we moved: ours is newer. Ask again once the hand rests.
      const ours = store.panel && !same && M.wire.quietFor() < SETTLE_MS;
      store.state = state;
      store.loaded = Number.isInteger(state.loaded) ? state.loaded : -1;
      state.adapters = state.adapters.map(asBefore);
      if (!ours) store.panel = panel;
      else settle();
      store.changed();
    },
  });

  /** Puts in the adapters that Python left out because we have them; false if we have not: then they are asked for. */
  function whole(state) {
    if (state.adapters) return true;
    if (store.state && store.loaded === state.loaded) state.adapters = store.state.adapters;
    else {
      store.loaded = -1;
      M.wire.poll(true);
    }
    return Boolean(state.adapters);
  }

  // What is shown already: by name, the adapter as it was, if nothing about it changed. Its strip then stays.
  const shown = new Map();
  function asBefore(adapter) {
    const old = shown.get(adapter.name);
    const kept = old && M.model.sameAdapter(old, adapter) ? old : adapter;
    shown.set(adapter.name, kept);
    return kept;
  }

  function settle() {
    clearTimeout(recheck);
    recheck = setTimeout(M.guard("settling", () => {
      if (hands || M.wire.quietFor() < SETTLE_MS) settle();
      else M.wire.poll(true);
    }), SETTLE_MS);
  }

  // Where a control was taken off the page under the finger, its own release never comes.
  for (const type of ["pointerup", "pointercancel"]) {
    M.listen(window, type, () => setTimeout(() => {
      hands = Math.min(hands, 1);
      if (hands) store.release();
    }, 0), true);
  }

  M.onStop(() => clearTimeout(recheck));
})(window.loraMixer);
