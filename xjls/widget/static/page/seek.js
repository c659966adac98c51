// Searching the columns of a page: what is found is a column, or a sample where the page holds samples.

import { columnOf } from "./table.js";

/**
 * Look for something in the columns of a track.
 *
 * @param {object} table as of `makePageTable`
 * @param {{x, direction, kind, level, width}} asked as in docs/explanation/wire.md; times without the track's shift
 * @param {[number, number]} view ns, of extremes
 * @returns {{x0, x1, value}|null}
 */
export function seekColumn(table, asked, view) {
  if (asked.kind === "maximum" || asked.kind === "minimum") return seekExtreme(table, asked, view);
  const happens = { edge: changesAt, rise: risesAt, fall: fallsAt }[asked.kind];
  if (happens === undefined) return null;
  const next = columnOf(table.edges, asked.x) + asked.direction;
  const first = asked.direction > 0 ? Math.max(next, 1) : Math.min(next, table.n - 1);
  for (let i = first; i > 0 && i < table.n; i += asked.direction) {
    if (happens(table, i, asked.level)) return { x0: table.edges[i], x1: null, value: table.mean[i] + table.y0 };
  }
  return null;
}

function changesAt(table, i) {
  return table.min[i] !== table.max[i] || table.min[i] !== table.max[i - 1];
}

// A column in which both sides of the level are seen counts, too: the signal went through it there
function risesAt(table, i, level) {
  const at = level - table.y0;
  return table.max[i] >= at && (table.max[i - 1] < at || (table.min[i] < at && table.mean[i - 1] < at));
}

function fallsAt(table, i, level) {
  const at = level - table.y0;
  return table.min[i] < at && (table.min[i - 1] >= at || (table.max[i] >= at && table.mean[i - 1] >= at));
}

function seekExtreme(table, { kind, width }, [x0, x1]) {
  const sums = runningSums(table);
  const [first, stop] = [Math.max(0, columnOf(table.edges, x0)), Math.min(table.n, columnOf(table.edges, x1) + 1)];
  const sign = kind === "maximum" ? 1 : -1;
  let best = { height: -Infinity };
  for (let i = first, j = first; i < stop; i++) {
    while (j < stop && table.edges[j] - table.edges[i] < width) j++;
    if (table.edges[j] - table.edges[i] < width) break;
    const height = (sign * (sums.total[j] - sums.total[i])) / (sums.count[j] - sums.count[i]);
    if (height > best.height) best = { height, i, j };
  }
  if (best.height === -Infinity) return null;
  return { x0: table.edges[best.i], x1: table.edges[best.j], value: sign * best.height + table.y0 };
}

function runningSums(table) {
  const [total, count] = [new Float64Array(table.n + 1), new Float64Array(table.n + 1)];
  for (let i = 0; i < table.n; i++) {
    const n = table.count[i];
    count[i + 1] = count[i] + n;
    total[i + 1] = total[i] + (n > 0 ? n * table.mean[i] : 0);
  }
  return { total, count };
}
