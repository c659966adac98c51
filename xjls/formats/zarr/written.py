"""One signal as far as it is written: what its arrays and axes follow from."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from xjls.formats.zarr.ties import TieList

if TYPE_CHECKING:
    from xjls.formats.zarr.stream import SampleStream
    from xjls.model.signal import Signal


@dataclass(slots=True, eq=False)
class WrittenSignal:
    """What was written of one signal."""

    signal: Signal
    array: str
    """What its arrays are called."""
    stream: SampleStream | None
    """None for a signal that carries annotations only."""
    ties: TieList = field(default_factory=TieList)

    @property
    def first_id(self) -> int:
        """Sample id of the first sample; 0 without any."""
        return (self.stream.first_id or 0) if self.stream else 0

    @property
    def stored(self) -> int:
        """Samples that are in shards: as many as others than xjls see."""
        return self.stream.stored if self.stream else 0

    @property
    def grid(self) -> tuple[object, ...]:
        """What signals on one axis of time have in common; of other axes, what is published follows from it."""
        grid = (self.signal.source.id, self.signal.rate_hz, self.first_id, self.stored)
        return (*grid, self.stream is not None and self.stream.length > 0) if self.signal.axis else grid

    @property
    def factors(self) -> tuple[int, ...]:
        """Samples an entry covers, of each level that has one in a chunk."""
        if self.stream is None:
            return ()
        return self.stream.factors[: sum(1 for _ in takewhile(lambda level: level.stored, self.stream.levels))]
