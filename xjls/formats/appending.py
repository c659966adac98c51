"""One recording behind another, in the file of the first: where its samples go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from xjls.errors import SelectionError
from xjls.formats.behind import Behind, facts_of
from xjls.formats.carry import carry, nearest
from xjls.formats.registry import format_of, open_recording, resuming

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from xjls.formats.carry import Losses
    from xjls.formats.registry import OpenSink
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.progress import Progress

By: TypeAlias = Literal["auto", "time", "id", "end"]
_ALIKE = (
    "stored_type", "rate_hz", "scale_factor", "add_offset", "missing_value", "bound", "units", "axis", "sample_shape",
    "sample_dims",
)  # fmt: skip
"""Facts that are the same of a signal and of what continues it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the samples of a signal went."""

    first_id: int
    """Sample id of the first of them."""
    length: int
    gap: int
    """Samples between what was there and these, that nobody delivered."""


def continue_recording(
    path: str | os.PathLike[str],
    *,
    keep_s: float | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> OpenSink:
    """Return a sink that goes on with a JLS v2 or PicoStream file of any writer, or with a Zarr store of xjls.

    Closed or not: it is gone on with until the sink is closed. Nothing that is there is ever lost: killed at any
    moment, it holds all of it. Levels and lists are what a single run would have left.

    Parameters
    ----------
    path
        The recording.
    keep_s, storage_options
        As of `grow_recording`; a recording that keeps its last samples only goes on doing so.

    Raises
    ------
    SelectionError
        Its format cannot do what is asked.
    FormatError
        It is damaged, or of a release or kind that xjls does not write; it is left as it is.
    BlockingIOError
        Another process is writing to it.

    Examples
    --------
    >>> import tempfile, numpy as np, xjls
    >>> from xjls.testing import write_demo
    >>> path = write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1)
    >>> stop = xjls.open_recording(path).signal("current").window.stop
    >>> with xjls.continue_recording(path) as sink:
    ...     sink.write("current", stop + 100, np.ones(5, "f4"))
    >>> xjls.open_recording(path).skipped("current")
    (Gap(window=Window(start=50000, stop=50100), reason='not delivered', offset=-1),)
    """
    row = format_of(path, storage_options)
    return resuming(row)(os.fspath(path), keep_s=keep_s, storage_options=storage_options)


def append(
    path: str | os.PathLike[str],
    more: Recording,
    *,
    by: By = "auto",
    progress: Progress | None = None,
) -> tuple[dict[str, Placed], Losses]:
    """Write a recording behind another one, into that one's file.

    Parameters
    ----------
    path
        A JLS v2 or PicoStream file, closed or not. All that is in it stays, whatever happens.
    more
        What comes behind it: its signals continue those of the same names, its annotations, ties and user data go
        along; signals that the file has not are added. What is lost of it becomes gaps.
    by
        Where its samples go. ``"time"``: where UTC says, to the nearest sample, with a gap between; ``"id"``: where
        their own sample ids say; ``"end"``: right behind the last ones; ``"auto"``: by time where both recordings
        know UTC, else at the end. Signals of one source and rate move together.
    progress
        Called with (samples done, samples in all) now and then.

    Returns
    -------
    tuple
        Where the samples of each signal went, and what of them is lost.

    Raises
    ------
    SelectionError
        A signal is of another type, rate, scale or offset than the one that it is to continue, or begins before that
        ends; or it is no series in time, as frames are none; or the first one is of a format that cannot be gone on
        with.
    FormatError
        The file is damaged, or of a release that xjls does not write.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> path = write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1)
    >>> placed, lost = xjls.append(path, xjls.open_recording(path), by="end")
    >>> placed["current"].first_id, xjls.open_recording(path).signal("current").length
    (50000, 100000)
    """
    if by not in get_args(By):
        raise SelectionError(f"by={by!r} is no way to place samples", f"Choose one of {get_args(By)}.")
    _require_series(more, path)
    resume = resuming(format_of(path))
    with open_recording(path) as target:
        known = {facts_of(source): source for source in target.sources}
        taken = {source.id for source in target.sources}
        shifts: dict[str, int] = {}
        for kin in kin_of(more.signals.values()):
            shifts |= dict.fromkeys((signal.name for signal in kin), _shift(target, more, kin, by))
        placed = {signal.name: _placed(target, signal, shifts) for signal in more.signals.values() if signal.length}
        names, numbers = set(target.signals), [signal.id for signal in target.signals.values()]
    with resume(os.fspath(path)) as sink:
        lost = carry(more, Behind(sink, names, known, taken, shifts, numbers), progress)
    return placed, lost


def _require_series(more: Recording, path: str | os.PathLike[str]) -> None:
    """Refuse frames and what is told of them: their numbers and times count from another start, and refer to it."""
    for signal in more.signals.values():
        if signal.axis:
            raise SelectionError(
                f"{signal.name!r} of {more.path} is by {signal.axis} and no series in time: it cannot be placed behind"
                f" what is in {os.fspath(path)}",
                "Convert it to a store of its own.",
            )


def kin_of(signals: Iterable[Signal]) -> list[list[Signal]]:
    """Return the signals that have samples by source and rate, or axis: these share their sample ids."""
    groups: dict[tuple[int, Any, str], list[Signal]] = {}
    for signal in signals:
        if signal.has_samples:
            groups.setdefault((signal.source.id, signal.rate_hz, signal.axis), []).append(signal)
    return list(groups.values())


def _shift(target: Recording, more: Recording, kin: list[Signal], by: By) -> int:
    """Return what is added to the sample ids of signals that share them."""
    there = [target.signals[signal.name] for signal in kin if signal.name in target.signals]
    for signal in kin:
        require_alike(target, signal)
    old = [signal for signal in there if signal.length]
    new = [signal for signal in kin if signal.length]
    if by == "id" or not old or not new:
        return 0
    begin, end = min(signal.first_id for signal in new), max(signal.window.stop for signal in old)
    ours = target.clock(*(signal.name for signal in old))
    theirs = more.clock(*(signal.name for signal in new))
    if by == "time" and not (ours.utc and theirs.utc):
        raise SelectionError(f"{(target if theirs.utc else more).path} has no UTC to go by", "Choose by end, or by id.")
    if by == "end" or not (ours.utc and theirs.utc):
        return end - begin
    return nearest(ours, theirs.time(begin)) - begin


def require_alike(target: Recording, signal: Signal, *, but: Collection[str] = ()) -> None:
    """Raise where a signal cannot continue the one of its name; ``but`` are facts in which they may differ."""
    there = target.signals.get(signal.name)
    if there is None:
        return
    for what in _ALIKE:
        if what in but:
            continue
        found, wanted = getattr(signal, what), getattr(there, what)
        if found != wanted:
            raise SelectionError(
                f"{signal.name!r} has {what} {found}, and {wanted} in {target.path}",
                "Convert it to that first, or give it another name.",
            )


def _placed(target: Recording, signal: Signal, shifts: dict[str, int]) -> Placed:
    first_id = signal.first_id + shifts[signal.name]
    there = target.signals.get(signal.name)
    gap = first_id - there.window.stop if there is not None and there.length else 0
    if there is not None and gap < 0:
        raise SelectionError(
            f"{signal.name!r} would begin at sample {first_id:_}, {-gap:_} before {target.path} ends",
            "Choose by end to put it behind that.",
        )
    return Placed(first_id, signal.length, gap)
