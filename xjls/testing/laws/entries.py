"""Laws of levels: an entry is the reduction of its samples, as far as the format lets one see."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import LostSamplesError
from xjls.testing.laws.comparing import assert_close, is_close, merge_finite, reduce_finite, sampled
from xjls.testing.laws.expected import Expected, ExpectedSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.recording import Recording


def levels_are_reductions(recording: Recording, expected: Expected) -> None:
    """Require that an entry of any level is mean, standard deviation, minimum and maximum of the samples it covers.

    Of finite samples only. Where some are not finite, an entry above level 1 weighs the finite entries below it
    equally, as the format has no counts; its extremes are exact all the same. Where samples are lost, an entry is
    still right if the recording kept it. If not it raises, or is NaN or that of what is left, and the status names the
    samples that it lacks.
    """
    for truth in sampled(expected):
        for level in recording.signal(truth.name).levels:
            for start, stop in _level_windows(truth, level.factor, level.length):
                try:
                    found = recording.read_level(truth.name, level.index, (start, stop))
                except LostSamplesError:
                    assert recording.on_damage == "raise"
                    assert not truth.valid[start * level.factor : stop * level.factor].all()
                    continue
                _check_entries(recording, truth, level.index, start, found)


def _check_entries(recording: Recording, truth: ExpectedSignal, index: int, start: int, found: NDArray[Any]) -> None:
    factor = recording.signal(truth.name).levels[index - 1].factor
    span = slice(start * factor, (start + len(found)) * factor)
    samples, valid = truth._array[span], truth.valid[span]
    touched = ~valid.reshape(len(found), factor).all(axis=1)
    wanted = reduce_finite(samples, factor)
    where = f"{truth.name} level {index} entries from {start}"
    plain = np.isfinite(samples).reshape(len(found), factor).all(axis=1) & ~touched
    assert_close(found[plain], wanted[plain], where)
    odd = ~plain & ~touched
    if index == 1:
        assert_close(found[odd], wanted[odd], where)
    elif odd.any():
        assert_close(found[odd][:, 2:], wanted[odd][:, 2:], where)
        scale = float(np.nanmax(np.abs(wanted[odd]), initial=1.0))
        assert_close(found[odd], _chained(recording, truth, index, span)[odd], where, scale=scale)
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
        if is_close(found[i], whole[i]) or is_close(found[i], chained[i]):
            continue
        assert not truth.is_summarised_where_lost, f"{where} is {found[i]}, {whole[i]} was kept"
        if not np.isnan(found[i]).all() and not is_close(found[i], left[i]) and not is_close(found[i], below[i]):
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
        entries = merge_finite(entries, level.factor // finer.factor)
    return entries


def _from_below(recording: Recording, name: str, index: int, start: int, count: int) -> NDArray[np.float64] | None:
    """Return entries as the level below makes them, the finite ones with equal weights; None where that is lost."""
    levels = recording.signal(name).levels
    step = levels[index - 1].factor // levels[index - 2].factor
    try:
        below = recording.read_level(name, index - 1, (start * step, (start + count) * step))
    except LostSamplesError:
        return None
    return merge_finite(below.astype(np.float64), step)


def _left(truth: ExpectedSignal, span: slice, factor: int) -> NDArray[np.float64]:
    """Return the entries of the samples that are left."""
    samples = truth._array[span].astype(np.float64)
    samples[~truth.valid[span]] = np.nan
    return reduce_finite(samples, factor)


def _level_windows(truth: ExpectedSignal, factor: int, length: int) -> Iterator[tuple[int, int]]:
    yield 0, length
    rng = np.random.default_rng(factor)
    for start, stop in np.sort(rng.integers(0, length + 1, (4, 2)), axis=1).tolist():
        yield start, stop
    for start, stop in truth.lost:
        yield start // factor, min(-(-stop // factor), length) if start // factor < length else start // factor
