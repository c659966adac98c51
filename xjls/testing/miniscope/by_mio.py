"""The frames that mio makes of a stream, by its rules and with its losses."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xjls.testing.miniscope.config import StreamConfig
from xjls.testing.miniscope.headers import WORD_OF
from xjls.testing.miniscope.stream import turned


def frames_by_mio(config: StreamConfig, data: bytes) -> NDArray[np.uint8]:
    """Return the frames that mio emits, u8[frame, width, height]: rows are as long as a frame is high.

    Buffers reach from preamble to preamble, so the last one is lost; those ahead of a first slot 0 are skipped; each
    change of the frame's number ends a frame, so the last one is lost as well; missing pixels are 0.

    Examples
    --------
    >>> import xjls.testing.miniscope as miniscope
    >>> config = miniscope.tiny()
    >>> frames = miniscope.ramps(config, 4)
    >>> stream = miniscope.encode(config, miniscope.buffers_of(config, frames))
    >>> made = frames_by_mio(config, stream.data)
    >>> len(made), bool((made == frames[:3]).all())
    (3, True)
    """
    number: int | None = None
    slots = [bytes(size) for size in config.sizes]
    made: list[bytes] = []
    for words, payload in _buffers(config, data):
        slot, frame = int(words[WORD_OF["frame_buffer_count"]]), int(words[WORD_OF["frame_num"]])
        if number is None and slot != 0:
            continue
        if slot >= len(slots):
            continue
        if number is not None and frame != number:
            made.append(b"".join(slots))
            slots = [bytes(size) for size in config.sizes]
        number = frame
        slots[slot] = payload[: config.sizes[slot]].ljust(config.sizes[slot], b"\0")
    shape = (len(made), config.frame_width, config.frame_height)
    return np.frombuffer(b"".join(made), np.uint8).reshape(shape)


def _buffers(config: StreamConfig, data: bytes) -> list[tuple[NDArray[np.uint32], bytes]]:
    """Return the header's words and the pixels of what stands between two preambles."""
    text = "".join(f"{byte:08b}" for byte in data)
    preamble = f"{config.preamble_on_wire:032b}"
    places = []
    at = text.find(preamble)
    while at >= 0:
        places.append(at)
        at = text.find(preamble, at + 1)
    found = []
    for start, stop in pairwise(places):
        bits = text[start:stop]
        held = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
        split = config.header_len // 8
        header = turned(held[4:split], bits=config.reverse_header_bits, order=config.reverse_header_bytes)
        payload = turned(held[split:], bits=config.reverse_payload_bits, order=config.reverse_payload_bytes)
        words = np.frombuffer(header.ljust(4 * config.header_words, b"\0"), "<u4")
        found.append((words.astype(np.uint32), payload))
    return found
