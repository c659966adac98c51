"""The two extremes of one quantity: one variable with a dimension ``bound``, for which every question is answered."""

import contextlib
import csv
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.backend import answers
from xjls.backend.arrays import BoundsArray, SignalArray
from xjls.backend.plotting import traces_of as dataset_traces
from xjls.backend.provenance import origin_of, slice_of
from xjls.backend.sampled import sampled
from xjls.errors import SelectionError
from xjls.export.csv import write_csv
from xjls.export.table import make_table
from xjls.formats import new_recording
from xjls.model.annotation import Annotation, Tie
from xjls.model.bounds import paired, quantities
from xjls.model.signal import Signal, Source
from xjls.model.window import Window
from xjls.plot.traces import traces_of
from xjls.testing.picostream import LOST, write_picostream

LENGTH, RATE = 20_000, 1e9 / 160
K = np.arange(LENGTH)
LOW = (np.sin(K / 500) * 8000 - K % 7).astype("i2")
HIGH = LOW + (1000 + K % 13).astype("i2")
COUNTS = np.stack([LOW, HIGH], axis=1)
COUNTS[9000:9100] = LOST
COUNTS[15_000, 1] = LOST
VOLTS = np.where(COUNTS == LOST, np.nan, COUNTS) * (2 / 32_767) + 0.25
HOW = {"mode": "aggregate", "ratio": 10, "offset_v": -0.25, "block": 4000}
BOUNDS = ("min", "max")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_picostream(tmp_path_factory.mktemp("bounds") / "run.hdf5", COUNTS.ravel(), **HOW)


@pytest.fixture(scope="module")
def store(file, tmp_path_factory):
    """Return the same with levels."""
    with xjls.open(file) as ds:
        return ds.xjls.to_zarr(tmp_path_factory.mktemp("levels") / "run.zarr")


@pytest.fixture(params=["file", "store"])
def path(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["dask", "lazy", "cut"])
def opened(request):
    """Return how to open: chunks as the file is cut, none, or many."""

    @contextlib.contextmanager
    def opened(path, **how):
        with xr.open_dataset(path, engine="jls", chunks={} if request.param == "dask" else None, **how) as ds:
            yield ds.chunk(time=3000) if request.param == "cut" else ds

    return opened


def told(values):
    finite = values[np.isfinite(values)]
    return [finite.size, finite.mean(), finite.std(), finite.min(), finite.max(), finite.sum() / RATE]


def each(values):
    """Return what NumPy says of each bound."""
    return [told(column) for column in values.T]


# ---- what stands in a Dataset --------------------------------------------------------------------------------------


def test_two_extremes_are_one_variable(file):
    with xjls.open(file) as ds:
        assert set(ds.variables) == {"channel_a", "bound", "time"}
        assert ds.channel_a.dims == ("time", "bound")
        assert ds.bound.values.tolist() == list(BOUNDS)
        assert ds.channel_a.chunks == ((LENGTH,), (2,))
        assert ds.channel_a.dtype == np.float64
        attrs = ds.channel_a.attrs
        assert (attrs["long_name"], attrs["units"], attrs["downsample_mode"]) == ("channel_a", "V", "aggregate")
        assert "(time: 20000, bound: 2)" in repr(ds.channel_a)
        assert "channel_a  (time, bound) float64" in repr(ds)
        ds.xjls.status  # noqa: B018 - the recording is known


