"""Recordings in JLS v1 as they are written: byte by byte, cut at every byte, and to files that fail."""

import contextlib
import errno
import io
import json

import numpy as np
import pytest

from xjls.errors import SelectionError, TruncatedError
from xjls.formats.jls1.arrays import decode_arrays
from xjls.formats.jls1.datafile import Tag, decode_file_header, iter_records
from xjls.formats.jls1.tape import Tape
from xjls.formats.jls1.writer import STATISTICS, Sizes, Writer, encode_reductions

ROWS = np.dtype([("length", "u8"), *((name, "f8") for name in STATISTICS)])
SMALL = Sizes(samples_per_reduction=2, reductions_per_tlv=2, tlvs_per_block=3)
# A collection with JSON, ten bytes of data, and an end with three bytes
WORKED = bytes.fromhex(
    "d3 74 61 67 66 6d 74 20 0d 0a 20 0a 20 20 1a 1c 80 00 00 00 00 00 00 00 00 00 00 01 c1 92 a3 04"
    "43 4c 53 00 1a 00 00 00 60 00 00 00 00 00 00 00 01 00 00 00 7b 22 76 5f 72 61 6e 67 65 22 3a 20"
    "30 7d 00 00 4e a0 94 82 41 42 4e 00 0a 00 00 00 00 01 02 03 04 05 06 07 08 09 00 00 c9 0c 7d b5"
    "43 4c 45 00 03 00 00 00 78 79 7a 00 90 a9 1d 36 45 4e 44 00 00 00 00 00 00 00 00 00 bc 93 7a c0"
)


