// Recordings laid over each other: which are shown, and by how much one is moved in time.

import { durationText } from "../core/times.js";
import { askOnce } from "./request.js";
import { say } from "./state.js";

/** Move one of the recordings by ns to the right of where it was recorded; `done` is called when Python has done it. */
export async function shiftRecording(state, recording, shift, done) {
  const answer = await askOnce(state, { type: "shift", recording, shift: Math.round(shift) });
  if (!answer) return;
  say(state, `Moved by ${durationText(Math.round(shift))}.`);
  done();
}

/** A length of time that somebody typed, in ns: "1.5 ms", "-20 us", "3" (seconds), "1:20:00"; NaN if it is none. */
export function typedDuration(text) {
  const clock = /^\s*(?:(\d+)\s*d\s+)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s*$/.exec(text);
  if (clock) {
    const [days, hours, minutes, seconds] = clock.slice(1).map((part) => Number(part ?? 0));
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1e9;
  }
  const found = /^\s*([-+−]?[\d.]+(?:e[-+]?\d+)?)\s*(ns|us|µs|μs|ms|s|min|h|d)?\s*$/i.exec(text);
  if (!found) return NaN;
  return Number(found[1].replace("−", "-")) * DURATIONS[(found[2] ?? "s").toLowerCase()];
}

/** A number that somebody typed with a prefix, in the lane's units: "1.5 mA", "20u", "-3e-6"; NaN if it is none. */
export function typedValue(text, units) {
  const found = /^\s*([-+−]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(.*?)\s*$/i.exec(text);
  if (!found) return NaN;
  const rest = found[2].endsWith(units) ? found[2].slice(0, found[2].length - units.length).trim() : found[2];
  return Number(found[1].replace("−", "-")) * (PREFIX_FACTORS[rest] ?? NaN);
}

const DURATIONS = { ns: 1, us: 1e3, "µs": 1e3, "μs": 1e3, ms: 1e6, s: 1e9, min: 6e10, h: 3.6e12, d: 8.64e13 };
const MICRO = { u: 1e-6, "µ": 1e-6, "μ": 1e-6 };
const PREFIX_FACTORS = { "": 1, f: 1e-15, p: 1e-12, n: 1e-9, ...MICRO, m: 1e-3, k: 1e3, M: 1e6, G: 1e9 };
