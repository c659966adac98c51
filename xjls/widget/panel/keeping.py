"""The last picture and numbers, kept in the widget's state: a notebook that is opened without a kernel has them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xjls.widget.panel.canvas import Canvas
    from xjls.widget.panel.messages import Messages

EVERY_S = 5.0
"""Between two of them: each goes to the browser, which has seen it all already."""


class Keeping:
    """Renew what is kept, now and then; for one thread at a time.

    Parameters
    ----------
    canvas
        Whose state it is.
    elapsed_s
        A clock.
    """

    def __init__(self, canvas: Canvas, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._canvas = canvas
        self._elapsed_s = elapsed_s
        self._due_s = elapsed_s()

    def renew(self, messages: Messages, skipped: int, *, anyway: bool = False) -> bool:
        """Keep how it is now, if that was a while ago; return whether it did."""
        if not anyway and self._elapsed_s() < self._due_s:
            return False
        told = messages.kept(skipped)
        if not told:  # of what has no sample the picture before is worth more
            return False
        self._canvas.last = told
        self._due_s = self._elapsed_s() + EVERY_S
        return True
