"""Captures that last: a simulated device in real time into a store, which one process follows and another thread shows.

A case is a process of its own. Shares are those of the capture's own threads; who looks is counted apart. The
simulator copies from a table: what its thread takes is mostly the ring's. Beside the share stands what `write` takes
for the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from benchmarks.bench import Bench
from benchmarks.report import Row, Target, at_most
from xjls import LostSamplesError, open_recording
from xjls.capturing.plan import plan_of
from xjls.capturing.run import open_session
from xjls.capturing.session import Session

MANY_ROUNDS = 20
"""Below these, a run is a quick one."""
LONG_S, SHORT_S = 60, 4
WARM_S = 1.5
"""In which kernels are loaded and pages are touched; it is not counted."""
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """What is captured, and what it may cost."""

    name: str
    device: str
    rate: float
    signals: tuple[str, ...]
    goal: float
    """Per cent of a core."""


JS110 = ("current", "voltage", "power", "current_range", "gpi[0]", "gpi[1]")
CASES = (
    Case("JS110, 2 MS/s, 6 signals, 30 MB/s", "sim?model=joulescope", 2e6, JS110, 5),
    Case("62.5 MS/s of int16, 125 MB/s", "sim?model=picoscope", 62.5e6, ("channel_a",), 25),
    Case("125 MS/s of int16, 250 MB/s", "sim?model=picoscope", 125e6, ("channel_a",), 50),
)
STORES = (".zarr", ".jls", ".hdf5")


def sustained(bench: Bench) -> Iterator[Row]:
    """Every case into every format that can hold it."""
    seconds = LONG_S if bench.rounds >= MANY_ROUNDS else SHORT_S
    for case in CASES:
        for store in STORES:
            if store != ".hdf5" or len(case.signals) == 1:
                yield from rows(case, store, measured(case, store, bench.files.directory, seconds), seconds)


def rows(case: Case, store: str, found: dict[str, float], seconds: float) -> Iterator[Row]:
    """Return what there is to say of a case."""
    what = f"{case.name} to {store}"
    yield figure(f"{what}, {seconds} s: share of a core", found["share"], "%", at_most(case.goal))
    yield figure("   ring and device alone", found["ring_share"], "%", at_most(3) if case.goal == 25 else None)
    yield figure("   processor time, of that of write()", found["of_write"], "×")
    yield figure("   samples lost", found["lost"], "", at_most(0))
    yield figure("   longest lag", found["most_lag_s"], "s")
    yield figure("   of the ring used at most", found["most_queued"] * 100, "%")
    yield figure("   memory, above that after a second", found["grown_mb"], "MB")
    yield figure("   who looks at the last seconds", found["viewer_share"], "%")
    yield figure("   looks of a follower in another process", found["looks"], "")


def figure(what: str, value: float, unit: str, target: Target | None = None) -> Row:
    """Return one figure."""
    return Row(goal="10", what=what, ours_s=0.0, value=value, low=value, high=value, unit=unit, target=target)


def measured(case: Case, store: str, directory: Path, seconds: float) -> dict[str, float]:
    """Run a case in a process of its own, and return what it found."""
    with TemporaryDirectory(dir=directory) as place:
        command = [sys.executable, "-m", "benchmarks.capturing", case.name, f"{place}/run{store}", str(seconds)]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def main(name: str, path: str, seconds: float) -> None:
    """Capture, and print what was found."""
    case = next(case for case in CASES if case.name == name)
    plan = plan_of({
        "device": case.device, "store": path, "rate": case.rate, "signals": case.signals,
        "duration": seconds + WARM_S,
    })  # fmt: skip
    with followed(path) as looks:
        found = watched(open_session(plan), seconds)
        found["looks"] = looks()
    plain = plain_write(Path(path).parent / "plain", int(found["n_bytes"] * seconds / (seconds + WARM_S)))
    found["of_write"] = found["share"] * seconds / 100 / plain
    print(json.dumps(found))


def watched(session: Session, seconds: float) -> dict[str, float]:
    """Run a session, and take down what it costs once it is warm; somebody looks at the last seconds meanwhile."""
    process, looking = psutil.Process(), threading.Event()
    session.start()
    time.sleep(WARM_S)
    before, memory = thread_seconds(), process.memory_info().rss
    viewer = threading.Thread(target=view, args=(session, looking), name="viewer")
    viewer.start()
    most = memory
    began = time.monotonic()
    while time.monotonic() - began < seconds - 0.5:
        time.sleep(0.1)
        most = max(most, process.memory_info().rss)
    after, took_s = thread_seconds(), time.monotonic() - began
    looking.set()
    viewer.join()
    outcome = session.wait()
    share = {name: (seconds - before.get(name, 0.0)) / took_s * 100 for name, seconds in after.items()}
    return {
        "share": sum(used for name, used in share.items() if name.startswith("xjls ")),
        "ring_share": share["xjls device"], "viewer_share": share["viewer"],
        "lost": outcome.counts.lost, "most_lag_s": outcome.counts.most_lag_s,
        "most_queued": outcome.counts.most_queued, "n_bytes": outcome.counts.n_bytes,
        "grown_mb": (most - memory) / 1e6,
    }  # fmt: skip


def thread_seconds() -> dict[str, float]:
    """Return the processor time of each thread so far, by its name."""
    clocks = {thread.name: time.pthread_getcpuclockid(thread.ident) for thread in threading.enumerate() if thread.ident}
    return {name: time.clock_gettime(clock) for name, clock in clocks.items()}


def view(session: Session, stop: threading.Event) -> None:
    """Ask for a thousand columns of the last seconds, ten times a second, as a screen does."""
    while not stop.wait(0.1):
        recording = session.recording
        for name in list(recording.signals)[:3]:
            with suppress(LostSamplesError):  # what is asked for may give way to newer samples meanwhile
                recording.columns(name, n=1000, nans="trust")


@contextmanager
def followed(path: str) -> Iterator[Callable[[], int]]:
    """Let another process follow a store; give what tells how often it looked."""
    follower = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.capturing", "follow", path], stdout=subprocess.PIPE, text=True
    )
    try:
        yield lambda: int(follower.communicate(timeout=60)[0])
    finally:
        follower.kill()
        follower.wait()


def follow(path: str) -> None:
    """Follow a store until it is closed, and ask for the mean of all that is new; print how often there was some."""
    while not Path(path).exists() or not open_quietly(path):
        time.sleep(0.05)
    looks = 0
    with open_recording(path) as recording:
        for windows in recording.follow(interval_s=0.2, timeout_s=20):
            for name, window in windows.items():
                looks += recording.statistics(name, window).count > 0
    print(looks)


def open_quietly(path: str) -> bool:
    """Return whether a store opens already."""
    try:
        open_recording(path).close()
    except (OSError, ValueError):
        return False
    return True


def plain_write(path: Path, n_bytes: int) -> float:
    """Return the processor time of writing so many bytes, a megabyte at a time."""
    piece = np.random.default_rng(0).integers(0, 255, PIECE_BYTES, np.uint8)
    with path.open("wb", buffering=0) as file:
        began = time.process_time()
        for _ in range(n_bytes // PIECE_BYTES):
            file.write(piece)
        took = time.process_time() - began
    path.unlink()
    return took


if __name__ == "__main__":
    arguments: Sequence[str] = sys.argv[1:]
    if arguments[0] == "follow":
        follow(arguments[1])
    else:
        main(arguments[0], arguments[1], float(arguments[2]))
