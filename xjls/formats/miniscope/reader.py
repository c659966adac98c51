"""From a stream or a card to a Recording: frames on the device's axis, and what headers say of each buffer.

Opening looks through all bytes for buffers; what is kept of these is their headers. Pixels are read when they are asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.as_mio import place_as_mio
from xjls.formats.miniscope.buffers import find_buffers
from xjls.formats.miniscope.card import CardConfig, find_card_buffers, read_card_config
from xjls.formats.miniscope.frames import read_frames
from xjls.formats.miniscope.grid import Grid, place_buffers
from xjls.formats.miniscope.host_times import content_token, read_host_times
from xjls.formats.miniscope.stored import StoredBytes
from xjls.formats.miniscope.tables import BUFFER, FRAME, IMAGE, Column, buffer_columns, frame_columns
from xjls.formats.miniscope.telling import damage_of, notes_of, require_headers, totals_of
from xjls.model.annotation import UserData
from xjls.model.sample_type import name_of
from xjls.model.signal import Signal, Source
from xjls.model.status import Damage, Status
from xjls.model.window import Gap, Window, runs
from xjls.storage import open_storage
from xjls.storage.pool import array_to_fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.config import StreamConfig
    from xjls.model.annotation import Annotation, Tie
    from xjls.model.reader import OnDamage, Places
    from xjls.model.signal import Level

__all__ = ["FORMAT", "MiniscopeReader"]

FORMAT = "miniscope"
_SOURCE = Source(id=1, name="miniscope")
_USUAL_FPS = 20
_PIECE_FRAMES = 256
"""Frames whose bytes are asked for together."""


class MiniscopeReader:
    """Fulfil `xjls.model.reader.Reader` for streams of miniscopes and images of their SD cards.

    Parameters
    ----------
    path, storage_options
        A local file, or an address that fsspec understands.
    config
        How the stream was sent; None: it is a card.
    layout, host_times, settings_sector
        See `xjls.formats.miniscope.opening.open_miniscope`.
    """

    format = FORMAT
    was_closed = True
    restarts = False
    sources: tuple[Source, ...] = (_SOURCE,)

    def __init__(
        self, path: str, storage_options: Mapping[str, Any] | None = None, *, config: StreamConfig | None = None,
        layout: str = "device", host_times: str | None = None, settings_sector: int | None = None,
    ) -> None:  # fmt: skip
        host = None if host_times is None else read_host_times(host_times)
        self._storage = open_storage(path, storage_options)
        self._data = StoredBytes(self._storage)
        try:
            self._config = read_card_config(self._data, settings_sector) if config is None else config
            self.grid = _placed(self._data, self._config, layout)
            """The frames, and the buffers that they are made of."""
            if config is not None:  # a card tells itself that there is nothing on it
                require_headers(self.grid, path)
            of_buffers = {column.name: column for column in buffer_columns(self.grid, host)}
            if host is not None:
                _require_times(of_buffers, str(host_times))
        except BaseException:
            self._storage.close()
            raise
        of_frames = {column.name: column for column in frame_columns(self.grid, of_buffers)}
        self._columns: Mapping[str, Column] = {**of_frames, **of_buffers}
        self._of_frames = frozenset((IMAGE, *of_frames))
        told = () if host_times is None else content_token(host_times)
        self.token: tuple[object, ...] = (*self._storage.token, repr(self._config), layout, *told)
        self.names: tuple[str, ...] = (IMAGE, *self._columns)

    def describe(self, name: str) -> Signal:
        """Return a signal's facts; see `Reader`."""
        grid, is_of_frames = self.grid, name in self._of_frames
        first, count = (grid.first_frame, len(grid)) if is_of_frames else (0, len(grid.buffers))
        fps = _frames_per_second(self._config)
        told: dict[str, Any] = {
            "id": self.names.index(name) + 1, "name": name, "source": _SOURCE, "window": Window(first, first + count),
            "axis": FRAME if is_of_frames else BUFFER, "rate_hz": fps * (1 if is_of_frames else grid.shape.n_slots),
        }  # fmt: skip
        if name == IMAGE:
            told |= {
                "units": "", "dtype": grid.shape.dtype, "sample_shape": grid.frame_shape,
                "sample_dims": ("width", "height") if grid.by_columns else ("height", "width"),
                "facts": totals_of(grid) | {"ancillary_variables": "buffer_present"},
            }  # fmt: skip
        else:
            column = self._columns[name]
            told |= {
                "units": column.units, "dtype": column.values.dtype, "sample_shape": column.values.shape[1:],
                "sample_dims": column.dims, "describes_axis": not column.measures, "facts": column.facts,
            }  # fmt: skip
        return Signal(stored_type=name_of(told["dtype"]), **told)

    def read(
        self, signal: Signal, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool  # noqa: ARG002 - what did not arrive is no damage
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:  # fmt: skip
        """Read samples; see `Reader`."""
        self._storage.hold()
        start, stop = window.start - signal.first_id, window.stop - signal.first_id
        made = array_to_fill(out, window.length, signal.dtype, signal.sample_shape)
        if signal.name != IMAGE:
            made[...] = self._columns[signal.name].values[start:stop]
            return made, ()
        for first in range(start, stop, _PIECE_FRAMES):
            last = min(first + _PIECE_FRAMES, stop)
            low, high = self.grid.byte_window(first, last)
            piece = made[first - start : last - start]
            read_frames(self._data[low:high], self.grid, first, last, piece, first_byte=low)
        return made, self._empty(window)

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[Any]:
        """Raise: nothing here has levels; see `Reader`."""
        raise NotImplementedError(f"{signal.name} has no levels")

    def places(self, signal: Signal, verify: bool) -> Places:
        """Raise: nothing here is a series; see `Reader`."""
        raise NotImplementedError(f"{signal.name} is no series")

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return the frames of which nothing arrived; see `Reader`."""
        return self.skipped(signal)

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:
        """Return the frames of which nothing arrived; see `Reader`."""
        return self._empty(signal.window) if signal.name == IMAGE else ()

    def ties(self, signal: Signal) -> tuple[Tie, ...]:  # noqa: ARG002 - of all signals
        """Return nothing: times are samples here; see `Reader`."""
        return ()

    def annotations(self) -> tuple[Annotation, ...]:
        """Return nothing: the format has none; see `Reader`."""
        return ()

    def user_data(self) -> tuple[UserData, ...]:
        """Return the configuration, of a card with its settings (0); see `Reader`."""
        told = asdict(self._config)
        if "header_format" in told:
            told["header_format"] = self.grid.buffers.format.id
        return (UserData(meta=0, data=told),)

    def status(self) -> Status:
        """Return what is known of the stream's health; see `Reader`."""
        damage, notes = damage_of(self.grid), notes_of(self.grid)
        return Status(closed=True, size_bytes=self._storage.size, damage=damage, notes=notes)

    def check(self, progress: Callable[[int, int], None] | None) -> tuple[Damage, ...]:
        """Return which headers cannot be believed: all were looked at on opening; see `Reader`."""
        if progress is not None:
            progress(self._storage.size, self._storage.size)
        return self.status().damage

    def close(self) -> None:
        """Give the file back; see `Reader`."""
        self._storage.close()

    def _empty(self, window: Window) -> tuple[Gap, ...]:
        """Return the frames among these of which no buffer arrived."""
        start, stop = window.start - self.grid.first_frame, window.stop - self.grid.first_frame
        nothing = np.count_nonzero(self.grid.present[start:stop], axis=1) == 0
        return tuple(
            Gap(Window(window.start + first, window.start + last), "no buffer arrived", skipped=True)
            for first, last in runs(nothing)
        )


def _placed(data: StoredBytes, config: StreamConfig | CardConfig, layout: str) -> Grid:
    """Return the frames of a stream or a card."""
    if isinstance(config, CardConfig):
        return place_buffers(find_card_buffers(data, config))
    buffers = find_buffers(data, config)
    return place_as_mio(buffers, config.header_reversal) if layout == "mio" else place_buffers(buffers)


def _require_times(columns: Mapping[str, Column], path: str) -> None:
    """Refuse the host's times of another stream."""
    times = columns.get("host_time_buffer")
    if times is None or (len(times.values) and not np.isfinite(times.values).any()):
        raise SelectionError(
            f"no row of {path} tells the time of a buffer of this stream",
            "Rows are matched by buffer_count: give the CSV that was written with the stream, or leave host_times out.",
        )


def _frames_per_second(config: StreamConfig | CardConfig) -> Fraction:
    """Return how many frames there should be in a second."""
    told = config.fps if isinstance(config, CardConfig) else config.fs
    return Fraction(told).limit_denominator(1_000_000) or Fraction(_USUAL_FPS)
