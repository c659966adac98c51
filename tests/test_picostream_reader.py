"""PicoStream files as they are opened: held to formulas of these tests, and to h5py on the same bytes."""

import hashlib
import math
import multiprocessing
import os
import pickle
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import xjls
from xjls.formats import guess_format
from xjls.formats.picostream import attributes
from xjls.kernels import groups
from xjls.testing.laws import equal_values
from xjls.testing.picostream import LOST, counts_of, truth_of, write_picostream
from xjls.testing.picostream.scenarios.contents import attributes_of_every_type

AVERAGE = counts_of("average", 5000)
PAIRS = counts_of("aggregate", 5000, ratio=10)
FILES = Path("/proc/self/fd")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return files of one and of two signals, in place and packed."""
    folder = tmp_path_factory.mktemp("reader")
    how = {"block": 1000, "offset_v": 0.5, "range_v": 5.0}
    pairs = {"mode": "aggregate", "ratio": 10}
    return {
        "average": write_picostream(folder / "average.hdf5", AVERAGE, **how),
        "packed": write_picostream(folder / "packed.hdf5", AVERAGE, compression="gzip", shuffle=True, **how),
        "pairs": write_picostream(folder / "pairs.hdf5", PAIRS, **pairs, **how),
        "packed pairs": write_picostream(folder / "packed-pairs.hdf5", PAIRS, dtype=">i2", **pairs, **how),
    }


@pytest.fixture
def target(tmp_path):
    return tmp_path / "run.hdf5"


def counts_in(path, name):
    """Return what h5py reads of a signal."""
    step, first = (1, 0) if name == "channel_a" else (2, ["channel_a_min", "channel_a_max"].index(name))
    with h5py.File(path) as file:
        return file["adc_counts"][first::step].astype("<i2")


# ---- windows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["average", "packed", "pairs", "packed pairs"])
@given(data=st.data())
def test_any_window_is_what_h5py_reads(files, kind, data):
    name = data.draw(st.sampled_from(["channel_a_min", "channel_a_max"] if "pairs" in kind else ["channel_a"]))
    counts = counts_in(files[kind], name)
    with xjls.open_recording(files[kind]) as recording:
        start = data.draw(st.integers(0, counts.size))
        stop = data.draw(st.integers(start, counts.size))
        assert equal_values(recording.read(name, (start, stop)), counts[start:stop])
        found = recording.statistics(name, (start, stop))
        left = counts[start:stop] * (5.0 / 32767) - 0.5
        assert found.count == left.size
        if left.size:
            assert (found.min, found.max) == (left.min(), left.max())
            np.testing.assert_allclose([found.mean, found.std], [left.mean(), left.std()], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["average", "packed", "pairs", "packed pairs"])
def test_many_threads_read_the_same(files, kind):
    rng = np.random.default_rng(0)
    windows = np.sort(rng.integers(0, 5001, (200, 2)), axis=1).tolist()
    names = ["channel_a_min", "channel_a_max"] if "pairs" in kind else ["channel_a"]
    truth = {name: counts_in(files[kind], name) for name in names}
    with xjls.open_recording(files[kind]) as recording, ThreadPoolExecutor(8) as pool:
        for name, counts in truth.items():
            for (start, stop), found in zip(
                windows, pool.map(lambda window, n=name: recording.read(n, window), windows), strict=True
            ):
                assert equal_values(found, counts[start:stop])


def _sum_of(recording, name):
    return os.getpid(), recording.path, int(recording.read(name).sum(dtype="i8"))


@pytest.mark.parametrize("kind", ["average", "packed pairs"])
def test_another_process_reads_the_same(files, kind):
    with xjls.open_recording(files[kind], format_options={"units": "mV"}) as recording:
        name = next(iter(recording.signals))
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            process, path, total = pool.submit(_sum_of, recording, name).result()
        assert process != os.getpid()
        assert path == recording.path
        assert total == counts_in(files[kind], name).sum(dtype="i8")


def test_columns_are_numpys(files):
    volts = AVERAGE * (5.0 / 32767) - 0.5
    with xjls.open_recording(files["average"]) as recording:
        columns = recording.columns("channel_a", (500, 4500), 8)
        parts = volts[500:4500].reshape(8, 500)
        np.testing.assert_allclose(columns.mean, parts.mean(axis=1), rtol=1e-10)
        np.testing.assert_allclose(columns.std, parts.std(axis=1), rtol=1e-10)
        assert np.array_equal(columns.min, parts.min(axis=1))
        assert np.array_equal(columns.max, parts.max(axis=1))


# ---- what numbers mean ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "factor", "offset", "units"),
    [
        ({}, 5.0 / 32512, -0.25, "V"),
        ({"units": "mV"}, 5.0 / 32512 * 1e3, -250.0, "mV"),
        ({"offset_sign": "add"}, 5.0 / 32512, 0.25, "V"),
        ({"offset_sign": "add", "units": "mV"}, 5.0 / 32512 * 1e3, 250.0, "mV"),
        ({"max_adc": 32767}, 5.0 / 32767, -0.25, "V"),
    ],
)
def test_options_say_what_counts_mean(target, options, factor, offset, units):
    counts = counts_of("average", 3000, bits=8, max_adc=32512)
    write_picostream(target, counts, max_adc=32512, range_v=5.0, offset_v=0.25, resolution="PS5000A_DR_8BIT")
    with xjls.open(target, format_options=options) as ds:
        assert ds.channel_a.attrs["units"] == units
        assert equal_values(ds.channel_a.values, counts * factor + offset)
    with xr.open_dataset(target, engine="jls", format_options=options) as ds:
        assert equal_values(ds.channel_a.values, counts * factor + offset)
    with xjls.open_recording(target, format_options=options) as recording:
        signal = recording.signal("channel_a")
        assert (signal.scale_factor, signal.add_offset, signal.units) == (factor, offset, units)
        assert equal_values(recording.read("channel_a"), counts)


def test_added_offsets_give_the_numbers_of_pico_streams_own_reader(target):
    counts = counts_of("average", 1000)
    write_picostream(target, counts, range_v=2.0, offset_v=-1.2)
    theirs_mv = counts * (2.0 * 1000) / 32767 + 1000 * -1.2
    with xjls.open(target, format_options={"offset_sign": "add", "units": "mV"}) as ds:
        np.testing.assert_allclose(ds.channel_a.values, theirs_mv, rtol=1e-14, atol=1e-10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": "kV"}, r"units='kV' are none of PicoStream's\. Choose one of V, mV\."),
        ({"offset_sign": "+"}, r"offset_sign='\+' is no way to treat the offset\. Choose \"subtract\" or \"add\"\."),
        *(
            ({"max_adc": value}, rf"max_adc={value!r} is no count of full scale\. Give a whole number from 1 on\.")
            for value in (0, 3.5, math.nan, math.inf, "foo", True)
        ),
        *(
            (
                {"sample_interval_ns": value},
                rf"sample_interval_ns={value!r} is no interval\. Give a number of ns above 0",
            )
            for value in (0, -1, math.nan, math.inf, "80", True)
        ),
        ({"sign": "add"}, r"PicoStream has no option 'sign'\. Options: units, offset_sign, max_adc, sample_int"),
    ],
)
def test_options_that_say_nothing_are_refused(files, options, message):
    with pytest.raises(xjls.SelectionError, match=message):
        xjls.open_recording(files["average"], format_options=options)


def test_options_are_of_their_format_only(tmp_path):
    xjls.testing.write_demo(tmp_path / "run.jls", seconds=0.01)
    with pytest.raises(xjls.SelectionError, match=r"JLS v2 has no option 'units'\. Options: none\."):
        xjls.open_recording(tmp_path / "run.jls", format_options={"units": "mV"})


def test_options_tell_recordings_apart(files):
    with (
        xjls.open_recording(files["average"]) as one,
        xjls.open_recording(files["average"], format_options={"units": "mV"}) as other,
    ):
        assert one.token != other.token
        with pickle.loads(pickle.dumps(other)) as copy:
            assert copy.signal("channel_a").units == "mV"


def test_a_better_interval_makes_a_better_clock(target):
    write_picostream(target, counts_of("average", 100), vintage="F0", ratio=1)
    with xjls.open_recording(target) as recording:
        assert recording.signal("channel_a").rate_hz == Fraction(10**9, 80)
        assert any("interval may be another" in note for note in recording.status.notes)
    with xjls.open_recording(target, format_options={"sample_interval_ns": 12.8}) as recording:
        assert recording.signal("channel_a").rate_hz == Fraction(10**10, 128)
        assert not recording.status.notes


def test_the_range_of_the_oldest_files_is_a_number_of_the_driver(target):
    volts = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
    for index, range_v in enumerate(volts):
        write_picostream(target, [], vintage="F1", range_v=range_v)
        with h5py.File(target) as file:
            assert file["metadata"].attrs["chARange"] == index
        with xjls.open_recording(target) as recording:
            assert recording.signal("channel_a").scale_factor == range_v / 32767


@pytest.mark.parametrize(("bits", "max_adc"), [(8, 32512), (12, 32767), (16, 32767)])
def test_full_scale_that_the_file_does_not_say_is_the_drivers(target, bits, max_adc):
    """Where PicoStream's own reader takes ``2**(bits - 1) - 1``, which makes voltages 16 or 256 times too large."""
    write_picostream(target, [max_adc], vintage="F4", range_v=2.0, resolution=f"PS5000A_DR_{bits}BIT")
    with xjls.open(target) as ds:
        assert float(ds.channel_a[0]) == pytest.approx(2.0, rel=1e-15)
        assert any(f"taken to be {max_adc} counts" in note for note in ds.xjls.recording.status.notes)


