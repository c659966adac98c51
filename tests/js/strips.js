// Strips and folds of tests' own making.

import { decodeTile } from "../../xjls/widget/static/core/tile.js";

/** Write arrays one behind another, the whole at an odd place of a larger buffer; return a tile as it comes in. */
export function encodedTile(x0, x1, strips) {
  const bytes = [];
  const put = (Type, values) => {
    const at = bytes.length;
    bytes.push(...new Uint8Array(Type.from(values).buffer));
    return at;
  };
  const told = strips.map(({ mean, std, min, max, fill, edges, ...rest }) => {
    const at = { fill: put(Uint8Array, fill), mean: put(Float32Array, mean) };
    for (const [name, values] of Object.entries({ std, min, max })) if (values) at[name] = put(Float32Array, values);
    const place = edges ? { edges: [put(Float64Array, edges)] } : {};
    const strip = { lane: "current", track: 0, kind: "columns", n: mean.length, y0: 0, per: 1, spans: [] };
    return { ...strip, ...place, ...rest, at };
  });
  const whole = new Uint8Array(bytes.length + 16).fill(0xee);
  whole.set(bytes, 3);
  return [{ x0, x1, strips: told }, new DataView(whole.buffer, 3, bytes.length)];
}

/** Return one strip, decoded. */
export function stripOf(strip) {
  return decodeTile(...encodedTile(0, 1, [strip])).strips[0];
}

/** Random columns of random samples, some of them missing, on even or uneven edges: a strip, and what is in it. */
export function randomStrip(random, n, per, { uneven = false } = {}) {
  const edges = [random() * 100];
  for (let i = 0; i < n; i++) edges.push(edges[i] + (uneven ? 0.5 + random() : 1));
  const strip = { edges, mean: [], std: [], min: [], max: [], fill: [], per, y0: 5 };
  const columns = edges.slice(0, n).map((edge, i) => {
    const held = random() < 0.2 ? 0 : random() < 0.8 ? per : 1 + Math.floor(random() * per);
    const samples = Float32Array.from({ length: held }, () => Math.fround(random() * 4 - 2));
    const mean = samples.reduce((sum, y) => sum + y, 0) / held;
    strip.mean.push(mean);
    strip.std.push(Math.sqrt(samples.reduce((sum, y) => sum + (y - mean) ** 2, 0) / held));
    strip.min.push(held ? Math.min(...samples) : NaN);
    strip.max.push(held ? Math.max(...samples) : NaN);
    strip.fill.push(Math.round((255 * held) / per));
    return { start: edge, stop: edges[i + 1], samples, share: strip.fill[i] / 255 };
  });
  return { strip: stripOf(strip), columns };
}
