// The one plain object that everything reads; what changes it ends in `change`, and that in one paint per frame.

import { makeExchange } from "../core/exchange.js";
import { makeHistory } from "../core/history.js";
import { decodeTile } from "../core/tile.js";
import { makeTimes } from "../core/times.js";
import { REACH, layOut } from "./geometry.js";
import { axisRanges, withDefaults } from "./settings.js";
import { delayed, makeWriter } from "./traits.js";

const SAY_MS = 12000;
const ID_RANGES = 2 ** 20;
const ID_RANGE = 2 ** 32;

/** All that one explorer in one place of the page knows. `model` is anywidget's, `root` an element. */
export function makeState(model, root) {
  const facts = model.get("facts");
  const chosen = model.get("settings") ?? {};
  const view = asView(model.get("view"), facts.extent);
  const settings = withDefaults(chosen);
  const state = {
    model,
    root,
    facts,
    chosen,
    settings,
    view,
    markers: model.get("markers") ?? [],
    selected: model.get("selected") ?? "",
    notes: model.get("notes") ?? [],
    overview: tileOfTrait(model.get("overview")),
    tile: tileOfTrait(model.get("first")),
    times: makeTimes(facts),
    history: makeHistory({ view, ranges: axisRanges(facts, settings) }, { now: () => performance.now(), merge_ms: 400 }),
    statistics: { view: firstStatistics(model.get("first")), markers: new Map() },
    ranges: new Map(),
    scales: new Map(),
    hiddenTracks: new Set(),
    hover: null,
    reach: REACH,
    gesture: null,
    boxMode: false,
    search: {},
    said: null,
    answered: false,
    latencyMs: null,
    busySince: null,
    paints: 0,
    closePopup: null,
    closed: false,
  };
  state.writer = makeWriter(model);
  connectExchange(state);
  return state;
}

// All views of a widget, in this window or another one, hear all answers: each has ids of its own.
function connectExchange(state) {
  const first = Math.floor(Math.random() * ID_RANGES) * ID_RANGE;
  state.exchange = makeExchange({
    send: (content) => state.model.send({ ...content, id: first + content.id }),
    now: () => performance.now(),
    later: delayed,
    busy_after_ms: state.facts.busy_after_ms,
  });
  state.receive = (content, buffers) => {
    const hasId = content.id !== undefined && content.id !== null;
    return state.exchange.receive(hasId ? { ...content, id: content.id - first } : content, buffers);
  };
}

/** Give the state its one way to the screen: `paint(state, what)`, `what` "all" or "overlay", at most once a frame. */
export function schedulePaints(state, paint) {
  let frame = 0;
  let due = null;
  const run = () => {
    const what = due;
    [frame, due] = [0, null];
    if (state.closed) return;
    try {
      if (what === "all") placeAll(state);
      paint(state, what);
      state.paints += 1;
    } catch (error) {
      tellTrouble(state, error);
    }
    showBusy(state, false);
  };
  state.change = (what = "all") => {
    due = due === "all" ? "all" : what;
    if (frame || state.closed) return;
    frame = requestAnimationFrame(run);
    showBusy(state, true);
  };
  state.cancelPaint = () => cancelAnimationFrame(frame);
}

/** The limits of a view: `{extent, least}`, least two samples of the fastest lane. */
export function limitsOf(state) {
  const periods = state.facts.lanes.map((lane) => lane.period).filter((period) => period > 0);
  return { extent: state.facts.extent, least: 2 * Math.min(...periods, 1e9) };
}

/** Say something in the status line, until something else is said or some seconds went by. */
export function say(state, text, error = false) {
  state.said = text ? { text, error } : null;
  state.cancelSaid?.();
  state.cancelSaid = text ? delayed(SAY_MS, () => say(state, "")) : null;
  state.change("overlay");
}

/** Do something with what Python said; what goes wrong is said, and nothing waits for it. */
export function attempt(state, act) {
  try {
    act();
  } catch (error) {
    console.error(error);
    say(state, `An answer could not be used: ${error.message}`, true);
  }
}

/** A lane of the recording by its key. */
export function laneOf(state, key) {
  return state.facts.lanes.find((lane) => lane.key === key) ?? null;
}

/** What the explorer's root tells to tests and to style sheets. */
export function showBusy(state, painting) {
  const busy = painting || state.exchange.pending > 0;
  state.root.dataset.busy = busy ? "1" : "0";
}

/** A tile that came in a trait: the content and its `data`. Null where there is none. */
export function tileOfTrait(trait) {
  if (!trait?.strips?.length || !trait.data) return null;
  return decodeTile(trait, trait.data);
}

// The first tile brings the numbers of its own span.
function firstStatistics(first) {
  return first?.view ? { x0: first.x0, x1: first.x1, lanes: first.view } : null;
}

// The line is told directly: `say` would paint again, and that would fail again.
function tellTrouble(state, error) {
  console.error(error);
  state.said = { text: `This could not be drawn: ${error.message}`, error: true };
  const line = state.root.querySelector(".xjls-said");
  if (!line) return;
  line.textContent = state.said.text;
  line.classList.add("xjls-error");
}

/** Place everything on the stage anew. */
export function placeAll(state) {
  state.layout = layOut(state.facts, state.settings, state.width);
}

function asView(view, extent) {
  return view?.length === 2 && view[1] > view[0] ? [view[0], view[1]] : [...extent];
}
