// What is drawn of a lane: the strips at hand folded onto pixels, and the range of their values.

import { foldStrip } from "../core/fold.js";
import { autoRange, makeScale } from "../core/scale.js";
import { axisSettings, shownTracks } from "./settings.js";

const LOGIC_RANGE = [-0.18, 1.18];
const COARSEST = 60; // columns of the overview that a view must hold before they are a fair backdrop
const PATH_FROM = 2; // CSS pixels between samples

/** The traces of a lane `[{place, strip, fold, shift}]`: one for each track that is shown. */
export function tracesOf(state, lane, pixels) {
  return shownTracks(state, lane).map(({ track, place }) => {
    const isAligned = state.gesture?.kind === "align" && state.gesture.recording === track.recording;
    const shift = isAligned ? state.gesture.shift : 0;
    const strip = stripOf(state.tile, lane.key, place);
    return { place, strip, shift, fold: foldedTrace(state, lane.key, place, strip, pixels, shift) };
  });
}

/** The strip of a track in a tile, or null. */
export function stripOf(tile, key, place) {
  return tile?.strips.find((strip) => strip.lane === key && (strip.track ?? 0) === place) ?? null;
}

/** CSS pixels from one column of a strip to the next. */
export function columnWidth(state, strip) {
  if (!strip || strip.n < 1) return 0;
  const column = strip.dx ?? (strip.edge(strip.n) - strip.edge(0)) / strip.n;
  return (column / (state.view[1] - state.view[0])) * state.layout.plot.width;
}

/** Whether single samples are far enough from each other to be joined by lines. */
export function drawsSamples(state, strip) {
  return Boolean(strip) && strip.kind === "samples" && columnWidth(state, strip) >= PATH_FROM;
}

/** The scale of a lane for a range and a height in pixels. */
export function laneScale(state, lane, [low, high], pixels) {
  const { scale, zero } = axisSettings(state.settings, lane.key);
  return makeScale({ low, high, pixels, log: lane.shape === "analog" && scale === "log", zero, units: lane.units });
}

/** The range of a lane's y axis: by hand, fixed, or what is seen with some room. */
export function laneRange(state, lane, traces) {
  if (lane.shape === "logic") return LOGIC_RANGE;
  const { mode, range } = axisSettings(state.settings, lane.key);
  if (mode === "manual" && range) return range;
  const [low, high] = seenRange(traces);
  const { scale, zero } = axisSettings(state.settings, lane.key);
  const name = `${lane.key} ${scale} ${scale === "log" ? zero : ""}`;
  const old = state.ranges.get(name) ?? null;
  if (!(high >= low)) return old ?? autoRange(null, ...lane.reach, {});
  const found = fittedRange(old, low, high, scale === "log" ? zero : 0);
  state.ranges.set(name, found);
  return found;
}

// Room above and below is a part of the picture: on a logarithmic axis it is measured in decades.
function fittedRange(old, low, high, zero) {
  if (!zero) return autoRange(old, low, high, {});
  const unit = makeScale({ low: 0, high: zero, pixels: 1, log: true, zero });
  const range = autoRange(old?.map(unit.y).reverse() ?? null, unit.y(high), unit.y(low), {});
  return range.map(unit.value).reverse();
}

/** Lowest and highest value of traces. */
export function seenRange(traces) {
  let [low, high] = [Infinity, -Infinity];
  for (const { fold } of traces) {
    if (!fold) continue;
    for (let i = 0; i < fold.low.length; i += 1) {
      if (fold.low[i] + fold.y0 < low) low = fold.low[i] + fold.y0;
      if (fold.high[i] + fold.y0 > high) high = fold.high[i] + fold.y0;
    }
  }
  return [low, high];
}

// Beyond the tile, while a better one is on its way, the overview is shown.
function foldedTrace(state, key, place, strip, pixels, shift) {
  const [x0, x1] = [state.view[0] - shift, state.view[1] - shift];
  const fold = strip ? foldStrip(strip, x0, x1, pixels) : null;
  const back = stripOf(state.overview, key, place);
  const [from, to] = coveredPixels(state, strip, pixels);
  const whole = from <= 0 && to >= pixels;
  if (whole || !back || !isFairBackdrop(state, back)) return fold;
  return patchedFold(foldStrip(back, x0, x1, pixels), fold, from, to);
}

function isFairBackdrop(state, back) {
  const column = back.dx ?? (back.edge(back.n) - back.edge(0)) / Math.max(1, back.n);
  return state.view[1] - state.view[0] > COARSEST * column;
}

function coveredPixels(state, strip, pixels) {
  if (!strip || !state.tile) return [pixels, 0];
  const scale = pixels / (state.view[1] - state.view[0]);
  return [Math.ceil((state.tile.x0 - state.view[0]) * scale), Math.floor((state.tile.x1 - state.view[0]) * scale)];
}

function patchedFold(under, over, from, to) {
  if (!over || to <= from) return under;
  const [first, last] = [Math.max(0, from), Math.min(under.low.length, to)];
  const moved = over.y0 - under.y0;
  for (const name of ["low", "high", "mean0", "mean1", "meanOf"]) {
    for (let i = first; i < last; i += 1) under[name][i] = over[name][i] + moved;
  }
  for (const name of ["std", "fill"]) {
    if (under[name] && over[name]) under[name].set(over[name].subarray(first, last), first);
  }
  return under;
}

/** What of a track is at a time: `{missing}`, or `{missing: false, at, mean, std, min, max, n, isSample}`. */
export function valueAt(strip, time, shift = 0) {
  const i = strip ? nearestColumn(strip, time - shift) : -1;
  if (i < 0) return null;
  if (Number.isNaN(strip.mean[i])) return { missing: true };
  const of = (values) => (values ? values[i] + strip.y0 : null);
  return {
    missing: false,
    isSample: strip.kind === "samples",
    at: (strip.kind === "samples" ? strip.edge(i) : (strip.edge(i) + strip.edge(i + 1)) / 2) + shift,
    mean: of(strip.mean),
    min: of(strip.min),
    max: of(strip.max),
    std: strip.std ? strip.std[i] : null,
    n: Math.round((strip.per * strip.fill[i]) / 255),
  };
}

// Of samples the nearest one, as that is where a dot is; of columns the one that holds the time.
function nearestColumn(strip, time) {
  if (strip.kind !== "samples") return strip.columnAt(time);
  const half = strip.n > 1 ? (strip.edge(1) - strip.edge(0)) / 2 : 0;
  return Math.max(strip.columnAt(time + half), strip.columnAt(time));
}
