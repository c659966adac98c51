"""Unpacking agrees with numpy, wherever the first sample stands in its byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xjls.kernels.unpack import unpack_u1, unpack_u4

GUARD = 0xA5
PACKED = np.random.default_rng(0).integers(0, 256, 4096, dtype=np.uint8)


def samples_u1(packed):
    return np.unpackbits(packed, bitorder="little")


def samples_u4(packed):
    return np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)


def samples_i4(packed):
    unsigned = samples_u4(packed).astype(np.int8)
    return np.where(unsigned > 7, unsigned - 16, unsigned).astype(np.int8).view(np.uint8)


KERNELS = {
    "u1": (unpack_u1, samples_u1),
    "u4": (lambda packed, skip, take, out: unpack_u4(packed, skip, take, False, out), samples_u4),
    "i4": (lambda packed, skip, take, out: unpack_u4(packed, skip, take, True, out), samples_i4),
}


@pytest.fixture(params=KERNELS)
def kernel(request):
    return KERNELS[request.param]


def check(kernel, packed, skip, take):
    unpack, samples = kernel
    guarded = np.full(take + 128, GUARD, np.uint8)
    unpack(packed, skip, take, guarded[64 : 64 + take])
    assert np.array_equal(guarded[64 : 64 + take], samples(packed)[skip : skip + take])
    assert (guarded[:64] == GUARD).all()
    assert (guarded[64 + take :] == GUARD).all()


def test_every_skip_and_take_around_a_step(kernel):
    for skip in range(18):
        for take in range(300):
            check(kernel, PACKED[:64], skip, min(take, 2 * 64 - skip))


def test_whole_arrays(kernel):
    check(kernel, PACKED, 0, kernel[1](PACKED).size)


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(KERNELS)),
    size=st.integers(0, 500),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_any_window(name, size, cut):
    packed = PACKED[:size]
    available = KERNELS[name][1](packed).size
    start, stop = sorted(int(part * available) for part in cut)
    check(KERNELS[name], packed, start, stop - start)


@pytest.mark.parametrize(
    ("skip", "take", "room"),
    [(-1, 1, 1), (0, -1, 9), (0, 200, 200), (2**62, 2**62, 9), (2**63 - 1, 2**63 - 1, 9), (0, 8, 7)],
)
def test_samples_that_do_not_exist_or_fit_are_refused(kernel, skip, take, room):
    with pytest.raises(ValueError, match="must lie within packed and fit in out"):
        kernel[0](PACKED[:8], skip, take, np.empty(room, np.uint8))
