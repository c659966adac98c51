// The page without a kernel: what it unpacks, and what it answers from columns alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import { answerMessage, tileTrait } from "../../xjls/widget/static/page/answers.js";
import { columnAt, columnNumbers, exactNumbers } from "../../xjls/widget/static/page/measure.js";
import { answerSafely, makePage, makePageModel } from "../../xjls/widget/static/page/model.js";
import { seekColumn } from "../../xjls/widget/static/page/seek.js";
import { columnOf, cutTable, edgesOf, makePageTable, tableRate } from "../../xjls/widget/static/page/table.js";
import { halfValue, unpackArrays } from "../../xjls/widget/static/page/unpack.js";
import { randomOf } from "./random.js";

const PERIOD = 1000;

/** A packed table of samples, `step` a column, one column shorter at each end. */
function packedOf(samples, step, { lane = "a", shape = "analog", y0 = 0, head = step } = {}) {
  const cuts = [0];
  for (let at = head; at < samples.length; at += step) cuts.push(at);
  cuts.push(samples.length);
  const groups = cuts.slice(1).map((stop, i) => samples.slice(cuts[i], stop));
  const finite = groups.map((group) => group.filter(Number.isFinite));
  const mean = finite.map((group) => average(group) - y0);
  const arrays = [
    Float32Array.from(mean),
    Float32Array.from(finite, (group) => Math.sqrt(average(group.map((v) => (v - average(group)) ** 2)))),
    Float32Array.from(finite, (group) => (group.length ? Math.min(...group) - y0 : NaN)),
    Float32Array.from(finite, (group) => (group.length ? Math.max(...group) - y0 : NaN)),
    Float64Array.from(groups, (group, i) => group.length - finite[i].length),
    Float64Array.from({ length: cuts.length - 2 }, (_, i) => PERIOD * (cuts[i + 2] - 2 * cuts[i + 1] + cuts[i])),
  ];
  const lengths = groups.map((group) => group.length);
  const pieces = [{ n: groups.length, head: lengths[0], step, tail: lengths.at(-1) }];
  const places = { mean: 0, std: shape === "analog" ? 1 : null, min: 2, max: 3, missing: 4, bend: 5 };
  const packed = { lane, track: 0, shape, shift: 0, y0, samples: false, start: 0, step: PERIOD * cuts[1], pieces, spans: [], ...places };
  return { packed, arrays };
}

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const tableOf = (samples, step, more) => {
  const { packed, arrays } = packedOf(samples, step, more);
  return makePageTable(packed, arrays);
};
const near = (a, b, part = 1e-6) => assert.ok(Math.abs(a - b) <= part * Math.max(1, Math.abs(b)), `${a} is not ${b}`);

function pageOf(samples, step, { exact = [] } = {}) {
  const { packed, arrays } = packedOf(samples, step);
  const track = { name: "a", label: "", extent: [0, samples.length * PERIOD], shift: 0, recording: 0 };
  const lane = { key: "a", name: "a", units: "A", shape: "analog", rate_hz: 1e9 / PERIOD, period: PERIOD, tracks: [track] };
  const traits = { facts: { lanes: [lane], extent: track.extent }, notes: [], view: track.extent };
  const page = makePage({ traits, exact }, [makePageTable(packed, arrays)], () => model);
  const model = makePageModel(traits, (content) => answerSafely(page, content), (f) => f());
  return { page, model };
}

test("sixteen bits stand for the numbers of IEEE 754", () => {
  const known = [[0x3c00, 1], [0xc000, -2], [0x7bff, 65504], [0x0001, 2 ** -24], [0x0400, 2 ** -14], [0x3555, 0.333251953125], [0x8000, -0]];
  for (const [bits, value] of known) assert.equal(halfValue(bits), value);
  assert.ok(Number.isNaN(halfValue(0x7e00)));
  assert.deepEqual([halfValue(0x7c00), halfValue(0xfc00)], [Infinity, -Infinity]);
});

test("arrays come out as they went in", async () => {
  const wide = Float64Array.of(0, -1.5, 2 ** 53, NaN, 1e-300);
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x7e00);
  const planes = [wide, halves].flatMap((array) => {
    const [bytes, size] = [new Uint8Array(array.buffer), array.BYTES_PER_ELEMENT];
    return Array.from({ length: size }, (_, place) => bytes.filter((_, i) => i % size === place)).flatMap((plane) => [...plane]);
  });
  const text = deflateSync(Uint8Array.from(planes)).toString("base64");
  const described = [{ type: "f8", n: 5, scale: 1 }, { type: "f2", n: 3, scale: 0.25 }];
  const [first, second] = await unpackArrays(text, described);
  assert.deepEqual(first, wide);
  assert.deepEqual([...second], [0.25, -0.5, NaN]);
});

