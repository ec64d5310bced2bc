/* The scale of a fader, its inverse, its notch, and what keys do. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { gainOf, notched, placeOf, stepByKey, within } from "../../../ui/page/fader_scale.js";

const RANGES = [
  { min: 0, max: 2 },
  { min: -1, max: 4 },
  { min: -2.5, max: 1 },
];
const press = (key, gain, shiftKey = false) => stepByKey({ key, shiftKey }, gain, { min: 0, max: 2 });

test("the gain at a gain's place is that gain, and the place of a place's gain is that place", () => {
  for (const range of RANGES) {
    for (let part = 0; part <= 1; part += 1 / 64) {
      const gain = gainOf(part, range);
      assert.ok(Math.abs(placeOf(gain, range) - part) < 1e-12);
      assert.ok(Math.abs(gainOf(placeOf(gain, range), range) - gain) < 1e-12);
    }
  }
});

test("more gain stands higher, and what lies beyond the range at its end", () => {
  for (const range of RANGES) {
    const places = [range.min - 1, range.min, 0, 0.5, 1, range.max, range.max + 5].map((gain) => placeOf(gain, range));
    assert.deepEqual(places, places.toSorted());
    assert.deepEqual([places[0], places.at(-1)], [0, 1]);
    assert.deepEqual([gainOf(-0.1, range), gainOf(1.1, range)], [range.min, range.max]);
  }
});

test("near 1 is 1, elsewhere a gain is rounded", () => {
  assert.equal(notched(1.02, 0.024), 1);
  assert.equal(notched(0.97, 0.024), 0.97);
  assert.equal(notched(0.987654, 0), 0.99);
});

test("a step stays in the range, but pulls in nothing that was set beyond it", () => {
  const range = { min: 0, max: 2 };
  assert.equal(within(2.05, 2, range), 2);
  assert.equal(within(4.95, 5, range), 4.95);
  assert.equal(within(5.05, 5, range), 5);
  assert.equal(within(-0.05, 0, range), 0);
});

test("arrows move by 0.05, with Shift by 0.25; Home, End and Delete go to the ends and back to 1", () => {
  assert.equal(press("ArrowUp", 0.1), 0.15);
  assert.equal(press("ArrowRight", 0.1, true), 0.35);
  assert.equal(press("ArrowDown", 0.1), 0.05);
  assert.equal(press("ArrowLeft", 1), 0.95);
  assert.equal(press("PageUp", 1), 1.25);
  assert.equal(press("PageDown", 1), 0.75);
  assert.deepEqual([press("Home", 1), press("End", 1), press("Delete", 0.3), press("Backspace", 0.3)], [0, 2, 1, 1]);
  assert.equal(press("a", 1), null);
});

test("twenty steps up and twenty down end where they began", () => {
  let gain = 0.3;
  for (let step = 0; step < 20; step += 1) gain = press("ArrowUp", gain);
  for (let step = 0; step < 20; step += 1) gain = press("ArrowDown", gain);
  assert.equal(gain, 0.3);
});
