"""Goals 5, 6 and 6b: statistics and columns of random windows, from the levels, against pyjls.

Every query is asked by all sides in turn, several rounds, and each side's best round counts: a query of microseconds is
otherwise judged by what the machine did meanwhile. The samples were looked at for NaN before, and blocks that a query
needs were looked up in its first round; `first_touch` is about what that costs. pyjls answers exactly for one column a
call only, so that its exact columns are a loop; its many columns of one call are approximate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from time import perf_counter_ns
from typing import TypeAlias

import numpy as np
import pyjls

from benchmarks import page_cache
from benchmarks.bench import Bench
from benchmarks.files import FLOATS, RATE_HZ
from benchmarks.report import Row, Target, at_least, at_most, faster
from benchmarks.timing import Way, interleave, no_collection, steady
from xjls import open_recording
from xjls.model.recording import Recording
from xjls.query.answer import Nans

COLUMNS = 2000
SHORTEST_S, LONGEST_S = 0.01, 100
"""Of a zoom, in seconds of signal."""
ROUNDS = 9
NAME, NUMBER = "current", FLOATS["current"][0]

Query: TypeAlias = tuple[int, int]
"""Start and stop, in samples."""
Ask: TypeAlias = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Bests:
    """Seconds of the best round of each query, by side."""

    ours: np.ndarray
    base: np.ndarray

    @property
    def ratios(self) -> np.ndarray:
        """How many times as fast as the base we were, query by query."""
        ratios: np.ndarray = self.base / self.ours
        return ratios


class Sides:
    """A recording in memory, opened by both."""

    def __init__(self, path: Path) -> None:
        page_cache.require(path)
        self._recording = open_recording(path)
        self._reader = pyjls.Reader(str(path))
        self.total = self._recording.signal(NAME).length
        self._recording.statistics(NAME, nans="count")

    def statistics(self, start: int, stop: int) -> object:
        """Answer by xjls, exactly."""
        return self._recording.statistics(NAME, (start, stop))

    def columns(self, start: int, stop: int) -> object:
        """Answer by xjls, exactly."""
        return self._recording.columns(NAME, (start, stop), COLUMNS)

    def snapped(self, start: int, stop: int) -> object:
        """Answer by xjls, exactly for columns that begin at the borders of entries."""
        return self._recording.columns(NAME, (start, stop), COLUMNS, snap=True)

    def pyjls_statistics(self, start: int, stop: int) -> np.ndarray:
        """Answer by pyjls: one column is exact."""
        return pyjls_statistics(self._reader, start, stop)

    def pyjls_columns(self, start: int, stop: int) -> np.ndarray:
        """Answer by pyjls: many columns are approximate."""
        return pyjls_columns(self._reader, start, stop)

    def pyjls_loop(self, start: int, stop: int) -> None:
        """Answer by pyjls, column by column: exactly."""
        pyjls_loop(self._reader, start, stop)

    def check(self, queries: Sequence[Query]) -> None:
        """Raise unless both say the same of some windows."""
        for start, stop in queries[:20]:
            ours = self._recording.statistics(NAME, (start, stop))
            theirs = self.pyjls_statistics(start, stop)[0]
            if not np.allclose((ours.mean, ours.std, ours.min, ours.max), theirs, rtol=1e-3, atol=1e-6):
                raise RuntimeError(f"the results differ in samples {start}:{stop}: {ours} and {theirs}")

    def close(self) -> None:
        """Close both."""
        self._recording.close()
        self._reader.close()


@contextmanager
def sides(path: Path) -> Iterator[Sides]:
    """Open both sides, and close them afterwards."""
    opened = Sides(path)
    try:
        yield opened
    finally:
        opened.close()


def intervals(bench: Bench) -> Iterator[Row]:
    """Goal 5: one interval, exactly; from anywhere to anywhere."""
    with sides(bench.files.big) as side:
        queries = random_intervals(side.total, bench.many)
        side.check(queries)
        what = "statistics of random interval"
        bests = best_rounds(queries, side.statistics, side.pyjls_statistics)
        yield median("5", what, bests, "pyjls", at_least(20))
        yield worst("5", what, bests, "pyjls", at_least(4))
        yield percentile("5", what, bests.ours, 99, "µs", at_most(3))
        whole = best_rounds([(0, side.total)], side.statistics, side.pyjls_statistics, 5 * ROUNDS)
        yield median("5", "statistics of all", whole, "pyjls")


def snapped(bench: Bench) -> Iterator[Row]:
    """Goal 6: columns between entries, at the resolution of pyjls's approximate ones."""
    with sides(bench.files.big) as side:
        what = f"{COLUMNS} snapped columns, random zoom"
        bests = best_rounds(zooms(side.total, 2 * bench.rounds), side.snapped, side.pyjls_columns)
        yield median("6", what, bests, "pyjls, approximate", at_least(2))
        yield worst("6", what, bests, "pyjls, approximate", at_least(1))


