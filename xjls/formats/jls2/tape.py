"""A JLS v2 file as it is written: chunks in file order, each linked into its list.

What is appended is gathered and written in pieces of megabytes. A link into a chunk that is not written yet is set in
memory; one into a chunk on disk is written after all that was appended before it, so that a file that is killed at any
byte holds a prefix of its chunks, and every link leads to a whole one.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xjls.formats.jls2.wire import (
    CHUNK_HEADER,
    SAMPLE_BODY,
    TRACK_HEADS,
    Tag,
    decode_chunk,
    decode_links,
    encode_body,
    encode_chunk,
    encode_file_header,
    padded,
)
from xjls.storage.locks import lock

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

PIECE_BYTES = 2 << 20
"""Appended bytes that are worth writing."""
_DEFINITIONS = frozenset({Tag.SIGNAL_DEF, Tag.FSR_DEF, Tag.VSR_DEF, Tag.ANNOTATION_DEF, Tag.UTC_DEF, *TRACK_HEADS})
_SAMPLES = frozenset({Tag.FSR_DEF, Tag.FSR_DATA, Tag.FSR_INDEX, Tag.FSR_SUMMARY})
_WHOLE = frozenset({Tag.USER_DATA, Tag.SOURCE_DEF})


class _Last(NamedTuple):
    """The last chunk of a list: where it is, and what its header holds beside the link that is still to come."""

    offset: int
    item_prev: int
    meta: int
    tag: int
    length: int
    previous_length: int

    def header(self, item_next: int) -> bytes:
        """Return its header, linked to the next chunk."""
        # As the JLS library does it: nobody relies on this length, and files come out equal
        behind = 0 if item_next and self.tag == Tag.SOURCE_DEF else self.previous_length
        return encode_chunk(item_next, self.item_prev, self.tag, self.meta, self.length, behind)


class Tape:
    """Append chunks to a file.

    Parameters
    ----------
    path
        A file that does not exist yet; or one that does, to be gone on with.
    end
        Where its next chunk begins, if it exists; nothing is written before `begin_again`.
    previous_length
        Of the payload before that.

    Raises
    ------
    OSError
        As the operating system says, here and from every call that writes. What was written before stays readable, and
        what was not is tried again by the next call. BlockingIOError: another process of xjls is writing to it.
    """

    def __init__(self, path: str, end: int = 0, previous_length: int = 0) -> None:
        from xjls.kernels.pack import pack_chunks

        self.path = path
        self._pack = pack_chunks
        flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags if end else flags | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            _lock(self._file, path)
        except BaseException:
            self.close()
            raise
        self._buffer = np.empty(2 * PIECE_BYTES, np.uint8)
        """What was appended and is not written yet, at its beginning; kept, so that its pages are there already."""
        self._n = 0
        self._written = end
        """Bytes of the file that are written; those in the buffer follow."""
        self._patches: dict[int, bytes] = {}
        self._links: dict[int, bytes] = {}
        """As `_patches`, of tracks of samples: written last, for who finds these looks at little before them."""
        self._last: dict[Hashable, _Last] = {}
        self._previous_length = previous_length
        if not end:
            self._add(encode_file_header(0))

    @property
    def end(self) -> int:
        """Offset of the next chunk."""
        return self._written + self._n

    def begin_again(self) -> None:
        """Make a closed file one that is being written: no length, no END, and lists as `resume_list` left them.

        In this order, so that whoever opens it meanwhile, or after a kill, finds all that was in it.
        """
        _write_at(self._file, encode_file_header(0), 0)
        stop = self._written + CHUNK_HEADER.size
        if os.fstat(self._file).st_size > stop:
            os.ftruncate(self._file, stop)  # nothing behind the end may come to life
        if os.fstat(self._file).st_size == stop:
            _write_at(self._file, bytes(CHUNK_HEADER.size), self._written)
        self.write()

    def resume_list(self, offsets: Sequence[int], *, ends: bool = True) -> None:
        """Go on with a list behind the last of these chunks, which follow each other in it.

        Chunks that were not linked any more are linked; with ``ends`` the last one leads nowhere, wherever it led.
        """
        for offset, after in zip(offsets, [*offsets[1:], 0], strict=True):
            last, item_next = self._at(offset)
            self._last[_list_of(last.tag, last.meta)] = last
            if item_next != after and (after or ends):
                self._waiting(last.tag)[offset] = last.header(after)

    def cut_links(self, offsets: Iterable[int]) -> None:
        """Let chunks lead nowhere that led to what was never written; `resume_list`, later, knows better of some."""
        for offset in offsets:
            last, _ = self._at(offset)
            self._waiting(last.tag)[offset] = last.header(0)

    def _require_name(self) -> None:
        try:
            found = os.stat(self.path)  # noqa: PTH116 - str in, no Path needed
        except FileNotFoundError:
            found = None
        if found is None or not os.path.samestat(found, os.fstat(self._file)):
            raise FileNotFoundError(errno.ENOENT, "it was removed while it was written", self.path)

    def _at(self, offset: int) -> tuple[_Last, int]:
        """Read what a chunk's header holds, and where it leads."""
        header = os.pread(self._file, CHUNK_HEADER.size, offset)
        chunk = decode_chunk(header, offset)
        assert chunk is not None, "chunks that exist were looked at before"  # noqa: S101 - an invariant, not input
        item_prev, behind = decode_links(header)
        return _Last(offset, item_prev, chunk.meta, chunk.tag, chunk.payload_length, behind), chunk.item_next

    def resume_block(self, index: int, *, ends: bool) -> None:
        """Go on with the lists of INDEX and SUMMARY chunks behind a block; see `resume_list`."""
        self.resume_list([index], ends=ends)
        self.resume_list([index + CHUNK_HEADER.size + padded(self._at(index)[0].length)], ends=ends)

    def drain(self) -> None:
        """Write what is gathered once it is worth it; called before something is taken, so that nothing is half taken.

        All that appends only gathers, and never fails: what a call has taken stays taken when the disk refuses a piece.
        """
        if self._n >= PIECE_BYTES:
            self.write()

    def append(self, tag: int, meta: int, payload: bytes, *, tentative: bool = False) -> int:
        """Append a chunk to its list and return its offset; the next one takes the place of one that is tentative."""
        offset, key = self.end, _list_of(tag, meta)
        previous = self._link(key, offset)
        last = _Last(offset, previous, meta, tag, len(payload), self._previous_length)
        if not tentative:
            self._last[key] = last
        self._add(last.header(0) + encode_body(payload))
        if payload:
            self._previous_length = len(payload)
        return offset

    def append_samples(self, samples: NDArray[np.uint8], count: int, bits: int, first_id: int, meta: int) -> range:
        """Append DATA chunks of ``count`` samples each, of samples as the file holds them; return their offsets."""
        length = SAMPLE_BODY - CHUNK_HEADER.size + count * bits // 8
        size, n = CHUNK_HEADER.size + padded(length), samples.size * 8 // (count * bits)
        offset, key = self.end, _list_of(Tag.FSR_DATA, meta)
        previous = self._link(key, offset)
        room = self._room(n * size)
        self._pack(samples, count, bits, first_id, meta, offset, previous, self._previous_length, room)
        last = offset + size * (n - 1)
        before, behind = (last - size, length) if n > 1 else (previous, self._previous_length)
        self._last[key] = _Last(last, before, meta, int(Tag.FSR_DATA), length, behind)
        self._previous_length = length
        return range(offset, last + 1, size)

    def replace_payload(self, tag: int, offset: int, payload: bytes) -> None:
        """Rewrite the payload of a chunk with one of the same length."""
        self._set(offset + CHUNK_HEADER.size, encode_body(payload), self._waiting(tag))

    def require(self, n_bytes: int) -> None:
        """Raise OSError where the disk has no room for more bytes, before it is filled in vain."""
        disk = os.fstatvfs(self._file)
        if n_bytes > (free := disk.f_bavail * disk.f_frsize):
            problem = f"{os.strerror(errno.ENOSPC)}: a gap needs {n_bytes:,} bytes of filling, {free:,} are free"
            raise OSError(errno.ENOSPC, problem, self.path)

    def write(self, *, sync: bool = False) -> None:
        """Write what was appended, and then the links to it; with ``sync`` wait until the disk has it.

        Raises FileNotFoundError where the file is no longer under its name: what goes there is gone when it is closed.
        """
        self._require_name()
        if self._n:
            done = _write_at(self._file, self._buffer[: self._n].data, self._written)
            self._written, self._n = self._written + done, 0
        for waiting in (self._patches, self._links):
            for offset, data in list(waiting.items()):
                _write_at(self._file, data, offset)
                del waiting[offset]
        if sync:
            os.fsync(self._file)

    def mark(self) -> None:
        """Say in the file's header how far all is on the disk, and linked; to be called when `write` has synced that.

        Who opens the file looks for what is not linked behind that only: a slow recording has many chunks in what is
        looked through otherwise.
        """
        _write_at(self._file, encode_file_header(self._written), 0)

    def finish(self) -> None:
        """Write all, END behind it, and in the file's header that it is whole; then close it.

        In this order: whoever sees END finds all that is before it. What fails can be tried again.
        """
        self.write()
        stop = self._written + CHUNK_HEADER.size
        _write_at(self._file, encode_chunk(0, 0, Tag.END, 0, 0, self._previous_length), self._written)
        if os.fstat(self._file).st_size > stop:
            os.ftruncate(self._file, stop)  # what a writer left that died inside a chunk
        _write_at(self._file, encode_file_header(stop), 0)
        self.close()

    def close(self) -> None:
        """Close the file as it stands; twice is harmless."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _link(self, key: Hashable, offset: int) -> int:
        """Link the last chunk of a list to the one that comes at ``offset``; return where the last one is, or 0."""
        if (last := self._last.get(key)) is None:
            return 0
        self._set(last.offset, last.header(offset), self._waiting(last.tag))
        return last.offset

    def _waiting(self, tag: int) -> dict[int, bytes]:
        """Return where a change of such a chunk waits."""
        return self._links if tag in _SAMPLES else self._patches

    def _set(self, offset: int, data: bytes, waiting: dict[int, bytes]) -> None:
        """Change bytes: at once where they are not written yet, else they wait for what was appended before."""
        at = offset - self._written
        if at >= 0:
            self._buffer[at : at + len(data)] = np.frombuffer(data, np.uint8)
        else:
            waiting[offset] = data

    def _add(self, data: bytes) -> None:
        """Append bytes."""
        self._room(len(data))[:] = np.frombuffer(data, np.uint8)

    def _room(self, n_bytes: int) -> NDArray[np.uint8]:
        """Return the place of the next bytes."""
        if self._n + n_bytes > len(self._buffer):
            self._buffer = np.concatenate([self._buffer, np.empty(n_bytes, np.uint8)])
        begin, self._n = self._n, self._n + n_bytes
        return self._buffer[begin : self._n]


def _write_at(file: int, data: bytes | memoryview, offset: int) -> int:
    """Write all of it, however many calls that takes; return its length."""
    view, done = memoryview(data), 0
    while done < len(view):
        done += os.pwrite(file, view[done:], offset + done)
    return done


def _lock(file: int, path: str) -> None:
    """Keep other processes of xjls from writing to the same file, where the system can."""
    try:
        lock(file)
    except BlockingIOError:
        raise BlockingIOError(errno.EWOULDBLOCK, "another process is writing to it", path) from None


def _list_of(tag: int, meta: int) -> Hashable:
    """Return which list a chunk belongs to: one of all definitions, one a signal, track and level of all others."""
    if tag in _WHOLE:
        return tag
    return "definitions" if tag in _DEFINITIONS else (tag, meta)
