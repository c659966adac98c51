"""What a file holds, as far as a writer must know it that goes on: looked at before anything is written.

Blocks of levels are *kept* as far as they are full. What closing left unfinished behind them is taken apart again, into
what its writer had in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError, TruncatedError, UnsupportedError
from xjls.formats.jls2.chunks import Hole
from xjls.formats.jls2.datatypes import type_of
from xjls.formats.jls2.layout import OMITTED, PAIRS
from xjls.formats.jls2.pairs import encode_note, encode_tie
from xjls.formats.jls2.reader import Jls2Reader
from xjls.formats.jls2.tree import IndexTree
from xjls.formats.jls2.wire import (
    FIRST_CHUNK,
    LEVELS,
    PAYLOAD_HEADER,
    Tag,
    decode_annotation,
    decode_tie,
)
from xjls.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.edge import RightEdge
    from xjls.formats.jls2.track import Track
    from xjls.formats.jls2.wire import Chunk, SignalDef

_INDICES = frozenset({Tag.FSR_INDEX, Tag.ANNOTATION_INDEX, Tag.UTC_INDEX})
_RECOVER = "Write what is intact to a new file first: xjls recover."
_CONVERT = "Write it to a new file first: xjls convert."


@dataclass(frozen=True, slots=True)
class PastSamples:
    """What a file has of one signal's samples, as far as its writer must know it."""

    first: int
    """Offset of the first DATA chunk; 0 where there is none."""
    kept: dict[int, int]
    """By level: blocks that are full; those behind them are dropped."""
    ends: dict[int, int]
    """By level: offset of the last INDEX chunk that is kept."""
    blocks: list[tuple[int, int, int, NDArray[Any]]]
    """Level, first sample id, offset and entries of the blocks that no kept block lists, from the top down."""
    first_id: int
    """Sample id of the first sample that no block of level 1 lists."""
    offsets: NDArray[np.int64]
    """Of the whole chunks from there on, 0 for one that was left out."""
    entries: NDArray[Any]
    """Of level 1, of their samples."""
    rest: NDArray[Any]
    """Samples that fill no chunk."""
    last: list[int]
    """Offsets of the last chunks of the list of DATA, from the last one that a kept block lists; all full."""
    rest_at: int
    """Offset of the chunk that holds them, 0 where there is none."""
    skipped: tuple[Window, ...]
    told_beyond: bool
    """Whether a gap was recorded that reaches beyond the last sample."""


@dataclass(frozen=True, slots=True)
class PastPairs:
    """What a file has of one signal's ties or annotations."""

    records: list[tuple[int, int, bytes]]
    """Timestamp, offset and SUMMARY entry of each."""
    last: list[int]
    """Offsets of the last chunks of the list of DATA, from the last one that is linked."""
    kept: dict[int, list[int]]
    """By level: offsets of the INDEX chunks that are full and stay."""


