"""Where pyjls has its classes: the same names, for code that imports them from here, and its door to the log."""

from __future__ import annotations

import logging

from xjls.compat.pyjls.copying import copy
from xjls.compat.pyjls.enums import (
    AnnotationType,
    DataType,
    SignalType,
    SummaryFSR,
    data_type_as_enum,
    data_type_as_str,
)
from xjls.compat.pyjls.errors import UnknownError
from xjls.compat.pyjls.reader import Reader
from xjls.compat.pyjls.structs import SignalDef, SourceDef
from xjls.compat.pyjls.time64 import jls_to_utc, utc_to_jls
from xjls.compat.pyjls.time_map import TimeMap
from xjls.compat.pyjls.writer import Writer

__all__ = [
    "AnnotationType",
    "DataType",
    "Reader",
    "SignalDef",
    "SignalType",
    "SourceDef",
    "SummaryFSR",
    "TimeMap",
    "Writer",
    "copy",
    "data_type_as_enum",
    "data_type_as_str",
    "jls_inject_log",
    "jls_to_utc",
    "utc_to_jls",
]

_LEVELS = {
    "!": logging.CRITICAL, "A": logging.CRITICAL, "C": logging.CRITICAL, "E": logging.ERROR, "W": logging.WARNING,
    "N": logging.INFO, "I": logging.INFO, "D": logging.DEBUG,
}  # fmt: skip


def jls_inject_log(level: str, filename: str, line: int, msg: str) -> None:
    """Hand a record to the logger ``pyjls.c``, as pyjls's C library would; xjls itself never does.

    Examples
    --------
    >>> jls_inject_log("D", "sample.c", 10, "hello")
    """
    if level not in _LEVELS:
        raise UnknownError(f"no level is called {level!r}", f"Levels: {', '.join(_LEVELS)}.")
    logger = logging.getLogger("pyjls.c")
    logger.handle(logger.makeRecord(logger.name, _LEVELS[level], filename, line, msg, (), None))
