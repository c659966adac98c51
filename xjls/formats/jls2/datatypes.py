"""The sample types of JLS v2 and what each becomes in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from xjls.errors import UnsupportedError
from xjls.model.sample_type import SAMPLE_TYPES, bits_of, dtype_of, level_dtype_of

if TYPE_CHECKING:
    import numpy as np

    from xjls.formats.jls2.wire import SignalDef


@dataclass(frozen=True, slots=True)
class DataType:
    """One sample type."""

    name: str
    """``"f32"``, ``"u4"`` …"""
    bits: int
    """Of a sample on disk."""
    dtype: np.dtype[Any]
    """Of a sample as it is read: u1 as bool, u4 and i4 as bytes."""

    @property
    def entry_dtype(self) -> np.dtype[Any]:
        """Of the four numbers of a summary entry."""
        return level_dtype_of(self.name)

    @property
    def entry_bits(self) -> int:
        """Of a summary entry on disk."""
        return self.entry_dtype.itemsize * 32

    @property
    def signed_nibbles(self) -> bool:
        """Whether 4-bit samples are two's complement."""
        return self.name == "i4"

    @property
    def floating(self) -> bool:
        """Whether NaN can stand for a lost sample."""
        return self.dtype.kind == "f"


_BASES = {0x01: "i", 0x03: "u", 0x04: "f"}
_TYPES = {name: DataType(name, bits_of(name), dtype_of(name)) for name in SAMPLE_TYPES}


@lru_cache(maxsize=256)
def decode_data_type(value: int) -> tuple[DataType | None, str, int]:
    """Split a ``data_type`` word: base | bits << 8 | q << 16.

    Returns
    -------
    tuple
        The type, or None when xjls does not read it (24 bits were declared and never written); its name; and the signed
        binary point ``q`` (value = raw · 2⁻q).

    Examples
    --------
    >>> decode_data_type(0x2004)[1:], decode_data_type(0x081001)[1:]
    (('f32', 0), ('i16', 8))
    """
    name = f"{_BASES.get(value & 0xFF, '?')}{value >> 8 & 0xFF}"
    q = value >> 16 & 0xFF
    return _TYPES.get(name), name, q - 256 if q >= 128 else q


def type_of(signal: SignalDef, path: str) -> DataType:
    """Return the type of a signal that is to be written.

    Raises
    ------
    UnsupportedError
        xjls has no samples of that type.
    """
    kind, name, _ = decode_data_type(signal.data_type)
    if kind is None:
        remedy = f"Choose one of {', '.join(_TYPES)}."
        raise UnsupportedError(f"samples of {signal.name!r} are {name}, which is not written", path, 0, remedy)
    return kind


def encode_data_type(name: str, q: int = 0) -> int:
    """Return the ``data_type`` word of a type by its name.

    Examples
    --------
    >>> hex(encode_data_type("f32")), decode_data_type(encode_data_type("i16", -3))[1:]
    ('0x2004', ('i16', -3))
    """
    base = next(number for number, letter in _BASES.items() if letter == name[0])
    return base | int(name[1:]) << 8 | (q & 0xFF) << 16
