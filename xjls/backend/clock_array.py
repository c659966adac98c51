"""The labels of a lazy time coordinate: an array that computes its elements from a clock when they are asked for.

A NEP-18 duck array: xarray keeps it as it is through `load`, `compute` and slicing; slices, strides and arithmetic runs
of positions are clocks again, and operations on more than 2**25 labels become lazy dask arrays. NumPy gets the labels
of at most 2**27 positions (1 GiB); asking for more raises SelectionError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

import dask.array as da
import numpy as np
from dask.base import tokenize
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, DTypeLike, NDArray

from xjls.errors import SelectionError
from xjls.model.clock import Clock

__all__ = ["CHUNK", "LAZY_FROM", "LIMIT", "ClockArray", "Unit"]

Unit = Literal["utc", "seconds"]

LIMIT = 2**27
"""At most so many labels are ever materialised at once: 1 GiB."""
LAZY_FROM = 2**25
"""Operations on more labels than this give dask arrays."""
CHUNK = 8_192_000
"""Labels per chunk of these dask arrays: that of the samples that they will meet."""

_DTYPES: dict[Unit, np.dtype[Any]] = {"utc": np.dtype("datetime64[ns]"), "seconds": np.dtype("float64")}
_BLOCK = 2**18
_MINUTES = len("2026-03-01T10:00")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClockArray(NDArrayOperatorsMixin):
    """One-dimensional, read-only labels of positions 0 to `size` - 1 of a clock.

    Examples
    --------
    >>> labels = ClockArray(Clock.nominal(1_000_000), 10_000_000_000, "seconds")
    >>> labels[5_000_000_000:]
    <ClockArray of 5_000_000_000 float64: 5000.0 … 9999.999999>
    >>> np.asarray(labels[7:10])
    array([7.e-06, 8.e-06, 9.e-06])
    """

    clock: Clock
    """Its position 0 is the first label."""
    size: int
    unit: Unit
    """"utc": datetime64[ns]; "seconds": float64 since the clock's zero."""

    def __post_init__(self) -> None:
        if self.unit not in _DTYPES:
            raise ValueError(f'a time is "utc" or "seconds", not {self.unit!r}')
        if self.size < 0:
            raise ValueError(f"an array has at least 0 labels, not {self.size}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """datetime64[ns] or float64."""
        return _DTYPES[self.unit]

    @property
    def shape(self) -> tuple[int]:
        """One dimension."""
        return (self.size,)

    @property
    def ndim(self) -> int:
        """Always 1."""
        return 1

    @property
    def nbytes(self) -> int:
        """Bytes of the labels, were they materialised."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.size

    def numbers(self, positions: ArrayLike) -> NDArray[Any]:
        """Return the labels of positions as numbers: int64 nanoseconds or float64 seconds.

        Examples
        --------
        >>> ClockArray(Clock.nominal(1000), 10, "utc").numbers([1, 2])
        array([1000000, 2000000])
        """
        return self.clock.times(positions) if self.unit == "utc" else self.clock.seconds(positions)

    def searchsorted(self, numbers: ArrayLike, side: Literal["left", "right"] = "left") -> Any:
        """Return how many labels are below ("left") or not above ("right") each number, exactly, without a label made.

        Raises SelectionError if the clock runs backwards.

        Examples
        --------
        >>> labels = ClockArray(Clock.nominal(44_100), 10_000_000_000, "seconds")
        >>> int(labels.searchsorted(1.0)), int(labels.searchsorted(1.0, side="right"))
        (44100, 44101)
        """
        if self.unit == "utc":
            times = np.minimum(np.asarray(numbers, np.int64), 2**63 - 2) + (side == "right")
            found = self.clock.first_at_or_after(times)
        else:
            seconds = np.asarray(numbers, np.float64)
            found = self.clock.first_at_or_after_seconds(seconds if side == "left" else np.nextafter(seconds, np.inf))
        return np.clip(found, 0, self.size)

    def same_as(self, other: ClockArray) -> bool:
        """Whether all labels are equal, compared as functions."""
        return (
            self.size == other.size
            and self.unit == other.unit
            and (self.unit == "utc" or self.clock.zero_ns == other.clock.zero_ns)
            and self.clock.same_as(other.clock, self.size)
        )

    @classmethod
    def concatenated(cls, arrays: Iterable[ClockArray]) -> Self:
        """Return the labels of all arrays, one after the other; the same unit throughout."""
        parts = list(arrays)
        if len({part.unit for part in parts}) != 1:
            raise SelectionError("UTC and seconds cannot be concatenated", "Open both recordings with the same time=.")
        clock = Clock.concatenated((part.clock, part.size) for part in parts)
        return cls(clock, sum(part.size for part in parts), parts[0].unit)

    def __getitem__(self, key: Any) -> Any:
        keys = [k for k in (key if isinstance(key, tuple) else (key,)) if k is not Ellipsis]
        if len(keys) != 1 or keys[0] is None:
            return np.asarray(self)[key] if keys else self
        if isinstance(keys[0], slice):
            return self._slice(range(self.size)[keys[0]])
        positions = self._positions(np.asarray(keys[0]))
        run = _as_run(positions)
        if run is not None:
            return self._slice(run)
        labels = self.numbers(positions).view(self.dtype)
        return labels if isinstance(key, tuple) else labels[()]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("labels are computed: there is no array to share")
        if self.size > LIMIT:
            raise SelectionError(
                f"{self.size:_} labels of time would take {self.nbytes / 2**30:.3g} GiB of memory",
                f'Slice first, with sel or isel, to at most {LIMIT:_} samples; or open a level; or drop_vars("time").',
            )
        labels = np.empty(self.size, self.dtype)
        for start in range(0, self.size, _BLOCK):
            block = labels[start : start + _BLOCK]
            block[...] = self.numbers(np.arange(start, start + len(block))).view(self.dtype)
        return labels if dtype is None else labels.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(out, ClockArray) for out in kwargs.get("out", ())):
            return NotImplemented
        return getattr(ufunc, method)(*_ready(inputs), **{name: _ready(value) for name, value in kwargs.items()})

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        answer = _FUNCTIONS.get(func)
        result = answer(*args, **kwargs) if answer else NotImplemented
        if result is not NotImplemented:
            return result
        return func(*_ready(args), **{name: _ready(value) for name, value in kwargs.items()})

    def astype(self, dtype: DTypeLike, **kwargs: Any) -> Any:
        """Return self for its own dtype, else a NumPy or dask array."""
        return self if np.dtype(dtype) == self.dtype else _ready(self).astype(dtype, **kwargs)

    def ravel(self) -> NDArray[Any]:
        """Return the labels as a NumPy array: what xarray asks for when it writes them."""
        return np.asarray(self)

    def to_dask(self) -> da.Array:
        """Return the labels as a dask array whose chunks are computed when they are needed.

        Examples
        --------
        >>> labels = ClockArray(Clock.nominal(1_000_000), 10_000_000_000, "seconds").to_dask()
        >>> float(labels[-1].compute())
        9999.999999
        """
        name = f"times-{tokenize(self)}"
        labels: da.Array = da.from_array(  # type: ignore[no-untyped-call]
            self, CHUNK, name=name, getitem=_materialised, meta=np.empty(0, self.dtype), inline_array=True
        )
        return labels

    def __repr__(self) -> str:
        return f"<ClockArray of {self.size:_} {self.dtype}: {self._ends()}>"

    def _repr_inline_(self, max_width: int) -> str:
        text = self._ends()
        if len(text) <= max_width:
            return text
        first, _, last = text.partition(" … ")
        room = (max_width - 3) // 2
        if "T" not in text or room >= _MINUTES:
            return f"{_shortened(first, room)} … {_shortened(last, room)}"
        # Two dates without their hours would say nothing: the day once and two times do, or one time
        day, same_day = first[: len("2026-03-01")], last.startswith(first[: len("2026-03-01")])
        times = f"{first} … {last[len(day) + 1 :]}"
        return times if same_day and len(times) <= max_width else f"{_shortened(first, max_width - 2)} …"

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return ("xjls.backend.clock_array.ClockArray", self.clock.__dask_tokenize__(), self.size, self.unit)

    def _slice(self, run: range) -> Any:
        if run == range(self.size):
            return self
        if run.step > 0:
            return type(self)(self.clock.window(run.start, run.stop, run.step), len(run), self.unit)
        return np.asarray(self._slice(run[::-1]))[::-1]

    def _positions(self, key: NDArray[Any]) -> NDArray[np.int64]:
        if key.dtype.kind == "b":
            if key.shape != self.shape:
                raise IndexError(f"a mask of shape {key.shape} does not fit {self.size} labels")
            return np.flatnonzero(key)
        if key.dtype.kind not in "iu" and key.size:
            raise IndexError(f"labels are indexed by slices, integers and masks, not {key.dtype}")
        positions = key.astype(np.int64)
        if key.size and not -self.size <= int(positions.min()) <= int(positions.max()) < self.size:
            raise IndexError(f"positions {positions.min()} to {positions.max()} are outside {self.size} labels")
        return np.where(positions < 0, positions + self.size, positions)

    def _ends(self) -> str:
        if self.size == 0:
            return "empty"
        ends = self.numbers([0, self.size - 1][: self.size])
        texts = _utc_texts(ends) if self.unit == "utc" else [repr(end) for end in ends.tolist()]
        return " … ".join(texts)


