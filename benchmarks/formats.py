"""Goal 12: the same samples in HDF5, contiguous, and in Zarr v3, sharded; neither is compressed, neither is checked."""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import numpy as np
import zarr

from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.report import Row, at_least, faster
from benchmarks.timing import Windows, interleave
from xjls import Recording, open_recording

MILLION = 1_000_000


def windows(bench: Bench) -> Iterator[Row]:
    """Windows of ten million samples and of one, into an array that is used again."""
    files = bench.files
    page_cache.require(files.big)
    page_cache.fill(files.hdf5)
    array = zarr.open_array(files.zarr, mode="r")
    with open_recording(files.big) as recording, h5py.File(files.hdf5) as file:
        sides = Sides(recording, file["current"], array, 10 * MILLION)
        yield from compare(bench, sides, count=12, goals=(0.9, 5))
        sides = Sides(recording, file["current"], array, MILLION)
        yield from compare(bench, sides, count=64, goals=(0.7, None))


class Sides:
    """The ways to read a window of a length."""

    def __init__(self, recording: Recording, dataset: h5py.Dataset, array: zarr.Array, length: int) -> None:
        self._recording = recording
        self._dataset = dataset
        self._array = array
        self.length = length
        self._out = np.zeros(length, np.float32)

    def xjls(self, start: int, stop: int) -> np.ndarray:
        """Read by xjls, checked."""
        return self._recording.read("current", (start, stop), out=self._out)

    def hdf5(self, start: int, stop: int) -> np.ndarray:
        """Read by h5py."""
        self._dataset.read_direct(self._out, np.s_[start:stop])
        return self._out

    def zarr(self, start: int, stop: int) -> np.ndarray:
        """Read by zarr, which makes a new array."""
        return self._array[start:stop]


def compare(bench: Bench, sides: Sides, *, count: int, goals: tuple[float, float | None]) -> Iterator[Row]:
    """Compare random windows of one length."""
    samples = bench.files.samples
    random = Windows(len(samples), sides.length, count=count)
    ways = {"xjls": sides.xjls, "HDF5 contiguous": sides.hdf5, "Zarr v3 sharded": sides.zarr}
    for read in ways.values():
        random.check(read, lambda start, stop: samples[start:stop])
    timings = interleave({name: random.way(read) for name, read in ways.items()}, 2 * bench.rounds)
    what = f"window of {sides.length // MILLION}M f32, out="
    for base, goal in zip(("HDF5 contiguous", "Zarr v3 sharded"), goals, strict=True):
        yield faster("12", what, timings, base, None if goal is None else at_least(goal))
