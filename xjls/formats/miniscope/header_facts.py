"""Our own description of a header, as a mapping that a YAML file holds -> `HeaderFormat`. Pure; no file is read here.

All keys but ``fields`` or ``protobuf`` may be left out::

    id: my-scope
    words: 13                     # behind the preamble
    preamble: 0x12345678
    fields:
      frame_num: 1                # a whole word
      mcu_temperature_raw: {word: 0, bits: 16, signed: true, scale: 0.01, units: degC, invalid: 0x7fff}
      phase_error: {byte: 33, bits: 8}
      black_reference: {first_byte: 44, n_bytes: 4}
    protobuf:
      first_byte: 0
      n_bytes: 60
      fields:
        3: buffer_count           # by their numbers in the message
        9: {name: temperature_raw, type: sint32, scale: 0.01, units: degC}
    crc: {word: 12, first_bit: 8, bits: 24, stop_byte: 49, preamble: false}
    adc_scale: {ref_voltage: 1.1, bitdepth: 8, battery_div_factor: 5.0, vin_div_factor: 11.3}
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from xjls.errors import SelectionError
from xjls.formats.miniscope.crc import Crc
from xjls.formats.miniscope.fields import AdcScale, ByteField, Field, Part, Quantity
from xjls.formats.miniscope.header_format import PREAMBLE, HeaderFormat
from xjls.formats.miniscope.layouts import LAYOUTS
from xjls.formats.miniscope.protobuf import ProtobufArea, ProtobufField

__all__ = ["adc_of", "field_at", "format_of_facts", "whole", "without_mio"]

_SCALING = {"value": str, "scale": float, "offset": float, "invalid": int, "units": str}
_FIELD = {"word": int, "byte": int, "first_bit": int, "bits": int, "signed": bool, **_SCALING}
_BYTES = {"first_byte": int, "n_bytes": int}
_MESSAGE = {**_BYTES, "fields": dict}
_NUMBER = {"name": str, "type": str, **_SCALING}
_CRC = {"word": int, "first_bit": int, "bits": int, "first_byte": int, "stop_byte": int, "preamble": bool}
_ADC = {"ref_voltage": float, "bitdepth": int, "battery_div_factor": float, "vin_div_factor": float}
_FORMAT = {"id": str, "words": int, "preamble": int, "fields": dict, "protobuf": dict, "crc": dict, "adc_scale": dict}
_OF_MIO = ("id", "mio_model", "mio_version")
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", dict: "a mapping"}
_KNOWN = {
    part.name: part for layout in ("sd-12", "stream-1") for part in LAYOUTS[layout].parts if isinstance(part, Field)
}
"""What names mean wherever they stand."""


def format_of_facts(facts: Mapping[Any, Any], default_id: str) -> HeaderFormat:
    """Return the format that facts describe.

    Raises
    ------
    SelectionError
        They do not; the message names the field, and says what is allowed.
    """
    given = _typed({key: value for key, value in facts.items() if key not in _OF_MIO[1:]}, "the header format", _FORMAT)
    parts = [_part(name, value) for name, value in given.get("fields", {}).items()]
    if "protobuf" in given:
        parts.append(_message(given["protobuf"]))
    made = HeaderFormat(
        id=given.get("id", default_id), parts=tuple(parts), n_words=given.get("words", 0), crc=_crc(given.get("crc")),
        preamble=given.get("preamble", PREAMBLE),
    )  # fmt: skip
    return made if "adc_scale" not in facts else made.with_adc(adc_of(facts["adc_scale"]))


def adc_of(facts: Any) -> AdcScale | None:
    """Return the scale that mio's ``adc_scale`` says; None: there is none."""
    if facts is None:
        return None
    given = _typed(facts, "'adc_scale'", _ADC)
    default = AdcScale()
    made = AdcScale(
        reference_v=given.get("ref_voltage", default.reference_v), bits=given.get("bitdepth", default.bits),
        battery_divider=given.get("battery_div_factor", default.battery_divider),
        input_divider=given.get("vin_div_factor", default.input_divider),
    )  # fmt: skip
    if not 1 <= made.bits <= 32:
        raise SelectionError(f"'bitdepth' of 'adc_scale' is {made.bits}", "Give 1 to 32.")
    return made


def field_at(name: str, word: Any) -> Field:
    """Return the field of a name that is a whole word; units, and what it means, are those that the name always has."""
    place = whole(name, word)
    known = _KNOWN.get(name)
    return Field(name=name, word=place) if known is None else replace(known, word=place)


def whole(name: Any, number: Any) -> int:
    """Return the position of a field, or refuse it by the field's name."""
    if not isinstance(name, str):
        raise SelectionError(f"{_short(name)} is no name of a field", "Names are text, as frame_num.")
    if isinstance(number, bool) or not isinstance(number, int):
        raise SelectionError(f"field {name!r} is {_short(number)}", "Give the whole number of a word, from 0 on.")
    return number


