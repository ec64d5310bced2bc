/* Profiles as a menu offers them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { jobs } from "../../../ui/page/jobs.js";
import { saved } from "../../../ui/page/saved_profiles.js";
import { pretendPython } from "./python.js";

test("a menu offers what Python told of last, and nothing before", () => {
  pretendPython();
  assert.deepEqual(saved.choices(), []);
  let drawn = 0;
  saved.start(() => {
    drawn += 1;
  });
  jobs.news(JSON.stringify({ profiles: { profiles: [{ name: "soft: <b>" }], shapes: [] } }));
  jobs.news(JSON.stringify({ said: "something else" }));
  assert.equal(drawn, 1);
  assert.deepEqual(saved.choices("profile:"), [["profile:soft: <b>", "Profile: soft: <b>"]]);
});
