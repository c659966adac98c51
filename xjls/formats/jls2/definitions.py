"""What the file defines: sources, signals and the heads of their tracks.

Definitions may stand anywhere in the file: they are found by their lists, which start among the first chunks. Where a
list is broken, the survey of the whole file stands in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls2.chunks import Hole
from xjls.formats.jls2.wire import HEAD, LEVELS, TRACK_HEADS, SignalDef, SourceDef, Tag, decode_signal, decode_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.wire import Chunk

NO_HEADS = (0,) * LEVELS
_SOURCE_DEF, _SIGNAL_DEF = int(Tag.SOURCE_DEF), int(Tag.SIGNAL_DEF)
_LIST_HEADS = frozenset({Tag.USER_DATA, Tag.SOURCE_DEF, Tag.SIGNAL_DEF})


@dataclass(slots=True)
class Definitions:
    """All definitions, as far as they could be read."""

    sources: dict[int, SourceDef] = field(default_factory=dict)
    signals: dict[int, SignalDef] = field(default_factory=dict)
    heads: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    """By (signal id, tag of the HEAD): offsets of the first DATA chunk and of each level's first INDEX chunk."""
    user_data: int = 0
    """Offset of the first USER_DATA chunk."""
    broken: list[CorruptError | TruncatedError] = field(default_factory=list)
    """Where reading them failed."""
    last: int = 0
    """Offset of the last definition's chunk."""
    head_offsets: dict[tuple[int, int], int] = field(default_factory=dict)
    """Where the chunks of `heads` are."""
    last_heads: dict[int, Chunk] = field(default_factory=dict)
    """By signal id: the last chunk that defines it."""
    ends: dict[int, int] = field(default_factory=dict)
    """By the tag of its first chunk: offset of the last chunk of the list of sources, and of that of signals."""


def read_definitions(chunks: ChunkFile) -> Definitions:
    """Follow the lists of sources and signals from the first chunks of the file."""
    found = Definitions()
    try:
        starts = _list_starts(chunks)
    except (CorruptError, TruncatedError) as error:
        found.broken.append(error)
        return found
    found.user_data = starts.get(Tag.USER_DATA, 0)
    for tag in (Tag.SOURCE_DEF, Tag.SIGNAL_DEF):
        try:
            for chunk, payload in chunks.records(starts.get(tag, 0)):
                _take(found, chunk, payload)
                found.ends[tag] = chunk.offset
        except (CorruptError, TruncatedError) as error:
            found.broken.append(error)
    return found


def take_definitions(chunks: ChunkFile, found: Iterable[Chunk], into: Definitions) -> None:
    """Add definitions from chunks that were found by walking the file; those that are known stay."""
    for chunk in found:
        if chunk.tag in TRACK_HEADS or chunk.tag in (Tag.SOURCE_DEF, Tag.SIGNAL_DEF):
            try:
                _take(into, *chunks.record(chunk.offset))
            except (CorruptError, TruncatedError) as error:
                into.broken.append(error)


def _list_starts(chunks: ChunkFile) -> dict[int, int]:
    """Return the first chunk of the user data, source and signal lists: they stand at the start of the file."""
    starts: dict[int, int] = {}
    for chunk in chunks.walk():
        if isinstance(chunk, Hole):
            raise CorruptError("no chunk header with a valid checksum", chunks.storage.path, chunk.offset)
        if chunk.tag in _LIST_HEADS:
            starts.setdefault(chunk.tag, chunk.offset)
        if len(starts) == len(_LIST_HEADS) or chunk.tag == Tag.END:
            break
    return starts


def _take(found: Definitions, chunk: Chunk, payload: bytes) -> None:
    if not payload:
        return
    found.last = max(found.last, chunk.offset)
    tag = chunk.tag
    if tag in TRACK_HEADS:
        if len(payload) >= HEAD.size:
            found.heads.setdefault((chunk.meta & 0xFF, tag), HEAD.unpack_from(payload))
            found.head_offsets.setdefault((chunk.meta & 0xFF, tag), chunk.offset)
            if (kept := found.last_heads.get(chunk.meta & 0xFF)) is None or kept.offset < chunk.offset:
                found.last_heads[chunk.meta & 0xFF] = chunk
    elif tag == _SOURCE_DEF:
        found.sources.setdefault(chunk.meta, decode_source(chunk, payload))
    elif tag == _SIGNAL_DEF and len(payload) >= 128:
        found.signals.setdefault(chunk.meta, decode_signal(chunk, payload))
