"""The state of a recording, as data: how it ended, what is damaged, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xjls.model.window import Gap


@dataclass(frozen=True, slots=True, order=True)
class Damage:
    """A span of bytes that is not what the format says."""

    offset: int
    """First byte."""
    stop: int
    """One past the last byte; where a chunk's end is not known, the file's."""
    problem: str
    """What is wrong: found and expected."""
    consequence: str = ""
    """What it costs: which samples, levels, annotations."""

    def __str__(self) -> str:
        return f"bytes {self.offset:_}–{self.stop:_}: {self.problem}" + (
            f"; {self.consequence}" if self.consequence else ""
        )


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a recording's health: at opening, and from every read since.

    A read that meets damage adds to it; ``xjls check`` reads everything.
    """

    closed: bool
    """Whether its writer closed it; a recording that was cut off or is still growing is not closed."""
    size_bytes: int
    damage: tuple[Damage, ...] = ()
    """Broken bytes, by offset."""
    gaps: Mapping[str, tuple[Gap, ...]] = field(default_factory=dict)
    """Samples that are known to be lost, by signal name; signals without gaps are not listed."""
    notes: tuple[str, ...] = ()
    """What was put right on the way: levels that lied, ties that were ignored, a clock that runs backwards."""

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.closed and not self.damage and not self.gaps

    def __str__(self) -> str:
        lines = ["closed" if self.closed else "not closed by its writer"]
        lines += [f"damage at {item}" for item in self.damage]
        lines += [
            f"{name}: samples {gap.window} lost ({gap.reason})" for name, gaps in self.gaps.items() for gap in gaps
        ]
        return "\n".join([*lines, *self.notes])
