"""JLS v1 files that Joulescope's own software writes, and reads: equal where it is right, and where it is wrong, named.

Files are made as its users made them: by buffers of either generation, by `DataRecorder.insert`, down-sampled, and of
the first generation by the container's writer. Sizes are shrunk, so that small files have many blocks.
"""

import contextlib
import json
import os

import numpy as np
import pytest

import xjls
from xjls.testing.jls1 import Calibration, Definition, Sizes, encode, ranges_of, truth_of, words_of
from xjls.testing.jls1.scenarios import SCENARIOS
from xjls.testing.laws import equal_values

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # buffers, recorder and reader, without a driver
from joulescope import data_recorder, datafile
from joulescope.data_recorder import DataReader, DataRecorder
from joulescope.v0.calibration import Calibration as OracleCalibration
from joulescope.v0.stream_buffer import DownsamplingStreamBuffer, StreamBuffer
from joulescope.v1.stream_buffer import StreamBuffer as NewerBuffer

pytestmark = pytest.mark.usefixtures("quiet_oracle")
NUMBERS = Calibration()
FIELDS = {
    "current": "current", "voltage": "voltage", "power": "power", "current_range": "current_range",
    "gpi0": "current_lsb", "gpi1": "voltage_lsb",
}  # fmt: skip
"""Our names of signals, and Joulescope's."""
SIZES = Sizes(20, 4, 3)
AROUND = 64
"""Samples on either side of a request that Joulescope's reader converts with it, and that decide what it finds."""


@contextlib.contextmanager
def shrunk(sizes=SIZES):
    """Let Joulescope's recorder make small records and blocks."""
    names = "SAMPLES_PER_REDUCTION", "REDUCTIONS_PER_TLV", "TLVS_PER_BLOCK"
    before = [getattr(data_recorder, name) for name in names]
    try:
        for name, value in zip(names, sizes, strict=True):
            setattr(data_recorder, name, value)
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(data_recorder, name, value)


def oracle_calibration():
    found = OracleCalibration()
    scales = NUMBERS.scales()
    found.current_offset[:7], found.current_gain[:7] = scales[:, :7]
    found.voltage_offset[:], found.voltage_gain[:] = scales[:, 9:]
    found.serial_number = "0123456789abcdef" * 2
    found.data = found.save()
    return found


def calibrated(buffer):
    scales = NUMBERS.scales()
    buffer.calibration_set(scales[0, :7], scales[1, :7], scales[0, 9:], scales[1, 9:])
    return buffer


