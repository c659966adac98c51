"""Decimation of a PicoStream file of 200 million samples, ten to one by minimum and maximum, in blocks of 10 million.

Against the same kernel, with the same outputs, on a memory map of the bare samples; and against what one writes first:
each block from h5py as float64 millivolts, then NumPy's minima and maxima of it, and the times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.report import Row, at_least, faster
from benchmarks.timing import interleave, steady
from xjls.compat.picostream import PicoStreamReader
from xjls.kernels.decimate import Conversion, decimate

MILLION = 1_000_000
SAMPLES, FEWER = 200 * MILLION, 40 * MILLION
MANY_ROUNDS = 20
"""Below these, a run is a quick one."""
CHUNK, BLOCK, FACTOR = 20 * MILLION, 10 * MILLION, 10
INTERVAL_NS, RANGE_V, MAX_ADC = 16, 20.0, 32767
SCALE_MV = RANGE_V * 1e3 / MAX_ADC

Blocks = Iterator[tuple[np.ndarray, np.ndarray]]


def min_max(bench: Bench) -> Iterator[Row]:
    """The whole file, from a page cache that holds it."""
    samples = SAMPLES if bench.rounds >= MANY_ROUNDS else FEWER
    with written(bench.files.directory, samples) as (hdf5, raw):
        ways = {"xjls": lambda: ours(hdf5), "memmap": lambda: mapped(raw), "convert first": lambda: converted(hdf5)}
        check(ways)
        timings = interleave({name: steady(lambda way=way: drain(way())) for name, way in ways.items()}, bench.few)
    what = f"10x min/max of {samples // MILLION} M counts to mV"
    yield faster("dec", what, timings, "memmap", at_least(0.8))
    yield faster("dec", what, timings, "convert first", at_least(5))


@contextmanager
def written(directory: Path, samples: int) -> Iterator[tuple[Path, Path]]:
    """Write a wave with noise of 12 bits to an HDF5 and to a raw file, both in memory; remove them again."""
    hdf5, raw = directory / "decimation.hdf5", directory / "decimation.raw"
    wave = np.sin(np.arange(CHUNK) * 1e-4) * 20_000 + np.random.default_rng(0).normal(0, 500, CHUNK)
    chunk = wave.astype("<i2") & ~np.int16(15)
    try:
        with h5py.File(hdf5, "w") as file, raw.open("wb") as bare:
            file.attrs.update(sample_interval_ns=INTERVAL_NS, voltage_range_v=RANGE_V, max_adc=MAX_ADC)
            data = file.create_dataset("adc_counts", (0,), "<i2", maxshape=(None,), chunks=(CHUNK,))
            for start in range(0, samples, CHUNK):
                data.resize((start + CHUNK,))
                data[start:] = chunk
                bare.write(chunk.tobytes())
        page_cache.fill(hdf5)
        page_cache.fill(raw)
        yield hdf5, raw
    finally:
        hdf5.unlink(missing_ok=True)
        raw.unlink(missing_ok=True)


def ours(path: Path) -> Blocks:
    """Yield the blocks by the reader."""
    with PicoStreamReader(path) as reader:
        yield from reader.get_block_iter(BLOCK, FACTOR, "min_max")


def mapped(path: Path) -> Blocks:
    """Yield the blocks by the kernel alone."""
    counts = np.memmap(path, "<i2", "r")
    meaning = Conversion(scale_mv=SCALE_MV, offset_mv=0.0, step=INTERVAL_NS, steps_per_s=10**9, paired=False)
    for start in range(0, len(counts), BLOCK):
        stop = min(start + BLOCK, len(counts))
        times, mv = (np.empty(meaning.outputs(start, stop, FACTOR, "min_max")) for _ in range(2))
        decimate([counts[start:stop]], (start, stop), FACTOR, "min_max", meaning, times, mv)
        yield times, mv


def converted(path: Path) -> Blocks:
    """Yield the blocks as one writes it first."""
    with h5py.File(path) as file:
        counts = file["adc_counts"]
        for start in range(0, len(counts), BLOCK):
            groups = (counts[start : start + BLOCK] * SCALE_MV).reshape(-1, FACTOR)
            mv = np.stack([groups.min(axis=1), groups.max(axis=1)], axis=1).reshape(-1)
            yield np.repeat((start + np.arange(len(groups)) * FACTOR) * (INTERVAL_NS / 1e9), 2), mv


def drain(blocks: Blocks) -> None:
    """Take all blocks, one after the other."""
    for _ in blocks:
        pass


def check(ways: dict[str, Callable[[], Blocks]]) -> None:
    """Raise unless all ways give the same numbers, but for rounding."""
    for blocks in zip(*(way() for way in ways.values()), strict=True):
        for block in blocks[1:]:
            if not all(np.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in zip(blocks[0], block, strict=True)):
                raise RuntimeError("the results differ")
