"""Range-switch suppression, one sample after the other: slow, and plain enough to be read against its description.

Numbers are rounded to float32 after every operation. A window opens where the range switches and is decided where it
closes; one that is still open at the end leaves its currents unknown, and so does one of more than `LONGEST`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LONGEST = 4096
"""Samples of a window at most: currents of a longer one are unknown, but those behind it that count for a mean."""
_CAREFUL = """
057777780 307777780 550777780 555077780 555507780 555550780 555555080 000000000 000000000
"""
_TIGHT = """
055555660 305556780 440667780 444066770 444406760 444440760 444444060 000000000 000000000
"""
NORMAL = "interp_1_n_1"
f4 = np.float32


@dataclass(slots=True)
class _Window:
    """What is known while samples go by."""

    remaining: int = 0
    last: int = 7
    opened: int = 0
    before: np.float32 = field(default_factory=lambda: f4(np.nan))


def table_of(window: str) -> NDArray[np.int64]:
    """Return samples that a switch distorts, [to, from]: of ``n`` or ``m``, or one number for all.

    Examples
    --------
    >>> table_of("n")[0, 1], table_of("m")[6, 7], table_of("3").max()
    (np.int64(5), np.int64(6), np.int64(3))
    """
    text = {"n": _CAREFUL, "m": _TIGHT}.get(window)
    if text is None:
        return np.full((9, 9), int(window))
    return np.array([[int(digit) for digit in row] for row in text.split()])


def suppress(
    spec: str, ranges: NDArray[np.int64], current: NDArray[np.float32], voltage: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return currents and voltages of a whole run.

    Parameters
    ----------
    spec
        ``off``, ``normal``, ``mean``, ``nan``, ``interp``, or in full, ``mean_2_n_1``.
    ranges
        Of currents: 8 where a sample is missing.
    current, voltage
        As measured; NaN where a sample is missing.

    Examples
    --------
    >>> current = np.arange(10, dtype="f4")
    >>> ranges = np.array([7] * 5 + [3] * 5)
    >>> suppress("mean_1_2_1", ranges, current, current)[0]
    array([0. , 1. , 2. , 3. , 4. , 5.5, 5.5, 7. , 8. , 9. ], dtype=float32)
    """
    mode, pre, window, post = parsed(spec)
    amps, volts = current.copy(), voltage.copy()
    if mode == "off":
        return amps, volts
    table, state = table_of(window), _Window()
    for k, r in enumerate(ranges.tolist()):
        length = int(table[r, state.last]) if r != state.last else 0
        if length:
            if not state.remaining:
                state.opened, state.before = k, _before(mode, pre, current, k)
            state.remaining = max(state.remaining, length + post)
        if state.remaining == 1 and k - state.opened >= LONGEST:
            amps[state.opened : k + 1 - post] = np.nan
        elif state.remaining == 1:
            _decide(mode, pre, post, state, k, current, amps, volts)
        state.remaining = max(state.remaining - 1, 0)
        state.last = r
    if state.remaining:
        amps[state.opened :] = np.nan
    return amps, volts


def parsed(spec: str) -> tuple[str, int, str, int]:
    """Return mode, samples before, window, samples behind.

    Examples
    --------
    >>> parsed("normal"), parsed("nan"), parsed("mean_0_3_0")
    (('interp', 1, 'n', 1), ('nan', 0, 'n', 0), ('mean', 1, '3', 1))
    """
    full = {"normal": NORMAL, "interp": NORMAL, "mean": "mean_1_n_1", "nan": "nan_0_n_0", "off": "off_0_n_0"}
    mode, before, window, behind = full.get(spec, spec).split("_")
    pre, post = int(before), int(behind)
    if mode == "interp" or (mode == "mean" and not pre + post):
        pre = post = 1
    return (mode, 0, window, 0) if mode == "nan" else (mode, pre, window, post)


def _before(mode: str, pre: int, current: NDArray[np.float32], k: int) -> np.float32:
    """Return what a window that opens at ``k`` begins from: NaN where that reaches ahead of the run."""
    if mode != "mean":
        return current[k - 1] if k else f4(np.nan)
    if k < pre:
        return f4(np.nan)
    total = f4(0)
    for value in current[k - pre : k]:
        total = f4(total + value)
    return total


def _decide(
    mode: str, pre: int, post: int, state: _Window, k: int, current: NDArray[np.float32], amps: NDArray[np.float32],
    volts: NDArray[np.float32],
) -> None:  # fmt: skip
    """Fill a window that closes at ``k``."""
    opened, before = state.opened, state.before
    if mode == "nan":
        amps[opened : k + 1] = volts[opened : k + 1] = np.nan
    elif mode == "interp":
        value = before if np.isfinite(before) else current[k]
        step = f4(f4(current[k] - value) / f4(k - opened + 1))
        for i in range(opened, k):
            value = f4(value + step)
            amps[i] = value
    else:
        total, count = (before, pre) if np.isfinite(before) else (f4(0), 0)
        for back in range(post):
            total = f4(total + current[k - back])
        count += post
        amps[opened : k - post + 1] = f4(total / f4(count)) if count else np.nan
