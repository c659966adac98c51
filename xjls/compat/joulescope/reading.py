"""A recording in JLS v1 that is open, and its samples under Joulescope's names: `Reading`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer.fields import I_RANGE_MISSING, STATS_FIELD_NAMES, made_field, members_of
from xjls.compat.joulescope.refusing import refusing
from xjls.errors import SelectionError
from xjls.formats.jls1.file import FOOTER_USER, USER
from xjls.formats.jls1.opening import spelled
from xjls.formats.jls1.raw import RawSamples
from xjls.formats.jls1.reader import Jls1Reader
from xjls.formats.jls1.suppression import Suppression
from xjls.model.recording import Recording
from xjls.model.window import Window
from xjls.storage import absolute_path
from xjls.storage.file_object import FileObject, name_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from xjls.formats.jls1.processor import Block
    from xjls.model.window import Gap
    from xjls.storage.file_object import Seekable

SIGNAL_OF = {field: field for field in STATS_FIELD_NAMES} | {"current_lsb": "gpi0", "voltage_lsb": "gpi1"}
"""What xjls calls a field."""
_UNITS = {"current": "A", "voltage": "V", "power": "W", "raw_current": "LSBs", "raw_voltage": "LSBs"}
_OF_WORDS = ("raw", "raw_current", "raw_voltage", "bits", "current_voltage")
"""Fields that only recordings of words have."""
_DTYPES = {"current": np.float32, "voltage": np.float32, "power": np.float32}
_PIECE = 1 << 15


class RawProcessor:
    """How the words of a recording become samples.

    Examples
    --------
    >>> processor = RawProcessor()
    >>> processor.suppress_mode
    'interp_1_n_1'
    >>> processor.suppress_mode = "mean_2_m_1"
    """

    def __init__(self) -> None:
        self._suppression = Suppression.of("normal")

    @property
    def suppress_mode(self) -> str:
        """What becomes of currents just after a switch of ranges; see `xjls.formats.jls1.suppression.Suppression`."""
        return str(self._suppression)

    @suppress_mode.setter
    def suppress_mode(self, value: str | None) -> None:
        with refusing():
            self._suppression = Suppression.of(spelled(value))

    @property
    def suppression(self) -> Suppression:
        """The same, taken apart."""
        return self._suppression


class Reading:
    """A recording that is open; damage in it is a gap.

    Parameters
    ----------
    source
        Its path, or a binary file that can seek.
    suppression
        What becomes of currents that switches of ranges distort.
    """

    def __init__(self, source: str | os.PathLike[str] | Seekable, suppression: Suppression) -> None:
        is_path = isinstance(source, str | os.PathLike)
        opener = _Opener() if is_path else _OpenerOfFile(source)  # type: ignore[arg-type]  # what is no path is a file
        path = absolute_path(os.fspath(source)) if is_path else name_of(source)  # type: ignore[arg-type]  # as above
        self.suppression = suppression
        self.recording = Recording(path, opener, options={"suppress": str(suppression)}, on_damage="gap")
        self.reader = opener.reader
        file = self.reader.file
        self.length = file.length
        self.config: dict[str, Any] = json.loads(file.config.encode()) | file.told
        self.footer = {"type": "footer", "size": file.length}
        told = {record.meta: record.data for record in file.user_data}
        self.user_data, self.footer_user_data = told.get(USER), told.get(FOOTER_USER)
        self.is_raw = isinstance(self.reader.samples, RawSamples)

    @property
    def fields(self) -> tuple[str, ...]:
        """Those of `STATS_FIELD_NAMES` that it has."""
        return tuple(field for field in STATS_FIELD_NAMES if SIGNAL_OF[field] in self.reader.names)

    def close(self) -> None:
        """Give the file back."""
        self.recording.close()

    def voltage_range(self, sample_id: int) -> int:
        """Return the voltage range of the block that a sample is in."""
        records = self.reader.file.records
        return records.voltage_range(sample_id // records.per_record) if self.is_raw else 0

    def require(self, fields: Sequence[str]) -> None:
        """Raise unless there are such fields."""
        there = (*self.fields, *(_OF_WORDS if self.is_raw and self.fields else ()))
        unknown = [str(field) for field in fields if field not in there]
        if unknown:
            raise SelectionError(f"there is no field {', '.join(unknown)}", f"Fields: {', '.join(there) or 'none'}.")

    def samples(self, fields: Sequence[str], start: int, stop: int) -> dict[str, dict[str, Any]]:
        """Return what is told of fields in a window, by their names."""
        self.require(fields)
        window = Window(start, stop)
        words = [field for field in fields if field.startswith("raw")]
        members = members_of([field for field in fields if field not in words])
        read = self._read(members, window) if members else {}
        values = {field: made_field(field, read) for field in fields if field not in words}
        if words:
            values |= self._words(window)
        told: dict[str, dict[str, Any]] = {
            field: {"value": values[field], "units": _UNITS.get(field, "")} for field in fields
        }
        if "raw" in told:
            told["raw"]["voltage_range"] = self.voltage_range(max(stop - 1, start)) if stop > start else 0
        return told

    def blocks(self, window: Window, names: Collection[str] = tuple(SIGNAL_OF.values())) -> Iterator[Block]:
        """Yield samples of some signals of a recording of words, NaN and of a range of 8 where they are lost."""
        assert isinstance(self.reader.samples, RawSamples), "it is one of words"  # noqa: S101 - an invariant, not input
        self.reader.file.storage.hold()
        gaps: list[Gap] = []
        for block in self.reader.samples.blocks(window, gaps, names, verify=True):
            for gap in gaps:
                lost = gap.window & Window(block.first_id, block.stop)
                if lost.length:  # suppression may have drawn a line into it
                    inside = slice(lost.start - block.first_id, lost.stop - block.first_id)
                    absent = block.current_range[inside] >= I_RANGE_MISSING
                    for name in {"current", "power"}.intersection(names):
                        getattr(block, name)[inside][absent] = np.nan
            yield block

    def pieces(self, window: Window) -> Iterator[list[NDArray[np.float32]]]:
        """Yield the samples of a window of another recording: all six fields, NaN where there are none."""
        there = self.fields
        for start in range(window.start, window.stop, _PIECE):
            span = (start, min(start + _PIECE, window.stop))
            yield [
                self.recording.read(SIGNAL_OF[field], span) if field in there else _absent(span)
                for field in STATS_FIELD_NAMES
            ]

    def _read(self, fields: Sequence[str], window: Window) -> dict[str, NDArray[Any]]:
        """Return samples of fields that are signals."""
        span = (window.start, window.stop)
        if not self.is_raw or (len(fields) == 1 and fields[0] in _DTYPES):
            return {field: self.recording.read(SIGNAL_OF[field], span) for field in fields}
        read = {field: np.empty(window.length, _DTYPES.get(field, np.uint8)) for field in fields}
        at = 0
        for block in self.blocks(window, [SIGNAL_OF[field] for field in fields]):
            stop = at + len(block)
            for field, values in read.items():
                values[at:stop] = getattr(block, SIGNAL_OF[field])
                if field.endswith("_lsb"):
                    values[at:stop][block.current_range == I_RANGE_MISSING] = 0
            at = stop
        return read

    def _words(self, window: Window) -> dict[str, NDArray[Any]]:
        assert isinstance(self.reader.samples, RawSamples), "it is one of words"  # noqa: S101 - an invariant, not input
        self.reader.file.storage.hold()
        raw = self.reader.samples.words(window, verify=True)
        return {"raw": raw, "raw_current": raw[:, 0] >> 2, "raw_voltage": raw[:, 1] >> 2}


class _Opener:
    """Open a recording for reading, and keep its reader."""

    reader: Jls1Reader

    def __call__(self, path: str, **options: Any) -> Jls1Reader:
        self.reader = Jls1Reader(path, **options)
        return self.reader


class _OpenerOfFile(_Opener):
    """Open one in a file that somebody has opened."""

    def __init__(self, file: Seekable) -> None:
        self._file = file

    def __call__(self, path: str, **options: Any) -> Jls1Reader:
        return super().__call__(path, storage=FileObject(self._file), **options)


def _absent(span: tuple[int, int]) -> NDArray[np.float32]:
    return np.full(span[1] - span[0], np.nan, np.float32)
