"""Which headers can be believed: a header on its own, and what the other headers of the stream say.

Counters need not begin together: the device's count of buffers is off by a constant in some recordings, and from one
stretch to the next where it was started again. So a constant is taken as right that most headers have, or that a run of
them has which is longer than chance or one broken frame would make it.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.miniscope.header_format import HeaderFlag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.fields import Columns, Words
    from xjls.formats.miniscope.header_format import HeaderFormat

__all__ = ["BufferFlag", "check_headers", "check_numbers", "run_length", "signed_step"]

_MASK, _HALF = 0xFFFF_FFFF, 1 << 31
_ROWS = 1 << 16
_RUN = 8
"""Headers that a stretch of its own has at least, however few buffers frames have."""
_ABSENT_BUFFERS = 800_000
"""Buffers that may be missing, whatever there is: of each there is a place in a table."""
_BUFFERS_EACH = 512
"""Buffers that may be missing for each that is there."""


class BufferFlag(IntFlag):
    """What is wrong with a buffer beyond what `HeaderFlag` says of headers.

    Examples
    --------
    >>> BufferFlag(64)
    <BufferFlag.CUT_OFF: 64>
    """

    CUT_OFF = 64
    """Data end inside its header."""
    FAR = 128
    """Its frame is so far from the others that its number must be wrong."""


def check_headers(
    format: HeaderFormat, words: Words, columns: Columns, sizes: NDArray[np.int64], ring: int,  # noqa: A002  # as everywhere in this room
    is_cut: NDArray[np.bool_],
) -> NDArray[np.uint8]:  # fmt: skip
    """Return what is wrong with each header, u8[buffer]: `HeaderFlag` and `BufferFlag`.

    Parameters
    ----------
    format, words, columns
        Headers, and what they say.
    sizes
        Bytes of pixels in each buffer of a frame, i64[slot].
    ring
        Buffers in the instrument's ring; 0: not known. Where most headers contradict it, they do not tell of a ring.
    is_cut
        Which headers data end in.
    """
    flags = np.zeros(len(words), np.uint8)
    for first in range(0, len(words), _ROWS):
        some = slice(first, first + _ROWS)
        held = {name: column[some] for name, column in columns.items()}
        flags[some] = format.check(words[some], held, pixel_counts=sizes.tolist())
    flags &= np.uint8(0xFF & ~HeaderFlag.COUNTERS)
    flags[is_cut] = BufferFlag.CUT_OFF
    if {"frame_num", "buffer_count", "frame_buffer_count"} <= columns.keys():
        _check_counters(columns, len(sizes), flags)
    if ring and {"linked_list", "buffer_count"} <= columns.keys():
        _check_ring(columns, ring, flags)
    if "frame_num" in columns:
        far = check_numbers(columns["frame_num"], flags == 0, len(sizes))
        flags[far] |= np.uint8(BufferFlag.FAR)
    return flags


def check_numbers(frame_num: NDArray[Any], good: NDArray[np.bool_], n_slots: int = 1) -> NDArray[np.bool_]:
    """Return of which good headers the frame is too far from most others, bool[buffer]."""
    wrong = np.zeros(len(good), np.bool_)
    numbers = unwrapped(frame_num[good])
    if not numbers.size:
        return wrong
    ordered = np.sort(numbers)
    span = (_ABSENT_BUFFERS + _BUFFERS_EACH * len(ordered)) // n_slots + 1
    within = np.searchsorted(ordered, ordered + span) - np.arange(len(ordered))
    low = ordered[within.argmax()]
    wrong[good] = (numbers < low) | (numbers >= low + span)
    return wrong


def unwrapped(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return counts modulo 2**32 on one axis, i64: each in the half of it that is nearest to the median.

    Examples
    --------
    >>> unwrapped(np.array([2**32 - 2, 2**32 - 1, 0], np.uint32))
    array([4294967294, 4294967295, 4294967296])
    """
    numbers = counts.astype(np.int64) & _MASK
    if not numbers.size:
        return numbers
    middle = np.partition(numbers, len(numbers) // 2)[len(numbers) // 2]
    axis: NDArray[np.int64] = middle + ((numbers - middle + _HALF) & _MASK) - _HALF
    return axis if axis.min() >= 0 else axis + (1 << 32)


def signed_step(step: int) -> int:
    """Return a step of counters modulo 2**32, the shorter way round.

    Examples
    --------
    >>> signed_step(3 - (2**32 - 1))
    4
    """
    return ((step + _HALF) & _MASK) - _HALF


def run_length(n_slots: int) -> int:
    """Return how many headers in a row make a stretch of their own, by how many buffers a frame has.

    Examples
    --------
    >>> run_length(8)
    25
    """
    return max(3 * n_slots + 1, _RUN)


def _check_counters(columns: Columns, n_slots: int, flags: NDArray[np.uint8]) -> None:
    """Mark headers whose count of buffers is not that of their frame and slot, off by a constant."""
    candidates = np.flatnonzero(flags == 0)
    if not candidates.size:
        return
    frame, count, slot = (
        columns[name].astype(np.int64) for name in ("frame_num", "buffer_count", "frame_buffer_count")
    )
    offset = (count - frame * n_slots - slot) & _MASK
    lost = columns.get("dropped_buffer_count")
    readings = [offset] if lost is None else [offset, (offset + lost.astype(np.int64)) & _MASK]
    right = max((_agreeing(each[candidates], n_slots) for each in readings), key=np.count_nonzero)
    flags[candidates[~right]] |= np.uint8(HeaderFlag.COUNTERS)


def _agreeing(offset: NDArray[np.int64], n_slots: int) -> NDArray[np.bool_]:
    """Return which headers have the most frequent offset, or are of a long run with one offset."""
    values, counts = np.unique(offset, return_counts=True)
    right = np.asarray(offset == values[counts.argmax()])
    edges = np.flatnonzero(np.diff(offset)) + 1
    starts, stops = np.concatenate([[0], edges]), np.concatenate([edges, [len(offset)]])
    is_long = stops - starts >= run_length(n_slots)
    trusted = np.unique(offset[starts[is_long]])
    return np.asarray(right | np.isin(offset, trusted))


def is_nearly_all(count: int, of: int) -> bool:
    """Tell whether so many agree that the others must be wrong: a ring of half the true size fits half of all headers.

    Examples
    --------
    >>> is_nearly_all(9, 10), is_nearly_all(5, 8)
    (True, False)
    """
    return 5 * count >= 4 * of


def _check_ring(columns: Columns, ring: int, flags: NDArray[np.uint8]) -> None:
    """Mark headers whose slot of the ring is not that of their count, off by a constant."""
    candidates = np.flatnonzero(flags == 0)
    slot, count = (columns[name][candidates].astype(np.int64) for name in ("linked_list", "buffer_count"))
    inside = slot < ring
    if 2 * np.count_nonzero(inside) <= len(candidates):
        return
    offset = (slot - count) % ring
    values, counts = np.unique(offset[inside], return_counts=True)
    right = inside & (offset == values[counts.argmax()])
    if is_nearly_all(int(np.count_nonzero(right)), len(candidates)):
        flags[candidates[~right]] |= np.uint8(HeaderFlag.RING)
