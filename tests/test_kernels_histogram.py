"""Counts in bins are those of numpy.histogram in float64, to the last sample on an edge."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xjls.errors import SelectionError
from xjls.kernels.histogram import count_in_bins
from xjls.query.histogram import Bins, choose_bins, count


def counted(samples, low, high, bins):
    counts, outside = np.zeros(bins, np.int64), np.zeros(3, np.int64)
    count_in_bins(samples, low, high, counts, outside)
    return counts, outside


def check(samples, low, high, bins):
    counts, outside = counted(samples, low, high, bins)
    values = samples.astype("f8")
    expected = np.histogram(values[np.isfinite(values)], bins, (low, high))[0]
    np.testing.assert_array_equal(counts, expected)
    finite = np.isfinite(values)
    assert outside.tolist() == [np.sum(values[finite] < low), np.sum(values[finite] > high), np.sum(~finite)]


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "u2", "i4", "u8", "f4", "f8"])
@pytest.mark.parametrize("bins", [1, 2, 7, 1000])
def test_every_dtype(dtype, bins):
    samples = (np.random.default_rng(0).normal(size=5003) * 40).clip(0 if dtype[0] in "?u" else -100, 100).astype(dtype)
    check(samples, -20, 60, bins)
    check(samples[::3], 0.1, 1.7, bins)


@settings(deadline=None)
@given(
    samples=hnp.arrays(
        st.sampled_from(["f4", "f8"]),
        st.integers(0, 1500),
        elements=st.one_of(st.floats(-10, 10, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 0.1, 0.3, 5.0])),
    ),
    low=st.floats(-11, 5),
    width=st.floats(1e-3, 12),
    bins=st.integers(1, 50),
)
def test_any_floats(samples, low, width, bins):
    check(samples, low, low + width, bins)


@settings(deadline=None)
@given(low=st.floats(-1e3, 1e3), width=st.floats(1e-6, 1e3), bins=st.integers(1, 3000))
def test_samples_on_and_beside_edges(low, width, bins):
    edges = np.linspace(low, low + width, bins + 1)
    check(np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]), low, low + width, bins)


def test_counts_add_up():
    counts, outside = np.array([5, 0]), np.array([1, 1, 1])
    count_in_bins(np.array([0.0, 2.0, 3.0]), 0, 2, counts, outside)
    assert counts.tolist() == [6, 1]
    assert outside.tolist() == [1, 2, 1]


@pytest.mark.parametrize("span", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1), (0, 1e-310), (-1.7e308, 1.7e308)])
def test_a_range_without_width_is_refused(span):
    with pytest.raises(ValueError, match="have no width"):
        counted(np.zeros(3), *span, 10)


def test_too_many_bins_and_none_are_refused():
    for bins in (0, (1 << 20) + 1):
        with pytest.raises(ValueError, match="counts must be from 1"):
            counted(np.zeros(3), 0, 1, bins)


def test_bins_suit_their_samples():
    assert choose_bins(np.dtype("u1"), 3, 7) == Bins(2.5, 7.5, 5)
    assert choose_bins(np.dtype("?"), np.nan, np.nan) == Bins(-0.5, 1.5, 2)
    assert choose_bins(np.dtype("i2"), -30_000, 30_000) == Bins(-30_000, 30_000, 256)
    assert choose_bins(np.dtype("i2"), 0, 5, 3) == Bins(0, 5, 3)
    assert choose_bins(np.dtype("f4"), np.nan, np.nan) == Bins(0, 1, 256)
    assert choose_bins(np.dtype("f4"), 2, 2) == Bins(1.5, 2.5, 256)


def test_bins_that_are_none_are_refused():
    with pytest.raises(SelectionError, match="0 bins are none"):
        Bins(0, 1, 0)
    with pytest.raises(SelectionError, match="no finite range from 1 to 1"):
        Bins(1, 1, 5)


@given(cuts=st.lists(st.integers(0, 5000), max_size=6))
def test_pieces_add_up_and_what_is_lost_is_counted_apart(cuts):
    rng = np.random.default_rng(0)
    samples, valid = rng.normal(size=5000), rng.random(5000) < 0.8
    edges = [0, *sorted(cuts), 5000]
    pieces = [(samples[a:b], valid[a:b]) for a, b in pairwise(edges)]
    found = count(pieces, Bins(-1, 1, 20))
    np.testing.assert_array_equal(
        found, count([(samples[valid], None)], Bins(-1, 1, 20)) + ([0] * 23 + [np.sum(~valid)])
    )
    assert found.sum() == 5000
