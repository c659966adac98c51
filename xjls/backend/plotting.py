"""``ds.xjls.plot()``: from the columns of a Dataset to a picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.backend.outgoing_labels import names_on_labels
from xjls.backend.provenance import labelled_origin_of, origin_of
from xjls.backend.sampled import BOUND, names_of_samples
from xjls.errors import SelectionError
from xjls.plot.figure import plot_recording, plot_traces, require_matplotlib
from xjls.plot.marks import marks_of
from xjls.plot.picture import summary, width_px
from xjls.plot.timescale import zone
from xjls.plot.timing import Timing
from xjls.plot.trace import FIRST_SAMPLE, Trace, bounded, shape_of, spans_of
from xjls.plot.traces import lost_columns
from xjls.plot.wording import words

if TYPE_CHECKING:
    from datetime import tzinfo

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import NDArray

    from xjls.backend.provenance import Origin
    from xjls.model.recording import Recording
    from xjls.plot.lanes import Scale
    from xjls.plot.picture import FigSize
    from xjls.plot.trace import Mark

_SINCE = "time since "


def plot(
    dataset: xr.Dataset,
    signals: str | Iterable[str] | None = None,
    *,
    columns: int | None = None,
    band: bool = True,
    mean: bool = True,
    std: bool = False,
    annotations: bool = True,
    tz: str | tzinfo | None = None,
    scale: Scale = "auto",
    figsize: FigSize | None = None,
    frames: int | None = None,
    title: str | None = None,
    figure: Figure | SubFigure | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw a Dataset's signals; see `xjls.plot.plot_recording` for what the arguments mean.

    Its own time labels are drawn: UTC or seconds, as it was opened. Annotations are drawn where the Dataset comes from
    one recording. Of frames that are a recording's own, only sliced, those are drawn that the Dataset shows.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1), signals="current")
    >>> plot(ds * 1000, tz="UTC", title="in mA").axes[0].get_title(loc="left")
    'in mA'
    """
    require_matplotlib()
    named = [signals] if isinstance(signals, str) else None if signals is None else list(signals)
    if (own := _own_frames(dataset, named)) is not None:
        many: dict[str, Any] = {} if frames is None else {"frames": frames}
        return plot_recording(
            own[0].recording, own[1], own[0].window, columns=columns, band=band, mean=mean, std=std, figsize=figsize,
            title=title, figure=figure, ax=ax, **many,
        )  # fmt: skip
    tz = zone(tz)
    n = columns if columns is not None else width_px(figsize, figure, ax)
    recording = _recording(dataset)
    found = traces_of(dataset, n, recording, named)
    marks = _marks(recording, found) if annotations and recording is not None else []
    if title is None:
        name = f"{words(PurePath(recording.path).name, 40)} · " if recording is not None else ""
        title = name + summary(found)
    return plot_traces(
        found, marks, band=band, mean=mean, std=std, tz=tz, scale=scale, figsize=figsize, title=title, figure=figure,
        ax=ax,
    )  # fmt: skip


def _own_frames(dataset: xr.Dataset, signals: list[str] | None) -> tuple[Origin, list[str] | None] | None:
    """Return the frames that a Dataset shows of a recording, and which of its signals to draw.

    None: it shows series, or something that is not as the recording has it.
    """
    if signals is None and names_of_samples(dataset, required=False):
        return None
    names = names_on_labels(dataset, None) if signals is None else signals
    found = [_own(dataset, name) for name in names]
    origins = [origin for origin in found if origin is not None]
    frames = next((origin for origin in origins if len(origin.signal.sample_shape) > 1), None)
    if frames is None or (signals is not None and len(origins) < len(found)):
        return None
    return frames, None if signals is None else [origin.name for origin in origins]


def _own(dataset: xr.Dataset, name: str) -> Origin | None:
    """Return which samples of a recording are called so in a Dataset."""
    if name not in dataset:
        return None
    variable = dataset[name].variable
    return labelled_origin_of(variable) or origin_of(variable)


