// The mouse and the finger: what a press on each part of the stage begins.

import { panBy } from "../core/view.js";
import { LEAST_HEIGHT, reachOf, timeAt, zoneAt } from "./geometry.js";
import { hoverAt, pointOf } from "./hover.js";
import { askForMarker, openMarkerMenu } from "./marker-menu.js";
import { addMarker, markerAt, markerOver, moveMarker, removeMarker, selectMarker } from "./markers.js";
import {
  panAxis, placeNow, rememberPlace, resetAxis, showAll, showPlace, showView, zoomToBox,
} from "./navigate.js";
import { noteAt, noteBoxAt, showNote } from "./notes.js";
import { centreAt, dragOverview, isInViewRectangle, overviewGrip } from "./overview.js";
import { askForView } from "./request.js";
import { changeSettings, shownTracks } from "./settings.js";
import { limitsOf } from "./state.js";
import { fingerGesture, makeFingers, pinchGesture, scrollAround } from "./touch.js";
import { shiftRecording } from "./tracks.js";

const CLICK = 3;
const CURSORS = { axis: "ew-resize", lane: "crosshair", yaxis: "ns-resize", separator: "row-resize" };

/** Let the pointer act on the stage; returns what ends it. */
export function listenToPointer(state, stage) {
  const fingers = makeFingers();
  const cancel = (event) => {
    fingers.lift(event.pointerId);
    abandon(state);
  };
  const listeners = {
    pointerdown: (event) => press(state, stage, event, fingers),
    pointermove: (event) => move(state, stage, event, fingers),
    pointerup: (event) => release(state, stage, event, fingers),
    pointercancel: cancel,
    pointerleave: (event) => leave(state, event),
    dblclick: (event) => showMore(state, stage, event),
    contextmenu: (event) => askWhat(state, stage, event),
  };
  for (const [name, listener] of Object.entries(listeners)) stage.addEventListener(name, listener, { passive: false });
  return () => Object.entries(listeners).forEach(([name, listener]) => stage.removeEventListener(name, listener));
}

/** Give up what is being dragged; true where there was something. */
export function abandon(state) {
  const { gesture } = state;
  if (!gesture) return false;
  state.gesture = null;
  gesture.undo?.();
  state.change();
  return true;
}

function press(state, stage, event, fingers) {
  if (event.button !== 0 || !state.layout) return;
  state.root.focus({ preventScroll: true });
  event.preventDefault();
  const at = pointOf(stage, event);
  if (!fingers.put(event.pointerId, at)) return;
  stage.setPointerCapture(event.pointerId);
  state.reach = reachOf(event);
  hoverAt(state, at);
  const gesture = fingers.count > 1 ? beginPinch(state, fingers) : beginGesture(state, at, event, stage);
  if (gesture) state.gesture = { from: at, moved: false, view: state.view, ...gesture };
  state.change("overlay");
}

// What the first finger panned by then stays; whatever else it began is given up.
function beginPinch(state, fingers) {
  if (state.gesture?.kind !== "pan") abandon(state);
  return pinchGesture(state, fingers);
}

function move(state, stage, event, fingers) {
  const at = pointOf(stage, event);
  fingers.move(event.pointerId, at);
  state.reach = reachOf(event);
  hoverAt(state, at);
  const { gesture } = state;
  if (gesture) {
    gesture.moved ||= Math.hypot(at.x - gesture.from.x, at.y - gesture.from.y) > CLICK;
    if (gesture.moved) gesture.drag(at);
  } else stage.style.cursor = cursorAt(state, at, event);
  state.change("overlay");
}

function release(state, stage, event, fingers) {
  const { gesture } = state;
  if (!fingers.lift(event.pointerId) || !gesture) return;
  state.gesture = null;
  const at = pointOf(stage, event);
  if (gesture.moved) gesture.drop?.(at, gesture);
  else gesture.click?.(at);
  if (gesture.kind === "pinch" && fingers.count) goOn(state, fingers.places()[0]);
  state.change();
}

// The finger that is still down goes on to pan.
function goOn(state, from) {
  state.gesture = { from, view: state.view, ...panGesture(state, from), moved: true };
}

// A finger that is lifted leaves the stage, too: what it pointed at stays to be read.
function leave(state, { pointerType }) {
  if (state.gesture || pointerType === "touch") return;
  state.hover = null;
  state.change("overlay");
}

function cursorAt(state, { x, y }, event) {
  const { zone } = zoneAt(state.layout, x, y);
  if (zone === "overview") return overviewGrip(state, x) === "move" ? "grab" : "ew-resize";
  if (zone === "lane" || zone === "flags") {
    const hit = markerAt(state, x, y);
    if (hit) return hit.part === "both" ? "grab" : "ew-resize";
  }
  if (zone === "lane" && noteAt(state, x, y)) return "pointer";
  if (zone === "lane" && !event.altKey && !state.boxMode && !event.shiftKey) return "default";
  return CURSORS[zone] ?? "default";
}

// ---- what a press begins: {drag, drop, click, undo, kind, …} ------------------------------------------------------

function beginGesture(state, at, event, stage) {
  const { zone, lane } = zoneAt(state.layout, at.x, at.y);
  if (zone === "overview") return overviewGesture(state, at);
  if (zone === "separator") return heightGesture(state, at, lane);
  if (zone === "yaxis") return axisGesture(state, at, lane);
  const hit = event.altKey || state.boxMode || event.shiftKey ? null : markerAt(state, at.x, at.y);
  if (hit && (zone === "lane" || zone === "flags")) return markerGesture(state, at, hit);
  if (zone !== "lane" && zone !== "axis" && zone !== "flags") return null;
  if (event.altKey || state.boxMode) return boxGesture(state, at, lane);
  if (event.shiftKey && (event.ctrlKey || event.metaKey)) return alignGesture(state, at, lane);
  if (event.shiftKey) return spanGesture(state, at);
  if ((event.ctrlKey || event.metaKey) && lane) return axisGesture(state, at, lane);
  const pan = panGesture(state, at);
  return event.pointerType === "touch" ? fingerGesture(pan, at, (pixels) => scrollAround(stage, pixels)) : pan;
}

