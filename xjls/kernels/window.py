"""A window of samples in one call: what `gather` does, with the plan made inside.

``read_window(buffer, at, facts, first, start, stop, verify, out, fault) -> int``

Every chunk of a signal but the last holds equally many samples, so that a window's plan follows from a few numbers. To
make it here keeps Python out of it: a window of a hundred samples costs as much as the call.

buffer, out, fault
    As of `xjls.kernels.gather`.
at
    Int64, shape (n,), contiguous: byte offsets in the buffer of the chunks from number ``first`` on; negative where
    there is none.
facts
    Int64, shape (6,), see `FACTS`.
first
    Number of the first chunk of ``at``, counted from the signal's first one.
start, stop
    The window: samples counted from the signal's first one. It must lie within the n chunks, and ``out`` holds it.
verify
    Whether to compare both CRCs of every chunk with its bytes.

Returns the number of chunks with a fault; ``fault[i]`` is chunk ``first + i``. Raises `ValueError` when the window is
not within the chunks. Releases the GIL.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels import fold512, slicing
from xjls.kernels.cpu import CrcVariant, crc_variant
from xjls.kernels.gather import Wanted, area_of, by_threes, one_by_one
from xjls.kernels.jit import BYTES, READ_BYTES, READ_INTEGERS, kernel_for, part

__all__ = ["FACTS", "READ_WINDOW", "read_window"]

FACTS = ("tag", "meta", "bits", "signed", "samples of a chunk", "id of the signal's first sample")
"""What ``facts`` holds: all that stays the same from one window of a signal to the next."""

_TAG, _META, _BITS, _SIGNED, _SAMPLES, _FIRST_ID = range(6)

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


@part
def _plan(positions: Ints, facts: Ints, first: int, start: int, stop: int) -> Ints:
    """Return the plan of a window: a row a chunk, see `xjls.kernels.gather.PLAN_COLUMNS`."""
    samples, count = facts[_SAMPLES], positions.size
    if count < 1 or start < first * samples or stop < start or stop > (first + count) * samples:
        raise ValueError("the window is not within the chunks")
    plan = np.empty((count, 5), np.int64)
    for i in range(count):
        begin = (first + i) * samples
        low, high = max(start, begin), min(stop, begin + samples)
        plan[i, 0] = positions[i]
        plan[i, 1] = facts[_FIRST_ID] + begin
        plan[i, 2] = low - begin
        plan[i, 3] = high - low
        plan[i, 4] = low - start
    return plan


@part
def _wanted(facts: Ints, verify: bool) -> Wanted:
    return Wanted(facts[_TAG], facts[_META], facts[_BITS], facts[_SIGNED] != 0, verify)


_window_kernel = kernel_for(
    *(READ_BYTES, READ_INTEGERS, READ_INTEGERS, types.int64, types.int64, types.int64, types.boolean, BYTES, BYTES)
)


@_window_kernel
def _window_fold512(
    buffer: Bytes, at: Ints, facts: Ints, first: int, start: int, stop: int, verify: bool, out: Bytes, fault: Bytes
) -> int:
    plan = _plan(at, facts, first, start, stop)
    area = area_of(buffer, plan, facts[_BITS], out, fault)
    return one_by_one(fold512.update, fold512.update_copy, area, plan, _wanted(facts, verify), fault)


@_window_kernel
def _window_crc32q(
    buffer: Bytes, at: Ints, facts: Ints, first: int, start: int, stop: int, verify: bool, out: Bytes, fault: Bytes
) -> int:
    plan = _plan(at, facts, first, start, stop)
    return by_threes(area_of(buffer, plan, facts[_BITS], out, fault), plan, _wanted(facts, verify), fault)


@_window_kernel
def _window_portable(
    buffer: Bytes, at: Ints, facts: Ints, first: int, start: int, stop: int, verify: bool, out: Bytes, fault: Bytes
) -> int:
    plan = _plan(at, facts, first, start, stop)
    area = area_of(buffer, plan, facts[_BITS], out, fault)
    return one_by_one(slicing.update, slicing.update_copy, area, plan, _wanted(facts, verify), fault)


READ_WINDOW = {
    CrcVariant.FOLD512: _window_fold512,
    CrcVariant.CRC32Q: _window_crc32q,
    CrcVariant.PORTABLE: _window_portable,
}
"""The kernel of each variant; calling one that the processor lacks ends the process."""

read_window = READ_WINDOW[crc_variant()]
"""The kernel of this processor's variant: see the module's docstring."""
