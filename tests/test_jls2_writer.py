"""The JLS v2 writer: the bytes of the JLS library, what it does wrong made right, and a prefix whatever happens."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import count, pairwise

import numpy as np
import pyjls
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.errors import SelectionError, UnsupportedError
from xjls.formats.jls2 import tape
from xjls.formats.jls2.wire import AnnotationRecord, SignalDef, SourceDef
from xjls.formats.jls2.writer import Jls2Writer
from xjls.model.window import Gap, Window
from xjls.testing import laws
from xjls.testing.jls2 import RELEASES, SAMPLE_TYPES, chunks_of, truth_of
from xjls.testing.jls2.writer import encode_calls, iter_calls
from xjls.testing.scenarios import SCENARIOS
from xjls.testing.strategies import recordings

KINDS = {"user": 0, "text": 1, "vmarker": 2, "hmarker": 3}
LATEST = RELEASES["0.17"]
CORRECTED = replace(LATEST, half_summaries=False, orphan_tails=False)
"""What xjls does otherwise than the library, on purpose."""


def definition_of(signal):
    """Return a signal's SIGNAL_DEF as it was asked for."""
    if not hasattr(signal, "rate_hz"):
        return SignalDef(
            signal.signal_id, signal.source, 1, 0x2004, 0, 0, 0, 0, 0, signal.annotation_decimate or 0, 0, signal.name,
            signal.units,
        )  # fmt: skip
    return SignalDef(
        signal.signal_id, signal.source, 0, signal.kind.data_type(signal.q), signal.rate_hz,
        signal.samples_per_data or 0, signal.sample_decimate or 0, signal.entries_per_summary or 0,
        signal.summary_decimate or 0, signal.annotation_decimate or 0, signal.utc_decimate or 0, signal.name,
        signal.units,
    )  # fmt: skip


def play(writer, calls):
    """Make the calls of a definition."""
    for call in calls:
        subject, detail = call.subject, call.detail
        if call.verb == "source":
            texts = (subject.name, subject.vendor, subject.model, subject.version, subject.serial_number)
            writer.define_source(SourceDef(subject.source_id, *texts))
        elif call.verb == "signal":
            writer.define_signal(definition_of(subject))
        elif call.verb == "user_data":
            writer.user_data(subject.meta, b"" if subject.data is None else subject.data)
        elif call.verb == "samples":
            start, stop = detail
            writer.write(subject.signal_id, subject.first_id + start, subject.array[start:stop])
        elif call.verb == "tie":
            writer.tie(subject.signal_id, *detail)
        else:
            y = float("nan") if detail.y is None else detail.y
            note = AnnotationRecord(detail.timestamp, KINDS[detail.type], detail.group, y, detail.data)
            writer.annotate(subject.signal_id or 0, note)


def written(path, definition):
    with Jls2Writer(str(path)) as writer:
        play(writer, iter_calls(definition))
    return path.read_bytes()


def without_entries(data, bits):
    """Return a file's bytes with the entries of SUMMARY chunks of so many bits, and what depends on them, blanked."""
    blanked = bytearray(data)
    for chunk in chunks_of(data):
        if (
            chunk.tag == 0x24
            and int.from_bytes(data[chunk.payload.start + 12 : chunk.payload.start + 14], "little") == bits
        ):
            stop = chunk.payload.start + (chunk.payload.stop - chunk.payload.start + 11 & ~7)
            blanked[chunk.payload.start + 16 : stop] = bytes(stop - chunk.payload.start - 16)
    return bytes(blanked)


PLAIN = [
    made
    for made in SCENARIOS
    if (d := made().definition).release == LATEST and d.closed
    and all(getattr(s, "omit", "none") == "none" for s in d.signals)
]  # fmt: skip


@pytest.mark.parametrize("made", PLAIN, ids=lambda made: made.__name__)
def test_bytes_are_the_librarys(made, tmp_path):
    """Every byte but float64 entries, whose sums may be added in another order; those are close."""
    definition = made().definition
    found, wanted = written(tmp_path / "run.jls", definition), encode_calls(iter_calls(definition), CORRECTED)
    assert without_entries(found, 256) == without_entries(wanted, 256)
    laws.check(xjls.open_recording(tmp_path / "run.jls"), laws.Expected.of(truth_of(definition)))