def test_levels_have_bounds_too(store):
    with xjls.open(store, levels=True) as ds, xr.open_datatree(store, engine="jls") as tree:
        levels = [name for name in ds.data_vars if name != "channel_a"]
        assert levels
        for index, name in enumerate(levels, 1):
            factor = ds[name].attrs["samples_per_entry"]
            dim = f"time_x{factor}"
            assert (name, ds[name].dims) == (f"channel_a_x{factor}", (dim, "bound", "statistic"))
            assert ds[name].data.chunksize[1:] == (2, 4)
            entries = ds[name].values
            np.testing.assert_allclose(entries[0], [row[1:5] for row in each(VOLTS[:factor])], rtol=1e-6, atol=1e-7)
            np.testing.assert_array_equal(ds[name].sel(bound="max", statistic="std").values, entries[:, 1, 1])
            np.testing.assert_array_equal(ds[name].isel(statistic=[3, 0], bound=[1]).values, entries[:, 1:, [3, 0]])
            np.testing.assert_array_equal(ds[name].isel({dim: -1}).values, entries[-1])
            assert tree[str(index)].channel_a.dims == ("time", "bound", "statistic")
            np.testing.assert_array_equal(tree[str(index)].channel_a.values, entries)
            with xjls.open(store, group=str(index)) as level:
                np.testing.assert_array_equal(level.channel_a.values, entries)
        assert tree["0"].channel_a.dims == ("time", "bound")


def test_they_are_chosen_by_the_name_of_the_quantity_or_their_own(path):
    """Named for itself, a bound stands for itself."""

    def shown(**how):
        with xjls.open(path, levels=False, **how) as ds:
            return {str(name): variable.dims for name, variable in ds.data_vars.items()}

    whole, low, high = ({"channel_a": ("time", "bound")}, *({f"channel_a_{bound}": ("time",)} for bound in BOUNDS))
    assert shown(signals="channel_a") == shown(signals=["channel_a"], join="outer") == whole
    assert shown(signals="channel_a_min") == shown(drop_variables="channel_a_max") == low
    assert shown(signals=["channel_a_min", "channel_a_max"]) == low | high
    assert shown(signals=["channel_a", "channel_a_max"]) == whole | high
    assert shown(drop_variables="channel_a") == shown(signals="channel_a", drop_variables="channel_a") == {}
    assert shown(join="none") == {"channel_a": ("time_channel_a", "bound")}
    with pytest.raises(
        SelectionError, match=r"no signal 'channel_b' in .*Signals: channel_a, channel_a_min, channel_a_max"
    ):
        xjls.open(path, signals="channel_b")
    with xjls.open(path, signals="channel_a_max", group="0") as ds:
        np.testing.assert_array_equal(ds.channel_a_max.values, VOLTS[:, 1])


KEYS = {
    "all": {},
    "slice": {"time": slice(8990, 9110)},
    "backwards": {"time": slice(None, None, -333)},
    "places": {"time": [15_000, 3, 9050], "bound": [1, 0]},
    "one time": {"time": 15_000},
    "one value": {"time": 15_000, "bound": 1},
    "one bound": {"bound": 0},
    "the last bound": {"bound": -1, "time": slice(14_998, 15_002)},
    "some bounds": {"bound": slice(1, 2)},
    "no bound": {"bound": []},
    "no time": {"time": slice(5, 5)},
}


@pytest.mark.parametrize("key", KEYS)
def test_any_part_is_read(path, opened, key):
    index = KEYS[key]
    with opened(path) as ds:
        expected = xr.DataArray(VOLTS, dims=["time", "bound"]).isel(index)
        found = ds.channel_a.isel(index)
        assert found.dims == expected.dims
        np.testing.assert_array_equal(found.values, expected.values)
        pointwise = {"time": xr.DataArray([5, 9000, 15_000], dims="p"), "bound": xr.DataArray([0, 1, 1], dims="p")}
        np.testing.assert_array_equal(ds.channel_a.isel(pointwise).values, VOLTS[[5, 9000, 15_000], [0, 1, 1]])


def test_stored_values_are_marked(file, opened):
    with opened(file, mask_and_scale=False) as ds:
        assert np.array_equal(ds.channel_a.values, COUNTS)
        assert ds.channel_a_valid.dims == ("time", "bound")
        assert np.array_equal(ds.channel_a_valid.values, COUNTS != LOST)
        np.testing.assert_allclose(xr.decode_cf(ds).channel_a.values, VOLTS, rtol=1e-12)
        with xr.set_options(keep_attrs=True):
            for shown in (ds, ds * 1, ds.compute()):
                found = shown.xjls.statistics().channel_a
                assert found.sel(statistic="count").values.tolist() == [19_900, 19_899]
                assert found.attrs["lost"] == [100, 101]


