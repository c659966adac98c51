// Traits both ways: what the user changes is written a little later, what Python changes is taken at once.

const WRITE_MS = 80;

/** Call `f` after some milliseconds; returns what cancels it. */
export function delayed(ms, f) {
  const timer = setTimeout(f, ms);
  return () => clearTimeout(timer);
}

/** Collect what is to be written: `{write(name, value), flush(), pending(name)}`; the last value always is. */
export function makeWriter(model, later = delayed) {
  const waiting = new Map();
  let cancel = null;
  const flush = () => {
    cancel?.();
    cancel = null;
    if (!waiting.size) return;
    for (const [name, value] of waiting) model.set(name, value);
    waiting.clear();
    model.save_changes();
  };
  const write = (name, value) => {
    waiting.set(name, value);
    cancel ??= later(WRITE_MS, flush);
  };
  return { write, flush, pending: (name) => waiting.has(name) };
}

/** Call `took[name](value)` when another one changed a trait; returns what ends it. */
export function listenToTraits(state, took) {
  const listeners = Object.keys(took).map((name) => [`change:${name}`, () => takeTrait(state, name, took[name])]);
  for (const [event, listener] of listeners) state.model.on(event, listener);
  return () => listeners.forEach(([event, listener]) => state.model.off(event, listener));
}

/** Whether two values of traits say the same. */
export function sameValue(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

// What still waits to be written is newer than what comes in.
function takeTrait(state, name, took) {
  if (!state.writer.pending(name)) took(state.model.get(name));
}
