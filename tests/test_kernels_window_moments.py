"""What is reduced in the file equals what NumPy says of the samples, of every type, and damage is named and lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.kernels import cpu
from xjls.kernels.faults import Fault
from xjls.kernels.moments import merge_rows, moments
from xjls.kernels.window_moments import window_reducer
from xjls.testing.jls2 import SAMPLE_TYPES, Fsr, Source, chunks_of, encode

VARIANTS = cpu.supported_variants(cpu._target_features())
FSR_DATA = 0x22
LENGTH = 9001
FIRST_ID = 77
KINDS = ["u1", "u4", "i4", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"]


def samples_of(name):
    rng = np.random.default_rng(3)
    kind = SAMPLE_TYPES[name]
    if name[0] == "f":
        samples = rng.normal(3, 2, LENGTH).astype(kind.numpy_dtype)
        samples[1000:1100] = np.nan
        samples[4097] = np.inf
        return samples
    bits, signed = kind.bits, name[0] == "i"
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return rng.integers(low, high, LENGTH, np.int64 if signed else np.uint64, endpoint=True).astype(kind.numpy_dtype)


class File:
    """A file of one signal, and the arguments of the kernel."""

    def __init__(self, name):
        self.samples = samples_of(name)
        kind = SAMPLE_TYPES[name]
        signal = Fsr("x", self.samples, dtype=name, rate_hz=1000, first_id=FIRST_ID, samples_per_data=1024,
                     sample_decimate=128)  # fmt: skip
        self.data = encode([Source("s")], [signal])
        self.chunks = [chunk for chunk in chunks_of(self.data) if chunk.tag == FSR_DATA]
        self.positions = np.array([chunk.offset for chunk in self.chunks], np.int64)
        first = self.chunks[0].payload
        self.size = (first.stop - first.start - 16) * 8 // kind.bits
        self.facts = np.array([FSR_DATA, self.chunks[0].meta, kind.bits, name == "i4", self.size, FIRST_ID], np.int64)
        self.dtype = np.dtype("?") if name == "u1" else self.samples.dtype

    def reduce(self, start, stop, *, variant=None, verify=True, data=None, positions=None):
        first, last = start // self.size, max(-(-stop // self.size), start // self.size + 1)
        rows, fault = np.full((last - first, 6), 77.0), np.full(last - first, 99, np.uint8)
        at = (self.positions if positions is None else positions)[first:last]
        buffer = np.frombuffer(self.data if data is None else data, np.uint8)
        kernel = window_reducer(self.dtype, variant)
        faults = kernel(buffer, at, self.facts, first, start, stop, verify, rows, fault)
        assert faults == np.count_nonzero(fault)
        return rows, fault


FILES = {}


def file_of(name):
    if name not in FILES:
        FILES[name] = File(name)
    return FILES[name]


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("name", KINDS)
@settings(deadline=None, max_examples=30)
@given(edges=st.lists(st.integers(0, LENGTH), min_size=2, max_size=2, unique=True))
def test_a_row_for_each_chunk_of_a_window_of_every_type(name, verify, edges):
    file = file_of(name)
    start, stop = sorted(edges)
    rows, fault = file.reduce(start, stop, verify=verify)
    assert not fault.any()
    first = start // file.size
    for i, row in enumerate(rows):
        begin = (first + i) * file.size
        held = file.samples[max(start, begin) : min(stop, begin + file.size)]
        expected = moments(held)
        cancelled = 4 * np.finfo(float).eps * max(abs(expected[4]), abs(expected[5]))
        np.testing.assert_allclose(np.delete(row, 2), np.delete(expected, 2), rtol=1e-13)
        np.testing.assert_allclose(row[2], expected[2], rtol=1e-13, atol=cancelled if np.isfinite(cancelled) else 0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_gives_the_same(variant):
    file = file_of("f32")
    rows, fault = file.reduce(10, 9000, variant=variant)
    assert not fault.any()
    np.testing.assert_allclose(merge_rows(rows), moments(file.samples[10:9000]), rtol=1e-13)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_absent_or_damaged_is_named_and_lost_and_its_neighbours_are_right(variant):
    file = file_of("f32")
    positions = file.positions.copy()
    positions[3] = -1
    damaged = bytearray(file.data)
    damaged[file.chunks[5].payload.start + 20] ^= 1
    rows, fault = file.reduce(0, LENGTH, variant=variant, data=bytes(damaged), positions=positions)
    assert {int(i): Fault(int(fault[i])) for i in np.flatnonzero(fault)} == {3: Fault.ABSENT, 5: Fault.PAYLOAD_CRC}
    lost = [0] * len(rows)
    lost[3] = lost[5] = file.size
    assert rows[:, 1].tolist() == lost
    assert rows[[3, 5], 0].tolist() == [0, 0]
    assert np.isnan(rows[[3, 5], 2:]).all()
    right = np.ones(LENGTH, bool)
    for chunk in (3, 5):
        right[chunk * file.size : (chunk + 1) * file.size] = False
    np.testing.assert_allclose(merge_rows(rows)[2:], moments(file.samples[right])[2:], rtol=1e-12)


def test_unverified_bytes_are_taken_as_they_are():
    file = file_of("u8")
    damaged = bytearray(file.data)
    damaged[file.chunks[0].payload.start + 16] ^= 0xFF
    rows, fault = file.reduce(0, 1, verify=False, data=bytes(damaged))
    assert not fault.any()
    assert rows[0, 2] == 255 - file.samples[0]


def test_a_header_that_lies_about_its_chunk_is_named():
    file = file_of("f32")
    other = file.facts.copy()
    for column, value, meant in ((1, 999, Fault.WRONG_CHUNK), (5, 0, Fault.WRONG_ID), (2, 64, Fault.WRONG_SIZE)):
        facts = other.copy()
        facts[column] = value
        rows, fault = np.empty((1, 6)), np.empty(1, np.uint8)
        kernel = window_reducer(np.dtype("f8" if column == 2 else "f4"))
        at, buffer = file.positions[:1], np.frombuffer(file.data, np.uint8)
        assert kernel(buffer, at, facts, 0, 0, 10, True, rows, fault) == 1
        assert Fault(int(fault[0])) is meant
        assert rows[0, :2].tolist() == [0, 10]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("first", "start", "stop"), [(0, -1, 5), (1, 5, 40), (0, 9, 8), (0, 0, LENGTH + 2000)])
def test_a_window_outside_its_chunks_is_refused(variant, first, start, stop):
    file = file_of("f32")
    rows, fault = np.empty((len(file.positions), 6)), np.empty(len(file.positions), np.uint8)
    buffer = np.frombuffer(file.data, np.uint8)
    with pytest.raises(ValueError, match="not within the chunks"):
        window_reducer(file.dtype, variant)(buffer, file.positions, file.facts, first, start, stop, True, rows, fault)


@pytest.mark.parametrize(
    ("dtype", "room", "problem"),
    [("f8", 20, "another size"), ("u1", 20, "another size"), ("f4", 1, "a place for each")],
)
def test_arrays_that_do_not_fit_are_refused(dtype, room, problem):
    file = file_of("f32")
    rows, fault = np.empty((room, 6)), np.empty(room, np.uint8)
    buffer = np.frombuffer(file.data, np.uint8)
    with pytest.raises(ValueError, match=problem):
        window_reducer(np.dtype(dtype))(buffer, file.positions, file.facts, 0, 0, LENGTH, True, rows, fault)
