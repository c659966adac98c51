"""What is published of a recording that is being written: metadata of all groups and arrays, labels, and tie points.

Everything here follows from what was written so far, and is made anew at each flush. Objects that have not changed are
not written again; the root comes last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.zarr.codecs import encode_chunk, encode_texts, padded
from xjls.formats.zarr.metadata import (
    CONVENTIONS,
    arrays_of,
    encode_array,
    encode_group,
    encode_json,
    encode_root,
    encode_scalar,
    encode_statistic,
    multiscales,
    seal,
)
from xjls.formats.zarr.naming import axes
from xjls.formats.zarr.opening import KEY, ROOT
from xjls.formats.zarr.times import TiePoints, clock_of, tie_points
from xjls.formats.zarr.wire import FORMAT, SEAL, Document, Record, SignalRecord, encode_record
from xjls.model.signal import STATISTICS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.codecs import Parts
    from xjls.formats.zarr.folder import Folder
    from xjls.formats.zarr.stream import SampleStream
    from xjls.model.annotation import Tie
    from xjls.model.clock import Clock
    from xjls.model.signal import Signal

CHUNK_TIES = 4096


@dataclass(slots=True, eq=False)
class WrittenSignal:
    """What was written of one signal."""

    signal: Signal
    array: str
    """What its arrays are called."""
    stream: SampleStream | None
    """None for a signal that carries annotations only."""
    ties: list[Tie] = field(default_factory=list)

    @property
    def first_id(self) -> int:
        """Sample id of the first sample; 0 without any."""
        return (self.stream.first_id or 0) if self.stream else 0

    @property
    def length(self) -> int:
        """Samples so far."""
        return self.stream.length if self.stream else 0

    @property
    def grid(self) -> tuple[object, ...]:
        """What signals on one axis have in common."""
        return (self.signal.source.id, self.signal.rate_hz, self.first_id, self.length)

    @property
    def factors(self) -> tuple[int, ...]:
        """Samples an entry covers, of each level that has one."""
        return self.stream.factors[: sum(level.length > 0 for level in self.stream.levels)] if self.stream else ()


class Publisher:
    """Write metadata, labels and ties of what has been written; called after the samples.

    Parameters
    ----------
    folder
        Where to.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._put: dict[str, bytes] = {}
        self._grows = False
        """Whether something was published before the end: then chunks must stay as they were cut."""

    def publish(self, signals: list[WrittenSignal], record: Record) -> None:
        """Write all that has changed since the last time."""
        tied, owners = _distinct_ties(signals)
        members: dict[str, Document] = {"0": encode_group()}
        objects: dict[str, Parts] = {}
        self._grows |= not record.closed
        for path, document, chunks in (*_samples(signals, self._grows), *_levels(signals, self._grows), *_ties(tied)):
            members[path] = document
            objects.update({f"{path}/{key}": parts for key, parts in chunks.items()})
        for key, parts in objects.items():
            self._put_changed(key, parts)
        for path, document in members.items():
            self._put_changed(f"{path}/{ROOT}", [encode_json(document)])
        attributes = _attributes(signals, record, owners)
        told = attributes[KEY]
        told[SEAL] = seal(told, arrays_of(told, members, ""))
        self._put_changed(ROOT, [encode_json(encode_root(attributes, members))])

    def _put_changed(self, key: str, parts: Parts) -> None:
        data = b"".join(bytes(part) for part in parts)
        if self._put.get(key) != data:
            self._folder.put(key, [data])
            self._put[key] = data


Published = Iterator[tuple[str, Document, Mapping[str, "Parts"]]]
"""Paths of groups and arrays, their metadata, and the chunks that are written with them, by their keys."""


