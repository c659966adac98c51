"""What a picture is made of, as plain values: the trace of a signal, the spans where it has none, and marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape: TypeAlias = Literal["analog", "steps", "logic"]
Moment: TypeAlias = "np.datetime64 | float"

FIRST_SAMPLE = "the first sample"
"""What seconds count from where nothing tells of an earlier moment."""

_WHOLE, _DAMAGE = 1, 2


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time in which samples of a trace are missing."""

    start: Moment
    """In the trace's time."""
    stop: Moment
    is_damage: bool = False
    """Whether the recording lost them; else they were never delivered (NaN), or left out when it was written."""
    is_whole: bool = True
    """Whether all samples are missing; else some in each column."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """One signal as columns.

    Examples
    --------
    >>> samples = np.array([0.1, 0.2, np.nan])
    >>> trace = Trace(name="current", units="A", time=np.arange(4.0), mean=samples, min=samples, max=samples)
    >>> len(trace), trace.is_logic
    (3, False)
    """

    name: str
    units: str
    time: NDArray[Any]
    """Edges of the columns, shape (column + 1,): datetime64[ns] of UTC, or float seconds; never falling."""
    mean: NDArray[np.float64]
    """Shape (column,), as `min`, `max` and `std`; NaN where a column has no sample. Of a logic signal: its duty."""
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    std: NDArray[np.float64] | None = None
    shape: Shape = "analog"
    """``"steps"`` for few states without a unit, ``"logic"`` for low and high."""
    is_samples: bool = False
    """Whether every column is one sample."""
    gaps: tuple[Span, ...] = ()
    """Where samples are missing, by time."""
    samples_per_column: float = 1.0
    """On average: what the picture's title says."""
    since: str = FIRST_SAMPLE
    """What seconds count from, in words."""
    signals: tuple[str, ...] = ()
    """The extremes that it shows the range of, where it does; `mean` is then the middle between their means."""

    def __post_init__(self) -> None:
        if len(self.time) != len(self.mean) + 1:
            raise ValueError(f"{len(self.mean)} columns have {len(self.mean) + 1} edges, got {len(self.time)}")

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def is_logic(self) -> bool:
        """Whether it is low or high, and nothing between."""
        return self.shape == "logic"

    @property
    def is_utc(self) -> bool:
        """Whether `time` is UTC; else seconds."""
        return self.time.dtype.kind == "M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An annotation as it is drawn."""

    kind: Literal["vertical", "horizontal", "text"]
    time: Moment
    """In the traces' time; of no meaning for a horizontal mark."""
    text: str = ""
    y: float | None = None
    """Height in the units of the signal; None is the top."""
    signal: str = ""
    """Name of the trace; ``""`` for the whole recording."""


def shape_of(dtype: np.dtype[Any], units: str) -> Shape:
    """Return how a signal of a type is drawn.

    Examples
    --------
    >>> shape_of(np.dtype(bool), ""), shape_of(np.dtype("u1"), ""), shape_of(np.dtype("i2"), "V")
    ('logic', 'steps', 'analog')
    """
    if dtype.kind == "b":
        return "logic"
    return "steps" if dtype.kind in "iu" and dtype.itemsize == 1 and not units else "analog"


def bounded(name: str, traces: Sequence[Trace]) -> Trace:
    """Return the traces of a quantity's extremes as one: from the smallest minimum to the largest maximum.

    Parameters
    ----------
    name
        Of the quantity.
    traces
        Of the same columns.

    Examples
    --------
    >>> low, high = np.array([1.0, np.nan]), np.array([3.0, 5.0])
    >>> time = np.arange(3.0)
    >>> both = [Trace(name=f"v_{i}", units="V", time=time, mean=v, min=v, max=v) for i, v in enumerate((low, high))]
    >>> one = bounded("v", both)
    >>> one.min.tolist(), one.max.tolist(), one.mean.tolist(), one.signals
    ([1.0, 5.0], [3.0, 5.0], [2.0, nan], ('v_0', 'v_1'))
    """
    return replace(
        traces[0], name=name, min=np.fmin.reduce([trace.min for trace in traces]),
        max=np.fmax.reduce([trace.max for trace in traces]), mean=np.mean([trace.mean for trace in traces], axis=0),
        std=None, is_samples=False, gaps=tuple(dict.fromkeys(gap for trace in traces for gap in trace.gaps)),
        signals=tuple(trace.name for trace in traces),
    )  # fmt: skip


def spans_of(
    time: NDArray[Any], missing: NDArray[np.bool_], whole: NDArray[np.bool_], damaged: NDArray[np.bool_]
) -> tuple[Span, ...]:
    """Join neighbouring columns with missing samples to spans.

    Parameters
    ----------
    time
        Edges of the columns, shape (column + 1,).
    missing, whole, damaged
        Whether samples of a column are missing, whether all are, and whether by damage; shape (column,).

    Examples
    --------
    >>> missing, whole = np.array([False, True, True, True]), np.array([False, True, True, False])
    >>> for span in spans_of(np.arange(5.0), missing, whole, np.zeros(4, bool)):
    ...     print(float(span.start), float(span.stop), span.is_whole)
    1.0 3.0 True
    3.0 4.0 False
    """
    code = np.where(missing, whole * _WHOLE + damaged * _DAMAGE, -1)
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(code)) + 1, [len(code)]])
    return tuple(
        Span(time[a], time[b], is_damage=bool(code[a] & _DAMAGE), is_whole=bool(code[a] & _WHOLE))
        for a, b in pairwise(cuts)
        if a < b and code[a] >= 0
    )