class Flaky(io.BytesIO):
    """A file that takes so many bytes, and then none until it is told to."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def write(self, data):
        if self.room >= len(data):
            self.room -= len(data)
            return super().write(data)
        super().write(data[: self.room])
        self.room = 0
        raise OSError(errno.ENOSPC, "no space left")


class Piecemeal(io.BytesIO):
    """A file that takes seven bytes at a time."""

    def write(self, data):
        return super().write(data[:7])


class Bare:
    """As little of a file as there may be: it can neither flush nor be cut, and says nothing of what it took."""

    def __init__(self):
        self.file = io.BytesIO()
        self.log = []

    def write(self, data):
        self.log.append((self.file.tell(), bytes(data)))
        self.file.write(data)

    def seek(self, offset, whence=0):
        self.file.seek(offset, whence)

    def tell(self):
        return self.file.tell()


def write_worked(file):
    tape = Tape(file)
    tape.start(1, b'{"v_range": 0}')
    assert tape.append(Tag.DATA, memoryview(bytes(range(10)))) == 72
    assert tape.depth == 1
    tape.stop(b"xyz")
    tape.finish()


def reductions(value, count=2):
    rows = np.zeros((count, 6), ROWS)
    rows["length"] = 2
    for i, name in enumerate(STATISTICS):
        rows[name] = value + 10 * i + np.arange(6)
    return rows


def record(file, counts, sizes=SMALL, footer=None):
    """Write records of so many samples, whose words count."""
    writer = Writer(file, calibration=b"numbers", user_data=b'"mine"', sizes=sizes)
    writer.begin(1000.0, "raw")
    for count in counts:
        words = np.arange(2 * writer.size, 2 * (writer.size + count), dtype="<u2")
        writer.write(words.tobytes(), count, reductions(writer.size, count // 2), {"v_range": 1, "at": writer.size})
    writer.finish(footer)
    return writer


def records_of(data):
    """Return the records that are whole, up to the end or to where the bytes end."""
    found = []
    with contextlib.suppress(TruncatedError):
        found.extend(iter_records(data))
    return found


# ---- the container -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [io.BytesIO, Piecemeal, Bare])
def test_records_are_written_byte_by_byte(file):
    made = file()
    write_worked(made)
    found = made.file.getvalue() if isinstance(made, Bare) else made.getvalue()
    assert found == WORKED
    assert made.tell() == len(WORKED)


def test_what_was_in_a_file_goes():
    file = io.BytesIO(bytes(1000))
    write_worked(file)
    assert file.getvalue() == WORKED


def test_a_file_begins_at_its_beginning():
    file = io.BytesIO(b"other")
    file.seek(5)
    with pytest.raises(SelectionError, match=r"begins at byte 0, and the file is at 5\. Give one of its own"):
        Tape(file)
    assert file.getvalue() == b"other"


def test_a_file_that_takes_nothing_is_an_error():
    class Full(io.BytesIO):
        def write(self, data):
            return 0

    with pytest.raises(OSError, match="takes nothing more of 32 bytes"):
        Tape(Full())


def test_collections_that_are_open_are_ended():
    file = io.BytesIO()
    tape = Tape(file)
    tape.start(0)
    tape.start(1, b"{}")
    tape.finish()
    outer, inner, *ends = iter_records(file.getvalue())
    assert [end.tag for end in ends] == [Tag.STOP, Tag.STOP]
    assert int.from_bytes(inner.value[:8], "little") == ends[0].offset
    assert int.from_bytes(outer.value[:8], "little") == ends[1].offset


@pytest.mark.parametrize("room", range(0, 900, 13))
def test_what_a_full_disk_refused_is_written_later(room):
    whole = io.BytesIO()
    record(whole, [4, 4, 4, 4, 3], footer=b'"late"')
    file = Flaky(1 << 20)
    writer = Writer(file, calibration=b"numbers", user_data=b'"mine"', sizes=SMALL)
    file.room = room

    def until_it_works(step):
        try:
            step()
        except OSError:
            file.room = 1 << 20
            step()

    until_it_works(lambda: writer.begin(1000.0, "raw"))
    for count in [4, 4, 4, 4, 3]:
        at = writer.size
        words = np.arange(2 * at, 2 * (at + count), dtype="<u2").tobytes()

        def write(at=at, count=count, words=words):
            if writer.size == at:
                writer.write(words, count, reductions(at, count // 2), {"v_range": 1, "at": at})

        until_it_works(write)
        assert writer.size == at + count
    file.room = 1 << 20
    writer.finish(b'"late"')
    assert file.getvalue() == whole.getvalue()


def test_a_file_cut_at_any_byte_of_its_making_holds_a_prefix():
    file = Bare()
    record(file, [4, 4, 4, 2])
    whole = [(entry.offset, entry.tag) for entry in iter_records(file.file.getvalue())]
    data, seen = bytearray(), 0
    for offset, piece in file.log:
        for n in range(len(piece)) if len(data) > 32 and offset == len(data) else ():
            found = [(entry.offset, entry.tag) for entry in records_of(bytes(data) + piece[:n])]
            assert found == whole[: len(found)]
            assert len(found) >= seen
        data[offset : offset + len(piece)] = piece
        if len(data) > 32:
            seen = len(records_of(bytes(data)))
    assert seen == len(whole)
    assert bytes(data) == file.file.getvalue()


# ---- the recording -------------------------------------------------------------------------------------------------


def test_a_recording_is_as_its_format_says():
    file = io.BytesIO()
    writer = record(file, [4, 4, 4, 4, 3], footer=b'"late"')
    data = file.getvalue()
    found = list(iter_records(data))
    assert writer.size == 19
    assert decode_file_header(data) == len(data)
    tags = b" ".join(entry.tag for entry in found)
    assert tags == b"UJS SUB MJS CLS CLS ABN ABN ABN CLE CLS ABN ABN CLE CLE MJS UJS"
    assert found[0].value == b'"mine"'
    assert found[1].value == b"calibration" + bytes(117) + b"numbers"
    config = json.loads(found[2].value)
    assert (config["sampling_frequency"], config["data_format"]) == (1000.0, "raw")
    assert b'"sampling_frequency": 1000.0' in found[2].value
    assert [config[f"samples_per_{what}"] for what in ("reduction", "tlv", "block")] == [2, 4, 12]
    blocks = [json.loads(entry.value[12:]) for entry in found if entry.tag == Tag.START and len(entry.value) > 12]
    assert blocks == [{"v_range": 1, "at": 0}, {"v_range": 1, "at": 12}]
    words = np.concatenate([np.frombuffer(entry.value, "<u2") for entry in found if entry.tag == Tag.DATA])
    assert np.array_equal(words, np.arange(38))
    assert [json.loads(entry.value) for entry in found[-2:]] == [{"type": "footer", "size": 19}, "late"]


def test_reductions_of_a_block_stand_at_its_end():
    file = io.BytesIO()
    record(file, [4, 4, 4, 3])
    first, last, outer = (entry for entry in iter_records(file.getvalue()) if entry.tag == Tag.STOP)
    assert outer.value == b""
    arrays = decode_arrays(first.value)
    assert sorted(arrays) == sorted([0, *(field << 4 | i for field in range(6) for i in range(1, 5))])
    assert {number: array.dtype.str for number, array in arrays.items() if number in (0, 0x24)} == {
        0: "<u8", 0x24: "<f4"
    }  # fmt: skip
    assert arrays[0].tolist() == [2] * 6
    assert arrays[0x23].tolist() == [22, 22, 26, 26, 30, 30]  # least power: of two reductions a record
    assert decode_arrays(last.value)[0x11].tolist() == [13]  # what is no whole reduction has none


def test_reductions_beyond_float32_are_infinite():
    rows = reductions(0, 1)
    rows["variance"][0, 0] = 1e300
    assert decode_arrays(encode_reductions(rows))[0x02].tolist() == [np.inf]


def test_a_recording_without_samples_is_one():
    file = io.BytesIO()
    Writer(file).finish()
    found = list(iter_records(file.getvalue()))
    assert [entry.tag for entry in found] == [Tag.META_JSON] * 2
    assert json.loads(found[0].value)["data_format"] == "none"
    assert json.loads(found[1].value)["size"] == 0
    assert len(file.getvalue()) == 416


def test_nothing_comes_behind_a_short_record():
    writer = Writer(io.BytesIO(), sizes=SMALL)
    writer.begin(1000, "raw")
    writer.write(bytes(12), 3, reductions(0, 1), {})
    with pytest.raises(SelectionError, match="has its last samples"):
        writer.write(bytes(16), 4, reductions(0), {})
    assert writer.size == 3


@pytest.mark.parametrize("rate_hz", [0, -1.0, np.inf, np.nan])
def test_a_rate_is_positive(rate_hz):
    with pytest.raises(SelectionError, match="is none"):
        Writer(io.BytesIO()).begin(rate_hz, "raw")


@pytest.mark.parametrize(
    ("sizes", "match"),
    [
        ({"samples_per_reduction": 0}, "are none"),
        ({"tlvs_per_block": 1.5}, "are none"),
        ({"reductions_per_tlv": True}, "are none"),
        ({"samples_per_reduction": 1 << 20, "reductions_per_tlv": 4}, "do not fit into one record"),
        ({"samples_per_reduction": 1, "tlvs_per_block": 1 << 17}, "do not fit into one record"),
    ],
)
def test_sizes_fit_into_records(sizes, match):
    with pytest.raises(SelectionError, match=match):
        Sizes(**sizes)
