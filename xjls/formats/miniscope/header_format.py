"""A header format: which parts a header has, and which of its numbers must agree.

It is data alone. Headers are decoded a column at a time, for a whole stream at once; nothing here reads files or knows
bits on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.fields import MOST_WORDS, AdcScale, Columns, Field, Part, Quantity, Words
from xjls.formats.miniscope.protobuf import ProtobufArea

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.crc import Crc

__all__ = ["PREAMBLE", "HeaderFlag", "HeaderFormat"]

PREAMBLE = 0x1234_5678
"""Of all layouts but NanEye's."""
_ID = re.compile(r"[\w\-/#]+")
_DIVIDERS = {"battery_voltage_raw": "battery_divider", "input_voltage_raw": "input_divider"}


class HeaderFlag(IntFlag):
    """What is wrong with a header; 0 where nothing is.

    Examples
    --------
    >>> HeaderFlag(0b110)
    <HeaderFlag.COUNTERS|RING: 6>
    """

    CRC = 1
    """Its CRC is not that of its bytes."""
    COUNTERS = 2
    """``buffer_count`` is not ``frame_num`` times the buffers of a frame, and ``frame_buffer_count``."""
    RING = 4
    """``linked_list`` is not ``buffer_count`` modulo the ring's size."""
    PIXELS = 8
    """``pixel_count``, on SD cards ``data_length``, is not what the buffer of that place in a frame has."""
    SLOT = 16
    """``frame_buffer_count`` is a place that frames do not have."""
    MESSAGE = 32
    """Its protobuf message cannot be walked to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFormat:
    """What the words of a header mean.

    Examples
    --------
    >>> format = HeaderFormat(id="small", parts=(Field(name="frame_num", word=0), Field(name="timestamp", word=1)))
    >>> format.decode(np.array([[7, 350], [7, 352]], np.uint32))
    {'frame_num': array([7, 7], dtype=uint32), 'timestamp': array([350, 352], dtype=uint32)}
    >>> format.words, format.header_bits
    (2, 96)
    """

    id: str
    parts: tuple[Part, ...]
    """Fields, bytes and messages, in the order of their columns; they may overlap."""
    n_words: int = 0
    """Words behind the preamble; 0: as many as the parts and the CRC need."""
    crc: Crc | None = None
    preamble: int = PREAMBLE
    """The word before the header."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise SelectionError(f"{self.id!r} is no id of a header format", "Give letters, digits and any of _ - / #.")
        if not 0 <= self.preamble < 1 << 32:
            raise SelectionError(f"the preamble of {self.id!r} is {self.preamble:#x}", "It is one word, of 32 bits.")
        if not self.parts:
            raise SelectionError(f"header format {self.id!r} has no fields", "Give it one at least.")
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SelectionError(f"header format {self.id!r} has {', '.join(twice)} twice", "Give each its own name.")
        if self.n_words and not self._needed <= self.n_words <= MOST_WORDS:
            raise SelectionError(
                f"header format {self.id!r} has {self.n_words} words",
                f"Its parts need {self._needed}, at most {MOST_WORDS}.",
            )

    @property
    def words(self) -> int:
        """Words behind the preamble."""
        return self.n_words or self._needed

    @property
    def header_bits(self) -> int:
        """Bits with the preamble: ``header_len`` of mio's configurations."""
        return 32 * (self.words + 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that `decode` gives, in order."""
        return tuple(name for part in self.parts for name in part.names)

    @property
    def units(self) -> dict[str, str]:
        """The units of the columns that have one."""
        units: dict[str, str] = {}
        for field in self._numbers():
            units[field.name] = field.units
            if field.quantity is not None:
                units[field.quantity.name] = field.quantity.units
        return {name: unit for name, unit in units.items() if unit}

    def with_adc(self, adc: AdcScale | None) -> Self:
        """Return the format with voltages by this scale; None: "voltages" are the integers, as in mio."""
        return replace(self, parts=tuple(_scaled(part, adc) for part in self.parts))

    def decode(self, words: Words) -> Columns:
        """Decode headers u32[buffer, word], columns by name: [buffer] each, of bytes [buffer, byte].

        Integers have the smallest dtype that holds all their values, quantities are float64, NaN where invalid.

        Raises
        ------
        SelectionError
            The headers have fewer words than the format.
        """
        held = self._of(words)
        return {name: column for part in self.parts for name, column in part.decode(held).items()}

    def encode(self, columns: Mapping[str, NDArray[Any]]) -> Words:
        """Return headers u32[buffer, word] with these integers and bytes, other bits 0, and their CRC.

        Raises
        ------
        SelectionError
            There is no such field, or a value that its bits do not hold.
        """
        unknown = sorted(columns.keys() - set(self.names))
        if unknown or not columns:
            raise SelectionError(
                f"header format {self.id!r} has no {', '.join(unknown)}" if unknown else "there is nothing to encode",
                f"Fields: {', '.join(self.names)}.",
            )
        words = np.zeros((len(next(iter(columns.values()))), self.words), np.uint32)
        for part in self.parts:
            part.encode(columns, words)
        if self.crc is not None:
            self.crc.seal(words, preamble=self.preamble)
        return words

    def check(
        self, words: Words, columns: Columns | None = None, *, pixel_counts: Sequence[int] = (), ring: int = 0
    ) -> NDArray[np.uint8]:
        """Return what is wrong with headers u32[buffer, word]: `HeaderFlag` of each, u8[buffer].

        Parameters
        ----------
        columns
            What `decode` made of these headers; None: decoded here.
        pixel_counts
            Bytes of pixels in each buffer of a frame; empty: places and counts are not checked.
        ring
            Buffers in the instrument's ring, ``num_buffers`` of mio's configurations; 0: not checked.

        What the format does not have is not checked. Counters may wrap.
        """
        held = self._of(words)
        found = self.decode(held) if columns is None else columns
        flags = np.zeros(len(held), np.uint8)
        if self.crc is not None:
            flags |= _where(~self.crc.holds(held, preamble=self.preamble), HeaderFlag.CRC)
        for part in self.parts:
            if isinstance(part, ProtobufArea):
                flags |= _where(~part.sound(held), HeaderFlag.MESSAGE)
        if ring and {"linked_list", "buffer_count"} <= found.keys():
            place = found["buffer_count"].astype(np.uint64) % np.uint64(ring)
            flags |= _where(found["linked_list"].astype(np.uint64) != place, HeaderFlag.RING)
        if len(pixel_counts) and "frame_buffer_count" in found:
            flags |= self._check_places(found, np.asarray(pixel_counts, np.int64))
        return flags

    @property
    def _needed(self) -> int:
        sizes = [part.words for part in self.parts]
        return max([*sizes, self.crc.words] if self.crc is not None else sizes)

    def _numbers(self) -> list[Any]:
        """Return everything that has a unit, and perhaps a quantity."""
        return [
            field
            for part in self.parts
            for field in (part.fields if isinstance(part, ProtobufArea) else [part] if isinstance(part, Field) else [])
        ]

    def _of(self, words: Words) -> Words:
        """Return headers u32[buffer, word] so that each of their words is together in memory."""
        held = np.asarray(words)
        if held.ndim != 2 or held.dtype.kind not in "ui" or held.dtype.itemsize != 4 or held.shape[1] < self.words:
            raise SelectionError(
                f"headers are {held.dtype}{list(held.shape)}",
                f"{self.id!r} needs uint32[buffer, {self.words} or more].",
            )
        return np.asfortranarray(held[:, : self.words].astype(np.uint32, copy=False))

    def _check_places(self, found: Columns, pixel_counts: NDArray[np.int64]) -> NDArray[np.uint8]:
        slot = found["frame_buffer_count"].astype(np.uint64)
        there = slot < np.uint64(len(pixel_counts))
        flags = _where(~there, HeaderFlag.SLOT)
        if {"frame_num", "buffer_count"} <= found.keys():
            expected = found["frame_num"].astype(np.uint64) * np.uint64(len(pixel_counts)) + slot
            unlike = (expected ^ found["buffer_count"].astype(np.uint64)) & np.uint64(self._mask("buffer_count"))
            flags |= _where(unlike != 0, HeaderFlag.COUNTERS)
        counted = next((found[name] for name in ("pixel_count", "data_length") if name in found), None)
        if counted is not None:
            right = pixel_counts[np.where(there, slot, 0).astype(np.int64)]
            flags |= _where(there & (counted != right), HeaderFlag.PIXELS)
        return flags

    def _mask(self, name: str) -> int:
        """Return the bits that a column of integers can have."""
        field = next(field for field in self._numbers() if field.name == name)
        return (1 << (field.bits if isinstance(field, Field) else 32)) - 1


def _where(wrong: NDArray[np.bool_], flag: HeaderFlag) -> NDArray[np.uint8]:
    return wrong.astype(np.uint8) * np.uint8(flag)


def _scaled(part: Part, adc: AdcScale | None) -> Part:
    if not (isinstance(part, Field) and part.name in _DIVIDERS):
        return part
    name = part.name.removesuffix("_raw")
    quantity = Quantity(name=name) if adc is None else adc.quantity(name, getattr(adc, _DIVIDERS[part.name]))
    return replace(part, quantity=quantity)
