"""The newest frame of each signal of pictures, as a browser gets it: grey levels, and which of them did not arrive.

The newest wins: what came since the last one is not told. Frames are told ten times a second at most, however often is
pushed, and with as many pixels as a screen shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from xjls.capturing.grey import grey_of
from xjls.capturing.last_frames import LOSS_S
from xjls.model.window import runs

if TYPE_CHECKING:
    from xjls.capturing.last_frames import LastFrames

EVERY_S = 0.1
"""Between two frames."""
MOST_PIXELS = 1 << 18
"""Of a picture that is pushed."""


class Pictures:
    """Tell the newest frames, once each.

    Parameters
    ----------
    frames
        By signal.
    most_pixels
        Of a picture; of larger frames every n-th pixel.
    elapsed_s
        A clock.

    Examples
    --------
    >>> import numpy as np, xjls
    >>> from fractions import Fraction
    >>> from xjls.capturing.last_frames import LastFrames
    >>> scope = xjls.Source(id=1, name="scope")
    >>> frames = LastFrames(xjls.Signal(id=1, name="image", units="", dtype=np.dtype("u1"), rate_hz=Fraction(20),
    ...                                 source=scope, axis="frame", sample_shape=(2, 3)), None)
    >>> frames.write("image", 70, np.arange(6, dtype="u1").reshape(1, 2, 3))
    >>> pictures = Pictures({"image": frames})
    >>> told, data = pictures.news(100)
    >>> told[0]["id"], told[0]["at"], list(data), pictures.news(0)
    (70, 100, [0, 49, 101, 153, 205, 255], ([], b''))
    """

    def __init__(
        self, frames: Mapping[str, LastFrames], most_pixels: int = MOST_PIXELS,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._frames = frames
        self._most = most_pixels
        self._elapsed_s = elapsed_s
        self._due_s = elapsed_s()
        self._told: dict[str, object] = {}
        """By signal, the frame that was told last."""

    def news(self, at: int) -> tuple[list[dict[str, Any]], bytes]:
        """Return the frames that are new, if it is time for some, and their bytes, which begin at an offset."""
        now = self._elapsed_s()
        told: list[dict[str, Any]] = []
        parts: list[bytes] = []
        if now < self._due_s:
            return told, b""
        for name, frames in self._frames.items():
            frame = frames.newest
            if frame is None or frame is self._told.get(name):
                continue
            self._told[name] = frame
            grey = grey_of(frame, frames.image, self._most)
            height, width = grey.pixels.shape
            told.append({
                "key": name, "id": frame.frame_id, "height": height, "width": width, "step": grey.step, "at": at,
                "low": grey.low, "high": grey.high, "missing": [list(run) for run in runs(grey.missing.reshape(-1))],
                "absent": len(frame.missing), "buffers": 0 if frame.present is None else len(frame.present),
            })  # fmt: skip
            parts.append(grey.pixels.tobytes())
            at += grey.pixels.size
        if told:
            self._due_s = now + EVERY_S
        return told, b"".join(parts)


def losses_of(frames: Mapping[str, LastFrames]) -> dict[str, dict[str, Any]]:
    """Return what is lost of the last seconds' frames, by signal."""
    return {name: {"lost": one.lost, "seconds": LOSS_S} for name, one in frames.items()}


def picture_facts(frames: LastFrames) -> dict[str, Any]:
    """Return what never changes of a signal of pictures."""
    image = frames.image
    height, width = image.sample_shape
    return {"key": image.name, "name": image.name, "units": image.units, "axis": image.axis, "height": height,
            "width": width, "rate_hz": float(image.rate_hz)}  # fmt: skip
