// Time as people read it: moments, ticks of an axis and what they share, durations. Exact to the nanosecond.

import {
  DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, UTC_ZONE,
  floorBy, minutesEastHere, nextStep, onTheWall, tickStep, wallTimes, zoneName, zoneOf,
} from "./calendar.js";
import { isNumber, trueMinus, withPrefix } from "./numbers.js";

const NARROW_SPACE = "\u202f";
const FINE_UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
const LONG_NS = 600 * SECOND_NS; // from here on seconds are read as h:mm:ss
const MANY_STEPS = 1e5; // numbers longer than this are split: what all share is said once

/**
 * Make what writes the times of one recording; see docs/explanation/wire.md for the axis.
 *
 * Modes are "utc", "local", "relative" (to the origin) and "marker" (to `zero`, ns since the origin). Without UTC the
 * first two are as "relative".
 *
 * @param {object} facts
 * @param {boolean} facts.utc whether the origin is a UTC
 * @param {string} facts.origin a whole number of ns since 1970
 * @param {string} facts.since what relative time counts from: "the first sample"
 * @param {function(number): number} [facts.minutesEast] the zone of "local", by ms since 1970; that of this computer
 * @returns {{text: function, label: function, head: function, ticks: function}}
 */
export function makeTimes({ utc, origin, since, minutesEast = minutesEastHere }) {
  const here = zoneOf(minutesEast);
  const absolute = { utc: absoluteTimes(BigInt(origin), UTC_ZONE), local: absoluteTimes(BigInt(origin), here) };
  const scaleOf = (mode, zero) => {
    if (utc && mode in absolute) return absolute[mode];
    return mode === "marker" ? relativeTimes(zero ?? 0, "the marker", "+") : relativeTimes(0, since, "");
  };

  /** Return the full time of a moment, to the nanosecond where it needs that. */
  const text = (x, mode, zero) => (isNumber(x) ? scaleOf(mode, zero).text(x) : "–");

  /** Return what stands at a tick, where ticks are `step` ns apart and the axis goes from x0 to x1. */
  const label = (x, step, mode, zero, x0 = x, x1 = x) => scaleOf(mode, zero).label(x, step, x0, x1);

  /** Return what all labels share: the date, or the time that they are counted from. */
  const head = (x0, x1, mode, zero, step = tickStep(x1 - x0, 8)) => scaleOf(mode, zero).head(x0, x1, step);

  /** Return at most `most` ticks in [x0, x1], rising, with labels that differ. */
  const ticks = (x0, x1, most, mode, zero) => {
    const scale = scaleOf(mode, zero);
    const [step, at] = isNumber(x1 - x0) && x1 > x0 && most >= 1 ? fewTicks(scale, x0, x1, most) : [SECOND_NS, []];
    const labels = at.map((x) => scale.label(x, step, x0, x1));
    return { step, at, labels, head: at.length ? scale.head(x0, x1, step) : "" };
  };

  return { text, label, head, ticks };
}

/**
 * Return a length of time.
 *
 * @param {number|null} ns
 * @param {number} digits significant ones below a minute; beyond, so many less two behind the seconds
 * @returns {string} "12.345 ms", "1:56:40.000", "6 d 23:59:59.000"
 */
export function durationText(ns, digits = 5) {
  if (!isNumber(ns)) return "–";
  if (Math.abs(ns) < MINUTE_NS) return withPrefix(ns / SECOND_NS, "s", digits);
  return clockText(BigInt(Math.round(ns)), Math.min(Math.max(digits - 2, 0), 9));
}

/**
 * Return how often a length of time fits into a second.
 *
 * @param {number|null} ns
 * @returns {string} "714.3 µHz"
 */
export function frequencyText(ns) {
  return isNumber(ns) && ns !== 0 ? withPrefix(SECOND_NS / Math.abs(ns), "Hz") : "–";
}

function fewTicks(scale, x0, x1, most) {
  let step = tickStep(x1 - x0, most);
  let at = scale.at(x0, x1, step);
  // An hour that the wall shows twice may make one tick too many
  while (at.length > most && nextStep(step) > step) {
    step = nextStep(step);
    at = scale.at(x0, x1, step);
  }
  return [step, at];
}

// ---- time of day ----------------------------------------------------------------------------------------------------

function absoluteTimes(origin, zone) {
  const utcOf = (x) => origin + BigInt(Math.round(x));

  function at(x0, x1, step) {
    const times = wallTimes(origin + BigInt(Math.ceil(x0)), origin + BigInt(Math.floor(x1)), step, zone);
    return times.map((utc) => Number(utc - origin));
  }

  function label(x, step, x0, x1) {
    if (step < 1e6) return offsetText(utcOf(x) - fineBase(utcOf(x0), step), step);
    const { day, year, clock, ns, isMidnight } = onTheWall(utcOf(x), zone);
    if (step >= 50 * DAY_NS) return `${day} ${year}`;
    if (step >= DAY_NS || (isMidnight && step >= MINUTE_NS)) return day;
    if (step >= MINUTE_NS) return x1 - x0 > DAY_NS ? `${day} ${clock.slice(0, 5)}` : clock.slice(0, 5);
    return clock + fractionText(ns, decimalsOf(step, SECOND_NS));
  }

  function head(x0, x1, step) {
    const [start, stop] = [utcOf(x0), utcOf(x1)];
    const [name, last] = [zoneName(start, zone), zoneName(stop, zone)];
    const names = name === last ? name : `${name}/${last}`;
    if (step < 1e6) return `${momentText(fineBase(start, step), zone, step < 1e3 ? 6 : 3)} ${names} +`;
    const [from, to] = [onTheWall(start, zone).date, onTheWall(stop, zone).date];
    return from === to ? `${from} ${names}` : `${from} – ${to} ${names}`;
  }

  const text = (x) => `${momentText(utcOf(x), zone)} ${zoneName(utcOf(x), zone)}`;
  return { at, label, head, text };
}

