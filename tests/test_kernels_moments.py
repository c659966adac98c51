"""Rows of moments agree with NumPy in float64, whatever is not finite; rows of parts merge into that of the whole."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xjls.kernels.moments import merge_rows, moments, moments_of_runs
from xjls.query.answer import ROW

DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">f4", ">i2"]
LENGTHS = [0, 1, 3, 383, 384, 385, 4095, 4096, 4097, 20_000]
"""Around the blocks and pieces in which samples are taken."""


def row_of(samples):
    values = samples.astype("f8").ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return [0, 0, *[np.nan] * 4]
    return [values.size, 0, values.mean(), ((values - values.mean()) ** 2).sum(), values.min(), values.max()]


def check(row, samples):
    expected = np.array(row_of(samples))
    scale = np.abs(samples[np.isfinite(samples)].astype("f8")).max(initial=0)
    np.testing.assert_allclose(row[:3], expected[:3], rtol=1e-12, atol=1e-12 * scale)
    # NumPy's own mean is off by a rounding of the scale, and the squares by its square
    np.testing.assert_allclose(row[3], expected[3], rtol=1e-10, atol=samples.size * (1e-14 * scale) ** 2)
    np.testing.assert_array_equal(row[4:], expected[4:])


def noise(dtype, size, seed=0):
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.normal(3, 1, size).astype(dtype)
    if kind.kind == "b":
        return rng.random(size) < 0.3
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, size, kind.newbyteorder("="), endpoint=True).astype(dtype)


def test_a_row_is_laid_out_as_answers_have_it():
    assert ROW == ("count", "lost", "mean", "squares", "min", "max")
    assert moments(np.array([4.0, 6.0])).tolist() == [2, 0, 5, 2, 4, 6]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", LENGTHS)
def test_every_dtype_and_length(dtype, length):
    samples = noise(dtype, length)
    check(moments(samples), samples)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("share", [0.0005, 0.5, 1])
def test_what_is_not_finite_does_not_count(dtype, value, share):
    samples = noise(dtype, 20_011)
    samples[np.random.default_rng(1).random(samples.size) < share] = value
    samples[:5000] = value
    check(moments(samples), samples)


@settings(deadline=None)
@given(
    samples=hnp.arrays(
        st.sampled_from(["f4", "f8"]),
        st.integers(0, 1200),
        elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0])),
    ),
    cuts=st.lists(st.integers(0, 1200), max_size=8),
)
def test_any_floats_and_any_runs_of_them(samples, cuts):
    check(moments(samples), samples)
    edges = np.array([0, *sorted(min(cut, samples.size) for cut in cuts), samples.size])
    rows = np.full((len(edges) - 1, 6), 77.0)
    moments_of_runs(samples, edges, rows)
    for row, start, stop in zip(rows, edges, edges[1:], strict=False):
        check(row, samples[start:stop])
    check(merge_rows(rows), samples)


@pytest.mark.parametrize("offset", [0, 1e3, 1e6, -1e9])
@pytest.mark.parametrize("shape", ["noise", "ramp", "step", "spike"])
def test_a_large_offset_costs_no_digits(offset, shape):
    samples = {
        "noise": np.random.default_rng(0).normal(size=50_000),
        "ramp": np.arange(50_000) * 1e-3,
        "step": np.repeat([0.0, 1.0, 5.0], 17_000),
        "spike": np.where(np.arange(50_000) % 4096, 0.0, 1e5),
    }[shape] + offset
    expected = ((samples - samples.mean()) ** 2).sum()
    np.testing.assert_allclose(moments(samples)[3], expected, rtol=1e-11)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
def test_equal_samples_do_not_deviate_at_all(dtype):
    samples = np.full(100_000, 12345.678, "f8").astype(dtype)
    row = moments(samples)
    assert row.tolist() == [samples.size, 0, samples[0], 0, samples[0], samples[0]]


def test_finite_samples_whose_squares_overflow_have_no_deviation_but_the_rest():
    row = moments(np.array([1e200, -1e200] * 3000))
    assert row[[0, 4, 5]].tolist() == [6000, -1e200, 1e200]
    assert abs(row[2]) < 1e190
    assert not np.isfinite(row[3])


def test_read_only_strided_and_given_rows():
    samples = noise("f4", 10_000)
    samples.flags.writeable = False
    out = np.full(6, 77.0)
    assert moments(samples[::3], out) is out
    check(out, samples[::3])
    check(moments(samples[::-1]), samples)


def test_threads_share_nothing():
    samples = noise("f4", 1 << 20)
    rows = np.empty((8, 6))
    threads = [threading.Thread(target=moments, args=(samples, row)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (rows == moments(samples)).all()


@pytest.mark.parametrize("edges", [[0, 11], [-1, 5], [5, 3]])
def test_runs_outside_the_array_are_refused(edges):
    with pytest.raises(ValueError, match="in order and within the array"):
        moments_of_runs(np.zeros(10), np.array(edges), np.empty((1, 6)))


def test_rows_of_another_shape_are_refused():
    for rows in (np.empty((1, 6)), np.empty((2, 5)), np.empty((6, 2)).T):
        with pytest.raises(ValueError, match="have the shape"):
            moments_of_runs(np.zeros(10), np.array([0, 5, 10]), rows)


def test_other_values_are_refused():
    with pytest.raises(TypeError, match="complex128 is neither bool nor a real number"):
        moments(np.zeros(3, complex))
    with pytest.raises(ValueError, match="must have one axis, not 2"):
        moments(np.zeros((3, 2)))


def test_rows_merge_along_their_first_axis_whatever_is_empty():
    samples = noise("f8", 3 * 4 * 50).reshape(3, 4, 50)
    samples[1, 2] = np.nan
    samples[:, 3] = np.inf
    rows = np.array([[moments(column) for column in block] for block in samples])
    rows[..., 1] = 5
    merged = merge_rows(rows)
    assert merged.shape == (4, 6)
    assert (merged[:, 1] == 15).all()
    merged[:, 1] = 0
    for column in range(4):
        check(merged[column], samples[:, column].ravel())
    assert merge_rows(np.empty((0, 2, 6)))[:, :2].tolist() == [[0, 0], [0, 0]]


def test_the_mean_of_many_rows_is_that_of_all_samples():
    samples = noise("f8", 10_000) + 1e8
    rows = np.empty((100, 6))
    moments_of_runs(samples, np.arange(0, 10_001, 100), rows)
    check(merge_rows(rows), samples)
