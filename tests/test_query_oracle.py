"""Statistics and columns beside those of pyjls 0.17, on files that pyjls wrote: equal where it is right.

Where it is wrong its number is asserted as well, so that each test documents a fault (`pyjls-oracle` §4, items 1 to 6)
and fails when a release mends it. pyjls answers from a process of its own, with a time limit: some questions end it.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyjls
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import xjls
from xjls.testing.jls2 import Definition, Fsr, iter_calls
from xjls.testing.jls2.records import pack_samples
from xjls.testing.laws.answers import check_statistics
from xjls.testing.laws.expected import ExpectedSignal
from xjls.testing.strategies import fsr_signals

EXAMPLES = os.environ.get("XJLS_EXAMPLES")
"""How many a test draws: 30, always the same, or that many new ones."""
PATIENCE_S = 60
NAN = float("nan")
TINY = {"samples_per_data": 160, "sample_decimate": 16, "entries_per_summary": 10, "summary_decimate": 10}

property_test = settings(
    max_examples=int(EXAMPLES or 30), derandomize=EXAMPLES is None, database=None, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

THEIRS = """
import json, sys
import pyjls
path, questions = json.loads(sys.argv[1])
reader = pyjls.Reader(path)
length, answers = reader.signals[1].length, []
for verb, *arguments in questions:
    try:
        answers.append(getattr(reader, verb)(1, *arguments).tolist())
    except RuntimeError as error:
        answers.append(str(error))
