"""What PicoStream's reader returns, its faults included: for comparing numbers with it, and for nothing else.

Windows are slices, so that they may be empty, short or negative. Groups begin anew in every block, what fills no group
is dropped, and what is asked for in groups of one, or of more than there is, comes back as it is. Pairs are decimated
as one stream. Markers of lost data are values, the analogue offset is added, and a file without a maximum count is
taken to have counts of as many bits as its converter.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xjls.compat.picostream.blocks import conversion_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.compat.picostream.blocks import Block
    from xjls.formats.picostream.attributes import OffsetSign
    from xjls.formats.picostream.file import File


def quirky_block(file: File, size: int, start: int, factor: int, mode: str, sign: OffsetSign) -> Block:
    """Return ``size`` values from ``start`` on as PicoStream does."""
    from xjls.kernels.decimate import convert, decimate

    first, stop, _ = slice(start, start + max(size, 0)).indices(file.container.declared)
    n = max(stop - first, 0)
    times = _times(start, n, file)
    scale = conversion_of(file, sign).scale_mv * file.settings.max_adc / quirky_max_adc(file)
    meaning = replace(conversion_of(file, sign), scale_mv=scale, paired=False, marked=False)
    if factor <= 1 or n < factor:
        mv = np.empty(n)
        convert(file.counts.pieces(first, first + n), 0, meaning, np.empty(n), mv)
        return times, mv
    whole = n // factor * factor
    mv = np.empty(meaning.outputs(0, whole, factor, mode))
    decimate(file.counts.pieces(first, first + whole), (0, whole), factor, mode, meaning, np.empty(len(mv)), mv)
    return np.repeat(times[:whole:factor], 2 if mode == "min_max" else 1), mv


def quirky_max_adc(file: File) -> int:
    """Return the maximum count that PicoStream takes: where the file has none, that of the converter's own bits."""
    bits = re.search(r"(\d+)BIT", file.settings.resolution)
    if bits is None or "max_adc" in file.container.root or file.container.groups:
        return file.settings.max_adc
    return (1 << (int(bits[1]) - 1)) - 1


def _times(start: int, n: int, file: File) -> NDArray[np.float64]:
    """Return seconds of ``n`` values from ``start`` on: of pairs one too few where ``n`` is odd."""
    each = file.settings.values_per_step
    step = float(1 / file.settings.rate_hz)
    first, count = start / each, n // each
    times = np.linspace(first * step, (first + count - 1) * step, count)
    return times if each == 1 else np.repeat(times, each)
