"""What every goal is given: the files, and how many rounds."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.files import Files


@dataclass(frozen=True, slots=True)
class Bench:
    """One run."""

    files: Files
    rounds: int
    """Of calls that take some milliseconds."""

    @property
    def many(self) -> int:
        """Rounds of what takes less."""
        return 5 * self.rounds

    @property
    def few(self) -> int:
        """Rounds of what takes a good part of a second each time."""
        return max(3, self.rounds // 3)
