"""Where a signal's chunks and summaries are in the file: what the readers of samples and levels ask.

Two things answer: `tree.IndexTree`, from the file's own index, and `survey.SurveyedTrack`, from a walk over the whole
file when that index is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from xjls.formats.jls2.wire import LEVELS, PAYLOAD_HEADER
from xjls.model.sample_type import FINEST, STEP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType
    from xjls.formats.jls2.wire import SignalDef

ABSENT = -1
"""An offset that says: this chunk should be in the file and was not found."""
OMITTED = -2
"""An offset that says: this chunk was left out by the writer; its summary stands for it. The file itself says 0."""

LIBRARY_BLOCKS = (0, 0, 0, 0, 0, 0)
"""Block parameters of a definition that takes the JLS library's own: see `with_blocks`."""
PAIRS = 100
"""Ties, or annotations, that a block of their levels lists where nothing else is asked for."""
_CHUNKS = {1: (65536, 1280), 4: (65536, 1280), 8: (32768, 640), 16: (16384, 1280), 32: (8192, 640), 64: (8192, 640)}
"""By bits of a sample: samples in a DATA chunk, and entries in a SUMMARY, where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a signal's samples are cut into chunks, entries and index blocks."""

    chunk: int
    """Samples in a DATA chunk."""
    entry: int
    """Samples in an entry of level 1."""
    step: int
    """Entries in an entry of the next level."""
    capacity: int
    """Entries in a SUMMARY chunk."""
    bits: int
    """Of a sample on disk."""
    entry_bits: int
    """Of an entry on disk."""

    @classmethod
    def of(cls, definition: SignalDef, kind: DataType) -> Blocks:
        """Take them from a definition; numbers that a damaged or strange file sets to 0 become 1."""
        return cls(
            max(definition.samples_per_data, 1), max(definition.sample_decimate, 1),
            max(definition.summary_decimate, 1), max(definition.entries_per_summary, 1), kind.bits, kind.entry_bits,
        )  # fmt: skip

    @property
    def regular(self) -> bool:
        """Whether blocks of every level begin at chunk borders; files of library 0.3.x need not be so."""
        per_chunk = self.chunk // self.entry
        return (
            self.step > 1 and self.chunk % self.entry == 0 and self.capacity % per_chunk == 0
            and self.capacity % self.step == 0
        )  # fmt: skip

    def children(self, level: int) -> int:
        """Return how many chunks of the level below a full INDEX chunk of ``level`` lists."""
        return self.capacity * self.entry // self.chunk if level == 1 else self.step

    def factor(self, level: int) -> int:
        """Return how many samples an entry of ``level`` covers."""
        factor: int = self.entry * self.step ** (level - 1)
        return factor

    @property
    def factors(self) -> tuple[int, ...]:
        """How many samples an entry of each level covers."""
        return _factors(self.entry, self.step)

    def data_fits(self, count: int, payload_length: int) -> bool:
        """Whether a DATA chunk of ``count`` samples has a payload of that many bytes."""
        return 0 < count <= self.chunk and payload_length == PAYLOAD_HEADER.size + -(-count * self.bits // 8)

    def summary_fits(self, count: int, payload_length: int) -> bool:
        """Whether a SUMMARY chunk of ``count`` entries has a payload of that many bytes.

        Of entries of 256 bits every release writes 16 bytes each: the second half of them is missing.
        """
        body = payload_length - PAYLOAD_HEADER.size
        return 0 <= count <= self.capacity and body in (count * self.entry_bits // 8, count * 16)


@lru_cache(maxsize=64)
def _factors(entry: int, step: int) -> tuple[int, ...]:
    # A level that summarises nothing would have no end
    return tuple(entry * step**i for i in range(LEVELS - 1)) if step > 1 else ()


class Layout(Protocol):
    """Offsets of one signal's chunks; raises CorruptError or TruncatedError where its own records are damaged."""

    @property
    def first_id(self) -> int:
        """Timestamp of the first chunk: sample id of the first sample."""
        ...

    @property
    def length(self) -> int:
        """Samples."""
        ...

    def data(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of DATA chunks ``[start, stop)``, from the first on; OMITTED or ABSENT where none is."""
        ...

    def data_at(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the same for chunks that lie apart, by their numbers, in rising order."""
        ...

    def missing(self) -> Iterator[tuple[int, int]]:
        """Yield the number of each DATA chunk that is not in the file, and OMITTED or ABSENT; reads the index only."""
        ...

    def summaries(self, level: int, start: int, stop: int) -> NDArray[np.int64]:
        """Return the offsets of SUMMARY chunks ``[start, stop)`` of a level; ABSENT where none is."""
        ...

    def summaries_at(self, level: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the same for chunks that lie apart, by their numbers, in rising order."""
        ...

    def stored_entries(self, level: int) -> int:
        """Return how many entries of a level the file claims to hold."""
        ...


def with_blocks(signal: SignalDef, bits: int) -> SignalDef:
    """Return a definition with the block parameters that the JLS library makes of those asked for; 0 takes its own."""
    chunk, entries = _CHUNKS[bits]
    decimate = _round_up(max(signal.sample_decimate or FINEST[bits], 10), 256 // bits)
    step = max(signal.summary_decimate or STEP, 10)
    entries = _round_up(max(signal.entries_per_summary or entries, 10), step)
    per_chunk = _round_up(max(signal.samples_per_data or chunk, 10), decimate) // decimate
    while entries % per_chunk:
        per_chunk -= 1
    return signal._replace(
        samples_per_data=decimate * per_chunk, sample_decimate=decimate, entries_per_summary=entries,
        summary_decimate=step, annotation_decimate=max(signal.annotation_decimate or PAIRS, 2),
        utc_decimate=max(signal.utc_decimate or PAIRS, 2),
    )  # fmt: skip


def blocks_that_grow(rate_hz: int, bits: int) -> tuple[int, int, int, int, int, int]:
    """Return what to ask `with_blocks` for, so that a chunk lasts half a second at most, where the format has so small.

    What does not fill a chunk is written anew at each flush until it does, and two of them a second make that less than
    half of the samples. Signals so fast that the library's chunks last no longer have these; of a slow one, an entry
    covers a half, a quarter … of the samples of a fast one's.

    Examples
    --------
    >>> blocks_that_grow(1000, 32)
    (384, 128, 0, 0, 0, 0)
    """
    most, chunk, decimate = rate_hz // 2, _CHUNKS[bits][0], FINEST[bits]
    while decimate > max(most, 256 // bits, 16):
        decimate //= 2
    return min(max(most // decimate, 1) * decimate, chunk), decimate, 0, 0, 0, 0


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