function momentText(utc, zone, decimals = null) {
  const { date, clock, ns } = onTheWall(utc, zone);
  return `${date} ${clock}${fractionText(ns, decimals ?? decimalsIn(ns))}`;
}

// ---- time since a moment --------------------------------------------------------------------------------------------

function relativeTimes(zero, since, plus) {
  const start = Math.round(zero);
  const since0 = (x) => Math.round(x) - start;
  const reach = (x0, x1) => Math.max(Math.abs(since0(x0)), Math.abs(since0(x1)));
  const isFine = (step, x0, x1) => step < 1e6 && reach(x0, x1) >= MANY_STEPS * step;
  const isLong = (step, x0, x1) => step >= MINUTE_NS || reach(x0, x1) >= LONG_NS;

  function at(x0, x1, step) {
    const found = [];
    for (let k = Math.ceil((x0 - start) / step); k * step + start <= x1; k++) found.push(k * step + start);
    return found;
  }

  function label(x, step, x0, x1) {
    const ns = since0(x);
    if (isFine(step, x0, x1)) return offsetText(BigInt(ns) - fineBase(BigInt(since0(x0)), step), step);
    if (isLong(step, x0, x1)) return longLabel(ns, step);
    const [unit, name] = FINE_UNITS.find(([one]) => reach(x0, x1) >= one) ?? [1, "ns"];
    return `${trueMinus((ns / unit).toFixed(decimalsOf(step, unit)))}${NARROW_SPACE}${name}`;
  }

  function head(x0, x1, step) {
    if (isFine(step, x0, x1)) return `${elapsedText(fineBase(BigInt(since0(x0)), step))} since ${since} +`;
    if (!isLong(step, x0, x1) || step >= DAY_NS) return `since ${since}`;
    return `${step >= MINUTE_NS ? "h:mm" : "h:mm:ss"} since ${since}`;
  }

  const text = (x) => (since0(x) > 0 ? plus : "") + elapsedText(BigInt(since0(x)));
  return { at, label, head, text };
}

function longLabel(ns, step) {
  if (step >= DAY_NS) return `${trueMinus(String(Math.round(ns / DAY_NS)))}${NARROW_SPACE}d`;
  if (step >= MINUTE_NS) return clockText(BigInt(ns), 0).slice(0, -3);
  return clockText(BigInt(ns), decimalsOf(step, SECOND_NS));
}

function elapsedText(ns) {
  const size = ns < 0n ? -ns : ns;
  const digits = String(size % 1_000_000_000n).padStart(9, "0");
  if (size >= BigInt(MINUTE_NS)) return clockText(ns, decimalsIn(digits));
  return `${signOf(ns)}${size / 1_000_000_000n}${fractionText(digits, decimalsIn(digits))}${NARROW_SPACE}s`;
}

// Rounds: 59.9996 s with three digits are a minute
function clockText(ns, decimals) {
  const unit = 10n ** BigInt(9 - decimals);
  const size = ((ns < 0n ? -ns : ns) + unit / 2n) / unit * unit;
  const seconds = size / 1_000_000_000n;
  const days = size / BigInt(DAY_NS);
  const hours = (size % BigInt(DAY_NS)) / BigInt(HOUR_NS);
  const two = (count) => String(count % 60n).padStart(2, "0");
  const clock = `${hours}:${two(seconds / 60n)}:${two(seconds)}`;
  const fraction = fractionText(String(size % 1_000_000_000n).padStart(9, "0"), decimals);
  return `${signOf(ns)}${days ? `${days}${NARROW_SPACE}d ` : ""}${clock}${fraction}`;
}

// ---- digits ---------------------------------------------------------------------------------------------------------

const signOf = (ns) => (ns < 0n ? "−" : "");
const fractionText = (ns, decimals) => (decimals ? `.${ns.slice(0, decimals)}` : "");

// Thousandths, millionths or billionths: the first of them that is exact
function decimalsIn(ns) {
  if (ns.endsWith("000000")) return 3;
  return ns.endsWith("000") ? 6 : 9;
}

// So many that multiples of the step are exact
function decimalsOf(step, unit) {
  let decimals = 0;
  while (decimals < 9 && (step * 10 ** decimals) % unit !== 0) decimals++;
  return decimals;
}

// Below a millisecond, what labels are counted from: three digits coarser than their unit
function fineBase(ns, step) {
  const coarse = step < 1e3 ? 1_000n : 1_000_000n;
  return floorBy(ns, coarse) * coarse;
}

function offsetText(ns, step) {
  return step < 1e3 ? `${ns}${NARROW_SPACE}ns` : `${ns / 1000n}${NARROW_SPACE}µs`;
}
