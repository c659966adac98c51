"""What xjls.compat.pyjls takes that pyjls does not, and what it refuses, in what words."""

import pickle

import numpy as np
import pytest

import xjls
from xjls.compat.pyjls import Reader, RefusedError, SignalType, TimeMap, UnknownError, Writer, binding
from xjls.compat.pyjls.time64 import duration_to_seconds


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run.jls")


def write(path, data, **how):
    with Writer(path) as writer:
        writer.source_def(1, name="bench")
        writer.signal_def(1, 1, **({"sample_rate": 1000, "name": "s"} | how))
        writer.fsr(1, 0, data)
    return path


# ---- what is taken besides -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_type", "data", "stored"),
    [
        ("f32", [1, 2.5, 3], np.array([1, 2.5, 3], "f4")),
        ("f32", np.arange(8, dtype="f4")[::2], np.array([0, 2, 4, 6], "f4")),
        ("i16", (1, -2), np.array([1, -2], "i2")),
        ("u8", [True, False], None),
        ("u1", np.array([1, 0, 1, 1], bool), np.array([0b1101], "u1")),
        ("u1", [True, True, False], np.array([3], "u1")),
        ("u1", [0b1101], np.array([0b1101], "u1")),
        ("i4", np.array([-1, 2, 7], "i1"), np.array([0x2F, 0x07], "u1")),
        ("u4", [0x21], np.array([0x21], "u1")),
    ],
)  # fmt: skip
def test_samples_may_be_lists_and_strided(path, data_type, data, stored):
    if stored is None:
        with pytest.raises(RefusedError, match="samples are bool, those of a signal of type u8 are uint8"):
            write(path, data, data_type=data_type)
        return
    with Reader(write(path, data, data_type=data_type)) as reader:
        found = reader.fsr(1, 0, reader.signals[1].length)
        assert (found.dtype, found.tolist()) == (stored.dtype, stored.tolist())


def test_nothing_may_be_written_and_read(path):
    with Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(1, 1, sample_rate=1000, name="s")
        writer.fsr(1, 5, np.empty(0, "f4"))
        writer.fsr(1, 7, [1.0])
        writer.annotation(1, 7, None, "text", 0, b"")
        writer.annotation(1, 7, None, "text", 0, None)
    notes = []
    with Reader(path) as reader:
        assert reader.signals[1].sample_id_offset == 7
        assert reader.fsr(1, 1, 0).shape == (0,)
        assert reader.fsr_statistics(1, 0, 1, 0).shape == (0, 4)
        reader.annotations(1, 0, lambda *note: notes.append(note[4]))
        assert notes == [b"", b""]


def test_numbers_of_user_data_lose_their_upper_bits_loudly(path, caplog):
    with Writer(path) as writer:
        writer.user_data(0xF004, "x")
    assert "the number 0xf004 of user data keeps its lower 12 bits only: 0x4" in caplog.text
    seen = []
    with Reader(path) as reader:
        reader.user_data(lambda meta, data: seen.append(meta))
    assert seen == [4]


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.fixture
def writer(path):
    with Writer(path) as opened:
        opened.source_def(1, name="bench")
        opened.signal_def(1, 1, sample_rate=1000, name="s")
        opened.signal_def(2, 1, signal_type=SignalType.VSR, name="notes")
        opened.signal_def(3, 1, sample_rate=1000, name="i", data_type="i16")
        yield opened


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda w: w.source_def(1), "source 1 is defined already. Choose another"),
        (lambda w: w.source_def(0), "source 0 is not between 1 and 255"),
        (lambda w: w.source_def(256), "source 256 is not between 1 and 255"),
        (lambda w: w.source_def(5, 5), "5 is no text. Give a string, or None"),
        (lambda w: w.signal_def(1, 1, sample_rate=1), "signal 1 is defined already"),
        (lambda w: w.signal_def(256, 1, sample_rate=1), "signal 256 is not between 1 and 255"),
        (lambda w: w.signal_def(5, 9, sample_rate=1, name="x"), "source 9 of 'x' is not defined"),
        (lambda w: w.signal_def(5, 1, 2, sample_rate=1), "2 is no type of signal. Choose SignalType.FSR"),
        (lambda w: w.signal_def(5, 1, name="x"), "'x' has a rate of None Hz. JLS keeps whole numbers"),
        (lambda w: w.signal_def(5, 1, name="x", sample_rate=0), "'x' has a rate of 0 Hz"),
        (lambda w: w.signal_def(5, 1, name="x", sample_rate=0.5), "'x' has a rate of 0.5 Hz"),
        (lambda w: w.signal_def(5, 1, name="x", sample_rate=1 << 32), "has a rate of 4294967296 Hz"),
        (lambda w: w.signal_def(5, 1, sample_rate=1, annotation_decimate_factor=1 << 40), "does not fit its place"),
        (lambda w: w.fsr(1, 0, np.zeros(3)), r"samples are float64, .* type f32 are float32. Give them as .astype"),
        (lambda w: w.fsr(1, 0, np.zeros((3, 2), "f4")), r"shape \(3, 2\). Give them with one dimension"),
        (lambda w: w.fsr(1, 0, ["a"]), "samples are a list of <U1, the signal's are float32"),
        (lambda w: w.fsr(3, 0, [0.5]), "samples are a list of float64, the signal's are int16"),
        (lambda w: w.fsr(3, 0, [70_000]), "samples do not fit int16. Clip or scale"),
        (lambda w: w.fsr(2, 0, [1.0]), "signal 2 has annotations only, no samples. Define it with"),
        (lambda w: w.fsr(0, 0, [1.0]), "signal 0 has annotations only"),
        (lambda w: w.fsr(1, 1 << 63, [1.0]), "9223372036854775808 does not fit 64 bits"),
        (lambda w: w.utc(2, 0, 0), "signal 2 has annotations only"),
        (lambda w: w.utc(1, 0, 1 << 64), "18446744073709551616 does not fit 64 bits"),
        (lambda w: w.fsr_omit_data(2, True), "signal 2 has annotations only"),
        (lambda w: w.annotation(1, 0, 0, 0, 256, "x"), "a number does not fit its place in the file"),
        (lambda w: w.annotation(1, 0, 1e300, 0, 0, "x"), "a number does not fit its place in the file"),
        (lambda w: w.user_data(1 << 16, "x"), "the number 65536 of user data has more than 16 bits"),
        (lambda w: w.user_data(-1, "x"), "the number -1 of user data has more than 16 bits"),
    ],
)
def test_calls_that_cannot_be_written_are_refused(writer, path, call, match):
    with pytest.raises(RefusedError, match=match) as caught:
        call(writer)
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, ValueError)
    writer.fsr(1, 0, [1.0, 2.0])
    writer.close()
    with Reader(path) as reader:
        assert reader.fsr(1, 0, 2).tolist() == [1, 2], "and what is right goes on"


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda w: w.fsr(99, 0, [1.0]), "signal 99 is not defined. Define it first"),
        (lambda w: w.fsr_f32(99, 0, [1.0]), "signal 99 is not defined"),
        (lambda w: w.annotation(99, 0, 0, 0, 0, "x"), "signal 99 is not defined"),
        (lambda w: w.utc(99, 0, 0), "signal 99 is not defined"),
        (lambda w: w.fsr_omit_data(99, True), "signal 99 is not defined"),
        (lambda w: w.annotation(1, 0, 0, "bogus", 0, "x"), "no annotation is of type 'bogus'. Types: user"),
        (lambda w: w.annotation(1, 0, 0, 4, 0, "x"), "no annotation is of type 4"),
        (lambda w: w.signal_def(5, 1, data_type="i24", sample_rate=1), "no samples are of type 'i24'. Types: u1"),
        (lambda w: w.signal_def(5, 1, data_type=0x1801, sample_rate=1), "no samples are of type 6145"),
        (lambda w: binding.jls_inject_log("?", "f", 1, "m"), r"no level is called '\?'. Levels: !"),
    ],
)
def test_what_is_not_there_is_a_keyerror_and_a_valueerror(writer, call, match):
    with pytest.raises(UnknownError, match=match) as caught:
        call(writer)
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, xjls.XjlsError)


