"""xarray's doors: every keyword, every way to select, and what a user is told when something cannot be."""

import asyncio
import io
import json
import pickle
import subprocess
import sys
import warnings

import fsspec
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import xjls
from xjls.backend.entrypoint import JlsBackendEntrypoint
from xjls.backend.index import TimeIndex
from xjls.testing import write_sparse
from xjls.testing.jls2 import Annotation, Fsr, Source, Vsr, chunks_of, flip, write
from xjls.testing.laws import equal_values, reduce_finite
from xjls.testing.picostream import write_picostream

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
START = np.datetime64("2026-03-01T10:00:00", "ns")
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
MS = np.timedelta64(1, "ms")
K = np.arange(20_000)
TRUTH = {
    "current": np.sin(K * 0.01).astype("f4"),
    "voltage": np.cos(K[:19_880] * 0.01).astype("f4"),
    "range": (K // 100 % 16).astype("u1"),
    "gpi": np.arange(40_000) // 500 % 2 == 1,
    "fine": (K - 10_000).astype("i2"),
    "temperature": np.arange(500, dtype="f4"),
}
VOLTAGE_FIRST = 60
COMMON = slice(VOLTAGE_FIRST, VOLTAGE_FIRST + 19_880)
"""Sample ids that current, voltage, range and fine share."""
CONCAT = {"data_vars": "all", "coords": "minimal", "join": "outer", "compat": "no_conflicts"}
"""What xarray will one day do without being asked; it warns as long as it is not said."""


def signals():
    ties = [(i * 1000, EPOCH + i * SECOND) for i in range(21)]
    notes = [
        Annotation(500, data="early"),
        Annotation(19_000, "vmarker", 1, 0.5, data="1a"),
        Annotation(7, "hmarker", data="1"),
    ]
    return [
        Fsr("current", TRUTH["current"], units="A", ties=ties, annotations=notes, **SMALL),
        Fsr("voltage", TRUTH["voltage"], units="V", first_id=VOLTAGE_FIRST, **SMALL),
        Fsr("range", TRUTH["range"], dtype="u4", **SMALL),
        Fsr("gpi", TRUTH["gpi"], dtype="u1", rate_hz=2000, **SMALL),
        Fsr("fine", TRUTH["fine"], dtype="i16", q=8, **SMALL),
        Fsr("temperature", TRUTH["temperature"], rate_hz=50, source=2, **SMALL),
        Vsr("events", annotations=[Annotation(EPOCH + 3 * SECOND, data="pressed")]),
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    sources = [Source("js220", "Joulescope", "JS220", "1.0", "000001"), Source("probe", vendor="-")]
    return write(tmp_path_factory.mktemp("bench") / "run.jls", sources, signals())


@pytest.fixture(params=["lazy", "dask"])
def opened(request, path):
    """Return the Dataset without and with dask."""
    with xr.open_dataset(path, engine="jls", chunks=None if request.param == "lazy" else {}) as ds:
        yield ds


# ---- the doors -----------------------------------------------------------------------------------------------------


def test_the_engine_is_guessed_from_the_first_bytes(path, tmp_path):
    with xr.open_dataset(path) as ds, xr.open_dataset(path, engine="jls") as named:
        xr.testing.assert_identical(ds.load(), named.load())
    other = tmp_path / "recording.bin"
    other.write_bytes(path.read_bytes())
    with xr.open_dataset(other, levels=False) as ds:
        assert ds.sizes["time_temperature"] == 500
    assert "jls" in xr.backends.list_engines()
    with xr.open_datatree(path) as tree:
        assert "0" in tree


def test_only_recordings_are_claimed(path, tmp_path):
    guess = JlsBackendEntrypoint().guess_can_open
    (tmp_path / "zeros.jls").write_bytes(bytes(64))
    (tmp_path / "empty.jls").write_bytes(b"")
    assert guess(path)
    assert guess(str(path))
    assert guess("s3://bucket/run.JLS")
    for other in (tmp_path / "zeros.jls", tmp_path / "empty.jls", tmp_path / "no.jls", tmp_path, "s3://bucket/run.h5"):
        assert not guess(other)
    for other in (path.read_bytes(), io.BytesIO(path.read_bytes()), 7, None):
        assert not guess(other)


def test_xjls_open_is_the_engine_with_chunks(path):
    with xjls.open(path) as ds, xr.open_dataset(path, engine="jls", chunks={}) as same:
        assert all(variable.chunks for variable in ds.data_vars.values())
        assert ds.encoding["source"] == str(path)
        xr.testing.assert_identical(ds.compute(), same.compute())
        assert isinstance(ds.xindexes["time"], TimeIndex)
        assert ds.time.variable.chunks is None  # labels are computed when they are asked for, not by tasks
    with xjls.open(str(path), chunks=None) as ds:
        assert ds.chunks == {}


def test_closing_a_dataset_closes_its_recording(path):
    with xjls.open(path, levels=False) as ds:
        recording = ds.xjls.recording
        ds.current[:5].compute()
    with pytest.raises(ValueError, match="closed"):
        recording.read("current")
    with xr.open_datatree(path, engine="jls") as tree:
        recording = tree["0"].to_dataset().xjls.recording
    with pytest.raises(ValueError, match="closed"):
        recording.read("current")


# ---- keywords ------------------------------------------------------------------------------------------------------


def test_signals_are_chosen_by_name(path):
    with xjls.open(path, levels=False) as ds:
        assert set(ds.data_vars) == set(TRUTH)
    with xjls.open(path, levels=False, signals="voltage") as ds:
        assert list(ds.data_vars) == ["voltage"]
        assert ds.sizes == {"time": 19_880}
    with xjls.open(path, levels=False, signals=["gpi", "temperature"]) as ds:
        assert set(ds.data_vars) == {"gpi", "temperature"}
        assert sorted(ds.sizes.values()) == [500, 40_000]


@pytest.mark.parametrize(
    ("levels", "factors"),
    [
        (False, []),
        (True, [16, 160, 1600, 16_000]),
        ("auto", [16, 160, 1600, 16_000]),
        ([1, 3], [16, 1600]),
        (2, [160]),
        ([], []),
    ],
)
def test_levels_are_chosen(path, levels, factors):
    with xjls.open(path, signals="current", levels=levels) as ds:
        assert [name for name in ds.data_vars if name != "current"] == [f"current_x{factor}" for factor in factors]
        for factor in factors:
            level = ds[f"current_x{factor}"]
            assert level.dims == (f"time_x{factor}", "statistic")
            assert level.sizes[f"time_x{factor}"] == 20_000 // factor
            assert level.statistic.values.tolist() == ["mean", "std", "min", "max"]


def test_auto_leaves_out_long_levels(tmp_path):
    truth = write_sparse(tmp_path / "run.jls", 3 * 10**8)
    with xjls.open(truth.path) as ds:
        assert "current_x128" not in ds
        assert ds.sizes["time_x2560"] == 3 * 10**8 // 2560
    with xjls.open(truth.path, levels=True) as ds:
        assert ds.sizes["time_x128"] == 3 * 10**8 // 128


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({}, "M8[ns]"),
        ({"time": "utc"}, "M8[ns]"),
        ({"time": "seconds"}, "f8"),
        ({"decode_times": False}, "f8"),
        ({"decode_times": True}, "M8[ns]"),
    ],
)
def test_time_is_utc_or_seconds(path, options, dtype):
    with xjls.open(path, signals="current", levels=[1], **options) as ds:
        assert ds.time.dtype == ds.time_x16.dtype == np.dtype(dtype)
        if dtype == "f8":
            assert ds.time.attrs["units"] == "s"
            assert ds.time.variable[[0, 1, 19_999]].values.tolist() == [0, 0.001, 19.999]
            assert ds.time_x16.variable[[0, 1]].values.tolist() == [0, 0.016]
        else:
            assert (ds.time.variable[[0, 1, 19_999]].values == START + np.array([0, 1, 19_999]) * MS).all()
        assert ds.time.attrs["standard_name"] == "time"


