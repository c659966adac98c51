"""Goal 11: the first result of a fresh process whose kernels are compiled already, and what stays away until then."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.report import Row, at_most, duration_row

STAGES = """
import json, sys, time
import numpy
clock = time.perf_counter
at = [clock()]
import numba
at.append(clock())
numba.njit("int64(int64)")(lambda x: x)  # starts the code generator, which loading any kernel needs
at.append(clock())
from xjls import open_recording
recording = open_recording(sys.argv[1])
at.append(clock())
recording.read("current", (0, 100))
at.append(clock())
recording.read("current", (0, 100))
at.append(clock())
names = ("numba", "code generator", "open", "first read", "second read")
print(json.dumps({name: stop - start for name, start, stop in zip(names, at, at[1:])}))
"""

WHOLE = """
import json, sys, time
started = time.perf_counter()
import xjls
imported = time.perf_counter()
recording = xjls.open_recording(sys.argv[1])
repr(recording), repr(recording.signals), repr(recording.clock("current"))
opened = time.perf_counter()
early = "numba" in sys.modules
recording.read("current", (0, 100))
done = time.perf_counter()
print(json.dumps({"import": imported - started, "open": opened - imported, "all": done - started, "early": early}))
"""

XARRAY = """
import json, sys
import xarray as xr
dataset = xr.open_dataset(sys.argv[1], engine="jls")
repr(dataset), dataset._repr_html_(), dataset.time[5].values, dataset.isel(time=slice(10, 20)).time.values
print(json.dumps({"early": "numba" in sys.modules}))
"""


def first_result(bench: Bench) -> Iterator[Row]:
    """Time fresh processes, the first of which may fill the cache of compiled kernels."""
    path = bench.files.small
    runs = max(3, bench.rounds // 5)
    run(WHOLE, path), run(XARRAY, path)
    stages = [run(STAGES, path) for _ in range(runs + 1)][1:]
    load = [stage["first read"] - stage["second read"] for stage in stages]
    yield duration_row("11", "first read: loading compiled kernels", load, "ms", at_most(20), base="numba ready")
    for name, what in (("numba", "import numba alone"), ("code generator", "numba's code generator, its start")):
        yield duration_row("11", what, [stage[name] for stage in stages], "ms", None)
    whole = [run(WHOLE, path) for _ in range(runs)]
    for name, what in (("import", "import xjls"), ("open", "open + repr"), ("all", "first result of a process")):
        yield duration_row("11", what, [one[name] for one in whole], "ms", None)
    early = [float(one["early"]) for one in (*whole, run(XARRAY, path))]
    yield Row(
        goal="11", what="processes that import numba before reading", ours_s=statistics.median(load), value=sum(early),
        low=min(early), high=max(early), unit="", target=at_most(0),
    )  # fmt: skip


def run(program: str, path: Path) -> dict[str, float]:
    """Run a program in a fresh process, as installed: with compiled modules; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(path.parent / "pycache")
    command = [sys.executable, "-c", program, str(path)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(result.stdout)
