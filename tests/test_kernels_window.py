"""The window kernel: the plan it makes is the one that NumPy would make, and it goes through `gather`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.kernels import cpu
from xjls.kernels.faults import Fault
from xjls.kernels.window import READ_WINDOW
from xjls.testing.jls2 import Fsr, Source, chunks_of, encode

VARIANTS = cpu.supported_variants(cpu._target_features())
FSR_DATA = 0x22
LENGTH = 1000
SAMPLES = np.arange(LENGTH, dtype="f4")
DATA = encode(
    [Source("s")],
    [Fsr("x", SAMPLES, dtype="f32", rate_hz=1000, first_id=77, samples_per_data=32, sample_decimate=16)],
)
CHUNKS = [chunk for chunk in chunks_of(DATA) if chunk.tag == FSR_DATA]
META = CHUNKS[0].meta
SIZE = (CHUNKS[0].payload.stop - CHUNKS[0].payload.start - 16) // 4
POSITIONS = np.array([chunk.offset for chunk in CHUNKS], np.int64)
FACTS = np.array([FSR_DATA, META, 32, 0, SIZE, 77], np.int64)
BUFFER = np.frombuffer(DATA, np.uint8)


def read(kernel, start, stop, positions=POSITIONS, *, buffer=BUFFER):
    first, last = start // SIZE, (stop - 1) // SIZE + 1
    out, fault = np.full(stop - start, -1, "f4"), np.full(last - first, 99, np.uint8)
    faults = kernel(buffer, positions[first:last], FACTS, first, start, stop, True, out.view(np.uint8), fault)
    assert faults == np.count_nonzero(fault)
    return out, fault


@pytest.mark.parametrize("variant", VARIANTS)
@settings(deadline=None)
@given(st.lists(st.integers(0, LENGTH), min_size=2, max_size=2, unique=True))
def test_a_window_holds_its_samples(variant, edges):
    start, stop = sorted(edges)
    out, fault = read(READ_WINDOW[variant], start, stop)
    assert not fault.any()
    np.testing.assert_array_equal(out, SAMPLES[start:stop])


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_absent_and_a_damaged_chunk_are_named_and_their_neighbours_right(variant):
    positions = POSITIONS.copy()
    positions[3] = -1
    damaged = bytearray(DATA)
    damaged[CHUNKS[5].payload.start + 20] ^= 1
    out, fault = read(READ_WINDOW[variant], 0, LENGTH, positions, buffer=np.frombuffer(bytes(damaged), np.uint8))
    assert {int(i): Fault(int(fault[i])) for i in np.flatnonzero(fault)} == {3: Fault.ABSENT, 5: Fault.PAYLOAD_CRC}
    right = np.ones(LENGTH, bool)
    for chunk in (3, 5):
        right[chunk * SIZE : (chunk + 1) * SIZE] = False
    np.testing.assert_array_equal(out[right], SAMPLES[right])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("first", "start", "stop"), [(0, -1, 5), (1, 5, 40), (0, 9, 8), (0, 0, LENGTH + 100)])
def test_a_window_outside_its_chunks_is_refused(variant, first, start, stop):
    out, fault = np.empty(max(stop - start, 1), "f4"), np.empty(len(POSITIONS), np.uint8)
    with pytest.raises(ValueError, match="not within the chunks"):
        READ_WINDOW[variant](BUFFER, POSITIONS, FACTS, first, start, stop, True, out.view(np.uint8), fault)
