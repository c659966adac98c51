"""From annotations to marks: at which time of the picture, at which height, with which words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

from xjls.plot.trace import Mark
from xjls.plot.wording import words

if TYPE_CHECKING:
    from xjls.model.annotation import Annotation
    from xjls.model.recording import Recording
    from xjls.plot.timing import Timing
    from xjls.plot.trace import Moment

_KINDS: dict[str, Literal["vertical", "horizontal"]] = {
    "vertical_marker": "vertical",
    "horizontal_marker": "horizontal",
}


def marks_of(recording: Recording, timings: dict[str, Timing]) -> list[Mark]:
    """Return the marks of some signals of a recording, and of the recording as a whole.

    Annotations of other signals that have samples belong to what is not drawn; those whose time cannot be told in the
    picture's unit are left out.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.plot.timing import timings_of
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=1))
    >>> marks = marks_of(recording, timings_of(recording, [recording.signal("current")]))
    >>> [(mark.kind, mark.text) for mark in marks]
    [('horizontal', '1'), ('vertical', '1a'), ('vertical', '1b'), ('text', 'transmit 1')]
    """
    notes = [note for note in recording.annotations if _belongs(recording, note, timings)]
    moments = _moments(notes, timings)
    return [
        mark_of(note.kind, moment, note.y, note.data, note.signal if note.signal in timings else "")
        for note, moment in zip(notes, moments, strict=True)
        if moment is not None
    ]


def _belongs(recording: Recording, note: Annotation, timings: dict[str, Timing]) -> bool:
    if note.signal in timings or not note.signal:
        return True
    signal = recording.signals.get(note.signal)
    return signal is None or not signal.has_samples


def _moments(notes: list[Annotation], timings: dict[str, Timing]) -> list[Moment | None]:
    """Return the time of each annotation; those of a signal are dated together, as there may be thousands."""
    found: list[Moment | None] = [_told(note, timings) for note in notes]
    for name, timing in timings.items():
        mine = [i for i, note in enumerate(notes) if note.signal == name and note.sample_id is not None]
        times = timing.times(np.array([notes[i].sample_id for i in mine], np.int64))
        for i, moment in zip(mine, times, strict=True):
            found[i] = moment
    return found


def _told(note: Annotation, timings: dict[str, Timing]) -> Moment | None:
    """Return a moment that was written as UTC, in the picture's time; None where there is none, or no clock for it."""
    if note.time_ns is None:
        return None
    near = [timings[note.signal]] if note.signal in timings else timings.values()
    moments = (timing.of_utc(note.time_ns) for timing in near)
    return next((moment for moment in moments if moment is not None), None)


def mark_of(kind: str, moment: Moment, y: float | None, data: object, signal: str) -> Mark:
    """Return the mark of one annotation; a horizontal marker without a height is a text.

    Examples
    --------
    >>> mark_of("horizontal_marker", 0.5, 1e-3, "sleep", "current").kind, mark_of("user", 0.5, None, b"", "").text
    ('horizontal', '')
    """
    found = _KINDS.get(kind)
    if found is None or (found == "horizontal" and y is None):
        return Mark(kind="text", time=moment, text=words(data), y=y, signal=signal)
    return Mark(kind=found, time=moment, text=words(data), y=y, signal=signal)


def inside(marks: Iterable[Mark], low: Moment, high: Moment) -> list[Mark]:
    """Return the marks between two times, and all horizontal ones."""
    return [mark for mark in marks if mark.kind == "horizontal" or low <= mark.time <= high]
