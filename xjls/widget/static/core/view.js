// The view: [x0, x1] in nanoseconds since the origin, kept inside the recording and no narrower than two samples.

const BEYOND = 0.02; // of the view, empty at either side, so that the first and the last sample are seen to be these

/**
 * Zoom so that the time under the cursor stays where it is.
 *
 * @param {[number, number]} view ns
 * @param {number} x the time that stays, ns
 * @param {number} factor by which what is seen becomes longer: 0.5 zooms in, 2 zooms out
 * @param {{extent: [number, number], least: number}} limits of the recording, and of a view, in ns
 * @returns {[number, number]}
 */
export function zoomAbout(view, x, factor, limits) {
  const span = viewSpan((view[1] - view[0]) * factor, limits);
  const share = (x - view[0]) / (view[1] - view[0]);
  const x0 = x - share * span;
  return fitInto([x0, x0 + span], limits);
}

/**
 * Move a view without changing its length.
 *
 * @param {[number, number]} view ns
 * @param {number} dx ns to the right
 * @param {{extent: [number, number], least: number}} limits
 * @returns {[number, number]}
 */
export function panBy(view, dx, limits) {
  return fitInto([view[0] + dx, view[1] + dx], limits);
}

/**
 * Zoom and pan as two fingers do: what was between them stays there, and what is seen shrinks as they part.
 *
 * @param {[number, number]} view ns, when they came down
 * @param {{share: number, apart: number}} from their middle as a share of the view, and pixels between them, then
 * @param {{share: number, apart: number}} to the same, now
 * @param {{extent: [number, number], least: number}} limits
 * @returns {[number, number]}
 */
export function pinchedView(view, from, to, limits) {
  const time = view[0] + from.share * (view[1] - view[0]);
  const span = viewSpan((view[1] - view[0]) * (from.apart / to.apart), limits);
  return fitInto([time - to.share * span, time + (1 - to.share) * span], limits);
}

/**
 * Return the view nearest to one that is allowed: at most 2 % of it lie beyond each end of the recording.
 *
 * @param {[number, number]} view ns
 * @param {{extent: [number, number], least: number}} limits
 * @returns {[number, number]}
 */
export function fitInto(view, limits) {
  const [start, stop] = limits.extent;
  const span = viewSpan(view[1] - view[0], limits);
  const middle = (view[0] + view[1]) / 2;
  const margin = BEYOND * span;
  if (span + 1e-9 * span >= stop - start + 2 * margin) return around((start + stop) / 2, span);
  if (middle - span / 2 < start - margin) return [start - margin, start - margin + span];
  if (middle + span / 2 > stop + margin) return [stop + margin - span, stop + margin];
  return span === view[1] - view[0] ? [view[0], view[1]] : around(middle, span);
}

function viewSpan(span, { extent, least }) {
  const most = Math.max((extent[1] - extent[0]) / (1 - 2 * BEYOND), least);
  return Math.min(Math.max(span, least), most);
}

function around(middle, span) {
  return [middle - span / 2, middle + span / 2];
}
