// Samples far enough from each other to be seen: joined by lines, and dots on them where there is room.

import { columnWidth } from "./data.js";
import { placeOf } from "./geometry.js";

const DOTS_FROM = 8;
const DOT = 2.3;

/** Draw the samples of a trace in the box of its lane. */
export function paintSamples(state, context, box, { strip, shift }, hue) {
  const scale = state.scales.get(box.key);
  const toPlace = (i) => placeOf(state.layout, state.view, strip.edge(i) + shift);
  const toHeight = (i) => box.y + scale.y(strip.mean[i] + strip.y0);
  const [first, last] = samplesInView(strip, state.view[0] - shift, state.view[1] - shift);
  context.strokeStyle = hue;
  context.lineWidth = 1.4;
  context.lineJoin = "round";
  context.beginPath();
  let pen = false;
  for (let i = first; i <= last; i += 1) {
    const there = !Number.isNaN(strip.mean[i]);
    if (there && pen) context.lineTo(toPlace(i), toHeight(i));
    else if (there) context.moveTo(toPlace(i), toHeight(i));
    pen = there;
  }
  context.stroke();
  const dots = columnWidth(state, strip) >= DOTS_FROM;
  paintDots(context, strip, first, last, dots, toPlace, toHeight, hue);
}

/** The samples `[first, last]` whose lines touch a span of time. */
export function samplesInView(strip, x0, x1) {
  let [low, high] = [0, strip.n];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (strip.edge(middle) < x0) low = middle + 1;
    else high = middle;
  }
  const first = Math.max(0, low - 1);
  let last = low;
  while (last < strip.n - 1 && strip.edge(last) < x1) last += 1;
  return [first, Math.min(last, strip.n - 1)];
}

// A sample alone between gaps has no line: it gets a dot in any case.
function paintDots(context, strip, first, last, all, toPlace, toHeight, hue) {
  const there = (i) => i >= 0 && i < strip.n && !Number.isNaN(strip.mean[i]);
  context.fillStyle = hue;
  context.beginPath();
  for (let i = first; i <= last; i += 1) {
    if (!there(i) || !(all || (!there(i - 1) && !there(i + 1)))) continue;
    context.moveTo(toPlace(i) + DOT, toHeight(i));
    context.arc(toPlace(i), toHeight(i), DOT, 0, 2 * Math.PI);
  }
  context.fill();
}
