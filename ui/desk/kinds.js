/* One fader per kind of an adapter, each with mute and solo. */

import { el } from "../page/elements.js";
import { fadersOf, gainAt, kindsIn, kindsToEdit, peekFaders, putGain, toggle, whyKindSilent } from "../page/panel.js";
import { store } from "../page/store.js";
import { faderRow } from "./fader.js";
import { latch } from "./latches.js";

/** @import { Adapter } from "../page/messages.js" */

/**
 * @param {Adapter} adapter
 * @param {boolean} [compact] without mute and solo, for the dock
 */
export function kindFaders(adapter, compact = false) {
  const { name } = adapter;
  const rows = adapter.kinds.map((kind) => {
    const press = (/** @type {"muted" | "soloed"} */ side) => () =>
      store.edit((p) => toggle(kindsToEdit(p[side], name), kind));
    const latches = compact
      ? null
      : {
          mute: latch("M", "mute", `Mute ${kind} of ${name}`, press("muted")),
          solo: latch("S", "solo", `Solo ${kind} of ${name}`, press("soloed")),
        };
    const fader = faderRow({
      data: { fader: "kind", kind },
      name: kind,
      label: `${kind} fader of ${name}`,
      set: (v) => store.edit((p) => putGain(fadersOf(p, name).kinds, kind, v)),
      extra: latches ? [latches.mute.node, latches.solo.node] : [],
    });
    return { kind, fader, latches };
  });
  return {
    node: el("div", { class: "kinds" }, ...rows.map((row) => row.fader.node)),
    update() {
      const { panel } = store;
      const f = peekFaders(panel, name);
      for (const { kind, fader, latches } of rows) {
        const silent = whyKindSilent(panel, name, kind) !== "";
        fader.update(gainAt(f.kinds, kind), { silent, fades: `kind:${kind}` in f.fades });
        latches?.mute.update(kindsIn(panel.muted, name).includes(kind));
        latches?.solo.update(kindsIn(panel.soloed, name).includes(kind));
      }
    },
  };
}
