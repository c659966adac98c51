"""JLS v1 through xarray: every way in and out shows the samples that the fixtures' own formulas find in the words."""

import datetime as dt
import pickle

import fsspec
import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.testing.jls1 import Definition, Floats, Sizes, encode, ranges_of, truth_of, words_of, write_jls1
from xjls.testing.laws import equal_values

SIZES = Sizes(20, 4, 3)
LENGTH = 2117
MISSING = ((0, 5), (333, 360), (1201, 1202))
RAW = Definition(
    words=words_of(ranges_of(LENGTH), seed=3, missing=MISSING), sizes=SIZES, v_ranges=(0, 1), user_data={"board": "B7"}
)
TRUTH = truth_of(RAW)
INTEGERS = ("current_range", "gpi0", "gpi1")
START = np.datetime64("2021-03-04T05:06:07", "ns")


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    return str(write_jls1(tmp_path_factory.mktemp("jls1") / "20210304_050607.jls", RAW))


def shows(dataset, truth=TRUTH, window=slice(None)):
    """Hold a Dataset to the truth about a part of a recording."""
    for name, wanted in truth.signals.items():
        there = ~truth.not_delivered(name)[window]
        found = dataset[name].values
        assert found.dtype == wanted.dtype
        # An input that nobody delivered is 0; a range is 8 here, and what its store fills with elsewhere
        kept = slice(None) if name.startswith("gpi") else there
        assert equal_values(found[kept], wanted[window][kept]), name
        if name in INTEGERS:
            assert np.array_equal(dataset[f"{name}_valid"].values, there), name


@pytest.mark.parametrize("chunks", [None, {}], ids=["lazy", "dask"])
@pytest.mark.parametrize("on_damage", ["raise", "gap"])
def test_datasets_show_the_samples(old, chunks, on_damage):
    with xr.open_dataset(old, engine="jls", chunks=chunks, on_damage=on_damage) as dataset:
        shows(dataset)
        shows(dataset.isel(time=slice(300, 400)), window=slice(300, 400))
        assert dataset.attrs["format"] == "JLS v1"
        assert dataset.current.attrs["suppression"] == "interp_1_n_1"
        assert dataset.time[-1] == (LENGTH - 1) / 2e6
    with xr.open_dataset(old) as guessed:
        assert dict(guessed.sizes) == dict(dataset.sizes)


def test_what_was_not_delivered_shows_beside_a_signal_that_is_opened_alone(old):
    """Nothing tells of gaps before samples are read, and an input has no value for them."""
    with xjls.open(old, signals="gpi0", levels=False) as dataset:
        assert np.flatnonzero(~dataset.gpi0_valid.values).tolist() == [i for lo, hi in MISSING for i in range(lo, hi)]


@pytest.mark.parametrize("suppressed", ["off", "mean", "nan", "interp", "mean_2_m_3"])
def test_options_reach_the_samples_and_the_graph(old, suppressed):
    options = {"suppress": suppressed}
    with xjls.open(old, format_options=options) as dataset, xjls.open(old) as other:
        full = {"mean": "mean_1_n_1", "nan": "nan_0_n_0", "interp": "interp_1_n_1"}.get(suppressed, suppressed)
        shows(dataset, truth_of(RAW, suppressed=full))
        assert dataset.current.data.name != other.current.data.name
        again = pickle.loads(pickle.dumps(dataset))
        shows(again, truth_of(RAW, suppressed=full))


@pytest.mark.parametrize(
    "start",
    ["name", "2021-03-04T05:06:07", "2021-03-04T06:06:07+01:00", START, dt.datetime(2021, 3, 4, 5, 6, 7)],  # noqa: DTZ001 - UTC
    ids=str,
)
def test_labels_are_utc_where_the_start_is_known(old, start):
    with xjls.open(old, format_options={"start": start}) as dataset:
        assert np.array_equal(dataset.time.values, START + 500 * np.arange(LENGTH).astype("m8[ns]"))
        part = dataset.sel(time=slice("2021-03-04T05:06:07.000100000", "2021-03-04T05:06:07.000200000"))
        shows(part, window=slice(200, 401))