def test_answers_about_stored_values_have_no_units(file, tmp_path):
    """The units are those of physical values: 13 104 counts are no volts. What goes out keeps them, with the scale."""
    with xjls.open(file, mask_and_scale=False) as ds:
        assert ds.channel_a.attrs["units"] == "V"
        assert ds.xjls.statistics().channel_a.attrs["units"] == ""
        assert ds.xjls.integrate().channel_a.attrs["units"] == "s"
        assert "units" not in ds.xjls.reduce().channel_a.attrs
        assert "units" not in ds.xjls.histogram(bins=8).channel_a_bin.attrs
        assert "V" not in ds.isel(time=slice(0, 9000)).xjls.plot().axes[0].get_ylabel()
        store = ds.xjls.to_zarr(tmp_path / "out.zarr")
    assert xjls.open_recording(store).signal("channel_a_min").units == "V"


def test_who_asks_for_one_bound_reads_no_other(file):
    with xjls.open_recording(file) as recording:
        low, high = (SignalArray(recording, f"channel_a_{bound}", Window(0, LENGTH)) for bound in BOUNDS)
        array = BoundsArray([low, high])
        array.members = (None, high)
        np.testing.assert_array_equal(array._get((slice(10, 20), 1)), VOLTS[10:20, 1])
        with pytest.raises(AttributeError):
            array._get((slice(10, 20), slice(None)))


# ---- questions -----------------------------------------------------------------------------------------------------

PARTS = {
    "sel": lambda v: v.sel(bound="min"),
    "sel, then slice": lambda v: v.sel(bound="min").isel(time=slice(30, 5000)),
    "slice, then sel": lambda v: v.isel(time=slice(30, 5000)).sel(bound="min"),
    "sliced twice": lambda v: v.isel(time=slice(10, None)).sel(bound="min").isel(time=slice(20, 4990)),
}
OTHERS = {
    "both": lambda v: v,
    "derived": lambda v: v.sel(bound="min") * 1,
    "strided": lambda v: v.sel(bound="min").isel(time=slice(None, None, 2)),
    "turned": lambda v: v.sel(bound="min").isel(time=slice(None, None, -1)),
    "one after the other": lambda v: xr.concat([v.sel(bound=b, drop=True) for b in BOUNDS], "time", join="override"),
    "a list of one": lambda v: v.sel(bound=["min"]),
    "the mean": lambda v: v.mean("bound"),
}


@pytest.mark.parametrize("part", PARTS)
def test_one_bound_is_still_the_recordings_own(path, opened, part):
    with opened(path) as ds:
        origin = origin_of(PARTS[part](ds.channel_a).variable)
        assert (origin.name, origin.is_stored) == ("channel_a_min", False)
        assert origin.window == (Window(0, LENGTH) if part == "sel" else Window(30, 5000))


@pytest.mark.parametrize("part", OTHERS)
def test_nothing_else_is(path, opened, part):
    with opened(path) as ds:
        assert origin_of(OTHERS[part](ds.channel_a).variable) is None


def test_a_level_is_no_signal(store, opened):
    with opened(store, levels=[1]) as ds:
        level = ds.channel_a_x256.sel(bound="max").variable
        assert slice_of(level).array.name == "channel_a_max"
        assert origin_of(level) is None


