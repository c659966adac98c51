"""Joulescope's recorder under its own tests, byte by byte against it, read by it; and what it gets wrong, by name."""

import io
import json
import os
import unittest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # no driver is loaded

from joulescope import data_recorder as oracle
from joulescope.test import test_data_recorder, test_data_recorder_downsampled
from joulescope.v0 import stream_buffer as oracle_buffers
from joulescope.v1.stream_buffer import StreamBuffer as OracleNewerBuffer

from tests.recorders import (
    BLOCK,
    EVERY,
    FIELDS,
    SIZES,
    TLV,
    calibrated,
    fed_messages,
    fed_words,
    filled,
    inserted,
    newer_messages,
    pieces_of,
    read,
    record_both,
    record_ours,
    reductions_of,
    small_oracle,
    values_of,
)
from xjls.compat import joulescope as ours
from xjls.formats.jls1.datafile import Tag, iter_records

# ---- its own tests -------------------------------------------------------------------------------------------------


class RecorderTests(test_data_recorder.TestDataRecorder):
    """Joulescope's own."""


class InsertTests(test_data_recorder.TestDataRecorderInsert):
    """Joulescope's own."""


class DownsampledTests(test_data_recorder_downsampled.TestDataRecorderDownsampled):
    """Joulescope's own."""


CASES = (RecorderTests, InsertTests, DownsampledTests)
NAMES = [(case, name) for case in CASES for name in unittest.TestLoader().getTestCaseNames(case)]
LEFT_OUT = {"test_regression_01"}  # of a file that its author has
LONG = {"test_create_big_file", "test_cache_test", "test_large_file_from_usb"}  # with one buffer it is enough
for case in CASES:
    case.__test__ = False  # they are run below, against this package


def recorder_of_its_sizes(*args, **kwargs):
    """Make a recorder with the numbers that Joulescope's tests set."""
    return ours.DataRecorder(
        *args,
        **kwargs,
        samples_per_reduction=oracle.SAMPLES_PER_REDUCTION,
        reductions_per_tlv=oracle.REDUCTIONS_PER_TLV,
        tlvs_per_block=oracle.TLVS_PER_BLOCK,
    )


@pytest.mark.parametrize(
    ("buffers", "case", "name"),
    [(oracle_buffers, case, name) for case, name in NAMES if name not in LEFT_OUT]
    + [(ours, case, name) for case, name in NAMES if case is not DownsampledTests and name not in LONG],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_its_own_tests_pass(buffers, case, name, monkeypatch):
    for module in (test_data_recorder, test_data_recorder_downsampled, oracle):
        monkeypatch.setattr(module, "DataRecorder", recorder_of_its_sizes)
    monkeypatch.setattr(test_data_recorder, "StreamBuffer", buffers.StreamBuffer)
    monkeypatch.setattr(test_data_recorder_downsampled, "DownsamplingStreamBuffer", buffers.DownsamplingStreamBuffer)
    result = unittest.TestResult()
    case(name).run(result)
    assert result.testsRun == 1
    assert not [*result.failures, *result.errors], [*result.failures, *result.errors][0][1]


# ---- byte by byte --------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.lists(st.integers(200, 2000), max_size=6),
    mode=st.sampled_from(["off", "normal", "mean_1_n_1"]),
)
def test_words_are_written_as_joulescope_does(seed, counts, mode):
    rng = np.random.default_rng(seed)
    buffer = oracle_buffers.StreamBuffer(4.0, [10, 10], 1000.0)
    buffer.suppress_mode = mode
    feed = fed_words(buffer, rng, counts, rng.integers(0, 2, len(counts)).tolist())
    theirs, mine = record_both(buffer, feed, footer_user_data=["late"])
    assert mine == theirs


