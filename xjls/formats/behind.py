"""A sink behind another recording: what that knows is not defined again, and sample ids move to where they go."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.signal import Signal, Source
    from xjls.model.sink import Sink
    from xjls.model.window import Gap


Facts: TypeAlias = tuple[str, ...]


def facts_of(source: Source) -> Facts:
    """Return what tells an instrument from another: all but its number, and its version, which an update changes."""
    return source.name, source.vendor, source.model, source.serial_number


class Behind:
    """Give another sink what it does not know yet; fulfils `xjls.model.sink.Sink`.

    Parameters
    ----------
    sink
        Which goes on with a recording.
    names, known, taken
        The signals, the sources by their facts, and the numbers of these that it has; what is added is noted here.
    shifts
        What is added to the sample ids of each signal that has samples.
    numbers
        Of the signals that it has.
    """

    def __init__(
        self, sink: Sink, names: set[str], known: dict[Facts, Source], taken: set[int], shifts: dict[str, int],
        numbers: Iterable[int] = (),
    ) -> None:  # fmt: skip
        self._sink = sink
        self._names = names
        self._known = known
        self._taken = taken
        self._shifts = shifts
        self._numbers = set(numbers)

    def add_source(self, source: Source) -> None:
        """Define an instrument that is new, with a number that is free; see `Sink`."""
        if (facts := facts_of(source)) not in self._known:
            free = next(number for number in range(1, 1 << 16) if number not in self._taken)
            self._known[facts] = replace(source, id=source.id if source.id not in self._taken else free)
            self._taken.add(self._known[facts].id)
            self._sink.add_source(self._known[facts])

    def add_signal(self, signal: Signal) -> None:
        """Define a signal that is new, with a number that is free, if it is known which are; see `Sink`."""
        if signal.name not in self._names:
            free = next(number for number in itertools.count(1) if number not in self._numbers)
            number = signal.id if signal.id not in self._numbers else free
            self._numbers.add(number)
            origin_id = None if signal.origin_id is None else signal.origin_id + self._shifts.get(signal.name, 0)
            source = self._known[facts_of(signal.source)]
            self._sink.add_signal(replace(signal, id=number, source=source, origin_id=origin_id))

    def write(self, name: str, first_id: int, samples: NDArray[Any]) -> None:
        """Append samples; see `Sink`."""
        self._sink.write(name, first_id + self._shifts[name], samples)

    def skip(self, name: str, gap: Gap) -> None:
        """Count samples that nobody delivered; see `Sink`."""
        self._sink.skip(name, gap.moved(self._shifts[name]))

    def tie(self, name: str, tie: Tie) -> None:
        """Say when a sample was taken; see `Sink`."""
        self._sink.tie(name, replace(tie, sample_id=tie.sample_id + self._shifts[name]))

    def annotate(self, note: Annotation) -> None:
        """Write an annotation; see `Sink`."""
        moved = None if note.sample_id is None else note.sample_id + self._shifts.get(note.signal, 0)
        self._sink.annotate(replace(note, sample_id=moved))

    def add_user_data(self, record: UserData) -> None:
        """Keep a record; see `Sink`."""
        self._sink.add_user_data(record)

    def gap_bytes(self, name: str, samples: int) -> int:
        """Return what a gap costs; see `Sink`."""
        return self._sink.gap_bytes(name, samples)

    def settle(self) -> None:
        """Wait for the disk; see `Sink`."""
        self._sink.settle()

    def flush(self, *, sync: bool = False) -> None:
        """Make what was written visible to others; see `Sink`."""
        self._sink.flush(sync=sync)

    def close(self) -> None:
        """Write what is left; see `Sink`."""
        self._sink.close()

    def abandon(self) -> None:
        """Leave what was written as it stands; see `Sink`."""
        self._sink.abandon()
