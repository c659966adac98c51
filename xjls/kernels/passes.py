"""Single passes over a few samples in the first cache, vectorised: sums, squares and extremes, in float64.

What is not finite shows in the sums of the plain passes; `finite_sums` leaves it out. A minimum is vectorised only when
NaN need not be minded, so that the plain passes' extremes are void where a sum is not finite.

A slice of an array owns a share of it, and to take and give back shares costs more than a short loop: hence `view`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
from numpy.typing import NDArray

from xjls.kernels.jit import part

__all__ = ["centred_sums", "finite_sums", "first_finite", "squares", "sum_and_extremes", "view"]

_SUMS_MAY_BE_REORDERED = {"reassoc", "nsz", "contract"}
"""What vectorising needs. Not "nnan" and "ninf": the sums must show what is not finite."""

_pass = numba.njit(nogil=True, fastmath=_SUMS_MAY_BE_REORDERED)


def _chooser(comparison: str) -> Any:
    """Make the instruction that returns one of two numbers of one type, by comparison; anything if one is NaN.

    Only a choice that need not mind NaN is vectorised, but the flag that says so must not reach the sums in the same
    loop; hence on this instruction, not on the function.
    """
    flags = ("nnan", "nsz")

    def define(_typing: Any, a: Any, b: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            if isinstance(a, types.Float):
                return builder.select(builder.fcmp_ordered(comparison, *values, flags=flags), *values, flags=flags)
            compare = builder.icmp_signed if a.signed else builder.icmp_unsigned
            return builder.select(compare(comparison, *values), *values)

        return (a(a, b), generate) if a == b else None

    return intrinsic(define)


_smaller = _chooser("<")
_larger = _chooser(">")


def _view(_typing: Any, like: Any, _place: Any, _count: Any) -> Any:
    """Array of `count` samples at address `place`, of the type of `like`; they must outlive it."""

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        _, place, count = values
        array = make_array(like)(context, builder)
        size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(like.dtype)))
        data = builder.inttoptr(place, context.get_data_type(like.dtype).as_pointer())
        populate_array(array, data=data, shape=(count,), strides=(size,), itemsize=size, meminfo=None)
        return array._getvalue()

    return like(like, types.int64, types.int64), generate


view = cast("Callable[[NDArray[Any], int, int], NDArray[Any]]", intrinsic(_view))


@_pass
def sum_and_extremes(samples: NDArray[Any]) -> tuple[float, Any, Any]:
    """Return sum, minimum and maximum of at least one sample; the extremes are void if the sum is not finite."""
    total, low, high = 0.0, samples[0], samples[0]
    for i in range(samples.size):
        x = samples[i]
        total += np.float64(x)
        low = _smaller(x, low)
        high = _larger(x, high)
    return total, low, high


@_pass
def squares(samples: NDArray[Any], mean: float) -> float:
    """Return the sum of the squared distances from `mean`."""
    total = 0.0
    for i in range(samples.size):
        distance = np.float64(samples[i]) - mean
        total += distance * distance
    return total


@_pass
def centred_sums(samples: NDArray[Any], centre: float) -> tuple[float, float, Any, Any]:
    """Return the sums of distances from `centre` and of their squares, minimum and maximum of at least one sample.

    The extremes are void if the first sum is not finite.
    """
    total, total_squares, low, high = 0.0, 0.0, samples[0], samples[0]
    for i in range(samples.size):
        x = samples[i]
        distance = np.float64(x) - centre
        total += distance
        total_squares += distance * distance
        low = _smaller(x, low)
        high = _larger(x, high)
    return total, total_squares, low, high


@_pass
def finite_sums(samples: NDArray[Any], first: int, centre: float) -> tuple[int, float, float, Any, Any]:
    """Return the number of finite samples, and what `centred_sums` gives of them; sample `first` is one."""
    count, total, total_squares, low, high = 0, 0.0, 0.0, samples[first], samples[first]
    for i in range(samples.size):
        x = samples[i]
        finite = math.isfinite(x)
        distance = np.float64(x) - centre if finite else 0.0
        count += finite
        total += distance
        total_squares += distance * distance
        low = _smaller(x if finite else low, low)
        high = _larger(x if finite else high, high)
    return count, total, total_squares, low, high


@part
def first_finite(samples: NDArray[Any]) -> int:
    """Return the position of the first finite sample, or their number where there is none."""
    for i in range(samples.size):
        if math.isfinite(samples[i]):
            return i
    return int(samples.size)
