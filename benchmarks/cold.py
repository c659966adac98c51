"""Goals 3 and 3b: a file that is not in memory, and the first pass of a fresh mapping over one that is.

Every timed call opens the file anew and closes it, on all sides: a mapping that lives would pin its pages. Before each
one the file is dropped and ``mincore`` asked; where the machine's host caches the disk, only the ratios mean anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pyjls

from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.files import FLOATS
from benchmarks.report import Row, at_least, faster
from benchmarks.timing import Call, Way, interleave, steady
from xjls import open_recording

MILLION = 1_000_000


def dropped(bench: Bench) -> Iterator[Row]:
    """Goal 3: nothing of the file is in memory."""
    path = bench.files.small
    check(path)
    whole = total(path)
    for names, length, words, target in (
        (("current",), MILLION, "1 signal in windows of 1M", 1.3),
        (("current",), whole, "1 signal in one piece", 1.3),
        (tuple(FLOATS), MILLION, "3 signals in windows of 1M", 1.7),
    ):
        ways = {
            "xjls": cold(path, partial(by_xjls, path, names, length)),
            "pyjls": cold(path, partial(by_pyjls, path, names, length)),
            "read() of the span": cold(path, partial(page_cache.read_span, path, 0, path.stat().st_size)),
        }
        timings = interleave(ways, bench.few)
        what = f"cold, {words}"
        yield faster("3", what, timings, "pyjls", at_least(target))
        yield faster("3", what, timings, "pyjls", at_least(0.95), best=True)
        yield faster("3", what, timings, "read() of the span", at_least(0.8), best=True)
    page_cache.fill(path)


def first_pass(bench: Bench) -> Iterator[Row]:
    """Goal 3b: all in memory, but no page of it mapped yet."""
    path = bench.files.small
    page_cache.fill(path)
    yield from pass_over(bench, path, "first pass, file was read", 2.5)
    yield from pass_over(bench, bench.files.just_written(), "first pass, file was just recorded", 1.2)


def pass_over(bench: Bench, path: Path, what: str, target: float) -> Iterator[Row]:
    """Compare first passes over a resident file."""
    n_bytes = 4 * total(path)
    ways = {
        "xjls": steady(partial(by_xjls, path, ["current"], MILLION)),
        "pyjls": steady(partial(by_pyjls, path, ["current"], MILLION)),
        "read()": steady(partial(by_read, path, n_bytes)),
    }
    timings = interleave(ways, bench.rounds)
    if page_cache.resident(path) < 1:
        raise RuntimeError(f"{path.name} did not stay in memory")
    yield faster("3b", what, timings, "pyjls", at_least(target))
    yield faster("3b", what, timings, "read()", at_least(0.5))


def cold(path: Path, call: Call) -> Way:
    """Return the way that drops a file before the call."""

    @contextmanager
    def way() -> Iterator[Call]:
        page_cache.drop(path)
        yield call

    return way


def by_xjls(path: Path, names: Sequence[str], length: int) -> None:
    """Open, read all of some signals in windows of a length that divides theirs, and close."""
    with open_recording(path) as recording:
        for start in range(0, recording.signal("current").window.length, length):
            for name in names:
                recording.read(name, (start, start + length))


def by_pyjls(path: Path, names: Sequence[str], length: int) -> None:
    """Do the same by pyjls."""
    with pyjls.Reader(str(path)) as reader:
        for start in range(0, reader.signals[1].length, length):
            for name in names:
                reader.fsr(FLOATS[name][0], start, length)


def by_read(path: Path, n_bytes: int) -> None:
    """Read as many bytes, a million samples' at a time, into an array that is used again."""
    buffer = np.empty(MILLION, np.float32)
    descriptor = os.open(path, os.O_RDONLY)
    for start in range(0, n_bytes, 4 * MILLION):
        os.preadv(descriptor, [buffer], start)
    os.close(descriptor)


def total(path: Path) -> int:
    """Return the samples of a signal."""
    with open_recording(path) as recording:
        return recording.signal("current").window.length


def check(path: Path) -> None:
    """Raise unless both read the same."""
    with open_recording(path) as recording, pyjls.Reader(str(path)) as reader:
        for name, (number, _) in FLOATS.items():
            ours = recording.read(name)
            if not np.array_equal(ours, reader.fsr(number, 0, len(ours))):
                raise RuntimeError(f"the results differ in {name!r}")
