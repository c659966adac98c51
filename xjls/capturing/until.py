"""When a capture ends on its own: after so long, so many samples, so many bytes, or when signals say so."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from xjls.capturing.axes import leading, series_of
from xjls.errors import SelectionError
from xjls.model.amounts import bytes_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from xjls.model.amounts import Amount
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

Condition: TypeAlias = "Callable[[Recording], object]"
"""Is asked of the last seconds, several times a second; what is true ends the capture."""

STATISTICS = ("mean", "std", "min", "max")
LOOKED_AT_S = 1
"""Seconds that a condition in words looks back."""
MOST = 10**18
"""Seconds, samples or bytes: beyond that, numbers are no longer those that were meant."""
_OPERATORS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_CONDITION = re.compile(r"\s*(?:(mean|std|min|max)\s*\(\s*([^()]+?)\s*\)|([^()<>=]+?))\s*(>=|<=|>|<)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Until:
    """When a capture ends on its own; what is None is no reason.

    Examples
    --------
    >>> until = Until.of(duration="1min", samples=None, size="2 GB", condition="max(current) > 0.5")
    >>> until.duration_s, until.n_bytes, until.text
    (Fraction(60, 1), 2000000000, 'max(current) > 0.5')
    """

    duration_s: Fraction | None = None
    """Of samples, gaps included; of frames of a live device by the session's clock: see `xjls.capturing.courses`."""
    samples: int | None = None
    """Of the signals with the highest rate; of others as many as belong to them. Frames, gaps included, where a device
    has such."""
    n_bytes: int | None = None
    """Of samples as they are delivered, of all signals."""
    condition: Condition | None = None
    text: str = ""
    """The condition, in words."""

    def __post_init__(self) -> None:
        if max(self.duration_s or 0, self.samples or 0, self.n_bytes or 0) > MOST:
            raise SelectionError("so much is never reached", f"Give less than {MOST:.0e} seconds, samples or bytes.")

    @classmethod
    def of(
        cls,
        *,
        duration: Amount | timedelta | None = None,
        samples: int | None = None,
        size: Amount | None = None,
        condition: Condition | str | None = None,
    ) -> Until:
        """Make one of what people write; raise SelectionError where that is nothing that can be meant."""
        if samples is not None and not _is_count(samples):
            raise SelectionError(f"samples={samples!r} is no number of samples", "Give a whole one, above 0.")
        return cls(
            None if duration is None else seconds_of(duration),
            samples if samples is None else int(samples),
            None if size is None else bytes_of(size),
            parse_condition(condition) if isinstance(condition, str) else condition,
            condition if isinstance(condition, str) else getattr(condition, "__name__", "").replace("<lambda>", ""),
        )

    def lengths(self, signals: Sequence[Signal]) -> dict[str, int]:
        """Return how many samples of each signal are captured at most, gaps included; nothing where there is no end.

        Signals on an axis are none of them: see `xjls.capturing.courses.Courses`. Where there are such, samples are
        counted of these only.

        Examples
        --------
        >>> import numpy as np
        >>> from xjls.model.signal import Signal, Source
        >>> a, b = (Signal(id=i, name="ab"[i], units="", dtype=np.dtype("f4"), rate_hz=Fraction(rate_hz),
        ...                source=Source(id=1, name="bench")) for i, rate_hz in enumerate((1000, 2000)))
        >>> Until(duration_s=Fraction(3)).lengths([a, b]), Until(samples=101).lengths([a, b])
        ({'a': 3000, 'b': 6000}, {'a': 51, 'b': 101})
        """
        ends = [] if self.duration_s is None else [self.duration_s]
        if self.samples is not None and leading(signals) is None:
            ends.append(self.samples / max(signal.rate_hz for signal in signals))
        return {signal.name: math.ceil(min(ends) * signal.rate_hz) for signal in series_of(signals)} if ends else {}


def _is_count(samples: float) -> bool:
    return not isinstance(samples, bool) and math.isfinite(samples) and samples == int(samples) > 0


def parse_condition(text: str) -> Condition:
    """Return a condition on the last second, such as ``max(current) > 0.5``; of a bare name the last mean counts.

    Raises
    ------
    SelectionError
        The text is none.
    """
    found = _CONDITION.fullmatch(text)
    try:
        limit = float(found[5]) if found else math.nan
    except ValueError:
        limit = math.nan
    if found is None or math.isnan(limit):
        choices = ", ".join(STATISTICS)
        raise SelectionError(
            f"{text!r} is no condition",
            f'Give one as "max(current) > 0.5": one of {choices} of a signal over the last second, and a limit.',
        )
    statistic, name, compare = found[1] or "mean", found[2] or found[3], _OPERATORS[found[4]]

    def holds(recording: Recording) -> bool:
        signal = recording.signal(name)
        start = max(signal.first_id, signal.window.stop - math.ceil(LOOKED_AT_S * signal.rate_hz))
        if start == signal.window.stop:
            return False
        # By entries where there are some: it is asked on the writer's thread
        return bool(compare(getattr(recording.statistics(name, (start, None), nans="trust"), statistic), limit))

    return holds
