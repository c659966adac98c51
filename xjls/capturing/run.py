"""`xjls.capture`: from a plan to a session, and what a person sees while it runs."""

from __future__ import annotations

import contextlib
import os
import signal as signals_of_the_system
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from xjls.capturing.axes import axes_of, series_of
from xjls.capturing.buffer import StreamBuffer
from xjls.capturing.outcome import Outcome
from xjls.capturing.plan import Plan, plan_of
from xjls.capturing.registry import open_device, split_uri
from xjls.capturing.rehearsal import rehearse
from xjls.capturing.session import Session
from xjls.capturing.showing import shown
from xjls.capturing.target import Target, memory_target, open_target
from xjls.capturing.until import Until
from xjls.capturing.watching import Watch
from xjls.errors import SelectionError
from xjls.storage import local_path

if TYPE_CHECKING:
    from datetime import timedelta

    from xjls.capturing.part import Part
    from xjls.capturing.until import Condition
    from xjls.model.amounts import Amount
    from xjls.model.signal import Signal

LOOK_S = 0.1
INTERRUPTED = "it was interrupted"
_HANG_UP = getattr(signals_of_the_system, "SIGHUP", None)
"""Not on Windows."""
_ENDING = tuple(filter(None, (signals_of_the_system.SIGINT, signals_of_the_system.SIGTERM, _HANG_UP)))
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
        or texts such as ``"1h30min"`` and ``"2 GB"``. Of a device with frames, samples are frames, those that were lost
        among them, and a duration is how long frames are taken, by this machine's clock: to a tenth of a second.
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


def run(
    plan: Plan, *, progress: bool | None = None, look: Callable[[Session], None] | None = None, watched: bool = False
) -> Outcome:
    """Capture as a plan says; ``look`` is called ten times a second. See `capture`, and `open_session`."""
    show = shown(plan.until, progress)
    looks = [each for each in (show, look) if each is not None]
    with _wish_to_end() as wish:
        session = open_session(plan, watched=watched)
        try:
            wish.is_only_noted = True
            session.start()
            while not session.has_ended(LOOK_S):
                if wish.is_there:
                    session.stop(INTERRUPTED)
                for each in looks:
                    each(session)
        finally:
            session.close()
            if show is not None:
                show(None)
    return session.wait()


def open_session(plan: Plan, *, watched: bool = False) -> Session:
    """Open device and recordings, and return the session, which has not begun.

    What is ``watched`` has a `Watch` for its ``live``: what pictures are made of, beside the last seconds.

    Raises
    ------
    SelectionError
        A recording is named twice; or as of `capture`.

    Examples
    --------
    >>> import tempfile
    >>> with open_session(plan_of({"device": "sim", "store": tempfile.mkdtemp() + "/run.jls"})) as session:
    ...     _ = session.has_ended(0.1)
    >>> session.wait().reason
    'it was stopped'
    """
    kind, address, _ = split_uri(plan.device)
    _require_each_once((address, *plan.stores) if kind == "replay" else plan.stores)
    device = open_device(plan.device, signals=plan.signals, rate=plan.rate, settings=plan.settings)
    targets: list[Target] = []
    try:
        for store in plan.stores:
            how: dict[str, Any] = {"codec": plan.codec, "keep_s": plan.keep_s, "storage_options": plan.storage_options}
            targets.append(open_target(store, device.signals, **how))
        rehearse(plan.stores, plan.codec, device.signals)
        # Of frames the newest one is kept, whoever looks: it costs no more than its bytes
        shows = Watch if watched or axes_of(device.signals) else StreamBuffer
        live = shows(device.signals, seconds=shown_s(device.signals, plan.live_s))
        return Session(device, targets or [memory_target()], uri=plan.device, until=plan.until, live=live)
    except BaseException:
        for target in targets:
            target.discard()
        device.close()
        raise


def record(
    session: Session, signals: Sequence[Signal], store: str | os.PathLike[str], *, until: Until | None = None,
    codec: str | None = None, keep_s: float | None = None, storage_options: Mapping[str, Any] | None = None,
) -> Part:  # fmt: skip
    """Write what a session delivers from now on to a store as well; see `Session.record`.

    Parameters
    ----------
    session
        One that runs, or has not begun.
    signals
        Those of its device.
    store
        A new recording, or one to go on with: see `capture`.
    until
        When it ends on its own.
    codec, keep_s, storage_options
        As of `xjls.capturing.target.open_target`.

    Examples
    --------
    >>> import tempfile, xjls
    >>> device = open_device("sim", rate="10 kHz", signals=["current"])
    >>> with Session(device, []) as session:
    ...     part = record(session, device.signals, tempfile.mkdtemp() + "/run.jls", until=Until.of(duration="0.1s"))
    ...     ended = part.ended.wait(10)
    >>> ended, part.reason, part.counts.samples
    (True, 'it has what was asked for', 1000)
    """
    name = os.fspath(store)
    rehearse([name], codec, signals)  # on the caller's thread: the writer must not wait for what is compiled
    target = open_target(name, signals, codec=codec, keep_s=keep_s, storage_options=storage_options)
    return session.record(target, until)


def _require_each_once(stores: Sequence[str]) -> None:
    places = [store if (local := local_path(store)) is None else os.path.realpath(local) for store in stores]
    for i, place in enumerate(places):
        if place in places[:i]:
            raise SelectionError(f"{stores[i]} is named twice", "Name each recording once.")


def shown_s(signals: Sequence[Signal], seconds: float) -> float:
    """Return how many seconds of samples in time are shown: what was asked for, if it is not too much memory."""
    per_s = sum(float(signal.rate_hz) * signal.dtype.itemsize for signal in series_of(signals))
    return min(seconds, LIVE_BYTES / per_s) if per_s else seconds


@dataclass(slots=True)
class _Wish:
    """What the system is told to call when it wants the program to end; the handler of signals.

    It takes no lock, because it may be called while the same thread holds one, and while it is called itself.
    """

    is_there: bool = False
    is_only_noted: bool = False
    """Else it is raised, once: what follows must not end whoever tidies up."""

    def __call__(self, *_: object) -> None:
        raises, self.is_there, self.is_only_noted = not self.is_only_noted, True, True
        if raises:
            raise KeyboardInterrupt


@contextlib.contextmanager
def _wish_to_end() -> Iterator[_Wish]:
    """Take down that the system asks the program to end; nothing else ends then."""
    wish = _Wish()
    if current_thread() is not main_thread():
        yield wish
        return
    before = {number: signals_of_the_system.getsignal(number) for number in _ENDING}
    ignored = before.get(_HANG_UP) == signals_of_the_system.SIG_IGN  # as nohup has it
    taken = [number for number in _ENDING if not (ignored and number == _HANG_UP)]
    try:
        for number in taken:
            signals_of_the_system.signal(number, wish)
        yield wish
    finally:
        for number in taken:
            signals_of_the_system.signal(number, before[number] or signals_of_the_system.SIG_DFL)
