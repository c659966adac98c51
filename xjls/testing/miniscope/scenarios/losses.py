"""Streams of which something did not arrive, or more than once, or in another order."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from xjls.testing.miniscope.buffers import Buffer, Start, buffers_of, idling, without
from xjls.testing.miniscope.config import StreamConfig, tiny
from xjls.testing.miniscope.pixels import noise
from xjls.testing.miniscope.scenarios.registry import Made, registered, scenario, sent
from xjls.testing.miniscope.scenarios.shapes import N
from xjls.testing.miniscope.stream import random_stream
from xjls.testing.miniscope.truth import truth_of

IDLE = (13, 300, 0, 77, 8)


def ordinary(config: StreamConfig, n: int = N) -> list[Buffer]:
    """Return buffers with idle bits behind frames, so that phases change."""
    return idling(buffers_of(config, noise(config, n)), IDLE)


def _lost(*lost: tuple[int, int]) -> Made:
    config = tiny()
    return sent(config, without(ordinary(config), *lost))


# ---- lost ----------------------------------------------------------------------------------------------------------


@scenario
def first_buffer_lost() -> Made:
    """Lose the first buffer of a frame, while the receiver finds the clock again: the most frequent loss."""
    return _lost((2, 0))


@scenario
def middle_buffer_lost() -> Made:
    """Lose a buffer in a frame."""
    return _lost((2, 1))


@scenario
def last_buffer_lost() -> Made:
    """Lose the last, short buffer of a frame."""
    return _lost((2, 3))


@scenario
def first_buffers_of_all_frames_lost() -> Made:
    """Lose the first buffer of every frame: mio, which waits for one, finds nothing."""
    return _lost(*((frame, 0) for frame in range(N)))


@scenario
def frame_lost() -> Made:
    """Lose a whole frame: time goes on without it."""
    return _lost(*((3, slot) for slot in range(4)))


@scenario
def frames_lost() -> Made:
    """Lose three frames, and one buffer on either side of them."""
    return _lost((1, 3), *((frame, slot) for frame in (2, 3, 4) for slot in range(4)), (5, 0))


@scenario
def first_buffer_of_stream_lost() -> Made:
    """Lose what would have been first."""
    return _lost((0, 0))


@scenario
def one_buffer_left() -> Made:
    """Lose everything but one buffer."""
    return _lost(*((frame, slot) for frame in range(N) for slot in range(4) if (frame, slot) != (3, 2)))


@scenario
def device_counts_losses() -> Made:
    """Lose buffers to the device's own ring, which it counts."""
    config = tiny()
    buffers = []
    for buffer in without(ordinary(config), (2, 2), (2, 3)):
        words, dropped = buffer.words.copy(), 2 if buffer.frame > 2 else 0
        words[5] = dropped
        values = {**buffer.values, "dropped_buffer_count": dropped}
        buffers.append(replace(buffer, words=words, values=values))
    return sent(config, buffers)


def _at_random(percent: int) -> Made:
    config = tiny()
    rng = np.random.default_rng(percent)
    buffers, stream = random_stream(config, noise(config, 40), rng, idle=(1, 300), loss=percent / 100)
    return Made(stream.data, config, truth_of(config, buffers, stream))


for _percent in (5, 20, 60):
    registered(f"lost_{_percent}_percent", f"Lose {_percent} of 100 buffers.", partial(_at_random, _percent))


# ---- ends ----------------------------------------------------------------------------------------------------------


@scenario
def starts_inside_a_frame() -> Made:
    """Begin with the third buffer of a frame."""
    return _lost((0, 0), (0, 1))


@scenario
def starts_inside_a_buffer() -> Made:
    """Begin with pixels whose header is gone."""
    config = tiny()
    return sent(config, ordinary(config), first_byte=60)


@scenario
def starts_inside_a_preamble() -> Made:
    """Begin with the second byte of a preamble."""
    config = tiny()
    return sent(config, ordinary(config), first_byte=4 * config.dummy_words + 1)