def without_mio(facts: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return facts without the keys that mio's files begin with."""
    return {key: value for key, value in facts.items() if key not in _OF_MIO}


def _part(name: Any, facts: Any) -> Part:
    if not isinstance(facts, Mapping):
        return field_at(name, facts)
    where = f"field {_short(name)}"
    if "n_bytes" in facts:
        given = _typed(facts, where, _BYTES, needed=_BYTES)
        return ByteField(name=_text(name), **given)
    given = _typed(facts, where, _FIELD)
    if ("word" in given) == ("byte" in given):
        raise SelectionError(
            f"{where} has no one place", "Give either 'word' or 'byte', or 'first_byte' and 'n_bytes'."
        )
    place = 32 * given["word"] if "word" in given else 8 * given["byte"]
    place += given.get("first_bit", 0) if "byte" in given else 0
    first_bit = place % 32 if "byte" in given else given.get("first_bit", 0)
    bits = given.get("bits", 32 if "word" in given else 8)
    units, quantity = _meaning(_text(name), given)
    return Field(
        name=name, word=place // 32, first_bit=first_bit, bits=bits, signed=given.get("signed", False), units=units,
        quantity=quantity,
    )  # fmt: skip


def _message(facts: Mapping[Any, Any]) -> ProtobufArea:
    given = _typed(facts, "'protobuf'", _MESSAGE, needed=_BYTES)
    fields = tuple(_number(number, value) for number, value in given.get("fields", {}).items())
    return ProtobufArea(first_byte=given["first_byte"], n_bytes=given["n_bytes"], fields=fields)


def _number(number: Any, facts: Any) -> ProtobufField:
    if isinstance(number, bool) or not isinstance(number, int):
        raise SelectionError(
            f"a field of 'protobuf' is {_short(number)}", "Give its number in the message, then its name."
        )
    if isinstance(facts, str):
        return ProtobufField(number=number, name=facts)
    where = f"field {number} of 'protobuf'"
    given = _typed(facts, where, _NUMBER, needed=("name",))
    units, quantity = _meaning(given["name"], given)
    return ProtobufField(
        number=number, name=given["name"], type=given.get("type", "uint32"), units=units, quantity=quantity
    )


def _meaning(name: str, given: Mapping[str, Any]) -> tuple[str, Quantity | None]:
    """Return the units of a field's integers, and what they mean: its units are those of the quantity if it has one."""
    units = given.get("units", "")
    scaling = {key: given[key] for key in ("scale", "offset", "invalid") if key in given}
    if not scaling and "value" not in given:
        known = _KNOWN.get(name)
        return (units, None) if units or known is None else (known.units, known.quantity)
    value = given.get("value", name.removesuffix("_raw"))
    if value == name:
        raise SelectionError(
            f"field {name!r} has a scale, and no name for what it means", "Let its name end in '_raw', or give 'value'."
        )
    return "", Quantity(name=value, units=units, **scaling)


def _crc(facts: Mapping[Any, Any] | None) -> Crc | None:
    return None if facts is None else Crc(**_typed(facts, "'crc'", _CRC, needed=("word", "stop_byte")))


def _typed(facts: Any, where: str, kinds: Mapping[str, type], needed: Iterable[str] = ()) -> dict[str, Any]:
    """Return facts whose keys and types are right; without those that are null."""
    if not isinstance(facts, Mapping):
        raise SelectionError(f"{where} is {_short(facts)}", f"Give a mapping of {', '.join(kinds)}.")
    unknown = [_short(key) for key in facts if key not in kinds]
    if unknown:
        raise SelectionError(f"{where} has {', '.join(unknown)}", f"Allowed: {', '.join(kinds)}.")
    given = {key: value for key, value in facts.items() if value is not None}
    missing = [key for key in needed if key not in given]
    if missing:
        raise SelectionError(f"{where} lacks {', '.join(map(repr, missing))}", f"Allowed: {', '.join(kinds)}.")
    for key, value in given.items():
        kind = kinds[key]
        wanted = (int, float) if kind is float else (kind,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
            raise SelectionError(f"{key!r} of {where} is {_short(value)}", f"Give {_KINDS[kind]}.")
        given[key] = _float(key, where, value) if kind is float else value
    return given


def _float(key: str, where: str, value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        raise SelectionError(f"{key!r} of {where} is too large", "Give a number that a float64 holds.") from None


def _text(name: Any) -> str:
    if not isinstance(name, str):
        raise SelectionError(f"{_short(name)} is no name of a field", "Names are text, as frame_num.")
    return name


def _short(value: Any) -> str:
    return reprlib.repr(value)
