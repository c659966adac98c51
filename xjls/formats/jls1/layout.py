"""Where the samples of a recording lie: records of samples by their number, and what follows them.

The only index is a chain: the start of each block says where its end is. Between them records of equal size follow one
another, so that a few looks a block tell all places. Where a block has no end yet, or the chain is broken, records are
taken one by one, and the way behind damage is looked for. Each block but the last is full: numbers never shift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError, FormatError
from xjls.formats.jls1.config import decode_json
from xjls.formats.jls1.datafile import Record, Tag
from xjls.model.status import Damage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls1.config import Config
    from xjls.formats.jls1.walk import Head, Walk

_BLOCK = 1
"""The number that the start of a block has; that of the collection around all blocks has 0."""
_START_BYTES = 12
_USUAL_START_BYTES = 56
"""Of a whole record that starts a block, with its numbers."""
UNKNOWN = -1


@dataclass(slots=True)
class Block:
    """A block of samples."""

    number: int
    """From 0, in the order of time."""
    begin: int
    """Offset of its first record of samples, to a few bytes."""
    voltage_range: int = UNKNOWN
    """0 for 15 V, 1 for 5 V; `UNKNOWN` where what starts the block is damaged."""
    sample_id: int | None = None
    """Its writer's count, where the start says it."""
    reductions: int = UNKNOWN
    """Offset of the record that ends it."""


