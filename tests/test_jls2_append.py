"""Going on with a JLS v2 file: what a single run would have left, whoever wrote it, and the old content whole."""

import errno
import lzma
import os
import random
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyjls
import pytest
from google_crc32c import value as crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from tests.campaigns.jls_writers import JLS_WRITERS
from tests.campaigns.killing import campaign
from xjls.errors import CorruptError, FormatError, NotRecognizedError, UnsupportedError
from xjls.formats.jls2 import tape
from xjls.formats.jls2.past import Past
from xjls.formats.jls2.wire import AnnotationRecord, SignalDef, SourceDef, Tag, encode_file_header, padded
from xjls.formats.jls2.writer import Jls2Writer
from xjls.model.window import Gap, Window
from xjls.testing import laws
from xjls.testing.jls2 import RELEASES, SAMPLE_TYPES, chunks_of, flip, truth_of
from xjls.testing.jls2.writer import encode_calls, iter_calls
from xjls.testing.scenarios import SCENARIOS

DATA = Path(__file__).parent / "data"
OLD = {
    "om_v0.9.7.jls.xz": "the last samples of 'sig#1' are lost", "out_v0.2.6.jls.xz": "0.1.1",
    "out_v0.5.3.jls.xz": "old library",
    "out_v0.6.1.jls.xz": "old library", "s_v0.6.3.jls.xz": "old library",
}  # fmt: skip
"""Files of releases that are not gone on with, and why."""
SMALL = (64, 16, 20, 10, 7, 5)
FIRST_ID = 8
PIECE = 500


def define(writer, dtype):
    writer.define_source(SourceDef(1, "s", "", "", "", ""))
    writer.define_signal(SignalDef(1, 1, 0, SAMPLE_TYPES[dtype].data_type(), 1000, *SMALL, "fast", "A"))
    writer.define_signal(SignalDef(2, 1, 0, SAMPLE_TYPES["u8"].data_type(), 10, *SMALL, "slow", ""))
    writer.define_signal(SignalDef(3, 1, 1, 0x2004, 0, 0, 0, 0, 0, 7, 0, "notes", ""))


def samples_of(dtype, size):
    """Return samples of the fast signal; a stretch of NaN where the type has it."""
    kind = SAMPLE_TYPES[dtype]
    most = kind.bits - 1 if dtype == "i4" else min(kind.bits, 7)
    samples = (np.arange(size) * 7 % 11 % 2**most).astype(kind.numpy_dtype)
    if samples.dtype.kind == "f":
        samples[700:1900] = np.nan
    return samples


