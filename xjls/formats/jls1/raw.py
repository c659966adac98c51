"""Raw words to samples of any window, such that it is the cut of the whole recording's conversion.

What a sample is depends on the switches of ranges before it, and while a window of suppression is open on those behind
it. So conversion begins ahead of what was asked, where the state is known: at the end of a run of samples of one range
that is longer than any window, or at the beginning of the recording. It ends when the last sample is decided.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import CorruptError
from xjls.formats.jls1.layout import UNKNOWN
from xjls.formats.jls1.processor import FIELDS, RawProcessor
from xjls.formats.jls1.suppression import MOST_AROUND, MOST_INSIDE
from xjls.model.window import Gap, Window, merge_gaps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from xjls.formats.jls1.calibration import Calibration
    from xjls.formats.jls1.processor import Block
    from xjls.formats.jls1.records import SampleRecords
    from xjls.formats.jls1.suppression import Suppression

DTYPES: dict[str, np.dtype[Any]] = {
    "current": np.dtype("f4"), "voltage": np.dtype("f4"), "power": np.dtype("f4"), "current_range": np.dtype("u1"),
    "gpi0": np.dtype("?"), "gpi1": np.dtype("?"),
}  # fmt: skip
SAMPLE_BYTES = 4
MISSING_RANGE = 8
NOT_DELIVERED = "not delivered by the instrument"
SETTLED = MOST_INSIDE + 2 * MOST_AROUND
"""Samples that a switch is felt at most, and the currents that count before another."""
_AT_ONCE = 1 << 17
"""Samples that are converted together: what they become stays in the second cache."""
_PART = 1 << 22
"""Samples that are worth a thread."""
_LOOK_BACK = 256
"""Samples that are looked at first for a place to begin."""
_ABSENT = 0xFFFF
_NEED_RANGE = frozenset({"voltage", "power"})
UNKNOWN_RANGE = 2
"""A voltage range, as kernels take it."""


class RawSamples:
    """The signals of a recording of raw words; thread-safe.

    Parameters
    ----------
    records
        Of the words.
    calibration, suppression
        What makes samples of them.
    """

    def __init__(self, records: SampleRecords, calibration: Calibration, suppression: Suppression) -> None:
        self._records = records
        self._calibration = calibration
        self._suppression = suppression

    def read(self, name: str, window: Window, out: NDArray[Any], *, verify: bool) -> tuple[Gap, ...]:
        """Fill ``out``, shape (time,), with the samples of a window; return what of them is lost or missing.

        Parts of a long window are read at the same time: where one begins depends on none of the others.
        """
        if window.length < 2 * _PART or (n_parts := min(window.length // _PART, os.cpu_count() or 1)) < 2:
            return self._read(name, window, out, verify=verify)
        bounds = np.linspace(window.start, window.stop, n_parts + 1).astype(np.int64).tolist()

        def part(start: int, stop: int) -> tuple[Gap, ...]:
            inside = out[start - window.start : stop - window.start]
            return self._read(name, Window(start, stop), inside, verify=verify)

        with ThreadPoolExecutor(n_parts, "words") as pool:
            return merge_gaps(chain.from_iterable(pool.map(part, bounds[:-1], bounds[1:])))

    def _read(self, name: str, window: Window, out: NDArray[Any], *, verify: bool) -> tuple[Gap, ...]:
        gaps: list[Gap] = []
        filled = 0
        for block in self.blocks(window, gaps, (name,), verify=verify):
            part = out[filled : filled + len(block)]
            part[:] = getattr(block, name)
            if block.current_range.max(initial=0) >= MISSING_RANGE:
                gaps += _missing(block, name)
                if part.dtype.kind == "b":
                    part &= block.current_range < MISSING_RANGE
            filled += len(block)
        lost = merge_gaps(gap for gap in gaps if not gap.skipped)
        _erase(window, lost, out)
        # What is lost is made of words that are missing
        return merge_gaps((*lost, *_outside([gap for gap in gaps if gap.skipped], lost)))

    def blocks(
        self, window: Window, gaps: list[Gap], wanted: Collection[str] = FIELDS, *, verify: bool
    ) -> Iterator[Block]:
        """Yield the samples of a window in order, converted; add what is lost to ``gaps``, which is missing there."""
        if not window.length:
            return
        processor = RawProcessor(self._calibration, suppression=self._suppression, wanted=wanted)
        begin = self._settled(window.start, verify=verify)
        processor.reset(begin)
        length = self._records.length
        for piece in self._pieces(Window(begin, length), gaps, window, wanted, verify=verify):
            block = processor.process(*piece)
            if (inside := _cut(block, window)) is not None:
                yield inside
            if processor.first_id >= window.stop:
                return
        if (inside := _cut(processor.finish(), window)) is not None:
            yield inside

    def complete(self, factor: int, count: int) -> NDArray[np.bool_]:
        """Return which of ``count`` runs of ``factor`` samples have all their words."""
        found = np.ones(count, np.bool_)
        step = max(_AT_ONCE // factor, 1)
        for first in range(0, count, step):
            last = min(first + step, count)
            words = self.words(Window(first * factor, last * factor), verify=True)
            absent = (words == _ABSENT).all(axis=1)
            found[first:last] = ~absent.reshape(last - first, factor).any(axis=1)
        return found

    def words(self, window: Window, *, verify: bool) -> NDArray[np.uint16]:
        """Return the words of a window, u16[time, 2]; those of lost samples are as those of missing ones."""
        pieces = [words for words, _ in self._pieces(window, [], window, verify=verify)]
        return np.concatenate(pieces) if pieces else np.empty((0, 2), np.uint16)

    def _pieces(
        self, window: Window, gaps: list[Gap], asked: Window, wanted: Collection[str] = (), *, verify: bool
    ) -> Iterator[tuple[NDArray[np.uint16], int]]:
        """Yield words and their voltage range, at most `_AT_ONCE` at a time; all are asked for, then one by one few."""
        at = window.start
        while at < window.stop:
            number = at // self._records.per_record
            there = self._records.window(number) & window
            words, voltage_range = self._words_of(number, gaps, asked, wanted, verify=verify)
            first = self._records.window(number).start
            while at < there.stop:
                # Behind what was asked one needs a few samples only: those that close a window
                most = _AT_ONCE if at < asked.stop else SETTLED
                border = asked.stop if at < asked.stop else there.stop
                stop = min(at + most, there.stop, max(border, at + 1))
                yield _slice(words, at - first, stop - first), voltage_range
                at = stop

    def _words_of(
        self, number: int, gaps: list[Gap], asked: Window, wanted: Collection[str], *, verify: bool
    ) -> tuple[NDArray[np.uint16], int]:
        """Return the words of a record and its voltage range; fewer, or none, where they are lost."""
        window = self._records.window(number)
        try:
            value = self._records.value(number, verify=verify)
            words = value[: len(value) // SAMPLE_BYTES * SAMPLE_BYTES].view("<u2").reshape(-1, 2)[: window.length]
            voltage_range = self._range_of(number, gaps, window & asked, wanted)
        except CorruptError:
            words, voltage_range = np.empty((0, 2), np.uint16), 0
        if len(words) < window.length:
            gap = self._records.gap(number, Window(window.start + len(words), window.stop) & asked)
            gaps += [gap] if gap.window.length else []
        return words, voltage_range

    def _range_of(self, number: int, gaps: list[Gap], window: Window, wanted: Collection[str]) -> int:
        """Return the voltage range of a record; where nobody knows it there is no voltage, and no power."""
        found = self._records.voltage_range(number)
        if found != UNKNOWN:
            return found
        if window.length and _NEED_RANGE.intersection(wanted):
            gaps.append(Gap(window, "the voltage range is damaged"))
        return UNKNOWN_RANGE

    def _settled(self, start: int, *, verify: bool) -> int:
        """Return where to begin, at or before a sample, for that sample to be what it is in the whole.

        That depends on ranges only. Ahead of a place where no window is open, some more samples are needed: the first
        one of a conversion opens a window of its own, and currents before a window count. Where one has been open for
        longer than any may, its currents are not known, whatever is ahead.
        """
        from xjls.kernels.joulescope import LONGEST

        if self._suppression.mode == "off":
            return start
        for span in (_LOOK_BACK, LONGEST + 2 * SETTLED):
            begin = max(start - span, 0)
            ranges = _ranges(self.words(Window(begin, start), verify=verify))
            closed = np.flatnonzero(self._is_closed(ranges)[SETTLED:])
            if len(closed):
                return begin + int(closed[-1]) + 1
            if begin == 0:
                return 0
        return begin

    def _is_closed(self, ranges: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return behind which samples no window is open; of the first `SETTLED` ones nobody knows."""
        suppression = self._suppression
        windows = suppression.windows()[ranges[1:], ranges[:-1]].astype(np.int64)
        at = np.arange(1, len(ranges))
        ends = np.where(windows > 0, at + windows + suppression.post, 0)
        closed = np.zeros(len(ranges), np.bool_)
        closed[1:] = np.maximum.accumulate(ends) <= at + 1
        return closed


