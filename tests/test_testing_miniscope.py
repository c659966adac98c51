"""Streams and cards of the tests are what their recipe says, byte by byte, and their truths are true."""

import hashlib

import numpy as np
import pytest

from xjls.kernels.bitstream import Reversal, find_preambles, take_slices
from xjls.testing.miniscope import (
    CardConfig,
    Start,
    StreamConfig,
    buffers_of,
    encode,
    frames_by_mio,
    noise,
    pack,
    ramps,
    tiny,
    truth_of,
    unpack,
    without,
)
from xjls.testing.miniscope.headers import (
    BLACK_REFERENCE,
    DIAGNOSTICS,
    FIELD_NUMBERS,
    SENSOR_STATUS,
    SENSOR_TEMPERATURE,
    TEMPERATURE_CENTI,
    VERSION_RECORD,
    WORD_OF,
)
from xjls.testing.miniscope.scenarios import SCENARIOS

MAKERS = {make.__name__: make for make in SCENARIOS}
STREAMS = [name for name in MAKERS if not name.startswith("card_")]
CARDS = [name for name in MAKERS if name.startswith("card_")]
WANTED = (
    *(f"phase_{phase}" for phase in range(8)),
    *(f"flags_{flags}" for flags in ("0000", "1010", "0101", "1110", "1100")),
    "first_buffer_lost", "middle_buffer_lost", "last_buffer_lost", "frame_lost", "preamble_with_1_wrong_bits",
    "preamble_in_pixels_at_0", "frame_num_with_bit_0_wrong", "frame_buffer_count_with_bit_0_wrong",
    "stale_pixels_behind_a_short_buffer", "starts_inside_a_frame", "duplicated", "swapped_inside_a_frame",
    "swapped_across_frames", "temperature_instead_of_slots", "layout_stream_3", "layout_stream_4", "layout_stream_crc",
    "card_with_older_buffers", "card_without_counts", "card_without_keys", "card_of_one_buffer_a_frame",
    "card_of_9_words", "card_of_10_words", "card_of_11_words", "card_of_12_words", "golden_tiny", "golden_200px",
)  # fmt: skip


def way(bits, order):
    return Reversal.BITS * bits | Reversal.BYTES * order


