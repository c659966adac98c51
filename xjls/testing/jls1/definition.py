"""What to write: `Definition`, and the samples of a file that has no raw words, `Floats`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xjls.testing.jls1.calibrations import Calibration

Producer: TypeAlias = Literal["a", "b", "c"]
Rows: TypeAlias = Literal["v2", "v1", "none"]
BlockHeader: TypeAlias = Literal["full", "no v_range", "none"]
FIELDS = ("current", "voltage", "power", "current_range", "current_lsb", "voltage_lsb")


class Sizes(NamedTuple):
    """How many of one make the next."""

    reduction: int = 20
    """Samples."""
    tlv: int = 4
    """Reductions."""
    block: int = 3
    """Records of samples."""

    @property
    def samples_per_tlv(self) -> int:
        """Samples in each full record."""
        return self.reduction * self.tlv

    @property
    def samples_per_block(self) -> int:
        """Samples in each full block."""
        return self.samples_per_tlv * self.block


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Floats:
    """Samples that were calibrated before they were stored, each of shape (time,)."""

    current: NDArray[np.float32]
    """A; NaN where a sample is missing."""
    voltage: NDArray[np.float32]
    power: NDArray[np.float32]
    current_range: NDArray[np.float32]
    """0 to 7, and between them where it is a mean."""
    gpi0: NDArray[np.float32]
    """0 to 1."""
    gpi1: NDArray[np.float32]
    producer: Producer = "c"
    """Which software stored them: ``a``, 0.8.0 to 0.8.5; ``b``, the later ones when they down-sampled; ``c``, with
    whole ranges and inputs.
    """

    @property
    def fields(self) -> tuple[NDArray[np.float32], ...]:
        """The six of them in the order of the file."""
        return self.current, self.voltage, self.power, self.current_range, self.gpi0, self.gpi1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Definition:
    """A file to write.

    Examples
    --------
    >>> definition = Definition(words=np.zeros((1000, 2), "u2"))
    >>> definition.length, definition.v_range_of(3), definition.data_format
    (1000, 0, 'raw')
    """

    words: NDArray[np.uint16] | None = None
    """Raw words, u16[time, 2]."""
    floats: Floats | None = None
    """Samples instead of words; neither makes an empty recording."""
    sizes: Sizes = field(default_factory=Sizes)
    rate_hz: float = 2_000_000
    """Stored as it is: whole or not."""
    v_ranges: tuple[int, ...] = (0,)
    """Voltage range of each block, over and over."""
    block_header: BlockHeader = "full"
    """What the start of a block says: range and sample id, the latter alone, or nothing."""
    first_stream_id: int = 0
    """The stream's own number of the first sample, which only block headers tell."""
    calibration: Calibration | None = field(default_factory=Calibration)
    rows: Rows = "v2"
    """Reductions at the end of each block."""
    row_fields: int = 6
    """Fields of rows of v1: 3 or 6."""
    rows_suppressed: str = "normal"
    """What the recording session did to currents before it summarised them."""
    rows_understated: bool = False
    """Whether sums of squares lack what a fault of 0.8.0 to 0.9.3 left out."""
    is_inserted: bool = False
    """Whether blocks have as many rows as whole records need, some of no sample, and lengths of arrays are those of a
    whole record.
    """
    generation: Literal[1, 2] = 2
    """1: config first, calibration after it, no formats in it, nothing but whole records."""
    user_data: Any = None
    """JSON, or bytes."""
    footer_user_data: Any = None
    deflated: bool = False
    """Whether metadata is deflated."""
    is_closed: bool = True
    """If not, the file ends within its last block, as that of a program that was killed."""

    @property
    def length(self) -> int:
        """Samples that the file holds."""
        if self.words is None and self.floats is None:
            return 0
        count = len(self.floats.current) if self.words is None and self.floats else len(self.words)  # type: ignore[arg-type] # one of them is there
        return count // self.sizes.samples_per_tlv * self.sizes.samples_per_tlv if self.generation == 1 else count

    @property
    def data_format(self) -> str:
        """What the config calls it."""
        return "raw" if self.words is not None else "none" if self.floats is None else "float32_v2"

    def v_range_of(self, block: int) -> int:
        """Return the voltage range of a block, which is 0 where its start does not tell."""
        return self.v_ranges[block % len(self.v_ranges)] if self.block_header == "full" else 0
