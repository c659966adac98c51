"""The gather kernels yield what a plain reading of the format yields, and touch nothing else, whatever the bytes say.

The buffer ends, and the result begins and ends, at pages that cannot be read or written: a kernel that strays ends the
process.
"""

import ctypes
import mmap
import struct
from enum import IntEnum

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.kernels import cpu
from xjls.kernels.faults import MEANING, Fault
from xjls.kernels.gather import ANY_ID, GATHER, PLAN_COLUMNS, gather
from xjls.kernels.index import INDEX_OFFSETS, INDEX_TAG

VARIANTS = cpu.supported_variants(cpu._target_features())
TAG, META = 0x22, 0x0005
BITS = [1, 4, 8, 16, 24, 32, 64, 128, 256]
FILL = 0xA5


# --- files, written byte by byte


def chunk(first_id, bits, count, body, tag=TAG, meta=META):
    payload = struct.pack("<qIHH", first_id, count, bits, 0) + body
    return header(payload, tag, meta) + payload + bytes(-(len(payload) + 4) % 8) + crc_of(payload)


def header(payload, tag, meta):
    fields = struct.pack("<QQBBHII", 64, 0, tag, 0, meta, len(payload), 0)
    return fields + crc_of(fields)


def crc_of(data):
    return struct.pack("<I", google_crc32c.value(data))


