"""What a JS110 sends over USB, made of words: packets, one after the other, with any that are lost or spoilt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["counting_words", "usb_packets"]

PACKET_BYTES, PACKET_SAMPLES = 512, 126


def counting_words(start: int, stop: int) -> NDArray[np.uint16]:
    """Return words of samples [start, stop), u16[time, 2], that count: current 2 i, voltage 2 i + 1, of range 0.

    Examples
    --------
    >>> (counting_words(3, 5) >> 2).tolist(), (counting_words(3, 5) & 3).tolist()
    ([[6, 7], [8, 9]], [[0, 2], [0, 0]])
    """
    codes = np.arange(2 * start, 2 * stop).reshape(-1, 2) & 0x3FFF
    codes <<= 2
    codes[:, 1] |= (np.arange(start, stop) & 1) << 1
    return codes.astype(np.uint16)


def usb_packets(
    index: int, count: int = 1, words: NDArray[np.uint16] | None = None, *, voltage_range: int = 0
) -> NDArray[np.uint8]:
    """Return consecutive packets.

    Parameters
    ----------
    index, count
        Number of the first one, and how many.
    words
        u16[126 * count, 2]; None for those of `counting_words` by the packets' numbers.
    voltage_range
        0 or 1.

    Examples
    --------
    >>> packets = usb_packets(1, 2)
    >>> packets.size, packets.view("<u2")[256 + 2], packets.view("<u2")[256 + 4] >> 2
    (1024, np.uint16(2), np.uint16(504))
    """
    if words is None:
        words = counting_words(index * PACKET_SAMPLES, (index + count) * PACKET_SAMPLES)
    packets = np.zeros((count, PACKET_BYTES // 2), "<u2")
    packets[:, 0] = 1
    packets[:, 1] = PACKET_BYTES | voltage_range << 15
    packets[:, 2] = np.arange(index, index + count) & 0xFFFF
    packets[:, 4:] = words.reshape(count, -1)
    return packets.reshape(-1).view(np.uint8)