function overviewGesture(state, at) {
  if (!isInViewRectangle(state, at.x) && overviewGrip(state, at.x) === "move") centreAt(state, at.x);
  const [grip, before] = [overviewGrip(state, at.x), placeNow(state)];
  const drag = (now) => dragOverview(state, grip, before.view, at.x, now.x);
  const undo = () => showPlace(state, before);
  return { kind: "overview", drag, drop: () => rememberPlace(state), undo };
}

function heightGesture(state, at, lane) {
  const height = (now) => Math.max(LEAST_HEIGHT, Math.round(lane.height + now.y - at.y));
  return {
    kind: "height",
    drag: (now) => changeSettings(state, { heights: { ...state.settings.heights, [lane.key]: height(now) } }),
  };
}

function axisGesture(state, at, lane) {
  const scale = state.scales.get(lane.key);
  const movable = scale && lane.lane.shape !== "logic";
  const before = placeNow(state);
  return {
    kind: "axis",
    drag: (now) => movable && panAxis(state, lane.key, scale, lane.height, now.y - at.y),
    drop: () => rememberPlace(state),
    undo: () => showPlace(state, before),
  };
}

function markerGesture(state, at, { key, part }) {
  const before = state.markers.find((marker) => marker.key === key);
  const moved = (now) => timeAt(state.layout, state.view, now.x) - timeAt(state.layout, state.view, at.x);
  const set = (dx) => {
    const x1 = before.x1 === null ? null : before.x1 + (part === "start" ? 0 : dx);
    moveMarker(state, key, before.x0 + (part === "end" ? 0 : dx), x1);
  };
  selectMarker(state, key);
  return { kind: "marker", drag: (now) => set(moved(now)), undo: () => set(0) };
}

function boxGesture(state, at, lane) {
  const box = (now) => ({ ...rectangle(state, at, now, lane), lane });
  return {
    kind: "box",
    drag: (now) => (state.gesture.box = box(now)),
    drop: (now) => zoomToBox(state, box(now)),
  };
}

function spanGesture(state, at) {
  const from = timeAt(state.layout, state.view, at.x);
  const selected = state.selected;
  const key = addMarker(state, from, from);
  return {
    kind: "span",
    drag: (now) => moveMarker(state, key, from, timeAt(state.layout, state.view, now.x)),
    click: () => moveMarker(state, key, from, null),
    undo: () => {
      removeMarker(state, key);
      selectMarker(state, selected);
    },
  };
}

function panGesture(state, at) {
  const [before, width] = [state.view, state.layout.plot.width];
  const show = (now) => {
    const dx = (-(now.x - at.x) / width) * (before[1] - before[0]);
    showView(state, panBy(before, dx, limitsOf(state)), { remember: false });
  };
  const place = placeNow(state);
  const undo = () => showPlace(state, place);
  return { kind: "pan", drag: show, drop: () => rememberPlace(state), click: (now) => clickStage(state, now), undo };
}

// The last track that is shown is the one that was laid over the others; its recording moves in all lanes.
function alignGesture(state, at, lane) {
  const over = lane && lane.lane.tracks.length > 1 ? shownTracks(state, lane.lane).at(-1) : null;
  if (!over || over.place === 0) return spanGesture(state, at);
  const recording = over.track.recording ?? over.place;
  const moved = (now) => timeAt(state.layout, state.view, now.x) - timeAt(state.layout, state.view, at.x);
  const drag = (now) => {
    state.gesture.shift = moved(now);
    state.change();
  };
  const drop = (now) => shiftRecording(state, recording, over.track.shift + moved(now), () => askForView(state, true));
  return { kind: "align", recording: over.track.recording, shift: 0, drag, drop };
}

function rectangle(state, from, to, lane) {
  const { plot } = state.layout;
  const area = lane ?? plot;
  const clip = (value, low, size) => Math.min(low + size, Math.max(low, value));
  const [x0, x1] = [from.x, to.x].map((x) => clip(x, plot.x, plot.width)).sort((a, b) => a - b);
  const heights = lane ? [from.y, to.y] : [plot.y, plot.y + plot.height];
  const [y0, y1] = heights.map((y) => clip(y, area.y, area.height)).sort((a, b) => a - b);
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

function clickStage(state, { x, y }) {
  const found = noteBoxAt(state, x, y);
  if (found) showNote(state, found.note, found.more);
  else selectMarker(state, "");
}

// Only a marker has a menu of its own; elsewhere the browser's stays.
function askWhat(state, stage, event) {
  const at = pointOf(stage, event);
  const hit = markerOver(state, at.x, at.y);
  if (!hit) return;
  event.preventDefault();
  selectMarker(state, hit.key);
  openMarkerMenu(state, hit, event);
}

function showMore(state, stage, event) {
  const at = pointOf(stage, event);
  const { zone, lane } = zoneAt(state.layout, at.x, at.y);
  const hit = zone === "flags" || zone === "lane" ? markerAt(state, at.x, at.y) : null;
  if (hit) return void askForMarker(state, hit.key);
  if (noteAt(state, at.x, at.y)) return;
  if (zone === "yaxis") resetAxis(state, lane.key);
  else if (zone === "overview" || zone === "lane" || zone === "axis") showAll(state);
}