def _slice(words: NDArray[np.uint16], start: int, stop: int) -> NDArray[np.uint16]:
    """Return words of a record; those that it has not as if they were missing."""
    found = words[start:stop]
    if len(found) == stop - start:
        return found
    filled = np.full((stop - start, 2), _ABSENT, np.uint16)
    filled[: len(found)] = found
    return filled


def _ranges(words: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return the current range of each sample, `MISSING_RANGE` where it is missing."""
    ranges = (words[:, 0] & 3 | (words[:, 1] & 1) << 2).astype(np.uint8)
    ranges[(words == _ABSENT).all(axis=1)] = MISSING_RANGE
    return ranges


def _cut(block: Block, window: Window) -> Block | None:
    """Return what of a block lies in a window."""
    inside = Window(block.first_id, block.stop) & window
    if not inside.length:
        return None
    lo, hi = inside.start - block.first_id, inside.stop - block.first_id
    return block if (lo, hi) == (0, len(block)) else block.cut(lo, hi)


def _erase(window: Window, lost: tuple[Gap, ...], out: NDArray[Any]) -> None:
    for gap in lost:
        out[gap.window.start - window.start : gap.window.stop - window.start] = np.nan if out.dtype.kind == "f" else 0


def _missing(block: Block, name: str) -> list[Gap]:
    """Return the samples that nobody delivered; suppression may have put a current in the place of some."""
    values, first = getattr(block, name), block.first_id
    # They are few: masks of all samples would cost as much as converting these
    absent = np.flatnonzero(block.current_range >= MISSING_RANGE)
    if values.dtype.kind == "f":
        absent = absent[np.isnan(values[absent])]
    ends = np.flatnonzero(np.diff(absent) > 1)
    starts, stops = absent[np.append(0, ends + 1)[: len(absent)]], absent[np.append(ends, -1)[: len(absent)]] + 1
    spans = zip(starts.tolist(), stops.tolist(), strict=True)
    return [Gap(Window(first + lo, first + hi), NOT_DELIVERED, skipped=True) for lo, hi in spans]


def _outside(gaps: list[Gap], lost: tuple[Gap, ...]) -> Iterator[Gap]:
    """Yield what of some gaps lies in none of others."""
    for gap in merge_gaps(gaps):
        at, stop = gap.window.start, gap.window.stop
        for other in lost:
            if at < other.window.start < stop:
                yield gap & Window(at, other.window.start)
            if other.window.stop > at and other.window.start < stop:
                at = max(at, other.window.stop)
        if at < stop:
            yield gap & Window(at, stop)
