// The explorer's state without a browser: what is asked, what is written, how markers and views move.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { layOut } from "../../xjls/widget/static/explorer/geometry.js";
import { takeExtent } from "../../xjls/widget/static/explorer/live.js";
import {
  addMarker, markerAt, markerOver, moveMarker, nudgeMarker, removeMarker, selectMarker,
} from "../../xjls/widget/static/explorer/markers.js";
import {
  panByPart, setAxisRange, showAll, showSpan, showView, walkHistory, zoomBy,
} from "../../xjls/widget/static/explorer/navigate.js";
import { VIEW_SPAN, askForView, askOnce, isCurrent, statisticsOf } from "../../xjls/widget/static/explorer/request.js";
import { changeSettings, moveLane, shownTracks, toggleTrack } from "../../xjls/widget/static/explorer/settings.js";
import { makeState, tileOfTrait } from "../../xjls/widget/static/explorer/state.js";
import { kernelText, resolutionText } from "../../xjls/widget/static/explorer/status.js";
import { listenToTraits, makeWriter } from "../../xjls/widget/static/explorer/traits.js";
import { encodedTile } from "./strips.js";

const EXTENT = [0, 1e12];
const LANES = ["i", "u"].map((key) => ({
  key, name: key, units: "A", shape: "analog", integral_units: "C", reach: [0, 1], rate_hz: 1e6, period: 1000,
  tracks: [{ name: key, label: "", extent: EXTENT, shift: 0, recording: 0 }],
}));

/** A model as anywidget's, whose messages and traits can be looked at. */
function fakeModel(traits = {}) {
  const axis = { utc: false, origin: "0", since: "the first sample" };
  const values = { facts: { title: "t", ...axis, extent: EXTENT, lanes: LANES, grows: false }, ...traits };
  const listeners = new Map();
  const model = { sent: [], set: (name, value) => (values[name] = value), saves: 0, listeners };
  model.get = (name) => values[name];
  model.save_changes = () => (model.saves += 1);
  model.send = (content) => model.sent.push(content);
  model.on = (name, f) => listeners.set(name, f);
  model.off = (name, f) => listeners.get(name) === f && listeners.delete(name);
  return model;
}

/** A state laid out on 1000 pixels, closed with the test. */
function stateOf(t, traits) {
  const model = fakeModel(traits);
  const state = makeState(model, { dataset: {} });
  Object.assign(state, { width: 1000, ratio: 1, zero: () => null });
  state.layout = layOut(state.facts, state.settings, 1000);
  state.change = () => {};
  state.refresh = () => {};
  state.takeExtent = (extent, grows) => takeExtent(state, extent, grows);
  t.after(() => {
    state.exchange.close();
    state.writer.flush();
  });
  return state;
}

/** Answer the newest tile that was asked for with columns of its own span, as many as were wanted. */
function answerTile(state, { columns, id, x0, x1, markers } = state.model.sent.findLast((one) => one.type === "tile")) {
  const n = Math.ceil(columns);
  const all = (value) => new Array(n).fill(value);
  const place = { x0, dx: (x1 - x0) / n, per: 7 };
  const strip = (lane) => ({ lane, ...place, mean: all(1), min: all(0), max: all(2), fill: all(255) });
  const [content, data] = encodedTile(x0, x1, LANES.map((lane) => strip(lane.key)));
  const numbers = Object.fromEntries(markers.map((span) => [span.key, { i: { mean: span.x0 }, u: { mean: span.x1 } }]));
  state.receive({ type: "tile", id, ...content, markers: numbers, extent: EXTENT, grows: false }, [data]);
}

test("half a screen more is asked for on each side, in device pixels, with the spans to measure", (t) => {
  const state = stateOf(t, { view: [4e11, 5e11], markers: [{ key: "a", x0: 1, x1: 2, label: "", color: 0 }] });
  state.ratio = 2;
  askForView(state);
  const [asked] = state.model.sent;
  assert.deepEqual([asked.type, asked.x0, asked.x1], ["tile", 3.5e11, 5.5e11]);
  assert.equal(asked.columns, 2 * state.layout.plot.width * 2);
  assert.deepEqual(asked.markers.map((span) => span.key), [VIEW_SPAN, "a"]);
  assert.deepEqual(asked.lanes, ["i", "u"]);
});

