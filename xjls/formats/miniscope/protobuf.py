"""Headers of which an area is a protobuf message: a length byte, the message, zeros.

All messages are walked together, a field of each at a time. A message without a definition still tells which numbers
its fields have; `ProtobufArea.numbers` lists them, so that they can be given names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.fields import Columns, Quantity, bytes_of, check_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.fields import Words

__all__ = ["TYPES", "ProtobufArea", "ProtobufField"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
TYPES: Mapping[str, tuple[int, str]] = {
    "bool": (_VARINT, "?"), "uint32": (_VARINT, "u4"), "uint64": (_VARINT, "u8"), "int32": (_VARINT, "i4"),
    "int64": (_VARINT, "i8"), "sint32": (_VARINT, "i4"), "sint64": (_VARINT, "i8"), "fixed32": (_FIXED32, "u4"),
    "fixed64": (_FIXED64, "u8"), "sfixed32": (_FIXED32, "i4"), "sfixed64": (_FIXED64, "i8"), "float": (_FIXED32, "f4"),
    "double": (_FIXED64, "f8"),
}  # fmt: skip
"""Protobuf's types of single numbers, with the wire type and the dtype of each; an enumeration is an ``int32``."""
_MOST_NUMBER = (1 << 29) - 1
_ROWS = 1 << 14
_PADDING = 16
"""Bytes behind each message that may be looked at before it is known that they are not its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtobufField:
    """A number in a message; 0 where the message has none, as protobuf has it."""

    number: int
    name: str
    type: str = "uint32"
    """One of `TYPES`."""
    units: str = ""
    quantity: Quantity | None = None
    """What the number means, as a column of its own; None: itself."""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise SelectionError(f"{self.name!r} is no name of a field", "Give letters, digits and underscores.")
        if not 1 <= self.number <= _MOST_NUMBER:
            raise SelectionError(
                f"field {self.name!r} has the number {self.number}", f"Numbers are 1 to {_MOST_NUMBER}."
            )
        if self.type not in TYPES:
            raise SelectionError(f"field {self.name!r} has the type {self.type!r}", f"Types: {', '.join(TYPES)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """The column of numbers, and that of what they mean."""
        return (self.name,) if self.quantity is None else (self.name, self.quantity.name)

    def of(self, wire: NDArray[np.uint64]) -> NDArray[Any]:
        """Return the numbers that these stand for on the wire."""
        if self.type == "bool":
            flags: NDArray[Any] = wire != 0
            return flags
        if self.type.startswith("sint"):
            wire = (wire >> np.uint64(1)) ^ (~(wire & np.uint64(1)) + np.uint64(1))
        dtype = np.dtype(TYPES[self.type][1])
        return wire.astype(f"u{dtype.itemsize}").view(dtype)


class _Step(NamedTuple):
    """One field of each of some messages."""

    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]
    wires: NDArray[np.int64]
    values: NDArray[np.uint64]
    """Of numbers; of bytes, how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtobufArea:
    """Bytes of a header with a message in them.

    Examples
    --------
    >>> area = ProtobufArea(first_byte=0, n_bytes=8, fields=(ProtobufField(number=2, name="frame_num"),))
    >>> words = np.frombuffer(bytes([3, 0x10, 0x96, 0x01, 0, 0, 0, 0]), "<u4")[None]
    >>> area.decode(words), area.numbers(words), area.sound(words)
    ({'frame_num': array([150], dtype=uint32)}, {2: 'varint'}, array([ True]))
    """

    first_byte: int
    """Of the length byte."""
    n_bytes: int
    """The length byte, the message and the zeros behind it."""
    fields: tuple[ProtobufField, ...] = ()

    def __post_init__(self) -> None:
        check_bytes("the protobuf area", self.first_byte, self.n_bytes)
        numbers = [field.number for field in self.fields]
        if len(set(numbers)) != len(numbers):
            raise SelectionError(f"fields of the protobuf area share a number: {numbers}", "Give each its own.")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of its fields."""
        return tuple(name for field in self.fields for name in field.names)

    @property
    def words(self) -> int:
        """Words that a header needs to hold it."""
        return (self.first_byte + self.n_bytes + 3) // 4

    def decode(self, words: Words) -> Columns:
        """Return the columns of its fields, [buffer] each; 0 from where on a message is not sound."""
        held = {field.number: np.zeros(len(words), np.uint64) for field in self.fields}
        wires = {field.number: TYPES[field.type][0] for field in self.fields}
        for first, step in self._steps(words):
            for number in held.keys() & set(np.unique(step.numbers).tolist()):
                of = (step.numbers == number) & (step.wires == wires[number])
                held[number][first + step.rows[of]] = step.values[of]
        columns: Columns = {}
        for field in self.fields:
            columns[field.name] = field.of(held[field.number])
            if field.quantity is not None:
                columns[field.quantity.name] = field.quantity.of(columns[field.name])
        return columns

    def encode(self, columns: Mapping[str, NDArray[Any]], words: Words) -> None:  # noqa: ARG002  # the protocol's
        """Refuse columns: messages are only read."""
        given = [name for name in self.names if name in columns]
        if given:
            raise SelectionError(
                f"{', '.join(given)} are of a protobuf message, which xjls only reads", "Leave them out."
            )

    def sound(self, words: Words) -> NDArray[np.bool_]:
        """Return of each header whether its message can be walked to its end, bool[buffer]."""
        sound = np.ones(len(words), np.bool_)
        for _ in self._steps(words, sound):
            pass
        return sound

    def numbers(self, words: Words) -> dict[int, str]:
        """Return the numbers of the fields that the messages have, each with its form on the wire."""
        forms = {_VARINT: "varint", _FIXED64: "64 bits", _BYTES: "bytes", _FIXED32: "32 bits"}
        found: set[tuple[int, int]] = set()
        for _, step in self._steps(words):
            found |= set(zip(step.numbers.tolist(), step.wires.tolist(), strict=True))
        return {number: forms[wire] for number, wire in sorted(found)}

    def _steps(self, words: Words, sound: NDArray[np.bool_] | None = None) -> Iterator[tuple[int, _Step]]:
        for first in range(0, len(words), _ROWS):
            block = words[first : first + _ROWS]
            good = np.ones(len(block), np.bool_)
            for step in _walk(bytes_of(block, self.first_byte, self.n_bytes), good):
                yield first, step
            if sound is not None:
                sound[first : first + _ROWS] = good


def _walk(area: NDArray[np.uint8], sound: NDArray[np.bool_]) -> Iterator[_Step]:
    """Yield the fields of messages u8[buffer, byte]; `sound` turns False where a message cannot be walked on."""
    n_rows, n_bytes = area.shape
    row_bytes = n_bytes + _PADDING
    flat = np.zeros((n_rows, row_bytes), np.uint8)
    flat[:, :n_bytes] = area
    flat = flat.reshape(-1)
    lengths = area[:, 0].astype(np.int64)
    sound &= lengths < n_bytes
    rows = np.flatnonzero(sound & (lengths > 0))
    at = rows * row_bytes + 1
    stop = at + lengths[rows]
    while rows.size:
        keys, at = _varints(flat, at, stop)
        numbers, wires = (keys >> np.uint64(3)).astype(np.int64), (keys & np.uint64(7)).astype(np.int64)
        values, at = _values(flat, at, stop, wires)
        good = (at <= stop) & (numbers >= 1) & (numbers <= _MOST_NUMBER)
        sound[rows[~good]] = False
        yield _Step(rows[good], numbers[good], wires[good], values[good])
        going = good & (at < stop)
        rows, at, stop = rows[going], at[going], stop[going]


def _values(
    flat: NDArray[np.uint8], at: NDArray[np.int64], stop: NDArray[np.int64], wires: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return what stands behind keys, and where it ends: behind `stop` if it does not end."""
    values, end = np.zeros(at.size, np.uint64), stop + 1
    for wire, n_bytes in ((_FIXED32, 4), (_FIXED64, 8)):
        of = np.flatnonzero((wires == wire) & (at + n_bytes <= stop))
        places = at[of, None] + np.arange(n_bytes)
        values[of] = flat[places].view(f"<u{n_bytes}")[:, 0]
        end[of] = at[of] + n_bytes
    of = np.flatnonzero(((wires == _VARINT) | (wires == _BYTES)) & (at < stop))
    values[of], end[of] = _varints(flat, at[of], stop[of])
    held = of[wires[of] == _BYTES]
    end[held] += np.minimum(values[held], len(flat)).astype(np.int64)
    return values, end


def _varints(
    flat: NDArray[np.uint8], at: NDArray[np.int64], stop: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return integers of 7 bits a byte, and where each ends: behind `stop` if it does not end."""
    values, end = np.zeros(at.size, np.uint64), at.copy()
    going = np.flatnonzero(at < stop)
    end[at >= stop] = stop[at >= stop] + 1
    for shift in range(0, 70, 7):
        byte = flat[end[going]]
        values[going] |= (byte & np.uint8(127)).astype(np.uint64) << np.uint64(shift)
        end[going] += 1
        going = going[byte >= 128]
        if not going.size:
            return values, end
    end[going] = stop[going] + 1
    return values, end
