/* The dock: the few faders that one wants beside the chat, in a small panel at the right edge of the chat's own tab. */

import { bypassButton } from "../desk/bypass.js";
import { smallCrossfade } from "../desk/crossfade.js";
import { faderRow } from "../desk/fader.js";
import { kindFaders } from "../desk/kinds.js";
import { powerSwitch, silentBadge } from "../desk/latches.js";
import { deskIcon, el, setAttribute, showText } from "../page/elements.js";
import { foldable } from "../page/foldable.js";
import { keepKeys } from "../page/gestures.js";
import { keyed } from "../page/keyed.js";
import { guard, listen, onStop } from "../page/lifetime.js";
import { recall, remember } from "../page/memory.js";
import { clamp } from "../page/numbers.js";
import { fadersOf, hasMoved, peekFaders, whySilent } from "../page/panel.js";
import { store } from "../page/store.js";
import { answeringTwice } from "./answer_twice.js";
import { chatGivesWay, standBeside } from "./beside.js";

/** @import { Adapter } from "../page/messages.js" */

const CHATS = ["chat-tab", "notebook-parent-tab", "lora-mixer-chat"];
const OPEN = "lora-mixer-dock-open";
const TOP = "lora-mixer-dock-top";
const [HIGHEST, LOWEST, USUAL] = [0.02, 0.7, 0.16]; // where the pill can stand, as parts of the page's height
const SLACK = 5; // pixels that a click may wander

/** How much of the right edge TextGen's own sidebar takes: the dock stands beside it. */
function sidebar() {
  const box = document.getElementById("chat-controls")?.getBoundingClientRect();
  if (!box?.width || box.right < innerWidth - 2 || box.left < innerWidth / 2) return 0;
  return Math.max(0, Math.round(innerWidth - box.left));
}

/** How much of the left edge TextGen's list of tabs takes, where it is open. */
function rail() {
  const box = document.querySelector(".header_bar")?.getBoundingClientRect();
  if (!box || box.left > 0 || box.height <= innerHeight / 2 || box.right >= innerWidth / 2) return 0;
  return Math.max(0, Math.round(box.right));
}

/** @param {Adapter} adapter */
function channel(adapter) {
  const { name } = adapter;
  const power = powerSwitch(name);
  const master = faderRow({
    data: { fader: "master" },
    name: "Master",
    label: `Master fader of ${name}, beside the chat`,
    set: (v) =>
      store.edit((panel) => {
        fadersOf(panel, name).master = v;
      }),
  });
  const kinds = kindFaders(adapter, true);
  const more = foldable(`dock/${name}`, "Kinds", false, kinds.node, () => store.changed());
  const why = silentBadge();
  const head = el(
    "div",
    { class: "channel-head" },
    power.node,
    el("span", { class: "name", text: name, title: name }),
    why.node,
  );
  const node = el("div", { class: "channel", data: { adapter: name } }, head, master.node, more.node);
  if (!adapter.kinds.length) more.node.hidden = true;
  return {
    node,
    update() {
      const { panel } = store;
      const f = peekFaders(panel, name);
      const silent = whySilent(panel, adapter);
      node.classList.toggle("is-silent", silent !== "");
      why.update(silent);
      power.update(f.on);
      master.update(f.master, { fades: "master" in f.fades });
      if (more.open) kinds.update();
    },
  };
}

/**
 * The pill, which is dragged up and down, and clicked.
 *
 * @param {(top: number) => void} moved where it stands, as a part of the page's height
 * @param {() => void} clicked
 */
function dragPill(moved, clicked) {
  const pill = el(
    "button",
    {
      type: "button",
      class: "pill",
      "aria-expanded": "false",
      "aria-label": "LoRA faders",
      title: "LoRA faders (drag to move)",
    },
    deskIcon(),
    el("span", { class: "pill-text", text: "LoRA" }),
  );
  const kept = Number.parseFloat(recall(TOP) ?? "");
  let top = Number.isFinite(kept) ? kept : USUAL;
  /** @type {{y: number, top: number, moved: boolean} | null} */
  let pull = null;
  let dragged = false;
  const put = () => moved(clamp(top, HIGHEST, LOWEST));
  pill.addEventListener(
    "pointerdown",
    guard("dock", (/** @type {PointerEvent} */ event) => {
      if (event.button) return;
      pull = { y: event.clientY, top, moved: false };
      pill.setPointerCapture(event.pointerId);
    }),
  );
  pill.addEventListener(
    "pointermove",
    guard("dock", (/** @type {PointerEvent} */ event) => {
      if (!pull) return;
      const dy = event.clientY - pull.y;
      if (Math.abs(dy) > SLACK) pull.moved = true;
      if (!pull.moved) return;
      top = clamp(pull.top + dy / innerHeight, HIGHEST, LOWEST);
      put();
    }),
  );
  const drop = guard("dock", () => {
    dragged = Boolean(pull?.moved);
    if (dragged) remember(TOP, String(top));
    pull = null;
  });
  pill.addEventListener("pointerup", drop);
  pill.addEventListener("pointercancel", drop);
  pill.addEventListener(
    "click",
    guard("dock", () => {
      if (!dragged) clicked();
      dragged = false;
    }),
  );
  put();
  return pill;
}

