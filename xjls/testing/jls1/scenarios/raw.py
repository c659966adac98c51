"""Files of raw words: switches of ranges, voltage ranges, missing samples, lengths, calibrations, block headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from xjls.testing.jls1.calibrations import Calibration
from xjls.testing.jls1.definition import Definition, Sizes
from xjls.testing.jls1.scenarios.registry import scenario
from xjls.testing.jls1.words import ranges_of, words_of

SIZE = 1610
"""Six blocks of three records of four reductions of 20 samples, and a seventh whose second record is short."""


def raw(size: int = SIZE, *, seed: int = 1, missing: Iterable[tuple[int, int]] = (), **how: Any) -> Definition:
    """Return a definition of raw words that switch ranges now and then."""
    return Definition(words=words_of(ranges_of(size, seed=seed), seed=seed, missing=missing), **how)


# ---- switches ------------------------------------------------------------------------------------------------------


@scenario
def plain() -> Definition:
    """Switch current ranges now and then; the last block and its last record are short."""
    return raw()


@scenario
def three_levels() -> Definition:
    """Be long enough for a third level."""
    return raw(9000, seed=2, v_ranges=(0, 1))


@scenario
def several_voltage_ranges() -> Definition:
    """Have another voltage range in each block."""
    return raw(v_ranges=(0, 1, 1), first_stream_id=123_456)


@scenario
def chatter_at_every_border() -> Definition:
    """Switch ranges back and forth around each border of records and blocks, and keep windows open across them."""
    near = (np.arange(SIZE) + 6) % 80 < 12
    ranges = np.where(near, 2 + np.arange(SIZE) % 3, 3)
    return Definition(words=words_of(ranges, seed=3), v_ranges=(0, 1))


@scenario
def long_chatter() -> Definition:
    """Keep a window open for 300 samples, through several records, and for 60 ones."""
    ranges = np.full(SIZE, 4)
    ranges[500:800] = 3 + np.arange(300) % 2
    ranges[1000:1060] = 1 + np.arange(60) % 4
    return Definition(words=words_of(ranges, seed=4))


@scenario
def endless_chatter() -> Definition:
    """Keep a window open for 9000 samples: longer than any reader waits."""
    ranges = np.full(9600, 4)
    ranges[300:9300] = 3 + np.arange(9000) % 2
    return Definition(words=words_of(ranges, seed=5), sizes=Sizes(100, 4, 3), v_ranges=(0, 1))


@scenario
def open_at_the_end() -> Definition:
    """Switch ranges three samples before the end: nothing decides the last currents."""
    return Definition(words=words_of(np.where(np.arange(500) < 497, 3, 5), seed=6))


@scenario
def always_off() -> Definition:
    """Be off all the time: currents are 0."""
    return Definition(words=words_of(np.full(400, 7), seed=7))


@scenario
def saturated() -> Definition:
    """Have currents with all bits set whose voltage is another: they are samples, and ranges 3 and 7."""
    words = words_of(ranges_of(600, seed=8), seed=8)
    words[[50, 51, 52, 200, 333], 0] = 0xFFFF
    words[[50, 51, 52, 200, 333], 1] &= 0xFFFE
    words[340, 1], words[340, 0] = 0xFFFF, 0x1234
    return Definition(words=words)


# ---- missing samples -----------------------------------------------------------------------------------------------


@scenario
def missing_samples() -> Definition:
    """Lack samples at both ends, across records and blocks, a whole reduction, a whole record, and one alone."""
    runs = [(0, 3), (70, 90), (230, 260), (400, 420), (560, 640), (700, 701), (1000, 1126), (SIZE - 5, SIZE)]
    return raw(seed=9, missing=runs)


@scenario
def missing_within_windows() -> Definition:
    """Lack samples just behind switches of ranges: a current could be made up there, a voltage could not."""
    ranges = np.where(np.arange(SIZE) // 50 % 2, 3, 5)
    words = words_of(ranges, seed=10, missing=[(at + 2, at + 4) for at in range(50, SIZE, 150)])
    return Definition(words=words)


@scenario
def nothing_but_missing() -> Definition:
    """Lack every sample."""
    return raw(400, missing=[(0, 400)])


# ---- lengths -------------------------------------------------------------------------------------------------------


@scenario
def one_sample() -> Definition:
    """Hold one sample."""
    return raw(1)


@scenario
def less_than_a_reduction() -> Definition:
    """Hold fewer samples than are summarised together."""
    return raw(19)


@scenario
def whole_blocks() -> Definition:
    """End with a whole block."""
    return raw(480)


@scenario
def smallest_records() -> Definition:
    """Have one reduction of two samples in a record, and one record in a block."""
    return raw(333, sizes=Sizes(2, 1, 1), v_ranges=(0, 1))


@scenario
def odd_sizes() -> Definition:
    """Have sizes that are multiples of nothing, and a rate that is none either."""
    return raw(1511, sizes=Sizes(7, 3, 5), rate_hz=1_234_567.5)


# ---- calibrations --------------------------------------------------------------------------------------------------


@scenario
def without_calibration() -> Definition:
    """Hold codes that nobody can turn into amperes."""
    return raw(600, calibration=None)


@scenario
def calibration_of_eight() -> Definition:
    """Have eight currents in the calibration, as instruments keep it."""
    return raw(600, calibration=Calibration(entries=8))


@scenario
def short_calibration() -> Definition:
    """Have fewer numbers than ranges: the last one stands for the rest."""
    short = Calibration(
        current_offset=(-2800.0,), current_gain=(1e-3, 1e-5), voltage_offset=(-1000.0,), voltage_gain=(1e-3,), entries=2
    )
    return raw(600, calibration=short, v_ranges=(1, 0))


@scenario
def signed_calibration() -> Definition:
    """Have a signature around the calibration."""
    return raw(600, calibration=Calibration(is_signed=True))


@scenario
def old_calibration() -> Definition:
    """Call the calibration's JSON what it was called once, and deflate it."""
    return raw(600, calibration=Calibration(tag="CJS", entries=8, deflated=True))


# ---- block headers -------------------------------------------------------------------------------------------------


@scenario
def no_voltage_range_told() -> Definition:
    """Tell no voltage range at the start of blocks."""
    return raw(700, block_header="no v_range")


@scenario
def empty_block_headers() -> Definition:
    """Tell nothing at the start of blocks."""
    return raw(700, block_header="none")
