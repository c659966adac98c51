// The right column: the length of the view, and each lane's statistics of it; a narrow stage has the length only.

import { VIEW_SPAN, isCurrent, statisticsOf } from "./request.js";
import { spanTexts } from "./axis.js";
import { cutText, panelBox } from "./canvas.js";
import { isLoss, lossColor, numberRows, paintRows, rowsCount, rowsWidth, shownRows } from "./rows.js";
import { allStatisticRows } from "./statistics.js";

const SIDE_ROW = 14.5;
const SIDE_FADED = 0.45;
const CORNER = 4;
const CORNER_DIGITS = 3;
const SIDE_DIGITS = 5;
const ALL_ROW = 14;
const ALL_PAD = 8;
const MORE_DOT = 1.3;

/** Paint the right column; statistics of another view than the present one are pale until new ones are here. */
export function paintSide(state, context, art) {
  const { side, overview } = state.layout;
  paintLength(state, context, side ?? { x: CORNER, width: overview.x - 2 * CORNER }, art.theme);
  state.sideCut = new Set();
  if (!side) return;
  const found = statisticsOf(state, VIEW_SPAN);
  context.globalAlpha = isCurrent(found, ...state.view) ? 1 : SIDE_FADED;
  for (const box of state.layout.lanes) paintLaneRows(state, context, side, box, found?.lanes?.[box.key], art);
  context.globalAlpha = 1;
}

/** Paint all numbers of a lane beside its few ones, where some of them had no room there. */
export function paintAllNumbers(state, context, box, art) {
  const numbers = statisticsOf(state, VIEW_SPAN)?.lanes?.[box.key];
  if (!numbers || !state.sideCut?.has(box.key)) return;
  const all = numberRows(state, box.lane, numbers, allStatisticRows);
  const shown = { ...all, head: all.places.length > 1 };
  context.font = `11px ${art.theme.font}`;
  const { plot } = state.layout;
  const [width, height] = [rowsWidth(context, shown), rowsCount(shown) * ALL_ROW];
  const x = plot.x + plot.width - width - 2 * ALL_PAD;
  const y = Math.max(2, Math.min(box.y, state.layout.height - height - 2 * ALL_PAD));
  panelBox(context, x, y, width + 2 * ALL_PAD, height + ALL_PAD, art.theme.raised, art.theme.frame);
  const place = { x: x + ALL_PAD, y: y + ALL_PAD / 2, width, height: ALL_ROW };
  paintRows(state, context, box.lane, shown, place, art);
}

function paintLength(state, context, { x, width }, theme) {
  const { y } = state.layout.overview;
  const [length, whole] = spanTexts(state, state.layout.side ? SIDE_DIGITS : CORNER_DIGITS);
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.font = `600 ${state.layout.side ? 12 : 11}px ${theme.font}`;
  context.fillStyle = theme.text;
  context.fillText(cutText(context, length, width), x, y + 12);
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.dim;
  if (context.measureText(whole).width <= width) context.fillText(whole, x, y + 28);
}

function paintLaneRows(state, context, side, box, numbers, art) {
  const all = numberRows(state, box.lane, numbers);
  const shown = shownRows(all, Math.max(1, Math.floor((box.height + 3) / SIDE_ROW)));
  context.font = `11px ${art.theme.font}`;
  const place = { x: side.x, y: box.y, width: side.width, height: SIDE_ROW };
  const isNarrow = paintRows(state, context, box.lane, shown, place, art);
  if (!shown.isCut && !isNarrow) return;
  state.sideCut.add(box.key);
  const hidesLoss = all.rows.some((row) => isLoss(row) && !shown.rows.includes(row));
  const y = box.y + SIDE_ROW * (rowsCount(shown) - 0.5);
  paintMoreDots(context, side, y, hidesLoss ? lossColor(art.theme) : art.theme.dim);
}

// Three dots above each other: there is more, and it is shown under the cursor.
function paintMoreDots(context, { x }, y, color) {
  context.fillStyle = color;
  for (const step of [-4, 0, 4]) {
    context.beginPath();
    context.arc(x - 5, y + step, MORE_DOT, 0, 2 * Math.PI);
    context.fill();
  }
}
