// Wheel, drags, notes and trouble: what a hand does to the explorer, on a stage without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { placeOf } from "../../xjls/widget/static/explorer/geometry.js";
import { hoverAt, isFree, readingOf } from "../../xjls/widget/static/explorer/hover.js";
import { middleCut } from "../../xjls/widget/static/explorer/lane-menu.js";
import { takeExtent, takeFacts, watchGrowth } from "../../xjls/widget/static/explorer/live.js";
import { addMarker, moveMarker } from "../../xjls/widget/static/explorer/markers.js";
import { noteBoxAt, paintNotes } from "../../xjls/widget/static/explorer/notes.js";
import { abandon, listenToPointer } from "../../xjls/widget/static/explorer/pointer.js";
import { askForView, askOnce } from "../../xjls/widget/static/explorer/request.js";
import { foundText } from "../../xjls/widget/static/explorer/search.js";
import { schedulePaints } from "../../xjls/widget/static/explorer/state.js";
import { statisticRows } from "../../xjls/widget/static/explorer/statistics.js";
import { themeOf } from "../../xjls/widget/static/explorer/theme.js";
import { listenToWheel } from "../../xjls/widget/static/explorer/wheel.js";
import { EXTENT, LANE, fakeStage, pointAt, stageState } from "./stage.js";

function withWheel(t, state) {
  const stage = fakeStage();
  globalThis.document = fakeStage();
  const end = listenToWheel(state, stage);
  t.after(() => {
    end();
    assert.equal(stage.heard.size + globalThis.document.heard.size, 0);
    delete globalThis.document;
  });
  return (deltaY, timeStamp, more = {}) => {
    let taken = false;
    const preventDefault = () => (taken = true);
    const event = { deltaX: 0, deltaY, deltaMode: 0, cancelable: true, timeStamp, ...more };
    stage.fire("wheel", { ...pointAt(state, 0.5), ...event, preventDefault });
    return taken;
  };
}

test("a scroll of the page that comes across the stage goes on; a turn that begins there zooms", (t) => {
  const state = stageState(t, { view: [4e11, 5e11] });
  const turn = withWheel(t, state);
  document.fire("wheel", { target: "outside", timeStamp: 1000 });
  assert.deepEqual([1100, 1400, 1700].map((at) => turn(100, at)), [false, false, false]);
  assert.deepEqual(state.view, [4e11, 5e11]);
  assert.ok(turn(-100, 2200));
  assert.ok(state.view[1] - state.view[0] < 1e11);
  document.fire("wheel", { target: "inside", timeStamp: 2300 });
  assert.ok(turn(-100, 2310));
  assert.equal(turn(-100, 9000, { cancelable: false }), false);
});

test("where all is shown a turn to see more scrolls the page", (t) => {
  const state = stageState(t);
  const turn = withWheel(t, state);
  assert.equal(turn(100, 5000), false);
  assert.deepEqual(state.view, EXTENT);
  assert.ok(turn(-100, 6000));
  assert.ok(turn(100, 7000));
});

test("a drag is one step of the history, however many views it showed", (t) => {
  const state = stageState(t, { view: [4e11, 5e11] });
  const stage = fakeStage();
  t.after(listenToPointer(state, stage));
  stage.fire("pointerdown", pointAt(state, 0.5));
  for (const share of [0.4, 0.3, 0.2]) stage.fire("pointermove", pointAt(state, share));
  assert.equal(state.history.canBack, false);
  stage.fire("pointerup", pointAt(state, 0.2));
  assert.ok(Math.abs(state.view[0] - 4.3e11) < 1e6);
  assert.deepEqual(state.history.current.view, state.view);
  assert.deepEqual(state.history.back().view, [4e11, 5e11]);
});

test("a span that is given up while it is drawn is gone, and what was selected is so again", (t) => {
  const state = stageState(t);
  const stage = fakeStage();
  t.after(listenToPointer(state, stage));
  addMarker(state, 5);
  stage.fire("pointerdown", pointAt(state, 0.2, { shiftKey: true }));
  stage.fire("pointermove", pointAt(state, 0.6, { shiftKey: true }));
  assert.deepEqual(state.markers.map(({ key }) => key), ["m1", "m2"]);
  assert.ok(abandon(state));
  assert.deepEqual([state.markers.map(({ key }) => key), state.selected], [["m1"], "m1"]);
});

