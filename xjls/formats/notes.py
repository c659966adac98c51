"""Notes beside a recording: sidecars, JLS files with annotations and no samples, as Joulescope's programs have them.

``run.anno.jls`` is that of ``run.jls``, ``run.zarr.anno.jls`` that of ``run.zarr``; then comes ``run.anno2.jls`` and so
on. Nothing that is there is ever lost: a sidecar that is damaged, or not of xjls, stays as it is, and new notes go
into the next one.

Sample ids in a sidecar of xjls are those of the recording, which a record of user data says; ties tell everybody else
when they were. Sidecars of other programs count on a grid of their own: there the time counts.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from xjls.errors import DamageWarning, FormatError, XjlsError
from xjls.formats.carry import placed
from xjls.formats.jls2.reader import open_jls2
from xjls.formats.jls2.sink import new_jls2, resume_jls2
from xjls.formats.warning import warn
from xjls.model.annotation import Tie, UserData
from xjls.storage import local_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from xjls.formats.jls2.sink import Jls2Sink
    from xjls.model.annotation import Annotation, Json
    from xjls.model.recording import Recording
    from xjls.model.signal import Signal

NOTES_META = 0x6A7
"""The number of the record that says whose sample ids a sidecar has."""
_MARK: Json = {"xjls_notes": {"sample_ids": "recording"}}


def sidecar_of(recording: Recording, number: int = 1) -> Path:
    """Return where a recording's sidecar is, or would be: the first one, or another.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> sidecar_of(recording).name, sidecar_of(recording, 2).name
    ('run.anno.jls', 'run.anno2.jls')
    """
    path = Path(local_path(recording.path) or recording.path).expanduser()
    return path.with_name(f"{path.name.removesuffix('.jls')}.anno{'' if number == 1 else number}.jls")


def sidecars(recording: Recording) -> list[Path]:
    """Return the sidecars that are there, in the order in which notes went into them."""
    if local_path(recording.path) is None:
        return []
    own = sidecar_of(recording)
    named = re.compile(rf"{re.escape(own.name.removesuffix('.anno.jls'))}\.anno(\d*)\.jls")
    try:
        found = [(int(told[1] or 1), path) for path in own.parent.iterdir() if (told := named.fullmatch(path.name))]
    except OSError:  # the folder cannot be listed, or is not there
        return []
    return [path for _, path in sorted(found)]


def notes_beside(recording: Recording) -> list[Annotation]:
    """Read the notes of all sidecars of a recording, in their order; warn of those that are damaged.

    Sample ids and times are those of the recording, as far as it has them.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.model.annotation import text_at
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> write_beside(recording, [text_at("current", 5, "here")]).name
    'run.anno.jls'
    >>> [(note.signal, note.sample_id, note.data) for note in notes_beside(recording)]
    [('current', 5, 'here')]
    """
    notes, trouble = read_beside(recording)
    for text in trouble:
        warn(f"{text}; notes in it may be missing", DamageWarning)
    return notes


def read_beside(recording: Recording) -> tuple[list[Annotation], list[str]]:
    """Return what `notes_beside` does, and a sentence on each sidecar that could not be read, or not all of it."""
    trouble: list[str] = []
    return [note for path in sidecars(recording) for note in _notes_in(path, recording, trouble)], trouble


def write_beside(recording: Recording, notes: Sequence[Annotation]) -> Path:
    """Write notes into a recording's sidecar, and return where it is.

    A new one appears whole, one that is there is gone on with. One that is damaged, cannot be written, or is not of
    xjls is left as it is: notes go into the next one then.

    Raises
    ------
    SelectionError
        A note has neither a sample id nor a time, or JLS cannot hold it; or the recording is not on this machine.
    OSError
        What the medium says.
    """
    notes = [placed(recording, note) for note in notes]
    path, is_new, sink = next(_usable(recording))
    with sink as to:
        if is_new:
            _begin(to, recording)
        _write(to, recording, notes)
    return path


def _open(path: Path) -> Recording:
    return open_jls2(os.fspath(path), storage_options=None, on_damage="gap", verify=True)


def _notes_in(path: Path, recording: Recording, trouble: list[str]) -> list[Annotation]:
    """Return what can be read of a sidecar, by the recording's sample ids; say what cannot."""
    try:
        with _open(path) as beside:
            notes = [_of(recording, beside, note) for note in beside.annotations]
            damage = beside.status.damage
    except FormatError as error:
        trouble.append(_told(path, error.problem, error.offset))
        return []
    except (XjlsError, OSError) as error:  # whatever it is: the recording itself is there
        trouble.append(f"{path.name} cannot be read: {error}")
        return []
    if damage:
        trouble.append(_told(path, damage[0].problem, damage[0].offset))
    return notes


