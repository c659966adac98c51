"""Images of cards: header lengths, sectors, missing counts and keys, what is left of older recordings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from xjls.testing.miniscope.card import Card, CardConfig, card_buffers_of, encode_card, stale
from xjls.testing.miniscope.pixels import noise
from xjls.testing.miniscope.scenarios.registry import registered, scenario

N = 6


def small(**changes: Any) -> CardConfig:
    """Return a card of frames of 32 x 32 pixels in buffers of a sector, three a frame unless said otherwise."""
    return CardConfig(**({"frame_width": 32, "frame_height": 32, "buffer_sectors": 1} | changes))


def _written(config: CardConfig, *, lost: Sequence[tuple[int, int]] = (), seed: int = 0, **how: Any) -> Card:
    buffers = card_buffers_of(config, noise(config, N, seed=seed), lost=lost)
    return encode_card(config, buffers, dropped=len(lost), **how)


def _older(config: CardConfig) -> bytes:
    """Return buffers of a recording twice as long, without those that a newer one has written over."""
    buffers = card_buffers_of(config, noise(config, 2 * N, seed=7))
    return stale(config, buffers[N * len(config.sizes) :])


for _length in range(9, 13):
    registered(
        f"card_of_{_length}_words", f"Have headers of {_length} words.",
        partial(_written, small(header_words=_length)),
    )  # fmt: skip


@scenario
def card_304px() -> Card:
    """Have 304 x 304 pixels in buffers of 40 sectors."""
    return _written(CardConfig())


@scenario
def card_of_one_buffer_a_frame() -> Card:
    """Have frames so small that each is one buffer, as crashes mio."""
    return _written(small(frame_width=20, frame_height=20))


@scenario
def card_wide() -> Card:
    """Have frames wider than high."""
    return _written(small(frame_width=40, frame_height=25))


@scenario
def card_of_older_sectors() -> Card:
    """Keep settings, configuration and data a sector later, as older devices do."""
    return _written(small(header_words=9, settings_sector=1023, config_sector=1024, data_sector=1025))


@scenario
def card_without_keys() -> Card:
    """Have zeros in place of keys, as the notebook that prepares cards writes them."""
    return _written(small(has_keys=False))


@scenario
def card_without_counts() -> Card:
    """Lose power before the counts were written: buffers tell how many there are."""
    return _written(small(has_counts=False))


@scenario
def card_with_older_buffers() -> Card:
    """Find the rest of an older, longer recording behind the last buffer: the count says where to stop."""
    config = small()
    return _written(config, behind=_older(config))


@scenario
def card_with_older_buffers_without_counts() -> Card:
    """Find the beginning of an older recording behind the last buffer, and no count: only its counters go back."""
    config = small(has_counts=False)
    older = card_buffers_of(config, noise(config, 2, seed=7))
    return _written(config, behind=stale(config, older))


@scenario
def card_with_noise_behind() -> Card:
    """Find any bytes behind the last buffer, and no count."""
    rng = np.random.default_rng(3)
    return _written(small(has_counts=False), behind=rng.integers(0, 256, 2048, dtype=np.uint8).tobytes())


@scenario
def card_cut_behind_the_last_buffer() -> Card:
    """End with the last sector of the last buffer, as an image does that was trimmed."""
    return _written(small(), behind=b"")


@scenario
def card_cut_inside_a_buffer() -> Card:
    """End inside the pixels of a buffer, fewer than were counted."""
    return _written(small(), cut=1024 * 512 + 10 * 512 + 200)


@scenario
def card_cut_inside_a_header() -> Card:
    """End inside a header."""
    return _written(small(), cut=1024 * 512 + 10 * 512 + 20)


@scenario
def card_with_tails_lost() -> Card:
    """Drop buffers up to the end of a frame, as a card does that is too slow."""
    return _written(small(), lost=((1, 2), (3, 1), (3, 2)))


@scenario
def card_with_first_buffer_lost() -> Card:
    """Drop the first buffer of a frame, as crashes mio."""
    return _written(small(), lost=((2, 0),))


@scenario
def card_with_middle_buffer_lost() -> Card:
    """Drop a buffer in a frame: mio moves the pixels behind it up."""
    return _written(small(), lost=((2, 1),))


@scenario
def card_with_frame_lost() -> Card:
    """Drop a whole frame."""
    return _written(small(), lost=((2, 0), (2, 1), (2, 2)))


@scenario
def card_without_buffers() -> Card:
    """Be stopped before the first buffer."""
    return encode_card(small(), [])
