"""What buffers hand over, as a recording of numbers stores it: plain values, then float32 and bytes; and reductions.

Ranges and inputs are stored in sixteenths and fifteenths, so that means of them fit into a byte.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer.statistics import STATS_DTYPE, fill_stats
from xjls.formats.jls1.arrays import encode_arrays
from xjls.formats.jls1.config import FIELDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTITIES = 3
"""The first fields: current, voltage and power, which are stored as they are. The others are states."""
RANGE_STEPS, INPUT_STEPS = 16, 15
"""Stored for a range, or an input, of 1."""
_CODED = {"current_range": 16.0, "current_lsb": 255.0, "voltage_lsb": 255.0}
"""What Joulescope's downsampling buffer hands over for a state of 1: codes, of what others tell as it is."""
_MOST = {"current_range": 15, "current_lsb": 1, "voltage_lsb": 1}
_MEAN = 1
"""Number of the mean, which samples of a lower rate are."""


def hands_over_codes(buffer: object) -> bool:
    """Return whether a buffer is the one of Joulescope's that scales the states of its samples."""
    module = sys.modules.get("joulescope.v0.stream_buffer")  # nobody has one without it
    return module is not None and isinstance(buffer, module.DownsamplingStreamBuffer)


def are_codes(samples: Mapping[str, NDArray[Any]]) -> bool:
    """Return whether states are codes: whole numbers, larger than states are.

    Examples
    --------
    >>> are_codes({"current_range": np.array([6], "u1")}), are_codes({"current_lsb": np.array([0, 255], "u1")})
    (False, True)
    """
    found = {field: samples[field] for field in _MOST if field in samples}
    return any(x.dtype.kind in "ui" and x.size and x.max() > _MOST[field] for field, x in found.items())


def plain(field: str, values: NDArray[Any], *, coded: bool) -> NDArray[np.float32]:
    """Return samples of a field as numbers: amperes, volts, watts, a range, or 0 to 1 of an input.

    Examples
    --------
    >>> plain("current_range", np.array([96, 16], "u1"), coded=True)
    array([6., 1.], dtype=float32)
    """
    found = np.asarray(values).astype(np.float32)
    if coded and field in _CODED:
        found /= np.float32(_CODED[field])
    return found


def absent(field: str, count: int) -> NDArray[np.float32]:
    """Return samples of a field that nobody told: NaN, or 0 of states."""
    return np.full(count, np.nan if FIELDS.index(field) < QUANTITIES else 0, np.float32)


def encode_samples(samples: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Return what a record holds of samples of all fields, as `plain` gives them."""
    quantities = {field: samples[field].astype("<f4", copy=False) for field in FIELDS[:QUANTITIES]}
    states = {
        "current_range": _bytes(samples["current_range"], RANGE_STEPS, 255),
        "current_lsb": _bytes(samples["current_lsb"], INPUT_STEPS, INPUT_STEPS),
        "voltage_lsb": _bytes(samples["voltage_lsb"], INPUT_STEPS, INPUT_STEPS),
    }
    stored = {**quantities, **states}
    return encode_arrays({FIELDS.index(field) << 4 | _MEAN: values for field, values in stored.items()})


def reductions_of(samples: Mapping[str, NDArray[np.float32]], step: int) -> NDArray[Any]:
    """Return records of consecutive spans of samples, shape (n // step, field), of `STATS_DTYPE`.

    A sample whose current is missing counts in no field.
    """
    from xjls.kernels.moments import moments_of_runs

    n = len(samples["current"]) // step
    edges = np.arange(n + 1, dtype=np.int64) * step
    missing = ~np.isfinite(samples["current"][: n * step])
    out, rows = np.empty((n, len(FIELDS)), STATS_DTYPE), np.empty((n, 6))
    for i, field in enumerate(FIELDS):
        values = samples[field][: n * step]
        moments_of_runs(np.where(missing, np.float32(np.nan), values) if missing.any() else values, edges, rows)
        fill_stats(rows, out[:, i])
    return out


def _bytes(values: NDArray[np.float32], steps: int, most: int) -> NDArray[np.uint8]:
    """Return numbers in so many steps of one, rounded; NaN is 0."""
    scaled = np.rint(values * np.float32(steps))
    stored: NDArray[np.uint8] = np.clip(np.nan_to_num(scaled, copy=False), 0, most).astype(np.uint8)
    return stored
