"""The lazy time axis answers as a pandas index does, and at 10 000 000 000 samples it does so without making labels."""

import pickle
import tracemalloc
import warnings
from fractions import Fraction
from itertools import pairwise

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from dask.base import tokenize
from hypothesis import given, settings
from hypothesis import strategies as st
from xarray.indexes import PandasIndex

from xjls.backend.clock_array import LAZY_FROM, LIMIT, ClockArray
from xjls.backend.index import LabelError, TimeIndex, time_coordinates
from xjls.backend.labels import parse_labels, parse_scalar, parse_tolerance
from xjls.backend.lookup import Lookup
from xjls.backend.overlap import find_overlap, inner_labels, outer_labels
from xjls.errors import SelectionError
from xjls.model.clock import Clock

HUGE = 10**10
CHUNK = 8_192_000
START = "2026-03-01T10:00"
START_NS = int(np.datetime64(START, "ns").astype(np.int64))
RATE = 1_000_000


def axis(start=0, size=HUGE, *, step=1, rate=RATE, unit="utc", start_ns=START_NS):
    clock = Clock.from_ties([0], [start_ns], rate_hz=rate) if unit == "utc" else Clock.nominal(rate)
    return clock.window(start, start + size * step, step)


def recording(start=0, size=HUGE, *, cells=False, unit="utc", **kwargs):
    clock = axis(start, size, unit=unit, **kwargs)
    coords = time_coordinates(
        "time", clock, size, unit=unit, cells=cells, attrs={"axis": "T"}, preferred_chunk=CHUNK
    )  # fmt: skip
    return xr.Dataset({"x": ("time", da.ones(size, chunks=CHUNK, dtype="f4"))}, coords=coords)


def at(seconds):
    return np.datetime64(START_NS + round(seconds * 10**9), "ns")


@pytest.fixture(autouse=True)
def _one_thread():
    """Leave no pool of dask's behind."""
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture
def huge():
    return recording()


@pytest.fixture
def no_labels(monkeypatch):
    """Fail where more than some labels are made at once."""
    times, seconds = Clock.times, Clock.seconds

    def limited(method):
        def compute(self, positions):
            assert np.size(positions) <= 1000, "labels were made"
            return method(self, positions)

        return compute

    monkeypatch.setattr(Clock, "times", limited(times))
    monkeypatch.setattr(Clock, "seconds", limited(seconds))


def peak_bytes(operation):
    tracemalloc.start()
    try:
        operation()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def is_lazy(obj, size=None):
    """The coordinate is a clock, and so is its index."""
    variable = obj.coords["time"].variable
    assert isinstance(variable._data, ClockArray)
    assert isinstance(obj.xindexes["time"], TimeIndex)
    assert obj.xindexes["time"].labels is variable._data
    assert size is None or obj.sizes["time"] == size
    return True


# ---- 10 000 000 000 samples


