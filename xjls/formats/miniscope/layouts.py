"""The header formats that are known, as data, each with its id.

Which words they have: the models of mio 0.6 to 0.12, the firmware's releases, and the SD card layout of WireFree v4. Of
what the firmware's notes leave open, this is assumed: layout 4 has its first temperature in the low half of the word,
in 0.01 degC, not valid as the largest int16, and the other one in the byte above it, in no known unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xjls.errors import SelectionError
from xjls.formats.miniscope.crc import Crc
from xjls.formats.miniscope.fields import AdcScale, ByteField, Field, Part, Quantity
from xjls.formats.miniscope.header_format import HeaderFormat
from xjls.formats.miniscope.protobuf import ProtobufArea

__all__ = ["ALIASES", "LAYOUTS", "NANEYE_DUMMY_WORDS", "NANEYE_PREAMBLE", "find_layout", "sd_layout"]

NANEYE_PREAMBLE = 0x7856_3412
NANEYE_DUMMY_WORDS = 12
_ADC = AdcScale()
_COUNTERS = ("frame_num", "buffer_count", "frame_buffer_count", "write_buffer_count", "dropped_buffer_count")
_BATTERY = _ADC.quantity("battery_voltage", _ADC.battery_divider)
_INPUT = _ADC.quantity("input_voltage", _ADC.input_divider)


def _counters(first: int) -> tuple[Part, ...]:
    return tuple(Field(name=name, word=first + place) for place, name in enumerate(_COUNTERS))


def _ms(name: str, word: int) -> Field:
    return Field(name=name, word=word, units="ms")


_TEMPERATURE = Quantity(name="mcu_temperature", units="degC", scale=0.01, invalid=0x7FFF_FFFF)
_HALF_TEMPERATURE = replace(_TEMPERATURE, invalid=0x7FFF)
_MIDDLE: tuple[Part, ...] = (*_counters(1), _ms("timestamp", 6), Field(name="pixel_count", word=7, units="bytes"))
_DIAGNOSTICS: tuple[Part, ...] = tuple(
    Field(name=name, word=8, first_bit=24 - 8 * place, bits=8)
    for place, name in enumerate(("max_backlog", "skipped_resumes", "phase_error", "slip_count"))
)
_NEWER: tuple[Part, ...] = (
    *_MIDDLE, *_DIAGNOSTICS, Field(name="battery_voltage_raw", word=9, bits=8, quantity=_BATTERY),
    Field(name="input_voltage_raw", word=10, bits=8, quantity=_INPUT),
    Field(name="sensor_status", word=10, first_bit=8, bits=24),
)  # fmt: skip
_WORD_TEMPERATURE = Field(name="mcu_temperature_raw", word=0, signed=True, quantity=_TEMPERATURE)

STREAM_1 = HeaderFormat(
    id="stream-1",
    parts=(
        Field(name="linked_list", word=0), *_MIDDLE, _ms("write_timestamp", 8),
        Field(name="battery_voltage_raw", word=9, quantity=_BATTERY),
        Field(name="input_voltage_raw", word=10, quantity=_INPUT),
    ),
)  # fmt: skip
"""Firmware up to 0.3, and mio's ``StreamBufferHeader``."""
STREAM_2 = HeaderFormat(id="stream-2", parts=(_WORD_TEMPERATURE, *_NEWER))
"""Firmware of about 0.3.1."""
STREAM_3 = HeaderFormat(
    id="stream-3",
    parts=(*STREAM_2.parts, Field(name="version_byte", word=11, bits=8)),
    crc=Crc(word=11, first_bit=8, bits=24, stop_byte=45),
)
"""Firmware 0.4."""
STREAM_4 = HeaderFormat(
    id="stream-4",
    parts=(
        Field(name="mcu_temperature_raw", word=0, bits=16, signed=True, quantity=_HALF_TEMPERATURE),
        Field(name="sensor_temperature_raw", word=0, first_bit=16, bits=8), *_NEWER,
        ByteField(name="black_reference", first_byte=44, n_bytes=4), Field(name="version_byte", word=12, bits=8),
    ),
    crc=Crc(word=12, first_bit=8, bits=24, stop_byte=49),
)  # fmt: skip
"""Firmware 0.5."""
STREAM_CRC = HeaderFormat(
    id="stream-crc",
    parts=tuple(replace(part, bits=8) if part.names[0] == "battery_voltage_raw" else part for part in STREAM_1.parts),  # type: ignore[type-var]  # it is a Field
    crc=Crc(word=9, first_bit=8, bits=24, stop_byte=44, preamble=True),
)
"""mio's configuration ``wireless-200px-crc``."""
STREAM_PROTOBUF = HeaderFormat(
    id="stream-protobuf",
    parts=(ByteField(name="message", first_byte=0, n_bytes=60), ProtobufArea(first_byte=0, n_bytes=60)),
    crc=Crc(word=15, stop_byte=60),
)
"""Firmware 0.6 to 0.8. The numbers of the message's fields are not published: a file gives them names."""
NANEYE = replace(STREAM_1, id="naneye", preamble=NANEYE_PREAMBLE)
"""The NanEye miniscope of a branch of mio: the words of its model behind another preamble, no reversals on the wire."""

