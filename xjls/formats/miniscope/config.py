"""How a stream is sent: the numbers of a configuration, from keyword arguments, a mapping or a file of mio.

What mio's keys mean in its arithmetic, whatever its documentation says: ``header_len`` counts bits, and the preamble
with them; ``block_size`` counts bytes; ``dummy_words`` counts words of 32 bits.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from xjls.errors import CorruptError, SelectionError
from xjls.formats.miniscope.header_facts import adc_of
from xjls.formats.miniscope.header_files import load_header_format, read_yaml
from xjls.formats.miniscope.header_format import PREAMBLE, HeaderFormat
from xjls.formats.miniscope.shape import FrameShape

__all__ = ["PRESETS", "ConfigSource", "StreamConfig", "load_config"]

_WIRELESS = {
    "frame_width": 200, "frame_height": 200, "header_len": 384, "buffer_block_length": 10, "block_size": 512,
    "num_buffers": 32, "dummy_words": 10, "reverse_header_bits": True, "reverse_header_bytes": True,
    "reverse_payload_bits": True, "reverse_payload_bytes": True,
}  # fmt: skip
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"wireless-200px": _WIRELESS, "wireless-200px-crc": {**_WIRELESS, "header_crc": True}}
)
"""Configurations that are known, by mio's ids."""
_IGNORED = frozenset({"id", "mio_model", "mio_version", "device", "bitstream", "port", "baudrate", "runtime", "LSB"})
"""Keys of mio's files that say nothing about bytes."""
_OF_BITS = {416: "stream-3", 448: "stream-4", 544: "stream-protobuf"}
"""Header formats that only one ``header_len`` belongs to."""
_BITS = 32
_MOST_BYTES = 1 << 26
_MOST_FPS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """What both ends of a link have agreed on, under mio's names.

    Examples
    --------
    >>> config = load_config("wireless-200px")
    >>> config.payload_bytes, config.shape.sizes.tolist()[-2:], f"{config.pattern:08x}"
    (5032, [5032, 4776], '1e6a2c48')
    """

    frame_width: int
    frame_height: int
    pix_depth: int = 8
    """Bits of a pixel."""
    packing: str = "bytes"
    """How pixels become bytes: one of `xjls.formats.miniscope.shape.PACKINGS`."""
    fs: float = 20.0
    """Frames per second, as they should be; timestamps tell how many there were."""
    preamble: int = PREAMBLE
    header_len: int = 384
    """Bits of a header, the preamble's 32 among them."""
    buffer_block_length: int = 10
    """Blocks of a buffer."""
    block_size: int = 512
    """Bytes of a block."""
    num_buffers: int = 0
    """Buffers in the instrument's ring; 0: not known, and not checked."""
    dummy_words: int = 0
    """Words of 32 bits ahead of each preamble."""
    reverse_header_bits: bool = False
    """Whether the 32 bits of each word are reversed, in headers."""
    reverse_header_bytes: bool = False
    """Whether the 4 bytes of each word are reversed, in headers."""
    reverse_payload_bits: bool = False
    reverse_payload_bytes: bool = False
    header_format: HeaderFormat
    """What the words of a header mean."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("header_len", 2 * _BITS, 257 * _BITS), ("buffer_block_length", 1, _MOST_BYTES),
            ("block_size", 1, _MOST_BYTES), ("num_buffers", 0, 1 << 32), ("dummy_words", 0, 1 << 20),
            ("preamble", 0, (1 << _BITS) - 1),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise SelectionError(f"{name!r} is {getattr(self, name)}", f"Give {low} to {high}.")
        if self.header_len % _BITS:
            raise SelectionError(
                f"'header_len' is {self.header_len}", "It counts bits, the preamble's 32 among them: a multiple of 32."
            )
        if self.buffer_bytes > _MOST_BYTES:
            raise SelectionError(
                f"'buffer_block_length' times 'block_size' is {self.buffer_bytes} bytes", f"At most {_MOST_BYTES}."
            )
        if self.header_format.words > self.header_words:
            raise SelectionError(
                f"'header_len' is {self.header_len}: {self.header_words} words behind the preamble",
                f"The header format {self.header_format.id!r} has {self.header_format.words}; give 'header_len' "
                f"{self.header_format.header_bits} or more, or another 'header_format'.",
            )
        if not 0 < self.fs <= _MOST_FPS:
            raise SelectionError(f"'fs' is {self.fs}", f"Give frames per second, up to {_MOST_FPS}.")
        _ = self.shape  # is refused here if it cannot be

    @property
    def buffer_bytes(self) -> int:
        """Bytes of a buffer on the wire, dummies and preamble among them."""
        return self.buffer_block_length * self.block_size

    @property
    def header_words(self) -> int:
        """Words of a header behind the preamble."""
        return self.header_len // _BITS - 1

    @property
    def payload_bytes(self) -> int:
        """Bytes of pixels that a buffer has room for."""
        return self.buffer_bytes - self.header_len // 8 - 4 * self.dummy_words

    @property
    def shape(self) -> FrameShape:
        """Frames, and what they are cut into."""
        return FrameShape(
            width=self.frame_width, height=self.frame_height, pix_depth=self.pix_depth, packing=self.packing,
            payload_bytes=self.payload_bytes,
        )  # fmt: skip

    @property
    def pattern(self) -> int:
        """The preamble's 32 bits as they are on the wire, the first of them highest."""
        return int(f"{self.preamble:032b}"[::-1], 2) if self.reverse_header_bits else self.preamble

    @property
    def header_reversal(self) -> int:
        """How words of headers are turned: a `xjls.kernels.bitstream.Reversal`."""
        return self.reverse_header_bits + 2 * self.reverse_header_bytes

    @property
    def payload_reversal(self) -> int:
        """How groups of 4 bytes of pixels are turned."""
        return self.reverse_payload_bits + 2 * self.reverse_payload_bytes


