"""What a recording holds beside the samples, as tables of pandas: annotations and ties of what a Dataset shows."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xjls.backend.index import TimeIndex
from xjls.backend.labelled import counting_dims

if TYPE_CHECKING:
    import xarray as xr

    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

_ANNOTATION_COLUMNS = ("time", "signal", "kind", "group", "y", "data", "sample_id")


def annotations_of(dataset: xr.Dataset, recording: Recording) -> pd.DataFrame:
    """Return the annotations within a Dataset's span; see `xjls.backend.accessor.XjlsAccessor.annotations`."""
    spans = _sample_windows(dataset, recording)
    sampled = {signal.name for signal in recording.signals.values() if signal.has_samples}
    rows = []
    for note in recording.annotations:
        window = spans.get(note.signal)
        outside = window and note.sample_id is not None and not window[0] <= note.sample_id < window[1]
        if not outside and (note.signal in spans or note.signal not in sampled):
            rows.append((note.time_ns, note.signal, note.kind, note.group, note.y, note.data, note.sample_id))
    frame = pd.DataFrame(rows, columns=list(_ANNOTATION_COLUMNS))
    return _with_times(frame).sort_values("time", kind="stable", ignore_index=True)


def ties_of(dataset: xr.Dataset, recording: Recording) -> pd.DataFrame:
    """Return the ties of a Dataset's signals; see `xjls.backend.accessor.XjlsAccessor.ties`."""
    names = _sample_windows(dataset, recording)
    rows = [(tie.time_ns, name, tie.sample_id) for name in names for tie in recording.ties(name)]
    frame = pd.DataFrame(rows, columns=["time", "signal", "sample_id"])
    return _with_times(frame)[["signal", "sample_id", "time"]]


def _sample_windows(dataset: xr.Dataset, recording: Recording) -> dict[str, tuple[int, int]]:
    """Return the sample ids that each sampled variable spans, as far as its time index tells."""
    spans = {}
    for signal in recording.signals.values():
        variable = _variable_of(dataset, signal)
        if variable is None or not variable.dims or "samples_per_entry" in variable.attrs:
            continue
        dim = variable.dims[0]
        shown = _ids(dataset, dim) if signal.axis else _span(recording, signal.name, dataset.xindexes.get(dim))
        spans[signal.name] = shown or (signal.window.start, signal.window.stop)
    return spans


def _variable_of(dataset: xr.Dataset, signal: Signal) -> xr.Variable | None:
    """Return the variable that shows a signal, alone or with the other extreme of its quantity."""
    names = (signal.name, *(signal.bound[:1] if signal.bound else ()))
    return next((dataset.variables[name] for name in names if name in dataset.data_vars), None)


def _ids(dataset: xr.Dataset, dim: Hashable) -> tuple[int, int] | None:
    """Return the first and one past the last sample id of labels that are ids."""
    if dim not in counting_dims(dataset) or not dataset.sizes[dim]:
        return None
    ids = dataset.indexes[dim]
    return int(ids.min()), int(ids.max()) + 1


def _span(recording: Recording, name: str, index: Any) -> tuple[int, int] | None:
    """Return the first and one past the last sample id between the first and last label of a time index."""
    if not isinstance(index, TimeIndex) or not len(index.labels):
        return None
    clock, labels = recording.clock(name), index.labels
    if not clock.is_increasing or (labels.unit == "utc") != clock.utc:
        return None
    first, last = (labels.clock.time(position) for position in (0, len(labels) - 1))
    zero = 0 if labels.unit == "utc" else clock.zero_ns
    return clock.first_at_or_after(first + zero), clock.first_at_or_after(last + zero) + 1


def _with_times(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a table its dtypes: NaT where no time is known, NA where there is no sample id."""
    nat = np.iinfo(np.int64).min
    times = np.array([nat if pd.isna(t) else int(t) for t in frame["time"]], np.int64)
    frame["time"] = times.view("M8[ns]")
    frame["sample_id"] = frame["sample_id"].astype("Int64")
    return frame
