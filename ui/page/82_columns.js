/* The columns as they are set up: one line for each, with its name, what it plays, and its place. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;
  const PLAYS = [["faders", "The faders as they stand"], ["as loaded", "As loaded"], ["base", "The base model"]];
  const PROFILE = "profile:"; // before a profile's name, among the choices

  const change = (message) => M.lab.order(message, (answer) => {
    if (answer.refused) M.lab.tell(answer.refused.why);
  });

  /** A button with a sign in it. */
  const sign = (text, label, data, click) => el("button", { type: "button", class: "sign", text, title: label, "aria-label": label, data, on: { click } });

  function line(column) {
    const { key } = column;
    let shown = null;
    const letter = el("span", { class: "letter" });
    const name = el("input", { type: "text", class: "text-input column-name", maxlength: 80, autocomplete: "off", spellcheck: "false" });
    const plays = el("select", { class: "select" });
    const keep = el("button", { type: "button", class: "button small", text: "Keep the faders here", data: { do: "keep-here" },
      title: "This column plays the faders as they stand now, also when they move on", on: { click: () => change({ do: "keep", key }) } });
    const move = (by) => {
      change({ do: "move", key, by });
      refocus = { key, by };
    };
    const up = sign("\u2191", "", { do: "up" }, () => move(-1));
    const down = sign("\u2193", "", { do: "down" }, () => move(1));
    const gone = sign("\u00d7", "", { do: "remove" }, () => change({ do: "remove", key }));
    const node = el("li", { class: "column", data: { column: String(key) } },
      letter, name, plays, keep, el("span", { class: "signs" }, up, down, gone));

    const commit = () => {
      if (shown && name.value.trim() !== shown.name) change({ do: "rename", key, name: name.value });
    };
    name.addEventListener("change", M.guard("rename", commit));
    name.addEventListener("keydown", M.guard("rename", (event) => {
      if (event.key === "Enter") name.blur();
      if (event.key === "Escape" && shown) {
        event.preventDefault();
        name.value = shown.name;
        name.blur();
      }
    }));
    plays.addEventListener("change", M.guard("plays", () => {
      if (plays.value.startsWith(PROFILE)) change({ do: "profile", key, name: plays.value.slice(PROFILE.length) });
      else change({ do: "play", key, plays: plays.value });
    }));
    node.addEventListener("keydown", M.guard("move", (event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      move(event.key === "ArrowUp" ? -1 : 1);
    }));

    function choices(next) {
      const profiles = (M.works.profiles || []).map((one) => [PROFILE + one.name, `Profile: ${one.name}`]);
      const all = [...PLAYS, ...(next.kept ? [["kept", `Kept: ${next.kept}`]] : []), ...profiles];
      const made = JSON.stringify(all);
      if (plays.dataset.of !== made) {
        plays.dataset.of = made;
        plays.replaceChildren(...all.map(([value, text]) => el("option", { value, text })));
      }
      if (plays.value !== next.plays) plays.value = next.plays;
    }

    return {
      node, key,
      focus(by) {
        const wanted = by < 0 ? up : down;
        (wanted.disabled ? (by < 0 ? down : up) : wanted).focus();
      },
      update(next, at, setup) {
        shown = next;
        const { columns, least } = setup;
        setText(letter, next.letter);
        choices(next);
        if (document.activeElement !== name && name.value !== next.name) name.value = next.name;
        const text = plays.selectedOptions.length ? plays.selectedOptions[0].textContent : "";
        setAttribute(name, "placeholder", next.plays === "kept" ? next.kept : text);
        setAttribute(name, "aria-label", `Name of column ${next.letter}`);
        setAttribute(plays, "aria-label", `Column ${next.letter} plays`);
        setAttribute(keep, "aria-label", `Keep the faders as ${next.letter}`);
        plays.id = `lora-mixer-plays-${next.letter}`;
        keep.id = `lora-mixer-keep-${next.letter}`;
        up.disabled = at === 0;
        down.disabled = at === columns.length - 1;
        gone.disabled = columns.length <= least;
        for (const [button, what] of [[up, "up"], [down, "down"]]) {
          setAttribute(button, "aria-label", `Move column ${next.letter} ${what}`);
          setAttribute(button, "title", `Move ${what} (Alt and the arrow keys)`);
        }
        const why = gone.disabled ? `A comparison needs ${least} columns` : `Remove column ${next.letter}`;
        setAttribute(gone, "title", why);
        setAttribute(gone, "aria-label", why);
      },
    };
  }

  let refocus = null; // after a move by keyboard, the button stays under the finger

  /** {node, update()}: the list, and the button that adds one. */
  M.columns = function () {
    const list = el("ol", { class: "column-list" });
    const add = el("button", { type: "button", class: "button", text: "Add a column", id: "lora-mixer-add", on: { click: () => change({ do: "add" }) } });
    const over = el("button", { type: "button", class: "link", text: "Start over", title: "Back to two columns: the faders against the base model",
      data: { do: "start-over" }, on: { click: () => change({ do: "start over" }) } });
    const sweep = M.sweep();
    const node = el("div", { class: "panel-card" }, list, el("div", { class: "column-tools" }, add, sweep.button, over), sweep.node);
    let lines = [];
    return {
      node,
      update() {
        const { setup } = M.lab;
        if (!setup) return;
        const old = new Map(lines.map((one) => [one.key, one]));
        const next = setup.columns.map((column) => old.get(column.key) || line(column));
        if (next.length !== lines.length || next.some((one, i) => one !== lines[i])) {
          const focused = document.activeElement;
          list.replaceChildren(...next.map((one) => one.node));
          if (focused && list.contains(focused)) focused.focus();
          lines = next;
        }
        setup.columns.forEach((column, at) => lines[at].update(column, at, setup));
        if (refocus) {
          const moved = lines.find((one) => one.key === refocus.key);
          if (moved && (!document.activeElement || document.activeElement === document.body || list.contains(document.activeElement))) moved.focus(refocus.by);
          refocus = null;
        }
        const full = setup.columns.length >= setup.most;
        add.disabled = full;
        setAttribute(add, "title", full ? `There can be no more than ${setup.most} columns` : "A column that keeps the faders as they stand now");
        over.hidden = setup.columns.length === 2 && setup.columns.every((c) => c.plays !== "kept" && !c.name);
        sweep.update();
      },
    };
  };
})(window.loraMixer);
