"""The HDF5 file around the counts: its attributes and where each chunk lies, read once, so that no handle is kept.

What is wrong with a file is said here, once for all: HDF5's own messages name neither cause nor remedy.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from xjls.errors import FormatError, NotRecognizedError, TruncatedError, UnsupportedError
from xjls.formats.picostream.attributes import plain_facts
from xjls.formats.picostream.heaps import HEAD_BYTES, check_heaps
from xjls.formats.picostream.held import Redone, read_redo
from xjls.formats.picostream.opening import COUNTS, MAGIC, MAGIC_AT, is_hdf5
from xjls.storage import local_path
from xjls.storage.locks import lock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.picostream.attributes import Attributes
    from xjls.storage import Storage

_MOST_FILTERED = 1 << 30
"""Bytes of a compressed chunk, which is unpacked whole."""
_VARIES_AS = 3
"""In a type as HDF5 encodes it, behind a head of two bytes: the low bits of the class's first bit field."""
_CHECKSUM_BYTES = 4
_ATTEMPTS, _PAUSE_S = 5, 0.02
"""How often to look at a file that is being written, whose structure may just be changing."""
_TRUNCATED = re.compile(r"eof = (\d+).*stored_eof = (\d+)")


@dataclass(frozen=True, slots=True)
class Runs:
    """Which values were written, and where they lie in the file: consecutive ones that are neighbours there too."""

    starts: NDArray[np.int64]
    """Of each run, its first value."""
    stops: NDArray[np.int64]
    """One past its last; between runs there may be values that were never written."""
    offsets: NDArray[np.int64]
    """Byte offset of its first value; of no use where values are packed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What an HDF5 file of PicoStream says of itself."""

    root: Attributes
    groups: Mapping[str, Attributes]
    extra: bytes | None
    """What xjls added: the bytes of a dataset of its own."""
    length: int
    """Values, as far as they were written."""
    declared: int
    """Values, as the file says."""
    most: int | None
    """Values that there may ever be; None for any number."""
    in_chunks: bool
    """Whether they are in chunks, or all in one piece."""
    chunk: int
    """Values of a chunk."""
    runs: Runs
    packed: bool
    """Whether values must be read through HDF5: compressed, in another byte order, in its cache, or not in place."""
    is_growing: bool
    """Whether a program has it open to write."""
    written_here: bool
    """Whether this process has."""

    def says_as(self, other: Container) -> bool:
        """Whether another look at the file has found the same."""
        return self._said == other._said

    @property
    def _said(self) -> tuple[object, ...]:
        runs = self.runs.starts.tobytes(), self.runs.stops.tobytes(), self.runs.offsets.tobytes()
        return self.declared, self.extra, repr(plain_facts(self.root, self.groups)), runs


def read_container(storage: Storage) -> Container:
    """Read what a file says of itself.

    Raises
    ------
    NotRecognizedError
        It is no HDF5 file.
    UnsupportedError
        It is another one's HDF5 file, or holds no int16 counts.
    TruncatedError, FormatError
        It is cut off, was never flushed, or is damaged.
    """
    head = _told(storage).read(0, MAGIC_AT[-1] + len(MAGIC))
    if not is_hdf5(head):
        found = head[: len(MAGIC)].hex(" ") or "nothing"
        raise NotRecognizedError(f"not an HDF5 file: it begins with {found}", storage.path, 0, "Is it a recording?")
    for _ in range(_ATTEMPTS - 1):
        growing = _is_being_written(storage.path)
        try:
            return _attempted(storage, growing=growing)
        except FormatError:
            if not growing:
                raise
        time.sleep(_PAUSE_S)
    return _attempted(storage, growing=_is_being_written(storage.path))


def _attempted(storage: Storage, *, growing: bool) -> Container:
    try:
        check_heaps(_told(storage).read(0, HEAD_BYTES), storage.path)
        with open_file(storage) as file:
            return _described(file, storage, growing=growing)
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise explained(error, storage.path, growing=growing) from error


def _told(storage: Storage) -> Storage | Redone:
    """Return a file as its writer was about to leave it, if it was killed at that."""
    redo = read_redo(storage.read, storage.size)
    return storage if redo is None else Redone(storage, redo)


