/*
 * The mixing desk's page script. Python joins these files in order of name into one string, which the host runs once
 * the page is there; a second run tidies up after the first. Everything lives under window.loraMixer, called M here.
 *   10_wire    talking with Python: sending, polling, receiving     20_model   pure functions: gains, mute and solo, formatting
 *   12_frames  drawing anew, at most once a frame                   25_dom     making elements, icons, double taps
 *   15_store   the state, the panel, and who must be told           27_pieces  small pieces that several pages share
 *   16_channel asking Python, one order after the other             90_start   finding our places, starting
 * The desk, and the few faders beside the chat:
 *   30_strip   an adapter's strip; 35_topbar reset, bypass, range    55_fade    gains that change over the reply
 *   40_faders  the fader, the number beside it, M, S, switch         60_grid    layer x kind: drawing; 62_hand moving it;
 *   45_kinds   one fader per kind of an adapter                      65_cell    the targets of the cell that is chosen
 *   50_curve   the depth curve, one value per layer                  68_chat, 69_room  the host's chat, and how it gives way
 *   80_desk    all strips                                            70_dock    beside the chat
 * The works, which load, measure, keep and bake adapters, are spread over the desk and a tab of their own:
 *   71_works   what runs, and what Python says of it                 75_heat, 76_impact  heat maps on the grid, measuring
 *   72_shelf, 73_entry  the adapters in the host's folder            77_bake    a mix becomes an adapter of its own
 *   74_profiles  mixes under names, and shapes                       78_adapters  the tab; 79_menu  the host's own menu
 * The lab, which compares, is an element of its own beside the desk:
 *   81_lab     the columns, the experiment that is shown             85_differences  against which column; measuring them
 *   82_columns the columns as they are set up                        86_reply, 87_results what was said; 87_charts
 *   83_sweep   filling them from a sweep                             88_sharing  as files, and back
 *   84_questions what is asked, Compare and Stop                     89_compare all of it together
 * Votes have a tab of their own, and a place beside the chat:
 *   891_votes  the session that is on, and what is kept              895_past   the experiments that are kept
 *   892_ballot a pair, and choosing; 893_standing, 894_outcome       896_votes_page  the tab; 897_twice  the chat's own turns
 * The desk and the lab share a tab: 898_sides  side by side, or one at a time.
 * No text of a user, a model or a file ever becomes HTML: textContent alone.
 */
