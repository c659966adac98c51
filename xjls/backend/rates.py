"""How many values a second a variable has: the nominal rate, unless its time labels tell another one.

Labels may be strided, reversed, or cut out and put together: what counts is the step from one to the next, and not how
long a gap between two parts is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.backend.index import TimeIndex

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xjls.backend.sampled import Sampled

__all__ = ["is_even", "rate_hz_of"]

_SAME_RATE = 1e-3
"""How far the nominal rate may be from that of the labels, which follow the ties, to be the rate that is meant."""
_STEP_TOLERANCE = 1e-2
"""Of a step between labels that are not a recording's own: more is no even grid."""
_LOOKED_AT = 1 << 20
"""Labels that are looked at for their step."""


def rate_hz_of(data: xr.Dataset | xr.DataArray, one: Sampled) -> float | None:
    """Return values a second: the nominal rate where the labels agree or do not tell, else theirs; None without either.

    Examples
    --------
    >>> import xarray as xr
    >>> from xjls.backend.sampled import sampled
    >>> ds = xr.Dataset({"current": ("time", np.zeros(5))}, {"time": [0.0, 0.5, 1.0, 90.0, 90.5]})
    >>> rate_hz_of(ds, sampled(ds)[0])
    2.0
    """
    given = one.variable.attrs.get("sample_rate_hz")
    nominal = float(given) if isinstance(given, int | float | np.number) and given > 0 else None
    step = _step_s(data, one)
    if not step or (nominal and abs(1 / (step * nominal) - 1) < _SAME_RATE):
        return nominal
    return 1 / step


def is_even(data: xr.Dataset | xr.DataArray, one: Sampled) -> bool:
    """Whether the labels, where there are any, follow each other without a gap."""
    if one.dim not in data.coords or one.length < 2:
        return True
    index = data.xindexes.get(one.dim)
    if isinstance(index, TimeIndex):
        return index.labels.clock.is_continuous(one.length)
    steps = _steps_s(data[one.dim].values)
    if steps is None:
        return True
    mean = steps.mean()
    return bool(mean) and bool(np.abs(steps - mean).max() <= _STEP_TOLERANCE * abs(mean))


def _step_s(data: xr.Dataset | xr.DataArray, one: Sampled) -> float | None:
    """Return the usual step from one label to the next, in seconds; None where there is none."""
    if one.dim not in data.coords or one.length < 2:
        return None
    index = data.xindexes.get(one.dim)
    if isinstance(index, TimeIndex):
        return max(index.labels.clock.usual_step_ns(one.length), 0) / 1e9
    steps = _steps_s(data[one.dim][:_LOOKED_AT].values)
    if steps is None or not (usual := np.median(steps)):
        return None
    regular = np.abs(steps / usual - 1) < 0.5
    # the mean of these, as labels may be rounded
    return abs(float(steps[regular].mean())) if 2 * np.count_nonzero(regular) > len(steps) else None


def _steps_s(labels: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return the steps between labels in seconds; None for labels that are no times."""
    if labels.dtype.kind in "mM":
        return np.diff(labels) / np.timedelta64(1, "s")
    return np.diff(labels.astype(np.float64)) if labels.dtype.kind in "iuf" else None
