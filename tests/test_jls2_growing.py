"""JLS v2 files that grow: what was flushed is there to the last sample, wherever the writer is killed."""

import contextlib
import errno
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pyjls
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xjls
from xjls.cli.main import main
from xjls.errors import SelectionError
from xjls.formats.appending import continue_recording
from xjls.formats.jls2 import tape
from xjls.formats.jls2.layout import LIBRARY_BLOCKS, blocks_that_grow, with_blocks
from xjls.formats.jls2.reader import Jls2Reader
from xjls.formats.jls2.wire import AnnotationRecord, SignalDef, SourceDef, Tag, ns_to_jls_time
from xjls.formats.jls2.writer import Jls2Writer
from xjls.formats.registry import grow_recording
from xjls.model.annotation import Annotation, Tie
from xjls.model.window import Gap, Window
from xjls.testing import laws
from xjls.testing.jls2 import SAMPLE_TYPES, chunks_of

BENCH = xjls.Source(id=1, name="bench")
SMALL = (64, 16, 20, 10, 5, 5)
FIRST_ID = 8
HOUR_NS = 3600 * 10**9
BEGIN_NS = 1_790_000_000_123_456_789
FIRST_STOP = 10_005


def samples_of(dtype, start, stop):
    """Return the samples of sample ids [start, stop)."""
    kind = SAMPLE_TYPES[dtype]
    return (np.arange(start, stop) * 7 % 251 % 2 ** min(kind.bits - (dtype == "i4"), 7)).astype(kind.numpy_dtype)


def signal(name, dtype, rate_hz, number=1):
    return xjls.Signal(
        id=number, name=name, units="A", dtype=np.dtype(SAMPLE_TYPES[dtype].numpy_dtype), rate_hz=Fraction(rate_hz),
        source=BENCH, stored_type=dtype,
    )  # fmt: skip


def grow(path, dtype, rate_hz):
    sink = grow_recording(path)
    sink.add_source(BENCH)
    sink.add_signal(signal("x", dtype, rate_hz))
    return sink


def small_writer(path, dtype, **options):
    writer = Jls2Writer(str(path), shows_all=True, **options)
    if not options:
        writer.define_source(SourceDef(1, "s", "", "", "", ""))
        writer.define_signal(SignalDef(1, 1, 0, SAMPLE_TYPES[dtype].data_type(), 1000, *SMALL, "x", ""))
    return writer


@pytest.mark.parametrize("dtype", sorted(SAMPLE_TYPES))
@settings(max_examples=8, deadline=None)
@given(
    rate=st.sampled_from([1, 25, 1000, 44_100, 2_000_000]),
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=12),
    gaps=st.sets(st.integers(1, 11), max_size=2),
)
def test_every_flush_shows_all(dtype, rate, sizes, gaps, tmp_path_factory):
    """Samples, gaps, ties and notes of each moment; once it is closed, all that any other file has."""
    path, kind = tmp_path_factory.mktemp("grow") / "run.jls", SAMPLE_TYPES[dtype].numpy_dtype
    at, skipped, wanted = FIRST_ID, 0, []
    sink = grow(path, dtype, rate)
    for number, size in enumerate(sizes):
        window = Window(at, at := at + size)
        if number in gaps:
            sink.skip("x", Gap(window, "unplugged"))
            skipped += size
            wanted.append(np.full(size, np.nan if kind.kind == "f" else 0, kind))
        else:
            wanted.append(samples_of(dtype, window.start, window.stop))
            sink.write("x", window.start, wanted[-1])
        sink.tie("x", Tie(sample_id=window.start, time_ns=BEGIN_NS + number))
        sink.annotate(
            Annotation(signal="x", sample_id=window.start, time_ns=None, kind="text", group=0, y=None, data="a")
        )
        sink.flush()
        with xjls.open_recording(path) as recording:
            assert recording.signal("x").window == Window(FIRST_ID, at)
            assert laws.equal_values(recording.read("x"), np.concatenate(wanted))
            assert recording.statistics("x").count == at - FIRST_ID - skipped
            assert len(recording.ties("x")) == len(recording.annotations) == number + 1
            assert recording.status.damage == ()
    sink.close()
    with xjls.open_recording(path) as recording:
        assert recording.check() == ()
        assert laws.equal_values(recording.read("x"), np.concatenate(wanted))
        assert sum(gap.window.length for gap in recording.skipped("x")) == skipped
    with pyjls.Reader(str(path)) as reader:
        assert reader.signals[1].length == at - FIRST_ID
        if SAMPLE_TYPES[dtype].bits >= 8:
            assert np.array_equal(reader.fsr(1, 0, at - FIRST_ID), np.concatenate(wanted), equal_nan=True)