def test_utc_that_runs_backwards_leaves_seconds(tmp_path):
    """Seconds then count on at the nominal rate, so that they name one sample each."""
    ties = [(0, EPOCH), (1000, EPOCH + SECOND), (2000, EPOCH)]
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", np.arange(3000), ties=ties, **SMALL)])
    with xjls.open(path, time="seconds", levels=[1]) as ds:
        assert ds.time.variable[[0, 1000, 2999]].values.tolist() == [0, 1, 2.999]
        assert ds.current.sel(time=slice(1.5, 1.6)).values[[0, -1]].tolist() == [1500, 1600]
        assert ds.time_x16.variable[1].values == 0.016
    with xjls.open(path, levels=False) as ds:
        assert "backwards" in " ".join(ds.xjls.status.notes)
        with pytest.raises(xjls.SelectionError, match=r"run backwards.*isel.*time=\"seconds\""):
            ds.sel(time=slice("2026-03-01T10:00:01", None))
        assert ds.current.isel(time=slice(1500, 1502)).values.tolist() == [1500, 1501]


def test_without_ties_time_is_seconds(path):
    with xjls.open(path, signals="temperature", levels=False) as ds:
        assert ds.time.variable[[0, 1, 499]].values.tolist() == [0, 0.02, 9.98]


@pytest.mark.parametrize("join", ["inner", "outer"])
@pytest.mark.parametrize("tied", [False, True])
def test_seconds_do_not_depend_on_the_order_of_signals(tmp_path, tied, join):
    """One source writes its signals in whatever order their first samples arrive."""
    ties = [(0, EPOCH), (1000, EPOCH + SECOND)] if tied else []
    two = [Fsr("a", np.arange(1000), first_id=50, ties=ties, **SMALL), Fsr("b", np.arange(1000), first_id=55, **SMALL)]
    starts = []
    for number, order in enumerate((two, two[::-1])):
        path = write(tmp_path / f"{number}.jls", [Source()], order)
        with xjls.open(path, time="seconds", join=join, levels=False) as ds:
            starts.append(float(ds.time.variable[0].values))
    assert starts[0] == starts[1] >= 0


def test_an_empty_signal_has_no_first_sample(tmp_path):
    path = write(tmp_path / "run.jls", [Source()], [Fsr("empty"), Fsr("late", np.arange(100), first_id=10**6, **SMALL)])
    with xjls.open(path, levels=False, signals="late") as ds:
        assert float(ds.time.variable[0].values) == 0


def test_inner_join_cuts_and_needs_no_marks(path):
    """The cut is small here, so there is no warning; what is left is complete, so nothing marks it."""
    with xjls.open(path, levels=False) as ds:
        assert ds.sizes["time"] == 19_880
        for name in ("current", "range"):
            assert equal_values(ds[name].values, TRUTH[name][COMMON])
        assert equal_values(ds.voltage.values, TRUTH["voltage"])
        assert ds.time.variable[0].values == START + VOLTAGE_FIRST * MS
        assert set(ds.data_vars) == set(TRUTH)