@contextlib.contextmanager
def open_file(storage: Storage, *, locked: bool = False) -> Iterator[h5py.File]:
    """Open a file for reading, if not ``locked`` without HDF5's lock: that would keep its writer from opening it again.

    All that a process opens of one file must agree in that, so that what stays open has the lock, as others have it.
    """
    local, told = local_path(storage.path), _told(storage)
    if local is None or told is not storage:
        with h5py.File(_Stream(told), "r") as file:
            yield file
        return
    try:
        file = h5py.File(os.path.expanduser(local), "r", locking=None if locked else False)  # noqa: PTH111 - str to str
    except OSError as error:
        if "locking" not in str(error):
            raise
        file = h5py.File(os.path.expanduser(local), "r")  # noqa: PTH111 - this process has it open, with locks
    with file:
        yield file


def counts_of(file: h5py.File, path: str) -> h5py.Dataset:
    """Return the dataset of counts; raise where there is none, or it is another one."""
    found = file.get(COUNTS)
    if not isinstance(found, h5py.Dataset):
        there = ", ".join(map(str, list(file)[:8])) or "nothing"
        what = "is a group" if found is not None else f"is missing (there is: {there})"
        raise UnsupportedError(
            f"an HDF5 file, but not one of PicoStream: the dataset {COUNTS!r} {what}", path,
            remedy="Open it with h5py, or with the program that wrote it.",
        )  # fmt: skip
    if found.dtype.kind != "i" or found.dtype.itemsize != 2 or found.ndim != 1:
        raise UnsupportedError(
            f"{COUNTS!r} holds {found.dtype}{list(found.shape or ())}, expected int16[n]", path,
            remedy="Open it with h5py.",
        )  # fmt: skip
    if found.is_virtual or found.external:
        raise UnsupportedError(
            f"the values of {COUNTS!r} are in other datasets or files, and PicoStream has none of those", path,
            remedy="Copy them into one file with h5repack.",
        )  # fmt: skip
    return found


def _described(file: h5py.File, storage: Storage, *, growing: bool) -> Container:
    counts = counts_of(file, storage.path)
    declared = int(counts.shape[0])
    written_here = file.mode != "r"
    # Of a file that this process is writing, HDF5 has in memory what is not in the file yet
    runs, packed = (
        (_joined([(0, 0)], declared, declared), True) if written_here else _runs_of(counts, storage, declared)
    )
    extra = file.get("xjls")
    return Container(
        root=_attributes(file),
        groups={name: _attributes(one) for name, one in file.items() if isinstance(one, h5py.Group)},
        extra=bytes(extra[()].tobytes()) if isinstance(extra, h5py.Dataset) and extra.dtype == np.uint8 else None,
        length=int(runs.stops[-1]) if len(runs.stops) else 0, declared=declared,
        chunk=int((counts.chunks or (max(declared, 1),))[0]), runs=runs, packed=packed,
        most=counts.maxshape[0], in_chunks=counts.chunks is not None,
        is_growing=growing or written_here, written_here=written_here,
    )  # fmt: skip


def _attributes(of: Any) -> dict[str, Any]:
    """Return attributes; what h5py has no type for is left out."""
    found = {}
    for key in of.attrs:
        with contextlib.suppress(TypeError, OSError, ValueError):
            if not _is_sound(of.attrs.get_id(key).get_type()):
                continue
            value = of.attrs[key]
            found[str(key)] = None if isinstance(value, h5py.Empty) else value
    return found


def _is_sound(kind: h5py.h5t.TypeID) -> bool:
    """Whether HDF5 survives reading it (2.0.0): what varies in length must be a text or a sequence, 1 or 0."""
    return bool(kind.get_class() != h5py.h5t.VLEN or kind.encode()[_VARIES_AS] & 15 < 2)


