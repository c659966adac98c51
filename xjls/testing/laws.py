"""What every reader promises, as functions of a recording and the truth about it: plain assertions, for any format.

``LAWS`` lists those that leave the recording open; ``closing_twice_is_harmless`` is for the end. A recording that was
opened with ``on_damage="raise"`` and one with ``"gap"`` are held to the same laws: lost samples raise in the one and
are named in the other.

Examples
--------
>>> import tempfile, xjls
>>> from xjls.testing import jls2
>>> definition = jls2.Definition([jls2.Fsr("current", range(5000))])
>>> with tempfile.TemporaryDirectory() as folder:
...     path = jls2.write(f"{folder}/run.jls", definition.sources, definition.signals)
...     with xjls.open_recording(path) as recording:
...         check(recording, Expected.of(jls2.truth_of(definition)))
"""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError, SelectionError, XjlsError
from xjls.model.annotation import Annotation, UserData
from xjls.model.ties import Ties

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.recording import OnDamage, Recording
    from xjls.testing.jls2 import SignalTruth, Truth

__all__ = [
    "LAWS",
    "Expected",
    "ExpectedSignal",
    "annotations_are_kept",
    "bad_requests_are_refused",
    "check",
    "clocks_round_trip",
    "closing_twice_is_harmless",
    "damage_is_named",
    "equal_values",
    "jls_time_ns",
    "levels_are_reductions",
    "lost_samples_are_named",
    "pickles_read_the_same",
    "reduce_finite",
    "signals_are_described",
    "targets_are_filled",
    "windows_are_slices",
]

RTOL = 1e-6
"""Of an entry: it was rounded to float32 once or, above level 1, once a level."""
WINDOWS = 12
"""Random windows that are read of each signal."""
_KINDS = {"vmarker": "vertical_marker", "hmarker": "horizontal_marker"}
_UNIX_2018_S = 1_514_764_800
_MAX_NS = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedSignal:
    """What is true of one signal."""

    name: str
    units: str
    rate_hz: int
    """0: it carries annotations only."""
    first_id: int
    samples: NDArray[Any] | None
    """Shape ``(n,)``, as stored; in lost windows anything. None for a signal that carries annotations only."""
    lost: tuple[tuple[int, int], ...] = ()
    """Half-open windows of positions, from 0, that were counted and cannot be read."""
    ties: tuple[tuple[int, int], ...] = ()
    """(sample id, UTC in ns) in the order in which they were written."""
    is_summarised_where_lost: bool = False
    """Whether levels still tell what lost samples were, so that ``samples`` must hold it."""

    @property
    def valid(self) -> NDArray[np.bool_]:
        """For each sample, whether it can be read."""
        valid = np.ones(self._array.size, np.bool_)
        for start, stop in self.lost:
            valid[start:stop] = False
        return valid

    @property
    def read(self) -> NDArray[Any]:
        """The samples as a reader gives them: NaN, or 0 in integer signals, where they are lost."""
        samples = self._array.copy()
        samples[~self.valid] = np.nan if samples.dtype.kind == "f" else 0
        return samples

    @property
    def _array(self) -> NDArray[Any]:
        return np.empty(0, np.float32) if self.samples is None else self.samples


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """What is true of a recording.

    Examples
    --------
    >>> from xjls.testing.jls2 import Definition, Fsr, truth_of
    >>> expected = Expected.of(truth_of(Definition([Fsr("gpi", [0, 1, 1], dtype="u1", ties=[(0, 1 << 30)])])))
    >>> expected.signals["gpi"].samples, expected.signals["gpi"].ties
    (array([False,  True,  True]), ((0, 1514764801000000000),))
    """

    signals: Mapping[str, ExpectedSignal]
    """By name, in the order of their numbers."""
    annotations: tuple[Annotation, ...] = ()
    """A signal after another; those that are placed by sample id without their time."""
    user_data: tuple[UserData, ...] = ()

    @classmethod
    def of(cls, truth: Truth, *, is_summarised_where_lost: bool = False) -> Expected:
        """Return what a JLS v2 recording's truth says in terms of any recording."""
        found = sorted(truth.signals.values(), key=lambda signal: signal.signal_id)
        signals = {s.name: _expected(s, is_summarised_where_lost) for s in found if s.signal_id}
        notes = tuple(_annotation(signal, note) for signal in found for note in signal.annotations)
        kept = tuple(
            UserData(meta=one.meta, data=_as_json(one.data)) for one in truth.user_data if one.data is not None
        )
        return cls(signals=signals, annotations=notes, user_data=kept)


