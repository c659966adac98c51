// The panel's frames as they are pushed: the newest one, its colours, and what is said of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { frameColors, frameWords, makeLiveFrames } from "../../xjls/widget/static/panel/frames.js";
import { healthParts } from "../../xjls/widget/static/panel/words.js";

const plain = (text) => text.replaceAll("\u202f", " ");

function pushOf(id, pixels, { reset = false, shift = 0, missing = [] } = {}) {
  const bytes = new Uint8Array(shift + 5 + pixels.length);
  bytes.set(pixels, shift + 5);
  const frame = { key: "image", id, width: 3, height: pixels.length / 3, at: 5, missing };
  return [{ reset, frames: [frame] }, new DataView(bytes.buffer, shift)];
}

test("the newest frame is kept, wherever its bytes lie, and what was given out stays as it was", () => {
  const frames = makeLiveFrames();
  frames.take(...pushOf(7, [1, 2, 3, 4, 5, 6], { reset: true, shift: 3 }));
  const before = frames.all();
  frames.take({ reset: false, frames: [] }, new ArrayBuffer(0));
  frames.take(...pushOf(9, [6, 5, 4, 3, 2, 1], { shift: 1 }));
  assert.deepEqual(frames.all().map(({ id, pixels }) => [id, [...pixels]]), [[9, [6, 5, 4, 3, 2, 1]]]);
  assert.deepEqual(before.map(({ id, pixels }) => [id, [...pixels]]), [[7, [1, 2, 3, 4, 5, 6]]]);
  frames.take({ reset: true }, new ArrayBuffer(0));
  assert.deepEqual(frames.all(), []);
});

test("pixels are grey, and those that did not arrive are of no grey", () => {
  const pixels = Uint8Array.from([0, 10, 255, 0, 0, 0]);
  const colors = frameColors({ pixels, width: 3, missing: [[3, 5]] });
  const at = (i) => [...colors.subarray(4 * i, 4 * i + 4)];
  assert.deepEqual([at(0), at(1), at(2), at(5)], [[0, 0, 0, 255], [10, 10, 10, 255], [255, 255, 255, 255], [0, 0, 0, 255]]);
  for (const i of [3, 4]) {
    const [red, green, , alpha] = at(i);
    assert.ok(red > 2 * green && alpha === 255);
  }
});

test("a frame's words have its number, what is missing of it, and what was lost lately", () => {
  const facts = { axis: "frame", units: "", width: 200, height: 100 };
  const frame = { key: "image", id: 12830, width: 100, height: 50, low: 12, high: 180, absent: 2, buffers: 8 };
  const { parts, bad } = frameWords(frame, { facts, losses: { lost: 0.0125, seconds: 5 }, frozen: true });
  assert.deepEqual(parts.map(plain), ["frame 12 830", "frozen", "200 × 100, black 12.00, white 180.0"]);
  assert.deepEqual(bad, ["2 of 8 buffers missing", "1.25 % lost in the last 5 s"]);
  const well = frameWords({ ...frame, absent: 0 }, { facts, losses: { lost: 0, seconds: 5 } });
  assert.deepEqual([well.bad, well.parts[1]], [[], "0.00 % lost in the last 5 s"]);
  assert.deepEqual(frameWords({ ...frame, absent: 0 }, { facts, losses: { lost: null, seconds: 5 } }).bad, []);
});

test("the line on health has what the device counts beside, in red", () => {
  const health = { rate_hz: 20, nominal_hz: 20, lost: 0, left_out: 0, over_range: 0, queued: 0, most_queued: 0, lag_s: 0, bytes_per_s: 0 };
  const told = healthParts({ ...health, tallies: [["duplicate buffers", 3]] }, 0).filter(({ bad }) => bad);
  assert.deepEqual(told, [{ name: "duplicate buffers", text: "duplicate buffers 3", bad: true }]);
});