ConfigSource: TypeAlias = StreamConfig | Mapping[Any, Any] | str | os.PathLike[str] | None
_KINDS = {
    field.name: str(field.type) for field in fields(StreamConfig) if field.name not in ("preamble", "header_format")
}
_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}
_KEYS = (*_KINDS, "preamble", "header_format", "header_crc", "adc_scale")


def load_config(source: ConfigSource = None, **changes: Any) -> StreamConfig:
    """Return a configuration by whatever names it, with changes.

    Parameters
    ----------
    source
        Itself, a mapping with mio's keys, the id of a preset, the path of a YAML file of any mio; None: `changes`.
    changes
        Fields of `StreamConfig`, which take the place of the source's. ``header_format`` is whatever
        `load_header_format` takes, ``adc_scale`` is mio's, ``header_crc`` chooses the format ``stream-crc``.

    Raises
    ------
    SelectionError
        A key is unknown, missing or wrong; the message names it and says what is allowed.
    CorruptError
        The file is no configuration.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> load_config("wireless-200px", dummy_words=0).payload_bytes
    5072
    >>> load_config(frame_width=16, frame_height=16, preamble="0x0f0f3355").preamble == 0x0F0F3355
    True
    """
    if isinstance(source, StreamConfig):
        return replace(source, **_checked(changes, source)) if changes else source
    if source is None or isinstance(source, Mapping):
        return _built({**(source or {}), **changes})
    if not isinstance(source, str | os.PathLike):
        raise SelectionError(
            f"'config' is {reprlib.repr(source)}",
            f"Give an id ({', '.join(PRESETS)}), the path of a YAML file or a mapping.",
        )
    name = os.fspath(source)
    if name in PRESETS:
        return _built({**PRESETS[name], **changes})
    if not name.lower().endswith((".yaml", ".yml")):
        raise SelectionError(
            f"no configuration has the id {name!r}", f"Ids: {', '.join(PRESETS)}; or give the path of a YAML file."
        )
    facts = read_yaml(name)
    if not isinstance(facts, Mapping):
        raise CorruptError("a configuration is a mapping", name, -1, "Give keys and values, as header_len: 384.")
    try:
        return _built({**facts, **changes})
    except SelectionError as error:
        if any(repr(key) in error.problem for key in changes):
            raise  # the file says nothing of it
        raise CorruptError(error.problem, name, -1, error.remedy) from None


def _built(facts: Mapping[Any, Any]) -> StreamConfig:
    given = _checked(facts, None)
    missing = [name for name in ("frame_width", "frame_height") if name not in given]
    if missing:
        raise SelectionError(f"the configuration lacks {', '.join(map(repr, missing))}", "Give pixels.")
    return StreamConfig(**given)


def _checked(facts: Mapping[Any, Any], before: StreamConfig | None) -> dict[str, Any]:
    """Return fields of a `StreamConfig` of the right types."""
    unknown = [reprlib.repr(key) for key in facts if key not in _KEYS and key not in _IGNORED]
    if unknown:
        raise SelectionError(f"the configuration has {', '.join(unknown)}", f"Allowed: {', '.join(_KEYS)}.")
    given = {key: _value(key, facts[key]) for key in _KINDS if facts.get(key) is not None}
    if facts.get("preamble") is not None:
        given["preamble"] = _preamble(facts["preamble"])
    given["header_format"] = _header_format(facts, given, before)
    return given


def _value(key: str, value: Any) -> Any:
    kind = _KINDS[key]
    wanted = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "bool"):
        raise SelectionError(f"{key!r} is {reprlib.repr(value)}", f"Give {_WORDS[kind]}.")
    return value


def _preamble(value: Any) -> int:
    """Return a preamble that is a number, or text of hexadecimal digits."""
    try:
        number = int(value, 16) if isinstance(value, str) else value
    except ValueError:
        number = None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << _BITS:
        raise SelectionError(
            f"'preamble' is {reprlib.repr(value)}", "Give a number of 32 bits, or text of its hexadecimal digits."
        )
    return number


def _header_format(facts: Mapping[Any, Any], given: Mapping[str, Any], before: StreamConfig | None) -> HeaderFormat:
    """Return the format that is asked for, or else that to which bits and checksum point."""
    chosen = facts.get("header_format")
    if chosen is None and facts.get("header_crc"):
        chosen = "stream-crc"
    if chosen is None:
        bits = given.get("header_len", 384)
        chosen = before.header_format if before is not None else _OF_BITS.get(bits, "stream-1")
    found = load_header_format(chosen)
    preamble = given.get("preamble", before.preamble if before is not None else PREAMBLE)
    found = replace(found, preamble=preamble)
    return found if "adc_scale" not in facts else found.with_adc(adc_of(facts["adc_scale"]))
