"""One unit: the driver's calls, in the driver's order; a status that is no success becomes a `DeviceError`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from xjls.capturing.devices.ps5000a.words import (
    CHANNELS,
    INVALID_CHANNEL,
    MODES,
    NOT_FOUND,
    OK,
    QUESTIONS,
    RESOLUTIONS,
    RISING,
    status_text,
)
from xjls.errors import DeviceError, MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xjls.capturing.devices.ps5000a.setup import Channel, Setup

Counts: TypeAlias = "NDArray[np.int16]"
Buffers: TypeAlias = "Mapping[str, tuple[Counts, Counts | None]]"
"""By the letter of a channel, what the driver writes into: maxima, or plain counts, and minima where it makes any."""
Ready: TypeAlias = Callable[[int, int, int, int, int, int, int, Any], None]
"""Handle, samples, start index, over-range bits, trigger index, triggered, auto-stopped, parameter."""
_TEXT_BYTES = 256
_LIST_BYTES = 4096
_INT16 = ctypes.POINTER(ctypes.c_int16)
_MOST_QUESTIONS = 3


def load_library() -> Any:
    """Return picosdk's wrapper of the driver: the one place where it is loaded, and where tests put another."""
    try:
        from picosdk.ps5000a import ps5000a
    except ImportError:
        raise MissingDependencyError("picosdk", "picoscope") from None
    except (OSError, AttributeError) as error:
        raise DeviceError(
            f"PicoSDK's library for the 5000A series cannot be used ({error})", "ps5000a",
            "Install PicoSDK, as new as can be, from Pico Technology.",
        ) from error  # fmt: skip
    return ps5000a


def find_serials(library: Any) -> Iterator[str]:
    """Yield the serial numbers of the units that are there and not open."""
    found, length = ctypes.c_int16(), ctypes.c_int16(_LIST_BYTES)
    text = ctypes.create_string_buffer(_LIST_BYTES)
    status = library.ps5000aEnumerateUnits(ctypes.byref(found), text, ctypes.byref(length))
    if status not in (OK, NOT_FOUND):
        raise DeviceError(f"the driver does not list units: {status_text(status)}", "ps5000a")
    yield from filter(None, text.value.decode(errors="replace").split(","))


