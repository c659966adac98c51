// Numbers beside lanes: which stand where there is little room, and a column for each track.

import assert from "node:assert/strict";
import { test } from "node:test";

import { numberGrid } from "../../xjls/widget/static/explorer/all-numbers.js";
import { layOut } from "../../xjls/widget/static/explorer/geometry.js";
import { shortText } from "../../xjls/widget/static/explorer/marks.js";
import { nextStop } from "../../xjls/widget/static/explorer/roving.js";
import { fittingColumns, fittingRows, numberRows, shownRows } from "../../xjls/widget/static/explorer/rows.js";
import { toggleTrack, withDefaults } from "../../xjls/widget/static/explorer/settings.js";
import {
  allStatisticRows, statisticRows, statisticsAsText, trackNumbers,
} from "../../xjls/widget/static/explorer/statistics.js";
import { LANE, stageState } from "./stage.js";

const NUMBERS = { mean: 1, std: 2, rms: 3, min: 4, max: 5, pp: 6, integral: 7, n: 8, lost: 0, nan: 0 };
const TRACKS = ["one", "two", "three"].map((label, recording) => ({ ...LANE.tracks[0], label, recording }));
const namesOf = ({ rows }) => rows.map(({ name }) => name);

function laneRows(t, numbers, tracks = LANE.tracks) {
  const lane = { ...LANE, tracks };
  const state = stageState(t, {}, { lanes: [lane] });
  return { state, lane, rows: () => numberRows(state, lane, numbers) };
}

test("where room is short the important numbers stay, in their order, and what is left out is told", (t) => {
  const { rows } = laneRows(t, NUMBERS);
  const shown = (room) => shownRows(rows(), room);
  assert.deepEqual(namesOf(shown(9)), ["mean", "std", "rms", "min", "max", "pp", "integral", "n", "lost"]);
  assert.deepEqual(namesOf(shown(4)), ["mean", "std", "integral", "lost"]);
  assert.deepEqual(namesOf(shown(2)), ["mean", "std"]);
  assert.deepEqual(namesOf(shown(0)), ["mean"]);
  assert.deepEqual([9, 8, 1].map((room) => shown(room).isCut), [false, true, true]);
});

test("what is lost stays wherever there is room for two numbers", (t) => {
  const { rows } = laneRows(t, { ...NUMBERS, lost: 5 });
  assert.deepEqual(namesOf({ rows: fittingRows(rows().rows, 2) }), ["mean", "lost"]);
  assert.equal(shortText(rows()), "mean 1.0000\u202fA   lost 5");
  assert.equal(shortText(laneRows(t, NUMBERS).rows()), "mean 1.0000\u202fA");
});

test("each track that is shown has a column, and its name over it where there is room", (t) => {
  const others = [{ ...NUMBERS, mean: 10 }, { ...NUMBERS, mean: 20, lost: 3 }];
  const { state, lane, rows } = laneRows(t, { ...NUMBERS, others }, TRACKS);
  const cells = (name) => rows().rows.find((row) => row.name === name).cells.map(({ value }) => value);
  assert.deepEqual([rows().places, cells("mean"), cells("lost")], [[0, 1, 2], [1, 10, 20], [0, 0, 3]]);
  assert.deepEqual([shownRows(rows(), 10).head, shownRows(rows(), 3).head], [true, false]);
  assert.equal(shownRows(rows(), 5).rows.length, 4);
  toggleTrack(state, lane, 0);
  assert.deepEqual([rows().places, cells("mean")], [[1, 2], [10, 20]]);
});

test("a track without a number has a dash; numbers that are not here yet have no rows", (t) => {
  const { rows } = laneRows(t, { value: 3, x0: 1, per: 1, others: [{ value: null, x0: null, per: 1 }] }, TRACKS.slice(0, 2));
  assert.deepEqual(rows().rows.map(({ cells }) => cells.map(({ text }) => text)), [["3.0000\u202fA", "–"]]);
  assert.deepEqual(laneRows(t, null).rows(), { places: [], rows: [] });
});

test("as many columns stand beside each other as fit, at least one", () => {
  assert.deepEqual([500, 130, 60, 1].map((room) => fittingColumns([50, 50, 50], room)), [3, 2, 1, 1]);
});