@pytest.mark.parametrize("span", [slice(None), slice(8000, 9050), slice(100, 101)])
def test_questions_are_answered_for_each_bound(path, opened, span):
    truth = VOLTS[span]
    with opened(path, levels=False) as whole, xr.set_options(keep_attrs=True):
        ds = whole.isel(time=span)
        for shown in (ds, ds * 1, ds.compute(), ds.transpose("bound", "time")):
            found = shown.xjls.statistics()
            assert found.channel_a.dims == ("bound", "statistic")
            assert found.bound.values.tolist() == list(BOUNDS)
            np.testing.assert_allclose(found.channel_a.values, each(truth), rtol=1e-6, atol=1e-6)
            assert found.channel_a.attrs["integral_units"] == "V·s"
            total = shown.xjls.integrate().channel_a
            assert (total.dims, total.attrs["units"]) == (("bound",), "V·s")
            np.testing.assert_allclose(total.values, [row[5] for row in each(truth)], rtol=1e-6, atol=1e-9)
            reduced = shown.xjls.reduce(["max", "std"]).channel_a
            assert reduced.dims == ("bound", "statistic")
            np.testing.assert_allclose(reduced.values, np.array(each(truth))[:, [4, 2]], rtol=1e-6, atol=1e-6)
            assert reduced.bound.values.tolist() == list(BOUNDS)
        table = ds.xjls.columns(4)
        assert table.channel_a.dims == ("time", "bound", "statistic")
        parts = np.split(truth, np.cumsum(table.samples_time.values)[:-1])
        for row, part in zip(table.channel_a.values, parts, strict=True):
            np.testing.assert_allclose(row, each(part), rtol=1e-6, atol=1e-6)
        for bound in BOUNDS:
            np.testing.assert_array_equal(
                ds.sel(bound=bound).xjls.statistics().channel_a.values,
                ds.xjls.statistics().channel_a.sel(bound=bound).values,
            )


def test_a_single_variable_and_another_dimension_are_reduced(file):
    with xjls.open(file) as ds:
        found = xjls.backend.reductions.reduce(ds.channel_a, "max").channel_a
        np.testing.assert_allclose(found.values[:, 0], np.nanmax(VOLTS, axis=0))
        across = ds.isel(time=slice(0, 5)).xjls.reduce("mean", dim="bound").channel_a
        np.testing.assert_allclose(across.values[:, 0], VOLTS[:5].mean(axis=1))


def test_answers_come_from_the_levels(store, monkeypatch):
    with xjls.open(store) as ds:
        monkeypatch.setattr(answers, "_row_tasks", None)
        found = ds.isel(time=slice(3, 18_000)).xjls.statistics().channel_a
        np.testing.assert_allclose(found.values, each(VOLTS[3:18_000]), rtol=1e-6, atol=1e-6)
        ds.xjls.histogram(20)


def test_labels_of_bounds_are_kept_or_counted(opened, file):
    """Also where they are not min and max, or none at all."""
    with opened(file) as ds:
        named = ds.assign_coords(bound=[10, 20])
        assert named.xjls.statistics().bound.values.tolist() == [10, 20]
        bare = ds.drop_vars("bound")
        assert bare.xjls.statistics().bound.values.tolist() == [0, 1]
        assert [one.signal_name for one in sampled(bare)] == ["channel_a_0", "channel_a_1"]
        kept = ds.channel_a.assign_attrs(valid_range=np.array([-2.0, 2.0])).to_dataset().xjls.statistics().channel_a
        assert kept.attrs["valid_range"].tolist() == [-2, 2]
        one = ds.isel(bound=[1]).xjls.statistics().channel_a
        np.testing.assert_allclose(one.values, each(VOLTS[:, 1:]), rtol=1e-6)
        with pytest.raises(SelectionError, match="has the dimensions time, bound, not time alone"):
            ds.isel(bound=[]).xjls.statistics()


