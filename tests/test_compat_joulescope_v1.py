"""Buffers for the messages of Joulescope's newer driver: against its own, and what it gets wrong."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # no driver is loaded

from joulescope.v1.stream_buffer import StreamBuffer as Oracle

from xjls.compat.joulescope import RefusedError, v1

KEYS = {"current": (1, 0), "voltage": (2, 0), "power": (3, 0), "current_range": (4, 0), "gpi0": (5, 0), "gpi1": (5, 1)}
FIELDS = ["current", "voltage", "power", "current_range", "current_lsb", "voltage_lsb"]


def message(name, first_id, data, *, rate=1000, factor=1):
    field_id, index = KEYS[name]
    return {"field_id": field_id, "index": index, "sample_id": first_id, "data": data, "sample_rate": rate,
            "decimate_factor": factor}  # fmt: skip


def messages(first_id, n, rng, **how):
    """Return a message of each signal; n is a multiple of 8, as inputs come in bytes."""
    for name in KEYS:
        if name.startswith("gpi"):
            data = rng.integers(0, 256, n // 8).astype("u1")
        elif name == "current_range":
            data = rng.integers(0, 8, n).astype("u1")
        else:
            data = rng.normal(1, 0.1, n).astype("f4")
        yield message(name, first_id, data, **how)


def filled(buffers, parts, **how):
    rng = np.random.default_rng(0)
    for first_id, n in parts:
        for one in messages(first_id, n, rng, **how):
            for buffer in buffers:
                assert buffer.insert("u/js220/000000/s/i/!data", one) == 0


@settings(max_examples=30)
@given(
    first_id=st.integers(0, 2**34), sizes=st.lists(st.integers(1, 40).map(lambda n: 8 * n), min_size=1, max_size=9),
    gap=st.integers(0, 40), factor=st.sampled_from([1, 2]),
)  # fmt: skip
def test_samples_and_statistics_are_joulescopes(first_id, sizes, gap, factor):
    first_id *= factor
    theirs, mine = Oracle(2.0, 1000 // factor, None), v1.StreamBuffer(2.0, 1000 // factor, None)
    parts, at = [], first_id
    for i, size in enumerate(sizes):
        at += gap * factor if i == len(sizes) // 2 and i else 0
        parts.append((at, size))
        at += size * factor
    filled((theirs, mine), parts, rate=1000, factor=factor)
    start, stop = theirs.sample_id_range
    assert mine.sample_id_range[1] == stop
    assert mine.sample_id_range[0] in (start, start - 1)  # theirs keeps one less
    wanted, found = theirs.samples_get(start, stop), mine.samples_get(start, stop)
    assert list(found["signals"]) == FIELDS
    known = ~np.isnan(wanted["signals"]["current"]["value"])
    for name in FIELDS:
        one, other = found["signals"][name], wanted["signals"][name]
        assert (one["units"], one["value"].dtype) == (other["units"], other["value"].dtype)
        assert np.array_equal(one["value"][known], other["value"][known]), name
    assert np.array_equal(np.isnan(found["signals"]["current"]["value"]), ~known)
    assert (found["signals"]["current_range"]["value"][~known] == 8).all()
    records, window = mine.statistics_get(start, stop)
    assert window == [start, stop]
    samples = wanted["signals"]["power"]["value"][known]
    assert records[2]["length"] == len(samples)
    assert records[2]["mean"] == pytest.approx(samples.mean(dtype="f8"))
    if stop - start >= 50 and known.all():
        ours, table = mine.data_get(start, stop, 50), theirs.data_get(start, stop, 50)
        assert np.array_equal(ours["length"], table["length"])
        for name in ("mean", "variance", "min", "max"):
            assert np.allclose(ours[name], table[name], rtol=1e-6, atol=1e-6)


def test_a_lower_rate_is_filtered():
    mine = v1.StreamBuffer(2.0, 2000, None, output_frequency=100)
    for start in range(0, 4000, 400):
        t = np.arange(start, start + 400)
        mine.insert("", message("current", start, np.sin(2 * np.pi * t * 3 / 2000).astype("f4"), rate=2000))
        mine.insert("", message("gpi0", start, np.full(50, 0xFF, "u1"), rate=2000))
    lo, hi = mine.sample_id_range
    assert (lo, len(mine), mine.output_sampling_frequency, mine.input_sampling_frequency) == (0, 200, 100, 2000)
    middles = np.arange(hi) * 20 + 9.5
    assert np.abs(mine.samples_get(0, hi, "current") - np.sin(2 * np.pi * middles * 3 / 2000))[30:].max() < 1e-4
    assert mine.samples_get(0, hi, "current_lsb").tolist() == [1] * hi


def test_inputs_all_on_stay_on_whatever_the_borders_of_messages():
    mine = v1.StreamBuffer(10.0, 2_000_000, None, output_frequency=2000)
    at = 16_841_077_408
    for _ in range(10):
        mine.insert("", message("gpi0", at, np.full(100_800 // 8, 0xFF, "u1"), rate=2_000_000))
        at += 100_800
    start, stop = mine.sample_id_range
    assert stop - start >= 1000
    assert (mine.samples_get(start, stop, "current_lsb") == 1).all()


def test_the_duration_is_over_when_it_is():
    theirs, mine = Oracle(10.0, 1000, None), v1.StreamBuffer(10.0, 1000, None)
    filled((theirs, mine), [(80, 800)])
    assert theirs.is_duration_max  # with nothing set it is over at once
    assert not mine.is_duration_max
    assert not mine.is_contiguous_duration_max
    mine.duration_max = theirs.duration_max = 1.0
    mine.contiguous_duration_max = theirs.contiguous_duration_max = 1.0
    assert (mine.is_duration_max, mine.is_contiguous_duration_max) == (False, False)
    filled((theirs, mine), [(1080, 400)])
    assert mine.is_duration_max
    assert theirs.is_contiguous_duration_max  # although 200 samples are missing
    assert not mine.is_contiguous_duration_max
    assert mine.status()["contiguous_count"]["value"] == 400
    assert mine.status()["sample_missing_count"]["value"] == 6 * 200
    filled((theirs, mine), [(1480, 800)])
    assert mine.is_contiguous_duration_max


def test_answers_of_an_empty_buffer():
    theirs, mine = Oracle(1.0, 1000, None), v1.StreamBuffer(1.0, 1000, None)
    assert mine.sample_id_range == theirs.sample_id_range == (0, 0)
    assert (mine.has_raw, mine.voltage_range, len(mine)) == (theirs.has_raw, theirs.voltage_range, 1000)
    assert str(mine) == str(theirs)
    filled((theirs, mine), [(1000, 80)])
    assert theirs.samples_get(1010, 1010, "current") == []
    assert mine.samples_get(1010, 1010, "current").shape == (0,)
    assert mine.samples_get(0, 1005)["time"]["sample_id_range"]["value"] == [1000, 1005]
    with pytest.raises(AttributeError):
        theirs.statistics_get(1010, 1010)
    assert mine.statistics_get(1010, 1010)[0]["length"].tolist() == [0] * 6
    with pytest.raises(TypeError):
        theirs.data_get(1000, 1010)
    assert len(mine.data_get(1000, 1010)) == 10
    with pytest.raises(RefusedError, match="the buffer has no field 'raw'"):
        mine.samples_get(1000, 1010, "raw")
    assert mine.limits_samples == (80, 1080)
    mine.calibration_set([1.0], [1.0], [1.0], [1.0])
    assert mine.insert("", {"field_id": 9, "index": 0, "sample_id": 0, "data": None}) == 0


def test_signals_that_do_not_come_are_not_told():
    """Theirs tells the values of the field before."""
    theirs, mine = Oracle(1.0, 1000, None), v1.StreamBuffer(1.0, 1000, None)
    for buffer in (theirs, mine):
        for key, one in getattr(buffer, "buffers", {}).items():
            one.active = key == (1, 0)
        buffer.insert("", message("current", 0, np.arange(10, dtype="f4")))
    told = theirs.samples_get(0, 10, ["current", "voltage"])["signals"]
    assert np.array_equal(told["voltage"]["value"], told["current"]["value"])
    assert list(mine.samples_get(0, 10)["signals"]) == ["current"]
    with pytest.raises(RefusedError, match="the buffer has no field 'voltage'"):
        mine.samples_get(0, 10, ["current", "voltage"])
    assert mine.statistics_get(0, 10)[0]["length"].tolist() == [10, 0, 0, 0, 0, 0]


def test_samples_that_come_twice_are_kept_once():
    """Theirs keeps them again, and all that follows is late from then on."""
    theirs, mine = Oracle(1.0, 1000, None), v1.StreamBuffer(1.0, 1000, None)
    for buffer in (theirs, mine):
        for key, one in getattr(buffer, "buffers", {}).items():
            one.active = key == (1, 0)
        for start in (0, 60, 160):
            buffer.insert("", message("current", start, np.arange(start, start + 100, dtype="f4")))
    assert theirs.sample_id_range == (0, 300)
    assert mine.sample_id_range == (0, 260)
    assert np.array_equal(mine.samples_get(0, 260, "current"), np.arange(260))


def test_what_changes_begins_anew():
    mine = v1.StreamBuffer(1.0, 1000, None)
    mine.insert("", message("current", 0, np.zeros(100, "f4")))
    mine.insert("", message("current", 200, np.zeros(100, "f4"), factor=2))
    assert mine.sample_id_range == (100, 200)
    mine.buffer_duration = 2.0
    assert (len(mine), mine.sample_id_range, mine.buffer_duration) == (2000, (0, 0), 2.0)
    mine.output_sampling_frequency = 500
    assert (len(mine), mine.output_sampling_frequency) == (1000, 500)
    with pytest.raises(RefusedError, match="the buffer would keep no sample"):
        v1.StreamBuffer(0.0001, 1000, None)
    with pytest.raises(RefusedError, match="which is no multiple of 300"):
        v1.StreamBuffer(1.0, 1000, None, output_frequency=300).insert("", message("current", 0, np.zeros(8, "f4")))
