"""Joulescope's recorder where something is wrong: what is refused, files that fail, and captures that are killed."""

import contextlib
import errno
import io
import os
import tracemalloc

import numpy as np
import pytest

os.environ.setdefault("JOULESCOPE_BACKEND", "none")  # no driver is loaded

from joulescope.data_recorder import DataReader
from joulescope.v0 import stream_buffer as oracle_buffers
from joulescope.v0.calibration import Calibration as OracleCalibration

from tests.recorders import FIELDS, SIZES, TLV, a_piece, calibrated, fed_words, filled, inserted, pieces_of, read
from xjls.compat import joulescope as ours
from xjls.errors import CorruptError
from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.datafile import Tag, iter_records

# ---- what is refused -----------------------------------------------------------------------------------------------


RAW = np.zeros((10, 2), "u2")


@pytest.mark.parametrize(
    ("pieces", "match"),
    [
        ([a_piece(), a_piece(12, 20)], r"samples \[10, 12\) are missing"),
        ([a_piece(), a_piece(10, 20, rate=2000.0)], "have a rate of 2000.0 Hz, those before 1000.0"),
        ([a_piece(), a_piece(10, 20, current=RAW[:, 0])], "have no voltage, power"),
        ([a_piece(bits=RAW[:, 0])], "have no current, voltage"),
        ([a_piece(raw=RAW)], "no dictionary of samples .*voltage_range"),
        ([a_piece(current=RAW[:9, 0])], r"there are 9 of current of samples \[0, 10\)"),
        ([a_piece(rate=0)], "a rate of 0 samples a second is none"),
        ([{"signals": {}}], "no dictionary of samples"),
        ([RAW], "no dictionary of samples"),
        ([a_piece(rate="fast")], "no dictionary of samples .*could not convert"),
        ([a_piece(current=3.0)], r"there are 1 of current of samples \[0, 10\)"),
        ([a_piece(current=RAW)], r"current is uint16 in shape \(10, 2\), expected numbers in shape \(10,\)"),
        ([a_piece(voltage=np.full(10, "1"))], "voltage is <U1 in shape"),
    ],
)
def test_pieces_that_do_not_fit_are_refused(pieces, match):
    file = io.BytesIO()
    recorder = ours.DataRecorder(file)
    for piece in pieces[:-1]:
        recorder.insert(piece)
    with pytest.raises(ValueError, match=match) as caught:
        recorder.insert(pieces[-1])
    assert isinstance(caught.value, ours.RefusedError)
    recorder.close()
    assert read(file.getvalue()).sample_id_range == [0, 10 * len(pieces[:-1])]


@pytest.mark.parametrize("words", [RAW[:, 0], RAW.astype("f4"), RAW[:, [0, 1, 1]]])
def test_words_are_two_of_each_sample(words):
    piece = a_piece()
    piece["signals"]["raw"] = {"value": words, "voltage_range": 0}
    with (
        ours.DataRecorder(io.BytesIO()) as recorder,
        pytest.raises(ours.RefusedError, match=r"raw is .*, expected words in shape \(10, 2\)"),
    ):
        recorder.insert(piece)


def test_one_sample_needs_no_array():
    file = io.BytesIO()
    with ours.DataRecorder(file) as recorder:
        recorder.insert(a_piece(7, 8, **dict.fromkeys(FIELDS, 1.0)))
    assert read(file.getvalue()).sample_id_range == [0, 1]


def test_words_need_the_numbers_beside_them():
    piece = a_piece(current=RAW[:, 0])
    piece["signals"]["raw"] = {"value": RAW, "voltage_range": 0}
    with ours.DataRecorder(io.BytesIO()) as recorder, pytest.raises(ours.RefusedError, match="have no voltage, power"):
        recorder.insert(piece)


@pytest.mark.parametrize("buffers", [oracle_buffers, ours], ids=["theirs", "ours"])
def test_buffers_that_do_not_fit_are_refused(buffers):
    made = [buffers.StreamBuffer(seconds, [], 1000.0) for seconds in (0.4, 1.0, 1.0)]
    file = io.BytesIO()
    recorder = ours.DataRecorder(file, **SIZES)
    with pytest.raises(ValueError, match="keeps 400 samples, and a record has 500"):
        recorder.stream_notify(made[0])
    recorder.stream_notify(made[1])
    with pytest.raises(ValueError, match="of another buffer"):
        recorder.stream_notify(made[2])
    with pytest.raises(ValueError, match="the recording is of a buffer"):
        recorder.insert(a_piece())
    filled(made[1], 700)
    recorder.stream_notify(made[1])
    assert recorder.size == TLV
    filled(made[1], 1000)
    with pytest.raises(ValueError, match=r"samples \[500, 700\) gave way before they were recorded"):
        recorder.stream_notify(made[1])
    with pytest.raises(ValueError, match="gave way"):
        recorder.close()
    assert read(file.getvalue()).sample_id_range == [0, TLV]
    recorder.close()
    with pytest.raises(ValueError, match="the recording is closed"):
        recorder.stream_notify(made[1])