# ---- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("interval_ns", "ratio"), [(16, 1), (8, 16), (16, 3), (333, 7), (1000, 1024)])
def test_time_is_exact(target, interval_ns, ratio):
    write_picostream(target, counts_of("average", 3000), interval_ns=interval_ns, ratio=ratio)
    with xjls.open(target) as ds:
        seconds = [float(Fraction(i * interval_ns * ratio, 10**9)) for i in range(3000)]
        assert ds.time.values.tolist() == seconds
        cut = ds.sel(time=slice(seconds[1000], seconds[1999]))
        assert cut.sizes["time"] == 1000
        assert equal_values(cut.channel_a.values, ds.channel_a.values[1000:2000])


def test_pairs_share_one_time(files):
    with xjls.open(files["pairs"]) as ds:
        assert dict(ds.sizes) == {"time": 5000, "bound": 2}
        assert ds.bound.values.tolist() == ["min", "max"]
        assert float(ds.time[1]) == 160e-9
        volts = PAIRS.reshape(-1, 2) * (5.0 / 32767) - 0.5
        assert equal_values(ds.channel_a.values, volts)
        assert equal_values(ds.channel_a[1234:1250].values, volts[1234:1250])
        lazy = ds.channel_a.isel(time=slice(7, 4000, 3)).sel(bound="max")
        assert equal_values(lazy.values, volts[7:4000:3, 1])


