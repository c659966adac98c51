"""A buffer that is recorded as it fills: whole records of its samples, each as soon as there is one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from xjls.capturing.buffer.fields import STATS_FIELD_COUNT, STATS_FIELD_NAMES
from xjls.capturing.buffer.statistics import STATS_DTYPE
from xjls.compat.joulescope.stored import absent, encode_samples, hands_over_codes, plain, reductions_of
from xjls.errors import SelectionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xjls.formats.jls1.writer import Writer

_NOT_TOLD = (KeyError, UnboundLocalError)
"""What buffers of Joulescope's say where they have no such field, or no samples of it."""


class Recordable(Protocol):
    """What can be recorded: a buffer of Joulescope's or of this package's, or anything like it."""

    @property
    def output_sampling_frequency(self) -> float:
        """Samples a second."""

    @property
    def has_raw(self) -> bool:
        """Whether it has words."""

    @property
    def sample_id_range(self) -> Sequence[int | None]:
        """Sample ids that are there, half-open; two None where there are none."""

    @property
    def voltage_range(self) -> int:
        """Of what came last."""

    def __len__(self) -> int:
        """Return how many samples it keeps."""

    def samples_get(self, start: int, stop: int, fields: Any = None) -> Any:
        """Return samples."""

    def data_get(self, start: int, stop: int, increment: Any = None, out: Any = None) -> Any:
        """Return statistics of spans."""


class Following:
    """Write what a buffer gets from now on.

    Parameters
    ----------
    buffer
        Recorded from its end on; from its beginning if nothing is in it yet.
    writer
        Where to.

    Raises
    ------
    SelectionError
        The buffer is too short to hold one record.
    """

    def __init__(self, buffer: Recordable, writer: Writer) -> None:
        if len(buffer) < writer.sizes.samples_per_tlv:
            raise SelectionError(
                f"the buffer keeps {len(buffer):_} samples, and a record has {writer.sizes.samples_per_tlv:_}",
                "Let it keep more seconds, or record with smaller sizes.",
            )
        self.buffer = buffer
        self._writer = writer
        self._codes = hands_over_codes(buffer)
        start, self._first_id = _bounds(buffer)
        self._is_empty = start == self._first_id
        """Whether there was no sample yet."""
        rate = buffer.output_sampling_frequency
        writer.begin(rate if isinstance(rate, int) else float(rate), "raw" if buffer.has_raw else "float32_v2")

    def write(self, *, all_of_it: bool = False) -> None:
        """Write the records that are complete; with ``all_of_it`` what is left too.

        Raises
        ------
        SelectionError
            Samples gave way before they were written, or the buffer was reset.
        """
        most = self._writer.sizes.samples_per_tlv
        stop = self._end()
        while (left := stop - self._next_id) >= most or (all_of_it and left):
            self._write(self._next_id, min(left, most))

    @property
    def _next_id(self) -> int:
        return self._first_id + self._writer.size

    def _end(self) -> int:
        """Return up to where the buffer has samples; refuse one that has lost some that are to come."""
        start, stop = _bounds(self.buffer)
        if self._is_empty:
            if start == stop:
                return self._next_id
            self._is_empty = False
            if stop - start < len(self.buffer) - 1:  # nothing gave way yet: ids of an instrument begin anywhere
                self._first_id = start
        if start > self._next_id:
            raise SelectionError(
                f"samples [{self._next_id:_}, {start:_}) gave way before they were recorded",
                "Notify the recorder more often, or let the buffer keep more seconds.",
            )
        if stop < self._next_id:
            raise SelectionError(
                f"the buffer ends with sample {stop:_}, before {self._next_id:_} that is to come: it was reset",
                "Close the recording, and begin another one.",
            )
        return stop

    def _write(self, start: int, count: int) -> None:
        """Write one record."""
        about = {"v_range": int(self.buffer.voltage_range), "sample_id": start}
        if self.buffer.has_raw:
            self._writer.write(self._words(start, count), count, self._reductions(start, count), about)
            return
        told = self._told(start, count)
        samples = {field: told[field] if field in told else absent(field, count) for field in STATS_FIELD_NAMES}
        if len(told) == len(samples):
            reductions = self._reductions(start, count)
        else:  # which Joulescope's buffers do not give then
            reductions = reductions_of(samples, self._writer.sizes.samples_per_reduction)
        self._writer.write(encode_samples(samples), count, reductions, about)

    def _reductions(self, start: int, count: int) -> NDArray[Any]:
        step = self._writer.sizes.samples_per_reduction
        n = count // step
        reductions = np.empty((n, STATS_FIELD_COUNT), STATS_DTYPE)
        if n:
            self.buffer.data_get(start, start + n * step, step, out=reductions)
        return reductions

    def _words(self, start: int, count: int) -> memoryview:
        words = np.ascontiguousarray(self.buffer.samples_get(start, start + count, fields="raw"), "<u2")
        if words.size != 2 * count:
            raise SelectionError(f"the buffer gave {words.size} words of {count:_} samples", "It needs two of each.")
        return words.reshape(-1).view(np.uint8).data

    def _told(self, start: int, count: int) -> dict[str, NDArray[np.float32]]:
        """Return the samples of the fields that there are.

        Each is asked for by itself: Joulescope's newer buffer tells of one that it has not what it told before.
        """
        found = {}
        for field in self._fields(start):
            with suppress(*_NOT_TOLD):
                values = self.buffer.samples_get(start, start + count, fields=field)
                found[field] = plain(field, values, coded=self._codes)
        return found

    def _fields(self, start: int) -> list[str]:
        """Return the fields that the buffer may have."""
        with suppress(*_NOT_TOLD):
            there = self.buffer.samples_get(start, start + 1, fields=None)["signals"]
            return [field for field in STATS_FIELD_NAMES if field in there]
        return list(STATS_FIELD_NAMES)


def _bounds(buffer: Recordable) -> tuple[int, int]:
    """Return the sample ids that are there, half-open; (0, 0) without any."""
    start, stop = buffer.sample_id_range
    return int(start or 0), int(stop or 0)