def play(writer, samples, start, stop):
    """Write samples [start, stop) in pieces, and something of everything else with each of them."""
    for at in range(start, stop, PIECE):
        piece = samples[at : min(at + PIECE, stop)]
        writer.write(1, FIRST_ID + at, piece)
        writer.write(2, at // 100, (np.arange(at // 100, (at + len(piece)) // 100) % 251).astype("u1"))
        writer.tie(1, FIRST_ID + at, 1 << 40 | at)
        writer.annotate(1, AnnotationRecord(at, 1, 0, 1.5, f"on {at}"))
        writer.annotate(3, AnnotationRecord(1 << 40 | at, 2, 1, float("nan"), {"at": at}))
        writer.annotate(0, AnnotationRecord(1 << 40 | at, 1, 0, 0, f"all {at}"))
        writer.user_data(3, f"data {at}")


def track_facts(data):
    """Return what a track's lists hold, each chunk by its payload: offsets in INDEX by what stands there."""
    chunks = {chunk.offset: chunk for chunk in chunks_of(data)}
    facts = {}

    def content(chunk):
        payload = data[chunk.payload.start : chunk.payload.stop]
        kind = chunk.tag & 7
        if chunk.tag == 0x23:
            return tuple(content(chunks[o]) for o in np.frombuffer(payload[16:], "<i8").tolist())
        return payload[:16] if kind == 3 else payload

    for head in (c for c in chunks.values() if c.tag in (Tag.FSR_HEAD, Tag.ANNOTATION_HEAD, Tag.UTC_HEAD)):
        offsets = np.frombuffer(data[head.payload.start : head.payload.start + 128], "<u8").tolist()
        for level, offset in enumerate(offsets):
            listed, before = [], 0
            at = offset
            while at:
                header = data[at : at + 32]
                assert int.from_bytes(header[8:16], "little") == before, "lists lead back as they lead on"
                listed.append(content(chunks[at]))
                before, at = at, int.from_bytes(header[:8], "little")
            facts[head.tag, head.meta, level] = listed
    return facts


def check_alike(path, single, dtype):
    """Hold a file to one that a single run left: what it says, what pyjls says, its lists and its levels."""
    with xjls.open_recording(path) as found, xjls.open_recording(single) as wanted:
        assert found.status.complete
        assert found.check() == ()
        assert found.annotations == wanted.annotations
        assert found.user_data == wanted.user_data
        for name in wanted.signals:
            assert laws.equal_values(found.read(name), wanted.read(name))
            assert found.signal(name).window == wanted.signal(name).window
            assert found.signal(name).rate_hz == 0 or found.ties(name) == wanted.ties(name)
    assert track_facts(Path(path).read_bytes()) == track_facts(Path(single).read_bytes())
    with pyjls.Reader(str(path)) as found, pyjls.Reader(str(single)) as wanted:
        for number in (1, 2):
            length = wanted.signals[number].length
            assert found.signals[number].length == length
            if length and SAMPLE_TYPES[dtype].bits >= 8:
                assert np.array_equal(found.fsr(number, 0, length), wanted.fsr(number, 0, length), equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(dtype=st.sampled_from(sorted(SAMPLE_TYPES)), size=st.integers(0, 40_000), data=st.data())
def test_appended_is_what_a_single_run_leaves(dtype, size, data, tmp_path_factory):
    """However often a file is closed, or abandoned after a flush, and gone on with: the same lists and levels."""
    folder = tmp_path_factory.mktemp("append")
    samples = samples_of(dtype, size)
    cuts = sorted(PIECE * cut for cut in data.draw(st.lists(st.integers(0, size // PIECE), max_size=4)))
    for name, edges in (("single", [0, size]), ("parts", [0, *cuts, size])):
        for number, (start, stop) in enumerate(pairwise(edges)):
            writer = Jls2Writer(str(folder / name), append=number > 0)
            if not number:
                define(writer, dtype)
            play(writer, samples, start, stop)
            writer.close()
    check_alike(folder / "parts", folder / "single", dtype)


PLAYED = [made for made in SCENARIOS if (d := made().definition).release == RELEASES["0.17"]]


@pytest.mark.parametrize("made", PLAYED, ids=lambda made: made.__name__)
def test_nothing_appended_leaves_all_as_it_was(made, tmp_path):
    """Files of the library with its orphaned tails and half summaries, closed and unclosed."""
    scenario = made()
    path = tmp_path / "run.jls"
    path.write_bytes(scenario.data)
    expected = laws.Expected.of(truth_of(scenario.definition))
    try:
        writer = Jls2Writer(str(path), append=True)
    except (CorruptError, UnsupportedError):
        assert any(truth.lost for truth in expected.signals.values())
        assert path.read_bytes() == scenario.data
        return
    writer.close()
    with xjls.open_recording(path) as recording:
        assert recording.was_closed
        laws.check(recording, expected)
    with pyjls.Reader(str(path)) as reader:
        for truth in truth_of(scenario.definition).signals.values():
            if truth.samples is not None:
                assert reader.signals[truth.signal_id].length == len(truth.samples)


@pytest.mark.parametrize("file", sorted(DATA.glob("*.xz")), ids=lambda file: file.name)
def test_files_of_other_releases_go_on_or_stay_as_they_are(file, tmp_path):
    path = tmp_path / "run.jls"
    data = lzma.decompress(file.read_bytes())
    path.write_bytes(data)
    if file.name in OLD:
        with pytest.raises((UnsupportedError, CorruptError), match=OLD[file.name]):
            Jls2Writer(str(path), append=True)
        assert path.read_bytes() == data
        return
    writer = Jls2Writer(str(path), append=True)
    with xjls.open_recording(path, on_damage="gap") as before:
        old = {name: before.read(name) for name, found in before.signals.items() if found.has_samples}
        ids = {name: (before.signal(name).id, before.signal(name).window.stop) for name in old}
        notes = before.annotations
    for name, values in old.items():
        writer.write(*ids[name], np.ones(1000, values.dtype))
    writer.close()
    with xjls.open_recording(path, on_damage="gap") as after:
        assert after.was_closed
        assert after.annotations == notes
        for name, values in old.items():
            found = after.read(name)
            assert laws.equal_values(found[:-1000], values)
            assert (found[-1000:] == 1).all()
            assert after.statistics(name).count == np.isfinite(found).sum()


def test_pyjlss_files_go_on(tmp_path):
    """A long recording of pyjls, closed, and the same of which the writer was killed."""
    samples = np.random.default_rng(0).normal(0, 1, 3_000_000).astype("f4")
    with pyjls.Writer(str(tmp_path / "theirs.jls")) as theirs:
        theirs.source_def(source_id=1, name="s", vendor="v", model="m", version="1", serial_number="n")
        theirs.signal_def(1, source_id=1, sample_rate=1000, name="current", units="A", data_type=pyjls.DataType.F32)
        theirs.fsr(1, 5, samples[:1_700_000])
        theirs.utc(1, 5, 1 << 40)
    closed = (tmp_path / "theirs.jls").read_bytes()
    last = [chunk for chunk in chunks_of(closed) if chunk.tag == Tag.FSR_DATA][-2]
    for name, data in (("closed", closed), ("killed", encode_file_header(0) + closed[32 : last.offset + 1000])):
        path = tmp_path / name
        path.write_bytes(data)
        with Jls2Writer(str(path), append=True) as ours:
            start = xjls.open_recording(path).signal("current").length
            ours.write(1, 5 + start, samples[start:])
        with pyjls.Reader(str(path)) as reader:
            assert np.array_equal(reader.fsr(1, 0, len(samples)), samples)
            _, _, low, high = reader.fsr_statistics(1, 0, len(samples), 1)[0]
            assert (low, high) == (samples.min(), samples.max())
        with xjls.open_recording(path) as recording:
            assert recording.signal("current").first_id == 5
            assert recording.statistics("current").count == len(samples)


@settings(max_examples=60, deadline=None)
@given(size=st.integers(500, 30_000), seed=st.integers(0, 2**32))
def test_a_file_cut_anywhere_goes_on(size, seed, tmp_path_factory):
    """What a power failure leaves of the bytes: a prefix, then what follows it."""
    folder = tmp_path_factory.mktemp("cut")
    path, samples = folder / "run.jls", samples_of("f32", size + 5000)
    with Jls2Writer(str(path)) as writer:
        define(writer, "f32")
        play(writer, samples, 0, size)
    data = path.read_bytes()
    begin = next(c for c in chunks_of(data) if c.tag == Tag.FSR_DATA).offset
    path.write_bytes(data[: random.Random(seed).randrange(begin, len(data))])
    before = xjls.open_recording(path, on_damage="gap")
    kept, notes = before.read("fast"), before.annotations
    assert np.array_equal(kept, samples[: len(kept)], equal_nan=True)
    with Jls2Writer(str(path), append=True) as writer:
        writer.write(1, FIRST_ID + len(kept), samples[len(kept) :])
        writer.annotate(1, AnnotationRecord(7, 1, 0, 0, "after"))
    with xjls.open_recording(path) as recording:
        assert recording.status.complete
        assert np.array_equal(recording.read("fast"), samples, equal_nan=True)
        assert recording.statistics("fast").count == np.isfinite(samples).sum()
        assert {note.data if isinstance(note.data, str) else "" for note in recording.annotations} >= {"after"}
        assert len(recording.annotations) == len(notes) + 1
    with pyjls.Reader(str(path)) as reader:
        assert np.array_equal(reader.fsr(1, 0, len(samples)), samples, equal_nan=True)


@pytest.mark.parametrize("dtype", ["f32", "u1", "i32"])
def test_every_write_of_an_append_leaves_the_old_content_whole(dtype, tmp_path, monkeypatch):
    """The file as it is after each single write: it opens, with all that was there, and goes on."""
    path, size = tmp_path / "run.jls", 4600
    samples = samples_of(dtype, 3 * size)
    with Jls2Writer(str(path)) as writer:
        define(writer, dtype)
        play(writer, samples, 0, size)
    states, pwrite = [], os.pwrite

    def seen(file, data, offset):
        states.append(path.read_bytes())
        return pwrite(file, data, offset)

    monkeypatch.setattr(os, "pwrite", seen)
    monkeypatch.setattr(tape, "PIECE_BYTES", 4000)
    with Jls2Writer(str(path), append=True) as writer:
        play(writer, samples, size, 2 * size)
    monkeypatch.setattr(os, "pwrite", pwrite)
    assert len(states) >= 50
    for number, state in enumerate(states):
        path.write_bytes(state)
        with xjls.open_recording(path) as recording:
            found = recording.read("fast")
            assert len(found) >= size
            assert laws.equal_values(found, samples[: len(found)])
            assert [note.data for note in recording.annotations if note.signal == "fast"][:10] == [
                f"on {at}" for at in range(0, size, PIECE)
            ]
            assert len(recording.ties("fast")) >= 10
            assert recording.statistics("fast").count == np.isfinite(found.astype("f8")).sum()
        if number % 7 == 0:
            with Jls2Writer(str(path), append=True) as writer:
                writer.write(1, FIRST_ID + len(found), samples[len(found) :])
            with xjls.open_recording(path) as recording:
                assert laws.equal_values(recording.read("fast"), samples)
                assert recording.check() == ()


@pytest.mark.parametrize(("marked", "fewest"), [(False, 35), (True, 10)])
def test_damage_in_an_unclosed_file_is_not_appended_over(marked, fewest, tmp_path):
    """Wherever a byte is flipped: refused, and left alone; or gone on with, and all that could be read still can."""
    path, samples = tmp_path / "run.jls", samples_of("i16", 3000)
    writer = Jls2Writer(str(path), shows_all=marked)
    define(writer, "i16")
    play(writer, samples, 0, 1500)
    writer.flush(sync=True)
    play(writer, samples, 1500, 3000)
    writer.flush()
    writer.abandon()
    data = path.read_bytes()
    refused = 0
    for chunk in chunks_of(data)[6::3]:
        damaged = flip(data, chunk.offset + (40 if chunk.payload.stop > chunk.payload.start else 20))
        path.write_bytes(damaged)
        with xjls.open_recording(path, on_damage="gap") as before:
            if "fast" not in before.signals:
                continue
            valid, values = before.read_valid("fast"), before.read("fast")
        try:
            writer = Jls2Writer(str(path), append=True)
        except FormatError:
            refused += 1
            assert path.read_bytes() == damaged
            continue
        writer.write(1, FIRST_ID + len(values), np.ones(100, "i2"))
        writer.close()
        with xjls.open_recording(path, on_damage="gap") as after:
            assert (after.read_valid("fast")[: len(valid)] >= valid).all(), chunk
            assert np.array_equal(after.read("fast")[: len(valid)][valid], values[valid]), chunk
    assert refused > fewest


def test_a_gap_that_was_not_filled_in_time_takes_no_samples(tmp_path):
    """Its record is there first. Who goes on says how far the filling came: what is written behind that are samples."""
    path = tmp_path / "run.jls"
    for dtype in ("i16", "f32"):
        path.unlink(missing_ok=True)
        kind = SAMPLE_TYPES[dtype].numpy_dtype
        writer = Jls2Writer(str(path))
        define(writer, dtype)
        writer.write(1, 0, np.ones(1000, kind))
        writer.skip(1, Gap(Window(1000, 50_000), "unplugged"))
        writer.flush()
        writer.abandon()
        data = path.read_bytes()
        filled = [chunk for chunk in chunks_of(data) if chunk.tag == Tag.FSR_DATA][100]
        path.write_bytes(data[: filled.offset])
        length = xjls.open_recording(path).signal("fast").length
        assert 1000 < length < 10_000
        for _ in range(2):
            with Jls2Writer(str(path), append=True) as writer:
                writer.write(1, length, np.ones(60_000, kind))
        with xjls.open_recording(path) as recording:
            assert [(gap.window, gap.reason) for gap in recording.skipped("fast")] == [
                (Window(1000, length), "unplugged")
            ]
            assert recording.statistics("fast").count == recording.read_valid("fast").sum() == 61_000
            assert recording.user_data == ()


def test_what_stands_behind_the_end_does_not_come_to_life(tmp_path):
    """Two recordings in one file: the second is no part of the first, also when who goes on is killed."""
    path, other = tmp_path / "run.jls", tmp_path / "other.jls"
    for name, start in ((path, 0), (other, 5000)):
        with Jls2Writer(str(name)) as writer:
            define(writer, "f32")
            play(writer, np.arange(start, start + 9000, dtype="f4"), 0, 3000 if name == path else 9000)
    path.write_bytes(path.read_bytes() + other.read_bytes())
    writer = Jls2Writer(str(path), append=True)
    writer.write(1, FIRST_ID + 3000, np.arange(3000, 3500, dtype="f4"))
    writer.flush()
    writer.abandon()
    with xjls.open_recording(path) as recording:
        assert not recording.was_closed
        found = recording.read("fast")
        assert np.array_equal(found, np.arange(len(found), dtype="f4"))
        assert len(recording.annotations) == 18
        assert [record.data for record in recording.user_data] == [f"data {at}" for at in range(0, 3000, PIECE)]


@pytest.mark.parametrize("dtype", ["i32", "u64", "f64"])
def test_half_summaries_of_the_library_are_gone_on_with(dtype, tmp_path):
    """Of a single entry of 64-bit numbers the library writes half: that tells nothing of the release."""
    path, kind = tmp_path / "run.jls", SAMPLE_TYPES[dtype]
    with pyjls.Writer(str(path)) as theirs:
        theirs.source_def(source_id=1, name="s")
        theirs.signal_def(1, source_id=1, sample_rate=1000, name="fast", data_type=kind.data_type())
        theirs.fsr(1, 0, np.arange(2560).astype(kind.numpy_dtype))
    with Jls2Writer(str(path), append=True) as writer:
        writer.write(1, 2560, np.arange(2560, 200_000).astype(kind.numpy_dtype))
    with xjls.open_recording(path) as recording:
        found = recording.statistics("fast")
        assert (found.count, found.min, found.max) == (200_000, 0, 199_999)
        assert found.mean == pytest.approx(99_999.5)


def test_gaps_between_runs_are_recorded(tmp_path):
    path = tmp_path / "run.jls"
    with Jls2Writer(str(path)) as writer:
        define(writer, "i16")
        writer.write(1, 0, np.ones(100, "i2"))
        writer.skip(1, Gap(Window(100, 130), "unplugged"))
    with Jls2Writer(str(path), append=True) as writer:
        writer.write(1, 1000, np.ones(100, "i2"))
    with xjls.open_recording(path) as recording:
        assert [(gap.window, gap.reason) for gap in recording.gaps("fast")] == [
            (Window(100, 130), "unplugged"),
            (Window(130, 1000), "not delivered"),
        ]
        assert recording.statistics("fast").mean == 1
        assert recording.read_level("fast", 1)[:, 0].tolist()[:7] == [1] * 7


def test_signals_are_added_later(tmp_path):
    path = tmp_path / "run.jls"
    with Jls2Writer(str(path)) as writer:
        define(writer, "f32")
    with Jls2Writer(str(path), append=True) as writer:
        writer.define_signal(SignalDef(9, 1, 0, 0x2004, 50, 0, 0, 0, 0, 0, 0, "new", "V"))
        writer.write(9, 3, np.arange(5, dtype="f4"))
        writer.write(1, 3, np.arange(5, dtype="f4"))
    with xjls.open_recording(path) as recording:
        assert list(recording.signals) == ["fast", "slow", "notes", "new"]
        assert recording.read("new").tolist() == recording.read("fast").tolist() == [0, 1, 2, 3, 4]


def test_what_cannot_go_on_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "run.jls"
    with Jls2Writer(str(path)) as writer:
        define(writer, "f32")
        play(writer, samples_of("f32", 5000), 0, 5000)
    data = path.read_bytes()
    signal_def = [chunk for chunk in chunks_of(data) if chunk.tag == Tag.SIGNAL_DEF][-1]
    for damaged, error, match in (
        (flip(data, signal_def.offset + 40), CorruptError, "to append would bury that.*xjls recover"),
        (b"no recording at all, nor anything like one", NotRecognizedError, "not a JLS v2"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(error, match=match):
            Jls2Writer(str(path), append=True)
        assert path.read_bytes() == damaged
    with pytest.raises(FileNotFoundError):
        Jls2Writer(str(tmp_path / "nowhere.jls"), append=True)
    old = next(made for made in SCENARIOS if made().definition.release == RELEASES["0.6.1"])()
    path.write_bytes(old.data)
    with pytest.raises(UnsupportedError, match=r"those of an old library.*xjls convert"):
        Jls2Writer(str(path), append=True)
    assert path.read_bytes() == old.data


def test_one_writer_at_a_time(tmp_path):
    path = str(tmp_path / "run.jls")
    with Jls2Writer(path) as writer:
        define(writer, "f32")
        writer.write(1, 0, np.zeros(1000, "f4"))
        writer.flush()
        with pytest.raises(BlockingIOError, match="another process is writing to it"):
            Jls2Writer(path, append=True)
    Jls2Writer(path, append=True).close()


def test_a_file_that_changed_while_it_was_looked_at_is_left_alone(tmp_path, monkeypatch):
    """Two go on with one file at the same time: the lock keeps one out, and what it has seen is no longer so."""
    path = tmp_path / "run.jls"
    with Jls2Writer(str(path)) as writer:
        define(writer, "f32")
    look = Past.__init__

    def late(self, name):
        look(self, name)
        monkeypatch.setattr(Past, "__init__", look)
        with Jls2Writer(name, append=True) as other:
            other.write(1, 0, np.arange(1000, dtype="f4"))

    monkeypatch.setattr(Past, "__init__", late)
    with pytest.raises(BlockingIOError, match="another process has written to it meanwhile"):
        Jls2Writer(str(path), append=True)
    with xjls.open_recording(path) as recording:
        assert np.array_equal(recording.read("fast"), np.arange(1000, dtype="f4"))


def test_signals_of_other_types_are_refused(tmp_path):
    """Of 24 bits there are declarations, and no samples of xjls's own."""
    path = tmp_path / "run.jls"
    with Jls2Writer(str(path)) as writer:
        define(writer, "f32")
    data = bytearray(path.read_bytes())
    chunk = [chunk for chunk in chunks_of(bytes(data)) if chunk.tag == Tag.SIGNAL_DEF][1]
    data[chunk.payload.start + 4 : chunk.payload.start + 8] = (0x1803).to_bytes(4, "little")
    payload = bytes(data[chunk.payload.start : chunk.payload.stop])
    stop = chunk.payload.start + padded(len(payload))
    data[stop - 4 : stop] = crc32c(payload).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(UnsupportedError, match=r"samples of 'fast' are u24.*Choose one of u1"):
        Jls2Writer(str(path), append=True)
    assert path.read_bytes() == data


def test_a_block_that_raises_leaves_no_closed_recording(tmp_path):
    path = tmp_path / "run.jls"

    def record():
        with Jls2Writer(str(path)) as writer:
            define(writer, "f32")
            writer.write(1, 0, np.zeros(1000, "f4"))
            writer.flush()
            raise RuntimeError("unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        record()
    with xjls.open_recording(path) as recording:
        assert not recording.was_closed
        assert recording.signal("fast").length == 960


def test_a_file_that_must_not_be_written_is_told(tmp_path, monkeypatch):
    """Whoever runs the tests may be root, whom no permission stops: the system's answer is given in its place."""
    path = tmp_path / "run.jls"
    with Jls2Writer(str(path)) as writer:
        define(writer, "f32")
    system_open = os.open

    def refuse(name, flags, *mode):
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return system_open(name, flags, *mode)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        Jls2Writer(str(path), append=True)


APPENDING = """
import sys, numpy as np
from xjls.formats.jls2.writer import Jls2Writer
import xjls
at = xjls.open_recording(sys.argv[1]).signal("fast").length
writer = Jls2Writer(sys.argv[1], append=True)
print(at, flush=True)
while True:
    writer.write(1, 8 + at, np.arange(at, at + 1000, dtype="f4"))
    at += 1000
    if at % 5000 < 1000:
        writer.flush()
        print(at, flush=True)
"""


def test_a_killed_append_loses_nothing_that_was_flushed(tmp_path):
    """SIGKILL, again and again, each time after some more: the file grows, and is a prefix at all times."""
    path = tmp_path / "run.jls"
    with Jls2Writer(str(path)) as writer:
        define(writer, "f32")
    flushed = 0
    for flushes in (1, 3, 12):
        process = subprocess.Popen([sys.executable, "-c", APPENDING, str(path)], stdout=subprocess.PIPE, text=True)
        try:
            flushed = int([process.stdout.readline() for _ in range(flushes + 1)][-1])
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
        with xjls.open_recording(path) as recording:
            found = recording.read("fast")
            assert len(found) > flushed - 64
            assert np.array_equal(found, np.arange(len(found), dtype="f4"))


def test_writers_are_killed_at_random_moments(tmp_path):
    """A share of the campaign: whole files of all types, killed and gone on with again and again."""
    told = []
    done, failed = campaign(
        JLS_WRITERS, 16, random.SystemRandom().randrange(2**32), tmp_path / "failed", tell=told.append
    )
    assert done == 16
    assert not failed, told


def test_scenarios_of_the_library_are_played(tmp_path):
    assert len(PLAYED) > 25
    assert encode_calls(iter_calls(PLAYED[0]().definition), RELEASES["0.17"]) is not None