def test_levels_are_coarsened_coordinates(old):
    voltage = TRUTH.signals["voltage"].astype(np.float64)
    with xjls.open(old, levels=True) as dataset, xr.open_datatree(old, engine="jls", chunks={}) as tree:
        for number, factor in enumerate((20, 400), 1):
            level = dataset[f"voltage_x{factor}"]
            rows = voltage[: LENGTH // factor * factor].reshape(-1, factor)
            filled = np.isfinite(rows).any(axis=1)
            assert np.isnan(level.values[~filled]).all()
            for statistic, reduce in (("mean", np.nanmean), ("std", np.nanstd), ("min", np.nanmin), ("max", np.nanmax)):
                found = level.sel(statistic=statistic).values[filled]
                np.testing.assert_allclose(found, reduce(rows[filled], axis=1), rtol=1e-6, atol=1e-9)
            assert np.array_equal(dataset[f"time_x{factor}"], np.arange(len(rows)) * factor / 2e6)
            assert equal_values(tree[str(number)].voltage.values, level.values)
        assert tree.sel(time=slice(1e-4, 2e-4))["1"].sizes["time"] == 11


def test_statistics_are_numpys(old):
    with xjls.open(old, levels=False) as dataset:
        for window in (slice(None), slice(330, 1999)):
            part = dataset.isel(time=window)
            found = part.xjls.statistics()
            for name, wanted in TRUTH.signals.items():
                values = wanted[window][~TRUTH.not_delivered(name)[window]].astype(np.float64)
                values = values[~np.isnan(values)]
                one = found[name]
                assert one.sel(statistic="count") == values.size
                for statistic in ("mean", "std", "min", "max"):
                    expected = getattr(np, statistic)(values)
                    assert float(one.sel(statistic=statistic)) == pytest.approx(expected, rel=1e-6, abs=1e-12), name
            charge = np.nansum(TRUTH.signals["current"][window].astype(np.float64)) / 2e6
            assert float(part.xjls.integrate()["current"]) == pytest.approx(charge, rel=1e-6)
        counted = dataset[["voltage"]].xjls.histogram(bins=20).voltage
        assert int(counted.sum()) == np.isfinite(TRUTH.signals["voltage"]).sum()
        assert dataset.xjls.columns(50).voltage.sizes["time"] == 50


@pytest.mark.parametrize("way", ["to_jls", "to_zarr", "plain zarr"])
def test_written_datasets_show_the_same(old, way, tmp_path):
    with xjls.open(old, levels=False, format_options={"start": "name"}) as dataset:
        if way == "plain zarr":
            dataset.to_zarr(tmp_path / "new.zarr", consolidated=False)
            with xr.open_zarr(tmp_path / "new.zarr", consolidated=False) as new:
                shows(new)
                assert np.array_equal(new.time, dataset.time)
            return
        path = getattr(dataset.xjls, way)(tmp_path / "new")
    with xjls.open(path, levels=False) as new:
        shows(new)
        assert new.time[0].values == START
        assert [record.meta for record in new.xjls.recording.user_data] == [0, 2]


def test_objects_elsewhere_are_read_in_ranges(old):
    fsspec.filesystem("memory").pipe("/jls1/old.jls", encode(RAW))
    try:
        with xr.open_dataset("memory://jls1/old.jls", engine="jls", chunks={}) as dataset:
            shows(dataset)
        with xjls.open_recording("memory://jls1/old.jls") as recording, xjls.open_recording(old) as local:
            assert recording.statistics("power") == local.statistics("power")
    finally:
        fsspec.filesystem("memory").rm("/jls1", recursive=True)


def test_reprs_and_views(old):
    with xjls.open(old, format_options={"start": "name"}) as dataset:
        page = dataset.xjls._repr_html_()
        assert "JLS v1" in page
        assert "current_range" in page
        assert "JLS v1" in repr(dataset.xjls.recording)
        explorer = dataset.xjls.explore()
        try:
            assert "current" in str(explorer.get_state())
        finally:
            explorer.close()


def test_recordings_are_replayed(old, tmp_path):
    outcome = xjls.capture(f"replay:{old}?speed=max", tmp_path / "again.jls", progress=False)
    with xjls.open_recording(tmp_path / "again.jls") as again:
        assert [(gap.window.start, gap.window.stop) for gap in again.skipped("gpi0")] == list(MISSING)
    assert "the recording ends" in str(outcome)
    with xjls.open(tmp_path / "again.jls", levels=False) as dataset:
        shows(dataset)


def test_downsampled_recordings_open_too(tmp_path):
    rng = np.random.default_rng(1)
    kept = {name: rng.random(500, "f4") for name in ("current", "voltage", "power")}
    whole = {name: rng.integers(0, 2, 500).astype("f4") for name in ("current_range", "gpi0", "gpi1")}
    kept["current"][17:20] = np.nan
    for producer, lost in (("c", set()), ("b", {"current_range"})):
        definition = Definition(floats=Floats(**kept, **whole, producer=producer), sizes=SIZES, rate_hz=1000)
        path = tmp_path / f"{producer}.jls"
        path.write_bytes(encode(definition))
        with xjls.open(path, levels=False) as dataset:
            assert set(kept | whole) - set(dataset.data_vars) == lost
            for name, wanted in truth_of(definition).signals.items():
                assert equal_values(dataset[name].values, wanted)
            assert any("current_range" in note for note in dataset.xjls.status.notes) == bool(lost)
