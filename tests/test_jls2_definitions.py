"""Names, types, records and sizes at the edge of what a file may define: each signal is found, as what it is."""

import struct

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.model.window import Window
from xjls.testing.jls2 import (
    SAMPLE_TYPES,
    Annotation,
    Definition,
    Fsr,
    Source,
    UserData,
    Vsr,
    chunks_of,
    encode,
    encode_definition,
    truth_of,
    write,
)
from xjls.testing.laws import Expected, check, equal_values

SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}


def open_bytes(tmp_path, data, **options):
    path = tmp_path / "run.jls"
    path.write_bytes(data)
    return xjls.open_recording(path, **options)


def changed(data, chunk, at, layout, *values):
    """Return the file with one field of a chunk changed, and the checksums made to fit."""
    broken = bytearray(data)
    struct.pack_into(layout, broken, chunk.offset + at, *values)
    struct.pack_into(
        "<I", broken, chunk.offset + 28, google_crc32c.value(bytes(broken[chunk.offset : chunk.offset + 28]))
    )
    struct.pack_into("<I", broken, chunk.stop - 4, google_crc32c.value(bytes(broken[chunk.payload])))
    return bytes(broken)


def chunk_of(data, tag, meta=None, number=-1):
    return [c for c in chunks_of(data) if c.tag == tag and meta in (None, c.meta) and c.payload.stop > c.payload.start][
        number
    ]


# ---- names ---------------------------------------------------------------------------------------------------------


def test_signals_of_one_name_are_told_apart(tmp_path):
    sources = [Source("left"), Source("right")]
    signals = [Fsr("v", [1.0]), Fsr("v", [2.0], source=2), Fsr("i", [3.0]), Fsr("i", [4.0]), Fsr("", [5.0])]
    with open_bytes(tmp_path, encode(sources, signals)) as recording:
        found = {name: recording.read(name).tolist() for name in recording.signals}
    assert found == {"left.v": [1], "right.v": [2], "i#3": [3], "i#4": [4], "signal_5": [5]}


names = st.sampled_from(["x", "a.x", "b.x", "x#1", "x#2", "a.x#1", "signal_1", "signal_2", ""])


@settings(max_examples=60, deadline=None)
@given(
    signals=st.lists(st.tuples(names, st.integers(1, 2)), min_size=1, max_size=6), sources=st.permutations(["a", "b"])
)
def test_every_signal_has_a_name_of_its_own(tmp_path_factory, signals, sources):
    made = [Fsr(name, [float(i)], source=source) for i, (name, source) in enumerate(signals)]
    folder = tmp_path_factory.mktemp("names")
    with open_bytes(folder, encode([Source(name) for name in sources], made)) as recording:
        assert len(recording.signals) == len(signals)
        assert sorted(recording.read(name)[0] for name in recording.signals) == list(range(len(signals)))
        assert all(recording.signals[name].name == name != "" for name in recording.signals)


def test_a_source_that_is_not_defined_has_a_name(tmp_path):
    data = encode([Source("js220")], [Fsr("current", [1.0])])
    with open_bytes(tmp_path, changed(data, chunk_of(data, 0x02), 32, "<H", 9)) as recording:
        assert str(recording.signals["current"].source) == "source 9"
        assert recording.read("current").tolist() == [1]


def test_garbage_in_texts_is_replaced(tmp_path):
    """Before 0.3.4 empty texts were written as whatever stood in memory."""
    data = encode([Source("js220", "abc")], [Fsr("current", [1.0], units="xyz")])
    data = changed(data, chunk_of(data, 0x02), 32 + 128 + 9, "3s", b"\xff\xfe\xfd")
    with open_bytes(tmp_path, data) as recording:
        assert recording.signals["current"].units == "���"


def test_as_many_signals_as_a_file_may_have(tmp_path):
    signals = [Fsr(f"signal number {i}", np.full(20, i), dtype="u8", signal_id=i) for i in range(1, 256)]
    sources = [Source(f"source number {i}", source_id=i) for i in range(1, 256)]
    with open_bytes(tmp_path, encode(sources, signals)) as recording:
        assert len(recording.signals) == len(recording.sources) == 255
        assert [int(recording.read(name)[-1]) for name in recording.signals] == list(range(1, 256))
    with xjls.open(tmp_path / "run.jls") as ds:
        assert ds.sizes == {"time": 20}


# ---- types and sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", SAMPLE_TYPES)
@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 63, 64, 65])
def test_a_few_samples_of_every_type(tmp_path, dtype, size):
    kind = SAMPLE_TYPES[dtype]
    samples = (np.arange(size) * 7 + 1) % (2 if kind.bits == 1 else 8)
    definition = Definition([Fsr("s", samples, dtype=dtype, first_id=3)])
    check(open_bytes(tmp_path, encode_definition(definition)), Expected.of(truth_of(definition)))


