"""The last seconds of a capture: what rings keep, what is asked of them, and that nobody is told half of two laps."""

import contextlib
import logging
import re
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.captures import running
from tests.zarr_stores import BENCH, described, note
from xjls.capturing.buffer import STATS_DTYPE, STATS_FIELD_NAMES, StreamBuffer, stats_to_api
from xjls.capturing.buffer.statistics import Accumulators
from xjls.errors import LostSamplesError, SelectionError
from xjls.kernels.ring import summarize_ring
from xjls.model.annotation import Tie
from xjls.model.sample_type import dtype_of
from xjls.model.window import Gap, Window
from xjls.testing.laws import equal_values

FIELDS = {
    "current": ("f32", "A"), "voltage": ("f32", "V"), "power": ("f32", "W"), "current_range": ("u4", ""),
    "gpi[0]": ("u1", ""), "gpi[1]": ("u1", ""),
}  # fmt: skip
"""Of a JS110: signals, their types and units."""


def js110(rate=1000):
    return [described(name, kind, number=i, rate=rate) for i, (name, (kind, _)) in enumerate(FIELDS.items(), 1)]


def js110_values(n, seed=0):
    rng = np.random.default_rng(seed)
    current, voltage = rng.normal(1, 0.1, n).astype("f4"), rng.normal(5, 0.1, n).astype("f4")
    return {
        "current": current, "voltage": voltage, "power": current * voltage, "gpi[0]": rng.random(n) < 0.5,
        "current_range": rng.integers(0, 8, n).astype("u1"), "gpi[1]": rng.random(n) < 0.1,
    }  # fmt: skip


def fed(values, *, seconds, first_id=0, rate=1000, block=None, kept_rate=None):
    buffer = StreamBuffer(js110(rate), seconds=seconds, rate=kept_rate)
    n = len(values["current"])
    for start in range(0, n, block or n):
        for name, samples in values.items():
            buffer.write(name, first_id + start, samples[start : start + (block or n)])
    return buffer


def reference(samples):
    """Return what a record says of samples."""
    finite = samples[np.isfinite(samples)].astype("f8")
    if not len(finite):
        return 0, np.nan, np.nan, np.nan, np.nan
    return len(finite), finite.mean(), ((finite - finite.mean()) ** 2).sum(), finite.min(), finite.max()


def assert_record(record, samples):
    found, wanted = record.item(), reference(samples)
    assert found[0] == wanted[0]
    assert found[1:] == pytest.approx(wanted[1:], rel=1e-12, abs=1e-12, nan_ok=True)


# ---- what is kept --------------------------------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.booleans(), st.integers(-200, 800), st.integers(0, 3000)), min_size=1, max_size=12)


@settings(max_examples=80)
@given(
    steps=STEPS, kind=st.sampled_from(["f32", "i16", "u1"]), first_id=st.integers(-3000, 3000),
    seconds=st.sampled_from(["0.01", "0.7", "2", "5"]),
)  # fmt: skip
def test_any_calls_leave_the_last_seconds(steps, kind, first_id, seconds):
    """Of blocks and gaps of any length: samples, records and recordings are those of an array that keeps all."""
    rng = np.random.default_rng(len(steps))
    buffer = StreamBuffer([described("current", kind)], seconds=seconds)
    samples, valid, recording = np.empty(0, dtype_of(kind)), np.empty(0, "?"), buffer.recording
    recording.on_damage = "gap"
    for is_gap, at, length in steps:
        start = first_id + len(samples)
        block = (
            rng.integers(0, 2, length).astype("?") if kind == "u1" else rng.normal(0, 9, length).astype(samples.dtype)
        )
        if is_gap:
            buffer.skip("current", Gap(Window(start, start + length), "off"))
            block, fresh = np.zeros(length, samples.dtype), np.zeros(length, "?")
        else:
            begin = start + (at if len(samples) else 0)
            buffer.write("current", begin, block)
            fresh = np.ones(max(length + min(at if len(samples) else 0, 0), 0), "?")
            block = block[len(block) - len(fresh) :]
            if begin > start and length:
                block = np.concatenate([np.zeros(begin - start, samples.dtype), block])
                fresh = np.concatenate([np.zeros(begin - start, "?"), fresh])
        samples, valid = np.concatenate([samples, block]), np.concatenate([valid, fresh])
        assert_kept(buffer, recording, samples, valid, first_id)
    buffer.close()