@pytest.mark.usefixtures("no_labels")
class TestHuge:
    def test_reprs(self, huge):
        assert "2026-03-01T10:00 … 2026-03-01T12:46" in repr(huge)
        assert "2026-03-01T10:00:00.000000 … 2026-03-01T12:46:39.999999" in repr(huge.time)
        assert "TimeIndex of 10_000_000_000 samples" in repr(huge.xindexes)
        assert repr(huge.time.data) in repr(huge.time)
        assert "12:46:39.999999" in huge._repr_html_()
        assert max(len(line) for line in repr(huge).splitlines() if "* time" in line) <= 80
        assert huge.nbytes == HUGE * 12
        assert repr(huge.xindexes["time"]).startswith("<TimeIndex 'time' of 10_000_000_000 samples: 2026-03-01T10")

    def test_sel_slices(self, huge):
        sliced = huge.sel(time=slice("2026-03-01T10:01", "2026-03-01T10:02"))
        assert is_lazy(sliced, 120 * RATE)
        assert sliced.time[0] == at(60)
        assert sliced.time[-1] == at(179.999999)
        assert sliced.time.attrs == {"axis": "T"}
        assert is_lazy(huge.sel(time=slice("2026-03-01T10:01", None)), HUGE - 60 * RATE)
        assert is_lazy(huge.sel(time=slice(None, at(1))), RATE + 1)
        assert is_lazy(huge.x.loc["2026-03-01T10:01":"2026-03-01T10:02"], 120 * RATE)
        assert is_lazy(huge.sel(time="2026-03-01T10:01"), 60 * RATE)
        assert is_lazy(huge.sel(time=slice(at(1), at(2), 10)), 100_001)
        assert huge.sel(time=slice("2027", "2028")).sizes["time"] == 0

    def test_sel_points(self, huge):
        assert huge.sel(time=at(60)).time == at(60)
        assert huge.sel(time="2026-03-01T10:01:00.0000004", method="nearest").time == at(60)
        found = huge.sel(time=[at(60.0000006), at(1)], method="nearest")
        assert found.time.values.tolist() == [at(60.000001).astype(int), at(1).astype(int)]
        with pytest.raises(KeyError, match=r"no time .* in 'time'\. It runs from .* to .*method=.nearest"):
            huge.sel(time=at(60.0000004))

    def test_isel(self, huge):
        assert huge.isel(time=5).time == at(5e-6)
        assert is_lazy(huge.isel(time=slice(5, 10**9)), 10**9 - 5)
        assert is_lazy(huge.isel(time=slice(None, None, 1000)), HUGE // 1000)
        assert is_lazy(huge.isel(time=np.arange(10**9, 10**9 + 100, 5)), 20)
        assert isinstance(huge.isel(time=[1, 5, 7]).xindexes["time"], PandasIndex)
        assert huge.isel(time=xr.DataArray([1, 5, 7], dims="p")).time.dims == ("p",)
        assert is_lazy(huge.head(time=7), 7)

    def test_arithmetic_and_merging(self, huge):
        other = recording()
        assert is_lazy(huge.x + other.x, HUGE)
        assert is_lazy(huge.assign(p=huge.x * 2), HUGE)
        assert is_lazy(xr.merge([huge, other.rename(x="y")]), HUGE)
        assert is_lazy(huge.where(huge.x > 0), HUGE)
        assert is_lazy(xr.align(huge, other, join="exact")[0], HUGE)
        assert is_lazy(xr.align(huge, recording(5), join="override")[1], HUGE)
        with pytest.raises(xr.AlignmentError):
            xr.align(huge, recording(0, HUGE - 10), join="exact")

    def test_comparisons_are_lazy(self, huge):
        mask = huge.time > at(60)
        assert isinstance(mask.data, da.Array)
        assert is_lazy(huge.x.where(mask), HUGE)
        assert isinstance((huge.time - huge.time[0]).data, da.Array)
        assert isinstance(huge.time.isnull().data, da.Array)

    def test_ends(self, huge):
        assert huge.time.min() == at(0)
        assert huge.time.max() == at(9999.999999)
        assert huge.time[-1].item() == int(at(9999.999999).astype(int))

    def test_other_operations_keep_the_index(self, huge):
        assert is_lazy(huge.copy(deep=True), HUGE)
        assert is_lazy(huge.cumsum("time"), HUGE)
        assert is_lazy(huge.assign_coords(y=("time", huge.x.data)), HUGE)
        assert is_lazy(huge.transpose(), HUGE)
        assert is_lazy(xr.apply_ufunc(np.abs, huge.x, dask="parallelized", output_dtypes=["f4"]), HUGE)
        assert huge.identical(huge.copy())
        renamed = huge.rename(time="t")
        assert isinstance(renamed.xindexes["t"], TimeIndex)
        assert renamed.sel(t="2026-03-01T10:01").sizes["t"] == 60 * RATE
        assert huge.rename_dims(time="s").sel(time=slice(at(1), at(2))).sizes["s"] == RATE + 1
        assert "time" not in huge.drop_vars("time").coords

    def test_what_cannot_be_lazy_says_what_can(self, huge):
        with pytest.raises(SelectionError, match=r"74\.5 GiB.*sel or isel.*level.*drop_vars"):
            _ = huge.time.values
        for operation in (
            lambda: huge.resample(time="1s").mean(),
            lambda: huge.interp(time=[at(0.5)]),
            lambda: huge.sortby("time"),
            lambda: huge.indexes["time"],
            lambda: huge.isel(time=slice(None, None, -1)),
            lambda: huge.time.dt.second,
            lambda: huge.integrate("time"),
            lambda: huge.map_blocks(lambda block: block),
        ):
            with pytest.raises(SelectionError, match="Slice first"):
                operation()
        for other in (recording(0, HUGE - 10), recording(100, 1000), recording(2 * HUGE, 10)):
            with pytest.raises(SelectionError, match="common window first"):
                huge.x + other.x

    def test_pickles_and_tokens(self, huge):
        variable = huge.time.variable
        assert len(pickle.dumps(variable)) < 1000
        index = pickle.loads(pickle.dumps(huge.xindexes["time"]))
        assert index.equals(huge.xindexes["time"])
        assert tokenize(recording().time.variable) == tokenize(recording().time.variable)
        assert tokenize(recording().time.variable) != tokenize(recording(1).time.variable)

    def test_computing_leaves_time_lazy(self, huge):
        assert is_lazy(huge.isel(time=slice(5, 100_005)).compute(), 100_000)
        assert is_lazy(huge.isel(time=slice(5, 100_005)).load(), 100_000)
        assert is_lazy(huge.isel(time=slice(5, 100_005)).persist(), 100_000)

    def test_seconds(self):
        huge = recording(unit="seconds")
        assert "0.0 … 9999.999999" in repr(huge)
        assert huge.time.data._repr_inline_(12) == "0 … 10000"
        assert is_lazy(huge.sel(time=slice(1, 2)), RATE + 1)
        assert huge.sel(time=0.3, method="nearest").time == 0.3
        assert huge.sel(time=300_000 / RATE).time == 300_000 / RATE
        assert huge.isel(time=slice(RATE, None)).time[0] == 1.0
        assert huge.sel(time=slice(np.timedelta64(5, "s"), None)).time[0] == 5.0
        assert huge.time.max() == 9999.999999

    def test_reductions_without_the_coordinate(self, huge):
        bare = huge.drop_vars("time")
        assert bare.coarsen(time=1000, boundary="trim").mean().sizes["time"] == HUGE // 1000
        assert bare.map_blocks(lambda block: block, template=bare).sizes["time"] == HUGE


def test_the_rest_of_the_matrix_keeps_its_index_within_a_few_megabytes(huge):
    assert is_lazy(huge.rolling(time=5).mean(), HUGE)
    assert is_lazy(huge.diff("time"), HUGE - 1)
    assert is_lazy(huge.shift(time=3), HUGE)
    for regroup in (lambda: huge.coarsen(time=1000).mean(), lambda: huge.coarsen(time=1000).construct(time=("a", "b"))):
        with pytest.raises(SelectionError, match=r'cannot be regrouped.*drop_vars\("time"\)'):
            regroup()
    assert huge.x.idxmax().size == 1
    assert huge.chunk(time=10**9).chunks["time"] == (10**9,) * 10


def test_masks_are_exact_at_any_length():
    size = LAZY_FROM + 1000
    ds = recording(size=size)
    mask = ds.time >= at((size - 10) / RATE)
    assert isinstance(mask.data, da.Array)
    assert int(mask.sum()) == 10
    assert ds.x.where(mask).count() == 10


def test_concatenation_of_1e8_samples_is_one_segment():
    half = 5 * 10**7
    joined = xr.concat([recording(0, half), recording(half, half)], "time")
    assert is_lazy(joined, 2 * half)
    assert joined.xindexes["time"].equals(recording(0, 2 * half).xindexes["time"])
    assert joined.xindexes["time"].clock == recording(0, 2 * half).xindexes["time"].clock


def test_slices_of_a_few_million_samples_do_all_of_pandas():
    ds = recording(7, 10_000).compute()
    assert ds.resample(time="1ms").mean().sizes["time"] == 11
    assert ds.groupby("time.microsecond").mean().sizes["microsecond"] == 10_000
    assert ds.interp(time=ds.time[5:10] + np.timedelta64(300)).sizes["time"] == 5
    assert ds.coarsen(time=10).mean().sizes["time"] == 1000
    assert ds.pad(time=3).sizes["time"] == 10_006
    assert is_lazy(ds.sortby("time"), 10_000)
    assert ds.time.dt.microsecond.values[:2].tolist() == [7, 8]
    assert ds.integrate("time").x > 0
    assert ds.differentiate("time").x.values[0] == 0
    assert ds.x.idxmax() == at(7e-6)
    assert ds.to_dataframe().index.name == "time"
    assert ds.expand_dims(c=2).stack(z=("c", "time")).sizes["z"] == 20_000
    assert ds.isel(time=slice(None, None, -1)).time[0] == ds.time[-1]
    assert ds.dropna("time").sizes["time"] == 10_000
    assert ds.quantile(0.5, "time").x == 1


@pytest.mark.usefixtures("no_labels")
@pytest.mark.parametrize(
    "operation",
    [
        repr,
        lambda ds: ds.sel(time=slice("2026-03-01T10:01", "2026-03-01T10:02")),
        lambda ds: ds.sel(time=[at(60.0000006), at(1)], method="nearest"),
        lambda ds: ds.isel(time=slice(None, None, 1000)),
        lambda ds: ds.x + recording().x,
        lambda ds: ds.x.where(ds.time > at(60)),
        lambda ds: ds.time.max(),
        lambda ds: pickle.dumps(ds.time.variable),
        lambda ds: tokenize(ds.time.variable),
    ],
)
def test_memory_stays_small_at_any_length(operation, huge):
    operation(huge)  # imports
    assert peak_bytes(lambda: operation(huge)) < 3e6


def test_rolled_labels_lose_the_index():
    small = recording(size=1000)
    rolled = small.roll(time=3, roll_coords=True)
    assert "time" not in rolled.xindexes
    assert rolled.time[0] == at(997e-6)


# ---- dask


def test_chunked_coordinates_come_back_lazy_with_the_first_selection():
    opened = recording().chunk({"time": CHUNK})
    assert isinstance(opened.time.data, da.Array)
    assert opened.chunks["time"] == (CHUNK,) * (HUGE // CHUNK) + (HUGE % CHUNK,)
    assert isinstance(opened.xindexes["time"], TimeIndex)
    for sliced in (opened.isel(time=slice(5, 1005)), opened.sel(time=slice(at(1), at(1.001)))):
        assert is_lazy(sliced)
        assert sliced.time.encoding["preferred_chunks"] == {"time": CHUNK}
        assert sliced.time.attrs == {"axis": "T"}
        assert is_lazy(sliced.compute())


def test_open_dataset_with_chunks_is_consistent(tmp_path):
    class Entrypoint(xr.backends.BackendEntrypoint):
        def open_dataset(self, filename_or_obj, *, drop_variables=None):
            ds = recording(size=20 * 10**6)
            ds.x.encoding["preferred_chunks"] = {"time": CHUNK}
            return ds

    opened = xr.open_dataset(tmp_path / "a.jls", engine=Entrypoint, chunks={})
    assert opened.chunks["time"] == (CHUNK, CHUNK, 20 * 10**6 - 2 * CHUNK)
    assert np.array_equal(opened.time[-3:].values, recording(size=20 * 10**6).time[-3:].values)
    assert is_lazy(opened.isel(time=slice(3, 10)).compute(), 7)
    assert int((opened.time > at(19.9999)).sum()) == 99
    with_labels = opened.time.compute()
    assert isinstance(with_labels.data, ClockArray)
    assert with_labels.data.same_as(recording(size=20 * 10**6).time.data)


def test_dask_labels_are_computed_in_their_chunks():
    labels = ClockArray(axis(), HUGE, "utc")
    chunked = labels.to_dask()
    assert chunked.numblocks == (1221,)
    assert chunked[HUGE // 2].compute() == at(5000)
    assert labels.to_dask().name == chunked.name


def test_a_tree_narrows_every_level():
    levels = {
        "/0": recording(size=10**8),
        "/1": recording(size=10**8 // 128, step=128, cells=True),
        "/2": recording(size=10**8 // 2560, step=2560, cells=True),
    }
    tree = xr.DataTree.from_dict(levels).sel(time=slice(at(1.0001), at(2.0001)))
    assert tree["/0"].sizes["time"] == RATE + 1
    for name, factor in (("/1", 128), ("/2", 2560)):
        times = tree[name].time
        assert times[0] <= at(1.0001) < times[0] + np.timedelta64(factor * 1000, "ns")
        assert times[-1] <= at(2.0001) < times[-1] + np.timedelta64(factor * 1000, "ns")


# ---- small axes, against pandas

RATES = [1, Fraction(1, 60), 10, 1000, 3, 44_100, 2_000_000]
SIZE = 300


@st.composite
def axes(draw):
    """A lazy Dataset and the same with labels in pandas; and a way to draw times in and around it."""
    rate = draw(st.sampled_from(RATES))
    start_ns = START_NS + draw(st.sampled_from([0, 10**9, 999_999_999, 59 * 10**9]))
    start, step = draw(st.integers(-5, 10**6)), draw(st.integers(1, 3))
    lazy = recording(start, SIZE, step=step, rate=rate, start_ns=start_ns)
    lazy["x"] = "time", np.arange(SIZE)
    labels = np.asarray(lazy.time.data)
    plain = xr.Dataset({"x": ("time", np.arange(SIZE))}, coords={"time": ("time", labels, {"axis": "T"})})
    period = int((labels[1] - labels[0]).astype(int))
    offsets = st.one_of(st.integers(-3 * SIZE, 2 * SIZE * 3).map(lambda n: n * period // 3), st.integers(-2, 2))
    times = offsets.map(lambda n: labels[0] + np.timedelta64(n, "ns"))
    exact = st.integers(0, SIZE - 1).map(lambda n: labels[n])
    return lazy, plain, st.one_of(times, exact)


TEXT_LENGTHS = [4, 7, 10, 13, 16, 19, 21, 23, 25, 26, 29]


def texts(times):
    return st.tuples(times, st.sampled_from(TEXT_LENGTHS)).map(lambda pair: str(pair[0])[: pair[1]])


def labels_of(times):
    datetimes = times.map(lambda t: pd.Timestamp(t).floor("us").to_pydatetime())
    return st.one_of(times, texts(times), times.map(pd.Timestamp), datetimes)


def outcome(operation):
    """The values and times of a result, or the kind of its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = operation()
    except KeyError:
        return "KeyError"
    return result.x.values.tolist(), result.time.values.tolist(), result.time.dims, result.time.attrs


def same(lazy, plain, operation):
    assert outcome(lambda: operation(lazy)) == outcome(lambda: operation(plain))


@settings(deadline=None, max_examples=400)
@given(axes(), st.data())
def test_slices_of_labels_match_pandas(case, data):
    lazy, plain, times = case
    ends = st.one_of(st.none(), labels_of(times))
    label = slice(data.draw(ends), data.draw(ends), data.draw(st.sampled_from([None, 1, 3])))
    same(lazy, plain, lambda ds: ds.sel(time=label))
    assert is_lazy(lazy.sel(time=label))


@settings(deadline=None, max_examples=400)
@given(axes(), st.data())
def test_scalars_match_pandas(case, data):
    lazy, plain, times = case
    label = data.draw(labels_of(times))
    same(lazy, plain, lambda ds: ds.sel(time=label))


@settings(deadline=None, max_examples=400)
@given(axes(), st.data())
def test_methods_and_tolerances_match_pandas(case, data):
    lazy, plain, times = case
    method = data.draw(st.sampled_from(["nearest", "pad", "ffill", "backfill", "bfill"]))
    tolerance = data.draw(st.sampled_from([None, np.timedelta64(100, "us"), pd.Timedelta("1s"), "20ms"]))
    label = data.draw(st.one_of(times, st.lists(times, min_size=1, max_size=20)))
    tolerance_np = None if tolerance is None else pd.Timedelta(tolerance).to_timedelta64()
    found = outcome(lambda: lazy.sel(time=label, method=method, tolerance=tolerance))
    assert found == outcome(lambda: plain.sel(time=label, method=method, tolerance=tolerance_np))


@settings(deadline=None, max_examples=200)
@given(axes(), st.data())
def test_lists_of_labels_match_pandas(case, data):
    lazy, plain, times = case
    chosen = data.draw(st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=20))
    labels = plain.time.values[chosen]
    stamps = [pd.Timestamp(t) for t in labels]
    for label in (labels, list(labels), [str(t) for t in labels], stamps, pd.DatetimeIndex(labels)):
        same(lazy, plain, lambda ds, label=label: ds.sel(time=label))
    other = data.draw(times)
    same(lazy, plain, lambda ds: ds.sel(time=[labels[0], other]))
    points = xr.DataArray(labels, dims="p", coords={"p": np.arange(len(labels))})
    assert lazy.sel(time=points).drop_vars("time").identical(plain.sel(time=points).drop_vars("time"))
    same(lazy, plain, lambda ds: ds.sel(time=points.variable))
    grid = xr.DataArray(np.resize(labels, (2, 3)), dims=("p", "q"))
    same(lazy, plain, lambda ds: ds.sel(time=grid, method="nearest"))
    same(lazy, plain, lambda ds: ds.sel(time=xr.DataArray(labels[0])))


slices = st.builds(
    slice,
    *[st.one_of(st.none(), st.integers(-SIZE - 5, SIZE + 5))] * 2,
    st.one_of(st.none(), st.integers(1, 9), st.integers(-5, -1)),
)
arrays = st.one_of(
    st.lists(st.integers(-SIZE, SIZE - 1), max_size=20).map(lambda n: np.array(n, int)),
    st.builds(np.arange, st.integers(0, 50), st.integers(50, 250), st.integers(1, 9)),
    st.integers(0, 2**32).map(lambda seed: np.random.default_rng(seed).random(SIZE) > 0.5),
)


@settings(deadline=None, max_examples=300)
@given(axes(), st.lists(st.one_of(slices, arrays, st.integers(-SIZE, SIZE - 1)), min_size=1, max_size=3))
def test_positions_match_pandas(case, indexers):
    lazy, plain, _ = case
    for indexer in indexers:
        if lazy.time.ndim == 0 or (isinstance(indexer, np.ndarray) and lazy.sizes["time"] != SIZE):
            break
        if isinstance(indexer, int) and not -lazy.sizes["time"] <= indexer < lazy.sizes["time"]:
            break
        lazy, plain = lazy.isel(time=indexer), plain.isel(time=indexer)
        assert outcome(lambda ds=lazy: ds) == outcome(lambda ds=plain: ds)
        assert ("time" in lazy.xindexes) == ("time" in plain.xindexes)
        if lazy.time.ndim and isinstance(indexer, slice) and (indexer.step or 1) > 0:
            assert isinstance(lazy.xindexes["time"], (TimeIndex, PandasIndex))


@settings(deadline=None, max_examples=200)
@given(axes(), st.lists(st.integers(0, SIZE), min_size=1, max_size=4))
def test_concatenation_matches_pandas(case, cuts):
    lazy, plain, _ = case
    bounds = [0, *cuts, SIZE]
    windows = [slice(a, b) for a, b in pairwise(bounds)]
    pieces = [[ds.isel(time=w) for w in windows] for ds in (lazy, plain)]
    joined, expected = (xr.concat(parts, "time") for parts in pieces)
    assert outcome(lambda: joined) == outcome(lambda: expected)
    assert is_lazy(joined)
    if cuts == sorted(cuts):
        assert joined.xindexes["time"].labels.same_as(lazy.time.data)


@settings(deadline=None, max_examples=300)
@given(axes(), slices, slices, st.sampled_from(["inner", "outer", "left", "right"]))
def test_alignment_matches_pandas(case, one, two, join):
    lazy, plain, _ = case
    one, two = (slice(s.start, s.stop, abs(s.step or 1)) for s in (one, two))
    mine = xr.align(lazy.isel(time=one), lazy.isel(time=two), join=join)
    theirs = xr.align(plain.isel(time=one), plain.isel(time=two), join=join)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a.x.values, b.x.values)
        np.testing.assert_array_equal(a.time.values, b.time.values)


@settings(deadline=None, max_examples=50)
@given(axes(), st.tuples(slices, slices, slices))
def test_three_operands_align_as_pandas_does(case, windows):
    lazy, plain, _ = case
    windows = [slice(w.start, w.stop, abs(w.step or 1)) for w in windows]
    for join in ("inner", "outer"):
        mine = xr.align(*(lazy.isel(time=w) for w in windows), join=join)
        theirs = xr.align(*(plain.isel(time=w) for w in windows), join=join)
        np.testing.assert_array_equal(mine[2].x.values, theirs[2].x.values)


@settings(deadline=None, max_examples=100)
@given(axes(), slices, st.sampled_from([None, "nearest", "pad", "backfill"]))
def test_reindexing_matches_pandas(case, window, method):
    lazy, plain, _ = case
    window = slice(window.start, window.stop, abs(window.step or 1))
    mine = lazy.isel(time=slice(10, 200, 2)).reindex_like(lazy.isel(time=window), method=method)
    theirs = plain.isel(time=slice(10, 200, 2)).reindex_like(plain.isel(time=window), method=method)
    np.testing.assert_array_equal(mine.x.values, theirs.x.values)


def test_different_grids_align_through_pandas():
    slow, fast = recording(0, 100, rate=10), recording(0, 100, rate=15)
    for join in ("inner", "outer"):
        mine = xr.align(slow, fast, join=join)[0]
        plain = [xr.Dataset({"x": ("time", ds.x.values)}, coords={"time": ds.time.values}) for ds in (slow, fast)]
        np.testing.assert_array_equal(mine.time.values, xr.align(*plain, join=join)[0].time.values)


def test_irregular_and_lazy_axes_concatenate_through_pandas():
    ds = recording(0, 100)
    picked = ds.isel(time=[1, 5, 7])
    for parts in ([picked, ds], [ds, picked]):
        joined = xr.concat(parts, "time")
        assert joined.time.values.tolist() == [t for part in parts for t in part.time.values.tolist()]


def test_groups_come_back_in_order():
    ds = recording(0, 100)
    ds["x"] = "time", np.arange(100)
    grouped = ds.assign_coords(g=("time", np.arange(100) % 3)).groupby("g").map(lambda group: group - group.mean())
    assert grouped.time.values.tolist() == ds.time.values.tolist()


# ---- labels


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("2026-03-01T10:00:21", START_NS + 21 * 10**9, START_NS + 22 * 10**9 - 1),
        ("2026-03-01T12:00+02:00", START_NS, START_NS + 60 * 10**9 - 1),
        ("2026-03-01T10:00Z", START_NS, START_NS + 60 * 10**9 - 1),
        ("2026-03-01T05:00:00-0500", START_NS, START_NS + 10**9 - 1),
        ("2026-03", START_NS - 10 * 3600 * 10**9, START_NS - 10 * 3600 * 10**9 + 31 * 86_400 * 10**9 - 1),
        ("2026-03-01T10:00:00.123456789", START_NS + 123_456_789, START_NS + 123_456_789),
        (pd.Period("2026-03-01T10:00", "s"), START_NS, START_NS + 10**9 - 1),
        (pd.Timestamp("2026-03-01T12:00", tz="Europe/Helsinki"), START_NS, START_NS),
        (np.datetime64("2026-03-01T10"), START_NS, START_NS),
        (pd.Timestamp("2026-03-01").date(), START_NS - 10 * 3600 * 10**9, START_NS - 10 * 3600 * 10**9),
    ],
)
def test_labels_of_utc(label, first, last):
    assert tuple(parse_scalar(label, "utc")) == (first, last)


@pytest.mark.parametrize(
    "label", [5, 1.5, "soon", None, np.datetime64("NaT"), pd.NaT, "12:30", np.timedelta64(5, "s"), "1500"]
)
def test_what_is_not_utc_is_refused(label):
    with pytest.raises(LabelError, match="is not a time"):
        parse_scalar(label, "utc")


@pytest.mark.parametrize("label", ["2026", None, float("nan"), True, np.datetime64("2026"), np.timedelta64("NaT")])
def test_what_is_not_seconds_is_refused(label):
    with pytest.raises(LabelError, match="is not a time"):
        parse_scalar(label, "seconds")


def test_arrays_of_labels():
    zoned = pd.DatetimeIndex(["2026-03-01T12:00"], tz="Europe/Helsinki")
    assert parse_labels(np.asarray(zoned), "utc").tolist() == [START_NS]
    assert parse_labels(np.array([[1, 2]]), "seconds").tolist() == [[1.0, 2.0]]
    assert parse_labels(np.array([1500], "m8[ms]"), "seconds").tolist() == [1.5]
    assert parse_tolerance(np.array([1, 2], "m8[us]"), "utc").tolist() == [1000, 2000]
    assert parse_tolerance("1500ms", "seconds") == 1.5
    with pytest.raises(LabelError, match="NaT"):
        parse_labels(np.array(["NaT"], "M8[ns]"), "utc")
    with pytest.raises(LabelError, match="NaN"):
        parse_labels(np.array([np.nan]), "seconds")
    with pytest.raises(LabelError, match="no unit"):
        parse_tolerance(5, "utc")


def test_label_errors_print_as_sentences_and_pickle():
    with pytest.raises(KeyError) as caught:
        recording(0, 10).sel(time="2027-01-01T00:00:00")
    error = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(error, SelectionError)
    assert str(error) == str(caught.value)
    assert str(error).startswith("no time 2027-01-01T00:00:00 in 'time'. It runs from 2026-03-01T10:00:00")
    with pytest.raises(LabelError, match="which is empty"):
        recording(0, 0).sel(time="2027-01-01T00:00:00.000000001")


def test_arguments_of_sel_are_checked():
    ds = recording(0, 10)
    with pytest.raises(NotImplementedError, match="neither method nor tolerance"):
        ds.sel(time=slice(None), method="nearest")
    with pytest.raises(ValueError, match="nearest, pad or backfill"):
        ds.sel(time=at(0), method="closest")
    with pytest.raises(ValueError, match="tolerance needs"):
        ds.sel(time=[at(0)], tolerance="1s")
    with pytest.raises(SelectionError, match="at least 1 position"):
        ds.sel(time=slice(None, None, -1))
    with pytest.raises(ValueError, match="single times"):
        ds.sel(time=slice([at(0)], None))
    with pytest.raises(TypeError, match="not with a mapping"):
        ds.xindexes["time"].sel({"time": {"a": 1}})
    assert ds.sel(time=slice(xr.DataArray(at(2e-6)), np.array(at(4e-6)))).sizes["time"] == 3
    assert ds.sel(time=np.arange(10) > 6).sizes["time"] == 3


# ---- UTC that runs backwards


def test_utc_that_runs_backwards_refuses_labels_but_nothing_else():
    clock = Clock.from_ties([0, 1000, 2000], [10**9, 2 * 10**9, 10**9], rate_hz=1000)
    ds = xr.Dataset({"x": ("time", np.arange(3000))}, coords=time_coordinates("time", clock, 3000, unit="utc"))
    with pytest.raises(SelectionError, match=r'run backwards.*isel.*time="seconds"'):
        ds.sel(time=slice("1970", None))
    assert "1970-01-01T00:00:01.000" in repr(ds.time)
    assert ds.isel(time=1000).time == np.datetime64(2 * 10**9, "ns")
    assert ds.isel(time=slice(0, 900)).sel(time=np.datetime64(1_500_000_000, "ns")).x == 500
    assert ds.time.max() == np.datetime64(2 * 10**9, "ns")
    nominal = time_coordinates("time", Clock.nominal(1000), 3000, unit="seconds")
    assert xr.Dataset(coords=nominal).sel(time=2.5).time == 2.5


# ---- cells


def cell_recording(size=100, factor=128, *, unit="utc"):
    clock = axis(0, size, step=factor, unit=unit)
    return xr.Dataset(
        {"x": ("time", np.arange(size))}, coords=time_coordinates("time", clock, size, unit=unit, cells=True)
    )


@settings(deadline=None)
@given(st.integers(-300, 14_000), st.integers(-300, 14_000), st.sampled_from(["utc", "seconds"]))
def test_a_slice_takes_the_cells_that_it_touches(start_us, length_us, unit):
    ds = cell_recording(unit=unit)
    stop_us = start_us + length_us
    ends = [at(us * 1e-6) for us in (start_us, stop_us)] if unit == "utc" else [us / 1e6 for us in (start_us, stop_us)]
    taken = ds.sel(time=slice(*ends)).x.values.tolist()
    assert taken == [j for j in range(100) if j * 128 <= stop_us and start_us < (j + 1) * 128 and stop_us >= start_us]


def test_nearest_is_the_cell_that_contains_the_label():
    ds = cell_recording()
    assert ds.sel(time=at(127e-6), method="nearest").x == 0
    assert ds.sel(time=at(128e-6), method="nearest").x == 1
    assert ds.sel(time=[at(-1), at(1)], method="nearest").x.values.tolist() == [0, 99]
    assert ds.sel(time=at(127e-6), method="nearest", tolerance="1us").x == 0
    with pytest.raises(LabelError, match="no time"):
        ds.sel(time=at(1), method="nearest", tolerance="1us")
    assert ds.sel(time=at(100 * 128e-6), method="nearest", tolerance="1us").x == 99
    assert ds.sel(time=at(128e-6), method="backfill").x == 1
    assert ds.sel(time=at(128e-6)).x == 1
    with pytest.raises(LabelError, match="exactly"):
        ds.sel(time=at(127e-6))
    assert ds.sel(time="2026-03-01T10:00").sizes["time"] == 100
    assert "100 cells" in repr(ds.xindexes["time"])
    assert ds.isel(time=slice(3, None)).xindexes["time"].cells


# ---- the array by itself


def test_arrays_behave_as_arrays():
    labels = ClockArray(axis(0, 10), 10, "utc")
    values = np.asarray(labels)
    assert (labels.shape, labels.ndim, labels.size, len(labels), labels.nbytes) == ((10,), 1, 10, 10, 80)
    assert np.array_equal(labels - labels[0], values - values[0])
    assert np.array_equal(labels == values, np.ones(10, bool))
    assert np.array_equal(np.concatenate([labels[:4], labels[6:]]), np.delete(values, [4, 5]))
    assert isinstance(np.concatenate([labels[:4], labels[6:]]), ClockArray)
    assert isinstance(np.concatenate([labels[:4], values]), np.ndarray)
    assert np.shape(labels) == (10,)
    assert np.ndim(labels) == 1
    assert isinstance(np.ravel(labels), np.ndarray)
    assert isinstance(np.reshape(labels, (-1,)), np.ndarray)
    assert np.reshape(labels, (2, 5)).shape == (2, 5)
    assert np.diff(labels).tolist() == [1000] * 9
    assert np.min(labels) == values[0]
    assert np.add.reduce(labels - labels[0]) == np.timedelta64(45_000, "ns")
    assert labels.astype("M8[ns]") is labels
    assert labels.astype("M8[us]").dtype == "M8[us]"
    assert np.array(labels, dtype="M8[us]").dtype == "M8[us]"
    assert labels[()] is labels
    assert labels[...] is labels
    assert labels[3, ...].shape == ()
    assert labels[None].shape == (1, 10)
    assert labels[:0]._repr_inline_(80) == "empty"
    assert labels._repr_inline_(23) == "2026-03-01T10:00:00 …"
    assert np.array_equal(np.asarray(labels[np.array([], int)]), values[:0])
    with pytest.raises(IndexError, match="outside 10 labels"):
        labels[10]
    with pytest.raises(IndexError, match="mask"):
        labels[np.ones(3, bool)]
    with pytest.raises(IndexError, match="slices, integers and masks"):
        labels[np.array([0.5])]
    with pytest.raises(ValueError, match="no array to share"):
        np.asarray(labels, copy=False)
    with pytest.raises(TypeError):
        np.add(values, 1, out=labels)
    with pytest.raises(ValueError, match='"utc" or "seconds"'):
        ClockArray(axis(), 10, "minutes")
    with pytest.raises(ValueError, match="at least 0"):
        ClockArray(axis(), -1, "utc")


def test_long_arrays_are_refused_by_numpy():
    with pytest.raises(SelectionError, match="Slice first"):
        np.asarray(ClockArray(axis(), LIMIT + 1, "utc"))


def test_units_do_not_mix():
    utc, seconds = recording(0, 10), recording(0, 10, unit="seconds")
    with pytest.raises(SelectionError, match="same time="):
        utc.x + seconds.x
    with pytest.raises(SelectionError, match="same time="):
        xr.concat([utc, seconds], "time")
    with pytest.raises(SelectionError, match="same time="):
        utc.xindexes["time"].reindex_like(seconds.xindexes["time"])


def test_seconds_of_a_tied_clock_survive_every_cut():
    clock = Clock.from_ties([100, 10**6], [START_NS, START_NS + 999_950_123], rate_hz=RATE, first_id=100)
    ds = xr.Dataset(coords=time_coordinates("time", clock.window(100, 5000), 4900, unit="seconds"))
    whole = ds.time.values
    assert whole[0] == 0
    assert np.array_equal(ds.isel(time=slice(7, None, 3)).time.values, whole[7::3])
    joined = xr.concat([ds.isel(time=slice(0, 50)), ds.isel(time=slice(60, None))], "time")
    assert np.array_equal(joined.time.values, np.delete(whole, np.arange(50, 60)))
    assert ds.sel(time=whole[4321]).time == whole[4321]


def test_set_xindex_takes_lazy_labels_only():
    ds = recording(0, 10)
    bare = ds.drop_indexes("time")
    assert is_lazy(bare.set_xindex("time", TimeIndex), 10)
    with pytest.raises(SelectionError, match="not lazy times"):
        bare.assign_coords(time=("time", np.arange(10))).drop_indexes("time").set_xindex("time", TimeIndex)
    with pytest.raises(ValueError, match="one coordinate"):
        TimeIndex.from_variables({"a": bare.time.variable, "b": bare.time.variable}, options={})


def test_overlaps():
    whole = ClockArray(axis(), HUGE, "utc")
    assert find_overlap(whole[:10], whole[20:30]) == (range(0), range(0))
    assert find_overlap(whole[:10], whole[5:30]) == (range(5, 10), range(5))
    assert find_overlap(whole[::1000], whole) == (range(HUGE // 1000), range(0, HUGE, 1000))
    assert find_overlap(whole[::2], whole[1::2]) is None
    assert find_overlap(whole[::2], whole[::3]) is None
    assert inner_labels(whole, whole[::3]).same_as(whole[::3])
    assert outer_labels(whole[::3], whole).same_as(whole)
    assert outer_labels(whole[20:30], whole[:10]).size == 20
    assert outer_labels(whole[5:30], whole[:10]).same_as(whole[:30])
    assert outer_labels(whole[::2], whole[::3]) is None


def test_joining_with_another_kind_of_index_is_refused():
    with pytest.raises(TypeError, match="does not join"):
        recording(0, 10).xindexes["time"].join(xr.indexes.RangeIndex.arange(10, dim="time"))


def test_search_of_nothing():
    lookup = Lookup(ClockArray(axis(), 0, "utc"), "time", cells=False)
    assert lookup.search(np.array([1, 2])).tolist() == [-1, -1]
    assert recording(0, 0).sel(time=slice("2026", None)).sizes["time"] == 0
