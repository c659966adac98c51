"""Joulescope's buffers of its newer generation, for the messages of its driver: signals come for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer import StreamBuffer as Buffer
from xjls.compat.errors import RefusedError
from xjls.compat.joulescope.refusing import refusing
from xjls.compat.joulescope.ring import Ring, described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SIGNALS = {signal.name: signal for signal in described(Fraction(1))}
_NAMES = dict(zip([(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (5, 1)], _SIGNALS, strict=True))
"""Signals by the driver's field and index."""


class StreamBuffer(Ring):
    """Keep the last seconds of what a driver publishes.

    Parameters
    ----------
    duration
        Seconds.
    frequency
        Samples a second of the instrument.
    device
        Kept as it is.
    output_frequency
        Samples a second that are kept; None for all.

    Examples
    --------
    >>> buffer = StreamBuffer(1.0, 1000, None)
    >>> for field_id in (1, 2, 3):
    ...     _ = buffer.insert("", {"field_id": field_id, "index": 0, "sample_id": 7, "data": np.ones(5, "f4"),
    ...                            "sample_rate": 1000, "decimate_factor": 1})
    >>> buffer.sample_id_range, buffer.samples_get(7, 9, "power")
    ((7, 12), array([1., 1.], dtype=float32))
    """

    has_raw = False
    voltage_range = 0

    def __init__(
        self, duration: float, frequency: float, device: Any = None, output_frequency: float | None = None
    ) -> None:
        self._device = device
        self._frequency = frequency
        self._output = frequency if output_frequency is None else output_frequency
        self._duration = duration
        self.callback: Any = None
        """Kept as it is: the driver tells of statistics by itself."""
        self.duration_max: float | None = None
        """Seconds after which `is_duration_max` is True; None for never."""
        self.contiguous_duration_max: float | None = None
        """Seconds without a gap after which `is_contiguous_duration_max` is True; None for never."""
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self._length = int(self._duration * self._output)
        if self._length < 1:
            raise RefusedError("the buffer would keep no sample", "Give it a longer duration or a higher rate.")
        self._rates: dict[str, tuple[int, int]] = {}
        """Rate and factor of each signal that came."""
        self._next: dict[str, int] = {}
        """Sample id that each of them continues with, on the instrument's grid."""
        self._first: int | None = None
        """Sample id with which all began, and from which on nothing is missing; on the instrument's grid."""
        self._unbroken = 0
        self._missing = 0
        self._ring = Buffer(seconds=self._length / Fraction(str(self._output)), rate=Fraction(str(self._output)))

    def __str__(self) -> str:
        return f"StreamBuffer(length={self._length}, reductions=[])"

    def insert(self, topic: str, value: Mapping[str, Any]) -> int:  # noqa: ARG002 - the original's: the message tells
        """Take a message of the driver; return 0. Messages of other fields are left alone.

        A message counts samples on the instrument's own grid; what is kept counts on the output's. A signal that
        changes its rate begins all anew.
        """
        name = _NAMES.get((int(value["field_id"]), int(value["index"])))
        if name is None:
            return 0
        factor, rate = int(value.get("decimate_factor") or 1), int(value.get("sample_rate") or self._frequency)
        if self._rates.get(name, (rate, factor)) != (rate, factor):
            self.reset()
        samples, first_id = _samples(name, value["data"]), int(value["sample_id"])
        with refusing():
            if name not in self._rates:
                signal = replace(_SIGNALS[name], rate_hz=Fraction(rate, factor))
                self._ring.add_source(signal.source)
                self._ring.add_signal(signal)
                self._rates[name] = rate, factor
            self._note(name, first_id, first_id + len(samples) * factor)
            self._ring.write(name, first_id // factor, samples)
        return 0

    def _note(self, name: str, start: int, stop: int) -> None:
        """Take down where a signal is, and whether something is missing of it."""
        if self._first is None:
            self._first = self._unbroken = start
        if start > self._next.get(name, start):
            self._missing += start - self._next[name]
            self._unbroken = max(self._unbroken, start)
        self._next[name] = max(self._next.get(name, stop), stop)

    @property
    def sample_id_range(self) -> tuple[int, int]:
        """Sample ids that all signals have that came; (0, 0) before the first."""
        return self._ring.sample_id_range if self._rates else (0, 0)

    @property
    def input_sampling_frequency(self) -> float:
        """Samples a second of the instrument."""
        return self._frequency

    @property
    def output_sampling_frequency(self) -> float:
        """Samples a second that are kept; another value begins anew."""
        return self._output

    @output_sampling_frequency.setter
    def output_sampling_frequency(self, value: float) -> None:
        self._output = value
        self.reset()

    @property
    def buffer_duration(self) -> float:
        """Seconds that are kept; another value begins anew."""
        return self._duration

    @buffer_duration.setter
    def buffer_duration(self, value: float) -> None:
        self._duration = value
        self.reset()

    @property
    def is_duration_max(self) -> bool:
        """Whether `duration_max` is over."""
        return self._is_over(self._first, self.duration_max)

    @property
    def is_contiguous_duration_max(self) -> bool:
        """Whether `contiguous_duration_max` is over since something was missing last."""
        return self._is_over(self._unbroken, self.contiguous_duration_max)

    def calibration_set(self, *_numbers: Sequence[float]) -> None:
        """Do nothing: what the driver publishes is converted."""

    def status(self) -> dict[str, dict[str, Any]]:
        """Return counts with units, in samples of the instrument."""
        end = min(self._next.values(), default=0)
        counts = {
            "device_sample_id": end, "sample_missing_count": self._missing, "skip_count": 0, "sample_sync_count": 0,
            "contiguous_count": max(end - self._unbroken, 0),
        }  # fmt: skip
        return {
            name: {"value": value, "units": "" if name == "skip_count" else "samples"} for name, value in counts.items()
        }

    def _is_over(self, start: int | None, seconds: float | None) -> bool:
        if seconds is None or start is None:
            return False
        rate = max(rate for rate, _ in self._rates.values())
        return min(self._next.values()) - start >= seconds * rate

    def _samples(self, start: int, stop: int, fields: Sequence[str] | None) -> dict[str, Any]:
        """Return samples as far as they are there: ends outside are moved to `sample_id_range`."""
        lo, hi = self.sample_id_range
        start = min(max(start, lo), hi)
        return super()._samples(start, min(max(stop, start), hi), fields)


def _samples(name: str, data: NDArray[Any]) -> NDArray[Any]:
    """Return a message's samples: of inputs, which are packed into bytes, one a sample."""
    if name.startswith("gpi"):
        return np.unpackbits(np.asarray(data, np.uint8), bitorder="little").view(np.bool_)
    return np.asarray(data, _SIGNALS[name].dtype)
