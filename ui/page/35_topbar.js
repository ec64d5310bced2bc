/* The desk's own row: bypass, reset all, the faders' range; below it what Python has to say. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;

  let holding = 0; // bypass buttons pressed just now
  let kept = false; // bypass stays when the button is let go

  const bypass = (on) => {
    if (M.store.panel && M.store.panel.bypass !== on) M.store.edit((p) => { p.bypass = on; });
  };
  function hold() {
    holding += 1;
    bypass(true);
  }
  function letGo() {
    holding = Math.max(0, holding - 1);
    if (!holding) bypass(kept);
  }
  function keep(on) {
    kept = on;
    bypass(on || holding > 0);
  }

  /** Bypass: hold it to hear the base; double-click, or "Keep", and it stays. */
  M.bypass = function () {
    const label = el("span", { text: "Bypass" });
    const button = el("button", {
      type: "button", class: "button bypass", "aria-pressed": "false", "aria-label": "Bypass: hold to hear the base model",
      title: "Hold to hear the base model. Double-click, or Keep, and it stays.", data: { do: "bypass" },
    }, el("span", { class: "lamp" }), label);
    const keeper = el("button", {
      type: "button", class: "button keep", text: "Keep", "aria-pressed": "false", "aria-label": "Keep bypass on",
      title: "Keep the bypass on without holding it", data: { do: "keep-bypass" }, on: { click: () => keep(!kept) },
    });
    let down = false;
    const press = () => { if (!down) { down = true; hold(); } };
    const lift = () => { if (down) { down = false; letGo(); } };
    const on = (type, fn) => button.addEventListener(type, M.guard(type, fn));
    on("pointerdown", (event) => {
      if (event.button) return;
      button.setPointerCapture(event.pointerId);
      press();
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) on(type, lift);
    on("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) press();
    });
    on("keyup", (event) => {
      if (event.key === " " || event.key === "Enter") { event.preventDefault(); lift(); }
    });
    on("contextmenu", (event) => event.preventDefault()); // a long press is a hold, not a menu
    M.dom.onDouble(button, () => keep(!kept));

    return {
      node: el("div", { class: "bypass-pair" }, button, keeper),
      update(isOn) {
        if (!holding && !M.store.held) kept = isOn;
        setAttribute(button, "aria-pressed", String(isOn));
        setAttribute(keeper, "aria-pressed", String(kept));
      },
      lift,
    };
  };

  function range() {
    const tell = (change) => {
      const { min, max } = Object.assign(M.store.range(), change);
      M.store.state.fader = { min, max };
      M.wire.command({ fader: { min, max } });
      M.store.changed();
    };
    const low = M.numberField({
      label: "Lowest value of the faders", set: (v) => tell({ min: v }),
      refuse: (v) => (v <= 0 ? "" : "Faders must reach down to 0"),
    });
    const high = M.numberField({
      label: "Highest value of the faders", set: (v) => tell({ max: v }),
      refuse: (v) => (v >= 1 ? "" : "Faders must reach up to 1"),
    });
    return {
      node: el("div", { class: "range", title: "How far the faders reach. Any number can be typed, whatever the range." },
        el("span", { text: "Range" }), low.node, el("span", { text: "to" }), high.node),
      update() {
        const { min, max } = M.store.range();
        low.update(min);
        high.update(max);
      },
    };
  }

  let undoable = null; // {text, panel}: what a reset took away
  let forget = 0;

  /** For some seconds there is a way back to where the controls stood before: panel. */
  M.offerUndo = function (text, panel) {
    undoable = { text, panel };
    clearTimeout(forget);
    forget = setTimeout(() => { undoable = null; M.store.changed(); }, 10000);
    M.store.changed();
  };

  /** Reset one adapter (name) or all (null), with a way back for some seconds. */
  M.resetWithUndo = function (name) {
    const p = M.store.panel;
    if (!p) return;
    const touched = M.store.state.adapters.some((a) => (name === null || a.name === name) && M.model.touched(p, a.name));
    if (undoable && !touched && !p.bypass) return; // pressed again: the way back stays the one from before
    M.offerUndo(name === null ? "All faders are back as loaded." : `${name} is back as loaded.`, M.model.panel(p));
    M.store.edit((q) => {
      const names = name === null ? new Set([...Object.keys(q.mix.adapters), ...M.store.state.adapters.map((a) => a.name)]) : [name];
      for (const n of names) M.model.reset(q, n);
      if (name === null) { q.bypass = false; kept = false; }
    });
  };
  M.onStop(() => clearTimeout(forget));

  function takeBack() {
    const was = undoable;
    undoable = null;
    if (was) M.store.edit((p) => Object.assign(p, was.panel));
  }

  /** The desk's top: {node, update()}. */
  M.topbar = function () {
    const title = el("span", { class: "title", text: "LoRA Mixer" });
    const model = el("span", { class: "model" });
    const bypassPair = M.bypass();
    const reset = el("button", {
      type: "button", class: "button", text: "Reset all", title: "Every fader of every adapter back to 1", data: { do: "reset-all" },
      on: { click: () => M.resetWithUndo(null) },
    });
    const limits = range();
    const line = el("div", { class: "line", role: "status" });
    const said = el("span", {});
    const undo = el("button", { type: "button", class: "link", text: "Undo", data: { do: "undo" }, on: { click: takeBack } });
    line.append(said, undo);
    const controls = el("div", { class: "controls", hidden: true }, limits.node, reset, bypassPair.node);
    const node = el("div", { class: "topbar" },
      el("div", { class: "brand" }, M.dom.icon(), title, model), controls, line);
    return {
      node,
      update() {
        const { state, panel } = M.store;
        const known = state && state.model;
        setText(model, known ? known.name + (known.parameters ? ` \u00b7 ${M.model.many(known.parameters)}` : "") : "");
        model.title = known ? known.name : "";
        controls.hidden = !state || !state.adapters.length;
        if (!state) return;
        limits.update();
        bypassPair.update(panel.bypass);
        const notices = state.notices || [];
        setText(said, M.wire.lost() ? "Python does not answer: moves may not be heard." : undoable ? undoable.text : notices.join(" \u00b7 "));
        line.title = notices.join("\n");
        undo.hidden = !undoable || M.wire.lost();
        line.hidden = !state.adapters.length && !said.textContent;
      },
    };
  };
})(window.loraMixer);
