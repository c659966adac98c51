"""Headers of miniscopes: any format that data can describe decodes as a plain encoder of bits made it."""

import pickle
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xjls.errors import SelectionError
from xjls.formats.miniscope.crc import Crc
from xjls.formats.miniscope.fields import AdcScale, ByteField, Field, Quantity
from xjls.formats.miniscope.header_format import HeaderFlag, HeaderFormat
from xjls.formats.miniscope.layouts import ALIASES, LAYOUTS, NANEYE_PREAMBLE, find_layout, sd_layout
from xjls.formats.miniscope.protobuf import ProtobufArea, ProtobufField
from xjls.formats.miniscope.version_record import MAGIC, assemble_version

ONE = ProtobufField(number=1, name="a")
SLOTS = (5032, 5032, 5032, 5032, 5032, 5032, 5032, 4776)
"""Bytes of pixels in the buffers of a frame of 200 × 200."""


def placed(values, n_words):
    """Return a header as one integer of bits, from (first bit of all, number of bits, value)."""
    header = 0
    for first, bits, value in values:
        mask = ((1 << bits) - 1) << first
        header = (header & ~mask) | ((value << first) & mask)
    return np.frombuffer(header.to_bytes(4 * n_words, "little"), "<u4")


def words_of(*headers):
    return np.array(headers, np.uint32)


