/* Jobs that take their time: whose they are, and what becomes of one that nobody tells about any more. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { jobs } from "../../../ui/page/jobs.js";
import { pretendPython } from "./python.js";

const IDLE = { what: "", key: "", text: "", part: null, running: false, failed: false, seq: 0 };
const told = (more) => jobs.news(JSON.stringify({ job: { ...IDLE, what: "load", running: true, ...more } }));
let world;

beforeEach(() => {
  world = pretendPython();
  jobs.job = IDLE;
});

test("a job belongs to the part of the page that began it, and another part sees that there is one", () => {
  jobs.start({ do: "unload", names: null }, "shelf");
  assert.equal(jobs.jobOf("shelf").running, true);
  assert.equal(jobs.jobOf("bake").running, false);
  assert.equal(jobs.jobOf("bake").busy, true);
});

test("one at a time is begun", () => {
  jobs.start({ do: "unload", names: null }, "shelf");
  jobs.start({ do: "unload", names: null }, "bake");
  assert.equal(world.does().filter((what) => what === "unload").length, 1);
  assert.equal(jobs.job.key, "shelf");
});

test("what did not reach Python says so at once", () => {
  world.there = false;
  jobs.start({ do: "unload", names: null }, "shelf");
  assert.ok(jobs.job.failed && !jobs.job.running);
  assert.match(jobs.job.text, /was not begun: press again/);
});

test("its own progress and end are shown", () => {
  jobs.start({ do: "unload", names: null }, "shelf");
  const { seq } = jobs.job;
  told({ seq, key: "shelf", text: "half", part: 0.5 });
  assert.deepEqual([jobs.job.text, jobs.job.part, jobs.job.running], ["half", 0.5, true]);
  told({ seq, key: "shelf", text: "Done.", running: false });
  assert.deepEqual([jobs.job.text, jobs.job.running], ["Done.", false]);
});

test("one that waits for another's is not given up while that runs, and else is", () => {
  jobs.start({ do: "unload", names: null }, "shelf");
  const mine = jobs.job.seq;
  world.now += 20000;
  told({ seq: mine + 1000, key: "other" });
  assert.ok(jobs.job.waiting, "the other one runs");
  told({ seq: mine + 1000, key: "other", running: false });
  assert.ok(jobs.job.running, "ours may begin now");
  world.now += 20000;
  told({ seq: mine + 1000, key: "other", running: false });
  assert.ok(jobs.job.failed && !jobs.job.running);
});

test("a job that nobody tells about any more is asked about", () => {
  jobs.start({ do: "unload", names: null }, "shelf");
  jobs.tick();
  assert.ok(!world.does().includes("job"));
  world.now += 5000;
  jobs.tick();
  assert.ok(world.does().includes("job"));
});
