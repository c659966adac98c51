// The keys; they act while the explorer has the focus, and the page around it does not hear of them.

import { timeAt } from "./geometry.js";
import { openHelp } from "./help.js";
import { addMarker, nudgeMarker, removeMarker, selectMarker } from "./markers.js";
import { NOTCH, panByPart, showAll, walkHistory, zoomBy } from "./navigate.js";
import { askForNote } from "./notes.js";
import { askForMarker } from "./marker-menu.js";
import { abandon } from "./pointer.js";
import { searchOn } from "./search.js";

const QUARTER_SCREEN = 0.25;
const DUAL_WIDTH = 0.1;

const PLAIN_KEYS = {
  ArrowLeft: (state, event) => arrow(state, -1, event),
  ArrowRight: (state, event) => arrow(state, 1, event),
  ArrowUp: (state) => zoomBy(state, 1 / NOTCH),
  ArrowDown: (state) => zoomBy(state, NOTCH),
  "+": (state) => zoomBy(state, 1 / NOTCH),
  "=": (state) => zoomBy(state, 1 / NOTCH),
  "-": (state) => zoomBy(state, NOTCH),
  "*": (state) => showAll(state),
  Home: (state) => showAll(state),
  s: (state) => addMarker(state, cursorTime(state)),
  d: (state) => addDual(state),
  t: (state) => askForNote(state, cursorTime(state), state.hover?.lane?.key ?? null),
  n: (state) => searchOn(state, 1),
  p: (state) => searchOn(state, -1),
  Enter: (state) => state.selected && askForMarker(state, state.selected),
  Delete: (state) => removeMarker(state, state.selected),
  Backspace: (state) => walkHistory(state, -1),
  "?": (state) => openHelp(state),
  Escape: (state) => escape(state),
};

/** Let keys act; returns what ends it. */
export function listenToKeys(state) {
  const listener = (event) => {
    if (event.target.closest?.("input, select, textarea, .xjls-menu, .xjls-dialog")) return;
    if (!actOnKey(state, event)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  state.root.addEventListener("keydown", listener);
  return () => state.root.removeEventListener("keydown", listener);
}

/** Add a marker of two ends in the middle of a free part of the view. */
export function addDual(state) {
  const width = (state.view[1] - state.view[0]) * DUAL_WIDTH;
  const middle = cursorTime(state);
  addMarker(state, middle - width / 2, middle + width / 2);
}

/** The time under the cursor, or in the middle of the view. */
export function cursorTime(state) {
  if (state.hover?.inPlot) return timeAt(state.layout, state.view, state.hover.x);
  return (state.view[0] + state.view[1]) / 2;
}

function actOnKey(state, event) {
  const { key } = event;
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z") {
    walkHistory(state, event.shiftKey ? 1 : -1);
    return true;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if ((key === "Enter" || key === " ") && event.target !== state.root) return false;
  if (/^[1-9]$/.test(key)) return selectNumber(state, Number(key));
  const act = PLAIN_KEYS[key] ?? PLAIN_KEYS[key.toLowerCase()];
  if (!act) return false;
  act(state, event);
  return true;
}

function arrow(state, direction, event) {
  if (!nudgeMarker(state, direction * (event.shiftKey ? 10 : 1))) panByPart(state, direction * QUARTER_SCREEN);
}

function selectNumber(state, number) {
  const marker = state.markers[number - 1];
  if (marker) selectMarker(state, marker.key);
  return true;
}

function escape(state) {
  if (abandon(state)) return;
  if (state.boxMode) {
    state.boxMode = false;
    state.change();
  } else selectMarker(state, "");
}