def test_some_scenarios_are_played():
    assert len(PLAIN) > 20


def test_a_long_recording_is_pyjlss_byte_for_byte(tmp_path):
    """Whole blocks and a tail of f32, written in pieces of any size."""
    samples = np.random.default_rng(0).normal(0, 1, 3_000_000).astype("f4")
    with pyjls.Writer(str(tmp_path / "theirs.jls")) as theirs:
        theirs.source_def(source_id=1, name="s", vendor="v", model="m", version="1", serial_number="n")
        theirs.signal_def(1, source_id=1, sample_rate=1000, name="current", units="A", data_type=pyjls.DataType.F32)
        for start in range(0, len(samples), 70_001):
            theirs.fsr(1, start, samples[start : start + 70_001])
    with Jls2Writer(str(tmp_path / "ours.jls")) as ours:
        ours.define_source(SourceDef(1, "s", "v", "m", "1", "n"))
        ours.define_signal(SignalDef(1, 1, 0, 0x2004, 1000, 0, 0, 0, 0, 0, 0, "current", "A"))
        for start in range(0, len(samples), 1_234_567):
            ours.write(1, start, samples[start : start + 1_234_567])
    assert (tmp_path / "ours.jls").read_bytes() == (tmp_path / "theirs.jls").read_bytes()


@settings(max_examples=40, deadline=None)
@given(drawn=recordings())
def test_what_is_written_is_read(drawn, tmp_path_factory):
    """Random definitions: every law of reading holds of what was written, and pyjls finds all samples."""
    definition, truth = drawn
    path = tmp_path_factory.mktemp("drawn") / "run.jls"
    written(path, definition)
    laws.check(xjls.open_recording(path), laws.Expected.of(truth))
    with pyjls.Reader(str(path)) as reader:
        for found in truth.signals.values():
            if found.samples is not None:
                assert reader.signals[found.signal_id].length == len(found.samples)


@settings(max_examples=60, deadline=None)
@given(
    dtype=st.sampled_from(sorted(SAMPLE_TYPES)), size=st.integers(0, 3000), data=st.data(),
    first_id=st.sampled_from([0, 5, -77, 2**40]),
)  # fmt: skip
def test_pieces_do_not_matter(dtype, size, data, first_id, tmp_path_factory):
    """However samples are cut, the file is the same."""
    kind = SAMPLE_TYPES[dtype]
    samples = (np.arange(size) * 7 % 11 % 2 ** min(kind.bits, 8)).astype(kind.numpy_dtype)
    samples = samples % 8 if dtype == "i4" else samples
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=6)))
    folder = tmp_path_factory.mktemp("pieces")
    for name, edges in (("whole", [0, size]), ("cut", [0, *cuts, size])):
        with Jls2Writer(str(folder / name)) as writer:
            writer.define_source(SourceDef(1, "s", "", "", "", ""))
            writer.define_signal(SignalDef(1, 1, 0, kind.data_type(), 1000, 64, 32, 20, 10, 0, 0, "x", ""))
            for start, stop in pairwise(edges):
                writer.write(1, first_id + start, samples[start:stop])
    assert (folder / "whole").read_bytes() == (folder / "cut").read_bytes()


def writer_of(path, dtype="f32", **blocks):
    writer = Jls2Writer(str(path))
    writer.define_source(SourceDef(1, "s", "", "", "", ""))
    sizes = (blocks.get("chunk", 64), 16, 20, 10)
    writer.define_signal(SignalDef(1, 1, 0, SAMPLE_TYPES[dtype].data_type(), 1000, *sizes, 0, 0, "x", ""))
    return writer


@pytest.mark.parametrize(("dtype", "fill"), [("f32", np.nan), ("i16", 0), ("u1", False)])
def test_gaps_are_filled_and_overlaps_keep_the_first(dtype, fill, tmp_path):
    kind = SAMPLE_TYPES[dtype].numpy_dtype
    with writer_of(tmp_path / "run.jls", dtype) as writer:
        writer.write(1, 100, np.ones(50, kind))
        writer.write(1, 400, np.ones(10, kind))
        writer.write(1, 405, np.zeros(10, kind))
        writer.write(1, 120, np.zeros(20, kind))
    wanted = np.full(315, fill, kind)
    wanted[:50] = wanted[300:310] = 1
    wanted[310:] = 0
    recording = xjls.open_recording(tmp_path / "run.jls")
    assert recording.signal("x").window.start == 100
    assert laws.equal_values(recording.read("x"), wanted)


