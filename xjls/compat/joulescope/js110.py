"""A JS110's packets and words to the rings that keep them: what Joulescope's older buffers have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.capturing.buffer import StreamBuffer as Buffer
from xjls.capturing.buffer.fields import I_RANGE_MISSING
from xjls.compat.errors import RefusedError
from xjls.compat.joulescope.packets import Inserted, Part, checked_words
from xjls.compat.joulescope.refusing import refusing
from xjls.compat.joulescope.ring import FIELDS, Ring
from xjls.formats.jls1.calibration import CURRENT_RANGES, VOLTAGE_RANGES, Calibration
from xjls.formats.jls1.opening import spelled
from xjls.formats.jls1.processor import RawProcessor
from xjls.formats.jls1.suppression import Suppression
from xjls.model.sink import NOT_DELIVERED
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls1.processor import Block

REDUCTIONS_MAX = 5
NEVER = 1 << 63
"""A number of samples that is not reached."""
_ABSENT = 0xFFFF
"""A word of a sample that is missing."""
_PIECES = 4
"""Into how many pieces what fills a ring is cut at least, so that each is told of before it gives way."""

Callback = Callable[[dict[str, Any]], object]


class Js110Buffer(Ring):
    """Take a JS110's packets or words, and keep the last seconds of its samples.

    Parameters
    ----------
    length
        Samples that are asked for.
    reductions
        Factors of statistics.
    rate_hz
        Samples a second that are inserted.
    """

    has_raw = False
    """Whether `samples_get` has the words."""

    def __init__(self, length: int, reductions: Sequence[int] | None, rate_hz: Fraction) -> None:
        self._reductions = tuple(int(step) for step in reductions or ())
        if len(self._reductions) > REDUCTIONS_MAX:
            raise RefusedError(f"{len(self._reductions)} reductions are too many", f"At most {REDUCTIONS_MAX}.")
        self._rate_hz = rate_hz
        self._length = length
        self._calibration = Calibration()
        self._suppression = Suppression.of("normal")
        self.callback: Callback | None = None
        """Called by `process` with statistics, each time that as many samples are complete as all reductions make."""
        self.voltage_range = 0
        """Of the last packet; of words that are inserted from now on."""
        self.sample_id_max = NEVER
        """Inserted samples after which `insert` asks for an end."""
        self.contiguous_max = NEVER
        """Samples without one missing after which it does."""
        self.reset()

    @property
    def suppress_mode(self) -> str:
        """What becomes of currents just after a switch of ranges; see `xjls.formats.jls1.suppression.Suppression`."""
        return str(self._suppression)

    @suppress_mode.setter
    def suppress_mode(self, value: str | None) -> None:
        with refusing():
            self._suppression = Suppression.of(spelled(value))
        self._renew()

    def calibration_set(
        self,
        current_offset: Sequence[float],
        current_gain: Sequence[float],
        voltage_offset: Sequence[float],
        voltage_gain: Sequence[float],
    ) -> None:
        """Convert what is processed from now on with other numbers: of 7 current and 2 voltage ranges at least."""
        for values, least in (
            (current_offset, CURRENT_RANGES), (current_gain, CURRENT_RANGES),
            (voltage_offset, VOLTAGE_RANGES), (voltage_gain, VOLTAGE_RANGES),
        ):  # fmt: skip
            if len(values) < least:
                raise RefusedError(f"a calibration has {len(values)} numbers", f"Give {least} at least.")
        self._calibration = Calibration(
            current_offset=tuple(map(float, current_offset)), current_gain=tuple(map(float, current_gain)),
            voltage_offset=tuple(map(float, voltage_offset)), voltage_gain=tuple(map(float, voltage_gain)),
        )  # fmt: skip
        self._renew()

    def reset(self) -> None:
        """Begin anew with sample 0; accumulators too. What was there is gone."""
        self._inserted = Inserted()
        self._pending: list[Part] = []
        self._pending_samples = self._device_id = self._missing = self._skips = self._contiguous = self._toggles = 0
        self._was_missing = False
        self._tail = np.empty((0, 2), np.uint16)
        """Words of samples that are not decided."""
        self._processor = RawProcessor(self._calibration, suppression=self._suppression)
        self._rings = self._new_rings()
        """All that is kept; the first one is asked, the last one tells of statistics."""
        self._ring = self._rings[0]
        if self._reductions:
            self._rings[-1].on_statistics(prod(self._reductions), self._tell)

    def status(self) -> dict[str, dict[str, Any]]:
        """Return counts with units: of samples that were inserted, processed, missing, and since one was."""
        counts = {
            "device_sample_id": self._device_id, "sample_id": self._processor.first_id,
            "sample_missing_count": self._missing, "skip_count": self._skips,
            "sample_sync_count": self._toggles + self._processor.repeated_toggles,
            "contiguous_count": self._contiguous,
        }  # fmt: skip
        return {
            name: {"value": value, "units": "" if name == "skip_count" else "samples"} for name, value in counts.items()
        }

    # -- what goes in ------------------------------------------------------------------------------------------------

    def insert(self, data: bytes | NDArray[np.uint8] | None) -> bool:
        """Take packets as they come over USB; return whether the stream should end. None ends it.

        Packets that were lost, by their numbers, and those of another type or length are missing samples.
        """
        if data is None:
            return True
        for part in self._inserted.packets(data):
            self._pend(part)
        return self._ends()

    def insert_raw(self, data: NDArray[np.uint16]) -> bool:
        """Take words of current and voltage, u16[time, 2] or flat; return whether the stream should end."""
        self._pend(checked_words(data, self.voltage_range))
        return self._ends()

    def process(self) -> None:
        """Convert what was inserted; then it can be asked for."""
        pending, self._pending, self._pending_samples = self._pending, [], 0
        for part in pending:
            if part.missing:
                self._skip(part.missing)
            ranges = np.repeat(part.voltage_ranges, -(-len(part.words) // len(part.voltage_ranges)))
            piece = max(min(map(len, self._rings)) // _PIECES, 1)
            for start in range(0, len(part.words), piece):
                words = part.words[start : start + piece]
                waiting = np.concatenate([self._tail, words])
                self._keep(self._processor.process(words, ranges[start : start + piece]), waiting)

    def _pend(self, part: Part) -> None:
        self._pending.append(part)
        self._pending_samples += part.missing + len(part.words)
        self._device_id += part.missing + len(part.words)
        if len(part.words):
            self.voltage_range = int(part.voltage_ranges[-1])
        if self._pending_samples > min(map(len, self._rings)):
            self.process()  # so that memory does not grow

    def _ends(self) -> bool:
        return self._device_id >= self.sample_id_max or self._contiguous >= self.contiguous_max

    def _renew(self) -> None:
        """Go on with another processor; what was inserted goes through the one before."""
        self.process()
        self._keep(self._processor.finish(), self._tail)
        self._toggles += self._processor.repeated_toggles
        first_id = self._processor.first_id
        self._processor = RawProcessor(self._calibration, suppression=self._suppression, first_id=first_id)

    def _skip(self, count: int) -> None:
        """Keep that samples are missing, behind those that wait."""
        self._keep(self._processor.skip(count), self._tail)
        stop = self._processor.first_id
        words = self._raw(np.full((count, 2), _ABSENT, np.uint16))
        for ring in self._rings:
            for name, values in words.items():
                ring.write(name, stop - count, values)
            for name, *_ in FIELDS:
                ring.skip(name, _gap(stop - count, stop))
        self._missing += count
        self._skips += not self._was_missing
        self._contiguous, self._was_missing = 0, True

    def _keep(self, block: Block, words: NDArray[np.uint16]) -> None:
        """Keep samples that are decided, the first of some words; the other words wait."""
        n, at = len(block), block.first_id
        self._tail = words[n:]
        missing = block.current_range == I_RANGE_MISSING
        whole = {
            "current": block.current, "voltage": block.voltage, "power": block.power, **self._raw(words[:n]),
        }  # fmt: skip
        states = {"current_range": block.current_range, "gpi[0]": block.gpi0, "gpi[1]": block.gpi1}
        for ring in self._rings:
            for name, values in whole.items():
                ring.write(name, at, values)
            for lo, hi, lost in _segments(missing):
                for name, values in states.items():
                    ring.skip(name, _gap(at + lo, at + hi)) if lost else ring.write(name, at + lo, values[lo:hi])
        self._count(missing)

    def _count(self, missing: NDArray[np.bool_]) -> None:
        """Count what is missing, how often something is, and samples since."""
        for lo, hi, lost in _segments(missing):
            self._contiguous = 0 if lost else self._contiguous + hi - lo
            self._missing += hi - lo if lost else 0
            self._skips += lost and not self._was_missing
            self._was_missing = lost

    def _raw(self, words: NDArray[np.uint16]) -> dict[str, NDArray[Any]]:  # noqa: ARG002 - of those that keep them
        """Return the signals of words that are kept: none."""
        return {}

    def _new_rings(self) -> list[Buffer]:
        raise NotImplementedError

    def _tell(self, told: dict[str, Any]) -> None:
        if self.callback is not None:
            self.callback(told)


def _gap(start: int, stop: int) -> Gap:
    return Gap(Window(start, stop), NOT_DELIVERED, skipped=True)


def _segments(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Yield the runs of equal flags, half-open, and what they are."""
    cuts = [0, *(np.flatnonzero(np.diff(flags)) + 1).tolist(), len(flags)]
    for lo, hi in pairwise(cuts):
        if lo < hi:
            yield lo, hi, bool(flags[lo])
