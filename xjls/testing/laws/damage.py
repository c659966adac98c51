"""The law of damaged recordings: refused with an `XjlsError`, or right, and what is missing is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import XjlsError
from xjls.testing.laws.comparing import equal_values
from xjls.testing.laws.entries import levels_are_reductions
from xjls.testing.laws.expected import Expected
from xjls.testing.laws.reading import windows_are_slices

if TYPE_CHECKING:
    from xjls.model.reader import OnDamage
    from xjls.model.recording import Recording


LAWS: tuple[Callable[[Recording, Expected], None], ...] = (levels_are_reductions, windows_are_slices)


def damage_is_named(
    open_recording: Callable[[OnDamage], Recording],
    expected: Expected,
    *,
    in_order: bool = True,
    laws: Sequence[Callable[[Recording, Expected], None]] = LAWS,
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
    laws
        What is held to the truth about what is left: of a recording that was read before, and of a fresh one.

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
        for law in laws:
            law(recording, left)
        missing = len(left.signals) < len(expected.signals) or any(
            signal.lost or signal._array.size < expected.signals[name]._array.size
            for name, signal in left.signals.items()
        )
        missing |= _events_are_missing(recording, expected, in_order)
        assert not (missing and recording.status.complete), "something is missing and the status says complete"
    with open_recording("raise") as recording:
        for law in reversed(laws):
            law(recording, left)
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
