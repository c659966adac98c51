"""``xjls stats``: exact statistics of a recording, or of columns of it; no more samples are read than must be."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.text import moment, table
from xjls.cli.window import windows_of
from xjls.formats import open_recording
from xjls.model.amounts import duration, quantity

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.query.answer import Nans, Statistics

_NUMBERS = ("count", "mean", "std", "min", "max", "integral")


def stats(
    path: str,
    *,
    start: str | None = None,
    stop: str | None = None,
    signals: Sequence[str] = (),
    columns: int | None = None,
    ddof: int = 0,
    nans: Nans = "auto",
    as_json: bool = False,
    opening: Opening = PLAINLY,
) -> int:
    """Print the statistics of signals between two moments, or of each of some columns; return the exit status."""
    with open_recording(path, on_damage="gap", **opening) as recording:
        found = {}
        for name, window in windows_of(recording, signals, start, stop).items():
            if columns is None:
                found[name] = [recording.statistics(name, window, ddof=ddof, nans=nans)]
            else:
                found[name] = list(recording.columns(name, window, columns, ddof=ddof, nans=nans))
        if as_json:
            facts = {name: [_facts(recording, one) for one in answers] for name, answers in found.items()}
            print(json.dumps({"path": recording.path, "ddof": ddof, "signals": facts}, indent=2))
        elif columns is None:
            print(_summary(recording, [answers[0] for answers in found.values()]))
        else:
            print("\n\n".join(_columns(recording, answers) for answers in found.values()))
        return 0


def _summary(recording: Recording, answers: list[Statistics]) -> str:
    rows = [["signal", "from", "duration", *_NUMBERS]]
    rows += [[one.signal.name, _start(recording, one), duration(one.duration_s), *_cells(one)] for one in answers]
    return "\n".join([table(rows, right=range(2, len(rows[0]))), *_remarks(answers)])


def _columns(recording: Recording, answers: list[Statistics]) -> str:
    name = answers[0].signal.name
    rows = [["from", *_NUMBERS], *([_start(recording, one), *_cells(one)] for one in answers)]
    title = f"{name}, {len(answers)} columns of {duration(answers[0].duration_s)}"
    return "\n".join([title, table(rows, right=range(1, len(rows[0]))), *_remarks(answers)])


def _start(recording: Recording, one: Statistics) -> str:
    """Return when a window begins: UTC, or seconds from the first sample."""
    clock = recording.clock(one.signal.name)
    return moment(clock.time(one.window.start)) if clock.utc else quantity(float(clock.seconds(one.window.start)), "s")


def _cells(one: Statistics) -> list[str]:
    values = (one.mean, one.std, one.min, one.max)
    return [f"{one.count:,}", *(_value(v, one.units) for v in values), _value(one.integral, one.integral_units)]


def _value(value: float, units: str) -> str:
    """Return a value with its units; a bare number takes no prefix."""
    return "–" if math.isnan(value) else quantity(value, units) if units else f"{value:.6g}"


def _remarks(answers: list[Statistics]) -> list[str]:
    """Say, by signal, what does not count, and what is not exact."""
    remarks = []
    for name in dict.fromkeys(one.signal.name for one in answers):
        mine = [one for one in answers if one.signal.name == name]
        nan, lost = sum(one.nan for one in mine), sum(one.lost for one in mine)
        if nan:
            remarks.append(f"  {name}: {nan:,} samples are NaN or infinite, and do not count")
        if lost:
            remarks.append(f"  {name}: {lost:,} samples are missing, and do not count; see xjls check")
        if not all(one.exact for one in mine):
            remarks.append(f"  {name}: from summaries that may hide single NaN; --nans count looks at every sample")
    return remarks


def _facts(recording: Recording, one: Statistics) -> dict[str, Any]:
    """Return all of an answer as plain data; what is not a number is null."""
    clock = recording.clock(one.signal.name)
    window = one.window
    times = [moment(clock.time(i)) for i in (window.start, window.stop)] if clock.utc else [None, None]
    numbers = {key: None if isinstance(v, float) and math.isnan(v) else v for key, v in one.to_dict().items()}
    return {
        "start": window.start, "stop": window.stop, "start_time": times[0], "stop_time": times[1],
        "duration_s": one.duration_s, **numbers, "units": one.units, "integral_units": one.integral_units,
    }  # fmt: skip
