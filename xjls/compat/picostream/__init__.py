"""PicoStream 0.2's `PicoStreamReader` over xjls: scripts that were written for it run with one import changed.

``from xjls.compat.picostream import PicoStreamReader``. Names, arguments and units are PicoStream's; where that loses
samples or says something else than was measured, this says what is right, unless ``strict=True`` asks for the very
numbers. The how-to page "Run scripts that were written for PicoStreamReader" has the differences.

The data flow: `file` gives counts, and what they mean; `blocks` makes voltages of a window of them, `quirks` as
PicoStream does; `reader` is the class, which says which window.
"""

from xjls.compat.errors import RefusedError
from xjls.compat.picostream.reader import PicoStreamReader

__all__ = ["PicoStreamReader", "RefusedError"]
