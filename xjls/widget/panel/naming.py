"""The names that are offered for recordings: the next one that is free."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from xjls.storage import absolute_path, local_path

NUMBERED = re.compile(r"(?P<stem>.*?)(?:_(?P<number>\d{3,}))?")
FIRST = "run_001.zarr"


def is_there(path: str) -> bool:
    """Whether there is something of a name on this machine; of what is elsewhere nobody asks."""
    return local_path(path) is not None and Path(absolute_path(path)).exists()


def free_name(path: str) -> str:
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
    if not is_there(path):
        return path
    place = PurePath(path)
    stem = _parts(place.stem)[0]
    alike = [_parts(one.stem) for one in Path(absolute_path(path)).parent.glob(f"*{place.suffix}")]
    number = 1 + max((found for name, found in alike if name == stem), default=0)
    return str(place.with_name(f"{stem}_{number:03d}{place.suffix}"))


def _parts(stem: str) -> tuple[str, int]:
    """Return a name without its number, and that, 0 where it has none."""
    found = NUMBERED.fullmatch(stem)
    return (stem, 0) if found is None else (found["stem"], int(found["number"] or 0))
