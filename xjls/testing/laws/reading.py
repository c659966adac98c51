"""Laws of what a recording says and of the windows that are read of it."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError, SelectionError
from xjls.model.ties import Ties
from xjls.testing.laws.comparing import equal_values, raises, sampled
from xjls.testing.laws.expected import Expected, ExpectedSignal

if TYPE_CHECKING:
    from xjls.model.recording import Recording

WINDOWS = 12
"""Random windows that are read of each signal."""


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
    for truth in sampled(expected):
        everything, valid = truth.read, truth.valid
        for start, stop in random_windows(recording, truth):
            window = truth.first_id + start, truth.first_id + stop
            if recording.on_damage == "raise" and not valid[start:stop].all():
                raises(LostSamplesError, lambda w=window, n=truth.name: recording.read(n, w))  # type: ignore[misc]
            else:
                found = recording.read(truth.name, window)
                assert equal_values(found, everything[start:stop]), f"{truth.name} [{start}, {stop})"


def targets_are_filled(recording: Recording, expected: Expected) -> None:
    """Require that ``out=`` is filled from end to end and returned, and that one that does not fit is left alone."""
    for truth in sampled(expected):
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
            raises(ValueError, lambda w=wrong, n=truth.name: recording.read(n, out=w))  # type: ignore[misc]
            assert not wrong.any()


def bad_requests_are_refused(recording: Recording, expected: Expected) -> None:
    """Require that what is not there is refused: signals, levels, windows, entries; nothing is clipped in silence."""
    raises(SelectionError, lambda: recording.read("no such signal"))
    for truth in sampled(expected):
        signal = recording.signal(truth.name)
        first, stop = signal.window.start, signal.window.stop
        for window in ((first - 1, stop), (first, stop + 1), (stop, stop + 1), (first + 1, first)):
            raises(SelectionError, lambda w=window, n=truth.name: recording.read(n, w))  # type: ignore[misc]
        raises(SelectionError, lambda n=truth.name: recording.read_level(n, 0))  # type: ignore[misc]
        top = len(signal.levels)
        raises(SelectionError, lambda n=truth.name, t=top: recording.read_level(n, t + 1))  # type: ignore[misc]
        for level in signal.levels:
            for entries in ((-1, 1), (0, level.length + 1)):
                raises(
                    SelectionError,
                    lambda n=truth.name, i=level.index, e=entries: recording.read_level(n, i, e),  # type: ignore[misc]
                )


def lost_samples_are_named(recording: Recording, expected: Expected) -> None:
    """Require that valid samples and gaps tile every signal, and that the status names each gap."""
    for truth in sampled(expected):
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
    for truth in sampled(expected):
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
    for truth in sampled(expected):
        if truth.samples is not None and truth.samples.size:
            raises(ValueError, lambda n=truth.name: recording.read(n))  # type: ignore[misc]


def random_windows(recording: Recording, truth: ExpectedSignal) -> Iterator[tuple[int, int]]:
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
    """Return where time starts without ties: what is known, or the first sample id of all signals on the same grid."""
    if truth.origin_id is not None:
        return truth.origin_id
    signal = recording.signal(truth.name)
    grid = signal.source.id, signal.rate_hz
    firsts = [s.first_id for s in recording.signals.values() if s.length and (s.source.id, s.rate_hz) == grid]
    return min(firsts, default=signal.first_id)


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
