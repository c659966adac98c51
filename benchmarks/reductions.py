"""Goals 7, 8 and 8b: all samples of a signal reduced to mean, deviation and extremes, against pyjls and NumPy.

pyjls reads a million samples at a time, and NumPy computes the mean, or the standard deviation, of each in float64. The
other side gives count, mean, deviation, minimum and maximum, and skips NaN. The limit of goal 7 is a plain sum in
float32 over the same places of the same mapping.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import dask
import numba
import numpy as np
import pyjls
import xarray as xr

from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.files import FLOATS
from benchmarks.report import Row, absolute, at_least, at_most, faster
from benchmarks.timing import Way, interleave, steady
from xjls.backend.reductions import reduce
from xjls.kernels.moments import merge_rows
from xjls.kernels.window_moments import window_reducer

MILLION = 1_000_000
NAME, NUMBER = "current", FLOATS["current"][0]
CHUNK_SAMPLES = 8192
"""Of a DATA chunk, by pyjls's default."""
CHUNKS_AT_ONCE = 1220
"""Ten million samples: more than any cache holds, and some milliseconds."""
FSR_DATA = 0x22
BODY = 48
"""Bytes of a chunk before its samples."""
THREADED = (2 << 20, 4 << 20)
"""Samples of a dask chunk, for threads."""
DISTRIBUTED = 16 << 20


@numba.njit(nogil=True, fastmath={"reassoc", "nsz", "contract"})
def chunk_sum(samples):
    total = np.float32(0)
    for i in range(samples.size):
        total += samples[i]
    return total


@numba.njit(nogil=True)
def bare_sum(buffer, positions):
    """Sum up the samples in float32 where they lie: one pass, and nothing else."""
    total = 0.0
    for position in positions:
        body = position + BODY
        total += chunk_sum(buffer[body : body + 4 * CHUNK_SAMPLES].view(np.float32))
    return total


def whole_chunks(mapping: mmap.mmap) -> np.ndarray:
    """Return the places of the signal's chunks, without the last one, by walking all headers."""
    found, position = [], 32
    while position + 32 <= len(mapping):
        tag, _, meta, length = struct.unpack_from("<BBHI", mapping, position + 16)
        if tag == FSR_DATA and meta == NUMBER:
            found.append(position)
        position += 32 + ((length + 11) & ~7 if length else 0)
    return np.array(found[:-1], np.int64)


@dataclass
class Raw:
    """The ways to reduce ten million samples of the file; each call takes the next ones, at random."""

    buffer: np.ndarray
    positions: np.ndarray
    reader: pyjls.Reader

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(7)
        self._kernel = window_reducer(np.dtype("f4"))
        self._facts = np.array([FSR_DATA, NUMBER, 32, 0, CHUNK_SAMPLES, 0], np.int64)
        self._rows = np.empty((CHUNKS_AT_ONCE, 6))
        self._fault = np.empty(CHUNKS_AT_ONCE, np.uint8)

    def next(self) -> int:
        """Return the number of the first chunk."""
        return int(self._random.integers(0, len(self.positions) - CHUNKS_AT_ONCE))

    def reduce(self, first: int, *, verify: bool) -> np.ndarray:
        """Reduce by our kernel."""
        at, start = self.positions[first : first + CHUNKS_AT_ONCE], first * CHUNK_SAMPLES
        stop = start + CHUNKS_AT_ONCE * CHUNK_SAMPLES
        if self._kernel(self.buffer, at, self._facts, first, start, stop, verify, self._rows, self._fault):
            raise RuntimeError("the benchmark's file is damaged")
        return merge_rows(self._rows)

    def sum(self, first: int) -> float:
        """Sum up, as the limit."""
        return bare_sum(self.buffer, self.positions[first : first + CHUNKS_AT_ONCE])

    def pyjls(self, first: int, what: Callable[..., float]) -> float:
        """Read by pyjls and compute by NumPy, a million at a time."""
        start = first * CHUNK_SAMPLES
        return windows_of(self.reader, start, start + CHUNKS_AT_ONCE * CHUNK_SAMPLES, what)

    def check(self) -> None:
        """Raise unless both sides agree."""
        first = self.next()
        start, length = first * CHUNK_SAMPLES, CHUNKS_AT_ONCE * CHUNK_SAMPLES
        samples = self.reader.fsr(NUMBER, start, length).astype(np.float64)
        expected = [length, samples.mean(), samples.var() * length, samples.min(), samples.max()]
        for verify in (True, False):
            np.testing.assert_allclose(self.reduce(first, verify=verify)[[0, 2, 3, 4, 5]], expected, rtol=1e-10)


