/* Asking for charts: of a sweep that was compared, and of a text of one's own. Gradio draws them, below. */
(function (M) {
  "use strict";

  const { el } = M.dom;

  const PATIENCE_MS = 8000; // a chart that is not there by then was refused, or called off
  const LOOK_MS = 150;
  let timer = 0;
  let of = null; // the experiment whose curves were asked for last
  M.onStop(() => clearTimeout(timer));

  const placeOf = (name) => document.getElementById(`lora-mixer-plot-${name}`);

  /** Once the chart that was asked for stands on the page, below all the rest, its reader is taken there. */
  function show(name) {
    const place = () => placeOf(name);
    const drawn = () => place() && place().querySelector(".js-plotly-plot");
    const before = drawn() && drawn().textContent;
    let late = 0;
    clearTimeout(timer);
    const look = M.guard("charts", () => {
      if (M.lab.line.running) { timer = setTimeout(look, LOOK_MS); return; }
      late += LOOK_MS;
      if (drawn() && drawn().textContent && (drawn().textContent !== before || late > PATIENCE_MS / 4)) place().scrollIntoView({ behavior: "smooth", block: "start" });
      else if (late < PATIENCE_MS) timer = setTimeout(look, LOOK_MS);
    });
    look();
  }

  function draw(message) {
    if (M.lab.line.running) return;
    if (message.chart === "sweep") of = M.lab.sheet.key;
    M.lab.begins("Drawing \u2026");
    M.lab.send("draw", message);
    show(message.chart);
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
        // Curves belong to their experiment: Gradio keeps them on the page when another one is shown.
        const plot = placeOf("sweep");
        if (plot) plot.style.display = sheet && sheet.key === of ? "" : "none";
        go.disabled = line.running || !setup || setup.trouble !== "";
        const example = setup && setup.examples[0];
        if (example) axis.input.placeholder = example;
      },
    };
  });
})(window.loraMixer);
