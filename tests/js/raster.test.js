// What the blitter writes: heights of columns, joins, gaps, edges.

import assert from "node:assert/strict";
import { test } from "node:test";

import { blitBand, blitLogic, blitSteps } from "../../xjls/widget/static/core/raster.js";
import { makeScale } from "../../xjls/widget/static/core/scale.js";

const COLORS = { band: 1, spread: 2, line: 3 };
const HEIGHT = 10;
const SIGNS = [".", "b", "s", "#"];
const SCALE = makeScale({ low: 0, high: 10, pixels: HEIGHT }); // the value 9.5 lies in row 0, 0.5 in row 9

/** A fold of pixels `[low, high, mean0, mean1, std, meanOf]`; null is a gap. */
function foldOf(pixels, y0 = 0) {
  const names = ["low", "high", "mean0", "mean1", "std", "meanOf"];
  const array = (k) => Float32Array.from(pixels, (pixel) => (pixel ? pixel[k] - (names[k] === "std" ? 0 : y0) : NaN));
  return { y0, ...Object.fromEntries(names.map((name, k) => [name, array(k)])) };
}

/** What was drawn, each pixel column as a text from the top down. */
function drawn(blit, fold, options) {
  const width = fold.low.length;
  const target = new Uint32Array(width * HEIGHT);
  blit(target, width, HEIGHT, fold, SCALE, COLORS, options);
  const sign = (x, y) => SIGNS[target[y * width + x]];
  return Array.from({ length: width }, (_, x) => Array.from({ length: HEIGHT }, (_, y) => sign(x, y)).join(""));
}

const level = (value) => [value, value, value, value, NaN, value];

test("the band goes from minimum to maximum, the spread lies within it, the line is on top", () => {
  const pixel = [1.5, 8.5, 4.5, 5.5, 1.8, 5.0];
  assert.deepEqual(drawn(blitBand, foldOf([pixel])), [".bbs##sbb."]);
  assert.deepEqual(drawn(blitBand, foldOf([pixel]), { std: false }), [".bbb##bbb."]);
  assert.deepEqual(drawn(blitBand, foldOf([pixel]), { band: false, std: false }), ["....##...."]);
  assert.deepEqual(drawn(blitBand, foldOf([[4.5, 5.5, 4.5, 5.5, 9, 5]]), { thick: 1 }), ["....##...."]);
});

test("offsets are added before the scale", () => {
  const pixel = [1.5, 8.5, 4.5, 5.5, 2, 5];
  assert.deepEqual(drawn(blitBand, foldOf([pixel], 100)), drawn(blitBand, foldOf([pixel])));
});

test("nothing is so flat that it is not seen", () => {
  assert.deepEqual(drawn(blitBand, foldOf([level(5.5)])), ["....#....."]);
  assert.deepEqual(drawn(blitBand, foldOf([level(5.5)]), { thick: 3 }), ["...###...."]);
});

test("the line joins its neighbours, but not across a gap", () => {
  const fold = foldOf([level(8.5), level(5.5), level(7.5), null, level(1.5)]);
  assert.deepEqual(drawn(blitBand, fold), [".#........", "..###.....", "..##......", "..........", "........#."]);
});

test("what lies above or below the picture is left out", () => {
  assert.deepEqual(drawn(blitBand, foldOf([level(50), level(-50)])), ["..........", "##########"]);
  assert.deepEqual(drawn(blitBand, foldOf([[-50, 50, 5.5, 5.5, 1, 5.5]]), { std: false }), ["bbbb#bbbbb"]);
  assert.deepEqual(drawn(blitBand, foldOf([[20, 50, 30, 30, 1, 30]])), [".........."]);
});

test("steps are lines with edges; where they change within pixels on end they are pale", () => {
  const busy = [1.5, 8.5, 1.5, 8.5, NaN, 5];
  const [low, high] = [level(1.5), level(8.5)];
  assert.deepEqual(drawn(blitSteps, foldOf([low, high, high])), ["........#.", ".#######..", ".#........"]);
  assert.deepEqual(drawn(blitSteps, foldOf([low, busy, high])), ["........#.", ".########.", ".#........"]);
  assert.deepEqual(drawn(blitSteps, foldOf([busy, busy, busy]))[1], ".#bbbbbb#.");
});

test("logic is filled up to the share of the time that it is high", () => {
  const scale = makeScale({ low: 0, high: 1, pixels: HEIGHT });
  const target = new Uint32Array(5 * (HEIGHT + 1));
  const busy = [0, 1, 0, 1, NaN, 0.45];
  const fold = foldOf([level(0), busy, busy, busy, level(1)]);
  blitLogic(target, 5, HEIGHT + 1, fold, scale, COLORS);
  const column = (x) => Array.from({ length: HEIGHT + 1 }, (_, y) => SIGNS[target[y * 5 + x]]).join("");
  assert.equal(column(0), "..........#");
  assert.equal(column(1), "###########");
  assert.equal(column(2), "#bbbbsssss#");
  assert.equal(column(4), "#ssssssssss");
});

test("a fold shorter than the picture draws what it has", () => {
  const target = new Uint32Array(4 * HEIGHT);
  blitBand(target, 4, HEIGHT, foldOf([level(5.5)]), SCALE, COLORS);
  assert.equal(target.reduce((sum, color) => sum + (color > 0), 0), 1);
});
