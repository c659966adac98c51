"""What can be set about how an explorer looks; the browser has the same defaults, in static/explorer/settings.js."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from xjls.errors import SelectionError

STATISTICS = ("mean", "std", "rms", "min", "max", "pp", "integral", "n", "lost")
"""Numbers that are shown, in the order in which people look for them."""

DEFAULTS: dict[str, Any] = {
    "time": "utc", "units": "si", "digits": 5, "statistics": list(STATISTICS), "band": True, "std": True, "visible": {},
    "order": [], "heights": {}, "y": {}, "theme": "auto", "follow": True,
}  # fmt: skip

_CHOICES = {
    "time": ("utc", "local", "relative", "marker"), "units": ("si", "hours"), "digits": (3, 4, 5, 6),
    "theme": ("auto", "light", "dark"), "band": (True, False), "std": (True, False), "follow": (True, False),
}  # fmt: skip


def checked(settings: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """Return settings, those that are not told at their defaults; ``known`` are the keys of the lanes there are.

    Raises
    ------
    SelectionError
        There is no such setting, or lane; or it cannot be that.

    Examples
    --------
    >>> checked({"digits": 4}, ("current",))["digits"]
    4
    """
    if unknown := sorted(settings.keys() - DEFAULTS.keys()):
        raise SelectionError(f"there is no setting {unknown[0]!r}", f"Settings: {', '.join(DEFAULTS)}.")
    for name, choices in _CHOICES.items():
        if name in settings and settings[name] not in choices:
            there = ", ".join(map(repr, choices))
            raise SelectionError(f"{name}={settings[name]!r} is no choice", f"Choose one of {there}.")
    if strange := [one for one in settings.get("statistics", ()) if one not in STATISTICS]:
        raise SelectionError(f"there is no number {strange[0]!r}", f"Numbers: {', '.join(STATISTICS)}.")
    for name in ("visible", "order", "heights", "y"):
        if strange := [key for key in settings.get(name, ()) if key not in known]:
            raise SelectionError(f"there is no lane {strange[0]!r}", f"Lanes: {', '.join(known)}.")
    return deepcopy(DEFAULTS | dict(settings))
