"""The records of samples of a recording: their values where they lie, verified on first use; and what is lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import CorruptError, FormatError
from xjls.formats.jls1.datafile import HEAD, MOST_INFLATED, Tag, decode_value
from xjls.formats.jls1.layout import UNKNOWN
from xjls.formats.jls1.walk import require_sum
from xjls.model.status import Damage
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xjls.formats.jls1.config import Config
    from xjls.formats.jls1.layout import Layout
    from xjls.formats.jls1.walk import Head, Walk

NOT_STORED = "not in the file"
_MOST_BYTES = 1 << 30
"""Of a record of samples: no writer makes one of 1 % of it."""


class SampleRecords:
    """Values of records of samples, by number; thread-safe.

    Parameters
    ----------
    walk, layout, config
        Of the file.
    length
        Samples of the recording.
    """

    def __init__(self, walk: Walk, layout: Layout, config: Config, length: int) -> None:
        self.length = length
        self.per_record = config.samples_per_tlv
        self.path = walk.storage.path
        self._walk = walk
        self._per_block = config.tlvs_per_block
        self._blocks = layout.blocks
        self._offsets, self._counts = layout.table(length, self.per_record) if length else (_NOTHING, _NOTHING)
        self._verified = np.zeros(len(self._offsets), np.bool_)
        self._faults: dict[int, Damage] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._offsets)

    def voltage_range(self, number: int) -> int:
        """Return the voltage range of a record: 0 for 15 V, 1 for 5 V; `UNKNOWN` where its block does not say it."""
        return self._blocks[number // self._per_block].voltage_range

    def window(self, number: int) -> Window:
        """Return the samples that a record should hold."""
        start = number * self.per_record
        return Window(start, min(start + self.per_record, self.length))

    def count(self, number: int) -> int:
        """Return how many samples a record holds; 0 where it is not there."""
        return int(self._counts[number])

    def value(self, number: int, *, verify: bool) -> NDArray[np.uint8]:
        """Return the value of a record.

        Raises
        ------
        CorruptError
            It is not there, or damaged; from then on `faults` tells.
        """
        offset = int(self._offsets[number])
        if offset == UNKNOWN:
            raise CorruptError(f"samples {self.window(number)} are {NOT_STORED}", self.path)
        if (fault := self._faults.get(number)) is not None:
            raise CorruptError(fault.problem, self.path, offset)
        try:
            return self._value(number, offset, verify=verify)
        except FormatError as error:
            head = self._walk.head(offset)
            stop = self._walk.size if head is None else head.stop
            damage = Damage(offset, stop, error.problem, f"samples {self.window(number)} are lost")
            with self._lock:
                self._faults[number] = damage
            raise

    def _value(self, number: int, offset: int, *, verify: bool) -> NDArray[np.uint8]:
        head = self._head(offset)
        if not self._verified[number] and (verify or head.flags):
            require_sum(self._walk.bytes(offset, head.stop - offset), self.path, head)
            self._verified[number] = True
        stored = self._walk.bytes(head.value, head.length)
        if not head.flags:
            return stored
        return np.frombuffer(decode_value(stored.tobytes(), head.tag, head.flags, self.path, offset), np.uint8)

    def _head(self, offset: int) -> Head:
        head = self._walk.head(offset)
        most = MOST_INFLATED if head is not None and head.flags else _MOST_BYTES
        if head is None or head.tag != Tag.DATA or head.length > most:
            raise CorruptError(f"the {HEAD.size} bytes of a record's head are none of samples", self.path, offset)
        return head

    def gap(self, number: int, window: Window) -> Gap:
        """Return the gap that a record leaves in a window."""
        fault = self._faults.get(number)
        offset = int(self._offsets[number])
        return Gap(self.window(number) & window, fault.problem if fault else NOT_STORED, offset if fault else UNKNOWN)

    def missing(self) -> Iterator[Gap]:
        """Yield the samples that the recording counts and has no record of."""
        for number in np.flatnonzero(self._offsets == UNKNOWN).tolist():
            yield Gap(self.window(number), NOT_STORED)
        for number in np.flatnonzero((self._offsets != UNKNOWN) & (self._counts < self._wanted())).tolist():
            window = self.window(number)
            yield Gap(Window(window.start + self.count(number), window.stop), NOT_STORED)

    @property
    def faults(self) -> tuple[Damage, ...]:
        """What was found to be damaged so far."""
        with self._lock:
            return tuple(self._faults[number] for number in sorted(self._faults))

    def _wanted(self) -> NDArray[np.int64]:
        wanted = np.full(len(self), self.per_record, np.int64)
        if len(wanted):
            wanted[-1] = self.length - (len(wanted) - 1) * self.per_record
        return wanted


_NOTHING = np.zeros(0, np.int64)
