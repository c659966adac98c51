"""PicoStream files into other stores and back: counts, attributes and all that is known of them are the same."""

import json
from dataclasses import replace
from fractions import Fraction

import h5py
import numpy as np
import pytest
import xarray as xr

import xjls
from xjls.cli.main import main
from xjls.errors import CorruptError
from xjls.formats.carry import carry
from xjls.testing.picostream import LOST, VINTAGES, counts_of, write_picostream
from xjls.testing.picostream.scenarios import SCENARIOS

NAMES = [make.__name__ for make in SCENARIOS]
VIA = ("zarr", "jls", "hdf5")
OLDEST = ("F0", "F1")
"""Ages of files that have no pairs."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the path of a scenario by name; each is written once."""
    folder = tmp_path_factory.mktemp("picostream")
    makers = {make.__name__: make for make in SCENARIOS}
    kept = {}
    return lambda name: kept.get(name) or kept.setdefault(name, makers[name](folder).path)


def convert(source, target, **options):
    """Write a recording to another one, and return where that is."""
    with (
        xjls.open_recording(source, on_damage="gap", format_options=options or None) as recording,
        xjls.new_recording(target) as sink,
    ):
        carry(recording, sink)
    return str(target)


def there_and_back(path, folder, via, **options):
    """Return the recording in between, and the file that comes of it."""
    between = convert(path, folder / f"between.{via}", **options)
    return between, convert(between, folder / "back.hdf5")


def said_in(path):
    """Return the attributes in a file with their types, by their names with those of their groups."""
    with h5py.File(path) as file:
        groups = {"": file} | {f"{name}/": one for name, one in file.items() if isinstance(one, h5py.Group)}
        return {
            prefix + key: (np.asarray(value).tolist(), np.asarray(value).dtype, type(value))
            for prefix, group in groups.items()
            for key, value in group.attrs.items()
        }


def counts_in(path):
    with h5py.File(path) as file:
        return file["adc_counts"][:]


def members_of(path):
    with h5py.File(path) as file:
        return set(file)


def described(signal):
    """Return what a signal says, but for how its store is cut, and where nothing begins."""
    facts = json.dumps(dict(signal.facts), sort_keys=True)
    how = {"block_length": 1, "level_factors": (), "level_dtype": np.dtype("f4"), "facts": {}}
    return replace(signal, **how, window=signal.window if signal.length else xjls.Window(0, 0)), facts


def assert_same(one, other):
    """Hold two recordings to each other, samples to the last bit wherever there are some."""
    assert one.sources == other.sources
    assert list(one.signals) == list(other.signals)
    for name, signal in one.signals.items():
        assert described(signal) == described(other.signal(name))
        assert one.origin_id(name) == other.origin_id(name)
        (left, left_gaps), (right, right_gaps) = one.read_with_gaps(name), other.read_with_gaps(name)
        assert [gap.window for gap in left_gaps] == [gap.window for gap in right_gaps]
        valid = one.read_valid(name)
        assert np.array_equal(left[valid], right[valid])
        assert one.clock(name) == other.clock(name)
        if valid.any():
            ours, theirs = one.statistics(name), other.statistics(name)
            np.testing.assert_allclose([ours.mean, ours.min, ours.max], [theirs.mean, theirs.min, theirs.max])


@pytest.mark.parametrize("via", VIA)
@pytest.mark.parametrize("name", NAMES)
def test_every_recording_comes_back(made, tmp_path, name, via):
    """Of every age and oddity."""
    between, back = there_and_back(made(name), tmp_path, via)
    with (
        xjls.open_recording(made(name), on_damage="gap") as first,
        xjls.open_recording(between) as second,
        xjls.open_recording(back) as third,
    ):
        assert_same(first, second)
        assert_same(first, third)


@pytest.mark.parametrize("via", VIA)
@pytest.mark.parametrize(
    ("vintage", "mode"),
    [(age, mode) for age in VINTAGES for mode in ("average", "aggregate") if mode == "average" or age not in OLDEST],
)
def test_files_of_every_age_come_back_as_they_were(tmp_path, vintage, mode, via):
    """Counts, markers among them, and all attributes with their types; nothing is added."""
    counts = counts_of(mode, 5000)
    counts[1000:1040] = LOST
    more = {"operator": "me", "count": 3, "gain": 2.0, "flags": np.array([True, False]), "table": np.arange(6.0)}
    how = {"extra": more, "range_v": 5.0} | ({} if vintage in OLDEST else {"ratio": 4, "offset_v": 0.25})
    path = write_picostream(tmp_path / "run.hdf5", counts, vintage=vintage, mode=mode, **how)
    _, back = there_and_back(path, tmp_path, via)
    assert np.array_equal(counts_in(back), counts)
    assert said_in(back) == said_in(path)
    assert members_of(back) == members_of(path)


