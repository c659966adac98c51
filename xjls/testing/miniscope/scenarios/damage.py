"""Streams with bits that arrive wrong, and with preambles where none should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from xjls.testing.miniscope.buffers import Buffer, flipped
from xjls.testing.miniscope.config import Layout, StreamConfig, tiny
from xjls.testing.miniscope.headers import WORD_OF, sealed
from xjls.testing.miniscope.scenarios.losses import ordinary
from xjls.testing.miniscope.scenarios.registry import Made, registered, scenario, sent
from xjls.testing.miniscope.stream import turned

TARGET = 9
"""Number of the buffer that is broken: the second of the third frame."""


def _broken(change: Callable[[Buffer], Buffer], config: StreamConfig | None = None, at: int = TARGET) -> Made:
    used = config or tiny()
    buffers = ordinary(used)
    buffers[at] = change(buffers[at])
    return sent(used, buffers)


# ---- preambles -----------------------------------------------------------------------------------------------------


def _with_preamble(errors: int) -> Made:
    wire = tiny().preamble_on_wire
    for bit in (3, 29, 16, 11, 7)[:errors]:
        wire ^= 1 << bit
    return _broken(lambda buffer: replace(buffer, preamble=wire))


for _errors in (1, 2, 5):
    registered(
        f"preamble_with_{_errors}_wrong_bits", "Break a preamble: its buffer is not found.",
        partial(_with_preamble, _errors),
    )  # fmt: skip


def _hidden(config: StreamConfig, buffer: Buffer, *, bit: int) -> Buffer:
    """Put the preamble's bits among the pixels of a buffer, from a bit on the wire on."""
    sent_as = {"bits": config.reverse_payload_bits, "order": config.reverse_payload_bytes}
    wire = turned(buffer.payload, **sent_as)
    bits = np.unpackbits(np.frombuffer(wire, np.uint8))
    bits[bit : bit + 32] = [int(digit) for digit in f"{config.preamble_on_wire:032b}"]
    return replace(buffer, payload=turned(np.packbits(bits).tobytes(), **sent_as))


for _bit in (0, 77, 250):
    registered(
        f"preamble_in_pixels_at_{_bit}", "Have the bits of a preamble among pixels: what follows them is no header.",
        partial(_broken, partial(_hidden, tiny(), bit=_bit)),
    )  # fmt: skip


@scenario
def preambles_all_over() -> Made:
    """Have the bits of a preamble among the pixels of all buffers."""
    config = tiny()
    return sent(config, [_hidden(config, buffer, bit=3 * i) for i, buffer in enumerate(ordinary(config))])


@scenario
def preamble_between_frames() -> Made:
    """Have the bits of a preamble in what an idle link sends."""
    digits = np.array([int(digit) for digit in f"{tiny().preamble_on_wire:032b}"], np.uint8)
    rng = np.random.default_rng(3)
    idle = np.concatenate([rng.integers(0, 2, 401).astype(np.uint8), digits, rng.integers(0, 2, 700).astype(np.uint8)])
    return _broken(lambda buffer: replace(buffer, idle=idle), at=11)


@scenario
def preamble_inside_a_preamble() -> Made:
    """Agree on a preamble that overlaps itself, and have more of it ahead of buffers."""
    config = tiny(preamble=0x5555_5555, dummy_words=0)
    ahead = np.resize(np.array([1, 0], np.uint8), 24)
    buffers = [replace(buffer, idle=np.pad(ahead, (i % 9, 0))) for i, buffer in enumerate(ordinary(config))]
    return sent(config, buffers, before=ahead)


# ---- headers -------------------------------------------------------------------------------------------------------

_FLIPS = (
    ("frame_num", 0), ("frame_num", 4), ("frame_num", 31), ("frame_buffer_count", 0), ("frame_buffer_count", 1),
    ("frame_buffer_count", 9), ("buffer_count", 0), ("buffer_count", 30), ("linked_list", 2), ("pixel_count", 3),
)  # fmt: skip

