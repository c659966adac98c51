"""A streamed spectrum is that of scipy.signal.welch of all samples at once; segments with gaps are left out."""

import sys
from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.backend import sampled as sampled_module
from xjls.backend.spectrum import spectrum
from xjls.errors import MissingDependencyError, SelectionError
from xjls.query import spectrum as query_spectrum
from xjls.query.spectrum import Segments, Welch
from xjls.testing.jls2 import Fsr, Source, write

LENGTH = 20_000
RATE = 1000
RNG = np.random.default_rng(0)
TRUTH = {
    "current": RNG.normal(3, 1, LENGTH).astype("f4"),
    "gpi": np.arange(2 * LENGTH) // 10 % 2 == 1,
}
SMALL = {"samples_per_data": 1000, "sample_decimate": 100}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    ties = [(i * 1000, 10**18 // 2**30 * 2**30 + (i << 30)) for i in range(20)]
    signals = [
        Fsr("current", TRUTH["current"], units="A", rate_hz=RATE, ties=ties, **SMALL),
        Fsr("gpi", TRUTH["gpi"].astype("u1"), dtype="u1", rate_hz=2 * RATE, **SMALL),
    ]
    return write(tmp_path_factory.mktemp("spectra") / "run.jls", [Source("s")], signals)


@pytest.fixture(params=[None, 3001], ids=["lazy", "dask"])
def opened(request, path):
    with xr.open_dataset(path, engine="jls") as ds:
        yield ds if request.param is None else ds.chunk(time=request.param)


def test_equal_to_scipy_on_the_whole(opened):
    found = spectrum(opened, segment_length=1000)
    frequency, power = scipy.signal.welch(TRUTH["current"].astype("f8"), RATE, nperseg=1000)
    np.testing.assert_allclose(found.current, power, rtol=1e-10)
    np.testing.assert_allclose(found.frequency, frequency)
    assert found.frequency.attrs["units"] == "Hz"
    assert found.current.attrs["units"] == "A²/Hz"
    assert (found.current.attrs["segments"], found.current.attrs["segments_left_out"]) == (39, 0)
    _, power = scipy.signal.welch(TRUTH["gpi"].astype("f8"), 2 * RATE, nperseg=1000)
    np.testing.assert_allclose(found.gpi, power, rtol=1e-10, atol=1e-20)
    assert found.gpi.dims == ("frequency_gpi",)
    assert found.frequency_gpi.values[-1] == RATE


def test_by_resolution_and_by_default(opened):
    assert spectrum(opened, "current", resolution_hz=2).frequency.values[1] == 2
    assert spectrum(opened, "current").current.attrs["segment_length"] == 8192
    assert spectrum(opened.isel(time=slice(0, 77)), "current").current.attrs["segment_length"] == 77


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(1, 200), overlap=st.sampled_from([0, 0.25, 0.5, 0.9]),
    window=st.sampled_from(["hann", "boxcar", ("kaiser", 8.0)]), detrend=st.sampled_from(["constant", "linear", False]),
    scaling=st.sampled_from(["density", "spectrum"]), cuts=st.lists(st.integers(0, 1000), max_size=8),
    at_once=st.integers(1, 5000),
)  # fmt: skip
def test_any_segments_in_any_pieces(length, overlap, window, detrend, scaling, cuts, at_once):
    samples = np.random.default_rng(length).normal(size=1000)
    segments = Segments(length=length, overlap=overlap, window=window, detrend=detrend, scaling=scaling)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query_spectrum, "_AT_ONCE", at_once)
        welch = Welch(segments, 7.0)
        edges = [0, *sorted(cuts), 1000]
        for start, stop in pairwise(edges):
            welch.add(samples[start:stop])
    frequency, power = scipy.signal.welch(
        samples, 7.0, window, length, int(overlap * length), detrend=detrend, scaling=scaling
    )
    np.testing.assert_allclose(welch.average, power, rtol=1e-10, atol=1e-25)
    np.testing.assert_allclose(welch.frequency, frequency)
    assert welch.taken == (1000 - length) // segments.step + 1


def test_segments_with_a_gap_are_left_out_and_counted(opened):
    samples = TRUTH["current"].astype("f8")
    gaps = xr.DataArray(np.ones(LENGTH, bool), dims="time")
    gaps[[700, 15_000]] = False
    found = spectrum(opened.current.where(gaps), segment_length=500)
    segments = np.lib.stride_tricks.sliding_window_view(np.where(gaps.values, samples, np.nan), 500)[::250]
    whole = segments[np.isfinite(segments).all(axis=1)]
    _, power = scipy.signal.periodogram(whole, RATE, "hann", detrend="constant")
    np.testing.assert_allclose(found.current, power.mean(axis=0), rtol=1e-10)
    assert found.current.attrs["segments_left_out"] == len(segments) - len(whole) == 4
    nothing = spectrum(opened.current * np.nan, segment_length=500)
    assert np.isnan(nothing.current).all()


