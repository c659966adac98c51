"""What the signals of a power analyser are called, and what their samples become in answers.

The names, types and units are those of Joulescope's own buffers, so that code that asks for them finds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from xjls.model.signal import Signal

STATS_FIELD_NAMES = ("current", "voltage", "power", "current_range", "current_lsb", "voltage_lsb")
"""The columns of answers about a power analyser, in their order."""
STATS_FIELD_COUNT = len(STATS_FIELD_NAMES)
I_RANGE_MISSING = 8
"""The current range of samples that nobody delivered."""

_ALSO: dict[str, tuple[str, ...]] = {"current_lsb": ("gpi[0]", "gpi0"), "voltage_lsb": ("gpi[1]", "gpi1")}
_MADE_OF: dict[str, tuple[str, ...]] = {
    "current_voltage": ("current", "voltage"),
    "bits": ("current_range", "current_lsb", "voltage_lsb"),
}
"""Fields that are made of others."""
_UNITS = {"current": "A", "voltage": "V", "power": "W"}


def signal_name(field: str, there: Mapping[str, Signal]) -> str:
    """Return the name of the signal that a field is; raise SelectionError where there is none."""
    for name in _names_of(field):
        if name in there:
            return name
    names = ", ".join(there) or "none"
    raise SelectionError(f"the buffer has no field {field!r}", f"Signals: {names}.")


def has_field(field: str, there: Mapping[str, Signal]) -> bool:
    """Return whether a field is a signal of the buffer."""
    return any(name in there for name in _names_of(field))


def usual_fields(there: Mapping[str, Signal]) -> list[str]:
    """Return what is told unasked: those of `STATS_FIELD_NAMES` that there are, or else all signals."""
    return [field for field in STATS_FIELD_NAMES if has_field(field, there)] or list(there)


def columns_of(there: Mapping[str, Signal]) -> tuple[str, ...]:
    """Return the columns of answers: `STATS_FIELD_NAMES`, whichever there are; or else all signals."""
    return STATS_FIELD_NAMES if any(has_field(field, there) for field in STATS_FIELD_NAMES) else tuple(there)


def members_of(fields: Iterable[str]) -> list[str]:
    """Return the fields that must be read for some fields, each once.

    Examples
    --------
    >>> members_of(["bits", "current", "current_voltage"])
    ['current_range', 'current_lsb', 'voltage_lsb', 'current', 'voltage']
    """
    return list(dict.fromkeys(member for field in fields for member in _MADE_OF.get(field, (field,))))


def made_field(field: str, read: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return a field's values from those that were read."""
    if field == "current_voltage":
        return np.stack([read["current"], read["voltage"]], axis=1)
    if field == "bits":
        ranges, current_lsb, voltage_lsb = (read[member] for member in _MADE_OF[field])
        bits: NDArray[Any] = (voltage_lsb << 5) | (current_lsb << 4) | ranges
        return bits
    return read[field]


def units_of(field: str, there: Mapping[str, Signal]) -> str:
    """Return the units of a field's values."""
    return _UNITS.get(field, "") if field in _MADE_OF or field in STATS_FIELD_NAMES else there[field].units


def _names_of(field: str) -> tuple[str, ...]:
    """Return what the signal of a field may be called."""
    return (field, *_ALSO.get(field, ()))
