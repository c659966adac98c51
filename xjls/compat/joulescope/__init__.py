"""Joulescope's stream buffers over xjls: scripts that were written for them run with one import changed.

``from xjls.compat.joulescope import StreamBuffer``. Names, arguments, types and units are those of pyjoulescope 1.5.0;
where that loses samples, or says something else than was measured, this says what is right. The how-to page about the
buffer of a stream has the differences.

The data flow: `packets` takes what comes over USB, `js110` converts it and fills rings, which `v0` asks under the older
names; `v1` takes messages of the newer driver. `ring` has the questions of both, `statistics` what is told.
`reader` asks a file: `reading` has its samples, `spans` its statistics.
"""

from xjls.capturing.buffer import STATS_DTYPE, STATS_FIELD_COUNT, STATS_FIELD_NAMES
from xjls.capturing.buffer.fields import I_RANGE_MISSING
from xjls.compat.errors import RefusedError
from xjls.compat.joulescope import v1
from xjls.compat.joulescope.reader import DataReader
from xjls.compat.joulescope.recorder import DataRecorder
from xjls.compat.joulescope.statistics import (
    RunningStatistics,
    Statistics,
    single_stat_to_api,
    stats_array_factory,
    stats_compute,
    stats_factory,
    stats_invalidate,
    stats_to_api,
)
from xjls.compat.joulescope.v0 import DownsamplingStreamBuffer, StreamBuffer

__all__ = [
    "I_RANGE_MISSING",
    "STATS_DTYPE",
    "STATS_FIELD_COUNT",
    "STATS_FIELD_NAMES",
    "DataReader",
    "DataRecorder",
    "DownsamplingStreamBuffer",
    "RefusedError",
    "RunningStatistics",
    "Statistics",
    "StreamBuffer",
    "single_stat_to_api",
    "stats_array_factory",
    "stats_compute",
    "stats_factory",
    "stats_invalidate",
    "stats_to_api",
    "v1",
]
