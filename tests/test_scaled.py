"""Integers with a scale and an offset: every answer is of the physical values, and stored ones are there on request."""

import contextlib
from dataclasses import replace

import h5py
import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.backend.provenance import origin_of
from xjls.errors import LostSamplesError
from xjls.export.table import make_table
from xjls.formats import new_recording
from xjls.query.answer import STATISTICS
from xjls.testing.picostream import LOST, write_picostream

LENGTH, RANGE_V, MAX_ADC, OFFSET_V = 30_000, 5.0, 32_767, 0.75
RATE = 1e9 / 160
K = np.arange(LENGTH)
COUNTS = (np.sin(K / 700) * 9000).astype("i2") // 16 * 16
COUNTS[7000:7300] = LOST
COUNTS[20_001] = LOST
STORED = np.where(COUNTS == LOST, np.nan, COUNTS)
VOLTS = STORED * (RANGE_V / MAX_ADC) - OFFSET_V
HOW = {"mode": "average", "ratio": 10, "range_v": RANGE_V, "max_adc": MAX_ADC, "offset_v": OFFSET_V, "block": 5000}
SPANS = [(0, LENGTH), (0, 1), (1234, 25_678), (6990, 7310), (7000, 7300), (512, 512)]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_picostream(tmp_path_factory.mktemp("scaled") / "run.hdf5", COUNTS, **HOW)


@pytest.fixture(scope="module")
def store(file, tmp_path_factory):
    """Return the same with levels."""
    with xjls.open(file) as ds:
        return ds.xjls.to_zarr(tmp_path_factory.mktemp("levels") / "run.zarr")


@pytest.fixture(params=["file", "store"])
def path(request):
    return request.getfixturevalue(request.param)