def windows_of(reader: pyjls.Reader, start: int, stop: int, what: Callable[..., float]) -> float:
    """Compute the mean over windows of a million samples of what NumPy says of each."""
    edges = [*range(start, stop, MILLION), stop]
    return float(np.mean([what(reader.fsr(NUMBER, a, b - a), dtype=np.float64) for a, b in pairwise(edges)]))


def raw(bench: Bench) -> Iterator[Row]:
    """Goal 7: a window reduced in the mapping, with and without checksums."""
    path = bench.files.big
    page_cache.require(path)
    with pyjls.Reader(str(path)) as reader, path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        side = Raw(np.frombuffer(mapping, np.uint8), whole_chunks(mapping), reader)
        side.check()
        calls = {
            "xjls": lambda first: side.reduce(first, verify=True),
            "xjls, unverified": lambda first: side.reduce(first, verify=False),
            "bare f32 sum": side.sum,
            "pyjls + numpy mean": lambda first: side.pyjls(first, np.mean),
            "pyjls + numpy std": lambda first: side.pyjls(first, np.std),
        }
        timings = interleave({name: anywhere(side, call) for name, call in calls.items()}, bench.rounds)
    for ours, what, targets in (
        ("xjls", "four statistics of 10M f32, CRC", (0.35, 3.5, 5)),
        ("xjls, unverified", "four statistics of 10M f32, no CRC", (0.75, 5.5, 8)),
    ):
        for base, target in zip(("bare f32 sum", "pyjls + numpy mean", "pyjls + numpy std"), targets, strict=True):
            yield faster("7", what, timings, base, at_least(target), ours=ours)


def anywhere(side: Raw, call: Callable[[int], object]) -> Way:
    """Return the way that reduces the next samples."""

    @contextmanager
    def way() -> Iterator[Callable[[], object]]:
        first = side.next()
        yield lambda: call(first)

    return way


def threads(bench: Bench) -> Iterator[Row]:
    """Goal 8: a whole signal by dask's threads, checked; and what dask takes a chunk."""
    path = bench.files.big
    page_cache.require(path)
    with xr.open_dataset(path, engine="jls", levels=False) as dataset, pyjls.Reader(str(path)) as reader:
        total = dataset.sizes["time"]
        ways: dict[str, Way] = {"pyjls + numpy mean": steady(lambda: windows_of(reader, 0, total, np.mean))}
        for size in THREADED:
            chunked = dataset.current.chunk(time=size)
            ways[f"reduce {size}"] = steady(lambda chunked=chunked: reduce(chunked).compute())
            ways[f"mean {size}"] = steady(lambda chunked=chunked: chunked.mean(skipna=False).compute())
        timings = interleave(ways, bench.few)
    for size in THREADED:
        what = f"{size >> 20} Mi chunks"
        yield faster("8", f"reduce(), dask threads, {what}", timings, "pyjls + numpy mean", at_least(2.4),
                     ours=f"reduce {size}")  # fmt: skip
        yield faster("8", f".mean(skipna=False), dask threads, {what}", timings, "pyjls + numpy mean", at_least(2.2),
                     ours=f"mean {size}")  # fmt: skip
    yield overhead(bench)


def overhead(bench: Bench) -> Row:
    """Return what a chunk costs of which there is nothing to reduce."""
    chunks = 256
    empty = xr.Dataset({NAME: ("time", np.zeros(chunks))}).chunk(time=1)
    timings = interleave({"xjls": steady(lambda: reduce(empty).compute())}, bench.rounds, calls=chunks)
    return absolute("8", "reduce(), dask's share a chunk", timings.wall["xjls"], timings.cpu["xjls"], "ms",
                    at_most(0.25))  # fmt: skip


def distributed(bench: Bench) -> Iterator[Row]:
    """Goal 8b: a whole signal by two processes of dask.distributed."""
    from distributed import Client, LocalCluster

    path = bench.files.big
    page_cache.require(path)
    with (
        dask.config.set({"distributed.worker.memory.terminate": False}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        xr.open_dataset(path, engine="jls", levels=False) as dataset,
        pyjls.Reader(str(path)) as reader,
    ):
        client.wait_for_workers(2)
        total = dataset.sizes["time"]
        chunked = dataset.current.chunk(time=DISTRIBUTED)
        ways = {
            "pyjls + numpy mean": steady(lambda: windows_of(reader, 0, total, np.mean)),
            "xjls": steady(lambda: reduce(chunked).compute()),
        }
        timings = interleave(ways, bench.few, warm_up=2)
    yield faster("8b", "reduce(), two processes, 16 Mi chunks", timings, "pyjls + numpy mean", at_least(1))