class Past:
    """Look at a file, to go on with it.

    Parameters
    ----------
    path
        A local file.

    Raises
    ------
    CorruptError, TruncatedError
        It is damaged: to append would bury that.
    UnsupportedError
        Its blocks or levels are those of an old release, which xjls does not write.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._reader = Jls2Reader(path)
        self.token = self._reader.token
        try:
            self._chunks: ChunkFile = self._reader.chunks
            self.found = self._reader.definitions
            self.signals = dict(sorted(self.found.signals.items()))
            self.sources = set(self.found.sources)
            self.described = tuple(self._reader.describe(name) for name in self._reader.names)
            """The signals as readers know them."""
            for signal in self.signals.values():
                type_of(signal, path)
            self.end, self.previous_length = self._find_end()
            self._refuse_damage()
            if not {Tag.SOURCE_DEF, Tag.SIGNAL_DEF} <= self.found.ends.keys() or not self.found.user_data:
                raise CorruptError("the first definitions are missing", path, FIRST_CHUNK, _RECOVER)
            self.user_data = self._to_link([c for c, _ in self._reader.records(self.found.user_data, Tag.USER_DATA)])
            self.samples = {i: self._look_at_samples(track) for i in self.signals if (track := self._reader.track(i))}
            self.pairs = {
                (i, head): self._look_at_pairs(i, head, decimate)
                for i, signal in self.signals.items()
                for head, decimate in _pair_tracks(signal)
            }
        finally:
            self._reader.close()

    def _find_end(self) -> tuple[int, int]:
        """Return where the next chunk goes, and the length of the payload before it; note links that lead there.

        Only what is behind all that is intact may be overwritten: a chunk that was torn as it was written.
        """
        end, length, seen, broken = FIRST_CHUNK, 0, [], -1
        last = max([FIRST_CHUNK, self.found.last, *(tree.last_data for tree in self._trees())])
        for item in self._chunks.walk(self._reader.linked_to or last):
            if not isinstance(item, Hole) and item.tag == Tag.END:
                break
            intact = not isinstance(item, Hole) and self._is_intact(item)
            if broken >= 0 and intact:
                raise CorruptError("no intact chunk, and to append would bury that", self.path, broken, _RECOVER)
            if not intact:
                broken = item.offset if broken < 0 else broken
            elif not isinstance(item, Hole):
                if item.tag not in _INDICES:  # without its SUMMARY it counts for nothing, and is overwritten
                    end, length = item.stop, item.payload_length or length
                seen.append(item)
        self.dangling = [chunk.offset for chunk in seen if chunk.offset < end <= chunk.item_next]
        return end, length

    def _trees(self) -> Iterator[IndexTree]:
        for number, signal in self.signals.items():
            track = self._reader.track(number)
            if track is not None and not track.blocks.regular:
                raise UnsupportedError(
                    f"the blocks of {signal.name!r} are those of library 0.3", self.path, 0, _CONVERT
                )
            if track is not None and isinstance(track.layout, IndexTree):
                yield track.layout

    def _is_intact(self, chunk: Chunk) -> bool:
        try:
            self._chunks.record(chunk.offset)
        except (CorruptError, TruncatedError):
            return False
        return True

    def _refuse_damage(self) -> None:
        for damage in self._reader.status().damage:
            if damage.offset < self.end:
                raise CorruptError(
                    f"{damage.problem}, and to append would bury that", self.path, damage.offset, _RECOVER
                )

    def _look_at_samples(self, track: Track) -> PastSamples:
        layout, blocks = track.layout, track.blocks
        if not layout.length:
            nothing = np.empty(0, np.int64)
            return PastSamples(0, {}, {}, [], 0, nothing, nothing, nothing, [], 0, (), track.skipped.told_beyond)
        if not isinstance(layout, IndexTree):
            raise CorruptError(f"the index of {track.name!r} is damaged", self.path, self.end, _RECOVER)
        if not track.has_levels_of_today():
            problem = (
                f"the levels of {track.name!r} are those of an old library, and new ones would mean something else"
            )
            raise UnsupportedError(problem, self.path, 0, _CONVERT)
        kept = _full_blocks(layout.edge, blocks.capacity, blocks.children)
        listed, whole = kept.get(1, 0) * blocks.children(1), layout.length // blocks.chunk
        offsets = layout.data(listed, whole) if whole > listed else np.empty(0, np.int64)
        if (offsets[offsets < 0] != OMITTED).any():
            raise CorruptError(f"chunks of {track.name!r} are missing", self.path, layout.last_data, _RECOVER)
        per_chunk, first_id = blocks.chunk // blocks.entry, layout.first_id
        rest, gaps = track.read(Window(first_id + whole * blocks.chunk, track.window.stop), None, "gap", True)
        if not all(gap.skipped for gap in gaps):
            raise CorruptError(f"the last samples of {track.name!r} are lost", self.path, layout.last_data, _RECOVER)
        return PastSamples(
            # HEAD may still lead to one that was not full, and that another has replaced
            first=max(int(layout.data(0, 1)[0]), 0) or layout.edge.first_data,
            kept=kept,
            ends={level: layout.edge.node_offset(level, count - 1) for level, count in kept.items()},
            blocks=list(_unlisted_blocks(track, layout.edge, kept)),
            first_id=first_id + listed * blocks.chunk,
            offsets=offsets.clip(0),
            entries=track.entries_as_stored(1, Window(listed * per_chunk, whole * per_chunk)),
            rest=rest,
            last=_last_present(layout, listed, offsets),
            rest_at=max(int(layout.data(whole, whole + 1)[0]), 0) if len(rest) else 0,
            skipped=tuple(gap.window for gap in track.skipped.gaps),
            told_beyond=track.skipped.told_beyond,
        )

    def _look_at_pairs(self, signal_id: int, head: Tag, decimate: int) -> PastPairs:
        heads = self.found.heads.get((signal_id, head), (0,) * LEVELS)
        found = self._reader.records(heads[0], head + 1, signal_id)
        entry = _tie_entry if head == Tag.UTC_HEAD else _note_entry
        records = [(PAYLOAD_HEADER.unpack_from(payload)[0], chunk.offset, entry(payload)) for chunk, payload in found]
        kept: dict[int, list[int]] = {}
        count = len(records)
        for level in range(1, LEVELS):
            count = min(
                count // decimate, len(full := self._full_pairs(heads[level], head, level, signal_id, decimate))
            )
            if not count:
                break
            kept[level] = full[:count]
        return PastPairs(records, self._to_link([chunk for chunk, _ in found]), kept)

    def _to_link(self, chunks: Sequence[Chunk]) -> list[int]:
        """Return the offsets of a list's last chunks: from the first one that does not lead to the next."""
        if any(chunk.offset >= self.end for chunk in chunks):
            raise CorruptError("a list leads behind the last intact chunk", self.path, self.end, _RECOVER)
        broken = (i for i, chunk in enumerate(chunks[:-1]) if chunk.item_next != chunks[i + 1].offset)
        first = next(broken, len(chunks) - 1)
        return [chunk.offset for chunk in chunks[max(first, 0) :]]

    def _full_pairs(self, start: int, head: Tag, level: int, signal_id: int, decimate: int) -> list[int]:
        """Return the offsets of a level's first INDEX chunks, as far as they are full."""
        full = []
        for chunk, payload in self._reader.records(start, head + 2, level << 12 | signal_id) if start else ():
            if PAYLOAD_HEADER.unpack_from(payload)[1] != decimate or chunk.offset >= self.end:
                break
            full.append(chunk.offset)
        return full