def jls_time_ns(time: int) -> int:
    """Convert JLS time, 2⁻³⁰ s since 2018, to UTC in ns: the nearest, of two the later.

    Examples
    --------
    >>> jls_time_ns(3 << 29) - jls_time_ns(1 << 30)
    500000000
    """
    exact = Fraction(time * 10**9, 1 << 30) + _UNIX_2018_S * 10**9
    return max(-_MAX_NS, min(math.floor(exact + Fraction(1, 2)), _MAX_NS))


def _expected(signal: SignalTruth, summarised: bool) -> ExpectedSignal:
    return ExpectedSignal(
        name=signal.name, units=signal.units, rate_hz=signal.rate_hz, first_id=signal.first_id, samples=signal.samples,
        lost=signal.lost, ties=tuple((i, jls_time_ns(time)) for i, time in signal.ties),
        is_summarised_where_lost=summarised,
    )  # fmt: skip


def _annotation(signal: SignalTruth, note: Any) -> Annotation:
    sample_id, time_ns = (note.timestamp, None) if signal.rate_hz else (None, jls_time_ns(note.timestamp))
    y = None if note.y is None else float(np.float32(note.y))
    return Annotation(
        signal=signal.name if signal.signal_id else "", sample_id=sample_id, time_ns=time_ns,
        kind=_KINDS.get(note.type, note.type), group=note.group, y=y, data=_as_json(note.data),
    )  # fmt: skip


def _as_json(data: Any) -> Any:
    """Return what text or JSON becomes on its way through a file; bytes stay."""
    return data if isinstance(data, bytes | str) else json.loads(json.dumps(data))


# -- laws ------------------------------------------------------------------------------------------------------------


def signals_are_described(recording: Recording, expected: Expected) -> None:
    """Require that what a recording says of its signals is so, and that what it says is there can be read."""
    assert list(recording.signals) == list(expected.signals)
    for name, truth in expected.signals.items():
        signal = recording.signal(name)
        assert (signal.units, signal.rate_hz) == (truth.units, Fraction(truth.rate_hz))
        assert signal.has_samples == (truth.samples is not None)
        if truth.samples is None:
            assert signal.length == 0
            continue
        size = truth.samples.size
        assert (signal.dtype, signal.length, signal.first_id) == (truth.samples.dtype, size, truth.first_id), name
        assert (signal.window.start, signal.window.stop) == (truth.first_id, truth.first_id + size)
        if not truth.lost or recording.on_damage == "gap":
            samples = recording.read(name)
            assert (samples.dtype, samples.shape) == (signal.dtype, (size,))
        factors = [level.factor for level in signal.levels]
        assert factors == sorted(set(factors))
        for level in signal.levels:
            assert level.length == size // level.factor > 0
            if not truth.lost or recording.on_damage == "gap":
                entries = recording.read_level(name, level.index)
                assert (entries.dtype, entries.shape) == (signal.level_dtype, (level.length, 4))


def windows_are_slices(recording: Recording, expected: Expected) -> None:
    """Require that ``read(a, b)`` is ``everything[a:b]``, at any ends; lost samples raise, or are NaN or 0."""
    for truth in _sampled(expected):
        everything, valid = truth.read, truth.valid
        for start, stop in _windows(recording, truth):
            window = truth.first_id + start, truth.first_id + stop
            if recording.on_damage == "raise" and not valid[start:stop].all():
                _raises(LostSamplesError, lambda w=window, n=truth.name: recording.read(n, w))  # type: ignore[misc]
            else:
                found = recording.read(truth.name, window)
                assert equal_values(found, everything[start:stop]), f"{truth.name} [{start}, {stop})"


