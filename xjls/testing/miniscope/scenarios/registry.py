"""What a scenario of a miniscope is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xjls.testing.miniscope.buffers import NO_BITS, Buffer
from xjls.testing.miniscope.card import Card, CardConfig
from xjls.testing.miniscope.config import StreamConfig
from xjls.testing.miniscope.stream import Stream, encode
from xjls.testing.miniscope.truth import Truth, truth_of


class Made(NamedTuple):
    """Bytes, and what they hold."""

    data: bytes
    config: StreamConfig | CardConfig
    truth: Truth
    recorded: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A file and the truth about it."""

    name: str
    """Name of the function that made it."""
    path: Path
    """A dump of a stream, ``.bin``, or the image of a card, ``.img``."""
    config: StreamConfig | CardConfig
    """What a reader must be told, or must find on the card."""
    truth: Truth
    """What a perfect reader finds."""
    notes: str
    """What is odd about it."""
    recorded: int = 0
    """Buffers that were written to a card."""
    dropped: int = 0
    """Buffers that were not, as it was too slow."""


SCENARIOS: list[Callable[[str | Path], Scenario]] = []
"""Every scenario, as functions to call with a folder."""


def scenario(define: Callable[[], Made | Card]) -> Callable[[str | Path], Scenario]:
    """Register a function that returns bytes and the truth about them."""
    return registered(define.__name__, " ".join((define.__doc__ or "").split()), define)


def registered(name: str, notes: str, define: Callable[[], Made | Card]) -> Callable[[str | Path], Scenario]:
    """Register a function under a name of its own, for scenarios of which there are many alike."""

    def made(folder: str | Path) -> Scenario:
        whole = define()
        ending = ".img" if isinstance(whole.config, CardConfig) else ".bin"
        path = Path(folder) / f"{name}{ending}"
        path.write_bytes(whole.data)
        return Scenario(name, path, whole.config, whole.truth, notes, whole.recorded, whole.dropped)

    made.__name__ = made.__qualname__ = name
    made.__doc__ = notes
    SCENARIOS.append(made)
    return made


def sent(
    config: StreamConfig, buffers: Sequence[Buffer], *, before: NDArray[np.uint8] = NO_BITS, terminated: bool = True,
    first_byte: int = 0, stop_byte: int | None = None,
) -> Made:  # fmt: skip
    """Return the stream of buffers and the truth about it, from `first_byte` up to `stop_byte`."""
    stream = encode(config, buffers, before=before, terminated=terminated)
    kept = Stream(stream.data[first_byte:stop_byte], stream.bit_offsets - 8 * first_byte, None)
    return Made(kept.data, config, truth_of(config, buffers, kept))
