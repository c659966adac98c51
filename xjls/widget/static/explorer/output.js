// What leaves the explorer: a picture, the statistics as text, a page of its own.

import { durationText } from "../core/times.js";
import { cutText } from "./canvas.js";
import { UPRIGHT_FROM } from "./geometry.js";
import { markerName } from "./markers.js";
import { VIEW_SPAN, askOnce, statisticsOf } from "./request.js";
import { say } from "./state.js";
import { statisticsAsText } from "./statistics.js";

const HEAD = 30;

/** Save what is seen, with labels and statistics, as a PNG. */
export function savePicture(state) {
  const picture = pictureOf(state);
  picture.toBlob((blob) => {
    if (!blob) return say(state, "The browser could not make a picture.", true);
    download(blob, `${stem(state)}.png`);
    return say(state, "The picture is saved where the browser puts downloads.");
  }, "image/png");
}

/** Both canvases of the stage as one, below a line with title and span. */
export function pictureOf(state) {
  const { base, overlay } = state.canvases;
  const head = Math.round(HEAD * state.ratio);
  const picture = document.createElement("canvas");
  picture.width = base.width;
  picture.height = base.height + head;
  const context = picture.getContext("2d");
  context.fillStyle = state.theme.background;
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(base, 0, head);
  context.drawImage(overlay, 0, head);
  context.setTransform(state.ratio, 0, 0, state.ratio, 0, 0);
  paintPictureHead(state, context);
  paintNames(state, context);
  return picture;
}

/** Copy the statistics of the view and of all markers as text with tabs. */
export async function copyStatistics(state) {
  const text = statisticsAsText(state.facts, measuredSpans(state), state.settings);
  const copied = await copyText(state, text);
  say(state, copied ? "The statistics are copied." : "The browser does not let the page copy.", !copied);
}

/** Spans with their statistics `{key, name, from, to, lanes}`: the view and the markers. */
export function measuredSpans(state) {
  const text = (x) => (x === null ? "" : state.times.text(x, state.settings.time, state.zero()));
  const view = { key: VIEW_SPAN, name: "view", x0: state.view[0], x1: state.view[1] };
  const markers = state.markers.map((marker) => ({ ...marker, name: markerName(state, marker) }));
  return [view, ...markers].flatMap(({ key, name, x0, x1 }) => {
    const found = statisticsOf(state, key);
    return found ? [{ key, name, from: text(x0), to: text(x1), lanes: found.lanes }] : [];
  });
}

/** Ask Python for a page that needs no kernel, and save it. */
export async function exportPage(state) {
  say(state, "The page is being made…");
  const answer = await askOnce(state, { type: "export", columns: null });
  if (!answer) return;
  download(new Blob([answer.buffers[0]], { type: "text/html" }), answer.content.name || `${stem(state)}.html`);
  say(state, "The page is saved where the browser puts downloads.");
}

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

// Where the clipboard is closed to scripts, as in a frame, a selected text can still be copied.
async function copyText(state, text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = document.createElement("textarea");
    area.value = text;
    state.root.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    focused?.focus({ preventScroll: true });
    return copied;
  }
}

function paintPictureHead(state, context) {
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.font = `600 13px ${state.theme.font}`;
  context.fillStyle = state.theme.text;
  const title = state.facts.title ?? "";
  context.fillText(title, 6, HEAD / 2);
  const after = title ? context.measureText(title).width + 18 : 6;
  context.font = `11px ${state.theme.font}`;
  context.fillStyle = state.theme.dim;
  const from = state.times.text(state.view[0], state.settings.time, state.zero());
  context.fillText(`from ${from}, ${durationText(state.view[1] - state.view[0])}`, after, HEAD / 2);
}

// The names of the lanes are buttons beside the canvas.
function paintNames(state, context) {
  context.font = `600 11px ${state.theme.font}`;
  context.fillStyle = state.theme.text;
  for (const box of state.layout.lanes) {
    context.save();
    if (box.height >= UPRIGHT_FROM) {
      context.translate(11, HEAD + box.y + box.height / 2);
      context.rotate(-Math.PI / 2);
      context.textAlign = "center";
      context.fillText(cutText(context, box.lane.name, box.height), 0, 0);
    } else context.fillText(cutText(context, box.lane.name, box.x - 12), 8, HEAD + box.y + box.height / 2);
    context.restore();
  }
}

function stem(state) {
  const name = (state.facts.title || "recording").replace(/\.[^.]*$/, "");
  return name.replace(/[^\w.-]+/g, "_") || "recording";
}
