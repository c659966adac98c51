"""What a scenario of JLS v1 is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from xjls.testing.jls1.definition import Definition
from xjls.testing.jls1.truth import Runs, Truth, truth_of
from xjls.testing.jls1.writer import encode


class Made(NamedTuple):
    """Bytes, and what they hold."""

    data: bytes
    definition: Definition
    lost: Runs = ()
    """Half-open runs of samples whose records are broken."""
    size: int | None = None
    """Samples that are left of a file that was cut off; None: all."""
    is_whole: bool = True
    """Whether the file has its end, and nothing in it is broken."""


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A file and the truth about it."""

    name: str
    """Name of the function that made it."""
    path: Path
    made: Made
    notes: str
    """What is odd about it."""

    def truth(self, suppressed: str = "normal") -> Truth:
        """Return what a perfect reader finds, by how it suppresses switches of ranges."""
        return _truth(self.made, suppressed)


SCENARIOS: list[Callable[[str | Path], Scenario]] = []
"""Every scenario, as functions to call with a folder."""


def scenario(define: Callable[[], Made | Definition]) -> Callable[[str | Path], Scenario]:
    """Register a function that returns a definition, or bytes and what they hold."""

    def made(folder: str | Path) -> Scenario:
        found = define()
        whole = found if isinstance(found, Made) else Made(encode(found), found, is_whole=found.is_closed)
        path = Path(folder) / f"{define.__name__}.jls"
        path.write_bytes(whole.data)
        return Scenario(define.__name__, path, whole, " ".join((define.__doc__ or "").split()))

    made.__name__ = made.__qualname__ = define.__name__
    made.__doc__ = define.__doc__
    SCENARIOS.append(made)
    return made


@lru_cache(maxsize=256)
def _truth(made: Made, suppressed: str) -> Truth:
    return truth_of(made.definition, suppressed=suppressed, lost=made.lost, size=made.size)