test("a span never is empty: not when it begins, not where it is pushed against an end", (t) => {
  const state = stageState(t);
  addMarker(state, 7, 7);
  const lengths = [[7, 7], [2e12, 3e12], [-5, -2], [9, 8.9], [1e12, 1e12]].map(([x0, x1]) => {
    moveMarker(state, "m1", x0, x1);
    const [marker] = state.markers;
    assert.ok(marker.x0 >= 0 && marker.x1 <= 1e12);
    return marker.x1 - marker.x0;
  });
  assert.deepEqual(lengths, [1, 1, 1, 1, 1]);
});

test("notes that stand too close are one, which knows how many are behind it", (t) => {
  const note = { lane: null, text: "text", kind: "text" };
  const notes = [5e11, 5.01e11, 5.02e11, 8e11].map((x, i) => ({ ...note, key: `n${i}`, x }));
  const state = stageState(t, { notes });
  const drawing = new Proxy({}, { get: () => () => ({ width: 30 }), set: () => true });
  paintNotes(state, drawing, { theme: {} });
  const foot = state.layout.plot.y + state.layout.plot.height - 11;
  const at = (x) => noteBoxAt(state, placeOf(state.layout, state.view, x), foot);
  assert.deepEqual([at(5e11).note.key, at(5e11).more], ["n0", 2]);
  assert.deepEqual([at(8e11).note.key, at(8e11).more], ["n3", 0]);
  assert.equal(at(2e11), null);
});

test("what is not here yet is on its way; only outside of the recording there is nothing", (t) => {
  const state = stageState(t);
  assert.equal(readingOf(state, LANE, 5e11)[0], "…");
  assert.equal(readingOf(state, LANE, -5)[0], "no data");
  assert.equal(readingOf(state, LANE, 1e12)[0], "no data");
});

test("a box is free where it touches no other", () => {
  const taken = [{ x: 10, y: 10, width: 20, height: 20 }];
  assert.ok(isFree(taken, 30, 10, 5, 5) && isFree(taken, 10, 30, 5, 5) && isFree([], 0, 0, 9, 9));
  assert.ok(!isFree(taken, 25, 25, 10, 10) && !isFree(taken, 0, 0, 100, 100));
});

test("numbers of columns are said to be about right; counts are not", () => {
  const settings = { statistics: ["mean", "std", "n", "lost"], digits: 4, units: "si" };
  const numbers = { mean: 0.5, std: null, n: 12, lost: 3, exact: false };
  const texts = (more) => statisticRows(LANE, { ...numbers, ...more }, settings).map(({ text }) => text);
  assert.deepEqual(texts({}), ["≈ 500.0\u202fmA", "–", "12", "3"]);
  assert.deepEqual(texts({ exact: true })[0], "500.0\u202fmA");
  const moment = (per) => statisticRows(LANE, { value: 0.5, x0: 1, per }, settings)[0];
  assert.deepEqual([moment(1).label, moment(960).label, moment(960).text], ["value", "≈ value", "500.0\u202fmA"]);
});

test("what a search found has a time; of a page it has no value that no sample has", (t) => {
  const found = { x0: 2e9, x1: null, value: 0.082, text: "to a column of this page" };
  const logic = { ...LANE, name: "gpi[0]", units: "", shape: "logic" };
  const page = stageState(t, {}, { kernel: false });
  assert.match(foundText(page, logic, "edge", found), /^gpi\[0\]: a change at .*2.*, to a column of this page$/);
  assert.match(foundText(page, LANE, "maximum", found), /^current: largest mean ≈ 82\.0+\u202fmA from /);
  const live = stageState(t);
  assert.match(foundText(live, logic, "edge", { ...found, value: 1, text: "" }), /^gpi\[0\]: to 1 at /);
});

test("long names keep both of their ends", () => {
  assert.equal(middleCut("current", 9), "current");
  assert.equal(middleCut("supply_of_the_radio_1", 9), "supp…io_1");
  assert.equal(middleCut("supply_of_the_radio_1", 9).length, 9);
});

