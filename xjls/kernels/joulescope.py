"""A JS110's raw words -> amperes, volts and watts, and what its current range switches distort, in one pass.

A word is what the instrument sends of a sample, as a little-endian u32: ::

    31 … 18   voltage, 14 bits; bit 18 may be input 1
    17        toggles with every sample
    16        bit 2 of the current range
    15 … 2    current, 14 bits; bit 2 may be input 0
    1, 0      bits 1 and 0 of the current range

All bits set: the sample is missing, its range is `MISSING`. Most samples have the range of the one before them: blocks
of these are converted by vectors. The others are taken one by one (`_step`): after a switch of ranges a window opens,
and its currents are decided when it closes. Numbers are rounded to float32 after every operation, as in Joulescope's
own processor: results are equal bit by bit.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from xjls.kernels.jit import INTEGERS, kernel_for, part
from xjls.kernels.memory import address
from xjls.kernels.passes import view

__all__ = ["INTERP", "LONGEST", "MEAN", "MISSING", "NAN", "OFF", "UNKNOWN", "Outputs", "State", "process", "start"]

OFF, MEAN, INTERP, NAN = range(4)
"""What becomes of the currents of a window."""
MISSING = 8
"""The current range of a sample that nobody delivered."""
UNKNOWN = 2
"""The voltage range where nobody knows it: voltages are NaN."""
LONGEST = 4096
"""Samples that wait for their window to close; currents of a longer one, 2 ms of constant switching, are NaN."""

_BLOCK = 2048
"""Samples that are converted together: what that needs stays in the first cache."""
_LOOK = 64
"""Samples that are looked at together: where they are not alike, all of them are taken one by one."""
_PAST = 8
"""Currents that are kept for the windows to come."""
_TOGGLE = 0x2_0000
_WATCHED = _TOGGLE | 0x1_0003
"""Bits that tell whether a sample continues the one before it."""
_ABSENT = 0xFFFF_FFFF
_ALWAYS_OFF = 7
_REMAINING, _RANGE, _WORD, _SEEN, _GIVEN_UP, _REPEATED = range(6)
_BEFORE = _PAST

Words = NDArray[np.uint32]
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Outputs(NamedTuple):
    """Where samples go: arrays of one length. All but current and range may be empty: nobody asks for these.

    Power needs voltage, and a voltage that windows are erased from needs nothing else.
    """

    current: Floats
    voltage: Floats
    power: Floats
    current_range: Bytes
    gpi0: Flags
    gpi1: Flags


class State(NamedTuple):
    """What is known of the samples before."""

    numbers: Ints
    """Samples until the window closes, 0 where none is open; last range; last word; currents seen; whether the open
    window was given up; toggles that did not."""
    currents: Floats
    """The last ones, before they were suppressed; and what the open window begins from."""


def start() -> State:
    """Return the state ahead of the first sample, whose predecessor was off."""
    numbers = np.array([0, _ALWAYS_OFF, _ABSENT, 0, 0, 0], np.int64)
    return State(numbers, np.full(_PAST + 1, np.nan, np.float32))


def process(
    words: Words, ranges: Bytes, scales: Floats, windows: Bytes, spec: tuple[int, int, int], state: State,
    outputs: Outputs, held: int,
) -> int:  # fmt: skip
    """Convert words, behind ``held`` samples that wait in ``outputs``; return how many of all these are decided.

    Parameters
    ----------
    words
        u32[sample].
    ranges
        u8[part]: the voltage range of each of so many equal parts of the words.
    scales
        f32[2, 12], offsets and gains of current ranges 0 to `MISSING`, then of voltage ranges 0, 1 and `UNKNOWN`.
    windows
        u8[to, from]: samples that a switch of current ranges distorts.
    spec
        What is done to these: `OFF` …, and how many currents before and behind them count for their mean.
    state
        What `start` gave, or is left by the words before; it is changed.
    outputs
        At least ``held + len(words)`` samples long. Decided samples come first; the others go to the front of the
        next call's.
    """
    if len(words) % max(len(ranges), 1) or (len(words) and not len(ranges)):
        raise ValueError(f"{len(words)} words are not {len(ranges)} equal parts")
    length = len(outputs.current)
    if length < held + len(words) or len(outputs.current_range) != length or {len(o) for o in outputs} - {0, length}:
        raise ValueError(f"outputs must be of one length, and have room for {held} + {len(words)} samples")
    if len(outputs.power) > len(outputs.voltage):
        raise ValueError("power needs voltage")
    if scales.shape != (2, MISSING + 4) or windows.shape != (MISSING + 1, MISSING + 1) or held < 0:
        raise ValueError(f"scales of shape {scales.shape}, windows of shape {windows.shape}, {held} samples held")
    if not (min(spec) >= 0 and spec[0] <= NAN and max(spec[1:]) <= _PAST):
        raise ValueError(f"{spec} says nothing that could be done")
    facts = np.array(spec, np.int64)
    return int(_process(words, ranges, scales, windows, facts, state.numbers, state.currents, *outputs, held))


_F32 = types.Array(types.float32, 1, "C")
_READ_U8 = types.Array(types.uint8, 1, "C", readonly=True)
_U8 = types.Array(types.uint8, 1, "C")
_BOOL = types.Array(types.boolean, 1, "C")
_WORDS = types.Array(types.uint32, 1, "C", readonly=True)
_SCALES = types.Array(types.float32, 2, "C", readonly=True)
_WINDOWS = types.Array(types.uint8, 2, "C", readonly=True)


@part
def _differ(words: Words) -> bool:
    """Return whether any sample has another range than the one before it, or does not toggle."""
    differences = np.uint32(0)
    for i in range(words.size - 1):
        differences |= np.uint32((words[i + 1] ^ words[i] ^ np.uint32(_TOGGLE)) & np.uint32(_WATCHED))
    return bool(differences != 0)


@part
def _alike(words: Words, before: int) -> int:
    """Return how many samples have the range of the one before them, and toggle; in whole looks."""
    if (words[0] ^ np.uint32(before) ^ np.uint32(_TOGGLE)) & np.uint32(_WATCHED):
        return 0
    if not _differ(words):
        return int(words.size)
    for at in range(0, words.size, _LOOK):
        first = max(at - 1, 0)
        if _differ(view(words, address(words) + 4 * first, min(at + _LOOK, words.size) - first)):
            return at
    return int(words.size)


@part
def _currents(words: Words, offset: np.float32, gain: np.float32, current: Floats) -> None:
    for i in range(words.size):
        current[i] = (np.float32(np.int32(words[i] >> np.uint32(2) & np.uint32(0x3FFF))) + offset) * gain


@part
def _voltages(words: Words, offset: np.float32, gain: np.float32, voltage: Floats) -> None:
    for i in range(words.size):
        voltage[i] = (np.float32(np.int32(words[i] >> np.uint32(18))) + offset) * gain


@part
def _powers(current: Floats, voltage: Floats, power: Floats) -> None:
    for i in range(power.size):
        power[i] = current[i] * voltage[i]


@part
def _bits(words: Words, shift: int, out: Flags) -> None:
    for i in range(words.size):
        out[i] = words[i] >> np.uint32(shift) & np.uint32(1) != 0


@part
def _fill(out: Bytes, value: int) -> None:
    for i in range(out.size):
        out[i] = value


@part
def _convert(
    words: Words, scales: Floats, voltage_range: int, at: int, numbers: Ints, currents: Floats, outputs: Outputs
) -> None:
    """Convert words that have the range of the sample before them, to ``outputs[at:]``."""
    n, r, v = words.size, numbers[_RANGE], MISSING + 1 + voltage_range
    current = view(outputs.current, address(outputs.current) + 4 * at, n)
    _currents(words, scales[0, r], scales[1, r], current)
    if outputs.voltage.size:
        voltage = view(outputs.voltage, address(outputs.voltage) + 4 * at, n)
        _voltages(words, scales[0, v], scales[1, v], voltage)
        if outputs.power.size:
            _powers(current, voltage, view(outputs.power, address(outputs.power) + 4 * at, n))
    if outputs.gpi0.size:
        _bits(words, 2, view(outputs.gpi0, address(outputs.gpi0) + at, n))
    if outputs.gpi1.size:
        _bits(words, 18, view(outputs.gpi1, address(outputs.gpi1) + at, n))
    _fill(view(outputs.current_range, address(outputs.current_range) + at, n), r)
    for i in range(max(n - _PAST, 0), n):
        currents[numbers[_SEEN] + i & _PAST - 1] = current[i]
    numbers[_SEEN] += n
    numbers[_WORD] = words[n - 1]


@part
def _range_of(word: int) -> int:
    return MISSING if word == _ABSENT else word & 3 | word >> 14 & 4


@part
def _convert_one(word: int, r: int, scales: Floats, voltage_range: int, at: int, outputs: Outputs) -> None:
    v = MISSING + 1 + voltage_range
    current, voltage = np.float32(math.nan), np.float32(math.nan)
    if r != MISSING:
        current = (np.float32(word >> 2 & 0x3FFF) + scales[0, r]) * scales[1, r]
        voltage = (np.float32(word >> 18) + scales[0, v]) * scales[1, v]
    outputs.current[at], outputs.current_range[at] = current, r
    if outputs.voltage.size:
        outputs.voltage[at] = voltage
    if outputs.power.size:
        outputs.power[at] = current * voltage
    if outputs.gpi0.size:
        outputs.gpi0[at] = word & 4 != 0
    if outputs.gpi1.size:
        outputs.gpi1[at] = word & 0x4_0000 != 0


@part
def _past(currents: Floats, seen: int, back: int) -> np.float32:
    return np.float32(currents[seen - back & _PAST - 1])


@part
def _open(mode: int, pre: int, seen: int, currents: Floats) -> None:
    """Take down what the currents of a window begin from."""
    if mode != MEAN:
        currents[_BEFORE] = _past(currents, seen, 1)
        return
    total = np.float32(0)
    for back in range(pre, 0, -1):
        total += _past(currents, seen, back)
    currents[_BEFORE] = total


@part
def _interpolate(before: np.float32, first: int, last: int, outputs: Outputs) -> None:
    """Draw a line from the current ahead of a window to its last one."""
    end = outputs.current[last]
    value = before if math.isfinite(before) else end
    step = np.float32((end - value) / np.float32(last - first + 1))
    for i in range(first, last):
        value = np.float32(value + step)
        outputs.current[i] = value


@part
def _average(before: np.float32, pre: int, post: int, first: int, last: int, outputs: Outputs) -> None:
    """Put the mean of the currents around a window in it; the last ``post`` of it stay."""
    usable = math.isfinite(before)
    total, count = before if usable else np.float32(0), post + (pre if usable else 0)
    for i in range(post):
        total = np.float32(total + outputs.current[last - i])
    mean = np.float32(total / np.float32(count)) if count else np.float32(math.nan)
    for i in range(first, last + 1 - post):
        outputs.current[i] = mean


@part
def _erase(values: Floats, first: int, last: int) -> None:
    for i in range(first, min(last + 1, values.size)):
        values[i] = np.float32(math.nan)


@part
def _close(spec: Ints, before: np.float32, first: int, last: int, outputs: Outputs) -> None:
    """Decide the currents of a window."""
    mode, pre, post = spec
    if mode == INTERP:
        _interpolate(before, first, last, outputs)
    elif mode == MEAN:
        _average(before, pre, post, first, last, outputs)
    else:
        _erase(outputs.current, first, last)
        _erase(outputs.voltage, first, last)
    if outputs.power.size:
        for i in range(first, last + 1):
            outputs.power[i] = outputs.current[i] * outputs.voltage[i]


@part
def _give_up(first: int, last: int, outputs: Outputs) -> None:
    """Say of some currents of a window that is too long that nobody knows them, wherever in it one begins to look."""
    _erase(outputs.current, first, last)
    _erase(outputs.power, first, last)


@part
def _kept(spec: Ints) -> int:
    """Return how many currents at the end of a window stay as they are."""
    return int(spec[2]) if spec[0] == MEAN else int(spec[0] == INTERP)


@part
def _note(word: int, r: int, current: np.float32, numbers: Ints, currents: Floats) -> None:
    """Take down a sample as the one before the next."""
    last = numbers[_WORD]
    if word != _ABSENT and last != _ABSENT and (word ^ last) & _TOGGLE == 0:
        numbers[_REPEATED] += 1
    currents[numbers[_SEEN] & _PAST - 1] = current
    numbers[_SEEN] += 1
    numbers[_RANGE], numbers[_WORD] = r, word


@part
def _step(
    word: int, scales: Floats, windows: Bytes, spec: Ints, voltage_range: int, at: int, first: int, numbers: Ints,
    currents: Floats, outputs: Outputs,
) -> int:  # fmt: skip
    """Take one sample, to place ``at``; return where the open window begins, or the next one would."""
    r = _range_of(word)
    _convert_one(word, r, scales, voltage_range, at, outputs)
    current = outputs.current[at]
    if r != numbers[_RANGE] and spec[0] != OFF:
        window = np.int64(windows[r, numbers[_RANGE]])
        if window and numbers[_REMAINING] == 0:
            first, numbers[_GIVEN_UP] = at, 0
            _open(spec[0], spec[1], numbers[_SEEN], currents)
        if window:
            numbers[_REMAINING] = max(numbers[_REMAINING], window + spec[2])
    _note(word, r, current, numbers, currents)
    if numbers[_REMAINING] == 0:
        return at + 1
    numbers[_REMAINING] -= 1
    if numbers[_REMAINING] == 0:
        if numbers[_GIVEN_UP]:
            _give_up(first, at - _kept(spec), outputs)
        else:
            _close(spec, currents[_BEFORE], first, at, outputs)
        return at + 1
    if at + 1 - first == LONGEST:
        # As many may be kept as long as nobody knows whether this is the end
        _give_up(first, at - _kept(spec), outputs)
        numbers[_GIVEN_UP] = 1
        return at + 1 - _kept(spec)
    return first


@part
def _steps(
    words: Words, scales: Floats, windows: Bytes, spec: Ints, voltage_range: int, at: int, first: int, numbers: Ints,
    currents: Floats, outputs: Outputs,
) -> int:  # fmt: skip
    """Take samples one by one, to places from ``at`` on; return what `_step` does."""
    for i in range(words.size):
        word: Any = np.int64(words[i])
        first = _step(word, scales, windows, spec, voltage_range, at + i, first, numbers, currents, outputs)
    return first


@kernel_for(
    _WORDS, _READ_U8, _SCALES, _WINDOWS, INTEGERS, INTEGERS, _F32, _F32, _F32, _F32, _U8, _BOOL, _BOOL, types.int64
)
def _process(
    words: Words, ranges: Bytes, scales: Floats, windows: Bytes, spec: Ints, numbers: Ints, currents: Floats,
    current: Floats, voltage: Floats, power: Floats, current_range: Bytes, gpi0: Flags, gpi1: Flags, held: int,
) -> int:  # fmt: skip
    outputs = Outputs(current, voltage, power, current_range, gpi0, gpi1)
    first, at = 0 if numbers[_REMAINING] else held, 0
    each = words.size // max(ranges.size, 1)
    for i in range(ranges.size):
        voltage_range: Any = np.int64(min(ranges[i], UNKNOWN))
        stop = (i + 1) * each
        if i + 1 < ranges.size and ranges[i + 1] == ranges[i]:
            continue
        while at < stop:
            place, n = address(words) + 4 * at, min(_BLOCK, stop - at)
            steady = numbers[_REMAINING] == 0 and numbers[_RANGE] < _ALWAYS_OFF
            alike = _alike(view(words, place, n), numbers[_WORD]) if steady else 0
            n = alike or min(_LOOK, n)
            some = view(words, place, n)
            if alike:
                _convert(some, scales, voltage_range, held + at, numbers, currents, outputs)
                first = held + at + n
            else:
                first = _steps(some, scales, windows, spec, voltage_range, held + at, first, numbers, currents, outputs)
            at += n
    return first
