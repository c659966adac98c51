"""Which signals a table has, which of their samples, and on whose axis: decided from facts, before anything is read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from xjls.errors import SelectionError
from xjls.export.rows import ById, ByTime
from xjls.model.bounds import quantities
from xjls.model.clock import Clock
from xjls.model.window import Window

if TYPE_CHECKING:
    from xjls.export.rows import Placing
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.window import WindowLike


def chosen(recording: Recording, signals: Iterable[str] | None, axis: str | None) -> list[str]:
    """Return the signals that go into a table in time, all that have samples there if none is named.

    Raises
    ------
    SelectionError
        There is no such signal, one has no samples, or they have different axes and none was chosen.
    """
    if axis is not None:
        _require_samples(recording.signal(axis))
    if signals is None:
        names = [signal.name for signal in recording.signals.values() if signal.length and signal.is_series]
        if not names:
            raise SelectionError(f"no signal of {recording.path} has samples", "See xjls info.")
    else:
        named = quantities(recording, [signals] if isinstance(signals, str) else signals)
        names = list(dict.fromkeys(signal.name for quantity in named for signal in quantity.signals))
        for name in names:
            _require_samples(recording.signal(name))
        if not names:
            raise SelectionError("no signal was chosen", f"Signals: {', '.join(recording.signals)}.")
    if axis is None:
        _require_one_axis(recording, names)
    return names


def _require_samples(signal: Signal) -> None:
    if not signal.length:
        raise SelectionError(f"{signal.name!r} has no samples", "Leave it out.")
    if not signal.is_series:
        raise SelectionError(
            f"{signal.name!r} has a sample for each {signal.axis}, and no times that rows could follow",
            "Choose signals in time, or a table of that axis alone.",
        )


def _require_one_axis(recording: Recording, names: list[str]) -> None:
    groups: dict[tuple[object, ...], list[str]] = {}
    for name in names:
        signal = recording.signal(name)
        groups.setdefault((signal.source.id, signal.rate_hz), []).append(name)
    if len(groups) > 1:
        told = "; ".join(
            f"{', '.join(group)} ({float(recording.signal(group[0]).rate_hz):,.12g} Hz, "
            f"{recording.signal(group[0]).source})"
            for group in groups.values()
        )
        raise SelectionError(
            f"signals of {recording.path} have {len(groups)} different time axes: {told}",
            f"Choose signals of one of them, or an axis, the signal at whose times all are shown, as {names[0]!r}.",
        )


def parts_in(recording: Recording, names: list[str], window: WindowLike, *, named: bool) -> dict[str, Window]:
    """Return what of each signal lies in the window; those that have nothing there are left out, or raise if named."""
    held = {name: recording.signal(name).window for name in names}
    whole = Window(min(w.start for w in held.values()), max(w.stop for w in held.values()))
    if isinstance(window, tuple):
        start, stop = window
        window = Window(whole.start if start is None else start, whole.stop if stop is None else stop)
    asked = whole if window is None else window
    found = {name: one & asked for name, one in held.items() if (one & asked).length}
    without = [name for name in names if name not in found]
    if without and (named or not found):
        raise SelectionError(f"{without[0]!r} has no sample in {asked}", f"It has samples in {held[without[0]]}.")
    return found


def merged(windows: Iterable[Window]) -> list[Window]:
    """Return the sample ids that at least one signal has, as windows that do not touch."""
    parts: list[Window] = []
    for window in sorted(windows):
        if parts and window.start <= parts[-1].stop:
            parts[-1] = Window(parts[-1].start, max(parts[-1].stop, window.stop))
        else:
            parts.append(window)
    return parts


def kin_of(recording: Recording, lead: Signal, names: list[str]) -> list[str]:
    """Return the signals that share the axis's sample ids, itself first: their ties make one clock."""
    kin = [name for name in names if _shares_ids(recording.signal(name), lead)]
    return list(dict.fromkeys([lead.name, *kin]))


def _shares_ids(one: Signal, other: Signal) -> bool:
    return (one.source.id, one.rate_hz) == (other.source.id, other.rate_hz)


def placing_of(recording: Recording, lead: Signal, name: str, clock: Clock, rows: Window) -> Placing:
    """Return how a signal's samples belong to the axis of ``lead``: by id, by UTC, or by the counter of their source.

    ``clock`` is that of the axis, ``rows`` its window. Raises SelectionError where nothing tells.
    """
    signal = recording.signal(name)
    if _shares_ids(signal, lead):
        return ById(signal.window)
    own = recording.clock(name)
    if not (own.utc and clock.utc):
        if signal.source.id != lead.source.id:
            raise SelectionError(
                f"{name!r} and {lead.name!r} come from different sources, and UTC is not known of both",
                "Nothing tells how their samples belong together: export them one by one.",
            )
        return ByTime(signal.window, Clock.nominal(signal.rate_hz), Clock.nominal(lead.rate_hz))
    if not clock.increasing(rows.start, rows.stop):
        raise SelectionError(
            f"UTC of {lead.name!r} runs backwards there, so that signals of other rates cannot be placed on it",
            "Export them one by one, or choose a window in which it rises.",
        )
    return ByTime(signal.window, own, clock)