def taken(config, data, places):
    """Return headers behind preambles, u32[buffer, word], pixels behind them, and the bits of both that are there."""
    header_bytes = 4 * config.header_words
    rows = np.empty((len(places), header_bytes + -(-config.payload_bytes // 4) * 4), np.uint8)
    valid = take_slices(
        np.frombuffer(data, np.uint8), places + 32, rows, way(config.reverse_header_bits, config.reverse_header_bytes),
        header_bytes=header_bytes, payload=way(config.reverse_payload_bits, config.reverse_payload_bytes),
    )  # fmt: skip
    return rows[:, :header_bytes].copy().view("<u4"), rows[:, header_bytes:], valid


def bitwise_crc(data):
    """Return CRC-32, bit by bit."""
    crc = 0xFFFF_FFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB8_8320 if crc & 1 else 0)
    return crc ^ 0xFFFF_FFFF


# ---- streams -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size", "digest", "n"),
    [("golden_200px", 443_908, "29b85feaa279a913", 9), ("golden_tiny", 4247, "1a6a3b263e463686", 7)],
)
def test_golden_streams_are_known_by_their_hash(tmp_path, name, size, digest, n):
    made = MAKERS[name](tmp_path)
    data = made.path.read_bytes()
    assert len(data) == size
    assert hashlib.sha256(data).hexdigest()[:16] == digest
    frames = frames_by_mio(made.config, data)
    np.testing.assert_array_equal(frames, made.truth.frames[:n])
    np.testing.assert_array_equal(made.truth.frames, ramps(made.config, n + 1))
    assert made.truth.present.all()


def test_the_variants_of_the_recipe_are_there():
    assert not set(WANTED) - set(MAKERS)
    assert len(MAKERS) == len(SCENARIOS)


def test_what_a_stream_begins_with():
    """Ten dummies, the preamble, and the words of the first header: all with their bits mirrored byte by byte."""
    config = StreamConfig()
    frames = ramps(config, 1)
    stream = encode(config, buffers_of(config, frames, Start(frame=1, buffer=8)))
    mirror = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    plain = stream.data.translate(mirror)
    assert stream.data[40:44].hex() == "1e6a2c48"
    assert plain[:40] == bytes.fromhex("cccc00ff") * 10
    words = np.frombuffer(plain, "<u4", 11, 44)
    assert words.tolist() == [8, 1, 8, 0, 8, 0, 624218, 5032, 0, 190, 30]
    assert plain[88 : 88 + 5032] == frames.tobytes()[:5032]
    assert stream.bit_offsets.tolist() == [320 + 40960 * i for i in range(8)]


@pytest.mark.parametrize("name", STREAMS)
def test_preambles_stand_where_the_truth_says(tmp_path, name):
    made = MAKERS[name](tmp_path)
    data = np.frombuffer(made.path.read_bytes(), np.uint8)
    out = np.empty(len(made.truth.preambles) + 1, np.int64)
    count = find_preambles(data, made.config.preamble_on_wire, out)
    np.testing.assert_array_equal(out[:count], made.truth.preambles)
    assert set(made.truth.bit_offset) <= set(made.truth.preambles)


@pytest.mark.parametrize("name", STREAMS)
def test_headers_are_what_the_truth_says(tmp_path, name):
    made = MAKERS[name](tmp_path)
    truth, config = made.truth, made.config
    words, _, valid = taken(config, made.path.read_bytes(), truth.bit_offset)
    complete = valid >= 32 * config.header_words
    assert not (truth.header_ok & ~complete).any()
    np.testing.assert_array_equal(words[complete], truth.words[complete])
    if config.layout == "stream-1":
        for field, word in WORD_OF.items():
            if len(words) and name != "timestamp_with_a_wrong_bit":
                np.testing.assert_array_equal(words[truth.header_ok, word], truth.columns[field][truth.header_ok])


@pytest.mark.parametrize("name", STREAMS)
def test_pixels_are_where_the_truth_says(tmp_path, name):
    made = MAKERS[name](tmp_path)
    truth, config = made.truth, made.config
    _, payload, valid = taken(config, made.path.read_bytes(), truth.bit_offset)
    rows = np.zeros((len(truth.device_frame), config.frame_bytes), np.uint8)
    present = np.zeros_like(truth.present)
    starts = np.cumsum([0, *config.sizes])
    for i in np.flatnonzero(truth.header_ok):
        number, slot = (int(truth.columns[field][i]) for field in ("frame_num", "frame_buffer_count"))
        if valid[i] < 8 * (4 * config.header_words + config.sizes[slot]):
            assert not truth.whole[i]
            continue
        frame = number - truth.device_frame[0]
        rows[frame, starts[slot] : starts[slot + 1]] = payload[i, : config.sizes[slot]]
        present[frame, slot] = True
    np.testing.assert_array_equal(present, truth.present)
    frames = np.array([unpack(config, row.tobytes()) for row in rows]).reshape(truth.frames.shape)
    frames[~truth.pixel_present] = 0
    same = (frames == truth.frames).all(axis=(1, 2))
    np.testing.assert_array_equal(same, ~(truth.present & ~truth.intact).any(axis=1))
    assert truth.missing == (~present).sum()


@pytest.mark.parametrize(
    ("name", "missing", "between"),
    [
        ("phase_3", 0, 0), ("first_buffer_lost", 1, 1), ("frame_lost", 4, 4), ("frames_lost", 14, 14),
        ("one_buffer_left", 3, 0), ("starts_inside_a_frame", 2, 0), ("counters_wrap", 0, 0), ("duplicated", 0, 0),
        ("swapped_across_frames", 0, 0), ("ends_inside_pixels", 1, 0), ("card_with_tails_lost", 3, 3),
        ("frame_num_with_bit_31_wrong", 1, 1), ("terminator_only", 0, 0), ("bit_missing_in_pixels", 0, 0),
    ],
)  # fmt: skip
def test_losses_are_counted(tmp_path, name, missing, between):
    truth = MAKERS[name](tmp_path).truth
    assert (truth.missing, truth.lost_between) == (missing, between)


def test_a_later_buffer_replaces_an_earlier_one(tmp_path):
    truth = MAKERS["duplicated_with_other_pixels"](tmp_path).truth
    sent = noise(tiny(), 6)[2].reshape(-1)[72:144]
    np.testing.assert_array_equal(truth.frames[2].reshape(-1)[72:144], sent ^ 0xFF)
    assert truth.duplicates == 1
    assert MAKERS["frame_duplicated"](tmp_path).truth.duplicates == 4


def test_a_pixel_across_two_buffers_needs_both():
    config = tiny(pix_depth=12, packing="msb", frame_width=10, frame_height=10)
    assert config.sizes == (72, 72, 6)
    config = tiny(pix_depth=10, packing="msb", frame_width=10, frame_height=10)
    buffers = without(buffers_of(config, noise(config, 1)), (0, 1))
    truth = truth_of(config, buffers, encode(config, buffers))
    assert truth.pixel_present.ravel().tolist() == [True] * 57 + [False] * 43
    np.testing.assert_array_equal(truth.frames.ravel()[:57], noise(config, 1).ravel()[:57])


@pytest.mark.parametrize(("depth", "packing"), [(8, "bytes"), (5, "msb"), (12, "lsb"), (16, "u16"), (10, "framed")])
def test_pixels_are_unpacked_as_they_were_packed(depth, packing):
    config = tiny(pix_depth=depth, packing=packing, frame_width=13, frame_height=7)
    frame = noise(config, 1)[0]
    data = pack(config, frame)
    assert len(data) == config.frame_bytes
    np.testing.assert_array_equal(unpack(config, data), frame)


# ---- mio -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("phase_5", [0, 1, 2, 3, 4]), ("one_frame", []), ("frame_lost", [0, 1, 2, 4]), ("duplicated", [0, 1, 2, 3, 4]),
        ("starts_inside_a_frame", [1, 2, 3, 4]), ("without_terminator", [0, 1, 2, 3, 4]), ("empty", []),
        ("first_buffers_of_all_frames_lost", []), ("swapped_inside_a_frame", [0, 1, 2, 3, 4]),
    ],
)  # fmt: skip
def test_frames_that_mio_emits_whole(tmp_path, name, frames):
    made = MAKERS[name](tmp_path)
    found = frames_by_mio(made.config, made.path.read_bytes())
    np.testing.assert_array_equal(found, made.truth.frames[frames])


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("middle_buffer_lost", 5), ("frame_num_with_bit_4_wrong", 7), ("swapped_across_frames", 7),
        ("preamble_with_1_wrong_bits", 5),
    ],
)  # fmt: skip
def test_frames_that_mio_splits(tmp_path, name, count):
    made = MAKERS[name](tmp_path)
    assert len(frames_by_mio(made.config, made.path.read_bytes())) == count


