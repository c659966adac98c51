// What stands in for anywidget's model in a page: traits that nobody shares, messages that the page answers.

import { answerMessage } from "./answers.js";

/**
 * Make a model.
 *
 * @param {object} traits by name
 * @param {function(object): {content, buffers}} answer to a message
 * @param {function(function)} later calls a function soon, never at once
 * @returns {object} get, set, save_changes, on, off, send as anywidget's
 */
export function makePageModel(traits, answer, later) {
  const values = new Map(Object.entries(traits));
  const listeners = new Map();
  const tell = (event, ...told) => [...(listeners.get(event) ?? [])].forEach((listener) => listener(...told));
  return {
    get: (name) => values.get(name),
    set(name, value) {
      values.set(name, value);
      tell(`change:${name}`);
    },
    save_changes() {},
    on(event, listener) {
      listeners.set(event, [...(listeners.get(event) ?? []), listener]);
    },
    off(event, listener) {
      listeners.set(event, (listeners.get(event) ?? []).filter((one) => listener && one !== listener));
    },
    send(content) {
      later(() => {
        const { content: told, buffers } = answer(content);
        tell("msg:custom", told, buffers);
      });
    },
  };
}

/** What `answerMessage` needs: tables, exact numbers, and the traits of a model that is made later. */
export function makePage({ traits, exact }, tables, modelOf) {
  return {
    tables,
    exact,
    shifts: Object.fromEntries(traits.facts.lanes.map((lane) => [lane.key, lane.tracks.map((track) => track.shift)])),
    get facts() {
      return modelOf().get("facts");
    },
    view: () => modelOf().get("view"),
    notes: () => modelOf().get("notes"),
    setNotes: (notes) => modelOf().set("notes", notes),
    setFacts: (facts) => modelOf().set("facts", facts),
  };
}

/** Answer a message, whatever happens. */
export function answerSafely(page, content) {
  try {
    return answerMessage(page, content);
  } catch (error) {
    return { content: { type: "error", id: content.id, text: `This page failed at it: ${error.message}` }, buffers: [] };
  }
}
