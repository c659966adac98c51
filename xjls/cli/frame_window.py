"""Windows of frames as people type them: the device's numbers, or seconds of its clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xjls.cli.window import seconds_typed
from xjls.errors import SelectionError
from xjls.model.window import Window
from xjls.query.frames import frames_of, require_frames

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.query.frames import Frames

ACCEPTED = "Give the device's number of a frame as in #12830, or seconds of its clock as in 624.5, 20ms or 2h."


def frame_window(recording: Recording, start: str | None, stop: str | None) -> tuple[int, int] | None:
    """Return the numbers of frames from one moment up to another, as far as the recording has them.

    Parameters
    ----------
    recording
        Of frames.
    start, stop
        A number (``"#12830"``), or seconds of the device's clock (``"624.5"``, ``"2h"``): the first frame that was
        taken then or later. None is the first or last one; both: all.

    Returns
    -------
    tuple of int
        Half-open: the frame at ``stop`` is not in it. None: all.

    Raises
    ------
    SelectionError
        The text is neither, times are not known, or no frame lies there.
    """
    if start is None and stop is None:
        return None
    frames = require_frames(recording)
    ends = [None if text is None else _frame_id(frames, text.strip()) for text in (start, stop)]
    clipped = _clipped(frames.image.window, *ends)
    if clipped[0] >= clipped[1]:
        raise SelectionError(f"there is no frame {_asked(start, stop)}", _extent(frames))
    return clipped


def label_window(recording: Recording, axis: str, start: str | None, stop: str | None) -> tuple[int, int] | None:
    """Return the positions of an axis from one number up to another; of frames as `frame_window`.

    Raises
    ------
    SelectionError
        The text is no number, or nothing lies there.
    """
    frames = frames_of(recording)
    if (start is None and stop is None) or (frames is not None and frames.image.axis == axis):
        return frame_window(recording, start, stop)
    windows = [signal.window for signal in recording.signals.values() if signal.axis == axis]
    whole = Window(min(one.start for one in windows), max(one.stop for one in windows))
    accepted = f"Give the number of a {axis}, as in #{whole.start}."
    ends = [None if text is None else _number(text.strip(), axis, accepted) for text in (start, stop)]
    clipped = _clipped(whole, *ends)
    if clipped[0] >= clipped[1]:
        raise SelectionError(
            f"there is no {axis} {_asked(start, stop)}", f"There are #{whole.start} to #{whole.stop - 1}."
        )
    return clipped


def _clipped(whole: Window, first: int | None, last: int | None) -> tuple[int, int]:
    return (
        whole.start if first is None else max(first, whole.start), whole.stop if last is None else min(last, whole.stop)
    )  # fmt: skip


def _asked(start: str | None, stop: str | None) -> str:
    return " ".join(f"{word} {text}" for word, text in (("from", start), ("to", stop)) if text is not None)


def _number(text: str, axis: str, accepted: str) -> int:
    try:
        return int(text.removeprefix("#") if text.startswith("#") else "")
    except ValueError:
        raise SelectionError(f"{text!r} is no number of a {axis}", accepted) from None


def _frame_id(frames: Frames, text: str) -> int:
    if text.startswith("#"):
        return _number(text, "frame", ACCEPTED)
    seconds = seconds_typed(text, ACCEPTED)
    if not frames.has_times:
        raise SelectionError("nothing tells when these frames were taken", "Give numbers of frames, as in #12830.")
    for piece in frames.pieces(frames.image.window):
        later = np.flatnonzero(frames.times(piece) >= seconds)  # False for NaN
        if later.size:
            return piece.start + int(later[0])
    return frames.image.window.stop


def _extent(frames: Frames) -> str:
    """Say which frames there are, and when the first and the last that tell it were taken."""
    window = frames.image.window
    told = [_known(frames, piece) for piece in frames.pieces(window)]
    ends = [one for one in told if one is not None]
    seconds = f", {ends[0][0]:.3f} s to {ends[-1][1]:.3f} s" if ends else ""
    return f"It has frames #{window.start} to #{window.stop - 1}{seconds}."


def _known(frames: Frames, piece: Window) -> tuple[float, float] | None:
    times = frames.times(piece)
    known = times[np.isfinite(times)]
    return (float(known[0]), float(known[-1])) if known.size else None