test("a tile serves pans within it: only numbers are asked for; beyond it another tile is", (t) => {
  const state = stateOf(t, { view: [4e11, 5e11] });
  askForView(state);
  answerTile(state);
  assert.ok(isCurrent(statisticsOf(state, VIEW_SPAN), 4e11, 5e11));
  panByPart(state, 0.25);
  assert.deepEqual(state.model.sent.map((one) => one.type), ["tile", "measure"]);
  panByPart(state, 0.5);
  assert.deepEqual(state.model.sent.map((one) => one.type), ["tile", "measure", "tile"]);
  assert.ok(!isCurrent(statisticsOf(state, VIEW_SPAN), ...state.view));
});

test("one tile is in flight, and the newest view is the next that is asked for", (t) => {
  const state = stateOf(t, { view: [4e11, 5e11] });
  for (let step = 0; step < 20; step += 1) zoomBy(state, 0.5);
  const tiles = () => state.model.sent.filter((one) => one.type === "tile");
  assert.equal(tiles().length, 1);
  answerTile(state);
  assert.equal(tiles().length, 2);
  const pad = (state.view[1] - state.view[0]) / 2;
  assert.deepEqual([tiles()[1].x0, tiles()[1].x1], [state.view[0] - pad, state.view[1] + pad]);
});

test("two views of one widget do not take each other's answers", (t) => {
  const [one, other] = [stateOf(t, { view: [4e11, 5e11] }), stateOf(t, { view: [4e11, 5e11] })];
  askForView(one);
  askForView(other);
  const asked = one.model.sent[0];
  answerTile(one, asked);
  assert.notEqual(asked.id, other.model.sent[0].id);
  other.receive({ type: "error", id: asked.id, text: "not yours" }, []);
  assert.deepEqual([one.exchange.pending, other.exchange.pending], [0, 1]);
});

test("an error is said, and what was asked is null", async (t) => {
  const state = stateOf(t);
  state.exchange.onerror = () => {};
  const answer = askOnce(state, { type: "save" });
  state.receive({ type: "error", id: state.model.sent[0].id, text: "the disk is full" }, []);
  assert.equal(await answer, null);
  assert.deepEqual(state.said, { text: "the disk is full", error: true });
  state.cancelSaid();
});

test("views stay in the recording, are written once, and can be walked back", (t) => {
  const state = stateOf(t);
  showView(state, [2e11, 3e11]);
  showView(state, [2e11, 3e11]);
  assert.deepEqual(state.view, [2e11, 3e11]);
  assert.ok(state.writer.pending("view"));
  showView(state, [9.9e11, 1.2e12]);
  assert.ok(state.view[1] <= 1e12 + 0.02 * (state.view[1] - state.view[0]) + 1);
  state.writer.flush();
  assert.deepEqual(state.model.get("view"), state.view);
  assert.equal(state.model.saves, 1);
  walkHistory(state, -1);
  assert.deepEqual(state.view, [0, 1e12]);
});

test("a span that is not in view is brought there, whole", (t) => {
  const state = stateOf(t, { view: [0, 1e9] });
  showSpan(state, 5e11, 5e11 + 4e9);
  assert.ok(state.view[0] <= 5e11 && state.view[1] >= 5e11 + 4e9);
  const before = state.view;
  showSpan(state, 5e11, 5e11 + 1e9);
  assert.equal(state.view, before);
});

test("ranges by hand are taken as they are, and all is automatic again after everything is shown", (t) => {
  const state = stateOf(t, { view: [1e11, 2e11] });
  setAxisRange(state, "i", 1, 2);
  setAxisRange(state, "u", 2, 1);
  assert.deepEqual(state.settings.y.i.range, [1, 2]);
  assert.equal(state.settings.y.u, undefined);
  showAll(state);
  assert.equal(state.settings.y.i.mode, "auto");
  assert.deepEqual(state.view, EXTENT);
});

