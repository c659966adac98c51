"""Joulescope's `DataReader`: the truth of every scenario, the original's answers where they are right, and named tests
where they are not.
"""

import contextlib
import gzip
import io
import math
import os
import struct

import numpy as np
import pytest

import xjls
from xjls.compat.joulescope import (
    STATS_DTYPE,
    STATS_FIELD_NAMES,
    DataReader,
    DataRecorder,
    DownsamplingStreamBuffer,
    RefusedError,
    StreamBuffer,
    spans,
)
from xjls.errors import FormatError
from xjls.storage.file_object import FileObject
from xjls.testing.jls1 import Calibration, Definition, Sizes, encode, ranges_of, truth_of, words_of, write_jls1
from xjls.testing.jls1.scenarios import SCENARIOS
from xjls.testing.laws import equal_values

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # reader and recorder, without a driver
from joulescope.data_recorder import DataReader as Original

pytestmark = pytest.mark.usefixtures("quiet_oracle")
NAMES = dict(zip(STATS_FIELD_NAMES, ("current", "voltage", "power", "current_range", "gpi0", "gpi1"), strict=True))
"""Joulescope's names of fields, and those of the truth."""
SIZES = Sizes(20, 4, 3)
LENGTH = 1_234
MISSING = ((100, 130), (613, 640))
AROUND = 64
"""Samples on either side of a request that the original converts with it."""


@pytest.fixture
def definition():
    ranges = ranges_of(LENGTH, seed=3)
    ranges[-AROUND:] = ranges[-AROUND]
    return Definition(words=words_of(ranges, seed=3, missing=MISSING), sizes=SIZES, user_data={"a": 1},
                      footer_user_data=[2], rate_hz=2_000_000)  # fmt: skip


@pytest.fixture
def path(tmp_path, definition):
    return write_jls1(tmp_path / "run.jls", definition)


@pytest.fixture
def reader(path):
    with DataReader().open(str(path)) as opened:
        yield opened


@contextlib.contextmanager
def original(source):
    found = Original().open(str(source) if isinstance(source, os.PathLike) else source)
    try:
        yield found
    finally:
        found.close()


def usable(truth, field):
    """Return the samples of a field, float64, NaN where there are none; None where it has none at all."""
    if (name := NAMES[field]) not in truth.signals:
        return None
    values = truth.signals[name].astype(np.float64)
    for start, stop in truth.gone(name):
        values[start:stop] = np.nan
    return values


def wanted(truth, start, increment, rows):
    """Return records by NumPy, of the samples of the truth."""
    found = np.zeros((rows, len(NAMES)), STATS_DTYPE)
    for name in STATS_DTYPE.names[1:]:
        found[name] = np.nan
    for column, field in enumerate(NAMES):
        values = usable(truth, field)
        for row in range(rows) if values is not None else ():
            some = values[start + row * increment : start + (row + 1) * increment]
            some = some[np.isfinite(some)]
            if len(some):
                about = ((some - some.mean()) ** 2).sum()
                found[row, column] = len(some), some.mean(), about, some.min(), some.max()
    return found


def assert_alike(found, expected):
    """Compare records; those of reductions were rounded to float32 once."""
    assert found.dtype == STATS_DTYPE
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found["length"], expected["length"])
    scale = np.fmax(np.abs(expected["min"]), np.abs(expected["max"]))
    n = np.maximum(expected["length"], 1)
    for name in ("mean", "min", "max"):
        np.testing.assert_array_equal(np.isnan(found[name]), np.isnan(expected[name]))
        assert not (np.abs(found[name] - expected[name]) > 1e-6 * scale + 1e-30).any(), name
    deviations = (np.sqrt(records["variance"] / n) for records in (found, expected))
    assert not (np.abs(np.subtract(*deviations)) > 2e-6 * scale + 1e-30).any()


