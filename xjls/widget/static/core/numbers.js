// Numbers as people read them: engineering prefixes, and exactly as many digits as say something.

const NARROW = "\u202f"; // a narrow no-break space
const PREFIXES = { "-15": "f", "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T" };
const EXPONENTS = { f: -15, p: -12, n: -9, u: -6, "µ": -6, "μ": -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12 };
// Others (°C, %, dBm, counts …) are read with plain numbers
const PREFIXED = /^([fpnuµμmkMGT])?(A|V|W|C|J|Hz|s|F|H|Ω|ohm|Ah|Wh|VA|S|T|Pa|N|m|B)$/u;
const LEAST_EXPONENT = -15;
const MOST_EXPONENT = 12;
const MOST_DECIMALS = 15;
const PLAIN_BELOW = 1e15; // beyond, a number is written with a power of ten

/**
 * Return the unit that an axis is labelled in, where its numbers reach `largest`.
 *
 * @param {string} units of the values, with or without a prefix: "A", "mA"
 * @param {number} largest value on the axis, in these units
 * @returns {{label: string, factor: number}} number on the axis = value × factor
 */
export function axisUnit(units, largest) {
  const parts = PREFIXED.exec(units);
  if (parts === null || !Number.isFinite(largest)) return { label: units, factor: 1 };
  const given = EXPONENTS[parts[1] ?? ""];
  return unitAt(parts[2], given, prefixExponent(Math.abs(largest) * power10(given)));
}

/**
 * Return one value with a prefix of its own, always with the same number of significant digits.
 *
 * @param {number|null} value
 * @param {string} units
 * @param {number} digits significant ones
 * @returns {string} "15.49 mA", "−1.500 V"; "–" where there is no number
 */
export function withPrefix(value, units, digits = 4) {
  if (!isNumber(value)) return "–";
  let unit = axisUnit(units, value);
  let text = significant(value * unit.factor, digits);
  if (unit.label !== units || PREFIXED.test(units)) {
    // 999.96 mA is read as 1.000 A
    const rounded = axisUnit(units, Number(text) / unit.factor);
    if (rounded.label !== unit.label) text = significant(value * rounded.factor, digits);
    unit = rounded;
  }
  return unit.label ? `${trueMinus(text)}${NARROW}${unit.label}` : trueMinus(text);
}

/**
 * Return evenly spaced numbers, all with the same digits behind the point: as many as their distance needs.
 *
 * @param {number[]} values
 * @returns {string[]} ["−50", "0", "50", "100", "150"], ["3.200", "3.225", "3.250"]
 */
export function tickNumbers(values) {
  const step = smallestStep(values);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest >= PLAIN_BELOW) return values.map((value) => trueMinus(value.toExponential(powerDigits(largest, step))));
  const decimals = decimalsFor(values, step);
  return values.map((value) => signedFixed(value, decimals));
}

/**
 * Return a charge in Ah instead of C, an energy in Wh instead of J; anything else as it is.
 *
 * @param {number|null} value
 * @param {string} units
 * @returns {[number|null, string]}
 */
export function inHours(value, units) {
  const parts = /^([fpnuµμmkMGT]?)([CJ])$/u.exec(units);
  if (parts === null) return [value, units];
  return [isNumber(value) ? value / 3600 : null, parts[1] + { C: "Ah", J: "Wh" }[parts[2]]];
}

/**
 * Return a count: exact below a million, beyond with three digits and a prefix.
 *
 * @param {number|null} n
 * @returns {string} "29 630", "1.70 M"
 */
export function countText(n) {
  if (!isNumber(n)) return "–";
  if (Math.abs(n) < 1e6) return trueMinus(String(Math.round(n))).replace(/\B(?=(\d{3})+$)/g, NARROW);
  const exponent = prefixExponent(Number(Math.abs(n).toPrecision(3)));
  return `${trueMinus(significant(n / power10(exponent), 3))}${NARROW}${PREFIXES[exponent]}`;
}

/**
 * Return a number with so many significant digits, without a power of ten where it can be read without.
 *
 * @param {number} value
 * @param {number} digits
 * @returns {string} with an ASCII minus
 */
export function significant(value, digits) {
  if (value === 0) return (0).toFixed(digits - 1);
  const exponent = Number(value.toExponential(digits - 1).split("e")[1]);
  if (exponent < -6 || exponent >= 15) return value.toExponential(digits - 1);
  return value.toFixed(Math.max(0, digits - 1 - exponent));
}

/**
 * Replace hyphens by true minus signs.
 *
 * @param {string} text of a number
 * @returns {string}
 */
export function trueMinus(text) {
  return text.replace(/-/g, "−");
}

/**
 * Return whether this is a finite number.
 *
 * @param {*} value
 * @returns {boolean}
 */
export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/**
 * Return a power of ten without the errors of multiplying.
 *
 * @param {number} exponent a whole number
 * @returns {number}
 */
export function power10(exponent) {
  return Number(`1e${exponent}`);
}

function unitAt(base, given, exponent) {
  // A division where the factor is below 1 would be as exact, but axes multiply
  return { label: PREFIXES[exponent] + base, factor: power10(given - exponent) };
}

function prefixExponent(magnitude) {
  if (!(magnitude > 0)) return 0;
  const exponent = 3 * Math.floor(Math.log10(magnitude * (1 + 1e-12)) / 3);
  return Math.min(Math.max(exponent, LEAST_EXPONENT), MOST_EXPONENT);
}

function smallestStep(values) {
  let step = Infinity;
  for (let i = 1; i < values.length; i++) {
    const jump = Math.abs(values[i] - values[i - 1]);
    if (jump > 0) step = Math.min(step, jump);
  }
  if (step < Infinity) return step;
  return values.length ? Math.abs(values[0]) : 0;
}

// As few as show each value to a hundredth of the step: 3.2, 3.225 need three, 0, 50, 150 none
function decimalsFor(values, step) {
  if (!(step > 0) || step === Infinity) return 0;
  const first = Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), MOST_DECIMALS);
  for (let decimals = first; decimals < Math.min(first + 2, MOST_DECIMALS); decimals++) {
    if (values.every((value) => Math.abs(Number(value.toFixed(decimals)) - value) < 0.01 * step)) return decimals;
  }
  return Math.min(first + 2, MOST_DECIMALS);
}

function powerDigits(largest, step) {
  return Math.min(Math.max(0, Math.floor(Math.log10(largest)) - Math.floor(Math.log10(step)) + 1), MOST_DECIMALS);
}

// No "−0": a tick beside zero is zero
function signedFixed(value, decimals) {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? (0).toFixed(decimals) : trueMinus(text);
}
