"""The numbers that pyjls's callers name, and the names that they may use instead."""

from __future__ import annotations

from typing import SupportsIndex

from xjls.compat.pyjls.errors import UnknownError
from xjls.formats.jls2.datatypes import decode_data_type, encode_data_type


class DataType:
    """Types of samples: plain integers, as pyjls has them."""

    U1 = encode_data_type("u1")
    U4 = encode_data_type("u4")
    U8 = encode_data_type("u8")
    U16 = encode_data_type("u16")
    U32 = encode_data_type("u32")
    U64 = encode_data_type("u64")
    I4 = encode_data_type("i4")
    I8 = encode_data_type("i8")
    I16 = encode_data_type("i16")
    I32 = encode_data_type("i32")
    I64 = encode_data_type("i64")
    F32 = encode_data_type("f32")
    F64 = encode_data_type("f64")


class SignalType:
    """Kinds of signals."""

    FSR = 0
    """Samples at a fixed rate."""
    VSR = 1
    """Annotations only, by time."""


class AnnotationType:
    """Kinds of annotations."""

    USER = 0
    TEXT = 1
    VMARKER = 2
    HMARKER = 3


class SummaryFSR:
    """Columns of what `Reader.fsr_statistics` returns."""

    MEAN = 0
    STD = 1
    MIN = 2
    MAX = 3
    COUNT = 4
    """How many columns there are."""


_ANNOTATIONS = {
    "user": AnnotationType.USER, "usr": AnnotationType.USER,
    "text": AnnotationType.TEXT, "txt": AnnotationType.TEXT, "str": AnnotationType.TEXT, "string": AnnotationType.TEXT,
    "vmarker": AnnotationType.VMARKER, "vertical_marker": AnnotationType.VMARKER, "marker": AnnotationType.VMARKER,
    "hmarker": AnnotationType.HMARKER, "horizontal_marker": AnnotationType.HMARKER,
}  # fmt: skip
_DATA_TYPES: dict[str, int] = {
    name.lower(): value for name, value in vars(DataType).items() if not name.startswith("_")
}


def data_type_as_enum(data_type: object) -> int:
    """Return the number of a sample type, given by number or name.

    Examples
    --------
    >>> data_type_as_enum("f32") == data_type_as_enum(DataType.F32) == DataType.F32
    True
    """
    if isinstance(data_type, str):
        if data_type in _DATA_TYPES:
            return _DATA_TYPES[data_type]
    elif isinstance(data_type, SupportsIndex) and decode_data_type(int(data_type))[0] is not None:
        return int(data_type)
    raise UnknownError(f"no samples are of type {data_type!r}", f"Types: {', '.join(_DATA_TYPES)}.")


def data_type_as_str(data_type: object) -> str:
    """Return the name of a sample type, given by number or name; the binary point of a number does not count.

    Examples
    --------
    >>> data_type_as_str(DataType.U4), data_type_as_str("i16")
    ('u4', 'i16')
    """
    return decode_data_type(data_type_as_enum(data_type))[1]


def annotation_type_as_enum(annotation_type: object) -> int:
    """Return the number of a kind of annotation, given by number or one of its names.

    Examples
    --------
    >>> annotation_type_as_enum("marker"), annotation_type_as_enum(AnnotationType.TEXT)
    (2, 1)
    """
    if isinstance(annotation_type, str):
        if annotation_type in _ANNOTATIONS:
            return _ANNOTATIONS[annotation_type]
    elif isinstance(annotation_type, SupportsIndex) and int(annotation_type) in _ANNOTATIONS.values():
        return int(annotation_type)
    raise UnknownError(f"no annotation is of type {annotation_type!r}", f"Types: {', '.join(_ANNOTATIONS)}.")