def test_levels_are_exact_though_blocks_are_small(tmp_path):
    """Of a slow signal: statistics and columns at any zoom, while it grows and after, equal NumPy's."""
    path = tmp_path / "run.jls"
    values = np.random.default_rng(3).normal(2, 1, 70_000).astype("f4")
    sink = grow(path, "f32", 200)
    for start in range(0, len(values), 97):
        sink.write("x", start, values[start : start + 97])
        if start % 5 == 0:
            sink.flush()
    sink.flush()
    for _ in range(2):
        with xjls.open_recording(path) as recording:
            assert recording.signal("x").block_length == 64
            assert recording.signal("x").level_factors[:2] == (64, 1280)
            for start, stop in ((0, 70_000), (1, 69_999), (12_345, 54_321), (69_000, 70_000)):
                found, part = recording.statistics("x", (start, stop)), values[start:stop].astype("f8")
                assert (found.count, found.min, found.max) == (stop - start, part.min(), part.max())
                assert found.mean == pytest.approx(part.mean(), rel=1e-7)  # entries are of 32 bits
                assert found.std == pytest.approx(part.std(), rel=1e-6)
        sink.close()
    with pyjls.Reader(str(path)) as reader:
        mean, _, low, high = reader.fsr_statistics(1, 0, len(values), 1)[0]
        assert (low, high) == (values.min(), values.max())
        assert mean == pytest.approx(values.astype("f8").mean(), rel=1e-4)