(function () {
  "use strict";

  const before = window.loraMixer;
  if (before && typeof before.stop === "function") before.stop();

  const M = (window.loraMixer = {});
  const undo = [];
  const warned = new Set();

  /** Run fn when this script is stopped or run again. */
  M.onStop = (fn) => undo.push(fn);

  M.stop = () => {
    for (const fn of undo.splice(0)) M.guard("stopping", fn)();
  };

  /** fn, but what it throws never reaches the host: it is warned about once. */
  M.guard = (what, fn) => function (...args) {
    try {
      return fn.apply(this, args);
    } catch (error) {
      if (!warned.has(what)) console.warn(`LoRA Mixer, ${what}:`, error);
      warned.add(what);
      return undefined;
    }
  };

  /** addEventListener that ends with M.stop(). */
  M.listen = (target, type, fn, options) => {
    const safe = M.guard(type, fn);
    target.addEventListener(type, safe, options);
    M.onStop(() => target.removeEventListener(type, safe, options));
  };

  /*
   * State, Python -> page, text in #lora-mixer-state:
   *   {rev, loaded, trouble: null | {title, advice}, model: {name, parameters}, fader: {min, max}, offer: null | {id, text, label},
   *    notices: [text], adapters: [ADAPTER], panel: PANEL, asked: the t of the question}; adapters is null if they are those
   *    that the page has already, which it got with the same number as loaded
   * ADAPTER: {name, playing, method, rank: [..], alpha: [..], scaling: [..], rslora, parameters, share, advice, kinds: [name],
   *    layers: [number], targets: [[name, layer or null, index in kinds, rank, alpha, scaling]], fixed: [[name, why]]}
   * PANEL, both ways: {mix: {adapters: {NAME: {on, master, kinds: {}, layers: {}, modules: {}, fades: {KEY: [[token, gain]]}}}}, muted: SIDE, soloed: SIDE,
   *    bypass}, SIDE: {adapters: [name], kinds: {NAME: [kind]}}; what stands at 1 is left out. KEY: "master", "kind:q_proj",
   *    "layer:3", "target:NAME": a fader that follows a fade.
   * Page -> Python, in #lora-mixer-panel: {seq, panel: PANEL}, {seq, fader: {min, max}}, {seq, do: "accept_offer", id};
   *    in #lora-mixer-poll: {rev: the last one seen or -1, loaded: of the adapters we have, t}, answered by a state only if there
   *    is a newer one.
   */
  const POLL_MS = 2000;
  const GAP_MS = 40; // between two panels, so that a drag is heard at once and floods nobody
  const ALONE_MS = 300; // around a command: Python handles the last message that came, a command must not be the one before
  const LOST_MS = 8000;

  const boxOf = (id) => document.querySelector(`#${id} textarea, #${id} input`);

  /** Put text into a hidden textbox the way a user would, so that Gradio notices. False if the box is not there. */
  function write(id, text) {
    const box = boxOf(id);
    if (!box) return false;
    const kind = box.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(box, text);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    // Gradio 6 takes the value from that event, but tells its own .input listeners only of a key that was pressed.
    box.dispatchEvent(new KeyboardEvent("keypress", { key: " " }));
    return true;
  }

  const commands = [];
  let panelWaits = false;
  let timer = 0;
  let seq = Date.now() % 1e9; // starts elsewhere after a reload, so that a message never equals the one in the box
  let last = { at: -1e9, gap: 0, command: false };
  let pongAt = 0;
  let askedAt = 0;
  let unanswered = 0;

  function send() {
    timer = 0;
    if (!commands.length && !panelWaits) return;
    const command = commands.length > 0;
    const gap = command !== last.command && last.at > 0 ? Math.max(ALONE_MS, last.gap) : last.gap;
    const wait = last.at + gap - performance.now();
    if (wait > 0) {
      timer = setTimeout(M.guard("sending", send), wait);
      return;
    }
    const message = command ? commands[0] : { panel: M.store.panel };
    const text = JSON.stringify(Object.assign({ seq: ++seq }, message));
    if (!write("lora-mixer-panel", text)) {
      timer = setTimeout(M.guard("sending", send), 500); // the box is being made anew: try again
      return;
    }
    if (command) commands.shift();
    else panelWaits = false;
    // A panel with thousands of single targets is big: give Python the time to read it.
    last = { at: performance.now(), gap: Math.max(GAP_MS, text.length / 2000), command };
    if (commands.length || panelWaits) send();
  }

  M.wire = {
    write,
    boxOf,

    /** The panel moved: the first move leaves at once, the last one always does. */
    panelMoved() {
      panelWaits = true;
      if (!timer) send();
    },

    /** {do: …} or {fader: …}: sent in order, none is dropped. */
    command(message) {
      commands.push(message);
      if (!timer) send();
    },

    /** Milliseconds since the panel was last sent; 0 while one still waits. */
    quietFor: () => (panelWaits ? 0 : performance.now() - last.at),

    /** Ask Python what is new; whole: for the state even if we have seen it. */
    poll(whole) {
      if (document.hidden) return;
      const rev = whole || !M.store.state ? -1 : M.store.rev;
      if (!write("lora-mixer-poll", JSON.stringify({ rev, loaded: M.store.loaded, t: Date.now() }))) return;
      if (!askedAt) askedAt = performance.now();
      if (rev === -1 && !unanswered) unanswered = performance.now();
    },

    /** A whole state came. */
    answered() {
      unanswered = 0;
      askedAt = 0;
    },

    /** True if a question for the whole state, or one that is always answered, got no answer for 8 seconds. */
    lost() {
      const now = performance.now();
      if (unanswered && now - unanswered > LOST_MS) return true;
      return pongAt > 0 && askedAt > 0 && now - askedAt > LOST_MS;
    },

    start() {
      let tick = setInterval(M.guard("polling", () => M.tick()), POLL_MS);
      M.onStop(() => clearInterval(tick));
      M.onStop(() => clearTimeout(timer));
      M.listen(document, "visibilitychange", () => {
        if (!document.hidden) M.tick();
      });
      const box = boxOf("lora-mixer-state");
      if (box && box.value) M.receive(box.value);
      M.tick();
    },
  };

  /** Python pushed a state. */
  M.receive = M.guard("receiving", (text) => {
    if (!text) return;
    const state = typeof text === "string" ? JSON.parse(text) : text;
    if (state && typeof state === "object" && (state.adapters === null || Array.isArray(state.adapters))) M.store.receive(state);
  });

  /** Python answered a poll that had nothing new. Optional: without it, only a state that never comes is noticed. */
  M.pong = M.guard("pong", () => {
    pongAt = performance.now();
    askedAt = 0;
  });
})();
