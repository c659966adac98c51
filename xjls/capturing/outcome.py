"""How a session ended, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xjls.errors import SelectionError, XjlsError
from xjls.model.amounts import counted, duration

if TYPE_CHECKING:
    from xjls.capturing.counts import Counts, SignalCounts
    from xjls.model.recording import Recording

TOLD = 5
"""Signals of which it is said how much is lost."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended."""

    reason: str
    """Why it did, in words that go on from "the capture ended because"."""
    counts: Counts
    paths: tuple[str, ...]
    """Of the recordings that were written."""
    failed: Mapping[str, Exception]
    """Recordings that refused, by their paths, and why; they hold what was written before."""
    error: Exception | None = None
    """What the device raised, or the condition."""
    opens: Callable[[], Recording] | None = field(default=None, repr=False)
    """Opens the first recording."""
    is_live: bool = True
    """Whether samples are lost that nobody takes in time; others wait, so that the writer is never late."""

    def open(self) -> Recording:
        """Open the first recording, of a store, a file or memory.

        Raises
        ------
        SelectionError
            Nothing was recorded: the session showed the last seconds only.
        """
        if self.opens is None:
            raise SelectionError("nothing was recorded", "Capture to a store, or to memory.")
        return self.opens()

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return f"<xjls.Outcome: {'; '.join(self.lines)}>"

    @property
    def lines(self) -> list[str]:
        """What there is to say of it."""
        counts = self.counts
        lines = [
            f"the capture ended because {self.reason}",
            f"{_there(counts)}: {duration(float(counts.recorded_s))}",
            _lost(counts) if counts.lost else counts.nothing_lost,
        ]
        if told := [counted(n, what.removesuffix("s")) for what, n in counts.tallies.items() if n]:
            lines.append(f"on the way: {', '.join(told)}")
        if counts.over_range:
            lines.append(f"the input was over range in {counted(counts.over_range, 'block')}")
        if self.silent:
            lines.append(f"nothing came of {', '.join(self.silent)}")
        lines += [f"{path} took no more: {error}" for path, error in self.failed.items()]
        return lines + ([f"what went wrong: {text_of(self.error)}"] if self.error is not None else [])

    @property
    def silent(self) -> list[str]:
        """Signals of which nothing came, while others did."""
        signals = self.counts.signals
        return [name for name, one in signals.items() if not one.samples + one.lost] if self.counts.samples else []

    @property
    def is_whole(self) -> bool:
        """Whether every sample that was counted is in every recording, with all its parts, and nothing went wrong."""
        return not (self.counts.lost or self.counts.missing or self.silent or self.failed or self.error)


def _there(counts: Counts) -> str:
    """Return what there is: samples of signals in time, and positions of axes."""
    each = counts.each
    in_time = [name for name in each if name not in counts.axes]
    samples = sum(each[name].samples for name in in_time)
    parts = [f"{samples:,} samples of {', '.join(in_time)}"] if in_time or not counts.axes else []
    parts += [f"{counted(each[axis].samples, axis)} of {_few(names)}" for axis, names in counts.axes.items()]
    return "; ".join(parts)


def _few(names: Sequence[str]) -> str:
    """Return the first names of many."""
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return f"{', '.join(names[:TOLD])}{more}"


def _lost(counts: Counts) -> str:
    """Return what is lost, of the first signals, and of axes."""
    each = {name: one for name, one in counts.each.items() if one.lost}
    parts = [
        f"{counted(one.lost, name)} in {counted(one.gaps, 'gap')}{_left_out(one)}" if name in counts.axes
        else f"{one.lost:,} of {name} in {counted(one.gaps, 'gap')}"
        for name, one in each.items()
    ]  # fmt: skip
    more = f" and of {counted(len(parts) - TOLD, 'more signal')}" if len(parts) > TOLD else ""
    return f"lost: {', '.join(parts[:TOLD])}{more}; the recording says where"


def _left_out(one: SignalCounts) -> str:
    """Return how much of what is lost was lost here."""
    return f" ({one.left_out:,} found no room here)" if one.left_out else ""


def text_of(error: BaseException) -> str:
    """Return what an error says; of one that is not ours, what it is as well.

    Examples
    --------
    >>> text_of(KeyError("current"))
    "KeyError: 'current'"
    """
    return str(error) if isinstance(error, XjlsError | OSError) and str(error) else f"{type(error).__name__}: {error}"