def traces_of(dataset: xr.Dataset, n: int, recording: Recording | None, names: Iterable[str] | None) -> list[Trace]:
    """Return the traces of a Dataset's signals, of its recording's damage where it has one."""
    table = dataset.xjls.columns(n, names)
    return [_shown(str(name), table[name], dataset[name].variable, recording) for name in table.data_vars]


def _shown(name: str, table: xr.DataArray, variable: xr.Variable, recording: Recording | None) -> Trace:
    """Return the trace of a variable: of its bounds together, where it has them."""
    if BOUND not in table.dims:
        return _trace(name, table, variable, recording)
    bounds = {f"{name}_{label}": {BOUND: i} for i, label in enumerate(table[BOUND].values.tolist())}
    parts = [_trace(part, table[place], variable[place], recording) for part, place in bounds.items()]
    return bounded(name, parts)


def _trace(name: str, table: xr.DataArray, variable: xr.Variable, recording: Recording | None) -> Trace:
    """Return one signal's trace of its table (column, statistic)."""
    (dim,) = (str(dim) for dim in table.dims if dim != "statistic")
    units = str(table.attrs.get("units", ""))
    time, lengths = _edges(table[dim]), np.asarray(table[f"samples_{dim}"].values)
    count, mean, std, low, high = (table.sel(statistic=key).values for key in ("count", "mean", "std", "min", "max"))
    damaged = _damaged(recording, variable, time)
    missing = (count < lengths) | damaged
    return Trace(
        name=name, units=units, time=time, mean=mean, std=std, min=low, max=high,
        shape=shape_of(variable.dtype, units), is_samples=bool((lengths <= 1).all()),
        gaps=spans_of(time, missing, count == 0, damaged), samples_per_column=float(lengths.mean()),
        since=_since(table[dim]),
    )  # fmt: skip


def _since(labels: xr.DataArray) -> str:
    """Return what seconds count from, as the attributes of `xjls.open` tell it."""
    told = str(labels.attrs.get("long_name", ""))
    return told.removeprefix(_SINCE) if told.startswith(_SINCE) else FIRST_SAMPLE


def _edges(starts: xr.DataArray) -> NDArray[Any]:
    """Return the starts of the columns and the end of the last one."""
    values, end = np.asarray(starts.values), starts.attrs["end"]
    if values.dtype.kind == "M":
        return np.append(values.astype("M8[ns]"), np.int64(end).view("M8[ns]"))
    if values.dtype.kind == "m":
        return np.append(values.astype("m8[ns]").view(np.int64), end) / 1e9
    return np.append(values, float(end))


def _damaged(recording: Recording | None, variable: xr.Variable, time: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which columns hold samples that the Dataset's recording lost to damage, as far as it was read."""
    none = np.zeros(len(time) - 1, np.bool_)
    origin = origin_of(variable)
    if recording is None or origin is None or origin.name not in recording.status.gaps:
        return none
    clock = recording.clock(origin.name)
    if time.dtype.kind == "M":
        if not (clock.utc and clock.is_increasing):
            return none
        edges = clock.first_at_or_after(time.view(np.int64))
    else:
        edges = clock.first_at_or_after_seconds(time)
    return lost_columns(recording, origin.name, edges)[0]


def _recording(dataset: xr.Dataset) -> Recording | None:
    """Return the one recording that a Dataset comes from; None for derived ones, and for several."""
    try:
        found: Recording = dataset.xjls.recording
    except SelectionError:
        return None
    return found


def _marks(recording: Recording, traces: list[Trace]) -> list[Mark]:
    """Return the marks of the traces that are drawn, and of the recording as a whole."""
    timings: dict[str, Timing] = {}
    for trace in traces:
        names = [name for name in trace.signals or (trace.name,) if name in recording.signals]
        timings |= {name: Timing(recording.clock(*names), trace.is_utc) for name in names}
    return marks_of(recording, timings)
