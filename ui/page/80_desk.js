/* The desk: top row, trouble, offer, and a strip for each adapter, kept in step with the store. */
(function (M) {
  "use strict";

  const { el, setText } = M.dom;

  function troubleBox() {
    const title = el("strong", { class: "trouble-title" });
    const advice = el("span", { class: "trouble-advice" });
    return {
      node: el("div", { class: "trouble", role: "status" }, M.dom.icon(), el("div", {}, title, advice)),
      update(trouble) {
        setText(title, trouble.title || "");
        setText(advice, trouble.advice || "");
      },
    };
  }

  function offerBox() {
    const text = el("span", { class: "offer-text" });
    const button = el("button", { type: "button", class: "button primary", data: { do: "offer" } });
    let offer = null;
    button.addEventListener("click", M.guard("offer", () => {
      button.disabled = true; // until the next state says what became of it
      M.wire.command({ do: "accept_offer", id: offer.id });
    }));
    return {
      node: el("div", { class: "offer" }, text, button),
      update(next) {
        if (next !== offer) button.disabled = false;
        offer = next;
        setText(text, next.text || "");
        setText(button, next.label || "Accept");
      },
    };
  }

  /** What to say where there is nothing to mix. */
  function nothing(state) {
    if (!state) {
      return M.wire.lost()
        ? { title: "No answer", advice: "The LoRA Mixer's Python side does not answer. Look at the terminal of the host, then reload this page." }
        : { title: "Connecting\u2026", advice: "" };
    }
    if (state.trouble) return state.trouble;
    if (!state.adapters.length) return { title: "No adapter to mix", advice: "Load a LoRA, and its faders appear here." };
    return null;
  }

  M.desk = function () {
    const topbar = M.topbar();
    const trouble = troubleBox();
    const offer = offerBox();
    const profiles = M.profilesLine();
    const stack = el("div", { class: "stack" });
    const root = el("div", { class: "desk" }, topbar.node, trouble.node, offer.node, profiles.node, stack);
    root.classList.add("lora-mixer");
    M.dom.keepKeys(root);
    let strips = [];
    let visible = false;

    function keepStrips(adapters) {
      const old = new Map(strips.map((s) => [s.adapter, s]));
      if (strips.length === adapters.length && adapters.every((a, i) => strips[i].adapter === a)) return;
      strips = adapters.map((a) => old.get(a) || M.strip(a, adapters.length === 1));
      for (const [adapter, strip] of old) if (!adapters.includes(adapter)) strip.stop();
      stack.replaceChildren(...strips.map((s) => s.node));
    }

    const sizes = new ResizeObserver(M.guard("resizing", () => {
      const w = root.clientWidth;
      if (!w) return;
      root.classList.toggle("is-narrow", w < 560);
      for (const s of strips) s.resize();
    }));
    sizes.observe(root);
    const sight = new IntersectionObserver(M.guard("desk", (entries) => {
      visible = entries[entries.length - 1].isIntersecting;
      if (visible) M.store.changed();
    }));
    sight.observe(root);
    M.onStop(() => {
      sizes.disconnect();
      sight.disconnect();
      for (const s of strips) s.stop();
      root.remove();
    });

    return {
      root,
      /** The host may make our place anew, or empty it: move back in. */
      settle() {
        const place = document.getElementById("lora-mixer-desk");
        if (place && root.parentNode !== place) place.replaceChildren(root);
      },
      update() {
        if (!visible) return;
        const { state } = M.store;
        const empty = nothing(state);
        trouble.node.hidden = !empty;
        if (empty) trouble.update(empty);
        offer.node.hidden = !state || !state.offer;
        if (state && state.offer) offer.update(state.offer);
        topbar.update();
        profiles.update();
        root.classList.toggle("is-bypassed", Boolean(M.store.panel && M.store.panel.bypass));
        keepStrips(state ? state.adapters : []);
        for (const s of strips) s.update();
      },
    };
  };
})(window.loraMixer);
