"""``xjls explore``: a recording as a page to pan, zoom and measure in; or served, with all its samples."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from xjls.cli.arguments import PLAINLY, Opening
from xjls.cli.serving import serve_explorer
from xjls.cli.text import written
from xjls.cli.window import window_of, windows_of
from xjls.errors import SelectionError
from xjls.formats import open_recording
from xjls.model.recording import Recording
from xjls.model.window import Window
from xjls.widget.page.content import COLUMNS
from xjls.widget.page.writing import write_page
from xjls.widget.view.lane import Source
from xjls.widget.view.moments import slice_of
from xjls.widget.view.view import View


def explore(
    path: str,
    out: str | None = None,
    *,
    start: str | None = None,
    stop: str | None = None,
    signals: Sequence[str] = (),
    columns: int = COLUMNS,
    details: Sequence[str] = (),
    title: str | None = None,
    overwrite: bool = False,
    show: bool = False,
    serve: bool = False,
    opening: Opening = PLAINLY,
) -> int:
    """Write a page of a recording, print where it is, and open it if asked; or serve it. Return the exit status."""
    with open_recording(path, on_damage="gap", **opening) as recording:
        source = _source(recording, signals, start, stop)
        if serve:
            view = None if source.windows is None else _shown(source)
            return serve_explorer(path, source.names, view, opening, show=show)
        page = write_page(
            recording, out or beside(path), signals=source.names, window=source.windows, columns=columns,
            detail=[span_of(source, text) for text in details], title=title, overwrite=overwrite, option="--overwrite",
        )  # fmt: skip
    print(written(str(page)))
    if show:
        webbrowser.open(page.resolve().as_uri())
    return 0


def beside(path: str) -> str:
    """Return where the page of a recording goes where nobody says it: of an address, here.

    >>> beside("data/run.jls"), beside("s3://lab/run.zarr/"), beside("run.jls?x")
    ('data/run.html', 'run.html', 'run.html')
    """
    name = PurePosixPath(path.rstrip("/").split("?")[0])
    return str(Path(name.with_suffix(".html").name if "://" in path else name.with_suffix(".html")))


def span_of(source: Source, text: str) -> slice:
    """Return the labels of a span such as ``1s:2s`` or ``2026-03-01T10:00:00:2026-03-01T10:05:00``.

    Raises
    ------
    SelectionError
        It is no span of two moments, or no sample of the first signal lies in it.
    """
    view = View([source])
    track = view.lanes[0].tracks[0]
    refused: SelectionError | None = None
    for begin, end in _halves(text):
        try:
            window = window_of(source.recording, track.signals[0], begin or None, end or None)
        except SelectionError as error:
            refused = refused or error
        else:
            return slice_of(view.axis, *track.times(window).tolist())
    raise refused or SelectionError(f"{text!r} is no span of time", "Give two moments, as in 1s:2s.")


def _halves(text: str) -> list[tuple[str, str]]:
    """Return all ways to part a text at a colon, the likeliest first: times have colons themselves.

    >>> _halves("10:00:10:05")[0]
    ('10:00', '10:05')
    """
    places = [i for i, letter in enumerate(text) if letter == ":"]
    return [(text[:i], text[i + 1 :]) for i in sorted(places, key=lambda i: abs(2 * i + 1 - len(text)))]


def _source(recording: Recording, signals: Sequence[str], start: str | None, stop: str | None) -> Source:
    names = tuple(signals) or None
    if start is None and stop is None:
        return Source(recording, names)
    windows = {name: Window(*ends) for name, ends in windows_of(recording, signals, start, stop).items()}
    return Source(recording, names or tuple(windows), windows)


def _shown(source: Source) -> slice:
    view = View([source])
    return slice_of(view.axis, *view.extent)
