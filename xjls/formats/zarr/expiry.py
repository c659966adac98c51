"""What a store that keeps the last seconds only lets go of: it is removed shortly before the next root is put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from xjls.formats.zarr.publishing import Publisher
    from xjls.formats.zarr.stream import SampleStream
    from xjls.formats.zarr.written import WrittenSignal


@dataclass(frozen=True, slots=True)
class Expired:
    """What the last root does not need; who has read the one before it may."""

    samples: Sequence[tuple[SampleStream, int]] = ()
    """Signals, and how many of their first samples."""
    pages: Mapping[str, int] = field(default_factory=dict)
    """By kind of records, the page before which none is needed."""
    ties: Mapping[str, int] = field(default_factory=dict)
    """By array of ties, the tie before which none is needed."""

    @classmethod
    def of(cls, signals: list[WrittenSignal], publisher: Publisher) -> Self:
        """Return what the root does not need that was put now."""
        samples = [(one.stream, one.stream.dropped) for one in signals if one.stream is not None]
        return cls(samples, *publisher.needed(signals))

    def remove(self, publisher: Publisher) -> None:
        """Remove all of it; doing so again is harmless."""
        for stream, dropped in self.samples:
            stream.remove(dropped)
        publisher.remove_expired(self.pages, self.ties)
