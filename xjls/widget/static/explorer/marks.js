// Markers on the stage: lines, the shaded span, flags with Δt and 1/Δt, and a box of statistics in each lane.

import { durationText, frequencyText } from "../core/times.js";
import { cutText, panelBox } from "./canvas.js";
import { placeOf } from "./geometry.js";
import { markerName, selectedMarker } from "./markers.js";
import { isCurrent, statisticsOf } from "./request.js";
import { isLoss, numberRows, paintRows, rowsCount, rowsWidth, shownRows } from "./rows.js";
import { faded } from "./theme.js";

const BOX_ROW = 13.5;
const BOX_PAD = 6;
const BOX_FADED = 0.5;

/** Paint all markers; the selected one last, with its statistics. */
export function paintMarkers(state, context, art) {
  state.marksBoxes = []; // what the cursor's box keeps off
  const selected = selectedMarker(state);
  const others = state.markers.filter((marker) => marker !== selected);
  for (const marker of others) paintMarker(state, context, marker, art, false);
  if (selected) paintMarker(state, context, selected, art, true);
}

/** What a marker's flag says: name, and of two ends Δt and 1/Δt; the longest text that fits comes first. */
export function flagTexts(state, marker) {
  const name = markerName(state, marker);
  if (marker.x1 === null) return [name];
  const span = marker.x1 - marker.x0;
  const [length, rate] = [`Δ ${durationText(span)}`, frequencyText(span)];
  return [`${name}   ${length}   ${rate}`, `${length}   ${rate}`, `${name}   ${length}`, length, name];
}

function paintMarker(state, context, marker, art, isSelected) {
  const { theme } = art;
  const { plot } = state.layout;
  const color = theme.markers[(marker.color ?? 0) % theme.markers.length];
  const from = placeOf(state.layout, state.view, marker.x0);
  const to = marker.x1 === null ? from : placeOf(state.layout, state.view, marker.x1);
  if (to < plot.x - 1 || from > plot.x + plot.width + 1) return;
  context.save();
  clipToPlot(context, state.layout);
  if (to > from) shadeSpan(context, plot, from, to, faded(color, isSelected ? 0.13 : 0.07));
  context.strokeStyle = color;
  context.lineWidth = isSelected ? 2 : 1.25;
  for (const x of to > from ? [from, to] : [from]) strokeMarker(context, state.layout, x);
  paintFlag(state, context, marker, from, to, color, theme);
  context.restore();
  if (isSelected) paintBoxes(state, context, marker, { from, to, color }, art);
}

function clipToPlot(context, { plot, flags }) {
  context.beginPath();
  context.rect(plot.x - 1, flags.y, plot.width + 2, plot.y + plot.height - flags.y);
  context.clip();
}

function shadeSpan(context, plot, from, to, fill) {
  context.fillStyle = fill;
  context.fillRect(from, plot.y, to - from, plot.height);
}

function strokeMarker(context, { plot, flags }, x) {
  context.beginPath();
  context.moveTo(x, flags.y + flags.height - 1);
  context.lineTo(x, plot.y + plot.height);
  context.stroke();
}

function paintFlag(state, context, marker, from, to, color, theme) {
  const { flags, plot } = state.layout;
  const [left, right] = [Math.max(from, plot.x), Math.min(to, plot.x + plot.width)];
  context.font = `600 11px ${theme.font}`;
  const isSpan = marker.x1 !== null && right > left;
  const texts = flagTexts(state, marker);
  const fits = (text) => context.measureText(text).width + 10 <= right - left;
  const text = isSpan ? (texts.find(fits) ?? "") : cutText(context, texts[0], 120);
  const width = isSpan ? right - left : context.measureText(text).width + 10;
  context.fillStyle = color;
  context.beginPath();
  const corners = [3, 3, isSpan ? 0 : 3, 0];
  context.roundRect(isSpan ? left : from - 1, flags.y + 1, Math.max(2, width), flags.height - 2, corners);
  context.fill();
  context.fillStyle = theme.dark ? "#101316" : "#ffffff";
  context.textBaseline = "middle";
  context.textAlign = isSpan ? "center" : "left";
  context.fillText(text, isSpan ? (left + right) / 2 : from + 4, flags.y + flags.height / 2 + 0.5);
}

function paintBoxes(state, context, marker, span, art) {
  const found = statisticsOf(state, marker.key);
  if (!found) return;
  context.font = `11px ${art.theme.font}`;
  context.globalAlpha = isCurrent(found, marker.x0, marker.x1) ? 1 : BOX_FADED;
  for (const box of state.layout.lanes) paintLaneBox(state, context, box, found.lanes[box.key], span, art);
  context.globalAlpha = 1;
}

function paintLaneBox(state, context, box, numbers, span, art) {
  const all = numberRows(state, box.lane, numbers);
  const room = Math.floor((box.height - 10) / BOX_ROW);
  if (!all.rows.length) return;
  if (room < Math.min(3, all.rows.length)) return paintShort(state, context, box, all, span, art);
  const shown = shownRows(all, room);
  const width = rowsWidth(context, shown);
  const place = placeBox(state, span, { width, y: box.y + 3, height: rowsCount(shown) * BOX_ROW + BOX_PAD });
  panelBox(context, place.x, place.y, place.width, place.height, art.theme.raised, span.color);
  const inner = { x: place.x + BOX_PAD, y: box.y + 6, width, height: BOX_ROW };
  paintRows(state, context, box.lane, shown, inner, art);
}

// A low lane has room for one line only.
function paintShort(state, context, box, all, span, { theme }) {
  const text = shortText(all);
  const place = placeBox(state, span, { width: context.measureText(text).width, y: box.y + box.height / 2 - 9, height: 17 });
  panelBox(context, place.x, place.y, place.width, place.height, theme.raised, span.color);
  context.fillStyle = theme.text;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, place.x + BOX_PAD, box.y + box.height / 2);
}

/** Numbers in one line: the first of them, and what is lost. */
export function shortText({ rows }) {
  return rows.filter((row, i) => i === 0 || isLoss(row)).map((row) => `${row.label} ${row.cells.map(({ text }) => text).join(" | ")}`).join("   ");
}

function placeBox(state, { from, to }, { width, y, height }) {
  const wide = width + 2 * BOX_PAD;
  const place = { x: besideSpan(state.layout.plot, from, to, wide), y, width: wide, height };
  state.marksBoxes.push(place);
  return place;
}

// Beside the span, so that what was measured stays in sight; inside only where neither side has room.
function besideSpan(plot, from, to, width) {
  if (to + 6 + width <= plot.x + plot.width) return Math.max(plot.x + 4, to + 6);
  if (from - 6 - width >= plot.x) return Math.min(plot.x + plot.width - width - 4, from - 6 - width);
  return Math.max(plot.x + 4, Math.min(plot.x + plot.width, to) - width - 6);
}
