// The live picture: lanes one above the other, the newest samples at the right, gaps hatched.

import { foldStrip } from "../core/fold.js";
import { blitBand, blitLogic, blitSteps } from "../core/raster.js";
import { autoRange, makeScale } from "../core/scale.js";
import { crispLine, fitCanvas, makeScratch } from "../explorer/canvas.js";
import { gapPatterns, mergedSpans, paintSpans } from "../explorer/gaps.js";
import { blitColors, laneHues } from "../explorer/theme.js";
import { paintLiveMarks } from "./marks.js";

const LIVE_LEFT = 76;
const LIVE_TOP = 18; // for the texts of marks: on a lane they would hide its highest samples
const LIVE_AXIS = 22;
const LIVE_BETWEEN = 6;
const LIVE_HEIGHTS = { analog: 128, steps: 56, logic: 30 };
const LIVE_LOGIC = [-0.18, 1.18];
const LIVE_TICK = 26;
const LIVE_TIME_TICK = 110;

/** Where lanes stand in a picture of a width, in CSS pixels: `{width, height, plot, boxes}`. */
export function livePlaces(lanes, width) {
  let y = LIVE_TOP;
  const across = { x: LIVE_LEFT, width: Math.max(40, width - LIVE_LEFT - 4) };
  const boxes = lanes.map((lane) => {
    const box = { lane, y, height: LIVE_HEIGHTS[lane.shape] ?? LIVE_HEIGHTS.analog, ...across };
    y += box.height + LIVE_BETWEEN;
    return box;
  });
  return { width, height: y + LIVE_AXIS, plot: { ...across, y: LIVE_TOP, height: Math.max(1, y - LIVE_TOP - LIVE_BETWEEN) }, boxes };
}

/** Make what paints: `paint({lanes, columns, marks, view, newest, times, theme, width, ratio})`; ranges of axes are kept. */
export function makeLivePainter(canvas) {
  const scratch = makeScratch();
  const ranges = new Map();
  const kept = { theme: null, patterns: null };
  return (scene) => {
    const places = livePlaces(scene.lanes, scene.width);
    const context = fitCanvas(canvas, places.width, places.height, scene.ratio);
    if (kept.theme !== scene.theme) {
      Object.assign(kept, { theme: scene.theme, patterns: gapPatterns(context, scene.theme) });
    }
    context.fillStyle = scene.theme.background;
    context.fillRect(0, 0, places.width, places.height);
    const ticks = timeTicks(scene, places.plot);
    const hues = laneHues(scene.lanes, scene.theme);
    const art = { scratch, ranges, patterns: kept.patterns, ticks, hues };
    for (const box of places.boxes) paintLiveLane(scene, context, box, art);
    paintLiveMarks(scene, context, places.plot);
    paintLiveTimes(scene, context, places, ticks);
    return places;
  };
}

function timeTicks({ times, view, newest }, plot) {
  const most = Math.max(2, Math.floor(plot.width / LIVE_TIME_TICK));
  return times.ticks(view[0], view[1], most, "marker", newest);
}

function livePlace(box, view, x) {
  return box.x + ((x - view[0]) / (view[1] - view[0])) * box.width;
}

function paintLiveLane(scene, context, box, art) {
  const { theme, view, ratio } = scene;
  const strip = scene.columns.strip(box.lane.key);
  const fold = strip && strip.n ? foldStrip(strip, view[0], view[1], Math.round(box.width * ratio)) : null;
  const range = liveRange(box.lane, fold, art.ranges);
  const scaleOf = (pixels) => makeScale({ low: range[0], high: range[1], pixels, units: box.lane.units });
  const shown = scaleOf(box.height);
  const ticks = box.lane.shape === "logic" ? [] : shown.ticks(Math.max(2, Math.floor(box.height / LIVE_TICK)));
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  paintLiveGrid(scene, context, box, ticks, art.ticks);
  const toPlace = (x) => livePlace(box, view, x);
  paintSpans(context, box, mergedSpans(scene.columns.spans(box.lane.key), view, toPlace), art.patterns);
  if (fold) blitLive(scene, context, box, fold, scaleOf(Math.round(box.height * ratio)), art);
  context.restore();
  context.strokeStyle = theme.frame;
  context.lineWidth = 1;
  context.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  paintLiveLabels(scene, context, box, ticks, shown.unit);
}

function blitLive({ theme, ratio }, context, box, fold, scale, { scratch, hues }) {
  scratch.clear(fold.low.length, Math.round(box.height * ratio));
  const { pixels, width, height } = scratch;
  const colors = blitColors(hues.get(box.lane.key), theme);
  if (box.lane.shape === "logic") blitLogic(pixels, width, height, fold, scale, colors);
  else if (box.lane.shape === "steps") blitSteps(pixels, width, height, fold, scale, colors);
  else blitBand(pixels, width, height, fold, scale, colors, { band: true, std: true });
  scratch.show(context, Math.round(box.x * ratio), Math.round(box.y * ratio));
}

function liveRange(lane, fold, ranges) {
  if (lane.shape === "logic") return LIVE_LOGIC;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; fold && i < fold.low.length; i += 1) {
    if (fold.low[i] < low) low = fold.low[i];
    if (fold.high[i] > high) high = fold.high[i];
  }
  if (!(high >= low)) return ranges.get(lane.key) ?? [0, 1];
  const found = autoRange(ranges.get(lane.key) ?? null, low + fold.y0, high + fold.y0, {});
  ranges.set(lane.key, found);
  return found;
}

function paintLiveGrid({ theme, view }, context, box, ticks, timesAt) {
  context.strokeStyle = theme.grid;
  context.lineWidth = 1;
  for (const x of timesAt.at) {
    const at = livePlace(box, view, x);
    crispLine(context, at, box.y, at, box.y + box.height);
  }
  for (const tick of ticks) crispLine(context, box.x, box.y + tick.y, box.x + box.width, box.y + tick.y);
}

function paintLiveLabels({ theme }, context, box, ticks, unit) {
  context.font = `11px ${theme.font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = theme.dim;
  if (box.lane.shape === "logic") context.fillText(box.lane.name, box.x - 6, box.y + box.height / 2, LIVE_LEFT - 8);
  for (const tick of ticks) {
    const y = Math.min(box.height - 6, Math.max(6, tick.y));
    if (Math.abs(y - tick.y) < 6) context.fillText(unit ? `${tick.label}\u202f${unit}` : tick.label, box.x - 6, box.y + y);
  }
}

function paintLiveTimes({ theme, view, frozen }, context, { plot, height }, ticks) {
  context.font = `11px ${theme.font}`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillStyle = theme.dim;
  const y = height - LIVE_AXIS / 2;
  ticks.at.forEach((x, i) => {
    const at = livePlace(plot, view, x);
    const half = context.measureText(ticks.labels[i]).width / 2;
    const inside = Math.min(Math.max(at, plot.x + half), plot.x + plot.width - half);
    if (Math.abs(inside - at) <= half + 1) context.fillText(ticks.labels[i], inside, y);
  });
  if (!frozen) return;
  context.textAlign = "left";
  context.fillStyle = theme.accent;
  context.fillText("frozen", 4, y);
}