for _name, _flip in _FLIPS:
    registered(
        f"{_name}_with_bit_{_flip}_wrong", "Flip a bit of a counter in one header, which others contradict.",
        partial(_broken, partial(flipped, name=_name, bit=_flip)),
    )  # fmt: skip


@scenario
def timestamp_with_a_wrong_bit() -> Made:
    """Flip a bit of a time in one header, which no counter contradicts."""
    return _broken(lambda buffer: flipped(buffer, "timestamp", 20, noticed=False))


@scenario
def temperature_instead_of_slots() -> Made:
    """Have temperatures where the layout has slots of the ring, as newer firmware does: nothing is wrong."""
    config = tiny()
    buffers = []
    for buffer in ordinary(config):
        words, temperature = buffer.words.copy(), 2150 + buffer.frame
        words[WORD_OF["linked_list"]] = temperature
        buffers.append(replace(buffer, words=words, values={**buffer.values, "linked_list": temperature}))
    return sent(config, buffers)


@scenario
def first_header_wrong() -> Made:
    """Flip a bit of the first header of the stream."""
    return _broken(lambda buffer: flipped(buffer, "frame_num", 13), at=0)


@scenario
def last_header_wrong() -> Made:
    """Flip a bit of the last header of the stream."""
    return _broken(lambda buffer: flipped(buffer, "frame_num", 13), at=23)


@scenario
def header_of_noise() -> Made:
    """Have any bits for a header."""
    words = np.random.default_rng(4).integers(0, 2**32, 11).astype(np.uint32)
    return _broken(lambda buffer: replace(buffer, words=words, sound=False))


@scenario
def frame_of_wrong_headers() -> Made:
    """Flip the same bit of the frame's number in all headers of a frame."""
    config = tiny()
    buffers = [flipped(b, "frame_num", 7) if b.frame == 2 else b for b in ordinary(config)]
    return sent(config, buffers)


_SEALED: tuple[Layout, ...] = ("stream-3", "stream-4", "stream-crc")

for _layout in _SEALED:
    registered(
        f"{_layout.replace('-', '_')}_with_wrong_time", "Flip a bit of a time that only the checksum covers.",
        partial(_broken, partial(flipped, name="timestamp", bit=20), tiny(layout=_layout, buffer_block_length=6)),
    )  # fmt: skip


@scenario
def stream_3_with_sealed_nonsense() -> Made:
    """Have a header whose checksum is right and whose counters contradict each other: no bit of it arrived wrong."""
    config = tiny(layout="stream-3", buffer_block_length=6)

    def change(buffer: Buffer) -> Buffer:
        words = buffer.words.copy()
        words[WORD_OF["frame_buffer_count"]] = 3
        return replace(buffer, words=sealed(config, words), sound=False)

    return _broken(change, config)


@scenario
def stream_protobuf_with_wrong_byte() -> Made:
    """Flip a bit of a message."""
    config = tiny(layout="stream-protobuf", buffer_block_length=6)

    def change(buffer: Buffer) -> Buffer:
        words = buffer.words.copy()
        words[2] ^= np.uint32(1 << 9)
        return replace(buffer, words=words, sound=False)

    return _broken(change, config)


# ---- pixels --------------------------------------------------------------------------------------------------------


@scenario
def bit_missing_in_pixels() -> Made:
    """Lose one bit among the pixels: those behind it are wrong, and no header says so; the next buffer is found."""
    return _broken(lambda buffer: replace(buffer, lost_bit=100))


@scenario
def stale_pixels_behind_a_short_buffer() -> Made:
    """Leave older pixels behind those of the last buffers of frames."""
    config = tiny()
    return sent(config, [replace(buffer, padding=0xAA) for buffer in ordinary(config)])


@scenario
def black_and_white() -> Made:
    """Have pixels that are all 0, or all 255."""
    config = tiny()
    buffers = [replace(b, payload=bytes([255 * (b.frame % 2)]) * len(b.payload)) for b in ordinary(config)]
    return sent(config, buffers)
