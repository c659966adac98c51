// What the panel says in words: the line on its health, how far it is, and what is accumulated.

import { countText, inHours, withPrefix } from "../core/numbers.js";
import { durationText } from "../core/times.js";

const LIVE_NS = 1e9;
const LIVE_LABELS = { mean: "mean", std: "std", rms: "rms", min: "min", max: "max", pp: "p-p" };

/** The parts `[{name, text, bad}]` of the line on how a capture does; it is never empty. */
export function healthParts(health, skipped) {
  if (!health) return [{ name: "state", text: "not streaming", bad: false }];
  return [
    { name: "rate", text: `${withPrefix(health.rate_hz, "Hz", 4)} of ${withPrefix(health.nominal_hz, "Hz", 4)}`, bad: false },
    { name: "lost", text: `lost at device ${countText(health.lost)}`, bad: health.lost > 0 },
    { name: "left_out", text: `dropped by host ${countText(health.left_out)}`, bad: health.left_out > 0 },
    ...(health.tallies ?? []).map(([what, n]) => ({ name: what, text: `${what} ${countText(n)}`, bad: true })),
    { name: "over_range", text: `over range ${countText(health.over_range)}`, bad: health.over_range > 0 },
    { name: "queue", text: `queue ${percent(health.queued)} (most ${percent(health.most_queued)})`, bad: false },
    { name: "lag", text: `lag ${withPrefix(health.lag_s, "s", 3)}`, bad: false },
    { name: "data", text: `${withPrefix(health.bytes_per_s, "B", 3)}/s`, bad: false },
    { name: "skipped", text: `UI frames skipped ${countText(skipped)}`, bad: false },
  ];
}

/** The line on how far it is: what streams, and what is recorded where. */
export function progressText(push) {
  if (!push || push.state === "idle") return "not streaming";
  const parts = [`${push.state === "ended" ? "ended after" : "streaming"} ${shortTime(push.elapsed_s)}`];
  const { recording } = push;
  if (!recording) return `${parts[0]} · not recorded`;
  const of = recording.of_s === null ? "" : ` of ${shortTime(recording.of_s)}`;
  parts.push(`${push.is_recording ? "recording" : "recorded"} ${recording.path}`);
  parts.push(`${shortTime(recording.recorded_s)}${of}`, withPrefix(recording.bytes, "B", 3));
  if (recording.lost) parts.push(`${countText(recording.lost)} samples lost in it`);
  if (push.is_recording && recording.remaining_s !== null) parts.push(`${shortTime(recording.remaining_s)} left`);
  if (push.is_recording && recording.free_s !== null) parts.push(`disk full in ${shortTime(recording.free_s)}`);
  return parts.join(" · ");
}

/** The line over what is kept from before, when nothing more may come: of when it is. */
export function keptText(push, times) {
  const { recording } = push;
  const parts = [`as it was at ${inMilliseconds(times.text(push.newest, "local"))}`];
  if (recording) parts.push(`recorded ${recording.path}`, shortTime(recording.recorded_s), withPrefix(recording.bytes, "B", 3));
  if (recording?.lost) parts.push(`${countText(recording.lost)} samples lost in it`);
  return parts.join(" · ");
}

/** What is accumulated `{title, value, text}` of a lane: charge or energy, since when, and what is missing in it. */
export function accumulatedWords(lane, sum, times, settings) {
  const [value, units] = settings.units === "hours" ? inHours(sum.value, sum.units) : [sum.value, sum.units];
  const missing = sum.missing_s > 0 ? `${withPrefix(sum.missing_s, "s", 3)} missing` : "";
  return {
    title: /C$/.test(sum.units) ? `charge (${lane.name})` : `energy (${lane.name})`,
    value: withPrefix(value, units, settings.digits ?? 5),
    text: `over ${durationText(sum.seconds * LIVE_NS, 5)} since ${inMilliseconds(times.text(sum.since, "local"))}`,
    missing,
  };
}

/** The rows `[label, last second, window]` of a lane's table. */
export function readoutRows(lane, numbers, digits) {
  const [last, over] = [numbers.last[lane.key], numbers.window[lane.key]];
  const text = (found, name) => withPrefix(found ? found[name] : null, lane.units, digits);
  return Object.entries(LIVE_LABELS).map(([name, label]) => [label, text(last, name), text(over, name)]);
}

/** A length of time as on a clock, in tenths of a second below a minute. */
export function shortTime(seconds) {
  if (seconds >= 86400 * 2) return `${(seconds / 86400).toFixed(1)} d`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  const two = (value) => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

// Nobody reads nanoseconds of a button that was pressed
function inMilliseconds(text) {
  return text.replace(/(\.\d{3})\d+/, "$1");
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}
