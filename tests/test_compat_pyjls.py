"""What code written for pyjls counts on: each test holds for pyjls itself and for xjls.compat.pyjls alike.

The behaviour that pyjls's own tests fix, stated anew, and the surface: names, signatures, fields, constants.
"""

import dataclasses
import inspect
import io
import logging
import math

import numpy as np
import pyjls
import pytest

import xjls.compat.pyjls as compat

SECOND = 1 << 30


@pytest.fixture(params=[pyjls, compat], ids=["pyjls", "xjls"])
def lib(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run.jls")


def write(lib, path, *samples, signal_id=3, **how):
    """Write one signal of an instrument, in a file that is replaced."""
    how = {"sample_rate": 1_000_000, "name": "current", "units": "A"} | how
    with lib.Writer(path) as writer:
        writer.source_def(1, name="bench", vendor="maker", model="m1", version="2.0", serial_number="000123")
        writer.signal_def(signal_id, 1, **how)
        for first_id, data in samples:
            writer.fsr(signal_id, first_id, data)
    return path


def collected(call, *args):
    """Return what a callback is called with."""
    found = []
    call(*args, lambda *items: found.append(items[0] if len(items) == 1 else items))
    return found


# ---- the surface ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Reader", "Writer", "TimeMap"])
def test_members_have_the_same_parameters(kind):
    theirs, ours = getattr(pyjls, kind), getattr(compat, kind)
    for name, member in inspect.getmembers(theirs):
        if not name.startswith("_") and callable(member) and not isinstance(member, int):
            parameters = list(inspect.signature(getattr(ours, name)).parameters)
            assert parameters == list(inspect.signature(member).parameters), name


@pytest.mark.parametrize("name", ["copy", "data_type_as_enum", "data_type_as_str", "utc_to_jls", "jls_to_utc"])
def test_functions_have_the_same_parameters(name):
    theirs, ours = (inspect.signature(getattr(module, name)) for module in (pyjls, compat))
    assert list(ours.parameters) == list(theirs.parameters)
    assert [p.default for p in ours.parameters.values()] == [p.default for p in theirs.parameters.values()]


def test_every_name_of_pyjls_is_there():
    about = {name for name in pyjls.__all__ if name.startswith("__") and name != "__version__"}
    assert set(pyjls.__all__) - about <= set(compat.__all__)
    assert compat.__version__ == pyjls.__version__
    public = set(pyjls.binding.__all__) | {"jls_inject_log"}
    assert public <= set(compat.binding.__all__)


@pytest.mark.parametrize("name", ["DataType", "AnnotationType", "SignalType", "SummaryFSR"])
def test_numbers_are_the_same(name):
    theirs, ours = (
        {key: value for key, value in vars(getattr(module, name)).items() if not key.startswith("_")}
        for module in (pyjls, compat)
    )
    assert ours == theirs


@pytest.mark.parametrize("name", ["SourceDef", "SignalDef"])
@pytest.mark.parametrize("verbose", [None, True])
def test_structures_are_the_same(name, verbose):
    theirs, ours = getattr(pyjls, name), getattr(compat, name)
    assert [(f.name, f.default) for f in dataclasses.fields(ours)] == [
        (f.name, f.default) for f in dataclasses.fields(theirs)
    ]
    assert ours(3, 1).info(verbose) == theirs(3, 1).info(verbose)
    assert ours(1, "x").info(verbose) == theirs(1, "x").info(verbose)


def test_a_variable_rate_signal_has_no_samples_to_tell(lib):
    assert lib.SignalDef(2, 1, signal_type=1, name="notes").info() == "2: 1.notes"


# ---- definitions and samples ---------------------------------------------------------------------------------------


def test_strings_that_are_none_come_back_empty(lib, path):
    with lib.Writer(path) as writer:
        writer.source_def(source_id=1, name="bench", vendor="maker", model="", version=None, serial_number="7")
        writer.signal_def(3, source_id=1, sample_rate=1000, name="current")
    with lib.Reader(path) as reader:
        assert sorted(reader.sources) == [0, 1]
        assert dataclasses.astuple(reader.sources[1]) == (1, "bench", "maker", "", "", "7")
        assert reader.signals[3].units == ""


def test_structs_define_as_calls_do(lib, path):
    with lib.Writer(path) as writer:
        writer.source_def_from_struct(lib.SourceDef(2, name="bench"))
        writer.signal_def_from_struct(lib.SignalDef(5, 2, data_type="u8", sample_rate=1000, name="s", length=99))
        writer.signal_def_from_struct(lib.SignalDef(6, 2, signal_type=1, data_type=lib.DataType.F32, name="notes"))
    with lib.Reader(path) as reader:
        assert (reader.signals[5].data_type, reader.signals[5].length) == (lib.DataType.U8, 0)
        assert (reader.signals[6].signal_type, reader.signals[6].sample_rate) == (lib.SignalType.VSR, 0)


def test_a_ramp_of_floats(lib, path):
    ramp = np.arange(110_000, dtype=np.float32)
    with lib.Reader(write(lib, path, (0, ramp))) as reader:
        assert dataclasses.astuple(reader.sources[1]) == (1, "bench", "maker", "m1", "2.0", "000123")
        assert sorted(reader.signals) == [0, 3]
        assert dataclasses.astuple(reader.signals[3]) == (
            3, 1, 0, lib.DataType.F32, 1_000_000, 8192, 128, 640, 20, 100, 100, 0, "current", "A", 110_000,
        )  # fmt: skip
        assert np.array_equal(reader.fsr(3, 0, 110_000), ramp)
        (found,) = reader.fsr_statistics(3, 0, 110_000, 1)
        wanted = ramp.astype("f8")
        assert found[lib.SummaryFSR.MEAN] == pytest.approx(wanted.mean(), rel=1e-7)
        assert found[lib.SummaryFSR.STD] == pytest.approx(wanted.std(ddof=1), rel=1e-6)
        assert (found[lib.SummaryFSR.MIN], found[lib.SummaryFSR.MAX]) == (0, 109_999)


def test_statistics_are_rows_of_float64(lib, path):
    with lib.Reader(write(lib, path, (0, np.arange(100, dtype="f4")))) as reader:
        found = reader.fsr_statistics(3, 0, 10, 10)
        assert (found.dtype, found.shape) == (np.float64, (10, 4))
        assert found[3].tolist() == [34.5, pytest.approx(np.arange(10).std(ddof=1)), 30, 39]
        assert reader.fsr_statistics(3, 7, 1, 2).tolist() == [[7, 0, 7, 7], [8, 0, 8, 8]]


def test_bits_are_packed(lib, path):
    bits = np.arange(1024, dtype="u1") % 2
    with lib.Reader(write(lib, path, (0, np.packbits(bits, bitorder="little")), data_type=lib.DataType.U1)) as reader:
        assert (reader.signals[3].data_type, reader.signals[3].length) == (lib.DataType.U1, 1024)
        packed = reader.fsr(3, 0, 1024)
        assert packed.dtype == np.uint8
        assert np.array_equal(np.unpackbits(packed, bitorder="little"), bits)
        ((mean, std, low, high),) = reader.fsr_statistics(3, 0, 1024, 1)
        assert (mean, std, low, high) == (0.5, pytest.approx(bits.std(ddof=1), rel=1e-6), 0, 1)


@pytest.mark.parametrize("data_type", ["u4", "i4"])
def test_nibbles_are_packed(lib, path, data_type):
    stored = np.arange(256, dtype=np.uint8)
    with lib.Reader(write(lib, path, (0, stored), data_type=data_type)) as reader:
        assert np.array_equal(reader.fsr(3, 0, 512), stored)
        assert reader.fsr(3, 2, 4).tolist() == [1, 2]


def test_numbers_may_be_of_any_kind(lib, path):
    with lib.Reader(write(lib, path, (np.int64(0), np.arange(10, dtype="f4")))) as reader:
        assert reader.fsr(np.int64(3), np.int32(2), np.uint8(3)).tolist() == [2, 3, 4]
        assert reader.fsr(3, 2.0, 3.0).tolist() == [2, 3, 4]


def test_the_alias_for_floats_writes_as_well(lib, path):
    with lib.Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(3, 1, sample_rate=1000)
        writer.fsr_f32(3, 0, np.ones(5, np.float32))
        writer.flush()
        writer.flags = lib.Writer.FLAG_DROP_ON_OVERFLOW
        assert writer.flags == 1
    with lib.Reader(path) as reader:
        assert reader.signals[3].length == 5


# ---- user data and annotations -------------------------------------------------------------------------------------


def test_user_data_comes_back_in_order(lib, path):
    records = [(1, b"bytes\0and"), (2, "text"), (3, {"a": [1, None]}), (4, 5), (0xFFF, "")]
    with lib.Writer(path) as writer:
        for record in records:
            writer.user_data(*record)
        writer.user_data(7, None)
    with lib.Reader(path) as reader:
        assert collected(reader.user_data) == [*records, (7, b"")]


def test_user_data_stops_at_what_is_true(lib, path):
    with lib.Writer(path) as writer:
        for number in range(5):
            writer.user_data(number, "x")
    seen = []
    with lib.Reader(path) as reader:
        reader.user_data(lambda meta, data: seen.append(meta) or meta == 2)
    assert seen == [0, 1, 2]


NOTES = [(0, 2.0, 3, 23, "2"), (10, None, 0, 20, b"bytes"), (11, None, 1, 21, "text"), (12, 1.0, 2, 22, "1")]


def annotated(lib, path, offset=0):
    with lib.Writer(path) as writer:
        writer.source_def(1, name="bench")
        writer.signal_def(3, 1, sample_rate=1000, name="current", annotation_decimate_factor=10)
        writer.signal_def(4, 1, signal_type=lib.SignalType.VSR, name="notes")
        writer.fsr(3, offset, np.arange(20, dtype="f4"))
        for timestamp, *note in NOTES:
            writer.annotation(3, timestamp + offset, *note)
            writer.annotation(4, timestamp, *note)
        writer.annotation(0, 5 * SECOND, 0.5, "text", 0, {"whole": "recording"})
    return path


@pytest.mark.parametrize("offset", [0, 1_000_000])
def test_annotations_come_back_in_order(lib, path, offset):
    with lib.Reader(annotated(lib, path, offset)) as reader:
        assert collected(reader.annotations, 3, 0) == NOTES
        assert collected(reader.annotations, 4, 0) == NOTES
        assert collected(reader.annotations, 0, 0) == [(5 * SECOND, 0.5, 1, 0, {"whole": "recording"})]


@pytest.mark.parametrize(("seek", "first"), [(-5, 0), (0, 0), (9, 0), (10, 1), (11, 2), (12, 3), (13, 3), (10**9, 3)])
def test_annotations_begin_at_or_before_a_place(lib, path, seek, first):
    with lib.Reader(annotated(lib, path, 50)) as reader:
        assert collected(reader.annotations, 3, seek) == NOTES[first:]


def test_annotations_out_of_order_begin_as_pyjls_finds_them(lib, path):
    places = [5, 5, 5, 3, 8, 8, 1, 20, 15]
    with lib.Writer(path) as writer:
        writer.source_def(1)
        writer.signal_def(3, 1, sample_rate=1000)
        for number, place in enumerate(places):
            writer.annotation(3, place, 0, "text", 0, str(number))
    with lib.Reader(path) as reader:
        firsts = [int(collected(reader.annotations, 3, seek)[0][4]) for seek in (-10, 0, 5, 6, 8, 10, 15, 20, 50)]
    assert firsts == [0, 0, 0, 3, 4, 6, 6, 7, 8]


def test_annotations_stop_at_what_is_true(lib, path):
    seen = []
    with lib.Reader(annotated(lib, path)) as reader:
        reader.annotations(3, 0, lambda *note: seen.append(note[0]) or note[0] == 10)
    assert seen == [0, 10]


@pytest.mark.parametrize(
    ("name", "number"),
    [("user", 0), ("usr", 0), ("text", 1), ("txt", 1), ("str", 1), ("string", 1), ("marker", 2), ("vmarker", 2),
     ("vertical_marker", 2), ("hmarker", 3), ("horizontal_marker", 3), (2, 2), (math.nan, None)],
)  # fmt: skip
def test_annotation_types_have_names(lib, path, name, number):
    y = 0.25 if number is not None else name
    with lib.Writer(path) as writer:
        writer.annotation(0, 1, y, "text" if number is None else name, 0, "x")
    with lib.Reader(path) as reader:
        ((_, height, kind, _, _),) = collected(reader.annotations, 0, 0)
    assert (height, kind) == ((0.25, number) if number is not None else (None, 1))


# ---- the rest ------------------------------------------------------------------------------------------------------


def test_records_reach_the_log(lib):
    shown = io.StringIO()
    handler = logging.StreamHandler(shown)
    handler.setFormatter(logging.Formatter("%(levelname)s:%(filename)s:%(lineno)d:%(name)s:%(message)s"))
    logger = logging.getLogger("pyjls.c")
    logger.addHandler(handler)
    try:
        lib.binding.jls_inject_log("I", "hello", 10, "world")
        lib.binding.jls_inject_log("D", "debug", 11, "debug1")
        handler.setLevel(logging.INFO)
        lib.binding.jls_inject_log("D", "debug", 12, "debug2")
    finally:
        logger.removeHandler(handler)
    assert shown.getvalue() == "INFO:hello:10:pyjls.c:world\nDEBUG:debug:11:pyjls.c:debug1\n"


def test_a_copy_holds_the_same(lib, path, tmp_path):
    ramp, target = np.arange(110_000, dtype="f4"), tmp_path / "copy.jls"
    target.write_bytes(b"replaced")
    annotated(lib, path)
    progress = []
    lib.copy(write(lib, path, (0, ramp)), str(target), lambda line: None, progress.append)
    assert progress[-1] == 1.0
    assert progress == sorted(progress)
    with lib.Reader(str(target)) as reader:
        assert np.array_equal(reader.fsr(3, 0, 110_000), ramp)
    lib.copy(annotated(lib, path, 7), str(target))
    with lib.Reader(str(target)) as reader:
        assert collected(reader.annotations, 3, 0) == NOTES


def two_benches(lib, path):
    with lib.Writer(path) as writer:
        writer.source_def(1, name="one")
        writer.source_def(2, name="two")
        writer.signal_def(3, 1, sample_rate=1000, name="current")
        writer.signal_def(4, 2, sample_rate=1000, name="current")
        writer.signal_def(5, 2, sample_rate=1000, name="4")
        writer.signal_def(6, 1, signal_type=1, name="notes")
        writer.signal_def(7, 1, sample_rate=1000, name="x")
    return path


@pytest.mark.parametrize(
    ("spec", "number"),
    [("current", 3), (3, 3), ("3", 3), (3.0, 3), (np.int64(3), 3), ("one.current", 3), ("two.current", 4),
     ("1.current", 3), (["two", "current"], 4), ([2, "current"], 4), ((2, 4), 4), ("two.4", 4), ("4", 5),
     (["one", "7"], 7), ("notes", 6), (0, 0), ("global_annotation_signal", 0)],
)  # fmt: skip
def test_signals_are_looked_up(lib, path, spec, number):
    with lib.Reader(two_benches(lib, path)) as reader:
        found = reader.signal_lookup(spec)
        assert found is reader.signals[number]


@pytest.mark.parametrize("spec", ["nope", "one.nope", 99, None, b"current", (1,), (9, 3), [1, 4]])
def test_signals_that_are_not_there_raise_valueerror(lib, path, spec):
    with (
        lib.Reader(two_benches(lib, path)) as reader,
        pytest.raises(ValueError, match=r"no signal .* Signals: 0 \(global|signal_lookup failed"),
    ):
        reader.signal_lookup(spec)


@pytest.mark.parametrize(("spec", "number"), [("one", 1), ("1", 1), (1, 1), (2.0, 2), (0, 0)])
def test_sources_are_looked_up(lib, path, spec, number):
    with lib.Reader(two_benches(lib, path)) as reader:
        assert reader.source_lookup(spec) is reader.sources[number]
        with pytest.raises(ValueError, match=r"no source 'nope'. Sources: 0 \(global|signal_lookup failed"):
            reader.source_lookup("nope")


@pytest.mark.parametrize("name", ["u1", "u4", "u8", "u16", "u32", "u64", "i4", "i8", "i16", "i32", "i64", "f32", "f64"])
def test_types_have_names(lib, name):
    number = getattr(lib.DataType, name.upper())
    assert lib.data_type_as_enum(name) == lib.data_type_as_enum(number) == number
    assert lib.data_type_as_str(name) == lib.data_type_as_str(number) == name


@pytest.mark.parametrize("name", ["F32", "i24", "", None, 0, 99_999, 8.0])
def test_types_that_are_none_raise_keyerror(lib, name):
    with pytest.raises(KeyError, match="no samples are of type|" + repr(name)):
        lib.data_type_as_enum(name)
    with pytest.raises(KeyError, match="no samples are of type|" + repr(name)):
        lib.data_type_as_str(name)
