// Notes on the recording: drawn where they stand, added by hand, kept when they are saved.

import { cutText } from "./canvas.js";
import { element, iconButton, openDialog } from "./dom.js";
import { placeOf } from "./geometry.js";
import { askOnce } from "./request.js";
import { laneOf, say } from "./state.js";

const WIDEST = 180;
const HIGH = 16;
const PIN = 6;
const NEAR = 10;
const LEAST_TEXT = 60;

/** Paint the notes that are in the view; a text has the room up to the next pin, and pins that touch are one. */
export function paintNotes(state, context, { theme }) {
  const { plot, flags } = state.layout;
  context.save();
  context.beginPath();
  context.rect(plot.x - PIN, flags.y, plot.width + 2 * PIN, plot.y + plot.height - flags.y);
  context.clip();
  context.font = `11px ${theme.font}`;
  context.textBaseline = "middle";
  state.noteBoxes = [];
  for (const row of noteRows(state)) paintNoteRow(state, context, row, theme);
  context.restore();
}

/** The note at a point of the stage, `{note, more}` with the number of others behind it, or null. */
export function noteBoxAt(state, x, y) {
  const inside = (box) => x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
  return (state.noteBoxes ?? []).find(inside) ?? null;
}

/** The note at a point of the stage, or null. */
export function noteAt(state, x, y) {
  return noteBoxAt(state, x, y)?.note ?? null;
}

/** What is said of notes that stand too close to be seen. */
export function moreText(more) {
  return `+${more} more here`;
}

/** Ask for the text of a new note at a time (and in a lane, or null) and add it. */
export function askForNote(state, x, lane = null) {
  const where = state.times.text(x, state.settings.time, state.zero());
  const label = "Text of the note";
  const field = element("input", { type: "text", maxLength: 1000, placeholder: "Text", "aria-label": label });
  const add = async (event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    close();
    await askOnce(state, { type: "note", x, lane, text: field.value.trim() });
  };
  const button = element("button", { type: "submit", className: "xjls-action" }, "Add");
  const line = element("div", { className: "xjls-row" }, field, button);
  const form = element("form", { onsubmit: add }, element("p", {}, where), line);
  const close = openDialog(state, lane ? `Note on ${laneOf(state, lane).name}` : "Note", form);
  field.focus();
}

/** Show one note in full; those that are not saved can be taken away. `more` are behind it. */
export function showNote(state, note, more = 0) {
  const lane = note.lane === null ? "" : ` · ${laneOf(state, note.lane)?.name ?? note.lane}`;
  const where = `${state.times.text(note.x, state.settings.time, state.zero())}${lane}`;
  const forget = iconButton("close", "Remove this note", () => {
    close();
    askOnce(state, { type: "forget", key: note.key });
  });
  const told = note.saved ? "In the recording." : "Not saved yet.";
  const saved = element("span", { className: "xjls-dim" }, told);
  const others = more ? element("span", { className: "xjls-dim" }, `${moreText(more)}: zoom in to read.`) : null;
  const foot = element("div", { className: "xjls-row" }, saved, note.saved ? null : forget, others);
  const text = element("p", { className: "xjls-note" }, note.text);
  const close = openDialog(state, "Note", text, element("p", {}, where), foot);
}

/** Write the notes that are not saved yet to where notes of this recording go. */
export async function saveNotes(state) {
  const answer = await askOnce(state, { type: "save" });
  if (answer) say(state, answer.content.text || "Notes are saved.");
}

/** Number of notes that are not saved. */
export function unsavedNotes(state) {
  return state.notes.filter((note) => !note.saved).length;
}

// Rows of notes side by side: `{note, place, room, more}` from left to right, `room` in pixels up to the next one.
function noteRows(state) {
  const [x0, x1] = state.view;
  const inView = state.notes.filter((note) => note.x >= x0 && note.x <= x1);
  const rows = new Map();
  for (const note of inView.sort((a, b) => a.x - b.x)) {
    const place = notePlace(state, note);
    const row = place && (rows.get(place.row) ?? []);
    if (!place) continue;
    const room = state.layout.plot.x + state.layout.plot.width - place.x;
    if (!joinsLast(row, place)) row.push({ note, place, room, more: 0 });
    rows.set(place.row, row);
  }
  return rows.values();
}

