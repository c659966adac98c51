"""Goal 11: the first result of a fresh process whose kernels are compiled already, and what stays away until then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from benchmarks.bench import Bench
from benchmarks.report import Row, Target, absolute, at_most

CLOCKS = """
import json, sys, time
def now():
    return time.perf_counter(), time.process_time()
def tell(at, names):
    print(json.dumps({name: [b - a for a, b in zip(*pair)] for name, pair in zip(names, zip(at, at[1:]))}))
"""

STAGES = (
    CLOCKS
    + """
import numpy
at = [now()]
import numba
at.append(now())
numba.njit("int64(int64)")(lambda x: x)  # starts the code generator, which loading any kernel needs
at.append(now())
from xjls import open_recording
recording = open_recording(sys.argv[1])
at.append(now())
recording.read("current", (0, 100))
at.append(now())
recording.read("current", (0, 100))
at.append(now())
tell(at, ("numba", "code generator", "open", "first read", "second read"))
"""
)

WHOLE = (
    CLOCKS
    + """
at = [now()]
import xjls
at.append(now())
recording = xjls.open_recording(sys.argv[1])
repr(recording), repr(recording.signals), repr(recording.clock("current"))
at.append(now())
assert "numba" not in sys.modules, "numba is imported before anything is read"
recording.read("current", (0, 100))
at.append(now())
tell(at, ("import", "open", "read"))
"""
)

XARRAY = """
import sys
import xarray as xr
dataset = xr.open_dataset(sys.argv[1], engine="jls")
repr(dataset), dataset._repr_html_(), dataset.time[5].values, dataset.isel(time=slice(10, 20)).time.values
assert "numba" not in sys.modules, "numba is imported before anything is read"
print("{}")
"""

Stages: TypeAlias = dict[str, tuple[float, float]]
"""Wall and processor seconds of each stage."""


def first_result(bench: Bench) -> Iterator[Row]:
    """Time fresh processes; the first ones fill the caches of compiled kernels and modules.

    Those processes also prove that opening, printing and selecting by time leave numba alone.
    """
    path = bench.files.small
    runs = max(3, bench.rounds // 5)
    run(XARRAY, path), run(STAGES, path)
    stages, whole = [run(STAGES, path) for _ in range(runs)], [run(WHOLE, path) for _ in range(runs)]
    load = [
        {"load": tuple(a - b for a, b in zip(stage["first read"], stage["second read"], strict=True))}
        for stage in stages
    ]
    yield row(load, "load", "first read: loading compiled kernels", at_most(20), base="numba ready")
    yield row(stages, "numba", "import numba alone")
    yield row(stages, "code generator", "start of numba's code generator")
    yield row(whole, "import", "import xjls")
    yield row(whole, "open", "open + repr, without numba")
    yield row(whole, "read", "first read, with numba")


def row(runs: list[Stages], stage: str, what: str, target: Target | None = None, *, base: str = "") -> Row:
    """Return the row of one stage."""
    wall, cpu = zip(*(run[stage] for run in runs), strict=True)
    return absolute("11", what, wall, cpu, "ms", target, base=base)


def run(program: str, path: Path) -> Stages:
    """Run a program in a fresh process, as installed: with compiled modules; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(path.parent / "pycache")
    command = [sys.executable, "-c", program, str(path)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(result.stdout)
