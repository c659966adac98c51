"""The way into the format: what is looked at to tell it, and the door. Loads the rest when a store is opened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Any

from xjls.errors import SelectionError
from xjls.model.recording import Recording
from xjls.storage import absolute_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xjls.formats.zarr.writer import ZarrWriter
    from xjls.model.reader import OnDamage
    from xjls.model.sink import Sink

ROOT = "zarr.json"
"""The object that is the recording: it is written last, and read first."""
KEY = "xjls"
"""Its attribute that makes a Zarr group a recording."""


def recognizes(root: bytes) -> bool:
    """Whether a folder's ``zarr.json``, as much of it as was looked at, is that of a recording."""
    return f'"{KEY}"'.encode() in root


@contextlib.contextmanager
def new_zarr(
    path: str, *, overwrite: bool, option: str, codec: str | None, storage_options: Mapping[str, Any] | None
) -> Iterator[Sink]:
    """Give a sink for a new store; see `xjls.formats.new_recording`."""
    from xjls.formats.zarr.codecs import check_codec
    from xjls.formats.zarr.folder import new_folder
    from xjls.formats.zarr.writer import ZarrWriter

    check_codec(codec)  # before anything that is there is replaced
    with (
        new_folder(path, storage_options, overwrite=overwrite, option=option) as folder,
        ZarrWriter(folder, codec=codec) as sink,
    ):
        yield sink


def grow_zarr(
    path: str, *, codec: str | None, keep_s: float | None, storage_options: Mapping[str, Any] | None
) -> ZarrWriter:
    """Give a sink for a store that is there at once; see `xjls.formats.grow_recording`."""
    from xjls.formats.zarr.writer import ZarrWriter

    _require_time(keep_s)
    return ZarrWriter(path, codec=codec, storage_options=storage_options, grows=True, keep_s=keep_s)


def resume_zarr(
    path: str, *, keep_s: float | None = None, storage_options: Mapping[str, Any] | None = None
) -> ZarrWriter:
    """Give a sink that goes on with a store; see `xjls.formats.continue_recording`."""
    from xjls.formats.zarr.resume import resumed

    _require_time(keep_s)
    return resumed(path, keep_s, storage_options)


def _require_time(keep_s: float | None) -> None:
    if keep_s is not None and not 0 < keep_s < inf:
        raise SelectionError(f"keep_s={keep_s} keeps nothing", "Give seconds above 0, or None to keep all.")


def open_zarr(path: str, *, storage_options: Mapping[str, Any] | None, on_damage: OnDamage, verify: bool) -> Recording:
    """Open a recording in a Zarr store; see `xjls.open_recording`."""
    from xjls.formats.zarr.reader import ZarrReader

    options = {"storage_options": dict(storage_options)} if storage_options else {}
    return Recording(absolute_path(path).rstrip("/"), ZarrReader, options=options, on_damage=on_damage, verify=verify)
