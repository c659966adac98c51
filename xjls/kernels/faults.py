"""What can be wrong with a chunk, as the codes that the kernels leave behind. Imports no numba."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["MEANING", "Fault"]


class Fault(IntEnum):
    """Why a chunk did not yield what the plan asked of it.

    Examples
    --------
    >>> Fault(6).name, MEANING[Fault.PAYLOAD_CRC]
    ('PAYLOAD_CRC', 'the payload disagrees with its checksum')
    """

    OK = 0
    OUT_OF_BOUNDS = 1
    HEADER_CRC = 2
    WRONG_CHUNK = 3
    WRONG_ID = 4
    TOO_SHORT = 5
    PAYLOAD_CRC = 6
    WRONG_SIZE = 7
    ABSENT = 8


MEANING = {
    Fault.OK: "the chunk is whole and is the one that was asked for",
    Fault.OUT_OF_BOUNDS: "the chunk reaches past the end of the bytes, or the plan out of the destination",
    Fault.HEADER_CRC: "the chunk header disagrees with its checksum",
    Fault.WRONG_CHUNK: "the chunk has another tag, signal or level",
    Fault.WRONG_ID: "the chunk starts at another sample id",
    Fault.TOO_SHORT: "the chunk holds fewer entries than were asked for",
    Fault.PAYLOAD_CRC: "the payload disagrees with its checksum",
    Fault.WRONG_SIZE: "the entries of the chunk have another size, or there are more than a chunk of its kind may hold",
    Fault.ABSENT: "there is no such chunk",
}
