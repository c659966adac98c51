"""A simulated miniscope: cells that light up, as the bits that it would send, through what a real one's go through."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.device import STOPPED, UNPLUGGED
from xjls.capturing.devices.sim.instrument import source_of
from xjls.capturing.devices.sim.script import ENDED, Mishap, parse_script, whole_of
from xjls.capturing.timing import NS, SystemTiming, speed_of
from xjls.errors import SelectionError
from xjls.formats.miniscope.config import load_config
from xjls.formats.miniscope.live import LiveStream
from xjls.formats.miniscope.sending import BitPacker, buffers_on_wire
from xjls.model.amounts import seconds_of

if TYPE_CHECKING:
    from threading import Event

    from numpy.typing import NDArray

    from xjls.capturing.device import Outlet, Request
    from xjls.capturing.timing import Timing
    from xjls.formats.miniscope.config import StreamConfig
    from xjls.model.annotation import Json
    from xjls.model.signal import Signal, Source

MODEL = "miniscope"
_FPS = Fraction(20)
_TICK_S = 0.005
_IDLE_BITS = (26_000, 29_000)
"""Random bits behind each frame, half-open, as the receiver of a link makes them that has nothing to send."""
_NO_BITS = np.empty(0, np.uint8)
_CELLS = 12
_DISCHARGE = 600
"""Frames after which the battery's number is one less."""
_BATTERY, _INPUT = 190, 30


def expected_frame(number: int, width: int = 200, height: int = 200) -> NDArray[np.uint8]:
    """Return a frame by its number, u8[height, width]: a background that drifts, cells that light up, and noise.

    Examples
    --------
    >>> expected_frame(7).shape, bool((expected_frame(7) == expected_frame(7)).all())
    ((200, 200), True)
    """
    background, nearest, strength, periods = _scene(width, height)
    light = 40 * (1 + np.cos(2 * np.pi * (number % periods) / periods))
    noise = np.random.default_rng(number).integers(0, 9, (height, width), np.uint8)
    glow = light.astype(np.float32)[nearest] * strength
    found: NDArray[np.uint8] = np.roll(background, number, axis=1) + noise + glow.astype(np.uint8)
    return found


