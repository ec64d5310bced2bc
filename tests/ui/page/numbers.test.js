/* Numbers that people type, and numbers that they read. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  clamp,
  parseNumber,
  roundGain,
  roundTicks,
  writeBytes,
  writeCount,
  writeCounted,
  writeGain,
  writeMethod,
  writePercent,
  writeRange,
  writeShort,
  writeTime,
  writeTiny,
} from "../../../ui/page/numbers.js";

test("a number is read as people type it", () => {
  const read = { "0,5": 0.5, " 1.25 ": 1.25, ".5": 0.5, "2.": 2, "+3": 3, "\u22120.5": -0.5, "1e-3": 0.001, "-0": 0 };
  for (const [typed, value] of Object.entries(read)) assert.equal(parseNumber(typed), value);
  assert.ok(!Object.is(parseNumber("-0"), -0));
});

test("what is no finite number is none", () => {
  for (const typed of ["", " ", "one", "1,2,3", "1.2.3", "0x10", "Infinity", "NaN", "1e999", "--1", "1 2", "."]) {
    assert.equal(parseNumber(typed), null);
  }
});

test("a gain is written with two decimals, three if it has them, and can be read back", () => {
  const written = [
    [1, "1.00"],
    [0.5, "0.50"],
    [0.125, "0.125"],
    [-1.5, "-1.50"],
    [0, "0.00"],
    [0.0004, "0.0004"],
    [1.23456e30, "1.23e+30"],
  ];
  for (const [value, text] of written) {
    assert.equal(writeGain(value), text);
    assert.ok(Math.abs(parseNumber(text) - value) <= Math.abs(value) * 0.01);
  }
  for (let cents = -300; cents <= 300; cents += 1) assert.equal(parseNumber(writeGain(cents / 100)), cents / 100);
});

test("what a fader sets has two decimals, and 0 has no sign", () => {
  assert.equal(roundGain(0.30000000000000004), 0.3);
  assert.ok(Object.is(roundGain(-0.001), 0));
});

test("ranges, counts, bytes and shares are as short as they can be", () => {
  assert.equal(writeShort(-0.5), "\u22120.5");
  assert.equal(writeShort(16.00001), "16");
  assert.equal(writeRange(1, 1, writeGain), "1.00");
  assert.equal(writeRange(0.5, 2, writeGain), "0.50 \u2013 2.00");
  assert.equal(writeRange(-1, 2, writeShort), "\u22121 to 2");
  assert.deepEqual([999, 4_900_000, 134_515_008, 7.2e9].map(writeCount), ["999", "4.90 M", "134.52 M", "7.20 B"]);
  assert.deepEqual([0, 512, 9_800_000, 99_600_000, 1e12].map(writeBytes), [
    "0 B",
    "512 B",
    "9.8 MB",
    "100 MB",
    "1.0 TB",
  ]);
  assert.equal(writePercent(0.0354), "3.54 %");
  assert.equal(writeCounted(1, "kind", "kinds"), "1 kind");
  assert.equal(writeCounted(1200, "target", "targets"), "1,200 targets");
});

test("a cell's number has three characters at most, and a sign", () => {
  const written = { 0: "0", 0.5: ".5", 0.25: ".25", 1.28: "1.3", 12.4: "12", 250: "99+", "-0.5": "-.5", "-0.001": "0" };
  for (const [value, text] of Object.entries(written)) assert.equal(writeTiny(Number(value)), text);
  for (let value = -12; value <= 120; value += 0.37)
    assert.ok(writeTiny(value).replace("-", "").length <= 3, `${value}`);
});

test("the scale of a fader has few round numbers in equal steps, and 0 is one of them", () => {
  assert.deepEqual(roundTicks(0, 2), [0, 0.5, 1, 1.5, 2]);
  assert.deepEqual(roundTicks(-1, 4), [-1, 0, 1, 2, 3, 4]);
  for (const [min, max] of [
    [-3, 3],
    [0, 1],
    [-0.5, 1.1],
    [0, 100],
    [-1000, 12],
    [0, 1e30],
  ]) {
    const ticks = roundTicks(min, max);
    assert.ok(ticks.includes(0) && ticks.length >= 2 && ticks.length <= 8, `${min} to ${max}: ${ticks}`);
    assert.ok(ticks.every((tick) => tick >= min && tick <= max * (1 + 1e-9)));
  }
});

test("a time is told as today's, or by its day; none is no time", () => {
  assert.equal(writeTime(0), "");
  assert.match(writeTime(Date.now() / 1000), /^today \d\d:\d\d$/);
  assert.equal(writeTime(Date.UTC(2024, 10, 24, 12) / 1000), "24 Nov 2024");
});

test("methods have the names that people know", () => {
  assert.equal(writeMethod({ method: "lora", rslora: true }), "LoRA, rank-stabilised");
  assert.equal(writeMethod({ method: "vera", rslora: false }), "vera");
  assert.equal(writeMethod({ method: "", rslora: false }), "?");
});

test("clamp keeps a number between two others", () => {
  assert.deepEqual(
    [-1, 0.5, 3].map((value) => clamp(value, 0, 2)),
    [0, 0.5, 2],
  );
});
