/* Moving the grid's cells: by mouse, finger and keys, one at a time or painted with a brush. */
(function (M) {
  "use strict";

  const { el, setAttribute } = M.dom;
  const BRUSHES = [0, 0.5, 1, 1.5, 2];
  const LOOSE_GAP = 8; // before the column of targets that have no layer, as in desk.css
  const HINTS = {
    adjust: "Drag a cell up or down; with the keyboard + and \u2212, or type a number. Double-click puts it back to 1.",
    paint: "Drag across cells to paint them; with the keyboard, Space paints. Double-click puts a cell back to 1.",
  };

  function toolbar(choose) {
    let brush = null; // null: adjust
    const buttons = [];
    const pick = (value) => {
      brush = value;
      choose(value);
      draw();
    };
    const add = (value, text, label) => {
      const node = el("button", {
        type: "button", class: "brush", text, "aria-label": label, "aria-pressed": "false", title: label,
        data: { brush: value === null ? "adjust" : String(value) }, on: { click: () => pick(value) },
      });
      buttons.push({ value, node });
      return node;
    };
    const all = [add(null, "Adjust", "Adjust single cells"), ...BRUSHES.map((v) => add(v, M.model.short(v), `Paint ${v}`))];
    const typed = M.numberField({ label: "Brush value", set: pick, step: false });
    // Choosing the field chooses its number, whatever it says.
    typed.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") pick(M.model.parse(typed.input.value) ?? brush);
    });
    function draw() {
      for (const b of buttons) setAttribute(b.node, "aria-pressed", String(b.value === brush));
      if (brush !== null) typed.update(brush);
      typed.node.classList.toggle("is-picked", brush !== null && !BRUSHES.includes(brush));
    }
    draw();
    const node = el("div", { class: "tools" },
      el("div", { class: "brushes", role: "group", "aria-label": "What dragging does" }, el("span", { class: "label", text: "Brush" }), ...all, typed.node));
    return node;
  }

  /** {node: the toolbar, hint(), stop()}; moves view (60_grid.js). */
  M.hand = function (view) {
    const { ix, body, cells } = view;
    const there = (c) => c >= 0 && ix.start[c + 1] > ix.start[c];
    let brush = null;
    let drag = null; // {id, kind: "paint" | "adjust", …}
    const tools = toolbar((value) => {
      brush = value;
      body.classList.toggle("is-painting", value !== null);
      M.store.changed();
    });
    const on = (type, fn) => body.addEventListener(type, M.guard("grid", fn));

    /** Row and column under a point: arithmetic on the first cell's place, cells being all alike. */
    function ruler() {
      const box = cells[0].getBoundingClientRect();
      const n = ix.adapter.layers.length;
      return (x, y) => {
        const right = x - box.left;
        const col = right < n * view.size ? Math.floor(right / view.size) : right >= n * view.size + LOOSE_GAP ? n : -1;
        const row = Math.floor((y - box.top) / view.row);
        return col >= 0 && col < ix.cols && row >= 0 && row < ix.rows ? { row, col } : null;
      };
    }
    const cellAt = (at, x, y) => {
      const p = at(x, y);
      return p ? p.row * ix.cols + p.col : -1;
    };
    const cellOf = (node) => cells.indexOf(node.closest(".lora-mixer-cell"));

    function paintTo(x, y) {
      const to = drag.at(x, y);
      if (!to) {
        drag.from = null;
        return;
      }
      const from = drag.from || to;
      const steps = Math.max(1, Math.abs(to.row - from.row), Math.abs(to.col - from.col));
      const fresh = new Set();
      for (let s = 0; s <= steps; s += 1) {
        const row = from.row + Math.round(((to.row - from.row) * s) / steps);
        const col = from.col + Math.round(((to.col - from.col) * s) / steps);
        const c = row * ix.cols + col;
        if (there(c) && !drag.painted.has(c)) fresh.add(c);
      }
      drag.from = to;
      if (!fresh.size) return;
      M.store.edit((p) => {
        for (const c of fresh) {
          drag.painted.add(c);
          M.model.putCell(ix, p, c, brush);
        }
      });
      view.hover = to.row * ix.cols + to.col;
      if (!there(view.hover)) view.hover = -1;
    }

    function adjustTo(event) {
      const { min, max } = M.store.range();
      const up = drag.y - event.clientY;
      if (!drag.moving && Math.abs(up) < 4) return;
      if (!drag.moving) {
        drag.moving = true;
        drag.y = event.clientY;
        return;
      }
      const span = ((max - min) / 160) * (event.shiftKey ? 0.25 : 1);
      const raw = drag.start + up * span;
      const value = Math.abs(raw - 1) < 0.02 ? 1 : M.model.round(M.model.clamp(raw, Math.min(min, drag.start), Math.max(max, drag.start)));
      if (value !== drag.value) {
        drag.value = value;
        view.set(drag.c, value);
      }
    }

    on("pointerdown", (event) => {
      if (event.button || drag || !event.target.closest(".lora-mixer-cell")) return;
      const at = ruler();
      const c = cellAt(at, event.clientX, event.clientY);
      const touch = event.pointerType === "touch";
      if (brush !== null) {
        drag = { id: event.pointerId, kind: "paint", at, from: null, painted: new Set(), finger: touch ? event : null };
      } else if (there(c) && (!touch || c === view.chosen)) {
        // A finger must choose a cell before it can drag it: else every scroll would move faders.
        const start = M.model.own(ix, M.store.panel, c).value;
        drag = { id: event.pointerId, kind: "adjust", c, start, value: start, y: event.clientY, moving: false };
      }
      if (there(c) && !touch) choose(c);
      if (!drag) return;
      M.store.grab();
      body.setPointerCapture(event.pointerId);
      if (drag.kind === "paint" && !touch) paintTo(event.clientX, event.clientY);
    });
    on("pointermove", (event) => {
      if (drag && event.pointerId === drag.id) {
        if (drag.kind === "adjust") adjustTo(event);
        else if (!M.dom.mayScroll(drag.finger, event)) {
          if (drag.finger) paintTo(drag.finger.clientX, drag.finger.clientY);
          drag.finger = null;
          for (const e of coalesced(event)) paintTo(e.clientX, e.clientY);
        }
        return;
      }
      if (event.pointerType === "touch") return;
      const cell = event.target.closest(".lora-mixer-cell");
      look(cell ? cellOf(cell) : -1);
    });
    const coalesced = (event) => (event.getCoalescedEvents && event.getCoalescedEvents().length ? event.getCoalescedEvents() : [event]);
    function end(event) {
      if (!drag || event.pointerId !== drag.id) return;
      if (event.type === "pointerup" && drag.finger) paintTo(event.clientX, event.clientY);
      drag = null;
      view.hover = -1;
      M.store.release();
      M.store.changed();
    }
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) on(type, end);
    on("click", (event) => {
      const cell = event.target.closest(".lora-mixer-cell");
      const c = cell ? cellOf(cell) : -1;
      if (there(c)) choose(c);
    });
    on("pointerleave", () => look(-1));

    function look(c) {
      const next = there(c) ? c : -1;
      if (next === view.hover) return;
      view.hover = next;
      M.store.changed();
    }
    function choose(c) {
      view.choose(c);
      if (document.activeElement !== cells[c]) cells[c].focus({ preventScroll: true });
    }

    M.dom.onDouble(body, (event) => {
      const c = cellAt(ruler(), event.clientX, event.clientY);
      if (there(c)) view.set(c, 1);
    });

    // Keys ----------------------------------------------------------------------------------------------------------

    /** The next cell with a target from c in steps of (dr, dc), or c. */
    function walk(c, dr, dc) {
      let row = (c / ix.cols) | 0;
      let col = c % ix.cols;
      for (;;) {
        row += dr;
        col += dc;
        if (row < 0 || col < 0 || row >= ix.rows || col >= ix.cols) return c;
        if (there(row * ix.cols + col)) return row * ix.cols + col;
      }
    }
    function edge(c, dc) {
      let at = c;
      for (let next = walk(at, 0, dc); next !== at; next = walk(at, 0, dc)) at = next;
      return at;
    }

    const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    on("keydown", (event) => {
      const c = view.chosen;
      if (!there(c) || event.ctrlKey || event.metaKey || !event.target.closest(".lora-mixer-cell")) return;
      const value = M.model.own(ix, M.store.panel, c).value;
      const key = event.key;
      const nudge = { "+": 1, "=": 1, "-": -1, _: -1 }[key] || (event.altKey && { ArrowUp: 1, ArrowDown: -1 }[key]);
      if (nudge) {
        const step = event.altKey && event.shiftKey ? 0.25 : 0.05;
        view.set(c, M.model.round(value + nudge * step));
      } else if (event.altKey) return;
      else if (STEPS[key]) go(walk(c, ...STEPS[key]));
      else if (key === "Home") go(edge(c, -1));
      else if (key === "End") go(edge(c, 1));
      else if (key === "Delete" || key === "Backspace") view.set(c, 1);
      else if (key === " " && brush !== null) view.set(c, brush);
      else if (/^[0-9.,]$/.test(key) || key === "Enter" || key === "F2") view.type(/^[0-9.,]$/.test(key) ? key : "");
      else return;
      event.preventDefault();
    });
    function go(c) {
      view.hover = -1;
      view.choose(c);
      cells[c].focus();
    }

    return {
      node: tools,
      hint: () => (brush === null ? HINTS.adjust : HINTS.paint),
      stop() {
        if (drag) M.store.release();
        drag = null;
      },
    };
  };
})(window.loraMixer);