test("edges follow from distances that bend", () => {
  assert.deepEqual([...edgesOf(5, 10, Float64Array.of(0, -4, 0))], [5, 15, 25, 31, 37]);
});

test("a time lies in the column that a search one by one finds", () => {
  const random = randomOf(7);
  const edges = Float64Array.from({ length: 50 }, () => Math.floor(random() * 100)).sort();
  for (let x = -1; x <= 101; x += 0.5) assert.equal(columnOf(edges, x), edges.filter((edge) => edge <= x).length - 1);
});

test("a cut has as many columns as can be seen, covers what was asked for, and stays on its grid", () => {
  const random = randomOf(3);
  const table = tableOf(Array.from({ length: 10007 }, random), 4, { head: 3 });
  for (let i = 0; i < 200; i++) {
    const [a, b] = [random() * 1e7, random() * 1e7].sort((p, q) => p - q);
    const cut = cutTable(table, a, b, 100);
    assert.ok(cut.n <= 152, `${cut.n}`);
    assert.ok(cut.edges[0] <= a && cut.edges[cut.n] >= Math.min(b, 10007e3));
    const later = cutTable(table, a + 1, b + 1, 100);
    if (later.per === cut.per) assert.ok([...later.edges.slice(1, -1)].every((edge) => [...cut.edges, ...later.edges.slice(-2)].includes(edge)));
  }
  assert.equal(cutTable(table, -500, -1, 100), null);
  assert.equal(cutTable(table, 10007e3, 2e10, 100), null);
});

test("merged columns are what the samples give", () => {
  const random = randomOf(5);
  const samples = Array.from({ length: 960 }, (_, i) => (i > 300 && i < 420 ? NaN : 3.3 + 0.001 * random()));
  const cut = cutTable(tableOf(samples, 4, { y0: 3.3 }), 0, 960e3, 16);
  assert.deepEqual([cut.n, cut.per], [24, 40]);
  for (let k = 0; k < cut.n; k++) {
    const part = samples.slice(40 * k, 40 * k + 40).filter(Number.isFinite);
    assert.equal(cut.fill[k], part.length === 40 ? 255 : part.length && Math.round((255 * part.length) / 40));
    if (!part.length) assert.ok(Number.isNaN(cut.mean[k]) && Number.isNaN(cut.max[k]));
    else {
      near(cut.mean[k] + 3.3, average(part), 1e-9);
      near(cut.max[k] + 3.3, Math.max(...part));
      near(cut.std[k], Math.sqrt(average(part.map((v) => (v - average(part)) ** 2))));
    }
  }
});

test("numbers on the borders of columns are those of the samples", () => {
  const random = randomOf(11);
  const samples = Array.from({ length: 1000 }, (_, i) => (i >= 500 && i < 530 ? NaN : random() - 0.2));
  const found = columnNumbers(tableOf(samples, 10), 200e3, 700e3, 1e6);
  const part = samples.slice(200, 700).filter(Number.isFinite);
  const mean = average(part);
  near(found.mean, mean);
  near(found.std, Math.sqrt(average(part.map((v) => (v - mean) ** 2))));
  near(found.rms, Math.sqrt(average(part.map((v) => v * v))));
  near(found.integral, part.reduce((sum, v) => sum + v, 0) / 1e6);
  near(found.pp, Math.max(...part) - Math.min(...part));
  assert.deepEqual([found.n, found.lost, found.exact, found.duration_s, found.x0, found.x1], [470, 30, false, 0.0005, 200e3, 700e3]);
});

test("a column that is cut counts by its share, and a span without samples has no numbers", () => {
  const table = tableOf([...Array(10).fill(1), ...Array(10).fill(3)], 10);
  near(columnNumbers(table, 5e3, 20e3, 1e6).mean, (5 * 1 + 10 * 3) / 15);
  const none = columnNumbers(table, 30e3, 40e3, 1e6);
  assert.deepEqual([none.n, none.mean, none.min, none.integral], [0, null, null, 0]);
});

test("the deviation of low and high follows from the mean; of steps nothing is known", () => {
  const logic = tableOf([0, 0, 0, 1], 4, { shape: "logic" });
  near(columnNumbers(logic, 0, 4e3, 1e6).std, Math.sqrt(3 / 16));
  assert.equal(columnNumbers(tableOf([1, 2, 3, 4], 4, { shape: "steps" }), 0, 4e3, 1e6).std, null);
});

test("a moment gives its column, and says of how many samples that is", () => {
  const table = tableOf([1, 2, 3, 6, 5, 5], 2);
  assert.deepEqual(columnAt(table, 2500), { value: 4.5, x0: 2000, per: 2 });
  assert.equal(columnAt(table, -1).value, null);
});

