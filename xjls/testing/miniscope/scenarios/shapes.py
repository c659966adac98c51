"""Streams that arrive as they were sent: every phase, flag, shape and layout."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from xjls.testing.miniscope.buffers import Start, buffers_of, idling
from xjls.testing.miniscope.config import HEADER_BITS, Layout, StreamConfig, tiny
from xjls.testing.miniscope.pixels import noise, ramps
from xjls.testing.miniscope.scenarios.registry import Made, registered, scenario, sent
from xjls.testing.miniscope.stream import random_stream
from xjls.testing.miniscope.truth import truth_of

N = 6
"""Frames of most streams."""


def plain(config: StreamConfig, n: int = N, *, seed: int = 0) -> Made:
    """Return a stream of any pixels with idle bits of many lengths, nothing of it lost."""
    buffers = idling(buffers_of(config, noise(config, n, seed=seed)), [13, 300, 0, 77, 8], seed=seed)
    return sent(config, buffers)


# ---- bits ----------------------------------------------------------------------------------------------------------


def _of_phase(phase: int) -> Made:
    config = tiny()
    return sent(config, buffers_of(config, noise(config, N)), before=np.zeros(phase, np.uint8))


for _phase in range(8):
    registered(
        f"phase_{_phase}", f"Begin {_phase} bits behind a byte's first, and stay there.", partial(_of_phase, _phase)
    )


@scenario
def phase_of_every_frame() -> Made:
    """Idle one bit more than whole bytes behind each frame: all phases come in turns."""
    config = tiny()
    return sent(config, idling(buffers_of(config, noise(config, 17)), [9]))


@scenario
def without_idle_bits() -> Made:
    """Send buffer after buffer, all at the beginning of a byte, as a serial port does."""
    config = tiny()
    return sent(config, buffers_of(config, noise(config, N)))


@scenario
def without_dummies() -> Made:
    """Send no words ahead of the preamble."""
    return plain(tiny(dummy_words=0))


def _with_flags(flags: str) -> Made:
    names = ("reverse_header_bits", "reverse_header_bytes", "reverse_payload_bits", "reverse_payload_bytes")
    reversed_as: dict[str, Any] = {name: flag == "1" for name, flag in zip(names, flags, strict=True)}
    return plain(tiny(**reversed_as))


for _flags in (f"{number:04b}" for number in range(16)):
    registered(
        f"flags_{_flags}", "Reverse header's bits, header's bytes, payload's bits, payload's bytes, as the digits say.",
        partial(_with_flags, _flags),
    )  # fmt: skip


@scenario
def other_preamble() -> Made:
    """Agree on another preamble, of which bytes alone do not tell the order."""
    return plain(tiny(preamble=0x0F0F_3355))


# ---- golden streams ------------------------------------------------------------------------------------------------


def golden(config: StreamConfig, n: int, seed: int, idle: tuple[int, int]) -> Made:
    """Return a stream that is known by its hash: a ramp, counters from fixed values on, random idle bits."""
    rng = np.random.default_rng(seed)
    buffers, stream = random_stream(config, ramps(config, n), rng, idle=idle, start=Start(buffer=102592))
    return Made(stream.data, config, truth_of(config, buffers, stream))


@scenario
def golden_200px() -> Made:
    """Be an ordinary stream of 200 x 200 pixels, which mio decodes to what was sent."""
    return golden(StreamConfig(), 10, 20240, (26_000, 29_000))


@scenario
def golden_tiny() -> Made:
    """Be a small stream that mio decodes to what was sent; its buffers were not counted from the first frame on."""
    return golden(tiny(), 8, 1, (1, 300))


# ---- shapes --------------------------------------------------------------------------------------------------------


@scenario
def wide() -> Made:
    """Have frames wider than high, as mio would take for the reverse."""
    return plain(tiny(frame_width=24, frame_height=10))


@scenario
def high() -> Made:
    """Have frames higher than wide, of odd numbers."""
    return plain(tiny(frame_width=7, frame_height=31))


@scenario
def one_buffer_a_frame() -> Made:
    """Have frames so small that each is one buffer."""
    return plain(tiny(frame_width=8, frame_height=6))


@scenario
def full_last_buffer() -> Made:
    """Have frames that fill all their buffers."""
    return plain(tiny(frame_width=24, frame_height=9))


@scenario
def one_frame() -> Made:
    """Hold one frame, which mio never emits."""
    return plain(tiny(), 1)


@scenario
def large_buffers() -> Made:
    """Have 304 x 304 pixels in buffers of 40 blocks."""
    return plain(StreamConfig(frame_width=304, frame_height=304, buffer_block_length=40, num_buffers=8), 2)


def _of_depth(depth: int, packing: Any) -> Made:
    return plain(tiny(pix_depth=depth, packing=packing))


for _depth, _packing in ((10, "msb"), (12, "msb"), (10, "lsb"), (12, "lsb"), (10, "u16"), (16, "u16"), (10, "framed")):
    registered(
        f"depth_{_depth}_{_packing}", f"Have pixels of {_depth} bits, packed as {_packing}; some cross buffers.",
        partial(_of_depth, _depth, _packing),
    )  # fmt: skip


@scenario
def naneye() -> Made:
    """Reverse nothing, behind another preamble and 12 dummies, 10 bits between a 1 and a 0: 8 columns do not count."""
    config = tiny(
        frame_width=28, frame_height=20, preamble=0x7856_3412, dummy_words=12, buffer_block_length=8, pix_depth=10,
        packing="framed", reverse_header_bits=False, reverse_header_bytes=False, reverse_payload_bits=False,
        reverse_payload_bytes=False,
    )  # fmt: skip
    return plain(config)


# ---- headers -------------------------------------------------------------------------------------------------------


def _of_layout(layout: Layout) -> Made:
    return plain(tiny(layout=layout, buffer_block_length=6), 20)


for _layout in HEADER_BITS:
    registered(
        f"layout_{_layout.replace('-', '_')}", f"Have headers of the layout {_layout}, 32 or more.",
        partial(_of_layout, _layout),
    )  # fmt: skip


@scenario
def counters_wrap() -> Made:
    """Count buffers past the end of 32 bits."""
    config = tiny()
    buffers = buffers_of(config, noise(config, N), Start(frame=2**30 - 3, buffer=2**32 - 12))
    return sent(config, buffers)


@scenario
def first_frame_is_0() -> Made:
    """Begin with the first frame since the device was switched on."""
    config = tiny()
    return sent(config, idling(buffers_of(config, noise(config, N), Start(frame=0, timestamp_ms=0)), [5]))
