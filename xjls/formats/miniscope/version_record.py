"""What the firmware tells of itself a byte at a time: 32 bytes, of which each header has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECORD_BYTES = 32
MAGIC = 0xA5
"""The first byte."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """The record, as far as it came.

    Its bytes are, in this order: `MAGIC`, the firmware's version, a git hash, the layout, flags, the device's id,
    width, height, frame rate, the ring's size and a checksum that makes the sum of all 0, modulo 256. How many each has
    is not published: `data` has them as they are.
    """

    data: bytes
    """32 bytes; 0 where none came."""
    known: tuple[bool, ...]
    """Of each byte whether it came."""

    @property
    def complete(self) -> bool:
        """Whether all of it came."""
        return all(self.known)

    @property
    def valid(self) -> bool:
        """Whether all of it came, and magic and checksum are right."""
        return self.complete and self.data[0] == MAGIC and sum(self.data) % 256 == 0


def assemble_version(
    buffer_count: NDArray[Any], version_byte: NDArray[Any], good: NDArray[np.bool_] | None = None
) -> VersionRecord:
    """Return the record that headers tell together: header ``buffer_count`` has byte ``buffer_count % 32``.

    Parameters
    ----------
    buffer_count, version_byte
        Columns of one recording, [buffer] each.
    good
        Which headers to believe; None for all. Of bytes that contradict one another, the most frequent one counts.

    Examples
    --------
    >>> record = bytes([MAGIC] + [0] * 30 + [256 - MAGIC])
    >>> assemble_version(np.arange(40), np.array([record[i % 32] for i in range(40)])).valid
    True
    >>> assemble_version(np.arange(3), np.array([MAGIC, 0, 0])).complete
    False
    """
    chosen = np.ones(len(buffer_count), np.bool_) if good is None else good
    places = (np.asarray(buffer_count)[chosen] % RECORD_BYTES).astype(np.int64)
    values = np.asarray(version_byte)[chosen].astype(np.int64)
    votes = np.bincount(places * 256 + values, minlength=RECORD_BYTES * 256).reshape(RECORD_BYTES, 256)
    return VersionRecord(bytes(votes.argmax(axis=1).astype(np.uint8)), tuple((votes.sum(axis=1) > 0).tolist()))