def told(values, ddof=0):
    """Return what NumPy says: count, mean, std, min, max, integral."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return [0, *[np.nan] * 4, 0]
    std = finite.std(ddof=ddof) if finite.size > ddof else np.nan
    return [finite.size, finite.mean(), std, finite.min(), finite.max(), finite.sum() / RATE]


def close(found, values, ddof=0):
    """Whether numbers are those of the values; levels in float32 keep seven digits of stored ones."""
    size = np.nanmax(np.abs(values), initial=1)
    np.testing.assert_allclose(found, told(values, ddof), rtol=1e-6, atol=1e-7 * size)


# ---- recordings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("span", SPANS)
def test_statistics_are_physical(path, span, ddof):
    with xjls.open_recording(path) as recording:
        for ask in (recording.statistics, recording.read_statistics):
            found = ask("channel_a", span, ddof=ddof)
            close([getattr(found, name) for name in STATISTICS], VOLTS[slice(*span)], ddof)
            assert found.lost == np.count_nonzero(COUNTS[slice(*span)] == LOST)
            assert found.units == "V"
            stored = found.as_stored()
            close([getattr(stored, name) for name in STATISTICS], STORED[slice(*span)], ddof)
            assert stored.as_stored() == stored
            assert (stored == found) is False
            row = found.row
            assert (row[0], row[1]) == (found.count, found.lost)
            np.testing.assert_array_equal(row[[2, 4, 5]], [found.mean, found.min, found.max])
            if found.count:
                np.testing.assert_allclose(np.sqrt(row[3] / found.count), told(VOLTS[slice(*span)])[2], atol=1e-6)


def test_columns_are_physical(path):
    edges = np.array([0, 10, 6999, 7000, 7300, 25_000, 25_000, LENGTH])
    with xjls.open_recording(path) as recording:
        for found in (recording.columns_between("channel_a", edges), recording.columns("channel_a", None, 13)):
            for which, values in ((found, VOLTS), (found.as_stored(), STORED)):
                table = np.stack([getattr(which, name) for name in STATISTICS], axis=1)
                for row, one, start, stop in zip(table, which, which.edges[:-1], which.edges[1:], strict=True):
                    close(row, values[start:stop])
                    np.testing.assert_array_equal(row, [getattr(one, name) for name in STATISTICS])
        snapped = recording.columns("channel_a", None, 7, ddof=1, snap=True)
        assert (snapped.as_stored().snapped, snapped.as_stored().ddof) == (True, 1)


def test_tables_are_physical(path):
    with xjls.open_recording(path) as recording:
        table = make_table(recording, ["channel_a"], (6990, 7010), time="id")
        (column,) = table.values
        assert column.dtype == np.float64
        (cells,) = [column.read(span) for span in table.iter_spans()]
        np.testing.assert_array_equal(np.where(cells.missing, np.nan, cells.values), VOLTS[6990:7010])
        summary = make_table(recording, ["channel_a"], columns=1, statistics=["min", "integral"])
        (span,) = summary.iter_spans()
        least, integral = (float(column.read(span).values[0]) for column in summary.values)
        np.testing.assert_allclose([least, integral], [told(VOLTS)[3], told(VOLTS)[5]], rtol=1e-6)


# ---- Datasets ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(path, chunks, **how):
    with xr.open_dataset(path, engine="jls", **how) as ds:
        yield ds if chunks is None else ds.chunk(time=chunks)


@pytest.fixture(params=["dask", "lazy"])
def chunks(request):
    return {"dask": 4096, "lazy": None}[request.param]


@pytest.mark.parametrize("on_damage", ["raise", "gap"])
def test_values_are_physical(path, chunks, on_damage):
    """Samples that nobody delivered are NaN, whatever becomes of damage."""
    with opened(path, chunks, on_damage=on_damage) as ds:
        assert ds.channel_a.dtype == np.float64
        for key in (slice(None), slice(6990, 7310), slice(None, None, -997), [20_000, 20_001, 3], 7100, slice(3, 3)):
            np.testing.assert_array_equal(ds.channel_a.isel(time=key).values, VOLTS[key])
        assert "channel_a_valid" not in ds


def test_levels_are_physical(store, chunks):
    """Means and extremes move with the offset, deviations do not."""
    with opened(store, chunks, levels=True) as ds:
        levels = [name for name in ds.data_vars if "_x" in name]
        assert len(levels) > 1
        for name in levels:
            factor = ds[name].attrs["samples_per_entry"]
            assert ds[name].dtype == np.float64
            for i in (0, ds[name].shape[0] - 1):
                close_entry(ds[name].values[i], VOLTS[i * factor : (i + 1) * factor])
                close_entry(ds[name].isel({ds[name].dims[0]: i}).values, VOLTS[i * factor : (i + 1) * factor])
        with opened(store, chunks, group="1") as level:
            np.testing.assert_array_equal(level.channel_a.values, ds[levels[0]].values)
        assert np.array_equal(ds[levels[0]].sel(statistic="std"), ds[levels[0]].values[:, 1], equal_nan=True)


def close_entry(entry, values):
    np.testing.assert_allclose(entry, told(values)[1:5], rtol=1e-6, atol=1e-6)


def asked(ds):
    """Return the ways to the same values: the recording's own, and some that must be read."""
    return {"own": ds, "derived": ds * 1, "loaded": ds.compute()}


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("span", SPANS)
def test_questions_are_answered_alike(path, chunks, span, scaled):
    """By levels and by values, of physical values and of stored ones."""
    truth = (VOLTS if scaled else STORED)[slice(*span)]
    with opened(path, chunks, levels=False, mask_and_scale=scaled) as whole, xr.set_options(keep_attrs=True):
        ds = whole.isel(time=slice(*span))
        assert origin_of(ds.channel_a.variable).is_stored is not scaled
        for how, shown in asked(ds).items():
            found = shown.xjls.statistics().channel_a
            close(found.values, truth)
            missing = np.count_nonzero(np.isnan(truth))
            assert found.attrs["nan"] + found.attrs["lost"] == missing, how
            assert {"scale_factor", "add_offset", "_FillValue"}.isdisjoint(found.attrs)
            reduced = shown.xjls.reduce(["count", "mean", "std", "min", "max"]).channel_a
            close([*reduced.values, found[5]], truth)
            assert {"scale_factor", "add_offset", "_FillValue"}.isdisjoint(reduced.attrs)
            np.testing.assert_allclose(shown.xjls.integrate().channel_a, told(truth)[5], rtol=1e-6, atol=1e-12)
            if span[0] < span[1]:
                table = shown.xjls.columns(3)
                parts = np.split(truth, np.cumsum(table.samples_time.values)[:-1])
                for row, part in zip(table.channel_a.values, parts, strict=True):
                    close(row, part)


def test_distributions_are_physical(path, chunks):
    with opened(path, chunks, levels=False) as ds, xr.set_options(keep_attrs=True):
        finite = VOLTS[np.isfinite(VOLTS)]
        counts, edges = np.histogram(finite, 40)
        for shown in (ds, ds * 1):
            found = shown.xjls.histogram(40)
            np.testing.assert_allclose(found.channel_a_bin_left, edges[:-1], atol=1e-6)
            assert abs(found.channel_a.values - counts).sum() <= 4  # values at an edge
            assert found.channel_a_bin.attrs["units"] == "V"
        power = ds.isel(time=slice(7300, 15_492)).xjls.spectrum(segment_length=4096).channel_a
        plain = xr.DataArray(VOLTS[7300:15_492], {"time": np.arange(8192) / RATE}, ["time"], name="v")
        expected = plain.to_dataset().xjls.spectrum(segment_length=4096).v
        np.testing.assert_allclose(power.values, expected.values, rtol=1e-6, atol=1e-20)


