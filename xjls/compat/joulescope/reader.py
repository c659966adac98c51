"""Joulescope's `DataReader`: questions to a recording in JLS v1, under their names."""

from __future__ import annotations

import math
import os
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np

from xjls.capturing.buffer.fields import STATS_FIELD_COUNT
from xjls.capturing.buffer.statistics import STATS_DTYPE
from xjls.compat.errors import RefusedError
from xjls.compat.joulescope.reading import RawProcessor, Reading
from xjls.compat.joulescope.refusing import refusing
from xjls.compat.joulescope.spans import Spans
from xjls.compat.joulescope.statistics import stats_to_api
from xjls.formats.jls1.calibration import Calibration
from xjls.storage.pool import pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xjls.model.recording import Recording
    from xjls.storage.file_object import Seekable

Units: TypeAlias = Literal["samples", "seconds"] | None
_CONFIG = ("sampling_frequency", "samples_per_reduction", "samples_per_tlv", "samples_per_block")
_ROUNDING = 1e-6
"""Of a sample: seconds that are as near to one as this mean it."""


class DataReader:
    """Read a recording in JLS v1.

    Sample ids begin with 0. Not thread safe; its `recording` is.

    Examples
    --------
    >>> import io
    >>> from xjls.testing.jls1 import Definition, encode, words_of
    >>> file = io.BytesIO(encode(Definition(words=words_of([3] * 1000), rate_hz=1000)))
    >>> with DataReader().open(file) as reader:
    ...     reader.duration, reader.samples_get(20, 40, fields=["current"])["signals"]["current"]["value"].shape
    ...     reader.data_get(0, 1000, 100)["length"][:3, 0]
    (1.0, (20,))
    array([100, 100, 100], dtype=uint64)
    """

    def __init__(self) -> None:
        self.raw_processor = RawProcessor()
        """Its ``suppress_mode`` may be set at any time."""
        self._source: str | os.PathLike[str] | Seekable = ""
        self._reading: Reading | None = None
        self._spans: Spans | None = None
        self._voltage_range = 0

    def open(self, filehandle: str | os.PathLike[str] | Seekable) -> Self:
        """Open a recording, instead of one that is open; return this.

        Parameters
        ----------
        filehandle
            A path, or a binary file that can seek: the caller closes it.

        Raises
        ------
        FormatError
            It is none, or one that xjls does not read; it is a ValueError.
        RefusedError
            The file gives text, or cannot seek; it is a ValueError.
        OSError
            As the system says.
        """
        self.close()
        self._source = filehandle
        self._open()
        return self

    def close(self) -> None:
        """Give the recording back; a second call does nothing."""
        if self._reading is not None:
            self._reading.close()
        self._reading = self._spans = None
        self._voltage_range = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __str__(self) -> str:
        if self._reading is None:
            return "DataReader, not open"
        return f"DataReader {self.duration:.2f} seconds ({self._reading.length} samples)"

    # -- facts -------------------------------------------------------------------------------------------------------

    @property
    def recording(self) -> Recording:
        """The same file as any other recording of xjls; closed with this."""
        return self._read().recording

    @property
    def config(self) -> dict[str, Any] | None:
        """What the recording says of its samples, with the defaults of what it does not; None if none is open."""
        return None if self._reading is None else self._reading.config

    @property
    def footer(self) -> dict[str, Any] | None:
        """How many samples there are; None if none is open."""
        return None if self._reading is None else self._reading.footer

    @property
    def calibration(self) -> Calibration | None:
        """Of the instrument; without effect if the recording has none. None if no recording is open."""
        return None if self._reading is None else self._reading.reader.file.calibration or Calibration()

    @property
    def user_data(self) -> Any:
        """What was given when the recording began; None without."""
        return None if self._reading is None else self._reading.user_data

    @property
    def footer_user_data(self) -> Any:
        """What was given when the recording was closed; None without."""
        return None if self._reading is None else self._reading.footer_user_data

    @property
    def sample_id_range(self) -> list[int]:
        """Sample ids that are there, half-open."""
        return [0, 0 if self._reading is None else self._reading.length]

    @property
    def sampling_frequency(self) -> float:
        """Samples a second; 1.0 if none is open, or it is empty."""
        rate = 0.0 if self._reading is None else float(self._reading.reader.file.config.rate_hz)
        return rate or 1.0

    @property
    def input_sampling_frequency(self) -> float:
        """The same: the format does not tell the instrument's own rate."""
        return self.sampling_frequency

    @property
    def output_sampling_frequency(self) -> float:
        """The same as `sampling_frequency`."""
        return self.sampling_frequency

    @property
    def reduction_frequency(self) -> float:
        """Reductions a second; 1.0 without any."""
        factor = 0 if self._spans is None else self._spans.factor
        return self.sampling_frequency / factor if factor else 1.0

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.sample_id_range[1] / self.sampling_frequency

    @property
    def voltage_range(self) -> int:
        """Of the block that was read last: 0 for 15 V, 1 for 5 V, -1 where damage hides it; 0 before."""
        return self._voltage_range

    def summary_string(self) -> str:
        """Return a few lines about the recording."""
        told = [] if self.config is None else [f"    {name} = {self.config[name]!r}" for name in _CONFIG]
        return "\n".join([str(self), *told])

    # -- time --------------------------------------------------------------------------------------------------------

    def time_to_sample_id(self, t: float | None) -> int | None:
        """Return the sample that is taken at seconds from the first one; None of None.

        Raises
        ------
        RefusedError
            It is outside of the recording.
        """
        if t is None:
            return None
        exact = float(t) * self.sampling_frequency
        if not -_ROUNDING <= exact <= self.sample_id_range[1] + _ROUNDING:
            raise RefusedError(f"{t} s are outside of the recording", f"It has {self.duration} s.")
        near = round(exact)
        return near if abs(exact - near) <= _ROUNDING else math.floor(exact)

    def sample_id_to_time(self, s: int | None) -> float | None:
        """Return the seconds from the first sample to another; None of None."""
        return None if s is None else s / self.sampling_frequency

    def normalize_time_arguments(self, start: float | None, stop: float | None, units: Units = None) -> tuple[int, int]:
        """Return a window as sample ids.

        Parameters
        ----------
        start, stop
            Half-open; None for the first sample, and behind the last.
        units
            ``"seconds"`` from the first sample; None or ``"samples"``, negative ones from the end.

        Raises
        ------
        RefusedError
            It is not all there, its end is before its start, or there are no such units.
        """
        length = self.sample_id_range[1]
        if units == "seconds":
            first, last = self.time_to_sample_id(start), self.time_to_sample_id(stop)
        elif units in (None, "samples"):
            first, last = _counted(start, length), _counted(stop, length)
        else:
            raise RefusedError(f"invalid time units: {units!r}", "Give 'samples' or 'seconds'.")
        first, last = 0 if first is None else first, length if last is None else last
        if not 0 <= first <= last <= length:
            raise RefusedError(
                f"samples [{start}, {stop}) are out of range", f"There are [0, {length:_}): see sample_id_range."
            )
        return first, last

    # -- samples -----------------------------------------------------------------------------------------------------

    def samples_get(
        self, start: float | None = None, stop: float | None = None, units: Units = None,
        fields: str | Sequence[str] | None = None,
    ) -> Any:  # fmt: skip
        """Return the samples of a window.

        Parameters
        ----------
        start, stop, units
            See `normalize_time_arguments`.
        fields
            Names of `STATS_FIELD_NAMES`; of recordings of words also ``"raw"``, ``"raw_current"``, ``"raw_voltage"``,
            ``"bits"`` and ``"current_voltage"``. None for all of the former, and ``"raw"``.

        Returns
        -------
        dict or ndarray
            The array of a single name. Else ``time`` and ``signals``, with ``value`` and ``units`` of each. What nobody
            delivered, or is damaged, is NaN, of range 8, or 0.

        Raises
        ------
        RefusedError
            There is no such field, or not all of the window.
        """
        reading = self._read()
        first, last = self.normalize_time_arguments(start, stop, units)
        wanted = [fields] if isinstance(fields, str) else fields
        if wanted is None:
            wanted = [*reading.fields, *(["raw"] if reading.is_raw and reading.fields else [])]
        with refusing():
            signals = reading.samples(wanted, first, last)
        self._note_range(first, last)
        if isinstance(fields, str):
            return signals[fields]["value"]
        return {"time": self._time(first, last), "signals": signals}

    # -- statistics --------------------------------------------------------------------------------------------------

    def data_get(
        self, start: float | None, stop: float | None, increment: float | None = None, units: Units = None,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:  # fmt: skip
        """Return statistics of consecutive spans.

        Parameters
        ----------
        start, stop, units
            See `normalize_time_arguments`.
        increment
            Samples of a span, at least 1; rounded. What is left behind the last whole one is in none.
        out
            Records to fill instead of new ones, shape (at least as many as there are spans, 6), of `STATS_DTYPE`.

        Returns
        -------
        ndarray
            Shape (span, field = 6), of `STATS_DTYPE`: exact of all samples that are there, whatever the increment. A
            field without any in a span has a ``length`` of 0, and NaN.
        """
        self._read()
        first, last = self.normalize_time_arguments(start, stop, units)
        if increment is not None and not _is_number(increment):
            raise RefusedError(f"an increment of {increment!r} is none", "Give samples of a span, from 1 on.")
        step = max(1, 1 if increment is None else round(increment))
        rows = _room((last - first) // step, out)
        self._fill(first, step, rows)
        return rows

    def get_reduction(
        self, start: float | None = None, stop: float | None = None, units: Units = None,
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:  # fmt: skip
        """Return rows of reductions: as many as fit in a window, from that on which has its first sample.

        As `data_get`, whose increment is a reduction's samples.
        """
        self._read()
        first, last = self.normalize_time_arguments(start, stop, units)
        factor = self._spans.factor if self._spans is not None else 0
        count = 0 if self._spans is None or not factor else min((last - first) // factor, self._spans.count)
        rows = _room(count, out)
        if count:
            self._fill(first // factor * factor, factor, rows)
        return rows

    def statistics_get(
        self, start: float | None = None, stop: float | None = None, units: Units = None
    ) -> dict[str, Any]:
        """Return the statistics of a window, as a dictionary with units; of an empty one those of its first sample.

        See `xjls.compat.joulescope.stats_to_api`; times are seconds from the first sample.
        """
        self._read()
        first, last = self.normalize_time_arguments(start, stop, units)
        last = max(last, first + 1)
        if last > self.sample_id_range[1]:
            raise RefusedError(f"there is no sample {first:_}", f"There are [0, {first:_}).")
        stats = _room(1, None)
        self._fill(first, last - first, stats)
        return stats_to_api(stats[0], first / self.sampling_frequency, last / self.sampling_frequency)

    def _fill(self, first: int, step: int, rows: NDArray[Any]) -> None:
        """Fill rows, which may lie in any order in memory."""
        assert self._spans is not None, "a recording is open"  # noqa: S101 - an invariant, not input
        records = rows if rows.flags.c_contiguous else np.empty(rows.shape, STATS_DTYPE)
        self._spans.fill(first, step, records)
        if records is not rows:
            rows[:] = records
        self._note_range(first, first + step * len(rows))

    # -- the recording -----------------------------------------------------------------------------------------------

    def _read(self) -> Reading:
        """Return the recording as it is to be read now."""
        if self._reading is None:
            raise RefusedError("no recording is open", "Call open with a path or a file.")
        if self._reading.suppression != self.raw_processor.suppression:
            # Not closed: whoever has its recording keeps that
            self._open()
        return self._reading

    def _open(self) -> None:
        with refusing():
            self._reading = Reading(self._source, self.raw_processor.suppression)
        self._spans = Spans(self._reading)

    def _time(self, start: int, stop: int) -> dict[str, Any]:
        rate = self.sampling_frequency
        begin, end = start / rate, stop / rate
        told: dict[str, tuple[Any, str]] = {
            "range": ([begin, end], "s"), "delta": (end - begin, "s"), "sample_id_range": ([start, stop], "samples"),
            "sample_id_limits": (self.sample_id_range, "samples"), "samples": (stop - start, "samples"),
            "input_sampling_frequency": (self.input_sampling_frequency, "Hz"),
            "output_sampling_frequency": (self.output_sampling_frequency, "Hz"), "sampling_frequency": (rate, "Hz"),
        }  # fmt: skip
        return {name: {"value": value, "units": units} for name, (value, units) in told.items()}

    def _note_range(self, start: int, stop: int) -> None:
        if self._reading is not None and stop > start:
            self._voltage_range = self._reading.voltage_range(stop - 1)


def _counted(sample: float | None, length: int) -> int | None:
    """Return a sample id, of which negative ones count from the end."""
    if sample is None:
        return None
    number = int(sample) if _is_number(sample) else None
    if number is None or number != sample:
        raise RefusedError(f"{sample!r} is no sample id", "Give a whole number, or units='seconds'.")
    return number + length if number < 0 else number


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _room(count: int, out: NDArray[Any] | None) -> NDArray[Any]:
    """Return so many records: new ones, or the first of those that are given."""
    if out is None:
        return pool.empty(count * STATS_FIELD_COUNT, STATS_DTYPE).reshape(count, STATS_FIELD_COUNT)
    if not isinstance(out, np.ndarray):
        raise RefusedError(f"out is {type(out).__name__}, and no array", "Give STATS_DTYPE in shape (spans, 6).")
    if out.dtype != STATS_DTYPE or out.ndim != 2 or out.shape[1] != STATS_FIELD_COUNT:
        raise RefusedError(f"out has {out.dtype} in shape {out.shape}", "Give STATS_DTYPE in shape (spans, 6).")
    if len(out) < count:
        raise RefusedError(f"out too small: it has {len(out):_} rows, and {count:_} are needed", "Give more.")
    return out[:count]
