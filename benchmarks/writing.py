"""Goals 9 and 9b: writing JLS v2 and Zarr, against pyjls, zarr-python and a plain ``write()`` of as many bytes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyjls
import zarr

from benchmarks.bench import Bench
from benchmarks.report import Row, at_least, faster
from benchmarks.timing import Call, Way, interleave
from xjls.formats.jls2.wire import SignalDef, SourceDef
from xjls.formats.jls2.writer import Jls2Writer
from xjls.formats.zarr.writer import ZarrWriter
from xjls.model.signal import Signal, Source

RATE_HZ = 2_000_000
SAMPLES = 20_000_000
"""80 MB: some hundred milliseconds."""
PIECES = (16_384, 1_000_000)
"""Samples given at a time: what an instrument delivers, and what a conversion does."""
LIMIT_BYTES = 1 << 20


def float32(bench: Bench) -> Iterator[Row]:
    """One signal of float32, opened, written and closed."""
    samples = np.random.default_rng(9).normal(0.03, 0.001, SAMPLES).astype("f4")
    for piece in PIECES:
        ways = {
            "xjls": fresh(bench, lambda path, n=piece: ours(path, samples, n)),
            "pyjls": fresh(bench, lambda path, n=piece: theirs(path, samples, n)),
            "write()": fresh(bench, lambda path: plain(path, samples)),
        }
        timings = interleave(ways, max(bench.rounds // 4, 3))
        what = f"f32 written, {piece:,} at a time"
        yield faster("9", what, timings, "pyjls", at_least(4))
        yield faster("9", what, timings, "write()", at_least(0.5))


def zarr_float32(bench: Bench) -> Iterator[Row]:
    """One signal of float32 to a store: with levels and checksums, where zarr-python writes neither."""
    samples = np.random.default_rng(9).normal(0.03, 0.001, SAMPLES).astype("f4")
    ways = {
        "xjls": fresh(bench, lambda path: to_store(path, samples, None)),
        "xjls blosc": fresh(bench, lambda path: to_store(path, samples, "blosc")),
        "xjls zstd": fresh(bench, lambda path: to_store(path, samples, "zstd")),
        "zarr-python": fresh(bench, lambda path: by_zarr(path, samples)),
        "pyjls": fresh(bench, lambda path: theirs(path, samples, PIECES[1])),
        "write()": fresh(bench, lambda path: plain(path, samples)),
    }
    timings = interleave(ways, max(bench.rounds // 4, 3))
    what = f"f32 to a store, {PIECES[1]:,} at a time"
    yield faster("9b", what, timings, "pyjls", at_least(2))
    yield faster("9b", what, timings, "zarr-python", at_least(0.9))
    yield faster("9b", what, timings, "write()")
    for codec in ("blosc", "zstd"):
        yield faster("9b", f"the same, {codec}", timings, "pyjls", ours=f"xjls {codec}")


def to_store(path: Path, samples: np.ndarray, codec: str | None) -> None:
    """Write by our writer of stores."""
    source = Source(id=1, name="s")
    signal = Signal(
        id=1, name="current", units="A", dtype=samples.dtype, rate_hz=Fraction(RATE_HZ), source=source,
        stored_type="f32",
    )  # fmt: skip
    with ZarrWriter(path, codec=codec) as writer:
        writer.add_source(source)
        writer.add_signal(signal)
        for start in range(0, len(samples), PIECES[1]):
            writer.write("current", start, samples[start : start + PIECES[1]])


def by_zarr(path: Path, samples: np.ndarray) -> None:
    """Write by zarr-python, a whole shard at a time: the best that it can do."""
    shard = 1 << 22
    array = zarr.create_array(
        path, shape=samples.shape, dtype=samples.dtype, shards=(shard,), chunks=(1 << 20,), compressors=None
    )
    for start in range(0, len(samples), shard):
        array[start : start + shard] = samples[start : start + shard]


def ours(path: Path, samples: np.ndarray, piece: int) -> None:
    """Write by our writer."""
    with Jls2Writer(str(path)) as writer:
        writer.define_source(SourceDef(1, "s", "", "", "", ""))
        writer.define_signal(SignalDef(1, 1, 0, 0x2004, RATE_HZ, 0, 0, 0, 0, 0, 0, "current", "A"))
        for start in range(0, len(samples), piece):
            writer.write(1, start, samples[start : start + piece])


def theirs(path: Path, samples: np.ndarray, piece: int) -> None:
    """Write by pyjls."""
    with pyjls.Writer(str(path)) as writer:
        writer.source_def(source_id=1, name="s", vendor="", model="", version="", serial_number="")
        writer.signal_def(
            1, source_id=1, sample_rate=RATE_HZ, name="current", units="A", data_type=pyjls.DataType.F32
        )  # fmt: skip
        for start in range(0, len(samples), piece):
            writer.fsr(1, start, samples[start : start + piece])


def plain(path: Path, samples: np.ndarray) -> None:
    """Write the samples, and nothing else."""
    data = memoryview(samples).cast("B")
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), LIMIT_BYTES):
            file.write(data[start : start + LIMIT_BYTES])


def fresh(bench: Bench, write: Callable[[Path], None]) -> Way:
    """Return the way that writes a file that is not there yet, and is removed behind it."""
    path = bench.files.directory / "written.jls"

    @contextmanager
    def way() -> Iterator[Call]:
        remove(path)
        os.sync()
        yield lambda: write(path)
        remove(path)

    return way


def remove(path: Path) -> None:
    """Remove a file, or a store, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
