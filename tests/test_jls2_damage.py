"""Cut, flipped, zeroed, unclosed and hostile files: what is given is right, the rest is named, and no file is touched.

``FRAGILE`` are small recordings that show all there is to break. Here they are damaged in steps that hit every kind of
chunk and every field; ``python -m tests.campaigns.fuzz`` damages every byte.
"""

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import google_crc32c
import numpy as np
import pyjls
import pytest

import xjls
from xjls.testing.jls2 import (
    Annotation,
    Definition,
    Fsr,
    UserData,
    Vsr,
    chunks_of,
    encode_calls,
    encode_definition,
    flip,
    iter_calls,
    truncate,
    truth_of,
    write,
    zero,
)
from xjls.testing.laws import Expected, check, damage_is_named, equal_values
from xjls.testing.scenarios import SCENARIOS

SECOND = 1 << 30
EPOCH = 257_594_400 * SECOND
SMALL = {"samples_per_data": 64, "sample_decimate": 16, "entries_per_summary": 20, "summary_decimate": 10}
TINY = {"samples_per_data": 16, "sample_decimate": 16, "entries_per_summary": 10, "summary_decimate": 10}


def wave(size):
    return np.sin(np.arange(size) * 0.05) + np.random.default_rng(size).normal(3, 0.1, size)


