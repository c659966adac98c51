"""A recording of 10¹¹ samples, 14 hours at 2 MHz: opening, printing and selecting cost what they cost of a short one.

The file is sparse: it holds the chunks on the way to a few places, and holes. Memory is what is asserted; no time is.
"""

import pickle
import tracemalloc

import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.testing import write_sparse
from xjls.testing.laws import equal_values

SIZE = 10**11
RATE_HZ = 2_000_000
PLACES = [12_345_678_901, 5 * 10**10, 99_000_000_000]
BLOCK_OF_LEVEL_5 = 13_107_200_000
MEGABYTES = 1 << 20


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    truth = write_sparse(
        tmp_path_factory.mktemp("sparse") / "run.jls", SIZE, data_at=[*PLACES, *range(0, SIZE, BLOCK_OF_LEVEL_5)]
    )
    with xjls.open(truth.path) as ds:  # what is imported and compiled once is not what is measured
        ds.current[:10].compute()
        ds.current_x20480000[:1].compute()
    return truth


@pytest.fixture
def little_memory():
    """Fail a test whose Python objects and arrays peak at 50 MB or more."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * MEGABYTES, f"{peak / MEGABYTES:.0f} MB"


@pytest.fixture(params=["xjls.open", "lazy", "dask", "seconds"])
def ds(request, truth, little_memory):
    if request.param == "xjls.open":
        opened = xjls.open(truth.path)
    else:
        options = {"lazy": {}, "dask": {"chunks": {}}, "seconds": {"time": "seconds"}}[request.param]
        opened = xr.open_dataset(truth.path, engine="jls", **options)
    with opened:
        yield opened


def label(ds, sample_id):
    """Return the time of a sample as the Dataset's axis has it."""
    seconds = sample_id / RATE_HZ
    if ds.time.dtype.kind == "f":
        return seconds
    return np.datetime64("2026-03-01T10:00:00", "ns") + np.timedelta64(sample_id * 500, "ns")


def test_it_opens_and_prints(ds, truth):
    assert ds.sizes["time"] == SIZE
    for text in (repr(ds), ds._repr_html_(), repr(ds.current), ds.current._repr_html_(), repr(ds.time)):
        assert "100000000000" in text or "100_000_000_000" in text
    assert ds.nbytes > 4 * SIZE
    ds.info(buf=type("Sink", (), {"write": lambda self, text: None})())


