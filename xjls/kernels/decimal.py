"""Floats -> the shortest decimal digits that round to them: what `repr` prints, of float64 and float32 alike.

Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2021): a float is c·2^q. The interval of numbers that
round to it is scaled by a power of ten, so that it holds one or two whole numbers of full length, or one of a digit
fewer; which of them is in it, and nearer, is decided by three products that keep the parity of what they cut off.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import instruction, part
from xjls.kernels.memory import I64

__all__ = ["powers_of_ten", "shortest"]

_LOWEST, _HIGHEST = -292, 324
"""Exponents of ten that scale a float64; those of float32 are among them."""
_I128 = ir.IntType(128)
_ZERO, _ONE, _TWO, _FOUR, _TEN = (np.uint64(i) for i in (0, 1, 2, 4, 10))


@cache
def powers_of_ten() -> NDArray[np.uint64]:
    """Return 10^k, k from -292 to 324, as the 128 bits that start with its first one, rounded up: uint64[k, 2]."""
    table = np.empty((_HIGHEST - _LOWEST + 1, 2), np.uint64)
    for row, k in enumerate(range(_LOWEST, _HIGHEST + 1)):
        above, below = 10 ** max(k, 0), 10 ** max(-k, 0)
        shift = 127 - _floor_log2_of_power(k)
        scaled = -(-(above << max(shift, 0)) // (below << max(-shift, 0)))
        table[row] = divmod(scaled, 1 << 64)
    table.setflags(write=False)
    return table


def _floor_log2_of_power(k: int) -> int:
    """Return the largest e for which 2^e ≤ 10^k."""
    power: int = 10 ** abs(k)
    return power.bit_length() - 1 if k >= 0 else -power.bit_length()


def _wide(builder: Any, a: Any, b: Any) -> Any:
    return builder.mul(builder.zext(a, _I128), builder.zext(b, _I128))


@instruction(types.uint64, types.uint64, types.uint64)
def _upper(builder: Any, a: Any, b: Any) -> Any:
    """Return the upper 64 bits of a product."""
    return builder.trunc(builder.lshr(_wide(builder, a, b), _I128(64)), I64)


@part
def _scaled(high: Any, low: Any, value: Any) -> Any:
    """Return value × (high, low) / 2^128, the last bit set where something was cut off."""
    carried = _upper(low, value)
    middle = high * value + carried
    upper = _upper(high, value)
    if middle < carried:
        upper += _ONE
    return upper | _ONE if middle > _ONE else upper


@part
def shortest(c: Any, q: int, narrow_below: bool, powers: NDArray[np.uint64]) -> tuple[Any, int]:
    """Return digits and exponent: digits × 10^exponent rounds to c·2^q, is as short as can be, and nearest to it.

    Parameters
    ----------
    c, q
        uint64 above 0 with at most 53 bits, and the exponent.
    narrow_below
        Whether the next float below is only half as far as the one above: c is a power of two, and q not the lowest.
    powers
        Those of `powers_of_ten`.
    """
    # floor(log10(2^q)), of 3/4·2^q where it is narrow below; floor(log2(10^-k)) + q + 1
    k = (q * 1_262_611 - (524_031 if narrow_below else 0)) >> 22
    shift = np.uint64(q + ((-k * 1_741_647) >> 19) + 1)
    high, low = powers[-k - _LOWEST, 0], powers[-k - _LOWEST, 1]
    odd = c & _ONE
    four = c * _FOUR
    lower = _scaled(high, low, (four - (_ONE if narrow_below else _TWO)) << shift) + odd
    value = _scaled(high, low, four << shift)
    upper = _scaled(high, low, (four + _TWO) << shift) - odd
    whole = value // _FOUR
    if whole >= _TEN:
        tens = whole // _TEN
        low_in, high_in = lower <= tens * _FOUR * _TEN, (tens + _ONE) * _FOUR * _TEN <= upper
        if low_in != high_in:
            return tens + (_ONE if high_in else _ZERO), k + 1
    low_in, high_in = lower <= whole * _FOUR, (whole + _ONE) * _FOUR <= upper
    if low_in != high_in:
        return whole + (_ONE if high_in else _ZERO), k
    middle = whole * _FOUR + _TWO
    return whole + (_ONE if value > middle or (value == middle and whole & _ONE) else _ZERO), k
