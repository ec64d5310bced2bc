/* What singular values tell on the page: as lora_ops/energy.py and Spectrum.curve do. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { curveOf, heardOf, held, needed, unpack } from "../../../ui/desk/energy.js";

/**
 * As Python packs them: each beside the strongest of its target, in base64.
 *
 * @param {...number[]} spectra
 */
function targets(...spectra) {
  const ratios = Float32Array.from(spectra.flatMap((values) => values.map((value) => value / (values[0] || 1))));
  return unpack({
    counts: spectra.map((values) => values.length),
    strongest: spectra.map((values) => values[0] ?? 0),
    ratios: Buffer.from(ratios.buffer).toString("base64"),
  });
}

const near = (one, other) => assert.ok(Math.abs(one - other) < 1e-6, `${one} is not ${other}`);

test("singular values come out as they went in, whatever their number", () => {
  const [one, none, zero] = targets([4, 2, 1], [], [0, 0]);
  assert.deepEqual(Array.from(one.ratios), [1, 0.5, 0.25]);
  near(one.energy, 21);
  assert.deepEqual([none.energy, zero.energy, needed(none, 0.5), needed(zero, 1)], [0, 0, 0, 0]);
  assert.deepEqual(Array.from(zero.shares), [0, 0, 0]);
});

test("as many components are needed as hold the share, and at 1 all but those that are nothing", () => {
  const [parts, faint] = targets([3, 1, 1, 1], [1, 1e-3, 1e-14]);
  // 9, 10, 11 and 12 of 12.
  assert.deepEqual(
    [0.01, 0.75, 0.76, 10 / 12, 0.9, 0.99, 1].map((share) => needed(parts, share)),
    [1, 1, 2, 2, 3, 4, 4],
  );
  assert.equal(needed(faint, 1), 2);
  assert.equal(needed(faint, 0.99), 1);
});

test("of a rank and a share what is fewer is heard", () => {
  const [parts] = targets([3, 1, 1, 1]);
  assert.equal(heardOf(parts, {}), 4);
  assert.equal(heardOf(parts, { rank: 2 }), 2);
  assert.equal(heardOf(parts, { rank: 9, energy: 1 }), 4);
  assert.equal(heardOf(parts, { rank: 2, energy: 0.9 }), 2);
  assert.equal(heardOf(parts, { rank: 3, energy: 0.8 }), 2);
});

test("the curve weighs each target by what it adds at its gain, and tells the least and the most of them", () => {
  const two = targets([2, 0], [1, 1], [0, 0]);
  const { points, silent } = curveOf(two, [1, 1, 1]);
  assert.equal(silent, false);
  near(points[0].share, 0);
  near(points[1].share, 5 / 6);
  near(points[2].share, 1);
  assert.deepEqual([points[1].least, points[1].most], [0.5, 1]);
  near(curveOf(two, [0, -3, 1]).points[1].share, 0.5);
});

test("an adapter that is silent is drawn as loaded, and says so", () => {
  const two = targets([2, 0], [1, 1]);
  const curve = curveOf(two, [0, 0]);
  assert.equal(curve.silent, true);
  near(curve.points[1].share, 5 / 6);
});

test("what is heard is told with the components that each target keeps", () => {
  const two = targets([2, 0], [1, 1], [0, 0]);
  const found = held(two, [1, 1, 1], (parts) => heardOf(parts, { energy: 0.9 }));
  assert.deepEqual([found.mean, found.fewest, found.greatest], [1.5, 1, 2]);
  near(found.share, 1);
  assert.equal(held(targets([0]), [1], () => 1).share, 0);
});
