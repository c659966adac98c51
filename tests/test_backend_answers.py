"""``ds.xjls.statistics`` and its kin answer for the values that a Dataset shows; by levels only where these are."""

import warnings

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.backend import answers
from xjls.backend.provenance import origin_of
from xjls.errors import LostSamplesError, SelectionError
from xjls.query.answer import STATISTICS
from xjls.testing.jls2 import Fsr, Source, chunks_of, flip, write

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
K = np.arange(20_000)
CURRENT = (np.sin(K * 0.01) + 3).astype("f4")
TRUTH = {
    "current": CURRENT,
    "power": np.where(K % 1000 < 3, np.nan, CURRENT * 2).astype("f4"),
    "range": (K[:19_000] // 100 % 16).astype("u1"),
    "fine": (K - 10_000).astype("i2"),
    "gpi": np.arange(40_000) // 700 % 2 == 1,
}


def recorded():
    ties = [(i * 1000, EPOCH + i * SECOND) for i in range(21)]
    return [
        Fsr("current", TRUTH["current"], units="A", ties=ties, **SMALL),
        Fsr("power", TRUTH["power"], units="W", **SMALL),
        Fsr("range", TRUTH["range"], dtype="u4", **SMALL),
        Fsr("fine", TRUTH["fine"], dtype="i16", q=8, units="V", **SMALL),
        Fsr("gpi", TRUTH["gpi"], dtype="u1", rate_hz=2000, **SMALL),
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(tmp_path_factory.mktemp("answers") / "run.jls", [Source("s")], recorded())


@pytest.fixture(params=["dask", "lazy"])
def dataset(path, request):
    opener = xjls.open if request.param == "dask" else lambda p, **how: xr.open_dataset(p, engine="jls", **how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        ds = opener(path, join="outer")
    with ds:
        yield ds


def expected(values, rate_hz, ddof=0):
    """Return what NumPy makes of the finite ones of some values."""
    finite = np.asarray(values, "f8")[np.isfinite(values)]
    if not finite.size:
        return [0, *[np.nan] * 4, 0]
    std = finite.std(ddof=ddof) if finite.size > ddof else np.nan
    return [finite.size, finite.mean(), std, finite.min(), finite.max(), finite.sum() / rate_hz]


def assert_numbers(found, values, rate_hz, ddof=0):
    np.testing.assert_allclose(found, expected(values, rate_hz, ddof), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("span", [slice(None), slice(0, 20_000), slice(777, 19_001), slice(5, 8), slice(9, 9)])
def test_statistics_of_what_is_shown(dataset, span, ddof):
    """Each variable's numbers are those of its own samples in the span, in physical units."""
    rate = {"gpi": 2000}
    shown = dataset.isel(time=span, time_gpi=span)
    found = shown.xjls.statistics(ddof=ddof)
    assert list(found.data_vars) == list(TRUTH)
    assert list(found.statistic.values) == list(STATISTICS)
    for name, values in TRUTH.items():
        scale = 2.0**-8 if name == "fine" else 1
        assert_numbers(found[name].values, values[span] * scale, rate.get(name, 1000), ddof)
        assert origin_of(shown[name].variable) is not None
        assert found[name].attrs["exact"] == 1
        counted = found[name].attrs["samples"] - found[name].attrs["nan"] - found[name].attrs["lost"]
        assert counted == int(found[name].sel(statistic="count"))
    assert (found.current.attrs["units"], found.current.attrs["integral_units"]) == ("A", "C")
    assert (found.power.attrs["integral_units"], found.fine.attrs["integral_units"]) == ("J", "V·s")


@pytest.mark.parametrize("how", [{"n": 7}, {"n": 1}, {"n": 100_000}, {"increment": 333}, {"increment": 30_000}])
def test_columns_of_what_is_shown(dataset, how):
    """Columns are the statistics of their spans, labelled with the time of their first sample."""
    shown = dataset.isel(time=slice(100, 5000))
    table = shown.xjls.columns(**how, signals=["current", "power"])
    lengths = table.samples_time.values
    starts = np.concatenate([[0], np.cumsum(lengths)])
    assert np.array_equal(table.time.values, shown.time.values[starts[:-1]])
    for name in ("current", "power"):
        values = TRUTH[name][100:5000]
        assert table[name].dims == ("time", "statistic")
        for i in [*range(min(5, len(lengths))), *range(max(0, len(lengths) - 2), len(lengths))]:
            assert_numbers(table[name].values[i], values[starts[i] : starts[i + 1]], 1000)
    if "n" in how:
        assert len(lengths) == min(how["n"], 4900)
        end = dataset.time.values[5000].astype("M8[ns]").astype(int)
        assert table.time.attrs["end"] == end


DERIVED = {
    "scaled": (lambda ds: ds * 2, lambda x: x * 2.0),
    "masked": (lambda ds: ds.where(ds.current > 3), lambda x: np.where(CURRENT[100:9000] > 3, x, np.nan)),
    "renamed": (lambda ds: ds.rename(current="i", power="p"), lambda x: x),
    "float64": (lambda ds: ds.astype("f8"), lambda x: x.astype("f8")),
    "loaded": (lambda ds: ds.load(), lambda x: x),
    "copied": (lambda ds: ds.copy(deep=True), lambda x: x),
    "reversed": (lambda ds: ds.isel(time=slice(None, None, -1)), lambda x: x[::-1]),
    "shifted": (lambda ds: ds.shift(time=5), lambda x: np.concatenate([np.full(5, np.nan, "f4"), x[:-5]])),
    "rolled": (lambda ds: ds.roll(time=5), lambda x: np.roll(x, 5)),
    "filled": (lambda ds: ds.fillna(0), lambda x: np.nan_to_num(x)),
    "smoothed": (lambda ds: ds.rolling(time=3).mean(), None),
    "joined": (lambda ds: xr.concat([ds.isel(time=slice(500, 700)), ds.isel(time=slice(700, 900))], "time",
                                    data_vars="all", coords="minimal", join="outer", compat="no_conflicts"),
               lambda x: x[500:900]),
    "repeated": (lambda ds: ds.isel(time=[3, 3, 4]), lambda x: x[[3, 3, 4]]),
}  # fmt: skip


@pytest.mark.parametrize("kind", DERIVED)
@pytest.mark.filterwarnings("ignore:.*xarray subclass.*")
def test_values_that_are_not_the_recordings(path, kind):
    """What was derived is answered from its values, and levels are not asked."""
    derive, wanted = DERIVED[kind]
    for chunks in ({}, None):
        with xr.open_dataset(path, engine="jls", signals=["current", "power"], levels=False, chunks=chunks) as ds:
            derived = derive(ds.isel(time=slice(100, 9000)))
            names = dict(zip(derived.data_vars, ("current", "power"), strict=True))
            found, table = derived.xjls.statistics(), derived.xjls.columns(10)
            for name, original in names.items():
                values = derived[name].values if wanted is None else wanted(TRUTH[original][100:9000])
                np.testing.assert_allclose(
                    found[name].values[:5], expected(values, 1000)[:5], rtol=2e-6, atol=1e-7, err_msg=f"{kind} {name}"
                )
                assert int(table[name].sel(statistic="count").sum()) == np.isfinite(values).sum()
                if kind != "renamed":
                    fresh = derive(ds.isel(time=slice(100, 9000)))
                    assert kind == "copied" or origin_of(fresh[name].variable) is None


def test_another_array_under_the_same_labels(path):
    """Values that were put under other labels are answered as what they are."""
    with xjls.open(path, signals="current") as ds:
        moved = ds.isel(time=slice(0, 100)).assign(other=("time", ds.current.data[5000:5100]))
        assert_numbers(moved.xjls.statistics("other").other.values, CURRENT[5000:5100], 1000)
        twice = moved.assign(both=("time", da.concatenate([ds.current.data[50:100], ds.current.data[0:50]])))
        assert_numbers(twice.xjls.statistics("both").both.values, CURRENT[:100], 1000)


def test_every_other_sample_lasts_twice_as_long(path):
    """The integral of a strided signal takes its period from the labels."""
    with xjls.open(path, signals="current", levels=False) as ds:
        found = ds.isel(time=slice(0, 10_000, 2)).xjls.statistics().current
        assert_numbers(found.values, CURRENT[:10_000:2], 500)


GAPS = {
    "joined": lambda ds: xr.concat([ds.isel(time=slice(0, 5000)), ds.isel(time=slice(15_000, None))], "time"),
    "joined_in_memory": lambda ds: ds.load().isel(time=np.r_[0:5000, 15_000:20_000]),
    "dropped": lambda ds: ds.load().where(ds.current > 3, drop=True),
    "strided_backwards": lambda ds: ds.isel(time=slice(None, None, -4)),
    "by_size": lambda ds: ds.load().sortby("current"),
}


@pytest.mark.parametrize("kind", GAPS)
def test_what_is_cut_out_adds_nothing_to_an_integral(path, kind):
    """A sample lasts as long as the step to its neighbour usually is, and not across a gap between two parts."""
    with xjls.open(path, signals="current", levels=False) as ds:
        shown = GAPS[kind](ds)
        lasts_s = 4e-3 if kind == "strided_backwards" else 1e-3
        expected_ = shown.current.values.sum(dtype="f8") * lasts_s
        np.testing.assert_allclose(shown.xjls.integrate().current, expected_, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_lies_beyond_a_signal_is_lost_or_nan_as_its_values_say(path):
    """Answers by levels and of values in memory count the same."""
    with xjls.open(path, join="outer", levels=False) as ds:
        by_levels, by_values = ds.xjls.statistics(), ds.load().xjls.statistics()
        for name in TRUTH:
            counted = [[one[name].attrs[key] for key in ("samples", "nan", "lost")] for one in (by_levels, by_values)]
            assert counted[0] == counted[1], name
        assert by_levels.range.attrs["lost"] == 1000


def test_attributes_of_answers_are_text_and_numbers(path):
    """Which is all that netCDF takes: a bool is neither."""
    with xjls.open(path, signals=["current", "power"], levels=False) as ds:
        for found in (ds.xjls.statistics(), ds.xjls.columns(10), ds.xjls.integrate()):
            values = [value for variable in found.variables.values() for value in variable.attrs.values()]
            assert {type(value) for value in values} <= {str, int, float}


def test_integrals_carry_their_units(path):
    with xjls.open(path, signals=["current", "power"]) as ds:
        found = ds.xjls.integrate()
        assert [found[name].attrs["units"] for name in found] == ["C", "J"]
        np.testing.assert_allclose(found.current, CURRENT.astype("f8").sum() / 1000, rtol=1e-6)


def test_seconds_label_columns_too(path):
    with xjls.open(path, signals="current", time="seconds") as ds:
        table = ds.isel(time=slice(1000, 2000)).xjls.columns(10)
        np.testing.assert_allclose(table.time.values, 1 + np.arange(10) * 0.1)
        assert table.time.attrs["end"] == pytest.approx(2)


def test_unscaled_values_are_answered_unscaled(path):
    with xr.open_dataset(path, engine="jls", signals="fine", mask_and_scale=False) as ds:
        assert_numbers(ds.xjls.statistics().fine.values, TRUTH["fine"], 1000)


def test_lost_samples_raise_or_are_counted(tmp_path):
    """A damaged chunk that an answer needs raises, or is left out, whether levels or values answer."""
    path = write(tmp_path / "run.jls", [Source("s")], recorded())
    chunk = next(c for c in chunks_of(path.read_bytes()) if c.tag == 0x22 and c.meta == 4)
    path.write_bytes(flip(path.read_bytes(), chunk.offset + 60))
    with xjls.open(path, signals="fine", levels=False) as ds:
        for asked in (ds, ds * 1):
            with pytest.raises(LostSamplesError, match=r"samples [03]–64 of 'fine'"):
                asked.isel(time=slice(3, 70)).xjls.statistics()
    with xjls.open(path, signals="fine", levels=False, on_damage="gap", mask_and_scale=False) as ds:
        # Entries of 16 samples still tell of those that are lost; values cannot
        found = ds.isel(time=slice(3, 70)).xjls.statistics().fine
        assert_numbers(found.values, TRUTH["fine"][16:70], 1000)
        assert found.attrs["lost"] == 13
        turned = ds.isel(time=slice(None, None, -1)).isel(time=slice(None, None, -1))
        found = turned.isel(time=slice(3, 70)).xjls.statistics().fine
        assert_numbers(found.values, TRUTH["fine"][64:70], 1000)
        assert found.attrs["lost"] == 61


def test_levels_answer_without_reading_samples(path, monkeypatch):
    """Not a sample is read for whole entries, and a handful for what is beside them."""
    with xjls.open(path, signals=["range", "fine"], join="none") as ds:
        ds.xjls.statistics()
        monkeypatch.setattr(answers, "_row_tasks", None)
        ds.isel(time_range=slice(3, 18_000)).xjls.statistics()


def test_names_and_ways_are_checked_whatever_answers(path):
    with xjls.open(path, signals="current", levels=False) as ds:
        for shown in (ds, ds * 2):
            with pytest.raises(SelectionError, match=r"nans='all' is no way to treat NaN\. Choose one of 'auto'"):
                shown.xjls.statistics(nans="all")
            for ask in (shown.xjls.statistics, shown.xjls.histogram, shown.xjls.spectrum):
                with pytest.raises(SelectionError, match=r"no signal was named\. Name at least one"):
                    ask(signals=[])


def test_a_question_of_nothing_is_refused(path):
    with xjls.open(path, signals="current") as ds:
        with pytest.raises(SelectionError, match="no variable 'voltage'"):
            ds.xjls.statistics("voltage")
        with pytest.raises(SelectionError, match="0 columns are none"):
            ds.xjls.columns(0)
        with pytest.raises(SelectionError, match="not time alone"):
            xr.Dataset({"image": (("time", "x"), np.zeros((3, 2)))}).xjls.statistics("image")


def test_plain_datasets_are_answered(path):
    """A Dataset that no recording made is answered from its values; without labels it has no rate."""
    plain = xr.Dataset({"x": ("time", np.arange(10.0), {"units": "A"})})
    found = plain.xjls.statistics().x
    np.testing.assert_allclose(found.values, [10, 4.5, np.arange(10).std(), 0, 9, np.nan])
    timed = plain.assign_coords(time=np.arange(10) * 0.5)
    np.testing.assert_allclose(timed.xjls.integrate().x, 45 * 0.5)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*Zarr V3 specification.*", "ignore:Consolidated")
class TestZarr:
    """Datasets that plain xarray opened from Zarr: the levels in the store answer where they belong to the samples."""

    NAMES = ("current", "range")

    @pytest.fixture(scope="class")
    def store(self, path, tmp_path_factory):
        place = tmp_path_factory.mktemp("zarr") / "run.zarr"
        with xjls.open(path, signals=self.NAMES) as ds:
            cut = ds.xjls.sel(slice(ds.time.values[37], ds.time.values[18_900]))
            cut.to_zarr(place)
        return place

    @pytest.mark.parametrize("chunks", [{}, None])
    @pytest.mark.parametrize("span", [slice(None), slice(1234, 15_001), slice(3, 9)])
    def test_statistics(self, store, monkeypatch, span, chunks):
        truth = {"current": CURRENT[37:18_901][span], "range": TRUTH["range"][37:18_901][span]}
        for nans in ("trust", "count", "auto"):
            with xr.open_dataset(store, engine="zarr", chunks=chunks) as ds:
                found = ds.isel(time=span).xjls.statistics(nans=nans)
                for name in self.NAMES:
                    assert_numbers(found[name].values, truth[name], 1000)
                exact = nans != "trust" or len(truth["current"]) < 16
                assert found.current.attrs["exact"] == exact or len(truth["current"]) < 16
                assert found.range.attrs["exact"] == 1

    def test_levels_are_asked(self, store, monkeypatch):
        monkeypatch.setattr(answers, "_row_tasks", None)
        with xr.open_dataset(store, engine="zarr", chunks={}) as ds:
            assert_numbers(ds.xjls.statistics(nans="trust").range.values, TRUTH["range"][37:18_901], 1000)

    @pytest.mark.parametrize("chunks", [{}, None])
    def test_values_that_are_not_the_stores(self, store, chunks):
        with xr.open_dataset(store, engine="zarr", chunks=chunks) as ds:
            assert_numbers((ds * 2).xjls.statistics(nans="trust").current.values, CURRENT[37:18_901] * 2.0, 1000)
            other = ds.assign(current=("time", ds.current.data[::-1])) if chunks is not None else ds.copy(deep=True)
            assert_numbers(other.xjls.statistics(nans="trust").current.values, CURRENT[37:18_901], 1000)
            moved = ds.isel(time_x16=slice(1, None)).assign_coords(time_x16=ds.time_x16.values[:-1])
            assert_numbers(moved.xjls.statistics(nans="trust").current.values, CURRENT[37:18_901], 1000)


@pytest.mark.parametrize("chunks", [{}, {"time": 3000, "time_gpi": 7001}, {"time": (1, 19_999), "time_gpi": 40_000}])
@pytest.mark.parametrize("span", [slice(None), slice(777, 19_001), slice(2990, 3005), slice(4, 4)])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_reductions_of_the_recording_read_no_arrays(path, chunks, span, monkeypatch):
    """Chunks of the untouched recording are reduced where they lie; what is padded or lost counts as lost."""
    with xjls.open(path, join="outer", levels=False, chunks=chunks, on_damage="gap") as ds:
        shown = ds.isel(time=span, time_gpi=span)
        monkeypatch.setattr("xjls.backend.arrays.SignalArray._read", None)
        found = shown.xjls.reduce(["count", "mean", "std", "min", "max"]).compute()
        for name, values in TRUTH.items():
            scale = 2.0**-8 if name == "fine" else 1
            np.testing.assert_allclose(
                found[name].values, expected(values[span] * scale, 1)[:5], rtol=1e-7, atol=1e-9, err_msg=name
            )


def test_reductions_are_the_same_for_the_same_recording(path):
    """Tokens tell windows and chunks apart, and nothing else."""

    def name_of(ds):
        return ds.xjls.reduce().current.data.name

    with (
        xjls.open(path, signals="current", levels=False) as ds,
        xjls.open(path, signals="current", levels=False) as twin,
    ):
        assert name_of(ds) == name_of(twin)
        names = {name_of(ds), name_of(ds.isel(time=slice(5, None))), name_of(ds.isel(time=slice(4, None)))}
        assert len({*names, name_of(ds * 2)}) == 4


def test_graphs_of_answers_carry_no_samples(path):
    """Tasks for derived columns hold positions only."""
    with xjls.open(path, signals="current", levels=False) as ds:
        tasks = answers._row_tasks(
            answers._Question(ds * 2, answers.sampled(ds * 2)[0], np.array([0, 20_000]), 0, "auto")
        )
        assert len(tasks) == 1
        assert len(dask.base.tokenize(tasks)) > 0
