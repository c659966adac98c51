// Nanoseconds and the wall: steps that people count in, dates, and the zone of this computer. All in whole numbers.

import { trueMinus } from "./numbers.js";

export const SECOND_NS = 1e9;
export const MINUTE_NS = 60 * SECOND_NS;
export const HOUR_NS = 3600 * SECOND_NS;
export const DAY_NS = 24 * HOUR_NS;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const STEPS = [
  ...decadesOf(9, 1),
  ...[SECOND_NS, MINUTE_NS].flatMap((unit) => [1, 2, 5, 10, 15, 30].map((count) => count * unit)),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR_NS),
  ...decadesOf(6, DAY_NS),
];

/**
 * A zone of time without any change of the clocks: UTC.
 */
export const UTC_ZONE = { shift: () => 0n };

/**
 * Return a zone.
 *
 * @param {function(number): number} minutesEast of UTC, at a time in ms since 1970
 * @returns {{shift: function(bigint): bigint}} ns that the wall is before UTC, at a UTC in ns
 */
export function zoneOf(minutesEast) {
  return { shift: (utc) => BigInt(minutesEast(Number(floorBy(utc, 1_000_000n)))) * 60_000_000_000n };
}

/**
 * Return the minutes that this computer's wall is before UTC.
 *
 * @param {number} ms since 1970
 * @returns {number}
 */
export function minutesEastHere(ms) {
  return -Math.round(new Date(ms).getTimezoneOffset());
}

/**
 * Return the smallest distance of ticks that makes no more of them than wanted.
 *
 * @param {number} span ns
 * @param {number} most ticks
 * @returns {number} ns
 */
export function tickStep(span, most) {
  return STEPS.find((step) => Math.floor(span / step) < most) ?? STEPS.at(-1);
}

/**
 * Return the distance of ticks one greater than this.
 *
 * @param {number} step ns
 * @returns {number} ns
 */
export function nextStep(step) {
  return STEPS.find((one) => one > step) ?? step;
}

/**
 * Return all times whose wall shows a multiple of the step, as UTC.
 *
 * @param {bigint} start UTC in ns
 * @param {bigint} stop included
 * @param {number} step ns; of days, they are counted since 1970
 * @param {{shift: function}} zone
 * @returns {bigint[]} rising, each once: an hour that the wall leaves out has no tick, one that it shows twice has one
 */
export function wallTimes(start, stop, step, zone) {
  const by = BigInt(step);
  // Up to 30 min the wall goes on evenly but for one moment a year; from the hour on midnight is what counts
  const steady = step < HOUR_NS ? zone.shift(start) : null;
  const toUtc = steady === null ? (wall) => utcOfWall(wall, zone) : (wall) => wall - steady;
  const last = stop + (steady ?? zone.shift(stop) + BigInt(HOUR_NS));
  const found = [];
  for (let wall = floorBy(start + zone.shift(start), by) * by; wall <= last; wall += by) {
    const utc = toUtc(wall);
    if (utc >= start && utc <= stop && utc !== found.at(-1)) found.push(utc);
  }
  return found;
}

/**
 * Return what calendar and clock show.
 *
 * @param {bigint} utc ns
 * @param {{shift: function}} zone
 * @returns {{date: string, day: string, year: number, clock: string, ns: string, isMidnight: boolean}} `clock` is
 *   HH:MM:SS, `ns` the nine digits behind it
 */
export function onTheWall(utc, zone) {
  const wall = utc + zone.shift(utc);
  const seconds = floorBy(wall, 1_000_000_000n);
  const date = new Date(Number(seconds) * 1000);
  const iso = date.toISOString();
  const cut = iso.indexOf("T");
  return {
    date: iso.slice(0, cut),
    day: `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`,
    year: date.getUTCFullYear(),
    clock: iso.slice(cut + 1, cut + 9),
    ns: String(wall - seconds * 1_000_000_000n).padStart(9, "0"),
    isMidnight: wall % BigInt(DAY_NS) === 0n,
  };
}

/**
 * Return what a zone is called at a time.
 *
 * @param {bigint} utc ns
 * @param {{shift: function}} zone
 * @returns {string} "UTC", "UTC+1", "UTC−3:30"
 */
export function zoneName(utc, zone) {
  const minutes = Number(zone.shift(utc) / 60_000_000_000n);
  if (minutes === 0) return "UTC";
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const sign = minutes < 0 ? trueMinus("-") : "+";
  return `UTC${sign}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/**
 * Divide whole numbers, towards minus infinity.
 *
 * @param {bigint} value
 * @param {bigint} by positive
 * @returns {bigint}
 */
export function floorBy(value, by) {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}

// Twice, because the first guess may lie on the other side of a change of the clocks
function utcOfWall(wall, zone) {
  const guess = wall - zone.shift(wall);
  return wall - zone.shift(guess);
}

function decadesOf(count, unit) {
  return Array.from({ length: count }, (_, k) => [1, 2, 5].map((factor) => factor * 10 ** k * unit)).flat();
}