test("markers get keys and colours of their own, stay in the recording, and one is selected", (t) => {
  const state = stateOf(t);
  for (let i = 0; i < 8; i += 1) addMarker(state, i * 1e10, i % 2 ? i * 1e10 + 5 : null);
  assert.equal(new Set(state.markers.map((marker) => marker.key)).size, 8);
  assert.equal(new Set(state.markers.slice(0, 6).map((marker) => marker.color)).size, 6);
  assert.equal(state.selected, "m8");
  moveMarker(state, "m2", 5e11, -3);
  assert.deepEqual([state.markers[1].x0, state.markers[1].x1], [0, 5e11]);
  removeMarker(state, "m8");
  assert.equal(state.selected, "");
  assert.equal(addMarker(state, 3), "m8");
  removeMarker(state, "m3");
  removeMarker(state, "m4");
  for (const color of [2, 3]) {
    const key = addMarker(state, 4);
    assert.equal(state.markers.find((marker) => marker.key === key).color, color);
  }
});

test("a selected marker moves by a pixel, or by a sample where samples are farther apart", (t) => {
  const state = stateOf(t, { view: [0, 1e9] });
  assert.equal(nudgeMarker(state, 1), false);
  addMarker(state, 5e8, 6e8);
  const pixel = 1e9 / state.layout.plot.width;
  nudgeMarker(state, -2);
  assert.ok(Math.abs(state.markers[0].x0 - (5e8 - 2 * pixel)) <= 1);
  assert.equal(state.markers[0].x1 - state.markers[0].x0, 1e8);
  state.view = [5e8, 5e8 + 2e4];
  const before = state.markers[0].x0;
  nudgeMarker(state, 1);
  assert.equal(state.markers[0].x0 - before, 1000);
});

test("lines and flags of markers are found, the selected one first", (t) => {
  const state = stateOf(t);
  const { plot, flags } = state.layout;
  const at = (share) => plot.x + share * plot.width;
  addMarker(state, 2e11, 4e11);
  addMarker(state, 4e11);
  assert.deepEqual(markerAt(state, at(0.2), plot.y + 5), { key: "m1", part: "start" });
  assert.deepEqual(markerAt(state, at(0.3), flags.y + 5), { key: "m1", part: "both" });
  assert.equal(markerAt(state, at(0.3), plot.y + 5), null);
  assert.equal(markerOver(state, at(0.3), plot.y + 5).key, "m1");
  assert.equal(markerAt(state, at(0.4), plot.y + 5).key, "m2");
  selectMarker(state, "m1");
  assert.deepEqual(markerAt(state, at(0.4), plot.y + 5), { key: "m1", part: "end" });
});

test("numbers of a marker are kept with the span that they are of, and go with the marker", (t) => {
  const state = stateOf(t);
  addMarker(state, 1e11, 2e11);
  const asked = state.model.sent.at(-1);
  assert.deepEqual(asked.spans.map((span) => span.key), [VIEW_SPAN, "m1"]);
  moveMarker(state, "m1", 1e11, 3e11);
  state.receive({ type: "measured", id: asked.id, markers: { m1: { i: { mean: 1 } } } }, []);
  assert.ok(!isCurrent(statisticsOf(state, "m1"), 1e11, 3e11));
  const next = state.model.sent.at(-1);
  state.receive({ type: "measured", id: next.id, markers: { m1: { i: { mean: 2 } } } }, []);
  assert.ok(isCurrent(statisticsOf(state, "m1"), 1e11, 3e11));
  assert.equal(statisticsOf(state, "m1").lanes.i.mean, 2);
});

test("the last value of a trait is written, all at once, a little later", () => {
  const model = fakeModel();
  const waiting = [];
  const writer = makeWriter(model, (ms, f) => {
    waiting.push([ms, f]);
    return () => waiting.pop();
  });
  for (let i = 0; i < 50; i += 1) writer.write("view", [i, i + 1]);
  writer.write("selected", "a");
  assert.deepEqual([model.saves, waiting.length], [0, 1]);
  assert.ok(waiting[0][0] <= 100);
  waiting[0][1]();
  assert.deepEqual([model.saves, model.get("view"), model.get("selected")], [1, [49, 50], "a"]);
  writer.flush();
  assert.deepEqual([model.saves, waiting.length], [1, 0]);
});

