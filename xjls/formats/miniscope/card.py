"""The image of a wire-free miniscope's SD card -> the same table of buffers that a stream has.

A card has no files: settings, a configuration and then buffers stand at fixed sectors, each buffer at the beginning of
one. Each header says how long it is and how many bytes of pixels follow, so buffers are found by walking from one to
the next. Behind the last one there may be zeros, or what an older recording left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xjls.errors import NotRecognizedError, SelectionError
from xjls.formats.miniscope.buffers import Buffers, ByteSource
from xjls.formats.miniscope.checks import check_headers
from xjls.formats.miniscope.layouts import sd_layout
from xjls.formats.miniscope.shape import FrameShape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SECTOR_BYTES", "SETTINGS_SECTORS", "CardConfig", "find_card_buffers", "read_card_config"]

SECTOR_BYTES = 512
SETTINGS_SECTORS = (1022, 1023)
"""Where settings are: on cards of WireFree v4, and on older ones. The configuration is in the next sector, the first
buffer in the one behind that."""
WRITE_KEYS = (0x0D7C_BA17,) * 4
SETTINGS = (
    "gain", "led", "ewl", "record_length_s", "fps", "delay_start_s", "battery_cutoff_mv", "ewl_scan_enable",
    "ewl_scan_start", "ewl_scan_stop", "ewl_scan_step", "ewl_scan_step_time",
)  # fmt: skip
"""Words of the settings behind the keys."""
_SHORTEST, _LONGEST = 9, 64
_DEFAULT_WORDS = 12
_MOST_SIDE = 1 << 13
_MOST_BYTES = 1 << 24
_BUFFER_COUNT, _TIMESTAMP, _DATA_LENGTH = 3, 7, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CardConfig:
    """What a card says of the recording on it."""

    frame_width: int
    frame_height: int
    fps: int
    """Frames per second, as they should be."""
    buffer_bytes: int
    """Of a whole buffer, with its header."""
    recorded: int
    """Buffers that were written; 0: none, or the recording was never stopped."""
    dropped: int
    """Buffers that were not."""
    header_words: int
    """Words of a header."""
    settings_sector: int
    settings: dict[str, int]
    """Words of the settings, by the names of `SETTINGS`."""
    has_keys: bool
    """Whether the settings begin with their keys; cards are used without."""

    @property
    def data_byte(self) -> int:
        """Where the first buffer begins."""
        return (self.settings_sector + 2) * SECTOR_BYTES

    @property
    def shape(self) -> FrameShape:
        """Frames, and what they are cut into."""
        payload = self.buffer_bytes - 4 * self.header_words
        return FrameShape(width=self.frame_width, height=self.frame_height, payload_bytes=payload)


def read_card_config(data: ByteSource, settings_sector: int | None = None) -> CardConfig:
    """Return what a card says of its recording.

    Parameters
    ----------
    data
        u8[byte]: the image.
    settings_sector
        Where the settings are; None: the first of `SETTINGS_SECTORS` behind which a configuration stands.

    Raises
    ------
    NotRecognizedError
        There is no configuration.

    Examples
    --------
    >>> image = np.zeros(1024 * 512, np.uint8)
    >>> image[1023 * 512 :][:24] = np.array([304, 304, 20, 40 * 512, 0, 0], "<u4").view(np.uint8)
    >>> config = read_card_config(image)
    >>> config.shape.sizes.tolist(), config.settings_sector
    ([20432, 20432, 20432, 20432, 10688], 1022)
    """
    sectors = SETTINGS_SECTORS if settings_sector is None else (settings_sector,)
    found = [config for sector in sectors if (config := _config_at(data, sector)) is not None]
    if not found:
        raise NotRecognizedError(
            "the card has no configuration", "", (sectors[0] + 1) * SECTOR_BYTES,
            f"Looked behind sectors {', '.join(map(str, sectors))}; give 'settings_sector' if it is another one.",
        )  # fmt: skip
    return found[0]


def find_card_buffers(data: ByteSource, config: CardConfig) -> Buffers:
    """Return all buffers of a card.

    The walk ends where as many are found as were recorded, where counts or times go back, where no header stands, and
    where data end: of a header that they end in there is a row as well.

    Raises
    ------
    SelectionError
        The configuration is of another card.

    Examples
    --------
    >>> image = np.zeros(1025 * 512, np.uint8)
    >>> image[1023 * 512 :][:24] = np.array([304, 304, 20, 40 * 512, 0, 0], "<u4").view(np.uint8)
    >>> len(find_card_buffers(image, read_card_config(image)))
    0
    """
    format = sd_layout(config.header_words)  # noqa: A001  # as everywhere in this room
    places, headers = _walk(data, config)
    words = np.array(headers, np.uint32).reshape(len(headers), config.header_words)
    bit_offset = 8 * np.array(places, np.int64)
    is_cut = bit_offset + 32 * config.header_words > 8 * len(data)
    columns = format.decode(words)
    flags = check_headers(format, words, columns, config.shape.sizes, 0, is_cut)
    return Buffers(
        shape=config.shape, format=format, bit_offset=bit_offset, words=words, columns=columns, flags=flags,
        payload_bit=32 * config.header_words, n_bytes=len(data),
    )  # fmt: skip


def _words(data: ByteSource, at: int, n: int) -> NDArray[np.uint32]:
    """Return words at a byte, u32[word]; 0 behind the end."""
    held = np.zeros(4 * n, np.uint8)
    piece = data[at : at + 4 * n]
    held[: len(piece)] = piece
    return held.view("<u4").astype(np.uint32, copy=False)


def _config_at(data: ByteSource, settings_sector: int) -> CardConfig | None:
    """Return the configuration behind a sector; None: none can be there."""
    settings = _words(data, settings_sector * SECTOR_BYTES, 4 + len(SETTINGS)).tolist()
    width, height, fps, size, recorded, dropped = _words(data, (settings_sector + 1) * SECTOR_BYTES, 6).tolist()
    length = int(_words(data, (settings_sector + 2) * SECTOR_BYTES, 1)[0])
    words = length if _SHORTEST <= length <= _LONGEST else _DEFAULT_WORDS
    if not (1 <= width <= _MOST_SIDE and 1 <= height <= _MOST_SIDE and 4 * words < size <= _MOST_BYTES):
        return None
    if size % SECTOR_BYTES:
        return None
    try:
        FrameShape(width=width, height=height, payload_bytes=size - 4 * words)
    except SelectionError:  # frames of so many buffers are none
        return None
    return CardConfig(
        frame_width=width, frame_height=height, fps=fps, buffer_bytes=size, recorded=recorded, dropped=dropped,
        header_words=words, settings_sector=settings_sector,
        settings=dict(zip(SETTINGS, settings[4:], strict=True)), has_keys=tuple(settings[:4]) == WRITE_KEYS,
    )  # fmt: skip


def _walk(data: ByteSource, config: CardConfig) -> tuple[list[int], list[list[int]]]:
    """Return the byte at which each buffer begins, and the words of its header."""
    places: list[int] = []
    headers: list[list[int]] = []
    at, n_words, n_bytes = config.data_byte, config.header_words, len(data)
    while at < n_bytes and not (config.recorded and len(places) >= config.recorded):
        header = _words(data, at, n_words).tolist()
        if at + 4 * n_words > n_bytes:
            if header[0] == n_words or (config.recorded and at + 4 > n_bytes):
                places.append(at)
                headers.append([0] * n_words)
            break
        if header[0] != n_words or not 0 < header[_DATA_LENGTH] <= config.buffer_bytes - 4 * n_words:
            break
        if headers and _goes_back(headers[-1], header):
            break
        places.append(at)
        headers.append(header)
        at += -(-(header[_DATA_LENGTH] + 4 * n_words) // SECTOR_BYTES) * SECTOR_BYTES
    return places, headers


def _goes_back(before: list[int], header: list[int]) -> bool:
    """Tell whether counts or times go back, modulo 2**32: what follows is of an older recording."""
    return any((header[word] - before[word]) & 0xFFFF_FFFF >= 1 << 31 for word in (_BUFFER_COUNT, _TIMESTAMP))
