// Numbers on axes and in tables: the digits that say something, and no others.

import assert from "node:assert/strict";
import { test } from "node:test";

import { axisUnit, countText, inHours, tickNumbers, withPrefix } from "../../xjls/widget/static/core/numbers.js";
import { randomOf } from "./random.js";

const GAP = "\u202f";
const plain = (text) => text.replaceAll(GAP, " ");

test("an axis takes the prefix of its largest value", () => {
  const wanted = [
    ["A", 3e-6, "µA"], ["A", 0.9999, "mA"], ["A", 1, "A"], ["A", 0.001, "mA"], ["V", -3.3, "V"], ["W", 0, "W"],
    ["mA", 5, "mA"], ["mA", 2e3, "A"], ["uA", 0.5, "nA"], ["Hz", 2e6, "MHz"], ["A", 1e-20, "fA"], ["A", 1e20, "TA"],
    ["°C", 0.001, "°C"], ["%", 1e4, "%"], ["", 5e6, ""], ["min", 1e-3, "min"], ["A", NaN, "A"],
  ];
  for (const [units, largest, label] of wanted) {
    assert.equal(axisUnit(units, largest).label, label, `${largest} ${units}`);
  }
  assert.equal(0.12 * axisUnit("A", 0.12).factor, 120);
});

test("a value has its digits, its prefix and a narrow space", () => {
  const wanted = [
    [0.01549, "A", "15.49 mA"], [0.15, "A", "150.0 mA"], [-1.5, "V", "−1.500 V"], [0, "W", "0.000 W"],
    [-0, "W", "0.000 W"],
    [0.99996, "A", "1.000 A"], [999.96, "mA", "1.000 A"], [12345, "°C", "12345 °C"],
    [0.5, "", "0.5000"], [1e-5, "A", "10.00 µA"],
    [1e-9, "°C", "1.000e−9 °C"],
  ];
  for (const [value, units, text] of wanted) assert.equal(plain(withPrefix(value, units)), text);
  assert.equal(withPrefix(0.01549, "A"), `15.49${GAP}mA`);
  assert.equal(plain(withPrefix(0.0154867, "A", 6)), "15.4867 mA");
  for (const nothing of [null, undefined, NaN, Infinity]) assert.equal(withPrefix(nothing, "A"), "–");
});

test("what is written is what was meant, to its last digit", () => {
  const random = randomOf(1);
  const exponents = { f: -15, p: -12, n: -9, "µ": -6, m: -3, "": 0, k: 3, M: 6 };
  for (let i = 0; i < 2000; i++) {
    const value = (random() - 0.5) * 10 ** (random() * 18 - 12);
    const digits = 3 + Math.floor(random() * 4);
    const [number, unit] = withPrefix(value, "A", digits).split(GAP);
    const read = Number(number.replace("−", "-")) * 10 ** exponents[unit.slice(0, -1)];
    const error = Math.abs(read - value) / Math.abs(value);
    assert.ok(error <= 0.51 * 10 ** (1 - digits), `${value} became ${number} ${unit}`);
    assert.equal(number.replace(/[−.]|^−?0\.0*/g, "").length, digits, `${value} as ${number}`);
  }
});

test("ticks keep the zeros of whole numbers and the digits that tell them apart", () => {
  assert.deepEqual(tickNumbers([0, 50, 100, 150]), ["0", "50", "100", "150"]);
  assert.deepEqual(tickNumbers([-50, -0, 50]), ["−50", "0", "50"]);
  assert.deepEqual(tickNumbers([3.2, 3.225, 3.25]), ["3.200", "3.225", "3.250"]);
  assert.deepEqual(tickNumbers([3.30001, 3.30002]), ["3.30001", "3.30002"]);
  assert.deepEqual(tickNumbers([0.1 + 0.2, 0.4, 0.5]), ["0.3", "0.4", "0.5"]);
  assert.deepEqual(tickNumbers([]), []);
  assert.deepEqual(tickNumbers([2e16, 4e16]), ["2.0e+16", "4.0e+16"]);
});

test("ticks of any step are distinct, equally long and right", () => {
  const random = randomOf(2);
  for (let i = 0; i < 2000; i++) {
    const step = [1, 2, 2.5, 5][i % 4] * 10 ** (Math.floor(random() * 16) - 9);
    const first = Math.round(((random() - 0.5) * 1e6) / step) % 1e9;
    const values = Array.from({ length: 2 + Math.floor(random() * 8) }, (_, k) => (first + k) * step);
    const texts = tickNumbers(values);
    assert.equal(new Set(texts).size, texts.length, `${step}: ${texts}`);
    assert.equal(new Set(texts.map((text) => text.split(".")[1]?.length)).size, 1);
    const read = texts.map((text) => Number(text.replace("−", "-")));
    read.forEach((number, k) => {
      assert.ok(Math.abs(number - values[k]) <= 0.011 * step, `${values[k]} became ${texts[k]}`);
    });
  }
});

test("charge and energy are read in hours", () => {
  assert.deepEqual(inHours(7200, "C"), [2, "Ah"]);
  assert.deepEqual(inHours(1800, "mJ"), [0.5, "mWh"]);
  assert.deepEqual(inHours(3, "A"), [3, "A"]);
  assert.deepEqual(inHours(null, "C"), [null, "Ah"]);
});

test("counts are exact as long as they are short", () => {
  const wanted = [
    [0, "0"], [999, "999"], [29630, "29 630"], [999999, "999 999"], [1.7e6, "1.70 M"],
    [999999999, "1.00 G"], [1.2e12, "1.20 T"],
    [-29630, "−29 630"], [null, "–"],
  ];
  for (const [n, text] of wanted) assert.equal(plain(countText(n)), text);
});
