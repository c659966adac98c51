"""A JS110 that is found, opened, calibrated and set up: `Js110`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, Any

from xjls.capturing.device import STOPPED, UNPLUGGED, Found
from xjls.capturing.devices.js110 import wire
from xjls.capturing.devices.js110.link import Link, find, serial_of
from xjls.capturing.devices.js110.options import CURRENT_RANGES, IO_MV, VOLTAGE_RANGES, Options, named
from xjls.capturing.devices.js110.stream import RATE_HZ, Stream
from xjls.capturing.timing import SystemTiming
from xjls.errors import DeviceError, FormatError, SelectionError
from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.datafile import FIRST_RECORD, decode_file_header
from xjls.model.sample_type import dtype_of
from xjls.model.signal import Signal, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xjls.capturing.device import Device, Outlet, Request
    from xjls.capturing.timing import Timing
    from xjls.model.annotation import Json

SIGNALS = {
    "current": ("A", "f32"), "voltage": ("V", "f32"), "power": ("W", "f32"), "current_range": ("", "u4"),
    "gpi[0]": ("", "u1"), "gpi[1]": ("", "u1"),
}  # fmt: skip
"""Units and types."""
UNASKED = ("current", "voltage", "power")
SETTLE_S = 3.0
"""How long settings may take."""
POLL_S = 0.01
PIECE_BYTES = 4096
MOST_BYTES = 0x8000
"""Of a calibration."""
_LEVELS = "Leave the rate out: recordings come with summary levels, which answer for any lower one."
_FACTORY = "Try calibration=factory."

log = logging.getLogger(__name__)


def find_devices() -> Iterable[Found]:
    """Yield the instruments that are plugged in; of those that this user may not reach, no more than that."""
    for device in find():
        serial = serial_of(device)
        if serial is None:
            yield Found(uri="js110", source=Source(id=1, name="JS110 that this user may not reach", model="JS110"))
        else:
            yield Found(uri=f"js110:{serial}", source=_source(serial, ""))


def open_device(request: Request, *, timing: Timing | None = None) -> Js110:
    """Open a JS110; see `xjls.capturing.registry.open_device`."""
    names = UNASKED if request.signals is None else tuple(request.signals)
    if not names:
        raise SelectionError("no signals were asked for", f"Signals: {', '.join(SIGNALS)}.")
    if unknown := [name for name in names if name not in SIGNALS]:
        raise SelectionError(f"a JS110 has no signal {unknown[0]!r}", f"Signals: {', '.join(SIGNALS)}.")
    if request.rate_hz not in (None, RATE_HZ):
        raise SelectionError(f"a JS110 delivers 2 MS/s, and not {float(request.rate_hz or 0):g} S/s", _LEVELS)
    options = Options.of(request.settings, names)
    device, serial = _choose(request.address)
    link = Link(device, f"js110:{serial}" if serial else "js110")
    try:
        return Js110(link, serial or "", names, options, request.settings, timing or SystemTiming())
    except BaseException:
        link.close()
        raise


class Js110:
    """An instrument that is open and set up; fulfils `xjls.capturing.device.Device`."""

    is_live = True

    def __init__(
        self, link: Link, serial: str, names: Sequence[str], options: Options, told: Mapping[str, Any], timing: Timing
    ) -> None:
        self._link = link
        self._options = options
        self._timing = timing
        self._never = Event()
        self._is_open = True
        self._calibration = self._read_calibration()
        self._settings = self._set_up()
        io_mv = self._map_inputs()
        info = wire.decode_info(link.ask(wire.Request.INFO, 1024) or b"")
        self.source = _source(serial, _firmware(info))
        self.signals = _signals(names, self.source)
        self.settings: Mapping[str, Json] = {
            **told,
            "current_range": named(self._settings.current_range, CURRENT_RANGES),
            "voltage_range": named(self._settings.options, VOLTAGE_RANGES),
            "suppression": str(options.suppression),
            "io_voltage": "unknown" if io_mv is None else named(io_mv, IO_MV),
        }

    def run(self, outlet: Outlet, stop: Event) -> str:
        """Deliver until it is told to stop, or until nothing comes any more; see `Device`."""
        stream = Stream(self._link, self._calibration, self._options.suppression, self.signals, outlet, self._timing)
        stream.drop_stale()
        self._send(self._settings._replace(streaming=wire.RUN))
        try:
            reason = stream.run(stop)
            if reason != UNPLUGGED:
                self._end(stream if reason == STOPPED else None)
        except BaseException:
            self._end(None)
            raise
        stream.finish()
        if not stream.has_begun and reason != STOPPED:
            raise DeviceError(f"the instrument does not stream: {reason}", self._link.where, "Plug it in again.")
        return reason

    def close(self) -> None:
        """Give the instrument back, its load as ``at_end`` says; twice is harmless."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            if self._options.ends_off:
                self._send(self._settings._replace(current_range=wire.OFF_RANGE))
                self._settle()
        except DeviceError as error:
            log.warning("the load may be powered still: %s", error)
        finally:
            self._link.close()

    def _end(self, stream: Stream | None) -> None:
        """Let it stream no more, and deliver what is left where that is wanted."""
        try:
            self._send(self._settings)
            if stream is not None:
                stream.take_rest()
            self._settle()
        except DeviceError as error:
            log.warning("it may be streaming still: %s", error)

    # -- opening -----------------------------------------------------------------------------------------------------

    def _read_calibration(self) -> Calibration:
        """Read the calibration, and see to it that it is this instrument's."""
        where = self._link.where
        try:
            found = Calibration.decode(self._calibration_bytes(), where)
        except FormatError as error:
            raise DeviceError(f"the calibration cannot be used: {error}", where, _FACTORY) from error
        serial = (self._link.ask(wire.Request.SERIAL, 16) or b"").hex()
        if found.serial_number != serial:
            problem = f"the calibration is of {found.serial_number}, and the instrument is {serial}"
            raise DeviceError(problem, where, _FACTORY)
        return found

    def _calibration_bytes(self) -> bytes:
        length, data = decode_file_header(self._piece(0, FIRST_RECORD)), b""
        while len(data) < min(length, MOST_BYTES):
            piece = self._piece(len(data), min(PIECE_BYTES, length))
            if not piece:
                break
            data += piece
        return data[:length]

    def _piece(self, offset: int, length: int) -> bytes:
        return self._link.ask(wire.Request.CALIBRATION, length, value=self._options.calibration, index=offset) or b""

    def _set_up(self) -> wire.Settings:
        """Put settings into force, unless they are."""
        before = wire.decode_settings(self._link.ask(wire.Request.SETTINGS, 16) or b"")
        wanted = self._options.settings(before)
        if before != wanted:
            self._send(wanted)
            self._settle()
        return wanted

    def _map_inputs(self) -> int | None:
        """Put inputs and outputs into force, unless they are; return their voltage, None where nobody knows."""
        before = wire.decode_extio(self._link.ask(wire.Request.EXTIO, 128) or b"")
        if before is None:
            if self._options.inputs or self._options.io_mv is not None:
                problem = "its firmware does not tell how inputs and outputs are set"
                raise DeviceError(problem, self._link.where, "Leave out gpi[0], gpi[1] and io_voltage.")
            return None
        wanted = self._options.extio(before)
        if before._replace(inputs=0) != wanted:
            self._link.tell(wire.Request.EXTIO, wire.encode_extio(wanted))
        return wanted.io_mv

    def _send(self, settings: wire.Settings) -> None:
        self._link.tell(wire.Request.SETTINGS, wire.encode_settings(settings))

    def _settle(self) -> None:
        """Wait until the settings that were sent are in force."""
        until_s = self._timing.elapsed_s() + SETTLE_S
        while (result := self._result()) in (None, wire.NOT_ISSUED, wire.BUSY):
            if self._timing.elapsed_s() >= until_s:
                problem = f"its settings are not in force after {SETTLE_S:g} s"
                raise DeviceError(problem, self._link.where, "Plug it in again.")
            self._timing.wait(self._never, POLL_S)
        if result:
            raise DeviceError(f"it refuses its settings, with result {result}", self._link.where, "Plug it in again.")

    def _result(self) -> int | None:
        return wire.decode_status(self._link.ask(wire.Request.STATUS, 128) or b"")


