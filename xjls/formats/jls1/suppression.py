"""What becomes of the currents just after a switch of current ranges: `Suppression`, and its spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import numpy as np

from xjls.errors import SelectionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Mode: TypeAlias = Literal["off", "mean", "interp", "nan"]
MODES: tuple[Mode, ...] = ("off", "mean", "interp", "nan")
"""In the order of their numbers in `xjls.kernels.joulescope`."""
MOST_AROUND = 8
"""Currents before or behind a window that its mean can be of."""
MOST_INSIDE = 12
"""Samples of a window of fixed length."""
RANGES = 9
_SPEC = re.compile(r"(off|mean|interp|interpolate|nan)_(\d{1,3})_(\d{1,3}|n|m)_(\d{1,3})")

# Rows: the range switched to; columns: the one from. 7 is off, and 8 a sample that is missing.
_CAREFUL = """
    0 5 7 7 7 7 7 8 0
    3 0 7 7 7 7 7 8 0
    5 5 0 7 7 7 7 8 0
    5 5 5 0 7 7 7 8 0
    5 5 5 5 0 7 7 8 0
    5 5 5 5 5 0 7 8 0
    5 5 5 5 5 5 0 8 0
    0 0 0 0 0 0 0 0 0
    0 0 0 0 0 0 0 0 0
"""
_TIGHT = """
    0 5 5 5 5 5 6 6 0
    3 0 5 5 5 6 7 8 0
    4 4 0 6 6 7 7 8 0
    4 4 4 0 6 6 7 7 0
    4 4 4 4 0 6 7 6 0
    4 4 4 4 4 0 7 6 0
    4 4 4 4 4 4 0 6 0
    0 0 0 0 0 0 0 0 0
    0 0 0 0 0 0 0 0 0
"""
_TABLES = {"n": _CAREFUL, "m": _TIGHT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """What is done to the current while the instrument switches its range: some samples at 2 MS/s are distorted.

    Examples
    --------
    >>> Suppression.of("normal")
    Suppression(mode='interp', pre=1, window='n', post=1)
    >>> str(Suppression.of("mean_2_m_1")), int(Suppression.of("mean_2_m_1").windows()[4, 6])
    ('mean_2_m_1', 7)
    """

    mode: Mode
    """``"off"``: nothing; ``"mean"`` of the currents around; ``"interp"``, a line between those; ``"nan"``."""
    pre: int = 0
    """Currents before the window that count for its mean."""
    window: int | str = 0
    """Samples; ``"n"`` and ``"m"``: by the ranges switched from and to, carefully or tightly."""
    post: int = 0
    """Currents behind the window that count for its mean."""

    @classmethod
    def of(cls, spec: str) -> Self:
        """Read ``MODE_PRE_WINDOW_POST``, as ``mean_1_n_1``; ``off``; or ``normal``, which is ``interp_1_n_1``.

        Raises
        ------
        SelectionError
            It is none of these, or its numbers are out of range.
        """
        text = spec.strip().lower()
        if text in ("", "off", "none"):
            return cls(mode="off")
        found = _SPEC.fullmatch("interp_1_n_1" if text == "normal" else text)
        if found is None:
            raise SelectionError(
                f"suppression {spec!r} is none", "Give normal, off, or MODE_PRE_WINDOW_POST as in mean_1_n_1."
            )
        name, pre, window, post = found.groups()
        length = window if window in _TABLES else int(window)
        mode: Mode = "interp" if name == "interpolate" else name  # type: ignore[assignment] # the expression lists them
        return cls._of(spec, mode, int(pre), length, int(post))

    @classmethod
    def _of(cls, spec: str, mode: Mode, pre: int, window: int | str, post: int) -> Self:
        if max(pre, post) > MOST_AROUND or (isinstance(window, int) and window > MOST_INSIDE):
            raise SelectionError(
                f"suppression {spec!r} reaches too far",
                f"At most {MOST_AROUND} samples before and behind, and {MOST_INSIDE} inside.",
            )
        if mode == "off":
            return cls(mode=mode)
        around = {"interp": (1, 1), "nan": (0, 0), "mean": (pre, post) if pre + post else (1, 1)}[mode]
        return cls(mode=mode, pre=around[0], window=window, post=around[1])

    def __str__(self) -> str:
        return "off" if self.mode == "off" else f"{self.mode}_{self.pre}_{self.window}_{self.post}"

    def windows(self) -> NDArray[np.uint8]:
        """Return the samples that a switch distorts, u8[to, from]."""
        if isinstance(self.window, int):
            return np.full((RANGES, RANGES), self.window, np.uint8)
        return np.array(_TABLES[self.window].split(), np.uint8).reshape(RANGES, RANGES)
