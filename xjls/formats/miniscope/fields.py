"""What stands where in a header: bits of its words as integers, bytes as they are, and the quantities they mean.

Words are u32 and count from the one behind the preamble; bit 0 is the lowest. As words are little-endian, byte ``b`` of
a header is bits ``8 * (b % 4)`` and up of word ``b // 4``, and a field that goes on into the next word goes on there at
bit 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xjls.errors import SelectionError

__all__ = ["MOST_WORDS", "AdcScale", "ByteField", "Columns", "Field", "Part", "Quantity", "Words"]

MOST_WORDS = 256
"""Words of a header; more are a mistake."""

Words: TypeAlias = NDArray[np.uint32]
"""Headers, u32[buffer, word]."""
Columns: TypeAlias = dict[str, NDArray[Any]]
"""What headers say, by name; of each one value a buffer."""


class Part(Protocol):
    """A part of a header; `HeaderFormat` asks it when headers are decoded or encoded."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that `decode` gives."""
        ...

    @property
    def words(self) -> int:
        """Words that a header needs to hold it."""
        ...

    def decode(self, words: Words) -> Columns:
        """Return the columns of headers that have enough words."""
        ...

    def encode(self, columns: Mapping[str, NDArray[Any]], words: Words) -> None:
        """Put the column of this part, where it is given, into headers; other bits stay."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What an integer means: ``raw * scale + offset``, as float64.

    Examples
    --------
    >>> Quantity(name="temperature", units="degC", scale=0.01, invalid=0x7FFF).of(np.array([2150, 0x7FFF], np.int16))
    array([21.5,  nan])
    """

    name: str
    """Of the column."""
    units: str = ""
    scale: float = 1.0
    offset: float = 0.0
    invalid: int | None = None
    """The integer that says that there is no value; None: each is one."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not (math.isfinite(self.scale) and self.scale and math.isfinite(self.offset)):
            raise SelectionError(
                f"{self.name!r} has the scale {self.scale!r} and the offset {self.offset!r}",
                "Give finite numbers, and a scale other than 0.",
            )

    def of(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        """Return the values of integers; NaN where there is none."""
        values = raw.astype(np.float64)
        if self.scale != 1.0:
            values *= self.scale
        if self.offset:
            values += self.offset
        if self.invalid is not None:
            values[raw == self.invalid] = np.nan
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class AdcScale:
    """How voltages become the integers of an analogue-to-digital converter; mio's ``adc_scale``, with its defaults.

    Examples
    --------
    >>> AdcScale().quantity("battery_voltage", AdcScale().battery_divider).of(np.array([189]))
    array([4.06054688])
    """

    reference_v: float = 1.1
    bits: int = 8
    battery_divider: float = 5.0
    input_divider: float = 11.3

    def quantity(self, name: str, divider: float) -> Quantity:
        """Return what an integer means, in volts, of a voltage that is divided before it is measured."""
        return Quantity(name=name, units="V", scale=self.reference_v * divider / 2**self.bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """An integer in a header: up to 64 bits, which lie in one word or go on into the next.

    Examples
    --------
    >>> field = Field(name="diagnosis", word=1, first_bit=24, bits=8, signed=True)
    >>> field.decode(np.array([[7, 0xFE00_0001]], np.uint32))
    {'diagnosis': array([-2], dtype=int8)}
    """

    name: str
    """Of the column of integers."""
    word: int
    first_bit: int = 0
    """The lowest bit, in the word."""
    bits: int = 32
    signed: bool = False
    """Whether the highest bit counts negative (two's complement)."""
    units: str = ""
    """Of the integers themselves."""
    quantity: Quantity | None = None
    """What the integers mean, as a column of its own; None: themselves."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.quantity is not None and self.quantity.name == self.name:
            raise SelectionError(f"field {self.name!r} and what it means have one name", "Give them two.")
        _check_word(self.name, self.word)
        if not (0 <= self.first_bit <= 31 and 1 <= self.bits <= 64 - self.first_bit):
            raise SelectionError(
                f"field {self.name!r} has {self.bits} bits from bit {self.first_bit} on",
                "It begins at bit 0 to 31 of its word, has a bit at least, and ends in the next word at the latest.",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The column of integers, and that of what they mean."""
        return (self.name,) if self.quantity is None else (self.name, self.quantity.name)

    @property
    def words(self) -> int:
        """Words that a header needs to hold it."""
        return self.word + (self.first_bit + self.bits + 31) // 32

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest integers that hold all its values."""
        n_bytes = next(n for n in (1, 2, 4, 8) if 8 * n >= self.bits)
        return np.dtype(f"{'i' if self.signed else 'u'}{n_bytes}")

    def decode(self, words: Words) -> Columns:
        """Return the integers [buffer], and what they mean."""
        raw = self._read(words)
        return (
            {self.name: raw} if self.quantity is None else {self.name: raw, self.quantity.name: self.quantity.of(raw)}
        )

    def encode(self, columns: Mapping[str, NDArray[Any]], words: Words) -> None:
        """Put integers [buffer] into headers u32[buffer, word]; other bits stay.

        Raises
        ------
        SelectionError
            Some are too large for the bits, or too small.
        """
        if self.name not in columns:
            return
        values = np.asarray(columns[self.name])
        bounds = np.iinfo(np.int64 if self.signed else np.uint64)
        low = -(1 << (self.bits - 1)) if self.signed else 0
        high = min((1 << (self.bits - self.signed)) - 1, int(bounds.max))
        if values.size and not (low <= int(values.min()) and int(values.max()) <= high):
            raise SelectionError(f"field {self.name!r} holds {low} to {high}", f"Not {values.min()} to {values.max()}.")
        self._write(values.astype(bounds.dtype).view(np.uint64), words)

    def _read(self, words: Words) -> NDArray[Any]:
        end = self.first_bit + self.bits
        held: NDArray[Any] = words[:, self.word]
        width = 32 if end <= 32 else 64
        if width == 64:
            held = held.astype(np.uint64) | (words[:, self.word + 1].astype(np.uint64) << np.uint64(32))
        unsigned = np.dtype(f"u{width // 8}").type
        high: NDArray[Any] = held << unsigned(width - end)
        if self.signed:
            signed = np.dtype(f"i{width // 8}").type
            high = high.view(signed) >> signed(width - self.bits)
        else:
            high = high >> unsigned(width - self.bits)
        return high.astype(self.dtype)

    def _write(self, values: NDArray[np.uint64], words: Words) -> None:
        mask = ((1 << self.bits) - 1) << self.first_bit
        shifted = (values << np.uint64(self.first_bit)) & np.uint64(mask)
        for n, word in enumerate(range(self.word, self.words)):
            part = np.uint32((mask >> (32 * n)) & 0xFFFF_FFFF)
            words[:, word] &= ~part
            words[:, word] |= (shifted >> np.uint64(32 * n)).astype(np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteField:
    """Bytes of a header, as they are.

    Examples
    --------
    >>> ByteField(name="black", first_byte=2, n_bytes=4).decode(np.array([[0x0201_0000, 0x0403]], np.uint32))
    {'black': array([[1, 2, 3, 4]], dtype=uint8)}
    """

    name: str
    first_byte: int
    """Byte 0 is the lowest of word 0."""
    n_bytes: int

    def __post_init__(self) -> None:
        _check_name(self.name)
        check_bytes(self.name, self.first_byte, self.n_bytes)

    @property
    def names(self) -> tuple[str, ...]:
        """The one column."""
        return (self.name,)

    @property
    def words(self) -> int:
        """Words that a header needs to hold them."""
        return (self.first_byte + self.n_bytes + 3) // 4

    def decode(self, words: Words) -> Columns:
        """Return u8[buffer, byte]."""
        return {self.name: bytes_of(words, self.first_byte, self.n_bytes)}

    def encode(self, columns: Mapping[str, NDArray[Any]], words: Words) -> None:
        """Put u8[buffer, byte] into headers."""
        if self.name not in columns:
            return
        first, stop = self.first_byte // 4, self.words
        held = bytes_of(words, 4 * first, 4 * (stop - first))
        at = self.first_byte % 4
        held[:, at : at + self.n_bytes] = columns[self.name]
        words[:, first:stop] = held.view("<u4")


def bytes_of(words: Words, first_byte: int, n_bytes: int) -> NDArray[np.uint8]:
    """Return bytes of headers, u8[buffer, byte], as a copy."""
    first, stop = first_byte // 4, (first_byte + n_bytes + 3) // 4
    held = np.array(words[:, first:stop], "<u4", order="C").view(np.uint8)
    return held[:, first_byte % 4 : first_byte % 4 + n_bytes].copy()


def check_bytes(name: str, first_byte: int, n_bytes: int) -> None:
    """Refuse bytes that no header has."""
    if first_byte < 0 or n_bytes < 1 or first_byte + n_bytes > 4 * MOST_WORDS:
        raise SelectionError(
            f"{name!r} has {n_bytes} bytes from byte {first_byte} on",
            f"A header has bytes 0 to {4 * MOST_WORDS - 1}, of which it takes one at least.",
        )


def _check_name(name: str) -> None:
    if not name.isidentifier():
        raise SelectionError(f"{name!r} is no name of a field", "Give letters, digits and underscores, as frame_num.")


def _check_word(name: str, word: int) -> None:
    if not 0 <= word < MOST_WORDS:
        raise SelectionError(
            f"field {name!r} is in word {word}", f"Words are 0 to {MOST_WORDS - 1}; 0 is the one behind the preamble."
        )
