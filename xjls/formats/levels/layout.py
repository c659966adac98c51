"""What a sidecar says of itself, and how the entries of its levels are cut into blocks, shards and files.

What is read is checked for its shape and against its own checksum: a record that says something else is damage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import google_crc32c

from xjls.errors import CorruptError, UnsupportedError
from xjls.formats.levels.freshness import Fingerprint
from xjls.formats.zarr.codecs import ALIGN_BYTES, CRC_BYTES
from xjls.model.sample_type import level_dtype_of, level_factors_of
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    import numpy as np

    from xjls.model.documents import Document
    from xjls.model.signal import Signal

KEY = "xjls_levels"
"""The attribute of the root that makes a Zarr group a sidecar."""
SEAL = "crc32c"
"""Key of the checksum of all that stands beside it."""
LAYOUT = 1
"""Version of the layout; a reader of another one cannot know what it does not understand."""
BLOCK_ENTRIES = 640
"""Entries that are checked, and used, together: 10 KB of float32. Whole blocks make whole entries of the next level."""
PIECE_BLOCKS = 80
"""Blocks of level 1 that one thread makes at a time: 26 MB of int16 samples, and whole blocks of level 2 too."""
SHARD_BLOCKS = 25_600
"""Blocks in a file: 16 million entries. A day of 5 MS/s has 1 700 000 000 of level 1, and so a hundred files."""
GAPS = "gaps"
"""The group of what is no sample: an array a signal, of `GAP_COLUMNS`."""
GAP_COLUMNS = ("start", "stop", "offset", "reason")
"""Sample ids, half-open; byte offset in the recording or -1; which of the record's reasons."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How one level of one signal lies in files."""

    path: str
    """Of its array, in the sidecar."""
    dtype: np.dtype[Any]
    length: int
    """Entries, at least one."""
    block_entries: int
    """Entries of a block."""

    @property
    def n_blocks(self) -> int:
        """Blocks, of which the last may be filled up with NaN."""
        return -(-self.length // self.block_entries)

    @property
    def shard_blocks(self) -> int:
        """Blocks that a file has room for."""
        return min(self.n_blocks, SHARD_BLOCKS)

    @property
    def n_shards(self) -> int:
        """Files."""
        return -(-self.n_blocks // self.shard_blocks)

    @property
    def block_numbers(self) -> int:
        """Numbers in a block."""
        return self.block_entries * len(STATISTICS)

    @property
    def block_bytes(self) -> int:
        """Bytes of a block's entries; its checksum follows."""
        return self.block_numbers * self.dtype.itemsize

    @property
    def stride(self) -> int:
        """Bytes from one block of a file to the next."""
        return -(-(self.block_bytes + CRC_BYTES) // ALIGN_BYTES) * ALIGN_BYTES

    def key(self, shard: int) -> str:
        """Return where a file is, in the sidecar."""
        return f"{self.path}/c.{shard}.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarSignal:
    """What a sidecar says of one signal: which one it is, and whether it is still the same."""

    name: str
    array: str
    """What its arrays are called."""
    stored_type: str
    first_id: int
    length: int
    """Samples."""

    @classmethod
    def of(cls, signal: Signal, array: str) -> SidecarSignal:
        """Return the record of a signal."""
        return cls(
            name=signal.name, array=array, stored_type=signal.stored_type, first_id=signal.first_id,
            length=signal.length,
        )  # fmt: skip

    @property
    def all_factors(self) -> tuple[int, ...]:
        """Samples an entry of each level covers, also of levels that the signal is too short for."""
        return level_factors_of(self.stored_type)

    @property
    def factors(self) -> tuple[int, ...]:
        """Samples an entry of each level covers that has a whole entry."""
        return tuple(factor for factor in self.all_factors if factor <= self.length)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the entries."""
        return level_dtype_of(self.stored_type)

    @property
    def piece_entries(self) -> int:
        """Entries of level 1 that one thread makes at a time."""
        return PIECE_BLOCKS * BLOCK_ENTRIES

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """How each level lies in files."""
        return tuple(
            Cut(f"{level}/{self.array}", self.dtype, self.length // factor, BLOCK_ENTRIES)
            for level, factor in enumerate(self.factors, 1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarRecord:
    """What a sidecar says of the recording that it was built of."""

    file: Fingerprint
    signals: tuple[SidecarSignal, ...]
    reasons: tuple[tuple[str, bool], ...] = ()
    """Why samples are none, and whether nobody delivered them."""
    gaps: Mapping[str, int]
    """How many gaps each signal has that has some."""


def encode_record(record: SidecarRecord) -> Document:
    """Return what stands under `KEY`, sealed; `decode_record` undoes it.

    Examples
    --------
    >>> signal = SidecarSignal(name="a", array="a", stored_type="i16", first_id=0, length=5120)
    >>> record = SidecarRecord(file=Fingerprint(10_240, 5, 7), signals=(signal,), gaps={"a": 1},
    ...                 reasons=(("off", True),))
    >>> decode_record(encode_record(record), "x.levels.zarr") == record, signal.factors
    (True, (256, 5120))
    """
    told = {
        "layout": LAYOUT, "file": record.file.encode(), "block_entries": BLOCK_ENTRIES,
        "signals": [
            {
                "name": one.name, "array": one.array, "stored_type": one.stored_type, "first_sample_id": one.first_id,
                "length": one.length, "samples_per_entry": list(one.factors), "gaps": record.gaps.get(one.name, 0),
            }
            for one in record.signals
        ],
        "reasons": [{"reason": reason, "skipped": skipped} for reason, skipped in record.reasons],
    }  # fmt: skip
    return told | {SEAL: seal(told)}


def decode_record(document: Any, path: str) -> SidecarRecord:
    """Return what the root of a sidecar says.

    Raises
    ------
    UnsupportedError
        It is of another layout.
    CorruptError
        It is not what `encode_record` writes.
    """
    if isinstance(document, dict) and document.get("layout") != LAYOUT:
        problem = f"they are in layout {document.get('layout')!r}, of another release of xjls"
        raise UnsupportedError(problem, path, remedy=f"This one reads layout {LAYOUT}.")
    try:
        intact = seal(document) == document[SEAL] and document["block_entries"] == BLOCK_ENTRIES
        signals = tuple(_decode_signal(one) for one in document["signals"])
        record = SidecarRecord(
            file=Fingerprint.decode(document["file"]), signals=signals,
            reasons=tuple((str(one["reason"]), bool(one["skipped"])) for one in document["reasons"]),
            gaps={str(one["name"]): count for one in document["signals"] if (count := int(one["gaps"]))},
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"its attribute {KEY!r} is damaged ({type(error).__name__}: {error})"
        raise CorruptError(problem, path) from error
    if not intact:
        raise CorruptError(f"the checksum of its attribute {KEY!r} differs", path)
    return record


def seal(told: Mapping[str, Any]) -> int:
    """Return the checksum of a record, whatever way it is written down."""
    said = {key: value for key, value in told.items() if key != SEAL}
    return int(google_crc32c.value(json.dumps(said, sort_keys=True).encode()))


def _decode_signal(document: Mapping[str, Any]) -> SidecarSignal:
    record = SidecarSignal(
        name=str(document["name"]), array=str(document["array"]), stored_type=str(document["stored_type"]),
        first_id=int(document["first_sample_id"]), length=int(document["length"]),
    )  # fmt: skip
    found = document["samples_per_entry"]
    if not found or found != list(record.factors):
        raise ValueError(f"levels of {found} samples an entry where there are {list(record.factors)}")
    return record