def _pair_tracks(signal: SignalDef) -> Iterator[tuple[Tag, int]]:
    """Yield the HEAD tags of a signal's ties and annotations, and how many of them a block lists."""
    yield Tag.ANNOTATION_HEAD, signal.annotation_decimate or PAIRS
    if not signal.signal_type:
        yield Tag.UTC_HEAD, signal.utc_decimate or PAIRS


def _full_blocks(edge: RightEdge, capacity: int, children: Callable[[int], int]) -> dict[int, int]:
    """Return, by level, how many of its blocks are full; the last one seldom is."""
    full: dict[int, int] = {}
    for level in range(1, LEVELS):
        count = edge.count(level) if edge.has_level(level) else 0
        try:
            whole = count and edge.stored_entries(level) == count * capacity
        except (CorruptError, TruncatedError):
            whole = False
        count -= 0 if not count or (whole and edge.last_children(level) == children(level)) else 1
        if not count:
            break
        full[level] = count
    return full


def _unlisted_blocks(
    track: Track, edge: RightEdge, kept: dict[int, int]
) -> Iterator[tuple[int, int, int, NDArray[Any]]]:
    """Yield level, first sample id, offset and entries of the full blocks that no full block lists, from the top."""
    capacity = track.blocks.capacity
    for level in sorted(kept, reverse=True):
        samples = capacity * track.blocks.factor(level)
        for block in range(kept.get(level + 1, 0) * track.blocks.step, kept[level]):
            entries = track.entries_as_stored(level, Window(block * capacity, (block + 1) * capacity))
            yield level, track.window.start + block * samples, edge.node_offset(level, block), entries


def _last_present(layout: IndexTree, listed: int, offsets: NDArray[np.int64]) -> list[int]:
    """Return the offsets of the DATA chunks behind ``listed``, after the last one before that is not left out."""
    present: list[int] = offsets[offsets > 0].tolist()
    step = 1 << 10
    for stop in range(listed, 0, -step):
        before = layout.data(max(stop - step, 0), stop)
        if (before > 0).any():
            return [int(before[before > 0][-1]), *present]
    return present


def _tie_entry(payload: bytes) -> bytes:
    return encode_tie(*decode_tie(payload))


def _note_entry(payload: bytes) -> bytes:
    return encode_note(decode_annotation(payload))