@pytest.mark.parametrize("options", [{"offset_sign": "add"}, {"units": "mV"}, {"units": "mV", "offset_sign": "add"}])
@pytest.mark.parametrize("via", VIA)
def test_whatever_the_numbers_were_opened_as(tmp_path, via, options):
    """The recording in between has these; the file has its own words again."""
    path = write_picostream(tmp_path / "run.hdf5", counts_of("average", 3000), offset_v=0.3, range_v=0.05)
    between, back = there_and_back(path, tmp_path, via, **options)
    if via != "hdf5":
        with xjls.open_recording(path, format_options=options) as first, xjls.open_recording(between) as second:
            assert_same(first, second)
            assert second.signal("channel_a").units == options.get("units", "V")
    assert said_in(back) == said_in(path)
    assert np.array_equal(counts_in(back), counts_in(path))


@pytest.mark.parametrize("via", VIA)
def test_what_one_knew_better_is_written_down(tmp_path, via):
    """An interval that the oldest files have not, and another full scale, are attributes of the new file."""
    path = write_picostream(tmp_path / "run.hdf5", counts_of("average", 3000), vintage="F0")
    _, back = there_and_back(path, tmp_path, via, sample_interval_ns=16, max_adc=32512)
    with xjls.open_recording(back) as recording:
        signal = recording.signal("channel_a")
        assert signal.rate_hz == Fraction(10**9, 16)
        np.testing.assert_allclose(signal.scale_factor, 2.0 / 32512, rtol=1e-15)
    found = said_in(back)
    assert found["sample_interval_ns"][0] == 16
    assert {key: value for key, value in found.items() if key.startswith("metadata/")} == said_in(path)


@pytest.mark.parametrize("via", VIA)
def test_a_part_keeps_its_place(tmp_path, via):
    """Of a file that was refilled: sample ids go on counting from the beginning of the capture."""
    counts = counts_of("average", 4000)
    path = write_picostream(tmp_path / "run.hdf5", counts, extra={"total_samples": 10_000})
    between, back = there_and_back(path, tmp_path, via)
    for each in (between, back):
        with xjls.open_recording(each) as recording:
            signal = recording.signal("channel_a")
            assert (str(signal.window), signal.origin_id) == ("6_000–10_000", 0)
    assert said_in(back) == said_in(path)
    assert members_of(back) == {"adc_counts"}


def test_plain_xarray_shows_volts_and_lost_samples(tmp_path):
    """The store knows nothing of xjls there."""
    counts = counts_of("aggregate", 3000, ratio=4)
    counts[200:300] = LOST
    path = write_picostream(tmp_path / "run.hdf5", counts, mode="aggregate", ratio=4, offset_v=0.5)
    store = convert(path, tmp_path / "run.zarr")
    volts = np.where(counts == LOST, np.nan, counts * (2.0 / 32767) - 0.5).reshape(-1, 2)
    with xr.open_datatree(store, engine="zarr") as tree:
        for i, name in enumerate(("channel_a_min", "channel_a_max")):
            np.testing.assert_allclose(tree["0"][name].values, volts[:, i], rtol=0, atol=1e-6)
        assert tree["0"]["channel_a_min"].dims == tree["0"]["channel_a_max"].dims == ("time",)


def test_levels_of_the_stores_leave_out_what_was_lost(tmp_path):
    counts = counts_of("average", 60_000)
    counts[1000:30_000] = LOST
    path = write_picostream(tmp_path / "run.hdf5", counts, offset_v=0.5)
    left = counts[counts != LOST] * (2.0 / 32767) - 0.5
    for via in ("zarr", "jls"):
        with xjls.open_recording(convert(path, tmp_path / f"run.{via}")) as recording:
            found = recording.statistics("channel_a")
            assert (found.count, found.lost) == (31_000, 29_000)
            np.testing.assert_allclose([found.mean, found.min, found.max], [left.mean(), left.min(), left.max()], 1e-5)
            reasons = {gap.reason for gap in recording.skipped("channel_a")}
            assert reasons == {"marked as lost by the driver"}


# ---- recordings of others ------------------------------------------------------------------------------------------

