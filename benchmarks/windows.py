"""Goals 2, 2b, 2c and 2e: windows of samples by the function API, from a file in memory.

The limits: ``memcpy`` copies as many bytes from memory to memory, ``read()`` reads as many bytes of the same file, in
one piece, into a buffer that is used again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pyjls

from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.report import Row, absolute, at_least, at_most, faster
from benchmarks.timing import Windows, interleave
from xjls import open_recording

MILLION = 1_000_000


class Sides:
    """The ways to read a window of the first signal, all of them open."""

    def __init__(self, bench: Bench, stack: ExitStack, length: int) -> None:
        path = bench.files.big
        page_cache.require(path)
        self._recording = stack.enter_context(open_recording(path))
        self._trusting = stack.enter_context(open_recording(path, verify=False))
        self._reader = stack.enter_context(pyjls.Reader(str(path)))
        self._file = os.open(path, os.O_RDONLY)
        stack.callback(os.close, self._file)
        self._source = bench.files.samples
        self._buffer = np.zeros(length, np.float32)
        self._n_bytes = 4 * length
        self.total = len(self._source)

    def xjls(self, start: int, stop: int) -> np.ndarray:
        """Read into a new array, checked."""
        return self._recording.read("current", (start, stop))

    def xjls_out(self, start: int, stop: int) -> np.ndarray:
        """Read into an array that is used again."""
        return self._recording.read("current", (start, stop), out=self._buffer)

    def xjls_unverified(self, start: int, stop: int) -> np.ndarray:
        """Read into a new array, checksums unchecked."""
        return self._trusting.read("current", (start, stop))

    def pyjls(self, start: int, stop: int) -> np.ndarray:
        """Read by pyjls: always into a new array, always checked."""
        return self._reader.fsr(1, start, stop - start)

    def memcpy(self, start: int, stop: int) -> None:
        """Copy as much from memory into an array that is used again."""
        np.copyto(self._buffer, self._source[start:stop])

    def read(self, start: int, stop: int) -> None:  # noqa: ARG002 - all ways are called alike
        """Read as many bytes of the file into an array that is used again."""
        os.preadv(self._file, [self._buffer], 3 * 4 * start)

    def read_fresh(self, start: int, stop: int) -> None:
        """Read as many bytes of the file into a new array."""
        os.preadv(self._file, [np.empty(stop - start, np.float32)], 3 * 4 * start)


@contextmanager
def sides(bench: Bench, length: int) -> Iterator[Sides]:
    """Open all sides, and close them afterwards."""
    with ExitStack() as stack:
        yield Sides(bench, stack, length)


def million(bench: Bench) -> Iterator[Row]:
    """Goal 2: a window of a million samples, into a new array."""
    with sides(bench, MILLION) as side:
        windows = Windows(side.total, MILLION)
        windows.check(side.xjls, side.pyjls)
        ways = {"xjls": side.xjls, "pyjls": side.pyjls, "memcpy": side.memcpy, "read()": side.read}
        timings = interleave({n: windows.way(w) for n, w in ways.items()}, bench.many, calls=windows.calls)
    for base, target in (("pyjls", 4), ("memcpy", 0.65), ("read()", 0.7)):
        yield faster("2", "window of 1M f32", timings, base, at_least(target))


def ten_million(bench: Bench) -> Iterator[Row]:
    """Goal 2b: a window of ten million samples, into a new array and into one that is used again."""
    length = 10 * MILLION
    with sides(bench, length) as side:
        windows = Windows(side.total, length, count=12)
        windows.check(side.xjls, side.pyjls)
        windows.check(side.xjls_out, side.pyjls)
        ways = {
            "xjls": side.xjls, "xjls out=": side.xjls_out, "pyjls": side.pyjls, "memcpy, reused": side.memcpy,
            "read(), np.empty": side.read_fresh,
        }  # fmt: skip
        timings = interleave({n: windows.way(w) for n, w in ways.items()}, 2 * bench.rounds)
    for ours, what in (("xjls", "window of 10M f32, new array"), ("xjls out=", "window of 10M f32, out=")):
        for base, target in (("pyjls", 4.5), ("read(), np.empty", 1.5), ("memcpy, reused", 0.75)):
            yield faster("2b", what, timings, base, at_least(target), ours=ours)


def unverified(bench: Bench) -> Iterator[Row]:
    """Goal 2c: a window of a million samples, checksums unchecked."""
    with sides(bench, MILLION) as side:
        windows = Windows(side.total, MILLION)
        windows.check(side.xjls_unverified, side.pyjls)
        ways = {"xjls": side.xjls_unverified, "pyjls": side.pyjls, "memcpy": side.memcpy}
        timings = interleave({n: windows.way(w) for n, w in ways.items()}, bench.many, calls=windows.calls)
    for base, target in (("pyjls", 5.5), ("memcpy", 0.85)):
        yield faster("2c", "window of 1M f32, verify=False", timings, base, at_least(target))


def hundred(bench: Bench) -> Iterator[Row]:
    """Goal 2e: windows of a hundred samples."""
    with sides(bench, 100) as side:
        windows = Windows(side.total, 100, count=300, calls=50)
        windows.check(side.xjls, side.pyjls)
        ways = {"xjls": side.xjls, "pyjls": side.pyjls}
        timings = interleave({n: windows.way(w) for n, w in ways.items()}, bench.many, calls=windows.calls)
    yield faster("2e", "window of 100 f32", timings, "pyjls", at_least(3))
    yield absolute("2e", "window of 100 f32", timings.wall["xjls"], timings.cpu["xjls"], "µs", at_most(4))
