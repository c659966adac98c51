// One paint of the stage: the data below, and above them what changes without the data: markers, notes, the cursor.

import { fitCanvas, makeScratch } from "./canvas.js";
import { paintTimeAxis } from "./axis.js";
import { gapPatterns } from "./gaps.js";
import { paintCursor, paintHover } from "./hover.js";
import { paintLane } from "./lanes.js";
import { paintMarkers } from "./marks.js";
import { paintNotes } from "./notes.js";
import { paintOverview } from "./overview.js";
import { paintSide } from "./side.js";
import { laneHues } from "./theme.js";

const TICK_WIDTH = 96;

/** What paints the two canvases of a stage: `paint(state, "all" | "overlay")`. */
export function makePainter(base, overlay) {
  const scratch = makeScratch();
  let kept = { theme: null, patterns: null };
  return (state, what) => {
    if (state.width < 1) return;
    if (kept.theme !== state.theme) {
      kept = { theme: state.theme, patterns: gapPatterns(base.getContext("2d"), state.theme) };
    }
    const hues = laneHues(state.facts.lanes, state.theme);
    const art = { ...kept, hues, scratch, ticks: ticksOf(state) };
    if (what === "all") paintBase(state, base, art);
    paintOverlay(state, overlay, art);
  };
}

function ticksOf(state) {
  const { time } = state.settings;
  const most = Math.max(2, Math.floor(state.layout.plot.width / TICK_WIDTH));
  return state.times.ticks(state.view[0], state.view[1], most, time, state.zero());
}

function paintBase(state, canvas, art) {
  const { width, height } = state.layout;
  const context = fitCanvas(canvas, width, height, state.ratio);
  context.fillStyle = art.theme.background;
  context.fillRect(0, 0, width, height);
  paintOverview(state, context, art);
  paintTimeAxis(state, context, art);
  for (const box of state.layout.lanes) paintLane(state, context, box, art);
  paintSide(state, context, art);
}

function paintOverlay(state, canvas, art) {
  const context = fitCanvas(canvas, state.layout.width, state.layout.height, state.ratio);
  paintCursor(state, context, art); // below all that is to be read
  paintNotes(state, context, art);
  paintMarkers(state, context, art);
  if (state.gesture?.box) paintBox(state, context, state.gesture.box);
  paintHover(state, context, art);
}

function paintBox(state, context, box) {
  context.fillStyle = state.theme.shade;
  context.fillRect(box.x, box.y, box.width, box.height);
  context.strokeStyle = state.theme.accent;
  context.setLineDash([4, 3]);
  context.lineWidth = 1;
  context.strokeRect(box.x + 0.5, box.y + 0.5, box.width, box.height);
  context.setLineDash([]);
}