BENCH = xjls.Source(id=5, name="bench", vendor="maker", serial_number="0042")
PROBE = xjls.Signal(
    id=3, name="probe", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(10**6), source=BENCH, stored_type="i16",
    scale_factor=1 / 3, add_offset=0.1, facts={"coupling": "AC", "calibration": {"date": None}},
)  # fmt: skip
PAIR = tuple(replace(PROBE, id=i, name=f"p_{bound}", bound=("p", bound)) for i, bound in ((8, "min"), (9, "max")))
TIE = xjls.Tie(sample_id=1000, time_ns=1_772_359_200 * 10**9)


def write_other(path, *signals):
    """Write a recording of another instrument, with all that one can have."""
    with xjls.new_recording(path) as sink:
        sink.add_source(BENCH)
        for signal in signals:
            sink.add_signal(signal)
        sink.add_user_data(xjls.UserData(meta=7, data={"mine": [1, None]}))
        for signal in signals:
            sink.tie(signal.name, TIE)
            note = {"time_ns": None, "kind": "text", "group": 3, "y": 1.5, "data": "here"}
            sink.annotate(xjls.Annotation(signal=signal.name, sample_id=1005, **note))
            sink.write(signal.name, 1000, np.arange(5000, dtype="i2"))
            sink.skip(signal.name, xjls.Gap(xjls.Window(6000, 6100), "unplugged", skipped=True))
            sink.write(signal.name, 6100, np.arange(7, dtype="i2"))
    return str(path)


@pytest.mark.parametrize("signals", [(PROBE,), PAIR], ids=["one", "pair"])
def test_a_recording_of_another_instrument_comes_back(tmp_path, signals):
    """Names, source, place, ties, annotations, user data, and why samples are missing."""
    store = write_other(tmp_path / "run.zarr", *signals)
    file = convert(store, tmp_path / "run.hdf5")
    again = convert(file, tmp_path / "again.zarr")
    with (
        xjls.open_recording(store) as first,
        xjls.open_recording(file) as second,
        xjls.open_recording(again) as third,
    ):
        for other in (second, third):
            assert other.sources == first.sources
            assert list(other.signals) == list(first.signals)
            for name, signal in first.signals.items():
                found = other.signal(name)
                kept = (
                    "id",
                    "units",
                    "rate_hz",
                    "source",
                    "window",
                    "scale_factor",
                    "add_offset",
                    "origin_id",
                    "bound",
                )
                for fact in kept:
                    assert getattr(found, fact) == getattr(signal, fact), fact
                assert dict(signal.facts).items() <= dict(found.facts).items()
                assert other.ties(name) == first.ties(name)
                assert other.skipped(name) == first.skipped(name)
                assert other.gaps(name) == first.gaps(name)
                assert other.read_with_gaps(name)[1] == first.read_with_gaps(name)[1]
                valid = first.read_valid(name)
                assert np.array_equal(other.read(name)[valid], first.read(name)[valid])
            assert other.annotations == first.annotations
            assert other.user_data == first.user_data


def test_what_is_beside_the_counts_is_checked(tmp_path):
    """Without it, the counts open as those of any other file."""
    path = convert(write_other(tmp_path / "run.zarr", PROBE), tmp_path / "run.hdf5")
    with h5py.File(path, "a") as file:
        file["xjls"][0] = 0
    with pytest.raises(CorruptError, match=r"its dataset 'xjls' is not what xjls writes .*: .*run\.hdf5\. Without it"):
        xjls.open_recording(path)
    with h5py.File(path, "a") as file:
        file.pop("xjls")
    with xjls.open_recording(path) as recording:
        assert [str(signal.window) for signal in recording.signals.values()] == ["0–5_107"]


def test_the_command_line_converts_and_says_what_it_cannot(tmp_path, capsys):
    both = write_other(tmp_path / "both.zarr", PROBE, replace(PROBE, id=4, name="other"))
    assert main(["convert", both, str(tmp_path / "out.hdf5")]) == 2
    said = capsys.readouterr().err
    assert "a PicoStream file holds one signal, or minimum and maximum of one; 'other' comes beside 'probe'" in said
    assert "Choose one by xjls extract --signal NAME" in said
    assert not (tmp_path / "out.hdf5").exists()
    one = write_other(tmp_path / "one.jls", PROBE)
    assert main(["convert", one, str(tmp_path / "out.hdf5")]) == 0
    assert main(["convert", one, str(tmp_path / "out.hdf5")]) == 2
    assert "say --overwrite" in capsys.readouterr().err
    assert main(["convert", one, str(tmp_path / "out.hdf5"), "--overwrite"]) == 0
    assert len(counts_in(tmp_path / "out.hdf5")) == 5107