def assert_kept(buffer, recording, samples, valid, first_id):
    kept = min(len(buffer), len(samples))
    stop = first_id + len(samples)
    if not len(samples):
        assert buffer.sample_id_range == (0, 0)
        return
    assert buffer.sample_id_range == (stop - kept, stop)
    truth = samples[len(samples) - kept :].copy()
    good = valid[len(samples) - kept :]
    truth[~good] = np.nan if truth.dtype.kind == "f" else 0
    found = buffer.samples_get(stop - kept, stop, "current")
    assert np.array_equal(found, truth, equal_nan=truth.dtype.kind == "f")
    measured = np.where(good, truth.astype("f8"), np.nan)
    for lo, hi in ((0, kept), (kept // 3, kept // 2), (kept // 7, kept)):
        assert_record(buffer.statistics_get(stop - kept + lo, stop - kept + hi)[0][0], measured[lo:hi])
    step = max(kept // 5, 1)
    for i, record in enumerate(buffer.data_get(stop - kept, stop, step)[:, 0]):
        assert_record(record, measured[i * step : (i + 1) * step])
    recording.refresh()
    window = recording.signal("current").window
    assert window.stop == stop
    assert window.start <= stop - kept
    assert equal_values(recording.read("current", (stop - kept, stop)), truth)
    assert np.array_equal(recording.read_valid("current", (stop - kept, stop)), good)
    statistics = recording.statistics("current", (stop - kept, stop))
    assert statistics.count == np.isfinite(measured).sum()
    if statistics.count:
        assert statistics.mean == pytest.approx(np.nanmean(measured), rel=1e-5, abs=1e-5)


def test_memory_is_known_from_the_start_and_does_not_grow():
    buffer = StreamBuffer(js110(100_000), seconds=1)
    size = buffer.n_bytes
    values = js110_values(50_000)
    for lap in range(8):
        for name, samples in values.items():
            buffer.write(name, lap * 60_000, samples)
            buffer.tie(name, Tie(sample_id=lap * 60_000, time_ns=lap))
    assert buffer.gap_bytes("current", 10**9) == 0
    assert buffer.n_bytes == size == buffer.recording.status.size_bytes
    assert size < 2 * 100_000 * 15
    assert len(buffer._tracks["current"].gaps) <= 3
    buffer.close()


def test_records_that_are_not_samples_are_bounded(monkeypatch):
    monkeypatch.setattr("xjls.capturing.buffer.rings.RECORDS", 5)
    monkeypatch.setattr("xjls.formats.memory.track.TIES_IN_RING", 3)
    buffer = StreamBuffer([described("current")], seconds=1)
    buffer.write("current", 0, np.zeros(10, "f4"))
    for i in range(9):
        buffer.annotate(note(i, signal="current"))
        buffer.add_user_data(xjls.UserData(meta=i, data=""))
        buffer.tie("current", Tie(sample_id=i, time_ns=i * 10**6 + 7))
    recording = buffer.recording
    assert [one.sample_id for one in recording.annotations] == [4, 5, 6, 7, 8]
    assert [one.meta for one in recording.user_data] == [4, 5, 6, 7, 8]
    assert [tie.sample_id for tie in recording.ties("current")] == [6, 7, 8]
    assert recording.clock("current").time(9) == 9 * 10**6 + 7
    buffer.close()


def test_a_gap_of_hours_is_as_quick_as_a_short_one():
    buffer = StreamBuffer([described("current", rate=100_000), described("voltage", "i16", number=2, rate=100_000)],
                          seconds=1)  # fmt: skip
    for name, dtype in (("current", "f4"), ("voltage", "i2")):
        buffer.write(name, 0, np.ones(150_077, dtype))
        buffer.skip(name, Gap(Window(150_077, 10**13 + 3), "unplugged"))
        assert buffer.statistics_get(10**13 - 90_000, 10**13)[0]["length"].tolist() == [0] * 6
        buffer.write(name, 10**13 + 3, np.full(60_000, 3, dtype))
    records, window = buffer.statistics_get(0, 10**14)
    assert window == [10**13 - 39_997, 10**13 + 60_003]
    assert (records["length"][:2].tolist(), records["mean"][:2].tolist()) == ([60_000] * 2, [3, 3])
    buffer.close()


def test_gaps_of_integers_do_not_count_as_samples():
    buffer = StreamBuffer([described("current_range", "u4")], seconds=10)
    buffer.write("current_range", 0, np.full(3000, 5, "u1"))
    buffer.write("current_range", 4000, np.full(3000, 6, "u1"))
    records = buffer.data_get(0, 7000, 3500)[:, STATS_FIELD_NAMES.index("current_range")]
    assert records["length"].tolist() == [3000, 3000]
    assert records["mean"].tolist() == [5, 6]
    assert buffer.samples_get(2999, 3001, "current_range").tolist() == [5, 8]
    assert buffer.statistics_get(3000, 4000)[0]["length"].tolist() == [0] * 6
    buffer.close()


def test_levels_answer_in_any_lap():
    """Two levels, NaN and gaps: spans of every length, of a ring that was filled again and again."""
    rng = np.random.default_rng(7)
    samples = rng.normal(3, 1, 150_000).astype("f4")
    samples[rng.integers(0, len(samples), 40)] = np.nan
    samples[70_000:76_000] = np.nan
    whole = rng.integers(-9, 9, 150_000).astype("i2")
    buffer = StreamBuffer([described("current"), described("voltage", "i16", number=2)], seconds=50)
    for start in range(0, len(samples), 9_000):
        buffer.write("current", start, samples[start : start + 9_000])
        if start != 117_000:
            buffer.write("voltage", start, whole[start : start + 9_000])
        lo, hi = buffer.sample_id_range
        measured = samples[:hi], np.where((np.arange(hi) // 9000 == 13), np.nan, whole[:hi])
        for _ in range(5):
            a, b = sorted(rng.integers(lo, hi + 1, 2).tolist())
            records = buffer.statistics_get(a, b)[0]
            for i in range(2):
                assert_record(records[i], measured[i][a:b].astype("f8"))
    assert len(buffer.recording.signal("current").levels) == 2
    buffer.close()


# ---- what is asked -------------------------------------------------------------------------------------------------


def test_samples_have_the_documented_shape_types_and_units():
    values = js110_values(3000)
    buffer = fed(values, seconds=2, first_id=500)
    told = buffer.samples_get(2000, 2010)
    assert list(told["signals"]) == list(STATS_FIELD_NAMES)
    assert {name: (str(one["value"].dtype), one["units"]) for name, one in told["signals"].items()} == {
        "current": ("float32", "A"), "voltage": ("float32", "V"), "power": ("float32", "W"),
        "current_range": ("uint8", ""), "current_lsb": ("uint8", ""), "voltage_lsb": ("uint8", ""),
    }  # fmt: skip
    assert told["time"] == {
        "range": {"value": [1.5, 1.51], "units": "s"}, "delta": {"value": 0.01, "units": "s"},
        "sample_id_range": {"value": [2000, 2010], "units": "samples"}, "samples": {"value": 10, "units": "samples"},
        "input_sampling_frequency": {"value": 1000.0, "units": "Hz"},
        "output_sampling_frequency": {"value": 1000.0, "units": "Hz"},
        "sampling_frequency": {"value": 1000.0, "units": "Hz"},
    }  # fmt: skip
    pairs = buffer.samples_get(2000, 2010, "current_voltage")
    assert np.array_equal(pairs, np.stack([values["current"], values["voltage"]], axis=1)[1500:1510])
    bits = buffer.samples_get(2000, 2010, ["bits"])["signals"]["bits"]["value"]
    wanted = values["gpi[1]"].view("u1") << 5 | values["gpi[0]"].view("u1") << 4 | values["current_range"]
    assert np.array_equal(bits, wanted[1500:1510])
    assert len(buffer) == 2000
    assert buffer
    buffer.close()


def test_samples_are_copies():
    """Joulescope's buffer returns views of its ring, which change under who keeps them."""
    buffer = fed(js110_values(1000), seconds=1)
    kept = buffer.samples_get(0, 1000)
    before = {name: one["value"].copy() for name, one in kept["signals"].items()}
    for name, samples in js110_values(1600, seed=1).items():
        buffer.write(name, 1000, samples)
    for name, one in kept["signals"].items():
        assert np.array_equal(one["value"], before[name])
    buffer.close()


def test_what_is_not_there_is_refused_or_told():
    buffer = fed(js110_values(3000), seconds=1)
    assert buffer.sample_id_range == (2000, 3000)
    for window in ((1999, 2100), (2990, 3001), (2500, 2400)):
        with pytest.raises(SelectionError, match=r"are not in the buffer. It has \[2_000, 3_000\)"):
            buffer.samples_get(*window)
    assert buffer.samples_get(2500, 2500, "current").shape == (0,)  # Joulescope's gives the whole ring
    with pytest.raises(SelectionError, match=r"the buffer has no field 'raw'\. Signals: current, voltage"):
        buffer.samples_get(2000, 2001, ["current", "raw"])
    for increment in (0, -1):
        with pytest.raises(SelectionError, match=r"spans of .* samples have none"):
            buffer.data_get(2000, 3000, increment)
    with pytest.raises(SelectionError, match=r"Give one of STATS_DTYPE\[10, 6\] at least"):
        buffer.data_get(2000, 3000, 100, np.empty((9, 6), STATS_DTYPE))
    with pytest.raises(SelectionError, match=r"statistics of 1_001 samples are not kept\. Choose 1 to 1_000 samples"):
        buffer.on_statistics(1001, print)
    buffer.close()
    empty = StreamBuffer(seconds=1)
    with pytest.raises(SelectionError, match="the buffer has no signals yet"):
        empty.samples_get(0, 0)
    empty.close()
    with pytest.raises(SelectionError, match="has 1000 samples a second, which is no multiple of 300"):
        StreamBuffer([described("current")], seconds=1, rate=300)


def test_spans_outside_are_empty_and_those_at_the_border_partial():
    values = js110_values(3000)
    buffer = fed(values, seconds=1)
    table = buffer.data_get(1750, 3500, 500)
    assert table["length"][:, 0].tolist() == [250, 500, 250]
    assert_record(table[0, 0], values["current"][2000:2250])
    assert_record(table[2, 1], values["voltage"][2750:3000])
    assert np.isnan(buffer.data_get(0, 1000, 500)["mean"]).all()
    assert buffer.data_get(2000, 2000).shape == buffer.data_get(2000, 1900).shape == (0, 6)
    single = buffer.data_get(2000, 2003)
    assert single["length"].tolist() == [[1] * 6] * 3
    assert np.array_equal(single["min"][:, 0], values["current"][2000:2003])
    found, window = buffer.statistics_get(0, 9999)
    assert window == [2000, 3000]
    assert_record(found[2], values["power"][2000:])
    found, window = buffer.statistics_get(0, 100)
    assert window == [2000, 2000]
    assert found["length"].tolist() == [0] * 6
    assert np.isnan(found["max"]).all()
    out = np.zeros((5, 6), STATS_DTYPE)
    assert np.shares_memory(buffer.data_get(2000, 2300, 100, out), out)
    assert out["length"][:, 0].tolist() == [100, 100, 100, 0, 0]
    mine = np.zeros(6, STATS_DTYPE)
    buffer.statistics_get(2000, 3000, mine)
    assert mine["length"].tolist() == [1000] * 6
    buffer.close()


def test_inputs_at_another_rate_are_asked_about_the_same_time():
    """As of a JS220, whose inputs have twice as many samples as its current."""
    signals = [described("current", rate=1000), described("gpi[0]", "u1", number=2, rate=2000)]
    buffer = StreamBuffer(signals, seconds=2)
    buffer.write("current", 0, np.arange(1500, dtype="f4"))
    buffer.write("gpi[0]", 0, np.arange(2900) // 1000 % 2 == 1)
    assert buffer.sample_id_range == (0, 1500)
    table = buffer.data_get(0, 1500, 500)
    assert table["length"][:, 0].tolist() == [500, 500, 500]
    assert table["length"][:, 4].tolist() == [1000, 1000, 900]
    assert table["mean"][:, 4].tolist() == [0, 1, 0]
    assert list(buffer.samples_get(0, 10)["signals"]) == ["current"]
    with pytest.raises(SelectionError, match=r"'gpi\[0\]' has 2000 samples a second, others 1000\. Keep all at one"):
        buffer.samples_get(0, 10, "current_lsb")
    buffer.close()
    buffer = StreamBuffer(signals, seconds=2, rate=1000)
    buffer.write("current", 0, np.arange(1500, dtype="f4"))
    buffer.write("gpi[0]", 0, np.arange(2900) // 1000 % 2 == 1)
    assert buffer.samples_get(499, 501, "current_lsb").tolist() == [0, 1]
    buffer.close()


def test_signals_of_other_rates_and_scales():
    fast, counts = described("gpi[0]", "u1", number=1, rate=2000), described("a", "i16", number=2, scale=0.5)
    buffer = StreamBuffer([fast, counts], seconds=1)
    buffer.write("gpi[0]", 0, np.ones(100, "?"))
    buffer.write("a", 0, np.arange(50, dtype="i2"))
    assert (buffer.rate_hz, buffer.input_rate_hz, buffer.sample_id_range) == (2000, 2000, (0, 100))
    buffer.close()
    scope = StreamBuffer([counts], seconds=1)
    scope.write("a", 0, np.arange(50, dtype="i2"))
    assert scope.samples_get(2, 4)["signals"]["a"]["value"].tolist() == [1.0, 1.5]
    assert scope.recording.statistics("a").max == 24.5
    assert scope.fields == ("a",)
    assert scope.data_get(0, 50, 25)["max"].tolist() == [[12.0], [24.5]]
    told = []
    scope.on_statistics(50, told.append)
    scope.write("a", 50, np.full(50, 3, "i2"))
    assert told[0]["signals"]["a"]["max"] == {"value": 1.5, "units": "A"}
    assert told[0]["time"]["range"]["value"] == [0.0, 0.05]  # since it was asked for
    scope.add_source(BENCH)
    scope.add_signal(counts)  # a session defines what the buffer knows already
    with pytest.raises(SelectionError, match="signal 2, 'a', is defined already"):
        scope.add_signal(described("a", "i16", number=2, rate=7))
    scope.close()


# ---- while it is written -------------------------------------------------------------------------------------------


def test_integers_that_gave_way_are_lost():
    buffer = StreamBuffer([described("current", "i16", rate=4000)], seconds=1)
    buffer.write("current", 0, np.ones(8000, "i2"))
    recording = buffer.recording
    recording.on_damage = "gap"
    buffer.write("current", 8000, np.ones(4000, "i2"))
    gone = recording.read_with_gaps("current")[1][0].window.length
    assert gone > 1024
    found = recording.statistics("current")
    assert (found.lost, found.count) == (gone, found.window.length - gone)
    buffer.close()


def test_what_gave_way_is_told_not_invented():
    buffer = StreamBuffer([described("current", rate=2000)], seconds=1)
    buffer.write("current", 0, np.arange(4000, dtype="f4"))
    recording, kept = buffer.recording, buffer.recording
    kept.on_damage = "gap"
    buffer.write("current", 4000, np.arange(4000, 6000, dtype="f4"))
    window = recording.signal("current").window
    assert window.stop == 4000
    with pytest.raises(LostSamplesError, match=r"of 'current' are gone: newer samples are in their place: buffer:\d+"):
        recording.read("current")
    with pytest.raises(LostSamplesError, match="are gone"):
        recording.read_level("current", 1)
    with pytest.raises(LostSamplesError, match="are gone"):
        recording.statistics("current")
    found, gaps = kept.read_with_gaps("current")
    gone = gaps[0].window
    assert gone.start == window.start
    assert np.isnan(found[: gone.length]).all()
    assert found[gone.length :].tolist() == list(range(gone.stop, 4000))
    assert kept.statistics("current").lost == gone.length
    entries = kept.read_level("current", 1)
    assert np.isnan(entries[: gone.length // 128]).all()
    assert entries[-1, 2] == window.start + (len(entries) - 1) * 128
    assert recording.refresh()
    assert recording.read("current")[-1] == 5999
    assert recording.epoch == 0
    buffer.close()


def is_ids(samples, start):
    return np.array_equal(samples, np.arange(start, start + len(samples)))


def check_answers(buffer):
    """Yield what is wrong of samples that tell their id, as they are asked for by it."""
    lo, hi = buffer.sample_id_range
    with contextlib.suppress(SelectionError):
        if not is_ids(buffer.samples_get(lo, hi, "x"), lo):
            yield "samples"
    table = buffer.data_get(lo, hi, 1000)[:, 0]
    whole = table["length"] == 1000
    starts = (lo + np.arange(len(table)) * 1000)[whole]
    if not ((table["min"][whole] == starts).all() and (table["max"][whole] == starts + 999).all()):
        yield "spans"


def check_recording(recording):
    """Yield what is wrong of a recording of them."""
    recording.refresh()
    window = recording.signal("current").window
    samples, gaps = recording.read_with_gaps("current")
    gone = sum(gap.window.length for gap in gaps)
    if not is_ids(samples[gone:], window.start + gone):
        yield "recording"
    found = recording.statistics("current")
    if found.count and not window.start <= found.min <= found.max < window.stop:
        yield "statistics"


def test_readers_never_see_two_laps_at_once():
    """Samples that tell their id, in a ring that is overwritten as fast as it can be."""
    signals = described("current", "f64", rate=40_000), described("x", "i32", number=2, rate=40_000)
    buffer = StreamBuffer(signals, seconds=1)
    stop, failures, looks = threading.Event(), [], []
    recording = buffer.recording
    recording.on_damage = "gap"

    def ask():
        while not stop.is_set():
            failures.extend(check_answers(buffer))
            looks.append(1)

    def read():
        while not stop.is_set():
            failures.extend(check_recording(recording))

    with running(ask, read, stop=stop):
        deadline, at = time.monotonic() + 60, 0
        while (len(looks) < 100 or at < 10**6) and time.monotonic() < deadline and not failures:
            for name, dtype in (("current", "f8"), ("x", "i4")):
                buffer.write(name, at, np.arange(at, at + 5000).astype(dtype))
            at += 5000
            time.sleep(0)
    buffer.close()
    assert not failures
    assert len(looks) >= 100


def test_what_gives_way_under_who_copies_is_refused():
    buffer = StreamBuffer([described("current")], seconds=1)
    buffer.write("current", 0, np.zeros(1000, "f4"))
    views, (lo, hi) = buffer._views()
    buffer.write("current", 1000, np.zeros(1000, "f4"))
    with pytest.raises(SelectionError, match=r"samples of 'current' from 0 on gave way to newer ones\. Ask again"):
        buffer._read(views["current"], "current", lo, hi)
    buffer.close()


def test_follow_goes_on_where_it_was_and_passes_over_what_is_gone():
    buffer = StreamBuffer([described("current")], seconds=1)
    steps = iter([(0, 700), (700, 1400), (1400, 6000), (6000, 6100)])

    def write_more(_seconds):
        if (step := next(steps, None)) is None:
            buffer.close()
        else:
            buffer.write("current", step[0], np.arange(*step, dtype="f4"))

    recording = buffer.recording
    seen = []
    for news in recording.follow(wait=write_more):
        window = news["current"]
        assert is_ids(recording.read("current", window), window.start)
        seen.append((window.start, window.stop))
    assert seen[:2] == [(0, 700), (700, 1400)]
    assert seen[2][0] > 4000
    assert seen[2][1] == 6000
    assert seen[3] == (6000, 6100)
    assert recording.epoch == 0


# ---- word of it as time goes on ------------------------------------------------------------------------------------


def test_statistics_are_told_as_they_are_complete():
    values = js110_values(2500)
    told = []
    buffer = StreamBuffer(js110(), seconds=2)
    end = buffer.on_statistics(500, told.append)
    for start in range(0, 2500, 130):
        for name, samples in values.items():
            buffer.write(name, 40 + start, samples[start : start + 130])
    assert [one["time"]["sample_range"]["value"] for one in told] == [[40 + i, 540 + i] for i in range(0, 2500, 500)]
    first, last = told[0], told[-1]
    assert first["time"]["range"] == {"value": [0.0, 0.5], "units": "s"}
    assert first["time"]["samples"] == {"value": 500, "units": "samples"}
    assert set(first) == {"time", "signals", "accumulators", "source"}
    assert first["source"] == "stream_buffer"
    current = first["signals"]["current"]
    assert list(current) == ["µ", "σ2", "min", "max", "p2p", "∫"]
    assert current["σ2"]["value"] == pytest.approx(values["current"][:500].astype("f8").var(ddof=1))
    assert current["∫"] == {"value": pytest.approx(values["current"][:500].astype("f8").sum() / 1000), "units": "C"}
    assert "∫" not in first["signals"]["voltage"]
    assert last["accumulators"]["charge"]["value"] == pytest.approx(
        values["current"].astype("f8").sum() / 1000, rel=1e-14
    )
    assert last["accumulators"]["energy"]["value"] == pytest.approx(
        values["power"].astype("f8").sum() / 1000, rel=1e-14
    )
    end()
    for name, samples in values.items():
        buffer.write(name, 2540, samples[:1000])
    assert len(told) == 5
    buffer.close()


def test_a_callback_may_ask_and_may_fail(caplog):
    buffer = StreamBuffer([described("current")], seconds=2)
    seen = []

    def ask(told):
        seen.append(buffer.statistics_get(*told["time"]["sample_range"]["value"])[0]["mean"][0])  # no lock is held
        raise KeyError("viewer")

    buffer.on_statistics(100, ask)
    with caplog.at_level(logging.ERROR):
        buffer.write("current", 0, np.arange(250, dtype="f4"))
    assert seen == [49.5, 149.5]
    assert caplog.text.count("a callback for statistics failed") == 2
    assert buffer.sample_id_range == (0, 250)
    buffer.close()


def test_a_block_longer_than_the_buffer_is_told_of_as_a_whole():
    told = []
    buffer = StreamBuffer([described("current")], seconds=1)
    buffer.on_statistics(1000, told.append)
    buffer.write("current", 0, np.ones(700, "f4"))
    buffer.write("current", 700, np.ones(9_300, "f4"))
    assert len(told) == 10
    assert told[-1]["accumulators"]["charge"]["value"] == 10.0
    buffer.close()


def test_what_gave_way_before_all_signals_had_it_is_not_told():
    told = []
    buffer = StreamBuffer([described("current"), described("voltage", number=2)], seconds=1)
    buffer.on_statistics(300, told.append)
    for start, stop in ((0, 100), (100, 5000)):
        for name in ("current", "voltage"):
            buffer.write(name, start, np.ones(stop - start, "f4"))
    windows = [one["time"]["sample_range"]["value"] for one in told]
    assert windows == [[start, start + 300] for start in range(windows[0][0], 4800, 300)]
    assert windows[0][0] % 300 == 0
    assert 3600 <= windows[0][0] <= 4200
    assert all(one["time"]["samples"]["value"] == 300 for one in told)
    buffer.close()


def test_accumulators_do_not_lose_what_is_small():
    """Joulescope's cut off to whole picocoulombs at each update: 10 nA at 100 Hz of updates loses all of it below."""
    sums = Accumulators(Fraction(1_000_000))
    for _ in range(1000):
        sums.add({"current": 0.9e-12, "power": 1e-3}, 1_000_000 // 1000)
    assert sums.picos("charge") == 1
    assert sums.told()["energy"] == {"value": pytest.approx(1e-3, rel=1e-15), "units": "J"}
    assert sums.told()["charge"]["value"] == pytest.approx(0.9e-12, rel=1e-15)


def test_statistics_of_nothing_are_nan():
    told = stats_to_api(np.array([(0, np.nan, np.nan, np.nan, np.nan)] * 6, STATS_DTYPE), 0.0, 1.0)
    assert np.isnan(told["signals"]["power"]["σ2"]["value"])
    assert told["time"]["samples"]["value"] == 0


def test_arrays_of_a_ring_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="the arrays of a ring do not fit each other"):
        summarize_ring(np.zeros(4), [(2, np.zeros((3, 6)))], np.array([0, 1]), np.empty((1, 6)))


def test_the_page_about_it_says_what_is_so():
    page = (Path(__file__).parents[1] / "docs/how-to/stream-buffer.md").read_text()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    assert names["buffer"].sample_id_range == (20_000, 70_000)
    assert names["told"][-1]["signals"]["current"]["µ"] == {"value": 0.5, "units": "A"}
    assert names["told"][-1]["accumulators"]["charge"] == {"value": 0.5, "units": "C"}
    assert names["slow"].sample_id_range == (0, 600)
    assert names["older"].samples_get(0, 3, "current").tolist() == [100.0] * 3
