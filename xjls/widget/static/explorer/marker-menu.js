// What can be done with a marker: exact length, label, colour, and what it is good for.

import { durationText } from "../core/times.js";
import { openAnalysis } from "./analysis.js";
import { choice, element, fieldRow, openDialog, openMenu } from "./dom.js";
import { changeMarker, markerName, moveMarker, removeMarker } from "./markers.js";
import { showView } from "./navigate.js";
import { copyStatistics } from "./output.js";
import { say } from "./state.js";
import { typedDuration } from "./tracks.js";

const SHARES = [100, 75, 50, 25];
const COLOR_NAMES = ["orange", "teal", "magenta", "green", "blue", "red"];

/** Open the menu of a marker where the pointer is. */
export function openMarkerMenu(state, marker, event) {
  const anchor = { getBoundingClientRect: () => new DOMRect(event.clientX, event.clientY, 0, 0) };
  const isSpan = marker.x1 !== null && marker.x1 > marker.x0;
  const analyse = { text: "Histogram, CCDF, spectrum…", act: () => openAnalysis(state) };
  openMenu(state, anchor, `Marker ${markerName(state, marker)}`, [
    { text: "Label, length…", act: () => askForMarker(state, marker.key) },
    ...(isSpan ? SHARES.map((share) => zoomItem(state, marker, share)) : []),
    isSpan && state.facts.kernel !== false ? analyse : null,
    { text: "Copy the statistics", act: () => copyStatistics(state) },
    "-",
    { text: "Remove", key: "Del", act: () => removeMarker(state, marker.key) },
  ]);
}

/** Ask for the label, the colour and the length of a marker. */
export function askForMarker(state, key) {
  const marker = state.markers.find((one) => one.key === key);
  const label = element("input", { type: "text", value: marker.label ?? "", maxLength: 60, size: 18 });
  const span = marker.x1 === null ? "" : durationText(marker.x1 - marker.x0, 9);
  const length = element("input", { type: "text", defaultValue: span, size: 18 });
  const color = choice(COLOR_NAMES.map((name, i) => [String(i), name]), String(marker.color ?? 0), () => {}, "Colour");
  const submit = (event) => {
    event.preventDefault();
    if (applyMarker(state, marker, label.value.trim(), length, Number(color.value))) close();
  };
  const where = element("p", { className: "xjls-dim" }, state.times.text(marker.x0, state.settings.time, state.zero()));
  const button = element("button", { type: "submit", className: "xjls-action" }, "Apply");
  const rows = [fieldRow("Label", label), fieldRow("Length Δ", length), fieldRow("Colour", color)];
  const form = element("form", { onsubmit: submit }, where, ...rows, element("div", { className: "xjls-row" }, button));
  const close = openDialog(state, `Marker ${markerName(state, marker)}`, form);
  label.focus();
}

// A length that nobody changed is not rounded to its text.
function applyMarker(state, marker, label, length, color) {
  changeMarker(state, marker.key, { label, color });
  if (length.value === length.defaultValue) return true;
  const span = length.value.trim() === "" ? null : typedDuration(length.value);
  if (span !== null && !(span > 0)) {
    say(state, 'A length is written as "20 ms" or "1:20:00"; without one, the marker is a single moment.', true);
    return false;
  }
  moveMarker(state, marker.key, marker.x0, span === null ? null : marker.x0 + span);
  return true;
}

function zoomItem(state, marker, share) {
  const beside = ((marker.x1 - marker.x0) * (100 / share - 1)) / 2;
  const show = () => showView(state, [marker.x0 - beside, marker.x1 + beside]);
  return { text: `Zoom: ${share} % of the screen`, act: show };
}