def test_annotations_that_json_cannot_say_are_refused(writer):
    with pytest.raises(TypeError, match="not JSON serializable"):
        writer.annotation(1, 0, 0, 0, 0, object())


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda r: r.fsr(1, -1, 2), "2 samples of signal 1 from -1 on are asked for, it has 10"),
        (lambda r: r.fsr(1, 0, 11), "11 samples of signal 1 from 0 on are asked for, it has 10. Choose a window"),
        (lambda r: r.fsr(1, 0, -1), "-1 samples of signal 1"),
        (lambda r: r.fsr(0, 0, 1), r"signal 0 \('global_annotation_signal'\) has no samples that can be read"),
        (lambda r: r.fsr_statistics(1, 0, 3, 4), "12 samples of signal 1 from 0 on"),
        (lambda r: r.fsr_statistics(1, 0, 0, 4), "4 spans of 0 samples are asked for. Give 1 sample or more"),
        (lambda r: r.fsr_statistics(1, 0, 1, -1), "-1 spans of 1 samples"),
        (lambda r: r.time_map_length(0), "signal 0 .* has no samples that can be read, and no clock"),
        (lambda r: TimeMap(r, 0).time_map_get(), "signal 0 .* has no samples that can be read, and no clock"),
        (lambda r: r.time_map_get(1, 1), "UTC pairs 1 to 2 are asked for, there are 1. Choose among these"),
        (lambda r: r.fsr(99, 0, 1), r"no signal 99 in .*run.jls. Signals: \[0, 1\]"),
        (lambda r: r.annotations(99, 0, print), "no signal 99"),
        (lambda r: r.utc(99, 0, print), "no signal 99"),
        (lambda r: r.fsr_statistics(99, 0, 1, 1), "no signal 99"),
        (lambda r: r.time_map_get(99), "no signal 99"),
    ],
)
def test_reads_that_cannot_be_answered_are_refused(path, call, match):
    with Reader(write(path, np.zeros(10, "f4"))) as reader, pytest.raises(RefusedError, match=match):
        call(reader)


def test_files_that_do_not_open_say_why(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nope\.jls"):
        Reader(tmp_path / "nope.jls")
    (tmp_path / "junk.jls").write_bytes(b"hello" * 100)
    with pytest.raises(xjls.NotRecognizedError, match="are not a JLS v2 recording's"):
        Reader(tmp_path / "junk.jls")
    with pytest.raises(FileNotFoundError, match=r"run\.jls"):
        Writer(tmp_path / "no" / "run.jls")
    with pytest.raises(FileExistsError, match="exists"):
        Writer(tmp_path)


def test_durations_need_a_number():
    with pytest.raises(ValueError, match=r"'' is no duration. Give seconds, or a number with s, m, h or d"):
        duration_to_seconds("")


def test_errors_pickle():
    for error in (RefusedError("a", "b"), UnknownError("a", "b")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), "a. b")
