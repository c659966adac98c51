"""The last seconds of a capture, asked: for samples, for statistics, and for word of them as time goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer.fields import (
    I_RANGE_MISSING,
    columns_of,
    has_field,
    made_field,
    members_of,
    signal_name,
    units_of,
    usual_fields,
)
from xjls.capturing.buffer.rings import Rings
from xjls.capturing.buffer.statistics import STATS_DTYPE, fill_stats
from xjls.capturing.buffer.updates import Updates
from xjls.errors import SelectionError
from xjls.formats.memory.spans import rows_between
from xjls.model.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.memory.track import Track, View
    from xjls.model.amounts import Amount
    from xjls.model.signal import Signal

_log = logging.getLogger(__name__)


class StreamBuffer(Rings):
    """Keep the last seconds of every signal; fulfils `xjls.model.sink.Sink`.

    Parameters
    ----------
    signals
        What is to be kept; their memory is taken now. Those that are added later take theirs then.
    seconds
        How much is kept at least; a number, or a text such as ``"250ms"``.
    rate
        Samples a second that are kept: signals of higher rates, which must be multiples of it, are filtered. None
        keeps every sample.

    Notes
    -----
    One thread writes, any number read. Who reads copies, and is told of what gave way meanwhile; nothing is half of one
    lap and half of the next. Ids, of `sample_id_range` and of all that is asked by it, are those of the signals that
    have the usual names, or else the rate of the first one: its grid. Levels are kept with the samples, so that answers
    do not depend on how much is asked about; they are exact, and of the finite samples.

    Examples
    --------
    >>> import numpy as np, xjls
    >>> from fractions import Fraction
    >>> bench = xjls.Source(id=1, name="bench")
    >>> current = xjls.Signal(id=1, name="current", units="A", dtype=np.dtype("f4"), rate_hz=Fraction(1000),
    ...                       source=bench, stored_type="f32")
    >>> buffer = StreamBuffer([current], seconds=2)
    >>> buffer.write("current", 0, np.arange(5000, dtype="f4"))
    >>> buffer.sample_id_range
    (3000, 5000)
    >>> buffer.samples_get(4998, 5000, "current")
    array([4998., 4999.], dtype=float32)
    >>> buffer.data_get(3000, 5000, 1000)["mean"][:, 0]
    array([3499.5, 4499.5])
    >>> buffer.recording.statistics("current", (4000, 5000)).max
    4999.0
    """

    def __init__(self, signals: Iterable[Signal] = (), *, seconds: Amount, rate: Amount | None = None) -> None:
        self._updates: list[Updates] = []
        self._shared: list[Track] = []
        super().__init__(signals, seconds=seconds, rate=rate)

    def add_signal(self, signal: Signal) -> None:
        """Define a signal, and take memory for it; see `Sink`."""
        super().add_signal(signal)
        self._shared = []

    # -- questions ---------------------------------------------------------------------------------------------------

    @property
    def rate_hz(self) -> Fraction:
        """Samples a second of the grid."""
        return self._grid()[0].signal.rate_hz

    @property
    def input_rate_hz(self) -> Fraction:
        """Samples a second of the grid as they are written."""
        return self._inputs[self._grid()[0].signal.name].rate_hz

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns of `data_get` and `statistics_get`: `STATS_FIELD_NAMES`, or all signals where it has none."""
        return columns_of(self._described())

    @property
    def sample_id_range(self) -> tuple[int, int]:
        """Sample ids ``(start, stop)`` that all signals of the grid have now, half-open; (0, 0) before the first."""
        with self._lock:
            return self._range()

    def __len__(self) -> int:
        """Return the samples of the grid that are kept."""
        return self._grid()[0].least or 0

    def __bool__(self) -> bool:
        return True

    def samples_get(self, start: int, stop: int, fields: str | Sequence[str] | None = None) -> Any:
        """Return the samples of a window, as copies.

        Parameters
        ----------
        start, stop
            Sample ids, half-open, within `sample_id_range`.
        fields
            Names of signals, ``"current_lsb"`` and ``"voltage_lsb"`` (the inputs ``gpi[0]`` and ``gpi[1]``),
            ``"current_voltage"`` (shape (n, 2)) and ``"bits"``; None for those of `STATS_FIELD_NAMES` that there are.

        Returns
        -------
        dict or ndarray
            The array of a single name. Else ``time`` (``range`` in seconds from the first sample that there ever was,
            ``delta``, ``sample_id_range``, ``samples``, and the rates) and ``signals`` with ``value`` and ``units`` of
            each: float32 of current, voltage and power, uint8 of ranges and bits. What nobody delivered is NaN, range
            8, or 0.

        Raises
        ------
        SelectionError
            There is no such field, or not all of the window; the message says what there is.
        """
        wanted = [fields] if isinstance(fields, str) else fields
        there, rate_hz = self._described(), self.rate_hz
        if wanted is None:
            wanted = usual_fields({name: signal for name, signal in there.items() if signal.rate_hz == rate_hz})
        names = {member: signal_name(member, there) for member in members_of(wanted)}
        for name in names.values():
            if there[name].rate_hz != rate_hz:
                raise SelectionError(
                    f"{name!r} has {there[name].rate_hz} samples a second, others {rate_hz}",
                    "Keep all at one rate with rate=, or read it from the buffer's recording.",
                )
        views, (lo, hi) = self._views()
        start, stop = int(start), int(stop)
        if not lo <= start <= stop <= hi:
            raise SelectionError(
                f"samples [{start:_}, {stop:_}) are not in the buffer", f"It has [{lo:_}, {hi:_}): see sample_id_range."
            )
        read = {member: self._read(views[name], member, start, stop) for member, name in names.items()}
        values = {field: made_field(field, read) for field in wanted}
        if isinstance(fields, str):
            return values[fields]
        return {
            "time": self._time(start, stop),
            "signals": {field: {"value": values[field], "units": units_of(field, there)} for field in wanted},
        }

    def data_get(
        self, start: int, stop: int, increment: int | None = None, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return statistics of consecutive spans of a window, from levels where they are long.

        Parameters
        ----------
        start, stop
            Sample ids, half-open.
        increment
            Samples of a span; None for 1.
        out
            An array of `STATS_DTYPE`, shape (n, field) with n as large as needed at least, to fill instead.

        Returns
        -------
        ndarray
            Shape ((stop - start) // increment, field), of `STATS_DTYPE`; see `fields`. A span that is partly outside
            `sample_id_range` is of the part within; one that is outside, or of a field that is not there, has length 0.

        Raises
        ------
        SelectionError
            The increment is below 1, or ``out`` does not fit.
        """
        increment = 1 if increment is None else int(increment)
        if increment < 1:
            raise SelectionError(f"spans of {increment} samples have none", "Ask for at least one sample a span.")
        n = max(int(stop) - int(start), 0) // increment
        out = _fitting(out, n, len(self.fields))
        views, bounds = self._views()
        edges = (int(start) + np.arange(n + 1, dtype=np.int64) * increment).clip(*bounds)
        self._fill(views, edges, out)
        return out

    def statistics_get(self, start: int, stop: int, out: NDArray[Any] | None = None) -> tuple[NDArray[Any], list[int]]:
        """Return the statistics of a window, as far as it is in `sample_id_range`, and which window that is.

        Parameters
        ----------
        start, stop
            Sample ids, half-open.
        out
            An array of `STATS_DTYPE`, shape (field,), to fill instead of a new one.

        Returns
        -------
        ndarray
            Shape (field,), of `STATS_DTYPE`; see `fields`.
        list
            ``[start, stop]`` of the samples that they are of.
        """
        views, (lo, hi) = self._views()
        start = min(max(int(start), lo), hi)
        edges = np.array([start, min(max(int(stop), start), hi)], np.int64)
        table = _fitting(None if out is None else out[None], 1, len(self.fields))
        self._fill(views, edges, table)
        return table[0], edges.tolist()

    def on_statistics(self, increment: int, callback: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
        """Have a function called each time that so many samples of the grid are complete, from now on.

        Parameters
        ----------
        increment
            Samples; at most as many as the buffer keeps.
        callback
            Is given a dictionary as of `stats_to_api`, with ``sample_range`` beside the other times, ``accumulators``
            of charge and energy since now, and ``source``. It is called by the thread that writes, without any lock,
            and must not take long; what it raises is logged. What gave way before all signals had it is not told of.

        Returns
        -------
        callable
            Ends it.

        Raises
        ------
        SelectionError
            The increment is below 1, or too long.
        """
        if not 1 <= increment <= len(self):
            raise SelectionError(
                f"statistics of {increment:_} samples are not kept", f"Choose 1 to {len(self):_} samples."
            )
        start, stop = self.sample_id_range
        updates = Updates(increment, callback, self.rate_hz, stop if start < stop else None)
        self._updates.append(updates)
        return lambda: self._updates.remove(updates) if updates in self._updates else None

    # -- inside ------------------------------------------------------------------------------------------------------

    def _grid(self) -> list[Track]:
        """Return the signals that share the ids that are asked for."""
        if not self._shared:
            if not self._tracks:
                raise SelectionError("the buffer has no signals yet", "Give them first, or begin the capture.")
            there = {name: track.signal for name, track in self._tracks.items()}
            rate_hz = there[signal_name(usual_fields(there)[0], there)].rate_hz
            self._shared = [track for track in self._tracks.values() if track.signal.rate_hz == rate_hz]
        return self._shared

    def _range(self, *, spare: bool = False) -> tuple[int, int]:
        """Return `sample_id_range`, or all that is still there, what is kept to spare included; with the lock."""
        grid = self._grid()
        if any(track.first_id is None for track in grid):
            return 0, 0
        stop = min(track.next_id or 0 for track in grid)
        kept = (track.oldest if spare else max(track.length - (track.least or 0), 0) for track in grid)
        start = max((track.first_id or 0) + oldest for track, oldest in zip(grid, kept, strict=True))
        return min(start, stop), stop

    def _views(self) -> tuple[dict[str, View], tuple[int, int]]:
        """Return what there is now of each signal, and the range of ids that all of the grid has."""
        with self._lock:
            return {name: track.view() for name, track in self._tracks.items()}, self._range()

    def _described(self) -> dict[str, Signal]:
        """Return what is kept of each signal."""
        self._grid()  # which refuses that there is none
        return {name: track.signal for name, track in self._tracks.items()}

    def _read(self, view: View, field: str, start: int, stop: int) -> NDArray[Any]:
        samples = np.empty(stop - start, view.track.dtype)
        if view.read(start - view.window.start, samples):
            raise SelectionError(
                f"samples of {field!r} from {start:_} on gave way to newer ones", "Ask again, or keep more seconds."
            )
        if samples.dtype == np.bool_:
            return samples.view(np.uint8)
        if field == "current_range":
            for gap in view.skipped.within(Window(start, stop)):
                samples[gap.window.start - start : gap.window.stop - start] = I_RANGE_MISSING
        return view.track.signal.physical(samples)

    def _fill(self, views: dict[str, View], edges: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Fill records of the spans between edges, which are in `sample_id_range`.

        Signals of other rates are asked about the same spans in time: ids of one source count from one moment.
        """
        there, rate_hz = self._described(), self.rate_hz
        for i, field in enumerate(columns_of(there)):
            view = views[signal_name(field, there)] if has_field(field, there) else None
            ratio = Fraction(0) if view is None else view.track.signal.rate_hz / rate_hz
            mine = edges if ratio == 1 else edges * ratio.numerator // ratio.denominator
            if view is not None and ratio != 1:
                mine = mine.clip(view.window.start, view.window.stop)
            if view is None or mine[0] == mine[-1]:
                fill_stats(np.zeros((len(out), 6)), out[:, i])
                continue
            rows, signal = rows_between(view, mine), view.track.signal
            rows[:, [2, 4, 5]] = signal.physical(rows[:, [2, 4, 5]])
            rows[:, 3] *= signal.scale_factor**2
            fill_stats(rows, out[:, i])

    def _time(self, start: int, stop: int) -> dict[str, Any]:
        """Return what is told of the time of samples."""
        grid = self._grid()
        first, rate_hz = min(track.first_id or 0 for track in grid), grid[0].signal.rate_hz
        begin, end = float((start - first) / rate_hz), float((stop - first) / rate_hz)
        rate, input_rate = float(rate_hz), float(self.input_rate_hz)
        return {
            "range": {"value": [begin, end], "units": "s"},
            "delta": {"value": float((stop - start) / rate_hz), "units": "s"},
            "sample_id_range": {"value": [start, stop], "units": "samples"},
            "samples": {"value": stop - start, "units": "samples"},
            "input_sampling_frequency": {"value": input_rate, "units": "Hz"},
            "output_sampling_frequency": {"value": rate, "units": "Hz"},
            "sampling_frequency": {"value": rate, "units": "Hz"},
        }

    def _added(self) -> None:
        """Call who wants to know of statistics that are complete now; no lock is held."""
        for updates in tuple(self._updates):
            with self._lock:
                there = self._range(spare=True)
            for start, stop in updates.due(*there):
                views, described = self._views()[0], self._described()
                units = {field: units_of(field, described) for field in columns_of(described)}
                table = np.empty((1, len(units)), STATS_DTYPE)
                self._fill(views, np.array([start, stop], np.int64), table)
                told = updates.told(table[0], units, start, stop)
                try:
                    updates.callback(told)
                except Exception:  # noqa: BLE001 - whatever a viewer does, samples are taken
                    _log.exception("a callback for statistics failed")


def _fitting(out: NDArray[Any] | None, n: int, fields: int) -> NDArray[Any]:
    """Return an array of n × fields records: the front of the caller's, or a new one."""
    if out is None:
        return np.empty((n, fields), STATS_DTYPE)
    if out.dtype != STATS_DTYPE or out.ndim != 2 or out.shape[1] != fields or len(out) < n:
        raise SelectionError(
            f"out is {out.dtype}{list(out.shape)}", f"Give one of STATS_DTYPE[{n}, {fields}] at least."
        )
    return out[:n]