test("what cannot be drawn is said, and nothing stays busy", (t) => {
  const state = stageState(t);
  t.mock.method(console, "error", () => {});
  const line = { classList: { add() {} } };
  state.root.querySelector = () => line;
  const frames = [];
  globalThis.requestAnimationFrame = (run) => frames.push(run);
  t.after(() => delete globalThis.requestAnimationFrame);
  schedulePaints(state, () => {
    throw new Error("no ink");
  });
  state.change();
  assert.equal(state.root.dataset.busy, "1");
  frames.pop()();
  assert.deepEqual([state.root.dataset.busy, line.textContent], ["0", "This could not be drawn: no ink"]);
});

test("an answer that makes no sense is said, and the next question goes out", (t) => {
  const state = stageState(t);
  t.mock.method(console, "error", () => {});
  askForView(state);
  state.receive({ type: "tile", id: state.sent[0].id, strips: [{}] }, []);
  assert.match(state.said.text, /^An answer could not be used: /);
  assert.equal(state.exchange.pending, 0);
  askForView(state);
  assert.equal(state.sent.length, 2);
});

test("an explorer that is closed says nothing any more", async (t) => {
  const state = stageState(t);
  const asked = askOnce(state, { type: "export", columns: null });
  state.closed = true;
  state.exchange.close();
  assert.equal(await asked, null);
  assert.equal(state.said, null);
});

test("only questions that change nothing are asked again when they stay unanswered", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const state = stageState(t, {}, { busy_after_ms: 100 });
  for (const type of ["search", "note", "analyse", "shift", "export", "save"]) askOnce(state, { type });
  t.mock.timers.tick(150);
  const again = state.sent.slice(6).map(({ type }) => type);
  assert.deepEqual(again, ["search", "analyse", "export"]);
});

test("a growing recording is asked for when nothing is on its way, and its last state is taken", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  globalThis.document = { hidden: false };
  t.after(() => delete globalThis.document);
  const state = stageState(t, { view: [9e11, 1e12] }, { grows: true });
  t.after(watchGrowth(state));
  for (let look = 0; look < 5; look += 1) t.mock.timers.tick(250);
  assert.equal(state.sent.length, 1);
  let changes = 0;
  state.change = () => (changes += 1);
  takeExtent(state, EXTENT, false);
  assert.deepEqual([changes, state.facts.grows], [1, false]);
  takeExtent({ ...state, facts: { ...state.facts, grows: true } }, [0, 1.1e12], false);
  assert.equal(changes, 2);
  takeFacts(state, { ...state.facts, lanes: [LANE, { ...LANE, key: "u" }] });
  assert.deepEqual(state.layout.lanes.map((box) => box.key), ["i", "u"]);
});

test("facts that come between tiles neither lose who follows the end nor go back in time", (t) => {
  const state = stageState(t, { view: [9e11, 1e12] }, { grows: true });
  takeFacts(state, { ...state.facts, extent: [0, 1.3e12] });
  assert.deepEqual([state.view, state.facts.extent], [[1.2e12, 1.3e12], [0, 1.3e12]]);
  takeFacts(state, { ...state.facts, extent: [0, 1.2e12] });
  assert.deepEqual([state.view, state.facts.extent], [[1.2e12, 1.3e12], [0, 1.3e12]]);
  state.gesture = { kind: "pan" };
  takeFacts(state, { ...state.facts, extent: [0, 1.4e12] });
  assert.deepEqual([state.view, state.facts.extent], [[1.2e12, 1.3e12], [0, 1.4e12]]);
  takeFacts(state, { ...state.facts, extent: [-1e11, 1e12], grows: false });
  assert.deepEqual([state.facts.extent, state.facts.grows], [[-1e11, 1e12], false]);
});

test("what is written on a marker can be read", () => {
  globalThis.getComputedStyle = () => ({ fontFamily: "sans-serif" });
  const light = themeOf({}, "light");
  delete globalThis.getComputedStyle;
  for (const hue of light.markers) assert.ok(1.05 / (luminanceOf(hue) + 0.05) >= 4.5, hue);
});

test("the cursor is found where it is", (t) => {
  const state = stageState(t);
  const { clientX, clientY } = pointAt(state, 0.5);
  hoverAt(state, { x: clientX, y: clientY });
  assert.deepEqual([state.hover.zone, state.hover.lane.key, state.hover.inPlot], ["lane", "i", true]);
});

// Relative luminance as of WCAG 2
function luminanceOf(hue) {
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = [1, 3, 5].map((at) => linear(parseInt(hue.slice(at, at + 2), 16) / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
