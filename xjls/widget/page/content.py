"""From a view to a page: columns and exact numbers of all that it shows, and the explorer's state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.plot.health import health
from xjls.plot.timescale import duration_text
from xjls.widget.page.html import assemble
from xjls.widget.page.packing import ArrayPack
from xjls.widget.page.tables import length_ns, pack_track, page_strips
from xjls.widget.view.picture import png_of
from xjls.widget.view.strip import MOST_COLUMNS

if TYPE_CHECKING:
    from xjls.widget.view.strip import Strip
    from xjls.widget.view.view import View

COLUMNS = 32_768
"""Of each track, of the whole time: sixteen screens side by side."""
MOST_MARKERS = 200
"""Whose exact numbers the page carries; those of others are of its columns."""


def page_html(
    view: View,
    *,
    shown: tuple[float, float] | None = None,
    markers: Sequence[Mapping[str, Any]] = (),
    selected: str = "",
    notes: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    columns: int = COLUMNS,
    detail: Iterable[tuple[float, float]] = (),
    title: str | None = None,
    trouble: Iterable[str] = (),
    picture: bool = True,
) -> str:
    """Return a view as one HTML page that needs neither Python nor a network.

    Parameters
    ----------
    view
        What is shown: all of it, whatever of it is on the screen.
    shown, markers, selected, notes, settings
        The explorer's state, as in docs/explanation/wire.md.
    columns
        Of each track, at least, where it has so many samples: how closely one can look. Their size is the page's.
    detail
        Spans in the axis' nanoseconds that can be looked at more closely.
    title
        Of the page; None for the names of the recordings.
    trouble
        Sentences on what went wrong beside the recording; what is wrong with itself is known here.
    picture
        Whether it holds a picture for who runs no scripts; that needs matplotlib, and without it there is none.

    Returns
    -------
    str
        Numbers in it are exact for the whole, for what is shown and for `markers`; for other spans those of its
        columns, and said to be so.

    Raises
    ------
    SelectionError
        More columns are asked for than a page holds, or fewer than one.
    """
    if not 1 <= columns <= MOST_COLUMNS:
        raise SelectionError(f"a page cannot hold {columns:,} columns", f"Choose 1 to {MOST_COLUMNS:,}.")
    detail, pack = list(detail), ArrayPack()
    shown = shown or view.extent
    strips, exact = view.settled(lambda: (_strips(view, columns, detail), _exact(view, shown, markers)))
    if not strips:
        raise SelectionError(f"{view.recording.path} has no samples to look at", "Wait until it has some.")
    tables = [pack_track(view.lane(key), which, found, pack) for (key, which), found in strips.items()]
    # Behind all questions, which may have come upon damage
    facts = {**_facts(view, strips), "status": ", ".join(filter(None, (health(view.recording.status), *trouble)))}
    traits = {
        "facts": facts, "notes": list(notes), "view": list(shown), "markers": list(markers), "selected": selected,
        "settings": dict(settings or {}),
    }  # fmt: skip
    data = {
        "traits": traits, "exact": exact, "tables": tables, "arrays": pack.described,
        "data": pack.text(),
    }  # fmt: skip
    name = title if title is not None else str(facts["title"])
    drawn = png_of(view, *shown, markers=markers, notes=notes) if picture else None
    return assemble(name, _resolution(strips.values()), data, drawn)


def _strips(view: View, columns: int, detail: Sequence[tuple[float, float]]) -> dict[tuple[str, int], list[Strip]]:
    return {
        (lane.key, which): page_strips(track, columns, detail)
        for lane in view.lanes
        for which, track in enumerate(lane.tracks)
        if track.samples.length
    }


def _facts(view: View, strips: Mapping[tuple[str, int], Sequence[Strip]]) -> dict[str, Any]:
    """Return what never changes: nothing grows, nothing can be saved, and a column is the least that can be seen."""
    facts = {**view.facts(), "grows": False, "saves": "", "busy_after_ms": 60_000}
    for lane in facts["lanes"]:
        finest = min((length_ns(strip) for strip in strips.get((lane["key"], 0), ())), default=0.0)
        lane["period"] = max(lane["period"], finest)
    return facts


def _resolution(strips: Iterable[Sequence[Strip]]) -> str:
    every = [strip for found in strips for strip in found]
    lengths = [length_ns(strip) for strip in every]
    return resolution(max(lengths), min(lengths), samples=all(strip.is_samples for strip in every))


def resolution(whole_ns: float, finest_ns: float, *, samples: bool = False) -> str:
    """Return how closely one can look at a page, in words.

    Examples
    --------
    >>> resolution(1.5e9, 1.5e9)
    'It holds columns of 1.5 s each, and zoom stops there'
    >>> resolution(1.5e9, 2e4), resolution(500, 500, samples=True)
    ('It holds columns of 1.5 s each, of 20 µs in detailed spans, and zoom stops there', 'It holds every sample')
    """
    if samples:
        return "It holds every sample"
    closer = f", of {duration_text(finest_ns / 1e9)} in detailed spans" if finest_ns < 0.7 * whole_ns else ""
    return f"It holds columns of {duration_text(whole_ns / 1e9)} each{closer}, and zoom stops there"


def _exact(view: View, shown: Sequence[float], markers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the exact numbers that the page carries: of the whole, of what is shown first, and of markers."""
    spans: list[tuple[float, float | None]] = [view.extent, (shown[0], shown[1])]
    spans += [_span(marker) for marker in markers[:MOST_MARKERS]]
    return [{"x0": x0, "x1": x1, "lanes": view.measure(x0, x1)} for x0, x1 in dict.fromkeys(spans)]


def _span(marker: Mapping[str, Any]) -> tuple[float, float | None]:
    x0, x1 = marker["x0"], marker.get("x1")
    return (x0, None) if x1 is None else (min(x0, x1), max(x0, x1))
