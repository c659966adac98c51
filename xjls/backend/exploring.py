"""``ds.xjls.explore()``: from a Dataset to what an explorer looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    Variables that are a recording's own, sliced but otherwise untouched, are shown from its levels, at any length.
    Others are computed once, and kept in memory with levels of their own.

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
    chosen = sampled(dataset, signals)
    if not _is_utc(dataset, chosen):
        options.setdefault("time", "seconds")
    return explore_sources(sources_of(dataset, chosen), **options)


def sources_of(dataset: xr.Dataset, chosen: list[Sampled]) -> list[Source]:
    """Return the recordings that some variables come from, and one in memory of those that come from none."""
    own: dict[object, tuple[Recording, dict[str, Window]]] = {}
    computed: dict[str, Sampled] = {}
    for one in chosen:
        origin = origin_of(one.variable)
        if origin is None or (origin.is_stored and origin.signal.is_scaled):
            computed[one.name] = one
        else:
            _, windows = own.setdefault(origin.recording.token, (origin.recording, {}))
            windows[origin.name] = origin.window & origin.signal.window
    found = [Source(recording, tuple(windows), windows) for recording, windows in own.values()]
    return [*found, _in_memory(dataset, list(computed.values()))] if computed else found


def _in_memory(dataset: xr.Dataset, computed: list[Sampled]) -> Source:
    """Compute variables, and return them as a recording."""
    n_bytes = sum(one.variable.nbytes for one in computed)
    names = tuple(one.name for one in computed)
    if n_bytes > MOST_BYTES:
        raise SelectionError(
            f"{', '.join(names)} would take {n_bytes:,} bytes of memory, as they are no recording's own",
            "Slice first, or write them by ds.xjls.to_zarr(path) and explore that.",
        )
    with MemorySink() as sink:
        write_into(sink, dataset, names)
    return Source(sink.recording, label="computed")


def _is_utc(dataset: xr.Dataset, chosen: list[Sampled]) -> bool:
    return all(dataset[one.dim].dtype.kind == "M" for one in chosen if one.dim in dataset.coords)
