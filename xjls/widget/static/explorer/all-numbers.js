// All statistics of a span as a table in a dialog: where lanes are low, or the stage is narrow, few stand beside them.

import { choice, element, fieldRow, openDialog } from "./dom.js";
import { measuredSpans } from "./output.js";
import { VIEW_SPAN } from "./request.js";
import { STATISTIC_LABELS } from "./settings.js";
import { say } from "./state.js";
import { allStatisticRows, trackNumbers } from "./statistics.js";

/** Show the statistics of the selected marker, or of the view, and let others be chosen. */
export function openAllNumbers(state) {
  const spans = measuredSpans(state);
  if (!spans.length) return say(state, "There are no statistics yet.");
  const holder = element("div", { className: "xjls-numbers" });
  const show = (key) => holder.replaceChildren(numbersTable(state, spans.find((span) => span.key === key)));
  const names = spans.map(({ key, name }) => [key, key === VIEW_SPAN ? "the view" : `marker ${name}`]);
  const first = spans.some(({ key }) => key === state.selected) ? state.selected : VIEW_SPAN;
  show(first);
  return openDialog(state, "Statistics", fieldRow("Of", choice(names, first, show, "Span")), holder);
}

function numbersTable(state, span) {
  const { titles, rows } = numberGrid(state.facts, span, state.settings);
  const head = element("tr", {}, element("td"), ...titles.map((title) => element("th", { scope: "col" }, title)));
  const lines = rows.map(({ label, texts }) => {
    return element("tr", {}, element("th", { scope: "row" }, label), ...texts.map((text) => element("td", {}, text)));
  });
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines));
}

/** A span's statistics as `{titles, rows: [{label, texts}]}`: a column for each track, a row for each number. */
export function numberGrid(facts, span, settings) {
  const lanes = facts.lanes.filter((lane) => span.lanes[lane.key]);
  const tracks = lanes.flatMap((lane) => trackNumbers(lane, span.lanes[lane.key]));
  const columns = tracks.map(({ lane, numbers }) => allStatisticRows(lane, numbers, settings));
  const textOf = (column, name) => column.find((row) => row.name === name)?.text ?? "–";
  const labels = Object.entries({ value: "value", ...STATISTIC_LABELS });
  const known = labels.filter(([name]) => columns.some((column) => column.some((row) => row.name === name)));
  const rows = known.map(([name, label]) => ({ label, texts: columns.map((column) => textOf(column, name)) }));
  return { titles: tracks.map(({ title }) => title), rows };
}
