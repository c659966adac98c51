// The right column: the length of the view, and each lane's statistics of it; a narrow stage has the length only.

import { VIEW_SPAN, isCurrent, statisticsOf } from "./request.js";
import { spanTexts } from "./axis.js";
import { cutText } from "./canvas.js";
import { statisticRows } from "./statistics.js";

const SIDE_ROW = 14.5;
const SIDE_FADED = 0.45;
const CORNER = 4;
const CORNER_DIGITS = 3;
const SIDE_DIGITS = 5;

/** Paint the right column; statistics of another view than the present one are pale until new ones are here. */
export function paintSide(state, context, { theme }) {
  const { side, overview } = state.layout;
  paintLength(state, context, side ?? { x: CORNER, width: overview.x - 2 * CORNER }, theme);
  if (!side) return;
  const found = statisticsOf(state, VIEW_SPAN);
  context.globalAlpha = isCurrent(found, ...state.view) ? 1 : SIDE_FADED;
  for (const box of state.layout.lanes) paintRows(context, side, box, found?.lanes?.[box.key], state.settings, theme);
  context.globalAlpha = 1;
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

function paintRows(context, side, box, numbers, settings, theme) {
  const rows = statisticRows(box.lane, numbers, settings);
  const room = Math.max(1, Math.floor((box.height + 3) / SIDE_ROW));
  rows.slice(0, room).forEach((row, i) => {
    const y = box.y + SIDE_ROW * (i + 0.5);
    context.fillStyle = theme.dim;
    context.textAlign = "left";
    context.fillText(row.label, side.x, y);
    context.fillStyle = row.name === "lost" && row.value > 0 ? lossColor(theme) : theme.text;
    context.textAlign = "right";
    context.fillText(row.text, side.x + side.width, y);
  });
}

function lossColor(theme) {
  return theme.dark ? "#ff8fa8" : "#b3204d";
}
