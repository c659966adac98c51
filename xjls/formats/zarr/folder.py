"""Where a store's objects are put: a local folder, or a prefix that fsspec writes to.

An object appears whole under its key, or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from xjls.formats.zarr.opening import ROOT
from xjls.storage import local_path
from xjls.storage.locks import lock
from xjls.storage.settling import settle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xjls.formats.zarr.codecs import Parts

PART = ".part"
"""How the name of an object ends that is being written."""
_ANOTHER = "Choose another name"


class Folder(Protocol):
    """What a writer puts objects into."""

    def put(self, key: str, parts: Parts) -> None:
        """Write an object, or replace it."""
        ...

    def settle(self) -> None:
        """Wait until the disk has most of what was put; from any thread."""
        ...

    def sync(self) -> None:
        """Wait until the disk has all objects that were put so far."""
        ...

    def remove(self, key: str) -> None:
        """Remove an object; none where there is none."""
        ...

    def size(self, key: str) -> int:
        """Return the bytes of an object; 0 where there is none."""
        ...

    def names(self, path: str) -> list[str]:
        """Return what is directly below a path, in any order; nothing where nothing is."""
        ...

    def below(self, path: str) -> list[str]:
        """Return the keys of all objects below a path, however deep."""
        ...

    def sizes(self) -> dict[str, int]:
        """Return the bytes of all objects, by their keys, at the cost of lists of names."""
        ...

    def clear(self, path: str) -> None:
        """Remove all that is below a path."""
        ...

    def release(self) -> None:
        """Let others write here; twice is harmless."""
        ...


class LocalFolder:
    """A folder of this machine; it is made if it is not there.

    Parameters
    ----------
    path
        The store.
    alone
        Whether nobody else of xjls may write there until `release`.

    Raises
    ------
    BlockingIOError
        Somebody else does.
    """

    def __init__(self, path: str, *, alone: bool = False) -> None:
        self._path = Path(path)
        self._path.mkdir(parents=True, exist_ok=True)
        self._held = _Held(self._path) if alone else None
        self._made = {self._path}
        self._unsynced: dict[Path, None] = {}
        self._settled: set[Path] = set()

    def put(self, key: str, parts: Parts) -> None:
        """Write an object, or replace it."""
        path = self._path / key
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        # The name of one that is being written is no key of a chunk, whatever becomes of it
        part = path.with_name(f"{path.name}{PART}")
        with part.open("wb", buffering=0) as file:
            for piece in parts:
                _write_all(file, piece)
        part.replace(path)
        self._unsynced[path] = None

    def sync(self) -> None:
        """Wait until the disk has all objects that were put so far, and their names."""
        files = list(self._unsynced)
        self._settled.clear()
        for path in (*files, *sorted({path.parent for path in files} | {self._path})):
            _sync(path)
        self._unsynced = {}  # only now: what the disk refused is waited for again

    def settle(self) -> None:
        """Bring to the disk most of what was put since the last sync; from any thread."""
        for path in list(self._unsynced):
            if path not in self._settled:
                self._settled.add(path)
                settle(path)

    def remove(self, key: str) -> None:
        """Remove an object, and the folder that it leaves empty."""
        path = self._path / key
        path.unlink(missing_ok=True)
        self._unsynced.pop(path, None)
        with contextlib.suppress(OSError):  # as a rule it is not empty
            path.parent.rmdir()
            self._made.discard(path.parent)

    def size(self, key: str) -> int:
        """Return the bytes of an object; 0 where there is none."""
        with contextlib.suppress(FileNotFoundError):
            return (self._path / key).stat().st_size
        return 0

    def names(self, path: str) -> list[str]:
        """Return what is directly below a path, in any order."""
        with contextlib.suppress(FileNotFoundError):
            return os.listdir(self._path / path)  # noqa: PTH208 - of a million names, no Paths
        return []

    def below(self, path: str) -> list[str]:
        """Return the keys of all objects below a path, however deep."""
        found = (Path(base, name) for base, _, names in os.walk(self._path / path) for name in names)
        return [file.relative_to(self._path).as_posix() for file in found]

    def sizes(self) -> dict[str, int]:
        """Return the bytes of all objects."""
        return {key: self.size(key) for key in self.below("")}

    def clear(self, path: str) -> None:
        """Remove all that is below a path, and the folder."""
        for key in self.below(path):
            self._unsynced.pop(self._path / key, None)
        shutil.rmtree(self._path / path, ignore_errors=True)
        self._made = {made for made in self._made if made.exists()}

    def release(self) -> None:
        """Let others write here."""
        if self._held is not None:
            self._held.release()


class RemoteFolder:
    """A prefix of what fsspec writes to; an object there is either whole or absent.

    Parameters
    ----------
    fs, prefix
        As ``fsspec.core.url_to_fs`` gives them.
    """

    def __init__(self, fs: Any, prefix: str) -> None:
        self._fs, self._prefix = fs, prefix.rstrip("/")

    def put(self, key: str, parts: Parts) -> None:
        """Write an object, or replace it."""
        self._fs.pipe_file(f"{self._prefix}/{key}", b"".join(bytes(part) for part in parts))

    def settle(self) -> None:
        """Do nothing: what a remote store has taken it has."""

    def sync(self) -> None:
        """Do nothing: what a remote store has taken it has."""

    def remove(self, key: str) -> None:
        """Remove an object."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._prefix}/{key}")

    def size(self, key: str) -> int:
        """Return the bytes of an object; 0 where there is none."""
        with contextlib.suppress(FileNotFoundError):
            return int(self._fs.info(f"{self._prefix}/{key}")["size"] or 0)
        return 0

    def names(self, path: str) -> list[str]:
        """Return what is directly below a path, in any order."""
        self._fs.invalidate_cache()
        with contextlib.suppress(FileNotFoundError):
            return [name.rstrip("/").rpartition("/")[2] for name in self._fs.ls(f"{self._prefix}/{path}", detail=False)]
        return []

    def below(self, path: str) -> list[str]:
        """Return the keys of all objects below a path, however deep."""
        self._fs.invalidate_cache()
        root = self._fs._strip_protocol(self._prefix)
        return [name.removeprefix(root).lstrip("/") for name in self._fs.find(f"{self._prefix}/{path}")]

    def sizes(self) -> dict[str, int]:
        """Return the bytes of all objects."""
        self._fs.invalidate_cache()
        root, found = self._fs._strip_protocol(self._prefix), self._fs.find(self._prefix, detail=True)
        return {name.removeprefix(root).lstrip("/"): int(told["size"] or 0) for name, told in found.items()}

    def clear(self, path: str) -> None:
        """Remove all that is below a path."""
        for key in self.below(path):
            self.remove(key)

    def release(self) -> None:
        """Do nothing: nobody is kept out of a remote store."""


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


