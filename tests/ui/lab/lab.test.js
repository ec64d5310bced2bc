/* What the lab makes of news and answers that come late or not at all. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { lab } from "../../../ui/lab/lab.js";
import { pretendPython } from "../page/python.js";

const HEAD = {
  columns: [{ letter: "A", name: "quiet" }],
  rows: [{ label: "hi", seed: 7 }],
  grid: null,
  use: false,
  reference: 0,
};
let world;
let key = 0; // every test has an experiment of its own

const line = (running) => ({ text: running ? "running" : "over", running, part: null });
const cell = (text, running) => ({ r: 0, c: 0, s: running ? "running" : "done", n: text.length, text });
const report = (age, text, running) => ({
  key,
  n: age,
  age,
  cells: [cell(text, running)],
  line: line(running),
  note: "",
});
const news = (...told) => lab.news(JSON.stringify(report(...told)));
const answer = (...told) => lab.answered(JSON.stringify({ ...report(...told), re: 0, sheet: { ...HEAD, key } }));
const shown = () => [lab.sheet.cells[0][0].text, lab.line.running];

beforeEach(() => {
  world = pretendPython();
  key += 1;
  lab.setup = { rev: 1, trouble: "", columns: [], examples: [] };
  lab.news(JSON.stringify({ sheet: { ...HEAD, key }, key, n: 1, age: 0, cells: [], line: line(true), note: "" }));
});

test("an answer that was overtaken by news changes nothing", () => {
  news(2, "one", true);
  news(3, "one two", false);
  assert.deepEqual(shown(), ["one two", false]);
  answer(2, "one", true);
  assert.deepEqual(shown(), ["one two", false]);
});

test("an answer that knows more than the news is shown", () => {
  news(2, "one", true);
  answer(3, "one two", false);
  assert.deepEqual(shown(), ["one two", false]);
});

test("news that were missed are asked for", () => {
  news(2, "one", true);
  news(4, "one two three", false);
  assert.deepEqual(world.does(), ["look"]);
  lab.answered(JSON.stringify({ re: world.sent[0][1].seq }));
});

test("what is added follows what stands there, or is asked for", () => {
  const added = (n, at, add) =>
    lab.news(JSON.stringify({ ...report(n, "", true), cells: [{ r: 0, c: 0, s: "running", n, at, add }] }));
  news(2, "one", true);
  added(3, 3, " two");
  assert.equal(shown()[0], "one two");
  added(4, 99, "lost");
  assert.equal(shown()[0], "one two");
  assert.deepEqual(world.does(), ["look"]);
  lab.answered(JSON.stringify({ re: world.sent[0][1].seq }));
});

test("what Python said of the time before does not end what was just begun", () => {
  news(2, "one", false);
  lab.begins("Waiting");
  answer(2, "one", false);
  assert.deepEqual(shown(), ["one", true]);
  news(3, "one", false);
  assert.deepEqual(shown(), ["one", false]);
});

test("what never began is given up after a while", () => {
  news(2, "one", false);
  lab.begins("Waiting");
  world.pass(20_000);
  lab.tick();
  answer(2, "one", false);
  assert.deepEqual(shown(), ["one", false]);
});

test("a reply of which the pieces are marked is the text of its pieces", () => {
  const pieces = [
    ["one ", 0],
    ["two", 1],
  ];
  const told = { ...report(2, "", false), cells: [{ r: 0, c: 0, s: "done", n: 2, pieces, leaves: 1 }] };
  lab.news(JSON.stringify(told));
  assert.equal(shown()[0], "one two");
  assert.equal(lab.sheet.cells[0][0].leaves, 1);
});
