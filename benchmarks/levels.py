"""What answers from the levels are worth: how near the truth they are, and that they cost the same at any length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

import numpy as np
import pyjls

from benchmarks.bench import Bench
from benchmarks.files import BLOCK, FLOATS, RATE_HZ, define
from benchmarks.report import Row, Target, at_most, longer
from benchmarks.timing import Timings, interleave, repeated, steady
from xjls import open_recording
from xjls.model.recording import Recording
from xjls.testing import SparseTruth, write_sparse

COLUMNS = 2000
BURSTS_S = 10
NOISE = 0.03
"""Of the current itself: a deviation far smaller than the mean is lost in the entries' own digits, as float32."""
LENGTHS = tuple(10**power for power in range(6, 11))
NAME, NUMBER = "current", FLOATS["current"][0]
CALLS = 20

Ask: TypeAlias = Callable[[Recording], object]
Truths: TypeAlias = Mapping[str, SparseTruth]
"""Recordings by their length."""


def accuracy(bench: Bench) -> Iterator[Row]:
    """Compare columns of a sleeping device's current with what NumPy says of the samples in float64.

    A figure is the error of the worst column, relative to the column's own true value: in ppm, pyjls's in multiples.
    """
    with bursts(bench.files.directory / "bursts.jls") as path:
        with open_recording(path) as recording:
            samples = recording.read(NAME)
        everything, second = (0, len(samples) // COLUMNS * COLUMNS), (len(samples) // 2, len(samples) // 2 + RATE_HZ)
        for words, (start, stop) in (("all", everything), ("1 s", second)):
            truth = true_columns(samples[start:stop])
            for side, answer, unit, target in (("", by_xjls, "ppm", at_most(1)), (" by pyjls", by_pyjls, "×", None)):
                began = perf_counter()
                found = answer(path, start, stop)
                took = perf_counter() - began
                errors = (np.abs(found / truth - 1).max(axis=1) * (1e6 if unit == "ppm" else 1)).tolist()
                for statistic, error in zip(("mean", "std", "min", "max"), errors, strict=True):
                    yield Row(
                        goal="acc", what=f"worst {statistic} of {COLUMNS} columns{side}, {words}",
                        base="NumPy, float64", ours_s=took, value=error, low=error, high=error, unit=unit,
                        target=target,
                    )  # fmt: skip


@contextmanager
def bursts(path: Path) -> Iterator[Path]:
    """Write a current as low-power devices have it: some µA asleep, and short bursts of tens of mA."""
    rng = np.random.default_rng(7)
    with pyjls.Writer(str(path)) as writer:
        define(writer)
        for start in range(0, BURSTS_S * RATE_HZ, BLOCK):
            values = np.full(BLOCK, 2.5e-6)
            for at, length, height in zip(
                rng.integers(0, BLOCK, 3), rng.integers(20, 20_000, 3), rng.uniform(0.01, 0.095, 3), strict=True
            ):
                values[at : at + length] += height
            values *= rng.normal(1, NOISE, BLOCK)
            writer.fsr(NUMBER, start, values.astype(np.float32))
    try:
        yield path
    finally:
        path.unlink()


def true_columns(samples: np.ndarray) -> np.ndarray:
    """Return mean, std, min and max of equal columns, shape (4, column), by NumPy in float64."""
    columns = samples.reshape(COLUMNS, -1).astype(np.float64)
    return np.stack([columns.mean(1), columns.std(1), columns.min(1), columns.max(1)])


def by_xjls(path: Path, start: int, stop: int) -> np.ndarray:
    """Return the same by xjls: the columns that were asked for, exactly."""
    with open_recording(path) as recording:
        found = recording.columns(NAME, (start, stop), COLUMNS)
    if not found.exact or found.snapped:
        raise RuntimeError(f"these are other columns than those that were asked for: {found}")
    return np.stack([found.mean, found.std, found.min, found.max])


def by_pyjls(path: Path, start: int, stop: int) -> np.ndarray:
    """Return the same by pyjls, all columns in one call: approximate."""
    with pyjls.Reader(str(path)) as reader:
        found: np.ndarray = reader.fsr_statistics(NUMBER, start, (stop - start) // COLUMNS, COLUMNS).T
    return found


def flat(bench: Bench) -> Iterator[Row]:
    """Ask for the statistics and for the columns of whole recordings of 10⁶ to 10¹⁰ samples.

    The samples are not looked at for NaN, which alone grows with them. Columns of 10⁶ samples need one level only, and
    their blocks fit in a cache; from there on, each is answered from more of them.
    """
    with sparse(bench.files.directory) as truths:
        for what, ask, calls, target in (
            ("statistics of all", statistics, CALLS, at_most(2)), (f"{COLUMNS} columns of all", columns, 1, None),
        ):  # fmt: skip
            yield from steadily(truths, what, ask, bench.many, calls, target)
            yield from at_first(truths, f"open + {what}", ask, bench.few)


def steadily(truths: Truths, what: str, ask: Ask, rounds: int, calls: int, target: Target | None) -> Iterator[Row]:
    """Compare recordings that have answered before."""
    with ExitStack() as stack:
        opened = {name: stack.enter_context(open_recording(truth.path)) for name, truth in truths.items()}
        ways = {name: repeated(ask, recording, calls=calls) for name, recording in opened.items()}
        yield from by_length(what, interleave(ways, rounds, calls=calls), target)


def at_first(truths: Truths, what: str, ask: Ask, rounds: int) -> Iterator[Row]:
    """Compare recordings that are opened for it."""

    def opened(path: Path) -> None:
        with open_recording(path) as recording:
            ask(recording)

    ways = {name: steady(partial(opened, truth.path)) for name, truth in truths.items()}
    yield from by_length(what, interleave(ways, rounds), None)


def by_length(what: str, timings: Timings, target: Target | None) -> Iterator[Row]:
    """Yield how many times as long as the shortest recording the others take."""
    base, *longer_ones = timings.wall
    for name in longer_ones:
        yield longer("flat", f"{name} samples: {what}", timings, base, target, ours=name)


@contextmanager
def sparse(directory: Path) -> Iterator[Truths]:
    """Write recordings of all lengths in which whatever these questions need is there."""
    truths = {}
    for samples in LENGTHS:
        questions = [(1, samples - 1, 1), (0, samples, COLUMNS)]
        truths[power_of_ten(samples)] = write_sparse(directory / f"flat-{samples}.jls", samples, columns=questions)
    try:
        yield truths
    finally:
        for truth in truths.values():
            truth.path.unlink()


def power_of_ten(samples: int) -> str:
    """Return a power of ten as text."""
    return "10" + str(len(str(samples)) - 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def statistics(recording: Recording) -> object:
    """Ask for the statistics of all but the ragged ends."""
    stop = recording.signal(NAME).length - 1
    return recording.statistics(NAME, (1, stop), nans="trust")


def columns(recording: Recording) -> object:
    """Ask for the columns of all."""
    return recording.columns(NAME, None, COLUMNS, nans="trust")
