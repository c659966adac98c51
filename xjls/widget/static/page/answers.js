// Answers in Python's place: a message in, its answer and buffers out; see docs/explanation/wire.md.

import { columnAt, columnNumbers, exactNumbers } from "./measure.js";
import { seekColumn } from "./seek.js";
import { cutTable, tableRate } from "./table.js";

const ELSEWHERE = "Open the recording itself for that: xjls.explore(path).";
const REFUSED = {
  analyse: `This page holds columns, not samples. ${ELSEWHERE}`,
  save: `A page cannot write into the recording. ${ELSEWHERE}`,
  export: "This is the exported page: save the file itself.",
};
const ANSWERS = {
  tile: answerTile,
  measure: answerMeasure,
  search: answerSearch,
  note: answerNote,
  forget: answerForget,
  shift: answerShift,
};

/**
 * Answer one message.
 *
 * @param {object} page {facts, tables, exact, notes() and setNotes(list), setFacts(facts)}
 * @param {object} content the message
 * @returns {{content: object, buffers: DataView[]}}
 */
export function answerMessage(page, content) {
  const began = performance.now();
  const refused = REFUSED[content.type];
  if (refused || !ANSWERS[content.type]) return errorAnswer(content, refused ?? `A page has no answer to "${content.type}".`);
  const { buffers = [], ...answer } = ANSWERS[content.type](page, content);
  const told = answer.type === "error" ? answer : { ...answer, ms: performance.now() - began };
  return { content: { ...told, id: content.id }, buffers };
}

/** A tile as the trait holds it: `{json…, data}`. */
export function tileTrait(page, x0, x1, columns) {
  const { buffers, ...content } = answerTile(page, { x0, x1, columns, lanes: null, markers: [] });
  return { ...content, data: buffers[0] };
}

function errorAnswer(content, text) {
  return { content: { type: "error", id: content.id, text }, buffers: [] };
}

function answerTile(page, { x0, x1, columns, lanes, markers = [], view }) {
  const wanted = page.facts.lanes.filter((lane) => lanes === null || lanes === undefined || lanes.includes(lane.key));
  const cuts = wanted.flatMap((lane) => lane.tracks.map((_, which) => cutTrack(page, lane, which, x0, x1, columns)));
  const { strips, buffer } = packStrips(cuts.filter(Boolean));
  const shown = view ?? [x0, x1];
  return {
    type: "tile", x0, x1, strips, view: spanNumbers(page, shown[0], shown[1]), markers: markerNumbers(page, markers),
    extent: page.facts.extent, grows: false, buffers: [new DataView(buffer)],
  };
}

function answerMeasure(page, { spans }) {
  return { type: "measured", markers: markerNumbers(page, spans) };
}

function answerSearch(page, { lane: key, x, direction, kind, level, width, view }) {
  const lane = page.facts.lanes.find((one) => one.key === key);
  const table = lane && tableOf(page, lane, 0);
  if (!table) return { type: "error", text: `There is no lane "${key}" in this page.` };
  const shift = moveOf(page, lane, 0);
  const span = (view ?? page.view()).map((edge) => edge - shift);
  const found = seekColumn(table, { x: x - shift, direction, kind, level, width }, span);
  if (found === null) return { type: "found", x0: null, x1: null, value: null, text: "nothing in the columns of this page" };
  const moved = (edge) => (edge === null ? null : edge + shift);
  return { type: "found", x0: moved(found.x0), x1: moved(found.x1), value: found.value, text: "to a column of this page" };
}

function answerNote(page, { x, lane, text }) {
  const key = `page-${page.notes().length + 1}-${x}`;
  page.setNotes([...page.notes(), { key, x, lane, text, kind: "text", y: null, saved: false }]);
  return { type: "noted", key };
}

function answerForget(page, { key }) {
  page.setNotes(page.notes().filter((note) => note.key !== key || note.saved));
  return { type: "noted", key };
}

