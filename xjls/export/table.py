"""What was asked for as a table: rows on one axis, a column of times, and columns of samples or statistics.

Nothing is read here but what a recording says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xjls.errors import SelectionError
from xjls.export.choosing import chosen, kin_of, merged, parts_in, placing_of
from xjls.export.columns import STATISTICS, Answers, Samples, Summary, TimeColumn, free_name
from xjls.export.labelled import on_labels, require_single_rows
from xjls.export.rows import ById, Equal, Even, check_every, iter_spans
from xjls.model.clock import Clock
from xjls.model.window import Window

if TYPE_CHECKING:
    from xjls.export.columns import Column, Times
    from xjls.export.rows import Rows, Span
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.window import WindowLike

SPAN_ROWS = 1 << 20
SPAN_CELLS = 1 << 23
"""Rows, and cells, that are in memory at a time."""
TIMES = ("auto", "utc", "seconds", "id")
"""Ways to tell when a row begins; ``"auto"`` is UTC where the recording knows it, else seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows and columns, to be read span by span."""

    axis: Signal
    """Whose sample ids the rows have."""
    clock: Clock
    """Of the axis."""
    runs: tuple[Rows, ...]
    time: TimeColumn
    values: tuple[Column, ...]
    """The columns beside the time."""
    counted: tuple[Samples | Answers, ...]
    """What knows, when all is read, how many samples of a signal are lost: one a signal."""
    signals: tuple[str, ...]
    """Their names, in the same order."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, the time first."""
        return self.time, *self.values

    def __len__(self) -> int:
        return sum(len(run) for run in self.runs)

    @property
    def lost(self) -> dict[str, int]:
        """Lost samples by signal, among the rows that were read so far; signals without any are left out."""
        return {name: one.lost for name, one in zip(self.signals, self.counted, strict=True) if one.lost}

    @property
    def inexact(self) -> tuple[str, ...]:
        """Signals of which statistics trusted entries that may hide NaN."""
        pairs = zip(self.signals, self.counted, strict=True)
        return tuple(name for name, one in pairs if isinstance(one, Answers) and not one.exact)

    @property
    def facts(self) -> dict[str, str]:
        """What a file can say of the whole table: the axis's source, its rate, and where the rows begin."""
        source = self.axis.source
        told = {"source": source.name, "vendor": source.vendor, "model": source.model}
        told |= {"version": source.version, "serial_number": source.serial_number}
        first_id = int(self.runs[0].edges(0, 1)[0])
        if self.axis.axis:
            return {**told, "axis": self.axis.axis, f"first_{self.axis.axis}": str(first_id)}
        return {**told, "sample_rate_hz": f"{float(self.axis.rate_hz):.17g}", "first_sample_id": str(first_id)}

    def iter_spans(self) -> Iterator[Span]:
        """Yield all rows, as many at a time as memory should hold of them."""
        return iter_spans(self.runs, max(min(SPAN_ROWS, SPAN_CELLS // len(self.columns)), 1))


def make_table(
    recording: Recording,
    signals: Iterable[str] | None = None,
    window: WindowLike = None,
    *,
    axis: str | None = None,
    every: int | None = None,
    columns: int | None = None,
    statistics: Sequence[str] = (),
    time: str = "auto",
) -> Table:
    """Return signals of a recording as a table, to be written by `xjls.export.writing.write_table`.

    Parameters
    ----------
    recording
        Opened with ``on_damage="gap"`` to have no value where samples are lost; else statistics of them raise.
    signals
        Names; None takes all that have samples.
    window
        Sample ids ``(start, stop)`` of the axis, half-open; None at either end, or for all, takes what there is.
    axis
        The signal whose samples make the rows. Signals of other sources and rates show the sample nearest in time, of
        two the earlier one. None where all have one source and rate: a row for each sample that any of them has.
        Or what sample ids of other signals count: ``"buffer"`` gives a row for each buffer, with all signals of it that
        are single numbers.
    every, columns
        Samples a row, or rows in all, instead of a row a sample: statistics of each row's samples. The last row of
        ``every`` has what is left.
    statistics
        Of ``mean``, ``std``, ``min``, ``max``, ``count`` and ``integral``; the first four if none is named.
    time
        When a row begins: ``"utc"``, ``"seconds"`` from the first sample, or ``"id"``, the sample id; ``"auto"`` is UTC
        where the recording knows it, else seconds.

    Raises
    ------
    SelectionError
        There is no such signal, sample or statistic, or signals have different axes and none was chosen.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> table = make_table(recording, ["current"], (100, 1101), every=100, statistics=["max"])
    >>> len(table), [column.name for column in table.columns]
    (11, ['time', 'current_max'])
    """
    check_every(every, columns)
    reduced = every is not None or columns is not None
    _check_statistics(statistics, reduced=reduced)
    labelled = on_labels(recording, signals, axis)
    if labelled:
        return _of_labels(recording, labelled, window, named=signals is not None, reduced=reduced, time=time)
    names = chosen(recording, signals, axis)
    windows = parts_in(recording, [axis] if axis else names, window, named=signals is not None)
    names = names if axis else list(windows)
    lead = recording.signal(axis or names[0])
    clock = recording.clock(*kin_of(recording, lead, names))
    parts = merged(windows.values())
    whole = Window(parts[0].start, parts[-1].stop)
    runs = [Equal(whole, columns)] if columns is not None else [Even(part, every or 1) for part in parts]
    counted = [
        (Answers if reduced else Samples)(recording, name, placing_of(recording, lead, name, clock, whole))
        for name in names
    ]
    values = [column for one in counted for column in _columns_of(one, statistics)]
    told = _time_column(time, clock, lead, {column.name for column in values})
    return Table(lead, clock, tuple(runs), told, tuple(values), tuple(counted), tuple(names))


def _of_labels(
    recording: Recording, names: list[str], window: WindowLike, *, named: bool, reduced: bool, time: str
) -> Table:
    """Return a table with a row for each position of an axis of labels."""
    lead = recording.signal(names[0])
    require_single_rows(lead.axis, reduced=reduced, time=time)
    windows = parts_in(recording, names, window, named=named)
    values = tuple(Samples(recording, name, ById(recording.signal(name).window)) for name in windows)
    runs = tuple(Even(part, 1) for part in merged(windows.values()))
    clock = Clock.nominal(lead.rate_hz)  # which tells nothing here: rows have numbers
    numbers = TimeColumn(free_name(lead.axis, set(windows)), clock, "id")
    return Table(lead, clock, runs, numbers, values, values, tuple(windows))


def _columns_of(one: Samples | Answers, statistics: Sequence[str]) -> list[Column]:
    if isinstance(one, Samples):
        return [one]
    return [Summary(one, statistic) for statistic in dict.fromkeys(statistics or STATISTICS[:4])]


def _check_statistics(statistics: Sequence[str], *, reduced: bool) -> None:
    for statistic in statistics:
        if statistic not in STATISTICS:
            raise SelectionError(f"{statistic!r} is no statistic", f"Choose of {', '.join(STATISTICS)}.")
    if statistics and not reduced:
        raise SelectionError(
            "single samples have no statistics",
            "Say how many samples a row has (every), or how many rows (columns).",
        )


def _time_column(time: str, clock: Clock, lead: Signal, taken: set[str]) -> TimeColumn:
    if time not in TIMES:
        raise SelectionError(f"time={time!r} is no way to tell time", f"Choose of {', '.join(TIMES)}.")
    if time == "utc" and not clock.utc:
        raise SelectionError(f"no UTC is known for {lead.name!r}", "Take the time in seconds, or the sample id.")
    told_as: Times = "id" if time == "id" else "seconds" if time == "seconds" or not clock.utc else "utc"
    name = {"utc": "time", "seconds": "seconds", "id": "sample_id"}[told_as]
    return TimeColumn(free_name(name, taken), clock, told_as)
