"""Every oddity of PicoStream's files, through every access path: the laws of a recording, and xarray's doors."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.testing.laws import (
    LAWS,
    Expected,
    ExpectedSignal,
    closing_twice_is_harmless,
    equal_values,
    lost_samples_are_named,
)
from xjls.testing.picostream.scenarios import SCENARIOS

NAMES = [make.__name__ for make in SCENARIOS]
MARKED = {"lost_runs", "lost_halves_of_pairs", "nothing_but_lost"}
"""Scenarios with marks of lost data, which are no reason to raise."""
CHUNKS = {"lazy": None, "dask": {}}
SMALL_BOUNDS = {
    "xjls.formats.picostream.counts._AT_ONCE": 100,
    "xjls.formats.picostream.places._PASS": 64,
    "xjls.formats.picostream.places.BLOCK_SAMPLES": 32,
    "xjls.formats.picostream.reader._STEP": 300,
    "xjls.storage.pool.FROM_BYTES": 64,
    "xjls.storage.remote.BLOCK_BYTES": 256,
    "xjls.storage.remote.KEEP_BLOCKS": 3,
    "xjls.storage.remote.MERGE_BYTES": 100,
    "xjls.storage.residency.SMALL_BYTES": 1,
    "xjls.storage.residency.SPAN_BYTES": 4096,
}
"""What is done in pieces, or kept, made so small that small files need many of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted(ExpectedSignal):
    """A signal in which marks of lost data are read as they are."""

    @property
    def read(self):
        return self.samples


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a scenario by name; each is written once."""
    folder = tmp_path_factory.mktemp("picostream")
    makers = {make.__name__: make for make in SCENARIOS}
    kept = {}
    return lambda name: kept.get(name) or kept.setdefault(name, makers[name](folder))


def expected_of(truth):
    """Return what the laws ask for."""
    signals = {}
    for name, counts in truth.signals.items():
        edges = np.flatnonzero(np.diff(~truth.valid(name), prepend=False, append=False)).tolist()
        signals[name] = Counted(
            name=name,
            units="V",
            rate_hz=truth.rate_hz,
            first_id=truth.first_id,
            origin_id=0 if truth.first_id else None,
            samples=counts,
            lost=tuple(zip(edges[::2], edges[1::2], strict=True)),
        )
    return Expected(signals=signals)


def laws_of(truth, laws=LAWS):
    """Return the laws that apply: one knows of no marks."""
    # Marks have no place in the status: nobody lost these samples later
    spared = {lost_samples_are_named} if is_marked(truth) else set()
    return [law for law in laws if law not in spared]


def is_marked(truth):
    return any(truth.marked(name).any() for name in truth.signals)


def hold(recording, truth):
    """Hold a recording to every law that applies, and to what is true of all these files."""
    expected = expected_of(truth)
    for law in laws_of(truth):
        law(recording, expected)
    check_answers(recording, truth)


# ---- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", [*LAWS, closing_twice_is_harmless], ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_every_law_holds(made, name, law):
    """With ``on_damage="gap"``: marks are gaps that never raise."""
    truth = made(name).truth
    with xjls.open_recording(made(name).path, on_damage="gap") as recording:
        for applies in laws_of(truth, [law]):
            applies(recording, expected_of(truth))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MARKED])
def test_every_law_holds_where_lost_samples_raise(made, name):
    truth = made(name).truth
    with xjls.open_recording(made(name).path) as recording:
        for law in laws_of(truth):
            law(recording, expected_of(truth))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_depends_on_the_size_of_a_step(made, name, monkeypatch):
    for bound, value in SMALL_BOUNDS.items():
        monkeypatch.setattr(bound, value)
    with xjls.open_recording(made(name).path, on_damage="gap") as recording:
        hold(recording, made(name).truth)


# ---- numbers -------------------------------------------------------------------------------------------------------


def windows_of(size, count=15):
    """Return windows of positions: all, none, one sample, around an edge of chunks, and random ones."""
    rng = np.random.default_rng(size)
    pairs = np.sort(rng.integers(0, size + 1, (count, 2)), axis=1).tolist()
    return [(0, size), (0, 0), (size, size), *((i, i + 1) for i in {0, size // 2} if i < size), *map(tuple, pairs)]


def check_answers(recording, truth):
    """Hold statistics and columns to NumPy, in float64, on physical values."""
    for name in truth.signals:
        volts, valid = truth.volts(name), truth.valid(name)
        for start, stop in windows_of(volts.size):
            window = truth.first_id + start, truth.first_id + stop
            left = volts[start:stop][valid[start:stop]]
            for found in (recording.statistics(name, window), recording.read_statistics(name, window)):
                check_row(found, left, stop - start, truth)
        if not volts.size:
            continue
        for column in recording.columns(name, None, 11):
            inside = slice(column.window.start - truth.first_id, column.window.stop - truth.first_id)
            check_row(column, volts[inside][valid[inside]], column.window.length, truth)


def check_row(found, left, length, truth):
    assert (found.count, found.lost, found.nan) == (left.size, length - left.size, 0)
    if not left.size:
        assert np.isnan([found.mean, found.std, found.min, found.max]).all()
        assert found.integral == 0
        return
    assert (found.min, found.max) == (left.min(), left.max())
    size = np.abs(left).max()
    np.testing.assert_allclose(found.mean, left.mean(), rtol=1e-12, atol=1e-12 * size)
    np.testing.assert_allclose(found.std, left.std(), rtol=1e-9, atol=1e-12 * size)
    integral = found.mean * left.size / float(truth.rate_hz)
    np.testing.assert_allclose(found.integral, integral, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_physical_values(made, name):
    with xjls.open_recording(made(name).path, on_damage="gap") as recording:
        check_answers(recording, made(name).truth)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_described(made, name):
    truth = made(name).truth
    with xjls.open_recording(made(name).path) as recording:
        assert recording.format == "PicoStream"
        assert recording.was_closed
        assert [str(source) for source in recording.sources] == ["PicoScope Pico Technology"]
        for number, signal in enumerate(recording.signals.values()):
            assert (signal.scale_factor, signal.add_offset) == (truth.scale_factor, truth.add_offset)
            assert (signal.missing_value, signal.stored_type, signal.dtype) == (-32768, "i16", np.dtype("<i2"))
            is_pair = len(truth.signals) == 2
            assert signal.bound == (("channel_a", ("min", "max")[number]) if is_pair else None)
            assert not signal.levels
        assert len({signal.window for signal in recording.signals.values()}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_marks_are_skipped_and_holes_are_lost(made, name):
    truth = made(name).truth
    with xjls.open_recording(made(name).path) as recording:
        for signal, counts in truth.signals.items():
            samples, gaps = recording.read_with_gaps(signal)
            assert equal_values(samples, counts)
            for kind, wanted in (
                (True, truth.marked(signal) & ~truth.missing),
                (False, truth.missing),
            ):
                found = np.zeros(counts.size, np.bool_)
                for gap in gaps:
                    if gap.skipped == kind:
                        found[gap.window.start - truth.first_id : gap.window.stop - truth.first_id] = True
                assert np.array_equal(found, wanted), kind
            edges = np.flatnonzero(np.diff(truth.valid(signal))).tolist()
            for start in {min(max(edge + i, 0), counts.size) for edge in edges for i in range(-2, 4)}:
                window = (truth.first_id + start, truth.first_id + min(start + 3, counts.size))
                found = recording.read_valid(signal, window)
                assert np.array_equal(found, truth.valid(signal)[start : start + 3]), (signal, window)
            reasons = {gap.reason for gap in gaps if gap.skipped}
            assert reasons <= {"marked as lost by the driver"}
            if not truth.missing.any():
                assert equal_values(recording.read(signal), counts)
            else:
                with pytest.raises(xjls.LostSamplesError, match=r"never written.*on_damage=\"gap\""):
                    recording.read(signal)


# ---- elsewhere -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_remote_object_is_read_as_a_file_is(made, remote, name):
    truth = made(name).truth
    with xjls.open_recording(remote(made(name).path), on_damage="gap") as recording:
        hold(recording, truth)
        closing_twice_is_harmless(recording, expected_of(truth))


@pytest.mark.parametrize("name", ["f5_average", "gzip", "offset_below", "lost_runs"])
def test_a_remote_object_is_read_in_small_blocks(made, remote, name, monkeypatch):
    for bound, value in SMALL_BOUNDS.items():
        monkeypatch.setattr(bound, value)
    with xjls.open_recording(remote(made(name).path), on_damage="gap") as recording:
        hold(recording, made(name).truth)


# ---- through xarray ------------------------------------------------------------------------------------------------


def select(ds, name, truth):
    """Return a signal's variable: half of one where minimum and maximum are one variable."""
    return ds.channel_a if len(truth.signals) == 1 else ds.channel_a.sel(bound=name.rpartition("_")[2])


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_holds_physical_values(made, name, chunks):
    truth = made(name).truth
    with xr.open_dataset(made(name).path, engine="jls", chunks=CHUNKS[chunks], on_damage="gap") as ds:
        assert ds.channel_a.dims == (("time",) if len(truth.signals) == 1 else ("time", "bound"))
        assert (ds.channel_a.chunks is None) == (CHUNKS[chunks] is None)
        assert ds.channel_a.attrs["units"] == "V"
        for signal in truth.signals:
            assert equal_values(select(ds, signal, truth).values, truth.volts(signal))


