// The numbers beside and below the picture, as elements that a screen reader reads.

import { element } from "../explorer/dom.js";
import { accumulatedWords, healthParts, keptText, progressText, readoutRows } from "./words.js";

/** Make the readouts: `{head, side, sums, health, show(push, scene)}`. */
export function makeReadouts() {
  const head = element("div", { className: "xjls-live-head" });
  const side = element("div", { className: "xjls-live-side" });
  const sums = element("div", { className: "xjls-live-sums" });
  const health = element("div", { className: "xjls-live-health", role: "status", "aria-live": "off" });
  const show = (push, scene) => {
    setText(head, push?.kept ? keptText(push, scene.times) : progressText(push));
    head.dataset.recording = String(Boolean(push?.is_recording && !push.kept));
    health.replaceChildren(...healthParts(push?.health, push?.skipped ?? 0).map(healthElement));
    health.dataset.well = String(push?.health?.is_well ?? true);
    if (!push?.numbers) return;
    side.replaceChildren(...scene.places.boxes.map((box) => laneReadout(box, push.numbers, scene)));
    sums.replaceChildren(...sumElements(push.numbers, scene));
  };
  return { head, side, sums, health, show };
}

function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function healthElement({ name, text, bad }) {
  return element("span", { className: bad ? "xjls-live-bad" : "", "data-name": name }, text);
}

function laneReadout(box, numbers, { hues, settings }) {
  const { lane } = box;
  const made = element("table", { className: "xjls-live-lane", "data-lane": lane.key, "aria-label": lane.name });
  made.style.top = `${box.y}px`;
  const seconds = numbers.window_s;
  const texts = lane.shape === "analog" ? ["last 1 s", seconds < 60 ? `${seconds} s` : `${seconds / 60} min`] : [];
  made.append(headRow([lane.name, ...(texts.length ? texts : [stateText(lane, numbers)])]));
  made.querySelector("th").style.color = hues.get(lane.key);
  if (!texts.length) return made;
  for (const [label, ...texts] of readoutRows(lane, numbers, settings.digits ?? 5)) {
    made.append(element("tr", {}, element("th", { scope: "row" }, label), ...texts.map((text) => element("td", {}, text))));
  }
  return made;
}

// Of what is on or off, the share of time is what is worth a number
function stateText(lane, numbers) {
  const last = numbers.last[lane.key];
  if (!last?.n) return "–";
  if (lane.shape === "logic") return `on ${(last.mean * 100).toFixed(1)} % of 1 s`;
  return last.min === last.max ? `${last.min}` : `${last.min} … ${last.max} in 1 s`;
}

function headRow(texts) {
  return element("tr", {}, ...texts.map((text) => element("th", { scope: "col" }, text)));
}

function sumElements(numbers, { lanes, times, settings, hues }) {
  return lanes.filter((lane) => numbers.accumulated[lane.key]).map((lane) => {
    const words = accumulatedWords(lane, numbers.accumulated[lane.key], times, settings);
    const value = element("b", {}, words.value);
    value.style.color = hues.get(lane.key);
    const missing = words.missing ? element("small", { className: "xjls-live-bad" }, words.missing) : null;
    const parts = [element("span", {}, words.title), value, element("small", {}, words.text), missing];
    return element("div", { className: "xjls-live-sum", "data-lane": lane.key }, ...parts);
  });
}
