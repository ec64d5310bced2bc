/* The grid's map of the components that hold a share: of cells, kinds and layers, and nothing where nothing is known. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { neededMap, writeComponents } from "../../../ui/desk/needed_map.js";
import { chooseShare } from "../../../ui/desk/spectra.js";
import { indexTargets } from "../../../ui/page/gains.js";
import { store } from "../../../ui/page/store.js";
import { adapter, pretendSpectra, told } from "./told_spectra.js";

// By target: layer 0 and 1 of q_proj, layer 0 and 1 of up_proj.
const SPECTRA = [[1, 1, 1, 1], [1], [], [3, 1, 1]];
let world;
let index;

beforeEach(() => {
  world?.answer({}); // what was asked before is over
  world?.pass(10000);
  world = pretendSpectra();
  index = indexTargets(adapter(4));
});

function known(...spectra) {
  neededMap(index);
  world.answer({ spectra: { loaded: store.loaded, why: "", adapters: { pirate: told(...spectra) } } });
  return neededMap(index);
}

test("before it is known it says why", () => {
  const map = neededMap(index);
  assert.equal(map.ready, false);
  assert.match(map.why, /Working out/);
});

test("cells, kinds and layers have the means of those that are known", () => {
  const map = known(...SPECTRA);
  assert.deepEqual(map.cells, [4, 1, null, 3]);
  assert.deepEqual(map.kinds, [2.5, 3]);
  assert.deepEqual(map.layers, [4, 2]);
  assert.equal(map.max, 4);
});

test("another share is another map, and the same one is not worked out again", () => {
  const map = known(...SPECTRA);
  assert.equal(neededMap(index), map);
  chooseShare("pirate", 0.5);
  const half = neededMap(index);
  assert.deepEqual(half.cells, [2, 1, null, 1]);
  assert.match(half.unit, /^components hold 50 %/);
});

test("a target that adds nothing needs none, which is known", () => {
  assert.deepEqual(known([0, 0], [1], [1], [1]).cells, [0, 1, 1, 1]);
});

test("whole counts are written whole, and means with one digit", () => {
  assert.deepEqual([writeComponents(3), writeComponents(2.5), writeComponents(10 / 3)], ["3", "2.5", "3.3"]);
});
