"""What is published of a recording that is being written: metadata of all groups and arrays, labels, and tie points.

Everything here follows from what was written so far. What has not changed is not written again, and what cannot change
any more is not looked at again: a flush takes as long after a week as after a minute. The root comes last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xjls.formats.zarr.axis_times import AxisTimes, Lines, Published
from xjls.formats.zarr.codecs import encode_texts
from xjls.formats.zarr.folder import Series
from xjls.formats.zarr.metadata import (
    CONVENTIONS,
    arrays_of,
    encode_array,
    encode_group,
    encode_json,
    encode_root,
    encode_statistic,
    multiscales,
    seal,
)
from xjls.formats.zarr.naming import axes
from xjls.formats.zarr.opening import KEY, ROOT
from xjls.formats.zarr.records import GROUP, RecordLog, describe_pages
from xjls.formats.zarr.ties import TieArray
from xjls.formats.zarr.wire import FORMAT, KINDS, SEAL, Record, SignalRecord, encode_record
from xjls.model.describing import describing, describing_entries, packing, packing_of_entries
from xjls.model.documents import Document, encode_gap
from xjls.model.facts import encode_facts
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from xjls.formats.zarr.codecs import Parts
    from xjls.formats.zarr.folder import Folder
    from xjls.formats.zarr.written import WrittenSignal
    from xjls.model.signal import Source


class Publisher:
    """Write metadata, labels, ties and records of what has been written; called after the samples.

    Parameters
    ----------
    folder
        Where to.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._logs = {kind: RecordLog(Series(folder, f"{GROUP}/{kind}")) for kind in KINDS}
        self._tied: dict[str, TieArray] = {}
        """Arrays of ties, by the array that the first signal with them has."""
        self._lines: Lines = {}
        self._n_gaps: dict[str, int] = {}
        """Gaps that are among the records, by array: all but the last one, which may become longer."""
        self._put: dict[str, tuple[int, bytes]] = {}
        """Bytes and digests of objects that may be put again."""
        self._grows = False
        """Whether something was published before the end: then chunks must stay as they were cut."""

    def add(self, kind: str, document: Document) -> None:
        """Add a record, as it is now, to those of a kind."""
        self._logs[kind].append(document)

    def publish(self, signals: list[WrittenSignal], sources: tuple[Source, ...], *, closed: bool) -> None:
        """Write all that has changed since the last time."""
        self._grows |= not closed
        open_gaps = self._add_gaps(signals)
        for log in self._logs.values():
            log.put()
        owners = _owners(signals)
        members = {"0": encode_group()} | self._put_axes(signals) | self._put_ties(signals, owners)
        members |= dict(describe_pages(self._logs.items()))
        for path, document in members.items():
            self._put_changed(f"{path}/{ROOT}", [encode_json(document)])
        last = {kind: log.last() for kind, log in self._logs.items()}
        last["gaps"] += open_gaps
        record = Record(
            closed=closed, sources=sources,
            signals=tuple(_signal_record(one, owners.get(one.array)) for one in signals),
            size_bytes=self._size_bytes(signals), last=last,
            pages={kind: log.n_pages for kind, log in self._logs.items()},
        )  # fmt: skip
        attributes = _attributes(signals, record)
        told = attributes[KEY]
        told[SEAL] = seal(told, arrays_of(told, members, ""))
        self._put_changed(ROOT, [encode_json(encode_root(attributes, members))])

    def _add_gaps(self, signals: list[WrittenSignal]) -> list[Document]:
        """Add gaps to the records; return the last one of each signal, which stands beside them."""
        last = []
        for one in signals:
            gaps = one.stream.skipped.since(self._n_gaps.get(one.array, 0)) if one.stream else []
            for gap in gaps[:-1]:
                self.add("gaps", encode_gap(one.signal.name, gap))
                self._n_gaps[one.array] = self._n_gaps.get(one.array, 0) + 1
            last += [encode_gap(one.signal.name, gap) for gap in gaps[-1:]]
        return last

    def _put_axes(self, signals: list[WrittenSignal]) -> dict[str, Document]:
        """Write labels and tie points; return the metadata of samples, levels and of these."""
        members: dict[str, Document] = {}
        times = AxisTimes(self._lines, grows=self._grows)
        for path, document, chunks in (*_samples(signals, times), *_levels(signals, times)):
            members[path] = document
            for key, parts in chunks.items():
                self._put_changed(f"{path}/{key}", parts)
        # Only now: what is settled is not put again
        self._lines = times.lines
        return members

    def _put_ties(self, signals: list[WrittenSignal], owners: Mapping[str, str]) -> dict[str, Document]:
        """Write ties as they were told, each list of them once; return the metadata of their group."""
        members: dict[str, Document] = {"ties": encode_group()} if owners else {}
        for one in signals:
            if owners.get(one.array) == one.array:
                tied = self._tied.setdefault(one.array, TieArray(self._folder, f"ties/{one.array}"))
                tied.put(one.ties)
                members[tied.path] = tied.describe(f"tie_{one.array}")
        return members

    def _put_changed(self, key: str, parts: Parts) -> None:
        data = b"".join(bytes(part) for part in parts)
        # A checksum of 32 bits would take one of some billion changes for none, and a capture has millions
        known = len(data), hashlib.blake2b(data, digest_size=16).digest()
        if self._put.get(key) != known:
            self._folder.put(key, [data])
            self._put[key] = known

    def _size_bytes(self, signals: list[WrittenSignal]) -> int:
        """Return the bytes of all objects but the root."""
        streams = sum(one.stream.n_bytes for one in signals if one.stream)
        records = sum(log.n_bytes for log in self._logs.values()) + sum(tied.n_bytes for tied in self._tied.values())
        return streams + records + sum(n_bytes for key, (n_bytes, _) in self._put.items() if key != ROOT)


