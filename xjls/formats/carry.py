"""Everything that a recording holds, of any format, into a sink: nothing invented, and what is lost stays lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from xjls.model.window import Gap, Window, merge_gaps

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.sink import Sink

PIECE_SAMPLES = 1 << 20

Losses = dict[str, tuple[Gap, ...]]


def carry(recording: Recording, sink: Sink, progress: Callable[[int, int], None] | None = None) -> Losses:
    """Write a recording to a sink; return what is lost of it, by signal, which the sink has as gaps.

    Parameters
    ----------
    recording
        Read to its end, whatever its ``on_damage`` says.
    sink
        Fresh; it is not closed.
    progress
        Called with (samples done, samples in all) now and then.
    """
    signals = list(recording.signals.values())
    _define(recording, signals, sink)
    losses: Losses = {}
    done, total = 0, sum(signal.length for signal in signals)
    for signal, window in _pieces(signals):
        lost = _copy(recording, signal, window, sink)
        losses[signal.name] = merge_gaps((*losses.get(signal.name, ()), *lost))
        done += window.length
        if progress is not None:
            progress(done, total)
    return {name: gaps for name, gaps in losses.items() if gaps}


def _define(recording: Recording, signals: list[Signal], sink: Sink) -> None:
    """Write all that is no sample: first what the rest refers to."""
    sources = {source.id: source for source in recording.sources} | {s.source.id: s.source for s in signals}
    for source in sources.values():
        sink.add_source(source)
    for signal in signals:
        sink.add_signal(signal)
    for record in recording.user_data:
        sink.add_user_data(record)
    for signal in signals:
        for tie in recording.ties(signal.name) if signal.has_samples else ():
            sink.tie(signal.name, tie)
    for note in recording.annotations:
        sink.annotate(note)


def _pieces(signals: list[Signal]) -> Iterator[tuple[Signal, Window]]:
    """Yield pieces of all signals by the time at which they end, as a recorder would have written them."""
    pieces = []
    for order, signal in enumerate(signals):
        for at in range(0, signal.length, PIECE_SAMPLES):
            window = Window(signal.first_id + at, signal.first_id + min(at + PIECE_SAMPLES, signal.length))
            pieces.append((float((at + window.length) / signal.rate_hz), order, window))
    for _, order, window in sorted(pieces):
        yield signals[order], window


def _copy(recording: Recording, signal: Signal, window: Window, sink: Sink) -> list[Gap]:
    """Write the samples of a window that are intact, and say of the others why they are not; return what is lost."""
    samples, gaps = recording.read_with_gaps(signal.name, window)
    at, lost = window.start, []
    for gap in sorted(gaps):
        missing = gap & Window(at, window.stop)
        if missing.window.length:
            if missing.window.start > at:
                sink.write(signal.name, at, samples[at - window.start : missing.window.start - window.start])
            sink.skip(signal.name, missing)
            at = missing.window.stop
            lost += [] if gap.skipped else [missing]
    if at < window.stop:
        sink.write(signal.name, at, samples[at - window.start :])
    return lost
