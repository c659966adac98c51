"""The frames of a recording, as pictures and reports ask for them: which signals they are, and pieces of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError
from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.window import Gap

PRESENT, TIME, FRAME_INDEX = "buffer_present", "time", "frame_index"
"""Signals beside the frames: which of their buffers arrived, when they were taken, and which frame a buffer is of."""
PIECE = 1 << 20
"""Facts of frames or of buffers that are in memory at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The frames of a recording, and what is known of each."""

    recording: Recording
    image: Signal
    """Whose samples are frames, [height, width]."""

    @property
    def n_slots(self) -> int:
        """Buffers of a frame; 0 where nothing tells of them."""
        present = self._beside(PRESENT)
        return present.sample_shape[0] if present is not None and len(present.sample_shape) == 1 else 0

    @property
    def has_times(self) -> bool:
        """Whether the device told when frames were taken."""
        return self._beside(TIME) is not None

    def times(self, window: Window) -> NDArray[np.float64]:
        """Return seconds of the device's clock, f64[frame]; NaN where none is known."""
        if not self.has_times:
            return np.full(window.length, np.nan)
        return np.asarray(self._read(TIME, window), np.float64)

    def missing(self, window: Window) -> NDArray[np.bool_]:
        """Return which buffers did not arrive, bool[frame, slot]."""
        if not self.n_slots:
            return np.zeros((window.length, 0), np.bool_)
        return ~np.asarray(self._read(PRESENT, window), np.bool_)

    def gaps(self) -> tuple[Gap, ...]:
        """Return the frames that are known not to be there: damage inside chunks is, once it was read."""
        name = self.image.name
        return tuple(dict.fromkeys((*self.recording.gaps(name), *self.recording.status.gaps.get(name, ()))))

    def frame(self, frame_id: int) -> tuple[NDArray[Any], Gap | None]:
        """Read one frame, [height, width], and the gap that it is in; damage raises where the recording says so."""
        window = (frame_id, frame_id + 1)
        pixels, gaps = self.recording.read_with_gaps(self.image.name, window, on_damage=self.recording.on_damage)
        return pixels[0], gaps[0] if gaps else None

    def pieces(self, window: Window) -> Iterator[Window]:
        """Yield windows that together are this one, each short enough for the memory."""
        step = max(1, PIECE // max(1, self.n_slots))
        for start in range(window.start, window.stop, step):
            yield Window(start, min(start + step, window.stop))

    def _beside(self, name: str) -> Signal | None:
        signal = self.recording.signals.get(name)
        return signal if signal is not None and signal.axis == self.image.axis else None

    def _read(self, name: str, window: Window) -> NDArray[Any]:
        return self.recording.read_with_gaps(name, (window.start, window.stop))[0]


def frames_of(recording: Recording) -> Frames | None:
    """Return the frames of a recording: its first signal whose samples are pictures; None where it has none."""
    images = (s for s in recording.signals.values() if s.axis and len(s.sample_shape) == 2)
    found = next(images, None)
    return None if found is None else Frames(recording, found)


def require_frames(recording: Recording) -> Frames:
    """Return the frames of a recording, or refuse one that has none."""
    found = frames_of(recording)
    if found is None or not found.image.length:
        raise SelectionError(f"{recording.path} has no frames to draw", "See xjls info.")
    return found
