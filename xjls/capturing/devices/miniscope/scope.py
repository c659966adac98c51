"""A miniscope that is open: bytes -> blocks of its signals, until there are no more."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from xjls.capturing.device import STOPPED
from xjls.capturing.devices.miniscope.sources import WAIT_S
from xjls.capturing.timing import NS, SystemTiming, speed_of
from xjls.errors import SelectionError
from xjls.formats.miniscope.config import load_config
from xjls.formats.miniscope.live import LiveStream
from xjls.formats.miniscope.opening import OF_CONFIG
from xjls.model.amounts import seconds_of
from xjls.model.annotation import text_at
from xjls.model.signal import Source

if TYPE_CHECKING:
    from threading import Event

    from xjls.capturing.device import Outlet, Request
    from xjls.capturing.devices.miniscope.sources import ByteSource
    from xjls.capturing.timing import Timing
    from xjls.formats.miniscope.config import StreamConfig
    from xjls.formats.miniscope.live import Delivery, Lost
    from xjls.model.annotation import Json
    from xjls.model.signal import Signal

__all__ = ["Miniscope"]

_MOST_BYTES = 1 << 16
_SOON_S = 1e-4
"""What is due as soon as that is due now."""
BYTES, BUFFERS = "bytes", "buffers"
"""What may lack."""
NOTHING_BELIEVED = "bytes come, and no buffer among them can be believed: is the configuration that of the instrument?"


class Miniscope:
    """Deliver frames and headers; fulfils `xjls.capturing.device.Device`.

    Parameters
    ----------
    request
        What is asked for.
    open_source
        Opens what its address names.
    timing
        Clocks.

    Raises
    ------
    SelectionError
        There is no configuration, no such signal, or a rate that is not the configuration's.
    """

    def __init__(
        self, request: Request, open_source: Callable[[Request], ByteSource], timing: Timing | None = None
    ) -> None:
        told = request.settings
        self._config = _config_of(request)
        self._timeout_s = float(seconds_of(told["timeout_s"]))
        self._speed = speed_of(told["speed"])
        self._stream = LiveStream(self._config)
        self.source = Source(id=1, name="miniscope")
        self.signals: tuple[Signal, ...] = self._stream.signals(self.source, request.signals)
        self.settings: Mapping[str, Json] = {"address": request.address, **_in_force(told, self._config)}
        self._timing = timing or SystemTiming()
        self._bytes = open_source(request)
        self.is_live = self._bytes.is_live
        self._is_paced = not self._bytes.waits and self._speed is not None

    @property
    def tallies(self) -> dict[str, int]:
        """What came so far, and what did not; see `xjls.capturing.device.tallies_of`."""
        return self._stream.tallies

    def run(self, outlet: Outlet, stop: Event) -> str:
        """Deliver until it is told to stop, or no more comes; see `Device`."""
        delivering = Delivering(outlet, self._stream, {signal.name for signal in self.signals}, self._timing)
        most = self._config.buffer_bytes if self._is_paced else _MOST_BYTES
        self._stream.prepare()
        begun_s = delivering.begin()
        while not stop.is_set():
            data = self._bytes.read(most)
            if data is None:
                delivering.end()
                return self._bytes.ended
            if data:
                try:
                    delivering.feed(data)
                except SelectionError as error:  # of a preamble that is everywhere: nothing can be made of that
                    delivering.settle()
                    return str(error)
                delivering.doubt(self._timeout_s)
            delivering.look(self._timeout_s, at_buffers=not self._is_paced)
            if data:
                self._wait_until_due(delivering.n_frames, begun_s, stop)
            elif not self._bytes.waits:
                self._timing.wait(stop, WAIT_S)
        delivering.end()
        return STOPPED

    def close(self) -> None:
        """Give the port, the file or the connection back."""
        self._bytes.close()

    def _wait_until_due(self, n_frames: int, begun_s: float, stop: Event) -> None:
        """Wait until so many frames should have come, where they come from a file that is replayed."""
        if not self._is_paced or self._speed is None:
            return
        due_s = begun_s + n_frames / self._config.fs / float(self._speed)
        while not stop.is_set() and (early_s := due_s - self._timing.elapsed_s()) > _SOON_S:
            self._timing.wait(stop, min(early_s, WAIT_S))


class Delivering:
    """What a run has come to: rows into an outlet, and notes about what is odd.

    Parameters
    ----------
    outlet, timing
        Where rows go, and clocks.
    stream
        What makes rows of bytes.
    names
        Signals that are wanted.
    """

    def __init__(self, outlet: Outlet, stream: LiveStream, names: set[str], timing: Timing) -> None:
        self._outlet, self._stream, self._names, self._timing = outlet, stream, names, timing
        self._begun_s, self._bytes_s, self._buffer_s = 0.0, 0.0, 0.0
        self._n_sound, self._lacks, self._is_doubted = 0, "", False
        self.n_frames = 0
        """Frames so far; of many that were lost together one counts, as nobody waits for them."""

    def begin(self) -> float:
        """Return the time from which it is counted how long nothing came, s."""
        self._begun_s = self._bytes_s = self._buffer_s = self._timing.elapsed_s()
        return self._begun_s

    def feed(self, data: bytes) -> None:
        """Take bytes that have just come."""
        self._bytes_s = self._timing.elapsed_s()
        self._put(self._stream.feed(data, self._now_s()))
        came, self._n_sound = self._stream.n_sound > self._n_sound, self._stream.n_sound
        if came or self._lacks == BYTES:  # buffers get their time anew once bytes come again
            self._buffer_s = self._bytes_s
        if self._lacks == BYTES or (came and self._lacks):
            self._note(f"{self._lacks} come again")
            self._lacks = ""

    def look(self, timeout_s: float, *, at_buffers: bool) -> None:
        """Note what has not come for long, once, and deliver what is held back.

        Parameters
        ----------
        timeout_s
            How long that is.
        at_buffers
            Whether buffers are waited for, too: a receiver without its scope sends noise.
        """
        now_s = self._timing.elapsed_s()
        if now_s - self._bytes_s >= timeout_s:
            self._lack(BYTES, timeout_s)
        elif at_buffers and self._n_sound and not self._lacks and now_s - self._buffer_s >= timeout_s:
            self._lack(BUFFERS, timeout_s)

    def doubt(self, timeout_s: float) -> None:
        """Note, once, that bytes have come for long and that nothing can be made of them."""
        is_long = self._bytes_s - self._begun_s > timeout_s
        if is_long and not self._is_doubted and not self._stream.has_begun:
            self._is_doubted = True
            self._note(NOTHING_BELIEVED)

    def settle(self) -> None:
        """Deliver what is held back."""
        self._put(self._stream.settle())

    def end(self) -> None:
        """Deliver what is left."""
        self._put(self._stream.flush(self._now_s()))

    def _lack(self, what: str, timeout_s: float) -> None:
        if self._lacks != what:
            self._lacks = what
            self.settle()
            self._note(f"no {what} have come for {timeout_s:g} s")

    def _put(self, rows: list[Delivery | Lost]) -> None:
        for row in rows:
            row.into(self._outlet, self._names)
        self.n_frames += self._stream.n_new_frames
        for note in self._stream.notes:
            self._note(note)

    def _note(self, text: str) -> None:
        self._outlet.annotate(text_at("", None, text, time_ns=self._timing.now_ns()))

    def _now_s(self) -> float:
        return self._timing.now_ns() / NS


def _config_of(request: Request) -> StreamConfig:
    told = request.settings
    changes = {name: told[name] for name in OF_CONFIG if told[name] is not None}
    if told["config"] is None and not changes:
        raise SelectionError(
            "nothing in a stream tells how it is sent",
            "Give a configuration, as in miniscope:/dev/ttyUSB0?config=wireless-200px, or its keys as settings.",
        )
    config = load_config(told["config"], **changes)
    if request.rate_hz is not None and not math.isclose(request.rate_hz, config.fs):
        raise SelectionError(
            f"rate={float(request.rate_hz):g} Hz is not that of the configuration, {config.fs:g} frames a second",
            "Give fs= for another one: the instrument itself is not told.",
        )
    return config


def _in_force(told: Mapping[str, Any], config: StreamConfig) -> dict[str, Json]:
    """Return all settings, those of the configuration among them, as they can be written down."""
    found: dict[str, Json] = {}
    for name, value in told.items():
        kept = getattr(config, name, value) if name in OF_CONFIG else value
        found[name] = kept if isinstance(kept, (str, int, float, bool, type(None))) else _in_words(kept)
    return found


def _in_words(value: Any) -> Json:
    """Return what stands for a mapping, a path or a format of headers."""
    if isinstance(value, Mapping):
        return {
            str(key): part if isinstance(part, (str, int, float, bool)) else str(part) for key, part in value.items()
        }
    return str(getattr(value, "id", value))