def test_a_capture_that_went_on_counts_from_its_beginning(target):
    write_picostream(target, counts_of("average", 2000), extra={"total_samples_written": 7000}, ratio=2)
    with xjls.open_recording(target) as recording:
        signal = recording.signal("channel_a")
        assert (signal.window.start, signal.window.stop, signal.origin_id) == (5000, 7000, 0)
        assert equal_values(recording.read("channel_a", (5500, 6000)), counts_of("average", 2000)[500:1000])
        with pytest.raises(xjls.SelectionError, match=r"reaches outside \[5_000, 7_000\)"):
            recording.read("channel_a", (0, 10))
        assert recording.clock("channel_a").time(5000) == 5000 * 32
    with xjls.open(target) as ds:
        assert float(ds.time[0]) == 5000 * 32e-9


@pytest.mark.parametrize(
    ("total", "first_id"),
    [
        (7000.0, 5000),
        ([7000], 5000),
        (np.array([7000.0]), 5000),
        ([7000, 7000], 0),
        (7000.5, 0),
        (np.nan, 0),
        (True, 0),
    ],
)
def test_a_total_may_be_any_whole_number(target, total, first_id):
    write_picostream(target, counts_of("average", 2000), extra={"samples_in_total": total})
    with xjls.open_recording(target) as recording:
        assert recording.signal("channel_a").window.start == first_id


