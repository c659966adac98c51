"""What callers give as samples to what a signal takes: sub-byte types arrive packed, the first sample lowest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xjls.compat.pyjls.errors import RefusedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xjls.formats.jls2.datatypes import DataType

_BYTES = np.dtype("u1")


def as_samples(data: Any, kind: DataType) -> NDArray[Any]:
    """Return one sample an element, in the type that a signal of this kind is written in.

    Arrays must have the signal's type. Bytes of u1, u4 and i4 hold eight or two samples each; arrays of bool for u1,
    and of int8 for i4, can only be one sample an element and are taken as such. Lists take the signal's type.

    Examples
    --------
    >>> from xjls.formats.jls2.datatypes import decode_data_type
    >>> as_samples(np.array([0x21], "u1"), decode_data_type(0x0403)[0])
    array([1, 2], dtype=uint8)
    """
    stored = _BYTES if kind.bits < 8 else kind.dtype
    values = data if hasattr(data, "dtype") else _of_list(data, stored)
    if values.ndim != 1:
        raise RefusedError(f"samples have the shape {values.shape}", "Give them with one dimension: .ravel() makes it.")
    if values.dtype == kind.dtype and (kind.bits >= 8 or kind.dtype != _BYTES):
        return np.asarray(values)
    if values.dtype != stored:
        raise RefusedError(
            f"samples are {values.dtype}, those of a signal of type {kind.name} are {stored}",
            f"Give them as .astype({stored.name!r})" + (", packed." if kind.bits < 8 else "."),
        )
    return _unpacked(values, kind)


def _of_list(data: Any, stored: np.dtype[Any]) -> NDArray[Any]:
    """Return a list as an array; whole numbers only, and in range, where the signal's are."""
    values = np.asarray(data)
    if values.dtype.kind == "b":
        return values
    if values.dtype.kind not in "iuf" or (values.size and values.dtype.kind == "f" and stored.kind != "f"):
        raise RefusedError(f"samples are a list of {values.dtype}, the signal's are {stored}", "Convert them first.")
    try:
        return np.asarray(data, stored)
    except OverflowError:
        raise RefusedError(f"samples do not fit {stored}", "Clip or scale them first.") from None


def _unpacked(values: NDArray[np.uint8], kind: DataType) -> NDArray[Any]:
    if kind.bits == 1:
        return np.unpackbits(values, bitorder="little").view(np.bool_)
    nibbles = np.stack([values & 15, values >> 4], axis=1).ravel()
    return ((nibbles ^ 8).view(np.int8) - np.int8(8)) if kind.signed_nibbles else nibbles