def test_inner_join_warns_of_what_it_cuts(tmp_path):
    short = [Fsr("long", np.arange(5000), **SMALL), Fsr("short", np.arange(3000), first_id=500, **SMALL)]
    path = write(tmp_path / "run.jls", [Source()], short)
    match = r"common window is 500.3_500: long 0.5_000 \(2_000 samples cut\)\. .*join=\"outer\" or join=\"none\""
    with pytest.warns(UserWarning, match=match) as caught:
        ds = xjls.open(path, levels=False)
    assert len(caught) == 1
    assert "short" not in str(caught[0].message).split(":", 1)[1].split("Open")[0]
    assert ds.sizes == {"time": 3000}
    ds.close()
    with (
        warnings.catch_warnings(),
        xjls.open(path, levels=False, join="outer"),
        xjls.open(path, levels=False, join="none"),
    ):
        pass


def test_outer_join_keeps_all_and_marks_integers(tmp_path):
    parts = [
        Fsr("a", np.arange(1000.0), first_id=100, **SMALL),
        Fsr("i", np.arange(1, 801), dtype="i32", first_id=400, **SMALL),
        Fsr("q", np.arange(1, 801), dtype="i16", q=1, first_id=400, **SMALL),
    ]
    path = write(tmp_path / "run.jls", [Source()], parts)
    for chunks in (None, {}):
        with xr.open_dataset(path, engine="jls", join="outer", levels=False, chunks=chunks) as ds:
            assert ds.sizes == {"time": 1100}
            assert equal_values(ds.a.values, np.append(np.arange(1000, dtype="f4"), np.full(100, np.nan, "f4")))
            assert equal_values(ds.i.values, np.append(np.zeros(300, "i4"), np.arange(1, 801, dtype="i4")))
            assert equal_values(ds.i_valid.values, np.arange(1100) >= 300)
            assert equal_values(ds.q.values, np.append(np.full(300, np.nan), np.arange(1, 801) / 2))
            assert {"a_valid", "q_valid"}.isdisjoint(ds.data_vars)
            assert ds.i.attrs["ancillary_variables"] == "i_valid"
            assert ds.i.isel(time=[0, 299, 300, 1099]).values.tolist() == [0, 0, 1, 800]
            assert ds.a.isel(time=slice(1050, None)).isnull().all()


def test_outer_join_keeps_all_entries_too(tmp_path):
    """Entries that lie on one grid share an axis from the first to the last of either; the others have their own."""
    parts = [Fsr("a", np.arange(1000.0), **SMALL), Fsr("b", np.arange(1000.0), first_id=1600, **SMALL)]
    path = write(tmp_path / "run.jls", [Source()], parts)
    with xjls.open(path, join="outer", levels=[1]) as ds:
        assert ds.sizes["time"] == 2600
        for name in ("a", "b"):
            entries = ds[f"{name}_x16"].values
            found = entries[np.isfinite(entries).all(axis=1)]
            np.testing.assert_allclose(found, reduce_finite(np.arange(1000.0), 16), rtol=1e-6)


def test_without_a_join_every_signal_has_its_own_time(path):
    with xjls.open(path, join="none", levels=[1]) as ds:
        for name, samples in TRUTH.items():
            assert ds[name].dims == (f"time_{name}",)
            assert ds.sizes[f"time_{name}"] == samples.size
        assert ds.voltage_x16.dims == ("time_voltage_x16", "statistic")


def test_other_rates_and_sources_have_their_own_time(path):
    with xjls.open(path, levels=[1]) as ds:
        assert ds.gpi.dims == ("time_gpi",)
        assert ds.temperature.dims == ("time_temperature",)
        assert ds.gpi_x256.dims == ("time_gpi_x256", "statistic")
        assert float(ds.time_gpi.variable[1].values) == 0.0005


def test_groups_are_levels(path):
    with xjls.open(path, group="1") as ds:
        assert set(ds.data_vars) == set(TRUTH)
        assert ds.current.dims == ("time", "statistic")
        assert ds.current.attrs["samples_per_entry"] == 16
    with xjls.open(path, group="/0") as ds, xjls.open(path, levels=False) as samples:
        xr.testing.assert_identical(ds.compute(), samples.compute())
    with xjls.open(path, group="4", signals="current") as ds:
        assert ds.sizes == {"time": 1, "statistic": 4}


def test_variables_are_dropped(path):
    with xjls.open(path, drop_variables="current", levels=[1]) as ds:
        assert "current" not in ds
        assert "current_x16" not in ds
        assert "voltage" in ds
    with xjls.open(path, drop_variables=["current_x16", "gpi", "not there"], levels=[1]) as ds:
        assert {"current_x16", "gpi"}.isdisjoint(ds.variables)
        assert "current" in ds
        assert "time_gpi" not in ds.variables
    with xjls.open(path, drop_variables="time", levels=False, signals="current") as ds:
        assert "time" not in ds.variables


def test_fixed_point_becomes_physical(path):
    with xjls.open(path, signals="fine", levels=[1]) as ds:
        assert equal_values(ds.fine.values, TRUTH["fine"] / 256)
        assert "scale_factor" not in ds.fine.attrs
        np.testing.assert_allclose(ds.fine_x16.values, reduce_finite(TRUTH["fine"] / 256, 16))
    for options in ({"mask_and_scale": False}, {"decode_cf": False}):
        with xjls.open(path, signals="fine", levels=[1], **options) as ds:
            assert equal_values(ds.fine.values, TRUTH["fine"])
            assert ds.fine.attrs["scale_factor"] == ds.fine_x16.attrs["scale_factor"] == 1 / 256
            np.testing.assert_allclose(ds.fine_x16.values, reduce_finite(TRUTH["fine"], 16))


@pytest.fixture
def damaged(path, tmp_path):
    """Return a copy of the recording in which one chunk of every signal of source 1 is broken, and its sample ids."""
    data = path.read_bytes()
    lost = {}
    chunks = chunks_of(data)
    for signal_id, name in ((1, "current"), (3, "range"), (5, "fine")):
        chunk = [c for c in chunks if (c.tag, c.meta) == (0x22, signal_id)][5]
        with xjls.open_recording(path) as recording:
            block = recording.signals[name].block_length
        lost[name] = slice(5 * block, 6 * block)
        data = flip(data, chunk.payload.start + 18)
    (tmp_path / "broken.jls").write_bytes(data)
    return tmp_path / "broken.jls", lost