def targets_are_filled(recording: Recording, expected: Expected) -> None:
    """Require that ``out=`` is filled from end to end and returned, and that one that does not fit is left alone."""
    for truth in _sampled(expected):
        assert truth.samples is not None
        size, dtype = truth.samples.size, truth.samples.dtype
        if truth.lost and recording.on_damage == "raise":
            continue
        out = np.full(size, 1, dtype)
        assert recording.read(truth.name, out=out) is out
        assert equal_values(out, truth.read)
        start, stop = size // 3, size // 3 * 2
        guarded = np.full(stop - start + 2, 1, dtype)
        recording.read(truth.name, (truth.first_id + start, truth.first_id + stop), out=guarded[1:-1])
        assert equal_values(guarded[1:-1], truth.read[start:stop])
        assert guarded[[0, -1]].tolist() == [1, 1]
        read_only = np.zeros(size, dtype)
        read_only.flags.writeable = False
        other = np.dtype(np.complex64)
        for wrong in (np.zeros(size + 1, dtype), np.zeros(size, other), np.zeros(2 * size + 2, dtype)[::2], read_only):
            _raises(ValueError, lambda w=wrong, n=truth.name: recording.read(n, out=w))  # type: ignore[misc]
            assert not wrong.any()


def bad_requests_are_refused(recording: Recording, expected: Expected) -> None:
    """Require that what is not there is refused: signals, levels, windows, entries; nothing is clipped in silence."""
    _raises(SelectionError, lambda: recording.read("no such signal"))
    for truth in _sampled(expected):
        signal = recording.signal(truth.name)
        first, stop = signal.window.start, signal.window.stop
        for window in ((first - 1, stop), (first, stop + 1), (stop, stop + 1), (first + 1, first)):
            _raises(SelectionError, lambda w=window, n=truth.name: recording.read(n, w))  # type: ignore[misc]
        _raises(SelectionError, lambda n=truth.name: recording.read_level(n, 0))  # type: ignore[misc]
        top = len(signal.levels)
        _raises(SelectionError, lambda n=truth.name, t=top: recording.read_level(n, t + 1))  # type: ignore[misc]
        for level in signal.levels:
            for entries in ((-1, 1), (0, level.length + 1)):
                _raises(
                    SelectionError,
                    lambda n=truth.name, i=level.index, e=entries: recording.read_level(n, i, e),  # type: ignore[misc]
                )


def levels_are_reductions(recording: Recording, expected: Expected) -> None:
    """Require that an entry of any level is mean, standard deviation, minimum and maximum of the samples it covers.

    Of finite samples only. Where some are not finite, an entry above level 1 weighs the finite entries below it
    equally, as the format has no counts; its extremes are exact all the same. Where samples are lost, an entry is
    still right if the recording kept it. If not it raises, or is NaN or that of what is left, and the status names the
    samples that it lacks.
    """
    for truth in _sampled(expected):
        for level in recording.signal(truth.name).levels:
            for start, stop in _level_windows(truth, level.factor, level.length):
                try:
                    found = recording.read_level(truth.name, level.index, (start, stop))
                except LostSamplesError:
                    assert recording.on_damage == "raise"
                    assert not truth.valid[start * level.factor : stop * level.factor].all()
                    continue
                _check_entries(recording, truth, level.index, start, found)


def lost_samples_are_named(recording: Recording, expected: Expected) -> None:
    """Require that valid samples and gaps tile every signal, and that the status names each gap."""
    for truth in _sampled(expected):
        assert truth.samples is not None
        valid = recording.read_valid(truth.name)
        assert np.array_equal(valid, truth.valid), truth.name
        named = np.ones(truth.samples.size, np.bool_)
        for gap in recording.status.gaps.get(truth.name, ()):
            assert gap.reason
            named[gap.window.start - truth.first_id : gap.window.stop - truth.first_id] = False
        assert np.array_equal(named, truth.valid), truth.name
        if truth.lost:
            assert not recording.status.complete
            assert truth.name in str(recording.status)


