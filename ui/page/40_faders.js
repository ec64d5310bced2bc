/* The parts that every strip is made of: a fader with its number, mute and solo, the on/off switch. */
(function (M) {
  "use strict";

  const { el, setAttribute, setText } = M.dom;
  const STEP = 0.05;
  const BIG_STEP = 0.25;

  /** The value that a key asks for, or null: arrows by 0.05 (Shift 0.25), Home and End, Delete puts back to 1. */
  M.stepByKey = function (event, value) {
    const step = event.shiftKey ? BIG_STEP : STEP;
    const { min, max } = M.store.range();
    switch (event.key) {
      case "ArrowUp": case "ArrowRight": return M.model.round(value + step);
      case "ArrowDown": case "ArrowLeft": return M.model.round(value - step);
      case "PageUp": return M.model.round(value + BIG_STEP);
      case "PageDown": return M.model.round(value - BIG_STEP);
      case "Home": return min;
      case "End": return max;
      case "Delete": case "Backspace": return 1;
      default: return null;
    }
  };

  /**
   * A field for any finite number: {node, input, update(value)}. set(value) is called when a good number is entered;
   * a bad one is refused with a word about it and put back. refuse(value) may name a further reason.
   */
  M.numberField = function ({ label, set, refuse, step, done }) {
    let shown = 1;
    let timer = 0;
    const bubble = el("span", { class: "bubble", role: "alert" });
    const input = el("input", {
      type: "text", class: "number-input", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-label": label, maxlength: 24,
    });
    const node = el("span", { class: "number" }, input, bubble);
    const write = () => { input.value = M.model.gain(shown); };

    function complain(why) {
      setText(bubble, why);
      node.classList.add("is-bad");
      clearTimeout(timer);
      timer = setTimeout(() => {
        node.classList.remove("is-bad");
        setText(bubble, "");
      }, 2600);
    }

    function commit() {
      const typed = input.value;
      if (typed === M.model.gain(shown)) return;
      const value = M.model.parse(typed);
      const why = value === null ? `${typed.trim() ? `\u201c${typed.trim().slice(0, 16)}\u201d` : "Nothing"} is not a number` : refuse ? refuse(value) : "";
      if (why) {
        write();
        complain(`${why}: ${M.model.gain(shown)} stays.`);
        return;
      }
      node.classList.remove("is-bad");
      shown = value;
      write();
      set(value);
    }

    input.addEventListener("blur", M.guard("number", commit));
    input.addEventListener("change", M.guard("number", commit));
    input.addEventListener("focus", () => input.select());
    input.addEventListener("keydown", M.guard("number", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        commit();
        input.select();
        if (done) done();
      } else if (event.key === "Escape" && (done || input.value !== M.model.gain(shown))) {
        event.preventDefault();
        write();
        input.select();
        if (done) done();
      } else if (step !== false && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
        event.preventDefault();
        commit();
        shown = M.stepByKey(event, shown);
        write();
        set(shown);
      }
    }));
    write();
    return {
      node, input,
      /** Show a value, unless a person is typing another. */
      update(value) {
        const typing = document.activeElement === input && input.value !== M.model.gain(shown);
        shown = value;
        if (!typing && input.value !== M.model.gain(value)) write();
      },
    };
  };

  /**
   * A fader: {node, update(value, silent, fades)}; one that fades over the reply cannot be moved. data names it for others; set(value) is called on every move. scale: numbers
   * below it. It has a notch at 1; a double-click puts it back there. A value outside the range stands at the edge and is marked.
   */
  M.fader = function ({ data, name, label, set, extra, scale }) {
    let value = 1;
    let pressed = false;
    const range = el("input", { type: "range", class: "slide", step: "any", "aria-label": label });
    const marks = scale ? el("span", { class: "marks", "aria-hidden": "true" }) : null;
    const track = el("span", { class: "track" }, range, marks);
    const field = M.numberField({ label: `${label}, number`, set: (v) => move(v) });
    const follows = el("span", { class: "follows", text: "follows a fade", hidden: true });
    const node = el("div", { class: "fader", data },
      el("span", { class: "fader-name", text: name, title: name }), track, follows, field.node, ...(extra || []));

    function move(next) {
      value = next;
      draw();
      set(next);
    }

    function draw() {
      const { min, max } = M.store.range();
      setAttribute(range, "min", String(min));
      setAttribute(range, "max", String(max));
      const inside = M.model.clamp(value, min, max);
      if (Number(range.value) !== inside) range.value = String(inside);
      const place = (v) => String(M.model.clamp((v - min) / (max - min), 0, 1).toFixed(4));
      track.style.setProperty("--at", place(value));
      track.style.setProperty("--one", place(1));
      track.classList.toggle("is-over", value > max);
      track.classList.toggle("is-under", value < min);
      track.classList.toggle("is-hot", value > 1);
      setAttribute(range, "aria-valuetext", M.model.gain(value));
      if (marks) engrave(min, max);
      field.update(value);
    }

    /** The scale below a fader: a few round numbers, engraved again only if the range changed. */
    function engrave(min, max) {
      const key = `${min}/${max}`;
      if (marks.dataset.of === key) return;
      marks.dataset.of = key;
      marks.replaceChildren(...M.model.ticks(min, max).map((v) => {
        const mark = el("span", { text: M.model.short(v) });
        mark.style.setProperty("--t", String((v - min) / (max - min)));
        return mark;
      }));
    }

    range.addEventListener("input", M.guard("fader", () => {
      const { min, max } = M.store.range();
      const raw = Number(range.value);
      // Under a finger 1 has a notch, so that "as loaded" is easy to find again.
      const next = pressed && Math.abs(raw - 1) < (max - min) * 0.012 ? 1 : M.model.round(raw);
      if (next !== value) move(next);
    }));
    range.addEventListener("keydown", M.guard("fader", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const next = M.stepByKey(event, value);
      if (next === null) return;
      event.preventDefault();
      const { min, max } = M.store.range();
      // A key moves within the range, but a value typed beyond it is not pulled in by a step towards it.
      move(M.model.clamp(next, Math.min(min, value), Math.max(max, value)));
    }));
    const drop = () => {
      if (!pressed) return;
      pressed = false;
      for (const type of ["pointerup", "pointercancel"]) window.removeEventListener(type, drop, true);
      M.store.release();
    };
    range.addEventListener("pointerdown", M.guard("fader", () => {
      if (pressed) return;
      pressed = true;
      M.store.grab();
      // On the window: the pointer may be let go anywhere.
      for (const type of ["pointerup", "pointercancel"]) window.addEventListener(type, drop, true);
    }));
    range.addEventListener("blur", drop);
    M.dom.onDouble(range, () => {
      drop();
      move(1);
    });

    draw();
    return {
      node, field,
      update(next, silent, fades) {
        if (!pressed) value = next;
        draw();
        node.classList.toggle("is-silent", silent === true);
        node.classList.toggle("is-fading", fades === true);
        follows.hidden = fades !== true;
        range.disabled = field.input.disabled = fades === true;
      },
    };
  };

  /** A button that is down or up: M and S. */
  M.latch = function (text, act, label, press) {
    const node = el("button", {
      type: "button", class: `latch ${act}`, text, "aria-label": label, title: label, "aria-pressed": "false",
      data: { do: act }, on: { click: press },
    });
    return { node, update: (down) => setAttribute(node, "aria-pressed", String(down)) };
  };

  /** Why an adapter is not heard, beside its name. */
  M.whySilent = function () {
    const word = el("span");
    return {
      node: el("span", { class: "why" }, word),
      update(why) {
        setText(word, why);
        word.hidden = !why;
      },
    };
  };

  /** An adapter's on/off switch. */
  M.onOff = function (name) {
    const node = el("button", {
      type: "button", class: "switch", role: "switch", "aria-checked": "true", "aria-label": `${name} on`, title: "On / off", data: { do: "on" },
      on: { click: () => M.store.edit((p) => { const f = M.model.of(p, name); f.on = !f.on; }) },
    }, el("span", { class: "switch-knob" }));
    return { node, update: (on) => setAttribute(node, "aria-checked", String(on)) };
  };
})(window.loraMixer);
