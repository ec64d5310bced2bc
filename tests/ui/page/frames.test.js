/* What is drawn anew is drawn once a frame, and what one drawer breaks harms no other frame. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { frames } from "../../../ui/page/frames.js";
import { stop } from "../../../ui/page/lifetime.js";

/** @type {Map<number, () => void>} */
let waiting;
const frame = () => {
  const now = [...waiting.values()];
  waiting.clear();
  for (const fn of now) fn();
};

beforeEach(() => {
  let last = 0;
  waiting = new Map();
  globalThis.requestAnimationFrame = (fn) => {
    last += 1;
    waiting.set(last, fn);
    return last;
  };
  globalThis.cancelAnimationFrame = (number) => waiting.delete(number);
  mock.method(console, "warn", () => {});
});

test("however often something changes it is drawn once in the next frame", () => {
  const { onChange, changed } = frames("a test");
  let drawn = 0;
  onChange(() => {
    drawn += 1;
  });
  for (let i = 0; i < 9; i++) changed();
  assert.equal(drawn, 0);
  frame();
  frame();
  assert.equal(drawn, 1);
});

test("what changes while it is drawn is drawn in the frame after", () => {
  const { onChange, changed } = frames("a test");
  let drawn = 0;
  onChange(() => {
    drawn += 1;
    if (drawn < 3) changed();
  });
  changed();
  frame();
  assert.equal(drawn, 1);
  frame();
  frame();
  frame();
  assert.equal(drawn, 3);
});

test("a drawing that fails is drawn again when something changes", () => {
  const { onChange, changed } = frames("a broken test");
  let fails = true;
  let drawn = 0;
  onChange(() => {
    if (fails) throw new Error("broken");
    drawn += 1;
  });
  changed();
  frame();
  fails = false;
  changed();
  frame();
  assert.equal(drawn, 1);
});

test("nothing is drawn any more once the page's script was stopped", () => {
  const { onChange, changed } = frames("a test");
  onChange(() => assert.fail("drawn"));
  changed();
  stop();
  frame();
});