export function faderDock() {
  /** @type {Set<string>} */
  const seen = new Set(); // the chats on screen
  /** @type {Map<string, HTMLElement | null>} */
  const watched = new Map();
  let open = recall(OPEN) === "1";
  let shown = false;

  const bypass = bypassButton();
  const shut = el("button", {
    type: "button",
    class: "button small shut",
    text: "\u00d7",
    "aria-label": "Close the LoRA faders",
    on: { click: () => toggle(false) },
  });
  const crossfade = smallCrossfade();
  const body = el("div", { class: "channels" });
  const differs = el("p", { class: "hint", hidden: true, data: { part: "mid-reply" } });
  const move = el("p", { class: "hint", hidden: true, data: { part: "move" } });
  const standing = el("p", { class: "hint", role: "status", hidden: true, data: { part: "standing" } });
  const twice = answeringTwice();
  const chat = chatGivesWay();
  const panel = el(
    "div",
    { class: "dock-panel", role: "group", "aria-label": "LoRA faders" },
    el("div", { class: "dock-head" }, bypass.node, shut),
    crossfade.node,
    body,
    el("div", { class: "dock-told" }, standing, move, differs),
    twice.inside,
  );
  const side = el("div", { class: "dock-side" }, panel, twice.beside);
  const node = el("div", { class: "dock" });
  const pill = dragPill(
    (top) => node.style.setProperty("--lm-top", `${(top * 100).toFixed(1)}vh`),
    () => toggle(!open),
  );
  node.append(pill, side);
  node.classList.add("lora-mixer");
  node.hidden = true;
  keepKeys(node);

  /** @param {boolean} next */
  function toggle(next) {
    open = next;
    remember(OPEN, open ? "1" : "0");
    draw();
    giveWay(shown);
    if (open) {
      twice.opened();
      store.changed();
    } else pill.focus();
  }
  function draw() {
    node.classList.toggle("is-open", open);
    setAttribute(pill, "aria-expanded", String(open));
  }
  node.addEventListener(
    "keydown",
    guard("dock", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape" || !open || event.defaultPrevented) return;
      event.preventDefault();
      event.stopPropagation();
      toggle(false);
    }),
  );

  // Shown with the chat: an observer costs nothing while nothing changes.
  const observer = new IntersectionObserver(
    guard("dock", (/** @type {IntersectionObserverEntry[]} */ entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target.id);
        else seen.delete(entry.target.id);
      }
      store.changed();
    }),
  );
  onStop(() => {
    observer.disconnect();
    bypass.lift();
    node.remove();
  });

  /** @param {boolean} show */
  function giveWay(show) {
    shown = show;
    const over = show && (open || !twice.beside.hidden);
    if (over) standBeside(side);
    chat.update(over ? side : null);
  }
  // The side stands still on the screen, and the chat goes on with the page.
  const follow = () => {
    if (shown) giveWay(true);
  };
  for (const type of ["scroll", "resize"]) listen(window, type, follow, { passive: true });

  draw();
  return {
    node,
    /** Hosts make their elements anew: look for the chats, and for our own place, again. */
    look() {
      for (const id of CHATS) {
        const found = document.getElementById(id);
        const before = watched.get(id);
        if (before === found) continue;
        if (before) observer.unobserve(before);
        seen.delete(id);
        watched.set(id, found);
        if (found) observer.observe(found);
      }
      node.style.setProperty("--lm-right", `${sidebar()}px`);
      node.style.setProperty("--lm-left", `${rail() + 8}px`);
      const home = document.querySelector(".gradio-container") ?? document.body;
      if (node.parentNode !== home) home.append(node);
    },
    update() {
      const { state, panel: stands } = store;
      const adapters = state?.adapters ?? [];
      const show = adapters.length > 0 && seen.size > 0;
      if (node.hidden === show) node.hidden = !show;
      twice.update(show);
      giveWay(show);
      if (!show) {
        bypass.lift();
        return;
      }
      const channels = keyed(body, adapters, (adapter) => adapter, channel);
      pill.classList.toggle("is-silent", !adapters.some((adapter) => whySilent(stands, adapter) === ""));
      pill.classList.toggle(
        "is-moved",
        adapters.some((adapter) => hasMoved(stands, adapter.name)),
      );
      if (!open) return;
      bypass.update(stands.bypass);
      crossfade.update();
      const told = state?.engine?.differs.mid_reply ?? "";
      showText(differs, told && `Moved in the middle of a reply: ${told[0].toLowerCase()}${told.slice(1)}`);
      showText(standing, state?.engine?.standing ?? "");
      showText(move, state?.engine?.differs.live ?? "");
      for (const one of channels) one.update();
    },
  };
}
