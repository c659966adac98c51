"""What was in memory at one moment, as a `Reader`; and what opens it: the live thing itself, in this process only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self

import numpy as np

from xjls.errors import LostSamplesError, SelectionError
from xjls.formats.memory.places import Places
from xjls.model.signal import STATISTICS
from xjls.model.status import Status
from xjls.model.window import Window, merge_gaps
from xjls.storage.pool import array_to_fill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from xjls.formats.memory.track import View
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.reader import OnDamage
    from xjls.model.signal import Level, Signal, Source
    from xjls.model.status import Damage
    from xjls.model.window import Gap
    from xjls.progress import Progress

FORMAT = "memory"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """What is there at one moment."""

    changes: int
    """How often something was added before."""
    closed: bool
    sources: tuple[Source, ...]
    signals: Mapping[str, Signal]
    """In the order of their numbers; those with annotations only are as they were defined."""
    views: Mapping[str, View]
    ties: Mapping[str, tuple[Tie, ...]]
    annotations: tuple[Annotation, ...]
    user_data: tuple[UserData, ...]
    n_bytes: int


class Live(Protocol):
    """What is written, and can be looked at while it is."""

    name: str

    def moment(self) -> Moment:
        """Return what is there now; called from any thread."""
        ...


class Opener:
    """Open what is in memory now; it is the first argument of `Recording`, and what keeps the memory.

    Parameters
    ----------
    live
        What is written.
    """

    def __init__(self, live: Live) -> None:
        self._live = live

    def __call__(self, path: str) -> MemoryReader:
        """Return a reader of what is there now."""
        return MemoryReader(path, self._live.moment())

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise SelectionError(
            f"{self._live.name} is in the memory of this process, and no other one can read it",
            "Compute with threads, or write it to a store first: xjls.capture, or xjls.formats.carry.",
        )


class MemoryReader:
    """Fulfil `xjls.model.reader.Reader` for what was in memory at one moment.

    Parameters
    ----------
    name
        What it is called.
    moment
        What was there.
    """

    format = FORMAT
    restarts = False

    def __init__(self, name: str, moment: Moment) -> None:
        self.token: tuple[object, ...] = (name, moment.changes)
        self.was_closed = moment.closed
        self.sources = moment.sources
        self.names = tuple(moment.signals)
        self._moment = moment
        self._path = name
        self._open = True

    def describe(self, name: str) -> Signal:
        """Return a signal's facts; see `Reader`."""
        return self._moment.signals[name]

    def read(
        self,
        signal: Signal,
        window: Window,
        out: NDArray[Any] | None,
        on_damage: OnDamage,
        verify: bool,  # noqa: ARG002 - the protocol's: there is no checksum
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read samples; see `Reader`."""
        self._require_open()
        out = array_to_fill(out, window.length, signal.dtype, signal.sample_shape)
        if not window.length:
            return out, ()
        view = self._moment.views[signal.name]
        start = window.start - view.window.start
        gone = view.gone(start, view.read(start, out))
        if gone and on_damage == "raise":
            raise LostSamplesError(
                f"samples {gone[0].window} of {signal.name!r} are gone: {gone[0].reason}",
                self._path,
                remedy="Call refresh() before reading, or keep more seconds.",
            )
        skipped = view.skipped.within(window)
        return out, merge_gaps((*gone, *skipped)) if gone else skipped

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[Any]:
        """Read entries of a level; those that are gone are NaN, or raise; see `Reader`."""
        self._require_open()
        if not entries.length:
            return np.empty((0, len(STATISTICS)), signal.level_dtype)
        view = self._moment.views[signal.name]
        found = view.entries(level.index, entries.start, entries.stop)[0]
        if on_damage == "raise":
            first = view.window.start + entries.start * level.factor
            self.read(signal, Window(first, first + 1), None, on_damage, verify)
        return found

    def places(self, signal: Signal, verify: bool) -> Places:  # noqa: ARG002 - the protocol's: there is no checksum
        """Return where a signal's samples and rows lie; see `Reader`."""
        return Places(self._moment.views[signal.name], self._require_open)

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return what nobody delivered; see `Reader`."""
        return self.skipped(signal)

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:
        """Return what nobody delivered; see `Reader`."""
        view = self._moment.views.get(signal.name)
        return () if view is None else view.skipped.within(view.window)

    def ties(self, signal: Signal) -> tuple[Tie, ...]:
        """Return a signal's ties; see `Reader`."""
        return self._moment.ties.get(signal.name, ())

    def annotations(self) -> tuple[Annotation, ...]:
        """Return all annotations; see `Reader`."""
        self._require_open()
        numbers = {"": -1} | {name: i for i, name in enumerate(self.names)}
        return tuple(sorted(self._moment.annotations, key=lambda note: numbers[note.signal]))

    def user_data(self) -> tuple[UserData, ...]:
        """Return all user data; see `Reader`."""
        self._require_open()
        return self._moment.user_data

    def status(self) -> Status:
        """Return that there is no damage; see `Reader`."""
        return Status(self.was_closed, self._moment.n_bytes)

    def check(self, progress: Progress | None) -> tuple[Damage, ...]:
        """Return that there is no damage; see `Reader`."""
        if progress is not None:
            progress(self._moment.n_bytes, self._moment.n_bytes)
        return ()

    def close(self) -> None:
        """Let no more be read; see `Reader`."""
        self._open = False

    def _require_open(self) -> None:
        if not self._open:
            raise ValueError("the recording is closed. Ask for another one")