@pytest.mark.parametrize("dtype", ["f32", "i16", "u1", "u64"])
def test_a_gap_is_recorded_and_its_filling_taken_for_no_sample(dtype, tmp_path):
    """Whatever asks, at any zoom: NumPy over what was delivered."""
    kind = SAMPLE_TYPES[dtype].numpy_dtype
    samples = np.random.default_rng(1).integers(1, 100, 60_000).astype(kind)
    with writer_of(tmp_path / "run.jls", dtype) as writer:
        writer.write(1, 7, samples[:10_003])
        writer.write(1, 7 + 40_000, samples[40_000:])
        writer.skip(1, Gap(Window(60_007, 60_100), "the device restarted"))
    truth = np.concatenate([samples.astype("f8"), np.full(93, np.nan)])
    truth[10_003:40_000] = np.nan
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        first, last = recording.gaps("x")
        assert (first.window, first.reason, first.skipped) == (Window(10_010, 40_007), "not delivered", True)
        assert (last.window, last.reason) == (Window(60_007, 60_100), "the device restarted")
        assert recording.skipped("x") == (first, last)
        assert recording.user_data == ()
        assert recording.status.complete
        assert np.array_equal(recording.read_valid("x"), np.isfinite(truth))
        for found in (recording.statistics("x"), recording.read_statistics("x")):
            assert (found.count, found.min, found.max) == (30_003, np.nanmin(truth), np.nanmax(truth))
            assert found.mean == pytest.approx(np.nanmean(truth), rel=1e-6)
        columns = recording.columns("x", n=137)
        for (start, stop), counted, low in zip(pairwise(columns.edges - 7), columns.count, columns.min, strict=True):
            there = truth[start:stop][np.isfinite(truth[start:stop])]
            assert counted == len(there)
            assert not len(there) or low == there.min()
        for level in recording.signal("x").levels:
            entries = recording.read_level("x", level.index)
            parts = truth[: level.length * level.factor].reshape(level.length, level.factor)
            empty = ~np.isfinite(parts).any(axis=1)
            assert np.array_equal(np.isnan(entries[:, 0]), empty)
            assert np.array_equal(entries[~empty, 3], np.nanmax(parts[~empty], axis=1))
        assert ("x_valid" in xjls.open(tmp_path / "run.jls")) == (dtype != "f32")


def test_ten_hours_without_samples(tmp_path, bounded_memory):
    """At a rate at which they fit they are filled and recorded; where they do not, nothing is written at all."""
    hours = 10 * 3600 * 1000
    with writer_of(tmp_path / "run.jls", "u1", chunk=65_536) as writer:
        writer.write(1, 0, np.ones(10, "?"))
        writer.write(1, hours, np.ones(10, "?"))
        with pytest.raises(OSError, match="No space left on device: a gap needs"):
            writer.write(1, 10**18, np.ones(10, "?"))
        writer.write(1, hours + 10, np.ones(10, "?"))
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        found = recording.statistics("x")
        assert (found.count, found.lost, recording.signal("x").length) == (30, hours - 10, hours + 20)


def test_a_gap_may_begin_later_or_earlier(tmp_path):
    """What is between was not delivered either; what is there already stays."""
    with writer_of(tmp_path / "run.jls") as writer:
        writer.write(1, 0, np.ones(10, "f4"))
        writer.skip(1, Gap(Window(20, 30), "unplugged"))
        writer.skip(1, Gap(Window(5, 30), "nothing new"))
        writer.skip(1, Gap(Window(25, 40), "still unplugged"))
        writer.write(1, np.int64(50), np.ones(10, "f4"))
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert [(str(gap.window), gap.reason) for gap in recording.skipped("x")] == [
            ("10–20", "not delivered"), ("20–30", "unplugged"), ("30–40", "still unplugged"),
            ("40–50", "not delivered"),
        ]  # fmt: skip


