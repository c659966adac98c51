// The explorer's arithmetic: where things stand, what texts say, what was typed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { wrappedText } from "../../xjls/widget/static/explorer/axis.js";
import { chartAxis } from "../../xjls/widget/static/explorer/chart.js";
import { laneRange, valueAt } from "../../xjls/widget/static/explorer/data.js";
import { mergedSpans } from "../../xjls/widget/static/explorer/gaps.js";
import { layOut, placeOf, timeAt, viewInOverview, zoneAt } from "../../xjls/widget/static/explorer/geometry.js";
import { samplesInView } from "../../xjls/widget/static/explorer/samples.js";
import { laneHeight, orderedLanes, shownLanes, withDefaults } from "../../xjls/widget/static/explorer/settings.js";
import {
  allStatisticRows, statisticRows, statisticsAsText, valueText,
} from "../../xjls/widget/static/explorer/statistics.js";
import { blitColors, laneHues } from "../../xjls/widget/static/explorer/theme.js";
import { typedDuration, typedValue } from "../../xjls/widget/static/explorer/tracks.js";
import { randomOf } from "./random.js";
import { stripOf } from "./strips.js";

const LANES = [
  { key: "i", name: "Current", units: "A", shape: "analog", integral_units: "C", reach: [-1, 1], tracks: [{}] },
  { key: "u", name: "Voltage", units: "V", shape: "analog", integral_units: "V·s", reach: [0, 5], tracks: [{}] },
  { key: "r", name: "Range", units: "", shape: "steps", integral_units: "s", reach: [0, 7], tracks: [{}] },
  { key: "g", name: "GPI", units: "", shape: "logic", integral_units: "s", reach: [0, 1], tracks: [{}] },
];
const FACTS = { lanes: LANES, extent: [0, 1000] };
const SPREAD = { std: 0.001, rms: 0.0155, min: -0.4, max: 0.2, pp: 0.6 };
const NUMBERS = { mean: 0.015493, ...SPREAD, integral: 7200, n: 29630, lost: 0 };

test("lanes stand below each other without touching, and every place belongs to one zone", () => {
  for (const width of [300, 500, 620, 1000, 2400]) {
    const layout = layOut(FACTS, withDefaults({}), width);
    layout.lanes.slice(1).forEach((lane, i) => assert.ok(lane.y > layout.lanes[i].y + layout.lanes[i].height));
    for (const lane of layout.lanes) {
      const middle = lane.y + lane.height / 2;
      assert.equal(zoneAt(layout, lane.x + 5, middle).lane.key, lane.key);
      assert.equal(zoneAt(layout, lane.x + 5, middle).zone, "lane");
      assert.equal(zoneAt(layout, lane.x - 5, middle).zone, "yaxis");
      assert.equal(zoneAt(layout, lane.x + 5, lane.y + lane.height + 3).zone, "separator");
    }
    assert.ok(layout.plot.x + layout.plot.width <= width);
    assert.equal(zoneAt(layout, layout.plot.x + 1, layout.overview.y + 1).zone, "overview");
    assert.equal(zoneAt(layout, layout.plot.x + 1, layout.flags.y + 1).zone, "flags");
  }
});

test("the statistics have a column only where there is room", () => {
  assert.equal(layOut(FACTS, withDefaults({}), 500).side, null);
  const { side, plot, width } = layOut(FACTS, withDefaults({}), 1000);
  assert.ok(side.x >= plot.x + plot.width && side.x + side.width <= width);
});

test("times become places and back", () => {
  const layout = layOut(FACTS, withDefaults({}), 1000);
  const view = [1e15 + 5, 1e15 + 905];
  for (const x of [92, 100, 500.5, 815]) assert.ok(Math.abs(placeOf(layout, view, timeAt(layout, view, x)) - x) < 0.2);
  assert.equal(placeOf(layout, view, view[0]), layout.plot.x);
});

test("the view's rectangle in the overview can be seen and stays inside", () => {
  const layout = layOut(FACTS, withDefaults({}), 1000);
  const { x, width } = layout.overview;
  for (const view of [[0, 1e-6], [999.999, 1000], [-20, 1020], [400, 600]]) {
    const shown = viewInOverview(layout, FACTS.extent, view);
    assert.ok(shown.width >= 3 && shown.x >= x && shown.x + shown.width <= x + width + 1e-9);
  }
  assert.ok(Math.abs(viewInOverview(layout, FACTS.extent, [400, 600]).width - width / 5) < 1e-9);
});

test("chosen orders come first, hidden lanes are gone, heights are as chosen", () => {
  const settings = withDefaults({ order: ["g", "gone", "u"], visible: { r: false }, heights: { u: 77 } });
  assert.deepEqual(orderedLanes(FACTS, settings).map((lane) => lane.key), ["g", "u", "i", "r"]);
  assert.deepEqual(shownLanes(FACTS, settings).map((lane) => lane.key), ["g", "u", "i"]);
  assert.equal(laneHeight(LANES[1], settings, LANES), 77);
});