def test_damage_raises_or_is_marked(damaged):
    path, lost = damaged
    with xjls.open(path, levels=False, join="outer") as ds:
        for name, span in lost.items():
            with pytest.raises(xjls.LostSamplesError, match=f"{span.start}.{span.stop} of '{name}' are lost"):
                ds[name].compute()
            before = ds[name].isel(time=slice(0, span.start)).values
            assert np.isfinite(before).all()
    with xjls.open(path, levels=False, join="outer", on_damage="gap") as ds:
        assert {"range_valid", "gpi_valid"} <= set(ds.data_vars)
        assert {"current_valid", "fine_valid"}.isdisjoint(ds.data_vars)
        assert np.flatnonzero(np.isnan(ds.current)).tolist() == list(range(*lost["current"].indices(20_000)))
        assert np.flatnonzero(np.isnan(ds.fine)).tolist() == list(range(*lost["fine"].indices(20_000)))
        assert np.flatnonzero(~ds.range_valid).tolist() == list(range(*lost["range"].indices(20_000)))
        assert not ds.range.values[lost["range"]].any()
        good = np.delete(K, lost["range"])
        assert equal_values(ds.range.values[good], TRUTH["range"][good])
        assert not ds.xjls.status.complete
        assert set(ds.xjls.status.gaps) == set(lost)


def test_raw_fixed_point_is_marked_as_integers_are(damaged):
    path, lost = damaged
    with xjls.open(path, levels=False, on_damage="gap", signals="fine", mask_and_scale=False) as ds:
        assert np.flatnonzero(~ds.fine_valid).tolist() == list(range(*lost["fine"].indices(20_000)))


def test_unverified_reads_do_not_look_at_checksums(damaged):
    path, lost = damaged
    with xjls.open(path, levels=False, verify=False, join="outer") as ds:
        assert np.count_nonzero(ds.current.values != TRUTH["current"]) == 1
        assert ds.xjls.recording.verify is False
        assert lost


# ---- what stands in a Dataset --------------------------------------------------------------------------------------


def test_attributes_say_what_the_numbers_are(opened):
    assert opened.current.attrs == {
        "units": "A", "long_name": "current", "source": "js220", "vendor": "Joulescope", "model": "JS220",
        "version": "1.0", "serial_number": "000001", "sample_rate_hz": 1000, "first_sample_id": 0,
    }  # fmt: skip
    assert opened.voltage.attrs["first_sample_id"] == VOLTAGE_FIRST
    assert "vendor" not in opened.temperature.attrs
    assert opened.temperature.attrs["sample_rate_hz"] == 50
    level = opened.current_x160.attrs
    assert (level["level"], level["samples_per_entry"], level["units"]) == (2, 160, "A")
    assert opened.time.attrs == {"standard_name": "time", "long_name": "UTC", "axis": "T"}
    assert opened.time_x160.attrs["samples_per_entry"] == 160
    assert opened.attrs["format"] == "JLS v2"
    assert opened.attrs["Conventions"].startswith("CF-")
    assert "recording_status" not in opened.attrs


def test_an_unclosed_recording_says_so(tmp_path):
    path = write(tmp_path / "run.jls", [Source()], [Fsr("current", np.arange(1000), **SMALL)], closed=False)
    with xjls.open(path, levels=False) as ds:
        assert ds.attrs["recording_status"] == "not closed by its writer"
        assert not ds.xjls.status.closed


def test_preferred_chunks_are_consistent(path, tmp_path):
    with xr.open_dataset(path, engine="jls", levels=True) as ds:
        for variable in ds.variables.values():
            if isinstance(ds.xindexes.get(variable.dims[0]), TimeIndex):
                assert set(variable.encoding["preferred_chunks"]) >= {variable.dims[0]}
    truth = write_sparse(tmp_path / "sparse.jls", 10**9)
    for options in ({}, {"levels": True}, {"time": "seconds"}, {"group": "1"}):
        for source in (path, truth.path):
            with xr.open_dataset(source, engine="jls", chunks={}, **options) as ds:
                chunks = ds.chunks
                assert all(len(set(sizes[:-1])) <= 1 for sizes in chunks.values())
    with xr.open_dataset(truth.path, engine="jls", chunks={}) as ds:
        assert ds.chunks["time"][:2] == (8_192_000, 8_192_000)
        assert ds.chunks["time"] == ds.current.chunks[0]


def test_a_dataset_prints(path):
    for opener in (xjls.open, xr.open_dataset):
        with opener(path) as ds:
            text, html = repr(ds), ds._repr_html_()
            for part in ("current", "time_x160", "2026-03", "TimeIndex of 19_880 samples", "statistic"):
                assert part in text
                assert part in html
            assert "events" not in text


# ---- selecting -----------------------------------------------------------------------------------------------------

POSITIONS = [
    slice(None), slice(100, 2000), slice(5, 19_000, 7), slice(None, None, -1), slice(15_000, 20, -333), slice(50, 50),
    slice(0, None, 5000), 0, -1, 1234, [5, 3, 5, 19_879], [-1, -19_880], np.array([], int), K[:19_880] % 1000 == 3,
]  # fmt: skip


@pytest.mark.parametrize("key", POSITIONS, ids=lambda key: str(key)[:25].replace("\n", ""))
def test_positions_select_as_numpy_does(opened, key):
    for name in ("current", "range"):
        assert equal_values(opened[name].isel(time=key).values, np.asarray(TRUTH[name][COMMON][key]))
        assert equal_values(opened[name][key].values, np.asarray(TRUTH[name][COMMON][key]))
    labels = (START + (K * MS)[COMMON])[key]
    assert (opened.time.isel(time=key).values == labels).all()


