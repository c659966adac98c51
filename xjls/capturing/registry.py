"""The table of devices, and the one way to them: an address such as ``sim``, ``js110:000123`` or ``replay:run.jls``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from xjls.capturing.device import Request
from xjls.errors import SelectionError, XjlsError
from xjls.model.amounts import hertz_of

if TYPE_CHECKING:
    from types import ModuleType

    from xjls.capturing.device import Device, Found, Setting
    from xjls.model.amounts import Amount


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table; its module has ``SETTINGS``, ``open_device(Request)`` and ``find_devices()``."""

    name: str
    what: str
    """In a few words."""
    is_looked_for: bool = True
    """Whether those that are plugged in can be found."""

    @property
    def module(self) -> ModuleType:
        """The module, loaded when it is asked for: that loads no driver."""
        return import_module(f"xjls.capturing.devices.{self.name}")

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What such a device can be told."""
        found: tuple[Setting, ...] = self.module.SETTINGS
        return found


KINDS = (
    Kind("sim", "simulated Joulescope or PicoScope signals, or a miniscope's frames, at any rate and speed"),
    Kind("replay", "a recording that xjls can open, as in replay:run.jls", is_looked_for=False),
    Kind("js110", "Joulescope JS110, over USB"),
    Kind("jsdrv", "Joulescope JS110, JS220 and JS320, through pyjoulescope_driver"),
    Kind("ps5000a", "PicoScope 5000A series, through picosdk"),
    Kind("miniscope", "a miniscope's stream, over a serial port, a socket, a pipe or a file", is_looked_for=False),
)


def open_device(
    uri: str,
    *,
    signals: Sequence[str] | None = None,
    rate: Amount | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Device:
    """Open a device and set it up.

    Parameters
    ----------
    uri
        ``KIND[:ADDRESS][?SETTING=VALUE&…]``: a name of `KINDS`, which one of these, and settings.
    signals
        Names of those wanted; None for those that the device delivers unasked.
    rate
        Samples a second: a number, or text such as ``"62.5 MHz"``.
    settings
        By name; those of the address come first.

    Raises
    ------
    SelectionError
        There is no such kind, setting, signal or rate; the message lists what there is.
    DeviceError
        It is not there, or refuses.
    MissingDependencyError
        Its driver is not installed.

    Examples
    --------
    >>> device = open_device("sim?model=joulescope", rate="1 kHz", signals=["current"])
    >>> [(signal.name, signal.units, int(signal.rate_hz)) for signal in device.signals]
    [('current', 'A', 1000)]
    """
    name, address, told = split_uri(uri)
    kind = kind_named(name)
    settings = _complete(kind, dict(settings or {}) | told)
    wanted = None if signals is None else tuple(signals)
    request = Request(
        address=address, signals=wanted, rate_hz=None if rate is None else hertz_of(rate), settings=settings
    )
    device: Device = kind.module.open_device(request)
    return device


def find_devices() -> Iterable[tuple[Kind, tuple[Found, ...], str]]:
    """Yield all kinds of devices, those of each that are there, and why nobody can tell where a driver is missing."""
    for kind in KINDS:
        found: tuple[Found, ...] = ()
        why = ""
        try:
            found = tuple(kind.module.find_devices())
        except (XjlsError, OSError) as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - of a driver's code: the other kinds are there all the same
            why = f"{type(error).__name__}: {error}"
        yield kind, found, why


def split_uri(uri: str) -> tuple[str, str, dict[str, Any]]:
    """Return kind, address and settings of a device's address.

    Examples
    --------
    >>> split_uri("replay:/data/run.jls?speed=10")
    ('replay', '/data/run.jls', {'speed': 10})
    >>> split_uri("jsdrv:u/js220/000415")
    ('jsdrv', 'u/js220/000415', {})
    """
    place, _, query = uri.partition("?")
    name, _, address = place.partition(":")
    return name, address, {key: _value(text) for key, text in parse_qsl(query, keep_blank_values=True)}


def _value(text: str) -> Any:
    """Return what a setting in an address stands for: a number where it looks like one, True or False, or a text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        with contextlib.suppress(ValueError):
            return number(text)
    return text


def kind_named(name: str) -> Kind:
    """Return a kind of device by its name; raise SelectionError where there is none."""
    kind = next((kind for kind in KINDS if kind.name == name), None)
    if kind is None:
        names = ", ".join(kind.name for kind in KINDS)
        raise SelectionError(f"there is no kind of device {name!r}", f"Kinds: {names}. xjls devices says more.")
    return kind


def _complete(kind: Kind, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of a kind: what was told, and defaults for the rest."""
    known = {setting.name: setting.default for setting in kind.settings}
    if unknown := sorted(told.keys() - known.keys()):
        there = ", ".join(known) or "none"
        raise SelectionError(f"{kind.name} has no setting {unknown[0]!r}", f"Settings: {there}.")
    return known | dict(told)
