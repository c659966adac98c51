"""Chunks and shards to bytes and back: samples in their byte order, compressed or not, and a checksum behind them.

A shard is chunks one after the other and, at its end, where each begins and how long it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import google_crc32c
import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Parts: TypeAlias = "list[bytes | NDArray[np.uint8]]"
"""Bytes of an object, in turn."""
Metadata: TypeAlias = dict[str, Any]

CODECS = ("zstd", "blosc")
"""What samples can be compressed with: ``"blosc"`` is LZ4 over bits sorted by their place."""
AUTO = "auto"
"""Compress with Blosc where that makes samples smaller by a quarter at least."""
WORTH = 0.75
CRC_BYTES = 4
FEW_BYTES = 1 << 17
ALIGN_BYTES = 64
"""Chunks of a shard begin at multiples of it."""
NOWHERE = 2**64 - 1
"""What an index says of a chunk that is not there."""
_BLOSC = {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle", "blocksize": 0}
_ZSTD_LEVEL = 1
_LITTLE: Metadata = {"name": "bytes", "configuration": {"endian": "little"}}
_CRC: Metadata = {"name": "crc32c"}
INDEX_CODECS = [_LITTLE, _CRC]


def check_codec(codec: str | None) -> None:
    """Refuse what is no codec."""
    if codec is not None and codec not in (*CODECS, AUTO):
        known = ", ".join(map(repr, (*CODECS, AUTO)))
        raise SelectionError(f"codec={codec!r} is none", f"Choose one of {known}, or None.")


def worth_it(samples: NDArray[Any]) -> bool:
    """Return whether samples become smaller by a quarter at least when they are compressed with Blosc.

    Examples
    --------
    >>> worth_it(np.arange(1000, dtype="i2")), worth_it(np.random.default_rng(1).normal(size=1000))
    (True, False)
    """
    plain = _bytes_of(samples)
    return len(_compressor("blosc", samples.itemsize).encode(plain)) <= WORTH * len(plain)


def chunk_codecs(codec: str | None, itemsize: int) -> list[Metadata]:
    """Return the metadata of a chunk's codecs; `codec_of` undoes it."""
    compression: list[Metadata] = []
    if codec == "zstd":
        compression = [{"name": "zstd", "configuration": {"level": _ZSTD_LEVEL, "checksum": False}}]
    elif codec == "blosc":
        compression = [{"name": "blosc", "configuration": {"typesize": itemsize, **_BLOSC}}]
    return [_LITTLE, *compression, _CRC]


def codec_of(codecs: Sequence[Metadata]) -> str | None:
    """Return which codec a chunk's metadata names; raise ValueError where it is not one of those written here."""
    names = [codec.get("name") for codec in codecs]
    little = codecs and codecs[0].get("configuration", {}).get("endian", "little") == "little"
    if not little or names[0] != "bytes" or names[-1] != "crc32c" or names[1:-1] not in ([], ["zstd"], ["blosc"]):
        raise ValueError(f"chunks are coded by {names}")
    return names[1] if len(names) == 3 else None


def checksum(data: NDArray[np.uint8]) -> int:
    """Return the CRC-32C of bytes; that of a few without numba, which opening must not wait for."""
    if data.size <= FEW_BYTES:
        return int(google_crc32c.value(data.tobytes()))
    from xjls.kernels.crc import crc32c

    return int(crc32c(data, 0, data.size))


def encode_chunk(values: NDArray[Any], codec: str | None) -> Parts:
    """Return a chunk's bytes."""
    plain = _bytes_of(values)
    data = plain if codec is None else np.frombuffer(_compressor(codec, values.itemsize).encode(plain), np.uint8)
    return [data, checksum(data).to_bytes(CRC_BYTES, "little")]


def decode_chunk(data: NDArray[np.uint8], dtype: np.dtype[Any], codec: str | None, *, verify: bool) -> NDArray[Any]:
    """Return a chunk's values, in one dimension; raise ValueError where its bytes are not what was written.

    Values that are not compressed are a view of ``data``.
    """
    if data.size < CRC_BYTES:
        raise ValueError("it is cut off")
    body, told = data[:-CRC_BYTES], int.from_bytes(data[-CRC_BYTES:].tobytes(), "little")
    if (verify or codec) and checksum(body) != told:
        raise ValueError("its checksum differs")
    if codec is None:
        return body.view(dtype)
    plain: NDArray[np.uint8] = np.frombuffer(_compressor(codec, dtype.itemsize).decode(body), np.uint8)
    return plain.view(dtype)


