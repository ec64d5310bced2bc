/* Which adapters of the shelf are shown, in which order. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { wantedEntries } from "../../../ui/adapters/shelf_search.js";

const entry = (id, more = {}) => ({
  id,
  base: "org/base-135m",
  method: "lora",
  kinds: ["q_proj"],
  note: "",
  collections: [],
  rank: [8],
  time: 0,
  entries: [],
  ...more,
});
const SHELF = [
  entry("pirate-10", { time: 30, note: "for stories", collections: ["loud"] }),
  entry("pirate-2", { time: 20, rank: [4, 8] }),
  entry("run", { entries: [entry("run/checkpoint-100", { time: 90 }), entry("run/checkpoint-20", { rank: [16] })] }),
];
const shown = (wanted) =>
  wantedEntries(SHELF, { words: "", collection: "", sort: "name", ...wanted }).map(({ entry: one, inside, opened }) => [
    one.id,
    inside.map((checkpoint) => checkpoint.id),
    opened,
  ]);
const ids = (wanted) => shown(wanted).map(([id]) => id);

test("names are sorted as people count, times from the newest, a run by its newest checkpoint", () => {
  assert.deepEqual(ids({}), ["pirate-2", "pirate-10", "run"]);
  assert.deepEqual(ids({ sort: "time" }), ["run", "pirate-10", "pirate-2"]);
});

test("all words that are typed must be found, in any of what is known of an adapter", () => {
  assert.deepEqual(ids({ words: "STORIES pirate" }), ["pirate-10"]);
  assert.deepEqual(ids({ words: "base-135m q_proj lora" }), ids({}));
  assert.deepEqual(ids({ words: "loud" }), ["pirate-10"]);
  assert.deepEqual(ids({ words: "nothing" }), []);
});

test("a rank is found where an adapter has one", () => {
  assert.deepEqual(ids({ words: "rank 8" }), ["pirate-10", "run"]);
});

test("a run is opened where its checkpoints are why it is shown, and only those are", () => {
  assert.deepEqual(shown({ words: "checkpoint-20" }), [["run", ["run/checkpoint-20"], true]]);
  assert.deepEqual(shown({ words: "run" })[0], ["run", ["run/checkpoint-100", "run/checkpoint-20"], false]);
});

test("a collection holds what is in it", () => {
  assert.deepEqual(ids({ collection: "loud" }), ["pirate-10"]);
  assert.deepEqual(ids({ collection: "quiet" }), []);
});
