"""What a session counts, while it runs and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xjls.model.annotation import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalCounts:
    """Of one signal."""

    samples: int = 0
    """That were delivered and written."""
    lost: int = 0
    """That were counted, and that nobody delivered or took."""
    left_out: int = 0
    """Of those lost, how many were delivered and found no room, as the writer did not keep up."""
    gaps: int = 0
    over_range: int = 0
    """Blocks of samples with some beyond the input's range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a session has done so far; a snapshot."""

    elapsed_s: float = 0.0
    """By the clock of the session."""
    recorded_s: Fraction = Fraction(0)
    """Of samples, gaps included, of the signal that has most."""
    n_bytes: int = 0
    """Of samples that were written."""
    lag_s: float = 0.0
    """How long the last samples waited for the writer."""
    most_lag_s: float = 0.0
    queued: float = 0.0
    """How full the ring is, from 0 to 1."""
    most_queued: float = 0.0
    signals: Mapping[str, SignalCounts] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """Of all signals."""
        return sum(one.samples for one in self.signals.values())

    @property
    def lost(self) -> int:
        """Of all signals."""
        return sum(one.lost for one in self.signals.values())

    @property
    def left_out(self) -> int:
        """Of all signals."""
        return sum(one.left_out for one in self.signals.values())

    @property
    def gaps(self) -> int:
        """Of all signals."""
        return sum(one.gaps for one in self.signals.values())

    @property
    def over_range(self) -> int:
        """Of all signals."""
        return sum(one.over_range for one in self.signals.values())

    def as_json(self) -> dict[str, Json]:
        """Return them for a record."""
        signals: dict[str, Json] = {
            name: {
                "samples": one.samples, "lost": one.lost, "left_out": one.left_out, "gaps": one.gaps,
                "over_range": one.over_range,
            }
            for name, one in self.signals.items()
        }  # fmt: skip
        return {
            "recorded_s": float(self.recorded_s), "samples": self.samples, "lost": self.lost,
            "left_out": self.left_out, "gaps": self.gaps, "over_range": self.over_range, "bytes": self.n_bytes,
            "most_lag_s": round(self.most_lag_s, 6), "most_queued": round(self.most_queued, 6), "signals": signals,
        }  # fmt: skip