def test_a_lost_buffer_is_black_in_mios_frame(tmp_path):
    made = MAKERS["middle_buffer_lost"](tmp_path)
    found = frames_by_mio(made.config, made.path.read_bytes())[2].ravel()
    assert not found[72:144].any()
    np.testing.assert_array_equal(found, made.truth.frames[2].ravel())


# ---- layouts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["stream-3", "stream-4"])
def test_checksums_and_version_bytes_of_newer_layouts(tmp_path, layout):
    truth = MAKERS[f"layout_{layout.replace('-', '_')}"](tmp_path).truth
    for words, count in zip(truth.words, truth.columns["buffer_count"], strict=True):
        data = words.astype("<u4").tobytes()
        assert int.from_bytes(data[-3:], "little") == bitwise_crc(data[:-3]) & 0xFF_FFFF
        assert data[-4] == VERSION_RECORD[count % 32]
    assert set(truth.columns["buffer_count"] % 32) == set(range(32))
    assert (len(VERSION_RECORD), VERSION_RECORD[0], sum(VERSION_RECORD) % 256) == (32, 0xA5, 0)


def test_the_checksum_beside_the_battery(tmp_path):
    truth = MAKERS["layout_stream_crc"](tmp_path).truth
    for words in truth.words:
        cleared = words.astype("<u4")
        cleared[9] &= 0xFF
        assert words[9] >> 8 == bitwise_crc(bytes.fromhex("78563412") + cleared.tobytes()) & 0xFF_FFFF
        assert cleared[9] == 190


def test_what_newer_words_say(tmp_path):
    second, fourth = (MAKERS[f"layout_stream_{n}"](tmp_path).truth.words[5] for n in (2, 4))
    assert np.int32(second[0].astype("i4")) == TEMPERATURE_CENTI
    assert (fourth[0] & 0xFFFF).astype("u2").view("i2") == TEMPERATURE_CENTI
    assert fourth[0] >> 16 == SENSOR_TEMPERATURE
    assert fourth[11:12].astype("<u4").tobytes() == bytes(BLACK_REFERENCE)
    for words in (second, fourth):
        assert words[8:9].astype(">u4").tobytes() == bytes(DIAGNOSTICS)
        assert words[10] == SENSOR_STATUS % 2**24 << 8 | 30


