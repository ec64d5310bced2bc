/*
 * What the host itself shows of model and adapters: Python brings it up to date whenever this page sees that others
 * are loaded, that something else plays them, or that nothing does any more.
 */

import { store } from "./store.js";
import { wire } from "./wire.js";

export function keepHostMenu() {
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
