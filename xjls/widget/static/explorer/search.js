// Searches in Python: edges, crossings of a level, the window with the largest or smallest mean.

import { choice, element, fieldRow, openDialog } from "./dom.js";
import { addMarker, moveMarker, selectedMarker } from "./markers.js";
import { showSpan } from "./navigate.js";
import { askOnce } from "./request.js";
import { laneOf, say } from "./state.js";
import { valueText } from "./statistics.js";
import { typedDuration, typedValue } from "./tracks.js";
import { withPrefix } from "../core/numbers.js";
import { durationText } from "../core/times.js";

const CROSSINGS = [["rise", "a rise through"], ["fall", "a fall through"]];
const WINDOWS = [["maximum", "the largest mean of"], ["minimum", "the smallest mean of"]];
const EDGE = [["edge", "a change"]];
const WINDOW_PART = 0.05;
const FOUND = {
  edge: ["a change", "to"],
  rise: ["a rise", "up to"],
  fall: ["a fall", "down to"],
  maximum: ["", "largest mean"],
  minimum: ["", "smallest mean"],
};

/** Search on in a direction (1 or −1), as last time; a lane of numbers needs a level first. */
export function searchOn(state, direction) {
  const lane = searchLane(state);
  if (!lane) return null;
  const kind = kindFor(state, lane);
  if (lane.shape === "analog" && state.search.level === undefined) return openSearch(state);
  return runSearch(state, lane, kind, direction);
}

/** Ask what to search for. */
export function openSearch(state) {
  const lane = searchLane(state);
  if (!lane) return;
  const fields = element("div", { className: "xjls-fields" });
  const show = (key) => fields.replaceChildren(...searchFields(state, laneOf(state, key)));
  const lanes = state.layout.lanes.map((box) => [box.key, box.lane.name]);
  const chooser = choice(lanes, lane.key, show, "Signal");
  show(lane.key);
  openDialog(state, "Search", fieldRow("Signal", chooser), fields);
}

function searchFields(state, lane) {
  state.search = { ...state.search, lane: lane.key };
  const kind = kindFor(state, lane);
  const kinds = lane.shape === "analog" ? [...CROSSINGS, ...WINDOWS] : EDGE;
  const level = textField(levelText(state, lane));
  const width = textField(durationText(state.search.width ?? (state.view[1] - state.view[0]) * WINDOW_PART));
  const value = element("span");
  const showValue = (chosen) => {
    state.search.kind = chosen;
    const isWindow = WINDOWS.some(([name]) => name === chosen);
    value.replaceChildren(...(chosen === "edge" ? [] : [isWindow ? width : level]));
    buttons.replaceChildren(...searchButtons(state, lane, isWindow, level, width));
  };
  const buttons = element("div", { className: "xjls-row" });
  const chooser = choice(kinds, kind, showValue, "What to search for");
  showValue(kind);
  return [fieldRow("Search for", element("span", { className: "xjls-row" }, chooser, value)), buttons];
}

function searchButtons(state, lane, isWindow, level, width) {
  const run = (direction) => () => {
    const read = isWindow ? typedDuration(width.value) : typedValue(level.value, lane.units);
    if (state.search.kind !== "edge" && !Number.isFinite(read)) {
      const how = isWindow ? 'A length of time is written as "20 ms".' : `A level is written as "1.5 m${lane.units}".`;
      say(state, how, true);
      return;
    }
    if (state.search.kind !== "edge") state.search[isWindow ? "width" : "level"] = read;
    runSearch(state, lane, state.search.kind, direction);
  };
  const button = (text, direction) =>
    element("button", { type: "button", className: "xjls-action", onclick: run(direction) }, text);
  return isWindow ? [button("Find in the view", 1)] : [button("← Previous", -1), button("Next →", 1)];
}

async function runSearch(state, lane, kind, direction) {
  const marker = selectedMarker(state);
  const x = marker?.x0 ?? (direction > 0 ? state.view[0] : state.view[1]);
  const { level = null, width = null } = state.search;
  const [from, to] = state.view;
  const asked = { type: "search", lane: lane.key, x, x0: from, x1: to, direction, kind, level, width };
  const answer = await askOnce(state, asked);
  if (!answer) return;
  const { x0, x1, text } = answer.content;
  say(state, x0 === null ? text || "There is none." : foundText(state, lane, kind, answer.content));
  if (x0 !== null) markFound(state, marker, x0, x1);
}

/** What was found, and when: a page knows only the column of a change, whose mean is no value of the signal. */
export function foundText(state, lane, kind, { x0, value, text }) {
  const when = state.times.text(x0, state.settings.time, state.zero());
  const isMean = kind === "maximum" || kind === "minimum";
  const toColumn = state.facts.kernel === false;
  if (toColumn && !isMean) return `${lane.name}: ${FOUND[kind][0]} at ${when}, ${text}`;
  const number = valueText(lane, value, state.settings);
  return `${lane.name}: ${FOUND[kind][1]} ${toColumn ? "≈ " : ""}${number} ${isMean ? "from" : "at"} ${when}`;
}

// A single marker moves to what was found; a span keeps its length, unless a span was found.
function markFound(state, marker, x0, x1) {
  const isSpan = x1 !== null && x1 !== undefined;
  if (!marker || (isSpan && marker.x1 === null)) addMarker(state, x0, isSpan ? x1 : null);
  else if (isSpan) moveMarker(state, marker.key, x0, x1);
  else moveMarker(state, marker.key, x0, marker.x1 === null ? null : x0 + marker.x1 - marker.x0);
  showSpan(state, x0, isSpan ? x1 : x0);
}

function kindFor(state, lane) {
  if (lane.shape !== "analog") return "edge";
  const known = [...CROSSINGS, ...WINDOWS].some(([name]) => name === state.search.kind);
  return known ? state.search.kind : "rise";
}

// Where the cursor is, else where one searched last, else the first stepped lane: edges are what one looks for most.
function searchLane(state) {
  const boxes = state.layout.lanes;
  const shown = (key) => boxes.find((box) => box.key === key)?.lane;
  const stepped = boxes.find((box) => box.lane.shape !== "analog")?.lane;
  return state.hover?.lane?.lane ?? shown(state.search.lane) ?? stepped ?? boxes[0]?.lane ?? null;
}

function levelText(state, lane) {
  const { low, high } = state.scales.get(lane.key);
  return withPrefix(state.search.level ?? (low + high) / 2, lane.units, 4);
}

function textField(value) {
  return element("input", { type: "text", value, size: 12, "aria-label": "Value" });
}
