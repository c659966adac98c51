// The vertical axis: values to pixels and back, its ticks, and the range that fits what is seen.

import { axisUnit, power10, tickNumbers, trueMinus } from "./numbers.js";

const NARROW_GAP = "\u202f";
const RANGE_MARGIN = 0.06; // of the data's range, above and below
const LEAST_USED = 0.5; // of the axis; with less, it is fitted again
const FINEST_RANGE = 1e-12; // of the largest value: what a float64 tells apart with some room

/**
 * Make a vertical axis, y = 0 at its top.
 *
 * A logarithmic one is symmetric: linear within ±`zero`, each half as high as a decade, and decades beyond,
 * so it holds zero and negative values.
 *
 * @param {object} options
 * @param {number} options.low value at the bottom
 * @param {number} options.high value at the top
 * @param {number} options.pixels height
 * @param {boolean} [options.log]
 * @param {number} [options.zero] where decades begin
 * @param {string} [options.units] of the values
 * @returns {{y: function, value: function, ticks: function, unit: string, low: number, high: number}} `unit` belongs
 *   behind the tick labels: "mA"; it is empty where they bring their own
 */
export function makeScale({ low, high, pixels, log = false, zero = 1e-9, units = "" }) {
  [low, high] = properRange(low, high);
  const [forth, back] = log ? symmetricLog(zero) : [identity, identity];
  const [bottom, top] = [forth(low), forth(high)];
  const perUnit = pixels / (top - bottom);
  const unit = log ? { label: "", factor: 1 } : axisUnit(units, Math.max(Math.abs(low), Math.abs(high)));

  const y = (value) => (top - forth(value)) * perUnit;
  const value = (at) => back(top - at / perUnit);
  /** Return at most `most` ticks, from the lowest up. */
  const ticks = (most) => {
    const values = log ? logValues(low, high, zero, most) : linearValues(low, high, most, unit.factor);
    const labels = log ? logLabels(values, units) : tickNumbers(values.map((one) => one * unit.factor));
    return values.map((one, i) => ({ y: y(one), value: one, label: labels[i] }));
  };
  return { y, value, ticks, unit: unit.label, low, high };
}

/**
 * Return the range of an axis for data: the old one as long as it fits, so that it does not move with every step.
 *
 * @param {[number, number]|null} old range
 * @param {number} low of the data
 * @param {number} high of the data
 * @param {{fixed?: [number, number]|null}} options `fixed` is taken as it is
 * @returns {[number, number]}
 */
export function autoRange(old, low, high, { fixed = null } = {}) {
  if (fixed) return fixed;
  if (!(high >= low)) return old ?? [0, 1];
  const fitting = withMargin(...widened(low, high));
  if (!old || low < old[0] || high > old[1]) return fitting;
  const used = (fitting[1] - fitting[0]) / (1 + 2 * RANGE_MARGIN) / (old[1] - old[0]);
  return used >= LEAST_USED ? old : fitting;
}

// ---- ranges ---------------------------------------------------------------------------------------------------------

function properRange(low, high) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  return widened(Math.min(low, high), Math.max(low, high));
}

// A constant stands in the middle of a tenth of itself, up and down
function widened(low, high) {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > FINEST_RANGE * largest) return [low, high];
  const half = 0.1 * largest || 1;
  return [(low + high) / 2 - half, (low + high) / 2 + half];
}

function withMargin(low, high) {
  const margin = RANGE_MARGIN * (high - low);
  return [low - margin, high + margin];
}

// ---- symmetric logarithm --------------------------------------------------------------------------------------------

function identity(value) {
  return value;
}

function symmetricLog(zero) {
  const forth = (value) => {
    const size = Math.abs(value) / zero;
    return size <= 1 ? value / zero : Math.sign(value) * (1 + Math.log10(size));
  };
  const back = (place) => {
    const size = Math.abs(place);
    return size <= 1 ? place * zero : Math.sign(place) * zero * 10 ** (size - 1);
  };
  return [forth, back];
}

// ---- ticks ----------------------------------------------------------------------------------------------------------

// Round in the unit that is shown: 0.05 W are 50 mW
function linearValues(low, high, most, factor = 1) {
  const [bottom, top] = [low * factor, high * factor];
  most = Math.max(most, 1);
  for (let [digit, power] = firstStep((top - bottom) / most); ; [digit, power] = greaterStep(digit, power)) {
    const multiple = (k) => (power < 0 ? (k * digit) / power10(-power) : k * digit * power10(power));
    const [first, last] = [Math.ceil(bottom / multiple(1) - 1e-9), Math.floor(top / multiple(1) + 1e-9)];
    if (last - first + 1 > most) continue;
    return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => multiple(first + i) / factor);
  }
}

function firstStep(rough) {
  const power = Math.floor(Math.log10(rough)) - 1;
  return [5, power];
}

function greaterStep(digit, power) {
  return digit === 5 ? [1, power + 1] : [digit === 1 ? 2 : 5, power];
}

function logValues(low, high, zero, most) {
  const decades = decadeValues(low, high, zero, [1]);
  if (decades.length >= 3) return thinned(decades, Math.max(most, 1));
  const finer = decadeValues(low, high, zero, [1, 2, 5]);
  return finer.length >= 3 && finer.length <= most ? finer : linearValues(low, high, most);
}

function decadeValues(low, high, zero, factors) {
  const first = Math.log10(zero);
  const decades = Math.max(0, Math.ceil(Math.log10(Math.max(-low, high) / zero)));
  const exponents = Array.from({ length: decades + 1 }, (_, k) => first + k);
  const sizes = exponents.flatMap((exponent) => factors.map((factor) => factor * decade(exponent)));
  const values = [...sizes.map((size) => -size).reverse(), 0, ...sizes];
  return values.filter((value) => value >= low && value <= high);
}

// Zeros that are powers of ten have exact decades
function decade(exponent) {
  const whole = Math.round(exponent);
  return Math.abs(exponent - whole) < 1e-9 ? power10(whole) : 10 ** exponent;
}

// Every k-th, counted from zero where that is seen, so that it stays
function thinned(values, most) {
  for (let every = 1; ; every++) {
    const anchor = Math.max(values.indexOf(0), 0);
    const left = values.filter((_, i) => (i - anchor) % every === 0);
    if (left.length <= most) return left;
  }
}

// Each with its own prefix, as they are decades apart, and with as many digits as tell neighbours apart
function logLabels(values, units) {
  for (let digits = 3; digits < 15; digits++) {
    const labels = values.map((value) => shortLabel(value, units, digits));
    if (new Set(labels).size === values.length) return labels;
  }
  return values.map((value) => shortLabel(value, units, 15));
}

function shortLabel(value, units, digits) {
  const unit = axisUnit(units, value);
  const number = trueMinus(String(Number((value * unit.factor).toPrecision(digits))));
  return unit.label ? `${number}${NARROW_GAP}${unit.label}` : number;
}
