"""What happens beside the samples: ties, annotations and user data, each from its list.

A list whose next chunk is damaged or missing ends there; the caller completes it from a survey.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from xjls.errors import CorruptError, TruncatedError
from xjls.formats.jls2.wire import (
    PAYLOAD_HEADER,
    TIE_BYTES,
    AnnotationRecord,
    Tag,
    decode_annotation,
    decode_storage,
    decode_tie,
    jls_time_to_ns,
)
from xjls.model.annotation import Annotation, Tie, UserData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.wire import Chunk

KINDS = ("user", "text", "vertical_marker", "horizontal_marker")
_TIE = struct.Struct("<qq")
_MAX_TIME_NS = (1 << 63) - 1


class Found(NamedTuple):
    """Chunks of a list with their payloads, and what ended the list early."""

    records: list[tuple[Chunk, bytes]]
    error: CorruptError | TruncatedError | None


def read_list(chunks: ChunkFile, start: int, tag: int, meta: int | None) -> Found:
    """Read a list of DATA or USER_DATA chunks from its first one; ``meta`` None allows any."""
    found: list[tuple[Chunk, bytes]] = []
    try:
        for chunk, payload in chunks.records(start):
            chunks.expect(chunk, tag, chunk.meta if meta is None else meta)
            found.append((chunk, payload))
    except (CorruptError, TruncatedError) as error:
        return Found(found, error)
    return Found(found, None)


def read_chunks(chunks: ChunkFile, found: Iterable[Chunk]) -> Iterator[tuple[Chunk, bytes]]:
    """Yield those chunks whose payload is intact."""
    for chunk in found:
        try:
            yield chunks.record(chunk.offset)
        except (CorruptError, TruncatedError):
            continue


def read_indexed_ties(chunks: ChunkFile, signal_id: int, heads: tuple[int, ...]) -> tuple[Tie, ...]:
    """Read a closed signal's ties: SUMMARY chunks of level 1 repeat them, a hundred at a time.

    Raises
    ------
    CorruptError, TruncatedError
        A chunk on the way is damaged; the DATA chunks may still tell.
    """
    ties: list[Tie] = []
    last = 0
    for index, payload in chunks.records(heads[1]):
        chunks.expect(index, Tag.UTC_INDEX, 1 << 12 | signal_id)
        count = _count(chunks, index, payload, 16)
        summary, body = chunks.record(index.stop)
        chunks.expect(summary, Tag.UTC_SUMMARY, 1 << 12 | signal_id)
        if _count(chunks, summary, body, 16) != count:
            raise CorruptError(
                "a SUMMARY chunk of ties differs in length from its INDEX", chunks.storage.path, summary.offset
            )
        ties += _decode_tie_block(body[16 : 16 + 16 * count])
        last = int.from_bytes(payload[16 * count + 8 : 16 * count + 16], "little")
    tail = read_list(chunks, last, Tag.UTC_DATA, signal_id)
    if tail.error:
        raise tail.error
    return (*ties, *decode_ties(tail.records[1:] if last else tail.records))


def decode_ties(records: Iterable[tuple[Chunk, bytes]]) -> tuple[Tie, ...]:
    """Decode UTC DATA chunks; those that are too short to be one are passed over."""
    return tuple(_tie(*decode_tie(payload)) for _, payload in records if len(payload) >= TIE_BYTES)


def decode_annotations(records: Iterable[tuple[Chunk, bytes]]) -> list[AnnotationRecord]:
    """Decode ANNOTATION DATA chunks; those that are too short to be one are passed over."""
    return [decode_annotation(payload) for _, payload in records if len(payload) >= 28]


def annotation(signal: str, record: AnnotationRecord, sample_id: int | None, time_ns: int | None) -> Annotation:
    """Say what an annotation record means on a signal."""
    kind = KINDS[record.kind] if record.kind < len(KINDS) else f"type_{record.kind}"
    return Annotation(
        signal=signal, sample_id=sample_id, time_ns=time_ns, kind=kind, group=record.group,
        y=record.y if math.isfinite(record.y) else None, data=record.data,
    )  # fmt: skip


def annotation_record(note: Annotation, timestamp: int) -> AnnotationRecord:
    """Return what is written of an annotation, at a sample id or a JLS time; `annotation` undoes it."""
    kind = KINDS.index(note.kind) if note.kind in KINDS else int(note.kind.removeprefix("type_"))
    return AnnotationRecord(timestamp, kind, note.group, math.nan if note.y is None else note.y, note.data)


def decode_user_data(records: Iterable[tuple[Chunk, bytes]]) -> tuple[UserData, ...]:
    """Decode USER_DATA chunks; the first of a file is an empty mark of storage type 0."""
    return tuple(
        UserData(meta=chunk.meta & 0xFFF, data=decode_storage(chunk.meta >> 12, payload))
        for chunk, payload in records
        if chunk.meta >> 12
    )


@lru_cache(maxsize=256)
def _decode_tie_block(entries: bytes) -> tuple[Tie, ...]:
    """Decode pairs of sample id and JLS time; the signals of an instrument repeat each other's to the byte."""
    return tuple(_tie(sample_id, time) for sample_id, time in _TIE.iter_unpack(entries))


def _tie(sample_id: int, time: int) -> Tie:
    return Tie(sample_id=sample_id, time_ns=max(-_MAX_TIME_NS, min(jls_time_to_ns(time), _MAX_TIME_NS)))


def _count(chunks: ChunkFile, chunk: Chunk, payload: bytes, entry_bytes: int) -> int:
    count: int = PAYLOAD_HEADER.unpack_from(payload)[1] if len(payload) >= PAYLOAD_HEADER.size else 0
    if count < 1 or len(payload) < PAYLOAD_HEADER.size + count * entry_bytes:
        raise CorruptError(f"a chunk claims {count:_} entries", chunks.storage.path, chunk.offset)
    return count