test("what was measured before is told as it was, also where the view reaches beyond the samples", () => {
  const known = [{ x0: 0, x1: 1000, lanes: "whole" }, { x0: 5, x1: null, lanes: "moment" }];
  assert.equal(exactNumbers(known, -20, 1020, [0, 1000]), "whole");
  assert.equal(exactNumbers(known, 0.2, 999.8, [0, 1000]), "whole");
  assert.equal(exactNumbers(known, 0, 998, [0, 1000]), null);
  assert.equal(exactNumbers(known, 5, null, [0, 1000]), "moment");
  assert.equal(exactNumbers(known, 7, null, [0, 1000]), null);
});

test("edges, levels and the busiest stretch are found to a column, in both directions", () => {
  const samples = Array.from({ length: 400 }, (_, i) => (i >= 120 && i < 160 ? 1 : i >= 300 ? 0.5 : 0));
  const table = tableOf(samples, 10);
  const seek = (kind, x, direction, level = 0.7) => seekColumn(table, { kind, x, direction, level, width: 40e3 }, [0, 400e3])?.x0 ?? null;
  assert.deepEqual([seek("edge", 0, 1), seek("edge", 120e3, 1), seek("edge", 399e3, -1)], [120e3, 160e3, 300e3]);
  assert.deepEqual([seek("rise", 0, 1), seek("rise", 120e3, 1), seek("fall", 0, 1), seek("fall", 399e3, -1)], [120e3, null, 160e3, 160e3]);
  assert.deepEqual([seek("rise", 0, 1, 0.4), seek("rise", 130e3, 1, 0.4)], [120e3, 300e3]);
  const most = seekColumn(table, { kind: "maximum", width: 40e3 }, [0, 400e3]);
  assert.deepEqual([most.x0, most.x1, most.value], [120e3, 160e3, 1]);
  assert.equal(seekColumn(table, { kind: "minimum", width: 40e3 }, [130e3, 300e3]).x0, 160e3);
  assert.equal(seekColumn(table, { kind: "maximum", width: 500e3 }, [0, 400e3]), null);
  assert.equal(seekColumn(tableOf(Array(40).fill(2), 4), { kind: "edge", x: 0, direction: 1 }, [0, 1]), null);
});

test("a negative signal's largest stretch is the one nearest to zero", () => {
  const table = tableOf([-5, -5, -1, -1, -3, -3], 2);
  assert.equal(seekColumn(table, { kind: "maximum", width: 2000 }, [0, 6000]).x0, 2000);
  assert.equal(seekColumn(table, { kind: "minimum", width: 2000 }, [0, 6000]).x0, 0);
});

test("a tile's arrays are where it says, and exact numbers come with it where they are known", () => {
  const numbers = { a: { mean: 42, exact: true } };
  const { page } = pageOf(Array.from({ length: 100 }, (_, i) => i), 2, { exact: [{ x0: 0, x1: 100e3, lanes: numbers }] });
  const asked = { type: "tile", id: 7, x0: -50e3, x1: 150e3, columns: 100, lanes: ["a"], markers: [{ key: "m", x0: 0, x1: 10e3 }], view: [0, 100e3] };
  const { content, buffers } = answerMessage(page, asked);
  const [strip] = content.strips;
  assert.deepEqual([content.id, content.view, strip.n, strip.kind, strip.per], [7, numbers, 50, "columns", 2]);
  const { buffer } = buffers[0];
  assert.deepEqual([...new Float32Array(buffer, strip.at.mean, 3)], [0.5, 2.5, 4.5]);
  assert.deepEqual([...new Float32Array(buffer, strip.at.max, 3)], [1, 3, 5]);
  assert.deepEqual([...new Float64Array(buffer, strip.edges[0], 3)], [0, 2000, 4000]);
  assert.deepEqual([...new Uint8Array(buffer, strip.at.fill, 3)], [255, 255, 255]);
  assert.equal(content.markers.m.a.mean, 4.5);
  assert.equal(tileTrait(page, 0, 100e3, 10).strips[0].n, 13);
});

test("what needs the recording is refused in words; what fails is an error, too", () => {
  const { page } = pageOf([1, 2, 3, 4], 2);
  for (const type of ["analyse", "save", "export", "nonsense"]) {
    const { content } = answerMessage(page, { type, id: 3 });
    assert.deepEqual([content.type, content.id], ["error", 3]);
    assert.match(content.text, /page/);
  }
  assert.match(answerSafely(page, { type: "measure", id: 1 }).content.text, /failed at it/);
});

