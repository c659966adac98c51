// What keys and gestures there are.

import { element, openDialog } from "./dom.js";

const GESTURES = [
  ["Wheel", "zoom about the cursor"],
  ["Shift + wheel, or sideways", "pan"],
  ["Ctrl + wheel, or over the y axis", "zoom the y axis"],
  ["Drag", "pan"],
  ["Shift + drag", "mark a span and measure it"],
  ["Alt + drag", "zoom into a box"],
  ["Ctrl + drag, or on the y axis", "pan the y axis"],
  ["Ctrl + Shift + drag", "align the overlaid recording in time"],
  ["Double-click", "show all; on the y axis: automatic range"],
  ["Double-click on a marker", "label and exact length of a marker; right-click for more"],
  ["Drag between two lanes", "height of the upper one"],
];

const KEYS = [
  ["← →", "pan by a quarter, or move the selected marker (Shift: ten times)"],
  ["↑ ↓ + −", "zoom"],
  ["* Home", "show all"],
  ["s  d", "add a marker at the cursor: single, dual"],
  ["1 … 9", "select a marker"],
  ["Enter", "label and exact length of the selected marker"],
  ["n  p", "move the selected marker to the next, previous edge"],
  ["Del", "remove the selected marker"],
  ["t", "note at the cursor"],
  ["Backspace, Ctrl + Z", "view before"],
  ["Ctrl + Shift + Z", "view after"],
  ["Esc", "give up a drag, select nothing"],
  ["Tab", "buttons, then names of signals: arrows, Home and End move among them"],
  ["?", "this list"],
];

const FINGERS = [
  ["One, across", "pan; up and down it scrolls the page"],
  ["Two", "zoom and pan; one above the other in a lane: its y axis"],
  ["Tap", "what is there"],
];

/** Show all keys and gestures. */
export function openHelp(state) {
  const mouse = element("div", {}, listOf("Mouse", GESTURES), listOf("Fingers", FINGERS));
  const keys = element("div", {}, listOf("Keys", KEYS));
  openDialog(state, "Keys and gestures", element("div", { className: "xjls-lists" }, mouse, keys));
}

function listOf(title, rows) {
  const name = (key) => element("th", {}, element("kbd", {}, key));
  const lines = rows.map(([key, text]) => element("tr", {}, name(key), element("td", {}, text)));
  return element("table", { className: "xjls-keys" }, element("caption", {}, title), element("tbody", {}, ...lines));
}
