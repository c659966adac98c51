// Fingers: two zoom about what lies between them and pan, in time or upright on a lane's y axis; one scrolls the page.

import { pinchedView } from "../core/view.js";
import { laneAt } from "./geometry.js";
import { pinchAxis, placeNow, rememberPlace, showPlace, showView } from "./navigate.js";
import { limitsOf } from "./state.js";

const UPRIGHT = 2; // times as far apart in height as across
const LEAST_APART = 8; // pixels: fingers that touch each other would zoom without bounds

/** The first two pointers that are down: `{put(id, at) whether it is one, move(id, at), lift(id), places(), count}`. */
export function makeFingers() {
  const down = new Map();
  return {
    put: (id, at) => (down.size < 2 || down.has(id)) && Boolean(down.set(id, at)),
    move: (id, at) => down.has(id) && down.set(id, at),
    lift: (id) => down.delete(id),
    places: () => [...down.values()],
    get count() { return down.size; },
  };
}

/** What two fingers begin. */
export function pinchGesture(state, fingers) {
  const before = placeNow(state);
  const pair = fingers.places();
  const from = gripOf(pair);
  const lane = uprightLane(state, pair);
  const drag = lane ? pinchOfAxis(state, lane, from) : pinchOfTime(state, from);
  return {
    kind: "pinch",
    moved: true,
    from,
    drag: () => drag(gripOf(fingers.places())),
    drop: () => rememberPlace(state),
    undo: () => showPlace(state, before),
  };
}

/** What one finger begins: across it does what `pan` does, upright it scrolls what the stage is in. */
export function fingerGesture(pan, at, scroll) {
  let chosen = null;
  const scrolls = (now) => Math.abs(now.y - at.y) > Math.abs(now.x - at.x);
  const drag = (now) => {
    chosen ??= scrolls(now) ? { drag: (later) => scroll(at.y - later.y) } : pan;
    chosen.drag(now);
  };
  return { ...pan, drag, drop: (now, gesture) => chosen?.drop?.(now, gesture) };
}

/** Scroll what a stage is in, by pixels. */
export function scrollAround(stage, pixels) {
  let at = stage.parentElement;
  while (at && !isScroller(at)) at = at.parentElement;
  (at ?? document.scrollingElement)?.scrollBy(0, pixels);
}

function isScroller(node) {
  return node.scrollHeight > node.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(node).overflowY);
}

function pinchOfTime(state, from) {
  const { view } = state;
  const { plot } = state.layout;
  const shareOf = (grip) => ({ share: (grip.x - plot.x) / plot.width, apart: grip.apart });
  return (to) => {
    showView(state, pinchedView(view, shareOf(from), shareOf(to), limitsOf(state)), { remember: false });
  };
}

function pinchOfAxis(state, lane, from) {
  const scale = state.scales.get(lane.key);
  return (to) => pinchAxis(state, lane, scale, from, to);
}

// Where both are in the same lane, one above the other.
function uprightLane(state, [a, b]) {
  const lane = laneAt(state.layout, a.y);
  if (!lane || lane !== laneAt(state.layout, b.y) || lane.lane.shape === "logic") return null;
  if (!state.scales.has(lane.key)) return null;
  return Math.abs(a.y - b.y) > UPRIGHT * Math.abs(a.x - b.x) ? lane : null;
}

function gripOf([a, b]) {
  const apart = Math.max(LEAST_APART, Math.hypot(a.x - b.x, a.y - b.y));
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart };
}
