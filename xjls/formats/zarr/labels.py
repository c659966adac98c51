"""Axes whose positions have numbers and no rate, as frames and buffers: their dimensions, ids, and what lies on them.

Such an axis has no tie points and no levels. The id of each position stands in an array that is called like the axis,
in chunks of one size, the last of which goes on beyond the axis: ids that come are known, and no chunk is put again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from xjls.formats.zarr.codecs import encode_chunk
from xjls.formats.zarr.metadata import encode_array
from xjls.formats.zarr.naming import array_name, axes
from xjls.model.describing import describing, packing

if TYPE_CHECKING:
    from xjls.formats.zarr.axis_times import Published
    from xjls.formats.zarr.codecs import Parts
    from xjls.formats.zarr.stream import SampleStream
    from xjls.formats.zarr.written import WrittenSignal
    from xjls.model.documents import Document

CHUNK_IDS = 1 << 16
_CODEC = "blosc"
"""Of ids: numbers that count on become a hundredth."""
Known: TypeAlias = "Mapping[str, tuple[int, int]]"
"""By dimension: the first id, and the number of the chunk behind the last one that was put."""


@dataclass(frozen=True, slots=True)
class LabelAxis:
    """One axis, at one publishing."""

    dim: str
    members: tuple[WrittenSignal, ...]
    """The signals on it."""
    length: int
    """Positions of which shards have all signals: as many as others than xjls see."""

    @property
    def first_id(self) -> int:
        """Of the first position."""
        return self.members[0].first_id

    @property
    def dropped(self) -> int:
        """Positions, from the first one on, that no signal has any more."""
        return min(one.stream.dropped if one.stream else 0 for one in self.members)


class AxisLabels:
    """What is published of all such axes, at one publishing.

    Parameters
    ----------
    signals
        All that are written.
    known
        The `known` of the publishing before this one.
    closed
        Whether it is the last one: then signals of other lengths have axes of their own, and all they have is seen.
    """

    def __init__(self, signals: Iterable[WrittenSignal], known: Known, *, closed: bool) -> None:
        placed = [one for one in signals if one.stream and one.signal.axis]
        self.known: dict[str, tuple[int, int]] = {}
        self._before = known
        self._arrays = [one.array for one in placed]
        self._axes = list(_axes(placed, closed=closed))
        self._dims = _dims(self._axes, self._arrays)
        self.lengths = {one.array: axis.length for axis in self._axes for one in axis.members}
        """By array: positions that others than xjls see."""

    @property
    def names(self) -> frozenset[str]:
        """Dimensions and arrays: what an axis of time must not be called."""
        return frozenset((*self._arrays, *(dim for dims in self._dims.values() for dim in dims)))

    @property
    def group_attributes(self) -> Document:
        """Names coordinates which no array on their axis leads to, as where all signals tell of its positions."""
        led = {name for axis in self._axes for one in axis.members for name in self._coordinates(axis, one)}
        left = [one.array for axis in self._axes for one in axis.members if one.signal.describes_axis]
        left = [name for name in left if name not in led]
        return {"coordinates": " ".join(left)} if left else {}

    def arrays(self, *, with_ids: bool) -> Published:
        """Yield all arrays, those of ids among them if they are to be written."""
        for axis in self._axes:
            if with_ids:
                yield self._ids(axis)
            for one in axis.members:
                if one.stream is not None:
                    yield one.stream.path, self._described(axis, one, one.stream), {}

    def _described(self, axis: LabelAxis, one: WrittenSignal, stream: SampleStream) -> Document:
        """Return the metadata of a signal's array."""
        attributes = describing(one.signal, first_id=one.first_id) | packing(one.signal)
        if names := self._coordinates(axis, one):
            attributes["coordinates"] = " ".join(names)
        return encode_array(
            stream.dtype, [axis.length, *stream.shape], self._dims[one.array], attributes, chunk=stream.chunk,
            shard=stream.shard, codec=stream.codec, fill=stream.fill, separator=stream.cut.separator,
        )  # fmt: skip

    def _coordinates(self, axis: LabelAxis, one: WrittenSignal) -> list[str]:
        """Return the arrays that tell of the positions of what was measured, on dimensions that it has."""
        if one.signal.describes_axis:
            return []
        dims = set(self._dims[one.array])
        telling = (other.array for other in axis.members if other.signal.describes_axis)
        return [array for array in telling if dims.issuperset(self._dims[array])]

    def _ids(self, axis: LabelAxis) -> tuple[str, Document, dict[str, Parts]]:
        """Return the array of an axis's ids, its metadata and the chunks that were not put yet."""
        first, end = axis.dropped // CHUNK_IDS, -(-axis.length // CHUNK_IDS)
        first_id, n_put = self._before.get(axis.dim, (axis.first_id, 0))
        known = n_put if first_id == axis.first_id else 0
        self.known[axis.dim] = axis.first_id, max(end, known)
        document = encode_array(
            np.dtype("i8"), [axis.length], [axis.dim], {"long_name": f"ids along {axis.members[0].signal.axis}"},
            chunk=CHUNK_IDS, codec=_CODEC,
        )  # fmt: skip
        ids = np.arange(CHUNK_IDS, dtype=np.int64) + axis.first_id
        chunks = {
            f"c.{number}": encode_chunk(ids + number * CHUNK_IDS, _CODEC) for number in range(max(first, known), end)
        }
        return f"0/{axis.dim}", document, chunks


def _axes(placed: Sequence[WrittenSignal], *, closed: bool) -> Iterator[LabelAxis]:
    """Yield the axes: of one name, the first has it, and others that of a signal behind it."""
    taken = [one.array for one in placed]
    # What is empty as yet is last: it has no place beside others
    ordered = sorted(placed, key=lambda one: not _length(one))
    for name in dict.fromkeys(one.signal.axis for one in placed):
        members = [(one.array, one) for one in ordered if one.signal.axis == name]
        for dim, group in axes(members, lambda one: _shared(one, closed=closed), name).items():
            free = array_name(dim, taken, has_axis=True)
            taken.append(free)
            yield LabelAxis(free, tuple(one for _, one in group), min(one.stored for _, one in group))


def _shared(one: WrittenSignal, *, closed: bool) -> tuple[object, ...]:
    """Return what signals on one axis have in common."""
    if not _length(one):
        return (one.signal.source.id,)
    return (one.signal.source.id, one.first_id, *((one.stored,) if closed else ()))


def _length(one: WrittenSignal) -> int:
    return one.stream.length if one.stream else 0


def _dims(found: Sequence[LabelAxis], arrays: Sequence[str]) -> dict[str, list[str]]:
    """Return the dimensions of each array; of samples, what other sizes have, or arrays, gets another name."""
    sizes: dict[str, int | str] = {**dict.fromkeys(arrays, "array"), **{axis.dim: "axis" for axis in found}}
    dims: dict[str, list[str]] = {}
    for axis in found:
        for one in axis.members:
            dims[one.array] = [axis.dim]
            for dim, size in zip(one.signal.sample_dims, one.signal.sample_shape, strict=True):
                name = dim if sizes.get(dim, size) == size else f"{dim}_{one.array}"
                while sizes.get(name, size) != size or name in dims[one.array]:
                    name += "_"
                sizes[name] = size
                dims[one.array].append(name)
    return dims
