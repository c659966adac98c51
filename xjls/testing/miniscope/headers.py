"""The words of a header, by layout: counters, times and voltages, what newer firmware put beside them, checksums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xjls.testing.miniscope.config import Layout, StreamConfig

Words = NDArray[np.uint32]

WORD_OF: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        (
            "linked_list", "frame_num", "buffer_count", "frame_buffer_count", "write_buffer_count",
            "dropped_buffer_count", "timestamp", "pixel_count", "write_timestamp", "battery_voltage_raw",
            "input_voltage_raw",
        )
    )
}  # fmt: skip
"""Where the layouts with words have what."""
FIELD_NUMBERS: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        (
            "firmware_id", "packet_type", "device_id", "frame_num", "buffer_count", "frame_buffer_count", "tx_backlog",
            "dropped_buffer_count", "timestamp", "pixel_count", "battery_voltage_raw", "input_voltage_raw",
        ),
        start=1,
    )
}  # fmt: skip
"""Numbers of fields in a protobuf message: this writer's own, as nobody has published those of the firmware."""
TEMPERATURE_CENTI = -512
"""What layouts with a temperature say of it, in 0.01 degC."""
SENSOR_TEMPERATURE = 61
DIAGNOSTICS = (3, 1, 250, 7)
"""Largest backlog, skipped resumes, phase error, slips."""
SENSOR_STATUS = 0x00AB_CDEF
BLACK_REFERENCE = (16, 17, 15, 18)
_VERSION = bytes([0xA5, 4, *b"0123456789abcdef", 3, 0, 9, 200, 0, 200, 0, 20, 32, *bytes(4)])
VERSION_RECORD = _VERSION + bytes([-sum(_VERSION) % 256])
"""32 bytes, the first of them 0xA5; they sum up to 0 modulo 256."""


def words_of(config: StreamConfig, values: Mapping[str, int]) -> Words:
    """Return the words of one header behind its preamble, u32[word].

    Parameters
    ----------
    config
        Its `layout` says what stands where.
    values
        By names of `WORD_OF`; others are 0.

    Examples
    --------
    >>> words_of(StreamConfig(), {"frame_num": 7, "battery_voltage_raw": 190})
    array([  0,   7,   0,   0,   0,   0,   0,   0,   0, 190,   0],
          dtype=uint32)
    """
    if config.layout == "stream-protobuf":
        return _message_words(values)
    words = np.zeros(config.header_words, np.uint32)
    for name, word in WORD_OF.items():
        words[word] = values.get(name, 0)
    if config.layout in ("stream-2", "stream-3", "stream-4"):
        _put_newer(config.layout, words)
    return sealed(config, words)


def sealed(config: StreamConfig, words: Words) -> Words:
    """Return words with the checksum that they must have.

    Examples
    --------
    >>> words = sealed(StreamConfig(layout="stream-crc"), np.zeros(11, np.uint32))
    >>> int(words[9]) >> 8 == zlib.crc32(bytes.fromhex("78563412") + bytes(44)) & 0xFFFFFF
    True
    """
    found = words.astype("<u4")
    if config.layout in ("stream-3", "stream-4"):
        byte = VERSION_RECORD[int(found[WORD_OF["buffer_count"]]) % len(VERSION_RECORD)]
        found[-1] = byte
        found[-1] |= np.uint32((zlib.crc32(found.tobytes()[:-3]) & 0xFF_FFFF) << 8)
    elif config.layout == "stream-crc":
        battery = WORD_OF["battery_voltage_raw"]
        found[battery] &= np.uint32(0xFF)
        crc = zlib.crc32(struct.pack("<I", config.preamble) + found.tobytes())
        found[battery] |= np.uint32((crc & 0xFF_FFFF) << 8)
    elif config.layout == "stream-protobuf":
        found[-1] = zlib.crc32(found.tobytes()[:-4])
    return found.astype(np.uint32)


def _put_newer(layout: Layout, words: Words) -> None:
    """Put a temperature in place of the ring's slot, and what else came with it."""
    words[WORD_OF["linked_list"]] = TEMPERATURE_CENTI & 0xFFFF_FFFF
    if layout == "stream-4":
        words[WORD_OF["linked_list"]] = TEMPERATURE_CENTI & 0xFFFF | SENSOR_TEMPERATURE << 16
        words[11] = int.from_bytes(bytes(BLACK_REFERENCE), "little")
    words[WORD_OF["write_timestamp"]] = int.from_bytes(bytes(DIAGNOSTICS), "big")
    words[WORD_OF["input_voltage_raw"]] |= np.uint32(SENSOR_STATUS << 8 & 0xFFFF_FF00)


def _message_words(values: Mapping[str, int]) -> Words:
    """Return 16 words: a length, a message, zeros and the checksum of all that."""
    said = {"firmware_id": 6, "packet_type": 1, "device_id": 9, **values}
    message = b"".join(
        _varint(number << 3) + _varint(said[name]) for name, number in FIELD_NUMBERS.items() if said.get(name)
    )
    area = (bytes([len(message)]) + message).ljust(60, b"\0")
    return np.frombuffer(area + struct.pack("<I", zlib.crc32(area)), "<u4").astype(np.uint32)


def _varint(value: int) -> bytes:
    """Encode an integer, 7 bits a byte, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