@dataclass(slots=True, eq=False)
class Scope:
    """One unit that is open."""

    library: Any
    where: str
    """What opens it."""
    handle: int = 0

    def open(self, serial: str, resolution: int) -> None:
        """Open it; agree to what it asks about its power."""
        handle = ctypes.c_int16()
        status = self.library.ps5000aOpenUnit(
            ctypes.byref(handle), serial.encode() or None, RESOLUTIONS.index(resolution)
        )
        self.handle = handle.value
        status = self.agree(status)
        if status == NOT_FOUND:
            raise DeviceError(
                f"no PicoScope {serial or 'of the 5000A series'} is there", self.where,
                "Is it plugged in, is another program using it, and may this user reach it?",
            )  # fmt: skip
        self._require(status, "does not open", "Plug it in again; is another program using it?")

    def agree(self, status: int) -> int:
        """Answer questions about power; return the status that is none."""
        for _ in range(_MOST_QUESTIONS):
            if status not in QUESTIONS:
                break
            status = self.library.ps5000aChangePowerSource(self.handle, status)
        return status

    def text(self, number: int) -> str:
        """Return what it tells of itself by a number."""
        text, needed = ctypes.create_string_buffer(_TEXT_BYTES), ctypes.c_int16()
        self.library.ps5000aGetUnitInfo(self.handle, text, _TEXT_BYTES, ctypes.byref(needed), number)
        return text.value.decode(errors="replace")

    def counts_of_full_scale(self) -> tuple[int, int]:
        """Return the counts of the lowest and of the highest value that is in range."""
        low, high = ctypes.c_int16(), ctypes.c_int16()
        self._call("MaximumValue", ctypes.byref(high), what="tell its counts")
        self._call("MinimumValue", ctypes.byref(low), what="tell its counts")
        return low.value, high.value

    def set_channels(self, setup: Setup) -> None:
        """Turn all channels off, as many may be on, then on those that are wanted; and turn the trigger off."""
        for number, letter in enumerate(CHANNELS):
            status = self.library.ps5000aSetChannel(self.handle, number, 0, 1, 0, 0.0)
            if status != INVALID_CHANNEL:  # half of the units have two
                self._require(status, f"does not turn channel {letter} off")
        for channel in setup.channels:
            self._set_channel(channel)
        self._call("SetSimpleTrigger", 0, 0, 0, RISING, 0, 0, what="turn its trigger off")

    def _set_channel(self, channel: Channel) -> None:
        most, least = ctypes.c_float(), ctypes.c_float()
        self._call(
            "GetAnalogueOffset", channel.range, channel.coupling, ctypes.byref(most), ctypes.byref(least),
            what=f"have that range on {channel.name}",
        )  # fmt: skip
        if not least.value <= channel.offset_v <= most.value:
            raise DeviceError(
                f"{channel.name} has no offset of {channel.offset_v:g} V at ±{channel.range_v:g} V", self.where,
                f"Choose one from {least.value:g} V to {most.value:g} V, or a wider range.",
            )  # fmt: skip
        self._call(
            "SetChannel", channel.number, 1, channel.coupling, channel.range, channel.offset_v,
            what=f"set {channel.name} up",
            remedy="Choose fewer channels, a lower resolution, or plug its power supply in.",
        )  # fmt: skip
        self._call(
            "SetBandwidthFilter", channel.number, channel.bandwidth, what=f"set the bandwidth of {channel.name}",
            remedy="Leave bandwidth out.",
        )  # fmt: skip

    def register(self, setup: Setup, buffers: Buffers) -> None:
        """Tell the driver where samples go; the arrays must live as long as it streams."""
        for channel in setup.channels:
            most, least = buffers[channel.letter]
            arrays = [array.ctypes.data_as(_INT16) for array in (most, least) if array is not None]
            name = "SetDataBuffer" if least is None else "SetDataBuffers"
            self._call(name, channel.number, *arrays, len(most), 0, MODES[setup.mode], what="take buffers")

    def start(self, setup: Setup) -> int:
        """Start to stream; return the interval that was granted, in the unit that was asked for."""
        value, unit = setup.interval
        granted = ctypes.c_uint32(value)
        n = setup.buffered

        def run() -> int:
            status: int = self.library.ps5000aRunStreaming(
                self.handle, ctypes.byref(granted), unit, 0, n, 0, setup.ratio, MODES[setup.mode], n
            )
            return status

        status = run()
        if status in QUESTIONS:
            self._require(self.agree(status), "does not run on the power there is")
            status = run()
        self._require(
            status, "does not stream so",
            "Choose a lower rate: 62.5 MS/s at most, 125 MS/s at 8 bits, shared by the channels; with mode and ratio,"
            " the converter samples ratio times as fast.",
        )  # fmt: skip
        return granted.value

    def poll(self, ready: Any) -> int:
        """Have the callback called if there is anything new; return the status."""
        status: int = self.library.ps5000aGetStreamingLatestValues(self.handle, ready, None)
        return status

    def callback(self, ready: Ready) -> Any:
        """Return a function as the driver calls it; it must live as long as the stream."""
        return self.library.StreamingReadyType(ready)

    def stop(self) -> None:
        """Stop to stream."""
        self.library.ps5000aStop(self.handle)

    def close(self) -> None:
        """Give it back; twice is harmless."""
        handle, self.handle = self.handle, 0
        if handle > 0:
            self.library.ps5000aCloseUnit(handle)

    def _call(self, name: str, *arguments: Any, what: str, remedy: str = "") -> None:
        status = getattr(self.library, f"ps5000a{name}")(self.handle, *arguments)
        self._require(status, f"does not {what}", remedy)

    def _require(self, status: int, problem: str, remedy: str = "") -> None:
        if status != OK:
            raise DeviceError(f"it {problem}: {status_text(status)}", self.where, remedy)