def test_histograms_share_their_bins(path, opened):
    finite = [column[np.isfinite(column)] for column in VOLTS.T]
    span = (min(f.min() for f in finite), max(f.max() for f in finite))
    with opened(path) as ds, xr.set_options(keep_attrs=True):
        for shown in (ds, ds * 1):
            counted = shown.xjls.histogram(30)
            assert counted.channel_a.dims == ("bound", "channel_a_bin")
            for row, values in zip(counted.channel_a.values, finite, strict=True):
                assert abs(row - np.histogram(values, 30, span)[0]).sum() <= 6  # values at an edge
                assert row.sum() == len(values)
            for share in (shown.xjls.cdf(30), xjls.backend.histogram.cdf(shown.xjls.histogram(30, density=True))):
                assert share.channel_a.dims == ("bound", "channel_a_edge")
                assert share.bound.values.tolist() == list(BOUNDS)
                np.testing.assert_allclose(share.channel_a.values[:, -1], 1)
                for bound, values in enumerate(finite):
                    at = share.channel_a_edge.values[12] - 1e-12
                    assert abs(share.channel_a.values[bound, 12] - (values < at).mean()) < 1e-3
            np.testing.assert_allclose(shown.xjls.ccdf(30).channel_a.values + shown.xjls.cdf(30).channel_a.values, 1)
        with pytest.raises(SelectionError, match="the histogram of 'channel_a' is that of one bound"):
            xjls.backend.histogram.cdf(ds.xjls.histogram(30).isel(bound=0))


def test_spectra_stand_side_by_side(file, opened):
    with opened(file) as ds:
        found = ds.xjls.spectrum(segment_length=1000)
        assert found.channel_a.dims == ("bound", "frequency")
        assert found.channel_a.attrs["segments"] == [37, 35]
        for bound in BOUNDS:
            alone = ds.sel(bound=bound).xjls.spectrum(segment_length=1000).channel_a
            np.testing.assert_array_equal(found.channel_a.sel(bound=bound).values, alone.values)


# ---- pictures ------------------------------------------------------------------------------------------------------


def test_a_picture_has_one_band(path):
    with xjls.open(path) as ds:
        (trace,) = dataset_traces(ds, 100, ds.xjls.recording, None)
        (plain,) = traces_of(ds.xjls.recording, columns=100)
        (named,) = traces_of(ds.xjls.recording, ["channel_a"], columns=100)
        for one in (trace, plain, named):
            assert (one.name, one.signals) == ("channel_a", ("channel_a_min", "channel_a_max"))
            parts = np.array_split(VOLTS, 100)
            np.testing.assert_allclose(one.min, [np.nanmin(p) if np.isfinite(p).any() else np.nan for p in parts])
            np.testing.assert_allclose(one.max, [np.nanmax(p) if np.isfinite(p).any() else np.nan for p in parts])
            middle = [np.nanmean(p, axis=0).mean() if np.isfinite(p).any() else np.nan for p in parts]
            np.testing.assert_allclose(one.mean, middle, rtol=1e-5, atol=1e-6)
            assert len(one.gaps) == 2
        (low,) = traces_of(ds.xjls.recording, ["channel_a_min"], columns=100)
        assert (low.name, low.signals) == ("channel_a_min", ())


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_legend_says_what_the_line_is(file):
    with xjls.open(file) as whole:
        ds = whole.isel(time=slice(0, 9000))
        figure = ds.xjls.plot(std=True)
        assert legend(figure) == ["min to max", "middle of min and max"]
        assert figure.axes[0].get_ylabel() == "channel_a (mV)"
        assert legend(ds.isel(time=slice(0, 20)).xjls.plot()) == ["min to max", "middle of min and max"]
        assert legend(ds.sel(bound="max").xjls.plot()) == ["min to max", "mean"]
        assert legend(ds.isel(bound=[1]).xjls.plot(mean=False)) == ["min to max"]
        both = ds.assign(high=ds.channel_a.sel(bound="max", drop=True))
        assert legend(both.xjls.plot()) == ["min to max", "mean", "middle of min and max"]


