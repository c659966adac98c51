"""Levels for a recording that has none: opened by whatever format it is of, and built into a sidecar."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.formats.levels.build import build
from xjls.formats.levels.opening import SUFFIX
from xjls.formats.registry import open_recording
from xjls.storage import absolute_path, local_path
from xjls.storage.new_file import local_target

if TYPE_CHECKING:
    from xjls.progress import Progress


def build_levels(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - as people call it
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
    format
        Name of its format; None finds it by the first bytes. See `open_recording`.
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
        There is nothing to build: signals have levels, are shorter than an entry, or are no series. Or the recording
        is a folder, or has an address, and ``to`` does not say where on this machine its levels go; or ``workers`` are
        none.
    FormatError
        The file changed meanwhile.
    FileExistsError
        What is there is no sidecar.
    OSError
        There is no room, or nothing may be written there: then nothing is left of it. Or the recording cannot be
        read: then the next call goes on.

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
        name,
        format=format,
        on_damage="gap",
        storage_options=storage_options,
        format_options=format_options,
        sidecar=False,
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
