/* What the page knows of learning, and which mix on the way is on the desk. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { hears, learning, onTheDesk } from "../../../ui/learn/learning.js";
import { jobs } from "../../../ui/page/jobs.js";
import { copyPanel } from "../../../ui/page/panel.js";
import { store } from "../../../ui/page/store.js";
import { pretendPython } from "../page/python.js";

let world;

beforeEach(() => {
  world = pretendPython();
  store.rev = 3;
  store.panel = copyPanel();
});

test("it hears what Python tells, whoever asked, and says what it has seen", () => {
  learning.start();
  assert.equal(learning.attempt, null);
  jobs.news(JSON.stringify({ learning: { rev: 7, examples: [], count: 0, attempt: { key: 1 } } }));
  jobs.news(JSON.stringify({ said: "something else" }));
  assert.equal(learning.attempt?.key, 1);
  learning.look();
  assert.deepEqual(world.sent.at(-1)?.[1].seen, 7);
});

test("a mix that was put on the desk is there until a fader moves", () => {
  hears(1, 4);
  assert.equal(onTheDesk(1), 4);
  store.rev = 4; // the faders stand where it has them
  store.panel.mix.adapters.pirate = { on: true, master: 0.4, kinds: {}, layers: {}, modules: {}, fades: {} };
  assert.equal(onTheDesk(1), 4);
  assert.equal(onTheDesk(2), null);
  store.rev = 5;
  assert.equal(onTheDesk(1), 4);
  store.panel.mix.adapters.pirate.master = 0.5;
  assert.equal(onTheDesk(1), null);
  store.panel.mix.adapters.pirate.master = 0.4;
  assert.equal(onTheDesk(1), null);
});
