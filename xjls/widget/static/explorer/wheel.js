// The wheel: it zooms and pans, but who scrolls the page across the stage goes on scrolling.

import { panBy } from "../core/view.js";
import { zoneAt } from "./geometry.js";
import { hoverAt, pointOf } from "./hover.js";
import { NOTCH, showView, showsAll, zoomAxis, zoomBy } from "./navigate.js";
import { limitsOf } from "./state.js";

const NOTCH_PIXELS = 100;
const LINE_PIXELS = 33;
const SAME_SCROLL_MS = 400;

/** Let the wheel act on the stage; returns what ends it. */
export function listenToWheel(state, stage) {
  const scrolled = watchScrolling(stage);
  const turned = (event) => scrolled.passes(event) || turnWheel(state, stage, event);
  stage.addEventListener("wheel", turned, { passive: false });
  return () => {
    scrolled.end();
    stage.removeEventListener("wheel", turned);
  };
}

/** Notice scrolls that begin outside of the stage: `{passes(event), end()}`; what passes goes on with one of them. */
export function watchScrolling(stage) {
  let last = -Infinity;
  const notice = (event) => {
    if (!stage.contains(event.target)) last = event.timeStamp;
  };
  document.addEventListener("wheel", notice, { capture: true, passive: true });
  return {
    passes(event) {
      if (event.cancelable && event.timeStamp - last > SAME_SCROLL_MS) return false;
      last = event.timeStamp;
      return true;
    },
    end: () => document.removeEventListener("wheel", notice, { capture: true }),
  };
}

/** Zoom or pan by a turn of the wheel; where nothing would change, the page may scroll. */
export function turnWheel(state, stage, event) {
  if (!state.layout) return;
  const at = pointOf(stage, event);
  const { zone, lane } = zoneAt(state.layout, at.x, at.y);
  if (zone === "none" || zone === "side") return;
  const { across, along } = notchesOf(event);
  const ofAxis = lane && (zone === "yaxis" || event.ctrlKey);
  const pans = event.shiftKey || Math.abs(across) > Math.abs(along);
  if (!ofAxis && !pans && !event.ctrlKey && along > 0 && showsAll(state)) return;
  event.preventDefault();
  hoverAt(state, at);
  if (ofAxis) zoomAxis(state, lane.key, NOTCH ** (along || across), at.y);
  else if (pans) panWheel(state, across || along);
  else zoomBy(state, NOTCH ** along, zone === "overview" ? middleOf(state.layout.plot) : at.x);
}

function notchesOf(event) {
  const unit = (event.deltaMode === 0 ? 1 : LINE_PIXELS) / NOTCH_PIXELS;
  return { across: event.deltaX * unit, along: event.deltaY * unit };
}

function middleOf({ x, width }) {
  return x + width / 2;
}

// A notch moves by an eighth of what is shown.
function panWheel(state, notches) {
  showView(state, panBy(state.view, (notches / 8) * (state.view[1] - state.view[0]), limitsOf(state)));
}
