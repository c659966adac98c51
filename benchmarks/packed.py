"""Goal 4: signals of one and of four bits, unpacked: whole windows against pyjls and NumPy, kernels against memset."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyjls

from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.files import GPI_ID, RANGE_ID
from benchmarks.report import Row, at_least, faster
from benchmarks.timing import Timings, Windows, interleave, repeated
from xjls import Recording, open_recording
from xjls.kernels import unpack

MILLION = 1_000_000
KERNEL_BYTES = 1 << 18
"""Fits in the second cache, like the pieces that the library hands to the kernels."""
KERNEL_CALLS = 50


def unpacked(bench: Bench) -> Iterator[Row]:
    """Windows of a million samples, and the kernels alone."""
    path = bench.files.big
    page_cache.require(path)
    with open_recording(path) as recording, pyjls.Reader(str(path)) as reader:
        timings = windows(bench, recording, "gpi[0]", lambda start, n: bits(reader.fsr(GPI_ID, start, n), n))
        yield faster("4", "window of 1M u1, unpacked", timings, "pyjls + numpy", at_least(4))
        timings = windows(
            bench, recording, "current_range", lambda start, n: nibbles(reader.fsr(RANGE_ID, start, n), n)
        )
        yield faster("4", "window of 1M u4, unpacked", timings, "pyjls + numpy", at_least(7))
    yield from kernels(bench)


def windows(bench: Bench, recording: Recording, name: str, theirs: Callable[[int, int], np.ndarray]) -> Timings:
    """Compare random windows with ``theirs(start, length)``."""
    random = Windows(recording.signal(name).window.length, MILLION)

    def ours(start: int, stop: int) -> np.ndarray:
        return recording.read(name, (start, stop))

    def base(start: int, stop: int) -> np.ndarray:
        return theirs(start, stop - start)

    random.check(ours, base)
    return interleave({"xjls": random.way(ours), "pyjls + numpy": random.way(base)}, bench.many)


def kernels(bench: Bench) -> Iterator[Row]:
    """The kernels alone, in cache."""
    packed = np.random.default_rng(0).integers(0, 256, KERNEL_BYTES, dtype=np.uint8)
    out, other = np.zeros(KERNEL_BYTES, np.uint8), np.zeros(KERNEL_BYTES, np.uint8)
    for name, kernel, arguments in (
        ("u1", unpack.unpack_u1, (packed, 0, KERNEL_BYTES, out)),
        ("u4", unpack.unpack_u4, (packed, 0, KERNEL_BYTES, False, out)),
    ):
        ways = {
            "xjls": repeated(kernel, *arguments, calls=KERNEL_CALLS),
            "memset": repeated(other.fill, 0, calls=KERNEL_CALLS),
        }
        timings = interleave(ways, bench.many, calls=KERNEL_CALLS)
        yield faster("4", f"unpack {name}, the kernel in cache", timings, "memset", at_least(0.7))


def bits(packed: np.ndarray, count: int) -> np.ndarray:
    """Unpack bits by NumPy."""
    return np.unpackbits(packed, count=count, bitorder="little").view(bool)


def nibbles(packed: np.ndarray, count: int) -> np.ndarray:
    """Unpack nibbles by NumPy."""
    out = np.empty(2 * len(packed), np.uint8)
    out[0::2] = packed & 15
    out[1::2] = packed >> 4
    return out[:count]
