"""``python -m benchmarks``: make the files, measure the goals, print the table."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import (
    capturing,
    cold,
    decimation,
    eight_hours,
    explorer,
    exporting,
    formats,
    jls1,
    labelled,
    length,
    levels,
    miniscope,
    opening,
    packed,
    reductions,
    sidecar,
    startup,
    statistics,
    windows,
    writing,
)
from benchmarks.bench import Bench
from benchmarks.files import Files
from benchmarks.report import COLUMNS, Row, as_dict, line

GOALS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "1": opening.plain,
    "1b": opening.labelled,
    "2": windows.million,
    "2b": windows.ten_million,
    "2c": windows.unverified,
    "2d": labelled.windows,
    "2e": windows.hundred,
    "3b": cold.first_pass,
    "4": packed.unpacked,
    "5": statistics.intervals,
    "6": statistics.snapped,
    "6b": statistics.exact,
    "touch": statistics.first_touch,
    "acc": levels.accuracy,
    "flat": levels.flat,
    "index": sidecar.building,
    "side": sidecar.columns,
    "7": reductions.raw,
    "8": reductions.threads,
    "8b": reductions.distributed,
    "9": writing.float32,
    "9b": writing.zarr_float32,
    "exp": exporting.csv,
    "dec": decimation.min_max,
    "jls1": jls1.reading,
    "mini": miniscope.decoding,
    "mem": miniscope.memory,
    "tile": explorer.tiles,
    "lab": explorer.in_jupyterlab,
    "12": formats.windows,
    "11": startup.first_result,
    "10": capturing.sustained,
    "8h": eight_hours.capture,
    "len": length.independence,
    "3": cold.dropped,
}
"""In the order in which they are measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the goals that were asked for."""
    asked = parser().parse_args(arguments)
    rounds = asked.rounds or (9 if asked.quick else 40)
    rows = []
    with place(asked.directory) as directory:
        files = Files(directory, quick=asked.quick)
        print(line(COLUMNS))
        try:
            for row in measure(asked.only or GOALS, Bench(files, rounds)):
                print(line(row.cells()), flush=True)
                rows.append(row)
        finally:
            if not asked.keep:
                files.remove()
    if asked.json:
        asked.json.write_text(json.dumps([as_dict(row) for row in rows], indent=1), encoding="utf-8")
    short = sum(row.verdict == "SHORT" for row in rows)
    print(f"{sum(row.target is not None for row in rows)} goals, {short} short; {rounds} rounds")
    return 0


def measure(goals: Sequence[str] | dict[str, object], bench: Bench) -> Iterator[Row]:
    """Yield the rows of all goals, as they come; say on stderr how long each took."""
    for goal in goals:
        started = time.monotonic()
        yield from GOALS[goal](bench)
        load = os.getloadavg()[0]
        print(f"goal {goal}: {time.monotonic() - started:.1f} s, load {load:.1f}", file=sys.stderr, flush=True)


@contextmanager
def place(directory: Path | None) -> Iterator[Path]:
    """Yield the directory that was asked for, or one that is removed afterwards."""
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        yield directory
    else:
        with tempfile.TemporaryDirectory(prefix="xjls-benchmarks-") as made:
            yield Path(made)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.add_argument("--only", nargs="+", choices=list(GOALS), metavar="GOAL", help=f"some of: {', '.join(GOALS)}")
    made.add_argument("--quick", action="store_true", help="smaller files and fewer rounds: under a minute")
    made.add_argument("--rounds", type=int, help="interleaved rounds (40, quick 9); five times as many of what is fast")
    made.add_argument("--directory", type=Path, help="where to put 8 GB of files; a temporary directory otherwise")
    made.add_argument("--keep", action="store_true", help="keep the files there, to be used again")
    made.add_argument("--json", type=Path, help="write the rows to this file as well")
    return made


if __name__ == "__main__":
    sys.exit(main())
