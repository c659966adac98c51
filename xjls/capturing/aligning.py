"""One moment in the samples of several signals: where all of them begin, or end.

Ids of signals in time count from one origin, each on the grid of its signal's rate. Those of an axis are the same for
what belongs together; nothing but the order of arrivals tells where two axes are at one moment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from xjls.capturing.axes import axes_of, series_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xjls.model.signal import Signal

APART_S = 5
"""Seconds beyond which signals of different rates are taken to count from different origins."""
MOST_PERIOD_S = 1
"""Where the grids of rates meet less often, a moment is any: what is left between signals is less than a sample."""


def ids_now(nexts: Mapping[str, int], signals: Sequence[Signal]) -> dict[str, int]:
    """Return the first sample id of each signal that belongs to what comes from now on.

    Of signals in time see `ids_at_once`. Those of an axis begin with the first position that none of them has passed;
    an axis of which nothing came yet is left out: it begins with whatever comes.

    Examples
    --------
    >>> import numpy as np
    >>> from xjls.model.signal import Signal, Source
    >>> told = {"units": "", "dtype": np.dtype("u1"), "source": Source(id=1, name="scope"), "rate_hz": Fraction(20)}
    >>> signals = [Signal(id=i, name=name, axis=axis, **told) for i, (name, axis) in enumerate(
    ...     [("image", "frame"), ("n_missing", "frame"), ("time", "frame"), ("battery", "buffer"), ("host", "packet")])]
    >>> ids_now({"image": 120, "n_missing": 117, "battery": 960}, signals)
    {'image': 120, 'n_missing': 120, 'time': 120, 'battery': 960}
    """
    rates_hz = {signal.name: signal.rate_hz for signal in series_of(signals)}
    found = ids_at_once({name: nexts[name] for name in rates_hz if name in nexts}, rates_hz)
    for names in axes_of(signals).values():
        if begun := [nexts[name] for name in names if name in nexts]:
            found |= dict.fromkeys(names, max(begun))
    return found


def ids_at_once(nexts: Mapping[str, int], rates_hz: Mapping[str, Fraction]) -> dict[str, int]:
    """Return the first sample id of each signal from the earliest moment on that none of them has passed.

    Parameters
    ----------
    nexts
        The sample that comes next, of each signal of which something came.
    rates_hz
        Of all signals.

    Returns
    -------
    dict
        By signal, also of those of which nothing came yet; empty if that is all of them.

    Examples
    --------
    >>> rates = {"current": Fraction(1000), "voltage": Fraction(1000), "gpi": Fraction(2000), "heat": Fraction(10)}
    >>> ids_at_once({"current": 150, "voltage": 120, "gpi": 330}, rates)
    {'current': 200, 'voltage': 200, 'gpi': 400, 'heat': 2}
    """
    fronts: dict[Fraction, Fraction] = {}
    for name, sample_id in nexts.items():
        rate_hz = rates_hz[name]
        fronts[rate_hz] = max(sample_id / rate_hz, fronts.get(rate_hz, sample_id / rate_hz))
    if not fronts:
        return {}
    last = max(fronts.values())
    apart = {rate_hz: front for rate_hz, front in fronts.items() if last - front > APART_S}
    moment = _on_grids(last, {rate_hz for rate_hz in rates_hz.values() if rate_hz not in apart})
    return {name: math.ceil(apart.get(rate_hz, moment) * rate_hz) for name, rate_hz in rates_hz.items()}


def _on_grids(moment_s: Fraction, rates_hz: set[Fraction]) -> Fraction:
    """Return the first moment from one on that is a sample of all rates, if there is one soon."""
    period_s = Fraction(
        math.lcm(*(rate_hz.denominator for rate_hz in rates_hz)),
        math.gcd(*(rate_hz.numerator for rate_hz in rates_hz)),
    )
    return moment_s if period_s > MOST_PERIOD_S else math.ceil(moment_s / period_s) * period_s
