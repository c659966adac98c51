// Marks that were put while it streams: lines through all lanes, their texts above them.

import { cutText } from "../explorer/canvas.js";

const LIVE_MARKS = 200;
const LIVE_MARK_HIGH = 15;
const LIVE_MARK_HUE = 2; // unlike those of current, voltage and power
const LIVE_MARK_WIDE = 160;
const LIVE_MARK_PAD = 4;
const LIVE_MARK_LEAST = 18;

/** Keep marks as they are pushed: `{take(push), all()}`; those left of the window are forgotten. */
export function makeLiveMarks() {
  let marks = [];
  return {
    take({ reset, marks: told = [], newest, window: span }) {
      const kept = reset ? [] : marks.filter(({ x }) => x >= newest - span);
      const known = new Set(kept.map(({ key }) => key));
      marks = [...kept, ...told.filter(({ key }) => !known.has(key))].slice(-LIVE_MARKS);
    },
    all: () => marks,
  };
}

/** The marks of a view from left to right `[{text, at, room}]`: places in pixels, and how many up to the next one. */
export function placedMarks(marks, view, { x, width }) {
  const shown = marks.filter((mark) => mark.x >= view[0] && mark.x <= view[1]).sort((a, b) => a.x - b.x);
  const places = shown.map((mark) => x + ((mark.x - view[0]) / (view[1] - view[0])) * width);
  return shown.map(({ text }, i) => ({ text, at: places[i], room: (places[i + 1] ?? Infinity) - places[i] }));
}

/** Paint the marks of a scene over and above its lanes; a text that has no room at its right stands at its left, if there is some. */
export function paintLiveMarks({ theme, view, marks }, context, plot) {
  const placed = placedMarks(marks, view, plot);
  context.font = `600 11px ${theme.font}`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  let free = plot.x;
  for (const { text, at, room } of placed) {
    paintMarkLine(context, plot, at, theme);
    const place = text ? markTextPlace(context, plot, { text, at, room, free }) : null;
    if (place) paintMarkText(context, plot, place, theme);
    free = Math.max(at, place ? place.left + place.width : at);
  }
}

/** Where a mark's text stands: `{text, left, width}`, at the side that has more room; null where neither has any. */
export function markTextPlace(context, plot, { text, at, room, free }) {
  const right = Math.min(room, plot.x + plot.width - at) - 1;
  const left = at - free - 1;
  const wanted = Math.min(LIVE_MARK_WIDE, context.measureText(text).width + 2 * LIVE_MARK_PAD);
  const goesLeft = right < wanted && left > right;
  const most = Math.min(wanted, goesLeft ? left : right);
  if (most < LIVE_MARK_LEAST) return null;
  const shown = cutText(context, text, most - 2 * LIVE_MARK_PAD);
  const width = context.measureText(shown).width + 2 * LIVE_MARK_PAD;
  return shown ? { text: shown, left: goesLeft ? at - width : at, width } : null;
}

function paintMarkLine(context, plot, at, theme) {
  context.strokeStyle = theme.markers[LIVE_MARK_HUE];
  context.lineWidth = 1.25;
  context.beginPath();
  context.moveTo(at, plot.y - LIVE_MARK_HIGH);
  context.lineTo(at, plot.y + plot.height);
  context.stroke();
}

function paintMarkText(context, plot, { text, left, width }, theme) {
  const top = plot.y - LIVE_MARK_HIGH - 1;
  context.fillStyle = theme.markers[LIVE_MARK_HUE];
  context.fillRect(left, top, width, LIVE_MARK_HIGH);
  context.fillStyle = theme.dark ? "#101316" : "#ffffff";
  context.fillText(text, left + LIVE_MARK_PAD, top + LIVE_MARK_HIGH / 2 + 0.5);
}
