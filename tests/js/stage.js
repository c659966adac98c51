// A stage without a browser: a state on 1000 pixels, an element that hears events, and pointers over it.

import { layOut } from "../../xjls/widget/static/explorer/geometry.js";
import { takeExtent } from "../../xjls/widget/static/explorer/live.js";
import { makeState } from "../../xjls/widget/static/explorer/state.js";

export const EXTENT = [0, 1e12];
export const LANE = {
  key: "i", name: "current", units: "A", shape: "analog", integral_units: "C", reach: [0, 1], rate_hz: 1e6,
  period: 1000, tracks: [{ name: "i", label: "", extent: EXTENT, shift: 0, recording: 0 }],
};

/** A state on 1000 pixels, whose messages are kept in `sent`; closed with the test. */
export function stageState(t, traits = {}, facts = {}) {
  const axis = { utc: false, origin: "0", since: "the first sample" };
  const values = { facts: { title: "t", ...axis, extent: EXTENT, lanes: [LANE], ...facts }, ...traits };
  const sent = [];
  const model = { get: (name) => values[name], set() {}, save_changes() {}, send: (content) => sent.push(content) };
  const state = makeState(model, { dataset: {}, focus() {}, querySelector: () => null });
  Object.assign(state, { sent, width: 1000, ratio: 1, zero: () => null, refresh() {}, change() {} });
  state.layout = layOut(state.facts, state.settings, 1000);
  state.takeExtent = (extent, grows) => takeExtent(state, extent, grows);
  t.after(() => {
    state.cancelSaid?.();
    state.exchange.close();
    state.writer.flush();
  });
  return state;
}

/** An element that hears events: `{fire(name, event)}`. */
export function fakeStage() {
  const heard = new Map();
  return {
    style: {},
    addEventListener: (name, listener) => heard.set(name, listener),
    removeEventListener: (name, listener) => heard.get(name) === listener && heard.delete(name),
    getBoundingClientRect: () => ({ left: 0, top: 0 }),
    setPointerCapture() {},
    contains: (node) => node === "inside",
    fire: (name, event) => heard.get(name)?.(event),
    heard,
  };
}

/** A pointer's event at a share of the plot's width, in the first lane. */
export function pointAt(state, share, more = {}) {
  const { plot, lanes } = state.layout;
  const place = { clientX: plot.x + share * plot.width, clientY: lanes[0].y + lanes[0].height / 2 };
  return { button: 0, pointerId: 1, preventDefault() {}, ...place, ...more };
}
