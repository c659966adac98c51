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
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of signals by the axis on which they are, without those in time."""
    counted: str = ""
    """The signal whose samples a limit counts; ``""`` for the one that has most."""
    tallies: Mapping[str, int] = field(default_factory=dict)
    """What the device counts that is no gap, as packets that came twice: see `xjls.capturing.device.tallies_of`."""

    @property
    def each(self) -> dict[str, SignalCounts]:
        """By name of a signal in time, or of an axis: of the one of its signals of which most is missing.

        Examples
        --------
        >>> signals = {"image": SignalCounts(samples=7, lost=3, gaps=2), "n_missing": SignalCounts(samples=10)}
        >>> Counts(signals=signals, axes={"frame": ("image", "n_missing")}).each
        {'frame': SignalCounts(samples=7, lost=3, left_out=0, gaps=2, over_range=0)}
        """
        on_axes = {name for names in self.axes.values() for name in names}
        found = {name: one for name, one in self.signals.items() if name not in on_axes}
        for axis, names in self.axes.items():
            found[axis] = max((self.signals[name] for name in names), key=lambda one: (one.lost, one.samples))
        return found

    @property
    def samples(self) -> int:
        """Of all signals."""
        return sum(one.samples for one in self.signals.values())

    @property
    def lost(self) -> int:
        """Of all signals; what several of one axis lack counts once."""
        return sum(one.lost for one in self.each.values())

    @property
    def left_out(self) -> int:
        """Of all signals; see `lost`."""
        return sum(one.left_out for one in self.each.values())

    @property
    def gaps(self) -> int:
        """Of all signals; see `lost`."""
        return sum(one.gaps for one in self.each.values())

    @property
    def missing(self) -> int:
        """Parts that samples lack which are there, as buffers of frames: tallies that are called ``missing …``."""
        return sum(n for what, n in self.tallies.items() if what.startswith("missing "))

    @property
    def nothing_lost(self) -> str:
        """What is said where no sample is lost: parts of frames may be missing all the same."""
        axis = next((axis for axis, names in self.axes.items() if self.counted in names), "")
        return f"no {axis} is lost as a whole" if axis else "nothing is lost"

    @property
    def length(self) -> int:
        """Samples that a limit counts, gaps included."""
        counted = [self.signals[self.counted]] if self.counted else self.signals.values()
        return max((one.samples + one.lost for one in counted), default=0)

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
        tallies: dict[str, Json] = {"tallies": dict(self.tallies)} if self.tallies else {}
        return {
            "recorded_s": float(self.recorded_s), "samples": self.samples, "lost": self.lost,
            "left_out": self.left_out, "gaps": self.gaps, "over_range": self.over_range, "bytes": self.n_bytes,
            "most_lag_s": round(self.most_lag_s, 6), "most_queued": round(self.most_queued, 6), "signals": signals,
            **tallies,
        }  # fmt: skip