def folder_of(
    store: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None, *, alone: bool = False
) -> Folder:
    """Return the folder of a store that is there under its own name at once.

    ``alone``: nobody else of xjls may write to it until it is released, where it is of this machine.

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
    return LocalFolder(str(target), alone=alone)


def folder_there(store: str, storage_options: Mapping[str, Any] | None) -> Folder:
    """Return the folder of a store that is to be gone on with; nobody else of xjls writes to it until it is released.

    Raises
    ------
    BlockingIOError
        Somebody does.
    """
    local = local_path(store)
    if local is not None:
        return LocalFolder(str(Path(local).expanduser()), alone=True)
    import fsspec

    return RemoteFolder(*fsspec.core.url_to_fs(store.rstrip("/"), **(storage_options or {})))


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


class _Held:
    """The lock of a folder, which ends with the process at the latest."""

    def __init__(self, path: Path) -> None:
        self._number = -1
        if os.name == "nt":  # pragma: no cover - folders are not opened there
            return
        self._number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            lock(self._number)
        except BlockingIOError as error:
            self.release()
            raise BlockingIOError(
                errno.EWOULDBLOCK, "another process, or another sink of this one, is writing to it", str(path)
            ) from error
        except OSError:  # the file system has no locks for folders
            self.release()

    def release(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)

    def __del__(self) -> None:
        self.release()


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
