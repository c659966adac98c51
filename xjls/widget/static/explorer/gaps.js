// Where samples are missing: hatched, and never narrower than a pixel.

import { hatchOf } from "./canvas.js";
import { placeOf } from "./geometry.js";

/** The fills of the three kinds of spans, for one theme. */
export function gapPatterns(context, theme) {
  return {
    gap: hatchOf(context, theme.gap, theme.gapBack),
    part: hatchOf(context, theme.part, "rgba(0, 0, 0, 0)"),
    damage: hatchOf(context, theme.damage, theme.damageBack, -1),
    edges: { gap: theme.gap, part: theme.part, damage: theme.damage },
  };
}

/** Hatch the spans `[[x0, x1, kind]]` of a strip in a box of the stage that shows the view. */
export function paintGaps(state, context, box, spans, patterns) {
  const toPlace = (time) => placeOf(state.layout, state.view, time);
  paintSpans(context, box, mergedSpans(spans, state.view, toPlace), patterns);
}

/** Hatch places `[[from, to, kind]]` in pixels. */
export function paintSpans(context, box, places, patterns) {
  for (const [from, to, kind] of places) {
    const left = Math.max(box.x, Math.floor(from));
    const width = Math.max(1, Math.min(box.x + box.width, Math.ceil(to)) - left);
    context.fillStyle = width < 3 ? patterns.edges[kind] : patterns[kind];
    context.fillRect(left, box.y, width, box.height);
  }
}

/** Spans as places `[[from, to, kind]]`; those that would share a pixel are one, of the worst kind. */
export function mergedSpans(spans, view, toPlace) {
  const places = [];
  for (const [x0, x1, kind] of spans) {
    if (x1 <= view[0] || x0 >= view[1]) continue;
    const [from, to] = [toPlace(Math.max(x0, view[0])), toPlace(Math.min(x1, view[1]))];
    const last = places.at(-1);
    if (last && sharePixel(last, from, to, kind)) {
      last[1] = Math.max(last[1], to);
      last[2] = worse(last[2], kind);
    } else places.push([from, to, kind]);
  }
  return places;
}

const WORSE_LATER = ["part", "gap", "damage"];

function worse(a, b) {
  return WORSE_LATER.indexOf(a) > WORSE_LATER.indexOf(b) ? a : b;
}

// Wide ones of another kind stay apart, or a small damage would colour a long gap.
function sharePixel(last, from, to, kind) {
  if (Math.floor(from) > Math.floor(last[1])) return false;
  return kind === last[2] || (to - from < 2 && last[1] - last[0] < 2);
}
