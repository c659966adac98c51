"""Rows of the table: what was measured, against what, and the goal beside it.

A ratio is judged by wall time. A duration is judged by processor time: nothing in those waits, and a process that
shares its cores with others is stopped for as long again.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.timing import Timings

COLUMNS = ("goal", "what", "against", "xjls", "other", "measured [min … max]", "by CPU", "goal value", "")
WIDTHS = (4, 46, 24, 9, 9, 24, 7, 10, 5)


@dataclass(frozen=True, slots=True)
class Target:
    """A goal's value."""

    limit: float
    at_most: bool = False

    def met_by(self, value: float) -> bool:
        """Whether a figure is as good as this."""
        return value <= self.limit if self.at_most else value >= self.limit


def at_least(limit: float) -> Target:
    """Return the goal of being this many times as fast."""
    return Target(limit)


def at_most(limit: float) -> Target:
    """Return the goal of taking no more than this."""
    return Target(limit, at_most=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. All of a run's rows come from timings that were interleaved with their base's."""

    goal: str
    """Its number in the list of goals."""
    what: str
    base: str = ""
    """What it is measured against."""
    ours_s: float
    """Median seconds of one call of ours."""
    base_s: float | None = None
    """Median seconds of the same by the base."""
    value: float
    """What the goal is about: a ratio, or a duration in ``unit``."""
    low: float
    high: float
    """Extremes of the rounds."""
    unit: str = "×"
    value_cpu: float | None = None
    """The same by processor time."""
    target: Target | None = None

    @property
    def verdict(self) -> str:
        """Return whether the goal is met."""
        if self.target is None:
            return ""
        judged = self.value if self.unit == "×" or self.value_cpu is None else self.value_cpu
        return "met" if self.target.met_by(judged) else "SHORT"

    def cells(self) -> tuple[str, ...]:
        """Return the row as text, a cell for each of `COLUMNS`."""
        figure = f"{_number(self.value)}{_unit(self.unit)} [{_number(self.low)} … {_number(self.high)}]"
        cpu = "" if self.value_cpu is None else f"{_number(self.value_cpu)}{_unit(self.unit)}"
        base = "" if self.base_s is None else duration(self.base_s)
        ours = duration(self.ours_s) if self.ours_s else ""
        return (
            self.goal, self.what, self.base, ours, base, figure, cpu, self._wanted(), self.verdict
        )  # fmt: skip

    def _wanted(self) -> str:
        if self.target is None:
            return ""
        return f"{'≤' if self.target.at_most else '≥'} {self.target.limit:g}{_unit(self.unit)}"


def faster(
    goal: str, what: str, timings: Timings, base: str, target: Target | None = None, *, ours: str = "xjls",
    best: bool = False,
) -> Row:  # fmt: skip
    """Return how many times as fast as the base we are: the median of the rounds, or between the ``best`` of each."""
    ratios = timings.speed(ours, base)
    value = timings.speed_best(ours, base) if best else statistics.median(ratios)
    pick = min if best else statistics.median
    return Row(
        goal=goal, what=what, base=f"{base} (best)" if best else base, ours_s=pick(timings.wall[ours]),
        base_s=pick(timings.wall[base]), value=value, low=min(ratios), high=max(ratios),
        value_cpu=timings.speed_cpu(ours, base), target=target,
    )  # fmt: skip


def longer(goal: str, what: str, timings: Timings, base: str, target: Target | None, *, ours: str) -> Row:
    """Return how many times the base's time we take: where the goal is not to depend on something."""
    ratios = timings.speed(base, ours)
    return Row(
        goal=goal, what=what, base=base, ours_s=statistics.median(timings.wall[ours]),
        base_s=statistics.median(timings.wall[base]), value=statistics.median(ratios), low=min(ratios),
        high=max(ratios), value_cpu=timings.speed_cpu(base, ours), target=target,
    )  # fmt: skip


def absolute(
    goal: str, what: str, wall: Sequence[float], cpu: Sequence[float], unit: str, target: Target | None = None, *,
    base: str = "",
) -> Row:  # fmt: skip
    """Return a duration, given in seconds a round, in the unit of its goal."""
    factor = {"ms": 1e3, "µs": 1e6}[unit]
    return Row(
        goal=goal, what=what, base=base, ours_s=statistics.median(wall), value=statistics.median(wall) * factor,
        low=min(wall) * factor, high=max(wall) * factor, unit=unit, value_cpu=statistics.median(cpu) * factor,
        target=target,
    )  # fmt: skip


def above(goal: str, what: str, timings: Timings, base: str, unit: str, target: Target, *, ours: str = "xjls") -> Row:
    """Return by how much a call takes longer than the base."""
    wall, cpu = (
        [a - b for a, b in zip(seconds[ours], seconds[base], strict=True)] for seconds in (timings.wall, timings.cpu)
    )
    return absolute(goal, f"{what}, above", wall, cpu, unit, target, base=base)


def line(cells: Iterable[str]) -> str:
    """Return cells as one line of the table."""
    return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def as_dict(row: Row) -> dict[str, object]:
    """Return a row for a JSON file."""
    return asdict(row) | {"verdict": row.verdict}


def duration(seconds: float) -> str:
    """Return a duration in a unit that suits it.

    >>> duration(2.5e-6), duration(0.0312)
    ('2.50 µs', '31.2 ms')
    """
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{_number(seconds * factor)} {unit}"
    return f"{_number(seconds)} s"


def _number(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def _unit(unit: str) -> str:
    return unit if unit == "×" else f" {unit}"
