"""What is published of a recording that is being written: metadata of all groups and arrays, labels, and tie points.

Everything here follows from what was written so far. What has not changed is not written again, and what cannot change
any more is not looked at again: a flush takes as long after a week as after a minute. The root comes last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xjls.formats.zarr.axis_times import AxisTimes, Lines, Published, arrays_of_axis
from xjls.formats.zarr.codecs import encode_texts
from xjls.formats.zarr.labels import AxisLabels, Known
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
from xjls.formats.zarr.series import RollingSeries, Series
from xjls.formats.zarr.ties import TIES_BESIDE, TieArray
from xjls.formats.zarr.wire import FORMAT, KINDS, SEAL, Record, SignalRecord, encode_record
from xjls.model.describing import describing, describing_entries, packing, packing_of_entries
from xjls.model.documents import Document, encode_gap
from xjls.model.facts import encode_facts
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from xjls.formats.zarr.codecs import Parts
    from xjls.formats.zarr.folder import Folder
    from xjls.formats.zarr.leftovers import Leftovers
    from xjls.formats.zarr.written import WrittenSignal
    from xjls.model.signal import Source


@dataclass(frozen=True, slots=True)
class Tail:
    """What is said of the tail of a store."""

    numbers: tuple[int, ...]
    """Of the objects that have what is in no shard yet."""
    next_number: int
    identity: str
    """Of the store."""
    n_bytes: int
    """Of those objects, and of what describes them."""

    @property
    def told(self) -> dict[str, Any]:
        """What the root says of it, as `Record` calls it."""
        return {"tail": self.numbers, "next_tail": self.next_number, "identity": self.identity}


class Publisher:
    """Write metadata, labels, ties and records of what has been written; called after the samples.

    Parameters
    ----------
    folder
        Where to.
    keep_s
        Seconds that are kept of every signal; None for all.
    """

    def __init__(self, folder: Folder, keep_s: float | None = None) -> None:
        self._folder = folder
        self._keep_s = keep_s
        make = Series if keep_s is None else RollingSeries
        self._logs = {kind: RecordLog(make(folder, f"{GROUP}/{kind}")) for kind in KINDS}
        self._tied: dict[str, TieArray] = {}
        """Arrays of ties, by the array that the first signal with them has."""
        self._lines: Lines = {}
        self._labels: Known = {}
        self._n_gaps: dict[str, int] = {}
        """Gaps that are among the records, by array: all but the last one, which may become longer."""
        self._put: dict[str, tuple[int, bytes]] = {}
        """Bytes and digests of objects that may be put again."""
        self._grows = False
        """Whether something was published before the end: then chunks must stay as they were cut."""
        self._shown: Mapping[str, int] = {}
        """By array that is on no axis of time: positions that its metadata tell of."""
        self._axes: tuple[object, dict[str, Document]] = None, {}
        """What axes were published of, and the metadata of them and of all that lies on them."""
        self._separator = "."
        """Between the numbers in the keys of tie points."""
        self._before_bytes: int | None = None
        """Of objects from before that no part of this knows; None in a new store."""
        self._leftovers: Leftovers | None = None
        """What the next root makes superfluous."""

    def add(self, kind: str, document: Document) -> None:
        """Add a record, as it is now, to those of a kind."""
        self._logs[kind].append(document)

    def publish(
        self, signals: list[WrittenSignal], sources: tuple[Source, ...], *, closed: bool, tail: Tail | None = None
    ) -> None:
        """Write all that has changed since the last time.

        ``tail`` is what no shard has yet, of a store that has a tail.
        """
        self._grows |= not closed
        open_gaps = self._add_gaps(signals)
        for log in self._logs.values():
            log.put()
        owners = _owners(signals)
        members = self._put_axes(signals, tail, closed=closed)
        members |= self._put_ties(signals, owners, but=TIES_BESIDE if tail and not closed else 0)
        members |= dict(describe_pages(self._logs.items()))
        for path, document in members.items():
            self._put_changed(f"{path}/{ROOT}", [encode_json(document)])
        if self._keep_s is not None and not closed:
            self._expire(signals)
        superfluous = self._leftovers.keys(members) if self._leftovers else []
        n_bytes = self._size_bytes(signals) + (tail.n_bytes if tail else 0) - sum(map(self._folder.size, superfluous))
        last = {kind: log.last() for kind, log in self._logs.items()}
        last["gaps"] += open_gaps
        record = Record(
            closed=closed, sources=sources,
            signals=tuple(self._signal_record(one, owners.get(one.array), tail, closed=closed) for one in signals),
            size_bytes=n_bytes, last=last,
            pages={kind: log.n_pages for kind, log in self._logs.items()},
            first_pages={kind: log.first_page for kind, log in self._logs.items() if log.first_page},
            keep_s=self._keep_s, **({} if tail is None else tail.told),
        )  # fmt: skip
        attributes = _attributes(signals, record)
        told = attributes[KEY]
        told[SEAL] = seal(told, arrays_of(told, members, ""))
        self._put_changed(ROOT, [encode_json(encode_root(attributes, members))])
        if superfluous:
            self._folder.sync()  # what the disk has for sure may be the root before
        for key in superfluous:
            n_bytes = self._folder.size(key)
            self._folder.remove(key)  # only now, what is refused being tried again: once for each
            self._before_bytes = (self._before_bytes or 0) - n_bytes
        self._leftovers = None

    def resume(
        self,
        record: Record,
        signals: list[WrittenSignal],
        leftovers: Leftovers,
        *,
        separator: str,
        tail_bytes: int,
    ) -> None:
        """Go on with what a root says.

        Parameters
        ----------
        record
            What it says.
        signals
            As far as it says.
        leftovers
            What the next one makes superfluous.
        separator
            Between the numbers in the keys of tie points.
        tail_bytes
            Of the tail.
        """
        self._grows, self._separator, self._leftovers = True, separator, leftovers
        for one in signals:
            gaps = list(one.stream.skipped) if one.stream else []
            self._n_gaps[one.array] = max(len(gaps) - 1, 0)
        lists, there = {one.array: one.ties for one in signals}, {one.array: one for one in record.signals}
        for array in {one.ties for one in record.signals if one.ties} & set(_owners(signals).values()):
            self._tied[array] = self._tie_array(array)
            self._tied[array].resume(lists[array].first, len(lists[array]) - len(there[array].ties_beside))
        for kind, log in self._logs.items():
            last = record.last[kind] if kind != "gaps" else _logged(record.last[kind])
            log.resume(record.first_pages.get(kind, 0), record.pages[kind], last)
        self._before_bytes = 0
        # The root does not count what a killed writer put behind it, or removed
        n_bytes = sum(size for key, size in self._folder.sizes().items() if key != ROOT)
        self._before_bytes = n_bytes - self._size_bytes(signals) - tail_bytes

    def remove_expired(self, first_pages: Mapping[str, int], first_ties: Mapping[str, int]) -> None:
        """Remove pages of records, and chunks of ties, before those that are still needed."""
        for kind, page in first_pages.items():
            self._logs[kind].remove(page)
        for array, tie in first_ties.items():
            self._tied[array].remove(tie)

    def needed(self, signals: list[WrittenSignal]) -> tuple[dict[str, int], dict[str, int]]:
        """Return the first page of each kind of records, and the first tie of each array, that are needed."""
        firsts: dict[str, int] = {}
        ties = {one.array: one.ties.first for one in signals}
        for array, owner in _owners(signals).items():
            firsts[owner] = min(firsts.get(owner, ties[array]), ties[array])
        return {kind: log.first_page for kind, log in self._logs.items()}, firsts

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

    def _expire(self, signals: list[WrittenSignal]) -> None:
        """Let go of records of samples that are not there any more; user data are of none.

        Of samples that were only dropped as yet, somebody may still find filling in shards, and must know what it is.
        """
        streams = {one.signal.name: one.stream for one in signals if one.stream}
        lengths = {name: stream.length for name, stream in streams.items()}
        removed = {name: stream.removed for name, stream in streams.items()}
        for kind in ("annotations", "gaps"):
            self._logs[kind].expire(lengths, removed)

    def _put_axes(self, signals: list[WrittenSignal], tail: Tail | None, *, closed: bool) -> dict[str, Document]:
        """Write labels and tie points; return the metadata of samples, levels and of these."""
        state = closed, [(one.array, one.grid, _stored_entries(one)) for one in signals]
        if tail and self._axes[0] == state:
            return dict(self._axes[1])  # whoever sees no tail sees nothing new, and no new ties either
        labels = AxisLabels(signals, self._labels, closed=closed)
        members = {"0": encode_group(labels.group_attributes)}
        rolls = self._keep_s is not None
        times = AxisTimes(self._lines, grows=self._grows and not rolls, separator=self._separator)
        shown = None if rolls and not closed else times
        with_ids = shown is not None
        series = *_samples(signals, shown, labels.names), *_levels(signals, shown)
        for path, document, chunks in (*series, *labels.arrays(with_ids=with_ids)):
            members[path] = document
            for key, parts in chunks.items():
                self._put_changed(f"{path}/{key}", parts)
        # Only now: what is settled is not put again
        self._lines, self._labels, self._shown = times.lines, labels.known, labels.lengths
        self._axes = state, members
        return dict(members)

    def _put_ties(self, signals: list[WrittenSignal], owners: Mapping[str, str], *, but: int) -> dict[str, Document]:
        """Write ties as they were told, each list of them once; return the metadata of their group.

        So many, ``but`` not more, may stand beside instead.
        """
        members: dict[str, Document] = {"ties": encode_group()} if owners else {}
        for one in signals:
            if owners.get(one.array) == one.array:
                tied = self._tied.setdefault(one.array, self._tie_array(one.array))
                tied.put(one.ties, but=but)
                members[tied.path] = tied.describe(f"tie_{one.array}")
        return members

    def _tie_array(self, array: str) -> TieArray:
        return TieArray(self._folder, f"ties/{array}", rolling=self._keep_s is not None)

    def _put_changed(self, key: str, parts: Parts) -> None:
        data = b"".join(bytes(part) for part in parts)
        # A checksum of 32 bits would take one of some billion changes for none, and a capture has millions
        known = len(data), hashlib.blake2b(data, digest_size=16).digest()
        if self._put.get(key) != known:
            if self._before_bytes is not None and key not in self._put and key != ROOT:
                self._before_bytes -= self._folder.size(key)
            self._put.setdefault(key, (0, b""))
            self._folder.put(key, [data])
            self._put[key] = known

    def _signal_record(self, one: WrittenSignal, ties: str | None, tail: Tail | None, *, closed: bool) -> SignalRecord:
        """Return what the root says of a signal."""
        signal, stream = one.signal, one.stream
        growth: dict[str, Any] = {}
        if stream and self._shown.get(one.array, stream.stored) != stream.stored:
            growth = {"stored": stream.stored}
        if tail and stream:
            growth |= {"dropped": stream.dropped, "first_tie": one.ties.first}
            if ties == one.array:
                growth["ties_beside"] = self._tied[ties].rest(one.ties)
            if not closed:
                factors = tuple(factor for factor in stream.factors if factor <= stream.length - stream.dropped)
                growth |= {"length": stream.length, "factors": factors}
        return SignalRecord(
            id=signal.id, name=signal.name, array=one.array, source=signal.source.id, units=signal.units,
            stored_type=signal.stored_type, rate_hz=signal.rate_hz, facts=encode_facts(signal),
            first_id=one.first_id, ties=ties, **growth,
        )  # fmt: skip

    def _size_bytes(self, signals: list[WrittenSignal]) -> int:
        """Return the bytes of all objects but the root."""
        streams = sum(one.stream.n_bytes for one in signals if one.stream)
        records = sum(log.n_bytes for log in self._logs.values()) + sum(tied.n_bytes for tied in self._tied.values())
        put = sum(n_bytes for key, (n_bytes, _) in self._put.items() if key != ROOT)
        return streams + records + put + (self._before_bytes or 0)


def _samples(signals: list[WrittenSignal], times: AxisTimes | None, taken: Collection[str]) -> Published:
    """Yield the arrays of group 0 that are series; nothing of their axes is called as what is ``taken``."""
    series = [(one.array, one) for one in signals if one.stream and not one.signal.axis]
    root = _root([name for name, _ in series], taken)
    for dim, group in _axes("0", series, lambda one: one.grid, root):
        points, linked = times.arrays("0", dim, group, group[0].stored) if times else ((), {})
        yield from points
        for one in group:
            if one.stream is None:
                continue
            attributes = describing(one.signal, first_id=one.first_id) | packing(one.signal) | linked
            yield one.stream.path, encode_array(
                one.stream.dtype, [one.stored], [dim], attributes, chunk=one.stream.chunk, shard=one.stream.shard,
                codec=one.stream.codec, fill=one.stream.fill, separator=one.stream.cut.separator,
            ), {}  # fmt: skip


def _root(series: Sequence[str], taken: Collection[str]) -> str:
    """Return what the axes of series begin with, so that nothing that they may be called one day is ``taken``."""
    root, others = "time", {name.casefold() for name in taken}
    while others & {
        name.casefold() for dim in (root, *(f"{root}_{array}" for array in series)) for name in arrays_of_axis(dim)
    }:
        root = f"sample_{root}"
    return root


def _levels(signals: list[WrittenSignal], times: AxisTimes | None) -> Published:
    """Yield the groups of levels, and their arrays."""
    for index in range(1, max((len(one.factors) for one in signals), default=0) + 1):
        yield str(index), encode_group(), {}
        yield f"{index}/statistic", encode_statistic(), {"c.0": [encode_texts(STATISTICS)]}
        members = [(one.array, one) for one in signals if len(one.factors) >= index]
        for dim, group in _axes(str(index), members, lambda one, i=index: (*one.grid, _level(one, i))):
            factor, length = _level(group[0], index)
            points, linked = times.arrays(str(index), dim, group, length, factor) if times else ((), {})
            yield from points
            for one in group:
                if one.stream is not None:
                    level = one.stream.levels[index - 1]
                    told = describing_entries(one.signal, index, factor, first_id=one.first_id)
                    attributes = told | packing_of_entries(one.signal) | linked
                    shape, dims = [length, len(STATISTICS)], [dim, "statistic"]
                    yield level.path, encode_array(
                        one.stream.level_dtype, shape, dims, attributes, chunk=level.chunk,
                        separator=one.stream.cut.key_separator(index),
                    ), {}  # fmt: skip


def _level(one: WrittenSignal, index: int) -> tuple[int, int]:
    """Return the samples an entry of a level covers, and how many entries are in chunks."""
    return one.factors[index - 1], _stored_entries(one)[index - 1]


def _stored_entries(one: WrittenSignal) -> list[int]:
    return [level.stored for level in one.stream.levels] if one.stream else []


def _logged(last: Sequence[Document]) -> list[Document]:
    """Return the records of gaps without the last one of each signal, which stands beside them."""
    newest = {document["signal"]: i for i, document in enumerate(last)}
    return [document for i, document in enumerate(last) if newest[document["signal"]] != i]


def _axes(
    path: str, members: list[tuple[str, WrittenSignal]], shared_by: Any, root: str = "time"
) -> list[tuple[str, list[WrittenSignal]]]:
    # Axes that are empty as yet are last: what is on them has no place beside others
    ordered = sorted(members, key=lambda member: not member[1].stored) if path == "0" else members
    return [(dim, [one for _, one in group]) for dim, group in axes(ordered, shared_by, root).items()]


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