reader.close()
print(json.dumps([length, answers]))
"""


def theirs(path, *questions):
    """Return the length that pyjls sees, and its answers: lists, or what its error says."""
    done = subprocess.run(
        [sys.executable, "-c", THEIRS, json.dumps([str(path), questions])],
        capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def statistics(*window):
    """Ask for the four numbers of one window: start, length."""
    return ("fsr_statistics", *window, 1)


def columns(start, increment, n):
    return ("fsr_statistics", start, increment, n)


def write(path, samples, dtype="f32", *, first_id=0, **blocks):
    """Let pyjls write one signal; return the truth of it."""
    signal = Fsr("s", samples, dtype=dtype, first_id=first_id, **blocks)
    return write_signal(path, signal)


def write_signal(path, signal):
    asked = signal.asked_blocks
    with pyjls.Writer(str(path)) as writer:
        writer.source_def(1, "source")
        writer.signal_def(
            1, 1, name=signal.name, data_type=signal.kind.data_type(signal.q), sample_rate=signal.rate_hz,
            samples_per_data=asked.samples_per_data, sample_decimate_factor=asked.sample_decimate,
            entries_per_summary=asked.entries_per_summary, summary_decimate_factor=asked.summary_decimate,
        )  # fmt: skip
        for call in iter_calls(Definition([signal])):
            if call.verb == "samples":
                start, stop = call.detail
                part = signal.array[start:stop].copy()
                if signal.kind.bits < 8:
                    part = np.frombuffer(pack_samples(part, signal.kind), np.uint8).copy()
                writer.fsr(1, signal.first_id + start, part)
    return ExpectedSignal(
        name=signal.name, units=signal.units, rate_hz=signal.rate_hz, first_id=signal.first_id, samples=signal.array
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jls"


def ours(path, truth, *windows):
    """Return [mean, std, min, max] of windows of positions, std that of a sample; each is held to the truth."""
    found = []
    with xjls.open_recording(path) as recording:
        for start, stop in windows:
            window = truth.first_id + start, truth.first_id + stop
            one = recording.statistics(truth.name, window, ddof=1)
            check_statistics(recording, truth, one)
            found.append([one.mean, one.std, one.min, one.max])
    return found


def noise(size, seed=0):
    return np.random.default_rng(seed).normal(0, 1, size).astype("f4")


# ---- where pyjls is right ------------------------------------------------------------------------------------------


@property_test
@given(signal=fsr_signals("s", max_samples=3000), data=st.data())
def test_one_window_is_what_pyjls_says_of_it(signal, data):
    """Mean and extremes of any window of the types whose entries it reads, std but for how it is recombined."""
    assume(signal.kind.entry_dtype == np.float32 and np.isfinite(signal.array.astype(float)).all())
    assume(signal.array.size * signal.kind.bits % 8 == 0 and signal.array.size > 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jls")
        truth = write_signal(path, signal)
        with contextlib.closing(pyjls.Reader(str(path))) as reader:
            length = reader.signals[1].length
            assert length <= signal.array.size
            assume(length)
            for _ in range(5):
                start = data.draw(st.integers(0, length - 1))
                stop = data.draw(st.integers(start + 1, length))
                mean, std, low, high = reader.fsr_statistics(1, start, stop - start, 1)[0]
                scale = 2.0**-signal.q
                ((our_mean, our_std, *our_ends),) = ours(path, truth, (start, stop))
                slack = 1e-5 * max(abs(low), abs(high)) * scale
                assert our_ends == [low * scale, high * scale]
                assert our_mean == pytest.approx(mean * scale, rel=1e-5, abs=slack)
                if stop - start > 1:  # population entries, recombined as a sample's: off by 1 in an entry's samples
                    off = 2 / signal.blocks.sample_decimate
                    assert our_std == pytest.approx(std * scale, rel=off, abs=slack)


@pytest.mark.parametrize("dtype", ["f32", "u8", "i8", "u16", "i16"])
def test_columns_that_begin_with_entries_are_those_of_pyjls(path, dtype):
    """Borders on entries of the level that it takes, and it is right, too: of 128 or 256 samples, say."""
    samples = noise(300_000) if dtype == "f32" else np.random.default_rng(1).integers(0, 100, 300_000)
    truth = write(path, samples, dtype)
    increment = Fsr("s", dtype=dtype).blocks.sample_decimate
    n = 50
    _, (rows,) = theirs(path, columns(0, increment, n))
    with xjls.open_recording(path) as recording:
        found = recording.columns("s", (0, n * increment), n)
        for one in found:
            check_statistics(recording, truth, one)
    wanted = np.array(rows)[:, [0, 2, 3]]
    np.testing.assert_allclose(np.stack([found.mean, found.min, found.max], axis=1), wanted, rtol=1e-5, atol=1e-6)


# ---- item 1: the tail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "seen"), [(81_970, 81_920), (82_047, 81_920), (1_640_959, 1_638_400)])
def test_1_the_tail_after_whole_blocks_is_summed_up(path, length, seen):
    """pyjls loses it in silence, and with it a spike at the end; the bytes are in the file."""
    samples = noise(length)
    samples[-1] = 1000
    truth = write(path, samples)
    reported, ((whole,), error) = theirs(path, statistics(0, seen), statistics(0, length))
    assert (reported, whole[3] < 10) == (seen, True)
    assert "PARAMETER_INVALID" in error
    (found,) = ours(path, truth, (0, length))
    assert found[3] == 1000


# ---- item 2: 64-bit summaries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["i32", "u32"])
def test_2_summaries_of_32_bit_integers_are_not_garbage(path, dtype):
    """pyjls reads what its buffer held before for the second half of every block."""
    samples = np.arange(200_000)
    truth = write(path, samples, dtype)
    _, ((whole,), (few,)) = theirs(path, statistics(0, 200_000), statistics(0, 100))
    assert abs(whole[0] - samples.mean()) > 50_000, "the whole of a ramp has the mean 99 999.5"
    assert few[0] == 49.5
    (found,) = ours(path, truth, (0, 200_000))
    assert found[0] == pytest.approx(99_999.5, rel=1e-12)


@pytest.mark.parametrize("dtype", ["f64", "i64", "u64"])
def test_2_samples_of_64_bits_have_statistics(path, dtype):
    truth = write(path, np.arange(200_000), dtype)
    _, answers = theirs(path, statistics(0, 200_000), statistics(1, 199_990), statistics(0, 100))
    assert all("UNSUPPORTED_FILE" in answer for answer in answers)
    assert ours(path, truth, (0, 200_000), (1, 199_991), (0, 100))[1][0] == pytest.approx(99_995.5, rel=1e-12)


# ---- item 3: columns with moved borders ----------------------------------------------------------------------------


def all_columns(path, truth, start, increment, n):
    """Return our columns, each held to the truth, as [mean, std, min, max] rows."""
    with xjls.open_recording(path) as recording:
        found = recording.columns(truth.name, (start, start + increment * n), increment=increment, ddof=1)
        for one in found:
            check_statistics(recording, truth, one)
        return np.stack([found.mean, found.std, found.min, found.max], axis=1)


def test_3_columns_of_noise_have_their_own_extremes(path):
    """Columns of 128 samples from sample 1: in pyjls every second minimum and maximum is a neighbour's."""
    samples = noise(300_000)
    truth = write(path, samples)
    _, (rows,) = theirs(path, columns(1, 128, 1000))
    true = samples[1 : 1 + 128_000].reshape(1000, 128)
    wrong = (np.array(rows)[:, 2:] != np.stack([true.min(1), true.max(1)], axis=1)).mean(axis=0)
    assert (wrong > 0.4).all()
    found = all_columns(path, truth, 1, 128, 1000)
    assert np.array_equal(found[:, 2:], np.stack([true.min(1), true.max(1)], axis=1))


def test_3_a_spike_is_in_one_column(path):
    """In pyjls an entry that lies across a border counts for both columns, with all that is in it."""
    samples = noise(300_000)
    samples[100_210] = 1000  # column 501 of 200 samples, in the entry that column 500 ends in
    truth = write(path, samples)
    _, (rows,) = theirs(path, columns(0, 200, 1500))
    rows = np.array(rows)
    assert np.flatnonzero(rows[:, 3] == 1000).tolist() == [500, 501]
    assert np.abs(rows[:, 0] - samples.reshape(1500, 200).astype("f8").mean(1)).max() > 0.3
    found = all_columns(path, truth, 0, 200, 1500)
    assert np.flatnonzero(found[:, 3] == 1000).tolist() == [501]