test("notes live as long as the page, and those of the recording stay", () => {
  const { page, model } = pageOf([1, 2, 3, 4], 2);
  model.set("notes", [{ key: "n0", saved: true }]);
  const changes = [];
  model.on("change:notes", () => changes.push(model.get("notes").length));
  const { key } = answerMessage(page, { type: "note", id: 1, x: 5, lane: "a", text: "here" }).content;
  assert.deepEqual(model.get("notes")[1], { key, x: 5, lane: "a", text: "here", kind: "text", y: null, saved: false });
  answerMessage(page, { type: "forget", id: 2, key: "n0" });
  answerMessage(page, { type: "forget", id: 3, key });
  assert.deepEqual([model.get("notes"), changes], [[{ key: "n0", saved: true }], [2, 2, 1]]);
});

test("a track that is moved takes its columns along, and exact numbers are of where it was", () => {
  const { page, model } = pageOf([1, 1, 2, 2, 3, 3], 2, { exact: [{ x0: 0, x1: 6000, lanes: {} }] });
  answerMessage(page, { type: "shift", id: 1, recording: 0, shift: 1000 });
  assert.deepEqual(model.get("facts").lanes[0].tracks[0].extent, [1000, 7000]);
  const { content } = answerMessage(page, { type: "tile", id: 2, x0: 0, x1: 6000, columns: 9, lanes: null });
  assert.equal(content.view.a.n, 5);
  assert.equal(answerMessage(page, { type: "search", id: 3, lane: "a", x: 0, direction: 1, kind: "edge" }).content.x0, 3000);
});

test("a listener hears its event until it is taken off", () => {
  const { model } = pageOf([1, 2], 1);
  const heard = [];
  const listener = (content) => heard.push(content.type);
  model.on("msg:custom", listener);
  model.send({ type: "measure", id: 1, spans: [] });
  model.off("msg:custom", listener);
  model.send({ type: "measure", id: 2, spans: [] });
  assert.deepEqual(heard, ["measured"]);
});

test("samples without a value are those that are told, else those that are missing", () => {
  const { packed, arrays } = packedOf([1, 2, NaN, 4, 5, 6, 7, 8], 4);
  const lostOf = (more) => columnNumbers(makePageTable({ ...packed, ...more }, [...arrays, Float64Array.of(1, 3)]), 0, 8e3, 1e6);
  assert.deepEqual([lostOf({}), lostOf({ lost: null })].map(({ n, lost }) => [n, lost]), [[7, 1], [7, 1]]);
  assert.deepEqual([lostOf({ lost: 6 }).n, lostOf({ lost: 6 }).lost], [7, 4]);
  assert.equal(lostOf({ missing: null }).lost, 0);
});

test("each track that lies over a lane has numbers of its own, of its own rate", () => {
  const { page } = pageOf([1, 1, 1, 1], 2);
  const { packed, arrays } = packedOf([3, 3], 1);
  const slow = makePageTable({ ...packed, track: 1, step: 2 * PERIOD }, [...arrays.slice(0, 5), Float64Array.of(0)]);
  assert.equal(tableRate(slow), 5e5);
  const [lane] = page.facts.lanes;
  const tracks = [0, 1, 2].map((recording) => ({ ...lane.tracks[0], recording }));
  const over = { ...page, facts: { ...page.facts, lanes: [{ ...lane, tracks }] }, tables: [...page.tables, slow], shifts: { a: [0, 0, 0] } };
  const ask = (x1) => answerMessage(over, { type: "measure", id: 1, spans: [{ key: "m", x0: 0, x1 }] }).content.markers.m.a;
  const span = ask(4e3);
  assert.deepEqual([span.mean, span.n, ...span.others.map(({ mean, n }) => [mean, n])], [1, 4, [3, 2], [undefined, 0]]);
  assert.deepEqual([span.integral, span.others[0].integral], [4e-6, 12e-6]);
  assert.deepEqual([ask(null).value, ask(null).others[0].value], [1, 3]);
});

test("exact numbers are of the tracks as they lay then: whichever was moved, they hold no more", () => {
  const exact = [{ x0: 0, x1: 4e3, lanes: { a: { mean: 42 } } }];
  const { page } = pageOf([1, 1, 1, 1], 2, { exact });
  const [lane] = page.facts.lanes;
  const ask = (moved) => {
    const tracks = [lane.tracks[0], { ...lane.tracks[0], shift: moved }];
    const over = { ...page, exact, facts: { ...page.facts, lanes: [{ ...lane, tracks }] }, shifts: { a: [0, 0] } };
    return answerMessage(over, { type: "measure", id: 1, spans: [{ key: "m", x0: 0, x1: 4e3 }] }).content.markers.m.a.mean;
  };
  assert.deepEqual([ask(0), ask(5)], [42, 1]);
});
