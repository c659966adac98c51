"""``xjls.explore``: from paths and recordings to an explorer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from xjls.errors import MissingDependencyError, SelectionError
from xjls.formats import open_recording
from xjls.model.recording import Recording
from xjls.widget.view.lane import Source

if TYPE_CHECKING:
    from xjls.plot.timing import TimeUnit
    from xjls.widget.explorer.widget import Explorer

Explored: TypeAlias = "str | os.PathLike[str] | Recording"


def explore(
    recordings: Explored | Sequence[Explored],
    signals: Iterable[str] | str | None = None,
    *,
    time: TimeUnit = "auto",
    align: str = "time",
    view: slice | None = None,
    markers: Iterable[Any] = (),
    settings: Mapping[str, Any] | None = None,
    picture: bool = True,
    storage_options: Mapping[str, Any] | None = None,
) -> Explorer:
    """Look at a recording in a notebook, or at several that are laid over each other.

    Parameters
    ----------
    recordings
        Paths, or recordings: also one that is still written, or ``session.recording``.
    signals
        Names of signals or quantities; None for all that have samples.
    time
        ``"utc"``, ``"seconds"`` from the beginning, or ``"auto"``: UTC where all recordings know it.
    align
        ``"time"``: each where it was recorded; ``"start"``: all begin where the first does.
    view, markers, settings, picture
        As of `xjls.widget.explorer.widget.Explorer`.
    storage_options
        For fsspec, where a path is remote.

    Raises
    ------
    SelectionError
        No such signal; nothing has samples.
    MissingDependencyError
        anywidget is not installed: ``pip install "xjls[notebook]"``.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> w = xjls.explore(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.5))
    >>> [lane["key"] for lane in w.facts["lanes"]]
    ['current', 'voltage', 'power', 'current_range', 'gpi[0]']
    >>> w.close()
    """
    several = not isinstance(recordings, str | os.PathLike | Recording)
    given: Sequence[Explored] = recordings if several else [recordings]  # type: ignore[assignment, list-item]  # by the test above
    names = None if signals is None else ((signals,) if isinstance(signals, str) else tuple(signals))
    sources = [_source(one, names, storage_options) for one in given]
    return explore_sources(
        sources, time=time, align=align, view=view, markers=markers, settings=settings, picture=picture
    )


def explore_sources(sources: Sequence[Source], *, align: str = "time", **options: Any) -> Explorer:
    """Return the explorer of sources; options as of `explore`."""
    if align not in ("time", "start"):
        raise SelectionError(
            f"align={align!r} is no way to lay recordings over each other", 'Choose "time" or "start".'
        )
    try:
        from xjls.widget.explorer.widget import Explorer
    except ImportError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        raise MissingDependencyError("anywidget", "notebook") from error
    return Explorer(sources, starts_together=align == "start", **options)


def _source(one: Explored, names: tuple[str, ...] | None, storage_options: Mapping[str, Any] | None) -> Source:
    if isinstance(one, Recording):
        return Source(one, names)
    return Source(open_recording(one, on_damage="gap", storage_options=storage_options), names, is_owned=True)