_SD: tuple[Part, ...] = (
    Field(name="length", word=0, units="words"), Field(name="linked_list", word=1), *_counters(2), _ms("timestamp", 7),
    Field(name="data_length", word=8, units="bytes"), _ms("write_timestamp", 9),
    Field(name="battery_voltage_raw", word=10, quantity=_BATTERY), Field(name="ewl", word=11),
)  # fmt: skip
"""Headers on SD cards: each length has so many of these words."""
_SHORTEST_SD, _LONGEST_SD = 9, len(_SD)


def _sd(length: int) -> HeaderFormat:
    return HeaderFormat(id=f"sd-{length}", parts=tuple(part for part in _SD if part.words <= length))


LAYOUTS: Mapping[str, HeaderFormat] = {
    layout.id: layout
    for layout in (
        STREAM_1, STREAM_2, STREAM_3, STREAM_4, STREAM_CRC, STREAM_PROTOBUF, NANEYE,
        *map(_sd, range(_SHORTEST_SD, _LONGEST_SD + 1)),
    )
}  # fmt: skip
"""The formats by id."""
ALIASES: Mapping[str, str] = {
    "stream-buffer-header": "stream-1", "wireless-200px": "stream-1", "wireless-200px-crc": "stream-crc",
    "ber-prbs15": "stream-1", "sd-buffer-header": "sd-9", "wirefree-sd-layout": "sd-9",
    "wirefree-sd-layout-battery": "sd-11",
}  # fmt: skip
"""Ids of mio for the same words."""


def find_layout(id: str) -> HeaderFormat:  # noqa: A002  # as the field is called
    """Return a known format by its id, or by mio's.

    Raises
    ------
    SelectionError
        None has it.

    Examples
    --------
    >>> find_layout("stream-buffer-header").id, find_layout("sd-11").words
    ('stream-1', 11)
    """
    found = LAYOUTS.get(ALIASES.get(id, id))
    if found is None:
        raise SelectionError(
            f"no header format has the id {id!r}",
            f"Ids: {', '.join([*LAYOUTS, *ALIASES])}; or give the path of a YAML file.",
        )
    return found


def sd_layout(length: int) -> HeaderFormat:
    """Return the format of headers on an SD card, by their first word; longer ones begin like the longest known.

    Raises
    ------
    SelectionError
        There is none so short.

    Examples
    --------
    >>> [sd_layout(length).names[-1] for length in (9, 10, 11, 12)]
    ['data_length', 'write_timestamp', 'battery_voltage', 'ewl']
    >>> sd_layout(16).words
    16
    """
    if length < _SHORTEST_SD:
        raise SelectionError(f"a header on an SD card has {length} words", f"Headers have {_SHORTEST_SD} or more.")
    known = LAYOUTS[f"sd-{min(length, _LONGEST_SD)}"]
    return known if known.words == length else replace(known, id=f"sd-{length}", n_words=length)
