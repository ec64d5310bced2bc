/* What Python works out is asked for until it is there, told how far it is meanwhile, and shown of its own adapters alone. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { workedOut } from "../../../ui/desk/worked_out.js";
import { store } from "../../../ui/page/store.js";
import { pretendSpectra } from "./told_spectra.js";

test("how far it is is told until it is known", () => {
  const world = pretendSpectra();
  const known = workedOut("loudness", (news) => news.loudness, "Working \u2026");
  assert.deepEqual(known(), { why: "Working \u2026" });
  world.answer({ loudness: null, far: "3 of 9 \u2026" });
  assert.deepEqual(known(), { why: "3 of 9 \u2026" });
  world.pass(1000);
  known();
  assert.deepEqual(world.orders, [{ do: "loudness" }, { do: "loudness" }]);
  const adapters = { pirate: { own: [1] } };
  world.answer({ loudness: { loaded: store.loaded, why: "", adapters } });
  assert.deepEqual(known(), { adapters });
});

test("what was worked out of others is not shown, and why there is nothing is", () => {
  const world = pretendSpectra();
  const known = workedOut("spectra", (news) => news.spectra, "Working \u2026");
  known();
  world.answer({ spectra: { loaded: store.loaded, why: "", adapters: { pirate: 1 } } });
  store.loaded += 1;
  assert.deepEqual(known(), { why: "Working \u2026" });
  world.pass(1000);
  known();
  world.answer({ spectra: { loaded: store.loaded, why: "A file is gone.", adapters: {} } });
  assert.deepEqual(known(), { why: "A file is gone." });
});