test("what Python changes is taken, unless something newer waits to be written; listeners go", (t) => {
  const state = stateOf(t);
  const took = mock.fn();
  const end = listenToTraits(state, { view: took });
  state.model.set("view", [1, 2]);
  state.model.listeners.get("change:view")();
  assert.deepEqual(took.mock.calls[0].arguments, [[1, 2]]);
  state.writer.write("view", [3, 4]);
  state.model.listeners.get("change:view")();
  assert.equal(took.mock.callCount(), 1);
  end();
  assert.equal(state.model.listeners.size, 0);
});

test("settings are laid over what was chosen; lanes change places with their neighbours", (t) => {
  const state = stateOf(t, { settings: { digits: 6 } });
  changeSettings(state, { units: "hours" });
  assert.deepEqual([state.settings.digits, state.settings.units, state.settings.band], [6, "hours", true]);
  moveLane(state, "i", 1);
  assert.deepEqual(state.settings.order, ["u", "i"]);
  moveLane(state, "i", 1);
  assert.deepEqual(state.settings.order, ["u", "i"]);
});

test("a track of several can be hidden; a single one is always there", (t) => {
  const state = stateOf(t);
  const lane = { ...LANES[0], tracks: [LANES[0].tracks[0], LANES[0].tracks[0]] };
  toggleTrack(state, lane, 1);
  assert.deepEqual(shownTracks(state, lane).map(({ place }) => place), [0]);
  toggleTrack(state, lane, 1);
  assert.equal(shownTracks(state, lane).length, 2);
  toggleTrack(state, LANES[0], 0);
  assert.equal(shownTracks(state, LANES[0]).length, 1);
});

test("who looks at the end of a growing recording goes on with it; who looks back stays", (t) => {
  const grown = [0, 1.1e12];
  const atEnd = stateOf(t, { view: [9e11, 1e12] });
  takeExtent(atEnd, grown, true);
  assert.deepEqual(atEnd.view, [1e12, 1.1e12]);
  const whole = stateOf(t);
  takeExtent(whole, grown, true);
  assert.deepEqual(whole.view, grown);
  const back = stateOf(t, { view: [1e11, 2e11] });
  takeExtent(back, grown, true);
  assert.deepEqual(back.view, [1e11, 2e11]);
  const still = stateOf(t, { view: [9e11, 1e12], settings: { follow: false } });
  takeExtent(still, grown, true);
  assert.deepEqual([still.view, still.facts.extent], [[9e11, 1e12], grown]);
});

test("the first tile and its numbers come with the widget; an empty trait is none", (t) => {
  const strip = { lane: "i", x0: 0, dx: 5e11, mean: [1, 2], fill: [255, 255], per: 29630 };
  const [content, data] = encodedTile(0, 1e12, [strip]);
  const state = stateOf(t, { first: { ...content, data, view: { i: { mean: 1.5 } } } });
  assert.equal(state.tile.strips[0].n, 2);
  assert.ok(isCurrent(statisticsOf(state, VIEW_SPAN), ...EXTENT));
  assert.equal(resolutionText(state), "1 col = 29\u202f630 samples");
  assert.equal(tileOfTrait({}), null);
  assert.equal(tileOfTrait(null), null);
});

test("a kernel that never answered is none; one that answered before is busy", () => {
  const state = { exchange: { busy: true }, answered: false, busySince: performance.now() };
  assert.equal(kernelText(state), "kernel busy…");
  assert.match(kernelText({ ...state, busySince: performance.now() - 1e4 }), /no kernel/);
  assert.equal(kernelText({ ...state, busySince: performance.now() - 1e4, answered: true }), "kernel busy…");
  assert.equal(kernelText({ ...state, exchange: { busy: false } }), "");
});
