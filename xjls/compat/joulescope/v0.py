"""Joulescope's buffers of its older generation, for a JS110's packets or words: every sample, or a lower rate."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer import STATS_FIELD_NAMES
from xjls.capturing.buffer import StreamBuffer as Buffer
from xjls.capturing.devices.js110.wire import PACKET_SAMPLES
from xjls.compat.errors import RefusedError
from xjls.compat.joulescope.js110 import Js110Buffer
from xjls.compat.joulescope.ring import FIELDS, described

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTPUT_RATES = (
    1_000_000, 500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50, 20, 10, 5,
)  # fmt: skip
"""What `DownsamplingStreamBuffer` makes of 2 MHz."""
_RAW = (("raw[0]", "", "u16"), ("raw[1]", "", "u16"))
_RAW_FIELDS = {"raw": "", "raw_current": "LSBs", "raw_voltage": "LSBs"}
"""Units of the fields that are words."""


class StreamBuffer(Js110Buffer):
    """Keep the last seconds of a JS110's samples.

    Parameters
    ----------
    duration
        Seconds.
    reductions
        Factors from each level of statistics to the next; at most 5. `callback` is told of the last one. Answers do not
        depend on them.
    sampling_frequency
        Samples a second.

    Raises
    ------
    RefusedError
        There would be fewer samples than a packet has, or there are too many reductions; it is a ValueError.

    Examples
    --------
    >>> buffer = StreamBuffer(1.0, [10, 10], 1000.0)
    >>> buffer.insert_raw(np.full((100, 2), 400, "u2"))
    False
    >>> buffer.process()
    >>> buffer.sample_id_range, buffer.samples_get(0, 2, "current")
    ((0, 100), array([100., 100.], dtype=float32))
    """

    has_raw = True

    def __init__(self, duration: float, reductions: Sequence[int] | None, sampling_frequency: float) -> None:
        length, step = int(duration * sampling_frequency), prod(int(step) for step in reductions or ())
        if length < PACKET_SAMPLES:
            raise RefusedError(f"{length} samples are less than a packet has", f"Keep {PACKET_SAMPLES} at least.")
        super().__init__(-(-length // step) * step, reductions, Fraction(str(sampling_frequency)))

    def __str__(self) -> str:
        return f"StreamBuffer(length={self._length}, reductions={list(self._reductions)})"

    def get_reduction(self, idx: int, start: int, stop: int) -> NDArray[Any]:
        """Return the rows of a reduction that begin within a window, as `data_get` has them."""
        if not 0 <= idx < len(self._reductions):
            raise RefusedError(f"there is no reduction {idx}", f"There are {len(self._reductions)}, from 0 on.")
        step = prod(self._reductions[: idx + 1])
        return self.data_get(start // step * step, stop // step * step, step)

    def _samples(self, start: int, stop: int, fields: Sequence[str] | None) -> dict[str, Any]:
        wanted = [*STATS_FIELD_NAMES, "raw"] if fields is None else list(fields)
        plain = [field for field in wanted if field not in _RAW_FIELDS]
        words = ["raw[0]", "raw[1]"] if len(plain) < len(wanted) else []
        told: dict[str, Any] = self._ring.samples_get(start, stop, [*plain, *words])
        signals = told["signals"]
        if words:
            raw = np.stack([signals.pop(name)["value"] for name in words], axis=1)
            values = {"raw": raw, "raw_current": raw[:, 0] >> 2, "raw_voltage": raw[:, 1] >> 2}
            signals |= {field: {"value": values[field], "units": _RAW_FIELDS[field]} for field in _RAW_FIELDS}
            signals["raw"]["voltage_range"] = self.voltage_range
        told["signals"] = {field: signals[field] for field in wanted}
        return told

    def _raw(self, words: NDArray[np.uint16]) -> dict[str, NDArray[Any]]:
        return {"raw[0]": words[:, 0], "raw[1]": words[:, 1]}

    def _new_rings(self) -> list[Buffer]:
        return [Buffer(described(self._rate_hz, (*FIELDS, *_RAW)), seconds=self._length / self._rate_hz)]


class DownsamplingStreamBuffer(Js110Buffer):
    """Keep the last seconds at a lower rate: filtered, and where it was measured in time.

    Parameters
    ----------
    duration
        Seconds.
    reductions
        As of `StreamBuffer`, in samples that are inserted.
    input_sampling_frequency, output_sampling_frequency
        Samples a second that are inserted, and kept: one of `OUTPUT_RATES`.

    Raises
    ------
    RefusedError
        There is no such rate, or there are too many reductions; it is a ValueError.

    Examples
    --------
    >>> buffer = DownsamplingStreamBuffer(0.01, [], 2_000_000, 100_000)
    >>> buffer.insert_raw(np.full((20_000, 2), 400, "u2"))
    False
    >>> buffer.process()
    >>> buffer.sample_id_range[1] > 970, float(buffer.samples_get(0, 1, "current")[0].round(3))
    (True, 100.0)
    """

    def __init__(
        self,
        duration: float,
        reductions: Sequence[int] | None,
        input_sampling_frequency: float,
        output_sampling_frequency: float,
    ) -> None:
        if output_sampling_frequency not in OUTPUT_RATES:
            raise RefusedError(
                f"there is no output rate {output_sampling_frequency}",
                f"Rates: {', '.join(f'{rate:_}' for rate in OUTPUT_RATES)}.",
            )
        self._output_hz = Fraction(str(output_sampling_frequency))
        length = max(int(duration * output_sampling_frequency), 1)
        super().__init__(length, reductions, Fraction(str(input_sampling_frequency)))

    def _new_rings(self) -> list[Buffer]:
        signals = described(self._rate_hz)
        rings = [Buffer(signals, seconds=self._length / self._output_hz, rate=self._output_hz)]
        if self._reductions:
            rings.append(Buffer(signals, seconds=prod(self._reductions) / self._rate_hz))
        return rings
