"""How far long work is, for people who look."""

from __future__ import annotations

import sys
from collections.abc import Callable


def shown() -> Callable[[int, int], None] | None:
    """Return what shows progress on the error stream; None where nobody looks at it."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\r\033[K" if done == total else ""
        print(f"\r{done / max(total, 1):4.0%} of {total:,} samples", end=end, file=sys.stderr, flush=True)

    return show
