"""``python -m tests.campaigns.kills --kills N``: kill a writer at random moments, go on with its file, kill it again.

Each file is written by a process of its own that tells what it has flushed, and is killed after a random time. What is
left must open, be a prefix of what was written, and lack at most the last, partial chunk of what was flushed; then the
next process goes on with it, or a last one closes it, and pyjls reads all of it.
"""

# ruff: noqa: T201 - a program that prints

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyjls

import xjls
from xjls.formats.jls2.wire import AnnotationRecord, SignalDef, SourceDef
from xjls.formats.jls2.writer import Jls2Writer
from xjls.testing.jls2 import SAMPLE_TYPES

ROUNDS = 4
"""Times that a file is gone on with, at most."""
LONGEST_S = 0.06
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


def killed_after(path, case, seconds):
    """Run a writer in a process of its own and kill it; return the last step that it had flushed, -1 without any."""
    reads, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            write(path, case, told)
        finally:
            os._exit(1)
    os.close(told)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reads, "rb") as pipe:
        lines = pipe.read().split(b"\n")
    if not os.WIFSIGNALED(status):
        raise AssertionError(f"the writer ended by itself, after {lines[-2:]}")
    return int(lines[-2]) if len(lines) > 1 else -1


def check(path, case, flushed):
    """Hold what is left of a file to what was written; return the samples that are there."""
    total = 0
    with xjls.open_recording(path) as recording:
        for damage in recording.status.damage:
            assert damage.stop == recording.status.size_bytes, damage
        for number, dtype, size in case.signals:
            if f"s{number}" not in recording.signals:
                assert flushed < 0, f"s{number} is not there"
                continue
            signal_ = recording.signal(f"s{number}")
            found = recording.read(f"s{number}")
            total += len(found)
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
    return total


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


def campaign(kills, seed, keep, *, tell=lambda text: None):
    """Kill writers; return how many kills there were, and how many files failed."""
    rng, done, failed = random.Random(seed), 0, 0
    while done < kills:
        case = draw(rng)
        folder = Path(tempfile.mkdtemp(prefix="xjls-kills-"))
        path, flushed = folder / "run.jls", -1
        try:
            for _ in range(min(rng.randint(1, ROUNDS), kills - done)):
                done += 1
                flushed = max(flushed, killed_after(path, case, rng.random() ** 2 * LONGEST_S))
                if path.exists() and path.stat().st_size:
                    check(path, case, flushed)
                else:
                    path.unlink(missing_ok=True)
            finish(path, case)
        except Exception as error:  # noqa: BLE001 - whatever it is, the file is kept and told
            failed += 1
            keep.mkdir(parents=True, exist_ok=True)
            kept = keep / f"kill-{seed}-{done}.jls"
            if path.exists():
                shutil.copy(path, kept)
            tell(f"kill {done}: {type(error).__name__}: {error}\n  {case}\n  {kept}")
        shutil.rmtree(folder)
    return done, failed


def main():
    """Run the campaign; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.kills", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=None, help="of the random choices (default: another one each time)")
    parser.add_argument("--keep", default="fuzz-failures", help="where files that fail go (default: fuzz-failures)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    done, failed = campaign(options.kills, seed, Path(options.keep), tell=lambda text: print(text, flush=True))
    print(f"{done:,} kills, {failed:,} files failed")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
