// The line below the stage: how much a column is, how long an answer takes, and everything that went wrong.

import { countText } from "../core/numbers.js";
import { durationText } from "../core/times.js";
import { element } from "./dom.js";
import { stripOf } from "./data.js";

const NO_KERNEL_MS = 2500;

/** Make the status line: `{element, update()}`. */
export function makeStatus(state) {
  const resolution = element("span", { className: "xjls-resolution" });
  const said = element("span", { className: "xjls-said", role: "status", "aria-live": "polite" });
  const kernel = element("span", { className: "xjls-kernel", role: "status", "aria-live": "polite" });
  const damage = element("span", { className: "xjls-damage" });
  const line = element("div", { className: "xjls-status" }, resolution, kernel, said, damage);
  const update = () => {
    putText(resolution, resolutionText(state));
    putText(said, state.said?.text ?? "");
    said.classList.toggle("xjls-error", Boolean(state.said?.error));
    putText(kernel, kernelText(state));
    putText(damage, state.facts.status ?? "");
    damage.title = damage.textContent;
  };
  return { element: line, update };
}

/** How many samples a column of the screen is, and how long the last answer took. */
export function resolutionText(state) {
  const lane = state.layout?.lanes[0]?.lane;
  const strip = lane && stripOf(state.tile, lane.key, 0);
  if (!strip) return "";
  const took = state.latencyMs === null ? "" : ` · ${Math.round(state.latencyMs)} ms`;
  if (strip.kind === "samples") return `every sample · ${durationText(lane.period, 4)} apart${took}`;
  return `1 col = ${countText(strip.per)} samples${took}`;
}

/** Whether there is a kernel, and whether it has time. */
export function kernelText(state) {
  if (!state.exchange.busy) return "";
  const isSilent = !state.answered && performance.now() - state.busySince > NO_KERNEL_MS;
  if (isSilent) return "no kernel: only what was saved is shown";
  return "kernel busy…";
}

function putText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
