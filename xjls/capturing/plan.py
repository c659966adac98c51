"""What is to be captured, as people say it: in a call, on the command line, or in a file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.capturing.until import Until
from xjls.errors import SelectionError
from xjls.model.amounts import seconds_of

if TYPE_CHECKING:
    from xjls.capturing.until import Condition
    from xjls.model.amounts import Amount

LIVE_S = 10
"""Seconds that a session shows, if nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a capture is told; the arguments of `xjls.capture`.

    Examples
    --------
    >>> Plan(device="sim", stores=("run.zarr",), duration="10s").until.duration_s
    Fraction(10, 1)
    """

    device: str
    """Address of the device."""
    stores: tuple[str, ...] = ()
    """Recordings to write; none keeps what is captured in memory."""
    signals: tuple[str, ...] | None = None
    rate: Amount | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    duration: Amount | timedelta | None = None
    samples: int | None = None
    size: Amount | None = None
    condition: Condition | str | None = None
    live_only: Amount | timedelta | None = None
    """Seconds that recordings keep at least, of the last ones; None for all."""
    codec: str | None = None
    live: Amount | timedelta = LIVE_S
    """Seconds that are shown while it runs."""
    storage_options: Mapping[str, Any] | None = None

    @property
    def until(self) -> Until:
        """When it ends on its own."""
        return Until.of(duration=self.duration, samples=self.samples, size=self.size, condition=self.condition)

    @property
    def keep_s(self) -> float | None:
        """Seconds that recordings keep; None for all."""
        return None if self.live_only is None else float(seconds_of(self.live_only))

    @property
    def live_s(self) -> float:
        """Seconds that are shown."""
        return float(seconds_of(self.live))


_TYPES: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "device": ((str,), "a text"), "settings": ((Mapping,), "a table"), "until": ((str, Callable), "a text"),
    "samples": ((int, float, Integral), "a number"), "codec": ((str,), "a text"),
    "storage_options": ((Mapping,), "a table"),
}  # fmt: skip
"""What a plan is told by, and how that is called; amounts say themselves what they are not."""
KEYS = tuple({"stores": "store", "condition": "until"}.get(entry.name, entry.name) for entry in fields(Plan))
"""What a plan is told by in a file, in the order of `Plan`."""


def plan_of(told: Mapping[str, Any]) -> Plan:
    """Return the plan that is told by `KEYS`: ``store`` is one or several.

    Raises
    ------
    SelectionError
        There is no such key, or no device; or a key is told what it cannot be.

    Examples
    --------
    >>> plan_of({"device": "sim", "store": "run.jls", "until": "max(current) > 0.5"}).stores
    ('run.jls',)
    """
    if unknown := sorted(told.keys() - set(KEYS)):
        raise SelectionError(f"a capture is not told {unknown[0]!r}", f"Keys: {', '.join(KEYS)}.")
    if not told.get("device"):
        raise SelectionError("no device is named", "Give one, as in sim or js110; xjls devices says more.")
    known = {key: value for key, value in told.items() if value is not None}
    for key, (types, what) in _TYPES.items():
        if key in known and not isinstance(known[key], types):
            raise SelectionError(f"{key} is {known[key]!r}", f"Give {what}.")
    store, signals = known.pop("store", ()), known.pop("signals", None)
    if "until" in known:
        known["condition"] = known.pop("until")
    return Plan(stores=_several(store), signals=None if signals is None else _several(signals), **known)


def read_plan(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a TOML file tells, by `KEYS`.

    Raises
    ------
    SelectionError
        It is no TOML, or tells something else; the message says where.
    OSError
        It cannot be read.
    """
    try:
        told = tomllib.loads(Path(path).expanduser().read_text("utf-8"))
    except ValueError as error:
        raise SelectionError(f"{os.fspath(path)} is no TOML: {error}", 'It has lines as device = "js110".') from None
    if unknown := sorted(told.keys() - set(KEYS)):
        raise SelectionError(f"{os.fspath(path)} tells {unknown[0]!r}, which is nothing", f"Keys: {', '.join(KEYS)}.")
    return told


def _several(one: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    try:
        return tuple(os.fspath(each) for each in ([one] if isinstance(one, str | os.PathLike) else one))
    except TypeError:
        raise SelectionError(f"{one!r} is no name, and not several", "Give a text, or several.") from None