test("spans that share a pixel become one of the worst kind; wide ones of different kinds stay apart", () => {
  const toPlace = (time) => time / 10;
  const crumbs = [[0, 1, "part"], [2, 3, "damage"], [4, 5, "gap"]];
  assert.deepEqual(mergedSpans(crumbs, [0, 1000], toPlace), [[0, 0.5, "damage"]]);
  const wide = [[0, 300, "gap"], [300, 600, "damage"]];
  assert.deepEqual(mergedSpans(wide, [0, 1000], toPlace).map(([, , kind]) => kind), ["gap", "damage"]);
  assert.deepEqual(mergedSpans(wide, [700, 900], toPlace), []);
});

test("merged spans cover exactly the pixels of all spans", () => {
  const random = randomOf(7);
  for (let round = 0; round < 50; round += 1) {
    let at = 0;
    const spans = Array.from({ length: 40 }, () => {
      const from = at + random() * 30;
      at = from + random() * 30;
      return [from, at, ["gap", "part", "damage"][Math.floor(random() * 3)]];
    });
    const covered = (list) => new Set(list.flatMap(([a, b]) => range(Math.floor(a), Math.floor(b))));
    const merged = mergedSpans(spans, [0, 1e4], (time) => time / 8);
    const pixels = covered(spans.map(([a, b]) => [a / 8, b / 8]));
    const found = covered(merged);
    for (const pixel of pixels) assert.ok(found.has(pixel));
    assert.ok(found.size - pixels.size <= merged.length);
  }
});

test("what is under the cursor is a sample, the average of many, or nothing", () => {
  const samples = stripOf({ kind: "samples", x0: 100, dx: 10, mean: [1, NaN, 3], fill: [255, 0, 255], y0: 5 });
  assert.deepEqual(pick(valueAt(samples, 104)), [true, 6, 100]);
  assert.equal(valueAt(samples, 107).missing, true);
  assert.deepEqual(pick(valueAt(samples, 117)), [true, 8, 120]);
  assert.equal(valueAt(samples, 300), null);
  const spread = { std: [0.5, 0], min: [0, 2], max: [3, 2] };
  const columns = stripOf({ x0: 0, dx: 10, mean: [1, 2], ...spread, fill: [128, 255], per: 1000, y0: 1 });
  const found = valueAt(columns, 3);
  assert.deepEqual([found.isSample, found.mean, found.min, found.max, found.n], [false, 2, 1, 4, 502]);
  assert.equal(valueAt(columns, 33, 20).mean, 3);
});

test("the samples of a view include those that lines come from and go to", () => {
  const strip = stripOf({ kind: "samples", x0: 0, dx: 10, mean: new Array(50).fill(1), fill: new Array(50).fill(255) });
  assert.deepEqual(samplesInView(strip, 95, 125), [9, 13]);
  assert.deepEqual(samplesInView(strip, -50, 5), [0, 1]);
  assert.deepEqual(samplesInView(strip, 480, 900), [47, 49]);
});

test("an axis holds all that is seen; on a logarithmic one the room is measured in decades", () => {
  const fold = { y0: 0, low: Float32Array.of(1e-6), high: Float32Array.of(0.1) };
  const state = (y) => ({ settings: withDefaults({ y }), ranges: new Map() });
  const [low, high] = laneRange(state({}), LANES[0], [{ fold }]);
  assert.ok(low < 1e-6 && high > 0.1 && high < 0.12);
  const log = laneRange(state({ i: { scale: "log", zero: 1e-7 } }), LANES[0], [{ fold }]);
  assert.ok(log[0] > 0 && log[0] < 1e-6 && log[1] > 0.1);
  assert.deepEqual(laneRange(state({ i: { mode: "manual", range: [3, 4] } }), LANES[0], [{ fold }]), [3, 4]);
  assert.ok(laneRange(state({}), LANES[0], [{ fold: null }])[1] >= 1);
});

