"""What a perfect reader finds in a file: by formulas of its own, in float32 where the format says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls1.calibrations import MISSING, RAW_SCALES
from xjls.testing.jls1.definition import Definition, Floats
from xjls.testing.jls1.suppressing import suppress
from xjls.testing.jls1.words import absent

UNITS = {"current": "A", "voltage": "V", "power": "W", "current_range": "", "gpi0": "", "gpi1": ""}
COUNTED = UNITS | {"current": "count", "voltage": "count", "power": "count²"}
"""Where there is no calibration."""
Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What a file holds, as one of the ways to suppress switches of ranges reads it."""

    signals: Mapping[str, NDArray[Any]]
    """By name, in order; NaN, or 0 in integers, where samples are missing or lost; a range that is missing is 8."""
    units: Mapping[str, str]
    missing: Runs
    """Half-open runs of samples that the instrument did not deliver."""
    lost: Runs
    """Runs that were stored and cannot be read."""
    rate_hz: Fraction
    user_data: tuple[tuple[int, Any], ...]
    """Each behind 0, if it stands before the samples, or 1, behind them."""
    kept: Mapping[str, NDArray[Any]]
    """Signals of the file before its records broke."""

    @property
    def length(self) -> int:
        """Samples of each signal."""
        return len(next(iter(self.signals.values()), ()))

    def not_delivered(self, name: str) -> NDArray[np.bool_]:
        """Return which samples of a signal are missing; what makes up a current where ranges switch does so there too.

        Examples
        --------
        >>> words = np.full((20, 2), 4, np.uint16)
        >>> words[[3, 15]] = 0xFFFF
        >>> truth = truth_of(Definition(words=words))
        >>> [np.flatnonzero(truth.not_delivered(name)).tolist() for name in ("current", "gpi0")]
        [[15], [3, 15]]
        """
        values, missing = self.signals[name], flags_of(self.missing, self.length)
        return missing & np.isnan(values) if values.dtype.kind == "f" else missing

    def gone(self, name: str) -> Runs:
        """Return the runs of a signal that cannot be read for whatever reason."""
        return runs_of(self.not_delivered(name) | flags_of(self.lost, self.length))


def truth_of(definition: Definition, *, suppressed: str = "normal", lost: Runs = (), size: int | None = None) -> Truth:
    """Return what the file of a definition holds.

    Parameters
    ----------
    definition
        What was written.
    suppressed
        How: ``off``, ``normal``, ``mean_2_n_1`` … Files of calibrated samples are the same with any.
    lost
        Half-open runs of samples whose records are broken. What they do to the currents next to them is that of
        samples that are missing.
    size
        Samples that are left of a file that was cut off; all unless given.

    Examples
    --------
    >>> words = np.array([[4 << 2, 8 << 2], [5 << 2, 9 << 2 | 2], [0xFFFF, 0xFFFF]], np.uint16)
    >>> truth = truth_of(Definition(words=words, calibration=None), suppressed="off")
    >>> truth.signals["power"], truth.missing
    (array([32., 45., nan], dtype=float32), ((2, 3),))
    """
    length = definition.length if size is None else min(size, definition.length)
    gone = flags_of(lost, length)
    missing = np.zeros(length, np.bool_)
    signals: dict[str, NDArray[Any]] = {}
    if definition.words is not None:
        words = definition.words[:length]
        missing = absent(words) & ~gone
        words = np.where(gone[:, None], np.uint16(0xFFFF), words)
        signals = converted(words, definition, suppressed)
    elif definition.floats is not None:
        signals = {name: kept[:length] for name, kept in decoded(definition.floats).items()}
    notes = enumerate((definition.user_data, definition.footer_user_data))
    is_counted = definition.words is not None and definition.calibration is None
    made = {name: _without(name, kept, gone, missing) for name, kept in signals.items()}
    return Truth(
        signals=made,
        units=COUNTED if is_counted else UNITS, missing=runs_of(missing),
        lost=runs_of(gone), rate_hz=Fraction(definition.rate_hz),
        user_data=tuple((place, one) for place, one in notes if one is not None),
        kept=truth_of(definition, suppressed=suppressed, size=size).signals if lost else made,
    )  # fmt: skip


