"""The names that are offered for recordings, and those that are taken: the next one that is free."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from xjls.capturing.target import is_taken
from xjls.errors import SelectionError
from xjls.storage import absolute_path, local_path

NUMBERED = re.compile(r"(?P<stem>.*?)(?:_(?P<number>\d{3,}))?")
FIRST = "run_001.zarr"


def is_there(path: str, storage_options: Mapping[str, Any] | None = None) -> bool:
    """Whether there is something of a name, on this machine or elsewhere: then a round trip or two are needed."""
    if local_path(path) is None:
        return is_taken(path, storage_options)
    return Path(absolute_path(path)).exists()


def offered_name(path: str) -> str:
    """Return a name to offer: a free one where that is seen at once; of what is elsewhere nobody asks yet."""
    if local_path(path) is None:
        return path
    try:
        require_name(path)
        return free_name(path)
    except (OSError, SelectionError):  # nobody may look there, or it is no name: who records there is told so
        return path


def require_name(path: str) -> None:
    """Raise SelectionError unless a recording can be called that."""
    if "\0" in path or PurePath(path).name in ("", ".", ".."):
        raise SelectionError(f"{path!r} is no name of a recording", "Give one, as run.zarr or run.jls.")


def free_name(path: str, storage_options: Mapping[str, Any] | None = None) -> str:
    """Return a name that is free: the one given, or the same with the next number.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("run.zarr", "run_007.zarr"):
    ...     (folder / name).mkdir()
    >>> [pathlib.Path(free_name(str(folder / name))).name for name in ("new.jls", "run.zarr", "run_007.zarr")]
    ['new.jls', 'run_008.zarr', 'run_008.zarr']
    """
    path = path.rstrip("/")
    if not is_there(path, storage_options):
        return path
    place = PurePath(path)
    stem = _parts(place.stem)[0]
    alike = [_parts(PurePath(name).stem) for name in _beside(path, storage_options) if name.endswith(place.suffix)]
    number = 1 + max((found for name, found in alike if name == stem), default=0)
    # As a text: a path would make one slash of the two of an address
    return f"{path.removesuffix(place.name)}{stem}_{number:03d}{place.suffix}"


def _beside(path: str, storage_options: Mapping[str, Any] | None) -> Iterable[str]:
    """Return the names of all that is in the same folder."""
    if local_path(path) is not None:
        return [one.name for one in Path(absolute_path(path)).parent.iterdir()]
    from xjls.storage.remote import file_system_of

    fs, key = file_system_of(path, storage_options)
    return [PurePath(one).name for one in fs.ls(key.rpartition("/")[0], detail=False, refresh=True)]


def _parts(stem: str) -> tuple[str, int]:
    """Return a name without its number, and that, 0 where it has none."""
    found = NUMBERED.fullmatch(stem)
    return (stem, 0) if found is None else (found["stem"], int(found["number"] or 0))
