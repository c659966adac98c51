"""The sample types by name, what each is in NumPy, and how it is summarised where nothing else is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from xjls.errors import SelectionError

_DTYPES = {
    "u1": "?", "u4": "u1", "i4": "i1", "u8": "u1", "i8": "i1", "u16": "<u2", "i16": "<i2", "u32": "<u4", "i32": "<i4",
    "u64": "<u8", "i64": "<i8", "f32": "<f4", "f64": "<f8",
}  # fmt: skip
SAMPLE_TYPES = tuple(_DTYPES)
"""All of them."""
_WIDE = frozenset({"i32", "u32", "i64", "u64", "f64"})
FINEST = {1: 1024, 4: 1024, 8: 1024, 16: 256, 32: 128, 64: 128}
"""Samples in an entry of level 1, by bits of a sample: the JLS library's defaults."""
STEP = 20
"""Entries of a level in one of the next."""
_LEVELS = 15
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items() if name not in ("u4", "i4")}


def name_of(dtype: np.dtype[Any]) -> str:
    """Return the name of the type that samples of a NumPy type are stored in.

    Raises
    ------
    SelectionError
        No recording holds such samples.

    Examples
    --------
    >>> name_of(np.dtype("?")), name_of(np.dtype(">f4"))
    ('u1', 'f32')
    """
    name = _NAMES.get(dtype.newbyteorder("="))
    if name is None:
        raise SelectionError(f"no recording holds samples of type {dtype}", 'Convert them first: .astype("f4").')
    return name


def dtype_of(name: str) -> np.dtype[Any]:
    """Return what samples of a type are in NumPy: one bit is a bool, four bits are a byte.

    Examples
    --------
    >>> dtype_of("u1"), dtype_of("i4"), dtype_of("f32")
    (dtype('bool'), dtype('int8'), dtype('float32'))
    """
    if name not in _DTYPES:
        raise SelectionError(f"there is no sample type {name!r}", f"Types: {', '.join(_DTYPES)}.")
    return np.dtype(_DTYPES[name])


def bits_of(name: str) -> int:
    """Return the bits of a sample as it is stored.

    Examples
    --------
    >>> bits_of("u4"), bits_of("f64")
    (4, 64)
    """
    return int(name[1:])


def level_dtype_of(name: str) -> np.dtype[Any]:
    """Return what the numbers of an entry are: float64 where float32 could not tell neighbours apart.

    Examples
    --------
    >>> level_dtype_of("i16"), level_dtype_of("i32")
    (dtype('float32'), dtype('float64'))
    """
    return np.dtype("f8" if name in _WIDE else "f4")


def level_factors_of(name: str) -> tuple[int, ...]:
    """Return the samples in an entry of each level, from fine to coarse.

    Examples
    --------
    >>> level_factors_of("f32")[:3], level_factors_of("u1")[:2]
    ((128, 2560, 51200), (1024, 20480))
    """
    return tuple(FINEST[bits_of(name)] * STEP**i for i in range(_LEVELS))
