// The row of buttons above the stage, and the menu of settings.

import { choice, element, fieldRow, iconButton, openMenu } from "./dom.js";
import { openAllNumbers } from "./all-numbers.js";
import { openAnalysis } from "./analysis.js";
import { openHelp } from "./help.js";
import { addDual, cursorTime } from "./keys.js";
import { addMarker } from "./markers.js";
import { NOTCH, showAll, walkHistory, zoomBy } from "./navigate.js";
import { askForNote, saveNotes, unsavedNotes } from "./notes.js";
import { copyStatistics, exportPage, savePicture } from "./output.js";
import { isUsable, setUsable, shareTabStop } from "./roving.js";
import { openSearch } from "./search.js";
import { STATISTIC_LABELS, changeSettings, changeVisible, orderedLanes } from "./settings.js";
import { say } from "./state.js";

const TIMES = [["utc", "UTC"], ["local", "Local"], ["relative", "Relative"], ["marker", "To marker"]];
const THEMES = [["auto", "As the page"], ["light", "Light"], ["dark", "Dark"]];
const UNITS = [["si", "C, J"], ["hours", "Ah, Wh"]];
const OF_KERNEL = ["chart", "page", "save"]; // a page without a kernel has no answer to them
const DIGITS = [3, 4, 5, 6].map((count) => [String(count), String(count)]);

/** Make the toolbar: `{element, update()}`; `update` shows what can be done now. */
export function makeToolbar(state) {
  const buttons = makeButtons(state);
  const bar = element("div", { className: "xjls-toolbar", role: "toolbar", "aria-label": "Explorer" });
  for (const name of BUTTON_ORDER) {
    if (name === "|") bar.append(element("span", { className: "xjls-divider" }));
    else if (buttons[name]) bar.append(buttons[name]);
  }
  bar.append(element("span", { className: "xjls-title", title: state.facts.title ?? "" }, state.facts.title ?? ""));
  // What cannot be used now is not disabled, or it would lose the focus under the hand
  bar.addEventListener("click", (event) => isUnusable(event.target) && event.stopPropagation(), { capture: true });
  const stop = shareTabStop(bar, { back: "ArrowLeft", on: "ArrowRight" });
  const update = () => {
    updateButtons(state, buttons);
    stop.update();
  };
  return { element: bar, update };
}

const BUTTON_ORDER = [
  "zoomIn", "zoomOut", "all", "back", "forward", "box", "|",
  "marker", "range", "note", "save", "|",
  "search", "chart", "|",
  "lanes", "settings", "|",
  "table", "copy", "camera", "page", "follow", "help",
];

function isUnusable(target) {
  const button = target.closest("button");
  return Boolean(button) && !isUsable(button);
}

function makeButtons(state) {
  const keep = (act) => () => {
    state.hover = null;
    act();
  };
  const opens = { "aria-haspopup": "dialog" };
  const buttons = {
    zoomIn: iconButton("zoomIn", "Zoom in (+)", keep(() => zoomBy(state, 1 / NOTCH ** 2))),
    zoomOut: iconButton("zoomOut", "Zoom out (−)", keep(() => zoomBy(state, NOTCH ** 2))),
    all: iconButton("all", "Show all (Home)", () => showAll(state)),
    back: iconButton("back", "View before (Backspace)", () => walkHistory(state, -1)),
    forward: iconButton("forward", "View after (Ctrl+Shift+Z)", () => walkHistory(state, 1)),
    box: iconButton("box", "Zoom into a box (Alt+drag)", () => toggleBox(state), { "aria-pressed": "false" }),
    marker: iconButton("marker", "Add a marker (s)", keep(() => addMarker(state, cursorTime(state)))),
    range: iconButton("range", "Mark a span (d, Shift+drag)", keep(() => addDual(state))),
    note: iconButton("note", "Add a note (t)", keep(() => askForNote(state, cursorTime(state))), opens),
    search: iconButton("search", "Search (n, p)", () => openSearch(state), opens),
    chart: iconButton("chart", "Histogram, CCDF, spectrum", () => openAnalysis(state), opens),
    lanes: iconButton("lanes", "Signals", () => openLanes(state, buttons.lanes), { "aria-haspopup": "menu" }),
    settings: iconButton("settings", "Settings", () => openSettings(state, buttons.settings), opens),
    table: iconButton("table", "All statistics", () => openAllNumbers(state), opens),
    copy: iconButton("copy", "Copy the statistics", () => copyStatistics(state)),
    camera: iconButton("camera", "Save a picture", () => savePicture(state)),
    page: iconButton("page", "Save as a page of its own", () => exportPage(state)),
    help: iconButton("help", "Keys and gestures (?)", () => openHelp(state), opens),
  };
  if (state.facts.saves) buttons.save = iconButton("save", "Save the notes", () => saveNotes(state));
  buttons.follow = iconButton("follow", "Follow what is newest", () => toggleFollow(state));
  return buttons;
}

