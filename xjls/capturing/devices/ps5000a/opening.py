"""A PicoScope as a device: opened, set up, asked what it grants, run and given back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from xjls.capturing.device import Found
from xjls.capturing.devices.ps5000a import scope as drivers
from xjls.capturing.devices.ps5000a.scope import Scope
from xjls.capturing.devices.ps5000a.setup import Setup
from xjls.capturing.devices.ps5000a.streaming import Stream, Streaming
from xjls.capturing.devices.ps5000a.words import (
    BANDWIDTHS,
    COUPLINGS,
    FIRMWARE,
    RANGE_WORDS,
    SERIAL,
    UNITS_HZ,
    VARIANT,
)
from xjls.capturing.timing import SystemTiming
from xjls.errors import DeviceError
from xjls.model.signal import Signal, Source

if TYPE_CHECKING:
    from threading import Event

    from xjls.capturing.device import Device, Outlet, Request
    from xjls.capturing.devices.ps5000a.scope import Buffers, Counts
    from xjls.capturing.devices.ps5000a.setup import Channel
    from xjls.capturing.timing import Timing
    from xjls.model.annotation import Json
    from xjls.model.signal import Bound

_VENDOR = "Pico Technology"
_AGGREGATE = {"aggregate_format": "interleaved_min_max"}
_I2 = np.dtype("i2")


def open_device(request: Request, *, timing: Timing | None = None) -> Ps5000a:
    """Open a PicoScope; see `xjls.capturing.registry.open_device`."""
    setup = Setup.of(request)
    scope = Scope(drivers.load_library(), f"ps5000a:{request.address}".rstrip(":"))
    try:
        scope.open(request.address, setup.resolution)
        return Ps5000a(scope, setup, timing or SystemTiming())
    except BaseException:
        scope.close()
        raise


def find_devices() -> Iterable[Found]:
    """Return the units that are there and not open."""
    return [
        Found(
            uri=f"ps5000a:{serial}",
            source=Source(id=1, name="PicoScope", vendor=_VENDOR, model="5000A series", serial_number=serial),
        )
        for serial in drivers.find_serials(drivers.load_library())
    ]


class Ps5000a:
    """A PicoScope that is open and set up; fulfils `xjls.capturing.device.Device`."""

    is_live = True

    def __init__(self, scope: Scope, setup: Setup, timing: Timing) -> None:
        self._scope = scope
        self._setup = setup
        self._timing = timing
        self._max_adc = scope.counts_of_full_scale()[1]
        scope.set_channels(setup)
        self._buffers = _buffers(setup)
        scope.register(setup, self._buffers)
        # What it grants is told when it streams, and signals say it before: it streams twice
        self._granted = scope.start(setup)
        scope.stop()
        self.source: Source = _source(scope)
        self._streams = tuple(self._made())
        self.signals = tuple(stream.signal for stream in self._streams)
        self.settings: Mapping[str, Json] = _in_force(setup)

    def run(self, outlet: Outlet, stop: Event) -> str:
        """Deliver; see `Device`."""
        streaming = Streaming.of(
            self._scope, self._streams, outlet, self._timing, goes_on=self._setup.on_stall == "go_on"
        )
        try:
            if (granted := self._scope.start(self._setup)) != self._granted:
                raise DeviceError(
                    f"it grants an interval of {granted} where it granted {self._granted} before", self._scope.where,
                    "Open it again.",
                )  # fmt: skip
            return streaming.run(stop)
        finally:
            self._scope.stop()

    def close(self) -> None:
        """Give it back; see `Device`."""
        self._scope.close()

    def _made(self) -> Iterator[Stream]:
        """Yield all signals with their buffers."""
        number = 1
        for channel in self._setup.channels:
            for bound, buffer in _bounded(*self._buffers[channel.letter]):
                yield Stream(self._signal(number, channel, bound), buffer, 1 << channel.number)
                number += 1

    def _signal(self, number: int, channel: Channel, bound: Bound | None) -> Signal:
        interval_s = Fraction(self._granted, UNITS_HZ[self._setup.interval[1]])
        return Signal(
            id=number, name=f"{channel.name}_{bound}" if bound else channel.name, units="V", dtype=_I2,
            stored_type="i16", rate_hz=1 / (interval_s * self._setup.ratio), source=self.source,
            scale_factor=channel.range_v / self._max_adc, add_offset=-channel.offset_v + 0.0,
            bound=(channel.name, bound) if bound else None, facts=self._facts(channel, interval_s * 10**9),
        )  # fmt: skip

    def _facts(self, channel: Channel, interval_ns: Fraction) -> dict[str, Json]:
        """Return what PicoStream's files say of a channel, in their words."""
        mode = self._setup.mode
        return {
            "sample_interval_ns": int(interval_ns) if interval_ns.denominator == 1 else float(interval_ns),
            "hardware_downsample_ratio": self._setup.ratio, "downsample_mode": "average" if mode == "none" else mode,
            "voltage_range_v": channel.range_v, "max_adc": self._max_adc, "analog_offset_v": channel.offset_v,
            "resolution": f"PS5000A_DR_{self._setup.resolution}BIT",
            f"{channel.name}_coupling": f"PS5000A_{COUPLINGS[channel.coupling]}",
            f"{channel.name}_range": f"PS5000A_{RANGE_WORDS[channel.range]}", "data_format_version": "2.0",
            **(_AGGREGATE if mode == "aggregate" else {}),
        }  # fmt: skip


def _buffers(setup: Setup) -> Buffers:
    def array() -> Counts:
        return np.zeros(setup.buffered, np.int16)

    return {channel.letter: (array(), array() if setup.mode == "aggregate" else None) for channel in setup.channels}


def _bounded(most: Counts, least: Counts | None) -> tuple[tuple[Bound | None, Counts], ...]:
    """Return the buffers of a channel, and which extreme each holds: None where one holds plain counts."""
    return ((None, most),) if least is None else (("min", least), ("max", most))


def _source(scope: Scope) -> Source:
    model, serial = scope.text(VARIANT), scope.text(SERIAL)
    return Source(
        id=1, name=f"PicoScope {model}".strip(), vendor=_VENDOR, model=model, version=scope.text(FIRMWARE),
        serial_number=serial,
    )  # fmt: skip


def _in_force(setup: Setup) -> dict[str, Json]:
    """Return all that was told, and defaults, by the names of the settings."""
    plain: dict[str, Json] = {
        name: getattr(setup, name) for name in ("resolution", "mode", "ratio", "buffer_s", "on_stall")
    }
    for channel in setup.channels:
        plain |= {
            f"range_{channel.letter}": f"{channel.range_v:g} V",
            f"coupling_{channel.letter}": COUPLINGS[channel.coupling],
            f"offset_{channel.letter}": channel.offset_v,
            f"bandwidth_{channel.letter}": BANDWIDTHS[channel.bandwidth],
        }
    return plain


if TYPE_CHECKING:

    def _conforms(device: Ps5000a) -> Device:
        return device
