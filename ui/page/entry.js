/*
 * The page's script: `run.py page` bundles it, from here on, into ui/built/page.js, and the host runs that once the
 * page is there. A second run tidies up after the first.
 *
 * All parts are wired together here: one desk, one dock, one lab, one page of votes, one of adapters.
 */

import { adaptersPage } from "../adapters/adapters_page.js";
import { twice } from "../chat/answer_twice.js";
import { faderDock } from "../chat/dock.js";
import { mixingDesk } from "../desk/desk.js";
import { startHeatMaps } from "../desk/heat_maps.js";
import { lab } from "../lab/lab.js";
import { labPage } from "../lab/lab_page.js";
import { startMarks } from "../lab/marks.js";
import { learnPage } from "../learn/learn_page.js";
import { learning } from "../learn/learning.js";
import { standingTable } from "../votes/standing.js";
import { votes } from "../votes/votes.js";
import { votesPage } from "../votes/votes_page.js";
import { oneClickOnly } from "./gestures.js";
import { keepHostMenu } from "./host_menu.js";
import { jobs } from "./jobs.js";
import { guard, listen, onStop, stop } from "./lifetime.js";
import { report, reports } from "./report.js";
import { saved } from "./saved_profiles.js";
import { twoSides } from "./sides.js";
import { store } from "./store.js";
import { onGoTo } from "./tabs.js";
import { wire } from "./wire.js";

/**
 * Python pushed a state.
 *
 * @param {string} text
 */
function receive(text) {
  if (!text) return;
  const state = JSON.parse(text);
  if (state && typeof state === "object" && (state.adapters === null || Array.isArray(state.adapters)))
    store.receive(state);
}

const LOOKS_MS = [0, 120, 500]; // after a click: tabs and rebuilt pages come with it, and are there a moment later

function start() {
  wire.connect({
    panel: () => store.panel,
    crossfaded: () => store.crossfaded,
    seen: () => ({ rev: store.state ? store.rev : -1, loaded: store.loaded }),
  });
  store.start();
  oneClickOnly();
  lab.start();
  startMarks();
  startHeatMaps();
  learning.start();
  saved.start(() => {
    store.changed();
    lab.changed(); // columns can play profiles
  });
  keepHostMenu();

  const desk = mixingDesk(() => lab.keptColumns());
  const dock = faderDock();
  const compare = labPage();
  const sides = twoSides({
    comparing: () => lab.line.running,
    shown: () => {
      store.changed();
      lab.changed();
    },
  });
  const ballot = votesPage();
  const learn = learnPage();
  const adapters = adaptersPage();
  const pages = [desk, compare, sides, ballot, learn, adapters, reports()];

  store.onChange(guard("the desk", desk.update));
  store.onChange(guard("the dock", dock.update));
  lab.onChange(guard("the sides", sides.update));
  onGoTo((id) => {
    if (id === "lora-mixer-compare") sides.show("lab");
  });
  votes.start();

  /** The host may make our places anew, at any time. */
  const look = () => {
    dock.look();
    for (const page of pages) page.settle();
  };
  let lost = false;
  /** Every two seconds while the page is seen: is all in its place, and what is new? */
  const tick = () => {
    if (document.hidden) return;
    look();
    wire.poll(false);
    lab.tick();
    votes.tick();
    adapters.tick();
    learn.tick();
    if (wire.lost() !== lost) {
      lost = !lost;
      store.changed();
    }
  };
  /** @type {Array<ReturnType<typeof setTimeout>>} */
  let soon = [];
  const forget = () => soon.forEach(clearTimeout);
  const lookSoon = () => {
    forget();
    soon = LOOKS_MS.map((wait) => setTimeout(guard("looking", look), wait));
  };
  listen(document, "click", lookSoon, true);
  onStop(forget);

  // Motion as a class: hosts rewrite style sheets, and lose @media on the way.
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const motion = () => {
    for (const node of [dock.node, ...pages.map((page) => page.root)])
      node.classList.toggle("is-lively", !calm.matches);
  };
  listen(calm, "change", motion);
  motion();
  wire.start(tick, handle.receive);
}

/**
 * What Python and the browser tests reach on the page; nothing else does. Python calls `receive` and `pong`, and
 * PART.answered and PART.news of works, lab, votes, twice and report (ui/page/wire.py). The rest is for the tests to look at.
 */
const handle = {
  stop,
  receive: guard("receiving", receive),
  pong: wire.pong,
  works: jobs,
  learning,
  lab,
  votes,
  twice,
  report,
  store,
  wire,
  standing: standingTable,
};

/** @type {{loraMixer?: {stop?: () => void}}} */
const host = /** @type {never} */ (window);
host.loraMixer?.stop?.();
host.loraMixer = handle;
guard("starting", start)();
