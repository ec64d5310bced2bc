/* How much room the replies get. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { replyHeight } from "../../../ui/lab/results.js";

test("a reply's height grows with its limit, within reason", () => {
  const heights = [8, 128, 256, 4096].map((limit) => replyHeight(limit, 300));
  assert.deepEqual(
    heights,
    heights.toSorted((a, b) => a - b),
  );
  assert.deepEqual([heights[0], heights.at(-1)], [126, 315]);
  assert.equal(replyHeight(null, 300), replyHeight(128, 300));
});
