"""``ds.xjls.explore()``: from a Dataset to what an explorer looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.backend.provenance import origin_of
from xjls.backend.sampled import Sampled, sampled
from xjls.backend.writing import write_into
from xjls.errors import SelectionError
from xjls.formats.memory.sink import MemorySink
from xjls.widget.explorer.opening import explore_sources
from xjls.widget.view.lane import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr

    from xjls.model.recording import Recording
    from xjls.model.window import Window
    from xjls.widget.explorer.widget import Explorer

MOST_BYTES = 1 << 30
"""Of variables that are computed: they are kept in memory, with levels."""


def explore(dataset: xr.Dataset, signals: str | Iterable[str] | None = None, **options: Any) -> Explorer:
    """Look at a Dataset's signals in a notebook; see `xjls.explore` for the options.

    Variables that are a recording's own, sliced, renamed or with their labels moved but otherwise untouched, are shown
    from its levels, at any length. Others are computed once, and kept in memory with levels of their own.

    Raises
    ------
    SelectionError
        What would have to be computed is more than a gigabyte.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> ds = xjls.open(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.5), signals=["current", "voltage"])
    >>> w = explore(ds.assign(resistance=ds.voltage / ds.current))
    >>> [lane["key"] for lane in w.facts["lanes"]]
    ['current', 'voltage', 'resistance']
    >>> w.close()
    """
    chosen = [one for one in sampled(dataset, signals) if one.length]
    if not chosen:
        raise SelectionError("the Dataset shows no sample", "Select a longer span.")
    utc = all(dataset[one.dim].dtype.kind == "M" for one in chosen if one.dim in dataset.coords)
    options.setdefault("time", "auto" if utc else "seconds")
    return explore_sources(sources_of(dataset, chosen), **options)


@dataclass(slots=True)
class _Shown:
    """Variables of one recording whose labels differ from its times by one span."""

    recording: Recording
    shift_ns: float
    names: dict[str, str] = field(default_factory=dict)
    """What is shown, by what the recording calls it."""
    windows: dict[str, Window] = field(default_factory=dict)

    def takes(self, one: _Own) -> bool:
        """Whether a variable can be added: it shows no signal twice."""
        alike = self.recording.token == one.recording.token and self.shift_ns == one.shift_ns
        return alike and one.signal not in self.windows and self.names.get(one.quantity, one.shown) == one.shown

    def add(self, one: _Own) -> None:
        """Add a variable."""
        self.names[one.quantity] = one.shown
        self.windows[one.signal] = one.window

    def source(self) -> Source:
        """Return it as a view takes it."""
        return Source(self.recording, tuple(self.names), self.windows, shown=self.names, shift_ns=self.shift_ns)


@dataclass(frozen=True, slots=True)
class _Own:
    """A variable that is a recording's own."""

    recording: Recording
    signal: str
    quantity: str
    shown: str
    window: Window
    shift_ns: float


def sources_of(dataset: xr.Dataset, chosen: list[Sampled]) -> list[Source]:
    """Return the recordings that some variables come from, and some in memory of those that come from none."""
    shown: list[_Shown] = []
    computed: dict[str, dict[str, Sampled]] = {}
    for one in chosen:
        own = _own(dataset, one)
        if own is None:
            computed.setdefault(one.dim, {})[one.name] = one
            continue
        taking = next((each for each in shown if each.takes(own)), None)
        if taking is None:
            taking = _Shown(own.recording, own.shift_ns)
            shown.append(taking)
        taking.add(own)
    return [*(one.source() for one in shown), *(_in_memory(dataset, list(of.values())) for of in computed.values())]


def _own(dataset: xr.Dataset, one: Sampled) -> _Own | None:
    """Return what of a recording a variable is; None where its values or units are others, or its labels no clock's."""
    origin = origin_of(one.variable)
    if origin is None:
        return None
    signal, window = origin.signal, origin.window & origin.signal.window
    if (origin.is_stored and signal.is_scaled) or one.units != signal.units or not window.length:
        return None
    skipped = window.start - origin.window.start
    shift_ns = _shift_ns(dataset, one, origin.recording, origin.name, window, skipped)
    if shift_ns is None:
        return None
    quantity = signal.bound[0] if one.bound is not None and signal.bound else origin.name
    return _Own(origin.recording, origin.name, quantity, one.name, window, shift_ns)


def _shift_ns(
    dataset: xr.Dataset, one: Sampled, recording: Recording, name: str, window: Window, at: int
) -> float | None:
    """Return how far labels lie behind the recording's times; None unless all of them do, to half a sample."""
    if one.dim not in dataset.coords:
        return 0.0
    labels = dataset[one.dim].isel({one.dim: [at, at + window.length - 1]}).values
    clock, ids = recording.clock(name), [window.start, window.stop - 1]
    if labels.dtype.kind == "M":
        if not clock.utc:
            return None
        late = (labels.astype("M8[ns]").astype(np.int64) - clock.times(ids)).astype(np.float64)
    elif labels.dtype.kind in "fiu":
        late = (labels.astype(np.float64) - clock.seconds(ids)) * 1e9
    else:
        return None
    half_ns = 0.5e9 / float(recording.signal(name).rate_hz)
    if abs(late[1] - late[0]) > half_ns:
        return None
    return 0.0 if abs(late[0]) <= half_ns else float(np.rint(late[0]))


def _in_memory(dataset: xr.Dataset, computed: list[Sampled]) -> Source:
    """Compute variables of one axis, and return them as a recording."""
    n_bytes = sum(one.variable.nbytes for one in computed)
    names = tuple(one.name for one in computed)
    if n_bytes > MOST_BYTES:
        raise SelectionError(
            f"{', '.join(names)} would take {n_bytes:,} bytes of memory, as they are no recording's own",
            "Slice first, or write them by ds.xjls.to_zarr(path) and explore that.",
        )
    with MemorySink() as sink:
        write_into(sink, dataset, names)
    recording = sink.recording
    first = next(iter(recording.signals.values()))
    shift_ns = _shift_ns(dataset, computed[0], recording, first.name, first.window, 0)
    return Source(recording, label="computed", shift_ns=shift_ns or 0.0)
