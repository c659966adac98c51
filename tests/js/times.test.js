// Times on the axis and in readouts: from nanoseconds to years, in any zone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { durationText, frequencyText, makeTimes } from "../../xjls/widget/static/core/times.js";
import { randomOf } from "./random.js";

const plain = (text) => text.replaceAll("\u202f", " ");
const ORIGIN = "1772359200000000000"; // 2026-03-01T10:00:00Z
const SINCE = "the first sample";
const S = 1e9;
const H = 3600 * S;
const DAY = 24 * H;

const utcTimes = makeTimes({ utc: true, origin: ORIGIN, since: SINCE });
const at = (minutes) => makeTimes({ utc: true, origin: ORIGIN, since: SINCE, minutesEast: () => minutes });

/** Central European time of 2026: summer from 29 March to 25 October, 01:00 UTC. */
const europe = (ms) => (ms >= Date.UTC(2026, 2, 29, 1) && ms < Date.UTC(2026, 9, 25, 1) ? 120 : 60);

function ticksOf(times, x0, x1, mode, most = 8, zero = undefined) {
  const { labels, head } = times.ticks(x0, x1, most, mode, zero);
  return [labels.map(plain), plain(head)];
}

test("labels of a UTC axis fit its zoom; what they share is said once", () => {
  const wanted = [
    [0, 1000, ["0 ns", "200 ns", "400 ns", "600 ns", "800 ns", "1000 ns"], "2026-03-01 10:00:00.000000 UTC +"],
    [1234567, 1243567, ["236 µs", "238 µs", "240 µs", "242 µs"], "2026-03-01 10:00:00.001 UTC +"],
    [S / 2, 0.52 * S, ["500", "505", "510", "515", "520"].map((ms) => `10:00:00.${ms}`), "2026-03-01 UTC"],
    [0, 100 * S,
      ["00:00", "00:15", "00:30", "00:45", "01:00", "01:15", "01:30"].map((s) => `10:${s}`), "2026-03-01 UTC"],
    [0, H, ["10:00", "10:10", "10:20", "10:30", "10:40", "10:50", "11:00"], "2026-03-01 UTC"],
    [0, DAY, ["12:00", "18:00", "2 Mar", "06:00"], "2026-03-01 – 2026-03-02 UTC"],
    [0, 7 * DAY, ["2 Mar", "3 Mar", "4 Mar", "5 Mar", "6 Mar", "7 Mar", "8 Mar"], "2026-03-01 – 2026-03-08 UTC"],
  ];
  for (const [x0, x1, labels, head] of wanted) assert.deepEqual(ticksOf(utcTimes, x0, x1, "utc"), [labels, head]);
});

test("local time is that of the wall, also where it is not whole hours away", () => {
  const [labels, head] = ticksOf(at(345), 0, DAY, "local");
  assert.deepEqual([labels, head], [["18:00", "2 Mar", "06:00", "12:00"], "2026-03-01 – 2026-03-02 UTC+5:45"]);
  assert.deepEqual(at(345).ticks(0, DAY, 8, "local").at[0], 2.25 * H);
  assert.equal(at(-210).text(0, "local"), "2026-03-01 06:30:00.000 UTC−3:30");
});

test("days begin at midnight on both sides of a change of the clocks", () => {
  const times = makeTimes({ utc: true, origin: ORIGIN, since: SINCE, minutesEast: europe });
  for (const first of [27, 27 + 210]) {
    const { at: found, labels, head } = times.ticks(first * DAY, (first + 3) * DAY, 8, "local");
    assert.equal(new Set(labels).size, labels.length, `${labels}`);
    assert.equal(plain(head).split(" UTC")[1].includes("/"), true, head);
    assert.equal(found.length, first === 27 ? 7 : 6);
    for (const x of found) assert.match(times.text(x, "local"), /(00|12):00:00\.000 /);
  }
  const spring = times.ticks(27 * DAY + 13 * H, 27 * DAY + 19 * H, 8, "local");
  assert.deepEqual(spring.labels, ["29 Mar", "01:00", "03:00", "04:00", "05:00", "06:00", "07:00"]);
});

test("the hours of a day that the clocks change are those of the wall, also far west of Greenwich", () => {
  const newYork = (ms) => (ms >= Date.UTC(2026, 2, 8, 7) ? -240 : -300);
  const times = makeTimes({ utc: true, origin: ORIGIN, since: SINCE, minutesEast: newYork });
  const midnight = 6 * DAY + 19 * H;
  const { at: found, labels } = times.ticks(midnight, midnight + 22.5 * H, 5, "local");
  assert.deepEqual(labels, ["8 Mar", "06:00", "12:00", "18:00"]);
  assert.deepEqual(found.map((x) => (x - midnight) / H), [0, 5, 11, 17]);
});

