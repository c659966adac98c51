// Back and forward through views.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeHistory } from "../../xjls/widget/static/core/history.js";

function historyAt(first) {
  const clock = { ms: 0 };
  const history = makeHistory(first, { now: () => clock.ms, merge_ms: 400 });
  const push = (view, after) => {
    clock.ms += after;
    history.push(view);
  };
  return { history, push };
}

test("steps of a wheel that follow each other quickly count as one", () => {
  const { history, push } = historyAt([0, 100]);
  push([0, 50], 1000);
  push([0, 25], 100);
  push([0, 12], 400);
  push([5, 17], 401);
  assert.deepEqual(history.back(), [0, 12]);
  assert.deepEqual(history.back(), [0, 100]);
  assert.equal(history.canBack, false);
  assert.deepEqual(history.back(), [0, 100]);
  assert.deepEqual(history.forward(), [0, 12]);
  assert.deepEqual(history.forward(), [5, 17]);
  assert.equal(history.canForward, false);
  assert.deepEqual(history.current, [5, 17]);
});

test("the first step keeps the first view, however quickly it comes", () => {
  const { history, push } = historyAt([0, 100]);
  push([0, 50], 0);
  assert.deepEqual(history.back(), [0, 100]);
});

test("a new way forgets the old one, and does not merge into where one went back to", () => {
  const { history, push } = historyAt([0, 100]);
  push([0, 50], 1000);
  push([0, 25], 1000);
  history.back();
  push([7, 8], 10);
  assert.equal(history.canForward, false);
  assert.deepEqual(history.back(), [0, 50]);
});

test("the same view again is no step, and the list has an end", () => {
  const { history, push } = historyAt([0, 100]);
  push([0, 100], 1000);
  assert.equal(history.canBack, false);
  for (let i = 0; i < 1000; i++) push([i, i + 1], 1000);
  let steps = 0;
  while (history.canBack) {
    history.back();
    steps++;
  }
  assert.equal(steps, 199);
});
