// A small chart of one curve, with linear or logarithmic axes and a cross under the cursor.

import { axisUnit, tickNumbers, withPrefix } from "../core/numbers.js";
import { crispLine, fitCanvas } from "./canvas.js";
import { faded } from "./theme.js";

const SIZE = { width: 560, height: 300 };
const AROUND = { left: 68, right: 16, top: 12, bottom: 48 };
const TICK_PIXELS = 40;
const MOST_TICKS = 6;
const LEAST_DECADES = 1e-12;
const PLAIN_DECADES = 3;
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A chart on a canvas: `{show(content, [xs, ys])}`; `theme()` gives the colours, `room()` the pixels across. */
export function makeChart(canvas, theme, room) {
  const chart = { canvas, theme, room, curve: null, cursor: null };
  canvas.addEventListener("pointermove", (event) => {
    chart.cursor = event.offsetX;
    paintChart(chart);
  });
  canvas.addEventListener("pointerleave", () => {
    chart.cursor = null;
    paintChart(chart);
  });
  chart.show = (content, [xs, ys]) => {
    const plot = chartPlot(Math.min(SIZE.width, chart.room()));
    const axes = { x: chartAxis(content.x, xs, plot.width), y: chartAxis(content.y, ys, plot.height) };
    chart.curve = { content, xs, ys, plot, ...axes };
    paintChart(chart);
  };
  return chart;
}

function chartPlot(width) {
  const { left, right, top, bottom } = AROUND;
  return { x: left, y: top, width: width - left - right, height: SIZE.height - top - bottom };
}

/** An axis over values: `{to(value) -> pixels from its start, ticks: [[value, label]], title}`. */
export function chartAxis({ label, units, scale }, values, pixels) {
  const isLog = scale === "log";
  const [low, high] = chartRange(values, isLog);
  const to = isLog
    ? (value) => (pixels * Math.log(Math.max(value, low) / low)) / Math.log(high / low)
    : (value) => (pixels * (value - low)) / (high - low);
  const most = Math.max(2, Math.min(MOST_TICKS, Math.floor(pixels / TICK_PIXELS)));
  const { ticks, unit } = isLog ? decadeTicks(low, high, units, most) : evenTicks(low, high, units, most);
  return { to, ticks, units, low, high, title: unit ? `${label} / ${unit}` : label };
}

function chartRange(values, isLog) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value) || (isLog && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(high >= low)) return isLog ? [1, 10] : [0, 1];
  if (isLog) return [low, Math.max(high, low * (1 + LEAST_DECADES) * 2)];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function evenTicks(low, high, units, most) {
  const { label, factor } = axisUnit(units ?? "", Math.max(Math.abs(low), Math.abs(high)));
  const rough = ((high - low) * factor) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough);
  const shown = [];
  for (let k = Math.ceil((low * factor) / step); k * step <= high * factor; k += 1) shown.push(k * step);
  const labels = tickNumbers(shown);
  return { ticks: shown.map((value, i) => [value / factor, labels[i]]), unit: label };
}

function decadeTicks(low, high, units, most) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((last - first + 1) / most));
  const isPrefixed = axisUnit(units ?? "", 1e6).label !== (units ?? "");
  const ticks = [];
  for (let k = first; k <= last; k += every) {
    ticks.push([10 ** k, isPrefixed ? withPrefix(10 ** k, units, 1) : powerLabel(k)]);
  }
  return { ticks, unit: isPrefixed ? "" : units };
}

function powerLabel(exponent) {
  if (Math.abs(exponent) <= PLAIN_DECADES) return String(Number(`1e${exponent}`));
  return `10${String(exponent).replace("-", "⁻").replace(/\d/g, (digit) => SUPERSCRIPTS[digit])}`;
}

function paintChart({ canvas, theme, room, curve, cursor }) {
  const colors = theme();
  const width = curve ? curve.plot.width + AROUND.left + AROUND.right : Math.min(SIZE.width, room());
  const context = fitCanvas(canvas, width, SIZE.height, window.devicePixelRatio || 1);
  if (!curve) return;
  context.font = `11px ${colors.font}`;
  paintAxes(context, curve, colors);
  paintCurve(context, curve, colors);
  if (cursor !== null) paintCross(context, curve, cursor, colors);
}

