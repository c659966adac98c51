"""Walk a whole file and verify every chunk: checksums, links, and what the index says of the samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from google_crc32c import value as crc32c

from xjls.formats.jls2.chunks import Hole
from xjls.formats.jls2.wire import CHUNK_HEADER, FIRST_CHUNK, PAYLOAD_HEADER, Tag, padded
from xjls.model.status import Damage

if TYPE_CHECKING:
    from xjls.formats.jls2.chunks import ChunkFile
    from xjls.formats.jls2.wire import Chunk
    from xjls.progress import Progress

REPORT_EVERY_BYTES = 1 << 24
LARGEST_BYTES = 1 << 28
_INDEX_TAGS = frozenset({Tag.FSR_INDEX, Tag.UTC_INDEX, Tag.ANNOTATION_INDEX})


class Findings(NamedTuple):
    """What a check found, in file order."""

    broken: list[Damage]
    """Bytes that hold no intact chunk, and chunks whose payload is damaged."""
    astray: list[Damage]
    """Intact chunks that lead to where nothing is, or something else."""


def check_chunks(chunks: ChunkFile, progress: Progress | None = None) -> Findings:
    """Walk all chunks; memory grows by some 300 bytes a chunk.

    Parameters
    ----------
    chunks
        The file.
    progress
        Called with (bytes done, bytes in all) now and then.
    """
    size, reported, ended = chunks.storage.size, 0, False
    broken: list[Damage] = []
    kinds: dict[int, int] = {}
    promised: dict[int, tuple[int, int]] = {}
    for item in chunks.walk(FIRST_CHUNK):
        if isinstance(item, Hole):
            broken.append(Damage(*item, "no intact chunk"))
            continue
        kinds[item.offset] = item.tag << 16 | item.meta
        broken += _check_payload(chunks, item)
        promised.update(_promises(chunks, item))
        if item.tag == Tag.END:
            ended = True
            break
        if progress and item.stop >= reported + REPORT_EVERY_BYTES:
            reported = item.stop
            progress(reported, size)
    astray = list(_check_promises(promised, kinds, [(item.offset, item.stop) for item in broken], size))
    if not ended:
        kept = "the recording was not closed; it opens, and reads up to here"
        astray.append(Damage(size, size, "there is no END chunk", kept))
    if progress:
        progress(size, size)
    return Findings(broken, astray)


def _check_payload(chunks: ChunkFile, chunk: Chunk) -> Iterator[Damage]:
    length = chunk.payload_length
    if length > LARGEST_BYTES:
        yield Damage(chunk.offset, chunk.stop, f"a payload of {length:_} bytes is larger than any writer makes")
    elif length:
        data = chunks.storage.read(chunk.offset + CHUNK_HEADER.size, padded(length))
        stored, found = int.from_bytes(data[-4:], "little"), crc32c(data[:length])
        if stored != found:
            yield Damage(
                chunk.offset, chunk.stop, f"payload CRC-32C is {found:#010x}, expected {stored:#010x}", _meaning(chunk)
            )


def _promises(chunks: ChunkFile, chunk: Chunk) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield (offset, (from, kind)) for every chunk that this one leads to; kind 0 allows any."""
    if chunk.item_next:
        # Lists of tracks hold one kind; sources, signals and user data share none or several
        yield (
            chunk.item_next,
            (chunk.offset, chunk.tag << 16 | chunk.meta if chunk.tag & 7 > 1 and chunk.tag != Tag.SIGNAL_DEF else 0),
        )
    if chunk.tag in _INDEX_TAGS:
        data = chunks.storage.read(chunk.offset + CHUNK_HEADER.size, chunk.payload_length)
        level, signal = chunk.meta >> 12, chunk.meta & 0xFF
        below = (chunk.tag if level > 1 else chunk.tag - 1) << 16 | (level - 1) << 12 | signal
        entry = 8 if chunk.tag == Tag.FSR_INDEX else 16
        for at in range(PAYLOAD_HEADER.size + entry - 8, len(data) - 7, entry):
            if offset := int.from_bytes(data[at : at + 8], "little"):
                yield offset, (chunk.offset, below)


def _check_promises(
    promised: dict[int, tuple[int, int]], kinds: dict[int, int], holes: list[tuple[int, int]], size: int
) -> Iterator[Damage]:
    beyond = sum(offset >= size for offset in promised)
    if beyond:
        yield Damage(size, size, f"{beyond} links lead behind the end of the file", "it was longer once")
    for offset, (origin, kind) in promised.items():
        found = kinds.get(offset)
        stop = origin + CHUNK_HEADER.size
        if found is None and offset < size and not any(lo <= offset < hi for lo, hi in holes):
            yield Damage(origin, stop, f"a link leads to byte {offset:_}, where no chunk begins")
        elif found is not None and kind and found != kind:
            told, expected = _kind(found), _kind(kind)
            yield Damage(origin, stop, f"a link leads to a chunk of {told}, expected {expected}")


def _kind(kind: int) -> str:
    return f"tag {kind >> 16:#04x} meta {kind & 0xFFFF:#06x}"


def _meaning(chunk: Chunk) -> str:
    try:
        name = Tag(chunk.tag).name
    except ValueError:
        name = f"tag {chunk.tag:#04x}"
    return f"{name} of signal {chunk.meta & 0xFF}, level {chunk.meta >> 12}" if chunk.tag >= Tag.FSR_DEF else name