def test_a_total_below_the_length_is_no_origin(target):
    write_picostream(target, counts_of("average", 2000), extra={"total_samples": 10})
    with xjls.open_recording(target) as recording:
        assert recording.signal("channel_a").window.start == 0


def test_totals_that_differ_are_no_origin(target):
    write_picostream(target, counts_of("average", 2000), extra={"total_samples": 7000, "samples_total": 9000})
    with xjls.open_recording(target) as recording:
        assert recording.signal("channel_a").window.start == 0
        assert any("samples_total and total_samples differ" in note for note in recording.status.notes)


# ---- facts and notes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vintage", ["F0", "F2", "F3", "F5"])
def test_all_that_a_file_says_is_kept(target, vintage):
    extra = {"operator": "größer", "gain": 2.5, "flags": [1, 2]}
    write_picostream(target, [1, 2], vintage=vintage, mode="aggregate", ratio=10, extra=extra)
    with xjls.open_recording(target) as recording, h5py.File(target) as file:
        said = dict(file.attrs)
        if "metadata" in file:
            said |= {f"metadata/{name}": value for name, value in file["metadata"].attrs.items()}
        for signal in recording.signals.values():
            assert set(signal.facts) == set(said)
            for name, value in said.items():
                assert signal.facts[name] == (value.tolist() if hasattr(value, "tolist") else value), name
                assert not isinstance(signal.facts[name], np.generic)


def test_attributes_of_every_type_are_kept_as_json(target):
    write_picostream(target, [1, 2], extra=attributes_of_every_type() | {"nan": np.nan})
    with xjls.open_recording(target) as recording:
        facts = recording.signal("channel_a").facts
        assert set(attributes_of_every_type()) <= set(facts)
        assert {name: facts[name] for name in ("an_u8", "an_f2", "most", "yes", "note", "nothing", "fixed")} == {
            "an_u8": 7, "an_f2": 0.5, "most": 2**64 - 1, "yes": True, "note": "größer ☃", "nothing": "", "fixed": "abc",
        }  # fmt: skip
        assert facts["table"] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
        assert facts["texts"] == ["a", "ß"]
        assert facts["zero_long"] == []
        assert facts["empty"] is None
        assert isinstance(pickle.loads(pickle.dumps(facts)), dict)


@pytest.mark.parametrize(
    ("counts", "how", "note"),
    [
        ([1, 2, 3], {"mode": "aggregate", "ratio": 4}, "the last minimum has no maximum, and is left out"),
        (
            [1],
            {"offset_v": -0.5},
            "the analogue offset of -0.5 V is subtracted, which gives the input; PicoStream adds",
        ),
        ([1], {"vintage": "F0"}, "the interval may be another: files of this age say 80 ns whatever was captured"),
        ([1], {"vintage": "F4"}, "full scale is taken to be 32767 counts, which the file does not say"),
        ([1], {"extra": {"live_only": True}}, "the time origin is unknown"),
        ([1], {"extra": {"max_buff_sec": 10}}, "the time origin is unknown"),
        ([1], {"extra": {"downsample_mode": "decimate"}}, "the downsampling mode 'decimate' is not known"),
    ],
)
def test_what_is_assumed_is_noted(target, counts, how, note):
    write_picostream(target, counts, **how)
    with xjls.open_recording(target) as recording:
        assert [n for n in recording.status.notes if note in n], recording.status.notes
        assert note in str(recording.status)


