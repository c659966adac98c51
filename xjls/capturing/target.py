"""One recording that a session writes: made new, or gone on with, and then where in it the samples of a device go."""

from __future__ import annotations

import os
import shutil
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.axes import referring
from xjls.capturing.timing import NS
from xjls.formats import continue_recording, grow_recording, open_recording
from xjls.formats.appending import kin_of, require_alike
from xjls.formats.behind import Behind, facts_of
from xjls.formats.carry import nearest
from xjls.formats.memory import MemorySink
from xjls.model.annotation import Tie, text_at
from xjls.model.clock import NEVER
from xjls.model.slots import GAP_VALUE
from xjls.model.window import Gap, Window
from xjls.storage import absolute_path, local_path
from xjls.storage.locks import lock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, UserData
    from xjls.model.clock import Clock
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal, Source
    from xjls.model.sink import Sink

GAP_ROWS = 1 << 16
"""Samples of a pause that are written together, of signals of which something is known meanwhile."""
PAUSED = "nothing was captured"
"""Why samples are missing between two captures."""
MOST_GAP_BYTES = 64 << 20
"""What a pause may cost in a format that fills gaps; beyond it, ties alone tell of the pause."""
COUNTED_ANEW = "{0} {1:,} is {0} {2:,} of a device that counts from elsewhere than before"
"""The annotation of the first position of an axis that could not keep its number: the one that it has, and its own."""


@dataclass(frozen=True, slots=True)
class _Past:
    """What is there of the signals of one source and rate."""

    names: tuple[str, ...]
    stop: int
    """One past their last sample id."""
    tied: int
    """The same, and past the id of their last tie: what comes before that would pass for older than it is."""
    rate_hz: Fraction
    clock: Clock
    behind: Mapping[str, int]
    """By signal, one past its own last sample id."""
    axis: str = ""
    """What ids count, where these are no moments."""
    is_told: bool = False
    """Whether anybody goes by these ids: what is measured has them, or other signals refer to them."""


