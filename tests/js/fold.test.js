// Columns folded onto pixels, against a slow fold of the samples themselves.

import assert from "node:assert/strict";
import { test } from "node:test";

import { foldStrip } from "../../xjls/widget/static/core/fold.js";
import { randomOf } from "./random.js";
import { randomStrip, stripOf } from "./strips.js";

const near = (a, b, said) => assert.ok(Object.is(a, b) || Math.abs(a - b) < 2e-5, `${a} is not ${b}: ${said}`);

/** One pixel from all samples: each weighs as much of the pixel as its column covers, times the share that is there. */
function foldedSlowly(columns, start, stop) {
  const parts = columns
    .map((one) => ({ ...one, cover: (Math.min(one.stop, stop) - Math.max(one.start, start)) / (stop - start) }))
    .filter(({ cover, samples }) => cover > 1e-6 && samples.length);
  if (!parts.length) return { low: NaN, high: NaN, mean0: NaN, mean1: NaN, std: NaN, meanOf: NaN, fill: 0 };
  const weighed = parts.flatMap(({ cover, share, samples }) =>
    [...samples].map((y) => [y, (cover * share) / samples.length]));
  const total = weighed.reduce((sum, [, weight]) => sum + weight, 0);
  const meanOf = weighed.reduce((sum, [y, weight]) => sum + y * weight, 0) / total;
  const means = parts.map(({ samples }) => samples.reduce((sum, y) => sum + y, 0) / samples.length);
  return {
    low: Math.min(...weighed.map(([y]) => y)), high: Math.max(...weighed.map(([y]) => y)),
    mean0: Math.min(...means), mean1: Math.max(...means), meanOf, fill: total,
    std: Math.sqrt(weighed.reduce((sum, [y, weight]) => sum + weight * (y - meanOf) ** 2, 0) / total),
  };
}

test("every pixel is what its samples give", () => {
  const random = randomOf(6);
  for (let i = 0; i < 300; i++) {
    const n = 1 + Math.floor(random() * 60);
    const { strip, columns } = randomStrip(random, n, 4, { uneven: i % 2 === 1 });
    const span = strip.edge(n) - strip.edge(0);
    const x0 = strip.edge(0) + (random() - 0.5) * span;
    const x1 = x0 + span * 10 ** (random() * 2 - 1.5);
    const pixels = 1 + Math.floor(random() * 40);
    const fold = foldStrip(strip, x0, x1, pixels);
    assert.equal(fold.y0, 5);
    for (let p = 0; p < pixels; p++) {
      const step = (x1 - x0) / pixels;
      const wanted = foldedSlowly(columns, x0 + p * step, x0 + (p + 1) * step);
      for (const [name, value] of Object.entries(wanted)) near(fold[name][p], value, `${name} of ${p} in trial ${i}`);
    }
  }
});

test("columns on the borders of pixels do not leak into the next ones", () => {
  for (const [x0, dx] of [[0.1, 0.1], [1e15 + 3, 7], [1 / 3, 1 / 3]]) {
    const mean = Array.from({ length: 300 }, (_, i) => i);
    const strip = stripOf({ x0, dx, kind: "samples", mean, fill: Array(300).fill(255) });
    const fold = foldStrip(strip, strip.edge(0), strip.edge(300), 100);
    for (let p = 0; p < 100; p++) assert.deepEqual([fold.low[p], fold.high[p]], [3 * p, 3 * p + 2]);
  }
});

test("a strip far away, or of nothing, leaves all pixels empty", () => {
  const strip = stripOf({ x0: 0, dx: 1, mean: [1, 2], min: [1, 2], max: [1, 2], std: [0, 0], fill: [255, 255] });
  for (const [x0, x1] of [[2, 4], [-4, 0], [10, 11]]) {
    const fold = foldStrip(strip, x0, x1, 7);
    assert.ok(fold.meanOf.every(Number.isNaN) && fold.low.every(Number.isNaN));
    assert.ok(fold.fill.every((share) => share === 0));
  }
  const none = foldStrip(stripOf({ x0: 0, dx: 1, mean: [], fill: [] }), 0, 1, 3);
  assert.ok(none.meanOf.every(Number.isNaN));
});

test("columns far narrower than a pixel are not lost", () => {
  const strip = stripOf({ x0: 1, dx: 1, kind: "samples", mean: [1, 7], fill: [255, 255] });
  const fold = foldStrip(strip, 0, 1e9, 3);
  assert.deepEqual([fold.low[0], fold.high[0], fold.meanOf[0]], [1, 7, 4]);
  assert.ok(fold.fill[0] > 0 && fold.fill[0] < 1e-8);
});

test("where a strip knows no spread, none is made up", () => {
  const columns = stripOf({ x0: 0, dx: 1, mean: [0, 1], min: [0, 0], max: [1, 1], fill: [255, 255] });
  assert.ok(foldStrip(columns, 0, 2, 1).std.every(Number.isNaN));
  const samples = stripOf({ x0: 0, dx: 1, kind: "samples", mean: [0, 1], fill: [255, 255] });
  assert.equal(foldStrip(samples, 0, 2, 1).std[0], 0.5);
});
