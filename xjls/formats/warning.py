"""Warnings at the line of whoever called xjls, by whatever door."""

from __future__ import annotations

import sys
import warnings


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn of something that is not as one may think, and that xjls can go on with."""
    warnings.warn(text, category, stacklevel=_callers_level())


def _callers_level() -> int:
    """Return the stacklevel with which `warn` names the first line that is neither of xjls nor of xarray."""
    level, frame = 0, sys._getframe(1)
    while frame.f_globals.get("__name__", "").partition(".")[0] in ("xjls", "xarray") and frame.f_back:
        level, frame = level + 1, frame.f_back
    return level + 1
