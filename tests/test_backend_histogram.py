"""Histograms count what NumPy counts, in dask and without, and distributions are exact at the edges."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.backend.histogram import ccdf, cdf, histogram
from xjls.errors import SelectionError
from xjls.testing.jls2 import Fsr, Source, chunks_of, write

LENGTH = 20_000
RNG = np.random.default_rng(0)
TRUTH = {
    "current": RNG.normal(3, 1, LENGTH).astype("f4"),
    "range": RNG.integers(3, 12, LENGTH, np.uint8),
    "gpi": RNG.random(LENGTH) < 0.3,
}
TRUTH["current"][500:700] = np.nan
SMALL = {"rate_hz": 1000, "samples_per_data": 1000, "sample_decimate": 100}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    signals = [
        Fsr("current", TRUTH["current"], units="A", **SMALL),
        Fsr("range", TRUTH["range"], dtype="u4", **SMALL),
        Fsr("gpi", TRUTH["gpi"].astype("u1"), dtype="u1", **SMALL),
    ]
    return write(tmp_path_factory.mktemp("counted") / "run.jls", [Source("s")], signals)


@pytest.fixture(params=[None, 3000], ids=["lazy", "dask"])
def opened(request, path):
    with xr.open_dataset(path, engine="jls") as ds:
        yield ds if request.param is None else ds.chunk(time=request.param)


def numpy_counts(values, bins, span=None):
    values = values.astype("f8")
    return np.histogram(values[np.isfinite(values)], bins, span)


def test_every_signal_over_its_own_range(opened):
    found = histogram(opened)
    assert list(found.data_vars) == ["current", "range", "gpi"]
    counts, edges = numpy_counts(TRUTH["current"], 256)
    np.testing.assert_array_equal(found.current, counts)
    np.testing.assert_array_equal(found.current_bin_left, edges[:-1])
    np.testing.assert_array_equal(found.current_bin_right, edges[1:])
    np.testing.assert_allclose(found.current_bin, (edges[1:] + edges[:-1]) / 2)
    assert found.current.dtype == np.int64
    assert found.current_bin.attrs == {"long_name": "current", "units": "A"}
    assert found.current.attrs["not_finite"] == 200
    assert found.current.attrs["counted"] == LENGTH - 200
    assert found["range"].to_series().to_dict() == {v: np.sum(TRUTH["range"] == v) for v in range(3, 12)}
    assert found.gpi.values.tolist() == [np.sum(~TRUTH["gpi"]), np.sum(TRUTH["gpi"])]


def test_a_range_and_a_number_of_bins_for_all(opened):
    found = histogram(opened, 10, (2, 4), ["current", "range"])
    assert list(found.data_vars) == ["current", "range"]
    for name in found.data_vars:
        values = TRUTH[name].astype("f8")
        np.testing.assert_array_equal(found[name], numpy_counts(TRUTH[name], 10, (2, 4))[0])
        attrs = found[name].attrs
        assert (attrs["below"], attrs["above"]) == (np.sum(values < 2), np.sum(values > 4))


def test_known_extremes_save_a_pass(opened, monkeypatch):
    expected = histogram(opened, signals="current")
    low, high = float(np.nanmin(TRUTH["current"])), float(np.nanmax(TRUTH["current"]))
    monkeypatch.setattr("xjls.backend.reductions._reduced", None)  # whoever looks now fails
    xr.testing.assert_identical(histogram(opened, signals="current", extremes={"current": (low, high)}), expected)


def test_a_density_integrates_to_one(opened):
    found = histogram(opened, 50, density=True, signals=["current"])
    counts, _ = numpy_counts(TRUTH["current"], 50)
    widths = (found.current_bin_right - found.current_bin_left).values
    np.testing.assert_allclose(found.current * widths, counts / counts.sum(), rtol=1e-12)
    assert found.current.attrs["units"] == "1/A"


def test_lost_samples_are_in_no_bin(path, tmp_path):
    data = bytearray(path.read_bytes())
    lost = [chunk for chunk in chunks_of(bytes(data)) if chunk.tag == 0x22 and chunk.meta & 0xFFF == 2][1]
    data[lost.payload.start + 20] ^= 1
    damaged = tmp_path / "damaged.jls"
    damaged.write_bytes(bytes(data))
    for chunks in ({}, None):
        with xjls.open(damaged, on_damage="gap", chunks=chunks) as ds:
            held = ds.range_valid.values
            found = histogram(ds, signals="range")
            assert found["range"].to_series().to_dict() == {v: np.sum(TRUTH["range"][held] == v) for v in range(3, 12)}
            assert found["range"].attrs["lost"] == np.sum(~held)


@settings(deadline=None, max_examples=50)
@given(
    chunk=st.integers(1, 700), bins=st.integers(1, 40), low=st.floats(-2, 0), width=st.floats(0.1, 4),
    share=st.floats(0, 1), seed=st.integers(0, 99),
)  # fmt: skip
def test_distributions_are_exact_at_the_edges(chunk, bins, low, width, share, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=600)
    values[rng.random(600) < share] = np.nan
    ds = xr.Dataset({"x": ("time", values)}).chunk(time=chunk)
    finite = values[np.isfinite(values)]
    edges = np.linspace(low, low + width, bins + 1)
    for found in (cdf(ds, bins=bins, range=(low, low + width)),
                  cdf(histogram(ds, bins, (low, low + width), density=True))):  # fmt: skip
        np.testing.assert_array_equal(found.x_edge, edges)
        if finite.size and np.any((finite >= edges[0]) & (finite <= edges[-1])):
            expected = [np.mean(finite < edge) for edge in edges[:-1]] + [np.mean(finite <= edges[-1])]
            np.testing.assert_allclose(found.x, expected, atol=1e-12)
    if finite.size:
        np.testing.assert_allclose(ccdf(ds, bins=bins, range=(low, low + width)).x, 1 - found.x, atol=1e-12)


def test_distributions_are_labelled(opened):
    found = cdf(histogram(opened))
    assert found.current.dims == ("current_edge",)
    assert found.current_edge.attrs["units"] == "A"
    assert found.gpi.values.tolist() == [0, np.mean(~TRUTH["gpi"]), 1]
    assert found.current.values[[0, -1]].tolist() == [0, 1]
    assert ccdf(found := histogram(opened)).current.attrs["long_name"] == "share from current"
    assert ccdf(found).current.values[[0, -1]].tolist() == [1, 0]


def test_several_dimensions_are_counted_together():
    values = np.random.default_rng(0).normal(size=(300, 4))
    for ds in (
        xr.Dataset({"x": (("time", "k"), values)}),
        xr.Dataset({"x": (("time", "k"), values)}).chunk(time=70, k=3),
    ):
        np.testing.assert_array_equal(histogram(ds, 20).x, np.histogram(values, 20)[0])


def test_nothing_finite_and_one_value():
    found = histogram(xr.Dataset({"x": ("time", [np.nan, np.inf])}), 4)
    assert found.x.values.tolist() == [0] * 4
    assert np.isnan(cdf(found).x).all()
    found = histogram(xr.Dataset({"x": ("time", [7.0, 7.0])}), 3)
    assert found.x.values.tolist() == [0, 2, 0]
    assert histogram(xr.Dataset({"x": ("time", np.empty(0))})).x.sum() == 0


def test_what_cannot_be_counted_is_said(opened):
    with pytest.raises(SelectionError, match="0 bins are none"):
        histogram(opened, 0)
    with pytest.raises(SelectionError, match=r"no finite range from 2\.0 to 1\.0"):
        histogram(opened, 5, (2.0, 1.0))
    for span in ((1, 1), (np.nan, 1)):
        with pytest.raises(SelectionError, match=f"no finite range from {float(span[0])} to 1.0"):
            histogram(opened, range=span)
    for span in (5, (1, 2, 3), ("a", "b")):
        with pytest.raises(SelectionError, match=r"range=.* is no range"):
            histogram(opened, range=span)
    for bins in (2.5, [0, 1, 2], "auto"):
        with pytest.raises(SelectionError, match=r"bins=.* is no number of bins"):
            histogram(opened, bins)
    with pytest.raises(SelectionError, match="1_000_000_000 bins are too many"):
        histogram(opened, 10**9)
    with pytest.raises(SelectionError, match="no variable 'volt'"):
        histogram(opened, signals="volt")