def recorded(path, words, *, buffer=None, suppressed="interp_1_n_1", v_ranges=(0,), close=True, **notes):
    """Record words through a buffer, as Joulescope's application did: a block has the range that it began with."""
    footer = notes.pop("footer_user_data", None)
    buffer = buffer or StreamBuffer(0.01, [20, 10], 2_000_000)
    calibrated(buffer).suppress_mode = suppressed
    step = SIZES.samples_per_tlv
    with shrunk(), path.open("wb") as file:
        recorder = DataRecorder(file, calibration=oracle_calibration(), **notes)
        recorder.stream_notify(buffer)
        for number, at in enumerate(range(0, len(words), step)):
            buffer.voltage_range = v_ranges[number // SIZES.block % len(v_ranges)]
            buffer.insert_raw(words[at : at + step])
            buffer.process()
            recorder.stream_notify(buffer)
        if close:
            recorder.close(footer)
        file.flush()
    return path


def steady(n, *, seed=0, missing=()):
    """Return words that switch ranges, but not at the end, where Joulescope's software loses more than the current."""
    ranges = ranges_of(n, seed=seed)
    ranges[-AROUND:] = ranges[-AROUND]
    return words_of(ranges, seed=seed, missing=missing)


@contextlib.contextmanager
def oracle(path, suppressed="interp_1_n_1"):
    reader = DataReader().open(str(path))
    reader.raw_processor.suppress_mode = suppressed
    try:
        yield reader
    finally:
        reader.close()


def asked(reader, start, stop, name):
    return reader.samples_get(start, stop, fields=[FIELDS[name]])["signals"][FIELDS[name]]["value"]


def opening(path, suppressed="normal", **options):
    return xjls.open_recording(path, format_options={"suppress": suppressed}, **options)


def assert_reads_the_same(path, windows, suppressed="interp_1_n_1", names=tuple(FIELDS)):
    """Hold windows of a file to Joulescope's reader; of what was not delivered only currents and voltages."""
    with oracle(path, suppressed) as theirs, opening(path, suppressed) as ours:
        for start, stop in windows:
            for name in names:
                wanted = asked(theirs, start, stop, name)
                found, gaps = ours.read_with_gaps(name, (start, stop))
                there = np.ones(stop - start, np.bool_)
                for gap in gaps:
                    assert gap.skipped
                    there[gap.window.start - start : gap.window.stop - start] = False
                if found.dtype.kind != "f":
                    wanted, found = wanted[there], found[there]
                np.testing.assert_array_equal(found, wanted, err_msg=f"{name} [{start}, {stop})")


def windows_of(size, seed=0, count=15, margin=AROUND):
    pairs = np.sort(np.random.default_rng(seed).integers(margin, size, (count, 2)), axis=1).tolist()
    return [(margin, size), *((lo, hi) for lo, hi in pairs if lo < hi)]


# ---- files of a buffer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suppressed", ["interp_1_n_1", "off", "mean_2_3_1", "nan_0_m_0"])
def test_a_recording_of_words(tmp_path, suppressed):
    words = steady(1610, seed=1, missing=[(100, 130), (400, 420), (640, 720)])
    path = recorded(tmp_path / "run.jls", words, user_data={"a": 1}, footer_user_data=["b"])
    assert_reads_the_same(path, windows_of(1610, margin=0), suppressed)
    with opening(path, "off") as ours:
        assert [note.data for note in ours.user_data][:2] == [{"a": 1}, ["b"]]
        assert ours.was_closed
        assert ours.status.complete
        assert ours.signal("current").rate_hz == 2_000_000


@pytest.mark.parametrize("suppressed", ["interp_1_n_1", "off", "mean_2_3_1"])
def test_levels_are_the_reductions_of_the_session(tmp_path, suppressed):
    path = recorded(tmp_path / "run.jls", steady(1610, seed=2), suppressed=suppressed)
    with oracle(path) as theirs, opening(path, suppressed) as ours:
        rows = theirs.get_reduction(0, 1600)
        for number, name in enumerate(FIELDS):
            found = ours.read_level(name, 1)
            assert ours.signal(name).levels[0].factor == 20
            row = rows[: len(found), number]
            wanted = np.stack([row["mean"], np.sqrt(row["variance"] / row["length"]), row["min"], row["max"]], axis=1)
            assert found.shape == (80, 4)
            np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-6 * np.abs(wanted[:, 2:]).max())


def test_several_voltage_ranges_are_those_of_their_blocks(tmp_path):
    """Joulescope's reader converts a request with one range: within a block, away from its end, it is the right one."""
    path = recorded(tmp_path / "run.jls", steady(1610, seed=3), v_ranges=(0, 1, 1))
    size = SIZES.samples_per_block
    inside = [(k * size + lo, (k + 1) * size - AROUND) for k in range(6) for lo in (0, 77)]
    assert_reads_the_same(path, inside)


def test_where_the_oracle_errs_voltages_at_the_border_of_blocks(tmp_path):
    words = steady(1610, seed=4)
    path = recorded(tmp_path / "run.jls", words, v_ranges=(0, 1))
    scales = NUMBERS.scales()
    ranges = np.arange(1610) // SIZES.samples_per_block % 2
    right = ((words[:, 1] >> 2).astype("f4") + scales[0, 9 + ranges]) * scales[1, 9 + ranges]
    with oracle(path, "off") as theirs, opening(path, "off") as ours:
        assert equal_values(ours.read("voltage", (200, 500)), right[200:500])
        assert not np.array_equal(asked(theirs, 100, 200, "voltage"), right[100:200])


