"""Arrays as text in a page: bytes sorted by place, compressed, as base64; ``static/page/unpack.js`` reads them."""

from __future__ import annotations

import base64
import math
import zlib
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rounding: TypeAlias = Literal["nearest", "down", "up"]

_HALF_MAX_LOG2 = 15
_LEVEL = 6
_TYPES: dict[str, np.dtype[Any]] = {"f4": np.dtype("<f4"), "f8": np.dtype("<f8")}


class ArrayPack:
    """Collects arrays; an array's place in it is what the page knows it by.

    Examples
    --------
    >>> pack = ArrayPack()
    >>> pack.put(np.zeros(100)), pack.put_half(np.arange(3.0) * 1e-6)
    (0, 1)
    >>> [one["type"] for one in pack.described], len(pack.text()) < 100
    (['f4', 'f2'], True)
    """

    def __init__(self) -> None:
        self.described: list[dict[str, Any]] = []
        """Type, length and scale of each, as the page gets it."""
        self._planes: list[bytes] = []

    def put(self, values: NDArray[Any], kind: Literal["f4", "f8"] = "f4") -> int:
        """Add numbers, and return their place."""
        return self._add(values.astype(_TYPES[kind]), kind, 1.0)

    def put_half(self, values: NDArray[np.float64], rounding: Rounding = "nearest") -> int:
        """Add numbers with eleven bits each: to within a part in 2,000 of their size, in 1,000 if rounded one way."""
        scale = half_scale(values)
        return self._add(to_half(values / scale, rounding), "f2", scale)

    def text(self) -> str:
        """Return all of them, as base64."""
        return base64.b64encode(zlib.compress(b"".join(self._planes), _LEVEL)).decode("ascii")

    def _add(self, values: NDArray[Any], kind: str, scale: float) -> int:
        # What is alike in neighbours, sign and exponent, stands side by side then, and compresses
        bytes_of_each = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.itemsize)
        self._planes.append(bytes_of_each.T.tobytes())
        self.described.append({"type": kind, "n": len(values), "scale": scale})
        return len(self.described) - 1


def half_scale(values: NDArray[np.float64]) -> float:
    """Return the power of two by which values are divided to use all that 16 bits can hold.

    Examples
    --------
    >>> half_scale(np.array([0.0, np.nan])), half_scale(np.array([-60000.0, 2.0])), half_scale(np.array([1.0]))
    (1.0, 2.0, 6.103515625e-05)
    """
    largest = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
    if largest == 0:
        return 1.0
    return 2.0 ** max(math.frexp(largest)[1] - _HALF_MAX_LOG2, -1022)


def to_half(values: NDArray[np.float64], rounding: Rounding = "nearest") -> NDArray[np.float16]:
    """Round to 16 bits; ``"down"`` and ``"up"`` never pass the value, so that extremes stay extremes.

    Examples
    --------
    >>> values = np.array([1.0001, -1.0001])
    >>> [(to_half(values, way).astype("f8") - values > 0).tolist() for way in ("down", "up")]
    [[False, False], [True, True]]
    """
    halves = values.astype("<f2")
    if rounding == "nearest":
        return halves
    toward = np.float16(-np.inf if rounding == "down" else np.inf)
    wrong = halves.astype(np.float64) > values if rounding == "down" else halves.astype(np.float64) < values
    return np.where(wrong, np.nextafter(halves, toward), halves).astype("<f2")
