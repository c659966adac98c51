"""Joulescopes without hardware: an object with the calls of the maker's ``Driver``, and scripts of what happens.

Messages are made as the driver makes them, in its types and with its packing, by arithmetic from the sample id; they
are handed out on a thread of its own. They come as fast as they are taken, in real time, or as a test steps the time.
"""

from __future__ import annotations

import contextlib
import heapq
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.devices.jsdrv import instrument
from xjls.capturing.devices.jsdrv.models import MODELS, Model, Port
from xjls.formats.jls2.wire import ns_to_jls_time
from xjls.testing.outlet import BEGIN_NS, LONG_S, SteppedTiming

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAST = float("inf")
MESSAGES_HZ = 20
MOST_SAMPLES = 65_400
"""In a message."""
_FIELDS = {"s/i": (1, 0), "s/v": (2, 0), "s/p": (3, 0), "s/i/range": (4, 0)}
"""``field_id`` and ``index``; the inputs have field 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joulescope:
    """An instrument, and what happens to it while it streams."""

    path: str = "u/js220/000415"
    duration_s: float = 0.5
    """Seconds of samples of each signal; then it is silent."""
    first_tick: int = 1_000_000
    """Where the counter stands when a signal is turned on."""
    starts: Mapping[str, int] = field(default_factory=dict)
    """Samples by which a signal begins later than that."""
    lost: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """Windows of sample ids, by signal, that are counted and never come."""
    repeated: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Numbers of messages that come twice."""
    overlapping: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """Samples of the message before that a message brings again, by its number."""
    swallowed: tuple[float, float] | None = None
    """After how many seconds of samples so many seconds go by of which nothing tells, as when a JS110 loses packets."""
    unplugged_at_s: float | None = None
    anew_at_s: float | None = None
    """When the counter begins at 0 again."""
    decimations: Mapping[str, int] = field(default_factory=dict)
    """Ticks a sample takes, where that is not what the model's rate says."""
    refusals: Mapping[str, Exception] = field(default_factory=dict)
    """What is raised when something is published, by the end of the topic."""
    firmware: int | None = 0x0103_0002
    clock_hz: float = 3.75
    """By which the converter's clock is fast, as the time map says."""

    @property
    def model(self) -> Model:
        """Which kind it is."""
        return MODELS[self.path.split("/")[1]]


