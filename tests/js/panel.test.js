// The panel's columns as they are pushed, and what it says in words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeLiveColumns } from "../../xjls/widget/static/panel/columns.js";
import { accumulatedWords, healthParts, progressText, readoutRows, shortTime } from "../../xjls/widget/static/panel/words.js";

const plain = (text) => text.replaceAll("\u202f", " ");

/** A push of one lane: columns k0 … with means that are their numbers, and fills. */
function pushOf(k0, fills, { reset = false, dx = 10, window = 1000, shift = 0 } = {}) {
  const n = fills.length;
  const bytes = new ArrayBuffer(shift + 17 * n);
  const view = new DataView(bytes);
  const at = {};
  ["mean", "std", "min", "max"].forEach((name, row) => {
    at[name] = 4 * n * row;
    for (let i = 0; i < n; i += 1) view.setFloat32(shift + at[name] + 4 * i, k0 + i + row, true);
  });
  at.fill = 16 * n;
  fills.forEach((fill, i) => view.setUint8(shift + at.fill + i, fill));
  const lane = { key: "current", k0, n, x0: k0 * dx, dx, per: 7, y0: 3.3, at };
  return [{ reset, window, lanes: [lane] }, new DataView(bytes, shift)];
}

test("columns that are pushed one after the other are one strip, and the last one is told again", () => {
  const columns = makeLiveColumns();
  columns.take(...pushOf(0, [255, 255, 100], { reset: true, shift: 3 }));
  columns.take(...pushOf(2, [255, 0, 17], { shift: 5 }));
  const strip = columns.strip("current");
  assert.deepEqual([...strip.mean], [0, 1, 2, 3, 4]);
  assert.deepEqual([...strip.max], [3, 4, 5, 6, 7]);
  assert.deepEqual([...strip.fill], [255, 255, 255, 0, 17]);
  assert.deepEqual([strip.n, strip.x0, strip.edge(5), strip.y0, strip.per], [5, 0, 50, 3.3, 7]);
  assert.deepEqual([strip.columnAt(-1), strip.columnAt(0), strip.columnAt(49), strip.columnAt(50)], [-1, 0, 4, -1]);
  assert.deepEqual(columns.spans("current"), [[30, 40, "gap"], [40, 50, "part"]]);
});

test("old columns give way, and those of the window stay", () => {
  const columns = makeLiveColumns();
  const window = 1000;
  for (let k = 0; k < 5000; k += 3) columns.take(...pushOf(k, [255, 255, 255, 9], { reset: k === 0, window }));
  const strip = columns.strip("current");
  assert.ok(strip.n >= 2 * (window / 10) && strip.n < 600);
  const first = strip.x0 / 10;
  assert.deepEqual([...strip.mean], Array.from({ length: strip.n }, (_, i) => first + i));
  assert.equal(strip.edge(strip.n), (first + strip.n) * 10);
});

test("what does not continue begins anew, as does what is told as new", () => {
  const columns = makeLiveColumns();
  columns.take(...pushOf(0, [255, 255], { reset: true }));
  columns.take(...pushOf(9, [255, 255]));
  assert.equal(columns.strip("current").x0, 90);
  columns.take(...pushOf(4, [255], { reset: true, dx: 20 }));
  assert.deepEqual([...columns.strip("current").mean], [4]);
  assert.equal(columns.strip("voltage"), null);
  assert.deepEqual(columns.spans("voltage"), []);
});

const WELL = {
  rate_hz: 2e6, nominal_hz: 2e6, lost: 0, left_out: 0, over_range: 0, queued: 0.02, most_queued: 0.31, lag_s: 0.0041, bytes_per_s: 8e6,
};

test("the line on health is never empty, and only what is lost is bad", () => {
  assert.deepEqual(healthParts(null, 0).map(({ bad }) => bad), [false]);
  const bad = (health, skipped) => healthParts({ ...WELL, ...health }, skipped).filter((part) => part.bad).map(({ name }) => name);
  assert.deepEqual(bad({}, 500), []);
  assert.deepEqual(bad({ lost: 1 }, 0), ["lost"]);
  assert.deepEqual(bad({ left_out: 3, over_range: 1 }, 0), ["left_out", "over_range"]);
  const texts = healthParts({ ...WELL, lost: 5000 }, 20).map(({ text }) => plain(text));
  assert.deepEqual(texts, [
    "2.000 MHz of 2.000 MHz", "lost at device 5 000", "dropped by host 0", "over range 0", "queue 2 % (most 31 %)", "lag 4.10 ms",
    "8.00 MB/s", "UI frames skipped 20",
  ]);
});

test("the line on progress tells what is recorded where, what is left, and when the disk is full", () => {
  assert.equal(progressText(null), "not streaming");
  assert.equal(progressText({ state: "idle" }), "not streaming");
  const push = { state: "streaming", elapsed_s: 25.44, recording: null };
  assert.equal(progressText(push), "streaming 25.4 s · not recorded");
  const recording = { path: "run_001.zarr", recorded_s: 25.4, of_s: 60, bytes: 190e6, lost: 0, remaining_s: 34.6, free_s: 86400 };
  assert.equal(
    plain(progressText({ ...push, recording, is_recording: true })),
    "streaming 25.4 s · recording run_001.zarr · 25.4 s of 0:01:00 · 190 MB · 34.6 s left · disk full in 24:00:00",
  );
  const ended = { ...push, state: "ended", recording: { ...recording, lost: 7, of_s: null } };
  assert.equal(plain(progressText(ended)), "ended after 25.4 s · recorded run_001.zarr · 25.4 s · 190 MB · 7 samples lost in it");
});

test("charge and energy are told in C and J, or in Ah and Wh, with what is missing", () => {
  const times = { text: (x) => `t${x}.123456789 UTC` };
  const sum = { value: 7.2, units: "C", seconds: 90, missing_s: 0.005, since: 4 };
  const lane = { name: "current" };
  const si = accumulatedWords(lane, sum, times, { units: "si" });
  assert.deepEqual([si.title, plain(si.value), plain(si.missing)], ["charge (current)", "7.2000 C", "5.00 ms missing"]);
  assert.equal(plain(si.text), "over 0:01:30.000 since t4.123 UTC");
  const hours = accumulatedWords(lane, { ...sum, missing_s: 0 }, times, { units: "hours" });
  assert.deepEqual([plain(hours.value), hours.missing], ["2.0000 mAh", ""]);
});

test("a lane's table has a dash where there is no number", () => {
  const last = { current: { mean: 0.0154899, std: 0, rms: 0.0154899, min: -1e-7, max: 0.5, pp: 0.5000001 } };
  const rows = readoutRows({ key: "current", units: "A" }, { last, window: { current: null } }, 4);
  assert.deepEqual(rows.map((row) => row.map(plain)), [
    ["mean", "15.49 mA", "–"], ["std", "0.000 A", "–"], ["rms", "15.49 mA", "–"], ["min", "−100.0 nA", "–"],
    ["max", "500.0 mA", "–"], ["p-p", "500.0 mA", "–"],
  ]);
});

test("lengths of time", () => {
  assert.deepEqual([0, 59.94, 61, 3725.9, 200000].map(shortTime), ["0.0 s", "59.9 s", "0:01:01", "1:02:05", "2.3 d"]);
});