def test_a_buffer_that_was_reset_is_refused():
    """Joulescope's own waits for ids that come again."""
    buffer, recorder = filled(ours.StreamBuffer(1.0, [], 1000.0), 100), ours.DataRecorder(io.BytesIO(), **SIZES)
    recorder.stream_notify(buffer)
    buffer.reset()
    with pytest.raises(ours.RefusedError, match="ends with sample 0, before 100 that is to come: it was reset"):
        recorder.stream_notify(buffer)
    recorder.abandon()


def test_more_than_a_ring_at_once_is_refused_from_the_beginning():
    buffer, recorder = ours.StreamBuffer(1.0, [], 1000.0), ours.DataRecorder(io.BytesIO(), **SIZES)
    recorder.stream_notify(buffer)
    filled(buffer, 1500)
    with pytest.raises(ours.RefusedError, match=r"samples \[0, 500\) gave way"):
        recorder.stream_notify(buffer)
    recorder.abandon()


def test_a_tail_is_the_end():
    buffer, file = filled(ours.StreamBuffer(2.0, [], 1000.0), 100), io.BytesIO()
    with ours.DataRecorder(file, **SIZES) as recorder:
        recorder.stream_notify(None)
        recorder.insert(None)
        recorder.stream_notify(buffer)
        filled(buffer, 200)
        recorder.stream_notify(None)
        recorder.stream_notify(None)
        assert recorder.size == 200
        filled(buffer, 600)
        with pytest.raises(ours.RefusedError, match="has its last samples"):
            recorder.stream_notify(buffer)
        buffer.reset()
        filled(buffer, 300)
    assert read(file.getvalue()).sample_id_range == [0, 200]


def test_pieces_and_buffers_do_not_mix():
    with ours.DataRecorder(io.BytesIO()) as recorder:
        recorder.insert(a_piece())
        with pytest.raises(ours.RefusedError, match="pieces were inserted"):
            recorder.stream_notify(ours.StreamBuffer(1.0, [], 1000.0))


def test_a_buffer_that_gives_other_words_than_asked_is_refused():
    class Odd(ours.StreamBuffer):
        def samples_get(self, start, stop, fields=None):
            return super().samples_get(start, stop, fields)[1:]

    buffer, recorder = Odd(2.0, [], 1000.0), ours.DataRecorder(io.BytesIO(), **SIZES)
    recorder.stream_notify(buffer)
    filled(buffer, 600)
    with pytest.raises(ours.RefusedError, match="gave 998 words of 500 samples"):
        recorder.stream_notify(buffer)
    recorder.abandon()


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"calibration": OracleCalibration()}, ours.RefusedError, "has no bytes"),
        ({"calibration": b"not a calibration, by far: 32 bytes"}, ValueError, "container"),
        ({"calibration": calibrated().data[:-9]}, ValueError, "bytes are there"),
        ({"calibration": calibrated().data[:300] + b"?" + calibrated().data[301:]}, CorruptError, "CRC-32"),
        ({"user_data": {1, 2}}, TypeError, "not JSON"),
        ({"tlvs_per_block": 0}, ours.RefusedError, "are none"),
    ],
)
def test_what_cannot_be_recorded_leaves_a_file_alone(given, error, match, tmp_path):
    path = tmp_path / "run.jls"
    path.write_bytes(b"precious")
    with pytest.raises(error, match=match):
        ours.DataRecorder(path, **given)
    assert path.read_bytes() == b"precious"


# ---- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "path"])
def test_files_by_name_are_opened_and_closed(kind, tmp_path):
    path = tmp_path / "run.jls"
    recorder = ours.DataRecorder(kind(path), user_data=5)
    assert path.stat().st_size > 32
    recorder.close(footer_user_data=6)
    recorder.close()
    reader = DataReader().open(str(path))
    assert (reader.user_data, reader.footer_user_data) == (5, 6)
    reader.close()


def test_files_of_the_caller_stay_open(tmp_path):
    with (tmp_path / "run.jls").open("w+b") as file:
        with ours.DataRecorder(file, **SIZES) as recorder:
            recorder.insert(a_piece())
        assert not file.closed
        file.seek(0)
        assert DataReader().open(file).sample_id_range == [0, 10]


