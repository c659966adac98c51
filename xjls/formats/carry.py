"""Everything that a recording holds, of any format, into a sink: nothing invented, and what is lost stays lost.

`write_all` is the one place that knows the order: first what the rest refers to, then samples as they came.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from xjls.model.clock import NEVER
from xjls.model.window import Gap, Window, merge_gaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.clock import Clock
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal, Source
    from xjls.model.sink import Sink
    from xjls.progress import Progress

PIECE_SAMPLES = 1 << 20
"""Samples that are copied at a time, of numbers."""
PIECE_BYTES = 8 * PIECE_SAMPLES
"""Bytes that are copied at a time of samples that are arrays, or one of these."""

Losses: TypeAlias = dict[str, tuple[Gap, ...]]


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a recording holds beside its samples."""

    sources: Iterable[Source]
    signals: Iterable[Signal]
    user_data: Iterable[UserData]
    ties: Iterable[tuple[str, Tie]]
    """Each with the name of its signal."""
    notes: Iterable[Annotation]
    """With sample ids, where their signal has samples and a clock tells: see `placed`."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive samples of a signal, read when it is their turn."""

    name: str
    """Of the signal."""
    window: Window
    end_s: float
    """Where it ends, in seconds from the signal's first sample."""
    read: Callable[[Window], tuple[NDArray[Any], Iterable[Gap]]]
    """Returns the samples of a window, and which of them are none."""


def carry(recording: Recording, sink: Sink, progress: Progress | None = None) -> Losses:
    """Write a recording to a sink; return what is lost of it, by signal, which the sink has as gaps.

    Parameters
    ----------
    recording
        Read to its end, whatever its ``on_damage`` says.
    sink
        Fresh; it is not closed.
    progress
        Called with (samples done, samples in all) now and then.

    Raises
    ------
    SelectionError
        The sink's format cannot hold something of it; the message says what, and what to change.
    """
    signals = list(recording.signals.values())
    sources = {source.id: source for source in recording.sources} | {s.source.id: s.source for s in signals}
    sampled = [signal for signal in signals if signal.has_samples]
    contents = Contents(
        sources=sources.values(),
        signals=signals,
        user_data=recording.user_data,
        ties=((signal.name, tie) for signal in sampled for tie in recording.ties(signal.name)),
        notes=(placed(recording, note) for note in recording.annotations),
    )
    pieces: list[Piece] = []
    for signal in sampled:
        edges = [*range(signal.first_id, signal.window.stop, _samples_of_piece(signal)), signal.window.stop]
        pieces += cut(signal, edges, partial(recording.read_with_gaps, signal.name))
    return write_all(sink, contents, pieces, progress)


def write_all(sink: Sink, contents: Contents, pieces: Iterable[Piece], progress: Progress | None = None) -> Losses:
    """Write everything to a fresh sink: pieces by the time at which they end, as a recorder would have written them.

    Returns
    -------
    dict
        By signal, the gaps that are no gaps of the recording but losses of it.
    """
    _define(sink, contents)
    pieces = sorted(pieces, key=lambda piece: piece.end_s)
    done, total = 0, sum(piece.window.length for piece in pieces)
    losses: dict[str, list[Gap]] = {}
    for piece in pieces:
        losses.setdefault(piece.name, []).extend(_write(sink, piece))
        done += piece.window.length
        if progress is not None:
            progress(done, total)
    return {name: merge_gaps(gaps) for name, gaps in losses.items() if gaps}


def cut(
    signal: Signal, edges: Sequence[int], read: Callable[[Window], tuple[NDArray[Any], Iterable[Gap]]]
) -> Iterator[Piece]:
    """Yield the samples of a signal between each two of the sample ids, of which the first is that of its first sample.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> pieces = cut(recording.signal("current"), [0, 30_000, 50_000], lambda window: (recording.read("current"), ()))
    >>> [(str(piece.window), piece.end_s) for piece in pieces]
    [('0–30_000', 0.06), ('30_000–50_000', 0.1)]
    """
    for start, stop in pairwise(edges):
        yield Piece(signal.name, Window(start, stop), float((stop - edges[0]) / signal.rate_hz), read)


def placed(recording: Recording, note: Annotation) -> Annotation:
    """Return an annotation of a recording with the id of the sample nearest to its time, where it has a time only.

    It stays as it is where its signal is no series, and where no clock tells: some formats keep times there, too.
    """
    if note.sample_id is not None or note.time_ns is None or note.signal not in recording.signals:
        return note
    if not recording.signal(note.signal).is_series:
        return note
    clock = recording.clock(note.signal)
    found = nearest(clock, note.time_ns) if clock.utc and clock.is_increasing else NEVER
    return note if found == NEVER else replace(note, sample_id=found)


def _samples_of_piece(signal: Signal) -> int:
    """Return how many samples of a signal are copied at a time."""
    n_bytes = signal.dtype.itemsize * math.prod(signal.sample_shape)
    return max(min(PIECE_SAMPLES, PIECE_BYTES // n_bytes), 1)


def nearest(clock: Clock, time_ns: int) -> int:
    """Return the sample id nearest to a time, of two the later one; `NEVER` where the clock does not reach it.

    Examples
    --------
    >>> from xjls.model.clock import Clock
    >>> [nearest(Clock.nominal(1000), time_ns) for time_ns in (400_000, 500_000, 1_100_000)]
    [0, 1, 1]
    """
    after = clock.first_at_or_after(time_ns)
    if after == NEVER:
        return NEVER
    return after - 1 if time_ns - clock.time(after - 1) < clock.time(after) - time_ns else after


def _define(sink: Sink, contents: Contents) -> None:
    """Write all that is no sample: first what the rest refers to."""
    for source in contents.sources:
        sink.add_source(source)
    for signal in contents.signals:
        sink.add_signal(signal)
    for record in contents.user_data:
        sink.add_user_data(record)
    for name, tie in contents.ties:
        sink.tie(name, tie)
    for note in contents.notes:
        sink.annotate(note)


def _write(sink: Sink, piece: Piece) -> list[Gap]:
    """Write the samples of a piece that there are, and say of the others why they are not; return what is lost."""
    samples, gaps = piece.read(piece.window)
    base, at, lost = piece.window.start, piece.window.start, []
    for gap in sorted(gaps):
        missing = gap & Window(at, piece.window.stop)
        if missing.window.length:
            if missing.window.start > at:
                sink.write(piece.name, at, samples[at - base : missing.window.start - base])
            sink.skip(piece.name, missing)
            at = missing.window.stop
            lost += [] if gap.skipped else [missing]
    if at < piece.window.stop:
        sink.write(piece.name, at, samples[at - base :])
    return lost
