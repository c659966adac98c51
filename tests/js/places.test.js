// Back and forward go through time and y axes alike, whatever moved them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeScale } from "../../xjls/widget/static/core/scale.js";
import {
  resetAxis, setAxisRange, showAll, showView, walkHistory, zoomAxis, zoomToBox,
} from "../../xjls/widget/static/explorer/navigate.js";
import { abandon, listenToPointer } from "../../xjls/widget/static/explorer/pointer.js";
import { axisRanges } from "../../xjls/widget/static/explorer/settings.js";
import { LANE, fakeStage, pointAt, stageState } from "./stage.js";

/** A state whose clock is held, so that every step is one of its own; its lane shows 0 … 10. */
function placedState(t, traits = { view: [4e11, 5e11] }) {
  let ms = 0;
  t.mock.method(performance, "now", () => (ms += 1000));
  const state = stageState(t, traits);
  state.scales.set("i", makeScale({ low: 0, high: 10, pixels: state.layout.lanes[0].height }));
  return state;
}

const rangesOf = (state) => axisRanges(state.facts, state.settings);
const near = (found, wanted) => found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-6, `${found} ${wanted}`));

function boxOf(state) {
  const [box] = state.layout.lanes;
  return { x: box.x + 0.25 * box.width, width: 0.5 * box.width, y: box.y + 0.2 * box.height, height: 0.5 * box.height, lane: box };
}

test("a box is one step: back undoes its time and its y axis, forward brings both again", (t) => {
  const state = placedState(t);
  zoomToBox(state, boxOf(state));
  near(rangesOf(state).i, [3, 8]);
  near(state.view, [4.25e11, 4.75e11]);
  walkHistory(state, -1);
  assert.deepEqual([rangesOf(state), state.view, state.history.canBack], [{}, [4e11, 5e11], false]);
  assert.equal(state.settings.y.i.mode, "auto");
  walkHistory(state, 1);
  near(rangesOf(state).i, [3, 8]);
  near(state.view, [4.25e11, 4.75e11]);
});

test("a box of height only, a range by hand, a turn over the axis, and the way back to automatic are steps", (t) => {
  const state = placedState(t);
  zoomToBox(state, { ...boxOf(state), width: 0 });
  setAxisRange(state, "i", 1, 2);
  zoomAxis(state, "i", 0.5, state.layout.lanes[0].y);
  resetAxis(state, "i");
  const ranges = () => JSON.stringify(rangesOf(state).i ?? null);
  const walked = [ranges()];
  while (state.history.canBack) {
    walkHistory(state, -1);
    walked.push(ranges());
  }
  assert.deepEqual(walked, ["null", "[5,10]", "[1,2]", "[3,8]", "null"]);
  assert.deepEqual(state.view, [4e11, 5e11]);
});

test("what shows all is one step, which back undoes with its y axes; the logarithm stays as it was chosen", (t) => {
  const y = { i: { mode: "manual", range: [1, 2], scale: "log", zero: 1e-3 } };
  const state = placedState(t, { view: [4e11, 5e11], settings: { y } });
  showAll(state);
  assert.deepEqual([rangesOf(state), state.settings.y.i.scale], [{}, "log"]);
  walkHistory(state, -1);
  assert.deepEqual([state.settings.y.i, state.view], [y.i, [4e11, 5e11]]);
  showView(state, [0, 1e12]);
  showAll(state);
  walkHistory(state, -1);
  assert.deepEqual([rangesOf(state), state.view], [{ i: [1, 2] }, [0, 1e12]]);
});

test("a drag along the y axis is one step, and one that is given up is none", (t) => {
  const state = placedState(t);
  const stage = fakeStage();
  t.after(listenToPointer(state, stage));
  const axis = (by) => ({ ...pointAt(state, 0), clientX: 60, clientY: pointAt(state, 0).clientY + by });
  stage.fire("pointerdown", axis(0));
  for (const by of [10, 20, 30]) stage.fire("pointermove", axis(by));
  assert.equal(state.history.canBack, false);
  stage.fire("pointerup", axis(30));
  const moved = (30 / state.layout.lanes[0].height) * 10;
  near(rangesOf(state).i, [moved, 10 + moved]);
  stage.fire("pointerdown", axis(0));
  stage.fire("pointermove", axis(50));
  assert.ok(abandon(state));
  near(rangesOf(state).i, [moved, 10 + moved]);
  walkHistory(state, -1);
  assert.deepEqual([rangesOf(state), state.history.canBack], [{}, false]);
});

test("y axes of other lanes come back, too", (t) => {
  let ms = 0;
  t.mock.method(performance, "now", () => (ms += 1000));
  const state = stageState(t, { view: [4e11, 5e11] }, { lanes: [LANE, { ...LANE, key: "u" }] });
  setAxisRange(state, "u", 3, 4);
  setAxisRange(state, "i", 1, 2);
  showView(state, [1e11, 2e11]);
  for (const ranges of [{ i: [1, 2], u: [3, 4] }, { u: [3, 4] }, {}]) {
    walkHistory(state, -1);
    assert.deepEqual(rangesOf(state), ranges);
  }
});
