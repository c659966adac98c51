// The explorer's front end: one stage of two canvases, a toolbar, a status line and a table, all of one state.

import { element } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { makeLabels } from "./lane-menu.js";
import { takeExtent, takeFacts, watchGrowth } from "./live.js";
import { markerZero } from "./markers.js";
import { rememberPlace, showView } from "./navigate.js";
import { makePainter } from "./paint.js";
import { listenToPointer } from "./pointer.js";
import { askForStatistics, askForView } from "./request.js";
import { withDefaults } from "./settings.js";
import { makeState, say, schedulePaints, tileOfTrait } from "./state.js";
import { makeStatus } from "./status.js";
import { makeTable } from "./table.js";
import { applyTheme, themeOf, watchTheme } from "./theme.js";
import { makeToolbar } from "./toolbar.js";
import { listenToTraits, sameValue } from "./traits.js";
import { listenToWheel } from "./wheel.js";

/** Draw an explorer into an element; returns what takes it away again. */
export function renderExplorer({ model, el }) {
  const root = element("div", { className: "xjls-explorer", tabindex: "0", role: "application" });
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys rest while the explorer has the focus
  const state = makeState(model, root);
  root.setAttribute("aria-label", `Explorer of ${state.facts.title || "a recording"}; press ? for the keys`);
  el.append(root);
  const parts = makeParts(state);
  fitState(state, parts);
  schedulePaints(state, (now, what) => paintAll(now, parts, what));
  const ends = [
    listenToPointer(state, parts.overlay),
    listenToWheel(state, parts.overlay),
    listenToKeys(state),
    listenToModel(state),
    watchTheme(() => retheme(state)),
    watchGrowth(state),
    watchSize(state, parts),
  ];
  root.xjls = testHandle(state);
  state.change();
  return () => endExplorer(state, ends);
}

function makeParts(state) {
  const base = element("canvas", { className: "xjls-base", "aria-hidden": "true" });
  const overlay = element("canvas", { className: "xjls-overlay", "aria-hidden": "true" });
  const labels = makeLabels(state);
  const stage = element("div", { className: "xjls-stage" }, base, overlay, labels.element);
  const [toolbar, status, table] = [makeToolbar(state), makeStatus(state), makeTable(state)];
  state.canvases = { base, overlay };
  state.root.append(toolbar.element, stage, status.element, table.element);
  return { stage, overlay, labels, toolbar, status, table, paint: makePainter(base, overlay) };
}

function fitState(state, { stage }) {
  Object.assign(state, {
    zero: () => markerZero(state),
    refresh: () => requestAnimationFrame(() => !state.closed && state.layout && askForView(state)),
    takeExtent: (extent, grows) => takeExtent(state, extent, grows),
    width: Math.floor(stage.clientWidth),
    ratio: window.devicePixelRatio || 1,
  });
  state.exchange.onerror = (text) => say(state, text, true);
  state.exchange.onchange = () => noticeExchange(state);
  setTheme(state);
}

// The first paint needs no message; what the view needs beyond it is asked for after that.
function paintAll(state, parts, what) {
  if (state.width < 1) return;
  if (state.themed !== state.settings.theme) setTheme(state);
  parts.paint(state, what);
  parts.labels.update();
  parts.toolbar.update();
  parts.status.update();
  parts.table.update();
  tellTests(state);
  if (state.root.dataset.ready) return;
  state.root.dataset.ready = "1";
  askForView(state, true);
}

function tellTests(state) {
  const { dataset } = state.root;
  dataset.view = state.view.join(",");
  dataset.columns = String(state.tile?.strips[0]?.n ?? 0);
}

function noticeExchange(state) {
  state.busySince = state.exchange.busy ? (state.busySince ?? performance.now()) : null;
  state.change("overlay");
}

function listenToModel(state) {
  const receive = (content, buffers) => {
    state.answered = true;
    state.receive(content, buffers);
  };
  state.model.on("msg:custom", receive);
  const end = listenToTraits(state, {
    view: (view) => view?.length === 2 && !sameValue(view, state.view) && showView(state, view, { write: false }),
    markers: (markers) => takeMarkers(state, markers ?? []),
    selected: (selected) => take(state, { selected: selected ?? "" }),
    notes: (notes) => take(state, { notes: notes ?? [] }),
    settings: (settings) => takeSettings(state, settings ?? {}),
    facts: (facts) => takeFacts(state, facts),
    overview: (overview) => take(state, { overview: tileOfTrait(overview) ?? state.overview }),
  });
  return () => {
    end();
    state.model.off("msg:custom", receive);
  };
}

function take(state, patch) {
  Object.assign(state, patch);
  state.change();
}

function takeMarkers(state, markers) {
  if (sameValue(markers, state.markers)) return;
  state.markers = markers;
  askForStatistics(state);
  state.change();
}

function takeSettings(state, chosen) {
  if (sameValue(chosen, state.chosen)) return;
  Object.assign(state, { chosen, settings: withDefaults(chosen) });
  rememberPlace(state);
  state.change();
  state.refresh();
}

function setTheme(state) {
  state.themed = state.settings.theme;
  state.theme = themeOf(state.root, state.themed);
  applyTheme(state.root, state.theme);
}

// The page tells of many changes; few of them change a colour.
function retheme(state) {
  const before = state.theme;
  if (sameValue(themeOf(state.root, state.settings.theme), before)) return;
  setTheme(state);
  state.change();
}

function watchSize(state, { stage }) {
  const fit = () => {
    const [width, ratio] = [Math.floor(stage.clientWidth), window.devicePixelRatio || 1];
    if (width === state.width && ratio === state.ratio) return;
    Object.assign(state, { width, ratio });
    state.change();
    if (state.root.dataset.ready) state.refresh();
  };
  const observer = new ResizeObserver(fit);
  observer.observe(stage);
  return () => observer.disconnect();
}

function testHandle(state) {
  return {
    view: () => [...state.view],
    setView: (x0, x1) => showView(state, [x0, x1]),
    paints: () => state.paints,
    lastTile: () => state.tile,
    state,
  };
}

function endExplorer(state, ends) {
  state.closePopup?.();
  state.cancelSaid?.();
  state.writer.flush();
  state.closed = true;
  state.cancelPaint();
  state.exchange.close();
  for (const end of ends) end();
  state.root.remove();
}

export default { render: renderExplorer };
