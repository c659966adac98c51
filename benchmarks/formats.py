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
from xjls import open_recording

MILLION = 1_000_000


def windows(bench: Bench) -> Iterator[Row]:
    """Windows of one and of ten million samples, into an array that is used again."""
    files = bench.files
    page_cache.require(files.big)
    page_cache.fill(files.hdf5)
    array = zarr.open_array(files.zarr, mode="r")
    with open_recording(files.big) as recording, h5py.File(files.hdf5) as file:
        dataset = file["current"]
        for length, calls, h5_goal in ((10 * MILLION, 2, 0.9), (MILLION, 8, 0.7)):
            out = np.zeros(length, np.float32)

            def ours(start: int, stop: int, out: np.ndarray = out) -> np.ndarray:
                return recording.read("current", (start, stop), out=out)

            def hdf5(start: int, stop: int, out: np.ndarray = out) -> np.ndarray:
                dataset.read_direct(out, np.s_[start:stop])
                return out

            def sharded(start: int, stop: int) -> np.ndarray:
                return array[start:stop]

            random = Windows(len(files.samples), length, count=12 if calls == 2 else 64, calls=calls)
            random.check(sharded, lambda a, b: files.samples[a:b])
            random.check(hdf5, lambda a, b: files.samples[a:b])
            random.check(ours, lambda a, b: files.samples[a:b])
            ways = {
                "xjls": random.way(ours), "HDF5 contiguous": random.way(hdf5), "Zarr v3 sharded": random.way(sharded)
            }  # fmt: skip
            timings = interleave(ways, bench.rounds, calls=calls)
            what = f"window of {length // MILLION}M f32, out="
            yield faster("12", what, timings, "HDF5 contiguous", at_least(h5_goal))
            yield faster("12", what, timings, "Zarr v3 sharded", at_least(5) if calls == 2 else None)