def test_3_a_ramp_in_ten_columns_has_its_means(path):
    """0 … 59 999: pyjls says 3039.5 of the first column, which has the mean 2999.5."""
    truth = write(path, np.arange(60_000), **TINY)
    _, (rows,) = theirs(path, columns(0, 6000, 10))
    assert rows[0][0] == 3039.5
    found = all_columns(path, truth, 0, 6000, 10)
    np.testing.assert_allclose(found[:, 0], np.arange(10) * 6000 + 2999.5, rtol=1e-7)


# ---- item 4: the deviation -----------------------------------------------------------------------------------------


def test_4_entries_of_a_population_are_recombined_as_such(path):
    """One entry of 128 samples, σ of the population: pyjls gives 0.39 % too little where it should give a sample's."""
    samples = noise(300_000)
    truth = write(path, samples)
    window = 128, 128 + 51_200
    _, ((whole,),) = theirs(path, statistics(window[0], window[1] - window[0]))
    true = samples[slice(*window)].astype("f8").std(ddof=1)
    assert whole[1] / true - 1 == pytest.approx(-0.0039, abs=4e-4)
    ((_, std, *_),) = ours(path, truth, window)
    assert std == pytest.approx(true, rel=1e-6)


# ---- item 5: NaN ---------------------------------------------------------------------------------------------------


def test_5_nan_does_not_come_and_go_with_the_zoom(path):
    """An entry that is all NaN: pyjls's mean of the same samples is NaN or finite, as the level it takes has it."""
    samples = noise(1_100_000)
    samples[256:384] = np.nan
    truth = write(path, samples)
    lengths = [1280, 51_200, 204_800, 1_024_000]
    _, answers = theirs(path, *(statistics(0, length) for length in lengths))
    assert [np.isfinite(answer[0][0]) for answer in answers] == [False, False, True, True]
    assert not any(np.isfinite(answer[0][1]) for answer in answers), "and its deviation is never known"
    for length, (mean, std, *_) in zip(lengths, ours(path, truth, *((0, n) for n in lengths)), strict=True):
        finite = samples[:length][np.isfinite(samples[:length])].astype("f8")
        assert (mean, std) == (pytest.approx(finite.mean(), abs=1e-7), pytest.approx(finite.std(ddof=1), rel=1e-6))


def test_5_a_few_samples_do_not_weigh_as_a_whole_entry(path):
    """One finite sample in an entry of 128 counts for all of them in pyjls: the sign of the mean turns."""
    samples = noise(300_000)
    samples[:2560] += np.float32(0.03 - samples[:2560].astype("f8").mean())
    samples[129:256] = np.nan
    samples[128] = -2
    truth = write(path, samples)
    _, ((whole,),) = theirs(path, statistics(0, 51_200))
    true = np.nanmean(samples[:51_200].astype("f8"))
    ((mean, *_), (near, *_)) = ours(path, truth, (0, 51_200), (0, 2560))
    assert mean == pytest.approx(true, abs=1e-7)
    assert abs(whole[0] - true) > 0.003
    entries = [np.nanmean(one) for one in samples[:2560].astype("f8").reshape(20, 128)]
    assert np.mean(entries) < 0 < near, "level 2 stores the one, the samples have the other"


# ---- item 6: bits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u4", "i4"])
def test_6_bits_are_not_shifted_by_an_odd_first_id(path, dtype):
    """The first sample id is 3: windows that pyjls reads from inside a byte are others than those that it was given."""
    kind = Fsr("s", dtype=dtype).kind
    low, high = {"u1": (0, 1), "u4": (0, 15), "i4": (-8, 7)}[dtype]
    samples = np.random.default_rng(0).integers(low, high, 4000, endpoint=True).astype(kind.numpy_dtype)
    truth = write(path, samples, dtype, first_id=3)
    _, (packed,) = theirs(path, ("fsr", 8, 1000))
    read = unpacked(np.array(packed, np.uint8), kind.bits, signed=dtype == "i4")[:1000]
    assert (read != samples[8:1008]).mean() > 0.3
    ((mean, *_),) = ours(path, truth, (8, 1008))
    assert mean == pytest.approx(samples[8:1008].mean(), rel=1e-12)
    assert ours(path, truth, (0, 4000), (1, 3999), (5, 6), (3, 1025))


def unpacked(packed, bits, *, signed):
    if bits == 1:
        return np.unpackbits(packed, bitorder="little")
    nibbles = np.stack([packed & 15, packed >> 4], axis=1).ravel()
    return (nibbles ^ 8).astype(np.int8) - 8 if signed else nibbles
