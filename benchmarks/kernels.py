"""How fast the kernels are, as ratios to what the machine can do at best.

Every line compares two ways in alternating rounds of one run and prints the median of the rounds' ratios: 1 is as fast
as the other way, more is faster. The window benchmarks read random windows of a file that is larger than the caches,
from a mapping whose pages are resident; "interleaved" is a signal whose chunks alternate with those of two others.

Run with ``python benchmarks/kernels.py [variant …]``; the variants of the checksum are fold512, crc32q and portable.
"""

from __future__ import annotations

import functools
import itertools
import mmap
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import google_crc32c
import numpy as np

from xjls.kernels import cpu, crc, gather, reduce, unpack

TAG, META = 0x22, 1
CHUNK_SAMPLES = 8192
CHUNKS = 8192  # 256 MiB of float32
CHUNK_BYTES = 32 + 16 + 4 * CHUNK_SAMPLES + 8
ROUNDS = 41

Kernel = Callable[..., int]


def ratio(ours: Callable[[], object], other: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median of time(other) / time(ours), in alternating order."""
    ours(), other()
    return statistics.median(
        one_round(ours, other) if turn % 2 else 1 / one_round(other, ours) for turn in range(rounds)
    )


def one_round(first: Callable[[], object], second: Callable[[], object]) -> float:
    """time(second) / time(first)."""
    start = time.perf_counter_ns()
    first()
    middle = time.perf_counter_ns()
    second()
    return (time.perf_counter_ns() - middle) / (middle - start)


def chunk(first_id: int, samples: np.ndarray) -> bytes:
    payload = struct.pack("<qIHH", first_id, samples.size, 8 * samples.itemsize, 0) + samples.tobytes()
    header = struct.pack("<QQBBHII", 0, 0, TAG, 0, META, len(payload), 0)
    header += struct.pack("<I", google_crc32c.value(header))
    return header + payload + bytes(-(len(payload) + 4) % 8) + struct.pack("<I", google_crc32c.value(payload))


@contextmanager
def recording(signals: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the bytes of a mapped file, resident, and the samples of its first signal in memory."""
    samples = np.random.default_rng(0).standard_normal(CHUNKS // signals * CHUNK_SAMPLES, np.float32)
    with tempfile.NamedTemporaryFile() as file:
        for block, first in zip(samples.reshape(-1, CHUNK_SAMPLES), range(0, samples.size, CHUNK_SAMPLES), strict=True):
            file.write(chunk(first, block) * signals)
        file.flush()
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        buffer = np.frombuffer(mapping, np.uint8)
        buffer[::4096].sum()
        yield buffer, samples


def window_plan(start: int, stop: int, stride: int) -> np.ndarray:
    first = np.arange(start // CHUNK_SAMPLES, -(-stop // CHUNK_SAMPLES))
    skip = np.maximum(start - first * CHUNK_SAMPLES, 0)
    end = np.minimum(stop - first * CHUNK_SAMPLES, CHUNK_SAMPLES)
    dest = first * CHUNK_SAMPLES + skip - start
    return np.stack([first * stride, first * CHUNK_SAMPLES, skip, end - skip, dest], axis=1).astype(np.int64)


class Windows:
    """Random windows of `size` samples, one after the other, read from the file and copied in memory."""

    def __init__(self, buffer: np.ndarray, samples: np.ndarray, size: int, signals: int) -> None:
        starts = np.random.default_rng(1).integers(0, samples.size - size, 64).tolist()
        self.buffer = buffer
        self.plans = itertools.cycle([window_plan(start, start + size, signals * CHUNK_BYTES) for start in starts])
        self.sources = itertools.cycle([samples[start : start + size] for start in starts])
        self.out = np.zeros(4 * size, np.uint8)
        self.copied = np.zeros(size, np.float32)
        self.fault = np.zeros(size // CHUNK_SAMPLES + 2, np.uint8)

    def gather(self, kernel: Kernel, verify: bool) -> None:
        if kernel(self.buffer, next(self.plans), TAG, META, 32, False, verify, self.out, self.fault):
            raise RuntimeError("the benchmark's file is damaged")

    def copy(self) -> None:
        np.copyto(self.copied, next(self.sources))

    def show(self, name: str, kernel: Kernel, verify: bool = True) -> None:
        show(f"gather {name}", "memcpy", ratio(lambda: self.gather(kernel, verify), self.copy))

    def show_call(self, name: str, kernel: Kernel, verify: bool = True) -> None:
        print(f"gather {name:29} {median_us(lambda: self.gather(kernel, verify)):6.2f} µs a call")


def windows(variants: list[str]) -> None:
    for signals, layout in ((1, ""), (3, " interleaved")):
        with recording(signals) as (buffer, samples):
            for size in (1_000_000, 10_000_000):
                case = Windows(buffer, samples, size, signals)
                for name in variants:
                    case.show(f"{size:_}{layout} {name}", gather.GATHER[cpu.CrcVariant(name)])
                case.show(f"{size:_}{layout} unverified", gather.gather, verify=False)
            case = Windows(buffer, samples, 100, signals)
            for name in variants:
                case.show_call(f"100{layout} {name}", gather.GATHER[cpu.CrcVariant(name)])
            case.show_call(f"100{layout} unverified", gather.gather, verify=False)


def median_us(call: Callable[[], object]) -> float:
    """Median duration of a call, in µs."""
    times = []
    for _ in range(20_000):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e3


def checksums(variants: list[str]) -> None:
    data = np.random.default_rng(0).integers(0, 256, 1 << 20, dtype=np.uint8)
    for size, name in itertools.product((32_784, 1 << 20), variants):
        kernel, view = crc.CRC32C[cpu.CrcVariant(name)], data[:size]
        result = ratio(repeated(kernel, view, 0, size), repeated(google_crc32c.value, view))
        show(f"crc32c of {size:_} B, {name}", "google_crc32c", result)


def repeated(function: Callable[..., object], *arguments: object) -> Callable[[], None]:
    def run() -> None:
        for _ in range(20):
            function(*arguments)

    return run


def unpacking() -> None:
    size = 1 << 18  # fits in the second cache
    packed = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    out, other = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    memset = repeated(other.fill, 0)
    for skip in (0, 3):
        take = size - skip
        show(f"u1, skip {skip}", "memset", ratio(repeated(unpack.unpack_u1, packed, skip, take, out), memset))
        show(f"u4, skip {skip}", "memset", ratio(repeated(unpack.unpack_u4, packed, skip, take, False, out), memset))
        show(f"i4, skip {skip}", "memset", ratio(repeated(unpack.unpack_u4, packed, skip, take, True, out), memset))
    bits = packed[: size // 8]
    unpackbits = repeated(functools.partial(np.unpackbits, bits, bitorder="little"))
    show("u1", "numpy.unpackbits", ratio(repeated(unpack.unpack_u1, bits, 0, size, out), unpackbits))


def reducing() -> None:
    random = np.random.default_rng(0).normal(size=1 << 20)
    for dtype, factor in (("f4", 128), ("f8", 128), ("i2", 256), ("u1", 1024)):
        samples = np.abs(100 * random).astype(dtype)
        out, copied = np.empty((samples.size // factor, 4), "f4"), np.empty_like(samples)
        ours = functools.partial(reduce.summarize, samples, factor, out)
        show(f"summarize {dtype} by {factor}", "memcpy", ratio(ours, functools.partial(np.copyto, copied, samples)))
        numpys = functools.partial(numpy_entries, samples, factor)
        show(f"summarize {dtype} by {factor}", "numpy", ratio(ours, numpys, rounds=5))
    entries = random.reshape(-1, 4).astype("f4")
    merged = np.empty((len(entries) // 16, 4), "f4")
    numpys = functools.partial(numpy_merged, entries, 16)
    show("merge f4 by 16", "numpy", ratio(functools.partial(reduce.merge, entries, 16, merged), numpys))


def numpy_entries(samples: np.ndarray, factor: int) -> np.ndarray:
    rows = samples.reshape(-1, factor)
    mean, std = rows.mean(axis=1, dtype=np.float64), rows.std(axis=1, dtype=np.float64)
    return np.stack([mean, std, rows.min(axis=1), rows.max(axis=1)], axis=1)


def numpy_merged(entries: np.ndarray, factor: int) -> np.ndarray:
    mean, std, low, high = np.moveaxis(entries.reshape(-1, factor, 4).astype(np.float64), -1, 0)
    merged = mean.mean(axis=1)
    variance = (std**2 + (mean - merged[:, None]) ** 2).mean(axis=1)
    return np.stack([merged, np.sqrt(variance), low.min(axis=1), high.max(axis=1)], axis=1)


FIRST_USE = """
import sys, time
import numpy as np
started = time.perf_counter()
import numba
from numba import njit
njit("int64(int64)")(lambda x: x)
numba_ready = time.perf_counter()
from xjls.kernels.gather import gather
from xjls.kernels.index import index_offsets
imported = time.perf_counter()
nothing = np.frombuffer(bytes(64), np.uint8)
gather(nothing, np.zeros((1, 5), np.int64), 0, 0, 32, False, True, np.empty(0, np.uint8), np.empty(1, np.uint8))
gathered = time.perf_counter()
positions, out = np.zeros(1, np.int64), np.zeros(1, np.int64)
index_offsets(nothing, positions, 0, 1, out, True, np.zeros(1, np.uint8))
indexed = time.perf_counter()
print(*(1e3 * t for t in (numba_ready - started, imported - numba_ready, gathered - imported, indexed - gathered)))
"""


def first_use() -> None:
    """Print what a fresh process pays once the kernels are in the disk cache."""
    runs = []
    for _ in range(6):
        result = subprocess.run([sys.executable, "-c", FIRST_USE], check=True, capture_output=True, text=True)
        runs.append([float(word) for word in result.stdout.split()])
    numba_ready, imported, gathered, indexed = (statistics.median(column) for column in zip(*runs[1:], strict=True))
    print(
        f"first use: numba and its code generator {numba_ready:.0f} ms; then importing the kernels {imported:.1f} ms,"
    )
    print(f"  loading gather {gathered:.1f} ms, loading index_offsets {indexed:.1f} ms")


def show(what: str, against: str, result: float) -> None:
    print(f"{what:36} {result:6.2f} of {against}")


if __name__ == "__main__":
    chosen = sys.argv[1:] or [str(cpu.crc_variant())]
    first_use()
    checksums(chosen)
    unpacking()
    reducing()
    windows(chosen)