@pytest.mark.parametrize("dtype", sorted(SAMPLE_TYPES))
def test_a_chunk_lasts_half_a_second_at_most(dtype):
    """Or is the smallest that there is; and the fastest signals have the blocks of the library."""
    bits = SAMPLE_TYPES[dtype].bits

    def blocks(rate, asked):
        return with_blocks(SignalDef(1, 1, 0, SAMPLE_TYPES[dtype].data_type(), rate, *asked, "x", ""), bits)

    library = blocks(1, LIBRARY_BLOCKS)
    for rate in (1, 7, 16, 100, 999, 1000, 5000, 8192, 20_000, 65_536, 10**6, 10**9):
        found = blocks(rate, blocks_that_grow(rate, bits))
        least = max(16, 256 // bits)
        assert rate / 4 < found.samples_per_data <= rate / 2 or found.samples_per_data in (
            least,
            library.samples_per_data,
        )
        assert found.samples_per_data % found.sample_decimate == 0
        assert library.sample_decimate % found.sample_decimate == 0
    assert found == blocks(10**9, LIBRARY_BLOCKS)


@pytest.mark.parametrize(
    ("dtype", "rate"), [("f32", 300), ("f32", 1000), ("i16", 9000), ("f32", 16_383), ("u8", 50_000)]
)
def test_what_was_replaced_is_less_than_the_samples(dtype, rate, tmp_path):
    """Of two flushes a second, whatever part of a chunk has come by then."""
    path, at = tmp_path / "run.jls", 0
    sink = grow(path, dtype, rate)
    for half in range(1, 80):
        stop = rate * half // 2 + rate // 7
        sink.write("x", at, samples_of(dtype, at, stop))
        sink.flush()
        sink.flush()
        at = stop
    sink.close()
    assert path.stat().st_size < 1.8 * at * SAMPLE_TYPES[dtype].bits / 8


@pytest.mark.parametrize("dtype", ["f32", "u1", "i4", "f64"])
def test_killed_in_any_write_it_has_what_was_flushed(dtype, tmp_path, monkeypatch):
    """New, and gone on with: after each write, and in the middle of each that appends, it can be gone on with."""
    path = tmp_path / "run.jls"
    flushed, states, pwrite = [], [], os.pwrite

    def play(writer, start, stop):
        for at in range(start, stop, 23):
            writer.write(1, FIRST_ID + at, samples_of(dtype, at, min(at + 23, stop)))
            if at % 2:
                writer.tie(1, at, at << 30)
            writer.flush(sync=at % 3 == 0)
            flushed.append(min(at + 23, stop))

    def seen(file, data, offset):
        before, done = path.read_bytes(), flushed[-1] if flushed else 0
        states.append((done, before))
        if offset >= len(before):
            states.append((done, before + bytes(data[: len(data) // 3])))
            states.append((done, before + bytes(data[:-5])))
        return pwrite(file, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", seen)
        writer = small_writer(path, dtype)
        play(writer, 0, 400)
        writer.abandon()
        writer = small_writer(path, dtype, append=True)
        play(writer, 400, 900)
        writer.close()
        with small_writer(path, dtype, append=True) as writer:
            play(writer, 900, 1400)
    assert len(states) > 300
    for number, (done, state) in enumerate(states):
        if not done:
            continue
        path.write_bytes(state)
        with xjls.open_recording(path) as recording:
            found = recording.read("x")
            assert len(found) >= done, f"write {number} lost what was flushed"
            assert np.array_equal(found, samples_of(dtype, 0, len(found)))
        if number % 11 == 0:
            with small_writer(path, dtype, append=True) as writer:
                writer.write(1, FIRST_ID + len(found), samples_of(dtype, len(found), 1500))
            with xjls.open_recording(path) as recording:
                assert np.array_equal(recording.read("x"), samples_of(dtype, 0, 1500))
                assert recording.check() == ()
                assert listed(path) == 1500


def listed(path):
    """Return how many samples the list of DATA chunks holds that HEAD leads to."""
    data = path.read_bytes()
    chunks = {chunk.offset: chunk for chunk in chunks_of(data)}
    head = next(chunk for chunk in chunks.values() if chunk.tag == Tag.FSR_HEAD)
    at, samples = int.from_bytes(data[head.payload.start : head.payload.start + 8], "little"), 0
    while at:
        samples += int.from_bytes(data[chunks[at].payload.start + 8 : chunks[at].payload.start + 12], "little")
        at = int.from_bytes(data[at : at + 8], "little")
    return samples


def test_what_is_on_the_disk_is_not_looked_through(tmp_path):
    """The header says how far all is linked: what opens the file begins there, and finds all the same."""
    path = tmp_path / "run.jls"
    with grow(path, "f32", 100) as sink:
        for at in range(0, 20_000, 50):
            sink.write("x", at, samples_of("f32", at, at + 50))
            sink.annotate(
                Annotation(signal="", sample_id=None, time_ns=BEGIN_NS, kind="text", group=0, y=None, data="n")
            )
            sink.flush(sync=at == 19_000)
            if at == 19_000:
                size = path.stat().st_size
        with contextlib.closing(Jls2Reader(str(path))) as reader:
            assert size - 1000 < reader.linked_to <= size
        with xjls.open_recording(path) as recording:
            assert not recording.was_closed
            assert recording.status.damage == ()
            assert np.array_equal(recording.read("x"), samples_of("f32", 0, 20_000))
            assert len(recording.annotations) == 400


def test_a_full_disk_is_tried_again(tmp_path, monkeypatch):
    """Whatever the call that meets it: the same call, once there is room, loses nothing and writes nothing twice."""
    path = tmp_path / "run.jls"
    monkeypatch.setattr(tape, "PIECE_BYTES", 500)
    pwrite, calls = os.pwrite, [0]

    def refuse(file, data, offset):
        calls[0] += 1
        if calls[0] % 3 == 0:
            if calls[0] % 2:  # as much of it as there was room for
                pwrite(file, data[: len(data) // 2], offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(file, data, offset)

    def until_done(call, *args):
        for _ in range(100):
            try:
                return call(*args)
            except OSError:
                continue
        raise AssertionError("the disk was never free")

    writer = small_writer(path, "f32")
    monkeypatch.setattr(os, "pwrite", refuse)
    for at in range(0, 5000, 50):
        until_done(writer.write, 1, at, samples_of("f32", at, at + 50))
        until_done(writer.annotate, 1, AnnotationRecord(at, 1, 0, 0, f"at {at}"))
        until_done(writer.flush)
        with xjls.open_recording(path) as recording:
            assert np.array_equal(recording.read("x"), samples_of("f32", 0, at + 50))
    until_done(writer.close)
    assert calls[0] > 300
    with xjls.open_recording(path) as recording:
        assert recording.check() == ()
        assert [note.data for note in recording.annotations] == [f"at {at}" for at in range(0, 5000, 50)]


def test_who_opened_it_before_reads_on(tmp_path):
    """A recording that ends with a chunk that was replaced since: its bytes are still there."""
    path = tmp_path / "run.jls"
    sink = grow(path, "f32", 1000)
    sink.write("x", 0, samples_of("f32", 0, 700))
    sink.flush()
    with xjls.open_recording(path) as before:
        sink.write("x", 700, samples_of("f32", 700, 5000))
        sink.flush()
        sink.close()
        assert np.array_equal(before.read("x"), samples_of("f32", 0, 700))
        assert before.statistics("x").count == 700
        assert before.refresh()
        assert before.signal("x").length == 5000


REPAIR = """
import sys, numpy as np, pyjls
with pyjls.Reader(sys.argv[1]) as reader:
    np.save(sys.argv[2], reader.fsr(1, 0, reader.signals[1].length))
"""


def test_pyjls_repairs_what_was_not_closed(tmp_path):
    """To the last sample that was flushed: without the chunk of what fills none it has nothing behind the last one."""
    path, found = tmp_path / "run.jls", tmp_path / "found.npy"
    sink = grow(path, "f32", 1000)
    for at in range(0, 30_000, 350):
        sink.write("x", at, samples_of("f32", at, at + 350))
        sink.flush()
    sink.abandon()
    subprocess.run([sys.executable, "-c", REPAIR, str(path), str(found)], check=True)
    assert np.array_equal(np.load(found), samples_of("f32", 0, 30_100))
    with xjls.open_recording(path) as recording:
        assert recording.was_closed
        assert np.array_equal(recording.read("x"), samples_of("f32", 0, 30_100))


def test_what_a_gap_would_cost(tmp_path):
    """About what `skip` then writes: levels and checksums are little beside it."""
    path = tmp_path / "run.jls"
    with grow(path, "i16", 1000) as sink:
        sink.add_signal(signal("bits", "u1", 1000, 2))
        sink.write("x", 0, np.zeros(1, "i2"))
        sink.flush()
        assert (sink.gap_bytes("x", 10**6), sink.gap_bytes("bits", 1001), sink.gap_bytes("x", 0)) == (2 * 10**6, 126, 0)
        before = path.stat().st_size
        sink.skip("x", Gap(Window(1, 10**6), "unplugged"))
        sink.flush()
        assert 1 < (path.stat().st_size - before) / sink.gap_bytes("x", 10**6) < 1.2
        with pytest.raises(SelectionError, match="no signal 'y' is being written"):
            sink.gap_bytes("y", 1)


@pytest.mark.parametrize("killed", [False, True])
def test_a_run_right_behind_another_has_its_own_time(killed, tmp_path, capsys):
    """Hours later and without filling: a tie on both sides of the seam, so that nothing is stretched over the hours."""
    path, later_ns = tmp_path / "run.jls", BEGIN_NS + 5 * HOUR_NS + 321
    sink = grow(path, "f32", 1000)
    sink.tie("x", Tie(sample_id=5, time_ns=BEGIN_NS))
    sink.write("x", 5, np.ones(FIRST_STOP - 5, "f4"))
    sink.flush()
    if killed:
        sink.abandon()
    else:
        sink.close()
    with xjls.open_recording(path) as recording:
        last_ns = recording.clock("x").time(FIRST_STOP - 1)
    with continue_recording(path) as sink:
        sink.tie("x", Tie(sample_id=FIRST_STOP - 1, time_ns=last_ns))
        sink.tie("x", Tie(sample_id=FIRST_STOP, time_ns=later_ns))
        sink.write("x", FIRST_STOP, np.full(20_000, 2, "f4"))
        sink.tie("x", Tie(sample_id=FIRST_STOP + 19_999, time_ns=later_ns + 19_999 * 10**6))
    with xjls.open_recording(path) as recording:
        clock, found = recording.clock("x"), recording.statistics("x")
        ids = np.array([5, 6, FIRST_STOP - 2, FIRST_STOP - 1])
        assert (clock.times(ids) == BEGIN_NS + (ids - 5) * 10**6).all()
        ids = FIRST_STOP + np.array([0, 1, 10_000, 19_999, 30_000])
        assert (clock.times(ids) == later_ns + (ids - FIRST_STOP) * 10**6).all()
        assert clock.is_increasing
        assert clock.first_at_or_after(later_ns - HOUR_NS) == FIRST_STOP
        assert (found.count, found.integral) == (30_000, pytest.approx(50))
        assert recording.gaps("x") == ()
        assert [tie.sample_id for tie in recording.ties("x")] == [5, 10_004, 10_005, 30_004]
    assert main(["info", str(path)]) == 0
    assert "30,000" in (told := capsys.readouterr().out)
    assert "30 s" in told
    assert ns_to_jls_time(later_ns) > ns_to_jls_time(BEGIN_NS)
