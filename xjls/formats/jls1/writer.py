"""A JLS v1 recording as it is written: its configuration, blocks of samples with their reductions, and its footer.

Every record of samples is full but the last one of the file, and so is every block: readers find samples by that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.errors import SelectionError
from xjls.formats.jls1.arrays import encode_arrays
from xjls.formats.jls1.config import FIELDS, Config, DataFormat, encode_footer
from xjls.formats.jls1.datafile import Tag
from xjls.formats.jls1.tape import Tape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls1.tape import Writable

STATISTICS = ("mean", "variance", "min", "max")
"""Of a reduction, in the order of their numbers, from 1 on.

A variance is the sum of the squared distances from the mean.
"""
ALL, BLOCK = 0, 1
"""Ids of collections: the one around all blocks, and those."""
_NAME_BYTES = 128
_MOST_BYTES = 1 << 24
"""Of an array inside a record: readers take as many bits of its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many samples go where.

    Examples
    --------
    >>> Sizes().samples_per_tlv, Sizes().samples_per_block
    (400000, 2000000)
    """

    samples_per_reduction: int = 20_000
    reductions_per_tlv: int = 20
    """Reductions of a record of samples."""
    tlvs_per_block: int = 5
    """Records of samples of a block."""

    def __post_init__(self) -> None:
        numbers: list[Any] = [self.samples_per_reduction, self.reductions_per_tlv, self.tlvs_per_block]
        if any(isinstance(number, bool) or not isinstance(number, int) or number < 1 for number in numbers):
            raise SelectionError(f"sizes of {numbers} are none", "Give whole numbers from 1 on.")
        if max(4 * self.samples_per_tlv, 8 * self.reductions_per_tlv * self.tlvs_per_block) >= _MOST_BYTES:
            raise SelectionError(
                f"{self.samples_per_tlv:_} samples, or their reductions, do not fit into one record",
                f"A record takes fewer than {_MOST_BYTES // 4:_} samples, a block {_MOST_BYTES // 8:_} reductions.",
            )

    @property
    def samples_per_tlv(self) -> int:
        """Samples of a record."""
        return self.samples_per_reduction * self.reductions_per_tlv

    @property
    def samples_per_block(self) -> int:
        """Samples of a block."""
        return self.samples_per_tlv * self.tlvs_per_block


class Writer:
    """Write a recording.

    Parameters
    ----------
    file
        Where to; see `Tape`.
    calibration
        A container with the instrument's calibration; None where numbers are what was measured.
    user_data
        Anything, as JSON; None for nothing.
    sizes
        How samples are divided.

    Raises
    ------
    OSError
        As the file says, here and from every call that writes. `size` tells what was taken; what was not can be given
        again.

    Examples
    --------
    >>> from io import BytesIO
    >>> from xjls.formats.jls1.datafile import iter_records
    >>> file = BytesIO()
    >>> writer = Writer(file, sizes=Sizes(samples_per_reduction=2, reductions_per_tlv=2, tlvs_per_block=2))
    >>> writer.begin(1000, "raw")
    >>> reductions = np.zeros((1, 6), [("length", "u8"), *((name, "f8") for name in STATISTICS)])
    >>> writer.write(bytes(12), 3, reductions, {"v_range": 0})
    >>> writer.finish()
    >>> b" ".join(record.tag for record in iter_records(file.getvalue()))
    b'MJS CLS CLS ABN CLE CLE MJS'
    """

    def __init__(
        self,
        file: Writable,
        *,
        calibration: bytes | None = None,
        user_data: bytes | None = None,
        sizes: Sizes | None = None,
    ) -> None:
        self.sizes = sizes or Sizes()
        self._tape = Tape(file)
        self._size = 0
        self._has_begun = False
        self._rows: list[NDArray[Any]] = []
        """Reductions of the block that is open."""
        if user_data is not None:
            self._tape.append(Tag.USER_JSON, user_data)
        if calibration is not None:
            self._tape.append(Tag.SUBFILE, b"calibration".ljust(_NAME_BYTES, b"\0") + calibration)

    @property
    def size(self) -> int:
        """Samples that were written."""
        return self._size

    def begin(self, rate_hz: float, data_format: DataFormat) -> None:
        """Say what comes, before the first samples: at which rate, and in which form; what failed is gone on with."""
        if not 0 < rate_hz < np.inf:
            raise SelectionError(f"a rate of {rate_hz} samples a second is none", "Give a positive number.")
        sizes = self.sizes
        config = Config(
            rate_hz=Fraction(rate_hz), samples_per_reduction=sizes.samples_per_reduction,
            samples_per_tlv=sizes.samples_per_tlv, samples_per_block=sizes.samples_per_block, data_format=data_format,
        )  # fmt: skip
        # As whoever records says it, 1000 or 1000.0: files are compared by their bytes
        told = {**json.loads(config.encode()), "sampling_frequency": rate_hz}
        if not self._has_begun:
            self._tape.append(Tag.META_JSON, json.dumps(told).encode())
            self._has_begun = True
        if not self._tape.depth:
            self._tape.start(ALL)

    def write(
        self, value: bytes | memoryview, count: int, reductions: NDArray[Any], about: Mapping[str, object]
    ) -> None:
        """Write samples: as many as a record has, or fewer, and then no more.

        Parameters
        ----------
        value
            What the record holds: words, u16[count, 2], or arrays.
        count
            Samples.
        reductions
            Shape (count // samples_per_reduction, field), of records with ``length`` and `STATISTICS`, in the order of
            `FIELDS`.
        about
            Of the block, where this is the first of one: ``v_range`` and ``sample_id``.

        Raises
        ------
        SelectionError
            The last record was not full: behind it there is no place for more.
        """
        sizes = self.sizes
        if self._size % sizes.samples_per_tlv:
            raise SelectionError("the recording has its last samples", "Close it, and begin another one.")
        self._end_full_block()  # where that failed before
        if self._tape.depth == 1:
            self._tape.start(BLOCK, json.dumps(about).encode())
        self._tape.append(Tag.DATA, value)
        self._size += count
        self._rows.append(reductions)
        self._end_full_block()
        self._tape.flush()

    def finish(self, footer_user_data: bytes | None = None) -> None:
        """Write what comes behind samples, as JSON, and the end."""
        if not self._has_begun:
            self._tape.append(Tag.META_JSON, _nothing())
        if self._tape.depth > 1:
            self._end_block()
        while self._tape.depth:
            self._tape.stop()
        self._tape.append(Tag.META_JSON, encode_footer(self._size))
        if footer_user_data is not None:
            self._tape.append(Tag.USER_JSON, footer_user_data)
        self._tape.finish()

    def _end_full_block(self) -> None:
        if self._tape.depth > 1 and self._size and self._size % self.sizes.samples_per_block == 0 and self._rows:
            self._end_block()

    def _end_block(self) -> None:
        none = np.zeros((0, len(FIELDS)), [("length", "u8"), *((name, "f8") for name in STATISTICS)])
        self._tape.stop(encode_reductions(np.concatenate(self._rows) if self._rows else none))
        self._rows = []


def encode_reductions(rows: NDArray[Any]) -> bytes:
    """Return the value of a block's end.

    Parameters
    ----------
    rows
        Shape (reduction, field); see `Writer.write`. The length of the first field is that of all.
    """
    arrays: dict[int, NDArray[Any]] = {0: rows["length"][:, 0].astype("<u8")}
    with np.errstate(over="ignore"):  # what float32 does not reach is infinite
        for field in range(len(FIELDS)):
            arrays |= {field << 4 | i: rows[name][:, field].astype("<f4") for i, name in enumerate(STATISTICS, 1)}
    return encode_arrays(arrays, len(rows))


def _nothing() -> bytes:
    """Return the configuration of a recording that never began."""
    config = Config(
        rate_hz=Fraction(0), samples_per_reduction=0, samples_per_tlv=0, samples_per_block=0, data_format="none"
    )
    return config.encode()
