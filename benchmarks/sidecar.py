"""Levels built beside a PicoStream file: what building costs, and that columns cost the same at any length."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py
import numpy as np

from benchmarks.bench import Bench
from benchmarks.levels import power_of_ten
from benchmarks.report import Row, absolute, at_least, at_most, faster
from benchmarks.timing import Way, interleave, repeated, steady
from xjls import build_levels, open_recording
from xjls.kernels.reduce import summarize
from xjls.model.recording import Recording
from xjls.testing.picostream import write_picostream

NAME, FACTOR = "channel_a", 256
COLUMNS = 2000
LENGTHS = (10**7, 10**8, 10**9)
SAMPLES = 200_000_000
WRITTEN = 10**8
"""Samples that are written as PicoStream does; longer files are one piece of zeros that takes no room."""
WAVE = 1_000_000
CALLS = 5


def building(bench: Bench) -> Iterator[Row]:
    """Build the levels of a file that is in memory, against mapping it and one pass of the same kernel."""
    with made(bench.files.directory / "built.hdf5", waves(SAMPLES)) as path:
        with h5py.File(path) as file:
            counts = file["adc_counts"]
            offset, n = counts.id.get_chunk_info(0).byte_offset, counts.shape[0]
        entries = np.empty((n // FACTOR, 4))

        def one_pass() -> None:
            summarize(np.memmap(path, "<i2", "r", offset, (n,)), FACTOR, entries)

        base = "np.memmap + its kernel"
        timings = interleave({"xjls": anew(path), base: steady(one_pass)}, bench.few)
        yield faster("index", f"building levels of {n:,} int16", timings, base, at_least(0.5))


def columns(bench: Bench) -> Iterator[Row]:
    """Ask for columns of whole files of several lengths, which have answered before."""
    with ExitStack() as stack:
        ways: dict[str, Way] = {}
        for samples in LENGTHS:
            write = waves(samples) if samples <= WRITTEN else hollow(samples)
            path = stack.enter_context(made(bench.files.directory / f"columns-{samples}.hdf5", write))
            build_levels(path)
            recording = stack.enter_context(open_recording(path))
            ways[power_of_ten(samples)] = repeated(ask, recording, calls=CALLS)
        timings = interleave(ways, bench.many, calls=CALLS)
        for length, wall in timings.wall.items():
            what = f"{COLUMNS} columns of {length} samples, with a sidecar"
            yield absolute("side", what, wall, timings.cpu[length], "ms", at_most(1))


def ask(recording: Recording) -> object:
    """Ask for columns of all, whose borders are no entries'."""
    return recording.columns(NAME, None, COLUMNS)


def anew(path: Path) -> Way:
    """Return the way that builds levels where there are none."""

    @contextmanager
    def prepared() -> Iterator[Callable[[], object]]:
        shutil.rmtree(f"{path}.levels.zarr", ignore_errors=True)
        yield lambda: build_levels(path)

    return prepared


@contextmanager
def made(path: Path, write: Callable[[Path], object]) -> Iterator[Path]:
    """Write a file, and remove it with its levels."""
    try:
        write(path)
        yield path
    finally:
        path.unlink(missing_ok=True)
        shutil.rmtree(f"{path}.levels.zarr", ignore_errors=True)


def waves(samples: int) -> Callable[[Path], None]:
    """Return what writes a noisy wave, chunk by chunk."""

    def write(path: Path) -> None:
        noise = np.random.default_rng(0).normal(0, 500, WAVE)
        counts = (np.sin(np.arange(WAVE) * 1e-4) * 20_000 + noise).astype("i2")
        write_picostream(path, np.tile(counts, samples // WAVE), block=20 * WAVE)

    return write


def hollow(samples: int) -> Callable[[Path], None]:
    """Return what writes a file of zeros that takes no room."""

    def write(path: Path) -> None:
        write_picostream(path, np.empty(0, "i2"))
        with h5py.File(path, "r+") as file:
            del file["adc_counts"]
            how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            how.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            how.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            space = h5py.h5s.create_simple((samples,))
            h5py.h5d.create(file.id, b"adc_counts", h5py.h5t.STD_I16LE, space, how)

    return write