@dataclass(slots=True)
class Layout:
    """What was found along the chain."""

    blocks: dict[int, Block] = field(default_factory=dict)
    """By their numbers."""
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Offset, and samples, of records of samples, by their numbers."""
    behind: list[Record] = field(default_factory=list)
    """What follows the blocks."""
    damage: list[Damage] = field(default_factory=list)
    ended: bool = False
    """Whether the last record is there."""

    def table(self, length: int, per_record: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the offset and the samples of each record of ``length`` samples; -1, and 0, where there is none."""
        count = -(-length // per_record)
        offsets, samples = np.full(count, UNKNOWN, np.int64), np.zeros(count, np.int64)
        for number, (offset, n) in self.places.items():
            if number < count:
                offsets[number], samples[number] = offset, n
        return offsets, samples

    def changing_blocks(self) -> list[int]:
        """Return the numbers of blocks within which the voltage range may have changed: the next one has another.

        Where blocks are lost between two, nobody knows in which of all these it changed.
        """
        known = sorted(self.blocks)
        return [one for one, other in pairwise(known) if self._range_of(one) != self._range_of(other)]

    def _range_of(self, number: int) -> int:
        return self.blocks[number].voltage_range

    def length(self, per_record: int) -> int:
        """Return the samples up to the end of the last record that is there."""
        return max([number * per_record + n for number, (_, n) in self.places.items()], default=0)


def follow(walk: Walk, config: Config, offset: int, samples_of: Callable[[Head], int], full_length: int) -> Layout:
    """Follow the chain of a recording.

    Parameters
    ----------
    walk
        The file.
    config
        What it says of its samples.
    offset
        Of the record that starts the collection around all blocks.
    samples_of
        Returns how many samples a record holds; raises CorruptError where it holds none.
    full_length
        Bytes of the value of a full record of samples.
    """
    chain = _Chain(walk, config, offset, samples_of, full_length)
    at: int | None = offset
    while at is not None:
        at = chain.take(at)
    return chain.layout


class _Chain:
    """The state of a walk; see `follow` for the parameters."""

    def __init__(
        self, walk: Walk, config: Config, offset: int, samples_of: Callable[[Head], int], full_length: int
    ) -> None:
        self.layout = Layout()
        self._walk = walk
        self._per_record = config.samples_per_tlv
        self._per_block = config.samples_per_block
        self._n_records = config.tlvs_per_block
        self._samples_of = samples_of
        self._full_length = full_length
        self._stride = _record_bytes(full_length)
        self._block: Block | None = None
        """The one whose records come now."""
        self._edge: int | None = offset + _record_bytes(_START_BYTES)
        """Where the next block was expected to start; None where nobody knows."""
        self._next_number = 0
        self._start_bytes = _USUAL_START_BYTES
        """Of the last record that started a block."""
        self._block_bytes = self._start_bytes + self._n_records * self._stride + _record_bytes(config.reductions_bytes)
        self._place: int | None = 0
        """Of the next record of samples in its block; None behind damage."""
        self._is_even = True
        """Whether all records of samples of the block had the usual length so far."""

    def take(self, at: int) -> int | None:
        """Take the record at an offset; return where to go on, None at the end."""
        head = self._walk.head(at)
        if head is None or (head.tag == Tag.DATA and not self._is_plausible(head)):
            return self._astray(at)
        if head.tag == Tag.DATA:
            return self._take_samples(head)
        if head.tag == Tag.STOP:
            return self._take_stop(head)
        try:
            return self._take_other(head, self._walk.record(head))
        except FormatError as error:
            return self._take_damaged(head, error)

    # -- records -----------------------------------------------------------------------------------------------------

    def _take_other(self, head: Head, record: Record) -> int | None:
        if head.tag == Tag.START:
            return self._take_start(head, record)
        if head.tag == Tag.END:
            self.layout.ended = True
            return None
        self.layout.behind.append(record)
        return head.stop

    def _take_damaged(self, head: Head, error: FormatError) -> int | None:
        """Take a record that is no more than a place: what stands behind it tells whether its length is right."""
        if self._walk.head(head.stop) is None:
            return self._astray(head.offset)
        self._note(head.offset, head.stop, error.problem)
        if head.tag == Tag.START:
            self._leave_block()
            self._edge, self._start_bytes = head.offset, head.stop - head.offset
        return head.stop

    def _take_start(self, head: Head, record: Record) -> int:
        """Open a block, or the collection around all of them; one with an end is taken at once."""
        if len(record.value) < _START_BYTES:
            raise CorruptError(f"the start of a collection has {len(record.value)} bytes", "", head.offset)
        end, kind = int.from_bytes(record.value[:8], "little"), int.from_bytes(record.value[8:10], "little")
        if kind != _BLOCK:
            self._edge = head.stop
            return head.stop
        self._leave_block()
        self._start_bytes = head.stop - head.offset
        told = decode_json(record.value[_START_BYTES:]) if len(record.value) > _START_BYTES else {}
        self._open(self._told_block(head, told))
        return end if self._took_grid(head.stop, end) else head.stop

    def _take_samples(self, head: Head) -> int | None:
        """Take a record of samples, where its place is known."""
        block = self._block or self._orphaned(head)
        place = None if block is None else self._place_of(head, block)
        if block is None or place is None or not 0 <= place < self._n_records:
            self._leave_block()
            self._edge = None
            self._note(head.offset, head.stop, "samples whose number nobody knows", "they are left out")
            return head.stop
        try:
            count = self._samples_of(head)
        except FormatError as error:
            self._note(head.offset, head.stop, error.problem)
        else:
            self.layout.places[block.number * self._n_records + place] = head.offset, count
        self._place = place + 1
        return head.stop

    def _place_of(self, head: Head, block: Block) -> int | None:
        """Return the place of a record of samples in its block; None where nobody knows it."""
        self._is_even &= not head.flags
        if self._place is not None:
            return self._place
        # Where the start is damaged one does not know to the byte how long it was
        return (head.offset - block.begin + self._stride // 2) // self._stride if self._is_even else None

    def _take_stop(self, head: Head) -> int:
        """End a block, or the collection around all of them."""
        if (block := self._block) is not None:
            block.reductions = head.offset
            if block.number * self._n_records + self._n_records - 1 in self.layout.places:
                self._block_bytes = head.stop - block.begin + self._start_bytes
        elif head.length:
            self._next_number += 1  # of a block of which nothing else is left
        self._block = None
        self._edge = head.stop
        return head.stop

    # -- blocks ------------------------------------------------------------------------------------------------------

    def _told_block(self, head: Head, told: Mapping[str, Any]) -> Block:
        """Return the block that a record starts, by what it says."""
        found, sample_id = told.get("v_range", 0), told.get("sample_id")
        voltage_range = int(found) if found in (0, 1) else UNKNOWN
        block = Block(self._next_number, head.stop, voltage_range, sample_id if isinstance(sample_id, int) else None)
        block.number = self._counted(head.offset, block.sample_id)
        return block

    def _counted(self, offset: int, sample_id: int | None) -> int:
        """Return the number of a block: as its writer counted, else by the bytes since the last known one."""
        if sample_id is not None:
            for other in self.layout.blocks.values():
                if other.sample_id is not None:
                    blocks, rest = divmod(sample_id - other.sample_id, self._per_block)
                    number = other.number + blocks
                    if not rest and self._next_number <= number <= self._walk.size // self._stride:
                        return number
                    break
        beyond = 0 if self._edge is None else max(offset - self._edge, 0)
        return self._next_number + (beyond + self._block_bytes // 2) // self._block_bytes

    def _orphaned(self, head: Head) -> Block | None:
        """Return the block of a record of samples whose start is damaged; None where nobody knows which one it is."""
        if self._edge is None:
            return None
        skipped = max(head.offset - self._edge, 0) // self._block_bytes
        begin = self._edge + self._start_bytes + skipped * self._block_bytes
        self._open(block := Block(self._next_number + skipped, begin))
        self._place = None
        return block

    def _open(self, block: Block) -> None:
        self.layout.blocks[block.number] = self._block = block
        self._next_number = block.number + 1
        self._edge, self._place, self._is_even = None, 0, True

    def _leave_block(self) -> None:
        """Expect the start of another block, where the one before has shown no end."""
        if (block := self._block) is not None:
            self._edge = block.begin - self._start_bytes + self._block_bytes
        self._block = None

    def _took_grid(self, start: int, end: int) -> bool:
        """Take the records between two offsets, where a few looks show that all are of equal size, but the last."""
        n_full, rest = divmod(end - start, self._stride)
        last = self._walk.head(end) if end > start else None
        if last is None or last.tag != Tag.STOP or n_full + (rest > 0) > self._n_records:
            return False
        first = self._walk.head(start)
        if n_full and (first is None or not self._is_full(first)):
            return False
        short = self._walk.head(start + n_full * self._stride) if rest else None
        if rest and (short is None or short.tag != Tag.DATA or short.stop != end):
            return False
        assert self._block is not None, "a block was opened"  # noqa: S101 - an invariant, not input
        number = self._block.number * self._n_records
        for i in range(n_full):
            self.layout.places[number + i] = start + i * self._stride, self._per_record
        # Padded, a record with a few samples less is as long as a full one
        ends = short if rest else self._walk.head(end - self._stride)
        if ends is not None and not self._is_full(ends):
            self._place = n_full - (not rest)
            self._take_samples(ends)
        return True

    # -- damage ------------------------------------------------------------------------------------------------------

    def _is_full(self, head: Head) -> bool:
        return head.tag == Tag.DATA and not head.flags and head.length == self._full_length

    def _is_plausible(self, head: Head) -> bool:
        """Whether a record of samples is of the usual length, or followed by another record."""
        return self._is_full(head) or head.stop == self._walk.size or self._walk.head(head.stop) is not None

    def _astray(self, at: int) -> int | None:
        """Return the next record behind what is none; None where the file ends before one."""
        if at >= self._walk.size:
            return None
        usual = self._walk.head(at + self._stride) if self._block is not None else None
        found = usual if usual is not None else self._walk.after_damage(at + 8)
        stop = self._walk.size if found is None else found.offset
        self._note(at, stop, "no intact record")
        self._place = None
        return None if found is None else stop

    def _note(self, start: int, stop: int, problem: str, consequence: str = "") -> None:
        self.layout.damage.append(Damage(start, stop, problem, consequence))


def _record_bytes(length: int) -> int:
    """Return the bytes of a record whose value has so many."""
    return length + 19 & ~7