@pytest.mark.parametrize(
    ("name", "value", "live"),
    [
        ("live_only", True, True), ("Live-Only", "yes", True), ("mode_live", 1, True), ("max_buff_sec", 5.0, True),
        ("buffer sec", np.array([5]), True), ("buffer_max", b"5 s", True), ("live_only", "no", False),
        ("live_only", "", False), ("live_only", False, False), ("live_only", b"False", False),
        ("live_only", "0", False), ("live", np.zeros(1), False),
        ("live", 0.0, False), ("max_buff_sec", None, False), ("delivered", "x", False), ("alive", 1, False),
        ("buffers", 4, False), ("buffer_size", 4096, False), ("rebuff_sec", 4, False),
    ],
)  # fmt: skip
def test_only_whole_words_tell_of_the_last_seconds(name, value, live):
    found = attributes.decode_settings({"sample_interval_ns": 16, "voltage_range_v": 2.0, name: value}, {}, "run.hdf5")
    assert found.live_only == live
    assert any("time origin is unknown" in note for note in found.notes) == live


def test_lost_samples_are_the_same_everywhere():
    assert attributes.LOST == groups.LOST == LOST


@pytest.mark.parametrize("mode", ["average", "aggregate"])
def test_an_ordinary_file_needs_no_notes(target, mode):
    write_picostream(target, counts_of(mode, 2000, ratio=4), mode=mode, ratio=4)
    with xjls.open_recording(target) as recording:
        assert recording.status.complete
        assert not recording.status.notes
        assert recording.status.size_bytes == target.stat().st_size
        told = []
        assert recording.check(lambda done, total: told.append((done, total))) == ()
        total = sum(signal.length for signal in recording.signals.values())
        assert told[-1] == (total, total)


# ---- lost data -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "gzip"])
@pytest.mark.parametrize("on_damage", ["raise", "gap"])
@given(data=st.data())
def test_marks_count_nowhere(tmp_path_factory, kind, on_damage, data):
    """Whatever the runs: statistics and columns are those of the samples that are left."""
    counts = counts_of("average", 2000)
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, 2000))
        counts[start : start + data.draw(st.integers(1, 900))] = LOST
    path = tmp_path_factory.mktemp("marks") / "run.hdf5"
    options = {"compression": "gzip"} if kind == "gzip" else {}
    write_picostream(path, counts, offset_v=-0.5, block=300, **options)
    volts, valid = counts * (2.0 / 32767) + 0.5, counts != LOST
    with xjls.open_recording(path, on_damage=on_damage) as recording:
        assert equal_values(recording.read("channel_a"), counts)
        assert np.array_equal(recording.read_valid("channel_a"), valid)
        start = data.draw(st.integers(0, 2000))
        stop = data.draw(st.integers(start, 2000))
        left = volts[start:stop][valid[start:stop]]
        window = (start, stop)
        for found in (
            recording.statistics("channel_a", window),
            recording.read_statistics("channel_a", window),
            recording.statistics("channel_a", window, ddof=1),
        ):
            assert (found.count, found.lost, found.nan) == (left.size, stop - start - left.size, 0)
            if left.size:
                assert (found.min, found.max) == (left.min(), left.max())
                np.testing.assert_allclose(found.mean, left.mean(), rtol=1e-10, atol=1e-12)
            if left.size > found.ddof:
                np.testing.assert_allclose(found.std, left.std(ddof=found.ddof), rtol=1e-9, atol=1e-12)
        for column in recording.columns("channel_a", window, 7):
            inside = slice(column.window.start, column.window.stop)
            assert column.count == valid[inside].sum()
            assert column.count + column.lost == column.window.length


def test_a_sample_is_lost_once(target):
    """Of a pair that lies in two chunks one half was never written, and the other is marked."""
    write_picostream(target, [1, 2, 3, 4, LOST], mode="aggregate", chunks=(5,))
    with h5py.File(target, "a") as file:
        file["adc_counts"].resize((20,))
        file["adc_counts"][15:] = 7
    with xjls.open_recording(target, on_damage="gap") as recording:
        found = recording.statistics("channel_a_min")
        assert (found.count, found.lost) == (4, 6)
        assert [str(gap.window) for gap in recording.read_with_gaps("channel_a_min")[1]] == ["2–8"]


