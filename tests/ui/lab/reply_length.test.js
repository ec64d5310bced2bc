/* How long a reply may get, in words. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { tellLength } from "../../../ui/lab/reply_length.js";

test("how long a reply may get is told as it was typed, or as the chat is set", () => {
  assert.match(tellLength(0, null), /as long as the chat.s settings say/);
  assert.equal(tellLength(50, { tokens: 512, withPrompt: false }), "up to 50 tokens long");
  assert.equal(tellLength(900, { tokens: 512, withPrompt: false }), "up to 512 tokens long, as the chat is set");
  assert.match(tellLength(0, { tokens: 8192, withPrompt: true }), /fills the context: 8,192 tokens/);
});
