"""Signals like those of a Joulescope or a PicoScope, at any rate and speed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.device import STOPPED, UNPLUGGED
from xjls.capturing.devices.sim.script import DROPPED, ENDED, parse_script, whole_of
from xjls.capturing.timing import EVERY_S, NS, SystemTiming, speed_of
from xjls.errors import SelectionError
from xjls.model.amounts import seconds_of
from xjls.model.annotation import Tie
from xjls.model.sample_type import dtype_of
from xjls.model.signal import Signal, Source
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from threading import Event

    from numpy.typing import NDArray

    from xjls.capturing.device import Outlet, Request
    from xjls.capturing.devices.sim.script import Mishap
    from xjls.capturing.timing import Timing
    from xjls.model.annotation import Json

_TICK_S = 0.005
_LSB_V = 2 / 32512
MODELS: Mapping[str, Mapping[str, tuple[str, str, bool]]] = {
    "joulescope": {
        "current": ("A", "f32", True), "voltage": ("V", "f32", True), "power": ("W", "f32", True),
        "current_range": ("", "u4", False), "gpi[0]": ("", "u1", False), "gpi[1]": ("", "u1", False),
    },
    "picoscope": {f"channel_{letter}": ("V", "i16", letter == "a") for letter in "abcd"},
}  # fmt: skip
"""By model, signals: units, type, whether they are delivered unasked."""
_RATES = {"joulescope": Fraction(2_000_000), "picoscope": Fraction(1_000_000)}
_BURST, _RIPPLE, _SINE = 200_000, 20_000, 4096
"""Samples of a period: of current, of voltage, and of a PicoScope's channels."""
_TOGGLE = {"gpi[0]": 2000, "gpi[1]": 3000}
_TABLE = {"joulescope": 6 * _BURST, "picoscope": 256 * _SINE}
"""Samples after which signals, their noise included, repeat: whole periods of each, so that no phase ever jumps."""


@cache
def one_period(name: str) -> NDArray[Any]:
    """Return the samples after which a signal repeats, as they are stored; sample ``i`` is number ``i % len`` of them.

    Examples
    --------
    >>> one_period("voltage")[:2], len(one_period("voltage")), one_period("channel_a").dtype
    (array([3.3     , 3.300003], dtype=float32), 1200000, dtype('int16'))
    """
    n = _TABLE["picoscope" if name.startswith("channel_") else "joulescope"]
    i = np.arange(n)
    rng = np.random.default_rng(sum(name.encode()))
    if name.startswith("channel_"):
        wave = 12_000 * _sine(i, _SINE) + rng.normal(0, 60, n)
        values: NDArray[Any] = wave.round().astype(np.int16)
    elif name == "current":
        bursts = 0.02 * (i % _BURST < 30_000)
        values = (0.002 + bursts + rng.normal(0, 2e-5, n)).astype(np.float32)
    elif name == "voltage":
        values = (3.3 + 0.01 * _sine(i, _RIPPLE)).astype(np.float32)
    elif name == "power":
        values = one_period("current") * one_period("voltage")
    elif name == "current_range":
        values = np.where(i % _BURST < 30_000, 3, 4).astype(np.uint8)
    else:
        values = i % _TOGGLE[name] < 700
    values.flags.writeable = False
    return values


def _sine(i: NDArray[np.int64], period: int) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * (i % period) / period)


def expected(name: str, start: int, stop: int) -> NDArray[Any]:
    """Return the samples [start, stop) of a signal, by their ids.

    Examples
    --------
    >>> bool((expected("gpi[0]", 5, 3_000_000)[-10:] == expected("gpi[0]", 2_999_990, 3_000_000)).all())
    True
    """
    period = one_period(name)
    return np.take(period, np.arange(start, stop) % len(period))


