/* The page of adapters: the shelf, and below it the bakery. */
(function (M) {
  "use strict";

  const { el } = M.dom;

  /** Open one of our own tabs ("Mix", "Votes", "Adapters"), and bring an element of it into sight. */
  M.goTo = function (tab, id) {
    const names = { mix: "Mix", votes: "Votes", adapters: "Adapters" };
    const buttons = document.querySelectorAll("#lora-mixer-tabs [role=tab]");
    const button = [...buttons].find((one) => one.textContent.trim() === names[tab]);
    if (button) button.click();
    setTimeout(M.guard("going", () => {
      if (id === "lora-mixer-compare") M.showSide("lab");
      const place = document.getElementById(id);
      if (place) place.scrollIntoView({ block: "start" });
    }), 350);
  };

  M.adaptersPage = function () {
    const shelf = M.shelf();
    const bakery = M.bakery ? M.bakery() : null;
    const root = el("div", { class: "works", id: "lora-mixer-adapters-page" },
      el("div", { class: "heading" }, el("h3", { text: "Shelf" }), el("span", { text: "The adapters in the host\u2019s folder, and what is known of them without loading any." })),
      shelf.node, bakery ? bakery.node : null);
    root.classList.add("lora-mixer");
    M.dom.keepKeys(root);
    const sizes = new ResizeObserver(M.guard("resizing", () => {
      const width = root.clientWidth;
      if (!width) return;
      root.classList.toggle("is-narrow", width < 640);
    }));
    sizes.observe(root);
    const sight = new IntersectionObserver(M.guard("the shelf", (entries) => {
      const seen = entries[entries.length - 1].isIntersecting;
      shelf.shown(seen);
      if (bakery) bakery.shown(seen);
    }));
    sight.observe(root);
    M.onStop(() => {
      sizes.disconnect();
      sight.disconnect();
      root.remove();
    });
    M.works.onChange(M.guard("the shelf", () => {
      shelf.update();
      if (bakery) bakery.update();
    }));
    M.store.onChange(() => M.works.changed());
    return {
      root,
      tick() {
        M.works.tick();
        shelf.tick();
      },
      /** The host may make our place anew, or empty it: move back in. */
      settle() {
        const place = document.getElementById("lora-mixer-works");
        if (place && root.parentNode !== place) {
          place.replaceChildren(root);
          M.works.changed();
        }
      },
    };
  };
})(window.loraMixer);
