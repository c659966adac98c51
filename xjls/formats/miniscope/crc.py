"""Checksums of headers, for whole streams at once.

CRC-32 of messages of one length is affine over GF(2): that of a message is that of zeros, XOR a term for each byte,
which depends on the byte and on its distance from the end alone. So a message costs a table look-up a byte, and all
messages are taken together.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.fields import MOST_WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.fields import Words

_ROWS = 1 << 14
"""Headers that are taken together: what that needs stays in the second cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crc:
    """CRC-32, as zlib has it, of bytes of a header; or its low bits.

    Examples
    --------
    >>> crc = Crc(word=1, first_bit=8, bits=24, stop_byte=4)
    >>> words = np.array([[0x1234_5678, 0]], np.uint32)
    >>> crc.seal(words, preamble=0)
    >>> crc.holds(words, preamble=0)
    array([ True])
    """

    word: int
    """Where it stands."""
    first_bit: int = 0
    bits: int = 32
    """How many of its low bits are kept."""
    first_byte: int = 0
    stop_byte: int
    """Of the bytes that it is of, half-open. Its own bits count as 0 where they are among them."""
    preamble: bool = False
    """Whether the preamble, as a little-endian word, stands before these bytes."""

    def __post_init__(self) -> None:
        if not (0 <= self.word < MOST_WORDS and self.first_bit >= 0 and 1 <= self.bits <= 32 - self.first_bit):
            raise SelectionError(
                f"the CRC has {self.bits} bits from bit {self.first_bit} of word {self.word} on",
                "It lies in one word, and has a bit at least.",
            )
        if not 0 <= self.first_byte < self.stop_byte <= 4 * MOST_WORDS:
            raise SelectionError(
                f"the CRC is of bytes {self.first_byte} to {self.stop_byte}",
                "Give the first byte, and one behind the last.",
            )

    @property
    def words(self) -> int:
        """Words that a header needs to hold it and what it is of."""
        return max(self.word + 1, (self.stop_byte + 3) // 4)

    def holds(self, words: Words, *, preamble: int) -> NDArray[np.bool_]:
        """Return of each of the headers u32[buffer, word] whether it has its CRC, bool[buffer]."""
        stored = words[:, self.word] >> np.uint32(self.first_bit)
        unlike: NDArray[np.uint32] = stored ^ self.of(words, preamble=preamble)
        right: NDArray[np.bool_] = (unlike & np.uint32(self._mask)) == 0
        return right

    def of(self, words: Words, *, preamble: int) -> NDArray[np.uint32]:
        """Return the CRC-32 of each of the headers u32[buffer, word], u32[buffer]."""
        n_bytes = self.stop_byte - self.first_byte
        before = preamble.to_bytes(4, "little") if self.preamble else b""
        result = np.full(len(words), zlib.crc32(before + bytes(n_bytes)), np.uint32)
        tables = _tables(n_bytes)
        for first in range(0, len(words), _ROWS):
            self._add(words[first : first + _ROWS], tables, result[first : first + _ROWS])
        return result

    def seal(self, words: Words, *, preamble: int) -> None:
        """Put the CRC of each of the headers u32[buffer, word] where it stands."""
        found = (self.of(words, preamble=preamble) & np.uint32(self._mask)) << np.uint32(self.first_bit)
        words[:, self.word] &= np.uint32(~(self._mask << self.first_bit) & 0xFFFF_FFFF)
        words[:, self.word] |= found

    @property
    def _mask(self) -> int:
        return (1 << self.bits) - 1

    def _add(self, words: Words, tables: NDArray[np.uint32], result: NDArray[np.uint32]) -> None:
        for word in range(self.first_byte // 4, (self.stop_byte + 3) // 4):
            held = words[:, word]
            if word == self.word:
                held = held & np.uint32(~(self._mask << self.first_bit) & 0xFFFF_FFFF)
            for byte in range(max(4 * word, self.first_byte), min(4 * word + 4, self.stop_byte)):
                values = (held >> np.uint32(8 * (byte % 4))) & np.uint32(255)
                result ^= tables[byte - self.first_byte][values]


@lru_cache(16)
def _tables(n_bytes: int) -> NDArray[np.uint32]:
    """Return the terms of each byte of messages of a length, u32[byte, value]."""
    zeros = zlib.crc32(bytes(n_bytes))
    behind = [bytes(n_bytes - 1 - place) for place in range(n_bytes)]
    terms = [
        [zlib.crc32(bytes(place) + bytes([value]) + behind[place]) ^ zeros for value in range(256)]
        for place in range(n_bytes)
    ]
    tables = np.array(terms, np.uint32)
    tables.flags.writeable = False
    return tables