def clocks_round_trip(recording: Recording, expected: Expected) -> None:
    """Require that ties are kept in order, that the clock passes through them, and finds a sample by its time."""
    for truth in _sampled(expected):
        signal = recording.signal(truth.name)
        assert tuple((tie.sample_id, tie.time_ns) for tie in recording.ties(truth.name)) == truth.ties
        clock = recording.clock(truth.name)
        assert clock.utc == bool(truth.ties)
        if truth.ties:
            chosen = Ties.chosen(*zip(*truth.ties, strict=True), rate_hz=signal.rate_hz, first_id=signal.first_id)
            for sample_id, time_ns in zip(chosen.sample_ids.tolist(), chosen.times_ns.tolist(), strict=True):
                assert clock.time(sample_id) == time_ns
        else:
            zero = _zero_id(recording, truth)
            ids = [zero, truth.first_id, truth.first_id + 1, truth.first_id + signal.length]
            after_ns = [math.floor(Fraction((i - zero) * 10**9) / signal.rate_hz) for i in ids]
            assert [clock.time(sample_id) for sample_id in ids] == after_ns
        _check_positions(clock, truth.first_id, signal.length)


def annotations_are_kept(recording: Recording, expected: Expected) -> None:
    """Require the annotations and user data that were written, in order; a sample's time is the clock's."""
    for found, truth in zip_longest(recording.annotations, expected.annotations):
        assert found is not None
        assert truth is not None
        assert replace(found, time_ns=truth.time_ns) == truth
        if found.sample_id is None:
            assert found.time_ns == truth.time_ns
        elif (clock := recording.clock(found.signal)).utc:
            assert found.time_ns == clock.time(found.sample_id)
        else:
            assert found.time_ns is None
    assert recording.user_data == expected.user_data


def pickles_read_the_same(recording: Recording, expected: Expected) -> None:
    """Require that a recording pickles as a path and options, and that the same is read through the copy."""
    pickled = pickle.dumps(recording)
    assert len(pickled) < 4096
    with pickle.loads(pickled) as copy:  # noqa: S301 - made two lines above
        assert copy.token == recording.token
        assert dict(copy.signals) == dict(recording.signals)
        assert (copy.on_damage, copy.verify, copy.path) == (recording.on_damage, recording.verify, recording.path)
        windows_are_slices(copy, expected)


def closing_twice_is_harmless(recording: Recording, expected: Expected) -> None:
    """Require that a second close does nothing, and that reading afterwards raises ValueError."""
    recording.close()
    recording.close()
    for truth in _sampled(expected):
        if truth.samples is not None and truth.samples.size:
            _raises(ValueError, lambda n=truth.name: recording.read(n))  # type: ignore[misc]


def damage_is_named(
    open_recording: Callable[[OnDamage], Recording], expected: Expected, *, in_order: bool = True
) -> bool:
    """Require that a damaged recording is refused with an `XjlsError`, or gives the truth and names what is missing.

    Parameters
    ----------
    open_recording
        Opens it with ``on_damage="raise"`` or ``"gap"``.
    expected
        What it held when it was whole.
    in_order
        Whether ties, annotations and user data still stand in the file in the order in which they were written.

    Returns
    -------
    bool
        Whether it opened.
    """
    try:
        recording = open_recording("gap")
    except XjlsError:
        return False
    with recording:
        left = _what_is_left(recording, expected)
        for law in (levels_are_reductions, windows_are_slices):
            law(recording, left)
        missing = len(left.signals) < len(expected.signals) or any(
            signal.lost or signal._array.size < expected.signals[name]._array.size
            for name, signal in left.signals.items()
        )
        missing |= _events_are_missing(recording, expected, in_order)
        assert not (missing and recording.status.complete), "something is missing and the status says complete"
    with open_recording("raise") as recording:
        windows_are_slices(recording, left)
        levels_are_reductions(recording, left)
    return True


def _what_is_left(recording: Recording, expected: Expected) -> Expected:
    """Compare the samples that a damaged recording gives with the truth; return the truth about what is left of it."""
    signals = {}
    for name, signal in recording.signals.items():
        assert name in expected.signals, f"signal {name!r} was invented"
        truth = expected.signals[name]
        assert (signal.units, signal.rate_hz) == (truth.units, Fraction(truth.rate_hz))
        if truth.samples is None or not signal.length:
            assert signal.length == 0
            nothing = None if truth.samples is None else truth.samples[:0]
            signals[name] = replace(truth, first_id=signal.first_id, samples=nothing, lost=())
            continue
        start = signal.first_id - truth.first_id
        assert 0 <= start < start + signal.length <= truth.samples.size, (
            f"{name} {signal.window} reaches outside the truth"
        )
        samples, valid = recording.read(name), recording.read_valid(name)
        known = truth.samples[start : start + signal.length]
        assert equal_values(samples[valid], known[valid]), f"wrong samples of {name}"
        assert not samples[~valid].any() or np.isnan(samples[~valid]).all()
        named = np.ones(signal.length, np.bool_)
        for gap in recording.status.gaps.get(name, ()):
            named[gap.window.start - signal.first_id : gap.window.stop - signal.first_id] = False
        assert np.array_equal(valid, named), f"the gaps of {name} are not those of its status"
        edges = np.flatnonzero(np.diff(~valid, prepend=False, append=False)).tolist()
        lost = tuple(zip(edges[::2], edges[1::2], strict=True))
        signals[name] = replace(truth, first_id=signal.first_id, samples=known, lost=lost)
    return replace(expected, signals=signals)