def test_stored_values_carry_what_makes_them_physical(path, chunks):
    """As CF has it: decoding makes the physical values; dtype and numbers are the file's."""
    with opened(path, chunks, mask_and_scale=False) as ds, opened(path, chunks) as physical:
        assert ds.channel_a.dtype == np.int16
        values = ds.channel_a.values
        assert np.array_equal(values[COUNTS != LOST], COUNTS[COUNTS != LOST])
        assert np.array_equal(ds.channel_a_valid.values, COUNTS != LOST)
        attrs = ds.channel_a.attrs
        assert attrs["scale_factor"] == RANGE_V / MAX_ADC
        assert attrs["add_offset"] == -OFFSET_V
        assert (attrs["_FillValue"], attrs["_FillValue"].dtype) == (LOST, np.int16)
        assert {"scale_factor", "add_offset", "_FillValue"}.isdisjoint(physical.channel_a.attrs)
        decoded = xr.decode_cf(ds).channel_a.values
        known = COUNTS != LOST
        np.testing.assert_allclose(decoded[known], VOLTS[known], rtol=1e-6)


def test_a_files_markers_are_decoded(file):
    with xjls.open(file, mask_and_scale=False) as ds:
        assert np.array_equal(ds.channel_a.values, COUNTS)
        np.testing.assert_allclose(xr.decode_cf(ds).channel_a.values, VOLTS, rtol=1e-12)


def test_entries_of_stored_values_are_no_prey_of_cf(store):
    """CF would move deviations with an offset; so entries do not say that they can be decoded."""
    with xjls.open(store, mask_and_scale=False, levels=True) as ds:
        for name in [name for name in ds.data_vars if "_x" in name]:
            factor, attrs = ds[name].attrs["samples_per_entry"], ds[name].attrs
            close_entry(ds[name].values[0], STORED[:factor])
            assert (attrs["units"], attrs["physical_units"], "scale_factor" in attrs) == ("count", "V", False)
            assert {"scale_factor", "add_offset", "_FillValue"}.isdisjoint(attrs)
            assert np.array_equal(xr.decode_cf(ds)[name].values, ds[name].values, equal_nan=True)


def test_facts_of_the_file_are_attributes(tmp_path):
    """But for those whose names mean something else."""
    extra = {"operator": "me", "units": "furlong", "scale_factor": 3.0, "level": 9, "trial": 7, "good": True}
    path = write_picostream(tmp_path / "x.hdf5", COUNTS[:100], extra=extra, **HOW)
    with xjls.open(path) as ds:
        attrs = ds.channel_a.attrs
        assert (attrs["operator"], attrs["trial"], attrs["good"], attrs["units"]) == ("me", 7, 1, "V")
        assert (attrs["voltage_range_v"], attrs["resolution"]) == (RANGE_V, "PS5000A_DR_12BIT")
        assert {"scale_factor", "level"}.isdisjoint(attrs)
        assert ds.xjls.recording.signal("channel_a").facts["level"] == 9


@pytest.mark.parametrize(("options", "factor", "sign"), [({"units": "mV"}, 1000, -1), ({"offset_sign": "add"}, 1, 1)])
def test_options_of_the_format(file, options, factor, sign):
    with xjls.open(file, format_options=options) as ds:
        expected = (STORED * (RANGE_V / MAX_ADC) + sign * OFFSET_V) * factor
        np.testing.assert_allclose(ds.channel_a.values, expected, rtol=1e-12)
        np.testing.assert_allclose(ds.xjls.statistics().channel_a[1], np.nanmean(expected), rtol=1e-9)
        assert ds.channel_a.attrs["units"] == options.get("units", "V")


# ---- damage beside markers -----------------------------------------------------------------------------------------


@pytest.fixture
def holed(tmp_path):
    """Return a file of which a chunk was never written, beside samples that the driver marked."""
    path = write_picostream(tmp_path / "holed.hdf5", COUNTS[:10_000], **HOW)
    with h5py.File(path, "r+") as file:
        file["adc_counts"].resize((20_000,))
        file["adc_counts"][15_000:] = COUNTS[15_000:20_000]
    return path


