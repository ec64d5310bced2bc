/* What a browser remembers, where it may. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { recall, remember } from "../../../ui/page/memory.js";

test("what was remembered is recalled, and else nothing", () => {
  const kept = new Map();
  globalThis.localStorage = /** @type {Storage} */ ({
    setItem: (key, value) => kept.set(key, value),
    getItem: (key) => kept.get(key) ?? null,
  });
  remember("side", "left");
  assert.equal(recall("side"), "left");
  assert.equal(recall("other"), null);
});

test("a browser that allows none of it forgets, no more", () => {
  const refuse = () => {
    throw new Error("SecurityError");
  };
  globalThis.localStorage = /** @type {Storage} */ ({ setItem: refuse, getItem: refuse });
  remember("side", "left");
  assert.equal(recall("side"), null);
});
