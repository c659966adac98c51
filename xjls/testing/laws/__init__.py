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

from collections.abc import Callable
from typing import TYPE_CHECKING

from xjls.testing.laws.answers import columns_are_statistics, samples_reduce_to_statistics, statistics_are_exact
from xjls.testing.laws.comparing import equal_values, reduce_finite
from xjls.testing.laws.damage import damage_is_named
from xjls.testing.laws.entries import levels_are_reductions
from xjls.testing.laws.expected import Expected, ExpectedSignal, jls_time_ns
from xjls.testing.laws.reading import (
    annotations_are_kept,
    bad_requests_are_refused,
    clocks_round_trip,
    closing_twice_is_harmless,
    lost_samples_are_named,
    pickles_read_the_same,
    signals_are_described,
    targets_are_filled,
    windows_are_slices,
)

if TYPE_CHECKING:
    from xjls.model.recording import Recording

__all__ = [
    "LAWS",
    "Expected",
    "ExpectedSignal",
    "annotations_are_kept",
    "bad_requests_are_refused",
    "check",
    "clocks_round_trip",
    "closing_twice_is_harmless",
    "columns_are_statistics",
    "damage_is_named",
    "equal_values",
    "jls_time_ns",
    "levels_are_reductions",
    "lost_samples_are_named",
    "pickles_read_the_same",
    "reduce_finite",
    "samples_reduce_to_statistics",
    "signals_are_described",
    "statistics_are_exact",
    "targets_are_filled",
    "windows_are_slices",
]


LAWS: tuple[Callable[[Recording, Expected], None], ...] = (
    signals_are_described,
    windows_are_slices,
    targets_are_filled,
    bad_requests_are_refused,
    levels_are_reductions,
    lost_samples_are_named,
    statistics_are_exact,
    samples_reduce_to_statistics,
    columns_are_statistics,
    clocks_round_trip,
    annotations_are_kept,
    pickles_read_the_same,
)
"""Every law that leaves the recording open."""


def check(recording: Recording, expected: Expected) -> None:
    """Hold a recording to every law; it is closed afterwards."""
    for law in (*LAWS, closing_twice_is_harmless):
        law(recording, expected)