@pytest.mark.parametrize("on_damage", ["raise", "gap"])
@pytest.mark.parametrize("chunks", [None, {}])
def test_marks_are_nan_in_a_dataset(target, on_damage, chunks):
    counts = counts_of("average", 3000)
    counts[100:1100] = LOST
    write_picostream(target, counts, offset_v=0.1)
    volts = truth_of(counts, offset_v=0.1).volts("channel_a")
    with xr.open_dataset(target, engine="jls", chunks=chunks, on_damage=on_damage) as ds:
        assert equal_values(ds.channel_a.values, volts)
        left = volts[~np.isnan(volts)]
        found = ds.xjls.statistics().channel_a
        assert int(found.sel(statistic="count")) == left.size
        assert float(found.sel(statistic="min")) == left.min()
        np.testing.assert_allclose(found.sel(statistic="mean"), left.mean(), rtol=1e-12)
        np.testing.assert_allclose(ds.channel_a.mean(), left.mean(), rtol=1e-12)


# ---- doors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run.hdf5", "run.h5", "run", "run.jls", "run.dat"])
def test_the_bytes_tell_the_format_and_not_the_name(tmp_path, name):
    write_picostream(tmp_path / name, AVERAGE)
    assert guess_format(tmp_path / name).name == "PicoStream"
    with xjls.open_recording(tmp_path / name) as recording:
        assert recording.format == "PicoStream"
        assert repr(recording) == f"<xjls.Recording {str(tmp_path / name)!r} (PicoStream): channel_a>"
    with xr.open_dataset(tmp_path / name) as ds:
        assert ds.sizes == {"time": 5000}


def test_other_hdf5_files_are_left_to_other_engines(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["temperature"] = np.arange(3.0)
    assert guess_format(tmp_path / "other.h5") is None
    assert guess_format("s3://lab/other.h5") is None


# ---- the file is left alone ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["average", "packed", "pairs"])
def test_a_file_is_never_touched(files, kind, tmp_path):
    path = tmp_path / "kept" / "run.hdf5"
    path.parent.mkdir()
    data = Path(files[kind]).read_bytes()
    path.write_bytes(data)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        before = path.stat()
        with xjls.open(path) as ds:
            ds.load()
            ds.xjls.statistics()
            ds.xjls.recording.check()
        after = path.stat()
    finally:
        path.parent.chmod(0o755)
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert [one.name for one in path.parent.iterdir()] == ["run.hdf5"]


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}])
def test_a_reader_locks_nobody_out(target, options):
    """A program may go on with the file while xjls has it open; what was read then was the file of before."""
    write_picostream(target, AVERAGE, **options)
    with xjls.open_recording(target) as recording:
        assert recording.read("channel_a", (0, 1)).size == 1
        if options:
            recording.close()  # what is packed is read through HDF5, which lets a process open a file in one way only
        with h5py.File(target, "r+") as file:
            file.attrs["note"] = "added"


def test_nothing_is_left_open(files):
    if not FILES.is_dir():
        pytest.skip("needs /proc")
    for path in files.values():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            recording = xjls.open_recording(path)
            for name in recording.signals:
                recording.read(name)
            recording.close()
        with pytest.raises(ValueError, match="closed"):
            recording.read(next(iter(recording.signals)))
        assert Path(path).resolve() not in {fd.resolve() for fd in FILES.iterdir()}


def test_others_may_open_a_compressed_file_in_the_same_process(tmp_path):
    """What HDF5 keeps open for us must not shut out an ordinary reader."""
    counts = counts_of("average", 5000)
    path = write_picostream(tmp_path / "packed.hdf5", counts, compression="gzip")
    with xjls.open_recording(path) as recording:
        assert np.array_equal(recording.read("channel_a"), counts)
        with h5py.File(path) as file:
            assert np.array_equal(file["adc_counts"][:], counts)
        assert np.array_equal(recording.read("channel_a", (7, 4000)), counts[7:4000])


def test_netcdf_is_not_claimed_whatever_its_variables_are_called(tmp_path):
    with h5py.File(tmp_path / "other.nc", "w") as file:
        file.attrs["_NCProperties"] = "version=2,h5netcdf=1.6,hdf5=2.0"
        file.create_dataset("adc_counts", data=np.zeros(10, "i2"))
    assert guess_format(tmp_path / "other.nc") is None
