// The vertical axis: there and back again, ticks, and a range that does not jump.

import assert from "node:assert/strict";
import { test } from "node:test";

import { autoRange, makeScale } from "../../xjls/widget/static/core/scale.js";
import { randomOf } from "./random.js";

const plain = (texts) => texts.map((text) => text.replaceAll("\u202f", " "));
const near = (a, b, tolerance) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("the top is 0, the bottom the height, and every pixel leads back to its value", () => {
  const random = randomOf(4);
  for (let i = 0; i < 500; i++) {
    const low = (random() - 0.7) * 10 ** (random() * 8 - 6);
    const high = low + 10 ** (random() * 8 - 6);
    const scale = makeScale({ low, high, pixels: 200, log: i % 2 === 1, zero: 1e-9 });
    near(scale.y(high), 0, 1e-6);
    near(scale.y(low), 200, 1e-6);
    for (let k = 0; k < 10; k++) {
      const value = low + random() * (high - low);
      near(scale.value(scale.y(value)), value, 1e-9 * Math.max(Math.abs(low), Math.abs(high)));
    }
  }
});

test("a symmetric logarithm is linear about zero, even, and decades are equally high", () => {
  const scale = makeScale({ low: -1e-3, high: 1e-3, pixels: 1400, log: true, zero: 1e-9 });
  near(scale.y(0), 700, 1e-9);
  near(scale.y(5e-10) + scale.y(-5e-10), 1400, 1e-9);
  near(scale.y(0) - scale.y(5e-10), 50, 1e-9);
  for (let k = -9; k < -3; k++) near(scale.y(10 ** k) - scale.y(10 ** (k + 1)), 100, 1e-6);
});

test("ticks are round, in order, in the view, distinct, and no more than asked for", () => {
  const random = randomOf(5);
  for (let i = 0; i < 2000; i++) {
    const log = i % 2 === 1;
    const low = (random() - 0.6) * 10 ** (random() * 12 - 9);
    const high = low + Math.abs(low) * 10 ** (random() * 6 - 3) + 1e-12;
    const most = 2 + Math.floor(random() * 10);
    const scale = makeScale({ low, high, pixels: 300, log, zero: 1e-9, units: "A" });
    const ticks = scale.ticks(most);
    const said = `${low} … ${high} (${most}${log ? ", log" : ""}): ${ticks.map((tick) => tick.label)}`;
    assert.ok(ticks.length <= most, said);
    assert.ok(ticks.length >= 1 || most < 3, said);
    assert.equal(new Set(ticks.map((tick) => tick.label)).size, ticks.length, said);
    ticks.forEach(({ y, value }, k) => {
      assert.ok(y >= -1e-3 && y <= 300.001, said);
      if (k > 0) assert.ok(value > ticks[k - 1].value, said);
    });
  }
});

test("labels are numbers in the unit of the axis; in a logarithm each has its own", () => {
  const linear = makeScale({ low: 0, high: 0.16, pixels: 100, units: "A" });
  assert.deepEqual([plain(linear.ticks(4).map((tick) => tick.label)), linear.unit], [["0", "50", "100", "150"], "mA"]);
  const offset = makeScale({ low: 3.3, high: 3.30004, pixels: 100, units: "V" });
  assert.deepEqual(offset.ticks(5).map((tick) => tick.label), ["3.30000", "3.30001", "3.30002", "3.30003", "3.30004"]);
  const log = makeScale({ low: 0, high: 1e-1, pixels: 100, log: true, zero: 1e-6, units: "A" });
  const decades = ["0 A", "1 µA", "10 µA", "100 µA", "1 mA", "10 mA", "100 mA"];
  assert.deepEqual(plain(log.ticks(10).map((tick) => tick.label)), decades);
  assert.deepEqual(plain(log.ticks(3).map((tick) => tick.label)), ["0 A", "100 µA", "100 mA"]);
  assert.equal(log.unit, "");
  const bare = makeScale({ low: 0, high: 1000, pixels: 100 });
  assert.deepEqual([bare.ticks(3).map((tick) => tick.label), bare.unit], [["0", "500", "1000"], ""]);
});

test("no range is too odd for an axis", () => {
  for (const [low, high] of [[3.3, 3.3], [0, 0], [-2, -2], [NaN, NaN], [5, 1], [-Infinity, 1]]) {
    const scale = makeScale({ low, high, pixels: 100 });
    assert.ok(scale.high > scale.low);
    assert.ok(scale.ticks(5).length > 0);
  }
});

test("an axis keeps its range until data leave it, or use less than half of it", () => {
  const first = autoRange(null, 0, 1);
  near(first[0], -0.06, 1e-12);
  near(first[1], 1.06, 1e-12);
  assert.equal(autoRange(first, 0.1, 0.95), first);
  assert.equal(autoRange(first, -0.05, 1.05), first);
  assert.notDeepEqual(autoRange(first, 0, 1.07), first);
  assert.notDeepEqual(autoRange(first, 0, 0.5), first);
  assert.deepEqual(autoRange(first, -9, 9, { fixed: [0, 5] }), [0, 5]);
});

test("constants get an axis that stays; without any data it is the old one", () => {
  const constant = autoRange(null, 3.3, 3.3);
  assert.ok(constant[0] < 3.0 && constant[0] > 2.5 && constant[1] > 3.6 && constant[1] < 4.1);
  assert.equal(autoRange(constant, 3.31, 3.31), constant);
  assert.ok(autoRange(null, 0, 0)[0] < 0 && autoRange(null, 0, 0)[1] > 0);
  assert.equal(autoRange(constant, NaN, NaN), constant);
  assert.deepEqual(autoRange(null, Infinity, -Infinity), [0, 1]);
});
