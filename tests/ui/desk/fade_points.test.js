/* Fades as people write them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { nameOfFader, readFade, writeFade } from "../../../ui/desk/fade_points.js";

test("a fade is read in any order and spelling, and written so that it can be read back", () => {
  const { points } = readFade(" 1 at 40,0 AT 0 , 0.3 at 120");
  assert.deepEqual(points, [
    [0, 0],
    [40, 1],
    [120, 0.3],
  ]);
  assert.deepEqual(readFade(writeFade(points)).points, points);
});

test("what is no fade is refused by the point that is none", () => {
  const why = (text) => readFade(text).why;
  assert.match(why("0 at 0, loud at 3"), /loud at 3.* is no point/);
  assert.match(why("1 at -3"), /is no point/);
  assert.match(why("1 at 2.5"), /is no point/);
  assert.match(why(" , "), /^Write gains at tokens/);
  assert.equal(why("0 at 5, 1 at 5"), "Token 5 is named twice");
});

test("a fader's key is told in words, whatever its name holds", () => {
  const told = { master: "Master", "kind:q_proj": "q_proj", "layer:3": "layer 3", "target:a:b.c": "a:b.c" };
  for (const [key, words] of Object.entries(told)) assert.equal(nameOfFader(key), words);
});