def states_of(monkeypatch, path, act):
    """Return the file as it is before each write of an action."""
    states, pwrite = [], os.pwrite

    def seen(file, data, offset):
        states.append(path.read_bytes())
        return pwrite(file, data, offset)

    monkeypatch.setattr(os, "pwrite", seen)
    act()
    monkeypatch.setattr(os, "pwrite", pwrite)
    return states


def test_who_sees_end_finds_all(tmp_path, monkeypatch):
    """A file under a writer that closes it is never a closed one that lacks something."""
    path = tmp_path / "run.jls"
    writer = writer_of(path)
    for at in range(0, 5000, 500):
        writer.write(1, at, np.arange(at, at + 500, dtype="f4"))
        writer.tie(1, at, at << 30)
        writer.annotate(1, AnnotationRecord(at, 1, 0, 0, f"at {at}"))
        if at == 2500:
            writer.flush()
    states = states_of(monkeypatch, path, writer.close)
    assert len(states) > 5
    for state in [*states, path.read_bytes()]:
        path.write_bytes(state)
        with xjls.open_recording(path) as recording:
            whole = (len(recording.read("x")), len(recording.ties("x")), len(recording.annotations))
            assert not recording.was_closed or whole == (5000, 10, 10)
    assert recording.was_closed


def again(call, *arguments):
    """Make a call until the disk takes it."""
    for _ in range(5):
        try:
            return call(*arguments)
        except OSError:
            continue
    raise AssertionError("refused for ever")


@pytest.mark.parametrize("dtype", ["f32", "i16"])
def test_a_call_that_the_disk_refused_can_be_made_again(dtype, tmp_path, monkeypatch):
    """Whichever write fails, in the middle or on closing: the same call again, and nothing is lost or twice there."""
    data_type = SAMPLE_TYPES[dtype].data_type()
    samples = (np.arange(6000) % 1000).astype(SAMPLE_TYPES[dtype].numpy_dtype)
    monkeypatch.setattr(tape, "PIECE_BYTES", 3000)
    pwrite, calls = os.pwrite, count()
    fails = set()

    def unsure(file, data, offset):
        if next(calls) in fails:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(file, data, offset)

    monkeypatch.setattr(os, "pwrite", unsure)
    for first in range(60):
        path = tmp_path / f"{first}.jls"
        calls, fails = count(), {first, first + 7, first + 8}
        writer = Jls2Writer(str(path))
        again(writer.define_source, SourceDef(1, "s", "", "", "", ""))
        for number in (1, 2):
            data_type = SAMPLE_TYPES[dtype].data_type()
            again(
                writer.define_signal, SignalDef(number, 1, 0, data_type, 1000, 64, 16, 20, 10, 3, 3, f"x{number}", "")
            )
        for at in range(0, 6000, 150):
            for number in (1, 2):
                again(writer.write, number, at, samples[at : at + 150])
            again(writer.tie, 1, at, at << 30)
            again(writer.annotate, 1, AnnotationRecord(at, 1, 0, 0, "note"))
        again(writer.close)
        writer.close()
        with xjls.open_recording(path) as recording:
            assert recording.was_closed
            assert recording.check() == ()
            assert len(recording.ties("x1")) == len(recording.annotations) == 40
            for name in ("x1", "x2"):
                assert np.array_equal(recording.read(name), samples), first
                assert recording.skipped(name) == ()
                assert recording.statistics(name).count == 6000


def test_blocks_of_few_ties_go_up_to_the_last_level(tmp_path):
    """Of one tie a block there would be no end of levels: two are the least."""
    with writer_of(tmp_path / "run.jls") as writer:
        writer.define_signal(SignalDef(2, 1, 0, 0x2004, 1000, 0, 0, 0, 0, 1, 1, "y", ""))
        writer.write(2, 0, np.zeros(5, "f4"))
        for at in range(70_000):
            writer.tie(2, at, at << 20)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert [tie.sample_id for tie in recording.ties("y")] == list(range(70_000))
    with Jls2Writer(str(tmp_path / "run.jls"), append=True) as writer:
        writer.tie(2, 70_000, 70_000 << 20)
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert len(recording.ties("y")) == 70_001


