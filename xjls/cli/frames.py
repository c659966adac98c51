"""What ``xjls info`` says of frames: how many, in how much time, and what of them was lost."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xjls.cli.text import table
from xjls.model.amounts import counted, duration
from xjls.query.frame_report import report_of
from xjls.query.frames import frames_of

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.query.frame_report import FrameReport


def axis_facts(signal: Signal) -> dict[str, Any]:
    """Return what ``--json`` says of a signal whose samples are no series in time."""
    if not signal.axis:
        return {}
    return {
        "axis": signal.axis, "sample_shape": list(signal.sample_shape), "sample_dims": list(signal.sample_dims),
        "describes_axis": signal.describes_axis,
    }  # fmt: skip


def axis_signals(recording: Recording) -> str:
    """Return the table of the signals that count something else than moments; ``""`` where there are none."""
    rows = [["name", "type", "units", "along", "samples", "first", "each is"]]
    rows += [_axis_row(signal) for signal in recording.signals.values() if signal.axis]
    return table(rows, right=[4]) if len(rows) > 1 else ""


def frame_facts(recording: Recording) -> dict[str, Any]:
    """Return what ``--json`` says of frames: nothing of a recording without any."""
    report = _report(recording)
    if report is None:
        return {}
    told = asdict(report)
    return {"frames": {**told, "partial": report.partial, "duration_s": report.duration_s}}


def frame_parts(recording: Recording) -> list[str]:
    """Return what people read of frames, and of their losses."""
    report = _report(recording)
    if report is None:
        return []
    return ["frames\n" + table(_frame_rows(report)), "losses\n" + table(_loss_rows(report))]


def _report(recording: Recording) -> FrameReport | None:
    if not any(signal.axis for signal in recording.signals.values()):
        return None
    frames = frames_of(recording)
    return None if frames is None else report_of(frames)


def _axis_row(signal: Signal) -> list[str]:
    lengths, names = (" × ".join(map(str, parts)) for parts in (signal.sample_shape, signal.sample_dims))
    each = f"{names}: {lengths}" if signal.sample_shape else ""
    first = f"#{signal.first_id}" if signal.length else "–"
    return [signal.name, signal.stored_type, signal.units, signal.axis, f"{signal.length:,}", first, each]


def _frame_rows(report: FrameReport) -> list[list[str]]:
    height, width = report.shape
    numbers = f", #{report.first_id} to #{report.first_id + report.frames - 1}" if report.frames else ""
    rows = [["frames", f"{report.frames:,}{numbers}"], ["each", f"{height} × {width} pixels, {report.dtype}"]]
    if report.duration_s is not None:
        span = f"{report.first_time_s:.3f} s to {report.last_time_s:.3f} s"
        rows.append(["duration", f"{duration(report.duration_s)} by the device's clock, {span}"])
    measured = "" if report.rate_hz is None else f"{report.rate_hz:.4g} a second by the device's clock, "
    rows.append(["rate", f"{measured}{report.nominal_rate_hz:.4g} nominal"])
    if report.backward:
        rows.append(["", f"the clock goes back at {counted(report.backward, 'frame')}"])
    if report.n_slots:
        rows.append(["buffers", f"{report.buffers:,} came, {report.n_slots} make a frame"])
    return rows


def _loss_rows(report: FrameReport) -> list[list[str]]:
    rows = [["frames", f"{report.complete:,} complete, {report.partial:,} in part, {report.empty:,} lost"]]
    if report.longest_lost is not None:
        first, last = report.longest_lost[0], report.longest_lost[1] - 1
        length = last - first + 1
        rows.append(["longest run lost", f"{counted(length, 'frame')}, #{first}" + (f" to #{last}" * (length > 1))])
    if report.n_slots:
        missing, room = sum(report.missing_by_slot), report.frames * report.n_slots
        rows.append(["buffers missing", f"{missing:,} of {room:,}" + (f" ({missing / room:.2%})" if room else "")])
        if missing:
            slots = (f"{slot}: {count:,}" for slot, count in enumerate(report.missing_by_slot) if count)
            rows.append(["by place in frame", "  ".join(slots)])
    totals = (
        ("lost between", report.lost_between, "buffer", "between the first and the last, by their counter"),
        ("duplicates", report.duplicates, "buffer", "that came more than once"),
        ("quarantined", report.quarantined, "header", "that cannot be believed"),
        ("cut off", report.cut, "buffer", "in which the data end"),
        ("dropped by device", report.dropped_by_device, "buffer", "by its own count"),
    )
    return rows + [[name, f"{counted(n, what)} {more}"] for name, n, what, more in totals if n is not None]
