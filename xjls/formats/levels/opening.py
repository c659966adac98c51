"""Where the sidecar of a recording is, and whether it is used; loads the rest where there is one.

A sidecar that does not fit is ignored, with one warning that says what differs and what to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from xjls.errors import FormatError
from xjls.formats.zarr.opening import ROOT
from xjls.storage import absolute_path, local_path

if TYPE_CHECKING:
    from xjls.formats.levels.reader import LevelledReader
    from xjls.formats.levels.sidecar import Sidecar
    from xjls.model.reader import Reader
    from xjls.model.recording import Recording

WhichSidecar: TypeAlias = "str | os.PathLike[str] | Literal[False] | None"
"""None for the one beside the file, if there is one; False for none; or where it is."""

SUFFIX = ".levels.zarr"
"""Of a recording's name, in that of its sidecar."""


class UnfitError(Exception):
    """A sidecar is not used: the message says why, as a clause."""


def with_levels(
    recording: Recording, which: WhichSidecar, storage_options: Mapping[str, Any] | None = None
) -> Recording:
    """Return a recording that was just opened with the levels of its sidecar, if there is one that fits.

    Raises
    ------
    FileNotFoundError
        There is no sidecar where one is said to be.
    """
    path = recording.path
    try:
        place = _place(path, which, storage_options)
        if place is None:
            return recording
        try:
            reader = _levelled(recording.reader, path, place, storage_options)
        except UnfitError as problem:
            _warn(path, place, problem, beside=which is None)
            return recording
    except BaseException:
        recording.close()
        raise
    return recording.wrapped(open_levelled, reader, sidecar=place)


def open_levelled(path: str, *, opener: Callable[..., Reader], options: Mapping[str, Any], sidecar: str) -> Reader:
    """Open a recording's reader and the sidecar with it; without it where that does not fit any more."""
    reader = opener(path, **options)
    try:
        return _levelled(reader, path, sidecar, options.get("storage_options"))
    except UnfitError:
        return reader
    except BaseException:
        reader.close()
        raise


def look(
    reader: Reader, path: str, place: str, storage_options: Mapping[str, Any] | None, *, probe: bool = False
) -> Sidecar:
    """Return the sidecar of a recording; raise `UnfitError` where it is none.

    With ``probe`` the file's content is looked at even where its size and time are those that it had.
    """
    from xjls.formats.levels.sidecar import Sidecar

    try:
        sidecar = Sidecar(place, storage_options)
    except FormatError as error:
        raise UnfitError(error.problem) from error
    except OSError as error:
        raise UnfitError(f"it cannot be read ({error.strerror or error})") from error
    problem = sidecar.record.file.differs(path, storage_options, probe=probe)
    for name, levels in sidecar.signals.items():
        if not problem and not (name in reader.names and levels.fits(reader.describe(name))):
            problem = f"they were built of another signal {name!r} than the recording has"
    if problem:
        sidecar.close()
        raise UnfitError(problem)
    return sidecar


def _levelled(reader: Reader, path: str, place: str, storage_options: Mapping[str, Any] | None) -> LevelledReader:
    from xjls.formats.levels.reader import LevelledReader

    return LevelledReader(reader, look(reader, path, place, storage_options))


def _place(path: str, which: WhichSidecar, storage_options: Mapping[str, Any] | None) -> str | None:
    """Return where a sidecar is; None where there is none, or none is wanted."""
    if which is False:
        return None
    if which is not None:
        place = absolute_path(os.fspath(which)).rstrip("/")
        if not _is_there(place, storage_options):
            raise FileNotFoundError(f"there is no sidecar {place}. Build one: xjls index {path} --to {place}")
        return place
    beside = [path + SUFFIX]
    if local_path(path) is not None and os.path.islink(path):  # noqa: PTH114 - opening must not wait for a Path
        beside.append(os.path.realpath(path) + SUFFIX)
    return next((place for place in beside if _is_there(place, storage_options)), None)


def _is_there(place: str, storage_options: Mapping[str, Any] | None) -> bool:
    if local_path(place) is not None:
        return os.path.isfile(f"{place}/{ROOT}")  # noqa: PTH113 - as above
    from xjls.storage import open_storage

    try:
        open_storage(f"{place}/{ROOT}", storage_options).close()
    except OSError:
        return False
    return True


def _warn(path: str, place: str, problem: UnfitError, *, beside: bool) -> None:
    from xjls.formats.warning import warn

    how = f"xjls index {path}" if beside else f"xjls index {path} --to {place}"
    warn(f"the levels in {place} are not used: {problem}. Build them again: {how}")