def test_lost_samples_of_integers_are_gaps():
    values = np.arange(1000) % 7
    valid = np.ones(1000, bool)
    valid[400] = False
    ds = xr.Dataset(
        {"x": ("time", values, {"sample_rate_hz": 100, "ancillary_variables": "x_valid"}), "x_valid": ("time", valid)}
    )
    for data in (ds, ds.chunk(time=130)):
        assert spectrum(data, segment_length=100).x.attrs["segments_left_out"] == 2


def test_the_units_follow_the_scaling(opened):
    density, power, root = (
        spectrum(opened, "current", segment_length=100, scaling=scaling)
        for scaling in ("density", "spectrum", "amplitude")
    )
    assert [one.current.attrs["units"] for one in (density, power, root)] == ["A²/Hz", "A²", "A/√Hz"]
    np.testing.assert_allclose(root.current**2, density.current)


def test_the_rate_is_that_of_the_time_axis(opened):
    assert spectrum(opened.isel(time=slice(None, None, 4)), "current").frequency.values[-1] == pytest.approx(RATE / 8)
    plain = xr.Dataset({"x": ("time", TRUTH["current"])}, {"time": np.arange(LENGTH) / 50})
    assert spectrum(plain).frequency.values[-1] == pytest.approx(25)
    stamps = np.datetime64("2026-03-01", "ns") + np.arange(LENGTH) * np.timedelta64(1, "ms")
    assert spectrum(plain.assign_coords(time=stamps)).frequency.values[-1] == pytest.approx(500)
    with pytest.raises(SelectionError, match="labels of 'time' are not evenly spaced"):
        spectrum(plain.isel(time=[0, 1, 2, 5, 6]))
    with pytest.raises(SelectionError, match=r"sample rate of 'x' is not known\. Give 'time' a coordinate"):
        spectrum(plain.drop_vars("time"))


def test_parts_with_a_gap_between_them_have_no_spectrum(opened):
    """Wherever the gap is; what was cut apart without one has."""
    for cut in (300, 15_000):
        first, second = opened.isel(time=slice(0, cut)), opened.isel(time=slice(cut + 100, None))
        with pytest.raises(SelectionError, match="labels of 'time' are not evenly spaced"):
            spectrum(xr.concat([first, second], "time", data_vars="minimal"), "current")
    whole = xr.concat(
        [opened.isel(time=slice(0, 300)), opened.isel(time=slice(300, None))], "time", data_vars="minimal"
    )
    xr.testing.assert_allclose(spectrum(whole, "current"), spectrum(opened, "current"))


def test_backwards_is_as_even(opened):
    backwards = opened.isel(time=slice(None, None, -1))
    assert spectrum(backwards, "current").frequency.values[-1] == pytest.approx(RATE / 2)


def test_pieces_bound_what_is_held(path, monkeypatch):
    monkeypatch.setattr(sampled_module, "PIECE", 700)
    with xr.open_dataset(path, engine="jls", levels=False) as ds:
        found = spectrum(ds, "current", segment_length=1000)
        assert not isinstance(ds.current.variable._data, np.ndarray)
    _, power = scipy.signal.welch(TRUTH["current"].astype("f8"), RATE, nperseg=1000)
    np.testing.assert_allclose(found.current, power, rtol=1e-10)


def test_without_scipy_the_extra_is_named(opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.signal", None)
    with pytest.raises(MissingDependencyError, match=r'scipy is not installed.*"xjls\[spectrum\]"'):
        spectrum(opened)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"segment_length": LENGTH + 1}, "has 20_000 samples, fewer than the 20_001 of a segment"),
        ({"segment_length": 0}, "a segment of 0 samples is none"),
        ({"segment_length": 5, "resolution_hz": 5}, "say the same"),
        ({"resolution_hz": 0}, "a resolution of 0 Hz is none"),
        ({"overlap": 1}, "cannot overlap by 1"),
        ({"scaling": "dB"}, "no scaling 'dB'. Choose from density"),
        ({"detrend": "cubic"}, "no detrend 'cubic'"),
        ({"signals": "volt"}, "no variable 'volt'"),
    ],
)
def test_what_cannot_be_is_said(path, options, problem):
    with xjls.open(path) as ds, pytest.raises(SelectionError, match=problem):
        spectrum(ds, options.pop("signals", "current"), **options)


def test_only_series_have_a_spectrum():
    with pytest.raises(SelectionError, match="'x' has the dimensions time, k"):
        spectrum(xr.Dataset({"x": (("time", "k"), np.zeros((10, 2)), {"sample_rate_hz": 5})}))
