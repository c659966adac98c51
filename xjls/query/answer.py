"""What a question about a window is answered with: one row of statistics, or one a column."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xjls.errors import SelectionError
from xjls.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xjls.model.signal import Signal

ROW = ("count", "lost", "mean", "squares", "min", "max")
"""What a row of float64 holds: finite samples, samples that the recording does not hold, the mean, the sum of the
squared distances from it, and the extremes; the last four are of the finite samples, NaN where there is none."""
_COUNT, _LOST, _MEAN, _SQUARES, _MIN, _MAX = range(len(ROW))

STATISTICS = ("count", "mean", "std", "min", "max", "integral")
"""The labels of an answer's numbers, in their order."""

Nans: TypeAlias = Literal["auto", "count", "trust"]
"""How far to look for NaN that entries do not show: see `LOOK_SAMPLES`; at all samples; at none."""

NANS = ("auto", "count", "trust")
"""All of them."""

LOOK_SAMPLES = 1 << 26
"""Samples of a local file that a question may look at for NaN unasked: some ten milliseconds, once."""

_INTEGRALS = {"A": "C", "W": "J"}
_PREFIXES = ("", "p", "n", "u", "µ", "μ", "m", "k", "M", "G")
_INTEGRAL_UNITS = {f"{p}{unit}": f"{p}{of}" for p in _PREFIXES for unit, of in _INTEGRALS.items()}


def integral_units(units: str) -> str:
    """Return the units of a signal's integral over time.

    Examples
    --------
    >>> integral_units("A"), integral_units("mW"), integral_units("V"), integral_units("")
    ('C', 'mJ', 'V·s', 's')
    """
    return _INTEGRAL_UNITS.get(units) or (f"{units}·s" if units else "s")


def check_nans(nans: str) -> None:
    """Refuse what would be taken for ``"trust"`` in silence."""
    if nans not in NANS:
        raise SelectionError(f"nans={nans!r} is no way to treat NaN", f"Choose one of {', '.join(map(repr, NANS))}.")


def deviations(rows: NDArray[np.float64], ddof: int) -> NDArray[np.float64]:
    """Return the standard deviation that each row, shape (…, 6), tells; NaN for ``count <= ddof``."""
    free = rows[..., _COUNT] - ddof
    variance = np.divide(rows[..., _SQUARES].clip(0), free, out=np.full(free.shape, np.nan), where=free > 0)
    return np.asarray(np.sqrt(variance))


