"""Everything a stream tells beside its pixels, as arrays: of each frame, and of each buffer as it came.

Names that are made here keep to themselves: a field of a header that is called like one of them gets ``_field`` behind
its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.miniscope.checks import unwrapped
from xjls.formats.miniscope.host_times import matched_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xjls.formats.miniscope.grid import Grid

__all__ = ["BUFFER", "FRAME", "IMAGE", "Column", "buffer_columns", "frame_columns"]

IMAGE, FRAME, BUFFER = "image", "frame", "buffer"
UNIX = "seconds since 1970-01-01T00:00:00Z"
"""Units of the host's times, as CF says them."""
_MADE = ("header_ok", "header_flags", "bit_offset", "frame_index", "time_buffer", "host_time_buffer")
_OF_FRAMES = (IMAGE, FRAME, BUFFER, "buffer_present", "n_missing", "time", "host_time", "height", "width", "slot")
_STAMPS = ("timestamp", "timestamp_ms")
"""Fields that tell when a buffer was filled, ms since the recording began."""
_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One fact of all frames, or of all buffers."""

    name: str
    values: NDArray[Any]
    """[frame or buffer], and more axes where `dims` has names for them."""
    units: str = ""
    dims: tuple[str, ...] = ()
    """Of one value's own axes."""
    measures: bool = False
    """Whether it stands for itself, and is no coordinate of the axis."""


def buffer_columns(grid: Grid, host: tuple[NDArray[np.int64], NDArray[np.float64]] | None) -> list[Column]:
    """Return what is known of each buffer, in the order of the stream, those that cannot be believed among them.

    Parameters
    ----------
    grid
        Buffers and the frames that they make.
    host
        Counts of buffers, and when the host received them; None: nobody wrote it down.
    """
    buffers, units = grid.buffers, grid.buffers.format.units
    found = [_of_header(name, values, units.get(name, "")) for name, values in buffers.columns.items()]
    found += [
        Column(name="header_ok", values=buffers.header_ok), Column(name="header_flags", values=buffers.flags),
        Column(name="bit_offset", values=buffers.bit_offset, units="bits"),
        Column(name="frame_index", values=frame_index(grid)),
    ]  # fmt: skip
    if (times := _times_of_buffers(grid)) is not None:
        found.append(Column(name="time_buffer", values=times, units="s"))
    if host is not None and "buffer_count" in buffers.columns:
        received = matched_times(buffers.columns["buffer_count"].astype(np.int64), *host)
        received[~buffers.header_ok] = np.nan
        found.append(Column(name="host_time_buffer", values=received, units=UNIX))
    return found


def frame_columns(grid: Grid, of_buffers: Mapping[str, Column]) -> list[Column]:
    """Return what is known of each frame: which of its buffers there are, and when the first of these was filled."""
    present = grid.present
    found = [
        Column(name="buffer_present", values=present, dims=("slot",), measures=True),
        Column(name="n_missing", values=np.count_nonzero(~present, axis=1).astype(np.uint16), measures=True),
    ]
    clocks = ((name, of_buffers.get(f"{name}_buffer")) for name in ("time", "host_time"))
    return found + [
        Column(name=name, values=_first_of_frames(grid, column.values), units=column.units)
        for name, column in clocks
        if column is not None
    ]


def frame_index(grid: Grid) -> NDArray[np.int64]:
    """Return the position on the frame axis that each buffer is of, i64[buffer]; -1 where nobody can tell."""
    index = np.full(len(grid.buffers), -1, np.int64)
    if grid.by_columns:  # frames of mio are not told by their numbers
        frame, slot = np.nonzero(grid.present)
        index[grid.buffer_of[frame, slot]] = frame
        return index
    good = grid.buffers.header_ok
    index[good] = unwrapped(grid.buffers.columns["frame_num"][good]) - grid.first_frame
    return index


def _of_header(name: str, values: NDArray[Any], units: str) -> Column:
    kept = f"{name}_field" if name in _MADE or name in _OF_FRAMES else name
    return Column(name=kept, values=values, units=units, dims=(f"{kept}_byte",) if values.ndim > 1 else ())


def _times_of_buffers(grid: Grid) -> NDArray[np.float64] | None:
    """Return when each buffer was filled, s, on one axis past the 49 days that 32 bits count; NaN if not known."""
    columns, good = grid.buffers.columns, grid.buffers.header_ok
    stamps = next((columns[name] for name in _STAMPS if name in columns), None)
    if stamps is None:
        return None
    times = np.full(len(stamps), np.nan)
    times[good] = unwrapped(stamps[good]) / _MS
    return times


def _first_of_frames(grid: Grid, of_buffers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the value of the first buffer that each frame has, f64[frame]; NaN where it has none."""
    present = grid.present
    if not present.size:
        return np.full(len(grid), np.nan)
    first = grid.buffer_of[np.arange(len(grid)), present.argmax(axis=1)]
    return np.where(first >= 0, of_buffers[first], np.nan)