@pytest.mark.parametrize("key", [slice(None), slice(3, 100, 9), slice(None, None, -2), -1, [7, 7, 1]], ids=str)
@pytest.mark.parametrize("statistic", [slice(None), 2, [3, 0], slice(None, None, -1)], ids=str)
def test_entries_select_as_numpy_does(opened, key, statistic):
    entries = opened.current_x16.values
    found = opened.current_x16.isel(time_x16=key, statistic=statistic).values
    assert equal_values(found, np.asarray(entries[key][..., statistic]))


def test_points_select_as_numpy_does(opened):
    rng = np.random.default_rng(0)
    for shape in ((7,), (3, 4), (1, 1)):
        at = rng.integers(-19_880, 19_880, shape)
        dims = ("row", "column")[: len(shape)]
        found = opened.current.isel(time=xr.DataArray(at, dims=dims))
        assert found.dims == dims
        assert equal_values(found.values, TRUTH["current"][COMMON][at])
    pairs = opened.current_x16.isel(time_x16=xr.DataArray([4, 9], dims="p"), statistic=xr.DataArray([3, 0], dims="p"))
    assert equal_values(pairs.values, opened.current_x16.values[[4, 9], [3, 0]])


@pytest.fixture(scope="module")
def lazy(path):
    with xr.open_dataset(path, engine="jls", cache=False) as ds:
        yield ds


bounds = st.none() | st.integers(-20_500, 20_500)
slices = st.builds(slice, bounds, bounds, st.integers(-3000, 3000).filter(bool))


@settings(max_examples=60, deadline=None)
@given(first=slices, second=st.builds(slice, st.integers(-50, 50), st.none(), st.integers(-9, 9).filter(bool)))
def test_any_slices_of_slices_select_as_numpy_does(lazy, first, second):
    size = lazy.sizes["time"]
    assume(not _is_misread(first, size) and not _is_misread(second, len(range(*first.indices(size)))))
    for name in ("current", "range"):
        found = lazy[name].isel(time=first).isel(time=second)
        assert equal_values(found.values, np.ascontiguousarray(TRUTH[name][COMMON][first][second]))


def _is_misread(part, size):
    """Whether xarray itself takes a slice wrongly (2026.9): backwards from before the beginning, it reads all."""
    return part.step < 0 and part.start is not None and part.start < -size


def test_times_select_samples(opened):
    part = opened.current.sel(time=slice("2026-03-01T10:00:01", "2026-03-01T10:00:02"))
    assert part.time.values[[0, -1]].tolist() == [(START + 1000 * MS).astype(int), (START + 2999 * MS).astype(int)]
    assert equal_values(part.values, TRUTH["current"][1000:3000])
    near = opened.current.sel(time=START + 5000 * MS + np.timedelta64(400, "us"), method="nearest")
    assert near.values == TRUTH["current"][5000]
    assert opened.current.sel(time="2026-03-01T10:00:05.001").values == TRUTH["current"][5001]
    with pytest.raises(KeyError, match=r"no time .* in 'time'"):
        opened.current.sel(time="2027-01-01")


def test_a_slice_takes_the_cells_that_it_touches(opened):
    """An entry is a cell: from its own label to the next one's."""
    start, stop = START + 1000 * MS, START + 1033 * MS
    part = opened.current_x16.sel(time_x16=slice(start, stop))
    assert part.time_x16.values[0] <= start < part.time_x16.values[0] + 16 * MS
    assert part.time_x16.values[-1] <= stop < part.time_x16.values[-1] + 16 * MS
    first, count = 1000 // 16, 1033 // 16 - 1000 // 16 + 1
    assert part.sizes["time_x16"] == count
    np.testing.assert_allclose(
        part.values, reduce_finite(TRUTH["current"], 16)[first : first + count], rtol=1e-6, atol=1e-6
    )


def test_levels_are_labelled_by_their_first_sample(opened):
    for factor in (16, 160, 1600):
        time = opened[f"time_x{factor}"]
        first = time.values[0]
        assert (time.values == first + np.arange(time.size) * factor * MS).all()
        at = int((first - START) / MS)
        assert at % factor == 0
        level = opened[f"current_x{factor}"]
        wanted = reduce_finite(TRUTH["current"][at:], factor)[: time.size]
        np.testing.assert_allclose(level.values, wanted, rtol=1e-6, atol=1e-6)


# ---- the tree ------------------------------------------------------------------------------------------------------


def test_a_tree_narrows_every_level_at_once(path):
    with xr.open_datatree(path, engine="jls", chunks={}, signals=["current", "range"]) as tree:
        assert tree.attrs["format"] == "JLS v2"
        assert list(tree["0"].data_vars) == ["current", "range"]
        part = tree.sel(time=slice("2026-03-01T10:00:01", "2026-03-01T10:00:04"))
        assert part["0"].sizes["time"] == 4000
        for index, factor in ((1, 16), (2, 160), (3, 1600)):
            node = part[str(index)]
            assert node.current.attrs["samples_per_entry"] == factor
            first, stop = 1000 // factor, -(-5000 // factor)
            assert node.sizes["time"] == stop - first
            wanted = reduce_finite(TRUTH["current"], factor)[first:stop]
            np.testing.assert_allclose(node.current.values, wanted, rtol=1e-6, atol=1e-6)


def test_groups_and_nodes_are_the_same(path):
    groups = xr.open_groups(path, engine="jls", chunks={})
    with xr.open_datatree(path, engine="jls", chunks={}) as tree:
        assert set(groups) == {"/", "/0", "/1", "/2", "/3", "/4"}
        for name, ds in groups.items():
            xr.testing.assert_identical(ds.compute(), tree[name].to_dataset(inherit=False).compute())
            assert ds.encoding["source"] == str(path)
    groups["/"].close()


