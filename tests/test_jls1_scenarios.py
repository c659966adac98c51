"""Every oddity of JLS v1 files, however switches of ranges are suppressed, through every access path."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.model.annotation import UserData
from xjls.testing.jls1.scenarios import SCENARIOS
from xjls.testing.jls1.truth import flags_of
from xjls.testing.laws import (
    LAWS,
    Expected,
    ExpectedSignal,
    closing_twice_is_harmless,
    equal_values,
    levels_are_reductions,
    lost_samples_are_named,
    signals_are_described,
    statistics_are_exact,
    targets_are_filled,
    windows_are_slices,
)
from xjls.testing.laws.comparing import is_close, reduce_finite

NAMES = [make.__name__ for make in SCENARIOS]
SUPPRESSED = ("normal", "off", "mean_2_3_1", "nan")
SPARED = {lost_samples_are_named, windows_are_slices, targets_are_filled, signals_are_described, statistics_are_exact}
"""Laws that take a sample that was not delivered for one that is lost: they are held to where that makes no difference.
"""
CHUNKS = {"lazy": None, "dask": {}}
SMALL_BOUNDS = {
    "xjls.formats.jls1.raw._AT_ONCE": 50,
    "xjls.formats.jls1.raw._PART": 70,
    "xjls.formats.jls1.raw._LOOK_BACK": 40,
    "xjls.formats.jls1.walk._PIECE": 64,
    "xjls.storage.pool.FROM_BYTES": 64,
    "xjls.storage.remote.BLOCK_BYTES": 256,
    "xjls.storage.remote.KEEP_BLOCKS": 3,
    "xjls.storage.remote.MERGE_BYTES": 100,
    "xjls.storage.residency.SMALL_BYTES": 1,
    "xjls.storage.residency.SPAN_BYTES": 4096,
}
"""What is done in pieces, or kept, made so small that small files need many of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marked(ExpectedSignal):
    """A signal in which what was not delivered is read as it is marked."""

    found: np.ndarray

    @property
    def read(self):
        return self.found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a scenario by name; each is written once."""
    folder = tmp_path_factory.mktemp("jls1")
    makers = {make.__name__: make for make in SCENARIOS}
    kept = {}
    return lambda name: kept.get(name) or kept.setdefault(name, makers[name](folder))


def opening(made, suppressed="normal", path=None, **options):
    return xjls.open_recording(path or made.path, format_options={"suppress": suppressed}, **options)


def noted(truth, recording):
    """Return the user data of a truth, and behind it what the recording says of its calibration."""
    told = tuple(UserData(meta=place, data=one) for place, one in truth.user_data)
    return told + recording.user_data[len(told) :]


def expected_of(truth, recording):
    """Return what the laws ask for."""
    signals = {
        name: Marked(
            name=name, units=truth.units[name], rate_hz=truth.rate_hz, first_id=0, found=values,
            samples=np.where(flags_of(truth.lost, truth.length), truth.kept[name], values), lost=truth.gone(name)
        )
        for name, values in truth.signals.items()
    }  # fmt: skip
    return Expected(signals=signals, user_data=noted(truth, recording))


def levels_are_exact(recording, expected):
    """Require that entries of any level are those of the finite samples, however they are counted; or were, once."""
    for truth in expected.signals.values():
        for level in recording.signal(truth.name).levels:
            span = slice(0, level.length * level.factor)
            left = truth.found[span].astype("f8")
            left[~truth.valid[span]] = np.nan
            wanted, before = reduce_finite(left, level.factor), reduce_finite(truth.samples[span], level.factor)
            try:
                found = recording.read_level(truth.name, level.index)
            except xjls.LostSamplesError:
                assert recording.on_damage == "raise"
                continue
            valid = truth.valid[span].reshape(level.length, -1).all(axis=1)
            for i, entry in enumerate(found):
                is_right = is_close(entry, wanted[i]) or (
                    not valid[i] and (is_close(entry, before[i]) or np.isnan(entry).all())
                )
                assert is_right, (truth.name, level.index, i, entry, wanted[i])


EVERY = [levels_are_exact if law is levels_are_reductions else law for law in LAWS]
SHORT = (windows_are_slices, levels_are_exact, lost_samples_are_named, statistics_are_exact)
"""What is held to of every way to the samples, once all laws are of one."""


def laws_for(truth, on_damage):
    """Return the laws that apply: where samples were not delivered nothing raises, and the status does not say so."""
    if not truth.missing:
        return EVERY
    return [law for law in EVERY if law is not lost_samples_are_named and (on_damage == "gap" or law not in SPARED)]


def hold(recording, truth, laws=None):
    expected = expected_of(truth, recording)
    for law in laws_for(truth, recording.on_damage):
        if law in (laws or EVERY):
            law(recording, expected)


def every_signal(truth):
    return list(truth.signals)


# ---- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", [*EVERY, closing_twice_is_harmless], ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_every_law_holds(made, name, law):
    truth = made(name).truth()
    with opening(made(name), on_damage="gap") as recording:
        if law is closing_twice_is_harmless or law in laws_for(truth, "gap"):
            law(recording, expected_of(truth, recording))


@pytest.mark.parametrize("suppressed", SUPPRESSED[1:])
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("empty") and "floats" not in name])
def test_laws_hold_however_switches_are_suppressed(made, name, suppressed):
    truth = made(name).truth(suppressed)
    with opening(made(name), suppressed, on_damage="gap") as recording:
        hold(recording, truth, SHORT)


@pytest.mark.parametrize("name", NAMES)
def test_laws_hold_where_lost_samples_raise(made, name):
    with opening(made(name)) as recording:
        hold(recording, made(name).truth(), SHORT)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_depends_on_the_size_of_a_step(made, name, monkeypatch):
    for bound, value in SMALL_BOUNDS.items():
        monkeypatch.setattr(bound, value)
    with opening(made(name), on_damage="gap") as recording:
        hold(recording, made(name).truth(), SHORT)


# ---- what a file says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_described(made, name):
    made = made(name)
    truth = made.truth()
    with opening(made, on_damage="gap") as recording:
        assert recording.format == "JLS v1"
        assert recording.was_closed == made.made.definition.is_closed or not made.made.is_whole
        assert list(recording.signals) == every_signal(truth)
        assert [signal.id for signal in recording.signals.values()] == sorted(
            signal.id for signal in recording.signals.values()
        )
        assert {signal.length for signal in recording.signals.values()} <= {truth.length}
        recording.check()
        assert recording.status.complete == (made.made.is_whole and not truth.lost)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_delivered_is_a_gap_that_never_raises(made, name):
    truth = made(name).truth()
    with opening(made(name)) as recording:
        for signal, values in truth.signals.items():
            samples, gaps = recording.read_with_gaps(signal)
            assert equal_values(samples, values)
            for skipped, wanted in (
                (True, truth.not_delivered(signal)),
                (False, flags_of(truth.lost, truth.length)),
            ):
                runs = tuple((gap.window.start, gap.window.stop) for gap in gaps if gap.skipped == skipped)
                assert np.array_equal(flags_of(runs, truth.length), wanted), (signal, skipped)
            assert {gap.reason for gap in gaps if gap.skipped} <= {"not delivered by the instrument"}
            assert np.array_equal(recording.read_valid(signal), ~flags_of(truth.gone(signal), truth.length))
            if truth.lost:
                with pytest.raises(xjls.LostSamplesError, match=r"on_damage=\"gap\""):
                    recording.read(signal)
            else:
                assert equal_values(recording.read(signal), values)


@pytest.mark.parametrize("name", ["plain", "old_calibration", "without_calibration", "floats_c", "floats_b"])
def test_what_a_calibration_says_is_kept(made, name):
    calibration = made(name).made.definition.calibration
    with opening(made(name)) as recording:
        kept = [note.data for note in recording.user_data if isinstance(note.data, dict)]
        assert len(kept) == (calibration is not None)
        if calibration is not None:
            assert "0123456789abcdef" * 2 in str(kept)


# ---- elsewhere -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_remote_object_is_read_as_a_file_is(made, remote, name):
    truth = made(name).truth()
    with opening(made(name), path=remote(made(name).path), on_damage="gap") as recording:
        hold(recording, truth, SHORT)
        closing_twice_is_harmless(recording, expected_of(truth, recording))


@pytest.mark.parametrize("name", ["plain", "missing_samples", "floats_c", "unfinished_torn", "broken_records"])
def test_a_remote_object_is_read_in_small_blocks(made, remote, name, monkeypatch):
    for bound, value in SMALL_BOUNDS.items():
        monkeypatch.setattr(bound, value)
    with opening(made(name), path=remote(made(name).path), on_damage="gap") as recording:
        hold(recording, made(name).truth(), SHORT)


# ---- through xarray ------------------------------------------------------------------------------------------------


def dataset(made, suppressed="normal", **options):
    how = {"on_damage": "gap", "format_options": {"suppress": suppressed}} | options
    return xr.open_dataset(made.path, engine="jls", **how)


HELD = [name for name in NAMES if not name.startswith("empty")]


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("suppressed", SUPPRESSED)
@pytest.mark.parametrize("name", HELD)
def test_a_dataset_holds_the_samples(made, name, suppressed, chunks):
    truth = made(name).truth(suppressed)
    with dataset(made(name), suppressed, chunks=CHUNKS[chunks]) as ds:
        for signal, values in truth.signals.items():
            assert ds[signal].dims == ("time",)
            assert (ds[signal].chunks is None) == (CHUNKS[chunks] is None)
            assert ds[signal].attrs.get("units", "") == truth.units[signal]
            assert np.array_equal(ds[signal].values, values, equal_nan=True)
        assert ds.time.sizes == {"time": truth.length}


@pytest.mark.parametrize("name", HELD)
def test_a_dataset_pickles(made, name):
    for chunks in CHUNKS.values():
        with dataset(made(name), chunks=chunks) as ds:
            pickled = pickle.dumps(ds)
            with pickle.loads(pickled) as copy:
                xr.testing.assert_identical(copy.load(), ds.load())


@pytest.mark.parametrize("name", ["plain", "three_levels", "generation_1", "floats_c", "no_rows"])
def test_the_tree_has_every_level(made, name):
    truth = made(name).truth()
    with xr.open_datatree(made(name).path, engine="jls") as tree, opening(made(name)) as recording:
        levels = recording.signal("current").levels
        assert list(tree.children) == [str(i) for i in range(len(levels) + 1)]
        assert np.array_equal(tree["0"].current.values, truth.signals["current"], equal_nan=True)
        for level in levels:
            found = tree[str(level.index)].current.values
            assert np.array_equal(found, recording.read_level("current", level.index), equal_nan=True)


@pytest.mark.parametrize("start", ["2026-03-01T10:00:00", np.datetime64("2026-03-01T10:00:00.000000001", "ns")])
def test_a_start_gives_samples_their_utc(made, start):
    options = {"suppress": "off", "start": start}
    with xjls.open_recording(made("plain").path, format_options=options) as recording:
        clock = recording.clock("current")
        assert clock.utc
        assert clock.time(0) == int(np.datetime64(start, "ns").astype("i8"))
        assert clock.time(2_000_000) == clock.time(0) + 10**9


def test_a_file_name_gives_samples_their_utc(made, tmp_path):
    path = tmp_path / "20210304_050607.jls"
    path.write_bytes(made("plain").made.data)
    with xjls.open_recording(path, format_options={"start": "name"}) as recording:
        assert recording.clock("current").time(0) == int(np.datetime64("2021-03-04T05:06:07", "ns").astype("i8"))
    with xjls.open_recording(path) as recording:
        assert not recording.clock("current").utc


@pytest.mark.parametrize("reductions", ["auto", "trust", "ignore"])
@pytest.mark.parametrize("name", ["plain", "rows_v1", "floats_c", "inserted_words"])
def test_levels_are_right_wherever_they_come_from(made, name, reductions):
    truth = made(name).truth()
    options = {"reductions": reductions}
    with xjls.open_recording(made(name).path, format_options=options, on_damage="gap") as recording:
        hold(recording, truth, SHORT)


@pytest.mark.parametrize("name", ["rows_of_another_session", "rows_understated"])
def test_reductions_are_trusted_if_one_says_so(made, name):
    """They are not those of the samples, which is what ``"auto"`` finds."""
    with xjls.open_recording(made(name).path, format_options={"reductions": "ignore"}) as recording:
        made_of_samples = recording.read_level("current", 1)
    with xjls.open_recording(made(name).path, format_options={"reductions": "trust"}) as recording:
        trusted = recording.read_level("current", 1)
    assert not np.allclose(trusted, made_of_samples, rtol=1e-4, atol=0, equal_nan=True)
    with xjls.open_recording(made(name).path) as recording:
        assert np.allclose(recording.read_level("current", 1), made_of_samples, rtol=1e-5, atol=0, equal_nan=True)
