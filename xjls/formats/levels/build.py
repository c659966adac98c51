"""The levels of a recording, built into a sidecar in one pass over its samples.

The flow: what a recording lacks → a folder beside the place where it goes, and its journal → signal by signal, the
levels → what the sidecar says of itself → its name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.errors import FormatError, SelectionError
from xjls.formats.levels.describing import write_documents
from xjls.formats.levels.freshness import Fingerprint
from xjls.formats.levels.journal import Journal
from xjls.formats.levels.layout import KEY, SidecarRecord, SidecarSignal, encode_record
from xjls.formats.levels.opening import SUFFIX, UnfitError, look
from xjls.formats.levels.pieces import SignalBuild
from xjls.formats.zarr.naming import array_name
from xjls.formats.zarr.opening import ROOT

if TYPE_CHECKING:
    from xjls.model.documents import Document
    from xjls.model.recording import Recording
    from xjls.model.window import Gap
    from xjls.progress import Progress

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNWRITABLE = _NO_ROOM | {errno.EACCES, errno.EPERM, errno.EROFS}


def build(
    recording: Recording, place: Path, *, force: bool = False, progress: Progress | None = None,
    workers: int | None = None, storage_options: Mapping[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Build the levels of a recording; return whether there was anything to do. See `xjls.build_levels`."""
    if workers is not None and workers < 1:
        raise SelectionError(f"workers={workers} build nothing", "Give 1 or more, or None for one a processor.")
    records = _records(recording)
    file = Fingerprint.of(recording.path, storage_options)
    _require_replaceable(place)
    if not force and _fits(recording, place, storage_options):
        return False
    with _explained(place), Journal(place.with_name(f".{place.name}.part")) as journal:
        # While the journal was waited for, another builder may have finished
        if not force and _fits(recording, place, storage_options):
            journal.discard()
            return False
        try:
            journal.begin(_plan(file, records))
            gaps = _build_signals(recording, records, journal, progress, workers)
            _require_unchanged(recording.path, file, storage_options, journal)
            write_documents(journal.folder, recording, file, records, gaps)
            journal.finish()
            _put(journal.folder, place)
        except OSError as error:
            # Whatever else goes wrong, as a network: the next call goes on
            if error.errno in _UNWRITABLE:
                journal.discard()
            raise
    return True


def _records(recording: Recording) -> list[SidecarSignal]:
    """Return what is said of the signals that lack levels; raise where none does."""
    records: list[SidecarSignal] = []
    lacking = [one for one in recording.signals.values() if one.is_series and not one.level_factors]
    for signal in lacking:
        record = SidecarSignal.of(signal, array_name(signal.name, [one.array for one in records]))
        records += [record] if record.factors else []
    if records:
        return records
    axes = list(dict.fromkeys(one.axis for one in recording.signals.values() if one.axis))
    if axes and not any(one.is_series for one in recording.signals.values()):
        raise SelectionError(
            f"there is nothing to build: {recording.path} has no series in time, and levels are of such; its signals"
            f" are by {' and by '.join(axes)}"
        )
    if not lacking:
        raise SelectionError(f"there is nothing to build: no signal of {recording.path} lacks levels")
    shortest = min(SidecarSignal.of(signal, "").all_factors[0] for signal in lacking)
    raise SelectionError(
        f"there is nothing to build: no signal of {recording.path} is as long as an entry of level 1, which covers"
        f" {shortest} samples or more"
    )


def _build_signals(
    recording: Recording, records: list[SidecarSignal], journal: Journal, progress: Progress | None, workers: int | None
) -> dict[str, list[Gap]]:
    """Build the levels of one signal after the other; return the gaps of each."""
    done, total, gaps = 0, sum(record.cuts[0].length * record.factors[0] for record in records), {}

    def advance(samples: int) -> None:
        nonlocal done
        done += samples
        if progress is not None:
            progress(done, total)

    n_threads = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(n_threads, "levels") as pool:
        for number, record in enumerate(records):
            one = SignalBuild(recording.reader, recording.signal(record.name), record, number, journal)
            gaps[record.name] = one.run(pool, 2 * n_threads, advance)
    return gaps


def _plan(file: Fingerprint, records: list[SidecarSignal]) -> Document:
    """Return what must be the same for a build to be gone on with."""
    record = SidecarRecord(file=file, signals=tuple(records), gaps={})
    return encode_record(record) | {"piece_entries": records[0].piece_entries}


def _fits(recording: Recording, place: Path, storage_options: Mapping[str, Any] | None) -> bool:
    """Return whether there is a sidecar that fits the recording already."""
    try:
        look(recording.reader, recording.path, str(place), storage_options).close()
    except UnfitError:
        return False
    return True


def _require_unchanged(
    path: str, file: Fingerprint, storage_options: Mapping[str, Any] | None, journal: Journal
) -> None:
    """Refuse to finish what was built of a file that is another one now, and leave nothing of it."""
    if Fingerprint.of(path, storage_options) != file:
        journal.discard()
        raise FormatError(
            "the file was changed while its levels were built, which would not fit it", path,
            remedy="Build them again when its writer has closed it.",
        )  # fmt: skip


def _require_replaceable(place: Path) -> None:
    """Refuse to replace what is no sidecar: a slip must not cost someone's folder."""
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    root = place / ROOT
    if not root.is_file() or not (place.name.endswith(SUFFIX) or KEY.encode() in root.read_bytes()):
        raise FileExistsError(f"{place} exists, and is no sidecar. Choose another name, or remove it yourself.")


def _put(part: Path, place: Path) -> None:
    """Give what was built its name, in the place of what may be there."""
    # A folder that is not empty cannot be replaced in one step
    aside = part.with_suffix(".old")
    shutil.rmtree(aside, ignore_errors=True)
    if place.exists():
        place.rename(aside)
    part.rename(place)
    shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Say what to do where the disk is full, or nothing may be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        what = "there is no room for the levels" if error.errno in _NO_ROOM else "levels cannot be put there"
        problem = f"{os.strerror(error.errno)}: {what}. Say where else they go, with to= or --to"
        raise type(error)(error.errno, problem, str(place)) from error
