// Fingers on the stage: one pans or scrolls the page, two zoom.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeScale } from "../../xjls/widget/static/core/scale.js";
import { fitInto, pinchedView } from "../../xjls/widget/static/core/view.js";
import { placeOf, timeAt } from "../../xjls/widget/static/explorer/geometry.js";
import { addMarker } from "../../xjls/widget/static/explorer/markers.js";
import { walkHistory } from "../../xjls/widget/static/explorer/navigate.js";
import { abandon, listenToPointer } from "../../xjls/widget/static/explorer/pointer.js";
import { fakeStage, pointAt, stageState } from "./stage.js";
import { randomOf } from "./random.js";

const VIEW = [4e11, 5e11];
const near = (found, wanted, least = 1) =>
  found.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) <= least, `${found} is not ${wanted}`));

/** A stage with fingers: `{state, down(id, share, y), move(…), up(id), scrolled}`; y in pixels below the lane's middle. */
function handOn(t) {
  const state = stageState(t, { view: VIEW });
  const stage = fakeStage();
  const scroller = { scrollHeight: 5000, clientHeight: 900, scrolls: [], scrollBy: (_, by) => scroller.scrolls.push(by) };
  stage.parentElement = { scrollHeight: 600, clientHeight: 600, parentElement: scroller };
  globalThis.getComputedStyle = () => ({ overflowY: "auto" });
  t.after(() => delete globalThis.getComputedStyle);
  t.after(listenToPointer(state, stage));
  const places = new Map();
  const fire = (name) => (id, share, y = 0) => {
    const place = pointAt(state, share);
    places.set(id, { ...place, clientY: place.clientY + y, pointerId: id, pointerType: "touch" });
    stage.fire(name, places.get(id));
  };
  const lift = (name) => (id) => stage.fire(name, places.get(id));
  return { state, stage, scroller, down: fire("pointerdown"), move: fire("pointermove"), up: lift("pointerup"), cancel: lift("pointercancel") };
}

test("what is between two fingers stays between them, and what they part by is zoomed", () => {
  const random = randomOf(11);
  const limits = { extent: [0, 1e12], least: 1 };
  for (let round = 0; round < 200; round += 1) {
    const grip = () => ({ share: 0.3 + 0.4 * random(), apart: 50 + 300 * random() });
    const [from, to] = [grip(), grip()];
    const view = pinchedView(VIEW, from, to, limits);
    near([view[1] - view[0]], [(1e11 * from.apart) / to.apart], 1e-3);
    near([view[0] + to.share * (view[1] - view[0])], [VIEW[0] + from.share * 1e11], 1e-3);
  }
  const out = pinchedView(VIEW, { share: 0.5, apart: 1000 }, { share: 0.5, apart: 1 }, limits);
  assert.deepEqual(out, fitInto([-1e15, 1e15], limits));
});

test("two fingers zoom about the times that they are on, and that is one step of the history", (t) => {
  const { state, down, move, up } = handOn(t);
  down(1, 0.4);
  down(2, 0.6);
  move(1, 0.3);
  move(2, 0.7);
  near(state.view, [4.25e11, 4.75e11], 10);
  const place = (time) => (placeOf(state.layout, state.view, time) - state.layout.plot.x) / state.layout.plot.width;
  near([place(4.4e11), place(4.6e11)], [0.3, 0.7], 1e-6);
  up(1);
  up(2);
  assert.equal(state.gesture, null);
  walkHistory(state, -1);
  assert.deepEqual([state.view, state.history.canBack], [VIEW, false]);
});

test("the finger that stays goes on to pan, selects nothing, and a third one changes nothing", (t) => {
  const { state, down, move, up } = handOn(t);
  addMarker(state, 4.9e11);
  down(1, 0.2);
  down(2, 0.4);
  down(3, 0.9);
  move(3, 0.1);
  assert.deepEqual(state.view, VIEW);
  up(3);
  up(1);
  move(2, 0.3);
  near(state.view, [4.1e11, 5.1e11], 10);
  up(2);
  assert.deepEqual([state.gesture, state.selected], [null, "m1"]);
  assert.deepEqual(state.history.current.view, state.view);
});

test("fingers one above the other in a lane zoom its y axis only", (t) => {
  const { state, down, move, up } = handOn(t);
  const { height } = state.layout.lanes[0];
  state.scales.set("i", makeScale({ low: 0, high: 10, pixels: height }));
  down(1, 0.5, -20);
  down(2, 0.5, 20);
  move(1, 0.5, -40);
  move(2, 0.5, 40);
  near(state.settings.y.i.range, [2.5, 7.5], 1e-9);
  assert.deepEqual(state.view, VIEW);
  up(1);
  up(2);
  walkHistory(state, -1);
  assert.equal(state.settings.y.i.mode, "auto");
});

test("one finger pans across; upright it scrolls what the stage is in, and shows the same", (t) => {
  const { state, scroller, down, move, up } = handOn(t);
  down(1, 0.5);
  move(1, 0.4, 3);
  move(1, 0.25, 30);
  near(state.view, [4.25e11, 5.25e11], 10);
  up(1);
  assert.deepEqual(scroller.scrolls, []);
  const before = state.view;
  down(1, 0.5);
  move(1, 0.5, 20);
  move(1, 0.45, 30);
  up(1);
  assert.deepEqual([scroller.scrolls, state.view], [[-20, -30], before]);
});

test("a tap shows what is there until the next one; a mouse that leaves takes it along", (t) => {
  const { state, stage, down, up } = handOn(t);
  down(1, 0.5);
  up(1);
  stage.fire("pointerleave", { pointerType: "touch" });
  near([timeAt(state.layout, state.view, state.hover.x)], [4.5e11], 1e9);
  stage.fire("pointerleave", { pointerType: "mouse" });
  assert.equal(state.hover, null);
});

test("a finger takes a marker from farther than a cursor does", (t) => {
  const { state, stage, down, move, up } = handOn(t);
  addMarker(state, 4.5e11);
  const share = 0.5 + 10 / state.layout.plot.width;
  stage.fire("pointerdown", pointAt(state, share));
  assert.equal(state.gesture.kind, "pan");
  stage.fire("pointerup", pointAt(state, share));
  down(1, share);
  assert.equal(state.gesture.kind, "marker");
  move(1, share + 0.1);
  up(1);
  near([state.markers[0].x0], [4.6e11], 1e6);
});

test("what is cancelled or given up is as it was, and the next touch begins anew", (t) => {
  const { state, down, move, up, cancel } = handOn(t);
  down(1, 0.4);
  down(2, 0.6);
  move(2, 0.9);
  assert.notDeepEqual(state.view, VIEW);
  cancel(2);
  assert.deepEqual([state.view, state.gesture], [VIEW, null]);
  up(1);
  down(1, 0.4);
  down(2, 0.6);
  move(2, 0.9);
  assert.ok(abandon(state));
  up(1);
  up(2);
  down(1, 0.5);
  assert.equal(state.gesture.kind, "pan");
  assert.deepEqual(state.view, VIEW);
});
