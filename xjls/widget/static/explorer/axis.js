// The time axis: ticks, what all of them share at the left, and the length of the view.

import { durationText } from "../core/times.js";
import { placeOf } from "./geometry.js";

const HEAD_LEFT = 8;
const HEAD_LINE = 13;
const TICK_SPACE = 4;

/** Paint the labels of the ticks above the lanes. */
export function paintTimeAxis(state, context, { theme, ticks }) {
  const { axis, side, width } = state.layout;
  context.font = `11px ${theme.font}`;
  context.textBaseline = "middle";
  paintAxisHead(context, axis, ticks.head, theme);
  context.fillStyle = theme.dim;
  context.textAlign = "center";
  ticks.at.forEach((time, i) => {
    const x = placeOf(state.layout, state.view, time);
    context.fillRect(Math.round(x), axis.y + axis.height - 3, 1, 4);
    const half = context.measureText(ticks.labels[i]).width / 2;
    if (x + half <= (side ? side.x + half : width)) context.fillText(ticks.labels[i], x, axis.y + axis.height / 2);
  });
}

/** The text of the length of the view, and of the recording. */
export function spanTexts(state, digits) {
  const [from, to] = state.facts.extent;
  return [`Δt ${durationText(state.view[1] - state.view[0], digits)}`, `of ${durationText(to - from, digits)}`];
}

// In the corner at the left, in lines: there it hides no tick.
function paintAxisHead(context, axis, head, theme) {
  if (!head) return;
  context.textAlign = "left";
  context.fillStyle = theme.text;
  const lines = wrappedText(head, (text) => context.measureText(text).width <= axis.x - HEAD_LEFT - TICK_SPACE);
  const last = axis.y + axis.height / 2;
  lines.forEach((line, i) => context.fillText(line, HEAD_LEFT, last - (lines.length - 1 - i) * HEAD_LINE));
}

/** The words of a text in as few lines as fit. */
export function wrappedText(text, fits) {
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && fits(longer)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
