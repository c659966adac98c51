"""Recordings in memory: written like any other, read while they are written.

- `MemorySink` keeps all that it is given; `xjls.capturing.StreamBuffer` the last seconds only.
- What a reader was told stays as it was: it is told again by a reader of now, which `Recording.refresh` asks for.
- Nothing is rounded: levels are kept as rows that carry their own counts, in float64, and told as entries.
- There is no path by which another process could find one, so that its recordings do not pickle.

The data flow: `sink` says what a call means, `track` keeps the samples of one signal, in `blocks` or in a `ring`, and
what `summary` makes of them; `reader` is what was there at one moment, `places` where it lies.
"""

from xjls.formats.memory.sink import MemorySink

__all__ = ["MemorySink"]
