"""``xjls info``: what a recording holds, from its definitions and index; no sample is read."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xjls.capturing.records import CAPTURE_META
from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.frames import axis_facts, axis_signals, frame_facts, frame_parts
from xjls.cli.text import moment, size, table
from xjls.formats import open_recording
from xjls.model.amounts import duration, quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xjls.model.annotation import Annotation, UserData
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.status import Status
    from xjls.model.window import Gap

MOST_ANNOTATIONS = 12
MOST_GAPS = 6
MOST_SAMPLES = 1 << 30
"""Of a signal whose whole index is looked at for chunks that were left out: some milliseconds."""


def info(path: str, *, as_json: bool = False, opening: Opening = PLAINLY) -> int:
    """Print what a recording holds; return the exit status."""
    with open_recording(path, on_damage="gap", **opening) as recording:
        for signal in recording.signals.values():
            if signal.length <= MOST_SAMPLES:
                recording.gaps(signal.name)
        print(json.dumps(facts(recording), indent=2, default=repr) if as_json else text(path, recording))
        return 0


def facts(recording: Recording) -> dict[str, Any]:
    """Return all that ``--json`` prints: sources, signals, frames, annotations, user data and status."""
    return {
        "path": recording.path,
        "format": recording.format,
        "sources": [asdict(source) for source in recording.sources],
        "signals": [_signal_facts(recording, signal) for signal in recording.signals.values()],
        **frame_facts(recording),
        "annotations": [asdict(note) for note in recording.annotations],
        "user_data": [asdict(record) for record in recording.user_data],
        "status": status_facts(recording.status),
    }


def status_facts(status: Status) -> dict[str, Any]:
    """Return a status as plain data; whether it is complete is for ``check`` to say, which has seen it all."""
    return {
        "closed": status.closed,
        "size_bytes": status.size_bytes,
        "damage": [asdict(damage) for damage in status.damage],
        "gaps": {
            name: [{"start": g.window.start, "stop": g.window.stop, "reason": g.reason} for g in gaps]
            for name, gaps in status.gaps.items()
        },
        "notes": list(status.notes),
    }


def text(path: str, recording: Recording) -> str:
    """Return what ``xjls info`` prints."""
    parts = _contents(recording)
    # Last: looking at the contents may meet damage
    status = recording.status
    health = "closed" if status.closed else "not closed by its writer"
    parts.insert(0, f"{path}\n{recording.format}, {size(status.size_bytes)}, {health}")
    if found := status_text(status):
        parts.append(found)
    return "\n\n".join(parts)


def _contents(recording: Recording) -> list[str]:
    sources = [["id", "name", "vendor", "model", "version", "serial number"]]
    sources += [[str(s.id), s.name, s.vendor, s.model, s.version, s.serial_number] for s in recording.sources]
    parts = ["sources\n" + table(sources, right=[0])]
    if series := [signal for signal in recording.signals.values() if not signal.axis]:
        rows = [["name", "type", "units", "rate", "samples", "duration", "first sample", "levels (samples an entry)"]]
        rows += [_signal_row(recording, signal) for signal in series]
        parts.append("signals\n" + table(rows, right=[4]))
    if along := axis_signals(recording):
        parts.append(("signals along other axes\n" if series else "signals\n") + along)
    parts += frame_parts(recording)
    parts += _told(recording)
    if recording.annotations:
        parts.append(_annotations(recording.annotations))
    captures, others = _captures(recording.user_data)
    if captures:
        rows = [["begun", "ended", "device", "lost", "ended because"], *captures]
        parts.append("captures\n" + table(rows, right=[3]))
    if others:
        rows = [[str(record.meta), _shortened(record.data)] for record in others]
        parts.append(f"user data: {len(others)}\n" + table(rows, right=[0]))
    if gaps := _gaps(recording):
        parts.append(gaps)
    return parts


def _told(recording: Recording) -> list[str]:
    """Return what the file says of its signals in its own words, once for those of which it says the same."""
    named: dict[str, list[str]] = {}
    for signal in recording.signals.values():
        if signal.facts and not signal.sample_shape:  # of frames, the report has them
            rows = [[key, _shortened(value)] for key, value in signal.facts.items()]
            named.setdefault(table(rows), []).append(signal.name)
    return [f"{', '.join(names)}, as the file says\n{told}" for told, names in named.items()]


def _captures(records: Sequence[UserData]) -> tuple[list[list[str]], list[UserData]]:
    """Return a row for each capture that records tell of, and the records that tell of none."""
    rows: list[list[str]] = []
    others = []
    for record in records:
        match record.data if record.meta == CAPTURE_META else None:
            case {"capture": "begun", "utc": str(begun), "device": str(device)}:
                rows.append([begun, "–", device, "–", "–"])
            case {"capture": "ended", "utc": str(ended), "reason": str(reason), "counts": {"lost": int(lost)}} if rows:
                rows[-1] = [rows[-1][0], ended, rows[-1][2], f"{lost:,}", reason]
            case _:
                others.append(record)
    return rows, others


def _gaps(recording: Recording) -> str:
    """Return the gaps that the writer recorded, the first of each signal; what is lost is for the status to say."""
    rows = []
    for signal in recording.signals.values():
        found = recording.skipped(signal.name)
        what = f"{signal.axis or 'sample'}s"
        rows += [[signal.name, f"{what} {g.window}", _lasting(signal, g), g.reason] for g in found[:MOST_GAPS]]
        if len(found) > MOST_GAPS:
            samples = sum(gap.window.length for gap in found)
            rows.append([signal.name, f"… and {len(found) - MOST_GAPS} more, {samples:,} {what} in all", "", ""])
    return "gaps\n" + table(rows) if rows else ""


def _lasting(signal: Signal, gap: Gap) -> str:
    return duration(float(gap.window.length / signal.rate_hz))


def status_text(status: Status) -> str:
    """Return damage, gaps and notes, a line each; ``""`` when there are none."""
    lines = [f"  damage: {damage}" for damage in status.damage]
    lines += [f"  {name}: samples {g.window} are lost, {g.reason}" for name, gaps in status.gaps.items() for g in gaps]
    lines += [f"  {note}" for note in status.notes]
    return "\n".join(["status", *lines]) if lines else ""


def _signal_facts(recording: Recording, signal: Signal) -> dict[str, Any]:
    rate = signal.rate_hz
    first, last = _span_ns(recording, signal)
    return {
        "id": signal.id,
        "name": signal.name,
        "units": signal.units,
        "type": signal.stored_type,
        "source": signal.source.id,
        "rate_hz": int(rate) if rate.denominator == 1 else float(rate),
        "first_id": signal.first_id,
        "length": signal.length,
        "scale_factor": signal.scale_factor,
        "add_offset": signal.add_offset,
        "missing_value": signal.missing_value,
        "origin_id": signal.origin_id,
        "bound": signal.bound,
        "facts": dict(signal.facts),
        "first_time": None if first is None else moment(first),
        "last_time": None if last is None else moment(last),
        "ties": len(recording.ties(signal.name)),
        "gaps": [
            {"start": g.window.start, "stop": g.window.stop, "reason": g.reason} for g in recording.skipped(signal.name)
        ],
        "levels": [{"index": v.index, "factor": v.factor, "length": v.length} for v in signal.levels],
        **axis_facts(signal),
    }


def _signal_row(recording: Recording, signal: Signal) -> list[str]:
    if not signal.has_samples:
        return [signal.name, "–", signal.units, "–", "–", "–", "–", "annotations only"]
    first, _ = _span_ns(recording, signal)
    return [
        signal.name, signal.stored_type, signal.units, quantity(float(signal.rate_hz), "Hz"), f"{signal.length:,}",
        duration(float(signal.length / signal.rate_hz)), _began(signal) if first is None else moment(first),
        " ".join(f"{level.factor:,}" for level in signal.levels) or "none",
    ]  # fmt: skip


def _began(signal: Signal) -> str:
    """Return how long after its beginning a capture has its first sample, where that is all that is known."""
    if signal.origin_id is None or not signal.length:
        return "–"
    return f"+{duration(float((signal.first_id - signal.origin_id) / signal.rate_hz))}"


def _span_ns(recording: Recording, signal: Signal) -> tuple[int | None, int | None]:
    """Return UTC of the first and last sample; None without ties or samples."""
    if not signal.is_series or not signal.length:
        return None, None
    clock = recording.clock(signal.name)
    return (clock.time(signal.first_id), clock.time(signal.window.stop - 1)) if clock.utc else (None, None)


def _annotations(annotations: tuple[Annotation, ...]) -> str:
    rows = [
        [_place(note), note.signal or "(all)", note.kind, _shortened(note.data)]
        for note in annotations[:MOST_ANNOTATIONS]
    ]
    more = len(annotations) - len(rows)
    return f"annotations: {len(annotations)}\n" + table(rows) + (f"\n  … and {more} more" if more else "")


def _place(note: Annotation) -> str:
    return moment(note.time_ns) if note.time_ns is not None else f"sample {note.sample_id:,}"


def _shortened(data: object) -> str:
    line = " ".join((data if isinstance(data, str) else repr(data)).split())
    return line if len(line) <= 60 else line[:57] + "…"
