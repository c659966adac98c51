"""Protobuf messages in headers of miniscopes: all of them together say what a plain walk of each one says."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xjls.errors import SelectionError
from xjls.formats.miniscope.fields import Quantity
from xjls.formats.miniscope.header_files import header_format_of
from xjls.formats.miniscope.header_format import HeaderFlag, HeaderFormat
from xjls.formats.miniscope.protobuf import ProtobufArea, ProtobufField


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def plain_varint(message):
    """Return the integer that an iterator of bytes begins with; StopIteration where it ends before that."""
    value = 0
    for place in range(10):
        byte = next(message)
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value & ((1 << 64) - 1)
    raise StopIteration


def plain_message(data):
    """Walk one message byte by byte: (number, wire type, value), or None if it cannot be."""
    message, found = iter(data[1 : 1 + data[0]]), []
    if len(data) <= data[0]:
        return None
    try:
        while message.__length_hint__():
            key = plain_varint(message)
            wire, number = key & 7, key >> 3
            if wire not in (0, 1, 2, 5) or not 1 <= number < 1 << 29:
                return None
            value = plain_varint(message) if wire in (0, 2) else None
            size = {0: 0, 1: 8, 2: value, 5: 4}[wire]
            if size > message.__length_hint__():
                return None
            skipped = bytes(next(message) for _ in range(size))
            found.append((number, wire, int.from_bytes(skipped, "little") if wire in (1, 5) else value))
    except StopIteration:
        return None
    return found


NUMBERS = {
    "uint32": (0, 1 << 32), "uint64": (0, 1 << 64), "int32": (-(1 << 31), 1 << 31), "int64": (-(1 << 63), 1 << 63),
    "sint32": (-(1 << 31), 1 << 31), "sint64": (-(1 << 63), 1 << 63), "fixed32": (0, 1 << 32),
    "sfixed32": (-(1 << 31), 1 << 31), "fixed64": (0, 1 << 64), "sfixed64": (-(1 << 63), 1 << 63), "bool": (0, 2),
}  # fmt: skip


def on_wire(number, kind, value):
    if "fixed" in kind:
        size = 8 if "64" in kind else 4
        return varint(number << 3 | (1 if size == 8 else 5)) + (value % (1 << 8 * size)).to_bytes(size, "little")
    if kind.startswith("sint"):
        value = 2 * value if value >= 0 else -2 * value - 1
    return varint(number << 3) + varint(value)


class TestProtobuf:
    @given(st.data())
    def test_numbers_of_every_type(self, data):
        kinds = data.draw(st.lists(st.sampled_from(sorted(NUMBERS)), min_size=1, max_size=4))
        numbers = data.draw(st.lists(st.integers(1, 3000), min_size=len(kinds), max_size=len(kinds), unique=True))
        fields = tuple(ProtobufField(number=n, name=f"n{n}", type=kind) for n, kind in zip(numbers, kinds, strict=True))
        rows, words = [], []
        for _ in range(data.draw(st.integers(1, 4))):
            row = [data.draw(st.integers(NUMBERS[kind][0], NUMBERS[kind][1] - 1)) for kind in kinds]
            there = [data.draw(st.booleans()) for _ in kinds]
            message = b"".join(
                on_wire(n, kind, value)
                for n, kind, value, is_there in zip(numbers, kinds, row, there, strict=True)
                if is_there
            )
            message += b"\x82\xfa\x01\x02ab"  # bytes of a field that nobody asked for: number 4000
            words.append(np.frombuffer((bytes([len(message)]) + message).ljust(64, b"\0"), "<u4"))
            rows.append([value if is_there else 0 for value, is_there in zip(row, there, strict=True)])
        area = ProtobufArea(first_byte=0, n_bytes=64, fields=fields)
        columns = area.decode(np.array(words))
        assert [columns[f"n{n}"].tolist() for n in numbers] == [list(column) for column in zip(*rows, strict=True)]
        assert area.sound(np.array(words)).all()
        assert area.numbers(np.array(words))[4000] == "bytes"

    @example(b"\x18\x08\x01".ljust(24, b"\x08"), False)  # a message longer than the area
    @example(b"\x17\x08\x01".ljust(24, b"\x08"), False)  # one that ends with it
    @example(b"\x02\x00\x01".ljust(24, b"\0"), False)  # number 0
    @example(b"\x05\x0d\x01\x02\x03\x04".ljust(24, b"\0"), False)  # 32 bits where a varint is expected
    @given(st.binary(min_size=24, max_size=24), st.booleans())
    def test_any_bytes_are_walked_as_a_plain_walk_does(self, data, short):
        data = bytes([data[0] % 24]) + data[1:] if short else data
        words = np.frombuffer(data, "<u4")[None]
        told = plain_message(data)
        field = ProtobufField(number=1, name="one", type="uint64")
        area = ProtobufArea(first_byte=0, n_bytes=24, fields=(field,))
        assert area.sound(words).tolist() == [told is not None]
        if told is not None:
            ones = [value for number, wire, value in told if (number, wire) == (1, 0)]
            assert area.decode(words)["one"].tolist() == [ones[-1] if ones else 0]
            assert set(area.numbers(words)) == {number for number, *_ in told}

    def test_a_broken_message_is_flagged_and_its_neighbours_are_not(self):
        made = header_format_of({"id": "p", "protobuf": {"first_byte": 4, "n_bytes": 8, "fields": {1: "frame_num"}}})
        good = bytes(4) + bytes([2, 8, 7, 0, 0, 0, 0, 0])
        broken = bytes(4) + bytes([3, 8, 7, 0x80, 0, 0, 0, 0])
        words = np.frombuffer(good + broken + good, "<u4").reshape(3, 3)
        assert made.check(words).tolist() == [0, HeaderFlag.MESSAGE, 0]
        assert made.decode(words)["frame_num"].tolist() == [7, 7, 7]

    def test_many_at_once(self):
        area = ProtobufArea(first_byte=0, n_bytes=8, fields=(ProtobufField(number=1, name="n"),))
        numbers = np.arange(40_000) % 128
        rows = np.zeros((40_000, 8), np.uint8)
        rows[:, 0], rows[:, 1], rows[:, 2] = 2, 8, numbers
        rows[39_000, 0] = 9
        words = rows.view("<u4")
        assert np.array_equal(np.delete(area.decode(words)["n"], 39_000), np.delete(numbers, 39_000))
        assert np.flatnonzero(~area.sound(words)).tolist() == [39_000]

    def test_floats_and_quantities(self):
        fields = (
            ProtobufField(number=1, name="ratio", type="float"),
            ProtobufField(number=2, name="t_raw", type="sint32", quantity=Quantity(name="t", scale=0.01, units="degC")),
            ProtobufField(number=3, name="big", type="double"),
        )
        message = (
            b"\x0d" + np.float32(1.5).tobytes() + on_wire(2, "sint32", -250) + b"\x19" + np.float64(-0.1).tobytes()
        )
        words = np.frombuffer((bytes([len(message)]) + message).ljust(32, b"\0"), "<u4")[None]
        made = HeaderFormat(id="p", parts=(ProtobufArea(first_byte=0, n_bytes=32, fields=fields),))
        columns = made.decode(words)
        assert [columns[name][0] for name in ("ratio", "t_raw", "t", "big")] == [1.5, -250, -2.5, -0.1]
        assert made.units == {"t": "degC"}
        with pytest.raises(SelectionError, match="ratio are of a protobuf message"):
            made.encode({"ratio": np.array([1.0])})
