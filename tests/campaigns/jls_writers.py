"""JLS v2 files of all types and blocks, by the writer below the sinks, which flushes whole chunks only.

What a kill leaves must open, be a prefix of what was written, and lack at most the last, partial chunk of what was
flushed; then the next process goes on with it, or a last one closes it, and pyjls reads all of it.
"""

import os
from dataclasses import dataclass

import numpy as np
import pyjls

import xjls
from tests.campaigns.killing import Subject
from xjls.formats.jls2.wire import AnnotationRecord, SignalDef, SourceDef
from xjls.formats.jls2.writer import Jls2Writer
from xjls.testing.jls2 import SAMPLE_TYPES

SMALL, USUAL = (64, 16, 20, 10, 7, 5), (0, 0, 0, 0, 0, 0)
FIRST_ID = 1 << 20


@dataclass(frozen=True)
class Case:
    """One file: its signals by number, each with its type and how many samples a step brings."""

    signals: tuple[tuple[int, str, int], ...]
    blocks: tuple[int, ...]
    flush_every: int
    gap_every: int


def draw(rng):
    """Draw a case."""
    numbers = rng.sample(range(1, 200), rng.randint(1, 4))
    signals = tuple((n, rng.choice(sorted(SAMPLE_TYPES)), rng.choice([1, 37, 512, 5000])) for n in numbers)
    return Case(signals, rng.choice([SMALL, SMALL, USUAL]), rng.choice([1, 3, 10]), rng.choice([0, 0, 7]))


def values(dtype, start, stop):
    """Return the samples of sample ids [start, stop)."""
    kind = SAMPLE_TYPES[dtype]
    return (np.arange(start, stop) * 7 % 251 % 2 ** min(kind.bits - 1, 7)).astype(kind.numpy_dtype)


def truth(case, dtype, size, start, stop):
    """Return what sample ids [start, stop) read as: with the filling of the gaps."""
    found = values(dtype, start, stop)
    if case.gap_every:
        ids = np.arange(start, stop) - FIRST_ID
        found[is_gap(case, ids // size)] = np.nan if found.dtype.kind == "f" else 0
    return found


def is_gap(case, step):
    """Whether the samples of a step are not delivered."""
    return step % case.gap_every == case.gap_every - 1 if case.gap_every else step < 0


def write(path, case, told, steps=1 << 40):
    """Write, or go on with, a file; tell on a pipe which steps are flushed."""
    fresh = not path.exists()
    first = 0
    if not fresh:
        with xjls.open_recording(path) as recording:
            known = set(recording.signals)
            lengths = [
                recording.signal(f"s{n}").length // size if f"s{n}" in known else 0 for n, _, size in case.signals
            ]
            # Where the last of them ended; the others have these samples already, and the first ones stay
            first = min(lengths)
    writer = Jls2Writer(str(path), append=not fresh)
    if fresh:
        known = set()
        writer.define_source(SourceDef(1, "s", "", "", "", ""))
    for number, dtype, _ in case.signals:
        if f"s{number}" not in known:
            data_type = SAMPLE_TYPES[dtype].data_type()
            writer.define_signal(SignalDef(number, 1, 0, data_type, 1000, *case.blocks, f"s{number}", ""))
    for step in range(first, min(first + steps, 1 << 40)):
        for number, dtype, size in case.signals:
            at = FIRST_ID + step * size
            if not is_gap(case, step):
                writer.write(number, at, values(dtype, at, at + size))
            writer.tie(number, at, step << 30)
            writer.annotate(number, AnnotationRecord(at, 1, 0, 0, f"step {step}"))
        writer.user_data(step % 4096, f"step {step}")
        if step % case.flush_every == 0:
            writer.flush()
            os.write(told, f"{step}\n".encode())
    writer.close()


def check(path, case, flushed):
    """Hold what is left of a file to what was written."""
    with xjls.open_recording(path) as recording:
        for damage in recording.status.damage:
            assert damage.stop == recording.status.size_bytes, damage
        for number, dtype, size in case.signals:
            if f"s{number}" not in recording.signals:
                assert flushed < 0, f"s{number} is not there"
                continue
            signal_ = recording.signal(f"s{number}")
            found = recording.read(f"s{number}")
            start = signal_.first_id if len(found) else FIRST_ID
            wanted = truth(case, dtype, size, start, start + len(found))
            assert start == FIRST_ID, f"s{number} begins at {start}"
            assert np.array_equal(found, wanted, equal_nan=wanted.dtype.kind == "f"), f"s{number} differs"
            lacking = (last_written(case, flushed) + 1) * size - len(found)
            assert lacking < signal_.block_length, f"s{number} lacks {lacking} samples that were flushed"
            counted = recording.statistics(f"s{number}").count
            valid = recording.read_valid(f"s{number}")
            assert counted == np.count_nonzero(valid & np.isfinite(found.astype("f8"))), f"s{number} counts {counted}"
            assert len(recording.ties(f"s{number}")) > flushed
        notes = [note.data for note in recording.annotations if note.signal == f"s{case.signals[0][0]}"]
        assert dict.fromkeys(notes) == dict.fromkeys(f"step {i}" for i in range(len(set(notes)))), notes[-5:]
        assert len(set(notes)) > flushed


def last_written(case, step):
    """Return the last step that was delivered: a gap is known when what follows it comes."""
    while step >= 0 and is_gap(case, step):
        step -= 1
    return step


def finish(path, case):
    """Go on with a file to its end, close it, and read it with pyjls."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        write(path, case, null, 20)
    finally:
        os.close(null)
    with xjls.open_recording(path) as recording:
        assert recording.status.complete, recording.status
        assert recording.check() == ()
        lengths = {signal_.id: signal_.length for signal_ in recording.signals.values()}
    with pyjls.Reader(str(path)) as reader:
        for number, dtype, size in case.signals:
            length = lengths[number]
            assert reader.signals[number].length == length
            if SAMPLE_TYPES[dtype].bits >= 8:
                wanted = truth(case, dtype, size, FIRST_ID, FIRST_ID + length)
                found = reader.fsr(number, 0, length)
                assert np.array_equal(found, wanted, equal_nan=wanted.dtype.kind == "f"), (
                    f"pyjls reads s{number} otherwise"
                )


JLS_WRITERS = Subject("JLS writers", ".jls", draw, write, check, finish)
