// The lanes' pictures: grid, gaps, columns and samples, and the numbers on their y axes.

import { blitBand, blitLogic, blitSteps } from "../core/raster.js";
import { crispLine, cutText } from "./canvas.js";
import { drawsSamples, laneRange, laneScale, tracesOf } from "./data.js";
import { paintGaps } from "./gaps.js";
import { UPRIGHT_FROM, placeOf } from "./geometry.js";
import { paintSamples } from "./samples.js";
import { blitColors, trackHue } from "./theme.js";

const TICK_ROOM = { analog: 23, steps: 15 };
const LINE = 1.35; // CSS pixels

/** Paint one lane; `art` holds what all lanes of a paint share: theme, hues, patterns, ticks, scratch. */
export function paintLane(state, context, box, art) {
  const traces = tracesOf(state, box.lane, Math.round(box.width * state.ratio));
  const range = laneRange(state, box.lane, traces);
  const scale = laneScale(state, box.lane, range, box.height);
  state.scales.set(box.key, scale);
  const ticks = valueTicks(box, scale);
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  paintGrid(state, context, box, ticks, art);
  paintGaps(state, context, box, traces[0]?.strip?.spans ?? [], art.patterns);
  for (const trace of [...traces].reverse()) paintTrace(state, context, box, trace, range, art);
  if (box.lane.tracks.length > 1 && box.height >= UPRIGHT_FROM) paintLegend(context, box, traces, art);
  context.restore();
  context.strokeStyle = art.theme.frame;
  context.lineWidth = 1;
  context.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  paintTickLabels(context, box, ticks, scale, art.theme);
}

function valueTicks({ lane, height }, scale) {
  if (lane.shape === "logic" || height < UPRIGHT_FROM) return [];
  return scale.ticks(Math.max(2, Math.floor(height / TICK_ROOM[lane.shape])));
}

/** Write the columns of a fold into the scratch: by the shape of the lane. */
export function blitTrace(scratch, shape, fold, scale, colors, { band, std, thick }) {
  const { pixels, width, height } = scratch;
  if (shape === "logic") blitLogic(pixels, width, height, fold, scale, colors, { thick });
  else if (shape === "steps") blitSteps(pixels, width, height, fold, scale, colors, { thick });
  else blitBand(pixels, width, height, fold, scale, colors, { band, std, thick });
}

/** Height of the line of means in device pixels. */
export function lineThickness(state) {
  return Math.max(1, Math.round(LINE * state.ratio));
}

function paintTrace(state, context, box, trace, range, art) {
  const hue = trackHue(art.hues, art.theme, box.lane, trace.place);
  if (box.lane.shape === "analog" && drawsSamples(state, trace.strip)) {
    paintSamples(state, context, box, trace, hue);
    return;
  }
  if (!trace.fold) return;
  const [width, height] = [trace.fold.low.length, Math.round(box.height * state.ratio)];
  art.scratch.clear(width, height);
  const scale = laneScale(state, box.lane, range, height);
  const drawn = { band: state.settings.band, std: state.settings.std, thick: lineThickness(state) };
  blitTrace(art.scratch, box.lane.shape, trace.fold, scale, blitColors(hue, art.theme), drawn);
  art.scratch.show(context, Math.round(box.x * state.ratio), Math.round(box.y * state.ratio));
}

function paintGrid(state, context, box, ticks, { theme, ticks: times }) {
  context.strokeStyle = theme.grid;
  context.lineWidth = 1;
  for (const time of times.at) {
    const x = placeOf(state.layout, state.view, time);
    crispLine(context, x, box.y, x, box.y + box.height);
  }
  for (const tick of ticks) crispLine(context, box.x, box.y + tick.y, box.x + box.width, box.y + tick.y);
}

function paintTickLabels(context, box, ticks, scale, theme) {
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.dim;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks) {
    const y = Math.min(box.height - 6, Math.max(6, tick.y));
    if (Math.abs(y - tick.y) < 6) context.fillText(withUnit(tick.label, scale.unit), box.x - 6, box.y + y);
  }
}

function withUnit(label, unit) {
  return unit ? `${label}\u202f${unit}` : label;
}

function paintLegend(context, box, traces, { theme, hues }) {
  context.font = `11px ${theme.font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  traces.forEach(({ place }, row) => {
    const track = box.lane.tracks[place];
    const y = box.y + 11 + row * 15;
    const label = cutText(context, track.label || track.name, box.width / 3);
    context.fillStyle = theme.background;
    context.globalAlpha = 0.75;
    context.fillRect(box.x + 5, y - 7, context.measureText(label).width + 22, 14);
    context.globalAlpha = 1;
    context.fillStyle = trackHue(hues, theme, box.lane, place);
    context.fillRect(box.x + 9, y - 2, 10, 4);
    context.fillStyle = theme.text;
    context.fillText(label, box.x + 23, y);
  });
}
