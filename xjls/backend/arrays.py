"""Lazy arrays over a recording: what xarray indexes, and what dask's tasks carry.

An array is a recording, a signal and a window; indexing reads just the samples that the answer needs. It pickles as
the recording's path, so a graph of any length stays small.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from xjls.model.window import Window, valid_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.recording import Recording

PIECE = 1 << 23
"""Samples held at a time while a strided selection is read."""


class RecordingArray(BackendArray):
    """Common ground of the lazy arrays: turn xarray's indexers into runs and positions along the first axis.

    Thread-safe; indexing does I/O.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @abstractmethod
    def _read(self, start: int, stop: int) -> NDArray[Any]:
        """Read positions ``[start, stop)`` of the first axis."""

    @abstractmethod
    def _block(self) -> int:
        """Return how many neighbouring positions are read at about the cost of one."""

    @abstractmethod
    def __dask_tokenize__(self) -> tuple[object, ...]:
        """Return what tells this array's values from another's."""

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        if isinstance(key, indexing.VectorizedIndexer):
            return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._get)
        # xarray's adapter would turn slices that run backwards, and fails at those that select nothing (2026.9)
        return self._get(key.tuple)

    async def async_getitem(self, key: indexing.ExplicitIndexer) -> Any:
        """Read in a thread, for ``Dataset.load_async``."""
        return await asyncio.to_thread(self.__getitem__, key)

    def _get(self, key: tuple[Any, ...]) -> NDArray[Any]:
        first, rest = key[0], key[1:]
        if isinstance(first, slice):
            values = self._get_slice(*first.indices(self.shape[0]))
        elif isinstance(first, np.ndarray):
            values = self._get_positions(first)
        else:
            at = int(first)
            values = self._read(at, at + 1)[0]
        return values[(..., *rest)] if rest else values

    def _get_slice(self, start: int, stop: int, step: int) -> NDArray[Any]:
        count = len(range(start, stop, step))
        if count and abs(step) > self._block():
            return self._get_positions(np.arange(start, stop, step))
        if step < 0:
            first = start + (count - 1) * step
            return self._get_slice(first, start + 1, -step)[::-1]
        if step == 1 or not count:
            return self._read(start, start + count)
        out = np.empty((count, *self.shape[1:]), self.dtype)
        most = max(PIECE // step, 1)
        for at in range(0, count, most):
            n = min(most, count - at)
            out[at : at + n] = self._read(start + at * step, start + (at + n - 1) * step + 1)[::step]
        return out

    def _get_positions(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Read scattered positions: one read for all that share a block."""
        positions = np.asarray(positions, np.int64)
        order = np.argsort(positions, kind="stable")
        ordered = positions[order]
        edges = np.flatnonzero(np.diff(ordered // self._block(), prepend=-1, append=-1)).tolist()
        out = np.empty((len(positions), *self.shape[1:]), self.dtype)
        for lo, hi in pairwise(edges):
            first = int(ordered[lo])
            out[order[lo:hi]] = self._read(first, int(ordered[hi - 1]) + 1)[ordered[lo:hi] - first]
        return out


class SignalArray(RecordingArray):
    """Samples of one signal.

    Parameters
    ----------
    recording, name
        Where they are.
    window
        Which sample ids the array shows; those outside the signal are NaN, or 0 in integer signals.
    scaled
        Whether values are multiplied by the signal's ``scale_factor``, as float64.
    """

    def __init__(self, recording: Recording, name: str, window: Window, *, scaled: bool = True) -> None:
        self.recording = recording
        self.name = name
        self.window = window
        self._signal = recording.signal(name)
        self.scale = self._signal.scale_factor if scaled else 1.0
        self.dtype = self._signal.dtype if self.scale == 1 else np.dtype("f8")
        self.shape = (window.length,)

    def __repr__(self) -> str:
        return f"<SignalArray {self.name} {self.window} of {self.recording.path}>"

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return ("SignalArray", self.recording.token, self.name, self.window.start, self.window.stop, self.scale)

    def _block(self) -> int:
        return self._signal.block_length

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        first, held = self.window.start + start, self._signal.window
        asked = Window(first, first + stop - start)
        there = asked & held if asked.start < held.stop else Window(held.stop, held.stop)
        values = self._read_held(there)
        if there == asked:
            return values
        padded = np.full(asked.length, np.nan if self.dtype.kind == "f" else 0, self.dtype)
        at = there.start - asked.start
        if len(values):
            padded[at : at + len(values)] = values
        return padded

    def _read_held(self, window: Window) -> NDArray[Any]:
        """Read samples that the signal has; as physical values, lost ones are NaN whatever the stored type."""
        if self.scale == 1:
            return self.recording.read(self.name, window)
        if self.recording.on_damage == "raise":
            return self.recording.read(self.name, window) * self.scale
        stored, gaps = self.recording.read_with_gaps(self.name, window)
        values: NDArray[Any] = stored * self.scale
        values[~valid_mask(window, gaps)] = np.nan
        return values


class ValidArray(RecordingArray):
    """For each sample of a signal that has no NaN: whether the recording holds its value.

    Parameters
    ----------
    recording, name, window
        As of `SignalArray`.
    """

    def __init__(self, recording: Recording, name: str, window: Window) -> None:
        self.recording = recording
        self.name = name
        self.window = window
        self._signal = recording.signal(name)
        self.dtype = np.dtype("?")
        self.shape = (window.length,)

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return ("ValidArray", self.recording.token, self.name, self.window.start, self.window.stop)

    def _block(self) -> int:
        return self._signal.block_length

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        asked = Window(self.window.start + start, self.window.start + stop)
        there = asked & self._signal.window
        valid = np.zeros(asked.length, np.bool_)
        if there.length:
            valid[there.start - asked.start : there.stop - asked.start] = self.recording.read_valid(self.name, there)
        return valid


class LevelArray(RecordingArray):
    """Entries of one summary level, ``(entry, statistic)``.

    Parameters
    ----------
    recording, name, level
        Where they are.
    entries
        Which entries the array shows; those that the level does not have are NaN.
    scaled
        Whether values are multiplied by the signal's ``scale_factor``.
    """

    def __init__(self, recording: Recording, name: str, level: int, entries: Window, *, scaled: bool = True) -> None:
        self.recording = recording
        self.name = name
        self.level = level
        self.entries = entries
        signal = recording.signal(name)
        self._scale = signal.scale_factor if scaled else 1.0
        self._held = Window(0, recording.level(name, level).length)
        self.dtype = signal.level_dtype if self._scale == 1 else np.dtype("f8")
        self.shape = (entries.length, 4)

    def __repr__(self) -> str:
        return f"<LevelArray {self.name} level {self.level} entries {self.entries} of {self.recording.path}>"

    def __dask_tokenize__(self) -> tuple[object, ...]:
        facts = (self.name, self.level, self.entries.start, self.entries.stop, self._scale)
        return ("LevelArray", self.recording.token, *facts)

    def _block(self) -> int:
        return 512

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        asked = Window(self.entries.start + start, self.entries.start + stop)
        there = asked & self._held
        if there == asked:
            return self._read_held(asked)
        padded = np.full((asked.length, 4), np.nan, self.dtype)
        if there.length:
            padded[there.start - asked.start : there.stop - asked.start] = self._read_held(there)
        return padded

    def _read_held(self, entries: Window) -> NDArray[Any]:
        """Read entries that the level has."""
        values = self.recording.read_level(self.name, self.level, entries)
        return values if self._scale == 1 else values * self._scale
