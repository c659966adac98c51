"""One pass says what NumPy says in float64: of dask and without, of what was cut, masked or derived, and lost."""

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import xjls
from xjls.backend import sampled as sampled_module
from xjls.backend.reductions import REDUCED, reduce
from xjls.backend.sampled import iter_pieces, sampled
from xjls.errors import SelectionError
from xjls.testing.jls2 import Fsr, Source, chunks_of, write

ALL = tuple(REDUCED)
SMALL = {"rate_hz": 1000, "samples_per_data": 1000, "sample_decimate": 100}
LENGTH = 20_000
TRUTH = {
    "current": np.random.default_rng(0).normal(3, 1, LENGTH).astype("f4"),
    "range": np.random.default_rng(1).integers(0, 16, LENGTH, np.uint8),
    "gpi": np.random.default_rng(2).random(LENGTH) < 0.3,
}
TRUTH["current"][500:700] = np.nan


def statistics(values, ddof=0):
    values = np.asarray(values, "f8")
    values = values[np.isfinite(values)]
    if not values.size:
        return [0, *[np.nan] * 4, 0]
    std = values.std(ddof=ddof) if values.size > ddof else np.nan
    return [values.size, values.mean(), std, values.min(), values.max(), values.sum()]


def check(found, values, ddof=0):
    assert found.statistic.values.tolist() == list(ALL)
    np.testing.assert_allclose(found.values, statistics(values, ddof), rtol=1e-11, atol=1e-12)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    signals = [
        Fsr("current", TRUTH["current"], units="A", **SMALL),
        Fsr("range", TRUTH["range"], dtype="u4", **SMALL),
        Fsr("gpi", TRUTH["gpi"].astype("u1"), dtype="u1", **SMALL),
    ]
    return write(tmp_path_factory.mktemp("reduced") / "run.jls", [Source("s")], signals)


@pytest.fixture(params=[None, {}, {"time": 3000}], ids=["lazy", "dask", "cut"])
def opened(request, path):
    with xr.open_dataset(path, engine="jls") as ds:
        yield ds if request.param is None else ds.chunk(request.param)


def test_every_signal_and_nothing_else(opened):
    found = reduce(opened)
    assert list(found.data_vars) == ["current", "range", "gpi"]
    assert found.current.attrs["units"] == "A"
    assert (found.current.chunks is None) == (opened.current.chunks is None)
    for name, values in TRUTH.items():
        check(found[name], values)


def test_derived_cut_and_masked_values(opened):
    part = opened.isel(time=slice(123, 17_001))
    held = TRUTH["current"][123:17_001].astype("f8")
    with xr.set_options(keep_attrs=True):
        check(reduce(part.current * 2).current, held * 2)
    check(reduce(part.current.where(part.current > 3)).current, held[held > 3])
    check(reduce(part.current.isel(time=slice(None, None, 7))).current, held[::7])
    check(reduce(part.current.rename("other")).other, held)


@pytest.mark.parametrize("ddof", [0, 1, LENGTH])
def test_the_names_and_the_degrees_of_freedom_asked_for(opened, ddof):
    check(reduce(opened, ddof=ddof)["range"], TRUTH["range"], ddof)
    two = reduce(opened, ["max", "mean"])
    assert two.statistic.values.tolist() == ["max", "mean"]
    np.testing.assert_allclose(two.gpi, [1, TRUTH["gpi"].mean()], rtol=1e-15)
    assert reduce(opened, "count").gpi.values.tolist() == [LENGTH]


def test_lost_samples_of_integers_are_left_out(path, tmp_path):
    data = bytearray(path.read_bytes())
    lost = [chunk for chunk in chunks_of(bytes(data)) if chunk.tag == 0x22 and chunk.meta & 0xFFF == 2][1]
    data[lost.payload.start + 20] ^= 1
    damaged = tmp_path / "damaged.jls"
    damaged.write_bytes(bytes(data))
    for chunks in ({}, None):
        with xjls.open(damaged, on_damage="gap", chunks=chunks) as ds:
            assert "range_valid" in ds
            held = ds.range_valid.values
            assert 0 < (~held).sum() < LENGTH
            found = reduce(ds)
            assert "range_valid" not in found
            check(found["range"], TRUTH["range"][held])


