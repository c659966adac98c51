"""New files: they appear under their name when they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def new_file(path: str | os.PathLike[str], *, overwrite: bool, option: str = "overwrite=True") -> Iterator[str]:
    """Give the place for a file that appears under its name when it is complete; what fails leaves nothing behind.

    Raises FileExistsError, which names the option, where there is one already and it is not to be replaced.
    """
    target = Path(path)
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