// Either the note is behind the last one of its row, or it ends that one's room.
function joinsLast(row, place) {
  const last = row.at(-1);
  if (!last) return false;
  const apart = place.x - last.place.x;
  if (apart < NEAR) last.more += 1;
  else last.room = apart;
  return apart < NEAR;
}

function paintNoteRow(state, context, row, theme) {
  for (const { note, place, room, more } of row) {
    const wanted = context.measureText(note.text).width + 9 + dotRoom(note);
    const width = Math.min(WIDEST, wanted, room - PIN);
    const shown = width >= Math.min(wanted, LEAST_TEXT) ? width : 0;
    paintNote(context, note, place, shown, theme);
    const box = { x: place.x - PIN, y: place.y - HIGH / 2, width: Math.max(2 * PIN, shown + PIN), height: HIGH };
    state.noteBoxes.push({ note, more, ...box });
  }
}

function dotRoom(note) {
  return note.saved ? 0 : 9;
}

// A note on the whole recording stands at the foot of the lanes; one on a lane at its value, or at the lane's foot.
function notePlace(state, note) {
  const { plot, lanes } = state.layout;
  const x = placeOf(state.layout, state.view, note.x);
  const bottom = plot.y + plot.height;
  if (note.lane === null) return { x, y: bottom - HIGH / 2 - 3, row: "all", top: plot.y, bottom };
  const box = lanes.find((lane) => lane.key === note.lane);
  if (!box) return null;
  const value = note.y === null || note.y === undefined ? NaN : (state.scales.get(note.lane)?.y(note.y) ?? NaN);
  const lowest = box.height - HIGH / 2 - 3;
  const y = box.y + (Number.isNaN(value) ? lowest : Math.min(lowest, Math.max(HIGH / 2 + 3, value)));
  return { x, y, row: box.key, top: box.y, bottom: box.y + box.height, across: box };
}

function paintNote(context, note, place, width, theme) {
  if (note.kind !== "text" || width) paintStem(context, note, place, theme);
  paintPin(context, place, theme);
  if (width) paintNoteText(context, note, place, width, theme);
}

// Of texts without room for a word only the pins are drawn: many lines would hide the signal.
function paintStem(context, note, place, theme) {
  context.strokeStyle = theme.dim;
  context.globalAlpha = note.kind === "text" ? 0.4 : 0.9;
  context.lineWidth = 1;
  context.setLineDash([2, 3]);
  context.beginPath();
  if (note.kind === "horizontal" && place.across) {
    context.moveTo(place.across.x, place.y);
    context.lineTo(place.across.x + place.across.width, place.y);
  } else {
    context.moveTo(Math.round(place.x) + 0.5, place.top);
    context.lineTo(Math.round(place.x) + 0.5, place.bottom);
  }
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function paintPin(context, { x, y }, theme) {
  context.fillStyle = theme.text;
  context.beginPath();
  context.moveTo(x - 4, y);
  context.lineTo(x, y - 4);
  context.lineTo(x + 4, y);
  context.lineTo(x, y + 4);
  context.fill();
}

function paintNoteText(context, note, { x, y }, width, theme) {
  context.globalAlpha = 0.88;
  context.fillStyle = theme.raised;
  context.fillRect(x + 5, y - HIGH / 2, width - 2, HIGH);
  context.globalAlpha = 1;
  context.fillStyle = theme.text;
  context.textAlign = "left";
  context.fillText(cutText(context, note.text, width - 8 - dotRoom(note)), x + 8, y);
  if (note.saved) return;
  context.fillStyle = theme.accent;
  context.beginPath();
  context.arc(x + width - 4, y, 3, 0, 2 * Math.PI);
  context.fill();
}
