// Folds written into the pixels of a picture, column by column: it costs the same whatever the noise.
//
// Colours are 0xAABBGGRR, as the bytes of ImageData on a little-endian machine. They replace what is there.

/**
 * Write an analog trace: the range of its samples, mean ± standard deviation within it, and the line of means.
 *
 * @param {Uint32Array} target pixels, row by row, shape (height, width)
 * @param {number} width at most the length of the fold's arrays is drawn
 * @param {number} height
 * @param {object} fold of `foldStrip`
 * @param {{y: function}} scale value -> pixels from the top
 * @param {{band: number, spread: number, line: number}} colors
 * @param {{band?: boolean, std?: boolean, thick?: number}} options what is drawn, and the line's least height in pixels
 */
export function blitBand(target, width, height, fold, scale, colors, { band = true, std = true, thick = 1 } = {}) {
  const canvas = { target, width, height };
  const last = Math.min(width, fold.low.length);
  const row = rowsOf(fold, scale);
  let above = NaN; // the line in the pixel column before
  let below = NaN;
  for (let x = 0; x < last; x++) {
    if (Number.isNaN(fold.meanOf[x])) {
      above = below = NaN;
      continue;
    }
    if (band) fillRows(canvas, x, row(fold.high[x]), row(fold.low[x]), colors.band);
    if (std && fold.std[x] >= 0) fillSpread(canvas, x, fold, row, colors.spread);
    const top = row(fold.mean1[x]);
    const bottom = row(fold.mean0[x]);
    drawJoined(canvas, x, top, bottom, above, below, thick, colors.line);
    above = top;
    below = bottom;
  }
}

/**
 * Write a signal of levels, such as a range: lines at the levels, edges between them, pale where it changes often.
 *
 * @param {Uint32Array} target pixels, shape (height, width)
 * @param {number} width
 * @param {number} height
 * @param {object} fold
 * @param {{y: function}} scale
 * @param {{band: number, spread: number, line: number}} colors
 * @param {{thick?: number}} options the line's least height in pixels
 */
export function blitSteps(target, width, height, fold, scale, colors, { thick = 1 } = {}) {
  traceLevels({ target, width, height }, fold, scale, colors, thick, null);
}

/**
 * Write a logic signal: as `blitSteps`, and filled up to the share of the time that it is high.
 *
 * @param {Uint32Array} target pixels, shape (height, width)
 * @param {number} width
 * @param {number} height
 * @param {object} fold of values between 0 and 1
 * @param {{y: function}} scale
 * @param {{band: number, spread: number, line: number}} colors
 * @param {{thick?: number}} options the line's least height in pixels
 */
export function blitLogic(target, width, height, fold, scale, colors, { thick = 1 } = {}) {
  traceLevels({ target, width, height }, fold, scale, colors, thick, Math.floor(scale.y(0)));
}

// `ground` is the row of a logic signal's 0; null where nothing is filled
function traceLevels(canvas, fold, scale, colors, thick, ground) {
  const last = Math.min(canvas.width, fold.low.length);
  const row = rowsOf(fold, scale);
  let above = NaN;
  let below = NaN;
  for (let x = 0; x < last; x++) {
    if (Number.isNaN(fold.meanOf[x])) {
      above = below = NaN;
      continue;
    }
    const top = row(fold.high[x]);
    const bottom = row(fold.low[x]);
    const isEdge = fold.low[x] === fold.high[x] || isSteady(fold, x - 1) || isSteady(fold, x + 1);
    if (!isEdge) fillRows(canvas, x, top, bottom, colors.band);
    const isFilled = ground !== null && fold.meanOf[x] + fold.y0 > 0;
    if (isFilled) fillRows(canvas, x, row(fold.meanOf[x]), ground, colors.spread);
    if (isEdge) {
      drawJoined(canvas, x, top, bottom, above, below, thick, colors.line);
    } else {
      fillRows(canvas, x, top, top + thick - 1, colors.line);
      fillRows(canvas, x, bottom - thick + 1, bottom, colors.line);
    }
    above = top;
    below = bottom;
  }
}

function rowsOf(fold, scale) {
  return (value) => Math.floor(scale.y(fold.y0 + value));
}

function fillSpread(canvas, x, fold, row, color) {
  const top = Math.min(fold.meanOf[x] + fold.std[x], fold.high[x]);
  const bottom = Math.max(fold.meanOf[x] - fold.std[x], fold.low[x]);
  fillRows(canvas, x, row(top), row(bottom), color);
}

function isSteady(fold, x) {
  return fold.low[x] === fold.high[x];
}

// Up or down to where the line was in the column before; NaN, no line there, joins nothing
function drawJoined(canvas, x, top, bottom, above, below, thick, color) {
  if (below < top) top = below + 1;
  if (above > bottom) bottom = above - 1;
  const more = Math.max(thick - (bottom - top + 1), 0);
  fillRows(canvas, x, top - (more >> 1), bottom + more - (more >> 1), color);
}

// Rows top … bottom, both included; what is outside of the picture is left out
function fillRows({ target, width, height }, x, top, bottom, color) {
  const stop = Math.min(bottom, height - 1) * width + x;
  for (let at = Math.max(top, 0) * width + x; at <= stop; at += width) target[at] = color;
}
