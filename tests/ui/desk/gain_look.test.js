/* How a gain looks on a grid. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { colour, isDark, lookAt } from "../../../ui/desk/gain_look.js";

test("0 is hollow, 1 the accent, above it hot, below 0 violet", () => {
  assert.equal(lookAt(0, 2), null);
  assert.equal(colour(lookAt(0, 2)), "");
  assert.deepEqual(lookAt(1, 2), { part: 1, from: "unity", to: "well" });
  assert.equal(lookAt(1.5, 2)?.from, "hot");
  assert.equal(lookAt(-0.5, 2)?.from, "below");
});

test("more gain is more of its colour, and the strongest colours are dark", () => {
  const parts = [0.1, 0.4, 0.9, 1].map((gain) => lookAt(gain, 2)?.part ?? 0);
  assert.deepEqual(
    parts,
    parts.toSorted((a, b) => a - b),
  );
  assert.match(colour(lookAt(0.5, 2)), /^color-mix\(in srgb, var\(--lm-unity\) \d+%, var\(--lm-well\)\)$/);
  assert.deepEqual(
    [0.5, 1, 2].map((gain) => isDark(lookAt(gain, 2))),
    [false, false, true],
  );
  assert.equal(isDark(lookAt(0, 2)), false);
});
