// The newest frame of each signal of pictures: grey levels, with what did not arrive hatched in red, and words below it.

import { countText, withPrefix } from "../core/numbers.js";
import { element } from "../explorer/dom.js";

// As in xjls/capturing/grey.py: no pixel has such a colour
const LIVE_TINTS = [[190, 50, 40], [120, 30, 25]];
const LIVE_FRAME_WIDE = 400;

/** Keep the newest frames: `{take(push, buffer), all()}`; those that were given out stay as they are. */
export function makeLiveFrames() {
  const frames = new Map();
  return {
    take({ reset, frames: told = [] }, buffer) {
      if (reset) frames.clear();
      const bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);
      for (const one of told) {
        // Copied: a buffer may be used again
        frames.set(one.key, { ...one, pixels: bytes.slice(one.at, one.at + one.width * one.height) });
      }
    },
    all: () => [...frames.values()],
  };
}

/** The colours of a frame, four bytes a pixel. */
export function frameColors({ pixels, width, missing }) {
  const colors = new Uint8ClampedArray(4 * pixels.length).fill(255);
  for (let i = 0; i < pixels.length; i += 1) colors.fill(pixels[i], 4 * i, 4 * i + 3);
  for (const [start, stop] of missing) {
    for (let i = start; i < stop; i += 1) {
      const stripe = ((Math.floor(i / width) + (i % width)) >> 1) % 2;
      colors.set(LIVE_TINTS[stripe], 4 * i);
    }
  }
  return colors;
}

/** What is said of a frame: its number, what of it is missing, the losses of the last seconds, and its grey levels. */
export function frameWords(frame, { facts, losses, frozen = false }) {
  const parts = [`${facts?.axis ?? "frame"} ${countText(frame.id)}`];
  const bad = [];
  if (frozen) parts.push("frozen");
  if (frame.absent) bad.push(`${frame.absent} of ${frame.buffers} buffers missing`);
  if (losses && losses.lost !== null) {
    (losses.lost > 0 ? bad : parts).push(`${(100 * losses.lost).toFixed(2)} % lost in the last ${losses.seconds} s`);
  }
  const units = facts?.units ?? "";
  const sides = facts ? `${facts.width} × ${facts.height}` : `${frame.width} × ${frame.height}`;
  parts.push(`${sides}, black ${withPrefix(frame.low, units, 4)}, white ${withPrefix(frame.high, units, 4)}`);
  return { parts, bad };
}

/** Make what shows frames: `{root, show(frames, scene)}`; the scene has facts and losses by key, `width` and `frozen`. */
export function makeLiveAlbum() {
  const root = element("div", { className: "xjls-live-frames" });
  const shown = new Map();
  const show = (frames, { facts = [], losses = {}, width, frozen }) => {
    const known = new Map(facts.map((one) => [one.key, one]));
    for (const [key, one] of shown) {
      if (frames.some((frame) => frame.key === key)) continue;
      one.figure.remove();
      shown.delete(key);
    }
    for (const frame of frames) {
      if (!shown.has(frame.key)) shown.set(frame.key, addFigure(root, frame.key));
      showFrame(shown.get(frame.key), frame, width, { facts: known.get(frame.key), losses: losses[frame.key], frozen });
    }
  };
  return { root, show };
}

function addFigure(root, key) {
  const canvas = element("canvas", { className: "xjls-live-frame", role: "img" });
  const words = element("figcaption", {});
  const figure = element("figure", { "data-frames": key }, canvas, words);
  root.append(figure);
  return { figure, canvas, words, drawn: null };
}

function showFrame(one, frame, width, told) {
  const { parts, bad } = frameWords(frame, told);
  const said = bad.map((text) => element("span", { className: "xjls-live-bad" }, text));
  one.words.replaceChildren(element("b", {}, frame.key), ...parts.map((text) => element("span", {}, text)), ...said);
  one.figure.dataset.id = String(frame.id);
  one.canvas.setAttribute("aria-label", [frame.key, ...parts, ...bad].join(", "));
  one.canvas.style.width = `${Math.min(width, Math.max(LIVE_FRAME_WIDE, frame.width))}px`;
  if (one.drawn === frame) return;
  one.drawn = frame;
  Object.assign(one.canvas, { width: frame.width, height: frame.height });
  one.canvas.getContext("2d").putImageData(new ImageData(frameColors(frame), frame.width, frame.height), 0, 0);
}