def test_ends_are_exact(ds):
    for position in (0, 1, SIZE // 3, SIZE - 1):
        assert ds.time.isel(time=position).values == label(ds, position)


@pytest.mark.parametrize("place", PLACES)
def test_samples_are_found_by_time(ds, truth, place):
    start, stop = place - 1000, place + 1000
    part = ds.current.sel(time=slice(label(ds, start), label(ds, stop)))
    assert part.sizes["time"] == 2001
    assert equal_values(part.values, truth.values(start, stop + 1))
    assert ds.current.sel(time=label(ds, place)).values == truth.values(place, place + 1)[0]
    assert ds.current.sel(time=label(ds, place), method="nearest").values == truth.values(place, place + 1)[0]


def test_partial_dates_select(truth, little_memory):
    with xjls.open(truth.path, levels=False) as ds:
        minute = ds.sel(time="2026-03-01T10:01")
        assert minute.sizes["time"] == 60 * RATE_HZ
        second = ds.sel(time=slice("2026-03-01T16:56:40", "2026-03-01T16:56:40"))
        assert second.time.values.min() == label(ds, 50 * 10**9)
        assert second.time.values.max() == label(ds, 50 * 10**9 + RATE_HZ - 1)


def test_positions_select(ds, truth):
    place = PLACES[1]
    assert equal_values(ds.current[place : place + 999 : 7].values, truth.values(place, place + 999)[::7])
    assert equal_values(ds.current[-5:].values, truth.values(SIZE - 5, SIZE))
    strided = ds.isel(time=slice(None, None, 1_000_000))
    assert strided.sizes["time"] == 100_000
    assert strided.time.values[-1] == label(ds, SIZE - 1_000_000)


def test_scattered_positions_read_only_their_blocks(truth, little_memory):
    with xr.open_dataset(truth.path, engine="jls", levels=False) as ds:
        at = [PLACES[1], 0, SIZE - 1, PLACES[0]]
        wanted = np.concatenate([truth.values(i, i + 1) for i in at])
        assert equal_values(ds.current.isel(time=at).values, wanted)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_levels_are_read_where_they_are(truth, little_memory, level):
    factor = truth.blocks.step(level)
    with xjls.open(truth.path, levels=True) as ds:
        dim = f"time_x{factor}"
        assert ds.sizes[dim] == SIZE // factor
        for start in {0, PLACES[0] // factor, SIZE // factor - 3}:
            found = ds[f"current_x{factor}"].isel({dim: slice(start, start + 3)})
            np.testing.assert_allclose(found.values, truth.entries(level, start, start + 3), rtol=1e-6)
        cell = ds[f"current_x{factor}"].sel({dim: label(ds, PLACES[0])}, method="nearest")
        assert cell[dim].values <= label(ds, PLACES[0]) < cell[dim].values + np.timedelta64(factor * 500, "ns")


def test_the_coarsest_levels_tell_the_whole(truth, little_memory):
    """What the levels "auto" hold of 14 hours is a few megabytes, and says what no hole can."""
    with xjls.open(truth.path) as ds:
        top = ds.current_x20480000.compute()
        assert top.sizes["time_x20480000"] == SIZE // 20_480_000
        assert sum(variable.nbytes for name, variable in ds.data_vars.items() if "_x" in str(name)) < 50 * MEGABYTES
        assert top.attrs["samples_per_entry"] == 20_480_000


def test_a_tree_narrows(truth, little_memory):
    start, stop = (
        np.datetime64("2026-03-01T10:00:00", "ns") + np.timedelta64(i * 500, "ns")
        for i in (PLACES[0], PLACES[0] + 10**6)
    )
    with xr.open_datatree(truth.path, engine="jls", chunks={}) as tree:
        part = tree.sel(time=slice(start, stop))
        assert part["0"].sizes["time"] == 10**6 + 1
        assert part["1"].sizes["time"] == 10**6 // 128 + 1
        assert part["5"].sizes["time"] == 1
        assert "100000000000" in repr(tree)


def test_the_accessor_narrows_and_tells(ds, truth):
    place = PLACES[2]
    part = ds.xjls.sel(slice(label(ds, place), label(ds, place + 5000)))
    assert part.sizes["time"] == 5001
    assert equal_values(part.current.values, truth.values(place, place + 5001))
    assert len(ds.xjls.ties) == 2
    assert ds.xjls.annotations.empty
    assert ds.xjls.status.complete


def test_it_pickles_small(ds):
    assert len(pickle.dumps(ds)) < MEGABYTES
    with pickle.loads(pickle.dumps(ds.isel(time=slice(0, 10)))) as copy:
        assert copy.sizes["time"] == 10


def test_a_recording_reads_without_xarray(truth, little_memory):
    with xjls.open_recording(truth.path) as recording:
        signal = recording.signals["current"]
        assert (signal.length, signal.rate_hz) == (SIZE, RATE_HZ)
        for start, stop in truth.windows:
            assert equal_values(recording.read("current", (start, stop)), truth.values(start, stop))
        clock = recording.clock("current")
        assert clock.first_at_or_after(clock.time(SIZE - 1)) == SIZE - 1


def test_a_hole_is_a_gap_and_not_zeros(truth, little_memory):
    """What reads as zeros is no chunk: the policy decides, and nothing is invented."""
    start = truth.windows[0][1]
    with xjls.open_recording(truth.path) as recording, pytest.raises(xjls.LostSamplesError, match="are lost"):
        recording.read("current", (start - 10, start + 10))
    with xjls.open_recording(truth.path, on_damage="gap") as recording:
        found = recording.read("current", (start - 10, start + 10))
        assert equal_values(found[:10], truth.values(start - 10, start))
        assert np.isnan(found[10:]).all()


def test_what_cannot_be_lazy_names_the_way(ds):
    with pytest.raises(xjls.SelectionError, match=r"745 GiB.*Slice first"):
        np.asarray(ds.xindexes["time"].labels)
    with pytest.raises(xjls.SelectionError, match=r"Slice first"):
        _ = ds.indexes["time"]
    with pytest.raises(xjls.SelectionError, match=r"common window first"):
        _ = ds.current[: SIZE - 5] + ds.current[5:]


def test_windows_of_it_concatenate(truth, little_memory):
    with xjls.open(truth.path, levels=False) as ds:
        parts = [ds.isel(time=slice(0, 8000)), ds.isel(time=slice(8000, 16_000))]
        whole = xr.concat(parts, "time", data_vars="all", coords="minimal", join="outer", compat="no_conflicts")
        assert whole.time.variable[-1].values == label(ds, 15_999)
        assert repr(whole.xindexes["time"]) == repr(ds.isel(time=slice(0, 16_000)).xindexes["time"])
