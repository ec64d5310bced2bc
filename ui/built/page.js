"use strict";
(() => {
  // ui/page/lifetime.js
  var undo = [];
  var warned = /* @__PURE__ */ new Set();
  function onStop(fn) {
    undo.push(fn);
  }
  function stop() {
    for (const fn of undo.splice(0)) guard("stopping", fn)();
  }
  function guard(what, fn) {
    return (...args) => {
      try {
        return fn(...args);
      } catch (error) {
        if (!warned.has(what)) console.warn(`LoRA Mixer, ${what}:`, error);
        warned.add(what);
        return void 0;
      }
    };
  }
  function listen(target, type, fn, options) {
    const safe = (
      /** @type {EventListener} */
      /** @type {unknown} */
      guard(type, fn)
    );
    target.addEventListener(type, safe, options);
    onStop(() => target.removeEventListener(type, safe, options));
  }

  // ui/page/elements.js
  var SVG = "http://www.w3.org/2000/svg";
  function el(tag, props = {}, ...children) {
    const node = document.createElement(tag);
    const { class: names, text, data, on, ...attributes } = props;
    if (names !== void 0) node.className = names.split(" ").map(prefixed).join(" ");
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== false && value !== null && value !== void 0)
        node.setAttribute(key, value === true ? "" : String(value));
    }
    if (text !== void 0) node.textContent = text;
    if (data) Object.assign(node.dataset, data);
    for (const [type, fn] of Object.entries(on ?? {})) {
      node.addEventListener(
        type,
        /** @type {EventListener} */
        guard(
          type,
          /** @type {(event: Event) => void} */
          fn
        )
      );
    }
    for (const child of children) if (child) node.append(child);
    return node;
  }
  var prefixed = (name2) => name2.startsWith("is-") ? name2 : `lora-mixer-${name2}`;
  function svg(tag, attributes, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
    node.append(...children);
    return node;
  }
  var deskIcon = () => svg(
    "svg",
    { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true", class: "lora-mixer-icon" },
    svg("path", {
      d: "M4 2v16M10 2v16M16 2v16",
      stroke: "currentColor",
      "stroke-width": 1.5,
      "stroke-linecap": "round",
      opacity: 0.5
    }),
    svg("path", {
      d: "M2 12.5h4M8 6.5h4M14 9.5h4",
      stroke: "currentColor",
      "stroke-width": 3.4,
      "stroke-linecap": "round"
    })
  );
  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }
  function setAttribute(node, name2, value) {
    if (node.getAttribute(name2) !== value) node.setAttribute(name2, value);
  }
  function showText(node, text) {
    setText(node, text);
    node.hidden = !text;
  }

  // ui/page/wire.js
  var POLL_MS = 2e3;
  var AT_FIRST_MS = 400;
  var AT_FIRST = 15;
  var GAP_MS = 40;
  var ALONE_MS = 300;
  var LOST_MS = 8e3;
  var commands = [];
  var panelWaits = false;
  var timer = 0;
  var seq = Date.now() % 1e9;
  var last = { at: -1e9, gap: 0, command: false };
  var pongAt = 0;
  var askedAt = 0;
  var unanswered = 0;
  var known;
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
    const message = command ? commands[0] : { do: "panel", panel: known.panel(), t: known.crossfaded() };
    const text = JSON.stringify({ seq: ++seq, ...message });
    if (!wire.write("lora-mixer-panel", text)) {
      timer = later(send, 500);
      return;
    }
    if (command) commands.shift();
    else panelWaits = false;
    last = { at: performance.now(), gap: Math.max(GAP_MS, text.length / 2e3), command };
    if (commands.length || panelWaits) send();
  }
  var later = (fn, ms) => window.setTimeout(guard("sending", fn), ms);
  var boxOf = (id) => document.querySelector(`#${id} textarea, #${id} input`);
  var wire = {
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
    quietFor: () => panelWaits ? 0 : performance.now() - last.at,
    /**
     * Ask Python what is new.
     *
     * @param {boolean} [whole] for the state even if we have seen it
     */
    poll(whole2) {
      if (document.hidden) return;
      const seen2 = known.seen();
      const rev = whole2 ? -1 : seen2.rev;
      if (!wire.write("lora-mixer-poll", JSON.stringify({ rev, loaded: seen2.loaded, t: Date.now() }))) return;
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
    start(tick2, receive3) {
      const every = window.setInterval(guard("polling", tick2), POLL_MS);
      onStop(() => clearInterval(every));
      onStop(() => clearTimeout(timer));
      listen(document, "visibilitychange", () => {
        if (!document.hidden) tick2();
      });
      const box = boxOf("lora-mixer-state");
      if (box?.value) receive3(box.value);
      tick2();
      let asked3 = 0;
      const hurry = window.setInterval(
        guard("polling", () => {
          asked3 += 1;
          if (known.seen().rev >= 0 || asked3 > AT_FIRST) clearInterval(hurry);
          else tick2();
        }),
        AT_FIRST_MS
      );
      onStop(() => clearInterval(hurry));
    }
  };

  // ui/page/channel.js
  var PATIENCE_MS = 8e3;
  var AT_FIRST_MS2 = 1e3;
  var AGAIN_MS = 500;
  var NOT_ANSWERED = { at: "", why: "Python did not answer: look whether it was done." };
  var saidBy = ({ refused, said = "" }) => refused ? refused.why : said;
  function openChannel(name2, { hear: hear2, looks = ["look"], lost = (refused) => (
    /** @type {Answer} */
    refused
  ) }) {
    const orders = [];
    let seq2 = Date.now() % 1e9;
    let open = null;
    let heard2 = false;
    let timer3;
    function send2(box, message) {
      seq2 += 1;
      return wire.write(`lora-mixer-${name2}-${box}`, JSON.stringify({ ...message, seq: seq2 })) ? seq2 : 0;
    }
    function next() {
      const first = open ? void 0 : orders.shift();
      if (!first) return;
      open = first;
      first.seq = send2(first.box, first.message);
      clearTimeout(timer3);
      const patience = heard2 || !looks.includes(first.message.do) ? PATIENCE_MS : AT_FIRST_MS2;
      timer3 = setTimeout(guard("waiting", unanswered2), first.seq ? patience : AGAIN_MS);
    }
    function unanswered2() {
      const order2 = open;
      open = null;
      if (!order2) return;
      if (!order2.seq) orders.unshift(order2);
      else if (looks.includes(order2.message.do)) orders.push(order2);
      else order2.then?.(lost({ refused: NOT_ANSWERED }));
      next();
    }
    onStop(() => clearTimeout(timer3));
    function order(message, then, box = "order") {
      orders.push({ message, then, box, seq: 0 });
      next();
    }
    return {
      order,
      send: send2,
      /**
       * Ask how things stand, unless that waits to be asked already.
       *
       * @param {Asked} message
       */
      look(message) {
        if (!orders.some((one) => one.message.do === message.do)) order(message);
      },
      answered: guard("an answer", (text) => {
        if (!text) return;
        const answer = JSON.parse(text);
        heard2 = true;
        hear2(answer);
        if (!open || answer.re !== open.seq) return;
        const { then } = open;
        open = null;
        clearTimeout(timer3);
        if (then) then(answer);
        next();
      }),
      get idle() {
        return !open && !orders.length;
      }
    };
  }

  // ui/page/frames.js
  function frames(what) {
    const listeners2 = [];
    let frame = 0;
    const draw = guard(what, () => {
      frame = 0;
      for (const fn of listeners2) fn();
    });
    onStop(() => {
      if (frame) cancelAnimationFrame(frame);
      listeners2.length = 0;
    });
    return {
      /** @param {() => void} fn */
      onChange(fn) {
        listeners2.push(fn);
      },
      changed() {
        if (!frame) frame = requestAnimationFrame(draw);
      }
    };
  }

  // ui/page/panel.js
  function dict(from) {
    const out = /* @__PURE__ */ Object.create(null);
    for (const [key, value] of Object.entries(from ?? {})) out[key] = value;
    return out;
  }
  var list = (from) => Array.isArray(from) ? (
    /** @type {string[]} */
    from.slice()
  ) : [];
  function copyFaders(from) {
    const { on, master, kinds, layers, modules, fades, rank, energy, crossfade } = from ?? {};
    return {
      ...crossfade ? { crossfade: { a: copyFaders(crossfade.a), b: copyFaders(crossfade.b), t: crossfade.t } } : {},
      ...rank == null ? {} : { rank },
      ...energy == null ? {} : { energy },
      on: on !== false,
      master: Number.isFinite(master) ? Number(master) : 1,
      kinds: dict(kinds),
      layers: dict(layers),
      modules: dict(modules),
      fades: dict(fades)
    };
  }
  function copyMarked(from) {
    const kinds = dict(from?.kinds);
    for (const name2 of Object.keys(kinds)) kinds[name2] = list(kinds[name2]);
    return { adapters: list(from?.adapters), kinds };
  }
  function copyPanel(from) {
    const adapters = /* @__PURE__ */ Object.create(null);
    for (const [name2, faders] of Object.entries(from?.mix?.adapters ?? {})) adapters[name2] = copyFaders(faders);
    return {
      mix: { adapters },
      muted: copyMarked(from?.muted),
      soloed: copyMarked(from?.soloed),
      bypass: from?.bypass === true
    };
  }
  function fadersOf(panel, name2) {
    const { adapters } = panel.mix;
    adapters[name2] ??= copyFaders();
    return adapters[name2];
  }
  var UNTOUCHED = Object.freeze(copyFaders());
  var peekFaders = (panel, name2) => panel.mix.adapters[name2] ?? UNTOUCHED;
  var gainAt = (map, key) => key in map ? map[key] : 1;
  function putGain(map, key, value) {
    if (value === 1) delete map[key];
    else map[key] = value;
  }
  function toggle(names, name2) {
    const i = names.indexOf(name2);
    if (i < 0) names.push(name2);
    else names.splice(i, 1);
  }
  var kindsIn = (side, name2) => side.kinds[name2] ?? [];
  function kindsToEdit(side, name2) {
    side.kinds[name2] ??= [];
    return side.kinds[name2];
  }
  function whySilent(panel, adapter) {
    if (panel.bypass) return "bypassed";
    if (!peekFaders(panel, adapter.name).on) return adapter.playing === false ? "not playing" : "off";
    return marked(adapter.name, panel.muted.adapters, panel.soloed.adapters);
  }
  var whyKindSilent = (panel, name2, kind) => marked(kind, kindsIn(panel.muted, name2), kindsIn(panel.soloed, name2));
  function marked(name2, muted, soloed) {
    if (muted.includes(name2)) return "muted";
    return soloed.length && !soloed.includes(name2) ? "not soloed" : "";
  }
  function hasMoved(panel, name2) {
    const f = peekFaders(panel, name2);
    const whole2 = f.rank === void 0 && f.energy === void 0;
    return !f.on || !whole2 || f.crossfade !== void 0 || f.master !== 1 || [f.kinds, f.layers, f.modules, f.fades].some((map) => Object.keys(map).length > 0);
  }
  function resetAdapter(panel, name2) {
    delete panel.mix.adapters[name2];
    for (const side of [panel.muted, panel.soloed]) {
      side.adapters = side.adapters.filter((one) => one !== name2);
      delete side.kinds[name2];
    }
  }
  function sameGains(a, b) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && a[key] === b[key]);
  }
  var sameNames = (a, b) => a.length === b.length && a.every((name2) => b.includes(name2));
  var inOrder = (map) => Object.entries(map).sort(([a], [b]) => a < b ? -1 : 1);
  var sameFaders = (a, b) => a.on === b.on && sameCrossfade(a.crossfade, b.crossfade) && a.master === b.master && a.rank === b.rank && a.energy === b.energy && sameGains(a.kinds, b.kinds) && sameGains(a.layers, b.layers) && sameGains(a.modules, b.modules) && JSON.stringify(inOrder(a.fades)) === JSON.stringify(inOrder(b.fades));
  function sameCrossfade(a, b) {
    if (!a || !b) return !a && !b;
    return JSON.stringify(a.t) === JSON.stringify(b.t) && sameFaders(a.a, b.a) && sameFaders(a.b, b.b);
  }
  function sideOf(f) {
    const { rank, energy, ...side } = copyFaders(f.on ? f : { master: 0 });
    return side;
  }
  function fadersBetween(a, b, t) {
    const between = /* @__PURE__ */ Object.create(null);
    for (const name2 of /* @__PURE__ */ new Set([...Object.keys(a), ...Object.keys(b)])) {
      const [one, other] = [Object.hasOwn(a, name2) ? a[name2] : UNTOUCHED, Object.hasOwn(b, name2) ? b[name2] : UNTOUCHED];
      if (t === 0 || t === 1 || !one.on && !other.on) {
        between[name2] = copyFaders(t === 1 ? other : one);
        continue;
      }
      const { rank, energy } = one.on ? one : other;
      between[name2] = copyFaders({ rank, energy, crossfade: { a: sideOf(one), b: sideOf(other), t } });
    }
    return between;
  }
  var sameMarks = (a, b) => sameNames(a.adapters, b.adapters) && Object.keys({ ...a.kinds, ...b.kinds }).every((name2) => sameNames(kindsIn(a, name2), kindsIn(b, name2)));
  function samePanel(a, b) {
    const names = /* @__PURE__ */ new Set([...Object.keys(a.mix.adapters), ...Object.keys(b.mix.adapters)]);
    return a.bypass === b.bypass && sameMarks(a.muted, b.muted) && sameMarks(a.soloed, b.soloed) && [...names].every((name2) => sameFaders(peekFaders(a, name2), peekFaders(b, name2)));
  }
  function sameAdapter(a, b) {
    if (a === b) return true;
    const { targets: s, ...x } = a;
    const { targets: t, ...y } = b;
    if (s.length !== t.length || JSON.stringify(x) !== JSON.stringify(y)) return false;
    return s.every((one, i) => one.every((value, j) => value === t[i][j]));
  }

  // ui/page/store.js
  var SETTLE_MS = 600;
  var { onChange, changed } = frames("drawing");
  var hands = 0;
  var recheck;
  var waiting = null;
  var store = {
    /** @type {State | null} */
    state: null,
    rev: -1,
    loaded: -1,
    // which adapters state holds, in Python's count
    panel: copyPanel(),
    // as loaded, until a state has come
    /** @type {number | null} */
    crossfaded: null,
    // where the crossfader put the panel's faders; null if another fader was moved since
    /** @type {Map<string, unknown>} */
    memory: /* @__PURE__ */ new Map(),
    // what the page remembers of itself: open sections, chosen cells
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
      const letGo2 = guard("letting go", () => {
        hands = Math.min(hands, 1);
        if (hands) store.release();
      });
      for (const type of ["pointerup", "pointercancel"]) listen(window, type, () => setTimeout(letGo2, 0), true);
      onStop(() => clearTimeout(recheck));
    }
  };
  function whole(news) {
    if (news.adapters) return { ...news, adapters: news.adapters };
    if (store.state && store.loaded === news.loaded) return { ...news, adapters: store.state.adapters };
    store.loaded = -1;
    wire.poll(true);
    return null;
  }
  var shown = /* @__PURE__ */ new Map();
  function asBefore(adapter) {
    const old = shown.get(adapter.name);
    const kept2 = old && sameAdapter(old, adapter) ? old : adapter;
    shown.set(adapter.name, kept2);
    return kept2;
  }
  function settle() {
    clearTimeout(recheck);
    recheck = setTimeout(
      guard("settling", () => {
        if (hands || wire.quietFor() < SETTLE_MS) settle();
        else wire.poll(true);
      }),
      SETTLE_MS
    );
  }

  // ui/page/jobs.js
  var LOOKS = [
    "job",
    "shelf",
    "bakery",
    "plan",
    "recipe",
    "loudness",
    "spectra",
    "profiles",
    "measured",
    "export",
    "learning",
    "learn votes"
  ];
  var QUIET_MS = 4e3;
  var DEAF_MS = 8e3;
  var DEAF = "This did not reach Python, and was not begun: press again.";
  var hearers = [];
  var { onChange: onChange2, changed: changed2 } = frames("adapters");
  var idle = { what: "", key: "", text: "", part: null, running: false, failed: false, seq: 0 };
  var waitingSince = 0;
  var heardAt = 0;
  function follow(job) {
    const ours = jobs.job;
    if (job.seq === ours.seq || !ours.seq || job.running && !ours.waiting) jobs.job = job;
    else if (job.running)
      waitingSince = performance.now();
    else if (ours.running && performance.now() - waitingSince > DEAF_MS) {
      jobs.job = {
        ...ours,
        text: ours.waiting ? DEAF : "",
        running: false,
        waiting: false,
        failed: Boolean(ours.waiting)
      };
    }
  }
  function hear(news) {
    if (news.job) follow(news.job);
    for (const fn of hearers) fn(news);
    store.changed();
    changed2();
  }
  var channel = openChannel("works", {
    hear,
    looks: LOOKS
  });
  var jobs = {
    job: idle,
    /** fn runs, at most once a frame, after anything changed. */
    onChange: onChange2,
    changed: changed2,
    /**
     * fn sees everything that Python says.
     *
     * @param {(news: JobNews) => void} fn
     */
    onNews(fn) {
      hearers.push(fn);
    },
    /**
     * Ask Python something; then gets what it says.
     *
     * @param {JobOrder} message
     * @param {(answer: JobNews) => void} [then]
     */
    order: (message, then) => channel.order(message, then),
    answered: channel.answered,
    /**
     * Begin a job; it belongs to the part of the page that calls itself key.
     *
     * @param {JobStart} message
     * @param {string} key
     */
    start(message, key) {
      if (jobs.job.running) return;
      const seq2 = channel.send("start", { ...message, key });
      const state = seq2 ? { text: "Waiting …", running: true, waiting: true } : { text: DEAF, failed: true };
      jobs.job = { ...idle, what: message.do, key, seq: seq2 || -1, ...state };
      waitingSince = heardAt = performance.now();
      store.changed();
    },
    stop: () => jobs.order({ do: "stop" }),
    /**
     * What a part of the page has to show of the job: that of another part is only in the way.
     *
     * @param {string} key
     * @returns {Job}
     */
    jobOf: (key) => jobs.job.key === key ? jobs.job : { ...idle, busy: jobs.job.running },
    /** What Python tells while a job runs. */
    news: guard("news", (text) => {
      if (!text) return;
      heardAt = performance.now();
      hear(JSON.parse(text));
    }),
    /** Every two seconds: a job that nobody tells about any more (the page was built anew) is asked about. */
    tick() {
      if (jobs.job.running && performance.now() - heardAt > QUIET_MS && channel.idle)
        jobs.order({ do: "job", of: jobs.job.seq });
    }
  };

  // ui/page/gestures.js
  function onDouble(node, fn) {
    let tap = { at: 0, x: 0, y: 0 };
    let touched = 0;
    const safe = guard("double click", fn);
    node.addEventListener("dblclick", (event) => {
      if (event.timeStamp - touched > 700) safe(event);
    });
    node.addEventListener("pointerup", (event) => {
      if (event.pointerType !== "touch") return;
      const near = Math.abs(event.clientX - tap.x) < 24 && Math.abs(event.clientY - tap.y) < 24;
      if (near && event.timeStamp - tap.at < 350) {
        touched = event.timeStamp;
        tap = { at: 0, x: 0, y: 0 };
        setTimeout(() => safe(event), 0);
      } else {
        tap = { at: event.timeStamp, x: event.clientX, y: event.clientY };
      }
    });
  }
  function mayScroll(from, event) {
    if (!from) return false;
    const dx = Math.abs(event.clientX - from.clientX);
    return dx < 8 || dx < Math.abs(event.clientY - from.clientY);
  }
  function keepKeys(root) {
    const keep2 = (event) => {
      if (event.defaultPrevented || !(event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape"))
        event.stopPropagation();
    };
    root.addEventListener("keydown", keep2);
    root.addEventListener("keyup", keep2);
    root.addEventListener("keypress", keep2);
  }
  var isShortcut = (event) => event.ctrlKey || event.metaKey || event.altKey;
  var closest = (event, selector) => event.target instanceof Element ? event.target.closest(selector) : null;
  var AGAIN = ".lora-mixer-latch, .lora-mixer-bypass, .lora-mixer-keep, .lora-mixer-switch, .lora-mixer-brush";
  function oneClickOnly() {
    listen(
      document,
      "click",
      (event) => {
        const button3 = closest(event, ".lora-mixer button");
        if (!button3 || event.detail < 2 || button3.matches(AGAIN)) return;
        event.preventDefault();
        event.stopImmediatePropagation();
      },
      true
    );
  }

  // ui/page/place.js
  function placed(root, id, { narrow, resized, seen: seen2, moved: moved2 }) {
    root.classList.add("lora-mixer");
    keepKeys(root);
    const sizes = new ResizeObserver(
      guard("resizing", () => {
        if (!root.clientWidth) return;
        root.classList.toggle("is-narrow", root.clientWidth < narrow);
        resized?.();
      })
    );
    sizes.observe(root);
    const sight = new IntersectionObserver(
      guard("seeing", (entries) => seen2?.(entries[entries.length - 1].isIntersecting))
    );
    if (seen2) sight.observe(root);
    onStop(() => {
      sizes.disconnect();
      sight.disconnect();
      root.remove();
    });
    return {
      root,
      settle() {
        const place = document.getElementById(id);
        if (!place || root.parentNode === place) return;
        place.replaceChildren(root);
        moved2?.();
      }
    };
  }

  // ui/learn/learning.js
  var LEARN = "learn";
  var learning = {
    /** @type {Learning | null} */
    known: null,
    /** @type {VotesToLearn | null} */
    votes: null,
    /** The bake form is to choose what was learned, once it is there. */
    toBake: false,
    /** @returns {Attempt | null} */
    get attempt() {
      return learning.known?.attempt ?? null;
    },
    /** Ask what is new. */
    look() {
      jobs.order({ do: "learning", seen: learning.known?.rev ?? 0 });
    },
    /** Ask how many votes there are. */
    countVotes() {
      jobs.order({ do: "learn votes" });
    },
    /** From here on it hears what Python tells, whoever asked. */
    start() {
      jobs.onNews((news) => {
        if (news.learning) learning.known = news.learning;
        if (news.votes) learning.votes = news.votes;
      });
    }
  };
  var heard = null;
  function hears(key, place) {
    heard = { key, place, rev: store.rev, panel: null };
  }
  function onTheDesk(key) {
    if (!heard || heard.key !== key) return null;
    const panel = JSON.stringify(store.panel);
    if (heard.panel === null) {
      if (store.rev > heard.rev) heard.panel = panel;
    } else if (heard.panel !== panel) heard = null;
    return heard?.place ?? null;
  }

  // ui/page/fields.js
  var textField = (label, props) => withComplaint(label, el("input", { type: "text", ...COMMON, ...props }));
  var textArea = (label, props) => withComplaint(label, el("textarea", { ...COMMON, ...props }));
  var COMMON = { class: "text-input", autocomplete: "off", spellcheck: "false" };
  function withComplaint(label, input) {
    const why = el("span", { class: "why-not", role: "alert", hidden: true });
    const name2 = el("span", { class: "field-name", text: label });
    const node = el("label", { class: "field" }, label && name2, input, why);
    const complain2 = (text) => {
      showText(why, text ?? "");
      node.classList.toggle("is-bad", Boolean(text));
    };
    input.addEventListener("input", () => complain2(""));
    return { node, name: name2, input, complain: complain2 };
  }
  function countField(label, title, props) {
    const input = el("input", { type: "number", class: "text-input seeds", min: 1, step: 1, ...props });
    return {
      input,
      node: el("label", { class: "field", title }, el("span", { class: "field-name", text: label }), input)
    };
  }
  function radioChoice(legend2, name2, choices) {
    const inputs = choices.map(([value, text], at) => {
      const input = el("input", { type: "radio", class: "radio", name: name2, value });
      input.checked = at === 0;
      return { value, input, node: el("label", { class: "choice" }, input, el("span", { text })) };
    });
    const title = el("legend", { class: "field-name", text: legend2 });
    const node = el("fieldset", { class: "choices", id: name2 }, title, ...inputs.map((one) => one.node));
    return {
      node,
      get value() {
        return (inputs.find((one) => one.input.checked) ?? inputs[0]).value;
      },
      /** @param {() => void} fn */
      onChange: (fn) => node.addEventListener("change", guard("choice", fn))
    };
  }

  // ui/page/keyed.js
  var all = /* @__PURE__ */ new WeakMap();
  function keyed(parent, items, key, make, update = () => {
  }, gone = () => {
  }) {
    const before = (
      /** @type {Parts<Part>} */
      all.get(parent) ?? /* @__PURE__ */ new Map()
    );
    const now = /* @__PURE__ */ new Map();
    const parts = Array.from(items, (item, at2) => {
      const name2 = key(item, at2);
      const part = before.get(name2) ?? make(item, at2);
      now.set(name2, part);
      return part;
    });
    all.set(parent, now);
    for (const [name2, part] of before) if (!now.has(name2)) gone(part);
    arrange(
      parent,
      parts.map((part) => part.node)
    );
    let at = 0;
    for (const item of items) update(parts[at], item, at++);
    return parts;
  }
  function arrange(parent, nodes) {
    const wanted = new Set(nodes);
    for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
    const { activeElement: focused } = document;
    nodes.forEach((node, at) => {
      if (parent.childNodes[at] !== node) parent.insertBefore(node, parent.childNodes[at] ?? null);
    });
    if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  }
  var drawn = /* @__PURE__ */ new WeakMap();
  function whenChanged(what, from, draw) {
    const text = JSON.stringify(from) ?? "";
    if (drawn.get(what) === text) return;
    drawn.set(what, text);
    draw();
  }
  function setOptions(select, choices) {
    whenChanged(select, choices, () => {
      const chosen = select.value;
      keyed(
        select,
        choices,
        ([value]) => value,
        ([value]) => ({ node: el("option", { value }) }),
        ({ node }, [, text, disabled]) => {
          setText(node, text);
          node.disabled = disabled === true;
        }
      );
      if (choices.some(([value]) => value === chosen)) select.value = chosen;
    });
  }

  // ui/page/numbers.js
  function parseNumber(text) {
    const plain = String(text).trim().replace(/\u2212/g, "-").replace(",", ".");
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return null;
    const value = Number(plain);
    return Number.isFinite(value) ? value + 0 : null;
  }
  function writeGain(value) {
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e5 || size < 1e-3)) return Number(value.toPrecision(3)).toString();
    const three = value.toFixed(3);
    return three.endsWith("0") ? value.toFixed(2) : three;
  }
  var writeShort = (value) => String(Number(Number(value).toPrecision(4))).replace("-", "−");
  var writeRange = (lo, hi, write2) => write2(lo) === write2(hi) ? write2(lo) : `${write2(lo)} ${lo < 0 ? "to" : "–"} ${write2(hi)}`;
  function writeTiny(value) {
    const size = Math.abs(value);
    if (size >= 99.5) return value < 0 ? "-∞" : "99+";
    const digits = size >= 9.95 ? 0 : value < 0 || size >= 1 ? 1 : 2;
    const text = String(Number(value.toFixed(digits))).replace(/^(-?)0\./, "$1.");
    return text === "-0" ? "0" : text;
  }
  function writeCount(n) {
    if (n >= 1e9) return `${(n / 1e9).toFixed(2)} B`;
    if (n >= 1e6) return `${(n / 1e6).toFixed(2)} M`;
    if (n >= 1e3) return `${(n / 1e3).toFixed(1)} K`;
    return String(n);
  }
  function writeBytes(n) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let at = 0;
    let value = n;
    while (value >= 999.5 && at < units.length - 1) {
      value /= 1e3;
      at += 1;
    }
    return `${at === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${units[at]}`;
  }
  function writeTime(seconds) {
    if (!seconds) return "";
    const date = new Date(seconds * 1e3);
    const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    if (date.toDateString() === (/* @__PURE__ */ new Date()).toDateString()) return `today ${clock}`;
    return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  }
  var writePercent = (share) => `${(share * 100).toPrecision(share < 1e-4 ? 1 : 3)} %`;
  var writeCounted = (n, one, many2) => `${n.toLocaleString("en")} ${n === 1 ? one : many2}`;
  function roundTicks(min, max) {
    const decade = 10 ** Math.floor(Math.log10((max - min) / 7));
    const step = [1, 2, 2.5, 5, 10].map((s) => s * decade).find((s) => (max - min) / s <= 7) || max - min;
    const out = [];
    for (let i = Math.ceil(min / step - 1e-9); i * step <= max + step * 1e-9; i += 1)
      out.push(Number((i * step).toPrecision(12)));
    return out;
  }
  var clamp = (value, lo, hi) => Math.min(hi, Math.max(lo, value));
  var roundGain = (value) => Math.round(value * 100) / 100 + 0;
  var writeMethod = ({ method, rslora }) => (METHODS[method] ?? (method || "?")) + (rslora ? ", rank-stabilised" : "");
  var METHODS = {
    lora: "LoRA",
    dora: "DoRA",
    loha: "LoHa",
    lokr: "LoKr",
    adalora: "AdaLoRA",
    oft: "OFT",
    boft: "BOFT",
    ia3: "IA3"
  };

  // ui/page/progress.js
  function progressBar() {
    const done = el("div", { class: "progress-done" });
    const node = el("div", { class: "progress" }, done);
    return {
      node,
      /** @param {number | null} part */
      update(part) {
        node.classList.toggle("is-unknown", part === null);
        done.style.width = `${Math.round((part || 0) * 1e3) / 10}%`;
      }
    };
  }
  function jobLine(stoppable = "always") {
    const bar = progressBar();
    const text = el("span", { class: "status", role: "status" });
    const stop2 = el("button", {
      type: "button",
      class: "button small",
      text: "Stop",
      data: { do: "stop-job" },
      on: { click: () => jobs.stop() }
    });
    const node = el("div", { class: "job", hidden: true }, el("div", { class: "job-line" }, text, stop2), bar.node);
    return {
      node,
      /** @param {Job} job */
      update(job) {
        node.hidden = !job.running && !job.text;
        setText(text, job.text || "");
        node.classList.toggle("is-wrong", job.failed === true);
        stop2.hidden = !job.running || stoppable === "counted" && job.part === null;
        bar.node.hidden = !job.running;
        bar.update(job.part);
      }
    };
  }

  // ui/page/said.js
  function messageLine(id) {
    const text = el("span", {});
    const close = el("button", {
      type: "button",
      class: "sign",
      text: "×",
      "aria-label": "Close this message",
      on: {
        click: () => {
          node.hidden = true;
        }
      }
    });
    const node = el("div", { class: "said", role: "status", hidden: true, id }, text, close);
    return {
      node,
      /**
       * @param {string} [what]
       * @param {boolean} [good]
       */
      say(what, good) {
        setText(text, what ?? "");
        node.hidden = !what;
        node.classList.toggle("is-wrong", Boolean(what) && good !== true);
      }
    };
  }
  var HASTE_MS = 350;
  var ASKING_MS = 8e3;
  function askingButton(label, question, data, act) {
    let timer3;
    let askedAt2 = 0;
    const ask = el("button", { type: "button", class: "button small", text: label, data });
    const yes = el("button", {
      type: "button",
      class: "button small danger",
      text: question,
      hidden: true,
      data: { do: `${data.do}-yes` }
    });
    const no = el("button", {
      type: "button",
      class: "button small",
      text: "Cancel",
      hidden: true,
      data: { do: `${data.do}-no` }
    });
    const show2 = (asking) => {
      clearTimeout(timer3);
      ask.hidden = asking;
      yes.hidden = no.hidden = !asking;
      askedAt2 = performance.now();
      if (asking) timer3 = setTimeout(() => show2(false), ASKING_MS);
    };
    ask.addEventListener(
      "click",
      guard("asking", () => {
        show2(true);
        no.focus();
      })
    );
    no.addEventListener(
      "click",
      guard("asking", () => {
        show2(false);
        ask.focus();
      })
    );
    yes.addEventListener(
      "click",
      guard("asking", (event) => {
        const touch = event instanceof PointerEvent && event.pointerType === "touch";
        if (touch && performance.now() - askedAt2 < HASTE_MS) return;
        show2(false);
        act();
      })
    );
    return { node: el("span", { class: "asking" }, ask, yes, no), button: ask };
  }

  // ui/page/saved_profiles.js
  var saved = {
    /** @type {Profiles | null} */
    known: null,
    /** The choices of a menu that offers them. */
    choices(prefix = "") {
      return (saved.known?.profiles ?? []).map(
        ({ name: name2 }) => (
          /** @type {[string, string]} */
          [prefix + name2, `Profile: ${name2}`]
        )
      );
    },
    /**
     * fn runs when Python has told of them.
     *
     * @param {() => void} fn
     */
    start(fn) {
      jobs.onNews((news) => {
        if (!news.profiles) return;
        saved.known = news.profiles;
        fn();
      });
    }
  };

  // ui/adapters/bake.js
  var KEY = "bake";
  var PLAN_MS = 350;
  var LEARNED = "/learned";
  var WAYS = {
    folded: [
      "Folded: gains in the weights",
      "Every target’s gain goes into its weights; alpha = rank for all. PEFT, vLLM, llama.cpp and others read it."
    ],
    patterned: [
      "Patterned: gains in alpha",
      "The weights stay as they are, alpha and alpha_pattern hold the gains. For PEFT; most other runtimes ignore alpha_pattern."
    ],
    concatenated: [
      "Concatenated: exact, the ranks add up",
      "The adapters’ matrices side by side, each scaled by its gain. It says exactly what they say together."
    ],
    gguf: [
      "GGUF, float32: one file for llama.cpp",
      "Every target’s gain goes into one GGUF adapter, and several adapters into one exactly. llama.cpp, LM Studio, Ollama and others read it."
    ],
    "gguf-half": [
      "GGUF, float16: half the size",
      "The same in 16 bits: three digits of every number stay, as in most GGUF files."
    ],
    merged: [
      "Merged into the base: a whole model",
      "Adapters and base become one model that needs no PEFT. As large as the base."
    ]
  };
  var COMBINED = "PEFT’s combination of that name, on weights scaled target by target. It comes near, at a rank of your choice, and is not exact.";
  var KEEPS = [
    ["", "All that are heard now"],
    ["rank", "At most so many a target"],
    ["energy", "What holds a share of energy"]
  ];
  var RANKS = [
    ["own", "Each target its own rank"],
    ["one", "One rank for all, padded"]
  ];
  var SVD = "The nearest adapter of that rank to the exact sum.";
  function waysFor(several, combinations, here) {
    const folders = !here.folders ? [] : several ? ["concatenated"] : ["folded", "patterned"];
    const ways = [...here.gguf ? ["gguf", "gguf-half"] : [], ...folders, ...here.merges ? ["merged"] : []];
    const combined = several && here.folders ? combinations : [];
    return [
      ...ways.map((way) => (
        /** @type {[string, string]} */
        [way, WAYS[way][0]]
      )),
      ...combined.map((way) => (
        /** @type {[string, string]} */
        [way, `Combined: ${way}`]
      ))
    ];
  }
  function rankOf({ rank, ranks }) {
    if (!ranks || ranks[0] === ranks[2]) return `${rank}`;
    return `${ranks[0]} to ${ranks[2]}, ${ranks[1].toFixed(1)} a target`;
  }
  function fewer({ size, size_before: before, error }) {
    if (size === void 0 || before === void 0 || error === void 0) return "";
    return ` ${writeBytes(size)} instead of ${writeBytes(before)}; left out is ${error.toPrecision(3)} of the norm of what it adds.`;
  }
  function adapterBoxes() {
    const list3 = el("span", { class: "choice-list" });
    const node = el(
      "fieldset",
      { class: "choices", id: "lora-mixer-bake-adapters" },
      el("legend", { class: "field-name", text: "Adapters" }),
      list3
    );
    return {
      node,
      get chosen() {
        return [...list3.querySelectorAll("input")].filter((input) => input.checked).map((input) => input.value);
      },
      /**
       * @param {string[]} all
       * @param {string[]} heard
       * @param {() => void} changed
       */
      show(all2, heard2, changed5) {
        keyed(
          list3,
          all2,
          (name2) => name2,
          (name2) => {
            const touch = () => {
              box.touched = true;
              changed5();
            };
            const input = el("input", { type: "checkbox", class: "tick", value: name2, on: { change: touch } });
            const box = {
              input,
              touched: false,
              node: el("label", { class: "choice" }, input, el("span", { text: name2 }))
            };
            return box;
          },
          ({ input, touched }, name2) => {
            if (touched || input.checked === heard2.includes(name2)) return;
            input.checked = heard2.includes(name2);
            changed5();
          }
        );
      }
    };
  }
  function bakeForm() {
    let bakery = null;
    let visible2 = false;
    let asked3 = "";
    let plan = null;
    let timer3;
    let rev = -1;
    let fadesUntil = null;
    onStop(() => clearTimeout(timer3));
    const forget2 = () => {
      plan = null;
      asked3 = "";
      jobs.changed();
    };
    const menu3 = (name3, id) => {
      const select = el("select", { class: "select", id, on: { input: forget2 } });
      return { select, node: el("label", { class: "field" }, el("span", { class: "field-name", text: name3 }), select) };
    };
    const mix = menu3("Mix", "lora-mixer-bake-mix");
    const way = menu3("Way", "lora-mixer-bake-way");
    const adapters = adapterBoxes();
    const about2 = el("p", { class: "hint" });
    const rank = textField("Rank", { id: "lora-mixer-bake-rank", inputmode: "numeric", placeholder: "the largest" });
    const keep2 = menu3("Components", "lora-mixer-bake-keep");
    const part = textField("Rank", { id: "lora-mixer-bake-part", inputmode: "decimal" });
    const ranks = menu3("Ranks", "lora-mixer-bake-ranks");
    keep2.select.title = "The strongest components of what each target adds; the others are left out, and the file is smaller";
    ranks.select.title = "Its own: in rank_pattern, the smallest file. One for all: smaller ranks are padded with zeros, as vLLM before 0.32 needs it";
    setOptions(keep2.select, KEEPS);
    setOptions(ranks.select, RANKS);
    const density = textField("Part of the numbers to keep", {
      id: "lora-mixer-bake-density",
      inputmode: "decimal",
      placeholder: "0.5"
    });
    const token = textField("Gains as at token", {
      id: "lora-mixer-bake-token",
      inputmode: "numeric",
      placeholder: "0 is the first"
    });
    const name2 = textField("Name", { id: "lora-mixer-bake-name", maxlength: 120, placeholder: "pirate-softer" });
    for (const field of [token, rank, density, part, name2])
      field.input.addEventListener("input", guard("planning", forget2));
    const where = el("div", { class: "bake-where", id: "lora-mixer-bake-plan", role: "status" });
    const go = el("button", {
      type: "button",
      class: "button primary big",
      text: "Bake",
      id: "lora-mixer-bake-go",
      on: { click: () => bake(false) }
    });
    const over = askingButton("Overwrite it…", "Yes, overwrite it", { do: "overwrite" }, () => bake(true));
    const why = el("div", { class: "why-not", hidden: true, id: "lora-mixer-bake-why" });
    const job = jobLine();
    const result = el("ul", { class: "bake-result", id: "lora-mixer-bake-result", role: "status", hidden: true });
    const form = el(
      "div",
      { class: "bake-form" },
      el("div", { class: "fields" }, mix.node, token.node, adapters.node),
      el("div", { class: "fields" }, way.node, rank.node, density.node),
      about2,
      el("div", { class: "fields" }, keep2.node, part.node, ranks.node),
      el("div", { class: "fields" }, name2.node),
      where,
      el("div", { class: "column-tools" }, go, over.node)
    );
    const node = el(
      "div",
      { class: "works" },
      el(
        "div",
        { class: "heading" },
        el("h3", { text: "Bake" }),
        el("span", { text: "A mix becomes an adapter of its own, which needs no desk any more." })
      ),
      el("div", { class: "panel-card", id: "lora-mixer-bake" }, why, form, job.node, result)
    );
    const wish = () => ({
      profile: mix.select.value === LEARNED ? "" : mix.select.value,
      learned: mix.select.value === LEARNED,
      names: adapters.chosen,
      token: token.node.hidden ? "" : token.input.value.trim(),
      way: way.select.value,
      name: name2.input.value,
      rank: rank.node.hidden ? "" : rank.input.value.trim(),
      density: density.node.hidden ? "" : density.input.value.trim().replace(",", "."),
      keep: keep2.node.hidden ? "" : (
        /** @type {Keep} */
        keep2.select.value
      ),
      part: part.node.hidden ? "" : part.input.value.trim().replace("%", "").replace(",", "."),
      one_rank: !ranks.node.hidden && ranks.select.value === "one"
    });
    const look2 = () => jobs.order({ do: "bakery" });
    jobs.onNews((news) => {
      if (news.bakery) {
        bakery = news.bakery;
        asked3 = "";
      }
      if (news.exists && news.job?.key === KEY) {
        plan = { where: "", ...plan, exists: true };
        name2.complain(news.exists);
      }
      if (news.baked) {
        asked3 = "";
        result.replaceChildren(...news.baked.lines.map((line2) => el("li", { text: line2 })));
        result.hidden = false;
        result.classList.toggle("is-wrong", !news.baked.checked);
      }
    });
    function bake(overwrite) {
      name2.complain("");
      token.complain("");
      part.complain("");
      result.hidden = true;
      if (!name2.input.value.trim()) {
        name2.complain("It needs a name.");
        name2.input.focus();
        return;
      }
      if (!part.node.hidden && !wish().part) {
        part.complain(keep2.select.value === "rank" ? "Say how many components." : "Say which share, in percent.");
        part.input.focus();
        return;
      }
      if (fadesUntil !== null && !wish().token) {
        token.complain("Choose a token: the gains of its moment are kept.");
        token.input.focus();
        return;
      }
      jobs.start({ ...wish(), do: "bake", overwrite }, KEY);
    }
    function ask() {
      clearTimeout(timer3);
      timer3 = setTimeout(guard("planning", askNow), PLAN_MS);
    }
    function askNow() {
      const said = wish();
      const key = JSON.stringify([said, store.rev]);
      if (!part.node.hidden && !said.part) return;
      if (key === asked3 || !said.name.trim() || !said.names.length || !visible2) return;
      asked3 = key;
      jobs.order({ do: "plan", ...said }, (answer) => {
        plan = answer.plan ?? null;
        if (plan) fadesUntil = plan.fades_until ?? null;
        const { at = "", why: bad = "" } = answer.refused ?? {};
        const fields = { token, rank, density, part, name: name2 };
        for (const [own, field] of Object.entries(fields))
          field.complain(own === (at in fields ? at : "name") ? bad : "");
      });
    }
    function says() {
      if (!adapters.chosen.length) return "Choose at least one adapter.";
      if (!plan?.where) return "";
      if (fadesUntil !== null && !token.input.value.trim())
        return `These faders fade over a reply, and what is on disk cannot: choose the token whose gains it keeps. From token ${fadesUntil} on they stand still.`;
      const kind = way.select.value === "merged" ? "A model" : `An adapter of rank ${rankOf(plan)}`;
      const silent = plan.silent ? `, ${plan.silent} targets of it silent` : "";
      return `${kind}${silent}, in ${plan.where}${plan.exists ? ", where something is already" : ""}.${fewer(plan)}`;
    }
    return {
      node,
      /** @param {boolean} now */
      shown(now) {
        if (now && !visible2) look2();
        visible2 = now;
        jobs.changed();
      },
      update() {
        job.update(jobs.jobOf(KEY));
        if (!bakery) {
          form.hidden = true;
          return;
        }
        if (visible2 && store.rev !== rev) {
          rev = store.rev;
          look2();
        }
        showText(why, bakery.why_not);
        form.hidden = Boolean(bakery.why_not);
        if (bakery.why_not) return;
        const learned = learning.attempt?.found?.learned && !learning.attempt.misfit;
        setOptions(mix.select, [
          ["", "The faders as they stand"],
          ...learned ? [
            /** @type {[string, string]} */
            [LEARNED, "The mix that was learned"]
          ] : [],
          ...saved.choices()
        ]);
        if (learned && learning.toBake) {
          learning.toBake = false;
          mix.select.value = LEARNED;
          forget2();
        }
        adapters.show(bakery.adapters, bakery.heard, forget2);
        const several = adapters.chosen.length > 1;
        setOptions(
          way.select,
          waysFor(several, bakery.combinations, {
            gguf: bakery.gguf,
            merges: bakery.merges,
            folders: adapters.chosen.every((one) => bakery?.folders.includes(one))
          })
        );
        const chosen = way.select.value;
        setText(about2, WAYS[chosen]?.[1] ?? (chosen === "svd" ? SVD : COMBINED));
        rank.node.hidden = !several || !chosen.endsWith("svd");
        const gguf = ["gguf", "gguf-half"].includes(chosen);
        const whole2 = !gguf && !["folded", "concatenated"].includes(chosen);
        keep2.node.hidden = whole2;
        part.node.hidden = whole2 || keep2.select.value === "";
        setText(part.name, keep2.select.value === "rank" ? "Rank" : "Percent of the energy");
        setAttribute(part.input, "placeholder", keep2.select.value === "rank" ? "8" : "95");
        ranks.node.hidden = whole2 || gguf || keep2.select.value === "" && !plan?.ranks;
        density.node.hidden = !several || !bakery.need_density.includes(chosen);
        token.node.hidden = fadesUntil === null;
        setText(where, says());
        const exists = Boolean(plan?.exists);
        over.node.hidden = !exists;
        go.hidden = exists;
        const busy = jobs.job.running;
        go.disabled = over.button.disabled = busy || !adapters.chosen.length;
        setAttribute(go, "title", busy ? "Something else is being done with the adapters" : "");
        ask();
      }
    };
  }

  // ui/page/clipboard.js
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }

  // ui/adapters/recipe.js
  var ABOUT = "From what each target adds, from where the faders stand, and from impact and loudness, if they were measured on the grid of the tab Mix, and from charts over the master or the rank of a text of your own, in the tab Compare. Energy is not importance: impact and ears decide.";
  var FIRM = ["measured here", "set on the desk"];
  function row(line2) {
    const sure = el("span", { class: `badge${FIRM.includes(line2.sure) ? " is-loaded" : ""}`, text: line2.sure });
    return el(
      "li",
      {},
      el("div", { class: "recipe-line" }, el("b", { text: line2.advice }), sure),
      el("div", { class: "recipe-why", text: `${line2.why}.` }),
      line2.source && el("div", { class: "recipe-why", text: `Source: ${line2.source}.` })
    );
  }
  function recipeForm() {
    let recipe = null;
    const menu3 = (name2, id, input) => {
      const select = el("select", { class: "select", id, on: { input } });
      return { select, node: el("label", { class: "field" }, el("span", { class: "field-name", text: name2 }), select) };
    };
    const adapter = menu3("Adapter", "lora-mixer-recipe-adapter", () => {
    });
    const percent3 = textField("Energy to hold, in %", {
      id: "lora-mixer-recipe-percent",
      inputmode: "decimal",
      placeholder: "95"
    });
    const go = el("button", {
      type: "button",
      class: "button primary big",
      text: "What to try",
      id: "lora-mixer-recipe-go",
      on: { click: ask }
    });
    const why = el("div", { class: "why-not", role: "alert", hidden: true });
    const lines = el("ul", { class: "recipe-lines", id: "lora-mixer-recipe-lines" });
    const form = menu3("As settings of", "lora-mixer-recipe-form", show2);
    const copy = el("button", {
      type: "button",
      class: "button",
      text: "Copy",
      id: "lora-mixer-recipe-copy",
      on: { click: toClipboard }
    });
    const said = el("span", { class: "status", role: "status" });
    const text = el("textarea", {
      class: "text-input recipe-text",
      id: "lora-mixer-recipe-text",
      readonly: true,
      spellcheck: "false",
      rows: 12,
      wrap: "off",
      "aria-label": "Settings"
    });
    const found = el(
      "div",
      { class: "recipe-found", hidden: true },
      lines,
      el("div", { class: "fields recipe-form" }, form.node, copy, said),
      text
    );
    const node = el(
      "div",
      { class: "works" },
      el(
        "div",
        { class: "heading" },
        el("h3", { text: "What to try next time" }),
        el("span", { text: "A recipe for the next training of an adapter, out of this one." })
      ),
      el(
        "div",
        { class: "panel-card", id: "lora-mixer-recipe" },
        el("div", { class: "fields recipe-form" }, adapter.node, percent3.node, go),
        el("p", { class: "hint recipe-about", text: ABOUT }),
        why,
        found
      )
    );
    function ask() {
      percent3.complain("");
      setText(why, "");
      why.hidden = true;
      go.disabled = true;
      jobs.order({ do: "recipe", adapter: adapter.select.value, percent: percent3.input.value.trim() }, (answer) => {
        go.disabled = false;
        const refused = answer.refused;
        if (refused?.at === "percent") percent3.complain(refused.why);
        else if (refused) {
          setText(why, refused.why);
          why.hidden = false;
        }
        recipe = answer.recipe ?? null;
        found.hidden = !recipe;
        if (!recipe) return;
        lines.replaceChildren(...recipe.lines.map(row));
        setOptions(
          form.select,
          recipe.forms.map((one) => [one.form, one.title])
        );
        show2();
      });
    }
    function show2() {
      text.value = recipe?.forms.find((one) => one.form === form.select.value)?.text ?? "";
      setText(said, "");
    }
    async function toClipboard() {
      const done = await copied(text.value);
      setText(said, done ? "Copied." : "This browser does not let the page copy: take it from the field below.");
      if (!done) text.select();
    }
    return {
      node,
      update() {
        const names = (store.state?.adapters ?? []).map((one) => one.name);
        setOptions(
          adapter.select,
          names.map((name2) => [name2, name2])
        );
        node.hidden = !names.length;
        if (recipe && !names.includes(recipe.adapter)) {
          recipe = null;
          found.hidden = true;
        }
      }
    };
  }

  // ui/page/fader_scale.js
  var STEP = 0.05;
  var BIG_STEP = 0.25;
  var placeOf = (gain, { min, max }) => clamp((gain - min) / (max - min), 0, 1);
  var gainOf = (place, { min, max }) => min + clamp(place, 0, 1) * (max - min);
  var notched = (gain, reach) => Math.abs(gain - 1) < reach ? 1 : roundGain(gain);
  var within = (gain, before, { min, max }) => clamp(gain, Math.min(min, before), Math.max(max, before));
  function stepByKey(event, gain, { min, max }) {
    const step = event.shiftKey ? BIG_STEP : STEP;
    switch (event.key) {
      case "ArrowUp":
      case "ArrowRight":
        return roundGain(gain + step);
      case "ArrowDown":
      case "ArrowLeft":
        return roundGain(gain - step);
      case "PageUp":
        return roundGain(gain + BIG_STEP);
      case "PageDown":
        return roundGain(gain - BIG_STEP);
      case "Home":
        return min;
      case "End":
        return max;
      case "Delete":
      case "Backspace":
        return 1;
      default:
        return null;
    }
  }

  // ui/page/number_field.js
  var COMPLAINT_MS = 2600;
  function numberField({ label, set, refuse = () => "", step = true, done }) {
    let shown3 = 1;
    let timer3;
    const bubble = el("span", { class: "bubble", role: "alert" });
    const input = el("input", {
      type: "text",
      class: "number-input",
      inputmode: "decimal",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": label,
      maxlength: 24
    });
    const node = el("span", { class: "number" }, input, bubble);
    const write2 = () => {
      input.value = writeGain(shown3);
    };
    function complain2(why) {
      setText(bubble, why);
      node.classList.add("is-bad");
      clearTimeout(timer3);
      timer3 = setTimeout(() => {
        node.classList.remove("is-bad");
        setText(bubble, "");
      }, COMPLAINT_MS);
    }
    function commit() {
      const typed = input.value;
      if (typed === writeGain(shown3)) return;
      const value = parseNumber(typed);
      const why = value === null ? `${typed.trim() ? `“${typed.trim().slice(0, 16)}”` : "Nothing"} is not a number` : refuse(value);
      if (value === null || why) {
        write2();
        complain2(`${why}: ${writeGain(shown3)} stays.`);
        return;
      }
      node.classList.remove("is-bad");
      shown3 = value;
      write2();
      set(value);
    }
    input.addEventListener("blur", guard("number", commit));
    input.addEventListener("change", guard("number", commit));
    input.addEventListener("focus", () => input.select());
    input.addEventListener(
      "keydown",
      guard("number", (event) => {
        if (event.key === "Enter") {
          event.preventDefault();
          commit();
          input.select();
          if (done) done();
        } else if (event.key === "Escape" && (done || input.value !== writeGain(shown3))) {
          event.preventDefault();
          write2();
          input.select();
          if (done) done();
        } else if (step && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
          event.preventDefault();
          commit();
          shown3 = stepByKey(event, shown3, store.range()) ?? shown3;
          write2();
          set(shown3);
        }
      })
    );
    write2();
    return {
      node,
      input,
      /**
       * Show a value, unless a person is typing another.
       *
       * @param {number} value
       */
      update(value) {
        const typing = document.activeElement === input && input.value !== writeGain(shown3);
        shown3 = value;
        if (!typing && input.value !== writeGain(value)) write2();
      }
    };
  }

  // ui/page/tabs.js
  var NAMES = { mix: "Mix", votes: "Votes", learn: "Learn", adapters: "Adapters" };
  var SHOWN_MS = 350;
  var listeners = [];
  function onGoTo(fn) {
    listeners.push(fn);
  }
  function goTo(tab, id) {
    const buttons = [...document.querySelectorAll(
      /** @type {"button"} */
      "#lora-mixer-tabs [role=tab]"
    )];
    buttons.find((one) => one.textContent?.trim() === NAMES[tab])?.click();
    setTimeout(
      guard("going", () => {
        for (const fn of listeners) fn(id);
        document.getElementById(id)?.scrollIntoView({ block: "start" });
      }),
      SHOWN_MS
    );
  }

  // ui/adapters/shelf_row.js
  function spread(values) {
    return values.length > 2 ? `${writeShort(values[0])}–${writeShort(values[values.length - 1])}` : values.map(writeShort).join(", ");
  }
  var some = (names, most2) => names.length > most2 ? `${names.slice(0, most2).join(", ")} and ${names.length - most2} more` : names.join(", ");
  function badge(entry) {
    if (entry.missing) return "no adapter";
    if (entry.error) return "damaged";
    if (entry.run) return "";
    return entry.fits && !entry.loaded ? "does not fit" : "";
  }
  function facts(entry) {
    const rows = [
      ["Folder", entry.where],
      ["Base model", entry.base],
      ["Kinds", entry.kinds.join(", ")],
      ["Layers", entry.layers ? `${entry.layers}` : ""],
      ["Targets", entry.targets ? `${entry.targets}` : ""],
      ["Also holds", entry.saved.join(", ")],
      ["Parameters", entry.parameters ? `${writeCount(entry.parameters)} in ${entry.dtype}` : ""],
      ["Written", entry.time ? new Date(entry.time * 1e3).toLocaleString("en-GB") : ""],
      ["Odd", entry.problems.join(" · ")]
    ].filter(([, text]) => text);
    return el(
      "dl",
      { class: "entry-facts" },
      ...rows.flatMap(([name2, text]) => [el("dt", { text: name2 }), el("dd", { text })])
    );
  }
  function noteForm(entry, keep2) {
    const text = el("textarea", { class: "text-input", rows: 2, maxlength: 2e3, "aria-label": `Note on ${entry.id}` });
    text.value = entry.note;
    const own = el("input", {
      type: "text",
      class: "text-input",
      maxlength: 400,
      "aria-label": `Collections of ${entry.id}`,
      placeholder: "favourites, for stories"
    });
    own.value = entry.collections.join(", ");
    const said = el("span", { class: "hint", role: "status" });
    const click = () => {
      const collections = own.value.split(",").map((one) => one.trim());
      keep2(entry, text.value, collections.filter(Boolean), (refused) => setText(said, refused || "Kept."));
    };
    const save2 = el("button", {
      type: "button",
      class: "button small",
      text: "Keep the note",
      data: { do: "keep-note" },
      on: { click }
    });
    return el(
      "div",
      { class: "entry-form" },
      el("label", { class: "field" }, el("span", { class: "field-name", text: "Note" }), text),
      el("label", { class: "field" }, el("span", { class: "field-name", text: "Collections, with commas between" }), own),
      el("div", { class: "column-tools" }, save2, said)
    );
  }
  function shelfRow(act) {
    let entry;
    let detailed = false;
    const fold = el("button", {
      type: "button",
      class: "fold",
      data: { do: "fold" },
      on: { click: () => act.fold(entry) }
    });
    const name2 = el("span", { class: "entry-name" });
    const mark = el("span", { class: "badge is-loaded", text: "loaded" });
    const bad = el("span", { class: "badge is-bad-badge" });
    const tags = el("span", { class: "entry-tags" });
    const base = el("span", { class: "entry-base" });
    const note = el("span", { class: "entry-note" });
    const why = el("div", { class: "entry-why" });
    const cell2 = (part, ...inside) => el("span", { class: `shelf-${part}`, role: "cell" }, ...inside);
    const [rank, what, size, time] = ["rank", "what", "size", "time"].map((part) => cell2(part));
    const button3 = (text, act2, click, more = "") => el("button", { type: "button", class: `button small${more}`, text, data: { do: act2 }, on: { click } });
    const load = button3("Load", "load", () => act.load(entry, false));
    const add = button3("Add beside", "add", () => act.load(entry, true));
    const remove = button3("Remove", "remove", () => act.remove(entry));
    const compare = button3("Compare the checkpoints", "compare", () => act.compare(entry), " quiet");
    const open = button3("Open up", "open-up", () => act.open(entry));
    const toggle2 = () => {
      detailed = !detailed;
      jobs.changed();
    };
    const details = button3("Details", "details", toggle2, " quiet");
    const many2 = el("span");
    const stages = el("span", { class: "entry-stages" }, many2, compare);
    const box = el("div", { class: "entry-details", hidden: true });
    const title = el(
      "span",
      { class: "entry-title" },
      el("span", { class: "entry-line" }, name2, mark, bad, tags),
      base,
      stages,
      note
    );
    const row2 = el(
      "div",
      { class: "shelf-row" },
      cell2("name", fold, title),
      rank,
      what,
      size,
      time,
      cell2("acts", load, add, open, remove, details)
    );
    const node = el("div", { class: "shelf-entry", role: "row" }, row2, why, box);
    function writeName({ depth, open: open2 }) {
      const inside = entry.entries.length;
      fold.hidden = !inside;
      setText(fold, open2 ? "▾" : "▸");
      setAttribute(fold, "aria-expanded", String(open2));
      setAttribute(fold, "aria-label", `${open2 ? "Hide" : "Show"} the checkpoints of ${entry.id}`);
      setText(name2, depth && entry.name.includes("/") ? entry.name.slice(entry.name.indexOf("/") + 1) : entry.name);
      name2.title = entry.where;
      const renamed = entry.loaded && entry.loaded !== entry.name;
      mark.hidden = !entry.loaded;
      mark.title = renamed ? `In the model as ${entry.loaded}` : "It is in the model";
      setText(mark, renamed ? `loaded as ${entry.loaded}` : "loaded");
      showText(bad, badge(entry));
      keyed(
        tags,
        entry.collections,
        (one) => one,
        (one) => ({ node: el("span", { class: "badge", text: one }) })
      );
      setText(base, entry.base ? entry.base.split(/[\\/]/).slice(-2).join("/") : "");
      base.title = entry.base;
      setText(many2, `${inside} ${inside === 1 ? "checkpoint" : "checkpoints"}`);
      stages.hidden = !inside;
      showText(note, entry.note);
    }
    function writeFacts() {
      setText(rank, entry.rank.length ? `r ${spread(entry.rank)} · α ${spread(entry.alpha)}` : "");
      rank.title = entry.rank.length ? `rank ${entry.rank.join(", ")} · alpha ${entry.alpha.map(writeShort).join(", ")}` : "";
      setText(what, [entry.method && writeMethod(entry), some(entry.kinds, 3)].filter(Boolean).join(": "));
      what.title = entry.kinds.join(", ");
      setText(size, entry.size ? writeBytes(entry.size) : "");
      setText(time, writeTime(entry.time));
      showText(why, entry.error || (entry.loaded ? "" : entry.fits));
    }
    function offer({ busy, why: cannot, loaded }) {
      const can = !entry.error && !entry.run;
      load.hidden = Boolean(entry.loaded) || !can;
      add.hidden = load.hidden || !loaded.length;
      remove.hidden = !entry.loaded;
      compare.hidden = entry.entries.length < 2;
      const stops = busy ? "Something else is being done with the adapters" : cannot;
      load.disabled = add.disabled = Boolean(busy || cannot || entry.fits);
      load.title = stops || entry.fits || (loaded.length ? "In the place of what is loaded" : "");
      add.title = stops || entry.fits || "Beside what is loaded; ranks may differ";
      remove.disabled = busy;
      open.hidden = !entry.loaded || !entry.whole;
      open.disabled = busy;
      setText(open, entry.whole === "open" ? "Back to one file" : "Open up");
      open.title = entry.whole === "open" ? "Starts the model again with the file as it stood in the extra flags" : "Splits it and starts the model again: a fader for each of its targets, in the place of one for all";
      const fitting = entry.entries.filter((one) => !one.error && !one.fits).length;
      compare.disabled = Boolean(busy || cannot || fitting < 2);
      const few = fitting < 2 ? "Fewer than two of them can be loaded" : "";
      compare.title = stops || few || "Load them all, and make each a column of a comparison";
    }
    function detail({ writes }) {
      setAttribute(details, "aria-expanded", String(detailed));
      box.hidden = !detailed;
      const typing = box.contains(document.activeElement);
      if (!detailed || typing) return;
      whenChanged(box, [entry, writes], () => {
        const form = noteForm(entry, act.note);
        form.hidden = !writes;
        box.replaceChildren(facts(entry), form);
      });
    }
    return {
      node,
      /**
       * @param {ShelfEntry} next
       * @param {Around} around
       */
      update(next, around) {
        entry = next;
        node.dataset.entry = entry.id;
        node.classList.toggle("is-checkpoint", around.depth > 0);
        node.classList.toggle("is-playing", Boolean(entry.loaded));
        node.classList.toggle("is-unfit", Boolean(entry.error || entry.fits && !entry.loaded));
        writeName(around);
        writeFacts();
        offer(around);
        detail(around);
      }
    };
  }

  // ui/adapters/shelf_search.js
  function matches(entry, words3) {
    const rank = entry.rank.length === 1 ? `rank ${entry.rank[0]}` : "";
    const about2 = [entry.id, entry.base, entry.method, ...entry.kinds, entry.note, ...entry.collections, rank];
    const text = about2.join(" ").toLowerCase();
    return words3.every((word) => text.includes(word));
  }
  var newest = (entry) => Math.max(entry.time || 0, ...entry.entries.map(newest));
  var byName = (a, b) => a.id.localeCompare(b.id, void 0, { numeric: true, sensitivity: "base" });
  var byTime = (a, b) => newest(b) - newest(a) || byName(a, b);
  function wantedEntries(entries, { words: typed, collection, sort }) {
    const words3 = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (entry) => matches(entry, words3) && (!collection || entry.collections.includes(collection));
    const found = [];
    for (const entry of entries) {
      const some2 = entry.entries.filter(fits);
      const self = fits(entry);
      if (!self && !some2.length) continue;
      const inside = self && !(collection && some2.length) ? entry.entries : some2;
      const opened = !self || words3.length > 0 && some2.length > 0 && some2.length < entry.entries.length;
      found.push({ entry, inside, opened });
    }
    const order = sort === "time" ? byTime : byName;
    return found.sort((a, b) => order(a.entry, b.entry));
  }

  // ui/adapters/shelf.js
  var KEY2 = "shelf";
  var LOOK_MS = 1e4;
  var LOOKING = "Looking …";
  var AT_ONCE = 150;
  var HEADS = (
    /** @type {const} */
    [
      ["name", "Name"],
      ["rank", "Rank · alpha"],
      ["what", "What it adapts"],
      ["size", "Size"],
      ["time", "Time"]
    ]
  );
  function tableHead(choose) {
    const heads = HEADS.map(([part, text]) => {
      const sorts = part === "name" || part === "time" ? part : null;
      const click = () => sorts && choose(sorts);
      const button3 = sorts && el("button", { type: "button", class: "shelf-sort", text, data: { sort: sorts }, on: { click } });
      const node = el("span", { role: "columnheader", class: `shelf-${part}` }, button3 ?? text);
      return { sorts, node };
    });
    const acts = el("span", { role: "columnheader", class: "shelf-acts", "aria-label": "What to do" });
    return {
      node: el("div", { class: "shelf-row shelf-head", role: "row" }, ...heads.map((one) => one.node), acts),
      /** @param {Sort} sort */
      update(sort) {
        for (const { sorts, node } of heads) {
          if (sorts)
            setAttribute(node, "aria-sort", sorts !== sort ? "none" : sort === "time" ? "descending" : "ascending");
        }
      }
    };
  }
  function shelfTable() {
    let at = 1;
    let sort = "name";
    let limit = AT_ONCE;
    let shelf = null;
    let lookedAt = -1e9;
    let asking = false;
    let revision = -1;
    let visible2 = false;
    const unfolded = /* @__PURE__ */ new Set();
    const again = () => {
      limit = AT_ONCE;
      jobs.changed();
    };
    const search = el("input", {
      type: "search",
      class: "text-input shelf-search",
      placeholder: "Search name, base model, kind, note",
      "aria-label": "Search the shelf",
      id: "lora-mixer-shelf-search",
      on: { input: again }
    });
    const collection = el("select", {
      class: "select",
      "aria-label": "Collection",
      id: "lora-mixer-shelf-collection",
      hidden: true,
      on: { input: again }
    });
    const gain = numberField({
      label: "Gain to load at",
      set: (v) => {
        at = v;
      }
    });
    const unload = el("button", {
      type: "button",
      class: "button",
      text: "Unload all",
      id: "lora-mixer-unload-all",
      title: "Take every adapter out of the model: it is the base model again",
      on: { click: () => jobs.start({ do: "unload", names: null }, KEY2) }
    });
    const refresh = el("button", {
      type: "button",
      class: "button",
      text: "Look again",
      title: "Read the folder anew",
      on: { click: () => look2(true) }
    });
    const count = el("span", { class: "hint", role: "status", id: "lora-mixer-shelf-count" });
    const why = el("div", { class: "why-not", hidden: true, id: "lora-mixer-shelf-why" });
    const job = jobLine("counted");
    const said = messageLine("lora-mixer-shelf-said");
    const head = tableHead((chosen) => {
      sort = chosen;
      again();
    });
    const rows = el("div", { class: "shelf-rows", role: "rowgroup" });
    const table3 = el(
      "div",
      { class: "shelf-table", role: "table", "aria-label": "Adapters", hidden: true },
      head.node,
      rows
    );
    const nothing2 = el("div", { class: "shelf-nothing", id: "lora-mixer-shelf-nothing", text: LOOKING });
    const showMore = () => {
      limit += AT_ONCE;
      jobs.changed();
    };
    const more = el("button", {
      type: "button",
      class: "button",
      text: "Show more",
      hidden: true,
      on: { click: showMore }
    });
    const where = el("span", { class: "hint shelf-where" });
    const loadAt = el(
      "label",
      { class: "inline", title: "The master fader of an adapter stands here from the first token on" },
      el("span", { text: "Load at gain" }),
      gain.node
    );
    const node = el(
      "div",
      { class: "panel-card", id: "lora-mixer-shelf-card" },
      el("div", { class: "shelf-tools" }, search, collection, loadAt, unload, refresh),
      el("div", { class: "shelf-line" }, count, where),
      why,
      job.node,
      said.node,
      table3,
      nothing2,
      more
    );
    function look2(whole2) {
      if (asking) return;
      asking = true;
      lookedAt = performance.now();
      if (whole2) busyLooking(true);
      jobs.order({ do: "shelf", known: whole2 || !shelf ? "" : shelf.digest }, (answer) => {
        asking = false;
        busyLooking(false);
        if (answer.refused) said.say(answer.refused.why);
      });
    }
    function busyLooking(now) {
      refresh.disabled = now;
      setText(refresh, now ? LOOKING : "Look again");
    }
    jobs.onNews((news) => {
      if (news.shelf) shelf = news.shelf;
      if (news.said && news.job?.key === KEY2) said.say(news.said, true);
      if (news.columns) goTo("mix", "lora-mixer-compare");
    });
    const start2 = (message) => {
      said.say("");
      jobs.start(message, KEY2);
    };
    const act = {
      fold(entry) {
        if (!unfolded.delete(entry.id)) unfolded.add(entry.id);
        jobs.changed();
      },
      load: (entry, keep2) => start2({ do: "load", names: [entry.id], keep: keep2, gain: at }),
      remove: (entry) => start2({ do: "unload", names: [entry.loaded] }),
      open: (entry) => start2({ do: entry.whole === "open" ? "close up" : "open up", name: entry.loaded }),
      compare: (entry) => start2({ do: "checkpoints", name: entry.id, gain: at }),
      note: (entry, note, collections, then) => jobs.order({ do: "note", name: entry.id, note, collections }, (answer) => {
        then(saidBy(answer));
        if (!answer.refused) look2(false);
      })
    };
    function draw(known5) {
      const busy = jobs.job.running;
      const found = wantedEntries(known5.entries, { words: search.value, collection: collection.value.slice(1), sort });
      const { why_not: cannot, loaded, writes } = known5;
      const lines = found.slice(0, limit).flatMap(({ entry, inside, opened }) => {
        const open = opened || unfolded.has(entry.id);
        return [{ entry, depth: 0, open }, ...(open ? inside : []).map((one) => ({ entry: one, depth: 1, open: false }))];
      });
      const all2 = { busy, why: cannot, loaded, writes };
      keyed(
        rows,
        lines,
        ({ entry }) => entry.id,
        ({ entry }) => ({ ...shelfRow(act), id: entry.id }),
        (row2, { entry, depth, open }) => row2.update(entry, { ...all2, depth, open }),
        (row2) => unfolded.delete(row2.id)
      );
      more.hidden = found.length <= limit;
      setText(more, `Show ${Math.min(AT_ONCE, found.length - limit)} more of ${found.length}`);
      const total = known5.entries.length;
      const shown3 = found.length === total ? "" : `${found.length} of `;
      const running = loaded.length ? `, ${loaded.length} loaded` : "";
      setText(count, total ? `${shown3}${total} ${total === 1 ? "adapter" : "adapters"}${running}` : "");
      table3.hidden = !found.length;
      nothing2.hidden = found.length > 0;
      setText(nothing2, total ? "Nothing on the shelf matches." : known5.empty);
      unload.disabled = busy || !loaded.length;
    }
    function offerCollections(names) {
      setOptions(collection, [
        ["", "All collections"],
        ...names.map((name2) => (
          /** @type {[string, string]} */
          [`=${name2}`, name2]
        ))
      ]);
      collection.hidden = !names.length;
    }
    return {
      node,
      update() {
        gain.update(at);
        head.update(sort);
        job.update(jobs.jobOf(KEY2));
        if (!shelf) {
          table3.hidden = true;
          setText(nothing2, LOOKING);
          return;
        }
        offerCollections(shelf.collections);
        setText(where, shelf.folder ? `in ${shelf.folder}` : "");
        where.title = shelf.folders.join("\n");
        showText(why, [shelf.why_not, shelf.notes_why].filter(Boolean).join(" "));
        draw(shelf);
      },
      tick() {
        if (!visible2) return;
        const rev = store.state?.rev ?? -1;
        if (rev !== revision || performance.now() - lookedAt > LOOK_MS) {
          revision = rev;
          look2(false);
        }
      },
      /**
       * The page is seen, or not any more.
       *
       * @param {boolean} now
       */
      shown(now) {
        if (now && !visible2) look2(false);
        visible2 = now;
      }
    };
  }

  // ui/adapters/adapters_page.js
  function adaptersPage() {
    const shelf = shelfTable();
    const bake = bakeForm();
    const recipe = recipeForm();
    const heading2 = el(
      "div",
      { class: "heading" },
      el("h3", { text: "Shelf" }),
      el("span", { text: "The adapters in the host’s folder, and what is known of them without loading any." })
    );
    const root = el(
      "div",
      { class: "works", id: "lora-mixer-adapters-page" },
      heading2,
      shelf.node,
      bake.node,
      recipe.node
    );
    const place = placed(root, "lora-mixer-works", {
      narrow: 640,
      moved: jobs.changed,
      seen: (now) => {
        shelf.shown(now);
        bake.shown(now);
      }
    });
    jobs.onChange(() => {
      shelf.update();
      bake.update();
      recipe.update();
    });
    store.onChange(jobs.changed);
    return {
      ...place,
      tick() {
        jobs.tick();
        shelf.tick();
      }
    };
  }

  // ui/chat/host_chat.js
  var visible = (node) => node.getClientRects().length > 0;
  var shown2 = (selector) => [...document.querySelectorAll(
    /** @type {"div"} */
    selector
  )].filter(visible);
  var last2 = (selector) => shown2(selector).at(-1) ?? null;
  var hostChat = {
    /** What scrolls the messages, or holds the text of the notebook; null if no such thing is on screen. */
    scroller() {
      for (const where of [".chat-parent", "#chat-log", "#notebook-parent-tab"]) {
        const node = document.querySelector(where);
        if (node && visible(node)) return node;
      }
      return null;
    },
    /** Whether what is on screen is TextGen's notebook: one text that is written on, without turns. */
    isNotebook: () => shown2("#notebook-parent-tab").length > 0,
    /** The element whose right edge the text reaches where its lines are long. */
    text: () => last2("#chat .message-body, #chat-turns, #notebook-parent-tab textarea"),
    /** The end of what is written so far. */
    words: () => last2("#chat .message-body, #chat-last .text"),
    /** The row in which one types, with Send. */
    input: () => shown2("#chat-input-row, #chat-say, #chat-input")[0] ?? null,
    /** What the last turn asks; null in a chat in which nothing has been said. */
    question: () => last2("#chat .user-message, #chat .message:has(.circle-you), #chat-last .user")?.textContent ?? null
  };

  // ui/chat/answer_twice.js
  var BUSY_MS = 160;
  var IDLE_MS = 500;
  var SETTLED_MS = 400;
  var FOLLOWED = 24;
  var NOTEBOOK = "Turns of the Chat tab are answered twice; the notebook goes on once, under the faders as they stand.";
  var known2 = null;
  var channel2 = openChannel("twice", {
    hear(answer) {
      known2 = answer.twice;
      store.changed();
    },
    lost: (refused) => ({ ...refused, twice: known2 ?? NEVER })
  });
  var NEVER = { on: false, why: "", one: "", other: "", blind: false, options: [], turn: null };
  var twice = { answered: channel2.answered };
  function controls() {
    const menu3 = (id, label) => el("select", { class: "select", id: `lora-mixer-twice-${id}`, "aria-label": label, on: { change: choose } });
    const choose = () => channel2.order({ do: "choose", one: one.value, other: other.value, blind: blind.checked }, said);
    const said = (answer) => showText(why, saidBy(answer));
    const one = menu3("one", "One mix");
    const other = menu3("other", "The other mix");
    const blind = el("input", { type: "checkbox", class: "check", id: "lora-mixer-twice-blind", on: { change: choose } });
    const on = el("input", {
      type: "checkbox",
      class: "check",
      id: "lora-mixer-twice-on",
      on: { change: () => channel2.order({ do: "switch", on: on.checked }, said) }
    });
    const why = el("span", { class: "why-not", role: "alert", hidden: true });
    const hiding = el(
      "label",
      {
        class: "choice",
        title: "Which mix stands where is shuffled anew each turn; the names are shown once you have picked"
      },
      blind,
      el("span", { text: "Blind: hide which is which" })
    );
    const more = el("div", { class: "twice-more" }, one, other, hiding);
    const switching = el(
      "label",
      {
        class: "choice",
        title: "Every turn is answered under two mixes; the reply that you pick goes on, and counts as a vote"
      },
      on,
      el("b", { text: "Answer twice" })
    );
    const notebook = el("p", { class: "hint", hidden: true, text: NOTEBOOK });
    const node = el("div", { class: "twice", id: "lora-mixer-twice" }, switching, notebook, more, why);
    function fill2(select, now, value) {
      setOptions(select, now.options);
      if (document.activeElement !== select && select.value !== value) select.value = value;
    }
    return {
      node,
      update() {
        node.hidden = !known2;
        if (!known2) return;
        if (channel2.idle) on.checked = known2.on;
        on.disabled = Boolean(known2.why);
        more.hidden = !known2.on;
        notebook.hidden = !hostChat.isNotebook();
        fill2(one, known2, known2.one);
        fill2(other, known2, known2.other);
        if (channel2.idle) blind.checked = known2.blind;
        if (known2.why) showText(why, known2.why);
      },
      opened() {
        if (channel2.idle) channel2.order({ do: "look" });
      }
    };
  }
  function chatWatch() {
    let about2 = { number: 0, at: 0, question: null };
    return (turn) => {
      if (turn.running) return false;
      const now = performance.now();
      if (about2.number !== turn.number) about2 = { number: turn.number, at: now, question: null };
      if (now - about2.at < SETTLED_MS) return false;
      const question = hostChat.question();
      if (about2.question === null) about2.question = question;
      return question === null || question !== about2.question;
    };
  }
  function card() {
    const elsewhere = chatWatch();
    const title = el("b", { class: "twice-title" });
    const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": "The other reply" });
    const why = el("span", { class: "why-not", role: "status", hidden: true });
    let folded = false;
    let gone = 0;
    let asked3 = 0;
    let drawn3 = 0;
    let refused = null;
    function pick(side) {
      const number = known2?.turn?.number;
      if (!number) return;
      for (const one of buttons) one.disabled = true;
      asked3 = number;
      channel2.order(
        { do: "pick", number, side },
        (answer) => {
          asked3 = 0;
          refused = answer.refused ? { number, why: answer.refused.why } : null;
          store.changed();
        },
        "pick"
      );
    }
    const button3 = (side, text, help) => el("button", {
      type: "button",
      class: "button",
      text,
      id: `lora-mixer-pick-${side}`,
      title: help,
      on: { click: () => pick(side) }
    });
    const left = button3("left", "← The chat’s reply", "Pick the reply that stands in the chat");
    const right = button3("right", "This one", "Pick this reply: it goes on in the chat");
    const buttons = [left, right];
    const putAway = () => {
      const turn = known2?.turn;
      if (turn && isOver(turn)) gone = turn.number;
      else folded = !folded;
      store.changed();
    };
    const fold = el("button", { type: "button", class: "button small shut", text: "–", on: { click: putAway } });
    const acts = el("div", { class: "twice-acts" }, left, right);
    const node = el(
      "section",
      { class: "twice-card", id: "lora-mixer-twice-card", "aria-label": "The other reply", hidden: true },
      el("div", { class: "twice-head" }, title, fold),
      body,
      why,
      acts
    );
    const isOver = (turn) => Boolean(turn.picked || turn.failed);
    function heading2(turn) {
      if (turn.failed) return "Answered once";
      return turn.picked ? "Picked" : turn.right || "The other reply";
    }
    function outcome(turn) {
      if (turn.failed) return turn.failed;
      if (refused?.number === turn.number) return refused.why;
      if (!turn.picked) return turn.note;
      const [won, lost] = turn.picked === "left" ? [turn.left, turn.right] : [turn.right, turn.left];
      return [`You picked “${won}” over “${lost}”.`, turn.note].filter(Boolean).join(" ");
    }
    function write2({ number, text, running }) {
      const bottom = body.scrollHeight - body.scrollTop - body.clientHeight < FOLLOWED;
      whenChanged(body, [number, text, running], () => {
        const nothing2 = el("span", { class: "faint", text: running ? "…" : "(it said nothing)" });
        body.replaceChildren(text ? document.createTextNode(text) : nothing2);
        if (bottom && running) body.scrollTop = body.scrollHeight;
      });
    }
    return {
      node,
      update() {
        const turn = known2?.on ? known2.turn : null;
        node.hidden = !turn || turn.number === gone || elsewhere(turn);
        if (!turn || node.hidden) return;
        if (drawn3 !== turn.number) folded = false;
        drawn3 = turn.number;
        const over = isOver(turn);
        setText(title, heading2(turn));
        write2(turn);
        node.dataset.turn = `${turn.number} ${turn.running ? "running" : "done"}`;
        setText(fold, over ? "×" : folded ? "+" : "–");
        setAttribute(
          fold,
          "aria-label",
          over ? "Put this away" : folded ? "Show the other reply" : "Fold the other reply"
        );
        body.hidden = acts.hidden = folded || over;
        setText(left, turn.left ? `← ${turn.left}` : "← The chat’s reply");
        for (const one of buttons) one.disabled = turn.running || turn.picked !== null || asked3 === turn.number;
        setText(why, outcome(turn));
        why.hidden = folded && !over || !why.textContent;
        node.classList.toggle("is-over", over);
      }
    };
  }
  function answeringTwice() {
    const inside = controls();
    const beside = card();
    let shown3 = false;
    let timer3;
    function follow2() {
      timer3 = setTimeout(
        guard("following", () => {
          if (shown3 && !document.hidden && channel2.idle && (!known2 || known2.on)) channel2.order({ do: "look" });
          follow2();
        }),
        known2?.turn?.running ? BUSY_MS : IDLE_MS
      );
    }
    follow2();
    onStop(() => clearTimeout(timer3));
    return {
      inside: inside.node,
      beside: beside.node,
      opened: inside.opened,
      /** @param {boolean} dockShown */
      update(dockShown) {
        shown3 = dockShown;
        inside.update();
        beside.update();
      }
    };
  }

  // ui/desk/bypass.js
  var holding = 0;
  var kept = false;
  function bypass(on) {
    if (store.panel.bypass !== on) {
      store.edit((panel) => {
        panel.bypass = on;
      });
    }
  }
  function keep(on) {
    kept = on;
    bypass(on || holding > 0);
  }
  function letGo() {
    holding = Math.max(0, holding - 1);
    if (!holding) bypass(kept);
  }
  function forgetKept() {
    kept = false;
  }
  function bypassButton() {
    const button3 = el(
      "button",
      {
        type: "button",
        class: "button bypass",
        "aria-pressed": "false",
        "aria-label": "Bypass: hold to hear the base model",
        title: "Hold to hear the base model. Double-click, or Keep, and it stays.",
        data: { do: "bypass" }
      },
      el("span", { class: "lamp" }),
      el("span", { text: "Bypass" })
    );
    const keeper = el("button", {
      type: "button",
      class: "button keep",
      text: "Keep",
      "aria-pressed": "false",
      "aria-label": "Keep bypass on",
      title: "Keep the bypass on without holding it",
      data: { do: "keep-bypass" },
      on: { click: () => keep(!kept) }
    });
    let down = false;
    const press = () => {
      if (down) return;
      down = true;
      holding += 1;
      bypass(true);
    };
    const lift = () => {
      if (!down) return;
      down = false;
      letGo();
    };
    button3.addEventListener(
      "pointerdown",
      guard("bypass", (event) => {
        if (event.button) return;
        button3.setPointerCapture(event.pointerId);
        press();
      })
    );
    for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"])
      button3.addEventListener(type, guard("bypass", lift));
    const isPress = (event) => event.key === " " || event.key === "Enter";
    button3.addEventListener(
      "keydown",
      guard("bypass", (event) => {
        if (!isPress(event)) return;
        event.preventDefault();
        if (!event.repeat) press();
      })
    );
    button3.addEventListener(
      "keyup",
      guard("bypass", (event) => {
        if (!isPress(event)) return;
        event.preventDefault();
        lift();
      })
    );
    button3.addEventListener("contextmenu", (event) => event.preventDefault());
    onDouble(button3, () => keep(!kept));
    return {
      node: el("div", { class: "bypass-pair" }, button3, keeper),
      /** @param {boolean} on */
      update(on) {
        if (!holding && !store.held) kept = on;
        setAttribute(button3, "aria-pressed", String(on));
        setAttribute(keeper, "aria-pressed", String(kept));
      },
      lift
    };
  }

  // ui/page/foldable.js
  function foldable(key, name2, open, body, opened) {
    const remembered = store.memory.get(key);
    const digest = el("span", { class: "digest" });
    const title = el("span", { class: "section-name", text: name2 });
    const node = el(
      "details",
      { class: "section", data: { section: name2.toLowerCase() } },
      el("summary", {}, title, digest),
      body
    );
    node.open = remembered === void 0 ? open : remembered === true;
    node.addEventListener(
      "toggle",
      guard("toggle", () => {
        store.memory.set(key, node.open);
        if (node.open) opened();
      })
    );
    return {
      node,
      digest,
      get open() {
        return node.open;
      }
    };
  }

  // ui/desk/undo.js
  var UNDO_MS = 1e4;
  var undoable = null;
  var forget;
  onStop(() => clearTimeout(forget));
  var undoableText = () => undoable?.text ?? "";
  function offerUndo(text, panel) {
    undoable = { text, panel };
    clearTimeout(forget);
    forget = setTimeout(() => {
      undoable = null;
      store.changed();
    }, UNDO_MS);
    store.changed();
  }
  function undo2() {
    const was = undoable;
    undoable = null;
    if (was) store.edit((panel) => Object.assign(panel, was.panel));
  }
  function resetWithUndo(name2) {
    const { state, panel } = store;
    if (!state) return;
    const touched = state.adapters.some((a) => (name2 === null || a.name === name2) && hasMoved(panel, a.name));
    if (undoable && !touched && !panel.bypass) return;
    offerUndo(name2 === null ? "All faders are back as loaded." : `${name2} is back as loaded.`, copyPanel(panel));
    store.edit((p) => {
      const names = name2 === null ? /* @__PURE__ */ new Set([...Object.keys(p.mix.adapters), ...state.adapters.map((a) => a.name)]) : [name2];
      for (const one of names) resetAdapter(p, one);
      if (name2 === null) {
        p.bypass = false;
        forgetKept();
      }
    });
  }
  function moveWithUndo(message, text, then) {
    jobs.order(message, (answer) => {
      if (!answer.refused) {
        offerUndo(text, copyPanel(answer.stood ?? store.panel));
        wire.poll(true);
      }
      then(answer);
    });
  }

  // ui/desk/crossfade.js
  var STEP2 = 0.01;
  var CHOSEN = "chosen";
  var LET_GO = ["pointerup", "pointercancel"];
  var SOURCES = [
    ["as loaded", "As loaded"],
    ["base", "The base model"],
    ["faders", "The faders as they stand"]
  ];
  var standing = () => store.crossfaded ?? store.state?.crossfade?.t ?? 0;
  var isThere = () => store.crossfaded !== null || Boolean(store.state?.crossfade?.stands);
  function slider(label) {
    let before = null;
    let pressed = false;
    const range = el("input", { type: "range", class: "slide", min: "0", max: "1", step: "any", "aria-label": label });
    const track = el("span", { class: "track" }, range);
    const field = numberField({
      label: `${label}, number`,
      step: false,
      set: (t) => {
        move(t);
        before = null;
      },
      refuse: (t) => t >= 0 && t <= 1 ? "" : "It stands from 0 to 1"
    });
    function move(t) {
      before ??= copyPanel(store.panel);
      store.crossfade(t);
      offerUndo(`The crossfade stands at ${writeGain(t)}.`, before);
      draw();
    }
    function draw() {
      const t = standing();
      if (Number(range.value) !== t) range.value = String(t);
      track.style.setProperty("--at", t.toFixed(4));
      track.style.setProperty("--one", "1");
      setAttribute(range, "aria-valuetext", writeGain(t));
      field.update(t);
    }
    range.addEventListener(
      "input",
      guard("crossfade", () => move(Math.round(Number(range.value) * 1e3) / 1e3))
    );
    range.addEventListener(
      "keydown",
      guard("crossfade", (event) => {
        if (isShortcut(event)) return;
        const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
        const end = { Home: 0, End: 1 }[event.key];
        if (by === void 0 && end === void 0) return;
        event.preventDefault();
        move(end ?? clamp(Math.round((standing() + (by ?? 0) * STEP2) * 1e3) / 1e3, 0, 1));
      })
    );
    const drop = () => {
      before = null;
      if (!pressed) return;
      pressed = false;
      for (const type of LET_GO) window.removeEventListener(type, drop, true);
      store.release();
    };
    range.addEventListener(
      "pointerdown",
      guard("crossfade", () => {
        if (pressed) return;
        drop();
        pressed = true;
        store.grab();
        for (const type of LET_GO) window.addEventListener(type, drop, true);
      })
    );
    range.addEventListener("blur", drop);
    return {
      track,
      field: field.node,
      update() {
        const there = Boolean(store.state?.crossfade);
        range.disabled = field.input.disabled = !there;
        draw();
      }
    };
  }
  var nowAt = (now) => store.crossfaded === null && now.over ? `over the reply: ${now.over}` : `at ${writeGain(standing())}`;
  var endOf = (name2) => el("span", { class: "crossfade-end", data: { end: name2 } });
  function smallCrossfade() {
    const fader = slider("Crossfade, beside the chat");
    const [a, b] = [endOf("a"), endOf("b")];
    const node = el(
      "div",
      { class: "crossfade is-small", hidden: true },
      el("div", { class: "crossfade-ends" }, a, b),
      el("div", { class: "fader" }, fader.track, fader.field)
    );
    return {
      node,
      update() {
        const now = store.state?.crossfade;
        node.hidden = !now;
        if (!now) return;
        name(a, now.a.title);
        name(b, now.b.title);
        node.classList.toggle("is-away", !isThere());
        fader.update();
      }
    };
  }
  function name(node, text) {
    setText(node, text);
    setAttribute(node, "title", text);
  }
  function endMenu(end, tell) {
    const label = end === "a" ? "Crossfade from" : "Crossfade to";
    const menu3 = el("select", { class: "select", "aria-label": label, id: `lora-mixer-crossfade-${end}` });
    const now = () => store.state?.crossfade?.[end];
    menu3.addEventListener(
      "change",
      guard("crossfade", () => {
        if (menu3.value === CHOSEN) return;
        jobs.order({ do: "crossfade", [end]: menu3.value }, (answer) => {
          tell(answer.refused?.why ?? "", !answer.refused);
          wire.poll(true);
        });
        menu3.blur();
      })
    );
    return {
      menu: menu3,
      /** @param {Array<[source: string, text: string]>} columns */
      update(columns) {
        const { source, title } = now() ?? { source: end === "a" ? "as loaded" : "base", title: "" };
        const was = source === "faders" || source.startsWith("column:");
        const choices = [...SOURCES, ...columns, ...saved.choices("profile:")];
        const listed = !was && choices.some(([value]) => value === source);
        setOptions(menu3, listed ? choices : [[CHOSEN, title], ...choices]);
        menu3.value = listed ? source : CHOSEN;
      }
    };
  }
  function overReply(tell) {
    const field = textField("Over the reply (optional)", {
      id: "lora-mixer-crossfade-over",
      maxlength: 900,
      placeholder: "0 at 0, 1 at 40"
    });
    const go = () => {
      moveWithUndo(
        { do: "crossfade over", points: field.input.value },
        "The crossfade moves over the reply.",
        (answer) => {
          field.complain(answer.refused?.why);
          tell(answer.said ?? "", !answer.refused);
          told = null;
        }
      );
    };
    const button3 = el("button", {
      type: "button",
      class: "button",
      text: "Set",
      "aria-label": "Set how the crossfade moves over the reply",
      data: { do: "crossfade-over" },
      on: { click: go }
    });
    field.input.addEventListener(
      "keydown",
      guard("crossfade", (event) => {
        if (event.key === "Enter") go();
      })
    );
    let told = null;
    const lacks = el("p", { class: "hint", hidden: true });
    return {
      node: el("div", { class: "crossfade-over" }, field.node, button3, lacks),
      update() {
        const now = store.crossfaded === null ? store.state?.crossfade : null;
        const why = store.state?.engine?.whyNot.fades ?? "";
        showText(lacks, why);
        button3.disabled = field.input.disabled = !store.state?.crossfade || why !== "";
        if (!now || now.over === told || document.activeElement === field.input) return;
        told = now.over;
        field.input.value = told;
      }
    };
  }
  function crossfadeSection(columns) {
    const fader = slider("Crossfade");
    const said = messageLine("lora-mixer-crossfade-said");
    const hint = el("span", { class: "hint", role: "status" });
    const [a, b] = [endMenu("a", said.say), endMenu("b", said.say)];
    const over = overReply(said.say);
    const body = el(
      "div",
      { class: "crossfade" },
      el("div", { class: "crossfade-line" }, a.menu, el("div", { class: "fader" }, fader.track, fader.field), b.menu),
      hint,
      over.node,
      said.node
    );
    const begin = () => {
      if (!store.state?.crossfade) jobs.order({ do: "crossfade" }, () => wire.poll(true));
      store.changed();
    };
    const section = foldable("crossfade", "Crossfade", false, body, begin);
    section.node.classList.add("lora-mixer-crossfade-section");
    return {
      node: section.node,
      update() {
        const { state } = store;
        section.node.hidden = !state?.adapters.length;
        const now = state?.crossfade;
        setText(section.digest, now && isThere() ? `${now.a.title} – ${now.b.title} ${nowAt(now)}` : "");
        if (!state || !section.open) return;
        const choices = columns();
        a.update(choices);
        b.update(choices);
        fader.update();
        over.update();
        body.classList.toggle("is-away", !isThere());
        setText(
          hint,
          isThere() ? "Every target stands between what it is at either end. Other faders can be moved from here." : "One fader between two mixes. It moves nothing until you move it."
        );
      }
    };
  }

  // ui/desk/fader.js
  var NOTCH = 0.012;
  var LET_GO2 = ["pointerup", "pointercancel"];
  function faderRow({ data, name: name2, label, set, extra = [], scale = false }) {
    let value = 1;
    let pressed = false;
    const range = el("input", { type: "range", class: "slide", step: "any", "aria-label": label });
    const marks2 = scale ? el("span", { class: "marks", "aria-hidden": "true" }) : null;
    const track = el("span", { class: "track" }, range, marks2);
    const field = numberField({ label: `${label}, number`, set: (v) => move(v) });
    const follows = el("span", { class: "follows", text: "follows a fade", hidden: true });
    const title = el("span", { class: "fader-name", text: name2, title: name2 });
    const node = el("div", { class: "fader", data }, title, track, follows, field.node, ...extra);
    function move(next) {
      value = next;
      draw();
      set(next);
    }
    function draw() {
      const reach = store.range();
      const { min, max } = reach;
      setAttribute(range, "min", String(min));
      setAttribute(range, "max", String(max));
      const inside = clamp(value, min, max);
      if (Number(range.value) !== inside) range.value = String(inside);
      track.style.setProperty("--at", placeOf(value, reach).toFixed(4));
      track.style.setProperty("--one", placeOf(1, reach).toFixed(4));
      track.classList.toggle("is-over", value > max);
      track.classList.toggle("is-under", value < min);
      track.classList.toggle("is-hot", value > 1);
      setAttribute(range, "aria-valuetext", writeGain(value));
      if (marks2) engrave(marks2, min, max);
      field.update(value);
    }
    range.addEventListener(
      "input",
      guard("fader", () => {
        const { min, max } = store.range();
        const next = notched(Number(range.value), pressed ? (max - min) * NOTCH : 0);
        if (next !== value) move(next);
      })
    );
    range.addEventListener(
      "keydown",
      guard("fader", (event) => {
        if (isShortcut(event)) return;
        const next = stepByKey(event, value, store.range());
        if (next === null) return;
        event.preventDefault();
        move(within(next, value, store.range()));
      })
    );
    const drop = () => {
      if (!pressed) return;
      pressed = false;
      for (const type of LET_GO2) window.removeEventListener(type, drop, true);
      store.release();
    };
    range.addEventListener(
      "pointerdown",
      guard("fader", () => {
        if (pressed) return;
        pressed = true;
        store.grab();
        for (const type of LET_GO2) window.addEventListener(type, drop, true);
      })
    );
    range.addEventListener("blur", drop);
    onDouble(range, () => {
      drop();
      move(1);
    });
    draw();
    return {
      node,
      field,
      /**
       * @param {number} next
       * @param {{silent?: boolean, fades?: boolean}} [how]
       */
      update(next, { silent = false, fades = false } = {}) {
        if (!pressed) value = next;
        draw();
        node.classList.toggle("is-silent", silent);
        node.classList.toggle("is-fading", fades);
        follows.hidden = !fades;
        range.disabled = field.input.disabled = fades;
      }
    };
  }
  function engrave(marks2, min, max) {
    keyed(
      marks2,
      roundTicks(min, max),
      (v) => `${v} of ${min} to ${max}`,
      (v) => {
        const node = el("span", { text: writeShort(v) });
        node.style.setProperty("--t", String((v - min) / (max - min)));
        return { node };
      }
    );
  }

  // ui/desk/latches.js
  function latch(text, act, label, press) {
    const node = el("button", {
      type: "button",
      class: `latch ${act}`,
      text,
      "aria-label": label,
      title: label,
      "aria-pressed": "false",
      data: { do: act },
      on: { click: press }
    });
    return { node, update: (down) => setAttribute(node, "aria-pressed", String(down)) };
  }
  function silentBadge() {
    const word = el("span");
    return {
      node: el("span", { class: "why" }, word),
      /** @param {string} why */
      update(why) {
        setText(word, why);
        word.hidden = !why;
      }
    };
  }
  function powerSwitch(name2) {
    const flip = () => store.edit((panel) => {
      const faders = fadersOf(panel, name2);
      faders.on = !faders.on;
    });
    const node = el(
      "button",
      {
        type: "button",
        class: "switch",
        role: "switch",
        "aria-checked": "true",
        "aria-label": `${name2} on`,
        title: "On / off",
        data: { do: "on" },
        on: { click: flip }
      },
      el("span", { class: "switch-knob" })
    );
    return { node, update: (on) => setAttribute(node, "aria-checked", String(on)) };
  }

  // ui/desk/kinds.js
  function kindFaders(adapter, compact = false) {
    const { name: name2 } = adapter;
    const rows = adapter.kinds.map((kind) => {
      const press = (side) => () => store.edit((p) => toggle(kindsToEdit(p[side], name2), kind));
      const latches = compact ? null : {
        mute: latch("M", "mute", `Mute ${kind} of ${name2}`, press("muted")),
        solo: latch("S", "solo", `Solo ${kind} of ${name2}`, press("soloed"))
      };
      const fader = faderRow({
        data: { fader: "kind", kind },
        name: kind,
        label: `${kind} fader of ${name2}`,
        set: (v) => store.edit((p) => putGain(fadersOf(p, name2).kinds, kind, v)),
        extra: latches ? [latches.mute.node, latches.solo.node] : []
      });
      return { kind, fader, latches };
    });
    return {
      node: el("div", { class: "kinds" }, ...rows.map((row2) => row2.fader.node)),
      update() {
        const { panel } = store;
        const f = peekFaders(panel, name2);
        for (const { kind, fader, latches } of rows) {
          const silent = whyKindSilent(panel, name2, kind) !== "";
          fader.update(gainAt(f.kinds, kind), { silent, fades: `kind:${kind}` in f.fades });
          latches?.mute.update(kindsIn(panel.muted, name2).includes(kind));
          latches?.solo.update(kindsIn(panel.soloed, name2).includes(kind));
        }
      }
    };
  }

  // ui/page/memory.js
  function remember(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch (_) {
    }
  }
  function recall(key) {
    try {
      return localStorage.getItem(key);
    } catch (_) {
      return null;
    }
  }

  // ui/chat/beside.js
  var GAP = 12;
  var LEAST = 260;
  var NARROW = 700;
  var rounded = (box) => [box.left, box.right, box.top, box.bottom].map(Math.round);
  function standBeside(side) {
    const narrow = innerWidth < NARROW;
    side.classList.toggle("is-below", narrow);
    const box = hostChat.input()?.getBoundingClientRect();
    const over = box && (narrow || box.right > side.getBoundingClientRect().left);
    const floor = over ? innerHeight - box.top + GAP : GAP;
    side.style.setProperty("--lm-floor", `${Math.round(clamp(floor, GAP, innerHeight * 0.5))}px`);
  }
  function giveWayBeside(chat, side) {
    const right = hostChat.text()?.getBoundingClientRect().right ?? 0;
    const box = chat.getBoundingClientRect();
    const room = box.right - side.left + GAP;
    if (right <= side.left - GAP || box.width - room < LEAST) return;
    chat.style.paddingRight = `${Math.round(room)}px`;
  }
  function giveWayBelow(chat, side) {
    const words3 = hostChat.words();
    if (!words3) return;
    const bottom = (node) => node.getBoundingClientRect().bottom;
    const wanting = () => {
      const left = Math.max(...[...chat.children].map(bottom)) - bottom(words3);
      return bottom(chat) - side.top + GAP - Math.max(0, left);
    };
    const followed = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 2 * GAP;
    for (let again = 0; again < 2 && wanting() > 0; again += 1) chat.style.paddingBottom = `${Math.round(wanting())}px`;
    if (followed) chat.scrollTop = chat.scrollHeight;
  }
  function chatGivesWay() {
    let given = null;
    let measured = "";
    function clear() {
      given?.style.removeProperty("padding-right");
      given?.style.removeProperty("padding-bottom");
      given = null;
    }
    onStop(clear);
    return {
      /** @param {HTMLElement | null} side */
      update(side) {
        const chat = hostChat.scroller();
        if (!side || !chat) {
          clear();
          measured = "";
          return;
        }
        const under = side.classList.contains("is-below");
        const box = side.getBoundingClientRect();
        const place = chat.getBoundingClientRect();
        const look2 = () => under ? JSON.stringify([true, rounded(box), rounded(place), chat.scrollHeight]) : JSON.stringify([false, Math.round(box.left), rounded(place)]);
        if (chat === given && look2() === measured) return;
        const top = chat.scrollTop;
        clear();
        given = chat;
        if (under) giveWayBelow(chat, box);
        else giveWayBeside(chat, box);
        if (!under) chat.scrollTop = top;
        measured = look2();
      }
    };
  }

  // ui/chat/dock.js
  var CHATS = ["chat-tab", "notebook-parent-tab", "lora-mixer-chat"];
  var OPEN = "lora-mixer-dock-open";
  var TOP = "lora-mixer-dock-top";
  var [HIGHEST, LOWEST, USUAL] = [0.02, 0.7, 0.16];
  var SLACK = 5;
  function sidebar() {
    const box = document.getElementById("chat-controls")?.getBoundingClientRect();
    if (!box?.width || box.right < innerWidth - 2 || box.left < innerWidth / 2) return 0;
    return Math.max(0, Math.round(innerWidth - box.left));
  }
  function rail() {
    const box = document.querySelector(".header_bar")?.getBoundingClientRect();
    if (!box || box.left > 0 || box.height <= innerHeight / 2 || box.right >= innerWidth / 2) return 0;
    return Math.max(0, Math.round(box.right));
  }
  function channel3(adapter) {
    const { name: name2 } = adapter;
    const power = powerSwitch(name2);
    const master = faderRow({
      data: { fader: "master" },
      name: "Master",
      label: `Master fader of ${name2}, beside the chat`,
      set: (v) => store.edit((panel) => {
        fadersOf(panel, name2).master = v;
      })
    });
    const kinds = kindFaders(adapter, true);
    const more = foldable(`dock/${name2}`, "Kinds", false, kinds.node, () => store.changed());
    const why = silentBadge();
    const head = el(
      "div",
      { class: "channel-head" },
      power.node,
      el("span", { class: "name", text: name2, title: name2 }),
      why.node
    );
    const node = el("div", { class: "channel", data: { adapter: name2 } }, head, master.node, more.node);
    if (!adapter.kinds.length) more.node.hidden = true;
    return {
      node,
      update() {
        const { panel } = store;
        const f = peekFaders(panel, name2);
        const silent = whySilent(panel, adapter);
        node.classList.toggle("is-silent", silent !== "");
        why.update(silent);
        power.update(f.on);
        master.update(f.master, { fades: "master" in f.fades });
        if (more.open) kinds.update();
      }
    };
  }
  function dragPill(moved2, clicked) {
    const pill = el(
      "button",
      {
        type: "button",
        class: "pill",
        "aria-expanded": "false",
        "aria-label": "LoRA faders",
        title: "LoRA faders (drag to move)"
      },
      deskIcon(),
      el("span", { class: "pill-text", text: "LoRA" })
    );
    const kept2 = Number.parseFloat(recall(TOP) ?? "");
    let top = Number.isFinite(kept2) ? kept2 : USUAL;
    let pull = null;
    let dragged = false;
    const put = () => moved2(clamp(top, HIGHEST, LOWEST));
    pill.addEventListener(
      "pointerdown",
      guard("dock", (event) => {
        if (event.button) return;
        pull = { y: event.clientY, top, moved: false };
        pill.setPointerCapture(event.pointerId);
      })
    );
    pill.addEventListener(
      "pointermove",
      guard("dock", (event) => {
        if (!pull) return;
        const dy = event.clientY - pull.y;
        if (Math.abs(dy) > SLACK) pull.moved = true;
        if (!pull.moved) return;
        top = clamp(pull.top + dy / innerHeight, HIGHEST, LOWEST);
        put();
      })
    );
    const drop = guard("dock", () => {
      dragged = Boolean(pull?.moved);
      if (dragged) remember(TOP, String(top));
      pull = null;
    });
    pill.addEventListener("pointerup", drop);
    pill.addEventListener("pointercancel", drop);
    pill.addEventListener(
      "click",
      guard("dock", () => {
        if (!dragged) clicked();
        dragged = false;
      })
    );
    put();
    return pill;
  }
  function faderDock() {
    const seen2 = /* @__PURE__ */ new Set();
    const watched = /* @__PURE__ */ new Map();
    let open = recall(OPEN) === "1";
    let shown3 = false;
    const bypass2 = bypassButton();
    const shut = el("button", {
      type: "button",
      class: "button small shut",
      text: "×",
      "aria-label": "Close the LoRA faders",
      on: { click: () => toggle2(false) }
    });
    const crossfade = smallCrossfade();
    const body = el("div", { class: "channels" });
    const differs = el("p", { class: "hint", hidden: true, data: { part: "mid-reply" } });
    const move = el("p", { class: "hint", hidden: true, data: { part: "move" } });
    const standing2 = el("p", { class: "hint", role: "status", hidden: true, data: { part: "standing" } });
    const twice2 = answeringTwice();
    const chat = chatGivesWay();
    const panel = el(
      "div",
      { class: "dock-panel", role: "group", "aria-label": "LoRA faders" },
      el("div", { class: "dock-head" }, bypass2.node, shut),
      crossfade.node,
      body,
      el("div", { class: "dock-told" }, standing2, move, differs),
      twice2.inside
    );
    const side = el("div", { class: "dock-side" }, panel, twice2.beside);
    const node = el("div", { class: "dock" });
    const pill = dragPill(
      (top) => node.style.setProperty("--lm-top", `${(top * 100).toFixed(1)}vh`),
      () => toggle2(!open)
    );
    node.append(pill, side);
    node.classList.add("lora-mixer");
    node.hidden = true;
    keepKeys(node);
    function toggle2(next) {
      open = next;
      remember(OPEN, open ? "1" : "0");
      draw();
      giveWay(shown3);
      if (open) {
        twice2.opened();
        store.changed();
      } else pill.focus();
    }
    function draw() {
      node.classList.toggle("is-open", open);
      setAttribute(pill, "aria-expanded", String(open));
    }
    node.addEventListener(
      "keydown",
      guard("dock", (event) => {
        if (event.key !== "Escape" || !open || event.defaultPrevented) return;
        event.preventDefault();
        event.stopPropagation();
        toggle2(false);
      })
    );
    const observer = new IntersectionObserver(
      guard("dock", (entries) => {
        for (const entry of entries) {
          if (entry.isIntersecting) seen2.add(entry.target.id);
          else seen2.delete(entry.target.id);
        }
        store.changed();
      })
    );
    onStop(() => {
      observer.disconnect();
      bypass2.lift();
      node.remove();
    });
    function giveWay(show2) {
      shown3 = show2;
      const over = show2 && (open || !twice2.beside.hidden);
      if (over) standBeside(side);
      chat.update(over ? side : null);
    }
    const follow2 = () => {
      if (shown3) giveWay(true);
    };
    for (const type of ["scroll", "resize"]) listen(window, type, follow2, { passive: true });
    draw();
    return {
      node,
      /** Hosts make their elements anew: look for the chats, and for our own place, again. */
      look() {
        for (const id of CHATS) {
          const found = document.getElementById(id);
          const before = watched.get(id);
          if (before === found) continue;
          if (before) observer.unobserve(before);
          seen2.delete(id);
          watched.set(id, found);
          if (found) observer.observe(found);
        }
        node.style.setProperty("--lm-right", `${sidebar()}px`);
        node.style.setProperty("--lm-left", `${rail() + 8}px`);
        const home = document.querySelector(".gradio-container") ?? document.body;
        if (node.parentNode !== home) home.append(node);
      },
      update() {
        const { state, panel: stands } = store;
        const adapters = state?.adapters ?? [];
        const show2 = adapters.length > 0 && seen2.size > 0;
        if (node.hidden === show2) node.hidden = !show2;
        twice2.update(show2);
        giveWay(show2);
        if (!show2) {
          bypass2.lift();
          return;
        }
        const channels = keyed(body, adapters, (adapter) => adapter, channel3);
        pill.classList.toggle("is-silent", !adapters.some((adapter) => whySilent(stands, adapter) === ""));
        pill.classList.toggle(
          "is-moved",
          adapters.some((adapter) => hasMoved(stands, adapter.name))
        );
        if (!open) return;
        bypass2.update(stands.bypass);
        crossfade.update();
        const told = state?.engine?.differs.mid_reply ?? "";
        showText(differs, told && `Moved in the middle of a reply: ${told[0].toLowerCase()}${told.slice(1)}`);
        showText(standing2, state?.engine?.standing ?? "");
        showText(move, state?.engine?.differs.live ?? "");
        for (const one of channels) one.update();
      }
    };
  }

  // ui/page/files.js
  var KEPT_MS = 6e4;
  function download(name2, text, type = "application/json") {
    const link = el("a", { download: name2, href: URL.createObjectURL(new Blob([text], { type })) });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
  }
  function filePicker(accept, most2, then, complain2) {
    const input = el("input", { type: "file", accept, hidden: true, tabindex: "-1" });
    input.addEventListener(
      "change",
      guard("file", () => {
        const file = input.files?.[0];
        input.value = "";
        if (!file) return;
        if (file.size > most2 * 1e6) {
          complain2(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB: no more than ${most2} MB can be read here.`);
          return;
        }
        const reader = new FileReader();
        reader.onload = guard("file", () => then(file.name, String(reader.result).split(",")[1] || ""));
        reader.onerror = guard("file", () => complain2(`${file.name} could not be read: ${reader.error?.message}`));
        reader.readAsDataURL(file);
      })
    );
    return { input, open: () => input.click() };
  }
  var textOf = (data) => new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));

  // ui/desk/profile_row.js
  function profileRow(tell) {
    let profile;
    const name2 = el("span", { class: "profile-name" });
    const words3 = el("span", { class: "hint" });
    const bad = el("div", { class: "profile-unfit" });
    const maps = el("div", { class: "fields" });
    const note = el("div", { class: "hint profile-note" });
    const order = (message) => jobs.order({ ...message, name: profile.name }, (answer) => {
      tell(saidBy(answer), !answer.refused);
      if (answer.refused) jobs.order({ do: "profiles" });
    });
    const again = el("input", {
      type: "checkbox",
      class: "tick",
      on: { change: () => order({ do: "change", restore: again.checked }) }
    });
    const small = (text, what, click) => el("button", { type: "button", class: "button small", text, data: { do: what }, on: { click } });
    const put = small("Put on the desk", "put", () => {
      const names = {};
      for (const select of maps.querySelectorAll("select"))
        if (select.value) names[select.dataset.asked ?? ""] = select.value;
      moveWithUndo(
        { do: "put", name: profile.name, names },
        `“${profile.name}” is on the desk.`,
        (answer) => tell(saidBy(answer), !answer.refused)
      );
    });
    const field = el("input", { type: "text", class: "text-input", maxlength: 120, hidden: true });
    const rename = small("Rename", "rename", () => {
      if (field.hidden) {
        field.hidden = false;
        field.value = profile.name;
        field.focus();
        field.select();
        setText(rename, "Keep this name");
        return;
      }
      close();
      if (field.value.trim() !== profile.name) order({ do: "rename", new: field.value });
    });
    function close() {
      field.hidden = true;
      setText(rename, "Rename");
    }
    field.addEventListener(
      "keydown",
      guard("rename", (event) => {
        if (event.key === "Enter") rename.click();
        if (event.key === "Escape") {
          event.preventDefault();
          close();
          rename.focus();
        }
      })
    );
    const save2 = small(
      "Export",
      "export",
      () => jobs.order({ do: "export", name: profile.name }, ({ refused, file, text }) => {
        if (refused !== void 0 || file === void 0 || text === void 0) tell(refused?.why);
        else download(file, text);
      })
    );
    const gone = askingButton(
      "Delete…",
      "Yes, delete it",
      { do: "delete" },
      () => order({ do: "delete", seen: profile.mark })
    );
    const restored = el("label", { class: "choice" }, again, el("span", { text: "put back by itself" }));
    const node = el(
      "li",
      { class: "profile" },
      el("div", { class: "profile-head" }, name2, field, words3),
      note,
      bad,
      maps,
      el("div", { class: "profile-acts" }, put, rename, save2, gone.node, restored)
    );
    function places(adapters) {
      return (adapters.length ? profile.missing : []).map((asked3) => {
        const choices = ["", ...adapters].map((one) => el("option", { value: one, text: one || "leave out" }));
        const select = el("select", { class: "select", "aria-label": `Put ${asked3} on`, data: { asked: asked3 } }, ...choices);
        return el(
          "label",
          { class: "inline" },
          el("span", { text: `“${asked3}” is not loaded: put it on` }),
          select
        );
      });
    }
    return {
      node,
      /**
       * @param {Profile} next
       * @param {boolean} writes whether profiles can be changed here
       */
      update(next, writes) {
        profile = next;
        node.dataset.profile = profile.name;
        setText(name2, profile.name);
        setAttribute(field, "aria-label", `New name of ${profile.name}`);
        setAttribute(again, "aria-label", `Put ${profile.name} back by itself when its adapters are loaded`);
        setText(words3, [profile.words, profile.model, writeTime(profile.saved)].filter(Boolean).join(" · "));
        showText(note, profile.note);
        showText(bad, profile.not_fits.join(" "));
        again.checked = profile.restore;
        for (const one of [rename, gone.button, again]) one.disabled = !writes;
        const adapters = store.state?.adapters.map((one) => one.name) ?? [];
        put.disabled = !adapters.length;
        whenChanged(maps, [profile.missing, adapters], () => {
          maps.replaceChildren(...places(adapters));
          maps.hidden = !maps.children.length;
        });
      }
    };
  }

  // ui/desk/profiles.js
  var MOST_MB = 4;
  var asked = "";
  function look() {
    const { state } = store;
    if (!state) return;
    const key = JSON.stringify([state.profile?.kept, state.adapters.map((a) => [a.name, a.targets.length])]);
    if (key === asked) return;
    asked = key;
    jobs.order({ do: "profiles" });
  }
  function saveForm(tell, done) {
    const name2 = textField("Name", { id: "lora-mixer-profile-name", maxlength: 120, placeholder: "quiet pirate" });
    const note = textField("Note (optional)", { id: "lora-mixer-profile-note", maxlength: 2e3 });
    const again = el("input", { type: "checkbox", class: "tick", id: "lora-mixer-profile-restore" });
    const keep2 = el("button", {
      type: "button",
      class: "button primary",
      text: "Save",
      data: { do: "save-profile" },
      on: { click: () => save2(false) }
    });
    const over = askingButton("Overwrite it…", "Yes, overwrite it", { do: "overwrite-profile" }, () => save2(true));
    const node = el(
      "div",
      { class: "profile-form", hidden: true, id: "lora-mixer-profile-form" },
      el("div", { class: "fields" }, name2.node, note.node),
      el(
        "label",
        { class: "choice" },
        again,
        el("span", { text: "Put it back by itself when its adapters are loaded again" })
      ),
      el("div", { class: "column-tools" }, keep2, over.node)
    );
    const there = () => {
      const typed = name2.input.value.trim().toLowerCase();
      return saved.known?.profiles.find((one) => one.name.toLowerCase() === typed);
    };
    const offer = () => {
      keep2.hidden = Boolean(there());
      over.node.hidden = !keep2.hidden;
    };
    name2.input.addEventListener("input", offer);
    name2.input.addEventListener(
      "keydown",
      guard("save", (event) => {
        if (event.key === "Enter" && !there()) save2(false);
      })
    );
    function save2(overwrite) {
      const seen2 = overwrite && there()?.mark || null;
      const profile = { name: name2.input.value, note: note.input.value, restore: again.checked };
      jobs.order({ do: "save", ...profile, overwrite, seen: seen2 }, (answer) => {
        name2.complain(answer.refused?.why);
        if (answer.refused) {
          jobs.order({ do: "profiles" }, offer);
          return;
        }
        tell(answer.said, true);
        wire.poll(true);
        done();
      });
    }
    return {
      node,
      open() {
        const at = store.state?.profile;
        if (at?.name && !name2.input.value) name2.input.value = at.name;
        offer();
        name2.input.focus();
        name2.input.select();
      }
    };
  }
  function profileLine() {
    const choose = el("select", { class: "select", "aria-label": "Profile", id: "lora-mixer-profile" });
    const button3 = (text, id, click) => el("button", { type: "button", class: "button", text, id, on: { click } });
    const put = button3("Put on the desk", "lora-mixer-profile-put", () => {
      const name2 = choose.value;
      if (!name2) return;
      moveWithUndo({ do: "put", name: name2 }, `“${name2}” is on the desk.`, (answer) => {
        said.say(answer.all ? "" : saidBy(answer), !answer.refused);
      });
    });
    const save2 = button3("Save as…", "lora-mixer-profile-save", () => {
      open(save2, form.node, Boolean(form.node.hidden));
      if (!form.node.hidden) form.open();
    });
    const more = button3("More", "lora-mixer-profile-more", () => open(more, all2, Boolean(all2.hidden)));
    for (const one of [save2, more]) one.setAttribute("aria-expanded", "false");
    const at = el("span", { class: "hint profile-at", role: "status" });
    const said = messageLine("lora-mixer-profile-said");
    const form = saveForm(said.say, () => open(save2, form.node, false));
    const take2 = (file, data) => jobs.order({ do: "import", file, text: textOf(data) }, (answer) => said.say(saidBy(answer), !answer.refused));
    const picker = filePicker(".json,application/json", MOST_MB, take2, (why) => said.say(why));
    const bring = el("button", {
      type: "button",
      class: "button small",
      text: "Import…",
      data: { do: "import" },
      title: "A profile that was exported, as JSON",
      on: { click: picker.open }
    });
    const list3 = el("ul", { class: "profiles" });
    const damaged = el("ul", { class: "profiles-damaged" });
    const none = el("div", {
      class: "hint",
      text: "Nothing is saved yet. “Save as…” keeps what is heard now."
    });
    const all2 = el(
      "div",
      { class: "profile-more", hidden: true, id: "lora-mixer-profile-list" },
      none,
      list3,
      damaged,
      el("div", { class: "column-tools" }, bring, picker.input)
    );
    const line2 = el(
      "div",
      { class: "profile-line" },
      el("span", { class: "label", text: "Profile" }),
      choose,
      put,
      save2,
      more,
      at
    );
    const node = el("div", { class: "profile-area", hidden: true }, line2, said.node, form.node, all2);
    function open(opener, part, wanted) {
      part.hidden = !wanted;
      setAttribute(opener, "aria-expanded", String(wanted));
    }
    function offer(names) {
      const before = choose.value;
      setOptions(choose, names.length ? names.map((name2) => [name2, name2]) : [["", "none saved yet"]]);
      const here = store.state?.profile.name ?? "";
      if (!before && names.includes(here)) choose.value = here;
    }
    function standing2(names, whyNot2) {
      const here = store.state?.profile;
      if (here && names.includes(here.name))
        return here.moved ? `moved since “${here.name}”` : `“${here.name}” is on the desk`;
      return whyNot2 ? "Nothing is kept here: strangers share this page." : "";
    }
    return {
      node,
      update() {
        const { state } = store;
        const { known: known5 } = saved;
        look();
        node.hidden = !known5 || !state || !state.adapters.length && !known5.profiles.length;
        if (!known5 || !state || node.hidden) return;
        const names = known5.profiles.map((one) => one.name);
        offer(names);
        choose.disabled = !names.length;
        put.disabled = !names.length || !state.adapters.length;
        save2.disabled = !known5.writes || !state.adapters.length;
        setAttribute(save2, "title", known5.why_not || "Keep what is heard now under a name");
        setText(at, standing2(names, known5.why_not));
        none.hidden = names.length > 0;
        keyed(
          list3,
          known5.profiles,
          (profile) => profile.name,
          () => profileRow(said.say),
          (row2, profile) => row2.update(profile, known5.writes)
        );
        keyed(
          damaged,
          Object.entries(known5.damaged),
          ([name2]) => name2,
          () => ({ node: el("li", { class: "profile-unfit" }) }),
          (row2, [name2, why]) => setText(row2.node, `${name2}: ${why}`)
        );
        bring.disabled = !known5.writes;
      }
    };
  }

  // ui/page/gains.js
  function fadeAt(points, token) {
    const after = points.findIndex((point) => point[0] > token);
    if (after === 0) return points[0][1];
    if (after < 0) return points[points.length - 1][1];
    const [[left, one], [right, other]] = [points[after - 1], points[after]];
    if (token === left || one === other) return one;
    const part = (token - left) / (right - left);
    return one * (1 - part) + other * part;
  }
  var standsAt = (f, key, value) => key in f.fades ? fadeAt(f.fades[key], 0) : value;
  function indexTargets(adapter) {
    const { kinds, layers, targets } = adapter;
    const column = new Map(layers.map((layer, i) => [layer, i]));
    const loose = targets.some((target) => !column.has(target[1]));
    const cols = layers.length + (loose ? 1 : 0);
    const count = kinds.length * cols;
    const cellOf = Int32Array.from(targets, (target) => target[2] * cols + (column.get(target[1]) ?? cols - 1));
    const start2 = new Int32Array(count + 1);
    for (const c of cellOf) start2[c + 1] += 1;
    for (let c = 0; c < count; c += 1) start2[c + 1] += start2[c];
    const next = start2.slice();
    const members = new Int32Array(targets.length);
    cellOf.forEach((c, i) => {
      members[next[c]++] = i;
    });
    return {
      adapter,
      cols,
      rows: kinds.length,
      loose,
      count,
      cellOf,
      start: start2,
      members,
      gains: new Float64Array(targets.length)
    };
  }
  function hearGains(index, panel) {
    const { adapter, gains } = index;
    if (whySilent(panel, adapter)) return gains.fill(0);
    const silent = (kind) => whyKindSilent(panel, adapter.name, kind) !== "";
    return fillGains(index, peekFaders(panel, adapter.name), gains, silent);
  }
  function fillGains(index, f, gains, silent) {
    const { adapter } = index;
    const master = standsAt(f, "master", f.master);
    const kind = adapter.kinds.map((k) => silent(k) ? 0 : master * standsAt(f, `kind:${k}`, gainAt(f.kinds, k)));
    const layer = adapter.layers.map((l) => standsAt(f, `layer:${l}`, gainAt(f.layers, l)));
    if (index.loose) layer.push(1);
    const single = Object.keys(f.modules).length > 0 || Object.keys(f.fades).some((key) => key.startsWith("target:"));
    for (let i = 0; i < gains.length; i += 1) {
      const c = index.cellOf[i];
      const name2 = adapter.targets[i][0];
      const own = single ? standsAt(f, `target:${name2}`, gainAt(f.modules, name2)) : 1;
      gains[i] = kind[Math.floor(c / index.cols)] * layer[c % index.cols] * own;
    }
    if (f.crossfade) {
      const { a, b, t } = f.crossfade;
      const part = typeof t === "number" ? t : fadeAt(t, 0);
      const [one, other] = [a, b].map((side) => fillGains(index, side, new Float64Array(gains.length), () => false));
      for (let i = 0; i < gains.length; i += 1) gains[i] *= (1 - part) * one[i] + part * other[i];
    }
    return gains;
  }
  var membersOf = (index, c) => index.members.subarray(index.start[c], index.start[c + 1]);
  function cellGain(index, c) {
    const from = index.start[c];
    const to = index.start[c + 1];
    let lo = Infinity;
    let hi = -Infinity;
    let sum = 0;
    for (let m = from; m < to; m += 1) {
      const g = index.gains[index.members[m]];
      if (g < lo) lo = g;
      if (g > hi) hi = g;
      sum += g;
    }
    return { n: to - from, lo, hi, mean: to > from ? sum / (to - from) : 0 };
  }
  function ownGain(index, panel, c) {
    const { modules } = peekFaders(panel, index.adapter.name);
    const values = Array.from(membersOf(index, c), (i) => gainAt(modules, index.adapter.targets[i][0]));
    const value = values.length ? values[0] : 1;
    return { value, mixed: values.some((v) => v !== value), moved: values.some((v) => v !== 1) };
  }
  function putCell(index, panel, c, value) {
    const { modules } = fadersOf(panel, index.adapter.name);
    for (const i of membersOf(index, c)) putGain(modules, index.adapter.targets[i][0], value);
  }
  function alphaNow(index) {
    let lo = Infinity;
    let hi = -Infinity;
    index.adapter.targets.forEach((target, i) => {
      const alpha = index.gains[i] * target[4];
      if (alpha < lo) lo = alpha;
      if (alpha > hi) hi = alpha;
    });
    return lo <= hi ? [lo, hi] : [0, 0];
  }

  // ui/desk/layer_width.js
  var LOOSE_GAP = 8;
  var GUTTER = 84;
  var [LEAST2, LEAST_FOR_FINGERS, MOST] = [14, 28, 44];
  function layerWidth(node, adapter) {
    const n = adapter.layers.length || 1;
    const loose = adapter.targets.some((target) => target[1] === null);
    const gutter = parseFloat(getComputedStyle(node).getPropertyValue("--lm-gutter")) || GUTTER;
    const room = node.clientWidth - gutter;
    if (room <= 0) return null;
    const coarse = matchMedia("(pointer: coarse)").matches;
    const fits = Math.floor(loose ? (room - LOOSE_GAP) / (n + 1) : room / n);
    const least = coarse ? LEAST_FOR_FINGERS : LEAST2;
    const cell2 = clamp(fits, least, MOST);
    return { cell: cell2, width: fits >= least ? cell2 * n : room };
  }

  // ui/desk/depth_curve.js
  var HEIGHT = 128;
  var PAD = 9;
  var NOTCH2 = 0.02;
  var toY = (value) => PAD + (1 - placeOf(value, store.range())) * (HEIGHT - 2 * PAD);
  function picture() {
    const [bars2, hot, caps, beyond, lines, one] = ["bars", "hot", "caps", "beyond", "lines", "one"].map(
      (part) => svg("path", { class: `lora-mixer-curve-${part}` })
    );
    const cursor = svg("rect", { class: "lora-mixer-curve-cursor", y: 0, height: HEIGHT });
    const node = svg("svg", { height: HEIGHT, "aria-hidden": "true" }, cursor, lines, bars2, hot, one, caps, beyond);
    return {
      node,
      /**
       * @param {number[]} values
       * @param {number} width
       * @param {number} at the layer to mark
       */
      paint(values, width, at) {
        const { min, max } = store.range();
        const slot = width / values.length;
        const gap = slot > 9 ? 2 : slot > 4 ? 1 : 0.5;
        const zero = toY(0);
        const unity = toY(1);
        let bar = "";
        let heat = "";
        let cap = "";
        let mark = "";
        values.forEach((v, i) => {
          const x = i * slot + gap / 2;
          const w = slot - gap;
          const y = toY(v);
          const low = v > 1 ? unity : y;
          if (low !== zero) bar += `M${x} ${zero}H${x + w}V${low}H${x}Z`;
          if (v > 1) heat += `M${x} ${unity}H${x + w}V${y}H${x}Z`;
          cap += `M${x} ${y}H${x + w}`;
          const m = x + w / 2;
          if (v > max) mark += `M${m - 4} ${PAD - 2}l4 -6l4 6Z`;
          if (v < min) mark += `M${m - 4} ${HEIGHT - PAD + 2}l4 6l4 -6Z`;
        });
        const across = [min, max, 0].filter((v) => v >= min && v <= max);
        setAttribute(bars2, "d", bar);
        setAttribute(hot, "d", heat);
        setAttribute(caps, "d", cap);
        setAttribute(beyond, "d", mark);
        setAttribute(lines, "d", across.map((v) => `M0 ${toY(v)}H${width}`).join(""));
        setAttribute(one, "d", min <= 1 && max >= 1 ? `M0 ${unity}H${width}` : "");
        setAttribute(cursor, "x", String(at * slot));
        setAttribute(cursor, "width", String(slot));
      }
    };
  }
  function depthCurve(adapter) {
    const { name: name2, layers } = adapter;
    const n = layers.length;
    let values = layers.map(() => 1);
    let chosen = 0;
    let hover = -1;
    let width = 0;
    let drawing2 = null;
    const put = (panel, i, value) => putGain(fadersOf(panel, name2).layers, String(layers[i]), value);
    const drawn3 = picture();
    const plot = el(
      "div",
      {
        class: "curve-plot",
        tabindex: 0,
        role: "slider",
        "aria-label": `Depth curve of ${name2}`,
        "aria-orientation": "vertical",
        data: { part: "curve" }
      },
      drawn3.node
    );
    const axis = el("div", { class: "curve-axis", "aria-hidden": "true" });
    const numbers = el("div", { class: "curve-numbers", "aria-hidden": "true" });
    const where = el("span", { class: "curve-where" });
    const field = numberField({
      label: `Gain of the chosen layer of ${name2}`,
      set: (v) => setLayer(chosen, v),
      done: () => plot.focus()
    });
    const flatten = () => store.edit((panel) => {
      fadersOf(panel, name2).layers = /* @__PURE__ */ Object.create(null);
    });
    const flat = el("button", {
      type: "button",
      class: "button small",
      text: "Flat",
      title: "All layers of this adapter back to 1",
      data: { do: "flat" },
      on: { click: flatten }
    });
    const hint = el("span", {
      class: "hint",
      text: "Drag across to draw. Keys: ← → layer, ↑ ↓ gain, Delete puts back to 1."
    });
    const node = el(
      "div",
      { class: "curve" },
      el("div", { class: "tools" }, where, field.node, flat, hint),
      el("div", { class: "curve-area" }, axis, plot),
      numbers
    );
    function setLayer(i, value) {
      chosen = i;
      values[i] = value;
      store.edit((panel) => put(panel, i, value));
    }
    function spot(event) {
      const box = plot.getBoundingClientRect();
      const reach = store.range();
      const i = clamp(Math.floor((event.clientX - box.left) / box.width * n), 0, n - 1);
      const value = gainOf(1 - (event.clientY - box.top - PAD) / (HEIGHT - 2 * PAD), reach);
      return { i, value: notched(value, (reach.max - reach.min) * NOTCH2) };
    }
    function draw(event) {
      if (!drawing2) return;
      const { i, value } = spot(event);
      const from = drawing2.last ?? { i, value };
      const steps = Math.max(1, Math.abs(i - from.i));
      store.edit((panel) => {
        for (let s = 1; s <= steps; s += 1) {
          const at = from.i + Math.round((i - from.i) * s / steps);
          put(panel, at, roundGain(from.value + (value - from.value) * s / steps));
        }
      });
      drawing2.last = { i, value };
      chosen = i;
    }
    const on = (type, fn) => plot.addEventListener(type, guard("curve", fn));
    on("pointerdown", (event) => {
      if (event.button || drawing2) return;
      drawing2 = { id: event.pointerId, last: null, from: event.pointerType === "touch" ? event : null };
      store.grab();
      plot.setPointerCapture(event.pointerId);
      if (!drawing2.from) draw(event);
    });
    on("pointermove", (event) => {
      if (drawing2 && event.pointerId === drawing2.id && !mayScroll(drawing2.from, event)) {
        drawing2.from = null;
        draw(event);
      }
      const { i } = spot(event);
      if (i !== hover) {
        hover = i;
        store.changed();
      }
    });
    function end(event) {
      if (!drawing2 || event.pointerId !== drawing2.id) return;
      if (event.type === "pointerup" && !drawing2.last) draw(event);
      drawing2 = null;
      store.release();
      store.changed();
    }
    on("pointerup", end);
    on("pointercancel", end);
    on("lostpointercapture", end);
    on("pointerleave", () => {
      hover = -1;
      store.changed();
    });
    plot.addEventListener(
      "focus",
      guard("curve", () => store.changed())
    );
    onDouble(plot, (event) => setLayer(spot(event).i, 1));
    const walk = (key) => {
      const to = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: n - 1 };
      return to[key];
    };
    plot.addEventListener(
      "keydown",
      guard("curve", (event) => {
        if (isShortcut(event)) return;
        const to = walk(event.key);
        hover = -1;
        if (to !== void 0) {
          chosen = clamp(to, 0, n - 1);
          store.changed();
        } else if (/^[0-9.]$/.test(event.key) || event.key === "Enter") {
          field.input.focus();
          if (event.key !== "Enter") field.input.value = event.key;
        } else {
          const next = stepByKey(event, values[chosen], store.range());
          if (next === null) return;
          setLayer(chosen, next);
        }
        event.preventDefault();
      })
    );
    const marked2 = () => hover >= 0 ? hover : chosen;
    const paint = () => {
      if (width) drawn3.paint(values, width, marked2());
    };
    function scale() {
      const { min, max } = store.range();
      const at = [.../* @__PURE__ */ new Set([min, 1, 0, max])].filter((v) => v >= min && v <= max);
      keyed(
        axis,
        at,
        (v) => v,
        (v) => ({ node: el("span", { text: writeShort(v) }) }),
        (label, v) => {
          label.node.style.top = `${toY(v)}px`;
        }
      );
    }
    function numberTheLayers() {
      const slot = width / n;
      const every = slot >= 20 ? 1 : slot >= 9 ? 5 : 10;
      keyed(
        numbers,
        layers,
        (layer) => layer,
        () => ({ node: el("span") }),
        (label, layer, i) => {
          setText(label.node, i % every === 0 ? String(layer) : "");
          label.node.style.width = `${slot}px`;
        }
      );
      numbers.style.width = `${width}px`;
    }
    function resize() {
      const room = layerWidth(node, adapter);
      if (!room || room.width === width) return;
      width = room.width;
      plot.style.width = `${width}px`;
      setAttribute(drawn3.node, "width", String(width));
      numberTheLayers();
      paint();
    }
    return {
      node,
      resize,
      update() {
        const { layers: set } = peekFaders(store.panel, name2);
        const { min, max } = store.range();
        values = layers.map((layer) => gainAt(set, String(layer)));
        if (!width) resize();
        scale();
        paint();
        setText(where, `Layer ${layers[marked2()]}`);
        if (document.activeElement !== field.input) field.update(values[marked2()]);
        setAttribute(plot, "aria-valuemin", String(min));
        setAttribute(plot, "aria-valuemax", String(max));
        setAttribute(plot, "aria-valuenow", String(values[chosen]));
        setAttribute(plot, "aria-valuetext", `layer ${layers[chosen]}: ${writeGain(values[chosen])}`);
      },
      stop() {
        if (drawing2) store.release();
        drawing2 = null;
      }
    };
  }

  // ui/desk/energy.js
  var NOTHING = 1e-12;
  var SLACK2 = 1e-6;
  function sharesOf(ratios) {
    const shares = new Float64Array(ratios.length + 1);
    for (let k = 0; k < ratios.length; k += 1) shares[k + 1] = shares[k] + ratios[k] ** 2;
    const whole2 = shares[ratios.length];
    return whole2 > 0 ? shares.map((share) => share / whole2) : shares;
  }
  function unpack({ counts, strongest, ratios }) {
    const bytes = Uint8Array.from(atob(ratios), (letter) => letter.charCodeAt(0));
    const all2 = new Float32Array(bytes.buffer);
    let at = 0;
    return counts.map((count, i) => {
      const own = all2.subarray(at, at + count);
      at += count;
      const energy = strongest[i] ** 2 * own.reduce((sum, ratio) => sum + ratio ** 2, 0);
      return { strongest: strongest[i], energy, ratios: own, shares: sharesOf(own) };
    });
  }
  function needed({ strongest, ratios, shares }, share) {
    if (!strongest || !ratios.length) return 0;
    if (share >= 1) return ratios.filter((ratio) => ratio > NOTHING).length;
    return Math.max(
      1,
      shares.findIndex((held2) => held2 >= share - SLACK2)
    );
  }
  function heardOf(parts, { rank = Infinity, energy = 1 }) {
    const count = Math.min(rank, parts.ratios.length);
    return energy === 1 ? count : Math.min(count, needed(parts, energy));
  }
  function held(targets, gains, count) {
    let [whole2, kept2, all2, known5] = [0, 0, 0, 0];
    let [least, most2, fewest, greatest] = [1, 0, Infinity, 0];
    targets.forEach((parts, i) => {
      if (!parts.energy) return;
      const n = count(parts);
      const share = parts.shares[Math.min(n, parts.ratios.length)];
      const energy = gains[i] ** 2 * parts.energy;
      whole2 += energy;
      kept2 += energy * share;
      least = Math.min(least, share);
      most2 = Math.max(most2, share);
      known5 += 1;
      all2 += n;
      fewest = Math.min(fewest, n);
      greatest = Math.max(greatest, n);
    });
    if (!known5) return { share: 0, least: 0, most: 0, mean: 0, fewest: 0, greatest: 0 };
    return { share: whole2 ? kept2 / whole2 : 0, least, most: most2, mean: all2 / known5, fewest, greatest };
  }
  function curveOf(targets, gains) {
    const most2 = Math.max(0, ...targets.map((parts) => parts.ratios.length));
    const silent = !targets.some((parts, i) => parts.energy && gains[i]);
    const at = silent ? targets.map(() => 1) : gains;
    const points = Array.from({ length: most2 + 1 }, (_, k) => held(targets, at, () => k));
    return { silent, gains: at, points };
  }

  // ui/desk/worked_out.js
  var AGAIN_MS2 = 700;
  function workedOut(what, pick, working) {
    let known5 = null;
    let asked3 = false;
    let far = "";
    let why = "";
    let whyOf = -1;
    let timer3;
    onStop(() => clearTimeout(timer3));
    function ask() {
      if (asked3 || known5?.loaded === store.loaded || whyOf === store.loaded) return;
      asked3 = true;
      const of = store.loaded;
      jobs.order({ do: what }, (answer) => {
        const found = pick(answer);
        if (answer.refused) {
          why = answer.refused.why;
          whyOf = of;
        } else if (found) known5 = found;
        far = answer.far ?? "";
        timer3 = setTimeout(
          () => {
            asked3 = false;
            store.changed();
          },
          found?.loaded === store.loaded ? 0 : AGAIN_MS2
        );
        store.changed();
      });
    }
    return () => {
      ask();
      if (whyOf === store.loaded) return { why };
      if (known5?.loaded !== store.loaded) return { why: far || working };
      return known5.why ? { why: known5.why } : { adapters: known5.adapters };
    };
  }

  // ui/desk/spectra.js
  var WORKING = "Working out what rank it needed …";
  var NOT_IMPORTANCE = "Energy is how much a component adds, not how much it matters: impact and your ears decide.";
  var known3 = workedOut("spectra", (news) => news.spectra, WORKING);
  var unpacked = /* @__PURE__ */ new WeakMap();
  function spectrumOf(adapter) {
    const all2 = known3();
    if ("why" in all2) return { why: all2.why };
    const told = all2.adapters[adapter.name];
    if (!told || told.counts.length !== adapter.targets.length) return { why: WORKING };
    if (!Object.keys(told.lines).length) return { why: told.reasons[0]?.[0] ?? "It has no targets." };
    let found = unpacked.get(told);
    if (!found) {
      found = { told, targets: unpack(told) };
      unpacked.set(told, found);
    }
    return found;
  }
  var shareOf = (name2) => Number(store.memory.get(`${name2}/share`) ?? 0.95);
  function chooseShare(name2, share) {
    store.memory.set(`${name2}/share`, share);
    store.changed();
  }
  var whyNot = (told, at) => told.reasons.find(([, those]) => those.includes(at))?.[0] ?? "";

  // ui/desk/needed_map.js
  var writeComponents = (count) => Number.isInteger(count) ? String(count) : count.toFixed(1);
  var drawn2 = /* @__PURE__ */ new WeakMap();
  function neededMap(index) {
    const found = spectrumOf(index.adapter);
    if (!("targets" in found)) return { ready: false, mode: "needed", why: found.why };
    const share = shareOf(index.adapter.name);
    const before = drawn2.get(index);
    if (before?.of === found && before.share === share) return before.map;
    const map = mapOf(index, found, share);
    drawn2.set(index, { of: found, share, map });
    return map;
  }
  function mapOf(index, found, share) {
    const { adapter } = index;
    const counts = found.targets.map((parts) => parts.ratios.length ? needed(parts, share) : null);
    const mean = (is) => meanOf(counts.filter((_, i) => is(i)));
    return {
      ready: true,
      mode: "needed",
      cells: Array.from({ length: index.count }, (_, c) => meanOf(Array.from(membersOf(index, c), (i) => counts[i]))),
      unit: `components hold ${Math.round(share * 100)} % of what a target adds`,
      write: writeComponents,
      found: null,
      max: Math.max(1, ...found.told.counts),
      kinds: adapter.kinds.map((_, r) => mean((i) => adapter.targets[i][2] === r)),
      layers: adapter.layers.map((layer) => mean((i) => adapter.targets[i][1] === layer))
    };
  }
  function meanOf(counts) {
    const known5 = (
      /** @type {number[]} */
      counts.filter((count) => count !== null)
    );
    return known5.length ? known5.reduce((sum, count) => sum + count, 0) / known5.length : null;
  }

  // ui/page/rank_choices.js
  var EACH = 16;
  var STEPS = 8;
  function rankChoices(largest) {
    const choices = [];
    for (let rank = 1; rank < largest; ) {
      choices.push(rank);
      const step = rank < EACH ? 1 : 2 ** Math.floor(Math.log2(rank / STEPS));
      rank = (Math.floor(rank / step) + 1) * step;
    }
    return choices.reverse();
  }
  var SHARES = Object.freeze([0.99, 0.95, 0.9, 0.8, 0.7, 0.5]);
  var writeShare = (share) => share === null ? "all energy" : `${Number((share * 100).toFixed(3))} % of the energy`;

  // ui/desk/share_choice.js
  function shareChoice(name2) {
    const buttons = [...SHARES].reverse().map((share) => ({
      share,
      node: el("button", {
        type: "button",
        class: "brush",
        text: `${Math.round(share * 100)} %`,
        title: `How many components hold ${Math.round(share * 100)} % of what a target adds`,
        data: { share: String(share) },
        on: { click: () => chooseShare(name2, share) }
      })
    }));
    return {
      node: el(
        "div",
        { class: "brushes", role: "group", "aria-label": `Share of the energy of ${name2}` },
        el("span", { class: "label", text: "Needed for" }),
        ...buttons.map((one) => one.node)
      ),
      update() {
        const now = shareOf(name2);
        for (const { share, node } of buttons) setAttribute(node, "aria-pressed", String(share === now));
      }
    };
  }

  // ui/desk/energy_curve.js
  var percent = (share) => `${(share * 100).toFixed(share > 0.99 && share < 1 ? 2 : 1).replace(/\.0+$/, "")} %`;
  function picture2() {
    const part = (name2) => svg("path", { class: `lora-mixer-energy-${name2}`, "vector-effect": "non-scaling-stroke" });
    const [band, line2, asked3, here] = ["band", "line", "asked", "here"].map(part);
    const node = svg(
      "svg",
      { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
      band,
      asked3,
      here,
      line2
    );
    return {
      node,
      /**
       * @param {Curve} curve
       * @param {number} share
       * @param {number} at the rank to mark
       */
      paint({ points }, share, at) {
        const most2 = Math.max(1, points.length - 1);
        const x = (k) => (k / most2 * 100).toFixed(3);
        const y = (value) => (100 - value * 100).toFixed(3);
        const up = points.map((point, k) => `${x(k)} ${y(point.most)}`);
        const down = points.map((point, k) => `${x(k)} ${y(point.least)}`).reverse();
        setAttribute(band, "d", `M${[...up, ...down].join("L")}Z`);
        setAttribute(line2, "d", `M${points.map((point, k) => `${x(k)} ${y(point.share)}`).join("L")}`);
        setAttribute(asked3, "d", `M0 ${y(share)}H100`);
        setAttribute(here, "d", at < 0 ? "" : `M${x(at)} 0V100`);
      }
    };
  }
  function energyCurve(index) {
    const { adapter } = index;
    const { name: name2 } = adapter;
    const moves = adapter.whyNotRank === "";
    let most2 = 0;
    let hover = -1;
    let drag = null;
    const drawn3 = picture2();
    const dot = el("span", { class: "energy-dot", "aria-hidden": "true" });
    const plot = el(
      "div",
      {
        class: moves ? "energy-plot" : "energy-plot is-fixed",
        tabindex: 0,
        role: moves ? "slider" : "img",
        "aria-label": moves ? `Rank heard of ${name2}, on the curve of its energy` : `Energy over rank of ${name2}`,
        data: { part: "energy-curve" }
      },
      drawn3.node,
      dot
    );
    const axis = el(
      "div",
      { class: "energy-axis", "aria-hidden": "true" },
      ...["100 %", "50 %", "0"].map((text) => el("span", { text }))
    );
    const numbers = el("div", { class: "energy-numbers", "aria-hidden": "true" });
    const chart2 = el("div", { class: "energy-chart" }, axis, plot, numbers);
    const share = shareChoice(name2);
    const told = el("p", { class: "energy-told" });
    const now = el("p", { class: "energy-now", data: { part: "heard-now" } });
    const there = el("p", { class: "energy-there", role: "status", data: { part: "energy-at" } });
    const hint = el("p", { class: "hint", text: NOT_IMPORTANCE });
    const side = el("div", { class: "energy-side" }, share.node, told, now, there, hint);
    const why = el("p", { class: "hint" });
    const body = el("div", { class: "energy" }, chart2, side);
    const node = el("div", {}, body, why);
    const hear2 = (rank) => store.edit((panel) => {
      const faders = fadersOf(panel, name2);
      if (rank >= most2) delete faders.rank;
      else faders.rank = Math.max(1, rank);
    });
    const rankAt = (event) => {
      const box = plot.getBoundingClientRect();
      return clamp(Math.round((event.clientX - box.left) / box.width * most2), 0, most2);
    };
    const on = (type, fn) => plot.addEventListener(type, guard("energy curve", fn));
    on("pointermove", (event) => {
      hover = rankAt(event);
      if (drag?.id === event.pointerId && !mayScroll(drag.from, event)) {
        drag.from = null;
        hear2(hover);
      }
      store.changed();
    });
    on("pointerleave", () => {
      hover = -1;
      store.changed();
    });
    if (moves) {
      on("pointerdown", (event) => {
        if (event.button || drag) return;
        drag = { id: event.pointerId, from: event.pointerType === "touch" ? event : null };
        store.grab();
        plot.setPointerCapture(event.pointerId);
        if (!drag.from) hear2(rankAt(event));
      });
      const end = (event) => {
        if (drag?.id !== event.pointerId) return;
        if (event.type === "pointerup" && drag.from) hear2(rankAt(event));
        drag = null;
        store.release();
        store.changed();
      };
      for (
        const type of
        /** @type {const} */
        ["pointerup", "pointercancel", "lostpointercapture"]
      ) on(type, end);
      onDouble(plot, () => hear2(most2));
      plot.addEventListener(
        "keydown",
        guard("energy curve", (event) => {
          if (isShortcut(event)) return;
          const rank = Math.min(most2, peekFaders(store.panel, name2).rank ?? most2);
          const to = {
            ArrowLeft: rank - 1,
            ArrowDown: rank - 1,
            ArrowRight: rank + 1,
            ArrowUp: rank + 1,
            Home: 1,
            End: most2,
            Delete: most2
          };
          if (to[event.key] === void 0) return;
          hear2(to[event.key]);
          event.preventDefault();
        })
      );
    }
    function scale() {
      whenChanged(numbers, most2, () => {
        const at = most2 <= 16 ? Array.from({ length: most2 }, (_, k) => k + 1) : roundTicks(0, most2).slice(1);
        keyed(
          numbers,
          at,
          (k) => k,
          (k) => ({ node: el("span", { text: String(k) }) }),
          (label, k) => {
            label.node.style.left = `${k / most2 * 100}%`;
          }
        );
      });
    }
    function heardNow(found, curve) {
      const faders = peekFaders(store.panel, name2);
      const all2 = faders.rank === void 0 && (faders.energy ?? 1) === 1;
      const at = held(found.targets, curve.gains, (parts) => heardOf(parts, faders));
      dot.style.left = `${at.mean / most2 * 100}%`;
      dot.style.top = `${100 - at.share * 100}%`;
      const mean = writeComponents(Math.round(at.mean * 10) / 10);
      const spread3 = at.fewest === at.greatest ? "" : `, ${at.fewest} to ${at.greatest}`;
      setText(
        now,
        curve.silent ? "Silent now: drawn as loaded." : all2 ? "Heard now: all of it." : `Heard now: ${percent(at.share)} of what it adds, in ${mean} components a target${spread3}.`
      );
      setAttribute(plot, "aria-valuemin", "1");
      setAttribute(plot, "aria-valuemax", String(most2));
      setAttribute(plot, "aria-valuenow", String(Math.min(most2, faders.rank ?? most2)));
      setAttribute(plot, "aria-valuetext", now.textContent ?? "");
    }
    function pointedAt(curve) {
      if (hover < 0) {
        const all2 = moves ? "Click or drag to hear fewer components; double-click to hear all." : adapter.whyNotRank;
        return `The line: all that it adds, as the faders stand. The band: from the least of its targets to the most. ${all2}`;
      }
      const { share: kept2, least, most: largest } = curve.points[hover];
      return `Rank ${hover}: ${percent(kept2)} of what it adds; of single targets ${percent(least)} to ${percent(largest)}.`;
    }
    return {
      node,
      update() {
        const found = spectrumOf(adapter);
        body.hidden = !("told" in found);
        why.hidden = !body.hidden;
        if (!("told" in found)) {
          setText(why, found.why);
          return;
        }
        const curve = curveOf(found.targets, index.gains);
        most2 = Math.max(1, curve.points.length - 1);
        hover = Math.min(hover, most2);
        drawn3.paint(curve, shareOf(name2), hover);
        scale();
        share.update();
        setText(told, found.told.lines[String(shareOf(name2))] ?? "");
        heardNow(found, curve);
        setText(there, pointedAt(curve));
      },
      stop() {
        if (drag) store.release();
        drag = null;
      }
    };
  }

  // ui/desk/fade_points.js
  var EXAMPLE = "0 at 0, 1 at 40, 0.3 at 120";
  function readFade(text) {
    const points = [];
    const parts = text.split(",").map((one) => one.trim());
    for (const part of parts.filter(Boolean)) {
      const found = /^(\S+)\s+at\s+(\d{1,8})$/i.exec(part);
      const gain = found && parseNumber(found[1]);
      if (!found || gain === null) {
        return {
          points: null,
          why: `“${part.slice(0, 30)}” is no point: write gains at tokens, as in ${EXAMPLE}`
        };
      }
      points.push([Number(found[2]), gain]);
    }
    if (!points.length) return { points: null, why: `Write gains at tokens, as in ${EXAMPLE}` };
    points.sort((a, b) => a[0] - b[0]);
    const twice2 = points.find((point, i) => i > 0 && points[i - 1][0] === point[0]);
    return twice2 ? { points: null, why: `Token ${twice2[0]} is named twice` } : { points, why: "" };
  }
  var writeFade = (points) => points.map(([token, gain]) => `${Number(gain.toPrecision(6))} at ${token}`).join(", ");
  function nameOfFader(key) {
    const [of, name2 = ""] = key.split(/:(.*)/s);
    return of === "master" ? "Master" : of === "layer" ? `layer ${name2}` : name2;
  }

  // ui/desk/fades.js
  var WIDTH = 168;
  var HEIGHT2 = 40;
  function drawing() {
    const line2 = svg("polyline", { class: "lora-mixer-fade-line" });
    const one = svg("line", { class: "lora-mixer-fade-one", x1: 0, x2: WIDTH });
    const node = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT2}`, width: WIDTH, height: HEIGHT2, class: "lora-mixer-fade-curve", role: "img" },
      one,
      line2
    );
    return {
      node,
      /** @param {FadePoints} points */
      update(points) {
        const end = Math.max(32, points[points.length - 1][0] * 1.2);
        const gains = points.map((point) => point[1]);
        const low = Math.min(0, ...gains);
        const high = Math.max(1.25, ...gains);
        const y = (gain) => (HEIGHT2 - 3 - (gain - low) / (high - low) * (HEIGHT2 - 6)).toFixed(1);
        const all2 = [[0, fadeAt(points, 0)], ...points, [end, gains[gains.length - 1]]];
        setAttribute(
          line2,
          "points",
          all2.map(([token, gain]) => `${(token / end * WIDTH).toFixed(1)},${y(gain)}`).join(" ")
        );
        setAttribute(one, "y1", y(1));
        setAttribute(one, "y2", y(1));
        setAttribute(node, "aria-label", `Gain over the reply: ${writeFade(points)}`);
      }
    };
  }
  function fadeRow(adapter, key) {
    const edit = (fn) => store.edit((panel) => fn(fadersOf(panel, adapter.name).fades));
    const name2 = nameOfFader(key);
    const where = `of ${name2} of ${adapter.name}`;
    const field = textField("", { "aria-label": `Fade ${where}: gains at tokens`, placeholder: EXAMPLE });
    const picture3 = drawing();
    const remove = () => edit((fades) => {
      delete fades[key];
    });
    const gone = el("button", {
      type: "button",
      class: "sign",
      text: "×",
      "aria-label": `Remove the fade ${where}`,
      title: "Remove this fade",
      data: { do: "remove-fade" },
      on: { click: remove }
    });
    let shown3 = "";
    const commit = () => {
      if (field.input.value.trim() === shown3) return;
      const { points, why } = readFade(field.input.value);
      field.complain(why);
      if (points) {
        edit((fades) => {
          fades[key] = points;
        });
      }
    };
    field.input.addEventListener("change", guard("fade", commit));
    field.input.addEventListener(
      "keydown",
      guard("fade", (event) => {
        if (event.key === "Enter") {
          event.preventDefault();
          commit();
        }
        if (event.key === "Escape") {
          event.preventDefault();
          field.input.value = shown3;
          field.complain("");
        }
      })
    );
    const title = el("span", { class: "fader-name", text: name2, title: name2 });
    return {
      node: el("div", { class: "fade", data: { fade: key } }, title, field.node, picture3.node, gone),
      /** @param {FadePoints} points */
      update(points) {
        const text = writeFade(points);
        const typing = document.activeElement === field.input && field.input.value.trim() !== shown3;
        if (text !== shown3 && !typing) field.input.value = text;
        shown3 = text;
        picture3.update(points);
      }
    };
  }
  function fadeSection(adapter) {
    const group = (label, of, names) => {
      const options = names.map((name2) => el("option", { value: `${of}:${name2}`, text: nameOfFader(`${of}:${name2}`) }));
      return options.length ? el("optgroup", { label }, ...options) : null;
    };
    const list3 = el("div", { class: "fade-list" });
    const which = el(
      "select",
      { class: "select", "aria-label": `Fader of ${adapter.name} to fade` },
      el("option", { value: "master", text: "Master" }),
      group("Kinds", "kind", adapter.kinds),
      group("Layers", "layer", adapter.layers)
    );
    let listed = false;
    const begin = () => store.edit((panel) => {
      const { fades } = fadersOf(panel, adapter.name);
      if (!(which.value in fades)) {
        fades[which.value] = [
          [0, 0],
          [40, 1]
        ];
      }
    });
    const add = el("button", {
      type: "button",
      class: "button small",
      text: "Add a fade",
      data: { do: "add-fade" },
      on: { click: begin }
    });
    const differs = el("p", { class: "hint", hidden: true });
    const body = el(
      "div",
      { class: "fades" },
      el("p", {
        class: "hint",
        text: "A fader that moves by itself while a reply is written: gains at tokens, with straight lines between them."
      }),
      differs,
      list3,
      el("div", { class: "column-tools" }, which, add)
    );
    const section = foldable(`${adapter.name}/Fade`, "Fade over the reply", false, body, () => store.changed());
    section.node.dataset.section = "fade";
    return {
      node: section.node,
      update() {
        if (section.open && !listed) {
          listed = true;
          const targets = group(
            "Targets",
            "target",
            adapter.targets.map((target) => target[0])
          );
          if (targets) which.append(targets);
        }
        const engine = store.state?.engine;
        const why = engine?.whyNot.fades ?? "";
        showText(differs, why || (engine?.differs.fades ?? ""));
        which.disabled = add.disabled = why !== "";
        const { fades } = peekFaders(store.panel, adapter.name);
        const all2 = Object.entries(fades);
        const words3 = all2.map(([key, points]) => `${nameOfFader(key)}: ${writeFade(points)}`).join(" · ");
        setText(section.digest, words3 || "gains that change over the reply");
        keyed(
          list3,
          all2,
          ([key]) => key,
          ([key]) => fadeRow(adapter, key),
          (row2, [, points]) => row2.update(points)
        );
      }
    };
  }

  // ui/desk/cell_spectrum.js
  var MOST_BARS = 128;
  function barsOf(index, found, members) {
    const parts = members.map((i) => found.targets[i]);
    const faders = peekFaders(store.panel, index.adapter.name);
    const heard2 = parts.map((one) => heardOf(one, faders));
    const mean = (of) => parts.reduce((sum, _, at) => sum + of(at), 0) / parts.length;
    const longest = Math.min(MOST_BARS, Math.max(...parts.map((one) => one.ratios.length)));
    return Array.from({ length: longest }, (_, k) => ({
      ratio: mean((at) => parts[at].ratios[k] ?? 0),
      share: mean((at) => (parts[at].shares[k + 1] ?? 1) - (parts[at].shares[k] ?? 1)),
      value: mean((at) => Math.abs(index.gains[members[at]]) * parts[at].strongest * (parts[at].ratios[k] ?? 0)),
      heard: heard2.some((count) => k < count)
    }));
  }
  var meanOf2 = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  function cellSpectrum(index) {
    const bars2 = el("div", { class: "cell-bars", "aria-hidden": "true" });
    const words3 = el("span", { class: "cell-note" });
    const node = el("div", { class: "cell-spectrum", data: { part: "cell-spectrum" } }, bars2, words3);
    function say2(found, known5) {
      const share = shareOf(index.adapter.name);
      const several = known5.length > 1;
      const count = meanOf2(known5.map((i) => needed(found.targets[i], share)));
      if (!count) return "It adds nothing: its B is zero";
      const of = Math.max(...known5.map((i) => found.told.counts[i]));
      const [effective, stable] = [found.told.effective, found.told.stable].map(
        (all2) => meanOf2(known5.map((i) => all2[i]))
      );
      const parts = [
        `${writeComponents(count)} of ${of} components hold ${Math.round(share * 100)} %${several ? ` (mean of ${known5.length})` : ""}`,
        `effective rank ${writeShort(Number(effective.toFixed(1)))}`,
        `stable rank ${writeShort(Number(stable.toFixed(1)))}`,
        of > MOST_BARS ? `the strongest ${MOST_BARS} are drawn` : ""
      ];
      return parts.filter(Boolean).join(" · ");
    }
    return {
      node,
      /** @param {number} c */
      update(c) {
        const found = spectrumOf(index.adapter);
        const members = Array.from(membersOf(index, c));
        const known5 = "told" in found ? members.filter((i) => found.told.counts[i]) : [];
        bars2.hidden = !known5.length;
        if (!("told" in found) || !known5.length) {
          setText(words3, "told" in found ? whyNot(found.told, members[0]) : found.why);
          return;
        }
        setText(words3, say2(found, known5));
        keyed(
          bars2,
          barsOf(index, found, known5),
          (_, k) => k,
          () => ({ node: el("span", {}, el("span")) }),
          (bar, { ratio, share, value, heard: heard2 }, k) => {
            const inner = (
              /** @type {HTMLElement} */
              bar.node.firstChild
            );
            inner.style.height = `${Math.max(2, Math.round(ratio * 100))}%`;
            bar.node.classList.toggle("is-heard", heard2);
            bar.node.title = `Component ${k + 1}: singular value ${writeShort(value)}, ${writePercent(share)} of the energy${heard2 ? "" : "; not heard now"}`;
          }
        );
      }
    };
  }

  // ui/desk/heat_maps.js
  var MODES = [
    ["gain", "Gain", "What every target is heard at"],
    ["loudness", "Loudness", "What the adapter adds to each weight, against the weight itself, as the faders stand"],
    ["needed", "Rank needed", "How many components hold a share of what each target adds"],
    ["silenced", "Impact, silenced", "How far the next word moves when this target alone falls silent"],
    ["alone", "Impact, alone", "How far the next word moves when this target alone is left on"]
  ];
  var LOUDNESS = "Working out how loud each target is …";
  var louds = workedOut("loudness", (news) => news.loudness, LOUDNESS);
  var asked2 = /* @__PURE__ */ new Set();
  var impacts = /* @__PURE__ */ new Map();
  function startHeatMaps() {
    jobs.onNews((news) => {
      if (news.impact) {
        const { what, adapter, fresh } = news.impact;
        const panel = fresh && store.state ? JSON.stringify(store.panel) : "other";
        impacts.set(`${what}/${adapter}`, { ...news.impact, panel });
      }
      if (news.impact) store.changed();
    });
  }
  function writeRatio(ratio) {
    if (ratio === 0) return "0";
    return `${(ratio * 100).toPrecision(ratio < 5e-4 ? 1 : ratio < 0.1 ? 2 : 3)} %`;
  }
  var writeNats = (value) => value === 0 ? "0" : value < 1e-6 ? value.toExponential(0) : String(Number(value.toPrecision(2)));
  function normAt(own, gains, gain) {
    if (!Array.isArray(own)) return Math.abs(gain) * own;
    const above = gains.findIndex((g) => g >= gain);
    const at = Math.max(1, above < 0 ? gains.length - 1 : above);
    const part = (gain - gains[at - 1]) / (gains[at] - gains[at - 1]);
    return Math.max(0, own[at - 1] + part * (own[at] - own[at - 1]));
  }
  function together(index, { own, base, gains }, members) {
    let added = 0;
    let weights = 0;
    for (const i of members) {
      const weight = base[i];
      if (weight === null) continue;
      added += normAt(own[i], gains, index.gains[i]) ** 2;
      weights += weight ** 2;
    }
    return weights > 0 ? Math.sqrt(added / weights) : null;
  }
  var inRow = (index, r) => index.members.subarray(index.start[r * index.cols], index.start[(r + 1) * index.cols]);
  function inColumn(index, col) {
    const all2 = [];
    for (let r = 0; r < index.rows; r += 1) all2.push(...membersOf(index, r * index.cols + col));
    return all2;
  }
  function loudnessMap(index) {
    const { adapter } = index;
    const known5 = louds();
    if ("why" in known5) return { ready: false, mode: "loudness", why: known5.why };
    const data = known5.adapters[adapter.name];
    if (!data || data.own.length !== adapter.targets.length) return { ready: false, mode: "loudness", why: LOUDNESS };
    const cells = Array.from({ length: index.count }, (_, c) => together(index, data, membersOf(index, c)));
    const asLoaded = data.own.map((one, i) => normAt(one, data.gains, 1) / (data.base[i] || Infinity));
    return {
      ready: true,
      mode: "loudness",
      cells,
      unit: "of the weight it is added to",
      write: writeRatio,
      found: null,
      max: highest(cells, Math.max(0, ...asLoaded)),
      kinds: adapter.kinds.map((_, r) => together(index, data, inRow(index, r))),
      layers: adapter.layers.map((_, col) => together(index, data, inColumn(index, col)))
    };
  }
  function impactMap(index, what) {
    const { adapter } = index;
    const key = `${what}/${adapter.name}`;
    const found = impacts.get(key);
    if (!found) {
      if (!asked2.has(key)) {
        asked2.add(key);
        jobs.order({ do: "measured", what, adapter: adapter.name });
      }
      return { ready: false, mode: what, why: "Not measured yet: choose a text, and measure." };
    }
    const cells = Array.from({ length: index.count }, (_, c) => {
      const known5 = Array.from(membersOf(index, c), (i) => found.targets[adapter.targets[i][0]]).filter(
        (v) => v !== void 0
      );
      return known5.length ? Math.max(...known5) : null;
    });
    return {
      ready: true,
      mode: what,
      cells,
      unit: "nats",
      write: writeNats,
      found,
      max: highest(cells, 0),
      errors: errorsOf(index, found),
      kinds: adapter.kinds.map((kind) => found.kinds[kind] ?? null),
      layers: adapter.layers.map((layer) => found.layers[String(layer)] ?? null)
    };
  }
  function errorsOf(index, { targets, estimated }) {
    if (!estimated) return void 0;
    return Array.from({ length: index.count }, (_, c) => {
      const names = Array.from(membersOf(index, c), (i) => index.adapter.targets[i][0]);
      const telling = names.reduce((one, other) => targets[other] > (targets[one] ?? -1) ? other : one, "");
      return estimated.targets[telling] ?? null;
    });
  }
  var highest = (cells, least) => Math.max(least, ...cells.map((value) => value || 0)) || 1;
  var heatMode = (name2) => (
    /** @type {Mode} */
    store.memory.get(`${name2}/heat`) ?? "gain"
  );
  function chooseHeat(name2, mode) {
    store.memory.set(`${name2}/heat`, mode);
    store.changed();
  }
  function heatMap(index) {
    const mode = heatMode(index.adapter.name);
    if (mode === "gain") return null;
    if (mode === "loudness") return loudnessMap(index);
    return mode === "needed" ? neededMap(index) : impactMap(index, mode);
  }
  var brightness = (value, max) => Math.sqrt(clamp(value / max, 0, 1));
  var heatColour = (value, max) => `color-mix(in srgb, var(--lm-heat) ${Math.round(brightness(value, max) * 20) * 5}%, var(--lm-well))`;
  var isBright = (value, max) => brightness(value, max) > 0.5;
  var UNKNOWN = {
    loudness: "loudness unknown: its weight cannot be read",
    needed: "its components are not known"
  };
  function heatWords(map, c) {
    const value = map.cells[c];
    if (value === null || value === void 0) return UNKNOWN[map.mode] ?? "not measured";
    if (map.mode === "needed")
      return value ? `needs ${map.write(value)} of ${map.max} components` : "adds nothing: its B is zero";
    if (map.mode === "loudness") return `loudness ${map.write(value)}`;
    const error = map.errors?.[c];
    const about2 = typeof error === "number" ? ` ± ${map.write(error)}` : "";
    return `impact ${map.write(value)}${about2} nats${about2 && ", estimated"}`;
  }

  // ui/desk/cell_words.js
  var columnName = (index, col) => col < index.adapter.layers.length ? String(index.adapter.layers[col]) : "–";
  function cellPlace(index, c) {
    const col = c % index.cols;
    const kind = index.adapter.kinds[Math.floor(c / index.cols)];
    return col < index.adapter.layers.length ? `layer ${index.adapter.layers[col]}, ${kind}` : `no layer, ${kind}`;
  }
  function cellWords(index, c, map = null) {
    const { n, lo, hi } = cellGain(index, c);
    const own = ownGain(index, store.panel, c);
    const [name2, , , rank, alpha, scaling] = index.adapter.targets[index.members[index.start[c]]];
    const now = writeRange(lo * alpha, hi * alpha, writeShort);
    const place = cellPlace(index, c);
    return {
      where: place.charAt(0).toUpperCase() + place.slice(1),
      own: `own ${own.mixed ? "mixed" : writeGain(own.value)}`,
      heard: `heard at ${writeRange(lo, hi, writeGain)}`,
      heat: map?.ready ? heatWords(map, c) : "",
      facts: `rank ${rank} · alpha ${writeShort(alpha)}, now ${now} · scaling ${writeShort(scaling)}`,
      name: n > 1 ? `${n} targets` : name2
    };
  }

  // ui/desk/cell.js
  var MANY = 400;
  function whereTheyDiffer(names) {
    const [first, ...others] = names.map((name2) => name2.split("."));
    let same = 0;
    while (same < first.length - 1 && others.every((parts) => parts[same] === first[same])) same += 1;
    return first.slice(0, Math.max(0, same - 1)).reduce((length, part) => length + part.length + 1, 0);
  }
  function cellDetail(view) {
    const { index, name: adapter } = view;
    const where = el("span", { class: "cell-where" });
    const all2 = numberField({
      label: "Gain of the chosen cell",
      set: (v) => view.set(view.chosen, v),
      done: () => view.cells[view.chosen]?.focus()
    });
    const note = el("span", { class: "cell-note" });
    const heard2 = el("span", { class: "cell-heard" });
    const facts3 = el("span", { class: "cell-note" });
    const named = el("span", { class: "cell-note is-name" });
    const list3 = el("div", { class: "cell-list" });
    const spectrum = cellSpectrum(index);
    const node = el(
      "div",
      { class: "cell-detail", data: { part: "cell" } },
      el("div", { class: "cell-head" }, where, all2.node, heard2, facts3, note, named),
      spectrum.node,
      list3
    );
    function targetRow([name2, , , rank, alpha], cut) {
      const field = numberField({
        label: `Gain of ${name2}`,
        set: (v) => store.edit((panel) => putGain(fadersOf(panel, adapter).modules, name2, v))
      });
      const title = `${name2} · rank ${rank} · alpha ${writeShort(alpha)}`;
      return {
        field,
        node: el(
          "div",
          { class: "cell-target" },
          el("span", { class: "cell-name", text: name2.slice(cut), title }),
          field.node
        )
      };
    }
    return {
      node,
      /**
       * Start typing the chosen cell's number.
       *
       * @param {string} text
       */
      type(text) {
        all2.input.focus();
        if (text) all2.input.value = text;
      },
      update() {
        const c = view.chosen;
        node.hidden = c < 0;
        if (c < 0) return;
        const targets = Array.from(membersOf(index, c), (i) => index.adapter.targets[i]);
        const n = targets.length;
        const several = n > 1 && n <= MANY;
        whenChanged(named, c, () => {
          setText(named, several ? "" : targets[0][0]);
          named.title = targets[0][0];
          list3.hidden = !several;
        });
        const own = ownGain(index, store.panel, c);
        all2.update(own.value);
        const words3 = cellWords(index, c);
        setText(where, words3.where);
        setText(heard2, words3.heard);
        setText(facts3, words3.facts);
        setText(
          note,
          n === 1 ? "" : own.mixed ? `${n} targets, set apart: a number here sets all` : `${n} targets: a number here sets all`
        );
        spectrum.update(c);
        const { modules } = peekFaders(store.panel, adapter);
        const cut = several ? whereTheyDiffer(targets.map((target) => target[0])) : 0;
        keyed(
          list3,
          several ? targets : [],
          (target) => `${target[0]} from ${cut}`,
          (target) => targetRow(target, cut),
          (row2, target) => row2.field.update(gainAt(modules, target[0]))
        );
      }
    };
  }

  // ui/desk/gain_look.js
  function lookAt(g, max) {
    if (g === 0) return null;
    if (g < 0) return { part: 0.35 + 0.65 * Math.min(1, -g / max), from: "below", to: "well" };
    if (g <= 1) return { part: 0.12 + 0.88 * g, from: "unity", to: "well" };
    return { part: 0.25 + 0.75 * Math.min(1, (g - 1) / (max - 1)), from: "hot", to: "unity" };
  }
  var colour = (look2) => look2 ? `color-mix(in srgb, var(--lm-${look2.from}) ${Math.round(look2.part * 20) * 5}%, var(--lm-${look2.to}))` : "";
  var isDark = (look2) => look2 !== null && (look2.from === "hot" && look2.part > 0.58 || look2.from === "below" && look2.part > 0.7);

  // ui/desk/grid_moves.js
  var BRUSHES = [0, 0.5, 1, 1.5, 2];
  var CELL = ".lora-mixer-cell";
  var HINTS = {
    adjust: "Drag a cell up or down; with the keyboard + and −, or type a number. Double-click puts it back to 1.",
    paint: "Drag across cells to paint them; with the keyboard, Space paints. Double-click puts a cell back to 1."
  };
  var SLACK3 = 4;
  var TRAVEL = 160;
  var NOTCH3 = 0.02;
  function toolbar(choose) {
    let brush = null;
    const pick = (value) => {
      brush = value;
      choose(value);
      draw();
    };
    const button3 = (value, text, label) => ({
      value,
      node: el("button", {
        type: "button",
        class: "brush",
        text,
        "aria-label": label,
        "aria-pressed": "false",
        title: label,
        data: { brush: value === null ? "adjust" : String(value) },
        on: { click: () => pick(value) }
      })
    });
    const buttons = [
      button3(null, "Adjust", "Adjust single cells"),
      ...BRUSHES.map((v) => button3(v, writeShort(v), `Paint ${v}`))
    ];
    const typed = numberField({ label: "Brush value", set: pick, step: false });
    typed.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") pick(parseNumber(typed.input.value) ?? brush);
    });
    function draw() {
      for (const one of buttons) setAttribute(one.node, "aria-pressed", String(one.value === brush));
      if (brush !== null) typed.update(brush);
      typed.node.classList.toggle("is-picked", brush !== null && !BRUSHES.includes(brush));
    }
    draw();
    const group = el(
      "div",
      { class: "brushes", role: "group", "aria-label": "What dragging does" },
      el("span", { class: "label", text: "Brush" }),
      ...buttons.map((one) => one.node),
      typed.node
    );
    return el("div", { class: "tools" }, group);
  }
  function gridMoves(view, type) {
    const { index, body, cells } = view;
    const there = (c) => c >= 0 && index.start[c + 1] > index.start[c];
    let brush = null;
    let drag = null;
    const tools = toolbar((value) => {
      brush = value;
      body.classList.toggle("is-painting", value !== null);
      store.changed();
    });
    function ruler() {
      const box = cells[0].getBoundingClientRect();
      const n = index.adapter.layers.length;
      return (x, y) => {
        const right = x - box.left;
        const col = right < n * view.size ? Math.floor(right / view.size) : right >= n * view.size + LOOSE_GAP ? n : -1;
        const row2 = Math.floor((y - box.top) / view.row);
        return col >= 0 && col < index.cols && row2 >= 0 && row2 < index.rows ? { row: row2, col } : null;
      };
    }
    const numberOf = (spot) => spot ? spot.row * index.cols + spot.col : -1;
    const cellUnder = (event) => {
      const cell2 = closest(event, CELL);
      return cell2 ? cells.indexOf(cell2) : -1;
    };
    function paintTo(painting, event) {
      const to = painting.at(event.clientX, event.clientY);
      const from = painting.from ?? to;
      painting.from = to;
      if (!to || !from) return;
      const steps = Math.max(1, Math.abs(to.row - from.row), Math.abs(to.col - from.col));
      const fresh = /* @__PURE__ */ new Set();
      for (let s = 0; s <= steps; s += 1) {
        const row2 = from.row + Math.round((to.row - from.row) * s / steps);
        const col = from.col + Math.round((to.col - from.col) * s / steps);
        const c = row2 * index.cols + col;
        if (there(c) && !painting.painted.has(c)) fresh.add(c);
      }
      if (!fresh.size) return;
      store.edit((panel) => {
        for (const c of fresh) {
          painting.painted.add(c);
          putCell(index, panel, c, painting.brush);
        }
      });
      view.hover = there(numberOf(to)) ? numberOf(to) : -1;
    }
    function adjustTo(adjusting, event) {
      const reach = store.range();
      const up = adjusting.y - event.clientY;
      if (!adjusting.moving) {
        if (Math.abs(up) < SLACK3) return;
        adjusting.moving = true;
        adjusting.y = event.clientY;
        return;
      }
      const span = (reach.max - reach.min) / TRAVEL * (event.shiftKey ? 0.25 : 1);
      const raw = adjusting.start + up * span;
      const value = Math.abs(raw - 1) < NOTCH3 ? 1 : roundGain(within(raw, adjusting.start, reach));
      if (value === adjusting.value) return;
      adjusting.value = value;
      view.set(adjusting.c, value);
    }
    const on = (kind, fn) => body.addEventListener(kind, guard("grid", fn));
    on("pointerdown", (event) => {
      if (event.button || drag || !closest(event, CELL)) return;
      const at = ruler();
      const c = numberOf(at(event.clientX, event.clientY));
      const touch = event.pointerType === "touch";
      const id = event.pointerId;
      if (brush !== null) {
        drag = { kind: "paint", id, at, from: null, painted: /* @__PURE__ */ new Set(), brush, finger: touch ? event : null };
      } else if (there(c) && (!touch || c === view.chosen)) {
        const start2 = ownGain(index, store.panel, c).value;
        drag = { kind: "adjust", id, c, start: start2, value: start2, y: event.clientY, moving: false };
      }
      if (there(c) && !touch) choose(c);
      if (!drag) return;
      store.grab();
      body.setPointerCapture(id);
      if (drag.kind === "paint" && !touch) paintTo(drag, event);
    });
    on("pointermove", (event) => {
      if (drag && event.pointerId === drag.id) {
        if (drag.kind === "adjust") adjustTo(drag, event);
        else if (!mayScroll(drag.finger, event)) {
          if (drag.finger) paintTo(drag, drag.finger);
          drag.finger = null;
          for (const one of coalesced(event)) paintTo(drag, one);
        }
        return;
      }
      if (event.pointerType !== "touch") look2(cellUnder(event));
    });
    const coalesced = (event) => {
      const all2 = event.getCoalescedEvents?.() ?? [];
      return all2.length ? all2 : [event];
    };
    function end(event) {
      if (!drag || event.pointerId !== drag.id) return;
      if (event.type === "pointerup" && drag.kind === "paint" && drag.finger) paintTo(drag, event);
      drag = null;
      view.hover = -1;
      store.release();
      store.changed();
    }
    on("pointerup", end);
    on("pointercancel", end);
    on("lostpointercapture", end);
    on("pointerleave", () => look2(-1));
    body.addEventListener(
      "click",
      guard("grid", (event) => {
        const c = cellUnder(event);
        if (there(c)) choose(c);
      })
    );
    function look2(c) {
      const next = there(c) ? c : -1;
      if (next === view.hover) return;
      view.hover = next;
      store.changed();
    }
    function choose(c) {
      view.choose(c);
      if (document.activeElement !== cells[c]) cells[c].focus({ preventScroll: true });
    }
    onDouble(body, (event) => {
      const c = numberOf(ruler()(event.clientX, event.clientY));
      if (there(c)) view.set(c, 1);
    });
    function walk(c, dr, dc) {
      let row2 = Math.floor(c / index.cols);
      let col = c % index.cols;
      for (; ; ) {
        row2 += dr;
        col += dc;
        if (row2 < 0 || col < 0 || row2 >= index.rows || col >= index.cols) return c;
        if (there(row2 * index.cols + col)) return row2 * index.cols + col;
      }
    }
    function edge(c, dc) {
      let at = c;
      for (let next = walk(at, 0, dc); next !== at; next = walk(at, 0, dc)) at = next;
      return at;
    }
    function go(c) {
      view.hover = -1;
      view.choose(c);
      cells[c].focus();
    }
    const STEPS3 = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const NUDGES = { "+": 1, "=": 1, "-": -1, _: -1 };
    const NUDGES_WITH_ALT = { ArrowUp: 1, ArrowDown: -1 };
    body.addEventListener(
      "keydown",
      guard("grid", (event) => {
        const { key, altKey: alt } = event;
        const c = view.chosen;
        if (!there(c) || event.ctrlKey || event.metaKey || !closest(event, CELL)) return;
        const { value } = ownGain(index, store.panel, c);
        const nudge = NUDGES[key] ?? (alt ? NUDGES_WITH_ALT[key] : void 0);
        const digit = /^[0-9.,]$/.test(key);
        if (nudge) view.set(c, roundGain(value + nudge * (alt && event.shiftKey ? 0.25 : 0.05)));
        else if (alt) return;
        else if (STEPS3[key]) go(walk(c, ...STEPS3[key]));
        else if (key === "Home") go(edge(c, -1));
        else if (key === "End") go(edge(c, 1));
        else if (key === "Delete" || key === "Backspace") view.set(c, 1);
        else if (key === " " && brush !== null) view.set(c, brush);
        else if (digit || key === "Enter" || key === "F2") type(digit ? key : "");
        else return;
        event.preventDefault();
      })
    );
    return {
      node: tools,
      hint: () => brush === null ? HINTS.adjust : HINTS.paint,
      stop() {
        if (drag) store.release();
        drag = null;
      }
    };
  }

  // ui/desk/impact.js
  function giveOrTake({ targets }, estimated) {
    const shares = Object.entries(estimated.targets).filter(([name2]) => targets[name2] > 0).map(([name2, error]) => error / targets[name2]).sort((a, b) => a - b);
    return shares.length ? `give or take ${Math.round(shares[shares.length >> 1] * 100)} % a target` : "all of it nothing";
  }
  function leftOut({ why_not }) {
    const reasons = Object.values(why_not);
    return reasons.length ? `${reasons.length} targets cannot be estimated, and have to be measured: ${reasons[0]}` : "";
  }
  function words(impact) {
    const text = `on ${impact.tokens} tokens${impact.cut ? " (the last ones)" : ""} in ${impact.seconds.toFixed(1)} s`;
    const parts = [
      impact.estimated ? `Estimated with ${impact.estimated.probes} probes ${text}, ${giveOrTake(impact, impact.estimated)}` : `${impact.complete ? "Measured" : "Stopped: measured in part"} ${text}`,
      "mean divergence of the next word, in nats",
      impact.estimated ? leftOut(impact.estimated) : "",
      impact.why_not_batched ? `one after the other: ${impact.why_not_batched}` : "",
      impact.panel && impact.panel !== JSON.stringify(store.panel) ? "the faders have moved since" : ""
    ];
    return `${parts.filter(Boolean).join(" · ")}.`;
  }
  function impactPanel({ name: name2 }) {
    let what = "silenced";
    const key = () => `impact/${what}/${name2}`;
    const group = `lora-mixer-impact-${name2}`;
    const own = el("input", { type: "radio", class: "radio", name: group, value: "text" });
    const chat = el("input", { type: "radio", class: "radio", name: group, value: "chat", checked: true });
    const text = el("textarea", {
      class: "text-input",
      rows: 2,
      hidden: true,
      "aria-label": `Text to measure ${name2} on`,
      placeholder: "A text that the adapter should make likely"
    });
    for (const input of [own, chat]) {
      input.addEventListener("change", () => {
        text.hidden = !own.checked;
      });
    }
    const begin = (job) => {
      said.say("");
      jobs.start({ do: job, adapter: name2, what, source: own.checked ? "text" : "chat", text: text.value }, key());
    };
    const guess = el("button", {
      type: "button",
      class: "button primary",
      text: "Estimate",
      data: { do: "estimate" },
      on: { click: () => begin("estimate") }
    });
    const start2 = el("button", {
      type: "button",
      class: "button",
      text: "Measure",
      data: { do: "measure" },
      on: { click: () => begin("impact") }
    });
    const line2 = jobLine();
    const found = el("div", { class: "hint", role: "status", data: { part: "measured" } });
    const number = (value, inputmode, label) => el("input", { type: "text", class: "number-input", inputmode, value, "aria-label": label });
    const share = number("1", "decimal", "Share of all impact that may be silenced, in percent");
    const count = number("10", "numeric", "How many targets to keep");
    const said = messageLine();
    const say2 = (answer) => said.say(saidBy(answer), !answer.refused);
    const turn = (message, done) => moveWithUndo({ ...message, adapter: name2, what }, done, say2);
    const silence = el("button", {
      type: "button",
      class: "button",
      text: "Silence what does nothing",
      data: { do: "silence-idle" },
      title: "From the least on, as long as all of them together make up no more than this share of the impact",
      on: { click: () => turn({ do: "silence idle", percent: share.value }, "Targets that do little are silent.") }
    });
    const keep2 = el("button", {
      type: "button",
      class: "button",
      text: "Keep the ones that matter",
      data: { do: "keep-top" },
      title: "So many targets of greatest impact stay; all others fall silent",
      on: { click: () => turn({ do: "keep top", count: count.value }, "Only the targets that matter most are left.") }
    });
    const turns = el(
      "div",
      { class: "column-tools impact-turns" },
      el(
        "span",
        { class: "impact-turn" },
        silence,
        el("label", { class: "inline" }, share, el("span", { text: "% of the impact" }))
      ),
      el(
        "span",
        { class: "impact-turn" },
        keep2,
        el("label", { class: "inline" }, el("span", { text: "the" }), count, el("span", { text: "of greatest impact" }))
      )
    );
    const source = el(
      "fieldset",
      { class: "choices" },
      el("legend", { class: "field-name", text: "Measure on" }),
      el("label", { class: "choice" }, chat, el("span", { text: "The chat’s last reply" })),
      el("label", { class: "choice" }, own, el("span", { text: "A text of my own" }))
    );
    const node = el(
      "div",
      { class: "impact", data: { part: "impact" } },
      el("div", { class: "column-tools" }, source, guess, start2),
      text,
      line2.node,
      found,
      turns,
      said.node
    );
    return {
      node,
      /**
       * @param {ImpactKind} mode
       * @param {HeatMap} map
       */
      update(mode, map) {
        what = mode;
        const job = jobs.jobOf(key());
        line2.update(job);
        const lacks = store.state?.engine?.whyNot.impact ?? "";
        start2.disabled = guess.disabled = jobs.job.running || lacks !== "";
        const busy = "Something else is being done with the adapters";
        setAttribute(guess, "title", job.busy ? busy : "A few passes, however many targets there are, with its error");
        setAttribute(
          start2,
          "title",
          job.busy ? busy : "Every target by itself; those first that were estimated to do most"
        );
        const impact = map.ready ? map.found : null;
        setText(start2, impact?.estimated ? "Make it exact" : "Measure");
        turns.hidden = !impact;
        setText(found, impact ? words(impact) : lacks || (job.running || job.text ? "" : "Not measured yet."));
      }
    };
  }

  // ui/desk/heat_around.js
  function switcher(name2) {
    const buttons = MODES.map(([mode, text, title]) => {
      const choose = () => chooseHeat(name2, mode);
      return {
        mode,
        node: el("button", { type: "button", class: "brush", text, title, data: { heat: mode }, on: { click: choose } })
      };
    });
    const label = el("span", { class: "label", text: "Show" });
    return {
      node: el(
        "div",
        { class: "brushes heat-modes", role: "group", "aria-label": "What the grid shows" },
        label,
        ...buttons.map((one) => one.node)
      ),
      /** @param {Mode} mode */
      update(mode) {
        for (const one of buttons) setAttribute(one.node, "aria-pressed", String(one.mode === mode));
      }
    };
  }
  function legend() {
    const ends = [0, 0.25, 1].map((at) => ({ at, node: el("span") }));
    const unit = el("span", { class: "hint" });
    const scale = el("span", { class: "heat-scale" });
    const numbers = el("span", { class: "heat-ends" }, ...ends.map((one) => one.node));
    return {
      node: el(
        "div",
        { class: "heat-legend", data: { part: "legend" } },
        el("span", { class: "heat-scale-box" }, scale, numbers),
        unit
      ),
      /** @param {ReadyMap} map */
      update(map) {
        for (const { at, node } of ends) setText(node, map.write(at * map.max));
        setText(unit, map.unit);
      }
    };
  }
  var most = (values) => Math.max(...values.map((value) => value || 0)) || 1;
  function kindBars(adapter) {
    const rows = adapter.kinds.map((kind) => {
      const fill2 = el("span", { class: "bar-fill" });
      const number = el("span", { class: "bar-number" });
      const name2 = el("span", { class: "bar-name", text: kind, title: kind });
      return {
        fill: fill2,
        number,
        node: el("div", { class: "bar-row", data: { bar: kind } }, name2, el("span", { class: "bar" }, fill2), number)
      };
    });
    return {
      node: el("div", { class: "heat-kinds", data: { part: "kinds" } }, ...rows.map((row2) => row2.node)),
      /** @param {ReadyMap} map */
      update(map) {
        const top = most(map.kinds);
        rows.forEach((row2, r) => {
          const value = map.kinds[r];
          row2.fill.style.width = `${Math.round((value || 0) / top * 1e3) / 10}%`;
          setText(row2.number, value === null ? "–" : map.write(value));
        });
      }
    };
  }
  function layerBars(adapter) {
    const bars2 = adapter.layers.map((layer) => {
      const fill2 = el("span", { class: "layer-fill" });
      return { layer, fill: fill2, node: el("span", { class: "layer-bar", data: { bar: String(layer) } }, fill2) };
    });
    const label = el("span", { class: "grid-kind", text: "layer" });
    return {
      node: el("div", { class: "grid-row heat-layers", data: { part: "layers" } }, label, ...bars2.map((bar) => bar.node)),
      /** @param {ReadyMap} map */
      update(map) {
        const top = most(map.layers);
        bars2.forEach(({ layer, fill: fill2, node }, i) => {
          const value = map.layers[i];
          const nats = map.mode === "silenced" || map.mode === "alone" ? " nats" : "";
          const words3 = value === null ? "not measured" : map.write(value) + nats;
          fill2.style.height = `${Math.round((value || 0) / top * 100)}%`;
          setAttribute(node, "title", `layer ${layer}: ${words3}`);
        });
      }
    };
  }
  function heatAround({ adapter }) {
    const modes = switcher(adapter.name);
    const scale = legend();
    const kinds = kindBars(adapter);
    const layers = layerBars(adapter);
    const waiting3 = el("div", { class: "hint heat-waiting", role: "status" });
    const measure = impactPanel(adapter);
    const share = shareChoice(adapter.name);
    const caveat = el("p", { class: "hint", text: NOT_IMPORTANCE });
    const below3 = el(
      "div",
      { class: "heat-below", hidden: true },
      share.node,
      scale.node,
      waiting3,
      kinds.node,
      caveat,
      measure.node
    );
    layers.node.hidden = true;
    return {
      top: modes.node,
      under: layers.node,
      below: below3,
      /** @param {HeatMap | null} map */
      update(map) {
        const mode = heatMode(adapter.name);
        modes.update(mode);
        below3.hidden = mode === "gain";
        layers.node.hidden = !map?.ready;
        if (!map) return;
        share.node.hidden = caveat.hidden = mode !== "needed";
        share.update();
        measure.node.hidden = mode !== "silenced" && mode !== "alone";
        if (mode === "silenced" || mode === "alone") measure.update(mode, map);
        scale.node.hidden = kinds.node.hidden = !map.ready;
        waiting3.hidden = map.ready || !measure.node.hidden;
        setText(waiting3, map.ready ? "" : map.why);
        if (!map.ready) return;
        scale.update(map);
        kinds.update(map);
        layers.update(map);
      }
    };
  }

  // ui/desk/grid.js
  var ROW = 28;
  var PARTS = (
    /** @type {const} */
    ["where", "own", "heard", "heat", "facts", "name"]
  );
  function header(index) {
    const cells = Array.from({ length: index.cols }, (_, col) => {
      const loose = col >= index.adapter.layers.length;
      return el("span", {
        role: "columnheader",
        class: loose ? "grid-layer is-loose" : "grid-layer",
        text: columnName(index, col)
      });
    });
    const corner = el("span", { role: "columnheader", class: "grid-kind", "aria-label": "kind" });
    return { cells, node: el("div", { role: "row", class: "grid-row grid-head" }, corner, ...cells) };
  }
  function gridRow(index, r) {
    const kind = index.adapter.kinds[r];
    const cells = Array.from({ length: index.cols }, (_, col) => {
      const c = r * index.cols + col;
      const there = index.start[c + 1] > index.start[c];
      const loose = col >= index.adapter.layers.length;
      const cell2 = el("div", { class: `cell${there ? "" : " is-none"}${loose ? " is-loose" : ""}`, role: "gridcell" });
      if (there) {
        cell2.tabIndex = -1;
        cell2.dataset.layer = columnName(index, col);
        cell2.dataset.kind = kind;
      }
      return cell2;
    });
    const label = el("span", { role: "rowheader", class: "grid-kind", text: kind, title: kind });
    return { cells, node: el("div", { role: "row", class: "grid-row" }, label, ...cells) };
  }
  function targetGrid(index) {
    const { name: name2, kinds } = index.adapter;
    const cells = [];
    let labels = [];
    const drawn3 = new Array(index.count);
    const body = el("div", { role: "grid", class: "grid", "aria-label": `Targets of ${name2}`, data: { part: "grid" } });
    const scroller2 = el("div", { class: "grid-scroll" }, body);
    const hint = el("span", { class: "hint" });
    const says = PARTS.map((part) => ({ part, node: el("span", { class: `readout-${part}` }) }));
    const readout = el("div", { class: "readout" }, hint, ...says.map((one) => one.node));
    const view = {
      index,
      name: name2,
      cells,
      body,
      row: ROW,
      size: 0,
      hover: -1,
      chosen: -1,
      choose(c) {
        if (c === view.chosen) return;
        const old = cells[view.chosen];
        if (old) {
          old.tabIndex = -1;
          old.classList.remove("is-chosen");
        }
        view.chosen = c;
        store.memory.set(`${name2}/cell`, cellPlace(index, c));
        cells[c].tabIndex = 0;
        cells[c].classList.add("is-chosen");
        store.changed();
      },
      set: (c, value) => store.edit((panel) => putCell(index, panel, c, value))
    };
    const detail = cellDetail(view);
    const moves = gridMoves(view, detail.type);
    const around = heatAround(index);
    const node = el("div", { class: "grid-area" }, around.top, moves.node, scroller2, readout, around.below, detail.node);
    let built = false;
    let map = null;
    function build() {
      built = true;
      const head = header(index);
      const rows = kinds.map((_, r) => gridRow(index, r));
      labels = head.cells;
      cells.push(...rows.flatMap((row2) => row2.cells));
      body.append(head.node, ...rows.map((row2) => row2.node), around.under);
      const remembered = store.memory.get(`${name2}/cell`);
      const there = cells.map((_, c) => c).filter((c) => index.start[c + 1] > index.start[c]);
      const first = there.find((c) => cellPlace(index, c) === remembered) ?? there[0];
      if (first !== void 0) view.choose(first);
      resize();
    }
    function resize() {
      if (!built) return;
      const room = layerWidth(node, index.adapter);
      if (!room || room.cell === view.size) return;
      view.size = room.cell;
      body.style.setProperty("--lm-cell", `${room.cell}px`);
      const every = room.cell >= 20 ? 1 : 5;
      body.dataset.every = String(every);
      labels.forEach((label, i) => {
        if (!label.classList.contains("is-loose")) label.style.visibility = i % every ? "hidden" : "";
      });
      drawn3.fill(void 0);
      store.changed();
    }
    function paint(c, max, moved2) {
      const { n, lo, hi, mean } = cellGain(index, c);
      if (!n) return;
      const key = `${lo}/${hi}/${mean}/${moved2}/${max}`;
      if (drawn3[c] === key) return;
      drawn3[c] = key;
      const cell2 = cells[c];
      const look2 = lookAt(mean, max);
      cell2.style.backgroundColor = colour(look2);
      cell2.classList.toggle("is-hollow", hi === 0 && lo === 0);
      cell2.classList.toggle("is-full", isDark(look2));
      cell2.classList.toggle("is-moved", moved2);
      cell2.classList.toggle("is-mixed", lo !== hi);
      setText(cell2, view.size >= 24 && mean !== 1 ? writeTiny(mean) : "");
      const targets = n > 1 ? `, ${n} targets` : "";
      setAttribute(cell2, "aria-label", `${cellPlace(index, c)}: ${writeRange(lo, hi, writeGain)}${targets}`);
    }
    function paintHeat(heat, c, moved2) {
      if (index.start[c + 1] === index.start[c]) return;
      const value = heat.ready ? heat.cells[c] : null;
      const max = heat.ready ? heat.max : 1;
      const key = `${heat.mode}/${value}/${max}/${moved2}`;
      if (drawn3[c] === key) return;
      drawn3[c] = key;
      const cell2 = cells[c];
      cell2.style.backgroundColor = value === null ? "" : heatColour(value, max);
      cell2.classList.toggle("is-hollow", value === null);
      cell2.classList.toggle("is-full", value !== null && isBright(value, max));
      cell2.classList.toggle("is-moved", moved2);
      cell2.classList.toggle("is-mixed", false);
      setText(cell2, "");
      const words3 = `${cellPlace(index, c)}: ${heat.ready ? heatWords(heat, c) : "not measured"}`;
      setAttribute(cell2, "aria-label", words3);
      setAttribute(cell2, "title", words3);
    }
    function tell() {
      const c = view.hover === view.chosen ? -1 : view.hover;
      hint.hidden = c >= 0;
      for (const one of says) one.node.hidden = c < 0;
      if (c < 0) {
        setText(hint, moves.hint());
        return;
      }
      const words3 = cellWords(index, c, map);
      for (const one of says) setText(one.node, words3[one.part]);
    }
    return {
      node,
      update() {
        if (!built) build();
        if (!view.size) resize();
        const { max } = store.range();
        const any = Object.keys(peekFaders(store.panel, name2).modules).length > 0;
        const showed = map;
        map = heatMap(index);
        if (!map && showed) for (const cell2 of cells) cell2.removeAttribute("title");
        for (let c = 0; c < index.count; c += 1) {
          const moved2 = any && ownGain(index, store.panel, c).moved;
          if (map) paintHeat(map, c, moved2);
          else paint(c, Math.max(1.5, max), moved2);
        }
        body.dataset.shows = heatMode(name2);
        around.update(map);
        tell();
        detail.update();
      },
      resize,
      stop: moves.stop
    };
  }

  // ui/desk/rank.js
  function menu(label, id, set) {
    const node = el("select", { class: "select", "aria-label": label, data: { rank: id } });
    node.addEventListener("change", () => set(node.value === "" ? null : Number(node.value)));
    return {
      node,
      /**
       * @param {readonly number[]} choices from the most to the least, without all
       * @param {number | undefined} value
       * @param {(value: number | null) => string} write
       */
      update(choices, value, write2) {
        const all2 = value === void 0 || choices.includes(value) ? choices : [value, ...choices].sort((a, b) => b - a);
        keyed(node, [null, ...all2], String, (choice) => ({
          node: el("option", { value: choice === null ? "" : String(choice), text: write2(choice) })
        }));
        const shown3 = value === void 0 ? "" : String(value);
        if (node.value !== shown3) node.value = shown3;
      }
    };
  }
  function rankRow(adapter) {
    const { name: name2 } = adapter;
    const largest = Math.max(...adapter.rank, 0);
    const put = (field) => (value) => store.edit((panel) => {
      const faders = fadersOf(panel, name2);
      if (value === null) delete faders[field];
      else faders[field] = value;
    });
    const components = menu(`Rank heard of ${name2}`, "components", put("rank"));
    const energy = menu(`Energy heard of ${name2}`, "energy", put("energy"));
    const why = el("span", { class: "hint" });
    const told = el("p", { class: "spectrum-told", title: NOT_IMPORTANCE, data: { part: "spectrum" } });
    const node = el(
      "div",
      { class: "rank-row", role: "group", "aria-label": `Rank heard of ${name2}` },
      el("span", { class: "label", text: "Rank heard" }),
      components.node,
      energy.node,
      why,
      told
    );
    for (const one of [components, energy])
      one.node.title = "The strongest components of what each target adds alone are heard. Energy is the sum of their squared singular values";
    node.hidden = !adapter.targets.length;
    for (const one of [components, energy]) one.node.disabled = adapter.whyNotRank !== "";
    setText(why, adapter.whyNotRank);
    return {
      node,
      update() {
        const faders = peekFaders(store.panel, name2);
        components.update(
          rankChoices(largest),
          faders.rank,
          (value) => value === null ? `all ${largest}` : String(value)
        );
        energy.update(SHARES, faders.energy, writeShare);
        if (!adapter.targets.length) return;
        const found = spectrumOf(adapter);
        setText(told, "told" in found ? found.told.lines[String(shareOf(name2))] ?? "" : found.why);
      }
    };
  }

  // ui/lab/lab.js
  var QUIET_MS2 = 5e3;
  var { onChange: onChange3, changed: changed3 } = frames("the lab");
  var hearers2 = [];
  var counted = 0;
  var heardAt2 = 0;
  var begun = false;
  var emptyCell = () => ({ s: "waiting", text: "", n: 0, pace: "", end: "", leaves: null, pieces: null });
  function show(head) {
    lab.sheet = head && { ...head, cells: head.rows.map(() => head.columns.map(emptyCell)) };
    counted = 0;
  }
  function take(news, answer) {
    const whole2 = !news.cells || fill(news, news.cells) || answer;
    if (whole2 && news.line && !(answer && begun)) lab.line = news.line;
    if (whole2 && news.note !== void 0) lab.note = news.note;
    return whole2;
  }
  function fill(news, cells) {
    const { sheet } = lab;
    if (!sheet || sheet.key !== news.key) return false;
    if (news.reference !== void 0) sheet.reference = news.reference;
    let whole2 = news.n === counted + 1;
    counted = news.n ?? 0;
    sheet.age = news.age;
    for (const told of cells) if (!write(sheet.cells[told.r][told.c], told)) whole2 = false;
    return whole2;
  }
  function write(cell2, told) {
    let whole2 = true;
    if (told.add !== void 0) {
      const at = told.at ?? 0;
      whole2 = at <= cell2.text.length;
      if (whole2) cell2.text = cell2.text.slice(0, at) + told.add;
    } else if (told.text !== void 0) {
      cell2.text = told.text;
      cell2.pieces = null;
    } else if (told.pieces) {
      cell2.pieces = told.pieces;
      cell2.text = told.pieces.map((piece) => piece[0]).join("");
    }
    const { s, n, pace = "", end = "", leaves = null } = told;
    Object.assign(cell2, { s, n, pace, end, leaves, fresh: true });
    return whole2;
  }
  function overtaken(news) {
    const { sheet } = lab;
    return sheet !== null && news.key === sheet.key && Number(news.age) < Number(sheet.age);
  }
  function receive(news, answer = false) {
    if (news.setup) lab.setup = news.setup;
    if (overtaken(news)) return true;
    if (news.sheet !== void 0) show(news.sheet);
    for (const fn of hearers2) fn(news);
    return take(news, answer);
  }
  var BOXES = (
    /** @type {const} */
    { compare: "start", measure: "measure", draw: "draw", tell: "tell" }
  );
  var channel4 = openChannel("lab", {
    looks: ["look", "nothing"],
    hear(answer) {
      const before = counted;
      receive(answer, true);
      counted = before;
      changed3();
    },
    lost(refused) {
      lab.look();
      return refused;
    }
  });
  var lab = {
    /**
     * The columns that play a mix which was kept for them.
     *
     * @returns {Array<[source: string, text: string]>}
     */
    keptColumns: () => (lab.setup?.columns ?? []).filter(({ plays }) => plays === "kept").map(({ key, letter, name: name2, kept: kept2 }) => [`column:${key}`, `Column ${letter}: ${name2 || kept2}`]),
    /** @type {Setup | null} */
    setup: null,
    /** @type {Sheet | null} */
    sheet: null,
    /** @type {Line} */
    line: { text: "", running: false, part: null },
    note: "",
    // what to know about the experiment that is shown
    /** fn runs, at most once a frame, after anything changed. */
    onChange: onChange3,
    changed: changed3,
    /**
     * fn sees everything that Python says.
     *
     * @param {(news: LabNews) => void} fn
     */
    onNews(fn) {
      hearers2.push(fn);
    },
    /**
     * Ask Python something; then gets what it says.
     *
     * @param {LabOrder} message
     * @param {(answer: LabNews) => void} [then]
     */
    order: (message, then) => channel4.order(message, then),
    answered: channel4.answered,
    look: () => channel4.look({ do: "look" }),
    /**
     * Have a reply go into the chat.
     *
     * @param {LabUse} message
     * @param {(answer: LabNews) => void} then
     */
    use: (message, then) => channel4.order(message, then, "use"),
    /**
     * fn runs when Python has followed every order: what is begun then knows of all of them.
     *
     * @param {() => void} fn
     */
    afterOrders(fn) {
      if (channel4.idle) fn();
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
      heardAt2 = performance.now();
      changed3();
    },
    /**
     * Begin what takes its time, or have the host say something.
     *
     * @param {LabBegin} message
     */
    send: (message) => channel4.send(BOXES[message.do], message),
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
    news: guard("news", (text) => {
      if (!text) return;
      heardAt2 = performance.now();
      begun = false;
      if (!receive(JSON.parse(text))) lab.look();
      changed3();
    }),
    /** Every two seconds: has something changed that nobody told us? */
    tick() {
      const told = store.state?.lab;
      if (!lab.setup) {
        if (channel4.idle) lab.look();
        return;
      }
      const silent = lab.line.running && performance.now() - heardAt2 > QUIET_MS2;
      if (silent || told && told.rev !== lab.setup.rev) {
        heardAt2 = performance.now();
        if (silent) begun = false;
        if (channel4.idle) lab.look();
      }
    },
    /** From here on it follows what the desk is told. */
    start() {
      store.onChange(() => {
        const { state } = store;
        if (!state || !lab.setup) return;
        const trouble = state.trouble ? `${state.trouble.title}: ${state.trouble.advice}` : "";
        const other = state.lab && state.lab.rev !== lab.setup.rev || trouble !== lab.setup.trouble;
        if (other && channel4.idle) lab.look();
        changed3();
      });
    }
  };

  // ui/desk/shapes.js
  function shapeButtons(adapter) {
    const list3 = el("span", { class: "shape-list" });
    const label = el("span", { class: "label", text: "Shape" });
    const node = el(
      "div",
      { class: "brushes shapes", role: "group", "aria-label": `Shapes for ${adapter.name}`, hidden: true },
      label,
      list3
    );
    return {
      node,
      update() {
        const shapes = adapter.targets.length ? saved.known?.shapes ?? [] : [];
        node.hidden = !shapes.length;
        keyed(
          list3,
          shapes,
          (shape) => shape.name,
          ({ name: name2, title, about: about2 }) => {
            const put = () => moveWithUndo(
              { do: "shape", adapter: adapter.name, shape: name2 },
              `${adapter.name}: ${title}.`,
              (answer) => {
                if (answer.refused) lab.tell(answer.refused.why);
              }
            );
            return {
              node: el("button", {
                type: "button",
                class: "brush",
                text: title,
                title: about2,
                data: { shape: name2 },
                on: { click: put }
              })
            };
          }
        );
      }
    };
  }

  // ui/desk/strip.js
  function spread2(values = []) {
    if (!values.length) return "–";
    if (values.length <= 3) return values.map(writeShort).join(", ");
    return `${writeShort(values[0])} – ${writeShort(values[values.length - 1])}`;
  }
  function fact(id, name2, value, title = value) {
    const shown3 = el("dd", { text: value, title, data: { fact: id } });
    return { node: el("div", { class: "fact" }, el("dt", { text: name2 }), shown3), shown: shown3 };
  }
  function facts2(adapter) {
    const share = adapter.share ? writePercent(adapter.share) : "";
    const now = fact("alpha-now", "Alpha now", "", "Effective alpha: gain x alpha, over all targets as they are heard");
    now.node.classList.add("is-live");
    const all2 = [
      fact("method", "Method", writeMethod(adapter)),
      fact("rank", "Rank", spread2(adapter.rank)),
      fact("alpha", "Alpha", spread2(adapter.alpha), "As trained"),
      fact("scaling", "Scaling", spread2(adapter.scaling), "The factor on the adapter's output, as loaded"),
      now,
      fact(
        "parameters",
        "Parameters",
        `${writeCount(adapter.parameters)}${share && ` (${share})`}`,
        `${adapter.parameters} parameters${share && `, ${share} of the model`}`
      )
    ];
    return { node: el("dl", { class: "facts" }, ...all2.map((one) => one.node)), now: now.shown };
  }
  function fixedList(adapter) {
    const n = adapter.fixed.length;
    if (!n) return null;
    const rows = adapter.fixed.map(([name2, why]) => el("li", {}, el("code", { text: name2 }), el("span", { text: why })));
    const text = n === 1 ? "1 part that no fader can move, and why" : `${n} parts that no fader can move, and why`;
    const summary = el(
      "summary",
      {},
      el("span", { class: "section-name", text: "Fixed" }),
      el("span", { class: "digest", text })
    );
    return el(
      "details",
      { class: "section", data: { section: "fixed" } },
      summary,
      el("ul", { class: "fixed" }, ...rows)
    );
  }
  function moved(map) {
    const n = Object.keys(map).length;
    return n ? ` · ${n} moved` : "";
  }
  function adapterStrip(adapter, alone) {
    const { name: name2, kinds: kindNames, layers, targets } = adapter;
    const index = indexTargets(adapter);
    const master = faderRow({
      data: { fader: "master" },
      name: "Master",
      label: `Master fader of ${name2}`,
      scale: true,
      set: (v) => store.edit((panel) => {
        fadersOf(panel, name2).master = v;
      })
    });
    const power = powerSwitch(name2);
    const mute = latch("M", "mute", `Mute ${name2}`, () => store.edit((panel) => toggle(panel.muted.adapters, name2)));
    const solo = latch("S", "solo", `Solo ${name2}`, () => store.edit((panel) => toggle(panel.soloed.adapters, name2)));
    const why = silentBadge();
    const reset = el("button", {
      type: "button",
      class: "button",
      text: "Reset",
      "aria-label": `Reset ${name2}`,
      title: "All faders of this adapter back to 1: as loaded",
      data: { do: "reset" },
      on: { click: () => resetWithUndo(name2) }
    });
    const rank = rankRow(adapter);
    const known5 = facts2(adapter);
    const kinds = kindFaders(adapter);
    const curve = layers.length ? depthCurve(adapter) : null;
    const grid = targetGrid(index);
    const energy = energyCurve(index);
    const fades = fadeSection(adapter);
    const shapes = shapeButtons(adapter);
    const section = (label, part, open) => foldable(`${name2}/${label}`, label, open, part.node, () => store.changed());
    const kindSection = section("Kinds", kinds, true);
    const depthSection = curve && section("Depth", curve, alone);
    const gridSection = section("Grid", grid, alone);
    const spectrumSection = section("Spectrum", energy, alone);
    const node = el(
      "section",
      { class: "strip", "aria-label": `Adapter ${name2}`, data: { adapter: name2 } },
      el(
        "header",
        { class: "strip-head" },
        power.node,
        el("h3", { class: "name", text: name2, title: name2 }),
        why.node,
        el("div", { class: "strip-buttons" }, mute.node, solo.node, reset)
      ),
      master.node,
      rank.node,
      known5.node,
      adapter.advice && el("p", { class: "advice", text: adapter.advice }),
      shapes.node,
      el(
        "div",
        { class: "sections" },
        kindSection.node,
        depthSection?.node,
        gridSection.node,
        spectrumSection.node,
        fades.node,
        fixedList(adapter)
      )
    );
    if (!targets.length) {
      for (const one of [kindSection, depthSection, gridSection, spectrumSection, fades]) if (one) one.node.hidden = true;
    }
    return {
      node,
      adapter,
      update() {
        const { panel } = store;
        const f = peekFaders(panel, name2);
        const silent = whySilent(panel, adapter);
        hearGains(index, panel);
        node.classList.toggle("is-silent", silent !== "");
        why.update(silent);
        power.update(f.on);
        mute.update(panel.muted.adapters.includes(name2));
        solo.update(panel.soloed.adapters.includes(name2));
        rank.update();
        master.update(f.master, { fades: "master" in f.fades });
        fades.update();
        shapes.update();
        setText(known5.now, writeRange(...alphaNow(index), writeShort));
        setText(kindSection.digest, writeCounted(kindNames.length, "kind", "kinds") + moved(f.kinds));
        if (depthSection) setText(depthSection.digest, writeCounted(layers.length, "layer", "layers") + moved(f.layers));
        setText(gridSection.digest, writeCounted(targets.length, "target", "targets") + moved(f.modules));
        setText(spectrumSection.digest, "energy over rank");
        if (kindSection.open) kinds.update();
        if (curve && depthSection?.open) curve.update();
        if (gridSection.open) grid.update();
        if (spectrumSection.open) energy.update();
      },
      /** The desk has another width (or has one at last). */
      resize() {
        curve?.resize();
        grid.resize();
      },
      stop() {
        curve?.stop();
        grid.stop();
        energy.stop();
      }
    };
  }

  // ui/desk/top_row.js
  function rangeFields() {
    const tell = (change2) => {
      const fader = { ...store.range(), ...change2 };
      if (store.state) store.state.fader = fader;
      wire.command({ do: "range", ...fader });
      store.changed();
    };
    const low = numberField({
      label: "Lowest value of the faders",
      set: (min) => tell({ min }),
      refuse: (v) => v <= 0 ? "" : "Faders must reach down to 0"
    });
    const high = numberField({
      label: "Highest value of the faders",
      set: (max) => tell({ max }),
      refuse: (v) => v >= 1 ? "" : "Faders must reach up to 1"
    });
    return {
      node: el(
        "div",
        { class: "range", title: "How far the faders reach. Any number can be typed, whatever the range." },
        el("span", { text: "Range" }),
        low.node,
        el("span", { text: "to" }),
        high.node
      ),
      update() {
        const { min, max } = store.range();
        low.update(min);
        high.update(max);
      }
    };
  }
  function topRow() {
    const title = el("span", { class: "title", text: "LoRA Mixer" });
    const model = el("span", { class: "model" });
    const bypass2 = bypassButton();
    const reset = el("button", {
      type: "button",
      class: "button",
      text: "Reset all",
      title: "Every fader of every adapter back to 1",
      data: { do: "reset-all" },
      on: { click: () => resetWithUndo(null) }
    });
    const limits = rangeFields();
    const said = el("span", {});
    const back = el("button", { type: "button", class: "link", text: "Undo", data: { do: "undo" }, on: { click: undo2 } });
    const line2 = el("div", { class: "line", role: "status" }, said, back);
    const controls2 = el("div", { class: "controls", hidden: true }, limits.node, reset, bypass2.node);
    const node = el("div", { class: "topbar" }, el("div", { class: "brand" }, deskIcon(), title, model), controls2, line2);
    return {
      node,
      update() {
        const { state, panel } = store;
        const known5 = state?.model;
        setText(model, known5 ? known5.name + (known5.parameters ? ` · ${writeCount(known5.parameters)}` : "") : "");
        model.title = known5 ? known5.name : "";
        controls2.hidden = !state?.adapters.length;
        if (!state) return;
        limits.update();
        bypass2.update(panel.bypass);
        const notices = state.notices ?? [];
        const lost = wire.lost();
        setText(
          said,
          lost ? "Python does not answer: moves may not be heard." : undoableText() || notices.join(" · ")
        );
        line2.title = notices.join("\n");
        back.hidden = !undoableText() || lost;
        line2.hidden = !state.adapters.length && !said.textContent;
      }
    };
  }

  // ui/desk/desk.js
  function troubleBox() {
    const title = el("strong", { class: "trouble-title" });
    const advice = el("span", { class: "trouble-advice" });
    return {
      node: el("div", { class: "trouble", role: "status" }, deskIcon(), el("div", {}, title, advice)),
      /** @param {Trouble} trouble */
      update(trouble) {
        setText(title, trouble.title || "");
        setText(advice, trouble.advice || "");
      }
    };
  }
  function offerBox() {
    const text = el("span", { class: "offer-text" });
    let offer = null;
    const accept = () => {
      if (!offer) return;
      if (offer.id === "open up") {
        jobs.start({ do: "open up", name: offer.name ?? "" }, "shelf");
        goTo("adapters", "lora-mixer-shelf-card");
        return;
      }
      button3.disabled = true;
      wire.command({ do: "accept offer", id: offer.id });
    };
    const button3 = el("button", {
      type: "button",
      class: "button primary",
      data: { do: "offer" },
      on: { click: accept }
    });
    return {
      node: el("div", { class: "offer" }, text, button3),
      /** @param {Offer} next */
      update(next) {
        if (next !== offer) button3.disabled = false;
        offer = next;
        setText(text, next.text || "");
        setText(button3, next.label || "Accept");
      }
    };
  }
  function nothing(state) {
    if (!state) {
      return wire.lost() ? {
        title: "No answer",
        advice: "The LoRA Mixer's Python side does not answer. Look at the terminal of the host, then reload this page."
      } : { title: "Connecting…", advice: "" };
    }
    if (state.trouble) return state.trouble;
    if (!state.adapters.length) return { title: "No adapter to mix", advice: "Load a LoRA, and its faders appear here." };
    return null;
  }
  function mixingDesk(columns) {
    const top = topRow();
    const trouble = troubleBox();
    const offer = offerBox();
    const profiles = profileLine();
    const crossfade = crossfadeSection(columns);
    const stack = el("div", { class: "stack" });
    const root = el("div", { class: "desk" }, top.node, trouble.node, offer.node, profiles.node, crossfade.node, stack);
    let strips = [];
    let visible2 = false;
    const place = placed(root, "lora-mixer-desk", {
      narrow: 560,
      resized: () => {
        for (const strip of strips) strip.resize();
      },
      seen: (now) => {
        visible2 = now;
        if (visible2) store.changed();
      }
    });
    onStop(() => {
      for (const strip of strips) strip.stop();
    });
    return {
      ...place,
      update() {
        if (!visible2) return;
        const { state } = store;
        const empty = nothing(state);
        trouble.node.hidden = !empty;
        if (empty) trouble.update(empty);
        offer.node.hidden = !state?.offer;
        if (state?.offer) offer.update(state.offer);
        top.update();
        profiles.update();
        crossfade.update();
        root.classList.toggle("is-bypassed", store.panel.bypass);
        const adapters = state?.adapters ?? [];
        strips = keyed(
          stack,
          adapters,
          (adapter) => adapter,
          // one that has changed is another one, and gets a strip of its own
          (adapter) => adapterStrip(adapter, adapters.length === 1),
          (strip) => strip.update(),
          (strip) => strip.stop()
        );
      }
    };
  }

  // ui/lab/charts.js
  var PATIENCE_MS2 = 8e3;
  var LOOK_MS2 = 150;
  var placeOf2 = (name2) => document.getElementById(`lora-mixer-plot-${name2}`);
  var drawnIn = (name2) => placeOf2(name2)?.querySelector(".js-plotly-plot")?.textContent ?? "";
  function chartWatch() {
    let timer3;
    onStop(() => clearTimeout(timer3));
    return (name2) => {
      const before = drawnIn(name2);
      let late = 0;
      clearTimeout(timer3);
      const look2 = guard("charts", () => {
        if (lab.line.running) {
          timer3 = setTimeout(look2, LOOK_MS2);
          return;
        }
        late += LOOK_MS2;
        const now = drawnIn(name2);
        if (now && (now !== before || late > PATIENCE_MS2 / 4))
          placeOf2(name2)?.scrollIntoView({ behavior: "smooth", block: "start" });
        else if (late < PATIENCE_MS2) timer3 = setTimeout(look2, LOOK_MS2);
      });
      look2();
    };
  }
  function charts(root, results) {
    const show2 = chartWatch();
    let of;
    function draw(message) {
      if (lab.line.running) return;
      if (message.chart === "sweep") of = lab.sheet?.key;
      lab.begins("Drawing …");
      lab.send({ do: "draw", ...message });
      show2(message.chart);
    }
    const curves = el("button", {
      type: "button",
      class: "button small",
      text: "Draw the curves",
      id: "lora-mixer-draw-sweep",
      title: "Perplexity, divergence from the base, agreement and length against the gain: it costs some passes of the model",
      on: { click: () => draw({ chart: "sweep" }) }
    });
    results.bar.right.append(curves);
    const text = textArea("Your own text", {
      rows: 3,
      id: "lora-mixer-own-text",
      placeholder: "A few sentences as the adapter should write them"
    });
    const axis = textField("over", { id: "lora-mixer-own-axis", placeholder: "master 0 to 2 in 0.25" });
    const go = el("button", {
      type: "button",
      class: "button",
      text: "Draw how likely it is",
      id: "lora-mixer-draw-text",
      on: { click: () => draw({ chart: "text", text: text.input.value, axis: axis.input.value }) }
    });
    const body = el(
      "div",
      { class: "own" },
      el("p", {
        class: "hint",
        text: "How likely the adapter makes a text as its gain goes up, and where more stops helping."
      }),
      text.node,
      el("div", { class: "fields" }, axis.node, go)
    );
    const section = foldable("lab/own", "How much is enough?", false, body, () => {
    });
    section.digest.textContent = "a text of your own against the gain";
    root.append(el("div", { class: "panel-card own-card" }, section.node));
    return {
      update() {
        const { setup, sheet, line: line2 } = lab;
        curves.hidden = !sheet?.drawable;
        curves.disabled = line2.running;
        const plot = placeOf2("sweep");
        if (plot) plot.style.display = sheet && sheet.key === of ? "" : "none";
        go.disabled = line2.running || setup?.trouble !== "";
        const example = setup?.examples[0];
        if (example) axis.input.placeholder = example;
      }
    };
  }

  // ui/lab/sweep.js
  function sweepForm() {
    const x = textField("X: a fader and its values", { id: "lora-mixer-sweep-x", placeholder: "master 0 to 2 in 0.25" });
    const y = textField("Y: another one, for a grid (optional)", {
      id: "lora-mixer-sweep-y",
      placeholder: "down_proj 0, 1"
    });
    const chips = el("div", { class: "chips" });
    const fill2 = el("button", {
      type: "button",
      class: "button primary",
      text: "Fill the columns",
      id: "lora-mixer-fill",
      on: { click: () => go() }
    });
    const said = el("span", { class: "hint", role: "status" });
    const node = el(
      "div",
      { class: "sweep", hidden: true, id: "lora-mixer-sweep" },
      el("p", {
        class: "hint",
        text: "A column for every value: how much of an adapter is too much? All other faders stay where they stand."
      }),
      el("div", { class: "fields" }, x.node, y.node),
      chips,
      el("div", { class: "column-tools" }, fill2, said)
    );
    const show2 = () => {
      node.hidden = !node.hidden;
      setAttribute(button3, "aria-expanded", String(!node.hidden));
      if (!node.hidden) x.input.focus();
    };
    const button3 = el("button", {
      type: "button",
      class: "button",
      text: "Fill from a sweep",
      "aria-expanded": "false",
      "aria-controls": "lora-mixer-sweep",
      on: { click: show2 }
    });
    let last3 = x;
    function go() {
      for (const field of [x, y]) field.complain("");
      setText(said, "");
      fill2.disabled = true;
      lab.order({ do: "fill", x: x.input.value, y: y.input.value }, ({ refused, setup }) => {
        if (refused) (refused.at === "y" ? y : x).complain(refused.why);
        else setText(said, `${setup?.columns.length} columns. Press Compare.`);
        fill2.disabled = false;
      });
    }
    for (const field of [x, y]) {
      field.input.addEventListener("focus", () => {
        last3 = field;
      });
      field.input.addEventListener(
        "keydown",
        guard("sweep", (event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          go();
        })
      );
    }
    function chip(text) {
      const put = () => {
        last3.input.value = text;
        last3.complain("");
        last3.input.focus();
      };
      return {
        node: el("button", { type: "button", class: "chip", text, title: "Put this into the field", on: { click: put } })
      };
    }
    return {
      button: button3,
      node,
      update() {
        const examples = lab.setup?.examples ?? [];
        keyed(chips, examples, (text) => text, chip);
        if (examples.length) setAttribute(x.input, "placeholder", examples[0]);
        if (examples.length > 2) setAttribute(y.input, "placeholder", examples[2]);
      }
    };
  }

  // ui/lab/columns.js
  var PLAYS = [
    ["faders", "The faders as they stand"],
    ["as loaded", "As loaded"],
    ["base", "The base model"]
  ];
  var PROFILE = "profile:";
  var change = (message) => lab.order(message, (answer) => {
    if (answer.refused) lab.tell(answer.refused.why);
  });
  var sign = (text, act, click) => el("button", { type: "button", class: "sign", text, data: { do: act }, on: { click } });
  function columnLine(key, moved2) {
    let shown3 = null;
    const commit = () => {
      if (shown3 && name2.value.trim() !== shown3.name) change({ do: "rename", key, name: name2.value });
    };
    const choose = () => {
      if (plays.value.startsWith(PROFILE)) change({ do: "profile", key, name: plays.value.slice(PROFILE.length) });
      else change({ do: "play", key, plays: (
        /** @type {Plays} */
        plays.value
      ) });
    };
    const move = (by) => {
      change({ do: "move", key, by });
      moved2(by);
    };
    const letter = el("span", { class: "letter" });
    const name2 = el("input", {
      type: "text",
      class: "text-input column-name",
      maxlength: 80,
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "Name",
      on: { change: commit }
    });
    const plays = el("select", { class: "select", on: { change: choose } });
    const keep2 = el("button", {
      type: "button",
      class: "button small",
      text: "Keep faders",
      data: { do: "keep-here" },
      title: "This column plays the faders as they stand now, also when they move on",
      on: { click: () => change({ do: "keep", key }) }
    });
    const up = sign("↑", "up", () => move(-1));
    const down = sign("↓", "down", () => move(1));
    const gone = sign("×", "remove", () => change({ do: "remove", key }));
    const signs = el("span", { class: "signs" }, up, down, gone);
    const node = el("li", { class: "column", data: { column: String(key) } }, letter, name2, plays, keep2, signs);
    name2.addEventListener(
      "keydown",
      guard("rename", (event) => {
        if (event.key === "Enter") name2.blur();
        if (event.key === "Escape" && shown3) {
          event.preventDefault();
          name2.value = shown3.name;
          name2.blur();
        }
      })
    );
    node.addEventListener(
      "keydown",
      guard("move", (event) => {
        if (!event.altKey || event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
        event.preventDefault();
        move(event.key === "ArrowUp" ? -1 : 1);
      })
    );
    return {
      node,
      key,
      /**
       * After a move by keyboard, the button stays under the finger.
       *
       * @param {number} by
       */
      focus(by) {
        const [wanted, other] = by < 0 ? [up, down] : [down, up];
        (wanted.disabled ? other : wanted).focus();
      },
      /**
       * @param {Column} next
       * @param {number} at
       * @param {Setup} setup
       */
      update(next, at, { columns, least }) {
        shown3 = next;
        setText(letter, next.letter);
        const kept2 = (
          /** @type {[string, string]} */
          ["kept", `Kept: ${next.kept}`]
        );
        setOptions(plays, [...PLAYS, ...next.kept ? [kept2] : [], ...saved.choices(PROFILE)]);
        if (plays.value !== next.plays) plays.value = next.plays;
        if (document.activeElement !== name2 && name2.value !== next.name) name2.value = next.name;
        setAttribute(name2, "aria-label", `Name of column ${next.letter}`);
        setAttribute(plays, "aria-label", `Column ${next.letter} plays`);
        setAttribute(keep2, "aria-label", `Keep the faders as ${next.letter}`);
        plays.id = `lora-mixer-plays-${next.letter}`;
        keep2.id = `lora-mixer-keep-${next.letter}`;
        up.disabled = at === 0;
        down.disabled = at === columns.length - 1;
        gone.disabled = columns.length <= least;
        for (
          const [button3, what] of
          /** @type {const} */
          [
            [up, "up"],
            [down, "down"]
          ]
        ) {
          setAttribute(button3, "aria-label", `Move column ${next.letter} ${what}`);
          setAttribute(button3, "title", `Move ${what} (Alt and the arrow keys)`);
        }
        const why = gone.disabled ? `A comparison needs ${least} columns` : `Remove column ${next.letter}`;
        setAttribute(gone, "title", why);
        setAttribute(gone, "aria-label", why);
      }
    };
  }
  function columnList() {
    let refocus = null;
    const list3 = el("ol", { class: "column-list" });
    const add = el("button", {
      type: "button",
      class: "button",
      text: "Add a column",
      id: "lora-mixer-add",
      on: { click: () => change({ do: "add" }) }
    });
    const over = el("button", {
      type: "button",
      class: "link",
      text: "Start over",
      title: "Back to two columns: the faders against the base model",
      data: { do: "start-over" },
      on: { click: () => change({ do: "start over" }) }
    });
    const sweep = sweepForm();
    const node = el(
      "div",
      { class: "panel-card" },
      list3,
      el("div", { class: "column-tools" }, add, sweep.button, over),
      sweep.node
    );
    function focusAgain(lines) {
      if (!refocus) return;
      const { key, by } = refocus;
      refocus = null;
      const { activeElement: focused } = document;
      if (!focused || focused === document.body || list3.contains(focused))
        lines.find((line2) => line2.key === key)?.focus(by);
    }
    return {
      node,
      update() {
        const { setup } = lab;
        if (!setup) return;
        const lines = keyed(
          list3,
          setup.columns,
          ({ key }) => key,
          ({ key }) => columnLine(key, (by) => {
            refocus = { key, by };
          }),
          (line2, column, at) => line2.update(column, at, setup)
        );
        focusAgain(lines);
        const full = setup.columns.length >= setup.most;
        add.disabled = full;
        setAttribute(
          add,
          "title",
          full ? `There can be no more than ${setup.most} columns` : "A column that keeps the faders as they stand now"
        );
        over.hidden = setup.columns.length === 2 && setup.columns.every((column) => column.plays !== "kept" && !column.name);
        sweep.update();
      }
    };
  }

  // ui/lab/column_title.js
  var titleOf = ({ letter, name: name2 }) => `${letter} · ${name2}`;

  // ui/lab/marks.js
  var DIFFER = "differ";
  var PLAIN = "plain";
  var marks = {
    /** @type {View} */
    view: DIFFER,
    /** @type {Measured | null} */
    measured: null,
    /** @type {Judged | null} */
    judged: null
  };
  var about = null;
  function startMarks() {
    lab.onNews((news) => {
      if (news.sheet !== void 0 && (news.sheet?.key ?? null) !== about) {
        about = news.sheet?.key ?? null;
        marks.measured = null;
        marks.judged = null;
        if (typeof marks.view === "number") marks.view = DIFFER;
      }
      if (news.measured !== void 0 && (news.key === void 0 || news.key === lab.sheet?.key))
        marks.measured = news.measured;
      if (news.surprise) {
        const { key, judge, cells } = news.surprise;
        marks.judged = { key, judge, cells: new Map(cells.map((cell2) => [`${cell2.r},${cell2.c}`, cell2.tokens])) };
      }
      if (news.sheet !== void 0 || news.surprise) lab.changed();
    });
  }
  function chooseView(next) {
    marks.view = next;
    if (typeof next !== "number") {
      lab.changed();
      return;
    }
    lab.order({ do: "surprise", column: next }, ({ refused }) => {
      if (!refused) return;
      lab.tell(refused.why);
      if (marks.view !== next) return;
      marks.view = DIFFER;
      lab.changed();
    });
  }
  var marksKey = () => [marks.view, marks.judged?.key, marks.judged?.judge].join(" ");
  function markedPieces(cell2, row2, column) {
    const { view, judged } = marks;
    if (view === DIFFER) {
      return (cell2.pieces ?? []).map(
        ([text, differs]) => differs ? el("mark", { class: "differs", text }) : document.createTextNode(text)
      );
    }
    const ours = typeof view === "number" && judged?.key === lab.sheet?.key && judged?.judge === view;
    const tokens = ours ? judged?.cells.get(`${row2},${column}`) : void 0;
    if (!tokens) return cell2.text ? [document.createTextNode(cell2.text)] : [];
    const judge = lab.sheet?.columns[Number(view)];
    const by = judge ? titleOf(judge) : "";
    return tokens.map(([text, p]) => p === null ? document.createTextNode(text) : surprisingToken(text, p, by));
  }
  function surprisingToken(text, p, by) {
    const node = el("span", { class: "token", text, title: `${writeChance(p)} under ${by}` });
    node.style.setProperty("--surprise", `${Math.round(surprise(p) * 70)}%`);
    return node;
  }
  function writeChance(p) {
    if (p >= 0.9995) return "100 %";
    if (p >= 0.01) return `${(p * 100).toFixed(1)} %`;
    return p >= 1e-4 ? `${(p * 100).toFixed(3)} %` : "less than 0.01 %";
  }
  var surprise = (p) => Math.min(1, -Math.log(Math.max(p, 1e-9)) / 8);

  // ui/lab/differences.js
  function writeMeasure(value) {
    if (value === null || value === void 0) return "–";
    return value >= 1e3 ? value.toExponential(1) : value.toPrecision(3);
  }
  function table(title, hint, values, columns, strength) {
    const titles = columns.map(titleOf);
    const corner = el(
      "th",
      { class: "measure-corner" },
      el("span", { text: "reply →" }),
      el("span", { text: "mix ↓" })
    );
    const heads = columns.map(({ letter }, j) => el("th", { scope: "col", text: letter, title: `said by ${titles[j]}` }));
    const rows = values.map((line2, i) => {
      const cells = line2.map((value, j) => {
        const cell2 = el("td", { text: writeMeasure(value), title: `${titles[i]}, on what ${titles[j]} said` });
        cell2.style.setProperty("--strength", `${Math.round((value === null ? 0 : strength(value)) * 60)}%`);
        return cell2;
      });
      return el("tr", {}, el("th", { scope: "row", text: columns[i].letter, title: `judged by ${titles[i]}` }), ...cells);
    });
    const body = el("table", {}, el("thead", {}, el("tr", {}, corner, ...heads)), el("tbody", {}, ...rows));
    return el(
      "figure",
      { class: "measure" },
      el("figcaption", {}, el("b", { text: title }), el("span", { class: "hint", text: hint })),
      el("div", { class: "measure-scroll" }, body)
    );
  }
  var known4 = (values) => values.flat().filter((value) => value !== null && Number.isFinite(value)).map(Number);
  function tables({ divergence, perplexity, rows }, columns) {
    const lacks = known4(divergence).length ? "" : store.state?.engine?.whyNot.divergence ?? "";
    const most2 = Math.max(1e-3, ...known4(divergence));
    const top = Math.max(1e-3, ...known4(perplexity).map(Math.log));
    const over = rows > 1 ? `, mean of ${rows} rows` : "";
    const apart = () => table(
      "Divergence",
      `nats a token: how far the mix in a row is from the one that wrote the column's reply${over}`,
      divergence,
      columns,
      (v) => v / most2
    );
    return [
      lacks ? el("p", { class: "hint", text: lacks, data: { part: "no-divergence" } }) : apart(),
      table(
        "Perplexity",
        `of the column's reply under the mix in a row: 1 is no surprise at all${over}`,
        perplexity,
        columns,
        (v) => Math.log(v) / top
      )
    ];
  }
  function differences(results) {
    const choose = () => {
      const { value } = views;
      chooseView(value === DIFFER || value === PLAIN ? value : Number(value));
    };
    const views = el("select", {
      class: "select",
      id: "lora-mixer-view",
      "aria-label": "What is marked in the replies",
      on: { change: choose }
    });
    const begin = () => {
      if (lab.line.running) return;
      lab.begins("Measuring …");
      lab.send({ do: "measure" });
    };
    const measure = el("button", {
      type: "button",
      class: "button small",
      text: "Measure the differences",
      id: "lora-mixer-measure",
      title: "How far apart the mixes are, and how surprising each token is: it costs one pass of the model for every reply",
      on: { click: begin }
    });
    results.bar.right.append(
      el("label", { class: "inline" }, el("span", { class: "field-name", text: "Mark" }), views),
      measure
    );
    const hint = el("span", { class: "hint" });
    const legend2 = el("div", { class: "legend", hidden: true }, el("span", { class: "legend-scale" }), hint);
    const shown3 = el("div", { class: "measures", id: "lora-mixer-measures", hidden: true });
    const care = el("p", { class: "hint", hidden: true, data: { part: "scores" } });
    results.bar.node.after(care, legend2);
    results.node.append(shown3);
    function offer({ columns }) {
      const surprises = columns.map(
        (column, c) => (
          /** @type {[string, string, boolean]} */
          [String(c), `surprise to ${titleOf(column)}`, !marks.measured]
        )
      );
      setOptions(views, [[DIFFER, "words that differ"], [PLAIN, "nothing"], ...surprises]);
      if (views.value !== String(marks.view)) views.value = String(marks.view);
      setAttribute(
        views,
        "title",
        marks.measured ? "" : "How surprising each token is can be marked once the differences are measured"
      );
    }
    return {
      update() {
        const { sheet, line: line2 } = lab;
        const { measured, view } = marks;
        shown3.hidden = !measured;
        legend2.hidden = typeof view !== "number";
        if (!sheet) return;
        offer(sheet);
        measure.disabled = line2.running || !sheet.cells.some((row2) => row2.some((cell2) => cell2.s === "done" && cell2.text));
        measure.hidden = measured !== null && measured.rows >= sheet.rows.length;
        showText(care, measure.hidden ? "" : store.state?.engine?.differs.scores ?? "");
        if (typeof view === "number") {
          setText(
            hint,
            `The more colour, the more a token surprises ${titleOf(sheet.columns[view])}. Point at one for its probability.`
          );
        }
        whenChanged(
          shown3,
          [measured, sheet.columns],
          () => shown3.replaceChildren(...measured ? tables(measured, sheet.columns) : [])
        );
      }
    };
  }

  // ui/lab/prompts.js
  var MOST_MB2 = 4;
  var FORMS = 'One prompt a line, or a JSON object a line: {"prompt": …} or {"messages": […]}.';
  function promptsFile({ order, field, read, id, fileId }) {
    const take2 = (name2, data) => order({ do: "prompts", name: name2, data }, ({ refused, text = "" }) => {
      field.complain(refused?.why ?? "");
      if (refused) return;
      field.input.value = text;
      read?.();
    });
    const picker = filePicker(".txt,.jsonl,.json,text/*", MOST_MB2, take2, field.complain);
    if (fileId) picker.input.id = fileId;
    const button3 = el("button", {
      type: "button",
      class: "button small",
      text: "Read a file…",
      id,
      title: "One prompt a line, or JSONL with a chat a line",
      on: { click: picker.open }
    });
    return el("div", { class: "column-tools" }, button3, picker.input, el("span", { class: "hint", text: FORMS }));
  }

  // ui/lab/reply_length.js
  var NOW = " Sampling and the first seed are those that the chat is set to.";
  var MOST2 = 1e6;
  function tellLength(own, chat) {
    if (own && (!chat || own < chat.tokens)) return `up to ${own.toLocaleString("en")} tokens long`;
    if (!chat) return "as long as the chat’s settings say";
    const most2 = chat.tokens.toLocaleString("en");
    if (!chat.withPrompt) return `up to ${most2} tokens long, as the chat is set`;
    return `so long that it fills the context: ${most2} tokens with its prompt, as the chat is set (auto_max_new_tokens is on)`;
  }
  function replyLength(id) {
    const title = "The most tokens that a reply may have. Left empty: as many as in the chat.";
    const { node, input } = countField("Longest reply", title, { max: MOST2, id, placeholder: "chat’s" });
    const hint = el("p", { class: "hint", id: `${id}-told` });
    const update = () => setText(hint, `A reply may get ${tellLength(Number(input.value), store.state?.lab?.length)}.${NOW}`);
    input.addEventListener("input", guard("length", update));
    update();
    return {
      node,
      hint,
      update,
      get value() {
        return input.value;
      }
    };
  }

  // ui/lab/questions.js
  var MOST_SEEDS = 20;
  var [LOWEST2, HIGHEST2] = [76, 260];
  function questionForm() {
    const source = radioChoice("Ask", "lora-mixer-source", [
      ["chat", "The chat's last turn, asked again"],
      ["text", "A text of my own"],
      ["many", "Several prompts"]
    ]);
    const manner = radioChoice("Run", "lora-mixer-manner", [
      ["rows", "All in one batch"],
      ["alone", "One after the other"]
    ]);
    const seeds = countField(
      "Seeds",
      "1: the chat's own seed. More: that one and those that follow it, each as a row of its own.",
      {
        max: MOST_SEEDS,
        value: 1,
        id: "lora-mixer-seeds"
      }
    );
    const length = replyLength("lora-mixer-length");
    const text = textArea("Text", { rows: 3, placeholder: "Ask something" });
    text.node.id = "lora-mixer-text";
    const tools = promptsFile({ order: lab.order, field: text, read: () => grow(), id: "lora-mixer-prompts" });
    function grow() {
      text.input.style.height = "auto";
      text.input.style.height = `${clamp(text.input.scrollHeight + 2, LOWEST2, HIGHEST2)}px`;
    }
    text.input.addEventListener("input", grow);
    function look2() {
      const many2 = source.value === "many";
      text.node.hidden = source.value === "chat";
      tools.hidden = !many2;
      setText(text.name, many2 ? "Prompts" : "Text");
      setAttribute(text.input, "placeholder", many2 ? "What is the sea?\nHow do I make tea?" : "Ask something");
      text.complain("");
    }
    source.onChange(look2);
    look2();
    const compare = () => {
      if (lab.line.running) return;
      lab.begins("Waiting for the model …");
      lab.afterOrders(
        () => lab.send({
          do: "compare",
          source: (
            /** @type {Source} */
            source.value
          ),
          text: text.input.value,
          seeds: Number(seeds.input.value),
          length: length.value,
          batched: manner.value === "rows"
        })
      );
    };
    const start2 = el("button", {
      type: "button",
      class: "button primary big",
      text: "Compare",
      id: "lora-mixer-start",
      disabled: true,
      on: { click: compare }
    });
    const stop2 = el("button", {
      type: "button",
      class: "button big",
      text: "Stop",
      id: "lora-mixer-stop",
      disabled: true,
      on: { click: () => lab.order({ do: "stop" }) }
    });
    const bar = progressBar();
    const status = el("div", { class: "status", role: "status", id: "lora-mixer-status" });
    const cost = el("p", { class: "hint", id: "lora-mixer-cost", hidden: true });
    const why = el("div", { class: "why-not", id: "lora-mixer-why-not", hidden: true });
    return {
      node: el(
        "div",
        { class: "panel-card" },
        el("div", { class: "fields" }, source.node, seeds.node, length.node, manner.node),
        text.node,
        tools,
        length.hint,
        cost
      ),
      go: el("div", { class: "go" }, el("div", { class: "column-tools" }, start2, stop2), why, bar.node, status),
      update() {
        const { setup, line: line2 } = lab;
        length.update();
        showText(cost, store.state?.engine?.differs.rows ?? "");
        const trouble = setup?.trouble ?? "";
        start2.disabled = !setup || line2.running || trouble !== "";
        stop2.disabled = !line2.running;
        showText(why, trouble);
        setText(status, line2.text || "");
        bar.node.classList.toggle("is-idle", !line2.running);
        bar.update(line2.part);
      }
    };
  }

  // ui/lab/reply.js
  var button = (text, act, title, click) => el("button", { type: "button", class: "button small", text, title, data: { do: act }, on: { click } });
  var say = (answer) => lab.tell(saidBy(answer), !answer.refused);
  var reference = () => lab.sheet?.columns[lab.sheet.reference].letter ?? "";
  function replyCard({ letter, name: name2, row: row2, column, use, id }) {
    const label = titleOf({ letter, name: name2 });
    const notes = el("span", { class: "reply-notes" });
    const text = document.createTextNode("");
    const caret = el("span", { class: "caret", hidden: true });
    const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": `What ${label} says` }, text, caret);
    const take2 = use ? button(
      "Use this reply",
      "use",
      "It becomes another version of the chat's last reply",
      () => lab.use({ do: "use", column }, say)
    ) : null;
    const put = button(
      "Put on the desk",
      "desk",
      "The faders go where they stood for this column",
      () => lab.order({ do: "put on the desk", column }, say)
    );
    const collect = button(
      "Keep as a column",
      "collect",
      "Keep this mix as one more column",
      () => lab.order({ do: "collect", column }, say)
    );
    const like = button(
      "Like this one",
      "like",
      "One of the replies that the tab Learn finds a mix for",
      () => jobs.order({ do: "learn like", row: row2, column }, (answer) => lab.tell(saidBy(answer), !answer.refused))
    );
    const node = el(
      "article",
      { class: "reply", data: { row: String(row2), column: String(column) } },
      el("header", { class: "reply-head" }, el("b", { text: label, title: label }), notes),
      body,
      el("div", { class: "reply-actions" }, take2, put, collect, like)
    );
    if (id) {
      node.id = `lora-mixer-reply-${letter}`;
      if (take2) take2.id = `lora-mixer-use-${letter}`;
    }
    let drawn3 = null;
    function drawPieces(cell2) {
      const parts = markedPieces(cell2, row2, column);
      if (!parts.length) parts.push(el("span", { class: "faint", text: "(it said nothing)" }));
      body.replaceChildren(...parts);
    }
    function drawText(cell2) {
      if (drawn3 !== "text") body.replaceChildren(text, caret);
      if (!cell2.text.startsWith(text.data)) text.data = cell2.text;
      else if (cell2.text.length > text.data.length) text.appendData(cell2.text.slice(text.data.length));
    }
    function note(cell2) {
      const { leaves } = cell2;
      const said = cell2.n === 1 ? "1 token" : `${cell2.n} tokens`;
      const left = leaves === null ? "" : `leaves ${reference()} at token ${leaves + 1}`;
      setText(notes, cell2.s === "waiting" ? "" : [said, left, cell2.end, cell2.pace].filter(Boolean).join(" · "));
      const cut = cell2.end === "cut off" ? "It reached the length limit." : "";
      const first = leaves === null ? "" : `The first token that ${reference()} does not say is number ${leaves + 1}.`;
      notes.title = `${cut} ${first}`.trim();
    }
    return {
      node,
      /** @param {Cell} cell */
      update(cell2) {
        const running = lab.line.running && (cell2.s === "running" || cell2.s === "waiting");
        const key = cell2.pieces ? `pieces ${marksKey()}` : "text";
        if (cell2.fresh || drawn3 !== key) {
          cell2.fresh = false;
          if (cell2.pieces) drawPieces(cell2);
          else drawText(cell2);
          drawn3 = key;
        }
        caret.hidden = !running || cell2.s === "waiting";
        note(cell2);
        node.classList.toggle("is-waiting", cell2.s === "waiting");
        node.classList.toggle("is-done", cell2.s === "done");
        put.disabled = collect.disabled = lab.line.running;
        like.disabled = lab.line.running || !cell2.text;
        if (take2) take2.disabled = lab.line.running || !cell2.text;
      }
    };
  }

  // ui/lab/results.js
  var CHARACTERS = 4.3;
  var CHARACTER = 7.2;
  var LINE = 21;
  var SLIM = 400;
  function replyHeight(limit, width) {
    const lines = (limit || 128) * CHARACTERS / Math.max(20, width / CHARACTER);
    return Math.round(Math.min(Math.max(lines + 2, 6), 15) * LINE);
  }
  function toolbar2(body) {
    const reference2 = el("select", {
      class: "select",
      id: "lora-mixer-reference",
      "aria-label": "Reference column",
      on: { change: () => lab.order({ do: "reference", column: Number(reference2.value) }) }
    });
    const stretch = () => {
      const whole2 = body.classList.toggle("is-tall");
      setAttribute(tall, "aria-pressed", String(whole2));
    };
    const tall = el("button", {
      type: "button",
      class: "button small",
      text: "Whole replies",
      "aria-pressed": "false",
      title: "Show every reply in its full height",
      data: { do: "tall" },
      on: { click: stretch }
    });
    const note = el("span", { class: "hint" });
    const right = el("span", { class: "toolbar-right" });
    const label = el("label", { class: "inline" }, el("span", { class: "field-name", text: "Reference" }), reference2);
    return { node: el("div", { class: "toolbar", hidden: true }, label, right, tall, note), reference: reference2, note, right };
  }
  var promises = (columns) => columns.map(
    ({ letter }) => el(
      "article",
      { class: "reply", id: `lora-mixer-reply-${letter}` },
      el("header", { class: "reply-head" }, el("b", { text: letter })),
      el(
        "div",
        { class: "reply-text" },
        el("span", { class: "faint", text: `What column ${letter} says will stand here.` })
      )
    )
  );
  function rowOf({ grid }, cards) {
    if (!grid?.ys.length || grid.xs.length * grid.ys.length !== cards.length)
      return el("div", { class: "row-cards" }, ...cards);
    const n = grid.xs.length;
    const corner = el(
      "div",
      { class: "axis-corner" },
      el("span", { text: `${grid.x} →` }),
      el("span", { text: `${grid.y} ↓` })
    );
    const table3 = el("div", { class: "xy" }, corner, ...grid.xs.map((x) => el("div", { class: "axis-x", text: x })));
    table3.style.gridTemplateColumns = `minmax(70px, auto) repeat(${n}, minmax(220px, 1fr))`;
    grid.ys.forEach((y, j) => {
      table3.append(el("div", { class: "axis-y", text: y }), ...cards.slice(j * n, (j + 1) * n));
    });
    return el("div", { class: "xy-scroll" }, table3);
  }
  function resultCards() {
    const body = el("div", { class: "results", id: "lora-mixer-results" });
    const bar = toolbar2(body);
    const node = el("div", { class: "results-part" }, bar.node, body);
    let built = null;
    let cards = [];
    function build(sheet) {
      built = sheet;
      cards = sheet.rows.map(
        (_, row2) => sheet.columns.map(
          ({ letter, name: name2 }, column) => replyCard({ letter, name: name2, row: row2, column, use: sheet.use && row2 === 0, id: row2 === 0 })
        )
      );
      const nodes = sheet.rows.flatMap(({ label, seed }, r) => {
        const row2 = rowOf(
          sheet,
          cards[r].map((card3) => card3.node)
        );
        if (sheet.rows.length < 2) return [row2];
        const title = el("span", { class: "row-label", text: label, title: label });
        return [el("h4", { class: "row-head" }, title, el("span", { class: "hint", text: `seed ${seed}` })), row2];
      });
      body.replaceChildren(...nodes);
      setOptions(
        bar.reference,
        sheet.columns.map((column, c) => [String(c), titleOf(column)])
      );
      resize();
    }
    function empty() {
      const columns = lab.setup?.columns ?? [];
      const places = lab.setup ? `${columns.length} places` : "no places";
      if (built === places) return;
      built = places;
      body.replaceChildren(el("div", { class: "row-cards" }, ...promises(columns.slice(0, 4))));
    }
    function resize() {
      const first = body.querySelector(".lora-mixer-reply-text");
      if (!first) return;
      body.classList.toggle("is-slim", first.clientWidth < SLIM);
      if (lab.sheet) body.style.setProperty("--lm-reply", `${replyHeight(lab.sheet.limit, first.clientWidth || 280)}px`);
    }
    return {
      node,
      bar,
      resize,
      update() {
        const { sheet } = lab;
        bar.node.hidden = !sheet;
        if (!sheet) {
          empty();
          return;
        }
        if (built !== sheet) build(sheet);
        if (bar.reference.value !== String(sheet.reference)) bar.reference.value = String(sheet.reference);
        setText(bar.note, lab.note || "");
        sheet.cells.forEach((row2, r) => {
          row2.forEach((cell2, c) => {
            cards[r][c].update(cell2);
          });
        });
      }
    };
  }

  // ui/lab/sharing.js
  var READ_MB = 32;
  var FORMS2 = [
    ["html", "HTML", "A page that opens with no network"],
    ["csv", "CSV", "A table for spreadsheets"],
    ["jsonl", "JSONL", "All of it, to be read back here"]
  ];
  function complain({ refused }) {
    if (refused) lab.tell(refused.why);
  }
  var save = (form) => lab.order({ do: "save", form }, (answer) => {
    complain(answer);
    if (answer.file) download(answer.file.name, answer.file.text, `${answer.file.type};charset=utf-8`);
  });
  function sharing(results) {
    const buttons = FORMS2.map(
      ([form, text, title]) => el("button", {
        type: "button",
        class: "button small",
        text,
        title,
        id: `lora-mixer-save-${form}`,
        on: { click: () => save(form) }
      })
    );
    const read = (name2, data) => lab.order({ do: "read", name: name2, data }, complain);
    const picker = filePicker(".jsonl,.ndjson,.json", READ_MB, read, lab.tell);
    picker.input.id = "lora-mixer-read-file";
    const open = el("button", {
      type: "button",
      class: "button small",
      text: "Open a saved one…",
      title: "Show an experiment that was saved as JSONL",
      id: "lora-mixer-read",
      on: { click: picker.open }
    });
    const saving = el("span", { class: "inline" }, el("span", { class: "field-name", text: "Save as" }), ...buttons);
    results.node.append(el("div", { class: "toolbar sharing" }, saving, open, picker.input));
    return {
      update() {
        const { sheet, line: line2 } = lab;
        saving.hidden = !sheet;
        const nothing2 = !sheet || line2.running || !sheet.cells.some((row2) => row2.some((cell2) => cell2.s === "done"));
        for (const one of buttons) one.disabled = nothing2;
        open.disabled = line2.running;
      }
    };
  }

  // ui/lab/lab_page.js
  function labPage() {
    const columns = columnList();
    const questions = questionForm();
    const results = resultCards();
    const heading2 = el(
      "div",
      { class: "heading" },
      el("h3", { text: "Compare" }),
      el("span", { text: "Several settings, one prompt, the same dice." })
    );
    const root = el(
      "div",
      { class: "lab", id: "lora-mixer-compare" },
      heading2,
      columns.node,
      questions.node,
      questions.go,
      results.node
    );
    const parts = [columns, questions, results, differences(results), charts(root, results), sharing(results)];
    lab.onChange(() => {
      for (const part of parts) part.update();
    });
    return placed(root, "lora-mixer-lab", { narrow: 560, resized: results.resize, moved: lab.changed });
  }

  // ui/learn/material.js
  var FILE_MB = 20;
  var CHAT = "learn/chat";
  var FORMS3 = "A file has a chat a line (JSONL): OpenAI’s messages, prompt and completion, or ShareGPT’s conversations.";
  function exampleList(say2) {
    const items = el("ol", {
      class: "examples",
      id: "lora-mixer-learn-examples",
      tabindex: "0",
      "aria-label": "Examples"
    });
    const more = el("p", { class: "hint", hidden: true });
    const empty = el("p", { class: "learn-empty" });
    empty.append(
      "No examples yet. Compare some mixes on the tab ",
      el("button", {
        type: "button",
        class: "link",
        text: "Mix",
        on: { click: () => goTo("mix", "lora-mixer-compare") }
      }),
      " and press “Like this one” under the replies that you want more of; or type them, read a file, or take the chat."
    );
    const clear = askingButton(
      "Remove all",
      "Yes, remove all examples",
      { do: "clear-examples" },
      () => jobs.order({ do: "learn clear" }, (answer) => say2(saidBy(answer), !answer.refused))
    );
    const node = el("div", { class: "learn-list" }, empty, items, more);
    return {
      node,
      clear: clear.node,
      update() {
        const { examples = [], count = 0 } = learning.known ?? {};
        empty.hidden = count > 0;
        items.hidden = count === 0;
        clear.node.hidden = count < 2;
        showText(more, count > examples.length ? `and ${(count - examples.length).toLocaleString("en")} more` : "");
        keyed(
          items,
          examples,
          (one) => one.key,
          (one) => {
            const remove = el("button", {
              type: "button",
              class: "sign",
              text: "×",
              "aria-label": `Remove this example: ${one.prompt.slice(0, 60)}`,
              on: { click: () => jobs.order({ do: "learn remove", example: one.key }) }
            });
            return {
              node: el(
                "li",
                { class: "example" },
                el(
                  "div",
                  { class: "example-texts" },
                  el("div", { class: "example-prompt", text: one.prompt }),
                  el("div", { class: "example-reply", text: one.reply })
                ),
                el("span", { class: "badge", text: one.source }),
                remove
              )
            };
          }
        );
      }
    };
  }
  function typedForm(say2) {
    const prompt = textArea("Prompt", { rows: 2, id: "lora-mixer-learn-prompt", placeholder: "How do I make tea?" });
    const reply2 = textArea("The reply that you want", {
      rows: 2,
      id: "lora-mixer-learn-reply",
      placeholder: "Boil the water, matey, …"
    });
    const add = () => {
      const fields = { prompt, reply: reply2 };
      for (const field of Object.values(fields)) field.complain("");
      jobs.order({ do: "learn type", prompt: prompt.input.value, reply: reply2.input.value }, ({ refused }) => {
        if (refused) {
          const field = fields[
            /** @type {"prompt" | "reply"} */
            refused.at
          ];
          if (field) field.complain(refused.why);
          else say2(refused.why, false);
          return;
        }
        prompt.input.value = reply2.input.value = "";
        prompt.input.focus();
      });
    };
    const button3 = el("button", {
      type: "button",
      class: "button",
      text: "Add",
      id: "lora-mixer-learn-add",
      on: { click: add }
    });
    return el("div", { class: "learn-typed" }, prompt.node, reply2.node, button3);
  }
  function materialCard(say2) {
    const source = radioChoice("Learn from", "lora-mixer-learn-source", [
      ["replies", "Replies that I want"],
      ["votes", "My blind votes"]
    ]);
    const list3 = exampleList(say2);
    const file = filePicker(
      ".jsonl,.json",
      FILE_MB,
      (name2, data) => jobs.order({ do: "learn read", name: name2, data }, (answer) => say2(saidBy(answer), !answer.refused)),
      (why) => say2(why, false)
    );
    file.input.id = "lora-mixer-learn-file";
    const read = el("button", {
      type: "button",
      class: "button small",
      text: "Read a file…",
      title: FORMS3,
      on: { click: file.open }
    });
    const chat = el("button", {
      type: "button",
      class: "button small",
      text: "Take the chat’s replies",
      id: "lora-mixer-learn-chat",
      title: "Every reply of the chat as it stands, each after all that was said before it",
      on: { click: () => jobs.start({ do: "learn chat" }, CHAT) }
    });
    const chatLine = jobLine();
    const replies = el(
      "div",
      { class: "learn-replies" },
      list3.node,
      typedForm(say2),
      el("div", { class: "column-tools" }, read, file.input, chat, list3.clear),
      el("p", { class: "hint", text: FORMS3 }),
      chatLine.node
    );
    const count = el("p", { class: "learn-votes", id: "lora-mixer-learn-votes" });
    const vote = el("button", {
      type: "button",
      class: "link",
      text: "Vote on more pairs",
      on: { click: () => goTo("votes", "lora-mixer-votes-page") }
    });
    const votes2 = el("div", {}, count, vote);
    const node = el(
      "section",
      { class: "panel-card", id: "lora-mixer-learn-material", "aria-label": "What to learn from" },
      source.node,
      replies,
      votes2
    );
    source.onChange(() => {
      if (source.value === "votes") learning.countVotes();
      jobs.changed();
    });
    return {
      node,
      get source() {
        return (
          /** @type {"replies" | "votes"} */
          source.value
        );
      },
      update() {
        list3.update();
        replies.hidden = source.value !== "replies";
        votes2.hidden = source.value !== "votes";
        chat.disabled = jobs.job.running;
        chatLine.update(jobs.jobOf(CHAT));
        setText(count, votesInWords());
      }
    };
  }
  function votesInWords() {
    const { votes: votes2 } = learning;
    if (!votes2) return "Counting your votes …";
    if (votes2.why) return votes2.why;
    const there = `${votes2.count.toLocaleString("en")} ${votes2.count === 1 ? "vote" : "votes"} on replies of this model say which of two is better`;
    return votes2.count < votes2.needed ? `${there}; it takes ${votes2.needed} to tell anything. “As good” and “both bad” tell nothing.` : `${there}.`;
  }

  // ui/learn/chart_scale.js
  function axisOf(values, zero = false) {
    const lowest = zero ? 0 : Math.min(...values);
    const highest2 = Math.max(...values, lowest);
    const room = (highest2 - lowest) * 0.08 || Math.abs(highest2) * 0.05 || 1;
    const min = zero ? 0 : lowest - room;
    const max = highest2 + room;
    return { min, max, at: (value) => (value - min) / (max - min), ticks: roundTicks(min, max) };
  }
  var writeNats2 = (value) => String(Number(value.toPrecision(Math.abs(value) < 0.1 ? 2 : 3)));
  function levelsAt(points) {
    return points.flatMap((point, place) => {
      const before = points[place - 1];
      const begins = point.numbers > 0 && (!before || before.numbers !== point.numbers);
      return begins ? [{ place, numbers: point.numbers }] : [];
    });
  }

  // ui/learn/gain_map.js
  function mapOf2(adapter, { before, after }) {
    const index = indexTargets(adapter);
    const max = Math.max(1.5, ...after);
    const names = [...adapter.layers.map(String), ...index.loose ? ["–"] : []];
    const columns = `minmax(70px, max-content) repeat(${index.cols}, minmax(9px, 26px))`;
    const head = names.map((name2, i) => el("span", { class: "map-layer", text: i % 5 === 0 ? name2 : "" }));
    const rows = adapter.kinds.flatMap((kind, r) => [
      el("span", { class: "map-kind", text: kind, title: kind }),
      ...names.map((layer, col) => {
        const members = [...membersOf(index, r * index.cols + col)];
        if (!members.length) return el("span", { class: "map-cell is-none" });
        const now = members.map((i) => after[i]);
        const was = members.map((i) => before[i]);
        const mean = now.reduce((sum, gain) => sum + gain, 0) / now.length;
        const look2 = lookAt(mean, max);
        const [from, to] = [was, now].map((all2) => writeRange(Math.min(...all2), Math.max(...all2), writeGain));
        const cell2 = el("span", {
          class: `map-cell${look2 ? "" : " is-silent"}${isDark(look2) ? " is-dark" : ""}`,
          title: `layer ${layer}, ${kind}: ${to} (was ${from})`,
          text: look2 && names.length <= 32 && mean !== 1 ? writeTiny(mean) : ""
        });
        cell2.style.backgroundColor = colour(look2);
        return cell2;
      })
    ]);
    const body = el(
      "div",
      { class: "map", role: "img", "aria-label": `Gains that were learned for ${adapter.name}, layer by kind` },
      el("span"),
      ...head,
      ...rows
    );
    body.style.gridTemplateColumns = columns;
    return el("div", { class: "map-scroll" }, el("b", { text: adapter.name }), body);
  }
  function list2(title, moved2, count) {
    if (!moved2.length) return null;
    const lines = moved2.map(
      ([label, before, after]) => el(
        "li",
        {},
        el("span", { text: label }),
        el("span", { class: "moved-gain", text: `${writeGain(before)} → ${writeGain(after)}` })
      )
    );
    const more = count > moved2.length ? el("li", { class: "faint", text: `and ${count - moved2.length} more` }) : null;
    return el(
      "div",
      {},
      el("span", { class: "field-name", text: title }),
      el("ul", { class: "plain moved" }, ...lines, more)
    );
  }
  function gainMap() {
    const title = el("h4", { text: "What hurt, and what helped" });
    const hint = el("p", { class: "hint" });
    const maps = el("div", { class: "maps" });
    const lists = el("div", { class: "learn-moved" });
    const node = el(
      "section",
      { class: "learn-map", hidden: true, id: "lora-mixer-learn-map" },
      title,
      hint,
      maps,
      lists
    );
    return {
      node,
      update() {
        const found = learning.attempt?.found;
        const adapters = (store.state?.adapters ?? []).filter(
          ({ name: name2, targets }) => found?.gains[name2]?.after.length === targets.length
        );
        node.hidden = !found?.learned;
        if (!found || node.hidden) return;
        setText(
          hint,
          "What it turned down to nothing (hollow) was in the way; what it turned up (warm) helped. A cell is a layer's target."
        );
        whenChanged(node, [found.gains, found.moved, adapters.map((one) => one.name)], () => {
          maps.replaceChildren(...adapters.map((adapter) => mapOf2(adapter, found.gains[adapter.name])));
          const { down, up, count } = found.moved;
          const both = [list2("Turned down", down, count[0]), list2("Turned up", up, count[1])];
          lists.replaceChildren(...both.filter((one) => one !== null));
        });
      }
    };
  }

  // ui/learn/chart.js
  var EDGE = { left: 46, right: 14, top: 10, bottom: 38 };
  var STEPS2 = (
    /** @type {Record<string, number>} */
    { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }
  );
  function chart({ name: name2, below: below3, beside, height, choose }) {
    const frame = svg("svg", { class: "lora-mixer-chart-frame", height, "aria-hidden": "true" });
    const spots = el("div", { class: "chart-spots", role: "group", "aria-label": `${name2}: mixes on the way` });
    const told = el("div", { class: "hint chart-told", role: "status" });
    const area = el("div", { class: "chart-area" }, frame, spots);
    const node = el("figure", { class: "chart" }, el("figcaption", { class: "field-name", text: name2 }), area, told);
    area.style.height = `${height}px`;
    const buttons = [];
    let at = 0;
    function go(next) {
      if (!buttons[next]) return;
      buttons[at]?.setAttribute("tabindex", "-1");
      at = next;
      buttons[at].setAttribute("tabindex", "0");
      buttons[at].focus();
    }
    spots.addEventListener(
      "keydown",
      guard("a mix on the way", (event) => {
        const last3 = buttons.length - 1;
        const next = { Home: 0, End: last3 }[event.key] ?? (event.key in STEPS2 ? at + STEPS2[event.key] : null);
        if (next === null) return;
        event.preventDefault();
        go(Math.max(0, Math.min(last3, next)));
      })
    );
    function place(all2) {
      while (buttons.length > all2.length) buttons.pop()?.remove();
      while (buttons.length < all2.length) {
        const mine = buttons.length;
        const button3 = el("button", { type: "button", class: "chart-spot", tabindex: "-1" });
        button3.addEventListener(
          "click",
          guard("a mix on the way", () => {
            at = mine;
            choose(Number(button3.dataset.place));
          })
        );
        for (
          const type of
          /** @type {const} */
          ["focus", "pointerenter"]
        )
          button3.addEventListener(type, () => setText(told, button3.title));
        buttons.push(button3);
        spots.append(button3);
      }
      at = Math.min(at, Math.max(0, all2.length - 1));
      all2.forEach((spot, i) => {
        const button3 = buttons[i];
        button3.dataset.place = String(spot.place);
        button3.style.left = `${spot.x}px`;
        button3.style.top = `${spot.y}px`;
        button3.classList.toggle("is-best", spot.best);
        setAttribute(button3, "title", spot.words);
        setAttribute(button3, "aria-label", `${spot.words}. Put it on the desk`);
        setAttribute(button3, "tabindex", i === at ? "0" : "-1");
      });
    }
    return {
      node,
      /** @param {Node} key what its lines are */
      legend: (key) => area.before(key),
      /**
       * @param {Axis} across
       * @param {Axis} up
       * @param {(to: {x: (value: number) => number, y: (value: number) => number}) => {lines: Node[], spots: Spot[]}} paint
       * @param {boolean} [down] whether small numbers stand on top
       */
      draw(across, up, paint, down = false) {
        const width = Math.max(240, area.clientWidth || 460);
        const inner = { width: width - EDGE.left - EDGE.right, height: height - EDGE.top - EDGE.bottom };
        const x = (value) => EDGE.left + across.at(value) * inner.width;
        const y = (value) => EDGE.top + (down ? up.at(value) : 1 - up.at(value)) * inner.height;
        const { lines, spots: all2 } = paint({ x, y });
        setAttribute(frame, "width", String(width));
        setAttribute(frame, "viewBox", `0 0 ${width} ${height}`);
        const ground = EDGE.top + inner.height;
        const every = across.ticks.length * 44 > inner.width ? 2 : 1;
        frame.replaceChildren(
          ...up.ticks.flatMap((tick2) => [
            svg("line", {
              x1: EDGE.left,
              x2: width - EDGE.right,
              y1: y(tick2),
              y2: y(tick2),
              class: "lora-mixer-chart-rule"
            }),
            letters(EDGE.left - 6, y(tick2) + 4, writeNats2(tick2), "end")
          ]),
          svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: ground, y2: ground, class: "lora-mixer-chart-axis" }),
          ...across.ticks.filter((_, i) => i % every === 0).map((tick2) => letters(x(tick2), ground + 15, writeNats2(tick2), "middle")),
          letters(EDGE.left + inner.width / 2, height - 5, below3, "middle", "lora-mixer-chart-title"),
          turned(letters(0, 0, beside, "middle", "lora-mixer-chart-title"), 11, EDGE.top + inner.height / 2),
          ...lines
        );
        place(all2);
      },
      /** @param {number | null} place the mix that is on the desk */
      mark(place2) {
        for (const button3 of buttons)
          setAttribute(button3, "aria-pressed", String(Number(button3.dataset.place) === place2));
      }
    };
  }
  function letters(x, y, text, anchor, kind = "lora-mixer-chart-number") {
    const node = svg("text", { x, y, "text-anchor": anchor, class: kind });
    node.textContent = text;
    return node;
  }
  function turned(node, x, y) {
    node.setAttribute("transform", `translate(${x} ${y}) rotate(-90)`);
    return node;
  }
  var path = (points, kind) => svg("polyline", {
    points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "),
    class: `lora-mixer-chart-line ${kind}`
  });

  // ui/learn/mixes.js
  var HEIGHT3 = 240;
  var NOTHING_KEPT = "What it costs the rest is not known: nothing was chosen that is to stay.";
  function words2({ best, source }, point, place) {
    const unit = source === "votes" ? "a vote" : "a token";
    const name2 = place === 0 ? "Where it began" : place === best ? `Mix ${place}, the best` : `Mix ${place}`;
    const parts = [
      point.unseen !== null && `unseen ${writeNats2(point.unseen)} nats ${unit}`,
      point.changed !== null && `elsewhere changed by ${writeNats2(point.changed)}`,
      point.numbers > 0 && `${point.numbers} ${point.numbers === 1 ? "number" : "numbers"}`
    ];
    return `${name2}: ${parts.filter(Boolean).join(", ")}`;
  }
  function mixesOnTheWay(say2) {
    const choose = (place) => {
      const { attempt } = learning;
      if (!attempt) return;
      moveWithUndo({ do: "learn put", place }, `Mix ${place} of learning is on the desk.`, (answer) => {
        if (!answer.refused) hears(attempt.key, place);
        say2(saidBy(answer), !answer.refused);
      });
    };
    const curve = chart({ name: "Step by step", below: "mix", beside: "nats, less is likelier", height: HEIGHT3, choose });
    const worth = chart({
      name: "How well it speaks like the examples, against what it changes elsewhere",
      below: "change elsewhere, in nats",
      beside: "unseen, likelier upwards",
      height: HEIGHT3,
      choose
    });
    const key = el(
      "div",
      { class: "chart-key" },
      el("span", { class: "key-unseen", text: "unseen: held out" }),
      el("span", { class: "key-seen", text: "seen: learned from" })
    );
    const none = el("p", { class: "hint", hidden: true });
    const hint = el("p", {
      class: "hint",
      text: "Each dot is a mix that can be heard: press it, and it is on the desk; arrow keys go from one to the next. The large one is the best: unseen replies and what is to stay, taken together."
    });
    curve.legend(key);
    const node = el(
      "div",
      { class: "learn-mixes" },
      el("div", { class: "learn-charts" }, curve.node, worth.node),
      none,
      hint
    );
    function drawCurve(attempt) {
      const { points, best } = attempt;
      const known5 = points.flatMap((point) => [point.seen, point.unseen]).filter((value) => value !== null);
      const steps = Math.max(1, points.length - 1);
      const across = { min: 0, max: steps, at: (v) => v / steps, ticks: wholeTicks(steps) };
      curve.draw(across, axisOf(known5), ({ x, y }) => {
        const line2 = (which) => points.flatMap((point, place) => {
          const value = point[which];
          return value === null ? [] : [
            /** @type {[number, number]} */
            [x(place), y(value)]
          ];
        });
        const levels = levelsAt(points).flatMap(({ place, numbers }) => {
          const left = x(Math.max(0, place - 0.5));
          return [
            svg("line", { x1: left, x2: left, y1: 10, y2: HEIGHT3 - 38, class: "lora-mixer-chart-level" }),
            letters(left + 4, 20, numbers === 1 ? "1 number" : `${numbers} numbers`, "start")
          ];
        });
        return {
          lines: [...levels, path(line2("seen"), "is-seen"), path(line2("unseen"), "is-unseen")],
          spots: points.flatMap(
            (point, place) => point.unseen === null ? [] : [{ place, x: x(place), y: y(point.unseen), words: words2(attempt, point, place), best: place === best }]
          )
        };
      });
    }
    function drawWorth(attempt) {
      const { points, best, base } = attempt;
      const there = points.flatMap(
        (point, place) => point.unseen === null || point.changed === null ? [] : [{ place, point, x: point.changed, y: point.unseen }]
      );
      const across = axisOf(
        there.map((one) => one.x),
        true
      );
      const up = axisOf([...there.map((one) => one.y), ...base === null ? [] : [base]]);
      worth.draw(
        across,
        up,
        ({ x, y }) => {
          const lines = [
            path(
              there.map((one) => (
                /** @type {[number, number]} */
                [x(one.x), y(one.y)]
              )),
              "is-way"
            )
          ];
          if (base !== null) {
            lines.push(svg("circle", { cx: x(0), cy: y(base), r: 4, class: "lora-mixer-chart-base" }));
            lines.push(letters(x(0) + 8, y(base) + 4, "the base model", "start"));
          }
          return {
            lines,
            spots: there.map(({ place, point, ...one }) => ({
              place,
              x: x(one.x),
              y: y(one.y),
              words: words2(attempt, point, place),
              best: place === best
            }))
          };
        },
        true
      );
    }
    return {
      node,
      /** @param {boolean} [again] the page has another width */
      update(again = false) {
        const { attempt } = learning;
        const points = attempt?.points ?? [];
        node.hidden = points.length < 2;
        if (!attempt || node.hidden) return;
        const kept2 = points.some((point) => point.changed !== null);
        worth.node.hidden = !kept2;
        showText(none, kept2 ? "" : NOTHING_KEPT);
        whenChanged(node, [points, attempt.best, attempt.base, again ? performance.now() : node.clientWidth], () => {
          drawCurve(attempt);
          if (kept2) drawWorth(attempt);
        });
        const heard2 = onTheDesk(attempt.key);
        curve.mark(heard2);
        worth.mark(heard2);
      }
    };
  }
  function wholeTicks(steps) {
    const by = Math.max(1, Math.ceil(steps / 11));
    return Array.from({ length: Math.floor(steps / by) + 1 }, (_, i) => i * by);
  }

  // ui/learn/outcome.js
  function bars({ before, after, low, high }, unit) {
    if (before === null || after === null) return [];
    const top = Math.max(before, after) * 1.08 || 1;
    const row2 = (name2, value, sure) => {
      const fill2 = el("span", { class: `worth-fill ${sure ? "is-before" : "is-after"}` });
      fill2.style.width = `${value / top * 100}%`;
      const band = !sure && low !== null && high !== null ? el("span", { class: "worth-band" }) : null;
      if (band && low !== null && high !== null) {
        band.style.left = `${Math.max(0, (before - high) / top * 100)}%`;
        band.style.right = `${Math.max(0, 100 - (before - low) / top * 100)}%`;
        band.title = "with 90 % confidence";
      }
      return el(
        "div",
        { class: "worth-row" },
        el("span", { class: "worth-name", text: name2 }),
        el("span", { class: "worth-track", "aria-hidden": "true" }, fill2, band),
        el("span", { class: "worth-number", text: `${writeNats2(value)} ${unit}` })
      );
    };
    return [row2("Before", before, true), row2("After", after, false)];
  }
  function outcomeCard() {
    const title = el("h4", { class: "learn-headline", role: "status", id: "lora-mixer-learn-headline" });
    const worth = el("div", { class: "worth", role: "group", "aria-label": "Before and after, of replies held out" });
    const lines = el("ul", { class: "plain learn-lines" });
    const said = messageLine("lora-mixer-learn-said");
    const back = el("div", { class: "learn-undo", hidden: true });
    const backText = el("span");
    back.append(
      backText,
      el("button", {
        type: "button",
        class: "button small",
        text: "Undo",
        id: "lora-mixer-learn-undo",
        on: { click: undo2 }
      })
    );
    const put = el("button", {
      type: "button",
      class: "button primary",
      text: "Put on the desk",
      id: "lora-mixer-learn-put",
      title: "The faders go where they were learned to stand; Undo puts them back",
      on: {
        click: () => {
          const { attempt } = learning;
          moveWithUndo({ do: "learn put" }, "The mix that was learned is on the desk.", (answer) => {
            if (!answer.refused && attempt && attempt.best !== null) hears(attempt.key, attempt.best);
            said.say(answer.refused?.why ?? "", false);
          });
        }
      }
    });
    const compare = el("button", {
      type: "button",
      class: "button",
      text: "Compare with as loaded and the base",
      id: "lora-mixer-learn-compare",
      title: "Three columns on the tab Mix, the same dice; asked what was held out",
      on: { click: compareNow }
    });
    const bake = el("button", {
      type: "button",
      class: "button",
      text: "Bake it…",
      id: "lora-mixer-learn-bake",
      on: {
        click: () => {
          learning.toBake = true;
          goTo("adapters", "lora-mixer-bake");
          jobs.changed();
        }
      }
    });
    const name2 = textField("Keep as a profile", {
      id: "lora-mixer-learn-name",
      maxlength: 120,
      placeholder: "learned-softer"
    });
    const keepAs = (overwrite) => {
      name2.complain("");
      if (!name2.input.value.trim()) {
        name2.complain("It needs a name.");
        name2.input.focus();
        return;
      }
      jobs.order({ do: "learn keep", name: name2.input.value, overwrite }, (answer) => {
        if (answer.refused) name2.complain(answer.refused.why);
        else said.say(answer.said, true);
        over.node.hidden = !answer.refused || overwrite || !/already|exists|taken/i.test(answer.refused.why);
      });
    };
    const keep2 = el("button", {
      type: "button",
      class: "button",
      text: "Keep",
      id: "lora-mixer-learn-keep",
      on: { click: () => keepAs(false) }
    });
    const over = askingButton("Overwrite it…", "Yes, overwrite it", { do: "learn-overwrite" }, () => keepAs(true));
    over.node.hidden = true;
    name2.input.addEventListener("input", () => {
      over.node.hidden = true;
    });
    const actions = el(
      "div",
      { class: "learn-actions" },
      el("div", { class: "column-tools" }, put, compare, bake),
      el("div", { class: "fields learn-keep" }, name2.node, keep2, over.node)
    );
    const misfit = el("div", { class: "why-not", hidden: true });
    const mixes = mixesOnTheWay((text, good) => said.say(good ? "" : text, good));
    const map = gainMap();
    const node = el(
      "section",
      { class: "panel-card", id: "lora-mixer-learn-outcome", "aria-label": "What came of it", hidden: true },
      title,
      worth,
      lines,
      misfit,
      actions,
      back,
      said.node,
      mixes.node,
      map.node
    );
    function compareNow() {
      jobs.order({ do: "learn columns" }, (answer) => {
        if (answer.refused) {
          said.say(answer.refused.why, false);
          return;
        }
        lab.look();
        goTo("mix", "lora-mixer-compare");
        if (!answer.ask || lab.line.running) {
          lab.tell(saidBy(answer), true);
          return;
        }
        const ask = answer.ask;
        lab.begins("Waiting for the model …");
        lab.afterOrders(
          () => lab.send({ do: "compare", source: "many", text: ask, seeds: 1, length: "", batched: true })
        );
      });
    }
    function headline({ running, failed, found, source, count }) {
      if (running)
        return `Learning from ${count.toLocaleString("en")} ${source === "votes" ? "votes" : "replies"} …`;
      return failed ? `This did not work: ${failed}` : found?.headline ?? "";
    }
    return {
      node,
      /** @param {boolean} [again] the page has another width */
      update(again) {
        const { attempt } = learning;
        node.hidden = !attempt;
        if (!attempt) return;
        const { found } = attempt;
        setText(title, headline(attempt));
        title.classList.toggle("is-good", found?.learned === true);
        title.classList.toggle("is-wrong", attempt.failed !== "");
        whenChanged(
          worth,
          [found?.learned, found?.before, found?.after, found?.low, found?.high],
          () => worth.replaceChildren(
            ...found?.learned ? bars(found, attempt.source === "votes" ? "nats a vote" : "nats a token") : []
          )
        );
        worth.hidden = !worth.childElementCount;
        whenChanged(
          lines,
          found?.lines ?? [],
          () => lines.replaceChildren(...(found?.lines ?? []).map((text) => el("li", { text })))
        );
        showText(misfit, attempt.misfit);
        actions.hidden = !found?.learned;
        put.disabled = compare.disabled = bake.disabled = keep2.disabled = attempt.misfit !== "";
        const way = undoableText();
        back.hidden = !way;
        setText(backText, way);
        mixes.update(again);
        map.update();
      }
    };
  }

  // ui/learn/wish.js
  var LEVELS = [
    ["masters", "Masters", "One number for each adapter", true],
    ["kinds", "Kinds", "One for each kind of target: q_proj, down_proj …", true],
    ["layers", "Layers", "One for each layer", true],
    ["targets", "Single targets", "One for each target: many numbers, and more examples are needed to find them", false]
  ];
  var FEW = "Learning needs at least two examples: one to learn from, and one to see whether it holds for others.";
  function tick(text, value, title) {
    const input = el("input", { type: "checkbox", class: "tick", value });
    return { input, node: el("label", { class: "choice", title }, input, el("span", { text })) };
  }
  function levelBoxes() {
    const boxes = LEVELS.map(([level, text, title, chosen]) => {
      const box = tick(text, level, title);
      box.input.checked = chosen;
      return box;
    });
    const legend2 = el("legend", { class: "field-name", text: "Over" });
    const node = el(
      "fieldset",
      { class: "choices", id: "lora-mixer-learn-over" },
      legend2,
      ...boxes.map((one) => one.node)
    );
    return {
      node,
      get chosen() {
        return boxes.filter((one) => one.input.checked).map((one) => (
          /** @type {Level} */
          one.input.value
        ));
      },
      /** @param {boolean} off */
      disable(off) {
        for (const { input } of boxes) input.disabled = off;
      }
    };
  }
  function faderBoxes({ name: name2, kinds, layers }) {
    const all2 = [
      ["master", "master"],
      ...kinds.map((kind) => (
        /** @type {[string, string]} */
        [`kind:${kind}`, kind]
      )),
      ...layers.map((layer) => (
        /** @type {[string, string]} */
        [`layer:${layer}`, `layer ${layer}`]
      ))
    ];
    const boxes = all2.map(([key, text]) => tick(text, key));
    const legend2 = el("legend", { class: "field-name", text: name2 });
    const node = el("fieldset", { class: "choices tick-many" }, legend2, ...boxes.map((one) => one.node));
    return {
      node,
      get chosen() {
        return boxes.filter((one) => one.input.checked).map((one) => one.input.value);
      }
    };
  }
  function singleFaders() {
    const body = el("div", { class: "tick-adapters" });
    body.addEventListener("change", () => jobs.changed());
    const section = foldable("learn/single", "Only faders that I tick", false, body, () => jobs.changed());
    const parts = /* @__PURE__ */ new Map();
    return {
      node: section.node,
      /** @returns {Record<string, string[]>} */
      get chosen() {
        const found = {};
        for (const [name2, part] of parts) if (part.chosen.length) found[name2] = part.chosen;
        return found;
      },
      update() {
        if (!section.open) return;
        keyed(
          body,
          store.state?.adapters ?? [],
          (adapter) => JSON.stringify([adapter.name, adapter.kinds, adapter.layers]),
          (adapter) => {
            const part = faderBoxes(adapter);
            parts.set(adapter.name, part);
            return part;
          },
          () => {
          },
          (part) => {
            for (const [name2, one] of parts) if (one === part) parts.delete(name2);
          }
        );
      },
      /** @param {number} count */
      tell(count) {
        setText(section.digest, count ? `${count} ticked: only these are learned` : "");
      }
    };
  }
  function wishCard(source) {
    const over = levelBoxes();
    const single = singleFaders();
    const keep2 = radioChoice("What is to stay as the base model has it", "lora-mixer-learn-keep", [
      ["base", "Its own replies to everyday questions"],
      ["texts", "Texts of my own"],
      ["none", "Nothing"]
    ]);
    const texts = textArea("Texts that are to stay, apart by a line with ---", {
      rows: 3,
      id: "lora-mixer-learn-keep-texts",
      placeholder: "A few sentences that have nothing to do with the examples"
    });
    const pull = radioChoice("Where nothing speaks for it, gains", "lora-mixer-learn-pull", [
      ["loaded", "stay where the faders stand"],
      ["silent", "go to 0: as few targets as possible"]
    ]);
    const steps = textField("Steps for each of these, at most", {
      id: "lora-mixer-learn-steps",
      inputmode: "numeric",
      placeholder: "8"
    });
    const seed = textField("Seed of what is held out", {
      id: "lora-mixer-learn-seed",
      inputmode: "numeric",
      placeholder: "0"
    });
    const more = foldable(
      "learn/more",
      "More",
      false,
      el("div", { class: "fields" }, pull.node, steps.node, seed.node),
      () => {
      }
    );
    const start2 = el("button", {
      type: "button",
      class: "button primary big",
      text: "Learn",
      id: "lora-mixer-learn-start",
      on: { click: begin }
    });
    const why = el("div", { class: "why-not", id: "lora-mixer-learn-why", role: "status", hidden: true });
    const line2 = jobLine();
    const hint = el("p", {
      class: "hint",
      text: "It begins where the faders stand now and moves none of them: what it finds is put on the desk by you. A quarter of the examples is held out. Detail is added only while those gain by it."
    });
    const node = el(
      "section",
      { class: "panel-card", id: "lora-mixer-learn-wish", "aria-label": "How to learn" },
      over.node,
      single.node,
      keep2.node,
      texts.node,
      more.node,
      hint,
      el("div", { class: "column-tools" }, start2),
      why,
      line2.node
    );
    keep2.onChange(() => jobs.changed());
    function begin() {
      jobs.start(
        {
          do: "learn",
          source: source(),
          over: over.chosen,
          faders: single.chosen,
          keep: (
            /** @type {"base" | "texts" | "none"} */
            keep2.value
          ),
          texts: keep2.value === "texts" ? texts.input.value : "",
          pull: (
            /** @type {"loaded" | "silent"} */
            pull.value
          ),
          seed: seed.input.value.trim(),
          steps: steps.input.value.trim()
        },
        LEARN
      );
    }
    function whyNot2() {
      const { state } = store;
      if (!state) return "";
      if (state.trouble) return `${state.trouble.title}: ${state.trouble.advice}`;
      if (!state.adapters.length) return "There is no adapter on the desk.";
      const count = learning.known?.count ?? 0;
      return source() === "replies" && count < 2 ? FEW : "";
    }
    return {
      node,
      update() {
        single.update();
        const ticked = Object.values(single.chosen).reduce((sum, keys) => sum + keys.length, 0);
        single.tell(ticked);
        over.disable(ticked > 0);
        texts.node.hidden = keep2.value !== "texts";
        const reason = whyNot2();
        showText(why, reason);
        const job = jobs.jobOf(LEARN);
        start2.disabled = reason !== "" || jobs.job.running || !ticked && !over.chosen.length;
        const busy = jobs.job.running && !job.running ? "Something else is being done with the adapters" : "";
        setAttribute(start2, "title", busy);
        line2.update(job);
      }
    };
  }

  // ui/learn/learn_page.js
  function learnPage() {
    const said = messageLine("lora-mixer-learn-message");
    const material = materialCard((text, good) => said.say(text, good));
    const wish = wishCard(() => material.source);
    const outcome = outcomeCard();
    const heading2 = el(
      "div",
      { class: "heading" },
      el("h3", { text: "Learn" }),
      el("span", { text: "Which gains make the model speak like replies that you want? No weight changes." })
    );
    const elsewhere = el("p", {
      class: "learn-elsewhere",
      id: "lora-mixer-learn-elsewhere",
      role: "status",
      hidden: true
    });
    const cards = el("div", { class: "learn-cards" }, material.node, wish.node);
    const root = el(
      "div",
      { class: "lab", id: "lora-mixer-learn-page" },
      heading2,
      said.node,
      elsewhere,
      cards,
      outcome.node
    );
    let visible2 = false;
    let told = "";
    const update = (again = false) => {
      if (!visible2) return;
      const lacks = store.state?.engine?.whyNot.learn ?? "";
      showText(elsewhere, lacks);
      cards.hidden = lacks !== "";
      if (!lacks) {
        material.update();
        wish.update();
      }
      outcome.update(again);
    };
    const place = placed(root, "lora-mixer-learn-place", {
      narrow: 640,
      moved: jobs.changed,
      resized: () => update(true),
      seen: (now) => {
        if (now && !visible2) {
          learning.look();
          if (material.source === "votes") learning.countVotes();
        }
        visible2 = now;
        jobs.changed();
      }
    });
    jobs.onChange(() => {
      update();
      const { what, text, running } = jobs.job;
      const now = what === LEARN ? `${running} ${text}` : "";
      if (now === told || !visible2) return;
      told = now;
      if (now) learning.look();
    });
    store.onChange(jobs.changed);
    return {
      ...place,
      tick() {
        if (visible2) learning.look();
      }
    };
  }

  // ui/votes/votes.js
  var WAITING_MS = 500;
  var { onChange: onChange4, changed: changed4 } = frames("votes");
  var timer2;
  var channel5 = openChannel("votes", {
    hear({ session, columns, trouble, keeps, past, more, broken, all: all2 }) {
      const told = { session, columns, trouble, keeps, past, more, broken, all: all2 };
      Object.assign(votes, Object.fromEntries(Object.entries(told).filter(([, value]) => value !== void 0)));
      votes.known = true;
      changed4();
    },
    looks: ["look", "standing", "save"]
  });
  var seen = () => ({ known: votes.session && [votes.session.key, votes.session.rev] });
  var votes = {
    known: false,
    /** @type {Session | null} */
    session: null,
    /** @type {ColumnTitle[]} */
    columns: [],
    trouble: "",
    keeps: true,
    /** @type {Experiment[]} */
    past: [],
    more: false,
    broken: "",
    /** @type {AllVotes | null} */
    all: null,
    shown: false,
    // whether the page of votes is on screen
    /** fn runs, at most once a frame, after anything changed. */
    onChange: onChange4,
    changed: changed4,
    answered: channel5.answered,
    /**
     * Ask Python something; then gets what it says.
     *
     * @param {VotesOrder} message
     * @param {(answer: VotesAnswer) => void} [then]
     */
    order: (message, then) => channel5.order({ ...message, ...seen() }, then),
    /**
     * Begin a session, or go on with one: for these Python needs the chat, so they have a box of their own.
     *
     * @param {VotesStart} message
     * @param {(answer: VotesAnswer) => void} [then]
     */
    begin: (message, then) => channel5.order({ ...message, ...seen() }, then, "start"),
    /** @param {boolean} [all] what is kept, too */
    look(all2 = false) {
      if (channel5.idle) votes.order({ do: "look", all: all2 });
    },
    tick() {
      if (votes.shown && !document.hidden) votes.look(!votes.session || !votes.known);
    },
    /** While replies are on their way, look often; else as often as the page's tick does. */
    start() {
      timer2 = setTimeout(
        guard("following", () => {
          if (votes.shown && !document.hidden && votes.session?.generating) votes.look();
          votes.start();
        }),
        WAITING_MS
      );
    }
  };
  onStop(() => clearTimeout(timer2));

  // ui/votes/standing.js
  var percent2 = (share) => `${Math.round(share * 100)}%`;
  var cell = (text, title) => el("td", { text: String(text), title });
  function rate({ share, low, high, sure }) {
    if (share === null) return el("td", { class: "won" }, el("span", { class: "faint", text: "no vote chose a side" }));
    const range = `${percent2(low)} to ${percent2(high)}`;
    const band = el("span", { class: "won-band" });
    band.style.left = `${low * 100}%`;
    band.style.right = `${(1 - high) * 100}%`;
    const dot = el("span", { class: "won-dot" });
    dot.style.left = `${share * 100}%`;
    return el(
      "td",
      { class: "won", title: `95% interval ${range}; ${sure}` },
      el("span", { class: "won-share", text: percent2(share) }),
      el("span", { class: "won-track", "aria-hidden": "true" }, band, dot),
      el("span", { class: "won-range", text: range })
    );
  }
  function line(row2, ranked, say2) {
    const put = el("button", {
      type: "button",
      class: "button small",
      text: "Put on the desk",
      data: { do: "put" },
      title: `The faders go where they stood for ${row2.label}`,
      on: { click: () => votes.order({ do: "put", mix: row2.mix, label: row2.label }, say2) }
    });
    return el(
      "tr",
      {},
      cell(row2.place),
      el("th", { scope: "row", text: row2.label || "–" }),
      rate(row2),
      cell(row2.wins),
      cell(row2.losses),
      cell(row2.ties),
      cell(row2.bad),
      ranked && cell(row2.strength.toFixed(2), "Bradley-Terry; the mean of those that met is 0"),
      el("td", { class: "act" }, put)
    );
  }
  function table2({ rows }, say2) {
    const ranked = rows.length > 2;
    const groups = [...new Set(rows.map((row2) => row2.group))];
    const strength = ranked ? ["Strength"] : [];
    const names = [
      "Place",
      "Mix",
      "Won, of the votes that chose a side",
      "Won",
      "Lost",
      "As good",
      "Both bad",
      ...strength,
      ""
    ];
    const heads = names.map((text) => el("th", { scope: "col", text }));
    const bodies = groups.map((group) => {
      const lines = rows.filter((row2) => row2.group === group).map((row2) => line(row2, ranked, say2));
      return el("tbody", {}, ...lines);
    });
    return el("table", { class: "standing-table" }, el("thead", {}, el("tr", {}, ...heads)), ...bodies);
  }
  function against({ rows, pairs }) {
    const lines = pairs.map((pair) => {
      const [one, other] = [rows[pair.one].label, rows[pair.other].label];
      const more = [pair.ties && `${pair.ties} as good`, pair.bad && `${pair.bad} both bad`].filter(Boolean).join(", ");
      return el(
        "li",
        {},
        el("b", { text: `${one} ${pair.wins} : ${pair.losses} ${other}` }),
        el("span", { class: "faint", text: ` ${more ? `(${more}) ` : ""}${pair.sure}` })
      );
    });
    const summary = el("summary", {}, el("span", { class: "section-name", text: "Each against each" }));
    return el("details", { class: "section" }, summary, el("ul", { class: "plain" }, ...lines));
  }
  function standingTable(say2) {
    const outcome = el("p", { class: "outcome" });
    const note = el("p", { class: "hint" });
    const body = el("div", { class: "measure-scroll" });
    const node = el("div", { class: "standing" }, outcome, body, note);
    return {
      node,
      /** @param {Standing} standing */
      update(standing2) {
        whenChanged(node, standing2, () => {
          setText(outcome, standing2.line);
          showText(note, standing2.note);
          const parts = [
            standing2.rows.length ? table2(standing2, say2) : "",
            standing2.pairs.length > 1 ? against(standing2) : ""
          ];
          body.replaceChildren(...parts.filter((part) => part !== ""));
        });
      }
    };
  }

  // ui/votes/ballot.js
  var VERDICTS = [
    { verdict: "left", key: "ArrowLeft", sign: "←", text: "Left is better" },
    { verdict: "tie", key: "ArrowUp", sign: "↑", text: "As good as each other" },
    { verdict: "bad", key: "ArrowDown", sign: "↓", text: "Both are bad" },
    { verdict: "right", key: "ArrowRight", sign: "→", text: "Right is better" }
  ];
  var TYPING = "input, textarea, select, [contenteditable=true]";
  function card2(side) {
    const body = el("div", {
      class: "reply-text",
      tabindex: "0",
      "aria-label": `The reply on the ${side.toLowerCase()}`
    });
    const head = el("header", { class: "reply-head" }, el("b", { text: side }));
    return {
      node: el("article", { class: "reply", data: { side: side.toLowerCase() } }, head, body),
      /** @param {string} text */
      write(text) {
        body.replaceChildren(
          text ? document.createTextNode(text) : el("span", { class: "faint", text: "(it said nothing)" })
        );
        body.scrollTop = 0;
      }
    };
  }
  function heading({ slip, generating, of }) {
    if (slip) return `Pair ${slip.number} of ${of}`;
    return generating ? "Waiting for the first pair" : "No more pairs";
  }
  function waiting2({ slip, generating, error, votes: cast }) {
    if (slip) return error;
    if (generating) return cast ? "The next pair is being written …" : "The first replies are being written …";
    return error || (cast ? "Every pair has been voted on." : "");
  }
  function below({ generating, alike, notes }) {
    const pairs = alike === 1 ? "1 pair said the same and is" : `${alike} pairs said the same and are`;
    const more = [alike ? `${pairs} left out.` : "", ...notes].filter(Boolean).join(" ");
    return [generating && `Replies: ${generating.text}${more ? "." : ""}`, more].filter(Boolean).join(" ");
  }
  function ballotForm(say2) {
    let up = null;
    let sent = 0;
    function vote(verdict) {
      const number = up;
      if (!votes.session?.slip || number === null || sent === number) return;
      sent = number;
      for (const one of buttons) one.disabled = true;
      votes.order({ do: "vote", number, verdict }, (answer) => {
        say2(answer);
        sent = 0;
        votes.changed();
      });
    }
    const count = el("b", { class: "ballot-count" });
    const rest = el("span", { class: "hint" });
    const question = el("div", { class: "ballot-question" });
    const [left, right] = [card2("Left"), card2("Right")];
    const buttons = VERDICTS.map(
      ({ verdict, sign: sign2, text }) => el(
        "button",
        { type: "button", class: "button verdict", data: { verdict }, on: { click: () => vote(verdict) } },
        el("kbd", { text: sign2 }),
        el("span", { text })
      )
    );
    const reveal = el("button", {
      type: "button",
      class: "button small",
      text: "Reveal now",
      id: "lora-mixer-reveal",
      title: "End here: which mix was which, and what the votes add up to",
      on: { click: () => votes.order({ do: "reveal" }, say2) }
    });
    const stop2 = el("button", {
      type: "button",
      class: "button small",
      text: "Stop generating",
      id: "lora-mixer-votes-stop",
      title: "Vote on the replies that are there",
      on: { click: () => votes.order({ do: "stop" }, say2) }
    });
    const away = askingButton("Put away", "Put it away", { do: "votes-end" }, () => votes.order({ do: "end" }, say2));
    away.node.title = "The votes so far are kept; it can be gone on with from the list below";
    const bar = progressBar();
    const line2 = el("span", { class: "hint", role: "status", id: "lora-mixer-votes-line" });
    const wait = el("div", { class: "ballot-wait" });
    const pair = el("div", { class: "ballot-pair" }, left.node, right.node);
    const verdicts = el("div", { class: "verdicts", role: "group", "aria-label": "Which is better?" }, ...buttons);
    const node = el(
      "section",
      { class: "panel-card ballot", id: "lora-mixer-ballot", tabindex: "-1", "aria-label": "Blind votes" },
      el("div", { class: "toolbar" }, count, rest, el("span", { class: "toolbar-right" }, stop2, reveal, away.node)),
      question,
      wait,
      pair,
      verdicts,
      el("div", { class: "ballot-line" }, bar.node, line2)
    );
    listen(
      window,
      "keydown",
      (event) => {
        const chosen = VERDICTS.find((one) => one.key === event.key);
        if (!chosen || event.repeat || isShortcut(event) || event.shiftKey || event.defaultPrevented) return;
        if (!votes.shown || !node.isConnected || node.hidden || verdicts.hidden || closest(event, TYPING)) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        vote(chosen.verdict);
      },
      true
    );
    function show2({ key, slip }) {
      up = slip?.number ?? null;
      for (const one of [question, pair, verdicts]) one.hidden = !slip;
      if (!slip) return;
      whenChanged(pair, [slip.number, key], () => {
        setText(question, slip.question);
        left.write(slip.left);
        right.write(slip.right);
      });
      for (const one of buttons) one.disabled = sent === up;
    }
    return {
      node,
      focus: () => node.focus({ preventScroll: true }),
      update() {
        const { session } = votes;
        node.hidden = !session || session.revealed;
        if (!session || node.hidden) return;
        const { generating, error } = session;
        setText(count, heading(session));
        setText(rest, session.votes ? `${session.votes} voted` : "Names and sides are hidden until the end.");
        stop2.hidden = !generating;
        reveal.hidden = !session.votes;
        setText(wait, waiting2(session));
        wait.hidden = !wait.textContent;
        wait.classList.toggle("is-wrong", Boolean(error));
        show2(session);
        bar.node.hidden = !generating;
        if (generating) bar.update(generating.part);
        setText(line2, below(session));
      }
    };
  }

  // ui/votes/outcome.js
  var SIGNS = {
    left: "← left was better",
    right: "→ right was better",
    tie: "↑ as good as each other",
    bad: "↓ both bad"
  };
  function reply(label, text, won) {
    const body = el("div", { class: "reply-text", tabindex: "0", "aria-label": `What ${label} said`, text });
    const head = el(
      "header",
      { class: "reply-head" },
      el("b", { text: label }),
      won && el("span", { text: "preferred" })
    );
    return el("article", { class: won ? "reply is-won" : "reply" }, head, body);
  }
  function votedPair({ question, left, right, verdict, texts }, at) {
    const inside = el("div", { class: "ballot-pair is-small" });
    const title = el("span", { class: "section-name", text: `${at + 1}. ${question}` });
    const digest = el("span", { class: "digest", text: `${left} | ${right} · ${SIGNS[verdict]}` });
    const node = el("details", { class: "section" }, el("summary", {}, title, digest), inside);
    node.addEventListener(
      "toggle",
      guard("toggle", () => {
        if (!node.open || inside.children.length) return;
        inside.append(reply(left, texts[0], verdict === "left"), reply(right, texts[1], verdict === "right"));
      })
    );
    return { node };
  }
  function outcomeCard2(say2, most2) {
    const standing2 = standingTable(say2);
    const more = el("button", {
      type: "button",
      class: "button",
      text: "Vote on more pairs",
      id: "lora-mixer-votes-more",
      on: { click: () => votes.order({ do: "more", most: most2() }, say2) }
    });
    const close = el("button", {
      type: "button",
      class: "button",
      text: "Close",
      id: "lora-mixer-votes-close",
      title: "The votes stay in the list below",
      on: { click: () => votes.order({ do: "end" }, say2) }
    });
    const list3 = el("div", { class: "voted" });
    const notes = el("p", { class: "hint" });
    const title = el("b", { class: "ballot-count", text: "Revealed" });
    const node = el(
      "section",
      { class: "panel-card", id: "lora-mixer-outcome", "aria-label": "Revealed" },
      el("div", { class: "toolbar" }, title, el("span", { class: "toolbar-right" }, more, close)),
      standing2.node,
      notes,
      list3
    );
    return {
      node,
      update() {
        const { session } = votes;
        const outcome = session?.revealed ? session.outcome : null;
        node.hidden = !outcome;
        if (!session || !outcome) return;
        more.hidden = !session.spare;
        showText(notes, [session.error, ...session.notes].filter(Boolean).join(" "));
        if (!outcome.standing) return;
        standing2.update(outcome.standing);
        keyed(list3, outcome.pairs, (_, at) => `${at} of ${session.key}`, votedPair);
      }
    };
  }

  // ui/votes/past.js
  var FIRST = 12;
  var FORMS4 = [
    ["html", "HTML"],
    ["csv", "CSV"],
    ["jsonl", "JSONL"]
  ];
  var many = (n, one, more) => `${n} ${n === 1 ? one : more}`;
  var button2 = (text, act, title, click) => el("button", { type: "button", class: "button small", text, data: { do: act }, title, on: { click } });
  function experimentRow(one, say2, most2) {
    const missing = one.planned > one.trials;
    const { id } = one;
    const told = (then) => (answer) => {
      say2(answer);
      if (!answer.refused) then?.(answer);
    };
    const resume = (more) => votes.begin(
      { do: "resume", id, most: most2(), missing: more },
      told(() => goTo("votes", "lora-mixer-ballot"))
    );
    const vote = button2("Vote on it", "resume", "A blind session on the replies that are there", () => resume(false));
    vote.disabled = one.labels.length < 2 || !one.trials;
    const whole2 = "The session that was interrupted: the replies that are missing are generated, and voted on";
    const goOn = missing && button2("Go on", "go-on", whole2, () => resume(true));
    const open = button2(
      "Open",
      "open",
      "Show it on the Mix tab as it was",
      () => votes.order(
        { do: "open", id },
        told(() => {
          lab.look();
          goTo("mix", "lora-mixer-compare");
        })
      )
    );
    const columns = button2(
      "Use its columns",
      "columns",
      "Set the columns of the Mix tab up as these were",
      () => votes.order({ do: "columns", id }, told(lab.look))
    );
    const forms = FORMS4.map(
      ([form, text]) => button2(
        text,
        `save-${form}`,
        `Save it as ${text}`,
        () => votes.order(
          { do: "save", id, form },
          told(({ file }) => {
            if (file) download(file.name, file.text, `${file.type};charset=utf-8`);
          })
        )
      )
    );
    const gone = askingButton(
      "Delete",
      "Delete it and its votes",
      { do: "delete" },
      () => votes.order({ do: "delete", id }, told())
    );
    const facts3 = [
      writeTime(Date.parse(one.time) / 1e3),
      one.model,
      missing ? `${one.trials} of ${one.planned} trials` : many(one.trials, "trial", "trials"),
      one.votes ? many(one.votes, "vote", "votes") : ""
    ];
    const what = el(
      "div",
      { class: "past-what" },
      el("b", { text: one.labels.join("  |  ") }),
      el("span", { class: "faint", text: one.first }),
      el("span", { class: "hint", text: facts3.filter(Boolean).join(" · ") })
    );
    const acts = el("div", { class: "past-acts" }, goOn, vote, open, columns, ...forms, gone.node);
    return { node: el("li", { class: "past-entry", data: { experiment: String(one.id) } }, what, acts) };
  }
  function allVotes(say2) {
    const standing2 = standingTable(say2);
    const ticks = el("div", { class: "chips", id: "lora-mixer-all-mixes" });
    const mine = el("input", {
      type: "checkbox",
      class: "check",
      checked: true,
      id: "lora-mixer-all-model",
      on: { change: () => ask(null) }
    });
    const ask = (chosen) => votes.order({ do: "standing", model: mine.checked, chosen }, say2);
    const askForTicked = () => ask([...ticks.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value));
    const own = el("label", { class: "choice" }, mine, el("span", { text: "Votes about this model alone" }));
    const body = el("div", { class: "all-votes" }, el("div", { class: "all-choices" }, own, ticks), standing2.node);
    const section = foldable("votes/all", "All votes", false, body, () => ask(null));
    section.node.id = "lora-mixer-all-votes";
    function tick2({ id }) {
      const box = el("input", { type: "checkbox", class: "check", value: id, on: { change: askForTicked } });
      const label = el("span");
      return { box, label, node: el("label", { class: "choice" }, box, label) };
    }
    return {
      node: section.node,
      ask() {
        if (section.open) ask(null);
      },
      update() {
        const { all: all2 } = votes;
        if (!all2 || !section.open) return;
        whenChanged(ticks, [all2.competitors, all2.chosen], () => {
          keyed(
            ticks,
            all2.competitors,
            (one) => one.id,
            tick2,
            ({ box, label }, one) => {
              box.checked = !all2.chosen || all2.chosen.includes(one.id);
              setText(label, `${one.label || "–"} (${one.votes})`);
            }
          );
        });
        ticks.hidden = all2.competitors.length < 3;
        standing2.update(all2.standing);
      }
    };
  }
  function whyEmpty() {
    const { past, keeps, broken, known: known5 } = votes;
    if (broken) return broken;
    if (!keeps) return "Strangers share this host, so nothing is kept here.";
    return past.length || !known5 ? "" : "What you compare and vote on is kept, and listed here.";
  }
  function pastList(say2, most2) {
    let whole2 = false;
    const list3 = el("ul", { class: "past", id: "lora-mixer-past" });
    const showAll = () => {
      whole2 = true;
      votes.changed();
    };
    const more = el("button", { type: "button", class: "button small", on: { click: showAll } });
    const nothing2 = el("p", { class: "hint", id: "lora-mixer-past-nothing" });
    const all2 = allVotes(say2);
    const title = el("b", { class: "ballot-count", text: "Experiments" });
    const node = el("section", { class: "panel-card" }, title, nothing2, list3, more, all2.node);
    return {
      node,
      ask: all2.ask,
      update() {
        const { past, broken } = votes;
        setText(nothing2, whyEmpty());
        nothing2.classList.toggle("is-wrong", Boolean(broken));
        nothing2.hidden = !nothing2.textContent;
        all2.node.hidden = !past.length;
        all2.update();
        const shown3 = whole2 ? past : past.slice(0, FIRST);
        keyed(
          list3,
          shown3,
          (one) => JSON.stringify(one),
          // one that has got a vote has another line
          (one) => experimentRow(one, say2, most2)
        );
        more.hidden = shown3.length === past.length;
        setText(more, `Show all ${past.length}${votes.more ? "+" : ""}`);
      }
    };
  }

  // ui/votes/votes_page.js
  function sessionForm(say2, pairs) {
    const columns = el("span", { class: "ballot-columns", id: "lora-mixer-votes-columns" });
    const change2 = el("button", {
      type: "button",
      class: "link",
      text: "Change them on the Mix tab",
      on: { click: () => goTo("mix", "lora-mixer-compare") }
    });
    const text = textArea("Prompts", {
      rows: 4,
      placeholder: "What is the sea?\nHow do I make tea?",
      id: "lora-mixer-votes-prompts"
    });
    const files = promptsFile({ order: votes.order, field: text, fileId: "lora-mixer-votes-file" });
    const often = "How often every prompt is asked, each time with other dice";
    const seeds = countField("Seeds", often, { max: 20, value: 1, id: "lora-mixer-votes-seeds" });
    const length = replyLength("lora-mixer-votes-length");
    const begin = () => {
      text.complain("");
      start2.disabled = true;
      votes.begin(
        {
          do: "start",
          text: text.input.value,
          seeds: Number(seeds.input.value),
          length: length.value,
          most: Number(pairs.input.value)
        },
        ({ refused }) => {
          start2.disabled = false;
          if (refused) text.complain(refused.why);
          else say2({});
        }
      );
    };
    const start2 = el("button", {
      type: "button",
      class: "button primary big",
      text: "Begin a blind session",
      id: "lora-mixer-votes-begin",
      on: { click: begin }
    });
    const why = el("div", { class: "why-not", hidden: true });
    const between = el("span", { class: "field-name", text: "Between the columns" });
    const node = el(
      "section",
      { class: "panel-card", id: "lora-mixer-votes-form", "aria-label": "A blind session" },
      el("div", { class: "ballot-from" }, between, columns, change2),
      text.node,
      files,
      el("div", { class: "fields" }, seeds.node, pairs.node, length.node),
      length.hint,
      el("div", { class: "column-tools" }, start2),
      why
    );
    return {
      node,
      update() {
        const { session, trouble, known: known5 } = votes;
        length.update();
        node.hidden = Boolean(session);
        if (node.hidden) return;
        setText(columns, votes.columns.map(titleOf).join("   |   ") || "–");
        showText(why, trouble);
        start2.disabled = Boolean(trouble) || !known5;
      }
    };
  }
  function votesPage() {
    const said = messageLine("lora-mixer-votes-said");
    const say2 = (answer) => said.say(saidBy(answer), !answer.refused);
    const pairs = countField("Pairs at most", "How many pairs of replies are put to the vote", {
      max: 500,
      value: 20,
      id: "lora-mixer-votes-pairs"
    });
    const most2 = () => Number(pairs.input.value);
    const ballot = ballotForm(say2);
    const past = pastList(say2, most2);
    const parts = [sessionForm(say2, pairs), ballot, outcomeCard2(say2, most2), past];
    const heading2 = el(
      "div",
      { class: "heading" },
      el("h3", { text: "Blind votes" }),
      el("span", { text: "Which mix is better, when you do not know which is which?" })
    );
    const root = el(
      "div",
      { class: "lab", id: "lora-mixer-votes-page" },
      heading2,
      said.node,
      ...parts.map((part) => part.node)
    );
    let key = null;
    votes.onChange(() => {
      for (const part of parts) part.update();
      const { session } = votes;
      const before = key;
      key = session && `${session.key} ${session.revealed}`;
      if (key === before) return;
      if (session && !session.revealed) ballot.focus();
      if (before !== null && (!session || session.revealed)) {
        votes.look(true);
        past.ask();
      }
    });
    return placed(root, "lora-mixer-votes-place", {
      narrow: 560,
      moved: votes.changed,
      seen: (now) => {
        votes.shown = now;
        if (now) votes.look(true);
      }
    });
  }

  // ui/page/host_menu.js
  function keepHostMenu() {
    let told = "";
    store.onChange(() => {
      const { state } = store;
      if (!state) return;
      const { engine, trouble, adapters } = state;
      const around = [state.model.name, engine?.name, trouble?.title];
      const names = JSON.stringify([around, ...adapters.map((adapter) => adapter.name)]);
      if (names === told) return;
      if (wire.write("lora-mixer-menu", JSON.stringify({ t: Date.now(), names }))) told = names;
    });
  }

  // ui/page/report.js
  var channel6 = openChannel("report", { hear: () => {
  } });
  var report = { answered: channel6.answered };
  function copier() {
    const said = el("span", { class: "report-said", role: "status" });
    const text = el("textarea", {
      class: "report-text",
      readonly: true,
      rows: 8,
      hidden: true,
      spellcheck: "false",
      "aria-label": "Report"
    });
    const button3 = el("button", {
      type: "button",
      class: "button small",
      text: "Copy report",
      data: { do: "copy-report" },
      title: "Versions, model, adapters and the last lines of the log, for a report. No prompt and no reply is in it.",
      on: { click: ask }
    });
    function ask() {
      button3.disabled = true;
      channel6.order({ do: "look" }, async (answer) => {
        button3.disabled = false;
        if (answer.report === void 0) {
          setText(said, saidBy(answer));
          return;
        }
        text.value = answer.report;
        text.hidden = await copied(answer.report);
        setText(said, text.hidden ? "Copied." : "This browser does not let the page copy: take it from here.");
        if (!text.hidden) text.select();
      });
    }
    return el("div", { class: "report" }, button3, said, text);
  }
  function reports() {
    const foot = copier();
    foot.classList.add("lora-mixer");
    keepKeys(foot);
    const beside = copier();
    onStop(() => {
      foot.remove();
      beside.remove();
    });
    return {
      root: foot,
      settle() {
        const place = document.getElementById("lora-mixer-report");
        if (place && foot.parentNode !== place) place.append(foot);
        const trouble = document.querySelector(".lora-mixer-desk > .lora-mixer-trouble > div");
        if (trouble && beside.parentNode !== trouble) trouble.append(beside);
      }
    };
  }

  // ui/page/sides.js
  var WIDE = 1060;
  var LEAST3 = 360;
  var KEPT = "lora-mixer-sides";
  var NAMES2 = { both: "Side by side", desk: "Desk", lab: "Compare" };
  var ALL = ["both", "desk", "lab"];
  function chosenBefore() {
    const kept2 = recall(KEPT);
    try {
      const { wide, narrow } = JSON.parse(kept2 ?? "{}") ?? {};
      return { wide: ALL.includes(wide) ? wide : "both", narrow: narrow === "lab" ? "lab" : "desk" };
    } catch (_) {
      return { wide: "both", narrow: "desk" };
    }
  }
  var pixels = (...lengths) => lengths.reduce((sum, length) => sum + (Number.parseFloat(length) || 0), 0);
  function below2(node) {
    let room = 0;
    for (let at = node.parentElement; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      room += pixels(style.paddingBottom, style.borderBottomWidth, style.marginBottom);
    }
    return room;
  }
  function menu2(bar) {
    const button3 = document.getElementById("navigation-toggle");
    const box = button3?.getBoundingClientRect();
    if (!button3 || !box?.width || getComputedStyle(button3).position !== "fixed") return 0;
    return Math.max(0, Math.round(box.right - bar.getBoundingClientRect().left));
  }
  function covered() {
    const bar = document.querySelector(".mobile-top-bar");
    const style = bar && getComputedStyle(bar);
    return style && style.position === "fixed" && style.opacity !== "0" ? Math.round(bar.getBoundingClientRect().bottom) : 0;
  }
  var scroller = () => document.scrollingElement ?? document.documentElement;
  function twoSides({ comparing, shown: tell }) {
    const chosen = chosenBefore();
    const scrolled = { desk: 0, lab: 0 };
    const button3 = (side) => el("button", {
      type: "button",
      class: "side",
      text: NAMES2[side],
      data: { side },
      on: { click: () => choose(side) }
    });
    const buttons = { both: button3("both"), desk: button3("desk"), lab: button3("lab") };
    const bar = el(
      "div",
      { class: "sides-bar", role: "group", "aria-label": "What is shown" },
      buttons.both,
      buttons.desk,
      buttons.lab
    );
    bar.classList.add("lora-mixer");
    keepKeys(bar);
    let place = null;
    let fitted = "";
    const wide = () => (place?.clientWidth ?? 0) >= WIDE;
    const shown3 = () => wide() ? chosen.wide : chosen.narrow;
    function fit() {
      if (!place?.clientWidth) return;
      const side = shown3();
      buttons.both.hidden = !wide();
      setAttribute(place, "data-shown", side);
      for (const one of ALL) setAttribute(buttons[one], "aria-pressed", String(one === side));
      bar.style.setProperty("--lm-covered", `${covered()}px`);
      bar.style.setProperty("--lm-menu", `${menu2(bar)}px`);
      const top = Math.round(place.getBoundingClientRect().top + scroller().scrollTop);
      const key = [side, innerWidth, innerHeight, top].join(" ");
      if (key === fitted) return;
      fitted = key;
      const { style } = place;
      const tall = (height) => style.setProperty("--lm-height", `${Math.max(LEAST3, Math.floor(height))}px`);
      const room = innerHeight - top - below2(place);
      tall(room);
      const over = scroller().scrollHeight - innerHeight;
      if (side === "both" && over > 0) tall(room - over);
    }
    function choose(side) {
      if (!place) return;
      const before = shown3();
      if (before === side) {
        if (side !== "both") scroller().scrollTop = 0;
        return;
      }
      if (before !== "both") scrolled[before] = scroller().scrollTop;
      if (wide()) chosen.wide = side;
      else if (side !== "both") chosen.narrow = side;
      remember(KEPT, JSON.stringify(chosen));
      fit();
      if (side !== "both") scroller().scrollTop = scrolled[side];
      tell();
    }
    const sizes = new ResizeObserver(guard("the sides", fit));
    listen(window, "resize", fit);
    onStop(() => {
      sizes.disconnect();
      bar.remove();
    });
    return {
      root: bar,
      /**
       * Has a side be seen, whatever was chosen.
       *
       * @param {OneSide} side
       */
      show(side) {
        if (place?.clientWidth && shown3() !== "both" && shown3() !== side) choose(wide() ? "both" : side);
      },
      /** While a comparison runs, its name says so: it may be the side that is not seen. */
      update() {
        setText(buttons.lab, comparing() ? `${NAMES2.lab} …` : NAMES2.lab);
      },
      /** The host may make our place anew, or empty it: move back in. */
      settle() {
        const found = document.getElementById("lora-mixer-sides");
        if (found !== place) {
          if (place) sizes.unobserve(place);
          place = found;
          fitted = "";
          if (place) sizes.observe(place);
        }
        if (place && place.previousSibling !== bar) place.before(bar);
        const page = place?.closest(".gradio-container");
        if (page) page.style.overflow = "clip";
        fit();
      }
    };
  }

  // ui/page/entry.js
  function receive2(text) {
    if (!text) return;
    const state = JSON.parse(text);
    if (state && typeof state === "object" && (state.adapters === null || Array.isArray(state.adapters)))
      store.receive(state);
  }
  var LOOKS_MS = [0, 120, 500];
  function start() {
    wire.connect({
      panel: () => store.panel,
      crossfaded: () => store.crossfaded,
      seen: () => ({ rev: store.state ? store.rev : -1, loaded: store.loaded })
    });
    store.start();
    oneClickOnly();
    lab.start();
    startMarks();
    startHeatMaps();
    learning.start();
    saved.start(() => {
      store.changed();
      lab.changed();
    });
    keepHostMenu();
    const desk = mixingDesk(() => lab.keptColumns());
    const dock = faderDock();
    const compare = labPage();
    const sides = twoSides({
      comparing: () => lab.line.running,
      shown: () => {
        store.changed();
        lab.changed();
      }
    });
    const ballot = votesPage();
    const learn = learnPage();
    const adapters = adaptersPage();
    const pages = [desk, compare, sides, ballot, learn, adapters, reports()];
    store.onChange(guard("the desk", desk.update));
    store.onChange(guard("the dock", dock.update));
    lab.onChange(guard("the sides", sides.update));
    onGoTo((id) => {
      if (id === "lora-mixer-compare") sides.show("lab");
    });
    votes.start();
    const look2 = () => {
      dock.look();
      for (const page of pages) page.settle();
    };
    let lost = false;
    const tick2 = () => {
      if (document.hidden) return;
      look2();
      wire.poll(false);
      lab.tick();
      votes.tick();
      adapters.tick();
      learn.tick();
      if (wire.lost() !== lost) {
        lost = !lost;
        store.changed();
      }
    };
    let soon = [];
    const forget2 = () => soon.forEach(clearTimeout);
    const lookSoon = () => {
      forget2();
      soon = LOOKS_MS.map((wait) => setTimeout(guard("looking", look2), wait));
    };
    listen(document, "click", lookSoon, true);
    onStop(forget2);
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const motion = () => {
      for (const node of [dock.node, ...pages.map((page) => page.root)])
        node.classList.toggle("is-lively", !calm.matches);
    };
    listen(calm, "change", motion);
    motion();
    wire.start(tick2, handle.receive);
  }
  var handle = {
    stop,
    receive: guard("receiving", receive2),
    pong: wire.pong,
    works: jobs,
    learning,
    lab,
    votes,
    twice,
    report,
    store,
    wire,
    standing: standingTable
  };
  var host = (
    /** @type {never} */
    window
  );
  host.loraMixer?.stop?.();
  host.loraMixer = handle;
  guard("starting", start)();
})();