def test_what_was_lost_raises_and_what_was_marked_does_not(holed, chunks):
    with opened(holed, chunks) as ds:
        np.testing.assert_array_equal(ds.channel_a[6990:7310].values, VOLTS[6990:7310])
        for span in (slice(9990, 10_010), slice(0, None)):
            with pytest.raises(LostSamplesError, match=r"samples 1\d_\d{3}.1\d_\d{3} of 'channel_a'"):
                ds.channel_a[span].values  # noqa: B018 - reading is what raises
    expected = VOLTS[:20_000].copy()
    expected[10_000:15_000] = np.nan
    with opened(holed, chunks, on_damage="gap") as ds:
        np.testing.assert_array_equal(ds.channel_a.values, expected)
        close(ds.xjls.statistics().channel_a.values, expected)
        close([*ds.xjls.reduce().channel_a.values[:5], told(expected)[5]], expected)


# ---- out again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("span", [(0, LENGTH), (6500, 25_000)])
def test_what_goes_out_is_what_came_in(path, chunks, tmp_path, span, scaled):
    """Counts to the bit, with what they mean; what nobody delivered stays a gap with its reason."""
    with opened(path, chunks, mask_and_scale=scaled, levels=False) as ds:
        made = ds.isel(time=slice(*span)).xjls.to_zarr(tmp_path / "x.zarr")
        old, counts = ds.xjls.recording.signal("channel_a"), COUNTS[slice(*span)]
        reasons = {gap.reason for gap in ds.xjls.recording.read_with_gaps("channel_a")[1]}
    with xjls.open_recording(made) as recording:
        new = recording.signal("channel_a")
        for fact in ("dtype", "stored_type", "units", "rate_hz", "scale_factor", "add_offset", "missing_value",
                     "origin_id", "bound", "facts"):  # fmt: skip
            assert getattr(new, fact) == getattr(old, fact), fact
        assert (new.window.start, new.window.stop) == span
        stored, valid = recording.read("channel_a"), recording.read_valid("channel_a")
        assert np.array_equal(valid, counts != LOST)
        assert np.array_equal(stored[valid], counts[valid])
        assert {gap.reason for gap in recording.skipped("channel_a")} == reasons
        assert all(gap.skipped for gap in recording.skipped("channel_a"))
        assert len(reasons) == 1


def test_what_is_derived_is_stored_as_it_is(file, tmp_path):
    """Beside the recording's own variable, with its sample ids; no scale is left that would apply twice."""
    with xjls.open(file) as ds, xr.set_options(keep_attrs=True):
        both = ds.assign(twice=ds.channel_a * 2).isel(time=slice(100, 9000))
        made = both.xjls.to_zarr(tmp_path / "x.zarr")
    with xjls.open_recording(made) as recording:
        twice = recording.signal("twice")
        assert (twice.stored_type, twice.is_scaled, twice.missing_value, twice.first_id) == ("f64", False, None, 100)
        np.testing.assert_array_equal(recording.read("twice"), VOLTS[100:9000] * 2)


def test_a_scale_without_an_offset_and_an_offset_without_a_scale(tmp_path):
    """Each for itself makes other numbers of the stored ones."""
    with xjls.open_recording(write_picostream(tmp_path / "x.hdf5", COUNTS, **HOW)) as recording:
        plain = replace(recording.signal("channel_a"), facts={}, missing_value=None)
        values = np.where(COUNTS == LOST, 0, COUNTS)
        for i, (factor, offset) in enumerate(((0.5, 0.0), (1.0, 2.5), (1.0, 0.0))):
            signal = replace(plain, scale_factor=factor, add_offset=offset)
            with new_recording(tmp_path / f"{i}.zarr") as sink:
                sink.add_source(signal.source)
                sink.add_signal(signal)
                sink.write("channel_a", 0, values)
            with xjls.open(tmp_path / f"{i}.zarr", levels=True) as ds:
                assert ds.channel_a.dtype == (np.float64 if signal.is_scaled else np.int16)
                np.testing.assert_array_equal(ds.channel_a.values, values * factor + offset)
                close(ds.xjls.statistics().channel_a.values, values * factor + offset)
                level = next(name for name in ds.data_vars if "_x" in name)
                size = ds[level].attrs["samples_per_entry"]
                close_entry(ds[level].values[2], (values * factor + offset)[2 * size : 3 * size])
                with xjls.open(tmp_path / f"{i}.zarr", mask_and_scale=False) as raw:
                    there = {key for key in ("scale_factor", "add_offset", "_FillValue") if key in raw.channel_a.attrs}
                    wanted = {"scale_factor"} if factor != 1 else {"scale_factor", "add_offset"} if offset else set()
                    assert there == wanted