@pytest.mark.parametrize(
    "options",
    [{"time": "seconds"}, {"join": "none"}, {"join": "outer"}, {"on_damage": "gap"}, {"drop_variables": "gpi"}],
    ids=str,
)
def test_a_tree_takes_the_options_of_a_dataset(path, options):
    with (
        xr.open_datatree(path, engine="jls", **options) as tree,
        xr.open_dataset(path, engine="jls", levels=False, **options) as ds,
    ):
        assert set(tree["0"].data_vars) == set(ds.data_vars)
        assert tree["0"].sizes == ds.sizes


# ---- the accessor --------------------------------------------------------------------------------------------------


def test_the_accessor_leads_to_the_recording(opened, path):
    recording = opened.xjls.recording
    assert recording.path == str(path)
    assert list(recording.signals) == [*TRUTH, "events"]
    assert opened.xjls.status.complete
    assert opened[["current"]].isel(time=slice(5, 9)).xjls.recording.token == recording.token


def test_the_accessor_narrows_all_axes(opened):
    part = (
        opened.xjls.sel(slice("2026-03-01T10:00:01", "2026-03-01T10:00:02")) if "time_gpi" not in opened.dims else None
    )
    with pytest.raises(xjls.SelectionError, match="not a time that seconds"):
        opened.xjls.sel(slice("2026-03-01T10:00:01", "2026-03-01T10:00:02"))
    assert part is None
    tied = opened.drop_dims([dim for dim in opened.dims if "gpi" in str(dim) or "temperature" in str(dim)])
    part = tied.xjls.sel(slice("2026-03-01T10:00:01", "2026-03-01T10:00:02"))
    assert part.sizes["time"] == 2000
    assert part.sizes["time_x16"] == 2999 // 16 - 1000 // 16 + 1
    assert part.sizes["time_x1600"] == 2


def test_the_accessor_narrows_seconds(path):
    with xjls.open(path, time="seconds", join="none", levels=[1]) as ds:
        part = ds.xjls.sel(slice(1, 2))
        assert part.sizes["time_current"] == 1001
        assert part.sizes["time_gpi"] == 2001
        assert part.sizes["time_temperature"] == 51
        assert part.sizes["time_temperature_x16"] == 100 // 16 - 50 // 16 + 1


def test_annotations_are_a_table(opened):
    notes = opened.xjls.annotations
    assert list(notes.columns) == ["time", "signal", "kind", "group", "y", "data", "sample_id"]
    assert notes.dtypes["time"] == np.dtype("M8[ns]")
    assert notes.data.tolist() == ["early", "pressed", "1a"]
    assert notes.sample_id.tolist() == [500, pd.NA, 19_000]
    assert notes.time.tolist() == [pd.Timestamp(START + i * MS) for i in (500, 3000, 19_000)]
    assert notes.signal.tolist() == ["current", "events", "current"]
    assert notes.kind.tolist() == ["text", "text", "vertical_marker"]
    assert notes.y[2] == 0.5
    part = opened.isel(time=slice(0, 1000)).xjls.annotations
    assert part.data.tolist() == ["early", "pressed"]
    assert opened[["voltage"]].xjls.annotations.data.tolist() == ["pressed"]


def test_ties_are_a_table(opened):
    ties = opened.xjls.ties
    assert list(ties.columns) == ["signal", "sample_id", "time"]
    assert ties.sample_id.tolist() == list(range(0, 21_000, 1000))
    assert (ties.time.to_numpy() == START + ties.sample_id.to_numpy(int) * MS).all()
    assert opened[["gpi"]].xjls.ties.empty


# ---- what xarray does with it --------------------------------------------------------------------------------------


def test_a_dataset_pickles_as_its_path(opened):
    part = opened.isel(time=slice(10, 5000))
    pickled = pickle.dumps(part)
    assert len(pickled) < 100_000
    with pickle.loads(pickled) as copy:
        assert copy.xjls.recording.token == opened.xjls.recording.token
        xr.testing.assert_identical(copy.load(), part.load())


def test_load_async_reads(path):
    with xr.open_dataset(path, engine="jls") as ds:
        loaded = asyncio.run(ds.isel(time=slice(5, 3000, 3)).load_async())
        assert equal_values(loaded.current.values, TRUTH["current"][COMMON][5:3000:3])
        assert equal_values(loaded.range.values, TRUTH["range"][COMMON][5:3000:3])


def test_a_remote_object_reads_the_same(path, tmp_path):
    files = fsspec.filesystem("memory")
    files.pipe("/bench/run.jls", path.read_bytes())
    try:
        with xjls.open("memory://bench/run.jls") as ds, xjls.open(path) as local:
            xr.testing.assert_identical(ds.compute(), local.compute())
            assert ds.encoding["source"] == "memory://bench/run.jls"
            with pickle.loads(pickle.dumps(ds)) as copy:
                assert equal_values(copy.current[:50].values, ds.current[:50].values)
        with xr.open_dataset("memory://bench/run.jls", levels=False) as ds:
            assert ds.sizes["time"] == 19_880
        options = {"simplecache": {"cache_storage": str(tmp_path / "cache")}}
        with xjls.open("simplecache::memory://bench/run.jls", levels=False, storage_options=options) as ds:
            assert equal_values(ds.voltage.values, TRUTH["voltage"])
        assert list((tmp_path / "cache").iterdir())
    finally:
        files.rm("/bench", recursive=True)
    with pytest.raises(FileNotFoundError):
        xjls.open("memory://bench/run.jls")