def _samples(signals: list[WrittenSignal], times: AxisTimes) -> Published:
    """Yield the arrays of group 0."""
    for dim, group in _axes("0", [(one.array, one) for one in signals if one.stream], lambda one: one.grid):
        points, linked = times.arrays("0", dim, group, group[0].length)
        yield from points
        for one in group:
            if one.stream is None:
                continue
            attributes = describing(one.signal, first_id=one.first_id) | packing(one.signal) | linked
            yield one.stream.path, encode_array(
                one.stream.dtype, [one.length], [dim], attributes, chunk=one.stream.chunk,
                shard=one.stream.shard, codec=one.stream.codec, fill=one.stream.fill,
            ), {}  # fmt: skip


def _levels(signals: list[WrittenSignal], times: AxisTimes) -> Published:
    """Yield the groups of levels, and their arrays."""
    for index in range(1, max((len(one.factors) for one in signals), default=0) + 1):
        yield str(index), encode_group(), {}
        yield f"{index}/statistic", encode_statistic(), {"c.0": [encode_texts(STATISTICS)]}
        members = [(one.array, one) for one in signals if len(one.factors) >= index]
        for dim, group in _axes(str(index), members, lambda one, i=index: (*one.grid, one.factors[i - 1])):
            factor = group[0].factors[index - 1]
            length = group[0].length // factor
            points, linked = times.arrays(str(index), dim, group, length, factor)
            yield from points
            for one in group:
                if one.stream is not None:
                    level = one.stream.levels[index - 1]
                    told = describing_entries(one.signal, index, factor, first_id=one.first_id)
                    attributes = told | packing_of_entries(one.signal) | linked
                    shape, dims = [length, len(STATISTICS)], [dim, "statistic"]
                    yield level.path, encode_array(
                        one.stream.level_dtype, shape, dims, attributes, chunk=level.chunk
                    ), {}  # fmt: skip


def _axes(path: str, members: list[tuple[str, WrittenSignal]], shared_by: Any) -> list[tuple[str, list[WrittenSignal]]]:
    # Axes that are empty as yet are last: what is on them has no place beside others
    ordered = sorted(members, key=lambda member: not member[1].length) if path == "0" else members
    return [(dim, [one for _, one in group]) for dim, group in axes(ordered, shared_by).items()]


def _owners(signals: list[WrittenSignal]) -> dict[str, str]:
    """Return whose array of ties has those of a signal: that of the first one with the same."""
    first: dict[bytes, str] = {}
    return {one.array: first.setdefault(one.ties.digest, one.array) for one in signals if one.ties}


def _attributes(signals: list[WrittenSignal], record: Record) -> Document:
    """Return the attributes of the root."""
    attributes: Document = {"Conventions": CONVENTIONS, "format": FORMAT}
    if not record.closed:
        attributes["recording_status"] = "not closed by its writer"
    longest = max((one.factors for one in signals), key=len, default=())
    steps = [after // before for before, after in zip((1, *longest), longest, strict=False)]
    return attributes | multiscales(steps) | {KEY: encode_record(record)}


def _signal_record(one: WrittenSignal, ties: str | None) -> SignalRecord:
    signal = one.signal
    return SignalRecord(
        id=signal.id, name=signal.name, array=one.array, source=signal.source.id, units=signal.units,
        stored_type=signal.stored_type, rate_hz=signal.rate_hz, facts=encode_facts(signal),
        first_id=one.first_id, ties=ties,
    )  # fmt: skip
