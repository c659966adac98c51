"""`xjls.capture`: from a plan to a session, and what a person sees while it runs."""

from __future__ import annotations

import contextlib
import signal as signals_of_the_system
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.plan import Plan, plan_of
from xjls.capturing.registry import open_device
from xjls.capturing.rehearsal import rehearse
from xjls.capturing.session import Outcome, Session
from xjls.capturing.showing import shown
from xjls.capturing.target import Target, memory_target, open_target

if TYPE_CHECKING:
    import os
    from datetime import timedelta

    from xjls.capturing.until import Condition
    from xjls.model.amounts import Amount
    from xjls.model.signal import Signal

LOOK_S = 0.1
INTERRUPTED = "it was interrupted"
LIVE_BYTES = 256 << 20
"""Of the last seconds, at most."""


def capture(
    device: str,
    store: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    *,
    duration: Amount | timedelta | None = None,
    samples: int | None = None,
    size: Amount | None = None,
    until: Condition | str | None = None,
    signals: Sequence[str] | None = None,
    rate: Amount | None = None,
    settings: Mapping[str, Any] | None = None,
    live_only: Amount | timedelta | None = None,
    codec: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> Outcome:
    """Capture from a device until it is to end, or until Ctrl-C, and show how far it is.

    Parameters
    ----------
    device
        ``"sim"``, ``"js110"``, ``"js110:000123"``, ``"jsdrv"``, ``"ps5000a"``, ``"replay:run.jls"``; with settings, as
        in ``"sim?model=picoscope"``. ``xjls devices`` lists what there is.
    store
        Where to: ``.zarr``, ``.jls`` or ``.hdf5``, or several of them. What is there already is gone on with, the pause
        in between recorded. Without any, what is captured stays in memory.
    duration, samples, size
        When it ends: after so long, so many samples (of the signals with the highest rate), or so many bytes; numbers,
        or texts such as ``"1h30min"`` and ``"2 GB"``.
    until
        A text such as ``"max(current) > 0.5"``, of the last second; or a function of the recording of the last
        seconds that returns whether to end.
    signals, rate, settings
        What to ask the device for: see `xjls.capturing.registry.open_device`.
    live_only
        Keep the last seconds only, so many at least; of stores and files that can.
    codec
        How samples are compressed, in stores: ``"blosc"``, ``"zstd"``, or ``"auto"`` for what is worth it.
    storage_options
        For fsspec: credentials, endpoint, and so on.
    progress
        Whether to show a line that tells how far it is; None where somebody looks.

    Returns
    -------
    Outcome
        Why it ended, what was counted, and the recordings.

    Raises
    ------
    SelectionError
        There is no such device, signal, rate or setting; or what is there cannot be gone on with.
    DeviceError
        It is not there, or refuses.
    SinkError
        Nothing takes samples any more; what was written before is there.
    MissingDependencyError
        The device's driver is not installed.

    Examples
    --------
    >>> import tempfile, xjls
    >>> store = tempfile.mkdtemp() + "/run.zarr"
    >>> outcome = xjls.capture("sim?speed=max", store, duration="1s", rate="100 kHz")
    >>> outcome.counts.samples, outcome.counts.lost, outcome.reason
    (300000, 0, 'it has what was asked for')
    >>> xjls.open(store).current.sizes["time"]
    100000
    """
    told = {
        "device": device, "store": store, "duration": duration, "samples": samples, "size": size, "until": until,
        "signals": signals, "rate": rate, "settings": settings, "live_only": live_only, "codec": codec,
        "storage_options": storage_options,
    }  # fmt: skip
    return run(plan_of(told), progress=progress)


def start_capture(
    device: str, store: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None, **told: Any
) -> Session:
    """Begin to capture, and return at once: see `capture` for what it is told, but for ``progress``.

    Returns
    -------
    Session
        Look at its ``counts`` and its ``recording`` of the last seconds; end it by ``stop()``, or a ``with`` block, and
        ``wait()`` for the outcome.

    Examples
    --------
    >>> import tempfile, xjls
    >>> with start_capture("sim", tempfile.mkdtemp() + "/run.jls", rate="10 kHz") as session:
    ...     while session.counts.samples < 1000:
    ...         _ = session.has_ended(0.01)
    ...     seen = session.recording.statistics("voltage").mean
    >>> session.wait().reason, round(seen, 1)
    ('it was stopped', 3.3)
    """
    return open_session(plan_of({"device": device, "store": store, **told})).start()


def run(plan: Plan, *, progress: bool | None = None, look: Callable[[Session], None] | None = None) -> Outcome:
    """Capture as a plan says; ``look`` is called ten times a second. See `capture`."""
    session = open_session(plan)
    show = shown(plan.until, progress)
    with _ended_by_signals(session):
        session.start()
        while not _has_ended(session):
            if show is not None:
                show(session)
            if look is not None:
                look(session)
    if show is not None:
        show(None)
    return session.wait()


def open_session(plan: Plan) -> Session:
    """Open device and recordings, and return the session, which has not begun.

    Examples
    --------
    >>> import tempfile
    >>> with open_session(plan_of({"device": "sim", "store": tempfile.mkdtemp() + "/run.jls"})) as session:
    ...     _ = session.has_ended(0.1)
    >>> session.wait().reason
    'it was stopped'
    """
    device = open_device(plan.device, signals=plan.signals, rate=plan.rate, settings=plan.settings)
    targets: list[Target] = []
    try:
        for store in plan.stores:
            how: dict[str, Any] = {"codec": plan.codec, "keep_s": plan.keep_s, "storage_options": plan.storage_options}
            targets.append(open_target(store, device.signals, **how))
        rehearse(plan.stores, plan.codec, device.signals)
        live = StreamBuffer(device.signals, seconds=_live_s(device.signals, plan.live_s))
        return Session(device, targets or [memory_target()], uri=plan.device, until=plan.until, live=live)
    except BaseException:
        for target in targets:
            target.discard()
        device.close()
        raise


def _live_s(signals: Sequence[Signal], seconds: float) -> float:
    """Return how many seconds are shown: what was asked for, if it is not too much memory."""
    return min(seconds, LIVE_BYTES / sum(float(signal.rate_hz) * signal.dtype.itemsize for signal in signals))


def _has_ended(session: Session) -> bool:
    """Wait a moment; Ctrl-C ends the capture, and not the program."""
    try:
        return session.has_ended(LOOK_S)
    except KeyboardInterrupt:
        session.stop(INTERRUPTED)
        return False


@contextlib.contextmanager
def _ended_by_signals(session: Session) -> Iterator[None]:
    """End the capture, and nothing else, where the system asks the program to end."""
    if current_thread() is not main_thread():
        yield
        return
    before = {
        number: signals_of_the_system.signal(number, lambda *_: session.stop(INTERRUPTED))
        for number in (signals_of_the_system.SIGINT, signals_of_the_system.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signals_of_the_system.signal(number, handler)