def converted(words: NDArray[np.uint16], definition: Definition, suppressed: str) -> dict[str, NDArray[Any]]:
    """Return the signals of words, also of those that are missing: their range is 8, a current may be made up."""
    scales = RAW_SCALES if definition.calibration is None else definition.calibration.scales()
    ranges = np.where(absent(words), MISSING, words[:, 0] & 3 | (words[:, 1] & 1) << 2).astype(np.int64)
    block = np.arange(len(words)) // definition.sizes.samples_per_block
    v_ranges = np.array([definition.v_range_of(k) for k in range(int(block.max(initial=0)) + 1)])[block]
    codes = (words >> 2).astype(np.float32)
    current = (codes[:, 0] + scales[0, ranges]) * scales[1, ranges]
    voltage = (codes[:, 1] + scales[0, MISSING + 1 + v_ranges]) * scales[1, MISSING + 1 + v_ranges]
    voltage[ranges == MISSING] = np.nan
    current, voltage = suppress(suppressed, ranges, current, voltage)
    return {
        "current": current, "voltage": voltage, "power": current * voltage, "current_range": ranges.astype(np.uint8),
        "gpi0": words[:, 0] & 4 != 0, "gpi1": words[:, 1] & 4 != 0,
    }  # fmt: skip


def stored_of(floats: Floats) -> tuple[NDArray[Any], ...]:
    """Return the six arrays as their producer stored them: float32, then bytes.

    Examples
    --------
    >>> one = np.array([0, 1], "f4")
    >>> kept = {name: one for name in ("current", "voltage", "power", "gpi0", "gpi1")}
    >>> stored_of(Floats(**kept, current_range=np.array([2, 2.25], "f4"), producer="b"))[3:5]
    (array([ 0, 64], dtype=uint8), array([  0, 241], dtype=uint8))
    """
    by_lsb = [floats.current_range * 16, floats.gpi0 * 15, floats.gpi1 * 15]
    if floats.producer == "b":  # what came was in bytes already, which the second multiplication overflows
        sixteenths, lsb0, lsb1 = floats.current_range * 16, floats.gpi0 * 255, floats.gpi1 * 255
        by_lsb = [np.trunc(sixteenths) * 16 % 256, np.trunc(lsb0) * 15 % 256, np.trunc(lsb1) * 15 % 256]
    return (floats.current, floats.voltage, floats.power, *(np.trunc(one).astype(np.uint8) for one in by_lsb))


def decoded(floats: Floats) -> dict[str, NDArray[np.float32]]:
    """Return the signals that a reader finds; a range that was destroyed is none of them."""
    f4 = np.float32
    current, voltage, power, sixteenths, lsb0, lsb1 = stored_of(floats)
    found = {"current": current, "voltage": voltage, "power": power}
    if floats.producer == "b":
        lsb0, lsb1 = (np.trunc(one * 255).astype(np.uint8) for one in (floats.gpi0, floats.gpi1))
    else:
        found["current_range"] = sixteenths.astype(f4) / f4(16)
    most = f4(255 if floats.producer == "b" else 15)
    return found | {"gpi0": lsb0.astype(f4) / most, "gpi1": lsb1.astype(f4) / most}


def flags_of(runs: Runs, length: int) -> NDArray[np.bool_]:
    """Return which of so many samples are in any of the runs.

    Examples
    --------
    >>> runs_of(flags_of(((0, 2), (1, 3), (5, 9)), 6))
    ((0, 3), (5, 6))
    """
    flags = np.zeros(length, np.bool_)
    for start, stop in runs:
        flags[start:stop] = True
    return flags


def runs_of(flags: NDArray[np.bool_]) -> Runs:
    """Return the half-open runs of samples that are flagged."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).tolist()
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _without(name: str, samples: NDArray[Any], gone: NDArray[np.bool_], missing: NDArray[np.bool_]) -> NDArray[Any]:
    kept = samples.copy()
    if kept.dtype.kind == "f":
        kept[gone] = np.nan
    else:
        kept[missing] = MISSING if name == "current_range" else 0
        kept[gone] = 0
    return kept
