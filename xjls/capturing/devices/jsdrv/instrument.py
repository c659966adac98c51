"""One instrument by its path, and the driver it is reached through; what the driver refuses becomes a `DeviceError`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from xjls.capturing.device import Found
from xjls.capturing.devices.jsdrv.models import MODELS, Model
from xjls.errors import DeviceError, MissingDependencyError
from xjls.model.signal import Source

Callback: TypeAlias = Callable[[str, Any], None]
REFUSALS = (RuntimeError, TimeoutError, ValueError, TypeError, KeyError)
"""What calls of the driver raise."""
REMOVED = "@/!remove"
"""The topic on which the driver tells that an instrument was unplugged."""
_BOOTLOADER = "&"
_IS_THERE = "Is it plugged in, and may this user reach it? On Linux, that takes the driver's udev rules."


def make_driver() -> Any:
    """Return the running driver: the one place where it is made, and where tests put another in its stead."""
    try:
        from pyjoulescope_driver import Driver
    except ImportError:
        raise MissingDependencyError("pyjoulescope_driver", "joulescope") from None
    try:
        return Driver()
    except REFUSALS as error:
        raise DeviceError(f"pyjoulescope_driver does not start ({error})", "jsdrv", "Is libusb installed?") from error


def find_devices() -> Iterable[Found]:
    """Return the instruments that are plugged in."""
    driver = make_driver()
    try:
        return [Found(uri=f"jsdrv:{path}", source=source_of(path)) for path in driver.device_paths() if _model_of(path)]
    finally:
        driver.finalize()


def source_of(path: str, version: str = "") -> Source:
    """Return the instrument at a path, named as the driver's own recordings name it.

    Examples
    --------
    >>> str(source_of("u/js220/000415"))
    'JS220-000415 Jetperch JS220 000415'
    """
    _, model, serial = path.split("/")
    return Source(
        id=1, name=f"{model.upper()}-{serial}", vendor="Jetperch", model=model.upper(), version=version,
        serial_number=serial,
    )  # fmt: skip


def choose(paths: list[str], address: str) -> str:
    """Return the path that an address means: itself, a serial number, or nothing for the first.

    Examples
    --------
    >>> choose(["u/js110/000123", "u/js220/000415"], "000415")
    'u/js220/000415'
    """
    wanted, where = address.lower(), f"jsdrv:{address}".rstrip(":")
    fitting = [path for path in paths if wanted in ("", path.lower(), path.rpartition("/")[2].lower())]
    for path in fitting:
        if _model_of(path):
            return path
    if fitting:
        raise DeviceError(
            f"{fitting[0]} is in its bootloader, or is no model that is known", where,
            "Unplug it and plug it in again; else update its firmware with the maker's program.",
        )  # fmt: skip
    there = f"There are: {', '.join(paths)}." if paths else _IS_THERE
    raise DeviceError("no such Joulescope is there" if address else "no Joulescope is there", where, there)


def _model_of(path: str) -> Model | None:
    name = path.split("/")[1]
    return None if name.startswith(_BOOTLOADER) else MODELS.get(name)


@dataclass(slots=True, eq=False)
class Instrument:
    """One instrument, and the driver that it is reached through; both are given back by `close`."""

    driver: Any
    path: str
    is_there: bool = True
    """Whether it is plugged in, as far as the driver has told."""
    _is_open: bool = False

    @property
    def where(self) -> str:
        """What opens it."""
        return f"jsdrv:{self.path}"

    @property
    def model(self) -> Model:
        """Which kind it is."""
        return MODELS[self.path.split("/")[1]]

    def open(self, mode: str) -> None:
        """Open it."""
        with self._asked("does not open", "Is another program using it? Close that, or plug it in again."):
            self.driver.open(self.path, mode)
        self._is_open = True

    def publish(self, topic: str, value: Any, remedy: str = "") -> None:
        """Tell it something, and wait until it has taken it."""
        with self._asked(f"does not take {value!r} for {topic}", remedy):
            self.driver.publish(f"{self.path}/{topic}", value)

    def query(self, topic: str) -> Any:
        """Return what it says of a topic; None where it says nothing."""
        with contextlib.suppress(*REFUSALS):
            return self.driver.query(f"{self.path}/{topic}")
        return None

    def subscribe(self, topic: str, callback: Callback) -> None:
        """Have a callback called, on the driver's thread, with each message of a topic."""
        with self._asked(f"does not deliver {topic}", ""):
            self.driver.subscribe(f"{self.path}/{topic}", ["pub"], callback)

    def unsubscribe(self, topic: str, callback: Callback) -> None:
        """Call the same callback no more."""
        with contextlib.suppress(*REFUSALS):
            self.driver.unsubscribe(f"{self.path}/{topic}", callback)

    def watch(self, callback: Callback) -> None:
        """Have a callback called when any instrument is unplugged."""
        with self._asked("cannot be watched", ""):
            self.driver.subscribe(REMOVED, ["pub"], callback)

    def unwatch(self, callback: Callback) -> None:
        """Call the same callback no more."""
        with contextlib.suppress(*REFUSALS):
            self.driver.unsubscribe(REMOVED, callback)

    def close(self) -> None:
        """Give it back, and end the driver; twice is harmless."""
        driver, self.driver = self.driver, None
        if driver is None:
            return
        try:
            if self._is_open and self.is_there:
                with contextlib.suppress(*REFUSALS):
                    driver.close(self.path)
        finally:
            driver.finalize()

    @contextlib.contextmanager
    def _asked(self, problem: str, remedy: str) -> Iterator[None]:
        try:
            yield
        except REFUSALS as error:
            raise DeviceError(f"it {problem} ({str(error) or type(error).__name__})", self.where, remedy) from error
