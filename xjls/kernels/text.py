"""Cells -> lines of text: numbers and times in decimal, separated by commas.

A cell is 64 bits and a kind that says what they are. Floats get the digits that `repr` gives them, in its notation, so
that they read back as what they were; what is missing or not a number is an empty cell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels.decimal import powers_of_ten, shortest
from xjls.kernels.jit import BYTES, READ_INTEGERS, kernel_for, part

__all__ = ["CELL_BYTES", "FLOAT32", "FLOAT64", "NANOSECONDS", "SIGNED", "UNSIGNED", "UTC", "write_lines"]

CELL_BYTES = 32
"""More than any cell takes, with its comma."""
FLOAT64, FLOAT32, SIGNED, UNSIGNED, UTC, NANOSECONDS = range(6)
"""Kinds: the bits of a float; an integer; nanoseconds since the Unix epoch, and since anything, as seconds."""
_READ_CELLS = types.Array(types.uint64, 2, "C", readonly=True)
_READ_FLAGS = types.Array(types.boolean, 2, "C", readonly=True)

_ZERO, _ONE, _TEN = np.uint64(0), np.uint64(1), np.uint64(10)
_FRACTION = np.uint64((1 << 52) - 1)
_FRACTION32 = np.uint64((1 << 23) - 1)
_NS = 10**9
_COMMA, _LINE_END, _POINT, _MINUS, _PLUS, _NOUGHT = (ord(c) for c in ",\n.-+0")
_LETTER_E, _LETTER_T, _LETTER_Z, _COLON, _LETTER_I, _LETTER_N, _LETTER_F = (ord(c) for c in "eTZ:inf")


def write_lines(
    cells: NDArray[np.uint64], missing: NDArray[np.bool_], kinds: NDArray[np.int64], out: NDArray[np.uint8]
) -> int:
    r"""Write a line for each row of cells; return how many bytes.

    Parameters
    ----------
    cells, missing
        Shape (column, row).
    kinds
        Shape (column,): what the cells of each column are.
    out
        At least `CELL_BYTES` a cell.

    Raises
    ------
    ValueError
        The shapes do not agree, or `out` is too short.

    Examples
    --------
    >>> cells = np.array([[1, 2], np.array([0.1, -3e-7]).view("u8")], "u8")
    >>> out = np.empty(4 * CELL_BYTES, "u1")
    >>> size = write_lines(cells, np.zeros((2, 2), "?"), np.array([SIGNED, FLOAT64]), out)
    >>> out[:size].tobytes()
    b'1,0.1\n2,-3e-07\n'
    """
    if missing.shape != cells.shape or kinds.shape != cells.shape[:1] or out.size < cells.size * CELL_BYTES:
        raise ValueError(
            f"cells {cells.shape}, missing {missing.shape}, kinds {kinds.shape} and {out.size} bytes do not agree"
        )
    size: int = _write(cells, missing, kinds, powers_of_ten(), out)
    return size


@kernel_for(_READ_CELLS, _READ_FLAGS, READ_INTEGERS, _READ_CELLS, BYTES)
def _write(
    cells: NDArray[np.uint64], missing: NDArray[np.bool_], kinds: NDArray[np.int64], powers: NDArray[np.uint64],
    out: NDArray[np.uint8],
) -> int:  # fmt: skip
    columns, rows = cells.shape
    at = 0
    for row in range(rows):
        for column in range(columns):
            if not missing[column, row]:
                at = _put_cell(out, at, kinds[column], cells[column, row], powers)
            out[at] = _COMMA
            at += 1
        out[at - 1] = _LINE_END
    return at


@part
def _put_cell(out: NDArray[np.uint8], at: int, kind: int, bits: Any, powers: NDArray[np.uint64]) -> int:
    if kind == FLOAT64:
        fraction, exponent = bits & _FRACTION, np.int64(bits >> np.uint64(52)) & 0x7FF
        return _put_float(out, at, bits >> np.uint64(63) != _ZERO, fraction, exponent, 52, 0x7FF, powers)
    if kind == FLOAT32:
        fraction, exponent = bits & _FRACTION32, np.int64(bits >> np.uint64(23)) & 0xFF
        return _put_float(out, at, bits >> np.uint64(31) != _ZERO, fraction, exponent, 23, 0xFF, powers)
    if kind == UNSIGNED:
        return _put_number(out, at, bits, _digits_of(bits))
    if kind == UTC:
        return _put_utc(out, at, np.int64(bits))
    negative = np.int64(bits) < 0
    size = ~bits + _ONE if negative else bits
    if negative:
        out[at] = _MINUS
        at += 1
    if kind == SIGNED:
        return _put_number(out, at, size, _digits_of(size))
    whole = size // np.uint64(_NS)
    at = _put_number(out, at, whole, _digits_of(whole))
    return _put_fraction(out, at, size - whole * np.uint64(_NS))


@part
def _put_float(
    out: NDArray[np.uint8], at: int, negative: bool, fraction: Any, exponent: Any, width: int, special: int,
    powers: NDArray[np.uint64],
) -> int:  # fmt: skip
    """Write a float of `width` bits of fraction; nothing for NaN."""
    if exponent == special and fraction != _ZERO:
        return at
    if negative:
        out[at] = _MINUS
        at += 1
    if exponent == special:
        out[at], out[at + 1], out[at + 2] = _LETTER_I, _LETTER_N, _LETTER_F
        return at + 3
    if exponent == 0 and fraction == _ZERO:
        return _put_decimal(out, at, _ZERO, 1, 1)
    hidden = _ONE << np.uint64(width) if exponent else _ZERO
    lowest = 2 - (special + 1) // 2 - width
    narrow_below = fraction == _ZERO and exponent > 1
    digits, power = shortest(hidden | fraction, max(exponent, 1) - 1 + lowest, narrow_below, powers)
    while digits % _TEN == _ZERO:
        digits //= _TEN
        power += 1
    count = _digits_of(digits)
    point = count + power
    if -4 < point <= 16:
        return _put_decimal(out, at, digits, count, point)
    return _put_exponent(out, at, digits, count, point - 1)


@part
def _put_decimal(out: NDArray[np.uint8], at: int, digits: Any, count: int, point: int) -> int:
    """Write 0.0001, 12.5 or 1200.0: `point` digits stand before the point."""
    if point <= 0:
        out[at], out[at + 1] = _NOUGHT, _POINT
        at = _put_noughts(out, at + 2, -point)
        return _put_number(out, at, digits, count)
    if point >= count:
        at = _put_noughts(out, _put_number(out, at, digits, count), point - count)
        out[at], out[at + 1] = _POINT, _NOUGHT
        return at + 2
    _put_number(out, at + 1, digits, count)
    for i in range(at, at + point):
        out[i] = out[i + 1]
    out[at + point] = _POINT
    return at + count + 1


@part
def _put_exponent(out: NDArray[np.uint8], at: int, digits: Any, count: int, exponent: int) -> int:
    """Write 1e-05 or 1.25e+16: at least two digits of exponent, as `repr` has them."""
    _put_number(out, at + 1, digits, count)
    out[at] = out[at + 1]
    out[at + 1] = _POINT
    at += count + 1 if count > 1 else 1
    out[at], out[at + 1] = _LETTER_E, _MINUS if exponent < 0 else _PLUS
    size = np.uint64(abs(exponent))
    return _put_number(out, at + 2, size, max(_digits_of(size), 2))


@part
def _put_utc(out: NDArray[np.uint8], at: int, time_ns: Any) -> int:
    """Write 2026-03-01T10:00:00.000000000Z."""
    seconds = time_ns // _NS
    days = seconds // 86_400
    rest = seconds - days * 86_400
    year, month, day = _date(days)
    at = _put_part(out, at, year, 4, _MINUS)
    at = _put_part(out, at, month, 2, _MINUS)
    at = _put_part(out, at, day, 2, _LETTER_T)
    at = _put_part(out, at, rest // 3600, 2, _COLON)
    at = _put_part(out, at, rest // 60 % 60, 2, _COLON)
    at = _put_number(out, at, np.uint64(rest % 60), 2)
    at = _put_fraction(out, at, np.uint64(time_ns - seconds * _NS))
    out[at] = _LETTER_Z
    return at + 1


@part
def _date(days: int) -> tuple[int, int, int]:
    """Return year, month and day, of days since 1970 in the Gregorian calendar; years begin in March meanwhile."""
    since = days + 719_468
    era = since // 146_097
    of_era = since - era * 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    return year + era * 400 + (1 if month >= 10 else 0), month + 3 if month < 10 else month - 9, day


@part
def _put_part(out: NDArray[np.uint8], at: int, value: int, count: int, behind: int) -> int:
    at = _put_number(out, at, np.uint64(value), count)
    out[at] = behind
    return at + 1


@part
def _put_fraction(out: NDArray[np.uint8], at: int, nanoseconds: Any) -> int:
    out[at] = _POINT
    return _put_number(out, at + 1, nanoseconds, 9)


@part
def _put_noughts(out: NDArray[np.uint8], at: int, count: int) -> int:
    for i in range(at, at + count):
        out[i] = _NOUGHT
    return at + count


@part
def _put_number(out: NDArray[np.uint8], at: int, value: Any, count: int) -> int:
    """Write the last `count` digits."""
    for i in range(at + count - 1, at - 1, -1):
        left = value // _TEN
        out[i] = np.uint8(_NOUGHT) + np.uint8(value - left * _TEN)
        value = left
    return at + count


@part
def _digits_of(value: Any) -> int:
    count = 1
    while value >= _TEN:
        value //= _TEN
        count += 1
    return count
