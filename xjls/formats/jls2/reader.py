"""From records to a Recording: open a JLS v2 file, say what it holds, read from it.

Opening reads the definitions and one path down the right edge of each signal's index. A file that was not closed is
walked from its last known chunk on; a file whose links are damaged is surveyed as a whole.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError, NotRecognizedError, TruncatedError, UnsupportedError
from xjls.formats.jls2 import events
from xjls.formats.jls2.chunks import ChunkFile, Hole
from xjls.formats.jls2.datatypes import decode_data_type
from xjls.formats.jls2.definitions import NO_HEADS, read_definitions, take_definitions
from xjls.formats.jls2.describe import GLOBAL_SIGNAL, GLOBAL_SOURCE, describe_signal, describe_source, unique_names
from xjls.formats.jls2.gaps import GAP_META, decode_gaps, is_gap
from xjls.formats.jls2.health import Health
from xjls.formats.jls2.layout import Blocks
from xjls.formats.jls2.records import Records
from xjls.formats.jls2.signal_record import is_signal_record, read_signal_record
from xjls.formats.jls2.track import Track
from xjls.formats.jls2.tree import IndexTree
from xjls.formats.jls2.wire import CHUNK_HEADER, FIRST_CHUNK, MAGIC, Tag, decode_file_header, jls_time_to_ns
from xjls.model.recording import Recording
from xjls.model.signal import Source
from xjls.model.status import Damage
from xjls.storage import absolute_path, open_storage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.definitions import Definitions
    from xjls.formats.jls2.gaps import GapsBySignal
    from xjls.formats.jls2.layout import Layout
    from xjls.formats.jls2.places import Places
    from xjls.formats.jls2.wire import Chunk, SignalDef
    from xjls.model.annotation import Annotation, Tie, UserData
    from xjls.model.reader import OnDamage
    from xjls.model.signal import Level, Signal
    from xjls.model.status import Status
    from xjls.model.window import Gap, Window
    from xjls.progress import Progress


LATEST_BYTES = 1 << 23
"""More than a writer of usual blocks appends before it links what it has appended."""


def recognizes(head: bytes) -> bool:
    """Whether the first bytes of a file are a JLS v2 recording's."""
    return head.startswith(MAGIC)


def open_jls2(path: str, *, storage_options: Mapping[str, Any] | None, on_damage: OnDamage, verify: bool) -> Recording:
    """Open a JLS v2 recording; see `xjls.open_recording`."""
    options = {"storage_options": dict(storage_options)} if storage_options else {}
    return Recording(absolute_path(path), Jls2Reader, options=options, on_damage=on_damage, verify=verify)