def _samples(signals: list[WrittenSignal], grows: bool) -> Published:
    """Yield the arrays of group 0."""
    for dim, group in _axes("0", [(one.array, one) for one in signals if one.stream], lambda one: one.grid):
        found = tie_points(_clock(group), group[0].first_id, group[0].length)
        points, linked = _tie_arrays("0", dim, found, grows)
        yield from points
        for one in group:
            if one.stream is None:
                continue
            attributes = _describing(one.signal, one.first_id) | linked
            yield one.stream.path, encode_array(
                one.stream.dtype, [one.length], [dim], attributes,
                chunk=one.stream.chunk, shard=one.stream.shard, codec=one.stream.codec,
            ), {}  # fmt: skip


def _levels(signals: list[WrittenSignal], grows: bool) -> Published:
    """Yield the groups of levels, and their arrays."""
    for index in range(1, max((len(one.factors) for one in signals), default=0) + 1):
        yield str(index), encode_group(), {}
        yield f"{index}/statistic", encode_statistic(), {"c.0": encode_texts(STATISTICS)}
        members = [(one.array, one) for one in signals if len(one.factors) >= index]
        for dim, group in _axes(str(index), members, lambda one, i=index: (*one.grid, one.factors[i - 1])):
            factor = group[0].factors[index - 1]
            length = group[0].length // factor
            found = tie_points(_clock(group), group[0].first_id, length, factor)
            points, linked = _tie_arrays(str(index), dim, found, grows)
            yield from points
            for one in group:
                if one.stream is not None:
                    level = one.stream.levels[index - 1]
                    attributes = _describing(one.signal, one.first_id) | linked | {
                        "long_name": f"{one.signal.name}, statistics of {factor} samples",
                        "level": index, "samples_per_entry": factor,
                    }  # fmt: skip
                    shape, dims = [length, len(STATISTICS)], [dim, "statistic"]
                    yield level.path, encode_array(
                        one.stream.level_dtype, shape, dims, attributes, chunk=level.chunk
                    ), {}  # fmt: skip


def _ties(tied: Mapping[str, tuple[Tie, ...]]) -> Published:
    """Yield the group of ties as they were written."""
    if tied:
        yield "ties", encode_group(), {}
    for array, ties in tied.items():
        pairs = np.array([(tie.sample_id, tie.time_ns) for tie in ties], np.int64)
        attributes = {"long_name": "sample ids, and UTC in nanoseconds since 1970-01-01, as they were written"}
        document = encode_array(pairs.dtype, pairs.shape, [f"tie_{array}", "pair"], attributes, chunk=CHUNK_TIES)
        chunks = {
            f"c.{i}.0": encode_chunk(padded(pairs[start : start + CHUNK_TIES], CHUNK_TIES, 0), None)
            for i, start in enumerate(range(0, len(pairs), CHUNK_TIES))
        }
        yield f"ties/{array}", document, chunks


def _tie_arrays(
    path: str, dim: str, points: TiePoints | None, grows: bool
) -> tuple[list[tuple[str, Document, dict[str, Parts]]], dict[str, str]]:
    """Return the arrays of an axis's tie points, and the attribute of data on that axis that leads to them."""
    if points is None:
        return [], {}
    index, interpolation, tied = f"{dim}_tie_index", f"{dim}_interpolation", f"{dim}_tie"
    values: NDArray[Any] = points.times_ns if points.utc else points.times_ns / 1e9
    times = f"{dim}_tie_utc" if points.utc else f"{dim}_tie_s"
    said = {"units": "nanoseconds since 1970-01-01"} if points.utc else {"units": "s"}
    how = {"interpolation_name": "linear", "tie_point_mapping": f"{dim}: {index} {tied}"}
    arrays = [
        _line(f"{path}/{index}", points.positions, tied, {"long_name": f"tie point indices of {dim}"}, grows),
        _line(f"{path}/{times}", values, tied, {"standard_name": "time"} | said, grows),
        (f"{path}/{interpolation}", encode_scalar(how), {"c": encode_chunk(np.zeros(1, np.int8), None)}),
    ]
    return arrays, {"coordinate_interpolation": f"{times}: {interpolation}"}


