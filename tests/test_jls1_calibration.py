"""Calibrations are what Joulescope's own reader makes of them; whatever else the bytes are, the error says so."""

import json
import math
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.errors import CorruptError, FormatError, NotRecognizedError, TruncatedError, UnsupportedError
from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.datafile import (
    DEFLATED,
    ENCRYPTED,
    FIRST_RECORD,
    MOST_INFLATED,
    Header,
    Record,
    Tag,
    decode_file_header,
    decode_header,
    encode_datafile,
    encode_file_header,
    encode_header,
    encode_record,
    iter_records,
)

os.environ.setdefault("JOULESCOPE_BACKEND", "none")
import joulescope.v0.test
from joulescope.datafile import DataFileReader, DataFileWriter
from joulescope.v0.calibration import Calibration as Oracle

SHIPPED = (Path(joulescope.v0.test.__file__).parent / "calibration_01.dat").read_bytes()
"""Of a real instrument, signed, 968 bytes: comes with joulescope."""
NAMES = ("current_offset", "current_gain", "voltage_offset", "voltage_gain")
GOOD = Calibration(current_gain=(0.5, 0.25), voltage_offset=(-3.0, 7.5), serial_number="0123456789abcdef" * 2)
WORKED = bytes.fromhex(
    "d3746167666d74200d0a200a20201a1c800000000000000000000001c192a304"
    "434c53001a0000006000000000000000010000007b22765f72616e6765223a20"
    "307d00004ea0948241424e000a000000000102030405060708090000c90c7db5"
    "434c45000300000078797a0090a91d36454e44000000000000000000bc937ac0"
)
"""A collection of one record, as joulescope 1.5.0 writes it."""


def numbers_of(calibration):
    return np.concatenate([np.asarray(getattr(calibration, name), "f4")[: 7 if "cur" in name else 2] for name in NAMES])


def changed(**changes):
    """Return a calibration whose JSON differs."""
    header, data = iter_records(GOOD.encode())
    facts = json.loads(data.value) | changes
    return encode_datafile([header[1:], (Tag.DATA_JSON, json.dumps(facts).encode())])


def test_the_one_that_joulescope_ships():
    ours, theirs = Calibration.decode(SHIPPED), Oracle().load(SHIPPED)
    np.testing.assert_array_equal(numbers_of(ours), numbers_of(theirs))
    assert ours.is_signed
    assert (ours.serial_number, ours.version) == (theirs.serial_number, theirs.version)
    assert ours.time.startswith(theirs.time.strftime("%Y-%m-%dT%H:%M:%S"))
    assert ours.current_gain[0] == pytest.approx(6.829e-4, rel=1e-3)


@pytest.mark.parametrize("key", [None, bytes(range(32))])
def test_what_joulescope_saves_is_read(key):
    theirs = Oracle()
    theirs.current_gain[:7] = np.geomspace(1e-3, 1e-9, 7)
    theirs.current_offset[:7] = -2800 - np.arange(7)
    theirs.voltage_offset[:], theirs.voltage_gain[:] = [-1150.6, -2041.7], [9.468e-4, 2.934e-4]
    theirs.serial_number = "00112233445566778899aabbccddeeff"
    ours = Calibration.decode(theirs.save(key))
    np.testing.assert_array_equal(numbers_of(ours), numbers_of(theirs))
    assert ours.serial_number == theirs.serial_number
    assert ours.is_signed == (key is not None)


def test_what_we_encode_joulescope_loads():
    theirs = Oracle().load(GOOD.encode())
    np.testing.assert_array_equal(numbers_of(theirs), numbers_of(GOOD))
    assert theirs.serial_number == GOOD.serial_number
    assert math.isnan(theirs.current_gain[8])
    assert theirs.current_gain[7] == 0