def test_a_long_gap_takes_little_memory(tmp_path, bounded_memory):
    """A gap of ten million samples is filled a piece at a time."""
    with writer_of(tmp_path / "run.jls", "u1", chunk=65_536) as writer:
        writer.write(1, 0, np.ones(10, "?"))
        writer.write(1, 10_000_000, np.ones(10, "?"))
    found = xjls.open_recording(tmp_path / "run.jls").statistics("x")
    assert (found.count, found.lost, found.mean) == (20, 9_999_990, 1)
    assert found.mean * found.count == pytest.approx(20)  # means of entries are float32


def test_an_abandoned_file_is_a_prefix(tmp_path):
    """What was flushed is there; nothing else is invented."""
    samples = np.arange(5000, dtype="f4")
    writer = writer_of(tmp_path / "run.jls")
    writer.write(1, 0, samples[:3000])
    writer.flush(sync=True)
    writer.write(1, 3000, samples[3000:])
    writer.abandon()
    recording = xjls.open_recording(tmp_path / "run.jls")
    assert not recording.was_closed
    found = recording.read("x")
    assert 3000 - 64 < len(found) <= 5000
    assert np.array_equal(found, samples[: len(found)])


def test_a_file_cut_at_any_byte_is_a_prefix(tmp_path):
    """However much of the bytes reached the disk, in the order in which they were written."""
    samples = np.arange(2000, dtype="f4")
    path = tmp_path / "run.jls"
    with writer_of(path) as writer:
        writer.write(1, 0, samples)
    data = path.read_bytes()
    for stop in range(1000, len(data), 37):
        path.write_bytes(data[:stop])
        with xjls.open_recording(path, on_damage="gap") as recording:
            if "x" in recording.signals:
                found = recording.read("x")
                assert np.array_equal(found, samples[: len(found)])


KILLED = """
import sys, numpy as np
from xjls.formats.jls2.wire import SourceDef, SignalDef
from xjls.formats.jls2.writer import Jls2Writer
writer = Jls2Writer(sys.argv[1])
writer.define_source(SourceDef(1, "s", "", "", "", ""))
writer.define_signal(SignalDef(1, 1, 0, 0x2004, 1000, 64, 16, 20, 10, 0, 0, "x", ""))
print("ready", flush=True)
at = 0
while True:
    writer.write(1, at, np.arange(at, at + 1000, dtype="f4"))
    at += 1000
    if at % 5000 == 0:
        writer.flush()
        print(at, flush=True)
"""


@pytest.mark.parametrize("flushes", [1, 7, 40])
def test_a_killed_writer_leaves_all_that_it_flushed(flushes, tmp_path):
    """SIGKILL at any moment: a prefix, that lacks at most the chunk that was not full."""
    path = tmp_path / "run.jls"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        lines = [process.stdout.readline() for _ in range(flushes + 1)]
        flushed = int(lines[-1])
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    with xjls.open_recording(path) as recording:
        found = recording.read("x")
        assert len(found) > flushed - 64
        assert np.array_equal(found, np.arange(len(found), dtype="f4"))


def test_a_full_disk_is_told_at_once_and_loses_nothing_before(tmp_path, monkeypatch):
    """The call that meets it raises; what was written opens; and when there is room again, writing goes on."""
    room = 40_000
    pwrite = os.pwrite

    def limited(file, data, offset):
        if offset + len(data) > room:
            if offset >= room:
                raise OSError(errno.ENOSPC, "No space left on device")
            data = data[: room - offset]
        return pwrite(file, data, offset)

    monkeypatch.setattr(tape, "PIECE_BYTES", 10_000)
    samples = np.arange(30_000, dtype="f4")
    writer = writer_of(tmp_path / "run.jls")
    monkeypatch.setattr(os, "pwrite", limited)
    starts = count(step=100)

    def write_all():
        for start in starts:
            writer.write(1, start, samples[start : start + 100])

    with pytest.raises(OSError, match="No space left"):
        write_all()
    failed_at = next(starts) - 100
    with xjls.open_recording(tmp_path / "run.jls", on_damage="gap") as recording:
        found = recording.read("x")
        assert len(found) > 5000
        assert np.array_equal(found, samples[: len(found)])
    monkeypatch.setattr(os, "pwrite", pwrite)
    writer.flush()
    writer.abandon()
    with xjls.open_recording(tmp_path / "run.jls") as recording:
        assert failed_at - 128 < recording.signal("x").length <= failed_at + 100


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_vanished_is_told(replaced, tmp_path):
    """Its bytes would be gone with the last handle on it: the next call that writes says so."""
    path = tmp_path / "run.jls"
    writer = writer_of(path)
    writer.write(1, 0, np.zeros(1000, "f4"))
    writer.flush()
    path.unlink()
    if replaced:
        path.write_bytes(b"another file")
    writer.write(1, 1000, np.zeros(1000, "f4"))
    with pytest.raises(FileNotFoundError, match="removed while it was written"):
        writer.flush()
    with pytest.raises(FileNotFoundError, match="removed while it was written"):
        writer.close()
    writer.abandon()
    assert not replaced or path.read_bytes() == b"another file"


