/* Start: one desk, one dock, one lab, one page of votes, one of adapters; look for their places again on every tick, for the host may make them anew. */
(function (M) {
  "use strict";

  M.guard("starting", () => {
    const desk = M.desk();
    const dock = M.dock();
    const lab = M.compare();
    const sides = M.sides();
    M.showSide = sides.show;
    const votes = M.votesPage();
    const works = M.adaptersPage();
    let lost = false;
    const look = () => {
      desk.settle();
      dock.look();
      lab.settle();
      sides.settle();
      votes.settle();
      works.settle();
      M.report.settle();
    };
    M.store.onChange(M.guard("the desk", desk.update));
    M.store.onChange(M.guard("the dock", dock.update));
    M.lab.onChange(M.guard("the sides", sides.update));

    /** Every two seconds while the page is seen: is all in its place, and what is new? */
    M.tick = () => {
      if (document.hidden) return;
      look();
      M.wire.poll(false);
      M.lab.tick();
      M.votes.tick();
      works.tick();
      if (M.wire.lost() !== lost) {
        lost = !lost;
        M.store.changed();
      }
    };

    // Tabs and rebuilt pages come with a click, and are there a moment later.
    let soon = [];
    M.listen(document, "click", () => {
      soon.forEach(clearTimeout);
      soon = [0, 120, 500].map((wait) => setTimeout(M.guard("looking", look), wait));
    }, true);
    M.onStop(() => soon.forEach(clearTimeout));
    // Motion and a narrow page as classes: hosts rewrite style sheets, and lose @media on the way.
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const motion = () => {
      for (const node of [desk.root, dock.node, lab.root, sides.root, votes.root, works.root]) node.classList.toggle("is-lively", !calm.matches);
    };
    M.listen(calm, "change", motion);
    motion();
    M.wire.start();
  })();
})(window.loraMixer);
