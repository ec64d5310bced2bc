/* A way back for what moved many faders at once. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { offerUndo, resetWithUndo, undo, undoableText } from "../../../ui/desk/undo.js";
import { copyPanel } from "../../../ui/page/panel.js";
import { store } from "../../../ui/page/store.js";
import { wire } from "../../../ui/page/wire.js";
import { pretendPython } from "../page/python.js";

let world;

beforeEach(() => {
  world?.pass(11000); // what is left of the test before is forgotten
  world = pretendPython();
  mock.method(wire, "panelMoved", () => {});
  store.state = /** @type {any} */ ({ adapters: [{ name: "pirate" }, { name: "poet" }] });
  store.panel = copyPanel();
  for (const name of ["pirate", "poet"])
    store.panel.mix.adapters[name] = { on: true, master: 0.5, kinds: {}, layers: {}, modules: {}, fades: {} };
});

const masters = () => ["pirate", "poet"].map((name) => store.panel.mix.adapters[name]?.master ?? 1);

test("a reset of one leaves the other, and goes back to where both stood", () => {
  resetWithUndo("pirate");
  assert.deepEqual(masters(), [1, 0.5]);
  assert.match(undoableText(), /^pirate is back/);
  undo();
  assert.deepEqual(masters(), [0.5, 0.5]);
  assert.equal(undoableText(), "");
});

test("pressed twice the way back is still that from before the first time", () => {
  resetWithUndo(null);
  resetWithUndo(null);
  assert.deepEqual(masters(), [1, 1]);
  undo();
  assert.deepEqual(masters(), [0.5, 0.5]);
});

test("it is offered for some seconds, and a new one from then on", () => {
  offerUndo("one", copyPanel(store.panel));
  world.pass(9000);
  offerUndo("other", copyPanel(store.panel));
  world.pass(9000);
  assert.equal(undoableText(), "other");
  world.pass(2000);
  assert.equal(undoableText(), "");
});