def body_of(bits, count, seed):
    return np.random.default_rng(seed).integers(0, 256, -(-count * bits // 8), np.uint8).tobytes()


def recording(bits, counts, gap=0):
    """Bytes of a file of chunks, with `gap` bytes in between, and a plan that takes all of every chunk."""
    data, plan, dest = b"", [], 0
    for seed, count in enumerate(counts):
        plan.append([len(data), dest, 0, count, dest])
        data += chunk(dest, bits, count, body_of(bits, count, seed)) + bytes(gap)
        dest += count
    return data, np.array(plan, np.int64).reshape(-1, len(PLAN_COLUMNS))


# --- memory that ends where the arrays end


class Fenced:
    """Memory between two pages that may not be touched, filled from its end backwards."""

    def __init__(self, capacity):
        page = mmap.PAGESIZE
        inner = -(-capacity // page) * page
        self.mapping = mmap.mmap(-1, inner + 2 * page)
        bytes_ = np.frombuffer(self.mapping, np.uint8)
        libc = ctypes.CDLL(None, use_errno=True)
        for start in (0, page + inner):
            fence = ctypes.c_void_p(bytes_.ctypes.data + start)
            if libc.mprotect(fence, ctypes.c_size_t(page), 0):
                raise OSError(ctypes.get_errno(), "mprotect")
        self.inner = bytes_[page : page + inner]

    def at_end(self, size):
        self.inner[:] = FILL
        return self.inner[self.inner.size - size :]

    def at_start(self, size):
        self.inner[:] = FILL
        return self.inner[:size]

    def bytes_of(self, data):
        view = self.at_end(len(data))
        view[:] = np.frombuffer(data, np.uint8)
        view = view.view()
        view.flags.writeable = False
        return view


SOURCE, RESULT = Fenced(1 << 18), Fenced(1 << 18)


# --- the format, read plainly


def disk(length):
    return 0 if length == 0 else length + -(length + 4) % 8 + 4


def entry_bytes(bits):
    return max(bits // 8, 1)


def entries_of(body, bits, signed):
    if bits == 1:
        return np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little").tobytes()
    if bits == 4:
        values = [nibble for byte in body for nibble in (byte & 15, byte >> 4)]
        return bytes((value - 16) % 256 if signed and value > 7 else value for value in values)
    return body


def read_chunk(data, row, wanted, room):
    """Fault and entries of one row of a plan, in plain Python."""
    tag, meta, bits, signed, verify = wanted
    position, first_id, skip, take, dest = (int(number) for number in row)
    fault, payload = read_payload(data, position, tag, meta, verify)
    if fault not in (Fault.OK, Fault.PAYLOAD_CRC):
        return fault, b""
    if min(skip, take, dest) < 0 or dest + take > room:
        return Fault.OUT_OF_BOUNDS, b""
    if fault == Fault.PAYLOAD_CRC:
        return fault, b""
    timestamp, count, found_bits, _ = struct.unpack_from("<qIHH", payload)
    if found_bits != bits:
        return Fault.WRONG_SIZE, b""
    if first_id not in (ANY_ID, timestamp):
        return Fault.WRONG_ID, b""
    if skip + take > min(count, (len(payload) - 16) * 8 // bits):
        return Fault.TOO_SHORT, b""
    size = entry_bytes(bits)
    return Fault.OK, entries_of(payload[16:], bits, signed)[skip * size : (skip + take) * size]


def read_payload(data, position, tag, meta, verify):
    """Fault and payload of the chunk at a position."""
    if position < 0:
        return Fault.ABSENT, b""
    head = data[position : position + 32]
    if len(head) < 32:
        return Fault.OUT_OF_BOUNDS, b""
    _, _, found_tag, _, found_meta, length, _, crc = struct.unpack("<QQBBHIII", head)
    if verify and google_crc32c.value(head[:28]) != crc:
        return Fault.HEADER_CRC, b""
    if (found_tag, found_meta) != (tag, meta):
        return Fault.WRONG_CHUNK, b""
    following = data[position + 32 : position + 32 + disk(length)]
    if len(following) < disk(length):
        return Fault.OUT_OF_BOUNDS, b""
    if length < 16:
        return Fault.TOO_SHORT, b""
    payload = following[:length]
    damaged = verify and following[-4:] != crc_of(payload)
    return (Fault.PAYLOAD_CRC if damaged else Fault.OK), payload


def check(data, plan, wanted, room, kernels=None):
    """Gather by every variant; compare with the plain reading, and see that nothing else was written."""
    expected = [read_chunk(data, row, wanted, room) for row in plan]
    size = entry_bytes(wanted[2])
    for kernel in kernels or [GATHER[variant] for variant in VARIANTS]:
        for place in (RESULT.at_start, RESULT.at_end):
            out, fault = place(room * size), np.full(len(plan) + 1, FILL, np.uint8)
            faults = kernel(SOURCE.bytes_of(data), plan, *wanted, out, fault)
            assert [Fault(code) for code in fault[:-1]] == [code for code, _ in expected]
            assert faults == sum(code != Fault.OK for code, _ in expected)
            assert fault[-1] == FILL
            written = np.zeros(room * size, bool)
            for (code, entries), row in zip(expected, plan.tolist(), strict=True):
                if code in (Fault.OK, Fault.PAYLOAD_CRC):
                    written[row[4] * size : (row[4] + row[3]) * size] = True
                if code == Fault.OK:
                    assert out[row[4] * size : (row[4] + row[3]) * size].tobytes() == entries
            assert (out[~written] == FILL).all()
            assert (RESULT.inner == FILL).sum() >= RESULT.inner.size - written.sum()
    return [code for code, _ in expected]


# --- scenarios


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("bits", BITS)
def test_whole_chunks_of_every_size(bits, verify):
    counts = [513, 513, 513, 513, 40, 40, 40, 7, 1, 2000, 2000]
    data, plan = recording(bits, counts, gap=64)
    for signed in (False, True):
        codes = check(data, plan, (TAG, META, bits, signed, verify), sum(counts))
        assert set(codes) == {Fault.OK}


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("bits", BITS)
def test_windows_begin_and_end_anywhere(bits, verify):
    counts = [300] * 6
    data, plan = recording(bits, counts)
    for start, stop in [(0, 1800), (1, 1799), (17, 1000), (299, 301), (300, 600), (411, 411), (450, 459)]:
        part = plan[start // 300 : -(-stop // 300)].copy()
        part[:, 2] = np.maximum(start - part[:, 1], 0)
        part[:, 3] = np.minimum(stop - part[:, 1], 300) - part[:, 2]
        part[:, 4] += part[:, 2] - start
        codes = check(data, part, (TAG, META, bits, True, verify), stop - start)
        assert set(codes) <= {Fault.OK}


def test_an_empty_plan():
    data, plan = recording(32, [10])
    assert check(data, plan[:0], (TAG, META, 32, False, True), 0) == []


@pytest.mark.parametrize("take", [0, 5])
def test_nothing_taken_is_still_verified(take):
    data, plan = recording(32, [10])
    plan[0, 3] = take
    damaged = bytearray(data)
    damaged[-12] ^= 1
    assert check(bytes(damaged), plan, (TAG, META, 32, False, True), 10) == [Fault.PAYLOAD_CRC]
    assert check(bytes(damaged), plan, (TAG, META, 32, False, False), 10) == [Fault.OK]


@pytest.mark.parametrize("broken", range(7))
def test_one_damaged_payload_among_many(broken):
    data, plan = recording(32, [1000] * 7)
    damaged = bytearray(data)
    damaged[plan[broken, 0] + 48 + 1234] ^= 0x10
    codes = check(bytes(damaged), plan, (TAG, META, 32, False, True), 7000)
    assert codes == [Fault.PAYLOAD_CRC if i == broken else Fault.OK for i in range(7)]


def test_each_fault_by_its_cause():
    data, plan = recording(32, [50] * 3)
    wanted = (TAG, META, 32, False, True)

    def fault(change=None, **columns):
        bytes_, row = bytearray(data), plan[1:2].copy()
        if change is not None:
            bytes_[plan[1, 0] + change] ^= 1
        for name, value in columns.items():
            row[0, PLAN_COLUMNS.index(name)] = value
        return check(bytes(bytes_), row, wanted, 150)[0]

    assert fault() == Fault.OK
    assert fault(first_id=ANY_ID) == Fault.OK
    assert fault(position=-1) == Fault.ABSENT
    assert fault(position=len(data) - 31) == Fault.OUT_OF_BOUNDS
    assert fault(position=2**63 - 1) == Fault.OUT_OF_BOUNDS
    assert fault(dest=101) == Fault.OUT_OF_BOUNDS
    assert fault(dest=-1) == Fault.OUT_OF_BOUNDS
    assert fault(skip=-1) == Fault.OUT_OF_BOUNDS
    assert fault(take=-1) == Fault.OUT_OF_BOUNDS
    assert fault(dest=2**63 - 1) == Fault.OUT_OF_BOUNDS
    assert fault(take=2**63 - 1) == Fault.OUT_OF_BOUNDS
    assert fault(skip=2**63 - 1) == Fault.TOO_SHORT
    assert fault(skip=1) == Fault.TOO_SHORT
    assert fault(first_id=51) == Fault.WRONG_ID
    assert fault(change=20) == Fault.HEADER_CRC
    assert fault(change=28) == Fault.HEADER_CRC
    assert fault(change=32) == Fault.PAYLOAD_CRC  # the id in the file is damaged, not wrong
    assert fault(change=40) == Fault.PAYLOAD_CRC
    assert fault(change=44) == Fault.PAYLOAD_CRC
    assert fault(change=48) == Fault.PAYLOAD_CRC


def test_other_chunks_than_asked_for():
    body = body_of(32, 8, 0)
    for made, found in [
        (chunk(0, 32, 8, body, tag=TAG + 1), Fault.WRONG_CHUNK),
        (chunk(0, 32, 8, body, meta=META + 1), Fault.WRONG_CHUNK),
        (chunk(0, 64, 4, body), Fault.WRONG_SIZE),
        (chunk(0, 32, 7, body), Fault.TOO_SHORT),
        (chunk(0, 32, 9, body), Fault.OK),
        (header(b"", TAG, META), Fault.TOO_SHORT),
    ]:
        plan = np.array([[0, 0, 0, 8, 0]], np.int64)
        assert check(made, plan, (TAG, META, 32, False, True), 8) == [found]


def test_half_stored_summaries_yield_their_stored_half():
    stored = body_of(256, 10, 0)
    data = chunk(0, 256, 20, stored)
    wanted = (TAG, META, 256, False, True)
    assert check(data, np.array([[0, 0, 3, 7, 0]], np.int64), wanted, 7) == [Fault.OK]
    assert check(data, np.array([[0, 0, 3, 8, 0]], np.int64), wanted, 8) == [Fault.TOO_SHORT]


def test_a_file_cut_anywhere():
    data, plan = recording(16, [100, 100, 100])
    for size in range(len(data)):
        codes = check(data[:size], plan, (TAG, META, 16, False, True), 300, [gather])
        whole = [code == Fault.OK for code in codes]
        assert whole == [position + 256 <= size for position in plan[:, 0].tolist()]


def test_any_bit_flipped():
    data, plan = recording(4, [60, 60, 60])
    for bit in range(8 * (32 + disk(46))):
        damaged = bytearray(data)
        damaged[plan[1, 0] + bit // 8] ^= 1 << bit % 8
        codes = check(bytes(damaged), plan, (TAG, META, 4, False, True), 180, [gather])
        in_pad = 32 + 46 <= bit // 8 < 32 + disk(46) - 4
        assert [code == Fault.OK for code in codes] == [True, in_pad, True]


@pytest.mark.parametrize(
    ("columns", "faults", "bits", "problem"),
    [
        (4, 3, 32, "plan must have five columns"),
        (5, 2, 32, "fault a place for each"),
        (5, 3, 0, "bits must be"),
        (5, 3, 12, "bits must be"),
        (5, 3, 264, "bits must be"),
        (5, 3, -8, "bits must be"),
    ],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_arguments_that_do_not_fit_are_refused(variant, columns, faults, bits, problem):
    plan, fault = np.zeros((3, columns), np.int64), np.zeros(faults, np.uint8)
    with pytest.raises(ValueError, match=problem):
        GATHER[variant](SOURCE.bytes_of(b""), plan, TAG, META, bits, False, True, np.empty(8, np.uint8), fault)


def test_one_compiled_kernel_serves_every_kind_of_argument():
    data, plan = recording(32, [10])
    out, fault = np.empty(40, np.uint8), np.empty(1, np.uint8)
    writable = np.frombuffer(bytearray(data), np.uint8)
    frozen = plan.copy()
    frozen.flags.writeable = False
    for buffer, rows, tag, bits in [
        (SOURCE.bytes_of(data), plan, TAG, 32),
        (writable, frozen, IntEnum("Tag", {"DATA": TAG}).DATA, np.uint16(32)),
    ]:
        assert gather(buffer, rows, tag, META, bits, 0, np.True_, out, fault) == 0
    assert len(gather.signatures) == 1


def test_other_types_of_arguments_are_refused():
    data, plan = recording(32, [10])
    fault, frozen = np.empty(1, np.uint8), np.zeros(40, np.uint8)
    frozen.flags.writeable = False
    buffer = SOURCE.bytes_of(data)
    for rows, out in [(plan.astype(np.int32), np.empty(40, np.uint8)), (plan, np.empty(10, "f4")), (plan, frozen)]:
        with pytest.raises(TypeError, match="No matching definition"):
            gather(buffer, rows, TAG, META, 32, False, True, out, fault)


def test_every_fault_has_a_meaning():
    assert set(MEANING) == set(Fault)


# --- whatever the bytes and the plan say

NEAR = st.integers(-40, 1500)
FAR = st.sampled_from([ANY_ID, -(2**62), 2**31, 2**32, 2**62, 2**63 - 1, 2**63 - 60])


@st.composite
def damaged_recordings(draw):
    bits = draw(st.sampled_from(BITS))
    counts = draw(st.lists(st.one_of(st.integers(0, 90), st.just(64)), min_size=1, max_size=7))
    data, plan = recording(bits, counts)
    damaged = bytearray(data)
    for place, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        damaged[place] = value
    for position in draw(st.lists(st.sampled_from(plan[:, 0].tolist()), max_size=2)):
        length = draw(st.one_of(st.integers(0, 600), st.sampled_from([2**31, 2**32 - 1, 2**32 - 48])))
        damaged[position + 20 : position + 24] = struct.pack("<I", length)
        if draw(st.booleans()):
            damaged[position + 28 : position + 32] = crc_of(bytes(damaged[position : position + 28]))
    return (
        bytes(damaged[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else damaged),
        plan,
        bits,
        sum(counts),
    )


@settings(deadline=None, max_examples=200)
@given(made=damaged_recordings(), signed=st.booleans(), verify=st.booleans(), order=st.randoms(use_true_random=False))
def test_damaged_bytes_yield_faults_and_nothing_else(made, signed, verify, order):
    data, plan, bits, room = made
    rows = list(range(len(plan)))
    order.shuffle(rows)
    check(data, np.ascontiguousarray(plan[rows]), (TAG, META, bits, signed, verify), room)


@settings(deadline=None, max_examples=200)
@given(
    made=damaged_recordings(),
    changes=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.one_of(NEAR, FAR)), max_size=6),
    verify=st.booleans(),
    room=st.integers(0, 500),
)
def test_senseless_plans_stay_within_bounds(made, changes, verify, room):
    data, plan, bits, _ = made
    for row, column, value in changes:
        plan[row % len(plan), column] = value
    for variant in VARIANTS:
        for place in (RESULT.at_start, RESULT.at_end):
            out, fault = place(room * entry_bytes(bits)), np.full(len(plan), FILL, np.uint8)
            GATHER[variant](SOURCE.bytes_of(data), plan, TAG, META, bits, False, verify, out, fault)
            expected = [read_chunk(data, row, (TAG, META, bits, False, verify), room)[0] for row in plan]
            assert fault.tolist() == expected
            outside = RESULT.inner.size - out.size
            rest = RESULT.inner[out.size :] if place == RESULT.at_start else RESULT.inner[:outside]
            assert (rest == FILL).all()


# --- INDEX chunks


def index_chunk(offsets, count=None, level=1, bits=64):
    body = np.array(offsets, np.int64).tobytes()
    return chunk(0, bits, len(offsets) if count is None else count, body, INDEX_TAG, level << 12 | META)


@pytest.fixture
def indexes():
    """Bytes of INDEX chunks, and for each: position, fault, the offsets that a reader with room for four sees."""
    cases = [
        (index_chunk([10, 20, 30, 40]), Fault.OK, [10, 20, 30, 40]),
        (index_chunk([0, 7]), Fault.OK, [0, 7, -1, -1]),
        (index_chunk([]), Fault.OK, [-1] * 4),
        (index_chunk([5, -9, -1]), Fault.OK, [5, -1, -1, -1]),
        (index_chunk([1, 2, 3, 4, 5]), Fault.WRONG_SIZE, [-1] * 4),
        (index_chunk([1, 2], count=2**32 - 1), Fault.OK, [1, 2, -1, -1]),
        (index_chunk([1, 2, 3], count=1), Fault.OK, [1, -1, -1, -1]),
        (index_chunk([1], level=2), Fault.WRONG_CHUNK, [-1] * 4),
        (index_chunk([1], bits=128), Fault.WRONG_SIZE, [-1] * 4),
        (index_chunk([1, 2])[:-9] + b"x" + index_chunk([1, 2])[-8:], Fault.PAYLOAD_CRC, [-1] * 4),
        (b"x" + index_chunk([1])[1:], Fault.HEADER_CRC, [-1] * 4),
        (index_chunk([1, 2])[:-1], Fault.OUT_OF_BOUNDS, [-1] * 4),
    ]
    sizes = [len(data) for data, _, _ in cases]
    positions = np.cumsum([0, *sizes[:-1]])
    rows = [(position, fault, offsets) for position, (_, fault, offsets) in zip(positions.tolist(), cases, strict=True)]
    return b"".join(data for data, _, _ in cases), [*rows, (-1, Fault.ABSENT, [-1] * 4)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_offsets_of_many_index_chunks(variant, indexes):
    data, rows = indexes
    positions = np.array([position for position, _, _ in rows], np.int64)
    out, fault = np.full(4 * len(rows) + 1, 99, np.int64), np.full(len(rows), FILL, np.uint8)
    faults = INDEX_OFFSETS[variant](SOURCE.bytes_of(data), positions, 1 << 12 | META, 4, out, True, fault)
    assert fault.tolist() == [code for _, code, _ in rows]
    assert faults == sum(code != Fault.OK for _, code, _ in rows)
    assert out[:-1].reshape(-1, 4).tolist() == [offsets for _, _, offsets in rows]
    assert out[-1] == 99


@pytest.mark.parametrize("variant", VARIANTS)
def test_unverified_offsets(variant, indexes):
    data, rows = indexes
    positions = np.array([position for position, _, _ in rows], np.int64)
    out, fault = np.full(4 * len(rows), 99, np.int64), np.full(len(rows), FILL, np.uint8)
    INDEX_OFFSETS[variant](SOURCE.bytes_of(data), positions, 1 << 12 | META, 4, out, False, fault)
    trusted = {Fault.PAYLOAD_CRC: Fault.OK, Fault.HEADER_CRC: Fault.OK}
    assert fault.tolist() == [trusted.get(code, code) for _, code, _ in rows]


@pytest.mark.parametrize("variant", VARIANTS)
def test_index_arrays_that_are_too_small_are_refused(variant):
    positions = np.zeros(3, np.int64)
    for capacity, room, faults in [(4, 11, 3), (4, 12, 2), (-1, 12, 3), (2**62, 12, 3)]:
        with pytest.raises(ValueError, match="capacity places for each position"):
            INDEX_OFFSETS[variant](
                SOURCE.bytes_of(b""), positions, 0, capacity, np.zeros(room, np.int64), True, np.zeros(faults, np.uint8)
            )


@settings(deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), max_size=5),
    positions=st.lists(st.one_of(NEAR, FAR), max_size=5),
    capacity=st.integers(0, 6),
    verify=st.booleans(),
)
def test_damaged_index_chunks_stay_within_bounds(places, positions, capacity, verify):
    data = bytearray(index_chunk([1, 2, 3]) + index_chunk([4] * 10))
    for place, value in places:
        data[place % len(data)] = value
    positions = np.array([0, 80, *positions], np.int64)
    for variant in VARIANTS:
        out, fault = np.full(len(positions) * capacity + 2, 99, np.int64), np.full(len(positions), FILL, np.uint8)
        buffer = SOURCE.bytes_of(bytes(data))
        INDEX_OFFSETS[variant](buffer, positions, 1 << 12 | META, capacity, out[1:-1], verify, fault)
        assert out[[0, -1]].tolist() == [99, 99]
        assert (out[1:-1] >= -1).all()
