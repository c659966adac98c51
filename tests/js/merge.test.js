// Merged moments against those of the samples themselves.

import assert from "node:assert/strict";
import { test } from "node:test";

import { mergeColumns } from "../../xjls/widget/static/core/merge.js";
import { randomOf } from "./random.js";

function momentsOf(samples) {
  const count = samples.length;
  const mean = count ? samples.reduce((sum, y) => sum + y, 0) / count : NaN;
  const std = Math.sqrt(samples.reduce((sum, y) => sum + (y - mean) ** 2, 0) / count);
  return { mean, std, min: count ? Math.min(...samples) : NaN, max: count ? Math.max(...samples) : NaN, count };
}

const NAMES = Object.keys(momentsOf([]));
const tableOf = (rows) => Object.fromEntries(NAMES.map((name) => [name, Float64Array.from(rows, (row) => row[name])]));

test("groups are what their samples give, also far from zero and with nothing in them", () => {
  const random = randomOf(7);
  for (let i = 0; i < 200; i++) {
    const offset = [0, 1e3, -3.3][i % 3];
    const columns = Array.from({ length: 1 + Math.floor(random() * 40) }, () =>
      random() < 0.2 ? [] : Array.from({ length: 1 + Math.floor(random() * 9) }, () => offset + random()));
    const starts = Int32Array.from(columns.keys()).filter((k) => k === 0 || random() < 0.3);
    const merged = mergeColumns(tableOf(columns.map(momentsOf)), starts);
    starts.forEach((start, k) => {
      const wanted = momentsOf(columns.slice(start, starts[k + 1]).flat());
      for (const name of NAMES) {
        const [value, want] = [merged[name][k], wanted[name]];
        assert.ok(Object.is(value, want) || Math.abs(value - want) < 1e-9, `${name}: ${value}, not ${want}`);
      }
    });
  }
});

test("no groups make no table", () => {
  assert.equal(mergeColumns(tableOf([]), new Int32Array(0)).mean.length, 0);
});
