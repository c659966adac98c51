// A lane's label at its left, and the menu that it opens.

import { trueMinus, withPrefix } from "../core/numbers.js";
import { durationText } from "../core/times.js";
import { element, fieldRow, openDialog, openMenu } from "./dom.js";
import { UPRIGHT_FROM } from "./geometry.js";
import { resetAxis, setAxisRange } from "./navigate.js";
import { askForView } from "./request.js";
import { shareTabStop } from "./roving.js";
import { axisSettings, changeAxis, changeVisible, moveLane, shownTracks, toggleTrack } from "./settings.js";
import { say } from "./state.js";
import { shiftRecording, typedDuration, typedValue } from "./tracks.js";
import { laneHues } from "./theme.js";

const LETTER = 7; // pixels, the widest of most names
const LABEL_ROOM = 12;
const LEAST_LETTERS = 4;
const UPRIGHT_WIDTHS = { analog: 20, steps: 34, logic: 34 };

/** Make what holds the lanes' labels: `{element, update()}`. */
export function makeLabels(state) {
  const about = { role: "toolbar", "aria-label": "Signals", "aria-orientation": "vertical" };
  const holder = element("div", { className: "xjls-labels", ...about });
  const stop = shareTabStop(holder, { back: "ArrowUp", on: "ArrowDown" });
  const update = () => {
    placeLabels(state, holder);
    stop.update();
  };
  return { element: holder, update };
}

// A button for each lane that is shown: where the lane is, in its hue.
function placeLabels(state, holder) {
  const hues = laneHues(state.facts.lanes, state.theme);
  const boxes = new Map(state.layout.lanes.map((box) => [box.key, box]));
  for (const button of [...holder.children]) if (!boxes.has(button.dataset.lane)) button.remove();
  for (const box of boxes.values()) {
    const button = holder.querySelector(`[data-lane="${CSS.escape(box.key)}"]`) ?? addLabel(state, holder, box);
    const tall = box.height >= UPRIGHT_FROM;
    button.classList.toggle("xjls-upright", tall);
    button.style.setProperty("--xjls-hue", hues.get(box.key));
    putName(button.firstChild, labelText(box, tall));
    const width = tall ? UPRIGHT_WIDTHS[box.lane.shape] : box.x - 6;
    Object.assign(button.style, { top: `${box.y}px`, height: `${box.height}px`, width: `${width}px` });
  }
}

/** A name of at most so many letters, by its two ends: names of signals mostly differ at the last one. */
export function middleCut(name, most) {
  if (name.length <= most) return name;
  const head = Math.floor((most - 1) / 2);
  return `${name.slice(0, head)}…${name.slice(name.length - (most - 1 - head))}`;
}

// Upright names have two lines where no numbers stand beside them; they break behind an underscore.
function labelText({ lane, height, x }, tall) {
  const room = (tall ? height : x - 6) - LABEL_ROOM;
  const lines = tall && lane.shape !== "analog" ? 2 : 1;
  return middleCut(lane.name, lines * Math.max(LEAST_LETTERS, Math.floor(room / LETTER))).replaceAll("_", "_\u200b");
}

