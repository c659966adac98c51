"""Which signals are one quantity: the two extremes of each moment belong together, and any other stands for itself."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from fractions import Fraction

    from xjls.model.recording import Recording
    from xjls.model.signal import Bound, Signal

BOUNDS: tuple[Bound, Bound] = ("min", "max")
"""The labels of the two extremes, in their order."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is shown under one name."""

    name: str
    signals: tuple[Signal, ...]
    """One; or two of one source and rate, as `BOUNDS` has them."""

    @property
    def is_bounded(self) -> bool:
        """Whether its signals are two bounds."""
        return len(self.signals) > 1


def quantities(
    recording: Recording, names: Iterable[str] | None = None, without: Collection[str] = ()
) -> list[Quantity]:
    """Return what a recording's signals are shown as.

    Parameters
    ----------
    recording
        Whose signals.
    names
        Of signals, each of which then stands for itself, or of quantities; None takes all quantities.
    without
        Names of signals and quantities to leave out.

    Raises
    ------
    SelectionError
        There is no signal and no quantity of that name.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> [(quantity.name, quantity.is_bounded) for quantity in quantities(recording, ["current", "voltage"])]
    [('current', False), ('voltage', False)]
    """
    if names is None:
        left = (signal for signal in recording.signals.values() if signal.name not in without)
        return [quantity for quantity in paired(left) if quantity.name not in without]
    return [_named(recording, name) for name in dict.fromkeys(names) if name not in without]


def _named(recording: Recording, name: str) -> Quantity:
    with contextlib.suppress(SelectionError):
        return Quantity(name, (recording.signal(name),))  # which describes no other
    found = {quantity.name: quantity for quantity in paired(recording.signals.values())}
    if name not in found:
        there = ", ".join(dict.fromkeys([*found, *recording.signals])) or "none"
        raise SelectionError(f"no signal {name!r} in {recording.path}", f"Signals: {there}.")
    return found[name]


def paired(signals: Iterable[Signal]) -> Iterator[Quantity]:
    """Yield what some signals are shown as, in the order of the first ones: the extremes of a quantity as one."""
    groups: dict[tuple[str, bool, int, Fraction, str], list[Signal]] = {}
    for signal in signals:
        is_bound, name = signal.bound is not None, signal.bound[0] if signal.bound else signal.name
        groups.setdefault((name, is_bound, signal.source.id, signal.rate_hz, signal.axis), []).append(signal)
    for (name, *_), members in groups.items():
        bounds = {signal.bound[1]: signal for signal in members if signal.bound}
        if len(members) == len(bounds) == len(BOUNDS):
            yield Quantity(name, tuple(bounds[bound] for bound in BOUNDS))
        else:
            yield from (Quantity(signal.name, (signal,)) for signal in members)
