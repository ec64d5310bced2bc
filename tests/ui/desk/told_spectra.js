/* Python that tells spectra when it is asked for them: what a test answers, and how often it was asked. */

import { mock } from "node:test";

import { jobs } from "../../../ui/page/jobs.js";
import { store } from "../../../ui/page/store.js";

/** @param {...number[]} spectra of an adapter's targets */
export function told(...spectra) {
  const ratios = Float32Array.from(spectra.flatMap((values) => values.map((value) => value / (values[0] || 1))));
  return {
    lines: spectra.some((values) => values.length) ? { 0.95: "95 % of what it adds \u2026" } : {},
    counts: spectra.map((values) => values.length),
    strongest: spectra.map((values) => values[0] ?? 0),
    ratios: Buffer.from(ratios.buffer).toString("base64"),
    effective: [],
    stable: [],
    reasons: spectra.flatMap((values, i) => (values.length ? [] : [["DoRA has none.", [i]]])),
  };
}

/** Other adapters are loaded; {orders: what was asked, answer(news): Python says this, pass(ms)}. */
export function pretendSpectra() {
  const world = { orders: [], answer: (_) => {}, pass: (ms) => mock.timers.tick(ms) };
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.requestAnimationFrame = () => 1;
  mock.method(jobs, "order", (message, then) => {
    world.orders.push(message);
    world.answer = then;
  });
  store.loaded += 2;
  store.memory.clear();
  return world;
}

export const adapter = (count, more = {}) => ({
  name: "pirate",
  method: "lora",
  kinds: ["q_proj", "up_proj"],
  layers: [0, 1],
  targets: Array.from({ length: count }, (_, i) => [`t${i}`, i % 2, Math.floor(i / 2), 4, 8]),
  ...more,
});
