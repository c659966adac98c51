"""Decimated counts are what NumPy makes of their groups, whatever the factor, the window and the pieces."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xjls.kernels.decimate import LOST, Conversion, convert, decimate

SCALE, OFFSET = 2000 / 32767, 125.0
FACTORS = st.one_of(
    st.integers(1, 40), st.sampled_from([7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257, 1000, 1 << 40, 1 << 70])
)


def meaning(paired=False, marked=True, step=16, steps_per_s=10**9):
    return Conversion(
        scale_mv=SCALE, offset_mv=OFFSET, step=step, steps_per_s=steps_per_s, paired=paired, marked=marked
    )


def counts(length, lost="none", seed=0):
    rng = np.random.default_rng([length, seed])
    values = rng.integers(-32767, 32768, length).astype("i2")
    if lost == "some":
        values[rng.random(length) < 0.1] = LOST
    elif lost == "runs":
        for at in rng.integers(0, max(length, 1), 3):
            values[at : at + rng.integers(1, 60)] = LOST
    elif lost == "all":
        values[:] = LOST
    return values


def cut(values, cuts):
    edges = [0, *sorted({min(at, len(values)) for at in cuts}), len(values)]
    return [values[lo:hi] for lo, hi in pairwise(edges)]


def decimated(values, start, factor, mode, conversion, cuts=()):
    stop = start + len(values)
    n = conversion.outputs(start, stop, factor, mode)
    times, mv = np.full((2, n), 1e300)
    decimate(cut(values, cuts), (start, stop), factor, mode, conversion, times, mv)
    return times, mv


def in_mv(count):
    return count * SCALE + OFFSET


def expected(values, start, factor, mode, conversion):
    """One group after the other, by NumPy."""
    each = 2 if conversion.paired else 1
    size = factor * each
    stop = start + len(values)
    edges = [start, *range((start // size + 1) * size, stop, size), stop] if start < stop else []
    times, mv = [], []
    for lo, hi in pairwise(edges):
        group = values[lo - start : hi - start].astype(np.int64).reshape(-1, each)
        streams = [one[one != LOST] if conversion.marked else one for one in group.T]
        if mode == "min_max":
            found = [streams[0].min() if len(streams[0]) else np.nan, streams[-1].max() if len(streams[-1]) else np.nan]
        else:
            found = [one.sum() / len(one) if len(one) else np.nan for one in streams]
        mv += [in_mv(value) for value in found]
        times += [float(Fraction(lo // each) * conversion.step / conversion.steps_per_s)] * len(found)
    return np.array(times), np.array(mv)


@settings(deadline=None, max_examples=300)
@given(
    factor=FACTORS, length=st.one_of(st.integers(0, 60), st.integers(0, 6000)), start=st.integers(0, 5000),
    mode=st.sampled_from(["min_max", "mean"]), paired=st.booleans(), marked=st.booleans(),
    lost=st.sampled_from(["none", "some", "runs", "all"]), cuts=st.lists(st.integers(0, 6000), max_size=8),
)  # fmt: skip
@example(3, 5999, 1, "min_max", False, True, "none", [1, 2, 3, 4, 5, 6])
@example(1, 600, 0, "min_max", True, True, "some", [1, 4, 301])
def test_groups_are_those_of_numpy(factor, length, start, mode, paired, marked, lost, cuts):
    conversion = meaning(paired, marked)
    if paired:
        start, length = 2 * start, length // 2 * 2
    values = counts(length, lost)
    times, mv = decimated(values, start, factor, mode, conversion, cuts)
    true_times, true_mv = expected(values, start, factor, mode, conversion)
    np.testing.assert_array_equal(times, true_times)
    np.testing.assert_array_equal(mv, true_mv)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("mode", ["min_max", "mean"])
@pytest.mark.parametrize("factor", [*range(1, 70), 127, 128, 129, 1000])
def test_many_blocks_of_groups(factor, mode, paired):
    conversion = meaning(paired)
    values = counts(2 * 300 * factor + 14)
    times, mv = decimated(values, 2, factor, mode, conversion)
    true_times, true_mv = expected(values, 2, factor, mode, conversion)
    np.testing.assert_array_equal(times, true_times)
    np.testing.assert_allclose(mv, true_mv, rtol=0, atol=1e-9)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("factor", [1, 2, 9, 31, 50, 80])
@pytest.mark.parametrize("mode", ["min_max", "mean"])
def test_one_marker_anywhere_in_a_group_is_found(factor, mode, paired):
    conversion = meaning(paired)
    for at in range(2 * factor):
        values = counts(20 * factor)
        values[2 * factor + at] = LOST
        mv = decimated(values, 0, factor, mode, conversion)[1]
        np.testing.assert_array_equal(mv, expected(values, 0, factor, mode, conversion)[1])


def test_extreme_counts_do_not_overflow():
    values = np.full(1 << 20, 32767, "i2")
    for factor in (2, 64, 100, 1 << 20):
        mv = decimated(values, 0, factor, "mean", meaning())[1]
        assert set(mv) == {in_mv(32767)}
        mv = decimated(np.full(1 << 20, LOST, "i2"), 0, factor, "mean", meaning(marked=False))[1]
        assert set(mv) == {in_mv(-32768)}


@settings(deadline=None)
@given(
    length=st.integers(0, 9000), start=st.integers(0, 1 << 40), paired=st.booleans(), marked=st.booleans(),
    lost=st.sampled_from(["none", "some"]), cuts=st.lists(st.integers(0, 9000), max_size=6),
)  # fmt: skip
def test_every_count_is_converted(length, start, paired, marked, lost, cuts):
    values, conversion = counts(length, lost), meaning(paired, marked, 1, 62_500_000)
    times, mv = np.full((2, length), 1e300)
    convert(cut(values, cuts), start, conversion, times, mv)
    timesteps = (start + np.arange(length)) // (2 if paired else 1)
    np.testing.assert_array_equal(times, timesteps / 62_500_000)
    true = in_mv(values.astype(float))
    np.testing.assert_array_equal(mv, np.where(marked & (values == LOST), np.nan, true))


@given(timestep=st.integers(0, (1 << 53) // 64), step=st.integers(1, 64))
def test_times_are_rounded_once(timestep, step):
    times, mv = np.empty((2, 1))
    convert([np.zeros(1, "i2")], timestep, meaning(step=step), times, mv)
    assert times[0] == float(Fraction(timestep * step, 10**9))


def test_other_memory_is_taken_as_well():
    values = counts(1000)
    true = decimated(values, 0, 10, "min_max", meaning())[1]
    spread = np.zeros(3000, "i2")
    spread[::3] = values
    frozen = values.copy()
    frozen.flags.writeable = False
    at_odd_byte = np.frombuffer(b"x" + values.tobytes(), "i1")[1:].view("i2")
    for same in (spread[::3], frozen, values.astype(">i2"), at_odd_byte):
        np.testing.assert_array_equal(decimated(same, 0, 10, "min_max", meaning())[1], true)


def test_nothing_behind_the_counts_is_read():
    """The values behind are smaller and larger than any other: whoever counted them would show it."""
    for factor in (1, 2, 3, 5, 7):
        for length in range(1, 40):
            values = np.concatenate([np.zeros(length, "i2"), np.tile([LOST, 32767], 10).astype("i2")])[:length]
            assert set(decimated(values, 0, factor, "min_max", meaning())[1]) == {in_mv(0)}


def test_wrong_lengths_are_refused():
    values, conversion = counts(10), meaning()
    with pytest.raises(ValueError, match="times and mv must have 6 elements, not 5"):
        decimate([values], (0, 10), 4, "min_max", conversion, *np.empty((2, 5)))
    with pytest.raises(ValueError, match="times and mv must have the same length"):
        convert([values], 0, conversion, np.empty(10), np.empty(9))
    with pytest.raises(ValueError, match="hold 1 counts more than the window"):
        decimate([values, values[:1]], (0, 10), 4, "min_max", conversion, *np.empty((2, 6)))
    with pytest.raises(ValueError, match="hold 2 counts more than the window"):
        convert([values], 0, conversion, *np.empty((2, 8)))
    with pytest.raises(ValueError, match="hold 3 counts fewer than the window"):
        convert([values], 0, conversion, *np.empty((2, 13)))
    with pytest.raises(ValueError, match="hold 2 counts fewer than the window"):
        decimate([values], (0, 12), 4, "min_max", conversion, *np.empty((2, 6)))