def test_scales_count_off_and_missing():
    scales = GOOD.scales()
    assert (scales.shape, scales.dtype) == ((2, 12), np.float32)
    np.testing.assert_array_equal(scales[:, 7], [0, 0])
    assert np.isnan(scales[:, 8]).all()
    np.testing.assert_array_equal(scales[0, 9:], [-3.0, 7.5, np.nan])


def test_a_container_byte_by_byte():
    records = list(iter_records(WORKED))
    assert [(record.offset, record.tag) for record in records] == [(32, b"CLS"), (72, b"ABN"), (96, b"CLE")]
    assert records[1].value == bytes(range(10))
    assert encode_datafile([record[1:] for record in records]) == WORKED


def test_containers_go_both_ways(tmp_path):
    values = [(Tag.DATA, bytes(range(n))) for n in range(20)]
    path = tmp_path / "ours.bin"
    path.write_bytes(encode_datafile(values))
    with path.open("rb") as file:
        assert [(tag, bytes(value)) for tag, value in DataFileReader(file)] == [(bytes(t), v) for t, v in values]
    path = tmp_path / "theirs.bin"
    with path.open("wb") as file:
        writer = DataFileWriter(file)
        for tag, value in values:
            writer.append(tag, value * 30, compress=True)
        writer.finalize()
    assert [record[1:] for record in iter_records(path.read_bytes())] == [(tag, value * 30) for tag, value in values]


def test_a_writer_at_work():
    data = encode_file_header(0) + GOOD.encode()[FIRST_RECORD:]
    assert Calibration.decode(data) == GOOD


def test_an_old_name_and_a_header_that_says_something():
    header = Header(1 << 40, 0x01020003, 2, 1, 3, 5, bytes(range(16)))
    _, data = iter_records(GOOD.encode())
    bytes_ = encode_datafile([(Tag.HEADER, encode_header(header)), (Tag.OLD_CALIBRATION, data.value)])
    assert decode_header(next(iter_records(bytes_))) == header
    assert Calibration.decode(bytes_) == GOOD
    np.testing.assert_array_equal(numbers_of(Oracle().load(bytes_)), numbers_of(GOOD))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", NotRecognizedError, "the first 16 bytes are not those of a JLS v1 container at byte 0 of cal"),
        (b"jlsfmt\r\n \n \x1a  \xb2\x1c" + bytes(16), NotRecognizedError, "the first 16 bytes are not"),
        (SHIPPED[:20], TruncatedError, "the header has 20 bytes, expected 32"),
        (SHIPPED[:28] + bytes(4), CorruptError, "the CRC-32 of the header is 0x.*, expected 0x00000000 at byte 0"),
        (SHIPPED[:-8], TruncatedError, "960 of 968 bytes are there at byte 960 of cal"),
        (SHIPPED + bytes(8), CorruptError, "8 bytes follow the container's end at byte 968 of cal"),
        (encode_file_header(32), TruncatedError, "there is no END record at byte 32 of cal"),
        (encode_file_header(56) + encode_record(Tag.END) + bytes(8), CorruptError, "8 bytes follow the last record at"),
        (encode_file_header(0) + GOOD.encode()[32:120], TruncatedError, "record 'AJS' has 32 of .* bytes at byte 88"),
        (encode_file_header(48) + encode_record(Tag.END)[:-1] + b"x", CorruptError, "the CRC-32 of record 'END' is"),
        (encode_file_header(0) + encode_record(b"ABN", b"x", ENCRYPTED), UnsupportedError, "'ABN' is encrypted"),
        (encode_file_header(0) + encode_record(b"ABN", b"??", DEFLATED), CorruptError, "a deflated value cannot be"),
        (encode_datafile([]), CorruptError, "the calibration ends before its numbers: cal"),
        (encode_datafile([(Tag.DATA, b"")]), CorruptError, "the calibration begins with ABN, expected HDR at byte 32"),
        (encode_datafile([(Tag.HEADER, b"")]), CorruptError, "HDR has 0 bytes, expected 40 at byte 32 of cal"),
        (encode_datafile([(Tag.HEADER, bytes(40)), (Tag.DATA, b"")]), CorruptError, "holds ABN, expected AJS or CJS"),
        (encode_datafile([(Tag.HEADER, bytes(40)), (Tag.DATA_JSON, b"{")]), CorruptError, "read .JSONDecodeError: "),
        (encode_datafile([(Tag.HEADER, bytes(40)), (Tag.DATA_JSON, b"[]")]), CorruptError, "read .TypeError: "),
        (encode_datafile([(Tag.HEADER, bytes(40)), (Tag.DATA_JSON, b"[" * 99999)]), CorruptError, "RecursionError"),
        (encode_datafile([(Tag.HEADER, bytes(40)), (Tag.DATA_JSON, b"{}")]), CorruptError, "read .KeyError: 'product'"),
        (changed(product="1.1.2"), UnsupportedError, "is for product '1.1.2', and xjls reads '1.1.1' at byte 88"),
        (changed(voltage={"offset": [], "gain": [1]}), CorruptError, "TypeError: \\(\\) are not numbers of 2 ranges"),
        (changed(voltage={"offset": ["1"], "gain": [1]}), CorruptError, "\\('1',\\) are not numbers of 2 ranges"),
        (changed(voltage={"offset": [10**400], "gain": [1]}), CorruptError, "OverflowError"),
        (changed(voltage=[1]), CorruptError, "TypeError"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)  # fmt: skip
