"""Goal jls1: a recording of raw words in JLS v1, 400 MB, against Joulescope's own reader and a plain read of its bytes.

Of ours, records are verified already, but in the first row. Joulescope's reader keeps the record that it read last, so
every round asks for other windows. Increments above a reduction are multiples of it: at others it gives other spans
than those asked for. Of shorter spans it is given fewer, in proportion: rates are compared.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

import xjls
from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.report import Row, at_least, faster
from benchmarks.timing import Timings, Way, interleave, steady
from xjls.compat.joulescope import DataReader

os.environ.setdefault("JOULESCOPE_BACKEND", "none")
from joulescope.data_recorder import DataReader as Original
from joulescope.data_recorder import DataRecorder
from joulescope.v0.calibration import Calibration
from joulescope.v0.stream_buffer import StreamBuffer

MILLION = 1_000_000
SAMPLES, FEWER = 100 * MILLION, 20 * MILLION
MANY_ROUNDS = 20
"""Below these, a run is a quick one."""
PIECE = 100_000
"""Samples that are recorded at a time."""
DWELL = 30_011
"""Samples between two switches of ranges."""
SHORT = {1: (400_000, 400_000), 10: (400_000, 1_000), 100: (4 * MILLION, 20_000), 2_000: (16 * MILLION, 400_000)}
"""Samples that are reduced by ours, and by the original, at each increment."""
WHOLE = (20_000, 100_000)
LENGTHS = {"10 k": 10_000, "1 M": MILLION, "16 M": 16 * MILLION}

Read = Callable[[int, int], object]


def reading(bench: Bench) -> Iterator[Row]:
    """Yield all rows."""
    samples = SAMPLES if bench.rounds >= MANY_ROUNDS else FEWER
    with quiet(), written(bench.files.directory, samples) as path, ExitStack() as stack:
        reader = stack.enter_context(DataReader().open(path))
        original = Original().open(str(path))
        stack.callback(original.close)
        yield from plain(bench, path)
        reader.samples_get(fields="current")  # verifies all records; the original does so at each read
        for what, length in LENGTHS.items():
            timings = compare(bench, samples, length, length, current_of(reader), current_of(original))
            yield faster("jls1", f"samples_get of current, {what}", timings, "joulescope", at_least(10))
        for increment, (ours, theirs) in SHORT.items():
            reads = [rows_of(one, increment) for one in (reader, original)]
            timings = compare(bench, samples, ours, theirs, *reads)
            yield faster("jls1", f"data_get, increment {increment}", timings, "joulescope", at_least(50))
        for increment in WHOLE:
            reads = [rows_of(one, increment) for one in (reader, original)]
            timings = compare(bench, samples, samples, samples, *reads)
            yield faster("jls1", f"data_get, increment {increment}, all", timings, "joulescope", at_least(50))
        for what, length in (("all", samples), ("random", samples // 3 + 7)):
            reads = [lambda start, stop, one=one: one.statistics_get(start, stop) for one in (reader, original)]
            timings = compare(bench, samples, length, length, *reads)
            yield faster("jls1", f"statistics_get, {what}", timings, "joulescope")


def plain(bench: Bench, path: Path) -> Iterator[Row]:
    """Yield rows of the whole file: current, against its bytes read into a new array."""
    for way, target in (("off", at_least(0.3)), ("normal", None)):
        with xjls.open_recording(path, format_options={"suppress": way}) as recording:
            ways = {
                "xjls": steady(lambda recording=recording: recording.read("current")),
                "np.fromfile": steady(lambda: np.fromfile(path, np.uint8)),
            }
            timings = interleave(ways, bench.few)
        yield faster("jls1", f'all of current, suppress="{way}"', timings, "np.fromfile", target)


def compare(bench: Bench, total: int, ours: int, theirs: int, read: Read, original: Read) -> Timings:
    """Time reads of windows that no reader has seen just before, in seconds for as many samples as ours."""
    ways = {"xjls": windows(total, ours, read), "joulescope": windows(total, theirs, original)}
    timings = interleave(ways, bench.few)
    for seconds in (timings.wall, timings.cpu):
        seconds["joulescope"] = [one * ours / theirs for one in seconds["joulescope"]]
    return timings


def windows(total: int, length: int, read: Read) -> Way:
    """Return the way that reads the next of some windows; the whole has one only."""
    starts = np.random.default_rng(length).integers(0, total - length + 1, 64).tolist()
    stream = itertools.cycle(starts)

    def call() -> None:
        start = next(stream)
        read(start, start + length)

    return steady(call)


def current_of(reader: DataReader | Original) -> Read:
    return lambda start, stop: reader.samples_get(start, stop, fields=["current"])


def rows_of(reader: DataReader | Original, increment: int) -> Read:
    return lambda start, stop: reader.data_get(start, stop, increment)


@contextmanager
def written(directory: Path, samples: int) -> Iterator[Path]:
    """Let Joulescope record switches of ranges and missing samples; have the file in memory, and remove it again."""
    path, calibration = directory / "raw.jls", Calibration()
    calibration.current_offset[:7], calibration.current_gain[:7] = -2810, 10.0 ** -np.arange(3, 10)
    calibration.voltage_offset[:2], calibration.voltage_gain[:2] = -1150.6, 9.468e-4
    calibration.serial_number, calibration.data = "00" * 16, b""
    calibration.data = calibration.save()
    buffer = StreamBuffer(2.0, [200, 100], 2_000_000)
    buffer.calibration_set(
        calibration.current_offset, calibration.current_gain, calibration.voltage_offset, calibration.voltage_gain
    )
    try:
        recorder = DataRecorder(str(path), calibration=calibration)
        recorder.stream_notify(buffer)
        for start in range(0, samples, PIECE):
            buffer.insert_raw(words(start, PIECE))
            buffer.process()
            recorder.stream_notify(buffer)
        recorder.close()
        page_cache.fill(path)
        yield path
    finally:
        path.unlink(missing_ok=True)


def words(start: int, count: int) -> np.ndarray:
    """Return what an instrument sends."""
    rng, index = np.random.default_rng(start), np.arange(start, start + count)
    made = np.empty((count, 2), np.uint16)
    ranges = index // DWELL % 7
    made[:, 0] = rng.integers(3_000, 9_000, count) << 2 | ranges & 3
    made[:, 1] = rng.integers(4_000, 5_000, count) << 2 | (index & 1) << 1 | ranges >> 2
    made[index % 70_001 < 30] = 0xFFFF
    return made


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the original logs out of the table."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
