"""Everything that is intact of a recording, of any format, to a new JLS v2 file.

What is lost is filled as the format has it, with NaN or 0; a record of user data in the file says which samples these
are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from xjls.errors import SelectionError
from xjls.formats.jls2.datatypes import encode_data_type
from xjls.formats.jls2.events import annotation_record
from xjls.formats.jls2.wire import SignalDef, SourceDef, ns_to_jls_time
from xjls.formats.jls2.writer import Jls2Writer
from xjls.model.window import Gap, Window, merge_gaps

if TYPE_CHECKING:
    from xjls.model.annotation import Annotation
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

PIECE_SAMPLES = 1 << 20
REPORT_META = 0
"""The number of the record that says what is lost."""

Losses = dict[str, tuple[Gap, ...]]


def salvage(recording: Recording, path: str, progress: Callable[[int, int], None] | None = None) -> Losses:
    """Write what is intact to a new file; return what is lost, by signal.

    Parameters
    ----------
    recording
        Read to its end, whatever its ``on_damage`` says.
    path
        A file that does not exist yet.
    progress
        Called with (samples done, samples in all) now and then.
    """
    signals = list(recording.signals.values())
    losses: Losses = {}
    with Jls2Writer(path) as writer:
        _define(writer, recording)
        for signal in signals:
            for tie in recording.ties(signal.name) if signal.has_samples else ():
                writer.tie(signal.id, tie.sample_id, ns_to_jls_time(tie.time_ns))
        ids = {signal.name: signal.id for signal in signals} | {"": 0}
        for note in recording.annotations:
            _annotate(writer, ids[note.signal], note)
        done, total = 0, sum(signal.length for signal in signals)
        for signal, window in _pieces(signals):
            gaps = _copy(writer, recording, signal, window)
            losses[signal.name] = merge_gaps((*losses.get(signal.name, ()), *gaps))
            done += window.length
            if progress is not None:
                progress(done, total)
        losses = {name: gaps for name, gaps in losses.items() if gaps}
        if losses:
            writer.user_data(REPORT_META, _report(recording, losses))
    return losses


def _define(writer: Jls2Writer, recording: Recording) -> None:
    """Define sources and signals by their own numbers, and pass user data on."""
    sources = {source.id: source for source in recording.sources}
    sources |= {signal.source.id: signal.source for signal in recording.signals.values()}
    for source in sources.values():
        texts = source.name, source.vendor, source.model, source.version, source.serial_number
        writer.define_source(SourceDef(source.id, *texts))
    for signal in recording.signals.values():
        writer.define_signal(_definition(signal))
    for record in recording.user_data:
        writer.user_data(record.meta, record.data)


def _definition(signal: Signal) -> SignalDef:
    if signal.rate_hz.denominator != 1:
        raise SelectionError(
            f"{signal.name!r} has {float(signal.rate_hz):g} samples a second, and JLS keeps whole numbers of them",
            "Open it as a Dataset, resample it, and write that.",
        )
    kind = 0 if signal.has_samples else 1
    data_type = encode_data_type(signal.stored_type, round(-math.log2(signal.scale_factor)))
    blocks = (0, 0, 0, 0, 0, 0)  # the library's defaults
    return SignalDef(
        signal.id, signal.source.id, kind, data_type, int(signal.rate_hz), *blocks, signal.name, signal.units
    )


def _annotate(writer: Jls2Writer, signal_id: int, note: Annotation) -> None:
    timestamp = note.sample_id
    if timestamp is None:
        timestamp = 0 if note.time_ns is None else ns_to_jls_time(note.time_ns)
    writer.annotate(signal_id, annotation_record(note, timestamp))


def _pieces(signals: list[Signal]) -> Iterator[tuple[Signal, Window]]:
    """Yield pieces of all signals by the time at which they end, as a recorder would have written them."""
    pieces = []
    for order, signal in enumerate(signals):
        for at in range(0, signal.length, PIECE_SAMPLES):
            window = Window(signal.first_id + at, signal.first_id + min(at + PIECE_SAMPLES, signal.length))
            pieces.append((float((at + window.length) / signal.rate_hz), order, window))
    for _, order, window in sorted(pieces):
        yield signals[order], window


def _copy(writer: Jls2Writer, recording: Recording, signal: Signal, window: Window) -> tuple[Gap, ...]:
    """Write the samples of a window that are intact; the writer fills what is between them."""
    samples, gaps = recording.read_with_gaps(signal.name, window)
    at = window.start
    for gap in sorted(gaps):
        lost = gap.window & window
        if lost.length:
            if lost.start > at:
                writer.write(signal.id, at, samples[at - window.start : lost.start - window.start])
            at = max(at, lost.stop)
    if at < window.stop:
        writer.write(signal.id, at, samples[at - window.start :])
    return tuple(Gap(gap.window & window, gap.reason, gap.offset) for gap in gaps)


def _report(recording: Recording, losses: Losses) -> str:
    """Say in the file what of it is filling, and why."""
    lines = [f"{name}: samples {gap.window} are lost, {gap.reason}" for name, gaps in losses.items() for gap in gaps]
    return "\n".join([f"recovered by xjls from {recording.path}; filled with NaN or 0 are", *lines])
