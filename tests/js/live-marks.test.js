// The panel's marks: which are kept, and where they stand; and what it says of a picture that was kept.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeLiveMarks, markTextPlace, placedMarks } from "../../xjls/widget/static/panel/marks.js";
import { keptText } from "../../xjls/widget/static/panel/words.js";

const markOf = (key, x, text = `mark ${key}`) => ({ key, x, lane: "current", text });
const plain = (text) => text.replaceAll("\u202f", " ");
/** A context in which every letter is 6 pixels wide. */
const drawing = { measureText: (text) => ({ width: 6 * text.length }) };

test("marks are kept while they are in the window, told once each, and forgotten at a reset", () => {
  const marks = makeLiveMarks();
  const keys = () => marks.all().map(({ key }) => key);
  const push = (newest, told, reset = false) => marks.take({ reset, newest, window: 100, marks: told });
  push(100, [markOf(1, 50)], true);
  push(120, [markOf(2, 119), markOf(1, 50)]);
  assert.deepEqual(keys(), [1, 2]);
  marks.take({ newest: 160, window: 100 });
  assert.deepEqual(keys(), [2]);
  push(170, [markOf(3, 165)], true);
  assert.deepEqual(keys(), [3]);
  for (let key = 4; key < 1000; key += 1) push(170, [markOf(key, 166)]);
  assert.equal(keys().length, 200);
  assert.equal(keys().at(-1), 999);
});

test("what was held stays as it was while more are told", () => {
  const marks = makeLiveMarks();
  marks.take({ reset: true, newest: 10, window: 100, marks: [markOf(1, 5)] });
  const held = marks.all();
  marks.take({ newest: 500, window: 100, marks: [markOf(2, 499)] });
  assert.deepEqual(held.map(({ key }) => key), [1]);
});

test("marks of the view stand where their times are, each with the room up to the next one", () => {
  const placed = placedMarks([markOf(2, 75), markOf(1, 50), markOf(0, -1), markOf(3, 101)], [0, 100], { x: 10, width: 200 });
  assert.deepEqual(placed.map(({ text, at }) => [text, at]), [["mark 1", 110], ["mark 2", 160]]);
  assert.equal(placed[0].room, 50);
  assert.ok(placed[1].room > 1e9);
});

test("a text stands at the right of its line, at its left where only there is room, and is cut or left out before it covers others", () => {
  const plot = { x: 0, width: 300 };
  const place = (at, room, free, text = "radio on") => markTextPlace(drawing, plot, { text, at, room, free });
  assert.deepEqual(place(100, Infinity, 0), { text: "radio on", left: 100, width: 56 });
  assert.deepEqual(place(295, Infinity, 0), { text: "radio on", left: 239, width: 56 });
  const cut = place(100, 40, 99);
  assert.ok(cut.text.endsWith("…") && cut.left === 100 && cut.width <= 39);
  assert.equal(place(100, 10, 95), null);
  assert.ok(place(100, Infinity, 0, "x".repeat(500)).width <= 160);
});

test("a picture that is kept says of when it is, not that something streams", () => {
  const times = { text: (x) => `t${x}.123456789` };
  const push = { kept: true, state: "streaming", newest: 7, elapsed_s: 3, is_recording: true, recording: null };
  assert.equal(keptText(push, times), "as it was at t7.123");
  const recording = { path: "run.zarr", recorded_s: 12, bytes: 5e6, lost: 4 };
  assert.equal(plain(keptText({ ...push, recording }, times)), "as it was at t7.123 · recorded run.zarr · 12.0 s · 5.00 MB · 4 samples lost in it");
});
