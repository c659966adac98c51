"""Interleaved rounds: every way is timed once a round, in alternating order, and only ratios inside a round count.

A shared machine changes its speed by a factor of two within seconds; what is measured within the same millisecond, in
either order, changes together. A timed call stays below a few milliseconds where it can, for a longer one loses the
processor to others more often and would flatter the shorter one. The warm-up, garbage collection and whatever prepares
a call stay outside the timing.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

Call: TypeAlias = Callable[[], object]
Way: TypeAlias = Callable[[], AbstractContextManager[Call]]
"""Prepares a call, gives it to be timed, and cleans up behind it."""


def steady(call: Call) -> Way:
    """Return a way that needs no preparation."""
    return lambda: nullcontext(call)


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds a call of each way, one figure a round."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    """Processor time of this process: steadier than wall time on shared cores, blind to waiting."""

    def speed(self, ours: str, base: str) -> list[float]:
        """Return how many times as fast as the base we were, round by round."""
        return [b / a for a, b in zip(self.wall[ours], self.wall[base], strict=True)]

    def speed_cpu(self, ours: str, base: str) -> float:
        """Return the same by processor time, the median of the rounds."""
        return statistics.median(b / a for a, b in zip(self.cpu[ours], self.cpu[base], strict=True))

    def speed_best(self, ours: str, base: str) -> float:
        """Return the same between the best rounds of each: for what waits on a disk."""
        return min(self.wall[base]) / min(self.wall[ours])


def interleave(ways: Mapping[str, Way], rounds: int, *, calls: int = 1, warm_up: int = 1) -> Timings:
    """Time every way once a round.

    Parameters
    ----------
    ways
        What to compare.
    rounds
        How often, after ``warm_up`` rounds that do not count.
    calls
        How many calls one timed call consists of.
    """
    timings = Timings({name: [] for name in ways}, {name: [] for name in ways})
    names = list(ways)
    with no_collection():
        for turn in range(-warm_up, rounds):
            for name in names if turn % 2 else reversed(names):
                wall, cpu = time_once(ways[name])
                if turn >= 0:
                    timings.wall[name].append(wall / calls)
                    timings.cpu[name].append(cpu / calls)
    return timings


def time_once(way: Way) -> tuple[float, float]:
    """Return wall and processor seconds of one call."""
    with way() as call:
        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        call()
        wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    return wall / 1e9, cpu / 1e9


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector out of the timing."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


class Windows:
    """Random windows of one length; all ways read the same ones, but none finds what another has just left in a cache.

    Parameters
    ----------
    total, length
        Samples of the signal, and of a window.
    count
        How many there are: enough of them that together they do not fit in a cache.
    calls
        How many are read in one timed call.
    """

    def __init__(self, total: int, length: int, *, count: int = 64, calls: int = 1) -> None:
        self.length = length
        self.calls = calls
        self._starts = np.random.default_rng(length).integers(0, total - length, count).tolist()
        self._taken = 0

    def way(self, read: Callable[[int, int], object]) -> Way:
        """Return the way that reads the next windows by ``read(start, stop)``; all of them are read once before."""
        for start in self._starts:
            read(start, start + self.length)
        turn = self._taken * 5 % len(self._starts)
        self._taken += 1
        stream = itertools.cycle(self._starts[turn:] + self._starts[:turn])

        def batch() -> None:
            for start in itertools.islice(stream, self.calls):
                read(start, start + self.length)

        return steady(batch)

    def check(self, read: Callable[[int, int], np.ndarray], true: Callable[[int, int], np.ndarray]) -> None:
        """Raise unless both give the same samples."""
        for start in self._starts[:5]:
            if not np.array_equal(read(start, start + self.length), true(start, start + self.length)):
                raise RuntimeError(f"the results differ in samples {start}:{start + self.length}")


def repeated(function: Callable[..., object], *arguments: object, calls: int) -> Way:
    """Return the way that makes the same call several times."""

    def batch() -> None:
        for _ in range(calls):
            function(*arguments)

    return steady(batch)
