/* What a cell is called where several targets stand in it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { whereTheyDiffer } from "../../../ui/desk/cell.js";

test("names of targets are cut where they begin to differ, less one part", () => {
  const cut = (...names) => names.map((name) => name.slice(whereTheyDiffer(names)));
  assert.deepEqual(cut("model.layers.3.experts.0.w1", "model.layers.3.experts.1.w1"), ["experts.0.w1", "experts.1.w1"]);
  assert.deepEqual(cut("a.q", "b.q"), ["a.q", "b.q"]);
});
