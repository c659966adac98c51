"""What a perfect reader finds in a stream or on a card: placed by what was sent, not by what can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xjls.testing.miniscope.buffers import Buffer
from xjls.testing.miniscope.config import FrameConfig, StreamConfig
from xjls.testing.miniscope.pixels import Pixels, dtype_of, unpack
from xjls.testing.miniscope.stream import Stream

_NO_PLACES = np.empty(0, np.int64)
_NO_PLACES.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What is there. Buffers are in the order of the stream; those without a preamble are none."""

    config: FrameConfig
    device_frame: NDArray[np.int64]
    """Numbers of frames, i64[frame]: from the lowest to the highest in headers that can be believed."""
    frames: Pixels
    """[frame, height, width], 0 where pixels are missing."""
    present: NDArray[np.bool_]
    """Which buffers of frames arrived whole, bool[frame, slot]."""
    intact: NDArray[np.bool_]
    """Of those that are present, which have the pixels that were sent, bool[frame, slot]; nothing else tells."""
    bit_offset: NDArray[np.int64]
    """Of preambles, or of headers on a card, i64[buffer]."""
    words: NDArray[np.uint32]
    """Headers behind preambles as they arrived, in the device's order of bits, u32[buffer, word]; 0 where data end."""
    columns: Mapping[str, NDArray[np.int64]]
    """What the device counted and measured, i64[buffer] each, whatever arrived of it."""
    header_ok: NDArray[np.bool_]
    """Which headers are whole and can be believed, bool[buffer]."""
    whole: NDArray[np.bool_]
    """Of which buffers all pixels arrived, bool[buffer]."""
    duplicates: int
    """Buffers that a later one with the same place has replaced."""
    preambles: NDArray[np.int64] = field(default_factory=lambda: _NO_PLACES)
    """All bits at which the preamble's bits stand, by chance or not, i64[place]."""

    @property
    def missing(self) -> int:
        """Buffers of the frames' grid that are not there."""
        return int((~self.present).sum())

    @property
    def lost_between(self) -> int:
        """Buffers lost between the first and the last that can be believed, modulo 2**32."""
        counts = self.columns["buffer_count"][self.header_ok] & 0xFFFF_FFFF
        if not counts.size:
            return 0
        steps = counts - counts[0] + 2**31 & 0xFFFF_FFFF
        return int(steps.max() - steps.min() + 1 - len(np.unique(counts)))

    @property
    def pixel_present(self) -> NDArray[np.bool_]:
        """Which pixels arrived, bool[frame, height, width]: all buffers with a part of one did."""
        bits = np.arange(self.config.frame_width * self.config.frame_height) * self.config.pixel_bits
        stops = np.cumsum(self.config.sizes)
        first = np.searchsorted(stops, bits // 8, "right")
        last = np.searchsorted(stops, (bits + self.config.pixel_bits - 1) // 8, "right")
        return np.asarray(self.present[:, first] & self.present[:, last]).reshape(self.frames.shape)


def truth_of(config: StreamConfig, buffers: Sequence[Buffer], stream: Stream) -> Truth:
    """Return what is in a stream, of which some may be cut off.

    Examples
    --------
    >>> import xjls.testing.miniscope as miniscope
    >>> config = miniscope.tiny()
    >>> buffers = miniscope.without(miniscope.buffers_of(config, miniscope.ramps(config, 3)), (1, 2))
    >>> truth = miniscope.truth_of(config, buffers, miniscope.encode(config, buffers))
    >>> truth.device_frame, truth.present[1].tolist(), truth.missing, truth.lost_between
    (array([12824, 12825, 12826]), [True, True, False, True], 1, 1)
    """
    size = 8 * len(stream.data)
    kept = [
        (buffer, place)
        for buffer, place in zip(buffers, stream.bit_offsets.tolist(), strict=True)
        if buffer.preamble is None and 0 <= place <= size - 32
    ]
    return placed(
        config, [buffer for buffer, _ in kept], np.array([place for _, place in kept], np.int64),
        n_words=config.header_words, header_bits=config.header_len, size=size,
        preambles=_preambles(config, stream.data),
    )  # fmt: skip


def placed(
    config: FrameConfig, buffers: Sequence[Buffer], places: NDArray[np.int64], *, n_words: int, header_bits: int,
    size: int, preambles: NDArray[np.int64] = _NO_PLACES,
) -> Truth:  # fmt: skip
    """Return what buffers that begin at these bits, of `size`, make.

    A header is `n_words` words; pixels are `header_bits` behind the beginning of their buffer.
    """
    there = size - places
    complete = there >= header_bits
    sound = np.array([buffer.sound for buffer in buffers], np.bool_) & complete
    needed = [8 * len(b.payload) - (b.lost_bit is not None) for b in buffers]
    whole = there >= header_bits + np.array(needed, np.int64)
    words = [b.words if c else np.zeros_like(b.words) for b, c in zip(buffers, complete, strict=True)]
    numbers = [b.values["frame_num"] for b, good in zip(buffers, sound, strict=True) if good]
    device_frame = np.arange(min(numbers), max(numbers) + 1) if numbers else np.empty(0, np.int64)
    grid = _Grid(config, device_frame)
    duplicates = 0
    for buffer, good in zip(buffers, sound & whole, strict=True):
        duplicates += grid.put(buffer) if good else 0
    truth = Truth(
        config=config, device_frame=device_frame, frames=grid.frames(), present=grid.present, intact=grid.intact,
        bit_offset=places, words=np.array(words, np.uint32).reshape(len(buffers), n_words),
        columns={name: np.array([b.values[name] for b in buffers], np.int64) for name in _names(buffers)},
        header_ok=sound, whole=whole & sound, duplicates=duplicates, preambles=preambles,
    )  # fmt: skip
    truth.frames[~truth.pixel_present] = 0
    return truth


def _names(buffers: Sequence[Buffer]) -> tuple[str, ...]:
    return tuple(buffers[0].values) if buffers else ("frame_num", "buffer_count", "frame_buffer_count")


class _Grid:
    """Bytes of frames, and which slots of them are there."""

    def __init__(self, config: FrameConfig, device_frame: NDArray[np.int64]) -> None:
        self.config = config
        self.first = int(device_frame[0]) if device_frame.size else 0
        self.rows = np.zeros((device_frame.size, config.frame_bytes), np.uint8)
        self.present = np.zeros((device_frame.size, len(config.sizes)), np.bool_)
        self.intact = np.zeros_like(self.present)

    def put(self, buffer: Buffer) -> bool:
        """Place a buffer; return whether another one was there."""
        at = (buffer.values["frame_num"] - self.first, buffer.slot)
        before = bool(self.present[at])
        self.present[at], self.intact[at] = True, buffer.lost_bit is None
        start = sum(self.config.sizes[: buffer.slot])
        self.rows[at[0], start : start + len(buffer.payload)] = np.frombuffer(buffer.payload, np.uint8)
        return before

    def frames(self) -> Pixels:
        """Return the frames, [frame, height, width]."""
        shape = (len(self.rows), self.config.frame_height, self.config.frame_width)
        found = np.zeros(shape, dtype_of(self.config))
        for frame, row in zip(found, self.rows, strict=True):
            frame[:] = unpack(self.config, row.tobytes())
        return found


def _preambles(config: StreamConfig, data: bytes) -> NDArray[np.int64]:
    """Return the bits at which the preamble stands, one comparison for each of its bits."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    n = max(bits.size - 31, 0)
    here = np.ones(n, np.bool_)
    for number, wanted in enumerate(f"{config.preamble_on_wire:032b}"):
        here &= bits[number : number + n] == int(wanted)
    return np.flatnonzero(here)
