// Columns of a strip folded onto the pixels of a view: what the blitter draws.

const FOLD_ARRAYS = ["low", "high", "mean0", "mean1", "std", "meanOf", "fill"];
const LEAST_TOUCH = 1e-6; // of a pixel: less of a column in it is a rounding error

/**
 * Fold the columns of a strip onto pixels.
 *
 * A column counts for a pixel by the share of the pixel that it covers, times the share of its samples that are there.
 * Extremes count wholly in each pixel that the column touches. The spread is that within the columns and that between
 * their means. Values stay relative to `y0`; where there is no sample they are NaN.
 *
 * @param {object} strip of a tile
 * @param {number} x0 ns at the left edge of the first pixel
 * @param {number} x1 ns at the right edge of the last one
 * @param {number} pixels
 * @returns {{y0: number, low, high, mean0, mean1, std, meanOf, fill}} Float32Array[pixels] each: extremes, extent of
 *   the line of means, standard deviation (NaN where the strip has none), mean, and share of the pixel with samples
 */
export function foldStrip(strip, x0, x1, pixels) {
  const fold = emptyFold(strip.y0, pixels);
  const weights = new Float64Array(pixels);
  const means = new Float64Array(pixels); // in float64 until the end: many columns may meet in a pixel
  const squares = new Float64Array(pixels);
  const scale = pixels / (x1 - x0);
  const [first, last] = columnsIn(strip, x0, x1);
  for (let i = first; i < last; i++) {
    if (strip.fill[i] === 0 || Number.isNaN(strip.mean[i])) continue;
    const left = (strip.edge(i) - x0) * scale;
    const right = (strip.edge(i + 1) - x0) * scale;
    spreadColumn(strip, i, left, right, fold, weights, means, squares);
  }
  finishFold(fold, strip, weights, means, squares);
  return fold;
}

function emptyFold(y0, pixels) {
  const arrays = FOLD_ARRAYS.map((name) => [name, new Float32Array(pixels).fill(NaN)]);
  const fold = { y0, ...Object.fromEntries(arrays) };
  fold.fill.fill(0);
  return fold;
}

// Columns [first, last) that may touch the view
function columnsIn(strip, x0, x1) {
  if (strip.n === 0 || x1 <= strip.edge(0) || x0 >= strip.edge(strip.n)) return [0, 0];
  const last = strip.columnAt(x1);
  return [Math.max(strip.columnAt(x0), 0), last < 0 ? strip.n : last + 1];
}

function spreadColumn(strip, i, left, right, fold, weights, means, squares) {
  const mean = strip.mean[i];
  const low = strip.min ? strip.min[i] : mean;
  const high = strip.max ? strip.max[i] : mean;
  const within = strip.std ? strip.std[i] ** 2 : 0;
  const there = strip.fill[i] / 255;
  const stop = Math.min(Math.ceil(right), weights.length);
  for (let p = Math.max(Math.floor(left), 0); p < stop; p++) {
    const share = Math.min(right, p + 1) - Math.max(left, p);
    // A column far narrower than a pixel lies in one all the same
    if (!(share > 0) || (share < LEAST_TOUCH && share < 0.5 * (right - left))) continue;
    const weight = share * there;
    weights[p] += weight;
    const apart = mean - means[p];
    means[p] += (apart * weight) / weights[p];
    squares[p] += weight * (within + apart * (mean - means[p]));
    widen(fold, p, low, high, mean);
  }
}

// Comparisons with NaN are false: what is there first is taken
function widen(fold, p, low, high, mean) {
  if (!(fold.low[p] <= low)) fold.low[p] = low;
  if (!(fold.high[p] >= high)) fold.high[p] = high;
  if (!(fold.mean0[p] <= mean)) fold.mean0[p] = mean;
  if (!(fold.mean1[p] >= mean)) fold.mean1[p] = mean;
}

function finishFold(fold, strip, weights, means, squares) {
  const hasSpread = strip.std !== null || strip.kind === "samples";
  for (let p = 0; p < weights.length; p++) {
    if (!(weights[p] > 0)) continue;
    fold.meanOf[p] = means[p];
    fold.fill[p] = Math.min(weights[p], 1);
    if (hasSpread) fold.std[p] = Math.sqrt(Math.max(squares[p] / weights[p], 0));
  }
}
