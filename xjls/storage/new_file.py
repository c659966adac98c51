"""New files: they are on this machine, and appear under their name when they are complete."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from xjls.errors import SelectionError
from xjls.storage import local_path


@contextlib.contextmanager
def new_file(path: str | os.PathLike[str], *, overwrite: bool, option: str = "overwrite=True") -> Iterator[str]:
    """Give the place for a file that appears under its name when it is complete; what fails leaves nothing behind.

    Raises
    ------
    SelectionError
        It is an address.
    FileNotFoundError
        Its folder is not there: none is made.
    FileExistsError
        There is such a file, and it is not to be replaced: the message names the ``option`` that does. Folders never
        are.
    """
    target = local_target(path)
    if target.is_dir():
        raise FileExistsError(f"{target} is a folder. Choose another name.")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists. Choose another name, or say {option}.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield str(part)
        part.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def local_target(path: str | os.PathLike[str]) -> Path:
    """Return where on this machine something is to be written: ``~`` is resolved, and the folder is there.

    Raises
    ------
    SelectionError
        It is an address.
    FileNotFoundError
        There is no such folder; the error names it as the caller did.

    Examples
    --------
    >>> local_target("file:///tmp/run.jls").as_posix()
    '/tmp/run.jls'
    """
    local = local_path(path)
    if local is None:
        raise SelectionError(
            f"single files are written to local disks, and {os.fspath(path)} is on none",
            "Write it there and copy it, or write a Zarr store.",
        )
    target = Path(os.path.expanduser(local))  # noqa: PTH111 - leaves ~nobody as it is, where a Path raises
    if not target.parent.is_dir():
        problem = f"{os.strerror(errno.ENOENT)}. Make that folder first"
        raise FileNotFoundError(errno.ENOENT, problem, str(Path(local).parent))
    return target
