"""Export of a million rows of time and current to CSV, against pandas and against pyjls's own export.

pandas is given a frame that is in memory already, and only has to write it. pyjls writes seconds that count from 0.
"""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from pyjls.entry_points import export as pyjls_export

import xjls
from benchmarks.bench import Bench
from benchmarks.report import Row, at_least, faster
from benchmarks.timing import interleave, steady
from xjls.export import make_table, write_table

ROWS = 1_000_000
"""Some seconds of pandas."""


def csv(bench: Bench) -> Iterator[Row]:
    """One signal with its UTC, to a file that is replaced each time."""
    out = bench.files.directory / "exported.csv"
    with xjls.open_recording(bench.files.small) as recording:
        times = recording.clock("current").times(np.arange(ROWS))
        frame = pd.DataFrame({"time": times.view("M8[ns]"), "current": recording.read("current", (0, ROWS))})
        ways = {
            "xjls": steady(lambda: write_table(make_table(recording, ["current"], (0, ROWS)), out, overwrite=True)),
            "pandas": steady(lambda: frame.to_csv(out, index=False)),
            "pyjls": steady(lambda: theirs(bench.files.small, out)),
        }
        timings = interleave(ways, max(bench.rounds // 8, 3))
    out.unlink()
    yield faster("exp", "CSV, 1 M rows of UTC and f32", timings, "pandas", at_least(4))
    yield faster("exp", "CSV, 1 M rows of UTC and f32", timings, "pyjls", at_least(4))


def theirs(path: Path, out: Path) -> None:
    """Export by pyjls."""
    parser = argparse.ArgumentParser()
    run = pyjls_export.parser_config(parser)
    arguments = [str(path), str(out), "--signal", "current", "--length", str(ROWS), "--timestamp"]
    with contextlib.redirect_stdout(io.StringIO()):
        run(parser.parse_args(arguments))