def exact(bench: Bench) -> Iterator[Row]:
    """Goal 6b: columns of exactly the samples that were asked for."""
    with sides(bench.files.big) as side:
        what = f"{COLUMNS} exact columns, random zoom"
        bests = best_rounds(zooms(side.total, bench.rounds), side.columns, side.pyjls_loop, 7)
        yield median("6b", what, bests, "pyjls, one by one", at_least(20))
        yield worst("6b", what, bests, "pyjls, one by one", at_least(12))
        yield percentile("6b", what, bests.ours, 50, "ms", at_most(1.5))
        yield percentile("6b", what, bests.ours, 99, "ms", at_most(4))
        approximate = best_rounds(zooms(side.total, bench.rounds), side.columns, side.pyjls_columns)
        yield median("6b", what, approximate, "pyjls, approximate")


def first_touch(bench: Bench) -> Iterator[Row]:
    """Open, ask one question, and close: nothing of the file is mapped, looked up, verified or looked at for NaN."""
    path = bench.files.big
    page_cache.require(path)
    with open_recording(path) as recording:
        total = recording.signal(NAME).length
    every: tuple[Nans, ...] = ("trust", "auto", "count")
    for words, window, modes in (
        ("all", (0, total), every), ("a tenth", (0, total // 10), every[:2]),
        ("1 s", (total // 2, total // 2 + RATE_HZ), every[:2]),
    ):  # fmt: skip
        yield from touched(bench, path, window, modes, words)


def touched(bench: Bench, path: Path, window: Query, modes: Sequence[Nans], words: str) -> Iterator[Row]:
    """Compare first questions about a window, by what is done about NaN."""
    columns, snapped = (partial(Recording.columns, n=COLUMNS, snap=snap) for snap in (False, True))
    one_by_one = {"pyjls, one by one": pyjls_loop, "pyjls, approximate": pyjls_columns}
    for what, ours, bases in (
        ("statistics", Recording.statistics, {"pyjls": pyjls_statistics}),
        (f"{COLUMNS} columns", columns, one_by_one),
        (f"{COLUMNS} snapped columns", snapped, {"pyjls, approximate": pyjls_columns}),
    ):
        ways: dict[str, Way] = {}
        for mode in modes:
            ways[mode] = steady(partial(asked_first, path, window, partial(ours, nans=mode)))
        for base, theirs in bases.items():
            ways[base] = steady(partial(pyjls_first, path, window, theirs))
        timings = interleave(ways, bench.few)
        for mode, base in product(modes, bases):
            yield faster("touch", f'first {what}, {words}, "{mode}"', timings, base, ours=mode)


def asked_first(path: Path, window: Query, ask: Callable[[Recording, str, Query], object]) -> None:
    """Open, ask and close by xjls."""
    with open_recording(path) as recording:
        ask(recording, NAME, window)


def pyjls_first(path: Path, window: Query, ask: Callable[[pyjls.Reader, int, int], object]) -> None:
    """Open, ask and close by pyjls."""
    with pyjls.Reader(str(path)) as reader:
        ask(reader, *window)


def pyjls_statistics(reader: pyjls.Reader, start: int, stop: int) -> np.ndarray:
    """Ask for one column: exact."""
    found: np.ndarray = reader.fsr_statistics(NUMBER, start, stop - start, 1)
    return found


def pyjls_columns(reader: pyjls.Reader, start: int, stop: int) -> np.ndarray:
    """Ask for many columns at once: approximate."""
    found: np.ndarray = reader.fsr_statistics(NUMBER, start, (stop - start) // COLUMNS, COLUMNS)
    return found


def pyjls_loop(reader: pyjls.Reader, start: int, stop: int) -> None:
    """Ask for many columns one by one: exact."""
    step = (stop - start) // COLUMNS
    for at in range(start, start + COLUMNS * step, step):
        reader.fsr_statistics(NUMBER, at, step, 1)


# -- queries, and how they are timed -----------------------------------------------------------------------------------


def random_intervals(total: int, count: int) -> list[Query]:
    """Return intervals between two random samples each."""
    ends = np.sort(np.random.default_rng(5).integers(0, total, (count, 2)), axis=1)
    return [(start, stop) for start, stop in ends.tolist() if start < stop]


def zooms(total: int, count: int) -> list[Query]:
    """Return windows of random places and lengths, the lengths evenly spread by their logarithms.

    A length is a multiple of the number of columns: pyjls has no others.
    """
    rng = np.random.default_rng(6)
    longest = min(LONGEST_S * RATE_HZ, total)
    lengths = np.exp(rng.uniform(np.log(SHORTEST_S * RATE_HZ), np.log(longest), count)).astype(np.int64)
    lengths -= lengths % COLUMNS
    starts = rng.integers(0, total - lengths + 1)
    return list(zip(starts.tolist(), (starts + lengths).tolist(), strict=True))


def best_rounds(queries: Sequence[Query], ours: Ask, base: Ask, rounds: int = ROUNDS) -> Bests:
    """Time both sides in turn, and keep each one's best round of every query; one round before does not count."""
    with no_collection():
        found = [best_round({"ours": ours, "base": base}, query, rounds) for query in queries]
    return Bests(*(np.array([best[side] for best in found]) for side in ("ours", "base")))


def best_round(asks: Mapping[str, Ask], query: Query, rounds: int) -> dict[str, float]:
    """Return the seconds of each side's best round of one query."""
    best = dict.fromkeys(asks, np.inf)
    names = list(asks)
    for turn in range(-1, rounds):
        for name in names if turn % 2 else reversed(names):
            began = perf_counter_ns()
            asks[name](*query)
            took = perf_counter_ns() - began
            if turn >= 0:
                best[name] = min(best[name], took / 1e9)
    return best


# -- rows --------------------------------------------------------------------------------------------------------------


def median(goal: str, what: str, bests: Bests, base: str, target: Target | None = None) -> Row:
    """Return how many times as fast as the base we are: the median of the queries."""
    what = what if len(bests.ours) == 1 else f"{what}, p50"
    return ratio(goal, what, bests, base, target, float(np.median(bests.ratios)))


def worst(goal: str, what: str, bests: Bests, base: str, target: Target) -> Row:
    """Return the same for the query that is our worst."""
    return ratio(goal, f"{what}, worst", bests, base, target, float(bests.ratios.min()))


def ratio(goal: str, what: str, bests: Bests, base: str, target: Target | None, value: float) -> Row:
    """Return a row of a ratio; the durations beside it are the medians of all queries."""
    low, high = float(bests.ratios.min()), float(bests.ratios.max())
    ours, theirs = float(np.median(bests.ours)), float(np.median(bests.base))
    return Row(
        goal=goal, what=what, base=base, ours_s=ours, base_s=theirs, value=value, low=low, high=high, target=target
    )


def percentile(goal: str, what: str, seconds: np.ndarray, p: int, unit: str, target: Target) -> Row:
    """Return a percentile of the queries' durations, in the unit of its goal."""
    scaled = seconds * {"ms": 1e3, "µs": 1e6}[unit]
    value = float(np.percentile(scaled, p))
    return Row(
        goal=goal, what=f"{what}, p{p}", ours_s=float(np.median(seconds)), value=value, low=float(scaled.min()),
        high=float(scaled.max()), unit=unit, target=target,
    )  # fmt: skip
