"""pyjls 0.17's names over xjls: code that was written against it runs with one import changed.

``import xjls.compat.pyjls as pyjls``. Calls, structures and numbers are pyjls's, but for what that does wrong; the
how-to page "Run code that was written for pyjls" has the differences. Sample ids of the API are zero-based, counted
from the signal's first sample; those of files, and of the Writer, are not. Times are JLS times: 2⁻³⁰ s since 2018.

The data flow: `stored` gives the records of a file, `reader` answers from these and from a Recording, with `time_map`
for times, `lookup` for names and `packing` for sub-byte samples; `writer` hands on to the JLS v2 writer; `copying`
takes what is intact from one to the other.
"""

from xjls.compat.pyjls import binding, structs, time64
from xjls.compat.pyjls.copying import copy
from xjls.compat.pyjls.enums import (
    AnnotationType,
    DataType,
    SignalType,
    SummaryFSR,
    data_type_as_enum,
    data_type_as_str,
)
from xjls.compat.pyjls.errors import RefusedError, UnknownError
from xjls.compat.pyjls.reader import Reader
from xjls.compat.pyjls.structs import SignalDef, SourceDef
from xjls.compat.pyjls.time64 import jls_to_utc, utc_to_jls
from xjls.compat.pyjls.time_map import TimeMap
from xjls.compat.pyjls.writer import Writer

__version__ = "0.17.0"
"""Of the pyjls whose names and calls these are, for code that asks; xjls's own is ``xjls.__version__``."""

__all__ = [
    "AnnotationType",
    "DataType",
    "Reader",
    "RefusedError",
    "SignalDef",
    "SignalType",
    "SourceDef",
    "SummaryFSR",
    "TimeMap",
    "UnknownError",
    "Writer",
    "__version__",
    "binding",
    "copy",
    "data_type_as_enum",
    "data_type_as_str",
    "jls_to_utc",
    "structs",
    "time64",
    "utc_to_jls",
]
