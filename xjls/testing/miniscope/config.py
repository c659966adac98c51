"""How a miniscope sends its frames: the numbers of a configuration, under the names that its files have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

Packing: TypeAlias = Literal["bytes", "msb", "lsb", "u16", "framed"]
Layout: TypeAlias = Literal["stream-1", "stream-2", "stream-3", "stream-4", "stream-crc", "stream-protobuf"]

HEADER_BITS: dict[Layout, int] = {
    "stream-1": 384, "stream-2": 384, "stream-3": 416, "stream-4": 448, "stream-crc": 384, "stream-protobuf": 544,
}  # fmt: skip
"""Bits of a header, its preamble among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameConfig(ABC):
    """Frames, and what they are cut into."""

    frame_width: int = 200
    frame_height: int = 200
    pix_depth: int = 8
    """Bits of a pixel."""
    packing: Packing = "bytes"
    """How pixels become bytes; see `pack`."""

    @property
    @abstractmethod
    def payload_bytes(self) -> int:
        """Bytes of pixels that a buffer has room for."""

    @property
    def pixel_bits(self) -> int:
        """Bits that a pixel has on its way."""
        return {"bytes": 8, "u16": 16, "framed": self.pix_depth + 2}.get(self.packing, self.pix_depth)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame's pixels."""
        return -(-self.frame_width * self.frame_height * self.pixel_bits // 8)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of pixels in each buffer of a frame."""
        whole, rest = divmod(self.frame_bytes, self.payload_bytes)
        return (self.payload_bytes,) * whole + ((rest,) if rest else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig(FrameConfig):
    """What both ends of a link have agreed on.

    Examples
    --------
    >>> config = StreamConfig()
    >>> config.buffer_bytes, config.payload_bytes, config.sizes
    (5120, 5032, (5032, 5032, 5032, 5032, 5032, 5032, 5032, 4776))
    """

    preamble: int = 0x1234_5678
    header_len: int = 384
    """Bits, the preamble's 32 among them."""
    buffer_block_length: int = 10
    """Blocks in a buffer."""
    block_size: int = 512
    """Bytes in a block."""
    num_buffers: int = 32
    """Buffers in the ring."""
    dummy_words: int = 10
    """Words ahead of each preamble."""
    reverse_header_bits: bool = True
    reverse_header_bytes: bool = True
    reverse_payload_bits: bool = True
    reverse_payload_bytes: bool = True
    layout: Layout = "stream-1"
    """What stands in which word of a header."""

    @property
    def buffer_bytes(self) -> int:
        """Bytes of each buffer on the wire, dummies and preamble among them."""
        return self.buffer_block_length * self.block_size

    @property
    def header_words(self) -> int:
        """Words of a header behind its preamble."""
        return self.header_len // 32 - 1

    @property
    def payload_bytes(self) -> int:
        """Bytes of pixels that a buffer has room for."""
        return self.buffer_bytes - self.header_len // 8 - 4 * self.dummy_words

    @property
    def preamble_on_wire(self) -> int:
        """The preamble's 32 bits as they are sent, the first of them highest.

        Examples
        --------
        >>> f"{StreamConfig().preamble_on_wire:08x}"
        '1e6a2c48'
        """
        return int(f"{self.preamble:032b}"[::-1], 2) if self.reverse_header_bits else self.preamble

    def yaml(self, name: str = "synthetic") -> str:
        """Return the text of a configuration file, with mio's keys.

        Examples
        --------
        >>> print(StreamConfig().yaml("mine")[:61])
        id: mine
        mio_model: mio.models.stream.StreamDevConfig
        mio_ver
        """
        said = {key: value for key, value in asdict(self).items() if key not in ("layout", "packing")}
        lines = [f"id: {name}", "mio_model: mio.models.stream.StreamDevConfig", "mio_version: 0.10.0", "device: OK"]
        return "\n".join([*lines, *(f"{key}: {str(value).lower()}" for key, value in said.items()), ""])


def tiny(*, layout: Layout = "stream-1", **changes: Any) -> StreamConfig:
    """Return a configuration of small frames: 16 x 16 pixels, in buffers of 128 bytes unless said otherwise.

    Examples
    --------
    >>> tiny().sizes
    (72, 72, 72, 40)
    >>> tiny(layout="stream-4").header_len
    448
    """
    fields: dict[str, Any] = {
        "frame_width": 16, "frame_height": 16, "buffer_block_length": 4, "block_size": 32, "dummy_words": 2,
        "num_buffers": 8, "header_len": HEADER_BITS[layout],
    }  # fmt: skip
    return StreamConfig(layout=layout, **(fields | changes))
