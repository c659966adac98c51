"""How fast the kernels are, as ratios to what the machine can do at best.

Every line compares two ways in alternating rounds of one run and prints the median of the rounds' ratios (1 is as fast as the
other way, more is faster). The window benchmarks read random windows of a file that is larger than the caches, from a mapping whose
pages are resident.

Run with ``python benchmarks/kernels.py [variant …]``; the variants of the checksum are fold512, crc32q and portable.
"""

from __future__ import annotations

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
def recording() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the bytes of a mapped file of chunks, resident, and the samples in memory."""
    samples = np.random.default_rng(0).standard_normal(CHUNKS * CHUNK_SAMPLES, np.float32)
    with tempfile.NamedTemporaryFile() as file:
        for block, first in zip(samples.reshape(CHUNKS, -1), range(0, samples.size, CHUNK_SAMPLES), strict=True):
            file.write(chunk(first, block))
        file.flush()
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        buffer = np.frombuffer(mapping, np.uint8)
        buffer[::4096].sum()
        yield buffer, samples
        del buffer
        try:
            mapping.close()
        except BufferError:  # a closure of a benchmark still holds a view
            pass


def window_plan(start: int, stop: int) -> np.ndarray:
    first = np.arange(start // CHUNK_SAMPLES, -(-stop // CHUNK_SAMPLES))
    skip = np.maximum(start - first * CHUNK_SAMPLES, 0)
    end = np.minimum(stop - first * CHUNK_SAMPLES, CHUNK_SAMPLES)
    dest = first * CHUNK_SAMPLES + skip - start
    return np.stack([first * CHUNK_BYTES, first * CHUNK_SAMPLES, skip, end - skip, dest], axis=1).astype(np.int64)


class Windows:
    """Random windows of `size` samples, one after the other, read from the file and copied in memory."""

    def __init__(self, buffer: np.ndarray, samples: np.ndarray, size: int, count: int = 64) -> None:
        starts = np.random.default_rng(1).integers(0, samples.size - size, count)
        self.buffer = buffer
        self.plans = [window_plan(start, start + size) for start in starts.tolist()]
        self.sources = [samples[start : start + size] for start in starts.tolist()]
        self.out = np.zeros(size, np.float32)
        self.copied = np.zeros(size, np.float32)
        self.fault = np.zeros(max(map(len, self.plans)), np.uint8)
        self.turns = [0, 0]

    def next(self, which: int) -> int:
        self.turns[which] += 1
        return self.turns[which] % len(self.plans)

    def gather(self, kernel: Callable[..., int], verify: bool) -> None:
        plan = self.plans[self.next(0)]
        if kernel(self.buffer, plan, TAG, META, 32, False, verify, self.out.view(np.uint8), self.fault):
            raise RuntimeError("the benchmark's file is damaged")

    def copy(self) -> None:
        np.copyto(self.copied, self.sources[self.next(1)])


def windows(variants: list[str]) -> None:
    with recording() as (buffer, samples):
        for size in (1_000_000, 10_000_000):
            case = Windows(buffer, samples, size)
            for name in variants:
                kernel = gather.GATHER[cpu.CrcVariant(name)]
                show(f"gather {size:_} f32, {name}", "memcpy", ratio(lambda: case.gather(kernel, True), case.copy))
            show(f"gather {size:_} f32, unverified", "memcpy", ratio(lambda: case.gather(kernel, False), case.copy))
        case = Windows(buffer, samples, 100)
        for name in variants:
            kernel = gather.GATHER[cpu.CrcVariant(name)]
            print(f"gather 100 f32, {name}: {best_us(lambda: case.gather(kernel, True)):.2f} µs a call,", end=" ")
            print(f"unverified {best_us(lambda: case.gather(kernel, False)):.2f} µs")
        del case


def best_us(call: Callable[[], object], repeats: int = 20_000) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e3


def checksums(variants: list[str]) -> None:
    data = np.random.default_rng(0).integers(0, 256, 1 << 20, dtype=np.uint8)
    for size in (32_784, 1 << 20):
        view = data[:size]
        for name in variants:
            kernel = crc.CRC32C[cpu.CrcVariant(name)]
            result = ratio(repeated(lambda: kernel(view, 0, size)), repeated(lambda: google_crc32c.value(view)))
            show(f"crc32c of {size:_} B, {name}", "google_crc32c", result)


def repeated(call: Callable[[], object], times: int = 20) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            call()

    return run


def unpacking() -> None:
    packed = np.random.default_rng(0).integers(0, 256, 1 << 15, dtype=np.uint8)
    out, other = np.zeros(1 << 16, np.uint8), np.zeros(1 << 16, np.uint8)
    memset = repeated(lambda: other.fill(0))
    bits = packed[: out.size // 8]
    for skip in (0, 3):
        u1 = repeated(lambda: unpack.unpack_u1(bits, skip, out.size - 8, out))
        show(f"u1, skip {skip}", "memset", ratio(u1, memset))
        u4 = repeated(lambda: unpack.unpack_u4(packed, skip, out.size - 8, True, out))
        show(f"i4, skip {skip}", "memset", ratio(u4, memset))
    u1 = repeated(lambda: unpack.unpack_u1(bits, 0, out.size, out))
    show("u1", "numpy.unpackbits", ratio(u1, repeated(lambda: np.unpackbits(bits, bitorder="little"))))


def reducing() -> None:
    random = np.random.default_rng(0).normal(size=1 << 20)
    for dtype, factor in (("f4", 128), ("f8", 128), ("i2", 256), ("u1", 1024)):
        samples = (100 * random).astype(dtype)
        out = np.empty((samples.size // factor, 4), "f4")
        target = np.empty_like(samples)
        ours = lambda: reduce.summarize(samples, factor, out)  # noqa: E731
        show(f"summarize {dtype} by {factor}", "memcpy", ratio(ours, lambda: np.copyto(target, samples)))
        show(f"summarize {dtype} by {factor}", "numpy", ratio(ours, lambda: numpy_entries(samples, factor), 5))
    merged = np.empty((len(out) // 20, 4), "f4")
    rows = out[: 20 * len(merged)].reshape(-1, 20, 4)
    ours = lambda: reduce.merge(out, 20, merged)  # noqa: E731
    show("merge by 20", "numpy's means alone", ratio(ours, lambda: rows[:, :, 0].mean(axis=1)))


def numpy_entries(samples: np.ndarray, factor: int) -> np.ndarray:
    rows = samples.reshape(-1, factor)
    mean, std = rows.mean(axis=1, dtype=np.float64), rows.std(axis=1, dtype=np.float64)
    return np.stack([mean, std, rows.min(axis=1), rows.max(axis=1)], axis=1)


FIRST_USE = """
import sys, time
import numpy as np
started = time.perf_counter()
import numba
from numba import njit
njit("int64(int64)")(lambda x: x)
numba_ready = time.perf_counter()
from xjls.kernels.gather import gather
from xjls.kernels.index import index_offsets, summary_positions
imported = time.perf_counter()
nothing = np.frombuffer(bytes(64), np.uint8)
gather(nothing, np.zeros((1, 5), np.int64), 0, 0, 32, False, True, np.empty(0, np.uint8), np.empty(1, np.uint8))
gathered = time.perf_counter()
positions, out = np.zeros(1, np.int64), np.zeros(1, np.int64)
index_offsets(nothing, positions, 0, 1, out, True, np.zeros(1, np.uint8))
summary_positions(nothing, positions, 0, out)
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
    print(f"  loading gather {gathered:.1f} ms, loading the two index kernels {indexed:.1f} ms")


def show(what: str, against: str, result: float) -> None:
    print(f"{what:36} {result:6.2f} of {against}")


if __name__ == "__main__":
    chosen = sys.argv[1:] or [str(cpu.crc_variant())]
    first_use()
    checksums(chosen)
    unpacking()
    reducing()
    windows(chosen)
