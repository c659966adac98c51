"""What the buffers of both of Joulescope's generations have in common: questions to a ring, under their names."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer import StreamBuffer as Buffer
from xjls.compat.joulescope.refusing import refusing
from xjls.model.signal import Signal, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from xjls.model.recording import Recording

SOURCE = Source(id=1, name="Joulescope")
FIELDS = (
    ("current", "A", "f32"), ("voltage", "V", "f32"), ("power", "W", "f32"), ("current_range", "", "u8"),
    ("gpi[0]", "", "u1"), ("gpi[1]", "", "u1"),
)  # fmt: skip
"""Signals, their units and types."""
_DTYPES = {"f32": "f4", "u8": "u1", "u1": "?", "u16": "<u2"}


def described(rate_hz: Fraction, fields: Iterable[tuple[str, str, str]] = FIELDS) -> list[Signal]:
    """Return the signals of a buffer."""
    return [
        Signal(id=i, name=name, units=units, dtype=np.dtype(_DTYPES[kind]), rate_hz=rate_hz, source=SOURCE,
               stored_type=kind) for i, (name, units, kind) in enumerate(fields, 1)
    ]  # fmt: skip


class Ring:
    """The last samples of a stream, asked as Joulescope's buffers are; `_ring` is what keeps them."""

    _ring: Buffer
    _length: int
    """Samples that it has at most, as far as is told."""

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True

    @property
    def recording(self) -> Recording:
        """What is there, as a recording of xjls: statistics, columns, pictures."""
        return self._ring.recording

    @property
    def input_sampling_frequency(self) -> float:
        """Samples a second that are inserted."""
        return float(self._ring.input_rate_hz)

    @property
    def output_sampling_frequency(self) -> float:
        """Samples a second that are kept."""
        return float(self._ring.rate_hz)

    @property
    def sample_id_range(self) -> tuple[int, int]:
        """Sample ids that are there, half-open."""
        return self._ring.sample_id_range

    @property
    def limits_samples(self) -> tuple[int, int]:
        """Sample ids of a full ring that ends with the newest sample; the first may be negative."""
        stop = self.sample_id_range[1]
        return stop - self._length, stop

    @property
    def limits_time(self) -> tuple[float, float]:
        """Seconds that correspond to `limits_samples`: of the ring, so that a sample's change as time goes on."""
        return 0.0, self._length / self.output_sampling_frequency

    def time_to_sample_id(self, t: float) -> int:
        """Return the sample id nearest to seconds of `limits_time`."""
        return round(float(t) * self.output_sampling_frequency) + self.limits_samples[0]

    def sample_id_to_time(self, s: int) -> float:
        """Return the seconds of a sample id; see `limits_time`."""
        return (int(s) - self.limits_samples[0]) / self.output_sampling_frequency

    def data_get(
        self, start: int, stop: int, increment: int | None = None, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return statistics of spans; see `xjls.capturing.buffer.StreamBuffer.data_get`."""
        with refusing():
            return self._ring.data_get(start, stop, increment, out)

    def statistics_get(self, start: int, stop: int, out: NDArray[Any] | None = None) -> tuple[NDArray[Any], list[int]]:
        """Return the statistics of a window; see `xjls.capturing.buffer.StreamBuffer.statistics_get`."""
        with refusing():
            return self._ring.statistics_get(start, stop, out)

    def samples_get(self, start: int, stop: int, fields: str | Sequence[str] | None = None) -> Any:
        """Return samples, as copies; see `xjls.capturing.buffer.StreamBuffer.samples_get`.

        The seconds of ``time`` are those of `limits_time`.
        """
        wanted = [fields] if isinstance(fields, str) else fields
        with refusing():
            told = self._samples(int(start), int(stop), wanted)
        if isinstance(fields, str):
            return told["signals"][fields]["value"]
        ends = told["time"]["sample_id_range"]["value"]
        told["time"]["range"]["value"] = [self.sample_id_to_time(end) for end in ends]
        return told

    def _samples(self, start: int, stop: int, fields: Sequence[str] | None) -> dict[str, Any]:
        found: dict[str, Any] = self._ring.samples_get(start, stop, fields)
        return found
