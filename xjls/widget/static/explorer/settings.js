// What a user may choose, and what holds where nothing was chosen; the same defaults are in explorer/settings.py.

export const DEFAULT_SETTINGS = {
  time: "utc",
  units: "si",
  digits: 5,
  statistics: ["mean", "std", "rms", "min", "max", "pp", "integral", "n", "lost"],
  band: true,
  std: true,
  visible: {},
  order: [],
  heights: {},
  y: {},
  theme: "auto",
  follow: true,
};

export const STATISTIC_LABELS = {
  mean: "mean",
  std: "std",
  rms: "rms",
  min: "min",
  max: "max",
  pp: "p-p",
  integral: "∫",
  n: "n",
  lost: "lost",
};

const HEIGHTS = { analog: 150, steps: 64, logic: 40 };
const SHRINK_FROM = 3;

/** Settings of the trait over the defaults. */
export function withDefaults(chosen) {
  return { ...DEFAULT_SETTINGS, ...chosen };
}

/** The y axis of a lane: `{mode, scale, range, zero}`. */
export function axisSettings(settings, key) {
  return { mode: "auto", scale: "linear", range: null, zero: 1e-9, ...settings.y[key] };
}

/** The ranges that were given to y axes by hand, by lane; an axis that follows what is seen has none. */
export function axisRanges(facts, settings) {
  const axes = facts.lanes.map(({ key }) => [key, axisSettings(settings, key)]);
  return Object.fromEntries(axes.filter(([, axis]) => axis.mode === "manual").map(([key, axis]) => [key, axis.range]));
}

/** All lanes in the order that was chosen; those that nobody ordered stand last, as they came. */
export function orderedLanes(facts, settings) {
  const place = new Map(settings.order.map((key, i) => [key, i]));
  const rank = (lane) => place.get(lane.key) ?? settings.order.length;
  return [...facts.lanes].sort((a, b) => rank(a) - rank(b));
}

/** The lanes that are shown, in order. */
export function shownLanes(facts, settings) {
  return orderedLanes(facts, settings).filter((lane) => settings.visible[lane.key] !== false);
}

/** The tracks of a lane that are shown, with their places among all; hidden are they in this view of the widget. */
export function shownTracks(state, lane) {
  const tracks = lane.tracks.map((track, place) => ({ track, place }));
  return tracks.length < 2 ? tracks : tracks.filter(({ place }) => !state.hiddenTracks.has(`${lane.key}/${place}`));
}

/** Show or hide a track by its place in a lane. */
export function toggleTrack(state, lane, place) {
  const key = `${lane.key}/${place}`;
  if (!state.hiddenTracks.delete(key)) state.hiddenTracks.add(key);
  state.change();
}

/** Height of a lane in CSS pixels; many analog lanes are lower than a few. */
export function laneHeight(lane, settings, lanes) {
  const chosen = settings.heights[lane.key];
  if (chosen > 0) return chosen;
  const analog = lanes.filter((one) => one.shape === "analog").length;
  if (lane.shape !== "analog" || analog <= SHRINK_FROM) return HEIGHTS[lane.shape];
  return Math.max(90, (HEIGHTS.analog * SHRINK_FROM) / analog);
}

/** Change some settings: redraw, and write them to the trait. */
export function changeSettings(state, patch) {
  state.chosen = { ...state.chosen, ...patch };
  state.settings = withDefaults(state.chosen);
  state.writer.write("settings", state.chosen);
  state.change();
}

/** Change the y axis of one lane. */
export function changeAxis(state, key, patch) {
  const y = { ...state.settings.y, [key]: { ...axisSettings(state.settings, key), ...patch } };
  changeSettings(state, { y });
}

/** Give all y axes the ranges of `axisRanges`; those that have none follow what is seen. */
export function changeRanges(state, ranges) {
  const y = { ...state.settings.y };
  for (const { key } of state.facts.lanes) {
    const axis = axisSettings(state.settings, key);
    const range = ranges[key] ?? null;
    if (range || axis.mode === "manual") y[key] = { ...axis, mode: range ? "manual" : "auto", range };
  }
  changeSettings(state, { y });
}

/** Show or hide a lane. */
export function changeVisible(state, key, shown) {
  changeSettings(state, { visible: { ...state.settings.visible, [key]: shown } });
  state.refresh();
}

/** Move a lane among those that are shown: `by` is −1 (up) or 1 (down). */
export function moveLane(state, key, by) {
  const shown = shownLanes(state.facts, state.settings).map((lane) => lane.key);
  const from = shown.indexOf(key);
  const other = shown[from + by];
  if (from < 0 || other === undefined) return;
  const order = orderedLanes(state.facts, state.settings).map((lane) => lane.key);
  const places = [order.indexOf(key), order.indexOf(other)];
  [order[places[0]], order[places[1]]] = [other, key];
  changeSettings(state, { order });
}