def test_where_the_oracle_errs_codes_are_asked_for(tmp_path):
    """It slices rows instead of columns: half of the samples, two columns."""
    words = steady(500, seed=5)
    path = recorded(tmp_path / "run.jls", words)
    with oracle(path) as theirs, opening(path) as ours:
        found = theirs.samples_get(0, 500, fields=["raw_current"])["signals"]["raw_current"]["value"]
        assert found.shape == (250, 2)
        np.testing.assert_array_equal(ours.read("gpi0"), words[:, 0] >> 2 & 1 == 1)


# ---- files of other ways to record ---------------------------------------------------------------------------------


def inserted(path, words, fields=None):
    """Record what a buffer gives, piece by piece."""
    buffer = calibrated(StreamBuffer(0.01, [20, 10], 2_000_000))
    # The oracle stores limits of float64 as float32, where a row is of no sample
    with shrunk(), np.errstate(over="ignore"), path.open("wb") as file:
        recorder = DataRecorder(file, calibration=oracle_calibration())
        done = 0
        for at in range(0, len(words), 100):
            buffer.insert_raw(words[at : at + 100])
            buffer.process()
            stop = buffer.sample_id_range[1]
            recorder.insert(buffer.samples_get(done, stop, fields))
            done = stop
        recorder.close()
    return path, done


@pytest.mark.parametrize("what", ["words", "floats"])
def test_what_is_inserted(tmp_path, what):
    fields = None if what == "words" else list(FIELDS.values())
    path, size = inserted(tmp_path / "run.jls", steady(1610, seed=6), fields)
    assert size == 1610
    assert_reads_the_same(path, windows_of(size, margin=0))
    with opening(path) as ours:
        for name in FIELDS:
            samples = ours.read(name)[:1600].astype("f8").reshape(80, 20)
            wanted = np.stack([samples.mean(1), samples.std(1), samples.min(1), samples.max(1)], axis=1)
            np.testing.assert_allclose(ours.read_level(name, 1), wanted, rtol=2e-6, atol=1e-6 * np.abs(samples).max())


