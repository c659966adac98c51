"""What a perfect reader finds in a PicoStream file: computed from what was written, by formulas of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xjls.testing.picostream.counts import LOST
from xjls.testing.picostream.vintages import CONSTANT_INTERVAL_NS, Capture, Vintage

SIGNAL = "channel_a"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What a file holds."""

    signals: Mapping[str, NDArray[np.int16]]
    """Counts by signal, 0 where there are none: one, or the minima and maxima of an aggregate file."""
    missing: NDArray[np.bool_]
    """Which timesteps were never written; a pair is not there when one of its values is not."""
    rate_hz: Fraction
    """Timesteps a second."""
    first_id: int
    """Timesteps that came before what the file holds."""
    scale_factor: float
    """Volts a count."""
    add_offset: float
    """Volts at count 0, as physics has it: the offset was added ahead of the converter."""

    def marked(self, name: str) -> NDArray[np.bool_]:
        """Return which samples the driver marked as lost.

        Examples
        --------
        >>> truth_of([5, -32768, 7]).marked("channel_a")
        array([False,  True, False])
        """
        marked: NDArray[np.bool_] = self.signals[name] == LOST
        return marked

    def valid(self, name: str) -> NDArray[np.bool_]:
        """Return which samples the file holds: neither marked nor missing."""
        return ~(self.marked(name) | self.missing)

    def volts(self, name: str) -> NDArray[np.float64]:
        """Return physical values, NaN where there are none.

        Examples
        --------
        >>> truth_of([0, 16, -32768], range_v=2.0, max_adc=32, offset_v=0.5).volts("channel_a")
        array([-0.5,  0.5,  nan])
        """
        return np.where(self.valid(name), self.signals[name] * self.scale_factor + self.add_offset, np.nan)


def truth_of(
    counts: ArrayLike, *, vintage: Vintage = "F5", first_id: int = 0, written: ArrayLike | None = None, **capture: Any
) -> Truth:
    """Return what a file of these values holds.

    Parameters
    ----------
    counts
        Values as they are stored; of an aggregate file a last one without its partner is no timestep.
    vintage
        How old the file is: the oldest do not tell their interval, those of F4 not their largest count.
    first_id
        Timesteps that came before.
    written
        Whether each value ever was; all unless said. What follows the last of them is not there.
    **capture
        Fields of `Capture`.

    Examples
    --------
    >>> truth = truth_of([1, 4, 2, 5], mode="aggregate", ratio=10, interval_ns=16)
    >>> truth.signals["channel_a_max"], truth.rate_hz
    (array([4, 5], dtype=int16), Fraction(6250000, 1))
    """
    how = Capture(**capture)
    values = np.asarray(counts).astype(np.int16)
    there = np.ones(values.size, np.bool_) if written is None else np.asarray(written, np.bool_)
    step = how.values_per_step
    length = int(np.flatnonzero(there).max(initial=-1) + 1) // step * step
    names = {1: (SIGNAL,), 2: (f"{SIGNAL}_min", f"{SIGNAL}_max")}[step]
    interval_ns = CONSTANT_INTERVAL_NS if vintage == "F0" else how.interval_ns
    assumed = 32512 if how.resolution == "PS5000A_DR_8BIT" else 32767
    max_adc = assumed if vintage == "F4" or how.max_adc is None else how.max_adc
    return Truth(
        signals={name: np.where(there, values, 0)[i:length:step].astype(np.int16) for i, name in enumerate(names)},
        missing=np.asarray(~there[:length].reshape(-1, step).all(axis=1)),
        rate_hz=Fraction(10**9) / (Fraction(interval_ns) * (how.ratio or 1)), first_id=first_id,
        scale_factor=how.range_v / max_adc, add_offset=0.0 - how.offset_v if vintage == "F5" else 0.0,
    )  # fmt: skip