function putName(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function addLabel(state, holder, { key, lane }) {
  const open = () => openLaneMenu(state, lane.key, button);
  const button = element("button", { type: "button", className: "xjls-lane", "data-lane": key, onclick: open });
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-label", `${lane.name}: options`); // the text may be cut
  button.title = `${lane.name}: options`;
  button.append(element("span"));
  holder.append(button);
  return button;
}

function openLaneMenu(state, key, anchor) {
  const lane = state.facts.lanes.find((one) => one.key === key);
  openMenu(state, anchor, lane.name, [
    { text: "Hide", act: () => changeVisible(state, key, false) },
    { text: "Move up", act: () => moveLane(state, key, -1) },
    { text: "Move down", act: () => moveLane(state, key, 1) },
    ...(lane.shape === "logic" ? [] : ["-", ...axisItems(state, lane)]),
    ...trackItems(state, lane),
  ]);
}

function axisItems(state, lane) {
  const { mode, scale } = axisSettings(state.settings, lane.key);
  const items = [
    { text: "Automatic range", checked: mode === "auto", act: () => resetAxis(state, lane.key) },
    { text: "Range…", checked: mode === "manual", act: () => askForRange(state, lane) },
  ];
  if (lane.shape !== "analog") return items;
  const other = scale === "log" ? "linear" : "log";
  return [
    ...items,
    { text: "Logarithmic", checked: scale === "log", act: () => changeScale(state, lane, other) },
    { text: "Zero of the logarithm…", disabled: scale !== "log", act: () => askForZero(state, lane) },
  ];
}

function changeScale(state, lane, scale) {
  changeAxis(state, lane.key, scale === "log" ? { scale, zero: fittingZero(state, lane) } : { scale });
}

// Four decades below the largest value: what is nearer to zero is mostly noise.
function fittingZero(state, lane) {
  const chosen = state.settings.y[lane.key]?.zero;
  if (chosen) return chosen;
  const largest = Math.max(...lane.reach.map(Math.abs), 1e-9);
  return 10 ** (Math.floor(Math.log10(largest)) - 4);
}

function askForRange(state, lane) {
  const scale = state.scales.get(lane.key);
  const box = state.layout.lanes.find((one) => one.key === lane.key);
  const [low, high] = [scale.value(box.height), scale.value(0)];
  const fields = [high, low].map((value) => valueField(withPrefix(value, lane.units, 5)));
  const apply = () => {
    const [top, bottom] = fields.map((field) => typedValue(field.value, lane.units));
    if (!(top > bottom)) {
      return refuse(state, `A range is two numbers, as in "1.5 m${lane.units}", the larger one above.`);
    }
    return setAxisRange(state, lane.key, bottom, top);
  };
  askFor(state, `Range of ${lane.name}`, [fieldRow("From below", fields[1]), fieldRow("to above", fields[0])], apply);
}

function askForZero(state, lane) {
  const field = valueField(withPrefix(axisSettings(state.settings, lane.key).zero, lane.units, 1));
  const apply = () => {
    const zero = typedValue(field.value, lane.units);
    if (!(zero > 0)) return refuse(state, `The zero is a number above 0, as in "1 u${lane.units}".`);
    return changeAxis(state, lane.key, { zero });
  };
  askFor(state, `Logarithm of ${lane.name}`, [fieldRow("Linear below", field)], apply);
}

function trackItems(state, lane) {
  if (lane.tracks.length < 2) return [];
  const shown = new Set(shownTracks(state, lane).map(({ place }) => place));
  const toggles = lane.tracks.map((track, place) => ({
    text: track.label || track.name,
    checked: shown.has(place),
    act: () => toggleTrack(state, lane, place),
  }));
  const shifts = lane.tracks.slice(1).map((track, i) => ({
    text: `Move ${track.label || track.name} in time…`,
    act: () => askForShift(state, lane, i + 1),
  }));
  return ["-", ...toggles, ...shifts];
}

function askForShift(state, lane, place) {
  const track = lane.tracks[place];
  const field = valueField(trueMinus(durationText(track.shift ?? 0, 9)));
  const apply = () => {
    const shift = typedDuration(field.value);
    if (!Number.isFinite(shift)) return refuse(state, 'A length of time is written as "1.5 ms" or "-20 us".');
    return shiftRecording(state, track.recording ?? place, shift, () => askForView(state, true));
  };
  askFor(state, `Move ${track.label || track.name}`, [fieldRow("Later by", field)], apply);
}

function valueField(value) {
  return element("input", { type: "text", value, size: 14 });
}

function refuse(state, text) {
  say(state, text, true);
  return false;
}

function askFor(state, title, rows, apply) {
  const submit = (event) => {
    event.preventDefault();
    if (apply() !== false) close();
  };
  const button = element("button", { type: "submit", className: "xjls-action" }, "Apply");
  const form = element("form", { onsubmit: submit }, ...rows, element("div", { className: "xjls-row" }, button));
  const close = openDialog(state, title, form);
  form.querySelector("input").select();
}
