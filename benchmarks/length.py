"""That nothing depends on how long a recording is: 10¹¹ samples, in a sparse file, against 10⁸."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.bench import Bench
from benchmarks.report import Row, at_most, longer
from benchmarks.timing import interleave, repeated
from xjls import open_recording
from xjls.testing import SparseTruth

LONG, SHORT = 10**11, 10**8
CALLS = 2
WINDOW = 8000
ENTRIES = 100
FACTOR = 128


def independence(bench: Bench) -> Iterator[Row]:
    """Open; open and read a window from the middle; open and read a level there."""
    truths = {"10¹¹ samples": bench.files.sparse(LONG), "10⁸ samples": bench.files.sparse(SHORT)}
    for what, action, target in (
        ("open + close", open_only, at_most(1.2)),
        ("open + length + close", open_length, at_most(1.2)),
        ("open + 8k samples of its middle", window, None),
        ("open + 100 entries of level 1", level, None),
    ):
        ways = {name: repeated(action, truth, calls=CALLS) for name, truth in truths.items()}
        timings = interleave(ways, bench.many, calls=CALLS)
        yield longer("len", f"10¹¹ samples: {what}", timings, "10⁸ samples", target, ours="10¹¹ samples")


def open_only(truth: SparseTruth) -> None:
    """Open and close."""
    open_recording(truth.path).close()


def open_length(truth: SparseTruth) -> None:
    """Open, check the length, and close."""
    with open_recording(truth.path) as recording:
        if recording.signal(truth.name).window.length != truth.samples:
            raise RuntimeError(f"the length is {recording.signal(truth.name).window}")


def window(truth: SparseTruth) -> None:
    """Open, read a window from the middle, and check it."""
    start = truth.samples // 2
    with open_recording(truth.path) as recording:
        values = recording.read(truth.name, (start, start + WINDOW))
    if values[0] != np.float32(start % 1000 * 1e-3):
        raise RuntimeError(f"sample {start} is {values[0]}")


def level(truth: SparseTruth) -> None:
    """Open, read entries of the finest level from the middle, and check their number."""
    start = truth.samples // 2 // FACTOR
    with open_recording(truth.path) as recording:
        values = recording.read_level(truth.name, 1, (start, start + ENTRIES))
    if values.shape != (ENTRIES, 4):
        raise RuntimeError(f"the level is {values.shape}")