def _as_run(positions: NDArray[np.int64]) -> range | None:
    """Return positions as an increasing range, if they are one."""
    if positions.ndim != 1 or positions.size == 0:
        return None
    first, last = int(positions[0]), int(positions[-1])
    step = int(positions[1]) - first if positions.size > 1 else 1
    if step <= 0 or first + step * (positions.size - 1) != last or np.any(np.diff(positions) != step):
        return None
    return range(first, last + 1, step)


def _utc_texts(times_ns: NDArray[np.int64]) -> list[str]:
    for unit, length in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if not np.any(times_ns % length):
            return [str(time) for time in times_ns.view("M8[ns]").astype(f"M8[{unit}]")]
    return [str(time) for time in times_ns.view("M8[ns]")]


def _shortened(text: str, room: int) -> str:
    """Return a label without its finest fields, or with six digits."""
    if "T" not in text:
        return f"{float(text):.6g}"
    return text[: next((length for length in (19, 16, 13, 10) if length <= room), 7)]


def _ready(value: Any) -> Any:
    """Replace each ClockArray in arguments by a NumPy array or, if it is long, a dask array."""
    if isinstance(value, ClockArray):
        return value.to_dask() if value.size > LAZY_FROM else np.asarray(value)
    if isinstance(value, list | tuple):
        return type(value)(_ready(item) for item in value)
    return value


