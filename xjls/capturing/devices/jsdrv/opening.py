"""A Joulescope as a device: chosen, opened, set up, run and given back."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from xjls.capturing.devices.jsdrv import instrument as drivers
from xjls.capturing.devices.jsdrv.instrument import Instrument, choose, source_of
from xjls.capturing.devices.jsdrv.lane import Lane
from xjls.capturing.devices.jsdrv.models import OPEN_MODES, UNASKED
from xjls.capturing.devices.jsdrv.streaming import Streaming
from xjls.capturing.timing import SystemTiming
from xjls.errors import SelectionError
from xjls.model.sample_type import dtype_of
from xjls.model.signal import Signal

if TYPE_CHECKING:
    from threading import Event

    from xjls.capturing.device import Device, Outlet, Request
    from xjls.capturing.devices.jsdrv.models import Model, Port
    from xjls.capturing.timing import Timing
    from xjls.model.annotation import Json
    from xjls.model.signal import Source


def open_device(request: Request, *, timing: Timing | None = None) -> Jsdrv:
    """Open a Joulescope; see `xjls.capturing.registry.open_device`."""
    mode = request.settings.get("open", OPEN_MODES[0])
    if mode not in OPEN_MODES:
        raise SelectionError(f"open={mode!r} is no way to open a Joulescope", f"Choose {' or '.join(OPEN_MODES)}.")
    driver = drivers.make_driver()
    try:
        instrument = Instrument(driver, choose(driver.device_paths(), request.address))
    except BaseException:
        driver.finalize()
        raise
    try:
        return Jsdrv(instrument, request, mode, timing or SystemTiming())
    except BaseException:
        instrument.close()
        raise


class Jsdrv:
    """A Joulescope that is open and set up; fulfils `xjls.capturing.device.Device`."""

    is_live = True

    def __init__(self, instrument: Instrument, request: Request, mode: str, timing: Timing) -> None:
        model = instrument.model
        names = UNASKED if request.signals is None else request.signals
        ports = [model.port(name) for name in dict.fromkeys(names)]
        if not ports:
            raise SelectionError(
                "no signals were asked for", f"Signals: {', '.join(port.name for port in model.ports)}."
            )
        told = _told(model, request.settings, mode)
        rate_hz = model.rate(request.rate_hz, told.get("filter"))
        published = [(name, model.publications(name, value)) for name, value in told.items()]
        instrument.open(mode)
        for name, publications in published:
            for topic, value in publications:
                instrument.publish(topic, value, f"Choose another {name}, or leave it out.")
        instrument.publish("h/fs", rate_hz, "Choose another rate.")
        self.source: Source = source_of(instrument.path, _version(instrument.query("c/fw/version")))
        self._lanes = tuple(
            _lane(instrument, port, number, model.decimation(port, rate_hz), self.source)
            for number, port in enumerate(ports, 1)
        )
        self.signals = tuple(lane.signal for lane in self._lanes)
        self.settings: Mapping[str, Json] = {"open": mode, **_in_force(instrument, told)}
        self._instrument = instrument
        self._timing = timing

    def run(self, outlet: Outlet, stop: Event) -> str:
        """Deliver; see `Device`."""
        return Streaming(self._instrument, self._lanes, outlet, self._timing).run(stop)

    def close(self) -> None:
        """Give it back; see `Device`."""
        self._instrument.close()


def _told(model: Model, settings: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """Return the settings that are published, in order: a filter comes before the rate that it is for."""
    told = {name: value for name, value in settings.items() if name != "open" and value is not None}
    return (dict(model.at_start) if mode == "defaults" else {}) | told


def _in_force(instrument: Instrument, told: Mapping[str, Any]) -> dict[str, Json]:
    """Return all settings of a model: what was told, and what the driver says of the rest."""
    topics = {name: topic("auto")[0][0] for name, topic in instrument.model.topics.items()}
    return {name: told[name] if name in told else instrument.query(topic) for name, topic in topics.items()}


def _lane(instrument: Instrument, port: Port, number: int, decimation: int, source: Source) -> Lane:
    """Return how a port is delivered."""
    tick_hz = instrument.model.tick_hz
    signal = Signal(
        id=number, name=port.name, units=port.units, dtype=dtype_of(port.stored_type), stored_type=port.stored_type,
        rate_hz=Fraction(tick_hz, decimation), source=source,
        facts={"tick_rate_hz": tick_hz, "decimate_factor": decimation},
    )  # fmt: skip
    return Lane(signal, port, instrument.model, decimation, instrument.where)


def _version(number: Any) -> str:
    """Return a version as the driver keeps it, 8, 8 and 16 bits, in words.

    Examples
    --------
    >>> _version(0x01030002), _version(None)
    ('1.3.2', '')
    """
    return f"{number >> 24}.{number >> 16 & 0xFF}.{number & 0xFFFF}" if isinstance(number, int) else ""


if TYPE_CHECKING:

    def _conforms(device: Jsdrv) -> Device:
        return device