def test_a_remote_object_that_shrinks_is_named(path):
    files = fsspec.filesystem("memory")
    files.pipe("/bench/run.jls", path.read_bytes())
    try:
        with xjls.open_recording("memory://bench/run.jls") as recording:
            files.pipe("/bench/run.jls", path.read_bytes()[:100_000])
            with pytest.raises(xjls.XjlsError, match=r"asked for .* bytes, got|ends at byte"):
                recording.read("current")
    finally:
        files.rm("/bench", recursive=True)


def test_a_file_address_is_a_local_path(path):
    with xjls.open(f"file://{path}", levels=False, signals="temperature") as ds:
        assert equal_values(ds.temperature.values, TRUTH["temperature"])
        assert ds.encoding["source"] == str(path)


@pytest.mark.parametrize("chunks", [None, {}], ids=["lazy", "dask"])
def test_a_slice_goes_to_zarr(path, tmp_path, chunks):
    with xr.open_dataset(path, engine="jls", levels=False, chunks=chunks, signals=["current", "fine", "range"]) as ds:
        part = ds.isel(time=slice(1000, 3000))
        part.to_zarr(tmp_path / "part.zarr", consolidated=False)
        with xr.open_zarr(tmp_path / "part.zarr", consolidated=False) as back:
            xr.testing.assert_equal(back.load(), part.load())
            assert back.current.attrs["units"] == "A"


def test_adjacent_windows_concatenate_to_the_whole(path):
    with xjls.open(path, levels=False, signals=["current", "range"]) as ds:
        parts = [ds.isel(time=slice(a, b)) for a, b in ((0, 7), (7, 12_000), (12_000, None))]
        whole = xr.concat(parts, "time", **CONCAT)
        assert isinstance(whole.xindexes["time"], TimeIndex)
        xr.testing.assert_identical(whole.compute(), ds.compute())


def test_recordings_one_after_the_other_open_as_one(path, tmp_path):
    ties = [(0, EPOCH + 60 * SECOND), (1000, EPOCH + 61 * SECOND)]
    later = write(tmp_path / "later.jls", [Source()], [Fsr("current", np.arange(1000), ties=ties, units="A", **SMALL)])
    options = {"engine": "jls", "levels": False, "signals": "current", "chunks": {}}
    with xr.open_mfdataset([path, later], combine="nested", concat_dim="time", **options, **CONCAT) as ds:
        assert ds.sizes["time"] == 21_000
        assert ds.current.isel(time=[19_999, 20_000, 20_999]).values.tolist()[1:] == [0, 999]
        assert ds.current.sel(time="2026-03-01T10:01:00.500").values == 500
        with pytest.raises(xjls.SelectionError, match="several recordings"):
            _ = ds.assign(other=xr.open_dataset(later, **options).current.isel(time=0, drop=True)).xjls.recording


def test_levels_of_different_recordings_do_not_join(path, tmp_path):
    """Each level has its own axis, so that xarray would spread one recording's levels over the other's samples."""
    ties = [(0, EPOCH + 60 * SECOND), (1000, EPOCH + 61 * SECOND)]
    later = write(tmp_path / "later.jls", [Source()], [Fsr("current", np.arange(1000), ties=ties, units="A", **SMALL)])
    with (
        xjls.open(path, signals="current") as one,
        xjls.open(later) as two,
        pytest.raises(xjls.SelectionError, match="levels=False"),
    ):
        xr.concat([one, two], "time", **CONCAT)


def test_arithmetic_keeps_the_lazy_index(path):
    with xjls.open(path, levels=False) as ds:
        power = ds.current * ds.voltage
        assert isinstance(power.xindexes["time"], TimeIndex)
        assert equal_values(power.values, TRUTH["current"][COMMON] * TRUTH["voltage"])
        shifted = ds.current[:5000] + ds.current[3000:]
        assert shifted.sizes["time"] == 2000


# ---- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"signals": "curent"}, r"no signal 'curent' in .*run\.jls\. Signals: current, voltage, .*events\."),
        ({"signals": ["current", "events"]}, "events of .* has no samples, only annotations.*annotations"),
        ({"levels": [1, 9]}, r"no level 9 in .*Levels: 1, 2, 3, 4\."),
        ({"levels": 0}, "no level 0"),
        ({"levels": "all"}, "levels='all'.*\"auto\""),
        ({"levels": None}, "levels=None.*\"auto\""),
        ({"time": "local"}, "time='local' is no way.*\"auto\", \"utc\" or \"seconds\""),
        ({"time": "utc"}, "no UTC is known for gpi .*time=\"seconds\""),
        ({"time": "utc", "decode_times": False}, "decode_times=False contradicts"),
        ({"join": "left"}, "join='left' is no way to join.*\"inner\", \"outer\" or \"none\""),
        ({"group": "9"}, r"no group '9' .*Groups: 0, 1, 2, 3, 4\."),
        ({"group": "a/b"}, "no group 'a/b'"),
        ({"on_damage": "ignore"}, "on_damage='ignore' is no policy.*\"raise\" or \"gap\""),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_bad_arguments_are_refused(path, options, match):
    with pytest.raises(xjls.SelectionError, match=match):
        xjls.open(path, **options)


@pytest.mark.parametrize("options", [{"levels": [1]}, {"group": "1"}])
def test_who_asks_for_levels_of_a_format_without_is_told_how_to_build_them(tmp_path, options):
    path = write_picostream(tmp_path / "run.hdf5", np.arange(3000))
    with pytest.raises(xjls.SelectionError, match=r"(Levels: none|Groups: 0)\. Build those it lacks: xjls index .*run"):
        xjls.open(path, **options)
    xjls.build_levels(path)
    assert xjls.open(path, levels=[1]).sizes["time_x256"] == xjls.open(path, group="1").sizes["time"] == 11
    with pytest.raises(xjls.SelectionError, match=r"no level 2 .*Levels: 1\.$"):
        xjls.open(path, levels=[2])