def _events_are_missing(recording: Recording, expected: Expected, in_order: bool) -> bool:
    """Whether ties, annotations or user data are missing; what is there must be true."""
    ties = {name: [(tie.sample_id, tie.time_ns) for tie in recording.ties(name)] for name in recording.signals}
    missing = [_is_part(ties.get(name, []), signal.ties, in_order) for name, signal in expected.signals.items()]
    notes = [
        replace(note, time_ns=None if note.sample_id is not None else note.time_ns) for note in recording.annotations
    ]
    missing.append(_is_part(notes, expected.annotations, in_order))
    missing.append(_is_part(recording.user_data, expected.user_data, in_order))
    return any(missing)


def _is_part(found: Sequence[Any], truth: Sequence[Any], in_order: bool) -> bool:
    """Whether ``found`` lacks items of ``truth``; it must hold no others."""
    rest, at = list(truth), 0
    for item in found:
        assert item in rest[at:], f"{item} was invented, or is out of order"
        place = rest.index(item, at)
        del rest[place]
        at = place if in_order else 0
    return bool(rest)


LAWS: tuple[Callable[[Recording, Expected], None], ...] = (
    signals_are_described,
    windows_are_slices,
    targets_are_filled,
    bad_requests_are_refused,
    levels_are_reductions,
    lost_samples_are_named,
    clocks_round_trip,
    annotations_are_kept,
    pickles_read_the_same,
)
"""Every law that leaves the recording open."""


def check(recording: Recording, expected: Expected) -> None:
    """Hold a recording to every law; it is closed afterwards."""
    for law in (*LAWS, closing_twice_is_harmless):
        law(recording, expected)


# -- arithmetic ------------------------------------------------------------------------------------------------------


