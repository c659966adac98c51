"""Where a store's objects are put: a local folder, or a prefix that fsspec writes to.

An object appears whole under its key, or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from xjls.formats.zarr.opening import ROOT
from xjls.storage import local_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xjls.formats.zarr.codecs import Parts

_ANOTHER = "Choose another name"


class Folder(Protocol):
    """What a writer puts objects into."""

    def put(self, key: str, parts: Parts) -> None:
        """Write an object, or replace it."""
        ...

    def sync(self) -> None:
        """Wait until the disk has all objects that were put so far."""
        ...


class LocalFolder:
    """A folder of this machine; it is made if it is not there.

    Parameters
    ----------
    path
        The store.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._path.mkdir(parents=True, exist_ok=True)
        self._made = {self._path}
        self._unsynced: dict[Path, None] = {}

    def put(self, key: str, parts: Parts) -> None:
        """Write an object, or replace it."""
        path = self._path / key
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        # The name of one that is being written is no key of a chunk, whatever becomes of it
        part = path.with_name(f"{path.name}.part")
        with part.open("wb", buffering=0) as file:
            for piece in parts:
                _write_all(file, piece)
        part.replace(path)
        self._unsynced[path] = None

    def sync(self) -> None:
        """Wait until the disk has all objects that were put so far, and their names."""
        files, self._unsynced = list(self._unsynced), {}
        for path in (*files, *sorted({path.parent for path in files} | {self._path})):
            _sync(path)


class RemoteFolder:
    """A prefix of what fsspec writes to; an object there is either whole or absent.

    Parameters
    ----------
    fs, prefix
        As ``fsspec.core.url_to_fs`` gives them.
    """

    def __init__(self, fs: Any, prefix: str) -> None:
        self._fs, self._prefix = fs, prefix

    def put(self, key: str, parts: Parts) -> None:
        """Write an object, or replace it."""
        self._fs.pipe_file(f"{self._prefix}/{key}", b"".join(bytes(part) for part in parts))

    def sync(self) -> None:
        """Do nothing: what a remote store has taken it has."""


class Series:
    """The chunks or shards of one array, which are put in turn: only the last one is put again.

    Parameters
    ----------
    folder, path
        Where to, and the array's path there.
    rank
        Dimensions of the array.
    """

    def __init__(self, folder: Folder, path: str, rank: int = 1) -> None:
        self._folder = folder
        self._path = path
        self._behind = ".0" * (rank - 1)
        self._before_bytes = 0
        self._last = (-1, 0)
        """Number and bytes of the last one."""

    @property
    def n_bytes(self) -> int:
        """Bytes of all of them."""
        return self._before_bytes + self._last[1]

    def put(self, number: int, parts: Parts) -> None:
        """Write an object, or replace the last one."""
        self._folder.put(f"{self._path}/c.{number}{self._behind}", parts)
        if number != self._last[0]:
            self._before_bytes += self._last[1]
        self._last = number, size_of(parts)


def size_of(parts: Parts) -> int:
    """Return the bytes of an object."""
    return sum(len(part) for part in parts)


@contextlib.contextmanager
def new_folder(
    store: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None, *, overwrite: bool = False,
    option: str = "overwrite=True",
) -> Iterator[Folder]:  # fmt: skip
    """Give the place for a new store.

    A local one appears under its name when it is complete, and what fails leaves nothing behind. A remote one has no
    root object until then, and so is none.

    Raises
    ------
    FileExistsError
        There is something already, and it is not to be replaced: the message names the ``option`` that does.
    """
    local, remedy = local_path(store), "" if overwrite else f"{_ANOTHER}, or say {option}."
    if local is None:
        yield _new_remote(os.fspath(store), storage_options, remedy)
        return
    target = Path(local).expanduser()
    if target.exists():
        _require_replaceable(str(target), remedy, is_store=(target / ROOT).is_file())
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield LocalFolder(str(part))
        _replace(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def folder_of(store: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Folder:
    """Return the folder of a store that grows under its own name.

    Raises
    ------
    FileExistsError
        There is something already.
    """
    local = local_path(store)
    if local is None:
        return _new_remote(os.fspath(store), storage_options, f"{_ANOTHER}.")
    target = Path(local).expanduser()
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise FileExistsError(f"{target} exists. {_ANOTHER}.")
    return LocalFolder(str(target))


def _new_remote(url: str, storage_options: Mapping[str, Any] | None, remedy: str) -> RemoteFolder:
    import fsspec

    fs, prefix = fsspec.core.url_to_fs(url, **(storage_options or {}))
    fs.invalidate_cache(prefix)
    if fs.exists(prefix):
        _require_replaceable(url, remedy, is_store=fs.exists(f"{prefix}/{ROOT}"))
        # First of all what makes it a store: half a removal must not be taken for one
        fs.rm_file(f"{prefix}/{ROOT}")
        fs.rm(prefix, recursive=True)
    return RemoteFolder(fs, prefix)


def _require_replaceable(name: str, remedy: str, *, is_store: bool) -> None:
    """Refuse to replace what is there, unless it is to be, and is a store: a slip must not cost someone's folder.

    ``remedy`` says what to do instead; it is empty where it is to be replaced.
    """
    if remedy:
        raise FileExistsError(f"{name} exists. {remedy}")
    if not is_store:
        raise FileExistsError(f"{name} exists and is no Zarr store. {_ANOTHER}, or remove it yourself.")


def _replace(part: Path, target: Path) -> None:
    """Put a finished store in the place of what may be there."""
    if not target.exists():
        part.rename(target)
        return
    # A folder that is not empty cannot be replaced in one step: it is moved aside, and back if that was all
    aside = part.with_suffix(".old")
    target.rename(aside)
    try:
        part.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside)


def _write_all(file: Any, piece: bytes | NDArray[np.uint8]) -> None:
    rest = memoryview(piece)  # type: ignore[arg-type]  # arrays are buffers
    while rest.nbytes:
        rest = rest[file.write(rest) :]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