def values(name: str, start: int, stop: int) -> NDArray[Any]:
    """Return the samples ``[start, stop)`` that every instrument measures of a signal.

    Examples
    --------
    >>> values("current", 998, 1002).tolist() == np.float32([0.998, 0.999, 0.0, 0.001]).tolist()
    True
    >>> values("gpi[0]", 0, 8).tolist(), values("current_range", 36, 38).tolist()
    ([True, True, True, True, True, False, False, False], [0, 1])
    """
    ids = np.arange(start, stop, dtype=np.int64)
    scales = {"current": 1e-3, "voltage": 2e-3, "power": 4e-3}
    if name in scales:
        return (ids % 1000 * scales[name]).astype("f4")
    if name == "current_range":
        return (ids // 37 % 8).astype("u1")
    bits: NDArray[np.bool_] = ids // (3 + sum(name.encode()) % 5) % 2 == 0
    return bits


@dataclass(slots=True, eq=False)
class _Stream:
    """The messages of one signal."""

    joulescope: Joulescope
    port: Port
    rate_hz: int

    def __iter__(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Yield when each message comes, in seconds from when the signal was turned on, and the message."""
        model, script, name = self.joulescope.model, self.joulescope, self.port.name
        ticks = model.decimation(self.port, self.rate_hz)
        rate_hz = model.tick_hz / ticks
        step = min(max(int(rate_hz / MESSAGES_HZ), 1), MOST_SAMPLES)
        origin = -(-script.first_tick // ticks)
        first = origin + script.starts.get(name, 0)
        anew_at = FAST if script.anew_at_s is None else origin + int(script.anew_at_s * rate_hz)
        stop = origin + int(script.duration_s * rate_hz)
        for number, begin in enumerate(range(first, stop, step)):
            end = min(begin + step, stop)
            due_s = (end - origin) / rate_hz
            if script.swallowed is not None and due_s > script.swallowed[0]:
                due_s += script.swallowed[1]
            for lo, hi in _outside(
                begin - script.overlapping.get(name, {}).get(number, 0), end, script.lost.get(name, ())
            ):
                message = self._message(*((lo, hi) if begin < anew_at else (lo - begin, hi - begin)), ticks)
                yield due_s, message
                if number in script.repeated.get(name, ()):
                    yield due_s, message

    def _message(self, start: int, stop: int, ticks: int) -> dict[str, Any]:
        script, model = self.joulescope, self.joulescope.model
        data = values(self.port.name, start, stop)
        counter_hz = model.tick_hz + script.clock_hz
        offset_time = ns_to_jls_time(BEGIN_NS)
        elapsed = round((start * ticks - script.first_tick) * (1 << 30) / counter_hz)
        field_id, index = _FIELDS.get(
            self.port.topic, (5, int(self.port.topic[-1]) if self.port.topic[-1].isdigit() else 0)
        )
        return {
            "sample_id": start * ticks, "utc": offset_time + elapsed, "field_id": field_id, "index": index,
            "sample_rate": model.tick_hz, "decimate_factor": script.decimations.get(self.port.name, ticks),
            "time_map": {
                "offset_time": offset_time, "offset_counter": script.first_tick, "counter_rate": counter_hz,
            },
            "data": np.packbits(data, bitorder="little") if data.dtype == bool else data,
        }  # fmt: skip


def _outside(start: int, stop: int, holes: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """Yield what is left of a window without holes, which are in order."""
    for lo, hi in holes:
        if start < min(lo, stop):
            yield start, min(lo, stop)
        start = max(start, hi)
    if start < stop:
        yield start, stop


@dataclass(slots=True, eq=False)
class StandInDriver:
    """What ``pyjoulescope_driver.Driver`` is to those who use it.

    Parameters
    ----------
    joulescopes
        What is plugged in.
    timing
        The time that a test steps; None for the machine's.
    speed
        Seconds of samples a second, by the machine's time; `FAST` for as fast as they are taken.
    """

    joulescopes: tuple[Joulescope, ...]
    timing: SteppedTiming | None = None
    speed: float = FAST
    published: list[tuple[str, Any]] = field(default_factory=list)
    """Topics and values, in order."""
    raised: list[Exception] = field(default_factory=list)
    """What callbacks raised, which the driver would only log."""
    opened: dict[str, str] = field(default_factory=dict)
    """Modes of what is open, by path."""
    is_finalized: bool = False
    _retained: dict[str, Any] = field(default_factory=dict)
    _callbacks: list[tuple[str, Callable[[str, Any], None]]] = field(default_factory=list)
    _due: list[tuple[float, int, str, Any, Iterator[tuple[float, Any]], float]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _changed: Condition = field(default_factory=Condition)
    _thread: Thread | None = None
    _is_busy: bool = False
    _begun: int = 0
    """Signals that were turned on, ever."""

    # -- the driver's calls --------------------------------------------------------------------------------------------

    def device_paths(self, _timeout: float | None = None) -> list[str]:
        """Return what is plugged in."""
        return [one.path for one in self.joulescopes]

    def open(self, path: str, mode: str | None = None, _timeout: float | None = None) -> None:
        """Open an instrument."""
        script = self._script(path)
        self._refuse(script, "!open")
        self.opened[path] = mode or "defaults"
        self._retained |= {f"{path}/c/fw/version": script.firmware, f"{path}/h/fs": script.model.top_hz}

    def close(self, path: str, _timeout: float | None = None) -> None:
        """Close it."""
        self._refuse(self._script(path), "!close")
        if path not in self.opened:
            raise RuntimeError(f"jsdrv_close {path} failed: CLOSED")
        del self.opened[path]

    def publish(self, topic: str, value: Any, timeout: float | None = None) -> None:  # noqa: ARG002 - their name
        """Tell an instrument something."""
        script = self._script("/".join(topic.split("/")[:3]))
        self._refuse(script, topic)
        self.published.append((topic, value))
        self._retained[topic] = value
        if topic.endswith("/ctrl"):
            port = next(port for port in script.model.ports if topic == f"{script.path}/{port.topic}/ctrl")
            self._turn(script, port, is_on=bool(value))

    def query(self, topic: str, _timeout: float | None = None) -> Any:
        """Return what was published last; raise RuntimeError where nothing was."""
        if self._retained.get(topic) is None:
            raise RuntimeError(f"jsdrv_query {topic} failed: NOT_FOUND")
        return self._retained[topic]

    def subscribe(self, topic: str, _flags: Any, fn: Callable[[str, Any], None], _timeout: float | None = None) -> None:
        """Have a callback called with messages of a topic."""
        for script in self.joulescopes:
            self._refuse(script, topic)
        with self._changed:
            self._callbacks.append((topic, fn))

    def unsubscribe(self, topic: str, fn: Callable[[str, Any], None], _timeout: float | None = None) -> None:
        """Call the very same callback no more."""
        with self._changed:
            kept = [(of, callback) for of, callback in self._callbacks if of != topic or callback is not fn]
            if len(kept) == len(self._callbacks):
                raise RuntimeError(f"jsdrv_unsubscribe {topic} failed: NOT_FOUND")
            self._callbacks = kept

    def finalize(self, _timeout: float | None = None) -> None:
        """End the driver."""
        with self._changed:
            self.is_finalized = True
            self._due.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(LONG_S)
            self._thread = None

    # -- for tests -----------------------------------------------------------------------------------------------------

    @property
    def subscriptions(self) -> list[str]:
        """The topics that callbacks wait for."""
        return [topic for topic, _ in self._callbacks]

    def wait_until_played(self, signals: int) -> None:
        """Wait until so many signals were turned on, and everything of them was handed out."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._begun >= signals and not (self._due or self._is_busy), LONG_S)
        assert done, "the driver has not handed out everything"

    # -- messages ------------------------------------------------------------------------------------------------------

    def _script(self, path: str) -> Joulescope:
        for script in self.joulescopes:
            if script.path == path and not self._retained.get(f"{path}/removed"):
                return script
        raise RuntimeError(f"{path}: NOT_FOUND")

    def _refuse(self, script: Joulescope, topic: str) -> None:
        for end, error in script.refusals.items():
            if topic.endswith(end):
                raise error

    def _turn(self, script: Joulescope, port: Port, *, is_on: bool) -> None:
        topic = f"{script.path}/{port.topic}/!data"
        with self._changed:
            self._due = [one for one in self._due if one[2] != topic]
            heapq.heapify(self._due)
            if is_on:
                self._begin(script, port, topic)
            self._changed.notify_all()

    def _begin(self, script: Joulescope, port: Port, topic: str) -> None:
        now_s = 0.0 if self.timing is None and self.speed == FAST else self._now_s()
        if script.unplugged_at_s is not None and not self._begun:
            self._push(now_s, instrument.REMOVED, iter([(script.unplugged_at_s, script.path)]))
        self._push(now_s, topic, iter(_Stream(script, port, int(self._retained[f"{script.path}/h/fs"]))))
        self._begun += 1
        if self._thread is None:
            self.is_finalized = False
            if self.timing is not None and self._catch_up not in self.timing.followers:
                self.timing.followers.append(self._catch_up)
            self._thread = Thread(target=self._play, name="stand-in driver")
            self._thread.start()

    def _push(self, begin_s: float, topic: str, messages: Iterator[tuple[float, Any]]) -> None:
        if (message := next(messages, None)) is not None:
            heapq.heappush(self._due, (begin_s + message[0], next(self._order), topic, message[1], messages, begin_s))

    def _now_s(self) -> float:
        if self.timing is not None:
            return self.timing.elapsed_s()
        return FAST if self.speed == FAST else time.monotonic() * self.speed

    def _catch_up(self) -> None:
        """Wait until all that is due by now was handed out."""
        with self._changed:
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not (self._is_busy or self._is_due()), LONG_S)
        assert done, "the driver does not keep up with the test's time"

    def _is_due(self) -> bool:
        return bool(self._due) and self._due[0][0] <= self._now_s()

    def _play(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                while not (self.is_finalized or self._is_due()):
                    is_timed = self.timing is None and bool(self._due)
                    self._changed.wait((self._due[0][0] - self._now_s()) / self.speed if is_timed else None)
                if self.is_finalized:
                    return
                _, _, topic, message, messages, begin_s = heapq.heappop(self._due)
                self._is_busy = True
                self._push(begin_s, topic, messages)
                callbacks = [callback for of, callback in self._callbacks if of == topic]
                if topic == instrument.REMOVED:
                    self._retained[f"{message}/removed"] = True
                    self._due = [one for one in self._due if not one[2].startswith(message)]
            for callback in callbacks:
                try:
                    callback(topic, message)
                except Exception as error:  # noqa: BLE001 - as the driver does: it logs what callbacks raise
                    self.raised.append(error)


@contextlib.contextmanager
def plugged_in(
    *joulescopes: Joulescope, timing: SteppedTiming | None = None, speed: float = FAST
) -> Iterator[StandInDriver]:
    """Put a stand-in where the driver is made, with instruments that are plugged in.

    Examples
    --------
    >>> from xjls.capturing.registry import open_device
    >>> with plugged_in(Joulescope(path="u/js320/8w2a")):
    ...     device = open_device("jsdrv", signals=["current"], rate="100 kHz")
    ...     device.close()
    >>> str(device.source), device.signals[0].rate_hz
    ('JS320-8w2a Jetperch JS320 8w2a', Fraction(100000, 1))
    """
    driver, made = StandInDriver(joulescopes, timing, speed), instrument.make_driver
    # The one place where a driver is made
    instrument.make_driver = lambda: driver
    try:
        yield driver
    finally:
        instrument.make_driver = made
        driver.finalize()
