"""One object of the tail to bytes and back: samples of several signals, and what they are at its end.

Parts are chunks as `encode_chunk` makes them, one behind the other. Behind them stands, as JSON, where each begins and
which samples it has; then the checksum of that, and its length.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import google_crc32c

from xjls.formats.zarr.codecs import ALIGN_BYTES, CRC_BYTES, encode_chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.codecs import Parts
    from xjls.storage import Storage

PATH = "tail"
"""Where the objects are."""
_END_BYTES = CRC_BYTES + 4


@dataclass(frozen=True, slots=True)
class TailPart:
    """What an object has of one signal."""

    start: int
    """Position of its first sample, from the signal's very first one."""
    length: int
    offset: int
    """First byte in the object."""
    n_bytes: int
    codec: str | None

    @property
    def stop(self) -> int:
        """One past the position of its last sample."""
        return self.start + self.length


def tail_key(number: int) -> str:
    """Return the key of an object of the tail."""
    return f"{PATH}/c.{number}"


def encode_tail(number: int, samples: Mapping[str, tuple[int, NDArray[Any], str | None]]) -> Parts:
    """Return the bytes of an object; `decode_directory` tells where its parts are.

    Parameters
    ----------
    number
        Of the object.
    samples
        By array: the position of the first sample, samples, and what they are compressed with.
    """
    parts: Parts = []
    said, at = {}, 0
    for array, (start, values, codec) in samples.items():
        encoded = encode_chunk(values, codec)
        n_bytes = sum(len(part) for part in encoded)
        said[array] = [start, len(values), at, n_bytes, codec]
        gap = -n_bytes % ALIGN_BYTES
        parts += [*encoded, bytes(gap)]
        at += n_bytes + gap
    text = json.dumps({"number": number, "parts": said}).encode()
    return [*parts, text, int(google_crc32c.value(text)).to_bytes(CRC_BYTES, "little"), len(text).to_bytes(4, "little")]


def decode_directory(storage: Storage, number: int) -> dict[str, TailPart]:
    """Return where the parts of an object are, by array; raise ValueError where it is not what was written."""
    end = storage.read(max(storage.size - _END_BYTES, 0), _END_BYTES)
    length = int.from_bytes(end[CRC_BYTES:], "little")
    text = storage.read(max(storage.size - _END_BYTES - length, 0), length)
    if len(end) != _END_BYTES or google_crc32c.value(text) != int.from_bytes(end[:CRC_BYTES], "little"):
        raise ValueError("its directory is damaged")
    told = json.loads(text)
    if told["number"] != number:
        raise ValueError(f"it is the object {told['number']} of a tail")
    return {array: TailPart(*part) for array, part in told["parts"].items()}
