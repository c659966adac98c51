"""The last seconds of a capture, in memory: `StreamBuffer`, which a session feeds and anybody may ask.

The data flow: `stream` is the class, which keeps samples and levels in rings (`xjls.formats.memory`); `decimate` and
`filters` make fewer samples of many before that. `statistics` turns rows into what is told, under the names of
`fields`; `updates` are those who are told as time goes on.
"""

from xjls.capturing.buffer.fields import STATS_FIELD_COUNT, STATS_FIELD_NAMES
from xjls.capturing.buffer.statistics import STATS_DTYPE, stats_to_api
from xjls.capturing.buffer.stream import StreamBuffer

__all__ = ["STATS_DTYPE", "STATS_FIELD_COUNT", "STATS_FIELD_NAMES", "StreamBuffer", "stats_to_api"]
