// The view stays on the recording, whatever one does.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fitInto, panBy, zoomAbout } from "../../xjls/widget/static/core/view.js";
import { randomOf } from "./random.js";

const LIMITS = { extent: [0, 1e12], least: 1000 };

test("what is under the cursor stays there", () => {
  const [x0, x1] = zoomAbout([4e11, 6e11], 4.5e11, 0.5, LIMITS);
  assert.deepEqual([x0, x1], [4.25e11, 5.25e11]);
  assert.deepEqual(zoomAbout([x0, x1], 4.5e11, 2, LIMITS), [4e11, 6e11]);
});

test("panning keeps the length and stops 2 % behind the end", () => {
  assert.deepEqual(panBy([4e11, 6e11], 1e11, LIMITS), [5e11, 7e11]);
  assert.deepEqual(panBy([4e11, 6e11], 9e12, LIMITS), [8.04e11, 10.04e11]);
  assert.deepEqual(panBy([4e11, 6e11], -9e12, LIMITS), [-0.04e11, 1.96e11]);
});

test("everything, with 2 % beyond at each side, is the most one can see; two samples the least", () => {
  const [x0, x1] = zoomAbout([0, 1e12], 3e11, 100, LIMITS);
  assert.ok(Math.abs(x0 + 0.02 * (x1 - x0)) < 1 && Math.abs(x1 - 1e12 - 0.02 * (x1 - x0)) < 1, `${x0}, ${x1}`);
  const [a, b] = zoomAbout([5e11, 5e11 + 2000], 5e11 + 500, 1e-6, LIMITS);
  assert.equal(b - a, 1000);
});

test("a recording shorter than two samples stands in the middle", () => {
  assert.deepEqual(fitInto([0, 5], { extent: [100, 101], least: 1000 }), [-399.5, 600.5]);
  assert.deepEqual(fitInto([0, 5], { extent: [100, 100], least: 2 }), [99, 101]);
});

test("any walk stays within the limits", () => {
  const random = randomOf(8);
  let view = [0, 1e12];
  for (let i = 0; i < 5000; i++) {
    const [from, to] = view;
    if (i % 3) view = zoomAbout(view, from + random() * (to - from), 2 ** (random() * 4 - 2.2), LIMITS);
    else view = panBy(view, (random() - 0.5) * 3 * (to - from), LIMITS);
    const span = view[1] - view[0];
    assert.ok(span >= 999.99 && span <= 1e12 / 0.96 + 1);
    assert.ok(view[0] >= -0.02 * span - 1 && view[1] <= 1e12 + 0.02 * span + 1, `${view}`);
    assert.deepEqual(fitInto(view, LIMITS).map(Math.round), view.map(Math.round));
  }
});