function paintAxes(context, { x, y, plot, content }, colors) {
  context.strokeStyle = colors.grid;
  context.fillStyle = colors.dim;
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const [value, label] of x.ticks) {
    const at = plot.x + x.to(value);
    crispLine(context, at, plot.y, at, plot.y + plot.height);
    context.fillText(label, at, plot.y + plot.height + 5);
  }
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const [value, label] of y.ticks) {
    const at = plot.y + plot.height - y.to(value);
    crispLine(context, plot.x, at, plot.x + plot.width, at);
    context.fillText(label, plot.x - 5, at);
  }
  paintTitles(context, plot, x.title || content.x.label, y.title || content.y.label, colors);
  context.strokeStyle = colors.frame;
  context.strokeRect(plot.x + 0.5, plot.y + 0.5, plot.width, plot.height);
}

function paintTitles(context, plot, x, y, colors) {
  context.fillStyle = colors.text;
  context.textAlign = "center";
  context.fillText(x, plot.x + plot.width / 2, plot.y + plot.height + 30);
  context.save();
  context.translate(12, plot.y + plot.height / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(y, 0, 0);
  context.restore();
}

function paintCurve(context, { xs, ys, x, y, plot, content }, colors) {
  context.save();
  context.beginPath();
  context.rect(plot.x, plot.y, plot.width, plot.height);
  context.clip();
  const [first, last] = traceCurve(context, { xs, ys, x, y, plot });
  context.strokeStyle = colors.hues[0];
  context.lineWidth = 1.4;
  context.stroke();
  if (content.kind === "histogram" && first !== null) {
    context.lineTo(last, plot.y + plot.height);
    context.lineTo(first, plot.y + plot.height);
    context.fillStyle = faded(colors.hues[0], 0.22);
    context.fill();
  }
  context.restore();
}

// Makes the path, and returns the places of its first and its last point.
function traceCurve(context, { xs, ys, x, y, plot }) {
  let [pen, first, last] = [false, null, null];
  context.beginPath();
  for (let i = 0; i < xs.length; i += 1) {
    const there = Number.isFinite(xs[i]) && Number.isFinite(ys[i]);
    const [px, py] = [plot.x + x.to(xs[i]), plot.y + plot.height - y.to(ys[i])];
    if (there && pen) context.lineTo(px, py);
    else if (there) context.moveTo(px, py);
    if (there) [first, last] = [first ?? px, px];
    pen = there;
  }
  return [first, last];
}

function paintCross(context, { xs, ys, x, y, plot }, cursor, colors) {
  const i = nearestPoint(xs, x, cursor - plot.x);
  if (i < 0 || !Number.isFinite(ys[i])) return;
  const [px, py] = [plot.x + x.to(xs[i]), plot.y + plot.height - y.to(ys[i])];
  context.strokeStyle = colors.dim;
  crispLine(context, px, plot.y, px, plot.y + plot.height);
  context.fillStyle = colors.hues[0];
  context.beginPath();
  context.arc(px, py, 3.5, 0, 2 * Math.PI);
  context.fill();
  const text = `${withPrefix(xs[i], x.units ?? "", 4)}   ${withPrefix(ys[i], y.units ?? "", 4)}`;
  const width = context.measureText(text).width + 10;
  const left = px + 8 + width > plot.x + plot.width ? px - 8 - width : px + 8;
  context.fillStyle = colors.raised;
  context.fillRect(left, plot.y + 4, width, 18);
  context.fillStyle = colors.text;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, left + 5, plot.y + 13);
}

function nearestPoint(xs, axis, pixels) {
  let [found, distance] = [-1, Infinity];
  for (let i = 0; i < xs.length; i += 1) {
    const far = Math.abs(axis.to(xs[i]) - pixels);
    if (far < distance) [found, distance] = [i, far];
  }
  return found;
}
