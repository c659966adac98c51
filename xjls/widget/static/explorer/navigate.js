// Moving the view, and the range of a lane's y axis.

import { fitInto, panBy, zoomAbout } from "../core/view.js";
import { timeAt } from "./geometry.js";
import { askForView } from "./request.js";
import { axisRanges, axisSettings, changeAxis, changeRanges } from "./settings.js";
import { limitsOf } from "./state.js";
import { sameValue } from "./traits.js";

const QUARTER = 0.25;
export const NOTCH = Math.SQRT2;

/** Show a view: redrawn from what is there at once, and asked for. */
export function showView(state, view, { remember = true, write = true } = {}) {
  const fitted = fitInto(view, limitsOf(state));
  if (fitted[0] === state.view[0] && fitted[1] === state.view[1]) return;
  state.view = fitted;
  if (remember) rememberPlace(state);
  if (write) state.writer.write("view", fitted);
  askForView(state);
  state.change();
}

/** What is shown, in time and on the y axes. */
export function placeNow(state) {
  return { view: state.view, ranges: axisRanges(state.facts, state.settings) };
}

/** Remember what is shown as a place to come back to. */
export function rememberPlace(state) {
  state.history.push(placeNow(state));
}

/** Show what was shown before. */
export function showPlace(state, { view, ranges }) {
  takeRanges(state, ranges);
  showView(state, view, { remember: false });
}

/** Whether all of the recording is shown, so that no more can be. */
export function showsAll(state) {
  const [from, to] = state.facts.extent;
  return state.view[0] <= from && state.view[1] >= to;
}

/** Zoom about a place of the stage, or about the cursor, or the middle; a `factor` below 1 shows less. */
export function zoomBy(state, factor, x = cursorPlace(state)) {
  showView(state, zoomAbout(state.view, timeAt(state.layout, state.view, x), factor, limitsOf(state)));
}

/** Move by a part of what is shown: 1 is a screen to the right. */
export function panByPart(state, part = QUARTER) {
  showView(state, panBy(state.view, part * (state.view[1] - state.view[0]), limitsOf(state)));
}

/** Show the whole recording, with automatic y axes. */
export function showAll(state) {
  takeRanges(state, {});
  showView(state, [...state.facts.extent], { remember: false });
  rememberPlace(state);
}

/** Go to the place before (−1) or behind (1) the present one: its time and its y axes. */
export function walkHistory(state, direction) {
  showPlace(state, direction < 0 ? state.history.back() : state.history.forward());
}

/** Show a span with some room around it, where the view does not hold it already. */
export function showSpan(state, x0, x1) {
  if (x0 >= state.view[0] && x1 <= state.view[1]) return;
  const span = Math.max(state.view[1] - state.view[0], (x1 - x0) * 1.5);
  const middle = (x0 + x1) / 2;
  showView(state, [middle - span / 2, middle + span / 2]);
}

/** Zoom the y axis of a lane about a place of the stage. */
export function zoomAxis(state, key, factor, y) {
  const scale = state.scales.get(key);
  const lane = state.layout.lanes.find((one) => one.key === key);
  if (!scale || !lane || lane.lane.shape === "logic") return;
  const from = y - lane.y;
  const [top, bottom] = [0, lane.height].map((edge) => scale.value(from + (edge - from) * factor));
  setAxisRange(state, key, bottom, top);
}

/** Move the y axis of a lane by pixels, from where `scale` has it; the end of the drag is what is remembered. */
export function panAxis(state, key, scale, height, pixels) {
  takeRange(state, key, scale.value(height - pixels), scale.value(-pixels));
}

/** Zoom and move the y axis of a lane as two fingers do: `from` and `to` are `{y, apart}` on the stage, in pixels. */
export function pinchAxis(state, { key, y, height }, scale, from, to) {
  const factor = from.apart / to.apart;
  const [top, bottom] = [y, y + height].map((edge) => scale.value(from.y - y + (edge - to.y) * factor));
  takeRange(state, key, bottom, top);
}

/** Give a lane's y axis a range by hand. */
export function setAxisRange(state, key, low, high) {
  if (takeRange(state, key, low, high)) rememberPlace(state);
}

/** Let a lane's y axis follow what is seen again. */
export function resetAxis(state, key) {
  state.ranges.clear();
  if (axisSettings(state.settings, key).mode === "auto") return;
  changeAxis(state, key, { mode: "auto", range: null });
  rememberPlace(state);
}

/** Show what a box holds, in time and in the lane where it was drawn. */
export function zoomToBox(state, box) {
  const [x0, x1] = [box.x, box.x + box.width].map((x) => timeAt(state.layout, state.view, x));
  const scale = state.scales.get(box.lane?.key);
  if (scale && box.lane.lane.shape !== "logic" && box.height > GRASP) {
    const [high, low] = [box.y, box.y + box.height].map((y) => scale.value(y - box.lane.y));
    takeRange(state, box.lane.key, low, high);
  }
  if (box.width > GRASP) showView(state, [x0, x1], { remember: false });
  rememberPlace(state);
}

function takeRange(state, key, low, high) {
  if (!(high > low) || !Number.isFinite(high - low)) return false;
  changeAxis(state, key, { mode: "manual", range: [low, high] });
  return true;
}

// An axis that follows what is seen begins anew: what it had before is of another view.
function takeRanges(state, ranges) {
  state.ranges.clear();
  if (!sameValue(ranges, axisRanges(state.facts, state.settings))) changeRanges(state, ranges);
}

function cursorPlace(state) {
  const { x, width } = state.layout.plot;
  return state.hover ? Math.min(x + width, Math.max(x, state.hover.x)) : x + width / 2;
}

const GRASP = 4;
