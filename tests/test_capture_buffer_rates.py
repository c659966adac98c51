"""A lower rate than the device's: what passes the filters, where it is in time, and what becomes of what is missing."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zarr_stores import described, note
from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.buffer.decimate import Decimator, is_state
from xjls.capturing.buffer.filters import PASS, STOP, designed
from xjls.kernels.fir import filter_down, most_frequent
from xjls.model.annotation import Tie
from xjls.model.sample_type import dtype_of
from xjls.model.window import Gap, Window

FACTORS = [2, 3, 4, 5, 10, 20, 100, 2000, 22]


def decimated(samples, factor, kind="f64", first_id=0, cuts=()):
    """Return first output's id and all outputs, of samples that are given in pieces."""
    decimator = Decimator(factor, kind)
    parts = []
    edges = [0, *cuts, len(samples)]
    for start, stop in itertools.pairwise(edges):
        parts += decimator.write(first_id + start, samples[start:stop])
    parts += decimator.finish()
    assert [at for at, _ in parts[1:]] == [at + len(out) for at, out in parts[:-1]]
    return parts[0][0], np.concatenate([out for _, out in parts])


def middles(first, count, factor):
    """Return where outputs stand, in inputs."""
    return (first + np.arange(count)) * factor + (factor - 1) / 2


def lag(factor):
    """Return how many inputs behind the end of its span an output needs."""
    total, each = 0, 1
    for stage in designed(factor):
        total += stage.beside * each
        each *= stage.factor
    return total


# ---- filters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, PASS])
def test_a_sine_passes_where_and_as_large_as_it_is(factor, share):
    """Gain 1 and no phase, whatever the chain: Joulescope's is late by hundreds of inputs."""
    frequency = share / factor
    n = 400 * factor
    first, out = decimated(np.sin(2 * np.pi * frequency * np.arange(n)), factor)
    assert (first, len(out)) == (0, 400)
    inner = slice(60, -60)
    wanted = np.sin(2 * np.pi * frequency * middles(0, 400, factor))
    assert np.abs(out - wanted)[inner].max() < 1e-4


TOO_FAST = [(factor, times * STOP / factor) for factor in FACTORS for times in (1, 1.3, 1.7, 3.7)]


@pytest.mark.parametrize(("factor", "frequency"), [(factor, each) for factor, each in TOO_FAST if each < 0.5])
def test_what_is_too_fast_does_not_pass(factor, frequency):
    """From 0.6 of the output rate on, which folds to 0.4; up to what the inputs can hold."""
    _, out = decimated(np.cos(2 * np.pi * frequency * np.arange(300 * factor)), factor)
    assert np.abs(out[60:-60]).max() < 1e-4


@pytest.mark.parametrize("factor", FACTORS)
def test_a_constant_is_itself_from_the_first_output_on(factor):
    first, out = decimated(np.full(10 * factor, 3.25), factor)
    assert (first, len(out)) == (0, 10)
    assert np.abs(out - 3.25).max() < 1e-13


