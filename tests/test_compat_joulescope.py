"""Joulescope's buffers under its own tests, and against it on random data; and what it gets wrong, each by its name."""

import itertools
import os
import unittest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # no driver is loaded

from joulescope.v0 import stream_buffer as oracle
from joulescope.v0.test import test_stats, test_stream_buffer

from xjls.compat import joulescope as ours
from xjls.compat.joulescope.statistics import combined
from xjls.testing.joulescope import counting_words, usb_packets

FIELDS = list(ours.STATS_FIELD_NAMES)
GAINS = [6.8e-4, 1.6e-4, 1.4e-5, 1.4e-6, 1.4e-7, 1.4e-8, 1.4e-9], [9.4e-4, 2.9e-4]
OFFSETS = [-2807.1, -2810.2, -2811.9, -2813.3, -2823.8, -2815.5, -2817.25], [-1150.6, -2041.7]
CALIBRATION = OFFSETS[0], GAINS[0], OFFSETS[1], GAINS[1]

# ---- its own tests -------------------------------------------------------------------------------------------------

OTHERWISE = {
    "test_insert_process": "looks into the ring",
    "test_wrap_aligned": "looks into the ring",
    "test_get_over_samples": "looks into the ring",
}
"""Tests of Joulescope's that ask for what nobody should, and why: what else they say is below."""


class StreamBufferTests(test_stream_buffer.TestStreamBuffer):
    """Joulescope's own."""


class StatisticsTests(test_stream_buffer.TestStatistics):
    """Joulescope's own."""


class RunningStatisticsTests(test_stats.TestStatistics):
    """Joulescope's own."""


def names_of(case):
    return [name for name in unittest.TestLoader().getTestCaseNames(case) if name not in OTHERWISE]


for case in (StreamBufferTests, StatisticsTests, RunningStatisticsTests):
    case.__test__ = False  # they are run below, against this package


