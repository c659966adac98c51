"""How far long work is, for people who look."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeAlias

PERIOD_S = 0.1

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, in all) now and then."""


def samples(number: int) -> str:
    """Return a number of samples."""
    return f"{number:,} samples"


def shown(amount: Callable[[int], str] = samples, *, anyway: bool = False) -> Progress | None:
    """Return what shows (done, total) on the error stream, ten times a second; None where nobody looks at it.

    With ``anyway`` also where that is no terminal: a notebook shows it.
    """
    if not (anyway or sys.stderr.isatty()):
        return None
    last = -PERIOD_S

    def show(done: int, total: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last > PERIOD_S or done == total:
            last = now
            end = "\r\033[K" if done == total else ""
            sys.stderr.write(f"\r{done / max(total, 1):4.0%} of {amount(total)}{end}")
            sys.stderr.flush()

    return show
