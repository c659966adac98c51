"""Filters that make fewer samples of many: designed once for a factor, run block by block, centred on their spans.

A stage of factor M makes output k of its inputs ``[k * M, (k + 1) * M)`` and of as many beside them on either side,
with weights that are symmetric about the middle of the span. So no stage delays anything, and
neither does a chain of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PASS, STOP = 0.4, 0.6
"""Of the output rate: what is slower passes, what is faster does not; nothing folds below `PASS`."""
ATTENUATION_DB = 90.0
"""Of what is stopped; what passes is right to 3 parts in 100 000 then."""
MOST_A_STAGE = 10


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """One stage of a chain."""

    factor: int
    taps: NDArray[np.float64]
    """Shape (n,), symmetric; they sum up to 1, and ``n - factor`` is even."""

    @property
    def beside(self) -> int:
        """Inputs that an output is made of on either side of its span."""
        return (len(self.taps) - self.factor) // 2


@cache
def designed(factor: int) -> tuple[Design, ...]:
    """Return the stages that together keep one of ``factor`` samples: the large factors first, where it costs least.

    Examples
    --------
    >>> [stage.factor for stage in designed(2000)]
    [10, 10, 10, 2]
    >>> designed(1)
    ()
    """
    stages, left = [], factor
    for step in _steps(factor):
        left //= step
        stages.append(Design(step, _taps(step, left)))
    return tuple(stages)


def _steps(factor: int) -> list[int]:
    """Return factors of a number, each a prime or at most `MOST_A_STAGE`, from large to small."""
    primes, left, prime = [], factor, 2
    while left > 1:
        if left % prime:
            prime = prime + 1 if prime * prime < left else left
        else:
            primes.append(prime)
            left //= prime
    steps: list[int] = []
    for prime in sorted(primes, reverse=True):
        fitting = [i for i, step in enumerate(steps) if step * prime <= MOST_A_STAGE]
        if fitting:
            steps[fitting[0]] *= prime
        else:
            steps.append(prime)
    return sorted(steps, reverse=True)


def _taps(factor: int, left: int) -> NDArray[np.float64]:
    """Return a windowed sinc; ``left`` is the factor of the stages that follow, which stop what this one leaves.

    Kaiser's window and his estimate of its length (Oppenheim and Schafer, "Discrete-Time Signal Processing", 7.5).
    """
    each = 1 / (factor * left)  # the last output's rate, in terms of this input's
    low, high = PASS * each, (STOP if left == 1 else left - STOP) * each
    length = math.ceil((ATTENUATION_DB - 7.95) / (2.285 * 2 * math.pi * (high - low))) + 1
    length = max(length + (length - factor) % 2, factor)
    at = np.arange(length) - (length - 1) / 2
    taps = np.sinc((low + high) * at) * np.kaiser(length, 0.1102 * (ATTENUATION_DB - 8.7))
    return np.asarray(taps / taps.sum(), np.float64)


class Stage:
    """Run one stage; before the first input, and behind the last one, these are held.

    Parameters
    ----------
    design
        Its weights.
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        self._tail: NDArray[np.float64] | None = None

    def push(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take values that continue those before; return the outputs for which all is there."""
        from xjls.kernels.fir import filter_down

        if not len(values):
            return values
        before = np.full(self._design.beside, values[0]) if self._tail is None else self._tail
        values = np.concatenate([before, values])
        out = filter_down(values, self._design.taps, self._design.factor)
        self._tail = values[len(out) * self._design.factor :]
        return out

    def finish(self) -> NDArray[np.float64]:
        """Return the outputs that are left."""
        if self._tail is None or not len(self._tail):
            return np.empty(0)
        return self.push(np.full(self._design.beside, self._tail[-1]))