def _runs_of(counts: h5py.Dataset, storage: Storage, declared: int) -> tuple[Runs, bool]:
    """Return which values were written, and whether they are packed."""
    created = counts.id.get_create_plist()
    if created.get_layout() == h5py.h5d.COMPACT:
        return _joined([(0, 0)], declared, declared), True
    plain = counts.dtype == np.dtype("<i2") and counts.file.userblock_size == 0
    if counts.chunks is None:
        offset = counts.id.get_offset()
        length = 0 if offset is None else min(declared, max(storage.size - offset, 0) // 2)
        return _joined([(0, offset or 0)], length, length), not plain
    chunk = int(counts.chunks[0])
    filtered = created.get_nfilters() > 0
    if filtered and 2 * chunk > _MOST_FILTERED:
        raise UnsupportedError(
            f"compressed chunks of {chunk:_} values, which must be unpacked whole", storage.path,
            remedy="Repack it with smaller chunks: h5repack -l adc_counts:CHUNK=1000000.",
        )  # fmt: skip
    # HDF5 does not survive a chunk that is shorter than its checksum (2.0.0)
    least = _CHECKSUM_BYTES if counts.fletcher32 else 0
    found: list[tuple[int, int]] = []

    def take(one: h5py.h5d.StoreInfo) -> None:
        first = one.chunk_offset[0]
        n_bytes = one.size if filtered else 2 * min(chunk, declared - first)
        # What should lie beyond the end of the file was not written, whatever the index says of it
        if first < declared and n_bytes >= least and one.byte_offset + n_bytes <= storage.size:
            found.append((first, one.byte_offset))

    counts.id.chunk_iter(take)
    runs = _joined(sorted(found), declared, chunk)
    # What its writer was killed at may be counts as well
    through_hdf5 = filtered or not plain or _told(storage) is not storage
    return runs, through_hdf5 or bool((runs.offsets % 2).any())


def _joined(chunks: list[tuple[int, int]], length: int, chunk: int) -> Runs:
    """Return runs of chunks, (first value, byte offset) each in order; neighbours in the file become one."""
    table = np.array(chunks if length else [], np.int64).reshape(-1, 2)
    if not len(table):
        return Runs(*np.empty((3, 0), np.int64))
    firsts, offsets = table[:, 0], table[:, 1]
    follows = (np.diff(firsts) == chunk) & (np.diff(offsets) == 2 * chunk)
    heads = np.flatnonzero(np.concatenate([[True], ~follows]))
    tails = np.append(heads[1:], len(firsts)) - 1
    return Runs(firsts[heads], np.minimum(firsts[tails] + chunk, length), offsets[heads])


def _is_being_written(path: str) -> bool:
    """Return whether a program holds the lock that HDF5 takes to write; asked of the system, and given back at once."""
    local = local_path(path)
    if local is None:
        return False
    try:
        descriptor = os.open(os.path.expanduser(local), os.O_RDONLY)  # noqa: PTH111 - str to str
    except OSError:
        return False
    try:
        lock(descriptor, shared=True)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    finally:
        os.close(descriptor)
    return False


def explained(error: Exception, path: str, *, growing: bool) -> FormatError:
    """Return an error that says what HDF5's means here."""
    said = re.sub(r"\s+", " ", str(error)).strip()
    if growing:
        return FormatError(
            f"another program has it open to write (it holds the file's lock), and nothing in it can be read yet: what"
            f" it has written was not flushed (HDF5: {said})", path,
            remedy="Wait until the capture has ended; a writer that flushes as it goes can be followed.",
        )  # fmt: skip
    if (sizes := _TRUNCATED.search(said)) is not None:
        there, expected = map(int, sizes.groups())
        return TruncatedError(
            f"the file was cut off: it has {there:_} of {expected:_} bytes, and HDF5 opens it whole or not at all",
            path, there,
            "Copy it again from where it came; if its writer was killed before it flushed, there is no more of it.",
        )  # fmt: skip
    return FormatError(
        f"its HDF5 structure cannot be read: it is damaged, or its writer was killed before it flushed anything (HDF5:"
        f" {said})", path,
        remedy="Look for an intact copy: the counts may be in the file, but not where they are.",
    )  # fmt: skip


class _Stream(io.RawIOBase):
    """A storage as HDF5 reads one that is no local file."""

    def __init__(self, storage: Storage | Redone) -> None:
        self._storage = storage
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._storage.size)[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._storage.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
