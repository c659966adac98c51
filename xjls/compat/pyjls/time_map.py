"""Zero-based sample ids to JLS times and back, through the UTC pairs of a signal.

Exact, then rounded once to the nearest. Linear between pairs; outside, the end segment goes on if its rate is within
0.1 % of the signal's, else that holds. A signal without pairs begins, as in pyjls, in 2018: at JLS time 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.compat.pyjls.errors import RefusedError
from xjls.compat.pyjls.time64 import SECOND
from xjls.errors import SelectionError
from xjls.model.clock import Clock
from xjls.model.ties import Ties

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from xjls.compat.pyjls.reader import Reader

PAIR = np.dtype([("sample_id", "<i8"), ("timestamp", "<i8")])
"""An element of `TickMap.get`. pyjls has unsigned sample ids, and fails on those before the first sample."""

_MOST_TICKS = (1 << 62) - 1


class TickMap:
    """The exact map of one signal; immutable, for any thread.

    A `Clock` is exact for any integers: here it counts half ticks, and half samples on the way back, so that the
    nearest integer is one shift away.

    Parameters
    ----------
    pairs
        int64[pair, 2]: zero-based sample ids and JLS times, in the order in which they were written.
    rate_hz
        Of the signal.

    Examples
    --------
    >>> ticks = TickMap(np.array([[0, 0], [1000, SECOND]]), 1000)
    >>> ticks.to_timestamp(1), ticks.to_sample_id([0, 2 * SECOND])
    (1073742, array([   0, 2000]))
    """

    def __init__(self, pairs: NDArray[np.int64], rate_hz: int) -> None:
        if not len(pairs):
            pairs = np.zeros((1, 2), np.int64)
        ties = Ties.chosen(pairs[:, 0], pairs[:, 1], rate_hz=rate_hz)
        ids, ticks = ties.sample_ids, ties.times_ns
        self._pairs = np.rec.fromarrays([ids, ticks], dtype=PAIR).view(np.ndarray)
        if max(abs(int(ticks.min())), abs(int(ticks.max()))) > _MOST_TICKS:
            raise RefusedError(
                "a UTC pair lies outside the years 1882 to 2154", "Read the pairs with utc(), and choose among them."
            )
        half_ticks_hz, half_samples_hz = Fraction(rate_hz * 10**9, 2 * SECOND), Fraction(10**9 * SECOND, 2 * rate_hz)
        self._forth = Clock.from_ties(ids, 2 * ticks + 1, rate_hz=half_ticks_hz, first_id=int(ids[0]))
        self._back = Clock.from_ties(ticks, 2 * ids + 1, rate_hz=half_samples_hz, first_id=int(ticks.min()))

    def __len__(self) -> int:
        return len(self._pairs)

    def to_timestamp(self, sample_id: Any) -> Any:
        """Return JLS times: an int of a number, int64 of anything else, in its shape."""
        return _nearest(self._forth, sample_id)

    def to_sample_id(self, timestamp: Any) -> Any:
        """Return zero-based sample ids: an int of a number, int64 of anything else, in its shape.

        Where UTC runs backwards, pairs that lie before an earlier one in time are passed over.
        """
        return _nearest(self._back, timestamp)

    def get(self, index: Any = None) -> NDArray[np.void]:
        """Return pairs that count, of type `PAIR`: all, one by its number, or ``(start, stop)``; -1 is the last."""
        n = len(self)
        if index is None:
            return self._pairs.copy()
        single = np.ndim(index) == 0
        start, stop = (int(index),) * 2 if single else (int(index[0]), int(index[1]))
        start, stop = start + n * (start < 0), stop + n * (stop < 0) + single
        if start < stop and not 0 <= start < stop <= n:
            raise RefusedError(
                f"UTC pairs {start} to {stop} are asked for, there are {n}", "Choose among these; -1 is the last."
            )
        return self._pairs[start : max(start, stop)].copy()


class TimeMap:
    """The times of one signal of a Reader.

    Examples
    --------
    >>> import tempfile
    >>> from xjls.compat.pyjls import Reader
    >>> from xjls.testing import write_demo
    >>> reader = Reader(write_demo(tempfile.mkdtemp() + "/run.jls", seconds=0.1))
    >>> times = TimeMap(reader, reader.signal_lookup("current").signal_id)
    >>> times.timestamp_to_sample_id(times.sample_id_to_timestamp(7))
    7
    """

    def __init__(self, reader: Reader, signal_id: int) -> None:
        self._reader = reader
        self._signal_id = signal_id

    def __len__(self) -> int:
        return self._reader.time_map_length(self._signal_id)

    def __enter__(self) -> TimeMap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: the Reader is closed by whoever opened it."""

    def sample_id_to_timestamp(self, sample_id: Any) -> Any:
        """Return JLS times; see `Reader.sample_id_to_timestamp`."""
        return self._reader.sample_id_to_timestamp(self._signal_id, sample_id)

    def timestamp_to_sample_id(self, timestamp: Any) -> Any:
        """Return sample ids; see `Reader.timestamp_to_sample_id`."""
        return self._reader.timestamp_to_sample_id(self._signal_id, timestamp)

    def time_map_get(self, index: Any = None) -> NDArray[np.void]:
        """Return UTC pairs; see `Reader.time_map_get`."""
        return self._reader.time_map_get(self._signal_id, index)


def _nearest(clock: Clock, positions: Any) -> Any:
    """Return a clock's halves at positions as the nearest wholes; fractions of positions are cut off."""
    if np.ndim(positions) == 0 and not hasattr(positions, "__next__"):
        return clock.time(int(positions)) >> 1
    values = np.asarray(list(positions) if hasattr(positions, "__next__") else positions)
    try:
        return clock.times(values.astype(np.int64)) >> 1
    except SelectionError:
        raise RefusedError(
            "some of these are further from the signal than its times can tell", "Ask for those near it."
        ) from None