# -- the truth ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_samples_of_every_scenario(tmp_path, make):
    scenario = make(tmp_path)
    truth = scenario.truth()
    with DataReader().open(scenario.path) as reader:
        n = reader.sample_id_range[1]
        assert n == truth.length
        for start, stop in ((0, n), (n // 3, n - n // 4), (n // 2, n // 2)):
            signals = reader.samples_get(start, stop)["signals"]
            assert [NAMES[field] for field in signals if field != "raw"] == list(truth.signals)
            for field in signals.keys() - {"raw"}:
                expected = truth.signals[NAMES[field]][start:stop]
                if field == "current_range" and expected.dtype == np.uint8:
                    expected = expected.copy()
                    for lo, hi in truth.gone("current_range"):
                        expected[max(lo - start, 0) : max(hi - start, 0)] = 8
                equal_values(signals[field]["value"], expected.astype(signals[field]["value"].dtype))
                alone = reader.samples_get(start, stop, fields=field)
                assert alone.dtype == signals[field]["value"].dtype
                equal_values(alone, signals[field]["value"])


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_statistics_of_every_scenario(tmp_path, monkeypatch, make):
    scenario = make(tmp_path)
    truth = scenario.truth()
    factor = scenario.made.definition.sizes.reduction
    with DataReader().open(scenario.path) as reader:
        n = reader.sample_id_range[1]
        for start, step in ((3, 1), (7, 3), (0, factor - 1), (0, factor), (7, factor), (2 * factor, factor + 1),
                            (0, 3 * factor), (7, 3 * factor + 5)):  # fmt: skip
            if start > n or step < 1 or (truth.lost and step >= factor):
                continue  # reductions may tell of samples that are lost
            expected = wanted(truth, start, step, (n - start) // step)
            assert_alike(reader.data_get(start, n, step), expected)
            with monkeypatch.context() as patched:  # as if one began in no time, and threads were for nothing
                patched.setattr(spans, "_BEGINNING", 0)
                patched.setattr(spans, "_PART", 64)
                assert_alike(reader.data_get(start, n, step), expected)


@pytest.mark.parametrize("suppressed", ["off", "mean_1_n_1", "nan_0_n_0", "interp_1_n_1"])
def test_every_way_of_suppression(path, definition, suppressed):
    truth = truth_of(definition, suppressed=suppressed)
    before, after = DataReader(), DataReader()
    before.raw_processor.suppress_mode = suppressed
    before.open(path)
    after.open(path)
    after.data_get(0, 100, 10)
    after.raw_processor.suppress_mode = suppressed
    for reader in (before, after):
        assert reader.raw_processor.suppress_mode == ("off" if suppressed == "off" else suppressed)
        equal_values(reader.samples_get(fields="current"), truth.signals["current"])
        assert_alike(reader.data_get(0, LENGTH, 20), wanted(truth, 0, 20, LENGTH // 20))
        reader.close()


def test_a_way_of_suppression_that_there_is_not():
    with pytest.raises(ValueError, match="suppression 'loud' is none"):
        DataReader().raw_processor.suppress_mode = "loud"


# -- the original, where it is right -----------------------------------------------------------------------------------


def test_samples_are_the_originals(path, reader):
    with original(path) as other:
        for start, stop in ((0, 90), (70, 170), (300, 777), (500, LENGTH)):
            theirs, ours = other.samples_get(start, stop), reader.samples_get(start, stop)
            assert ours["time"] == theirs["time"]
            assert list(ours["signals"]) == list(theirs["signals"])
            present = ours["signals"]["current_range"]["value"] < 8
            for field, told in theirs["signals"].items():
                mine = ours["signals"][field]
                assert mine["value"].dtype == told["value"].dtype
                assert mine.get("voltage_range") == told.get("voltage_range")
                assert mine["units"] == told["units"]
                where = present if field.endswith("_lsb") else slice(None)  # missing ones are all ones there
                np.testing.assert_array_equal(mine["value"][where], told["value"][where])


def test_facts_are_the_originals(path, reader):
    with original(path) as other:
        for name in ("config", "footer", "user_data", "footer_user_data", "sample_id_range", "sampling_frequency",
                     "input_sampling_frequency", "output_sampling_frequency", "reduction_frequency", "duration",
                     "voltage_range"):  # fmt: skip
            assert getattr(reader, name) == getattr(other, name), name
        assert str(reader) == str(other)
        assert reader.summary_string().splitlines()[1:] == other.summary_string().splitlines()[1:]
        np.testing.assert_array_equal(reader.calibration.current_gain, other.calibration.current_gain[:7])
        for start, stop in ((None, None), (-10, -1), (5, None), (0, 0)):
            assert reader.normalize_time_arguments(start, stop) == other.normalize_time_arguments(start, stop)
        assert reader.normalize_time_arguments(0.0001, 0.0002, "seconds") == (200, 400)
        assert reader.sample_id_to_time(500) == other.sample_id_to_time(500)


@pytest.mark.parametrize(("start", "stop", "increment"), [(0, 1200, 20), (0, 400, 10), (200, 500, 7), (20, 1220, 60)])
def test_statistics_are_the_originals(path, reader, start, stop, increment):
    with original(path) as other:
        theirs, ours = other.data_get(start, stop, increment), reader.data_get(start, stop, increment)
    # Of ranges, the original counts missing samples as 8
    theirs, ours = (np.delete(rows, STATS_FIELD_NAMES.index("current_range"), axis=1) for rows in (theirs, ours))
    # Within windows it takes voltages that are not there for numbers
    good = np.isfinite(theirs["mean"]).all(axis=1)
    assert good.sum() > len(good) // 2
    for name in STATS_DTYPE.names:
        scale = np.abs(theirs["max"][good]).max(axis=0)
        tolerance = scale**2 * increment if name == "variance" else scale
        assert (
            np.abs(ours[name][good].astype(float) - theirs[name][good].astype(float)) <= 1e-6 * tolerance
        ).all() or (name == "length" and (ours[name][good] == theirs[name][good]).all())


def test_statistics_get_is_the_originals(path, reader):
    with original(path) as other:
        for start, stop in ((0, 60), (140, 600), (200, 513), (700, LENGTH)):
            theirs, ours = other.statistics_get(start, stop), reader.statistics_get(start, stop)
            assert ours["time"] == theirs["time"]
            assert ours.keys() == theirs.keys()
            for field in ("current", "voltage", "power"):
                a, b = ours["signals"][field], theirs["signals"][field]
                assert a.keys() == b.keys()
                for key in a:
                    assert a[key]["value"] == pytest.approx(b[key]["value"], rel=1e-5, abs=1e-6 * b["max"]["value"])


def test_recordings_of_floats_are_the_originals(tmp_path):
    n = 490
    ours_file = tmp_path / "floats.jls"
    buffer = StreamBuffer(1.0, [], 1000.0)
    buffer.insert_raw(words_of(ranges_of(n + 10), seed=1))
    buffer.process()
    told = buffer.samples_get(0, n, fields=list(STATS_FIELD_NAMES))
    with DataRecorder(str(ours_file), samples_per_reduction=20, reductions_per_tlv=4, tlvs_per_block=3) as recorder:
        recorder.insert(told)
    with original(ours_file) as other, DataReader().open(ours_file) as reader:
        theirs, ours = other.samples_get(5, n)["signals"], reader.samples_get(5, n)["signals"]
        assert list(ours) == list(theirs)
        for field in theirs:
            assert ours[field]["value"].dtype == theirs[field]["value"].dtype == np.float32
            np.testing.assert_allclose(ours[field]["value"], theirs[field]["value"], rtol=1e-7)


# -- the original, where it is wrong -----------------------------------------------------------------------------------


def test_raw_current_and_voltage_are_one_a_sample(path, reader, definition):
    words = definition.words
    assert np.array_equal(reader.samples_get(10, 50, fields="raw_current"), words[10:50, 0] >> 2)
    assert np.array_equal(reader.samples_get(10, 50, fields="raw_voltage"), words[10:50, 1] >> 2)
    assert reader.samples_get(10, 50, fields=["raw_current"])["signals"]["raw_current"]["units"] == "LSBs"
    with original(path) as other:
        assert other.samples_get(10, 50, fields=["raw_current"])["signals"]["raw_current"]["value"].shape == (20, 2)


def test_the_name_of_a_field_gives_its_array(path, reader):
    assert reader.samples_get(0, 10, fields="current").shape == (10,)
    with original(path) as other:
        assert set(other.samples_get(0, 10, fields="current")["signals"]) == set("current")


def test_an_empty_window_has_no_samples(path, reader):
    for at in (0, 50, LENGTH):
        told = reader.samples_get(at, at)
        assert {field: len(signal["value"]) for field, signal in told["signals"].items()} == dict.fromkeys(
            [*STATS_FIELD_NAMES, "raw"], 0
        )
        assert told["signals"]["raw"]["value"].shape == (0, 2)
    with original(path) as other, pytest.raises(ValueError, match="unpack"):
        other.samples_get(50, 50)


@pytest.mark.parametrize("fields", ["loud", ["current", "loud"]])
def test_a_field_that_there_is_not(path, reader, fields):
    with pytest.raises(RefusedError, match=r"there is no field loud.*raw_voltage"):
        reader.samples_get(0, 10, fields=fields)


def test_a_span_of_one_sample_counts_it(path, reader):
    rows = reader.data_get(90, 110, 1)
    assert rows["length"][:, 0].tolist() == [1] * 10 + [0] * 10
    assert (rows["min"][:10] == rows["mean"][:10]).all()
    assert np.isnan(rows["mean"][10:]).all()
    with original(path) as other:
        theirs = other.data_get(90, 110, 1)
        assert not theirs["length"].any()
        assert np.isnan(theirs["min"]).all()
        np.testing.assert_array_equal(rows["mean"][:10], theirs["mean"][:10])


def test_increments_above_a_reduction_are_not_floored(path, reader):
    assert reader.data_get(0, 1200, 30).shape == (40, 6)
    assert reader.data_get(0, 1200, 50)["length"][10, 0] == 50
    with original(path) as other:
        assert other.data_get(0, 1200, 30).shape == (60, 6)


def test_out_is_filled(path, reader):
    out = np.zeros((100, 6), STATS_DTYPE)
    found = reader.data_get(0, 1200, 20, out=out)
    assert found.base is out
    assert found.shape == (60, 6)
    assert not out[60:]["length"].any()
    turned = np.zeros((6, 60), STATS_DTYPE).T
    assert np.array_equal(reader.data_get(0, 1200, 20, out=turned)["mean"], found["mean"], equal_nan=True)
    assert np.array_equal(reader.get_reduction(out=out)["mean"][:60], found["mean"], equal_nan=True)
    with pytest.raises(RefusedError, match="out too small: it has 59 rows, and 60 are needed"):
        reader.data_get(0, 1200, 20, out=out[:59])
    with pytest.raises(RefusedError, match="out has float64"):
        reader.data_get(0, 1200, 20, out=np.zeros((60, 6)))
    with pytest.raises(RefusedError, match="out is list, and no array"):
        reader.data_get(0, 1200, 20, out=[])
    with original(path) as other, pytest.raises(TypeError):
        other.data_get(0, 1200, 20, out=out)


def test_seconds_outside_are_refused(path, reader):
    for seconds in (-0.01, 1.0):
        with pytest.raises(ValueError, match="s are outside of the recording"):
            reader.time_to_sample_id(seconds)
        with pytest.raises(ValueError, match="s are outside of the recording"):
            reader.samples_get(seconds, None, units="seconds")
    with original(path) as other:
        assert other.normalize_time_arguments(-0.01, -0.005, "seconds") == (0, LENGTH)


def test_a_samples_own_time_is_its_own(reader):
    for sample in range(LENGTH + 1):
        assert reader.time_to_sample_id(reader.sample_id_to_time(sample)) == sample
    assert reader.time_to_sample_id(10.7 / 2_000_000) == 10
    assert reader.time_to_sample_id(None) is None
    assert reader.sample_id_to_time(None) is None


@pytest.mark.parametrize(
    ("start", "stop", "units", "match"),
    [
        (20, 10, None, r"samples \[20, 10\) are out of range"),
        (0, LENGTH + 1, None, "out of range"),
        (-LENGTH - 1, None, "samples", "out of range"),
        (0.5, 10, None, "0.5 is no sample id"),
        (0, np.nan, None, "nan is no sample id"),
        (-np.inf, 10, "samples", "-inf is no sample id"),
        ("0", 10, None, "'0' is no sample id"),
        (np.nan, None, "seconds", "nan s are outside of the recording"),
        (0, 10, "minutes", "invalid time units: 'minutes'"),
    ],
)
def test_windows_that_there_are_not(reader, start, stop, units, match):
    for call in (reader.samples_get, reader.statistics_get, reader.get_reduction, reader.normalize_time_arguments):
        with pytest.raises(ValueError, match=match):
            call(start, stop, units)


@pytest.mark.parametrize("increment", [np.nan, np.inf, "20"])
def test_an_increment_is_a_number(reader, increment):
    with pytest.raises(RefusedError, match=r"an increment of .* is none"):
        reader.data_get(0, 1200, increment)


def test_the_end_before_the_start_is_not_refused_by_the_original(path):
    with original(path) as other:
        assert other.normalize_time_arguments(20, 10) == (20, 10)


def test_each_block_has_its_own_voltage_range(tmp_path):
    n = 3 * SIZES.samples_per_block
    definition = Definition(words=words_of([3] * n), sizes=SIZES, v_ranges=(0, 1))
    path = write_jls1(tmp_path / "ranges.jls", definition)
    truth = truth_of(definition)
    with DataReader().open(path) as reader, original(path) as other:
        equal_values(reader.samples_get(fields="voltage"), truth.signals["voltage"])
        for start, voltage_range in ((0, 0), (240, 1), (480, 0)):
            assert reader.samples_get(start, start + 240)["signals"]["raw"]["voltage_range"] == voltage_range
            assert reader.voltage_range == voltage_range
        theirs = other.samples_get(200, 240, fields=["voltage"])["signals"]["voltage"]["value"]
        assert not np.array_equal(theirs, truth.signals["voltage"][200:240])


def test_an_unfinished_file_is_whole(tmp_path):
    words = words_of(ranges_of(1000), seed=5)
    path = write_jls1(tmp_path / "open.jls", Definition(words=words, sizes=SIZES, is_closed=False))
    with DataReader().open(path) as reader, original(path) as other:
        assert reader.sample_id_range == [0, 1000]
        assert reader.footer["size"] == 1000
        assert np.array_equal(reader.samples_get(fields="raw"), words)
        assert other.sample_id_range == [0, SIZES.samples_per_block]


def test_a_cut_file_opens(tmp_path):
    data = encode(Definition(words=words_of(ranges_of(1000), seed=5), sizes=SIZES))
    with DataReader().open(io.BytesIO(data[:3000])) as reader:
        assert 0 < reader.sample_id_range[1] < 1000
        assert not reader.recording.was_closed
    with pytest.raises((IndexError, ValueError, struct.error)), original(io.BytesIO(data[:3000])) as other:
        other.samples_get()


def test_damage_is_a_gap(tmp_path):
    definition = Definition(words=words_of([3] * 1000, seed=5), sizes=SIZES)
    data = bytearray(encode(definition))
    place = bytes(data).index(definition.words[80:160].tobytes())
    data[place + 9] ^= 1
    with DataReader().open(io.BytesIO(bytes(data))) as reader:
        current = reader.samples_get(fields="current")
        assert np.flatnonzero(np.isnan(current)).tolist() == [*range(80, 160)]
        assert reader.data_get(0, 1000, 10)["length"][:, 0].tolist() == [10] * 8 + [0] * 8 + [10] * 84
        assert "CRC-32" in reader.recording.status.damage[0].problem


def test_reductions_tell_of_samples_that_are_lost(tmp_path):
    definition = Definition(words=words_of([3] * 1000, seed=5), sizes=SIZES)
    data = bytearray(encode(definition))
    data[bytes(data).index(definition.words[80:160].tobytes()) + 9] ^= 1
    with DataReader().open(io.BytesIO(bytes(data))) as reader:
        assert_alike(reader.data_get(0, 1000, 20), wanted(truth_of(definition), 0, 20, 50))


def test_inputs_of_downsampled_recordings_are_made_right(tmp_path):
    """A recorder that scales twice: of ranges nothing is left, of inputs all."""
    by_name = {make.__name__: make for make in SCENARIOS}
    scenario = by_name["floats_b"](tmp_path)
    truth = scenario.truth()
    with DataReader().open(scenario.path) as reader, original(scenario.path) as other:
        told = reader.samples_get()["signals"]
        assert "current_range" not in told
        assert told["current_lsb"]["value"].max() <= 1
        equal_values(told["current_lsb"]["value"], truth.signals["gpi0"])
        with pytest.raises(RefusedError, match="there is no field current_range"):
            reader.samples_get(fields="current_range")
        assert not reader.data_get(0, reader.sample_id_range[1], 10)["length"][:, 3].any()
        assert other.samples_get()["signals"]["current_lsb"]["value"].max() > 1


@pytest.mark.parametrize("name", ["rows_v1", "generation_1", "generation_1_of_six_fields"])
def test_reductions_of_the_first_generation(tmp_path, name):
    scenario = {make.__name__: make for make in SCENARIOS}[name](tmp_path)
    truth, factor = scenario.truth(), scenario.made.definition.sizes.reduction
    with DataReader().open(scenario.path) as reader, original(scenario.path) as other:
        rows = reader.get_reduction()
        assert_alike(rows, wanted(truth, 0, factor, truth.length // factor))
        assert not np.allclose(other.get_reduction()["max"][:, 1], rows["max"][:, 1], equal_nan=True)


# -- files and handles -------------------------------------------------------------------------------------------------


def test_files_that_are_open(path, definition, tmp_path):
    packed = tmp_path / "run.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    current = truth_of(definition).signals["current"]
    with path.open("rb") as plain, path.open("rb", buffering=0) as bare, gzip.open(packed) as inflated:
        for file in (io.BytesIO(path.read_bytes()), plain, bare, inflated):
            with DataReader().open(file) as reader:
                equal_values(reader.samples_get(fields="current"), current)
                assert reader.data_get(0, LENGTH, 100).shape == (12, 6)
            assert not file.closed


def test_a_file_that_its_owner_closes(path):
    for make in (lambda: path.open("rb"), lambda: io.BytesIO(path.read_bytes())):
        file = make()
        with DataReader().open(file) as reader:
            file.close()
            with pytest.raises(ValueError, match="is closed"):
                reader.samples_get(0, 10)


def test_a_file_that_shrinks(path):
    with path.open("rb") as file, DataReader().open(file) as reader:
        os.truncate(path, 100)
        with pytest.raises(ValueError, match="the file shrank"):
            reader.samples_get(0, 10)


def test_a_file_that_grows():
    file = io.BytesIO(bytes(100))
    with FileObject(file) as storage:
        assert not storage.has_grown()
        file.seek(0, os.SEEK_END)
        file.write(b"more")
        assert storage.has_grown()
        assert (storage.size, storage.read(90, 100), storage.read(100, 1)) == (100, bytes(10), b"")
    assert not storage.has_grown()
    with pytest.raises(ValueError, match="is closed"):
        storage.read(0, 1)


def test_what_is_no_file(path, tmp_path):
    with path.open(encoding="latin-1") as text, pytest.raises(RefusedError, match="is no binary file"):
        DataReader().open(text)
    read_end, write_end = os.pipe()
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe, pytest.raises(RefusedError, match="cannot seek"):
        DataReader().open(pipe)
    for thing in (None, 3, bytes(path)):
        with pytest.raises(RefusedError, match="is no binary file"):
            DataReader().open(thing)
    with pytest.raises(FileNotFoundError):
        DataReader().open(tmp_path / "none.jls")
    for data in (b"", b"no recording at all, but long enough"):
        with pytest.raises(FormatError):
            DataReader().open(io.BytesIO(data))


def test_a_recording_on_a_file_object_is_like_any_other(path):
    with path.open("rb") as file, DataReader().open(file) as reader, xjls.open_recording(path) as other:
        assert reader.recording.statistics("current").mean == other.statistics("current").mean
        assert not reader.recording.refresh()


def test_before_and_behind():
    reader = DataReader()
    for _ in range(2):
        assert (reader.sample_id_range, reader.sampling_frequency, reader.reduction_frequency) == ([0, 0], 1.0, 1.0)
        assert (reader.duration, reader.voltage_range, reader.config, reader.footer) == (0.0, 0, None, None)
        assert (reader.calibration, reader.user_data, reader.footer_user_data) == (None, None, None)
        assert str(reader) == reader.summary_string() == "DataReader, not open"
        for call in (reader.samples_get, reader.statistics_get, reader.get_reduction):
            with pytest.raises(ValueError, match="no recording is open"):
                call()
        reader.open(io.BytesIO(encode(Definition(words=words_of([3] * 50), sizes=SIZES))))
        reader.close()


def test_a_reader_that_is_opened_again(path):
    reader = DataReader().open(path)
    reader.open(io.BytesIO(encode(Definition(words=words_of([3] * 50), sizes=SIZES))))
    assert reader.sample_id_range == [0, 50]
    assert reader.user_data is None
    reader.close()


# -- what the original's own tests ask ---------------------------------------------------------------------------------


def counted(n):
    """Return words that count, of range 0."""
    words = np.empty((n, 2), np.uint16)
    words[:, 0] = np.arange(n) % 4096 << 2
    words[:, 1] = np.arange(n) % 4096 << 2 | (np.arange(n) & 1) << 1
    return words


def test_an_empty_recording():
    file = io.BytesIO()
    DataRecorder(file, user_data={"hello": "world"}).close(footer_user_data={"bye": 1})
    with DataReader().open(file) as reader, original(io.BytesIO(file.getvalue())) as other:
        assert (reader.user_data, reader.footer_user_data) == ({"hello": "world"}, {"bye": 1})
        for name in ("sampling_frequency", "input_sampling_frequency", "output_sampling_frequency",
                     "reduction_frequency", "sample_id_range", "duration", "voltage_range"):  # fmt: skip
            assert getattr(reader, name) == getattr(other, name), name
        assert reader.normalize_time_arguments(None, None) == (0, 0)
        assert reader.sample_id_to_time(0) == 0.0
        assert reader.time_to_sample_id(0.0) == 0
        assert reader.samples_get()["signals"] == {}
        assert reader.get_reduction().shape == (0, 6)
        assert reader.data_get(0, 0).shape == (0, 6)
        with pytest.raises(ValueError, match="there is no sample 0"):
            reader.statistics_get()


def test_negative_samples_count_from_the_end():
    with DataReader().open(io.BytesIO(encode(Definition(words=counted(252), sizes=SIZES)))) as reader:
        assert reader.normalize_time_arguments(-10, -1) == (242, 251)


def test_reductions_direct_and_merged(reader, definition):
    truth = truth_of(definition)
    for start, each in ((0, 1), (0, 2), (40, 2), (40, 1)):
        rows = (1200 - start) // (20 * each)
        assert_alike(reader.data_get(start, 1200, 20 * each), wanted(truth, start, 20 * each, rows))
    assert len(reader.get_reduction()) == LENGTH // 20
    assert_alike(reader.get_reduction(47, 130), wanted(truth, 40, 20, 4))


@pytest.mark.parametrize("stride", [111, 200, 333])
def test_statistics_are_of_the_samples(reader, stride):
    for start in range(0, LENGTH - stride, stride):
        told = reader.statistics_get(start, start + stride)["signals"]
        for field in ("current", "voltage", "power"):
            values = reader.samples_get(start, start + stride, fields=field).astype(float)
            assert told[field]["µ"]["value"] == pytest.approx(np.nanmean(values), rel=5e-6, abs=1e-9)


def test_statistics_of_an_empty_window_are_its_first_samples(reader):
    told = reader.statistics_get(50, 50)
    assert told["signals"]["current"]["µ"]["value"] == reader.samples_get(50, 51, fields="current")[0]
    assert told["time"]["delta"]["value"] == pytest.approx(0.5e-6)
    with pytest.raises(ValueError, match="there is no sample 1_234"):
        reader.statistics_get(LENGTH, LENGTH)


def test_statistics_of_nothing_but_missing_samples(reader):
    told = reader.statistics_get(112, 120)
    assert told["time"]["samples"]["value"] == 0
    assert all(math.isnan(signal["µ"]["value"]) for signal in told["signals"].values())


def test_a_downsampled_recording(tmp_path):
    path = tmp_path / "slow.jls"
    buffer = DownsamplingStreamBuffer(0.2, [], 2_000_000, 10_000)
    with DataRecorder(str(path), Calibration().encode(), samples_per_reduction=100, reductions_per_tlv=5) as recorder:
        recorder.stream_notify(buffer)
        for _ in range(4):
            buffer.insert_raw(counted(50_000))
            buffer.process()
            recorder.stream_notify(buffer)
    with DataReader().open(path) as reader:
        n = reader.sample_id_range[1]
        told = reader.samples_get()["signals"]
        assert n > 900
        assert told["current"]["value"].shape == (n,)
        assert told["current"]["units"] == "A"
        mean = reader.statistics_get()["signals"]["current"]["µ"]["value"]
        assert mean == pytest.approx(np.nanmean(told["current"]["value"].astype(float)), rel=1e-6)
