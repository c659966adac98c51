// The statistics as a table for those who do not see the canvas, and for tests; complete, with exact numbers.

import { element } from "./dom.js";
import { measuredSpans } from "./output.js";
import { allStatisticRows, trackNumbers } from "./statistics.js";

/** Make the table: `{element, update()}`; it is made anew only when it says something else. */
export function makeTable(state) {
  const body = element("tbody");
  const head = element("thead", {}, row("th", ["Span", "Signal", "From", "To", "Statistics"]));
  const caption = element("caption", {}, "Statistics of the view and the markers");
  const table = element("table", { className: "xjls-statistics" }, caption, head, body);
  let shown = "";
  const update = () => {
    const spans = measuredSpans(state);
    const signature = JSON.stringify([spans, state.settings.digits, state.settings.units, state.settings.statistics]);
    if (signature === shown) return;
    shown = signature;
    body.replaceChildren(...spans.flatMap((span) => spanRows(state, span)));
  };
  // A table is as wide as its cells, whatever its style says: a box around it hides it.
  return { element: element("div", { className: "xjls-unseen" }, table), update };
}

function spanRows(state, span) {
  const lanes = state.facts.lanes.filter((lane) => span.lanes[lane.key]);
  const tracks = lanes.flatMap((lane) => trackNumbers(lane, span.lanes[lane.key]));
  return tracks.map((track) => trackRow(track, span, state.settings));
}

function trackRow({ lane, place, title, numbers }, span, settings) {
  const made = row("td", [span.name, title, span.from, span.to]);
  made.dataset.span = span.key;
  made.dataset.lane = lane.key;
  made.dataset.track = place;
  for (const { name, label, text, value } of allStatisticRows(lane, numbers, settings)) {
    made.append(element("td", { "data-name": name, "data-value": String(value) }, `${label} ${text}`));
  }
  return made;
}

function row(kind, texts) {
  return element("tr", {}, ...texts.map((text) => element(kind, {}, text)));
}
