"""A sidecar that was found, opened: what it says, its levels, and the gaps that were seen when it was built."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError, NotRecognizedError
from xjls.formats.levels.gaps import decode_gaps
from xjls.formats.levels.layout import GAP_COLUMNS, GAPS, KEY, decode_record, seal
from xjls.formats.levels.shards import LevelFiles
from xjls.formats.zarr.codecs import decode_chunk
from xjls.formats.zarr.opening import ROOT
from xjls.model.window import Gaps
from xjls.storage import local_path, open_storage

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from xjls.formats.levels.layout import SidecarSignal
    from xjls.model.signal import Signal
    from xjls.progress import Progress

_INT64 = np.dtype("<i8")


class Sidecar:
    """Read a sidecar.

    Parameters
    ----------
    place, storage_options
        A folder of this machine, or an address that fsspec understands.

    Raises
    ------
    FileNotFoundError
        There is none.
    NotRecognizedError, UnsupportedError, CorruptError
        It is something else, of another layout, or damaged.
    """

    def __init__(self, place: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self.place = place
        self._options = storage_options
        # Before it is read: what is read may be of the one that took its place
        self._is_there = partial(_is_there, place, _stamp(place))
        told = _decode_root(self._bytes(ROOT), place)
        self.record = decode_record(told, place)
        self.token = seal(told)
        """What tells its content from another's."""
        self.signals = {record.name: self._opened(record) for record in self.record.signals}

    def check(self, progress: Progress | None) -> tuple[int, list[str]]:
        """Verify every block; return how many bytes there are, and what is wrong, a sentence a file."""
        levels = [level for signal in self.signals.values() for level in signal.levels]
        done, total, problems = 0, sum(level.cut.n_blocks * level.cut.stride for level in levels), []
        for level in levels:
            for n_bytes, problem in level.check():
                done += n_bytes
                problems += [problem] if problem else []
                if progress is not None:
                    progress(min(done, total), total)
        return done, problems

    def close(self) -> None:
        """Give back what is held; twice is harmless."""
        for signal in self.signals.values():
            signal.close()

    def __enter__(self) -> Sidecar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self, record: SidecarSignal) -> SignalLevels:
        levels = tuple(LevelFiles(self.place, self._options, cut, self._is_there) for cut in record.cuts)
        return SignalLevels(record, levels, self._gaps(record), self.record.reasons)

    def _gaps(self, record: SidecarSignal) -> NDArray[np.int64]:
        if not (count := self.record.gaps.get(record.name, 0)):
            return np.empty((0, len(GAP_COLUMNS)), np.int64)
        key = f"{GAPS}/{record.array}/c.0.0"
        try:
            data = np.frombuffer(self._bytes(key), np.uint8)
            table = decode_chunk(data, _INT64, None, verify=True).reshape(count, len(GAP_COLUMNS))
            return _known(table, len(self.record.reasons))
        except (ValueError, FileNotFoundError) as error:
            problem = f"it does not tell any more which samples of {record.name!r} are none ({error})"
            raise CorruptError(problem, f"{self.place}/{key}") from error

    def _bytes(self, key: str) -> bytes:
        with open_storage(f"{self.place}/{key}", self._options) as storage:
            return storage.read(0, storage.size)


class SignalLevels:
    """The levels of one signal, and what is no sample of it.

    Parameters
    ----------
    record
        Which signal.
    levels
        From fine to coarse.
    table, reasons
        What was lost, or never delivered: see `xjls.formats.levels.gaps.Reasons`.
    """

    def __init__(
        self, record: SidecarSignal, levels: tuple[LevelFiles, ...], table: NDArray[np.int64],
        reasons: Sequence[tuple[str, bool]],
    ) -> None:  # fmt: skip
        self.record = record
        self.levels = levels
        self._table = table
        self._reasons = reasons

    @cached_property
    def gaps(self) -> Gaps:
        """What was lost, or never delivered."""
        return Gaps(decode_gaps(self._table.tolist(), self._reasons))

    def fits(self, signal: Signal) -> bool:
        """Return whether a signal is the one that they were built of."""
        mine = self.record
        told = mine.stored_type, mine.first_id, mine.length
        return told == (signal.stored_type, signal.first_id, signal.length) and not signal.level_factors

    def touched(self, level: int, starts: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
        """Return which of the runs of ``count`` entries from ``starts`` on have a sample in a gap."""
        factor = self.record.factors[level - 1]
        return self.gaps.touch(self.record.first_id + starts * factor, count * factor)

    @property
    def damage(self) -> Iterator[str]:
        """What was found to be damaged so far, a sentence a level."""
        for number, level in enumerate(self.levels, 1):
            if level.n_damaged:
                chunks = f"{level.n_damaged:_} of {level.cut.n_blocks:_} chunks of level {number}"
                yield f"{chunks} of {self.record.name!r} are damaged, and made anew"

    def close(self) -> None:
        """Give back what is held; twice is harmless."""
        for level in self.levels:
            level.close()


def _is_there(place: str, stamp: tuple[int, int]) -> bool:
    """Return whether no other sidecar has taken the place of the one that was there."""
    return _stamp(place) == stamp


def _stamp(place: str) -> tuple[int, int]:
    """Return what tells a sidecar from one that takes its place; of one that has an address, always the same."""
    try:
        found = os.stat(f"{local_path(place) or ''}/{ROOT}")  # noqa: PTH116 - str to numbers
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _known(table: NDArray[np.int64], n_reasons: int) -> NDArray[np.int64]:
    """Return a table of gaps, if the record tells all reasons in it."""
    numbers = table[:, -1]
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < n_reasons:
        raise ValueError(f"reasons {numbers.min()} to {numbers.max()} of {n_reasons}")
    return table


def _decode_root(data: bytes, place: str) -> Any:
    """Return what stands under `KEY` in a root; raise where that is none of a sidecar."""
    try:
        attributes = json.loads(data)["attributes"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"its {ROOT} is damaged ({type(error).__name__}: {error})", place) from error
    if not isinstance(attributes, dict) or KEY not in attributes:
        raise NotRecognizedError("it is no sidecar, but other Zarr", place)
    return attributes[KEY]
