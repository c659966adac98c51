"""Equality, reductions and errors as the laws mean them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.testing.laws.expected import Expected, ExpectedSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray


RTOL = 1e-6
"""Of an entry: it was rounded to float32 once or, above level 1, once a level."""


def equal_values(found: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Whether two arrays are equal in type, shape and every value, NaN being equal to NaN.

    Examples
    --------
    >>> equal_values(np.array([np.nan, 1]), np.array([np.nan, 1])), equal_values(np.array([1]), np.array([1.0]))
    (True, False)
    """
    if found.dtype != wanted.dtype or found.shape != wanted.shape:
        return False
    return bool(np.array_equal(found, wanted, equal_nan=found.dtype.kind == "f"))


def reduce_finite(samples: NDArray[Any], factor: int) -> NDArray[np.float64]:
    """Return mean, population std, min and max of the finite ones of each ``factor`` samples, float64[n, 4].

    Examples
    --------
    >>> reduce_finite(np.array([1.0, 3, np.nan, np.inf, 7, 7, 0]), 3)
    array([[2., 1., 1., 3.],
           [7., 0., 7., 7.]])
    """
    count = samples.size // factor
    rows = samples[: count * factor].reshape(count, factor).astype(np.float64)
    finite = np.isfinite(rows)
    n = finite.sum(axis=1)
    held = np.where(finite, rows, 0.0)
    mean = held.sum(axis=1) / np.maximum(n, 1)
    square = np.where(finite, rows - mean[:, None], 0.0) ** 2
    low = np.where(finite, rows, np.inf).min(axis=1, initial=np.inf)
    high = np.where(finite, rows, -np.inf).max(axis=1, initial=-np.inf)
    table = np.stack([mean, np.sqrt(square.sum(axis=1) / np.maximum(n, 1)), low, high], axis=1)
    table[n == 0] = np.nan
    return table


def merge_finite(entries: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Return the entries of a level from those of the level below, the finite ones with equal weights."""
    rows = entries.reshape(-1, step, 4)
    finite = np.isfinite(rows[:, :, 0])
    n = np.maximum(finite.sum(axis=1), 1)
    mean = np.where(finite, rows[:, :, 0], 0).sum(axis=1) / n
    square = np.where(finite, rows[:, :, 1] ** 2 + (rows[:, :, 0] - mean[:, None]) ** 2, 0).sum(axis=1)
    low = np.where(finite, rows[:, :, 2], np.inf).min(axis=1)
    high = np.where(finite, rows[:, :, 3], -np.inf).max(axis=1)
    table = np.stack([mean, np.sqrt(square / n), low, high], axis=1)
    table[~finite.any(axis=1)] = np.nan
    return table


def assert_close(found: NDArray[Any], wanted: NDArray[Any], where: str, *, scale: float = 0.0) -> None:
    """Compare entries; an error is measured against the largest number that went into an entry, at least ``scale``."""
    largest = np.nan_to_num(np.abs(wanted[:, -2:]).max(axis=1, keepdims=True), nan=1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        is_close = np.abs(found - wanted) <= RTOL * np.maximum(largest, scale)
        stored = wanted.astype(found.dtype)
    is_close |= (np.isnan(found) & np.isnan(wanted)) | (found == stored)
    if not is_close.all():
        row = int(np.flatnonzero(~is_close.all(axis=1))[0])
        raise AssertionError(f"{where}: entry {row} of these is {found[row]}, not {wanted[row]}")


def is_close(found: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Whether one entry is close to another; see `assert_close`."""
    try:
        assert_close(found[None], wanted[None], "")
    except AssertionError:
        return False
    return True


def sampled(expected: Expected) -> Iterator[ExpectedSignal]:
    """Return the signals that have samples, or could."""
    return (signal for signal in expected.signals.values() if signal.samples is not None)


def raises(error: type[Exception], action: Callable[[], object]) -> None:
    """Require that an action raises an error of a type."""
    try:
        action()
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")
