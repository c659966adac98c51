"""The 13 sample types and the block parameters that follow from their size (format sections 5.5 and 6)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class SampleType:
    """One of the 13 sample types that a JLS library can write (format section 6).

    Examples
    --------
    >>> SAMPLE_TYPES["i4"].bits, SAMPLE_TYPES["i4"].numpy_dtype, SAMPLE_TYPES["i32"].entry_dtype.itemsize
    (4, dtype('int8'), 8)
    """

    name: str
    """As instruments call it: ``"f32"``, ``"u1"``."""
    basetype: int
    """1 signed, 3 unsigned, 4 float."""
    bits: int
    """Bits of one sample on disk."""
    numpy_dtype: np.dtype[Any]
    """Type of the unpacked samples in memory."""

    @property
    def entry_dtype(self) -> np.dtype[np.float32] | np.dtype[np.float64]:
        """Type of the four numbers of a level's entry."""
        wide = self.bits == 64 or (self.bits == 32 and self.basetype != 4)
        return np.dtype("<f8") if wide else np.dtype("<f4")

    def data_type(self, q: int = 0) -> int:
        """Return the format's ``data_type`` word with ``q`` fractional bits."""
        return self.basetype | self.bits << 8 | (q & 0xFF) << 16


def _sample_types() -> dict[str, SampleType]:
    memory = {"u1": "?", "u4": "u1", "i4": "i1"}
    bases = {"i": 1, "u": 3, "f": 4}
    names = ["u1", "u4", "i4", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"]
    made = {}
    for name in names:
        bits = int(name[1:])
        dtype = np.dtype(memory.get(name, f"<{name[0]}{bits // 8}"))
        made[name] = SampleType(name, bases[name[0]], bits, dtype)
    return made


SAMPLE_TYPES = MappingProxyType(_sample_types())
"""The 13 sample types by name."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The four block parameters of a signal: how many samples and entries go where (format section 5.5)."""

    samples_per_data: int
    sample_decimate: int
    entries_per_summary: int
    summary_decimate: int

    @property
    def data_per_index(self) -> int:
        """Data chunks that fill a level-1 block."""
        return -(-self.entries_per_summary // (self.samples_per_data // self.sample_decimate))

    def step(self, level: int) -> int:
        """Return the samples that one entry of ``level`` covers."""
        return self.sample_decimate * int(self.summary_decimate ** (level - 1))

    def normalised(self, bits: int) -> Blocks:
        """Return what the library makes of these numbers for samples of ``bits`` bits; 0 stands for its default.

        Examples
        --------
        >>> Blocks(0, 0, 0, 0).normalised(32)
        Blocks(samples_per_data=8192, sample_decimate=128, entries_per_summary=640, summary_decimate=20)
        >>> Blocks(100, 20, 21, 5).normalised(8)
        Blocks(samples_per_data=96, sample_decimate=32, entries_per_summary=30, summary_decimate=10)
        """
        default = _DEFAULT_BLOCKS[bits]
        decimate = _round_up(max(self.sample_decimate or default[1], 10), 256 // bits)
        factor = max(self.summary_decimate or default[3], 10)
        entries = _round_up(max(self.entries_per_summary or default[2], 10), factor)
        per_data = _round_up(max(self.samples_per_data or default[0], 10), decimate) // decimate
        while entries % per_data:
            per_data -= 1
        return Blocks(decimate * per_data, decimate, entries, factor)


_DEFAULT_BLOCKS = {
    1: (65536, 1024, 1280, 20),
    4: (65536, 1024, 1280, 20),
    8: (32768, 1024, 640, 20),
    16: (16384, 256, 1280, 20),
    32: (8192, 128, 640, 20),
    64: (8192, 128, 640, 20),
}


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