def test_a_file_that_is_not_at_its_beginning_is_refused():
    file = io.BytesIO(b"other")
    file.seek(5)
    with pytest.raises(ours.RefusedError, match="the file is at 5"):
        ours.DataRecorder(file)


def test_a_file_that_cannot_be_written_is_closed(tmp_path, monkeypatch):
    def refuse(*_args, **_given):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr("xjls.compat.joulescope.recorder.Writer", refuse)
    with pytest.raises(OSError, match="no space left"):  # and nothing is left open: the fixture looks
        ours.DataRecorder(tmp_path / "run.jls")


@pytest.mark.parametrize(
    "made",
    [calibrated(), calibrated().data, bytearray(calibrated().data), Calibration.decode(calibrated().data)],
    ids=["theirs", "bytes", "bytearray", "ours"],
)
def test_calibrations_of_all_kinds_are_kept(made):
    file = io.BytesIO()
    ours.DataRecorder(file, calibration=made).close()
    found = read(file.getvalue()).calibration
    assert np.array_equal(found.current_gain[:7], calibrated().current_gain[:7])
    assert np.array_equal(found.voltage_offset, calibrated().voltage_offset)


def test_what_was_recorded_is_there_after_a_kill(tmp_path):
    path, buffer = tmp_path / "run.jls", ours.StreamBuffer(4.0, [], 1000.0)
    recorder = ours.DataRecorder(path, **SIZES)
    feed = fed_words(buffer, np.random.default_rng(10), [700, 700, 700])
    for _ in feed:
        recorder.stream_notify(buffer)
        data, found = path.read_bytes(), []
        with contextlib.suppress(ValueError):
            found.extend(iter_records(data))
        words = [np.frombuffer(entry.value, "<u2") for entry in found if entry.tag == Tag.DATA]
        assert sum(map(len, words)) == 2 * recorder.size == 2 * (buffer.sample_id_range[1] // TLV * TLV)
        if words:
            stored = np.concatenate(words).reshape(-1, 2)
            assert np.array_equal(stored, buffer.samples_get(0, recorder.size, "raw"))
    recorder.abandon()
    recorder.abandon()
    assert path.read_bytes() == data


def test_a_block_that_raises_leaves_a_recording_without_an_end():
    file = io.BytesIO()
    recorder = ours.DataRecorder(file, **SIZES)
    recorder.insert(a_piece(0, 600))
    with pytest.raises(ours.RefusedError, match="missing"), recorder:
        recorder.insert(a_piece(700, 710))
    assert recorder.size == TLV
    with pytest.raises(ValueError, match="no END"):
        list(iter_records(file.getvalue()))


def test_footers_that_are_no_json_change_nothing():
    file = io.BytesIO()
    recorder = ours.DataRecorder(file)
    with pytest.raises(TypeError, match="not JSON"):
        recorder.close(footer_user_data={1, 2})
    recorder.close(footer_user_data=[1, 2])
    assert read(file.getvalue()).footer_user_data == [1, 2]


def test_pieces_that_a_full_disk_refused_can_be_given_again():
    class Flaky(io.BytesIO):
        refuses = False

        def write(self, data):
            if self.refuses:
                super().write(data[:9])
                raise OSError(errno.ENOSPC, "no space left")
            return super().write(data)

    buffer, file = filled(ours.StreamBuffer(6.0, [], 1000.0), 5000), Flaky()
    pieces = pieces_of(buffer, [700] * 6)
    with ours.DataRecorder(file, **SIZES) as recorder:
        for piece in pieces:
            file.refuses = True
            with contextlib.suppress(OSError):
                recorder.insert(piece)
            file.refuses = False
            recorder.insert(piece)
    assert file.getvalue() == inserted(pieces)


def test_memory_does_not_grow_with_the_recording():
    class Sieve:
        """A file that keeps nothing."""

        at = 0

        def write(self, data):
            self.at += len(data)

        def seek(self, offset, whence=0):
            self.at = offset if whence == 0 else self.at

        def tell(self):
            return self.at

    buffer = filled(ours.StreamBuffer(6.0, [], 1000.0), 5000)
    piece, peaks = buffer.samples_get(0, 5000), []
    tracemalloc.start()
    for count in (10, 10, 100):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        with ours.DataRecorder(Sieve(), **SIZES) as recorder:
            for i in range(count):
                time = {**piece["time"], "sample_id_range": {"value": [5000 * i, 5000 * (i + 1)]}}
                recorder.insert({"time": time, "signals": piece["signals"]})
        assert recorder.size == count * 5000
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]
