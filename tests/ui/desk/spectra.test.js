/* Spectra are asked for once for the adapters that are loaded, and are never those of others. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { chooseShare, shareOf, spectrumOf, whyNot } from "../../../ui/desk/spectra.js";
import { store } from "../../../ui/page/store.js";
import { adapter, pretendSpectra, told } from "./told_spectra.js";

const pirate = adapter(2);
const poet = adapter(2, { name: "poet" }); // nothing is ever told of it
const news = (one, more = {}) => ({ spectra: { loaded: store.loaded, why: "", adapters: { pirate: one }, ...more } });
let world;

beforeEach(() => {
  world?.answer({}); // what was asked before is over
  world?.pass(10000);
  world = pretendSpectra();
});

test("it is asked for once, however often it is drawn, and known from then on", () => {
  assert.match(spectrumOf(pirate).why, /Working out/);
  spectrumOf(pirate);
  assert.deepEqual(world.orders, [{ do: "spectra" }]);
  world.answer(news(told([2, 1], [3])));
  const found = spectrumOf(pirate);
  assert.deepEqual(
    found.targets.map((parts) => parts.strongest),
    [2, 3],
  );
  assert.equal(spectrumOf(pirate), found, "it is unpacked once");
  world.pass(10000);
  spectrumOf(pirate);
  assert.equal(world.orders.length, 1);
});

test("what takes its time is asked for again, and not at once", () => {
  spectrumOf(pirate);
  world.answer({ spectra: null });
  world.pass(100);
  spectrumOf(poet);
  assert.equal(world.orders.length, 1);
  world.pass(1000);
  assert.match(spectrumOf(poet).why, /Working out/);
  assert.equal(world.orders.length, 2);
});

test("spectra of adapters that were there before are not told of others", () => {
  spectrumOf(pirate);
  world.answer(news(told([2, 1], [3])));
  world.pass(10000);
  store.loaded += 1;
  assert.match(spectrumOf(pirate).why, /Working out/, "another checkpoint may have the same name and targets");
  assert.match(spectrumOf(adapter(4)).why, /Working out/);
  assert.equal(world.orders.length, 2);
});

test("why there are none is told, and not asked for again until others are loaded", () => {
  spectrumOf(pirate);
  world.answer({ refused: { why: "There is no adapter." } });
  world.pass(10000);
  assert.equal(spectrumOf(pirate).why, "There is no adapter.");
  assert.equal(world.orders.length, 1);
  store.loaded += 1;
  assert.match(spectrumOf(poet).why, /Working out/);
  assert.equal(world.orders.length, 2);
});

test("an adapter of which nothing is known says why, and so does a single target", () => {
  spectrumOf(pirate);
  world.answer(news(told([], [])));
  assert.equal(spectrumOf(pirate).why, "DoRA has none.");
  const some = told([2, 1], []);
  assert.equal(whyNot(some, 1), "DoRA has none.");
  assert.equal(whyNot(some, 0), "");
});

test("the share is remembered for each adapter", () => {
  assert.equal(shareOf("pirate"), 0.95);
  chooseShare("pirate", 0.8);
  assert.deepEqual([shareOf("pirate"), shareOf("poet")], [0.8, 0.95]);
});
