"""The arrays that say what time it is on an axis: tie points, and what leads to them from the data beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.formats.zarr import ties
from xjls.formats.zarr.codecs import encode_chunk, padded
from xjls.formats.zarr.metadata import encode_array, encode_scalar
from xjls.formats.zarr.times import TieLine, TiePoints, tie_points
from xjls.model.clock import Clock
from xjls.model.documents import Document

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.zarr.codecs import Parts
    from xjls.formats.zarr.written import WrittenSignal

Published: TypeAlias = "Iterator[tuple[str, Document, Mapping[str, Parts]]]"
"""Paths of groups and arrays, their metadata, and the chunks that are written with them, by their keys."""
Lines: TypeAlias = "dict[tuple[object, ...], TieLine]"


def arrays_of_axis(dim: str) -> tuple[str, ...]:
    """Return what an axis and its arrays may be called, without those of data."""
    return (dim, *(f"{dim}_{what}" for what in ("tie", "tie_index", "interpolation", "tie_utc", "tie_s")))


class AxisTimes:
    """The times of all axes, at one publishing.

    Parameters
    ----------
    before
        The `lines` of the publishing before this one.
    grows
        Whether there is another, or was: then arrays have chunks of one size and not much in them, so that who still
        has older metadata reads them.
    separator
        Between the numbers in the keys of chunks.
    """

    def __init__(self, before: Lines, *, grows: bool, separator: str = ".") -> None:
        self.lines: Lines = {}
        """What is settled of each axis: no later tie changes it, and it is not written again."""
        self._before = before
        self._grows = grows
        self._separator = separator
        self._clocks: dict[tuple[str, ...], Clock] = {}

    def arrays(
        self, path: str, dim: str, group: list[WrittenSignal], length: int, step: int = 1
    ) -> tuple[Published, dict[str, str]]:
        """Return the arrays of an axis, and the attribute of data on it that leads to them; none where none can be.

        Parameters
        ----------
        path, dim
            The axis, and the group that it is in.
        group
            The signals on it.
        length, step
            Its positions, and samples from one to the next.
        """
        points = self._points((path, dim), group, length, step)
        if points is None:
            return iter(()), {}
        index, interpolation, tied = f"{dim}_tie_index", f"{dim}_interpolation", f"{dim}_tie"
        values: NDArray[Any] = points.times_ns if points.utc else points.times_ns / 1e9
        times = f"{dim}_tie_utc" if points.utc else f"{dim}_tie_s"
        said = {"units": "nanoseconds since 1970-01-01"} if points.utc else {"units": "s"}
        how = {"interpolation_name": "linear", "tie_point_mapping": f"{dim}: {index} {tied}"}
        long_name = {"long_name": f"tie point indices of {dim}"}
        arrays = [
            self._line(f"{path}/{index}", points.positions, points.before, tied, long_name),
            self._line(f"{path}/{times}", values, points.before, tied, {"standard_name": "time"} | said),
            (f"{path}/{interpolation}", encode_scalar(how), {"c": encode_chunk(np.zeros(1, np.int8), None)}),
        ]
        return iter(arrays), {"coordinate_interpolation": f"{times}: {interpolation}"}

    def _points(self, axis: tuple[str, str], group: list[WrittenSignal], length: int, step: int) -> TiePoints | None:
        """Return tie points of an axis; those that are settled only where one list of ties tells all of them."""
        tied, rate_hz, first_id = [one for one in group if one.ties], group[0].signal.rate_hz, group[0].first_id
        if self._grows and len({one.ties.digest for one in tied}) == 1:
            # Whose ties they are: these only grow, while lists of others may part from them
            key = (*axis, tied[0].array, first_id, rate_hz, step)
            line = self._before.get(key) or TieLine(first_id, rate_hz, step)
            self.lines[key], points = line.grown(tied[0].ties, length, chunk=ties.CHUNK_TIES)
            return points
        names = tuple(one.array for one in group)
        if names not in self._clocks:
            self._clocks[names] = Clock.through([one.ties for one in tied], rate_hz=rate_hz, first_id=first_id)
        return tie_points(self._clocks[names], first_id, length, step)

    def _line(
        self, path: str, values: NDArray[Any], before: int, dim: str, attributes: Document
    ) -> tuple[str, Document, dict[str, Parts]]:
        """Return an array of tie points, its metadata and its chunks but for those ``before``, which are there."""
        chunk, codec = (ties.CHUNK_TIES, "zstd") if self._grows else (len(values), None)
        document = encode_array(
            values.dtype, [before + len(values)], [dim], attributes, chunk=chunk, codec=codec,
            separator=self._separator,
        )  # fmt: skip
        chunks = {
            f"c{self._separator}{(before + start) // chunk}": encode_chunk(
                padded(values[start : start + chunk], chunk, 0), codec
            )
            for start in range(0, len(values), chunk)
        }
        return path, document, chunks