test("statistics are in the user's units and digits, and say when there is no number", () => {
  const rows = (lane, numbers, chosen) => statisticRows(lane, numbers, withDefaults(chosen));
  const texts = (...given) => Object.fromEntries(rows(...given).map((row) => [row.name, row.text]));
  const current = texts(LANES[0], NUMBERS, { digits: 4 });
  assert.equal(current.mean, "15.49\u202fmA");
  assert.equal(current.integral, "7.200\u202fkC");
  assert.equal(texts(LANES[0], NUMBERS, { units: "hours", digits: 3 }).integral, "2.00\u202fAh");
  assert.equal(texts(LANES[0], { ...NUMBERS, mean: null }, {}).mean, "–");
  assert.equal(texts(LANES[1], NUMBERS, {}).integral, undefined);
  assert.deepEqual(Object.keys(texts(LANES[3], NUMBERS, {})), ["mean", "n", "lost"]);
  assert.equal(texts(LANES[3], { ...NUMBERS, mean: 0.0612 }, { digits: 4 }).mean, "6.12\u202f%");
  assert.equal(texts(LANES[0], { value: 0.5, x0: 3, per: 1 }, { digits: 3 }).value, "500\u202fmA");
  assert.deepEqual(texts(LANES[0], null, {}), {});
  assert.equal(allStatisticRows(LANES[3], NUMBERS, withDefaults({})).length, 9);
  assert.equal(valueText(LANES[2], 3, withDefaults({})), "3");
});

test("copied statistics are a table with tabs, every line as long as its head", () => {
  const spans = [{ key: "v", name: "view", from: "0 s", to: "1 s", lanes: { i: NUMBERS, u: NUMBERS } }];
  const lines = statisticsAsText(FACTS, spans, withDefaults({})).split("\n").map((line) => line.split("\t"));
  assert.equal(lines.length, 3);
  assert.ok(lines.every((line) => line.length === 13));
  assert.deepEqual(lines[1].slice(0, 5), ["view", "0 s", "1 s", "Current", "15.493\u202fmA"]);
});

test("typed numbers are read with prefixes, units, and true minus signs; nonsense is none", () => {
  const near = (found, expected) => assert.ok(Math.abs(found / expected - 1) <= 1e-12, `${found} ${expected}`);
  near(typedValue("1.5 mA", "A"), 1.5e-3);
  near(typedValue("−20u", "A"), -2e-5);
  near(typedValue("3\u202fV", "V"), 3);
  near(typedValue("1e-6", "A"), 1e-6);
  near(typedValue(".5 mA", "mA"), 0.5);
  for (const text of ["", "A", "1.5 q", "1 2", "mA 3"]) assert.ok(Number.isNaN(typedValue(text, "A")), text);
  near(typedDuration("1.5 ms"), 1.5e6);
  near(typedDuration("-20 us"), -2e4);
  near(typedDuration("3"), 3e9);
  near(typedDuration("1:20:00.5"), 4800.5e9);
  near(typedDuration("2:30"), 150e9);
  near(typedDuration("1\u202fd 2:00:30.5"), 93630.5e9);
  for (const text of ["", "ms", "1 x", "1:2:3:4"]) assert.ok(Number.isNaN(typedDuration(text)), text);
});

test("a chart's axis begins and ends at its values, and its ticks lie between", () => {
  const values = [0.5, 3, 700, NaN, 20];
  for (const scale of ["linear", "log"]) {
    const axis = chartAxis({ label: "f", units: "Hz", scale }, values, 400);
    assert.ok(Math.abs(axis.to(0.5)) < 1e-9 && Math.abs(axis.to(700) - 400) < 1e-9);
    assert.ok(axis.ticks.length >= 2 && axis.ticks.length <= 8);
    for (const [value] of axis.ticks) assert.ok(axis.to(value) >= -1e-6 && axis.to(value) <= 400 + 1e-6);
    assert.equal(new Set(axis.ticks.map(([, label]) => label)).size, axis.ticks.length);
  }
  for (let high = 1.1; high < 1e4; high *= 1.37) {
    const { ticks } = chartAxis({ label: "f", units: "A", scale: "linear" }, [0, high], 400);
    assert.ok(ticks.length >= 3 && ticks.length <= 7, `${high}: ${ticks}`);
  }
  assert.ok(Number.isFinite(chartAxis({ label: "", units: "", scale: "linear" }, [3, 3], 100).to(3)));
  assert.ok(Number.isFinite(chartAxis({ label: "", units: "", scale: "log" }, [0, NaN], 100).to(1)));
});

test("quantities have their hues whatever stands beside them; others differ from each other", () => {
  const theme = { hues: ["#000001", "#000002", "#000003", "#000004", "#000005"], band: 0x40, spread: 0x80 };
  const hues = laneHues(LANES, theme);
  assert.deepEqual([...hues.values()], ["#000001", "#000002", "#000004", "#000005"]);
  assert.equal(laneHues([LANES[1]], theme).get("u"), "#000002");
  assert.deepEqual(blitColors("#102030", theme), { band: 0x40302010, spread: 0x80302010, line: 0xff302010 });
});

test("a text is wrapped at its words", () => {
  assert.deepEqual(wrappedText("one two three", (text) => text.length <= 7), ["one two", "three"]);
  assert.deepEqual(wrappedText("longer words", () => false), ["longer", "words"]);
});

function pick({ isSample, mean, at }) {
  return [isSample, mean, at];
}

function range(from, to) {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
