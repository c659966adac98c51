"""What to write: frozen values that define a JLS v2 recording down to the habits of the release that wrote it.

Nothing here knows bytes. Every value is validated where it is made, so that the writer need not ask again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xjls.testing.jls2.releases import Release
from xjls.testing.jls2.sample_types import SAMPLE_TYPES, Blocks, SampleType

Omission = Literal["none", "constant", "all-constant", "lossy"]
AnnotationType = Literal["user", "text", "vmarker", "hmarker"]
Storage = Literal["binary", "string", "json"]


@dataclass(frozen=True, slots=True)
class Source:
    """The instrument that produced signals; an id of ``None`` counts up from 1."""

    name: str = "source"
    vendor: str = ""
    model: str = ""
    version: str = ""
    serial_number: str = ""
    source_id: int | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note, text or marker on a signal.

    Examples
    --------
    >>> Annotation(10, "text", data="spike").storage
    'string'
    >>> Annotation(10, "user", data={"a": 1}).storage
    'json'
    """

    timestamp: int
    """Raw sample id on an FSR signal, JLS time on a VSR signal."""
    type: AnnotationType = "text"
    group: int = 0
    y: float | None = None
    """Height in the signal's units; ``None`` lets a viewer choose."""
    storage: Storage | None = None
    """``None`` follows the type of ``data``: bytes, str, anything else as JSON."""
    data: Any = ""

    def __post_init__(self) -> None:
        if self.storage is None:
            object.__setattr__(self, "storage", storage_of(self.data))


@dataclass(frozen=True, slots=True)
class UserData:
    """An application's own bytes, text or JSON value, under a 12-bit number; ``None`` is stored as nothing at all."""

    meta: int = 0
    data: Any = ""

    def __post_init__(self) -> None:
        if not 0 <= self.meta < 4096:
            raise ValueError(f"user data meta is 12 bits wide, got {self.meta}")


def storage_of(data: Any) -> Storage:
    """Name the storage type that the library chooses for ``data``."""
    if isinstance(data, bytes):
        return "binary"
    return "string" if isinstance(data, str) else "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """What FSR and VSR signals share."""

    units: str = ""
    source: int = 1
    """Id of the source."""
    signal_id: int | None = None
    """1 to 255; ``None`` takes the lowest free one. 0 is the recording's own global annotation signal."""
    annotations: Sequence[Annotation] = ()
    """In the order of the calls."""
    annotation_decimate: int = 0
    """Annotations of one INDEX; 0 stands for 100."""
    define: Literal["early", "late"] = "early"
    """``"late"`` defines the signal when half of the others' samples are written, as instruments' drivers do."""

    def __post_init__(self) -> None:
        if self.signal_id is not None and not 0 <= self.signal_id <= 255:
            raise ValueError(f"a signal id is 0 to 255, got {self.signal_id}")
        if self.annotation_decimate == 1:
            raise ValueError("annotation_decimate of 1 would index without end; use 0 or at least 2")


@dataclass(frozen=True, slots=True)
class Vsr(Tracks):
    """A variable-rate signal: no release writes its samples, so only annotations hang on it."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Fsr(Tracks):
    """A fixed-rate signal with its samples (unpacked, shape ``(n,)``) and everything attached to them.

    Examples
    --------
    >>> signal = Fsr("gpi", [0, 1, 1], dtype="u1", rate_hz=1000)
    >>> signal.samples, signal.blocks.samples_per_data
    (array([False,  True,  True]), 65536)
    """

    name: str
    samples: ArrayLike = ()
    """Given as anything array-like, kept as the type's NumPy array."""
    dtype: str = "f32"
    """One of ``SAMPLE_TYPES``."""
    rate_hz: int = 1000
    first_id: int = 0
    """Raw sample id of the first sample; may be negative."""
    q: int = 0
    """Fractional bits of an integer; stored, never applied."""
    samples_per_data: int = 0
    sample_decimate: int = 0
    entries_per_summary: int = 0
    summary_decimate: int = 0
    utc_decimate: int = 0
    """Ties of one INDEX; 0 stands for 100."""
    ties: Sequence[tuple[int, int]] = ()
    """(raw sample id, JLS time), in the order of the calls."""
    omit: Omission = "none"
    """Which data chunks to leave out (format section 8.7): constant ones as since 0.13.2, all constant ones as 0.8.0
    to 0.13.1 did, or every one that may be."""

    def __post_init__(self) -> None:
        Tracks.__post_init__(self)
        kind = SAMPLE_TYPES.get(self.dtype)
        if kind is None:
            raise ValueError(f"no sample type {self.dtype!r}; there are {', '.join(SAMPLE_TYPES)}")
        if self.q and self.dtype.startswith("f"):
            raise ValueError("q scales integers only")
        if self.utc_decimate == 1:
            raise ValueError("utc_decimate of 1 would index without end; use 0 or at least 2")
        object.__setattr__(self, "samples", _as_samples(self.samples, kind))

    @property
    def kind(self) -> SampleType:
        """The sample type."""
        return SAMPLE_TYPES[self.dtype]

    @property
    def array(self) -> NDArray[Any]:
        """The samples, shape ``(n,)``, of the type's NumPy dtype."""
        return np.asarray(self.samples)

    @property
    def asked_blocks(self) -> Blocks:
        """The block parameters as given."""
        return Blocks(self.samples_per_data, self.sample_decimate, self.entries_per_summary, self.summary_decimate)

    @property
    def blocks(self) -> Blocks:
        """The block parameters as the library normalises them."""
        return self.asked_blocks.normalised(self.kind.bits)


def _as_samples(samples: ArrayLike, kind: SampleType) -> NDArray[Any]:
    given = np.asarray(samples)
    stored = np.ascontiguousarray(given, dtype=kind.numpy_dtype)
    if stored.ndim != 1:
        raise ValueError(f"samples are one-dimensional, got shape {given.shape}")
    if kind.bits == 4 and stored.size:
        low, high = (-8, 7) if kind.basetype == 1 else (0, 15)
        if int(stored.min()) < low or int(stored.max()) > high:
            raise ValueError(f"{kind.name} samples lie in {low}..{high}")
    return stored


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """Everything that defines a recording: the arguments of :func:`xjls.testing.jls2.encode` in one value."""

    signals: Sequence[Fsr | Vsr]
    sources: Sequence[Source] = (Source(),)
    user_data: Sequence[UserData] = ()
    release: Release = field(default_factory=Release)
    closed: bool = True
    interleave: Literal["time", "signal"] = "time"


def numbered_sources(sources: Sequence[Source]) -> list[Source]:
    """Give every source an id: its own, or its place counted from 1."""
    return [s if s.source_id is not None else replace(s, source_id=i) for i, s in enumerate(sources, 1)]


def numbered_signals(signals: Sequence[Fsr | Vsr]) -> list[Fsr | Vsr]:
    """Give every signal an id: its own, or the lowest one that is free.

    Examples
    --------
    >>> [s.signal_id for s in numbered_signals([Vsr("a"), Vsr("b", signal_id=1), Vsr("c")])]
    [2, 1, 3]
    """
    taken = {s.signal_id for s in signals}
    free = (i for i in range(1, 256) if i not in taken)
    return [s if s.signal_id is not None else replace(s, signal_id=next(free)) for s in signals]
