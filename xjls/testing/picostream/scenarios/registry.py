"""What a scenario of PicoStream is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from xjls.testing.picostream.truth import Truth, truth_of
from xjls.testing.picostream.vintages import Vintage
from xjls.testing.picostream.writer import write_picostream


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A file and the truth about it."""

    name: str
    """Name of the function that made it."""
    path: Path
    """The file; some have another one beside it."""
    truth: Truth
    """What a perfect reader finds."""
    notes: str
    """What is odd about it."""


SCENARIOS: list[Callable[[str | Path], Scenario]] = []
"""Every scenario, as functions to call with a folder."""


def scenario(define: Callable[[Path], Truth]) -> Callable[[str | Path], Scenario]:
    """Register a function that writes a file and returns the truth about it."""

    def made(folder: str | Path) -> Scenario:
        path = Path(folder) / f"{define.__name__}.hdf5"
        return Scenario(define.__name__, path, define(path), " ".join((define.__doc__ or "").split()))

    made.__name__ = made.__qualname__ = define.__name__
    made.__doc__ = define.__doc__
    SCENARIOS.append(made)
    return made


def written(
    path: Path, counts: ArrayLike, *, vintage: Vintage = "F5", stored: dict[str, Any] | None = None, **capture: Any
) -> Truth:
    """Write a file and return the truth about it; ``stored`` are options of the writer that change nothing of it."""
    write_picostream(path, counts, vintage=vintage, **capture, **(stored or {}))
    return truth_of(counts, vintage=vintage, **capture)