test("laid over each other, recordings have more room for their numbers, but not at the cost of the picture", () => {
  const widthOf = (tracks, width) => {
    const facts = { extent: [0, 1], lanes: [{ ...LANE, tracks }] };
    return layOut(facts, withDefaults({}), width).side?.width ?? 0;
  };
  assert.ok(widthOf(TRACKS.slice(0, 2), 1100) > widthOf(TRACKS.slice(0, 1), 1100));
  assert.ok(widthOf(TRACKS, 640) <= 0.36 * 640);
  assert.equal(widthOf(TRACKS, 500), 0);
});

test("table and clipboard have a line for each track, which says whose it is", () => {
  const lane = { ...LANE, tracks: TRACKS.slice(0, 2) };
  const lanes = { i: { ...NUMBERS, others: [{ ...NUMBERS, mean: 10 }] } };
  assert.deepEqual(trackNumbers(lane, lanes.i).map(({ title, numbers }) => [title, numbers.mean]), [
    ["current (one)", 1], ["current (two)", 10],
  ]);
  assert.deepEqual(trackNumbers(LANE, NUMBERS).map(({ title }) => title), ["current"]);
  const text = statisticsAsText({ lanes: [lane] }, [{ name: "view", from: "a", to: "b", lanes }], withDefaults({}));
  assert.deepEqual(text.split("\n").slice(1).map((line) => line.split("\t").slice(3, 5)), [
    ["current (one)", "1.0000\u202fA"], ["current (two)", "10.000\u202fA"],
  ]);
});

test("samples that are there but no numbers are told apart from those that are lost", () => {
  const lost = (more) => {
    const rows = allStatisticRows(LANE, { ...NUMBERS, ...more }, withDefaults({}));
    return rows.find(({ name }) => name === "lost").text;
  };
  assert.deepEqual([lost({}), lost({ lost: 1500 }), lost({ lost: undefined })], ["0", "1\u202f500", "–"]);
  assert.deepEqual([lost({ lost: 1500, nan: 1500 }), lost({ lost: 1500, nan: 20 })], ["1\u202f500, all NaN", "1\u202f500, 20 NaN"]);
  assert.equal(lost({ lost: 7, nan: null, exact: false }), "7");
  assert.equal(statisticRows(LANE, { ...NUMBERS, lost: 2, nan: 1 }, withDefaults({ statistics: ["lost"] }))[0].text, "2, 1 NaN");
});

test("arrows go round among the buttons of one stop, Home and End to its ends, all others elsewhere", () => {
  const keys = { back: "ArrowLeft", on: "ArrowRight" };
  const from = (key, at, more = {}) => nextStop({ key, ...more }, at, 5, keys);
  assert.deepEqual([from("ArrowRight", 1), from("ArrowRight", 4), from("ArrowLeft", 0)], [2, 0, 4]);
  assert.deepEqual([from("Home", 3), from("End", 3)], [0, 4]);
  assert.deepEqual([from("ArrowUp", 1), from("a", 1), from("Home", -1), from("Home", 1, { ctrlKey: true })], [null, null, null, null]);
});

test("the table of all numbers has a column for each track, whatever the settings leave out", () => {
  const lanes = [{ ...LANE, tracks: TRACKS.slice(0, 2) }, { ...LANE, key: "g", name: "gpi", shape: "logic" }, { ...LANE, key: "gone" }];
  const span = { lanes: { i: { ...NUMBERS, others: [NUMBERS] }, g: { ...NUMBERS, mean: 0.25 } } };
  const { titles, rows } = numberGrid({ lanes }, span, withDefaults({ statistics: [] }));
  assert.deepEqual(titles, ["current (one)", "current (two)", "gpi"]);
  assert.deepEqual(rows.map(({ label }) => label), ["mean", "std", "rms", "min", "max", "p-p", "∫", "n", "lost"]);
  assert.deepEqual(rows[0].texts, ["1.0000\u202fA", "1.0000\u202fA", "25.000\u202f%"]);
  const moment = numberGrid({ lanes }, { lanes: { i: { value: 2, per: 1 } } }, withDefaults({}));
  assert.deepEqual(moment.rows, [{ label: "value", texts: ["2.0000\u202fA"] }]);
});
