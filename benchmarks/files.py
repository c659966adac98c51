"""The files that are measured: recordings written by pyjls, and the same samples in other formats.

Every file is made when it is first asked for, and found again in a directory that was kept.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pyjls

from benchmarks import page_cache
from xjls.testing import SparseTruth, write_sparse

RATE_HZ = 2_000_000
FLOATS = {"current": (1, "A"), "voltage": (2, "V"), "power": (3, "W")}
RANGE_ID, GPI_ID = 4, 5
TIE_SECONDS = 10
BLOCK = 1_000_000
"""Samples given to the writer at a time: half a second."""
JLS_EPOCH = 1_514_764_800
"""2018-01-01, where JLS time begins, as Unix time in s."""
START = 1_772_359_200
COPIED = 64 << 20
"""Samples of the first signal that are copied into other formats, and into memory: more than any cache holds."""


class Files:
    """Paths of the files, each written on first use.

    Parameters
    ----------
    directory
        Where they lie.
    quick
        Whether a quarter of the size will do.
    """

    def __init__(self, directory: Path, *, quick: bool = False) -> None:
        self.directory = directory
        self._big_seconds, self._small_seconds = (25, 3) if quick else (100, 11)
        self._copied = COPIED // 4 if quick else COPIED
        self._made: list[Path] = []

    @cached_property
    def big(self) -> Path:
        """The long recording, 2.6 GB unless quick, in memory in large folios."""
        return self._recording(self._big_seconds)

    @cached_property
    def small(self) -> Path:
        """The short recording, 0.29 GB unless quick, in memory in large folios."""
        return self._recording(self._small_seconds)

    def just_written(self) -> Path:
        """Write a small recording anew: its pages are in memory as pyjls's small writes left them."""
        path = self.directory / "just-written.jls"
        self._made.append(path)
        write_recording(path, self._small_seconds)
        return path

    def sparse(self, samples: int) -> SparseTruth:
        """Write a recording of any length; its first, middle and last chunks can be read."""
        path = self.directory / f"sparse-{samples}.jls"
        self._made.append(path)
        return write_sparse(path, samples, data_at=[samples // 2])

    @cached_property
    def samples(self) -> np.ndarray:
        """The beginning of the first signal, in memory, as pyjls reads it."""
        with pyjls.Reader(str(self.big)) as reader:
            return np.concatenate([reader.fsr(1, at, BLOCK) for at in range(0, self._copied - BLOCK + 1, BLOCK)])

    @cached_property
    def hdf5(self) -> Path:
        """The same samples in a contiguous HDF5 dataset, ``current``."""
        return self._made_by("current.h5", self._write_hdf5)

    @cached_property
    def zarr(self) -> Path:
        """The same samples in a Zarr v3 array: uncompressed chunks of 1 Mi in shards of 4 Mi samples."""
        return self._made_by("current.zarr", self._write_zarr)

    def remove(self) -> None:
        """Remove what was made."""
        for path in self._made:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(self.directory / "pycache", ignore_errors=True)

    def _recording(self, seconds: int) -> Path:
        path = self._made_by(f"recording-{seconds}s.jls", lambda path: write_recording(path, seconds))
        page_cache.fill(path)
        return path

    def _made_by(self, name: str, write: Callable[[Path], None]) -> Path:
        path = self.directory / name
        if not path.exists():
            self._made.append(path)
            write(path)
        return path

    def _write_hdf5(self, path: Path) -> None:
        import h5py

        with h5py.File(path, "w") as file:
            file.create_dataset("current", data=self.samples)

    def _write_zarr(self, path: Path) -> None:
        import zarr

        array = zarr.create_array(
            path, shape=self.samples.shape, dtype="f4", chunks=(1 << 20,), shards=(4 << 20,), compressors=None
        )
        array[:] = self.samples


def write_recording(path: Path, seconds: int) -> None:
    """Write a recording as a Joulescope's software does: five signals, a UTC tie every ten seconds."""
    with pyjls.Writer(str(path)) as writer:
        define(writer)
        noise = np.random.default_rng(0).standard_normal((3, 4 * BLOCK), np.float32)
        packed = np.random.default_rng(1).integers(0, 256, 2 * BLOCK, np.uint8)
        for start in range(0, seconds * RATE_HZ, BLOCK):
            write_block(writer, start, noise, packed)
            if start % (TIE_SECONDS * RATE_HZ) == 0:
                write_ties(writer, start)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def define(writer: pyjls.Writer) -> None:
    """Define the source and its signals, with pyjls's default blocks."""
    writer.source_def(1, name="JS220", vendor="Joulescope", model="JS220", version="1.0", serial_number="001122")
    for name, (number, units) in FLOATS.items():
        writer.signal_def(number, source_id=1, sample_rate=RATE_HZ, data_type="f32", name=name, units=units)
    writer.signal_def(RANGE_ID, source_id=1, sample_rate=RATE_HZ, data_type="u4", name="current_range")
    writer.signal_def(GPI_ID, source_id=1, sample_rate=RATE_HZ, data_type="u1", name="gpi[0]")


def write_block(writer: pyjls.Writer, start: int, noise: np.ndarray, packed: np.ndarray) -> None:
    """Write half a second of every signal; an odd step through the noise keeps blocks from repeating soon."""
    at = start // BLOCK * 104_729 % (3 * BLOCK)
    for number, _ in FLOATS.values():
        writer.fsr(number, start, noise[number - 1, at : at + BLOCK])
    at //= 3
    writer.fsr(RANGE_ID, start, packed[at : at + BLOCK // 2])
    writer.fsr(GPI_ID, start, packed[at : at + BLOCK // 8])


def write_ties(writer: pyjls.Writer, sample_id: int) -> None:
    """Tie every signal's sample to UTC."""
    time = (START - JLS_EPOCH + sample_id // RATE_HZ) << 30
    for number in (*(number for number, _ in FLOATS.values()), RANGE_ID, GPI_ID):
        writer.utc(number, sample_id, time)
