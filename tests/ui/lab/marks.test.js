/* How surprising a token is, in numbers and in words. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { surprise, writeChance } from "../../../ui/lab/marks.js";

test("less likely is more surprising, from 0 to 1", () => {
  const all = [1, 0.5, 0.01, 0.0003, 0].map(surprise);
  assert.deepEqual(all, all.toSorted());
  assert.deepEqual([all[0] + 0, all.at(-1)], [0, 1]);
  assert.deepEqual([1, 0.25, 0.001, 0.00001].map(writeChance), ["100 %", "25.0 %", "0.100 %", "less than 0.01 %"]);
});
