/* Python is told when other adapters are loaded than the host's menu knows, once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { keepHostMenu } from "../../../ui/page/host_menu.js";
import { store } from "../../../ui/page/store.js";
import { pretendPython } from "./python.js";

test("it is told of each change, again where it did not get there, and of nothing else", (context) => {
  const world = pretendPython();
  /** @type {() => void} */
  let draw = () => {};
  context.mock.method(store, "onChange", (fn) => {
    draw = fn;
  });
  keepHostMenu();
  store.state = null;
  draw();
  assert.equal(world.sent.length, 0);
  const loaded = (...names) => {
    store.state = /** @type {any} */ ({ model: { name: "tiny" }, adapters: names.map((name) => ({ name })) });
    draw();
    draw();
  };
  loaded("pirate");
  assert.equal(world.sent.length, 1);
  world.there = false;
  loaded("pirate", "poet");
  world.there = true;
  draw();
  assert.equal(world.sent.length, 2);
  assert.match(String(world.sent[1][1].names), /poet/);
});
