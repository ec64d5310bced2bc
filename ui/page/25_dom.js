/* Making elements, and the few gestures that every part of the desk shares. */
(function (M) {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";

  /**
   * el("button", {class: "…", text: "…", data: {}, on: {click}, title: "…"}, child, …): an element. Text is always
   * textContent; unknown properties become attributes; false and null leave an attribute out.
   */
  function el(tag, props, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(props || {})) {
      if (key === "class") node.className = value.split(" ").map((c) => (c.startsWith("is-") ? c : `lora-mixer-${c}`)).join(" ");
      else if (key === "text") node.textContent = value;
      else if (key === "data") Object.assign(node.dataset, value);
      else if (key === "on") for (const type of Object.keys(value)) node.addEventListener(type, M.guard(type, value[type]));
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value === true ? "" : value);
    }
    for (const child of children) if (child) node.append(child);
    return node;
  }

  function svg(tag, attributes, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  /** Three faders, the mark of the desk. */
  const icon = () => svg("svg", { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true", class: "lora-mixer-icon" },
    svg("path", { d: "M4 2v16M10 2v16M16 2v16", stroke: "currentColor", "stroke-width": 1.5, "stroke-linecap": "round", opacity: 0.5 }),
    svg("path", { d: "M2 12.5h4M8 6.5h4M14 9.5h4", stroke: "currentColor", "stroke-width": 3.4, "stroke-linecap": "round" }));

  /** Set text, attribute or class only if it differs: writing what is there already costs layout. */
  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }
  function setAttribute(node, name, value) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }

  /** Double-click, or two quick taps of one finger at one place. */
  function onDouble(node, fn) {
    let tap = { at: 0, x: 0, y: 0 };
    let touched = 0;
    const safe = M.guard("double click", fn);
    node.addEventListener("dblclick", (event) => {
      if (event.timeStamp - touched > 700) safe(event);
    });
    node.addEventListener("pointerup", (event) => {
      if (event.pointerType !== "touch") return;
      const near = Math.abs(event.clientX - tap.x) < 24 && Math.abs(event.clientY - tap.y) < 24;
      if (near && event.timeStamp - tap.at < 350) {
        touched = event.timeStamp;
        tap = { at: 0, x: 0, y: 0 };
        // After what the second tap itself does: a browser moves a range input's thumb late.
        setTimeout(() => safe(event), 0);
      } else {
        tap = { at: event.timeStamp, x: event.clientX, y: event.clientY };
      }
    });
  }

  /** True while a finger that came down at from (null: no finger) may still be about to scroll the page up or down. */
  function mayScroll(from, event) {
    if (!from) return false;
    const dx = Math.abs(event.clientX - from.clientX);
    return dx < 8 || dx < Math.abs(event.clientY - from.clientY);
  }

  /** Keys of ours stay ours: the host stops generating on Escape and walks messages with the arrows. */
  function keepKeys(root) {
    const keep = (event) => {
      if (event.defaultPrevented || !(event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape")) event.stopPropagation();
    };
    root.addEventListener("keydown", keep);
    root.addEventListener("keyup", keep);
    root.addEventListener("keypress", keep);
  }

  /** A <details> whose summary has a name and a digest, and that remembers whether it is open. */
  function section(key, name, open, body, opened) {
    const remembered = M.store.memory.get(key);
    const digest = el("span", { class: "digest" });
    const node = el("details", { class: "section", data: { section: name.toLowerCase() } },
      el("summary", {}, el("span", { class: "section-name", text: name }), digest), body);
    node.open = remembered === undefined ? open : remembered;
    node.addEventListener("toggle", M.guard("toggle", () => {
      M.store.memory.set(key, node.open);
      if (node.open) opened();
    }));
    return { node, digest, get open() { return node.open; } };
  }

  M.dom = { el, svg, icon, setText, setAttribute, onDouble, mayScroll, keepKeys, section };
})(window.loraMixer);
