"""Bytes of a stream -> the table of its buffers: where each begins, the words of its header, what is wrong with it.

Every buffer is taken for as long as the configuration says, not up to the next preamble: a preamble among pixels, or a
broken one, then costs no other buffer than its own. Nothing is repaired; what cannot be believed is in the table with
the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.miniscope.checks import check_headers
from xjls.formats.miniscope.fields import Columns, Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.miniscope.config import StreamConfig
    from xjls.formats.miniscope.header_format import HeaderFormat
    from xjls.formats.miniscope.shape import FrameShape

__all__ = ["CHUNK_BYTES", "Buffers", "ByteSource", "find_buffers"]

CHUNK_BYTES = 1 << 21
"""Bytes of a stream that are looked at together."""
_PREAMBLE_BITS = 32
_SPARE_PREAMBLES = 1 << 16


class ByteSource(Protocol):
    """Bytes that are read by slices: an array, a mapping of a file, or whatever reads pieces of one."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, place: slice, /) -> NDArray[np.uint8]:
        """Return some of them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Buffers:
    """Buffers in the order of the stream, those that cannot be believed among them."""

    shape: FrameShape
    format: HeaderFormat
    bit_offset: NDArray[np.int64]
    """Of the preamble of each, or of its header where there are none, i64[buffer]."""
    words: Words
    """Headers as the device has them in memory, u32[buffer, word]; 0 where data end inside one."""
    columns: Columns
    """What the headers say, by name, [buffer] each."""
    flags: NDArray[np.uint8]
    """What is wrong with each: `HeaderFlag`, and `xjls.formats.miniscope.checks.BufferFlag`; 0: nothing."""
    payload_bit: int
    """Bits from the beginning of a buffer to its pixels."""
    payload_reversal: int = 0
    """How groups of 4 bytes of pixels are turned: a `xjls.kernels.bitstream.Reversal`."""
    n_bytes: int
    """Of the data."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.bit_offset)

    @property
    def header_ok(self) -> NDArray[np.bool_]:
        """Which headers can be believed, bool[buffer]."""
        found: NDArray[np.bool_] = self.flags == 0
        return found

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Of which buffers that can be believed all pixels are there, bool[buffer]."""
        good = self.header_ok
        sizes = self.shape.sizes
        if self.payload_reversal in (1, 2):
            sizes = -(-sizes // 4) * 4  # the last byte of a group comes first
        needed = np.full(len(self), self.shape.payload_bytes, np.int64)
        if "frame_buffer_count" in self.columns:
            needed[good] = sizes[self.columns["frame_buffer_count"][good].astype(np.int64)]
        there = 8 * self.n_bytes - self.bit_offset - self.payload_bit
        found: NDArray[np.bool_] = good & (there >= 8 * needed)
        return found


def find_buffers(data: ByteSource, config: StreamConfig, chunk_bytes: int = CHUNK_BYTES) -> Buffers:
    """Return all buffers of a stream. Beyond the table itself this takes memory in proportion to a chunk.

    Raises
    ------
    SelectionError
        There are far more preambles than buffers have room for: the preamble of the configuration is another one.

    Examples
    --------
    >>> from xjls.formats.miniscope.config import load_config
    >>> config = load_config(frame_width=8, frame_height=2, buffer_block_length=1, block_size=64)
    >>> words = np.array([0x78563412, 0, 7, 7, 0, 7, 0, 350, 16, 0, 190, 30, *range(4)], "<u4")
    >>> buffers = find_buffers(words.view(np.uint8), config)
    >>> buffers.bit_offset, buffers.columns["timestamp"], buffers.header_ok
    (array([0]), array([350], dtype=uint32), array([ True]))
    """
    if chunk_bytes < 1:
        raise SelectionError(f"chunk_bytes is {chunk_bytes}", "Give 1 or more.")
    places, headers, count = [np.empty(0, np.int64)], [np.empty((0, config.header_words), np.uint32)], 0
    for first in range(0, len(data), chunk_bytes):
        for offsets, words in _chunk(data, config, first, min(first + chunk_bytes, len(data))):
            places.append(offsets)
            headers.append(words)
            count += len(offsets)
            _refuse_too_many(config, count, first + chunk_bytes)
    bit_offset = np.concatenate(places)
    words = np.concatenate(headers)
    is_cut = bit_offset + config.header_len > 8 * len(data)
    words[is_cut] = 0
    columns = config.header_format.decode(words)
    flags = check_headers(config.header_format, words, columns, config.shape.sizes, config.num_buffers, is_cut)
    return Buffers(
        shape=config.shape, format=config.header_format, bit_offset=bit_offset, words=words, columns=columns,
        flags=flags, payload_bit=config.header_len, payload_reversal=config.payload_reversal, n_bytes=len(data),
    )  # fmt: skip


def _chunk(
    data: ByteSource, config: StreamConfig, first: int, stop: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Yield the preambles that begin in bytes `first` up to `stop`, and the words behind each."""
    from xjls.kernels.bitstream import Reversal, find_preambles, take_slices

    piece = data[first : min(stop + config.header_len // 8 + 1, len(data))]
    searched = piece[: stop - first + 4]  # a preamble that begins in the last bit ends in the fourth byte behind
    own_bits = 8 * (stop - first)
    out = np.empty(1024 + len(searched) // 64, np.int64)
    at = 0
    while at < own_bits:
        found = find_preambles(searched, config.pattern, out, at)
        offsets = out[:found][out[:found] < own_bits]
        rows = np.empty((len(offsets), 4 * config.header_words), np.uint8)
        take_slices(piece, offsets + _PREAMBLE_BITS, rows, Reversal(config.header_reversal))
        yield offsets + 8 * first, rows.view("<u4").astype(np.uint32, copy=False)
        if found < len(out):
            return
        at = int(out[-1]) + 1


def _refuse_too_many(config: StreamConfig, count: int, n_bytes: int) -> None:
    room = n_bytes // config.buffer_bytes
    if count > 64 * room + _SPARE_PREAMBLES:
        raise SelectionError(
            f"the preamble {config.preamble:#010x} stands {count} times in {n_bytes} bytes, where {room} buffers have "
            "room",
            "Is 'preamble' right, and are the flags 'reverse_header_bits' and 'reverse_header_bytes'?",
        )