def test_what_is_wrong_is_said(data, error, message):
    with pytest.raises(error, match=message):
        Calibration.decode(data, "cal")


def test_another_version():
    body = encode_file_header(48)[:27] + b"\x02"
    with pytest.raises(UnsupportedError, match="the container has version 2, and xjls reads version 1 at byte 27"):
        decode_file_header(body + zlib.crc32(body).to_bytes(4, "little"))


def test_a_bomb_is_not_inflated():
    value = zlib.compress(bytes(MOST_INFLATED + 1))
    with pytest.raises(CorruptError, match="a deflated value has no end within 67_108_864 bytes at byte 32"):
        list(iter_records(encode_file_header(0) + encode_record(Tag.DATA, value, DEFLATED)))


@settings(max_examples=400)
@given(at=st.integers(0, 8 * len(SHIPPED) - 1))
def test_any_bit_that_flips_is_noticed(at):
    data = bytearray(SHIPPED)
    data[at >> 3] ^= 1 << (at & 7)
    with pytest.raises(FormatError, match=r"\w"):
        Calibration.decode(bytes(data))


@settings(max_examples=200)
@given(length=st.integers(0, len(SHIPPED) - 1), whole=st.booleans())
def test_any_cut_is_noticed(length, whole):
    data = SHIPPED[:length]
    if whole and length >= FIRST_RECORD:
        data = encode_file_header(0) + data[FIRST_RECORD:]
    with pytest.raises(FormatError, match=r"\w"):
        Calibration.decode(data)


@settings(max_examples=300)
@given(
    data=st.binary(max_size=200), tags=st.lists(st.sampled_from([b"SGS", b"HDR", b"AJS", b"SGE", b"CJS"]), max_size=5)
)
def test_any_bytes_in_records_that_are_whole(data, tags):
    try:
        found = Calibration.decode(encode_datafile([(tag, data) for tag in tags]))
    except FormatError:
        return
    assert isinstance(found, Calibration)


@settings(max_examples=200)
@given(
    facts=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["offset", "gain"]), inner),
        max_leaves=8,
    ),
    key=st.sampled_from(["current", "voltage", "serial_number", "version", "time", "product"]),
)  # fmt: skip
def test_any_json(facts, key):
    try:
        found = Calibration.decode(changed(**{key: facts}))
    except FormatError:
        return
    assert found.scales().shape == (2, 12)


def test_a_record_shows_itself():
    assert Record(32, Tag.DATA, b"x") == (32, b"ABN", b"x")
