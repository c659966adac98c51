"""Notes: the annotations of a recording as they are shown, those that are added, and where they are saved.

A recording that is looked at is never written, until somebody says save. Then notes go into the recording's own store,
behind what is there; or into a sidecar beside it, ``run.anno.jls`` for ``run.jls``, a JLS file with annotations and no
samples, which Joulescope's programs read as well. Sidecars are read with the recording.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from xjls.errors import SelectionError, XjlsError
from xjls.formats import continue_recording, new_recording, open_recording
from xjls.model.annotation import Annotation, text_at
from xjls.plot.wording import words
from xjls.storage import local_path
from xjls.widget.view.wire import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xjls.model.recording import Recording
    from xjls.widget.view.view import View

Place: TypeAlias = Literal["store", "sidecar"]

MOST_LETTERS = 10_000

_KINDS = {"vertical_marker": "vertical", "horizontal_marker": "horizontal"}


@dataclass(frozen=True, slots=True)
class Note:
    """One annotation on the axis of a view."""

    key: str
    annotation: Annotation
    time: float
    """On the axis."""
    lane: str | None
    """Key of its lane; None: the whole recording."""
    saved: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return it as the browser gets it."""
        note = self.annotation
        return {
            "key": self.key, "x": self.time, "lane": self.lane, "text": words(note.data), "y": number(note.y),
            "kind": _KINDS.get(note.kind, "text"), "saved": self.saved,
        }  # fmt: skip


def notes_of(view: View) -> list[Note]:
    """Return the annotations of a view's first recording and of its sidecars, those whose time is known."""
    recording = view.recording
    told = [*recording.annotations, *(note for path in sidecars(recording) for note in _of_sidecar(path))]
    unique = {(n.signal, n.sample_id, n.time_ns, n.kind, str(n.data)): n for n in told}
    placed = ((note, *_place(view, note)) for note in unique.values())
    return [Note(f"n{i}", note, at, lane) for i, (note, at, lane) in enumerate(placed) if at is not None]


def new_note(view: View, key: str, time: float, lane: str | None, text: str) -> Note:
    """Return a text at a time: of a lane's signal, at its next sample, or of the whole recording."""
    if not text.strip():
        raise SelectionError("a note without a word says nothing", "Write some.")
    if len(text) > MOST_LETTERS or (not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text)):
        raise SelectionError("a note is a text of some thousand letters at most", "Write less, and letters only.")
    if lane is None:
        if not view.axis.utc:
            raise SelectionError("a note on all lanes needs UTC, which this recording does not know", "Choose a lane.")
        moment = round(time) + view.axis.origin_ns
        return Note(key, text_at("", None, text, time_ns=moment), time, None, saved=False)
    track = view.lane(lane).tracks[0]
    window = track.samples
    at = min(max(track.first_at_or_after(time), window.start), max(window.stop - 1, window.start))
    moment_ns = track.clock.time(at) if view.axis.utc else None
    note = text_at(track.signals[0], at, text, time_ns=moment_ns)
    return Note(key, note, float(track.times(at)), lane, saved=False)


def place_of(recording: Recording) -> Place | Literal[""]:
    """Return where notes of a recording are saved if nothing is said: its store, a sidecar, or nowhere.

    Stores take them themselves, when nobody writes them any more; files of instruments are left as they are. Notes go
    nowhere where the recording is in memory, or not on this machine.
    """
    path = local_path(recording.path)
    if path is None or not Path(path).expanduser().exists():
        return ""
    return "store" if recording.format == "Zarr" and recording.was_closed else "sidecar"


def save(recording: Recording, notes: Sequence[Note], to: Place) -> str:
    """Write notes, and return where they are now.

    Raises
    ------
    SelectionError
        The recording is not on this machine.
    OSError
        What the medium says.
    """
    if not place_of(recording):
        raise SelectionError(f"{recording.path} is on no disk of this machine: notes cannot go there", "Convert it.")
    if to == "store":
        with continue_recording(recording.path) as sink:
            for note in notes:
                sink.annotate(note.annotation)
        return recording.path
    path = sidecar_of(recording)
    _save_beside(recording, notes, path)
    return str(path)


def sidecar_of(recording: Recording) -> Path:
    """Return where a recording's sidecar is, or would be: ``run.anno.jls``, and ``run.zarr.anno.jls`` of a store."""
    path = Path(local_path(recording.path) or recording.path).expanduser()
    return path.with_name(f"{path.name.removesuffix('.jls')}.anno.jls")


def sidecars(recording: Recording) -> list[Path]:
    """Return the sidecars that are there, by name: ``run.anno.jls``, ``run.anno2.jls`` and so on."""
    if local_path(recording.path) is None:
        return []
    own = sidecar_of(recording)
    named = re.compile(rf"{re.escape(own.name.removesuffix('.anno.jls'))}\.anno\d*\.jls")
    try:
        return sorted(path for path in own.parent.iterdir() if named.fullmatch(path.name))
    except OSError:  # the folder cannot be listed, or is not there
        return []


def _of_sidecar(path: Path) -> Iterator[Annotation]:
    try:
        with open_recording(path, on_damage="gap") as beside:
            yield from beside.annotations
    except (XjlsError, OSError):  # whatever it is: the recording itself is there
        return


def _save_beside(recording: Recording, notes: Sequence[Note], path: Path) -> None:
    """Write notes to a sidecar: a new one appears whole, one that is there is gone on with."""
    if path.exists():
        with continue_recording(path) as sink:
            with open_recording(path) as beside:
                there = {"", *beside.signals}
            for name in dict.fromkeys(n.annotation.signal for n in notes if n.annotation.signal not in there):
                sink.add_signal(recording.signal(name))
            for note in notes:
                sink.annotate(note.annotation)
        return
    with new_recording(path) as sink:
        for source in recording.sources:
            sink.add_source(source)
        for name in dict.fromkeys(note.annotation.signal for note in notes if note.annotation.signal):
            sink.add_signal(recording.signal(name))
        for note in notes:
            sink.annotate(note.annotation)


def _place(view: View, note: Annotation) -> tuple[float | None, str | None]:
    """Return the time of an annotation on the axis, and the key of its lane."""
    lane = next((one for one in view.lanes if note.signal in one.tracks[0].signals), None)
    track = (lane or view.lanes[0]).tracks[0]
    if note.sample_id is not None and lane is not None:
        return float(track.times(note.sample_id)), lane.key
    if note.time_ns is None or not (view.axis.utc or track.clock.utc):
        return None, None
    zero = view.axis.origin_ns if view.axis.utc else track.zero_ns
    return float(note.time_ns - zero), lane.key if lane else None


def as_saved(note: Note) -> Note:
    """Return a note that was saved."""
    return replace(note, saved=True)
