"""Lazy arrays over a recording: what xarray indexes, and what dask's tasks carry.

An array is a recording, a signal and a window; indexing reads just the samples that the answer needs. It pickles as
the recording's path, so a graph of any length stays small.
"""

from __future__ import annotations

import asyncio
import math
from abc import abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from xjls.model.signal import STATISTICS
from xjls.model.window import Window, valid_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xjls.model.recording import Recording

PIECE = 1 << 23
"""Numbers held at a time while a strided selection is read."""
_NEAR_BYTES = 1 << 16
"""Of an axis of labels: so many are read at about the cost of one number."""
_STD = STATISTICS.index("std")


class RecordingArray(BackendArray):
    """What the lazy arrays have in common. Thread-safe; indexing does I/O."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @abstractmethod
    def _get(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Read what an integer, a slice or an array of positions selects along each axis."""

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


class RunsArray(RecordingArray):
    """An array that is read in runs along its first axis, of which the key is made here."""

    @abstractmethod
    def _read(self, start: int, stop: int) -> NDArray[Any]:
        """Read positions ``[start, stop)`` of the first axis."""

    @abstractmethod
    def _block(self) -> int:
        """Return how many neighbouring positions are read at about the cost of one."""

    def _get(self, key: tuple[Any, ...]) -> NDArray[Any]:
        first, rest = key[0], key[1:]
        if isinstance(first, int | np.integer):
            return _taken(self._read(int(first), int(first) + 1)[0], 0, rest)
        positions = range(self.shape[0])[first] if isinstance(first, slice) else np.asarray(first, np.int64)
        if all(isinstance(by, slice) and by == slice(None) for by in rest):
            return self._get_all(positions)
        # A pixel of all frames: these are never in memory together
        each = max(PIECE // max(math.prod(self.shape[1:]), 1), 1)
        starts = range(0, max(len(positions), 1), each)
        pieces = [_taken(self._get_all(positions[at : at + each]), 1, rest) for at in starts]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _get_all(self, positions: range | NDArray[np.int64]) -> NDArray[Any]:
        if isinstance(positions, range):
            return self._get_slice(positions.start, positions.stop, positions.step)
        return self._get_positions(positions)

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
        most = max(PIECE // (step * max(math.prod(self.shape[1:]), 1)), 1)
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


def _taken(values: NDArray[Any], first: int, keys: tuple[Any, ...]) -> NDArray[Any]:
    """Return what keys select along the axes from ``first`` on, each for itself."""
    for axis in reversed(range(len(keys))):  # from behind, as an integer takes its axis away
        if not (isinstance(keys[axis], slice) and keys[axis] == slice(None)):
            values = values[(*[slice(None)] * (first + axis), keys[axis])]
    return values


class SamplesArray(RunsArray):
    """Samples of one signal: numbers, or arrays of them.

    Parameters
    ----------
    recording, name
        Where they are.
    window
        Which sample ids the array shows; those outside the signal are NaN, or 0 in integer signals.
    scaled
        Whether values are physical ones, float64 where these are others than stored ones.
    """

    def __init__(self, recording: Recording, name: str, window: Window, *, scaled: bool = True) -> None:
        self.recording = recording
        self.name = name
        self.window = window
        self.scaled = scaled
        signal = recording.signal(name)
        self.signal = signal if scaled else signal.as_stored()
        self.dtype = np.dtype("f8") if self.signal.is_scaled else signal.dtype
        self.shape = signal.shape_of(window)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.window} of {self.recording.path}>"

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return (type(self).__name__, self.recording.token, self.name, self.window.start, self.window.stop, self.scaled)

    def _block(self) -> int:
        if not self.signal.axis:
            return self.signal.block_length
        row_bytes = max(math.prod(self.shape[1:]), 1) * self.dtype.itemsize
        return max(self.signal.block_length, _NEAR_BYTES // row_bytes)

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        first, held = self.window.start + start, self.signal.window
        asked = Window(first, first + stop - start)
        there = asked & held if asked.start < held.stop else Window(held.stop, held.stop)
        values = self._read_held(there)
        if there == asked:
            return values
        padded = np.full((asked.length, *self.shape[1:]), np.nan if self.dtype.kind == "f" else 0, self.dtype)
        at = there.start - asked.start
        if len(values):
            padded[at : at + len(values)] = values
        return padded

    def _read_held(self, window: Window) -> NDArray[Any]:
        """Read samples that the signal has; as physical values, lost ones are NaN whatever the stored type."""
        if not self.signal.is_scaled:
            return self.recording.read(self.name, window)
        stored, gaps = self.recording.read_with_gaps(self.name, window, on_damage=self.recording.on_damage)
        values = self.signal.physical(stored)
        if gaps:
            values[~valid_mask(window, gaps)] = np.nan
        return values


class SignalArray(SamplesArray):
    """Samples of a series, which its levels answer for."""


class ValidArray(RunsArray):
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


class LevelArray(RunsArray):
    """Entries of one summary level, ``(entry, statistic)``.

    Parameters
    ----------
    recording, name, level
        Where they are.
    entries
        Which entries the array shows; those that the level does not have are NaN.
    scaled
        Whether they are of physical values, as float64 where these are others than stored ones.
    """

    def __init__(self, recording: Recording, name: str, level: int, entries: Window, *, scaled: bool = True) -> None:
        self.recording = recording
        self.name = name
        self.level = level
        self.entries = entries
        signal = recording.signal(name)
        self.scaled = scaled
        self.signal = signal if scaled else signal.as_stored()
        self._held = Window(0, recording.level(name, level).length)
        self.dtype = np.dtype("f8") if self.signal.is_scaled else signal.level_dtype
        self.shape = (entries.length, 4)

    def __repr__(self) -> str:
        return f"<LevelArray {self.name} level {self.level} entries {self.entries} of {self.recording.path}>"

    def __dask_tokenize__(self) -> tuple[object, ...]:
        facts = (self.name, self.level, self.entries.start, self.entries.stop, self.scaled)
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
        if not self.signal.is_scaled:
            return values
        values = values.astype(self.dtype)
        deviations = values[:, _STD] * abs(self.signal.scale_factor)
        values = self.signal.physical(values)
        values[:, _STD] = deviations
        return values


class BoundsArray(RecordingArray):
    """The extremes of one quantity side by side, ``(time, bound)`` or ``(entry, bound, statistic)``.

    Parameters
    ----------
    members
        Arrays of one shape, one for each bound; who asks for one bound reads no other.
    """

    def __init__(self, members: Sequence[RecordingArray]) -> None:
        self.members = tuple(members)
        self.dtype = self.members[0].dtype
        length, *rest = self.members[0].shape
        self.shape = (length, len(self.members), *rest)

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return ("BoundsArray", *(member.__dask_tokenize__() for member in self.members))

    def _get(self, key: tuple[Any, ...]) -> NDArray[Any]:
        first, bound, *rest = key
        if isinstance(bound, int | np.integer):
            return self.members[bound]._get((first, *rest))
        at = 0 if isinstance(first, int | np.integer) else 1
        values = np.stack([member._get((first, *rest)) for member in self.members], axis=at)
        chosen: NDArray[Any] = values[(*[slice(None)] * at, bound)]
        return chosen
