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

PRESENT = "buffer_present"
"""The signal beside the frames that tells which of their buffers arrived."""
REFERS_TO = "refers_to"
"""The fact of a signal whose samples are numbers of positions of another axis; its value is the axis."""
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
        return self._time is not None

    def times(self, window: Window) -> NDArray[np.float64]:
        """Return seconds of the device's clock, f64[frame]; NaN where none is known."""
        if self._time is None:
            return np.full(window.length, np.nan)
        return np.asarray(self._read(self._time.name, window), np.float64)

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

    @property
    def _time(self) -> Signal | None:
        """What tells when frames were taken; it is named after the axis where another signal has the name."""
        axis = self.image.axis
        beside = (self._beside(name) for name in ("time", f"time_{axis}"))
        return next((one for one in beside if one is not None and one.describes_axis and one.units == "s"), None)

    def numbers_of(self, axis: str) -> Signal | None:
        """Return the signal that tells which frame each position of another axis is of; None where none does."""
        signals = self.recording.signals.values()
        return next((s for s in signals if s.axis == axis and s.facts.get(REFERS_TO) == self.image.axis), None)

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
    if found is not None and found.image.length:
        return found
    axes = dict.fromkeys(signal.axis for signal in recording.signals.values() if signal.axis and signal.length)
    if not axes:
        raise SelectionError(f"{recording.path} has no frames to draw", "See xjls info.")
    remedy = f"xjls export --axis {next(iter(axes))} makes a table of them; in Python, xjls.open gives arrays."
    raise SelectionError(f"{recording.path} has no frames to draw, only {' and '.join(f'{a}s' for a in axes)}", remedy)
