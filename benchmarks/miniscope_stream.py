"""Streams of a miniscope of any length, written as fast as a disk takes them: 200 x 200 random pixels, all phases."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xjls.testing.miniscope import StreamConfig
from xjls.testing.miniscope.stream import DUMMY

CONFIG = StreamConfig()
FRAME0, BUFFER0, TIMESTAMP_MS = 12824, 102592, 624218
SLOT_BYTES = 44_400
"""Of a frame with what the idle link sends behind it: 27 kbit."""
BATCH = 256
"""Frames that are written together; their pixels come again in every batch, under other headers."""
_MIRRORED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)).reshape(256, 8)[:, ::-1])
_HEAD_WORDS = CONFIG.dummy_words + 1 + CONFIG.header_words


class LongStream:
    """A stream of whole frames, and what is in it.

    Parameters
    ----------
    seed
        Of the pixels.
    """

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self.pixels = self._rng.integers(0, 256, (BATCH, CONFIG.frame_height, CONFIG.frame_width), np.uint8)
        """u8[frame, height, width]: frame ``i`` has those of ``i % BATCH``."""
        self._wire = self._rng.integers(0, 256, (BATCH, SLOT_BYTES), np.uint8)
        self._buffers = self._wire[:, : len(CONFIG.sizes) * CONFIG.buffer_bytes].reshape(BATCH, len(CONFIG.sizes), -1)
        flat, at = _MIRRORED[self.pixels.reshape(BATCH, -1)], 0  # of 4 bytes, all bits and then all bytes reversed
        for slot, size in enumerate(CONFIG.sizes):
            self._buffers[:, slot, 4 * _HEAD_WORDS :][:, :size] = flat[:, at : at + size]
            self._buffers[:, slot, 4 * _HEAD_WORDS + size :] = 0
            at += size

    def write(self, path: Path, frames: int) -> int:
        """Write so many frames, in whole batches; return how many there are."""
        batches = -(-frames // BATCH)
        with path.open("wb") as file:
            for batch in range(batches):
                file.write(self._batch(batch * BATCH))
        return batches * BATCH

    def _batch(self, first: int) -> bytes:
        heads = _heads(np.arange(first, first + BATCH)).view(np.uint8).reshape(BATCH, len(CONFIG.sizes), -1)
        self._buffers[:, :, : 4 * _HEAD_WORDS] = _MIRRORED[heads]
        moved = np.empty_like(self._wire)
        for phase in range(8):  # a frame begins at the bit of its number: the last bits of its idle link are lost
            rows = self._wire[phase::8]
            moved[phase::8] = rows >> phase
            moved[phase::8, 1:] |= rows[:, :-1] << np.uint8(8 - phase) if phase else 0
        return moved.tobytes()


def _heads(frame: np.ndarray) -> np.ndarray:
    """Return dummies, preamble and header of each buffer, u32[frame, slot, word]."""
    slot = np.arange(len(CONFIG.sizes))
    count = BUFFER0 + frame[:, None] * len(slot) + slot
    heads = np.zeros((*count.shape, _HEAD_WORDS), "<u4")
    heads[..., : CONFIG.dummy_words] = DUMMY
    heads[..., CONFIG.dummy_words] = CONFIG.preamble
    words = heads[..., CONFIG.dummy_words + 1 :]
    words[..., 0], words[..., 1], words[..., 2] = count % CONFIG.num_buffers, FRAME0 + frame[:, None], count
    words[..., 3], words[..., 4], words[..., 7] = slot, count, CONFIG.sizes
    words[..., 6] = TIMESTAMP_MS + 49 * frame[:, None] + 2 * slot
    words[..., 9], words[..., 10] = 190, 30
    return heads