def _materialised(labels: ClockArray, key: Any, *_: Any, **__: Any) -> NDArray[Any]:
    return np.asarray(labels[key])


def _concatenate(arrays: Any, axis: int = 0, **kwargs: Any) -> Any:
    if kwargs or axis not in (0, -1) or not all(isinstance(array, ClockArray) for array in arrays):
        return NotImplemented
    return ClockArray.concatenated(arrays)


def _first(labels: Any, axis: Any = None, **kwargs: Any) -> Any:
    return labels[0] if _is_sorted(labels, axis, kwargs) else NotImplemented


def _last(labels: Any, axis: Any = None, **kwargs: Any) -> Any:
    return labels[-1] if _is_sorted(labels, axis, kwargs) else NotImplemented


def _is_sorted(labels: Any, axis: Any, kwargs: dict[str, Any]) -> bool:
    if kwargs or axis not in (None, 0, -1, (0,)) or not isinstance(labels, ClockArray) or labels.size == 0:
        return False
    return labels.clock.increasing(0, labels.size)


def _reshape(labels: Any, shape: Any, **kwargs: Any) -> Any:
    # Flattening comes before pandas: NumPy labels within the limit, not a dask array that pandas would compute
    if shape in (-1, (-1,)) and not kwargs:
        return np.asarray(labels)
    if isinstance(labels, ClockArray) and labels.size > LIMIT:
        # What coarsen does: xarray would go on to compute every label, to average them
        raise SelectionError(
            f"{labels.size:_} labels of time cannot be regrouped without computing each",
            'Use drop_vars("time") before, a summary level instead, or slice to fewer samples.',
        )
    return NotImplemented


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.concatenate: _concatenate,
    np.min: _first,
    np.nanmin: _first,
    np.max: _last,
    np.nanmax: _last,
    np.reshape: _reshape,
    np.ravel: np.asarray,
    np.shape: lambda labels: labels.shape,
    np.ndim: lambda labels: labels.ndim,
}
