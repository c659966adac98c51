// A tile as Python sends it, made into typed arrays; see docs/explanation/wire.md.

const STRIP_NUMBERS = ["mean", "std", "min", "max"];
const LONGEST_COLUMNS = 2; // a tile serves until its columns are so many times as long as those that are wanted

/**
 * Decode a tile.
 *
 * @param {object} content `{x0, x1, strips, …}`
 * @param {DataView|ArrayBuffer|TypedArray} buffer of the arrays; it may begin anywhere in memory
 * @returns {{x0: number, x1: number, strips: object[]}} times in ns since the origin; a strip has `mean`, `std`, `min`,
 *   `max` (Float32Array[n] or null, without `y0`), `fill` (Uint8Array[n]), `edge(i)`, the time where column i begins,
 *   and `columnAt(x)`, the column that holds a time, or -1
 */
export function decodeTile(content, buffer) {
  const bytes = bytesOf(buffer);
  return { x0: content.x0, x1: content.x1, strips: content.strips.map((strip) => decodeStrip(strip, bytes)) };
}

/**
 * Return whether a tile still shows a view well: it holds all of it, in at least half as many columns as are wanted.
 *
 * @param {object} tile
 * @param {number} x0 ns
 * @param {number} x1 ns
 * @param {number} columns wanted in [x0, x1)
 * @returns {boolean}
 */
export function serves(tile, x0, x1, columns) {
  const longest = (LONGEST_COLUMNS * (x1 - x0)) / columns;
  return tile.x0 <= x0 && x1 <= tile.x1 && tile.strips.every((strip) => isFine(strip, longest));
}

// There is nothing finer than samples, nor than nothing
function isFine(strip, longest) {
  if (strip.kind === "samples" || strip.n === 0) return true;
  return (strip.edge(strip.n) - strip.edge(0)) / strip.n <= longest;
}

function bytesOf(buffer) {
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return new Uint8Array(buffer ?? 0);
}

// Copies, because typed arrays must begin at a multiple of their size
function copied(bytes, offset, Type, n) {
  return new Type(bytes.slice(offset, offset + n * Type.BYTES_PER_ELEMENT).buffer);
}

function decodeStrip(strip, bytes) {
  const { lane, track, kind, n, y0, per, at, spans } = strip;
  const edges = strip.edges ? copied(bytes, [strip.edges].flat()[0], Float64Array, n + 1) : null;
  const x0 = edges ? edges[0] : strip.x0;
  const dx = edges ? null : strip.dx;
  const numbers = Object.fromEntries(STRIP_NUMBERS.map((name) => [name, numbersAt(bytes, at[name], n)]));
  const fill = at.fill === undefined ? filled(numbers.mean) : copied(bytes, at.fill, Uint8Array, n);
  const edge = edges ? (i) => edges[i] : (i) => x0 + i * dx;
  const guess = edges ? (x) => lastAtOrBefore(edges, x) : (x) => Math.floor((x - x0) / dx);
  const columnAt = (x) => holding(guess(x), x, edge, n);
  const place = { n, x0, dx, edges, edge, columnAt };
  return { lane, track: track ?? 0, kind, per, y0: y0 ?? 0, ...place, ...numbers, fill, spans: spans ?? [] };
}

function numbersAt(bytes, offset, n) {
  return offset === undefined || offset === null ? null : copied(bytes, offset, Float32Array, n);
}

function filled(mean) {
  return Uint8Array.from(mean, (value) => (Number.isNaN(value) ? 0 : 255));
}

function lastAtOrBefore(edges, x) {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// A division is off by one now and then; the edges decide
function holding(guess, x, edge, n) {
  if (!(n > 0 && x >= edge(0) && x < edge(n))) return -1;
  let i = Math.min(Math.max(guess, 0), n - 1);
  if (x < edge(i)) i--;
  else if (x >= edge(i + 1)) i++;
  return Math.min(Math.max(i, 0), n - 1);
}
