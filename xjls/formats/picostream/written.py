"""One signal of a file that is being written: what there is of it, and what is not in the file yet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from xjls.formats.picostream.attributes import MARKED
from xjls.formats.picostream.counts import DTYPE
from xjls.formats.picostream.extras import StoredSignal
from xjls.model.window import Gap, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.model.annotation import Tie
    from xjls.model.signal import Signal


@dataclass(slots=True, eq=False)
class WrittenSignal:
    """What was written of one signal."""

    signal: Signal
    first_id: int | None = None
    """Sample id of the first sample; None before there is one."""
    length: int = 0
    """Samples so far."""
    n_waiting: int = 0
    """Samples that wait for the other half of their pairs, or until there is a chunk of them."""
    ties: list[Tie] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    """Those that it is known of why."""
    _waiting: list[NDArray[np.int16]] = field(default_factory=list)

    @property
    def next_id(self) -> int:
        """Sample id of the next sample."""
        return (self.first_id or 0) + self.length

    @property
    def stored(self) -> StoredSignal:
        """What is said of it beside its counts."""
        return StoredSignal(
            id=self.signal.id, name=self.signal.name, source=self.signal.source.id, ties=tuple(self.ties),
            gaps=tuple(self.gaps),
        )  # fmt: skip

    def add(self, samples: NDArray[np.int16]) -> None:
        """Append samples, which wait."""
        self._waiting.append(samples.astype(DTYPE))
        self.length += len(samples)
        self.n_waiting += len(samples)

    def note(self, gap: Gap) -> None:
        """Take down why samples are missing that are written as markers, if it is not what is said of all markers."""
        last = self.gaps[-1] if self.gaps else None
        if last and (last.reason, last.window.stop) == (gap.reason, gap.window.start):
            self.gaps[-1] = replace(last, window=Window(last.window.start, gap.window.stop))
        elif gap.reason != MARKED and gap.window.length:
            self.gaps.append(gap)

    def drop_before(self, first_id: int) -> None:
        """Forget ties and gaps of samples that are gone, but for the latest tie."""
        before = [tie for tie in self.ties if tie.sample_id < first_id]
        latest = [max(before, key=lambda tie: tie.sample_id)] if before else []
        self.ties = latest + [tie for tie in self.ties if tie.sample_id >= first_id]
        cut = (gap & Window(first_id, max(first_id, gap.window.stop)) for gap in self.gaps)
        self.gaps = [gap for gap in cut if gap.window.length]

    def peek(self, count: int) -> NDArray[np.int16]:
        """Return the first samples that wait."""
        self._waiting = [np.concatenate(self._waiting)] if self._waiting else [np.empty(0, DTYPE)]
        return self._waiting[0][:count]

    def drop(self, count: int) -> None:
        """Forget the first samples that wait, as many as were looked at: they are in the file."""
        self._waiting = [self._waiting[0][count:]]
        self.n_waiting -= count
