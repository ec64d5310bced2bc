/* What the page works out of a panel: the same as Python, which wrote the table. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { alphaNow, cellGain, fadeAt, hearGains, indexTargets, ownGain, putCell } from "../../../ui/page/gains.js";
import { copyPanel, fadersBetween, fadersOf, putGain, whySilent } from "../../../ui/page/panel.js";

const table = JSON.parse(readFileSync(new URL("gains.json", import.meta.url), "utf8"));
const pirate = table.adapters[0];
const butler = table.adapters[1];

for (const { about, panel, gains } of table.cases) {
  test(`every target is heard as Python hears it: ${about}`, () => {
    const mine = copyPanel(panel);
    for (const adapter of table.adapters) {
      const heard = Array.from(hearGains(indexTargets(adapter), mine), (gain) => gain + 0); // -0 is 0
      assert.deepEqual(
        heard,
        gains[adapter.name].map((gain) => gain + 0),
      );
    }
  });
}

test("a panel between two others is heard as Python hears it", () => {
  for (const { a, b, t, gains } of table.between) {
    const panel = copyPanel();
    panel.mix.adapters = fadersBetween(copyPanel({ mix: a }).mix.adapters, copyPanel({ mix: b }).mix.adapters, t);
    for (const adapter of table.adapters) {
      const heard = hearGains(indexTargets(adapter), panel);
      gains[adapter.name].forEach((gain, i) => {
        assert.ok(Math.abs(heard[i] - gain) <= 1e-12 * Math.max(1, Math.abs(gain)), `${heard[i]} is not ${gain}`);
      });
    }
  }
});

test("an adapter of which the page says that it is not heard is silent in Python too", () => {
  for (const { panel, gains } of table.cases) {
    for (const adapter of table.adapters) {
      if (whySilent(copyPanel(panel), adapter)) assert.ok(gains[adapter.name].every((gain) => gain === 0));
    }
  }
});

test("a fade stands at every token where Python has it", () => {
  for (const { points, gains } of table.fades) {
    for (const [token, gain] of gains) assert.equal(fadeAt(points, token), gain);
  }
});

test("every target is in one cell: that of its layer and its kind, or in the last column", () => {
  const index = indexTargets(butler);
  assert.equal(index.loose, true);
  assert.equal(index.cols, butler.layers.length + 1);
  assert.deepEqual([...index.members].sort(), butler.targets.map((_, i) => i).sort());
  butler.targets.forEach(([, layer, kind], i) => {
    const column = layer === null ? index.cols - 1 : butler.layers.indexOf(layer);
    assert.equal(index.cellOf[i], kind * index.cols + column);
  });
});

test("a cell tells the lowest, the highest and the mean gain of its targets", () => {
  const index = indexTargets(butler);
  const panel = copyPanel();
  putGain(fadersOf(panel, "butler").modules, "model.layers.0.experts.0.w1", 0.5);
  hearGains(index, panel);
  assert.deepEqual(cellGain(index, 0), { n: 2, lo: 0.5, hi: 1, mean: 0.75 });
  assert.deepEqual(ownGain(index, panel, 0), { value: 0.5, mixed: true, moved: true });
  assert.equal(cellGain(index, index.cols + 0).n, 0);
});

test("a cell that is set sets all its targets, and at 1 leaves nothing behind", () => {
  const index = indexTargets(butler);
  const panel = copyPanel();
  putCell(index, panel, 0, 0.25);
  assert.deepEqual(Object.values(panel.mix.adapters.butler.modules), [0.25, 0.25]);
  assert.equal(ownGain(index, panel, 0).mixed, false);
  putCell(index, panel, 0, 1);
  assert.deepEqual(Object.keys(panel.mix.adapters.butler.modules), []);
});

test("effective alpha is gain times alpha", () => {
  const index = indexTargets(pirate);
  const panel = copyPanel({ mix: { adapters: { pirate: { kinds: { q_proj: 0.5 } } } } });
  hearGains(index, panel);
  assert.deepEqual(alphaNow(index), [8, 16]);
  assert.deepEqual(alphaNow(indexTargets({ ...pirate, targets: [] })), [0, 0]);
});
