"""Tables whose rows are positions of an axis of labels: a row for each buffer, or for each frame.

Rows are told by what the axis counts. Only signals of single numbers go into columns: no cell holds a frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from xjls.errors import SelectionError
from xjls.model.bounds import quantities

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

__all__ = ["on_labels", "require_single_rows"]


def on_labels(recording: Recording, signals: Iterable[str] | None, axis: str | None) -> list[str]:
    """Return the signals of a table that has a row for each position of an axis of labels; none: it is of series.

    Parameters
    ----------
    recording, signals
        Whose signals, and which of them; None takes all of single numbers on ``axis``.
    axis
        What rows count, as ``"buffer"``. A name of a signal, or None, chooses no such axis.

    Raises
    ------
    SelectionError
        Signals are on several axes, or have samples that no cell holds; or there is no series, and no axis was chosen.
    """
    if signals is None:
        there = _axes(recording)
        if axis in there and axis not in recording.reader.names:
            return [signal.name for signal in there[axis] if not signal.sample_shape]
        if axis is None and there and not any(signal.is_series for signal in recording.signals.values()):
            raise SelectionError(
                f"no signal of {recording.path} is a series in time: they are along {_told(there)}",
                f"Choose an axis, for a row a position: axis={_usual(there)!r}.",
            )
        return []
    named = quantities(recording, [signals] if isinstance(signals, str) else signals)
    chosen = list({signal.name: signal for quantity in named for signal in quantity.signals}.values())
    if not any(signal.axis for signal in chosen):
        return []
    _require_one_axis(chosen, axis)
    _require_numbers(chosen)
    return [signal.name for signal in chosen]


def require_single_rows(axis: str, *, reduced: bool, time: str) -> None:
    """Refuse what rows of labels do not have: statistics of several samples, and a clock."""
    if reduced:
        raise SelectionError(f"rows are single positions of {axis!r}", "Leave 'every', 'columns' and statistics out.")
    if time not in ("auto", "id"):
        raise SelectionError(
            f"rows of {axis!r} are told by their number, not by {time}",
            "Leave 'time' out; times that were measured are columns.",
        )


def _axes(recording: Recording) -> dict[str, list[Signal]]:
    found: dict[str, list[Signal]] = {}
    for signal in recording.signals.values():
        if signal.axis:
            found.setdefault(signal.axis, []).append(signal)
    return found


def _told(axes: dict[str, list[Signal]]) -> str:
    return ", ".join(f"{axis} ({signals[0].name} and {len(signals) - 1} more)" for axis, signals in axes.items())


def _usual(axes: dict[str, list[Signal]]) -> str:
    """Return the axis with most signals of single numbers."""
    return max(axes, key=lambda axis: sum(not signal.sample_shape for signal in axes[axis]))


def _require_one_axis(chosen: list[Signal], axis: str | None) -> None:
    axes = dict.fromkeys(signal.axis for signal in chosen)
    if axis is not None:
        axes |= dict.fromkeys([next((s.axis for s in chosen if s.name == axis), axis)])
    if len(axes) > 1:
        told = "; ".join(
            f"{', '.join(s.name for s in chosen if s.axis == one) or 'nothing'} along {one or 'time'}" for one in axes
        )
        raise SelectionError(f"a table has one axis, and these are {told}", "Write a table for each axis.")


def _require_numbers(chosen: list[Signal]) -> None:
    for signal in chosen:
        if signal.sample_shape:
            shape = " × ".join(map(str, signal.sample_shape))
            raise SelectionError(
                f"a sample of {signal.name!r} has {shape} numbers, which no cell holds",
                f"Leave it out, convert the recording to Zarr, or take ds.{signal.name} as an array.",
            )
