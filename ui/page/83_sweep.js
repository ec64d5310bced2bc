/* Filling the columns from a sweep: one fader over a range, or two of them as a grid. */
(function (M) {
  "use strict";

  const { el, setText, setAttribute } = M.dom;

  /** A field with a name above it and room for a word of complaint below: {node, input, complain(why)}. */
  M.field = function (label, props, more) {
    const input = el(props.rows ? "textarea" : "input", { type: props.rows ? null : "text", class: "text-input", autocomplete: "off", spellcheck: "false", ...props });
    const why = el("span", { class: "why-not", role: "alert", hidden: true });
    const node = el("label", { class: "field" }, el("span", { class: "field-name", text: label }), input, more || null, why);
    const complain = (text) => {
      setText(why, text || "");
      why.hidden = !text;
      node.classList.toggle("is-bad", Boolean(text));
    };
    input.addEventListener("input", () => complain(""));
    return { node, input, complain };
  };

  /** {button, node, update()}: the button shows and hides the form. */
  M.sweep = function () {
    const x = M.field("X: a fader and its values", { id: "lora-mixer-sweep-x", placeholder: "master 0 to 2 in 0.25" });
    const y = M.field("Y: another one, for a grid (optional)", { id: "lora-mixer-sweep-y", placeholder: "down_proj 0, 1" });
    const chips = el("div", { class: "chips" });
    const fill = el("button", { type: "button", class: "button primary", text: "Fill the columns", id: "lora-mixer-fill" });
    const said = el("span", { class: "hint", role: "status" });
    const node = el("div", { class: "sweep", hidden: true, id: "lora-mixer-sweep" },
      el("p", { class: "hint", text: "A column for every value: how much of an adapter is too much? All other faders stay where they stand." }),
      el("div", { class: "fields" }, x.node, y.node), chips, el("div", { class: "column-tools" }, fill, said));
    const button = el("button", { type: "button", class: "button", text: "Fill from a sweep", "aria-expanded": "false", "aria-controls": "lora-mixer-sweep",
      on: { click: () => { node.hidden = !node.hidden; setAttribute(button, "aria-expanded", String(!node.hidden)); if (!node.hidden) x.input.focus(); } } });
    let last = x;

    function go() {
      for (const field of [x, y]) field.complain("");
      setText(said, "");
      fill.disabled = true;
      M.lab.order({ do: "fill", x: x.input.value, y: y.input.value }, (answer) => {
        const { refused } = answer;
        if (refused) (refused.at === "y" ? y : x).complain(refused.why);
        else setText(said, `${answer.setup.columns.length} columns. Press Compare.`);
        fill.disabled = false;
      });
    }
    fill.addEventListener("click", M.guard("sweep", go));
    for (const field of [x, y]) {
      field.input.addEventListener("focus", () => { last = field; });
      field.input.addEventListener("keydown", M.guard("sweep", (event) => {
        if (event.key === "Enter") { event.preventDefault(); go(); }
      }));
    }
    return {
      button, node,
      update() {
        const { setup } = M.lab;
        const made = JSON.stringify(setup.examples);
        if (chips.dataset.of === made) return;
        chips.dataset.of = made;
        chips.replaceChildren(...setup.examples.map((text) => el("button", { type: "button", class: "chip", text, title: "Put this into the field",
          on: { click: () => { last.input.value = text; last.complain(""); last.input.focus(); } } })));
        if (setup.examples.length) setAttribute(x.input, "placeholder", setup.examples[0]);
        if (setup.examples.length > 2) setAttribute(y.input, "placeholder", setup.examples[2]);
      },
    };
  };
})(window.loraMixer);