def test_messages_hold_what_was_counted(tmp_path):
    truth = MAKERS["layout_stream_protobuf"](tmp_path).truth
    numbers = {number: name for name, number in FIELD_NUMBERS.items()}
    for i, words in enumerate(truth.words):
        data = words.astype("<u4").tobytes()
        assert int.from_bytes(data[60:], "little") == bitwise_crc(data[:60])
        at, found = 1, {}
        while at <= data[0]:
            key, value, shift = data[at], 0, 0
            at += 1
            while True:
                value |= (data[at] & 127) << shift
                shift, at = shift + 7, at + 1
                if data[at - 1] < 128:
                    break
            assert not key & 7
            found[numbers[key >> 3]] = value
        assert at == data[0] + 1
        assert not any(data[at:60])
        for name in ("frame_num", "buffer_count", "frame_buffer_count", "timestamp", "pixel_count"):
            assert found.get(name, 0) == truth.columns[name][i]


@pytest.mark.parametrize("name", ["stream_3_with_wrong_time", "stream_4_with_wrong_time", "stream_crc_with_wrong_time"])
def test_one_wrong_bit_is_one_bit(tmp_path, name):
    broken, truth = MAKERS[name](tmp_path), MAKERS[name](tmp_path).truth
    config = broken.config
    whole = np.array([b.words for b in buffers_of(config, noise(config, 6))])
    differing = np.bitwise_count(truth.words ^ whole).sum(axis=1)
    np.testing.assert_array_equal(differing, ~truth.header_ok)


# ---- cards ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARDS)
def test_buffers_lie_on_cards_as_their_truth_says(tmp_path, name):
    made = MAKERS[name](tmp_path)
    data, truth, config = made.path.read_bytes(), made.truth, made.config
    n = config.header_words
    at = 512 * config.data_sector
    for i, place in enumerate(truth.bit_offset.tolist()):
        assert place == 8 * at
        if not truth.header_ok[i]:
            assert len(data) < at + 4 * n
            continue
        words = np.frombuffer(data, "<u4", n, at)
        np.testing.assert_array_equal(words, truth.words[i])
        length, frame, slot, size = words[0], words[2], words[4], words[8]
        assert (length, size) == (n, config.sizes[slot])
        assert [truth.columns[field][i] for field in ("length", "frame_num", "data_length")] == [length, frame, size]
        pixels = np.frombuffer(data[at + 4 * n : at + 4 * n + size], np.uint8)
        assert truth.whole[i] == (pixels.size == size)
        if truth.whole[i]:
            start = sum(config.sizes[:slot])
            row = truth.frames[frame - truth.device_frame[0]].ravel()
            np.testing.assert_array_equal(row[start : start + size], pixels)
        at += (int(size) + 4 * n + 511) // 512 * 512


@pytest.mark.parametrize("name", CARDS)
def test_what_cards_say_of_themselves(tmp_path, name):
    made = MAKERS[name](tmp_path)
    data, config = made.path.read_bytes(), made.config
    keys = np.frombuffer(data, "<u4", 4, 512 * config.settings_sector)
    assert set(keys.tolist()) == ({0x0D7CBA17} if config.has_keys else {0})
    assert tuple(np.frombuffer(data, "<u4", 12, 512 * config.settings_sector + 16).tolist()) == config.settings
    said = np.frombuffer(data, "<u4", 6, 512 * config.config_sector).tolist()
    counts = [made.recorded, made.dropped] if config.has_counts else [0, 0]
    shape = [config.frame_width, config.frame_height, config.fps, 512 * config.buffer_sectors]
    assert said == [*shape, *counts]


def test_shapes_of_real_cards():
    sizes = {n: CardConfig(header_words=n).sizes for n in (10, 11, 12)}
    assert sizes == {10: (20440,) * 4 + (10656,), 11: (20436,) * 4 + (10672,), 12: (20432,) * 4 + (10688,)}
    old = CardConfig(frame_width=608, frame_height=608, buffer_sectors=125, header_words=9)
    assert old.sizes == (63964,) * 5 + (49844,)


def test_older_buffers_begin_where_newer_ones_end(tmp_path):
    made = MAKERS["card_with_older_buffers"](tmp_path)
    data = made.path.read_bytes()
    at = 512 * 1024 + 512 * made.recorded
    words = np.frombuffer(data, "<u4", 12, at)
    assert (words[0], words[3]) == (12, made.recorded)
    assert made.truth.bit_offset[-1] // 8 == at - 512