class Jls2Reader:
    """Fulfil `xjls.model.reader.Reader` for JLS v2.

    Parameters
    ----------
    path
        A local path, or an address that fsspec understands.
    storage_options
        For fsspec.

    Raises
    ------
    NotRecognizedError, UnsupportedError
        The bytes are not JLS v2, or of a version that is another format.
    """

    format = "JLS v2"
    restarts = False

    def __init__(self, path: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self._storage = open_storage(path, storage_options)
        self.token = self._storage.token
        self.chunks = ChunkFile(self._storage)
        self._health = Health()
        self._records = Records(self.chunks, self._health)
        self._lock = threading.RLock()
        self.linked_to = 0
        """Offset of a chunk before which all are linked, in a file that was not closed."""
        self._marked = 0
        """What the header of such a file says of that, if it does."""
        try:
            self.was_closed = self._read_header()
            self.definitions = self._define()
            sources = sorted(self.definitions.sources.items())
            self.sources = tuple(describe_source(source) for i, source in sources if i != GLOBAL_SOURCE)
            self._ids = self._identify()
            self.names = tuple(self._ids)
            self._tracks: dict[int, Track] = {}
            if not self.was_closed:
                self._open_tracks()
        except BaseException:
            self._storage.close()
            raise

    # -- reading -----------------------------------------------------------------------------------------------------

    def read(
        self, signal: Signal, window: Window, out: NDArray[Any] | None, on_damage: OnDamage, verify: bool
    ) -> tuple[NDArray[Any], tuple[Gap, ...]]:
        """Read samples; see `Reader`."""
        track = self.track(signal.id)
        if track is None:
            return np.empty(0, signal.dtype) if out is None else out, ()
        return track.read(window, out, on_damage, verify)

    def read_level(
        self, signal: Signal, level: Level, entries: Window, on_damage: OnDamage, verify: bool
    ) -> NDArray[Any]:
        """Read entries of a level; see `Reader`."""
        track = self.track(signal.id)
        assert track is not None, "a signal without samples has no level"  # noqa: S101 - an invariant, not input
        return track.read_level(level.index, entries, on_damage, verify)

    def places(self, signal: Signal, verify: bool) -> Places:
        """Return where a signal's samples and entries lie; see `Reader`."""
        track = self.track(signal.id)
        assert track is not None, "a signal without samples has no places"  # noqa: S101 - an invariant, not input
        return track.places(verify)

    def gaps(self, signal: Signal) -> tuple[Gap, ...]:
        """Return what the index shows to be lost, and what was skipped; see `Reader`."""
        track = self.track(signal.id)
        return track.gaps() if track else ()

    def skipped(self, signal: Signal) -> tuple[Gap, ...]:
        """Return the gaps that the writer recorded; see `Reader`."""
        track = self.track(signal.id)
        return tuple(track.skipped.gaps) if track else ()

    def ties(self, signal: Signal) -> tuple[Tie, ...]:
        """Return a signal's ties; see `Reader`."""
        heads = self._heads(signal.id, Tag.UTC_HEAD)
        if self.was_closed and heads[1]:
            try:
                return events.read_indexed_ties(self.chunks, signal.id, heads)
            except (CorruptError, TruncatedError) as error:
                self._health.add_error(error, "ties are read from their own chunks instead")
        return events.decode_ties(self.records(heads[0], Tag.UTC_DATA, signal.id))

    def annotations(self) -> tuple[Annotation, ...]:
        """Return all annotations; see `Reader`."""
        found: list[Annotation] = []
        names = {signal_id: name for name, signal_id in self._ids.items()}
        for signal_id in sorted({GLOBAL_SIGNAL, *self.definitions.signals}):
            start = self._heads(signal_id, Tag.ANNOTATION_HEAD)[0]
            records = events.decode_annotations(self.records(start, Tag.ANNOTATION_DATA, signal_id))
            name = names.get(signal_id, "")
            sampled = signal_id in names and not self.definitions.signals[signal_id].signal_type
            for record in records:
                # Signals with a sample rate place annotations by sample id, all others by JLS time
                sample_id, time = (record.timestamp, None) if sampled else (None, jls_time_to_ns(record.timestamp))
                found.append(events.annotation(name, record, sample_id, time))
        return tuple(found)

    def user_data(self) -> tuple[UserData, ...]:
        """Return user data; see `Reader`."""
        found = events.decode_user_data(self.records(self.definitions.user_data, Tag.USER_DATA))
        return tuple(record for record in found if not (is_gap(record) or is_signal_record(record)))

    @cached_property
    def _gaps(self) -> GapsBySignal:
        """The gaps that the writer recorded; of all other user data the headers are read and nothing else."""
        try:
            listed = list(self.chunks.headers(self.definitions.user_data))
        except (CorruptError, TruncatedError):
            return decode_gaps(events.decode_user_data(self.records(self.definitions.user_data, Tag.USER_DATA)))
        known = {chunk.offset for chunk in listed}
        unlinked = self._records.unlinked(Tag.USER_DATA)
        found = (*listed, *(chunk for chunk in unlinked if chunk.offset not in known))
        told = [chunk for chunk in found if chunk.meta & 0xFFF == GAP_META]
        return decode_gaps(events.decode_user_data(events.read_chunks(self.chunks, told)))

    def status(self) -> Status:
        """Return what is known of the recording's health; see `Reader`."""
        for signal_id in self._ids.values():
            self.track(signal_id)
        return self._health.status(closed=self.was_closed, size_bytes=self._storage.size)

    def check(self, progress: Progress | None) -> tuple[Damage, ...]:
        """Walk and verify every chunk; see `Reader`."""
        from xjls.formats.jls2.check import check_chunks

        broken, astray = check_chunks(self.chunks, progress)
        for track in [track for i in self._ids.values() if (track := self.track(i)) is not None]:
            track.gaps()
            broken = track.name_losses(broken)
        for damage in (*broken, *astray):
            self._health.add(damage)
        return self.status().damage

    def close(self) -> None:
        """Give the file back; see `Reader`."""
        self._storage.close()

    # -- opening -----------------------------------------------------------------------------------------------------

    def _read_header(self) -> bool:
        """Check the file header; return whether the file was closed."""
        path, size = self._storage.path, self._storage.size
        header = decode_file_header(self._storage.read(0, FIRST_CHUNK))
        if header is None:
            raise NotRecognizedError(
                f"the first bytes are not a JLS v2 recording's ({size:_} bytes)",
                path,
                0,
                "Is it another format, or empty?",
            )
        if header.intact and header.version[0] != 1:
            raise UnsupportedError(
                f"version {'.'.join(map(str, header.version))} of the format, written by a JLS library before 0.3",
                path, 24, "Only version 1 is read; convert it with the software that wrote it.",
            )  # fmt: skip
        if not header.intact:
            self._health.add(Damage(0, FIRST_CHUNK, "the file header's checksum differs", "its length is not used"))
            return self._ends_at(size)
        if header.length > size:
            self._health.add(Damage(size, header.length, f"the file ends {header.length - size:_} bytes early"))
            return False
        if header.length and self._ends_at(header.length):
            if header.length < size:
                self._health.add(Damage(header.length, size, "bytes behind the end of the recording"))
            return True
        self._marked = header.length
        return self._ends_at(size)

    def _ends_at(self, stop: int) -> bool:
        try:
            return self.chunks.header(stop - CHUNK_HEADER.size).tag == Tag.END
        except (CorruptError, TruncatedError):
            return False

    def _define(self) -> Definitions:
        definitions = read_definitions(self.chunks)
        torn = [e for e in definitions.broken if self.was_closed or isinstance(e, CorruptError)]
        if torn:
            for error in torn:
                self._health.add_error(error, "definitions are read from a walk over the whole file")
            survey = self._records.survey()
            tags = (Tag.SOURCE_DEF, Tag.SIGNAL_DEF, Tag.FSR_HEAD, Tag.VSR_HEAD, Tag.ANNOTATION_HEAD, Tag.UTC_HEAD)
            for tag in tags:
                take_definitions(self.chunks, survey.chunks_of(tag), definitions)
            definitions.user_data = next((c.offset for c in survey.chunks_of(Tag.USER_DATA)), 0)
        return definitions

    def _identify(self) -> dict[str, int]:
        """Return the signals that can be described, by the names that they go by; note the others."""
        ids = {}
        for i, name in sorted(unique_names(self.definitions).items()):
            definition = self.definitions.signals[i]
            kind, type_name, _ = decode_data_type(definition.data_type)
            if definition.signal_type or (kind and definition.rate_hz):
                ids[name] = i
            else:
                self._health.note(f"{name}: type {type_name} at {definition.rate_hz} Hz is not read")
        return ids

    def describe(self, name: str) -> Signal:
        """Return a signal's facts; see `Reader`."""
        definition = self.definitions.signals[self._ids[name]]
        source = next((source for source in self.sources if source.id == definition.source_id), None)
        if source is None:
            source = Source(id=definition.source_id, name=f"source {definition.source_id}")
        signal = describe_signal(definition, name, source, self.track(definition.id))
        return replace(signal, **said) if (said := self._said_beside(definition, name)) else signal

    def _said_beside(self, definition: SignalDef, name: str) -> dict[str, Any]:
        """Return what the record behind a signal's definition says of it; nothing where there is none."""
        if (last := self.definitions.last_heads.get(definition.id)) is None:
            return {}
        try:
            return read_signal_record(self.chunks, last.stop, definition, self._storage.path)
        except CorruptError as error:
            self._health.add_error(error, f"scale and offset of {name!r} may be lost: its values would be counts")
            return {}

    def track(self, signal_id: int) -> Track | None:
        """Return a signal's track, opened on first use; None for a signal that carries annotations only."""
        if (kept := self._tracks.get(signal_id)) is not None:
            return kept
        if self.definitions.signals[signal_id].signal_type:
            return None
        with self._lock:
            if signal_id not in self._tracks:
                self._tracks[signal_id] = self._new_track(signal_id)
            return self._tracks[signal_id]

    def _open_tracks(self) -> None:
        """Open all tracks of a file that was not closed, and take what its writer could not link any more."""
        tracks = [track for i in self._ids.values() if (track := self.track(i)) is not None]
        self._take_unlinked({track.id: track.layout for track in tracks if isinstance(track.layout, IndexTree)})

    def _lay_out(self, name: str, definition: SignalDef, blocks: Blocks) -> Layout:
        """Return a signal's layout from its index, or from a survey where that is damaged or cannot be used."""
        heads = self.definitions.heads.get((definition.id, Tag.FSR_HEAD))
        if not blocks.regular or (heads is None and (self.was_closed or self._records.surveyed)):
            return self._records.survey().track(definition.id, blocks)
        try:
            return IndexTree(
                self.chunks,
                definition.id,
                blocks,
                heads or NO_HEADS,
                closed=self.was_closed,
                report=self._health.add_index_error,
            )
        except (CorruptError, TruncatedError) as error:
            if self.was_closed or isinstance(error, CorruptError):
                self._health.add_error(error, f"{name!r} is found by a walk over the whole file")
        return self._records.survey().track(definition.id, blocks)

    def _new_track(self, signal_id: int) -> Track:
        definition = self.definitions.signals[signal_id]
        name = next(name for name, i in self._ids.items() if i == signal_id)
        kind = decode_data_type(definition.data_type)[0]
        assert kind is not None, "signals of other types have no name here"  # noqa: S101 - an invariant, not input
        blocks = Blocks.of(definition, kind)
        # Not self: a circle would keep the file open until it is collected
        health, reader = self._health, weakref.ref(self)
        return Track(
            self._storage,
            name,
            signal_id,
            kind,
            blocks,
            self._lay_out(name, definition, blocks),
            lost=lambda gaps: health.add_gaps(name, gaps),
            note=lambda text: health.note(f"{name}: {text}"),
            skipped=lambda: there._gaps.get(signal_id, ()) if (there := reader()) is not None else (),
        )

    def _take_unlinked(self, trees: Mapping[int, IndexTree]) -> None:
        """Find what was written last and not linked, or what follows a tear, in a file that was not closed."""
        last = max([self.definitions.last, FIRST_CHUNK, *(tree.last_data for tree in trees.values())])
        # Of one signal all that came last may be linked already, of another nothing
        latest = max(self._storage.size - LATEST_BYTES, FIRST_CHUNK)
        self.linked_to = min(last, self._marked if self._marked > latest else self.chunks.next_chunk(latest))
        for item in self.chunks.walk(self.linked_to):
            if isinstance(item, Hole):
                self._health.add(
                    Damage(*item, "no intact chunk", "the last chunk may have been cut off as it was written")
                )
            elif item.tag == Tag.END:
                self.was_closed = True
                return
            elif item.tag == Tag.FSR_DATA and item.meta in trees:
                self._append(trees[item.meta], item)
            else:
                self._records.take_unlinked(item)

    def _append(self, tree: IndexTree, chunk: Chunk) -> None:
        try:
            tree.append(chunk)
        except (CorruptError, TruncatedError) as error:
            self._health.add_error(error, "its samples are lost")

    # -- damage ------------------------------------------------------------------------------------------------------

    def records(self, start: int, tag: int, meta: int | None = None) -> list[tuple[Chunk, bytes]]:
        """Read a list; see `Records`."""
        return self._records.read(start, tag, meta, closed=self.was_closed)

    def _heads(self, signal_id: int, tag: int) -> tuple[int, ...]:
        return self.definitions.heads.get((signal_id, tag), NO_HEADS)
