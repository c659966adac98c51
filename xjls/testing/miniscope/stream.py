"""Buffers -> the bits of a stream -> bytes, as a dump has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xjls.testing.miniscope.buffers import NO_BITS, Buffer, Start, buffers_of
from xjls.testing.miniscope.config import StreamConfig
from xjls.testing.miniscope.pixels import Pixels

DUMMY = 0xFF00_CCCC
_MIRRORED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)).reshape(256, 8)[:, ::-1])


class Stream(NamedTuple):
    """A dump, and where its buffers are."""

    data: bytes
    bit_offsets: NDArray[np.int64]
    """Of the preamble of each buffer, i64[buffer]; of a broken preamble as well."""
    terminator: int | None
    """Bit offset of a last preamble with nothing behind it; None: the stream has none."""


def turned(data: bytes, *, bits: bool, order: bool) -> bytes:
    """Return bytes of which each group of 4 has all its bits reversed, and then its bytes, or only one of both.

    Zeros fill the last group.

    Examples
    --------
    >>> turned(bytes.fromhex("00112233"), bits=True, order=True).hex()
    '008844cc'
    """
    groups = np.frombuffer(data + bytes(-len(data) % 4), np.uint8).reshape(-1, 4)
    if bits:
        groups = _MIRRORED[groups[:, ::-1]]
    if order:
        groups = groups[:, ::-1]
    return groups.tobytes()


def encode(
    config: StreamConfig, buffers: Sequence[Buffer], *, before: NDArray[np.uint8] = NO_BITS, terminated: bool = True
) -> Stream:
    """Return the stream of buffers.

    Parameters
    ----------
    config
        What both ends have agreed on.
    buffers
        In the order in which they arrive.
    before
        Bits of 0 or 1 that come first.
    terminated
        Whether dummies and a preamble with nothing behind them come last.

    Examples
    --------
    >>> stream = encode(StreamConfig(), buffers_of(StreamConfig(), np.zeros((1, 200, 200), np.uint8)))
    >>> len(stream.data), stream.bit_offsets[:3], stream.terminator
    (41004, array([  320, 41280, 82240]), 328000)
    """
    pieces, places, at = [before], [], len(before)
    for buffer in buffers:
        head, body = _head(config, buffer.preamble), _body(config, buffer)
        places.append(at + head.size - 32)
        pieces += [head, body, buffer.idle]
        at += head.size + body.size + buffer.idle.size
    terminator = None
    if terminated:
        pieces.append(_head(config, None))
        terminator = at + pieces[-1].size - 32
    return Stream(np.packbits(np.concatenate(pieces)).tobytes(), np.array(places, np.int64), terminator)


def _bits(data: bytes) -> NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(data, np.uint8))


def _head(config: StreamConfig, preamble: int | None) -> NDArray[np.uint8]:
    """Return the bits of dummies and of a preamble."""
    dummies = np.full(config.dummy_words, DUMMY, "<u4").tobytes()
    wire = turned(dummies, bits=config.reverse_header_bits, order=config.reverse_header_bytes)
    sent = config.preamble_on_wire if preamble is None else preamble
    return _bits(wire + sent.to_bytes(4, "big"))


def _body(config: StreamConfig, buffer: Buffer) -> NDArray[np.uint8]:
    """Return the bits of a header and of a whole payload."""
    header = buffer.words.astype("<u4").tobytes()
    header = turned(header, bits=config.reverse_header_bits, order=config.reverse_header_bytes)
    payload = buffer.payload.ljust(config.payload_bytes, bytes([buffer.padding]))
    payload = turned(payload, bits=config.reverse_payload_bits, order=config.reverse_payload_bytes)
    bits = _bits(header + payload)
    if buffer.lost_bit is None:
        return bits
    return np.delete(bits, 8 * len(header) + buffer.lost_bit)


def random_stream(
    config: StreamConfig, frames: Pixels, rng: np.random.Generator, *, idle: tuple[int, int], loss: float = 0.0,
    start: Start | None = None,
) -> tuple[list[Buffer], Stream]:  # fmt: skip
    """Return a stream with random bits between frames and buffers that are lost at random, and what is left of these.

    Parameters
    ----------
    config, frames
        What is sent, and how.
    rng
        One draw a buffer tells whether it is lost; one a frame how many bits come behind it, then these.
    idle
        Numbers of bits behind a frame, half-open.
    loss
        How likely a buffer is lost, 0 to 1.
    start
        What counters say first.

    Examples
    --------
    >>> config = StreamConfig()
    >>> _, stream = random_stream(config, np.zeros((1, 200, 200), np.uint8), np.random.default_rng(0), idle=(8, 9))
    >>> len(stream.data)
    41005
    """
    kept: list[Buffer] = []
    before = NO_BITS
    each = len(config.sizes)
    buffers = buffers_of(config, frames, start)
    for first in range(0, len(buffers), each):
        kept += [buffer for buffer in buffers[first : first + each] if rng.random() >= loss]
        bits = rng.integers(0, 2, int(rng.integers(*idle))).astype(np.uint8)
        if kept:
            kept[-1] = replace(kept[-1], idle=np.concatenate([kept[-1].idle, bits]))
        else:
            before = np.concatenate([before, bits])
    return kept, encode(config, kept, before=before)
