"""Goals mini and mem: a miniscope's stream of 114 MB against mio, memcpy and a plain read, and one of 4 GB in memory.

mio runs in an environment of its own, as ``python -m tests.campaigns.mio_oracle --make DIR`` makes it: name its
interpreter in ``XJLS_MIO_PYTHON``. It is given less, and its seconds are taken for as many bytes as ours. What counts
is its decoding alone, from bytes in memory to frames that nobody writes: by its pipeline, as its users run it, and by
the nodes of that, called in a loop of ours.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import xjls
from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.miniscope_stream import BATCH, CONFIG, LongStream
from benchmarks.report import Row, Target, at_least, at_most, faster
from benchmarks.timing import Timings, interleave, steady, time_once

MIO = "XJLS_MIO_PYTHON"
DRIVER = Path(__file__).parents[1] / "tests" / "campaigns" / "mio_driver.py"
MANY_ROUNDS = 20
"""Below these, a run is a quick one."""
FRAMES, FEWER = 10 * BATCH, 3 * BATCH
LONG, SHORTER = 380 * BATCH, 40 * BATCH
OPTIONS = {"config": "wireless-200px"}
MEGABYTE = 1e6


def decoding(bench: Bench) -> Iterator[Row]:
    """Yield the rows of a stream that is in memory."""
    stream, path = LongStream(), bench.files.directory / "stream.bin"
    small = path.with_name("stream-mio.bin")
    try:
        frames = stream.write(path, FRAMES if bench.rounds >= MANY_ROUNDS else FEWER)
        page_cache.fill(path)
        out = np.empty((frames, CONFIG.frame_height, CONFIG.frame_width), np.uint8)
        check(decode(path, out), stream.pixels)
        if os.environ.get(MIO):
            stream.write(small, BATCH)
            yield from against_mio(bench, path, small, out)
        else:
            print(f"mini: mio is not there; name an interpreter that has it in {MIO}", file=sys.stderr)
        yield from against_machine(bench, path, out)
    finally:
        for made in (path, small):
            made.unlink(missing_ok=True)


def against_mio(bench: Bench, path: Path, small: Path, out: np.ndarray) -> Iterator[Row]:
    """Yield how many times as fast as mio all frames are decoded, opening included."""
    names = {"pipeline": "mio's pipeline", "nodes": "mio's nodes"}
    timings = Timings(*({name: [] for name in ("xjls", *names.values())} for _ in ("wall", "cpu")))
    more = path.stat().st_size / small.stat().st_size
    for _ in range(max(3, bench.few // 3)):
        told = mio_seconds(small)
        ours = [time_once(steady(lambda: decode(path, out))) for _ in range(3)]
        timings.wall["xjls"].append(float(np.median([wall for wall, _ in ours])))
        timings.cpu["xjls"].append(float(np.median([cpu for _, cpu in ours])))
        for way, name in names.items():
            wall, cpu = told[way][0]
            timings.wall[name].append(wall * more)
            timings.cpu[name].append(cpu * more)
    size = f"{path.stat().st_size / MEGABYTE:.0f} MB"
    yield faster("mini", f"open, decode all frames, {size}", timings, "mio's pipeline", at_least(20))
    yield faster("mini", f"open, decode all frames, {size}", timings, "mio's nodes")


def mio_seconds(path: Path) -> dict:
    """Return how long mio takes, and hold it to have made all frames but the last."""
    with tempfile.TemporaryDirectory(prefix="xjls-mio-") as home:
        config = Path(home) / "stream.yaml"
        config.write_text(CONFIG.yaml(), encoding="utf-8")
        command = [os.environ[MIO], DRIVER, "time", path, config, "1"]
        places = {"HOME": home, "XDG_RUNTIME_DIR": home}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MIO_", "PYTHON"))}
        told = subprocess.run(
            command, check=True, env=kept | places, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    found = json.loads(told.stdout)
    if found["frames"] < BATCH - 2:
        raise RuntimeError(f"mio made {found['frames']} frames of {BATCH}")
    return found


def against_machine(bench: Bench, path: Path, out: np.ndarray) -> Iterator[Row]:
    """Yield rows against what the machine can do at best with as many bytes."""
    size = f"{path.stat().st_size / MEGABYTE:.0f} MB"
    ways = {
        "xjls": steady(lambda: opened(path).close()),
        "np.fromfile": steady(lambda: np.fromfile(path, np.uint8)),
    }
    yield faster("mini", f"open: all {size} looked through", interleave(ways, bench.few), "np.fromfile")
    with opened(path) as recording:
        copied = np.empty_like(out)
        ways = {
            "xjls": steady(lambda: recording.read("image", out=out)),
            "memcpy": steady(lambda: np.copyto(copied, out)),
        }
        yield faster("mini", f"read all frames, {out.nbytes / MEGABYTE:.0f} MB", interleave(ways, bench.few), "memcpy")
        plain = out.tobytes()
        ways = {
            "xjls": steady(random_frames(len(out), lambda at: recording.read("image", (at, at + 1)), recording)),
            "np.frombuffer": steady(random_frames(len(out), lambda at: frame_of(plain, at))),
        }
        timings = interleave(ways, bench.many)
        for seconds in (*timings.wall.values(), *timings.cpu.values()):
            seconds[:] = [one / PICKED for one in seconds]
        yield faster("mini", "a random frame", timings, "np.frombuffer")


PICKED = 32
"""Random frames of one timed call."""


def random_frames(
    frames: int, read: Callable[[int], object], recording: xjls.Recording | None = None
) -> Callable[[], None]:
    """Return a call that reads some frames, other ones each time."""
    rng, first = np.random.default_rng(7), recording.signal("image").first_id if recording else 0

    def call() -> None:
        for at in rng.integers(0, frames, PICKED).tolist():
            read(first + at)

    return call


def frame_of(plain: bytes, at: int) -> np.ndarray:
    """Return a copy of a frame that lies in memory as it is."""
    shape = (CONFIG.frame_height, CONFIG.frame_width)
    return np.frombuffer(plain, np.uint8, shape[0] * shape[1], at * shape[0] * shape[1]).reshape(shape).copy()


def opened(path: Path) -> xjls.Recording:
    """Open a stream: all of it is looked through."""
    return xjls.open_recording(path, format="miniscope", format_options=OPTIONS)


def decode(path: Path, out: np.ndarray) -> np.ndarray:
    """Go from a file to all its frames."""
    with opened(path) as recording:
        return recording.read("image", out=out)


def check(read: np.ndarray, pixels: np.ndarray) -> None:
    """Raise unless frames are those that were written."""
    if not all(np.array_equal(read[at : at + BATCH], pixels) for at in range(0, len(read), BATCH)):
        raise RuntimeError("frames differ from those that were written")


# ---- memory --------------------------------------------------------------------------------------------------------


def memory(bench: Bench) -> Iterator[Row]:
    """Yield the peak of memory of a process that opens a long stream and reads all its frames in pieces."""
    path = bench.files.directory / "stream-long.bin"
    try:
        LongStream().write(path, LONG if bench.rounds >= MANY_ROUNDS else SHORTER)
        command = [sys.executable, "-m", "benchmarks.miniscope", str(path)]
        told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    finally:
        path.unlink(missing_ok=True)
    size = f"{told['bytes'] / 1e9:.1f} GB"
    yield peak(f"opened {size}, {told['frames']:,} frames", told["open_s"], told["opened"], at_most(400))
    yield peak(f"read all frames of {size}", told["read_s"], told["read"], at_most(400))
    yield peak("the same, pages of the file among it", told["read_s"], told["resident"], None)


def peak(what: str, seconds: float, megabytes: float, target: Target | None) -> Row:
    """Return a row of memory."""
    return Row(
        goal="mem", what=what, base="peak of the process", ours_s=seconds, value=megabytes, low=megabytes,
        high=megabytes, unit="MB", target=target,
    )  # fmt: skip


def measured(path: Path) -> dict[str, float]:
    """Open a stream, read it in pieces, and return the peaks of memory in MB; in a process of its own."""
    started, peaks = time.monotonic(), [anonymous()]
    with opened(path) as recording:
        opening, signal = time.monotonic() - started, recording.signal("image")
        resident_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        out = np.empty((BATCH, *signal.sample_shape), signal.dtype)
        peaks.append(anonymous())
        pixels = LongStream().pixels
        for at in range(signal.first_id, signal.first_id + signal.length, BATCH):
            recording.read("image", (at, at + BATCH), out=out)
            check(out, pixels)
            peaks.append(anonymous())
    return {
        "bytes": path.stat().st_size, "frames": signal.length, "open_s": opening, "opened": peaks[1],
        "read_s": time.monotonic() - started - opening, "read": max(peaks), "resident_opened": resident_peak / 1e3,
        "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }  # fmt: skip


def anonymous() -> float:
    """Return the memory that this process has and no file gives back, MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (told,) = (line.split()[1] for line in lines if line.startswith("RssAnon"))
    return int(told) / 1e3


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))
