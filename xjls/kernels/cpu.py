"""Which of the CRC-32C variants this processor runs, decided once.

The variants are compiled on first use, so LLVM is never asked for an instruction that the processor lacks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from llvmlite import binding
from numba import config

__all__ = ["CRC_VARIABLE", "CrcVariant", "crc_variant", "supported_variants"]

CRC_VARIABLE = "XJLS_CRC"
"""Environment variable that names a slower variant, for tests and for comparisons."""


class CrcVariant(StrEnum):
    """A way to compute CRC-32C, the fastest first."""

    FOLD512 = "fold512"
    """Carry-less products of 512-bit registers (VPCLMULQDQ and AVX-512)."""
    CRC32Q = "crc32q"
    """The crc32 instruction (SSE 4.2)."""
    PORTABLE = "portable"
    """Table look-ups (slicing-by-8)."""


_NEEDS = {
    CrcVariant.FOLD512: ("vpclmulqdq", "avx512f", "sse4.2"),
    CrcVariant.CRC32Q: ("sse4.2",),
    CrcVariant.PORTABLE: (),
}


def supported_variants(features: Mapping[str, bool]) -> tuple[CrcVariant, ...]:
    """Variants that a processor with these LLVM features runs, the fastest first.

    Examples
    --------
    >>> [str(variant) for variant in supported_variants({"sse4.2": True, "avx512f": True})]
    ['crc32q', 'portable']
    """
    return tuple(variant for variant, needs in _NEEDS.items() if all(features.get(need, False) for need in needs))


@cache
def crc_variant() -> CrcVariant:
    """Return the fastest variant, or the one that the environment variable ``XJLS_CRC`` names.

    Raises
    ------
    ValueError
        The variable names a variant that this processor does not run.
    """
    supported = supported_variants(_target_features())
    wanted = os.environ.get(CRC_VARIABLE, "")
    if not wanted:
        return supported[0]
    if wanted not in supported:
        raise ValueError(f"{CRC_VARIABLE}={wanted}: this processor runs {', '.join(supported)}")
    return CrcVariant(wanted)


def _target_features() -> dict[str, bool]:
    """LLVM features that numba compiles for: the host's, unless numba's own variables say otherwise."""
    settings: Any = config  # numba sets its attributes from the environment
    if settings.CPU_FEATURES is not None:
        flags = [flag for flag in settings.CPU_FEATURES.split(",") if flag]
        return {flag[1:]: flag.startswith("+") for flag in flags}
    try:
        features = dict(binding.get_host_cpu_features())
    except RuntimeError:  # LLVM cannot tell the features of this processor
        return {}
    if not settings.ENABLE_AVX:
        features = {name: has and not name.startswith("avx") for name, has in features.items()}
    return features
