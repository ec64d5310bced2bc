/* What the page knows: states that come from Python, hands that are on the desk, and which of the two is newer. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { copyPanel } from "../../../ui/page/panel.js";
import { store } from "../../../ui/page/store.js";
import { wire } from "../../../ui/page/wire.js";
import { pretendPython } from "./python.js";

const adapter = (name, more = {}) => ({ name, method: "lora", kinds: [], layers: [], targets: [], ...more });
let rev = 0;
const news = (master, more = {}) => {
  rev += 1;
  const panel = copyPanel();
  panel.mix.adapters.pirate = { on: true, master, kinds: {}, layers: {}, modules: {}, fades: {} };
  return { rev, loaded: 1, panel, fader: { min: 0, max: 2 }, adapters: [adapter("pirate")], ...more };
};
const master = () => store.panel.mix.adapters.pirate.master;
let quiet;
let polled;

beforeEach(() => {
  pretendPython();
  quiet = 1e9;
  polled = 0;
  mock.method(wire, "quietFor", () => quiet);
  mock.method(wire, "poll", () => {
    polled += 1;
  });
  mock.method(wire, "panelMoved", () => {
    quiet = 0;
  });
  store.state = null;
  store.loaded = -1;
});

test("a state from Python moves the controls to where they stand there", () => {
  store.receive(news(0.5));
  assert.equal(master(), 0.5);
  assert.equal(store.rev, rev);
});

test("a state that was on its way while a control moved does not move it back", () => {
  store.receive(news(0.5));
  store.edit((panel) => {
    panel.mix.adapters.pirate.master = 1.5;
  });
  store.receive(news(0.6));
  assert.equal(master(), 1.5);
  quiet = 1e9;
  store.receive(news(1.5));
  assert.equal(master(), 1.5);
});

test("while a hand is on the desk nothing moves, and afterwards the newest state counts", () => {
  store.receive(news(0.5));
  store.grab();
  store.receive(news(0.7));
  store.receive(news(0.9));
  assert.ok(store.held);
  assert.equal(master(), 0.5);
  store.release();
  assert.equal(master(), 0.9);
  store.release();
  assert.ok(!store.held);
});

test("adapters that the page knows are not sent again, and are asked for where it does not know them", () => {
  store.receive(news(0.5));
  const { adapters, ...without } = news(0.6);
  store.receive(without);
  assert.equal(store.state.adapters[0].name, "pirate");
  assert.equal(master(), 0.6);
  store.receive({ ...without, loaded: 2 });
  assert.equal(polled, 1);
  assert.equal(store.loaded, -1);
});

test("an adapter about which nothing changed stays the same object, so that its strip stays", () => {
  store.receive(news(0.5));
  const [before] = store.state.adapters;
  store.receive(news(0.6));
  assert.equal(store.state.adapters[0], before);
  store.receive(news(0.6, { adapters: [adapter("pirate", { kinds: ["q_proj"] })] }));
  assert.notEqual(store.state.adapters[0], before);
});

test("a range that is none is the usual one", () => {
  for (const fader of [undefined, {}, { min: 2, max: 1 }, { min: 0, max: Infinity }]) {
    store.receive(news(1, { fader }));
    assert.deepEqual(store.range(), { min: 0, max: 2 });
  }
  store.receive(news(1, { fader: { min: -1, max: 4 } }));
  assert.deepEqual(store.range(), { min: -1, max: 4 });
});