def test_the_newer_drivers_samples_are_written_as_joulescope_does():
    rng = np.random.default_rng(2)
    buffer = OracleNewerBuffer(4.0, 1000, None)
    for _ in fed_messages(buffer, rng, [80]):
        pass
    theirs, mine = record_both(buffer, fed_messages(buffer, rng, [80, 1600, 800, 8], start=8080))
    assert mine == theirs
    assert read(mine).sample_id_range == [0, 2408]


def test_nothing_is_written_as_joulescope_does():
    theirs, mine = record_both(None, [], footer_user_data=0)
    assert mine == theirs
    files = io.BytesIO(), io.BytesIO()
    oracle.DataRecorder(files[0]).close()
    ours.DataRecorder(files[1]).close()
    assert files[1].getvalue() == files[0].getvalue()
    assert len(files[1].getvalue()) == 416


# ---- read by it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 99, TLV, TLV + 1, BLOCK, 3 * BLOCK + TLV + 250])
def test_words_are_read_by_joulescope(count):
    rng = np.random.default_rng(3)
    buffer = ours.StreamBuffer(10.0, [], 1000.0)
    buffer.suppress_mode = "off"
    numbers = calibrated()
    buffer.calibration_set(numbers.current_offset, numbers.current_gain, numbers.voltage_offset, numbers.voltage_gain)
    steps = [700] * (count // 700) + [count % 700]
    data = record_ours(buffer, fed_words(buffer, rng, steps, missing=False), calibration=numbers, user_data="mine")
    reader = read(data)
    reader.raw_processor.suppress_mode = "off"
    assert (reader.sample_id_range, reader.user_data, reader.footer_user_data) == ([0, count], "mine", None)
    assert reader.sampling_frequency == 1000.0
    assert np.array_equal(reader.calibration.current_gain[:7], numbers.current_gain[:7])
    if count:
        samples = reader.samples_get(0, count)["signals"]
        for field in [*FIELDS, "raw"]:
            assert np.array_equal(samples[field]["value"], buffer.samples_get(0, count, field)), field
        wanted, _ = buffer.statistics_get(0, count)
        told = reader.statistics_get(0, count)["signals"]
        for field, of_field in zip(FIELDS, wanted, strict=True):
            assert told[field]["µ"]["value"] == pytest.approx(of_field["mean"], rel=1e-5)
            assert told[field]["max"]["value"] == pytest.approx(of_field["max"], rel=1e-6)
    rows = reader.get_reduction()
    wanted = buffer.data_get(0, count // 100 * 100, 100)
    assert np.array_equal(rows["length"], wanted["length"])
    for name in ("mean", "variance", "min", "max"):
        assert np.array_equal(rows[name], wanted[name].astype("f4")), name


def test_lower_rates_keep_their_ranges_and_inputs():
    """Joulescope multiplies what its own buffer has scaled once more, in a byte: readers see range 0."""
    rng = np.random.default_rng(4)
    buffer = oracle_buffers.DownsamplingStreamBuffer(1.0, [100], 2_000_000, 100_000)
    theirs, mine = record_both(buffer, fed_words(buffer, rng, [20_000] * 3, missing=False))
    wanted, found = (list(iter_records(data)) for data in (theirs, mine))
    for left, right in zip(wanted, found, strict=True):
        assert left.tag == right.tag
        if left.tag != Tag.DATA:
            assert left.value == right.value
    stored, codes = values_of(found), buffer.samples_get(0, 3000, FIELDS)["signals"]
    for field in FIELDS[:3]:
        assert np.array_equal(stored[field], values_of(wanted)[field])
    assert np.array_equal(stored["current_range"], codes["current_range"]["value"])
    assert np.ptp(stored["current_range"]) > 30
    for field in FIELDS[4:]:
        assert np.array_equal(stored[field], np.rint(codes[field]["value"] / 17).astype("u1"))
        assert stored[field].max() <= 15
    shown = read(mine).samples_get(0, 3000)["signals"]["current_range"]["value"]
    assert np.array_equal(shown, codes["current_range"]["value"] / 16)
    assert not np.array_equal(read(theirs).samples_get(0, 3000)["signals"]["current_range"]["value"], shown)


def test_ours_of_lower_rates_are_told_the_same():
    rng = np.random.default_rng(5)
    buffer = ours.DownsamplingStreamBuffer(1.0, [], 2_000_000, 10_000)
    data = record_ours(buffer, fed_words(buffer, rng, [100_000] * 4, missing=False))
    start, stop = buffer.sample_id_range
    reader = read(data)
    assert reader.sample_id_range == [0, stop]
    assert reader.config["data_format"] == "float32_v2"
    found = reader.samples_get(0, stop)["signals"]
    for field in FIELDS:
        wanted = buffer.samples_get(start, stop, field)
        assert np.allclose(found[field]["value"][start:], wanted, rtol=1e-6), field
    assert np.ptp(found["current_range"]["value"]) > 3


@pytest.mark.parametrize("fields", [((1, 0), (3, 0), (5, 0)), ((3, 0), (5, 0))], ids=["current", "no current"])
@pytest.mark.parametrize("make", [OracleNewerBuffer, ours.v1.StreamBuffer], ids=["theirs", "ours"])
def test_signals_that_do_not_come_are_not_made_up(make, fields):
    """Joulescope tells the signal before instead; ours tells nothing."""
    rng = np.random.default_rng(6)
    buffer = make(4.0, 1000, None)
    if make is OracleNewerBuffer:
        for key, samples in buffer.buffers.items():
            samples.active = key in fields
    data = record_ours(buffer, fed_messages(buffer, rng, [800, 800], fields))
    stored = values_of(iter_records(data))
    assert np.array_equal(stored["power"], buffer.samples_get(8800, 9600, "power"))
    assert np.array_equal(stored["current_lsb"], buffer.samples_get(8800, 9600, "current_lsb") * 15)
    assert np.isnan(stored["voltage"]).all()
    assert np.isnan(stored["current"]).all() == ((1, 0) not in fields)
    assert not stored["current_range"].any()
    assert not stored["voltage_lsb"].any()


def test_ids_of_a_buffer_that_was_empty_begin_anywhere():
    def feed(buffer):
        yield
        for message in newer_messages(123_456_000, 400, np.random.default_rng(7), EVERY):
            buffer.insert("", message)
            yield

    for buffer in (OracleNewerBuffer(4.0, 1000, None), ours.v1.StreamBuffer(4.0, 1000, None)):
        data = record_ours(buffer, feed(buffer))
        (block,) = (entry for entry in iter_records(data) if entry.tag == Tag.START and len(entry.value) > 12)
        assert json.loads(block.value[12:]) == {"v_range": 0, "sample_id": 123_456_000}
        assert read(data).sample_id_range == [0, 400]


def test_a_block_has_the_voltage_range_of_its_first_record():
    buffer = ours.StreamBuffer(4.0, [], 1000.0)
    buffer.suppress_mode = "off"
    feed = fed_words(buffer, np.random.default_rng(8), [TLV] * 5, [1, 0, 0, 0, 1], missing=False)
    blocks = [entry.value for entry in iter_records(record_ours(buffer, feed)) if entry.tag == Tag.START]
    assert [json.loads(value[12:])["v_range"] for value in blocks if len(value) > 12] == [1, 0]


# ---- pieces --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [None, FIELDS], ids=["words", "numbers"])
@pytest.mark.parametrize("lengths", [[252], [TLV, TLV], [1, 498, 2, 0, 700, 3, 2000], [3 * BLOCK], [4, 1600]])
def test_pieces_are_what_was_given(fields, lengths):
    buffer = filled(oracle_buffers.StreamBuffer(6.0, [10], 1000.0), 5000)
    data = inserted(pieces_of(buffer, lengths, fields), calibration=calibrated())
    with small_oracle(), np.errstate(over="ignore"):
        file = io.BytesIO()
        recorder = oracle.DataRecorder(file, calibration=calibrated())
        for piece in pieces_of(buffer, lengths, fields):
            recorder.insert(piece)
        recorder.close()
    count = sum(lengths)
    found, wanted = list(iter_records(data)), list(iter_records(file.getvalue()))
    assert read(data).sample_id_range == [0, count]
    mine, theirs = ([entry.value for entry in records if entry.tag == Tag.DATA] for records in (found, wanted))
    if fields is None:
        words = np.concatenate([np.frombuffer(value, "<u2") for value in mine]).reshape(-1, 2)
        assert np.array_equal(words, buffer.samples_get(0, count, "raw"))
        assert mine == theirs
    else:
        for field, values in values_of(found).items():
            assert np.array_equal(values, values_of(wanted)[field], equal_nan=values.dtype.kind == "f"), field
    blocks = reductions_of(found)
    assert sum(len(arrays[0]) for arrays in blocks) == count // 100
    for arrays, theirs in zip(blocks, reductions_of(wanted), strict=True):
        for number, values in arrays.items():  # theirs have rows of nothing behind, and count missing ranges
            whole = theirs[0][: len(values)] == 100
            assert np.allclose(values[whole], theirs[number][: len(values)][whole], rtol=1e-5, atol=1e-12), number


def test_missing_samples_count_in_no_field():
    """Joulescope's own counts them as range 8."""
    buffer = filled(oracle_buffers.StreamBuffer(6.0, [10], 1000.0), 1000)
    (arrays,) = reductions_of(iter_records(inserted(pieces_of(buffer, [1000]))))
    wanted = buffer.data_get(0, 1000, 100)
    assert arrays[0].tolist() == wanted["length"][:, 0].tolist()
    assert arrays[0][0] < 100
    assert np.allclose(arrays[0x34], wanted["max"][:, 3])


def test_pieces_are_copied():
    """Joulescope keeps views of its ring, which is written over."""
    buffer = filled(ours.StreamBuffer(6.0, [], 1000.0), 1000)
    piece, file = buffer.samples_get(0, 400), io.BytesIO()
    wanted = piece["signals"]["raw"]["value"].copy()
    with ours.DataRecorder(file, **SIZES) as recorder:
        recorder.insert(piece)
        for signal in piece["signals"].values():
            signal["value"][:] = 7
    (record,) = (entry for entry in iter_records(file.getvalue()) if entry.tag == Tag.DATA)
    assert record.value == wanted.tobytes()


def test_pieces_that_overlap_are_written_once():
    buffer = filled(ours.StreamBuffer(6.0, [], 1000.0), 3000)
    pieces = [buffer.samples_get(*window) for window in [(0, 700), (300, 700), (0, 0), (650, 1000), (900, 2000)]]
    assert inserted(pieces) == inserted([buffer.samples_get(0, 2000)])


def test_codes_of_ranges_and_inputs_are_undone():
    buffer = oracle_buffers.DownsamplingStreamBuffer(1.0, [], 2_000_000, 100_000)
    filled(buffer, 40_000, missing=False)
    codes = buffer.samples_get(0, 2000, FIELDS)["signals"]
    records = list(iter_records(inserted([buffer.samples_get(0, 2000, FIELDS)])))
    assert np.array_equal(values_of(records)["current_range"], codes["current_range"]["value"])
    assert values_of(records)["current_lsb"].max() <= 15
    means = np.concatenate([arrays[0x31] for arrays in reductions_of(records)])
    assert np.allclose(means, buffer.data_get(0, 2000, 100)["mean"][:, 3], atol=1e-6)


def test_some_signals_are_enough_for_numbers():
    buffer = filled(ours.StreamBuffer(6.0, [], 1000.0), 1000, missing=False)
    stored = values_of(iter_records(inserted([buffer.samples_get(0, 800, ["current", "current_range"])])))
    assert np.array_equal(stored["current"], buffer.samples_get(0, 800, "current"))
    assert np.isnan(stored["power"]).all()
    assert not stored["voltage_lsb"].any()