@cache
def _scene(
    width: int, height: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Return the background, the nearest cell of each pixel and how much of its light is there, and cells' periods."""
    rng = np.random.default_rng(width * 65_537 + height)
    y, x = np.mgrid[:height, :width]
    background = (40 + 20 * np.sin(2 * np.pi * x / width)).astype(np.uint8)
    places = rng.random((_CELLS, 2)) * (height, width)
    size = max(min(width, height) / 25, 1.0)
    squares = (y - places[:, 0, None, None]) ** 2 + (x - places[:, 1, None, None]) ** 2
    strength = np.exp(-squares.min(axis=0) / (2 * size**2)).astype(np.float32)
    return background, squares.argmin(axis=0), strength, rng.integers(25, 90, _CELLS)


class SimulatedMiniscope:
    """Deliver what comes of a simulated miniscope's bits; fulfils `xjls.capturing.device.Device`.

    Parameters
    ----------
    request
        What is asked for; its rate counts frames.
    timing
        Clocks.
    """

    def __init__(self, request: Request, timing: Timing | None = None) -> None:
        told = request.settings
        rate_hz = _FPS if request.rate_hz is None else request.rate_hz
        self._fps = rate_hz
        self._config = load_config(
            "wireless-200px", frame_width=whole_of(told, "width"), frame_height=whole_of(told, "height"),
            fs=float(rate_hz),
        )  # fmt: skip
        self._speed = speed_of(told["speed"])
        self._first, self._start_ns = whole_of(told, "first_id"), whole_of(told, "start_ns")
        self._length = math.ceil(seconds_of(told["seconds"]) * rate_hz) if told["seconds"] else None
        self._script = _events(str(told["script"]), rate_hz)
        self._link = Link(self._config, {name: _share(told, name) for name in ("loss", "swaps", "bit_errors")})
        self._stream = LiveStream(self._config)
        self.source: Source = source_of(MODEL)
        self.signals: tuple[Signal, ...] = self._stream.signals(self.source, request.signals)
        self.settings: Mapping[str, Json] = dict(told)
        self.is_live = self._speed is not None
        self._timing = timing or SystemTiming()

    @property
    def tallies(self) -> dict[str, int]:
        """What came so far, and what did not; see `xjls.capturing.device.tallies_of`."""
        return self._stream.tallies

    def run(self, outlet: Outlet, stop: Event) -> str:
        """Deliver until it is told to stop, or the script ends it; see `Device`."""
        names = {signal.name for signal in self.signals}
        start_ns = self._start_ns or self._timing.now_ns()
        reason, now_s = STOPPED, start_ns / NS
        for number, reason in self._numbers(stop):  # noqa: B007 - the last one is why it ends
            if number is None:
                break
            now_s = (start_ns + round(number * NS / self._fps)) / NS
            for row in self._stream.feed(self._link.sent(self._first + number, self._fps), now_s):
                row.into(outlet, names)
        for row in [*self._stream.feed(self._link.ended(), now_s), *self._stream.flush(now_s)]:
            row.into(outlet, names)
        return reason

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def _numbers(self, stop: Event) -> Iterator[tuple[int | None, str]]:
        """Yield frames when they are due, counted from the first, and at last None and why there are no more."""
        begun_s, number, script = self._timing.elapsed_s(), 0, list(self._script)
        while not stop.is_set():
            if self._length is not None and number >= self._length:
                yield None, ENDED
                return
            if self._speed is not None and self._timing.elapsed_s() - begun_s < (number + 1) / self._fps / self._speed:
                self._timing.wait(stop, _TICK_S)
                continue
            if not script or script[0].at > number:
                yield number, ""
                number += 1
                continue
            event = script.pop(0)
            if event.kind == "unplug":
                yield None, UNPLUGGED
                return
            if event.kind == "stall":
                self._timing.wait(stop, float(event.amount))
            else:
                number += int(event.amount)
        yield None, STOPPED


class Link:
    """What carries the bits of frames, and loses, swaps and breaks some.

    Parameters
    ----------
    config
        How they are sent.
    shares
        ``loss`` and ``swaps`` of buffers, ``bit_errors`` of bits.
    """

    def __init__(self, config: StreamConfig, shares: Mapping[str, float]) -> None:
        self._config, self._shares = config, shares
        self._rng = np.random.default_rng(0)
        self._packer = BitPacker()
        self._held_back = _NO_BITS

    def sent(self, number: int, fps: Fraction) -> bytes:
        """Return the bytes that come while a frame is sent."""
        config, n_slots = self._config, self._config.shape.n_slots
        values = {
            "frame_num": number, "buffer_count": number * n_slots, "timestamp": int(1000 * number / fps),
            "battery_voltage_raw": max(_BATTERY - number // _DISCHARGE, 0), "input_voltage_raw": _INPUT,
        }  # fmt: skip
        pixels = expected_frame(number, config.frame_width, config.frame_height)
        buffers = buffers_on_wire(config, pixels, values, buffer_ms=float(300 / fps / n_slots))
        idle = self._rng.integers(0, 2, int(self._rng.integers(*_IDLE_BITS)), np.uint8)
        return self._packer.pack([*(bits for buffer in buffers for bits in self._carried(buffer)), idle])

    def ended(self) -> bytes:
        """Return the bytes that come at last."""
        return self._packer.pack([self._held_back, np.zeros(8, np.uint8)])

    def _carried(self, buffer: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Return what comes when a buffer is sent: nothing, it, or it and the one before."""
        lost, swapped = self._rng.random(2) < (self._shares["loss"], self._shares["swaps"])
        if lost:
            return []
        n_wrong = self._rng.binomial(len(buffer), self._shares["bit_errors"])
        buffer[self._rng.integers(0, len(buffer), n_wrong)] ^= 1
        before, self._held_back = self._held_back, _NO_BITS
        if swapped and not before.size:
            self._held_back = buffer
            return []
        return [buffer, before]


def _events(text: str, rate_hz: Fraction) -> tuple[Mishap, ...]:
    events = parse_script(text, rate_hz)
    if any(event.kind == "over" for event in events):
        raise SelectionError("a miniscope is never over range", "Leave 'over' out of the script.")
    return events


def _share(told: Mapping[str, Any], name: str) -> float:
    value = told[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise SelectionError(f"{name}={value!r} is no share", "Give 0 to 1.")
    return float(value)
