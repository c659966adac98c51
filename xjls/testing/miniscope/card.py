"""Images of SD cards as a wire-free miniscope writes them: settings, configuration, buffers from one sector on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from xjls.testing.miniscope.buffers import Buffer
from xjls.testing.miniscope.config import FrameConfig
from xjls.testing.miniscope.pixels import Pixels, pack
from xjls.testing.miniscope.truth import Truth, placed

SECTOR_BYTES = 512
WRITE_KEY = 0x0D7C_BA17
"""What the first four words of the settings are."""
CARD_WORDS = (
    "length", "linked_list", "frame_num", "buffer_count", "frame_buffer_count", "write_buffer_count",
    "dropped_buffer_count", "timestamp", "data_length", "write_timestamp", "battery_voltage_raw", "ewl",
)  # fmt: skip
"""Words of a header; a shorter one has the first of them."""
SETTINGS = (
    "gain", "led", "ewl", "record_length", "fps", "delay_start", "battery_cutoff", "ewl_scan_enable",
    "ewl_scan_start", "ewl_scan_stop", "ewl_scan_step", "ewl_scan_step_time",
)  # fmt: skip
"""Words of the settings behind the keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardConfig(FrameConfig):
    """What a card says of itself, and where.

    Examples
    --------
    >>> CardConfig(header_words=10).sizes, CardConfig(header_words=12).sizes
    ((20440, 20440, 20440, 20440, 10656), (20432, 20432, 20432, 20432, 10688))
    """

    frame_width: int = 304
    frame_height: int = 304
    header_words: int = 12
    """Words of a header, 9 to 12."""
    buffer_sectors: int = 40
    num_buffers: int = 8
    """Buffers in the ring."""
    fps: int = 20
    settings_sector: int = 1022
    config_sector: int = 1023
    data_sector: int = 1024
    has_keys: bool = True
    """Whether the settings begin with the keys; else with zeros."""
    has_counts: bool = True
    """Whether buffers were counted at the end; else the recording was never stopped."""
    settings: tuple[int, ...] = (2, 30, 128, 0, 20, 0, 3500, 0, 0, 0, 0, 0)
    """Words named by `SETTINGS`."""

    @property
    def payload_bytes(self) -> int:
        """Bytes of pixels that a buffer has room for."""
        return self.buffer_sectors * SECTOR_BYTES - 4 * self.header_words


class Card(NamedTuple):
    """An image, and the truth about it."""

    data: bytes
    config: CardConfig
    truth: Truth
    recorded: int
    """Buffers that were written."""
    dropped: int
    """Buffers that were not."""


def card_buffers_of(config: CardConfig, frames: Pixels, *, lost: Sequence[tuple[int, int]] = ()) -> list[Buffer]:
    """Return the buffers of frames, without those of these (frame, slot): the card was too slow.

    Examples
    --------
    >>> config = CardConfig(frame_width=32, frame_height=32, buffer_sectors=1, header_words=10)
    >>> [len(b.payload) for b in card_buffers_of(config, np.zeros((1, 32, 32), np.uint8))]
    [472, 472, 80]
    """
    made: list[Buffer] = []
    count = dropped = 0
    for k, frame in enumerate(frames):
        pixels, at = pack(config, frame), 0
        for slot, size in enumerate(config.sizes):
            if (k, slot) in lost:
                dropped += 1
            else:
                values = {
                    "length": config.header_words, "linked_list": count % config.num_buffers, "frame_num": k,
                    "buffer_count": count, "frame_buffer_count": slot, "write_buffer_count": len(made),
                    "dropped_buffer_count": dropped, "timestamp": 50 * k + 2 * slot, "data_length": size,
                    "write_timestamp": 50 * k + 2 * slot + 3, "battery_voltage_raw": 203 - k, "ewl": 128,
                }  # fmt: skip
                words = np.array([values[name] for name in CARD_WORDS[: config.header_words]], np.uint32)
                known = {name: values[name] for name in CARD_WORDS[: config.header_words]}
                part = pixels[at : at + size]
                made.append(Buffer(frame=k, slot=slot, words=words, payload=part, values=known))
            count, at = count + 1, at + size
    return made


def encode_card(
    config: CardConfig, buffers: Sequence[Buffer], *, dropped: int = 0, behind: bytes = bytes(SECTOR_BYTES),
    cut: int | None = None,
) -> Card:  # fmt: skip
    """Return an image of a card.

    Parameters
    ----------
    config
        What it says of itself.
    buffers
        Those that were written.
    dropped
        How many were not.
    behind
        What comes after the last buffer: a sector of zeros, or what an older recording left.
    cut
        Bytes of the image that are there; None: all.

    Examples
    --------
    >>> config = CardConfig(frame_width=32, frame_height=32, buffer_sectors=1, header_words=10)
    >>> card = encode_card(config, card_buffers_of(config, np.zeros((6, 32, 32), np.uint8)))
    >>> len(card.data), card.truth.bit_offset[:2] // 8
    (534016, array([524288, 524800]))
    """
    image = bytearray(config.data_sector * SECTOR_BYTES)
    keys = (WRITE_KEY,) * 4 if config.has_keys else (0,) * 4
    counts = (len(buffers), dropped) if config.has_counts else (0, 0)
    size = config.buffer_sectors * SECTOR_BYTES
    _put(image, config.settings_sector, (*keys, *config.settings))
    _put(image, config.config_sector, (config.frame_width, config.frame_height, config.fps, size, *counts))
    places = []
    for buffer in buffers:
        places.append(8 * len(image))
        image += buffer.words.astype("<u4").tobytes() + buffer.payload
        image += bytes(-len(image) % SECTOR_BYTES)
    data = bytes(image + behind)[:cut]
    bits = 8 * len(data)
    kept = [(buffer, place) for buffer, place in zip(buffers, places, strict=True) if place < bits]
    truth = placed(
        config, [buffer for buffer, _ in kept], np.array([place for _, place in kept], np.int64),
        n_words=config.header_words, header_bits=32 * config.header_words, size=bits,
    )  # fmt: skip
    return Card(data, config, truth, len(buffers), dropped)


def stale(config: CardConfig, buffers: Sequence[Buffer]) -> bytes:
    """Return what a longer recording left behind the end of a newer one: buffers, a sector boundary apart.

    Examples
    --------
    >>> config = CardConfig(frame_width=32, frame_height=32, buffer_sectors=1)
    >>> len(stale(config, card_buffers_of(config, np.zeros((6, 32, 32), np.uint8))))
    9216
    """
    alone = replace(config, data_sector=config.config_sector + 1)
    image = encode_card(alone, buffers, behind=b"").data
    return image[alone.data_sector * SECTOR_BYTES :]


def _put(image: bytearray, sector: int, words: Sequence[int]) -> None:
    data = np.array(words, "<u4").tobytes()
    image[sector * SECTOR_BYTES : sector * SECTOR_BYTES + len(data)] = data
