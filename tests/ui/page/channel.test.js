/* How the page asks Python, one order after the other. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { openChannel } from "../../../ui/page/channel.js";
import { pretendPython } from "./python.js";

let world;
let said;
let heard;
let channel;

beforeEach(() => {
  world = pretendPython();
  said = [];
  heard = [];
  channel = openChannel("works", {
    hear: (answer) => heard.push(answer.re),
    looks: ["look", "list"],
  });
});

const ask = (what, box) =>
  channel.order({ do: what }, ({ refused }) => said.push([what, refused ? "lost" : "done"]), box);
const answer = (at) => channel.answered(JSON.stringify({ re: world.sent[at][1].seq }));

test("orders go out one at a time and each gets its own answer", () => {
  ask("one");
  ask("two");
  assert.deepEqual(world.does(), ["one"]);
  channel.answered(JSON.stringify({ re: 1 })); // somebody else's
  assert.deepEqual(world.does(), ["one"]);
  assert.deepEqual(said, []);
  answer(0);
  assert.deepEqual(world.does(), ["one", "two"]);
  assert.deepEqual(said, [["one", "done"]]);
  channel.send("start", { do: "go" });
  answer(1);
  assert.deepEqual(said, [
    ["one", "done"],
    ["two", "done"],
  ]);
  assert.ok(channel.idle);
  assert.equal(world.sent[2][0], "lora-mixer-works-start");
});

test("the first look is asked again soon and a change never, for Gradio may not hear yet", () => {
  ask("save");
  world.pass(7000);
  assert.deepEqual(world.does(), ["save"]);
  world.pass(1100);
  ask("list");
  world.pass(1100);
  world.pass(1100);
  assert.deepEqual(world.does(), ["save", "list", "list", "list"]);
  answer(1); // it was heard after all, and what was asked meanwhile is still to be answered
  world.pass(7000);
  assert.deepEqual(world.does(), ["save", "list", "list", "list", "list"]);
  answer(4);
  assert.deepEqual(said, [
    ["save", "lost"],
    ["list", "done"],
  ]);
});

test("what only looks is asked again and a change is said to be lost", () => {
  channel.answered(JSON.stringify({ re: 1 })); // the page is heard
  ask("list");
  ask("save");
  world.pass(8100);
  assert.deepEqual(world.does(), ["list", "save"]);
  world.pass(8100);
  assert.deepEqual(world.does(), ["list", "save", "list"]);
  assert.deepEqual(said, [["save", "lost"]]);
  answer(1);
  answer(2); // the change is answered late: its user has been told already
  assert.deepEqual(said, [
    ["save", "lost"],
    ["list", "done"],
  ]);
  assert.equal(heard.length, 3);
});

test("what found no box waits for it in its order", () => {
  world.there = false;
  ask("save", "start");
  ask("two");
  world.pass(3000);
  assert.deepEqual(world.sent, []);
  world.there = true;
  world.pass(600);
  assert.deepEqual(
    world.sent.map(([box]) => box),
    ["lora-mixer-works-start"],
  );
  answer(0);
  assert.deepEqual(world.does(), ["save", "two"]);
});

test("a look is not asked twice while it waits", () => {
  ask("one");
  channel.look({ do: "look" });
  channel.look({ do: "look" });
  answer(0);
  assert.deepEqual(world.does(), ["one", "look"]);
  channel.look({ do: "look" });
  answer(1); // something happened after it went out
  assert.deepEqual(world.does(), ["one", "look", "look"]);
});
