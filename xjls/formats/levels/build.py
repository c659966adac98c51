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
from xjls.formats.levels.layout import KEY, Record, SignalRecord, encode_record
from xjls.formats.levels.opening import SUFFIX, look
from xjls.formats.levels.pieces import PIECE_ENTRIES, SignalBuild
from xjls.formats.registry import open_recording
from xjls.formats.zarr.naming import array_name
from xjls.formats.zarr.opening import ROOT
from xjls.storage import absolute_path, local_path
from xjls.storage.new_file import local_target

if TYPE_CHECKING:
    from xjls.model.documents import Document
    from xjls.model.recording import Recording
    from xjls.model.window import Gap
    from xjls.progress import Progress

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def build_levels(
    path: str | os.PathLike[str],
    *,
    to: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: Progress | None = None,
    workers: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    format_options: Mapping[str, Any] | None = None,
) -> str:
    """Build the summary levels of a recording whose format has none, in one pass over its samples.

    They go into a folder beside the file, a sidecar, which every door of xjls uses from then on, as long as the file
    stays as it is. Mean, standard deviation, minimum and maximum are those that other formats have. A build that was
    killed is gone on with by the next call. The file itself is not touched.

    Parameters
    ----------
    path
        The recording.
    to
        Where to put the sidecar, a folder that is made; by default ``<path>.levels.zarr``, where it is looked for.
    force
        Whether to build what is there, and fits, anew.
    progress
        Called with (samples done, samples in all) now and then.
    workers
        Threads; by default as many as there are processors.
    storage_options, format_options
        As of `open_recording`.

    Returns
    -------
    str
        Where the sidecar is; it may have been there already.

    Raises
    ------
    SelectionError
        There is nothing to build: signals have levels, or are shorter than an entry. Or the recording is a folder, or
        has an address, and ``to`` does not say where on this machine its levels go.
    FormatError
        The file changed meanwhile.
    FileExistsError
        What is there is no sidecar.
    OSError
        There is no room, or nothing may be written there: then nothing is left of it.

    Examples
    --------
    >>> import tempfile, xjls
    >>> import numpy as np
    >>> from xjls.testing.picostream import write_picostream
    >>> path = write_picostream(tempfile.mkdtemp() + "/run.hdf5", np.arange(20_000, dtype="i2"))
    >>> sidecar = xjls.build_levels(path)
    >>> recording = xjls.open_recording(path)
    >>> [level.factor for level in recording.signal("channel_a").levels], recording.read_level("channel_a", 1, (0, 1))
    ([256, 5120], array([[127.5    ,  73.90027,   0.     , 255.     ]], dtype=float32))
    """
    name = absolute_path(os.fspath(path))
    place = place_of(name, to)
    with open_recording(
        name, on_damage="gap", storage_options=storage_options, format_options=format_options, sidecar=False
    ) as recording:
        build(recording, place, force=force, progress=progress, workers=workers, storage_options=storage_options)
    return str(place)


def place_of(path: str, to: str | os.PathLike[str] | None) -> Path:
    """Return where the sidecar of a recording goes, links resolved."""
    if to is None and local_path(path) is None:
        raise SelectionError(
            f"levels are built on this machine, and {path} is not on it", "Say where they go, with to= or --to."
        )
    return local_target(path + SUFFIX if to is None else to).resolve()


def build(
    recording: Recording, place: Path, *, force: bool = False, progress: Progress | None = None,
    workers: int | None = None, storage_options: Mapping[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Build the levels of a recording; return whether there was anything to do. See `build_levels`."""
    records = _records(recording)
    file = Fingerprint.of(recording.path, storage_options)
    _require_replaceable(place)
    if not force and _fits(recording, place, storage_options):
        return False
    with _explained(place), Journal(place.with_name(f".{place.name}.part")) as journal:
        try:
            # While the journal was waited for, another builder may have finished
            if wanted := force or not _fits(recording, place, storage_options):
                journal.begin(_plan(recording, file, records))
                gaps = _build_signals(recording, records, journal, progress, workers)
                _require_unchanged(recording.path, file, storage_options)
                write_documents(journal.folder, recording, file, records, gaps)
                journal.finish()
                _put(journal.folder, place)
            else:
                journal.discard()
        except Exception:
            journal.discard()
            raise
    return wanted


def _records(recording: Recording) -> list[SignalRecord]:
    """Return what is said of the signals that lack levels; raise where none does."""
    records: list[SignalRecord] = []
    lacking = [one for one in recording.signals.values() if one.has_samples and not one.level_factors]
    for signal in lacking:
        record = SignalRecord.of(signal, array_name(signal.name, [one.array for one in records]))
        records += [record] if record.factors else []
    if records:
        return records
    if not lacking:
        raise SelectionError(f"there is nothing to build: no signal of {recording.path} lacks levels")
    shortest = min(SignalRecord.of(signal, "").all_factors[0] for signal in lacking)
    raise SelectionError(
        f"there is nothing to build: no signal of {recording.path} is as long as an entry of level 1, which covers"
        f" {shortest} samples or more"
    )


def _build_signals(
    recording: Recording, records: list[SignalRecord], journal: Journal, progress: Progress | None, workers: int | None
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
            one = SignalBuild(recording._reader, recording.signal(record.name), record, number, journal)
            gaps[record.name] = one.run(pool, 2 * n_threads, advance)
    return gaps


def _plan(recording: Recording, file: Fingerprint, records: list[SignalRecord]) -> Document:
    """Return what must be the same for a build to be gone on with."""
    record = Record(file=file, format=recording.format, signals=tuple(records), gaps={})
    return encode_record(record) | {"piece_entries": PIECE_ENTRIES}


def _fits(recording: Recording, place: Path, storage_options: Mapping[str, Any] | None) -> bool:
    """Return whether there is a sidecar that fits the recording already."""
    found = look(recording._reader, recording.path, str(place), storage_options)
    if isinstance(found, str):
        return False
    found.close()
    return True


def _require_unchanged(path: str, file: Fingerprint, storage_options: Mapping[str, Any] | None) -> None:
    if Fingerprint.of(path, storage_options) != file:
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
        if error.errno not in _NO_ROOM | _NOT_ALLOWED:
            raise
        what = "there is no room for the levels" if error.errno in _NO_ROOM else "levels cannot be put there"
        problem = f"{os.strerror(error.errno)}: {what}. Say where else they go, with to= or --to"
        raise type(error)(error.errno, problem, str(place)) from error
