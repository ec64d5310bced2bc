/* Asking for charts: of a sweep that was compared, and of a text of one's own. Gradio draws them, below. */
(function (M) {
  "use strict";

  const { el } = M.dom;

  function draw(message) {
    M.lab.line = { text: "Drawing \u2026", running: true, part: null };
    M.lab.changed();
    M.lab.send("draw", message);
  }

  M.lab.parts.push((root, results) => {
    const curves = el("button", { type: "button", class: "button small", text: "Draw the curves", id: "lora-mixer-draw-sweep",
      title: "Perplexity, divergence from the base, agreement and length against the gain: it costs some passes of the model", on: { click: () => draw({ chart: "sweep" }) } });
    results.bar.right.append(curves);

    const text = M.field("Your own text", { rows: 3, id: "lora-mixer-own-text", placeholder: "A few sentences as the adapter should write them" });
    const axis = M.field("over", { id: "lora-mixer-own-axis", placeholder: "master 0 to 2 in 0.25" });
    const go = el("button", { type: "button", class: "button", text: "Draw how likely it is", id: "lora-mixer-draw-text",
      on: { click: () => draw({ chart: "text", text: text.input.value, axis: axis.input.value }) } });
    const section = M.dom.section("lab/own", "How much is enough?", false, el("div", { class: "own" },
      el("p", { class: "hint", text: "How likely the adapter makes a text as its gain goes up, and where more stops helping." }),
      text.node, el("div", { class: "fields" }, axis.node, go)), () => {});
    section.digest.textContent = "a text of your own against the gain";
    const node = el("div", { class: "panel-card own-card" }, section.node);
    root.append(node);
    return {
      update() {
        const { setup, sheet, line } = M.lab;
        curves.hidden = !sheet || !sheet.drawable;
        curves.disabled = line.running;
        go.disabled = line.running || !setup || setup.trouble !== "";
        const example = setup && setup.examples[0];
        if (example) axis.input.placeholder = example;
      },
    };
  });
})(window.loraMixer);
