// Moments of columns put together, as exactly as their numbers allow: what a page without a kernel answers from.

/**
 * Merge neighbouring columns.
 *
 * The variance of a whole is that within its parts and that between them (Chan, Golub, LeVeque 1979), so the result is
 * what the samples themselves would give. Columns without samples (`count` 0) add nothing; what has none is NaN.
 *
 * @param {{mean, std, min, max, count}} table arrays of one length; `std` divides by n, `count` are valid samples
 * @param {Int32Array} starts rising; group k is the columns [starts[k], starts[k + 1]), the last goes on to the end
 * @returns {{mean, std, min, max, count}} Float64Array[starts.length] each
 */
export function mergeColumns(table, starts) {
  const names = ["mean", "std", "min", "max", "count"];
  const merged = Object.fromEntries(names.map((name) => [name, new Float64Array(starts.length)]));
  for (let k = 0; k < starts.length; k++) {
    mergeGroup(table, starts[k], k + 1 < starts.length ? starts[k + 1] : table.count.length, merged, k);
  }
  return merged;
}

function mergeGroup(table, start, stop, merged, k) {
  let n = 0;
  let mean = 0;
  let squares = 0;
  let low = Infinity;
  let high = -Infinity;
  for (let i = start; i < stop; i++) {
    const count = table.count[i];
    if (!(count > 0)) continue;
    n += count;
    const apart = table.mean[i] - mean;
    mean += (apart * count) / n;
    squares += count * (table.std[i] ** 2 + apart * (table.mean[i] - mean));
    low = Math.min(low, table.min[i]);
    high = Math.max(high, table.max[i]);
  }
  merged.count[k] = n;
  merged.mean[k] = n ? mean : NaN;
  merged.std[k] = n ? Math.sqrt(Math.max(squares / n, 0)) : NaN;
  merged.min[k] = n ? low : NaN;
  merged.max[k] = n ? high : NaN;
}