class Statistics:
    """Exact statistics of one signal over one window.

    ``count`` finite samples have ``mean``, ``std``, ``min``, ``max`` and ``integral``; without any of them all five are
    NaN, but for the integral, which is 0.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> found = recording.statistics("voltage", (recording.signal("voltage").first_id + 5, None))
    >>> found.exact, found.lost, found.nan, found.integral_units
    (True, 0, 0, 'V·s')
    >>> bool(abs(found.mean - recording.read("voltage", found.window).mean(dtype="f8")) < 1e-6)
    True
    """

    __slots__ = ("_row", "_start", "_stop", "ddof", "exact", "signal")

    signal: Signal
    """Of which signal. The numbers are in its units, or as stored where it is one of `Signal.as_stored`."""
    ddof: int
    """`std` divides by ``count - ddof``: 0 for the population, 1 for a sample of it."""
    exact: bool
    """False where whole entries were trusted to hold no NaN: samples hidden in them count as finite, here and in the
    mean. Ask with ``nans="count"`` for the exact answer."""

    def __init__(self, signal: Signal, start: int, stop: int, row: NDArray[np.float64], ddof: int, exact: bool) -> None:
        self.signal = signal
        self._start = start
        self._stop = stop
        self.ddof = ddof
        self.exact = exact
        self._row = row

    def as_stored(self) -> Statistics:
        """Return the statistics of the values as they are stored."""
        return Statistics(self.signal.as_stored(), self._start, self._stop, self._row, self.ddof, self.exact)

    @property
    def window(self) -> Window:
        """Sample ids, half-open."""
        return Window(self._start, self._stop)

    @property
    def row(self) -> NDArray[np.float64]:
        """What merges with what is known of other samples, in the signal's units: float64[6], see `ROW`."""
        row = self._row[: len(ROW)].copy()
        row[_SQUARES] *= self.signal.scale_factor**2
        row[[_MEAN, _MIN, _MAX]] = self.mean, self.min, self.max
        return row

    @property
    def count(self) -> int:
        """Finite samples: those that the other numbers are of."""
        return int(self._row[_COUNT])

    @property
    def lost(self) -> int:
        """Samples that the recording does not hold, as damaged or left out; 0 unless ``on_damage="gap"``."""
        return int(self._row[_LOST])

    @property
    def nan(self) -> int:
        """Samples that are NaN or infinite; they are skipped."""
        return self.window.length - self.count - self.lost

    @property
    def mean(self) -> float:
        """Arithmetic mean, in the signal's units."""
        return self._physical(_MEAN)

    @property
    def std(self) -> float:
        """Standard deviation, in the signal's units; NaN for ``count <= ddof``."""
        free = self._row[_COUNT] - self.ddof
        return math.sqrt(max(self._row[_SQUARES], 0.0) / free) * abs(self.signal.scale_factor) if free > 0 else math.nan

    @property
    def min(self) -> float:
        """Smallest sample, in the signal's units."""
        return self._physical(_MIN)

    @property
    def max(self) -> float:
        """Largest sample, in the signal's units."""
        return self._physical(_MAX)

    @property
    def integral(self) -> float:
        """Sum of the finite samples × the sample period, in `integral_units`: charge of a current, energy of a power.

        The period is that of the nominal rate. Where no sample is missing it is the mean × the duration.
        """
        return self.mean * self.count / float(self.signal.rate_hz) if self.count else 0.0

    @property
    def units(self) -> str:
        """Of mean, std, min and max."""
        return self.signal.units

    @property
    def integral_units(self) -> str:
        """Of the integral: C for A, J for W, else the signal's units × seconds."""
        return integral_units(self.signal.units)

    @property
    def duration_s(self) -> float:
        """Length of the window at the nominal rate, in seconds."""
        return float(self.window.length / self.signal.rate_hz)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name: what is labelled ``statistic`` elsewhere, ``nan``, ``lost`` and ``exact``."""
        return {name: getattr(self, name) for name in (*STATISTICS, "nan", "lost", "exact")}

    def _physical(self, which: int) -> float:
        return float(self._row[which]) * self.signal.scale_factor + self.signal.add_offset

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Statistics):
            return NotImplemented
        mine, theirs = ((a.signal, a.window, a.ddof, a.exact, a._row[: len(ROW)].tobytes()) for a in (self, other))
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={getattr(self, name):.6g}" for name in STATISTICS[1:])
        missing = "".join(f", {name}={n}" for name in ("nan", "lost") if (n := getattr(self, name)))
        label = "" if self.exact else ", exact=False"
        return (
            f"<xjls.Statistics of {self.signal.name!r} [{self.window}): count={self.count}, {numbers}{missing}{label}>"
        )


class Columns:
    """Exact statistics of one signal over consecutive spans of a window: what a picture of it needs.

    All arrays have the shape (column,); column ``i`` is of the samples ``edges[i]`` to ``edges[i + 1]``.

    Examples
    --------
    >>> import tempfile, xjls
    >>> from xjls.testing import write_demo
    >>> recording = xjls.open_recording(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> columns = recording.columns("current", None, 1000)
    >>> len(columns), columns.max.shape, bool((columns.count > 0).all())
    (1000, (1000,), True)
    """

    __slots__ = ("_rows", "ddof", "edges", "exact", "signal", "snapped")

    signal: Signal
    """Of which signal. The numbers are in its units, or as stored where it is one of `Signal.as_stored`."""
    edges: NDArray[np.int64]
    """Sample ids, shape (column + 1,): each column's first sample, and one past the last one's end."""
    ddof: int
    """`std` divides by ``count - ddof``."""
    exact: bool
    """As of `Statistics.exact`."""
    snapped: bool
    """Whether edges were moved to the borders of entries, as asked: the columns are of `edges`, not of equal length."""

    def __init__(
        self,
        signal: Signal,
        edges: NDArray[np.int64],
        rows: NDArray[np.float64],
        *,
        ddof: int = 0,
        exact: bool = True,
        snapped: bool = False,
    ) -> None:
        self.signal = signal
        self.edges = edges
        self.ddof = ddof
        self.exact = exact
        self.snapped = snapped
        self._rows = rows

    def as_stored(self) -> Columns:
        """Return the columns of the values as they are stored."""
        stored, how = self.signal.as_stored(), {"exact": self.exact, "snapped": self.snapped}
        return Columns(stored, self.edges, self._rows, ddof=self.ddof, **how)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def window(self) -> Window:
        """The sample ids that all columns cover together."""
        return Window(int(self.edges[0]), int(self.edges[-1]))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Samples of each column, whatever their values."""
        return np.diff(self.edges)

    @property
    def count(self) -> NDArray[np.int64]:
        """Finite samples of each column."""
        return self._rows[:, _COUNT].astype(np.int64)

    @property
    def lost(self) -> NDArray[np.int64]:
        """Samples of each column that the recording does not hold."""
        return self._rows[:, _LOST].astype(np.int64)

    @property
    def nan(self) -> NDArray[np.int64]:
        """Samples of each column that are NaN or infinite."""
        return self.lengths - self.count - self.lost

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of each column, in the signal's units; NaN where it has no finite sample."""
        return self._physical(_MEAN)

    @property
    def std(self) -> NDArray[np.float64]:
        """Standard deviation of each column, in the signal's units; NaN for ``count <= ddof``."""
        return deviations(self._rows, self.ddof) * abs(self.signal.scale_factor)

    @property
    def min(self) -> NDArray[np.float64]:
        """Smallest sample of each column, in the signal's units."""
        return self._physical(_MIN)

    @property
    def max(self) -> NDArray[np.float64]:
        """Largest sample of each column, in the signal's units."""
        return self._physical(_MAX)

    @property
    def integral(self) -> NDArray[np.float64]:
        """Sum of the finite samples × the nominal sample period, of each column; 0 where it has none."""
        counts = self._rows[:, _COUNT]
        sums: NDArray[np.float64] = np.where(counts > 0, self.mean * counts, 0.0)
        return sums / float(self.signal.rate_hz)

    @property
    def units(self) -> str:
        """Of mean, std, min and max."""
        return self.signal.units

    @property
    def integral_units(self) -> str:
        """Of the integral."""
        return integral_units(self.signal.units)

    def _physical(self, which: int) -> NDArray[np.float64]:
        return self.signal.physical(self._rows[:, which].copy())

    def __iter__(self) -> Iterator[Statistics]:
        """Yield each column as `Statistics`."""
        for i, row in enumerate(self._rows):
            start, stop = int(self.edges[i]), int(self.edges[i + 1])
            yield Statistics(self.signal, start, stop, row, self.ddof, self.exact)

    def __repr__(self) -> str:
        labels = "".join(
            f", {label}" for label, on in (("snapped", self.snapped), ("exact=False", not self.exact)) if on
        )
        return f"<xjls.Columns of {self.signal.name!r} [{self.window}): {len(self)} columns{labels}>"