def test_chunks_larger_than_the_library_can_read(tmp_path):
    """A payload of more than 1 MiB, which pyjls 0.17 refuses or never returns from."""
    samples = np.random.default_rng(1).normal(size=1_100_000).astype("f4")
    blocks = {"samples_per_data": 500_000, "sample_decimate": 1000, "entries_per_summary": 1000, "summary_decimate": 10}
    definition = Definition([Fsr("s", samples, **blocks)], user_data=[UserData(1, b"x" * (2 << 20))])
    check(open_bytes(tmp_path, encode_definition(definition)), Expected.of(truth_of(definition)))


@pytest.mark.parametrize("word", [0x1803, 0x1801, 0x0A03, 0x2002, 0x0000])
def test_types_that_nobody_writes_leave_the_others_readable(tmp_path, word):
    """24 bits were declared and never written, and who knows what comes."""
    data = encode([Source()], [Fsr("odd", np.arange(200), **SMALL), Fsr("plain", np.arange(200), **SMALL)])
    with open_bytes(tmp_path, changed(data, chunk_of(data, 0x02, 1), 36, "<I", word)) as recording:
        assert recording.read("plain").tolist() == list(range(200))
        assert any("odd" in note and "not read" in note for note in recording.status.notes)
    with xjls.open(tmp_path / "run.jls") as ds:
        assert "plain" in ds
        assert "odd" not in ds


def test_windows_come_in_many_forms(tmp_path):
    with open_bytes(tmp_path, encode([Source()], [Fsr("s", np.arange(100), first_id=10)])) as recording:
        for window in (None, (None, None), (10, 110), Window(10, 110), (np.int64(10), np.uint8(110)), (10, None)):
            assert equal_values(recording.read("s", window), np.arange(100, dtype="f4"))
        assert recording.read("s", (50, 50)).tolist() == []
        for odd in ((10.5, 20), 5, (1, 2, 3), "ab"):
            with pytest.raises(xjls.SelectionError, match="is no window"):
                recording.read("s", odd)


# ---- records -------------------------------------------------------------------------------------------------------


def annotated(tmp_path, at, layout, value, **annotation):
    data = encode([Source()], [Fsr("s", np.arange(100), annotations=[Annotation(5, **annotation)])])
    with open_bytes(tmp_path, changed(data, chunk_of(data, 0x32), at, layout, value)) as recording:
        (note,) = recording.annotations
    return note


def test_annotations_of_unknown_kinds_are_kept(tmp_path):
    assert annotated(tmp_path, 48, "B", 7, data="x").kind == "type_7"
    assert annotated(tmp_path, 49, "B", 9, data="text").data.startswith(b"text")
    assert annotated(tmp_path, 60, "3s", b"{,}", data={"a": 1}).data.startswith("{,}")
    assert annotated(tmp_path, 52, "<f", float("inf"), y=1.0, data="x").y is None
    assert annotated(tmp_path, 52, "<f", -2.5, y=1.0, data="x").y == -2.5


def test_annotations_of_the_whole_recording_have_no_signal(tmp_path):
    second = 1 << 30
    signals = [Vsr("global", signal_id=0, annotations=[Annotation(5 * second, data="all")]), Fsr("s", np.arange(10))]
    with open_bytes(tmp_path, encode([Source()], signals)) as recording:
        (note,) = recording.annotations
        assert (note.signal, note.sample_id, note.time_ns) == ("", None, (1_514_764_800 + 5) * 10**9)
        assert list(recording.signals) == ["s"]


def test_user_data_of_any_storage(tmp_path):
    data = encode([Source()], [Fsr("s", [1.0])], [UserData(0x123, "text"), UserData(7, {"a": 1})])
    chunk = chunk_of(data, 0x40)
    with open_bytes(tmp_path, changed(data, chunk, 32, "1s", b"?")) as recording:
        assert recording.user_data[0] == xjls.UserData(meta=0x123, data="text")
        assert recording.user_data[1].data.startswith("?")  # JSON that does not parse stays a text
    with open_bytes(tmp_path, changed(data, chunk, 18, "<H", 7 | 5 << 12)) as recording:
        assert recording.user_data[1].data == b'{"a": 1}\0'


@pytest.mark.parametrize(
    ("version", "readable"), [((1, 0, 0), True), ((1, 9, 9), True), ((0, 1, 1), False), ((2, 0, 0), False)]
)
def test_versions(tmp_path, version, readable):
    data = bytearray(encode([Source()], [Fsr("s", [1.0])]))
    major, minor, patch = version
    struct.pack_into("<I", data, 24, major << 24 | minor << 16 | patch)
    struct.pack_into("<I", data, 28, google_crc32c.value(bytes(data[:28])))
    if readable:
        assert open_bytes(tmp_path, data).read("s").tolist() == [1]
    else:
        with pytest.raises(xjls.UnsupportedError, match=f"version {major}.{minor}.{patch}"):
            open_bytes(tmp_path, data)


def test_a_recording_of_nothing(tmp_path):
    path = write(tmp_path / "run.jls", [], [])
    with xjls.open_recording(path) as recording:
        assert (dict(recording.signals), recording.sources, recording.annotations) == ({}, (), ())
        assert recording.check() == ()
        assert recording.status.complete
    with xjls.open(path) as ds:
        assert not ds.variables
        assert ds.xjls.annotations.empty