def test_what_is_no_path_is_refused(path):
    for thing in (io.BytesIO(path.read_bytes()), path.read_bytes()):
        with pytest.raises(xjls.SelectionError, match=r"cannot be opened.*Give a path"):
            xr.open_dataset(thing, engine="jls")
    with pytest.raises(FileNotFoundError):
        xjls.open("/nowhere/run.jls")
    with pytest.raises(TypeError, match="unexpected keyword"):
        xr.open_dataset(path, engine="jls", sample_rate=5)


def test_the_accessor_says_what_it_cannot(opened, path):
    with pytest.raises(xjls.SelectionError, match=r"no variable of this Dataset.*open_recording"):
        _ = xr.Dataset({"a": ("x", [1])}).xjls.recording
    with pytest.raises(xjls.SelectionError, match=r"one label.*Give a slice"):
        opened.xjls.sel("2026-03-01")
    with pytest.raises(xjls.SelectionError, match=r"no time axis of a recording.*xjls\.open"):
        opened.drop_vars(list(opened.xindexes)).xjls.sel(slice(0, 1))
    with xjls.open(path, on_damage="gap") as other, pytest.raises(xjls.SelectionError, match="several recordings"):
        _ = opened[["current"]].assign(b=other.voltage).xjls.recording


def test_a_recording_says_what_there_is(path):
    with xjls.open_recording(path) as recording:
        with pytest.raises(xjls.SelectionError, match=r"no signal 'x' in .*run\.jls\. Signals: current, voltage"):
            recording.signal("x")
        with pytest.raises(xjls.SelectionError, match=r"'current' has no level 7\. Levels: 1 \(×16\), 2 \(×160\)"):
            recording.level("current", 7)
        with pytest.raises(xjls.SelectionError, match=r"'events' has no level 1\. Levels: none"):
            recording.level("events", 1)
        with pytest.raises(xjls.SelectionError, match=r"\[0, 20_001\) reaches outside .*\[0, 20_000\)"):
            recording.read("current", (0, 20_001))
        with pytest.raises(xjls.SelectionError, match=r"\[5, 4\) ends before it starts.*start <= stop"):
            recording.read("current", (5, 4))
        with pytest.raises(xjls.SelectionError, match="events"):
            recording.clock("events")
        with pytest.raises(ValueError, match=r"out is float64\[3\], needed is .*float32\[20000\].*np\.empty"):
            recording.read("current", out=np.zeros(3))
        assert "current, voltage" in repr(recording)
        assert "JLS v2" in repr(recording)


COLLIDING = [
    (("a", "a_x16"), {}),
    (("a_x16", "a"), {}),
    (("a", "a_valid"), {"on_damage": "gap", "levels": False}),
    (("time", "a"), {"levels": False}),
    (("statistic", "a"), {}),
    (("a", "time_x16"), {}),
    (("time_a", "a"), {"join": "none", "levels": False}),
]


@pytest.mark.parametrize(("names", "options"), COLLIDING, ids=lambda value: str(value)[:40])
def test_names_that_collide_are_refused(tmp_path, names, options):
    """A signal may be called as a level, a mark or an axis is: one would silently stand for the other."""
    made = [Fsr(name, np.full(200, 7 + i), dtype="i16", **SMALL) for i, name in enumerate(names)]
    path = write(tmp_path / "run.jls", [Source()], made)
    with pytest.raises(xjls.SelectionError, match=f"({names[0]}|{names[1]}).*(signals=|levels=False|drop_variables=)"):
        xjls.open(path, **options)
    with xjls.open(path, signals="a", levels=False) as ds:
        assert int(ds.a[0]) == 7 + names.index("a")


# ---- what is imported ----------------------------------------------------------------------------------------------

HEAVY = ("numba", "llvmlite", "matplotlib", "distributed", "pyjls", "IPython")


def imported(code, *names):
    """Run code in a new interpreter; return which of the modules it has imported in the end."""
    script = f"import sys, json\n{code}\nprint(json.dumps([m for m in {list(names)!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


LOOKING = {
    "recording": "r = xjls.open_recording({path!r}); repr(r), r.signals, r.annotations, r.clock('current'), r.status",
    "dataset": """
ds = xjls.open({path!r}); repr(ds), ds._repr_html_(), ds.xjls.annotations, ds.xjls.ties
repr(ds.sel(time=slice("2026-03-01T10:00:01", None)).isel(time=slice(5)).time)
import xarray as xr
for chunks in (None, dict()): repr(xr.open_dataset({path!r}, engine="jls", chunks=chunks).isel(time=5))
repr(xr.open_datatree({path!r}, engine="jls"))""",
}


@pytest.mark.parametrize("what", LOOKING)
def test_looking_imports_nothing_heavy(path, what):
    assert imported("import xjls\n" + LOOKING[what].format(path=str(path)), *HEAVY) == []


def test_importing_xjls_imports_little():
    assert imported("import xjls", "xarray", "dask", "pandas", "numpy", "fsspec") == []


def test_info_imports_no_xarray(path):
    code = f"from xjls.cli.main import main; assert main(['info', {str(path)!r}]) == 0"
    assert imported(code, "xarray", "pandas", "dask", *HEAVY) == []


def test_reading_imports_the_kernels_only(path):
    code = f"import xjls; xjls.open_recording({str(path)!r}).read('current')"
    assert imported(code, "numba", "xarray", "matplotlib") == ["numba"]


def test_the_accessor_is_there_when_xarray_is_imported_later(path):
    code = f"import xjls, xarray; ds = xarray.open_dataset({str(path)!r}, engine='jls'); assert ds.xjls.status.complete"
    assert imported(code) == []