@st.composite
def formats(draw):
    """Return fields that do not overlap, and how many words they are in."""
    n_words = draw(st.integers(1, 14))
    fields, bit = [], 0
    while bit < 32 * n_words:
        bit += draw(st.integers(0, 40))
        bits = draw(st.integers(1, 64))
        bits = min(bits, 64 - bit % 32, 32 * n_words - bit)
        if bits < 1:
            break
        signed = draw(st.booleans())
        fields.append(Field(name=f"f{len(fields)}", word=bit // 32, first_bit=bit % 32, bits=bits, signed=signed))
        bit += bits
    fields = fields or [Field(name="f0", word=0)]
    return HeaderFormat(id="drawn", parts=tuple(draw(st.permutations(fields))), n_words=n_words)


def values_of(field):
    low = -(1 << (field.bits - 1)) if field.signed else 0
    return st.integers(low, low + (1 << field.bits) - 1)


class TestAnyFormat:
    @given(st.data())
    def test_decodes_what_a_plain_encoder_made_and_encodes_it_again(self, data):
        made = data.draw(formats())
        rows = data.draw(st.lists(st.tuples(*map(values_of, made.parts)), min_size=1, max_size=5))
        words = np.array(
            [
                placed(
                    [(32 * f.word + f.first_bit, f.bits, v) for f, v in zip(made.parts, row, strict=True)], made.words
                )
                for row in rows
            ]
        )
        columns = made.decode(words)
        assert tuple(columns) == made.names
        for place, field in enumerate(made.parts):
            assert columns[field.name].tolist() == [row[place] for row in rows]
            assert 8 * columns[field.name].itemsize < 2 * max(field.bits, 8)
        assert np.array_equal(made.encode(columns), words)

    @given(st.integers(0, 9), st.integers(1, 9), st.binary(min_size=40, max_size=40))
    def test_bytes_are_as_they_lie(self, first, n_bytes, header):
        field = ByteField(name="b", first_byte=first, n_bytes=n_bytes)
        words = np.frombuffer(header, "<u4")[None]
        assert field.decode(words)["b"].tobytes() == header[first : first + n_bytes]
        other = np.zeros((1, 10), np.uint32)
        field.encode({"b": field.decode(words)["b"]}, other)
        assert other.tobytes() == bytes(first) + header[first : first + n_bytes] + bytes(40 - first - n_bytes)

    @pytest.mark.parametrize("order", ["C", "F"])
    def test_memory_order_and_words_behind_make_no_difference(self, order):
        words = np.arange(60, dtype=np.uint32).reshape(4, 15)
        columns = find_layout("stream-1").decode(np.array(words, order=order))
        assert columns["input_voltage_raw"].tolist() == [10, 25, 40, 55]
        assert find_layout("stream-1").decode(words[::-1, :])["frame_num"].tolist() == [46, 31, 16, 1]

    def test_encoding_changes_its_own_bits_alone(self):
        words = words_of([0xFFFF_FFFF] * 3)
        Field(name="a", word=0, first_bit=28, bits=8).encode({"a": np.array([0x5A])}, words)
        assert words.tolist() == [[0xAFFF_FFFF, 0xFFFF_FFF5, 0xFFFF_FFFF]]

    def test_none_are_no_rows(self):
        columns = find_layout("stream-4").decode(np.zeros((0, 13), np.uint32))
        assert {len(column) for column in columns.values()} == {0}
        assert find_layout("stream-4").check(np.zeros((0, 13), np.uint32)).size == 0

    def test_quantities(self):
        volts = find_layout("stream-1").decode(words_of([0] * 9 + [189, 108]))
        assert volts["battery_voltage"] == pytest.approx([189 / 256 * 1.1 * 5])
        assert volts["input_voltage"] == pytest.approx([108 / 256 * 1.1 * 11.3])
        told = Quantity(name="q", scale=0.5, offset=-40, invalid=-1).of(np.array([3, -1], np.int8))
        assert told[0] == -38.5
        assert np.isnan(told[1])

    def test_voltages_by_another_scale_and_by_none(self):
        words = words_of([0] * 9 + [512, 256])
        other = find_layout("stream-1").with_adc(AdcScale(reference_v=2, bits=10, battery_divider=3, input_divider=4))
        assert other.decode(words)["battery_voltage"] == [3.0]
        assert other.decode(words)["input_voltage"] == [2.0]
        none = find_layout("stream-1").with_adc(None)
        assert none.decode(words)["battery_voltage"] == [512.0]
        assert "battery_voltage" not in none.units

    def test_formats_travel(self):
        for layout in LAYOUTS.values():
            assert pickle.loads(pickle.dumps(layout)) == layout

    @pytest.mark.parametrize(
        ("make", "match"),
        [
            (lambda: Field(name="a b", word=0), "'a b' is no name"),
            (lambda: Field(name="a", word=-1), "field 'a' is in word -1"),
            (lambda: Field(name="a", word=256), "Words are 0 to 255"),
            (lambda: Field(name="a", word=0, first_bit=32), "from bit 32 on"),
            (lambda: Field(name="a", word=0, bits=0), "has 0 bits"),
            (lambda: Field(name="a", word=0, first_bit=1, bits=64), "ends in the next word at the latest"),
            (lambda: Field(name="a", word=0, quantity=Quantity(name="a")), "have one name"),
            (lambda: Quantity(name="a", scale=0), "a scale other than 0"),
            (lambda: Quantity(name="a", offset=float("nan")), "finite numbers"),
            (lambda: ByteField(name="a", first_byte=1023, n_bytes=2), "2 bytes from byte 1023 on"),
            (lambda: Crc(word=0, first_bit=9, bits=24, stop_byte=4), "24 bits from bit 9 of word 0"),
            (lambda: Crc(word=0, first_byte=4, stop_byte=4), "bytes 4 to 4"),
            (lambda: HeaderFormat(id="a.b", parts=(Field(name="a", word=0),)), "'a.b' is no id"),
            (lambda: HeaderFormat(id="a", parts=()), "has no fields"),
            (lambda: HeaderFormat(id="a", parts=(Field(name="a", word=0),) * 2), "has a twice"),
            (lambda: HeaderFormat(id="a", parts=(Field(name="a", word=3),), n_words=3), "Its parts need 4"),
            (lambda: HeaderFormat(id="a", parts=(Field(name="a", word=3),), preamble=-1), "preamble of 'a'"),
            (lambda: ProtobufField(number=0, name="a"), "has the number 0"),
            (lambda: ProtobufField(number=1, name="a.b"), "'a.b' is no name"),
            (lambda: ProtobufField(number=1, name="a", type="int8"), "type 'int8'. Types: bool, uint32"),
            (lambda: ProtobufArea(first_byte=0, n_bytes=4, fields=(ONE, ONE)), "share a number"),
            (lambda: find_layout("stream-9"), "no header format has the id 'stream-9'. Ids: stream-1"),
            (lambda: sd_layout(8), "has 8 words. Headers have 9 or more"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused(self, make, match):
        with pytest.raises(SelectionError, match=match):
            make()

    def test_wrong_arrays_are_refused(self):
        layout = find_layout("stream-1")
        for words in (
            np.zeros((3, 10), np.uint32),
            np.zeros(11, np.uint32),
            np.zeros((3, 11)),
            np.zeros((3, 11), "u8"),
        ):
            with pytest.raises(SelectionError, match=r"'stream-1' needs uint32\[buffer, 11 or more\]"):
                layout.decode(words)
        with pytest.raises(SelectionError, match=r"holds 0 to 255\. Not 256 to 256"):
            find_layout("stream-2").encode({"battery_voltage_raw": np.array([256])})
        with pytest.raises(SelectionError, match=r"has no frame_no\. Fields: linked_list"):
            layout.encode({"frame_no": np.array([1])})
        with pytest.raises(SelectionError, match="nothing to encode"):
            layout.encode({})


class TestLayouts:
    def test_words_of_each(self):
        words = {name: layout.words + 1 for name, layout in LAYOUTS.items() if name.startswith("stream")}
        assert words == {
            "stream-1": 12, "stream-2": 12, "stream-3": 13, "stream-4": 14, "stream-crc": 12, "stream-protobuf": 17,
        }  # fmt: skip
        assert find_layout("stream-1").header_bits == 384
        assert [sd_layout(length).words for length in (9, 10, 11, 12, 15)] == [9, 10, 11, 12, 15]
        assert all(find_layout(alias).id == target for alias, target in ALIASES.items())

    def test_mio_words(self):
        columns = find_layout("stream-1").decode(words_of(range(11)))
        raw = {name: column.tolist() for name, column in columns.items() if not name.endswith("voltage")}
        assert raw == {
            name: [place]
            for place, name in enumerate(
                [
                    "linked_list",
                    "frame_num",
                    "buffer_count",
                    "frame_buffer_count",
                    "write_buffer_count",
                    "dropped_buffer_count",
                    "timestamp",
                    "pixel_count",
                    "write_timestamp",
                    "battery_voltage_raw",
                    "input_voltage_raw",
                ]
            )
        }
        assert find_layout("naneye").preamble == NANEYE_PREAMBLE == 0x7856_3412

    def test_second_layout(self):
        header = [0xFFFF_FF38, *range(1, 8), 0x0102_03FF, 0xABCD_EFBD, 0x9234_566C]
        columns = find_layout("stream-2").decode(words_of(header, [0x7FFF_FFFF] + [0] * 10))
        assert "linked_list" not in columns
        assert "write_timestamp" not in columns
        assert columns["mcu_temperature_raw"].tolist() == [-200, 0x7FFF_FFFF]
        assert columns["mcu_temperature"][0] == -2.0
        assert np.isnan(columns["mcu_temperature"][1])
        packed = [columns[name][0] for name in ("max_backlog", "skipped_resumes", "phase_error", "slip_count")]
        assert packed == [1, 2, 3, 255]
        assert (columns["battery_voltage_raw"][0], columns["input_voltage_raw"][0]) == (0xBD, 0x6C)
        assert columns["sensor_status"][0] == 0x923456

    def test_fourth_layout(self):
        header = [0xAA21_F830, *range(1, 11), 0x0403_0201, 0x0000_0077]
        columns = find_layout("stream-4").decode(words_of(header))
        assert columns["mcu_temperature"] == pytest.approx([-20.0])
        assert columns["sensor_temperature_raw"] == [0x21]
        assert columns["black_reference"].tolist() == [[1, 2, 3, 4]]
        assert columns["version_byte"] == [0x77]
        assert np.isnan(find_layout("stream-4").decode(words_of([0x7FFF] + [0] * 12))["mcu_temperature"])

    def test_sd_words(self):
        columns = sd_layout(12).decode(words_of([12, *range(1, 12)]))
        assert [columns[name][0] for name in ("length", "linked_list", "timestamp", "data_length")] == [12, 1, 7, 8]
        assert [columns[name][0] for name in ("write_timestamp", "battery_voltage_raw", "ewl")] == [9, 10, 11]
        assert columns["battery_voltage"] == pytest.approx([10 / 256 * 1.1 * 5])
        assert "write_timestamp" not in sd_layout(9).names

    def test_version_record_comes_a_byte_at_a_time(self):
        record = bytearray([MAGIC, *range(1, 31), 0])
        record[31] = -sum(record) % 256
        count = np.arange(70, 200, dtype=np.uint32)
        layout = find_layout("stream-3")
        words = layout.encode({"buffer_count": count, "version_byte": np.array([record[i % 32] for i in count])})
        columns = layout.decode(words)
        columns["version_byte"][5] ^= 1
        found = assemble_version(columns["buffer_count"], columns["version_byte"])
        assert found.valid
        assert found.data == bytes(record)
        good = np.arange(130) < 10
        some = assemble_version(columns["buffer_count"], columns["version_byte"], good)
        assert (sum(some.known), some.complete, some.valid) == (10, False, False)
        columns["version_byte"][:] += 1
        assert not assemble_version(columns["buffer_count"], columns["version_byte"]).valid
        moved = bytes([MAGIC + 1, record[1] - 1, *record[2:]])  # the sum is right
        for other in (moved, bytes([*record[:31], record[31] ^ 1])):
            told = assemble_version(np.arange(32), np.frombuffer(other, np.uint8))
            assert told.complete
            assert not told.valid


def plain_crc(layout, words):
    """Return whether a header has its CRC, byte by byte."""
    raw = bytearray(np.asarray(words, "<u4").tobytes())
    if layout == "stream-crc":
        stored, raw[37:40] = bytes(raw[37:40]), bytes(3)
        return stored == zlib.crc32(bytes.fromhex("78563412") + raw).to_bytes(4, "little")[:3]
    if layout == "stream-protobuf":
        return raw[60:] == zlib.crc32(raw[:60]).to_bytes(4, "little")
    return raw[-3:] == zlib.crc32(raw[:-3]).to_bytes(4, "little")[:3]


class TestCrc:
    @pytest.mark.parametrize("name", ["stream-3", "stream-4", "stream-crc", "stream-protobuf"])
    @given(data=st.data())
    def test_is_that_of_the_bytes_and_any_flip_shows(self, name, data):
        layout = find_layout(name)
        words = np.frombuffer(data.draw(st.binary(min_size=4 * layout.words, max_size=4 * layout.words)), "<u4")[None]
        words = words.astype(np.uint32)
        assert layout.crc.holds(words, preamble=layout.preamble)[0] == plain_crc(name, words[0])
        layout.crc.seal(words, preamble=layout.preamble)
        assert plain_crc(name, words[0])
        assert not layout.check(words)[0] & HeaderFlag.CRC
        bit = data.draw(st.integers(0, 32 * layout.words - 1))
        words[0, bit // 32] ^= np.uint32(1 << bit % 32)
        assert layout.check(words)[0] & HeaderFlag.CRC
        assert not plain_crc(name, words[0])

    def test_many_at_once(self):
        layout = find_layout("stream-4")
        columns = layout.decode(np.random.default_rng(5).integers(0, 1 << 32, (40_000, 13), np.uint32))
        words = layout.encode({name: column for name, column in columns.items() if name not in layout.units})
        words[[3, 39_999], 4] ^= np.uint32(1)
        assert np.flatnonzero(layout.check(words)).tolist() == [3, 39_999]

    def test_preamble_counts_where_it_does(self):
        layout = find_layout("stream-crc")
        words = layout.encode({"frame_num": np.array([7])})
        assert layout.check(words).tolist() == [0]
        assert replace(layout, preamble=1).check(words).tolist() == [HeaderFlag.CRC]
        other = find_layout("stream-3")
        words = other.encode({"frame_num": np.array([7])})
        assert replace(other, preamble=1).check(words).tolist() == [0]


class TestChecks:
    def headers(self, n=24, first=12824):
        count = np.arange(first * 8, first * 8 + n, dtype=np.uint32)
        slot = count % 8
        columns = {
            "linked_list": count % 32, "frame_num": count // 8, "buffer_count": count,
            "frame_buffer_count": slot, "pixel_count": np.array(SLOTS)[slot],
        }  # fmt: skip
        return find_layout("stream-1").encode(columns)

    def flags(self, words, **options):
        return find_layout("stream-1").check(words, pixel_counts=SLOTS, ring=32, **options)

    def test_whole_ones_have_no_flag(self):
        assert not self.flags(self.headers()).any()
        assert self.flags(self.headers()).dtype == np.uint8

    @pytest.mark.parametrize(
        ("word", "value", "flag"),
        [
            (0, 31, HeaderFlag.RING),
            (1, 1, HeaderFlag.COUNTERS),
            (2, 102_592 + 5 + 32, HeaderFlag.COUNTERS),
            (3, 4, HeaderFlag.COUNTERS),
            (3, 7, HeaderFlag.COUNTERS | HeaderFlag.PIXELS),
            (3, 8, HeaderFlag.COUNTERS | HeaderFlag.SLOT),
            (3, 0xFFFF_FFFF, HeaderFlag.COUNTERS | HeaderFlag.SLOT),
            (7, 4776, HeaderFlag.PIXELS),
        ],
    )
    def test_each_flag(self, word, value, flag):
        words = self.headers()
        words[5, word] = value
        expected = np.zeros(24, np.uint8)
        expected[5] = flag
        assert np.array_equal(self.flags(words), expected)

    def test_a_place_that_is_not_there_has_no_right_count(self):
        words = self.headers()
        words[7, 3] = 8
        assert self.flags(words)[7] == HeaderFlag.COUNTERS | HeaderFlag.SLOT

    def test_what_is_not_told_is_not_checked(self):
        words = self.headers()
        words[5] = 0xFFFF_FFFF
        assert not find_layout("stream-1").check(words).any()

    def test_newer_layouts_have_a_temperature_where_the_ring_was(self):
        layout = find_layout("stream-2")
        words = self.headers()
        words[:, 0] = 2500
        assert not layout.check(words, pixel_counts=SLOTS, ring=32).any()

    def test_counters_wrap(self):
        words = self.headers()
        words[:, 1] += np.uint32(1 << 29)
        assert not self.flags(words).any()
        narrow = replace(find_layout("stream-1").parts[2], bits=10)
        parts = tuple(narrow if part.names == ("buffer_count",) else part for part in find_layout("stream-1").parts)
        assert not replace(find_layout("stream-1"), parts=parts).check(self.headers(), pixel_counts=SLOTS).any()

    def test_narrow_counters_and_a_large_ring(self):
        parts = (Field(name="linked_list", word=0), Field(name="buffer_count", word=1, bits=8))
        words = words_of([7, 7], [44, 0x12C])
        assert HeaderFormat(id="narrow", parts=parts).check(words, ring=300).tolist() == [0, 0]

    def test_columns_that_are_there_are_taken(self):
        words = self.headers()
        columns = find_layout("stream-1").decode(words)
        columns["pixel_count"][2] = 1
        assert np.flatnonzero(self.flags(words, columns=columns)).tolist() == [2]

    def test_sd_lengths_of_data(self):
        count = np.arange(5, dtype=np.uint32)
        lengths = np.array([20436, 20436, 20436, 20436, 10672])
        layout = sd_layout(11)
        words = layout.encode({"buffer_count": count, "frame_buffer_count": count, "data_length": lengths})
        assert not layout.check(words, pixel_counts=lengths).any()
        assert layout.check(words, pixel_counts=lengths[::-1]).tolist() == [8, 0, 0, 0, 8]
