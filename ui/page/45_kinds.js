/* One fader per kind of an adapter, each with mute and solo. */
(function (M) {
  "use strict";

  /** {node, update()}; compact: without mute and solo, for the dock. */
  M.kinds = function (adapter, compact) {
    const name = adapter.name;
    const rows = adapter.kinds.map((kind) => {
      const press = (side) => () => M.store.edit((p) => M.model.toggle(M.model.kindsToEdit(p[side], name), kind));
      const mute = compact ? null : M.latch("M", "mute", `Mute ${kind} of ${name}`, press("muted"));
      const solo = compact ? null : M.latch("S", "solo", `Solo ${kind} of ${name}`, press("soloed"));
      const fader = M.fader({
        data: { fader: "kind", kind }, name: kind, label: `${kind} fader of ${name}`,
        set: (v) => M.store.edit((p) => M.model.put(M.model.of(p, name).kinds, kind, v)),
        extra: compact ? [] : [mute.node, solo.node],
      });
      return { kind, fader, mute, solo };
    });
    return {
      node: M.dom.el("div", { class: "kinds" }, ...rows.map((r) => r.fader.node)),
      update() {
        const p = M.store.panel;
        const f = M.model.peek(p, name);
        for (const { kind, fader, mute, solo } of rows) {
          fader.update(M.model.at(f.kinds, kind), M.model.kindSilence(p, name, kind) !== "", `kind:${kind}` in f.fades);
          if (mute) mute.update(M.model.kindsOf(p.muted, name).includes(kind));
          if (solo) solo.update(M.model.kindsOf(p.soloed, name).includes(kind));
        }
      },
    };
  };
})(window.loraMixer);