class Target:
    """Write what a device delivers to a recording that is new, or behind what there is; fulfils `Sink`.

    Parameters
    ----------
    path
        Of the recording; ``""`` for one in memory.
    sink
        Which writes it; it knows its own sources and signals already.
    opens
        Opens the recording.
    was_there
        Whether there was something under its name.
    pasts
        What is there, of each source and rate.
    shifts
        What is added to a device's sample ids, by signal; those of signals with a past follow from their first samples.

    Notes
    -----
    For one thread, as all sinks are.
    """

    def __init__(
        self, path: str, sink: Sink, opens: Callable[[], Recording], *, pasts: Sequence[_Past] = (),
        shifts: dict[str, int] | None = None, was_there: bool = True,
    ) -> None:  # fmt: skip
        self.path = path
        self._was_there = was_there
        self.open = opens
        self._sink = sink
        self._pasts = {name: past for past in pasts for name in past.names}
        self._shifts = {} if shifts is None else shifts
        self._behind = {name: stop for past in pasts for name, stop in past.behind.items()}
        """By signal, one past the last sample id that was there, until it is gone on with."""
        self._early: dict[str, list[Tie]] = {}
        """Ties that came before the samples of their signals."""
        self._early_notes: list[Annotation] = []
        """Notes that did; those of signals that stay silent wait until it is closed."""
        self._due: deque[tuple[str, tuple[Any, ...]]] = deque()
        """Calls of the sink that come before the next samples."""
        self._of_gaps: dict[str, Signal] = {}
        """Signals of which something is known where nothing was captured, as how many buffers are missing."""
        self._refers: dict[str, str] = {}
        """By signal whose samples are ids on another axis, a signal on that one."""
        self._held: list[tuple[str, tuple[Any, ...]]] = []
        """Calls of the sink with such samples, as frames of buffers, while it is not known what these are here."""

    def begin(self, source: Source, signals: Sequence[Signal]) -> None:
        """Define what the device is and delivers."""
        self._refers = referring(signals)
        self._of_gaps = {signal.name: signal for signal in signals if GAP_VALUE in signal.facts}
        self._sink.add_source(source)
        for signal in signals:
            self._sink.add_signal(signal)
        self._sink.flush()  # what is there from now on opens, whatever happens

    def write(self, name: str, first_id: int, samples: NDArray[Any], now_ns: int) -> None:
        """Append samples that arrived at a time; see `Sink`."""
        self._place(name, first_id, len(samples), now_ns)
        self._catch_up()
        self._pause(name, first_id)
        if self._is_held(name):
            self._held.append(("write", (name, first_id, samples.copy())))
        else:
            self._sink.write(name, first_id, _moved(samples, self._shift_of_ids(name)))

    def skip(self, name: str, gap: Gap, now_ns: int) -> None:
        """Count samples that nobody delivered; see `Sink`."""
        self._place(name, gap.window.start, gap.window.length, now_ns)
        self._catch_up()
        self._pause(name, gap.window.start)
        if self._is_held(name):
            self._held.append(("skip", (name, gap)))
        else:
            self._sink.skip(name, gap)

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Sink`."""
        if self._is_early(name):
            self._early.setdefault(name, []).append(tie)
        else:
            self._sink.tie(name, tie)

    def annotate(self, note: Annotation) -> None:
        """Write an annotation; see `Sink`."""
        if self._is_early(note.signal):
            self._early_notes.append(note)
        else:
            self._sink.annotate(note)

    def add_user_data(self, record: UserData) -> None:
        """Keep a record; see `Sink`."""
        self._sink.add_user_data(record)

    def settle(self) -> None:
        """Wait for the disk; see `Sink`."""
        self._sink.settle()

    def flush(self, *, sync: bool = False) -> None:
        """Make what was written visible to others; see `Sink`."""
        self._sink.flush(sync=sync)

    def close(self) -> None:
        """Write what is left, notes of signals as well of which nothing came; see `Sink`."""
        self._place_held()
        self._place_notes()
        self._catch_up()
        self._sink.close()

    def abandon(self) -> None:
        """Leave what was written as it stands; see `Sink`."""
        self._sink.abandon()

    def discard(self) -> None:
        """Give up what has not begun: what was there stays as it was, and what was not is not; twice is harmless."""
        self._sink.abandon()
        if not self._was_there and local_path(self.path) is not None:
            place = Path(absolute_path(self.path))
            shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
        self._was_there = True  # what is there from now on is somebody else's

    def _is_early(self, name: str) -> bool:
        """Whether it is not known yet where the samples of a signal go."""
        return name in self._pasts and name not in self._shifts

    def _is_held(self, name: str) -> bool:
        """Whether the samples of a signal are ids of which it is not known yet what they are here."""
        return self._is_early(self._refers.get(name, ""))

    def _shift_of_ids(self, name: str) -> int:
        """Return what is added to the samples of a signal, where these are ids on another axis."""
        return self._shifts.get(self._refers.get(name, ""), 0)

    def _place(self, name: str, first_id: int, length: int, now_ns: int) -> None:
        """Find out, once, where the samples of a signal and of those that share its ids go."""
        if not self._is_early(name):
            return
        past = self._pasts[name]
        if past.axis:
            self._place_by_id(past, first_id)
            return
        told = next((tie for one in past.names for tie in self._early.get(one, ())), None)
        tie = told or Tie(sample_id=first_id, time_ns=now_ns - round(length * NS / past.rate_hz))
        begin_ns = tie.time_ns + round((first_id - tie.sample_id) * NS / past.rate_hz)
        stop = past.tied if self._costs(past, past.tied) <= MOST_GAP_BYTES else past.stop
        place = self._after(past, stop, begin_ns)
        self._shifts |= dict.fromkeys(past.names, place - first_id)
        if place == stop and past.clock.utc:
            # Ties right at both ends: between them, and only there, time jumps
            last = Tie(sample_id=first_id - 1, time_ns=past.clock.time(stop - 1))
            first = Tie(sample_id=first_id, time_ns=begin_ns)
            self._due += [("tie", (one, last)) for one in past.behind]
            self._due += [("tie", (one, first)) for one in past.names]
        self._tell_early(past, but=first_id if place == stop else None)

    def _tell_early(self, past: _Past, *, but: int | None = None) -> None:
        """Have what was told before the place was known be written, without a tie of the sample ``but``."""
        early = ((one, tie) for one in past.names for tie in self._early.pop(one, ()))
        self._due += [("tie", (one, tie)) for one, tie in early if tie.sample_id != but]
        self._due += [("annotate", (note,)) for note in self._early_notes if not self._is_early(note.signal)]
        self._early_notes = [note for note in self._early_notes if self._is_early(note.signal)]

    def _place_by_id(self, past: _Past, first_id: int) -> None:
        """Have positions of an axis keep their numbers, where these go on; else they come right behind the last ones.

        A device that was switched on anew counts frames from the beginning: a note says which number the first one has
        here, and which it had.
        """
        place = self._place_of(past, first_id)
        self._shifts |= dict.fromkeys(past.names, place - first_id)
        if place != first_id and past.is_told:
            note = text_at(past.names[0], first_id, COUNTED_ANEW.format(past.axis, place, first_id))
            self._due.append(("annotate", (note,)))
        self._tell_early(past)
        self._tell_held(past.names, place - first_id)

    def _place_of(self, past: _Past, first_id: int) -> int:
        """Return the number that a position has here."""
        stop = max(past.behind.values())
        return first_id if first_id >= stop and self._costs(past, first_id) <= MOST_GAP_BYTES else stop

    def _tell_held(self, names: Collection[str], shift: int) -> None:
        """Have ids on the axis of these signals be written, by what is added to them."""
        held, self._held = self._held, []
        for verb, arguments in held:
            if self._refers[arguments[0]] not in names:
                self._held.append((verb, arguments))
            elif verb == "skip":
                self._due.append((verb, arguments))
            else:
                name, first_id, ids = arguments
                self._due.append((verb, (name, first_id, _moved(ids, shift))))

    def _place_held(self) -> None:
        """Have ids on an axis of which nothing came in the end stand behind all that is there."""
        for one in dict.fromkeys(self._refers[name] for _, (name, *_) in self._held):
            past = self._pasts[one]
            told = [told for verb, (name, *told) in self._held if verb == "write" and self._refers[name] == one]
            first = min((int(ids[ids >= 0].min(initial=max(past.behind.values()))) for _, ids in told), default=0)
            self._tell_held([one], self._place_of(past, first) - first)

    def _place_notes(self) -> None:
        """Have what was told of signals of which nothing came go to the last samples that there are of them."""
        for note in self._early_notes:
            past = self._pasts[note.signal]
            last = None if note.sample_id is None else past.behind.get(note.signal, past.stop) - 1
            self._due.append(("annotate", (replace(note, sample_id=last),)))
        self._early_notes = []

    def _catch_up(self) -> None:
        """Write what waited for its place; what the medium refuses is there when the same call is made again."""
        while self._due:
            verb, arguments = self._due[0]
            getattr(self._sink, verb)(*arguments)
            self._due.popleft()

    def _pause(self, name: str, first_id: int) -> None:
        """Record, before the first samples of a signal, that nothing was captured since its last ones."""
        if (stop := self._behind.get(name)) is None:
            return
        start = stop - self._shifts[name]
        signal = self._of_gaps.get(name)
        while signal is not None and start < first_id:  # of a gap it is known, as that nothing came
            n = min(first_id - start, GAP_ROWS)
            value = np.full((n, *signal.sample_shape), signal.facts[GAP_VALUE], signal.dtype)
            self._sink.write(name, start, value)
            start, self._behind[name] = start + n, self._behind[name] + n
        if start < first_id:
            self._sink.skip(name, Gap(Window(start, first_id), PAUSED, skipped=True))
        del self._behind[name]

    def _after(self, past: _Past, stop: int, begin_ns: int) -> int:
        """Return where a sample goes by its time: as far behind as it came later, unless that is costly to fill."""
        found = nearest(past.clock, begin_ns) if past.clock.utc and past.clock.is_increasing else NEVER
        return found if found != NEVER and found > stop and self._costs(past, found) <= MOST_GAP_BYTES else stop

    def _costs(self, past: _Past, place: int) -> int:
        """Return what it costs to go on from there."""
        return sum(self._sink.gap_bytes(name, place - stop) for name, stop in past.behind.items() if stop < place)


def _moved(ids: NDArray[Any], shift: int) -> NDArray[Any]:
    """Return ids as they are behind others; those of nothing, which are negative, stay."""
    return np.where(ids < 0, ids, ids + shift) if shift else ids


def _past(kin: Sequence[Signal], behind: Mapping[str, int], old: Recording, referred: set[str]) -> _Past:
    names, stop = tuple(signal.name for signal in kin), max(behind.values())
    tied = max((tie.sample_id + 1 for name in behind for tie in old.ties(name)[-1:]), default=stop)
    is_told = not all(signal.describes_axis for signal in kin) or not referred.isdisjoint(names)
    return _Past(names, stop, max(stop, tied), kin[0].rate_hz, old.clock(*behind), behind, kin[0].axis, is_told)


def _remove_empty(path: str) -> None:
    """Remove a file of no bytes, unless somebody writes it: it is left of a capture that was killed as it began."""
    place = None if local_path(path) is None else Path(absolute_path(path))
    if place is not None and place.is_file() and not place.stat().st_size:
        with place.open("rb") as file:
            lock(file.fileno())
            place.unlink()


def is_taken(path: str, storage_options: Mapping[str, Any] | None = None) -> bool:
    """Whether there is something under a name, but for an empty folder, on this machine or elsewhere.

    Examples
    --------
    >>> import tempfile
    >>> is_taken(tempfile.mkdtemp()), is_taken("memory://nothing/run.zarr")
    (False, False)
    """
    if local_path(path) is not None:
        place = Path(absolute_path(path))
        return place.is_file() or (place.is_dir() and any(place.iterdir()))
    from xjls.storage.remote import file_system_of

    fs, name = file_system_of(path, storage_options)
    fs.invalidate_cache(name)
    return bool(fs.exists(name))


def open_target(
    path: str | os.PathLike[str], signals: Sequence[Signal], *, codec: str | None = None, keep_s: float | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Target:  # fmt: skip
    """Make a recording, or go on with the one that is there.

    Raises
    ------
    SelectionError
        What is there has a signal of that name which is another one; or its format cannot be gone on with.
    FormatError
        What is there is no recording, or is damaged.
    """
    name = os.fspath(path)
    _remove_empty(name)
    if not is_taken(name, storage_options):
        sink = grow_recording(name, codec=codec, keep_s=keep_s, storage_options=storage_options)
        return Target(name, sink, partial(open_recording, name, storage_options=storage_options), was_there=False)
    with open_recording(name, storage_options=storage_options) as old:
        for signal in signals:
            # An instrument does not deliver what stands for a lost sample: it says which are lost
            require_alike(old, signal, but=() if signal.missing_value is not None else ("missing_value",))
        known = {facts_of(source): source for source in old.sources}
        pasts, referred = [], set(referring(signals).values())
        for kin in kin_of(signals):
            there = {signal.name: old.signals[signal.name] for signal in kin if signal.name in old.signals}
            behind = {one.name: one.window.stop for one in there.values() if one.length}
            if behind:
                pasts.append(_past(kin, behind, old, referred))
        names, taken = set(old.signals), {source.id for source in old.sources}
        numbers = [signal.id for signal in old.signals.values()]
    shifts = {signal.name: 0 for signal in signals if all(signal.name not in past.names for past in pasts)}
    sink = continue_recording(name, storage_options=storage_options, keep_s=keep_s)
    opens = partial(open_recording, name, storage_options=storage_options)
    return Target(name, Behind(sink, names, known, taken, shifts, numbers), opens, pasts=pasts, shifts=shifts)


def memory_target() -> Target:
    """Return one that keeps all in memory."""
    sink = MemorySink()
    return Target("", sink, lambda: sink.recording)