def equal_values(found: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Whether two arrays are equal in type, shape and every value, NaN being equal to NaN.

    Examples
    --------
    >>> equal_values(np.array([np.nan, 1]), np.array([np.nan, 1])), equal_values(np.array([1]), np.array([1.0]))
    (True, False)
    """
    if found.dtype != wanted.dtype or found.shape != wanted.shape:
        return False
    return bool(np.array_equal(found, wanted, equal_nan=found.dtype.kind == "f"))


def reduce_finite(samples: NDArray[Any], factor: int) -> NDArray[np.float64]:
    """Return mean, population std, min and max of the finite ones of each ``factor`` samples, float64[n, 4].

    Examples
    --------
    >>> reduce_finite(np.array([1.0, 3, np.nan, np.inf, 7, 7, 0]), 3)
    array([[2., 1., 1., 3.],
           [7., 0., 7., 7.]])
    """
    count = samples.size // factor
    rows = samples[: count * factor].reshape(count, factor).astype(np.float64)
    finite = np.isfinite(rows)
    n = finite.sum(axis=1)
    held = np.where(finite, rows, 0.0)
    mean = held.sum(axis=1) / np.maximum(n, 1)
    square = np.where(finite, rows - mean[:, None], 0.0) ** 2
    low = np.where(finite, rows, np.inf).min(axis=1, initial=np.inf)
    high = np.where(finite, rows, -np.inf).max(axis=1, initial=-np.inf)
    table = np.stack([mean, np.sqrt(square.sum(axis=1) / np.maximum(n, 1)), low, high], axis=1)
    table[n == 0] = np.nan
    return table


def _check_entries(recording: Recording, truth: ExpectedSignal, index: int, start: int, found: NDArray[Any]) -> None:
    factor = recording.signal(truth.name).levels[index - 1].factor
    span = slice(start * factor, (start + len(found)) * factor)
    samples, valid = truth._array[span], truth.valid[span]
    touched = ~valid.reshape(len(found), factor).all(axis=1)
    wanted = reduce_finite(samples, factor)
    where = f"{truth.name} level {index} entries from {start}"
    plain = np.isfinite(samples).reshape(len(found), factor).all(axis=1) & ~touched
    _assert_close(found[plain], wanted[plain], where)
    odd = ~plain & ~touched
    if index == 1:
        _assert_close(found[odd], wanted[odd], where)
    elif odd.any():
        _assert_close(found[odd][:, 2:], wanted[odd][:, 2:], where)
        scale = float(np.nanmax(np.abs(wanted[odd]), initial=1.0))
        _assert_close(found[odd], _chained(recording, truth, index, span)[odd], where, scale=scale)
    if touched.any():
        _check_touched(recording, truth, index, start, found, wanted, np.flatnonzero(touched).tolist())


def _check_touched(
    recording: Recording, truth: ExpectedSignal, index: int, start: int, found: NDArray[Any], whole: NDArray[Any],
    which: list[int],
) -> None:  # fmt: skip
    """Hold entries over lost samples to the law: right, or of what is left, or NaN; and named if not right."""
    factor = recording.signal(truth.name).levels[index - 1].factor
    span = slice(start * factor, (start + len(found)) * factor)
    left = _left(truth, span, factor)
    chained = _chained(recording, truth, index, span)
    below = _from_below(recording, truth.name, index, start, len(found)) if index > 1 else None
    below = left if below is None else below
    for i in which:
        where = f"{truth.name} level {index} entry {start + i}"
        if _is_close(found[i], whole[i]) or _is_close(found[i], chained[i]):
            continue
        assert not truth.is_summarised_where_lost, f"{where} is {found[i]}, {whole[i]} was kept"
        if not np.isnan(found[i]).all() and not _is_close(found[i], left[i]) and not _is_close(found[i], below[i]):
            raise AssertionError(
                f"{where} over lost samples is {found[i]}, not {whole[i]}, {left[i]}, {below[i]} or NaN"
            )
        lo = truth.first_id + (start + i) * factor
        gaps = recording.status.gaps.get(truth.name, ())
        is_named = any(gap.window.start < lo + factor and gap.window.stop > lo for gap in gaps)
        assert is_named, f"{where} lacks samples, and the status does not say so"


def _chained(recording: Recording, truth: ExpectedSignal, index: int, span: slice) -> NDArray[np.float64]:
    """Return what a writer makes of samples level by level, the finite entries of each with equal weights."""
    levels = recording.signal(truth.name).levels
    entries = reduce_finite(truth._array[span], levels[0].factor)
    for finer, level in pairwise(levels[:index]):
        entries = _merge_finite(entries, level.factor // finer.factor)
    return entries


def _from_below(recording: Recording, name: str, index: int, start: int, count: int) -> NDArray[np.float64] | None:
    """Return entries as the level below makes them, the finite ones with equal weights; None where that is lost."""
    levels = recording.signal(name).levels
    step = levels[index - 1].factor // levels[index - 2].factor
    try:
        below = recording.read_level(name, index - 1, (start * step, (start + count) * step))
    except LostSamplesError:
        return None
    return _merge_finite(below.astype(np.float64), step)


def _left(truth: ExpectedSignal, span: slice, factor: int) -> NDArray[np.float64]:
    """Return the entries of the samples that are left."""
    samples = truth._array[span].astype(np.float64)
    samples[~truth.valid[span]] = np.nan
    return reduce_finite(samples, factor)


def _merge_finite(entries: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Return the entries of a level from those of the level below, the finite ones with equal weights."""
    rows = entries.reshape(-1, step, 4)
    finite = np.isfinite(rows[:, :, 0])
    n = np.maximum(finite.sum(axis=1), 1)
    mean = np.where(finite, rows[:, :, 0], 0).sum(axis=1) / n
    square = np.where(finite, rows[:, :, 1] ** 2 + (rows[:, :, 0] - mean[:, None]) ** 2, 0).sum(axis=1)
    low = np.where(finite, rows[:, :, 2], np.inf).min(axis=1)
    high = np.where(finite, rows[:, :, 3], -np.inf).max(axis=1)
    table = np.stack([mean, np.sqrt(square / n), low, high], axis=1)
    table[~finite.any(axis=1)] = np.nan
    return table


def _assert_close(found: NDArray[Any], wanted: NDArray[Any], where: str, *, scale: float = 0.0) -> None:
    """Compare entries; an error is measured against the largest number that went into an entry, at least ``scale``."""
    largest = np.nan_to_num(np.abs(wanted[:, -2:]).max(axis=1, keepdims=True), nan=1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        is_close = np.abs(found - wanted) <= RTOL * np.maximum(largest, scale)
        stored = wanted.astype(found.dtype)
    is_close |= (np.isnan(found) & np.isnan(wanted)) | (found == stored)
    if not is_close.all():
        row = int(np.flatnonzero(~is_close.all(axis=1))[0])
        raise AssertionError(f"{where}: entry {row} of these is {found[row]}, not {wanted[row]}")


def _is_close(found: NDArray[Any], wanted: NDArray[Any]) -> bool:
    try:
        _assert_close(found[None], wanted[None], "")
    except AssertionError:
        return False
    return True


# -- helpers ---------------------------------------------------------------------------------------------------------


def _sampled(expected: Expected) -> Iterator[ExpectedSignal]:
    return (signal for signal in expected.signals.values() if signal.samples is not None)


def _windows(recording: Recording, truth: ExpectedSignal) -> Iterator[tuple[int, int]]:
    """Yield windows of positions: all, the empty ones at both ends, around a block's edge, and random ones."""
    assert truth.samples is not None
    size = truth.samples.size
    yield from ((0, size), (0, 0), (size, size), (size // 2, size // 2))
    edge = min(recording.signal(truth.name).block_length, size)
    yield from ((max(edge - 1, 0), min(edge + 1, size)), (edge, size))
    rng = np.random.default_rng(size)
    for start, stop in np.sort(rng.integers(0, size + 1, (WINDOWS, 2)), axis=1).tolist():
        yield start, stop
        yield start, min(start + 3, size)


def _zero_id(recording: Recording, truth: ExpectedSignal) -> int:
    """Return the first sample id of all signals that count on the same grid: without ties, time starts there."""
    signal = recording.signal(truth.name)
    grid = signal.source.id, signal.rate_hz
    firsts = [s.first_id for s in recording.signals.values() if s.length and (s.source.id, s.rate_hz) == grid]
    return min(firsts, default=signal.first_id)


def _level_windows(truth: ExpectedSignal, factor: int, length: int) -> Iterator[tuple[int, int]]:
    yield 0, length
    rng = np.random.default_rng(factor)
    for start, stop in np.sort(rng.integers(0, length + 1, (4, 2)), axis=1).tolist():
        yield start, stop
    for start, stop in truth.lost:
        yield start // factor, min(-(-stop // factor), length) if start // factor < length else start // factor


def _check_positions(clock: Any, first_id: int, length: int) -> None:
    """Require that times of ids, windows and strides agree, and that a time finds its sample on a rising clock."""
    rng = np.random.default_rng(length)
    positions = np.unique(np.append(rng.integers(0, length, 50), [0, length - 1])) if length else np.arange(0)
    ids = positions + first_id
    try:
        times = clock.times(ids)
    except SelectionError:
        return  # beyond what nanoseconds can tell
    assert times.tolist() == [clock.time(i) for i in ids.tolist()]
    if not length:
        return
    start = int(positions[len(positions) // 2])
    window = clock.window(first_id + start, first_id + length, 3)
    count = len(range(start, length, 3))
    assert window.times(np.arange(count)[:50]).tolist() == [
        clock.time(first_id + start + 3 * k) for k in range(min(count, 50))
    ]
    if clock.is_increasing:
        found = clock.first_at_or_after(times)
        assert (found <= ids).all()
        assert np.array_equal(clock.times(found), times)
        before = clock.times(found - 1)
        assert (before < times).all()


def _raises(error: type[Exception], action: Callable[[], object]) -> None:
    try:
        action()
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")
