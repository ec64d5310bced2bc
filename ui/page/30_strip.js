/* An adapter's strip: its name, switch, mute and solo, master fader, facts, and the sections below them. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;

  const METHODS = { lora: "LoRA", dora: "DoRA", loha: "LoHa", lokr: "LoKr", adalora: "AdaLoRA", oft: "OFT", boft: "BOFT", ia3: "IA3" };
  const methodName = (a) => (METHODS[a.method] || a.method || "?") + (a.rslora ? ", rank-stabilised" : "");

  const spread = (values) => {
    const all = values || [];
    if (!all.length) return "\u2013";
    if (all.length <= 3) return all.map(M.model.short).join(", ");
    return `${M.model.short(all[0])} \u2013 ${M.model.short(all[all.length - 1])}`;
  };

  function fact(name, value, title, id) {
    const shown = el("dd", { text: value, title: title || value, data: id ? { fact: id } : {} });
    return { node: el("div", { class: "fact" }, el("dt", { text: name }), shown), shown };
  }

  function facts(adapter) {
    const now = fact("Alpha now", "", "Effective alpha: gain x alpha, over all targets as they are heard", "alpha-now");
    now.node.classList.add("is-live");
    const all = [
      fact("Method", methodName(adapter), "", "method"),
      fact("Rank", spread(adapter.rank), "", "rank"),
      fact("Alpha", spread(adapter.alpha), "As trained", "alpha"),
      fact("Scaling", spread(adapter.scaling), "The factor on the adapter's output, as loaded", "scaling"),
      now,
      fact("Parameters", `${M.model.many(adapter.parameters)} (${M.model.percent(adapter.share)})`,
        `${adapter.parameters} parameters, ${M.model.percent(adapter.share)} of the model`, "parameters"),
    ];
    return { node: el("dl", { class: "facts" }, ...all.map((f) => f.node)), now: now.shown };
  }

  function fixedList(adapter) {
    const n = adapter.fixed.length;
    if (!n) return null;
    const rows = adapter.fixed.map(([name, why]) => el("li", {}, el("code", { text: name }), el("span", { text: why })));
    return el("details", { class: "section", data: { section: "fixed" } },
      el("summary", {}, el("span", { class: "section-name", text: "Fixed" }),
        el("span", { class: "digest", text: n === 1 ? "1 part that no fader can move, and why" : `${n} parts that no fader can move, and why` })),
      el("ul", { class: "fixed" }, ...rows));
  }

  const counted = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
  const moved = (n) => (n ? ` \u00b7 ${n} moved` : "");

  function digests(ix, sections) {
    const f = M.model.peek(M.store.panel, ix.adapter.name);
    const { kinds, layers, targets } = ix.adapter;
    const size = (map) => Object.keys(map).length;
    setText(sections.kinds.digest, counted(kinds.length, "kind", "kinds") + moved(size(f.kinds)));
    if (sections.depth) setText(sections.depth.digest, counted(layers.length, "layer", "layers") + moved(size(f.layers)));
    setText(sections.grid.digest, counted(targets.length, "target", "targets") + moved(size(f.modules)));
  }

  /** The strip of one adapter: {node, adapter, update()}. alone: it is the only adapter, all its sections start open. */
  M.strip = function strip(adapter, alone) {
    const name = adapter.name;
    const ix = M.model.index(adapter);
    const edit = (fn) => M.store.edit((p) => fn(M.model.of(p, name), p));
    const master = M.fader({
      data: { fader: "master" }, name: "Master", label: `Master fader of ${name}`, scale: true,
      set: (v) => edit((f) => { f.master = v; }),
    });
    const power = M.onOff(name);
    const mute = M.latch("M", "mute", `Mute ${name}`, () => M.store.edit((p) => M.model.toggle(p.muted.adapters, name)));
    const solo = M.latch("S", "solo", `Solo ${name}`, () => M.store.edit((p) => M.model.toggle(p.soloed.adapters, name)));
    const why = M.whySilent();
    const reset = el("button", {
      type: "button", class: "button", text: "Reset", "aria-label": `Reset ${name}`, title: "All faders of this adapter back to 1: as loaded",
      data: { do: "reset" }, on: { click: () => M.resetWithUndo(name) },
    });

    const known = facts(adapter);
    const kinds = M.kinds(adapter);
    const curve = adapter.layers.length ? M.curve(adapter) : null;
    const grid = M.grid(ix);
    const fades = M.fades(adapter);
    const shapes = M.shapes(adapter);
    const make = (label, part, open) => M.dom.section(`${name}/${label}`, label, open, part.node, () => M.store.changed());
    const sections = {
      kinds: make("Kinds", kinds, true),
      depth: curve && make("Depth", curve, alone),
      grid: make("Grid", grid, alone),
    };

    const node = el("section", { class: "strip", "aria-label": `Adapter ${name}`, data: { adapter: name } },
      el("header", { class: "strip-head" },
        power.node, el("h3", { class: "name", text: name, title: name }), why.node,
        el("div", { class: "strip-buttons" }, mute.node, solo.node, reset)),
      master.node, known.node,
      adapter.advice ? el("p", { class: "advice", text: adapter.advice }) : null,
      shapes.node,
      el("div", { class: "sections" }, sections.kinds.node, curve && sections.depth.node, sections.grid.node, fades.node, fixedList(adapter)));
    if (!adapter.targets.length) for (const s of [...Object.values(sections), fades]) if (s) s.node.hidden = true;

    return {
      node, adapter,
      update() {
        const p = M.store.panel;
        const f = M.model.peek(p, name);
        const silent = M.model.silence(p, adapter);
        M.model.hear(ix, p);
        node.classList.toggle("is-silent", silent !== "");
        why.update(silent);
        power.update(f.on);
        mute.update(p.muted.adapters.includes(name));
        solo.update(p.soloed.adapters.includes(name));
        master.update(f.master, false, "master" in f.fades);
        fades.update();
        shapes.update();
        setText(known.now, M.model.range(...M.model.alphaNow(ix), M.model.short));
        digests(ix, sections);
        if (sections.kinds.open) kinds.update();
        if (curve && sections.depth.open) curve.update();
        if (sections.grid.open) grid.update();
      },
      /** The desk has another width (or has one at last). */
      resize() {
        if (curve) curve.resize();
        grid.resize();
      },
      stop() {
        if (curve) curve.stop();
        grid.stop();
      },
    };
  };
})(window.loraMixer);
