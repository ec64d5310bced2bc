/* Which ranks and shares of energy can be chosen. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { rankChoices, SHARES, writeShare } from "../../../ui/page/rank_choices.js";

test("every rank below a small one can be chosen, from the most to the least", () => {
  assert.deepEqual(rankChoices(4), [3, 2, 1]);
  assert.deepEqual(rankChoices(1), []);
  assert.deepEqual(rankChoices(0), []);
});

test("of large ranks there are few, all of them below it and each but once", () => {
  for (const largest of [16, 17, 64, 256, 1000, 4096]) {
    const choices = rankChoices(largest);
    assert.ok(choices.length < 100, String(choices.length));
    assert.ok(choices.every((rank, at) => rank >= 1 && rank < largest && (at === 0 || rank < choices[at - 1])));
    assert.equal(choices.at(-1), 1);
  }
  assert.ok(rankChoices(257).includes(256) && rankChoices(65).includes(64) && rankChoices(129).includes(128));
});

test("shares are told as people read them", () => {
  assert.equal(writeShare(null), "all energy");
  assert.equal(writeShare(0.95), "95 % of the energy");
  assert.equal(writeShare(0.29), "29 % of the energy");
  assert.ok(SHARES.every((share) => share > 0 && share < 1));
});
