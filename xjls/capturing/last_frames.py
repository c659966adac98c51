"""The newest frame of a signal, and how much of the last seconds' frames did not arrive: what a live view shows.

A frame at a time is kept, and a few for which it is not known yet which of their buffers arrived; nothing of what was
before. Who looks has the newest one, however many came since he looked last.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.axes import sample_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.signal import Signal

LOSS_S = 5.0
"""Over which losses are told."""
WAITING_BYTES = 32 << 20
MOST_WAITING = 4
"""Frames that wait for word of what of them arrived: at most so many, and so many bytes, but one."""
MOST_ROWS = 512
"""Rows of what arrived, that are kept for frames to come."""


@dataclass(frozen=True, slots=True, eq=False)
class LastFrame:
    """A frame; what it holds does not change any more."""

    frame_id: int
    """Its number, as the device counts."""
    pixels: NDArray[Any]
    """[height, width], as stored."""
    present: NDArray[np.bool_] | None
    """Which of its buffers arrived, bool[slot]; None where nobody says."""

    @property
    def missing(self) -> NDArray[np.int64]:
        """The buffers that did not arrive, i64[n]."""
        return np.empty(0, np.int64) if self.present is None else np.flatnonzero(~self.present)


@dataclass(frozen=True, slots=True)
class _Came:
    """What came at once."""

    elapsed_s: float
    frames: int
    missing: int
    """Of their buffers."""
    buffers: int


class LastFrames:
    """Keep the newest frame of one signal; one thread adds, any number ask.

    Parameters
    ----------
    image
        Of which: its samples are [height, width].
    mask
        On the same axis, bool[slot]: which buffers of each frame arrived. None where nobody says.
    elapsed_s
        A clock.

    Examples
    --------
    >>> import xjls
    >>> from fractions import Fraction
    >>> told = {"units": "", "rate_hz": Fraction(20), "source": xjls.Source(id=1, name="scope"), "axis": "frame"}
    >>> image = xjls.Signal(id=1, name="image", dtype=np.dtype("u1"), sample_shape=(2, 2), **told)
    >>> mask = xjls.Signal(id=2, name="buffer_present", dtype=np.dtype("?"), sample_shape=(4,), **told)
    >>> frames = LastFrames(image, mask)
    >>> frames.write("image", 70, np.arange(8, dtype="u1").reshape(2, 2, 2))
    >>> frames.newest
    >>> frames.write("buffer_present", 70, np.array([[1, 1, 1, 1], [1, 1, 0, 1]], "?"))
    >>> frames.newest.frame_id, frames.newest.pixels.tolist(), frames.newest.missing.tolist(), frames.lost
    (71, [[4, 5], [6, 7]], [2], 0.125)
    """

    def __init__(self, image: Signal, mask: Signal | None, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self.image = image
        self.mask = mask
        self.newest: LastFrame | None = None
        """The newest frame of which it is known what arrived."""
        self._elapsed_s = elapsed_s
        self._waiting: deque[LastFrame] = deque()
        self._most_waiting = min(max(WAITING_BYTES // sample_bytes(image), 1), MOST_WAITING)
        self._rows: dict[int, NDArray[np.bool_]] = {}
        self._came: deque[_Came] = deque()
        self._lock = Lock()

    # -- who adds ----------------------------------------------------------------------------------------------------

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Take samples of one of both signals; of frames that come together the last one is copied."""
        if not len(samples):
            return
        with self._lock:
            if name == self.image.name:
                self._take_frame(first_id + len(samples) - 1, samples[-1].copy())
                if self.mask is None:
                    self._count(len(samples), 0, len(samples))
            elif self.mask is not None and name == self.mask.name:
                self._take_rows(first_id, samples.copy())
                self._count(len(samples), samples.size - int(np.count_nonzero(samples)), samples.size)

    def skip(self, name: str, n: int) -> None:
        """Count samples of one of both signals that nobody delivered."""
        told_by = self.image if self.mask is None else self.mask
        if name == told_by.name:
            each = 1 if self.mask is None else self.mask.sample_shape[0]
            with self._lock:
                self._count(n, n * each, n * each)

    def _take_frame(self, frame_id: int, pixels: NDArray[Any]) -> None:
        if self.mask is None or frame_id in self._rows:
            self._waiting.clear()
            self.newest = LastFrame(frame_id, pixels, self._rows.get(frame_id))
            return
        self._waiting.append(LastFrame(frame_id, pixels, None))
        if len(self._waiting) > self._most_waiting:
            self.newest = self._waiting.popleft()  # nobody says what of it arrived: it is shown as it is

    def _take_rows(self, first_id: int, rows: NDArray[np.bool_]) -> None:
        kept = rows[-MOST_ROWS:]
        begin = first_id + len(rows) - len(kept)
        self._rows |= {begin + i: row for i, row in enumerate(kept)}
        while len(self._rows) > MOST_ROWS:
            del self._rows[next(iter(self._rows))]
        known = [frame for frame in self._waiting if frame.frame_id in self._rows]
        if known:
            last = known[-1]
            self.newest = LastFrame(last.frame_id, last.pixels, self._rows[last.frame_id])
            while self._waiting and self._waiting[0].frame_id <= last.frame_id:
                self._waiting.popleft()

    def _count(self, frames: int, missing: int, buffers: int) -> None:
        now = self._elapsed_s()
        self._came.append(_Came(now, frames, missing, buffers))
        self._forget(now)

    def _forget(self, now_s: float) -> None:
        while self._came and now_s - self._came[0].elapsed_s > LOSS_S:
            self._came.popleft()

    # -- who asks ----------------------------------------------------------------------------------------------------

    @property
    def lost(self) -> float | None:
        """The share of all buffers of the frames of the last `LOSS_S` seconds that did not arrive; None without any."""
        with self._lock:
            self._forget(self._elapsed_s())
            buffers = sum(one.buffers for one in self._came)
            return sum(one.missing for one in self._came) / buffers if buffers else None

    @property
    def n_bytes(self) -> int:
        """Of frames that are kept now: bounded, however long it runs."""
        with self._lock:
            kept = [*self._waiting, *([] if self.newest is None else [self.newest])]
            return sum(frame.pixels.nbytes for frame in kept) + sum(row.nbytes for row in self._rows.values())


def last_frames_of(
    signals: Sequence[Signal], elapsed_s: Callable[[], float] = time.monotonic
) -> Mapping[str, LastFrames]:
    """Return what keeps the newest frame of each signal of pictures, by name."""
    found = {}
    for image in signals:
        if image.axis and len(image.sample_shape) == 2 and image.dtype.kind in "uif":
            masks = (one for one in signals if one.axis == image.axis and one.dtype.kind == "b")
            mask = next((one for one in masks if len(one.sample_shape) == 1), None)
            found[image.name] = LastFrames(image, mask, elapsed_s)
    return found
