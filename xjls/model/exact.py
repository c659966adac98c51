"""Integer lines, exactly: ``floor((n * a + r) / d)`` on arrays, and when two such lines are the same function.

Nothing here goes through a float and nothing overflows: products that do not fit 64 bits are divided digit by digit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_DENOMINATOR", "Line", "floor_line", "floor_sum"]

MAX_DENOMINATOR = 2**61
"""Denominators stay below this, so that one bit of a long division always fits 64 bits beside them."""

IntArray = NDArray[np.int64]


class Line(NamedTuple):
    """The line ``whole + (n * a + r) / d`` in Python integers of any size; ``d > 0``."""

    whole: int
    a: int
    r: int
    d: int

    def at(self, n: int) -> int:
        """Value at `n`, rounded down.

        Examples
        --------
        >>> Line(whole=5, a=1, r=0, d=3).at(7)
        7
        """
        return self.whole + (n * self.a + self.r) // self.d

    @property
    def slope(self) -> float:
        """Rise per step, as a float for messages."""
        return self.a / self.d

    def moved(self, n: int) -> Line:
        """Return the same line with its origin at `n`."""
        whole, r = divmod(n * self.a + self.r, self.d)
        return Line(self.whole + whole, self.a, r, self.d)

    def first_at_or_above(self, value: int) -> int:
        """Smallest n whose value is at least `value`; the line must rise."""
        return -((self.r - (value - self.whole) * self.d) // self.a)

    def overlies(self, other: Line) -> bool:
        """Whether both are one line, as rational numbers."""
        height = (self.whole - other.whole) * self.d * other.d + self.r * other.d - other.r * self.d
        return height == 0 and self.a * other.d == other.a * self.d

    def agrees(self, other: Line, count: int) -> bool:
        """Whether both lines, rounded down, are equal at 0, 1 … `count` - 1.

        Where one line is nowhere below the other, so are their floors, and these are all equal exactly when their sums
        are. Two lines cross at most once, so two sums decide, in logarithmic time.

        Examples
        --------
        >>> Line(0, 1, 0, 3).agrees(Line(0, 333, 0, 1000), 1000)
        False
        >>> Line(0, 1, 0, 3).agrees(Line(0, 334, 0, 1000), 300)
        True
        """
        slope = self.a * other.d - other.a * self.d
        height = (self.whole - other.whole) * self.d * other.d + self.r * other.d - other.r * self.d
        crossing = min(max(-(height // slope), 0), count) if slope else 0
        return (
            self._total(crossing) == other._total(crossing)
            and self.moved(crossing)._total(count - crossing) == other.moved(crossing)._total(count - crossing)
        )  # fmt: skip

    def _total(self, count: int) -> int:
        return self.whole * count + floor_sum(count, self.a, self.r, self.d)


def floor_sum(count: int, a: int, r: int, d: int) -> int:
    """Sum of ``floor((n * a + r) / d)`` over n = 0, 1 … `count` - 1, by Euclid's algorithm, in Python integers.

    Examples
    --------
    >>> floor_sum(4, 2, 1, 3) == sum((2 * n + 1) // 3 for n in range(4))
    True
    """
    total = 0
    while count > 0:
        whole, a = divmod(a, d)
        total += whole * (count * (count - 1) // 2)
        whole, r = divmod(r, d)
        total += whole * count
        # count the lattice points under the line with the axes exchanged
        above, r = divmod(a * count + r, d)
        count, a, d = above, d, a
    return total


def floor_line(n: IntArray, a: IntArray | int, r: IntArray | int, d: IntArray | int) -> IntArray:
    """``floor((n * a + r) / d)`` elementwise, for any int64 `n`, ``0 <= a < d``, ``0 <= r < d`` and ``d < 2**61``.

    `a`, `r` and `d` broadcast against `n`.

    Examples
    --------
    >>> floor_line(np.array([2**62, -1]), 10**12, 5, 10**12 + 1)
    array([4611686018422776217,                  -1])
    """
    if n.size == 0:
        return np.zeros(n.shape, np.int64)
    top_a, top_d = int(np.max(a)), int(np.max(d))
    if top_a == 0:
        return np.zeros(n.shape, np.int64)
    if max(abs(int(n.min())), abs(int(n.max()))) * top_a + top_d < 2**63:
        return np.asarray((n * a + r) // d, np.int64)
    whole, rest = np.divmod(n, d)
    return np.asarray(whole * a + _long_division(rest, a, r, d, top_d), np.int64)


def _long_division(n: IntArray, a: IntArray | int, r: IntArray | int, d: IntArray | int, top_d: int) -> IntArray:
    """``floor((n * a + r) / d)`` for n, a, r all in [0, d)."""
    if top_d * top_d < 2**63:
        return np.asarray((n * a + r) // d, np.int64)
    digit_bits = 62 - top_d.bit_length()
    digits = -(-top_d.bit_length() // digit_bits)
    quotient = np.zeros(n.shape, np.int64)
    remainder = np.zeros(n.shape, np.int64)
    for digit in reversed(range(digits)):
        value = (n >> (digit * digit_bits)) & ((1 << digit_bits) - 1)
        remainder = (remainder << digit_bits) + value * a
        if digit == 0:
            remainder = remainder + r
        whole, remainder = np.divmod(remainder, d)
        quotient = (quotient << digit_bits) + whole
    return quotient
