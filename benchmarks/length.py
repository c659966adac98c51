"""That nothing depends on how long a recording is: 10¹¹ samples, a sparse file, against a short one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.bench import Bench
from benchmarks.report import Row, at_most, longer
from benchmarks.timing import interleave, repeated
from xjls import open_recording
from xjls.testing import SparseTruth

LONG, SHORT = 10**11, 10**8
CALLS = 20
WINDOW = 8000


def independence(bench: Bench) -> Iterator[Row]:
    """Open; open and read a window from the middle; open and read a level there."""
    long, short = bench.files.sparse(LONG), bench.files.sparse(SHORT)
    for what, action in (
        ("open", lambda truth: open_recording(truth.path).close()),
        ("open + window of 8k from the middle", window),
        ("open + 100 entries of level 1 from the middle", level),
    ):
        ways = {
            name: repeated(action, truth, calls=CALLS) for name, truth in (("10¹¹ samples", long), ("10⁸ samples", short))
        }
        timings = interleave(ways, bench.rounds, calls=CALLS)
        yield longer("1", f"10¹¹ samples: {what}", timings, "10⁸ samples", None, ours="10¹¹ samples")
