"""The table of formats, and the one way in: look at the first bytes, let the format open the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xjls.errors import NotRecognizedError
from xjls.formats.jls2 import reader as jls2
from xjls.storage import local_path, open_storage

if TYPE_CHECKING:
    from xjls.model.reader import OnDamage
    from xjls.model.recording import Recording

HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Format:
    """One row of the table."""

    name: str
    suffixes: tuple[str, ...]
    """Of file names, lower case; they only help to guess at what cannot be looked into cheaply."""
    recognizes: Callable[[bytes], bool]
    """Tells by the first 64 bytes."""
    open: Callable[..., Recording]
    """Raises NotRecognizedError, before it reads much, when the bytes are not of this format."""


FORMATS = (Format("JLS v2", (".jls",), jls2.recognizes, jls2.open_jls2),)


def guess_format(path: str | os.PathLike[str]) -> Format | None:
    """Return the format of a local file by its first bytes, of a remote object by its name; None when none fits.

    Never raises: this is what asks whether xjls could open something.
    """
    local = local_path(path)
    if local is None:
        name = os.fspath(path).lower()
        return next((row for row in FORMATS if name.endswith(row.suffixes)), None)
    try:
        with open(os.path.expanduser(local), "rb") as file:  # noqa: PTH111, PTH123 - str in, no Path needed
            head = file.read(HEAD_BYTES)
    except OSError:
        return None
    return next((row for row in FORMATS if row.recognizes(head)), None)


def open_recording(
    path: str | os.PathLike[str],
    *,
    on_damage: OnDamage = "raise",
    verify: bool = True,
    storage_options: Mapping[str, Any] | None = None,
) -> Recording:
    """Open a recording: what it holds, and a way to read windows of it, without xarray.

    Parameters
    ----------
    path
        A local path, or an address that fsspec understands (``s3://…``, ``https://…``).
    on_damage
        ``"raise"``: a read that meets damaged or lost samples raises `LostSamplesError`; ``"gap"``: it returns NaN
        there (0 in integer signals), and ``recording.status`` names the samples.
    verify
        Whether every read checks the checksums of the chunks that it touches.
    storage_options
        For fsspec: credentials, endpoint, and so on.

    Returns
    -------
    Recording
        Reads of it are thread-safe, and it pickles by path.

    Raises
    ------
    NotRecognizedError
        No format claims the first bytes.
    UnsupportedError
        A version of a format that xjls does not read.
    OSError
        The file cannot be opened.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> with xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1)) as recording:
    ...     recording.signals["current"].units, recording.read("current", (0, 3)).dtype
    ('A', dtype('float32'))
    """
    for row in FORMATS:
        try:
            return row.open(os.fspath(path), storage_options=storage_options, on_damage=on_damage, verify=verify)
        except NotRecognizedError:
            continue
    tried = ", ".join(row.name for row in FORMATS)
    with open_storage(path, storage_options) as storage:
        head = storage.read(0, HEAD_BYTES)
    found = head[:16].hex(" ") or "there are none"
    problem = f"no format claims the first bytes, {found} (tried: {tried})"
    raise NotRecognizedError(problem, os.fspath(path), 0, "Is it a recording?")
