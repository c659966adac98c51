// What is under the cursor, and whether that is one sample or the average of many.

import { countText, withPrefix } from "../core/numbers.js";
import { panelBox } from "./canvas.js";
import { stripOf, valueAt } from "./data.js";
import { placeOf, timeAt, zoneAt } from "./geometry.js";
import { moreText, noteBoxAt } from "./notes.js";
import { shownTracks } from "./settings.js";
import { paintAllNumbers } from "./side.js";
import { valueText } from "./statistics.js";
import { trackHue } from "./theme.js";

const HOVER_ROW = 14;
const MOST_LETTERS = 70;
const EDGE_PIXELS = 2;
const NAMES = 26; // pixels at the left that upright names stand in, above the canvas
const MOVING = new Set(["pan", "pinch"]);

/** The place of a pointer's event on the stage. */
export function pointOf(stage, event) {
  const box = stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/** Remember where the cursor is. */
export function hoverAt(state, { x, y }) {
  if (!state.layout) return;
  const { zone, lane } = zoneAt(state.layout, x, y);
  state.hover = { x, y, zone, lane, inPlot: zone === "lane" || zone === "axis" || zone === "flags" };
}

/** Paint the cursor: a line through all lanes. */
export function paintCursor(state, context, { theme }) {
  if (!isPointing(state)) return;
  const { x } = state.hover;
  const { plot } = state.layout;
  context.strokeStyle = theme.dim;
  context.globalAlpha = 0.6;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(Math.round(x) + 0.5, plot.y);
  context.lineTo(Math.round(x) + 0.5, plot.y + plot.height);
  context.stroke();
  context.globalAlpha = 1;
}

/** Paint what is under the cursor: a dot on the value, and a box that says what it is; beside the lanes, all numbers. */
export function paintHover(state, context, art) {
  if (!state.hover?.lane || state.gesture) return;
  if (state.hover.zone === "side") paintAllNumbers(state, context, state.hover.lane, art);
  else if (isPointing(state)) paintReading(state, context, state.hover.lane, art);
}

function isPointing({ hover, gesture }) {
  return Boolean(hover?.inPlot) && !MOVING.has(gesture?.kind);
}

/** Lines of text on what is under the cursor in a lane. */
export function readingOf(state, lane, time) {
  const lines = shownTracks(state, lane).flatMap(({ track, place }) => {
    const found = valueAt(stripOf(state.tile, lane.key, place), time);
    const name = lane.tracks.length > 1 ? `${track.label || track.name}: ` : "";
    return found ? valueLines(lane, found, state.settings, name) : [`${name}${absentText(track, time)}`];
  });
  return [...lines, state.times.text(time, state.settings.time, state.zero())];
}

function shortened(text) {
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text;
}

// Where a track has samples but no tile does, one is on its way.
function absentText({ extent }, time) {
  return time >= extent[0] && time < extent[1] ? "…" : "no data";
}

function noteLines(state, { x, y }) {
  const found = noteBoxAt(state, x, y);
  if (!found) return [];
  return [shortened(found.note.text), ...(found.more ? [moreText(found.more)] : [])];
}

function valueLines(lane, found, settings, name) {
  if (found.missing) return [`${name}no data`];
  const text = (value) => valueText(lane, value, settings);
  if (found.isSample) return [`${name}${text(found.mean)} · sample`];
  if (lane.shape === "logic") return [`${name}${(found.mean * 100).toFixed(1)} % of ${countText(found.n)} samples`];
  const spread = found.std === null ? "" : `   σ ${withPrefix(found.std, lane.units, settings.digits)}`;
  return [
    `${name}${text(found.mean)} · avg of ${countText(found.n)} samples`,
    `${text(found.min)} … ${text(found.max)}${spread}`,
  ];
}

function paintReading(state, context, box, art) {
  const time = timeAt(state.layout, state.view, state.hover.x);
  const tracks = shownTracks(state, box.lane);
  for (const { place } of tracks) paintDot(state, context, box, place, time, art);
  const lines = [...noteLines(state, state.hover), ...readingOf(state, box.lane, time)];
  context.font = `11px ${art.theme.font}`;
  const width = Math.max(...lines.map((line) => context.measureText(line).width)) + 14;
  const height = lines.length * HOVER_ROW + 8;
  const [x, y] = besideCursor(state, width, height);
  context.globalAlpha = 0.95;
  panelBox(context, x, y, width, height, art.theme.raised, art.theme.frame);
  context.globalAlpha = 1;
  context.textAlign = "left";
  context.textBaseline = "middle";
  lines.forEach((line, i) => {
    context.fillStyle = i === lines.length - 1 ? art.theme.dim : art.theme.text;
    context.fillText(line, x + 7, y + 4 + HOVER_ROW * (i + 0.5));
  });
}

function paintDot(state, context, box, place, time, { theme, hues }) {
  const found = valueAt(stripOf(state.tile, box.key, place), time);
  const scale = state.scales.get(box.key);
  if (!found || found.missing || !scale) return;
  const x = found.isSample ? placeOf(state.layout, state.view, found.at) : state.hover.x;
  const y = scale.y(found.mean);
  if (y < 0 || y > box.height) return;
  context.beginPath();
  context.arc(x, box.y + y, 3.5, 0, 2 * Math.PI);
  context.fillStyle = trackHue(hues, theme, box.lane, place);
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = theme.background;
  context.stroke();
}

function besideCursor(state, width, height) {
  const { plot } = state.layout;
  const { x, y } = state.hover;
  const [before, behind] = [x - 14 - width, x + 14];
  const taken = state.marksBoxes ?? [];
  const first = behind + width <= plot.x + plot.width ? [behind, before] : [before, behind];
  const besides = taken.flatMap((box) => [box.x - EDGE_PIXELS - width, box.x + box.width + EDGE_PIXELS]);
  const tops = [y + 12, y - 12 - height];
  const places = [...first, ...besides].flatMap((left) => tops.map((top) => insideOf(plot, left, top, width, height)));
  return places.find(([left, top]) => isFree(taken, left, top, width, height)) ?? places[0];
}

// At the left the numbers of the axis may be covered: a narrow plot has no other room.
function insideOf(plot, left, top, width, height) {
  const inside = (at, from, to) => Math.max(from, Math.min(at, to));
  return [
    inside(left, NAMES, plot.x + plot.width - width),
    inside(top, plot.y, plot.y + plot.height - height),
  ];
}

/** Whether a box touches none of those that are taken. */
export function isFree(taken, x, y, width, height) {
  const isBeside = (box) => x >= box.x + box.width || box.x >= x + width;
  return taken.every((box) => isBeside(box) || y >= box.y + box.height || box.y >= y + height);
}
