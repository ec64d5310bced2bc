/* Comparing, all of it together: the columns, the question, the replies. */
(function (M) {
  "use strict";

  const { el } = M.dom;

  /** Has the host say what was refused, or done, the way it says such things. */
  M.lab.tell = (text, good) => {
    if (text) M.lab.send("tell", { text, good: good === true });
  };

  M.compare = function () {
    const columns = M.columns();
    const questions = M.questions();
    const results = M.results();
    M.lab.referenceLetter = () => (M.lab.sheet ? M.lab.sheet.columns[M.lab.sheet.reference].split(" \u00b7 ")[0] : "");
    const root = el("div", { class: "lab", id: "lora-mixer-compare" },
      el("div", { class: "heading" }, el("h3", { text: "Compare" }), el("span", { text: "Several settings, one prompt, the same dice." })),
      columns.node, questions.node, questions.go, results.node);
    root.classList.add("lora-mixer");
    M.dom.keepKeys(root);
    const parts = [columns, questions, results, ...M.lab.parts.map((make) => make(root, results))];
    const sizes = new ResizeObserver(M.guard("resizing", () => {
      const width = root.clientWidth;
      if (!width) return;
      root.classList.toggle("is-narrow", width < 560);
      results.resize();
    }));
    sizes.observe(root);
    M.onStop(() => {
      sizes.disconnect();
      root.remove();
    });
    M.lab.onChange(M.guard("comparing", () => { for (const part of parts) part.update(); }));
    return {
      root,
      /** The host may make our place anew, or empty it: move back in. */
      settle() {
        const place = document.getElementById("lora-mixer-lab");
        if (place && root.parentNode !== place) {
          place.replaceChildren(root);
          M.lab.changed();
        }
      },
    };
  };
})(window.loraMixer);