def mixed(*, closed=True):
    """Two signals that take turns, one of them late, and all that can hang on them."""
    ties = [(100 + i * 250, EPOCH + i * SECOND // 4) for i in range(5)]
    notes = [Annotation(105 + i * 300, data=f"note {i}") for i in range(3)]
    current = Fsr("current", wave(1500), first_id=100, units="A", ties=ties, annotations=notes, utc_decimate=2, **SMALL)
    gpi = Fsr("gpi", np.arange(1500) // 400 % 2, dtype="u1", define="late", omit="constant", **SMALL)
    return Definition([current, gpi], user_data=[UserData(1, "text"), UserData(2, {"a": 1})], closed=closed)


def wide():
    """Levels of which half is missing, a level of integers, and annotations at times."""
    ramp = np.arange(1700)
    events = Vsr("events", annotations=[Annotation(EPOCH + i, data={"n": i}) for i in range(2)])
    signals = [Fsr("i16", ramp + 1000, dtype="i16", first_id=-50, **SMALL), Fsr("i32", ramp + 77, dtype="i32", **SMALL)]
    return Definition([*signals, events])


def deep():
    """Three levels, each with a tail that no level above lists, far from sample id 0."""
    return Definition([Fsr("deep", wave(1600 + 1600 + 160 + 16 + 3), first_id=2**40 + 5, **TINY)])


def narrow():
    """Types of less than a byte, constants left out, a NaN run."""
    holes = wave(1200)
    holes[300:500] = np.nan
    low = [Fsr("i4", np.arange(1111) // 300 - 2, dtype="i4", omit="constant", **SMALL), Fsr("nan", holes, **SMALL)]
    return Definition(low)


FRAGILE = {
    "mixed": mixed,
    "wide": wide,
    "deep": deep,
    "narrow": narrow,
    "unclosed": lambda: mixed(closed=False),
}


@pytest.fixture(scope="module", params=FRAGILE)
def fragile(request):
    """Return a recording's bytes and the truth about it."""
    definition = FRAGILE[request.param]()
    return encode_definition(definition), Expected.of(truth_of(definition))


class Target:
    """A file that is written anew for each damage, and held to the law."""

    def __init__(self, path, expected, in_time):
        self.path = path
        self.expected = expected
        self.in_time = in_time
        self.opened = 0

    def withstands(self, data, what):
        self.path.unlink(missing_ok=True)
        self.path.write_bytes(data)
        self.path.chmod(0o444)
        before = self.path.stat()
        try:
            with self.in_time(what):
                opened = damage_is_named(
                    lambda on_damage: xjls.open_recording(self.path, on_damage=on_damage), self.expected
                )
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        after = self.path.stat()
        assert (before.st_mtime_ns, before.st_size, before.st_ino) == (after.st_mtime_ns, after.st_size, after.st_ino)
        assert hashlib.sha256(self.path.read_bytes()).digest() == hashlib.sha256(data).digest(), what
        assert [path.name for path in self.path.parent.iterdir()] == [self.path.name], what
        self.opened += opened


@pytest.fixture
def target(tmp_path, fragile, in_time, bounded_memory):
    return Target(tmp_path / "run.jls", fragile[1], in_time)


# ---- cut, flip, zero -----------------------------------------------------------------------------------------------


def steps(data, count):
    """Return about ``count`` offsets over a file, at every distance from an eight-byte border."""
    return range(0, len(data), len(data) // count | 1)


def test_cut_anywhere(fragile, target):
    data, _ = fragile
    edges = [chunk.offset for chunk in chunks_of(data)]
    near = {edge + off for edge in edges[:: max(len(edges) // 25, 1)] for off in (0, 8, 31, 33)}
    for length in sorted({*steps(data, 60), *near, len(data) - 1, len(data)} & set(range(len(data) + 1))):
        target.withstands(truncate(data, length), f"cut to {length} bytes")
    assert target.opened > 100


FIELDS = {"item_next": 0, "length": 20, "timestamp": 32, "count": 40, "body": 48, "deep body": 70}
"""Where a flip means something else each time; a header is under one checksum, a payload under another."""


def one_of_each(data):
    """Return the first, a middle and the last chunk of every kind and level."""
    kinds = {}
    for chunk in chunks_of(data):
        kinds.setdefault((chunk.tag, chunk.level if 0x20 <= chunk.tag < 0x40 else 0), []).append(chunk)
    return [found[i] for found in kinds.values() for i in sorted({0, len(found) // 2, len(found) - 1})]


def test_flip_every_field_of_every_kind_of_chunk(fragile, target):
    data, _ = fragile
    for offset in range(32):
        target.withstands(flip(data, offset, bit=offset % 8), f"flip of byte {offset} in the file header")
    for chunk in one_of_each(data):
        for i, (field, at) in enumerate(FIELDS.items()):
            if chunk.offset + at < chunk.stop:
                what = f"flip of {field} in the chunk {chunk.tag:#x} {chunk.meta:#x} at {chunk.offset}"
                target.withstands(flip(data, chunk.offset + at, bit=i % 8), what)
        target.withstands(flip(data, chunk.stop - 1, bit=7), f"flip of the payload's checksum before {chunk.stop}")


def test_flip_anywhere(fragile, target):
    data, _ = fragile
    for offset in steps(data, 120):
        target.withstands(flip(data, offset, bit=offset % 8), f"flip of byte {offset}")


def test_zero_any_span(fragile, target):
    data, _ = fragile
    for start in steps(data, 30):
        for length in (8, 700, 5000):
            target.withstands(zero(data, start, start + length), f"zeros from {start} to {start + length}")


def test_several_kinds_of_damage_at_once(fragile, target):
    data, _ = fragile
    rng = random.Random(len(data))
    for number in range(60):
        broken = data
        for _ in range(rng.randint(2, 6)):
            broken = flip(broken, rng.randrange(len(broken)), rng.randrange(8))
        if number % 2:
            start = rng.randrange(len(broken))
            broken = zero(broken, start, start + rng.randrange(3000))
        if number % 3 == 0:
            broken = truncate(broken, rng.randrange(len(broken)))
        target.withstands(broken, f"random damage {number}")


def test_check_finds_every_flip(fragile, tmp_path):
    """Every byte is covered by a checksum but for what pads a payload."""
    data, _ = fragile
    padding = {
        i for c in chunks_of(data) if c.payload.stop > c.payload.start for i in range(c.payload.stop, c.stop - 4)
    }
    path = tmp_path / "run.jls"
    for offset in steps(data, 80):
        if offset < 16 or offset in padding:
            continue
        path.write_bytes(flip(data, offset, bit=offset % 8))
        with xjls.open_recording(path, on_damage="gap") as recording:
            assert recording.check(), f"a flip of byte {offset} passes"
            assert not recording.status.complete
            assert any(damage.offset <= offset for damage in recording.status.damage)


def test_a_whole_file_passes_the_check(fragile, tmp_path):
    data, _ = fragile
    (tmp_path / "run.jls").write_bytes(data)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        seen = []
        damage = recording.check(lambda done, size: seen.append((done, size)))
        assert not damage or not recording.status.closed
        assert seen[-1] == (len(data), len(data))


# ---- what a flip costs, and no more --------------------------------------------------------------------------------


@pytest.fixture
def damaged_chunk(tmp_path):
    """Return a recording whose third DATA chunk is damaged, samples 128 to 192, and its samples."""
    samples = wave(2000).astype("f4")
    data = encode_definition(
        Definition([Fsr("current", samples, **SMALL), Fsr("u8", np.full(2000, 9), dtype="u8", **SMALL)])
    )
    for chunk in [[c for c in chunks_of(data) if (c.tag, c.meta) == (0x22, signal_id)][2] for signal_id in (1, 2)]:
        data = flip(data, chunk.payload.start + 20)
    (tmp_path / "run.jls").write_bytes(data)
    return tmp_path / "run.jls", samples, chunk.offset


def test_one_broken_chunk_costs_its_samples(damaged_chunk):
    path, samples, _ = damaged_chunk
    with xjls.open_recording(path, on_damage="gap") as recording:
        found = recording.read("current")
        assert np.flatnonzero(np.isnan(found)).tolist() == list(range(128, 192))
        np.testing.assert_array_equal(np.delete(found, np.s_[128:192]), np.delete(samples, np.s_[128:192]))
        (gap,) = recording.status.gaps["current"]
        assert (gap.window.start, gap.window.stop) == (128, 192)
        assert "checksum" in gap.reason
        assert recording.read_valid("current", (120, 200)).sum() == 16
        assert not recording.status.complete


def test_an_error_says_what_is_lost_where_and_what_to_do(damaged_chunk):
    path, samples, offset = damaged_chunk
    with xjls.open_recording(path) as recording:
        np.testing.assert_array_equal(recording.read("current", (0, 128)), samples[:128])
        np.testing.assert_array_equal(recording.read("current", (192, 2000)), samples[192:])
        match = rf"samples 192.256 of 'u8' are lost.* at byte {offset:_} of .*run\.jls.*on_damage=\"gap\""
        with pytest.raises(xjls.LostSamplesError, match=match.replace("192.256", "128.192")) as caught:
            recording.read("u8")
        assert (caught.value.path, caught.value.offset) == (str(path), offset)


def test_unverified_reads_give_what_is_there(damaged_chunk):
    path, samples, _ = damaged_chunk
    with xjls.open_recording(path, verify=False) as recording:
        found = recording.read("current")
    assert np.flatnonzero(found != samples).size == 1


def test_integers_over_lost_samples_are_not_counted_as_zeros(tmp_path):
    """With its SUMMARY gone too, an entry is NaN or that of the samples that are left, never that of zeros."""
    definition = Definition([Fsr("i16", np.full(2000, 100), dtype="i16", **SMALL)])
    data = encode_definition(definition)
    chunks = chunks_of(data)
    for hit in ([c for c in chunks if c.tag == 0x22][1], next(c for c in chunks if c.tag == 0x24 and c.level == 1)):
        data = zero(data, hit.payload.start, hit.payload.stop)
    (tmp_path / "run.jls").write_bytes(data)
    with xjls.open_recording(tmp_path / "run.jls", on_damage="gap") as recording:
        entries = recording.read_level("i16", 1)
        assert np.isin(entries[:, 0], [100]).sum() + np.isnan(entries[:, 0]).sum() == len(entries)
        (gap,) = recording.status.gaps["i16"]
        assert (gap.window.start, gap.window.stop) == (64, 128)


# ---- unclosed recordings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 63, 64, 640, 1279, 1280, 1300, 3200, 12_800, 12_864, 20_000])
def test_an_unclosed_recording_is_complete_up_to_its_last_chunk(tmp_path, length):
    ties = [(i * 100, EPOCH + i * SECOND // 10) for i in range(150) if i * 100 <= length]
    notes = [Annotation(i, data=f"{i}") for i in range(0, length, 500)]
    signal = Fsr(
        "current", wave(length), ties=ties, annotations=notes, utc_decimate=10, annotation_decimate=10, **SMALL
    )
    definition = Definition([signal], user_data=[UserData(3, "kept")], closed=False)
    path = write(tmp_path / "run.jls", definition.sources, definition.signals, definition.user_data, closed=False)
    expected = Expected.of(truth_of(definition))
    assert expected.signals["current"].samples.size == length // 64 * 64
    for on_damage in ("raise", "gap"):
        with xjls.open_recording(path, on_damage=on_damage) as recording:
            assert not recording.status.closed
            check(recording, expected)


@pytest.mark.parametrize("make", [mixed, wide], ids=["mixed", "wide"])
def test_a_writer_killed_after_any_call_leaves_what_it_was_given(tmp_path, make, in_time):
    """And with its last chunk torn, all but that."""
    definition = make()
    calls, expected = list(iter_calls(definition)), Expected.of(truth_of(definition))
    held = Target(tmp_path / "run.jls", expected, in_time)
    for count in range(0, len(calls) + 1, 3):
        data = encode_calls(calls[:count], definition.release, closed=False)
        held.withstands(data, f"the writer is killed after {count} calls")
        with xjls.open_recording(held.path) as recording:
            assert {call.subject.name for call in calls[:count] if call.verb == "signal"} == set(recording.signals)
            for name, signal in recording.signals.items():
                given = [call for call in calls[:count] if call.subject.__class__ is Fsr and call.subject.name == name]
                written = max((call.detail[1] for call in given if call.verb == "samples"), default=0)
                if signal.has_samples and not any(low < written for low, _ in expected.signals[name].lost):
                    assert signal.length >= written // signal.block_length * signal.block_length - omitted(
                        given, signal
                    )
                assert len(recording.ties(name)) == sum(call.verb == "tie" for call in given)
        held.withstands(truncate(data, len(data) - 5), f"the writer is killed in call {count}")
    assert held.opened > len(calls) // 3


def omitted(given, signal):
    """Return how many samples at the end of an unclosed recording may be nowhere: constants that no index tells."""
    return 10**9 if any(call.verb == "signal" and call.subject.omit != "none" for call in given) else 0


def without_link_to(data, chunk):
    """Return the file as it was after a chunk was appended and before what leads to it was written."""
    for other in chunks_of(data):
        if other.item_next == chunk.offset:
            data = resealed(data, other, 0, "<Q", 0)
        if other.tag in (0x21, 0x31, 0x39) and other.meta == chunk.meta & 0xFF and other.tag & 0x38 == chunk.tag & 0x38:
            head = [0 if offset == chunk.offset else offset for offset in struct.unpack("<16Q", data[other.payload])]
            data = resealed(data, other, 32, "<16Q", *head)
    return data


@pytest.mark.parametrize("kind", [0x22, 0x3A, 0x32, 0x40], ids=["samples", "ties", "annotations", "user data"])
@pytest.mark.parametrize("number", [0, -1], ids=["first", "last"])
def test_what_was_written_and_not_yet_linked_is_there(tmp_path, kind, number):
    """A writer appends a chunk and then links it: one that dies in between leaves a chunk that no list leads to."""
    notes = [Annotation(i * 100, data=f"{i}") for i in range(3)]
    ties = [(i * 300, EPOCH + i * SECOND) for i in range(3)]
    signal = Fsr("current", wave(640), ties=ties, annotations=notes, **SMALL)
    definition = Definition([signal], user_data=[UserData(1, "a"), UserData(2, "b")], closed=False)
    chunks = chunks_of(encode_definition(definition))
    chunk = [c for c in chunks if c.tag == kind and c.payload.stop > c.payload.start][number]
    # All that came after it does not exist yet
    data = without_link_to(truncate(encode_definition(definition), chunk.stop), chunk)
    (tmp_path / "run.jls").write_bytes(data)
    before = [c for c in chunks if c.offset <= chunk.offset]
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        count = {
            tag: sum(c.tag == tag and c.payload.stop > c.payload.start for c in before)
            for tag in (0x22, 0x3A, 0x32, 0x40)
        }
        assert equal_values(recording.read("current"), signal.array[: 64 * count[0x22]])
        assert [tie.sample_id for tie in recording.ties("current")] == [i for i, _ in ties[: count[0x3A]]]
        assert [note.data for note in recording.annotations] == [note.data for note in notes[: count[0x32]]]
        assert [record.data for record in recording.user_data] == ["a", "b"][: count[0x40]]


WRITER = """
import signal, sys, numpy as np, pyjls
w = pyjls.Writer(sys.argv[1])
w.source_def(1, "js220")
w.signal_def(1, 1, sample_rate=1_000_000, name="current", units="A")
w.signal_def(2, 1, sample_rate=1_000_000, name="range", data_type="u8")
w.user_data(0x12, "hello")
for start in range(0, 2_600_000, 100_000):
    k = np.arange(start, start + 100_000)
    w.fsr(1, start, (k % 1000).astype("f4"))
    w.fsr(2, start, (k // 1000 % 200).astype("u1"))
    w.utc(1, start, start * (1 << 30) // 1_000_000)
    w.annotation(1, start, None, "text", 0, f"{start}")
w.flush()
print("flushed", flush=True)
signal.pause()
"""


def test_a_killed_writer_leaves_a_complete_recording(tmp_path):
    """SIGKILL after flush: at most one block of each signal is lost, everything else is there."""
    path = tmp_path / "run.jls"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "flushed\n"
        writer.send_signal(signal.SIGKILL)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with xjls.open_recording(path) as recording:
        assert not recording.status.closed
        assert not recording.status.gaps
        assert recording.signals["current"].length == 2_600_000 // 8192 * 8192
        assert recording.signals["range"].length == 2_600_000 // 32_768 * 32_768
        k = np.arange(2_600_000)
        size = recording.signals["current"].length
        assert equal_values(recording.read("current"), (k % 1000).astype("f4")[:size])
        size = recording.signals["range"].length
        assert equal_values(recording.read("range"), (k // 1000 % 200).astype("u1")[:size])
        assert [tie.sample_id for tie in recording.ties("current")] == list(range(0, 2_600_000, 100_000))
        assert [note.data for note in recording.annotations] == [str(i) for i in range(0, 2_600_000, 100_000)]
        assert recording.user_data == (xjls.UserData(meta=0x12, data="hello"),)
        for level in recording.signals["current"].levels:
            entries = recording.read_level("current", level.index)
            rows = (k[: level.length * level.factor] % 1000).reshape(-1, level.factor).astype("f8")
            np.testing.assert_allclose(entries[:, 0], rows.mean(1), rtol=1e-6)
            np.testing.assert_allclose(entries[:, 3], rows.max(1), rtol=1e-6)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_opening_an_unclosed_recording_does_not_read_its_samples(tmp_path):
    """What is missing from the index is walked, and nothing else: a million samples are some hundred reads."""
    path = write(tmp_path / "run.jls", mixed().sources, [Fsr("current", wave(1_000_000))], closed=False)
    size = path.stat().st_size
    counts = read_calls(path)
    assert counts["bytes"] < 400_000 < size / 8
    assert counts["calls"] < 1000


def test_opening_a_closed_recording_reads_the_same_whatever_its_length(tmp_path):
    counts = []
    for size in (200_000, 1_700_000):
        path = write(tmp_path / f"{size}.jls", mixed().sources, [Fsr("current", wave(size))])
        counts.append(read_calls(path))
    assert counts[1]["bytes"] < 150_000
    assert counts[1]["bytes"] < counts[0]["bytes"] + 20_000
    assert counts[1]["calls"] < counts[0]["calls"] + 20


def read_calls(path):
    """Count the system calls that opening makes, and the bytes that they return."""
    counts = {"calls": 0, "bytes": 0}
    real = os.pread

    def counting(*args):
        data = real(*args)
        counts["calls"] += 1
        counts["bytes"] += len(data)
        return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pread", counting)
        xjls.open_recording(path).close()
    assert counts["calls"], "opening reads some other way: count that"
    return counts


# ---- hostile files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        (b"", xjls.NotRecognizedError, "there are none.*JLS v2.*Is it a recording"),
        (b"PK\x03\x04" + bytes(60), xjls.NotRecognizedError, "50 4b 03 04"),
        (b"jlsfmt", xjls.NotRecognizedError, "6a 6c 73 66 6d 74"),
        (b"jlsfmt\r\n \n \x1a  \xb2\x1c", xjls.NotRecognizedError, "20 b2 1c"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, data, error, match):
    path = tmp_path / "run.jls"
    path.write_bytes(data)
    with pytest.raises(error, match=match):
        xjls.open_recording(path)


def test_a_missing_file_and_a_directory_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.jls"):
        xjls.open_recording(tmp_path / "nothing.jls")
    with pytest.raises(xjls.NotRecognizedError, match=r"Is a directory, and there is no zarr\.json in it"):
        xjls.open_recording(tmp_path)


def resealed(data, chunk, at, layout, *values):
    """Return the file with a field of a chunk changed and both its checksums made to fit again."""
    broken = bytearray(data)
    struct.pack_into(layout, broken, chunk.offset + at, *values)
    header = bytes(broken[chunk.offset : chunk.offset + 28])
    struct.pack_into("<I", broken, chunk.offset + 28, google_crc32c.value(header))
    if chunk.payload.stop > chunk.payload.start:
        struct.pack_into("<I", broken, chunk.stop - 4, google_crc32c.value(bytes(broken[chunk.payload])))
    return bytes(broken)


LIES = {"<Q": [1, 2**32, 2**64 - 8], "<q": [-(2**63), 2**62], "<I": [0, 1, 2**32 - 1], "<H": [0, 2**16 - 1]}


@pytest.mark.parametrize("name", ["mixed", "deep"])
def test_lies_with_valid_checksums_neither_hang_nor_eat_memory(tmp_path, name, in_time, bounded_memory):
    """A field of any chunk says something absurd under right checksums: an `XjlsError` or an answer, in bounds."""
    data = encode_definition(FRAGILE[name]())
    fields = [(0, "<Q"), (8, "<Q"), (18, "<H"), (20, "<I"), (32, "<q"), (40, "<I"), (44, "<H"), (48, "<Q"), (56, "<Q")]
    definition_fields = [(36, "<I"), *((40 + 4 * i, "<I") for i in range(7))]
    path = tmp_path / "run.jls"
    for chunk in one_of_each(data):
        for at, layout in fields + (definition_fields if chunk.tag == 0x02 else []):
            if chunk.offset + at + struct.calcsize(layout) > max(chunk.payload.stop, chunk.offset + 32):
                continue
            for value in LIES[layout]:
                path.write_bytes(resealed(data, chunk, at, layout, value))
                with in_time(f"{value} at {at} of the chunk {chunk.tag:#x} {chunk.meta:#x} at {chunk.offset}"):
                    visit(path)


def visit(path):
    """Open, and look at a little of everything; only an `XjlsError` may come out."""
    try:
        recording = xjls.open_recording(path, on_damage="gap")
    except xjls.XjlsError:
        return
    with recording:
        for name, found in recording.signals.items():
            actions = [
                lambda n=name: recording.ties(n),
                lambda n=name: recording.clock(n),
                lambda f=found, n=name: recording.read(n, (f.window.start, min(f.window.start + 1000, f.window.stop))),
                lambda f=found, n=name: recording.read(n, (max(f.window.stop - 1000, f.window.start), f.window.stop)),
                lambda f=found, n=name: [
                    recording.read_level(n, v.index, (0, min(v.length, 50))) for v in f.levels[:3]
                ],
                lambda n=name: recording.columns(n, n=20),
                lambda n=name: recording.statistics(n, nans="count"),
            ]
            for action in actions:
                try:
                    action()
                except xjls.XjlsError:
                    continue
        for action in (lambda: recording.annotations, lambda: recording.user_data, recording.check):
            try:
                action()
            except xjls.XjlsError:
                continue
        assert str(recording.status)


def test_random_bytes_behind_a_true_header_are_survived(tmp_path, in_time, bounded_memory):
    rng = np.random.default_rng(5)
    whole = encode_definition(mixed())
    path = tmp_path / "run.jls"
    for size in (0, 7, 33, 1000, 100_000):
        for head in (32, 800, 2000):
            path.write_bytes(whole[:head] + rng.bytes(size))
            with in_time(f"{size} random bytes behind {head}"):
                visit(path)


def test_junk_behind_the_end_is_passed_over(tmp_path):
    data = encode_definition(mixed())
    expected = Expected.of(truth_of(mixed()))
    for junk in (b"\0" * 40, b"x" * 3, data[32:2000]):
        (tmp_path / "run.jls").write_bytes(data + junk)
        with xjls.open_recording(tmp_path / "run.jls") as recording:
            assert recording.status.closed
            assert any("behind the end" in damage.problem for damage in recording.status.damage)
            for name, signal in expected.signals.items():
                assert equal_values(recording.read(name), signal.samples)
                assert tuple((t.sample_id, t.time_ns) for t in recording.ties(name)) == signal.ties


def test_a_file_that_shrinks_while_it_is_open_is_named(tmp_path):
    path = write(tmp_path / "run.jls", mixed().sources, [Fsr("current", wave(300_000))])
    with xjls.open_recording(path) as recording:
        recording.read("current", (0, 100_000))
        os.truncate(path, 100_000)
        with pytest.raises(xjls.XjlsError, match=r"shrank|ends"):
            recording.read("current", (200_000, 300_000))


# ---- read-only -----------------------------------------------------------------------------------------------------


def read_as_nobody(path, digest, queue):
    """Read everything without the right to write anything; runs in a forked process."""
    try:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        with xjls.open_recording(path) as recording:
            found = hashlib.sha256(recording.read("current").tobytes()).hexdigest()
            recording.check()
        writable = [p for p in (path, os.path.dirname(path)) if os.access(p, os.W_OK)]  # noqa: PTH120
        queue.put((found == digest, writable))
    except BaseException as error:  # noqa: BLE001 - the parent shows it
        queue.put((repr(error), []))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("closed", [True, False])
def test_a_read_only_file_in_a_read_only_directory_is_enough(closed):
    folder = Path(tempfile.mkdtemp())
    try:
        path = write(folder / "run.jls", mixed().sources, mixed().signals, closed=closed)
        truth = truth_of(mixed(closed=closed)).signals["current"].samples
        path.chmod(0o444)
        folder.chmod(0o555)
        xjls.open_recording(path).read("current")  # compiles in this process
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        process = context.Process(
            target=read_as_nobody, args=(str(path), hashlib.sha256(truth.tobytes()).hexdigest(), queue)
        )
        process.start()
        answer = queue.get()
        process.join()
        assert answer == (True, [])
        assert [p.name for p in folder.iterdir()] == ["run.jls"]
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_nothing_is_ever_opened_for_writing(tmp_path):
    """Python's own audit of opened files, in a process of its own: a hook cannot be taken away again."""
    path = write(tmp_path / "run.jls", mixed().sources, mixed().signals, closed=False)
    code = f"""
import json, os, sys
opened = []
def hook(event, args):
    if event == "open" and str(args[0]).endswith("run.jls"):
        opened.append([args[1], args[2]])
sys.addaudithook(hook)
import xjls
with xjls.open_recording({str(path)!r}) as r:
    r.read("current"); r.read_level("current", 1); r.annotations; r.check()
print(json.dumps([bool(opened), [o for o in opened if (o[0] or "r") not in ("r", "rb") or o[1] & 3 != os.O_RDONLY]]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [True, []]


def test_a_read_only_installation_reads(tmp_path):
    """Neither the package nor a home can be written, as in many containers: kernels are compiled and not kept."""
    path = write(tmp_path / "run.jls", mixed().sources, mixed().signals)
    code = f"""
import numba.core.caching as caching
nowhere = classmethod(lambda *_: None)
for locator in caching.CacheImpl._locator_classes:
    locator.from_function = nowhere
import xjls
print(xjls.open_recording({str(path)!r}).read("current").size)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("1500\n", 0), done.stderr[-500:]


def test_the_oracle_crashes_where_we_read(tmp_path):
    """Why the format is read natively: of an unclosed recording this long, pyjls dies in its repair."""
    length = 1_720_320
    path = write(tmp_path / "run.jls", mixed().sources, [Fsr("current", np.arange(length))], closed=False)
    with xjls.open_recording(path) as recording:
        assert recording.read("current", (length - 8, length)).tolist() == list(range(length - 8, length))
    shutil.copy(path, tmp_path / "copy.jls")
    code = f"import pyjls; pyjls.Reader({str(tmp_path / 'copy.jls')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGSEGV, f"pyjls {pyjls.__version__} reads it: say so in the field notes"


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_every_scenario_withstands_a_cut_and_a_flip(tmp_path, make, in_time):
    found = make()
    expected = Expected.of(found.truth)
    held = Target(tmp_path / "run.jls", expected, in_time)
    rng = random.Random(len(found.data))
    for _ in range(3):
        held.withstands(truncate(found.data, rng.randrange(len(found.data))), "a random cut")
        held.withstands(flip(found.data, rng.randrange(len(found.data)), rng.randrange(8)), "a random flip")
