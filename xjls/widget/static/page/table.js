// The columns that a page holds of one track, and what of them a tile shows.

import { mergeColumns } from "../core/merge.js";

const MOST_PER_PIXEL = 1.5;

/**
 * Make the table of a track of what is packed of it.
 *
 * @param {object} packed {lane, track, shape, start, step, y0, ends, spans, and places among the arrays}
 * @param {Array} arrays as of `unpackArrays`
 * @returns {object} n columns: edges Float64Array[n + 1] ns, mean, std (null where unknown), min, max less y0, count,
 *   length in samples, lost (samples without a value; null where there are none)
 */
export function makePageTable(packed, arrays) {
  const pick = (name) => (packed[name] === null ? null : arrays[packed[name]]);
  const mean = pick("mean");
  const n = mean.length;
  const length = pieceLengths(packed.pieces, n);
  const missing = pick("missing");
  const withoutValue = packed.lost === null || packed.lost === undefined ? missing : arrays[packed.lost];
  return {
    lane: packed.lane, track: packed.track, shape: packed.shape, shift: packed.shift, y0: packed.y0, spans: packed.spans, n, mean, length,
    std: pick("std") ?? (packed.samples ? new Float32Array(n) : null), min: pick("min") ?? mean, max: pick("max") ?? mean, lost: withoutValue,
    count: missing ? length.map((all, i) => all - missing[i]) : length, edges: edgesOf(packed.start, packed.step, pick("bend")),
  };
}

/** Samples a second, from all columns: what is laid over a lane may have another rate than the lane. */
export function tableRate({ edges, length, n }) {
  return (sumOf(length, 0, n) / (edges[n] - edges[0])) * 1e9;
}

/** Edges from the first one, the first distance, and by how much each distance differs from the one before. */
export function edgesOf(start, step, bend) {
  const edges = new Float64Array(bend.length + 2);
  edges[0] = start;
  for (let i = 1, distance = step; i < edges.length; i++) {
    edges[i] = edges[i - 1] + distance;
    distance += bend[i - 1] ?? 0;
  }
  return edges;
}

/** The column in which x lies: −1 before all of them, n behind. */
export function columnOf(edges, x) {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * The part of a table that a screen shows, as columns of at most 1.5 to a pixel.
 *
 * @returns {object|null} {x0, edges, kind, per, mean, std, min, max, fill, spans}, or null where nothing of it is there
 */
export function cutTable(table, x0, x1, columns, shift = 0) {
  const first = Math.max(0, columnOf(table.edges, x0 - shift));
  const last = Math.min(table.n, columnOf(table.edges, x1 - shift - 1e-6) + 1);
  if (last <= first) return null;
  const group = Math.max(1, Math.ceil((last - first) / (MOST_PER_PIXEL * Math.max(1, columns))));
  const starts = groupStarts(first, last, group, table.n);
  const stop = Math.min(table.n, Math.ceil(last / group) * group);
  return pageStrip(table, starts, stop, shift);
}

// Groups begin at multiples, so that they stay the same while somebody pans
function groupStarts(first, last, group) {
  const begin = Math.floor(first / group) * group;
  return Int32Array.from({ length: Math.ceil((last - begin) / group) }, (_, i) => begin + i * group);
}

function pageStrip(table, starts, stop, shift) {
  const merged = mergeColumns(partOf(table, stop), starts);
  const n = starts.length;
  const end = (i) => (i + 1 < n ? starts[i + 1] : stop);
  const length = Float64Array.from(starts, (start, i) => sumOf(table.length, start, end(i)));
  const edges = Float64Array.from({ length: n + 1 }, (_, i) => table.edges[i < n ? starts[i] : stop] + shift);
  const per = length[n >> 1];
  return {
    n, per, edges, kind: per === 1 ? "samples" : "columns", y0: table.y0, mean: merged.mean, min: merged.min, max: merged.max,
    std: table.std && table.shape === "analog" ? merged.std : null, spans: spansOf(table, edges, shift),
    fill: Uint8Array.from(merged.count, (count, i) => fillByte(count / length[i])),
  };
}

// A share that is neither none nor all must not look like it
function fillByte(share) {
  if (!(share > 0)) return 0;
  return share >= 1 ? 255 : Math.min(254, Math.max(1, Math.round(255 * share)));
}

function partOf(table, stop) {
  const { mean, min, max } = table;
  return { mean, min, max, std: table.std ?? mean, count: table.count.subarray(0, stop) };
}

function spansOf(table, edges, shift) {
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const moved = table.spans.map(([a, b, kind]) => [a + shift, b + shift, kind]);
  return moved.filter(([a, b]) => b > low && a < high);
}

function pieceLengths(pieces, n) {
  const lengths = new Float64Array(n);
  let at = 0;
  for (const { n: columns, head, step, tail } of pieces) {
    lengths.fill(step, at, at + columns);
    lengths[at + columns - 1] = tail;
    lengths[at] = head;
    at += columns;
  }
  return lengths;
}

function sumOf(values, start, stop) {
  let sum = 0;
  for (let i = start; i < stop; i++) sum += values[i];
  return sum;
}