test("time since the start or a marker has a unit of its own", () => {
  const wanted = [
    [[0, 2 * S, "relative", 5], ["0.0 s", "0.5 s", "1.0 s", "1.5 s", "2.0 s"], "since the first sample"],
    [[0.5 * S, 1.5 * S, "marker", 3, S], ["−500 ms", "0 ms", "500 ms"], "since the marker"],
    [[0, 2 * H, "relative", 4], ["0:00", "1:00", "2:00"], "h:mm since the first sample"],
    [[H, H + 20 * S, "relative", 3], ["1:00:00", "1:00:10", "1:00:20"], "h:mm:ss since the first sample"],
  ];
  for (const [view, labels, head] of wanted) assert.deepEqual(ticksOf(utcTimes, ...view), [labels, head]);
  assert.deepEqual(
    ticksOf(utcTimes, H + 1234, H + 2234, "relative", 6),
    [["400 ns", "600 ns", "800 ns", "1000 ns", "1200 ns"], "1:00:00.000001 since the first sample +"],
  );
});

test("without UTC all modes count from the first sample", () => {
  const times = makeTimes({ utc: false, origin: "0", since: SINCE });
  for (const mode of ["utc", "local", "relative"]) {
    assert.equal(plain(times.text(1.5 * S, mode)), "1.500 s");
    assert.equal(times.head(0, S, mode), "since the first sample");
  }
});

test("a moment is told to the nanosecond where it needs that", () => {
  assert.equal(utcTimes.text(0, "utc"), "2026-03-01 10:00:00.000 UTC");
  assert.equal(utcTimes.text(1234567, "utc"), "2026-03-01 10:00:00.001234567 UTC");
  assert.equal(utcTimes.text(86399.999999 * S, "utc"), "2026-03-02 09:59:59.999999 UTC");
  assert.equal(plain(utcTimes.text(1500, "marker", 3000)), "−0.000001500 s");
  assert.equal(plain(utcTimes.text(7000 * S + 1, "marker", 0)), "+1:56:40.000000001");
  assert.equal(utcTimes.text(NaN, "utc"), "–");
  const before = makeTimes({ utc: true, origin: "-1", since: SINCE });
  assert.equal(before.text(0, "utc"), "1969-12-31 23:59:59.999999999 UTC");
});

test("a hundred days later each nanosecond is another text", () => {
  const x = 100 * DAY;
  const texts = [0, 1, 2, 3].map((ns) => utcTimes.text(x + ns, "utc"));
  assert.equal(new Set(texts).size, 4);
  assert.ok(texts[3].endsWith(".000000003 UTC"));
});

test("ticks lie in the view, in order, no more than asked for, and are called differently", () => {
  const random = randomOf(3);
  const zones = [utcTimes, at(345), at(-210)];
  for (let i = 0; i < 3000; i++) {
    const span = 10 ** (random() * 15 + 0.7); // 5 ns … a hundred days
    const x0 = random() * (9e15 - span);
    const mode = ["utc", "local", "relative", "marker"][i % 4];
    const most = 2 + Math.floor(random() * 11);
    const zero = Math.floor(random() * 1e15);
    const { step, at: found, labels, head } = zones[i % 3].ticks(x0, x0 + span, most, mode, zero);
    const said = `${mode} ${x0} + ${span}, ${most}: ${labels} (${head})`;
    assert.ok(found.length <= most, said);
    assert.ok(found.length >= Math.min(2, Math.floor(most / 2.5) - 1), said);
    assert.equal(new Set(labels).size, labels.length, said);
    for (let k = 0; k < found.length; k++) {
      assert.ok(found[k] >= x0 - 1 && found[k] <= x0 + span + 1, said);
      if (k > 0) assert.ok(Math.abs(found[k] - found[k - 1] - step) <= 2, said);
    }
  }
});

test("a label alone is that of the axis", () => {
  const { at: found, step, labels } = utcTimes.ticks(0, H, 8, "utc");
  found.forEach((x, k) => assert.equal(utcTimes.label(x, step, "utc"), labels[k]));
  assert.equal(utcTimes.head(0, H, "utc"), "2026-03-01 UTC");
});

test("a view of nothing has no ticks", () => {
  for (const [x0, x1, most] of [[5, 5, 8], [5, 4, 8], [NaN, 4, 8], [0, 10, 0]]) {
    assert.deepEqual(utcTimes.ticks(x0, x1, most, "utc").at, []);
  }
});

test("durations and frequencies", () => {
  const wanted = [
    [7000 * S, "1:56:40.000"], [12345000, "12.345 ms"], [-12345000, "−12.345 ms"], [500, "500.00 ns"],
    [6.5 * DAY, "6 d 12:00:00.000"],
    [90 * S, "0:01:30.000"], [59.9999 * S, "60.000 s"], [3599.9999 * S, "1:00:00.000"], [0, "0.0000 s"], [null, "–"],
  ];
  for (const [ns, text] of wanted) assert.equal(plain(durationText(ns)), text);
  assert.equal(durationText(7000.5 * S, 3), "1:56:40.5");
  assert.equal(plain(frequencyText(1400 * S)), "714.3 µHz");
  assert.equal(frequencyText(0), "–");
});
