/* The host's own menu of adapters: Python brings it up to date whenever this page sees that other adapters are loaded. */
(function (M) {
  "use strict";

  let told = null;

  M.store.onChange(M.guard("the host's menu", () => {
    const { state } = M.store;
    if (!state) return;
    const names = JSON.stringify([state.model.name, ...state.adapters.map((adapter) => adapter.name)]);
    if (names === told) return;
    if (M.wire.write("lora-mixer-menu", JSON.stringify({ t: Date.now(), names }))) told = names;
  }));
})(window.loraMixer);
