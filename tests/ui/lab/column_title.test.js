/* What a column is called. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { titleOf } from "../../../ui/lab/column_title.js";

test("a column is called by its letter and its name", () => {
  assert.equal(titleOf({ letter: "B", name: "a \u00b7 b" }), "B \u00b7 a \u00b7 b");
});
