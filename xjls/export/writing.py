"""A table to a file: which format, by the ending of its name; complete, or not there at all."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from xjls.errors import SelectionError
from xjls.export.arrays import require_one_column, write_npy, write_npz
from xjls.export.csv import write_csv
from xjls.export.parquet import require_pyarrow, write_parquet
from xjls.progress import Progress
from xjls.storage.new_file import new_file

if TYPE_CHECKING:
    from xjls.export.table import Table


_GZIP_LEVEL = 4
"""Several times as quick as the default, and some percent larger."""


def write_table(
    table: Table,
    path: str | os.PathLike[str],
    *,
    units: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    option: str = "overwrite=True",
) -> Path:
    """Write a table to a new file, piece by piece, and return its path.

    Parameters
    ----------
    table
        What to write; it knows afterwards what was lost of it.
    path
        A new file; its ending is ``.csv``, ``.csv.gz``, ``.parquet``, ``.npz`` or, for one column, ``.npy``.
    units
        In CSV, whether names are followed by units.
    overwrite
        Whether to replace a file that is there.
    progress
        Called with (rows done, rows in all).
    option
        How the caller says ``overwrite``, for the error.

    Raises
    ------
    SelectionError
        The ending is unknown, or the table is not one that the format holds.
    FileExistsError
        There is such a file, and it is not to be replaced.
    MissingDependencyError
        Parquet needs pyarrow.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.export import make_table
    >>> from xjls.testing import write_demo
    >>> folder = tempfile.mkdtemp()
    >>> recording = xjls.open_recording(write_demo(folder + "/run.jls", seconds=0.1))
    >>> path = write_table(make_table(recording, ["current"], columns=4, statistics=["max"]), folder + "/run.csv")
    >>> print(path.read_text(), end="")
    time,current_max
    2026-03-01T10:00:00.000000000Z,5.031313e-06
    2026-03-01T10:00:00.025000080Z,5.148634e-06
    2026-03-01T10:00:00.050000160Z,5.17845e-06
    2026-03-01T10:00:00.075000240Z,5.066325e-06
    """
    write, require = _FORMATS[_ending(path)]
    require(table)
    with new_file(path, overwrite=overwrite, option=option) as part:
        write(table, part, units, progress)
    return Path(path)


def _csv(table: Table, part: str, units: bool, progress: Progress | None) -> None:
    with Path(part).open("wb") as file:
        write_csv(table, file, units=units, progress=progress)


def _packed_csv(table: Table, part: str, units: bool, progress: Progress | None) -> None:
    # Without name and time of day: the same table makes the same bytes
    with Path(part).open("wb") as file, gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
        write_csv(table, cast("BinaryIO", packed), units=units, progress=progress)


def _any_table(_table: Table) -> None:
    """Refuse nothing."""


_FORMATS: dict[str, tuple[Callable[[Table, str, bool, Progress | None], None], Callable[[Table], object]]] = {
    ".csv": (_csv, _any_table),
    ".csv.gz": (_packed_csv, _any_table),
    ".parquet": (lambda table, part, _, progress: write_parquet(table, part, progress), lambda _: require_pyarrow()),
    ".npz": (lambda table, part, _, progress: write_npz(table, part, progress), _any_table),
    ".npy": (lambda table, part, _, progress: write_npy(table, part, progress), require_one_column),
}
"""By the ending of a file: what writes it, and what raises before that where it cannot."""


def _ending(path: str | os.PathLike[str]) -> str:
    """Return the ending that says the format; raise where it says none."""
    name = Path(path).name
    found = next((ending for ending in _FORMATS if name.lower().endswith(ending)), None)
    if found is None:
        raise SelectionError(f"the name {name!r} does not say what to write", f"Let it end in {', '.join(_FORMATS)}.")
    return found
