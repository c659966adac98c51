"""A capture of eight hours in simulated time, with every flush of them: does it take more memory, or longer to open?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.bench import Bench
from benchmarks.capturing import figure
from benchmarks.report import Row, at_most, longer
from benchmarks.timing import interleave, repeated
from xjls import open_recording
from xjls.capturing.registry import open_device
from xjls.capturing.session import Session
from xjls.capturing.target import open_target
from xjls.capturing.until import Until
from xjls.testing.captured import check_captured
from xjls.testing.simulated_time import SimulatedTiming

MANY_ROUNDS = 20
"""Below these, a run is a quick one."""
LONG_S, QUICK_S, SHORT_S = 8 * 3600, 900, 60
RATE_HZ = 2000
RING_BYTES = 1 << 14
"""Less than a second of samples: else the writer would see time jump."""
START_NS = 1_772_359_200_000_000_000
STORES = (".zarr", ".jls", ".hdf5")
CALLS = 5


def capture(bench: Bench) -> Iterator[Row]:
    """Capture for long and for short into each format; compare what it takes to open them."""
    seconds = LONG_S if bench.rounds >= MANY_ROUNDS else QUICK_S
    with TemporaryDirectory(dir=bench.files.directory) as place:
        for store in STORES:
            long, short = f"{place}/long{store}", f"{place}/short{store}"
            found = captured(long, seconds)
            captured(short, SHORT_S)
            what = f"{seconds / 3600:g} h to {store}, {found['flushes']:,.0f} flushes"
            yield figure(f"{what}: memory of the last hour", found["grown_mb"], "MB", at_most(16))
            yield figure("   seconds that it took", found["took_s"], "s")
            yield figure("   bytes written, of those of the samples", found["written"], "×")
            timings = interleave({name: repeated(opened, path, calls=CALLS) for name, path in
                                  (("long", long), ("one minute", short))}, bench.many, calls=CALLS)  # fmt: skip
            yield longer("8h", f"open + describe {store}", timings, "one minute", at_most(1.5), ours="long")


def captured(path: str, seconds: float) -> dict[str, float]:
    """Capture in a process of its own, and return what it found."""
    command = [sys.executable, "-m", "benchmarks.eight_hours", path, str(seconds)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def main(path: str, seconds: float) -> None:
    """Capture, hold what was written to what was sent, and print what was found."""
    model, names = ("picoscope", ["channel_a"]) if path.endswith(".hdf5") else ("joulescope", None)
    device = open_device(f"sim?model={model}&speed=max&start_ns={START_NS}", rate=RATE_HZ, signals=names)
    timing, process = SimulatedTiming(device, START_NS), psutil.Process()
    session = Session(
        device, [open_target(path, device.signals)], until=Until.of(duration=seconds), timing=timing,
        ring_bytes=RING_BYTES,
    )  # fmt: skip
    before, began = process.io_counters().write_bytes, process.cpu_times()
    memory: dict[int, int] = {}
    session.start()
    while not session.has_ended(0.05):
        memory[int(device.delivered_s * 8 / seconds)] = process.memory_info().rss
    ended = process.cpu_times()
    outcome = session.wait()
    if not outcome.is_whole:
        raise RuntimeError(str(outcome))
    with open_recording(path) as recording:
        check_captured(recording)
    print(json.dumps({
        "grown_mb": (memory.get(7, 0) - memory.get(6, memory.get(7, 0))) / 1e6, "flushes": seconds / 0.4,
        "took_s": ended.user + ended.system - began.user - began.system,
        "written": (process.io_counters().write_bytes - before) / outcome.counts.n_bytes,
    }))  # fmt: skip


def opened(path: str) -> None:
    """Open a recording, and look at all its signals."""
    with open_recording(Path(path)) as recording:
        for signal in recording.signals.values():
            if not signal.length:
                raise RuntimeError(f"{path} is empty")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
