"""Patterns at any bit, and slices behind any bit, are what unpacked bits say, one by one."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xjls.kernels.bitstream import PATTERN_BITS, Reversal, find_preambles, take_slices

PATTERN = 0x1E6A2C48
WAYS = [Reversal(way) for way in range(4)]


def bits_of(pattern):
    return np.array([pattern >> (31 - i) & 1 for i in range(32)], np.uint8)


def packed(*pieces):
    """Return bytes of pieces of bits, the first highest."""
    return np.packbits(np.concatenate([np.asarray(piece, np.uint8) for piece in pieces]))


def by_bits(data, pattern, first_bit=0, tolerance=0):
    """Return the places at which a pattern stands, counted bit by bit."""
    bits = np.unpackbits(data)
    if bits.size < PATTERN_BITS:
        return np.empty(0, np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(bits, PATTERN_BITS)
    places = np.flatnonzero((windows != bits_of(pattern)).sum(axis=1) <= tolerance)
    return places[places >= first_bit]


def found(data, pattern, first_bit=0, tolerance=0, room=None):
    out = np.full(8 * len(data) + 1 if room is None else room, -1)
    count = find_preambles(data, pattern, out, first_bit, tolerance)
    assert (out[count:] == -1).all()
    return out[:count]


def turned(group, way):
    """Return 4 bytes turned, by bits."""
    bits = np.unpackbits(group).reshape(4, 8)
    if way == Reversal.BITS:
        return np.packbits(bits.ravel()[::-1])
    if way == Reversal.BYTES:
        return group[::-1]
    return np.packbits(bits[:, ::-1]) if way else group


def sliced(data, bit, size, header_bytes, header, payload):
    """Return the bytes behind a bit, and how many of their bits there are, by bits."""
    bits = np.unpackbits(data)[bit : bit + 8 * size]
    groups = np.packbits(np.pad(bits, (0, 8 * size - bits.size))).reshape(-1, 4)
    ways = [header if 4 * i < header_bytes else payload for i in range(len(groups))]
    return np.concatenate([turned(g, w) for g, w in zip(groups, ways, strict=True)] or [groups.ravel()]), bits.size


def random_bytes(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


# ---- search --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", range(8))
@pytest.mark.parametrize("size", [4, 5, 63, 68, 69, 70, 255, 260, 261, 262, 517, 1400])
def test_a_pattern_is_found_at_every_byte_of_a_phase(phase, size):
    random = np.unpackbits(random_bytes(size, size))
    for byte in range(0, size - 3, 1 if size < 100 else 7):
        place = 8 * byte + phase
        if place + PATTERN_BITS > 8 * size:
            continue
        bits = random.copy()
        bits[place : place + PATTERN_BITS] = bits_of(PATTERN)
        data = np.packbits(bits)
        np.testing.assert_array_equal(found(data, PATTERN), by_bits(data, PATTERN))
        assert place in found(data, PATTERN)


@pytest.mark.parametrize("tolerance", [0, 1, 3, 31])
@pytest.mark.parametrize("pattern", [PATTERN, 0, 0xFFFF_FFFF, 0x8000_0001, 0x5555_5555, 0x00FF_00FF])
def test_overlapping_patterns_are_all_found(pattern, tolerance):
    rng = np.random.default_rng(5)
    pieces = [bits_of(pattern) if rng.random() < 0.5 else rng.integers(0, 2, rng.integers(1, 90)) for _ in range(120)]
    data = packed(*pieces)
    np.testing.assert_array_equal(found(data, pattern, tolerance=tolerance), by_bits(data, pattern, 0, tolerance))


@given(st.integers(0, 900), st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 2**16), st.booleans())
@example(size=600, pattern=0x1E1E_1E1E, tolerance=12, seed=3, periodic=True)
@settings(max_examples=150, deadline=None)
def test_any_bytes_and_patterns(size, pattern, tolerance, seed, periodic):
    rng = np.random.default_rng(seed)
    data = random_bytes(size, seed)
    if periodic:
        data[:] = np.resize(packed(bits_of(pattern), rng.integers(0, 2, rng.integers(0, 40))), size)
    first_bit = int(rng.integers(0, 8 * size + 40))
    np.testing.assert_array_equal(
        found(data, pattern, first_bit, tolerance), by_bits(data, pattern, first_bit, tolerance)
    )


@pytest.mark.parametrize("wrong", range(6))
def test_tolerance_is_a_number_of_bits(wrong):
    rng = np.random.default_rng(wrong)
    flipped = bits_of(PATTERN)
    flipped[rng.permutation(32)[:wrong]] ^= 1
    data = packed(np.zeros(1003), flipped, np.zeros(2000))
    for tolerance in range(7):
        assert (1003 in found(data, PATTERN, tolerance=tolerance)) == (wrong <= tolerance)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, 64, 5024, 10**6])
def test_a_stream_in_parts_has_the_same_patterns(chunk):
    rng = np.random.default_rng(8)
    pieces = [p for _ in range(150) for p in (rng.integers(0, 2, rng.integers(0, 700)), bits_of(PATTERN))]
    data = packed(*pieces)
    carry, places, behind, first_bit = np.empty(0, np.uint8), [], 0, 0
    for at in range(0, data.size, chunk):
        part = np.concatenate([carry, data[at : at + chunk]])
        places += (found(part, PATTERN, first_bit) + 8 * behind).tolist()
        bit = max(first_bit, 8 * part.size - 31)
        carry, behind, first_bit = part[bit // 8 :], behind + bit // 8, bit % 8
        assert carry.size <= 4
    assert places == by_bits(data, PATTERN).tolist()
    assert len(places) == 150


@pytest.mark.parametrize("room", [1, 2, 7])
def test_a_full_array_stops_the_search_and_the_next_call_goes_on(room):
    data = np.zeros(500, np.uint8)
    places, first_bit = [], 0
    while (some := found(data, 0, first_bit, room=room)).size:
        places += some.tolist()
        first_bit = places[-1] + 1
    assert places == list(range(8 * 500 - 31))


def test_nothing_is_found_in_nothing():
    for size in range(4):
        assert found(np.zeros(size, np.uint8), 0).size == 0
    assert found(np.zeros(100, np.uint8), 0, room=0).size == 0
    assert found(np.zeros(100, np.uint8), 0, first_bit=769).size == 0
    assert found(np.zeros(100, np.uint8), 0, first_bit=10**12).size == 0
    np.testing.assert_array_equal(found(np.zeros(100, np.uint8), 0, first_bit=768), [768])


def test_data_are_only_read():
    data = packed(np.zeros(13), bits_of(PATTERN), np.zeros(99))
    data.flags.writeable = False
    np.testing.assert_array_equal(found(data, PATTERN), [13])


@pytest.mark.parametrize(
    ("pattern", "first_bit", "tolerance"), [(1 << 32, 0, 0), (-1, 0, 0), (0, 0, 32), (0, 0, -1), (0, -1, 0)]
)
def test_what_cannot_be_searched_is_refused(pattern, first_bit, tolerance):
    with pytest.raises(ValueError, match="of 32 bits"):
        find_preambles(np.zeros(9, np.uint8), pattern, np.zeros(9, np.int64), first_bit, tolerance)


# ---- slices --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", WAYS)
@pytest.mark.parametrize("payload", WAYS)
@pytest.mark.parametrize("size", [0, 4, 12, 16, 44, 64, 68, 152])
def test_slices_of_every_phase_and_way(header, payload, size):
    data = random_bytes(400)
    bits = np.arange(0, 8 * 420, 13)
    for header_bytes in {0, 4, size // 8 * 4, size}:
        if header_bytes > size:
            continue
        rows = np.full((bits.size, size), 0xA5, np.uint8)
        valid = take_slices(data, bits, rows, header, header_bytes=header_bytes, payload=payload)
        expected = [sliced(data, int(bit), size, header_bytes, header, payload) for bit in bits]
        np.testing.assert_array_equal(rows, np.reshape([row for row, _ in expected], rows.shape))
        np.testing.assert_array_equal(valid, [count for _, count in expected])


@given(
    st.integers(0, 300), st.integers(0, 60), st.integers(0, 60), st.sampled_from(WAYS), st.sampled_from(WAYS),
    st.lists(st.integers(0, 2600), max_size=8), st.integers(0, 2**16),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_slices(length, header_words, payload_words, header, payload, bits, seed):
    data, size = random_bytes(length, seed), 4 * (header_words + payload_words)
    rows = np.full((len(bits), size), 0xA5, np.uint8)
    valid = take_slices(data, np.array(bits, np.int64), rows, header, header_bytes=4 * header_words, payload=payload)
    for bit, row, count in zip(bits, rows, valid, strict=True):
        expected, there = sliced(data, bit, size, 4 * header_words, header, payload)
        np.testing.assert_array_equal(row, expected)
        assert count == there


@pytest.mark.parametrize("way", WAYS)
def test_turning_again_undoes_it(way):
    data = random_bytes(640)
    once, twice = np.empty((1, 640), np.uint8), np.empty((1, 640), np.uint8)
    take_slices(data, np.array([0]), once, way)
    take_slices(once[0], np.array([0]), twice, way)
    np.testing.assert_array_equal(twice[0], data)
    assert (once[0] == data).all() == (way == Reversal.NONE)


def test_vectors_of_the_specification():
    """Sent bytes 12345678 and the 12 that follow, with no flag and with all of them."""
    data = np.frombuffer(bytes.fromhex("12345678" + "00112233445566778899aabb"), np.uint8)
    row = np.empty((1, 16), np.uint8)
    take_slices(data, np.array([0]), row)
    assert row[0, :4].view("<u4") == 0x78563412
    assert row.tobytes() == data.tobytes()
    both = Reversal.BITS | Reversal.BYTES
    take_slices(data, np.array([0]), row, both, header_bytes=4, payload=both)
    assert row[0, :4].view("<u4") == 0x1E6A2C48
    assert row[0, 4:].tobytes().hex() == "008844cc22aa66ee119955dd"


@pytest.mark.parametrize(("size", "header_bytes"), [(6, None), (8, 2), (8, 12), (8, -4)])
def test_parts_of_groups_are_refused(size, header_bytes):
    with pytest.raises(ValueError, match="are not whole groups of 4"):
        take_slices(random_bytes(99), np.array([0]), np.empty((1, size), np.uint8), header_bytes=header_bytes)


@pytest.mark.parametrize("bits", [[-1, 0], [0], [0, 1, 2]])
def test_places_that_are_none_are_refused(bits):
    with pytest.raises(ValueError, match="none of them negative"):
        take_slices(random_bytes(99), np.array(bits), np.empty((2, 8), np.uint8))