def test_a_folder_that_must_not_be_written_is_told(tmp_path, monkeypatch):
    """Whoever runs the tests may be root, whom no permission stops: the system's answer is given in its place."""

    def refuse(name, flags, *mode):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied.*run\.jls"):
        Jls2Writer(str(tmp_path / "run.jls"))


def test_bad_calls_are_refused(tmp_path):
    with writer_of(tmp_path / "run.jls") as writer:
        with pytest.raises(SelectionError, match="samples are float64"):
            writer.write(1, 0, np.zeros(3))
        with pytest.raises(SelectionError, match="no signal 9"):
            writer.write(9, 0, np.zeros(3, "f4"))
        with pytest.raises(SelectionError, match="annotations only"):
            writer.tie(0, 0, 0)
        with pytest.raises(SelectionError, match="defined already"):
            writer.define_source(SourceDef(1, "s", "", "", "", ""))
        with pytest.raises(SelectionError, match="between 1 and 255"):
            writer.define_source(SourceDef(256, "s", "", "", "", ""))
        with pytest.raises(SelectionError, match="source 7 of 'y' is not defined"):
            writer.define_signal(SignalDef(2, 7, 0, 0x2004, 1000, 0, 0, 0, 0, 0, 0, "y", ""))
        with pytest.raises(SelectionError, match="a rate of 0 Hz"):
            writer.define_signal(SignalDef(2, 1, 0, 0x2004, 0, 0, 0, 0, 0, 0, 0, "y", ""))
        with pytest.raises(UnsupportedError, match="u24"):
            writer.define_signal(SignalDef(2, 1, 0, 0x1803, 1000, 0, 0, 0, 0, 0, 0, "y", ""))
        with pytest.raises(SelectionError, match=r"a rate of 1000\.5 Hz"):
            writer.define_signal(SignalDef(2, 1, 0, 0x2004, 1000.5, 0, 0, 0, 0, 0, 0, "y", ""))
        for far in (-(2**60), 2**60, 2**63):
            with pytest.raises(SelectionError, match="beyond any recording"):
                writer.write(1, far, np.zeros(3, "f4"))
            with pytest.raises(SelectionError, match="beyond any recording"):
                writer.skip(1, Gap(Window(far, far + 1), "far"))
        with pytest.raises(SelectionError, match="a record of 1_048_573 bytes is more than JLS readers take"):
            writer.user_data(1, bytes(1_048_573))
        with pytest.raises(SelectionError, match="more than JLS readers take"):
            writer.annotate(1, AnnotationRecord(0, 1, 0, 0, "x" * 1_048_573))
        writer.define_signal(SignalDef(4, 1, 0, SAMPLE_TYPES["u4"].data_type(), 1000, 0, 0, 0, 0, 0, 0, "nibbles", ""))
        with pytest.raises(SelectionError, match=r"reach from 0 to 200\. Four bits hold 0 to 15"):
            writer.write(4, 0, np.array([0, 200], "u1"))
        with pytest.raises(SelectionError, match="12 bits"):
            writer.user_data(4096, b"")
    with pytest.raises(FileExistsError):
        Jls2Writer(str(tmp_path / "run.jls"))
    with pytest.raises(FileNotFoundError):
        Jls2Writer(str(tmp_path / "nowhere" / "run.jls"))
