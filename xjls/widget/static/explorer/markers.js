// Markers: one moment, or two and what lies between; the selected one is what Python calls the selection.

import { placeOf, timeAt } from "./geometry.js";
import { askForStatistics } from "./request.js";
import { limitsOf } from "./state.js";

const COLORS = 6;
const LEAST_SPAN = 1; // ns

/** Add a marker, single where `x1` is null, and select it; returns its key. */
export function addMarker(state, x0, x1 = null) {
  const key = freeKey(state.markers);
  const [from, to] = orderedSpan(state, x0, x1);
  writeMarkers(state, [...state.markers, { key, x0: from, x1: to, label: "", color: freeColor(state.markers) }]);
  selectMarker(state, key);
  return key;
}

/** Move a marker, or give it another length. */
export function moveMarker(state, key, x0, x1 = null) {
  const [from, to] = orderedSpan(state, x0, x1);
  changeMarker(state, key, { x0: from, x1: to });
}

/** Change some of what a marker says. */
export function changeMarker(state, key, patch) {
  writeMarkers(state, state.markers.map((marker) => (marker.key === key ? { ...marker, ...patch } : marker)));
}

/** Take a marker away. */
export function removeMarker(state, key) {
  writeMarkers(state, state.markers.filter((marker) => marker.key !== key));
  if (state.selected === key) selectMarker(state, "");
}

/** Select a marker, or none by "". */
export function selectMarker(state, key) {
  if (state.selected === key) return;
  state.selected = key;
  state.writer.write("selected", key);
  state.change("overlay");
}

/** The selected marker, or null. */
export function selectedMarker(state) {
  return state.markers.find((marker) => marker.key === state.selected) ?? null;
}

/** Move the selected marker by pixels, but at least a sample; false where there is none. */
export function nudgeMarker(state, pixels) {
  const marker = selectedMarker(state);
  if (!marker) return false;
  const pixel = (state.view[1] - state.view[0]) / state.layout.plot.width;
  const step = Math.sign(pixels) * Math.max(Math.abs(pixels) * pixel, limitsOf(state).least / 2);
  moveMarker(state, marker.key, marker.x0 + step, marker.x1 === null ? null : marker.x1 + step);
  return true;
}

/** What of a marker is at a point: `{key, part}` with part start, end or both; null for nothing. */
export function markerAt(state, x, y) {
  const inFlags = y >= state.layout.flags.y && y < state.layout.flags.y + state.layout.flags.height;
  const order = [...state.markers].sort((a, b) => (a.key === state.selected) - (b.key === state.selected)).reverse();
  for (const marker of order) {
    const part = partAt(state, marker, x, inFlags);
    if (part) return { key: marker.key, part };
  }
  return null;
}

/** The marker at a point, also where it is between its ends; null for none. */
export function markerOver(state, x, y) {
  const hit = markerAt(state, x, y);
  if (hit) return state.markers.find((marker) => marker.key === hit.key);
  const time = timeAt(state.layout, state.view, x);
  return state.markers.findLast((marker) => marker.x1 !== null && time >= marker.x0 && time < marker.x1) ?? null;
}

/** Where the zero of the time mode "marker" is: at the selected marker, else the first one; null without any. */
export function markerZero(state) {
  return (selectedMarker(state) ?? state.markers[0])?.x0 ?? null;
}

/** A marker's name: its label, or its number. */
export function markerName(state, marker) {
  return marker.label || String(state.markers.indexOf(marker) + 1);
}

function partAt(state, marker, x, inFlags) {
  const from = placeOf(state.layout, state.view, marker.x0);
  const onFlag = inFlags && x >= from && x < from + FLAG;
  if (marker.x1 === null) return Math.abs(x - from) <= state.reach || onFlag ? "both" : null;
  const to = placeOf(state.layout, state.view, marker.x1);
  const [nearStart, nearEnd] = [Math.abs(x - from) <= state.reach, Math.abs(x - to) <= state.reach];
  if (nearStart && nearEnd) return x < (from + to) / 2 ? "start" : "end";
  if (nearStart || nearEnd) return nearStart ? "start" : "end";
  return inFlags && x > from && x < to ? "both" : null;
}

function writeMarkers(state, markers) {
  state.markers = markers;
  state.writer.write("markers", markers);
  askForStatistics(state);
  state.change("overlay");
}

// Markers stay where there are data; a span never is empty, as Python takes none that is.
function orderedSpan(state, x0, x1) {
  const [low, high] = state.facts.extent;
  const inside = (x) => Math.min(high, Math.max(low, Math.round(x)));
  if (x1 === null) return [inside(x0), null];
  const [from, to] = x0 <= x1 ? [inside(x0), inside(x1)] : [inside(x1), inside(x0)];
  if (from < to) return [from, to];
  return from + LEAST_SPAN <= high ? [from, from + LEAST_SPAN] : [to - LEAST_SPAN, to];
}

function freeKey(markers) {
  const taken = new Set(markers.map((marker) => marker.key));
  let number = 1;
  while (taken.has(`m${number}`)) number += 1;
  return `m${number}`;
}

function freeColor(markers) {
  const taken = new Set(markers.map((marker) => marker.color));
  for (let color = 0; color < COLORS; color += 1) if (!taken.has(color)) return color;
  return markers.length % COLORS;
}

const FLAG = 22;
