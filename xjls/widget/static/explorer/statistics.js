// Statistics as rows of text, in the user's units and digits: for the screen, the clipboard and the table.

import { countText, inHours, withPrefix } from "../core/numbers.js";
import { STATISTIC_LABELS } from "./settings.js";

const DUTY = ["mean", "n", "lost"];
const COUNTS = new Set(["n", "lost", "nan"]);

/** Rows `{name, label, text, value}` of a lane's numbers, in the order of the settings: those worth their place. */
export function statisticRows(lane, numbers, settings) {
  if (!numbers) return [];
  if ("value" in numbers) return [momentRow(lane, numbers, settings)];
  return rowsNamed(lane, numbers, settings.statistics.filter((name) => isWorthwhile(lane, name)), settings);
}

// Of a moment one sample is known, or where there are no samples the mean of those around it.
function momentRow(lane, { value, per }, settings) {
  return { name: "value", label: per > 1 ? "≈ value" : "value", text: valueText(lane, value, settings), value };
}

/** The rows of all statistics there are, whatever the settings say. */
export function allStatisticRows(lane, numbers, settings) {
  if ("value" in numbers) return statisticRows(lane, numbers, settings);
  return rowsNamed(lane, numbers, Object.keys(STATISTIC_LABELS), settings);
}

// The integral of a current is a charge, that of a voltage is nothing that anybody asks for.
function isWorthwhile(lane, name) {
  if (lane.shape === "logic") return DUTY.includes(name);
  return name !== "integral" || !(lane.integral_units ?? "").endsWith("s");
}

function rowsNamed(lane, numbers, names, settings) {
  return names.map((name) => ({
    name,
    label: lane.shape === "logic" && name === "mean" ? "duty" : STATISTIC_LABELS[name],
    text: aboutText(lane, name, numbers, settings),
    value: numbers[name],
  }));
}

// What was computed from columns is said to be about right; counts are what they are.
function aboutText(lane, name, numbers, settings) {
  const text = name === "lost" ? lostText(numbers) : statisticText(lane, name, numbers[name], settings);
  return numbers.exact === false && !COUNTS.has(name) && text !== "–" ? `≈ ${text}` : text;
}

// Samples that are held as NaN or infinite have no value either, but nobody lost them on the way.
function lostText({ lost, nan }) {
  if (!(lost > 0 && nan > 0)) return lost === null || lost === undefined ? "–" : countText(lost);
  return `${countText(lost)}, ${nan >= lost ? "all" : countText(nan)} NaN`;
}

/** One statistic as text, "–" where there is no number. */
export function statisticText(lane, name, value, settings) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (COUNTS.has(name)) return countText(value);
  if (name === "integral") return integralText(lane, value, settings);
  if (lane.shape === "logic") return percentText(value, settings.digits);
  return valueText(lane, value, settings);
}

/** A value of a lane's signal as text. */
export function valueText(lane, value, settings) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (lane.shape === "analog") return withPrefix(value, lane.units, settings.digits);
  const text = Number.isInteger(value) ? String(value) : value.toPrecision(settings.digits);
  return lane.units ? `${text}\u202f${lane.units}` : text;
}

/** A lane's numbers as `[{lane, place, title, numbers}]`, one for each track; the title names the track of several. */
export function trackNumbers(lane, numbers) {
  return [numbers, ...(numbers.others ?? [])].map((one, place) => {
    const track = lane.tracks.length > 1 ? lane.tracks[place] : null;
    const title = track ? `${lane.name} (${track.label || track.name})` : lane.name;
    return { lane, place, title, numbers: one };
  });
}

/** All statistics as text with tabs, a line for each track of each span `{name, from, to, lanes}`. */
export function statisticsAsText(facts, spans, settings) {
  const head = ["span", "from", "to", "signal", ...settings.statistics.map((name) => STATISTIC_LABELS[name])];
  const lines = spans.flatMap(({ name, from, to, lanes }) =>
    facts.lanes
      .filter((lane) => lanes[lane.key])
      .flatMap((lane) => trackNumbers(lane, lanes[lane.key]))
      .map(({ lane, title, numbers }) => [name, from, to, title, ...cellsOf(lane, numbers, settings)].join("\t")),
  );
  return [head.join("\t"), ...lines].join("\n");
}

function cellsOf(lane, numbers, settings) {
  if ("value" in numbers) return [`${numbers.per > 1 ? "≈ " : ""}${valueText(lane, numbers.value, settings)}`];
  return settings.statistics.map((name) => aboutText(lane, name, numbers, settings));
}

function integralText(lane, value, settings) {
  const own = [value, lane.integral_units];
  const [number, units] = settings.units === "hours" ? inHours(...own) : own;
  return withPrefix(number, units, settings.digits);
}

function percentText(value, digits) {
  return `${(value * 100).toFixed(Math.max(0, digits - 2))}\u202f%`;
}
