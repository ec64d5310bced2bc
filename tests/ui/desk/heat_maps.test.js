/* Norms at any gain, from those that are known. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { normAt } from "../../../ui/desk/heat_maps.js";

test("a norm is in proportion to the gain, or lies between those that are known", () => {
  assert.equal(normAt(3, [], -2), 6);
  const gains = [0, 1, 2];
  assert.equal(normAt([0, 4, 10], gains, 0.5), 2);
  assert.equal(normAt([0, 4, 10], gains, 1.5), 7);
  assert.equal(normAt([0, 4, 10], gains, 3), 16);
  assert.equal(normAt([1, 4, 10], gains, -1), 0);
});
