// Tiles out of bytes, wherever in memory these begin.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeTile, serves } from "../../xjls/widget/static/core/tile.js";
import { encodedTile, stripOf } from "./strips.js";

const COLUMNS = {
  x0: 10, dx: 2, y0: 3.3, per: 8, fill: [255, 0, 128],
  mean: [1, NaN, 3], std: [0.5, NaN, 0], min: [0, NaN, 3], max: [2, NaN, 3],
};
const UNEVEN = { ...COLUMNS, edges: [10, 12.5, 13, 16], x0: undefined, dx: undefined };
const hundred = (x0, dx, kind = "columns") => ({ x0, dx, kind, mean: Array(100).fill(1), fill: Array(100).fill(255) });

test("arrays are read at odd offsets", () => {
  const [content, buffer] = encodedTile(10, 16, [COLUMNS, UNEVEN]);
  assert.equal(buffer.byteOffset % 2, 1);
  assert.ok(Object.values(content.strips[0].at).some((offset) => offset % 4));
  const tile = decodeTile(content, buffer);
  assert.deepEqual([tile.x0, tile.x1], [10, 16]);
  for (const strip of tile.strips) {
    assert.deepEqual([...strip.mean], [1, NaN, 3]);
    assert.deepEqual([...strip.std], [0.5, NaN, 0]);
    assert.deepEqual([...strip.max], [2, NaN, 3]);
    assert.deepEqual([...strip.fill], [255, 0, 128]);
    assert.equal(strip.y0, 3.3);
  }
  assert.equal(tile.strips[0].edges, null);
  assert.deepEqual([...tile.strips[1].edges], [10, 12.5, 13, 16]);
  assert.equal(tile.strips[1].x0, 10);
});

test("an ArrayBuffer and a typed array will do as well", () => {
  const [content, view] = encodedTile(10, 16, [COLUMNS]);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const whole = bytes.slice().buffer;
  for (const buffer of [whole, bytes]) assert.deepEqual([...decodeTile(content, buffer).strips[0].mean], [1, NaN, 3]);
  assert.deepEqual(decodeTile({ x0: 0, x1: 1, strips: [] }, undefined).strips, []);
});

test("what was not sent is null", () => {
  const { std, min, max } = stripOf({ x0: 0, dx: 1, kind: "samples", fill: [255], mean: [1] });
  assert.deepEqual([std, min, max], [null, null, null]);
});

test("each time lies in the column that begins at or before it", () => {
  const even = stripOf(hundred(0.1, 0.1));
  const uneven = stripOf(UNEVEN);
  for (const strip of [even, uneven]) {
    for (let i = 0; i < strip.n; i++) {
      assert.equal(strip.columnAt(strip.edge(i)), i);
      assert.equal(strip.columnAt((strip.edge(i) + strip.edge(i + 1)) / 2), i);
    }
    assert.equal(strip.columnAt(strip.edge(0) - 1e-9), -1);
    assert.equal(strip.columnAt(strip.edge(strip.n)), -1);
    assert.equal(strip.columnAt(NaN), -1);
  }
});

test("a tile serves views inside it that are not much finer", () => {
  const tile = decodeTile(...encodedTile(0, 100, [hundred(0, 1)]));
  assert.equal(serves(tile, 0, 100, 100), true);
  assert.equal(serves(tile, 25, 75, 100), true);
  assert.equal(serves(tile, 25, 74, 100), false);
  assert.equal(serves(tile, -1, 50, 20), false);
  assert.equal(serves(tile, 50, 101, 20), false);
  const samples = decodeTile(...encodedTile(0, 100, [hundred(0, 1, "samples")]));
  assert.equal(serves(samples, 25, 26, 1000), true);
});