@scenario
def starts_in_noise() -> Made:
    """Begin with what an idle link sends."""
    config = tiny()
    return sent(config, ordinary(config), before=np.random.default_rng(5).integers(0, 2, 5003).astype(np.uint8))


@scenario
def without_terminator() -> Made:
    """End right behind the last buffer, which mio drops."""
    config = tiny()
    return sent(config, ordinary(config), terminated=False)


def _ending(cut: int) -> Made:
    """Return a stream of which the end is lost, in bytes, counted from the end of the last buffer."""
    config = tiny()
    return sent(config, buffers_of(config, noise(config, N)), terminated=False, stop_byte=-cut)


@scenario
def ends_behind_the_last_pixel() -> Made:
    """End behind the pixels of a short last buffer: what is gone was never used."""
    return _ending(32)


@scenario
def ends_inside_pixels() -> Made:
    """End inside the pixels of the last buffer."""
    return _ending(33)


@scenario
def ends_inside_a_header() -> Made:
    """End inside the header of the last buffer."""
    return _ending(100)


@scenario
def ends_behind_a_header() -> Made:
    """End right behind the header of the last buffer."""
    return _ending(72)


@scenario
def ends_inside_a_preamble() -> Made:
    """End inside the preamble of the last buffer."""
    return _ending(118)


# ---- order ---------------------------------------------------------------------------------------------------------


def _moved(*order: tuple[int, int]) -> Made:
    """Return a stream with buffers exchanged for others, by their places in it."""
    config = tiny()
    buffers = buffers_of(config, noise(config, N))
    arrived = list(buffers)
    for to, of in order:
        arrived[to] = buffers[of]
    return sent(config, idling(arrived, [11]))


@scenario
def swapped_inside_a_frame() -> Made:
    """Send two buffers of a frame in the other order."""
    return _moved((9, 10), (10, 9))


@scenario
def swapped_across_frames() -> Made:
    """Send the first buffer of a frame ahead of the last one of the frame before."""
    return _moved((7, 8), (8, 7))


@scenario
def duplicated() -> Made:
    """Send a buffer twice, one right behind the other."""
    config = tiny()
    buffers = ordinary(config)
    return sent(config, [*buffers[:10], buffers[9], *buffers[10:]])


@scenario
def duplicated_with_other_pixels() -> Made:
    """Send a buffer again with other pixels: the last one counts."""
    config = tiny()
    buffers = ordinary(config)
    again = replace(buffers[9], payload=bytes(byte ^ 0xFF for byte in buffers[9].payload))
    return sent(config, [*buffers[:10], again, *buffers[10:]])


@scenario
def frame_duplicated() -> Made:
    """Send a frame twice."""
    config = tiny()
    buffers = ordinary(config)
    return sent(config, [*buffers[:12], *buffers[8:12], *buffers[12:]])


@scenario
def very_late_buffer() -> Made:
    """Send a buffer three frames too late."""
    config = tiny()
    buffers = ordinary(config)
    return sent(config, [*buffers[:5], *buffers[6:18], buffers[5], *buffers[18:]])


# ---- nothing -------------------------------------------------------------------------------------------------------


@scenario
def empty() -> Made:
    """Hold nothing."""
    return sent(tiny(), [], terminated=False)


@scenario
def noise_only() -> Made:
    """Hold nothing but what an idle link sends."""
    bits = np.random.default_rng(9).integers(0, 2, 40_000).astype(np.uint8)
    return sent(tiny(), [], before=bits, terminated=False)


@scenario
def terminator_only() -> Made:
    """Hold a preamble with nothing behind it."""
    return sent(tiny(), [])


@scenario
def days_later() -> Made:
    """Begin after so long that the clock of 32 bits starts again from 0."""
    config = tiny()
    buffers = buffers_of(config, noise(config, N), Start(timestamp_ms=2**32 - 100))
    return sent(config, idling(buffers, IDLE))
