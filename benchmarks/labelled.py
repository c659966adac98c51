"""Goal 2d: the same windows through xarray."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyjls
import xarray as xr

from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.report import Row, above, at_least, at_most, faster
from benchmarks.timing import Windows, interleave
from xjls import open_recording

MILLION = 1_000_000


def windows(bench: Bench) -> Iterator[Row]:
    """Goal 2d: ``ds.current.isel(time=slice(…)).values``, and what that costs above the function."""
    path = bench.files.big
    page_cache.require(path)
    with (
        xr.open_dataset(path, engine="jls", levels=False) as dataset,
        open_recording(path) as recording,
        pyjls.Reader(str(path)) as reader,
    ):
        total = dataset.sizes["time"]

        def labelled(start: int, stop: int) -> np.ndarray:
            return dataset.current.isel(time=slice(start, stop)).values

        def function(start: int, stop: int) -> np.ndarray:
            return recording.read("current", (start, stop))

        def pyjls_way(start: int, stop: int) -> np.ndarray:
            return reader.fsr(1, start, stop - start)

        million = Windows(total, MILLION)
        million.check(labelled, pyjls_way)
        ways = {"xjls": million.way(labelled), "pyjls": million.way(pyjls_way)}
        timings = interleave(ways, bench.many, calls=million.calls)
        yield faster("2d", "ds.current.isel(…).values, 1M f32", timings, "pyjls", at_least(4))

        few = Windows(total, 100, count=300, calls=10)
        ways = {"xjls": few.way(labelled), "function": few.way(function)}
        timings = interleave(ways, bench.many, calls=few.calls)
        yield above("2d", "ds.current.isel(…).values", timings, "function", "µs", at_most(70))