class Simulator:
    """Deliver simulated signals; fulfils `xjls.capturing.device.Device`.

    Parameters
    ----------
    request
        What is asked for.
    timing
        Clocks.
    """

    def __init__(self, request: Request, timing: Timing | None = None) -> None:
        told = request.settings
        model = str(told["model"])
        if model not in MODELS:
            raise SelectionError(f"there is no simulated {model!r}", f"Models: {', '.join(MODELS)}, miniscope.")
        self._rate_hz = _RATES[model] if request.rate_hz is None else request.rate_hz
        self._speed = speed_of(told["speed"])
        self.source = source_of(model)
        self.signals = _signals(model, request, self._rate_hz, self.source)
        self.is_live = self._speed is not None
        self.settings: Mapping[str, Json] = dict(told)
        self._block = max(round(seconds_of(told["block_s"]) * self._rate_hz), 1)
        self._length = math.ceil(seconds_of(told["seconds"]) * self._rate_hz) if told["seconds"] else None
        self._first_id = whole_of(told, "first_id")
        self._start_ns = whole_of(told, "start_ns")
        self._script = parse_script(str(told["script"]), self._rate_hz)
        self._timing = timing or SystemTiming()
        self.delivered_s = 0.0
        """Seconds of samples so far: a clock for who captures in simulated time."""

    def run(self, outlet: Outlet, stop: Event) -> str:
        """Deliver until it is told to stop, or the script ends it; see `Device`."""
        begun_s, start_ns = self._timing.elapsed_s(), self._start_ns or self._timing.now_ns()
        at, tied, script, held_until = 0, None, list(self._script), 0.0
        while not stop.is_set():
            if at == self._length:
                return ENDED
            now = self._timing.elapsed_s()
            if now < held_until or (n := self._due(at, now - begun_s)) < 1:
                self._timing.wait(stop, _TICK_S)
                continue
            if script and script[0].at <= at:
                event = script.pop(0)
                if event.kind == "unplug":
                    return UNPLUGGED
                at = self._happen(outlet, event, at)
                held_until = now + float(event.amount) if event.kind == "stall" else held_until
                continue
            stop_at = min(at + n, script[0].at if script else at + n, self._length or at + n)
            if tied is None or at - tied >= EVERY_S * self._rate_hz:
                tied = self._tie(outlet, at, start_ns)
            self._deliver(outlet, at, stop_at)
            at = stop_at
            self.delivered_s = float(at / self._rate_hz)
        return STOPPED

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""

    def _due(self, at: int, elapsed_s: float) -> int:
        """Return how many samples there are to deliver by now: a block at least, or none."""
        if self._speed is None:
            return self._block
        due = int(elapsed_s * self._speed * self._rate_hz) - at
        return min(due, 4 * self._block) if due >= self._block else 0

    def _tie(self, outlet: Outlet, at: int, start_ns: int) -> int:
        time_ns = start_ns + round(at * NS / self._rate_hz)
        for signal in self.signals:
            outlet.tie(signal.name, Tie(sample_id=self._first_id + at, time_ns=time_ns))
        return at

    def _deliver(self, outlet: Outlet, start: int, stop: int) -> None:
        for signal in self.signals:
            period = one_period(signal.name)
            at = self._first_id + start
            while at < self._first_id + stop:
                begin = at % len(period)
                samples = period[begin : begin + self._first_id + stop - at]
                outlet.write(signal.name, at, samples)
                at += len(samples)

    def _happen(self, outlet: Outlet, event: Mishap, at: int) -> int:
        """Let something go wrong; return where it goes on."""
        first, n = self._first_id + at, int(event.amount)
        if event.kind == "drop":
            for signal in self.signals:
                outlet.skip(signal.name, Gap(Window(first, first + n), DROPPED, skipped=True))
        elif event.kind == "over":
            for signal in self.signals:
                outlet.over_range(signal.name, Window(max(first - n, self._first_id), first))
        return at + n if event.kind in ("drop", "jump") else at


def source_of(model: str) -> Source:
    """Return a simulated instrument.

    Examples
    --------
    >>> str(source_of("picoscope"))
    'simulated picoscope xjls picoscope 000000'
    """
    return Source(id=1, name=f"simulated {model}", vendor="xjls", model=model, version="1", serial_number="000000")


def _signals(model: str, request: Request, rate_hz: Fraction, source: Source) -> tuple[Signal, ...]:
    known = MODELS[model]
    wanted = tuple(name for name, facts in known.items() if facts[2]) if request.signals is None else request.signals
    if not wanted:
        raise SelectionError("no signals were asked for", f"Signals: {', '.join(known)}.")
    if unknown := [name for name in wanted if name not in known]:
        raise SelectionError(f"a simulated {model} has no signal {unknown[0]!r}", f"Signals: {', '.join(known)}.")
    return tuple(
        Signal(
            id=i, name=name, units=known[name][0], dtype=dtype_of(known[name][1]), stored_type=known[name][1],
            rate_hz=rate_hz, source=source, scale_factor=_LSB_V if known[name][1] == "i16" else 1.0,
        )
        for i, name in enumerate(known, 1) if name in wanted
    )  # fmt: skip