function updateButtons(state, buttons) {
  setUsable(buttons.back, state.history.canBack);
  setUsable(buttons.forward, state.history.canForward);
  buttons.box.setAttribute("aria-pressed", String(state.boxMode));
  buttons.follow.setAttribute("aria-pressed", String(Boolean(state.settings.follow)));
  buttons.follow.hidden = !state.facts.grows;
  for (const name of OF_KERNEL) if (buttons[name]) buttons[name].hidden = state.facts.kernel === false;
  if (!buttons.save) return;
  const unsaved = unsavedNotes(state);
  setUsable(buttons.save, unsaved > 0);
  buttons.save.classList.toggle("xjls-dotted", unsaved > 0);
}

function toggleBox(state) {
  state.boxMode = !state.boxMode;
  state.change();
}

function toggleFollow(state) {
  changeSettings(state, { follow: !state.settings.follow });
  state.refresh();
}

function openLanes(state, anchor) {
  const { settings } = state;
  const lanes = orderedLanes(state.facts, settings).map((lane) => {
    const shown = settings.visible[lane.key] !== false;
    return { text: lane.name, checked: shown, act: () => changeVisible(state, lane.key, !shown) };
  });
  const layers = [
    { text: "Minimum to maximum", checked: settings.band, act: () => changeSettings(state, { band: !settings.band }) },
    { text: "Standard deviation", checked: settings.std, act: () => changeSettings(state, { std: !settings.std }) },
  ];
  openMenu(state, anchor, "Signals", [...lanes, "-", ...layers]);
}

function openSettings(state, anchor) {
  const { settings } = state;
  const set = (name, read = (value) => value) => (value) => changeSettings(state, { [name]: read(value) });
  const statistics = Object.entries(STATISTIC_LABELS).map(([name, label]) => {
    const shown = settings.statistics.includes(name);
    return { text: label, checked: shown, act: () => toggleStatistic(state, name) };
  });
  openMenu(state, anchor, "Settings", [
    fieldRow("Time", choice(TIMES, settings.time, (time) => chooseTime(state, time), "Time")),
    fieldRow("Charge, energy", choice(UNITS, settings.units, set("units"), "Charge and energy")),
    fieldRow("Digits", choice(DIGITS, String(settings.digits), set("digits", Number), "Digits")),
    fieldRow("Colours", choice(THEMES, settings.theme, set("theme"), "Colours")),
    "-",
    ...statistics,
  ]);
}

function chooseTime(state, time) {
  changeSettings(state, { time });
  if (time !== "marker" || state.markers.length) return;
  say(state, "There is no marker: times count from the first moment until you add one (s).");
}

function toggleStatistic(state, name) {
  const { statistics } = state.settings;
  const kept = Object.keys(STATISTIC_LABELS).filter((one) => statistics.includes(one) !== (one === name));
  changeSettings(state, { statistics: kept });
}