function answerShift(page, { recording, shift }) {
  const moved = (track) => {
    if (track.recording !== recording) return track;
    return { ...track, shift, extent: track.extent.map((edge) => edge + shift - track.shift) };
  };
  page.setFacts({ ...page.facts, lanes: page.facts.lanes.map((lane) => ({ ...lane, tracks: lane.tracks.map(moved) })) });
  return { type: "shifted" };
}

// ---- numbers ---------------------------------------------------------------------------------------------------------

function spanNumbers(page, x0, x1) {
  return exactHere(page, x0, x1) ?? ofLanes(page, (table, rate, shift) => columnNumbers(table, x0, x1, rate, shift));
}

function markerNumbers(page, spans) {
  return Object.fromEntries(spans.map(({ key, x0, x1 }) => [key, oneMarker(page, x0, x1 ?? null)]));
}

function oneMarker(page, x0, x1) {
  if (x1 !== null) return spanNumbers(page, Math.min(x0, x1), Math.max(x0, x1));
  return exactHere(page, x0, null) ?? ofLanes(page, (table, _, shift) => columnAt(table, x0, shift));
}

// What was measured is of the tracks where they were then
function exactHere(page, x0, x1) {
  const moved = page.facts.lanes.some((lane) => lane.tracks.some(({ shift }, i) => shift !== page.shifts[lane.key][i]));
  return moved ? null : exactNumbers(page.exact, x0, x1, page.facts.extent);
}

function ofLanes(page, tell) {
  const lanes = page.facts.lanes.filter((lane) => tableOf(page, lane, 0));
  return Object.fromEntries(lanes.map((lane) => [lane.key, ofTracks(page, lane, tell)]));
}

// A track whose recording has nothing in the page has numbers of nothing.
function ofTracks(page, lane, tell) {
  const [first, ...others] = lane.tracks.map((_, i) => {
    const table = tableOf(page, lane, i);
    return table ? tell(table, i ? tableRate(table) : lane.rate_hz, moveOf(page, lane, i)) : { n: 0, lost: 0 };
  });
  return others.length ? { ...first, others } : first;
}

// ---- strips ----------------------------------------------------------------------------------------------------------

function tableOf(page, lane, which) {
  return page.tables.find((table) => table.lane === lane.key && table.track === which);
}

function moveOf(page, lane, which) {
  return lane.tracks[which].shift - (tableOf(page, lane, which)?.shift ?? 0);
}

function cutTrack(page, lane, which, x0, x1, columns) {
  const table = tableOf(page, lane, which);
  const cut = table && cutTable(table, x0, x1, columns, moveOf(page, lane, which));
  return cut && { ...cut, lane: lane.key, track: which };
}

// Arrays of eight bytes first, so that all lie where their kind may lie
function packStrips(cuts) {
  const bytes = cuts.reduce((sum, cut) => sum + cut.edges.length * 8 + cut.n * (4 * floatNames(cut).length + 1) + 8, 0);
  const buffer = new ArrayBuffer(bytes + 8);
  let offset = 0;
  const put = (Kind, values) => {
    const place = offset;
    new Kind(buffer, place, values.length).set(values);
    offset += values.length * Kind.BYTES_PER_ELEMENT;
    return place;
  };
  const strips = cuts.map((cut) => {
    offset = Math.ceil(offset / 8) * 8;
    const edges = put(Float64Array, cut.edges);
    const at = Object.fromEntries(floatNames(cut).map((name) => [name, put(Float32Array, cut[name])]));
    at.fill = put(Uint8Array, cut.fill);
    const { lane, track, kind, n, y0, per, spans } = cut;
    return { lane, track, kind, n, edges: [edges], y0, per, at, spans };
  });
  return { strips, buffer };
}

function floatNames(cut) {
  if (cut.kind === "samples") return ["mean"];
  return cut.std ? ["mean", "std", "min", "max"] : ["mean", "min", "max"];
}
