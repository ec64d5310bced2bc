/* A text on the clipboard, and a browser that has none or refuses it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { copied } from "../../../ui/page/clipboard.js";

const pretend = (clipboard) =>
  Object.defineProperty(globalThis, "navigator", { value: { clipboard }, configurable: true });

test("the text is there as it is", async () => {
  let there = "";
  pretend({
    writeText: async (text) => {
      there = text;
    },
  });
  assert.equal(await copied("r: 8\n\u03b1: 16"), true);
  assert.equal(there, "r: 8\n\u03b1: 16");
});

test("a browser that has no clipboard, or refuses it, is told and throws nothing", async () => {
  pretend(undefined);
  assert.equal(await copied("r: 8"), false);
  pretend({ writeText: () => Promise.reject(new Error("NotAllowedError")) });
  assert.equal(await copied("r: 8"), false);
});
