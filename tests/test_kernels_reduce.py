"""Summary entries agree with numpy on the same samples, whatever is not finite among them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xjls.kernels.reduce import merge, summarize

DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
TOLERANCE = {"f4": {"rtol": 2e-7, "atol": 1e-30}, "f8": {"rtol": 1e-12, "atol": 1e-30}}


def entry_of(samples):
    values = samples.astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return [np.nan] * 4
    return [values.mean(), values.std(), values.min(), values.max()]


def expected_entries(samples, factor, n):
    entries = [entry_of(samples[i * factor : (i + 1) * factor]) for i in range(n)]
    return np.array(entries, np.float64).reshape(n, 4)


def merged_entry(entries):
    entries = entries[np.isfinite(entries[:, 0])].astype(np.float64)
    if not len(entries):
        return [np.nan] * 4
    mean = entries[:, 0].mean()
    variance = (entries[:, 1] ** 2 + (entries[:, 0] - mean) ** 2).mean()
    return [mean, np.sqrt(variance), entries[:, 2].min(), entries[:, 3].max()]


def check(samples, factor, dtype, scale):
    n = samples.size // factor
    out = np.full((n + 1, 4), 77, dtype)
    summarize(samples, factor, out[:n])
    expected = expected_entries(samples, factor, n).astype(dtype)
    # the deviation of nearly equal samples is the difference of nearly equal numbers
    tolerance = TOLERANCE[dtype] | {"atol": scale * (1e-7 if dtype == "f4" else 1e-12)}
    np.testing.assert_allclose(out[:n], expected, **tolerance)
    np.testing.assert_array_equal(out[:n, 2:], expected[:, 2:])
    assert (out[n] == 77).all()


@pytest.mark.parametrize("out", ["f4", "f8"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_entries_of_every_dtype_and_many_factors(dtype, out):
    rng = np.random.default_rng(0)
    if dtype[0] == "f":
        samples = rng.normal(3, 1, 5003).astype(dtype)
    else:
        limits = (0, 1) if dtype == "?" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        samples = rng.integers(*limits, 5003, np.uint8 if dtype == "?" else dtype, endpoint=True).astype(dtype)
    for factor in (1, 2, 3, 7, 10, 16, 33, 100, 128, 1024, 5003):
        check(samples, factor, out, float(np.abs(samples.astype("f8")).max()))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("factor", [1, 5, 128])
def test_what_is_not_finite_does_not_count(dtype, value, factor):
    rng = np.random.default_rng(2)
    samples = rng.normal(size=factor * 50).astype(dtype)
    samples[rng.random(samples.size) < 0.1] = value
    samples[: 2 * factor] = value
    check(samples, factor, dtype, 10.0)
    out = np.empty((2, 4), dtype)
    summarize(samples, factor, out)
    assert np.isnan(out).all()


@settings(deadline=None)
@given(
    samples=hnp.arrays(
        st.sampled_from(["f4", "f8"]),
        st.integers(0, 300),
        elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0])),
    ),
    factor=st.integers(1, 70),
)
def test_any_floats(samples, factor):
    check(samples, factor, "f8", 1e6)


def test_infinities_of_both_signs_cancel_nothing():
    samples = np.array([np.inf, 1.0, -np.inf, 3.0], "f4")
    out = np.empty((1, 4), "f8")
    summarize(samples, 4, out)
    assert out.tolist() == [[2.0, 1.0, 1.0, 3.0]]


def test_a_finite_sum_that_overflows_is_what_numpy_says():
    samples = np.full(4, 1.5e308)
    out = np.empty((1, 4), "f8")
    summarize(samples, 4, out)
    assert out[0, 0] == np.inf
    assert out[0, 2:].tolist() == [1.5e308, 1.5e308]


def test_read_only_strided_and_big_samples():
    samples = np.arange(100, dtype="i2")
    samples.flags.writeable = False
    check(samples, 10, "f8", 100)
    check(samples[::3], 10, "f8", 100)
    check(samples[::-1], 10, "f8", 100)
    assert not samples.flags.writeable


def test_no_entries():
    summarize(np.empty(0, "f4"), 128, np.empty((0, 4), "f4"))
    summarize(np.empty(100, "f4"), 128, np.empty((0, 4), "f4"))
    merge(np.empty((0, 4), "f4"), 20, np.empty((0, 4), "f4"))


@pytest.mark.parametrize(
    ("samples", "factor", "shape", "problem"),
    [
        (9, 5, (2, 4), "2 entries of 5 need 10, there are 9"),
        (9, 0, (2, 4), "factor must be at least 1"),
        (9, 3, (3, 3), "must be C-contiguous and have the shape"),
        (9, 3, (12,), "must be C-contiguous and have the shape"),
    ],
)
def test_summarize_refuses_what_does_not_fit(samples, factor, shape, problem):
    with pytest.raises(ValueError, match=problem):
        summarize(np.zeros(samples), factor, np.empty(shape))


@pytest.mark.parametrize(
    ("shape", "problem"), [((9, 4), "2 entries of 5 need 10"), ((10, 3), "entries must have the shape")]
)
def test_merge_refuses_what_does_not_fit(shape, problem):
    with pytest.raises(ValueError, match=problem):
        merge(np.zeros(shape), 5, np.empty((2, 4)))


def test_a_transposed_out_is_refused():
    with pytest.raises(ValueError, match="C-contiguous"):
        summarize(np.zeros(8), 2, np.empty((4, 4)).T)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("out_dtype", ["f4", "f8"])
@pytest.mark.parametrize("factor", [1, 2, 20])
def test_merge_is_the_variance_of_all_samples(dtype, out_dtype, factor):
    samples = np.random.default_rng(3).normal(5, 2, 8 * 20 * 13)
    entries = np.empty((20 * 13, 4), dtype)
    summarize(samples, 8, entries)
    n = len(entries) // factor
    out, whole = np.empty((n, 4), out_dtype), np.empty((n, 4))
    merge(entries, factor, out)
    summarize(samples, 8 * factor, whole)
    np.testing.assert_allclose(out, whole, rtol=1e-12 if dtype == out_dtype == "f8" else 2e-6)


@settings(deadline=None)
@given(
    entries=hnp.arrays(
        st.sampled_from(["f4", "f8"]),
        st.tuples(st.integers(0, 60), st.just(4)),
        elements=st.floats(-1000, 1000, width=32),
    ),
    missing=st.sets(st.integers(0, 59)),
    unknown=st.sets(st.integers(0, 59)),
    factor=st.integers(1, 25),
)
def test_merge_of_any_entries(entries, missing, unknown, factor):
    rows = len(entries)
    entries[[row for row in unknown if row < rows], 1] = np.nan
    entries[[row for row in missing if row < rows]] = np.nan
    n = rows // factor
    out = np.empty((n, 4))
    merge(entries, factor, out)
    expected = [merged_entry(entries[i * factor : (i + 1) * factor]) for i in range(n)]
    np.testing.assert_allclose(out, np.array(expected).reshape(n, 4), rtol=1e-9, atol=1e-9)


def test_an_unknown_deviation_makes_only_the_deviation_unknown():
    entries = np.array([[1.0, np.nan, 0.0, 2.0], [3.0, 1.0, 2.0, 4.0]])
    out = np.empty((1, 4))
    merge(entries, 2, out)
    np.testing.assert_array_equal(out, [[2.0, np.nan, 0.0, 4.0]])
