"""Laws of statistics and columns: what NumPy says in float64 of the same samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError
from xjls.testing.laws.comparing import raises, reduce_finite, sampled
from xjls.testing.laws.expected import Expected, ExpectedSignal
from xjls.testing.laws.reading import random_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.recording import Recording
    from xjls.query.answer import Statistics

SOME = 10
"""Columns of a window that are held to its samples, the first and the last among them."""
RTOL = 1e-6
"""Of a deviation: entries are float32."""
ATOL = 2e-7
"""Of a mean and a deviation, in terms of the largest sample: half of a float32's last digit and some more."""


def statistics_are_exact(recording: Recording, expected: Expected) -> None:
    """Require that the statistics of any window are those of its samples: counts and extremes exactly.

    Where samples are lost, whole entries may still tell of them; then it is the truth that they tell. Otherwise the
    answer raises, or counts what is lost and leaves it out.
    """
    for truth in sampled(expected):
        for start, stop in random_windows(recording, truth):
            window = truth.first_id + start, truth.first_id + stop
            for ddof in (0, 1):
                try:
                    found = recording.statistics(truth.name, window, ddof=ddof)
                except LostSamplesError:
                    assert recording.on_damage == "raise"
                    assert not truth.valid[start:stop].all()
                    continue
                check_statistics(recording, truth, found)


def samples_reduce_to_statistics(recording: Recording, expected: Expected) -> None:
    """Require that one pass over the samples of a window gives their statistics; lost ones raise, or are left out."""
    for truth in sampled(expected):
        for start, stop in random_windows(recording, truth):
            window, valid = (truth.first_id + start, truth.first_id + stop), truth.valid[start:stop]
            if recording.on_damage == "raise" and not valid.all():
                raises(LostSamplesError, lambda w=window, n=truth.name: recording.read_statistics(n, w))  # type: ignore[misc]
                continue
            found = recording.read_statistics(truth.name, window)
            where = f"{found!r} of {truth.name}"
            assert found.exact, where
            # Of floats, what nobody delivered is NaN
            assert found.lost <= (~valid).sum() <= found.lost + found.nan, where
            assert found.count + found.nan + found.lost == valid.size, where
            _check_numbers(found, _physical(recording, truth, start, stop)[valid], where)


def columns_are_statistics(recording: Recording, expected: Expected) -> None:
    """Require that columns tile their window, and that each is the statistics of its span."""
    for truth in sampled(expected):
        for i, (start, stop) in enumerate(random_windows(recording, truth)):
            window = truth.first_id + start, truth.first_id + stop
            how: dict[str, Any] = {"increment": 1 + (stop - start) // 13} if i % 3 == 2 else {"n": 1 + i * 5}
            try:
                columns = recording.columns(truth.name, window, snap=i % 4 == 3, **how)
            except LostSamplesError:
                assert recording.on_damage == "raise"
                assert not truth.valid[start:stop].all()
                continue
            edges = columns.edges
            assert len(edges) == len(columns) + 1
            assert (np.diff(edges) > 0).all() or start == stop
            if "n" in how:
                assert (edges[0], edges[-1]) == window
                assert len(columns) == max(min(how["n"], stop - start), 1)
                assert columns.snapped or np.ptp(np.diff(edges)) <= 1
            else:
                assert (np.diff(edges) == how["increment"]).all()
                assert edges[0] == window[0]
                assert 0 <= window[1] - edges[-1] < how["increment"]
            every = list(columns)
            for name in ("count", "nan", "lost", "mean", "std", "min", "max", "integral"):
                np.testing.assert_equal(getattr(columns, name), [getattr(one, name) for one in every])
            for j in np.unique(np.linspace(0, len(every) - 1, SOME).astype(int)) if every else ():
                check_statistics(recording, truth, every[j])


def check_statistics(recording: Recording, truth: ExpectedSignal, found: Statistics) -> None:
    """Hold one answer to the samples of its window."""
    start, stop = found.window.start - truth.first_id, found.window.stop - truth.first_id
    samples, valid = _physical(recording, truth, start, stop), truth.valid[start:stop]
    where = f"{found!r} of {truth.name}"
    assert found.count + found.nan + found.lost == samples.size, where
    if valid.all():
        assert found.lost == 0, where
        assert found.exact or truth.lost, where  # what is lost nearby may spoil whole entries
        _check_numbers(found, samples, where)
    elif found.lost == 0 and (found.exact or np.isfinite(samples).all()):
        # Entries have told of all that is lost; of NaN among that they do not tell, and the answer says so
        _check_numbers(found, samples, where)
    else:
        assert recording.on_damage == "gap" or not found.lost, where
        assert found.lost <= (~valid).sum(), where
        _check_left(found, samples, valid, where)


def _physical(recording: Recording, truth: ExpectedSignal, start: int, stop: int) -> NDArray[np.float64]:
    """Return samples as they were measured."""
    return recording.signal(truth.name).physical(truth._array[start:stop]).astype(np.float64)


def _check_numbers(found: Statistics, samples: NDArray[np.float64], where: str) -> None:
    finite = samples[np.isfinite(samples)]
    assert found.count == finite.size, where
    if not finite.size:
        assert all(math.isnan(value) for value in (found.mean, found.std, found.min, found.max)), where
        assert found.integral == 0
        return
    mean, std, low, high = reduce_finite(finite, finite.size)[0]
    std = std * math.sqrt(finite.size / (finite.size - found.ddof)) if finite.size > found.ddof else math.nan
    largest = max(abs(low), abs(high))
    assert (found.min, found.max) == (low, high), where
    np.testing.assert_allclose(found.mean, mean, rtol=RTOL, atol=ATOL * largest, err_msg=where)
    np.testing.assert_allclose(found.std, std, rtol=RTOL, atol=ATOL * largest, err_msg=where)
    integral = found.mean * found.count / float(found.signal.rate_hz)
    np.testing.assert_allclose(found.integral, integral, rtol=1e-12, err_msg=where)


def _check_left(found: Statistics, samples: NDArray[np.float64], valid: NDArray[np.bool_], where: str) -> None:
    """Hold an answer over samples some of which are lost to those that are left: all of them are in it."""
    left = samples[valid & np.isfinite(samples)]
    assert found.count >= left.size, where
    every = samples[np.isfinite(samples)]
    if found.count:
        assert every.min() <= found.min <= left.min(initial=np.inf), where
        assert left.max(initial=-np.inf) <= found.max <= every.max(), where
    if found.count == left.size and left.size:
        np.testing.assert_allclose(found.mean, left.mean(), rtol=RTOL, atol=ATOL * np.abs(left).max())
