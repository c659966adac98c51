"""The tail of a store that grows: what no shard has yet, one small object a flush.

A flush puts what is new of all signals into one object. Every `MERGED`-th one has what came since the one before it,
so that there are few. When a signal's oldest part is too old, its shard is put as far as it is, and no object needs it
any more. So a sample is written about twice before it is in a shard, at whatever rate, and nothing grows with time.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.zarr.metadata import encode_array, encode_json
from xjls.formats.zarr.opening import ROOT
from xjls.formats.zarr.series import size_of
from xjls.formats.zarr.tail_object import PATH, encode_tail, tail_key

if TYPE_CHECKING:
    from xjls.formats.zarr.folder import Folder
    from xjls.formats.zarr.stream import SampleStream

MERGED = 8
"""Flushes whose objects become one."""
SETTLED = 64
"""Flushes until a signal's shard and levels are put as far as they are, at the latest."""
KEPT = 8
"""Flushes that an object stays for who has read an older root, once it is not needed any more."""
TAIL_BYTES = 1 << 26
"""Bytes that objects may take beside as much as one shard of every signal."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """One object."""

    number: int
    n_bytes: int
    stops: Mapping[str, int]
    """By array: one past the position of the last sample that it has."""


class Journal:
    """Write the tail.

    Parameters
    ----------
    folder
        Where to.
    next_number
        Of the next object: none is ever given twice.
    before
        Numbers of objects that are there from before, of a store that is gone on with: they are needed until the first
        flush, which puts the shards of all signals.
    identity
        Of the store; empty for a new one.
    """

    def __init__(
        self, folder: Folder, next_number: int = 0, before: tuple[int, ...] | None = None, identity: str = ""
    ) -> None:
        self.identity = identity or secrets.token_hex(8)
        self._folder = folder
        self.next_number = next_number
        self._flushes = 0
        self._is_resumed = before is not None
        self._live: list[_Piece] = [_Piece(number, folder.size(tail_key(number)), {}) for number in before or ()]
        self._dead: list[tuple[int, _Piece]] = []
        """Objects that no root needs any more, and since which flush."""
        self._fresh: _Piece | None = None
        """The object that was put for the flush under way."""
        self._merged_from = next_number
        """Number of the first object that the next merging one replaces."""
        self._told: dict[str, int] = {}
        """By array: samples that objects, or shards, have."""
        self._merged: dict[str, int] = {}
        """The same when objects were last merged."""
        self._settled: dict[str, int] = {}
        """By array: the flush at which its shard was put."""
        self._syncs = False
        self._streams: Mapping[str, SampleStream] = {}
        self._described = folder.size(f"{PATH}/{ROOT}") if self._is_resumed else 0
        """Bytes of what tells others that this is no part of the recording as they see it."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the objects that a root needs which is put now."""
        return tuple(piece.number for piece in self._needed())

    @property
    def after(self) -> int:
        """Number of the object after those."""
        return self.next_number + (self._fresh is not None)

    @property
    def n_bytes(self) -> int:
        """Bytes of those objects, and of what describes them."""
        return sum(piece.n_bytes for piece in self._needed()) + self._described

    def put(self, streams: Mapping[str, SampleStream]) -> None:
        """Write what is new of all signals, by their arrays; until `commit` it may be written again."""
        self._streams = streams
        self._fresh = None
        for array, stream in streams.items():
            stream.put_full()
            if self._is_due(array, stream):
                stream.flush()
                self._settled[array] = self._flushes
        since = self._merged if self._merges else self._told
        begins = {
            array: stream.delivered_from(max(since.get(array, 0), stream.stored)) for array, stream in streams.items()
        }
        new = {
            array: (begins[array], stream.since(begins[array]), stream.codec)
            for array, stream in streams.items()
            if begins[array] < stream.length
        }
        if new:
            self._describe()
            parts = encode_tail(self.next_number, new)
            self._folder.put(tail_key(self.next_number), parts)
            stops = {array: streams[array].length for array in new}
            self._fresh = _Piece(self.next_number, size_of(parts), stops)

    def commit(self, *, sync: bool) -> None:
        """Take note that a root was put that speaks of all this; remove what is not needed any more."""
        needed = self._needed()
        kept = {piece.number for piece in needed}
        self._dead += [(self._flushes, piece) for piece in self._live if piece.number not in kept]
        self._live = needed
        self._told = {array: stream.length for array, stream in self._streams.items()}
        if self._fresh is not None:
            self.next_number += 1
        if self._merges:
            self._merged, self._merged_from = self._told, self.next_number
        self._fresh = None
        self._flushes += 1
        # What is on the disk for sure may be a root that needs them
        self._syncs |= sync
        if sync or not self._syncs:
            self._remove()

    def close(self) -> None:
        """Remove all objects: a root was put that needs none."""
        self._live, self._dead, self._fresh = [], [], None
        self._folder.clear(PATH)

    @property
    def _merges(self) -> bool:
        return self._flushes % MERGED == MERGED - 1

    def _needed(self) -> list[_Piece]:
        """Return the objects that have samples which are nowhere else."""
        replaced = self._merged_from if self._merges else self.next_number
        pieces = [piece for piece in self._live if piece.number < replaced]
        pieces += [self._fresh] if self._fresh is not None else []
        return [piece for piece in pieces if any(self._is_open(array, stop) for array, stop in piece.stops.items())]

    def _is_open(self, array: str, stop: int) -> bool:
        """Whether a shard lacks samples before a position."""
        return self._streams[array].stored < stop

    def _is_due(self, array: str, stream: SampleStream) -> bool:
        """Whether the shard of a signal is to be put as far as it is."""
        if array not in self._settled:
            if self._is_resumed and not self._flushes:
                return True  # who sees no tail shall not see less than before
            self._settled[array] = self._flushes
        if self._flushes - self._settled[array] >= SETTLED:
            return True
        room = TAIL_BYTES + sum(one.shard * one.sample_bytes for one in self._streams.values())
        for piece in reversed(self._live):
            room -= piece.n_bytes
            if room < 0 and array in piece.stops and piece.stops[array] > stream.stored:
                return True
        return False

    def _describe(self) -> None:
        """Make an array of the place, with no position: who lists the store by other means need not wonder."""
        if not self._described:
            said = {"long_name": "samples that are in no shard yet, as xjls reads them"}
            data = encode_json(encode_array(np.dtype("u1"), [0], [PATH], said, chunk=1))
            self._folder.put(f"{PATH}/{ROOT}", [data])
            self._described = len(data)

    def _remove(self) -> None:
        while self._dead and self._dead[0][0] + KEPT <= self._flushes:
            self._folder.remove(tail_key(self._dead[0][1].number))
            del self._dead[0]
