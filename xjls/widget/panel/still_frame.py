"""A frame as a figure: for a notebook without a kernel, and for a file that is drawn while a capture runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xjls.capturing.grey import grey_of, tinted
from xjls.errors import MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from xjls.capturing.last_frames import LastFrames

WIDTH_INCH, LEAST_INCH, MOST_INCH = 5.0, 2.0, 8.0
MOST_PIXELS = 1 << 18


def figure_of(rgb: NDArray[np.uint8], title: str) -> Figure:
    """Return a figure of a picture, u8[height, width, 3].

    Raises
    ------
    MissingDependencyError
        There is no matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "plot") from None
    height = min(max(WIDTH_INCH * rgb.shape[0] / rgb.shape[1], LEAST_INCH), MOST_INCH)
    figure = Figure(figsize=(WIDTH_INCH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(rgb, interpolation="nearest")
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_xticks([])
    axes.set_yticks([])
    return figure


def newest_figure(frames: LastFrames) -> Figure | None:
    """Return a figure of the newest frame; None before there is one.

    Raises
    ------
    MissingDependencyError
        There is no matplotlib.
    """
    frame = frames.newest
    if frame is None:
        return None
    grey = grey_of(frame, frames.image, MOST_PIXELS)
    buffers = 0 if frame.present is None else len(frame.present)
    title = caption(frames.image.name, frame.frame_id, len(frame.missing), buffers, frames.lost)
    return figure_of(tinted(grey.pixels, grey.missing), title)


def caption(name: str, frame_id: int, absent: int, buffers: int, lost: float | None) -> str:
    """Return what is said of a frame.

    Examples
    --------
    >>> caption("image", 12830, 2, 8, 0.0125), caption("image", 7, 0, 0, None)
    ('image: frame 12,830, 2 of 8 buffers missing, 1.25% lost lately', 'image: frame 7')
    """
    told = [f"{name}: frame {frame_id:,}"]
    told += [f"{absent} of {buffers} buffers missing"] if absent else []
    told += [f"{lost:.2%} lost lately"] if lost is not None else []
    return ", ".join(told)
