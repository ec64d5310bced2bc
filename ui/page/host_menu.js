/*
 * The host's own menu of adapters: Python brings it up to date whenever this page sees that other adapters are loaded.
 */

import { store } from "./store.js";
import { wire } from "./wire.js";

export function keepHostMenu() {
  let told = "";
  store.onChange(() => {
    const { state } = store;
    if (!state) return;
    const names = JSON.stringify([state.model.name, ...state.adapters.map((adapter) => adapter.name)]);
    if (names === told) return;
    if (wire.write("lora-mixer-menu", JSON.stringify({ t: Date.now(), names }))) told = names;
  });
}