@pytest.mark.parametrize("name", NAMES)
def test_raw_counts_are_those_of_the_file(made, name):
    truth = made(name).truth
    with xr.open_dataset(made(name).path, engine="jls", mask_and_scale=False, on_damage="gap") as ds:
        for signal, counts in truth.signals.items():
            variable = select(ds, signal, truth)
            assert equal_values(variable.values, counts)
            assert (variable.scale_factor, variable.attrs.get("add_offset", 0.0)) == (
                truth.scale_factor,
                truth.add_offset,
            )
            assert variable.attrs["_FillValue"] == -32768


@pytest.mark.parametrize("name", NAMES)
def test_time_counts_from_the_beginning_of_the_capture(made, name):
    truth = made(name).truth
    size = len(next(iter(truth.signals.values())))
    with xjls.open(made(name).path, on_damage="gap") as ds:
        assert ds.time.sizes == {"time": size}
        assert ds.time.dtype == "f8"
        for position in {0, size // 2, size - 1} if size else ():
            exact = (truth.first_id + position) / truth.rate_hz
            assert float(ds.time.variable[position].values) == float(exact)


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_pickles(made, name):
    for chunks in CHUNKS.values():
        with xr.open_dataset(made(name).path, engine="jls", chunks=chunks, on_damage="gap") as ds:
            pickled = pickle.dumps(ds)
            with pickle.loads(pickled) as copy:
                xr.testing.assert_identical(copy.load(), ds.load())


@pytest.mark.parametrize("name", ["f5_average", "f5_aggregate", "no_pairs"])
def test_the_tree_has_the_samples_and_nothing_else(made, name):
    truth = made(name).truth
    with xr.open_datatree(made(name).path, engine="jls") as tree:
        assert list(tree.children) == ["0"]
        for signal in truth.signals:
            assert equal_values(select(tree["0"].to_dataset(), signal, truth).values, truth.volts(signal))
