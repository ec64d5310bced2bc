/* The dock: the few faders that one wants beside the chat, in a small panel at the right edge of the chat's own tab. */
(function (M) {
  "use strict";

  const { el, setAttribute } = M.dom;
  const CHATS = ["chat-tab", "notebook-parent-tab", "lora-mixer-chat"];
  const OPEN = "lora-mixer-dock-open";
  const TOP = "lora-mixer-dock-top";

  function remember(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch (_) { /* private browsing: it is forgotten, no more */ }
  }
  function recall(key) {
    try {
      return localStorage.getItem(key);
    } catch (_) {
      return null;
    }
  }

  /** How much of the right edge TextGen's own sidebar takes: the dock stands beside it. */
  function sidebar() {
    const side = document.getElementById("chat-controls");
    const box = side && side.getBoundingClientRect();
    if (!box || !box.width || box.right < innerWidth - 2 || box.left < innerWidth / 2) return 0;
    return Math.max(0, Math.round(innerWidth - box.left));
  }

  /** How much of the left edge TextGen's list of tabs takes, where it is open. */
  function rail() {
    const bar = document.querySelector(".header_bar");
    const box = bar && bar.getBoundingClientRect();
    return box && box.left <= 0 && box.height > innerHeight / 2 && box.right < innerWidth / 2 ? Math.max(0, Math.round(box.right)) : 0;
  }

  function channel(adapter) {
    const name = adapter.name;
    const power = M.onOff(name);
    const master = M.fader({
      data: { fader: "master" }, name: "Master", label: `Master fader of ${name}, beside the chat`,
      set: (v) => M.store.edit((p) => { M.model.of(p, name).master = v; }),
    });
    const kinds = M.kinds(adapter, true);
    const more = M.dom.section(`dock/${name}`, "Kinds", false, kinds.node, () => M.store.changed());
    const why = M.whySilent();
    const node = el("div", { class: "channel", data: { adapter: name } },
      el("div", { class: "channel-head" }, power.node, el("span", { class: "name", text: name, title: name }), why.node), master.node, more.node);
    if (!adapter.kinds.length) more.node.hidden = true;
    return {
      node, adapter,
      update() {
        const p = M.store.panel;
        const f = M.model.peek(p, name);
        const silent = M.model.silence(p, adapter);
        node.classList.toggle("is-silent", silent !== "");
        why.update(silent);
        power.update(f.on);
        master.update(f.master, false, "master" in f.fades);
        if (more.open) kinds.update();
      },
    };
  }

  M.dock = function () {
    const seen = new Set(); // the chats on screen
    const watched = new Map();
    const channels = new Map();
    let open = recall(OPEN) === "1";

    const pill = el("button", { type: "button", class: "pill", "aria-expanded": "false", "aria-label": "LoRA faders", title: "LoRA faders (drag to move)" },
      M.dom.icon(), el("span", { class: "pill-text", text: "LoRA" }));
    const bypass = M.bypass();
    const shut = el("button", { type: "button", class: "button small shut", text: "\u00d7", "aria-label": "Close the LoRA faders", on: { click: () => toggle(false) } });
    const body = el("div", { class: "channels" });
    const twice = M.answeringTwice();
    const room = M.chatRoom();
    const panel = el("div", { class: "dock-panel", role: "group", "aria-label": "LoRA faders" },
      el("div", { class: "dock-head" }, bypass.node, shut), body, twice.inside);
    const side = el("div", { class: "dock-side" }, panel, twice.beside);
    const node = el("div", { class: "dock" }, pill, side);
    node.classList.add("lora-mixer");
    node.hidden = true;
    M.dom.keepKeys(node);

    function toggle(next) {
      open = next;
      remember(OPEN, open ? "1" : "0");
      draw();
      giveRoom(shown);
      if (open) {
        twice.opened();
        M.store.changed();
      } else pill.focus();
    }
    function draw() {
      node.classList.toggle("is-open", open);
      setAttribute(pill, "aria-expanded", String(open));
    }
    node.addEventListener("keydown", M.guard("dock", (event) => {
      if (event.key !== "Escape" || !open || event.defaultPrevented) return;
      event.preventDefault();
      event.stopPropagation();
      toggle(false);
    }));

    // The pill is dragged up and down, and clicked.
    let top = Number.parseFloat(recall(TOP));
    if (!Number.isFinite(top)) top = 0.16;
    const put = () => node.style.setProperty("--lm-top", `${(M.model.clamp(top, 0.02, 0.7) * 100).toFixed(1)}vh`);
    let pull = null;
    const on = (type, fn) => pill.addEventListener(type, M.guard("dock", fn));
    on("pointerdown", (event) => {
      if (event.button) return;
      pull = { y: event.clientY, top, moved: false };
      pill.setPointerCapture(event.pointerId);
    });
    on("pointermove", (event) => {
      if (!pull) return;
      const dy = event.clientY - pull.y;
      if (Math.abs(dy) > 5) pull.moved = true;
      if (!pull.moved) return;
      top = M.model.clamp(pull.top + dy / innerHeight, 0.02, 0.7);
      put();
    });
    let dragged = false;
    const drop = () => {
      dragged = Boolean(pull && pull.moved);
      if (dragged) remember(TOP, String(top));
      pull = null;
    };
    on("pointerup", drop);
    on("pointercancel", drop);
    on("click", () => {
      if (!dragged) toggle(!open);
      dragged = false;
    });

    // Shown with the chat: an observer costs nothing while nothing changes.
    const observer = new IntersectionObserver(M.guard("dock", (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target.id);
        else seen.delete(entry.target.id);
      }
      M.store.changed();
    }));
    M.onStop(() => {
      observer.disconnect();
      bypass.lift();
      node.remove();
    });

    let shown = false;
    function giveRoom(show) {
      shown = show;
      const over = show && (open || !twice.beside.hidden);
      if (over) M.standBeside(side);
      room.update(over ? side : null);
    }
    // The side stands still on the screen, and the chat goes on with the page.
    for (const type of ["scroll", "resize"]) M.listen(window, type, () => { if (shown) giveRoom(true); }, { passive: true });

    put();
    draw();
    return {
      node,
      /** Hosts make their elements anew: look for the chats, and for our own place, again. */
      look() {
        for (const id of CHATS) {
          const chat = document.getElementById(id);
          if (watched.get(id) === chat) continue;
          if (watched.get(id)) observer.unobserve(watched.get(id));
          seen.delete(id);
          watched.set(id, chat);
          if (chat) observer.observe(chat);
        }
        node.style.setProperty("--lm-right", `${sidebar()}px`);
        node.style.setProperty("--lm-left", `${rail() + 8}px`);
        const home = document.querySelector(".gradio-container") || document.body;
        if (node.parentNode !== home) home.append(node);
      },
      update() {
        const { state, panel: p } = M.store;
        const adapters = state ? state.adapters : [];
        const show = adapters.length > 0 && seen.size > 0;
        if (node.hidden === show) node.hidden = !show;
        twice.update(show);
        giveRoom(show);
        if (!show) {
          bypass.lift();
          return;
        }
        for (const [name, c] of channels) {
          if (adapters.includes(c.adapter)) continue;
          c.node.remove();
          channels.delete(name);
        }
        for (const adapter of adapters) {
          if (!channels.has(adapter.name)) channels.set(adapter.name, channel(adapter));
        }
        const nodes = adapters.map((a) => channels.get(a.name).node);
        if (nodes.some((n, i) => body.children[i] !== n)) body.replaceChildren(...nodes);
        const audible = adapters.some((a) => M.model.silence(p, a) === "");
        pill.classList.toggle("is-silent", !audible);
        pill.classList.toggle("is-moved", adapters.some((a) => M.model.touched(p, a.name)));
        if (!open) return;
        bypass.update(p.bypass);
        for (const c of channels.values()) c.update();
      },
    };
  };
})(window.loraMixer);
