// The columns that were pushed, lane by lane: each push brings what is new, and the last column once more.

const LIVE_SPARE = 2; // times the columns of a window that are kept before old ones give way
const LIVE_ARRAYS = { mean: Float32Array, std: Float32Array, min: Float32Array, max: Float32Array, fill: Uint8Array };
const LIVE_LEAST = 64;

/** Make a store of columns: `{take(push, buffer), strip(key), spans(key), clear()}`. */
export function makeLiveColumns() {
  const lanes = new Map();
  return {
    take(push, buffer) {
      if (push.reset) lanes.clear();
      for (const told of push.lanes) takeLane(lanes, told, buffer, push.window);
    },
    strip: (key) => (lanes.has(key) ? liveStrip(lanes.get(key)) : null),
    spans: (key) => (lanes.has(key) ? missingSpans(lanes.get(key)) : []),
    clear: () => lanes.clear(),
  };
}

function takeLane(lanes, told, buffer, windowNs) {
  let lane = lanes.get(told.key);
  const fits = lane && told.k0 >= lane.k0 && told.k0 <= lane.k0 + lane.n && lane.dx === told.dx;
  if (!fits) {
    const keep = Math.max(LIVE_LEAST, Math.ceil((windowNs / told.dx) * LIVE_SPARE), told.n);
    lane = emptyLane(told, keep);
    lanes.set(told.key, lane);
  }
  let at = told.k0 - lane.k0;
  if (at + told.n > lane.size) at = dropOldest(lane, at, told.n);
  const bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
  for (const [name, Kind] of Object.entries(LIVE_ARRAYS)) {
    const width = told.n * Kind.BYTES_PER_ELEMENT;
    // Copied: a buffer may lie anywhere in memory
    lane[name].set(new Kind(bytes.slice(told.at[name], told.at[name] + width).buffer), at);
  }
  lane.n = at + told.n;
}

function emptyLane(told, keep) {
  const size = 2 * keep + told.n;
  const lane = { k0: told.k0, n: 0, x0: told.x0, dx: told.dx, y0: told.y0, per: told.per, size, keep };
  for (const [name, Kind] of Object.entries(LIVE_ARRAYS)) lane[name] = new Kind(size);
  return lane;
}

// Half of the room is free then: moving costs little a push
function dropOldest(lane, at, n) {
  const drop = Math.max(0, at + n - lane.keep);
  for (const name of Object.keys(LIVE_ARRAYS)) lane[name].copyWithin(0, drop, lane.n);
  lane.k0 += drop;
  lane.x0 += drop * lane.dx;
  return at - drop;
}

function liveStrip(lane) {
  const { n, x0, dx, y0, per } = lane;
  const strip = { lane: lane.key, track: 0, kind: "columns", n, x0, dx, edges: null, y0, per, spans: [] };
  for (const name of Object.keys(LIVE_ARRAYS)) strip[name] = lane[name].subarray(0, n);
  strip.edge = (i) => x0 + i * dx;
  strip.columnAt = (x) => (x >= x0 && x < x0 + n * dx ? Math.floor((x - x0) / dx) : -1);
  return strip;
}

/** Where samples are missing: spans `[x0, x1, "gap" | "part"]`, neighbours of one kind joined. */
function missingSpans({ n, x0, dx, fill }) {
  const spans = [];
  for (let i = 0; i < n; i += 1) {
    if (fill[i] === 255) continue;
    const kind = fill[i] ? "part" : "gap";
    const last = spans.at(-1);
    const begin = x0 + i * dx;
    if (last && last[1] === begin && last[2] === kind) last[1] = begin + dx;
    else spans.push([begin, begin + dx, kind]);
  }
  return spans;
}
