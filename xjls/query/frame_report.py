"""The losses of a recording of frames, counted: from which buffers there are, their times, and what its reader knows.

Read piece by piece: what is known of each frame, and no pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.window import runs, valid_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.window import Window
    from xjls.query.frames import Frames

_MOST_TIMES = 1 << 20
"""Frames whose times tell the rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReport:
    """What there is of frames, and what there is not."""

    frames: int
    """Of the axis, lost ones among them."""
    first_id: int
    """The device's number of the first."""
    shape: tuple[int, int]
    """Height and width, pixels."""
    dtype: str
    n_slots: int
    """Buffers of a frame; 0 where nothing tells of them."""
    buffers: int
    """That came, those with broken headers among them."""
    first_time_s: float | None
    """Of the first frame whose time is known, seconds of the device's clock; None where none is."""
    last_time_s: float | None
    rate_hz: float | None
    """Frames in a second of the device's clock."""
    nominal_rate_hz: float
    """As they should be."""
    backward: int
    """Frames that are earlier than the one ahead of them."""
    complete: int
    empty: int
    """Frames of which nothing is there."""
    missing_by_slot: tuple[int, ...]
    """Buffers that frames lack, by their place in the frame."""
    longest_lost: tuple[int, int] | None
    """Numbers, half-open, of the most frames in a row of which nothing is there."""
    lost_between: int | None
    """Buffers that the device's counter has and the recording has not; None: not known, as the others."""
    duplicates: int | None
    quarantined: int | None
    cut: int | None
    dropped_by_device: int | None

    @property
    def partial(self) -> int:
        """Frames of which something is there."""
        return self.frames - self.complete - self.empty

    @property
    def duration_s(self) -> float | None:
        """From the first frame to the last; None where times are not known."""
        if self.first_time_s is None or self.last_time_s is None:
            return None
        return self.last_time_s - self.first_time_s


def report_of(frames: Frames) -> FrameReport:
    """Count what is there of frames.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.query.frames import require_frames
    >>> from xjls.testing.miniscope.scenarios.cards import card_with_frame_lost
    >>> recording = xjls.open_recording(card_with_frame_lost(tempfile.mkdtemp()).path, format="miniscope")
    >>> report = report_of(require_frames(recording))
    >>> report.complete, report.partial, report.empty, report.longest_lost, report.missing_by_slot
    (5, 0, 1, (2, 3), (1, 1, 1))
    """
    image, window = frames.image, frames.image.window
    by_slot, complete = np.zeros(frames.n_slots, np.int64), 0
    gaps, lost = frames.gaps(), list[tuple[int, int]]()
    for piece in frames.pieces(window):
        missing = frames.missing(piece)
        nothing = ~valid_mask(piece, [gap for gap in gaps if (gap.window & piece).length])
        if frames.n_slots:
            nothing |= missing.all(axis=1)
        by_slot += missing.sum(axis=0)
        complete += int(np.count_nonzero(~missing.any(axis=1) & ~nothing))
        lost += [(piece.start + start, piece.start + stop) for start, stop in runs(nothing)]
    empty = sum(stop - start for start, stop in lost)
    first, last, rate, backward = _times(frames, window)
    known: dict[str, Any] = dict(image.facts)
    return FrameReport(
        frames=image.length, first_id=image.first_id, shape=(image.sample_shape[0], image.sample_shape[1]),
        dtype=str(image.dtype), n_slots=frames.n_slots, buffers=_buffers(frames, known), first_time_s=first,
        last_time_s=last, rate_hz=rate, nominal_rate_hz=float(image.rate_hz), backward=backward,
        complete=complete, empty=empty,
        missing_by_slot=tuple(by_slot.tolist()), longest_lost=_longest(lost),
        lost_between=known.get("lost_between"), duplicates=known.get("duplicate_buffers"),
        quarantined=known.get("quarantined_buffers"), cut=known.get("cut_buffers"),
        dropped_by_device=known.get("dropped_by_device"),
    )  # fmt: skip


def _buffers(frames: Frames, known: dict[str, Any]) -> int:
    """Return how many buffers came: as many as something is told of, on their own axis."""
    others = (s.length for s in frames.recording.signals.values() if s.axis and s.axis != frames.image.axis)
    return int(known.get("buffers", max(others, default=0)))


def _longest(lost: list[tuple[int, int]]) -> tuple[int, int] | None:
    joined: list[tuple[int, int]] = []
    for start, stop in lost:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return max(joined, key=lambda one: one[1] - one[0], default=None)


def _times(frames: Frames, window: Window) -> tuple[float | None, float | None, float | None, int]:
    """Return the first and the last time, the rate, and how often times fall."""
    step = max(1, -(-window.length // _MOST_TIMES))
    ids, times, backward = [], [], 0
    first = last = None
    for piece in frames.pieces(window):
        found = frames.times(piece)
        known = np.flatnonzero(np.isfinite(found))
        if not known.size:
            continue
        values = found[known]
        backward += int(np.count_nonzero(np.diff(values) < 0)) + (last is not None and float(values[0]) < last)
        first, last = float(values[0]) if first is None else first, float(values[-1])
        ids.append(piece.start + known[::step])
        times.append(values[::step])
    rate = rate_of(np.concatenate(ids), np.concatenate(times)) if ids else None
    return first, last, rate, backward


def rate_of(ids: NDArray[np.int64], times: NDArray[np.float64]) -> float | None:
    """Return positions a second: the median over pairs half of them apart, so that a few wrong times change nothing.

    Times are whole milliseconds: neighbours would tell the rate to some percent only. None where it cannot be told.

    Examples
    --------
    >>> ids = np.arange(1000)
    >>> times = np.round(ids / 20.5, 3)
    >>> times[[10, 700]] = 9e6
    >>> round(rate_of(ids, times), 3)
    20.5
    """
    half = len(ids) // 2
    if not half:
        return None
    period = float(np.median((times[half:] - times[:-half]) / (ids[half:] - ids[:-half])))
    return 1 / period if period > 0 else None
