// Where everything stands on the stage, in CSS pixels; pure arithmetic.

import { laneHeight, shownLanes } from "./settings.js";

const OVERVIEW = { y: 3, height: 38 };
const FLAGS = { y: 46, height: 19 };
const AXIS = { y: 66, height: 20 };
const FIRST_LANE = 88;
const SEPARATOR = 7;
const GRIP = 4;
const SIDE_FROM = 620;
const SIDE_WIDTH = 168;
const SIDE_TRACK = 70; // pixels more for each track that lies over others
const SIDE_MOST = 0.36; // of the stage
const REACHES = { touch: 14 };
export const LEAST_HEIGHT = 26;
export const UPRIGHT_FROM = 56; // lower lanes have their name where others have the numbers of the axis
export const REACH = 5;

/** Places for a stage of a width: `{width, height, plot, side, overview, flags, axis, lanes}`, boxes in CSS pixels. */
export function layOut(facts, settings, width) {
  const left = width < 480 ? 70 : 92;
  const sideWidth = width < SIDE_FROM ? 0 : sideWidthOf(facts, width);
  const across = { x: left, width: Math.max(40, Math.floor(width - left - (sideWidth || 10))) };
  const lanes = stackLanes(facts, settings, across);
  const bottom = lanes.length ? lanes.at(-1).y + lanes.at(-1).height : FIRST_LANE + LEAST_HEIGHT;
  return {
    width,
    height: bottom + 4,
    plot: { ...across, y: FIRST_LANE, height: bottom - FIRST_LANE },
    side: sideWidth ? { x: across.x + across.width + 10, width: sideWidth - 14 } : null,
    overview: { ...across, ...OVERVIEW },
    flags: { ...across, ...FLAGS },
    axis: { ...across, ...AXIS },
    lanes,
  };
}

/** How many pixels beside a line count as on it: a finger is broader than a cursor. */
export function reachOf({ pointerType }) {
  return REACHES[pointerType] ?? REACH;
}

/** The time at a place of the stage. */
export function timeAt(layout, view, x) {
  return view[0] + ((x - layout.plot.x) / layout.plot.width) * (view[1] - view[0]);
}

/** The place of a time on the stage, which may be outside of the plot. */
export function placeOf(layout, view, time) {
  return layout.plot.x + ((time - view[0]) / (view[1] - view[0])) * layout.plot.width;
}

/** What is at a point: `{zone, lane}`, zone overview, flags, axis, lane, yaxis, separator, side or none. */
export function zoneAt(layout, x, y) {
  const inside = x >= layout.plot.x && x <= layout.plot.x + layout.plot.width;
  for (const zone of ["overview", "flags", "axis"]) {
    const place = layout[zone];
    if (y >= place.y && y < place.y + place.height) return { zone: inside ? zone : "none", lane: null };
  }
  const border = layout.lanes.find((lane) => Math.abs(y - (lane.y + lane.height + SEPARATOR / 2)) <= GRIP);
  if (border && x <= layout.plot.x + layout.plot.width) return { zone: "separator", lane: border };
  const lane = laneAt(layout, y);
  if (!lane) return { zone: "none", lane: null };
  return { zone: inside ? "lane" : x < layout.plot.x ? "yaxis" : "side", lane };
}

/** The lane at a height of the stage, or null. */
export function laneAt(layout, y) {
  return layout.lanes.find((lane) => y >= lane.y && y <= lane.y + lane.height) ?? null;
}

/** The part of the overview that shows the view: `{x, width}`, at least 3 px wide. */
export function viewInOverview(layout, extent, view) {
  const { x, width } = layout.overview;
  const scale = width / (extent[1] - extent[0]);
  const clip = (place) => Math.min(x + width, Math.max(x, place));
  const [from, to] = [clip(x + (view[0] - extent[0]) * scale), clip(x + (view[1] - extent[0]) * scale)];
  const wide = Math.max(3, to - from);
  return { x: Math.min(from, x + width - wide), width: wide };
}

function sideWidthOf(facts, width) {
  const tracks = Math.max(1, ...facts.lanes.map((lane) => lane.tracks.length));
  return Math.max(SIDE_WIDTH, Math.floor(Math.min(SIDE_WIDTH + SIDE_TRACK * (tracks - 1), SIDE_MOST * width)));
}

function stackLanes(facts, settings, across) {
  const shown = shownLanes(facts, settings);
  let y = FIRST_LANE;
  return shown.map((lane) => {
    const height = Math.round(Math.max(LEAST_HEIGHT, laneHeight(lane, settings, shown)));
    const placed = { key: lane.key, lane, x: across.x, y, width: across.width, height };
    y += height + SEPARATOR;
    return placed;
  });
}