def _line(
    path: str, values: NDArray[Any], dim: str, attributes: Document, grows: bool
) -> tuple[str, Document, dict[str, Parts]]:
    """Return an array of tie points, its metadata and its chunks.

    One that has grown, or will, has chunks of one size and not much in them: who still has older metadata reads them.
    """
    chunk, codec = (CHUNK_TIES, "zstd") if grows else (len(values), None)
    document = encode_array(values.dtype, values.shape, [dim], attributes, chunk=chunk, codec=codec)
    chunks = {
        f"c.{i}": encode_chunk(padded(values[start : start + chunk], chunk, 0), codec)
        for i, start in enumerate(range(0, len(values), chunk))
    }
    return path, document, chunks


def _axes(path: str, members: list[tuple[str, WrittenSignal]], shared_by: Any) -> list[tuple[str, list[WrittenSignal]]]:
    # Axes that are empty as yet are last: what is on them has no place beside others
    ordered = sorted(members, key=lambda member: not member[1].length) if path == "0" else members
    return [(dim, [one for _, one in group]) for dim, group in axes(ordered, shared_by).items()]


def _clock(group: list[WrittenSignal]) -> Clock:
    return clock_of((tuple(one.ties) for one in group), group[0].signal.rate_hz, group[0].first_id)


def _distinct_ties(signals: list[WrittenSignal]) -> tuple[dict[str, tuple[Tie, ...]], dict[str, str]]:
    """Return ties by the array that they are written to, each list of them once; and which array has whose."""
    tied: dict[str, tuple[Tie, ...]] = {}
    owners: dict[str, str] = {}
    for one in signals:
        if one.ties:
            ties = tuple(one.ties)
            owners[one.array] = next((array for array, other in tied.items() if other == ties), one.array)
            tied.setdefault(owners[one.array], ties)
    return tied, owners


def _describing(signal: Signal, first_id: int) -> Document:
    """Return CF attributes of a signal's arrays: what the numbers are, and which instrument made them."""
    source, rate = signal.source, signal.rate_hz
    facts = {
        "source": source.name, "vendor": source.vendor, "model": source.model, "version": source.version,
        "serial_number": source.serial_number,
    }  # fmt: skip
    attributes: Document = {"units": signal.units, "long_name": signal.name}
    attributes |= {key: value for key, value in facts.items() if value not in ("", "-")}
    attributes["sample_rate_hz"] = int(rate) if rate.denominator == 1 else float(rate)
    attributes["first_sample_id"] = first_id
    return attributes if signal.scale_factor == 1 else attributes | {"scale_factor": signal.scale_factor}


def _attributes(signals: list[WrittenSignal], record: Record, owners: Mapping[str, str]) -> Document:
    """Return the attributes of the root."""
    described = tuple(_signal_record(one, owners.get(one.array)) for one in signals)
    told = Record(
        closed=record.closed, sources=record.sources, signals=described, annotations=record.annotations,
        user_data=record.user_data,
    )  # fmt: skip
    attributes: Document = {"Conventions": CONVENTIONS, "format": FORMAT}
    if not record.closed:
        attributes["recording_status"] = "not closed by its writer"
    longest = max((one.factors for one in signals), key=len, default=())
    steps = [after // before for before, after in zip((1, *longest), longest, strict=False)]
    return attributes | multiscales(steps) | {KEY: encode_record(told)}


def _signal_record(one: WrittenSignal, ties: str | None) -> SignalRecord:
    signal = one.signal
    return SignalRecord(
        id=signal.id, name=signal.name, array=one.array, source=signal.source.id, units=signal.units,
        stored_type=signal.stored_type, rate_hz=signal.rate_hz, scale_factor=signal.scale_factor,
        first_id=one.first_id, skipped=one.stream.skipped if one.stream else (), ties=ties,
    )  # fmt: skip