# ---- out again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zarr", "jls"])
@pytest.mark.parametrize("scaled", [True, False])
def test_both_bounds_go_out_as_signals(path, opened, tmp_path, kind, scaled):
    """With their names, their counts, their gaps, and what they are of each other."""
    with opened(path, mask_and_scale=scaled, levels=False) as ds:
        part = ds.isel(time=slice(8000, 16_000))
        getattr(part.xjls, f"to_{kind}")(tmp_path / f"x.{kind}")
    with xjls.open_recording(tmp_path / f"x.{kind}") as recording:
        assert list(recording.signals) == ["channel_a_min", "channel_a_max"]
        for i, bound in enumerate(BOUNDS):
            name = f"channel_a_{bound}"
            signal, known = recording.signal(name), COUNTS[8000:16_000, i] != LOST
            assert signal.bound == ("channel_a", bound)
            assert np.array_equal(recording.read_valid(name), known)
            assert np.array_equal(recording.read(name)[known], COUNTS[8000:16_000, i][known])
    with xjls.open(tmp_path / f"x.{kind}") as back:
        np.testing.assert_allclose(back.channel_a.values, VOLTS[8000:16_000], rtol=1e-12)
        np.testing.assert_allclose(back.xjls.statistics().channel_a, each(VOLTS[8000:16_000]), rtol=1e-6, atol=1e-6)


def test_a_part_renamed_or_derived_goes_out(file, tmp_path):
    with xjls.open(file) as ds, xr.set_options(keep_attrs=True):
        made = {
            "renamed": ds.rename(channel_a="input"),
            "derived": ds * 2,
            "one bound": ds.sel(bound="max"),
            "one signal": xjls.open(file, signals="channel_a_max"),
        }
        found = {}
        for what, part in made.items():
            store = part.xjls.to_zarr(tmp_path / f"{what}.zarr")
            signals = xjls.open_recording(store).signals.values()
            found[what] = [(signal.name, signal.bound, signal.stored_type) for signal in signals]
        assert found == {
            "renamed": [(f"input_{b}", ("input", b), "i16") for b in BOUNDS],
            "derived": [(f"channel_a_{b}", ("channel_a", b), "f64") for b in BOUNDS],
            "one bound": [("channel_a", None, "i16")],
            "one signal": [("channel_a_max", ("channel_a", "max"), "i16")],
        }
        with xjls.open(tmp_path / "derived.zarr") as back:
            np.testing.assert_array_equal(back.channel_a.values, VOLTS * 2)
        made["one signal"].close()


def test_plain_tables_and_stores(file, tmp_path):
    with xjls.open(file) as ds:
        part = ds.isel(time=slice(8990, 9010))
        table = part.to_dataframe()
        assert table.index.names == ["time", "bound"]
        np.testing.assert_array_equal(table.channel_a.to_numpy().reshape(-1, 2), VOLTS[8990:9010])
        part.load().to_netcdf(tmp_path / "x.nc", engine="scipy")
        with xr.open_dataset(tmp_path / "x.nc", engine="scipy") as back:
            np.testing.assert_array_equal(back.channel_a.values, VOLTS[8990:9010])
            np.testing.assert_allclose(back.xjls.statistics().channel_a, each(VOLTS[8990:9010]))


def test_an_exported_quantity_has_two_columns(file, tmp_path):
    with xjls.open_recording(file) as recording, (tmp_path / "x.csv").open("wb") as out:
        write_csv(make_table(recording, ["channel_a"], (8998, 9002), time="id"), out)
    with (tmp_path / "x.csv").open() as text:
        head, *rows = csv.reader(text)
    assert head == ["sample_id", "channel_a_min", "channel_a_max"]
    assert [row[0] for row in rows] == ["8998", "8999", "9000", "9001"]
    np.testing.assert_allclose([float(cell) for cell in rows[1][1:]], VOLTS[8999], rtol=1e-12)
    assert rows[2][1:] == ["", ""]


# ---- pairs ---------------------------------------------------------------------------------------------------------

SCOPE = Source(id=1, name="scope")
FACTS = {"units": "V", "dtype": np.dtype("i2"), "stored_type": "i16", "scale_factor": 0.5, "add_offset": 1.0}


def bound_signal(number, name, bound, source=SCOPE, rate_hz=1000):
    return Signal(id=number, name=name, bound=bound, source=source, rate_hz=Fraction(rate_hz), **FACTS)


