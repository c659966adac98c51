// The strip over the lanes: the whole recording, what is missing in it, and the view as a rectangle in it.

import { foldStrip } from "../core/fold.js";
import { autoRange, makeScale } from "../core/scale.js";
import { fitInto } from "../core/view.js";
import { seenRange, stripOf } from "./data.js";
import { mergedSpans, paintSpans } from "./gaps.js";
import { viewInOverview } from "./geometry.js";
import { blitTrace, lineThickness } from "./lanes.js";
import { showView } from "./navigate.js";
import { limitsOf } from "./state.js";
import { blitColors } from "./theme.js";

/** Paint the overview: its first lane that is shown, and the gaps of all. */
export function paintOverview(state, context, art) {
  const box = state.layout.overview;
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  const lane = overviewLane(state);
  const strip = lane && stripOf(state.overview, lane.key, 0);
  if (strip) paintWhole(state, context, box, lane, strip, art);
  paintSpans(context, box, wholeSpans(state, box), art.patterns);
  context.restore();
  context.strokeStyle = art.theme.frame;
  context.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  paintViewRectangle(state, context, box, art.theme);
}

/** What a press in the overview begins: "left", "right" (an edge of the view) or "move". */
export function overviewGrip(state, x) {
  const shown = viewInOverview(state.layout, state.facts.extent, state.view);
  if (shown.width > 3 * state.reach || Math.abs(x - (shown.x + shown.width / 2)) > shown.width / 2) {
    if (Math.abs(x - shown.x) <= state.reach) return "left";
    if (Math.abs(x - shown.x - shown.width) <= state.reach) return "right";
  }
  return "move";
}

/** Whether a place in the overview is in the view's rectangle. */
export function isInViewRectangle(state, x) {
  const shown = viewInOverview(state.layout, state.facts.extent, state.view);
  return x >= shown.x - 1 && x <= shown.x + shown.width + 1;
}

/** The time at a place of the overview. */
export function overviewTime(state, x) {
  const { overview } = state.layout;
  const [from, to] = state.facts.extent;
  return from + ((x - overview.x) / overview.width) * (to - from);
}

/** Move the view (as it was at the press) or one of its edges by a drag in the overview. */
export function dragOverview(state, grip, before, from, to) {
  const moved = overviewTime(state, to) - overviewTime(state, from);
  const [x0, x1] = [before[0] + (grip === "right" ? 0 : moved), before[1] + (grip === "left" ? 0 : moved)];
  const view = x0 < x1 ? [x0, x1] : [x1, x0];
  showView(state, fitInto(view, limitsOf(state)), { remember: false });
}

/** Bring the middle of the view to a place of the overview. */
export function centreAt(state, x) {
  const half = (state.view[1] - state.view[0]) / 2;
  const middle = overviewTime(state, x);
  showView(state, [middle - half, middle + half]);
}

function overviewLane(state) {
  const lanes = state.layout.lanes.map((box) => box.lane);
  return lanes.find((lane) => lane.shape === "analog") ?? lanes[0] ?? state.facts.lanes[0] ?? null;
}

function paintWhole(state, context, box, lane, strip, art) {
  const [width, height] = [box.width, box.height].map((size) => Math.round(size * state.ratio));
  const fold = foldStrip(strip, ...state.facts.extent, width);
  const [low, high] = seenRange([{ fold }]);
  if (!(high >= low)) return;
  const [bottom, top] = lane.shape === "logic" ? [-0.2, 1.2] : autoRange(null, low, high, {});
  const scale = makeScale({ low: bottom, high: top, pixels: height });
  const drawn = { band: true, std: false, thick: lineThickness(state) };
  art.scratch.clear(width, height);
  blitTrace(art.scratch, lane.shape, fold, scale, blitColors(art.hues.get(lane.key), art.theme), drawn);
  art.scratch.show(context, Math.round(box.x * state.ratio), Math.round(box.y * state.ratio));
}

function wholeSpans(state, box) {
  const [from, to] = state.facts.extent;
  const toPlace = (time) => box.x + ((time - from) / (to - from)) * box.width;
  const shown = new Set(state.layout.lanes.map((lane) => lane.key));
  const strips = (state.overview?.strips ?? []).filter((strip) => shown.has(strip.lane) && !strip.track);
  return strips.flatMap((strip) => mergedSpans(strip.spans, state.facts.extent, toPlace));
}

function paintViewRectangle(state, context, box, theme) {
  const shown = viewInOverview(state.layout, state.facts.extent, state.view);
  context.fillStyle = theme.shade;
  context.fillRect(box.x, box.y, shown.x - box.x, box.height);
  context.fillRect(shown.x + shown.width, box.y, box.x + box.width - shown.x - shown.width, box.height);
  context.strokeStyle = theme.accent;
  context.lineWidth = 1.5;
  context.strokeRect(shown.x + 0.75, box.y + 0.75, Math.max(2, shown.width - 1.5), box.height - 1.5);
  context.fillStyle = theme.accent;
  if (shown.width < 14) return;
  for (const edge of [shown.x, shown.x + shown.width]) {
    context.beginPath();
    context.roundRect(edge - 2, box.y + box.height / 2 - 8, 4, 16, 2);
    context.fill();
  }
}