def encode_shard(
    values: NDArray[Any], chunk: int, n_chunks: int, codec: str | None, fill: Any, blank: Collection[int] = ()
) -> Parts:
    """Return the bytes of a shard of ``n_chunks`` chunks, of which ``values`` fills the first ones.

    Those that are ``blank``, by number, are left out.
    """
    parts: Parts = []
    index = np.full((n_chunks, 2), NOWHERE, "<u8")
    at = 0
    for i, start in enumerate(range(0, len(values), chunk)):
        if i in blank:
            continue
        encoded = encode_chunk(padded(values[start : start + chunk], chunk, fill), codec)
        length = sum(len(part) for part in encoded)
        index[i] = at, length
        gap = -length % ALIGN_BYTES
        parts += [*encoded, bytes(gap)]
        at += length + gap
    return [*parts, encode_index(index)]


def encode_index(index: NDArray[np.uint64]) -> bytes:
    """Return the end of a shard: what `decode_index` returns, and its checksum."""
    return b"".join(map(bytes, encode_chunk(index, None)))


def index_bytes(n_chunks: int) -> int:
    """Return how many bytes the index of a shard has, at its end."""
    return 16 * n_chunks + CRC_BYTES


def decode_index(data: bytes) -> NDArray[np.uint64]:
    """Return where each chunk of a shard begins, and how long it is: (chunk, 2), `NOWHERE` for one that is not there.

    Raises ValueError where its checksum differs.
    """
    table = np.frombuffer(data[:-CRC_BYTES], np.uint8)
    if len(data) % 16 != CRC_BYTES or checksum(table) != int.from_bytes(data[-CRC_BYTES:], "little"):
        raise ValueError("its index is damaged")
    return table.view("<u8").reshape(-1, 2)


def padded(values: NDArray[Any], length: int, fill: Any) -> NDArray[Any]:
    """Return values, filled up to a length."""
    if len(values) == length:
        return values
    whole = np.full((length, *values.shape[1:]), fill, values.dtype)
    whole[: len(values)] = values
    return whole


def encode_texts(texts: Sequence[str]) -> bytes:
    """Return a chunk of texts, as ``vlen-utf8`` has them: their number, and each with its length before it."""
    parts = [len(texts).to_bytes(4, "little")]
    for text in texts:
        encoded = text.encode()
        parts += [len(encoded).to_bytes(4, "little"), encoded]
    return b"".join(parts)


def encode_page(texts: Sequence[str], length: int) -> Parts:
    """Return a chunk of so many texts, filled up with empty ones, and its checksum; `decode_page` undoes it."""
    data = encode_texts([*texts, *[""] * (length - len(texts))])
    return [data, int(google_crc32c.value(data)).to_bytes(CRC_BYTES, "little")]


def decode_page(data: bytes) -> list[str]:
    """Return the texts of a chunk that are not empty; raise ValueError where its bytes are not what was written."""
    body, told = data[:-CRC_BYTES], int.from_bytes(data[-CRC_BYTES:], "little")
    if len(data) < 2 * CRC_BYTES or int(google_crc32c.value(body)) != told:
        raise ValueError("its checksum differs")
    texts, at = [], 4
    for _ in range(int.from_bytes(body[:4], "little")):
        stop = at + 4 + int.from_bytes(body[at : at + 4], "little")
        texts.append(body[at + 4 : stop].decode())
        at = stop
    return [text for text in texts if text]


def _bytes_of(values: NDArray[Any]) -> NDArray[np.uint8]:
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8)


@lru_cache(maxsize=16)
def _compressor(codec: str, itemsize: int) -> Any:
    """Import a compressor on first use: samples are not compressed as a rule."""
    if codec == "zstd":
        from numcodecs.zstd import Zstd

        return Zstd(level=_ZSTD_LEVEL)
    from numcodecs.blosc import BITSHUFFLE, Blosc

    return Blosc(cname=_BLOSC["cname"], clevel=_BLOSC["clevel"], shuffle=BITSHUFFLE, typesize=itemsize)
