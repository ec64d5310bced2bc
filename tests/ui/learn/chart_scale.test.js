/* Axes of the charts, and what stands on them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { axisOf, levelsAt, writeNats } from "../../../ui/learn/chart_scale.js";

test("all numbers stand on the axis, with room at both ends, and so do its ticks", () => {
  for (const values of [[5.4, 4.6, 4.9], [0.001, 0.002], [3], [0], [-2, 7]]) {
    const axis = axisOf(values);
    for (const value of values) assert.ok(axis.at(value) > 0 && axis.at(value) < 1, `${values}: ${axis.at(value)}`);
    for (const tick of axis.ticks) assert.ok(axis.at(tick) >= -1e-9 && axis.at(tick) <= 1 + 1e-9);
    assert.ok(axis.ticks.length >= 1 && axis.ticks.length <= 9);
  }
});

test("an axis that begins at 0 does, whatever stands on it", () => {
  for (const values of [[2, 3], [0], []]) assert.equal(axisOf(values, true).at(0), 0);
});

test("nats are written with as many digits as tell ticks apart", () => {
  assert.deepEqual([4.6543, 0.05123, 12.34, 0].map(writeNats), ["4.65", "0.051", "12.3", "0"]);
});

test("a level begins where there are more numbers than before; the start belongs to none", () => {
  const points = [0, 1, 1, 8, 8, 38].map((numbers) => ({ level: 0, numbers }));
  assert.deepEqual(levelsAt(points), [
    { place: 1, numbers: 1 },
    { place: 3, numbers: 8 },
    { place: 5, numbers: 38 },
  ]);
  assert.deepEqual(levelsAt([]), []);
});
