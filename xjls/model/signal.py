"""Sources, signals and their levels: what a recording says it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np

from xjls.model.window import Window

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from xjls.model.annotation import Json

_F4 = np.dtype("f4")
_NOTHING = Window(0, 0)
Bound: TypeAlias = Literal["min", "max"]
STATISTICS = ("mean", "std", "min", "max")
"""The labels of an entry's four numbers, in the order in which every level keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The instrument that produced signals."""

    id: int
    """Its number in the recording."""
    name: str
    vendor: str = ""
    model: str = ""
    version: str = ""
    """Of hardware or firmware, as the instrument says."""
    serial_number: str = ""

    def __str__(self) -> str:
        facts = (self.name, self.vendor, self.model, self.serial_number)
        return " ".join(dict.fromkeys(f for f in facts if f and f != "-")) or f"source {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A resolution of a signal: each entry summarises ``factor`` samples, aligned to the signal's first one."""

    index: int
    """1 for the finest summary."""
    factor: int
    """Samples an entry covers."""
    length: int
    """Whole entries; samples behind the last one are in no entry of this level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One named stream of samples.

    A signal of ``rate_hz`` 0 carries annotations only and has no samples.
    """

    id: int
    """Its number in the recording."""
    name: str
    """Unique in its recording."""
    units: str
    dtype: np.dtype[Any]
    """Of the samples as they are read: packed bits arrive as bool, nibbles as (u)int8."""
    rate_hz: Fraction
    """Nominal sample rate."""
    source: Source
    window: Window = _NOTHING
    """The sample ids that exist."""
    block_length: int = 1
    """Samples in a chunk on disk: reads that start on a multiple of it (from ``first_id``) are cheapest."""
    level_dtype: np.dtype[Any] = _F4
    """Of the entries."""
    level_factors: tuple[int, ...] = ()
    """Samples an entry of each level covers, from fine to coarse; also of levels that the signal is too short for."""
    scale_factor: float = 1.0
    """Physical value = stored value × this + ``add_offset``, of samples and entries; deviations are not moved."""
    add_offset: float = 0.0
    """In ``units``."""
    missing_value: int | None = None
    """The stored value that stands for a sample that nobody delivered; None where no value does."""
    stored_type: str = ""
    """How the file names the type (``"f32"``, ``"u4"`` …)."""
    origin_id: int | None = None
    """Sample id from which seconds count; None where that is the first sample: see `Recording.origin_id`."""
    axis: str = ""
    """What sample ids count, where these are no moments at a steady rate: ``"frame"``, ``"buffer"``. They are labels
    along that axis then, and the samples no series in time: see `is_series`."""
    sample_shape: tuple[int, ...] = ()
    """Of one sample: () of a number, (height, width) of a frame."""
    sample_dims: tuple[str, ...] = ()
    """What the axes of a sample are called, one each."""
    describes_axis: bool = False
    """Whether samples tell something of the positions of ``axis``, as coordinates do, rather than what was measured."""
    bound: tuple[str, Bound] | None = None
    """Of two signals that are the extremes of one quantity at each moment: its name, and which one this is."""
    facts: Mapping[str, Json] = field(default_factory=dict, hash=False)
    """What else the file says of it, by the file's own words."""

    @property
    def first_id(self) -> int:
        """Sample id of the first sample."""
        return self.window.start

    @property
    def length(self) -> int:
        """Samples."""
        return self.window.length

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels with at least one whole entry, from fine to coarse."""
        return tuple(
            Level(index=i, factor=factor, length=self.length // factor)
            for i, factor in enumerate(self.level_factors, 1)
            if factor <= self.length
        )

    @property
    def is_scaled(self) -> bool:
        """Whether stored values are other numbers than physical ones."""
        return self.scale_factor != 1 or self.add_offset != 0

    def physical(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return stored values as physical ones, in ``units``: float64, or as they are where nothing is scaled.

        Examples
        --------
        >>> from fractions import Fraction
        >>> source = Source(id=1, name="scope")
        >>> a = Signal(id=1, name="a", units="V", dtype=np.dtype("i2"), rate_hz=Fraction(1000), source=source,
        ...            scale_factor=0.5, add_offset=-1.0)
        >>> a.physical(np.array([0, 3], "i2"))
        array([-1. ,  0.5])
        """
        if not self.is_scaled:
            return stored
        values: NDArray[Any] = np.multiply(stored, self.scale_factor, dtype="f8")
        if self.add_offset:
            values += self.add_offset
        return values

    def as_stored(self) -> Self:
        """Return the same signal of stored values, which count for themselves."""
        return replace(self, scale_factor=1.0, add_offset=0.0)

    @property
    def has_samples(self) -> bool:
        """Whether it is a stream of samples at all; its length may still be 0."""
        return self.rate_hz > 0

    @property
    def is_series(self) -> bool:
        """Whether it is numbers at a steady rate: what statistics, columns, levels and plots in time are of."""
        return self.has_samples and not self.axis

    def shape_of(self, window: Window) -> tuple[int, ...]:
        """Return the shape of the samples of a window."""
        return (window.length, *self.sample_shape)
