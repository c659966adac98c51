// Questions and answers on a clock of the tests' own.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeExchange } from "../../xjls/widget/static/core/exchange.js";

/** An exchange, what it sent, what it said, and a clock that goes when it is told to. */
function bench(options = {}) {
  const [sent, errors, timers] = [[], [], new Set()];
  let ms = 0;
  let changes = 0;
  const later = (wait, call) => {
    const timer = { due: ms + wait, call };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  const exchange = makeExchange({
    send: (content) => sent.push(content),
    now: () => ms,
    later,
    onerror: (text) => errors.push(text),
    onchange: () => changes++,
    ...options,
  });
  const pass = (span) => {
    const end = ms + span;
    for (;;) {
      const next = [...timers].sort((a, b) => a.due - b.due)[0];
      if (!next || next.due > end) break;
      timers.delete(next);
      ms = next.due;
      next.call();
    }
    ms = end;
  };
  return { exchange, sent, errors, timers, pass, changes: () => changes };
}

test("an answer finds its question, with its buffers", async () => {
  const { exchange, sent, timers, pass } = bench();
  const first = exchange.ask({ type: "search" });
  const second = exchange.ask({ type: "export" });
  assert.equal(exchange.pending, 2);
  assert.ok(sent[1].id > sent[0].id);
  pass(20);
  assert.equal(exchange.receive({ type: "exported", id: sent[1].id }, ["b"]), true);
  exchange.receive({ type: "found", id: sent[0].id }, []);
  assert.equal((await first).content.type, "found");
  assert.deepEqual(await second, { content: { type: "exported", id: sent[1].id }, buffers: ["b"] });
  assert.deepEqual([exchange.pending, exchange.latency_ms, timers.size], [0, 20, 0]);
});

test("of one kind one flies, the newest waits, those between are never sent", () => {
  const { exchange, sent } = bench();
  const done = [];
  const ask = (x0) => exchange.newest("tile", { type: "tile", x0 }, (content, buffers) => done.push([x0, buffers]));
  for (let x0 = 0; x0 < 90; x0++) ask(x0);
  exchange.newest("measure", { type: "measure" }, () => done.push("measured"));
  assert.deepEqual(sent.map(({ type, x0 }) => [type, x0]), [["tile", 0], ["measure", undefined]]);
  exchange.receive({ type: "tile", id: sent[0].id }, ["first"]);
  assert.deepEqual(sent.slice(2).map(({ x0 }) => x0), [89]);
  exchange.receive({ type: "tile", id: sent[2].id }, ["last"]);
  exchange.receive({ type: "measured", id: sent[1].id });
  assert.deepEqual(done, [[0, ["first"]], [89, ["last"]], "measured"]);
  assert.deepEqual([exchange.pending, sent.length], [0, 3]);
});

test("answers nobody waits for change nothing; what is no answer is for others", () => {
  const { exchange, sent, errors } = bench();
  let calls = 0;
  exchange.newest("tile", {}, () => calls++);
  exchange.receive({ type: "tile", id: 999 });
  exchange.receive({ type: "tile", id: sent[0].id });
  exchange.receive({ type: "tile", id: sent[0].id });
  exchange.receive({ type: "error", id: sent[0].id, text: "late" });
  assert.deepEqual([calls, errors], [1, []]);
  assert.equal(exchange.receive({ type: "extent", extent: [0, 1] }), false);
});

test("silence makes it busy and is asked again, each time after twice as long", () => {
  const { exchange, sent, pass } = bench({ busy_after_ms: 1500 });
  let calls = 0;
  exchange.newest("tile", { x0: 7 }, () => calls++);
  pass(1499);
  assert.deepEqual([exchange.busy, sent.length], [false, 1]);
  pass(1);
  assert.deepEqual([exchange.busy, sent.length, exchange.pending], [true, 2, 1]);
  pass(2999);
  assert.equal(sent.length, 2);
  pass(1);
  assert.equal(sent.length, 3);
  assert.deepEqual(new Set(sent.map(({ x0 }) => x0)), new Set([7]));
  exchange.receive({ type: "tile", id: sent[0].id }); // late, but of the same question
  assert.deepEqual([calls, exchange.busy, exchange.pending, exchange.latency_ms], [1, false, 0, 4500]);
  sent.forEach(({ id }) => exchange.receive({ type: "tile", id }));
  pass(1e6);
  assert.deepEqual([calls, sent.length], [1, 3]);
});

test("when it is sent again, the newest takes the place of what got no answer", () => {
  const { exchange, sent, pass } = bench();
  const done = [];
  exchange.newest("tile", { x0: 1 }, () => done.push(1));
  exchange.newest("tile", { x0: 2 }, () => done.push(2));
  pass(1500);
  assert.deepEqual([sent.map(({ x0 }) => x0), exchange.busy, exchange.pending], [[1, 2], true, 1]);
  exchange.receive({ type: "tile", id: sent[0].id });
  assert.deepEqual([done, exchange.busy], [[], true]);
  exchange.receive({ type: "tile", id: sent[1].id });
  assert.deepEqual([done, exchange.busy, exchange.pending], [[2], false, 0]);
});

test("what changes something is sent once, unless its asker says otherwise", async () => {
  const { exchange, sent, pass } = bench();
  const noted = exchange.ask({ type: "note" });
  pass(60_000);
  assert.deepEqual([sent.length, exchange.busy], [1, true]);
  exchange.receive({ type: "noted", id: sent[0].id });
  await noted;
  assert.equal(exchange.busy, false);
  exchange.ask({ type: "search" }, { again: true });
  pass(1500);
  assert.equal(sent.length, 3);
});

test("errors are told, reject their question, and let the next one go", async () => {
  const { exchange, sent, errors } = bench();
  const asked = exchange.ask({ type: "save" });
  exchange.receive({ type: "error", id: sent[0].id, text: "the disk is full" });
  await assert.rejects(asked, /the disk is full/);
  const done = [];
  exchange.newest("tile", {}, () => done.push("first"));
  exchange.newest("tile", {}, () => done.push("second"));
  exchange.receive({ type: "error", id: sent[1].id, text: "damaged" });
  exchange.receive({ type: "tile", id: sent[2].id });
  assert.equal(exchange.receive({ type: "error", text: "unasked" }), true);
  assert.deepEqual([errors, done, exchange.pending], [["the disk is full", "damaged", "unasked"], ["second"], 0]);
});

test("what cannot be sent is an error, and no question stays open", async () => {
  const { exchange, errors } = bench({ send: () => { throw new Error("no comm"); } });
  await assert.rejects(exchange.ask({}), /no comm/);
  exchange.newest("tile", {}, () => assert.fail());
  exchange.newest("tile", {}, () => assert.fail());
  assert.deepEqual([exchange.pending, exchange.busy, errors.length], [0, false, 3]);
});

test("an answer whose use fails lets the next question go", () => {
  const { exchange, sent } = bench();
  exchange.newest("tile", {}, () => { throw new Error("paint"); });
  exchange.newest("tile", {}, () => {});
  assert.throws(() => exchange.receive({ type: "tile", id: sent[0].id }), /paint/);
  assert.deepEqual([sent.length, exchange.pending], [2, 1]);
});

test("every change is told; close stops all clocks", async () => {
  const { exchange, sent, timers, pass, changes } = bench();
  exchange.newest("tile", {}, () => {});
  assert.equal(changes(), 1);
  pass(1500);
  assert.equal(changes(), 2);
  exchange.receive({ type: "tile", id: sent[0].id });
  assert.equal(changes(), 3);
  const asked = exchange.ask({});
  exchange.close();
  await assert.rejects(asked, /closed/);
  assert.deepEqual([timers.size, exchange.pending, exchange.busy], [0, 0, false]);
});