def test_what_makes_a_pair():
    """A minimum and a maximum of one name, of one source and rate; all else stands for itself."""
    low, high = bound_signal(1, "x_min", ("x", "min")), bound_signal(2, "x_max", ("x", "max"))
    plain = bound_signal(3, "x", None)

    def names(*signals):
        return [(quantity.name, [signal.name for signal in quantity.signals]) for quantity in paired(signals)]

    assert names(high, plain, low) == [("x", ["x_min", "x_max"]), ("x", ["x"])]
    assert names(low, plain) == [("x_min", ["x_min"]), ("x", ["x"])]
    for other in (replace(high, source=Source(id=2, name="other")), replace(high, rate_hz=Fraction(2000))):
        assert names(low, other) == [("x_min", ["x_min"]), ("x_max", ["x_max"])]
    third = bound_signal(4, "x_most", ("x", "max"))
    assert names(low, high, third) == [("x_min", ["x_min"]), ("x_max", ["x_max"]), ("x_most", ["x_most"])]
    assert not next(iter(paired([plain]))).is_bounded


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    """Return a store of two bounds of different lengths, with a clock and annotations, and a signal beside them."""
    path = tmp_path_factory.mktemp("noted") / "run.zarr"
    low, high = bound_signal(1, "x_min", ("x", "min")), bound_signal(2, "x_max", ("x", "max"))
    current = Signal(
        id=3, name="i", units="A", dtype=np.dtype("f4"), stored_type="f32", rate_hz=Fraction(1000), source=SCOPE
    )
    with new_recording(path) as sink:
        sink.add_source(SCOPE)
        for signal in (low, high, current):
            sink.add_signal(signal)
        sink.write("x_min", 0, LOW[:3000])
        sink.write("x_max", 0, HIGH[:2900])
        sink.write("i", 0, np.ones(3000, "f4"))
        for name in ("x_min", "i"):
            for at in (0, 3000):
                sink.tie(name, Tie(sample_id=at, time_ns=10**18 + at * 10**6))
        plain = {"time_ns": None, "group": 0}
        sink.annotate(Annotation(signal="x_min", kind="text", sample_id=500, y=1.0, data="low", **plain))
        sink.annotate(Annotation(signal="x_max", kind="text", sample_id=900, y=None, data="high", **plain))
    return path


def test_annotations_and_ties_of_bounds_are_those_of_their_variable(noted):
    with xjls.open(noted, levels=False, join="outer") as ds:
        assert ds.xjls.annotations.data.tolist() == ["low", "high"]
        assert ds[["x"]].isel(time=slice(600, None)).xjls.annotations.data.tolist() == ["high"]
        assert ds[["i"]].xjls.annotations.data.tolist() == []
        assert set(ds.xjls.ties.signal) == {"x_min", "i"}
        for figure in (ds.xjls.plot(), ds.xjls.recording.plot()):
            texts = [text.get_text() for ax in figure.axes for text in ax.texts]
            assert {"low", "high"} <= set(texts)


def test_bounds_of_different_lengths_are_joined_as_others_are(noted):
    with pytest.warns(UserWarning, match="signals of .* have different extents"), xjls.open(noted) as ds:
        assert ds.sizes["time"] == 2900
    with xjls.open(noted, join="outer", levels=True) as ds:
        assert ds.x.shape == (3000, 2)
        assert np.isnan(ds.x.values[2900:, 1]).all()
        assert np.isfinite(ds.x.values[:, 0]).all()
        np.testing.assert_allclose(ds.xjls.statistics().x[:, 0], [3000, 2900])
        assert all(ds[name].dims[1:] == ("bound", "statistic") for name in ds.data_vars if str(name).startswith("x_x"))
    with xjls.open(noted, join="outer", mask_and_scale=False) as ds:
        assert ds.x_valid.values.sum(axis=0).tolist() == [3000, 2900]
        assert ds.xjls.statistics().x.attrs["lost"] == [0, 100]
    with xjls.open_recording(noted) as recording:
        assert [trace.name for trace in traces_of(recording)] == ["x_min", "x_max", "i"]
        assert [quantity.name for quantity in quantities(recording)] == ["x", "i"]
        assert [quantity.name for quantity in quantities(recording, without=["x_max"])] == ["x_min", "i"]