def _told(path: Path, problem: str, offset: int) -> str:
    return f"{path.name} is damaged{f' at byte {offset:_}' if offset >= 0 else ''}: {problem}"


def _of(recording: Recording, beside: Recording, note: Annotation) -> Annotation:
    """Return a note of a sidecar by the recording's sample ids and clock; by time alone where the ids are others."""
    if note.sample_id is None:
        return note
    if not _counts_alike(recording, beside, note.signal):
        return placed(recording, replace(note, sample_id=None))
    clock = recording.clock(note.signal)
    return replace(note, time_ns=clock.time(note.sample_id) if clock.utc else None)


def _counts_alike(recording: Recording, beside: Recording, name: str) -> bool:
    """Whether a sample id of a signal means the same in a sidecar as in the recording."""
    if name not in recording.signals or recording.signal(name).rate_hz != beside.signal(name).rate_hz:
        return False
    return _is_marked(beside) or not beside.ties(name)


def _is_marked(beside: Recording) -> bool:
    return any(record.meta == NOTES_META and record.data == _MARK for record in beside.user_data)


def _usable(recording: Recording) -> Iterator[tuple[Path, bool, AbstractContextManager[Jls2Sink]]]:
    """Yield the sidecars that take notes, in order: where, whether it is new, as where a name is free, and its sink."""
    for number in count(1):
        path = sidecar_of(recording, number)
        if not os.path.lexists(path):
            yield path, True, _new(path)
        elif (sink := _behind(path, recording)) is not None:
            yield path, False, sink


def _new(path: Path) -> AbstractContextManager[Jls2Sink]:
    return new_jls2(os.fspath(path), overwrite=False, option="overwrite=True", codec=None, storage_options=None)


def _behind(path: Path, recording: Recording) -> Jls2Sink | None:
    """Return a sink that goes on with a sidecar; None where that is better left as it is."""
    try:
        with _open(path) as beside:
            told = {note.signal for note in beside.annotations} | set(beside.signals)
            alike = all(_counts_alike(recording, beside, name) for name in told - {""})
            if beside.status.damage or not alike or not _is_marked(beside):
                return None
        return resume_jls2(os.fspath(path))
    except (FormatError, OSError):
        return None


def _begin(to: Jls2Sink, recording: Recording) -> None:
    """Write what a new sidecar has before its notes."""
    signals = recording.signals.values()
    for source in ({s.id: s for s in recording.sources} | {s.source.id: s.source for s in signals}).values():
        to.add_source(source)
    to.add_user_data(UserData(meta=NOTES_META, data=_MARK))


def _write(to: Jls2Sink, recording: Recording, notes: Sequence[Annotation]) -> None:
    for name in dict.fromkeys(note.signal for note in notes if note.signal not in to.names):
        signal = recording.signal(name)
        to.add_signal_of_ids(signal)
        for tie in _ties(recording, signal):
            to.tie(name, tie)
    for note in notes:
        to.annotate(note)


def _ties(recording: Recording, signal: Signal) -> list[Tie]:
    """Return the ties with which others find the time of a signal's samples, from the first to the last one."""
    if not signal.length or not (clock := recording.clock(signal.name)).utc:
        return []
    own = {tie.sample_id for tie in recording.ties(signal.name)}
    return [Tie(sample_id=at, time_ns=clock.time(at)) for at in sorted({*own, signal.first_id, signal.window.stop - 1})]
