"""The widget itself: traits that the browser shares, and what Python can ask and tell it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from xjls.errors import SelectionError
from xjls.plot import glance_html
from xjls.plot.health import health
from xjls.storage.new_file import local_target, new_file
from xjls.widget.explorer.following import Following
from xjls.widget.explorer.requests import answer
from xjls.widget.explorer.settings import checked
from xjls.widget.explorer.traits import markers_from_json, markers_to_json, refusing, view_from_json, view_to_json
from xjls.widget.modules import joined, styles
from xjls.widget.page import COLUMNS, page_html
from xjls.widget.view import notes as notes_of
from xjls.widget.view.marker import Marker, complete, encode
from xjls.widget.view.moments import slice_of, time_of, times_of
from xjls.widget.view.picture import png_of
from xjls.widget.view.view import View

if TYPE_CHECKING:
    from xjls.plot.timing import TimeUnit
    from xjls.widget.view.lane import Source
    from xjls.widget.view.moments import Label
    from xjls.widget.view.notes import Place

FIRST_COLUMNS = 1600
OVERVIEW_COLUMNS = 600
BUSY_AFTER_MS = 1500


class Explorer(anywidget.AnyWidget):
    """Pan and zoom recordings, mark moments and spans, and read exact numbers; made by `xjls.explore`.

    Traits are observed and set as those of any widget: ``w.observe(f, "selection")``.

    Parameters
    ----------
    sources
        Recordings, the others laid over the first.
    time
        ``"utc"``, ``"seconds"``, or ``"auto"``.
    starts_together
        Whether recordings are moved to where the first begins.
    view
        A slice of labels that is shown first; None for all.
    markers
        Labels, slices of two, or `Marker`.
    settings
        How it looks: see `xjls.widget.explorer.settings`.
    picture
        Whether a picture is stored in the notebook, for where there is no kernel; needs matplotlib.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> w = xjls.explore(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=1), ["current", "voltage"])
    >>> w.selection = slice("2026-03-01T10:00:00.2", "2026-03-01T10:00:00.3")
    >>> w.markers[0].key, w.statistics()["voltage"]["n"]
    ('1', 50500)
    >>> w.close()
    """

    _esm = joined("explorer/index.js")
    _css = styles("explorer")

    facts = traitlets.Dict(help="What the browser is told once; see docs/explanation/wire.md.").tag(sync=True)
    overview = traitlets.Dict(help="A tile of all there is.").tag(sync=True)
    first = traitlets.Dict(help="The tile that is shown first.").tag(sync=True)
    notes: traitlets.List[dict[str, Any]] = traitlets.List(help="Annotations as the browser shows them.").tag(sync=True)
    view = traitlets.Any(help="What is shown: a slice of labels, both ends in it, as `Dataset.sel` takes it.").tag(
        sync=True, to_json=view_to_json, from_json=view_from_json
    )
    markers = traitlets.Any((), help="A tuple of `Marker`.").tag(
        sync=True, to_json=markers_to_json, from_json=markers_from_json
    )
    selected = traitlets.Unicode(help="Key of one of the markers.").tag(sync=True)
    settings = traitlets.Dict(help="How it looks.").tag(sync=True)
    selection = traitlets.Any(
        None, allow_none=True, help="The span of the selected marker as a slice of labels, or None."
    )

    def __init__(
        self,
        sources: Iterable[Source],
        *,
        time: TimeUnit = "auto",
        starts_together: bool = False,
        view: slice | None = None,
        markers: Iterable[Any] = (),
        settings: Mapping[str, Any] | None = None,
        picture: bool = True,
    ) -> None:
        self.lanes = View(sources, time)
        if starts_together:
            self.lanes.align_starts()
        self.told: dict[str, tuple[Any, Any]] = {}
        """By trait: a value that came from the browser, and how it was told."""
        self._picture = picture
        self._lock = RLock()
        self._all_notes, self._trouble = notes_of.read_notes(self.lanes)
        notes_of.warn_of(self._trouble)
        self._notes_made = 0
        extent = self.lanes.extent
        shown = slice_of(self.lanes.axis, *extent) if view is None else self._as_view(view)
        super().__init__(
            facts=self._facts(), overview=self._tile(*extent, OVERVIEW_COLUMNS),
            first=self._tile(*times_of(self.lanes.axis, shown, extent), FIRST_COLUMNS),
            notes=[note.to_dict() for note in self._all_notes], view=shown, markers=complete_tuple(markers),
            settings=checked(settings or {}, self.lane_keys),
        )  # fmt: skip
        self.following = Following(self)
        self.on_msg(self._on_message)

    # -- what people ask ---------------------------------------------------------------------------------------------

    @property
    def lane_keys(self) -> tuple[str, ...]:
        """Of the lanes, from top to bottom, as they are now."""
        return tuple(lane.key for lane in self.lanes.lanes)

    @property
    def status(self) -> str:
        """What is wrong with the recording, and with what lies beside it; ``""`` where nothing is known to be."""
        return ", ".join(filter(None, (health(self.lanes.recording.status), *self._trouble)))

    @property
    def window(self) -> tuple[float, float]:
        """What is shown, in nanoseconds of the axis, half-open."""
        told = view_to_json(self.view, self)
        return told[0], told[1]

    def statistics(self, span: slice | None = None) -> dict[str, dict[str, Any]]:
        """Return exact numbers of a span of time by lane; None takes the selection, or else what is shown.

        ``n`` samples are counted in them, ``lost`` have no value, ``nan`` of these are held as NaN or infinite. Where
        recordings lie over each other ``others`` are those of the other tracks.
        """
        if span is None:
            span = self.selection or self.view
        return self.lanes.measure(*times_of(self.lanes.axis, span, self.lanes.extent))

    @property
    def annotations(self) -> list[Any]:
        """The annotations that are shown: those of the recording, of its sidecars, and those that were added."""
        return [note.annotation for note in self._all_notes]

    @property
    def picture(self) -> bytes | None:
        """The view as a PNG; None without matplotlib."""
        markers = markers_to_json(self.markers, self)
        return png_of(self.lanes, *self.window, markers=markers, notes=self.notes)

    def add_note(self, at: Label | str, text: str, signal: str | None = None) -> None:
        """Note a text at a moment, of a signal or of the whole recording; `save` keeps it."""
        self.add_note_at(time_of(self.lanes.axis, at), text, signal)

    def save(self, to: Place | None = None) -> str:
        """Write the notes that were added; return where they are.

        Parameters
        ----------
        to
            ``"store"``: into the recording, behind what is there; ``"sidecar"``: into ``run.anno.jls`` beside it. None
            takes the store for Zarr, and a sidecar for files, which stay as they are.
        """
        with self._lock:
            fresh = [note for note in self._all_notes if not note.saved]
            place = to or notes_of.place_of(self.lanes.recording) or "sidecar"
            if place not in ("store", "sidecar"):
                raise SelectionError(f"notes cannot be saved to {place!r}", 'Choose "store" or "sidecar".')
            if not fresh:
                return "there was nothing to save"
            where = notes_of.save(self.lanes.recording, fresh, place)
            self._show_notes([notes_of.as_saved(note) for note in self._all_notes])
            return f"{len(fresh)} note{'s' * (len(fresh) > 1)} in {Path(where).name}"

    def shift(self, recording: int, shift_ns: float) -> None:
        """Move a recording that lies over others to the right from where it was recorded; the first is number 0."""
        self.lanes.shift(recording, shift_ns)
        self.show_extent()

    def page(self, columns: int | None = None) -> tuple[str, str]:
        """Return the name and the text of a self-contained HTML page of what is explored."""
        name = f"{Path(self.lanes.sources[0].title).stem}.html"
        return name, page_html(
            self.lanes, columns=columns or COLUMNS, shown=self.window, selected=self.selected, notes=self.notes,
            markers=markers_to_json(self.markers, self), settings=self.settings, trouble=self._trouble,
        )  # fmt: skip

    def to_html(self, path: str | Path, *, columns: int | None = None, overwrite: bool = False) -> Path:
        """Write a self-contained HTML page that shows the same without a kernel."""
        with new_file(path, overwrite=overwrite) as part:
            Path(part).write_text(self.page(columns)[1], "utf-8")
        return local_target(path)

    def close(self) -> None:
        """Take the widget away, and close what `xjls.explore` has opened; twice is harmless."""
        super().close()
        if "lanes" in self.__dict__:  # else it was never made
            self.lanes.close()

    # -- what the browser asks ---------------------------------------------------------------------------------------

    def _on_message(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        told, buffers = answer(self, content)
        self.send(told, buffers)

    def add_note_at(self, at: float, text: str, lane: str | None) -> str:
        """Note a text at a time of the axis; return the note's key."""
        with self._lock:
            self._notes_made += 1
            note = notes_of.new_note(self.lanes, f"a{self._notes_made}", at, lane, text)
            self._show_notes([*self._all_notes, note])
            return note.key

    def forget_note(self, key: str) -> None:
        """Take away a note that was not saved."""
        with self._lock:
            kept = [note for note in self._all_notes if note.key != key or note.saved]
            if len(kept) == len(self._all_notes):
                raise SelectionError(f"there is no unsaved note {key!r}", "What was saved stays in the recording.")
            self._show_notes(kept)

    def show_extent(self) -> None:
        """Tell anew what recordings are now: they grew, or were moved."""
        self.facts = self._facts()
        self.overview = self._tile(*self.lanes.extent, OVERVIEW_COLUMNS)

    def show_new_notes(self) -> None:
        """Show the notes that a growing recording has now, and those that were added."""
        with self._lock:
            fresh = [note for note in self._all_notes if not note.saved]
            there, self._trouble = notes_of.read_notes(self.lanes)
            if len(there) + len(fresh) != len(self._all_notes):
                self._show_notes([*there, *fresh])

    def stop_following(self, why: str) -> None:
        """Say that a recording that grew cannot be read any more."""
        self._trouble = [*self._trouble, f"not followed any more: {why}"]
        self.facts = {**self.facts, "grows": False, "status": self.status}

    # -- traits ------------------------------------------------------------------------------------------------------

    @traitlets.validate("view")
    def _check_view(self, proposal: Mapping[str, Any]) -> slice:
        with refusing():
            return self._as_view(proposal["value"])

    @traitlets.validate("markers")
    def _check_markers(self, proposal: Mapping[str, Any]) -> tuple[Marker, ...]:
        with refusing():
            found = complete_tuple(proposal["value"])
            for marker in found:
                encode(marker, self.lanes.axis, self.lanes.extent)  # or it says what is wrong
            return found

    @traitlets.validate("settings")
    def _check_settings(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        with refusing():
            return checked(proposal["value"], self.lane_keys)

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Mapping[str, Any]) -> slice | None:
        span = proposal["value"]
        with refusing():
            return None if span is None else self._as_view(span)

    @traitlets.observe("markers", "selected")
    def _follow_markers(self, _change: object) -> None:
        chosen = next((one for one in self.markers if one.key == self.selected and one.is_span), None)
        self.selection = chosen.at if chosen else None

    @traitlets.observe("selection")
    def _follow_selection(self, change: Mapping[str, Any]) -> None:
        span, chosen = change["new"], next((one for one in self.markers if one.key == self.selected), None)
        if chosen is not None and chosen.is_span and self._same_span(chosen, span):
            return
        same = next((one for one in self.markers if one.is_span and self._same_span(one, span)), None)
        if span is None:
            self.selected = self.selected if chosen and not chosen.is_span else ""
        elif same is not None:
            self.selected = same.key
        elif chosen is None or not chosen.is_span:
            markers = complete_tuple([*self.markers, Marker(span)])
            self.markers, self.selected = markers, markers[-1].key
        else:
            moved = Marker(span, chosen.label, chosen.key, chosen.color)
            self.markers = tuple(moved if one is chosen else one for one in self.markers)

    def _same_span(self, marker: Marker, span: slice | None) -> bool:
        return bool(self._check_selection({"value": marker.at}) == span)

    # -- what it is made of ------------------------------------------------------------------------------------------

    def _as_view(self, span: Any) -> slice:
        if isinstance(span, tuple) and len(span) == 2:
            span = slice(*span)
        return slice_of(self.lanes.axis, *times_of(self.lanes.axis, span, self.lanes.extent))

    def _facts(self) -> dict[str, Any]:
        facts = self.lanes.facts()
        saves = notes_of.place_of(self.lanes.recording)
        return {**facts, "saves": saves, "status": self.status, "busy_after_ms": BUSY_AFTER_MS}

    def _tile(self, start: float, stop: float, columns: int) -> dict[str, Any]:
        (told, data), numbers = self.lanes.settled(
            lambda: (self.lanes.tile(start, stop, columns), self.lanes.measure(start, stop))
        )
        return {**told, "view": numbers, "data": data}

    def _show_notes(self, notes: list[notes_of.Note]) -> None:
        self._all_notes = notes
        self.notes = [note.to_dict() for note in notes]

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        png = self.picture if self._picture else None
        if png is not None:
            data = {**data, "image/png": base64.b64encode(png).decode()}
        elif self._picture:
            data = {**data, "text/html": glance_html(self.lanes.recording)}
        return {**data, "text/plain": repr(self)}, metadata

    def __repr__(self) -> str:
        lanes = ", ".join(self.lane_keys)
        return f"<xjls.Explorer of {self.lanes.title}: {lanes}>"


def complete_tuple(markers: Iterable[Any]) -> tuple[Marker, ...]:
    """Return markers with keys and colours."""
    return tuple(complete(markers))
