"""Everything a stream tells beside its pixels, as arrays: of each frame, and of each buffer as it came.

Names that are made here keep to themselves: a field of a header that is called like one of them gets ``_field`` behind
its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.miniscope.checks import BufferFlag, unwrapped
from xjls.formats.miniscope.header_format import HeaderFlag
from xjls.formats.miniscope.host_times import matched_times
from xjls.model.slots import GAP_VALUE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.buffers import Buffers
    from xjls.formats.miniscope.fields import Columns
    from xjls.formats.miniscope.grid import Grid

__all__ = [
    "BUFFER",
    "FRAME",
    "IMAGE",
    "Column",
    "buffer_columns",
    "frame_columns",
    "header_columns",
    "made_column",
    "missing_column",
    "stamps_of",
]

IMAGE, FRAME, BUFFER = "image", "frame", "buffer"
UNIX = "seconds since 1970-01-01T00:00:00Z"
"""Units of the host's times, as CF says them."""
_MADE = ("header_ok", "header_flags", "bit_offset", "frame_number", "time_buffer", "host_time_buffer")
_OF_FRAMES = (IMAGE, FRAME, BUFFER, "buffer_present", "n_missing", "time", "host_time", "height", "width", "slot")
_STAMPS = ("timestamp", "timestamp_ms")
"""Fields that tell when a buffer was filled, ms since the recording began."""
_MS = 1000
_FLAGS = {
    "flag_masks": [int(flag) for kind in (HeaderFlag, BufferFlag) for flag in kind],
    "flag_meanings": " ".join(str(flag.name).lower() for kind in (HeaderFlag, BufferFlag) for flag in kind),
}
"""What is wrong with a header, bit by bit, in CF's words."""


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
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What attributes say of it beside its units."""


_FACTS: Mapping[str, Mapping[str, Any]] = {
    "frame_number": {"facts": {"refers_to": FRAME}}, "time_buffer": {"units": "s"}, "host_time_buffer": {"units": UNIX},
    "buffer_present": {"dims": ("slot",), "measures": True, "facts": {GAP_VALUE: 0}}, "time": {"units": "s"},
    "n_missing": {"measures": True},
    "host_time": {"units": UNIX},
}  # fmt: skip
"""What is made here of buffers and frames, and no field of a header."""


def made_column(name: str, values: NDArray[Any]) -> Column:
    """Return something that is made of buffers or of frames, with its units and axes.

    Examples
    --------
    >>> made_column("time", np.array([0.35])).units
    's'
    """
    return Column(name=name, values=values, **_FACTS[name])


def header_columns(buffers: Buffers) -> list[Column]:
    """Return what headers say, whether they can be believed, and where in the stream they are."""
    units = buffers.format.units
    found = [_of_header(name, values, units.get(name, "")) for name, values in buffers.columns.items()]
    return [
        *found, Column(name="header_ok", values=buffers.header_ok),
        Column(name="header_flags", values=buffers.flags, facts=_FLAGS),
        Column(name="bit_offset", values=buffers.bit_offset, units="bits"),
    ]  # fmt: skip


def buffer_columns(grid: Grid, host: tuple[NDArray[np.int64], NDArray[np.float64]] | None) -> list[Column]:
    """Return what is known of each buffer, in the order of the stream, those that cannot be believed among them.

    Parameters
    ----------
    grid
        Buffers and the frames that they make.
    host
        Counts of buffers, and when the host received them; None: nobody wrote it down.
    """
    buffers = grid.buffers
    found = [*header_columns(buffers), made_column("frame_number", frame_number(grid))]
    if (times := _times_of_buffers(grid)) is not None:
        found.append(made_column("time_buffer", times))
    if host is not None and "buffer_count" in buffers.columns:
        received = matched_times(buffers.columns["buffer_count"].astype(np.int64), *host)
        received[~buffers.header_ok] = np.nan
        found.append(made_column("host_time_buffer", received))
    return found


def frame_columns(grid: Grid, of_buffers: Mapping[str, Column]) -> list[Column]:
    """Return what is known of each frame: which of its buffers there are, and when the first of these was filled."""
    present = grid.present
    found = [made_column("buffer_present", present), missing_column(present)]
    clocks = ((name, of_buffers.get(f"{name}_buffer")) for name in ("time", "host_time"))
    return found + [
        made_column(name, _first_of_frames(grid, column.values)) for name, column in clocks if column is not None
    ]


def missing_column(present: NDArray[np.bool_]) -> Column:
    """Return how many buffers of bool[frame, slot] are not there, u16[frame]; all, where a frame is in a gap."""
    found = made_column("n_missing", np.count_nonzero(~present, axis=1).astype(np.uint16))
    return replace(found, facts={GAP_VALUE: present.shape[1]})


def stamps_of(columns: Columns) -> NDArray[Any] | None:
    """Return when buffers were filled, ms since the recording began, modulo 2**32; None: headers do not say."""
    return next((columns[name] for name in _STAMPS if name in columns), None)


def frame_number(grid: Grid) -> NDArray[np.int64]:
    """Return the id on the frame axis of the frame that each buffer is of, i64[buffer]; -1 where nobody can tell."""
    found = np.full(len(grid.buffers), -1, np.int64)
    if grid.by_columns:  # frames of mio are not told by their numbers
        frame, slot = np.nonzero(grid.present)
        found[grid.buffer_of[frame, slot]] = grid.first_frame + frame
        return found
    good = grid.buffers.header_ok
    found[good] = unwrapped(grid.buffers.columns["frame_num"][good])
    return found


def _of_header(name: str, values: NDArray[Any], units: str) -> Column:
    kept = f"{name}_field" if name in _MADE or name in _OF_FRAMES else name
    return Column(name=kept, values=values, units=units, dims=(f"{kept}_byte",) if values.ndim > 1 else ())


def _times_of_buffers(grid: Grid) -> NDArray[np.float64] | None:
    """Return when each buffer was filled, s, on one axis past the 49 days that 32 bits count; NaN if not known."""
    columns, good = grid.buffers.columns, grid.buffers.header_ok
    stamps = stamps_of(columns)
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