@pytest.mark.parametrize(
    ("case", "name"),
    [(case, name) for case in (StreamBufferTests, StatisticsTests, RunningStatisticsTests) for name in names_of(case)],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_its_own_tests_pass(case, name, monkeypatch):
    for module, named in ((test_stream_buffer, "StreamBuffer"), (test_stream_buffer, "Statistics")):
        monkeypatch.setattr(module, named, getattr(ours, named))
    monkeypatch.setattr(test_stats, "Statistics", ours.RunningStatistics)
    monkeypatch.setattr(test_stats, "stats_compute", ours.stats_compute)
    monkeypatch.setattr(test_stats, "stats_array_factory", ours.stats_array_factory)
    result = unittest.TestResult()
    case(name).run(result)
    assert result.testsRun == 1
    assert not [*result.failures, *result.errors], [*result.failures, *result.errors][0][1]


def test_insertion_is_seen_after_processing():
    buffer = ours.StreamBuffer(1.0, [100, 10], 1000.0)
    buffer.suppress_mode = "off"
    assert not buffer.insert(usb_packets(0))
    status = buffer.status()
    assert (status["device_sample_id"]["value"], status["sample_id"]["value"]) == (126, 0)
    assert buffer.sample_id_range == (0, 0)
    buffer.process()
    assert buffer.sample_id_range == (0, 126)
    assert (buffer.limits_time, buffer.limits_samples) == ((0.0, 1.0), (-874, 126))
    assert (buffer.time_to_sample_id(1.0), buffer.sample_id_to_time(126), buffer.sample_id_to_time(125)) == (
        126,
        1.0,
        0.999,
    )
    assert np.array_equal(buffer.samples_get(0, 126, "raw"), counting_words(0, 126))
    assert np.array_equal(buffer.data_get(0, 126)[:, 0]["mean"], np.arange(126) * 2)


def test_a_ring_that_wraps_keeps_the_newest():
    buffer = ours.StreamBuffer(0.252, [], 1000.0)
    buffer.suppress_mode = "off"
    buffer.insert(usb_packets(0, 4))
    buffer.process()
    assert buffer.sample_id_range == (252, 504)
    assert np.array_equal(buffer.samples_get(252, 504, "raw") >> 2, np.arange(504, 1008).reshape(-1, 2))


def test_statistics_of_spans_are_those_of_the_documents():
    buffer = ours.StreamBuffer(2.0, [10, 10], 1000.0)
    buffer.suppress_mode = "off"
    buffer.insert(usb_packets(0))
    buffer.process()
    table = buffer.data_get(0, 21, 5)
    assert table["mean"][:, 0].tolist() == [4, 14, 24, 34]
    assert table[0, 0].item() == (5, 4.0, 40.0, 0.0, 8.0)
    assert table["mean"][:, 1].tolist() == [5, 15, 25, 35]


# ---- on random data ------------------------------------------------------------------------------------------------


def random_words(rng, n, *, switches=True, missing=True):
    """Return words with switches of ranges, and missing samples; too few of either to crash the oracle."""
    ranges = np.repeat(rng.integers(0, 7, n // 150 + 1), 150)[:n] if switches else np.full(n, 3)
    words = np.empty((n, 2), np.uint16)
    words[:, 0] = rng.integers(0, 1 << 14, n) << 2 | ranges & 3
    words[:, 1] = rng.integers(0, 1 << 14, n) << 2 | (np.arange(n) & 1) << 1 | ranges >> 2
    if missing:
        for block, length in rng.integers(1, 5, (3, 2)).tolist():
            words[block * 150 + 60 : block * 150 + 60 + 2 * length] = 0xFFFF  # an even number, and beside no switch
    return words


def pair(seconds, reductions, mode, calibrated=True):
    """Return Joulescope's buffer and ours, alike."""
    made = [module.StreamBuffer(seconds, reductions, 1000.0) for module in (oracle, ours)]
    for buffer in made:
        buffer.suppress_mode = mode
        if calibrated:
            buffer.calibration_set(*CALIBRATION)
    return made


def assert_same_samples(theirs, mine, start, stop):
    for field in ("current", "voltage", "power", "current_range", "raw", "current_voltage"):
        found, wanted = mine.samples_get(start, stop, field), theirs.samples_get(start, stop, field)
        assert found.dtype == wanted.dtype
        if field == "raw":  # of which theirs has no more what gave way to samples that wait
            found, wanted = found[64:], wanted[64:]
        assert np.array_equal(found, wanted, equal_nan=found.dtype.kind == "f"), field
    known = mine.samples_get(start, stop, "current_range") != ours.I_RANGE_MISSING
    for field in ("current_lsb", "voltage_lsb", "bits"):  # of missing samples Joulescope's are 1, ours 0
        found, wanted = mine.samples_get(start, stop, field), theirs.samples_get(start, stop, field)
        assert found.dtype == wanted.dtype
        assert np.array_equal(found[known], wanted[known]), field


def assert_same_records(found, wanted):
    assert np.array_equal(found["length"], wanted["length"])
    for name in ("mean", "variance", "min", "max"):
        scale = np.nanmax(np.abs(wanted[name]), initial=1e-300, axis=tuple(range(wanted.ndim - 1)))
        assert np.allclose(found[name] / scale, wanted[name] / scale, rtol=1e-9, atol=1e-9, equal_nan=True), name


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), mode=st.sampled_from(["off", "mean_1_n_1", "interp_1_n_1", "mean_2_m_1"]))
def test_samples_and_statistics_are_joulescopes(seed, mode):
    rng = np.random.default_rng(seed)
    theirs, mine = pair(3.0, [10, 10], mode)
    words = random_words(rng, int(rng.integers(500, 6000)))
    edges = np.unique([*range(0, len(words), 1000), *rng.integers(0, len(words), 5), len(words)])
    for start, stop in itertools.pairwise(edges.tolist()):
        for buffer in (theirs, mine):
            buffer.insert_raw(words[start:stop])
            buffer.process()
    lo, hi = mine.sample_id_range
    end = theirs.sample_id_range[1]
    assert end - 4096 <= hi <= end
    lo = max(lo, theirs.sample_id_range[0])
    assert_same_samples(theirs, mine, lo, hi)
    for _ in range(4):
        a, b = sorted(rng.integers(lo, hi + 1, 2).tolist())
        if a < b:
            found, window = mine.statistics_get(a, b)
            wanted, same = theirs.statistics_get(a, b)
            assert window == same
            assert_same_records(found, wanted)
            step = int(rng.integers(2, 300))
            if b - a >= step:
                assert_same_records(mine.data_get(a, b, step), theirs.data_get(a, b, step))
    for name in ("sample_missing_count", "skip_count"):
        if hi == end:
            assert mine.status()[name] == theirs.status()[name]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_packets_and_their_losses_are_joulescopes(seed):
    rng = np.random.default_rng(seed)
    theirs, mine = pair(2.0, [20, 5], "off")
    told = [], []
    theirs.callback, mine.callback = told[0].append, told[1].append
    at = 0
    for _ in range(int(rng.integers(3, 10))):
        count = int(rng.integers(1, 4))
        packets = usb_packets(at, count, random_words(rng, 126 * count, missing=False))
        for buffer in (theirs, mine):
            assert buffer.insert(packets) is False
            buffer.process()
        at += count + int(rng.random() < 0.3)
    assert mine.status() == theirs.status()
    assert mine.sample_id_range == theirs.sample_id_range
    assert (len(mine), mine.limits_samples) == (len(theirs), theirs.limits_samples)
    assert str(mine) == "StreamBuffer(length=2000, reductions=[20, 5])"  # theirs says [20, 20]
    assert_same_samples(theirs, mine, *mine.sample_id_range)
    lo, hi = mine.sample_id_range
    for i in range(2 if lo == 0 else 0):  # theirs has none of rings that wrap
        assert_same_records(mine.get_reduction(i, lo, hi), theirs.get_reduction(i, lo, hi))
    assert len(told[0]) == len(told[1])
    for wanted, found in zip(*told, strict=True):
        assert_same_payload(found, wanted)


def assert_same_payload(found, wanted, where=""):
    """Compare dictionaries to their leaves: the same keys, units and numbers; but for the units of variances."""
    assert set(found) == set(wanted), where
    for key in wanted:
        if key == "units":
            assert found[key] == (wanted[key] and f"{wanted[key]}²" if where.endswith("σ2") else wanted[key]), where
        elif isinstance(wanted[key], dict):
            assert_same_payload(found[key], wanted[key], f"{where}/{key}")
        elif isinstance(wanted[key], str):
            assert found[key] == wanted[key]
        else:
            assert found[key] == pytest.approx(wanted[key], rel=1e-9, abs=2e-11, nan_ok=True), where


def test_a_dictionary_of_samples_is_joulescopes():
    theirs, mine = pair(1.0, [10], "off")
    for buffer in (theirs, mine):
        buffer.insert(usb_packets(0, 3, voltage_range=1))
        buffer.process()
    wanted, found = theirs.samples_get(100, 250), mine.samples_get(100, 250)
    assert list(found["signals"]) == list(wanted["signals"])
    assert found["signals"]["raw"]["voltage_range"] == wanted["signals"]["raw"]["voltage_range"] == 1
    for field, told in wanted["signals"].items():
        assert found["signals"][field]["units"] == told["units"]
        assert np.array_equal(found["signals"][field]["value"], told["value"])
    assert_same_payload(found["time"], wanted["time"])
    for field in ("raw_current", "raw_voltage"):
        assert np.array_equal(mine.samples_get(100, 250, field), theirs.samples_get(100, 250, field))
        assert mine.samples_get(100, 102, [field])["signals"][field]["units"] == "LSBs"
    assert mine.has_raw
    assert (mine.input_sampling_frequency, mine.output_sampling_frequency) == (1000.0, 1000.0)
    assert (mine.suppress_mode, mine.voltage_range) == (theirs.suppress_mode, theirs.voltage_range)
    assert mine.recording.statistics("current", (0, 378)).count == 378


def test_the_stream_ends_when_it_should():
    for setting in ("sample_id_max", "contiguous_max"):
        theirs, mine = pair(1.0, [10, 10], "off")
        for buffer in (theirs, mine):
            setattr(buffer, setting, 200)
        for i in range(3):
            answers = [(buffer.insert(usb_packets(i)), buffer.process()) for buffer in (theirs, mine)]
            assert answers[0] == answers[1]
    assert mine.insert(None) is True
    mine.reset()
    assert mine.sample_id_range == (0, 0)
    assert {name: one["value"] for name, one in mine.status().items()} == dict.fromkeys(mine.status(), 0)


RECORD = st.tuples(st.integers(0, 9), *[st.floats(-100, 100)] * 2, st.floats(0, 9), st.floats(0, 9))


@given(one=RECORD, other=RECORD)
def test_records_are_joulescopes(one, other):
    def made(record):
        n, mean, _, squares, span = record
        return [(n, mean, squares if n > 1 else 0.0, mean - span, mean + span)] * 6

    mine, theirs = ([np.array(made(record), ours.STATS_DTYPE) for record in (one, other)] for _ in range(2))
    assert ours.STATS_DTYPE == oracle.STATS_DTYPE
    assert ours.STATS_DTYPE.itemsize == 40
    wanted, found = oracle.Statistics(stats=theirs[0]), ours.Statistics(stats=mine[0])
    wanted.combine(oracle.Statistics(stats=theirs[1]))
    found.combine(ours.Statistics(stats=mine[1]))
    assert len(found) == len(wanted)
    if len(wanted):
        for name in ours.STATS_DTYPE.names:
            assert np.allclose(found.value[name], wanted.value[name], rtol=1e-9, atol=1e-9)
        api = [module.stats_to_api(one.value, 1.0, 3.5) for module, one in ((oracle, wanted), (ours, found))]
        assert_same_payload(api[1], api[0])


def test_single_statistics_are_joulescopes():
    assert_same_payload(
        {"σ2": ours.single_stat_to_api(1.0, 2.0, 3.0, 4.0, "A")["σ2"]},
        {"σ2": oracle.single_stat_to_api(1.0, 2.0, 3.0, 4.0, "A")["σ2"]},
    )
    running = ours.RunningStatistics()
    for x in (1, 5):
        running.add(x)
    other = ours.RunningStatistics()
    other.copy(running)
    assert (len(other), other.min, other.max, other.var) == (2, 1, 5, 8)
    other.invalid()
    assert (len(other), np.isnan(other.mean), np.isnan(other.var)) == (0, True, True)
    assert len(running.combine(other)) == 2
    stats = ours.stats_array_factory(3)
    ours.stats_invalidate(stats)
    assert np.isnan(stats["max"]).all()
    assert combined(stats[0], stats[1])[0].item()[0] == 0
