"""One run from a device to its targets: two threads, a ring between them, and how it ends.

The device's thread only puts into the ring. The writer's thread takes out, and writes; it is also the one that asks
whether it is time to end. Whoever started the session looks at `counts`, reads `recording`, stops it, or waits. What
joins it while it runs, and leaves it, is in `parts`.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from threading import Event, Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from xjls.capturing import records
from xjls.capturing.axes import sample_bytes
from xjls.capturing.device import STOPPED, tallies_of
from xjls.capturing.outcome import Outcome, text_of
from xjls.capturing.part import Part
from xjls.capturing.parts import Parts, begin
from xjls.capturing.ring import Ring
from xjls.capturing.settling import settling
from xjls.capturing.timing import SystemTiming
from xjls.capturing.until import Until
from xjls.capturing.writing import Pace, Writer
from xjls.errors import CaptureError, DeviceError, SelectionError, SinkError, XjlsError
from xjls.model.sink import Sink

if TYPE_CHECKING:
    from xjls.capturing.counts import Counts
    from xjls.capturing.device import Device
    from xjls.capturing.target import Target
    from xjls.capturing.timing import Timing
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

RING_S, FRAMES_RING_S = 2.0, 5.0
"""Seconds of samples in time, and of frames, that the ring has room for, if nothing is said."""
LEAST_RING_BYTES, MOST_RING_BYTES = 16 << 20, 1 << 30
DEVICE_S = 10
"""How long a device may take to stop."""
LEAST_S = 1.0
"""What it has at least, from when nobody lets it wait for room any more."""


class Live(Sink, Protocol):
    """What shows the last seconds of what it is given: see `xjls.capturing.buffer.StreamBuffer`."""

    @property
    def recording(self) -> Recording:
        """The last seconds."""
        ...


class Session:
    """Stream a device into recordings.

    Parameters
    ----------
    device
        Open and set up; it is closed when the session ends.
    targets
        Recordings to write, made by `xjls.capturing.target.open_target`; none shows the last seconds only.
    uri
        What opened the device, for the record and for messages.
    until
        When it ends on its own.
    live
        What shows the last seconds: see `xjls.capturing.buffer.StreamBuffer`.
    ring_bytes
        Of the ring; None for what `RING_S` need.
    timing, pace
        Clocks, and how often what is done.

    Notes
    -----
    A ``with`` block starts it, and stops it and waits at its end.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.capturing.registry import open_device
    >>> from xjls.capturing.target import open_target
    >>> path = tempfile.mkdtemp() + "/run.zarr"
    >>> device = open_device("sim?speed=max", rate="100 kHz", signals=["current"])
    >>> session = Session(device, [open_target(path, device.signals)], until=Until.of(samples=250_000))
    >>> outcome = session.start().wait()
    >>> outcome.reason, outcome.counts.samples, xjls.open_recording(path).signal("current").length
    ('it has what was asked for', 250000, 250000)
    """

    def __init__(
        self,
        device: Device,
        targets: Sequence[Target],
        *,
        uri: str = "",
        until: Until | None = None,
        live: Live | None = None,
        ring_bytes: int | None = None,
        timing: Timing | None = None,
        pace: Pace | None = None,
    ) -> None:
        if live is None and until is not None and until.condition is not None:
            raise SelectionError("a condition is asked of the last seconds", "Give what shows them, as live.")
        self._device = device
        self._uri = uri
        self._targets = tuple(targets)
        self._until = until or Until()
        self._live = live
        self._timing = timing or SystemTiming()
        self._ring = Ring(
            _ring_bytes(device.signals) if ring_bytes is None else ring_bytes, waits=not device.is_live,
            elapsed_s=self._timing.elapsed_s, signals=device.signals,
        )  # fmt: skip
        self._writer = Writer(
            self._ring, targets, device.signals, self._until, live=live, timing=self._timing, pace=pace or Pace(),
            stop=self.stop, tick=self._tick, tallies=lambda: tallies_of(device),
        )  # fmt: skip
        self._stop, self._lock = Event(), Lock()
        self._ended = Event()
        """Set last of all. A thread must not be asked: who is interrupted while he joins one takes it for ended."""
        self._reason = ""
        self._stopped_s: float | None = None
        self._begun = False
        self._error: Exception | None = None
        self._parts = Parts(device, uri, self._writer, self._timing)
        self._delivering = Thread(target=self._deliver, name="xjls device", daemon=True)
        self._writing = Thread(target=self._write, name="xjls writer", daemon=True)

    def start(self) -> Session:
        """Begin, once; return the session."""
        if self._begun:
            return self
        begun = records.begun(self._device, self._uri, self._timing.now_ns())
        try:
            self._look()  # what is asked for in vain is said now
            for target in self._targets:
                begin(target, self._device, begun)
        except BaseException:
            self._give_back()
            raise
        self._begun = True
        atexit.register(self.close)  # a program that ends meanwhile closes what it has captured
        try:
            self._writing.start()
            self._delivering.start()
        except BaseException:  # Ctrl-C, or there are too many threads: a writer that runs ends, and closes what is open
            self.stop()
            self._ring.finish()
            if self._writing.ident is None:
                self._ended.set()
            raise
        return self

    def stop(self, reason: str = STOPPED) -> None:
        """End it; what was measured until now is still written. From any thread; the first reason counts."""
        with self._lock:
            self._reason = self._reason or reason
            self._stopped_s = self._timing.elapsed_s() if self._stopped_s is None else self._stopped_s
        self._stop.set()

    def wait(self) -> Outcome:
        """Wait until it has ended and everything is written; return how.

        Raises
        ------
        SinkError
            No recording takes anything any more.
        DeviceError
            The device refused to start, and nothing was written.
        CaptureError
            It has not begun.
        """
        if not self._begun:
            raise CaptureError("the session has not begun", self._uri, "Call start() first.")
        self._await_end()
        return self._outcome()

    def has_ended(self, timeout_s: float = 0.0) -> bool:
        """Wait for the end, at most so long; return whether everything is written."""
        return self._begun and self._ended.wait(timeout_s)

    def record(self, target: Target, until: Until | None = None) -> Part:
        """Write what comes from now on to a further recording as well, until `release`, or as far as was asked for.

        All its signals begin at one moment, the first that none of them has passed.
        From any thread, before it begins or while it runs. A session without targets of its own goes on when such a
        recording ends, or refuses.

        Parameters
        ----------
        target
            A recording of the device's signals, made by `xjls.capturing.target.open_target`.
        until
            When it ends on its own; exact to the sample. Conditions are the session's.

        Raises
        ------
        CaptureError
            The session has ended.
        """
        return self._parts.record(target, until)

    def release(self, part: Part, reason: str = STOPPED) -> None:
        """Close a recording that `record` has begun; its ``ended`` says when.

        All its signals end where the one that is furthest is now. Others are waited for, for five seconds at most.
        """
        self._parts.release(part, reason)

    def mark(self, text: str, signal: str = "") -> None:
        """Write a text at the newest sample of a signal, or of the first one, to all recordings; from any thread.

        Raises
        ------
        SelectionError
            No such signal is captured.
        CaptureError
            The session has ended.
        """
        self._parts.mark(text, signal)

    @property
    def counts(self) -> Counts:
        """What it has done so far."""
        return self._writer.counts

    @property
    def failed(self) -> Mapping[str, Exception]:
        """Recordings that were given up so far, by their paths, and why."""
        return dict(self._writer.failed)

    @property
    def not_shown(self) -> Exception | None:
        """Why `live` shows the last seconds no more; None while it does."""
        return self._writer.not_shown

    @property
    def live(self) -> Live | None:
        """What shows the last seconds."""
        return self._live

    @property
    def recording(self) -> Recording | None:
        """The last seconds, as a recording like any other; None where nothing shows them."""
        return None if self._live is None else self._live.recording

    def close(self) -> None:
        """Give back what is open; one that has begun is stopped, and waited for."""
        if not self._begun:
            self._give_back()
            return
        self.stop()
        self._await_end()

    def _await_end(self) -> None:
        self._ended.wait()
        if self._writing.ident is not None:
            self._writing.join()

    def _give_back(self) -> None:
        """Give back what is open where nothing has begun: nothing is left of it."""
        self._parts.refuse()
        for target in self._recordings:
            if not (isinstance(target, Part) and target.ended.is_set()):  # it may be closed twice
                target.discard()
        self._device.close()

    def __enter__(self) -> Session:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.wait()

    # -- the device's thread -----------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        try:
            self.stop(self._device.run(self._ring, self._stop))
        except (XjlsError, OSError) as error:
            self._fail(error)
        except BaseException as error:  # noqa: BLE001 - of a driver's code, whatever it is: it ends the session
            self._fail(_driver_failed(error, self._uri))
        finally:
            self._ring.finish()

    # -- the writer's thread -----------------------------------------------------------------------------------------

    def _write(self) -> None:
        try:
            self._write_all()
        finally:
            atexit.unregister(self.close)
            self._ended.set()

    def _write_all(self) -> None:
        try:
            with settling(lambda: self._writer.targets):
                self._writer.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the device must stop, and `wait` must say it
            self._fail(error)
        try:
            self._end_device()
        except BaseException as error:  # noqa: BLE001 - of a driver, also what would end a thread: recordings are closed
            self._fail(_driver_failed(error, self._uri))
        try:
            self._writer.finish(self._reason)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
        self._refuse_parts()

    def _end_device(self) -> None:
        """Wait until the device has stopped, and close it; one that does not stop is left alone."""
        self._ring.give_up()
        self.stop()
        if self._delivering.ident is not None:
            self._delivering.join(max(DEVICE_S - self._waited_s, LEAST_S))
        if self._delivering.is_alive():
            self._fail(CaptureError(f"the device did not stop within {DEVICE_S} s", self._uri, "Unplug it."))
        else:
            self._device.close()

    def _refuse_parts(self) -> None:
        """Take no further recordings; those that came too late to be written are closed, empty as they are."""
        self._parts.refuse()
        try:
            self._writer.finish(self._reason)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.stop(text_of(error))

    @property
    def _recordings(self) -> tuple[Target | Part, ...]:
        return (*self._targets, *self._parts)

    @property
    def _waited_s(self) -> float:
        """Seconds since it was stopped."""
        return 0.0 if self._stopped_s is None else self._timing.elapsed_s() - self._stopped_s

    def _tick(self) -> None:
        """Look whether it is to end, and whether it does."""
        if self._waited_s > DEVICE_S and (self._ring.is_live or not self._ring.queued_bytes):
            self._ring.give_up()  # the device does not stop: what it has delivered is written
        try:
            self._look()
        except Exception as error:  # noqa: BLE001 - of whoever asks: what was measured until now is written
            self._fail(error)

    def _look(self) -> None:
        """Ask the condition."""
        condition, recording = self._until.condition, self.recording
        if condition is None or recording is None or self._stop.is_set():
            return
        if self._writer.not_shown is not None:
            raise self._writer.not_shown
        recording.refresh()
        if condition(recording):
            self.stop(self._until.text or "its condition holds")

    def _outcome(self) -> Outcome:
        failed = dict(self._writer.failed)
        if failed and self._targets and len(failed) == len(self._recordings):
            path, error = next(iter(failed.items()))
            why = f"nothing could be written any more: {text_of(error)}"
            raise SinkError(why, path, "What was written before is there.") from error
        counts = self._writer.counts
        if self._error is not None and not counts.samples:
            raise self._error
        recordings = self._recordings
        paths = tuple(dict.fromkeys(one.path for one in recordings if one.path))
        opens = recordings[0].open if recordings else None
        return Outcome(self._reason, counts, paths, failed, self._error, opens, self._device.is_live)


def _driver_failed(error: BaseException, uri: str) -> DeviceError:
    failed = DeviceError(f"the device's driver failed: {text_of(error)}", uri, "Unplug it, plug it in, and try again.")
    failed.__cause__ = error
    return failed


def _ring_bytes(signals: Sequence[Signal]) -> int:
    """Return what the ring needs for so many seconds, within bounds."""
    wanted = sum(
        float(signal.rate_hz) * sample_bytes(signal) * (FRAMES_RING_S if signal.axis else RING_S) for signal in signals
    )
    return int(min(max(wanted, LEAST_RING_BYTES), MOST_RING_BYTES))
