"""Samples of recordings that were downsampled: arrays of float32, and what three producers made of ranges and inputs.

Ranges are stored times 16 and inputs times 15, as bytes. From Joulescope 0.8.6 on what software downsampled, and scaled
already, is scaled once more in bytes. Of the inputs' fractions of 255 that is undone, since 15 has an inverse modulo
256; ranges have none, and are lost. An input's byte above 15 shows such a producer; so do mean ranges in reductions
that the stored ones contradict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xjls.errors import CorruptError
from xjls.formats.jls1.arrays import ENTRY, HEAD, decode_places
from xjls.model.window import Gap, Window, merge_gaps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from xjls.formats.jls1.records import SampleRecords

NAMES = ("current", "voltage", "power", "current_range", "gpi0", "gpi1")
DTYPE = np.dtype("f4")
_IDS = {name: number << 4 | 1 for number, name in enumerate(NAMES)}
_STORED = {name: np.dtype("<f4" if number < 3 else "u1") for number, name in enumerate(NAMES)}
_RANGE_STEPS, _INPUT_STEPS, _TWICE_STEPS = 16, 15, 255
_UNDO = 239
"""Inverse of 15 modulo 256."""
HEAD_BYTES = HEAD.size + ENTRY.size * len(NAMES)
Rows: TypeAlias = "Sequence[tuple[int, int, float]]"
_MOST_APART = 1 / 8
"""Of means of ranges, stored and reduced: a producer that cuts off differs by 1/16 at most."""
_LOOKED_AT = 8
"""Records in which one looks for a producer's traces."""


def full_length(samples: int) -> int:
    """Return the bytes of a value that holds so many samples.

    Examples
    --------
    >>> full_length(400_000)
    6000064
    """
    floats, small = 4 * samples, samples
    return HEAD_BYTES + 3 * (floats + -floats % 8) + 3 * (small + -small % 8)


class FloatSamples:
    """The signals of a recording of float32; thread-safe.

    Parameters
    ----------
    records
        Of the arrays.
    rows
        Some reductions of current ranges, each within a record: first and last sample, half-open, and the mean.
    """

    def __init__(self, records: SampleRecords, rows: Rows = ()) -> None:
        self._records = records
        self.scaled_twice = self._is_scaled_twice(rows)
        """Whether inputs are scaled twice, and ranges lost."""

    @property
    def names(self) -> tuple[str, ...]:
        """The signals that can be read."""
        return tuple(name for name in NAMES if name != "current_range" or not self.scaled_twice)

    def read(self, name: str, window: Window, out: NDArray[Any], *, verify: bool) -> tuple[Gap, ...]:
        """Fill ``out``, shape (time,), with the samples of a window; return what of them is lost, and NaN there."""
        gaps: list[Gap] = []
        per_record = self._records.per_record
        for number in range(window.start // per_record, -(-window.stop // per_record)):
            there = self._records.window(number) & window
            begin = there.start - number * per_record
            part = out[there.start - window.start : there.stop - window.start]
            try:
                stored = self._stored(name, number, verify=verify)[begin : begin + there.length]
            except CorruptError:
                stored = np.empty(0, _STORED[name])
            self._decode(name, stored, part[: len(stored)])
            if len(stored) < there.length:
                part[len(stored) :] = np.nan
                gaps.append(self._records.gap(number, Window(there.start + len(stored), there.stop)))
        return merge_gaps(gaps)

    def _stored(self, name: str, number: int, *, verify: bool) -> NDArray[Any]:
        """Return the bytes of a signal in a record."""
        value = self._records.value(number, verify=verify)
        place = decode_places(value[:HEAD_BYTES].tobytes(), len(value), self._records.path).get(_IDS[name])
        if place is None or place.dtype != _STORED[name]:
            found = "none" if place is None else place.dtype
            raise CorruptError(f"samples of {name!r} are {found}, expected {_STORED[name]}", self._records.path)
        return value[place.offset : place.offset + place.length * place.dtype.itemsize].view(place.dtype)

    def _decode(self, name: str, stored: NDArray[Any], out: NDArray[Any]) -> None:
        if stored.dtype.kind == "f":
            out[:] = stored
        elif name == "current_range":
            np.divide(stored, np.float32(_RANGE_STEPS), out=out)
        elif self.scaled_twice:
            np.divide(stored * np.uint8(_UNDO), np.float32(_TWICE_STEPS), out=out)
        else:
            np.divide(stored, np.float32(_INPUT_STEPS), out=out)

    # -- producers ---------------------------------------------------------------------------------------------------

    def _is_scaled_twice(self, rows: Rows) -> bool:
        """Whether the samples were made by the producer that scales twice, as some records, or reductions, tell."""
        for number in self._looked_at():
            try:
                inputs = [self._stored(name, number, verify=True) for name in ("gpi0", "gpi1")]
            except CorruptError:
                continue
            if max(part.max(initial=0) for part in inputs) > _INPUT_STEPS:
                return True
        return any(self._contradicts(*row) for row in rows)

    def _contradicts(self, start: int, stop: int, mean: float) -> bool:
        """Whether the stored ranges of some samples have another mean than a reduction of just these."""
        per_record = self._records.per_record
        number = start // per_record
        begin = start - number * per_record
        try:
            stored = self._stored("current_range", number, verify=True)[begin : begin + stop - start]
        except CorruptError:
            return False
        return len(stored) == stop - start and abs(float(stored.mean()) / _RANGE_STEPS - mean) > _MOST_APART

    def _looked_at(self) -> Iterator[int]:
        """Yield the numbers of some records, all over the recording."""
        count = len(self._records)
        yield from sorted({i * (count - 1) // max(_LOOKED_AT - 1, 1) for i in range(min(_LOOKED_AT, count))})
