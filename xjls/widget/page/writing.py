"""A recording as a page, in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.model.window import Window
from xjls.plot.traces import chosen_quantities
from xjls.storage.new_file import local_target, new_file
from xjls.widget.page.content import COLUMNS, page_html
from xjls.widget.view.lane import Source
from xjls.widget.view.marker import complete, encode
from xjls.widget.view.moments import times_of
from xjls.widget.view.notes import read_notes, warn_of
from xjls.widget.view.view import View

if TYPE_CHECKING:
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal
    from xjls.model.window import WindowLike


def write_page(
    recording: Recording,
    path: str | os.PathLike[str],
    *,
    signals: Iterable[str] | None = None,
    window: Mapping[str, WindowLike] | WindowLike = None,
    columns: int = COLUMNS,
    detail: Iterable[slice | tuple[Any, Any]] = (),
    markers: Iterable[Any] = (),
    title: str | None = None,
    overwrite: bool = False,
    option: str = "overwrite=True",
) -> Path:
    """Write a recording as one HTML page to pan, zoom and measure in, for who has neither Python nor the recording.

    Parameters
    ----------
    recording
        Of any length; nothing is read but levels, and samples at borders of columns.
    path
        A new file on this machine.
    signals
        Names of signals or quantities; None for all that have samples.
    window
        Sample ids ``(start, stop)`` of the first signal, half-open, to whose time all are cut; or such by the name of
        each signal.
    columns
        Of each signal, at least, where it has so many samples: how closely one can look.
    detail
        Spans of time that can be looked at more closely: slices, or pairs, of labels as a Dataset has them.
    markers
        Labels, slices of labels, or `xjls.Marker`; their numbers are exact.
    title
        Of the page; None for the name of the recording.
    overwrite
        Whether to replace a file that is there.
    option
        How the caller says ``overwrite``, for the error.

    Returns
    -------
    pathlib.Path
        Where it is.

    Raises
    ------
    SelectionError
        No such signal or moment, nothing that has samples, or more columns than a page holds.
    FileExistsError
        There is such a file, and it is not to be replaced.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> folder = tempfile.mkdtemp()
    >>> recording = xjls.open_recording(write_demo(folder + "/run.jls", seconds=0.2))
    >>> page = write_page(recording, folder + "/run.html", signals=["current"], columns=2000)
    >>> page.name, page.read_text().count("http://")
    ('run.html', 0)
    """
    with new_file(path, overwrite=overwrite, option=option) as part:
        view = View([_source(recording, signals, window)])
        extent = view.extent
        marked = [encode(one, view.axis, extent) for one in complete(markers)]
        closer = [times_of(view.axis, span if isinstance(span, slice) else slice(*span), extent) for span in detail]
        notes, trouble = read_notes(view)
        warn_of(trouble)
        page = page_html(
            view, columns=columns, detail=closer, markers=marked, title=title, trouble=trouble,
            notes=[note.to_dict() for note in notes],
        )  # fmt: skip
        Path(part).write_text(page, "utf-8")
    return local_target(path)


def _source(recording: Recording, names: Iterable[str] | None, window: Mapping[str, WindowLike] | WindowLike) -> Source:
    """Return what of a recording is to be seen: signals that have samples there, and which of them."""
    if window is None:
        return Source(recording, None if names is None else tuple(names))
    chosen = [one for one in chosen_quantities(recording, names) if all(signal.length for signal in one.signals)]
    if not chosen:
        raise SelectionError(f"no signal of {recording.path} has samples to look at", "Choose others.")
    if isinstance(window, Mapping):
        windows = {name: Window.of(one, recording.signal(name).window) for name, one in window.items()}
    else:
        windows = windows_at_once(recording, [signal for one in chosen for signal in one.signals], window)
    there = [one.name for one in chosen if all(windows[s.name].length for s in one.signals if s.name in windows)]
    if not there:
        raise SelectionError(f"the window {window!r} holds no sample", "Give (start, stop) with start < stop.")
    return Source(recording, tuple(there), windows)


def windows_at_once(recording: Recording, signals: Sequence[Signal], window: WindowLike) -> dict[str, Window]:
    """Return the sample ids of several signals in the time that a window of the first of them spans."""
    first, clock = Window.of(window, signals[0].window), recording.clock(signals[0].name)
    ends = clock.time(first.start), clock.time(first.stop)
    windows = {signals[0].name: first}
    for signal in signals[1:]:
        own, all_of_it = recording.clock(signal.name), signal.window
        low, high = (min(max(own.first_at_or_after(at), all_of_it.start), all_of_it.stop) for at in ends)
        windows[signal.name] = Window(low, max(low, high))
    return windows
