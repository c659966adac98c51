// Questions to Python: the tile and the statistics of what is shown; the newest question wins.

import { decodeTile, serves } from "../core/tile.js";
import { attempt, say, showBusy } from "./state.js";

const PAD = 0.5;
const ASKED_AGAIN = ["search", "analyse", "export"]; // these change nothing
export const VIEW_SPAN = ":view";

/** Ask for what the view needs: a tile where the one at hand does not serve, else statistics only. */
export function askForView(state, force = false) {
  const [x0, x1] = clippedView(state);
  if (!force && tileServes(state, x0, x1)) return askForStatistics(state);
  const pad = (state.view[1] - state.view[0]) * PAD;
  const request = {
    type: "tile",
    x0: state.view[0] - pad,
    x1: state.view[1] + pad,
    columns: devicePixels(state) * (1 + 2 * PAD),
    lanes: state.layout.lanes.map((lane) => lane.key),
    markers: spansToMeasure(state, true),
  };
  const take = (content, buffers) => attempt(state, () => takeTile(state, request.markers, content, buffers));
  state.exchange.newest("tile", request, take);
  showBusy(state, true);
}

/** Ask for the statistics of the view and the markers, where those at hand are of other spans. */
export function askForStatistics(state) {
  const spans = spansToMeasure(state, false);
  if (!spans.length) return;
  const take = (content) => attempt(state, () => takeStatistics(state, spans, content.markers));
  state.exchange.newest("measure", { type: "measure", spans }, take);
  showBusy(state, true);
}

/** Ask something once; an error is said and gives null. */
export async function askOnce(state, content) {
  showBusy(state, true);
  try {
    const answer = await state.exchange.ask(content, { again: ASKED_AGAIN.includes(content.type) });
    return state.closed ? null : answer;
  } catch (error) {
    if (!state.closed) say(state, error.message ?? String(error), true);
    return null;
  } finally {
    if (!state.closed) state.change("overlay");
  }
}

/** Statistics of the view or a marker, by lane: `{x0, x1, lanes}`, or null before the first answer. */
export function statisticsOf(state, key) {
  return key === VIEW_SPAN ? state.statistics.view : (state.statistics.markers.get(key) ?? null);
}

/** Whether statistics are of the span that they are shown for. */
export function isCurrent(found, x0, x1) {
  return Boolean(found) && found.x0 === x0 && found.x1 === x1;
}

/** Device pixels of the plot: as many columns as can be seen. */
export function devicePixels(state) {
  return Math.max(1, Math.round(state.layout.plot.width * state.ratio));
}

function clippedView(state) {
  const [from, to] = state.facts.extent;
  return [Math.max(from, state.view[0]), Math.min(to, state.view[1])];
}

function tileServes(state, x0, x1) {
  if (!state.tile || x1 <= x0) return Boolean(state.tile);
  const lanes = new Set(state.tile.strips.map((strip) => strip.lane));
  const complete = state.layout.lanes.every((lane) => lanes.has(lane.key));
  return complete && serves(state.tile, x0, x1, devicePixels(state) * ((x1 - x0) / (state.view[1] - state.view[0])));
}

function spansToMeasure(state, all) {
  const view = { key: VIEW_SPAN, x0: state.view[0], x1: state.view[1] };
  const spans = [view, ...state.markers.map(({ key, x0, x1 }) => ({ key, x0, x1 }))];
  return all ? spans : spans.filter((span) => !isCurrent(statisticsOf(state, span.key), span.x0, span.x1));
}

function takeTile(state, asked, content, buffers) {
  state.tile = decodeTile(content, buffers[0]);
  state.latencyMs = state.exchange.latency_ms;
  state.root.dataset.latencyMs = Math.round(state.latencyMs);
  if (content.extent) state.takeExtent(content.extent, content.grows);
  if (content.status !== undefined) state.facts = { ...state.facts, status: content.status };
  takeStatistics(state, asked, content.markers);
}

function takeStatistics(state, asked, answered) {
  for (const { key, x0, x1 } of asked) {
    if (answered?.[key]) keepStatistics(state, key, { x0, x1, lanes: answered[key] });
  }
  const keys = new Set(state.markers.map((marker) => marker.key));
  for (const key of state.statistics.markers.keys()) if (!keys.has(key)) state.statistics.markers.delete(key);
  state.change();
}

function keepStatistics(state, key, found) {
  if (key === VIEW_SPAN) state.statistics.view = found;
  else state.statistics.markers.set(key, found);
}
