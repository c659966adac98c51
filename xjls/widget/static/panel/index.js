// The live part of the capture panel: takes pushes, paints the newest one, and says that it did.

import { makeTimes } from "../core/times.js";
import { element } from "../explorer/dom.js";
import { applyTheme, laneHues, themeOf, watchTheme } from "../explorer/theme.js";
import { makeLiveColumns } from "./columns.js";
import { makeLiveAlbum, makeLiveFrames } from "./frames.js";
import { makeMarking } from "./marking.js";
import { makeLiveMarks } from "./marks.js";
import { livePlaces, makeLivePainter } from "./picture.js";
import { makeReadouts } from "./readouts.js";

const LIVE_SIDE = 262;
const LIVE_NARROW = 560;
const LIVE_ORIGIN = { utc: false, origin: "0", since: "the first sample" };

function render({ model, el }) {
  const canvas = element("canvas", { className: "xjls-live-canvas", role: "img" });
  const readouts = makeReadouts();
  const marking = makeMarking((content) => model.send(content));
  const top = element("div", { className: "xjls-live-top" }, readouts.head, marking.form);
  const note = element("div", { className: "xjls-live-note", role: "alert" });
  const main = element("div", { className: "xjls-live-main" }, canvas, readouts.side);
  const album = makeLiveAlbum();
  const parts = [top, album.root, main, readouts.sums, readouts.health, note];
  const root = element("div", { className: "xjls-live xjls-panel-view" }, ...parts);
  el.append(root);
  const live = {
    model, root, canvas, readouts, note, marking, album, frames: makeLiveFrames(), columns: makeLiveColumns(), marks: makeLiveMarks(), held: null, push: null, facts: { lanes: [] },
    times: makeTimes(LIVE_ORIGIN), theme: null, paint: makeLivePainter(canvas), frame: 0, drawn: 0, received: 0,
  };
  const ends = listenLive(live);
  recolor(live);
  root.dataset.pushes = "0";
  takeKept(live);
  model.send({ type: "hello" });
  return () => {
    cancelAnimationFrame(live.frame);
    ends.forEach((end) => end());
  };
}

function listenLive(live) {
  const took = (content, buffers) => takePush(live, content, buffers);
  const chosen = () => freezeOrGoOn(live);
  const noted = () => {
    live.note.textContent = live.model.get("note") ?? "";
  };
  live.model.on("msg:custom", took);
  live.model.on("change:settings", chosen);
  live.model.on("change:note", noted);
  noted();
  // The theme is known when the root is in the document, which it is when it first has a size
  const size = new ResizeObserver(() => recolor(live));
  size.observe(live.root);
  const unwatch = watchTheme(() => recolor(live));
  return [
    () => live.model.off("msg:custom", took),
    () => live.model.off("change:settings", chosen),
    () => live.model.off("change:note", noted),
    () => size.disconnect(),
    unwatch,
  ];
}

// What was last shown, where nobody may be there to send more: it is not acknowledged, as nobody pushed it.
function takeKept(live) {
  const kept = live.model.get("last");
  if (kept?.type !== "push") return;
  live.root.dataset.kept = "true";
  takePicture(live, kept, kept.data);
}

function takePush(live, content, buffers) {
  if (content.type !== "push") return;
  live.received += 1;
  delete live.root.dataset.kept;
  takePicture(live, content, buffers[0]);
}

function takePicture(live, content, buffer) {
  if (content.facts) {
    live.facts = content.facts;
    live.times = makeTimes(content.facts);
  }
  live.columns.take(content, buffer ?? new ArrayBuffer(0));
  live.frames.take(content, buffer ?? new ArrayBuffer(0));
  live.marks.take(content);
  live.root.dataset.marks = String(live.marks.all().length);
  live.push = content;
  live.root.dataset.pushes = String(live.received);
  live.root.dataset.skipped = String(content.skipped);
  live.root.dataset.state = content.state;
  live.marking.allow(content.state === "streaming" && !content.kept);
  schedule(live);
}

// What is frozen is held apart: columns go on coming, so that nothing is missing afterwards
function freezeOrGoOn(live) {
  const frozen = Boolean(live.model.get("settings")?.frozen);
  if (!frozen) live.held = null;
  else if (!live.held && live.push) live.held = holdPicture(live);
  recolor(live);
}

function holdPicture(live) {
  const strips = new Map();
  const spans = new Map();
  for (const { key } of live.facts.lanes) {
    const strip = live.columns.strip(key);
    if (!strip) continue;
    for (const name of ["mean", "std", "min", "max", "fill"]) strip[name] = strip[name].slice();
    strips.set(key, strip);
    spans.set(key, live.columns.spans(key));
  }
  const columns = { strip: (key) => strips.get(key) ?? null, spans: (key) => spans.get(key) ?? [] };
  return { columns, frames: live.frames.all(), marks: live.marks.all(), newest: live.push.newest, window: live.push.window };
}

function recolor(live) {
  live.theme = themeOf(live.root, live.model.get("settings")?.theme ?? "auto");
  applyTheme(live.root, live.theme);
  schedule(live);
}

function schedule(live) {
  if (!live.frame) live.frame = requestAnimationFrame(() => paintNow(live));
}

function paintNow(live) {
  live.frame = 0;
  const { push } = live;
  const settings = live.model.get("settings") ?? {};
  const whole = live.root.clientWidth;
  if (whole < 1) return;
  const side = whole >= LIVE_NARROW ? LIVE_SIDE : 0;
  live.root.dataset.narrow = String(!side);
  const now = {
    newest: push?.newest, window: push?.window, columns: live.columns, marks: live.marks.all(), frames: live.frames.all(),
  };
  const { newest, window: span, columns, marks, frames } = live.held ?? now;
  const lanes = live.facts.lanes;
  const scene = {
    lanes, columns, marks, newest, view: [newest - span, newest], times: live.times, theme: live.theme, settings,
    width: whole - side, ratio: globalThis.devicePixelRatio || 1, frozen: Boolean(live.held), hues: laneHues(lanes, live.theme),
  };
  scene.places = push && lanes.length ? live.paint(scene) : livePlaces([], scene.width);
  live.canvas.hidden = !(push && lanes.length);
  live.canvas.setAttribute("aria-label", `the last ${Math.round((span ?? 0) / 1e9)} s of ${lanes.map(({ name }) => name).join(", ")}`);
  live.readouts.show(push, scene);
  live.album.show(frames, { facts: live.facts.pictures, losses: push?.pictures, width: whole, frozen: scene.frozen });
  live.root.dataset.ready = String(Boolean(push && (lanes.length || frames.length)));
  if (push && !push.kept && push.id !== live.drawn) {
    live.drawn = push.id;
    live.model.send({ type: "ack", id: push.id });
  }
}

export default { render };
