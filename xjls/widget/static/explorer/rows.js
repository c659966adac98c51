// Numbers in rows, a column for each track: beside a lane, at a marker, under the cursor; what has no room is told.

import { cutText } from "./canvas.js";
import { shownTracks } from "./settings.js";
import { statisticRows } from "./statistics.js";
import { trackHue } from "./theme.js";

const IMPORTANT = ["value", "mean", "std", "lost", "integral", "min", "max", "rms", "pp", "n"];
const BETWEEN = 9;
const HEAD_FROM = 4; // rows: fewer are needed for numbers

/** Rows `{places, rows: [{name, label, cells: [{text, value}]}]}` of a lane's numbers: a cell for each track shown. */
export function numberRows(state, lane, numbers, rowsOf = statisticRows) {
  if (!numbers) return { places: [], rows: [] };
  const all = [numbers, ...(numbers.others ?? [])];
  const shown = shownTracks(state, lane).map(({ place }) => place).filter((place) => all[place]);
  const places = all.length > 1 ? shown : [0];
  const lists = places.map((place) => rowsOf(lane, all[place], state.settings));
  const cellOf = (list, name) => list.find((row) => row.name === name) ?? { text: "–", value: null };
  const rows = (lists[0] ?? []).map(({ name, label }) => ({ name, label, cells: lists.map((list) => cellOf(list, name)) }));
  return { places, rows };
}

/** As many rows as there is room for, the most important ones, in their order. */
export function fittingRows(rows, room) {
  if (rows.length <= room) return rows;
  const ranked = [...rows].sort((a, b) => rankOf(a) - rankOf(b));
  const kept = new Set(ranked.slice(0, Math.max(1, room)));
  return rows.filter((row) => kept.has(row));
}

// What is lost comes before all but the first number.
function rankOf(row) {
  return isLoss(row) ? IMPORTANT.indexOf("mean") + 0.5 : IMPORTANT.indexOf(row.name);
}

/** Whether a row tells of samples that are lost. */
export function isLoss({ name, cells }) {
  return name === "lost" && cells.some(({ value }) => value > 0);
}

/** How many columns of these widths stand beside each other in a room, at least one. */
export function fittingColumns(widths, room) {
  let [count, used] = [0, 0];
  while (count < widths.length && used + widths[count] + BETWEEN <= room) used += widths[count++] + BETWEEN;
  return Math.max(1, count);
}

/** What of numbers is shown in a room of rows: `{places, rows, head, isCut}`; of several tracks the head has names. */
export function shownRows({ places, rows }, room) {
  const head = places.length > 1 && room >= HEAD_FROM;
  const shown = fittingRows(rows, room - (head ? 1 : 0));
  return { places, rows: shown, head, isCut: shown.length < rows.length };
}

/** Width in pixels that rows need, for the font that is set. */
export function rowsWidth(context, { rows, places }) {
  const widths = columnWidths(context, rows, places);
  return labelWidth(context, rows) + widths.reduce((sum, width) => sum + width + BETWEEN, 0);
}

/** Height in rows. */
export function rowsCount({ rows, head }) {
  return rows.length + (head ? 1 : 0);
}

/** Paint rows into `{x, y, width}`, each `height` pixels high; returns whether some columns had no room. */
export function paintRows(state, context, lane, shown, { x, y, width, height }, { theme, hues }) {
  const { rows, places, head } = shown;
  const widths = columnWidths(context, rows, places);
  const count = fittingColumns(widths, width - labelWidth(context, rows));
  context.textBaseline = "middle";
  let right = x + width;
  for (let column = count - 1; column >= 0; column -= 1) {
    const place = { right, y: y + height / 2, height, width: widths[column] };
    if (head) paintHead(context, lane.tracks[places[column]], place, trackHue(hues, theme, lane, places[column]));
    paintCells(context, rows, column, head ? { ...place, y: place.y + height } : place, theme);
    right -= widths[column] + BETWEEN;
  }
  context.textAlign = "left";
  context.fillStyle = theme.dim;
  rows.forEach((row, i) => context.fillText(row.label, x, y + height * (i + (head ? 1.5 : 0.5))));
  return count < widths.length;
}

function paintHead(context, track, { right, y, width }, hue) {
  context.textAlign = "right";
  context.fillStyle = hue;
  context.fillText(cutText(context, track.label || track.name, width), right, y);
}

function paintCells(context, rows, column, { right, y, height }, theme) {
  context.textAlign = "right";
  rows.forEach((row, i) => {
    const { text, value } = row.cells[column];
    context.fillStyle = row.name === "lost" && value > 0 ? lossColor(theme) : theme.text;
    context.fillText(text, right, y + height * i);
  });
}

/** The colour of what is lost. */
export function lossColor(theme) {
  return theme.dark ? "#ff8fa8" : "#b3204d";
}

function columnWidths(context, rows, places) {
  return places.map((_, i) => Math.max(0, ...rows.map((row) => context.measureText(row.cells[i].text).width)));
}

function labelWidth(context, rows) {
  return Math.max(0, ...rows.map((row) => context.measureText(row.label).width));
}
