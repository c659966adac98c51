"""What a signal says beside its name, units, type and rate: as JSON of what is not the default, and back.

Formats that keep JSON keep this; what they decode is checked, since a number that is none would pass for a measurement.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from xjls.model.documents import Document
    from xjls.model.signal import Signal


def encode_facts(signal: Signal) -> Document:
    """Return a signal's facts that are not the default; `with_facts` undoes it.

    Raises
    ------
    SelectionError
        One of them makes no sense, or JSON cannot say it.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from xjls.model.signal import Signal, Source
    >>> plain = Signal(id=1, name="a", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(1000),
    ...                source=Source(id=1, name="scope"))
    >>> document = encode_facts(replace(plain, scale_factor=0.5, missing_value=-32768, facts={"coupling": "DC"}))
    >>> document
    {'scale_factor': 0.5, 'missing_value': -32768, 'facts': {'coupling': 'DC'}}
    >>> with_facts(plain, document).scale_factor, encode_facts(plain)
    (0.5, {})
    """
    _require_sense(signal)
    said: Document = {}
    if signal.scale_factor != 1:
        said["scale_factor"] = float(signal.scale_factor)
    if signal.add_offset:
        said["add_offset"] = float(signal.add_offset)
    for fact in ("missing_value", "origin_id"):
        if (value := getattr(signal, fact)) is not None:
            said[fact] = int(value)
    if signal.axis:
        said["axis"] = signal.axis
    if signal.sample_shape:
        said["sample_shape"], said["sample_dims"] = list(signal.sample_shape), list(signal.sample_dims)
    if signal.describes_axis:
        said["describes_axis"] = True
    if signal.bound is not None:
        said["bound"] = list(signal.bound)
    if signal.facts:
        said["facts"] = _encode_file(signal)
    return said


def with_facts(signal: Signal, document: Mapping[str, Any]) -> Signal:
    """Return a signal with the facts of a document, as `encode_facts` made it; see `decode_facts`."""
    return replace(signal, **decode_facts(document))


def decode_facts(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a document by their names in `Signal`; raise ValueError where one is none.

    Examples
    --------
    >>> decode_facts({"bound": ["current", "min"]})
    {'bound': ('current', 'min')}
    >>> decode_facts({"add_offset": "much"})
    Traceback (most recent call last):
    ValueError: add_offset is 'much'
    """
    return {key: FACTS[key](key, value) for key, value in document.items()}


def _finite(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _nonsense(key, value)
    return float(value)


def _scale(key: str, value: Any) -> float:
    if not (scale := _finite(key, value)):
        raise _nonsense(key, value)
    return scale


def _whole(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _nonsense(key, value)
    return value


def _bound(key: str, value: Any) -> tuple[str, str]:
    match value:
        case [str(quantity), "min" | "max" as which]:
            return quantity, which
    raise _nonsense(key, value)


def _name(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _nonsense(key, value)
    return value


def _names(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _nonsense(key, value)
    return tuple(_name(key, one) for one in value)


def _shape(key: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or any(_whole(key, size) < 1 for size in value):
        raise _nonsense(key, value)
    return tuple(value)


def _true(key: str, value: Any) -> bool:
    if value is not True:
        raise _nonsense(key, value)
    return value


def _file(key: str, value: Any) -> Mapping[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise _nonsense(key, value)
    return found


def _nonsense(key: str, value: Any) -> ValueError:
    return ValueError(f"{key} is {value!r}")


FACTS: dict[str, Callable[[str, Any], Any]] = {
    "scale_factor": _scale, "add_offset": _finite, "missing_value": _whole, "origin_id": _whole, "bound": _bound,
    "facts": _file, "axis": _name, "sample_shape": _shape, "sample_dims": _names, "describes_axis": _true,
}  # fmt: skip
"""What decodes each fact, of its name and what a document says."""


def _require_sense(signal: Signal) -> None:
    """Refuse what would be read back as something else, or not at all."""
    if not (math.isfinite(signal.scale_factor) and signal.scale_factor):
        raise SelectionError(
            f"{signal.name!r} has a scale of {signal.scale_factor:g}", "Give it one that is finite, and not 0."
        )
    if not math.isfinite(signal.add_offset):
        raise SelectionError(f"{signal.name!r} has an offset of {signal.add_offset:g}", "Give it a finite one.")
    if len(signal.sample_shape) != len(signal.sample_dims) or (signal.sample_shape and not signal.axis):
        raise SelectionError(
            f"{signal.name!r} has samples of shape {signal.sample_shape} with dimensions {signal.sample_dims}",
            "Give each of them a name, and the signal an axis.",
        )
    missing, dtype = signal.missing_value, signal.dtype
    if missing is not None and dtype.kind in "iu" and not np.iinfo(dtype).min <= missing <= np.iinfo(dtype).max:
        raise SelectionError(
            f"{signal.name!r} has the missing value {missing:_}, which {dtype} does not hold",
            "Choose one that it does.",
        )


def _encode_file(signal: Signal) -> Any:
    """Return what the file says of a signal; as a text where there is NaN or infinity, which is no JSON to others."""
    try:
        text = json.dumps(dict(signal.facts))
        json.dumps(dict(signal.facts), allow_nan=False)
    except TypeError as error:
        raise SelectionError(
            f"the facts of {signal.name!r} are not what JSON can say ({error})",
            "Give numbers, texts, lists and mappings of Python.",
        ) from error
    except ValueError:
        return text
    return dict(signal.facts)