def _choose(address: str) -> tuple[Any, str | None]:
    """Return the instrument with a serial number, or the first one."""
    there = sorted(((device, serial_of(device)) for device in find()), key=lambda found: found[1] is None)
    for device, serial in there:
        if not address or serial == address:
            return device, serial
    found = ", ".join(serial if serial is not None else "one that this user may not reach" for _, serial in there)
    if not there:
        raise DeviceError("there is no JS110", f"js110:{address}" if address else "js110", "Plug it in.")
    raise DeviceError(f"there is no JS110 with serial number {address!r}", "js110", f"There are: {found}.")


def _source(serial: str, version: str) -> Source:
    return Source(
        id=1, name=f"JS110-{serial}", vendor="Jetperch", model="JS110", version=version, serial_number=serial
    )  # fmt: skip


def _signals(names: Sequence[str], source: Source) -> tuple[Signal, ...]:
    return tuple(
        Signal(
            id=i, name=name, units=units, dtype=dtype_of(stored), stored_type=stored, rate_hz=Fraction(RATE_HZ),
            source=source,
        )
        for i, (name, (units, stored)) in enumerate(SIGNALS.items(), 1) if name in names
    )  # fmt: skip


def _firmware(info: Mapping[str, Any]) -> str:
    """Return the version of the controller's firmware, where the instrument tells."""
    found: Any = info
    for key in ("ctl", "fw", "ver"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return str(found or "")


if TYPE_CHECKING:

    def _conforms(device: Js110) -> Device:
        return device
