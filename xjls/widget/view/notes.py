"""Notes: the annotations of a recording as they are shown, those that are added, and where they are saved.

A recording that is looked at is never written, until somebody says save. Then notes go into the recording's own store,
behind what is there; or into a sidecar beside it, ``run.anno.jls`` for ``run.jls``, a JLS file with annotations and no
samples, which Joulescope's programs read as well. Sidecars are read with the recording.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from xjls.errors import DamageWarning, SelectionError
from xjls.formats import continue_recording
from xjls.formats.notes import read_beside, write_beside
from xjls.formats.warning import warn
from xjls.model.annotation import Annotation, text_at
from xjls.plot.wording import words
from xjls.storage import local_path
from xjls.widget.view.wire import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def read_notes(view: View) -> tuple[list[Note], list[str]]:
    """Return the annotations of a view's first recording and of its sidecars, those whose time is known.

    Returns
    -------
    tuple
        The notes, and a sentence on each sidecar that could not be read, or not whole: what of it can is in the notes.
    """
    beside, trouble = read_beside(view.recording)
    told = [*view.recording.annotations, *beside]
    unique = {(n.signal, n.sample_id, n.time_ns, n.kind, str(n.data)): n for n in told}
    placed = ((note, *_place(view, note)) for note in unique.values())
    notes = [Note(f"n{i}", note, at, lane) for i, (note, at, lane) in enumerate(placed) if at is not None]
    return notes, trouble


def warn_of(trouble: Iterable[str]) -> None:
    """Warn of sidecars that could not be read, or not whole."""
    for text in trouble:
        warn(f"{text}; notes in it may be missing", DamageWarning)


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
    return str(write_beside(recording, [note.annotation for note in notes]))


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
