// Numbers of a span: the exact ones that the page carries where it has them, else those of its columns.

import { columnOf } from "./table.js";

const SAME_NS = 0.5;

/**
 * Statistics of a span of one track, to within its columns: those that lie in it partly count by their share.
 *
 * @param {object} table as of `makePageTable`
 * @param {number} x0 ns
 * @param {number} x1 ns
 * @param {number} rate_hz
 * @returns {object} the numbers of docs/explanation/wire.md, `exact` false
 */
export function columnNumbers(table, x0, x1, rate_hz, shift = 0) {
  const [low, high] = [Math.max(x0 - shift, table.edges[0]), Math.min(x1 - shift, table.edges[table.n])];
  const sums = { n: 0, mean: 0, squares: 0, low: Infinity, high: -Infinity, missing: 0 };
  const last = Math.min(table.n - 1, columnOf(table.edges, high));
  for (let i = Math.max(0, columnOf(table.edges, low)); i <= last && high > low; i++) addShare(sums, table, i, low, high);
  return numbersOf(sums, table, { rate_hz, x0: Math.min(low, high) + shift, x1: high + shift });
}

/** The column under a single marker. */
export function columnAt(table, x, shift = 0) {
  const i = Math.min(columnOf(table.edges, x - shift), table.n - 1);
  if (i < 0) return { value: null, x0: null, per: 1 };
  return { value: finiteOrNull(table.mean[i] + table.y0), x0: table.edges[i] + shift, per: table.length[i] };
}

/** What the page knows exactly of a span or a moment: `{lane: numbers}`, or null. */
export function exactNumbers(known, x0, x1, extent) {
  const [a, b] = x1 === null ? [x0, null] : [Math.max(x0, extent[0]), Math.min(x1, extent[1])];
  const found = known.find((one) => near(one.x0, a) && (b === null ? one.x1 === null : near(one.x1, b)));
  return found?.lanes ?? null;
}

function near(a, b) {
  return a !== null && Math.abs(a - b) <= SAME_NS;
}

function addShare(sums, table, i, low, high) {
  const [start, stop] = [table.edges[i], table.edges[i + 1]];
  const share = (Math.min(stop, high) - Math.max(start, low)) / (stop - start);
  if (!(share > 0)) return;
  const count = table.count[i] * share;
  sums.missing += (table.lost ? table.lost[i] : 0) * share;
  if (!(count > 0)) return;
  sums.n += count;
  const apart = table.mean[i] - sums.mean;
  sums.mean += (apart * count) / sums.n;
  sums.squares += count * (withinSquare(table, i) + apart * (table.mean[i] - sums.mean));
  sums.low = Math.min(sums.low, table.min[i]);
  sums.high = Math.max(sums.high, table.max[i]);
}

// Of low and high the mean tells the deviation
function withinSquare(table, i) {
  if (table.shape === "logic") return table.mean[i] * (1 - table.mean[i]);
  return table.std === null ? NaN : table.std[i] ** 2;
}

function numbersOf(sums, table, { rate_hz, x0, x1 }) {
  const { n, y0 } = { n: sums.n, y0: table.y0 };
  const some = (value) => (n > 0 ? finiteOrNull(value) : null);
  const [mean, variance] = [sums.mean + y0, Math.max(sums.squares / n, 0)];
  return {
    mean: some(mean), std: some(Math.sqrt(variance)), rms: some(Math.sqrt(mean * mean + variance)),
    min: some(sums.low + y0), max: some(sums.high + y0), pp: some(sums.high - sums.low),
    integral: n > 0 ? (mean * n) / rate_hz : 0, n: Math.round(n), lost: Math.round(sums.missing), nan: null,
    exact: false, duration_s: Math.max(0, x1 - x0) / 1e9, x0, x1,
  };
}

function finiteOrNull(value) {
  return Number.isFinite(value) ? value : null;
}
