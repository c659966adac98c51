"""Raw words of a JS110, as it sends and JLS v1 files keep them, to samples: `RawProcessor`.

Every sample comes out once, in order, with its id. One whose value an open window has yet to decide comes out later.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.formats.jls1.calibration import Calibration
from xjls.formats.jls1.suppression import MODES, Suppression

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import ArrayLike, NDArray

    from xjls.kernels.joulescope import Outputs, State

FIELDS = ("current", "voltage", "power", "current_range", "gpi0", "gpi1")
"""Of a block."""
_TYPES = {
    "current": np.float32, "voltage": np.float32, "power": np.float32, "current_range": np.uint8, "gpi0": np.bool_,
    "gpi1": np.bool_,
}  # fmt: skip
"""In the order of `xjls.kernels.joulescope.Outputs`."""
_SETTLED = 64
"""Missing samples after which any window is closed, and nothing before them counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Consecutive samples; the arrays, shape (time,), are those of the processor until its next call."""

    first_id: int
    """Sample id of the first one."""
    current: NDArray[np.float32]
    """A; NaN where a sample is missing."""
    voltage: NDArray[np.float32]
    """V."""
    power: NDArray[np.float32]
    """W: current × voltage."""
    current_range: NDArray[np.uint8]
    """0 for 10 A to 6 for 18 µA, 7 where the instrument was off, 8 where a sample is missing."""
    gpi0: NDArray[np.bool_]
    """Lowest bit of the current's code: general purpose input 0 where it is mapped to it."""
    gpi1: NDArray[np.bool_]
    """The same of the voltage, for input 1."""

    def __len__(self) -> int:
        return len(self.current)

    def cut(self, lo: int, hi: int) -> Block:
        """Return samples [lo, hi) of it, counted from its first one."""
        inside = slice(lo, hi)
        return Block(
            self.first_id + lo, self.current[inside], self.voltage[inside], self.power[inside],
            self.current_range[inside], self.gpi0[inside], self.gpi1[inside],
        )  # fmt: skip

    @property
    def stop(self) -> int:
        """One past the last sample id."""
        return self.first_id + len(self)


class RawProcessor:
    """Raw words to calibrated samples, with what range switches distort suppressed; state goes from block to block.

    Not thread safe. Needs room for the longest block so far, and no more.

    Parameters
    ----------
    calibration
        Of the instrument.
    suppression
        See `Suppression.of`.
    first_id
        Sample id of the first sample.
    wanted
        The fields of `Block` to fill, where not all are needed; others are empty.

    Examples
    --------
    >>> words = np.array([[400, 800], [401, 802], [401, 800], [401, 802]], "u2")
    >>> processor = RawProcessor(Calibration(current_gain=(1.0, 0.1)), suppression="nan_0_2_0")
    >>> processor.process(words).current
    array([nan, nan, nan, 10.], dtype=float32)
    >>> len(processor.process(words[:1])), processor.first_id, processor.next_id
    (0, 4, 5)
    >>> processor.finish().voltage
    array([200.], dtype=float32)
    """

    def __init__(
        self, calibration: Calibration | None = None, *, suppression: str | Suppression = "normal", first_id: int = 0,
        wanted: Collection[str] = FIELDS,
    ) -> None:  # fmt: skip
        found = Suppression.of(suppression) if isinstance(suppression, str) else suppression
        self.calibration = calibration or Calibration()
        self.suppression = found
        self._scales, self._windows = _tables(self.calibration, found)
        self._spec = (MODES.index(found.mode), found.pre, found.post)
        self._wanted = {*wanted, "current", "current_range", *(("voltage",) if "power" in wanted else ())}
        self._outputs = _empty(0, self._wanted)
        self.reset(first_id)

    def reset(self, first_id: int = 0) -> None:
        """Begin anew; what was held back is dropped."""
        from xjls.kernels.joulescope import start

        self.first_id = first_id
        """Sample id of the next sample to come out."""
        self._state: State = start()
        self._done = self._held = 0

    @property
    def next_id(self) -> int:
        """Sample id of the next sample to go in."""
        return self.first_id + self._held

    @property
    def repeated_toggles(self) -> int:
        """How often a sample was missing between two others, as the bit says that changes with each sample."""
        return int(self._state.numbers[-1])

    def process(self, words: NDArray[np.uint16], voltage_range: ArrayLike = 0) -> Block:
        """Convert consecutive samples; return those that are decided.

        Parameters
        ----------
        words
            u16[time, 2]: current and voltage.
        voltage_range
            0 for 15 V, 1 for 5 V: one, or one for each of so many equal parts of ``words``.
        """
        from xjls.kernels.joulescope import process

        raw = np.ascontiguousarray(words, "<u2").view("<u4").reshape(-1)
        ranges = np.atleast_1d(np.asarray(voltage_range, np.uint8))
        outputs = self._room_for(len(raw))
        total = self._held + len(raw)
        decided = process(raw, ranges if len(raw) else ranges[:0], self._scales, self._windows, self._spec,
                          self._state, outputs, self._held)  # fmt: skip
        return self._give(decided, total - decided)

    def skip(self, count: int) -> Block:
        """Count samples that are missing; return what was held back, and nothing of those."""
        before = self._held
        first_id = self.process(np.full((_SETTLED, 2), 0xFFFF, np.uint16)).first_id
        self.first_id, self._held = first_id + before + count, 0
        return _block(first_id, self._outputs, slice(before))

    def finish(self) -> Block:
        """Return what is held back, the last samples: nothing decides their currents any more, which are NaN."""
        block = self._give(self._held, 0)
        block.current[:] = np.nan
        block.power[:] = np.nan
        return block

    def _room_for(self, count: int) -> Outputs:
        """Return outputs that begin with what is held back, and have room for more."""
        held, before = slice(self._done, self._done + self._held), self._outputs
        if len(before.current) < self._held + count:
            self._outputs = _empty(self._held + count, self._wanted)
        pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(before, self._outputs, strict=True)
        for old, new in pairs:
            new[: self._held] = old[held][: len(new)]
        self._done = 0
        return self._outputs

    def _give(self, decided: int, held: int) -> Block:
        start = self._done
        block = _block(self.first_id, self._outputs, slice(start, start + decided))
        self.first_id += decided
        self._done, self._held = start + decided, held
        return block


@lru_cache(maxsize=64)
def _tables(calibration: Calibration, suppression: Suppression) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return what kernels take: scales, and windows. A reader makes a processor for each window that is asked for."""
    return calibration.scales(), suppression.windows()


def _empty(count: int, wanted: Collection[str]) -> Outputs:
    from xjls.kernels.joulescope import Outputs

    return Outputs(*[np.empty(count if name in wanted else 0, dtype) for name, dtype in _TYPES.items()])


def _block(first_id: int, outputs: Outputs, where: slice) -> Block:
    return Block(
        first_id, outputs.current[where], outputs.voltage[where], outputs.power[where], outputs.current_range[where],
        outputs.gpi0[where], outputs.gpi1[where],
    )  # fmt: skip