def test_other_dimensions_stay():
    values = np.random.default_rng(0).normal(size=(3, 500, 2))
    values[1, ::5, 0] = np.nan
    dims = ("channel", "time", "side")
    for array in (values, da.from_array(values, chunks=(2, 90, 1))):
        found = reduce(xr.DataArray(array, dims=dims, coords={"channel": [7, 8, 9]}, name="x"))
        assert found.x.dims == ("channel", "side", "statistic")
        assert found.channel.values.tolist() == [7, 8, 9]
        for i in range(3):
            for j in range(2):
                check(found.x[i, j], values[i, :, j])
    found = reduce(xr.DataArray(values, dims=dims, name="x"), "max", dim="side")
    np.testing.assert_array_equal(found.x[..., 0], np.nanmax(values, axis=2))


@settings(deadline=None, max_examples=60)
@given(
    values=hnp.arrays(
        st.sampled_from(["f4", "f8", "i2", "u1", "?"]),
        st.integers(0, 400),
    ),
    chunk=st.integers(1, 150),
    ddof=st.integers(0, 2),
)
def test_any_values_in_any_chunks(values, chunk, ddof):
    if values.dtype.kind == "f":
        values = np.where(np.abs(values) < 1e6, values, np.nan).astype(values.dtype)
    eager = xr.Dataset({"x": ("time", values)})
    found, lazy = reduce(eager, ddof=ddof), reduce(eager.chunk(time=chunk), ddof=ddof)
    expected = statistics(values, ddof)
    for one in (found, lazy):
        np.testing.assert_allclose(one.x, expected, rtol=1e-10, atol=1e-6)
        np.testing.assert_array_equal(one.x[3:5], expected[3:5])


def test_tokens_are_deterministic_and_graphs_small(path):
    def made():
        with xjls.open(path, levels=False) as ds:
            return reduce(ds.chunk(time=1000))

    first, second = made(), made()
    assert dask.base.tokenize(first) == dask.base.tokenize(second)
    assert first.current.data.name == second.current.data.name
    graph = first.current.data.__dask_graph__()
    assert len(graph) < 6 * 20
    flat = str(dict(graph))
    assert len(flat) < 100_000
    assert "array([" not in flat


def test_the_graph_does_not_depend_on_what_the_chunks_hold():
    lengths = set()
    for values in (np.zeros(10_000), np.full(10_000, np.nan)):
        lengths.add(len(reduce(xr.Dataset({"x": ("time", values)}).chunk(time=100)).x.data.__dask_graph__()))
    assert len(lengths) == 1


def test_pieces_bound_what_is_held(path, monkeypatch):
    monkeypatch.setattr(sampled_module, "PIECE", 3000)
    with xr.open_dataset(path, engine="jls", levels=False) as ds:
        pieces = [values for values, _ in iter_pieces(sampled(ds, "current")[0])]
        assert [len(piece) for piece in pieces] == [3000] * 6 + [2000]
        np.testing.assert_array_equal(np.concatenate(pieces), TRUTH["current"])
        check(reduce(ds).current, TRUTH["current"])
        assert not isinstance(ds.current.variable._data, np.ndarray)


def test_what_cannot_be_reduced_is_said(path):
    with xjls.open(path) as ds:
        with pytest.raises(SelectionError, match=r"no statistic 'median'\. Choose from count, mean"):
            reduce(ds, ["median"])
        with pytest.raises(SelectionError, match=r"no variable 'curent' in this Dataset\. Variables: current"):
            sampled(ds, "curent")
        with pytest.raises(SelectionError, match="no variable of this Dataset holds samples"):
            reduce(ds[["current_x104"]])
        with pytest.raises(SelectionError, match=r"'current' has no dimension called time\. Dimensions: none"):
            reduce(ds.current[0])
    with pytest.raises(SelectionError, match="holds complex128, not real numbers"):
        reduce(xr.DataArray(np.zeros(3, complex), dims="time"))
    assert list(reduce(xr.Dataset({"x": ("time", [1.0]), "label": ("time", ["a"]), "k": 5})).data_vars) == ["x"]


def test_marks_hold_for_every_column():
    values, valid = np.random.default_rng(0).normal(size=(300, 2)), np.arange(300) % 3 > 0
    attrs = {"ancillary_variables": "x_valid"}
    ds = xr.Dataset({"x": (("time", "side"), values, attrs), "x_valid": ("time", valid)})
    for data in (ds, ds.chunk(time=70, side=1), ds.chunk({"time": 90}).assign(x_valid=ds.x_valid.chunk(time=50))):
        for side in range(2):
            check(reduce(data).x[side], values[valid, side])
