"""Which frames a picture shows, and each of them as a tile: its pixels, what of them never arrived, and its title."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.model.slots import slots_of, spread
from xjls.model.window import Window, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.query.frames import Frames

FRAMES = 12
"""That are shown where nobody says how many."""
MOST_FRAMES = 200
_CAPTION_IN = 0.3
"""Inches above a tile."""
_MOST_TILE_IN = 3.6
"""Height of a tile, at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """One frame as it is drawn."""

    frame_id: int
    """The device's number."""
    time_s: float
    """Seconds of the device's clock; NaN where it is not known."""
    pixels: NDArray[Any]
    """[height, width]; 0 where nothing arrived."""
    there: NDArray[np.bool_]
    """Which pixels arrived, bool[height, width]."""
    n_missing: int = 0
    """Buffers that did not arrive."""
    n_slots: int = 0
    """Buffers of a frame; 0 where nothing tells of them."""
    is_lost: bool = False
    """Whether nothing of it is there."""
    is_damaged: bool = False
    """Whether that is the recording's fault."""

    @property
    def name(self) -> str:
        """The device's number, as people type it."""
        return f"#{self.frame_id}"

    @property
    def time(self) -> str:
        """When it was taken; ``""`` where that is not known."""
        return "" if math.isnan(self.time_s) else f"{self.time_s:.3f} s"

    @property
    def lack(self) -> str:
        """What is wrong with it; ``""`` where it is whole."""
        if self.is_lost:
            return "damaged" if self.is_damaged else "lost"
        return f"{self.n_missing} of {self.n_slots} buffers missing" if self.n_missing else ""

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Pixels that did not arrive, counted row by row, half-open."""
        return list(runs(~self.there.reshape(-1)))


def shown_ids(window: Window, n: int) -> list[int]:
    """Return the numbers of frames spread evenly over a window, its first and its last among them.

    Examples
    --------
    >>> shown_ids(Window(100, 200), 4), shown_ids(Window(7, 9), 12), shown_ids(Window(0, 9), 1)
    ([100, 133, 166, 199], [7, 8], [4])
    """
    n = min(n, window.length)
    if n == 1:
        return [window.start + (window.length - 1) // 2]
    return [window.start + i * (window.length - 1) // (n - 1) for i in range(n)]


def tiles_of(frames: Frames, ids: Sequence[int]) -> list[Tile]:
    """Read some frames, one after the other, and what is known of each.

    Raises
    ------
    LostSamplesError
        One of them is damaged, and the recording was opened with ``on_damage="raise"``.
    """
    image = frames.image
    slots = slots_of(image.facts, frames.n_slots, image.sample_shape)
    return [_tile(frames, frame_id, slots) for frame_id in ids]


def _tile(frames: Frames, frame_id: int, slots: Sequence[tuple[int, int]]) -> Tile:
    window = Window(frame_id, frame_id + 1)
    pixels, gap = frames.frame(frame_id)
    missing = frames.missing(window)[0]
    is_lost = gap is not None or (frames.n_slots > 0 and bool(missing.all()))
    there = np.zeros(pixels.shape, np.bool_) if is_lost else spread(~missing, slots, pixels.shape)
    return Tile(
        frame_id=frame_id, time_s=float(frames.times(window)[0]), pixels=pixels, there=there,
        n_missing=int(np.count_nonzero(missing)), n_slots=frames.n_slots, is_lost=is_lost,
        is_damaged=gap is not None and not gap.skipped,
    )  # fmt: skip


def captions(tiles: Sequence[Tile], room: float) -> list[str]:
    r"""Return what stands above tiles: number, time and what is wrong, or as much as all of them have room for.

    Parameters
    ----------
    tiles
        Of one mosaic.
    room
        Letters in a line.

    Examples
    --------
    >>> tile = Tile(frame_id=12824, time_s=624.218, pixels=np.zeros((1, 1)), there=np.ones((1, 1), "?"),
    ...             n_missing=1, n_slots=8)
    >>> [captions([tile], room) for room in (30, 12, 7, 3)]
    [['#12824 · 624.218 s\n1 of 8 buffers missing'], ['#12824\n624.218 s'], ['#12824'], ['']]
    """
    ways: tuple[Callable[[Tile], tuple[str, ...]], ...] = (
        lambda tile: (" · ".join(filter(None, (tile.name, tile.time))), tile.lack),
        lambda tile: (tile.name, tile.time),
        lambda tile: (tile.name,),
    )
    for way in ways:
        lines = [tuple(filter(None, way(tile))) for tile in tiles]
        if max((len(line) for one in lines for line in one), default=0) <= room:
            return ["\n".join(one) for one in lines]
    return [""] * len(tiles)


def rows_and_columns(n: int, aspect: float, width_in: float, height_in: float) -> tuple[int, int]:
    """Return how many rows and columns of tiles come nearest to a size.

    Parameters
    ----------
    n
        Tiles.
    aspect
        Height of a frame, over its width.
    width_in, height_in
        Inches there are, and that should be taken, about.

    Examples
    --------
    >>> rows_and_columns(12, 1.0, 10, 4), rows_and_columns(12, 4.0, 10, 4), rows_and_columns(1, 0.1, 10, 4)
    ((2, 6), (1, 12), (1, 1))
    """
    tried = ((rows, -(-n // rows)) for rows in range(1, n + 1))
    return min(tried, key=lambda grid: abs(mosaic_height(grid, aspect, width_in) - height_in))


def mosaic_height(grid: tuple[int, int], aspect: float, width_in: float) -> float:
    """Return the inches that rows and columns of tiles take, captions among them."""
    return grid[0] * (min(width_in / grid[1] * aspect, _MOST_TILE_IN) + _CAPTION_IN)


def outline(start: int, stop: int, width: int) -> list[tuple[float, float]]:
    """Return the corners (x, y) of pixels of rows of ``width``, half-open: a block with a step at either end.

    Pixel centres are at whole numbers, y counts down, as matplotlib places an image.

    Examples
    --------
    >>> outline(3, 6, 4)
    [(2.5, -0.5), (3.5, -0.5), (3.5, 0.5), (1.5, 0.5), (1.5, 1.5), (-0.5, 1.5), (-0.5, 0.5), (2.5, 0.5)]
    """
    (top, left), (bottom, right) = divmod(start, width), divmod(stop - 1, width)
    y0, y1, x0, x1 = top - 0.5, bottom + 0.5, left - 0.5, right + 0.5
    if top == bottom:
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    end, begin = width - 0.5, -0.5
    return [
        (x0, y0), (end, y0), (end, y1 - 1), (x1, y1 - 1), (x1, y1), (begin, y1), (begin, y0 + 1), (x0, y0 + 1),
    ]  # fmt: skip