def downsampled(path, n=240_000):
    words = words_of(np.full(n, 3), seed=7)
    words[n // 2 :: 3, 0] |= 4
    buffer = calibrated(DownsamplingStreamBuffer(0.1, [20, 10], 2_000_000, 100_000))
    with shrunk(), path.open("wb") as file:
        recorder = DataRecorder(file, calibration=oracle_calibration())
        recorder.stream_notify(buffer)
        for at in range(0, n, 1600):
            buffer.insert_raw(words[at : at + 1600])
            buffer.process()
            recorder.stream_notify(buffer)
        recorder.close()
    return path, buffer


def test_what_was_down_sampled(tmp_path):
    path, buffer = downsampled(tmp_path / "run.jls")
    stop = buffer.sample_id_range[1]
    start = stop - 5000
    held = buffer.samples_get(start, stop, list(FIELDS.values()))["signals"]
    with opening(path) as ours, oracle(path) as theirs:
        assert list(ours.signals) == [name for name in FIELDS if name != "current_range"]
        assert {signal.rate_hz for signal in ours.signals.values()} == {100_000}
        size = ours.signal("current").length
        assert size == theirs.sample_id_range[1] == 12_000
        for name in ("current", "voltage", "power"):
            np.testing.assert_array_equal(ours.read(name), asked(theirs, 0, size, name))
        # Where it errs: inputs were multiplied twice, so that they are beyond 1
        for name in ("gpi0", "gpi1"):
            assert asked(theirs, 0, size, name).max() > 1
            window = (size - (stop - start), size)
            wanted = held[FIELDS[name]]["value"].astype("f4") / np.float32(255)
            np.testing.assert_array_equal(ours.read(name, window), wanted)
        assert "current_range" in str(ours.status) + repr(ours.signal("current").facts) + repr(ours.status)


def test_what_newer_buffers_record(tmp_path):
    """As a JS220 delivers it: messages of each signal."""
    path, size, rng = tmp_path / "run.jls", 1600, np.random.default_rng(8)
    kinds = {
        "current": (1, 0),
        "voltage": (2, 0),
        "power": (3, 0),
        "current_range": (4, 0),
        "gpi0": (5, 0),
        "gpi1": (5, 1),
    }
    buffer, kept = NewerBuffer(1.0, 1000, None), {name: [] for name in kinds}
    with shrunk(), path.open("wb") as file:
        recorder = DataRecorder(file)
        recorder.stream_notify(buffer)
        for at in range(0, size, 80):
            for name, (field, index) in kinds.items():
                data = rng.normal(1, 0.1, 80).astype("f4")
                if name == "current_range":
                    data = rng.integers(0, 8, 80).astype("u1")
                elif name.startswith("gpi"):
                    data = rng.integers(0, 256, 10).astype("u1")
                kept[name].append(np.unpackbits(data, bitorder="little") if name.startswith("gpi") else data)
                buffer.insert("u/js220/000000/s/i/!data", {
                    "field_id": field, "index": index, "sample_id": at, "data": data, "sample_rate": 1000,
                    "decimate_factor": 1,
                })  # fmt: skip
            recorder.stream_notify(buffer)
        recorder.close()
    assert_reads_the_same(path, windows_of(size, margin=0))
    with opening(path) as ours:
        for name, parts in kept.items():
            np.testing.assert_array_equal(ours.read(name), np.concatenate(parts)[: ours.signal(name).length])


def first_generation(path, words, fields):
    """Write a file as the first releases did, with their own container."""
    tlv, block = SIZES.samples_per_tlv, SIZES.samples_per_block
    amps = truth_of(Definition(words=words)).signals
    with path.open("wb") as file:
        writer = datafile.DataFileWriter(file)
        config = {
            "type": "config", "data_recorder_format_version": "1", "sampling_frequency": 2_000_000.0,
            "samples_per_reduction": SIZES.reduction, "samples_per_tlv": tlv, "samples_per_block": block,
            **({"reduction_fields": list(FIELDS.values())} if fields == 6 else {}),
        }  # fmt: skip
        writer.append(datafile.TAG_META_JSON, json.dumps(config).encode())
        writer.append_subfile("calibration", oracle_calibration().data)
        writer.collection_start(0, 0)
        for first in range(0, len(words), block):
            writer.collection_start(1, 0, data=json.dumps({"v_range": 0, "sample_id": first + tlv}).encode())
            for at in range(first, min(first + block, len(words)), tlv):
                writer.append(datafile.TAG_DATA_BINARY, words[at : at + tlv].tobytes(), compress=False)
            parts = np.stack([amps[name][first : first + block].astype("f8") for name in list(FIELDS)[:fields]])
            rows = parts.reshape(fields, -1, SIZES.reduction).swapaxes(0, 1)
            table = np.stack([rows.mean(2), rows.var(2), rows.min(2), rows.max(2)], axis=2)
            writer.collection_end(data=table.astype("<f4").tobytes())
        writer.collection_end()
        writer.append(datafile.TAG_META_JSON, json.dumps({"type": "footer", "size": len(words)}).encode())
        writer.finalize()
    return path


@pytest.mark.parametrize("fields", [3, 6])
def test_where_the_oracle_errs_reductions_of_the_first_generation(tmp_path, fields):
    """It takes those of the current for all, squares variances, and has no maximum."""
    words = steady(1600, seed=9)
    path = first_generation(tmp_path / "run.jls", words, fields)
    assert_reads_the_same(path, windows_of(1600, margin=0))
    with opening(path) as ours, oracle(path) as theirs:
        rows = theirs.get_reduction(0, 1600)
        assert np.isnan(rows["max"]).all()
        np.testing.assert_array_equal(rows[:, 0]["mean"], rows[:, 1]["mean"])
        for name in FIELDS:
            samples = ours.read(name).astype("f8").reshape(80, 20)
            wanted = np.stack([samples.mean(1), samples.std(1), samples.min(1), samples.max(1)], axis=1)
            np.testing.assert_allclose(ours.read_level(name, 1), wanted, rtol=2e-6, atol=1e-6 * np.abs(samples).max())


# ---- files without an end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "kept"), [(160, 160), (1600, 1600), (1610, 1600)])
def test_where_the_oracle_errs_a_recorder_was_killed(tmp_path, size, kept):
    """It says that there is one block, however many there are."""
    words = steady(size, seed=10)
    path = recorded(tmp_path / "run.jls", words, close=False)
    with opening(path, "off") as ours, oracle(path) as theirs:
        assert not ours.was_closed
        assert ours.signal("current").length == kept
        assert theirs.sample_id_range == [0, SIZES.samples_per_block]
        wanted = truth_of(Definition(words=words[:kept]), suppressed="off").signals
        for name, values in wanted.items():
            assert equal_values(ours.read(name), values)


def test_where_the_oracle_errs_a_copy_was_cut_off(tmp_path):
    words = steady(1610, seed=11)
    whole = recorded(tmp_path / "run.jls", words).read_bytes()
    path = tmp_path / "cut.jls"
    path.write_bytes(whole[: len(whole) // 2])
    with path.open("rb") as file, pytest.raises((IndexError, ValueError)):
        DataReader().open(file)
    with opening(path, "off") as ours:
        assert not ours.status.complete
        size = ours.signal("current").length
        assert size % SIZES.samples_per_tlv == 0
        assert 600 < size < 1000
        wanted = truth_of(Definition(words=words[:size]), suppressed="off").signals
        assert equal_values(ours.read("power"), wanted["power"])


# ---- the files of our own tests ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "missing_samples", "odd_sizes", "saturated", "calibration_of_eight",
                                  "signed_calibration", "generation_1_of_six_fields", "inserted_words", "floats_a",
                                  "floats_c", "inserted_floats", "deflated_metadata", "rows_v1"])  # fmt: skip
def test_joulescope_reads_what_the_fixtures_write(tmp_path, name):
    made = {make.__name__: make for make in SCENARIOS}[name](tmp_path)
    truth = made.truth()
    size = truth.length - 20  # the last window may be open
    with oracle(made.path) as theirs:
        assert theirs.sample_id_range == [0, truth.length]
        for signal, values in truth.signals.items():
            there = ~truth.not_delivered(signal)[:size]
            found = asked(theirs, 0, truth.length, signal)[:size]
            np.testing.assert_array_equal(found[there], values[:size][there])
        if made.made.definition.rows == "v2" and made.made.definition.generation == 2:
            rows, factor = theirs.get_reduction(0, truth.length), made.made.definition.sizes.reduction
            samples = truth.signals["current"][: len(rows) * factor].reshape(len(rows), factor)
            counted = np.isfinite(samples).sum(axis=1)
            np.testing.assert_array_equal(rows[:, 0]["length"], counted)
            with_some = counted > 0
            wanted = np.nanmean(samples[with_some].astype("f8"), axis=1)
            np.testing.assert_allclose(rows[:, 0]["mean"][with_some], wanted, rtol=1e-6, atol=1e-12)


def test_the_fixtures_write_what_joulescope_writes(tmp_path):
    """Byte by byte, but for the calibration's date and the sums of squares of reductions."""
    words = steady(1610, seed=12)
    theirs = recorded(tmp_path / "run.jls", words, user_data={"a": 1}, footer_user_data=["b"]).read_bytes()
    ours = encode(Definition(words=words, user_data={"a": 1}, footer_user_data=["b"], rate_hz=2_000_000))
    found, wanted = (without_calibration(data) for data in (ours, theirs))
    assert [tag for tag, _ in found] == [tag for tag, _ in wanted]
    for (tag, value), (_, other) in zip(found, wanted, strict=True):
        if tag in (b"ABN", b"UJS"):
            assert value == other
        elif tag == b"MJS":
            assert json.loads(value) == json.loads(other)
        elif tag == b"CLS":
            assert value[8:] == other[8:]
        elif tag == b"CLE" and value:
            assert value[:216] == other[:216]
            np.testing.assert_allclose(*(np.frombuffer(one[216 + 96 :], "<f4") for one in (value, other)), rtol=1e-4)


def without_calibration(data):
    """Return the records of a file but for its calibration."""
    found, at = [], 32
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 3] != b"SUB":
            found.append((data[at : at + 3], data[at + 8 : at + 8 + size]))
        at += (size + 19) // 8 * 8
    return found
