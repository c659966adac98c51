"""PicoStream 0.2's `PicoStreamReader` over xjls: scripts that were written for it run with one import changed.

``from xjls.compat.picostream import PicoStreamReader``. Names, arguments and units are PicoStream's; where that loses
samples or says something else than was measured, this says what is right, unless ``strict=True`` asks for the very
numbers. The how-to page "Run scripts that were written for PicoStreamReader" has the differences.

The data flow: `reader` is the class, which opens the file and says which window of it; `blocks` makes voltages of that,
`quirks` as PicoStream does.
"""

from xjls.compat.errors import RefusedError
from xjls.compat.picostream.reader import PicoStreamReader

__all__ = ["PicoStreamReader", "RefusedError"]
