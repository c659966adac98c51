"""Frames -> buffers: headers and pixels, in the order in which they are sent, to be dropped, swapped and broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xjls.testing.miniscope.config import StreamConfig
from xjls.testing.miniscope.headers import WORD_OF, Words, words_of
from xjls.testing.miniscope.pixels import Pixels, pack

NO_BITS = np.empty(0, np.uint8)
NO_BITS.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """What counters of the device say as the stream begins."""

    frame: int = 12824
    buffer: int | None = None
    """None: as many as came in all frames before."""
    timestamp_ms: int = 624218


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Buffer:
    """What is sent at once."""

    frame: int
    """Number of the frame, from 0 on, whatever the header says of it."""
    slot: int
    """Number of the buffer in the frame."""
    words: Words
    """Header behind the preamble, u32[word], as the device has it in memory."""
    payload: bytes
    """Pixels; on the wire zeros, or what `padding` says, follow."""
    values: dict[str, int]
    """What the header was made of."""
    sound: bool = True
    """Whether a reader can believe the header."""
    preamble: int | None = None
    """Bits on the wire in place of the preamble; None: as agreed."""
    padding: int = 0
    """Each byte behind the pixels."""
    idle: NDArray[np.uint8] = field(default_factory=lambda: NO_BITS)
    """Bits behind the buffer, while the link has nothing to send."""
    lost_bit: int | None = None
    """Number of a bit of the pixels on the wire that never arrives; None: all do."""


def buffers_of(config: StreamConfig, frames: Pixels, start: Start | None = None) -> list[Buffer]:
    """Return the buffers of frames, none of them lost.

    Examples
    --------
    >>> buffers = buffers_of(StreamConfig(), np.zeros((2, 200, 200), np.uint8))
    >>> len(buffers), buffers[9].slot, buffers[9].values["timestamp"] - buffers[0].values["timestamp"]
    (16, 1, 51)
    """
    begin = start or Start()
    made = []
    count = begin.frame * len(config.sizes) if begin.buffer is None else begin.buffer
    for k, frame in enumerate(frames):
        pixels, at = pack(config, frame), 0
        for slot, size in enumerate(config.sizes):
            values = _values(config, begin, k, slot, count, size)
            payload = pixels[at : at + size]
            made.append(Buffer(frame=k, slot=slot, words=words_of(config, values), payload=payload, values=values))
            count, at = count + 1, at + size
    return made


def _values(config: StreamConfig, start: Start, k: int, slot: int, count: int, size: int) -> dict[str, int]:
    """Return what the device counts and measures as it fills a buffer."""
    return {
        "linked_list": count % config.num_buffers, "frame_num": start.frame + k, "buffer_count": count & 0xFFFF_FFFF,
        "frame_buffer_count": slot, "write_buffer_count": count & 0xFFFF_FFFF, "dropped_buffer_count": 0,
        "timestamp": start.timestamp_ms + 49 * k + 2 * slot & 0xFFFF_FFFF, "pixel_count": size,
        "write_timestamp": 0, "battery_voltage_raw": 190, "input_voltage_raw": 30,
    }  # fmt: skip


def without(buffers: Sequence[Buffer], *lost: tuple[int, int]) -> list[Buffer]:
    """Return buffers without those of these (frame, slot); what was idle behind one stays, behind the one before.

    Examples
    --------
    >>> buffers = buffers_of(StreamConfig(), np.zeros((2, 200, 200), np.uint8))
    >>> len(without(buffers, (0, 3), (1, 0)))
    14
    """
    kept: list[Buffer] = []
    for buffer in buffers:
        if (buffer.frame, buffer.slot) not in lost:
            kept.append(buffer)
        elif kept:
            kept[-1] = replace(kept[-1], idle=np.concatenate([kept[-1].idle, buffer.idle]))
    return kept


def flipped(buffer: Buffer, name: str, bit: int, *, noticed: bool = True) -> Buffer:
    """Return a buffer of whose header a bit arrives wrong; `noticed`: counters or a checksum can tell.

    Examples
    --------
    >>> buffer = buffers_of(StreamConfig(), np.zeros((1, 200, 200), np.uint8))[0]
    >>> flipped(buffer, "frame_num", 3).words[1], flipped(buffer, "frame_num", 3).sound
    (np.uint32(12816), False)
    """
    words = buffer.words.copy()
    words[WORD_OF[name]] ^= np.uint32(1 << bit)
    return replace(buffer, words=words, sound=not noticed)


def idling(buffers: Sequence[Buffer], lengths: Sequence[int], *, seed: int = 0) -> list[Buffer]:
    """Return buffers with so many random bits behind each frame, by its number; the lengths are taken in turns.

    Examples
    --------
    >>> buffers = buffers_of(StreamConfig(), np.zeros((2, 200, 200), np.uint8))
    >>> [len(buffer.idle) for buffer in idling(buffers, [3, 5])]
    [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 5]
    """
    rng = np.random.default_rng(seed)
    last = {buffer.frame: number for number, buffer in enumerate(buffers)}
    found = list(buffers)
    for frame, number in last.items():
        bits = rng.integers(0, 2, lengths[frame % len(lengths)]).astype(np.uint8)
        found[number] = replace(found[number], idle=bits)
    return found