@pytest.mark.parametrize("factor", [4, 10, 20, 100])
def test_a_step_of_current_and_of_an_input_are_at_one_place(factor):
    """Half an output sample: Joulescope's inputs lead its current by the filters' delay."""
    for at in range(50 * factor, 51 * factor, max(factor // 7, 1)):
        current = (np.arange(100 * factor) >= at).astype("f8")
        _, filtered = decimated(current, factor)
        _, states = decimated(current.astype("?"), factor, "u1")
        crossing = np.interp(0.5, filtered[45:56], np.arange(45, 56))
        assert abs(crossing - (np.argmax(states) - 0.5)) <= 0.5
        assert (
            abs(crossing * factor + (factor - 1) / 2 - (at - 0.5)) < 0.08 * factor
        )  # the crossing is found by a straight line


@settings(max_examples=60)
@given(
    factor=st.sampled_from([2, 3, 10, 20]), kind=st.sampled_from(["f64", "f32", "i16", "u4", "u1"]),
    first_id=st.integers(-100, 100), cuts=st.lists(st.integers(0, 900), max_size=6).map(sorted),
)  # fmt: skip
def test_how_samples_are_cut_does_not_matter(factor, kind, first_id, cuts):
    rng = np.random.default_rng(1)
    samples = rng.integers(0, 2 if kind == "u1" else 16, 900).astype(dtype_of(kind))
    one, other = decimated(samples, factor, kind, first_id), decimated(samples, factor, kind, first_id, cuts)
    assert one[0] == other[0]
    assert len(one[1]) == len(other[1])
    assert one[1].dtype == samples.dtype
    assert np.allclose(one[1].astype("f8"), other[1].astype("f8"), rtol=0, atol=1e-6)


@given(factor=st.integers(2, 12), first_id=st.integers(-50, 50), length=st.integers(1, 60))
def test_an_output_is_there_if_half_of_its_inputs_are(factor, first_id, length):
    decimator = Decimator(factor, "u1")
    parts = decimator.write(first_id, np.ones(length, "?")) + decimator.finish()
    found = [at + i for at, out in parts for i in range(len(out))]
    spans = range((first_id - factor) // factor, (first_id + length) // factor + 2)
    counts = {k: len(range(max(k * factor, first_id), min((k + 1) * factor, first_id + length))) for k in spans}
    must = [k for k, n in counts.items() if 2 * n > factor]
    may = [k for k, n in counts.items() if n and 2 * n >= factor]
    if length >= factor:
        assert set(must) <= set(found) <= set(may)
    assert found == sorted(set(found))


def test_designs_are_symmetric_and_sum_up_to_one():
    for factor in FACTORS:
        stages = designed(factor)
        assert np.prod([stage.factor for stage in stages]) == factor
        for stage in stages:
            assert np.array_equal(stage.taps, stage.taps[::-1])
            assert stage.taps.sum() == pytest.approx(1, abs=1e-15)
            assert stage.beside >= 0
            assert (len(stage.taps) - stage.factor) % 2 == 0
    assert lag(20) < 18 * 20


def test_outputs_come_as_soon_as_their_inputs_are_there():
    decimator = Decimator(20, "f64")
    count = sum(len(out) for _, out in decimator.write(0, np.zeros(20 * 50 + lag(20))))
    assert count >= 50


# ---- what is missing -----------------------------------------------------------------------------------------------


def test_nan_does_not_spread():
    """126 lost inputs make 44 outputs NaN in Joulescope's 100 kHz; here those whose middle is missing."""
    samples = np.full(40_000, 2.5)
    samples[20_000:20_126] = np.nan
    _, out = decimated(samples, 20)
    assert 4 <= np.isnan(out).sum() <= 8
    assert np.nanmax(np.abs(out - 2.5)) < 1e-12
    samples[20_000:20_126] = 2.5
    samples[20_005:20_008] = np.nan
    samples[30_000] = np.inf
    _, out = decimated(samples, 20)
    assert np.abs(out - 2.5).max() < 1e-12


def test_kernels_against_plain_sums():
    rng = np.random.default_rng(3)
    values, taps = rng.normal(size=50), rng.random(7)
    taps /= taps.sum()
    values[[10, 30, 31]] = np.nan
    found = filter_down(values, taps, 3)
    assert len(found) == 15
    for k, one in enumerate(found):
        window = values[3 * k : 3 * k + 7]
        good = np.isfinite(window)
        weight = taps[good].sum()
        wanted = (window[good] * taps[good]).sum() / weight if weight >= 0.5 else np.nan
        assert one == pytest.approx(wanted, nan_ok=True)
    assert len(filter_down(values[:6], taps, 3)) == 0
    assert most_frequent(np.array([3, 1, 1, 3, 9, 9, 9, 0], "u1"), 4).tolist() == [1, 9]


def test_states_are_not_filtered():
    assert [kind for kind in ("u1", "u4", "u8", "i8", "u16", "f32") if is_state(kind)] == ["u1", "u4", "u8"]
    _, out = decimated(np.repeat([7, 1], 50).astype("u1"), 10, "u4")
    assert out.tolist() == [7] * 5 + [1] * 5


def test_counts_are_filtered_and_rounded():
    samples = np.repeat([-32768, 32767], 500).astype("i2")
    _, out = decimated(samples, 10, "i16")
    assert out.dtype == np.int16
    assert (out[0], out[-1]) == (-32768, 32767)
    assert out.min() == -32768  # the overshoot of a step has no room


# ---- in a buffer ---------------------------------------------------------------------------------------------------


def test_a_buffer_keeps_a_lower_rate():
    buffer = StreamBuffer(
        [described("current", rate=20_000), described("gpi[0]", "u1", number=2, rate=20_000)], seconds=1, rate="1 kHz"
    )
    ids = np.arange(1000, 41_000)
    for start in range(0, len(ids), 700):
        part = ids[start : start + 700]
        buffer.write("current", int(part[0]), np.sin(2 * np.pi * part * 5 / 20_000).astype("f4"))
        buffer.write("gpi[0]", int(part[0]), part // 10_000 % 2 == 1)
    buffer.tie("current", Tie(sample_id=1010, time_ns=10**18))
    buffer.annotate(note(1234, signal="current"))
    buffer.close()
    assert (buffer.rate_hz, buffer.input_rate_hz) == (Fraction(1000), Fraction(20_000))
    assert buffer.sample_id_range == (1050, 2050)
    told = buffer.samples_get(1050, 2050)
    assert told["time"]["input_sampling_frequency"]["value"] == 20_000
    assert told["time"]["sampling_frequency"]["value"] == 1000
    wanted = np.sin(2 * np.pi * middles(1050, 1000, 20) * 5 / 20_000)
    assert np.abs(told["signals"]["current"]["value"] - wanted)[:-20].max() < 1e-4
    assert np.array_equal(told["signals"]["current_lsb"]["value"], np.arange(1050, 2050) // 500 % 2)
    recording = buffer.recording
    assert recording.was_closed
    assert recording.signal("current").rate_hz == 1000
    assert recording.ties("current") == (Tie(sample_id=50, time_ns=10**18 - 25_000),)
    assert recording.annotations[0].sample_id == 61


def test_gaps_stay_where_they_are_at_a_lower_rate():
    buffer = StreamBuffer([described("current", rate=20_000), described("gpi[0]", "u1", number=2, rate=20_000)],
                          seconds=10, rate=1000)  # fmt: skip
    for name, dtype in (("current", "f4"), ("gpi[0]", "?")):
        buffer.write(name, 0, np.ones(20_010, dtype))
        buffer.skip(name, Gap(Window(20_010, 22_000), "packets lost"))
        buffer.write(name, 22_000, np.ones(8_001, dtype))
        buffer.write(name, 32_000, np.ones(8_000, dtype))
    buffer.close()
    recording = buffer.recording
    for name in ("current", "gpi[0]"):
        assert recording.skipped(name) == (
            Gap(Window(1000, 1100), "packets lost", skipped=True),
            Gap(Window(1500, 1600), "not delivered", skipped=True),
        )
        assert recording.signal(name).window == Window(0, 2000)
    samples = recording.read("current")
    assert np.array_equal(np.isnan(samples), ~recording.read_valid("current"))
    assert np.nanmax(np.abs(samples - 1)) < 1e-6
