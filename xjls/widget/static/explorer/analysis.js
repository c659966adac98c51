// Histogram, complementary distribution and spectrum of the selection: asked of Python, drawn in a dialog.

import { choice, element, openDialog } from "./dom.js";
import { makeChart } from "./chart.js";
import { selectedMarker } from "./markers.js";
import { askOnce } from "./request.js";
import { laneOf } from "./state.js";

const KINDS = [["histogram", "Histogram"], ["ccdf", "CCDF"], ["spectrum", "Spectrum"]];

const DIALOG_AROUND = 48; // pixels of the explorer that are beside the chart: borders, paddings, distances

/** Analyse the selected span, or the view where none is selected. */
export function openAnalysis(state) {
  const lane = state.hover?.lane?.lane ?? state.layout.lanes[0]?.lane;
  if (!lane) return;
  const asked = { lane: lane.key, kind: "histogram", ...analysedSpan(state) };
  const canvas = element("canvas", { className: "xjls-chart", role: "img" });
  const text = element("p", { className: "xjls-dim", "aria-live": "polite" });
  const chart = makeChart(canvas, () => state.theme, () => state.root.clientWidth - DIALOG_AROUND);
  const run = (patch = {}) => runAnalysis(state, Object.assign(asked, patch), chart, canvas, text);
  openDialog(state, "Analysis", analysisHead(state, asked, run), canvas, text);
  run();
}

function analysisHead(state, asked, run) {
  const lanes = state.layout.lanes.map((box) => [box.key, box.lane.name]);
  return element(
    "div",
    { className: "xjls-row" },
    choice(KINDS, asked.kind, (kind) => run({ kind }), "Kind"),
    choice(lanes, asked.lane, (lane) => run({ lane }), "Signal"),
    element("span", { className: "xjls-dim" }, asked.of),
  );
}

function analysedSpan(state) {
  const marker = selectedMarker(state);
  if (marker && marker.x1 !== null) return { x0: marker.x0, x1: marker.x1, of: "of the selection" };
  return { x0: state.view[0], x1: state.view[1], of: "of the view" };
}

async function runAnalysis(state, { lane, x0, x1, kind }, chart, canvas, text) {
  text.textContent = "…";
  const answer = await askOnce(state, { type: "analyse", lane, x0, x1, kind });
  if (!canvas.isConnected) return;
  if (!answer) {
    text.textContent = state.said?.text ?? "This could not be computed.";
    return;
  }
  const { content, buffers } = answer;
  const x = { ...content.x, label: content.x.label === "value" ? laneOf(state, lane).name : content.x.label };
  chart.show({ ...content, x }, valuesOf(content.n, buffers[0]));
  canvas.setAttribute("aria-label", `${content.title ?? kind} of ${laneOf(state, lane).name}`);
  text.textContent = content.text ?? "";
}

// float64[2, n], copied: the buffer may lie anywhere in memory.
function valuesOf(n, buffer) {
  const { buffer: memory, byteOffset, byteLength } = buffer instanceof ArrayBuffer ? new DataView(buffer) : buffer;
  const all = new Float64Array(memory.slice(byteOffset, byteOffset + byteLength));
  return [all.subarray(0, n), all.subarray(n, 2 * n)];
}
