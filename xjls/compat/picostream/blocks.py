"""A window of counts -> seconds and millivolts, whole or a group of timesteps at a time.

Groups are aligned to the file, so that what becomes of a sample does not depend on the window that it was read in; only
groups that the window cuts off are shorter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xjls.storage.pool import pool

if TYPE_CHECKING:
    from xjls.formats.picostream.attributes import OffsetSign
    from xjls.formats.picostream.file import File
    from xjls.kernels.decimate import Conversion

Block: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Seconds from the file's first timestep on, and millivolts: as many of one as of the other."""

MODES = ("mean", "min_max")


def read_block(file: File, start: int, stop: int, factor: int, mode: str, sign: OffsetSign) -> Block:
    """Return values [start, stop) of a file; of pairs, both must be even."""
    from xjls.kernels.decimate import LOST, convert, decimate

    conversion, pieces = conversion_of(file, sign), file.counts.pieces(start, stop, LOST)
    if factor == 1 and mode == "mean":
        block = _empty(stop - start)
        convert(pieces, start, conversion, *block)
    else:
        block = _empty(conversion.outputs(start, stop, factor, mode))
        decimate(pieces, (start, stop), factor, mode, conversion, *block)
    return block


def conversion_of(file: File, sign: OffsetSign) -> Conversion:
    """Return what the counts of a file mean."""
    from xjls.kernels.decimate import Conversion

    settings = file.settings
    scale, offset = settings.volts(sign)
    return Conversion(
        scale_mv=scale * 1e3, offset_mv=offset * 1e3, step=settings.rate_hz.denominator,
        steps_per_s=settings.rate_hz.numerator, paired=settings.values_per_step == 2,
    )  # fmt: skip


def _empty(length: int) -> Block:
    return pool.empty(length, np.dtype("f8")), pool.empty(length, np.dtype("f8"))
