"""A live view of frames as text: the newest one in grey half blocks, two pixels a letter, one above the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from xjls.capturing.grey import grey_of, missing_pixels
from xjls.capturing.last_frames import LOSS_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.last_frames import LastFrame, LastFrames

_GREYS, _FIRST_GREY = 24, 232
"""Of the 256 colours of terminals."""
_MISSING = 124
"""The red of what did not arrive."""
_UPPER = "\u2580"
_SHADES = " .:-=+*#%@"
"""From dark to bright, where there are no colours."""
LEAST_ROWS = 4


def pictures(frames: Mapping[str, LastFrames], columns: int, rows: int, *, colored: bool = True) -> list[str]:
    """Return the newest frames as lines, of at most so many letters and so many lines; the first that find room."""
    lines: list[str] = []
    for one in frames.values():
        if rows - len(lines) >= LEAST_ROWS:
            lines += _picture(one, columns, rows - len(lines), colored=colored)
    return lines


def _picture(frames: LastFrames, columns: int, rows: int, *, colored: bool) -> list[str]:
    """Return a line of words and the picture below it."""
    frame = frames.newest
    if frame is None:
        return [f"{frames.image.name}: no frame has come yet"[:columns]]
    words = [f"{frames.image.name}  {frames.image.axis} {frame.frame_id:,}"]
    words += [f"{len(frame.missing)} of {len(frame.present)} buffers missing"] if frame.present is not None else []
    words += [f"{lost:.2%} lost in the last {LOSS_S:g} s"] if (lost := frames.lost) is not None else []
    cells = _cells(frame, frames, columns, rows - 1)
    return [" | ".join(words)[:columns], *(_colored_lines(cells) if colored else _plain_lines(cells))]


def _cells(frame: LastFrame, frames: LastFrames, columns: int, rows: int) -> NDArray[np.int64]:
    """Return pixels for letters of one column and two rows, i64[2 * row, column]: 0 to 23, or -1 of what is missing.

    A pixel is the mean of those that it is in place of, or missing where most of them are.
    """
    height, width = frame.pixels.shape
    each = max(math.ceil(width / columns), math.ceil(height / (2 * rows)), 1)
    grey = grey_of(frame, frames.image, frame.pixels.size)
    there = ~missing_pixels(frame, frames.image)
    count = _sums(there.astype("f8"), each)
    whole = _sums(np.ones(there.shape), each)
    with np.errstate(invalid="ignore", divide="ignore"):
        levels = np.rint(_sums(grey.pixels.astype("f8") * there, each) / count * (_GREYS - 1) / 255)
    found = np.where(2 * count > whole, levels, -1).astype(np.int64)
    return np.pad(found, ((0, len(found) % 2), (0, 0)), mode="edge")


def _sums(values: NDArray[np.float64], each: int) -> NDArray[np.float64]:
    """Return sums of squares of so many pixels a side; those at the ends are of what there is."""
    height, width = values.shape
    padded = np.pad(values, ((0, -height % each), (0, -width % each)))
    found: NDArray[np.float64] = padded.reshape(len(padded) // each, each, -1, each).sum(axis=(1, 3))
    return found


def _colored_lines(cells: NDArray[np.int64]) -> list[str]:
    codes = np.where(cells < 0, _MISSING, cells + _FIRST_GREY)
    return [
        "".join(f"\033[38;5;{top};48;5;{low}m{_UPPER}" for top, low in zip(upper, lower, strict=True)) + "\033[0m"
        for upper, lower in zip(codes[::2].tolist(), codes[1::2].tolist(), strict=True)
    ]


def _plain_lines(cells: NDArray[np.int64]) -> list[str]:
    shades = [_SHADES[level * len(_SHADES) // _GREYS] for level in range(_GREYS)]
    return ["".join("?" if level < 0 else shades[level] for level in line) for line in cells[::2].tolist()]
