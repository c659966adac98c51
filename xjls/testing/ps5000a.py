"""A PicoScope without hardware: an object with the functions that picosdk's wrapper of the 5000A series has.

A clock decides how many samples there are; they are written into the buffers that were registered, around the end and
on, and what no poll fetched in time is lost. Every sample is a function of its number (`counts`), so that what is
missing shows. ``tests/data/ps5000a.c`` does the same for the wrapper itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.devices.ps5000a import scope, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.capturing.timing import Timing

MARK_EVERY = 10**6
MARK = 32_000
READY = ctypes.CFUNCTYPE(
    None, ctypes.c_int16, ctypes.c_int32, ctypes.c_uint32, ctypes.c_int16, ctypes.c_uint32, ctypes.c_int16,
    ctypes.c_int16, ctypes.c_void_p,
)  # fmt: skip
INVALID_PARAMETER, INVALID_INTERVAL, NO_BUFFERS, TOO_MANY_CHANNELS = 0x0D, 0x2B, 0x46, 0x121
_CHANNELS_AT = {16: 1, 15: 2}
"""Channels that are on at most, by resolution; four at others."""
_OFFSETS_V = ((0.25, range(3)), (0.25, range(3, 5)), (2.5, range(5, 8)), (20.0, range(8, 11)))
"""The greatest offset, by the number of the range."""


def counts(channel: int, start: int, stop: int) -> NDArray[np.int16]:
    """Return what the converter measures on a channel: a ramp, and a mark at each millionth sample.

    Examples
    --------
    >>> counts(0, 0, 3).tolist(), counts(1, 999_999, 1_000_001).tolist()
    ([32000, -15992, -15984], [-8008, 32000])
    """
    number = np.arange(start, stop, dtype=np.int64)
    ramp = ((number + 1000 * channel) % 4000 - 2000) * 8
    return np.where(number % MARK_EVERY == 0, MARK, ramp).astype("i2")


def downsampled(mode: str, ratio: int, channel: int, start: int, stop: int) -> dict[str, NDArray[np.int16]]:
    """Return what the scope makes ``[start, stop)`` of its samples: by "max" and "min", or by "max" alone.

    Examples
    --------
    >>> {bound: made.tolist() for bound, made in downsampled("aggregate", 4, 0, 1, 3).items()}
    {'max': [-15944, -15912], 'min': [-15968, -15936]}
    """
    groups = counts(channel, start * ratio, stop * ratio).reshape(-1, ratio)
    if mode == "aggregate":
        return {"max": groups.max(1), "min": groups.min(1)}
    if mode == "average":
        return {"max": np.trunc(groups.mean(1)).astype("i2")}
    return {"max": groups[:, 0]}


@dataclass(slots=True, eq=False)
class _Run:
    """A stream that is on."""

    begun_s: float
    interval_s: Fraction
    ratio: int
    mode: str
    length: int
    """Of the buffers."""
    at: int = 0
    """Sample that comes next, of those that there are."""
    index: int = 0
    """Where in the buffers it goes."""
    polls: int = 0


@dataclass(slots=True, eq=False)
class StandInLibrary:
    """What ``picosdk.ps5000a.ps5000a`` is to those who use it.

    Parameters
    ----------
    timing
        The clock that decides how many samples there are.
    serials, variant
        Units that are plugged in, and what they are; the second character says how many channels there are.
    """

    timing: Timing
    serials: tuple[str, ...] = ("AB123/0042",)
    variant: str = "5444D"
    speed: float = 1.0
    """Seconds of samples a second."""
    question: int = words.OK
    """What opening answers until it is agreed to."""
    refusals: dict[str, int] = field(default_factory=dict)
    """What a function returns instead of doing anything, by its name without ``ps5000a``."""
    statuses: list[int] = field(default_factory=list)
    """What the next polls return instead of delivering."""
    status_at: dict[float, int] = field(default_factory=dict)
    """The same, once the clock has passed so many seconds of the stream."""
    over_range_every: int = 0
    """Polls, of which each last one says that channel A is over range."""
    over_range_bits: int = 1
    tells_stalls: bool = True
    """Whether a poll says so when samples were lost."""
    lost: int = 0
    """Samples that nobody fetched in time."""
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    """Names of functions and plain arguments, in order; without polls."""
    StreamingReadyType: Any = READY
    """Makes a function one that the driver can call."""
    _open: str = ""
    _resolution: int = 8
    _channels: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    """Those that are on: all, until they are turned off."""
    _buffers: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    _run: _Run | None = None

    def __getattr__(self, name: str) -> Any:
        """Return a function by the driver's name, as ``ps5000aOpenUnit`` for `open_unit`."""
        if not name.startswith("ps5000a"):
            raise AttributeError(name)
        return object.__getattribute__(self, re.sub("(?<!^)([A-Z])", r"_\1", name.removeprefix("ps5000a")).lower())

    # -- what there is -------------------------------------------------------------------------------------------------

    def enumerate_units(self, count: Any, serials: Any, length: Any) -> int:
        """List the units that are not open."""
        there = [serial for serial in self.serials if serial != self._open]
        serials.value = ",".join(there).encode()
        count._obj.value, length._obj.value = len(there), len(serials.value)
        return self._did("EnumerateUnits") or (words.OK if there else words.NOT_FOUND)

    def open_unit(self, handle: Any, serial: bytes | None, resolution: int) -> int:
        """Open one of them."""
        if status := self._did("OpenUnit", serial, resolution):
            return status
        fitting = [one for one in self.serials if serial is None or one == serial.decode()]
        if not fitting or self._open:
            return words.NOT_FOUND
        handle._obj.value, self._open, self._resolution = 1, fitting[0], words.RESOLUTIONS[resolution]
        self._channels = dict.fromkeys(range(self._has), ())
        return self.question

    def change_power_source(self, handle: int, status: int) -> int:
        """Agree to run on the power there is."""
        return self._did("ChangePowerSource", status) or self._valid(handle) or self._agreed(status)

    def get_unit_info(self, handle: int, text: Any, _length: int, needed: Any, number: int) -> int:
        """Tell something of the unit."""
        told = {words.VARIANT: self.variant, words.SERIAL: self._open, words.FIRMWARE: "1.7.16.0"}.get(number, "")
        text.value = told.encode()
        needed._obj.value = len(told) + 1
        return self._valid(handle)

    def maximum_value(self, handle: int, value: Any) -> int:
        """Tell the counts of full scale."""
        value._obj.value = 32512 if self._resolution == 8 else 32767
        return self._did("MaximumValue") or self._valid(handle)

    def minimum_value(self, handle: int, value: Any) -> int:
        """Tell them of the other end."""
        value._obj.value = -32512 if self._resolution == 8 else -32767
        return self._did("MinimumValue") or self._valid(handle)

    # -- how it is set -------------------------------------------------------------------------------------------------

    def set_channel(self, handle: int, channel: int, enabled: int, coupling: int, range_: int, offset: float) -> int:
        """Set a channel up, or turn it off."""
        if status := self._did("SetChannel", channel, enabled, coupling, range_, offset) or self._valid(handle):
            return status
        is_on_usb = self.question == words.SUPPLY_NOT_CONNECTED
        if channel >= self._has or (enabled and is_on_usb and channel > 1):
            return words.INVALID_CHANNEL
        self._channels.pop(channel, None)
        if enabled:
            if len(self._channels) >= _CHANNELS_AT.get(self._resolution, 4):
                return TOO_MANY_CHANNELS
            self._channels[channel] = (coupling, range_, offset)
        return words.OK

    def get_analogue_offset(self, handle: int, range_: int, _coupling: int, most: Any, least: Any) -> int:
        """Tell the offsets that a range has."""
        status = self._did("GetAnalogueOffset", range_) or self._valid(handle)
        most._obj.value = next((volts for volts, ranges in _OFFSETS_V if range_ in ranges), 0.0)
        least._obj.value = -most._obj.value
        return status

    def set_bandwidth_filter(self, handle: int, channel: int, bandwidth: int) -> int:
        """Limit the bandwidth of a channel."""
        return self._did("SetBandwidthFilter", channel, bandwidth) or self._valid(handle)

    def set_simple_trigger(self, handle: int, enable: int, *_: Any) -> int:
        """Turn the trigger off."""
        return self._did("SetSimpleTrigger", enable) or self._valid(handle)

    def set_data_buffer(self, handle: int, channel: int, most: Any, n: int, segment: int, mode: int) -> int:
        """Take a buffer."""
        return self._take("SetDataBuffer", handle, channel, (most, None), n, segment, mode)

    def set_data_buffers(
        self, handle: int, channel: int, most: Any, least: Any, n: int, segment: int, mode: int
    ) -> int:
        """Take two buffers."""
        return self._take("SetDataBuffers", handle, channel, (most, least), n, segment, mode)

    # -- the stream ----------------------------------------------------------------------------------------------------

    def run_streaming(
        self,
        handle: int,
        interval: Any,
        unit: int,
        before: int,
        after: int,
        auto_stop: int,
        ratio: int,
        mode: int,
        n: int,
    ) -> int:
        """Begin to stream, at an interval that the converter has."""
        value = interval._obj.value
        status = self._did("RunStreaming", value, unit, before, after, auto_stop, ratio, mode, n)
        if status := status or self._valid(handle):
            return status
        if not self._channels or any(self._buffers.get(one, ())[2:] != (n, mode) for one in self._channels):
            return NO_BUFFERS
        unit_hz, step_s = words.UNITS_HZ[unit], Fraction(8 if self._resolution == 8 else 16, 10**9)
        steps = round(Fraction(value, unit_hz) / step_s)
        if steps < len(self._channels):
            return INVALID_INTERVAL
        interval._obj.value = int(steps * step_s * unit_hz)
        name = next(name for name, number in words.MODES.items() if number == mode)
        self._run = _Run(self.timing.elapsed_s(), steps * step_s, ratio, name, n)
        return words.OK

    def get_streaming_latest_values(self, handle: int, ready: Callable[..., None], parameter: Any) -> int:
        """Write what is new into the buffers, and tell of it."""
        run = self._run
        if status := self._valid(handle):
            return status
        if run is None:
            return words.BUSY
        due = [at_s for at_s in self.status_at if at_s <= self.timing.elapsed_s() - run.begun_s]
        self.statuses += [self.status_at.pop(at_s) for at_s in due]
        if self.statuses:
            return self.statuses.pop(0)
        waiting = self._waiting(run)
        if waiting > run.length:
            run.at += waiting
            self.lost += waiting
            return words.BUFFER_STALL if self.tells_stalls else words.BUSY
        if not (n := min(waiting, run.length, run.length - run.index)):
            return words.BUSY
        self._write(run, n)
        run.polls += 1
        is_over = self.over_range_every and run.polls % self.over_range_every == 0
        begin, run.index, run.at = run.index, (run.index + n) % run.length, run.at + n
        ready(handle, n, begin, self.over_range_bits if is_over else 0, 0, 0, 0, parameter)
        return words.OK

    def stop(self, handle: int) -> int:
        """End the stream."""
        self._run = None
        return self._did("Stop") or self._valid(handle)

    def close_unit(self, handle: int) -> int:
        """Give the unit back."""
        status = self._did("CloseUnit") or self._valid(handle)
        self._open = ""
        return status

    @property
    def is_open(self) -> bool:
        """Whether a unit is open."""
        return bool(self._open)

    @property
    def is_streaming(self) -> bool:
        """Whether it streams."""
        return self._run is not None

    @property
    def _has(self) -> int:
        """How many channels there are."""
        return int(self.variant[1])

    def _did(self, name: str, *arguments: Any) -> int:
        self.calls.append((name, *arguments))
        return self.refusals.get(name, words.OK)

    def _valid(self, handle: int) -> int:
        return words.OK if handle == 1 and self._open else words.INVALID_HANDLE

    def _agreed(self, status: int) -> int:
        return words.OK if status in words.QUESTIONS else INVALID_PARAMETER

    def _take(
        self, name: str, handle: int, channel: int, pointers: tuple[Any, Any], n: int, segment: int, mode: int
    ) -> int:
        if status := self._did(name, channel, n, segment, mode) or self._valid(handle):
            return status
        arrays = [None if pointer is None else np.ctypeslib.as_array(pointer, (n,)) for pointer in pointers]
        self._buffers[channel] = (*arrays, n, mode)
        return words.OK

    def _waiting(self, run: _Run) -> int:
        """Return how many samples there are that were not fetched."""
        elapsed_s = (self.timing.elapsed_s() - run.begun_s) * self.speed
        return int(Fraction(elapsed_s) / (run.interval_s * run.ratio)) - run.at

    def _write(self, run: _Run, n: int) -> None:
        for channel in self._channels:
            made = downsampled(run.mode, run.ratio, channel, run.at, run.at + n)
            for buffer, bound in zip(self._buffers[channel], ("max", "min"), strict=False):
                if buffer is not None:
                    buffer[run.index : run.index + n] = made[bound]


@contextlib.contextmanager
def plugged_in(library: Any) -> Iterator[Any]:
    """Put a library where the driver is loaded.

    Examples
    --------
    >>> from xjls.capturing.registry import open_device
    >>> from xjls.testing.outlet import SteppedTiming
    >>> with plugged_in(StandInLibrary(SteppedTiming())):
    ...     device = open_device("ps5000a", rate="62.5 MHz", settings={"range": "2 V"})
    ...     device.close()
    >>> str(device.source), device.signals[0].rate_hz, device.signals[0].scale_factor == 2 / 32767
    ('PicoScope 5444D Pico Technology 5444D AB123/0042', Fraction(62500000, 1), True)
    """
    loaded = scope.load_library
    # The one place where the driver is loaded
    scope.load_library = lambda: library
    try:
        yield library
    finally:
        scope.load_library = loaded
